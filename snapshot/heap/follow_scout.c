#include "heap/follow_scout.h"

/* Elements that it goes over at a call: it has to catch up. */
#define STEPS 2u
/* Calls that are let pass when each of the references was tried. */
#define REST 256u

/* Compiled for processors that count bits, and once more for others. */
#define SCOUT_INLINE inline __attribute__((always_inline))

/* The group of the object at a slot, and what it is there; NULL: nothing begins there. */
static SCOUT_INLINE const struct graph_group *scout_group(const struct graph *g, uint64_t slot,
                                                          uint32_t *ret_rank, uint32_t *ret_place) {
    if (!graph_is_start(g, slot))
        return NULL;
    *ret_rank = graph_rank(&g->words[slot / 64], slot);
    return graph_group_of(g, *ret_rank, ret_place);
}

/* Asks for the word of a slot, and for the group of one whose word was asked for a while ago. */
static SCOUT_INLINE void scout_ask(struct follow_scout *s, const struct graph *g, uint64_t slot) {
    uint64_t *before = &s->slots[s->slot_count++ % SCOUT_SLOTS];
    uint32_t rank, place;
    __builtin_prefetch(&g->words[slot / 64]);
    const struct graph_group *group = scout_group(g, *before, &rank, &place);
    if (group)
        __builtin_prefetch(group, 1);
    *before = slot;
}

/* Goes on to what the element refers to. */
static SCOUT_INLINE void scout_follow(struct follow_scout *s, const struct graph *g,
                                      uint64_t slot) {
    uint32_t rank, place;
    const struct graph_group *group = scout_group(g, slot, &rank, &place);
    s->lost = !group || !(group->listed >> place & 1) || graph_is_met(g, rank);
    if (!s->lost)
        s->list = graph_list_in(group, place);
}

static SCOUT_INLINE void scout_step(struct follow_scout *s, const struct graph *g) {
    struct graph_cursor cursor;
    uint64_t slot, next = GRAPH_NOWHERE;
    uint32_t edge;
    s->lists[(s->first + s->count++) % SCOUT_AHEAD] = s->list;
    graph_open_list(g, s->list, &cursor);
    for (uint32_t i = 0; i < SCOUT_REFERENCES && graph_reference(&cursor, &slot, &edge); i++) {
        if (i == s->which)
            next = slot;
        else if (slot < g->slot_count)
            scout_ask(s, g, slot);
    }
    scout_follow(s, g, next);
}

/* Begins where the traversal is, with another reference if the one before led nowhere. */
static void scout_begin(struct follow_scout *s, uint32_t list) {
    if (s->lost) {
        s->which = (s->which + 1) % SCOUT_REFERENCES;
        s->rest = ++s->tries % SCOUT_REFERENCES ? 0 : REST;
    }
    s->count = 0;
    s->list = list;
    s->lost = false;
}

static SCOUT_INLINE void scout_go(struct follow_scout *s, const struct graph *g, uint32_t list) {
    if (s->rest) {
        s->rest--;
        return;
    }
    if (!s->count || s->lists[s->first] != list)
        scout_begin(s, list);
    else if (s->count + 1 == SCOUT_AHEAD)
        s->tries = 0; /* it is a chain */
    for (uint32_t i = 0; i < STEPS && s->count < SCOUT_AHEAD && !s->lost; i++)
        scout_step(s, g);
    if (s->count) { /* the first one is the traversal's now */
        s->first = (s->first + 1) % SCOUT_AHEAD;
        s->count--;
    }
}

#ifdef __x86_64__
__attribute__((target("popcnt"))) static void
scout_go_popcnt(struct follow_scout *s, const struct graph *g, uint32_t list) {
    scout_go(s, g, list);
}
#endif

void follow_scout(struct follow_scout *s, const struct graph *g, uint32_t list) {
#ifdef __x86_64__
    if (__builtin_cpu_supports("popcnt")) {
        scout_go_popcnt(s, g, list);
        return;
    }
#endif
    scout_go(s, g, list);
}
