/* massif output. Figures of the fixture are those that ms_print shows. */
#include "input/input.h"
#include "tests/support/logs.h"
#include "tests/support/read_bytes.h"
#include "tests/support/rows.h"
#include "model/rows_origin.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

extern const struct input input_massif;

static bool massif_read_bytes(struct bytes bytes, uint64_t moment, struct snapshot *s,
                              struct err *err) {
    const struct input_options options = {.moment = moment};
    snapshot_init(s);
    return input_read_bytes(bytes, "massif.out.1", &input_massif, &options, s, err);
}

static void massif_read_text(const char *text, struct snapshot *s) {
    struct err err = {.msg = ""};
    if (!massif_read_bytes((struct bytes){(const uint8_t *)text, strlen(text)}, 0, s, &err))
        fail_msg("not read: %s", err.msg);
}

static void massif_open_fixture(struct file *file) {
    struct err err;
    assert_true(file_open(file, "tests/fixture/massif/kiosk.txt", &err));
}

static void massif_read_fixture(uint64_t moment, struct snapshot *s) {
    struct file file;
    struct err err = {.msg = ""};
    massif_open_fixture(&file);
    assert_true(input_massif.probe(bytes_slice(file.bytes, 0, INPUT_PROBE_BYTES)));
    if (!massif_read_bytes(file.bytes, moment, s, &err))
        fail_msg("not read: %s", err.msg);
    file_close(&file);
}

/* Bytes of the stack with these frames, "a < b"; ABSENT: there is none. */
static uint64_t stack_bytes(const struct snapshot *s, const char *frames) {
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    for (uint32_t i = 0; i < count; i++) {
        struct strbuf text;
        strbuf_init(&text);
        for (uint32_t j = 0; j < rows[i].frames.count; j++)
            strbuf_addf(&text, "%s%s", j ? " < " : "", rows[i].frames.items[j]);
        bool same = strcmp(strbuf_cstr(&text), frames) == 0;
        strbuf_deinit(&text);
        if (same)
            return rows[i].bytes;
    }
    return ABSENT;
}

static uint64_t stacks_sum(const struct snapshot *s) {
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += rows[i].bytes;
    return sum;
}

static void massif_gives_the_last_detailed_snapshot(void **state) {
    (void)state;
    struct snapshot s;
    massif_read_fixture(0, &s);
    assert_int_equal(rows_count(&s, PART_STACKS), 3);
    assert_int_equal(stack_bytes(&s, "Receipt::add(Line&&) < Menu::show(Order const&) < main"),
                     7000);
    assert_int_equal(stack_bytes(&s, "Receipt::add(Line&&) < (anonymous namespace)::replay(int)"),
                     2000);
    assert_int_equal(stack_bytes(&s, "[below massif's threshold]"), 600);
    assert_int_equal(stacks_sum(&s), 9600);
    assert_int_equal(rows_counter(&s, "heap.outstanding_bytes"), 9600);
    assert_int_equal(rows_counter(&s, "heap.overhead_bytes"), 240);
    assert_int_equal(rows_counter(&s, "memory.stacks_bytes"), 512);
    assert_int_equal(rows_counter(&s, "process.recorded_ns"), 2000000000u);
    const struct origin_row *origin = snapshot_origin(&s);
    assert_string_equal(origin->process, "kiosk");
    assert_string_equal(origin->tool, "massif");
    assert_int_equal(origin->moments, 2);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    assert_true(logs_has_reason(&s, "2 snapshots of totals alone are left out; the last has 9200"));
    snapshot_deinit(&s);
}

static void massif_gives_the_moment_that_is_wanted(void **state) {
    (void)state;
    struct snapshot s;
    massif_read_fixture(1, &s);
    assert_int_equal(rows_count(&s, PART_STACKS), 4);
    assert_int_equal(stack_bytes(&s, "libfonts.so.2.1 < main"), 2328);
    assert_int_equal(stacks_sum(&s), 7400);
    assert_int_equal(rows_counter(&s, "heap.outstanding_bytes"), 7400);
    snapshot_deinit(&s);
}

#define HEAD "desc: (none)\ncmd: a\ntime_unit: i\n"
#define SNAPSHOT(heap, tree) \
    "snapshot=0\ntime=7\nmem_heap_B=" heap "\nmem_heap_extra_B=1\nmem_stacks_B=0\nheap_tree=" tree \
    "\n"

static void massif_without_trees_gives_totals_at_each_moment(void **state) {
    (void)state;
    struct snapshot s;
    massif_read_text(HEAD SNAPSHOT("5", "empty") SNAPSHOT("9", "empty"), &s);
    assert_false(snapshot_has(&s, PART_STACKS));
    assert_int_equal(rows_counter(&s, "heap.outstanding_bytes"), 9);
    assert_int_equal(rows_counter(&s, "memory.stacks_bytes"), ABSENT);
    assert_int_equal(snapshot_origin(&s)->moments, 2);
    assert_true(logs_has_reason(&s, "no snapshot says who allocated"));
    snapshot_deinit(&s);
}

static void massif_counts_what_does_not_add_up(void **state) {
    (void)state;
    static const struct {
        const char *text, *reason;
        uint64_t count, bytes;
    } cases[] = {
        /* callers have less, more; one is missing, one too many; no tree; of another size */
        {HEAD SNAPSHOT("9", "peak") "n1: 9 (x)\n n1: 9 0x1: f (a.c:1)\n  n0: 7 0x2: g (a.c:2)\n",
         "differ from their parts", 1, 9},
        {HEAD SNAPSHOT("9", "peak") "n1: 9 (x)\n n1: 9 0x1: f (a.c:1)\n  n0: 12 0x2: g (a.c:2)\n",
         "differ from their parts", 1, 12},
        {HEAD SNAPSHOT("9", "peak") "n2: 9 (x)\n n0: 9 0x1: f (a.c:1)\n", "differ", 1, 9},
        {HEAD SNAPSHOT("9", "peak") "n1: 9 (x)\n n0: 4 0x1: f (a.c:1)\n n0: 5 0x1: g (a.c:1)\n",
         "differ", 1, 9},
        {HEAD SNAPSHOT("9", "peak"), "differ", 1, 0},
        {HEAD SNAPSHOT("8", "peak") "n1: 9 (x)\n n0: 9 0x1: f (a.c:1)\n", "differ", 1, 9},
        {HEAD SNAPSHOT("9", "peak") "n0: 9 (x)\n   n0: 9 0x1: f (a.c:1)\n", "differ", 1, 9},
        {HEAD SNAPSHOT("9", "peak") "n0: 9 (x)\nnine\n", "not understood", 1, 9},
        {HEAD SNAPSHOT("9", "peak") "n1: 9 (x)\n n0: 9 0x1: f a.c:1)\n", "not understood", 1, 9},
        {HEAD SNAPSHOT("9", "peak") "n0: 9 (x)", "not understood", 1, 9},
        {HEAD SNAPSHOT("many", "empty"), "not understood", 2, 0},
        {HEAD SNAPSHOT("9", "full"), "not understood", 1, 0},
        {HEAD "snapshot=3\ntime=1\n", "not understood", 1, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        bool found;
        massif_read_text(cases[i].text, &s);
        uint64_t count = logs_reason(&s, cases[i].reason, &found);
        if (!found || count != cases[i].count || snapshot_trust(&s) != TRUST_PARTIAL ||
            stacks_sum(&s) != cases[i].bytes)
            fail_msg("case %zu: %s: %llu", i, found ? "found" : "not found",
                     (unsigned long long)count);
        snapshot_deinit(&s);
    }
}

static void massif_of_pages_says_so(void **state) {
    (void)state;
    struct snapshot s;
    massif_read_text(
        "desc: --pages-as-heap=yes\ncmd: a\ntime_unit: B\n" SNAPSHOT(
            "4096",
            "detailed") "n0: 4096 (page allocation syscalls) mmap/mremap/brk, --alloc-fns, etc.\n",
        &s);
    assert_true(logs_has_reason(&s, "counted pages"));
    assert_int_equal(rows_counter(&s, "process.recorded_ns"), ABSENT);
    assert_int_equal(stack_bytes(&s, "[unknown]"), 4096);
    snapshot_deinit(&s);
}

static void massif_without_a_snapshot_is_refused(void **state) {
    (void)state;
    struct snapshot s;
    struct err err = {.msg = ""};
    assert_false(
        massif_read_bytes((struct bytes){(const uint8_t *)HEAD, strlen(HEAD)}, 0, &s, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    snapshot_deinit(&s);
}

static void massif_prefixes_are_refused_or_partial(void **state) {
    (void)state;
    struct file file;
    massif_open_fixture(&file);
    for (size_t size = 0; size <= file.bytes.size; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        struct snapshot s;
        struct err err = {.msg = ""};
        assert_non_null(copy);
        memcpy(copy, file.bytes.data, size);
        if (!massif_read_bytes((struct bytes){copy, size}, 0, &s, &err))
            assert_true(err.code != ERR_NONE && err.msg[0]);
        else if (size && copy[size - 1] != '\n')
            assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
        snapshot_deinit(&s);
        free(copy);
    }
    file_close(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(massif_gives_the_last_detailed_snapshot),
        cmocka_unit_test(massif_gives_the_moment_that_is_wanted),
        cmocka_unit_test(massif_without_trees_gives_totals_at_each_moment),
        cmocka_unit_test(massif_counts_what_does_not_add_up),
        cmocka_unit_test(massif_of_pages_says_so),
        cmocka_unit_test(massif_without_a_snapshot_is_refused),
        cmocka_unit_test(massif_prefixes_are_refused_or_partial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
