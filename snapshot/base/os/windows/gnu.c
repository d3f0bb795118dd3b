#include "base/os/windows/gnu.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

void *memmem(const void *in, size_t in_size, const void *what, size_t what_size) {
    const char *from = in, *pattern = what;
    if (!what_size)
        return (void *)(uintptr_t)in;
    while (in_size >= what_size) {
        const char *at = memchr(from, *pattern, in_size - what_size + 1);
        if (!at)
            return NULL;
        if (memcmp(at, what, what_size) == 0)
            return (void *)(uintptr_t)at;
        in_size -= (size_t)(at + 1 - from);
        from = at + 1;
    }
    return NULL;
}

void *memrchr(const void *in, int what, size_t size) {
    const unsigned char *from = in;
    while (size--)
        if (from[size] == (unsigned char)what)
            return (void *)(uintptr_t)(from + size);
    return NULL;
}

char *strndup(const char *text, size_t most) {
    size_t length = strnlen(text, most);
    char *copy = malloc(length + 1);
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

char *strcasestr(const char *in, const char *what) {
    size_t length = strlen(what);
    for (; strlen(in) >= length; in++)
        if (strncasecmp(in, what, length) == 0)
            return (char *)(uintptr_t)in;
    return NULL;
}

/* clock_gettime() is one of winpthreads, which its library for Windows always has. */
int timespec_get(struct timespec *ret_now, int base) {
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, ret_now) == 0 ? base : 0;
}

/* -- Sorting ----------------------------------------------------------------------------------- */

struct sorting {
    char *items, *room;
    size_t size;
    int (*compare)(const void *, const void *, void *);
    void *context;
};

/* Two sorted runs as one; of equals the first stays first. */
static void merge(const struct sorting *s, size_t from, size_t middle, size_t end) {
    size_t a = from, b = middle, to = from, size = s->size;
    while (a < middle || b < end) {
        bool left = b == end || (a < middle && s->compare(s->items + a * size, s->items + b * size,
                                                          s->context) <= 0);
        memcpy(s->room + to++ * size, s->items + (left ? a++ : b++) * size, size);
    }
    memcpy(s->items + from * size, s->room + from * size, (end - from) * size);
}

/* Without memory for more: slow, and as stable. `room` is for one item. */
static void insert_all(const struct sorting *s, size_t count) {
    for (size_t i = 1; i < count; i++) {
        size_t at = i;
        memcpy(s->room, s->items + i * s->size, s->size);
        while (at && s->compare(s->items + (at - 1) * s->size, s->room, s->context) > 0)
            at--;
        memmove(s->items + (at + 1) * s->size, s->items + at * s->size, (i - at) * s->size);
        memcpy(s->items + at * s->size, s->room, s->size);
    }
}

void qsort_r(void *items, size_t count, size_t size,
             int (*compare)(const void *, const void *, void *), void *context) {
    char small[256];
    struct sorting s = {items, NULL, size, compare, context};
    s.room = count > 1 && count <= SIZE_MAX / size ? malloc(count * size) : NULL;
    if (!s.room && count > 1) {
        s.room = size <= sizeof(small) ? small : NULL;
        if (s.room)
            insert_all(&s, count);
        return;
    }
    for (size_t run = 1; run < count; run *= 2)
        for (size_t from = 0; from + run < count; from += 2 * run)
            merge(&s, from, from + run, from + 2 * run < count ? from + 2 * run : count);
    free(s.room);
}

struct without_context {
    int (*compare)(const void *, const void *);
};

static int compare_without(const void *a, const void *b, void *context) {
    const struct without_context *w = context;
    return w->compare(a, b);
}

void gnu_qsort(void *items, size_t count, size_t size, int (*compare)(const void *, const void *)) {
    struct without_context w = {compare};
    qsort_r(items, count, size, compare_without, &w);
}
