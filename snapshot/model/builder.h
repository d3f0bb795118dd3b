/*
 * Fills a snapshot. Readers lend bytes, the builder copies.
 *
 * A builder may be fed by several sources about one dump (its transcripts, its thread times). What
 * two of them say twice must agree: builder_say_* keeps the first and warns about the second.
 */
#ifndef DUMPDIFF_MODEL_BUILDER_H
#define DUMPDIFF_MODEL_BUILDER_H

#include "model/parts.h"

/* Longest name kept: type names of generic monsters are cut behind it, with a warning. */
#define NAME_MAX_BYTES 16384
/* Rows a part may have; more is ERR_LIMIT. */
#define ROWS_MAX 20000000u
/* Reasons kept one by one; more are counted in a last one. */
#define REASONS_MAX 64u
/* Rows of PART_ABSENCES. */
#define ABSENCES_MAX 256u

/* Tables of types of several times in one text; more are not told apart. */
#define TYPES_MOMENTS_MAX 64u

/* How much of the heap the rows of PART_TYPES speak of. */
enum types_scope { TYPES_NONE, TYPES_FILTERED, TYPES_WHOLE };

struct builder;

/*
 * What sources of one dump tell one another of tables that several of them give; lent, and the
 * builder's. builder_drop of PART_TYPES sets types_scope back.
 */
struct builder_shared {
    enum types_scope types_scope; /* set by readers of type tables */
    bool types_cut;               /* rows of that table are known or feared to be missing */
    struct bounds types_unlisted; /* what they hold at most, where types_cut */
    uint64_t types_missing_bytes; /* of all of them; ABSENT: not known */
    uint32_t types_tables;        /* [count] tables of types read so far */
    const char *reading;    /* static name of what reads now; NULL: no reader that has several */
    size_t reading_at;      /* [bytes] where in its text that began */
    const char *types_from; /* what read the whole table of types that is kept */
    /* Where whole tables of the same reader began that differ from the one before: of other times.
     */
    size_t types_at[TYPES_MOMENTS_MAX];
    uint32_t types_moments;
    const char *memory_map_from;  /* static name of what filled PART_MEMORY_MAP; NULL: nothing */
    uint64_t free_blocks_bytes;   /* [bytes] sum of the rows of PART_FREE_BLOCKS */
    uint64_t finalizable_objects; /* [count] sum of the rows of PART_FINALIZABLE */
};

/* Never NULL. */
struct builder_shared *builder_shared(struct builder *b);

/*
 * snapshot is initialised and empty; it stays the caller's, who frees the builder before it. Adds
 * the origin row. NULL: ERR_NOMEM.
 */
struct builder *builder_new(struct snapshot *snapshot, struct err *err) MUST_CHECK;
void builder_free(struct builder *b);

/* The snapshot that is being built; never NULL. */
struct snapshot *builder_snapshot(const struct builder *b);

/* The file that is read from now on, for warnings. Borrowed. */
void builder_from(struct builder *b, struct str source);

/*
 * Chooses one moment of a file that holds several, from 0; ABSENT, and where nothing is chosen: the
 * last. builder_chosen says which, builder_moments how many were begun so far.
 */
void builder_choose(struct builder *b, uint64_t moment);
uint64_t builder_chosen(const struct builder *b);
uint64_t builder_moments(const struct builder *b);

/*
 * Ends the building: sorts parts whose order the source does not give (types by name and module,
 * threads by index and OS id), hashes stacks, fills the reasons. The snapshot is then ready to be
 * used. Errors: ERR_NOMEM, ERR_LIMIT (row cap), ERR_USAGE (the moment that is wanted is not in the
 * file).
 */
bool builder_finish(struct builder *b, struct err *err) MUST_CHECK;

/* Marks a part as present, even when no row follows (an empty lock table is a fact). */
void builder_present(struct builder *b, enum part part);

/*
 * Appends a row to a part (which becomes present) and lends it: strings NULL, numbers ABSENT, cells
 * 0. The pointer is valid until the next row is added to the same part. NULL: out of memory or
 * ERR_LIMIT.
 */
void *builder_row(struct builder *b, enum part part, struct err *err) MUST_CHECK;

/*
 * The row of a single-row part, added when it is not there yet. Lent as by builder_row. NULL:
 * ERR_NOMEM.
 */
void *builder_single(struct builder *b, enum part part, struct err *err) MUST_CHECK;

/* Rows added so far, to be changed in place; NULL and 0 when there are none. */
void *builder_rows(struct builder *b, enum part part, uint32_t *ret_count);

/*
 * An index over the rows of any part, for readers that must know whether a row was said already
 * without walking all rows. `key` is a hash of what identifies the row, so the caller compares what
 * it finds. builder_find gives NULL when nothing was stored under the key; builder_index stores the
 * last row added to the part. The index is empty after builder_finish: sorting moves rows.
 * Errors: ERR_NOMEM.
 */
void *builder_find(struct builder *b, enum part part, uint64_t key);
bool builder_index(struct builder *b, enum part part, uint64_t key, struct err *err) MUST_CHECK;
/* The same of any row of the part. Errors: ERR_NOMEM. */
bool builder_index_row(struct builder *b, enum part part, const void *row, uint64_t key,
                       struct err *err) MUST_CHECK;

/*
 * Adds a counter, or compares it with the one of that name that is already there (see builder_say).
 *
 * name  dotted, lower case: "threadpool.workers_running"
 * unit  "count", "bytes", "percent", "ns"
 *
 * Errors: ERR_NOMEM, ERR_LIMIT (row cap).
 */
bool builder_counter(struct builder *b, const char *name, uint64_t value, const char *unit,
                     struct err *err) MUST_CHECK;

/*
 * Begins the next moment of a file that tells of several (the ticks of a log), oldest first. Called
 * in front of the rows of each. What earlier ones said in `parts` (PART_BITs) is forgotten when
 * this moment is wanted. false: it is not wanted, its rows are to be passed over.
 */
bool builder_moment(struct builder *b, uint64_t parts);

/*
 * Ends what the moment says: what was warned about since it began is forgotten with it, when
 * another one comes that is wanted. Without a moment that began it does nothing.
 */
void builder_moment_end(struct builder *b);

/*
 * The text that is read tells of so many moments, and is read anew: forgets all that was said.
 * Readers that begin moments of their own belong to the one that is chosen then. Returns its
 * number, from 0; that of the last where the one that is wanted does not exist.
 */
uint64_t builder_begin_anew(struct builder *b, uint64_t moments);

/* Was nothing said before by another source? */
bool builder_is_new(const struct builder *b);

/* Forgets a part: its rows and that it was there. */
void builder_drop(struct builder *b, enum part part);

/*
 * Copies s into the snapshot, once for equal strings. Broken UTF-8 and control characters become
 * U+FFFD; of more than NAME_MAX_BYTES the end becomes a checksum of all of them, which is noted:
 * such names stay apart, so nothing is lost that is counted. NULL: out of memory.
 */
const char *builder_string(struct builder *b, struct str s, struct err *err) MUST_CHECK;

/*
 * As builder_string for an array, e.g. the frames of a stack. *ret_strings belongs to the snapshot.
 * Errors: ERR_NOMEM.
 */
bool builder_strings(struct builder *b, const struct str *items, uint32_t count,
                     struct strings *ret_strings, struct err *err) MUST_CHECK;

/*
 * So many types are likely to come, give or take: room for them at once instead of by and by, where
 * there is enough memory. More than TYPES_EXPECTED_MAX are not believed.
 */
#define TYPES_EXPECTED_MAX 65536u
void builder_expect_types(struct builder *b, uint64_t types);

/*
 * Adds objects of one type; same (name, module, generation) adds up.
 *
 * name        borrowed, copied; 1..NAME_MAX_BYTES
 * module      file name of the module; empty: not known
 * generation  GEN_0..GEN_FROZEN, or GEN_UNKNOWN if the source has none
 * cell        [count] objects at dump time, [bytes] sum of shallow sizes as the source counts them
 *
 * Errors: ERR_NOMEM, ERR_LIMIT (row cap). On error the builder is unchanged.
 */
bool builder_add_type(struct builder *b, struct str name, struct str module,
                      enum generation generation, struct cell cell, struct err *err) MUST_CHECK;

/*
 * Adds live objects to a type that was added before (to its columns live_objects and live_bytes); a
 * type that was not is ignored. Errors: ERR_NOMEM.
 */
bool builder_add_live(struct builder *b, struct str name, struct str module, struct cell live,
                      struct err *err) MUST_CHECK;

/* The row of a type as its names are kept; NULL: none. Valid until the next type is added. */
struct type_row *builder_type(struct builder *b, const char *name, const char *module);

/*
 * The thread of that OS id (or, where that is ABSENT or 0, of that managed id), added when it is
 * new. At least one id must be given. Both are stored. Valid until the next thread is added. NULL:
 * ERR_NOMEM, ERR_LIMIT (row cap).
 */
struct thread_row *builder_thread(struct builder *b, uint64_t os_id, uint64_t managed_id,
                                  struct err *err) MUST_CHECK;

/* As builder_thread by an OS id, of one that was added already. NULL: none was. */
struct thread_row *builder_thread_known(struct builder *b, uint64_t os_id);

/* The thread to which the debugger gave this number, NULL when none is known by it. */
struct thread_row *builder_thread_by_number(struct builder *b, uint64_t number);

/*
 * The thread to which the debugger gave this number, added when none is known by it: one of which
 * the source says nothing else yet. Only numbers said by this and builder_thread_number count.
 * NULL: ERR_NOMEM, ERR_LIMIT (row cap).
 */
struct thread_row *builder_thread_numbered(struct builder *b, uint64_t number,
                                           struct err *err) MUST_CHECK;

/*
 * Stores the debugger's number of a thread (thread_row.index) so that it can be found by it. What
 * builder_thread_numbered has of that number so far becomes this thread's. Errors: ERR_NOMEM.
 */
bool builder_thread_number(struct builder *b, struct thread_row *thread, uint64_t number,
                           struct err *err) MUST_CHECK;

/*
 * Stores a value that another source may have said already. Equal or first: stored. Different: the
 * first stays, and a warning names `what` and both values. builder_say_string copies the value.
 * Errors: ERR_NOMEM.
 */
void builder_say(struct builder *b, uint64_t *field, uint64_t value, const char *what);
bool builder_say_string(struct builder *b, const char **field, struct str value, const char *what,
                        struct err *err) MUST_CHECK;
/* "./shop --fast": the program, without folder and arguments. Errors: ERR_NOMEM. */
bool builder_say_program(struct builder *b, struct str command, struct err *err) MUST_CHECK;

/*
 * Something was skipped, cut or does not add up: lowers trust to partial, and shows in
 * trust.reasons. count: how many rows, bytes or objects it concerns; ABSENT when there is no
 * number. Equal texts are merged, their counts added. Never fails: out of memory drops the text,
 * not the grade.
 */
void builder_warn(struct builder *b, uint64_t count, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Something the reader of the report should know that does not lower trust. */
void builder_note(struct builder *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * Keeps why something of these parts (PART_BITs) is not there, for rules to quote. Does not lower
 * trust: what should have been there is warned about as well. Equal ones are merged, their counts
 * added. What another source fills after all is forgotten by builder_finish. Never fails: out of
 * memory, or too many of them, drop it.
 *
 * count  as in absence_row
 */
void builder_absent(struct builder *b, uint64_t parts, enum aspect aspect, uint64_t count,
                    const char *fmt, ...) PRINTF_LIKE(5, 6);

/*
 * Keeps that rows of a part are not there, and what they can hold at most. Of several the largest
 * bounds count (see snapshot_unlisted). As builder_absent otherwise.
 */
void builder_unlisted(struct builder *b, enum part part, uint64_t count, struct bounds most,
                      const char *fmt, ...) PRINTF_LIKE(5, 6);

/* builder_warn and builder_absent, with the same words. */
void builder_lacks(struct builder *b, uint64_t parts, enum aspect aspect, uint64_t count,
                   const char *fmt, ...) PRINTF_LIKE(5, 6);

/*
 * The figures cannot be used for verdicts: trust becomes unusable, and this is the first reason.
 * Of a snapshot of which no part says anything builder_finish decides it, whatever was read.
 */
void builder_unusable(struct builder *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
