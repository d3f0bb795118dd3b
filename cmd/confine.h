/* The sandbox of a run: which files and folders this command line may touch. */
#ifndef DUMPDIFF_CMD_CONFINE_H
#define DUMPDIFF_CMD_CONFINE_H

#include "cmd/options.h"

/*
 * Locks the process into what the command line asks for, unless it says --no-sandbox: called when
 * options are known and inputs found, before the first byte of a dump is read. A lock
 * that the kernel refuses is said on standard error, and the run goes on.
 *
 * db      the history's file, NULL: none is opened
 * server  the socket of the history's server, -1: there is none
 *
 * What this kernel does not have, for the notes of a report; NULL: all that is wanted.
 */
const char *confine(const struct options *o, const char *db, int server);

/*
 * The same for who only looks at what /proc says of others, which Landlock would hide; neither
 * their memory nor any call into them is let through.
 */
void confine_ps(const struct options *o);

#endif
