#!/bin/bash
# Are the walls of tools/walls.txt where they seem to be? Plants every kind of violation in a copy of the tree, each in
# files of its own, and wants each of them told by `make walls`; a tree without them is to be clean.
# usage: BUILD=build planted.sh   (compiled; the objects are copied along). Prints in CMocka's words. JUDGE=script: who is
# asked in the place of `make walls`, to compare.
set -u
build=${BUILD:-build}
cd "$(dirname "$0")/../.." || exit 1
copy=$(mktemp -d) || exit 1
trap 'rm -rf "$copy"' EXIT
cp -a Makefile VERSION CHANGELOG.md tools snapshot diff history cmd "$copy"
mkdir -p "$copy/build/tests"
cp -a "$build"/{snapshot,diff,history,cmd} "$copy/build/"
unset MAKEFLAGS MFLAGS
names=() expected=()

# file PATH: what stands on standard input is added to it
file() {
    mkdir -p "$copy/$(dirname "$1")"
    cat >>"$copy/$1"
}
# plant NAME_OF_THE_KIND FILE EXPECTED: the same, and it is to be told in a line that begins with the file.
plant() {
    names+=("$1")
    expected+=("${2#snapshot/}:.*$3")
    file "$2"
}
judge() { make -k -j2 -C "$copy" -s --no-print-directory BUILD=build walls; }

ask() {
    if [ -n "${JUDGE:-}" ]; then (cd "$copy" && "$JUDGE"); else judge; fi
}

# -- What is planted uses: a public function in every room ----------------------------------------------------
for room in snapshot/base snapshot/model snapshot/heap snapshot/memory snapshot/memory/elf snapshot/dotnet snapshot/java \
    snapshot/input/dump snapshot/input/log diff/series diff/rules diff/report diff/gate history cmd; do
    name=weed_$(basename "$room")
    file "$room/$name.h" <<EOF
int $name(int x);
EOF
    file "$room/$name.c" <<EOF
#include "${room#snapshot/}/$name.h"
int $name(int x) { return x + 1; }
EOF
done
# user NAME WHERE ROOM: a file in WHERE that uses the function of ROOM as one does
user() { # KIND FILE ROOM EXPECTED
    local used
    used=weed_$(basename "$3")
    plant "$1" "$2" "$4" <<EOF
#include "${3#snapshot/}/$used.h"
int $(basename "$2" .c)(int x);
int $(basename "$2" .c)(int x) { return $used(x); }
EOF
}

# -- Includes ---------------------------------------------------------------------------------------------------
plant upward_include_by_quotes snapshot/model/weed_quotes.c 'model may not use diff/series' <<'EOF'
#include "diff/series/series.h"
EOF
plant upward_include_by_angle_brackets snapshot/model/weed_angle.c 'model may not use diff/series' <<'EOF'
#include <diff/series/series.h>
EOF
plant upward_include_by_relative_path snapshot/model/weed_relative.c 'model may not use diff/series' <<'EOF'
#include "../../diff/series/series.h"
EOF
plant upward_include_by_a_macro snapshot/model/weed_macro.c 'model may not use diff/series' <<'EOF'
#define WEED "diff/series/series.h"
#include WEED
EOF
plant upward_include_by_the_command_line snapshot/model/weed_command.c 'model may not use diff/series' <<'EOF'
extern const int weed_command;
EOF
file Makefile <<'EOF'
$(BUILD)/snapshot/model/weed_command.o: ALL_CFLAGS += -include diff/series/series.h
EOF
file snapshot/model/weed_between.h <<'EOF'
#include "diff/series/series.h"
EOF
plant upward_include_through_a_header snapshot/model/weed_through.c 'model may not use diff/series' <<'EOF'
#include "model/weed_between.h"
EOF
plant include_of_a_c_file snapshot/model/weed_whole.c 'includes base/weed_part.c' <<'EOF'
#include "base/weed_part.c"
EOF
file snapshot/base/weed_part.c <<'EOF'
extern const int weed_part;
EOF
plant internals_of_a_room_from_outside cmd/weed_inside.c 'history/postgres/postgres_internal.h: for the files of its folder' <<'EOF'
#include "history/postgres/postgres_internal.h"
EOF
plant header_that_a_room_keeps_to_itself snapshot/dotnet/weed_back_door.c 'unwind.h: others use memory/stacks by memory/stacks/native_stacks.h' <<'EOF'
#include "memory/stacks/unwind.h"
EOF
file snapshot/memory/elf/elf.h <<'EOF'
#include "memory/elf/weed_elf.h"
EOF
plant header_that_the_one_of_a_room_lets_through snapshot/dotnet/weed_window.c 'weed_elf.h: others use memory/elf by memory/elf/elf.h' <<'EOF'
#include "memory/elf/elf.h"
EOF
plant header_of_a_room_of_which_one_sees_little diff/gate/weed_glimpse.c 'includes diff/rules/hints.h: of diff/rules it sees no more' <<'EOF'
#include "diff/rules/hints.h"
EOF
plant include_of_tests diff/series/weed_tests.c 'no room' <<'EOF'
#include "tests/weed.h"
EOF
file tests/weed.h <<'EOF'
extern const int weed_of_tests;
EOF
plant folder_that_the_table_does_not_know snapshot/weed/weed_folder.c 'no room' <<'EOF'
#include "model/snapshot.h"
EOF

# -- Symbols without an include -----------------------------------------------------------------------------------
plant upward_call_by_a_private_prototype snapshot/model/weed_upward.c 'uses weed_series' <<'EOF'
int weed_series(int x);
int weed_upward(int x);
int weed_upward(int x) { return weed_series(x); }
EOF
plant private_prototype_within_a_room snapshot/base/weed_private.c 'by a prototype of its own' <<'EOF'
int weed_private(int x);
int weed_private(int x) {
    extern int weed_base(int);
    return weed_base(x);
}
EOF
plant upward_call_under_another_name snapshot/model/weed_label.c 'uses weed_rules' <<'EOF'
int weed_innocent(int x) __asm__("weed_rules");
int weed_label(int x);
int weed_label(int x) { return weed_innocent(x); }
EOF
plant upward_call_by_address snapshot/base/weed_address.c 'uses weed_model' <<'EOF'
int weed_model(int x);
extern int (*const weed_address)(int);
int (*const weed_address)(int) = weed_model;
EOF

# -- Directions between rooms ---------------------------------------------------------------------------------------
user base_uses_model snapshot/base/weed_b2m.c snapshot/model 'base may not use model'
user base_uses_memory snapshot/base/weed_b2y.c snapshot/memory 'base may not use memory'
user model_uses_heap snapshot/model/weed_m2h.c snapshot/heap 'model may not use heap'
user heap_uses_a_runtime snapshot/heap/weed_h2d.c snapshot/dotnet 'heap may not use dotnet'
user heap_uses_memory snapshot/heap/weed_h2m.c snapshot/memory 'heap may not use memory'
user memory_uses_a_runtime snapshot/memory/weed_y2d.c snapshot/dotnet 'memory may not use dotnet'
user unpack_uses_elf snapshot/memory/unpack/weed_u2e.c snapshot/memory/elf 'memory/unpack may not use memory/elf'
user one_runtime_uses_another snapshot/java/weed_j2d.c snapshot/dotnet 'java may not use dotnet'
user runtime_uses_input snapshot/dotnet/weed_d2i.c snapshot/input/log 'dotnet may not use input/log'
user one_family_of_formats_uses_another snapshot/input/profile/weed_p2d.c snapshot/input/dump 'input/profile may not use input/dump'
user input_uses_diff snapshot/input/log/weed_i2d.c diff/series 'input/log may not use diff/series'
user diff_uses_input diff/rules/weed_r2i.c snapshot/input/log 'diff/rules may not use input/log'
user diff_uses_memory diff/series/weed_s2m.c snapshot/memory 'diff/series may not use memory'
user diff_uses_heap diff/report/weed_p2h.c snapshot/heap 'diff/report may not use heap'
user series_uses_rules diff/series/weed_s2r.c diff/rules 'diff/series may not use diff/rules'
user rules_use_report diff/rules/weed_r2p.c diff/report 'diff/rules may not use diff/report'
user report_uses_gate diff/report/weed_p2g.c diff/gate 'diff/report may not use diff/gate'
user diff_uses_history diff/gate/weed_g2h.c history 'diff/gate may not use history'
user history_uses_report history/weed_h2p.c diff/report 'history may not use diff/report'
user something_uses_cmd diff/report/weed_p2c.c cmd 'diff/report may not use cmd'

# -- Formats and tables ------------------------------------------------------------------------------------------------
file snapshot/input/profile/weedone.h <<'EOF'
int weedone_help(int x);
EOF
file snapshot/input/profile/weedone.c <<'EOF'
#include "input/profile/weedone.h"
#include "input/input.h"
extern const struct input input_weedone;
const struct input input_weedone = {.name = "weed"};
int weedone_help(int x) { return x; }
EOF
file snapshot/input/profile/weedone_part.h <<'EOF'
int weedone_part(int x);
EOF
file snapshot/input/profile/weedone_part.c <<'EOF'
#include "input/profile/weedone_part.h"
int weedone_part(int x) { return x; }
EOF
plant format_uses_a_function_of_another snapshot/input/profile/weed_f2f.c 'the file of an entry' <<'EOF'
#include "input/profile/weedone.h"
extern int weed_f2f(int x);
int weed_f2f(int x) { return weedone_help(x); }
EOF
plant format_uses_a_part_of_another snapshot/input/profile/weed_f2p.c 'uses weedone_part of .*a part of weedone' <<'EOF'
#include "input/profile/weedone_part.h"
extern int weed_f2p(int x);
int weed_f2p(int x) { return weedone_part(x); }
EOF
plant format_sees_types_of_another snapshot/input/profile/weed_f2t.c 'includes the header of .*a part of weedone' <<'EOF'
#include "input/profile/weedone_part.h"
EOF
file snapshot/input/log/sos/weedtwo.h <<'EOF'
int weedtwo_help(int x);
EOF
file snapshot/input/log/sos/weedtwo.c <<'EOF'
#include "input/log/sos/weedtwo.h"
#include "input/log/transcript.h"
extern const struct section section_weedtwo;
const struct section section_weedtwo = {.name = "weed"};
int weedtwo_help(int x) { return x; }
EOF
plant section_uses_a_function_of_another snapshot/input/log/sos/weed_s2s.c 'the file of an entry' <<'EOF'
#include "input/log/sos/weedtwo.h"
extern int weed_s2s(int x);
int weed_s2s(int x) { return weedtwo_help(x); }
EOF
plant entry_that_no_table_lists diff/rules/weed_rule.c 'stands in no table' <<'EOF'
#include "diff/rules/rule.h"
extern const struct rule rule_weed;
const struct rule rule_weed = {.id = "weed"};
EOF
plant entry_used_past_its_table cmd/weed_entry.c 'uses the entry rule_weed' <<'EOF'
#include "diff/rules/rule.h"
extern const struct rule rule_weed;
extern const struct rule *const weed_entry;
const struct rule *const weed_entry = &rule_weed;
EOF

# -- Libraries -----------------------------------------------------------------------------------------------------------
# calls KIND FILE EXPECTED INCLUDE STATEMENT
calls() {
    plant "$1" "$2" "$3" <<EOF
#include <$4>
int $(basename "$2" .c)(void);
int $(basename "$2" .c)(void) {
    $5
}
EOF
}
calls sqlite_outside_history diff/series/weed_sqlite.c 'sqlite3_errcode' sqlite3.h 'return sqlite3_errcode(NULL);'
calls cjson_outside_its_files snapshot/model/weed_cjson.c 'cJSON_GetArraySize' cJSON.h 'return cJSON_GetArraySize(NULL);'
calls libarchive_outside_unpack snapshot/input/dump/weed_archive.c 'archive_version_number' archive.h 'return archive_version_number();'
calls libdw_outside_stacks snapshot/dotnet/weed_dw.c 'dwfl_errno' elfutils/libdwfl.h 'return dwfl_errno();'
calls libelf_outside_stacks snapshot/memory/elf/weed_libelf.c 'elf_errno' libelf.h 'return elf_errno();'
calls types_of_a_library_elsewhere snapshot/base/weed_types.c '<sqlite3.h>' sqlite3.h 'return (int)sizeof(sqlite3_int64);'
calls zlib_elsewhere history/weed_zlib.c 'inflateReset' zlib.h 'return inflateReset(NULL);'
calls library_loaded_elsewhere diff/report/weed_load.c 'dlsym' dlfcn.h 'return dlsym(NULL, "weed_gate") != NULL;'
calls threads_elsewhere diff/gate/weed_threads.c 'pthread_join' pthread.h 'return pthread_join(pthread_self(), NULL);'

# -- The system ------------------------------------------------------------------------------------------------------------
calls printing_below_cmd diff/report/weed_print.c 'uses puts' stdio.h 'return puts("weed");'
calls message_on_stderr_below_cmd snapshot/base/weed_stderr.c 'uses stderr' stdio.h 'return fprintf(stderr, "weed %d", 1);'
calls exit_below_cmd history/weed_exit.c 'uses exit' stdlib.h 'exit(1);'
calls assert_below_cmd snapshot/memory/weed_assert.c 'uses __assert_fail' assert.h 'extern const int weed_memory_size; assert(weed_memory_size > 1); return 0;'
calls environment_below_cmd diff/rules/weed_env.c 'uses getenv' stdlib.h 'return getenv("WEED") != NULL;'
calls clock_below_cmd diff/series/weed_clock.c 'uses time' time.h 'return (int)time(NULL);'
calls file_opened_elsewhere snapshot/dotnet/weed_open.c 'uses open' fcntl.h 'return open("weed", 0);'
calls stream_opened_anywhere cmd/weed_fopen.c 'uses fopen' stdio.h 'return fopen("weed", "r") != NULL;'
calls shell_anywhere cmd/weed_shell.c 'uses system' stdlib.h 'return system("weed");'
calls process_started_elsewhere snapshot/memory/live/weed_fork.c 'uses vfork' unistd.h 'return vfork();'

# -- What a file shows, and what it keeps ---------------------------------------------------------------------------------------
plant public_function_without_a_header diff/series/weed_public.c 'weed_public is public' <<'EOF'
int weed_public(int x);
int weed_public(int x) { return x; }
EOF
plant public_function_whose_header_its_file_does_not_include diff/report/weed_declared.c 'weed_declared is public' <<'EOF'
int weed_declared(long x);
int weed_declared(long x) { return x > 0; }
EOF
file diff/report/weed_declared.h <<'EOF'
int weed_declared(int x);
EOF
plant public_constant_without_a_header diff/gate/weed_constant.c 'weed_table is public' <<'EOF'
extern const int weed_table[2];
const int weed_table[2] = {1, 2};
EOF
plant data_that_changes diff/rules/weed_global.c 'weed_count can change' <<'EOF'
extern int weed_count;
int weed_count = 1;
EOF
plant data_that_changes_within_a_function snapshot/model/weed_static.c 'calls can change' <<'EOF'
int weed_static(void);
int weed_static(void) {
    static int calls;
    return ++calls;
}
EOF
plant data_that_changes_a_thread diff/series/weed_thread.c 'mine can change' <<'EOF'
int weed_thread(void);
int weed_thread(void) {
    static _Thread_local int mine;
    return ++mine;
}
EOF
file diff/report/weed_hidden.h <<'EOF'
static inline int weed_in_header(void) {
    static int hidden;
    return ++hidden;
}
EOF
plant data_that_changes_in_a_header diff/report/weed_header.c 'hidden can change' <<'EOF'
#include "diff/report/weed_hidden.h"
extern int weed_header(void);
int weed_header(void) { return weed_in_header(); }
EOF
plant weak_function history/weed_weak.c 'weed_weak is weak' <<'EOF'
__attribute__((weak)) int weed_weak(int x);
int weed_weak(int x) { return x; }
EOF
plant call_before_main diff/gate/weed_before.c 'runs before main' <<'EOF'
__attribute__((constructor)) static void weed_before(void) { __asm__ volatile(""); }
EOF
plant one_name_defined_twice snapshot/java/weed_twice.c 'weed_label is also in|^model/weed_label.c: weed_label is also in' <<'EOF'
int weed_label(int x);
int weed_label(int x) { return x; }
EOF

# -- Dead code --------------------------------------------------------------------------------------------------------------------
file snapshot/base/weed_ring.h <<'EOF'
int weed_ring(int x);
int weed_other_half(int x);
EOF
plant public_function_that_only_its_own_file_uses snapshot/base/weed_own.c 'weed_own is public, but no other file' <<'EOF'
int weed_own(int x);
int weed_own(int x) { return x; }
EOF
# Each is used by another file; only the linker sees that nothing leads there.
for half in ring:other_half other_half:ring; do
    file "snapshot/base/weed_${half%:*}.c" <<EOF
#include "base/weed_ring.h"
int weed_${half%:*}(int x) { return x ? weed_${half#*:}(x - 1) : 0; }
EOF
done

# -- Judgement ---------------------------------------------------------------------------------------------------------------------
failed=0
told() { # NAME TEST...
    echo "[ RUN      ] $1"
    if "${@:2}"; then
        echo "[       OK ] $1"
    else
        failed=$((failed + 1))
        echo "[  FAILED  ] $1"
    fi
}
tests=$((${#names[@]} + 2))
echo "[==========] Running $tests test(s)."
# Without what was planted: the tree itself.
told tree_is_clean make -s --no-print-directory BUILD="$build" walls dead
ask >"$copy/told" 2>&1
if [ ! -s "$copy/told" ] || grep -q 'error:' "$copy/told"; then
    echo "what was planted could not be judged:"
    cat "$copy/told"
    exit 1
fi
for i in "${!names[@]}"; do
    # Another judge has words of its own: the file is enough.
    [ -z "${JUDGE:-}" ] || expected[i]=${expected[i]%%:*}:
    told "${names[$i]}" grep -qE "^(snapshot/)?${expected[$i]}" "$copy/told"
done
# Much of what was planted does not link: the program as it is, and the ring.
objects() { find "$@" -name '*.c' -not -path '*/windows/*' | sed 's|^|build/|; s|\.c$|.o|' | tr '\n' ' '; }
make -C "$copy" -s --no-print-directory BUILD=build CMD_OBJ="$(objects cmd)" \
    LIB_OBJ="$(objects snapshot diff history) build/snapshot/base/weed_ring.o build/snapshot/base/weed_other_half.o" \
    dead >"$copy/dead" 2>&1
told dead_functions_that_call_each_other grep -q 'no path of the program reaches weed_other_half' "$copy/dead"
cat "$copy/dead" >>"$copy/told"
echo "[==========] $tests test(s) run."
echo "[  PASSED  ] $((tests - failed)) test(s)."
[ $failed -eq 0 ] || { echo "told of what was planted:"; cat "$copy/told"; exit 1; }
