#include "dotnet/descriptor.h"

#include "dotnet/symbols.h"
#include "memory/elf/elf.h"

#include <string.h>

#define DESCRIPTOR_MAX 40u /* [bytes] where pointers have 8 */
#define POINTERS_MAX   4096u

/* -- Reading ----------------------------------------------------------------------------------- */

static bool accept_build_id(struct bytes file, const void *context) {
    char id[ELF_BUILD_ID_HEX];
    const struct space_module *image = context;
    return image->build_id && elf_file_build_id(file, id) && strcmp(id, image->build_id) == 0;
}

bool descriptor_runtime_file(struct clr *clr, struct bytes *ret_file) {
    return !clr->windows && clr->image->build_id &&
           clr_open_file(clr, clr->image->path, accept_build_id, clr->image, ret_file);
}

struct descriptor {
    uint64_t json, pointers;
    uint32_t json_size, pointer_count;
};

/* [bytes] {char magic[8]; u32 flags, json_size; json *; u32 pointer_count, 0; pointers *} */
static uint32_t descriptor_size(uint32_t word) {
    return 24 + 2 * word;
}

static bool parse_descriptor(const uint8_t *raw, uint32_t word, struct descriptor *d) {
    const uint8_t *behind = raw + 16 + word;
    *d = (struct descriptor){.json_size = load_u32(raw + 12),
                             .json = load_word(raw + 16, word),
                             .pointer_count = load_u32(behind),
                             .pointers = load_word(behind + 8, word)};
    return memcmp(raw, "DNCCDAC", 8) == 0 && d->json_size >= 2 && d->json_size <= 1u << 20 &&
           d->pointer_count <= POINTERS_MAX;
}

bool descriptor_from_memory(struct clr *clr, uint64_t address, struct contract_text *ret_text) {
    uint8_t raw[DESCRIPTOR_MAX];
    struct descriptor d;
    if (!clr_read(clr, address, raw, descriptor_size(clr->word)) ||
        !parse_descriptor(raw, clr->word, &d))
        return false;
    uint8_t *json = arena_alloc(&clr->arena, d.json_size);
    uint64_t *pointers = arena_array(&clr->arena, d.pointer_count + 1u, sizeof(*pointers));
    if (!json || !pointers || !clr_read(clr, d.json, json, d.json_size))
        return false;
    for (uint32_t i = 0; i < d.pointer_count; i++)
        if (!clr_word_at(clr, d.pointers, i, &pointers[i]))
            return false;
    *ret_text = (struct contract_text){{json, d.json_size}, pointers, d.pointer_count};
    return true;
}

/* Pointers are relocations there. */
bool descriptor_from_file(struct clr *clr, uint64_t address, struct contract_text *ret_text) {
    struct bytes file;
    struct descriptor d;
    uint64_t base = clr->image->base;
    /* Relocations of ELF files; cores of 32-bit processes are not read. */
    if (clr->word != 8 || address < base || address >= clr->image->end ||
        !descriptor_runtime_file(clr, &file))
        return false;
    struct bytes raw = bytes_slice(elf_file_at(file, address - base), 0, DESCRIPTOR_MAX);
    if (raw.size < DESCRIPTOR_MAX || !parse_descriptor(raw.data, 8, &d) ||
        !elf_file_relocation(file, address - base + 16, &d.json) ||
        !elf_file_relocation(file, address - base + 32, &d.pointers))
        return false;
    struct bytes json = bytes_slice(elf_file_at(file, d.json), 0, d.json_size);
    uint64_t *pointers = arena_array(&clr->arena, d.pointer_count + 1u, sizeof(*pointers));
    if (!pointers || json.size != d.json_size)
        return false;
    for (uint32_t i = 0; i < d.pointer_count; i++) {
        uint64_t vaddr;
        if (elf_file_relocation(file, d.pointers + 8 * (uint64_t)i, &vaddr))
            pointers[i] = base + vaddr;
    }
    *ret_text = (struct contract_text){json, pointers, d.pointer_count};
    return true;
}

/* -- The GC's own descriptor (.NET 11) --------------------------------------------------------- */

/* Where it is: in a variable that the runtime's descriptor leads to, or in GcDacVars itself. */
static uint64_t gc_descriptor(struct clr *clr) {
    uint64_t address;
    if (clr->contract.gc_descriptor == NO_GLOBAL)
        return clr->gc.major == 2 && clr->gc.minor >= 6 ? clr->gc.slot[GC_DESCRIPTOR] : 0;
    return clr_word(clr, clr->contract.gc_descriptor, &address) ? address : 0;
}

/* True when it says all that reading the heaps cannot do without. */
static bool gc_is_described(const struct clr *clr) {
    static const enum contract_field needed[] = {
        F_GENERATION_SEGMENT, F_SEGMENT_ALLOCATED, F_SEGMENT_COMMITTED, F_SEGMENT_RESERVED,
        F_SEGMENT_MEM,        F_SEGMENT_FLAGS,     F_SEGMENT_NEXT,      F_GENERATION_CONTEXT};
    const struct contract *c = &clr->contract;
    uint64_t count = c->global[G_GC_GENERATION_COUNT];
    for (uint32_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (!clr_knows(clr, needed[i]))
            return false;
    if (!(c->gc_kind & GC_KIND_REGIONS) && !clr_knows(clr, F_GENERATION_START))
        return false;
    return c->gc_kind & GC_KIND_KNOWN && c->offset[F_GENERATION_BYTES] >= 64 &&
           c->offset[F_GENERATION_BYTES] <= 4096 && count >= 4 && count <= 5 &&
           (c->gc_kind & GC_KIND_SERVER
                ? c->global[G_GC_HEAPS] != NO_GLOBAL && clr_knows(clr, F_GC_HEAP_GENERATIONS)
                : c->global[G_GC_GENERATION_TABLE] != NO_GLOBAL);
}

/* Puts what the GC says of itself in the place of what GcDacVars says. */
static void use_gc_descriptor(struct clr *clr) {
    static const struct {
        enum gc_slot slot;
        enum contract_global global;
    } slots[] = {{GC_GENERATION_COUNT, G_GC_GENERATION_COUNT},
                 {GC_GENERATION_TABLE, G_GC_GENERATION_TABLE},
                 {GC_EPHEMERAL_SEGMENT, G_GC_EPHEMERAL},
                 {GC_ALLOC_ALLOCATED, G_GC_ALLOC_ALLOCATED},
                 {GC_FINALIZE_QUEUE, G_GC_FINALIZE_QUEUE},
                 {GC_HEAP_COUNT, G_GC_HEAP_COUNT},
                 {GC_HEAPS, G_GC_HEAPS},
                 {GC_INVALID_COUNT, G_GC_INVALID_COUNT}};
    for (uint32_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
        if (clr->contract.global[slots[i].global] != NO_GLOBAL)
            clr->gc.slot[slots[i].slot] = clr->contract.global[slots[i].global];
    clr->gc.slot[GC_GENERATION_SIZE] = clr->contract.offset[F_GENERATION_BYTES];
    clr->gc_described = true;
}

void descriptor_read_gc(struct clr *clr) {
    struct contract_text text;
    struct err err = {0};
    uint64_t address = gc_descriptor(clr);
    clr->gc_described = false;
    if (!address || (!descriptor_from_memory(clr, address, &text) &&
                     !descriptor_from_file(clr, address, &text)))
        return;
    if (!contract_parse_sub(&clr->contract, text.json, text.pointers, text.pointer_count, &err))
        builder_warn(clr->b, ABSENT, "the GC's own %s", err.msg);
    else if (gc_is_described(clr))
        use_gc_descriptor(clr);
    else
        builder_note(clr->b, "the GC's own descriptor is not complete: its older tables are used");
}
