/* A Windows minidump: procdump, dotnet-dump, Task Manager, WER, adplus; Crashpad, Breakpad. */
#include "base/hash.h"
#include "memory/minidump/minidump.h"

#include "dotnet/dotnet.h"
#include "input/dump/dump.h"
#include "input/dump/exception_names.h"
#include "input/dump/minidump_map.h"
#include "memory/arch/arch.h"
#include "memory/stacks/native_stacks.h"
#include "model/known_names.h"
#include "model/rows_origin.h"
#include "model/rows_process.h"
#include "model/rows_threads.h"

#include <inttypes.h>

/* -- Origin ------------------------------------------------------------------------------------ */

static void write_system(struct strbuf *out, const struct minidump_info *info) {
    const struct minidump_system *system = &info->system;
    strbuf_adds(out, info->system_name ? info->system_name : "system not known");
    if (system->major != MDMP_ABSENT && system->minor != MDMP_ABSENT)
        strbuf_addf(out, " %" PRIu64 ".%" PRIu64, system->major, system->minor);
    if (system->build != MDMP_ABSENT && system->build)
        strbuf_addf(out, ".%" PRIu64, system->build);
    if (system->service_pack)
        strbuf_addf(out, " %s", system->service_pack);
}

static bool minidump_input_say_origin(struct space *s, const struct minidump_info *info,
                                      struct builder *b, struct err *err) {
    s->tool = info->writer;
    if (!dump_say_origin(s, b, err))
        return false;
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!origin)
        return false;
    if (info->captured_ns != MDMP_ABSENT)
        builder_say(b, &origin->captured_at_ns, info->captured_ns, "time of the dump");
    if (info->process_start_ns != MDMP_ABSENT)
        builder_say(b, &origin->process_start_ns, info->process_start_ns, "start of the process");
    if (info->foreign)
        builder_note(b, "written by %s for %s: streams of its own were skipped", info->writer,
                     info->system_name ? info->system_name : "a system that is not known");
    if (info->system.major == MDMP_ABSENT)
        return true;
    struct strbuf text;
    strbuf_init(&text);
    write_system(&text, info);
    bool ok = strbuf_ok(&text, err) &&
              builder_say_string(b, &origin->os, strbuf_str(&text), "operating system", err);
    strbuf_deinit(&text);
    return ok;
}

/* -- Threads ----------------------------------------------------------------------------------- */

static bool say_exception(const struct minidump_info *info, const struct space_thread *thread,
                          struct thread_row *row, struct builder *b, struct err *err) {
    if (!info->exception.present || info->exception.thread_id != thread->os_id || row->exception)
        return true;
    struct strbuf text;
    strbuf_init(&text);
    exception_name(info, &text);
    row->exception = strbuf_ok(&text, err) ? builder_string(b, strbuf_str(&text), err) : NULL;
    if (row->exception)
        builder_note(b, "the dump was made for an exception: %s in thread 0x%" PRIx64,
                     row->exception, thread->os_id);
    strbuf_deinit(&text);
    return row->exception != NULL;
}

/* Splits the text of win_stack_read into frames. */
static bool say_frames(struct thread_row *row, struct str text, struct builder *b,
                       struct err *err) {
    struct str frames[WIN_STACK_FRAMES_MAX + 1];
    uint32_t count = 0;
    for (struct str line; count < WIN_STACK_FRAMES_MAX + 1 && str_next_line(&text, &line);)
        frames[count++] = line;
    return builder_strings(b, frames, count, &row->native_frames, err);
}

/*
 * Was the thread executing code of its own, or inside a system call? System calls are made by ntdll
 * and win32u only, by an instruction that stands just before where the thread comes back.
 */
static void say_mode(struct space *s, const struct space_thread *thread, struct thread_row *row) {
    const struct peek memory = peek_of_space(s);
    bool is_call;
    if (!s->arch->is_system_call || !thread->register_count || row->user_mode != ABSENT)
        return;
    const struct space_module *module = space_module_at(s, thread->ip);
    struct str name = module ? str_file_name(str_of(module->path)) : STR("");
    if (!str_eq_nocase(name, STR("ntdll.dll")) && !str_eq_nocase(name, STR("win32u.dll"))) {
        row->user_mode = 1;
        return;
    }
    if (s->arch->is_system_call(&memory, thread->ip, &is_call))
        row->user_mode = !is_call;
}

static bool minidump_input_add_stacks(struct space *s, const struct minidump_info *info,
                                      struct builder *b, struct err *err) {
    struct win_stacks stacks;
    struct strbuf text;
    uint32_t cut_count = 0;
    bool ok = win_stacks_init(&stacks, s, err);
    strbuf_init(&text);
    for (uint32_t i = 0; ok && i < s->thread_count; i++) {
        bool cut;
        struct thread_row *row = builder_thread(b, s->threads[i].os_id, ABSENT, err);
        ok = row && say_exception(info, &s->threads[i], row, b, err) &&
             win_stack_read(&stacks, &s->threads[i], &text, &cut, err) &&
             say_frames(row, strbuf_str(&text), b, err);
        cut_count += ok && cut;
        if (ok)
            say_mode(s, &s->threads[i], row);
        if (ok && row->index == ABSENT)
            row->index = i;
        if (ok && info->threads[i].exit_ns != MDMP_ABSENT && !row->state)
            ok = (row->state = builder_string(b, STR(LIFE_EXITED), err)) != NULL;
    }
    strbuf_deinit(&text);
    if (ok && cut_count) {
        builder_note(b, "native stacks of %u of %u thread%s end early: no unwind data in the dump",
                     cut_count, s->thread_count, plural(s->thread_count));
        builder_absent(b, PART_BIT(PART_THREADS), ASPECT_NATIVE_FRAMES, cut_count,
                       "native stacks end early: no unwind data in the dump");
    }
    return ok;
}

/* -- Modules, handles, counters ---------------------------------------------------------------- */

static bool say_module(const struct space_module *module, struct module_row *row, struct builder *b,
                       struct err *err) {
    struct str path = str_of(module->path);
    char id[24];
    int n = snprintf(id, sizeof(id), "%08X%x", module->timestamp, module->image_size);
    struct str identity = module->build_id ? str_of(module->build_id) : (struct str){id, (size_t)n};
    row->name = builder_string(b, str_file_name(path), err);
    row->path = builder_string(b, path, err);
    row->id = builder_string(b, identity, err);
    row->base = module->base;
    row->size = module->end - module->base;
    if (module->version && !(row->version = builder_string(b, str_of(module->version), err)))
        return false;
    return row->name && row->path && row->id;
}

/* Adds to rows of the managed reader what the module list knows, and the modules it has not. */
static bool add_modules(const struct space *s, struct builder *b, struct err *err) {
    struct u64map by_base;
    u64map_init(&by_base);
    uint32_t count;
    const struct module_row *rows = builder_rows(b, PART_MODULES, &count);
    bool ok = true;
    for (uint32_t i = 0; ok && i < count; i++)
        if (rows[i].base != ABSENT)
            ok = u64map_put(&by_base, rows[i].base, i) || err_nomem(err);
    for (uint32_t i = 0; ok && i < s->module_count; i++) {
        uint32_t at = u64map_get(&by_base, s->modules[i].base), n;
        struct module_row *row = at == STRMAP_NONE
                                     ? builder_row(b, PART_MODULES, err)
                                     : (struct module_row *)builder_rows(b, PART_MODULES, &n) + at;
        ok = row && say_module(&s->modules[i], row, b, err);
    }
    u64map_deinit(&by_base);
    return ok;
}

#define UNLOADED_NAMED 8u

/* The last modules that were unloaded; the list has one as often as it came and went. */
static void say_unloaded(const struct minidump_info *info, struct builder *b) {
    struct strbuf names;
    uint32_t count = info->unloaded_count;
    strbuf_init(&names);
    for (uint32_t i = 0; i < count && i < UNLOADED_NAMED; i++)
        strbuf_addf(&names, "%s%s", i ? ", " : "",
                    info->unloaded[i].name ? info->unloaded[i].name : "?");
    if (count && !strbuf_failed(&names))
        builder_note(b, "%u module%s unloaded: %s%s", count, count == 1 ? " was" : "s were",
                     strbuf_cstr(&names), count > UNLOADED_NAMED ? ", ..." : "");
    strbuf_deinit(&names);
}

static bool minidump_input_add_handles(const struct minidump_info *info, struct builder *b,
                                       struct err *err) {
    if (!info->has_handles) {
        builder_absent(b, PART_BIT(PART_OS_HANDLES), ASPECT_ALL, ABSENT,
                       "the dump was taken without handles");
        return true;
    }
    builder_present(b, PART_OS_HANDLES);
    for (uint32_t i = 0; i < info->handle_type_count; i++) {
        struct os_handle_row *row = builder_row(b, PART_OS_HANDLES, err);
        if (!row)
            return false;
        row->count = info->handle_types[i].count;
        row->type = builder_string(b, str_of(info->handle_types[i].type), err);
        if (!row->type)
            return false;
    }
    return true;
}

static bool minidump_input_add_counters(const struct minidump_info *info, struct builder *b,
                                        struct err *err) {
    const struct {
        const char *name;
        uint64_t value;
        const char *unit;
    } counters[] = {
        {"process.user_time", info->user_ns, "ns"},
        {"process.kernel_time", info->kernel_ns, "ns"},
        {"process.handles", info->has_handles ? info->handle_count : MDMP_ABSENT, "count"},
        {"process.page_faults", info->counters.page_faults, "count"},
        {COUNTER_WORKING_SET, info->counters.working_set, "bytes"},
        {"process.peak_working_set", info->counters.peak_working_set, "bytes"},
        {"process.private_working_set", info->counters.private_working_set, "bytes"},
        {COUNTER_PRIVATE_BYTES, info->counters.private_usage, "bytes"},
        {"process.pagefile", info->counters.pagefile, "bytes"},
        {"process.peak_pagefile", info->counters.peak_pagefile, "bytes"},
        {COUNTER_VIRTUAL_SIZE, info->counters.virtual_size, "bytes"},
        {"process.peak_virtual_size", info->counters.peak_virtual, "bytes"},
        {"process.shared_commit", info->counters.shared_commit, "bytes"},
        {"modules.unloaded", info->unloaded_count ? info->unloaded_count : MDMP_ABSENT, "count"},
    };
    for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++)
        if (counters[i].value != MDMP_ABSENT &&
            !builder_counter(b, counters[i].name, counters[i].value, counters[i].unit, err))
            return false;
    return true;
}

/* -- All of it --------------------------------------------------------------------------------- */

static bool minidump_input_fill(struct space *s, const struct minidump_info *info,
                                const struct source *source, struct builder *b, struct err *err) {
    s->symbols = source->options->symbols;
    s->sysroot = source->options->sysroot;
    s->file = source->file;
    const struct dotnet_options managed = {.symbols = source->options->symbols,
                                           .sysroot = source->options->sysroot,
                                           .no_paths = source->options->no_paths,
                                           .max_memory = source->options->max_memory,
                                           .places = source->options->places,
                                           .contents = source->options->contents,
                                           .answers = source->options->answers};
    for (uint32_t i = 0; i < info->note_count; i++)
        builder_note(b, "%s: %" PRIu64, info->notes[i].text, info->notes[i].count);
    say_unloaded(info, b);
    return minidump_input_say_origin(s, info, b, err) &&
           dump_read_thread_times(s, source->path, source->options, b, err) &&
           dump_add_threads(s, b, err) && dotnet_read(s, b, &managed, err) &&
           dump_add_evidence(s, b, err) && dump_name_threads(s, b, err) &&
           minidump_input_add_stacks(s, info, b, err) && add_modules(s, b, err) &&
           dump_add_memory_use(s, b, err) && minidump_add_map(s, info, b, err) &&
           minidump_input_add_handles(info, b, err) && minidump_input_add_counters(info, b, err);
}

static bool read_minidump(struct source *source, struct builder *b, struct err *err) {
    struct space space;
    struct minidump_info *info = NULL;
    space_init(&space);
    bool ok = minidump_open(&space, source->bytes, &info, err) &&
              minidump_input_fill(&space, info, source, b, err);
    dump_pass_warnings(&space, b);
    space_deinit(&space);
    return ok;
}

const struct input input_minidump = {
    .name = "minidump",
    .whole = true,
    .summary =
        "Windows minidump: procdump, dotnet-dump, Task Manager, WER; .NET 8 to 11 (x64), 10 (x86)",
    .may_give = PART_BIT(PART_ORIGIN) | PART_BIT(PART_TYPES) | PART_BIT(PART_HEAPS) |
                PART_BIT(PART_REGIONS) | PART_BIT(PART_GC) | PART_BIT(PART_FINALIZER) |
                PART_BIT(PART_FINALIZABLE) | PART_BIT(PART_THREADS) | PART_BIT(PART_LOCKS) |
                PART_BIT(PART_HANDLES) | PART_BIT(PART_MEMORY_MAP) | PART_BIT(PART_MODULES) |
                PART_BIT(PART_COUNTERS) | PART_BIT(PART_LIVE) | PART_BIT(PART_PATHS) |
                PART_BIT(PART_PLACES) | PART_BIT(PART_CALLBACKS) | PART_BIT(PART_WAITS) |
                PART_BIT(PART_ASYNC) | PART_BIT(PART_EXCEPTIONS) | PART_BIT(PART_WORK) |
                PART_BIT(PART_REQUESTS) | PART_BIT(PART_OS_HANDLES) | PART_BIT(PART_NATIVE_HEAPS),
    .probe = minidump_probe,
    .read = read_minidump,
};
