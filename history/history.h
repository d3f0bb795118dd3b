/*
 * Snapshots of a program across releases and instances, in a SQLite file or a PostgreSQL database.
 *
 * What is kept of a snapshot: its origin, and for every type and every lined-up value (generations,
 * finalizer, handles, counters, ...) the counts and bytes, as plain rows that anybody can query. A
 * snapshot is known by the hash of its content. It belongs to a run: one life of one process, of an
 * instance (a pod, a host) of a program in an environment, of a release. Only what changed since
 * the run's snapshot before takes rows.
 *
 * A snapshot is added in one transaction: after a crash it is there as a whole or not at all. Any
 * number of processes may add at once. A SQLite file is in WAL mode, with foreign keys on.
 */
#ifndef DUMPDIFF_HISTORY_HISTORY_H
#define DUMPDIFF_HISTORY_HISTORY_H

#include "model/parts.h"
#include "base/arena.h"

struct store_body;
struct type_cache;

struct history {
    const struct store_body *body; /* NULL: not open */
    void *store;                   /* the body's own */
    struct type_cache *types;
    struct arena arena; /* owns what queries return */
    const char *path;   /* for messages: of a database without its password */
    bool again;         /* the last error need not come again: another writer was in the way */
    uint32_t all; /* entries that history_entries() found last, if none was left out; else 0 */
};

enum history_mode {
    HISTORY_READ,   /* the file has to be there, and nothing is written, nor beside it for long */
    HISTORY_WRITE,  /* the file has to be there */
    HISTORY_CREATE, /* made when it is not there */
};

/* What a snapshot is filed under. */
struct history_key {
    const char *program, *release, *environment, *instance; /* never NULL; "": not said */
};

struct history_entry {
    uint64_t id;          /* number in this history */
    uint64_t run;         /* one life of one process: its snapshots go on from each other */
    uint64_t instance_id; /* of the program in its environment */
    uint64_t program_id;
    bool of_process; /* the run is one life of a process, by its start or number */
    struct history_key key;
    const char *label, *runtime; /* NULL: not said */
    uint64_t captured_at_ns;     /* [ns since 1970]; ABSENT */
    uint64_t process_start_ns;   /* [ns since 1970]; ABSENT */
    uint64_t trust;              /* enum trust_grade */
    uint64_t parts;              /* PART_BIT of what the snapshot had */
    uint64_t objects, bytes;     /* of the heap; ABSENT without types */
};

/* NULL: any. */
struct history_filter {
    const char *program, *release, *environment, *instance;
    uint64_t since_ns; /* taken then or later; 0: whenever, and if that is not known */
};

enum history_kind { HISTORY_TYPE, HISTORY_VALUE };

/* Columns of a type or value in one snapshot. */
enum history_column {
    HISTORY_OBJECTS, /* of a value: its count */
    HISTORY_BYTES,   /* of a value: the value */
    HISTORY_MATURE,  /* [bytes] in gen2, LOH, POH and frozen */
    HISTORY_LIVE_OBJECTS,
    HISTORY_LIVE_BYTES,
    HISTORY_COLUMNS
};

/* Is it no file, but a PostgreSQL database: "postgresql://..." or "postgres://..."? */
bool history_is_server(const char *path);

/*
 * Opens a file, or connects. A file that was not closed properly is checked as a whole first.
 * Errors: ERR_IO (cannot be opened, or reached), ERR_FORMAT (not a history, or damaged),
 * ERR_UNSUPPORTED (from a newer dumpdiff, or this build knows no PostgreSQL), ERR_SYSTEM. All
 * messages name the path.
 */
bool history_open(struct history *h, const char *path, enum history_mode mode,
                  struct err *err) MUST_CHECK;
void history_close(struct history *h);

/*
 * Makes the roles dumpdiff_writer, which may add, and dumpdiff_reader, which may read, where they
 * are not there, and gives them these rights and no others. Errors: ERR_USAGE (a file has no
 * roles), ERR_SYSTEM (not ours to give).
 */
bool history_make_roles(struct history *h, struct err *err) MUST_CHECK;

/* A socket that the history talks through; -1: it is a file. */
int history_socket(const struct history *h);

/* What a rule found, or what holds a type that grows: kept once a run, with when it was seen. */
struct history_finding {
    const char *rule, *severity, *subject, *summary;
};
struct history_holder {
    const char *type, *held_by; /* the path, from the root down */
    uint64_t objects, bytes;    /* of the type, held there */
};
struct history_notes {
    uint64_t requests; /* [count] that were served so far, as whoever adds it says; 0: not said */
    const struct history_finding *findings;
    const struct history_holder *holders;
    uint32_t finding_count, holder_count;
};

/*
 * Adds a snapshot; *ret_id is its number, *ret_known: the very same one was there already under
 * this key, and nothing was written. notes: NULL: none.
 * Errors: ERR_INCONCLUSIVE (its types are only some of the heap's), ERR_SYSTEM, ERR_NOMEM.
 */
bool history_add(struct history *h, const struct snapshot *snapshot, const struct history_key *key,
                 const struct history_notes *notes, uint64_t *ret_id, bool *ret_known,
                 struct err *err) MUST_CHECK;

/*
 * Snapshots that the filter takes, by time of capture, then number; by number alone where one does
 * not say when. Owned by the history. Errors: ERR_FORMAT (damaged), ERR_SYSTEM, ERR_NOMEM.
 */
bool history_entries(struct history *h, const struct history_filter *filter,
                     struct history_entry **ret_entries, uint32_t *ret_count,
                     struct err *err) MUST_CHECK;

/* A type or value, in the snapshots of a list of entries. */
struct history_values {
    enum history_kind kind;
    const char *name;
    const char *former;                 /* the name before a rename; NULL: none is part of this */
    uint64_t *columns[HISTORY_COLUMNS]; /* [entry]; ABSENT where not known */
};

/*
 * One type or value by its name, former names by `rename` added up. *ret_found: is there one?
 * Errors: ERR_FORMAT (damaged rows), ERR_SYSTEM, ERR_NOMEM.
 */
bool history_find(struct history *h, const struct history_entry *entries, uint32_t count,
                  const char *name, struct history_values *ret_values, bool *ret_found,
                  struct err *err) MUST_CHECK;

/* Called for each type or value that at least one of the entries has; false ends it as an error. */
typedef bool history_visit(void *context, const struct history_values *values, struct err *err);

/*
 * All of them, in the order of the file; values are borrowed for the call. Errors: ERR_FORMAT
 * (damaged rows), ERR_SYSTEM, ERR_NOMEM, and those of visit.
 */
bool history_each(struct history *h, const struct history_entry *entries, uint32_t count,
                  history_visit *visit, void *context, struct err *err) MUST_CHECK;

/*
 * What holds most of a type in most of the runs of the entries; *ret_held_by NULL: nobody kept it.
 * Errors: ERR_SYSTEM, ERR_NOMEM.
 */
bool history_held_by(struct history *h, const struct history_entry *entries, uint32_t count,
                     const char *type, const char **ret_held_by, struct err *err) MUST_CHECK;

/*
 * From now on `old` is read as `new_name` in all snapshots of the program. Errors: ERR_USAGE (no
 * such program), ERR_SYSTEM, ERR_NOMEM.
 */
bool history_rename(struct history *h, const char *program, const char *old, const char *new_name,
                    struct err *err) MUST_CHECK;

/*
 * Keeps the newest `keep` snapshots of each instance in each release. Errors: ERR_USAGE (keep is
 * 0), ERR_SYSTEM, ERR_NOMEM.
 */
bool history_prune(struct history *h, const struct history_filter *filter, uint64_t keep,
                   uint64_t *ret_removed, struct err *err) MUST_CHECK;

/* Lets go of what was taken before; PostgreSQL: of whole months that end by then. Errors:
 * ERR_SYSTEM, ERR_NOMEM. */
bool history_prune_before(struct history *h, uint64_t before_ns, uint64_t *ret_removed,
                          struct err *err) MUST_CHECK;

#endif
