/*
 * A sick .NET program at two moments, as two dumps of createdump, each with what ClrMD said of it:
 * its finalizer waits for ever, one thread spins, one holds a lock for which another waits.
 */
#ifndef DUMPDIFF_TESTS_DUMP_PAIR_H
#define DUMPDIFF_TESTS_DUMP_PAIR_H

#include "tests/support/clrmd.h"

#define DUMP_PAIR_PATH_MAX 512

struct dump_pair {
    char dump[2][DUMP_PAIR_PATH_MAX], answer[2][DUMP_PAIR_PATH_MAX];
    /* Folder of files of the runtime; empty: none. */
    char symbols[DUMP_PAIR_PATH_MAX];
    /* How much there was for ClrMD to say, so that a comparison with nothing is none. */
    struct clrmd_counts counts[2];
    uint32_t frames[2], modules;
    uint32_t beyond[2]; /* [threads] of which ClrMD shows no frames, though they are there */
    const char *runtime, *gc_mode;
    const char *partial; /* NULL: the dumps are exact; else what alone is not */
    /* The process */
    const char *process;
    uint64_t pid;
    uint32_t threads; /* of the operating system */
    /* Threads: by their managed ids */
    uint64_t finalizer_os_id;
    const char *running; /* the finalizer that waits for ever */
    uint64_t spinner;
    const char *spinner_name, *spinner_modes[2];
    uint64_t holder, holder_os_id;
    const char *holder_name, *lock; /* and the type of the object that it holds */
};

/* Reads one of the two; fails the test when it cannot. The snapshot is the caller's. */
void dump_pair_read(const struct dump_pair *pair, int which, struct snapshot *ret_snapshot);

/* Each fails the test where a dump says otherwise. */
void dump_pair_heaps_agree(const struct dump_pair *pair);
void dump_pair_stacks_agree(const struct dump_pair *pair);
void dump_pair_spaces_agree(const struct dump_pair *pair);
void dump_pair_finalizer_is_stuck(const struct dump_pair *pair);
void dump_pair_lock_names_its_owner(const struct dump_pair *pair);

#endif
