/* What a command line reads: the one list, by which it is locked in and its outputs are held. */
#ifndef DUMPDIFF_CMD_READS_H
#define DUMPDIFF_CMD_READS_H

#include "cmd/options.h"

enum read_kind {
    READ_FILE, /* with what lies beside it (thread times, its symbol file) */
    READ_TREE, /* a folder in which files that a dump names are looked for */
};

/* Errors: its own; it may keep path only until it returns. */
typedef bool reads_visit(void *context, const char *path, enum read_kind kind, struct err *err);

/*
 * Visits the dumps (a moment's file, each of `a+b`, a folder and its files), --threads, --list,
 * --config, --budget, the history with what SQLite keeps beside it, --symbols and --sysroot. What
 * cannot be listed cannot be read either, as its reader will say.
 *
 * db  the history's file, NULL: none is opened
 *
 * Errors: those of the visit; ERR_NOMEM.
 */
bool reads_each(const struct options *o, const char *db, reads_visit *visit, void *context,
                struct err *err) MUST_CHECK;

#endif
