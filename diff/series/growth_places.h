/*
 * Which place of the lined-up tree a node tells. The inside of a container hangs where the dump
 * happened to see it: below the field that holds the container, below a thread that uses it, or
 * below neither, as who refers to it changes from dump to dump. It is one place, whose figures are
 * added up before growth is judged.
 */
#ifndef DUMPDIFF_SERIES_GROWTH_PLACES_H
#define DUMPDIFF_SERIES_GROWTH_PLACES_H

#include "diff/series/growth.h"

/* Is there a class or a field of the program on the way to it? GROWTH_ROOT: no. */
bool growth_is_of_program(const struct growth *g, uint32_t node);

/* Does the way up from `node` lead over `above`? */
bool growth_is_under(const struct growth *g, uint32_t node, uint32_t above);

/* Is the type a part of the framework's container, nested in its type as other parts are? */
bool growth_is_part_of(const char *type, const char *holder);

/* By how much the objects of a node are more. */
int64_t growth_objects(const struct growth *g, uint32_t node);

/*
 * Of what nobody alone holds the holder that is the program's, not below it, and did not multiply,
 * nor what leads to it: GROWTH_ROOT: none is. *ret_edge: by which edge, NULL: not by one.
 */
uint32_t growth_program_holder(const struct growth *g, uint32_t node, const char **ret_edge);

/* The node of (parent, label, type), made when it is new; GROWTH_ROOT when out of memory. */
typedef uint32_t (*growth_node_maker)(void *context, uint32_t parent, const char *label,
                                      const char *type);

/*
 * Moves what tells the place of another node there, with all that is below it. What was moved
 * stays, and was never seen. False: out of memory.
 */
bool growth_join_places(struct growth *g, growth_node_maker node_at, void *context) MUST_CHECK;

#endif
