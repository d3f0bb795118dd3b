/* Outstanding allocations by function, stack, module and size: of one dump, or what changed. */
#include "diff/names/alloc_frames.h"
#include "diff/report/alloc_view.h"
#include "diff/report/doc_parts.h"
#include "model/snapshot.h"
#include "model/rows_origin.h"

#include <stdlib.h>

#define ROWS_FEW     5u  /* of modules and sizes */
#define STACKS_WHOLE 2u  /* stacks whose frames are listed */
#define FRAMES_SHOWN 12u /* of these */
#define PLACE_FRAMES 4u  /* in a line of a table */
#define TREND_MOST   40u

struct alloc_section {
    enum alloc_kind kind;
    const char *heading, *title;
    uint32_t rows;
};

static const struct alloc_section sections[] = {
    {ALLOC_FUNCTIONS, "Allocating functions", "function", ROWS_SECONDARY},
    {ALLOC_STACKS, "Allocation stacks", "stack", ROWS_SECONDARY},
    {ALLOC_MODULES, "Allocating modules", "module", ROWS_FEW},
    {ALLOC_SIZES, "Sizes of allocations", "size", ROWS_FEW},
};

static enum doc_style doc_allocations_verdict_style(enum verdict verdict) {
    return verdict == VERDICT_LEAK || verdict == VERDICT_GROWING ? DOC_BAD : DOC_PLAIN;
}

/* -- Columns ----------------------------------------------------------------------------------- */

struct alloc_table {
    const struct doc_context *c;
    struct doc_table *t;
    struct doc_shown shown;
    const struct alloc_view *v;
    const struct alloc_section *section;
};

static bool has_cum(const struct alloc_section *section) {
    return section->kind == ALLOC_FUNCTIONS || section->kind == ALLOC_MODULES;
}

/* A stack takes room: what the other tables say beside it is left out there. */
static bool is_wide(const struct alloc_table *a) {
    return a->section->kind != ALLOC_STACKS;
}

static uint32_t diff_columns(struct alloc_table *a, struct doc_column *columns) {
    uint32_t n = 0;
    columns[n++] = (struct doc_column){"count", true, CUT_NEVER};
    columns[n++] = (struct doc_column){"+/-", true, CUT_NEVER};
    if (!is_wide(a) || a->c->s->count == 2)
        columns[n++] = (struct doc_column){"bytes", true, CUT_NEVER};
    else
        n = doc_shown_columns(&a->shown, columns, n);
    columns[n++] = (struct doc_column){"+/-", true, CUT_NEVER};
    columns[n++] = (struct doc_column){"share", true, CUT_NEVER};
    if (has_cum(a->section))
        columns[n++] = (struct doc_column){"with callees", true, CUT_NEVER};
    if (a->c->o->per > 0) {
        columns[n++] = (struct doc_column){"count/N", true, CUT_NEVER};
        columns[n++] = (struct doc_column){"bytes/N", true, CUT_NEVER};
    }
    if (is_wide(a))
        columns[n++] = (struct doc_column){"allocated", true, CUT_NEVER};
    if (a->shown.trend)
        columns[n++] = (struct doc_column){"trend", false, CUT_NEVER};
    columns[n++] = (struct doc_column){"verdict", false, CUT_NEVER};
    return n;
}

static uint32_t show_columns(const struct alloc_table *a, struct doc_column *columns) {
    uint32_t n = 0;
    columns[n++] = (struct doc_column){"count", true, CUT_NEVER};
    columns[n++] = (struct doc_column){"bytes", true, CUT_NEVER};
    columns[n++] = (struct doc_column){"share", true, CUT_NEVER};
    if (has_cum(a->section))
        columns[n++] = (struct doc_column){"with callees", true, CUT_NEVER};
    columns[n++] = (struct doc_column){"ever", true, CUT_NEVER};
    columns[n++] = (struct doc_column){"ever bytes", true, CUT_NEVER};
    columns[n++] = (struct doc_column){"freed at once", true, CUT_NEVER};
    columns[n++] = (struct doc_column){"at peak", true, CUT_NEVER};
    columns[n++] = (struct doc_column){"oldest", true, CUT_NEVER};
    return n;
}

/* -- Rows -------------------------------------------------------------------------------------- */

static void diff_cells(const struct alloc_table *a, const struct alloc_line *line, bool is_row) {
    const struct doc_context *c = a->c;
    uint32_t last = c->s->count - 1;
    uint64_t bytes[TREND_MOST];
    char buf[FMT_MAX];
    doc_count(c->d, a->t, line->self[last].objects);
    if (line->self[0].objects == ABSENT || line->self[last].objects == ABSENT)
        doc_cell(c->d, a->t, DOC_PLAIN, NULL);
    else
        doc_count_delta(c->d, a->t, line->count_delta);
    if (!is_wide(a))
        doc_bytes(c->d, a->t, line->self[last].bytes);
    else if (c->s->count == 2)
        doc_cell(c->d, a->t, DOC_PLAIN,
                 fmt_bytes_pair(line->self[0].bytes, line->self[1].bytes, buf));
    if (is_wide(a) && c->s->count == 2)
        doc_pair(a->t, UNIT_BYTES, line->self[0].bytes, line->self[1].bytes);
    for (uint32_t i = 0; is_wide(a) && c->s->count > 2 && i < a->shown.count; i++)
        doc_bytes(c->d, a->t, line->self[a->shown.at[i]].bytes);
    doc_bytes_delta(c->d, a->t, line->bytes_delta);
    if (is_row && line->bytes_delta > 0)
        doc_cell(c->d, a->t, DOC_PLAIN,
                 fmt_percent((uint64_t)line->bytes_delta, a->v->growth, buf));
    else
        doc_cell(c->d, a->t, DOC_PLAIN, NULL);
    if (has_cum(a->section) && line->cum)
        doc_bytes_delta(c->d, a->t, line->cum_bytes_delta);
    else if (has_cum(a->section))
        doc_cell(c->d, a->t, DOC_PLAIN, NULL);
    if (c->o->per > 0)
        doc_per(c, a->t, line->count_delta, line->bytes_delta);
    if (is_wide(a) && line->ever && line->ever[0].bytes != ABSENT &&
        line->ever[last].bytes != ABSENT)
        doc_bytes_delta(c->d, a->t, fmt_delta(line->ever[0].bytes, line->ever[last].bytes));
    else if (is_wide(a))
        doc_cell(c->d, a->t, DOC_PLAIN, NULL);
    for (uint32_t i = 0; i <= last && i < TREND_MOST; i++)
        bytes[i] = line->self[i].bytes;
    if (a->shown.trend)
        doc_trend(c, a->t, bytes);
    bool judged = is_row && line->verdict != VERDICT_NONE;
    doc_cell(c->d, a->t, judged ? doc_allocations_verdict_style(line->verdict) : DOC_PLAIN,
             judged ? verdict_names[line->verdict] : NULL);
}

static void show_cells(const struct alloc_table *a, const struct alloc_line *line) {
    const struct doc_context *c = a->c;
    char buf[FMT_MAX];
    doc_count(c->d, a->t, line->self[0].objects);
    doc_bytes(c->d, a->t, line->self[0].bytes);
    doc_cell(c->d, a->t, DOC_PLAIN, fmt_percent(line->self[0].bytes, a->v->total[0].bytes, buf));
    if (has_cum(a->section))
        doc_bytes(c->d, a->t, line->cum ? line->cum[0].bytes : ABSENT);
    doc_count(c->d, a->t, line->ever ? line->ever[0].objects : ABSENT);
    doc_bytes(c->d, a->t, line->ever ? line->ever[0].bytes : ABSENT);
    doc_count(c->d, a->t, line->stack ? line->stack->temporary_count : ABSENT);
    doc_bytes(c->d, a->t, line->stack ? line->stack->peak_bytes : ABSENT);
    if (line->stack && line->stack->oldest_ns != ABSENT)
        doc_ns(c->d, a->t, line->stack->oldest_ns);
    else
        doc_cell(c->d, a->t, DOC_PLAIN, NULL);
}

static void name_cell(const struct alloc_table *a, const struct alloc_line *line) {
    struct strbuf text;
    char buf[FMT_MAX];
    strbuf_init(&text);
    if (line->stack)
        series_stack_place(line->stack, PLACE_FRAMES, &text);
    else if (line->name)
        strbuf_adds(&text, line->name);
    else if (line->size_each == ABSENT)
        strbuf_adds(&text, "[not told]");
    else
        strbuf_addf(&text, "%s B", fmt_count(line->size_each, buf));
    doc_cell(a->c->d, a->t, DOC_STRONG, strbuf_cstr(&text));
    doc_fail(a->c->d, &text.err);
    strbuf_deinit(&text);
}

static void line_cells(const struct alloc_table *a, const struct alloc_line *line, bool is_row) {
    if (a->c->s->count == 1)
        show_cells(a, line);
    else
        diff_cells(a, line, is_row);
}

static void doc_allocations_sum_rows(const struct alloc_table *a) {
    const struct alloc_view *v = a->v;
    char buf[FMT_MAX];
    if (v->other_rows || v->not_listed) {
        const struct alloc_line line = {.self = v->others,
                                        .count_delta = v->others_count_delta,
                                        .bytes_delta = v->others_bytes_delta};
        doc_row(a->c->d, a->t, DOC_DIM);
        doc_row_is(a->t, ROW_OTHERS);
        doc_table_others(a->t, v->other_rows);
        line_cells(a, &line, false);
        if (v->other_rows)
            doc_cellf(a->c->d, a->t, DOC_PLAIN, "[%s other%s%s]", fmt_count(v->other_rows, buf),
                      v->other_rows == 1 ? "" : "s", v->not_listed ? ", more not listed" : "");
        else
            doc_cell(a->c->d, a->t, DOC_PLAIN, "[not listed]");
    }
    const struct alloc_line line = {
        .self = v->total, .count_delta = v->total_count_delta, .bytes_delta = v->total_bytes_delta};
    doc_row(a->c->d, a->t, DOC_STRONG);
    doc_row_is(a->t, ROW_TOTAL);
    line_cells(a, &line, false);
    doc_cell(a->c->d, a->t, DOC_PLAIN, "total");
}

/* -- Sections ---------------------------------------------------------------------------------- */

/* "ink!fill (fill.c:40)" */
static void stack_frame_line(const struct doc_context *c, const struct series_stack *stack,
                             uint32_t frame) {
    struct strbuf source;
    strbuf_init(&source);
    series_stack_source(c->s, stack, frame, &source);
    doc_text(c->d, DOC_STACK, DOC_PLAIN, "%s%s%s%s", stack->frames.items[frame],
             source.len ? " (" : "", strbuf_cstr(&source), source.len ? ")" : "");
    doc_fail(c->d, &source.err);
    strbuf_deinit(&source);
}

static void whole_stack(const struct doc_context *c, const struct series_stack *stack) {
    char bytes[FMT_MAX], count[FMT_MAX], base[FMT_MAX], now[FMT_MAX];
    uint32_t last = c->s->count - 1, from = c->o->all ? 0 : stack->self;
    uint32_t end = c->o->all || stack->frames.count - from < FRAMES_SHOWN ? stack->frames.count
                                                                          : from + FRAMES_SHOWN;
    bool one = c->s->count == 1;
    struct strbuf head;
    strbuf_init(&head);
    strbuf_adds(&head, one ? fmt_bytes(stack->totals[0].bytes, bytes)
                           : fmt_bytes_delta(stack->bytes_delta, bytes));
    if (stack->totals[last].objects != ABSENT)
        strbuf_addf(&head, " in %s allocation%s",
                    one ? fmt_count(stack->totals[0].objects, count)
                        : fmt_count_delta(stack->count_delta, count),
                    plural(one ? stack->totals[0].objects : (uint64_t)stack->count_delta));
    if (!one)
        strbuf_addf(&head, " (%s -> %s), %s", fmt_bytes(stack->totals[0].bytes, base),
                    fmt_bytes(stack->totals[last].bytes, now), verdict_names[stack->verdict]);
    doc_text(c->d, c->d->is_page ? DOC_FOLD : DOC_ITEM, DOC_STRONG, "%s:", strbuf_cstr(&head));
    doc_fail(c->d, &head.err);
    strbuf_deinit(&head);
    for (uint32_t i = from; i < end; i++)
        stack_frame_line(c, stack, i);
    if (end < stack->frames.count)
        doc_text(c->d, DOC_STACK, DOC_DIM, "[%u more frame%s]", stack->frames.count - end,
                 plural(stack->frames.count - end));
    if (c->d->is_page)
        doc_text(c->d, DOC_UNFOLD, DOC_PLAIN, NULL);
}

/* Those of which a line of the table may not show all. */
static void whole_stacks(const struct doc_context *c, const struct alloc_view *v) {
    uint32_t listed = 0;
    for (uint32_t i = 0; i < v->count && (c->o->all || listed < STACKS_WHOLE); i++) {
        const struct series_stack *stack = &c->s->stacks[v->rows[i]];
        if (!stack->frames.count)
            continue;
        whole_stack(c, stack);
        listed++;
    }
}

static void doc_allocations_heading(const struct doc_context *c,
                                    const struct alloc_section *section,
                                    const struct alloc_view *v) {
    char changed[FMT_MAX], unchanged[FMT_MAX];
    uint32_t all = alloc_count(c->s, section->kind);
    if (c->s->count == 1)
        doc_text(c->d, DOC_HEADING, DOC_PLAIN, "%s: %s", section->heading, fmt_count(all, changed));
    else
        doc_text(c->d, DOC_HEADING, DOC_PLAIN, "%s: %s changed, %s did not", section->heading,
                 fmt_count(all - v->unchanged, changed), fmt_count(v->unchanged, unchanged));
    if (v->filtered)
        doc_text(c->d, DOC_PARA, DOC_DIM, "%u left out by options are in [others].", v->filtered);
    if (section->kind == ALLOC_STACKS && c->s->stacks_renamed)
        doc_text(c->d, DOC_PARA, DOC_DIM,
                 "%u stack%s matched although a module or the arguments of a function changed.",
                 c->s->stacks_renamed, c->s->stacks_renamed == 1 ? " was" : "s were");
}

static void alloc_section(const struct doc_context *c, const struct alloc_section *section) {
    struct alloc_view v;
    struct alloc_table a = {.c = c, .v = &v, .section = section};
    struct doc_column columns[SHOWN_MOST + 16];
    struct err err;
    if (!alloc_known(c->s, section->kind))
        return;
    if (!alloc_view_init(&v, c->s, section->kind, c->o, doc_top(c, section->rows), &err)) {
        doc_fail(c->d, &err);
        return;
    }
    doc_shown(c, &a.shown);
    uint32_t n = c->s->count == 1 ? show_columns(&a, columns) : diff_columns(&a, columns);
    columns[n++] = (struct doc_column){section->title, section->kind == ALLOC_SIZES,
                                       section->kind == ALLOC_STACKS ? CUT_END : CUT_MIDDLE};
    doc_allocations_heading(c, section, &v);
    a.t = doc_table(c->d, columns, n);
    for (uint32_t i = 0; i < v.count; i++) {
        struct alloc_line line = alloc_line(c->s, section->kind, v.rows[i]);
        doc_row(c->d, a.t, DOC_PLAIN);
        line_cells(&a, &line, true);
        name_cell(&a, &line);
    }
    doc_allocations_sum_rows(&a);
    if (a.t)
        doc_prune(a.t);
    if (section->kind == ALLOC_STACKS)
        whole_stacks(c, &v);
    alloc_view_deinit(&v);
}

/* "Outstanding: 2.0 -> 10.0 MiB (+8.0 MiB) in 1,010 allocations (+800)" */
static void outstanding(const struct doc_context *c) {
    char bytes[FMT_MAX], count[FMT_MAX], more[FMT_MAX], times[FMT_MAX];
    uint32_t last = c->s->count - 1;
    struct cell first = c->s->allocated[0], now = c->s->allocated[last];
    struct strbuf line;
    strbuf_init(&line);
    strbuf_addf(&line, "Outstanding: %s",
                last ? fmt_bytes_pair(first.bytes, now.bytes, bytes) : fmt_bytes(now.bytes, bytes));
    if (last && first.bytes != ABSENT && now.bytes != ABSENT)
        strbuf_addf(&line, " (%s)", fmt_bytes_delta(fmt_delta(first.bytes, now.bytes), more));
    if (now.objects != ABSENT)
        strbuf_addf(&line, " in %s allocation%s", fmt_count(now.objects, count),
                    plural(now.objects));
    if (last && first.objects != ABSENT && now.objects != ABSENT)
        strbuf_addf(&line, " (%s)", fmt_count_delta(fmt_delta(first.objects, now.objects), times));
    if (c->s->allocated_is_sampled) {
        uint64_t rate = snapshot_origin(c->s->snapshots[last])->sample_bytes;
        strbuf_adds(&line, ", estimated from samples");
        if (rate != ABSENT && rate)
            strbuf_addf(&line, " of one in %s", fmt_bytes(rate, more));
    }
    doc_text(c->d, DOC_PARA, DOC_PLAIN, "%s", strbuf_cstr(&line));
    doc_fail(c->d, &line.err);
    strbuf_deinit(&line);
}

void doc_allocations(const struct doc_context *c) {
    if (!c->s->allocated)
        return;
    outstanding(c);
    for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++)
        alloc_section(c, &sections[i]);
}
