/*
 * Two or more snapshots of the same program in time order, lined up; one snapshot for `show`.
 */
#ifndef DUMPDIFF_SERIES_SERIES_H
#define DUMPDIFF_SERIES_SERIES_H

#include "base/arena.h"
#include "base/str.h"
#include "model/parts.h"

enum verdict {
    VERDICT_NONE, /* one snapshot, or not to be judged (Free) */
    VERDICT_STABLE,
    VERDICT_SMALL,      /* changed by its own measure, but too little for the floor of the whole */
    VERDICT_GROWING,    /* two snapshots; of more, what no rule judges: garbage, committed memory */
    VERDICT_SHRINKING,  /* two snapshots only */
    VERDICT_LEAK,       /* grows at every step, each step above the floor */
    VERDICT_SATURATING, /* each step smaller, the last at most half the first: a filling cache */
    VERDICT_STEP,       /* one jump, then flat */
    VERDICT_INCONCLUSIVE,
};
extern const char *const verdict_names[];

enum thread_state {
    THREAD_RUNNING,
    THREAD_RUNAWAY,
    THREAD_UNCHANGED,
    THREAD_NOT_RECORDED,
    THREAD_NEW,
    THREAD_GONE,
    THREAD_NOT_LISTED, /* in the first or the last, but not in both: that list may go on, or lacks
                          rows */
    THREAD_STATES
};
extern const char *const thread_state_names[THREAD_STATES];
/* The same in sentences: "not recorded". Never NULL. */
const char *thread_state_text(enum thread_state state);

enum thread_evidence { EVIDENCE_NONE, EVIDENCE_CPU, EVIDENCE_SWITCHES, EVIDENCE_MEMORY };
extern const char *const thread_evidence_names[];

/* What rules judge by floors of their own, so that a verdict and a finding never disagree. */
enum series_needs {
    NEED_NOTHING, /* no rule judges it: its verdict is never VERDICT_LEAK */
    NEED_HANDLES,
    NEED_OS_HANDLES,
    NEED_MODULES,
    NEED_COUNTERS,
    NEED_STACKS,
    NEED_COUNT
};
struct series_need {
    double percent; /* of itself in the base; of stacks: of all that is outstanding there */
    uint64_t least; /* in its own unit */
};

struct series_options {
    bool exact_names; /* do not normalise compiler-generated names */
    bool full_paths;  /* findings tell every step of a path */
    uint64_t
        floor_bytes; /* below this growth a step is not growth; ABSENT: from floor_permille_* */
    uint64_t floor_objects;
    double floor_heap_percent;            /* default 0.5: of what lives in the base */
    double floor_self_percent;            /* default 5: of the type itself */
    struct series_need needs[NEED_COUNT]; /* of what rules judge, as limits_apply() sets it */
    double runaway_share; /* default 0.9: CPU used a wall second from which a thread is a runaway */
    uint64_t runaway_min_ns; /* default 1 s */
    double per;              /* requests or iterations between first and last; 0: not told */
    const char *new_file; /* name of the newest dump, for commands in next steps; NULL: not told */
};

/* What the verdict on a type was judged on. */
enum series_basis {
    BASIS_ALL,    /* all objects in the heap, garbage included */
    BASIS_MATURE, /* gen2, LOH, POH and frozen, beside all: garbage included, but little of it */
    BASIS_LIVE,   /* objects that something holds */
};

/*
 * Least growth that counts, over all steps. Percentages and absolute floors hold together; a floor
 * of 0 asks for any growth at all.
 */
struct series_floors {
    uint64_t bytes, objects;
    double heap_percent, self_percent; /* of what lives in the base; of the type's own base bytes */
};

struct series_type {
    const char *name; /* as shown: as the sources have it, normalised where they differ */
    const char *module;
    /*
     * [count of snapshots]; ABSENT in a snapshot that has no types at all, or not all of them and
     * none of this name: series_type_unlisted() tells how much it may be
     */
    struct cell *totals;
    /*
     * [count of snapshots] the row of that snapshot, or the sum of its rows that have this name;
     * NULL: none.
     */
    const struct type_row **rows;
    /* [count of snapshots]; ABSENT where not known. Shared by all types when nothing knows. */
    uint64_t *live_objects, *live_bytes;
    /*
     * Last minus first; 0 unless both have types. Where one of them may have it without a row: by
     * so much at least.
     */
    int64_t objects_delta, bytes_delta;
    int64_t held_delta;        /* [bytes] by which what its objects hold grew where most of them are
                                  added, themselves included; 0: not known */
    enum verdict held_verdict; /* of their number there */
    enum verdict verdict;
    enum series_basis basis;
    bool is_free;
};

struct series_thread {
    uint64_t os_id;
    const char *name;
    const struct thread_row **rows; /* [count of snapshots]; NULL where it is not there */
    enum thread_state state;
    enum thread_evidence evidence;
    uint64_t cpu_delta_ns; /* user + kernel, last minus first; ABSENT: not recorded */
    uint64_t user_delta_ns, kernel_delta_ns;
    uint64_t switches_delta;
    uint64_t run_delay_delta_ns; /* wanted to run, and had no processor; ABSENT: not recorded */
    uint64_t same_stack;         /* 1, 0, or ABSENT where a stack is missing */
    /* Of three dumps or more: between the last two it did not run, at one place; or no more than it
       takes to be woken now and then. */
    bool rests, dozes;
};

/* -- Values: numbers under a name -------------------------------------------------------------- */

/*
 * A group is one reading of the rows of a part: THE table of groups is in value_table.c. In the
 * order of reports: by part, then by name. Unless said otherwise, values are bytes and there are no
 * counts.
 */
enum series_group {
    GROUP_TYPES_FREE,       /* free space by generation; counts: stretches of it */
    GROUP_TYPES_GENERATION, /* all types by generation; counts: objects */
    GROUP_TYPES_TOTAL,      /* VALUE_HEAP */
    GROUP_HEAPS_FREE,       /* free space by generation, summed over the GC's heaps */
    GROUP_HEAPS_GENERATION, /* the same of all */
    GROUP_HEAPS_HEAP,       /* VALUE_HEAPS_ALLOCATED, ... */
    GROUP_REGIONS_COMMITTED,
    GROUP_REGIONS_KIND, /* allocated; counts: regions */
    GROUP_GC,           /* VALUE_GC_ALLOCATED, ... */
    GROUP_FINALIZER, /* VALUE_READY, ..., and finalizable objects by generation; values: objects */
    GROUP_HANDLES_KIND,   /* of the objects referred to; counts: handles */
    GROUP_MEMORY_BASE,    /* private committed memory by allocation; counts: regions, as of all of
                             these */
    GROUP_MEMORY_LARGEST, /* the largest region of a usage */
    GROUP_MEMORY_PROTECT,
    GROUP_MEMORY_STATE,
    GROUP_MEMORY_TYPE,
    GROUP_MEMORY_USAGE,
    GROUP_MODULES,          /* counts only: VALUE_MODULES_LOADED, ... */
    GROUP_COUNTERS,         /* values in the unit of the counter */
    GROUP_LOADER_KIND,      /* counts: heaps */
    GROUP_NATIVE_HEAPS,     /* committed; counts: heaps */
    GROUP_LIVE,             /* VALUE_LIVE, ... */
    GROUP_OS_HANDLES_TYPE,  /* counts only */
    GROUP_ASYNC_METHOD,     /* by method and await; counts: state machines */
    GROUP_CALLBACKS,        /* by kind, type and method; counts: of them */
    GROUP_EXCEPTION_THROWN, /* by type, method that threw and class of messages; counts: objects,
                               garbage too */
    GROUP_EXCEPTION_TYPE,   /* the same by type alone */
    GROUP_WORK,             /* by method or type; counts: items of all queues */
    GROUP_REQUESTS,         /* by direction, method, host and path; counts: requests */
    GROUP_COUNT
};

/* Values whose name is known beforehand. Those of open groups are there only where a dump has them.
 */
enum series_value_id {
    VALUE_HEAP, /* all types; counts: objects */
    VALUE_HEAPS_ALLOCATED,
    VALUE_HEAPS_COMMITTED,
    VALUE_GC_ALLOCATED, /* as the source says, not a sum of ours */
    VALUE_GC_COMMITTED,
    VALUE_GC_SKIPPED,
    VALUE_READY,       /* [count] objects that wait for their finalizer to run */
    VALUE_FINALIZABLE, /* [count] objects that have one */
    VALUE_LARGEST_FREE,
    VALUE_STATE_COMMITTED,
    VALUE_STATE_FREE,
    VALUE_MEMORY_IMAGE,
    VALUE_MEMORY_MAPPED,
    VALUE_USAGE_GC_HEAP,
    VALUE_USAGE_GC_BOOKKEEPING,
    VALUE_USAGE_LOADER_JIT,
    VALUE_USAGE_STACK,
    VALUE_USAGE_IMAGE,
    VALUE_USAGE_MAPPED_FILE,
    VALUE_USAGE_NATIVE,
    VALUE_USAGE_UNACCOUNTED,
    VALUE_MODULES_LOADED,
    VALUE_MODULES_DYNAMIC, /* made at run time */
    VALUE_QUEUE_LENGTH,    /* [count] work items that wait for the thread pool */
    VALUE_THREADS_DEAD,    /* [count] */
    VALUE_LEAK_DEFINITE,   /* that a leak checker sums up itself */
    VALUE_PRIVATE_BYTES,   /* as the process or the system counts them */
    VALUE_ANONYMOUS_BYTES,
    VALUE_RSS_BYTES,
    VALUE_WORKING_SET,
    VALUE_LIVE, /* counts: objects, as of garbage */
    VALUE_GARBAGE,
    VALUE_LIVE_FROZEN,
    VALUE_LIVE_STACK_ONLY,
    VALUE_IDS
};

struct series_value {
    enum series_group group;
    const char *name;     /* never NULL */
    uint64_t *values;     /* [count of snapshots]; ABSENT where there is no such row */
    uint64_t *counts;     /* [count of snapshots]; ABSENT where the group has none */
    enum verdict verdict; /* on the values, else on the counts */
};

/* Keys of a group's values in JSON; NULL: not said there. */
struct series_value_keys {
    const char *name, *values, *values_delta, *counts, *counts_delta;
};

struct series_group_desc {
    enum part part;
    const char *name; /* in CSV, and in metrics of the history */
    struct series_value_keys json;
};
/* Static, never NULL. */
const struct series_group_desc *series_group_desc(enum series_group group);

/* The values of one group, by name; borrowed from the series. */
struct series_values {
    const struct series_value *items;
    uint32_t count;
};

/*
 * What is allocated and not freed by one stack. Frames are folded where they repeat (recursion).
 * Where a snapshot does not count allocations, or bytes, none of its stacks has that figure.
 */
/*
 * A stack by the lines of its source: those move from build to build, so that stacks are lined up
 * without them.
 */
struct series_lines {
    struct strings places; /* one a frame, "src/fill.c:40" or ""; empty: of some that say none */
    struct cell *totals;   /* [count of snapshots] outstanding, as of stacks */
    struct cell *ever;     /* as of stacks */
};

struct series_stack {
    struct strings frames;      /* innermost first, of the newest snapshot */
    struct series_lines *lines; /* most of its growth first; all together make the stack */
    uint32_t line_count;        /* 0: no snapshot says lines */
    uint32_t self;       /* the first that is no allocator: who allocates; < frames.count or 0 */
    const char *module;  /* that it is put down to: as the source says, else that of `self` */
    struct cell *totals; /* [count of snapshots] outstanding */
    struct cell *ever;   /* [count of snapshots] ever allocated; NULL: no snapshot tells */
    bool *seen;
    int64_t count_delta, bytes_delta;
    enum verdict verdict;
    uint64_t size_each;       /* [bytes] where all its allocations are of that size; ABSENT */
    uint64_t peak_bytes;      /* in the newest snapshot that has it; ABSENT */
    uint64_t oldest_ns;       /* [ns] age of its oldest allocation there; ABSENT */
    uint64_t temporary_count; /* there ever allocated and freed at once; ABSENT */
};

/* Outstanding allocations summed up. */
enum allocation_by { BY_FUNCTION, BY_MODULE, BY_SIZE, ALLOCATION_SUMS };

struct series_allocation {
    const char *name;   /* "module!function", module; NULL of sizes */
    uint64_t size_each; /* [bytes] of sizes; ABSENT: those whose size is not known */
    struct cell *self;  /* [count of snapshots] allocated by it */
    struct cell *cum;   /* [count of snapshots] with what it calls, once a stack; NULL of sizes */
    struct cell *ever;  /* [count of snapshots] ever allocated by it; NULL: no snapshot tells */
    int64_t count_delta, bytes_delta; /* of self, as cum_* of cum: last minus first */
    int64_t cum_count_delta, cum_bytes_delta;
    enum verdict verdict; /* on self; VERDICT_NONE: it only calls what allocates */
};

/*
 * The sums of one kind: from the stacks, or as the sources sum them where these say more. self adds
 * up to `total`, but for what the source does not list.
 */
struct series_allocations {
    struct series_allocation *rows; /* sorted as stacks are; NULL: nothing tells */
    uint32_t count;
    struct cell *total; /* [count of snapshots]; ABSENT in a snapshot without such sums */
    bool from_stacks;
};

/* All types together, and free space alone. */
struct series_sums {
    struct cell gens[GEN_COUNT], free_gens[GEN_COUNT];
    struct cell total, free_total;
};

struct series {
    struct arena arena; /* owns what is made here; snapshots are borrowed */
    const struct snapshot *const *snapshots;
    uint32_t count;
    struct series_options options;
    uint64_t parts_all; /* parts present in every snapshot */
    uint64_t parts_any;
    uint64_t interval_ns;   /* wall time from first to last; ABSENT when the dumps do not say */
    uint64_t *times_ns;     /* [count of snapshots] when each was taken, only compared with one
                               another; NULL where one does not say or they are not in order */
    bool generations_known; /* every snapshot has types, and tells their generations */
    bool live_known;        /* every snapshot knows which objects are live */
    bool backwards;         /* threads got younger from one snapshot to the next: swapped? */
    bool out_of_order;      /* of one run of the program, and known not to be oldest first */
    bool same_dump;         /* all snapshots hold the same figures throughout */

    struct series_type *types; /* sorted by |bytes_delta| descending, then |objects_delta|, then
                                 name; of one snapshot by name */
    uint32_t type_count;
    struct series_thread *threads; /* by debugger index of the newest, then OS id */
    uint32_t thread_count;
    struct series_value *values; /* by group, then by name: ask series_value(), series_values() */
    uint32_t value_count;
    uint32_t group_starts[GROUP_COUNT + 1];
    const struct series_value *known[VALUE_IDS]; /* NULL: no snapshot has it */
    struct series_stack *stacks; /* sorted by |bytes_delta| descending, then |count_delta|, then
                                    frames; of one snapshot by bytes, count and frames */
    uint32_t stack_count;
    uint32_t stacks_renamed;   /* stacks matched although a module, or arguments, had changed */
    struct cell *allocated;    /* [count of snapshots] outstanding in sum; NULL without stacks and
                                  sums of allocations; ABSENT in a snapshot without */
    bool allocated_is_sampled; /* estimates from samples */
    struct series_allocations allocations[ALLOCATION_SUMS];

    const char
        *not_comparable;  /* why verdicts would be wrong (exit 3 unless --force); NULL: they are */
    const char **names;   /* of the snapshots in sentences: see series_snapshot_name() */
    uint64_t *heap_bytes; /* [count of snapshots]: see series_heap_bytes() */
    struct cell *types_unlisted; /* [count of snapshots]: see snapshot_unlisted() */
    uint64_t *live_bytes;        /* [count of snapshots]: of all types; ABSENT unless live_known */
    struct series_sums *sums;    /* [count of snapshots]: over all types; zero without types */
    const char **warnings;       /* e.g. "BASE is younger than NEW: swapped?"; one sentence each */
    uint32_t warning_count;
};

void series_options_init(struct series_options *options);
/* Those of types, as the options have them. */
struct series_floors series_floors_of(const struct series_options *options);

/*
 * Lines up `count` snapshots (borrowed, oldest first). Cheap in time and memory: O(rows log rows).
 * Errors: ERR_NOMEM.
 */
bool series_init(struct series *s, const struct snapshot *const *snapshots, uint32_t count,
                 const struct series_options *options, struct err *err) MUST_CHECK;
void series_deinit(struct series *s);

/* last - first, held within +-INT64_MAX so that it can be negated; 0 where one is ABSENT. */
static inline int64_t series_delta(uint64_t last, uint64_t first) {
    if (last == ABSENT || first == ABSENT)
        return 0;
    uint64_t size = last > first ? last - first : first - last;
    int64_t held = size > INT64_MAX ? INT64_MAX : (int64_t)size;
    return last >= first ? held : -held;
}

/* First and last snapshot. Never NULL. */
const struct snapshot *series_base(const struct series *s);
const struct snapshot *series_new(const struct series *s);

/*
 * Verdict over the values of all snapshots: `floor` is the least growth of a step that counts.
 * ABSENT values are left out. With three or more: what falls, comes back to where it was, or goes
 * up and down without going beyond where it was before is stable; what rose and has stayed at its
 * height for a third of the series is saturating, or a step; what grew by the floor without fitting
 * any shape is inconclusive. From five on a step may fail: what rises by the test of ranks
 * (trend.h) is a leak unless it levels off or was one jump.
 */
enum verdict series_verdict(const uint64_t *values, uint32_t count, uint64_t floor);

/* What all steps together have to add before it counts. */
struct series_floor {
    uint64_t own;   /* by its own measure: less is stable */
    uint64_t least; /* of the whole, or as such: less is small, and far less is stable, too */
};

/*
 * THE notion of growth, of types, threads, handles, native memory, everything that has a floor:
 * both floors hold together, and spread over the steps, so that long and short series are judged
 * alike. VERDICT_SMALL where only its own is reached; with two snapshots in either direction.
 */
enum verdict series_growth(const uint64_t *values, uint32_t count, struct series_floor floor);
/*
 * The same of what goes up and down, as a heap between collections: by what it falls back to
 * (trend_troughs()), wherever it happens to be at the end. Out of memory: VERDICT_NONE.
 */
enum verdict series_growth_of_troughs(const uint64_t *values, uint32_t count,
                                      struct series_floor floor);
/* VERDICT_GROWING or VERDICT_LEAK. */
bool verdict_grows(enum verdict verdict);

/*
 * The shape alone, of growth that is known to matter: a step counts from a twentieth of its even
 * share on.
 */
enum verdict series_shape(const uint64_t *values, uint32_t count);

/* What all types of a series are judged on. */
static inline enum series_basis series_basis(const struct series *s) {
    return s->live_known ? BASIS_LIVE : s->generations_known ? BASIS_MATURE : BASIS_ALL;
}

/*
 * Verdict on a type: on live bytes where every snapshot knows them; else on all bytes, looking at
 * gen2, LOH, POH and frozen as well where every snapshot tells generations (a type that grows at
 * every step but not there is not called a leak). Floors as of series_growth(); a type that alone
 * would be small is judged by what its objects hold.
 */
enum verdict series_type_verdict(const struct series *s, const struct series_type *type,
                                 const struct series_floors *floors);

/*
 * The type by generation in one snapshot, [GEN_COUNT] cells: zero where it has no row, ABSENT where
 * the snapshot has no types. Never NULL.
 */
const struct cell *series_type_gens(const struct series_type *type, uint32_t snapshot);

bool series_has_types(const struct series *s, uint32_t snapshot);

/* Has the snapshot types, but not all, and none of this name? */
static inline bool series_type_is_unlisted(const struct series *s, const struct series_type *type,
                                           uint32_t snapshot) {
    return !type->rows[snapshot] && type->totals[snapshot].bytes == ABSENT &&
           series_has_types(s, snapshot);
}

/*
 * What the type has at most in a snapshot that does not list it; ABSENT: there is no bound. As
 * totals where it is listed.
 */
struct cell series_type_most(const struct series *s, const struct series_type *type,
                             uint32_t snapshot);

/* From the first to the last snapshot. */
struct series_change {
    int64_t objects, bytes; /* 0 where not known */
    bool is_known;          /* of bytes; both snapshots tell, or bound it */
    bool is_least;          /* one does not list it: by so much at least */
};

/* The same of a type that one of the two does not list, with what both tell of it otherwise. */
struct series_change series_type_change_unlisted(const struct series *s,
                                                 const struct series_type *type, struct cell first,
                                                 struct cell last);

/*
 * live: of what lives; only where every snapshot knows that. Here, since it is asked of each type,
 * and nearly always both list it.
 */
static inline struct series_change series_type_change(const struct series *s,
                                                      const struct series_type *type, bool live) {
    uint32_t end = s->count - 1;
    struct cell first = type->totals[0], last = type->totals[end];
    if (live) {
        first = (struct cell){type->live_objects[0], type->live_bytes[0]};
        last = (struct cell){type->live_objects[end], type->live_bytes[end]};
    }
    if (!type->rows[0] || !type->rows[end])
        return series_type_change_unlisted(s, type, first, last);
    return (struct series_change){
        .objects = series_delta(last.objects, first.objects),
        .bytes = series_delta(last.bytes, first.bytes),
        .is_known = first.bytes != ABSENT && last.bytes != ABSENT,
    };
}

/* Bytes in gen2, LOH, POH and frozen; ABSENT where the snapshot has no types. */
uint64_t series_type_mature(const struct series_type *type, uint32_t snapshot);

/* NULL when no snapshot has it. */
const struct series_value *series_value(const struct series *s, enum series_value_id id);

/* That of a generation, in a group by generation or GROUP_REGIONS_KIND; NULL when no snapshot has
 * it. */
const struct series_value *series_value_of_generation(const struct series *s,
                                                      enum series_group group, int generation);

/* That of the same name in another group; NULL when no snapshot has it. */
const struct series_value *series_value_beside(const struct series *s,
                                               const struct series_value *value,
                                               enum series_group group);

/* All of a group. */
struct series_values series_values(const struct series *s, enum series_group group);

/* Sum of a group's values in one snapshot; ABSENT when it has none. */
uint64_t series_values_sum(const struct series *s, enum series_group group, uint32_t snapshot);

/* In one snapshot; ABSENT of NULL, too. */
static inline uint64_t series_value_at(const struct series_value *value, uint32_t snapshot) {
    return value ? value->values[snapshot] : ABSENT;
}

static inline uint64_t series_count_at(const struct series_value *value, uint32_t snapshot) {
    return value ? value->counts[snapshot] : ABSENT;
}

/* Bytes in the heap of one snapshot, Free included; ABSENT where nothing says so. */
uint64_t series_heap_bytes(const struct series *s, uint32_t snapshot);

/* Are they only what is listed of it? Then it has so much at least. */
bool series_heap_is_least(const struct series *s, uint32_t snapshot);

/* [bytes] that it has at most: the same where all of it is listed; ABSENT: there is no bound. */
uint64_t series_heap_most(const struct series *s, uint32_t snapshot);

/* [bytes] that the GC has committed; ABSENT where the dump does not say. */
uint64_t series_gc_committed(const struct series *s, uint32_t snapshot);

/*
 * [bytes] of the class loader: as its heaps are listed, else as the map of a raw dump has them with
 * their code; ABSENT where nothing tells.
 */
uint64_t series_loader_bytes(const struct series *s, uint32_t snapshot);

/* [bytes] of private memory that neither the GC nor the loader has; ABSENT where nothing tells. */
uint64_t series_private_native(const struct series *s, uint32_t snapshot);
/* The same, else what the native heaps have committed. */
uint64_t series_native_bytes(const struct series *s, uint32_t snapshot);

/*
 * "BASE" and "NEW" of two, "the dump" of one, else "snapshot 3". Points into the series, never
 * NULL.
 */
const char *series_snapshot_name(const struct series *s, uint32_t snapshot);

/* "184:1914 spinner": debugger index and OS id in hex, name. */
void series_thread_label(const struct series *s, const struct series_thread *thread,
                         struct strbuf *out);
/*
 * Where the source of a frame calls on: "fill.c:40", "fill.c:40, 52", or nothing where no snapshot
 * says it. Of several lines those are told by which the stack grew (or shrank, as it did), the most
 * first; of more than LINES_SHOWN it is said. Of one snapshot: which have something.
 */
#define LINES_SHOWN 3u
void series_stack_source(const struct series *s, const struct series_stack *stack, uint32_t frame,
                         struct strbuf *out);

/*
 * "ink!fill <- press!Print <- press!main": at most `most` frames from the one that allocates,
 * without arguments. Appends.
 */
void series_stack_place(const struct series_stack *stack, uint32_t most, struct strbuf *out);

/* The newest row of the thread; never NULL. */
const struct thread_row *series_thread_row(const struct series *s,
                                           const struct series_thread *thread);

#endif
