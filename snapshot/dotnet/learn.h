/*
 * Offsets of a runtime for which there is neither a descriptor nor a table: found in a dump of
 * which a debugger has said something, by intersecting what fits over all threads, types and
 * modules.
 *
 * The outcome has the form of a contract descriptor. It is verified before it is given: the list of
 * threads closes, every type's class points back, and the heap is walked and its types are counted
 * as the debugger counted them.
 */
#ifndef DUMPDIFF_DOTNET_LEARN_H
#define DUMPDIFF_DOTNET_LEARN_H

#include "dotnet/dotnet.h"

/* A line of `threads`. */
struct learn_thread {
    uint64_t address; /* of the runtime's Thread */
    uint64_t managed_id, os_id, state;
    uint64_t pointer, limit; /* of its allocation context; 0: none, or not said */
    bool cooperative;
};

/* A line of `dumpheap -stat`. */
struct learn_type {
    uint64_t mt, objects, bytes;
    struct str name; /* borrowed */
};

struct learn_said {
    struct learn_thread *threads;
    uint32_t thread_count, thread_capacity;
    struct learn_type *types;
    uint32_t type_count, type_capacity;
};

/*
 * json  appended: the descriptor
 * told  appended: lines for people; what was learnt, what was not, how far it agrees
 * build arena of the space: what names the runtime's build, as clr_learnt_name has it
 *
 * Errors: ERR_UNSUPPORTED (no such runtime, or nothing that fits: told says what), ERR_NOMEM.
 */
bool dotnet_learn(struct space *space, struct builder *b, const struct learn_said *said,
                  struct strbuf *json, struct strbuf *told, const char **ret_build,
                  struct err *err) MUST_CHECK;

#endif
