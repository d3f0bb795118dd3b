/* Sections about memory and about the dump itself, on transcripts of our own. */
#include "input/log/transcript.h"
#include "tests/support/fixture.h"
#include "tests/support/rows.h"
#include "model/rows_origin.h"
#include "model/rows_process.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void memory_sections_read_text(const char *text, struct snapshot *s) {
    struct err err = {.msg = ""};
    if (!fixture_read_text(text, s, &err))
        fail_msg("%s", err.msg);
}

static void assert_memory(const struct snapshot *s, enum memory_by by, const char *key,
                          uint64_t regions, uint64_t bytes) {
    const struct memory_row *row = rows_memory(s, by, key);
    if (!row)
        fail_msg("no row of %s", key);
    assert_true(row->regions == regions);
    assert_int_equal(row->bytes, bytes);
}

/* -- address ----------------------------------------------------------------------------------- */

static void the_new_summary_takes_the_hex_sizes(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("address-summary_new.txt", &s);
    assert_memory(&s, MEMORY_BY_USAGE, "Free", 3, 0x7ffff0000000);
    assert_memory(&s, MEMORY_BY_USAGE, "<unknown>", 12, 0xc000000);
    assert_memory(&s, MEMORY_BY_TYPE, "MEM_PRIVATE", 17, 0x10000000);
    assert_memory(&s, MEMORY_BY_STATE, "MEM_COMMIT", 17, 0x10000000);
    assert_memory(&s, MEMORY_BY_PROTECT, "PAGE_READWRITE | PAGE_GUARD", 1, 0x1000);
    assert_memory(&s, MEMORY_LARGEST, "Free", ABSENT, 0x7fffe0000000);
    assert_int_equal(rows_count(&s, PART_MEMORY_MAP), 10);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void the_new_listing_is_summed_up(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("address_new.txt", &s);
    assert_memory(&s, MEMORY_BY_USAGE, "Free", 2, 0x7ffe0000 + 0xff7ff00000);
    assert_memory(&s, MEMORY_BY_USAGE, "Stack", 2, 0xf0000);
    assert_memory(&s, MEMORY_BY_USAGE, "<unknown>", 1, 0x1f000);
    assert_memory(&s, MEMORY_BY_STATE, "MEM_COMMIT", 4, 0x1000 + 0x10000 + 0xf0000);
    assert_memory(&s, MEMORY_BY_TYPE, "MEM_PRIVATE", 5, 0x1f000 + 0x1000 + 0x10000 + 0xf0000);
    assert_memory(&s, MEMORY_BY_PROTECT, "PAGE_READWRITE | PAGE_GUARD", 1, 0x3000);
    assert_null(rows_memory(&s, MEMORY_BY_PROTECT, "PAGE_NOACCESS"));
    assert_memory(&s, MEMORY_LARGEST, "Free", ABSENT, 0xff7ff00000);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void the_old_summary_replaces_the_listing_that_agrees(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("address_old.txt", &s);
    assert_memory(&s, MEMORY_BY_USAGE, "Heap", ABSENT, 0x10000);
    assert_memory(&s, MEMORY_BY_STATE, "MEM_RESERVE", ABSENT, 0xe000);
    assert_memory(&s, MEMORY_BY_TYPE, "<free>", ABSENT, 0x10000);
    assert_memory(&s, MEMORY_LARGEST, "Free", ABSENT, 0x10000);
    assert_null(rows_memory(&s, MEMORY_BY_PROTECT, "PAGE_READWRITE"));
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void the_old_listing_alone_is_summed_up(void **state) {
    (void)state;
    struct snapshot s;
    memory_sections_read_text(
        "00000000 : 00000000 - 00010000\n"
        "  Type     00000000\n  Protect  00000001 PAGE_NOACCESS\n"
        "  State    00010000 MEM_FREE\n  Usage    RegionUsageFree\n"
        "00010000 : 00010000 - 00002000\n"
        "  Type     00020000 MEM_PRIVATE\n  Protect  00000004 PAGE_READWRITE\n"
        "  State    00001000 MEM_COMMIT\n  Usage    RegionUsageHeap\n",
        &s);
    assert_memory(&s, MEMORY_BY_USAGE, "Heap", 1, 0x2000);
    assert_memory(&s, MEMORY_BY_STATE, "MEM_FREE", 1, 0x10000);
    assert_memory(&s, MEMORY_BY_PROTECT, "PAGE_READWRITE", 1, 0x2000);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void maps_that_do_not_add_up_are_not_exact(void **state) {
    (void)state;
#define NEW_ROW(from, to, size, rest) "+ 0`" from " 0`" to " 0`" size " " rest "\n"
#define USAGE \
    "--- Usage Summary ---------------- RgnCount ----------- Total Size -------- %ofBusy\n"
#define STATE \
    "--- State Summary ---------------- RgnCount ----------- Total Size -------- %ofBusy\n"
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"BaseAddress      EndAddress+1        RegionSize     Type  State  Protect  Usage\n"
         "-----------------------------------------------------\n" NEW_ROW(
             "00000000", "00010000", "00010000", "MEM_FREE PAGE_NOACCESS Free")
             NEW_ROW("00020000", "00030000", "00010000", "MEM_FREE PAGE_NOACCESS Free"),
         "places where regions are missing"},
        {"BaseAddress      EndAddress+1        RegionSize     Type  State  Protect  Usage\n"
         "-----------------------------------------------------\n" NEW_ROW(
             "00000000", "00010000", "00010000", "MEM_FREE PAGE_NOACCESS Free")
             NEW_ROW("00010000", "00030000", "00010000", "MEM_FREE PAGE_NOACCESS Free"),
         "rows that are not understood"},
        {USAGE "Heap   5        0`04000000 (  64.000 MB)  25.00%    0.00%\n" STATE
               "MEM_COMMIT   5        0`02000000 (  32.000 MB)  25.00%    0.00%\n",
         "usages add up to 67108864 bytes, states to 33554432"},
        {USAGE "Heap   5        0`04000000 (  64.000 MB)  25.00%    0.00%\n",
         "list by state is cut off"},
        {USAGE "Heap   5        0`04000000 (  64.000 MB)  25.00%    0.00%\n"
               "Stack  5        0`04000000 (  64.000 GB)  25.00%    0.00%\n",
         "rows that are not understood"},
        {"-------------------- Usage SUMMARY --------------------------\n"
         " 10000 (      64) : 50.00%    00.00%    : RegionUsageFree\n"
         " Tot: 00020000 (128 KB) Busy: 00010000 (64 KB)\n",
         "usages add up to 65536 bytes, printed are 131072"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        memory_sections_read_text(cases[i].text, &s);
        if (rows_reasons(&s, cases[i].reason) != 1)
            fail_msg("case %zu", i);
        assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
        snapshot_deinit(&s);
    }
}

static void a_filtered_listing_gives_no_map(void **state) {
    (void)state;
    struct snapshot s;
    memory_sections_read_text(
        "0:000> !address -f:PAGE_EXECUTE_READWRITE\n"
        "BaseAddress      EndAddress+1        RegionSize     Type  State  Protect  Usage\n"
        "-----------------------------------------------------\n"
        "+ 0`00010000 0`00020000 0`00010000 MEM_PRIVATE MEM_COMMIT PAGE_READWRITE Heap\n",
        &s);
    assert_false(snapshot_has(&s, PART_MEMORY_MAP));
    assert_int_equal(rows_reasons(&s, "chosen regions"), 1);
    snapshot_deinit(&s);
}

/* -- Other printers ---------------------------------------------------------------------------- */

static void maddress_is_checked_against_its_total(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("maddress_summary.txt", &s);
    assert_memory(&s, MEMORY_BY_USAGE, "GCHeap", 17, 1385172992);
    assert_memory(&s, MEMORY_BY_USAGE, "LoaderCodeHeap", 9, 589824);
    assert_int_equal(rows_count(&s, PART_MEMORY_MAP), 3);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
    memory_sections_read_text("| Memory Type | Count | Size | Size (bytes) |\n"
                              "| GCHeap | 17 | 1.00kb | 1,024 |\n"
                              "| [TOTAL] | 18 | 2.00kb | 2,048 |\n",
                              &s);
    assert_int_equal(rows_reasons(&s, "rows add up to 1024 bytes, printed are 2048"), 1);
    snapshot_deinit(&s);
}

static void vadump_gives_the_working_set(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("vadump_sop.txt", &s);
    const struct memory_row *code = rows_memory(&s, MEMORY_BY_USAGE, "Code/StaticData");
    assert_int_equal(code->bytes, 5852 * 1024);
    assert_int_equal(code->private_bytes, 752 * 1024);
    assert_int_equal(rows_count(&s, PART_MEMORY_MAP), 4);
    assert_int_equal(rows_counter(&s, "memory.working_set"), 8168 * 1024);
    assert_int_equal(rows_counter(&s, "memory.working_set_private"), 3068 * 1024);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void maps_of_two_tools_are_not_mixed(void **state) {
    (void)state;
    static const struct input_options options = {0};
    struct snapshot s;
    struct err err = {.msg = ""};
    snapshot_init(&s);
    assert_true(input_read("tests/fixture/transcripts/address-summary_new.txt+"
                           "tests/fixture/transcripts/maddress_summary.txt+"
                           "tests/fixture/transcripts/vadump_sop.txt",
                           &options, &s, &err));
    assert_int_equal(rows_count(&s, PART_MEMORY_MAP), 10);
    assert_null(rows_memory(&s, MEMORY_BY_USAGE, "GCHeap"));
    assert_int_equal(rows_reasons(&s, "left out, the memory map is that of address-summary"), 2);
    assert_int_equal(rows_counter(&s, "memory.working_set"), 8168 * 1024);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void native_heaps_have_sizes_and_fragmentation(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("heap-s_new.txt", &s);
    SNAPSHOT_ROWS(&s, PART_NATIVE_HEAPS, struct native_heap_row, heaps, count);
    assert_int_equal(count, 2);
    assert_int_equal(heaps[0].address, 0x1f2a0bb0000);
    assert_int_equal(heaps[0].reserved, 65012 * 1024);
    assert_int_equal(heaps[0].committed, 48816 * 1024);
    assert_int_equal(heaps[0].virtual_bytes, 64808 * 1024);
    assert_int_equal(heaps[0].free_bytes, 9254 * 1024);
    assert_int_equal(heaps[0].external_fragmentation, 18);
    assert_true(heaps[1].external_fragmentation == ABSENT);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

/* -- The dump itself --------------------------------------------------------------------------- */

static void the_time_of_the_dump_is_turned_into_utc(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("vertarget_open.txt", &s);
    const struct origin_row *origin = snapshot_origin(&s);
    /* 2024-03-01T03:00:00.250Z */
    assert_int_equal(origin->captured_at_ns, 1709262000250000000);
    assert_int_equal(origin->process_start_ns, 1709262000250000000 - 88039250000000);
    assert_string_equal(origin->arch, "x64");
    assert_int_equal(rows_counter(&s, "process.user_ns"), 62000000000);
    assert_int_equal(rows_counter(&s, "process.kernel_ns"), 1500000000);
    snapshot_deinit(&s);
}

static void times_without_a_zone_or_sense_are_not_used(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t captured;
    } cases[] = {
        {"Debug session time: Mon Apr 16 10:12:13.000 2016 (UTC + 2:00)\n", 1460794333000000000},
        {"Debug session time: Mon Apr 16 10:12:13 2016 (GMT+2)\n", 1460794333000000000},
        {"Debug session time: Mon Apr 16 10:12:13.000 2016 (UTC)\n", 1460801533000000000},
        {"Debug session time: Thu Jan  1 00:00:00.000 1971 (UTC)\n", 31536000000000000},
        {"Debug session time: Mon Apr 16 10:12:13.000 2016\n", ABSENT},
        {"Debug session time: Mon Foo 16 10:12:13.000 2016 (UTC)\nProcess Uptime: 0 days "
         "0:27:19.000\n",
         ABSENT},
        {"Debug session time: Mon Apr 16 25:12:13.000 2016 (UTC)\nProcess Uptime: 0 days "
         "0:27:19.000\n",
         ABSENT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        struct err err = {.msg = ""};
        fixture_read_text(cases[i].text, &s, &err);
        if (snapshot_origin(&s)->captured_at_ns != cases[i].captured)
            fail_msg("case %zu", i);
        snapshot_deinit(&s);
    }
}

static void the_process_is_named_without_its_folder(void **state) {
    (void)state;
    struct snapshot s;
    fixture_read("process_attach.txt", &s);
    assert_string_equal(snapshot_origin(&s)->process, "harbour.exe");
    assert_int_equal(snapshot_origin(&s)->pid, 0x1a2b);
    snapshot_deinit(&s);
}

static void memory_sections_every_prefix_is_refused_or_read(void **state) {
    (void)state;
    static const char *const names[] = {
        "address-summary_new.txt", "address_new.txt", "address_old.txt",    "maddress_summary.txt",
        "vadump_sop.txt",          "heap-s_new.txt",  "vertarget_open.txt", "process_attach.txt",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        fixture_read_prefixes(names[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_new_summary_takes_the_hex_sizes),
        cmocka_unit_test(the_new_listing_is_summed_up),
        cmocka_unit_test(the_old_summary_replaces_the_listing_that_agrees),
        cmocka_unit_test(the_old_listing_alone_is_summed_up),
        cmocka_unit_test(maps_that_do_not_add_up_are_not_exact),
        cmocka_unit_test(a_filtered_listing_gives_no_map),
        cmocka_unit_test(maddress_is_checked_against_its_total),
        cmocka_unit_test(vadump_gives_the_working_set),
        cmocka_unit_test(maps_of_two_tools_are_not_mixed),
        cmocka_unit_test(native_heaps_have_sizes_and_fragmentation),
        cmocka_unit_test(the_time_of_the_dump_is_turned_into_utc),
        cmocka_unit_test(times_without_a_zone_or_sense_are_not_used),
        cmocka_unit_test(the_process_is_named_without_its_folder),
        cmocka_unit_test(memory_sections_every_prefix_is_refused_or_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
