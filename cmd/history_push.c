#include "cmd/history_push.h"

#include "cmd/put_out.h"

#include "base/file.h"
#include "base/os/os.h"
#include "base/vec.h"
#include "history/parcel.h"
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

struct spool {
    struct arena arena;
    const char **names; /* sorted: by when they were kept */
    uint32_t count, capacity;
    struct err err; /* of reading the folder */
};

static int cmp_spool_names(const void *x, const void *y) {
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static bool spool_take_name(void *context, const char *entry) {
    struct spool *s = context;
    struct str name = str_of(entry);
    if (!str_ends(name, STR(PARCEL_ENDING)) || str_first(name) == '.')
        return true;
    if (!VEC_ROOM_IN(&s->arena, s->names, s->count, s->capacity, &s->err))
        return false;
    const char *kept = arena_copy(&s->arena, name.ptr, name.len);
    if (kept)
        s->names[s->count++] = kept;
    return kept || err_nomem(&s->err);
}

/* No folder is an empty one. */
static bool spool_list(struct spool *s, const char *folder, struct err *err) {
    *s = (struct spool){.count = 0};
    arena_init(&s->arena);
    errno = 0;
    if (!os_list_folder(folder, spool_take_name, s) && errno != ENOENT) {
        if (s->err.code == ERR_NONE)
            err_set(&s->err, ERR_IO, "%.200s: %s", folder, strerror(errno));
        return err_none(&s->err, err);
    }
    if (s->count)
        qsort(s->names, s->count, sizeof(*s->names), cmp_spool_names);
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
    struct spool spool;
    bool ok = spool_list(&spool, folder, err);
    *ret_left = 0;
    for (uint32_t i = 0; ok && i < spool.count; i++) {
        char path[PATH_MAX];
        bool bad;
        int n = snprintf(path, sizeof(path), "%s/%s", folder, spool.names[i]);
        *ret_left = spool.count - i;
        if (n < 0 || n >= PATH_MAX)
            ok = err_set(err, ERR_IO, "%.100s: the name of the folder is too long", folder);
        else if (deliver_one(r, path, spool.names[i], &bad, err))
            ok = os_remove(path) || errno == ENOENT || /* another one delivered it, too */
                 err_set(err, ERR_SYSTEM, "%.200s: %s", path, strerror(errno));
        else
            ok = bad && set_aside(path, err);
        *ret_left -= ok;
    }
    arena_deinit(&spool.arena);
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
