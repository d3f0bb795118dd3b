/* Strings, and arrays without references, that are there several times with equal contents. */
#include "dotnet/questions.h"

#include "base/hash.h"
#include "base/utf16.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Different contents of one hash that are told apart; more are counted as not compared. */
#define SAME_HASH_MAX 8u
/* Of contents, when they are wanted. */
#define TEXT_UNITS_SHOWN 60u
#define BYTES_SHOWN      24u

#define HEADER_BYTES 8u /* before an object; counted in its size */

struct candidate {
    uint64_t hash, address;
};

struct group {
    uint64_t address; /* of one of them */
    uint64_t hash, copies, wasted;
    uint32_t type;
};

struct comparing {
    struct asking *q;
    struct reach *reach;
    struct candidate *candidates;
    uint64_t count, capacity;
    struct group *groups;
    uint64_t group_count, group_capacity;
    struct duplicate_row *by_type; /* of each type */
};

/* -- Contents ---------------------------------------------------------------------------------- */

static bool has_contents(const struct reach_type *type) {
    return type->component_size && !type->desc.count && !type->free && !type->bad;
}

/* From the number of components on: lengths and bounds belong to what has to be equal. */
static struct bytes contents(const struct reach *r, const struct reach_object *object) {
    const struct reach_type *type = &r->types[object->type];
    uint64_t size = type->base_size + (uint64_t)type->component_size * load_u32(object->data + 8);
    if (size > object->size || size < HEADER_BYTES + 12)
        return (struct bytes){NULL, 0};
    return (struct bytes){object->data + 8, (size_t)(size - HEADER_BYTES - 8)};
}

static bool duplicates_add(struct comparing *c, const struct reach_object *object) {
    struct bytes bytes = contents(c->reach, object);
    if (!bytes.data)
        return true;
    if (c->count == c->capacity) {
        uint64_t capacity = c->capacity + c->capacity / 2 + 1024;
        struct candidate *grown = realloc(c->candidates, (size_t)capacity * sizeof(*grown));
        if (!grown)
            return false;
        c->candidates = grown;
        c->capacity = capacity;
    }
    c->candidates[c->count++] =
        (struct candidate){hash_bytes(bytes.data, bytes.size), object->address};
    c->q->answers->duplicates.objects++;
    c->q->answers->duplicates.bytes += object->size;
    return true;
}

static bool duplicates_collect(struct comparing *c) {
    uint64_t address = 0, number = 0;
    while ((number = reach_next_live(c->reach, number, &address)) != REACH_NO_NUMBER) {
        struct reach_object object;
        if (reach_object_at(c->reach, address, &object) &&
            has_contents(&c->reach->types[object.type]) && !duplicates_add(c, &object))
            return false;
        number++;
    }
    return true;
}

static int cmp_candidates(const void *x, const void *y) {
    const struct candidate *a = x, *b = y;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->address < b->address ? -1 : a->address > b->address;
}

/* -- Groups ------------------------------------------------------------------------------------ */

struct told_apart {
    struct reach_object first;
    struct bytes bytes;
    uint64_t copies;
};

static bool add_group(struct comparing *c, const struct told_apart *t, uint64_t hash) {
    if (t->copies < 2)
        return true;
    if (c->group_count == c->group_capacity) {
        uint64_t capacity = c->group_capacity + c->group_capacity / 2 + 1024;
        struct group *grown = realloc(c->groups, (size_t)capacity * sizeof(*grown));
        if (!grown)
            return false;
        c->groups = grown;
        c->group_capacity = capacity;
    }
    uint64_t wasted = (t->copies - 1) * t->first.size;
    c->groups[c->group_count++] =
        (struct group){t->first.address, hash, t->copies, wasted, t->first.type};
    struct answer_duplicates *answer = &c->q->answers->duplicates;
    struct duplicate_row *type = &c->by_type[t->first.type];
    answer->copies += t->copies;
    answer->wasted += wasted;
    type->copies += t->copies;
    type->bytes += t->copies * t->first.size;
    type->wasted += wasted;
    type->length++; /* here: groups */
    return true;
}

/* Objects of one hash: equal ones are one group. */
static bool compare_run(struct comparing *c, uint64_t from, uint64_t to) {
    struct told_apart apart[SAME_HASH_MAX];
    uint32_t count = 0;
    for (uint64_t i = from; i < to; i++) {
        struct reach_object object;
        if (!reach_object_at(c->reach, c->candidates[i].address, &object))
            continue;
        struct bytes bytes = contents(c->reach, &object);
        uint32_t k = 0;
        while (k < count &&
               (apart[k].first.type != object.type || apart[k].bytes.size != bytes.size ||
                memcmp(apart[k].bytes.data, bytes.data, bytes.size) != 0))
            k++;
        if (k < count)
            apart[k].copies++;
        else if (count < SAME_HASH_MAX)
            apart[count++] = (struct told_apart){object, bytes, 1};
        else
            c->q->answers->duplicates.not_compared++;
    }
    for (uint32_t k = 0; k < count; k++)
        if (!add_group(c, &apart[k], c->candidates[from].hash))
            return false;
    return true;
}

static bool duplicates_make_groups(struct comparing *c) {
    if (c->count > 1)
        qsort(c->candidates, (size_t)c->count, sizeof(*c->candidates), cmp_candidates);
    for (uint64_t from = 0, to; from < c->count; from = to) {
        for (to = from + 1; to < c->count && c->candidates[to].hash == c->candidates[from].hash;)
            to++;
        if (to - from > 1 && !compare_run(c, from, to))
            return false;
    }
    return true;
}

/* -- The answer -------------------------------------------------------------------------------- */

static void duplicates_add_escaped(struct strbuf *out, const uint8_t *units, size_t count) {
    static const char escapes[][3] = {"\\n", "\\r", "\\t", "\\\"", "\\\\"};
    static const char escaped[] = "\n\r\t\"\\";
    strbuf_addc(out, '"');
    for (size_t i = 0; i < count; i++) {
        uint32_t unit = load_u16(units + 2 * i);
        const char *known = unit && unit < 128 ? strchr(escaped, (int)unit) : NULL;
        bool pair = unit >= 0xd800 && unit < 0xdc00 && i + 1 < count &&
                    load_u16(units + 2 * i + 2) >= 0xdc00 && load_u16(units + 2 * i + 2) < 0xe000;
        if (known)
            strbuf_adds(out, escapes[known - escaped]);
        else if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0) ||
                 (unit >= 0xd800 && unit < 0xe000 && !pair))
            strbuf_addf(out, "\\u%04" PRIx32, unit);
        else {
            strbuf_add_utf16(out, (struct bytes){units + 2 * i, pair ? 4 : 2});
            i += pair;
        }
    }
    strbuf_addc(out, '"');
}

/* Beginning of the contents: text of strings and Char[], bytes of others. */
static const char *duplicates_value_of(struct asking *q, const struct reach_object *object,
                                       const char *type) {
    struct reach *r = &q->graph->reach;
    const struct reach_type *t = &r->types[object->type];
    uint64_t length = load_u32(object->data + 8);
    bool string = t->mt == q->graph->clr->string_mt;
    const uint8_t *data = object->data + (string ? 12 : t->base_size - HEADER_BYTES);
    struct strbuf text;
    strbuf_init(&text);
    uint64_t shown = length < TEXT_UNITS_SHOWN ? length : TEXT_UNITS_SHOWN;
    if (string || strcmp(type, "System.Char[]") == 0) {
        duplicates_add_escaped(&text, data, (size_t)shown);
    } else {
        length *= t->component_size;
        shown = length < BYTES_SHOWN ? length : BYTES_SHOWN;
        for (uint64_t i = 0; i < shown; i++)
            strbuf_addf(&text, "%02x%s", data[i], i % 4 == 3 && i + 1 < shown ? " " : "");
    }
    if (shown < length)
        strbuf_adds(&text, "\xe2\x80\xa6");
    const char *kept = strbuf_failed(&text) ? NULL : asking_keep(q, strbuf_cstr(&text));
    strbuf_deinit(&text);
    return kept;
}

static int duplicates_cmp_groups(const void *x, const void *y) {
    const struct group *a = x, *b = y;
    if (a->wasted != b->wasted)
        return a->wasted > b->wasted ? -1 : 1;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->address < b->address ? -1 : a->address > b->address;
}

static bool duplicates_write_groups(struct comparing *c) {
    struct asking *q = c->q;
    struct answer_duplicates *answer = &q->answers->duplicates;
    struct path_names names = heap_graph_names(q->graph);
    if (c->group_count > 1)
        qsort(c->groups, (size_t)c->group_count, sizeof(*c->groups), duplicates_cmp_groups);
    answer->groups = c->group_count;
    uint32_t count =
        c->group_count < DUPLICATE_ROWS_MAX ? (uint32_t)c->group_count : DUPLICATE_ROWS_MAX;
    answer->rows = arena_array(&q->answers->arena, (size_t)count + 1, sizeof(*answer->rows));
    for (uint32_t i = 0; answer->rows && i < count; i++) {
        const struct group *g = &c->groups[i];
        struct reach_object object;
        if (!reach_object_at(c->reach, g->address, &object))
            continue;
        struct duplicate_row *row = &answer->rows[answer->count++];
        *row =
            (struct duplicate_row){.type = asking_keep(q, names.type(names.context, object.type)),
                                   .hash = g->hash,
                                   .length = load_u32(object.data + 8),
                                   .copies = g->copies,
                                   .bytes = g->copies * object.size,
                                   .wasted = g->wasted};
        if (row->type && q->answers->question.contents)
            row->value = duplicates_value_of(q, &object, row->type);
        if (!row->type || (q->answers->question.contents && !row->value))
            return false;
    }
    return answer->rows != NULL;
}

static int duplicates_cmp_types(const void *x, const void *y) {
    const struct duplicate_row *a = x, *b = y;
    if (a->wasted != b->wasted)
        return a->wasted > b->wasted ? -1 : 1;
    return strcmp(a->type, b->type);
}

static bool duplicates_write_types(struct comparing *c) {
    struct answer_duplicates *answer = &c->q->answers->duplicates;
    struct path_names names = heap_graph_names(c->q->graph);
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->reach->type_count; i++)
        count += c->by_type[i].copies != 0;
    answer->types = arena_array(&c->q->answers->arena, (size_t)count + 1, sizeof(*answer->types));
    for (uint32_t i = 0; answer->types && i < c->reach->type_count; i++) {
        if (!c->by_type[i].copies)
            continue;
        struct duplicate_row *row = &answer->types[answer->type_count++];
        *row = c->by_type[i];
        row->type = asking_keep(c->q, names.type(names.context, i));
        if (!row->type)
            return false;
    }
    if (answer->type_count > 1)
        qsort(answer->types, answer->type_count, sizeof(*answer->types), duplicates_cmp_types);
    return answer->types != NULL;
}

bool duplicates_end(struct asking *q, struct err *err) {
    struct comparing c = {.q = q, .reach = &q->graph->reach};
    c.by_type = calloc((size_t)c.reach->type_count + 1, sizeof(*c.by_type));
    bool ok = c.by_type && duplicates_collect(&c) && duplicates_make_groups(&c) &&
              duplicates_write_groups(&c) && duplicates_write_types(&c);
    free(c.candidates);
    free(c.groups);
    free(c.by_type);
    q->answers->answered[QUESTION_DUPLICATES] = ok;
    return ok || err_nomem(err);
}
