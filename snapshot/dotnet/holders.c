/* Which types and fields refer to the objects of a type. */
#include "dotnet/heap_objects.h"
#include "dotnet/questions.h"

#include "base/num.h"
#include "heap/answers_graph.h"

#include <stdlib.h>
#include <string.h>

enum { LIVE, GARBAGE };

/* References of one type by one edge. */
struct holder_counter {
    uint32_t type, edge;
    uint64_t references[2], holders[2];
    uint64_t last_source; /* references of an object are met one after the other */
};

/* -- Counting ---------------------------------------------------------------------------------- */

bool holders_begin(struct asking *q, struct err *err) {
    struct heap_graph *g = q->graph;
    struct type_pattern p;
    uint32_t count;
    const struct type_row *rows = builder_rows(g->clr->b, PART_TYPES, &count);
    if (!type_pattern_init(&p, q->answers->question.holders_of, rows, count, err))
        return err_prefix(err, "--holders");
    struct strbuf name;
    bool ok = true;
    strbuf_init(&name);
    for (uint32_t i = 0; ok && i < q->walk->type_count; i++) {
        uint64_t mt = q->walk->types[i].mt;
        if (mt == g->clr->free_mt)
            continue;
        strbuf_clear(&name);
        type_name(g->modules, mt, &name);
        if (type_pattern_takes(&p, strbuf_cstr(&name)))
            ok = u64map_put(&q->target_mts, mt, 1);
    }
    ok = (ok && !strbuf_failed(&name)) || err_nomem(err);
    strbuf_deinit(&name);
    type_pattern_deinit(&p);
    return ok;
}

static bool holders_is_target(struct asking *q, uint64_t address) {
    struct reach_object object;
    if (!reach_object_at(&q->graph->reach, address, &object))
        return false;
    if (object.type >= q->is_target_count) {
        uint32_t bigger = object.type * 2 + 256;
        uint8_t *grown = realloc(q->is_target, bigger);
        if (!grown) {
            q->nomem = true;
            return false;
        }
        memset(grown + q->is_target_count, 0, bigger - q->is_target_count);
        q->is_target = grown;
        q->is_target_count = bigger;
    }
    uint8_t *known = &q->is_target[object.type];
    if (!*known)
        *known = u64map_get(&q->target_mts, q->graph->reach.types[object.type].mt) == 1 ? 2 : 1;
    return *known == 2;
}

static struct holder_counter *holders_counter(struct asking *q, uint32_t type, uint32_t edge) {
    uint64_t key = (uint64_t)type << 32 | edge;
    uint32_t number = u64map_get(&q->counter_of_edge, key);
    if (number != STRMAP_NONE)
        return &q->counters[number];
    if (q->counter_count == q->counter_capacity) {
        uint32_t capacity = q->counter_capacity ? q->counter_capacity * 2 : 64;
        struct holder_counter *counters = realloc(q->counters, capacity * sizeof(*counters));
        if (!counters)
            return NULL;
        q->counters = counters;
        q->counter_capacity = capacity;
    }
    if (!u64map_put(&q->counter_of_edge, key, q->counter_count))
        return NULL;
    q->counters[q->counter_count] = (struct holder_counter){.type = type, .edge = edge};
    return &q->counters[q->counter_count++];
}

void holders_reference(struct asking *q, const struct reach_reference *reference) {
    if (q->nomem || !holders_is_target(q, reference->target))
        return;
    struct holder_counter *c = holders_counter(q, reference->source_type, reference->edge);
    if (!c) {
        q->nomem = true;
        return;
    }
    int which = q->in_garbage ? GARBAGE : LIVE;
    c->references[which]++;
    c->holders[which] += c->last_source != reference->source;
    c->last_source = reference->source;
    q->all_holders[which] += q->last_source != reference->source;
    q->last_source = reference->source;
}

void holders_root(struct asking *q, uint64_t address, uint32_t root) {
    if (q->nomem || !holders_is_target(q, address))
        return;
    if (root >= q->root_capacity) {
        uint32_t bigger = root * 2 + 256;
        uint64_t *grown = realloc(q->root_references, bigger * sizeof(*grown));
        if (!grown) {
            q->nomem = true;
            return;
        }
        memset(grown + q->root_capacity, 0, (bigger - q->root_capacity) * sizeof(*grown));
        q->root_references = grown;
        q->root_capacity = bigger;
    }
    q->root_references[root]++;
}

/* -- The answer -------------------------------------------------------------------------------- */

static bool tell_garbage(void *context, const struct reach_object *object) {
    struct asking *q = context;
    if (!reach_is_live(&q->graph->reach, object->address))
        reach_tell(&q->graph->reach, object);
    return !q->nomem;
}

static bool name_counters(struct asking *q, struct holder_row *rows) {
    struct path_names names = heap_graph_names(q->graph);
    for (uint32_t i = 0; i < q->counter_count; i++) {
        const struct holder_counter *c = &q->counters[i];
        rows[i] = (struct holder_row){
            .holder = asking_keep(q, names.type(names.context, c->type)),
            .field = asking_keep(q, names.edge(names.context, c->type, c->edge)),
            .references = c->references[LIVE],
            .holders = c->holders[LIVE],
            .garbage_references = c->references[GARBAGE],
            .garbage_holders = c->holders[GARBAGE],
        };
        if (!rows[i].holder || !rows[i].field)
            return false;
    }
    return true;
}

static bool make_rows(struct asking *q, struct answer_holders *answer) {
    struct path_names names = heap_graph_names(q->graph);
    uint32_t roots = 0;
    for (uint32_t i = 0; i < q->root_capacity; i++)
        roots += q->root_references[i] != 0;
    struct holder_row *rows = arena_array(&q->answers->arena, (size_t)q->counter_count + roots + 1,
                                          sizeof(struct holder_row));
    if (!rows || !name_counters(q, rows))
        return false;
    uint32_t count = q->counter_count;
    for (uint32_t i = 0; i < q->root_capacity; i++) {
        if (!q->root_references[i])
            continue;
        rows[count] = (struct holder_row){.field = asking_keep(q, names.root(names.context, i)),
                                          .references = q->root_references[i],
                                          .holders = 1};
        if (!rows[count++].field)
            return false;
    }
    answer->rows = rows;
    answer->count = answer_holders_arrange(rows, count);
    return true;
}

bool holders_end(struct asking *q, struct err *err) {
    struct answer_holders *answer = &q->answers->holders;
    q->in_garbage = true;
    q->last_source = 0;
    if (!heap_each(q->graph, tell_garbage, q, &answer->skipped_bytes) || q->nomem)
        return err_nomem(err);
    if (!make_rows(q, answer))
        return err_nomem(err);
    for (uint32_t i = 0; i < q->counter_count; i++) {
        answer->total.references += q->counters[i].references[LIVE];
        answer->total.garbage_references += q->counters[i].references[GARBAGE];
    }
    answer->total.holders = q->all_holders[LIVE];
    answer->total.garbage_holders = q->all_holders[GARBAGE];
    q->answers->answered[QUESTION_HOLDERS] = true;
    return answer_subject_sum(&answer->subject, q->answers->question.holders_of,
                              q->graph->clr->b->snapshot, err);
}

void holders_deinit(struct asking *q) {
    free(q->is_target);
    free(q->counters);
    free(q->root_references);
    q->is_target = NULL;
    q->counters = NULL;
    q->root_references = NULL;
}
