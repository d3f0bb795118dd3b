/*
 * How the references of an object are written: a list of codes, each with its length in front.
 *
 * A list is the number of the type, then its references in the order of the fields, then LIST_END.
 * A reference is the distance of its slot from that of the reference before it, the first one from
 * the base of the list's block; near objects take a byte, those anywhere in 2 GiB of heap four.
 */
#ifndef DUMPDIFF_HEAP_GRAPH_LIST_H
#define DUMPDIFF_HEAP_GRAPH_LIST_H

#include <stdint.h>
#include <string.h>

enum list_code {
    LIST_NULL,    /* a field that refers to nothing: keeps the place of those behind it */
    LIST_END,     /* all that is left is null */
    LIST_NOWHERE, /* refers to what is no slot */
    LIST_LABEL,   /* the next code is the edge of the one behind that */
    LIST_SLOT     /* this or more: a distance */
};

/* [bytes] that list_put may write and list_get may read behind a code. */
#define LIST_SLACK 8u
/* [bytes] of the longest code. */
#define LIST_CODE_MAX 8u
/* Lists that begin in one block of so many bytes have one base: the slot of the first of them. */
#define LIST_BLOCK_SHIFT 10

/* Writes a code below 2^61; gives the place behind it. */
static inline uint8_t *list_put(uint8_t *at, uint64_t code) {
    unsigned bits = 64u - (unsigned)__builtin_clzll(code | 1), last = (bits + 2) / 8;
    uint64_t word = code << 3 | last;
    memcpy(at, &word, sizeof(word));
    return at + last + 1;
}

static inline uint64_t list_get(const uint8_t **at) {
    uint64_t word;
    memcpy(&word, *at, sizeof(word));
    unsigned last = (unsigned)word & 7;
    *at += last + 1;
    return (word & UINT64_MAX >> (56 - 8 * last)) >> 3;
}

static inline uint64_t list_distance(uint64_t from, uint64_t to) {
    uint64_t difference = to - from;
    return (difference << 1 ^ (uint64_t)((int64_t)difference >> 63)) + LIST_SLOT;
}

static inline uint64_t list_behind(uint64_t from, uint64_t code) {
    code -= LIST_SLOT;
    return from + (code >> 1 ^ (0 - (code & 1)));
}

#endif
