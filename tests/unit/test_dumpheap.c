/* dumpheap and the tables that look like it, on fixtures and on text made here. */
#include "tests/support/logs.h"

#include "input/log/type_table.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* -- dumpheap ---------------------------------------------------------------------------------- */

static const struct {
    const char *file;
    uint32_t types;
    uint64_t objects, bytes, free_bytes, pointer_bytes;
    uint32_t free_blocks;
    enum trust_grade trust;
    const char *filter, *reason;
    uint64_t reason_count;
} dumpheap_cases[] = {
    {"dumpheap_netfx2_x86.txt", 7, 1613, 69024, 1512, 4, 2, TRUST_EXACT, NULL, NULL, 0},
    {"dumpheap_netfx4_x64_server.txt", 7, 1613, 138048, 3024, 8, 0, TRUST_EXACT, NULL, NULL, 0},
    {"dumpheap_netcore3_linux.txt", 7, 1613, 138048, 3024, 8, 0, TRUST_EXACT, NULL, NULL, 0},
    {"dumpheap_net8_linux.txt", 7, 1613049, 138049176, 3024168, 8, 1, TRUST_EXACT, NULL, NULL, 0},
    {"dumpheap_sos11_x86.txt", 7, 1613, 69024, 1512, 4, 0, TRUST_EXACT, NULL, NULL, 0},
    {"dumpheap_psscor2_gen_x86.txt", 3, 69, 302384, 1332, 4, 0, TRUST_PARTIAL, "-gen 3",
     "not the whole heap, only -gen 3", ABSENT},
    {"dumpheap_type_list_net8.txt", 2, 3, 184, 0, 8, 0, TRUST_PARTIAL, "-type Shop.Orders",
     "not the whole heap", ABSENT},
    {"dumpheap_wrapped_names.txt", 5, 63, 3800, 0, 8, 0, TRUST_EXACT, NULL, NULL, 0},
    {"dumpheap_elided_tail.txt", 3, 1600, 211520, 0, 8, 0, TRUST_PARTIAL, NULL,
     "objects of the printed Total", 400},
    {"dumpheap_whole_live_gen.txt", 7, 1613, 138048, 3024, 8, 0, TRUST_EXACT, NULL, NULL, 0},
    {"dumpheap_gc_in_progress.txt", 1, 12, 528, 0, ABSENT, 0, TRUST_PARTIAL, NULL, "middle of a GC",
     ABSENT},
};

static void dumpheap_is_read_in_every_form(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(dumpheap_cases); i++) {
        struct snapshot s;
        print_message("%s\n", dumpheap_cases[i].file);
        logs_read_fixture(dumpheap_cases[i].file, &s);
        struct snapshot_totals totals = snapshot_totals(&s);
        const struct origin_row *origin = snapshot_origin(&s);
        SNAPSHOT_ROWS(&s, PART_TYPES, struct type_row, types, count);
        SNAPSHOT_ROWS(&s, PART_FREE_BLOCKS, struct free_block_row, blocks, block_count);
        (void)types;
        (void)blocks;
        assert_int_equal(count, dumpheap_cases[i].types);
        assert_int_equal(totals.objects, dumpheap_cases[i].objects);
        assert_int_equal(totals.bytes, dumpheap_cases[i].bytes);
        assert_int_equal(totals.free_bytes, dumpheap_cases[i].free_bytes);
        assert_true(origin->pointer_bytes == dumpheap_cases[i].pointer_bytes);
        assert_int_equal(block_count, dumpheap_cases[i].free_blocks);
        assert_int_equal(snapshot_trust(&s), dumpheap_cases[i].trust);
        if (dumpheap_cases[i].filter)
            assert_string_equal(origin->types_filter, dumpheap_cases[i].filter);
        else
            assert_null(origin->types_filter);
        if (dumpheap_cases[i].reason) {
            bool found;
            uint64_t n = logs_reason(&s, dumpheap_cases[i].reason, &found);
            assert_true(found);
            assert_true(n == dumpheap_cases[i].reason_count);
        }
        snapshot_deinit(&s);
    }
}

static void wrapped_and_spliced_names_are_put_together(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("dumpheap_wrapped_names.txt", &s);
    logs_type(&s, "Shop.Caching.Node`2[[System.String, mscorlib],[Shop.Orders.Order, Shop]]");
    logs_type(&s, "Shop.Web.ViewState");
    logs_type(&s, "System.Collections.Generic.Dictionary`2[[System.String, mscorlib],"
                  "[System.Object, mscorlib]]");
    logs_type(&s, "Shop.Very.Long.Namespace.That.Nobody.Would.Write");
    snapshot_deinit(&s);
}

static void live_and_generations_refine_the_whole_heap(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_fixture("dumpheap_whole_live_gen.txt", &s);
    const struct type_row *line = logs_type(&s, "Shop.Orders.OrderLine");
    assert_int_equal(line->live_objects, 30);
    assert_int_equal(line->live_bytes, 1440);
    assert_int_equal(line->gen[GEN_2].objects, 25);
    assert_int_equal(line->gen[GEN_UNKNOWN].objects, 15);
    assert_int_equal(type_total(line).bytes, 1920);
    assert_int_equal(logs_type(&s, "System.Object[]")->live_objects, 0);
    const struct live_row *live = snapshot_row(&s, PART_LIVE);
    assert_non_null(live);
    assert_int_equal(live->objects, 1030);
    assert_int_equal(live->bytes, 91440);
    assert_int_equal(live->garbage_bytes, 138048 - 3024 - 91440); /* Free is no garbage */
    snapshot_deinit(&s);
}

#define WHOLE \
    "0:000> !dumpheap -stat\nStatistics:\n      MT    Count    TotalSize Class Name\n" \
    "79c1a0c8       10          200 Shop.Cart\n79b94638      100         4000 System.String\n" \
    "Total 110 objects\n"
#define WHOLE_LATER \
    "0:000> !dumpheap -stat\nStatistics:\n      MT    Count    TotalSize Class Name\n" \
    "79c1a0c8       20          400 Shop.Cart\n79b94638      100         4000 System.String\n" \
    "Total 120 objects\n"
#define ONLY_CARTS \
    "0:000> !dumpheap -stat -type Shop.Cart\nStatistics:\n" \
    "      MT    Count    TotalSize Class Name\n79c1a0c8       10          200 Shop.Cart\n" \
    "Total 10 objects\n"
#define TAIL "!dumpheap -stat\n79b94638      100         4000 System.String\nTotal 110 objects\n"
#define LIVE \
    "0:000> !dumpheap -stat -live\nStatistics:\n      MT    Count    TotalSize Class Name\n" \
    "79c1a0c8        4           80 Shop.Cart\n79b94638       50         2000 System.String\n" \
    "Total 54 objects\n"

static void tables_of_one_dump_are_joined(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t objects;
        const char *filter, *reason;
        enum trust_grade trust;
    } cases[] = {
        {WHOLE WHOLE, 110, NULL, NULL, TRUST_EXACT},
        {WHOLE WHOLE_LATER, 120, NULL, "is printed 2 times, and differs", TRUST_EXACT},
        {WHOLE ONLY_CARTS, 110, NULL, NULL, TRUST_EXACT},
        {ONLY_CARTS WHOLE, 110, NULL, NULL, TRUST_EXACT},
        {ONLY_CARTS, 10, "-type Shop.Cart", "not the whole heap", TRUST_PARTIAL},
        {ONLY_CARTS ONLY_CARTS, 10, "-type Shop.Cart", "not the whole heap", TRUST_PARTIAL},
        {TAIL WHOLE, 110, NULL, "objects of the printed Total", TRUST_PARTIAL},
        {WHOLE TAIL, 110, NULL, "objects of the printed Total", TRUST_PARTIAL},
        {LIVE, 54, "-live", "only live objects", TRUST_EXACT},
        {LIVE WHOLE, 110, NULL, NULL, TRUST_EXACT},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct snapshot s;
        print_message("case %zu\n", i);
        logs_read_text(cases[i].text, &s);
        assert_int_equal(snapshot_totals(&s).objects, cases[i].objects);
        if (cases[i].filter)
            assert_string_equal(snapshot_origin(&s)->types_filter, cases[i].filter);
        else
            assert_null(snapshot_origin(&s)->types_filter);
        if (cases[i].reason)
            assert_true(logs_has_reason(&s, cases[i].reason));
        assert_false(!cases[i].reason && logs_has_reason(&s, "differ"));
        assert_int_equal(snapshot_trust(&s), cases[i].trust);
        snapshot_deinit(&s);
    }
}

static void tables_without_end_are_not_all_compared(void **state) {
    (void)state;
    struct strbuf text;
    struct snapshot s;
    bool found;
    strbuf_init(&text);
    strbuf_adds(&text, WHOLE);
    for (unsigned i = 0; i < TYPE_TABLES_MAX; i++)
        strbuf_adds(&text, ONLY_CARTS);
    logs_read_text(strbuf_cstr(&text), &s);
    assert_int_equal(logs_reason(&s, "were not looked at", &found), 1);
    assert_int_equal(snapshot_totals(&s).objects, 110);
    snapshot_deinit(&s);
    strbuf_deinit(&text);
}

static void live_before_the_whole_heap_is_kept_as_live(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_text(LIVE WHOLE, &s);
    assert_int_equal(logs_type(&s, "Shop.Cart")->live_objects, 4);
    assert_int_equal(type_total(logs_type(&s, "Shop.Cart")).objects, 10);
    const struct live_row *live = snapshot_row(&s, PART_LIVE);
    assert_int_equal(live->garbage_objects, 56);
    snapshot_deinit(&s);
}

static void a_filter_is_told_without_its_command(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_text(
        "      MT    Count    TotalSize Class Name\n79c1a0c8       10          200 Shop.Cart\n"
        "Total 10 objects\n",
        &s);
    assert_non_null(snapshot_origin(&s)->types_filter);
    snapshot_deinit(&s);
    logs_read_text(
        " Address       MT     Size\n02d90038 79c1a0c8       20\n02d9004c 79c1a0c8       20\n"
        "Statistics:\n      MT    Count    TotalSize Class Name\n"
        "79c1a0c8        1           20 Shop.Cart\n79b94638       1         40 "
        "System.String\nTotal 2 objects\n",
        &s);
    assert_non_null(snapshot_origin(&s)->types_filter);
    snapshot_deinit(&s);
    /* The dash of a word processor, the emphasis of Markdown. */
    logs_read_text("**!dumpheap \xe2\x80\x93stat \xe2\x80\x93type Free**\n"
                   "  00152b18      230     40958584      Free\n  Total 230 objects\n",
                   &s);
    assert_non_null(strstr(snapshot_origin(&s)->types_filter, "-type Free"));
    snapshot_deinit(&s);
}

/* -- Thousands separators ---------------------------------------------------------------------- */

static void put_grouped(struct strbuf *out, uint64_t value, const char *separator, size_t width) {
    char digits[32];
    size_t n = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
    size_t shown = n + (n - 1) / 3 * (*separator ? 1 : 0);
    for (size_t i = shown; i < width; i++)
        strbuf_addc(out, ' ');
    for (size_t i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            strbuf_adds(out, separator);
        strbuf_addc(out, digits[i]);
    }
}

static void separators_of_every_culture_are_understood(void **state) {
    (void)state;
    static const char *const separators[] = {
        "", ",", ".", "'", "_", " ", "\xc2\xa0", "\xe2\x80\xaf", "\xe2\x80\x99"};
    static const struct {
        uint64_t objects, bytes;
        const char *name;
    } rows[] = {
        {3, 96, "Shop.Cart"},
        {3707, 29200288, "System.Collections.Generic.Dictionary<Shop.Key, System.Object>+Entry[]"},
        {488504, 30928952, "System.Int32[]"},
        {89345, 176101584, "System.Byte[]"},
        {5041634, 273120470, "System.String"},
    };
    for (size_t i = 0; i < COUNT(separators); i++) {
        struct strbuf text;
        struct snapshot s;
        strbuf_init(&text);
        strbuf_adds(&text, "> dumpheap -stat\nStatistics:\n"
                           "          MT     Count   TotalSize Class Name\n");
        uint64_t objects = 0, bytes = 0;
        for (size_t r = 0; r < COUNT(rows); r++) {
            strbuf_addf(&text, "7efe6d6bd7%02zx ", r);
            put_grouped(&text, rows[r].objects, separators[i], 9);
            strbuf_addc(&text, ' ');
            put_grouped(&text, rows[r].bytes, separators[i], 11);
            strbuf_addf(&text, " %s\n", rows[r].name);
            objects += rows[r].objects;
            bytes += rows[r].bytes;
        }
        strbuf_adds(&text, "Total ");
        put_grouped(&text, objects, separators[i], 0);
        strbuf_adds(&text, " objects, ");
        put_grouped(&text, bytes, separators[i], 0);
        strbuf_adds(&text, " bytes\n");
        logs_read_text(strbuf_cstr(&text), &s);
        print_message("separator '%s'\n", separators[i]);
        assert_int_equal(snapshot_totals(&s).objects, objects);
        assert_int_equal(snapshot_totals(&s).bytes, bytes);
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
        for (size_t r = 0; r < COUNT(rows); r++)
            assert_int_equal(type_total(logs_type(&s, rows[r].name)).objects, rows[r].objects);
        snapshot_deinit(&s);
        strbuf_deinit(&text);
    }
}

/* -- Bad input --------------------------------------------------------------------------------- */

#define HEADER "Statistics:\n      MT    Count    TotalSize Class Name\n"

static void a_table_without_any_row_understood_is_an_error(void **state) {
    (void)state;
    static const char *const cases[] = {
        "0:000> !dumpheap -stat\n" HEADER,
        HEADER "79c1a0c8  -5  200 Shop.Cart\nTotal 10 objects\n",
        HEADER "79c1a0c8  0x0a  200 Shop.Cart\nTotal 10 objects\n",
        HEADER "79c1a0c8  99999999999999999999999  200 Shop.Cart\nTotal 10 objects\n",
        "no debugger was here\n",
        "Number of GC Heaps: none\n",
        " num     #instances         #bytes  class name\n   1:   -5  100 [C\n",
        "          Handle Type                  Object     Size             Data Type\nnothing\n",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct snapshot s;
        struct err err;
        print_message("case %zu\n", i);
        assert_false(logs_read_bytes(cases[i], strlen(cases[i]), &s, &err));
        assert_int_equal(err.code, ERR_FORMAT);
        assert_true(err.msg[0] != '\0');
        snapshot_deinit(&s);
    }
}

static void rows_that_cannot_be_read_are_counted(void **state) {
    (void)state;
    struct snapshot s;
    bool found;
    logs_read_text("0:000> !dumpheap -stat\n" HEADER "79c1a0c8  -5  200 Shop.Cart\n"
                   "79c1a0d0  99999999999999999999999  200 Shop.Order\n"
                   "79b94638      100         4000 System.String\nTotal 110 objects\n",
                   &s);
    assert_int_equal(logs_reason(&s, "were not understood", &found), 2);
    assert_int_equal(logs_reason(&s, "objects of the printed Total", &found), 10);
    assert_int_equal(snapshot_totals(&s).objects, 100);
    snapshot_deinit(&s);
}

static void sums_beyond_64_bits_stick_and_warn(void **state) {
    (void)state;
    struct snapshot s;
    logs_read_text("0:000> !dumpheap -stat\n" HEADER
                   "79c1a0c8  18446744073709551614  18446744073709551614 Shop.Cart\n"
                   "79c1a0d8  18446744073709551614  18446744073709551614 Shop.Cart\n",
                   &s);
    assert_true(logs_has_reason(&s, "overflow"));
    assert_int_equal(snapshot_trust(&s), TRUST_PARTIAL);
    snapshot_deinit(&s);
}

/* -- Look-alikes ------------------------------------------------------------------------------- */

static void tables_that_look_alike_go_to_their_own_part(void **state) {
    (void)state;
    static const char table[] =
        HEADER "79c1a0c8       10          200 Shop.Cart\n79b94638      100         4000 "
               "System.String\nTotal 110 objects\n";
    static const struct {
        const char *before, *after;
        enum part part;
    } cases[] = {
        {"0:000> !dumpheap -stat\n", "", PART_TYPES},
        {"", "", PART_TYPES},
        {"", "\nHandles:\n    Strong Handles: 110\n", PART_HANDLES},
        {"0:000> !gchandles -stat\n", "", PART_HANDLES},
        {"0:000> !dumpasync -stat\n", "", PART_COUNTERS},
        {"0:000> !finalizequeue -short\n", "", PART_FINALIZABLE},
        {"Ready for finalization 0 objects (003d5bac->003d5bac)\n", "", PART_FINALIZABLE},
        {"Statistics for all finalizable objects (including all objects ready for "
         "finalization):\n",
         "", PART_FINALIZABLE},
    };
    static const enum part parts[] = {PART_TYPES, PART_HANDLES, PART_COUNTERS, PART_FINALIZABLE};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[1024];
        struct snapshot s;
        print_message("case %zu\n", i);
        snprintf(text, sizeof(text), "%s%s%s", cases[i].before, table, cases[i].after);
        logs_read_text(text, &s);
        for (size_t p = 0; p < COUNT(parts); p++)
            assert_int_equal(snapshot_has(&s, parts[p]), parts[p] == cases[i].part);
        snapshot_deinit(&s);
    }
}

static void lines_of_other_commands_are_no_rows(void **state) {
    (void)state;
    static const char *const lines[] = {
        "00010000 00020000 00010000 MEM_MAPPED MEM_COMMIT\n",
        "00160000 00000002    4096   4080   4080      3     0     1    0      0   L\n",
        "11264    2  2c00 00531a48      b228 Enabled  00000000:00000000 0051cc90     0 MTA\n",
        "00400000 00012345 10203040 kernel32!BaseThreadStart+0x37\n",
        "  41:2c08      0 days 0:00:07.312\n",
        "88 was the number of 21120 lines that the log had\n",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct snapshot s;
        struct err err;
        bool ok = logs_read_bytes(lines[i], strlen(lines[i]), &s, &err);
        assert_false(ok && snapshot_has(&s, PART_TYPES));
        snapshot_deinit(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dumpheap_is_read_in_every_form),
        cmocka_unit_test(wrapped_and_spliced_names_are_put_together),
        cmocka_unit_test(live_and_generations_refine_the_whole_heap),
        cmocka_unit_test(tables_of_one_dump_are_joined),
        cmocka_unit_test(tables_without_end_are_not_all_compared),
        cmocka_unit_test(live_before_the_whole_heap_is_kept_as_live),
        cmocka_unit_test(a_filter_is_told_without_its_command),
        cmocka_unit_test(separators_of_every_culture_are_understood),
        cmocka_unit_test(a_table_without_any_row_understood_is_an_error),
        cmocka_unit_test(rows_that_cannot_be_read_are_counted),
        cmocka_unit_test(sums_beyond_64_bits_stick_and_warn),
        cmocka_unit_test(tables_that_look_alike_go_to_their_own_part),
        cmocka_unit_test(lines_of_other_commands_are_no_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
