/* Strings, and arrays without references, that are there several times with equal contents. */
#include "base/hash.h"
#include "heap/heap.h"

#include "base/order.h"
#include "base/utf16.h"
#include "base/vec.h"
#include "model/answers.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Different contents of one hash that are told apart; more are counted as not compared. */
#define SAME_HASH_MAX 8u
/* Of contents, when they are wanted. */
#define TEXT_UNITS_SHOWN 60u
#define BYTES_SHOWN      24u

struct candidate {
    uint64_t hash, slot;
};

struct group {
    uint64_t slot; /* of one of them */
    uint64_t hash, copies, wasted;
    uint32_t type;
};

struct comparing {
    struct heap *heap;
    struct answers *answers;
    struct heap_buffer buffers[SAME_HASH_MAX + 1]; /* of those told apart, and of the next one */
    struct candidate *candidates;
    uint64_t count, capacity;
    struct group *groups;
    uint64_t group_count, group_capacity;
    struct duplicate_row *by_type; /* of each type */
};

/* -- Contents ---------------------------------------------------------------------------------- */

static bool duplicates_contents(struct comparing *c, const struct graph_object *object,
                                struct heap_buffer *buffer, struct heap_contents *ret) {
    const struct heap_source *source = c->heap->source;
    return source->contents(source->context, object, buffer, ret);
}

static bool duplicates_add(struct comparing *c, const struct graph_object *object) {
    struct heap_contents contents;
    if (!duplicates_contents(c, object, &c->buffers[0], &contents))
        return true;
    if (!VEC_ROOM(c->candidates, c->count, c->capacity, NULL))
        return false;
    c->candidates[c->count++] =
        (struct candidate){hash_bytes(contents.equal.data, contents.equal.size), object->slot};
    c->answers->duplicates.objects++;
    c->answers->duplicates.bytes += graph_size(&c->heap->graph, object->slot, object->class);
    return true;
}

static bool duplicates_collect(struct comparing *c) {
    const struct graph *g = &c->heap->graph;
    struct graph_object object;
    for (uint64_t slot = 0; graph_next(g, slot, CLASS_OBJECT, &object); slot = object.slot + 1)
        if (g->types[object.class->type].flags & GRAPH_TYPE_CONTENTS &&
            graph_is_met(g, object.rank) && !duplicates_add(c, &object))
            return false;
    return true;
}

static int cmp_candidates(const void *x, const void *y) {
    const struct candidate *a = x, *b = y;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return order_u64(a->slot, b->slot);
}

/* -- Groups ------------------------------------------------------------------------------------ */

struct told_apart {
    struct graph_object first;
    struct bytes bytes;
    uint64_t copies;
};

static bool add_group(struct comparing *c, const struct told_apart *t, uint64_t hash) {
    if (t->copies < 2)
        return true;
    if (!VEC_ROOM(c->groups, c->group_count, c->group_capacity, NULL))
        return false;
    uint64_t size = graph_size(&c->heap->graph, t->first.slot, t->first.class);
    uint64_t wasted = (t->copies - 1) * size;
    c->groups[c->group_count++] =
        (struct group){t->first.slot, hash, t->copies, wasted, t->first.class->type};
    struct answer_duplicates *answer = &c->answers->duplicates;
    struct duplicate_row *type = &c->by_type[t->first.class->type];
    answer->copies += t->copies;
    answer->wasted += wasted;
    type->copies += t->copies;
    type->bytes += t->copies * size;
    type->wasted += wasted;
    type->length++; /* here: groups */
    return true;
}

static bool is_equal(const struct told_apart *t, const struct graph_object *object,
                     struct bytes bytes) {
    return t->first.class->type == object->class->type && t->bytes.size == bytes.size &&
           memcmp(t->bytes.data, bytes.data, bytes.size) == 0;
}

/* Objects of one hash: equal ones are one group. */
static bool compare_run(struct comparing *c, uint64_t from, uint64_t to) {
    struct told_apart apart[SAME_HASH_MAX];
    uint32_t count = 0;
    for (uint64_t i = from; i < to; i++) {
        struct graph_object object;
        struct heap_contents contents;
        if (!graph_object_at(&c->heap->graph, c->candidates[i].slot, CLASS_OBJECT, &object) ||
            !duplicates_contents(c, &object, &c->buffers[count], &contents))
            continue;
        uint32_t k = 0;
        while (k < count && !is_equal(&apart[k], &object, contents.equal))
            k++;
        if (k < count)
            apart[k].copies++;
        else if (count < SAME_HASH_MAX)
            apart[count++] = (struct told_apart){object, contents.equal, 1};
        else
            c->answers->duplicates.not_compared++;
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
    for (size_t i = 0, n; i < count; i += n) {
        uint32_t code;
        n = utf16_next(units + 2 * i, count - i, &code);
        const char *known = code && code < 128 ? strchr(escaped, (int)code) : NULL;
        if (known)
            strbuf_adds(out, escapes[known - escaped]);
        else if (code < 0x20 || (code >= 0x7f && code < 0xa0) || utf16_is_lone(code))
            strbuf_addf(out, "\\u%04" PRIx32, code);
        else
            strbuf_add_utf16(out, (struct bytes){units + 2 * i, 2 * n});
    }
    strbuf_addc(out, '"');
}

/* Beginning of the contents: text, or bytes. */
static const char *duplicates_value_of(struct comparing *c, uint32_t type,
                                       const struct heap_contents *contents) {
    const struct heap_source *source = c->heap->source;
    bool is_text = source->is_text(source->context, type);
    uint64_t length = is_text ? contents->length : contents->data.size, shown = length;
    const uint8_t *data = contents->data.data;
    struct strbuf text;
    strbuf_init(&text);
    if (is_text) {
        shown = shown < contents->data.size / 2 ? shown : contents->data.size / 2;
        shown = shown < TEXT_UNITS_SHOWN ? shown : TEXT_UNITS_SHOWN;
        duplicates_add_escaped(&text, data, (size_t)shown);
    } else {
        shown = shown < BYTES_SHOWN ? shown : BYTES_SHOWN;
        for (uint64_t i = 0; i < shown; i++)
            strbuf_addf(&text, "%02x%s", data[i], i % 4 == 3 && i + 1 < shown ? " " : "");
    }
    if (shown < length)
        strbuf_adds(&text, "\xe2\x80\xa6");
    const char *kept = strbuf_failed(&text) ? NULL : heap_keep(c->answers, strbuf_cstr(&text));
    strbuf_deinit(&text);
    return kept;
}

static int duplicates_cmp_groups(const void *x, const void *y) {
    const struct group *a = x, *b = y;
    if (a->wasted != b->wasted)
        return a->wasted > b->wasted ? -1 : 1;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return order_u64(a->slot, b->slot);
}

static bool duplicates_write_groups(struct comparing *c) {
    struct answers *a = c->answers;
    struct answer_duplicates *answer = &a->duplicates;
    const struct path_names *names = &c->heap->source->names;
    if (c->group_count > 1)
        qsort(c->groups, (size_t)c->group_count, sizeof(*c->groups), duplicates_cmp_groups);
    answer->groups = c->group_count;
    uint32_t count =
        c->group_count < DUPLICATE_ROWS_MAX ? (uint32_t)c->group_count : DUPLICATE_ROWS_MAX;
    answer->rows = arena_array(&a->arena, (size_t)count + 1, sizeof(*answer->rows));
    for (uint32_t i = 0; answer->rows && i < count; i++) {
        const struct group *g = &c->groups[i];
        struct graph_object object;
        struct heap_contents contents;
        if (!graph_object_at(&c->heap->graph, g->slot, CLASS_OBJECT, &object) ||
            !duplicates_contents(c, &object, &c->buffers[0], &contents))
            continue;
        struct duplicate_row *row = &answer->rows[answer->count++];
        *row = (struct duplicate_row){.type = heap_keep(a, names->type(names->context, g->type)),
                                      .hash = g->hash,
                                      .length = contents.length,
                                      .copies = g->copies,
                                      .bytes = g->wasted + g->wasted / (g->copies - 1),
                                      .wasted = g->wasted};
        if (row->type && a->question.contents)
            row->value = duplicates_value_of(c, g->type, &contents);
        if (!row->type || (a->question.contents && !row->value))
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
    struct answer_duplicates *answer = &c->answers->duplicates;
    const struct path_names *names = &c->heap->source->names;
    uint32_t count = 0, types = c->heap->graph.type_count;
    for (uint32_t i = 0; i < types; i++)
        count += c->by_type[i].copies != 0;
    answer->types = arena_array(&c->answers->arena, (size_t)count + 1, sizeof(*answer->types));
    if (!answer->types)
        return false;
    for (uint32_t i = 0; i < types; i++) {
        if (!c->by_type[i].copies)
            continue;
        struct duplicate_row *row = &answer->types[answer->type_count++];
        *row = c->by_type[i];
        row->type = heap_keep(c->answers, names->type(names->context, i));
        if (!row->type)
            return false;
    }
    if (answer->type_count > 1)
        qsort(answer->types, answer->type_count, sizeof(*answer->types), duplicates_cmp_types);
    return true;
}

bool heap_answer_duplicates(struct heap *h, struct answers *a, struct err *err) {
    struct comparing c = {.heap = h, .answers = a};
    c.by_type = calloc((size_t)h->graph.type_count + 1, sizeof(*c.by_type));
    bool ok = c.by_type && duplicates_collect(&c) && duplicates_make_groups(&c) &&
              duplicates_write_groups(&c) && duplicates_write_types(&c);
    for (uint32_t i = 0; i <= SAME_HASH_MAX; i++)
        free(c.buffers[i].data);
    free(c.candidates);
    free(c.groups);
    free(c.by_type);
    a->answered[QUESTION_DUPLICATES] = ok;
    return ok || err_nomem(err);
}
