/*
 * Windows minidumps (MDMP), also as Breakpad and Crashpad write them; x86, x64 and ARM64.
 *
 * A minidump is a directory of streams. Opening reads the lists (threads, modules, ranges) and
 * leaves the memory itself alone, so that it costs the same for 5 MB and 5 GB.
 * Layouts: dbghelp's public header (minidumpapiset.h).
 */
#ifndef DUMPDIFF_MEMORY_MINIDUMP_MINIDUMP_H
#define DUMPDIFF_MEMORY_MINIDUMP_MINIDUMP_H

#include "memory/space.h"

#define MDMP_ABSENT UINT64_MAX /* the dump does not say */

/* What else the dump says of a thread; same index as in space->threads. */
struct minidump_thread {
    uint64_t suspend_count, priority;
    uint64_t teb;                      /* address of its TEB; 0: not said */
    uint64_t stack_start, stack_bytes; /* live stack, from the stack pointer up */
    uint64_t create_ns, exit_ns; /* [ns since 1970] MDMP_ABSENT: not recorded or still alive */
    uint64_t start_address;      /* MDMP_ABSENT: not recorded */
    bool has_times;              /* ThreadInfoList spoke of it */
    bool has_context;
};

/* Same index as in space->modules. */
struct minidump_module {
    const char *pdb_id; /* GUID and age, upper-case hex as symbol servers want it; NULL: none */
};

struct minidump_unloaded {
    const char *name;
    uint64_t base, size, timestamp;
};

#define REGION_COMMIT  0x1000u
#define REGION_RESERVE 0x2000u
#define REGION_FREE    0x10000u
#define REGION_PRIVATE 0x20000u
#define REGION_MAPPED  0x40000u
#define REGION_IMAGE   0x1000000u

/* One entry of MemoryInfoList: what VirtualQuery said. */
struct minidump_region {
    uint64_t base, allocation_base, size;
    uint64_t allocation_protect, state, protect, type; /* PAGE_* and REGION_* */
};

struct minidump_handle_type {
    const char *type;
    uint64_t count;
};

/*
 * Breakpad's numbers of systems (minidump_format.h, MDOSPlatform); below the first are Microsoft's.
 */
enum {
    MINIDUMP_OTHERS = 0x8000,
    MINIDUMP_MACOS = 0x8101,
    MINIDUMP_IOS = 0x8102,
    MINIDUMP_LINUX = 0x8201,
    MINIDUMP_ANDROID = 0x8203,
};

struct minidump_exception {
    bool present; /* one that the program had, not the pretext of whoever wrote the dump */
    uint64_t thread_id, code, flags, address;
    uint64_t parameter_count, parameters[2];
};

/* Process counters; MDMP_ABSENT where the stream is not there or too old for one. */
struct minidump_counters {
    uint64_t page_faults;
    uint64_t peak_working_set, working_set, pagefile, peak_pagefile; /* [bytes] */
    uint64_t private_usage, peak_virtual, virtual_size, private_working_set;
    uint64_t shared_commit;
};

struct minidump_system {
    uint64_t processor; /* PROCESSOR_ARCHITECTURE_*; MDMP_ABSENT: no SystemInfo */
    uint64_t processors, product, major, minor, build;
    uint64_t platform; /* 2: NT; from 0x8000: Breakpad's numbers for other systems */
    const char *service_pack;
};

/* Something odd that costs nothing; what was skipped or cut is in space->warnings. */
struct minidump_note {
    const char *text;
    uint64_t count; /* MDMP_ABSENT: none */
};

#define MINIDUMP_NOTES_MAX 16u

struct minidump_info {
    uint64_t flags;       /* MINIDUMP_TYPE asked for; not what is inside */
    uint64_t captured_ns; /* [ns since 1970] MDMP_ABSENT: not recorded */
    struct minidump_system system;
    const char *system_name;     /* "Windows", "Linux", ...: where the process ran */
    bool foreign;                /* written by Breakpad or Crashpad outside Windows */
    const char *writer;          /* "Crashpad", "Breakpad"; NULL: dbghelp or the like */
    uint64_t process_start_ns;   /* [ns since 1970] */
    uint64_t user_ns, kernel_ns; /* of the process, whole seconds */
    struct minidump_thread *threads;
    struct minidump_module *modules;
    struct minidump_unloaded *unloaded;
    uint32_t unloaded_count;
    struct minidump_exception exception;
    struct bytes regions; /* entries of MemoryInfoList; use minidump_region */
    uint32_t region_count, region_stride;
    bool has_regions;
    struct minidump_handle_type *handle_types; /* by name */
    uint32_t handle_type_count;
    uint64_t handle_count;
    bool has_handles;
    struct minidump_counters counters;
    uint64_t cut_bytes; /* [bytes] of memory that the dump names but the file does not hold */
    bool has_memory;    /* a MemoryList or Memory64List with at least one range */
    struct minidump_note notes[MINIDUMP_NOTES_MAX];
    uint32_t note_count;
};

/* Also true for dumps that are named and refused: kernel dumps and the old USERDUMP format. */
bool minidump_probe(struct bytes head);

/*
 * Opens a minidump whose bytes the caller keeps (mapped) while the space is open. *ret_info lives
 * in the space's arena. Lists that are broken or cut are read as far as they go, with a warning
 * file cut in the middle of its memory opens with what is there.
 *
 * Errors: ERR_FORMAT (no minidump, or its directory is not in the file), ERR_TRUNCATED (shorter
 * than its header), ERR_UNSUPPORTED (kernel dump), ERR_NOMEM.
 */
bool minidump_open(struct space *s, struct bytes file, struct minidump_info **ret_info,
                   struct err *err) MUST_CHECK;

/* Entry `index` (below region_count). */
struct minidump_region minidump_region(const struct minidump_info *info, uint32_t index);

#endif
