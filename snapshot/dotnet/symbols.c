#include "dotnet/symbols.h"

#include <elf.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* A chain of a GNU hash table, or an export table, is no longer than this in a sane image. */
#define CHAIN_MAX   65536u
#define EXPORTS_MAX 1000000u
#define NOTES_MAX   64u

/* -- In memory: ELF ---------------------------------------------------------------------------- */

struct dynamic {
    uint64_t gnu_hash, symtab, strtab;
};

static uint32_t gnu_hash(const char *name) {
    uint32_t h = 5381;
    for (const char *p = name; *p; p++)
        h = h * 33 + (unsigned char)*p;
    return h;
}

/* glibc relocates the pointers in place, musl does not. */
static uint64_t relocated(uint64_t base, uint64_t pointer) {
    return pointer < base ? base + pointer : pointer;
}

static bool read_dynamic(struct clr *clr, uint64_t base, uint64_t at, uint64_t size,
                         struct dynamic *d) {
    *d = (struct dynamic){0};
    for (uint64_t i = 0; i < size / 16 && i < 256; i++) {
        uint64_t tag, value;
        if (!clr_spend(clr, 1) || !clr_u64(clr, at + 16 * i, &tag) ||
            !clr_u64(clr, at + 16 * i + 8, &value))
            return false;
        if (tag == DT_NULL)
            break;
        if (tag == DT_GNU_HASH)
            d->gnu_hash = relocated(base, value);
        else if (tag == DT_SYMTAB)
            d->symtab = relocated(base, value);
        else if (tag == DT_STRTAB)
            d->strtab = relocated(base, value);
    }
    return d->gnu_hash && d->symtab && d->strtab;
}

static bool elf_dynamic(struct clr *clr, uint64_t base, struct dynamic *d) {
    uint64_t phoff;
    uint16_t phentsize, phnum;
    if (!clr_u64(clr, base + offsetof(Elf64_Ehdr, e_phoff), &phoff) ||
        !clr_u16(clr, base + offsetof(Elf64_Ehdr, e_phentsize), &phentsize) ||
        !clr_u16(clr, base + offsetof(Elf64_Ehdr, e_phnum), &phnum))
        return false;
    uint64_t first = UINT64_MAX, dynamic = 0, size = 0;
    for (uint32_t i = 0; i < phnum && i < 256; i++) {
        uint64_t ph = base + phoff + (uint64_t)i * phentsize, vaddr;
        uint32_t type;
        if (!clr_spend(clr, 1) || !clr_u32(clr, ph, &type) ||
            !clr_u64(clr, ph + offsetof(Elf64_Phdr, p_vaddr), &vaddr))
            return false;
        if (type == PT_LOAD && vaddr < first)
            first = vaddr;
        if (type == PT_DYNAMIC) {
            dynamic = vaddr;
            if (!clr_u64(clr, ph + offsetof(Elf64_Phdr, p_memsz), &size))
                return false;
        }
    }
    if (!size || first == UINT64_MAX)
        return false;
    uint64_t bias = base - (first & ~(clr->space->page_bytes - 1));
    return read_dynamic(clr, bias, bias + dynamic, size, d);
}

static bool name_is(struct clr *clr, uint64_t address, const char *name) {
    size_t size = strlen(name) + 1;
    char buffer[64];
    return size <= sizeof(buffer) && clr_read(clr, address, buffer, size) &&
           memcmp(buffer, name, size) == 0;
}

static bool elf_symbol(struct clr *clr, uint64_t base, const char *name, uint64_t *ret_address,
                       uint64_t *ret_size) {
    struct dynamic d;
    uint32_t nbuckets, first, bloom, symbol, hash = gnu_hash(name);
    if (!elf_dynamic(clr, base, &d) || !clr_u32(clr, d.gnu_hash, &nbuckets) ||
        !clr_u32(clr, d.gnu_hash + 4, &first) || !clr_u32(clr, d.gnu_hash + 8, &bloom) || !nbuckets)
        return false;
    uint64_t buckets = d.gnu_hash + 16 + 8 * (uint64_t)bloom;
    uint64_t chains = buckets + 4 * (uint64_t)nbuckets;
    if (!clr_u32(clr, buckets + 4 * (uint64_t)(hash % nbuckets), &symbol) || symbol < first)
        return false;
    for (uint32_t i = 0; i < CHAIN_MAX; i++, symbol++) {
        uint32_t chain, name_offset;
        if (!clr_spend(clr, 1) || !clr_u32(clr, chains + 4 * (uint64_t)(symbol - first), &chain))
            return false;
        uint64_t entry = d.symtab + (uint64_t)symbol * sizeof(Elf64_Sym), value;
        if ((chain | 1) == (hash | 1) && clr_u32(clr, entry, &name_offset) &&
            name_is(clr, d.strtab + name_offset, name) &&
            clr_u64(clr, entry + offsetof(Elf64_Sym, st_value), &value) &&
            clr_u64(clr, entry + offsetof(Elf64_Sym, st_size), ret_size)) {
            *ret_address = base + value;
            return value != 0;
        }
        if (chain & 1)
            return false;
    }
    return false;
}

/* -- In memory: PE ----------------------------------------------------------------------------- */

static bool pe_symbol(struct clr *clr, uint64_t base, const char *name, uint64_t *ret_address) {
    uint32_t pe, exports, names, functions, ordinals, count;
    uint16_t magic;
    if (!clr_u32(clr, base + 0x3c, &pe) || !clr_u16(clr, base + pe + 24, &magic))
        return false;
    uint64_t directory = base + pe + 24 + (magic == 0x20b ? 112 : 96);
    if (!clr_u32(clr, directory, &exports) || !exports ||
        !clr_u32(clr, base + exports + 24, &count) || count > EXPORTS_MAX ||
        !clr_u32(clr, base + exports + 28, &functions) ||
        !clr_u32(clr, base + exports + 32, &names) || !clr_u32(clr, base + exports + 36, &ordinals))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at, rva;
        uint16_t ordinal;
        if (!clr_spend(clr, 1) || !clr_u32(clr, base + names + 4 * (uint64_t)i, &at))
            return false;
        if (!name_is(clr, base + at, name))
            continue;
        if (!clr_u16(clr, base + ordinals + 2 * (uint64_t)i, &ordinal) ||
            !clr_u32(clr, base + functions + 4 * (uint64_t)ordinal, &rva))
            return false;
        *ret_address = base + rva;
        return true;
    }
    return false;
}

bool symbol_find(struct clr *clr, uint64_t base, const char *name, uint64_t *ret_address,
                 uint64_t *ret_size) {
    uint8_t magic[4];
    if (!clr_read(clr, base, magic, sizeof(magic)))
        return false;
    *ret_size = 0;
    if (memcmp(magic, ELFMAG, 4) == 0)
        return elf_symbol(clr, base, name, ret_address, ret_size);
    return magic[0] == 'M' && magic[1] == 'Z' && pe_symbol(clr, base, name, ret_address);
}

/* -- On disk: ELF ------------------------------------------------------------------------------ */

struct segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, size;
};

static uint32_t file_segments(struct bytes file, struct segment *segments, uint32_t max) {
    struct reader r;
    reader_init(&r, file, 0);
    struct bytes magic = reader_bytes(&r, 4);
    if (r.failed || memcmp(magic.data, ELFMAG, 4) != 0 || reader_u8(&r) != ELFCLASS64)
        return 0;
    reader_seek(&r, offsetof(Elf64_Ehdr, e_phoff));
    uint64_t phoff = reader_u64(&r);
    reader_seek(&r, offsetof(Elf64_Ehdr, e_phnum));
    uint16_t phnum = reader_u16(&r);
    uint32_t count = 0;
    for (uint32_t i = 0; i < phnum && count < max; i++) {
        struct segment *s = &segments[count];
        reader_seek(&r, phoff + (uint64_t)i * sizeof(Elf64_Phdr));
        s->type = reader_u32(&r);
        s->flags = reader_u32(&r);
        s->offset = reader_u64(&r);
        s->vaddr = reader_u64(&r);
        reader_u64(&r);
        s->size = reader_u64(&r);
        if (r.failed)
            break;
        count++;
    }
    return count;
}

#define SEGMENTS_MAX 64u

struct bytes elf_file_at(struct bytes file, uint64_t vaddr) {
    struct segment segments[SEGMENTS_MAX];
    uint32_t count = file_segments(file, segments, SEGMENTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const struct segment *s = &segments[i];
        if (s->type == PT_LOAD && vaddr >= s->vaddr && vaddr - s->vaddr < s->size)
            return bytes_slice(bytes_slice(file, s->offset, s->size), vaddr - s->vaddr, UINT64_MAX);
    }
    return (struct bytes){0};
}

bool elf_file_build_id(struct bytes file, char ret_hex[BUILD_ID_HEX_MAX]) {
    struct segment segments[SEGMENTS_MAX];
    uint32_t count = file_segments(file, segments, SEGMENTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (segments[i].type != PT_NOTE)
            continue;
        struct reader r;
        reader_init(&r, bytes_slice(file, segments[i].offset, segments[i].size), 0);
        for (uint32_t n = 0; n < NOTES_MAX && reader_left(&r) >= 12; n++) {
            uint32_t name_size = reader_u32(&r), size = reader_u32(&r), type = reader_u32(&r);
            struct bytes name = reader_bytes(&r, ((uint64_t)name_size + 3) & ~3ull);
            struct bytes id = reader_bytes(&r, ((uint64_t)size + 3) & ~3ull);
            if (r.failed)
                break;
            if (type != NT_GNU_BUILD_ID || name.size < 4 || memcmp(name.data, "GNU", 4) != 0 ||
                size > (BUILD_ID_HEX_MAX - 2) / 2)
                continue;
            for (uint32_t k = 0; k < size; k++)
                snprintf(ret_hex + 2 * k, 3, "%02x", id.data[k]);
            return size > 0;
        }
    }
    return false;
}

bool elf_file_overlay(struct clr *clr, struct bytes file, uint64_t base) {
    struct segment segments[SEGMENTS_MAX];
    uint32_t count = file_segments(file, segments, SEGMENTS_MAX);
    uint64_t bias = base;
    for (uint32_t i = 0; i < count; i++)
        if (segments[i].type == PT_LOAD) {
            bias = base - (segments[i].vaddr & ~(clr->space->page_bytes - 1));
            break;
        }
    bool added = false;
    for (uint32_t i = 0; i < count; i++) {
        const struct segment *s = &segments[i];
        struct bytes bytes = bytes_slice(file, s->offset, s->size);
        if (s->type != PT_LOAD || s->flags & PF_W || bytes.size == 0)
            continue;
        if (!clr_add_overlay(clr, bias + s->vaddr, bytes))
            return false;
        added = true;
    }
    return added;
}

/* Value of a dynamic tag of a file; 0 when it is not there. */
static uint64_t file_dynamic(struct bytes file, uint64_t tag) {
    struct segment segments[SEGMENTS_MAX];
    uint32_t count = file_segments(file, segments, SEGMENTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (segments[i].type != PT_DYNAMIC)
            continue;
        struct reader r;
        reader_init(&r, bytes_slice(file, segments[i].offset, segments[i].size), 0);
        while (reader_left(&r) >= 16) {
            uint64_t t = reader_u64(&r), value = reader_u64(&r);
            if (t == tag)
                return value;
            if (t == DT_NULL)
                break;
        }
    }
    return 0;
}

bool elf_file_relocation(struct bytes file, uint64_t vaddr, uint64_t *ret_addend) {
    struct bytes rela = bytes_slice(elf_file_at(file, file_dynamic(file, DT_RELA)), 0,
                                    file_dynamic(file, DT_RELASZ));
    for (size_t at = 0; rela.size - at >= sizeof(Elf64_Rela); at += sizeof(Elf64_Rela)) {
        const uint8_t *entry = rela.data + at;
        uint32_t type = load_u32(entry + offsetof(Elf64_Rela, r_info));
        if (load_u64(entry) != vaddr || (type != R_X86_64_RELATIVE && type != R_AARCH64_RELATIVE))
            continue;
        *ret_addend = load_u64(entry + offsetof(Elf64_Rela, r_addend));
        return true;
    }
    return false;
}
