/* SystemInfo, MiscInfo, ProcessVmCounters and HandleData: the process as a whole. */
#include "base/hash.h"
#include "memory/arch/arch.h"
#include "memory/minidump/minidump_impl.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct system_entry {
    struct minidump_system system;
    uint64_t service_pack_rva;
};

static const struct mdmp_field system_fields[] = {
    MDMP_FIELD(0, 2, system_entry, system.processor),
    MDMP_FIELD(6, 1, system_entry, system.processors),
    MDMP_FIELD(7, 1, system_entry, system.product),
    MDMP_FIELD(8, 4, system_entry, system.major),
    MDMP_FIELD(12, 4, system_entry, system.minor),
    MDMP_FIELD(16, 4, system_entry, system.build),
    MDMP_FIELD(20, 4, system_entry, system.platform),
    MDMP_FIELD(24, 4, system_entry, service_pack_rva),
};

struct misc_entry {
    uint64_t flags, pid, create, user, kernel;
};

static const struct mdmp_field misc_fields[] = {
    MDMP_FIELD(4, 4, misc_entry, flags),   MDMP_FIELD(8, 4, misc_entry, pid),
    MDMP_FIELD(12, 4, misc_entry, create), MDMP_FIELD(16, 4, misc_entry, user),
    MDMP_FIELD(20, 4, misc_entry, kernel),
};
#define MISC_HAS_PID   1u
#define MISC_HAS_TIMES 2u

static const struct mdmp_field counters1_fields[] = {
    MDMP_FIELD(4, 4, minidump_counters, page_faults),
    MDMP_FIELD(8, 8, minidump_counters, peak_working_set),
    MDMP_FIELD(16, 8, minidump_counters, working_set),
    MDMP_FIELD(56, 8, minidump_counters, pagefile),
    MDMP_FIELD(64, 8, minidump_counters, peak_pagefile),
    MDMP_FIELD(72, 8, minidump_counters, private_usage),
};

/* Revision 2 says with a flag which of its later members were filled. */
static const struct mdmp_field counters2_fields[] = {
    MDMP_FIELD(4, 4, minidump_counters, page_faults),
    MDMP_FIELD(8, 8, minidump_counters, peak_working_set),
    MDMP_FIELD(16, 8, minidump_counters, working_set),
    MDMP_FIELD(56, 8, minidump_counters, pagefile),
    MDMP_FIELD(64, 8, minidump_counters, peak_pagefile),
};
static const struct mdmp_field counters2_virtual_fields[] = {
    MDMP_FIELD(72, 8, minidump_counters, peak_virtual),
    MDMP_FIELD(80, 8, minidump_counters, virtual_size),
};
static const struct mdmp_field counters2_ex_fields[] = {
    MDMP_FIELD(88, 8, minidump_counters, private_usage),
};
static const struct mdmp_field counters2_ex2_fields[] = {
    MDMP_FIELD(96, 8, minidump_counters, private_working_set),
    MDMP_FIELD(104, 8, minidump_counters, shared_commit),
};
#define COUNTERS_VIRTUAL 2u
#define COUNTERS_EX      4u
#define COUNTERS_EX2     8u

static const struct {
    uint32_t platform;
    const char *name;
} platforms[] = {
    {2, "Windows"},        {MINIDUMP_MACOS, "macOS"},
    {MINIDUMP_IOS, "iOS"}, {MINIDUMP_LINUX, "Linux"},
    {0x8202, "Solaris"},   {MINIDUMP_ANDROID, "Android"},
    {0x8204, "PS3"},       {0x8205, "NaCl"},
    {0x8206, "Fuchsia"},
};

static bool read_system_info(struct mdmp *m, struct err *err) {
    struct minidump_info *info = m->info;
    struct system_entry entry = {.system = {MDMP_ABSENT, MDMP_ABSENT, MDMP_ABSENT, MDMP_ABSENT,
                                            MDMP_ABSENT, MDMP_ABSENT, MDMP_ABSENT, NULL}};
    MDMP_DECODE(system_fields, m->streams[MDMP_SYSTEM_INFO], &entry);
    info->system = entry.system;
    m->s->arch = arch_by_minidump(entry.system.processor);
    if (entry.system.processor == MDMP_ABSENT)
        space_warn(m->s, MDMP_ABSENT, "no system info in this dump: processor not known");
    else if (!m->s->arch->name)
        space_warn(m->s, MDMP_ABSENT, "processor %u is not known: registers were skipped",
                   (unsigned)entry.system.processor);
    for (size_t i = 0; i < sizeof(platforms) / sizeof(*platforms); i++)
        if (platforms[i].platform == entry.system.platform)
            info->system_name = platforms[i].name;
    info->foreign =
        entry.system.platform != MDMP_ABSENT && entry.system.platform >= MINIDUMP_OTHERS;
    if (info->foreign && !info->writer)
        info->writer = "Breakpad or Crashpad";
    return mdmp_name(m, entry.service_pack_rva, &info->system.service_pack, err);
}

/* SizeOfInfo at +0 is 0 with some writers: what counts is how long the stream is. */
static void read_misc(struct mdmp *m) {
    struct bytes in = m->streams[MDMP_MISC_INFO];
    struct misc_entry entry = {0};
    if (in.data && in.size < 12)
        space_warn(m->s, MDMP_ABSENT, "misc info: is cut off");
    if (in.size < 12)
        return;
    MDMP_DECODE(misc_fields, in, &entry);
    if (entry.flags & MISC_HAS_PID)
        m->s->pid = entry.pid;
    if ((entry.flags & MISC_HAS_TIMES) && in.size >= 24) {
        if (entry.create)
            m->info->process_start_ns = entry.create * 1000000000u;
        m->info->user_ns = entry.user * 1000000000u;
        m->info->kernel_ns = entry.kernel * 1000000000u;
    }
}

static void read_counters(struct mdmp *m) {
    struct minidump_counters *counters = &m->info->counters;
    struct bytes in = m->streams[MDMP_VM_COUNTERS];
    memset(counters, 0xff, sizeof(*counters)); /* MDMP_ABSENT */
    if (!in.data)
        return;
    uint32_t revision = in.size >= 4 ? load_u16(in.data) : 0;
    uint32_t flags = in.size >= 4 ? load_u16(in.data + 2) : 0;
    if (revision == 1) {
        MDMP_DECODE(counters1_fields, in, counters);
    } else if (revision == 2) {
        MDMP_DECODE(counters2_fields, in, counters);
        if (flags & COUNTERS_VIRTUAL)
            MDMP_DECODE(counters2_virtual_fields, in, counters);
        if (flags & COUNTERS_EX)
            MDMP_DECODE(counters2_ex_fields, in, counters);
        if (flags & COUNTERS_EX2)
            MDMP_DECODE(counters2_ex2_fields, in, counters);
    } else {
        space_warn(m->s, MDMP_ABSENT, "process VM counters: revision %u is not known", revision);
    }
}

bool mdmp_read_system(struct mdmp *m, struct err *err) {
    read_misc(m);
    read_counters(m);
    return read_system_info(m, err);
}

/* -- Handles ----------------------------------------------------------------------------------- */

#define HANDLE_BYTES      32u
#define HANDLE_TYPE_BYTES 256u /* of UTF-16: names of object types are short */
#define HANDLE_TYPES_MAX  4096u
#define HANDLES_MAX       (1u << 26) /* more than Windows gives a process (2^24) */

/* Types seen so far. Windows writes each handle's type as a string of its own. */
struct tally {
    struct strmap index;
    struct minidump_handle_type *types;
    uint32_t count;
};

static bool minidump_system_tally_add(struct mdmp *m, struct tally *tally, struct str name,
                                      struct err *err) {
    uint32_t at = strmap_get(&tally->index, name, STR(""));
    if (at != STRMAP_NONE) {
        tally->types[at].count++;
        return true;
    }
    if (tally->count == HANDLE_TYPES_MAX) {
        space_lacks(m->s, PART_BIT(PART_OS_HANDLES), 1,
                    "handles of yet another type were not counted by type");
        return true;
    }
    const char *copy = arena_copy(&m->s->arena, name.ptr, name.len);
    if (!copy || !strmap_put(&tally->index, str_of(copy), STR(""), tally->count))
        return err_nomem(err);
    tally->types[tally->count++] = (struct minidump_handle_type){copy, 1};
    return true;
}

static int minidump_system_cmp_types(const void *a, const void *b) {
    const struct minidump_handle_type *x = a, *y = b;
    return strcmp(x->type, y->type);
}

static bool count_handles(struct mdmp *m, const struct mdmp_list *list, struct tally *tally,
                          struct err *err) {
    size_t names_left = m->name_budget;
    for (uint32_t i = 0; i < list->count; i++) {
        uint32_t rva = load_u32(mdmp_entry(list, i).data + 8);
        m->name_budget = names_left; /* they are not kept, so they cost no memory */
        struct str name = mdmp_string(m, rva, HANDLE_TYPE_BYTES);
        if (!strbuf_ok(&m->scratch, err))
            return false;
        if (!minidump_system_tally_add(m, tally, name.len ? name : STR("<unnamed>"), err))
            return false;
    }
    return true;
}

bool mdmp_read_handles(struct mdmp *m, struct err *err) {
    struct mdmp_list list = mdmp_list_sized(m, MDMP_HANDLE_DATA, HANDLE_BYTES, 8, 4, HANDLES_MAX);
    m->info->has_handles = m->streams[MDMP_HANDLE_DATA].size >= 16;
    m->info->handle_count = list.count;
    if (!list.count)
        return true;
    struct tally tally = {0};
    uint32_t most = list.count < HANDLE_TYPES_MAX ? list.count : HANDLE_TYPES_MAX;
    tally.types = arena_array(&m->s->arena, most, sizeof(*tally.types));
    if (!tally.types)
        return err_nomem(err);
    strmap_init(&tally.index);
    bool ok = count_handles(m, &list, &tally, err);
    strmap_deinit(&tally.index);
    qsort(tally.types, tally.count, sizeof(*tally.types), minidump_system_cmp_types);
    m->info->handle_types = tally.types;
    m->info->handle_type_count = tally.count;
    return ok;
}
