/* Layouts: the System V ABI, "gABI", chapters 4 and 5. */
#include "memory/elf/elf.h"

#include "memory/space.h"

#define MAGIC          "\x7f\x45LF"
#define CLASS_32       1u
#define CLASS_64       2u
#define LITTLE_ENDIAN_ 1u

/* Offsets of what is read; what has the size of a word is 4 or 8 bytes. */
struct elf_layout {
    uint8_t word, header_bytes;
    uint8_t segments, sections;                             /* words in the header */
    uint8_t segment_bytes, segment_count, section_count;    /* u16 in the header */
    uint8_t entry_bytes, flags;                             /* of a program header */
    uint8_t offset, vaddr, file_bytes, memory_bytes, align; /* words in it */
    uint8_t section_info;                                   /* u32 in a section header */
};

static const struct elf_layout layouts[] = {
    {4, 52, 28, 32, 42, 44, 48, 32, 24, 4, 8, 16, 20, 28, 28},
    {8, 64, 32, 40, 54, 56, 60, 56, 4, 8, 16, 32, 40, 48, 44},
};

static const struct elf_layout *layout_of(const struct elf *elf) {
    return &layouts[elf->wide];
}

static uint64_t elf_word(const struct elf_layout *l, const uint8_t *p) {
    return l->word == 8 ? load_u64(p) : load_u32(p);
}

bool elf_probe(struct bytes head) {
    return head.size >= 16 && memcmp(head.data, MAGIC, 4) == 0;
}

/* -- Header ------------------------------------------------------------------------------------ */

bool elf_open(struct elf *elf, const struct peek *from, uint64_t base) {
    uint8_t h[64];
    *elf = (struct elf){.from = *from, .base = base};
    if (!peek_bytes(from, base, h, 8) || memcmp(h, MAGIC, 4) != 0)
        return false;
    elf->class = h[4];
    elf->data = h[5];
    elf->os_abi = h[7];
    elf->wide = elf->class == CLASS_64;
    const struct elf_layout *l = layout_of(elf);
    if ((elf->class != CLASS_32 && elf->class != CLASS_64) || elf->data != LITTLE_ENDIAN_ ||
        !peek_bytes(from, base, h, l->header_bytes))
        return false;
    elf->type = load_u16(h + 16);
    elf->machine = load_u16(h + 18);
    elf->segments_at = elf_word(l, h + l->segments);
    elf->sections_at = elf_word(l, h + l->sections);
    elf->segment_bytes = load_u16(h + l->segment_bytes);
    elf->segment_count = load_u16(h + l->segment_count);
    elf->section_count = load_u16(h + l->section_count);
    return true;
}

/* -- Segments ---------------------------------------------------------------------------------- */

bool elf_segment(const struct elf *elf, uint64_t index, struct elf_segment *ret_segment) {
    const struct elf_layout *l = layout_of(elf);
    uint8_t p[56];
    uint64_t at;
    if (elf->segment_bytes < l->entry_bytes ||
        __builtin_mul_overflow(index, (uint64_t)elf->segment_bytes, &at) ||
        !peek_bytes(&elf->from, elf->base + elf->segments_at + at, p, l->entry_bytes))
        return false;
    uint32_t flags = load_u32(p + l->flags); /* PF_X 1, PF_W 2, PF_R 4 */
    *ret_segment = (struct elf_segment){
        .type = load_u32(p),
        .flags =
            (flags & 4 ? MAP_READ : 0) | (flags & 2 ? MAP_WRITE : 0) | (flags & 1 ? MAP_EXEC : 0),
        .offset = elf_word(l, p + l->offset),
        .vaddr = elf_word(l, p + l->vaddr),
        .file_bytes = elf_word(l, p + l->file_bytes),
        .memory_bytes = elf_word(l, p + l->memory_bytes),
        .align = elf_word(l, p + l->align),
    };
    return true;
}

bool elf_count_elsewhere(const struct elf *elf, uint32_t *ret_count) {
    return elf->sections_at &&
           peek_u32(&elf->from, elf->base + elf->sections_at + layout_of(elf)->section_info,
                    ret_count);
}

bool elf_open_mapped(struct elf *elf, const struct peek *from, uint64_t base, uint64_t page_bytes) {
    if (!elf_open(elf, from, base) || elf->segment_count > ELF_IMAGE_SEGMENTS_MAX)
        return false;
    uint64_t low = UINT64_MAX, top = 0, end;
    for (uint32_t i = 0; i < elf->segment_count; i++) {
        struct elf_segment s;
        if (!elf_segment(elf, i, &s))
            return false;
        if (s.type != ELF_SEGMENT_LOAD || __builtin_add_overflow(s.vaddr, s.memory_bytes, &end))
            continue;
        low = s.vaddr < low ? s.vaddr : low;
        top = end > top ? end : top;
    }
    if (low >= top)
        return false;
    low -= low % (page_bytes ? page_bytes : 4096);
    elf->mapped = true;
    elf->bias = base - low;
    elf->low = base;
    return !__builtin_add_overflow(base, top - low, &elf->top);
}

/* -- Notes ------------------------------------------------------------------------------------- */

#define NOTE_HEADER_BYTES 12u
#define NOTES_BYTES_MAX   65536u /* of an image; a core has more */
#define BUILD_ID          3u
#define BUILD_ID_MAX      ((ELF_BUILD_ID_HEX - 1) / 2)

void elf_notes_begin(struct elf_notes *notes, const struct peek *from, uint64_t at, uint64_t size,
                     uint64_t align) {
    *notes = (struct elf_notes){.from = *from, .at = at, .align = align == 8 ? 8 : 4};
    if (__builtin_add_overflow(at, size, &notes->end))
        notes->end = UINT64_MAX;
}

static uint64_t padded(uint64_t size, uint32_t align) {
    return (size + align - 1) & ~(uint64_t)(align - 1);
}

bool elf_notes_next(struct elf_notes *notes, struct elf_note *ret_note) {
    uint8_t h[NOTE_HEADER_BYTES];
    uint64_t left = notes->end - notes->at;
    if (notes->cut || left < sizeof(h) || !peek_bytes(&notes->from, notes->at, h, sizeof(h)))
        return false;
    struct elf_note note = {
        .name_size = load_u32(h), .size = load_u32(h + 4), .type = load_u32(h + 8)};
    notes->start = notes->at;
    size_t kept = note.name_size < sizeof(note.name) ? note.name_size : sizeof(note.name);
    /* Both are 32-bit, so that no sum overflows. Padding behind the last note may be missing. */
    uint64_t contents = padded(NOTE_HEADER_BYTES + (uint64_t)note.name_size, notes->align);
    uint64_t next = padded(contents + note.size, notes->align);
    note.at = notes->at + contents;
    *ret_note = note;
    notes->cut = contents + note.size > left ||
                 !peek_bytes(&notes->from, notes->at + NOTE_HEADER_BYTES, ret_note->name, kept);
    if (notes->cut)
        return false;
    notes->number++;
    notes->at = next < left ? notes->at + next : notes->end;
    return true;
}

static bool build_id_in(const struct elf *elf, const struct elf_segment *s, char *ret_hex) {
    static const char digits[] = "0123456789abcdef";
    struct elf_notes notes;
    struct elf_note note;
    uint8_t id[BUILD_ID_MAX];
    uint64_t size = elf->mapped ? s->memory_bytes : s->file_bytes;
    elf_notes_begin(&notes, &elf->from, elf->mapped ? elf->bias + s->vaddr : elf->base + s->offset,
                    size < NOTES_BYTES_MAX ? size : NOTES_BYTES_MAX, s->align);
    while (elf_notes_next(&notes, &note)) {
        if (note.type != BUILD_ID || note.name_size != 4 || memcmp(note.name, "GNU", 4) != 0 ||
            note.size == 0 || note.size > sizeof(id) ||
            !peek_bytes(&elf->from, note.at, id, note.size))
            continue;
        for (uint32_t i = 0; i < note.size; i++) {
            ret_hex[2 * i] = digits[id[i] >> 4];
            ret_hex[2 * i + 1] = digits[id[i] & 15];
        }
        ret_hex[2 * note.size] = '\0';
        return true;
    }
    return false;
}

bool elf_build_id(const struct elf *elf, char ret_hex[ELF_BUILD_ID_HEX]) {
    struct elf_segment s;
    for (uint32_t i = 0; i < elf->segment_count && i < ELF_IMAGE_SEGMENTS_MAX; i++)
        if (elf_segment(elf, i, &s) && s.type == ELF_SEGMENT_NOTE && build_id_in(elf, &s, ret_hex))
            return true;
    return false;
}

bool elf_file_build_id(struct bytes file, char ret_hex[ELF_BUILD_ID_HEX]) {
    struct peek from = peek_of_file(&file);
    struct elf elf;
    return elf_open(&elf, &from, 0) && elf_build_id(&elf, ret_hex);
}
