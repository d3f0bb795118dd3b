/* Evidence of having run: what of registers and stacks two dumps are compared by. */
#include "memory/evidence.h"
#include "memory/elf/elf.h"
#include "model/rows_threads.h"
#include "tests/support/mk_elf_core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct evidence_moving nothing_moves;

static void evidence(const char *spec, const struct evidence_moving *moving,
                     struct thread_row *row) {
    struct bytes file = mk_elf_core(spec);
    struct space space;
    uint64_t cut;
    struct err err;
    assert_true(elf_core_open(&space, file, &cut, &err));
    memset(row, 0xff, sizeof(*row)); /* all ABSENT */
    evidence_fill(&space, &space.threads[0], moving, row);
    space_deinit(&space);
    free((void *)(uintptr_t)file.data);
}

#define STACK(orig, below, above) \
    "thread id=1 ip=5 sp=0x30000 orig=" orig "\nsegment at=0x10000 size=0x1f000 fill=3\n" \
    "segment at=0x2f000 size=0xf80 fill=" below "\n" \
    "segment at=0x2ff80 size=0x80 fill=4\nsegment at=0x30000 hex=\"" above "\"\n"

static void evidence_tells_who_ran(void **state) {
    (void)state;
    static const char quiet[] =
        STACK("202", "3", "00 00 00 00 00 00 07 00 01 00 00 00 00 00 00 00");
    struct thread_row a, b;
    evidence(quiet, &nothing_moves, &a);
    assert_int_equal(a.user_mode, 0);
    assert_int_equal(a.syscall, 202);
    assert_int_equal(a.stack_bytes, 0x90);
    assert_true(a.registers_hash != ABSENT && a.live_stack_hash != ABSENT);
    assert_true(a.dead_stack_hash != ABSENT);

    /* A stop turned the wait into its restart. */
    evidence(STACK("219", "3", "00 00 00 00 00 00 07 00 01 00 00 00 00 00 00 00"), &nothing_moves,
             &b);
    assert_true(a.registers_hash == b.registers_hash);
    assert_true(a.live_stack_hash == b.live_stack_hash);
    assert_true(a.dead_stack_hash == b.dead_stack_hash);

    /* In user mode. */
    evidence(STACK("0xffffffffffffffff", "3", "00 00 00 00 00 00 07 00 01 00 00 00 00 00 00 00"),
             &nothing_moves, &b);
    assert_int_equal(b.user_mode, 1);
    assert_true(a.registers_hash != b.registers_hash);

    /* It went down the stack and came back. */
    evidence(STACK("202", "8", "00 00 00 00 00 00 07 00 01 00 00 00 00 00 00 00"), &nothing_moves,
             &b);
    assert_true(a.live_stack_hash == b.live_stack_hash);
    assert_true(a.dead_stack_hash != b.dead_stack_hash);

    /* It did something else. */
    evidence(STACK("202", "3", "00 00 00 00 00 00 07 00 02 00 00 00 00 00 00 00"), &nothing_moves,
             &b);
    assert_true(a.live_stack_hash != b.live_stack_hash);
}

static void evidence_leaves_moved_references_out(void **state) {
    (void)state;
    static const struct space_stretch heaps[] = {{0x1000, 0x2000},
                                                 {0x7000000000000, 0x7000000009000}};
    static const struct evidence_moving moving = {.heaps = heaps, .heap_count = 2};
    struct thread_row a, b;
    evidence(STACK("202", "3", "00 10 00 00 00 00 07 00 01 00 00 00 00 00 00 00"), &moving, &a);
    evidence(STACK("202", "3", "00 20 00 00 00 00 07 00 01 00 00 00 00 00 00 00"), &moving, &b);
    assert_true(a.live_stack_hash == b.live_stack_hash);
    evidence(STACK("202", "3", "00 90 00 00 00 00 07 00 01 00 00 00 00 00 00 00"), &moving, &b);
    assert_true(a.live_stack_hash != b.live_stack_hash);
}

static void evidence_leaves_out_what_others_write(void **state) {
    (void)state;
    static const struct space_stretch shared[] = {{0x2ffc0, 0x2ffc8}, {0x30000, 0x30008}};
    static const struct evidence_moving moving = {.shared = shared, .shared_count = 2};
    struct thread_row a, b;
    evidence(STACK("202", "3", "00 10 00 00 00 00 00 00 01 00 00 00 00 00 00 00"), &moving, &a);
    evidence(STACK("202", "3", "00 20 00 00 00 00 00 00 01 00 00 00 00 00 00 00"), &moving, &b);
    assert_true(a.live_stack_hash == b.live_stack_hash);
    evidence(STACK("202", "3", "00 10 00 00 00 00 00 00 02 00 00 00 00 00 00 00"), &moving, &b);
    assert_true(a.live_stack_hash != b.live_stack_hash);
}

static void evidence_is_absent_where_the_dump_has_no_stack(void **state) {
    (void)state;
    struct thread_row row;
    evidence("thread id=1 sp=0x90000\nsegment at=0x1000 size=8\n", &nothing_moves, &row);
    assert_true(row.live_stack_hash == ABSENT && row.dead_stack_hash == ABSENT);
    assert_true(row.stack_bytes == ABSENT && row.registers_hash != ABSENT);
    /* No room for a dead stack. */
    evidence("thread id=1 sp=0x30008\nsegment at=0x30000 size=64\n", &nothing_moves, &row);
    assert_true(row.live_stack_hash != ABSENT && row.dead_stack_hash == ABSENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evidence_tells_who_ran),
        cmocka_unit_test(evidence_leaves_moved_references_out),
        cmocka_unit_test(evidence_leaves_out_what_others_write),
        cmocka_unit_test(evidence_is_absent_where_the_dump_has_no_stack),
    };
    return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
