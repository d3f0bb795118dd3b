/* ELF files that we make: a header for a CPU, and what of a file is left in memory. */
#include "memory/elf/elf.h"

#include <elf.h>
#include <stddef.h>
#include <stdlib.h>

#define SEGMENTS_MAX 64u
#define DYNAMIC_MAX  4096u /* entries */
#define PAGE_BYTES   4096u
#define HASHES_MAX   (1u << 20) /* buckets or symbols of one chain: no image has more */

void elf_header_of(uint16_t machine, uint8_t ret_header[ELF_HEADER_BYTES]) {
    const Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_CORE,
        .e_machine = machine,
        .e_version = EV_CURRENT,
        .e_ehsize = sizeof(header),
    };
    memcpy(ret_header, &header, sizeof(header));
}

/* The highest of the buckets; false: not all of them are there. */
static bool highest_bucket(const struct elf *elf, uint64_t buckets, uint32_t count,
                           uint32_t *ret_symbol) {
    *ret_symbol = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t symbol;
        if (i > HASHES_MAX || !peek_u32(&elf->from, buckets + 4 * (uint64_t)i, &symbol))
            return false;
        if (symbol > *ret_symbol)
            *ret_symbol = symbol;
    }
    return true;
}

/*
 * Is a GNU hash table there to its end? Who counts the symbols by it goes along the last chain
 * until one has its lowest bit set: over the zeros of missing pages that is the whole image, for
 * each module anew, and took all the time that there is for stacks.
 */
static bool hash_is_whole(const struct elf *elf, uint64_t table) {
    uint32_t buckets, first, bloom, symbol, hash = 0;
    if (!peek_u32(&elf->from, table, &buckets) || !peek_u32(&elf->from, table + 4, &first) ||
        !peek_u32(&elf->from, table + 8, &bloom))
        return false;
    uint64_t buckets_at = table + 16 + 8 * (uint64_t)bloom;
    uint64_t chains = buckets_at + 4 * (uint64_t)buckets;
    if (!buckets || !highest_bucket(elf, buckets_at, buckets, &symbol) || symbol < first)
        return false;
    for (uint32_t i = 0; !(hash & 1); i++)
        if (i > HASHES_MAX ||
            !peek_u32(&elf->from, chains + 4 * ((uint64_t)symbol - first + i), &hash))
            return false;
    return true;
}

/* The loader wrote addresses over the offsets in the dynamic section: puts them back. */
static void unrelocate(const struct elf *elf, uint8_t *image, uint64_t size,
                       const struct elf_segment *s) {
    const uint64_t bias = elf->bias, hidden = DT_DEBUG; /* which says nothing of a file */
    for (uint64_t i = 0; i + 16 <= s->file_bytes && i / 16 < DYNAMIC_MAX; i += 16) {
        if (s->offset > size || size - s->offset < i + 16)
            return;
        uint8_t *entry = image + s->offset + i;
        uint64_t tag = load_u64(entry), value = load_u64(entry + 8);
        if (tag == DT_NULL)
            return;
        if (tag == DT_GNU_HASH && !hash_is_whole(elf, value < bias ? bias + value : value))
            memcpy(entry, &hidden, 8);
        if ((tag == DT_STRTAB || tag == DT_SYMTAB || tag == DT_HASH || tag == DT_GNU_HASH) &&
            value >= bias) {
            value -= bias;
            memcpy(entry + 8, &value, 8);
        }
    }
}

/* Page by page: any of them may be missing. */
static void copy_segment(const struct elf *elf, const struct elf_segment *s, uint8_t *image) {
    for (uint64_t at = 0, n; at < s->file_bytes; at += n) {
        uint8_t *out = image + s->offset + at;
        n = PAGE_BYTES - (s->vaddr + at) % PAGE_BYTES;
        if (n > s->file_bytes - at)
            n = s->file_bytes - at;
        if (!peek_bytes(&elf->from, elf->bias + s->vaddr + at, out, (size_t)n))
            memset(out, 0, (size_t)n);
    }
}

/* How large the file is with all its segments; 0: not to be made. */
static uint64_t size_of_file(const struct elf *elf, const struct elf_segment *segments,
                             uint64_t bytes_max) {
    uint64_t size = elf->segments_at + (uint64_t)elf->segment_count * sizeof(Elf64_Phdr), end;
    if (size < sizeof(Elf64_Ehdr))
        size = sizeof(Elf64_Ehdr);
    for (uint32_t i = 0; i < elf->segment_count; i++) {
        if (segments[i].type != ELF_SEGMENT_LOAD)
            continue;
        if (__builtin_add_overflow(segments[i].offset, segments[i].file_bytes, &end) ||
            end > bytes_max)
            return 0;
        size = end > size ? end : size;
    }
    return size;
}

struct bytes elf_rebuild(const struct elf *elf, uint64_t bytes_max) {
    struct elf_segment segments[SEGMENTS_MAX];
    Elf64_Ehdr header;
    if (!elf->mapped || !elf->wide || elf->segment_count > SEGMENTS_MAX ||
        elf->segment_bytes != sizeof(Elf64_Phdr) || elf->segments_at > PAGE_BYTES ||
        !peek_bytes(&elf->from, elf->base, &header, sizeof(header)))
        return (struct bytes){0};
    for (uint32_t i = 0; i < elf->segment_count; i++)
        if (!elf_segment(elf, i, &segments[i]))
            return (struct bytes){0};
    uint64_t size = size_of_file(elf, segments, bytes_max);
    uint8_t *image = size ? calloc(1, (size_t)size) : NULL;
    if (!image)
        return (struct bytes){0};
    for (uint32_t i = 0; i < elf->segment_count; i++)
        if (segments[i].type == ELF_SEGMENT_LOAD)
            copy_segment(elf, &segments[i], image);
    header.e_shoff = 0;
    header.e_shentsize = header.e_shnum = header.e_shstrndx = 0;
    memcpy(image, &header, sizeof(header));
    for (uint32_t i = 0; i < elf->segment_count; i++)
        if (segments[i].type == ELF_SEGMENT_DYNAMIC)
            unrelocate(elf, image, size, &segments[i]);
    return (struct bytes){image, (size_t)size};
}
