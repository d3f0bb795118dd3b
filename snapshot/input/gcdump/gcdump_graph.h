/*
 * Who holds what in a .gcdump: the file as a source for heap/.
 *
 * The file names no fields: edges have no names, but those out of arrays are "[]". Its roots are
 * groups ("[static vars]", "[static var List<Basket>.baskets]", "[finalizer Handles]"): nodes of
 * size 0 between the root and the objects. Statics come first, then handles and what else there is,
 * objects ready for their finalizer, local variables last, as in dumps of other kinds.
 */
#ifndef DUMPDIFF_INPUT_GCDUMP_GCDUMP_GRAPH_H
#define DUMPDIFF_INPUT_GCDUMP_GCDUMP_GRAPH_H

#include "input/gcdump/gcdump_heap.h"
#include "input/input.h"

struct gcdump_graph;

/*
 * Reads the objects: counts them (see gcdump_heap_count), and gathers what they refer to.
 *
 * has_garbage  nothing was collected first
 * max_memory   [bytes] for the graph; 0: as much as it takes. Where it takes more, what holds the
 *              objects is not looked for, which is reported
 *
 * NULL: an error. Errors: ERR_NOMEM, ERR_LIMIT.
 */
struct gcdump_graph *gcdump_graph_read(struct gcdump_heap *h, bool has_garbage, uint64_t max_memory,
                                       struct err *err) MUST_CHECK;
void gcdump_graph_free(struct gcdump_graph *g);

/*
 * Fills PART_LIVE, PART_PATHS and the live columns of PART_TYPES, answers what is asked
 * (options->answers), and fills PART_PLACES where options say so. Errors: ERR_NOMEM, ERR_LIMIT,
 * ERR_USAGE (a pattern).
 */
bool gcdump_graph_report(struct gcdump_graph *g, const struct input_options *options,
                         struct err *err) MUST_CHECK;

#endif
