#include "dotnet/globals.h"

#define SYNC_ENTRIES    64u /* that are looked at */
#define HEADER_INDEX    0x03ffffffu
#define HEADER_IS_INDEX 0x0c000000u /* and what of these bits says that it is one */
#define INDEX_KIND      0x08000000u
#define SECTION_MAX     (1ull << 32) /* [bytes] */
#define MT_KIND         0x8000ffffu
#define MT_ARRAY        0x000c0000u
#define SECTION_KINDS   7u

/* One look at all variables for the one that leads to what fits; the first where there are more. */
struct globals_look {
    bool (*fits)(struct clr *clr, uint64_t value);
    enum contract_global global;
    uint64_t near, distance; /* near != 0: of several the nearest to it */
};

/* -- What globals lead to ---------------------------------------------------------------------- */

static bool mt_is(struct clr *clr, uint64_t mt, uint32_t kind, uint32_t base_size) {
    uint32_t flags, base;
    return clr_is_aligned(clr, mt) && clr_field_u32(clr, mt, F_MT_FLAGS, &flags) &&
           clr_field_u32(clr, mt, F_MT_BASE_SIZE, &base) && (flags & MT_KIND) == kind &&
           base == base_size;
}

static bool leads_to_string(struct clr *clr, uint64_t value) {
    return mt_is(clr, value, 0x80000002u, clr_string_base(clr)) && clr_is_method_table(clr, value);
}

/* An array of bytes has the same sizes, but a module. */
static bool leads_to_free(struct clr *clr, uint64_t value) {
    uint64_t module;
    uint32_t flags;
    return mt_is(clr, value, 0x80000001u, clr_object_min(clr)) &&
           clr_field_u32(clr, value, F_MT_FLAGS, &flags) && !(flags & MT_ARRAY) &&
           clr_field_word(clr, value, F_MT_MODULE, &module) && !module;
}

static bool leads_to_object(struct clr *clr, uint64_t value) {
    uint64_t string, parent;
    return clr_global(clr, G_STRING_MT, &string) &&
           clr_field_word(clr, string, F_MT_PARENT, &parent) && parent == value;
}

static bool leads_to_thread(struct clr *clr, uint64_t value) {
    for (uint32_t i = 0; i < clr->thread_count; i++)
        if (clr->threads[i] == value)
            return true;
    return false;
}

/* Entries of the sync table name their objects, whose headers name the entries. */
static bool leads_to_sync_table(struct clr *clr, uint64_t value) {
    uint32_t agreed = 0;
    for (uint32_t i = 1; i < SYNC_ENTRIES; i++) {
        uint64_t entry = value + 2ull * clr->word * i, object, block;
        uint32_t header;
        if (!clr_spend(clr, 1) || !clr_field_word(clr, entry, F_SYNC_ENTRY_OBJECT, &object) ||
            !clr_field_word(clr, entry, F_SYNC_ENTRY_BLOCK, &block))
            break;
        if (!object || object & 1 || !block) /* not in use */
            continue;
        if (!clr_is_aligned(clr, object) || !clr_u32(clr, object - 4, &header) ||
            (header & HEADER_IS_INDEX) != INDEX_KIND || (header & HEADER_INDEX) != i)
            break;
        agreed++;
    }
    return agreed > 0;
}

/* Sections of code lie at falling addresses, and the last has no next. */
static bool leads_to_sections(struct clr *clr, uint64_t value) {
    uint64_t begin, end, last = UINT64_MAX, section = value;
    uint32_t flags, count = 0;
    for (; section && count < CLR_LIST_MAX && clr_spend(clr, 1); count++) {
        if (!clr_field_word(clr, section, F_SECTION_BEGIN, &begin) ||
            !clr_field_word(clr, section, F_SECTION_END, &end) || begin >= end ||
            end - begin > SECTION_MAX || end > last ||
            !clr_field_u32(clr, section, F_SECTION_FLAGS, &flags) || flags > SECTION_KINDS ||
            !clr_field_word(clr, section, F_SECTION_NEXT, &section))
            return false;
        last = begin;
    }
    return !section && count > 1;
}

/* -- Looking ----------------------------------------------------------------------------------- */

static bool globals_visit(struct clr *clr, uint64_t address, uint64_t word, void *context) {
    struct globals_look *look = context;
    uint64_t distance = address > look->near ? address - look->near : look->near - address;
    if (!word || !clr_spend(clr, 1) || !look->fits(clr, word) ||
        (look->near && look->distance && distance >= look->distance))
        return false;
    clr->contract.global[look->global] = address;
    look->distance = distance;
    return !look->near;
}

static void globals_look_for(struct clr *clr, enum contract_global global,
                             bool (*fits)(struct clr *, uint64_t), uint64_t near) {
    struct globals_look look = {.fits = fits, .global = global, .near = near};
    clr->contract.global[global] = NO_GLOBAL;
    clr_scan_image(clr, true, globals_visit, &look);
}

static bool globals_visit_store(struct clr *clr, uint64_t address, uint64_t word, void *context) {
    (void)context;
    if (!word || !clr_spend(clr, 1))
        return false;
    clr->contract.global[G_THREAD_STORE] = address;
    return clr_read_thread_list(clr);
}

void globals_find(struct clr *clr) {
    if (!clr_scan_image(clr, true, globals_visit_store, NULL)) {
        clr->contract.global[G_THREAD_STORE] = NO_GLOBAL;
        return;
    }
    globals_look_for(clr, G_STRING_MT, leads_to_string, 0);
    globals_look_for(clr, G_OBJECT_MT, leads_to_object, 0);
    globals_look_for(clr, G_FREE_MT, leads_to_free, 0);
    globals_look_for(clr, G_SYNC_TABLE, leads_to_sync_table, 0);
    if (clr_knows(clr, F_SECTION_NEXT))
        globals_look_for(clr, G_CODE_RANGE_MAP, leads_to_sections, 0);
    /* vars.cpp of the runtime has the finalizer's thread next to these; others lead to threads,
     * too.
     */
    uint64_t near = clr->contract.global[G_FREE_MT];
    globals_look_for(clr, G_FINALIZER_THREAD, leads_to_thread, near == NO_GLOBAL ? 0 : near);
}
