/* Managed stacks of all threads: from registers and the runtime's explicit frames. */
#ifndef DUMPDIFF_DOTNET_MANAGED_STACKS_H
#define DUMPDIFF_DOTNET_MANAGED_STACKS_H

#include "dotnet/threads.h"

/*
 * Fills the frames of the rows that threads_report has made and their stack pointers in `threads`,
 * and what the finalizer is running.
 * Stacks that could not be followed to their end are counted and warned about. Errors: ERR_NOMEM,
 * ERR_LIMIT (row cap).
 */
bool stacks_report(struct modules *m, struct managed_threads *threads, struct err *err) MUST_CHECK;

#endif
