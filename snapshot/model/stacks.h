/*
 * Allocation stacks as readers of heap profiles and leak reports find them: frames without
 * addresses, equal stacks added up.
 *
 * A reader makes each frame once (builder_frame; formats that share frames among stacks keep what
 * it returns), and adds every stack with builder_add_stack.
 */
#ifndef DUMPDIFF_MODEL_STACKS_H
#define DUMPDIFF_MODEL_STACKS_H

#include "model/builder.h"

/* Frames of one stack that are kept, from the innermost; the rest is cut with a warning. */
#define STACK_FRAMES_MAX 1024u

/*
 * The text of one frame: "module!function" or "function"; "module+0x1f40" where no symbol is known;
 * "0x7f31a2b4c5d6" where the module is not known either. Equal texts are equal pointers.
 *
 * function  borrowed; an offset ("+0x1c") behind it is cut, and a source ("[a.c @ 12]") is taken
 * for its place (see builder_frame_at); empty: not known module    borrowed; name or path, of which
 * the file name is kept; empty: not known offset    [bytes] from where the module was loaded to the
 * address, else the address itself; ABSENT: not known. Only shown where the function is not known.
 *
 * NULL: out of memory.
 */
const char *builder_frame(struct builder *b, struct str function, struct str module,
                          uint64_t offset, struct err *err) MUST_CHECK;

/*
 * The frame with the line of the source in which it calls on: equal frames in equal lines are equal
 * pointers, and others are not, although their texts are equal. Stacks are told apart by it.
 *
 * frame  of builder_frame(); NULL fails
 * file   borrowed; with folders, as the source says it; empty or "??": frame is returned
 * line   from 1; 0 or ABSENT: only the file is known
 *
 * NULL: out of memory.
 */
const char *builder_frame_at(struct builder *b, const char *frame, struct str file, uint64_t line,
                             struct err *err) MUST_CHECK;

/* As builder_frame_at() of "src/fill.c:40"; what stands behind the last colon may be
 * no line. NULL: out of memory. */
const char *builder_frame_in(struct builder *b, const char *frame, struct str place,
                             struct err *err) MUST_CHECK;

/*
 * Adds what is allocated by one stack. Rows of the same frames, module, size_each and loss add up:
 * counts and bytes as sums, oldest_ns as the larger.
 *
 * row  borrowed. frames.items are pointers that builder_frame, builder_frame_at or builder_string
 *      gave, innermost first, and may be reused after the call; places is not looked at: the frames
 *      tell; module likewise, or NULL; loss is static, or NULL.
 * Numbers that the source does not say are ABSENT (a designated initialiser leaves them 0, so use
 * STACK_ROW).
 *
 * Errors: ERR_NOMEM, ERR_LIMIT.
 */
bool builder_add_stack(struct builder *b, const struct stack_row *row, struct err *err) MUST_CHECK;

/*
 * Adds one sum of a source. Rows of the same `by`, name and size_each add up; ABSENT adds nothing.
 *
 * row  borrowed; row->by is static, row->name a pointer that builder_string or builder_frame gave,
 *      or NULL
 *
 * Errors: ERR_NOMEM, ERR_LIMIT.
 */
bool builder_add_allocation(struct builder *b, const struct allocation_row *row,
                            struct err *err) MUST_CHECK;

/* A sum that says nothing yet. */
#define ALLOCATION_ROW \
    (struct allocation_row) { \
        .count = ABSENT, .bytes = ABSENT, .cum_count = ABSENT, .cum_bytes = ABSENT, \
        .total_count = ABSENT, .total_bytes = ABSENT, .size_each = ABSENT \
    }

/* A row that says nothing yet. */
#define STACK_ROW \
    (struct stack_row) { \
        .count = ABSENT, .bytes = ABSENT, .total_count = ABSENT, .total_bytes = ABSENT, \
        .size_each = ABSENT, .peak_bytes = ABSENT, .oldest_ns = ABSENT, .temporary_count = ABSENT, \
        .indirect_bytes = ABSENT \
    }

#endif
