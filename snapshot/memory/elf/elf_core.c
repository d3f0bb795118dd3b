#include "memory/elf/elf.h"

#include "memory/arch/arch.h"
#include "memory/elf/core_notes.h"
#include "memory/images.h"

#include <string.h>

/* All segments together may be so many times as large as the file: they do not share bytes. */
#define SHARED_MAX 4u

#define EHDR_BYTES 64u
#define PHDR_BYTES 56u

/* A bit under 2^31: indexes are 32-bit. */
#define SEGMENTS_MAX 2000000000u

struct core {
    struct space *space;
    struct bytes file;
    struct peek from; /* file */
    struct elf elf;
    uint64_t count;     /* of program headers that are in the file */
    uint64_t cut_bytes; /* what they promise beyond the end of the file */
    uint64_t present_bytes;
    struct space_mapping *loads; /* extents of PT_LOADs */
    uint32_t load_count;
};

bool elf_core_probe(struct bytes head) {
    return elf_probe(head);
}

static void add_sticky(uint64_t *sum, uint64_t more) {
    if (__builtin_add_overflow(*sum, more, sum))
        *sum = UINT64_MAX - 1;
}

/* -- Header ------------------------------------------------------------------------------------ */

/* What is not of the processor is read all the same: the memory map, images, names. */
static void warn_of_processor(struct core *c, uint32_t machine) {
    static const struct {
        uint32_t machine;
        const char *name;
    } names[] = {{21, "ppc64"},   {22, "s390x"},    {8, "mips64"},       {50, "ia64"},
                 {43, "sparc64"}, {243, "riscv64"}, {258, "loongarch64"}};
    const char *name = "not known";
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (names[i].machine == machine)
            name = c->space->processor = names[i].name;
    space_lacks(c->space, PART_BIT(PART_THREADS), UINT64_MAX,
                "the processor is %s (ELF machine %u): registers are not read, so no stacks", name,
                machine);
}

static bool check_header(struct core *c, struct err *err) {
    const struct elf *e = &c->elf;
    bool ok = elf_open(&c->elf, &c->from, 0);
    if (e->class == 1)
        return err_set(err, ERR_UNSUPPORTED, "is a 32-bit ELF file; only 64-bit cores can be read");
    if (e->data == 2)
        return err_set(err, ERR_UNSUPPORTED,
                       "is a big-endian ELF file; only little-endian cores can be read");
    if (c->file.size < EHDR_BYTES)
        return err_at(err, ERR_TRUNCATED, 0, "ELF header needs %u bytes, file has %zu", EHDR_BYTES,
                      c->file.size);
    if (!ok)
        return err_at(err, ERR_FORMAT, 4, "ELF class %u and data encoding %u are unknown", e->class,
                      e->data);
    if (e->type != ELF_TYPE_CORE)
        return err_at(
            err, ERR_UNSUPPORTED, 16, "is an ELF %s, not a core dump (type %u, expected 4)",
            e->type == ELF_TYPE_PROGRAM || e->type == ELF_TYPE_LIBRARY ? "program or library"
                                                                       : "file",
            e->type);
    c->space->arch = arch_by_elf(e->machine);
    if (!c->space->arch->name)
        warn_of_processor(c, e->machine);
    c->count = e->segment_count;
    if (c->count && e->segment_bytes < PHDR_BYTES)
        return err_at(err, ERR_FORMAT, 54, "program headers of %u bytes, expected %u",
                      e->segment_bytes, PHDR_BYTES);
    return true;
}

/*
 * More than 65,534 segments: the number stands in sh_info of section 0, which the kernel writes at
 * the very end of the file. Where a cut took it, the table reaches at most to the first segment.
 */
static void read_extended_count(struct core *c, uint64_t fit) {
    const struct elf *e = &c->elf;
    uint32_t count;
    if (elf_count_elsewhere(e, &count)) {
        c->count = count;
        return;
    }
    uint64_t first = UINT64_MAX;
    struct elf_segment p;
    for (uint64_t i = 0; i < fit && e->segments_at + i * e->segment_bytes < first; i++)
        if (elf_segment(e, i, &p) && (p.type == ELF_SEGMENT_LOAD || p.type == ELF_SEGMENT_NOTE) &&
            p.file_bytes && p.offset > e->segments_at && p.offset < first)
            first = p.offset;
    c->count = first == UINT64_MAX ? fit : (first - e->segments_at) / e->segment_bytes;
    space_lacks(c->space, CORE_PARTS, UINT64_MAX,
                "section header with the number of segments is cut off; took %llu",
                (unsigned long long)c->count);
}

static bool find_segments(struct core *c, struct err *err) {
    const struct elf *e = &c->elf;
    uint64_t left = e->segments_at < c->file.size ? c->file.size - e->segments_at : 0;
    uint64_t fit = e->segment_bytes ? left / e->segment_bytes : 0;
    if (c->count && fit == 0)
        return err_at(err, ERR_TRUNCATED, e->segments_at,
                      "program headers start behind the end of the file (%zu bytes)", c->file.size);
    if (c->count == ELF_COUNT_ELSEWHERE)
        read_extended_count(c, fit);
    if (c->count == 0)
        return err_at(err, ERR_FORMAT, 56, "core without program headers");
    if (c->count > fit) {
        space_lacks(c->space, CORE_PARTS, c->count - fit, "program headers are cut off");
        add_sticky(&c->cut_bytes, (c->count - fit) * e->segment_bytes);
        c->count = fit;
    }
    if (c->count > SEGMENTS_MAX)
        return err_at(err, ERR_LIMIT, e->segments_at, "more than %u segments", SEGMENTS_MAX);
    return true;
}

/* -- Segments ---------------------------------------------------------------------------------- */

static void add_load(struct core *c, const struct elf_segment *p) {
    struct space *s = c->space;
    uint64_t end;
    uint64_t memsz = p->memory_bytes > p->file_bytes ? p->memory_bytes : p->file_bytes;
    if (__builtin_add_overflow(p->vaddr, memsz, &end)) {
        space_lacks(s, PART_BIT(PART_MEMORY_MAP), 1,
                    "segments that reach past the end of the address space");
        return;
    }
    if (end > p->vaddr)
        c->loads[c->load_count++] =
            (struct space_mapping){.start = p->vaddr, .end = end, .flags = p->flags};
    struct bytes held = bytes_slice(c->file, p->offset, p->file_bytes);
    if (held.size < p->file_bytes)
        add_sticky(&c->cut_bytes, p->file_bytes - held.size);
    add_sticky(&c->present_bytes, held.size);
    if (held.size)
        s->ranges[s->range_count++] =
            (struct space_range){p->vaddr, p->vaddr + held.size, held.data, p->flags};
}

static bool read_segment_notes(struct core *c, const struct elf_segment *p,
                               struct core_notes *notes, struct err *err) {
    struct bytes held = bytes_slice(c->file, p->offset, p->file_bytes);
    if (held.size < p->file_bytes)
        add_sticky(&c->cut_bytes, p->file_bytes - held.size);
    add_sticky(&c->present_bytes, held.size);
    return core_notes_read(notes, held, p->offset, p->align, err);
}

static bool elf_core_read_segments(struct core *c, struct core_notes *notes, struct err *err) {
    uint64_t loads = 0;
    struct elf_segment p;
    for (uint64_t i = 0; i < c->count; i++)
        loads += elf_segment(&c->elf, i, &p) && p.type == ELF_SEGMENT_LOAD;
    struct space *s = c->space;
    s->ranges = arena_array(&s->arena, (size_t)loads, sizeof(*s->ranges));
    c->loads = arena_array(&s->arena, (size_t)loads, sizeof(*c->loads));
    if (!s->ranges || !c->loads)
        return err_nomem(err);
    s->range_capacity = (uint32_t)loads;
    for (uint64_t i = 0; i < c->count; i++) {
        if (c->present_bytes / SHARED_MAX > c->file.size) {
            space_lacks(s, CORE_PARTS, c->count - i,
                        "segments that share their bytes with others were skipped");
            break;
        }
        if (!elf_segment(&c->elf, i, &p))
            continue;
        if (p.type == ELF_SEGMENT_LOAD)
            add_load(c, &p);
        if (p.type == ELF_SEGMENT_NOTE && !read_segment_notes(c, &p, notes, err))
            return err_prefix(err, "segment %llu", (unsigned long long)i);
    }
    return true;
}

/* -- Mappings ---------------------------------------------------------------------------------- */

/*
 * The list of files knows no protection and no anonymous memory, segments know no files: joined
 * they are what the process had mapped. Both are sorted and free of overlaps, so that a piece of
 * anonymous memory starts at a segment or behind a file.
 */
static bool join_mappings(struct core *c, struct err *err) {
    struct space *s = c->space;
    struct space_mapping *files = s->mappings;
    uint32_t file_count = space_sort_mappings(files, s->mapping_count);
    c->load_count = space_sort_mappings(c->loads, c->load_count);
    size_t most = (size_t)file_count * 2 + c->load_count;
    struct space_mapping *all = arena_array(&s->arena, most, sizeof(*all));
    if (!all)
        return err_nomem(err);
    if (most > UINT32_MAX)
        return err_set(err, ERR_LIMIT, "too many mappings");
    uint32_t n = 0, f = 0;
    for (uint32_t i = 0; i < c->load_count; i++) {
        const struct space_mapping *load = &c->loads[i];
        while (f < file_count && files[f].end <= load->start)
            f++;
        uint64_t at = load->start;
        for (; f < file_count && files[f].start < load->end; f++) {
            if (!files[f].flags)
                files[f].flags = load->flags;
            if (at < files[f].start)
                all[n++] = (struct space_mapping){
                    .start = at, .end = files[f].start, .flags = load->flags};
            at = files[f].end;
            if (at >= load->end)
                break; /* it may reach into the next segment */
        }
        if (at < load->end)
            all[n++] = (struct space_mapping){.start = at, .end = load->end, .flags = load->flags};
    }
    if (file_count)
        memcpy(all + n, files, file_count * sizeof(*files));
    s->mappings = all;
    s->mapping_count = n + file_count;
    return true;
}

/* -- Opening ----------------------------------------------------------------------------------- */

/* By what only one of them writes: the OS ABI, section headers, the signal's siginfo. */
static const char *tool_of(const struct core *c, const struct core_notes *notes) {
    if (c->elf.os_abi == 3)
        return "createdump";
    if (c->elf.section_count > 1)
        return "gcore";
    return notes->has_siginfo || notes->has_times ? "kernel" : NULL;
}

static bool open_core(struct core *c, struct err *err) {
    struct core_notes notes;
    core_notes_init(&notes, c->space);
    if (!check_header(c, err) || !find_segments(c, err) || !elf_core_read_segments(c, &notes, err))
        return false;
    if (notes.foreign)
        return err_set(err, ERR_UNSUPPORTED, "is %s; cores of Linux processes are read",
                       notes.foreign);
    if (!join_mappings(c, err) || !space_finish(c->space, err))
        return false;
    if (c->present_bytes == 0)
        return err_at(err, ERR_TRUNCATED, c->file.size,
                      "holds nothing of its %llu segments (%llu bytes are cut off)",
                      (unsigned long long)c->count, (unsigned long long)c->cut_bytes);
    core_notes_end(&notes);
    c->space->tool = tool_of(c, &notes);
    if (!images_list(c->space, err))
        return false;
    c->space->missing_bytes = 0; /* looking for headers is no loss */
    return true;
}

bool elf_core_open(struct space *s, struct bytes file, uint64_t *ret_cut_bytes, struct err *err) {
    space_init(s);
    s->kind = SPACE_ELF_CORE;
    struct core c = {.space = s, .file = file};
    c.from = peek_of_file(&c.file);
    if (!open_core(&c, err)) {
        space_deinit(s);
        return false;
    }
    *ret_cut_bytes = c.cut_bytes;
    return true;
}
