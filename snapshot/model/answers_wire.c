#include "model/answers_wire.h"

#include "model/rows_heap.h"
#include "model/snapfile.h"
#include "model/snapshot.h"

#include <string.h>

/* -- Writing ----------------------------------------------------------------------------------- */

static void wire_put_string(struct strbuf *out, const char *text) {
    struct str s = str_of(text);
    strbuf_add_varint(out, text ? (uint64_t)s.len + 1 : 0);
    strbuf_add(out, s);
}

static void wire_put_cell(struct strbuf *out, const struct cell *cell) {
    strbuf_add_varint(out, cell->objects);
    strbuf_add_varint(out, cell->bytes);
}

static void put_subject(struct strbuf *out, const struct answer_subject *subject) {
    strbuf_add_varint(out, subject->types);
    wire_put_cell(out, &subject->live);
    wire_put_cell(out, &subject->garbage);
}

static bool put_tree(struct strbuf *out, const struct snapshot *tree, struct err *err) {
    struct strbuf file;
    strbuf_init(&file);
    bool ok = snapfile_encode(tree, &file, err);
    strbuf_add_varint(out, file.len);
    strbuf_add(out, strbuf_str(&file));
    strbuf_deinit(&file);
    return ok;
}

static void put_row_numbers(struct strbuf *out, const uint32_t *numbers, uint32_t count) {
    strbuf_add_varint(out, count);
    for (uint32_t i = 0; i < count; i++)
        strbuf_add_varint(out, numbers[i]);
}

static void put_holder(struct strbuf *out, const struct holder_row *row) {
    wire_put_string(out, row->holder);
    wire_put_string(out, row->field);
    strbuf_add_varint(out, row->references);
    strbuf_add_varint(out, row->holders);
    strbuf_add_varint(out, row->garbage_references);
    strbuf_add_varint(out, row->garbage_holders);
}

static void put_holders(struct strbuf *out, const struct answer_holders *h) {
    put_subject(out, &h->subject);
    put_holder(out, &h->total);
    strbuf_add_varint(out, h->skipped_bytes);
    strbuf_add_varint(out, h->count);
    for (uint32_t i = 0; i < h->count; i++)
        put_holder(out, &h->rows[i]);
}

static void put_retained_rows(struct strbuf *out, const struct retained_row *rows, uint32_t count) {
    strbuf_add_varint(out, count);
    for (uint32_t i = 0; i < count; i++) {
        wire_put_string(out, rows[i].type);
        wire_put_cell(out, &rows[i].own);
        wire_put_cell(out, &rows[i].retained);
    }
}

static bool put_retained(struct strbuf *out, const struct answer_retained *r, struct err *err) {
    strbuf_add_varint(out, r->refused);
    if (!put_tree(out, &r->tree, err))
        return false;
    put_retained_rows(out, r->types, r->type_count);
    put_retained_rows(out, r->nodes, r->node_count);
    put_row_numbers(out, r->order, r->node_count);
    return true;
}

static void put_duplicate_rows(struct strbuf *out, const struct duplicate_row *rows,
                               uint32_t count) {
    strbuf_add_varint(out, count);
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t numbers[] = {rows[i].hash, rows[i].length, rows[i].copies, rows[i].bytes,
                                    rows[i].wasted};
        wire_put_string(out, rows[i].type);
        wire_put_string(out, rows[i].value);
        for (size_t k = 0; k < sizeof(numbers) / sizeof(*numbers); k++)
            strbuf_add_varint(out, numbers[k]);
    }
}

static void put_duplicates(struct strbuf *out, const struct answer_duplicates *d) {
    const uint64_t sums[] = {d->objects, d->bytes,  d->groups,
                             d->copies,  d->wasted, d->not_compared};
    for (size_t i = 0; i < sizeof(sums) / sizeof(*sums); i++)
        strbuf_add_varint(out, sums[i]);
    put_duplicate_rows(out, d->rows, d->count);
    put_duplicate_rows(out, d->types, d->type_count);
}

static void put_values(struct strbuf *out, const struct answer_values *v) {
    put_subject(out, &v->subject);
    strbuf_add_varint(out, v->count);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct answer_field *field = &v->fields[i];
        wire_put_string(out, field->type);
        wire_put_string(out, field->field);
        wire_put_string(out, field->kind);
        strbuf_add_varint(out, field->objects);
        strbuf_add_varint(out, field->other_objects);
        strbuf_add_varint(out, field->other_values);
        strbuf_add_varint(out, field->count);
        for (uint32_t k = 0; k < field->count; k++) {
            wire_put_string(out, field->rows[k].value);
            strbuf_add_varint(out, field->rows[k].objects);
            strbuf_add_varint(out, field->rows[k].characters);
        }
    }
}

bool answers_encode(const struct answers *a, struct strbuf *out, struct err *err) {
    for (int kind = 0; kind < QUESTION_COUNT; kind++)
        strbuf_add_varint(out, (uint64_t)a->answered[kind] | (uint64_t)a->over_memory[kind] << 1);
    put_subject(out, &a->paths.subject);
    if (!put_tree(out, &a->paths.tree, err))
        return false;
    put_row_numbers(out, a->paths.rows, a->paths.count);
    wire_put_cell(out, &a->paths.below_floor);
    put_holders(out, &a->holders);
    if (!put_retained(out, &a->retained, err))
        return false;
    put_duplicates(out, &a->duplicates);
    put_values(out, &a->values);
    return strbuf_ok(out, err);
}

/* -- Reading ----------------------------------------------------------------------------------- */

/* What is read of, and where its strings go; the first failure is the reader's. */
struct wire {
    struct reader *r;
    struct arena *arena;
};

static const char *wire_string(struct wire *w) {
    uint64_t size = reader_varint(w->r);
    struct bytes bytes = size ? reader_bytes(w->r, size - 1) : (struct bytes){NULL, 0};
    struct str text = {(const char *)bytes.data, bytes.size};
    if (!size || w->r->failed)
        return NULL;
    const char *copy = str_is_clean(text) ? arena_copy(w->arena, text.ptr, text.len) : NULL;
    w->r->failed = !copy;
    return copy;
}

static struct cell wire_cell(struct wire *w) {
    uint64_t objects = reader_varint(w->r);
    return (struct cell){objects, reader_varint(w->r)};
}

/* Below a bound, which is at most what 32 bits hold. */
static uint32_t wire_number(struct wire *w, uint64_t bound) {
    uint64_t number = reader_varint(w->r);
    if (number >= bound)
        w->r->failed = true;
    return w->r->failed ? 0 : (uint32_t)number;
}

/* How many rows of so many bytes, at least, come; *ret_rows: room for them and one more. */
static uint32_t wire_rows(struct wire *w, size_t bytes, size_t row_size, void *ret_rows) {
    uint32_t count = wire_number(w, UINT32_MAX);
    if (!reader_has_items(w->r, count, bytes))
        w->r->failed = true;
    void *rows = w->r->failed ? NULL : arena_array(w->arena, (size_t)count + 1, row_size);
    if (!rows)
        w->r->failed = true;
    memcpy(ret_rows, &rows, sizeof(rows));
    return rows ? count : 0;
}

static void wire_subject(struct wire *w, struct answer_subject *subject) {
    subject->types = wire_number(w, UINT32_MAX);
    subject->live = wire_cell(w);
    subject->garbage = wire_cell(w);
}

static bool wire_tree(struct wire *w, struct snapshot *tree, uint32_t *ret_count, struct err *err) {
    struct bytes file = reader_bytes(w->r, reader_varint(w->r));
    if (!reader_ok(w->r, "answers", err) || !snapfile_decode_parts(file, tree, err))
        return false;
    *ret_count = tree->tables[PART_PATHS].count;
    return true;
}

static uint32_t wire_numbers(struct wire *w, uint32_t bound, uint32_t **ret_numbers) {
    uint32_t count = wire_rows(w, 1, sizeof(**ret_numbers), ret_numbers);
    for (uint32_t i = 0; i < count; i++)
        (*ret_numbers)[i] = wire_number(w, bound);
    return count;
}

static void wire_holder(struct wire *w, struct holder_row *row) {
    row->holder = wire_string(w);
    row->field = wire_string(w);
    row->references = reader_varint(w->r);
    row->holders = reader_varint(w->r);
    row->garbage_references = reader_varint(w->r);
    row->garbage_holders = reader_varint(w->r);
}

static void wire_holders(struct wire *w, struct answer_holders *h) {
    wire_subject(w, &h->subject);
    wire_holder(w, &h->total);
    h->skipped_bytes = reader_varint(w->r);
    h->count = wire_rows(w, 6, sizeof(*h->rows), &h->rows);
    for (uint32_t i = 0; i < h->count; i++)
        wire_holder(w, &h->rows[i]);
}

static uint32_t wire_retained_rows(struct wire *w, bool types, struct retained_row **ret_rows) {
    uint32_t count = wire_rows(w, 5, sizeof(**ret_rows), ret_rows);
    for (uint32_t i = 0; i < count; i++) {
        struct retained_row *row = &(*ret_rows)[i];
        row->type = wire_string(w);
        row->own = wire_cell(w);
        row->retained = wire_cell(w);
        if (types && !row->type)
            w->r->failed = true;
    }
    return count;
}

static bool wire_retained(struct wire *w, struct answer_retained *r, struct err *err) {
    uint32_t tree;
    r->refused = reader_varint(w->r) != 0;
    if (!wire_tree(w, &r->tree, &tree, err))
        return false;
    r->type_count = wire_retained_rows(w, true, &r->types);
    r->node_count = wire_retained_rows(w, false, &r->nodes);
    if (r->node_count > tree || wire_numbers(w, r->node_count, &r->order) != r->node_count)
        w->r->failed = true;
    return true;
}

static uint32_t wire_duplicate_rows(struct wire *w, struct duplicate_row **ret_rows) {
    uint32_t count = wire_rows(w, 7, sizeof(**ret_rows), ret_rows);
    for (uint32_t i = 0; i < count; i++) {
        struct duplicate_row *row = &(*ret_rows)[i];
        uint64_t *const numbers[] = {&row->hash, &row->length, &row->copies, &row->bytes,
                                     &row->wasted};
        row->type = wire_string(w);
        row->value = wire_string(w);
        for (size_t k = 0; k < sizeof(numbers) / sizeof(*numbers); k++)
            *numbers[k] = reader_varint(w->r);
        if (!row->type)
            w->r->failed = true;
    }
    return count;
}

static void wire_duplicates(struct wire *w, struct answer_duplicates *d) {
    uint64_t *const sums[] = {&d->objects, &d->bytes,  &d->groups,
                              &d->copies,  &d->wasted, &d->not_compared};
    for (size_t i = 0; i < sizeof(sums) / sizeof(*sums); i++)
        *sums[i] = reader_varint(w->r);
    d->count = wire_duplicate_rows(w, &d->rows);
    d->type_count = wire_duplicate_rows(w, &d->types);
}

static void wire_field(struct wire *w, struct answer_field *field) {
    field->type = wire_string(w);
    field->field = wire_string(w);
    field->kind = wire_string(w);
    field->objects = reader_varint(w->r);
    field->other_objects = reader_varint(w->r);
    field->other_values = reader_varint(w->r);
    field->count = wire_rows(w, 3, sizeof(*field->rows), &field->rows);
    for (uint32_t k = 0; k < field->count; k++) {
        field->rows[k].value = wire_string(w);
        field->rows[k].objects = reader_varint(w->r);
        field->rows[k].characters = reader_varint(w->r);
        if (!field->rows[k].value)
            w->r->failed = true;
    }
    if (!field->type || !field->field || !field->kind)
        w->r->failed = true;
}

static void wire_values(struct wire *w, struct answer_values *v) {
    wire_subject(w, &v->subject);
    v->count = wire_rows(w, 7, sizeof(*v->fields), &v->fields);
    for (uint32_t i = 0; i < v->count; i++)
        wire_field(w, &v->fields[i]);
}

bool answers_decode(struct answers *a, struct reader *r, struct err *err) {
    struct wire w = {r, &a->arena};
    uint32_t tree;
    for (int kind = 0; kind < QUESTION_COUNT; kind++) {
        uint64_t bits = reader_varint(r);
        a->answered[kind] = bits & 1;
        a->over_memory[kind] = bits >> 1 & 1;
    }
    wire_subject(&w, &a->paths.subject);
    if (!wire_tree(&w, &a->paths.tree, &tree, err))
        return false;
    a->paths.count = wire_numbers(&w, tree, &a->paths.rows);
    a->paths.below_floor = wire_cell(&w);
    wire_holders(&w, &a->holders);
    if (!wire_retained(&w, &a->retained, err))
        return false;
    wire_duplicates(&w, &a->duplicates);
    wire_values(&w, &a->values);
    return reader_ok(r, "answers", err);
}
