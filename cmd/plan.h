/* What a run reads against what it writes: nothing of the user's is lost. */
#ifndef DUMPDIFF_CMD_PLAN_H
#define DUMPDIFF_CMD_PLAN_H

#include "cmd/options.h"

/*
 * Is no output a file that the command reads, or another output? By device and inode, so that other
 * names of a file, links and files that are not there yet are seen through. What is read says
 * reads.h; of the trees it is the files at their top.
 *
 * db  the history's file, NULL: none is opened
 *
 * Errors: ERR_USAGE, with the output named; ERR_NOMEM.
 */
bool plan_check(const struct options *o, const char *db, struct err *err) MUST_CHECK;

#endif
