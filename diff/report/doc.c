#include "diff/report/doc.h"

#include "base/vec.h"

#include "diff/report/fmt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void doc_init(struct doc *d) {
    *d = (struct doc){0};
    arena_init(&d->arena);
}

void doc_fail(struct doc *d, const struct err *why) {
    err_keep(&d->err, why);
}

void doc_fail_nomem(struct doc *d) {
    err_keep_nomem(&d->err);
}

void doc_deinit(struct doc *d) {
    arena_deinit(&d->arena);
    *d = (struct doc){0};
}

const char *doc_copy(struct doc *d, const char *s) {
    const char *copy = doc_failed(d) ? NULL : arena_copy(&d->arena, s, strlen(s));
    if (!copy)
        doc_fail_nomem(d);
    return copy ? copy : "";
}

const char *doc_take(struct doc *d, struct strbuf *text) {
    const char *copy = doc_copy(d, strbuf_cstr(text));
    doc_fail(d, &text->err);
    strbuf_deinit(text);
    return copy;
}

static struct doc_block *doc_file_block(struct doc *d, enum doc_kind kind) {
    if (doc_failed(d))
        return NULL;
    if (!VEC_ROOM_IN(&d->arena, d->blocks, d->count, d->capacity, NULL)) {
        doc_fail_nomem(d);
        return NULL;
    }
    struct doc_block *b = &d->blocks[d->count++];
    *b = (struct doc_block){.kind = kind};
    return b;
}

static const char *vformat(struct doc *d, const char *fmt, va_list ap) {
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    char *text = doc_failed(d) || n < 0 ? NULL : arena_alloc(&d->arena, (size_t)n + 1);
    if (!text) {
        doc_fail_nomem(d);
        return "";
    }
    vsnprintf(text, (size_t)n + 1, fmt, ap);
    return text;
}

void doc_text(struct doc *d, enum doc_kind kind, enum doc_style style, const char *fmt, ...) {
    struct doc_block *b = doc_file_block(d, kind);
    if (!b)
        return;
    va_list ap;
    va_start(ap, fmt);
    b->text = fmt ? vformat(d, fmt, ap) : "";
    va_end(ap);
    b->style = style;
}

void doc_finding(struct doc *d, const struct finding *finding) {
    struct doc_block *b = doc_file_block(d, DOC_FINDING);
    if (!b)
        return;
    b->text = finding->summary ? finding->summary : "";
    b->severity = finding->severity;
    b->tag = finding->rule->id;
    b->next = finding->next;
}

void doc_cause(struct doc *d, const struct cause *cause) {
    struct doc_block *b = doc_file_block(d, DOC_CAUSE);
    if (!b)
        return;
    b->text = cause->summary;
    b->severity = cause->severity;
    b->tag = cause_kind_names[cause->kind];
    b->held_by = cause->held_by;
    b->next = cause->next;
    b->cause = cause;
}

void doc_block_mark(struct doc *d, enum doc_mark_kind kind, uint32_t number) {
    if (!doc_failed(d) && d->count)
        d->blocks[d->count - 1].mark = (struct doc_mark){kind, number};
}

void doc_chart(struct doc *d, const struct chart *chart) {
    struct doc_block *b = chart ? doc_file_block(d, DOC_CHART) : NULL;
    if (b)
        b->chart = chart;
}

/* -- Links ------------------------------------------------------------------------------------- */

void doc_link(struct doc *d, uint32_t cause, enum doc_mark_kind kind, uint32_t number) {
    if (doc_failed(d))
        return;
    if (!VEC_ROOM_IN(&d->arena, d->links, d->link_count, d->link_capacity, NULL)) {
        doc_fail_nomem(d);
        return;
    }
    d->links[d->link_count++] = (struct doc_link){{kind, number}, cause};
}

static int cmp_doc_links(const void *x, const void *y) {
    const struct doc_link *a = x, *b = y;
    if (a->to.kind != b->to.kind)
        return a->to.kind < b->to.kind ? -1 : 1;
    if (a->to.number != b->to.number)
        return a->to.number < b->to.number ? -1 : 1;
    return (a->cause > b->cause) - (a->cause < b->cause);
}

void doc_links_done(struct doc *d) {
    uint32_t kept = 0;
    if (d->link_count)
        qsort(d->links, d->link_count, sizeof(*d->links), cmp_doc_links);
    for (uint32_t i = 0; i < d->link_count; i++)
        if (!kept || cmp_doc_links(&d->links[kept - 1], &d->links[i]) != 0)
            d->links[kept++] = d->links[i];
    d->link_count = kept;
}

/* -- Tables ------------------------------------------------------------------------------------ */

struct doc_table *doc_table(struct doc *d, const struct doc_column *columns, uint32_t count) {
    struct doc_block *b = doc_file_block(d, DOC_TABLE);
    struct doc_table *t = b ? arena_alloc(&d->arena, sizeof(*t)) : NULL;
    struct doc_column *copy = t ? arena_array(&d->arena, count, sizeof(*copy)) : NULL;
    if (!copy) {
        if (b)
            d->count--;
        doc_fail_nomem(d);
        return NULL;
    }
    memcpy(copy, columns, count * sizeof(*copy));
    *t = (struct doc_table){.columns = copy, .column_count = count};
    b->table = t;
    return t;
}

void doc_row(struct doc *d, struct doc_table *t, enum doc_style style) {
    if (!t)
        return;
    struct doc_cell *cells = NULL;
    if (!doc_failed(d) && VEC_ROOM_IN(&d->arena, t->rows, t->row_count, t->row_capacity, NULL))
        cells = arena_array(&d->arena, t->column_count, sizeof(*cells));
    t->next_column = 0;
    if (!cells) {
        doc_fail_nomem(d);
        return;
    }
    t->rows[t->row_count++] = (struct doc_row){.cells = cells, .style = style};
}

static void doc_set_cell(struct doc *d, struct doc_table *t, enum doc_style style,
                         const char *text) {
    if (doc_failed(d) || !t || !t->row_count || t->next_column >= t->column_count)
        return;
    t->rows[t->row_count - 1].cells[t->next_column++] =
        (struct doc_cell){.text = text, .style = style};
}

/* The cell that was written last; NULL: there is none. */
static struct doc_cell *doc_last_cell(struct doc_table *t) {
    if (!t || !t->row_count || !t->next_column)
        return NULL;
    return &t->rows[t->row_count - 1].cells[t->next_column - 1];
}

static int64_t doc_signed(uint64_t number) {
    return number > INT64_MAX ? INT64_MAX : (int64_t)number;
}

void doc_number(struct doc_table *t, enum doc_unit unit, uint64_t number) {
    struct doc_cell *cell = doc_last_cell(t);
    if (!cell || number == ABSENT)
        return;
    cell->unit = unit;
    cell->number = doc_signed(number);
}

void doc_pair(struct doc_table *t, enum doc_unit unit, uint64_t base, uint64_t number) {
    struct doc_cell *cell = doc_last_cell(t);
    if (!cell || number == ABSENT || base == ABSENT)
        return;
    *cell = (struct doc_cell){.text = cell->text,
                              .style = cell->style,
                              .unit = unit,
                              .number = doc_signed(number),
                              .base = doc_signed(base),
                              .is_pair = true};
}

void doc_difference(struct doc_table *t, enum doc_unit unit, int64_t delta) {
    struct doc_cell *cell = doc_last_cell(t);
    if (!cell)
        return;
    cell->unit = unit;
    cell->number = delta;
}

void doc_series(struct doc *d, struct doc_table *t, const uint64_t *values, uint32_t count) {
    struct doc_cell *cell = doc_last_cell(t);
    uint64_t *copy = cell && d->is_page ? arena_array(&d->arena, count, sizeof(*copy)) : NULL;
    if (!cell || !d->is_page)
        return;
    if (!copy) {
        doc_fail_nomem(d);
        return;
    }
    memcpy(copy, values, count * sizeof(*copy));
    cell->series = copy;
    cell->series_count = count;
}

void doc_row_is(struct doc_table *t, enum doc_role role) {
    if (t && t->row_count)
        t->rows[t->row_count - 1].role = role;
}

void doc_row_mark(struct doc_table *t, enum doc_mark_kind kind, uint32_t number) {
    if (t && t->row_count)
        t->rows[t->row_count - 1].mark = (struct doc_mark){kind, number};
}

void doc_table_others(struct doc_table *t, uint32_t others) {
    if (t)
        t->others = others;
}

void doc_cell(struct doc *d, struct doc_table *t, enum doc_style style, const char *text) {
    doc_set_cell(d, t, style, text ? doc_copy(d, text) : NULL);
}

void doc_cellf(struct doc *d, struct doc_table *t, enum doc_style style, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    const char *text = vformat(d, fmt, ap);
    va_end(ap);
    doc_set_cell(d, t, style, text);
}

void doc_count(struct doc *d, struct doc_table *t, uint64_t count) {
    char buf[FMT_MAX];
    doc_cell(d, t, DOC_PLAIN, fmt_count(count, buf));
    doc_number(t, UNIT_COUNT, count);
}

void doc_bytes(struct doc *d, struct doc_table *t, uint64_t bytes) {
    char buf[FMT_MAX];
    doc_cell(d, t, DOC_PLAIN, fmt_bytes(bytes, buf));
    doc_number(t, UNIT_BYTES, bytes);
}

void doc_count_delta(struct doc *d, struct doc_table *t, int64_t delta) {
    char buf[FMT_MAX];
    doc_cell(d, t, delta == 0 ? DOC_DIM : DOC_PLAIN, fmt_count_delta(delta, buf));
    doc_difference(t, UNIT_COUNT_DELTA, delta);
}

void doc_bytes_delta(struct doc *d, struct doc_table *t, int64_t delta) {
    char buf[FMT_MAX];
    doc_cell(d, t, delta == 0 ? DOC_DIM : DOC_PLAIN, fmt_bytes_delta(delta, buf));
    doc_difference(t, UNIT_BYTES_DELTA, delta);
}

void doc_ns(struct doc *d, struct doc_table *t, uint64_t ns) {
    char buf[FMT_MAX];
    doc_cell(d, t, DOC_PLAIN, fmt_ns(ns, buf));
    doc_number(t, UNIT_NS, ns);
}

static bool doc_says_nothing(const struct doc_table *t, uint32_t column) {
    for (uint32_t r = 0; r < t->row_count; r++) {
        const char *text = t->rows[r].cells[column].text;
        if (text && *text && strcmp(text, "-") != 0)
            return false;
    }
    return true;
}

void doc_prune(struct doc_table *t) {
    uint32_t kept = 0;
    for (uint32_t c = 0; t && c < t->column_count; c++) {
        if (doc_says_nothing(t, c))
            continue;
        for (uint32_t r = 0; r < t->row_count; r++)
            t->rows[r].cells[kept] = t->rows[r].cells[c];
        t->columns[kept++] = t->columns[c];
    }
    if (t && t->column_count)
        t->column_count = kept ? kept : 1; /* no table without a column, were it of dashes */
}
