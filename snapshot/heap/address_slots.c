#include "heap/address_slots.h"

#include "base/search.h"
#include "base/vec.h"

#include <stdlib.h>

/* Pages that a table may have; a larger one only where one in so many is heap. */
#define SPAN_PAGES ((uint64_t)1 << 21)
#define SPAN_SHARE 64u

static bool address_add_pages(struct address_slots *s, uint64_t first, uint64_t last) {
    uint64_t count = last - first + 1;
    if (!VEC_ROOM_FOR(s->pages, s->page_count, count, s->page_room, NULL))
        return false;
    for (uint64_t page = first; page <= last; page++)
        s->pages[s->page_count++] = page;
    return true;
}

/* Pages near each other are found by a table; some may be far away (frozen objects). */
static bool address_index(struct address_slots *s) {
    uint32_t first = 0, best = 0, best_first = 0;
    for (uint32_t i = 0; i < s->page_count; i++) {
        while (s->pages[i] - s->pages[first] > SPAN_PAGES + SPAN_SHARE * (uint64_t)(i - first))
            first++;
        if (i - first + 1 > best) {
            best = i - first + 1;
            best_first = first;
        }
    }
    if (!best)
        return true;
    uint64_t low = s->pages[best_first], span = s->pages[best_first + best - 1] - low + 1;
    uint32_t *table = malloc((size_t)span * sizeof(*table));
    if (!table)
        return false;
    memset(table, 0xff, (size_t)span * sizeof(*table));
    for (uint32_t i = best_first; i < best_first + best; i++)
        table[s->pages[i] - low] = i;
    s->near = (struct address_near){low, span, table};
    return true;
}

bool address_slots_init(struct address_slots *s, uint32_t word, const struct address_range *ranges,
                        uint32_t count, struct err *err) {
    const uint32_t shift = address_page_shift(word);
    *s = (struct address_slots){.word = word};
    for (uint32_t i = 0; i < count; i++) {
        uint64_t first = ranges[i].start >> shift;
        uint64_t last = (ranges[i].end - 1) >> shift;
        if (ranges[i].start >= ranges[i].end)
            continue;
        if (s->page_count && s->pages[s->page_count - 1] >= first)
            first = s->pages[s->page_count - 1] + 1;
        if (first > last)
            continue;
        if (last - first >= ((uint64_t)1 << (GRAPH_SLOT_BITS - GRAPH_PAGE_SHIFT)) - s->page_count)
            return err_set(err, ERR_LIMIT, "heap of more than 512 GiB, or in too many regions");
        if (!address_add_pages(s, first, last))
            return err_nomem(err);
    }
    return address_index(s) || err_nomem(err);
}

void address_slots_deinit(struct address_slots *s) {
    free(s->pages);
    free((void *)(uintptr_t)s->near.table);
    *s = (struct address_slots){0};
}

uint32_t address_far_page(const struct address_slots *s, uint64_t page) {
    uint32_t low;
    SEARCH_LEADING(low, s->page_count, middle, s->pages[middle] < page);
    return low < s->page_count && s->pages[low] == page ? low : GRAPH_NONE;
}
