/*
 * What readers of heap profiles share: memory maps, addresses that become frames, samples that
 * become estimates. Used by jemalloc.c, gperftools.c and pprof_profile.c.
 *
 * A stack is pushed frame by frame, innermost first, and then added with its figures. Frames of the
 * allocator itself at its inner end (malloc, operator new, all of libjemalloc and libtcmalloc) are
 * left out, as jeprof and pprof do: everything would be put down to them.
 */
#ifndef DUMPDIFF_INPUT_PROFILE_HEAP_PROFILE_H
#define DUMPDIFF_INPUT_PROFILE_HEAP_PROFILE_H

#include "base/hash.h"
#include "input/input.h"
#include "memory/stacks/native_stacks.h"
#include "model/stacks.h"

/* One mapping of the process that was profiled. */
struct profile_mapping {
    uint64_t start, end, file_offset;
    struct str path, build_id; /* in the profile; empty: none */
};

struct profile_frame {
    const char *text;
    bool of_allocator;
};

struct heap_profile {
    struct builder *b;
    struct symbolizer symbolizer;
    struct arena arena;
    struct profile_mapping *mappings; /* by start, once heap_profile_sort_maps was called */
    uint32_t mapping_count, mapping_capacity;
    struct u64map by_address; /* to number of frame */
    struct profile_frame *frames;
    uint32_t frame_count, frame_capacity;
    const char *stack[STACK_FRAMES_MAX + 1]; /* being pushed */
    uint32_t depth;
    bool only_allocator;   /* no frame but the allocator's so far */
    uint64_t unmapped;     /* [count] addresses in no mapping */
    uint64_t anonymous;    /* [count] addresses in a mapping of no file */
    uint64_t no_function;  /* [count] addresses of modules with symbols, but in no function */
    uint64_t bad_mappings; /* [count] lines of the map not understood */
};

/* Begins to read source, as text if is_text; heap_profile_end must follow. */
void heap_profile_begin(struct heap_profile *p, const struct source *source, bool is_text,
                        struct builder *b);
/* Frees all, warns and notes what is to be said. */
void heap_profile_end(struct heap_profile *p);

/*
 * Lines of /proc/PID/maps, or "start-end: path" as tcmalloc writes them, to the end of text; all
 * else there is counted as not understood. Sorts. Errors: ERR_NOMEM, ERR_LIMIT.
 */
bool heap_profile_read_maps(struct heap_profile *p, struct str text, struct err *err) MUST_CHECK;

/*
 * Adds a mapping; strings borrowed until the end. Call heap_profile_sort_maps behind the last.
 * Errors: ERR_NOMEM, ERR_LIMIT (too many).
 */
bool heap_profile_add_map(struct heap_profile *p, const struct profile_mapping *mapping,
                          struct err *err) MUST_CHECK;
void heap_profile_sort_maps(struct heap_profile *p);

/* The next frame: a return address. Errors: ERR_NOMEM. */
bool heap_profile_push(struct heap_profile *p, uint64_t address, struct err *err) MUST_CHECK;

/*
 * The next frames: "0x5605f2a1b3c4 0x5605f2a1b000", return addresses. *not_understood is raised for
 * each word that is none. Errors: ERR_NOMEM.
 */
bool heap_profile_push_all(struct heap_profile *p, struct str addresses, uint64_t *not_understood,
                           struct err *err) MUST_CHECK;

/* The frame of a return address; borrowed until the next frame is asked for. NULL: ERR_NOMEM. */
const struct profile_frame *heap_profile_frame(struct heap_profile *p, uint64_t address,
                                               struct err *err) MUST_CHECK;

/* A frame by its names; either may be empty. false: ERR_NOMEM. */
bool heap_profile_named(struct heap_profile *p, struct str function, struct str module,
                        struct profile_frame *ret_frame, struct err *err) MUST_CHECK;
void heap_profile_push_frame(struct heap_profile *p, const struct profile_frame *frame);

/*
 * Adds the stack that was pushed, and begins the next. row->frames is filled in. Errors: ERR_NOMEM,
 * ERR_LIMIT (row cap).
 */
bool heap_profile_add(struct heap_profile *p, struct stack_row *row, struct err *err) MUST_CHECK;

/*
 * Says what wrote the profile, and, where figures are estimates, how they were sampled.
 *
 * rate     [bytes] one sample of so many; up to 1: nothing is sampled; ABSENT: not known
 * samples  [count] that the estimates are made of; ABSENT: not known
 *
 * Errors: ERR_NOMEM.
 */
bool heap_profile_say_origin(struct heap_profile *p, const char *tool, uint64_t rate,
                             uint64_t samples, struct err *err) MUST_CHECK;

/* Forgets the stack that was pushed. */
void heap_profile_drop(struct heap_profile *p);

/*
 * From what was sampled to what there was. A sampler that takes one of every `rate` bytes, on
 * average and at random (Poisson), sees an allocation of n bytes with probability 1 - exp(-n/rate):
 * count and bytes are divided by that of their average, and rounded to whole ones. rate up to 1:
 * all were seen.
 * Source: AdjustSamples in jeprof (sampling_algorithm 2), scaleHeapSample in pprof; they keep
 * fractions up to the sum or cut them off, so sums may differ by one byte a stack.
 */
void heap_profile_unsample(uint64_t rate, uint64_t *count, uint64_t *bytes);

#endif
