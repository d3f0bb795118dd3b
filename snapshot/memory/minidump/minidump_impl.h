/* What the chapters of the minidump reader (minidump*.c) share; nobody else includes this. */
#ifndef DUMPDIFF_MEMORY_MINIDUMP_MINIDUMP_IMPL_H
#define DUMPDIFF_MEMORY_MINIDUMP_MINIDUMP_IMPL_H

#include "base/hash.h"
#include "memory/minidump/minidump.h"

#include <stddef.h>

enum mdmp_stream {
    MDMP_THREAD_LIST = 3,
    MDMP_MODULE_LIST = 4,
    MDMP_MEMORY_LIST = 5,
    MDMP_EXCEPTION = 6,
    MDMP_SYSTEM_INFO = 7,
    MDMP_MEMORY64_LIST = 9,
    MDMP_HANDLE_DATA = 12,
    MDMP_UNLOADED_LIST = 14,
    MDMP_MISC_INFO = 15,
    MDMP_MEMORY_INFO_LIST = 16,
    MDMP_THREAD_INFO_LIST = 17,
    MDMP_VM_COUNTERS = 22,
    MDMP_THREAD_NAMES = 24,
    MDMP_STREAM_END
};

#define MDMP_THREADS_MAX 131072u
#define MDMP_MODULES_MAX 131072u
/* All names of one dump together: a hostile file points a million modules at one long string. */
#define MDMP_NAME_BUDGET ((size_t)32 << 20)

/* One dump being opened. */
struct mdmp {
    struct space *s;
    struct minidump_info *info;
    struct bytes file;
    struct bytes streams[MDMP_STREAM_END]; /* cut to the file; data NULL: not there */
    size_t name_budget;                    /* [bytes] of UTF-16 that may still be read */
    struct strbuf scratch;
};

/* One number of a fixed layout: `size` bytes at `at` go into the uint64_t at `dest` of the row. */
struct mdmp_field {
    uint16_t at;
    uint16_t size; /* 1, 2, 4 or 8 */
    uint16_t dest; /* [bytes] offset in the row */
};
#define MDMP_FIELD(at, size, type, member) \
    { at, size, (uint16_t)offsetof(struct type, member) }

/* Fills the fields that lie within `in`; the others keep their value. */
void mdmp_decode(const struct mdmp_field *fields, size_t count, struct bytes in, void *row);

#define MDMP_DECODE(fields, in, row) \
    mdmp_decode((fields), sizeof(fields) / sizeof(*(fields)), (in), (row))

/* Entries of a list: count of those that are there, each `stride` bytes. */
struct mdmp_list {
    struct bytes entries;
    uint32_t count, stride;
};

/*
 * A list that starts with a u32 count (ThreadList, ModuleList, MemoryList, ThreadNames). What does
 * not fit in the stream is left out, with a warning. Some writers align the entries to 8 bytes.
 */
struct mdmp_list mdmp_list_counted(struct mdmp *m, enum mdmp_stream stream, uint32_t stride,
                                   uint32_t max);

/*
 * A list whose head says the size of the head and of an entry; entries shorter than `least` refuse
 * it. count_at and count_size: where in the head the number of entries stands.
 */
struct mdmp_list mdmp_list_sized(struct mdmp *m, enum mdmp_stream stream, uint32_t least,
                                 uint32_t count_at, uint32_t count_size, uint32_t max);

struct bytes mdmp_entry(const struct mdmp_list *list, uint32_t index);

/* Something odd that does not lower trust. Equal texts are merged. text: a literal. */
void mdmp_note(struct mdmp *m, uint64_t count, const char *text);

/*
 * MINIDUMP_STRING at rva as UTF-8 in the scratch buffer, at most max_bytes of UTF-16; empty when
 * rva is 0 or nothing is there. Valid until the next call.
 */
struct str mdmp_string(struct mdmp *m, uint64_t rva, size_t max_bytes);

/* As mdmp_string, copied into the arena; NULL when empty. false: out of memory. */
bool mdmp_name(struct mdmp *m, uint64_t rva, const char **ret_name, struct err *err) MUST_CHECK;

/* FILETIME (100 ns since 1601) as ns since 1970; MDMP_ABSENT for 0 and before 1970. */
uint64_t mdmp_filetime_ns(uint64_t filetime);

/*
 * The chapters, in the order in which they run. Errors: ERR_FORMAT, ERR_TRUNCATED, ERR_UNSUPPORTED,
 * ERR_LIMIT, ERR_NOMEM.
 */
bool mdmp_read_system(struct mdmp *m, struct err *err) MUST_CHECK;
bool mdmp_read_modules(struct mdmp *m, struct err *err) MUST_CHECK;
bool mdmp_read_threads(struct mdmp *m, struct err *err) MUST_CHECK;
bool mdmp_read_memory(struct mdmp *m, struct err *err) MUST_CHECK;
bool mdmp_read_handles(struct mdmp *m, struct err *err) MUST_CHECK;

#endif
