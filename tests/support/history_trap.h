/* Something that happens at the n-th question that a history asks its store. */
#ifndef DUMPDIFF_SUPPORT_HISTORY_TRAP_H
#define DUMPDIFF_SUPPORT_HISTORY_TRAP_H

#include "history/database.h"

/* From now on: before the call-th (from 1) of those that add. One history at a time. */
void trap_set(struct history *h, int call, void (*when)(void));

#endif
