/*
 * Slots of a heap that lies in memory: addresses made dense. A slot is a word of the process (4 or
 * 8 bytes); pages of 2^16 of these in which the heap has something are numbered by address.
 */
#ifndef DUMPDIFF_HEAP_ADDRESS_SLOTS_H
#define DUMPDIFF_HEAP_ADDRESS_SLOTS_H

#include "heap/graph.h"

/* Of a word of so many bytes. */
static inline uint32_t address_slot_shift(uint32_t word) {
    return word == 8 ? 3 : 2;
}

static inline uint32_t address_page_shift(uint32_t word) {
    return GRAPH_PAGE_SHIFT + address_slot_shift(word);
}

struct address_range {
    uint64_t start, end; /* multiples of a word */
};

struct address_slots {
    uint32_t word;   /* [bytes] 4 or 8 */
    uint64_t *pages; /* address >> address_page_shift of each, ascending */
    uint32_t page_count, page_room;
    struct address_near {
        uint64_t low;          /* first page of the table */
        uint64_t span;         /* pages in it */
        const uint32_t *table; /* of each page its number, or GRAPH_NONE; owned */
    } near;
};

/*
 * word: [bytes] 4 or 8
 * ranges: ascending, not overlapping. Errors: ERR_NOMEM, ERR_LIMIT (more slots than a graph may
 * have). To be freed either way.
 */
bool address_slots_init(struct address_slots *s, uint32_t word, const struct address_range *ranges,
                        uint32_t count, struct err *err) MUST_CHECK;
void address_slots_deinit(struct address_slots *s);

static inline uint64_t address_slot_count(const struct address_slots *s) {
    return (uint64_t)s->page_count << GRAPH_PAGE_SHIFT;
}

/* Of an address outside the table. */
uint32_t address_far_page(const struct address_slots *s, uint64_t page);

/*
 * As address_slot, with a copy of s->near: a copy can stay in registers. word is s->word: where the
 * caller has that as a constant, the loop over a billion references is made for it.
 */
static inline uint64_t address_slot_near(const struct address_slots *s, struct address_near near,
                                         uint64_t address, uint32_t word) {
    uint64_t page = address >> address_page_shift(word);
    uint32_t number =
        page - near.low < near.span ? near.table[page - near.low] : address_far_page(s, page);
    if (number == GRAPH_NONE || address & (word - 1))
        return GRAPH_NOWHERE;
    return (uint64_t)number << GRAPH_PAGE_SHIFT |
           (address >> address_slot_shift(word) & (GRAPH_PAGE_SLOTS - 1));
}

/* GRAPH_NOWHERE: no multiple of a word, or in no page. */
static inline uint64_t address_slot(const struct address_slots *s, uint64_t address) {
    return address_slot_near(s, s->near, address, s->word);
}

static inline uint64_t address_of_slot(const struct address_slots *s, uint64_t slot) {
    return s->pages[slot >> GRAPH_PAGE_SHIFT] << address_page_shift(s->word) |
           (slot & (GRAPH_PAGE_SLOTS - 1)) << address_slot_shift(s->word);
}

#endif
