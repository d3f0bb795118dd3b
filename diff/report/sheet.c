#include "diff/report/sheet.h"

#include "base/vec.h"

#include "diff/report/csv.h"
#include "diff/report/doc.h"
#include "diff/report/fmt.h"
#include "diff/report/json_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void sheet_init(struct sheet *s, const struct sheet_column *columns, uint32_t count) {
    *s = (struct sheet){.columns = columns, .column_count = count};
    arena_init(&s->arena);
}

void sheet_deinit(struct sheet *s) {
    arena_deinit(&s->arena);
    *s = (struct sheet){.row_count = 0};
}

struct sheet_cell *sheet_row(struct sheet *s) {
    size_t count = (size_t)s->row_count * s->column_count;
    if (s->err.code != ERR_NONE ||
        !VEC_ROOM_FOR_IN(&s->arena, s->cells, count, s->column_count, s->capacity, &s->err))
        return NULL;
    struct sheet_cell *cells = &s->cells[count];
    s->row_count++;
    for (uint32_t c = 0; c < s->column_count; c++)
        cells[c] = (struct sheet_cell){NULL, ABSENT, NAN};
    return cells;
}

const char *sheet_copy(struct sheet *s, const char *text) {
    const char *copy = text ? arena_copy(&s->arena, text, strlen(text)) : NULL;
    if (text && !copy)
        err_keep_nomem(&s->err);
    return copy;
}

/* -- Text -------------------------------------------------------------------------------------- */

static void text_cell(struct doc *d, struct doc_table *t, enum sheet_kind kind,
                      const struct sheet_cell *cell) {
    char buf[FMT_MAX];
    switch (kind) {
    case SHEET_TEXT:
        doc_cell(d, t, DOC_PLAIN, cell->text ? cell->text : "-");
        break;
    case SHEET_COUNT:
        doc_count(d, t, cell->number);
        break;
    case SHEET_NUMBER:
        doc_cellf(d, t, DOC_PLAIN, "%llu", (unsigned long long)cell->number);
        break;
    case SHEET_DURATION:
        doc_ns(d, t, cell->number);
        break;
    case SHEET_BYTES:
        doc_bytes(d, t, cell->number);
        break;
    case SHEET_TIME:
        doc_cell(d, t, DOC_PLAIN, fmt_second(cell->number, buf));
        break;
    case SHEET_P:
        doc_cell(d, t, DOC_PLAIN, fmt_p(cell->real, buf));
        break;
    case SHEET_SHARE:
        if (isnan(cell->real))
            doc_cell(d, t, DOC_PLAIN, "-");
        else
            doc_cellf(d, t, DOC_PLAIN, "%.0f %%", 100 * cell->real);
        break;
    case SHEET_DELTA:
    case SHEET_COUNT_DELTA: {
        int64_t delta = (int64_t)fmax(fmin(cell->real, 9e18), -9e18); /* NAN: not looked at */
        if (isnan(cell->real))
            doc_cell(d, t, DOC_PLAIN, "-");
        else if (kind == SHEET_DELTA)
            doc_bytes_delta(d, t, delta);
        else
            doc_count_delta(d, t, delta);
        break;
    }
    }
}

static bool write_text(const struct sheet *s, const char *title, const struct report_options *o,
                       struct strbuf *out, struct err *err) {
    struct doc d;
    struct doc_column columns[16];
    doc_init(&d);
    for (uint32_t c = 0; c < s->column_count && c < 16; c++) {
        bool words = s->columns[c].kind == SHEET_TEXT || s->columns[c].kind == SHEET_TIME;
        columns[c] = (struct doc_column){s->columns[c].title, !words, CUT_NEVER};
        if (s->columns[c].kind == SHEET_TEXT && c + 1 == s->column_count)
            columns[c].cut = CUT_TYPE;
    }
    if (title)
        doc_text(&d, DOC_TITLE, DOC_PLAIN, "%s", title);
    struct doc_table *t = doc_table(&d, columns, s->column_count);
    for (uint32_t r = 0; r < s->row_count; r++) {
        doc_row(&d, t, DOC_PLAIN);
        for (uint32_t c = 0; c < s->column_count; c++)
            text_cell(&d, t, s->columns[c].kind, &s->cells[(size_t)r * s->column_count + c]);
    }
    if (t)
        doc_prune(t);
    if (s->others)
        doc_text(&d, DOC_ITEM, DOC_DIM, "[%u other%s]", s->others, s->others == 1 ? "" : "s");
    return text_render(&d, o, out, err);
}

/* -- CSV and JSON ------------------------------------------------------------------------------ */

/* Is it in `real`, or in `number`? */
static bool is_real(enum sheet_kind kind) {
    return kind == SHEET_DELTA || kind == SHEET_COUNT_DELTA || kind == SHEET_P ||
           kind == SHEET_SHARE;
}

static void csv_cell(struct strbuf *out, enum sheet_kind kind, const struct sheet_cell *cell) {
    char buf[FMT_MAX];
    if (kind == SHEET_TEXT && cell->text)
        csv_text(out, cell->text);
    else if (kind == SHEET_TIME && cell->number != ABSENT)
        strbuf_adds(out, fmt_time(cell->number, buf));
    else if (kind != SHEET_TEXT && kind != SHEET_TIME && !is_real(kind) && cell->number != ABSENT)
        strbuf_addf(out, "%llu", (unsigned long long)cell->number);
    else if (is_real(kind) && !isnan(cell->real))
        strbuf_addf(out, "%.6g", cell->real);
}

static void write_csv(const struct sheet *s, struct strbuf *out) {
    for (uint32_t c = 0; c < s->column_count; c++)
        strbuf_addf(out, "%s%s", c ? "," : "", s->columns[c].key);
    strbuf_addc(out, '\n');
    for (uint32_t r = 0; r < s->row_count; r++) {
        for (uint32_t c = 0; c < s->column_count; c++) {
            if (c)
                strbuf_addc(out, ',');
            csv_cell(out, s->columns[c].kind, &s->cells[(size_t)r * s->column_count + c]);
        }
        strbuf_addc(out, '\n');
    }
}

static cJSON *json_cell(enum sheet_kind kind, const struct sheet_cell *cell) {
    if (kind == SHEET_TEXT)
        return json_text(cell->text);
    if (is_real(kind))
        return isnan(cell->real) ? cJSON_CreateNull() : cJSON_CreateNumber(cell->real);
    return kind == SHEET_TIME ? json_time(cell->number) : json_number(cell->number);
}

static bool sheet_put_row(const struct sheet *s, uint32_t r, struct strbuf *out) {
    cJSON *object = cJSON_CreateObject();
    bool ok = object;
    for (uint32_t c = 0; ok && c < s->column_count; c++) {
        const struct sheet_column *column = &s->columns[c];
        cJSON *item = json_cell(column->kind, &s->cells[(size_t)r * s->column_count + c]);
        ok = item && cJSON_AddItemToObject(object, column->key, item);
    }
    char *text = ok ? cJSON_PrintUnformatted(object) : NULL;
    if (text)
        strbuf_adds(out, text);
    cJSON_free(text);
    cJSON_Delete(object);
    return text != NULL;
}

static bool write_json(const struct sheet *s, bool lines, struct strbuf *out) {
    bool ok = true;
    strbuf_adds(out, lines ? "" : "[");
    for (uint32_t r = 0; ok && r < s->row_count; r++) {
        strbuf_adds(out, lines ? "" : r ? ",\n " : "\n ");
        ok = sheet_put_row(s, r, out);
        strbuf_adds(out, lines ? "\n" : "");
    }
    strbuf_adds(out, lines ? "" : s->row_count ? "\n]\n" : "]\n");
    return ok;
}

bool sheet_write(const struct sheet *s, enum sheet_format format, const char *title,
                 const struct report_options *o, struct strbuf *out, struct err *err) {
    if (!err_none(&s->err, err))
        return false;
    if (format == SHEET_AS_TEXT)
        return write_text(s, title, o, out, err);
    if (format == SHEET_AS_CSV) {
        write_csv(s, out);
        return csv_finish(o, out, err);
    }
    return write_json(s, format == SHEET_AS_LINES, out) ? strbuf_ok(out, err) : err_nomem(err);
}
