/*
 * What a chart shows, before it has a place. Everything is borrowed from whoever made it, and lives
 * as long as the document. ABSENT is no value: a gap.
 */
#ifndef DUMPDIFF_CHARTS_CHART_H
#define DUMPDIFF_CHARTS_CHART_H

#include "base/arena.h"
#include "base/str.h"
#include "model/parts.h"

#define CHART_NONE UINT32_MAX

enum chart_unit { CHART_BYTES, CHART_COUNT };

/* -- Values over the snapshots ------------------------------------------------------------------
 */

struct chart_line {
    const char *name;
    const uint64_t *values; /* [points] */
    uint32_t cause;         /* number of the cause that it is of; CHART_NONE */
    const char *verdict;    /* NULL: none */
    uint32_t type;          /* number of the row of the type that it is of; CHART_NONE */
};

struct chart_lines {
    enum chart_unit unit;
    uint32_t points;           /* snapshots, two at least */
    const char *const *labels; /* [points] their names */
    const uint64_t *times_ns;  /* [points] rising; NULL: not known, they are evenly spaced */
    const struct chart_line *lines;
    uint32_t count;
    bool stacked; /* the values add up */
    bool total;   /* the first line is all there is: the others are parts of it */
};

/* -- Trees: who holds what, who calls what ------------------------------------------------------
 */

struct chart_node {
    uint32_t parent;    /* a lower number; CHART_NONE: a root */
    const char *name;   /* as people say it */
    const char *full;   /* the whole name; NULL: the same */
    uint64_t base, now; /* with all that is below */
};

struct chart_tree {
    enum chart_unit unit;
    bool compared; /* base is known: colours are the difference */
    struct chart_node *nodes;
    uint32_t count;
};

/* -- Map: how large, by group -------------------------------------------------------------------
 */

struct chart_item {
    const char *group, *name, *full;
    uint64_t base, now;
    uint32_t type; /* number of the row that tells of it; CHART_NONE */
};

struct chart_map {
    bool compared;
    struct chart_item *items;
    uint32_t count;
};

/* -- Threads over the snapshots -----------------------------------------------------------------
 */

enum chart_state {
    STATE_ABSENT, /* not there */
    STATE_THERE,  /* no more is known */
    STATE_WAITS,
    STATE_RUNS, /* or did, since the snapshot before */
    STATE_HOT,  /* most of a processor */
    STATES
};

struct chart_moment {
    enum chart_state state;
    const char *text;  /* "1.2 s", "waits" */
    const char *where; /* NULL: not known */
};

struct chart_thread {
    const char *label;
    const char *verdict;                /* what it did over all of them */
    uint32_t thread;                    /* number of its row; CHART_NONE */
    const struct chart_moment *moments; /* [points] */
};

struct chart_threads {
    uint32_t points;
    const char *const *labels; /* [points] */
    const struct chart_thread *threads;
    uint32_t count, others;
};

/* -- Chains: who waits for whom -----------------------------------------------------------------
 */

struct chart_link {
    const char *who;  /* "thread 6:1a58" */
    const char *what; /* what it does or is; NULL */
    const char *why;  /* what it waits for on the way to the next; NULL: the end of the chain */
    uint32_t thread;  /* number of its row; CHART_NONE */
};

struct chart_chain {
    const struct chart_link *links;
    uint32_t count;
    bool circle;     /* the last waits for the first */
    uint32_t others; /* threads that wait for the second, too */
};

enum chart_wait_kind { CHART_THREAD, CHART_LOCK, CHART_THING };

/* Of the picture: who waits, and what for. Each leads to one other at most. */
struct chart_wait {
    enum chart_wait_kind kind;
    const char *who, *what; /* what: NULL: not told */
    uint32_t thread;        /* number of its row; CHART_NONE */
    uint32_t next;          /* number of what it waits for; CHART_NONE: nothing */
    bool circle;            /* one of those that wait for one another */
};

struct chart_chains {
    const struct chart_chain *chains; /* in words */
    uint32_t count, others;
    const struct chart_wait *waits; /* as a picture */
    uint32_t wait_count;
};

enum chart_kind { CHART_LINES, CHART_TREE, CHART_MAP, CHART_THREADS, CHART_CHAINS };

struct chart {
    enum chart_kind kind;
    const char *title;
    const char *summary; /* what it shows, in a sentence, for who does not see it */
    union {
        struct chart_lines lines;
        struct chart_tree tree;
        struct chart_map map;
        struct chart_threads threads;
        struct chart_chains chains;
    };
};

#endif
