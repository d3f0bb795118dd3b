/*
 * What ClrMD, the reference reader, found in a dump (tests/e2e/clrmd-peer/Answer.cs prints it),
 * compared with a snapshot of the same dump.
 */
#ifndef DUMPDIFF_TESTS_CLRMD_H
#define DUMPDIFF_TESTS_CLRMD_H

#include "base/str.h"
#include "memory/space.h"
#include "model/parts.h"

struct clrmd_counts {
    uint32_t types, regions, finalizable, ready, threads, handles, locks; /* lines compared */
    bool unnamed; /* said by the caller: names of types are not in the dump, only their sizes are
                     compared */
};

/*
 * Prints each difference and returns their number: every type by generation (both ways), region,
 * finalizable and ready object by type, managed thread, held lock, handles by kind, totals.
 * ret_counts: how much there was to compare, so that a test can tell that it was something.
 */
unsigned clrmd_compare(const struct snapshot *s, struct str answer,
                       struct clrmd_counts *ret_counts);

/* Fails the test unless there are no differences, and as much to compare as was expected. */
void clrmd_agrees(const struct snapshot *s, const char *answer_path,
                  const struct clrmd_counts *expected);

/* The same for the managed stacks, frame by frame. ret_frames: how many there were to compare. */
unsigned clrmd_compare_stacks(const struct snapshot *s, struct str answer, uint32_t *ret_frames);

/*
 * The same for what is in the dump without its heap: every managed thread has its registers, every
 * module lies in an image of its name.
 */
unsigned clrmd_compare_space(const struct space *s, struct str answer, uint32_t *ret_threads,
                             uint32_t *ret_modules);

#endif
