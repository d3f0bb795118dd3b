#include "dotnet/gcdesc.h"

static int64_t signed_word(const struct clr *clr, uint64_t word) {
    return clr->word == 8 ? (int64_t)word : (int32_t)(uint32_t)word;
}

/* Downwards from the count: {size; offset}, each a word. */
static bool read_runs(struct clr *clr, uint64_t mt, struct gc_piece *pieces, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint64_t size, offset, at = mt - (3 + 2 * (uint64_t)i) * clr->word;
        if (!clr_word(clr, at, &size) || !clr_word_at(clr, at, 1, &offset))
            return false;
        /* Stored minus the base size, so that one formula serves objects and arrays: may be
         * negative. */
        int64_t relative = signed_word(clr, size);
        if (offset < clr->word || offset > INT32_MAX || relative < INT32_MIN ||
            relative > INT32_MAX)
            return false;
        pieces[i] = (struct gc_piece){(uint32_t)offset, (int32_t)relative};
    }
    return true;
}

/* Downwards from the start of the first element: {references; bytes}, each half a word. */
static bool read_items(struct clr *clr, uint64_t mt, struct gc_piece *pieces, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = mt - (3 + (uint64_t)i) * clr->word, item;
        uint32_t half = 4 * clr->word;
        if (!clr_word(clr, at, &item))
            return false;
        uint32_t references = (uint32_t)(item & ((1ull << half) - 1));
        uint32_t skip = (uint32_t)(item >> half);
        if (references == 0 || references > 0xffff || skip > 0x7ffffff)
            return false;
        pieces[i] = (struct gc_piece){references, (int32_t)skip};
    }
    return true;
}

bool gcdesc_read(struct clr *clr, uint64_t mt, struct gc_piece *pieces, uint32_t room,
                 struct gc_desc *ret_desc) {
    uint64_t word, start = 0;
    if (!clr_word(clr, mt - clr->word, &word))
        return false;
    int64_t n = signed_word(clr, word);
    uint32_t limit = room < GC_PIECES_MAX ? room : GC_PIECES_MAX;
    if (n == 0 || n > limit || n < -(int64_t)limit)
        return false;
    uint32_t count = (uint32_t)(n < 0 ? -n : n);
    if (n > 0) {
        if (!read_runs(clr, mt, pieces, count))
            return false;
    } else if (!clr_word(clr, mt - 2ull * clr->word, &start) || start < 2ull * clr->word ||
               start > 4096 || !read_items(clr, mt, pieces, count)) {
        return false;
    }
    *ret_desc = (struct gc_desc){count, n < 0, (uint32_t)start};
    return true;
}
