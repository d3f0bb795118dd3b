/*
 * The process beside its managed heap: the rows of its memory, modules, handles and counters.
 * snapshot.h says how absent figures and texts are kept.
 */
#ifndef DUMPDIFF_MODEL_ROWS_PROCESS_H
#define DUMPDIFF_MODEL_ROWS_PROCESS_H

#include "model/parts.h"

enum memory_by {
    MEMORY_BY_USAGE,
    MEMORY_BY_STATE,
    MEMORY_BY_TYPE,
    MEMORY_BY_PROTECT,
    MEMORY_LARGEST,
    MEMORY_BY_BASE /* private committed bytes of one allocation (Windows): what grew, by address */
};

struct memory_row {
    uint64_t
        by; /* enum memory_by; MEMORY_LARGEST: largest region of a usage ("Free": largest_free) */
    const char
        *key; /* "Heap", "MEM_COMMIT", "gc-heap", ... as the source says, without "RegionUsage" */
    uint64_t regions;
    uint64_t bytes;
    uint64_t private_bytes; /* [bytes] ABSENT where the source has no such column */
};

struct module_row {
    const char *name; /* file name */
    const char *path;
    const char *version;
    const char *id; /* build-id, MVID or timestamp+size, hex */
    uint64_t base, size;
};

struct native_heap_row {
    uint64_t address;
    const char *name;
    uint64_t reserved, committed, virtual_bytes, free_bytes; /* [bytes] */
    uint64_t external_fragmentation;                         /* [percent] where reported */
};

struct os_handle_row {
    const char *type; /* "Event", "File", "Thread", ... */
    uint64_t count;
};

struct counter_row {
    const char *name; /* dotted: "threadpool.workers_running" */
    uint64_t value;
    const char *unit; /* "bytes", "count", "percent", ... */
};

/* HTTP requests without an answer yet that are alike. */
struct request_row {
    const char *direction; /* REQUEST_IN, REQUEST_OUT */
    const char *state;     /* REQUEST_RUNNING, ... */
    const char *method;    /* "GET" */
    const char *host;      /* "api.shop:443"; of those that come in ":443", the port they came to */
    const char *path;      /* the pattern of its route, or the path with what is particular as {} */
    uint64_t count;        /* [count] */
    uint64_t oldest_ns;    /* how long the oldest of them takes, at least; ABSENT: not known */
};

#endif
