/* `dumpdiff history compare A B`: how fast types grow in one release against another. */
#include "cmd/history_lines.h"

#include "diff/series/ranks.h"
#include "model/known_names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Snapshots of release A, then those of release B, as lines, and a sheet of what the slopes are. */
struct comparison {
    uint32_t a, b;             /* [count] snapshots of each */
    uint32_t lines_a, lines_b; /* lines of A come first */
    struct lines lines;
    double *slopes; /* [lines] */
    struct sheet sheet;
    bool many; /* several lines: they are compared by their ranks */
};

enum compare_column {
    COMPARE_SLOPE_A,
    COMPARE_SLOPE_B,
    COMPARE_CHANGE,
    COMPARE_RISING_A,
    COMPARE_RISING_B,
    COMPARE_WORST_B,
    COMPARE_U,
    COMPARE_P,
    COMPARE_LEVEL_A,
    COMPARE_LEVEL_B,
    COMPARE_NAME,
    COMPARE_COLUMNS
};
static const struct sheet_column compare_columns[COMPARE_COLUMNS] = {
    {"slope_a", "slope A", SHEET_DELTA},
    {"slope_b", "slope B", SHEET_DELTA},
    {"slope_change", "change", SHEET_DELTA},
    {"rising_a", "rising A", SHEET_COUNT},
    {"rising_b", "rising B", SHEET_COUNT},
    {"worst_b", "worst B", SHEET_DELTA},
    {"larger_in_b", "B larger", SHEET_SHARE},
    {"p_value", "p", SHEET_P},
    {"level_a", "level A", SHEET_BYTES},
    {"level_b", "level B", SHEET_BYTES},
    {"name", "type", SHEET_TEXT}};

/* fabs of NAN compares false: a type that one release does not know is told. */
static bool is_worth_a_row(const struct spread *a, const struct spread *b) {
    return !(fabs(a->median) < 0.5 && fabs(b->median) < 0.5 && fabs(a->worst) < 0.5 &&
             fabs(b->worst) < 0.5);
}

static bool compare_one_type(void *context, const struct history_values *v, struct err *err) {
    struct comparison *c = context;
    struct spread a, b;
    struct ranks ranks = {.p_value = NAN, .share = NAN};
    if (v->kind != HISTORY_TYPE || strcmp(v->name, TYPE_FREE) == 0)
        return true;
    const uint64_t *values = lines_basis(v, c->a + c->b);
    uint32_t all = c->lines_a + c->lines_b;
    if (!lines_spread(&c->lines, 0, c->lines_a, values, c->slopes, NULL, &a) ||
        !lines_spread(&c->lines, c->lines_a, all, values, c->slopes + c->lines_a, NULL, &b))
        return err_nomem(err);
    if (!is_worth_a_row(&a, &b))
        return true;
    if (c->many &&
        !ranks_compare(c->slopes, c->lines_a, c->slopes + c->lines_a, c->lines_b, &ranks))
        return err_nomem(err);
    struct sheet_cell *cells = sheet_row(&c->sheet);
    if (!cells)
        return true;
    double level_a = trend_level(values, 0, c->a), level_b = trend_level(values, c->a, c->a + c->b);
    cells[COMPARE_SLOPE_A].real = a.median;
    cells[COMPARE_SLOPE_B].real = b.median;
    cells[COMPARE_CHANGE].real = b.median - a.median;
    if (c->many) {
        cells[COMPARE_RISING_A].number = a.rising;
        cells[COMPARE_RISING_B].number = b.rising;
        cells[COMPARE_WORST_B].real = b.worst;
        cells[COMPARE_U].real = ranks.share;
        cells[COMPARE_P].real = ranks.p_value;
    }
    cells[COMPARE_LEVEL_A].number = isnan(level_a) ? ABSENT : (uint64_t)level_a;
    cells[COMPARE_LEVEL_B].number = isnan(level_b) ? ABSENT : (uint64_t)level_b;
    cells[COMPARE_NAME].text = sheet_copy(&c->sheet, v->name);
    return true;
}

/* By what chance explains least, then by how much faster; of one line each by that alone. */
static int cmp_change(const void *x, const void *y) {
    const struct sheet_cell *a = x, *b = y;
    double p_a = a[COMPARE_P].real, p_b = b[COMPARE_P].real;
    double change_a = isnan(a[COMPARE_CHANGE].real) ? 0 : a[COMPARE_CHANGE].real;
    double change_b = isnan(b[COMPARE_CHANGE].real) ? 0 : b[COMPARE_CHANGE].real;
    if (p_a < p_b || p_a > p_b)
        return p_a < p_b ? -1 : 1;
    if (change_a > change_b || change_a < change_b)
        return change_a > change_b ? -1 : 1;
    return strcmp(a[COMPARE_NAME].text, b[COMPARE_NAME].text);
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
    if (!both)
        return err_nomem(err);
    memcpy(both, first, c->a * sizeof(*both));
    memcpy(both + c->a, r->entries, c->b * sizeof(*both));
    r->entries = both;
    r->count = c->a + c->b;
    return history_one_program(r, err);
}

/* Lines of A first, whatever the releases are called. */
static bool lines_of_both(struct run *r, struct comparison *c, struct err *err) {
    const uint64_t *x;
    if (!lines_per(r, &x, err) || !lines_init(&c->lines, r->entries, r->count, x, err))
        return false;
    struct lines *l = &c->lines;
    struct line *sorted = calloc((size_t)l->count + 1, sizeof(*sorted));
    c->slopes = calloc((size_t)l->count + 1, sizeof(*c->slopes));
    if (!sorted || !c->slopes) {
        free(sorted);
        return err_nomem(err);
    }
    for (int side = 0; side < 2; side++)
        for (uint32_t i = 0; i < l->count; i++) {
            bool of_b = l->order[l->items[i].first] >= c->a;
            if (of_b != (side == 1))
                continue;
            sorted[c->lines_a + c->lines_b] = l->items[i];
            if (side)
                c->lines_b++;
            else
                c->lines_a++;
        }
    memcpy(l->items, sorted, l->count * sizeof(*sorted));
    free(sorted);
    c->many = c->lines_a + c->lines_b > 2;
    return true;
}

static void add_side(struct strbuf *title, const char *name, const char *release,
                     uint32_t snapshots, uint32_t lines, const struct comparison *c) {
    strbuf_addf(title, "%s: %.60s, %u snapshots", name, release, snapshots);
    if (c->many)
        strbuf_addf(title, " of %u %s%s", lines, c->lines.across ? "instance" : "run",
                    plural(lines));
}

bool history_compare(struct run *r, struct err *err) {
    struct comparison c = {.a = 0};
    struct strbuf title;
    if (r->o->argument_count != 2)
        return err_set(err, ERR_USAGE, "history compare wants two releases");
    if (strcmp(r->o->arguments[0], r->o->arguments[1]) == 0)
        return err_set(err, ERR_USAGE, "history compare wants two releases, not %s twice",
                       r->o->arguments[0]);
    if (!entries_of_both(r, &c, err))
        return false;
    strbuf_init(&title);
    sheet_init(&c.sheet, compare_columns, COMPARE_COLUMNS);
    bool ok = lines_of_both(r, &c, err) &&
              history_each(&r->h, r->entries, r->count, compare_one_type, &c, err);
    if (ok && c.sheet.row_count)
        qsort(c.sheet.cells, c.sheet.row_count, COMPARE_COLUMNS * sizeof(*c.sheet.cells),
              cmp_change);
    add_side(&title, "A", r->o->arguments[0], c.a, c.lines_a, &c);
    strbuf_adds(&title, "; ");
    add_side(&title, "B", r->o->arguments[1], c.b, c.lines_b, &c);
    strbuf_addf(&title, "; %sslopes %s", c.many ? "median " : "", c.lines.unit ? c.lines.unit : "");
    history_cut(r, &c.sheet);
    ok = ok && strbuf_ok(&title, err) && history_print(r, &c.sheet, strbuf_cstr(&title), err);
    lines_deinit(&c.lines);
    free(c.slopes);
    sheet_deinit(&c.sheet);
    strbuf_deinit(&title);
    return ok;
}
