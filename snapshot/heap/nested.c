#include "heap/nested.h"

#include "base/search.h"
#include "base/vec.h"

#include <stdlib.h>

bool nested_init(struct nested *n, uint32_t key_count, struct err *err) {
    *n = (struct nested){.key_count = key_count};
    n->sums = calloc((size_t)key_count + 1, sizeof(*n->sums));
    n->keys = calloc((size_t)key_count + 1, sizeof(*n->keys));
    return (n->sums && n->keys) || err_nomem(err);
}

void nested_deinit(struct nested *n) {
    free(n->sums);
    free(n->keys);
    free(n->spans);
    *n = (struct nested){0};
}

bool nested_enter(struct nested *n, uint32_t key, uint32_t number, struct cell retained) {
    if (key >= n->key_count || n->keys[key].open)
        return true;
    n->keys[key].open = number;
    cell_add(&n->sums[key], retained);
    if (!nested_is_mixed(n, key))
        return true;
    if (!VEC_ROOM(n->spans, n->span_count, n->span_room, NULL))
        return false;
    n->keys[key].span = n->span_count;
    n->spans[n->span_count++] = (struct nested_span){key, number, number};
    return true;
}

void nested_leave(struct nested *n, uint32_t key, uint32_t number, uint32_t next) {
    if (key >= n->key_count || n->keys[key].open != number)
        return;
    n->keys[key].open = 0;
    if (nested_is_mixed(n, key))
        n->spans[n->keys[key].span].to = next;
}

/* By key; those of a key stay in the order of their numbers. */
static bool nested_sort(struct nested *n) {
    struct nested_span *sorted = malloc(((size_t)n->span_count + 1) * sizeof(*sorted));
    if (!sorted)
        return false;
    for (uint32_t k = 0; k < n->key_count; k++)
        n->keys[k].span = 0;
    for (uint32_t i = 0; i < n->span_count; i++)
        n->keys[n->spans[i].key].span++;
    for (uint32_t k = 0, total = 0; k < n->key_count; k++) {
        uint32_t here = n->keys[k].span;
        n->keys[k].span = total;
        total += here;
    }
    for (uint32_t i = 0; i < n->span_count; i++)
        sorted[n->keys[n->spans[i].key].span++] = n->spans[i];
    free(n->spans);
    n->spans = sorted;
    n->span_room = n->span_count;
    return true;
}

bool nested_close(struct nested *n, struct err *err) {
    for (uint32_t k = 0; k < n->key_count; k++)
        if (!n->keys[k].inner)
            n->sums[k] = n->keys[k].leaves;
    return nested_sort(n) || err_nomem(err);
}

void nested_hang(struct nested *n, uint32_t key, uint32_t number, uint64_t bytes) {
    uint32_t first = key ? n->keys[key - 1].span : 0, before;
    const struct nested_span *spans = n->spans + first;
    SEARCH_LEADING(before, n->keys[key].span - first, at, spans[at].from <= number);
    if (!before || spans[before - 1].to <= number)
        cell_add(&n->sums[key], (struct cell){1, bytes});
}
