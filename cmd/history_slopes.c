/* `dumpdiff history trend` and `compare`: how fast types grow, within releases and between them. */
#include "cmd/history_cmd.h"

#include "diff/report/fmt.h"
#include "diff/series/trend.h"
#include "model/known_names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- trend ------------------------------------------------------------------------------------- */

/* Live bytes where all snapshots know them; of a value, its count where it is nothing else. */
static const uint64_t *basis_of(const struct history_values *v, uint32_t count) {
    bool live = v->kind == HISTORY_TYPE, bytes = false;
    for (uint32_t i = 0; i < count; i++) {
        live = live && v->columns[HISTORY_LIVE_BYTES][i] != ABSENT;
        bytes = bytes || v->columns[HISTORY_BYTES][i] != ABSENT;
    }
    return v->columns[live ? HISTORY_LIVE_BYTES : bytes ? HISTORY_BYTES : HISTORY_OBJECTS];
}

/* NULL where one does not say when it was taken, or two say the same. */
static const uint64_t *times_of(const struct history_entry *entries, uint32_t count,
                                uint64_t *buffer) {
    for (uint32_t i = 0; i < count; i++) {
        buffer[i] = entries[i].captured_at_ns;
        if (buffer[i] == ABSENT || (i && buffer[i] <= buffer[i - 1]))
            return NULL;
    }
    return buffer;
}

static void add_title(struct run *r, const struct history_values *v, const struct trend *t,
                      struct strbuf *title) {
    char buf[FMT_MAX];
    const uint64_t *values = basis_of(v, r->count);
    bool bytes = v->kind == HISTORY_TYPE && values != v->columns[HISTORY_OBJECTS];
    strbuf_addf(title, "%s  ", v->name);
    fmt_sparkline(title, values, r->count);
    if (v->former)
        strbuf_addf(title, "  (once %s)", v->former);
    if (t->samples >= 2)
        strbuf_addf(title, "  %s a snapshot",
                    bytes ? fmt_bytes_delta((int64_t)t->slope, buf)
                          : fmt_count_delta((int64_t)t->slope, buf));
    if (t->samples >= 2 && !isnan(t->slope_an_hour))
        strbuf_addf(title, ", %s an hour",
                    bytes ? fmt_bytes_delta((int64_t)t->slope_an_hour, buf)
                          : fmt_count_delta((int64_t)t->slope_an_hour, buf));
    if (t->too_few)
        strbuf_addf(title, "; too few snapshots to tell a trend from chance");
    else
        strbuf_addf(title, "; %s (p %.3f)", t->rises ? "it rises" : "no rise beyond chance",
                    t->p_value);
}

#define TREND_FIXED 6 /* columns in front of the values */

/* From snapshot `first` on. */
static void trend_rows(const struct run *r, const struct history_values *v, uint32_t first,
                       struct sheet *s) {
    const uint64_t *values = basis_of(v, r->count);
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

bool history_trend(struct run *r, struct err *err) {
    struct history_values v;
    struct trend t;
    struct sheet s;
    bool found;
    if (r->o->argument_count != 1)
        return err_set(err, ERR_USAGE, "history trend wants one type");
    if (!history_choose(r, r->o->release, err) || !history_one_program(r, err) ||
        !history_find(&r->h, r->entries, r->count, r->o->arguments[0], &v, &found, err))
        return false;
    if (!found)
        return err_set(err, ERR_USAGE, "no type or value of the history is called %s",
                       r->o->arguments[0]);
    uint64_t *times = arena_array(&r->h.arena, r->count, sizeof(*times));
    struct strbuf title;
    strbuf_init(&title);
    trend_sheet(&s, v.kind);
    bool ok = times != NULL || err_nomem(err);
    if (ok) {
        trend_find(basis_of(&v, r->count), times_of(r->entries, r->count, times), r->count, &t);
        add_title(r, &v, &t, &title);
        uint32_t top = history_top(r), first = r->count > top ? r->count - top : 0;
        if (first)
            strbuf_addf(&title, "\n  [%u older snapshot%s]", first, first == 1 ? "" : "s");
        trend_rows(r, &v, first, &s);
        ok = strbuf_ok(&title, err) && history_print(r, &s, strbuf_cstr(&title), err);
    }
    strbuf_deinit(&title);
    sheet_deinit(&s);
    return ok;
}

/* -- compare ----------------------------------------------------------------------------------- */

/* Snapshots of release A, then those of release B, and a sheet of what the slopes are. */
struct comparison {
    uint32_t a, b; /* [count] snapshots of each */
    const uint64_t *times_a, *times_b;
    struct sheet sheet;
};

static double history_slopes_slope_of(const uint64_t *values, const uint64_t *times, uint32_t count,
                                      bool hourly) {
    struct trend t;
    trend_find(values, times, count, &t);
    return t.samples < 2 ? NAN : hourly ? t.slope_an_hour : t.slope;
}

static bool history_slopes_compare_one(void *context, const struct history_values *v,
                                       struct err *err) {
    struct comparison *c = context;
    (void)err;
    if (v->kind != HISTORY_TYPE || strcmp(v->name, TYPE_FREE) == 0)
        return true;
    bool hourly = c->times_a && c->times_b;
    const uint64_t *values = basis_of(v, c->a + c->b);
    double a = history_slopes_slope_of(values, c->times_a, c->a, hourly);
    double b = history_slopes_slope_of(values + c->a, c->times_b, c->b, hourly);
    /* fabs of NAN compares false: a type that one release does not know is told. */
    if (fabs(a) < 0.5 && fabs(b) < 0.5)
        return true;
    struct sheet_cell *cells = sheet_row(&c->sheet);
    if (cells) {
        double level_a = trend_level(values, 0, c->a),
               level_b = trend_level(values, c->a, c->a + c->b);
        cells[0].real = a;
        cells[1].real = b;
        cells[2].real = b - a;
        cells[3].number = isnan(level_a) ? ABSENT : (uint64_t)level_a;
        cells[4].number = isnan(level_b) ? ABSENT : (uint64_t)level_b;
        cells[5].text = sheet_copy(&c->sheet, v->name);
    }
    return true;
}

static int cmp_change(const void *x, const void *y) {
    const struct sheet_cell *a = x, *b = y;
    double change_a = isnan(a[2].real) ? 0 : a[2].real, change_b = isnan(b[2].real) ? 0 : b[2].real;
    if (change_a != change_b)
        return change_a > change_b ? -1 : 1;
    return strcmp(a[5].text, b[5].text);
}

static bool entries_of_both(struct run *r, struct comparison *c, struct err *err) {
    struct history_entry *first;
    if (!history_choose(r, r->o->arguments[0], err))
        return false;
    first = r->entries;
    c->a = r->count;
    if (!history_choose(r, r->o->arguments[1], err))
        return false;
    c->b = r->count;
    for (int i = 0; i < 2; i++)
        if ((i ? c->b : c->a) < 2)
            return err_set(err, ERR_INCONCLUSIVE,
                           "release %s has %u snapshots here: a slope takes two, better five",
                           r->o->arguments[i], i ? c->b : c->a);
    struct history_entry *both = arena_array(&r->h.arena, c->a + c->b, sizeof(*both));
    uint64_t *times = arena_array(&r->h.arena, c->a + c->b, sizeof(*times));
    if (!both || !times)
        return err_nomem(err);
    memcpy(both, first, c->a * sizeof(*both));
    memcpy(both + c->a, r->entries, c->b * sizeof(*both));
    c->times_a = times_of(both, c->a, times);
    c->times_b = times_of(both + c->a, c->b, times + c->a);
    r->entries = both;
    r->count = c->a + c->b;
    return history_one_program(r, err);
}

bool history_compare(struct run *r, struct err *err) {
    static const struct sheet_column columns[] = {
        {"slope_a", "slope A", SHEET_DELTA},     {"slope_b", "slope B", SHEET_DELTA},
        {"slope_change", "change", SHEET_DELTA}, {"level_a", "level A", SHEET_BYTES},
        {"level_b", "level B", SHEET_BYTES},     {"name", "type", SHEET_TEXT}};
    struct comparison c = {.a = 0};
    char title[256];
    if (r->o->argument_count != 2)
        return err_set(err, ERR_USAGE, "history compare wants two releases");
    if (strcmp(r->o->arguments[0], r->o->arguments[1]) == 0)
        return err_set(err, ERR_USAGE, "history compare wants two releases, not %s twice",
                       r->o->arguments[0]);
    if (!entries_of_both(r, &c, err))
        return false;
    sheet_init(&c.sheet, columns, 6);
    bool ok = history_each(&r->h, r->entries, r->count, history_slopes_compare_one, &c, err);
    if (ok && c.sheet.row_count)
        qsort(c.sheet.cells, c.sheet.row_count, 6 * sizeof(*c.sheet.cells), cmp_change);
    snprintf(title, sizeof(title), "A: %.60s, %u snapshots; B: %.60s, %u snapshots; slopes %s",
             r->o->arguments[0], c.a, r->o->arguments[1], c.b,
             c.times_a && c.times_b ? "an hour" : "a snapshot");
    history_cut(r, &c.sheet);
    ok = ok && history_print(r, &c.sheet, title, err);
    sheet_deinit(&c.sheet);
    return ok;
}
