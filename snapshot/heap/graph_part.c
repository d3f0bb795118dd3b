#include "heap/graph_part.h"

#include "base/vec.h"

#include <stdlib.h>

/* When there are PART_OBJECTS, those of the last word may be missing; a hole goes with an object.
 */
#define OBJECTS_MOST (PART_OBJECTS + 128u)
#define PAGE_WORDS   (GRAPH_PAGE_SLOTS / 64)
#define NO_BLOCK     SIZE_MAX
/* Of a page as a rule; more is taken when it is needed. */
#define LISTS_BYTES ((size_t)1 << 18)

bool graph_part_begin(struct graph_part *p, struct graph *g, struct err *err) {
    *p = (struct graph_part){.graph = g, .page = GRAPH_NOWHERE, .block = NO_BLOCK};
    p->lists_room = LISTS_BYTES;
    p->classes = malloc(OBJECTS_MOST * sizeof(*p->classes));
    p->positions = malloc(OBJECTS_MOST * sizeof(*p->positions));
    p->lists = p->at = malloc(p->lists_room);
    p->bases_room = (p->lists_room >> LIST_BLOCK_SHIFT) + 1;
    p->bases = malloc(p->bases_room * sizeof(*p->bases));
    return (p->classes && p->positions && p->lists && p->bases) || err_nomem(err);
}

/* Adds the page up to a word. */
static void graph_part_flush(struct graph_part *p, uint64_t end_word) {
    struct graph_filled filled = {.page = p->page,
                                  .word = p->word,
                                  .end_word = end_word,
                                  .last = p->last,
                                  .end = p->next,
                                  .classes = p->classes,
                                  .count = p->count,
                                  .positions = p->positions,
                                  .list_count = p->list_count,
                                  .lists = p->lists,
                                  .list_bytes = (uint64_t)(p->at - p->lists),
                                  .bases = p->bases,
                                  .references = p->references};
    graph_add_filled(p->graph, &filled);
    p->count = p->list_count = 0;
    p->at = p->lists;
    p->block = NO_BLOCK;
    p->references = 0;
    p->word = end_word;
}

void graph_part_pass(struct graph_part *p) {
    graph_part_flush(p, p->next / 64);
}

static void graph_part_close_page(struct graph_part *p) {
    if (p->page != GRAPH_NOWHERE)
        graph_part_flush(p, (p->page + 1) * PAGE_WORDS);
    p->page = GRAPH_NOWHERE;
}

bool graph_part_turn(struct graph_part *p, uint64_t slot) {
    graph_part_close_page(p);
    if (slot >= p->graph->slot_count || atomic_load(&p->graph->stopped) ||
        p->graph->pages[slot >> GRAPH_PAGE_SHIFT].end)
        return false;
    p->page = slot >> GRAPH_PAGE_SHIFT;
    p->word = p->page * PAGE_WORDS;
    return true;
}

void graph_part_hole(struct graph_part *p, uint64_t slot) {
    p->graph->words[slot / 64].starts |= (uint64_t)1 << (slot % 64);
    p->classes[p->count++] = CLASS_HOLE;
}

bool graph_part_grow(struct graph_part *p, size_t bytes) {
    size_t used = (size_t)(p->at - p->lists), more = bytes + LIST_SLACK;
    /* Places in it are told in 32 bits. */
    if (used > p->graph->memory_limit || more > UINT32_MAX - used)
        return graph_fail(p->graph, false);
    size_t room = p->lists_room;
    if (!VEC_ROOM_FOR(p->lists, used, more, room, NULL))
        return graph_fail(p->graph, true);
    p->at = p->lists + used;
    if (!VEC_ROOM_FOR(p->bases, 0, (room >> LIST_BLOCK_SHIFT) + 1, p->bases_room, NULL))
        return graph_fail(p->graph, true);
    p->lists_room = room; /* not before there are bases for it */
    return true;
}

void graph_part_end(struct graph_part *p) {
    if (p->graph)
        graph_part_close_page(p);
    free(p->classes);
    free(p->positions);
    free(p->lists);
    free(p->bases);
    *p = (struct graph_part){0};
}
