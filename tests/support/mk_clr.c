#include "tests/support/mk_clr.h"

#include "memory/arch/arch.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

static bool mk_clr_begin(struct mk_clr *w, size_t size, uint64_t base, uint32_t machine,
                         const char *table) {
    uint32_t number = 0;
    while (strcmp(builtin_tables[number].name, table) != 0)
        number++;
    *w = (struct mk_clr){.size = size, .base = base, .used = 64, .bytes = calloc(1, size)};
    snapshot_init(&w->snapshot);
    space_init(&w->space);
    w->range = (struct space_range){base, base + size, w->bytes, MAP_READ};
    w->space.ranges = &w->range;
    w->space.range_count = 1;
    w->space.arch = arch_by_elf(machine);
    w->options.sysroot = "/nowhere";
    if (!w->bytes || !(w->b = builder_new(&w->snapshot, NULL)))
        return false;
    clr_init(&w->clr, &w->space, w->b, &w->options);
    contract_use_table(&w->clr.contract, &builtin_tables[number]);
    modules_init(&w->modules, &w->clr);
    return true;
}

bool mk_clr_init(struct mk_clr *w, size_t size) {
    return mk_clr_begin(w, size, MK_CLR_BASE, 62, "linux-x64 10.0");
}

bool mk_clr_init_x86(struct mk_clr *w, size_t size) {
    return mk_clr_begin(w, size, MK_CLR_BASE_X86, 3, "windows-x86 10.0");
}

void mk_clr_deinit(struct mk_clr *w) {
    modules_deinit(&w->modules);
    clr_deinit(&w->clr);
    builder_free(w->b);
    snapshot_deinit(&w->snapshot);
    space_deinit(&w->space);
    free(w->bytes);
    *w = (struct mk_clr){.size = 0};
}

uint64_t mk_clr_room(struct mk_clr *w, size_t size) {
    size_t at = (w->used + 15) & ~(size_t)15;
    if (size > w->size || at > w->size - size)
        abort();
    w->used = at + size;
    return w->base + at;
}

uint8_t *mk_clr_at(struct mk_clr *w, uint64_t address) {
    return w->bytes + (address - w->base);
}

void mk_clr_u16(struct mk_clr *w, uint64_t address, uint16_t value) {
    memcpy(mk_clr_at(w, address), &value, sizeof(value));
}

void mk_clr_u32(struct mk_clr *w, uint64_t address, uint32_t value) {
    memcpy(mk_clr_at(w, address), &value, sizeof(value));
}

void mk_clr_u64(struct mk_clr *w, uint64_t address, uint64_t value) {
    memcpy(mk_clr_at(w, address), &value, sizeof(value));
}

uint64_t mk_clr_field(const struct mk_clr *w, uint64_t object, enum contract_field f) {
    return object + w->clr.contract.offset[f];
}

uint64_t mk_clr_module(struct mk_clr *w, struct bytes metadata) {
    uint64_t module = mk_clr_room(w, 2048), blob;
    if (metadata.size == 0)
        return module;
    blob = mk_clr_room(w, metadata.size + 4);
    mk_clr_u32(w, blob, (uint32_t)metadata.size);
    memcpy(mk_clr_at(w, blob + 4), metadata.data, metadata.size);
    mk_clr_u64(w, mk_clr_field(w, module, F_MODULE_DYNAMIC_METADATA), blob);
    return module;
}

uint64_t mk_clr_type(struct mk_clr *w, uint64_t module, uint32_t row, uint32_t flags) {
    uint64_t mt = mk_clr_room(w, 64), class = mk_clr_room(w, 64);
    mk_clr_u32(w, mk_clr_field(w, mt, F_MT_FLAGS), flags);
    mk_clr_u32(w, mk_clr_field(w, mt, F_MT_BASE_SIZE), 24);
    mk_clr_u32(w, mk_clr_field(w, mt, F_MT_FLAGS2), row << 8);
    mk_clr_u64(w, mk_clr_field(w, mt, F_MT_MODULE), module);
    mk_clr_u64(w, mk_clr_field(w, mt, F_MT_CLASS), class);
    mk_clr_u64(w, mk_clr_field(w, class, F_CLASS_MT), mt);
    return mt;
}

uint64_t mk_clr_array(struct mk_clr *w, uint64_t element, uint32_t rank) {
    uint64_t mt = mk_clr_type(w, 0, 0, (rank ? MK_MT_ARRAY : MK_MT_VECTOR) | 8);
    mk_clr_u32(w, mk_clr_field(w, mt, F_MT_BASE_SIZE), 24 + 8 * rank);
    mk_clr_u64(w, mk_clr_field(w, mt, F_MT_PER_INST), element);
    return mt;
}

void mk_clr_arguments(struct mk_clr *w, uint64_t mt, const uint64_t *handles, uint16_t count) {
    uint64_t info = mk_clr_room(w, 16), dictionary = mk_clr_room(w, 8u * count + 8);
    mk_clr_u16(w, mk_clr_field(w, info, F_GENERICS_DICTS), 1);
    mk_clr_u16(w, mk_clr_field(w, info, F_GENERICS_ARGS), count);
    mk_clr_u64(w, info + 8, dictionary);
    mk_clr_u64(w, mk_clr_field(w, mt, F_MT_PER_INST), info + 8);
    for (uint32_t i = 0; i < count; i++)
        mk_clr_u64(w, dictionary + 8 * i, handles[i]);
}

uint64_t mk_clr_method(struct mk_clr *w, uint64_t mt, uint32_t row, uint16_t flags) {
    uint64_t chunk = mk_clr_room(w, 96), desc = chunk + w->clr.contract.offset[F_CHUNK_SIZE];
    mk_clr_u64(w, mk_clr_field(w, chunk, F_CHUNK_MT), mt);
    mk_clr_u16(w, mk_clr_field(w, chunk, F_CHUNK_TOKEN), (uint16_t)(row >> 12));
    mk_clr_u16(w, mk_clr_field(w, desc, F_MD_TOKEN), (uint16_t)(row & 0xfff));
    mk_clr_u16(w, mk_clr_field(w, desc, F_MD_FLAGS), flags);
    return desc;
}
