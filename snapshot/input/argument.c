#include "input/argument.h"

#include "base/os/os.h"
#include "base/vec.h"

#include <errno.h>
#include <stdlib.h>

/* -- The files of an argument ------------------------------------------------------------------ */

static bool argument_add(struct argument_files *files, const char *folder, struct str name,
                         struct err *err) {
    struct strbuf path;
    if (!VEC_ROOM(files->paths, files->count, files->capacity, err))
        return false;
    strbuf_init(&path);
    if (folder)
        strbuf_addf(&path, "%s/", folder);
    strbuf_add(&path, name);
    if (!strbuf_ok(&path, err)) {
        strbuf_deinit(&path);
        return false;
    }
    files->paths[files->count++] = path.ptr;
    return true;
}

void argument_files_free(struct argument_files *files) {
    for (size_t i = 0; i < files->count; i++)
        free(files->paths[i]);
    free(files->paths);
    *files = (struct argument_files){.paths = NULL};
}

static int argument_cmp_paths(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct argument_listing {
    struct argument_files *files;
    const char *folder;
    struct err *err;
    bool failed; /* err says why */
};

static bool argument_list(void *context, const char *name) {
    struct argument_listing *l = context;
    l->failed = name[0] != '.' && !argument_add(l->files, l->folder, str_of(name), l->err);
    return !l->failed;
}

bool argument_folder(struct argument_files *files, const char *path, struct err *err) {
    struct argument_listing listing = {files, path, err, false};
    size_t before = files->count;
    bool ok = os_list_folder(path, argument_list, &listing);
    if (!ok && !listing.failed)
        return err_set(err, ERR_IO, "cannot open folder: %s", strerror(errno));
    /* The order in which a file system lists its files must not show. */
    if (files->count > before)
        qsort(files->paths + before, files->count - before, sizeof(*files->paths),
              argument_cmp_paths);
    return ok;
}

bool argument_files(struct argument_files *files, const char *argument, struct err *err) {
    struct os_entry entry;
    if (strcmp(argument, "-") != 0 && os_look(argument, &entry)) {
        files->is_folder = entry.kind == OS_FOLDER;
        return files->is_folder ? argument_folder(files, argument, err)
                                : argument_add(files, NULL, str_of(argument), err);
    }
    size_t before = files->count;
    const char *rest = argument;
    for (const char *plus; (plus = strchr(rest, '+')); rest = plus + 1)
        if (plus != rest &&
            !argument_add(files, NULL, (struct str){rest, (size_t)(plus - rest)}, err))
            return false;
    if (*rest && !argument_add(files, NULL, str_of(rest), err))
        return false;
    return files->count > before || err_set(err, ERR_IO, "names no file");
}

/* -- Beside a dump ----------------------------------------------------------------------------- */

#define BESIDE ".threads"

static size_t packed_suffix(struct str path) {
    static const struct str suffixes[] = {STR_INIT(".zst"), STR_INIT(".gz"),  STR_INIT(".xz"),
                                          STR_INIT(".lz4"), STR_INIT(".bz2"), STR_INIT(".zip")};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++)
        if (str_ends(path, suffixes[i]) && path.len > suffixes[i].len)
            return suffixes[i].len;
    return 0;
}

bool argument_beside(const char *path, uint32_t number, char **ret_path, struct err *err) {
    struct str stem = str_of(path);
    *ret_path = NULL;
    for (; number; number--) {
        size_t suffix = packed_suffix(stem);
        if (!suffix)
            return true;
        stem.len -= suffix;
    }
    struct strbuf beside;
    strbuf_init(&beside);
    strbuf_add(&beside, stem);
    strbuf_adds(&beside, BESIDE);
    if (strbuf_ok(&beside, err)) {
        *ret_path = beside.ptr;
        return true;
    }
    strbuf_deinit(&beside);
    return false;
}

bool argument_is_beside(struct str name) {
    return str_ends(name, STR(BESIDE));
}
