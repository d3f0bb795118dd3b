/*
 * What a source left out is data: a type that a cut table does not show is not 0, but at most what
 * the table's order and its Total allow.
 */
#include "diff/rules/rule.h"
#include "tests/support/logs.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* 2,000 objects in rows above the first, which has 4,400 bytes. */
static const char tail_before[] = "6eaf1208       50         4400 Dock.Crane\n"
                                  "6e47da28      300        16000 System.Char[]\n"
                                  "72612208     1000        90000 System.String\n"
                                  "Total 3350 objects\n";
static const char tail_after[] = "66014c18    20000       880000 Dock.Crate\n"
                                 "6a2b700c    30025     20732431 System.Byte[]\n"
                                 "Total 55025 objects\n";
static const char whole[] = "Statistics:\n"
                            "      MT    Count    TotalSize Class Name\n"
                            "6eaf1208       50         4400 Dock.Crane\n"
                            "72612208     1000        90000 System.String\n"
                            "Total 1050 objects\n";
static const char end_cut[] = "Statistics:\n"
                              "      MT    Count    TotalSize Class Name\n"
                              "6eaf1208       50         4400 Dock.Crane\n";
static const char middle_cut[] = "Statistics:\n"
                                 "      MT    Count    TotalSize Class Name\n"
                                 "6eaf1208       50         4400 Dock.Crane\n"
                                 "...\n"
                                 "72612208     1000        90000 System.String\n"
                                 "Total 1150 objects, 100400 bytes\n";
static const char not_sorted[] = "72612208     1000        90000 System.String\n"
                                 "6eaf1208       50         4400 Dock.Crane\n"
                                 "6e47da28      300        16000 System.Char[]\n"
                                 "Total 3350 objects\n";
static const char head_of_histogram[] = " num     #instances         #bytes  class name\n"
                                        "----------------------------------------------\n"
                                        "   1:          2632       92305928  [C\n"
                                        "   2:          9258        8296256  dock.Crate\n"
                                        "   3:          5599         774376  dock.Crane\n";

static void what_is_cut_is_bounded_by_order_and_total(void **state) {
    (void)state;
    static const struct {
        const char *text;
        struct cell most;
    } cases[] = {
        {whole, {0, 0}},
        {tail_before, {2000, 4400}},
        {tail_after, {5000, 880000}},
        {end_cut, {ABSENT, ABSENT}}, /* the largest rows come last */
        {middle_cut, {100, 6000}},   /* all that is missing has no more */
        {not_sorted, {2000, ABSENT}},
        {head_of_histogram, {ABSENT, 774376}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        logs_read_text(cases[i].text, &s);
        struct cell most = snapshot_unlisted(&s, PART_TYPES);
        assert_true(most.objects == cases[i].most.objects);
        assert_true(most.bytes == cases[i].most.bytes);
        snapshot_deinit(&s);
    }
}

struct pair {
    struct snapshot snapshots[2];
    struct series series;
    struct findings findings;
    struct limits limits;
    struct err err;
};

static void cut_pair_init(struct pair *p, const char *base, const char *now) {
    logs_read_text(base, &p->snapshots[0]);
    logs_read_text(now, &p->snapshots[1]);
    const struct snapshot *both[] = {&p->snapshots[0], &p->snapshots[1]};
    assert_true(series_init(&p->series, both, 2, NULL, &p->err));
    limits_init(&p->limits);
    findings_init(&p->findings);
    assert_true(rules_run(&p->series, &p->limits, &p->findings, &p->err));
}

static void cut_pair_deinit(struct pair *p) {
    findings_deinit(&p->findings);
    series_deinit(&p->series);
    snapshot_deinit(&p->snapshots[0]);
    snapshot_deinit(&p->snapshots[1]);
}

static const struct series_type *cut_pair_type(const struct pair *p, const char *name) {
    for (uint32_t i = 0; i < p->series.type_count; i++)
        if (strcmp(p->series.types[i].name, name) == 0)
            return &p->series.types[i];
    fail_msg("no type %s", name);
    return NULL;
}

static const struct finding *cut_pair_hit(const struct pair *p, const char *rule,
                                          const char *subject) {
    for (uint32_t i = 0; i < p->findings.count; i++) {
        const struct finding *f = &p->findings.items[i];
        if (f->status == STATUS_HIT && strcmp(f->rule->id, rule) == 0 &&
            (!subject || strcmp(f->subject, subject) == 0))
            return f;
    }
    return NULL;
}

static void no_type_is_gone_or_new_by_a_cut(void **state) {
    (void)state;
    static const char *const texts[] = {whole, tail_before, tail_after, end_cut, middle_cut};
    for (size_t a = 1; a < 5; a++)
        for (size_t b = 1; b < 5; b++) {
            struct pair p;
            cut_pair_init(&p, texts[a], texts[b]);
            assert_null(cut_pair_hit(&p, "gone-type", NULL));
            assert_null(cut_pair_hit(&p, "new-type", NULL));
            cut_pair_deinit(&p);
        }
    struct pair p;
    cut_pair_init(&p, whole, tail_after); /* the first one is whole: Crate was not there */
    assert_non_null(cut_pair_hit(&p, "new-type", "Dock.Crate"));
    assert_null(cut_pair_hit(&p, "gone-type", NULL));
    cut_pair_deinit(&p);
}

static void growth_beyond_the_bound_is_growth(void **state) {
    (void)state;
    struct pair p;
    cut_pair_init(&p, tail_before, tail_after);
    const struct series_type *crate = cut_pair_type(&p, "Dock.Crate");
    const struct series_type *crane = cut_pair_type(&p, "Dock.Crane");
    assert_true(crate->totals[0].bytes == ABSENT);
    assert_true(series_type_is_unlisted(&p.series, crate, 0));
    assert_int_equal(crate->bytes_delta, 880000 - 4400);
    assert_int_equal(crate->objects_delta, 20000 - 2000);
    assert_int_equal(crate->verdict, VERDICT_GROWING);
    assert_int_equal(crane->bytes_delta, 0); /* it may have anything up to 880,000 now */
    assert_int_equal(crane->verdict, VERDICT_NONE);
    const struct finding *hit = cut_pair_hit(&p, "growing-type", "Dock.Crate");
    assert_non_null(hit);
    assert_non_null(strstr(hit->summary, "at most 4.3 KiB to 859.4 KiB (at least +855.1 KiB)"));
    cut_pair_deinit(&p);
    cut_pair_init(&p, tail_after, tail_before); /* and the other way round */
    crate = cut_pair_type(&p, "Dock.Crate");
    assert_int_equal(crate->bytes_delta, -(880000 - 4400));
    assert_int_equal(crate->verdict, VERDICT_SHRINKING);
    cut_pair_deinit(&p);
}

static void a_heap_grows_beyond_what_it_can_have_been(void **state) {
    (void)state;
    struct pair p;
    cut_pair_init(&p, tail_before, tail_after);
    /* 110,400 bytes are listed, and 2,000 objects are not, in rows of 4,400 bytes at most. */
    assert_int_equal(series_heap_most(&p.series, 0), 110400 + 2000 * 4400);
    const struct finding *hit = cut_pair_hit(&p, "heap-growth", NULL);
    assert_non_null(hit);
    assert_non_null(strstr(hit->summary, "from at most 8.5 MiB to at least 20.6 MiB"));
    cut_pair_deinit(&p);
    cut_pair_init(&p, end_cut, whole); /* nothing bounds what was before */
    assert_null(cut_pair_hit(&p, "heap-growth", NULL));
    cut_pair_deinit(&p);
}

/* -- Lists without an end ---------------------------------------------------------------------- */

static const char two_goroutines[] = "goroutine 1 [running]:\n"
                                     "main.main()\n"
                                     "\t/srv/dock/main.go:7 +0x1d\n"
                                     "\n"
                                     "goroutine 8 [chan receive]:\n"
                                     "main.unload()\n"
                                     "\t/srv/dock/main.go:21 +0x2f\n";
static const char one_goroutine[] = "goroutine 1 [running]:\n"
                                    "main.main()\n"
                                    "\t/srv/dock/main.go:7 +0x1d\n";
static const char one_goroutine_and_more[] = "goroutine 1 [running]:\n"
                                             "main.main()\n"
                                             "\t/srv/dock/main.go:7 +0x1d\n"
                                             "exit status 2\n";
#define JSTACK_HEAD "Full thread dump OpenJDK 64-Bit Server VM (17.0.9+9 mixed mode):\n\n"
#define JSTACK_ONE \
    "\"main\" #1 prio=5 os_prio=0 tid=0x00007f01 nid=0x11 runnable [0x00007f02]\n" \
    "   java.lang.Thread.State: RUNNABLE\n" \
    "\tat dock.Main.main(Main.java:7)\n\n"
#define JSTACK_TWO \
    "\"crane\" #9 prio=5 os_prio=0 tid=0x00007f03 nid=0x12 runnable [0x00007f04]\n" \
    "   java.lang.Thread.State: RUNNABLE\n" \
    "\tat dock.Crane.run(Crane.java:7)\n\n"
#define JSTACK_END "JNI global refs: 3, weak refs: 0\n"

static void a_thread_is_gone_only_from_a_list_that_has_its_end(void **state) {
    (void)state;
    static const struct {
        const char *base, *now;
        uint32_t gone, not_listed;
        enum finding_status status; /* of threads-gone */
    } cases[] = {
        {two_goroutines, one_goroutine, 0, 1, STATUS_SKIPPED},
        {two_goroutines, one_goroutine_and_more, 1, 0, STATUS_HIT},
        {two_goroutines, two_goroutines, 0, 0, STATUS_CLEAR},
        {JSTACK_HEAD JSTACK_TWO JSTACK_ONE JSTACK_END, JSTACK_HEAD JSTACK_ONE, 0, 1,
         STATUS_SKIPPED},
        {JSTACK_HEAD JSTACK_TWO JSTACK_ONE, JSTACK_HEAD JSTACK_ONE JSTACK_END, 1, 0, STATUS_HIT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        for (int turned = 0; turned < 2; turned++) {
            struct pair p;
            uint32_t states[THREAD_STATES] = {0};
            cut_pair_init(&p, turned ? cases[i].now : cases[i].base,
                          turned ? cases[i].base : cases[i].now);
            for (uint32_t t = 0; t < p.series.thread_count; t++)
                states[p.series.threads[t].state]++;
            assert_int_equal(states[turned ? THREAD_NEW : THREAD_GONE], cases[i].gone);
            assert_int_equal(states[turned ? THREAD_GONE : THREAD_NEW], 0);
            assert_int_equal(states[THREAD_NOT_LISTED], cases[i].not_listed);
            const char *rule = turned ? "threads-new" : "threads-gone";
            for (uint32_t f = 0; f < p.findings.count; f++)
                if (strcmp(p.findings.items[f].rule->id, rule) == 0)
                    assert_int_equal(p.findings.items[f].status, cases[i].status);
            cut_pair_deinit(&p);
        }
}

/* -- Stacks ------------------------------------------------------------------------------------ */

#define MEMLEAK_HEAD "[12:00:01] Top 2 stacks with outstanding allocations:\n"
#define MEMLEAK_ROW(bytes, function) \
    "\t" bytes " bytes in 2 allocations from stack\n\t\t" function "+0x10 [dock]\n"
#define MEMLEAK_BASE MEMLEAK_HEAD MEMLEAK_ROW("1000", "moor") MEMLEAK_ROW("4096", "crane_new")

static void what_a_list_of_the_largest_leaves_out_had_no_more_than_its_least(void **state) {
    (void)state;
    struct pair p;
    cut_pair_init(&p, MEMLEAK_BASE,
                  MEMLEAK_HEAD MEMLEAK_ROW("4096", "crane_new") MEMLEAK_ROW("900000", "hoist"));
    const struct finding *hit = cut_pair_hit(&p, "stack-growing", NULL);
    assert_non_null(hit);
    assert_string_equal(hit->summary, "At least 877.9 KiB more is outstanding from dock!hoist: "
                                      "878.9 KiB in 2 allocations, at most 1000 B before.");
    cut_pair_deinit(&p);
    /* It may have been just beyond the list. */
    cut_pair_init(&p, MEMLEAK_BASE,
                  MEMLEAK_HEAD MEMLEAK_ROW("900", "hoist") MEMLEAK_ROW("4096", "crane_new"));
    assert_null(cut_pair_hit(&p, "stack-growing", NULL));
    cut_pair_deinit(&p);
}

/* One of ten is listed: the text may have been cut there. */
static void a_stack_that_a_list_without_an_end_does_not_have_is_told_as_that(void **state) {
    (void)state;
    static const char base[] =
        "[12:00:01] Top 10 stacks with outstanding allocations:\n" MEMLEAK_ROW("4096", "crane_new");
    static const char now[] =
        "[12:00:01] Top 10 stacks with outstanding allocations:\n" MEMLEAK_ROW("4096", "crane_new")
            MEMLEAK_ROW("900000", "hoist");
    struct pair p;
    cut_pair_init(&p, base, now);
    const struct finding *hit = cut_pair_hit(&p, "stack-growing", NULL);
    assert_non_null(hit);
    assert_int_equal(hit->severity, SEVERITY_NOTICE);
    assert_non_null(
        strstr(hit->summary, "which BASE does not list. BASE may list less than there"));
    assert_null(strstr(hit->summary, "0 B"));
    for (uint32_t i = 0; i < p.series.stack_count; i++)
        assert_int_equal(p.series.stacks[i].totals[0].bytes == ABSENT, !p.series.stacks[i].seen[0]);
    cut_pair_deinit(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_cut_is_bounded_by_order_and_total),
        cmocka_unit_test(no_type_is_gone_or_new_by_a_cut),
        cmocka_unit_test(growth_beyond_the_bound_is_growth),
        cmocka_unit_test(a_heap_grows_beyond_what_it_can_have_been),
        cmocka_unit_test(what_a_list_of_the_largest_leaves_out_had_no_more_than_its_least),
        cmocka_unit_test(a_stack_that_a_list_without_an_end_does_not_have_is_told_as_that),
        cmocka_unit_test(a_thread_is_gone_only_from_a_list_that_has_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
