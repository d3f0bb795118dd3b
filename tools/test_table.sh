#!/bin/sh
# Prints the C source that makes one program of many: it runs the one by whose name (a link to it) it was called.
# Linking each test with the whole library took longer than running it.
# usage: test_table.sh main NAME...      test programs, whose main was compiled as main_of_NAME
#        test_table.sh replay NAME...    fuzz targets, compiled as target_of_NAME, for replay_main.c
set -eu
what=$1
shift
printf '#include <stdio.h>\n#include <string.h>\n#include <errno.h>\n\n'
case $what in
main)
    printf 'int main_of_%s(void);\n' "$@"
    printf '\nint main(void) {\n    const char *name = program_invocation_short_name;\n'
    printf '    if (strcmp(name, "%s") == 0)\n        return main_of_%s();\n' $(for name; do echo "$name" "$name"; done)
    printf '    fprintf(stderr, "%%s: there is no such test\\n", name);\n    return 2;\n}\n'
    ;;
replay)
    printf '#include <stdint.h>\n\nint LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);\n'
    printf 'int target_of_%s(const uint8_t *data, size_t size);\n' "$@"
    printf '\nint LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {\n'
    printf '    const char *name = program_invocation_short_name;\n'
    printf '    if (strcmp(name, "%s") == 0)\n        return target_of_%s(data, size);\n' $(for name; do echo "$name" "$name"; done)
    printf '    fprintf(stderr, "%%s: there is no such target\\n", name);\n    return 2;\n}\n'
    ;;
esac
