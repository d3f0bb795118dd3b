/* `dumpdiff history trend`: one type or value, in each instance and across all of them. */
#include "cmd/history_lines.h"

#include "base/order.h"
#include "diff/report/fmt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool are_bytes(const struct history_values *v, const uint64_t *values) {
    return v->kind == HISTORY_TYPE && values != v->columns[HISTORY_OBJECTS];
}

static void add_slope(struct strbuf *out, bool bytes, double slope, const char *unit) {
    char buf[FMT_MAX];
    int64_t whole = (int64_t)fmax(fmin(slope, 9e18), -9e18);
    strbuf_addf(out, "%s %s", bytes ? fmt_bytes_delta(whole, buf) : fmt_count_delta(whole, buf),
                unit);
}

static void add_metric_name(struct strbuf *title, const struct history_values *v,
                            const uint64_t *values, uint32_t count) {
    strbuf_addf(title, "%s ", v->name);
    if (values)
        fmt_sparkline(title, values, count);
    if (v->former)
        strbuf_addf(title, values ? " (once %s)" : "(once %s) ", v->former);
}

static void add_verdict(struct strbuf *title, const struct trend *t) {
    char buf[FMT_MAX];
    if (t->too_few)
        strbuf_adds(title, "; too few snapshots to tell a trend from chance");
    else
        strbuf_addf(title, "; %s (p %s)", t->rises ? "it rises" : "no rise beyond chance",
                    fmt_p(t->p_value, buf));
}

/* -- Of one instance: its snapshots ------------------------------------------------------------ */

#define TREND_FIXED 6 /* columns in front of the values */

/* From snapshot `first` on. */
static void trend_rows(const struct run *r, const struct history_values *v, uint32_t first,
                       struct sheet *s) {
    const uint64_t *values = lines_basis(v, r->count);
    uint32_t columns = s->column_count - TREND_FIXED - 1;
    uint64_t before = ABSENT;
    for (uint32_t i = 0; i < first; i++)
        before = values[i] != ABSENT ? values[i] : before;
    for (uint32_t i = first; i < r->count; i++) {
        const struct history_entry *e = &r->entries[i];
        struct sheet_cell *cells = sheet_row(s);
        if (!cells)
            return;
        cells[0].number = e->id;
        cells[1].text = name_or_null(e->key.release);
        cells[2].text = name_or_null(e->key.environment);
        cells[3].text = name_or_null(e->key.instance);
        cells[4].text = e->label;
        cells[5].number = e->captured_at_ns;
        for (uint32_t c = 0; c < columns; c++)
            cells[TREND_FIXED + c].number = v->columns[c][i];
        if (values[i] != ABSENT && before != ABSENT)
            cells[TREND_FIXED + columns].real = (double)values[i] - (double)before;
        before = values[i] != ABSENT ? values[i] : before;
    }
}

/* Values have no unit here: bytes, objects, percent. */
static void trend_sheet(struct sheet *s, enum history_kind kind) {
#define FIXED \
    {"id", "number", SHEET_COUNT}, {"release", "release", SHEET_TEXT}, \
        {"environment", "environment", SHEET_TEXT}, {"instance", "instance", SHEET_TEXT}, \
        {"label", "label", SHEET_TEXT}, { \
        "captured_at", "taken", SHEET_TIME \
    }
    static const struct sheet_column of_types[] = {FIXED,
                                                   {"objects", "objects", SHEET_COUNT},
                                                   {"bytes", "bytes", SHEET_BYTES},
                                                   {"mature_bytes", "gen2 and large", SHEET_BYTES},
                                                   {"live_objects", "live", SHEET_COUNT},
                                                   {"live_bytes", "live bytes", SHEET_BYTES},
                                                   {"step", "step", SHEET_DELTA}};
    static const struct sheet_column of_values[] = {FIXED,
                                                    {"count", "count", SHEET_COUNT},
                                                    {"value", "value", SHEET_COUNT},
                                                    {"step", "step", SHEET_COUNT_DELTA}};
#undef FIXED
    if (kind == HISTORY_TYPE)
        sheet_init(s, of_types, sizeof(of_types) / sizeof(*of_types));
    else
        sheet_init(s, of_values, sizeof(of_values) / sizeof(*of_values));
}

/* The verdict is of the newest run; where each snapshot is one of its own, of all. */
static bool trend_of_one(struct run *r, const struct history_values *v, const struct lines *l,
                         struct strbuf *title, struct sheet *s, struct err *err) {
    const uint64_t *values = lines_basis(v, r->count);
    struct trend t = {.samples = 0};
    const struct line all = {0, r->count};
    const struct line *line = l->count ? &l->items[0] : &all;
    for (uint32_t i = 0; i < l->count; i++)
        if (lines_entry(l, &l->items[i], 0)->id >= lines_entry(l, line, 0)->id)
            line = &l->items[i];
    struct lines whole = *l;
    if (l->across || l->count < 2) {
        for (uint32_t i = 0; i < r->count; i++)
            whole.order[i] = i;
        line = &all;
        whole.timed = !l->x;
        for (uint32_t i = 0; i < r->count; i++)
            whole.timed = whole.timed && r->entries[i].captured_at_ns != ABSENT &&
                          (!i || r->entries[i].captured_at_ns > r->entries[i - 1].captured_at_ns);
        whole.timed = l->x ? l->timed : whole.timed;
    }
    double slope = lines_slope(&whole, line, values, &t);
    add_metric_name(title, v, values, r->count);
    if (t.samples >= 2) {
        strbuf_adds(title, " ");
        add_slope(title, are_bytes(v, values), t.slope, "a snapshot");
        if (whole.timed) {
            strbuf_adds(title, ", ");
            add_slope(title, are_bytes(v, values), slope, l->x ? l->unit : "an hour");
        }
    }
    add_verdict(title, &t);
    if (line != &all)
        strbuf_addf(title, ", in its newest run");
    trend_sheet(s, v->kind);
    uint32_t top = history_top(r), first = r->count > top ? r->count - top : 0;
    if (first)
        strbuf_addf(title, "\n  [%u older snapshot%s]", first, plural(first));
    trend_rows(r, v, first, s);
    return strbuf_ok(title, err);
}

/* -- Of several: a row an instance ------------------------------------------------------------- */

static const struct sheet_column line_columns[] = {
    {"slope", "slope", SHEET_DELTA},        {"p_value", "p", SHEET_P},
    {"rises", "rises", SHEET_TEXT},         {"first", "first", SHEET_BYTES},
    {"last", "last", SHEET_BYTES},          {"snapshots", "snapshots", SHEET_COUNT},
    {"release", "release", SHEET_TEXT},     {"environment", "environment", SHEET_TEXT},
    {"process_start", "began", SHEET_TIME}, {"instance", "instance", SHEET_TEXT}};
static const struct sheet_column value_line_columns[] = {
    {"slope", "slope", SHEET_COUNT_DELTA},  {"p_value", "p", SHEET_P},
    {"rises", "rises", SHEET_TEXT},         {"first", "first", SHEET_COUNT},
    {"last", "last", SHEET_COUNT},          {"snapshots", "snapshots", SHEET_COUNT},
    {"release", "release", SHEET_TEXT},     {"environment", "environment", SHEET_TEXT},
    {"process_start", "began", SHEET_TIME}, {"instance", "instance", SHEET_TEXT}};
#define LINE_COLUMNS 10

/* Steepest first; what is not known last. */
static int cmp_line_rows(const void *x, const void *y) {
    const struct sheet_cell *a = x, *b = y;
    double slope_a = isnan(a[0].real) ? -INFINITY : a[0].real;
    double slope_b = isnan(b[0].real) ? -INFINITY : b[0].real;
    if (slope_a > slope_b || slope_a < slope_b)
        return slope_a > slope_b ? -1 : 1;
    int order = order_text(a[9].text, b[9].text);
    return order ? order : order_text(a[6].text, b[6].text);
}

static void line_row(const struct lines *l, const struct line *line, const uint64_t *values,
                     double slope, const struct trend *t, struct sheet *s) {
    struct sheet_cell *cells = sheet_row(s);
    if (!cells)
        return;
    const struct history_entry *e = lines_entry(l, line, line->count - 1);
    cells[0].real = slope;
    cells[1].real = t->too_few ? NAN : t->p_value;
    cells[2].text = t->too_few ? NULL : t->rises ? "yes" : "no";
    cells[3].number = values[l->order[line->first]];
    cells[4].number = values[l->order[line->first + line->count - 1]];
    cells[5].number = line->count;
    cells[6].text = name_or_null(e->key.release);
    cells[7].text = name_or_null(e->key.environment);
    cells[8].number = l->across ? ABSENT : e->process_start_ns;
    cells[9].text = name_or_null(e->key.instance);
}

static bool trend_of_many(struct run *r, const struct history_values *v, const struct lines *l,
                          struct strbuf *title, struct sheet *s, struct err *err) {
    const uint64_t *values = lines_basis(v, r->count);
    double *slopes = calloc((size_t)l->count + 1, sizeof(*slopes));
    struct trend *trends = calloc((size_t)l->count + 1, sizeof(*trends));
    struct spread spread;
    if (!slopes || !trends || !lines_spread(l, 0, l->count, values, slopes, trends, &spread)) {
        free(slopes);
        free(trends);
        return err_nomem(err);
    }
    bool bytes = are_bytes(v, values);
    add_metric_name(title, v, NULL, 0);
    strbuf_addf(title, "rises in %u of %u %s of %u instance%s", spread.rising, spread.known,
                l->across ? "lines" : "runs", l->instances, plural(l->instances));
    if (spread.known) {
        strbuf_adds(title, "; median ");
        add_slope(title, bytes, spread.median, l->unit);
        strbuf_adds(title, ", worst ");
        add_slope(title, bytes, spread.worst, l->unit);
    }
    sheet_init(s, bytes ? line_columns : value_line_columns, LINE_COLUMNS);
    for (uint32_t i = 0; i < l->count; i++)
        line_row(l, &l->items[i], values, slopes[i], &trends[i], s);
    free(slopes);
    free(trends);
    if (s->row_count)
        qsort(s->cells, s->row_count, LINE_COLUMNS * sizeof(*s->cells), cmp_line_rows);
    history_cut(r, s);
    return strbuf_ok(title, err);
}

bool history_trend(struct run *r, struct err *err) {
    struct history_values v;
    struct lines l;
    struct sheet s;
    const uint64_t *x;
    bool found;
    if (r->o->argument_count != 1)
        return err_set(err, ERR_USAGE, "history trend wants one type");
    if (!history_choose(r, r->o->release, err) || !history_one_program(r, err) ||
        !history_find(&r->h, r->entries, r->count, r->o->arguments[0], &v, &found, err) ||
        !lines_per(r, &x, err))
        return false;
    if (!found)
        return err_set(err, ERR_USAGE, "no type or value of the history is called %s",
                       r->o->arguments[0]);
    struct strbuf title;
    strbuf_init(&title);
    sheet_init(&s, NULL, 0);
    bool ok = lines_init(&l, r->entries, r->count, x, err);
    sheet_deinit(&s);
    if (ok)
        ok = l.instances < 2 ? trend_of_one(r, &v, &l, &title, &s, err)
                             : trend_of_many(r, &v, &l, &title, &s, err);
    ok = ok && history_print(r, &s, strbuf_cstr(&title), err);
    lines_deinit(&l);
    strbuf_deinit(&title);
    sheet_deinit(&s);
    return ok;
}
