/*
 * Who holds what: live objects by type, and the tree of paths that hold them.
 */
#ifndef DUMPDIFF_DOTNET_RETAIN_H
#define DUMPDIFF_DOTNET_RETAIN_H

#include "dotnet/clr_heap.h"
#include "dotnet/threads.h"
#include "dotnet/walk.h"

#define LIVE_PARTS \
    (PART_BIT(PART_LIVE) | PART_BIT(PART_PATHS) | PART_BIT(PART_ASYNC) | \
     PART_BIT(PART_CALLBACKS) | PART_BIT(PART_EXCEPTIONS) | PART_BIT(PART_WORK) | \
     PART_BIT(PART_REQUESTS))

/*
 * Follows the heap from its roots (the walk has filled its graph), fills the parts live, paths,
 * async, callbacks and exceptions, what threads wait for (wait_chains.h), and the live columns of
 * the part types (which is there already), and answers what is asked. What was reached from stacks
 * alone is told apart. Errors: ERR_NOMEM, ERR_LIMIT, ERR_USAGE (a pattern).
 */
bool retain_report(struct clr_heap *h, const struct walk_result *walk,
                   struct managed_threads *threads, struct err *err) MUST_CHECK;

#endif
