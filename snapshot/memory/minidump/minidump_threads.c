/* Threads of a minidump: ThreadList joined with ThreadInfoList, ThreadNames and the exception. */
#include "base/hash.h"
#include "memory/arch/arch.h"
#include "memory/minidump/minidump_impl.h"

#include <stddef.h>

struct thread_entry {
    uint64_t id, suspend_count, priority, teb, stack_start, stack_size, context_size, context_rva;
};

static const struct mdmp_field thread_fields[] = {
    MDMP_FIELD(0, 4, thread_entry, id),
    MDMP_FIELD(4, 4, thread_entry, suspend_count),
    MDMP_FIELD(12, 4, thread_entry, priority),
    MDMP_FIELD(16, 8, thread_entry, teb),
    MDMP_FIELD(24, 8, thread_entry, stack_start),
    MDMP_FIELD(32, 4, thread_entry, stack_size),
    MDMP_FIELD(40, 4, thread_entry, context_size),
    MDMP_FIELD(44, 4, thread_entry, context_rva),
};
#define THREAD_BYTES 48u

struct thread_info_entry {
    uint64_t id, dump_flags, exit_status, create, exit, kernel, user, start_address;
};

static const struct mdmp_field thread_info_fields[] = {
    MDMP_FIELD(0, 4, thread_info_entry, id),
    MDMP_FIELD(4, 4, thread_info_entry, dump_flags),
    MDMP_FIELD(12, 4, thread_info_entry, exit_status),
    MDMP_FIELD(16, 8, thread_info_entry, create),
    MDMP_FIELD(24, 8, thread_info_entry, exit),
    MDMP_FIELD(32, 8, thread_info_entry, kernel),
    MDMP_FIELD(40, 8, thread_info_entry, user),
    MDMP_FIELD(48, 8, thread_info_entry, start_address),
};
#define THREAD_INFO_BYTES 64u

/* MINIDUMP_THREAD_INFO_INVALID_INFO and _INVALID_CONTEXT. */
#define INVALID_INFO 0x8u

struct thread_name_entry {
    uint64_t id, rva;
};

static const struct mdmp_field thread_name_fields[] = {
    MDMP_FIELD(0, 4, thread_name_entry, id),
    MDMP_FIELD(4, 8, thread_name_entry, rva),
};
#define THREAD_NAME_BYTES 12u

static const struct mdmp_field exception_fields[] = {
    MDMP_FIELD(0, 4, minidump_exception, thread_id),
    MDMP_FIELD(8, 4, minidump_exception, code),
    MDMP_FIELD(12, 4, minidump_exception, flags),
    MDMP_FIELD(24, 8, minidump_exception, address),
    MDMP_FIELD(32, 4, minidump_exception, parameter_count),
    MDMP_FIELD(40, 8, minidump_exception, parameters[0]),
    MDMP_FIELD(48, 8, minidump_exception, parameters[1]),
};
#define EXCEPTION_BYTES 168u

static void minidump_threads_read_context(struct mdmp *m, const struct thread_entry *entry,
                                          uint32_t index) {
    if (entry->context_size == 0) {
        mdmp_note(m, 1, "threads have no registers in this dump");
        return;
    }
    struct bytes context = bytes_slice(m->file, entry->context_rva, entry->context_size);
    if (arch_read_context(m->s->arch, context, &m->s->threads[index]))
        m->info->threads[index].has_context = true;
    else
        space_warn(m->s, 1, "threads whose registers could not be read");
}

/* ThreadList; *by_id gets the index of each thread. */
static bool minidump_threads_read_list(struct mdmp *m, struct u64map *by_id, struct err *err) {
    struct mdmp_list list = mdmp_list_counted(m, MDMP_THREAD_LIST, THREAD_BYTES, MDMP_THREADS_MAX);
    m->s->threads = arena_array(&m->s->arena, list.count, sizeof(*m->s->threads));
    m->info->threads = arena_array(&m->s->arena, list.count, sizeof(*m->info->threads));
    if (list.count && (!m->s->threads || !m->info->threads))
        return err_nomem(err);
    for (uint32_t i = 0; i < list.count; i++) {
        struct thread_entry entry = {0};
        MDMP_DECODE(thread_fields, mdmp_entry(&list, i), &entry);
        if (u64map_get(by_id, entry.id) != STRMAP_NONE) {
            space_warn(m->s, 1, "threads listed twice");
            continue;
        }
        uint32_t index = m->s->thread_count++;
        if (!u64map_put(by_id, entry.id, index))
            return err_nomem(err);
        m->s->threads[index] = (struct space_thread){
            .os_id = entry.id,
            .thread_pointer = entry.teb,
            .stack_top = entry.stack_start < UINT64_MAX - entry.stack_size
                             ? entry.stack_start + entry.stack_size
                             : 0,
            .user_ns = MDMP_ABSENT,
            .kernel_ns = MDMP_ABSENT,
            .elapsed_ns = MDMP_ABSENT,
            .start_time = MDMP_ABSENT,
            .switches = MDMP_ABSENT,
            .run_delay_ns = MDMP_ABSENT,
        };
        m->info->threads[index] = (struct minidump_thread){
            .suspend_count = entry.suspend_count,
            .priority = entry.priority,
            .teb = entry.teb,
            .stack_start = entry.stack_start,
            .stack_bytes = entry.stack_size,
            .create_ns = MDMP_ABSENT,
            .exit_ns = MDMP_ABSENT,
            .start_address = MDMP_ABSENT,
        };
        minidump_threads_read_context(m, &entry, index);
    }
    return true;
}

/* 100 ns units to ns; nonsense is absent. */
static uint64_t minidump_threads_ticks_ns(uint64_t ticks) {
    return ticks < (UINT64_MAX - 1) / 100 ? ticks * 100 : MDMP_ABSENT;
}

static void read_times(struct mdmp *m, const struct u64map *by_id) {
    struct mdmp_list list =
        mdmp_list_sized(m, MDMP_THREAD_INFO_LIST, THREAD_INFO_BYTES, 8, 4, MDMP_THREADS_MAX);
    for (uint32_t i = 0; i < list.count; i++) {
        struct thread_info_entry entry = {0};
        MDMP_DECODE(thread_info_fields, mdmp_entry(&list, i), &entry);
        uint32_t index = u64map_get(by_id, entry.id);
        if (index == STRMAP_NONE || (entry.dump_flags & INVALID_INFO) ||
            m->info->threads[index].has_times)
            continue;
        struct minidump_thread *info = &m->info->threads[index];
        struct space_thread *thread = &m->s->threads[index];
        info->has_times = true;
        info->create_ns = mdmp_filetime_ns(entry.create);
        info->exit_ns = mdmp_filetime_ns(entry.exit);
        info->start_address = entry.start_address;
        thread->user_ns = minidump_threads_ticks_ns(entry.user);
        thread->kernel_ns = minidump_threads_ticks_ns(entry.kernel);
        thread->start_time = info->create_ns;
        /* The dump's own time has whole seconds only: a thread can seem younger by one. */
        uint64_t now = info->exit_ns != MDMP_ABSENT ? info->exit_ns : m->info->captured_ns;
        if (now != MDMP_ABSENT && info->create_ns != MDMP_ABSENT && now >= info->create_ns)
            thread->elapsed_ns = now - info->create_ns;
    }
}

static bool minidump_threads_read_names(struct mdmp *m, const struct u64map *by_id,
                                        struct err *err) {
    struct mdmp_list list =
        mdmp_list_counted(m, MDMP_THREAD_NAMES, THREAD_NAME_BYTES, MDMP_THREADS_MAX);
    for (uint32_t i = 0; i < list.count; i++) {
        struct thread_name_entry entry = {0};
        MDMP_DECODE(thread_name_fields, mdmp_entry(&list, i), &entry);
        uint32_t index = u64map_get(by_id, entry.id);
        if (index == STRMAP_NONE || m->s->threads[index].name)
            continue;
        if (!mdmp_name(m, entry.rva, &m->s->threads[index].name, err))
            return false;
    }
    return true;
}

/*
 * Is the exception what a dump was asked for with, and not one that the program had? Breakpad and
 * Crashpad write such ones for want of another; a debugger that attaches stops the process in
 * ntdll's break point, as does one that starts it. `__debugbreak` of the program's own is real.
 */
static bool is_pretext(struct mdmp *m, const struct minidump_exception *exception) {
    const bool windows = m->info->system.platform < MINIDUMP_OTHERS;
    const struct space_module *module;
    switch (exception->code) {
    case 0:          /* dbghelp */
    case 0x0517a7ed: /* Crashpad and Breakpad: "simulated" */
        return true;
    case 0xffffffff: /* Breakpad on Linux: DUMP_REQUESTED */
    case 0x43507378: /* Crashpad on macOS: "CPsx" */
        return !windows;
    case 0x80000003: /* break point, single step, and of a 32-bit process in a 64-bit debugger */
    case 0x80000004:
    case 0x4000001f:
        module = windows ? space_module_at(m->s, exception->address) : NULL;
        return module && str_eq_nocase(str_file_name(str_of(module->path)), STR("ntdll.dll"));
    default:
        return false;
    }
}

/*
 * The thread's own registers are those of whoever wrote the dump: deep in the handler, or in the
 * system call in which it waited for the writer. The exception has those of the crash.
 */
static void take_crash_registers(struct mdmp *m, const struct thread_entry *entry, uint32_t index) {
    struct space_thread at_crash = m->s->threads[index];
    struct bytes context = bytes_slice(m->file, entry->context_rva, entry->context_size);
    at_crash.register_count = 0;
    if (arch_read_context(m->s->arch, context, &at_crash) && at_crash.sp) /* 0: left empty */
        m->s->threads[index] = at_crash;
}

static void read_exception(struct mdmp *m, const struct u64map *by_id) {
    struct bytes in = m->streams[MDMP_EXCEPTION];
    struct minidump_exception *exception = &m->info->exception;
    if (!in.data)
        return;
    if (in.size < EXCEPTION_BYTES) {
        space_warn(m->s, MDMP_ABSENT, "exception: is cut off");
        return;
    }
    MDMP_DECODE(exception_fields, in, exception);
    exception->present = !is_pretext(m, exception);
    uint32_t index = u64map_get(by_id, exception->thread_id);
    if (index == STRMAP_NONE)
        return;
    struct thread_entry entry = {.context_size = load_u32(in.data + 160),
                                 .context_rva = load_u32(in.data + 164)};
    if (entry.context_size && !m->info->threads[index].has_context)
        minidump_threads_read_context(m, &entry, index);
    else if (entry.context_size && exception->present)
        take_crash_registers(m, &entry, index);
}

bool mdmp_read_threads(struct mdmp *m, struct err *err) {
    struct u64map by_id;
    u64map_init(&by_id);
    bool ok = minidump_threads_read_list(m, &by_id, err);
    if (ok) {
        read_times(m, &by_id);
        read_exception(m, &by_id);
        ok = minidump_threads_read_names(m, &by_id, err);
    }
    u64map_deinit(&by_id);
    return ok;
}
