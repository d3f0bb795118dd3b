/*
 * A lock that a process puts on itself before it reads what strangers wrote: from then on it may
 * read files, write below the folders that were named, and nothing else. Two locks of the kernel's
 * make it: Landlock (which paths) and seccomp (which calls).
 *
 * Sources: Landlock, Documentation/userspace-api/landlock.rst; libseccomp, seccomp_rule_add(3).
 */
#ifndef DUMPDIFF_BASE_SANDBOX_H
#define DUMPDIFF_BASE_SANDBOX_H

#include "base/err.h"
#include "base/str.h"

/* What a run needs beside reading files and making temporary ones that have no name. */
enum sandbox_use {
    SANDBOX_OUTPUTS = 1,  /* files that get a name */
    SANDBOX_DATABASE = 2, /* files that are changed in place */
    SANDBOX_PROCESS = 4,  /* other processes, looked into */
    SANDBOX_SERVER = 8,   /* a socket that was connected before */
};

/* Processes that a locked one forks, each with a tighter lock. */
enum sandbox_child {
    SANDBOX_READER, /* reads files and processes, forks workers, makes temporary files: no outputs
                     */
    SANDBOX_WORKER, /* only works out an answer: writes no file, starts no process, sends no signal
                     */
};

struct sandbox {
    int ruleset;      /* Landlock's; -1: none */
    int readers;      /* what readers may write */
    uint32_t version; /* of Landlock; 0: this kernel has none, or it is not wanted */
    bool wanted;      /* paths are to be fenced */
};

/*
 * paths  is Landlock wanted? Not for SANDBOX_PROCESS: it hides other processes. Where the kernel
 *        has none, the rest is locked all the same.
 */
void sandbox_init(struct sandbox *s, bool paths);
/* What is at or below path may be read, or written too. What is not there is passed over. */
void sandbox_allow_read(struct sandbox *s, const char *path);
void sandbox_allow_write(struct sandbox *s, const char *path);
/* A folder for temporary files, which readers have, too. */
void sandbox_allow_temporary(struct sandbox *s, const char *path);

/*
 * Locks this process and those that it forks, for good. In builds with a sanitizer nothing happens:
 * they need more than we do.
 *
 * uses  SANDBOX_* bits
 *
 * Errors: ERR_SYSTEM (the kernel does not let us, and nothing or one half is locked), ERR_NOMEM.
 * Whatever comes of it, s holds no descriptor afterwards.
 */
bool sandbox_enter(struct sandbox *s, uint32_t uses, struct err *err) MUST_CHECK;

/* What is open there is none of the business of processes that are forked: they close it. -1: none.
 */
void sandbox_keep_from_children(int fd);

/*
 * For a process that was forked: where its parent is locked, a tighter lock of its own. false: it
 * could not be had.
 */
bool sandbox_enter_child(enum sandbox_child child) MUST_CHECK;

/*
 * After sandbox_enter(): does the kernel know no Landlock, so that calls are fenced and paths are
 * not? It would have to be wanted.
 */
bool sandbox_lacks_paths(const struct sandbox *s);

/* Appends which locks this build and this kernel have, in a few words. */
void sandbox_describe(struct strbuf *out);

#endif
