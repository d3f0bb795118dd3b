/*
 * Stacks by the lines of their source. Rows whose frames are the same in other lines are one stack,
 * since lines move with each edit; what each line has is kept beside it.
 */
#include "base/hash.h"
#include "diff/series/stack_internal.h"

#include "base/num.h"
#include "base/vec.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

bool stack_lines_note(struct stack_table *t, uint32_t stack, const struct stack_part *part) {
    if (!VEC_ROOM_IN(&t->scratch, t->parts, t->part_count, t->part_capacity, NULL))
        return false;
    struct stack_ids *ids = &t->ids[stack];
    t->parts[t->part_count] = *part;
    t->parts[t->part_count].next = STACK_NONE;
    if (ids->last_part == STACK_NONE)
        ids->first_part = t->part_count;
    else
        t->parts[ids->last_part].next = t->part_count;
    ids->last_part = t->part_count++;
    return true;
}

void stack_lines_move(struct stack_table *t, uint32_t into, uint32_t from) {
    struct stack_ids *a = &t->ids[into], *b = &t->ids[from];
    if (b->first_part == STACK_NONE)
        return;
    if (a->last_part == STACK_NONE)
        a->first_part = b->first_part;
    else
        t->parts[a->last_part].next = b->first_part;
    a->last_part = b->last_part;
    b->first_part = b->last_part = STACK_NONE;
}

/* -- One stack --------------------------------------------------------------------------------- */

static bool lines_new(struct series *s, struct series_lines *line, bool ever,
                      const struct strings *places) {
    *line = (struct series_lines){
        .places = *places,
        .totals = arena_array(&s->arena, s->count, sizeof(*line->totals)),
        .ever = ever ? arena_array(&s->arena, s->count, sizeof(*line->ever)) : NULL,
    };
    if (!line->totals || (ever && !line->ever))
        return false;
    for (uint32_t i = 0; i < s->count; i++) {
        line->totals[i] = (struct cell){ABSENT, ABSENT};
        if (ever)
            line->ever[i] = line->totals[i];
    }
    return true;
}

/* The lines of a stack that are those places, added where they are new; NULL: out of memory. */
static struct series_lines *lines_at(struct stack_table *t, struct series_stack *stack,
                                     struct u64map *by_places, const struct strings *places) {
    uint64_t key = places->count;
    for (uint32_t i = 0; i < places->count; i++)
        key = key_with(key, key_of_bytes(places->items[i], strlen(places->items[i])));
    uint32_t at;
    /* A hash may be that of other places: the next key is tried then. */
    for (; (at = u64map_get(by_places, key)) != STRMAP_NONE; key = key_with(key, 1))
        if (strings_equal(&stack->lines[at].places, places))
            return &stack->lines[at];
    at = stack->line_count;
    if (!lines_new(t->s, &stack->lines[at], stack->ever != NULL, places) ||
        !u64map_put(by_places, key, at))
        return NULL;
    stack->line_count++;
    return &stack->lines[at];
}

/* Where it is known what the stack has, what no row says of a line is nothing. */
static void lines_fill(const struct cell *of_stack, struct cell *cells, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (cells[i].objects == ABSENT && of_stack[i].objects != ABSENT)
            cells[i].objects = 0;
        if (cells[i].bytes == ABSENT && of_stack[i].bytes != ABSENT)
            cells[i].bytes = 0;
    }
}

/* What the line has, or how much it went the way of its stack. */
static int64_t lines_weight(const struct series *s, const struct series_stack *stack,
                            const struct series_lines *line, bool of_bytes) {
    uint32_t last = s->count - 1;
    struct cell first = line->totals[0], now = line->totals[last];
    int64_t delta = of_bytes ? series_delta(now.bytes, last ? first.bytes : 0)
                             : series_delta(now.objects, last ? first.objects : 0);
    return last && (of_bytes ? stack->bytes_delta : stack->count_delta) < 0 ? -delta : delta;
}

struct lines_context {
    const struct series *s;
    const struct series_stack *stack;
};

static int cmp_lines_of_stack(const void *x, const void *y, void *context) {
    const struct series_lines *a = x, *b = y;
    const struct lines_context *c = context;
    for (int of_bytes = 1; of_bytes >= 0; of_bytes--) {
        int64_t m = lines_weight(c->s, c->stack, a, of_bytes),
                n = lines_weight(c->s, c->stack, b, of_bytes);
        if (m != n)
            return m > n ? -1 : 1;
    }
    for (uint32_t i = 0; i < a->places.count && i < b->places.count; i++) {
        int order = strcmp(a->places.items[i], b->places.items[i]);
        if (order)
            return order;
    }
    return (a->places.count > b->places.count) - (a->places.count < b->places.count);
}

static bool lines_join(struct stack_table *t, uint32_t number) {
    struct series_stack *stack = &t->s->stacks[number];
    struct u64map by_places;
    uint32_t parts = 0, said = 0;
    bool ok = true;
    for (uint32_t i = t->ids[number].first_part; i != STACK_NONE; i = t->parts[i].next) {
        parts++;
        said += t->parts[i].places.count != 0;
    }
    if (!said)
        return true;
    if (!(stack->lines = arena_array(&t->s->arena, parts, sizeof(*stack->lines))))
        return false;
    u64map_init(&by_places);
    for (uint32_t i = t->ids[number].first_part; ok && i != STACK_NONE; i = t->parts[i].next) {
        const struct stack_part *part = &t->parts[i];
        struct series_lines *line = lines_at(t, stack, &by_places, &part->places);
        if (!(ok = line != NULL))
            break;
        figures_add(&line->totals[part->snapshot],
                    (struct cell){part->row->count, part->row->bytes});
        if (line->ever)
            figures_add(&line->ever[part->snapshot],
                        (struct cell){part->row->total_count, part->row->total_bytes});
    }
    u64map_deinit(&by_places);
    for (uint32_t i = 0; ok && i < stack->line_count; i++) {
        lines_fill(stack->totals, stack->lines[i].totals, t->s->count);
        if (stack->ever)
            lines_fill(stack->ever, stack->lines[i].ever, t->s->count);
    }
    struct lines_context context = {t->s, stack};
    if (ok)
        qsort_r(stack->lines, stack->line_count, sizeof(*stack->lines), cmp_lines_of_stack,
                &context);
    return ok;
}

bool stack_lines_join(struct stack_table *t) {
    for (uint32_t n = 0; n < t->s->stack_count && t->any_places; n++)
        if (!lines_join(t, n))
            return false;
    return true;
}

/* -- Shown ------------------------------------------------------------------------------------- */

/* "fill.c:40": without the folder; its line alone where the file is that of the one before. */
static void lines_add_place(struct strbuf *out, struct str place, struct str *file) {
    size_t colon = place.len;
    while (colon > 0 && place.ptr[colon - 1] != ':')
        colon--;
    struct str of = colon > 1 ? str_take(place, colon - 1) : place;
    bool same = file->len && str_eq(*file, of) && colon > 1;
    if (file->len)
        strbuf_adds(out, ", ");
    strbuf_add(out, same ? str_drop(place, colon) : str_file_name(place));
    *file = of;
}

/* Did it take part in what became of the stack? The first did more than all others, or none did. */
static bool lines_took_part(const struct series *s, const struct series_stack *stack,
                            uint32_t line) {
    for (int of_bytes = 1; of_bytes >= 0; of_bytes--) {
        int64_t weight = lines_weight(s, stack, &stack->lines[line], of_bytes);
        if (weight || lines_weight(s, stack, &stack->lines[0], of_bytes))
            return weight > 0 || line == 0;
    }
    return true;
}

void series_stack_source(const struct series *s, const struct series_stack *stack, uint32_t frame,
                         struct strbuf *out) {
    const char *shown[LINES_SHOWN];
    struct str file = {NULL, 0};
    uint32_t count = 0;
    bool more = false;
    for (uint32_t i = 0; i < stack->line_count && !more; i++) {
        const struct strings *places = &stack->lines[i].places;
        const char *place = frame < places->count ? places->items[frame] : "";
        uint32_t k = 0;
        while (k < count && strcmp(shown[k], place) != 0)
            k++;
        if (k < count || !place[0] || !lines_took_part(s, stack, i))
            continue;
        more = count == LINES_SHOWN;
        if (more)
            break;
        shown[count++] = place;
        lines_add_place(out, str_of(place), &file);
    }
    if (more)
        strbuf_adds(out, ", ...");
}
