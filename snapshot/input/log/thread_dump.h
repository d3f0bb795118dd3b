/*
 * What readers of thread dumps share, whatever runtime or debugger printed them: the stack of the
 * thread that is read, locks by their address with who holds them, and where a log that tells of
 * several dumps goes on to the next moment.
 */
#ifndef DUMPDIFF_INPUT_LOG_THREAD_DUMP_H
#define DUMPDIFF_INPUT_LOG_THREAD_DUMP_H

#include "input/log/scan.h"

/* Deeper stacks are cut, and warned about. */
#define DUMP_FRAMES_MAX 10000u

struct thread_dump {
    struct transcript *t;
    bool wanted;        /* it is of the moment that is read: what it says is to be stored */
    struct str *frames; /* of the thread that is read, innermost first; lent or of the snapshot */
    uint32_t count, capacity;
    bool too_deep;
    uint64_t threads; /* [count] read in this section */
    struct scan_loss loss;
};

/* To be deinited. */
void thread_dump_init(struct thread_dump *d, struct transcript *t);
void thread_dump_deinit(struct thread_dump *d);

/* A dump of all threads begins, as its heading says: a moment. */
void thread_dump_begin(struct thread_dump *d);

/*
 * The thread with this key (an id, or hash of a name) begins. One that the moment has already
 * begins the next. Errors: ERR_NOMEM.
 */
bool thread_dump_thread(struct thread_dump *d, uint64_t key, struct err *err) MUST_CHECK;

/* Adds a frame; the text has to live until it is stored. Errors: ERR_NOMEM. */
bool thread_dump_push(struct thread_dump *d, struct str frame, struct err *err) MUST_CHECK;

/*
 * Stores the frames in a column of a thread, and forgets them. Those that are there already stay;
 * that they differ is counted. Errors: ERR_NOMEM.
 */
bool thread_dump_store(struct thread_dump *d, struct strings *column, struct err *err) MUST_CHECK;

/*
 * The thread of that name among those that this section's readers added by name, added when it is
 * new: for texts that say no id. Lent as by builder_thread. NULL: ERR_NOMEM, ERR_LIMIT (row cap).
 */
struct thread_row *thread_dump_named(struct builder *b, struct str name,
                                     struct err *err) MUST_CHECK;
/* So that the thread added last (builder_thread) is found by its name. Errors: ERR_NOMEM. */
bool thread_dump_index(struct builder *b, const struct thread_row *thread,
                       struct err *err) MUST_CHECK;

/*
 * The lock at that address, added when it is new: held, by nobody known.
 *
 * type  of the object, empty: not said
 *
 * NULL: ERR_NOMEM, ERR_LIMIT (row cap).
 */
struct lock_row *thread_dump_lock(struct builder *b, uint64_t address, struct str type,
                                  struct err *err) MUST_CHECK;
/* So that a lock, whose address became known later, is found by it. Errors: ERR_NOMEM. */
bool thread_dump_index_lock(struct builder *b, const struct lock_row *lock,
                            struct err *err) MUST_CHECK;
/* Says who holds it, where nothing does so far. */
void thread_dump_owned(struct lock_row *lock, const struct thread_row *owner);
/* Counts for every lock with an address the threads that wait for it. Linear in both. */
void thread_dump_count_waiters(struct builder *b);

/* Says what was lost, and that no thread was understood where that is so. */
void thread_dump_report(struct thread_dump *d);

#endif
