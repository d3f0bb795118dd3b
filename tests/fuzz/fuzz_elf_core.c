/* ELF cores, from the header to the snapshot. */
#include "tests/fuzz/fuzz.h"

extern const struct input input_elf_core;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input(&input_elf_core, data, size);
    return 0;
}
