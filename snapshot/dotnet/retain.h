/*
 * Who holds what: live objects by type, and the tree of paths that hold them.
 */
#ifndef DUMPDIFF_DOTNET_RETAIN_H
#define DUMPDIFF_DOTNET_RETAIN_H

#include "dotnet/type_names.h"
#include "dotnet/walk.h"

/*
 * Traverses the heap from its roots and fills the parts live and paths, and the live columns of the
 * part types (which is there already). Roots in order: named statics and thread statics; GC handles
 * and what else holds thread statics; objects ready for finalization; thread stacks, found
 * conservatively. What was reached from stacks alone is told apart.
 *
 * Errors: ERR_NOMEM, ERR_LIMIT.
 */
bool retain_report(struct modules *m, const struct gc_state *gc, const struct walk_result *walk,
                   struct err *err) MUST_CHECK;

#endif
