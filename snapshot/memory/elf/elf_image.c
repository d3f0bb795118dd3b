#include "memory/elf/elf_image.h"

#include <string.h>

/* No real image has more; a hostile one may not make us read for ever. */
#define IMAGE_PHDRS_MAX 128u
#define NOTE_BYTES_MAX  65536u
#define BUILD_ID_MAX    64u

#define PT_LOAD         1u
#define PT_NOTE         4u
#define NT_GNU_BUILD_ID 3u

struct elf_image {
    uint64_t bias;     /* what to add to p_vaddr */
    uint64_t low, top; /* extent of its PT_LOADs in memory */
    uint64_t phdrs;    /* address */
    uint32_t phdr_count, phdr_size;
};

struct phdr {
    uint32_t type;
    uint64_t vaddr, memsz;
};

static bool read_phdr(struct space *s, const struct elf_image *image, uint32_t i,
                      struct phdr *ret_phdr) {
    uint8_t b[56];
    if (!space_read(s, image->phdrs + (uint64_t)i * image->phdr_size, b, sizeof(b)))
        return false;
    *ret_phdr = (struct phdr){load_u32(b), load_u64(b + 16), load_u64(b + 40)};
    return true;
}

/* 64-bit little-endian ELF at base; false when its header or program headers are not there. */
static bool elf_image_at(struct space *s, uint64_t base, struct elf_image *ret_image) {
    uint8_t h[64];
    if (!space_read(s, base, h, sizeof(h)) || memcmp(h,
                                                     "\x7f"
                                                     "ELF\2\1",
                                                     6) != 0)
        return false;
    struct elf_image image = {
        .phdrs = base + load_u64(h + 32),
        .phdr_size = load_u16(h + 54),
        .phdr_count = load_u16(h + 56),
    };
    if (image.phdr_size < 56 || image.phdr_count > IMAGE_PHDRS_MAX)
        return false;
    uint64_t low = UINT64_MAX, top = 0;
    for (uint32_t i = 0; i < image.phdr_count; i++) {
        struct phdr p;
        uint64_t end;
        if (!read_phdr(s, &image, i, &p))
            return false;
        if (p.type != PT_LOAD || __builtin_add_overflow(p.vaddr, p.memsz, &end))
            continue;
        low = p.vaddr < low ? p.vaddr : low;
        top = end > top ? end : top;
    }
    if (low >= top)
        return false;
    uint64_t page = s->page_bytes ? s->page_bytes : 4096;
    low -= low % page;
    image.bias = base - low;
    image.low = base;
    if (__builtin_add_overflow(base, top - low, &image.top))
        return false;
    *ret_image = image;
    return true;
}

static const char *hex_of(struct space *s, const uint8_t *data, size_t size) {
    static const char digits[] = "0123456789abcdef";
    char text[2 * BUILD_ID_MAX];
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[data[i] >> 4];
        text[2 * i + 1] = digits[data[i] & 15];
    }
    return arena_copy(&s->arena, text, 2 * size);
}

static const char *build_id_in_notes(struct space *s, uint64_t address, uint64_t size) {
    uint64_t at = 0;
    while (size - at >= 12) {
        uint8_t h[12];
        if (!space_read(s, address + at, h, sizeof(h)))
            return NULL;
        uint64_t name = load_u32(h), desc = load_u32(h + 4);
        uint64_t desc_at = at + 12 + ((name + 3) & ~(uint64_t)3);
        uint64_t next = desc_at + ((desc + 3) & ~(uint64_t)3);
        uint8_t id[4 + BUILD_ID_MAX];
        if (load_u32(h + 8) == NT_GNU_BUILD_ID && name == 4 && desc > 0 && desc <= BUILD_ID_MAX &&
            space_read(s, address + at + 12, id, 4) && memcmp(id, "GNU", 4) == 0 &&
            space_read(s, address + desc_at, id, (size_t)desc))
            return hex_of(s, id, (size_t)desc);
        if (next > size)
            return NULL;
        at = next;
    }
    return NULL;
}

static const char *build_id_of(struct space *s, const struct elf_image *image) {
    for (uint32_t i = 0; i < image->phdr_count; i++) {
        struct phdr p;
        if (!read_phdr(s, image, i, &p) || p.type != PT_NOTE)
            continue;
        const char *id = build_id_in_notes(s, image->bias + p.vaddr,
                                           p.memsz < NOTE_BYTES_MAX ? p.memsz : NOTE_BYTES_MAX);
        if (id)
            return id;
    }
    return NULL;
}

const char *image_build_id(struct space *s, uint64_t base) {
    struct elf_image image;
    return elf_image_at(s, base, &image) ? build_id_of(s, &image) : NULL;
}

bool image_file_build_id(struct bytes file, char ret_hex[IMAGE_BUILD_ID_HEX]) {
    /* A file is an address space in which everything lies at its offset. */
    struct space s;
    space_init(&s);
    struct space_range range = {0, file.size, file.data, MAP_READ};
    s.ranges = &range;
    s.range_count = 1;
    uint8_t h[64];
    const char *id = NULL;
    if (space_read(&s, 0, h, sizeof(h)) &&
        memcmp(h,
               "\x7f"
               "ELF\2\1",
               6) == 0 &&
        load_u16(h + 54) >= 56 && load_u16(h + 56) <= IMAGE_PHDRS_MAX)
        for (uint32_t i = 0; i < load_u16(h + 56) && !id; i++) {
            uint8_t p[56];
            uint64_t at = load_u64(h + 32) + (uint64_t)i * load_u16(h + 54);
            if (!space_read(&s, at, p, sizeof(p)) || load_u32(p) != PT_NOTE)
                continue;
            uint64_t size = load_u64(p + 32);
            id = build_id_in_notes(&s, load_u64(p + 8),
                                   size < NOTE_BYTES_MAX ? size : NOTE_BYTES_MAX);
        }
    if (id)
        memcpy(ret_hex, id, strlen(id) + 1);
    space_deinit(&s);
    return id != NULL;
}

/* Timestamp and SizeOfImage of a PE file at base. */
static bool read_pe(struct space *s, uint64_t base, uint32_t *ret_timestamp,
                    uint32_t *ret_image_size) {
    uint8_t h[4 + 20 + 60];
    uint16_t magic;
    uint32_t pe;
    if (!space_u16(s, base, &magic) || magic != 0x5a4d || !space_u32(s, base + 0x3c, &pe))
        return false;
    if (pe > 4096 || !space_read(s, base + pe, h, sizeof(h)) || memcmp(h, "PE\0\0", 4) != 0)
        return false;
    *ret_timestamp = load_u32(h + 8);
    *ret_image_size = load_u32(h + 24 + 56);
    return true;
}

static bool named_as_library(const char *path) {
    struct str name = str_of(path);
    const char *slash = strrchr(path, '/');
    struct str file = str_of(slash ? slash + 1 : path);
    return str_ends(name, STR(".dll")) || str_ends(name, STR(".exe")) ||
           str_ends(file, STR(".so")) || str_contains(file, STR(".so."));
}

/* Mappings [from, to) belong to the same file, one behind the other with nothing else between. */
static uint32_t run_end(const struct space *s, uint32_t from) {
    uint32_t to = from + 1;
    while (to < s->mapping_count && (!s->mappings[to].file || /* .bss between its own parts */
                                     strcmp(s->mappings[to].file, s->mappings[from].file) == 0))
        to++;
    while (!s->mappings[to - 1].file)
        to--;
    return to;
}

/*
 * The module whose first mapping is m; false when it is no image. Where its own headers tell how
 * far it reaches, that counts: two copies of a file may stand next to each other.
 */
static bool elf_image_module_at(struct space *s, uint32_t first, uint32_t run,
                                struct space_module *ret) {
    const struct space_mapping *m = &s->mappings[first];
    struct space_module module = {.path = m->file, .base = m->start};
    struct elf_image image;
    uint64_t limit = 0;
    if (elf_image_at(s, m->start, &image)) {
        module.build_id = build_id_of(s, &image);
        limit = image.top;
    } else if (read_pe(s, m->start, &module.timestamp, &module.image_size)) {
        limit = m->start + module.image_size;
    }
    bool executable = false;
    module.end = m->end;
    uint32_t i = first;
    for (; i < run; i++) {
        const struct space_mapping *part = &s->mappings[i];
        if (limit && i > first && part->start >= limit)
            break;
        executable = executable || (part->file && part->flags & MAP_EXEC);
        if (part->file || (limit && part->end <= limit))
            module.end = part->end;
    }
    while (i < s->mapping_count && !s->mappings[i].file && s->mappings[i].start < limit)
        i++; /* its .bss */
    bool crowded = i < s->mapping_count && s->mappings[i].start < limit;
    if (limit > module.end && !module.image_size && !crowded)
        module.end = limit;
    *ret = module;
    return limit || executable || named_as_library(m->file);
}

bool image_list_modules(struct space *s, struct err *err) {
    uint32_t starts = 0;
    for (uint32_t i = 0; i < s->mapping_count; i++)
        starts += s->mappings[i].file && s->mappings[i].file_offset == 0;
    s->module_count = 0;
    s->modules = arena_array(&s->arena, starts, sizeof(*s->modules));
    if (!s->modules)
        return err_nomem(err);
    uint64_t taken = 0; /* end of the last module */
    uint32_t run = 0;
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        const struct space_mapping *m = &s->mappings[i];
        if (!m->file || m->file[0] == '[' || m->file_offset != 0 || m->start < taken)
            continue;
        if (i >= run)
            run = run_end(s, i);
        struct space_module module;
        if (!elf_image_module_at(s, i, run, &module)) {
            i = run - 1; /* a file of data, however often it is mapped */
            continue;
        }
        s->modules[s->module_count++] = module;
        taken = module.end;
    }
    return true;
}
