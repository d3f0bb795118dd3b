#include "dotnet/gcdesc.h"

static bool read_runs(struct space *s, uint64_t mt, struct gc_piece *pieces, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint64_t size, offset;
        if (!space_u64(s, mt - 24 - 16 * (uint64_t)i, &size) ||
            !space_u64(s, mt - 16 - 16 * (uint64_t)i, &offset))
            return false;
        /* Stored minus the base size, so that one formula serves objects and arrays: may be
         * negative. */
        int64_t relative = (int64_t)size;
        if (offset < 8 || offset > INT32_MAX || relative < INT32_MIN || relative > INT32_MAX)
            return false;
        pieces[i] = (struct gc_piece){(uint32_t)offset, (int32_t)relative};
    }
    return true;
}

static bool read_items(struct space *s, uint64_t mt, struct gc_piece *pieces, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t references, skip;
        if (!space_u32(s, mt - 24 - 8 * (uint64_t)i, &references) ||
            !space_u32(s, mt - 20 - 8 * (uint64_t)i, &skip))
            return false;
        if (references == 0 || references > 0xffff || skip > 0x7ffffff)
            return false;
        pieces[i] = (struct gc_piece){references, (int32_t)skip};
    }
    return true;
}

bool gcdesc_read(struct space *s, uint64_t mt, struct gc_piece *pieces, uint32_t room,
                 struct gc_desc *ret_desc) {
    uint64_t word, start = 0;
    if (!space_u64(s, mt - 8, &word))
        return false;
    int64_t n = (int64_t)word;
    uint32_t limit = room < GC_PIECES_MAX ? room : GC_PIECES_MAX;
    if (n == 0 || n > limit || n < -(int64_t)limit)
        return false;
    uint32_t count = (uint32_t)(n < 0 ? -n : n);
    if (n > 0) {
        if (!read_runs(s, mt, pieces, count))
            return false;
    } else if (!space_u64(s, mt - 16, &start) || start < 16 || start > 4096 ||
               !read_items(s, mt, pieces, count)) {
        return false;
    }
    *ret_desc = (struct gc_desc){count, n < 0, (uint32_t)start};
    return true;
}
