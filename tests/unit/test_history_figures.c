/*
 * What a history keeps of figures is what they were: in pieces, in few bytes or many, in whichever
 * store.
 */
#include "tests/support/history_place.h"
#include "model/builder.h"
#include "model/rows_origin.h"
#include "tests/support/mk_snap.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/*
 * What a run said last is kept in pieces, which are put together now and then: what is compared
 * with is the same. Few of many types change, types go and come back, and a snapshot in between
 * does not speak of types.
 */
static void what_changes_little_adds_up(void **state) {
    enum { SNAPSHOTS = 100, TYPES = 400 };
    struct history h = place_open(*state);
    struct strbuf text;
    strbuf_init(&text);
    for (unsigned n = 0; n < SNAPSHOTS; n++) {
        strbuf_clear(&text);
        strbuf_addf(&text, "origin process=shop pid=1 captured_at=%u000000000\n", n + 1);
        if (n % 10 == 9)
            strbuf_addf(&text, "threads os_id=%u\n", n);
        for (unsigned t = 0; t < TYPES && n % 10 != 9; t++)
            if (t % 50 != n % 50)
                strbuf_addf(&text, "types name=\"A.T%u\" gen2=%u/%u\n", t, t + (t == 7 ? n : 1),
                            t * 100 + 100);
        place_add_text(&h, &place_key, strbuf_cstr(&text));
        if (n % 17 == 0) { /* another process goes on */
            history_close(&h);
            h = place_open(*state);
        }
    }
    strbuf_deinit(&text);
    uint32_t count;
    struct history_entry *items = place_entries(&h, &count);
    struct history_values v;
    struct err err;
    bool found;
    uint64_t rows;
    assert_int_equal(count, SNAPSHOTS);
    static const unsigned looked_at[] = {0, 7, 13, 49, 399};
    for (unsigned i = 0; i < sizeof(looked_at) / sizeof(*looked_at); i++) {
        char name[16];
        unsigned t = looked_at[i];
        snprintf(name, sizeof(name), "A.T%u", t);
        assert_true(history_find(&h, items, count, name, &v, &found, &err) && found);
        for (unsigned n = 0; n < SNAPSHOTS; n++) {
            uint64_t want = n % 10 == 9 ? ABSENT : t % 50 == n % 50 ? 0 : t + (t == 7 ? n : 1);
            assert_int_equal(v.columns[HISTORY_OBJECTS][n], want);
        }
    }
    /* The same figure is said once: a type that goes and comes back, each time. */
    assert_true(store_ask(&h,
                          "SELECT count(*) FROM value v JOIN type t ON t.id = v.type"
                          " WHERE t.name = 'A.T13'",
                          NULL, 0, &rows, &err));
    assert_int_equal(rows, 5);
    history_close(&h);
}

/* Any figure comes back as it was, however it is kept: of four bytes, of eight, or not known. */
static void large_figures_are_exact(void **state) {
    static const uint64_t sizes[] = {0,          1,          2147483647, 2147483648,
                                     4294967296, 1ull << 50, 2147483647, 5};
    enum { SIZES = sizeof(sizes) / sizeof(*sizes) };
    struct history h = place_open(*state);
    for (unsigned n = 0; n < SIZES; n++) {
        char text[300];
        snprintf(text, sizeof(text),
                 "origin process=shop pid=1 captured_at=%llu000000000\n"
                 "types name=\"A.Old\" gen2=1/%llu\n"
                 "types name=\"A.Young\" gen0=1/%llu\n"
                 "types name=\"A.Both\" gen0=%u/8 gen2=1/%llu\n",
                 1793000000ull + n, (unsigned long long)sizes[n], (unsigned long long)sizes[n],
                 n + 1, (unsigned long long)sizes[n]);
        place_add_text(&h, &place_key, text);
    }
    uint32_t count;
    struct history_entry *items = place_entries(&h, &count);
    struct history_values v;
    struct err err;
    bool found;
    assert_int_equal(count, SIZES);
    for (unsigned n = 0; n < SIZES; n++) {
        assert_true(history_find(&h, items, count, "A.Old", &v, &found, &err) && found);
        assert_int_equal(v.columns[HISTORY_BYTES][n], sizes[n]);
        assert_int_equal(v.columns[HISTORY_MATURE][n], sizes[n]);
        assert_true(history_find(&h, items, count, "A.Young", &v, &found, &err) && found);
        assert_int_equal(v.columns[HISTORY_BYTES][n], sizes[n]);
        assert_int_equal(v.columns[HISTORY_MATURE][n], 0);
        assert_true(history_find(&h, items, count, "A.Both", &v, &found, &err) && found);
        assert_int_equal(v.columns[HISTORY_BYTES][n], sizes[n] + 8);
        assert_int_equal(v.columns[HISTORY_MATURE][n], sizes[n]);
        assert_int_equal(v.columns[HISTORY_OBJECTS][n], n + 2);
        assert_int_equal(v.columns[HISTORY_LIVE_BYTES][n], ABSENT);
    }
    assert_true(history_find(&h, items, count, "types.total.heap", &v, &found, &err) && found);
    assert_int_equal(v.columns[HISTORY_BYTES][5], 3 * sizes[5] + 8);
    assert_int_equal(v.columns[HISTORY_MATURE][5], ABSENT);
    /* And through pruning, in a month of its own. */
    uint64_t removed;
    const struct history_filter all = {.program = NULL};
    assert_true(history_prune(&h, &all, 3, &removed, &err));
    items = place_entries(&h, &count);
    assert_int_equal(count, 3);
    assert_true(history_find(&h, items, count, "A.Both", &v, &found, &err) && found);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(v.columns[HISTORY_BYTES][i], sizes[SIZES - 3 + i] + 8);
    history_close(&h);
}

/* Types may be called anything: names are what they are, or cleaned, and none of them is run. */
static void any_name_of_a_type_is_kept(void **state) {
    static char longer[16 * 1024];
    memset(longer, 'n', sizeof(longer));
    const struct str names[] = {STR("'; DROP TABLE value; --"),
                                STR("\"); DELETE FROM snapshot; --"),
                                STR("$1"),
                                STR("a\tb\\N\n\\."),
                                {"nul\0inside", 10},
                                {"\0", 1},
                                STR("\xff\xfe broken"),
                                STR("cut \xe2\x80"),
                                STR("\xe2\x80\xaeright to left"),
                                STR("%s%n"),
                                STR("{\"a\",NULL}"),
                                {longer, sizeof(longer)}};
    enum { NAMES = sizeof(names) / sizeof(*names) };
    struct history h = place_open(*state);
    struct err err;
    for (unsigned n = 0; n < 3; n++) {
        struct snapshot s;
        uint64_t id;
        bool known;
        snapshot_init(&s);
        struct builder *b = builder_new(&s, &err);
        struct origin_row *origin = b ? builder_single(b, PART_ORIGIN, &err) : NULL;
        assert_non_null(origin);
        origin->captured_at_ns = n + 1;
        for (unsigned i = 0; i < NAMES; i++)
            assert_true(builder_add_type(b, names[i], STR("A.dll"), GEN_2,
                                         (struct cell){i + 1, (i + 1) * (n + 1) * 8}, &err));
        assert_true(builder_finish(b, &err));
        builder_free(b);
        assert_true(history_add(&h, &s, &place_key, NULL, &id, &known, &err));
        assert_false(known);
        snapshot_deinit(&s);
    }
    uint32_t count;
    struct history_entry *items = place_entries(&h, &count);
    uint64_t sums[3] = {0};
    assert_int_equal(count, 3);
    assert_true(history_each(&h, items, count, place_count_visit, sums, &err));
    for (unsigned n = 0; n < 3; n++) /* nothing is lost, whatever it is called now */
        assert_int_equal(sums[n], NAMES * (NAMES + 1) / 2 * (n + 1) * 8);
    for (unsigned i = 0; i < 3; i++) { /* control characters, behind, are not kept */
        struct history_values v;
        bool found;
        assert_true(history_find(&h, items, count, names[i].ptr, &v, &found, &err));
        assert_true(found);
        assert_int_equal(v.columns[HISTORY_OBJECTS][2], i + 1);
    }
    history_close(&h);
}

#define EACH(DO) \
    DO(any_name_of_a_type_is_kept), DO(what_changes_little_adds_up), DO(large_figures_are_exact)
PLACE_MAIN(EACH)
