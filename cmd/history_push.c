#include "cmd/history_push.h"

#include "cmd/put_out.h"

#include "base/file.h"
#include "base/os/os.h"
#include "history/parcel.h"
#include "input/argument.h"
#include "model/snapfile.h"
#include "model/snapshot.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PARCEL_ENDING ".parcel"

/* -- Keeping ----------------------------------------------------------------------------------- */

/* A name that sorts by time and that no other process gives. */
static bool spool_name(const char *folder, char ret_path[PATH_MAX]) {
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    for (unsigned turn = 0; turn < 1000; turn++) {
        int n = snprintf(ret_path, PATH_MAX, "%s/%012lld%09ld-%ld-%03u" PARCEL_ENDING, folder,
                         (long long)now.tv_sec, now.tv_nsec, (long)os_process_number(), turn);
        if (n < 0 || n >= PATH_MAX)
            return false;
        if (!os_is_there(ret_path))
            return true;
    }
    return false;
}

bool spool_keep(const char *folder, const struct history_key *key, uint64_t requests,
                const struct snapshot *snapshot, struct err *err) {
    struct strbuf text;
    char path[PATH_MAX];
    strbuf_init(&text);
    bool ok = parcel_put(&text, key, requests, snapshot, err) &&
              (spool_name(folder, path) ||
               err_set(err, ERR_SYSTEM, "%.200s: no name for a file is left", folder));
    ok = ok && put_bytes(path, &text, err);
    if (ok && !os_sync_folder(folder))
        ok = err_set(err, ERR_SYSTEM, "%.200s: %s", folder, strerror(errno));
    strbuf_deinit(&text);
    return ok;
}

/* -- Delivering -------------------------------------------------------------------------------- */

/* Those that wait come to stand first, the oldest of them in front. No folder is an empty one. */
static bool spool_list(struct argument_files *files, const char *folder, size_t *ret_count,
                       struct err *err) {
    struct os_entry entry;
    *ret_count = 0;
    if (!os_look(folder, &entry) && errno == ENOENT)
        return true;
    if (!argument_folder(files, folder, err))
        return err_prefix(err, "%.200s", folder);
    for (size_t i = 0; i < files->count; i++) {
        char *path = files->paths[i];
        if (!str_ends(str_of(path), STR(PARCEL_ENDING)))
            continue;
        files->paths[i] = files->paths[*ret_count];
        files->paths[(*ret_count)++] = path;
    }
    return true;
}

/* *ret_bad: it is the file that is damaged, and not the way. */
static bool deliver_one(struct run *r, const char *path, const char *name, bool *ret_bad,
                        struct err *err) {
    struct file f;
    struct parcel p;
    struct snapshot s;
    *ret_bad = false;
    if (!file_open(&f, path, err))
        return false;
    snapshot_init(&s);
    bool whole = parcel_take(&p, f.bytes, err) && snapfile_decode(p.snap, &s, err);
    *ret_bad = !whole && err->code != ERR_NOMEM;
    if (!whole)
        err_prefix(err, "%.200s", path);
    bool ok = whole && history_add_snapshot(r, &s, name, &p.key, p.requests, err);
    *ret_bad = *ret_bad || (!ok && err->code == ERR_INCONCLUSIVE);
    parcel_deinit(&p);
    snapshot_deinit(&s);
    file_close(&f);
    return ok;
}

/* Looked at by a human: nothing is thrown away. */
static bool set_aside(const char *path, struct err *err) {
    char aside[PATH_MAX];
    int n = snprintf(aside, sizeof(aside), "%s.bad", path);
    if (n < 0 || n >= PATH_MAX || !os_rename(path, aside))
        return false;
    say("note: set aside as %s: %s", aside, err->msg);
    *err = (struct err){.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    return true;
}

bool spool_deliver(struct run *r, const char *folder, uint32_t *ret_left, struct err *err) {
    struct argument_files files = {.paths = NULL};
    size_t count;
    bool ok = spool_list(&files, folder, &count, err);
    *ret_left = 0;
    for (size_t i = 0; ok && i < count; i++) {
        const char *path = files.paths[i];
        bool bad;
        *ret_left = (uint32_t)(count - i);
        if (deliver_one(r, path, str_file_name(str_of(path)).ptr, &bad, err))
            ok = os_remove(path) || errno == ENOENT || /* another one delivered it, too */
                 err_set(err, ERR_SYSTEM, "%.200s: %s", path, strerror(errno));
        else
            ok = bad && set_aside(path, err);
        *ret_left -= ok;
    }
    argument_files_free(&files);
    return ok;
}

bool history_push(struct run *r, struct err *err) {
    uint32_t left;
    if (!r->o->spool || r->o->argument_count)
        return err_set(err, ERR_USAGE, "history push wants --spool DIR, and no arguments");
    if (!r->h.body && !history_open_for(r, HISTORY_CREATE, err))
        return false;
    if (spool_deliver(r, r->o->spool, &left, err))
        return true;
    if (left)
        say("note: %u snapshot%s wait%s in %s", left, plural(left), left == 1 ? "s" : "",
            r->o->spool);
    return false;
}
