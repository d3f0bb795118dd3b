/*
 * How far a long work is: whoever does it counts, in whatever process, and whoever waits for it
 * looks. Counts are steps of a window or a block, never of a row.
 */
#ifndef DUMPDIFF_BASE_METER_H
#define DUMPDIFF_BASE_METER_H

#include <stdatomic.h>
#include <stdint.h>

enum meter_work {
    METER_READING,   /* nobody counts yet */
    METER_UNPACKING, /* [bytes] of the packed file */
    METER_WALKING,   /* [bytes] of the heap */
    METER_HOLDERS,   /* who holds what; not counted */
    METER_WORKS
};

struct meter {
    atomic_uint work;
    atomic_uint_least64_t done, total; /* [bytes] total 0: not known */
};

/* So many readings are counted apart; the next one takes the meter of the oldest. */
#define METERS_MAX 64u

/*
 * A meter that this process and those forked from now on count in, and that starts at nothing; what
 * was forked before goes on in its own. NULL: there is none, and nobody counts.
 */
struct meter *meter_open(void);

/* From now on this is done, of so many bytes (0: not known, or not counted). */
void meter_begin(enum meter_work work, uint64_t total);
/* So many bytes more, of those that were begun. */
void meter_add(uint64_t bytes);
/* So many bytes altogether. */
void meter_set(uint64_t bytes);

#endif
