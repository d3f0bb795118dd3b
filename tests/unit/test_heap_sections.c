/* The sections about the heap but dumpheap, and what holds for all of them. */
#include "tests/support/logs.h"

#include "model/snapfile.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"
#include "model/rows_origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* -- eeheap, finalizequeue, gchandles, heapstat, jmap ------------------------------------------ */

static void eeheap_is_read_in_every_form(void **state) {
    (void)state;
    static const struct {
        const char *file, *mode;
        uint64_t bytes, committed, heaps, gen0, loh, has_regions;
        uint32_t regions;
    } cases[] = {
        {"eeheap-gc_netfx2_x86_workstation.txt", "workstation", 307916, ABSENT, 1, 36868, 8880, 0,
         2},
        {"eeheap-gc_netfx4_x64_server.txt", "server", 217088, ABSENT, 2, 65536, 131072, 0, 4},
        {"eeheap-gc_net6_segments.txt", "workstation", 88064, 151552, 1, 12288, 65536, 0, 3},
        {"eeheap-gc_net8_regions_server.txt", "server", 160768, 466944, 2, 16384, 131072, 1, 11},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct snapshot s;
        print_message("%s\n", cases[i].file);
        logs_read_fixture(cases[i].file, &s);
        const struct gc_row *gc = snapshot_row(&s, PART_GC);
        SNAPSHOT_ROWS(&s, PART_HEAPS, struct heap_row, heaps, heap_count);
        SNAPSHOT_ROWS(&s, PART_REGIONS, struct region_row, regions, region_count);
        (void)regions;
        assert_non_null(gc);
        assert_string_equal(snapshot_origin(&s)->gc_mode, cases[i].mode);
        assert_true(gc->allocated_bytes == cases[i].bytes);
        assert_true(gc->committed_bytes == cases[i].committed);
        assert_int_equal(gc->regions, cases[i].has_regions);
        assert_int_equal(heap_count, cases[i].heaps);
        assert_int_equal(heaps[0].gen[GEN_0].bytes, cases[i].gen0);
        assert_int_equal(heaps[0].gen[GEN_LOH].bytes, cases[i].loh);
        assert_int_equal(region_count, cases[i].regions);
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        snapshot_deinit(&s);
    }
}

static void eeheap_says_when_its_total_is_missing_or_wrong(void **state) {
    (void)state;
    struct snapshot s;
    bool found;
    logs_read_text("Number of GC Heaps: 1\n segment    begin allocated     size\n"
                   "01360000 01361000  013aa01c 0x0004901c(299036)\n",
                   &s);
    assert_true(logs_has_reason(&s, "ends without the size"));
    assert_true(((const struct gc_row *)snapshot_row(&s, PART_GC))->allocated_bytes == ABSENT);
    snapshot_deinit(&s);
    logs_read_text("Number of GC Heaps: 1\n segment    begin allocated     size\n"
                   "01360000 01361000  013aa01c 0x0004901c(299036)\n"
                   "GC Heap Size  0x4b2cc(307916)\n",
                   &s);
    assert_int_equal(logs_reason(&s, "differ from the printed total", &found), 8880);
    snapshot_deinit(&s);
    logs_read_text("Number of GC Heaps: 1\n segment    begin allocated     size\n"
                   "01360000 01361000  013aa020 0x0004901c(299036)\n"
                   "GC Heap Size  0x4901c(299036)\n",
                   &s);
    assert_int_equal(logs_reason(&s, "do not fit the addresses", &found), 1);
    snapshot_deinit(&s);
}

static void loader_heaps_are_read_in_both_forms(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("eeheap-loader_netfx2_x86.txt", &s);
    assert_int_equal(logs_counter(&s, "loader.bytes"), 40960);
    SNAPSHOT_ROWS(&s, PART_LOADER, struct loader_row, old, old_count);
    assert_int_equal(old_count, 8); /* the two modules are one row */
    assert_string_equal(old[5].owner, "Domain 1");
    assert_int_equal(old[5].bytes, 20480);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
    logs_read_fixture("eeheap-loader_net7_linux.txt", &s);
    assert_int_equal(logs_counter(&s, "loader.bytes"), 204800);
    assert_int_equal(logs_counter(&s, "loader.wasted_bytes"), 4096);
    SNAPSHOT_ROWS(&s, PART_LOADER, struct loader_row, rows, count);
    assert_int_equal(count, 5);
    assert_string_equal(rows[0].owner, "System Domain");
    assert_string_equal(rows[3].owner, "Domain 1");
    assert_int_equal(rows[0].wasted, 4096);
    assert_true(rows[1].wasted == ABSENT);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
    logs_read_fixture("eeheap-loader_net10_no_total.txt", &s);
    assert_int_equal(logs_counter(&s, "loader.bytes"), 45056 + 196608);
    assert_int_equal(logs_counter(&s, "loader.wasted_bytes"), 4096);
    assert_int_equal(s.tables[PART_LOADER].count, 5);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

/* What prints no total of all ends with that of the JIT's heaps. */
static void loader_heaps_without_the_jits_are_cut(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_text(
        "System Domain:        7fd5e2b0c9a0\n"
        "StubHeap:             7fd564690000(10000:2000) Size: 0x2000 (8192) bytes total.\n"
        "Total size:           Size: 0x2000 (8192) bytes total.\n",
        &s);
    assert_true(logs_has_reason(&s, "without its total"));
    snapshot_deinit(&s);
}

static void finalizequeue_is_read_in_every_form(void **state) {
    (void)state;
    static const struct {
        const char *file;
        uint64_t generations[3], ready, pointer_bytes;
        uint32_t types;
        uint64_t objects;
    } cases[] = {
        {"finalizequeue_netfx2_x86.txt", {3, 2, 1}, 4, 4, 2, 10},
        {"finalizequeue_netfx4_x64_server.txt", {4, 3, 13}, 3, 8, 2, 23},
        {"finalizequeue_net8_linux.txt", {2, 1024, 0}, 3, 8, 2, 1029},
        {"finalizequeue_all_ready.txt", {1, 1, 0}, 0, 8, 0, 0},
        {"finalizequeue_net10_shifted.txt", {7, 3, 6}, 2, 8, 2, 18},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct snapshot s;
        uint64_t objects = 0;
        print_message("%s\n", cases[i].file);
        logs_read_fixture(cases[i].file, &s);
        const struct finalizer_row *queue = snapshot_row(&s, PART_FINALIZER);
        SNAPSHOT_ROWS(&s, PART_FINALIZABLE, struct finalizable_row, types, count);
        assert_non_null(queue);
        for (int g = 0; g < 3; g++)
            assert_int_equal(queue->finalizable[g], cases[i].generations[g]);
        assert_int_equal(queue->ready, cases[i].ready);
        assert_int_equal(snapshot_origin(&s)->pointer_bytes, cases[i].pointer_bytes);
        assert_int_equal(count, cases[i].types);
        for (uint32_t t = 0; t < count; t++)
            objects += types[t].objects;
        assert_int_equal(objects, cases[i].objects);
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        assert_false(snapshot_has(&s, PART_TYPES));
        snapshot_deinit(&s);
    }
}

static void finalizequeue_checks_counts_against_addresses(void **state) {
    (void)state;
    struct snapshot s;
    bool found;
    logs_read_text("generation 0 has 3 finalizable objects (003d5bac->003d5bb8)\n"
                   "generation 1 has 9 finalizable objects (003d5ba4->003d5bac)\n"
                   "generation 2 has 1 finalizable objects (003d5ba0->003d5ba4)\n"
                   "Ready for finalization 4 objects (003d5bb8->003d5bd8)\n",
                   &s);
    assert_int_equal(logs_reason(&s, "do not fit the addresses", &found), 2);
    snapshot_deinit(&s);
}

/* Where nothing lies between gen0 and the ready ones, or the table has no more, lines are right. */
static void finalizequeue_is_moved_only_where_the_table_agrees(void **state) {
    (void)state;
    static const char text[] = "generation 0 has 3 objects (7ee404016390->7ee4040163a8)\n"
                               "generation 1 has 1 objects (7ee404016388->7ee404016390)\n"
                               "generation 2 has 0 objects (7ee404016388->7ee404016388)\n"
                               "Ready for finalization 0 objects (7ee4040163b8->7ee4040163b8)\n"
                               "Statistics for all finalizable objects (including ready ones):\n"
                               "          MT Count TotalSize Class Name\n"
                               "7f24c931ebe8     %d       264 Shop.Caching.Handle\n"
                               "Total %d objects, 264 bytes\n";
    static const struct {
        int objects;
        uint64_t generations[3];
        bool differs;
    } cases[] = {{6, {2, 3, 1}, false}, {4, {3, 1, 0}, false}, {5, {3, 1, 0}, true}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char whole[sizeof(text) + 32];
        struct snapshot s;
        snprintf(whole, sizeof(whole), text, cases[i].objects, cases[i].objects);
        logs_read_text(whole, &s);
        const struct finalizer_row *queue = snapshot_row(&s, PART_FINALIZER);
        for (int g = 0; g < 3; g++)
            assert_int_equal(queue->finalizable[g], cases[i].generations[g]);
        assert_int_equal(logs_has_reason(&s, "differ from the table"), cases[i].differs);
        snapshot_deinit(&s);
    }
}

static void handles_are_counted_by_kind_and_by_type(void **state) {
    (void)state;
    static const struct {
        const char *file;
        uint32_t kinds, types, both;
        uint64_t strong;
        enum trust_grade trust;
    } cases[] = {
        {"gchandles_netfx2_x86.txt", 7, 2, 0, 15, TRUST_EXACT},
        {"gchandles_netfx4_x64.txt", 4, 5, 5, 2, TRUST_EXACT},
        {"gchandles_net8_stat_noprompt.txt", 1, 2, 0, 72665, TRUST_EXACT},
        {"gchandles_list_cut.txt", 1, 0, 2, 0, TRUST_PARTIAL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct snapshot s;
        uint32_t kinds = 0, types = 0, both = 0;
        uint64_t strong = 0;
        print_message("%s\n", cases[i].file);
        logs_read_fixture(cases[i].file, &s);
        SNAPSHOT_ROWS(&s, PART_HANDLES, struct handle_row, rows, count);
        for (uint32_t r = 0; r < count; r++) {
            kinds += rows[r].kind && !rows[r].type;
            types += !rows[r].kind && rows[r].type;
            both += rows[r].kind && rows[r].type;
            if (rows[r].kind && !rows[r].type && strcmp(rows[r].kind, "Strong") == 0)
                strong = rows[r].count;
        }
        assert_int_equal(kinds, cases[i].kinds);
        assert_int_equal(types, cases[i].types);
        assert_int_equal(both, cases[i].both);
        assert_int_equal(strong, cases[i].strong);
        assert_int_equal(snapshot_trust(&s), cases[i].trust);
        assert_false(snapshot_has(&s, PART_TYPES));
        snapshot_deinit(&s);
    }
}

#define PINNED \
    "0:000> !gchandles -type Pinned -stat\nStatistics:\n      MT    Count    TotalSize Class " \
    "Name\n" \
    "79c1a0c8       10          200 Shop.Buffer\nTotal 10 objects\n"

static void handles_said_twice_have_to_agree(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t rows;
        bool differ;
    } cases[] = {
        {PINNED PINNED, 1, false},
        {PINNED "0:000> !gchandles -type Strong -stat\nStatistics:\n"
                "      MT    Count    TotalSize Class Name\n"
                "79c1a0c8        7          140 Shop.Buffer\nTotal 7 objects\n",
         2, false},
        {PINNED "0:000> !gchandles -type Pinned -stat\nStatistics:\n"
                "      MT    Count    TotalSize Class Name\n"
                "79c1a0c8       11          220 Shop.Buffer\nTotal 11 objects\n",
         1, true},
        {"Strong Handles: 5\nPinned Handles: 2\n\nsome prose\nStrong Handles: 6\n", 2, true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct snapshot s;
        logs_read_text(cases[i].text, &s);
        SNAPSHOT_ROWS(&s, PART_HANDLES, struct handle_row, rows, count);
        assert_int_equal(count, cases[i].rows);
        assert_string_equal(rows[0].kind, i < 3 ? "Pinned" : "Strong");
        assert_int_equal(logs_has_reason(&s, "said twice and differ"), cases[i].differ);
        snapshot_deinit(&s);
    }
}

static void heapstat_is_read_in_both_forms(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("heapstat_netfx4_x64_server.txt", &s);
    SNAPSHOT_ROWS(&s, PART_HEAPS, struct heap_row, old, old_count);
    assert_int_equal(old_count, 2);
    assert_int_equal(old[1].free_gen[GEN_LOH], 118204656);
    assert_true(old[1].free_gen[GEN_POH] == ABSENT);
    assert_int_equal(logs_counter(&s, "heap.unrooted_bytes_loh"), 21224744);
    assert_string_equal(snapshot_origin(&s)->gc_mode, "server");
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
    logs_read_fixture("heapstat_net8_linux.txt", &s);
    SNAPSHOT_ROWS(&s, PART_HEAPS, struct heap_row, rows, count);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].gen[GEN_FROZEN].bytes, 17720);
    assert_int_equal(rows[0].free_gen[GEN_2], 49152);
    assert_int_equal(rows[0].committed, 3805184);
    assert_null(snapshot_origin(&s)->gc_mode); /* one heap: may be either */
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

/* A cell that is empty is not 0, and what the others add up to is no size of the heap. */
static void heapstat_without_frozen_figures_is_whole(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("heapstat_net10_no_frozen.txt", &s);
    SNAPSHOT_ROWS(&s, PART_HEAPS, struct heap_row, rows, count);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].gen[GEN_POH].bytes, 8184);
    assert_int_equal(rows[0].free_gen[GEN_1], 1138);
    assert_true(rows[0].free_gen[GEN_FROZEN] == ABSENT);
    assert_true(rows[0].allocated == ABSENT && rows[0].committed == ABSENT);
    assert_int_equal(logs_counter(&s, "heap.unrooted_bytes_gen0"), 16256);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

static void jmap_is_read_with_and_without_header(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("jmap_jdk17.txt", &s);
    assert_int_equal(snapshot_totals(&s).bytes, 1588152);
    assert_string_equal(logs_type(&s, "[B")->module, "java.base");
    assert_null(logs_type(&s, "shop.orders.Order")->module);
    assert_string_equal(snapshot_origin(&s)->runtime, "HotSpot");
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
    logs_read_fixture("jmap_jdk5_bare.txt", &s);
    assert_int_equal(snapshot_totals(&s).objects, 168);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
    logs_read_fixture("jmap_gclog_jdk6.txt", &s);
    assert_int_equal(snapshot_totals(&s).objects, 4120800 + 3980112);
    assert_true(logs_has_reason(&s, "left out by hand"));
    snapshot_deinit(&s);
}

static void gcdump_report_multiplies_the_size_of_one_object(void **state) {
    (void)state;
    struct snapshot s;
    bool found;
    logs_read_fixture("gcdump-report_net9.txt", &s);
    assert_int_equal(snapshot_totals(&s).objects, 44);
    assert_int_equal(snapshot_totals(&s).bytes, 2608);
    assert_int_equal(type_total(logs_type(&s, "System.Byte[]")).bytes, 1048 + 40);
    assert_int_equal(type_total(logs_type(&s, "Mill.Basket")).bytes, 20 * 48);
    assert_string_equal(logs_type(&s, "Mill.Basket")->module, "mill.dll");
    assert_null(logs_type(&s, "Mill.Husk [x]")->module);
    assert_int_equal(snapshot_origin(&s)->collected_first, 1);
    assert_string_equal(snapshot_origin(&s)->tool, "dotnet-gcdump");
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
    logs_read_fixture("gcdump-report_net6_cut.txt", &s);
    assert_int_equal(type_total(logs_type(&s, "System.String")).bytes, 20004 + 3 * 1500);
    assert_int_equal(logs_reason(&s, "in no row", &found), 12345 - 4 - 9);
    assert_int_equal(logs_reason(&s, "differ from the sum", &found),
                     1104220 - 20004 - 4500 - 9 * 1080);
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
}

static void a_dump_in_the_middle_of_a_gc_is_marked(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("dumpheap_gc_in_progress.txt", &s);
    assert_int_equal(((const struct gc_row *)snapshot_row(&s, PART_GC))->in_progress, 1);
    snapshot_deinit(&s);
}

/* -- All fixtures ------------------------------------------------------------------------------ */

static const char *const fixtures[] = {
    "dumpasync_net10_coalesce.txt",
    "dumpasync_net10_stacks.txt",
    "dumpasync_net10_stats.txt",
    "dumpasync_net5_x64.txt",
    "dumpheap_elided_tail.txt",
    "dumpheap_gc_in_progress.txt",
    "dumpheap_net8_linux.txt",
    "dumpheap_netcore3_linux.txt",
    "dumpheap_netfx2_x86.txt",
    "dumpheap_netfx4_x64_server.txt",
    "dumpheap_psscor2_gen_x86.txt",
    "dumpheap_sos11_x86.txt",
    "dumpheap_type_list_net8.txt",
    "dumpheap_whole_live_gen.txt",
    "dumpheap_wrapped_names.txt",
    "eeheap-gc_net6_segments.txt",
    "eeheap-gc_net8_regions_server.txt",
    "eeheap-gc_netfx2_x86_workstation.txt",
    "eeheap-gc_netfx4_x64_server.txt",
    "eeheap-loader_net7_linux.txt",
    "eeheap-loader_netfx2_x86.txt",
    "finalizequeue_all_ready.txt",
    "finalizequeue_net10_shifted.txt",
    "finalizequeue_net8_linux.txt",
    "finalizequeue_netfx2_x86.txt",
    "finalizequeue_netfx4_x64_server.txt",
    "gchandles_list_cut.txt",
    "gchandles_net8_stat_noprompt.txt",
    "gchandles_netfx2_x86.txt",
    "gchandles_netfx4_x64.txt",
    "gcdump-report_net6_cut.txt",
    "gcdump-report_net9.txt",
    "heapstat_net10_no_frozen.txt",
    "heapstat_net8_linux.txt",
    "heapstat_netfx4_x64_server.txt",
    "jmap_gclog_jdk6.txt",
    "jmap_jdk17.txt",
    "jmap_jdk5_bare.txt",
    "sos-notes_versions_differ.txt",
    "vmstat_netfx4_x64.txt",
};

/* What is kept of a text, as the bytes of its .snap file. */
static void encode(struct str text, struct strbuf *out) {
    struct snapshot s;
    struct err err;
    if (!logs_read_bytes(text.ptr, text.len, &s, &err))
        fail_msg("%s", err.msg);
    assert_true(snapfile_encode(&s, out, &err));
    snapshot_deinit(&s);
}

enum variant {
    CRLF,
    BOM,
    UTF16LE,
    UTF16BE,
    INDENTED,
    QUOTED,
    COMMENTED,
    DOUBLE_SPACED,
    FENCED,
    NO_NEWLINE,
    VARIANTS
};

/* What each line starts with. */
static const char *const variant_prefixes[VARIANTS] = {
    [INDENTED] = "    ", [QUOTED] = "> ", [COMMENTED] = "# "};

/* The text as other tools and people hand it on. */
static void vary(struct str text, enum variant variant, struct strbuf *out) {
    if (variant == BOM)
        strbuf_adds(out, "\xef\xbb\xbf");
    if (variant == UTF16LE)
        strbuf_adds(out, "\xff\xfe");
    if (variant == UTF16BE)
        strbuf_adds(out, "\xfe\xff");
    if (variant == FENCED)
        strbuf_adds(out, "```\n");
    const char *prefix = variant_prefixes[variant] ? variant_prefixes[variant] : "";
    strbuf_adds(out, prefix);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (variant == CRLF && c == '\n')
            strbuf_addc(out, '\r');
        if (variant == UTF16BE)
            strbuf_addc(out, '\0');
        strbuf_addc(out, c);
        if (variant == UTF16LE)
            strbuf_addc(out, '\0');
        if (variant == DOUBLE_SPACED && c == '\n')
            strbuf_addc(out, c);
        if (c == '\n' && i + 1 < text.len)
            strbuf_adds(out, prefix);
    }
    if (variant == FENCED)
        strbuf_adds(out, "```\n");
    if (variant == NO_NEWLINE)
        out->len--;
}

static void a_log_reads_the_same_however_it_was_saved(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(fixtures); i++) {
        struct file file;
        struct strbuf expected;
        logs_open_fixture(&file, fixtures[i]);
        struct str text = {(const char *)file.bytes.data, file.bytes.size};
        strbuf_init(&expected);
        encode(text, &expected);
        for (int v = 0; v < VARIANTS; v++) {
            struct strbuf varied, got;
            strbuf_init(&varied);
            strbuf_init(&got);
            vary(text, (enum variant)v, &varied);
            encode(strbuf_str(&varied), &got);
            if (!str_eq(strbuf_str(&got), strbuf_str(&expected)))
                fail_msg("%s differs in variant %d", fixtures[i], v);
            strbuf_deinit(&varied);
            strbuf_deinit(&got);
        }
        strbuf_deinit(&expected);
        file_close(&file);
    }
}

/* A prefix that is believed to be exact has to be: no table that is cut may pass for a whole one.
 */
static void no_prefix_of_a_log_passes_for_the_whole(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(fixtures); i++) {
        struct file file;
        struct snapshot whole;
        logs_open_fixture(&file, fixtures[i]);
        logs_read_fixture(fixtures[i], &whole);
        struct snapshot_totals all = snapshot_totals(&whole);
        for (size_t n = 0; n < file.bytes.size; n++) {
            uint8_t *cut = malloc(n ? n : 1);
            struct snapshot s;
            struct err err;
            assert_non_null(cut);
            memcpy(cut, file.bytes.data, n);
            if (logs_read_bytes(cut, n, &s, &err)) {
                bool exact = snapshot_trust(&s) == TRUST_EXACT;
                if (exact && snapshot_has(&s, PART_TYPES) &&
                    snapshot_totals(&s).objects != all.objects)
                    fail_msg("%s: the first %zu bytes pass for exact", fixtures[i], n);
            } else {
                assert_true(err.code == ERR_FORMAT);
            }
            snapshot_deinit(&s);
            free(cut);
        }
        snapshot_deinit(&whole);
        file_close(&file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eeheap_is_read_in_every_form),
        cmocka_unit_test(eeheap_says_when_its_total_is_missing_or_wrong),
        cmocka_unit_test(loader_heaps_are_read_in_both_forms),
        cmocka_unit_test(finalizequeue_is_read_in_every_form),
        cmocka_unit_test(finalizequeue_checks_counts_against_addresses),
        cmocka_unit_test(handles_are_counted_by_kind_and_by_type),
        cmocka_unit_test(handles_said_twice_have_to_agree),
        cmocka_unit_test(heapstat_is_read_in_both_forms),
        cmocka_unit_test(heapstat_without_frozen_figures_is_whole),
        cmocka_unit_test(loader_heaps_without_the_jits_are_cut),
        cmocka_unit_test(finalizequeue_is_moved_only_where_the_table_agrees),
        cmocka_unit_test(jmap_is_read_with_and_without_header),
        cmocka_unit_test(gcdump_report_multiplies_the_size_of_one_object),
        cmocka_unit_test(a_dump_in_the_middle_of_a_gc_is_marked),
        cmocka_unit_test(a_log_reads_the_same_however_it_was_saved),
        cmocka_unit_test(no_prefix_of_a_log_passes_for_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
