/*
 * Reading, apart: what takes raw dumps, processes and packed files to pieces is a process of its
 * own, which has no outputs, and hands over what is to be kept: a snapshot in the format of .snap
 * files, and answers. What becomes of that process is one line of ours: a crash, a file that
 * shrank, no memory.
 */
#ifndef DUMPDIFF_CMD_APART_H
#define DUMPDIFF_CMD_APART_H

#include "base/forked.h"
#include "cmd/options.h"
#include "input/input.h"

/* What is to be read: an argument of the command line without its moment, or a process. */
struct apart {
    const char *argument; /* NULL: the process */
    uint64_t pid;
    bool series;     /* is one among the files of a folder: what is no dump is asked of it, too */
    bool of_no_kind; /* filled in where reading failed: input_is_of_no_kind() */
};

/*
 * [bytes] that reading it may take beside what its files are mapped to, as far as their sizes tell:
 * half of a plain dump, more than any heap of small objects was seen to take; of a packed one
 * twenty times its size, which it may well come to, and be kept in memory. 0: it is read here, in a
 * moment.
 */
uint64_t apart_needs(const struct apart *a);

/* Reading it in a process that is begun and waited for by the caller. All of it is borrowed. */
struct apart_reading {
    struct apart *apart;
    const struct input_options *options;
};

struct forked_job apart_job(struct apart_reading *reading);
/*
 * What came of that, ended and out being those of the job. Errors: as apart_read().
 */
bool apart_taken(const struct apart_reading *reading, enum forked_end ended,
                 const struct strbuf *out, struct snapshot *snapshot, struct err *err) MUST_CHECK;
/* In this process. Errors: as apart_read(). */
bool apart_read_here(struct apart *a, const struct input_options *options,
                     struct snapshot *snapshot, struct err *err) MUST_CHECK;

/*
 * As input_read() and input_read_process(), with their errors; options->answers are filled in.
 * Snapshots (what comes back from elsewhere is read the same way) and plain text are read here.
 * Errors: also ERR_IO (it shrank), ERR_NOMEM (its process took too much), ERR_SYSTEM (no process),
 * ERR_LIMIT (it crashed: a mistake of ours).
 */
bool apart_read(struct apart *a, const struct input_options *options, struct snapshot *snapshot,
                struct err *err) MUST_CHECK;

/* As input_learn(), of the arguments of the command line. Errors: those, and those above. */
bool apart_learn(const struct options *o, struct strbuf *json, struct strbuf *told,
                 struct strbuf *name, struct err *err) MUST_CHECK;

/*
 * Does work in a process of its own, within memory that goes by max_memory ([bytes], 0: by what is
 * free), and adds what it writes to *out. what: is read, for messages.
 * Errors: those that apart_read() has of its own.
 */
bool apart_run(forked_work *work, void *context, const char *what, uint64_t max_memory,
               struct strbuf *out, struct err *err) MUST_CHECK;

#endif
