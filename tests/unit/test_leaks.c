/* What leak checkers say: memcheck, LeakSanitizer, gperftools' heap checker. */
#include "input/log/transcript.h"
#include "tests/support/fixture.h"
#include "tests/support/rows.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The only stack whose first function is this. */
static const struct stack_row *leaks_stack(const struct snapshot *s, const char *loss,
                                           const char *caller) {
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    const struct stack_row *found = NULL;
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].frames.count > 1 && strcmp(rows[i].frames.items[1], caller) == 0 &&
            strcmp(rows[i].loss, loss) == 0) {
            assert_null(found);
            found = &rows[i];
        }
    if (!found)
        fail_msg("no stack by %s that is %s", caller, loss);
    return found;
}

static void leaks_moment(const char *name, uint64_t moment, struct snapshot *s) {
    struct err err = {.msg = ""};
    const struct input_options options = {.moment = moment};
    snapshot_init(s);
    if (!input_read(name, &options, s, &err))
        fail_msg("%s", err.msg);
}

static void every_kind_of_loss_has_its_stacks(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("memcheck_till.txt", &s);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    assert_int_equal(snapshot_origin(&s)->pid, 3301);
    assert_string_equal(snapshot_origin(&s)->process, "till");
    const struct stack_row *row = leaks_stack(&s, "definitely lost", "receipt_new");
    assert_int_equal(row->bytes, 4100); /* those it is lost with have rows of their own */
    assert_int_equal(row->indirect_bytes, 328);
    assert_int_equal(row->count, 2);
    assert_int_equal(row->frames.count, 4);
    row = leaks_stack(&s, "indirectly lost", "line_new(char const*, unsigned int)");
    assert_int_equal(row->bytes, 328);
    assert_int_equal(row->count, 41);
    assert_int_equal(leaks_stack(&s, "possibly lost", "libstock.so.2.1")->bytes, 1024);
    assert_int_equal(leaks_stack(&s, "still reachable", "till_open")->bytes, 24);
    assert_int_equal(rows_counter(&s, "heap.outstanding_bytes"), 14096);
    assert_int_equal(rows_counter(&s, "leak.definite_bytes"), 12720);
    snapshot_deinit(&s);
}

static const char indirect_alone[] =
    "==9== 8,032 (16 direct, 8,016 indirect) bytes in 1 blocks are definitely lost in loss record "
    "2 of 2\n"
    "==9==    at 0x48: malloc (vg_replace_malloc.c:299)\n"
    "==9==    by 0x40: chain_add (chain.c:66)\n"
    "==9==\n"
    "==9== LEAK SUMMARY:\n"
    "==9==    definitely lost: 16 bytes in 1 blocks\n"
    "==9==    indirectly lost: 8,016 bytes in 501 blocks\n"
    "==9==      possibly lost: 0 bytes in 0 blocks\n";

static void what_is_lost_with_others_is_counted_once(void **state) {
    (void)state;
    struct snapshot s;
    fixture_must_read_text(indirect_alone, &s);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    assert_int_equal(leaks_stack(&s, "definitely lost", "chain_add")->bytes, 8032);
    snapshot_deinit(&s);
}

/* The same without "==9== ", and without the empty lines. */
static void prefixes_may_be_lost(void **state) {
    (void)state;
    char text[sizeof(indirect_alone)];
    size_t size = 0;
    struct str rest = STR(indirect_alone), line;
    while (str_next_line(&rest, &line)) {
        line = str_drop(line, 6);
        memcpy(text + size, line.ptr, line.len);
        size += line.len;
        text[size++] = '\n';
    }
    text[size] = '\0';
    struct snapshot s;
    fixture_must_read_text(text, &s);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    assert_int_equal(leaks_stack(&s, "definitely lost", "chain_add")->bytes, 8032);
    assert_int_equal(snapshot_origin(&s)->pid, ABSENT);
    snapshot_deinit(&s);
}

static void checks_and_processes_are_moments(void **state) {
    (void)state;
    struct snapshot s;
    static const struct {
        const char *name;
        uint64_t moment, pid;
        const char *loss, *caller;
        uint64_t bytes;
    } cases[] = {
        {"memcheck_till_gdb.txt", 1, 3501, "still reachable", "job_new", 640},
        {"memcheck_till_gdb.txt", 2, 3501, "still reachable", "job_new", 6400},
        {"memcheck_till_fork.txt", 1, 3402, "definitely lost", "page_new", 96},
        {"memcheck_till_fork.txt", 2, 3401, "definitely lost", "job_new", 400},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char path[128];
        snprintf(path, sizeof(path), "tests/fixture/transcripts/%s", cases[i].name);
        leaks_moment(path, cases[i].moment, &s);
        assert_int_equal(snapshot_origin(&s)->moments, 2);
        assert_int_equal(snapshot_origin(&s)->pid, cases[i].pid);
        assert_int_equal(leaks_stack(&s, cases[i].loss, cases[i].caller)->bytes, cases[i].bytes);
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        snapshot_deinit(&s);
    }
}

static void a_process_that_leaks_nothing_is_no_process_that_was_not_looked_at(void **state) {
    (void)state;
    struct snapshot s;
    fixture_must_read_text("==9== HEAP SUMMARY:\n"
                           "==9==     in use at exit: 0 bytes in 0 blocks\n"
                           "==9==   total heap usage: 3 allocs, 3 frees, 96 bytes allocated\n"
                           "==9== \n"
                           "==9== All heap blocks were freed -- no leaks are possible\n",
                           &s);
    assert_true(snapshot_has(&s, PART_STACKS));
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
    fixture_must_read_text("==9== LEAK SUMMARY:\n"
                           "==9==    definitely lost: 16 bytes in 1 blocks\n"
                           "==9==    indirectly lost: 0 bytes in 0 blocks\n"
                           "==9==      possibly lost: 0 bytes in 0 blocks\n"
                           "==9==    still reachable: 0 bytes in 0 blocks\n"
                           "==9== Rerun with --leak-check=full to see details\n",
                           &s);
    assert_false(snapshot_has(&s, PART_STACKS));
    assert_int_equal(rows_counter(&s, "leak.definite_bytes"), 16);
    snapshot_deinit(&s);
}

static void sanitizers_name_frames_in_several_ways(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("lsan_till.txt", &s);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    assert_int_equal(snapshot_origin(&s)->pid, 3601);
    const struct stack_row *row = leaks_stack(&s, "definitely lost", "receipt_new");
    assert_int_equal(row->bytes, 4100);
    assert_string_equal(row->frames.items[0], "operator new(unsigned long)");
    assert_string_equal(row->frames.items[5], "till!_start");
    row = leaks_stack(&s, "indirectly lost", "line_new(char const*, unsigned int)");
    assert_string_equal(row->frames.items[0], "liblsan.so.0!malloc");
    assert_string_equal(row->frames.items[2], "libstock.so.2+0x1c04d");
    snapshot_deinit(&s);
    fixture_read("heapcheck_till.txt", &s);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    assert_int_equal(leaks_stack(&s, "definitely lost", "receipt_scan")->count, 2);
    snapshot_deinit(&s);
}

static void what_is_missing_is_said(void **state) {
    (void)state;
    static const struct fixture_bad cases[] = {
        {"==9== 16 bytes in 1 blocks are definitely lost in loss record 1 of 2\n"
         "==9==    at 0x48: malloc (vg_replace_malloc.c:299)\n",
         "memcheck: the report ends before its summary"},
        {"==9== 16 bytes in 1 blocks are definitely lost in loss record 1 of 2\n"
         "==9==    at 0x48: malloc (vg_replace_malloc.c:299)\n"
         "==9== LEAK SUMMARY:\n"
         "==9==    definitely lost: 1,016 bytes in 11 blocks\n"
         "==9==    indirectly lost: 0 bytes in 0 blocks\n"
         "==9==      possibly lost: 0 bytes in 0 blocks\n",
         "memcheck: the records make 16 bytes of 1,016 definitely lost: some are missing"},
        {"Direct leak of 120 byte(s) in 3 object(s) allocated from:\n"
         "    #0 0x7f in malloc (/lib/libasan.so.8+0xb4)\n",
         "LeakSanitizer: the report ends before its summary"},
        {"Direct leak of 120 byte(s) in 3 object(s) allocated from:\n"
         "    #0 0x7f in malloc (/lib/libasan.so.8+0xb4)\n\n"
         "Omitting 12 more leak(s).\n\n"
         "SUMMARY: AddressSanitizer: 120 byte(s) leaked in 3 allocation(s).\n",
         "LeakSanitizer: leaks that it did not list"},
        {"Direct leak of 120 byte(s) in 3 object(s) allocated from:\n"
         "    #0 0x7f in malloc (/lib/libasan.so.8+0xb4)\n\n"
         "SUMMARY: AddressSanitizer: 140 byte(s) leaked in 4 allocation(s).\n",
         "LeakSanitizer: the records make 120 bytes of 140 lost: some are missing"},
        {"Leak check main detected leaks of 500 bytes in 9 objects\n"
         "The 20 largest leaks:\n"
         "Leak of 400 bytes in 5 objects allocated from:\n\t@ 4013d1 a\n",
         "heap checker: the records make 400 bytes of 500 definitely lost: some are missing"},
    };
    fixture_reasons(cases, sizeof(cases) / sizeof(*cases));
}

static void every_prefix_of_a_report_is_refused_or_read(void **state) {
    (void)state;
    static const char *const names[] = {"memcheck_till.txt", "memcheck_till_fork.txt",
                                        "memcheck_till_gdb.txt", "lsan_till.txt",
                                        "heapcheck_till.txt"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        fixture_read_prefixes(names[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_loss_has_its_stacks),
        cmocka_unit_test(what_is_lost_with_others_is_counted_once),
        cmocka_unit_test(prefixes_may_be_lost),
        cmocka_unit_test(checks_and_processes_are_moments),
        cmocka_unit_test(a_process_that_leaks_nothing_is_no_process_that_was_not_looked_at),
        cmocka_unit_test(sanitizers_name_frames_in_several_ways),
        cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(every_prefix_of_a_report_is_refused_or_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
