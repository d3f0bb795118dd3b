#include "diff/report/answer_text.h"

#include "diff/names/path_text.h"
#include "diff/names/names.h"
#include "diff/report/csv.h"
#include "diff/report/fmt.h"
#include "diff/report/json_parts.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>

/* Deeper ones are a cycle in a broken file. */
#define DEPTH_MAX PATH_STEPS_MAX

void answer_path_text(const struct snapshot *tree, uint32_t row, bool full, struct strbuf *out) {
    SNAPSHOT_ROWS(tree, PART_PATHS, struct path_row, rows, count);
    struct path_step *steps = calloc(DEPTH_MAX, sizeof(*steps));
    if (!steps) {
        err_keep_nomem(&out->err);
        return;
    }
    uint32_t depth = 0;
    const char *root = NULL;
    for (uint64_t i = row; i < count && depth < DEPTH_MAX; i = rows[i].parent) {
        steps[DEPTH_MAX - ++depth] =
            (struct path_step){rows[i].edge, rows[i].type ? rows[i].type : ""};
        root = rows[i].root;
    }
    path_text(root, steps + DEPTH_MAX - depth, depth, full, true, out);
    free(steps);
}

void answer_holder_text(const struct holder_row *row, struct strbuf *out) {
    if (!row->holder) {
        strbuf_adds(out, "root: ");
        pretty_field(row->field, out);
        return;
    }
    pretty_type(row->holder, false, out);
    if (!row->field[0]) /* some graphs have no names for their edges */
        return;
    bool name = row->field[0] != '[' && row->field[0] != '(' && row->field[0] != '+';
    strbuf_addc(out, name ? '.' : ' ');
    pretty_field(row->field, out);
}

/* -- JSON -------------------------------------------------------------------------------------- */

static cJSON *answer_text_cell(struct json *j, struct cell cell) {
    cJSON *object = cJSON_CreateObject();
    json_add(j, object, "objects", json_number(cell.objects));
    json_add(j, object, "bytes", json_number(cell.bytes));
    return object;
}

static void answer_text_subject(struct json *j, cJSON *object, const char *pattern,
                                const struct answer_subject *s) {
    json_add(j, object, "type", json_text(pattern));
    json_add(j, object, "types", json_number(s->types));
    json_add(j, object, "live", answer_text_cell(j, s->live));
    json_add(j, object, "garbage", answer_text_cell(j, s->garbage));
}

static void json_paths(struct json *j, const struct answers *a) {
    const struct answer_paths *p = &a->paths;
    SNAPSHOT_ROWS(&p->tree, PART_PATHS, struct path_row, rows, count);
    cJSON *object = cJSON_CreateObject(), *list = cJSON_CreateArray();
    answer_text_subject(j, object, a->question.path_of, &p->subject);
    json_add(j, object, "below_floor", answer_text_cell(j, p->below_floor));
    for (uint32_t i = 0; i < p->count && p->rows[i] < count; i++) {
        const char *root;
        cJSON *item = cJSON_CreateObject();
        json_add(j, item, "path", json_path_steps(j, rows, count, p->rows[i], DEPTH_MAX, &root));
        json_add(j, item, "root", json_text(root));
        json_add(j, item, "objects", json_number(rows[p->rows[i]].own_objects));
        json_add(j, item, "bytes", json_number(rows[p->rows[i]].own_bytes));
        json_append(j, list, item);
    }
    json_add(j, object, "paths", list);
    json_put(j, answer_names[QUESTION_PATH], object);
}

static cJSON *holder(struct json *j, const struct holder_row *row, bool total) {
    cJSON *object = cJSON_CreateObject();
    if (!total) {
        json_add(j, object, "holder", json_text(row->holder));
        json_add(j, object, row->holder ? "field" : "root", json_text(row->field));
    }
    json_add(j, object, "references", json_number(row->references));
    json_add(j, object, "holders", json_number(row->holders));
    json_add(j, object, "garbage_references", json_number(row->garbage_references));
    json_add(j, object, "garbage_holders", json_number(row->garbage_holders));
    return object;
}

static void json_holders(struct json *j, const struct answers *a) {
    const struct answer_holders *h = &a->holders;
    cJSON *object = cJSON_CreateObject(), *list = cJSON_CreateArray();
    answer_text_subject(j, object, a->question.holders_of, &h->subject);
    for (uint32_t i = 0; i < h->count; i++)
        json_append(j, list, holder(j, &h->rows[i], false));
    json_add(j, object, "holders", list);
    json_add(j, object, "total", holder(j, &h->total, true));
    json_add(j, object, "skipped_bytes", json_number(h->skipped_bytes));
    json_put(j, answer_names[QUESTION_HOLDERS], object);
}

static void retained_numbers(struct json *j, cJSON *object, const struct retained_row *row) {
    json_add(j, object, "objects", json_number(row->own.objects));
    json_add(j, object, "bytes", json_number(row->own.bytes));
    json_add(j, object, "retained_objects", json_number(row->retained.objects));
    json_add(j, object, "retained_bytes", json_number(row->retained.bytes));
}

static void json_retained(struct json *j, const struct answers *a) {
    const struct answer_retained *r = &a->retained;
    SNAPSHOT_ROWS(&r->tree, PART_PATHS, struct path_row, rows, count);
    cJSON *object = cJSON_CreateObject(), *types = cJSON_CreateArray(),
          *nodes = cJSON_CreateArray();
    for (uint32_t i = 0; i < r->type_count; i++) {
        cJSON *item = cJSON_CreateObject();
        json_add(j, item, "type", json_text(r->types[i].type));
        retained_numbers(j, item, &r->types[i]);
        json_append(j, types, item);
    }
    for (uint32_t i = 0; i < r->node_count; i++) {
        const char *root;
        cJSON *item = cJSON_CreateObject();
        json_add(j, item, "path", json_path_steps(j, rows, count, r->order[i], DEPTH_MAX, &root));
        json_add(j, item, "root", json_text(root));
        retained_numbers(j, item, &r->nodes[r->order[i]]);
        json_append(j, nodes, item);
    }
    json_add(j, object, "types", types);
    json_add(j, object, "paths", nodes);
    json_put(j, answer_names[QUESTION_RETAINED], object);
}

static cJSON *duplicate(struct json *j, const struct duplicate_row *row, bool is_type,
                        bool contents) {
    char hash[FMT_MAX];
    cJSON *object = cJSON_CreateObject();
    json_add(j, object, "type", json_text(row->type));
    json_add(j, object, is_type ? "contents" : "length", json_number(row->length));
    json_add(j, object, "copies", json_number(row->copies));
    json_add(j, object, "bytes", json_number(row->bytes));
    json_add(j, object, "wasted_bytes", json_number(row->wasted));
    if (is_type)
        return object;
    json_add(j, object, "hash", json_text(fmt_hex(row->hash, hash)));
    if (contents)
        json_add(j, object, "begins_with", json_text(row->value));
    return object;
}

static void json_duplicates(struct json *j, const struct answers *a) {
    const struct answer_duplicates *d = &a->duplicates;
    cJSON *object = cJSON_CreateObject(), *types = cJSON_CreateArray(), *rows = cJSON_CreateArray();
    json_add(j, object, "objects", json_number(d->objects));
    json_add(j, object, "bytes", json_number(d->bytes));
    json_add(j, object, "contents", json_number(d->groups));
    json_add(j, object, "copies", json_number(d->copies));
    json_add(j, object, "wasted_bytes", json_number(d->wasted));
    json_add(j, object, "not_compared", json_number(d->not_compared));
    for (uint32_t i = 0; i < d->type_count; i++)
        json_append(j, types, duplicate(j, &d->types[i], true, false));
    for (uint32_t i = 0; i < d->count; i++)
        json_append(j, rows, duplicate(j, &d->rows[i], false, a->question.contents));
    json_add(j, object, "types", types);
    json_add(j, object, "duplicates", rows);
    json_put(j, answer_names[QUESTION_DUPLICATES], object);
}

static cJSON *field_json(struct json *j, const struct answer_field *field) {
    cJSON *object = cJSON_CreateObject(), *rows = cJSON_CreateArray();
    json_add(j, object, "type", json_text(field->type));
    json_add(j, object, "field", json_text(field->field));
    json_add(j, object, "kind", json_text(field->kind));
    json_add(j, object, "objects", json_number(field->objects));
    for (uint32_t i = 0; i < field->count; i++) {
        cJSON *row = cJSON_CreateObject();
        json_add(j, row, "value", json_text(field->rows[i].value));
        json_add(j, row, "objects", json_number(field->rows[i].objects));
        json_add(j, row, "characters", json_number(field->rows[i].characters));
        json_append(j, rows, row);
    }
    json_add(j, object, "values", rows);
    json_add(j, object, "other_objects", json_number(field->other_objects));
    json_add(j, object, "other_values", json_number(field->other_values));
    return object;
}

static void json_values(struct json *j, const struct answers *a) {
    cJSON *object = cJSON_CreateObject(), *fields = cJSON_CreateArray();
    answer_text_subject(j, object, a->question.values_of, &a->values.subject);
    for (uint32_t i = 0; i < a->values.count; i++)
        json_append(j, fields, field_json(j, &a->values.fields[i]));
    json_add(j, object, "fields", fields);
    json_put(j, answer_names[QUESTION_VALUES], object);
}

void json_answers(struct json *j, const struct answers *a) {
    static void (*const writers[QUESTION_COUNT])(struct json *, const struct answers *) = {
        json_paths, json_holders, json_retained, json_duplicates, json_values};
    for (int i = 0; i < QUESTION_COUNT; i++)
        if (a->answered[i])
            writers[i](j, a);
}

/* -- CSV --------------------------------------------------------------------------------------- */

static void add_path(const struct snapshot *tree, uint32_t row, struct strbuf *out) {
    struct strbuf text;
    strbuf_init(&text);
    answer_path_text(tree, row, true, &text);
    csv_text(out, strbuf_cstr(&text));
    strbuf_fail(out, &text.err);
    strbuf_deinit(&text);
}

static void csv_paths(const struct answers *a, struct strbuf *out) {
    SNAPSHOT_ROWS(&a->paths.tree, PART_PATHS, struct path_row, rows, count);
    strbuf_adds(out, "objects,bytes,type,path\r\n");
    for (uint32_t i = 0; i < a->paths.count && a->paths.rows[i] < count; i++) {
        const struct path_row *row = &rows[a->paths.rows[i]];
        strbuf_addf(out, "%" PRIu64 ",%" PRIu64 ",", row->own_objects, row->own_bytes);
        csv_text(out, row->type);
        strbuf_addc(out, ',');
        add_path(&a->paths.tree, a->paths.rows[i], out);
        strbuf_adds(out, "\r\n");
    }
}

static void csv_holders(const struct answers *a, struct strbuf *out) {
    strbuf_adds(out, "holder,field,references,holders,garbage_references,garbage_holders\r\n");
    for (uint32_t i = 0; i < a->holders.count; i++) {
        const struct holder_row *row = &a->holders.rows[i];
        csv_text(out, row->holder ? row->holder : "(root)");
        strbuf_addc(out, ',');
        csv_text(out, row->field);
        strbuf_addf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\r\n", row->references,
                    row->holders, row->garbage_references, row->garbage_holders);
    }
}

static void csv_retained_row(const struct retained_row *row, struct strbuf *out) {
    strbuf_addf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\r\n", row->own.objects,
                row->own.bytes, row->retained.objects, row->retained.bytes);
}

static void csv_retained(const struct answers *a, struct strbuf *out) {
    const struct answer_retained *r = &a->retained;
    strbuf_adds(out, "of,name,objects,bytes,retained_objects,retained_bytes\r\n");
    for (uint32_t i = 0; i < r->type_count; i++) {
        strbuf_adds(out, "type,");
        csv_text(out, r->types[i].type);
        csv_retained_row(&r->types[i], out);
    }
    for (uint32_t i = 0; i < r->node_count; i++) {
        strbuf_adds(out, "path,");
        add_path(&r->tree, r->order[i], out);
        csv_retained_row(&r->nodes[r->order[i]], out);
    }
}

static void csv_duplicates(const struct answers *a, struct strbuf *out) {
    strbuf_addf(out, "type,length,copies,bytes,wasted_bytes,hash%s\r\n",
                a->question.contents ? ",begins_with" : "");
    for (uint32_t i = 0; i < a->duplicates.count; i++) {
        const struct duplicate_row *row = &a->duplicates.rows[i];
        char hash[FMT_MAX];
        csv_text(out, row->type);
        strbuf_addf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%s", row->length,
                    row->copies, row->bytes, row->wasted, fmt_hex(row->hash, hash));
        if (a->question.contents) {
            strbuf_addc(out, ',');
            csv_text(out, row->value);
        }
        strbuf_adds(out, "\r\n");
    }
}

static void csv_values(const struct answers *a, struct strbuf *out) {
    strbuf_adds(out, "type,field,kind,objects,value,characters\r\n");
    for (uint32_t i = 0; i < a->values.count; i++)
        for (uint32_t k = 0; k < a->values.fields[i].count; k++) {
            const struct answer_field *field = &a->values.fields[i];
            const struct value_row *row = &field->rows[k];
            csv_text(out, field->type);
            strbuf_addc(out, ',');
            csv_text(out, field->field);
            strbuf_addf(out, ",%s,%" PRIu64 ",", field->kind, row->objects);
            csv_text(out, row->value);
            if (row->characters == ABSENT)
                strbuf_adds(out, ",\r\n");
            else
                strbuf_addf(out, ",%" PRIu64 "\r\n", row->characters);
        }
}

void csv_answer(const struct answers *a, enum question_kind kind, struct strbuf *out) {
    static void (*const writers[QUESTION_COUNT])(const struct answers *, struct strbuf *) = {
        csv_paths, csv_holders, csv_retained, csv_duplicates, csv_values};
    writers[kind](a, out);
}
