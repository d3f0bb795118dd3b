#include "dotnet/code.h"

#include "dotnet/code_prolog.h"
#include "dotnet/module.h"

#define MAP_LEVELS_MAX 5u
#define FRAGMENTS_MAX  1024u
#define SECTIONS_MAX   100000u
#define HEAP_NODES_MAX 4096u
#define NIBBLES_BACK   (1u << 20) /* 32 MiB of code: no method is larger */
#define STEPS_BACK     65536u     /* funclets and cold parts behind a method's entry */
#define STUB_LAST      15u        /* code headers up to this are stub kinds */
#define BUCKET_SLOTS   4u

/* -- From an address to its range section ------------------------------------------------------ */

/*
 * Goes down a map of levels of 256 entries whose first level lies at map: 5 of them, where pointers
 * have 8 bytes, else 2 (RangeSectionMap, src/coreclr/vm/codeman.h).
 */
static uint64_t map_fragment(struct clr *clr, uint64_t map, uint64_t ip) {
    uint64_t table = map;
    const uint32_t levels = clr->word == 8 ? MAP_LEVELS_MAX : 2, low = clr->word == 8 ? 17 : 16;
    for (uint32_t level = levels; level > 0; level--) {
        uint64_t index = ip >> (low + 8 * (level - 1)) & 255;
        if (!clr_word_at(clr, table, index, &table))
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
        if (!clr_spend(clr, 1) || !clr_field_word(clr, fragment, F_FRAGMENT_BEGIN, &begin) ||
            !clr_field_word(clr, fragment, F_FRAGMENT_END, &end) ||
            !clr_field_word(clr, fragment, F_FRAGMENT_SECTION, &section))
            return 0;
        if (ip >= begin && ip < end)
            return section;
        if (!clr_field_word(clr, fragment, F_FRAGMENT_NEXT, &fragment))
            return 0;
        fragment &= ~1ull;
    }
    return 0;
}

#define SECTION_OF_HEAP 2u /* RangeSection.flags */

/* Before .NET 8: a list of all of them, which the global leads to. */
static uint64_t listed_section(struct clr *clr, uint64_t ip) {
    uint64_t section, begin, end;
    if (!clr_global(clr, G_CODE_RANGE_MAP, &section))
        return 0;
    for (uint32_t i = 0; section && i < SECTIONS_MAX && clr_spend(clr, 1); i++) {
        if (!clr_field_word(clr, section, F_SECTION_BEGIN, &begin) ||
            !clr_field_word(clr, section, F_SECTION_END, &end))
            return 0;
        if (ip >= begin && ip < end)
            return section;
        if (!clr_field_word(clr, section, F_SECTION_NEXT, &section))
            return 0;
    }
    return 0;
}

/* What the section belongs to; a field holds either where sections are in a list. */
static void section_owner(struct clr *clr, uint64_t section, uint64_t *ret_module,
                          uint64_t *ret_heap) {
    uint32_t flags;
    *ret_module = *ret_heap = 0;
    if (clr_knows(clr, F_SECTION_OWNER)) {
        bool heap = clr_field_u32(clr, section, F_SECTION_FLAGS, &flags) && flags & SECTION_OF_HEAP;
        if (!clr_field_word(clr, section, F_SECTION_OWNER, heap ? ret_heap : ret_module))
            *ret_module = *ret_heap = 0;
        return;
    }
    if (!clr_field_word(clr, section, F_SECTION_R2R_MODULE, ret_module))
        *ret_module = 0;
    if (*ret_module || !clr_field_word(clr, section, F_SECTION_HEAP_LIST, ret_heap))
        *ret_heap = 0;
}

/* The global is the map itself, or (descriptor) a pointer to it. */
static uint64_t code_find_section(struct clr *clr, uint64_t ip) {
    uint64_t map = clr->contract.global[G_CODE_RANGE_MAP], pointee;
    if (clr_knows(clr, F_SECTION_NEXT))
        return listed_section(clr, ip);
    if (map == NO_GLOBAL || map == 0 || !clr_spend(clr, 2 * MAP_LEVELS_MAX))
        return 0;
    uint64_t section = section_in(clr, map, ip);
    if (!section && clr_word(clr, map, &pointee) && pointee)
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
    uint32_t limit = (uint32_t)((relative & 31) >> 2) + 1, unit = 0;
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

/* Entry `index` of a table of functions. */
static bool code_read_function(struct clr *clr, uint64_t table, uint32_t index,
                               struct arch_function *ret_function) {
    const struct arch_unwinder *u = clr->space->arch->unwinder;
    uint8_t raw[ARCH_ENTRY_MAX];
    if (!clr_read(clr, table + u->entry_bytes * (uint64_t)index, raw, u->entry_bytes))
        return false;
    *ret_function = u->entry(raw);
    return true;
}

/* Where the function of an entry begins; the rest of the entry may be in a page that is not there.
 */
static bool code_read_begin(struct clr *clr, uint64_t table, uint32_t index, uint32_t *ret_begin) {
    return clr_u32(clr, table + clr->space->arch->unwinder->entry_bytes * (uint64_t)index,
                   ret_begin);
}

/* The unwind data of the part of a jitted method that covers ip. */
static bool jit_unwind(struct clr *clr, uint64_t header, uint64_t relative,
                       struct code_function *f) {
    uint32_t count;
    bool found = false;
    if (!clr_field_u32(clr, header, F_CODE_UNWIND_COUNT, &count) || count > STEPS_BACK)
        return false;
    uint64_t infos = clr_field(clr, header, F_CODE_UNWIND_INFOS);
    for (uint32_t i = 0; infos && i < count; i++) {
        struct arch_function part;
        if (!clr_spend(clr, 1) || !code_read_function(clr, infos, i, &part))
            return false;
        if (relative < part.begin || (part.end && relative >= part.end))
            continue;
        f->begin = f->base + part.begin;
        f->unwind = part.unwind;
        found = true; /* without an end it is the last that begins there */
        if (part.end)
            break;
    }
    return found;
}

/*
 * The method of a range section that covers ip. The map of starts counts from the heap's own base,
 * which is rounded to a page; unwind data count from where the section begins, as the runtime's
 * JitTokenToModuleBase has it. In heaps of dynamic methods the two differ.
 */
static bool find_jitted(struct clr *clr, uint64_t node, uint64_t section, uint64_t ip,
                        struct code_function *f) {
    for (uint32_t i = 0; node && i < HEAP_NODES_MAX; i++) {
        uint64_t start, end, base, map;
        if (!clr_spend(clr, 1) || !clr_field_word(clr, node, F_HEAP_NODE_START, &start) ||
            !clr_field_word(clr, node, F_HEAP_NODE_END, &end) ||
            !clr_field_word(clr, node, F_HEAP_NODE_BASE, &base) ||
            !clr_field_word(clr, node, F_HEAP_NODE_MAP, &map))
            return false;
        if (ip >= start && ip < end && ip >= base && ip >= section) {
            uint64_t method = method_start(clr, base, map, ip - base), header;
            if (method < clr->word || !clr_word(clr, method - clr->word, &header) ||
                header <= STUB_LAST ||
                !clr_field_word(clr, header, F_CODE_METHOD_DESC, &f->method_desc))
                return false;
            f->begin = method;
            f->base = section;
            if (!jit_unwind(clr, header, ip - section, f))
                f->unwind = 0;
            return true;
        }
        if (!clr_field_word(clr, node, F_HEAP_NODE_NEXT, &node))
            return false;
    }
    return false;
}

/* -- Precompiled code -------------------------------------------------------------------------- */

/* Keys, then values. */
static uint32_t sizeof_bucket(const struct clr *clr) {
    return 2 * BUCKET_SLOTS * clr->word;
}

/* The runtime's HashMap (src/coreclr/vm/hash.cpp) from entry points to MethodDescs. */
static bool hash_find(struct clr *clr, uint64_t buckets, uint64_t key, uint64_t *ret_value) {
    const uint64_t collision = 1ull << (8 * clr->word - 1); /* the highest bit */
    uint32_t count;
    if (!clr_u32(clr, buckets, &count) || count < 2)
        return false;
    uint32_t seed = (uint32_t)(key >> 2);
    uint32_t step = 1 + ((uint32_t)(key >> 5) + 1) % (count - 1);
    for (uint32_t probe = 0; probe < count && probe < STEPS_BACK; probe++, seed += step) {
        uint64_t slots[2 * BUCKET_SLOTS];
        uint64_t bucket = buckets + sizeof_bucket(clr) * (1ull + seed % count);
        if (!clr_spend(clr, 1) || !clr_words(clr, bucket, slots, 2 * BUCKET_SLOTS))
            return false;
        for (uint32_t i = 0; i < BUCKET_SLOTS; i++)
            if (slots[i] == key) {
                *ret_value = slots[BUCKET_SLOTS + i] & ~collision;
                return true;
            }
        if (!(slots[BUCKET_SLOTS] & collision))
            return false;
    }
    return false;
}

/*
 * The last function that begins at or before rva; false: none. Looks where the runtime's own search
 * looks (NativeUnwindInfoLookupTable): a heap dump holds the pages that this has touched, no more.
 */
static bool function_before(struct clr *clr, uint64_t functions, uint32_t count, uint32_t rva,
                            uint32_t *ret_index, uint32_t *ret_begin) {
    uint32_t start = 0, end = count - 1, begin;
    if (count == 0)
        return false;
    while (end - start > 10) {
        uint32_t middle = start + (end - start) / 2;
        if (!code_read_begin(clr, functions, middle, &begin))
            return false;
        if (rva < begin)
            end = middle - 1;
        else
            start = middle;
    }
    for (uint32_t i = start; i < end; i++) {
        if (!code_read_begin(clr, functions, i + 1, &begin))
            return false;
        if (rva < begin) {
            end = i;
            break;
        }
    }
    *ret_index = end;
    return code_read_begin(clr, functions, end, ret_begin) && rva >= *ret_begin;
}

struct entry_search {
    uint64_t ip, key, value; /* key 0: none yet */
};

static void entry_in_bucket(struct entry_search *s, const uint64_t *slots, uint64_t collision) {
    for (uint32_t i = 0; i < BUCKET_SLOTS; i++)
        if (slots[i] <= s->ip && slots[i] > s->key) {
            s->key = slots[i];
            s->value = slots[BUCKET_SLOTS + i] & ~collision;
        }
}

/*
 * The last entry point of the map at or before ip, from `base` on, for dumps that lack the table of
 * functions: whatever runs has been looked up before, and so is in the map, and funclets follow
 * their methods. false: none, or not all of the map is there.
 */
static bool entry_before(struct clr *clr, uint64_t buckets, uint64_t base, uint64_t ip,
                         struct entry_search *ret_search) {
    const uint64_t collision = 1ull << (8 * clr->word - 1);
    struct entry_search s = {.ip = ip, .key = base};
    uint32_t count;
    if (!clr_u32(clr, buckets, &count) || count < 2)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t slots[2 * BUCKET_SLOTS];
        if (!clr_spend(clr, 1) ||
            !clr_words(clr, buckets + sizeof_bucket(clr) * (1ull + i), slots, 2 * BUCKET_SLOTS))
            return false;
        entry_in_bucket(&s, slots, collision);
    }
    *ret_search = s;
    return s.value != 0;
}

/* The method whose entry point is the function's, or of one before it (funclets, cold parts). */
static uint64_t method_of_function(struct clr *clr, uint64_t buckets, uint64_t functions,
                                   uint32_t index, uint64_t base) {
    for (uint32_t i = 0; i < STEPS_BACK; i++, index--) {
        uint32_t begin;
        uint64_t value;
        if (!code_read_begin(clr, functions, index, &begin))
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
    struct arch_function function;
    if (!clr_field_word(clr, module, F_MODULE_R2R_INFO, &info) || !info)
        return false;
    if (clr_field_word(clr, info, F_R2R_COMPOSITE, &composite) && composite)
        info = composite;
    if (!clr_field_word(clr, info, F_R2R_FUNCTIONS, &functions) ||
        !clr_field_u32(clr, info, F_R2R_FUNCTION_COUNT, &count) || ip - base > UINT32_MAX)
        return false;
    f->base = base;
    f->module = module;
    uint64_t map = clr_field(clr, info, F_R2R_ENTRY_POINTS);
    bool mapped = map && clr_field_word(clr, map, F_HASH_BUCKETS, &buckets);
    uint32_t rva = (uint32_t)(ip - base);
    if (!function_before(clr, functions, count, rva, &index, &begin) &&
        !(module_add_file(clr, module) &&
          function_before(clr, functions, count, rva, &index, &begin))) {
        /* Managed code all the same where its tables are in a file that is not there. */
        struct entry_search entry;
        if (mapped && entry_before(clr, buckets, base, ip, &entry)) {
            f->begin = entry.key;
            f->method_desc = entry.value << 1;
        }
        return true;
    }
    f->begin = base + begin;
    if (code_read_function(clr, functions, index, &function))
        f->unwind = function.unwind;
    if (mapped)
        f->method_desc = method_of_function(clr, buckets, functions, index, base);
    return true;
}

bool code_find(struct clr *clr, uint64_t ip, struct code_function *ret_function) {
    struct code_function f = {0};
    uint64_t section, begin, module, heap;
    if (!clr->space->arch->unwinder || !(section = code_find_section(clr, ip)) ||
        !clr_field_word(clr, section, F_SECTION_BEGIN, &begin))
        return false;
    bool found = false;
    section_owner(clr, section, &module, &heap);
    if (module)
        found = find_precompiled(clr, module, begin, ip, &f);
    else if (heap)
        found = find_jitted(clr, heap, begin, ip, &f);
    if (found)
        *ret_function = f;
    return found;
}

bool code_unwind(struct clr *clr, const struct code_function *function, struct arch_frame *frame) {
    const struct peek memory = clr_peek(clr);
    if (clr->space->arch->unwinder->prolog)
        return code_prolog_unwind(clr, function, frame);
    const struct arch_function f = {.begin = (uint32_t)(function->begin - function->base),
                                    .unwind = function->unwind};
    return function->unwind && function->begin &&
           clr->space->arch->unwinder->unwind(&memory, function->base, &f, frame);
}
