/* The corpus of real transcripts, a folder of shared.h; for the programs of tests/real alone. */
#ifndef DUMPDIFF_SUPPORT_CORPUS_H
#define DUMPDIFF_SUPPORT_CORPUS_H

#include "tests/support/shared.h"
#include "model/parts.h"

/* Path of a file of the corpus; fails the test when it is not there. Gives ret_path. */
const char *corpus_path(char ret_path[SHARED_PATH_MAX], const char *name);

/* Reads it; fails the test when it cannot. The snapshot is the caller's. */
void corpus_read(const char *name, struct snapshot *ret_snapshot);

/*
 * Which test answers for a file of the corpus, by the start of its name. Files whose kind belongs
 * to no test yet are named in corpus.c with the reason.
 */
enum corpus_kind {
    CORPUS_UNKNOWN,
    CORPUS_HEAP,
    CORPUS_THREADS,
    CORPUS_UMDH,
    CORPUS_SUMS,
    CORPUS_HEAPTRACK,
    CORPUS_PROFILES,
    CORPUS_PROFILE_TEXT,
    CORPUS_OTHER
};
enum corpus_kind corpus_kind(const char *name);

/*
 * Counts the files of that kind which are not among names[0..count), and prints them on stderr.
 * CORPUS_UNKNOWN: all files whose kind is not known (names are not looked at).
 */
unsigned corpus_count_untested(enum corpus_kind kind, const char *const *names, size_t count);

#endif
