#include "dotnet/usage.h"

/* card_table_info (src/coreclr/gc/gcpriv.h); the first fields are what debuggers read, too: words.
 */
enum { INFO_SIZE = 1, INFO_NEXT, INFO_LOWEST, INFO_HIGHEST };
#define TABLES_MAX 64u

#define RESERVE_MAX ((uint64_t)1 << 47)

struct card_table {
    uint64_t size, next, lowest, highest;
};

static bool usage_read_table(struct clr *clr, uint64_t address, struct card_table *ret) {
    return clr_word_at(clr, address, INFO_SIZE, &ret->size) &&
           clr_word_at(clr, address, INFO_NEXT, &ret->next) &&
           clr_word_at(clr, address, INFO_LOWEST, &ret->lowest) &&
           clr_word_at(clr, address, INFO_HIGHEST, &ret->highest);
}

/*
 * Card tables, bricks, mark bits, region map: one piece of memory each time the heap's bounds
 * grew. *ret_first: the one in use; its size is 0 when there is none to be read.
 */
static bool claim_tables(struct clr *clr, struct card_table *ret_first, struct err *err) {
    uint64_t at = 0, header = clr->gc.slot[GC_CARD_TABLE_INFO_SIZE];
    *ret_first = (struct card_table){0};
    if (!clr->gc.slot[GC_BOOKKEEPING_START] ||
        !clr_word(clr, clr->gc.slot[GC_BOOKKEEPING_START], &at))
        return true;
    for (unsigned i = 0; at && i < TABLES_MAX; i++) {
        struct card_table table;
        uint64_t end;
        if (!usage_read_table(clr, at, &table) || table.size > RESERVE_MAX ||
            __builtin_add_overflow(at, table.size, &end))
            return true;
        if (!space_claim(clr->space, at, end, USE_GC_BOOKKEEPING, err))
            return false;
        if (i == 0)
            *ret_first = table;
        /* Other tables are known by their cards, which stand behind this header. */
        at = table.next && header ? table.next - header : 0;
    }
    return true;
}

static bool all_within(const struct gc_state *gc, const struct card_table *table) {
    for (uint32_t i = 0; i < gc->region_count; i++) {
        const struct gc_region *r = &gc->regions[i];
        if (r->generation != GEN_FROZEN && (r->start < table->lowest || r->start > table->highest))
            return false;
    }
    return true;
}

bool usage_claim_gc(struct clr *clr, const struct gc_state *gc, struct err *err) {
    struct card_table table;
    if (!claim_tables(clr, &table, err))
        return false;
    /* Regions are cut from one reserved range, whose bounds the table knows; segments are not. */
    bool one_range = gc->uses_regions && table.size && table.lowest < table.highest &&
                     table.highest - table.lowest <= RESERVE_MAX && all_within(gc, &table);
    if (one_range && !space_claim(clr->space, table.lowest, table.highest, USE_GC_HEAP, err))
        return false;
    uint64_t page = clr->space->page_bytes;
    for (uint32_t i = 0; i < gc->region_count; i++) {
        const struct gc_region *r = &gc->regions[i];
        if (one_range && r->generation != GEN_FROZEN)
            continue;
        uint64_t end = r->reserved > r->committed ? r->reserved : r->committed;
        if (!space_claim(clr->space, r->start - r->start % page, end, USE_GC_HEAP, err))
            return false;
    }
    return true;
}

static bool claim_mapping(struct clr *clr, const struct space_mapping *m, struct err *err) {
    return !m || m->file || space_claim(clr->space, m->start, m->end, USE_LOADER_JIT, err);
}

bool usage_claim_loader(struct clr *clr, const struct walk_result *walk, struct err *err) {
    const struct space *s = clr->space;
    for (uint32_t i = 0; i < s->mapping_count; i++)
        if (s->mappings[i].flags & MAP_EXEC && s->mappings[i].start != s->vdso &&
            !claim_mapping(clr, &s->mappings[i], err))
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
