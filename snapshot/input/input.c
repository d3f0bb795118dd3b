#include "input/input.h"

#include "base/file.h"
#include "dotnet/managed_frames.h"
#include "input/dump/live_process.h"
#include "input/foreign.h"
#include "input/log/transcript.h"
#include "memory/stacks/native_stacks.h"
#include "memory/unpack/unpack.h"
#include "model/snapfile.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

extern const struct input input_snap;
extern const struct input input_elf_core;
extern const struct input input_minidump;
extern const struct input input_gcdump;
extern const struct input input_hprof;
extern const struct input input_heaptrack;
extern const struct input input_massif;
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
    &input_heaptrack,
    &input_massif,
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

/* The files that an argument stands for. */
struct file_list {
    char *names[INPUT_FILES_MAX];
    size_t count;
    const char *folder; /* the argument where it is one; borrowed */
    const char *whole;  /* the file of them that is all of a dump; NULL: none yet */
};

static bool input_list_add(struct file_list *list, const char *folder, const char *name,
                           size_t name_length, struct err *err) {
    if (list->count == INPUT_FILES_MAX)
        return err_set(err, ERR_LIMIT, "more than %u files for one dump", INPUT_FILES_MAX);
    struct strbuf path;
    strbuf_init(&path);
    if (folder)
        strbuf_addf(&path, "%s/", folder);
    strbuf_add(&path, (struct str){name, name_length});
    if (strbuf_failed(&path) || !path.ptr) {
        strbuf_deinit(&path);
        return err_nomem(err);
    }
    list->names[list->count++] = path.ptr;
    return true;
}

static int input_cmp_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What is no file would block, or do something, when it is opened. */
static void drop_special(struct file_list *list, struct builder *b) {
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (file_is_special(list->names[i])) {
            builder_note(b, "%s: is no file, and was passed over",
                         str_behind_last(str_of(list->names[i]), '/').ptr);
            free(list->names[i]);
        } else {
            list->names[kept++] = list->names[i];
        }
    }
    list->count = kept;
}

static bool list_folder(struct file_list *list, const char *path, struct builder *b,
                        struct err *err) {
    list->folder = path;
    DIR *dir = opendir(path);
    if (!dir)
        return err_set(err, ERR_IO, "cannot open folder: %s", strerror(errno));
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(dir));) {
        if (entry->d_name[0] != '.')
            ok = input_list_add(list, path, entry->d_name, strlen(entry->d_name), err);
    }
    closedir(dir);
    /* By name: the order in which a file system lists its files must not show. */
    if (list->count)
        qsort(list->names, list->count, sizeof(*list->names), input_cmp_names);
    bool any = list->count;
    drop_special(list, b);
    if (ok && list->count == 0)
        return err_set(err, ERR_IO, any ? "folder holds no file" : "folder is empty");
    return ok;
}

static bool list_files(struct file_list *list, const char *argument, struct builder *b,
                       struct err *err) {
    struct stat st;
    if (strcmp(argument, "-") != 0 && stat(argument, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return list_folder(list, argument, b, err);
        return input_list_add(list, NULL, argument, strlen(argument), err);
    }
    const char *rest = argument;
    for (const char *plus; (plus = strchr(rest, '+')); rest = plus + 1)
        if (plus != rest && !input_list_add(list, NULL, rest, (size_t)(plus - rest), err))
            return false;
    if (*rest && !input_list_add(list, NULL, rest, strlen(rest), err))
        return false;
    return list->count || err_set(err, ERR_IO, "names no file");
}

/* Whatever was read of it, the rest would have told more. */
static void input_say_damaged(struct builder *b) {
    static const char why[] = "the compressed file is cut or damaged";
    uint32_t parts =
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
static bool is_only_one(struct file_list *list, const char *path, struct bytes bytes,
                        struct err *err) {
    const struct input *format = input_probe(bytes_slice(bytes, 0, INPUT_PROBE_BYTES));
    if (!format || !format->whole)
        return true;
    if (list->whole && list->folder)
        return err_set(err, ERR_USAGE,
                       "is a second dump in the folder: `dumpdiff diff --series %s`", list->folder);
    if (list->whole)
        return err_set(err, ERR_USAGE, "is a second dump: `dumpdiff diff %s %s`", list->whole,
                       path);
    list->whole = path;
    return true;
}

static bool read_file(const char *path, struct builder *b, struct file_list *list,
                      const struct input_options *options, struct err *err) {
    struct file file;
    if (!file_open(&file, path, err))
        return err_prefix(err, "%s", path);
    struct unpack_report report;
    bool ok = unpack_file(&file, NULL, &report, err);
    struct source source = {path, file.bytes, &file, options};
    if (ok && report.damaged)
        builder_warn(b, file.bytes.size,
                     "compressed file is cut or damaged (%s): read what comes "
                     "before",
                     report.why);
    if (ok && list->count > 1 && snapfile_probe(file.bytes))
        ok = err_set(err, ERR_USAGE,
                     "a .snap file is a whole snapshot and cannot be joined with other files");
    ok = ok && is_only_one(list, path, file.bytes, err) && input_read_source(&source, NULL, b, err);
    if (ok && report.damaged)
        input_say_damaged(b);
    file_close(&file);
    return ok || err_prefix(err, "%s", path);
}

bool input_read(const char *argument, const struct input_options *options,
                struct snapshot *snapshot, struct err *err) {
    struct file_list list = {.count = 0};
    struct builder *b = input_begin(snapshot, options, err);
    bool ok = b != NULL;
    if (ok && !list_files(&list, argument, b, err))
        ok = err_prefix(err, "%s", argument);
    for (size_t i = 0; ok && i < list.count; i++)
        ok = read_file(list.names[i], b, &list, options, err);
    for (size_t i = 0; i < list.count; i++)
        free(list.names[i]);
    return end(b, options, ok, err);
}

bool input_read_process(uint64_t pid, const struct input_options *options,
                        struct snapshot *snapshot, struct err *err) {
    struct builder *b = builder_new(snapshot, err);
    if (!b)
        return false;
    builder_from(b, STR("live process"));
    bool ok = live_read(pid, options, b, err) && say_format(b, "live", err);
    return end(b, options, ok, err);
}
