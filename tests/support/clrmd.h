/*
 * What ClrMD, the reference reader, found in a dump (see ../shared/fixtures/README.md), compared
 * with a snapshot of the same dump.
 */
#ifndef DUMPDIFF_TESTS_CLRMD_H
#define DUMPDIFF_TESTS_CLRMD_H

#include "base/str.h"
#include "model/snapshot.h"

struct clrmd_counts {
    uint32_t types, regions, finalizable, ready, threads, handles, locks; /* lines compared */
};

/*
 * Prints each difference and returns their number: every type by generation (both ways), region,
 * finalizable and ready object by type, managed thread, held lock, handles by kind, totals.
 * ret_counts: how much there was to compare, so that a test can tell that it was something.
 */
unsigned clrmd_compare(const struct snapshot *s, struct str answer,
                       struct clrmd_counts *ret_counts);

#endif
