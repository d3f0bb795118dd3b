/*
 * Questions that are answered out of a heap: see model/answers.h.
 *
 * They watch the traversal that tells live objects, and look at the heap once more behind it.
 */
#ifndef DUMPDIFF_DOTNET_QUESTIONS_H
#define DUMPDIFF_DOTNET_QUESTIONS_H

#include "dotnet/heap_graph.h"
#include "dotnet/walk.h"
#include "model/answers.h"

struct holder_counter;

/* An object that was counted, and the node on which it was met. */
struct met_chunk;

struct asking {
    struct heap_graph *graph;
    const struct walk_result *walk;
    struct answers *answers; /* NULL: nothing is asked */
    /* Holders */
    uint8_t *is_target; /* of each type: 0 not known yet */
    uint32_t is_target_count;
    struct u64map target_mts, counter_of_edge;
    struct holder_counter *counters;
    uint32_t counter_count, counter_capacity;
    uint64_t *root_references; /* by number of the root */
    uint32_t root_capacity;
    uint64_t last_source, all_holders[2];
    bool in_garbage;
    /* Dominators */
    struct met_chunk *met;
    uint64_t met_count;
    uint64_t *roots; /* addresses */
    uint64_t root_count, roots_capacity;
    bool nomem;
};

/*
 * To be called between heap_graph_open and heap_graph_follow; answers may be NULL. The types of the
 * heap are in the builder already. Errors: ERR_NOMEM, ERR_USAGE (a pattern that is none).
 */
bool asking_begin(struct asking *q, struct heap_graph *g, const struct walk_result *walk,
                  struct answers *answers, struct err *err) MUST_CHECK;
/* To be called when all was followed and reported. Errors: ERR_NOMEM, ERR_LIMIT. */
bool asking_end(struct asking *q, struct err *err) MUST_CHECK;
void asking_deinit(struct asking *q);

/* -- One file each ----------------------------------------------------------------------------- */

bool holders_begin(struct asking *q, struct err *err) MUST_CHECK;
void holders_reference(struct asking *q, const struct reach_reference *reference);
void holders_root(struct asking *q, uint64_t address, uint32_t root);
bool holders_end(struct asking *q, struct err *err) MUST_CHECK;
void holders_deinit(struct asking *q);

void retained_root(struct asking *q, uint64_t address);
void retained_object(struct asking *q, uint64_t number, uint32_t node);
bool retained_end(struct asking *q, struct err *err) MUST_CHECK;
void retained_deinit(struct asking *q);

bool duplicates_end(struct asking *q, struct err *err) MUST_CHECK;

/* A string of the answers, kept once or more; NULL: out of memory. */
const char *asking_keep(struct asking *q, const char *text);

#endif
