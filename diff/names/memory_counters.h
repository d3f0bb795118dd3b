/*
 * What counters of memory mean: of a container, of the whole process, or of a part of it, and what
 * to do when one grows.
 */
#ifndef DUMPDIFF_NAMES_MEMORY_COUNTERS_H
#define DUMPDIFF_NAMES_MEMORY_COUNTERS_H

#include "base/str.h"

enum memory_counter_kind {
    MEMORY_COUNTER_OTHER,    /* none of memory that is there: a limit, what was ever allocated */
    MEMORY_COUNTER_INSTANCE, /* one of several: a container, a process of a list */
    MEMORY_COUNTER_WHOLE,    /* the process, or what its runtime has of the system */
    MEMORY_COUNTER_PART,     /* something of that */
};

struct memory_counter {
    enum memory_counter_kind kind;
    uint32_t rank;    /* of its kind: the more telling is less */
    const char *what; /* "Container"; "memory of buffers" */
    struct str name; /* of an instance: "till-1"; of a part that is none of the table; else empty */
    const char *next; /* what to do when it grows */
};

/* By its whole name, "container.till-1.memory_bytes". */
struct memory_counter memory_counter_of(const char *name);

#endif
