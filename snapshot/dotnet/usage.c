#include "dotnet/usage.h"

#define PAGE_MASK 0xfffull

/*
 * card_table_info at bookkeeping_start (src/coreclr/gc/gcpriv.h): {u32 references 0; u64 size 8;
 * next 16; lowest address 24; highest address 32}. The heap's regions and segments lie between the
 * last two, whether they are in use or kept for later.
 */
static bool claim_bookkeeping(struct clr *clr, struct err *err) {
    uint64_t start, size, lowest, highest;
    if (!clr->gc.slot[GC_BOOKKEEPING_START] ||
        !clr_u64(clr, clr->gc.slot[GC_BOOKKEEPING_START], &start) || !start ||
        !clr_u64(clr, start + 8, &size) || !clr_u64(clr, start + 24, &lowest) ||
        !clr_u64(clr, start + 32, &highest) || lowest >= highest || size > UINT64_MAX - start ||
        (lowest | highest | start) & PAGE_MASK)
        return true;
    return space_claim(clr->space, lowest, highest, USE_GC_HEAP, err) &&
           space_claim(clr->space, start, start + size, USE_GC_BOOKKEEPING, err);
}

bool usage_claim_gc(struct clr *clr, const struct gc_state *gc, struct err *err) {
    for (uint32_t i = 0; i < gc->region_count; i++) {
        const struct gc_region *r = &gc->regions[i];
        if (!space_claim(clr->space, r->start & ~PAGE_MASK, r->reserved, USE_GC_HEAP, err))
            return false;
    }
    return claim_bookkeeping(clr, err);
}

static bool claim_mapping(struct clr *clr, const struct space_mapping *m, struct err *err) {
    return !m || m->file || space_claim(clr->space, m->start, m->end, USE_LOADER_JIT, err);
}

bool usage_claim_loader(struct clr *clr, const struct walk_result *walk, struct err *err) {
    const struct space *s = clr->space;
    for (uint32_t i = 0; i < s->mapping_count; i++)
        if (s->mappings[i].flags & MAP_EXEC && !claim_mapping(clr, &s->mappings[i], err))
            return false;
    const struct space_mapping *last = NULL;
    for (uint32_t i = 0; i < walk->type_count; i++) {
        /* The type of free space lies among the runtime's own allocations. */
        const struct space_mapping *m = space_mapping_at(s, walk->types[i].mt);
        if (m == last || walk->types[i].mt == clr->free_mt)
            continue;
        if (!claim_mapping(clr, m, err))
            return false;
        last = m;
    }
    return true;
}
