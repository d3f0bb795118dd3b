/*
 * Makes a small dump out of a large one: its notes or lists, and of its memory only what reading
 * the managed heap looks at, everything else as zeros or not at all. The result reads like the
 * original.
 *
 * usage: mk_small_core DUMP OUT      (an ELF core or a minidump of all memory, not compressed)
 *
 * The heap is read twice, the second time as if the runtime did not describe itself, so that the
 * small core serves both ways.
 */
#include "base/file.h"
#include "dotnet/dotnet.h"
#include "model/answers.h"
#include "model/snapshot.h"
#include "tests/support/open_dump.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>

#define GRANULE 8u    /* [bytes] kept or zeroed together */
#define PAGE    4096u /* [bytes] there or not */

struct recorder {
    struct space space; /* first: what fetch is given leads to the rest */
    struct space_range *ranges;
    uint8_t **kept; /* of each range: one byte a granule */
    uint32_t count;
    bool hide_descriptor;
};

static const char MAGIC[8] = "DNCCDAC";

static uint32_t mk_small_core_range_of(const struct recorder *r, uint64_t address) {
    uint32_t lo = 0, hi = r->count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (r->ranges[mid].end > address)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

/* Within one range: space_read splits at their ends. */
static bool fetch(struct space *s, uint64_t address, void *buffer, size_t size) {
    struct recorder *r = (struct recorder *)s;
    uint32_t i = mk_small_core_range_of(r, address);
    uint64_t offset = address - r->ranges[i].start;
    memcpy(buffer, r->ranges[i].data + offset, size);
    for (uint64_t g = offset / GRANULE; g <= (offset + size - 1) / GRANULE; g++)
        r->kept[i][g] = 1;
    if (r->hide_descriptor && size >= sizeof(MAGIC) && memcmp(buffer, MAGIC, sizeof(MAGIC)) == 0)
        memset(buffer, 0, size);
    return true;
}

static bool record(struct recorder *r, struct bytes file, bool hide_descriptor, struct err *err) {
    /* Of a program of ours, what its tests ask, too. */
    static const struct question question = {
        .asked = {[QUESTION_VALUES] = true}, .values_of = "^Desk[+]", .contents = true};
    struct answers answers;
    const struct dotnet_options options = {
        .sysroot = "/nowhere", .contents = true, .answers = &answers};
    answers_init(&answers, &question);
    struct snapshot snapshot;
    snapshot_init(&snapshot);
    if (!open_any_dump(&r->space, file, err))
        return false;
    struct space *s = &r->space;
    bool ok = true;
    if (!r->ranges) {
        r->count = s->range_count;
        r->ranges = malloc((r->count + 1u) * sizeof(*r->ranges));
        r->kept = calloc(r->count + 1u, sizeof(*r->kept));
        ok = r->ranges && r->kept;
        for (uint32_t i = 0; ok && i < r->count; i++) {
            r->ranges[i] = s->ranges[i];
            r->kept[i] = calloc(1, (s->ranges[i].end - s->ranges[i].start) / GRANULE + 1);
            ok = r->kept[i] != NULL;
        }
    }
    for (uint32_t i = 0; i < s->range_count; i++)
        s->ranges[i].data = NULL;
    s->fetch = fetch;
    r->hide_descriptor = hide_descriptor;
    /* A stack is there when its end is, even when nobody looks at what is on it. */
    for (uint32_t i = 0; i < s->thread_count; i++) {
        uint64_t word;
        (void)!space_u64(s, s->threads[i].sp, &word);
    }
    struct builder *b = ok ? builder_new(&snapshot, err) : NULL;
    ok = b != NULL;
    if (ok) {
        ok = dotnet_read(s, b, &options, err) && builder_finish(b, err);
        builder_free(b);
    }
    if (ok)
        printf("%u types, %u threads\n", snapshot.tables[PART_TYPES].count,
               snapshot.tables[PART_THREADS].count);
    answers_deinit(&answers);
    snapshot_deinit(&snapshot);
    space_deinit(s);
    return ok;
}

/* The first page of what is kept at or behind page `from` of a range, and where it ends. */
static bool next_run(const struct recorder *r, uint32_t range, uint64_t from, uint64_t *ret_first,
                     uint64_t *ret_end) {
    uint64_t size = r->ranges[range].end - r->ranges[range].start;
    bool found = false;
    for (uint64_t page = from; page * PAGE < size; page++) {
        bool kept = false;
        for (uint64_t g = page * PAGE / GRANULE;
             g < (page + 1) * PAGE / GRANULE && g * GRANULE < size; g++)
            kept |= r->kept[range][g];
        if (!kept && found)
            break;
        if (kept && !found)
            *ret_first = page;
        if (kept)
            *ret_end = page + 1;
        found |= kept;
    }
    return found;
}

struct output {
    struct strbuf headers, contents;
    uint64_t at; /* where the contents begin */
    uint16_t count;
};

static void add_segment(struct output *out, uint32_t type, uint32_t flags, uint64_t vaddr,
                        uint64_t size) {
    Elf64_Phdr p = {.p_type = type,
                    .p_flags = flags,
                    .p_offset = out->at + out->contents.len,
                    .p_vaddr = vaddr,
                    .p_filesz = size,
                    .p_memsz = type == PT_LOAD ? size : 0,
                    .p_align = type == PT_LOAD ? PAGE : 4};
    strbuf_add(&out->headers, (struct str){(const char *)&p, sizeof(p)});
    out->count++;
}

static void add_memory(const struct recorder *r, struct output *out) {
    for (uint32_t i = 0; i < r->count; i++) {
        const struct space_range *range = &r->ranges[i];
        uint64_t first = 0, end = 0, size = range->end - range->start;
        uint32_t flags = (range->flags & MAP_READ ? PF_R : 0) |
                         (range->flags & MAP_WRITE ? PF_W : 0) |
                         (range->flags & MAP_EXEC ? PF_X : 0);
        while (next_run(r, i, end, &first, &end)) {
            uint64_t from = first * PAGE, to = end * PAGE < size ? end * PAGE : size;
            add_segment(out, PT_LOAD, flags, range->start + from, to - from);
            for (uint64_t at = from; at < to; at++)
                strbuf_addc(&out->contents,
                            r->kept[i][at / GRANULE] ? (char)range->data[at] : '\0');
        }
    }
}

static void add_notes(struct bytes file, struct output *out) {
    Elf64_Ehdr e;
    memcpy(&e, file.data, sizeof(e));
    for (uint32_t i = 0; i < e.e_phnum; i++) {
        Elf64_Phdr p;
        memcpy(&p, file.data + e.e_phoff + i * (uint64_t)e.e_phentsize, sizeof(p));
        if (p.p_type != PT_NOTE)
            continue;
        add_segment(out, PT_NOTE, 0, 0, p.p_filesz);
        strbuf_add(&out->contents, (struct str){(const char *)file.data + p.p_offset, p.p_filesz});
        while (out->contents.len % 8)
            strbuf_addc(&out->contents, 0);
    }
}

static bool write_small(const struct strbuf *all, const char *path, struct err *err) {
    printf("%zu bytes\n", all->len);
    return file_write(path, fit_bytes(strbuf_str(all)), err);
}

/* -- Minidumps --------------------------------------------------------------------------------- */

enum { MDMP_ENTRY = 12, MDMP_MEMORY64 = 9 };

/* Of the header's table, the entry of the list of all memory. */
static bool find_memory64(struct bytes file, uint32_t *ret_entry) {
    uint32_t count = load_u32(file.data + 8), entry = load_u32(file.data + 12);
    for (uint32_t i = 0; i < count; i++, entry += MDMP_ENTRY) {
        *ret_entry = entry;
        if (load_u32(file.data + entry) == MDMP_MEMORY64)
            return true;
    }
    return false;
}

static void put_u64(struct strbuf *out, uint64_t value) {
    strbuf_add(out, (struct str){(const char *)&value, sizeof(value)});
}

/* What stands before the memory stays as it is, but for where the list of it is. */
static bool write_minidump(const struct recorder *r, struct bytes file, const char *path,
                           struct err *err) {
    uint32_t entry;
    uint64_t runs = 0;
    struct strbuf all, list, memory;
    if (!find_memory64(file, &entry))
        return err_at(err, ERR_FORMAT, 0, "no list of all memory");
    strbuf_init(&all);
    strbuf_init(&list);
    strbuf_init(&memory);
    for (uint32_t i = 0; i < r->count; i++) {
        uint64_t first = 0, end = 0, size = r->ranges[i].end - r->ranges[i].start;
        while (next_run(r, i, end, &first, &end)) {
            uint64_t from = first * PAGE, to = end * PAGE < size ? end * PAGE : size;
            put_u64(&list, r->ranges[i].start + from);
            put_u64(&list, to - from);
            runs++;
            for (uint64_t at = from; at < to; at++)
                strbuf_addc(&memory, r->kept[i][at / GRANULE] ? (char)r->ranges[i].data[at] : '\0');
        }
    }
    uint64_t base = load_u64(file.data + load_u32(file.data + entry + 8) + 8);
    strbuf_add(&all, (struct str){(const char *)file.data, base});
    while (all.len % GRANULE) /* so that words of the memory are words of the file */
        strbuf_addc(&all, 0);
    base = all.len;
    uint32_t moved[] = {MDMP_MEMORY64, (uint32_t)(16 + list.len), (uint32_t)base};
    memcpy(all.ptr + entry, moved, sizeof(moved));
    put_u64(&all, runs);
    put_u64(&all, base + 16 + list.len);
    strbuf_add(&all, strbuf_str(&list));
    strbuf_add(&all, strbuf_str(&memory));
    bool ok = write_small(&all, path, err);
    strbuf_deinit(&memory);
    strbuf_deinit(&list);
    strbuf_deinit(&all);
    return ok;
}

/* -- Cores ------------------------------------------------------------------------------------- */

static bool write_core(const struct recorder *r, struct bytes file, const char *path,
                       struct err *err) {
    struct output out = {.at = 0};
    struct strbuf all;
    Elf64_Ehdr e;
    strbuf_init(&all);
    /* Twice: where the contents begin hangs on how many headers there are. */
    for (int pass = 0; pass < 2; pass++) {
        out.at = sizeof(e) + out.count * sizeof(Elf64_Phdr);
        out.count = 0;
        strbuf_init(&out.headers);
        strbuf_init(&out.contents);
        add_notes(file, &out);
        add_memory(r, &out);
        if (pass == 0) {
            strbuf_deinit(&out.headers);
            strbuf_deinit(&out.contents);
        }
    }
    memcpy(&e, file.data, sizeof(e));
    e.e_phoff = sizeof(e);
    e.e_phnum = out.count;
    e.e_phentsize = sizeof(Elf64_Phdr);
    e.e_shoff = 0;
    e.e_shnum = e.e_shstrndx = 0;
    strbuf_add(&all, (struct str){(const char *)&e, sizeof(e)});
    strbuf_add(&all, strbuf_str(&out.headers));
    strbuf_add(&all, strbuf_str(&out.contents));
    bool ok = write_small(&all, path, err);
    strbuf_deinit(&all);
    strbuf_deinit(&out.headers);
    strbuf_deinit(&out.contents);
    return ok;
}

int main(int argc, char **argv) {
    struct recorder r = {.ranges = NULL};
    struct file file;
    struct err err = {.msg = ""};
    if (argc != 3) {
        fprintf(stderr, "usage: mk_small_core DUMP OUT\n");
        return 2;
    }
    if (!file_open(&file, argv[1], &err) || !record(&r, file.bytes, false, &err) ||
        !record(&r, file.bytes, true, &err) ||
        !(minidump_probe(file.bytes) ? write_minidump : write_core)(&r, file.bytes, argv[2],
                                                                    &err)) {
        fprintf(stderr, "mk_small_core: %s\n", err.msg[0] ? err.msg : "out of memory");
        return 1;
    }
    for (uint32_t i = 0; i < r.count; i++)
        free(r.kept[i]);
    free(r.kept);
    free(r.ranges);
    file_close(&file);
    return 0;
}
