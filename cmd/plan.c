#include "cmd/plan.h"

#include "base/file.h"
#include "base/vec.h"
#include "cmd/inputs.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

static bool plan_add_beside(struct plan *p, const char *path, const char *ending) {
    char beside[PATH_MAX];
    int n = snprintf(beside, sizeof(beside), "%s%s", path, ending);
    return n < 0 || (size_t)n >= sizeof(beside) || plan_add(p, beside);
}

/* Also where it would be beside a packed dump: a.core.zst has a.core.threads. */
static bool plan_add_dump(struct plan *p, const char *path) {
    char stem[PATH_MAX];
    if (!plan_add(p, path))
        return false;
    int n = snprintf(stem, sizeof(stem), "%s", path);
    for (char *dot = stem; n >= 0 && (size_t)n < sizeof(stem) && dot;) {
        if (!plan_add_beside(p, stem, ".threads"))
            return false;
        dot = strrchr(stem, '.');
        if (dot && strchr(dot, '/'))
            dot = NULL;
        if (dot)
            *dot = '\0';
    }
    return true;
}

static bool plan_add_folder(struct plan *p, const char *path) {
    DIR *dir = opendir(path);
    bool ok = true;
    for (struct dirent *entry; dir && ok && (entry = readdir(dir));) {
        char name[PATH_MAX];
        int n = snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (n >= 0 && (size_t)n < sizeof(name) && entry->d_name[0] != '.')
            ok = plan_add(p, name);
    }
    if (dir)
        closedir(dir);
    return ok;
}

static bool plan_add_existing(struct plan *p, const char *path) {
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return plan_add_folder(p, path);
    return plan_add_dump(p, path);
}

/* An argument may be a file, a folder, files joined by '+', a file with a moment. */
static bool plan_add_argument(struct plan *p, const char *argument) {
    char part[PATH_MAX];
    struct stat st;
    struct str path;
    (void)inputs_moment(argument, &path);
    if (path.len >= sizeof(part))
        return true;
    snprintf(part, sizeof(part), "%.*s", (int)path.len, path.ptr);
    if (stat(part, &st) == 0 || !strchr(part, '+'))
        return plan_add_existing(p, part);
    bool ok = true;
    for (char *next = part, *plus; ok && next; next = plus) {
        plus = strchr(next, '+');
        if (plus)
            *plus++ = '\0';
        ok = !*next || plan_add_existing(p, next);
    }
    return ok;
}

static bool plan_add_reads(struct plan *p, const struct options *o, const char *db) {
    bool ok = plan_add(p, o->config) && plan_add(p, o->budget) && plan_add(p, o->list);
    for (uint32_t i = 0; ok && i < o->threads_file_count; i++)
        ok = plan_add(p, o->threads_files[i]);
    for (uint32_t i = 0; ok && i < o->argument_count; i++)
        ok = plan_add_argument(p, o->arguments[i]);
    ok = ok && (!o->symbols || plan_add_folder(p, o->symbols));
    return ok && (!db || (plan_add(p, db) && plan_add_beside(p, db, "-wal") &&
                          plan_add_beside(p, db, "-shm") && plan_add_beside(p, db, "-journal")));
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
