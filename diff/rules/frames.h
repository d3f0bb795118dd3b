/* What a stack says about its thread: whose code it is in, and what it waits for. */
#ifndef DUMPDIFF_RULES_FRAMES_H
#define DUMPDIFF_RULES_FRAMES_H

#include "diff/names/runtimes.h"
#include "diff/series/series.h"

struct stack_view {
    uint32_t app;        /* innermost frame of application code; frames.count: none */
    uint32_t callee;     /* framework frame that it called; frames.count: none */
    enum wait_kind wait; /* of that call */
};

#define NO_FRAME UINT32_MAX

/* Looks at the managed frames, innermost first; app and callee are NO_FRAME where there is none. */
struct stack_view stack_view(const struct thread_row *row);

/* "Shop.Caching.Handle.Finalize" of "[Frame: 0] Shop.Caching.Handle.Finalize()"; may be empty. */
struct str frame_method(const char *frame);
/* Appends that, of framework frames without type arguments: "Task`1.get_Result". */
void frame_add_short(const char *frame, struct strbuf *out);

/* "sleeps in", for a sentence that goes on with the place. Static, never NULL. */
const char *wait_verb(enum wait_kind wait);

/* "Shop.Gate.Pass -> Latch.Wait": the application frame and what it waits in; "" without. */
void stack_place(const struct thread_row *row, struct strbuf *out);

/* Does it begin with the program's Main? */
bool stack_is_main(const struct thread_row *row);

/* Are there frames that the dump does not name, or callers that could not be found? */
bool stack_is_cut(const struct thread_row *row);

/* Frame of a finalizer that is being run, outermost; NO_FRAME when there is none. */
uint32_t stack_finalizer(const struct thread_row *row);

/* Is it the finalizer thread, a GC thread, a thread of the pool? By role, name and frames. */
bool thread_is_finalizer(const struct thread_row *row);
bool thread_is_gc(const struct thread_row *row);
bool thread_is_pool(const struct thread_row *row);
/* The runtime's own compiler, which ends when the program is warm. */
bool thread_is_compiler(const struct thread_row *row);
bool thread_is_dead(const struct thread_row *row);

#endif
