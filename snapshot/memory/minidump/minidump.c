/*
 * Header and directory of a minidump, and the helpers that its chapters share.
 *
 * Structures are packed to 4 bytes and streams may start at any offset, so every number is copied
 * out; the chapters describe their layouts in tables of struct mdmp_field.
 */
#include "memory/minidump/minidump_impl.h"

#include "base/utf16.h"

#include <stdio.h>
#include <string.h>

#define SIGNATURE       0x504d444du /* "MDMP" */
#define VERSION         0xa793u     /* low half; the high half is the writer's own */
#define HEADER_BYTES    32u
#define DIRECTORY_BYTES 12u

static bool starts_with(struct bytes b, const char *text) {
    size_t n = strlen(text);
    return b.size >= n && memcmp(b.data, text, n) == 0;
}

/* Dumps that are often mistaken for process dumps. */
static const struct {
    const char *signature, *name;
} refused[] = {
    {"PAGEDU64", "a kernel dump (PAGEDU64: the whole machine, not one process)"},
    {"PAGEDUMP", "a kernel dump (PAGEDUMP: the whole machine, not one process)"},
    {"USERDUMP", "a user dump in the format before Windows XP (USERDUMP)"},
    {"USERDU64", "a user dump in the format before Windows XP (USERDU64)"},
};
#define REFUSED_COUNT (sizeof(refused) / sizeof(*refused))

bool minidump_probe(struct bytes head) {
    for (size_t i = 0; i < REFUSED_COUNT; i++)
        if (starts_with(head, refused[i].signature))
            return true;
    return starts_with(head, "MDMP");
}

/* -- Helpers of the chapters ------------------------------------------------------------------- */

void mdmp_decode(const struct mdmp_field *fields, size_t count, struct bytes in, void *row) {
    for (size_t i = 0; i < count; i++) {
        if ((size_t)fields[i].at + fields[i].size > in.size)
            continue;
        const uint8_t *p = in.data + fields[i].at;
        uint64_t value = fields[i].size == 8   ? load_u64(p)
                         : fields[i].size == 4 ? load_u32(p)
                         : fields[i].size == 2 ? load_u16(p)
                                               : *p;
        memcpy((unsigned char *)row + fields[i].dest, &value, sizeof(value));
    }
}

struct bytes mdmp_entry(const struct mdmp_list *list, uint32_t index) {
    return bytes_slice(list->entries, (uint64_t)index * list->stride, list->stride);
}

/* Streams by enum mdmp_stream: names for warnings, and what is not whole where one is cut. */
static const struct {
    const char *name;
    uint64_t parts;
} stream_descs[MDMP_STREAM_END] = {
    [MDMP_THREAD_LIST] = {"thread list", PART_BIT(PART_THREADS)},
    [MDMP_MODULE_LIST] = {"module list", PART_BIT(PART_MODULES)},
    [MDMP_MEMORY_LIST] = {"memory list", 0},
    [MDMP_EXCEPTION] = {"exception", 0},
    [MDMP_SYSTEM_INFO] = {"system info", 0},
    [MDMP_MEMORY64_LIST] = {"64-bit memory list", 0},
    [MDMP_HANDLE_DATA] = {"handle data", PART_BIT(PART_OS_HANDLES)},
    [MDMP_UNLOADED_LIST] = {"unloaded module list", 0},
    [MDMP_MISC_INFO] = {"misc info", 0},
    [MDMP_MEMORY_INFO_LIST] = {"memory info list", PART_BIT(PART_MEMORY_MAP)},
    [MDMP_THREAD_INFO_LIST] = {"thread info list", 0},
    [MDMP_VM_COUNTERS] = {"process VM counters", 0},
    [MDMP_THREAD_NAMES] = {"thread names", 0},
};

/* The entries of `count` that are in `in` and within our own limit; a warning tells the rest. */
static struct mdmp_list minidump_list_of(struct mdmp *m, enum mdmp_stream stream, struct bytes in,
                                         uint64_t count, uint32_t stride, uint32_t max) {
    uint64_t there = in.size / stride;
    uint64_t kept = count < there ? count : there;
    if (kept > max)
        kept = max;
    if (kept < count)
        space_lacks(m->s, stream_descs[stream].parts, count - kept,
                    "%s: entries past its end were skipped", stream_descs[stream].name);
    return (struct mdmp_list){bytes_slice(in, 0, kept * stride), (uint32_t)kept, stride};
}

struct mdmp_list mdmp_list_counted(struct mdmp *m, enum mdmp_stream stream, uint32_t stride,
                                   uint32_t max) {
    struct bytes in = m->streams[stream];
    if (in.size < 4) {
        if (in.data)
            space_lacks(m->s, stream_descs[stream].parts, MDMP_ABSENT, "%s: is cut off",
                        stream_descs[stream].name);
        return (struct mdmp_list){.stride = stride};
    }
    uint64_t count = load_u32(in.data);
    uint64_t head = in.size == 8 + count * stride ? 8 : 4;
    return minidump_list_of(m, stream, bytes_slice(in, head, in.size), count, stride, max);
}

struct mdmp_list mdmp_list_sized(struct mdmp *m, enum mdmp_stream stream, uint32_t least,
                                 uint32_t count_at, uint32_t count_size, uint32_t max) {
    struct bytes in = m->streams[stream];
    if (in.size < count_at + count_size) {
        if (in.data)
            space_lacks(m->s, stream_descs[stream].parts, MDMP_ABSENT, "%s: is cut off",
                        stream_descs[stream].name);
        return (struct mdmp_list){.stride = least};
    }
    uint32_t head = load_u32(in.data), stride = load_u32(in.data + 4);
    if (head < count_at + count_size || head > in.size || stride < least) {
        space_lacks(m->s, stream_descs[stream].parts, MDMP_ABSENT,
                    "%s: a head of %u and entries of %u bytes make no sense",
                    stream_descs[stream].name, head, stride);
        return (struct mdmp_list){.stride = least};
    }
    uint64_t count = count_size == 8 ? load_u64(in.data + count_at) : load_u32(in.data + count_at);
    return minidump_list_of(m, stream, bytes_slice(in, head, in.size), count, stride, max);
}

void mdmp_note(struct mdmp *m, uint64_t count, const char *text) {
    struct minidump_info *info = m->info;
    for (uint32_t i = 0; i < info->note_count; i++) {
        struct minidump_note *old = &info->notes[i];
        if (strcmp(old->text, text) != 0)
            continue;
        if (old->count != MDMP_ABSENT && count < MDMP_ABSENT - 1 - old->count)
            old->count += count;
        return;
    }
    if (info->note_count < MINIDUMP_NOTES_MAX)
        info->notes[info->note_count++] = (struct minidump_note){text, count};
}

struct str mdmp_string(struct mdmp *m, uint64_t rva, size_t max_bytes) {
    strbuf_clear(&m->scratch);
    struct bytes head = bytes_slice(m->file, rva, 4);
    if (rva == 0)
        return (struct str){"", 0};
    if (head.size < 4) {
        space_warn(m->s, 1, "names lie past the end of the file");
        return (struct str){"", 0};
    }
    uint64_t length = load_u32(head.data);
    struct bytes units = bytes_slice(m->file, rva + 4, length);
    if (units.size < length)
        space_warn(m->s, 1, "names lie past the end of the file");
    if (units.size > max_bytes) {
        space_warn(m->s, 1, "names too long to be true were cut");
        units.size = max_bytes;
    }
    if (units.size > m->name_budget) {
        space_warn(m->s, 1, "names beyond 32 MiB of them were skipped");
        return (struct str){"", 0};
    }
    m->name_budget -= units.size;
    strbuf_add_utf16(&m->scratch, units);
    return strbuf_str(&m->scratch);
}

bool mdmp_name(struct mdmp *m, uint64_t rva, const char **ret_name, struct err *err) {
    struct str name = mdmp_string(m, rva, UINT16_MAX);
    if (!strbuf_ok(&m->scratch, err))
        return false;
    const char *copy = name.len ? arena_copy(&m->s->arena, name.ptr, name.len) : NULL;
    if (name.len && !copy)
        return err_nomem(err);
    *ret_name = copy;
    return true;
}

#define FILETIME_1970 116444736000000000u /* 100 ns from 1601 to 1970 */

uint64_t mdmp_filetime_ns(uint64_t filetime) {
    if (filetime <= FILETIME_1970 || filetime - FILETIME_1970 > (UINT64_MAX - 1) / 100)
        return MDMP_ABSENT;
    return (filetime - FILETIME_1970) * 100;
}

/* -- Header and directory ---------------------------------------------------------------------- */

static bool minidump_read_header(struct mdmp *m, uint32_t *ret_streams, uint32_t *ret_rva,
                                 struct err *err) {
    for (size_t i = 0; i < REFUSED_COUNT; i++)
        if (starts_with(m->file, refused[i].signature))
            return err_at(err, ERR_UNSUPPORTED, 0, "is %s; a minidump of the process is needed",
                          refused[i].name);
    struct reader r;
    reader_init(&r, m->file, 0);
    uint32_t signature = reader_u32(&r), version = reader_u32(&r);
    *ret_streams = reader_u32(&r);
    *ret_rva = reader_u32(&r);
    reader_u32(&r); /* CheckSum: 0 in all that was seen */
    uint32_t timestamp = reader_u32(&r);
    m->info->flags = reader_u64(&r);
    if (!reader_ok(&r, "minidump header", err))
        return false;
    if (signature != SIGNATURE)
        return err_at(err, ERR_FORMAT, 0, "is no minidump: starts with 0x%x, not with MDMP",
                      signature);
    if ((version & 0xffff) != VERSION)
        return err_at(err, ERR_FORMAT, 4, "minidump version is 0x%x, expected 0xa793",
                      version & 0xffff);
    if (timestamp)
        m->info->captured_ns = (uint64_t)timestamp * 1000000000u;
    return true;
}

/* Streams of writers other than dbghelp: skipped, but the reader should know who wrote. */
static void note_foreign(struct mdmp *m, uint32_t type) {
    if (type == 0x43500001)
        m->info->writer = "Crashpad";
    else if ((type & 0xffff0000u) == 0x47670000 && !m->info->writer)
        m->info->writer = "Breakpad";
}

static bool minidump_read_directory(struct mdmp *m, uint32_t streams, uint32_t rva,
                                    struct err *err) {
    struct bytes directory = bytes_slice(m->file, rva, m->file.size);
    uint64_t there = directory.size / DIRECTORY_BYTES;
    if (streams && !there)
        return err_at(err, ERR_FORMAT, rva,
                      "directory of %u streams lies past the end of the file (%zu bytes)", streams,
                      m->file.size);
    if (streams > there)
        space_lacks(m->s,
                    PART_BIT(PART_THREADS) | PART_BIT(PART_MODULES) | PART_BIT(PART_MEMORY_MAP) |
                        PART_BIT(PART_OS_HANDLES),
                    streams - there, "streams of the directory are past the file's end");
    uint64_t count = streams < there ? streams : there;
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *p = directory.data + i * DIRECTORY_BYTES;
        uint32_t type = load_u32(p), size = load_u32(p + 4), at = load_u32(p + 8);
        note_foreign(m, type);
        if (type >= MDMP_STREAM_END || !stream_descs[type].name || m->streams[type].data)
            continue;
        struct bytes stream = bytes_slice(m->file, at, size);
        if (stream.size < size)
            space_lacks(m->s, stream_descs[type].parts, size - stream.size,
                        "%s: bytes past the end of the file", stream_descs[type].name);
        m->streams[type] = stream;
    }
    return true;
}

/* Where a count in a list of ours would hide it: nothing at all was found. */
static void note_what_is_missing(struct mdmp *m) {
    if (!m->streams[MDMP_THREAD_LIST].data)
        space_warn(m->s, MDMP_ABSENT, "no thread list in this dump");
    if (!m->streams[MDMP_MODULE_LIST].data)
        space_lacks(m->s, PART_BIT(PART_MODULES), MDMP_ABSENT, "no module list in this dump");
    if (!m->info->has_memory)
        space_warn(m->s, MDMP_ABSENT,
                   "no memory in this dump (its writer was stopped, or was not asked for it)");
    if (m->info->cut_bytes)
        space_warn(m->s, m->info->cut_bytes, "bytes of memory are missing: the file was cut");
}

static bool open_all(struct mdmp *m, struct err *err) {
    uint32_t streams = 0, rva = 0;
    if (!minidump_read_header(m, &streams, &rva, err) ||
        !minidump_read_directory(m, streams, rva, err))
        return false;
    if (!mdmp_read_system(m, err) || !mdmp_read_modules(m, err) || !mdmp_read_threads(m, err) ||
        !mdmp_read_memory(m, err) || !mdmp_read_handles(m, err))
        return false;
    note_what_is_missing(m);
    return space_finish(m->s, err);
}

bool minidump_open(struct space *s, struct bytes file, struct minidump_info **ret_info,
                   struct err *err) {
    s->kind = SPACE_MINIDUMP;
    s->pid = MDMP_ABSENT;
    s->page_bytes = 4096;
    struct minidump_info *info = arena_alloc(&s->arena, sizeof(*info));
    if (!info)
        return err_nomem(err);
    info->captured_ns = info->process_start_ns = info->user_ns = info->kernel_ns = MDMP_ABSENT;
    struct mdmp m = {.s = s, .info = info, .file = file, .name_budget = MDMP_NAME_BUDGET};
    strbuf_init(&m.scratch);
    bool ok = open_all(&m, err);
    strbuf_deinit(&m.scratch);
    if (ok)
        *ret_info = info;
    return ok;
}
