/*
 * A layer between SQLite and the files that counts what changes them, and at the n-th change does
 * not do it: the process is killed there, or is told from then on that the disk is full.
 */
#ifndef DUMPDIFF_SUPPORT_SQLITE_TRAP_H
#define DUMPDIFF_SUPPORT_SQLITE_TRAP_H

#include <stdbool.h>

/* For files opened from now on. changes: until it happens, 1: the next; 0: never. */
void sqlite_trap_set(int changes, bool kills);
void sqlite_trap_remove(void);

#endif
