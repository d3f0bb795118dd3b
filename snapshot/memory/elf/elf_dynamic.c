/* The dynamic section of 64-bit images: exported symbols of one in memory, relocations of a file.
 */
#include "memory/elf/elf.h"

#include "memory/arch/arch.h"

#include <elf.h>
#include <stddef.h>

#define ENTRIES_MAX 256u   /* of a dynamic section */
#define CHAIN_MAX   65536u /* of a GNU hash table: no longer in a sane image */
#define NAME_BYTES  64u    /* of a symbol that is asked for, with its NUL */
#define ENTRY_BYTES 16u
#define RELA_BYTES  24u

struct dynamic {
    uint64_t gnu_hash, symbols, strings, relocations, relocation_bytes;
};

static void take_entry(struct dynamic *d, uint64_t tag, uint64_t value) {
    switch (tag) {
    case DT_GNU_HASH:
        d->gnu_hash = value;
        break;
    case DT_SYMTAB:
        d->symbols = value;
        break;
    case DT_STRTAB:
        d->strings = value;
        break;
    case DT_RELA:
        d->relocations = value;
        break;
    case DT_RELASZ:
        d->relocation_bytes = value;
        break;
    default:
        break;
    }
}

/* As the section says: virtual addresses in a file. */
static bool dynamic_read(const struct elf *elf, struct dynamic *d) {
    struct elf_segment s = {0};
    *d = (struct dynamic){0};
    for (uint32_t i = 0; i < elf->segment_count && i < ELF_IMAGE_SEGMENTS_MAX; i++)
        if (!elf_segment(elf, i, &s) || s.type == ELF_SEGMENT_DYNAMIC)
            break;
    if (!elf->wide || s.type != ELF_SEGMENT_DYNAMIC)
        return false;
    uint64_t at = elf->mapped ? elf->bias + s.vaddr : elf->base + s.offset;
    uint64_t bytes = elf->mapped ? s.memory_bytes : s.file_bytes;
    for (uint64_t i = 0; i < bytes / ENTRY_BYTES && i < ENTRIES_MAX; i++) {
        uint8_t entry[ENTRY_BYTES];
        if (!peek_bytes(&elf->from, at + ENTRY_BYTES * i, entry, sizeof(entry)))
            return false;
        if (load_u64(entry) == DT_NULL)
            break;
        take_entry(d, load_u64(entry), load_u64(entry + 8));
    }
    return true;
}

/* -- Symbols ----------------------------------------------------------------------------------- */

static uint32_t gnu_hash(const char *name) {
    uint32_t h = 5381;
    for (const char *p = name; *p; p++)
        h = h * 33 + (unsigned char)*p;
    return h;
}

/* In memory: glibc relocates these pointers in place, musl does not. */
static uint64_t relocated(const struct elf *elf, uint64_t pointer) {
    return pointer < elf->bias ? elf->bias + pointer : pointer;
}

static bool symbol_value(const struct elf *elf, uint64_t entry, uint64_t *ret_address,
                         uint64_t *ret_size) {
    uint64_t value;
    if (!peek_u64(&elf->from, entry + offsetof(Elf64_Sym, st_value), &value) ||
        !peek_u64(&elf->from, entry + offsetof(Elf64_Sym, st_size), ret_size))
        return false;
    *ret_address = elf->bias + value;
    return value != 0;
}

bool elf_symbol(const struct elf *elf, const char *name, uint64_t *ret_address,
                uint64_t *ret_size) {
    const struct peek *from = &elf->from;
    struct dynamic d;
    uint32_t buckets, first, bloom, symbol, hash = gnu_hash(name);
    size_t name_bytes = strlen(name) + 1;
    if (!elf->mapped || name_bytes > NAME_BYTES || !dynamic_read(elf, &d) || !d.gnu_hash ||
        !d.symbols || !d.strings)
        return false;
    uint64_t table = relocated(elf, d.gnu_hash), symbols = relocated(elf, d.symbols),
             strings = relocated(elf, d.strings);
    if (!peek_u32(from, table, &buckets) || !peek_u32(from, table + 4, &first) ||
        !peek_u32(from, table + 8, &bloom) || !buckets)
        return false;
    uint64_t buckets_at = table + 16 + 8 * (uint64_t)bloom;
    uint64_t chains = buckets_at + 4 * (uint64_t)buckets;
    if (!peek_u32(from, buckets_at + 4 * (uint64_t)(hash % buckets), &symbol) || symbol < first)
        return false;
    for (uint32_t i = 0; i < CHAIN_MAX; i++, symbol++) {
        uint32_t chain, name_at;
        if (!peek_u32(from, chains + 4 * (uint64_t)(symbol - first), &chain))
            return false;
        uint64_t entry = symbols + (uint64_t)symbol * sizeof(Elf64_Sym);
        if ((chain | 1) == (hash | 1) && peek_u32(from, entry, &name_at) &&
            peek_is(from, strings + name_at, name, name_bytes))
            return symbol_value(elf, entry, ret_address, ret_size);
        if (chain & 1)
            return false;
    }
    return false;
}

/* -- Files ------------------------------------------------------------------------------------- */

struct bytes elf_file_at(struct bytes file, uint64_t vaddr) {
    struct peek from = peek_of_file(&file);
    struct elf elf;
    struct elf_segment s;
    if (!elf_open(&elf, &from, 0))
        return (struct bytes){0};
    for (uint32_t i = 0; i < elf.segment_count && i < ELF_IMAGE_SEGMENTS_MAX; i++)
        if (elf_segment(&elf, i, &s) && s.type == ELF_SEGMENT_LOAD && vaddr >= s.vaddr &&
            vaddr - s.vaddr < s.file_bytes)
            return bytes_slice(bytes_slice(file, s.offset, s.file_bytes), vaddr - s.vaddr,
                               UINT64_MAX);
    return (struct bytes){0};
}

bool elf_file_relocation(struct bytes file, uint64_t vaddr, uint64_t *ret_addend) {
    struct peek from = peek_of_file(&file);
    struct elf elf;
    struct dynamic d;
    if (!elf_open(&elf, &from, 0) || !dynamic_read(&elf, &d))
        return false;
    struct bytes rela = bytes_slice(elf_file_at(file, d.relocations), 0, d.relocation_bytes);
    uint32_t relative = arch_by_elf(elf.machine)->elf_relative;
    for (size_t at = 0; relative && rela.size - at >= RELA_BYTES; at += RELA_BYTES) {
        const uint8_t *entry = rela.data + at;
        if (load_u64(entry) != vaddr || load_u32(entry + offsetof(Elf64_Rela, r_info)) != relative)
            continue;
        *ret_addend = load_u64(entry + offsetof(Elf64_Rela, r_addend));
        return true;
    }
    return false;
}
