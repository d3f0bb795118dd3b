#include "cmd/reads.h"

#include "cmd/inputs.h"
#include "input/argument.h"

#include <stdlib.h>
#include <string.h>

struct reads {
    reads_visit *visit;
    void *context;
    struct err *err;
};

static bool reads_file(const struct reads *r, const char *path) {
    return !path || strcmp(path, "-") == 0 || r->visit(r->context, path, READ_FILE, r->err);
}

static bool reads_tree(const struct reads *r, const char *path) {
    return !path || r->visit(r->context, path, READ_TREE, r->err);
}

/* An argument may have a moment. */
static bool reads_argument(const struct reads *r, const char *argument) {
    struct argument_files files = {.paths = NULL};
    struct err why = {.code = ERR_NONE};
    struct str path;
    (void)inputs_moment(argument, &path);
    char *copy = strndup(path.ptr, path.len);
    bool ok = copy || err_nomem(r->err);
    ok = ok && (argument_files(&files, copy, &why) || why.code != ERR_NOMEM || err_nomem(r->err)) &&
         reads_file(r, copy);
    for (size_t i = 0; ok && i < files.count; i++)
        ok = reads_file(r, files.paths[i]);
    argument_files_free(&files);
    free(copy);
    return ok;
}

/* What SQLite keeps beside a file. */
static bool reads_history(const struct reads *r, const char *db) {
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof(endings) / sizeof(*endings); i++) {
        struct strbuf path;
        strbuf_init(&path);
        strbuf_addf(&path, "%s%s", db, endings[i]);
        ok = strbuf_ok(&path, r->err) && reads_file(r, strbuf_cstr(&path));
        strbuf_deinit(&path);
    }
    return ok;
}

bool reads_each(const struct options *o, const char *db, reads_visit *visit, void *context,
                struct err *err) {
    const struct reads r = {visit, context, err};
    bool ok = reads_file(&r, o->config) && reads_file(&r, o->budget) && reads_file(&r, o->list);
    for (uint32_t i = 0; ok && i < o->threads_file_count; i++)
        ok = reads_file(&r, o->threads_files[i]);
    for (uint32_t i = 0; ok && i < o->argument_count; i++)
        ok = reads_argument(&r, o->arguments[i]);
    return ok && reads_tree(&r, o->symbols) && reads_tree(&r, o->sysroot) &&
           (!db || reads_history(&r, db));
}
