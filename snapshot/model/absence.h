/*
 * Rows of PART_ABSENCES: why parts, or aspects of them, are not there. See builder_absent.
 */
#ifndef DUMPDIFF_MODEL_ABSENCE_H
#define DUMPDIFF_MODEL_ABSENCE_H

#include "model/parts.h"

/* Takes out the rows about a part. Without rows PART_ABSENCES is not there. */
void absences_forget(struct snapshot *s, enum part part);

/*
 * Takes out the rows that say that all of something is missing which another source has filled
 * after all. Called by builder_finish.
 */
void absences_settle(struct snapshot *s);

#endif
