/*
 * The one binary search: where in an ordered array does something end to hold?
 *
 *     uint32_t i;
 *     SEARCH_LEADING(i, list->count, at, list->items[at].start <= address);
 *     const struct range *r = i ? &list->items[i - 1] : NULL;      the last that starts at or below
 *
 * A condition over the number of an item, and no key or callback: it is compiled in place, and the
 * items may be of any type, or be read from somewhere.
 */
#ifndef DUMPDIFF_BASE_SEARCH_H
#define DUMPDIFF_BASE_SEARCH_H

#include <stddef.h>

/*
 * Sets `ret` to how many items of [0, count) `holds`, an expression over `at`, is true of, which
 * have to be the first ones: so to the number of the first of which it is not, or to count.
 *
 * ret, at  `ret` is a variable of an unsigned type; `at` gets that type and is declared here
 */
#define SEARCH_LEADING(ret, count, at, holds) \
    do { \
        __typeof__(ret) search_end_ = (count); \
        (ret) = 0; \
        while ((ret) < search_end_) { \
            const __typeof__(ret) at = (ret) + (search_end_ - (ret)) / 2; \
            if (holds) \
                (ret) = at + 1; \
            else \
                search_end_ = at; \
        } \
    } while (0)

#endif
