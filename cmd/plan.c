#include "cmd/plan.h"

#include "base/file.h"
#include "base/vec.h"
#include "cmd/inputs.h"
#include "input/argument.h"

#include <stdlib.h>
#include <string.h>

/* The files that are read. */
struct plan {
    struct file_place *places;
    uint32_t count, capacity;
    struct err *err;
};

static bool plan_add(struct plan *p, const char *path) {
    struct file_place place;
    if (!path || strcmp(path, "-") == 0 || !file_place(path, &place))
        return true;
    if (!VEC_ROOM(p->places, p->count, p->capacity, p->err))
        return false;
    p->places[p->count++] = place;
    return true;
}

static bool plan_add_dump(struct plan *p, const char *path) {
    bool ok = plan_add(p, path);
    for (uint32_t i = 0; ok; i++) {
        char *beside;
        ok = argument_beside(path, i, &beside, p->err);
        if (!ok || !beside)
            break;
        ok = plan_add(p, beside);
        free(beside);
    }
    return ok;
}

/* What cannot be listed cannot be read either, as its reader will say. */
static bool plan_add_files(struct plan *p, const char *argument,
                           bool (*list)(struct argument_files *, const char *, struct err *)) {
    struct argument_files files = {.paths = NULL};
    struct err why;
    bool ok = list(&files, argument, &why) || why.code != ERR_NOMEM || err_nomem(p->err);
    for (size_t i = 0; ok && i < files.count; i++)
        ok = plan_add_dump(p, files.paths[i]);
    argument_files_free(&files);
    return ok;
}

/* An argument may have a moment. */
static bool plan_add_argument(struct plan *p, const char *argument) {
    struct str path;
    (void)inputs_moment(argument, &path);
    char *copy = strndup(path.ptr, path.len);
    bool ok = copy ? plan_add_files(p, copy, argument_files) : err_nomem(p->err);
    free(copy);
    return ok;
}

/* What SQLite keeps beside a file. */
static bool plan_add_history(struct plan *p, const char *db) {
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof(endings) / sizeof(*endings); i++) {
        struct strbuf path;
        strbuf_init(&path);
        strbuf_addf(&path, "%s%s", db, endings[i]);
        ok = strbuf_ok(&path, p->err) && plan_add(p, strbuf_cstr(&path));
        strbuf_deinit(&path);
    }
    return ok;
}

static bool plan_add_reads(struct plan *p, const struct options *o, const char *db) {
    bool ok = plan_add(p, o->config) && plan_add(p, o->budget) && plan_add(p, o->list);
    for (uint32_t i = 0; ok && i < o->threads_file_count; i++)
        ok = plan_add(p, o->threads_files[i]);
    for (uint32_t i = 0; ok && i < o->argument_count; i++)
        ok = plan_add_argument(p, o->arguments[i]);
    ok = ok && (!o->symbols || plan_add_files(p, o->symbols, argument_folder));
    return ok && (!db || plan_add_history(p, db));
}

static bool plan_check_outputs(const struct plan *p, const struct options *o, struct err *err) {
    struct file_place places[OUTPUTS_MAX];
    for (uint32_t i = 0; i < o->output_count; i++) {
        const char *path = o->outputs[i].path;
        places[i] = (struct file_place){.name = ""};
        /* What is no file is not replaced: reports may share a pipe. */
        if (!path || strcmp(path, "-") == 0 || file_is_special(path) ||
            !file_place(path, &places[i]))
            continue;
        for (uint32_t k = 0; k < p->count; k++)
            if (file_place_same(&places[i], &p->places[k]))
                return err_set(err, ERR_USAGE, "%s: is an input and will not be overwritten", path);
        for (uint32_t k = 0; k < i; k++)
            if (file_place_same(&places[i], &places[k]))
                return err_set(err, ERR_USAGE, "%s: two reports for one file", path);
    }
    return true;
}

bool plan_check(const struct options *o, const char *db, struct err *err) {
    struct plan p = {.err = err};
    bool ok = plan_add_reads(&p, o, db) && plan_check_outputs(&p, o, err);
    free(p.places);
    return ok;
}
