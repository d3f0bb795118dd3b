/* Is there anything in a snapshot that a rule could be asked about? */
#ifndef DUMPDIFF_MODEL_USABLE_H
#define DUMPDIFF_MODEL_USABLE_H

#include "model/parts.h"

/* Of any part but where the dump comes from, and what is missing. */
bool snapshot_says_something(const struct snapshot *s);

#endif
