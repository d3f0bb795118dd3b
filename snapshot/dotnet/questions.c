#include "dotnet/questions.h"

#include "heap/answers_graph.h"

#include <stdlib.h>
#include <string.h>

static bool asks(const struct asking *q, enum question_kind kind) {
    return q->answers->question.asked[kind];
}

const char *asking_keep(struct asking *q, const char *text) {
    return arena_copy(&q->answers->arena, text, strlen(text));
}

/* -- Watching the traversal -------------------------------------------------------------------- */

static void on_reference(void *context, const struct reach_reference *reference) {
    holders_reference(context, reference);
}

static void on_root(void *context, uint64_t address, uint32_t root) {
    struct asking *q = context;
    if (asks(q, QUESTION_HOLDERS))
        holders_root(q, address, root);
    if (asks(q, QUESTION_RETAINED))
        retained_root(q, address);
}

static void on_object(void *context, uint64_t number, uint32_t node) {
    retained_object(context, number, node);
}

bool asking_begin(struct asking *q, struct heap_graph *g, const struct walk_result *walk,
                  struct answers *answers, struct err *err) {
    *q = (struct asking){.graph = g, .walk = walk, .answers = answers};
    u64map_init(&q->target_mts);
    u64map_init(&q->counter_of_edge);
    if (!answers)
        return true;
    struct reach_input *in = &g->reach.in;
    in->reference_context = q;
    if (asks(q, QUESTION_HOLDERS)) {
        in->on_reference = on_reference;
        if (!holders_begin(q, err))
            return false;
    }
    if (asks(q, QUESTION_HOLDERS) || asks(q, QUESTION_RETAINED))
        in->on_root = on_root;
    if (asks(q, QUESTION_RETAINED))
        in->on_object = on_object;
    return true;
}

/* -- Paths of a type --------------------------------------------------------------------------- */

static bool paths_end(struct asking *q, struct err *err) {
    struct path_names names = heap_graph_names(q->graph);
    return answer_paths_of_tree(q->answers, &q->graph->reach.tree, &names,
                                q->graph->reach.type_count, q->graph->clr->b->snapshot, err);
}

/* -- All of it --------------------------------------------------------------------------------- */

bool asking_end(struct asking *q, struct err *err) {
    if (!q->answers)
        return true;
    struct reach_input *in = &q->graph->reach.in;
    in->on_root = NULL;
    in->on_object = NULL;
    in->on_reference = NULL;
    if (q->nomem)
        return err_nomem(err);
    if (asks(q, QUESTION_PATH) && !paths_end(q, err))
        return false;
    if (asks(q, QUESTION_RETAINED) && !retained_end(q, err))
        return false;
    if (asks(q, QUESTION_DUPLICATES) && !duplicates_end(q, err))
        return false;
    if (asks(q, QUESTION_HOLDERS)) {
        in->on_reference = on_reference;
        if (!holders_end(q, err))
            return false;
        in->on_reference = NULL;
    }
    return true;
}

void asking_deinit(struct asking *q) {
    holders_deinit(q);
    retained_deinit(q);
    u64map_deinit(&q->target_mts);
    u64map_deinit(&q->counter_of_edge);
}
