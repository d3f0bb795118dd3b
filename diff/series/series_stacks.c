/*
 * Joins allocation stacks. A stack is the same when its frames, normalised and folded, and the
 * module it is put down to are; rows that differ in size_each only are one stack. What is not in
 * all snapshots by that is then matched by less (stack_match.c).
 */
#include "base/hash.h"
#include "diff/names/alloc_frames.h"
#include "diff/series/stack_internal.h"

#include "base/num.h"
#include "diff/names/names.h"

#include "base/vec.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

/* Longest cycle of calls that is folded: f -> g -> f -> g. */
#define CYCLE_MOST 4u

/* -- Frames ------------------------------------------------------------------------------------ */

static uint32_t name_number(struct stack_table *t, struct str name) {
    uint32_t number = strmap_get(&t->by_name, name, STR(""));
    if (number != STRMAP_NONE)
        return number;
    return strmap_put(&t->by_name, name, STR(""), t->name_count) ? t->name_count++ : STACK_NONE;
}

static uint32_t module_number(struct stack_table *t, struct str name, uint32_t snapshot) {
    if (!name.len)
        return STACK_NONE;
    uint32_t number = strmap_get(&t->by_module, name, STR(""));
    if (number == STRMAP_NONE) {
        const char *copy = arena_copy(&t->s->arena, name.ptr, name.len);
        number = t->module_count;
        if (!copy || strbuf_failed(&t->text) ||
            !VEC_ROOM_IN(&t->scratch, t->modules, t->module_count, t->module_capacity, NULL) ||
            !strmap_put(&t->by_module, (struct str){copy, name.len}, STR(""), number)) {
            err_keep_nomem(&t->text.err);
            return STACK_NONE;
        }
        t->modules[t->module_count++] =
            (struct stack_module){.name = copy, .first = snapshot, .renamed_to = STACK_NONE};
    }
    t->modules[number].last = snapshot;
    return number;
}

/* "module!function" without what compilers number anew in each build. */
static void frame_key(struct stack_table *t, const char *text) {
    struct alloc_frame parts = alloc_frame_of(text);
    strbuf_clear(&t->text);
    if (t->s->options.exact_names || !parts.function.len) {
        strbuf_adds(&t->text, text);
        return;
    }
    if (parts.module.len) {
        strbuf_add(&t->text, parts.module);
        strbuf_addc(&t->text, '!');
    }
    name_normal(alloc_function_normal(parts.function), &t->text);
}

static bool frame_add(struct stack_table *t, const char *text, uint32_t snapshot) {
    if (!VEC_ROOM_IN(&t->scratch, t->frames, t->frame_count, t->frame_capacity, NULL))
        return false;
    const char *key = arena_copy(&t->scratch, strbuf_cstr(&t->text), t->text.len);
    if (!key)
        return false;
    struct alloc_frame parts = alloc_frame_of(key);
    struct stack_frame *frame = &t->frames[t->frame_count];
    *frame = (struct stack_frame){
        .text = text,
        .key = str_of(key),
        .first = snapshot,
        .canon = t->frame_count,
        .symbol = parts.function.len > 0,
        .allocator = alloc_frame_is_allocator(key),
    };
    frame->module = module_number(t, parts.module, snapshot);
    /* Code without a symbol is known by all of its text. */
    frame->function = name_number(t, frame->symbol ? parts.function : frame->key);
    frame->bare = name_number(t, frame->symbol ? alloc_function_bare(parts.function) : frame->key);
    if (frame->module != STACK_NONE)
        t->modules[frame->module].functions += frame->symbol;
    return frame->function != STACK_NONE && frame->bare != STACK_NONE && !strbuf_failed(&t->text) &&
           strmap_put(&t->by_key, frame->key, STR(""), t->frame_count++);
}

/* The number of a frame; STACK_NONE: out of memory. */
static uint32_t frame_number(struct stack_table *t, const char *text, uint32_t snapshot) {
    uint32_t number = u64map_get(&t->by_pointer, (uintptr_t)text);
    if (number != STRMAP_NONE)
        return number;
    frame_key(t, text);
    number = strbuf_failed(&t->text) ? STACK_NONE
                                     : strmap_get(&t->by_key, strbuf_str(&t->text), STR(""));
    if (number == STRMAP_NONE) {
        if (strbuf_failed(&t->text) || !frame_add(t, text, snapshot))
            return STACK_NONE;
        number = t->frame_count - 1;
    }
    struct stack_frame *frame = &t->frames[number];
    frame->text = text;
    frame->last = snapshot;
    if (frame->module != STACK_NONE)
        t->modules[frame->module].last = snapshot;
    return u64map_put(&t->by_pointer, (uintptr_t)text, number) ? number : STACK_NONE;
}

/* -- Stacks ------------------------------------------------------------------------------------ */

/* A stack read: its frames, folded. */
struct folded {
    uint32_t *ids;
    const char **texts, **places;
    uint32_t count, ids_capacity, texts_capacity, places_capacity, module;
};

/* Takes the second of two equal runs at the end away. */
static void fold_end(struct folded *f) {
    for (uint32_t run = 1; run <= CYCLE_MOST && 2 * run <= f->count; run++)
        if (memcmp(&f->ids[f->count - run], &f->ids[f->count - 2 * run], run * sizeof(*f->ids)) ==
            0) {
            f->count -= run;
            return;
        }
}

static bool fold(struct stack_table *t, const struct stack_row *row, uint32_t snapshot,
                 struct folded *f) {
    f->count = 0;
    if (!VEC_ROOM_FOR_IN(&t->scratch, f->ids, 0, row->frames.count + 1, f->ids_capacity, NULL) ||
        !VEC_ROOM_FOR_IN(&t->scratch, f->texts, 0, row->frames.count + 1, f->texts_capacity,
                         NULL) ||
        !VEC_ROOM_FOR_IN(&t->scratch, f->places, 0, row->frames.count + 1, f->places_capacity,
                         NULL))
        return false;
    for (uint32_t i = 0; i < row->frames.count; i++) {
        const char *text = row->frames.items[i] ? row->frames.items[i] : "";
        uint32_t id = frame_number(t, text, snapshot);
        if (id == STACK_NONE)
            return false;
        f->ids[f->count] = id;
        f->places[f->count] = i < row->places.count ? row->places.items[i] : NULL;
        f->texts[f->count++] = text;
        fold_end(f);
    }
    f->module = module_number(t, str_of(row->module), snapshot);
    return !strbuf_failed(&t->text);
}

static bool same_ids(const struct stack_ids *a, const struct folded *f) {
    return a->count == f->count && a->module == f->module &&
           memcmp(a->ids, f->ids, f->count * sizeof(*f->ids)) == 0;
}

static struct series_stack *series_stacks_stack_new(struct stack_table *t, const struct folded *f) {
    struct series *s = t->s;
    if (!VEC_ROOM_IN(&s->arena, s->stacks, s->stack_count, t->stack_capacity, NULL) ||
        !VEC_ROOM_IN(&t->scratch, t->ids, s->stack_count, t->ids_capacity, NULL))
        return NULL;
    struct series_stack *stack = &s->stacks[s->stack_count];
    uint32_t *ids = arena_array(&t->scratch, f->count, sizeof(*ids));
    *stack = (struct series_stack){
        .totals = arena_array(&s->arena, s->count, sizeof(*stack->totals)),
        .ever = t->any_ever ? arena_array(&s->arena, s->count, sizeof(*stack->ever)) : NULL,
        .seen = arena_array(&s->arena, s->count, sizeof(*stack->seen)),
        .size_each = ABSENT,
        .peak_bytes = ABSENT,
        .oldest_ns = ABSENT,
        .temporary_count = ABSENT,
    };
    if (!stack->totals || (t->any_ever && !stack->ever) || !stack->seen || !ids)
        return NULL;
    memcpy(ids, f->ids, f->count * sizeof(*ids));
    t->ids[s->stack_count++] = (struct stack_ids){.ids = ids,
                                                  .count = f->count,
                                                  .module = f->module,
                                                  .frames_of = STACK_NONE,
                                                  .first_part = STACK_NONE,
                                                  .last_part = STACK_NONE};
    return stack;
}

/* A list of the row without what was folded away; `texts` has what is left. */
static bool series_stacks_folded(struct stack_table *t, const struct folded *f,
                                 const struct strings *all, const char **texts,
                                 struct strings *ret_list) {
    if (f->count == all->count) {
        *ret_list = *all;
        return true;
    }
    const char **items = arena_array(&t->s->arena, f->count, sizeof(*items));
    if (!items)
        return false;
    memcpy(items, texts, f->count * sizeof(*items));
    *ret_list = (struct strings){items, f->count};
    return true;
}

/* What a stack shows, of the newest snapshot that has it. */
static bool take_texts(struct stack_table *t, uint32_t number, const struct stack_row *row,
                       const struct folded *f, uint32_t snapshot) {
    struct series_stack *stack = &t->s->stacks[number];
    struct stack_ids *ids = &t->ids[number];
    if (ids->frames_of == snapshot)
        return true;
    ids->frames_of = snapshot;
    stack->oldest_ns = stack->peak_bytes = stack->temporary_count = ABSENT;
    stack->size_each = row->size_each;
    return series_stacks_folded(t, f, &row->frames, f->texts, &stack->frames);
}

/* What a row says of lines, for later: they are told apart when it is known which stacks are one.
 */
static bool note_lines(struct stack_table *t, uint32_t number, const struct stack_row *row,
                       const struct folded *f, uint32_t snapshot) {
    struct stack_part part = {.row = row, .snapshot = snapshot};
    if (!t->any_places)
        return true;
    if (row->places.count == row->frames.count &&
        !series_stacks_folded(t, f, &row->places, f->places, &part.places))
        return false;
    return stack_lines_note(t, number, &part);
}

static bool stack_add(struct stack_table *t, uint32_t snapshot, const struct stack_row *row,
                      struct folded *f) {
    struct series *s = t->s;
    if (!fold(t, row, snapshot, f))
        return false;
    /* A hash may be that of another stack: the next key is tried then. */
    uint64_t hash = key_with(key_of_bytes(f->ids, f->count * sizeof(*f->ids)), f->module);
    uint32_t number;
    while ((number = u64map_get(&t->by_stack, hash)) != STRMAP_NONE &&
           !same_ids(&t->ids[number], f))
        hash = key_with(hash, 1);
    if (number == STRMAP_NONE) {
        number = s->stack_count;
        if (!series_stacks_stack_new(t, f) || !u64map_put(&t->by_stack, hash, number))
            return false;
    }
    if (!take_texts(t, number, row, f, snapshot) || !note_lines(t, number, row, f, snapshot))
        return false;
    struct series_stack *stack = &s->stacks[number];
    if (stack->size_each != row->size_each)
        stack->size_each = ABSENT;
    if (!stack->seen[snapshot])
        stack->totals[snapshot] = (struct cell){ABSENT, ABSENT};
    if (!stack->seen[snapshot] && stack->ever)
        stack->ever[snapshot] = (struct cell){ABSENT, ABSENT};
    stack->seen[snapshot] = true;
    figures_add(&stack->totals[snapshot], (struct cell){row->count, row->bytes});
    if (stack->ever)
        figures_add(&stack->ever[snapshot], (struct cell){row->total_count, row->total_bytes});
    if (row->oldest_ns != ABSENT &&
        (stack->oldest_ns == ABSENT || stack->oldest_ns < row->oldest_ns))
        stack->oldest_ns = row->oldest_ns;
    figure_add(&stack->peak_bytes, row->peak_bytes);
    figure_add(&stack->temporary_count, row->temporary_count);
    return true;
}

/* -- What the snapshots tell ------------------------------------------------------------------- */

static void look_what_is_told(struct stack_table *t) {
    const struct series *s = t->s;
    for (uint32_t i = 0; i < s->count; i++) {
        SNAPSHOT_ROWS(s->snapshots[i], PART_STACKS, struct stack_row, rows, count);
        for (uint32_t r = 0; r < count && !(t->any_ever && t->any_places); r++) {
            t->any_ever |= rows[r].total_bytes != ABSENT || rows[r].total_count != ABSENT;
            t->any_places |= rows[r].places.count != 0;
        }
    }
}

/* Of a stack that is not there a snapshot knows that it is 0, where it tells such figures at all.
 */
static struct cell series_stacks_told(const struct stack_row *rows, uint32_t count, bool ever) {
    struct cell cell = {count ? ABSENT : 0, count ? ABSENT : 0};
    for (uint32_t r = 0; r < count && (cell.objects == ABSENT || cell.bytes == ABSENT); r++) {
        if ((ever ? rows[r].total_count : rows[r].count) != ABSENT)
            cell.objects = 0;
        if ((ever ? rows[r].total_bytes : rows[r].bytes) != ABSENT)
            cell.bytes = 0;
    }
    return cell;
}

static void series_stacks_fill_unseen(struct series *s) {
    for (uint32_t i = 0; i < s->count; i++) {
        SNAPSHOT_ROWS(s->snapshots[i], PART_STACKS, struct stack_row, rows, count);
        struct cell zero = series_stacks_told(rows, count, false),
                    ever = series_stacks_told(rows, count, true);
        if (!snapshot_holds_all(s->snapshots[i], PART_STACKS))
            zero = ever = (struct cell){ABSENT, ABSENT};
        for (uint32_t n = 0; n < s->stack_count; n++) {
            if (s->stacks[n].seen[i])
                continue;
            s->stacks[n].totals[i] = zero;
            if (s->stacks[n].ever)
                s->stacks[n].ever[i] = ever;
        }
    }
}

/* -- Judging and order ------------------------------------------------------------------------- */

uint64_t series_allocation_floor(const struct series *s, const struct cell *total) {
    uint64_t base = total[0].bytes, last = total[s->count - 1].bytes;
    if (base == ABSENT || (s->count == 2 && last < base))
        base = last; /* diff(b, a) is -diff(a, b) */
    const struct series_need *need = &s->options.needs[NEED_STACKS];
    uint64_t floor = base == ABSENT ? 0 : (uint64_t)((double)base * need->percent / 100);
    return num_max(floor, num_max(need->least, 1));
}

enum verdict series_judge_cells(const struct series *s, const struct cell *cells, uint64_t floor,
                                uint64_t *scratch) {
    uint32_t known = 0;
    if (s->count < 2)
        return VERDICT_NONE;
    for (uint32_t i = 0; i < s->count; i++) {
        scratch[i] = cells[i].bytes;
        known += scratch[i] != ABSENT;
    }
    for (uint32_t i = 0; i < s->count && known < 2; i++)
        scratch[i] = cells[i].objects;
    return series_growth(scratch, s->count, (struct series_floor){1, known < 2 ? 1 : floor});
}

static bool judge_stacks(struct stack_table *t) {
    struct series *s = t->s;
    uint32_t end = s->count - 1;
    uint64_t *scratch = arena_array(&t->scratch, s->count, sizeof(*scratch));
    struct cell *total = arena_array(&t->scratch, s->count, sizeof(*total));
    if (!scratch || !total)
        return false;
    for (uint32_t n = 0; n < s->stack_count; n++)
        for (uint32_t i = 0; i < s->count; i++)
            figures_add(&total[i], s->stacks[n].totals[i]);
    uint64_t floor = series_allocation_floor(s, total);
    for (uint32_t n = 0; n < s->stack_count; n++) {
        struct series_stack *stack = &s->stacks[n];
        const struct stack_ids *ids = &t->ids[n];
        stack->count_delta = series_delta(stack->totals[end].objects, stack->totals[0].objects);
        stack->bytes_delta = series_delta(stack->totals[end].bytes, stack->totals[0].bytes);
        stack->verdict = series_judge_cells(s, stack->totals, floor, scratch);
        while (stack->self < ids->count && t->frames[ids->ids[stack->self]].allocator)
            stack->self++;
        if (stack->self == ids->count)
            stack->self = 0;
        uint32_t module = ids->module;
        if (module == STACK_NONE && ids->count)
            module = t->frames[ids->ids[stack->self]].module;
        module = stack_newest_module(t, module);
        stack->module = module == STACK_NONE ? NULL : t->modules[module].name;
    }
    return true;
}

/* A stack to be sorted: what decides nearly always stands beside its number. */
struct sort_item {
    uint64_t bytes, count;
    uint32_t number;
};

struct sort_context {
    const struct stack_table *t;
    const uint32_t *ranks; /* of frames by their keys */
};

static int cmp_frames(const void *x, const void *y, void *context) {
    const struct stack_table *t = context;
    return str_cmp(t->frames[*(const uint32_t *)x].key, t->frames[*(const uint32_t *)y].key);
}

static int cmp_stacks(const void *x, const void *y, void *context) {
    const struct sort_item *a = x, *b = y;
    const struct sort_context *c = context;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    const struct stack_ids *p = &c->t->ids[a->number], *q = &c->t->ids[b->number];
    for (uint32_t i = 0; i < p->count && i < q->count; i++)
        if (p->ids[i] != q->ids[i])
            return c->ranks[p->ids[i]] < c->ranks[q->ids[i]] ? -1 : 1;
    if (p->count != q->count)
        return p->count < q->count ? -1 : 1;
    const char *m = c->t->s->stacks[a->number].module, *n = c->t->s->stacks[b->number].module;
    return strcmp(m ? m : "", n ? n : "");
}

static struct sort_item sort_item(const struct series *s, uint32_t number) {
    const struct series_stack *stack = &s->stacks[number];
    if (s->count > 1)
        return (struct sort_item){num_magnitude(stack->bytes_delta),
                                  num_magnitude(stack->count_delta), number};
    struct cell cell = stack->totals[0];
    return (struct sort_item){cell.bytes == ABSENT ? 0 : cell.bytes,
                              cell.objects == ABSENT ? 0 : cell.objects, number};
}

static bool sort_stacks(struct stack_table *t) {
    struct series *s = t->s;
    uint32_t n = s->stack_count, frames = t->frame_count;
    uint32_t *order = arena_array(&t->scratch, frames, sizeof(*order));
    uint32_t *ranks = arena_array(&t->scratch, frames, sizeof(*ranks));
    struct sort_item *items = arena_array(&t->scratch, n, sizeof(*items));
    struct stack_ids *ids = arena_array(&t->scratch, n, sizeof(*ids));
    struct series_stack *sorted = arena_array(&s->arena, n, sizeof(*sorted));
    if (!order || !ranks || !items || !ids || !sorted)
        return false;
    for (uint32_t i = 0; i < frames; i++)
        order[i] = i;
    qsort_r(order, frames, sizeof(*order), cmp_frames, t);
    for (uint32_t i = 0; i < frames; i++)
        ranks[order[i]] = i;
    for (uint32_t i = 0; i < n; i++)
        items[i] = sort_item(s, i);
    struct sort_context context = {t, ranks};
    qsort_r(items, n, sizeof(*items), cmp_stacks, &context);
    for (uint32_t i = 0; i < n; i++) {
        sorted[i] = s->stacks[items[i].number];
        ids[i] = t->ids[items[i].number];
    }
    s->stacks = sorted;
    t->ids = ids;
    return true;
}

void series_stack_place(const struct series_stack *stack, uint32_t most, struct strbuf *out) {
    uint32_t end = stack->frames.count - stack->self;
    end = stack->self + (end < most ? end : most);
    for (uint32_t i = stack->self; i < end; i++) {
        strbuf_adds(out, i > stack->self ? " <- " : "");
        strbuf_add(out, alloc_frame_short(stack->frames.items[i]));
    }
    if (!stack->frames.count)
        strbuf_adds(out, "[no frames]");
}

/* A frame that is but a module's name: nothing else was known of it. */
static void name_modules(struct stack_table *t) {
    for (uint32_t i = 0; i < t->frame_count; i++) {
        struct stack_frame *frame = &t->frames[i];
        uint32_t module = frame->module == STACK_NONE
                              ? strmap_get(&t->by_module, frame->key, STR(""))
                              : STRMAP_NONE;
        if (module == STRMAP_NONE)
            continue;
        frame->module = module;
        frame->symbol = false;
    }
}

/* -- All --------------------------------------------------------------------------------------- */

static bool series_stacks_join(struct stack_table *t) {
    struct series *s = t->s;
    struct folded f = {.count = 0};
    look_what_is_told(t);
    for (uint32_t i = 0; i < s->count; i++) {
        u64map_deinit(&t->by_pointer); /* the same snapshot may be there twice */
        SNAPSHOT_ROWS(s->snapshots[i], PART_STACKS, struct stack_row, rows, count);
        for (uint32_t r = 0; r < count; r++)
            if (!stack_add(t, i, &rows[r], &f))
                return false;
    }
    name_modules(t);
    if (s->count > 1 && (!stack_find_renames(t) || !stack_match_loosely(t)))
        return false;
    series_stacks_fill_unseen(s);
    return judge_stacks(t) && stack_lines_join(t) && sort_stacks(t);
}

static void series_stacks_table_deinit(struct stack_table *t) {
    u64map_deinit(&t->by_pointer);
    u64map_deinit(&t->by_stack);
    strmap_deinit(&t->by_key);
    strmap_deinit(&t->by_module);
    strmap_deinit(&t->by_name);
    strbuf_deinit(&t->text);
    arena_deinit(&t->scratch);
}

bool series_join_stacks(struct series *s, struct err *err) {
    if (!(s->parts_any & PART_BIT(PART_STACKS)))
        return !(s->parts_any & PART_BIT(PART_ALLOCATIONS)) || series_sum_allocations(s, NULL, err);
    struct stack_table t = {.s = s};
    arena_init(&t.scratch);
    u64map_init(&t.by_pointer);
    u64map_init(&t.by_stack);
    strmap_init(&t.by_key);
    strmap_init(&t.by_module);
    strmap_init(&t.by_name);
    strbuf_init(&t.text);
    bool ok = series_stacks_join(&t) || err_nomem(err);
    ok = ok && series_sum_allocations(s, &t, err);
    series_stacks_table_deinit(&t);
    return ok;
}
