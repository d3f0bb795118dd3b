#include "input/dump/dump.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/os/os.h"
#include "dotnet/dotnet.h"
#include "input/argument.h"
#include "input/dump/moving.h"
#include "memory/arch/arch.h"
#include "memory/evidence.h"
#include "memory/live/live.h"
#include "memory/memory_use.h"
#include "memory/stacks/native_stacks.h"
#include "memory/threads_file.h"
#include "memory/unpack/unpack.h"
#include "model/snapshot.h"
#include "model/rows_origin.h"
#include "model/rows_process.h"
#include "model/rows_threads.h"

#include <stdlib.h>
#include <string.h>

static bool dump_say(struct builder *b, const char **field, const char *value, const char *what,
                     struct err *err) {
    return !value || builder_say_string(b, field, str_of(value), what, err);
}

bool dump_say_origin(const struct space *s, struct builder *b, struct err *err) {
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!origin)
        return false;
    if (s->pid != UINT64_MAX)
        builder_say(b, &origin->pid, s->pid, "process id");
    if (s->arch->name)
        builder_say(b, &origin->pointer_bytes, s->arch->pointer_bytes, "pointer size");
    else if (s->kind == SPACE_ELF_CORE)
        builder_say(b, &origin->pointer_bytes, 8, "pointer size"); /* no others are opened */
    return dump_say(b, &origin->process, s->process, "process name", err) &&
           dump_say(b, &origin->arch, s->arch->name ? s->arch->name : s->processor, "architecture",
                    err) &&
           dump_say(b, &origin->tool, s->tool, "tool", err);
}

/* -- Thread times ------------------------------------------------------------------------------ */

static bool apply_thread_times(struct space *s, const char *path, struct builder *b,
                               struct err *err) {
    struct file file;
    if (!file_open(&file, path, err))
        return false;
    struct unpack_report report;
    struct threads_file times;
    bool ok = unpack_file(&file, NULL, &report, err);
    if (ok) {
        struct str text = {(const char *)file.bytes.data, file.bytes.size};
        uint32_t matched = 0;
        ok = threads_file_read(&times, text, err) && threads_file_apply(&times, s, &matched, err);
        if (ok && matched == 0 && s->thread_count)
            ok = err_set(err, ERR_FORMAT, "knows none of the dump's %u threads", s->thread_count);
        if (ok && times.bad_lines)
            builder_warn(b, times.bad_lines,
                         "lines of the thread times are none of stat, "
                         "schedstat or status");
        threads_file_close(&times);
    }
    file_close(&file);
    return ok;
}

/* *ret_path: the first that can be read, to be freed; NULL: none. */
static bool find_beside(const char *path, char **ret_path, struct err *err) {
    for (uint32_t i = 0; argument_beside(path, i, ret_path, err); i++) {
        if (!*ret_path || os_may_read(*ret_path))
            return true;
        free(*ret_path);
    }
    return false;
}

bool dump_read_thread_times(struct space *s, const char *path, const struct input_options *options,
                            struct builder *b, struct err *err) {
    if (options->threads_file)
        return apply_thread_times(s, options->threads_file, b, err) ||
               err_prefix(err, "thread times %s", options->threads_file);
    char *beside = NULL;
    if (path && strcmp(path, "-") != 0 && !find_beside(path, &beside, err))
        return false;
    if (!beside)
        return true;
    struct err why;
    bool special = file_is_special(beside);
    if (special)
        err_set(&why, ERR_IO, "are no file");
    bool ok = !special && apply_thread_times(s, beside, b, &why);
    if (!ok && why.code == ERR_NOMEM)
        *err = why;
    else if (!ok)
        builder_warn(b, ABSENT, "thread times beside the dump were not used: %s", why.msg);
    free(beside);
    return ok || why.code != ERR_NOMEM;
}

/* -- Threads ----------------------------------------------------------------------------------- */

/* Was it warned of threads that could not be read? */
static bool threads_are_lost(const struct space *s) {
    for (uint32_t i = 0; i < s->warning_count; i++)
        if (s->warnings[i].parts & PART_BIT(PART_THREADS))
            return true;
    return false;
}

/* What the notes or streams about threads do not hold. */
static void say_absences(const struct space *s, struct builder *b) {
    uint32_t timed = 0, registers = 0;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        timed += s->threads[i].user_ns != UINT64_MAX || s->threads[i].kernel_ns != UINT64_MAX;
        registers += s->threads[i].register_count != 0;
    }
    /* The runtime may know its own: these are not all. */
    for (int aspect = ASPECT_ALL; !s->thread_count && aspect < ASPECT_COUNT; aspect++)
        if (aspect == ASPECT_ALL || (aspect == ASPECT_ROWS && !threads_are_lost(s)) ||
            aspect == ASPECT_CPU_TIMES || aspect == ASPECT_EVIDENCE ||
            aspect == ASPECT_NATIVE_FRAMES)
            builder_absent(b, PART_BIT(PART_THREADS), (enum aspect)aspect, ABSENT,
                           "the dump lists no threads");
    if (timed < s->thread_count)
        builder_absent(b, PART_BIT(PART_THREADS), ASPECT_CPU_TIMES, s->thread_count - timed,
                       "none are in the dump (give a file of them with --threads)");
    if (registers < s->thread_count)
        builder_absent(b, PART_BIT(PART_THREADS), ASPECT_EVIDENCE, s->thread_count - registers,
                       "registers of threads are not in the dump");
}

bool dump_add_threads(struct space *s, struct builder *b, struct err *err) {
    say_absences(s, b);
    if (s->thread_count)
        builder_present(b, PART_THREADS);
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct space_thread *t = &s->threads[i];
        struct thread_row *row = builder_thread(b, t->os_id, ABSENT, err);
        if (!row)
            return false;
        /* Both use UINT64_MAX for what was not recorded. */
        row->user_ns = t->user_ns;
        row->kernel_ns = t->kernel_ns;
        row->elapsed_ns = t->elapsed_ns;
        row->start_time_ns = t->start_time;
        row->switches = t->switches;
        row->run_delay_ns = t->run_delay_ns;
        if (t->user_ns == UINT64_MAX && t->kernel_ns == UINT64_MAX)
            row->cpu_recorded = 0;
    }
    if (s->leader_time_is_rest)
        builder_note(b, "CPU time of the main thread is what the process used less its other "
                        "threads; threads that had ended are still in it");
    return true;
}

bool dump_add_evidence(struct space *s, struct builder *b, struct err *err) {
    struct evidence_moving moving;
    if (!moving_find(s, &moving, err))
        return false;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        struct thread_row *row = builder_thread(b, s->threads[i].os_id, ABSENT, err);
        if (!row)
            return false;
        evidence_fill(s, &s->threads[i], &moving, row);
    }
    return true;
}

bool dump_name_threads(const struct space *s, struct builder *b, struct err *err) {
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct space_thread *t = &s->threads[i];
        if (!t->name)
            continue;
        struct thread_row *row = builder_thread(b, t->os_id, ABSENT, err);
        if (!row)
            return false;
        if (!row->name && !(row->name = builder_string(b, str_of(t->name), err)))
            return false;
    }
    return true;
}

/* native_frames of PART_THREADS, for threads that have none yet. */
static bool dump_add_native_frames(struct space *s, struct builder *b, struct err *err) {
    struct native_stack *stacks;
    uint32_t missing;
    if (!native_frames_read(s, &stacks, &missing, err))
        return false;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        struct thread_row *row = builder_thread(b, s->threads[i].os_id, ABSENT, err);
        struct str frames[NATIVE_FRAMES_MAX];
        if (!row)
            return false;
        for (uint32_t k = 0; k < stacks[i].count; k++)
            frames[k] = str_of(stacks[i].frames[k]);
        if (row->native_frames.count == 0 && stacks[i].count &&
            !builder_strings(b, frames, stacks[i].count, &row->native_frames, err))
            return false;
    }
    if (missing) {
        builder_note(b, "native stacks of %u of %u threads could not be unwound", missing,
                     s->thread_count);
        builder_absent(b, PART_BIT(PART_THREADS), ASPECT_NATIVE_FRAMES, missing,
                       "native stacks could not be unwound");
    }
    return true;
}

/* Keeps what is still needed of a live process, and lets it go on. */
static bool let_go(struct space *s, bool stacks, struct builder *b, struct err *err) {
    if (s->kind != SPACE_LIVE)
        return true;
    if (stacks && !native_frames_capture(s, err))
        return false;
    uint64_t stood_ns = live_resume(s);
    builder_note(b, "process stood still for %llu ms",
                 (unsigned long long)((stood_ns + 999999) / 1000000));
    return true;
}

/* -- Modules and memory ------------------------------------------------------------------------ */

static bool dump_add_module(const struct space_module *m, struct builder *b, struct err *err) {
    struct module_row *row = builder_row(b, PART_MODULES, err);
    if (!row)
        return false;
    row->name = builder_string(b, str_behind_last(str_of(m->path), '/'), err);
    row->path = builder_string(b, str_of(m->path), err);
    row->base = m->base;
    row->size = m->end - m->base;
    char id[20];
    const char *text = m->build_id;
    if (!text && (m->timestamp || m->image_size)) {
        struct strbuf hex;
        strbuf_init(&hex);
        strbuf_addf(&hex, "%08X%x", m->timestamp, m->image_size);
        size_t n = hex.len < sizeof(id) ? hex.len : sizeof(id) - 1;
        memcpy(id, strbuf_cstr(&hex), n);
        id[n] = '\0';
        strbuf_deinit(&hex);
        text = id;
    }
    if (text && !(row->id = builder_string(b, str_of(text), err)))
        return false;
    return row->name && row->path;
}

/* PART_MODULES: images that are not there yet by their path, each path once. */
static bool dump_add_modules(const struct space *s, struct builder *b, struct err *err) {
    struct strmap known;
    strmap_init(&known);
    uint32_t count;
    const struct module_row *rows = builder_rows(b, PART_MODULES, &count);
    bool ok = true;
    for (uint32_t i = 0; ok && i < count; i++) {
        struct str path = str_of(rows[i].path);
        if (path.len && strmap_get(&known, path, STR("")) == STRMAP_NONE)
            ok = strmap_put(&known, path, STR(""), i) || err_nomem(err);
    }
    for (uint32_t i = 0; ok && i < s->module_count; i++) {
        struct str path = str_of(s->modules[i].path);
        if (path.len == 0 || strmap_get(&known, path, STR("")) != STRMAP_NONE)
            continue; /* a library is mapped once to be read and once more to run */
        ok = (strmap_put(&known, path, STR(""), i) || err_nomem(err)) &&
             dump_add_module(&s->modules[i], b, err);
    }
    strmap_deinit(&known);
    return ok;
}

bool dump_add_memory_use(struct space *s, struct builder *b, struct err *err) {
    struct memory_use uses[USE_COUNT];
    if (s->mapping_count == 0) {
        builder_absent(b, PART_BIT(PART_MEMORY_MAP), ASPECT_ALL, ABSENT,
                       "the dump does not list what was mapped");
        return true;
    }
    if (!memory_use_sum(s, uses, err))
        return false;
    for (int i = 0; i < USE_COUNT; i++) {
        if (uses[i].regions == 0)
            continue;
        struct memory_row *row = builder_row(b, PART_MEMORY_MAP, err);
        if (!row)
            return false;
        row->by = MEMORY_BY_USAGE;
        row->key = builder_string(b, str_of(space_use_names[i]), err);
        row->regions = uses[i].regions;
        row->bytes = uses[i].bytes;
        row->private_bytes = uses[i].held;
        if (!row->key)
            return false;
    }
    return true;
}

/* -- All of it --------------------------------------------------------------------------------- */

void dump_pass_warnings(const struct space *s, struct builder *b) {
    for (uint32_t i = 0; i < s->warning_count; i++)
        builder_lacks(b, s->warnings[i].parts, ASPECT_ROWS, s->warnings[i].count, "%s",
                      s->warnings[i].text);
}

bool dump_read_space(struct space *s, const char *path, const struct input_options *options,
                     struct builder *b, struct err *err) {
    s->symbols = options->symbols;
    s->sysroot = options->sysroot;
    const struct dotnet_options managed = {.symbols = options->symbols,
                                           .sysroot = options->sysroot,
                                           .no_paths = options->no_paths,
                                           .max_memory = options->max_memory,
                                           .places = options->places,
                                           .contents = options->contents,
                                           .answers = options->answers};
    bool stacks = !options->no_native_stacks;
    bool ok = dump_say_origin(s, b, err) && dump_read_thread_times(s, path, options, b, err) &&
              dump_add_threads(s, b, err) && dotnet_read(s, b, &managed, err) &&
              dump_add_evidence(s, b, err) && let_go(s, stacks, b, err) &&
              dump_name_threads(s, b, err) && (!stacks || dump_add_native_frames(s, b, err)) &&
              dump_add_modules(s, b, err) && dump_add_memory_use(s, b, err);
    if (!stacks)
        builder_absent(b, PART_BIT(PART_THREADS), ASPECT_NATIVE_FRAMES, ABSENT, "not looked for");
    dump_pass_warnings(s, b);
    return ok;
}
