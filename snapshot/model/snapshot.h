/*
 * What is kept of one dump.
 *
 * A snapshot is a set of parts. Each part is a table of rows of one kind; a part that the dump did
 * not hold is absent, which is not the same as a table without rows. Every part is described by a
 * field table (snapshot.c), from which the .snap file, the JSON and the CSV output are made: a new
 * column is one line there.
 * Which parts there are says parts.h.
 *
 * Numbers are uint64_t; ABSENT stands for "the source did not say". Absent is never zero.
 * Strings are UTF-8, NUL-terminated; NULL stands for "the source did not say".
 */
#ifndef DUMPDIFF_MODEL_SNAPSHOT_H
#define DUMPDIFF_MODEL_SNAPSHOT_H

#include "base/arena.h"
#include "base/str.h"
#include "model/parts.h"

struct strings {
    const char **items;
    uint32_t count;
};

bool strings_equal(const struct strings *a, const struct strings *b);

struct origin_row {
    const char *format;  /* name of the input(s): "transcript", "elf-core", ... */
    const char *process; /* program name, without folder */
    uint64_t pid;
    uint64_t captured_at_ns;   /* [ns since 1970-01-01 UTC] as the dump says; never a file time */
    uint64_t process_start_ns; /* [ns since 1970-01-01 UTC] tells two runs of one program apart */
    const char *runtime;       /* its name and version */
    const char *arch;          /* "x64", "x86", "arm64" */
    const char *gc_mode;       /* "workstation" or "server" */
    uint64_t heap_count;
    const char *label; /* given by the user */
    const char *tool;  /* what wrote the dump or transcript, where known */
    uint64_t pointer_bytes;
    uint64_t trust;           /* enum trust_grade */
    uint64_t collected_first; /* 1: the tool forces a GC before it looks; 0: it does not */
    uint64_t sampled;         /* 1: figures are estimates from samples */
    const char *types_filter; /* what PART_TYPES was limited to, e.g. "-type Cart" or "-live": its
                                 sums are not the heap's. NULL: it speaks of the whole heap */
    const char *os;           /* where the process ran: "Windows 10.0.22631" */
    uint64_t sample_bytes;    /* [bytes] one sample every so many, on average */
    uint64_t moment,
        moments; /* this is moment 0.. of so many that the file holds; ABSENT: of one */
};

struct reason_row {
    const char *text;
    uint64_t count;        /* [count] rows, bytes or objects concerned; ABSENT when it has none */
    uint64_t lowers_trust; /* 0: a note */
};

struct absence_row {
    const char *part;   /* as in part_descs */
    const char *aspect; /* as in aspect_names */
    /* [count] rows, of types bytes, concerned. ABSENT: all; of ASPECT_ROWS: not known how many. 0:
     * some, not known how many */
    uint64_t count;
    const char *why; /* "registers of arm64 are not read" */
    /* Of ASPECT_ROWS, what all rows that are not there can amount to at most; ABSENT: no bound. */
    uint64_t objects;   /* [count] objects, or allocations, of all of them together */
    uint64_t row_bytes; /* [bytes] of any one of them */
};

/* What rows that a table left out can hold at most; ABSENT: no bound. */
struct bounds {
    uint64_t objects;   /* [count] of all of them together */
    uint64_t row_bytes; /* [bytes] of any one of them */
};

#define BOUNDS_NONE ((struct bounds){ABSENT, ABSENT})

struct type_row {
    const char *name;   /* as the runtime's debuggers print it; TYPE_FREE (known_names.h) */
    const char *module; /* file name of the module, NULL where the source has none */
    struct cell gen[GEN_COUNT];
    uint64_t live_objects, live_bytes; /* ABSENT unless reachability was computed */
};

struct heap_row {
    uint64_t index;
    struct cell gen[GEN_COUNT];    /* bytes allocated a generation; objects often 0 */
    uint64_t free_gen[GEN_COUNT];  /* [bytes] free space a generation; ABSENT: not said */
    uint64_t allocated, committed; /* [bytes] */
};

struct region_row {
    const char *kind; /* "gen0", "gen1", "gen2", "loh", "poh", "frozen", "ephemeral", "segment" */
    uint64_t heap;
    uint64_t generation; /* enum generation; ABSENT for segments that hold several */
    uint64_t address;    /* of the segment's own structure; ABSENT where not printed */
    uint64_t start;      /* address of the first object */
    uint64_t allocated, committed, reserved; /* [bytes] */
};

struct gc_row {
    uint64_t allocated_bytes, committed_bytes; /* as the source says, not a sum of ours */
    uint64_t in_progress;                      /* 1: dumped in the middle of a GC */
    uint64_t regions;                          /* 1: regions, 0: segments */
    uint64_t heap_count;
    uint64_t skipped_bytes; /* of heap that could not be walked */
};

struct finalizer_row {
    uint64_t finalizable[GEN_COUNT]; /* [count] registered, not ready, by generation */
    uint64_t ready;                  /* [count] f-reachable: waiting for their finalizer to run */
    uint64_t thread_os_id;
    uint64_t blocked;    /* 1: its stack shows that it waits inside a finalizer */
    const char *running; /* the finalizer it is in: "Shop.Caching.Handle.Finalize" */
};

struct finalizable_row {
    const char *type;
    uint64_t objects, bytes; /* finalizable; includes the ready ones where the source cannot tell */
    uint64_t ready;          /* [count]; ABSENT where the source cannot tell */
};

struct thread_row {
    uint64_t os_id;
    uint64_t index; /* the debugger's number */
    uint64_t managed_id;
    const char *name;
    const char *role;    /* "finalizer", "gc", "threadpool-worker", "io-completion", "timer", ... */
    const char *state;   /* "alive", "dead", "unstarted", ... */
    const char *gc_mode; /* "preemptive", "cooperative" */
    uint64_t user_ns, kernel_ns, elapsed_ns; /* elapsed: since the thread was created */
    uint64_t cpu_recorded;                   /* 0: times are there but all zero, so not recorded */
    uint64_t start_time_ns; /* [ns] since boot or epoch: only compared for equality */
    uint64_t switches;      /* [count] context switches, voluntary and not */
    uint64_t run_delay_ns;  /* wanted to run, and had no processor */
    uint64_t lock_count;
    const char *exception;
    const char *waiting_on;
    uint64_t waits_for;           /* address of what it waits for: in PART_LOCKS or PART_WAITS */
    struct strings frames;        /* managed, innermost first: "Ns.Type.Method(Args)" */
    struct strings native_frames; /* "module!function", innermost first */
    uint64_t stack_hash; /* of the frames without addresses; ABSENT when there are none, or only a
                            native stack that ends in FRAME_CUT: callers may differ */
    uint64_t registers_hash, live_stack_hash, dead_stack_hash; /* evidence of having run */
    uint64_t user_mode;   /* 1: was executing user code; 0: was inside a system call */
    uint64_t syscall;     /* number of the system call it was in */
    uint64_t stack_bytes; /* [bytes] of live stack compared */
    uint64_t waited_ns;   /* how long it has waited there, rounded down, as the source says */
};

/* Stands behind the last native frame of a stack whose callers could not be found. */
#define FRAME_CUT "[callers not known]"

struct lock_row {
    uint64_t index;
    uint64_t address; /* of the object that is locked */
    const char *object_type;
    uint64_t owner_os_id, owner_managed_id; /* ABSENT or 0: not held */
    uint64_t recursion;
    uint64_t held;          /* 1: held now */
    uint64_t waiters;       /* [count] */
    const char *owner_name; /* of an owner of whom the source says no id; else NULL */
    uint64_t readers; /* [count] of threads that share it; ABSENT: nobody does, or it has none */
    const char *name; /* who holds the object: "static Shop.Desk.s_gate"; NULL: not known */
};

/*
 * A row without type is the total of its kind. A row with kind and type is the part of it that
 * refers to objects of that type. A row without kind is a type over all kinds. Never add up rows of
 * different forms.
 */
struct handle_row {
    const char *kind; /* "Strong", "Pinned", "WeakShort", ...; NULL: all kinds together */
    const char *type; /* NULL: all types together */
    uint64_t count;
    uint64_t bytes; /* of the objects referred to; ABSENT where not said */
};

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

struct stack_row {
    struct strings frames;             /* innermost first, no addresses or offsets */
    const char *module;                /* the module the allocation is put down to */
    uint64_t count, bytes;             /* outstanding */
    uint64_t total_count, total_bytes; /* ever allocated; ABSENT where not said */
    uint64_t size_each;                /* [bytes] size of one allocation, where all are equal */
    uint64_t peak_bytes;               /* outstanding when the process had most */
    uint64_t oldest_ns;                /* [ns] age of the oldest outstanding allocation */
    uint64_t temporary_count;          /* ever allocated and freed at once */
    const char *loss;        /* STACK_...: what a leak checker says of it; NULL: none looked */
    uint64_t indirect_bytes; /* lost with it: other allocations that only it refers to. In `bytes`
                                where they have no row of their own; ABSENT: not said */
};

/*
 * What a source sums up itself. Rows of different `by` speak of the same allocations: never add
 * them up. Not made from PART_STACKS: the diff does that.
 */
struct allocation_row {
    const char *by;                    /* "function", "module", "size" or "total" */
    const char *name;                  /* "module!function", module; NULL of sizes and totals */
    uint64_t count, bytes;             /* outstanding, of this one itself (not of what it calls) */
    uint64_t cum_count, cum_bytes;     /* with what it calls; ABSENT where not said */
    uint64_t total_count, total_bytes; /* ever allocated; ABSENT where not said */
    uint64_t size_each;                /* [bytes] of rows by size */
};

struct counter_row {
    const char *name; /* dotted: "threadpool.workers_running" */
    uint64_t value;
    const char *unit; /* "bytes", "count", "percent", ... */
};

struct loader_row {
    const char *owner; /* what it is for, as the source says */
    const char *kind;  /* "LowFrequencyHeap", ... */
    uint64_t bytes, wasted;
};

struct free_block_row {
    uint64_t address, bytes;
    const char *followed_by;
};

struct native_heap_row {
    uint64_t address;
    const char *name;
    uint64_t reserved, committed, virtual_bytes, free_bytes; /* [bytes] */
    uint64_t external_fragmentation;                         /* [percent] where reported */
};

struct live_row {
    uint64_t objects, bytes, garbage_objects, garbage_bytes, frozen_bytes, stack_only_bytes;
};

struct path_row {
    uint64_t parent;  /* row number of the parent; ABSENT: a root */
    const char *root; /* kind of root, on rows without parent */
    const char *edge; /* field or index by which the parent holds this; "[].value" */
    const char *type;
    uint64_t objects, bytes; /* of this node and below */
    uint64_t own_objects, own_bytes;
    /* Of places that nobody alone holds: rows of those that refer to them most often, and to half
     * of them or more, and the edges by which they do. ABSENT, NULL: not known, or it is not they
     * themselves but what is below. */
    uint64_t holder, other_holder;
    const char *holder_edge, *other_edge;
};

struct os_handle_row {
    const char *type; /* "Event", "File", "Thread", ... */
    uint64_t count;
};

struct async_row {
    const char *type; /* of the state machine: "Shop.Worker+<RunAsync>d__3" */
    uint64_t await;   /* number of the await in the method, from 1 in the order of the source; 0:
                         none (runs, or has not begun); ABSENT: not known */
    uint64_t objects, bytes;
};

/* What will go on with a method when something happens. */
struct callback_row {
    const char *kind;   /* CALLBACK_...: what has to happen */
    const char *type;   /* of what keeps it: a delegate's type; NULL: goes without saying */
    const char *method; /* "Shop.Basket.OnPrice", or the type of an async method's state machine */
    uint64_t objects;   /* [count] of delegates, timers, registrations or waiters */
    uint64_t due_ms, period_ms; /* [ms] of timers: each row is one of these; ABSENT: never */
};

/*
 * Something that is waited for and is no lock. What it waits for itself comes next, so that a chain
 * leads from a thread over tasks and async methods to who would have to act; it may be a circle.
 */
struct wait_row {
    uint64_t address;  /* thread_row.waits_for and `next` say this */
    const char *kind;  /* WAIT_ON_... */
    const char *type;  /* of the object; of an async method that of its state machine */
    const char *name;  /* who holds it: "static Shop.Desk.s_gate", "Shop.Crane._slots"; what a task
                          runs; which process. NULL: not known */
    uint64_t await;    /* of an async method: see async_row */
    const char *state; /* WAIT_STATE_...; NULL: nothing more is known than that it is not done */
    uint64_t next;     /* address of what has to happen before; ABSENT: none, or not known */
    uint64_t owner_os_id, owner_managed_id; /* the thread that runs it or keeps it; ABSENT: none */
    uint64_t count;   /* that a semaphore has left, that an event or barrier still waits for */
    uint64_t waiters; /* [count]; ABSENT: not known */
};

/* Rows of one part. */
struct table {
    void *rows;
    uint32_t count, capacity;
    bool sorted; /* known to be in the order of its part, no two the same: types, of the builder */
};

struct snapshot {
    struct arena arena; /* owns all of it */
    uint32_t parts;     /* PART_BIT of each part present */
    struct table tables[PART_END];
};

/* -- Field tables ------------------------------------------------------------------------------ */

enum field_kind {
    FIELD_STR = 1, /* const char *; NULL: absent */
    FIELD_U64,     /* a count or plain number; ABSENT: absent */
    FIELD_BYTES,   /* [bytes] */
    FIELD_NS,      /* [ns] a duration */
    FIELD_TIME,    /* [ns since 1970]: ISO 8601 in JSON */
    FIELD_HEX,     /* an address or hash: hex string in JSON */
    FIELD_BOOL,    /* 0, 1 or ABSENT */
    FIELD_STRS,    /* struct strings */
    FIELD_CELLS,   /* struct cell[GEN_COUNT] */
    FIELD_GENS,    /* uint64_t[GEN_COUNT] */
};

struct field {
    const char *name; /* JSON key */
    uint16_t id;      /* number in .snap files; 1..; append only, never reused within a part */
    uint16_t kind;    /* enum field_kind */
    uint32_t offset;  /* [bytes] in the row */
};

struct part_desc {
    const char *name; /* JSON key and name in messages */
    const struct field *fields;
    uint32_t field_count;
    uint32_t row_size; /* [bytes] */
    bool single;       /* exactly one row */
};

/* Indexed by enum part; entries without a name do not exist. */
extern const struct part_desc part_descs[PART_END];

/* -- Access ------------------------------------------------------------------------------------ */

void snapshot_init(struct snapshot *s);
void snapshot_deinit(struct snapshot *s);

static inline bool snapshot_has(const struct snapshot *s, enum part part) {
    return s->parts & PART_BIT(part);
}

/* Rows of a part and their number; NULL and 0 when the part is absent. */
const void *snapshot_rows(const struct snapshot *s, enum part part, uint32_t *ret_count);

/* The row of a single-row part; NULL when the part is absent. */
const void *snapshot_row(const struct snapshot *s, enum part part);

/* Typed access: SNAPSHOT_ROWS(s, PART_TYPES, struct type_row, rows, count); declares both. */
#define SNAPSHOT_ROWS(snapshot, part, row_type, rows, count) \
    uint32_t count; \
    const row_type *rows = snapshot_rows((snapshot), (part), &count)

/* The first row that says why exactly this is missing; NULL: nothing says that it is. */
const struct absence_row *snapshot_absence(const struct snapshot *s, enum part part,
                                           enum aspect aspect);

/*
 * At most so much has what a part holds without having a row for it: {0, 0} where it has all rows,
 * ABSENT where there is no bound. `bytes` of PART_TYPES in absence_row.count bound it, too.
 */
struct cell snapshot_unlisted(const struct snapshot *s, enum part part);

const struct origin_row *snapshot_origin(const struct snapshot *s); /* never NULL */
enum trust_grade snapshot_trust(const struct snapshot *s);

/* Sum over all generations of a type. */
struct cell type_total(const struct type_row *row);
/* Is it the row TYPE_FREE, which has no module? */
bool type_is_free(const struct type_row *row);

/* Totals over all types; TYPE_FREE is in objects and bytes, and once more in free_bytes. */
struct snapshot_totals {
    uint64_t objects, bytes, free_objects, free_bytes;
};
struct snapshot_totals snapshot_totals(const struct snapshot *s);

#endif
