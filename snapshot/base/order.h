/*
 * What functions for qsort are made of: -1, 0 or 1 as memcmp says it. Backwards: with a and b
 * changed.
 */
#ifndef DUMPDIFF_BASE_ORDER_H
#define DUMPDIFF_BASE_ORDER_H

#include <stdint.h>
#include <string.h>

static inline int order_u64(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

static inline int order_i64(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static inline int order_double(double a, double b) {
    return (a > b) - (a < b);
}

/* Texts by their bytes; none (NULL) is the empty one. Often it is the same one. */
static inline int order_text(const char *a, const char *b) {
    return a == b ? 0 : strcmp(a ? a : "", b ? b : "");
}

/* For qsort of uint64_t. */
static inline int order_u64_items(const void *a, const void *b) {
    return order_u64(*(const uint64_t *)a, *(const uint64_t *)b);
}

#endif
