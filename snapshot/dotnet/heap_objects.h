/* Every object of the heap, live or not. */
#ifndef DUMPDIFF_DOTNET_HEAP_OBJECTS_H
#define DUMPDIFF_DOTNET_HEAP_OBJECTS_H

#include "dotnet/heap_graph.h"

/*
 * Calls visit for all objects in the order of their addresses, free space left out; it returns
 * false to end the walk, which is then what heap_each returns. What makes no sense is skipped up to
 * the next live object or allocation context; *ret_skipped_bytes says how much that was.
 */
bool heap_each(struct heap_graph *g, bool (*visit)(void *context, const struct reach_object *),
               void *context, uint64_t *ret_skipped_bytes) MUST_CHECK;

#endif
