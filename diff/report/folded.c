/*
 * Collapsed stacks, as Brendan Gregg's FlameGraph and its relatives read them: one stack a line,
 * outermost frame first, ';' in between, then the figure. Of a diff two figures, first and last,
 * as its difffolded.pl writes them. [bytes], or [count] where nothing tells bytes.
 */
#include "diff/report/alloc_view.h"

#include <inttypes.h>

/* ';' separates frames and a line break stacks: neither may be in a name. */
static void folded_add_frame(struct strbuf *out, const char *frame) {
    for (const char *c = frame; *c; c++)
        strbuf_addc(out, *c == ';' ? ':' : *c);
}

/* " (fill.c:40)", as others write it: graphs keep such frames apart. */
static void folded_add_place(struct strbuf *out, struct str place) {
    place = str_file_name(place);
    if (!place.len)
        return;
    strbuf_adds(out, " (");
    for (size_t i = 0; i < place.len; i++)
        strbuf_addc(out, place.ptr[i] == ';' ? ':' : place.ptr[i]);
    strbuf_addc(out, ')');
}

static void folded_add_stack(struct strbuf *out, const struct series_stack *stack,
                             const struct alloc_sample *sample) {
    if (!stack->frames.count)
        strbuf_adds(out, stack->module ? stack->module : "[unknown]");
    for (uint32_t i = stack->frames.count; i-- > 0;) {
        folded_add_frame(out, stack->frames.items[i]);
        folded_add_place(out, alloc_sample_place(sample, i));
        strbuf_adds(out, i ? ";" : "");
    }
}

static uint64_t folded_figure(const struct cell *cell, bool bytes) {
    uint64_t number = bytes ? cell->bytes : cell->objects;
    return number == ABSENT ? 0 : number;
}

static bool write_folded(const struct series *s, const struct report_options *o, struct strbuf *out,
                         struct err *err) {
    struct alloc_view v;
    struct report_options all = *o;
    uint32_t last = s->count - 1;
    all.all = true; /* a graph is made of what did not change, too */
    if (!alloc_view_init(&v, s, ALLOC_STACKS, &all, view_top(o, TOP_ALL), err))
        return false;
    bool bytes = s->allocated[0].bytes != ABSENT && s->allocated[last].bytes != ABSENT;
    for (uint32_t i = 0; i < v.count; i++) {
        const struct series_stack *stack = &s->stacks[v.rows[i]];
        for (uint32_t k = 0; k < alloc_samples(stack); k++) {
            struct alloc_sample sample = alloc_sample(stack, k);
            folded_add_stack(out, stack, &sample);
            strbuf_addf(out, " %" PRIu64, folded_figure(&sample.totals[0], bytes));
            if (last)
                strbuf_addf(out, " %" PRIu64, folded_figure(&sample.totals[last], bytes));
            strbuf_addc(out, '\n');
        }
    }
    alloc_view_deinit(&v);
    return strbuf_ok(out, err);
}

static bool folded(const struct series *s, const struct findings *f, const struct report_options *o,
                   struct strbuf *out, struct err *err) {
    (void)f;
    return write_folded(s, o, out, err);
}

extern const struct report report_folded;
const struct report report_folded = {.name = "folded",
                                     .summary = "allocation stacks for flame graphs; of a diff "
                                                "with the bytes before and after",
                                     .needs = PART_BIT(PART_STACKS),
                                     .show = folded,
                                     .diff = folded};
