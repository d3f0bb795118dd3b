/*
 * Names that a reader gives to a row and that somebody else asks for, or that two readers have to
 * agree on. The tables they stand in are open: rows of any other name are welcome there. A constant
 * here, and not the text at each place, since what asks for a misspelt name only ever finds
 * nothing.
 */
#ifndef DUMPDIFF_MODEL_KNOWN_NAMES_H
#define DUMPDIFF_MODEL_KNOWN_NAMES_H

struct snapshot; /* in whose tables they stand */

/* -- PART_TYPES -------------------------------------------------------------------------------- */

/* Space between objects, in a row without a module: never a leaking type. */
#define TYPE_FREE "Free"

/* -- PART_THREADS ------------------------------------------------------------------------------ */

/* thread_row.role */
#define ROLE_FINALIZER   "finalizer"
#define ROLE_GC          "gc"
#define ROLE_POOL_WORKER "threadpool-worker"
/* thread_row.state */
#define LIFE_ALIVE     "alive"
#define LIFE_UNSTARTED "unstarted"
#define LIFE_DEAD      "dead" /* ended, but the runtime still keeps account of it */
#define LIFE_EXITED    "exited"

/* -- PART_MEMORY_MAP --------------------------------------------------------------------------- */

/* MEMORY_BY_STATE */
#define STATE_COMMITTED "MEM_COMMIT"
#define STATE_RESERVED  "MEM_RESERVE"
#define STATE_FREE      "MEM_FREE"
/* MEMORY_BY_TYPE */
#define MEMORY_IMAGE   "MEM_IMAGE"
#define MEMORY_MAPPED  "MEM_MAPPED"
#define MEMORY_PRIVATE "MEM_PRIVATE"
/* MEMORY_LARGEST: the largest free block */
#define LARGEST_FREE "Free"

/* MEMORY_BY_USAGE, as the readers of raw dumps say it: every mapped byte has one of these. */
#define USAGE_GC_HEAP        "gc-heap"
#define USAGE_GC_BOOKKEEPING "gc-bookkeeping"
#define USAGE_LOADER_JIT     "loader-jit"
#define USAGE_STACK          "stack"
#define USAGE_TEB            "teb"
#define USAGE_IMAGE          "image"
#define USAGE_MAPPED_FILE    "mapped-file"
#define USAGE_NATIVE         "native"
#define USAGE_UNACCOUNTED    "unaccounted"

/* -- PART_STACKS ------------------------------------------------------------------------------- */

/* stack_row.loss */
#define STACK_LOST        "definitely lost" /* nothing refers to it */
#define STACK_LOST_WITH   "indirectly lost" /* only what is lost refers to it */
#define STACK_MAY_BE_LOST "possibly lost"   /* only pointers into its middle are left */
#define STACK_REACHABLE   "still reachable" /* not freed, and referred to */

/* The one frame of what is too little for massif to be told by its stack: of many places together.
 */
#define FRAME_BELOW_THRESHOLD "[below massif's threshold]"

/* -- PART_CALLBACKS ---------------------------------------------------------------------------- */

/* callback_row.kind */
#define CALLBACK_HANDLER      "handler"      /* delegates of a type, events' above all */
#define CALLBACK_TIMER        "timer"        /* that are started */
#define CALLBACK_REGISTRATION "registration" /* on cancellation tokens */
#define CALLBACK_SEMAPHORE    "semaphore"    /* async methods that wait for one semaphore */

/* -- Answers ----------------------------------------------------------------------------------- */

/* answer_field.kind */
#define FIELD_IS_NUMBER    "number"
#define FIELD_IS_ENUM      "enum"
#define FIELD_IS_BOOL      "bool"
#define FIELD_IS_CHAR      "char"
#define FIELD_IS_TEXT      "text"
#define FIELD_IS_REFERENCE "reference" /* values are types */
#define FIELD_IS_GUID      "guid"
#define FIELD_IS_DATE      "date"     /* ISO 8601 */
#define FIELD_IS_DURATION  "duration" /* also a time of day */
#define FIELD_IS_STRUCT    "struct"   /* not taken apart: no values */

/* -- PART_EXCEPTIONS --------------------------------------------------------------------------- */

/* exception_row.message_class and .thrown_in of the sum of further rows of a type */
#define EXCEPTION_OTHERS "(others)"

/* -- PART_REQUESTS ----------------------------------------------------------------------------- */

/* request_row.direction */
#define REQUEST_IN  "in"
#define REQUEST_OUT "out"
/* request_row.state: of those that come in, ... */
#define REQUEST_RUNNING    "running"    /* nothing of the answer was sent */
#define REQUEST_RESPONDING "responding" /* some of it was */
/* ... and of those that go out */
#define REQUEST_SENT   "sent"   /* on a connection */
#define REQUEST_QUEUED "queued" /* waits for one */

/* -- PART_WORK --------------------------------------------------------------------------------- */

/* work_row.queue */
#define WORK_GLOBAL "global"        /* that any worker takes from */
#define WORK_FIRST  "high-priority" /* before the others */
#define WORK_LOCAL  "local"         /* of one worker, that others steal from when they are idle */

/* -- PART_WAITS -------------------------------------------------------------------------------- */

/* wait_row.kind */
#define WAIT_ON_TASK        "task"         /* that somebody completes, or that runs a delegate */
#define WAIT_ON_ASYNC       "async-method" /* which stands at an await */
#define WAIT_ON_EVENT       "event"
#define WAIT_ON_SEMAPHORE   "semaphore"
#define WAIT_ON_COUNTDOWN   "countdown"
#define WAIT_ON_BARRIER     "barrier"
#define WAIT_ON_MUTEX       "mutex"
#define WAIT_ON_QUEUE       "queue"  /* to have room, or something in it */
#define WAIT_ON_PULSE       "pulse"  /* of a collection's monitor, though it is not empty */
#define WAIT_ON_THREAD      "thread" /* to end */
#define WAIT_ON_PROCESS     "process"
#define WAIT_ON_INITIALIZER "initializer" /* of a type, which another thread runs */
#define WAIT_ON_CALLBACK    "callback"    /* of a cancellation token, which another thread runs */
#define WAIT_ON_OTHER       "object"

/* wait_row.state */
#define WAIT_STATE_QUEUED   "queued"   /* for a worker of the pool: nobody has begun it */
#define WAIT_STATE_POSTED   "posted"   /* could go on: it is in a queue that is not the pool's */
#define WAIT_STATE_RUNNING  "running"  /* on the thread that is its owner, or on one not found */
#define WAIT_STATE_SLEEPING "sleeping" /* a timer completes it */
#define WAIT_STATE_IO       "io"       /* another process or the system does */

/* -- PART_COUNTERS ----------------------------------------------------------------------------- */

#define COUNTER_THREADS_TOTAL      "threads.total"      /* managed threads */
#define COUNTER_THREADS_UNSTARTED  "threads.unstarted"  /* of these */
#define COUNTER_THREADS_BACKGROUND "threads.background" /* of these */
#define COUNTER_THREADS_DEAD       "threads.dead"       /* of these: ended, still kept account of */
#define COUNTER_QUEUE_LENGTH       "threadpool.queue_length" /* work items that wait */
#define COUNTER_WORKERS_TOTAL      "threadpool.workers_total"
#define COUNTER_WORKERS_RUNNING    "threadpool.workers_running" /* of these: have work */
#define COUNTER_WORKERS_IDLE       "threadpool.workers_idle"    /* of these */
#define COUNTER_WORKERS_MIN        "threadpool.workers_min"
#define COUNTER_WORKERS_MAX        "threadpool.workers_max"

#define COUNTER_PRIVATE_BYTES   "process.private_bytes"   /* committed and not shared */
#define COUNTER_ANONYMOUS_BYTES "process.anonymous_bytes" /* resident, of no file */
#define COUNTER_RSS_BYTES       "process.rss_bytes"       /* resident, files included */
#define COUNTER_PEAK_RSS_BYTES  "process.peak_rss_bytes"
#define COUNTER_WORKING_SET     "process.working_set" /* what Windows calls resident */
#define COUNTER_VIRTUAL_SIZE    "process.virtual_size"
#define COUNTER_RECORDED_NS     "process.recorded_ns" /* how long a profiler looked */

#define COUNTER_LEAK_DEFINITE "leak.definite_bytes" /* what a leak checker calls lost */

#define COUNTER_HEAP_OUTSTANDING "heap.outstanding_bytes" /* allocated natively, not freed */
#define COUNTER_HEAP_PEAK        "heap.peak_bytes"
#define COUNTER_HEAP_ALLOCATIONS "heap.allocations"           /* ever made */
#define COUNTER_HEAP_TEMPORARY   "heap.temporary_allocations" /* of these: freed at once */

/* -- PART_HANDLES ------------------------------------------------------------------------------ */

/* Of handle_row.type: weak handles that nobody freed and whose objects were collected. */
#define HANDLE_OF_GONE "[collected objects]"

/* -- PART_PATHS, PART_PLACES ------------------------------------------------------------------- */

/* Beginnings of path_row.root of fields. */
#define ROOT_STATIC        "static "
#define ROOT_THREAD_STATIC "thread static "
/* Root of places whose objects more than one root or holder keeps, none of them alone. */
#define ROOT_SEVERAL "[several holders]"
/* Beginning of path_row.root of what a thread's stack holds; its OS id in hex, and its name. */
#define ROOT_STACK "stack of thread "
/* Root of the objects that wait for their finalizer. */
#define ROOT_FINALIZER "finalizer queue"

#endif
