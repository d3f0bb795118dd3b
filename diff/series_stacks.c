/* Joins allocation stacks: the key is the frames, normalised, and the module. */
#include "diff/series_internal.h"

#include "base/hash.h"
#include "base/num.h"

#include <stdlib.h>
#include <string.h>

struct stack_join {
    struct series *s;
    struct strmap index;
    struct strbuf scratch, key;
    uint32_t capacity;
};

/* The frames one a line; lines cannot hold a line break, so the key is unique. */
static bool stack_key(struct stack_join *j, const struct stack_row *row) {
    strbuf_clear(&j->key);
    for (uint32_t i = 0; i < row->frames.count; i++) {
        if (j->s->options.exact_names)
            strbuf_adds(&j->key, row->frames.items[i]);
        else
            series_normal_name(str_of(row->frames.items[i]), &j->key);
        strbuf_addc(&j->key, '\n');
    }
    return !j->key.failed;
}

static struct series_stack *stack_new(struct stack_join *j, const struct stack_row *row) {
    struct series *s = j->s;
    if (s->stack_count == j->capacity) {
        uint32_t capacity = j->capacity ? j->capacity * 2 : 64;
        struct series_stack *grown = arena_array(&s->arena, capacity, sizeof(*grown));
        if (!grown)
            return NULL;
        if (s->stack_count)
            memcpy(grown, s->stacks, s->stack_count * sizeof(*grown));
        s->stacks = grown;
        j->capacity = capacity;
    }
    struct series_stack *stack = &s->stacks[s->stack_count];
    stack->totals = arena_array(&s->arena, s->count, sizeof(*stack->totals));
    stack->seen = arena_array(&s->arena, s->count, sizeof(*stack->seen));
    const char *key = arena_copy(&s->arena, strbuf_cstr(&j->key), j->key.len);
    if (!stack->totals || !stack->seen || !key)
        return NULL;
    stack->module = row->module;
    if (!strmap_put(&j->index, (struct str){key, j->key.len}, str_of(row->module), s->stack_count))
        return NULL;
    for (uint32_t i = 0; i < s->count; i++)
        if (!snapshot_has(s->snapshots[i], PART_STACKS))
            stack->totals[i] = (struct cell){ABSENT, ABSENT};
    s->stack_count++;
    return stack;
}

static bool stack_add(struct stack_join *j, uint32_t i, const struct stack_row *row) {
    struct series *s = j->s;
    if (!stack_key(j, row))
        return false;
    uint32_t number = strmap_get(&j->index, strbuf_str(&j->key), str_of(row->module));
    struct series_stack *stack = number == STRMAP_NONE ? stack_new(j, row) : &s->stacks[number];
    if (!stack)
        return false;
    stack->frames = row->frames; /* of the newest */
    struct cell *cell = &stack->totals[i];
    if (row->count != ABSENT)
        cell->objects = num_add(cell->objects, row->count);
    if (row->bytes != ABSENT)
        cell->bytes = num_add(cell->bytes, row->bytes);
    stack->seen[i] = true;
    return true;
}

static uint64_t delta_size(int64_t delta) {
    return delta < 0 ? -(uint64_t)delta : (uint64_t)delta;
}

static int cmp_strings(const struct strings *a, const struct strings *b) {
    for (uint32_t i = 0; i < a->count && i < b->count; i++) {
        int order = strcmp(a->items[i], b->items[i]);
        if (order)
            return order;
    }
    return a->count < b->count ? -1 : a->count > b->count;
}

static int cmp_stacks(const void *x, const void *y) {
    const struct series_stack *a = x, *b = y;
    uint64_t p = delta_size(a->bytes_delta), q = delta_size(b->bytes_delta);
    if (p == q) {
        p = delta_size(a->count_delta);
        q = delta_size(b->count_delta);
    }
    if (p != q)
        return p > q ? -1 : 1;
    int order = cmp_strings(&a->frames, &b->frames);
    return order ? order : strcmp(a->module ? a->module : "", b->module ? b->module : "");
}

static int cmp_stacks_of_one(const void *x, const void *y) {
    const struct series_stack *a = x, *b = y;
    if (a->totals->bytes != b->totals->bytes)
        return a->totals->bytes > b->totals->bytes ? -1 : 1;
    if (a->totals->objects != b->totals->objects)
        return a->totals->objects > b->totals->objects ? -1 : 1;
    return cmp_stacks(x, y);
}

static uint64_t all_bytes(const struct series *s, uint32_t snapshot) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->stack_count; i++)
        if (s->stacks[i].totals[snapshot].bytes != ABSENT)
            sum = num_add(sum, s->stacks[i].totals[snapshot].bytes);
    return sum;
}

static bool judge_stacks(struct series *s) {
    uint64_t *values = arena_array(&s->arena, s->count, sizeof(*values));
    if (!values)
        return false;
    uint32_t end = s->count - 1;
    uint64_t base = all_bytes(s, 0), last = all_bytes(s, end);
    uint64_t smaller = s->count == 2 && last < base ? last : base;
    uint64_t floor = (uint64_t)((double)smaller * s->options.floor_heap_percent / 100);
    if (s->options.floor_bytes != ABSENT && s->options.floor_bytes > floor)
        floor = s->options.floor_bytes;
    for (uint32_t n = 0; n < s->stack_count; n++) {
        struct series_stack *stack = &s->stacks[n];
        for (uint32_t i = 0; i < s->count; i++)
            values[i] = stack->totals[i].bytes;
        stack->count_delta = series_delta(stack->totals[end].objects, stack->totals[0].objects);
        stack->bytes_delta = series_delta(stack->totals[end].bytes, stack->totals[0].bytes);
        stack->verdict = series_verdict(values, s->count, floor);
    }
    return true;
}

bool series_join_stacks(struct series *s, struct err *err) {
    if (!(s->parts_any & PART_BIT(PART_STACKS)))
        return true;
    struct stack_join j = {.s = s};
    strmap_init(&j.index);
    strbuf_init(&j.scratch);
    strbuf_init(&j.key);
    bool ok = true;
    for (uint32_t i = 0; ok && i < s->count; i++) {
        SNAPSHOT_ROWS(s->snapshots[i], PART_STACKS, struct stack_row, rows, count);
        for (uint32_t r = 0; ok && r < count; r++)
            ok = stack_add(&j, i, &rows[r]);
    }
    ok = ok && judge_stacks(s);
    if (ok && s->stack_count > 1)
        qsort(s->stacks, s->stack_count, sizeof(*s->stacks),
              s->count == 1 ? cmp_stacks_of_one : cmp_stacks);
    strbuf_deinit(&j.scratch);
    strbuf_deinit(&j.key);
    strmap_deinit(&j.index);
    return ok || err_nomem(err);
}
