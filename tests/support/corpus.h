/* The corpus of real transcripts, a folder of shared.h; for the programs of tests/real alone. */
#ifndef DUMPDIFF_SUPPORT_CORPUS_H
#define DUMPDIFF_SUPPORT_CORPUS_H

#include "input/input.h"
#include "tests/support/shared.h"

/* Reads a file of the corpus; false with *err filled when it cannot be read. Deinit the snapshot
 * either way. */
bool corpus_read(const char *name, struct snapshot *snapshot, struct err *err);

/* Counts by a substring of their text how many reasons lower trust. */
unsigned corpus_count_reasons(const struct snapshot *s, const char *part);

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

/* All reasons on stderr, when CORPUS_VERBOSE is set. */
void corpus_print_reasons(const char *name, const struct snapshot *s);

#endif
