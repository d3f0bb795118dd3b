/*
 * Parts of answers that are made alike from every graph of objects.
 */
#ifndef DUMPDIFF_HEAP_ANSWERS_GRAPH_H
#define DUMPDIFF_HEAP_ANSWERS_GRAPH_H

#include "model/answers.h"
#include "heap/path_tree.h"

/*
 * Answers --path from a tree that holds all nodes. `types` is the number of types that `names`
 * knows; s has PART_TYPES with its live columns. Errors: ERR_NOMEM, ERR_USAGE (the pattern).
 */
bool answer_paths_of_tree(struct answers *a, const struct path_tree *tree,
                          const struct path_names *names, uint32_t types, const struct snapshot *s,
                          struct err *err) MUST_CHECK;

/*
 * Puts rows in their order (types before roots, most references first) and joins those of one
 * holder and field. Returns how many are left.
 */
uint32_t answer_holders_arrange(struct holder_row *rows, uint32_t count);

#endif
