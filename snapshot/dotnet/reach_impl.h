/* What the files of the traversal share. */
#ifndef DUMPDIFF_DOTNET_REACH_IMPL_H
#define DUMPDIFF_DOTNET_REACH_IMPL_H

#include "base/hash.h"
#include "dotnet/reach.h"

#define MIN_OBJECT_BYTES 24u

/*
 * An object is known by its number: its offset in the ranges laid side by side, divided by 8. Each
 * range starts on a page boundary, so that the page finds the range.
 */
#define PAGE_SHIFT  20
#define NUMBER_BITS 36
#define NO_RANGE    UINT32_MAX
#define SPAN_PAGES \
    ((uint64_t)1 << 20) /* 1 TiB of addresses: beyond, ranges are searched, unless \
                         */
#define SPAN_SHARE  64u /* a page in so many is heap */
#define RANGES_NEAR 8u  /* of one page that are tried one after the other */
#define CHUNK_ITEMS ((size_t)64 * 1024 - 2)
#define RING        32u
#define AHEAD       8u                  /* objects of the queue */
#define FILTER_BITS ((uint64_t)1 << 19) /* 64 KiB */

struct chunk {
    struct chunk *next;
    size_t count;
    uint64_t items[CHUNK_ITEMS];
};

/* A reference met, waiting for its mark word and its object's header to come into the cache. */
struct pending {
    uint64_t number;
    uint32_t parent, edge;
    const uint8_t *at;
    uint32_t range;
};

struct reach_state {
    uint64_t *marks;
    uint64_t *first_number; /* of each range */
    uint32_t *range_of_number_page;
    uint64_t low_page, high_page; /* addresses >> PAGE_SHIFT that range_of_page covers */
    uint32_t *range_of_page;      /* first range that touches the page; NULL: search */
    struct u64map type_of_mt;
    struct gc_piece *pieces;
    uint32_t piece_count, piece_capacity, type_capacity;
    uint64_t last_mt[256]; /* direct-mapped cache in front of type_of_mt */
    uint32_t last_type[256];
    struct chunk *head, *tail, *spare;
    size_t head_at;
    struct pending ring[RING];
    unsigned ring_at;
    struct reach_dependent *dependents; /* sorted by primary */
    uint64_t *filter;
    struct reach_reference at; /* where `follow` is; kept only where somebody asks */
    bool telling;              /* references are told, not followed */
    uint64_t number_end;
    bool nomem;
};

/* -- Ranges ------------------------------------------------------------------------------------ */

static inline uint32_t search_range(const struct reach *r, uint64_t address) {
    uint32_t low = 0, high = r->in.range_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (r->in.ranges[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->in.range_count && r->in.ranges[low].start <= address ? low : NO_RANGE;
}

static inline uint32_t find_range(const struct reach *r, uint64_t address) {
    const struct reach_state *s = r->state;
    uint64_t page = address >> PAGE_SHIFT;
    if (!s->range_of_page || page < s->low_page || page >= s->high_page)
        return search_range(r, address);
    uint32_t i = s->range_of_page[page - s->low_page];
    if (i == NO_RANGE)
        return NO_RANGE;
    for (uint32_t n = 0; i < r->in.range_count && r->in.ranges[i].end <= address; n++, i++)
        if (n == RANGES_NEAR)
            return search_range(r, address);
    return i < r->in.range_count && r->in.ranges[i].start <= address ? i : NO_RANGE;
}

static inline uint64_t number_of(const struct reach *r, uint32_t range, uint64_t address) {
    return r->state->first_number[range] + (address - r->in.ranges[range].start) / 8;
}

static inline bool marked(const struct reach_state *s, uint64_t number) {
    return s->marks[number / 64] >> (number % 64) & 1;
}

/* Type of the object at `at`, of which `left` bytes are there; *ret_size 0: it is no object. */
uint32_t reach_look(struct reach *r, const uint8_t *at, uint64_t left, uint64_t *ret_size);

/* Follows the references of the object that an item of the queue stands for. */
void reach_follow(struct reach *r, uint64_t item);

#endif
