#include "cmd/plan.h"

#include "base/file.h"
#include "base/vec.h"
#include "cmd/reads.h"
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
    if (!file_place(path, &place))
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

static bool plan_visit(void *context, const char *path, enum read_kind kind, struct err *err) {
    struct plan *p = context;
    struct argument_files files = {.paths = NULL};
    struct err why;
    if (kind == READ_FILE)
        return plan_add_dump(p, path);
    bool ok = argument_folder(&files, path, &why) || why.code != ERR_NOMEM || err_nomem(err);
    for (size_t i = 0; ok && i < files.count; i++)
        ok = plan_add(p, files.paths[i]);
    argument_files_free(&files);
    return ok;
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
    bool ok = reads_each(o, db, plan_visit, &p, err) && plan_check_outputs(&p, o, err);
    free(p.places);
    return ok;
}
