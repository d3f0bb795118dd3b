/*
 * Two or more snapshots of the same program in time order, lined up; one snapshot for `show`.
 */
#ifndef DUMPDIFF_DIFF_SERIES_H
#define DUMPDIFF_DIFF_SERIES_H

#include "model/snapshot.h"

enum verdict {
    VERDICT_NONE, /* one snapshot, or not to be judged (Free) */
    VERDICT_STABLE,
    VERDICT_GROWING,    /* two snapshots only */
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
    THREAD_GONE
};
extern const char *const thread_state_names[];

enum thread_evidence { EVIDENCE_NONE, EVIDENCE_CPU, EVIDENCE_SWITCHES, EVIDENCE_MEMORY };
extern const char *const thread_evidence_names[];

struct series_options {
    bool exact_names; /* do not normalise compiler-generated names */
    uint64_t
        floor_bytes; /* below this growth a step is not growth; ABSENT: from floor_permille_* */
    uint64_t floor_objects;
    double floor_heap_percent; /* default 0.5: of the base heap */
    double floor_self_percent; /* default 5: of the type itself */
    double runaway_share; /* default 0.9: CPU used a wall second from which a thread is a runaway */
    uint64_t runaway_min_ns; /* default 1 s */
};

struct series_type {
    const char *name, *module; /* name as shown (of the newest snapshot that has it) */
    bool is_free;
    struct cell *totals;                 /* [count of snapshots] */
    struct cell *gens;                   /* [count of snapshots * GEN_COUNT] */
    uint64_t *live_objects, *live_bytes; /* [count of snapshots]; ABSENT where not known */
    bool *seen;                          /* [count of snapshots] is there a row in that snapshot */
    int64_t objects_delta, bytes_delta;  /* last minus first */
    enum verdict verdict;
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
    uint64_t same_stack; /* 1, 0, or ABSENT where a stack is missing */
};

/* A name/value pair lined up: memory map rows, counters, handles by kind, regions by kind, ... */
struct series_value {
    enum part part;
    const char *group; /* "usage", "state", a handle kind's "kind", ...; never NULL */
    const char *name;
    uint64_t *values; /* [count of snapshots]; ABSENT where there is no such row */
    uint64_t *counts; /* [count of snapshots]; regions, handles; ABSENT where the part has none */
};

struct series_stack {
    struct strings frames;
    const char *module;
    struct cell *totals; /* [count of snapshots] count and bytes */
    bool *seen;
    int64_t count_delta, bytes_delta;
    enum verdict verdict;
};

struct series {
    struct arena arena; /* owns what is made here; snapshots are borrowed */
    const struct snapshot *const *snapshots;
    uint32_t count;
    struct series_options options;
    uint32_t parts_all; /* parts present in every snapshot */
    uint32_t parts_any;
    uint64_t interval_ns; /* wall time from first to last; ABSENT when the dumps do not say */

    struct series_type
        *types; /* sorted by |bytes_delta| descending, then |objects_delta|, then name */
    uint32_t type_count;
    struct series_thread *threads; /* by debugger index of the newest, then OS id */
    uint32_t thread_count;
    struct series_value *values;
    uint32_t value_count;
    struct series_stack *stacks;
    uint32_t stack_count;

    const char
        *not_comparable;   /* why verdicts would be wrong (exit 3 unless --force); NULL: they are */
    const char **warnings; /* e.g. "BASE is younger than NEW: swapped?"; one sentence each */
    uint32_t warning_count;
};

void series_options_init(struct series_options *options);

/*
 * Lines up `count` snapshots (borrowed, oldest first). Cheap in time and memory: O(rows log rows).
 * Errors: ERR_NOMEM.
 */
bool series_init(struct series *s, const struct snapshot *const *snapshots, uint32_t count,
                 const struct series_options *options, struct err *err) MUST_CHECK;
void series_deinit(struct series *s);

/* First and last snapshot. */
const struct snapshot *series_base(const struct series *s);
const struct snapshot *series_new(const struct series *s);

/*
 * Compiler-generated parts of a type or method name without their ordinals ("<>c__DisplayClass12_0"
 * ->
 * "<>c__DisplayClass"), so that releases can be compared. Appends to out.
 */
void series_normal_name(struct str name, struct strbuf *out);

/* Verdict over the values of all snapshots: `floor` is the least growth of a step that counts. */
enum verdict series_verdict(const uint64_t *values, uint32_t count, uint64_t floor);

#endif
