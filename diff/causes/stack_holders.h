/*
 * Which thread's stack holds what only stacks hold. Growth adds up the stacks, since threads come
 * and go; most of it is often on one of them, and that thread has a name and a method that runs.
 */
#ifndef DUMPDIFF_CAUSES_STACK_HOLDERS_H
#define DUMPDIFF_CAUSES_STACK_HOLDERS_H

#include "diff/series/series.h"

struct stack_holder {
    const char *root;                   /* as the newest snapshot has it; NULL: no single one */
    const struct series_thread *thread; /* NULL: not known */
};

/*
 * The one on which most of the growth of a type is that stacks hold directly, that is `bytes_delta`
 * in all, with what hangs below.
 */
struct stack_holder stack_holder_of(const struct series *s, const char *type, int64_t bytes_delta);

#endif
