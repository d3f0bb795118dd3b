/* UMDH's logs, its comparisons of them, and that both say the same. */
#include "input/log/transcript.h"
#include "tests/support/corpus.h"
#include "tests/support/fixture.h"
#include "tests/support/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* -- A stack at two moments -------------------------------------------------------------------- */

struct change {
    const struct strings *frames;
    uint64_t bytes[2], count[2];
};

struct changes {
    struct change *items;
    size_t count;
};

static bool umdh_same_frames(const struct strings *a, const struct strings *b) {
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

static void umdh_collect(const struct snapshot *s, int moment, struct changes *list) {
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    list->items = realloc(list->items, (list->count + count) * sizeof(*list->items) + 1);
    for (uint32_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < list->count && !umdh_same_frames(list->items[at].frames, &rows[i].frames))
            at++;
        if (at == list->count)
            list->items[list->count++] = (struct change){.frames = &rows[i].frames};
        list->items[at].bytes[moment] += rows[i].bytes;
        list->items[at].count[moment] += rows[i].count;
    }
}

static bool is_change(const struct change *c) {
    return c->bytes[0] != c->bytes[1] || c->count[0] != c->count[1];
}

/* "ntdll.dll+0x7dd4d", "ntdll!RtlAllocateHeap": the same module? */
static bool same_module(const char *address, const char *symbol) {
    size_t a = strcspn(address, ".+!"), b = strcspn(symbol, ".+!");
    return a == b && strncmp(address, symbol, a) == 0;
}

static bool same_change(const struct change *ours, const struct change *theirs) {
    if (memcmp(ours->bytes, theirs->bytes, sizeof(ours->bytes)) != 0 ||
        memcmp(ours->count, theirs->count, sizeof(ours->count)) != 0)
        return false;
    for (uint32_t i = 0; i < ours->frames->count && i < theirs->frames->count; i++)
        if (!same_module(ours->frames->items[i], theirs->frames->items[i]))
            return false;
    return true;
}

/* Each change of one list is one of the other, and no other. */
static void umdh_assert_same(const struct changes *ours, const struct changes *theirs,
                             size_t expected) {
    size_t changed = 0, found = 0;
    for (size_t i = 0; i < ours->count; i++)
        changed += is_change(&ours->items[i]);
    for (size_t k = 0; k < theirs->count; k++) {
        size_t matches = 0;
        assert_true(is_change(&theirs->items[k]));
        for (size_t i = 0; i < ours->count; i++)
            matches += same_change(&ours->items[i], &theirs->items[k]);
        assert_int_equal(matches, 1);
        found += matches;
    }
    assert_int_equal(changed, expected);
    assert_int_equal(found, expected);
}

static int64_t umdh_growth(const struct changes *list) {
    uint64_t sum = 0;
    for (size_t i = 0; i < list->count; i++)
        sum += list->items[i].bytes[1] - list->items[i].bytes[0];
    return (int64_t)sum;
}

/* Two logs against UMDH's comparison of them, read at both its moments. */
static void umdh_compare(const char *const paths[4], size_t changed, int64_t requested,
                         int64_t overhead) {
    struct snapshot s[4];
    struct changes ours = {NULL, 0}, theirs = {NULL, 0};
    for (int i = 0; i < 4; i++) {
        struct err err = {.msg = ""};
        struct input_options options = {.moment = i < 2 ? 0 : (uint64_t)(i - 1)};
        snapshot_init(&s[i]);
        if (!input_read(paths[i], &options, &s[i], &err))
            fail_msg("%s", err.msg);
        umdh_collect(&s[i], i % 2, i < 2 ? &ours : &theirs);
    }
    umdh_assert_same(&ours, &theirs, changed);
    assert_int_equal(umdh_growth(&ours), requested);
    assert_int_equal(umdh_growth(&theirs), requested);
    assert_int_equal(rows_counter(&s[1], "umdh.requested_bytes") -
                         rows_counter(&s[0], "umdh.requested_bytes"),
                     requested);
    assert_int_equal(rows_counter(&s[1], "umdh.overhead_bytes") -
                         rows_counter(&s[0], "umdh.overhead_bytes"),
                     overhead);
    free(ours.items);
    free(theirs.items);
    for (int i = 0; i < 4; i++)
        snapshot_deinit(&s[i]);
}

#define FIXTURE(name) "tests/fixture/transcripts/" name

static void the_diff_of_two_logs_is_that_of_umdh(void **state) {
    (void)state;
    static const char *const hex[] = {
        FIXTURE("umdh_press_before.txt"),
        FIXTURE("umdh_press_after.txt"),
        FIXTURE("umdh-diff_press.txt"),
        FIXTURE("umdh-diff_press.txt"),
    };
    static const char *const decimal[] = {
        FIXTURE("umdh_press_before.txt"),
        FIXTURE("umdh_press_after.txt"),
        FIXTURE("umdh-diff_decimal.txt"),
        FIXTURE("umdh-diff_decimal.txt"),
    };
    umdh_compare(hex, 2, 0x11bf6, 0x3aa);
    umdh_compare(decimal, 2, 72694, 938);
}

static void the_diff_of_the_real_pair_is_that_of_umdh(void **state) {
    (void)state;
    char before[CORPUS_PATH_MAX], after[CORPUS_PATH_MAX], result[CORPUS_PATH_MAX];
    if (!corpus_is_there())
        skip();
    assert_true(corpus_path("umdh_snapshot_pairB_before_01.txt", before) &&
                corpus_path("umdh_snapshot_pairB_after_01.txt", after) &&
                corpus_path("umdh_diff_pairB_01.txt", result));
    const char *const paths[] = {before, after, result, result};
    umdh_compare(paths, 4, 0xbb0f00, 0x92580);
}

/* -- Logs -------------------------------------------------------------------------------------- */

static const struct stack_row *umdh_stack_of(const struct snapshot *s, const char *frame,
                                             uint64_t size) {
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < rows[i].frames.count; k++)
            if (strcmp(rows[i].frames.items[k], frame) == 0 &&
                (size == ABSENT || rows[i].size_each == size))
                return &rows[i];
    return NULL;
}

static void a_log_gives_stacks_by_size(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("umdh_press_after.txt", &s);
    assert_int_equal(rows_count(&s, PART_STACKS), 7);
    const struct stack_row *row = umdh_stack_of(&s, "roller.dll+0x14cf0", 0x7a6);
    assert_int_equal(row->count, 40);
    assert_int_equal(row->bytes, 40 * 0x7a6);
    assert_int_equal(row->frames.count, 4);
    assert_string_equal(row->frames.items[0], "ntdll.dll+0x7dd4d");
    row = umdh_stack_of(&s, "roller.dll+0x14cf0", 0x100);
    assert_int_equal(row->count, 2);
    row = umdh_stack_of(&s, "[no stack recorded]", 0x3c);
    assert_int_equal(row->count, 1);
    assert_non_null(umdh_stack_of(&s, "0x41f2b0", 0x58));
    assert_int_equal(rows_count(&s, PART_MODULES), 4);
    const struct origin_row *origin = snapshot_origin(&s);
    assert_int_equal(origin->pid, 6424);
    assert_string_equal(origin->process, "ink.exe");
    assert_string_equal(origin->tool, "UMDH 6.1.7015.0");
    assert_int_equal(origin->captured_at_ns, ABSENT);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void sums_of_the_old_umdh_are_read(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("umdh_sums.txt", &s);
    const struct stack_row *row = umdh_stack_of(&s, "ink!operator new", 0x428);
    assert_int_equal(row->count, 20);
    assert_int_equal(row->bytes, 0x5320);
    assert_int_equal(rows_counter(&s, "umdh.overhead_bytes"), ABSENT);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

struct bad_case {
    const char *text, *reason;
};

static void assert_reasons(const struct bad_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct snapshot s;
        struct err err = {.msg = ""};
        if (!fixture_read_text(cases[i].text, &s, &err))
            fail_msg("case %zu: %s", i, err.msg);
        if (rows_reasons(&s, cases[i].reason) != 1)
            fail_msg("case %zu: no reason \"%s\"", i, cases[i].reason);
        assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
        snapshot_deinit(&s);
    }
}

#define START "*- - - - - Start of data for heap @ 3D0000 - - - - -\n"
#define END   "*- - - - - End of data for heap @ 3D0000 - - - - -\n"

static void what_a_log_lacks_is_said(void **state) {
    (void)state;
    static const struct bad_case cases[] = {
        {START "18 bytes + 18 at 3D07E0 by BackTrace0\n", "cut off within a heap"},
        {"18 bytes + 18 at 3D07E0 by BackTrace0\n" END, "the beginning of the log is missing"},
        {START "18 bytes + 18 at 3D07E0 by BackTrace5\n" END,
         "allocations whose stack is not in the log"},
        {START "18 bytes + 18 at 3D07E0 by BackTrace0\n18 bytes + 18 at\n" END, "not understood"},
        {START "18 bytes + 18 at 3D07E0 by BackTrace5\n\t776F0\n\tAlias\n\t776F1\n" END,
         "several stacks of one number"},
        {START "18 bytes + 18 at 3D07E0 by BackTrace0\n" END "//\n// UMDH: version 1.0\n" START
               "20 bytes + 18 at 3D07E0 by BackTrace0\n" END,
         "of a second log, left out"},
    };
    assert_reasons(cases, sizeof(cases) / sizeof(*cases));
}

/* -- Comparisons ------------------------------------------------------------------------------- */

static void umdh_read_moment(const char *name, uint64_t moment, struct snapshot *s) {
    struct err err = {.msg = ""};
    const struct input_options options = {.moment = moment};
    snapshot_init(s);
    if (!input_read(name, &options, s, &err))
        fail_msg("%s", err.msg);
}

static void comparisons_that_follow_each_other_are_a_series(void **state) {
    (void)state;
    static const uint64_t print[] = {0x20, 0x20, 0x2a98cb0}, console[] = {0, 0x2018, 0};
    for (uint64_t m = 0; m < 3; m++) {
        struct snapshot s;
        umdh_read_moment(FIXTURE("umdh-diff_chain.txt"), m + 1, &s);
        assert_int_equal(snapshot_origin(&s)->moments, 3);
        const struct stack_row *row = umdh_stack_of(&s, "ink!PrintPage", ABSENT);
        assert_int_equal(row->bytes, print[m]);
        row = umdh_stack_of(&s, "ink!ReadInk", ABSENT);
        assert_int_equal(row ? row->bytes : 0, console[m]);
        snapshot_deinit(&s);
    }
}

static void figures_are_hex_or_decimal_by_what_adds_up(void **state) {
    (void)state;
    static const struct {
        const char *text, *said;
        uint64_t bytes;
        enum trust_grade trust;
    } cases[] = {
        {"+ 131072 ( 262144 - 131072) 4 allocs\tBackTrace5\nTotal increase == 131072\n", "decimal",
         262144, TRUST_EXACT},
        {"+ 5320 ( f110 - 9df0) 3a allocs BackTrace00B53\nTotal increase == 5320\n", "hexadecimal",
         0xf110, TRUST_EXACT},
        {"+ 1000 ( 1000 - 0) 4 allocs\tBackTrace5\nTotal increase == 1000\n", "both as hexadecimal",
         0x1000, TRUST_PARTIAL},
        {"+ 4 ( 8 - 4) 2 allocs\tBackTrace5\nTotal increase == 4\n", "did not change", 8,
         TRUST_EXACT},
        /* each adds up either way, the total does not */
        {"+ 1000 ( 1000 - 0) 4 allocs\tBackTrace5\n+ 9 ( 9 - 0) 4 allocs\tBackTrace6\n"
         "+ 1 ( 1 - 0) 4 allocs\tBackTrace7\nTotal increase == 1010\n",
         "decimal", 1000, TRUST_EXACT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        struct err err = {.msg = ""};
        if (!fixture_read_text(cases[i].text, &s, &err))
            fail_msg("case %zu: %s", i, err.msg);
        if (rows_reasons(&s, cases[i].said) != 1 || snapshot_trust(&s) != cases[i].trust)
            fail_msg("case %zu: not \"%s\"", i, cases[i].said);
        SNAPSHOT_ROWS(&s, PART_STACKS, struct stack_row, rows, count);
        uint64_t most = 0;
        for (uint32_t k = 0; k < count; k++)
            most = rows[k].bytes > most ? rows[k].bytes : most;
        assert_int_equal(most, cases[i].bytes);
        snapshot_deinit(&s);
    }
}

#define ENTRY "+ 5320 ( f110 - 9df0) 3a allocs BackTrace00B53\n"

static void what_a_comparison_lacks_is_said(void **state) {
    (void)state;
    static const struct bad_case cases[] = {
        {ENTRY, "the total is missing"},
        {ENTRY "Total increase == 5321\n", "not the sum of their entries"},
        {ENTRY "+ 10 ( 30 - 10) 3 allocs BackTrace2\nTotal increase == 5320\n", "do not add up"},
        {ENTRY "+ 10 ( 30 - 2\nTotal increase == 5320\n", "not understood"},
        {ENTRY "Total increase == 5320\n" ENTRY "Total increase == 5320\n",
         "do not follow the first"},
    };
    assert_reasons(cases, sizeof(cases) / sizeof(*cases));
}

static void prose_and_templates_are_no_entries(void **state) {
    (void)state;
    static const char *const texts[] = {
        "+ BYTES_DELTA (NEW_BYTES - OLD_BYTES) NEW_COUNT allocs BackTrace TRACEID\n",
        "+ COUNT_DELTA (NEW_COUNT - OLD_COUNT) BackTrace TRACEID allocations\n",
        "- first (a - b) we looked\n+ then (2 - 1) allocs were seen\n",
        "Total increase == 5320\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct snapshot s;
        struct err err = {.msg = ""};
        assert_false(fixture_read_text(texts[i], &s, &err));
        assert_int_equal(err.code, ERR_FORMAT);
        snapshot_deinit(&s);
    }
}

/* -- The corpus -------------------------------------------------------------------------------- */

static void corpus_files_give_the_stated_entries(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t moments; /* ABSENT: a log */
        uint64_t stacks, allocations, bytes;
    } cases[] = {
        {"umdh-d_decimal_fragment_ko_01.txt", 2, 1, 4, 262144},
        {"umdh_allinone_cppresourceleaks_01.txt", 3, 1, 0x15cf4, 0x2a98c90},
        {"umdh_diff_full_pyumdh_01.txt", ABSENT, ABSENT, 11, 0x41a},
        {"umdh_diff_pairB_01.txt", 2, 4, 2 * 0x70a + 0x4d + 4,
         0x7e5f88 + 0x557568 + 0x1a78 + 0x10a0},
        {"umdh_doc_fragment_01.txt", 2, 1, 0x3a, 0xf110},
        {"umdh_snapshot_pairB_after_01.txt", ABSENT, ABSENT, 4856, 0xd720d5},
        {"umdh_snapshot_pairB_before_01.txt", ABSENT, ABSENT, 1610, 0x1c11d5},
    };
    if (!corpus_is_there())
        skip();
    const char *names[sizeof(cases) / sizeof(*cases)];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        struct err err = {.msg = ""};
        names[i] = cases[i].name;
        if (!corpus_read(cases[i].name, &s, &err))
            fail_msg("%s: %s", cases[i].name, err.msg);
        assert_int_equal(snapshot_origin(&s)->moments, cases[i].moments);
        SNAPSHOT_ROWS(&s, PART_STACKS, struct stack_row, rows, count);
        uint64_t allocations = 0, bytes = 0;
        for (uint32_t k = 0; k < count; k++) {
            allocations += rows[k].count;
            bytes += rows[k].bytes;
        }
        if (cases[i].stacks != ABSENT)
            assert_int_equal(count, cases[i].stacks);
        assert_int_equal(allocations, cases[i].allocations);
        assert_int_equal(bytes, cases[i].bytes);
        snapshot_deinit(&s);
    }
    assert_int_equal(corpus_count_untested(CORPUS_UMDH, names, sizeof(names) / sizeof(*names)), 0);
}

static void umdh_every_prefix_is_refused_or_read(void **state) {
    (void)state;
    static const char *const names[] = {
        "umdh_press_before.txt", "umdh_sums.txt",         "umdh-diff_press.txt",
        "umdh-diff_chain.txt",   "umdh-diff_decimal.txt",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        fixture_read_prefixes(names[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_diff_of_two_logs_is_that_of_umdh),
        cmocka_unit_test(the_diff_of_the_real_pair_is_that_of_umdh),
        cmocka_unit_test(a_log_gives_stacks_by_size),
        cmocka_unit_test(sums_of_the_old_umdh_are_read),
        cmocka_unit_test(what_a_log_lacks_is_said),
        cmocka_unit_test(comparisons_that_follow_each_other_are_a_series),
        cmocka_unit_test(figures_are_hex_or_decimal_by_what_adds_up),
        cmocka_unit_test(what_a_comparison_lacks_is_said),
        cmocka_unit_test(prose_and_templates_are_no_entries),
        cmocka_unit_test(corpus_files_give_the_stated_entries),
        cmocka_unit_test(umdh_every_prefix_is_refused_or_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
