/*
 * Frames of native code as the debuggers of Unix print them: what a thread waits in, and for which
 * mutex.
 */
#ifndef DUMPDIFF_INPUT_LOG_NATIVE_FRAME_H
#define DUMPDIFF_INPUT_LOG_NATIVE_FRAME_H

#include "input/log/thread_dump.h"

/* A frame taken apart; what is not said is empty. All borrowed. */
struct native_frame {
    struct str function; /* "take", "std::mutex::lock", "pthread_cond_wait@@GLIBC_2.3.2" */
    struct str arguments;
    struct str module; /* file name */
    struct str source; /* "../sysdeps/nptl/futex-internal.h:146" */
};

/* What a thread is found to wait for. */
struct native_wait {
    const char *means; /* static: "mutex"; NULL: none that is known */
    uint64_t address;  /* of the mutex, where an argument says it; else ABSENT */
    struct str symbol; /* ... its name, or empty */
    bool decided;      /* frames further out have no say any more */
};

/*
 * "module!function" without versions of symbols, as the snapshot keeps it. The copy is its.
 * Errors: ERR_NOMEM; ptr is NULL then.
 */
struct str native_frame_name(struct builder *b, const struct native_frame *frame,
                             struct err *err) MUST_CHECK;

/* Looks at the next frame, innermost first. */
void native_wait_add(struct native_wait *wait, const struct native_frame *frame);

/*
 * Stores the stack that was read, and what the thread waits for where nothing says it yet; a mutex
 * becomes a lock that is held by nobody known. Errors: ERR_NOMEM, ERR_LIMIT.
 */
bool native_stack_store(struct thread_dump *d, struct thread_row *row,
                        const struct native_wait *wait, struct err *err) MUST_CHECK;
/* The same of the innermost frame alone, as lists of threads have it: a stack takes its place.
 * Errors: ERR_NOMEM, ERR_LIMIT. */
bool native_place_store(struct builder *b, struct thread_row *row, const struct native_frame *frame,
                        const struct native_wait *wait, struct err *err) MUST_CHECK;

/*
 * The mutex of that name or address (empty, ABSENT: not known), added when it is new.
 * NULL: ERR_NOMEM, ERR_LIMIT (row cap).
 */
struct lock_row *native_mutex(struct builder *b, uint64_t address, struct str symbol,
                              struct err *err) MUST_CHECK;

/* "#3", "frame #3:", at the start of *text, which loses it. false: it is no frame. */
bool native_take_number(struct str *text, uint64_t *ret_number);

/* An address ("0x000055d1 in ") at the start of *text, which loses it, if there is one. */
void native_skip_address(struct str *text);

#endif
