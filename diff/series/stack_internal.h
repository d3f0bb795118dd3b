/*
 * While stacks are lined up: every frame once, as a number, with what is known of it; stacks as
 * lists of numbers. Internal to the series.
 */
#ifndef DUMPDIFF_SERIES_STACK_TABLE_H
#define DUMPDIFF_SERIES_STACK_TABLE_H

#include "base/hash.h"
#include "diff/series/series_internal.h"

#define STACK_NONE UINT32_MAX

struct stack_frame {
    const char *text;        /* borrowed: as the newest snapshot has it */
    struct str key;          /* normalised, in the scratch arena: what it is known by */
    uint32_t module;         /* number in modules; STACK_NONE: not known */
    uint32_t function, bare; /* numbers in names: without module; without arguments, too */
    uint32_t first, last;    /* snapshots it is seen in */
    uint32_t canon;          /* itself, or what it is called after its module was renamed */
    bool symbol, allocator;
};

struct stack_module {
    const char *name;     /* in the series' arena */
    uint32_t first, last; /* snapshots it is seen in */
    uint32_t functions;   /* with a symbol */
    uint32_t renamed_to;  /* STACK_NONE: not */
};

/* One stack of the series while it is joined; numbers as series.stacks. */
struct stack_ids {
    const uint32_t *ids; /* frames */
    uint32_t count;
    uint32_t module;                /* as the source puts it down; STACK_NONE: it does not say */
    uint32_t frames_of;             /* the snapshot that its texts are of */
    uint32_t first_part, last_part; /* in parts; STACK_NONE: it has none */
};

/* A row of a snapshot that went into a stack, where any snapshot says lines. */
struct stack_part {
    const struct stack_row *row;
    struct strings places; /* as its frames are folded; empty: it says none */
    uint32_t snapshot;
    uint32_t next; /* of the same stack; STACK_NONE: the last */
};

struct stack_table {
    struct series *s;
    struct arena scratch; /* owns what follows */
    struct stack_frame *frames;
    uint32_t frame_count, frame_capacity;
    struct stack_module *modules;
    uint32_t module_count, module_capacity;
    uint32_t name_count;
    struct u64map by_pointer; /* text of a frame in its snapshot, to its number */
    struct strmap by_key, by_module, by_name;
    struct strbuf text;

    struct stack_ids *ids; /* as many as series.stacks */
    uint32_t stack_capacity, ids_capacity;
    struct u64map by_stack;
    bool any_ever; /* some snapshot tells what was ever allocated */
    bool any_places;
    struct stack_part *parts;
    uint32_t part_count, part_capacity;
};

/* Finds which modules were renamed, and sets `canon` of their frames. false: out of memory. */
bool stack_find_renames(struct stack_table *t) MUST_CHECK;

/* What a module is called in the newest snapshot that has it; STACK_NONE stays. */
uint32_t stack_newest_module(const struct stack_table *t, uint32_t module);

/*
 * Matches stacks that are not in all snapshots by less than all of their text. false: out of
 * memory.
 */
bool stack_match_loosely(struct stack_table *t) MUST_CHECK;

/* Keeps what a row says of lines. false: out of memory. */
bool stack_lines_note(struct stack_table *t, uint32_t stack,
                      const struct stack_part *part) MUST_CHECK;
/* All of `from` belongs to `into`, too. */
void stack_lines_move(struct stack_table *t, uint32_t into, uint32_t from);
/* Fills the lines of the stacks, when these are judged. false: out of memory. */
bool stack_lines_join(struct stack_table *t) MUST_CHECK;

/* Fills s->allocations and s->allocated; t NULL: no snapshot has stacks. Errors: ERR_NOMEM. */
bool series_sum_allocations(struct series *s, const struct stack_table *t,
                            struct err *err) MUST_CHECK;

/* Adds what is known. */
static inline void figure_add(uint64_t *sum, uint64_t more) {
    if (more != ABSENT)
        *sum = *sum == ABSENT ? more : num_add(*sum, more);
}

static inline void figures_add(struct cell *sum, struct cell more) {
    figure_add(&sum->objects, more.objects);
    figure_add(&sum->bytes, more.bytes);
}

/* The growth that counts of allocations, given all outstanding bytes. */
uint64_t series_allocation_floor(const struct series *s, const struct cell *total);

/* Verdict on the bytes, else on the counts. */
enum verdict series_judge_cells(const struct series *s, const struct cell *cells, uint64_t floor,
                                uint64_t *scratch);

#endif
