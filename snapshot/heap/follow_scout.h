/*
 * Runs along a chain of objects ahead of the traversal.
 *
 * Where one object after the other is all that waits (a list of millions), nothing is there whose
 * memory could be asked for beforehand, and what the elements refer to may be anywhere in the heap.
 * So somebody follows the same reference of each element some elements ahead, and asks for what
 * else they refer to. That changes nothing but what is in the cache; gone astray, it costs a little
 * time.
 */
#ifndef DUMPDIFF_HEAP_FOLLOW_SCOUT_H
#define DUMPDIFF_HEAP_FOLLOW_SCOUT_H

#include "heap/graph.h"

/* Elements that it is ahead. */
#define SCOUT_AHEAD 32u
/* References of an element that it looks at. */
#define SCOUT_REFERENCES 4u
/* References whose words were asked for, before their groups are. */
#define SCOUT_SLOTS 8u

struct follow_scout {
    uint32_t lists[SCOUT_AHEAD]; /* of the elements it went over, the first one in front */
    uint32_t first, count;
    uint32_t list;        /* of the next one */
    bool lost;            /* there is no next one: what it followed leads nowhere new */
    uint32_t which;       /* number of the reference that it follows */
    uint32_t tries, rest; /* [count] of chains lost in a row; of calls until the next try */
    uint64_t slots[SCOUT_SLOTS];
    uint32_t slot_count;
};

/*
 * The object with that list is the next to be followed, and hardly any other waits. To be called
 * for each of such objects.
 */
void follow_scout(struct follow_scout *s, const struct graph *g, uint32_t list);

#endif
