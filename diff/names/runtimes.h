/*
 * What a runtime's names mean: which types and methods are its own, what a compiler made, what a
 * call waits for, what usually is the matter when objects of a type grow, and what to do next.
 *
 * A runtime is one file and its line in THE table (runtimes.c). Nothing else of diff/ knows a word
 * of one. Names alone do not tell of which runtime they are, so names are held against all of them;
 * advice is that of the runtime of the dump.
 */
#ifndef DUMPDIFF_NAMES_RUNTIMES_H
#define DUMPDIFF_NAMES_RUNTIMES_H

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

struct words {
    const struct str *items;
    size_t count;
};
/* Of a static array of STR_INIT. */
#define WORDS(array) \
    { (array), sizeof(array) / sizeof(*(array)) }

enum wait_kind {
    WAIT_NOT,   /* no wait to be seen */
    WAIT_IDLE,  /* waits for work, by its nature: pool, timer, accept, consumer of a queue */
    WAIT_LOCK,  /* for a monitor or lock that another thread holds */
    WAIT_TASK,  /* for a task, by blocking on it */
    WAIT_EVENT, /* for an event, semaphore or the end of a thread */
    WAIT_SLEEP,
    WAIT_IO,
};
#define WAIT_KINDS (WAIT_IO + 1)

/* What a thread is there for, as far as rules ask. */
enum thread_job { JOB_FINALIZER, JOB_GC, JOB_POOL, JOB_COMPILER, THREAD_JOBS };

/* Next steps that have a word of the runtime in them. %s stands for what is said beside each. */
enum advice {
    ADVICE_HOLDERS,         /* find what holds objects of the type %s; without a full stop */
    ADVICE_HOLDERS_OF_SOME, /* the same of a type of the framework; without a full stop */
    ADVICE_EXCEPTION,       /* look at the last exception of a thread */
    ADVICE_EXCEPTIONS,      /* look at exceptions that are kept */
    ADVICE_STACK,           /* look at the stack of the debugger's thread %s */
    ADVICE_POOL_BLOCKS,     /* workers of the pool block on tasks */
    ADVICE_HANDLES,         /* handles of the collector grow */
    ADVICE_LOADER,          /* the class loader's heaps grow */
    ADVICE_MODULES,         /* modules grow */
    ADVICE_COMMITTED,       /* the collector keeps memory that it does not use */
    ADVICE_FREE_LARGE,      /* free space among large objects */
    ADVICE_FREE,            /* free space among others */
    ADVICE_LARGE_OBJECTS,   /* the heap of large objects grows */
    ADVICE_PINNED_OBJECTS,  /* the heap of pinned objects grows */
    ADVICE_FINALIZER_SLOW,  /* objects wait for a finalizer thread that runs */
    ADVICE_KINDS
};

/* A type whose objects mean something to who operates the program. */
struct known_type {
    struct str type;
    const char *counted; /* "sessions kept in the process"; NULL: the rule does not count it */
    const char *shown;   /* "in-process sessions"; NULL: `show` has no line for it */
};

/* What the next step of a hint names. */
enum hint_names {
    HINT_NAMES_NOTHING,
    HINT_NAMES_PUBLISHER,     /* the event, and the method that subscribed to it */
    HINT_NAMES_EMITTER,       /* the event of an emitter that keeps its listeners by name */
    HINT_NAMES_FIELD,         /* the field of the hint's edge, with its type, or its root */
    HINT_NAMES_METHOD,        /* the async method, and where it waits */
    HINT_NAMES_AWAITER,       /* the same of what waits for the objects, in brackets */
    HINT_NAMES_TIMERS,        /* what timers call, and when, in brackets */
    HINT_NAMES_REGISTRATIONS, /* what tokens call, in brackets */
};

#define HINT_NAMES_MAX 9

/* What it usually means when objects of a framework type grow, or objects that one holds. */
struct hint {
    const char *id, *summary;
    const char *types[HINT_NAMES_MAX]; /* beginnings of type names; "*Name" anywhere in them */
    const char *edges[HINT_NAMES_MAX]; /* beginnings of edges on the way from the root */
    const char *roots[HINT_NAMES_MAX]; /* beginnings of roots */
    const char *held; /* whole name of what such a root has to hold itself; NULL: whatever */
    /* Beginning of the type that such an edge, or root, has to lead to; NULL: whatever. Words of
     * programs, as "listeners" is one, are no other runtime's. */
    const char *leads_to;
    /* Whole name of a type that says nothing by itself, and means this where as many objects of
     * `types` come with it; NULL: none. */
    const char *company_of;
    const char *next; /* what to do; %s stands for what `names` says */
    enum hint_names names;
    const char *unnamed; /* stands there when that is not known */
    const char *explain; /* paragraphs */
    const char *counted; /* what people call them: "handlers"; NULL: by their type alone */
    const char *symptom; /* id of a rule whose findings come with such objects; NULL: none */
};

struct runtime_words {
    const char *id;
    struct words runtimes; /* how the origin of a dump names it: beginnings */

    /* -- Types and methods: beginnings, unless something else is said -- */
    struct words framework;       /* of the runtime and its libraries */
    struct words framework_whole; /* the same, whole names */
    struct words
        framework_within;    /* the same of groups in brackets, "(closure) f node:fs:1": parts */
    struct words arrays;     /* of arrays that do not end in "[]" */
    struct words insides;    /* of parts that containers of the library are made of */
    struct words scopes;     /* whole names: what variables of the program lie in, by name */
    struct words stubs;      /* methods that nobody wrote at all */
    struct words known_bare; /* generic types that are known without their arguments */
    struct words exceptions; /* how types of exceptions end */
    struct words exceptions_made; /* whole names: made in advance, so they say nothing */
    /* Types that hold whatever a program is made of: who holds one has not filled what it holds */
    struct words providers;
    /* Types that are reached by more who know them than who own them: a path to one is no holder */
    struct words entered_aside;
    const struct known_type *known_types; /* ends with an empty type */

    /* -- Names that compilers make; each may be NULL. -- */
    /* What normal_name() changes has one of these in it: parts that begin as made_signs says. */
    struct words made;
    /* Appends the name without ordinals; false, and nothing added, when it is none of its names. */
    bool (*normal_name)(struct str name, struct strbuf *out);
    /* Append them as people would say them: see names.h; false as above. */
    bool (*pretty_type)(const char *type, bool state_machine, struct strbuf *out);
    bool (*pretty_field)(const char *field, struct strbuf *out);
    bool (*pretty_method)(const char *method, struct strbuf *out);
    /* The state machine in the box of an async method; of the machine itself all of it; or empty.
     */
    struct str (*state_machine)(const char *type, bool boxed_only);
    const char *machine_edge; /* beginning of the field of a box in which the machine lies */

    /* Edge by which a class that can be unloaded holds its loader; NULL: none. */
    const char *loader_edge;
    /* Type of what keeps the objects that have a finalizer, one after the other; NULL: none. */
    const char *finalizer_chain;

    /* -- Stacks: parts of the names of methods -- */
    struct words waits[WAIT_KINDS];
    struct words lock_waits;      /* whole: thread_row.waiting_on of one that waits for a lock */
    struct words waits_for_any;   /* of several tasks: their first is a signal, whatever else is */
    struct words waits_for_all;   /* methods that only wait for the whole program to end */
    struct words waits_for_pulse; /* right under application code: a queue of its own, so idle */
    struct words waits_for_room;  /* adds to what is full: no queue of its own, whatever it is in */
    struct words native_locks;    /* native functions that wait for a lock */
    struct words finalizers;      /* how methods end that finalize */
    struct words pool_frames;
    struct words thread_starts;        /* whole: methods that every thread is in */
    struct words threads[THREAD_JOBS]; /* parts of the names of threads */

    /* -- Memory by usage: beginnings, whatever their case -- */
    struct words gc_usages, code_usages;
    /* Parts of names of counters that tell how large the managed heap is. */
    struct words heap_counters;

    const struct hint *hints; /* the more telling first; ends with a NULL id */
    /* NULL: as the first runtime of the table has it. */
    const char *advice[ADVICE_KINDS];
};

/* THE table; ends with NULL. The first is the one that dumps without a runtime's name are held to
 * be of. */
extern const struct runtime_words *const runtime_table[];

/* The first characters of all `made`: most names have none, so that one pass tells. */
extern const char made_signs[];

/* Never NULL; %s is still in it. */
const char *runtime_advice(const char *runtime, enum advice advice);

/* -- Words ------------------------------------------------------------------------------------- */

bool words_begin(const struct words *words, struct str text); /* does one of them begin the text? */
bool words_begin_nocase(const struct words *words, struct str text);
bool words_end(const struct words *words, struct str text);
bool words_within(const struct words *words, struct str text);
bool words_are(const struct words *words, struct str text); /* is one of them all of it? */

/*
 * Is that so of the list of any runtime? list: where it is in struct runtime_words, [bytes].
 */
bool runtimes_say(bool (*test)(const struct words *, struct str), size_t list, struct str text);
#define RUNTIMES_SAY(test, list, text) \
    runtimes_say((test), offsetof(struct runtime_words, list), (text))

#endif
