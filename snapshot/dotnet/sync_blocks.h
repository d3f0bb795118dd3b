/* Monitors: sync blocks, and thin locks met in the heap walk. */
#ifndef DUMPDIFF_DOTNET_SYNC_BLOCKS_H
#define DUMPDIFF_DOTNET_SYNC_BLOCKS_H

#include "dotnet/threads.h"
#include "dotnet/walk.h"

/*
 * Fills the part locks: monitors that are held or waited for; the others are counted in
 * syncblk.total. Adds to locks_held of the owners. Errors: ERR_NOMEM, ERR_LIMIT.
 */
bool locks_report(struct modules *m, const struct walk_result *walk,
                  struct managed_threads *threads, struct err *err) MUST_CHECK;

#endif
