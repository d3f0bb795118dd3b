/* Arguments that stand in a file (--list) or lie in a folder (--series), and what they name. */
#ifndef DUMPDIFF_CMD_INPUTS_H
#define DUMPDIFF_CMD_INPUTS_H

#include "cmd/options.h"

/* What the arguments that were found point into. */
struct inputs {
    struct arena arena;
};

/*
 * Appends to o->arguments the lines of o->list (blank ones and '#' left out; relative to the folder
 * of the list), and the files of o->series by name (numbers in them by what they are: 2 before 10),
 * hidden ones and thread times left out.
 * Errors: ERR_IO, ERR_USAGE (too many), ERR_NOMEM.
 */
bool inputs_find(struct inputs *in, struct options *o, struct err *err) MUST_CHECK;
void inputs_deinit(struct inputs *in);

/*
 * "log.txt@3": 3, the third moment of log.txt, unless a file has that name. 0: none is named, and
 * the path is the argument.
 */
uint64_t inputs_moment(const char *argument, struct str *ret_path);

#endif
