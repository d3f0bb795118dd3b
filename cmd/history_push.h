/* A spool folder: snapshots that wait for their history, one file each. */
#ifndef DUMPDIFF_CMD_HISTORY_PUSH_H
#define DUMPDIFF_CMD_HISTORY_PUSH_H

#include "cmd/history_cmd.h"

/*
 * Keeps a snapshot in the folder, which is made where it is not there: whole or not at all, and on
 * the disk when this returns. Errors: ERR_SYSTEM, ERR_NOMEM.
 */
bool spool_keep(const char *folder, const struct history_key *key, uint64_t requests,
                const struct snapshot *snapshot, struct err *err) MUST_CHECK;

/*
 * Delivers what is in the folder, oldest first, and removes each file when its snapshot is in the
 * history. What is damaged is set aside (FILE.bad) and told. Ends at the first that cannot be
 * delivered; *ret_left: how many wait still. Errors: those of history_add().
 */
bool spool_deliver(struct run *r, const char *folder, uint32_t *ret_left,
                   struct err *err) MUST_CHECK;

#endif
