/* What a builder is, for its own files. */
#ifndef DUMPDIFF_MODEL_BUILDER_IMPL_H
#define DUMPDIFF_MODEL_BUILDER_IMPL_H

#include "base/hash.h"
#include "model/builder.h"

/* A frame with the line of its source: a copy of the text, which has a pointer of its own. */
struct placed_frame {
    const char *text, *place;
};

struct builder {
    struct snapshot *snapshot;                             /* borrowed */
    struct strmap strings;                                 /* interned strings, to their number */
    struct strmap types;                                   /* (name, module) to row number */
    struct u64map threads_by_os_id, threads_by_managed_id; /* to row number */
    struct u64map rows_by_key;                             /* see builder_find */
    const char **interned;
    uint32_t interned_count, interned_capacity;
    struct placed_frame *placed; /* see builder_frame_at() */
    uint32_t placed_count, placed_capacity;
    struct strmap placed_by_text;    /* (frame, place) to number in placed */
    struct u64map placed_by_pointer; /* placed[].text to number in placed */
    struct builder_shared shared;
    struct str source; /* name of the file being read, for warnings; borrowed */
    uint32_t reasons_dropped;
    uint32_t vacated; /* [count] of rows of threads that are no more, see builder_thread_number() */
    uint64_t moment;  /* wanted of a file that holds several, from 0; ABSENT: the last */
    uint64_t moments; /* [count] begun so far, see builder_moment() */
    bool moments_fixed;            /* by builder_begin_anew() */
    bool moment_begun;             /* by builder_moment(), wanted or not */
    bool in_moment;                /* one that is wanted has begun, and not ended */
    uint32_t moment_reasons;       /* [count] reasons given before it */
    uint32_t moment_reasons_after; /* [count] the same when it had ended */
};

/* Keys of different parts live in one map. */
static inline uint64_t builder_part_key(enum part part, uint64_t key) {
    return key_with((uint64_t)part, key);
}

/* Takes out rows of threads whose contents went to another row. */
void threads_drop_vacated(struct builder *b);

#endif
