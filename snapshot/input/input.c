#include "input/input.h"

#include "base/file.h"
#include "base/os/os.h"
#include "dotnet/managed_frames.h"
#include "input/argument.h"
#include "input/dump/live_process.h"
#include "input/foreign.h"
#include "input/log/transcript.h"
#include "memory/stacks/native_stacks.h"
#include "memory/unpack/unpack.h"
#include "model/rows_heap.h"
#include "model/snapfile.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

extern const struct input input_snap;
extern const struct input input_elf_core;
extern const struct input input_minidump;
extern const struct input input_gcdump;
extern const struct input input_hprof;
extern const struct input input_heapsnapshot;
extern const struct input input_heapprofile;
extern const struct input input_heaptrack;
extern const struct input input_massif;
extern const struct input input_dhat;
extern const struct input input_memcheck_xml;
extern const struct input input_counters;
extern const struct input input_thread_times;
extern const struct input input_jemalloc;
extern const struct input input_gperftools;
extern const struct input input_pprof;

const struct input *const inputs[] = {
    &input_snap,
    &input_elf_core,
    &input_minidump,
    &input_gcdump,
    &input_hprof,
    &input_heapsnapshot,
    &input_heapprofile,
    &input_heaptrack,
    &input_massif,
    &input_dhat,
    &input_memcheck_xml,
    &input_counters,
    &input_thread_times,
    &input_jemalloc,
    &input_gperftools,
    &input_pprof,
    /* last: takes any text */
    &input_transcript,
    NULL,
};

static const struct input *input_probe(struct bytes head) {
    for (size_t i = 0; inputs[i]; i++)
        if (inputs[i]->probe(head))
            return inputs[i];
    return NULL;
}

/* What stands in origin.format: names joined by '+', each once. */
static bool say_format(struct builder *b, const char *name, struct err *err) {
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!origin)
        return false;
    if (origin->format && strstr(origin->format, name))
        return true;
    struct strbuf joined;
    strbuf_init(&joined);
    if (origin->format)
        strbuf_addf(&joined, "%s+", origin->format);
    strbuf_adds(&joined, name);
    const char *copy = strbuf_ok(&joined, err) ? builder_string(b, strbuf_str(&joined), err) : NULL;
    strbuf_deinit(&joined);
    if (!copy)
        return false;
    origin->format = copy;
    return true;
}

bool input_read_source(struct source *source, const struct input *format, struct builder *b,
                       struct err *err) {
    struct bytes head = bytes_slice(source->bytes, 0, INPUT_PROBE_BYTES);
    if (source->bytes.size == 0)
        return err_set(err, ERR_FORMAT, "is empty");
    if (!format)
        format = input_probe(head);
    const char *foreign =
        !format || format == &input_transcript ? foreign_kind(head, source->path) : NULL;
    if (foreign)
        return err_set(err, ERR_UNSUPPORTED, "%s", foreign);
    if (!format)
        return err_set(err, ERR_FORMAT,
                       "is no dump and no text that dumpdiff knows (see `dumpdiff list formats`)");
    builder_from(b, str_of(source->path));
    if (!format->read(source, b, err))
        return false;
    return format == &input_snap || say_format(b, format->name, err);
}

static bool input_set_label(struct builder *b, const struct input_options *options,
                            struct err *err) {
    if (!options->label)
        return true;
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!origin)
        return false;
    origin->label = builder_string(b, str_of(options->label), err);
    return origin->label != NULL;
}

static struct builder *input_begin(struct snapshot *snapshot, const struct input_options *options,
                                   struct err *err) {
    struct builder *b = builder_new(snapshot, err);
    if (b)
        builder_choose(b, options->moment ? options->moment - 1 : ABSENT);
    return b;
}

bool input_finish(struct builder *b, struct err *err) {
    return managed_frames_tell(b, err) && os_frames_tell(b, err) && builder_finish(b, err);
}

static bool end(struct builder *b, const struct input_options *options, bool ok, struct err *err) {
    ok = ok && input_finish(b, err) && input_set_label(b, options, err);
    builder_free(b);
    return ok;
}

/* What is no file would block, or do something, when it is opened. */
static void drop_special(struct argument_files *files, struct builder *b) {
    size_t kept = 0;
    for (size_t i = 0; i < files->count; i++) {
        if (file_is_special(files->paths[i])) {
            builder_note(b, "%s: is no file, and was passed over",
                         str_behind_last(str_of(files->paths[i]), '/').ptr);
            free(files->paths[i]);
        } else {
            files->paths[kept++] = files->paths[i];
        }
    }
    files->count = kept;
}

static bool list_files(struct argument_files *files, const char *argument, struct builder *b,
                       struct err *err) {
    if (!argument_files(files, argument, err))
        return false;
    bool any = files->count;
    if (files->is_folder)
        drop_special(files, b);
    if (files->count == 0)
        return err_set(err, ERR_IO, any ? "folder holds no file" : "folder is empty");
    if (files->count > INPUT_FILES_MAX)
        return err_set(err, ERR_LIMIT, "more than %u files for one dump", INPUT_FILES_MAX);
    return true;
}

/* What is read of an argument, so far. */
struct reading {
    struct argument_files files;
    const char *argument;
    const char *whole; /* the file that is all of a dump; NULL: none yet */
};

/* Whatever was read of it, the rest would have told more. */
static void input_say_damaged(struct builder *b) {
    static const char why[] = "the compressed file is cut or damaged";
    uint64_t parts =
        builder_snapshot(b)->parts & ~(PART_BIT(PART_ORIGIN) | PART_BIT(PART_REASONS) |
                                       PART_BIT(PART_COUNTERS) | PART_BIT(PART_ABSENCES));
    builder_absent(b, parts, ASPECT_ROWS, ABSENT, "%s", why);
    builder_absent(b, parts & PART_BIT(PART_FINALIZER), ASPECT_READY, 0, "%s", why);
}

bool input_is_of_no_kind(const char *path) {
    struct file file;
    struct unpack_report report;
    if (!file_open(&file, path, NULL))
        return false; /* a folder, or not to be read */
    struct bytes head = {NULL, 0};
    if (unpack_file(&file, NULL, &report, NULL))
        head = bytes_slice(file.bytes, 0, INPUT_PROBE_BYTES);
    const struct input *format = input_probe(head);
    bool none = !report.damaged && (!format || format == &input_transcript);
    file_close(&file);
    return none;
}

/* Two dumps are never added up: what both hold would be there twice. */
static bool is_only_one(struct reading *r, const char *path, struct bytes bytes, struct err *err) {
    const struct input *format = input_probe(bytes_slice(bytes, 0, INPUT_PROBE_BYTES));
    if (!format || !format->whole)
        return true;
    if (r->whole && r->files.is_folder)
        return err_set(err, ERR_USAGE,
                       "is a second dump in the folder: `dumpdiff diff --series %s`", r->argument);
    if (r->whole)
        return err_set(err, ERR_USAGE, "is a second dump: `dumpdiff diff %s %s`", r->whole, path);
    r->whole = path;
    return true;
}

static bool read_file(const char *path, struct builder *b, struct reading *r,
                      const struct input_options *options, struct err *err) {
    struct file file;
    if (!file_open(&file, path, err))
        return err_prefix(err, "%s", path);
    struct unpack_report report;
    const struct unpack_limits limits = {.memory_most = options->max_memory};
    bool ok = unpack_file(&file, &limits, &report, err);
    struct source source = {path, file.bytes, &file, options};
    if (ok && report.damaged)
        builder_warn(b, file.bytes.size,
                     "compressed file is cut or damaged (%s): read what comes "
                     "before",
                     report.why);
    if (ok && r->files.count > 1 && snapfile_probe(file.bytes))
        ok = err_set(err, ERR_USAGE,
                     "a .snap file is a whole snapshot and cannot be joined with other files");
    ok = ok && is_only_one(r, path, file.bytes, err) && input_read_source(&source, NULL, b, err);
    if (ok && report.damaged)
        input_say_damaged(b);
    file_close(&file);
    return ok || err_prefix(err, "%s", path);
}

bool input_read(const char *argument, const struct input_options *options,
                struct snapshot *snapshot, struct err *err) {
    struct reading r = {.argument = argument};
    struct builder *b = input_begin(snapshot, options, err);
    bool ok = b != NULL;
    if (ok && !list_files(&r.files, argument, b, err))
        ok = err_prefix(err, "%s", argument);
    for (size_t i = 0; ok && i < r.files.count; i++)
        ok = read_file(r.files.paths[i], b, &r, options, err);
    argument_files_free(&r.files);
    return end(b, options, ok, err);
}

static bool read_process_once(uint64_t pid, const struct input_options *options,
                              struct snapshot *snapshot, struct err *err) {
    struct builder *b = builder_new(snapshot, err);
    if (!b)
        return false;
    builder_from(b, STR("live process"));
    bool ok = live_read(pid, options, b, err) && say_format(b, "live", err);
    return end(b, options, ok, err);
}

/* A collection that runs at that moment ends soon: it is tried again for so long. */
#define RETRY_FOR_NS   UINT64_C(2000000000)
#define RETRY_AFTER_NS 20000000

bool input_read_process(uint64_t pid, const struct input_options *options,
                        struct snapshot *snapshot, struct err *err) {
    uint64_t end_ns = live_read_clock_ns() + RETRY_FOR_NS;
    for (;;) {
        if (!read_process_once(pid, options, snapshot, err))
            return false;
        const struct gc_row *gc = snapshot_row(snapshot, PART_GC);
        if (!gc || gc->in_progress != 1 || live_read_clock_ns() >= end_ns)
            return true;
        snapshot_deinit(snapshot);
        snapshot_init(snapshot);
        os_sleep_ns(RETRY_AFTER_NS);
    }
}
