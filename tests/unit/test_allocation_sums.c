/* What debuggers and leak reports sum up of allocations: by size, function and module. */
#include "input/log/html_text.h"
#include "input/log/transcript.h"
#include "tests/support/fixture.h"
#include "tests/support/rows.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct allocation_row *allocation_sums_sum_of(const struct snapshot *s, const char *by,
                                                           const char *name, uint64_t size) {
    SNAPSHOT_ROWS(s, PART_ALLOCATIONS, struct allocation_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].by, by) == 0 && rows[i].size_each == size &&
            (!name ? !rows[i].name : rows[i].name && strcmp(rows[i].name, name) == 0))
            return &rows[i];
    return NULL;
}

static void assert_sum(const struct snapshot *s, const char *by, const char *name, uint64_t size,
                       uint64_t count, uint64_t bytes) {
    const struct allocation_row *row = allocation_sums_sum_of(s, by, name, size);
    if (!row)
        fail_msg("no sum by %s of %s", by, name ? name : "a size");
    assert_int_equal(row->count, count);
    assert_int_equal(row->bytes, bytes);
}

/* -- heap -stat -------------------------------------------------------------------------------- */

static void sizes_of_several_heaps_add_up(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("heap-stat_after.txt", &s);
    assert_int_equal(rows_count(&s, PART_ALLOCATIONS), 4);
    assert_sum(&s, "size", NULL, 422, 0x1020 + 2, 422 * (0x1020 + 2));
    assert_sum(&s, "size", NULL, 0x1000, 3, 0x3000);
    assert_false(snapshot_has(&s, PART_STACKS));
    assert_int_equal(rows_reasons(&s, "the first sizes alone"), 1);
    snapshot_deinit(&s);
}

#define STAT " heap @ 001f0000\ngroup-by: TOTSIZE max-display: 20\n    size  #blocks  total ( %)\n"

static void what_a_list_of_sizes_lacks_is_said(void **state) {
    (void)state;
    static const struct fixture_bad cases[] = {
        {STAT "28 10 - 280  (38.60)\n30 2 - 90  (1.00)\n", "not understood"},
        {STAT "28 10 - 280  (38.60)\n30 2 -\n", "not understood"},
        {STAT "28 10 - 280  (38.60)\n30 2 - 60  (\n", "not understood"},
        {STAT "28 10 - 280  (38.60)\n...\n30 2 - 60 (1.0)\n", "left out by hand"},
    };
    fixture_reasons(cases, sizeof(cases) / sizeof(*cases));
    struct snapshot s;
    fixture_must_read_text(STAT "28 10 - 280  (100.00)\n", &s);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

/* -- heap -l ----------------------------------------------------------------------------------- */

static void unreachable_blocks_are_counted_by_size(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("heap-l_press.txt", &s);
    assert_sum(&s, "size", NULL, 0x80, 2, 0x100);
    assert_sum(&s, "size", NULL, 0x150, 1, 0x150);
    assert_int_equal(rows_counter(&s, "heap.unreachable_blocks"), 4);
    assert_int_equal(rows_counter(&s, "heap.unreachable_bytes"), 0x290);
    assert_int_equal(rows_reasons(&s, "nothing points to"), 1);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

#define LIST   "Scanning VM ...\n## Entry User Heap Segment Size PrevSize Flags\n\n"
#define LEAKED "001b2958  001b2960  00170000  00000000        40        18  busy extra\n"

static void what_a_list_of_blocks_lacks_is_said(void **state) {
    (void)state;
    static const struct fixture_bad cases[] = {
        {LIST LEAKED, "the end of the list is cut off"},
        {LIST LEAKED "2 leaks detected.\n", "than it counts itself"},
        {LIST LEAKED "001b2958  001b2960  001\n1 leaks detected.\n", "not understood"},
        {STAT "28 10 - 280  (100.00)\n" LIST LEAKED "...\n1 leaks detected.\n", "by hand"},
        {LIST LEAKED "1 leaks detected.\n" STAT "28 10 - 280  (100.00)\n", "another list"},
    };
    fixture_reasons(cases, sizeof(cases) / sizeof(*cases));
}

static void the_one_block_of_another_command_is_no_leak(void **state) {
    (void)state;
    struct snapshot s;
    struct err err = {.msg = ""};
    assert_false(fixture_read_text("0:000> !heap -x 001b2960\n"
                                   "Entry User Heap Segment Size PrevSize Unused Flags\n" LEAKED,
                                   &s, &err));
    snapshot_deinit(&s);
}

/* -- LeakTrack --------------------------------------------------------------------------------- */

static void leak_reports_say_the_same_as_text_and_as_pages(void **state) {
    (void)state;
    static const char *const names[] = {"leaktrack_report.txt", "leaktrack_page.txt",
                                        "leaktrack_mht.txt"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct snapshot s;
        fixture_read(names[i], &s);
        assert_int_equal(rows_count(&s, PART_ALLOCATIONS), 9);
        assert_sum(&s, "total", NULL, ABSENT, 12345, 5892997);
        assert_sum(&s, "module", "ink", ABSENT, 12001, 5714739);
        assert_sum(&s, "module", "roller", ABSENT, 344, 172 * 1024);
        assert_sum(&s, "function", "ink!Roller<int>::Wet", ABSENT, 11000, 4645192);
        assert_sum(&s, "function", "roller!Dry", ABSENT, 344, 172 * 1024);
        /* of two functions */
        assert_sum(&s, "size", NULL, 422, 11001, 4645192 + 422);
        assert_int_equal(rows_counter(&s, "leaktrack.tracking_ns"), 1931000000000);
        assert_int_equal(rows_counter(&s, "leaktrack.outstanding_handles"), 17);
        assert_int_equal(rows_reasons(&s, "3 samples of call stacks"), 1);
        assert_false(snapshot_has(&s, PART_STACKS));
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        snapshot_deinit(&s);
    }
}

static void figures_that_overflowed_are_none(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("leaktrack_overflow.txt", &s);
    assert_sum(&s, "module", "roller", ABSENT, 344, ABSENT);
    assert_sum(&s, "module", "ink", ABSENT, 12001, 5714739);
    assert_int_equal(rows_reasons(&s, "they overflowed"), 1);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
}

#define SUMMARY \
    "Outstanding allocation summary\nNumber of allocations  12 allocations\n" \
    "Total size of allocations  1.00 KBytes\n"
#define MODULE "Module details for ink\nAllocation Count  12 allocation(s)\n"
#define FUNCTION \
    "Function  ink!Wet+1c\nAllocation Count  12 allocation(s)\nAllocation Size  1.00 KBytes\n"

static void what_a_leak_report_lacks_is_said(void **state) {
    (void)state;
    static const struct fixture_bad cases[] = {
        {SUMMARY MODULE, "the details of modules are missing"},
        {MODULE FUNCTION, "the summary is missing"},
        {SUMMARY MODULE FUNCTION "Function  ink!Dry\nAllocation Count  13 allocation(s)\n",
         "they overflowed"},
        {SUMMARY MODULE FUNCTION "Function  ink!Dry\nAllocation Size  4.00 GBytes\n",
         "they overflowed"},
        {SUMMARY MODULE FUNCTION "Allocation Size  many\n", "not understood"},
        {SUMMARY "Top 2 modules by allocation count\nink  12 allocation(s)\n" MODULE FUNCTION,
         "announced and missing"},
        {SUMMARY "Top 1 modules by allocation count\nink  11 allocation(s)\n" MODULE FUNCTION,
         "said before, and differently"},
        {SUMMARY MODULE FUNCTION "Top 10 allocation sizes by allocation count\n"
                                 "64 Bytes  12 allocation(s)\n",
         "the first sizes of each function alone"},
    };
    fixture_reasons(cases, sizeof(cases) / sizeof(*cases));
}

static void pages_become_the_text_that_is_seen(void **state) {
    (void)state;
    static const struct {
        const char *page, *text;
    } cases[] = {
        {"<html><p>a\n b</p><p>c", "a b\nc\n"},
        {"<html><tr><td>a</td><td>&nbsp;&lt;b&gt; &amp;&#39;</td></tr>x", "a <b> &'\nx\n"},
        {"<html><script>if (a < b) c</script>d<!-- e -->f<style>g", "df\n"},
        {"<html><pre>a\n  b < c\r\n</pre>d", "a\n  b < c\n\f\nd\n"},
        {"<html>a &unknown; &#999999; &", "a &unknown; &#999999; &\n"},
        {"<html>a<b", "a\n"},
        {"<html><!-- a", ""},
        {"MIME-Version: 1.0\nContent-Type: text/html\nContent-Transfer-Encoding: "
         "quoted-printable\n\n<html><p>a=3Db =\nc =ZZ",
         "a=b c =ZZ\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf out;
        strbuf_init(&out);
        assert_true(html_text_probe(str_of(cases[i].page)));
        html_text_add(&out, str_of(cases[i].page));
        assert_string_equal(strbuf_cstr(&out), cases[i].text);
        strbuf_deinit(&out);
    }
    assert_false(html_text_probe(STR("List<html>")));
    assert_false(html_text_probe(STR("From: a mail without a page\n")));
}

/* -- All --------------------------------------------------------------------------------------- */

static void allocation_sums_every_prefix_is_refused_or_read(void **state) {
    (void)state;
    fixture_read_prefixes("heap-stat_before.txt");
    fixture_read_prefixes("heap-l_press.txt");
    fixture_read_prefixes("leaktrack_report.txt");
    fixture_read_prefixes("leaktrack_page.txt");
    fixture_read_prefixes("leaktrack_mht.txt");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_of_several_heaps_add_up),
        cmocka_unit_test(what_a_list_of_sizes_lacks_is_said),
        cmocka_unit_test(unreachable_blocks_are_counted_by_size),
        cmocka_unit_test(what_a_list_of_blocks_lacks_is_said),
        cmocka_unit_test(the_one_block_of_another_command_is_no_leak),
        cmocka_unit_test(leak_reports_say_the_same_as_text_and_as_pages),
        cmocka_unit_test(figures_that_overflowed_are_none),
        cmocka_unit_test(what_a_leak_report_lacks_is_said),
        cmocka_unit_test(pages_become_the_text_that_is_seen),
        cmocka_unit_test(allocation_sums_every_prefix_is_refused_or_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
