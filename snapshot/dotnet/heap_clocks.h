/*
 * What time it was in the dump, by what its heap was told last: a dump itself does not say. Each
 * clock is at most some seconds behind, so that what is told of ages is their least.
 *
 * Source: TimerQueue.Portable.cs, Timer.cs; Kestrel's TimeoutControl.cs and
 * DateHeaderValueManager.cs.
 */
#ifndef DUMPDIFF_DOTNET_HEAP_CLOCKS_H
#define DUMPDIFF_DOTNET_HEAP_CLOCKS_H

#include "dotnet/type_names.h"

enum clock_thing { CLOCK_NONE, CLOCK_TIMER, CLOCK_TIMER_QUEUE, CLOCK_TIMEOUT, CLOCK_DATE };

struct heap_clocks {
    struct modules *m;
    uint64_t ticks_ms;    /* Environment.TickCount64; 0: not known */
    uint64_t stamp;       /* Stopwatch.GetTimestamp(); 0: not known */
    uint64_t stamp_rate;  /* [1/s] */
    uint64_t wall_100_ns; /* DateTime.UtcNow.Ticks; 0: not known */
};

/* Is a type, by its name, one whose objects tell the time? */
enum clock_thing heap_clock_thing(struct str type_name);

/* Looks at an object of such a type. */
void heap_clocks_look(struct heap_clocks *c, enum clock_thing thing, uint64_t mt, uint64_t object);

/* [ns] since then; ABSENT: not known, or the future. */
uint64_t heap_clocks_since_ticks(const struct heap_clocks *c, uint64_t ticks_ms);
uint64_t heap_clocks_since_stamp(const struct heap_clocks *c, uint64_t stamp);
uint64_t heap_clocks_since_date(const struct heap_clocks *c, uint64_t date_data);

/*
 * "Sat, 28 Nov 2026 20:03:58 GMT" as ticks of 100 ns since the year 1. false: it is no such date.
 */
bool heap_clock_date(struct str text, uint64_t *ret_100_ns) MUST_CHECK;

#endif
