#include "memory/elf/core_notes.h"

#include "base/hash.h"
#include "base/vec.h"
#include "memory/arch/arch.h"
#include "memory/elf/elf.h"

#include <string.h>

#define NT_PRSTATUS 1u
#define NT_FPREGSET 2u
#define NT_PRPSINFO 3u
#define NT_AUXV     6u
#define NT_FILE     0x46494c45u
#define NT_SIGINFO  0x53494749u

#define AT_PAGESZ       6u
#define AT_EXECFN       31u
#define AT_SYSINFO_EHDR 33u

#define PATH_BYTES_MAX 4096u

void core_notes_init(struct core_notes *n, struct space *s) {
    *n = (struct core_notes){.space = s};
}

/* -- Threads ----------------------------------------------------------------------------------- */

static struct space_thread *core_notes_add_thread(struct core_notes *n, struct err *err) {
    struct space *s = n->space;
    if (!VEC_ROOM_IN(&s->arena, s->threads, s->thread_count, n->thread_capacity, err))
        return NULL;
    struct space_thread *t = &s->threads[s->thread_count++];
    space_thread_init(t);
    return t;
}

/* struct timeval; hostile values stick at the top. */
static uint64_t timeval_ns(const uint8_t *p) {
    uint64_t seconds = load_u64(p), micros = load_u64(p + 8), ns;
    if (micros >= 1000000 || __builtin_mul_overflow(seconds, UINT64_C(1000000000), &ns) ||
        __builtin_add_overflow(ns, micros * 1000, &ns) || ns == UINT64_MAX)
        return UINT64_MAX - 1;
    return ns;
}

static bool read_prstatus(struct core_notes *n, struct bytes desc, struct err *err) {
    struct space *s = n->space;
    const struct arch_status *status = &s->arch->status;
    uint64_t registers[SPACE_REGISTERS] = {0};
    if (!arch_read_registers(&status->registers, desc, registers)) {
        space_lacks(s, PART_BIT(PART_THREADS), 1,
                    "thread status notes are shorter than this CPU's");
        return true;
    }
    struct space_thread *t = core_notes_add_thread(n, err);
    if (!t)
        return false;
    t->os_id = load_u32(desc.data + status->pid_at);
    t->user_ns = timeval_ns(desc.data + status->times_at);
    t->kernel_ns = timeval_ns(desc.data + status->times_at + 16);
    n->has_times = n->has_times || t->user_ns || t->kernel_ns;
    if (status->registers.field_count) {
        memcpy(t->registers, registers, sizeof(registers));
        arch_name_registers(s->arch, t);
    }
    return true;
}

static struct space_thread *last_thread(struct core_notes *n) {
    return n->space->thread_count ? &n->space->threads[n->space->thread_count - 1] : NULL;
}

static void read_fpregset(struct core_notes *n, struct bytes desc) {
    struct space_thread *t = last_thread(n);
    if (!t || desc.size == 0)
        return;
    uint64_t hash = hash_bytes(desc.data, desc.size);
    t->fp_hash = hash ? hash : 1;
}

/* -- Process ----------------------------------------------------------------------------------- */

/* struct elf_prpsinfo of 64-bit machines: pid at 24, pr_fname[16] at 40. */
static bool read_prpsinfo(struct core_notes *n, struct bytes desc, struct err *err) {
    struct space *s = n->space;
    if (desc.size < 56 || n->has_psinfo)
        return true;
    n->has_psinfo = true;
    s->pid = load_u32(desc.data + 24);
    size_t length = strnlen((const char *)desc.data + 40, 16);
    if (length == 0)
        return true;
    s->process = arena_copy(&s->arena, (const char *)desc.data + 40, length);
    return s->process || err_nomem(err);
}

static void read_auxv(struct core_notes *n, struct bytes desc) {
    for (size_t at = 0; desc.size - at >= 16; at += 16) {
        uint64_t type = load_u64(desc.data + at), value = load_u64(desc.data + at + 8);
        bool power_of_2 = value && (value & (value - 1)) == 0;
        if (type == AT_PAGESZ && power_of_2 && value >= 4096 && value <= 1u << 20)
            n->space->page_bytes = value;
        if (type == AT_EXECFN)
            n->exec_name = value;
        if (type == AT_SYSINFO_EHDR)
            n->space->vdso = value;
    }
}

static bool grow_mappings(struct core_notes *n, uint64_t more, struct err *err) {
    struct space *s = n->space;
    uint64_t wanted = s->mapping_count + more;
    if (wanted <= n->mapping_capacity)
        return true;
    if (wanted > UINT32_MAX / 2)
        return err_set(err, ERR_LIMIT, "too many mapped files");
    struct space_mapping *grown = arena_array(&s->arena, (size_t)wanted, sizeof(*grown));
    if (!grown)
        return err_nomem(err);
    if (s->mapping_count)
        memcpy(grown, s->mappings, s->mapping_count * sizeof(*grown));
    s->mappings = grown;
    n->mapping_capacity = (uint32_t)wanted;
    return true;
}

/* The next of the names behind the table; consecutive equal ones share their copy. */
static bool next_path(struct space *s, struct bytes *names, const char **path, struct err *err) {
    const char *start = (const char *)names->data;
    size_t length = names->size ? strnlen(start, names->size) : 0;
    if (length == names->size) {
        *path = NULL;
        return true;
    }
    *names = bytes_slice(*names, length + 1, names->size);
    /* What was replaced or never had a name on disk, like the runtime's code heaps. */
    struct str name = {start, length};
    if (str_ends(name, STR(" (deleted)")))
        length -= 10;
    if (length > PATH_BYTES_MAX) {
        space_warn(s, 1, "paths of mapped files longer than %u bytes were cut", PATH_BYTES_MAX);
        length = PATH_BYTES_MAX;
    }
    if (*path && strlen(*path) == length && memcmp(*path, start, length) == 0)
        return true;
    *path = arena_copy(&s->arena, start, length);
    return *path || err_nomem(err);
}

/* count, page size, then count x {start, end, offset in pages}, then count names. */
static bool read_files(struct core_notes *n, struct bytes desc, uint64_t offset, struct err *err) {
    struct space *s = n->space;
    struct reader r;
    reader_init(&r, desc, offset);
    uint64_t count = reader_u64(&r), unit = reader_u64(&r);
    if (!reader_has_items(&r, count, 24)) {
        uint64_t fit = reader_left(&r) / 24;
        space_lacks(s, PART_BIT(PART_MODULES) | PART_BIT(PART_MEMORY_MAP),
                    r.failed ? UINT64_MAX : count - fit, "list of mapped files runs past its note");
        count = r.failed ? 0 : fit;
    }
    if (!grow_mappings(n, count, err))
        return false;
    struct bytes names = bytes_slice(desc, 16 + count * 24, desc.size);
    const char *path = NULL;
    uint64_t nameless = 0, bad = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct space_mapping m = {.start = reader_u64(&r), .end = reader_u64(&r)};
        if (__builtin_mul_overflow(reader_u64(&r), unit, &m.file_offset))
            m.file_offset = UINT64_MAX;
        if (!next_path(s, &names, &path, err))
            return false;
        nameless += path == NULL;
        bad += m.start >= m.end;
        m.file = path;
        if (path && m.start < m.end)
            s->mappings[s->mapping_count++] = m;
    }
    if (nameless)
        space_lacks(s, PART_BIT(PART_MODULES), nameless,
                    "mapped files without a name in the list of mapped files");
    if (bad)
        space_warn(s, bad, "mapped files that end before they start");
    n->has_files = true;
    return true;
}

/* -- The segment ------------------------------------------------------------------------------- */

static bool read_note(struct core_notes *n, uint32_t type, struct bytes desc, uint64_t offset,
                      struct err *err) {
    switch (type) {
    case NT_PRSTATUS:
        return read_prstatus(n, desc, err);
    case NT_FPREGSET:
        read_fpregset(n, desc);
        return true;
    case NT_PRPSINFO:
        return read_prpsinfo(n, desc, err);
    case NT_AUXV:
        read_auxv(n, desc);
        return true;
    case NT_FILE:
        return read_files(n, desc, offset, err);
    case NT_SIGINFO:
        n->has_siginfo = true;
        return true;
    default:
        return true;
    }
}

/* Owners of notes that no core of a Linux process has. */
static void notice_foreign(struct core_notes *n, const struct elf_note *note) {
    static const struct {
        const char *owner, *what;
    } owners[] = {
        {"NetBSD-CORE", "a core of NetBSD"},
        {"FreeBSD", "a core of FreeBSD"},
        {"OpenBSD", "a core of OpenBSD"},
        {"VMCOREINFO", "a core of the Linux kernel (vmcore), not of a process"},
        {"XEN CORE", "a core of a Xen guest, not of a process"},
    };
    for (size_t i = 0; i < sizeof(owners) / sizeof(*owners) && !n->foreign; i++)
        if (strncmp(note->name, owners[i].owner, sizeof(note->name)) == 0)
            n->foreign = owners[i].what;
}

bool core_notes_read(struct core_notes *n, struct bytes notes, uint64_t offset, uint64_t align,
                     struct err *err) {
    const struct peek from = peek_of_file(&notes);
    struct elf_notes walk;
    struct elf_note note;
    elf_notes_begin(&walk, &from, 0, notes.size, align);
    while (elf_notes_next(&walk, &note)) {
        bool known = (note.name_size >= 4 && memcmp(note.name, "CORE", 4) == 0) ||
                     (note.name_size >= 5 && memcmp(note.name, "LINUX", 5) == 0);
        notice_foreign(n, &note);
        if (known &&
            !read_note(n, note.type, bytes_slice(notes, note.at, note.size), offset + note.at, err))
            return err_prefix(err, "note %u", walk.number - 1);
    }
    if (walk.cut)
        space_lacks(n->space, CORE_PARTS, notes.size - walk.start,
                    "note %u at 0x%llx runs past its segment (needs %u bytes)", walk.number,
                    (unsigned long long)(offset + walk.start), note.size);
    return true;
}

/* -- Afterwards -------------------------------------------------------------------------------- */

static uint64_t minus(uint64_t a, uint64_t b) {
    return a > b ? a - b : 0;
}

/*
 * createdump and gcore leave the times 0. The kernel fills them in (fill_prstatus), and gives the
 * group leader those of the whole process, threads that have ended included.
 */
static void settle_times(struct core_notes *n) {
    struct space *s = n->space;
    struct space_thread *leader = NULL;
    uint64_t user = 0, kernel = 0;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        struct space_thread *t = &s->threads[i];
        if (!n->has_times) {
            t->user_ns = t->kernel_ns = UINT64_MAX;
        } else if (t->os_id == s->pid && !leader) {
            leader = t;
        } else if (__builtin_add_overflow(user, t->user_ns, &user) ||
                   __builtin_add_overflow(kernel, t->kernel_ns, &kernel)) {
            return;
        }
    }
    if (!leader || s->thread_count < 2 || leader->user_ns + leader->kernel_ns < user + kernel)
        return; /* not a sum over the others: whoever wrote it means the thread's own time */
    leader->user_ns = minus(leader->user_ns, user);
    leader->kernel_ns = minus(leader->kernel_ns, kernel);
    s->leader_time_is_rest = true;
}

/* pr_fname has 15 characters at most; the path given to execve starts with the same ones. */
static void settle_name(struct core_notes *n) {
    struct space *s = n->space;
    if (!n->exec_name)
        return;
    const char *path = space_string(s, n->exec_name, PATH_BYTES_MAX);
    const char *name = str_behind_last(str_of(path), '/').ptr; /* of NULL: empty */
    if (!*name)
        return;
    if (!s->process || (strlen(s->process) == 15 && str_starts(str_of(name), str_of(s->process))))
        s->process = name;
}

/* Number 0 is nobody's (another PID namespace, or nonsense): such a thread cannot be found again.
 */
static void drop_nameless(struct space *s) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->thread_count; i++)
        if (s->threads[i].os_id)
            s->threads[kept++] = s->threads[i];
    if (kept < s->thread_count)
        space_warn(s, s->thread_count - kept, "threads without a number");
    s->thread_count = kept;
}

void core_notes_end(struct core_notes *n) {
    drop_nameless(n->space);
    settle_times(n);
    settle_name(n);
    if (n->space->thread_count == 0)
        space_warn(n->space, UINT64_MAX, "no threads in the core");
    if (!n->has_files)
        space_lacks(n->space, PART_BIT(PART_MODULES) | PART_BIT(PART_MEMORY_MAP), UINT64_MAX,
                    "no list of mapped files in the core");
}
