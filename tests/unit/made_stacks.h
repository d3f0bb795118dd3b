/* Allocation stacks, made and found: rows of PART_STACKS and what a series makes of them. */
#ifndef DUMPDIFF_TESTS_MADE_STACKS_H
#define DUMPDIFF_TESTS_MADE_STACKS_H

#include "made.h"

#include "model/rows_stacks.h"
#include "model/stacks.h"

/* A stack of snapshot i; frames innermost first, separated by '|'. */
MADE struct stack_row *made_stack(struct made *m, uint32_t i, const char *frames, uint64_t count,
                                  uint64_t bytes) {
    struct stack_row *row = made_row(m, i, PART_STACKS);
    *row = STACK_ROW;
    made_frames(m, i, &row->frames, frames);
    row->count = count;
    row->bytes = bytes;
    return row;
}

/* The stack of the series whose place reads so; fails the test where there is none. */
MADE const struct series_stack *made_stack_find(const struct made *m, const char *place) {
    for (uint32_t i = 0; i < m->series.stack_count; i++) {
        struct strbuf text;
        strbuf_init(&text);
        series_stack_place(&m->series.stacks[i], 9, &text);
        bool same = strcmp(strbuf_cstr(&text), place) == 0;
        strbuf_deinit(&text);
        if (same)
            return &m->series.stacks[i];
    }
    fail_msg("no stack %s", place);
    return NULL;
}

#endif
