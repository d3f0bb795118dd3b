#include "dotnet/code.h"

#define MAP_LEVELS     5u
#define FRAGMENTS_MAX  1024u
#define HEAP_NODES_MAX 4096u
#define NIBBLES_BACK   (1u << 20) /* 32 MiB of code: no method is larger */
#define STEPS_BACK     65536u     /* funclets and cold parts behind a method's entry */
#define STUB_LAST      15u        /* code headers up to this are stub kinds */
#define BUCKET_SLOTS   4u
#define BUCKET_SIZE    64u
#define FUNCTION_SIZE  12u /* x64: begin, end, unwind data */
#define COLLISION      (1ull << 63)

/* -- From an address to its range section ------------------------------------------------------ */

/* Goes down a map of 5 levels of 256 entries whose first level lies at map. */
static uint64_t map_fragment(struct clr *clr, uint64_t map, uint64_t ip) {
    uint64_t table = map;
    for (uint32_t level = MAP_LEVELS; level > 0; level--) {
        uint64_t index = ip >> (17 + 8 * (level - 1)) & 255;
        if (!clr_u64(clr, table + 8 * index, &table))
            return 0;
        table &= ~1ull;
        if (!table)
            return 0;
    }
    return table;
}

static uint64_t section_in(struct clr *clr, uint64_t map, uint64_t ip) {
    uint64_t fragment = map_fragment(clr, map, ip);
    for (uint32_t i = 0; fragment && i < FRAGMENTS_MAX; i++) {
        uint64_t begin, end, section;
        if (!clr_spend(clr, 1) || !clr_field_u64(clr, fragment, F_FRAGMENT_BEGIN, &begin) ||
            !clr_field_u64(clr, fragment, F_FRAGMENT_END, &end) ||
            !clr_field_u64(clr, fragment, F_FRAGMENT_SECTION, &section))
            return 0;
        if (ip >= begin && ip < end)
            return section;
        if (!clr_field_u64(clr, fragment, F_FRAGMENT_NEXT, &fragment))
            return 0;
        fragment &= ~1ull;
    }
    return 0;
}

/* The global is the map itself, or (descriptor) a pointer to it. */
static uint64_t code_find_section(struct clr *clr, uint64_t ip) {
    uint64_t map = clr->contract.global[G_CODE_RANGE_MAP], pointee;
    if (map == NO_GLOBAL || map == 0 || !clr_spend(clr, 2 * MAP_LEVELS))
        return 0;
    uint64_t section = section_in(clr, map, ip);
    if (!section && clr_u64(clr, map, &pointee) && pointee)
        section = section_in(clr, pointee, ip);
    return section;
}

/* -- Jitted code ------------------------------------------------------------------------------- */

static uint32_t nibble_of(uint32_t unit, uint64_t index) {
    return unit >> (28 - 4 * (index & 7)) & 15;
}

/*
 * Start of the method that covers map_base + relative. The map has a nibble for each 32 bytes of
 * code: 0, or 1 + the place of a method's start in 4-byte steps. Version 2 of the contract puts
 * an encoded start into units that a method covers whole.
 */
static uint64_t method_start(struct clr *clr, uint64_t map_base, uint64_t header_map,
                             uint64_t relative) {
    bool encoded = clr->contract.execution_manager >= 2;
    uint64_t index = relative >> 5;
    uint32_t limit = (uint32_t)((relative & 31) >> 2) + 1, unit;
    uint64_t loaded = UINT64_MAX;
    for (uint32_t i = 0; i < NIBBLES_BACK; i++, limit = 15) {
        if (index >> 3 != loaded) {
            loaded = index >> 3;
            if (!clr_spend(clr, 1) || !clr_u32(clr, header_map + 4 * loaded, &unit))
                return 0;
            if (encoded && (unit & 15) > 8)
                return map_base + (unit & ~15u) + (((unit & 15) - 9) << 2);
        }
        uint32_t nibble = nibble_of(unit, index);
        if (nibble && nibble <= limit)
            return map_base + (index << 5) + ((nibble - 1) << 2);
        if (index == 0)
            return 0;
        index--;
    }
    return 0;
}

/* The unwind data of the part of a jitted method that covers ip. */
static bool jit_unwind(struct clr *clr, uint64_t header, uint64_t relative,
                       struct code_function *f) {
    uint32_t count;
    if (!clr_field_u32(clr, header, F_CODE_UNWIND_COUNT, &count) || count > STEPS_BACK)
        return false;
    uint64_t infos = clr_field(clr, header, F_CODE_UNWIND_INFOS);
    for (uint32_t i = 0; infos && i < count; i++) {
        uint32_t begin, end;
        if (!clr_spend(clr, 1) || !clr_u32(clr, infos + FUNCTION_SIZE * (uint64_t)i, &begin) ||
            !clr_u32(clr, infos + FUNCTION_SIZE * (uint64_t)i + 4, &end))
            return false;
        if (relative < begin || relative >= end)
            continue;
        f->begin = f->base + begin;
        return clr_u32(clr, infos + FUNCTION_SIZE * (uint64_t)i + 8, &f->unwind);
    }
    return false;
}

static bool find_jitted(struct clr *clr, uint64_t node, uint64_t ip, struct code_function *f) {
    for (uint32_t i = 0; node && i < HEAP_NODES_MAX; i++) {
        uint64_t start, end, base, map;
        if (!clr_spend(clr, 1) || !clr_field_u64(clr, node, F_HEAP_NODE_START, &start) ||
            !clr_field_u64(clr, node, F_HEAP_NODE_END, &end) ||
            !clr_field_u64(clr, node, F_HEAP_NODE_BASE, &base) ||
            !clr_field_u64(clr, node, F_HEAP_NODE_MAP, &map))
            return false;
        if (ip >= start && ip < end && ip >= base) {
            uint64_t method = method_start(clr, base, map, ip - base), header;
            if (method < 8 || !clr_u64(clr, method - 8, &header) || header <= STUB_LAST ||
                !clr_field_u64(clr, header, F_CODE_METHOD_DESC, &f->method_desc))
                return false;
            f->begin = method;
            f->base = base;
            if (!jit_unwind(clr, header, ip - base, f))
                f->unwind = 0;
            return true;
        }
        if (!clr_field_u64(clr, node, F_HEAP_NODE_NEXT, &node))
            return false;
    }
    return false;
}

/* -- Precompiled code -------------------------------------------------------------------------- */

/* The runtime's HashMap (src/coreclr/vm/hash.cpp) from entry points to MethodDescs. */
static bool hash_find(struct clr *clr, uint64_t buckets, uint64_t key, uint64_t *ret_value) {
    uint32_t count;
    if (!clr_u32(clr, buckets, &count) || count < 2)
        return false;
    uint32_t seed = (uint32_t)(key >> 2);
    uint32_t step = 1 + ((uint32_t)(key >> 5) + 1) % (count - 1);
    for (uint32_t probe = 0; probe < count && probe < STEPS_BACK; probe++, seed += step) {
        uint64_t slots[2 * BUCKET_SLOTS];
        uint64_t bucket = buckets + BUCKET_SIZE * (1ull + seed % count);
        if (!clr_spend(clr, 1) || !clr_read(clr, bucket, slots, sizeof(slots)))
            return false;
        for (uint32_t i = 0; i < BUCKET_SLOTS; i++)
            if (slots[i] == key) {
                *ret_value = slots[BUCKET_SLOTS + i] & ~COLLISION;
                return true;
            }
        if (!(slots[BUCKET_SLOTS] & COLLISION))
            return false;
    }
    return false;
}

/*
 * The last function that begins at or before rva; false: none. Looks where the runtime's own search
 * looks (NativeUnwindInfoLookupTable): a heap dump holds the pages that this has touched, no more.
 */
static bool function_before(struct clr *clr, uint64_t functions, uint32_t count, uint32_t rva,
                            uint32_t *ret_index) {
    uint32_t start = 0, end = count - 1, begin;
    if (count == 0)
        return false;
    while (end - start > 10) {
        uint32_t middle = start + (end - start) / 2;
        if (!clr_u32(clr, functions + FUNCTION_SIZE * (uint64_t)middle, &begin))
            return false;
        if (rva < begin)
            end = middle - 1;
        else
            start = middle;
    }
    for (uint32_t i = start; i < end; i++) {
        if (!clr_u32(clr, functions + FUNCTION_SIZE * (uint64_t)(i + 1), &begin))
            return false;
        if (rva < begin) {
            end = i;
            break;
        }
    }
    *ret_index = end;
    return clr_u32(clr, functions + FUNCTION_SIZE * (uint64_t)end, &begin) && rva >= begin;
}

/* The method whose entry point is the function's, or of one before it (funclets, cold parts). */
static uint64_t method_of_function(struct clr *clr, uint64_t buckets, uint64_t functions,
                                   uint32_t index, uint64_t base) {
    for (uint32_t i = 0; i < STEPS_BACK; i++, index--) {
        uint32_t begin;
        uint64_t value;
        if (!clr_u32(clr, functions + FUNCTION_SIZE * (uint64_t)index, &begin))
            return 0;
        if (hash_find(clr, buckets, base + begin, &value))
            return value << 1;
        if (index == 0)
            return 0;
    }
    return 0;
}

static bool find_precompiled(struct clr *clr, uint64_t module, uint64_t base, uint64_t ip,
                             struct code_function *f) {
    uint64_t info, composite, functions, buckets;
    uint32_t count, index, begin;
    if (!clr_field_u64(clr, module, F_MODULE_R2R_INFO, &info) || !info)
        return false;
    if (clr_field_u64(clr, info, F_R2R_COMPOSITE, &composite) && composite)
        info = composite;
    if (!clr_field_u64(clr, info, F_R2R_FUNCTIONS, &functions) ||
        !clr_field_u32(clr, info, F_R2R_FUNCTION_COUNT, &count) || ip - base > UINT32_MAX)
        return false;
    f->base = base;
    f->module = module;
    if (!function_before(clr, functions, count, (uint32_t)(ip - base), &index) ||
        !clr_u32(clr, functions + FUNCTION_SIZE * (uint64_t)index, &begin)) {
        /* Managed code all the same: its tables are in a file that is not there. */
        return true;
    }
    f->begin = base + begin;
    if (!clr_u32(clr, functions + FUNCTION_SIZE * (uint64_t)index + 8, &f->unwind))
        f->unwind = 0;
    uint64_t map = clr_field(clr, info, F_R2R_ENTRY_POINTS);
    if (map && clr_field_u64(clr, map, F_HASH_BUCKETS, &buckets))
        f->method_desc = method_of_function(clr, buckets, functions, index, base);
    return true;
}

bool code_find(struct clr *clr, uint64_t ip, struct code_function *ret_function) {
    struct code_function f = {0};
    uint64_t section = code_find_section(clr, ip), begin, module = 0, heap = 0;
    if (!section || !clr_field_u64(clr, section, F_SECTION_BEGIN, &begin))
        return false;
    bool found = false;
    if (clr_field_u64(clr, section, F_SECTION_R2R_MODULE, &module) && module)
        found = find_precompiled(clr, module, begin, ip, &f);
    else if (clr_field_u64(clr, section, F_SECTION_HEAP_LIST, &heap) && heap)
        found = find_jitted(clr, heap, ip, &f);
    if (found)
        *ret_function = f;
    return found;
}

/* -- Unwinding --------------------------------------------------------------------------------- */

/* UNWIND_INFO of Windows x64, which CoreCLR keeps on every system. */
enum {
    UWOP_PUSH_NONVOL = 0,
    UWOP_ALLOC_LARGE = 1,
    UWOP_ALLOC_SMALL = 2,
    UWOP_SET_FPREG = 3,
    UWOP_SAVE_NONVOL = 4,
    UWOP_SAVE_NONVOL_FAR = 5,
    UWOP_EPILOG = 6,
    UWOP_SPARE = 7,
    UWOP_SAVE_XMM128 = 8,
    UWOP_SAVE_XMM128_FAR = 9,
    UWOP_PUSH_MACHFRAME = 10,
    UWOP_SET_FPREG_LARGE = 11
};

#define UNW_FLAG_CHAININFO 4u
#define CHAIN_MAX          8u

struct unwinder {
    struct clr *clr;
    struct code_context *context;
    uint8_t codes[2 * 256];
    uint32_t count; /* of 2-byte slots */
    uint32_t frame_register, frame_offset;
    uint64_t frame; /* what saved registers are relative to */
};

/* 16 or 32 bits of the slots behind slot i; false: there are none. */
static bool operand(const struct unwinder *u, uint32_t i, uint32_t slots, uint32_t *ret_value) {
    if (i + slots >= u->count)
        return false;
    *ret_value = slots == 1 ? load_u16(u->codes + 2 * (i + 1)) : load_u32(u->codes + 2 * (i + 1));
    return true;
}

static bool restore(struct unwinder *u, uint32_t reg, uint64_t at) {
    return clr_u64(u->clr, at, &u->context->reg[reg]);
}

/* Undoes one code; *ret_slots: how many slots it takes. */
static bool code_undo(struct unwinder *u, uint32_t i, bool skip, uint32_t *ret_slots) {
    uint32_t op = u->codes[2 * i + 1] & 15, info = u->codes[2 * i + 1] >> 4, value = 0;
    uint64_t *reg = u->context->reg;
    static const uint8_t slots[16] = {1, 2, 1, 1, 2, 3, 2, 3, 2, 3, 1, 3, 1, 1, 1, 1};
    *ret_slots = op == UWOP_ALLOC_LARGE && info ? 3 : slots[op];
    if (*ret_slots > 1 && !operand(u, i, *ret_slots - 1, &value))
        return false;
    if (skip)
        return true;
    switch (op) {
    case UWOP_PUSH_NONVOL:
        if (!restore(u, info, reg[REG_RSP]))
            return false;
        reg[REG_RSP] += 8;
        return true;
    case UWOP_ALLOC_LARGE:
        reg[REG_RSP] += info ? value : 8ull * value;
        return true;
    case UWOP_ALLOC_SMALL:
        reg[REG_RSP] += 8ull * info + 8;
        return true;
    case UWOP_SET_FPREG:
        reg[REG_RSP] = reg[u->frame_register] - 16ull * u->frame_offset;
        return true;
    case UWOP_SET_FPREG_LARGE:
        reg[REG_RSP] = reg[u->frame_register] - 16ull * value;
        return true;
    case UWOP_SAVE_NONVOL:
        return restore(u, info, u->frame + 8ull * value);
    case UWOP_SAVE_NONVOL_FAR:
        return restore(u, info, u->frame + value);
    case UWOP_EPILOG:
    case UWOP_SPARE:
    case UWOP_SAVE_XMM128:
    case UWOP_SAVE_XMM128_FAR:
        return true;
    default:
        return false;
    }
}

/* Where the fixed part of the frame is: below the frame register, once that is set. */
static void find_frame(struct unwinder *u, uint32_t offset, bool interrupted) {
    u->frame = u->context->reg[REG_RSP];
    for (uint32_t i = 0; i < u->count;) {
        uint32_t op = u->codes[2 * i + 1] & 15, slots, value;
        bool done = !interrupted || u->codes[2 * i] <= offset;
        if (op == UWOP_SET_FPREG && done)
            u->frame = u->context->reg[u->frame_register] - 16ull * u->frame_offset;
        if (op == UWOP_SET_FPREG_LARGE && done && operand(u, i, 2, &value))
            u->frame = u->context->reg[u->frame_register] - 16ull * value;
        if (!code_undo(u, i, true, &slots))
            return;
        i += slots;
    }
}

bool code_unwind(struct clr *clr, const struct code_function *function,
                 struct code_context *context, bool interrupted) {
    struct unwinder u = {.clr = clr, .context = context};
    uint64_t at = function->base + function->unwind;
    uint64_t offset = context->ip - function->begin;
    if (!function->unwind || !function->begin)
        return false;
    for (uint32_t chain = 0; chain < CHAIN_MAX; chain++) {
        uint8_t head[4];
        if (!clr_read(clr, at, head, sizeof(head)))
            return false;
        u.count = head[2];
        u.frame_register = head[3] & 15;
        u.frame_offset = head[3] >> 4;
        if ((head[0] & 7) > 2 || (u.count && !clr_read(clr, at + 4, u.codes, 2 * u.count)))
            return false;
        bool partial = interrupted && chain == 0 && offset < head[1];
        find_frame(&u, (uint32_t)offset, partial);
        for (uint32_t i = 0, slots; i < u.count; i += slots)
            if (!code_undo(&u, i, partial && u.codes[2 * i] > offset, &slots))
                return false;
        if (!(head[0] >> 3 & UNW_FLAG_CHAININFO)) {
            if (!clr_u64(clr, context->reg[REG_RSP], &context->ip))
                return false;
            context->reg[REG_RSP] += 8;
            return true;
        }
        uint32_t next;
        if (!clr_u32(clr, at + 4 + 2ull * ((u.count + 1u) & ~1u) + 8, &next))
            return false;
        at = function->base + next;
    }
    return false;
}
