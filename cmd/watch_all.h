/* `watch --all` without a PID: every .NET process of a machine, again and again, into a history. */
#ifndef DUMPDIFF_CMD_WATCH_ALL_H
#define DUMPDIFF_CMD_WATCH_ALL_H

#include "cmd/session.h"

/*
 * Goes on until `pause` says that it is enough, or o->watch_count rounds are done (0: without end).
 * What one process does (it ends, is not ours to read, stands still for too long) is told and ends
 * nothing. Errors: ERR_USAGE (nowhere to put them), those of history_open() where there is no
 * spool.
 */
bool watch_all(struct options *o, session_pause *pause, struct err *err) MUST_CHECK;

#endif
