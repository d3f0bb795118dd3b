/*
 * --open: the report of a run in a browser. Who opens it is a process of its own, made before the
 * run locks itself in, which then only waits to hear that the report is there; a run that ends
 * otherwise ends it.
 */
#ifndef DUMPDIFF_CMD_OPENER_H
#define DUMPDIFF_CMD_OPENER_H

#include "cmd/options.h"

struct opener {
    char *path; /* of the report; NULL: nothing is to be opened */
    int told;   /* the end of a pipe that the process listens to; -1: there is none */
};

#define OPENER_NONE ((struct opener){NULL, -1})

/*
 * Where --open is given: adds an output in the cache folder ($XDG_CACHE_HOME/dumpdiff, else
 * ~/.cache/dumpdiff, made when it is not there) and starts the process that waits. To be called
 * before inputs are read, and ended either way. Errors: ERR_SYSTEM, ERR_USAGE (no home), ERR_NOMEM.
 */
bool opener_begin(struct opener *opener, struct options *o, struct err *err) MUST_CHECK;

/* The report is there: it is opened, and where it is is said. */
void opener_open(struct opener *opener);

/* Ends the process where it still waits. */
void opener_end(struct opener *opener);

#endif
