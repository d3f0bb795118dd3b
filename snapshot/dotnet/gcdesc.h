/*
 * Where an object holds references: the runtime's GCDesc, which lies below a MethodTable.
 *
 * Source: gcdesc.h of the runtime; the layout is the same in .NET 8, 9 and 10.
 */
#ifndef DUMPDIFF_DOTNET_GCDESC_H
#define DUMPDIFF_DOTNET_GCDESC_H

#include "dotnet/clr.h"

/*
 * One piece of a description. Runs: references fill [offset, offset + size + size of the object).
 * Items of value-type arrays: `offset` references in a row, then `size` bytes without any.
 */
struct gc_piece {
    uint32_t offset;
    int32_t size;
};

struct gc_desc {
    uint32_t count; /* pieces; 0: no references */
    bool repeats;   /* items, to be repeated for each element */
    uint32_t start; /* [bytes] of the first element, when it repeats */
};

/* References in a piece of an object of `size` bytes, padding not among them, that has runs. */
static inline uint64_t gc_piece_references(const struct gc_piece *piece, uint64_t size,
                                           uint32_t word) {
    int64_t length = (int64_t)size + piece->size;
    uint64_t end = length > 0 ? piece->offset + (uint64_t)length : 0;
    if (end > size)
        end = size;
    return end > piece->offset ? (end - piece->offset) / word : 0;
}

/* More pieces than a type of any program has. */
#define GC_PIECES_MAX 10000u

/*
 * Reads the description of the MethodTable at `mt` whose flags say that it contains references.
 * pieces has room for `room` of them. false: not there, or not plausible.
 */
bool gcdesc_read(struct clr *clr, uint64_t mt, struct gc_piece *pieces, uint32_t room,
                 struct gc_desc *ret_desc) MUST_CHECK;

#endif
