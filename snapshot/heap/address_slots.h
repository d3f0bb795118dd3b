/*
 * Slots of a heap that lies in memory: addresses made dense. A slot is 8 bytes; pages of 512 KiB
 * in which the heap has something are numbered by address.
 */
#ifndef DUMPDIFF_HEAP_ADDRESS_SLOTS_H
#define DUMPDIFF_HEAP_ADDRESS_SLOTS_H

#include "heap/graph.h"

#define ADDRESS_PAGE_SHIFT (GRAPH_PAGE_SHIFT + 3)

struct address_range {
    uint64_t start, end; /* multiples of 8 */
};

struct address_slots {
    uint64_t *pages; /* address >> ADDRESS_PAGE_SHIFT of each, ascending */
    uint32_t page_count, page_room;
    struct address_near {
        uint64_t low;          /* first page of the table */
        uint64_t span;         /* pages in it */
        const uint32_t *table; /* of each page its number, or GRAPH_NONE; owned */
    } near;
};

/*
 * ranges: ascending, not overlapping. Errors: ERR_NOMEM, ERR_LIMIT (more slots than a graph may
 * have). To be freed either way.
 */
bool address_slots_init(struct address_slots *s, const struct address_range *ranges, uint32_t count,
                        struct err *err) MUST_CHECK;
void address_slots_deinit(struct address_slots *s);

static inline uint64_t address_slot_count(const struct address_slots *s) {
    return (uint64_t)s->page_count << GRAPH_PAGE_SHIFT;
}

/* Of an address outside the table. */
uint32_t address_far_page(const struct address_slots *s, uint64_t page);

/* As address_slot, with a copy of s->near: a copy can stay in registers. */
static inline uint64_t address_slot_near(const struct address_slots *s, struct address_near near,
                                         uint64_t address) {
    uint64_t page = address >> ADDRESS_PAGE_SHIFT;
    uint32_t number =
        page - near.low < near.span ? near.table[page - near.low] : address_far_page(s, page);
    if (number == GRAPH_NONE || address & 7)
        return GRAPH_NOWHERE;
    return (uint64_t)number << GRAPH_PAGE_SHIFT | (address >> 3 & (GRAPH_PAGE_SLOTS - 1));
}

/* GRAPH_NOWHERE: no multiple of 8, or in no page. */
static inline uint64_t address_slot(const struct address_slots *s, uint64_t address) {
    return address_slot_near(s, s->near, address);
}

static inline uint64_t address_of_slot(const struct address_slots *s, uint64_t slot) {
    return s->pages[slot >> GRAPH_PAGE_SHIFT] << ADDRESS_PAGE_SHIFT |
           (slot & (GRAPH_PAGE_SLOTS - 1)) << 3;
}

#endif
