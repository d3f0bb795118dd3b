/*
 * Roots on thread stacks, found conservatively: every word that points into an object counts, so a
 * stale slot keeps dead objects alive. They are therefore the last group of roots, told apart from
 * the others. Only the part of a stack that can hold managed frames is scanned.
 */
#ifndef DUMPDIFF_DOTNET_STACK_ROOTS_H
#define DUMPDIFF_DOTNET_STACK_ROOTS_H

#include "dotnet/clr_heap.h"

struct stack_root {
    uint64_t object;
    uint32_t thread; /* number in clr->threads */
};

struct stack_roots {
    struct stack_root *items; /* by object, then thread; each pair once */
    uint32_t count, capacity;
    uint32_t unscanned;  /* [count] threads whose stack is not in the dump */
    uint64_t unresolved; /* [count] words into heap that could not be walked */
};

/* Words of one stack that are looked at; a stack is 8 MiB as a rule. */
#define STACK_SCAN_MAX ((uint64_t)64 << 20)

/* The graph of the heap is filled. Errors: ERR_NOMEM. */
bool stack_roots_read(struct clr_heap *h, struct stack_roots *ret_roots,
                      struct err *err) MUST_CHECK;
void stack_roots_free(struct stack_roots *roots);

#endif
