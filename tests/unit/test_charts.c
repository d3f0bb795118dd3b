/* Charts of the HTML report: where their parts go, and that names are never more than text. */
#include "base/arena.h"
#include "diff/report/charts/markup.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#define NEAR 1e-9

static bool page_has_all(const void *context, char kind, uint32_t number) {
    (void)context, (void)kind;
    return number != CHART_NONE;
}

static const struct chart_page whole_page = {.number = 0, .has = page_has_all};

/* -- Lines ------------------------------------------------------------------------------------- */

static void bands_stand_on_one_another_and_the_axis_is_round(void **state) {
    (void)state;
    static const uint64_t first[] = {100, 200, 300}, second[] = {50, ABSENT, 50};
    static const uint64_t times[] = {1000, 2000, 5000};
    static const char *const labels[] = {"a", "b", "c"};
    const struct chart_line lines[] = {{"first", first, CHART_NONE, NULL, CHART_NONE},
                                       {"second", second, CHART_NONE, NULL, CHART_NONE}};
    const struct chart_lines chart = {.unit = CHART_COUNT,
                                      .points = 3,
                                      .labels = labels,
                                      .times_ns = times,
                                      .lines = lines,
                                      .count = 2,
                                      .stacked = true};
    struct arena arena;
    struct lines_layout l;
    struct err err;
    arena_init(&arena);
    assert_true(lines_layout(&chart, &arena, &l, &err));
    assert_true(fabs(l.x[1] - 0.25) < NEAR && fabs(l.x[2] - 1) < NEAR);
    uint64_t top = l.ticks[l.tick_count - 1];
    assert_int_equal(l.ticks[0], 0);
    assert_true(top >= 350 && top <= 400 && l.ticks[1] == 100);
    assert_true(fabs(l.bands[0].high[0] - 100.0 / (double)top) < NEAR);
    assert_true(fabs(l.bands[1].low[0] - l.bands[0].high[0]) < NEAR);
    assert_true(fabs(l.bands[1].high[2] - 350.0 / (double)top) < NEAR);
    /* What is absent takes no room, and is no zero that others would fall to. */
    assert_true(fabs(l.bands[1].high[1] - l.bands[0].high[1]) < NEAR);
    arena_deinit(&arena);
}

static void lines_that_do_not_add_up_have_gaps(void **state) {
    (void)state;
    static const uint64_t values[] = {ABSENT, 1 << 20};
    static const char *const labels[] = {"a", "b"};
    const struct chart_line line = {"one", values, CHART_NONE, NULL, CHART_NONE};
    const struct chart_lines chart = {
        .points = 2, .labels = labels, .lines = &line, .count = 1, .stacked = false};
    struct arena arena;
    struct lines_layout l;
    struct err err;
    arena_init(&arena);
    assert_true(lines_layout(&chart, &arena, &l, &err));
    assert_true(isnan(l.bands[0].high[0]));
    assert_true(fabs(l.bands[0].high[1] - 1) < NEAR); /* 1 MiB is a round number of bytes */
    arena_deinit(&arena);
}

static void labels_of_slopes_do_not_cover_one_another(void **state) {
    (void)state;
    static const uint64_t values[][2] = {{1000, 2000}, {10, 30},       {10, 20},
                                         {11, 10},     {ABSENT, 1990}, {0, 0}};
    enum { COUNT = sizeof(values) / sizeof(*values) };
    struct chart_line lines[COUNT];
    for (uint32_t i = 0; i < COUNT; i++)
        lines[i] = (struct chart_line){"n", values[i], CHART_NONE, NULL, CHART_NONE};
    const struct chart_lines chart = {.points = 2, .lines = lines, .count = COUNT, .total = true};
    static const double gaps[] = {0.07, 0.5}; /* of 0.5 there is no room for */
    for (size_t g = 0; g < 2; g++) {
        double least = g ? 0.2 - NEAR : gaps[g] - NEAR;
        struct arena arena;
        struct slopes_layout l;
        struct err err;
        arena_init(&arena);
        assert_true(slopes_layout(&chart, gaps[g], &arena, &l, &err));
        assert_true(fabs(l.ends[0][0].at - 0.5) < NEAR && fabs(l.ends[1][0].at - 1) < NEAR);
        assert_true(isnan(l.ends[0][4].at)); /* and not at the foot */
        for (int side = 0; side < 2; side++)
            for (uint32_t i = 0; i < COUNT; i++) {
                const struct slope_end *a = &l.ends[side][i];
                if (isnan(a->at))
                    continue;
                assert_true(a->label > -NEAR && a->label < 1 + NEAR);
                for (uint32_t k = 0; k < i; k++) {
                    const struct slope_end *b = &l.ends[side][k];
                    if (isnan(b->at))
                        continue;
                    assert_true(fabs(a->label - b->label) > least);
                    if (a->at > b->at) /* their order is that of the figures */
                        assert_true(a->label > b->label);
                }
            }
        arena_deinit(&arena);
    }
}

/* -- Trees ------------------------------------------------------------------------------------- */

static struct chart_node *made_nodes(struct arena *arena, const struct chart_node *nodes,
                                     uint32_t count) {
    struct chart_node *copy = arena_array(arena, count, sizeof(*copy));
    assert_non_null(copy);
    for (uint32_t i = 0; i < count; i++)
        copy[i] = nodes[i];
    return copy;
}

/* Every box lies in that of its parent, and beside its siblings, in both widths. */
static void check_boxes(const struct tree_layout *l) {
    for (uint32_t i = 0; i < l->count; i++) {
        const struct tree_box *box = &l->boxes[i];
        assert_true(box->x > -NEAR && box->x + box->width < 1 + NEAR);
        if (box->parent == CHART_NONE)
            continue;
        const struct tree_box *above = &l->boxes[box->parent];
        assert_true(box->parent < i && box->depth == above->depth + 1);
        assert_true(box->x > above->x - NEAR);
        assert_true(box->x + box->width < above->x + above->width + NEAR);
        assert_true(box->growth_x > above->growth_x - NEAR);
        assert_true(box->growth_x + box->growth_width <
                    above->growth_x + above->growth_width + NEAR);
        for (uint32_t k = box->parent + 1; k < i; k++)
            if (l->boxes[k].parent == box->parent)
                assert_true(l->boxes[k].x + l->boxes[k].width < box->x + NEAR);
    }
}

static void boxes_lie_in_what_holds_them_the_largest_first(void **state) {
    (void)state;
    static const struct chart_node nodes[] = {
        {CHART_NONE, "root", NULL, 100, 400}, {0, "small", NULL, 60, 100},
        {0, "large", NULL, 40, 300},          {2, "in it", NULL, 0, 200},
        {CHART_NONE, "gone", NULL, 50, 0},    {CHART_NONE, "shrunk", NULL, 300, 100},
    };
    struct arena arena;
    struct tree_layout l;
    struct err err;
    arena_init(&arena);
    struct chart_tree tree = {.compared = true, .nodes = made_nodes(&arena, nodes, 6), .count = 6};
    assert_true(tree_layout(&tree, &arena, &l, &err));
    check_boxes(&l);
    assert_int_equal(l.count, 5); /* what is gone has no width */
    assert_int_equal(l.hidden, 1);
    assert_true(l.total == 500 && l.total_base == 450 && l.grown == 300);
    assert_string_equal(tree.nodes[l.boxes[1].node].name, "large");
    assert_true(fabs(l.boxes[0].width - 0.8) < NEAR && fabs(l.boxes[1].width - 0.6) < NEAR);
    assert_int_equal(l.boxes[0].tone, TONE_UP_3);
    assert_int_equal(l.boxes[2].tone, TONE_NEW);
    assert_int_equal(l.boxes[4].tone, TONE_DOWN);
    arena_deinit(&arena);
}

static void chains_become_one_box_and_depth_costs_no_stack(void **state) {
    (void)state;
    enum { DEEP = 100000 };
    struct arena arena;
    struct tree_layout l;
    struct err err;
    arena_init(&arena);
    struct chart_node *nodes = arena_array(&arena, DEEP, sizeof(*nodes));
    assert_non_null(nodes);
    for (uint32_t i = 0; i < DEEP; i++)
        nodes[i] = (struct chart_node){i ? i - 1 : CHART_NONE, "n", NULL, 5, i < DEEP / 2 ? 10 : 9};
    struct chart_tree tree = {.compared = true, .nodes = nodes, .count = DEEP};
    assert_true(tree_layout(&tree, &arena, &l, &err));
    check_boxes(&l);
    assert_int_equal(l.count, 2);
    assert_int_equal(l.rows, 2);
    assert_non_null(strstr(nodes[l.boxes[0].node].name, "n \xe2\x86\x92 n"));
    arena_deinit(&arena);
}

static void of_many_nodes_the_largest_are_shown(void **state) {
    (void)state;
    enum { MANY = 20001 };
    struct arena arena;
    struct tree_layout l;
    struct err err;
    arena_init(&arena);
    struct chart_node *nodes = arena_array(&arena, MANY, sizeof(*nodes));
    assert_non_null(nodes);
    /* A tree in which each level is split in two, so that each is as wide as the next. */
    for (uint32_t i = 0; i < MANY; i++)
        nodes[i] = (struct chart_node){i ? (i - 1) / 2 : CHART_NONE, "n", NULL, 0, 0};
    for (uint32_t i = MANY; i-- > 0;) {
        nodes[i].now = nodes[i].now ? nodes[i].now : 1;
        if (i)
            nodes[(i - 1) / 2].now += nodes[i].now;
    }
    struct chart_tree tree = {.nodes = nodes, .count = MANY};
    assert_true(tree_layout(&tree, &arena, &l, &err));
    check_boxes(&l);
    assert_true(l.count > 100 && l.count <= TREE_BOXES_MOST);
    assert_int_equal(l.count + l.hidden, MANY);
    assert_int_equal(l.boxes[0].tone, TONE_PLAIN);
    arena_deinit(&arena);
}

/* -- Waits ------------------------------------------------------------------------------------- */

static bool lay_waits(const struct chart_wait *waits, uint32_t count, struct arena *arena,
                      struct waits_layout *l) {
    const struct chart_chains chains = {.waits = waits, .wait_count = count};
    struct err err;
    return waits_layout(&chains, arena, l, &err);
}

static void who_waits_stands_left_of_what_it_waits_for(void **state) {
    (void)state;
    static const struct chart_wait waits[] = {
        {CHART_THREAD, "owner", NULL, 0, CHART_NONE, false},
        {CHART_LOCK, "lock", NULL, 0, 0, false},
        {CHART_THREAD, "one", NULL, 0, 1, false},
        {CHART_THREAD, "two", NULL, 0, 1, false},
        {CHART_THREAD, "three", NULL, 0, 0, false},
        {CHART_THREAD, "other", NULL, 0, 6, false},
        {CHART_THING, "task", NULL, 0, CHART_NONE, false},
    };
    enum { COUNT = sizeof(waits) / sizeof(*waits) };
    struct arena arena;
    struct waits_layout l;
    arena_init(&arena);
    assert_true(lay_waits(waits, COUNT, &arena, &l));
    assert_int_equal(l.columns, 3);
    assert_int_equal(l.hidden, 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_true(l.boxes[i].row >= 0 && l.boxes[i].row < l.rows);
        assert_false(l.boxes[i].back);
        if (waits[i].next != CHART_NONE)
            assert_int_equal(l.boxes[i].column + 1, l.boxes[waits[i].next].column);
        for (uint32_t k = 0; k < i; k++)
            assert_true(l.boxes[i].column != l.boxes[k].column ||
                        fabs(l.boxes[i].row - l.boxes[k].row) > 1 - NEAR);
    }
    /* What two wait for is between them. */
    assert_true(fabs(l.boxes[1].row * 2 - l.boxes[2].row - l.boxes[3].row) < NEAR);
    arena_deinit(&arena);
}

static void a_circle_is_cut_before_a_thread(void **state) {
    (void)state;
    static const struct chart_wait waits[] = {
        {CHART_LOCK, "a", NULL, 0, 1, true},    {CHART_THREAD, "b", NULL, 0, 2, true},
        {CHART_LOCK, "c", NULL, 0, 3, true},    {CHART_THREAD, "d", NULL, 0, 0, true},
        {CHART_THREAD, "e", NULL, 0, 2, false}, {CHART_THING, "f", NULL, 0, 5, true},
    };
    struct arena arena;
    struct waits_layout l;
    arena_init(&arena);
    assert_true(lay_waits(waits, 6, &arena, &l));
    assert_int_equal(l.hidden, 0);
    assert_true(l.boxes[1].column == 0 && l.boxes[2].column == 1 && l.boxes[3].column == 2);
    assert_true(l.boxes[0].column == 3 && l.boxes[0].back && !l.boxes[1].back);
    assert_true(l.boxes[4].column == 0); /* waits for one of them */
    assert_true(l.boxes[5].back);        /* for itself */
    arena_deinit(&arena);
}

/* Numbers that lead nowhere, circles that say they are none, chains of any length. */
static void waits_of_any_shape_have_a_place_or_none(void **state) {
    (void)state;
    enum { DEEP = 5000 };
    struct arena arena;
    struct waits_layout l;
    arena_init(&arena);
    struct chart_wait *waits = arena_array(&arena, DEEP, sizeof(*waits));
    assert_non_null(waits);
    for (uint32_t i = 0; i < DEEP; i++)
        waits[i] = (struct chart_wait){CHART_THREAD, "n", NULL, 0, i + 1, false};
    assert_true(lay_waits(waits, DEEP, &arena, &l));
    assert_int_equal(l.columns, WAIT_COLUMNS_MOST);
    assert_int_equal(l.hidden, DEEP - WAIT_COLUMNS_MOST);
    waits[DEEP - 1].next = 0; /* a circle that nobody has seen */
    assert_true(lay_waits(waits, DEEP, &arena, &l));
    for (uint32_t i = 0; i < DEEP; i++)
        waits[i] = (struct chart_wait){CHART_THREAD, "n", NULL, 0, (i * 7 + 3) % DEEP, i % 3 == 0};
    assert_true(lay_waits(waits, DEEP, &arena, &l));
    assert_true(lay_waits(waits, 0, &arena, &l));
    arena_deinit(&arena);
}

/* -- Maps -------------------------------------------------------------------------------------- */

static void areas_of_a_map_are_sizes(void **state) {
    (void)state;
    struct arena arena;
    struct map_layout l;
    struct err err;
    struct chart_item items[300];
    char names[300][16], groups[300][16];
    uint64_t total = 0;
    for (uint32_t i = 0; i < 300; i++) {
        snprintf(names[i], sizeof(names[i]), "T%u", i);
        snprintf(groups[i], sizeof(groups[i]), "N%u", i % 40);
        items[i] = (struct chart_item){groups[i], names[i], NULL, i, (uint64_t)i * i, i};
        total += items[i].now;
    }
    struct chart_map map = {.compared = true, .items = items, .count = 300};
    arena_init(&arena);
    assert_true(map_layout(&map, 2.5, 0, &arena, &l, &err));
    double area = 0;
    uint64_t shown = 0, fine = 0, rests = 0;
    for (uint32_t i = 0; i < l.count; i++) {
        const struct map_box *box = &l.boxes[i];
        assert_true(box->x > -NEAR && box->x + box->width < 1 + NEAR);
        assert_true(box->y > -NEAR && box->y + box->height < 1 + NEAR);
        if (box->frame !=
            CHART_NONE) { /* the frame of its group comes before it, and is around it */
            const struct map_box *around = &l.boxes[box->frame];
            assert_true(box->frame < i && around->item == CHART_NONE && !around->others);
            assert_true(box->x > around->x - NEAR && box->y > around->y - NEAR);
            assert_true(box->x + box->width < around->x + around->width + NEAR);
            assert_true(box->y + box->height < around->y + around->height + NEAR);
        }
        if (box->item == CHART_NONE && !box->others)
            continue;    /* the frame of a group */
        if (box->fine) { /* lies upon the rest of its group, which is counted */
            fine += box->now;
            continue;
        }
        if (box->others && box->frame != CHART_NONE && box->others > 1)
            rests += box->now;
        area += box->width * box->height;
        shown += box->now;
        assert_true(fabs(box->width * box->height - (double)box->now / (double)total) < 1e-6);
    }
    assert_true(fabs(area - 1) < 1e-6);
    assert_true(shown == total);
    assert_true(fine == rests && fine > 0);
    map.count = 1; /* of nothing */
    assert_true(map_layout(&map, 2.5, 0, &arena, &l, &err));
    assert_int_equal(l.count, 0);
    arena_deinit(&arena);
}

/* -- Markup ------------------------------------------------------------------------------------ */

static void names_are_text_in_every_chart(void **state) {
    (void)state;
    static const char hostile[] = "\"'><script>alert(1)</script><svg onload=x>&amp;";
    static const uint64_t values[] = {1, 2, 3};
    static const char *const labels[] = {hostile, hostile, hostile};
    const struct chart_line line = {hostile, values, 0, hostile, CHART_NONE};
    struct chart_node node = {CHART_NONE, hostile, hostile, 1, 2};
    struct chart_item item = {hostile, hostile, hostile, 1, 2, 0};
    const struct chart_moment moments[] = {{STATE_HOT, hostile, hostile},
                                           {STATE_ABSENT, hostile, NULL}};
    const struct chart_thread thread = {hostile, hostile, 0, moments};
    const struct chart_link link = {hostile, hostile, hostile, 0};
    const struct chart_chain chain = {&link, 1, true, 2};
    const struct chart_wait wait = {CHART_THREAD, hostile, hostile, 0, CHART_NONE, false};
    struct chart charts[] = {
        {CHART_LINES, hostile, hostile,
         .lines = {CHART_BYTES, 2, labels, NULL, &line, 1, true, false}},
        {CHART_LINES, hostile, hostile,
         .lines = {CHART_BYTES, 3, labels, NULL, &line, 1, true, false}},
        {CHART_TREE, hostile, hostile, .tree = {CHART_COUNT, true, &node, 1}},
        {CHART_MAP, hostile, hostile, .map = {true, &item, 1}},
        {CHART_THREADS, hostile, hostile, .threads = {2, labels, &thread, 1, 3}},
        {CHART_CHAINS, hostile, hostile, .chains = {&chain, 1, 0, &wait, 1}},
    };
    for (size_t i = 0; i < sizeof(charts) / sizeof(*charts); i++) {
        struct arena arena;
        struct strbuf out;
        struct err err;
        arena_init(&arena);
        strbuf_init(&out);
        assert_true(chart_write(&charts[i], &whole_page, &arena, &out, &err));
        assert_true(strbuf_ok(&out, &err));
        assert_null(strstr(out.ptr, "<script"));
        assert_null(strstr(out.ptr, "<svg onload"));
        assert_null(strstr(out.ptr, "style="));
        assert_non_null(strstr(out.ptr, "&quot;&#39;&gt;&lt;script&gt;"));
        assert_non_null(strstr(out.ptr, "<figcaption>"));
        strbuf_deinit(&out);
        arena_deinit(&arena);
    }
}

/* Figures stand in the boxes that have room for them, with the difference where there is one. */
static void boxes_of_trees_say_how_much_where_there_is_room(void **state) {
    (void)state;
    struct chart_node nodes[] = {
        {CHART_NONE, "all", "all", 1024, 4096},
        {0, "same", "same", 1024, 1024},
        {0, "grown", "grown", 0, 3000},
        {0, "slim", "slim", 0, 72},
    };
    struct chart chart = {CHART_TREE, "t", "s", .tree = {CHART_BYTES, true, nodes, 4}};
    struct arena arena;
    struct strbuf out;
    struct err err;
    arena_init(&arena);
    strbuf_init(&out);
    assert_true(chart_write(&chart, &whole_page, &arena, &out, &err));
    assert_non_null(strstr(out.ptr, ">all<tspan class=\"by\"> (4.0 KiB, +3.0 KiB)</tspan></text>"));
    assert_non_null(strstr(out.ptr, ">same<tspan class=\"by\"> (1.0 KiB)</tspan></text>"));
    assert_non_null(
        strstr(out.ptr, ">grown<tspan class=\"by\"> (2.9 KiB, +2.9 KiB)</tspan></text>"));
    assert_non_null(strstr(out.ptr, ">slim</text>"));
    strbuf_deinit(&out);
    arena_deinit(&arena);
}

static void numbers_are_short_and_finite(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0"},        {12.5, "12.5"},     {-0.25, "-0.25"}, {100, "100"},  {NAN, "0"},
                 {INFINITY, "0"}, {1.0 / 3, "0.333"}, {0.0004, "0"},    {7.05, "7.05"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf out;
        strbuf_init(&out);
        markup_number(&out, cases[i].value);
        assert_string_equal(strbuf_cstr(&out), cases[i].text);
        strbuf_deinit(&out);
    }
    struct strbuf cut;
    strbuf_init(&cut);
    markup_text_cut(&cut, "\xc3\xa4<\xc3\xb6x", 2);
    markup_text_cut(&cut, "ab", 2);
    assert_string_equal(cut.ptr, "\xc3\xa4&lt;\xe2\x80\xa6"
                                 "ab");
    strbuf_deinit(&cut);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bands_stand_on_one_another_and_the_axis_is_round),
        cmocka_unit_test(lines_that_do_not_add_up_have_gaps),
        cmocka_unit_test(labels_of_slopes_do_not_cover_one_another),
        cmocka_unit_test(boxes_lie_in_what_holds_them_the_largest_first),
        cmocka_unit_test(chains_become_one_box_and_depth_costs_no_stack),
        cmocka_unit_test(of_many_nodes_the_largest_are_shown),
        cmocka_unit_test(who_waits_stands_left_of_what_it_waits_for),
        cmocka_unit_test(a_circle_is_cut_before_a_thread),
        cmocka_unit_test(waits_of_any_shape_have_a_place_or_none),
        cmocka_unit_test(areas_of_a_map_are_sizes),
        cmocka_unit_test(names_are_text_in_every_chart),
        cmocka_unit_test(boxes_of_trees_say_how_much_where_there_is_room),
        cmocka_unit_test(numbers_are_short_and_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
