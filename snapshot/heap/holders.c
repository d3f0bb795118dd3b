/* Which types and fields refer to the objects of a type. */
#include "base/hash.h"
#include "heap/answers_graph.h"

#include "base/pages.h"
#include "base/vec.h"
#include "heap/heap.h"
#include "model/builder.h"
#include "model/rows_heap.h"

#include <stdlib.h>

enum { LIVE, GARBAGE };

/* References of one type by one edge. */
struct holder_counter {
    uint32_t type, edge;
    uint64_t references[2], holders[2];
    uint64_t last_source; /* references of an object are met one after the other */
};

struct holders_counting {
    struct heap *heap;
    struct answers *answers;
    bool *takes; /* types asked for */
    struct u64map counter_of_edge;
    struct holder_counter *counters;
    uint32_t counter_count, counter_capacity;
    uint64_t *root_references; /* by label of the root */
    uint32_t root_capacity;
    uint64_t all_holders[2];
};

/* -- Counting ---------------------------------------------------------------------------------- */

static bool holders_choose(struct holders_counting *c, struct builder *b, struct err *err) {
    const struct path_names *names = &c->heap->source->names;
    struct type_pattern p;
    uint32_t count;
    const struct type_row *rows = builder_rows(b, PART_TYPES, &count);
    if (!type_pattern_init(&p, c->answers->question.holders_of, rows, count, err))
        return err_prefix(err, "--holders");
    c->takes = calloc((size_t)c->heap->graph.type_count + 1, sizeof(*c->takes));
    for (uint32_t i = 0; c->takes && i < c->heap->graph.type_count; i++)
        c->takes[i] = type_pattern_takes(&p, names->type(names->context, i));
    type_pattern_deinit(&p);
    return c->takes || err_nomem(err);
}

static bool holders_is_target(const struct holders_counting *c, uint64_t slot) {
    struct graph_object target;
    return graph_object_at(&c->heap->graph, slot, CLASS_OBJECT, &target) &&
           !(target.class->flags & CLASS_BETWEEN) && c->takes[target.class->type];
}

static struct holder_counter *holders_counter(struct holders_counting *c, uint32_t type,
                                              uint32_t edge) {
    uint64_t key = (uint64_t)type << 32 | edge;
    uint32_t number = u64map_get(&c->counter_of_edge, key);
    if (number != STRMAP_NONE)
        return &c->counters[number];
    if (!VEC_ROOM(c->counters, c->counter_count, c->counter_capacity, NULL))
        return NULL;
    if (!u64map_put(&c->counter_of_edge, key, c->counter_count))
        return NULL;
    c->counters[c->counter_count] =
        (struct holder_counter){.type = type, .edge = edge, .last_source = GRAPH_NOWHERE};
    return &c->counters[c->counter_count++];
}

static bool holders_count_object(struct holders_counting *c, const struct graph_object *source) {
    const struct graph *g = &c->heap->graph;
    int which = graph_is_met(g, source->rank) ? LIVE : GARBAGE;
    if (which == GARBAGE && source->class->flags & CLASS_BETWEEN)
        return true;
    struct graph_cursor cursor;
    uint64_t slot;
    uint32_t edge;
    bool any = false;
    graph_open_list(g, graph_list_of(g, source->rank), &cursor);
    while (graph_reference(&cursor, &slot, &edge)) {
        if (!holders_is_target(c, slot))
            continue;
        struct holder_counter *counter = holders_counter(c, source->class->type, edge);
        if (!counter)
            return false;
        counter->references[which]++;
        counter->holders[which] += counter->last_source != source->slot;
        counter->last_source = source->slot;
        any = true;
    }
    c->all_holders[which] += any;
    return true;
}

static bool holders_count_root(struct holders_counting *c, const struct heap_root *root) {
    if (root->label == c->heap->source->unheld_root || !holders_is_target(c, root->slot))
        return true;
    if (root->label >= c->root_capacity) {
        uint32_t more = root->label + 1 - c->root_capacity;
        if (!VEC_ROOM_FOR_PAGES(c->root_references, c->root_capacity, more, c->root_capacity, NULL))
            return false;
    }
    c->root_references[root->label]++;
    return true;
}

static bool holders_count(struct holders_counting *c) {
    const uint32_t flags = CLASS_OBJECT | CLASS_LISTED;
    struct graph_object object;
    for (uint64_t slot = 0; graph_next(&c->heap->graph, slot, flags, &object);
         slot = object.slot + 1)
        if (!holders_count_object(c, &object))
            return false;
    for (uint32_t i = 0; i < c->heap->roots.count; i++)
        if (!holders_count_root(c, &c->heap->roots.items[i]))
            return false;
    return true;
}

/* -- The answer -------------------------------------------------------------------------------- */

static bool holders_name_counters(struct holders_counting *c, struct holder_row *rows) {
    const struct path_names *names = &c->heap->source->names;
    for (uint32_t i = 0; i < c->counter_count; i++) {
        const struct holder_counter *counter = &c->counters[i];
        rows[i] = (struct holder_row){
            .holder = heap_keep(c->answers, names->type(names->context, counter->type)),
            .field =
                heap_keep(c->answers, names->edge(names->context, counter->type, counter->edge)),
            .references = counter->references[LIVE],
            .holders = counter->holders[LIVE],
            .garbage_references = counter->references[GARBAGE],
            .garbage_holders = counter->holders[GARBAGE],
        };
        if (!rows[i].holder || !rows[i].field)
            return false;
    }
    return true;
}

static bool holders_make_rows(struct holders_counting *c, struct answer_holders *answer) {
    const struct path_names *names = &c->heap->source->names;
    uint32_t roots = 0;
    for (uint32_t i = 0; i < c->root_capacity; i++)
        roots += c->root_references[i] != 0;
    struct holder_row *rows = arena_array(&c->answers->arena, (size_t)c->counter_count + roots + 1,
                                          sizeof(struct holder_row));
    if (!rows || !holders_name_counters(c, rows))
        return false;
    uint32_t count = c->counter_count;
    for (uint32_t i = 0; i < c->root_capacity; i++) {
        if (!c->root_references[i])
            continue;
        rows[count] =
            (struct holder_row){.field = heap_keep(c->answers, names->root(names->context, i)),
                                .references = c->root_references[i],
                                .holders = 1};
        if (!rows[count++].field)
            return false;
    }
    answer->rows = rows;
    answer->count = answer_holders_arrange(rows, count);
    return true;
}

static void holders_add_up(const struct holders_counting *c, struct answer_holders *answer) {
    for (uint32_t i = 0; i < c->counter_count; i++) {
        answer->total.references += c->counters[i].references[LIVE];
        answer->total.garbage_references += c->counters[i].references[GARBAGE];
    }
    answer->total.holders = c->all_holders[LIVE];
    answer->total.garbage_holders = c->all_holders[GARBAGE];
    answer->skipped_bytes = c->heap->source->skipped_bytes;
}

bool heap_answer_holders(struct heap *h, struct builder *b, struct answers *a, struct err *err) {
    struct holders_counting c = {.heap = h, .answers = a};
    u64map_init(&c.counter_of_edge);
    bool ok = holders_choose(&c, b, err) &&
              ((holders_count(&c) && holders_make_rows(&c, &a->holders)) || err_nomem(err));
    if (ok)
        holders_add_up(&c, &a->holders);
    u64map_deinit(&c.counter_of_edge);
    free(c.takes);
    free(c.counters);
    pages_free(c.root_references, c.root_capacity * sizeof(*c.root_references));
    a->answered[QUESTION_HOLDERS] = ok;
    return ok && answer_subject_sum(&a->holders.subject, a->question.holders_of,
                                    builder_snapshot(b), err);
}
