/* Tables of a page: what names a row comes first, numbers carry what script sorts and sums by. */
#include "diff/report/fmt.h"
#include "diff/report/html_page.h"

#include "base/num.h"

#include <inttypes.h>
#include <string.h>

#define BAR_STEPS  20
#define PRINT_ROWS 40u   /* of a table on paper */
#define TALL_ROWS  16u   /* more get a window of their own on a screen */
#define NAMED_ROWS 2000u /* of more, names are not prepared for breaking */
#define OPEN_ROWS  300u  /* of more, those behind are folded: a browser does not lay them out */
#define LINES_WIDE 80    /* of a sparkline */
#define LINES_HIGH 16

/* -- Columns ----------------------------------------------------------------------------------- */

uint32_t page_name_column(const struct doc_table *t) {
    return t->column_count && t->columns[0].right && !t->columns[t->column_count - 1].right
               ? t->column_count - 1
               : 0;
}

/* The column that is the i-th on the page. */
static uint32_t page_column(const struct doc_table *t, uint32_t i) {
    uint32_t name = page_name_column(t);
    return i == 0 ? name : i <= name ? i - 1 : i;
}

/* Numbers whose size a bar shows: differences where there are any, else bytes. */
struct bar_columns {
    uint32_t column; /* UINT32_MAX: none */
    uint64_t most;
};

static struct bar_columns bar_columns_of(const struct doc_table *t) {
    static const enum doc_unit units[] = {UNIT_BYTES_DELTA, UNIT_BYTES, UNIT_NS};
    struct bar_columns bars = {.column = UINT32_MAX};
    for (size_t u = 0; u < sizeof(units) / sizeof(*units) && !bars.most; u++)
        for (uint32_t c = 0; c < t->column_count && !bars.most; c++)
            for (uint32_t r = 0; r < t->row_count; r++) {
                const struct doc_cell *cell = &t->rows[r].cells[c];
                uint64_t size = num_magnitude(cell->number);
                if (t->rows[r].role != ROW_PLAIN || cell->unit != units[u] || size <= bars.most)
                    continue;
                bars = (struct bar_columns){c, size};
            }
    return bars;
}

/* -- Cells ------------------------------------------------------------------------------------- */

static void page_sparkline(const struct doc_cell *cell, struct strbuf *out) {
    uint64_t least = UINT64_MAX, most = 0;
    bool down = false;
    for (uint32_t i = 0; i < cell->series_count; i++) {
        uint64_t value = cell->series[i];
        least = value < least ? value : least;
        most = value != ABSENT && value > most ? value : most;
    }
    strbuf_addf(out, "<svg class=spark viewBox=\"-2 -2 %d %d\" role=img aria-label=\"",
                LINES_WIDE + 4, LINES_HIGH + 4);
    for (uint32_t i = 0; i < cell->series_count; i++) {
        char buf[FMT_MAX];
        strbuf_addf(out, "%s%s", i ? ", " : "", fmt_bytes(cell->series[i], buf));
    }
    strbuf_adds(out, "\"><path d=\"");
    for (uint32_t i = 0; i < cell->series_count; i++) {
        uint64_t value = cell->series[i];
        double part =
            value == ABSENT || most <= least ? 0 : (double)(value - least) / (double)(most - least);
        if (value != ABSENT) {
            strbuf_addc(out, down ? 'L' : 'M');
            markup_number(out, (double)i * LINES_WIDE /
                                   (cell->series_count > 1 ? cell->series_count - 1 : 1));
            strbuf_addc(out, ' ');
            markup_number(out, (double)(int)((1 - part) * LINES_HIGH * 10) / 10);
        }
        down = value != ABSENT;
    }
    strbuf_adds(out, "\"/></svg>");
}

static void cell_classes(const struct doc_cell *cell, const char *bar, unsigned step,
                         struct strbuf *out) {
    static const char *const styles[] = {
        [DOC_PLAIN] = "",  [DOC_GOOD] = "good",     [DOC_BAD] = "bad",
        [DOC_DIM] = "dim", [DOC_STRONG] = "strong",
    };
    const char *style = styles[cell->style];
    if (step && *style)
        strbuf_addf(out, " class=\"%s%u %s\"", bar, step, style);
    else if (step)
        strbuf_addf(out, " class=%s%u", bar, step);
    else if (*style)
        strbuf_addf(out, " class=%s", style);
}

/* Counts are written to the last digit, so script reads them there. */
static void cell_number(const struct doc_cell *cell, struct strbuf *out) {
    if (cell->unit == UNIT_NONE || cell->unit == UNIT_COUNT || cell->unit == UNIT_COUNT_DELTA)
        return;
    strbuf_addf(out, " data-v=%" PRId64, cell->number);
    if (cell->is_pair)
        strbuf_addf(out, " data-b=%" PRId64, cell->base);
}

static void page_cell(const struct doc_row *row, uint32_t column, const struct bar_columns *bars,
                      struct strbuf *out) {
    const struct doc_cell *cell = &row->cells[column];
    unsigned step = 0;
    if (row->role == ROW_PLAIN && column == bars->column && cell->unit != UNIT_NONE)
        step =
            (unsigned)((double)num_magnitude(cell->number) / (double)bars->most * BAR_STEPS + 0.5);
    strbuf_adds(out, "<td");
    cell_classes(cell,
                 cell->unit != UNIT_BYTES_DELTA ? "q"
                 : cell->number < 0             ? "m"
                                                : "b",
                 step, out);
    cell_number(cell, out);
    strbuf_addc(out, '>');
    if (cell->series)
        page_sparkline(cell, out);
    else
        markup_text(out, cell->text ? cell->text : "");
}

/* "<i>Shop.Cart.</i>Item": the namespace is there for whoever needs it. */
static void page_type_name(const struct doc_table *t, const char *name, struct strbuf *out) {
    size_t end = strcspn(name, "<[`+,( "), head = end;
    while (head && name[head - 1] != '.')
        head--;
    if (head) {
        struct strbuf namespace;
        strbuf_init(&namespace);
        strbuf_add(&namespace, (struct str){name, head});
        strbuf_adds(out, "<i>");
        markup_text(out, strbuf_cstr(&namespace));
        strbuf_adds(out, "</i>");
        strbuf_fail(out, &namespace.err);
        strbuf_deinit(&namespace);
    }
    if (t->row_count > NAMED_ROWS)
        markup_text(out, name + head);
    else
        page_name(out, name + head);
}

static void page_row_name(const struct html_page *p, const struct doc_table *t,
                          const struct doc_row *row) {
    uint32_t column = page_name_column(t);
    const struct doc_cell *cell = &row->cells[column];
    const char *text = cell->text ? cell->text : "";
    strbuf_adds(p->out, "<th scope=row");
    cell_classes(cell, "", 0, p->out);
    cell_number(cell, p->out);
    strbuf_addc(p->out, '>');
    if (row->role == ROW_PLAIN && t->columns[column].cut == CUT_TYPE)
        page_type_name(t, text, p->out);
    else
        page_name(p->out, text);
    page_causes_of(p, row->mark);
}

static void page_row(const struct html_page *p, const struct doc_table *t, uint32_t number,
                     const struct bar_columns *bars) {
    static const char *const roles[] = {
        [ROW_PLAIN] = "", [ROW_OTHERS] = " class=others", [ROW_TOTAL] = " class=total"};
    const struct doc_row *row = &t->rows[number];
    strbuf_addf(p->out, "<tr%s", roles[row->role]);
    if (row->role == ROW_OTHERS)
        strbuf_addf(p->out, " data-n=%u", t->others);
    else if (row->role == ROW_PLAIN && row->style == DOC_DIM)
        strbuf_adds(p->out, " class=dim");
    else if (number == PRINT_ROWS) /* and all that come after it */
        strbuf_adds(p->out, " class=more");
    page_id(p, row->mark);
    strbuf_addc(p->out, '>');
    page_row_name(p, t, row);
    for (uint32_t i = 1; i < t->column_count; i++)
        page_cell(row, page_column(t, i), bars, p->out);
    strbuf_addc(p->out, '\n');
}

/* -- What paper has no room for ---------------------------------------------------------------- */

/* Sums of the rows from PRINT_ROWS on and of the others, as far as the row of the total has them.
 */
static void print_cell(const struct doc_table *t, uint32_t column, struct strbuf *out) {
    struct doc_cell sum = {.unit = UNIT_NONE};
    char buf[FMT_MAX];
    bool summed = false;
    for (uint32_t r = 0; r < t->row_count; r++) {
        const struct doc_cell *cell = &t->rows[r].cells[column];
        if (t->rows[r].role == ROW_TOTAL)
            summed = cell->unit != UNIT_NONE;
        else if (r >= PRINT_ROWS && cell->unit != UNIT_NONE) {
            sum.unit = cell->unit;
            sum.is_pair = cell->is_pair;
            sum.number += cell->number;
            sum.base += cell->base;
        }
    }
    strbuf_adds(out, "<td>");
    if (!summed || sum.unit == UNIT_NONE)
        return;
    if (sum.is_pair)
        strbuf_adds(out, fmt_bytes_pair((uint64_t)sum.base, (uint64_t)sum.number, buf));
    else if (sum.unit == UNIT_BYTES_DELTA)
        strbuf_adds(out, fmt_bytes_delta(sum.number, buf));
    else if (sum.unit == UNIT_COUNT_DELTA)
        strbuf_adds(out, fmt_count_delta(sum.number, buf));
    else if (sum.unit == UNIT_BYTES)
        strbuf_adds(out, fmt_bytes((uint64_t)sum.number, buf));
    else if (sum.unit == UNIT_NS)
        strbuf_adds(out, fmt_ns((uint64_t)sum.number, buf));
    else
        strbuf_adds(out, fmt_count((uint64_t)sum.number, buf));
}

static void print_others(const struct doc_table *t, struct strbuf *out) {
    uint32_t plain = 0;
    char buf[FMT_MAX];
    for (uint32_t r = 0; r < t->row_count; r++)
        plain += t->rows[r].role == ROW_PLAIN;
    if (plain <= PRINT_ROWS)
        return;
    strbuf_addf(out, "<tr class=paper><th scope=row>[%s more]",
                fmt_count((uint64_t)plain - PRINT_ROWS + t->others, buf));
    for (uint32_t i = 1; i < t->column_count; i++)
        print_cell(t, page_column(t, i), out);
    strbuf_addc(out, '\n');
}

/* -- Tables ------------------------------------------------------------------------------------ */

static void page_table_head(const struct html_page *p, const struct doc_table *t,
                            const char *title) {
    struct strbuf *out = p->out;
    strbuf_addf(out, "<div class=\"wide%s\" tabindex=0 role=region aria-label=\"",
                t->row_count > TALL_ROWS ? " tall" : "");
    markup_text(out, title);
    strbuf_addf(out, "\"><table class=\"rows%s", t->row_count > NAMED_ROWS ? " many" : "");
    for (uint32_t i = 1; i < t->column_count; i++)
        if (t->columns[page_column(t, i)].right)
            strbuf_addf(out, " r%u", i + 1);
    strbuf_adds(out, "\"><caption>");
    markup_text(out, title);
    strbuf_adds(out, "</caption>\n<thead><tr>");
    for (uint32_t i = 0; i < t->column_count; i++) {
        const char *name = t->columns[page_column(t, i)].title;
        strbuf_adds(out, *name ? "<th scope=col>" : "<td>");
        markup_text(out, name);
    }
    strbuf_adds(out, "\n<tbody>\n");
}

static bool is_foot(const struct doc_row *row) {
    return row->role != ROW_PLAIN;
}

static void page_table_foot(const struct html_page *p, const struct doc_table *t,
                            const struct bar_columns *bars) {
    bool foot = false;
    for (uint32_t r = 0; r < t->row_count; r++) {
        if (!is_foot(&t->rows[r]))
            continue;
        if (!foot)
            strbuf_adds(p->out, "<tfoot>\n");
        if (!foot)
            print_others(t, p->out);
        foot = true;
        page_row(p, t, r, bars);
    }
    if (!foot)
        print_others(t, p->out);
}

/* Thousands of rows take seconds to be laid out, which those that are folded are only when somebody
 * unfolds them. They are a table of their own: nothing less can be folded without script. */
static void page_table_rest(const struct html_page *p, const struct doc_table *t, uint32_t from,
                            uint32_t rows, const struct bar_columns *bars) {
    const char *title = p->heading ? p->heading : "dumps";
    char buf[FMT_MAX];
    struct strbuf rest;
    strbuf_init(&rest);
    strbuf_addf(&rest, "%s: %s more row%s", title, fmt_count(rows, buf), plural(rows));
    strbuf_addf(p->out, "<details class=rest><summary>%s more row%s</summary>\n",
                fmt_count(rows, buf), plural(rows));
    page_table_head(p, t, strbuf_cstr(&rest));
    for (uint32_t r = from; r < t->row_count; r++)
        if (!is_foot(&t->rows[r]))
            page_row(p, t, r, bars);
    strbuf_adds(p->out, "</table></div></details>\n");
    strbuf_fail(p->out, &rest.err);
    strbuf_deinit(&rest);
}

void page_table(struct html_page *p, const struct doc_table *t) {
    if (!t->row_count || !t->column_count)
        return;
    struct bar_columns bars = bar_columns_of(t);
    uint32_t open = 0, rows = 0, from = t->row_count;
    for (uint32_t r = 0; r < t->row_count; r++)
        rows += !is_foot(&t->rows[r]);
    page_table_head(p, t, p->heading ? p->heading : "dumps");
    for (uint32_t r = 0; r < t->row_count && from == t->row_count; r++) {
        if (is_foot(&t->rows[r]))
            continue;
        if (open == OPEN_ROWS)
            from = r;
        else
            page_row(p, t, r, &bars);
        open += open < OPEN_ROWS;
    }
    page_table_foot(p, t, &bars);
    strbuf_adds(p->out, "</table></div>\n");
    if (rows > open)
        page_table_rest(p, t, from, rows - open, &bars);
}
