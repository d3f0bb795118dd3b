/* Logs that were cut, at every line, and of which rows were left out: what is said of the rest. */
#include "base/chars.h"
#include "diff/rules/rules.h"
#include "model/known_names.h"
#include "model/part_fields.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"
#include "model/rows_stacks.h"
#include "model/rows_origin.h"
#include "tests/support/logs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Rows that are left out of each log, one after another: which, is the same in every run. */
#define ROWS_LEFT_OUT 24

static bool cut_read(struct str log, struct snapshot *s) {
    struct err err;
    return logs_read_bytes(log.ptr, log.len, s, &err);
}

/* The findings over two snapshots. */
static void cut_findings(const struct snapshot *a, const struct snapshot *b, struct series *series,
                         struct findings *f) {
    const struct snapshot *all[2] = {a, b};
    struct series_options options;
    struct limits limits;
    struct err err;
    series_options_init(&options);
    limits_init(&limits);
    findings_init(f);
    assert_true(series_init(series, all, 2, &options, &err));
    assert_true(rules_run(series, &limits, f, &err));
}

static bool cut_is_said(const struct finding *finding, const struct findings *f) {
    /* Without its command a table is another's; a finalizer that waits moves in no moment. */
    static const char *const of_both[] = {"trust", "finalizer-stuck"};
    if (STR_IS_ONE_OF(str_of(finding->rule->id), of_both))
        return true;
    for (uint32_t i = 0; i < f->count; i++)
        if (f->items[i].status == STATUS_HIT && f->items[i].rule == finding->rule &&
            strcmp(f->items[i].subject, finding->subject) == 0)
            return true;
    return false;
}

/* It says of a list only how many it lists, and that these may not be all. */
static bool is_hedged(const struct finding *finding) {
    return finding->severity > SEVERITY_WARNING && (strstr(finding->summary, "may not be all") ||
                                                    strstr(finding->summary, "may list less"));
}

/* Types of several rows: of one that is listed, nobody knows that another of its rows is not. */
static bool cut_is_twice(const struct finding *finding, struct str text) {
    struct str name = str_of(finding->subject);
    size_t at =
        strcmp(finding->rule->id, "growing-type") == 0 ? str_find(text, name, 0) : STR_NOT_FOUND;
    return at != STR_NOT_FOUND && str_find(text, name, at + 1) != STR_NOT_FOUND;
}

/*
 * Rules over both; how many findings are of the cut alone: which neither says of itself, when
 * nothing has changed.
 */
static int cut_compare(const struct snapshot *a, const struct snapshot *b, struct str text,
                       const char *what) {
    struct series both, first, second;
    struct findings f, of_first, of_second;
    int wrong = 0;
    cut_findings(a, b, &both, &f);
    cut_findings(a, a, &first, &of_first);
    cut_findings(b, b, &second, &of_second);
    for (uint32_t i = 0; i < f.count; i++) {
        if (f.items[i].status != STATUS_HIT || is_hedged(&f.items[i]) ||
            cut_is_twice(&f.items[i], text) || cut_is_said(&f.items[i], &of_first) ||
            cut_is_said(&f.items[i], &of_second))
            continue;
        print_error("%s: %s: %s\n", what, f.items[i].rule->id, f.items[i].summary);
        wrong++;
    }
    findings_deinit(&of_second);
    findings_deinit(&of_first);
    findings_deinit(&f);
    series_deinit(&second);
    series_deinit(&first);
    series_deinit(&both);
    return wrong;
}

/* What is still reachable memcheck lists only where it was asked to. */
static uint64_t sum_of_stacks(const struct snapshot *s) {
    uint64_t sum = 0;
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].bytes != ABSENT && (!rows[i].loss || strcmp(rows[i].loss, STACK_REACHABLE)))
            sum += rows[i].bytes;
    return sum;
}

/*
 * A sum that is less than that of the whole log, of which nothing says that it is not all: of
 * types, of the GC heap, of objects that are ready, of what is outstanding where its report has an
 * end.
 */
static const char *is_presented_as_whole(const struct snapshot *whole, const struct snapshot *cut) {
    const struct gc_row *gc = snapshot_row(whole, PART_GC), *cut_gc = snapshot_row(cut, PART_GC);
    const struct finalizer_row *f = snapshot_row(whole, PART_FINALIZER);
    const struct finalizer_row *cut_f = snapshot_row(cut, PART_FINALIZER);
    if (snapshot_trust(cut) != TRUST_EXACT)
        return NULL;
    if (snapshot_has(cut, PART_TYPES) && snapshot_totals(cut).bytes < snapshot_totals(whole).bytes)
        return "the types";
    if (gc && cut_gc && cut_gc->allocated_bytes != gc->allocated_bytes &&
        cut_gc->allocated_bytes != ABSENT)
        return "the size of the GC heap";
    if (f && cut_f && f->ready != ABSENT && cut_f->ready != ABSENT && cut_f->ready < f->ready)
        return "the objects that are ready";
    const char *tool = snapshot_origin(whole)->tool;
    bool ends = tool && (strcmp(tool, "memcheck") == 0 || strcmp(tool, "LeakSanitizer") == 0 ||
                         strcmp(tool, "gperftools heap checker") == 0);
    if (ends && snapshot_has(cut, PART_STACKS) && sum_of_stacks(cut) < sum_of_stacks(whole))
        return "what is outstanding";
    return NULL;
}

/* A part with fewer rows, of which nothing says that it is not all. */
static const char *has_fewer_rows(const struct snapshot *whole, const struct snapshot *cut) {
    for (int part = PART_TYPES; part < PART_END; part++) {
        uint32_t all, some;
        snapshot_rows(whole, (enum part)part, &all);
        snapshot_rows(cut, (enum part)part, &some);
        if (part != PART_ABSENCES && part != PART_COUNTERS && some && some < all &&
            snapshot_trust(cut) == TRUST_EXACT && !snapshot_lacks_rows(cut, (enum part)part))
            return part_descs[part].name;
    }
    return NULL;
}

static int cut_judge(const struct snapshot *whole, struct str text, struct str log,
                     const char *name, size_t line) {
    struct snapshot cut;
    char what[300];
    int wrong = 0;
    snprintf(what, sizeof(what), "%s, line %zu", name, line);
    if (cut_read(log, &cut)) {
        const char *sum = is_presented_as_whole(whole, &cut);
        sum = sum ? sum : has_fewer_rows(whole, &cut);
        if (sum)
            print_error("%s: %s: taken for all\n", what, sum);
        wrong = (sum != NULL) + cut_compare(whole, &cut, text, what) +
                cut_compare(&cut, whole, text, what);
    }
    snapshot_deinit(&cut);
    return wrong;
}

/* Where lines begin; the last one is the end. */
static size_t *line_starts(struct str text, size_t *ret_lines) {
    size_t *starts = calloc(text.len + 2, sizeof(*starts)), lines = 0;
    assert_non_null(starts);
    struct str rest = text, line;
    while (str_next_line(&rest, &line))
        starts[lines++] = (size_t)(line.ptr - text.ptr);
    starts[lines] = text.len;
    *ret_lines = lines;
    return starts;
}

/* Does the line begin with a number? Then it may be a row, and somebody may leave it out. */
static bool is_cut_row(struct str text, size_t at) {
    struct str line = str_drop(text, at);
    struct str first = str_next_field(&line);
    return first.len && (char_is_digit(first.ptr[0]) || str_is_hex(first));
}

/*
 * What is left is whole for all that one can see: where a name, or a stack with its figures, stands
 * on several lines, and where each line is one allocation or heap, with no sum of them.
 */
static bool cut_is_made_of_items(const char *name) {
    static const char *const starts[] = {"heaptrack-print", "umdh_press",
                                         /* not sorted, which without the row that shows it ... */
                                         "dumpheap_posted_net8_tail"};
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        if (str_starts(str_of(name), str_of(starts[i])))
            return true;
    return str_contains(str_of(name), STR("wrapped"));
}

static void cut_everywhere(const char *name, struct str text, void *ret_wrong) {
    struct snapshot whole;
    int *wrong = ret_wrong;
    size_t lines, *starts = line_starts(text, &lines);
    /* Of several moments a cut takes the last: the others are another time's. */
    if (cut_read(text, &whole) && snapshot_origin(&whole)->moments == ABSENT) {
        uint64_t at = lines * 7 + 3;
        for (size_t i = 1; i < lines; i++)
            *wrong += cut_judge(&whole, text, str_take(text, starts[i]), name, i);
        for (int n = 0; n < ROWS_LEFT_OUT && lines > 2; n++) {
            struct strbuf log;
            at = at * 6364136223846793005u + 1442695040888963407u;
            size_t from = (size_t)(at >> 33) % lines, count = 1 + (size_t)(at >> 13) % 3;
            size_t to = from;
            while (to < lines && to < from + count && is_cut_row(text, starts[to]))
                to++;
            if (to == from || from == 0 || cut_is_made_of_items(name))
                continue;
            strbuf_init(&log);
            strbuf_add(&log, str_take(text, starts[from]));
            /* Of a table that is a tail already, a second gap has to be marked. */
            if (snapshot_lacks_rows(&whole, PART_TYPES) || !str_contains(text, STR("Statistics:")))
                strbuf_adds(&log, "...\n");
            strbuf_add(&log, str_drop(text, starts[to]));
            *wrong += cut_judge(&whole, text, strbuf_str(&log), name, from + 1);
            strbuf_deinit(&log);
        }
    }
    snapshot_deinit(&whole);
    free(starts);
}

static void nothing_comes_or_goes_by_a_cut_and_no_part_passes_for_the_whole(void **state) {
    (void)state;
    int wrong = 0, logs = logs_each_fixture(cut_everywhere, &wrong);
    assert_true(logs > 150);
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_comes_or_goes_by_a_cut_and_no_part_passes_for_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
