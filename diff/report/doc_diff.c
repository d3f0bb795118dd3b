/* The report on two or more dumps. */
#include "diff/report/doc_parts.h"
#include "diff/series/trend.h"
#include "diff/names/names.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- Head -------------------------------------------------------------------------------------- */

static void snapshot_line(const struct doc_context *c, struct doc_table *t, uint32_t i,
                          const char *title) {
    const struct snapshot *s = c->s->snapshots[i];
    const struct origin_row *origin = snapshot_origin(s);
    enum trust_grade trust = snapshot_trust(s);
    char buf[FMT_MAX];
    doc_row(c->d, t, DOC_PLAIN);
    doc_cell(c->d, t, DOC_STRONG, title);
    doc_cell(c->d, t, DOC_PLAIN, c->o->names[i]);
    doc_cell(c->d, t, trust == TRUST_EXACT ? DOC_PLAIN : DOC_BAD, trust_names[trust]);
    doc_cell(c->d, t, DOC_PLAIN, fmt_second(origin->captured_at_ns, buf));
    doc_cell(c->d, t, DOC_PLAIN, origin->process);
    doc_cell(c->d, t, DOC_PLAIN, origin->runtime);
    doc_cell(c->d, t, DOC_PLAIN, origin->gc_mode);
}

void doc_diff_title(const struct doc_context *c) {
    struct strbuf title;
    char buf[FMT_MAX];
    strbuf_init(&title);
    strbuf_addf(&title, "%s -> %s", c->o->names[0], c->o->names[c->s->count - 1]);
    if (c->s->count > 2)
        strbuf_addf(&title, ", %u dumps", c->s->count);
    if (c->s->interval_ns != ABSENT)
        strbuf_addf(&title, ", %s apart", fmt_ns(c->s->interval_ns, buf));
    doc_text(c->d, DOC_TITLE, DOC_PLAIN, "%s", strbuf_cstr(&title));
    doc_fail(c->d, &title.err);
    strbuf_deinit(&title);
}

void doc_diff_dumps(const struct doc_context *c) {
    static const struct doc_column columns[] = {
        {"", false, CUT_NEVER},      {"dump", false, CUT_MIDDLE},    {"trust", false, CUT_NEVER},
        {"taken", false, CUT_NEVER}, {"process", false, CUT_MIDDLE}, {"runtime", false, CUT_NEVER},
        {"GC", false, CUT_NEVER},
    };
    struct doc_shown shown;
    doc_shown(c, &shown);
    struct doc_table *t = doc_table(c->d, columns, 7);
    for (uint32_t i = 0; i < shown.count; i++)
        snapshot_line(c, t, shown.at[i], shown.titles[i]);
    doc_prune(t);
}

void doc_diff_warnings(const struct doc_context *c) {
    if (c->s->not_comparable)
        doc_text(c->d, DOC_PARA, DOC_BAD, "Compared by force: %s", c->s->not_comparable);
    for (uint32_t i = 0; i < c->s->warning_count; i++)
        doc_text(c->d, DOC_PARA, DOC_BAD, "Careful: %s", c->s->warnings[i]);
}

/* -- Types ------------------------------------------------------------------------------------- */

static const char *verdict_text(const struct series_type *t) {
    return t->is_free ? "free" : verdict_names[t->verdict];
}

static enum doc_style doc_diff_verdict_style(enum verdict verdict) {
    return verdict == VERDICT_LEAK || verdict == VERDICT_GROWING ? DOC_BAD : DOC_PLAIN;
}

/* Often less than one object. */
void doc_per(const struct doc_context *c, struct doc_table *t, int64_t objects, int64_t bytes) {
    double each = (double)objects / c->o->per, size = (double)bytes / c->o->per;
    char buf[FMT_MAX];
    if (each > -100 && each < 100)
        doc_cellf(c->d, t, DOC_PLAIN, objects ? "%+.2f" : "0", each);
    else
        doc_count_delta(c->d, t, (int64_t)each);
    if (size > -1 && size < 1)
        doc_cellf(c->d, t, DOC_PLAIN, bytes ? "%+.2f B" : "0", size);
    else
        doc_cell(c->d, t, DOC_PLAIN, fmt_bytes_delta((int64_t)size, buf));
}

/* A pace needs times, and more than two points. */
static bool an_hour(const struct doc_context *c) {
    return c->s->count > 2 && c->s->times_ns;
}

static void pace_cell(const struct doc_context *c, struct doc_table *t,
                      const struct series_type *type) {
    struct trend trend;
    char buf[FMT_MAX];
    if (type && !trend_of_type(c->s, type, &trend))
        doc_fail_nomem(c->d);
    else if (!type || !(fabs(trend.slope_an_hour) < 1e18))
        doc_cell(c->d, t, DOC_PLAIN, NULL);
    else
        doc_cell(c->d, t, DOC_PLAIN, fmt_bytes_delta(llround(trend.slope_an_hour), buf));
}

static uint32_t type_columns(const struct doc_context *c, const struct doc_shown *shown,
                             struct doc_column *columns) {
    uint32_t n = 0;
    columns[n++] = (struct doc_column){"objects", true, CUT_NEVER};
    columns[n++] = (struct doc_column){"+/-", true, CUT_NEVER};
    if (c->s->count == 2)
        columns[n++] = (struct doc_column){"bytes", true, CUT_NEVER};
    else
        n = doc_shown_columns(shown, columns, n);
    columns[n++] = (struct doc_column){"+/-", true, CUT_NEVER};
    if (c->o->per > 0) {
        columns[n++] = (struct doc_column){"objects/N", true, CUT_NEVER};
        columns[n++] = (struct doc_column){"bytes/N", true, CUT_NEVER};
    }
    if (an_hour(c))
        columns[n++] = (struct doc_column){"an hour", true, CUT_NEVER};
    if (shown->trend)
        columns[n++] = (struct doc_column){"trend", false, CUT_NEVER};
    columns[n++] = (struct doc_column){"verdict", false, CUT_NEVER};
    columns[n++] = (struct doc_column){"type", false, CUT_TYPE};
    return n;
}

/* What the rows of the table have in common; the name follows. */
struct type_line {
    const struct cell *cells; /* [count of snapshots] */
    int64_t objects_delta, bytes_delta;
    const struct series_type *type;   /* NULL: a sum */
    struct cell base_most, last_most; /* of a type that a dump does not list */
    bool is_least;                    /* the deltas are */
};

#define TREND_MOST 40u

/* "≤1.2 KiB -> 3.4 MiB" */
static void type_pair_cell(const struct doc_context *c, struct doc_table *t,
                           const struct type_line *line) {
    char a[FMT_MAX], b[FMT_MAX];
    if (line->type && series_type_is_unlisted(c->s, line->type, 0))
        doc_cellf(c->d, t, DOC_PLAIN, "%s%s -> %s", line->base_most.bytes == ABSENT ? "" : "≤",
                  fmt_bytes(line->base_most.bytes, a), fmt_bytes(line->cells[1].bytes, b));
    else if (line->type && series_type_is_unlisted(c->s, line->type, 1))
        doc_cellf(c->d, t, DOC_PLAIN, "%s -> %s%s", fmt_bytes(line->cells[0].bytes, a),
                  line->last_most.bytes == ABSENT ? "" : "≤", fmt_bytes(line->last_most.bytes, b));
    else
        doc_cell(c->d, t, DOC_PLAIN, fmt_bytes_pair(line->cells[0].bytes, line->cells[1].bytes, a));
    doc_pair(t, UNIT_BYTES, line->cells[0].bytes, line->cells[1].bytes);
}

/* "≥+3.4 MiB": by so much at least, of what a dump does not list; "-": not known. */
static void type_delta_cell(const struct doc_context *c, struct doc_table *t, bool is_least,
                            enum doc_unit unit, int64_t delta, const char *text) {
    if (is_least && delta)
        doc_cellf(c->d, t, DOC_PLAIN, "%s%s", delta < 0 ? "≤" : "≥", text);
    else
        doc_cell(c->d, t, DOC_PLAIN, is_least ? "-" : text);
    if (!is_least || delta)
        doc_difference(t, unit, delta);
}

static void type_cells(const struct doc_context *c, struct doc_table *t,
                       const struct doc_shown *shown, const struct type_line *line) {
    char buf[FMT_MAX];
    uint64_t bytes[TREND_MOST];
    uint32_t last = c->s->count - 1;
    doc_count(c->d, t, line->cells[last].objects);
    type_delta_cell(c, t, line->is_least, UNIT_COUNT_DELTA, line->objects_delta,
                    fmt_count_delta(line->objects_delta, buf));
    if (c->s->count == 2)
        type_pair_cell(c, t, line);
    for (uint32_t i = 0; c->s->count > 2 && i < shown->count; i++)
        doc_bytes(c->d, t, line->cells[shown->at[i]].bytes);
    type_delta_cell(c, t, line->is_least, UNIT_BYTES_DELTA, line->bytes_delta,
                    fmt_bytes_delta(line->bytes_delta, buf));
    if (c->o->per > 0)
        doc_per(c, t, line->objects_delta, line->bytes_delta);
    for (uint32_t i = 0; i <= last && i < TREND_MOST; i++)
        bytes[i] = line->cells[i].bytes;
    if (an_hour(c))
        pace_cell(c, t, line->type);
    if (shown->trend)
        doc_trend(c, t, bytes);
    doc_cell(c->d, t, line->type ? doc_diff_verdict_style(line->type->verdict) : DOC_PLAIN,
             line->type ? verdict_text(line->type) : NULL);
}

static void type_row(const struct doc_context *c, struct doc_table *t,
                     const struct doc_shown *shown, const struct series_type *type,
                     struct cell *scratch) {
    uint32_t last = c->s->count - 1;
    for (uint32_t i = 0; i <= last; i++)
        scratch[i] = type_cell(type, i, c->s->live_known);
    struct series_change change = series_type_change(c->s, type, c->s->live_known);
    const struct type_line line = {
        .cells = scratch,
        .objects_delta = change.objects,
        .bytes_delta = change.bytes,
        .type = type,
        .base_most = series_type_most(c->s, type, 0),
        .last_most = series_type_most(c->s, type, last),
        .is_least = change.is_least,
    };
    doc_row(c->d, t, DOC_PLAIN);
    doc_row_mark(t, MARK_TYPE, (uint32_t)(type - c->s->types));
    type_cells(c, t, shown, &line);
    doc_cell(c->d, t, name_is_framework(type->name) ? DOC_PLAIN : DOC_STRONG, type->name);
}

static void type_table(const struct doc_context *c, const struct type_view *v) {
    const struct type_sums *sums = c->s->live_known ? &v->live : &v->all;
    struct doc_column columns[SHOWN_MOST + 16];
    struct doc_shown shown;
    char buf[FMT_MAX];
    doc_shown(c, &shown);
    struct doc_table *t = doc_table(c->d, columns, type_columns(c, &shown, columns));
    struct cell *scratch = arena_array(&c->d->arena, c->s->count, sizeof(*scratch));
    if (!scratch) {
        doc_fail_nomem(c->d);
        return;
    }
    for (uint32_t i = 0; i < v->count; i++)
        type_row(c, t, &shown, &c->s->types[v->rows[i]], scratch);
    if (v->other_types) {
        const struct type_line line = {.cells = sums->others,
                                       .objects_delta = sums->others_objects_delta,
                                       .bytes_delta = sums->others_bytes_delta};
        doc_row(c->d, t, DOC_DIM);
        doc_row_is(t, ROW_OTHERS);
        doc_table_others(t, v->other_types);
        type_cells(c, t, &shown, &line);
        doc_cellf(c->d, t, DOC_PLAIN, "[%s other%s]", fmt_count(v->other_types, buf),
                  v->other_types == 1 ? "" : "s");
    }
    const struct type_line line = {.cells = sums->total,
                                   .objects_delta = sums->total_objects_delta,
                                   .bytes_delta = sums->total_bytes_delta};
    doc_row(c->d, t, DOC_STRONG);
    doc_row_is(t, ROW_TOTAL);
    type_cells(c, t, &shown, &line);
    doc_cell(c->d, t, DOC_PLAIN, "total");
}

void doc_diff_types(const struct doc_context *c) {
    struct type_view v;
    struct err err;
    char changed[FMT_MAX], unchanged[FMT_MAX];
    if (!(c->s->parts_all & PART_BIT(PART_TYPES)))
        return;
    if (!type_view_init(&v, c->s, c->o, doc_top(c, ROWS_DEFAULT), c->s->live_known, &err)) {
        doc_fail(c->d, &err);
        return;
    }
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Types%s: %s changed, %s did not",
             c->s->live_known ? ", live objects only" : "",
             fmt_count(c->s->type_count - v.unchanged, changed), fmt_count(v.unchanged, unchanged));
    if (v.filtered)
        doc_text(c->d, DOC_PARA, DOC_DIM, "%u type%s left out by options %s in [others].",
                 v.filtered, plural(v.filtered), v.filtered == 1 ? "is" : "are");
    type_table(c, &v);
    type_view_deinit(&v);
}

void doc_diff_notes(const struct doc_context *c) {
    bool types = (c->s->parts_all & PART_BIT(PART_TYPES)) != 0, judged = types || c->s->allocated;
    if (c->s->count == 2 && judged)
        doc_text(c->d, DOC_PARA, DOC_DIM,
                 "Two dumps show growth; it takes a third to tell a leak from a cache that fills.");
    if (c->s->count > 2 && c->s->count < TREND_SAMPLES_LEAST && judged)
        doc_text(c->d, DOC_PARA, DOC_DIM,
                 "Verdicts rest on the steps alone: %u dumps are too few to rule out chance, "
                 "%u are not.",
                 c->s->count, TREND_SAMPLES_LEAST);
}

static void doc_diff_brief(const struct doc_context *c) {
    doc_diff_types(c);
    doc_diff_threads(c);
    doc_reasons(c);
}

static void doc_diff_tables(const struct doc_context *c, bool types) {
    if (!types)
        doc_allocations(c);
    doc_diff_heap(c);
    doc_diff_types(c);
    doc_diff_growth(c);
    doc_diff_threads(c);
    doc_diff_finalizer(c);
    doc_diff_locks(c);
    doc_diff_values(c);
    if (types)
        doc_allocations(c);
    doc_reasons(c);
    doc_missing(c);
}

void doc_build_diff(struct doc *d, const struct series *s, const struct findings *f,
                    const struct report_options *o) {
    const struct doc_context c = {d, s, f, o};
    if (d->is_page) {
        doc_page_diff(&c);
        return;
    }
    bool types = (s->parts_all & PART_BIT(PART_TYPES)) != 0;
    doc_diff_title(&c);
    doc_diff_dumps(&c);
    doc_diff_warnings(&c);
    doc_causes(&c);
    doc_findings(&c);
    doc_diff_notes(&c);
    if (doc_is_brief(&c))
        doc_diff_brief(&c);
    else
        doc_diff_tables(&c, types);
}
