/* Allocation stacks lined up, and what is summed up of them. */
#include "made_stacks.h"

#include "diff/names/alloc_frames.h"
#include "diff/report/alloc_view.h"
#include "diff/report/fmt.h"

#include <stdio.h>

/* -- Made stacks ------------------------------------------------------------------------------- */

static const struct series_allocation *allocations_sum(const struct made *m, enum allocation_by by,
                                                       const char *name, uint64_t size) {
    const struct series_allocations *sums = &m->series.allocations[by];
    for (uint32_t i = 0; i < sums->count; i++)
        if (name ? strcmp(sums->rows[i].name, name) == 0 : sums->rows[i].size_each == size)
            return &sums->rows[i];
    fail_msg("no sum %s", name ? name : "of that size");
    return NULL;
}

/* What is summed up by one thing is all there is. */
static void allocations_check_totals(const struct made *m) {
    const struct series *s = &m->series;
    for (int by = 0; by < ALLOCATION_SUMS; by++) {
        const struct series_allocations *sums = &s->allocations[by];
        for (uint32_t k = 0; sums->total && k < s->count; k++) {
            uint64_t bytes = 0, count = 0;
            for (uint32_t i = 0; i < sums->count; i++) {
                bytes += sums->rows[i].self[k].bytes;
                count += sums->rows[i].self[k].objects;
            }
            assert_int_equal(bytes, s->allocated[k].bytes);
            assert_int_equal(count, s->allocated[k].objects);
        }
    }
    for (uint32_t k = 0; k < s->count; k++) {
        uint64_t bytes = 0;
        for (uint32_t i = 0; i < s->stack_count; i++)
            bytes += s->stacks[i].totals[k].bytes;
        assert_int_equal(bytes, s->allocated[k].bytes);
    }
}

/* -- Frames ------------------------------------------------------------------------------------ */

static void frames_are_taken_apart(void **state) {
    (void)state;
    static const struct {
        const char *text, *module, *function;
    } cases[] = {
        {"ink.so!fill", "ink.so", "fill"},
        {"My App.exe!main", "My App.exe", "main"},
        {"ink.so!operator!=(A)", "ink.so", "operator!=(A)"},
        {"operator!=(A)", "", "operator!=(A)"},
        {"Tree<!x>::walk", "", "Tree<!x>::walk"},
        {"fill", "", "fill"},
        {"ink.so+0x1f40", "ink.so", ""},
        {"0x7f0012345678", "", ""},
        {"operator+(int)", "", "operator+(int)"},
        {"[vdso]!clock", "[vdso]", "clock"},
        {"", "", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct alloc_frame frame = alloc_frame_of(cases[i].text);
        assert_true(str_eq(frame.module, str_of(cases[i].module)));
        assert_true(str_eq(frame.function, str_of(cases[i].function)));
    }
}

static void allocators_are_known_by_their_functions(void **state) {
    (void)state;
    static const char *const are[] = {"libc.so.6!malloc",
                                      "__libc_malloc",
                                      "__GI___libc_realloc",
                                      "ntdll!RtlAllocateHeap",
                                      "ntdll!RtlpAllocateHeapInternal",
                                      "operator new(unsigned long)",
                                      "a!operator new[]",
                                      "MSVCR90!??2@YAPAXI@Z",
                                      "ucrtbase!_malloc_base",
                                      "je_malloc_default",
                                      "libjemalloc.so.2+0x1f40",
                                      "runtime.mallocgc",
                                      "_Znwm",
                                      "__gnu_cxx::new_allocator<A>::x"};
    static const char *const are_not[] = {"shop!reallocate",
                                          "shop!mallocator",
                                          "shop!operator newer",
                                          "shop!Cart::malloc",
                                          "obje_ct!fill",
                                          "libink.so+0x10",
                                          "0x7f0012345678",
                                          "",
                                          "std::vector<int>::push_back"};
    for (size_t i = 0; i < sizeof(are) / sizeof(*are); i++)
        if (!alloc_frame_is_allocator(are[i]))
            fail_msg("%s is an allocator", are[i]);
    for (size_t i = 0; i < sizeof(are_not) / sizeof(*are_not); i++)
        if (alloc_frame_is_allocator(are_not[i]))
            fail_msg("%s is no allocator", are_not[i]);
}

static void functions_lose_arguments_and_what_compilers_add(void **state) {
    (void)state;
    static const struct {
        const char *function, *normal, *bare;
    } cases[] = {
        {"fill", "fill", "fill"},
        {"fill.part.3.constprop.0", "fill", "fill.part.3.constprop.0"},
        {"fill.cold", "fill", "fill.cold"},
        {"fill(int) [clone .cold]", "fill(int)", "fill(int) [clone .cold]"},
        {"fill.v2", "fill.v2", "fill.v2"},
        {"Cart::Add(int, F(*)(int)) const", "Cart::Add(int, F(*)(int)) const", "Cart::Add"},
        {"Cart::operator()(int)", "Cart::operator()(int)", "Cart::operator()"},
        {"Cart::operator()", "Cart::operator()", "Cart::operator()"},
        {"(anonymous namespace)::f(int)", "(anonymous namespace)::f(int)",
         "(anonymous namespace)::f"},
        {")", ")", ")"},
        {"(x)", "(x)", "(x)"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct str normal = alloc_function_normal(str_of(cases[i].function));
        struct str bare = alloc_function_bare(str_of(cases[i].function));
        if (!str_eq(normal, str_of(cases[i].normal)) || !str_eq(bare, str_of(cases[i].bare)))
            fail_msg("%s: %.*s, %.*s", cases[i].function, (int)normal.len, normal.ptr,
                     (int)bare.len, bare.ptr);
    }
}

/* -- One stack --------------------------------------------------------------------------------- */

static void rows_of_one_stack_add_up_whatever_their_size(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        made_stack(&m, i, "malloc|fill|main", 10, 4220)->size_each = 422;
        made_stack(&m, i, "malloc|fill|main", 1 + i, 100 + i * 100)->size_each = 100;
        made_stack(&m, i, "malloc|draw|main", 2, 2048)->size_each = 1024;
    }
    made_series(&m);
    assert_int_equal(m.series.stack_count, 2);
    const struct series_stack *fill = made_stack_find(&m, "fill <- main");
    assert_int_equal(fill->totals[0].bytes, 4320);
    assert_int_equal(fill->bytes_delta, 100);
    assert_int_equal(fill->count_delta, 1);
    assert_true(fill->size_each == ABSENT);
    assert_int_equal(made_stack_find(&m, "draw <- main")->size_each, 1024);
    assert_int_equal(allocations_sum(&m, BY_SIZE, NULL, 422)->self[1].objects, 10);
    assert_int_equal(allocations_sum(&m, BY_SIZE, NULL, 100)->bytes_delta, 100);
    allocations_check_totals(&m);
    made_deinit(&m);
}

static void recursion_is_folded(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    made_stack(&m, 0, "malloc|walk|walk|walk|main", 1, 10);
    made_stack(&m, 1, "malloc|walk|main", 1, 30);
    made_stack(&m, 0, "malloc|odd|even|odd|even|odd|even|main", 2, 20);
    made_stack(&m, 1, "malloc|odd|even|main", 3, 60);
    made_stack(&m, 1, "malloc|even|odd|main", 3, 7);
    made_series(&m);
    assert_int_equal(m.series.stack_count, 3);
    assert_int_equal(made_stack_find(&m, "walk <- main")->bytes_delta, 20);
    assert_int_equal(made_stack_find(&m, "odd <- even <- main")->bytes_delta, 40);
    /* A function that calls itself has what it holds once. */
    assert_int_equal(allocations_sum(&m, BY_FUNCTION, "walk", 0)->cum[1].bytes, 30);
    assert_int_equal(allocations_sum(&m, BY_FUNCTION, "main", 0)->cum[1].bytes, 97);
    allocations_check_totals(&m);
    made_deinit(&m);
}

static void what_is_not_told_is_no_zero(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    made_stack(&m, 0, "malloc|fill", ABSENT, 10);
    made_stack(&m, 1, "malloc|fill", ABSENT, 30);
    made_stack(&m, 1, "malloc|draw", ABSENT, 5);
    made_series(&m);
    assert_true(made_stack_find(&m, "fill")->totals[1].objects == ABSENT);
    assert_true(made_stack_find(&m, "draw")->totals[0].objects == ABSENT);
    assert_int_equal(made_stack_find(&m, "draw")->totals[0].bytes, 0);
    assert_null(made_stack_find(&m, "draw")->ever);
    assert_true(m.series.allocated[1].objects == ABSENT);
    assert_null(m.series.allocations[BY_SIZE].total);
    made_deinit(&m);
}

/* -- Stacks of two builds ---------------------------------------------------------------------- */

/* Stacks of a module, `new_name` in the second snapshot; how many stacks come of it. */
static uint32_t joined(const char *old_name, const char *new_name, const char *const *functions,
                       uint32_t count, uint32_t *ret_renamed) {
    struct made m;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++)
        for (uint32_t k = 0; k < count; k++) {
            char frames[128];
            snprintf(frames, sizeof(frames), "malloc|%s!%s|app!main", i ? new_name : old_name,
                     functions[k]);
            made_stack(&m, i, frames, 1, 10 + i);
        }
    made_series(&m);
    allocations_check_totals(&m);
    uint32_t stacks = m.series.stack_count;
    *ret_renamed = m.series.stacks_renamed;
    made_deinit(&m);
    return stacks;
}

static void a_module_of_a_new_version_is_the_same(void **state) {
    (void)state;
    static const char *const functions[] = {"fill", "draw", "dry"};
    uint32_t renamed;
    assert_int_equal(joined("ink.so.1.2", "ink.so.1.3", functions, 1, &renamed), 1);
    assert_int_equal(renamed, 1);
    assert_int_equal(joined("ink-v1.dll", "ink-v2.dll", functions, 3, &renamed), 3);
    assert_int_equal(joined("ink.so", "ink.so", functions, 3, &renamed), 3);
    assert_int_equal(renamed, 0);
}

static void a_renamed_module_is_known_by_three_functions(void **state) {
    (void)state;
    static const char *const functions[] = {"fill", "draw", "dry"};
    uint32_t renamed;
    assert_int_equal(joined("ink.so", "colour.so", functions, 3, &renamed), 3);
    assert_int_equal(renamed, 3);
    assert_int_equal(joined("ink.so", "colour.so", functions, 2, &renamed), 4);
    assert_int_equal(renamed, 0);
}

static void a_module_that_is_still_there_was_not_renamed(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    made_stack(&m, 0, "malloc|plug1.so!create|main", 1, 10);
    made_stack(&m, 0, "malloc|plug2.so!create|main", 1, 10);
    made_stack(&m, 1, "malloc|plug2.so!create|main", 1, 10);
    made_stack(&m, 1, "malloc|plug3.so!create|main", 1, 10);
    made_series(&m);
    assert_int_equal(m.series.stack_count, 3);
    assert_int_equal(made_stack_find(&m, "plug1.so!create <- main")->bytes_delta, -10);
    assert_int_equal(made_stack_find(&m, "plug3.so!create <- main")->bytes_delta, 10);
    allocations_check_totals(&m);
    made_deinit(&m);
}

static void two_modules_that_could_be_the_new_one_are_both_new(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    made_stack(&m, 0, "malloc|ink.so.1!fill|main", 1, 10);
    made_stack(&m, 1, "malloc|ink.so.2!fill|main", 1, 20);
    made_stack(&m, 1, "malloc|ink.so.3!fill|main", 1, 40);
    made_series(&m);
    assert_int_equal(m.series.stack_count, 3);
    assert_int_equal(m.series.stacks_renamed, 0);
    allocations_check_totals(&m);
    made_deinit(&m);
}

static void stacks_without_modules_match_those_with(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    made_stack(&m, 0, "malloc|fill|main", 1, 10);
    made_stack(&m, 1, "libc.so.6!malloc|ink.so!fill|press!main", 1, 30);
    made_stack(&m, 0, "malloc|twice|main", 1, 10);
    made_stack(&m, 1, "libc.so.6!malloc|a.so!twice|press!main", 1, 30);
    made_stack(&m, 1, "libc.so.6!malloc|b.so!twice|press!main", 1, 30);
    made_series(&m);
    assert_int_equal(made_stack_find(&m, "ink.so!fill <- press!main")->bytes_delta, 20);
    assert_int_equal(made_stack_find(&m, "twice <- main")->bytes_delta,
                     -10); /* of which of the two? */
    assert_int_equal(m.series.stack_count, 4);
    allocations_check_totals(&m);
    made_deinit(&m);
}

static void a_function_may_change_its_arguments_but_not_its_overload(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    made_stack(&m, 0, "malloc|a!Cart::Add(int)|a!main", 1, 10);
    made_stack(&m, 1, "malloc|a!Cart::Add(int, bool)|a!main", 1, 30);
    made_stack(&m, 0, "malloc|a!Cart::Put(int)|a!main", 1, 10);
    made_stack(&m, 1, "malloc|a!Cart::Put(long)|a!main", 1, 30);
    made_stack(&m, 1, "malloc|a!Cart::Put(int)|a!other", 1, 5);
    made_series(&m);
    assert_int_equal(m.series.stacks_renamed, 1);
    assert_int_equal(made_stack_find(&m, "a!Cart::Add <- a!main")->bytes_delta, 20);
    assert_int_equal(m.series.stack_count, 4);
    allocations_check_totals(&m);
    made_deinit(&m);
}

static void exact_names_leave_all_apart(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    m.options.exact_names = true;
    made_stack(&m, 0, "malloc|a!fill.part.0|a!main", 1, 10);
    made_stack(&m, 1, "malloc|a!fill.part.1|a!main", 1, 30);
    made_series(&m);
    assert_int_equal(m.series.stack_count, 2);
    made_deinit(&m);
    made_init(&m, 2);
    made_stack(&m, 0, "malloc|a!fill.part.0|a!main", 1, 10);
    made_stack(&m, 1, "malloc|a!fill.part.1|a!main", 1, 30);
    made_series(&m);
    assert_int_equal(m.series.stack_count, 1);
    assert_string_equal(m.series.stacks[0].frames.items[1], "a!fill.part.1");
    made_deinit(&m);
}

static void the_other_way_round_is_the_negative(void **state) {
    (void)state;
    struct made m, r;
    made_init(&m, 2);
    made_init(&r, 2);
    for (uint32_t i = 0; i < 2; i++)
        for (uint32_t k = 0; k < 40; k++) {
            char frames[64];
            snprintf(frames, sizeof(frames), "malloc|m%u!f%u|main", k % 3, k);
            if ((k + i) % 5 == 0)
                continue;
            made_stack(&m, i, frames, k + i, k * 100 * (i + k % 2));
            made_stack(&r, 1 - i, frames, k + i, k * 100 * (i + k % 2));
        }
    made_series(&m);
    made_series(&r);
    assert_int_equal(m.series.stack_count, r.series.stack_count);
    for (uint32_t i = 0; i < m.series.stack_count; i++) {
        assert_int_equal(m.series.stacks[i].bytes_delta, -r.series.stacks[i].bytes_delta);
        assert_string_equal(m.series.stacks[i].frames.items[1], r.series.stacks[i].frames.items[1]);
    }
    for (uint32_t i = 0; i < m.series.allocations[BY_MODULE].count; i++)
        assert_int_equal(m.series.allocations[BY_MODULE].rows[i].bytes_delta,
                         -r.series.allocations[BY_MODULE].rows[i].bytes_delta);
    allocations_check_totals(&m);
    made_deinit(&m);
    made_deinit(&r);
}

/* -- Sums -------------------------------------------------------------------------------------- */

static void modules_are_those_that_the_source_or_the_caller_says(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        made_stack(&m, i, "ntdll!RtlAllocateHeap|ink!fill|app!main", 1, 100);
        made_stack(&m, i, "ntdll!RtlAllocateHeap|ink!fill|app!other", 1, 1000 + i)->module =
            made_text(&m, i, "app");
        made_stack(&m, i, "malloc|0x1234", 1, 7);
    }
    made_series(&m);
    assert_int_equal(allocations_sum(&m, BY_MODULE, "ink", 0)->self[0].bytes, 100);
    assert_int_equal(allocations_sum(&m, BY_MODULE, "ink", 0)->cum[0].bytes, 1100);
    assert_int_equal(allocations_sum(&m, BY_MODULE, "app", 0)->self[1].bytes, 1001);
    assert_int_equal(allocations_sum(&m, BY_MODULE, "app", 0)->cum[1].bytes, 1101);
    assert_int_equal(allocations_sum(&m, BY_MODULE, "[unknown]", 0)->self[1].bytes, 7);
    assert_int_equal(allocations_sum(&m, BY_FUNCTION, "ink!fill", 0)->self[1].bytes, 1101);
    assert_int_equal(allocations_sum(&m, BY_FUNCTION, "0x1234", 0)->self[1].bytes, 7);
    allocations_check_totals(&m);
    made_deinit(&m);
}

static struct allocation_row *allocations_told(struct made *m, uint32_t i, const char *by,
                                               const char *name, uint64_t count, uint64_t bytes) {
    struct allocation_row *row = made_row(m, i, PART_ALLOCATIONS);
    *row = (struct allocation_row){.by = made_text(m, i, by),
                                   .name = name ? made_text(m, i, name) : NULL,
                                   .count = count,
                                   .bytes = bytes,
                                   .cum_count = ABSENT,
                                   .cum_bytes = ABSENT,
                                   .total_count = ABSENT,
                                   .total_bytes = ABSENT,
                                   .size_each = ABSENT};
    return row;
}

static void sums_of_the_source_stand_where_there_are_no_stacks(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        allocations_told(&m, i, "function", "fill", 1, 100 + 50 * i)->cum_bytes = 200;
        allocations_told(&m, i, "module", "ink", 3, 300);
        allocations_told(&m, i, "size", NULL, 5, 2110)->size_each = 422;
        allocations_told(&m, i, "total", NULL, 9, 5000);
    }
    made_series(&m);
    const struct series_allocation *fill = allocations_sum(&m, BY_FUNCTION, "fill", 0);
    assert_int_equal(fill->bytes_delta, 50);
    assert_int_equal(fill->cum[0].bytes, 200);
    assert_true(fill->cum[0].objects == ABSENT);
    assert_int_equal(allocations_sum(&m, BY_SIZE, NULL, 422)->self[0].objects, 5);
    assert_int_equal(m.series.allocated[0].bytes, 5000);
    assert_false(m.series.allocations[BY_MODULE].from_stacks);
    made_deinit(&m);
}

/* A report that lists some stacks and sums up all. */
static void the_sums_that_know_more_are_taken(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 1);
    made_stack(&m, 0, "malloc|ink!fill", 1, 100);
    allocations_told(&m, 0, "module", "ink", 3, 300);
    allocations_told(&m, 0, "function", "ink!fill", 1, 40);
    made_series(&m);
    assert_false(m.series.allocations[BY_MODULE].from_stacks);
    assert_int_equal(allocations_sum(&m, BY_MODULE, "ink", 0)->self[0].bytes, 300);
    assert_true(m.series.allocations[BY_FUNCTION].from_stacks);
    assert_int_equal(m.series.allocated[0].bytes, 300);
    made_deinit(&m);
}

/* -- Rows shown -------------------------------------------------------------------------------- */

static void rows_shown_and_others_are_the_total(void **state) {
    (void)state;
    static const struct {
        struct report_options o;
        uint32_t stacks, functions;
    } cases[] = {
        {{.top = 2}, 2, 2},
        {{.top = 2, .all = true}, 20, 41},
        {{.focus = "main1$"}, 5, 1},
        {{.ignore = "main1$"}, 15, 23},
        {{.focus = "f3", .ignore = "main1$"}, 1, 1},
        {{.min_bytes = 150}, 5, 9},
        {{.min_count = 2}, 0, 4},
    };
    struct made m;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++)
        for (uint32_t k = 0; k < 20; k++) {
            char frames[64];
            snprintf(frames, sizeof(frames), "malloc|ink!f%u|app!main%u", k, k % 4);
            made_stack(&m, i, frames, 1 + i, 1000 + i * k * 10);
        }
    made_stack(&m, 0, "malloc|ink!same|app!main0", 1, 10);
    made_stack(&m, 1, "malloc|ink!same|app!main0", 1, 10);
    made_series(&m);
    for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++)
        for (int kind = 0; kind < ALLOC_KINDS; kind++) {
            struct alloc_view v;
            if (!alloc_known(&m.series, (enum alloc_kind)kind))
                continue;
            assert_true(alloc_view_init(&v, &m.series, (enum alloc_kind)kind, &cases[c].o,
                                        view_top(&cases[c].o, TOP_ALL), &m.err));
            for (uint32_t k = 0; k < 2; k++) {
                uint64_t bytes = v.others[k].bytes, count = v.others[k].objects;
                for (uint32_t i = 0; i < v.count; i++) {
                    bytes += alloc_line(&m.series, (enum alloc_kind)kind, v.rows[i]).self[k].bytes;
                    count +=
                        alloc_line(&m.series, (enum alloc_kind)kind, v.rows[i]).self[k].objects;
                }
                assert_int_equal(bytes, v.total[k].bytes);
                assert_int_equal(count, v.total[k].objects);
            }
            assert_false(v.not_listed);
            assert_int_equal(v.count + v.cut + v.filtered + v.unchanged,
                             alloc_count(&m.series, (enum alloc_kind)kind));
            if (kind == ALLOC_STACKS && !cases[c].o.all)
                assert_int_equal(v.count, cases[c].stacks);
            if (kind == ALLOC_FUNCTIONS && !cases[c].o.all && c < 5)
                assert_int_equal(v.count, cases[c].functions);
            alloc_view_deinit(&v);
        }
    made_deinit(&m);
}

static void rows_are_sorted_as_asked(void **state) {
    (void)state;
    static const struct {
        enum report_sort sort;
        const char *first, *last;
    } cases[] = {
        {SORT_BYTES_DELTA, "b", "a"}, {SORT_OBJECTS_DELTA, "c", "a"}, {SORT_BYTES, "a", "c"},
        {SORT_OBJECTS, "a", "b"},     {SORT_NAME, "a", "c"},
    };
    struct made m;
    made_init(&m, 2);
    made_stack(&m, 0, "malloc|a", 99, 9000);
    made_stack(&m, 1, "malloc|a", 100, 9001);
    made_stack(&m, 0, "malloc|b", 1, 10);
    made_stack(&m, 1, "malloc|b", 3, 900);
    made_stack(&m, 0, "malloc|c", 1, 10);
    made_stack(&m, 1, "malloc|c", 9, 90);
    made_series(&m);
    for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
        struct report_options o = {.sort = cases[c].sort};
        struct alloc_view v;
        assert_true(alloc_view_init(&v, &m.series, ALLOC_FUNCTIONS, &o, TOP_ALL, &m.err));
        assert_int_equal(v.count, 3);
        assert_string_equal(alloc_line(&m.series, ALLOC_FUNCTIONS, v.rows[0]).name, cases[c].first);
        assert_string_equal(alloc_line(&m.series, ALLOC_FUNCTIONS, v.rows[2]).name, cases[c].last);
        alloc_view_deinit(&v);
    }
    made_deinit(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_taken_apart),
        cmocka_unit_test(allocators_are_known_by_their_functions),
        cmocka_unit_test(functions_lose_arguments_and_what_compilers_add),
        cmocka_unit_test(rows_of_one_stack_add_up_whatever_their_size),
        cmocka_unit_test(recursion_is_folded),
        cmocka_unit_test(what_is_not_told_is_no_zero),
        cmocka_unit_test(a_module_of_a_new_version_is_the_same),
        cmocka_unit_test(a_renamed_module_is_known_by_three_functions),
        cmocka_unit_test(a_module_that_is_still_there_was_not_renamed),
        cmocka_unit_test(two_modules_that_could_be_the_new_one_are_both_new),
        cmocka_unit_test(stacks_without_modules_match_those_with),
        cmocka_unit_test(a_function_may_change_its_arguments_but_not_its_overload),
        cmocka_unit_test(exact_names_leave_all_apart),
        cmocka_unit_test(the_other_way_round_is_the_negative),
        cmocka_unit_test(modules_are_those_that_the_source_or_the_caller_says),
        cmocka_unit_test(sums_of_the_source_stand_where_there_are_no_stacks),
        cmocka_unit_test(the_sums_that_know_more_are_taken),
        cmocka_unit_test(rows_shown_and_others_are_the_total),
        cmocka_unit_test(rows_are_sorted_as_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
