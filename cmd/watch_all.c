#include "cmd/watch_all.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/pages.h"
#include "base/pattern.h"
#include "base/vec.h"
#include "cmd/apart.h"
#include "cmd/confine.h"
#include "cmd/history_push.h"
#include "cmd/processes.h"
#include "cmd/put_out.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STOP_MAX_NS UINT64_C(10000000000)
#define SKIPS_MOST  64u /* rounds that one who stood still for too long is left alone */
#define JITTER_PART 10u /* of the time between rounds: nodes do not all stop at once */

/* A process that stood still for too long: it is left alone for ever more rounds. */
struct shunned {
    uint64_t pid, start_s; /* [s since 1970] */
    uint32_t rounds, left;
};

struct watching {
    const struct options *o;
    struct run run; /* the history, as long as it can be reached */
    struct pattern match;
    struct shunned *shunned;
    uint32_t shunned_count, shunned_capacity;
};

/* -- What is known of a process ---------------------------------------------------------------- */

/* The first line of its /etc/hostname: the pod of a container, which has a host of its own. */
static void host_of(uint64_t pid, struct strbuf *out) {
    static const char *const places[] = {"/proc/%" PRIu64 "/root/etc/hostname", "/etc/hostname"};
    for (int i = 0; i < 2 && !out->len; i++) {
        char path[64];
        struct file f;
        struct err err;
        snprintf(path, sizeof(path), places[i], pid); /* NOLINT: of the table */
        if (!file_open(&f, path, &err))
            continue;
        struct str rest = {(const char *)f.bytes.data, f.bytes.size}, line;
        if (str_next_line(&rest, &line))
            strbuf_add_clean(out, str_trim(str_take(line, 256)));
        file_close(&f);
    }
}

/* One variable of its environment, and nothing else of it. */
static void variable_of(uint64_t pid, const char *name, struct strbuf *out) {
    char path[64];
    struct file f;
    struct err err;
    snprintf(path, sizeof(path), "/proc/%" PRIu64 "/environ", pid);
    if (!file_open(&f, path, &err))
        return;
    struct str rest = {(const char *)f.bytes.data, f.bytes.size}, want = str_of(name);
    while (rest.len) {
        struct str one = str_take(rest, strnlen(rest.ptr, rest.len));
        rest = str_drop(rest, one.len + 1);
        if (str_starts(one, want) && one.len > want.len && one.ptr[want.len] == '=') {
            strbuf_add_clean(out, str_take(str_drop(one, want.len + 1), 256));
            break;
        }
    }
    file_close(&f);
}

/* -- One process ------------------------------------------------------------------------------- */

static bool keep_or_add(struct watching *w, const struct snapshot *s, const struct history_key *key,
                        const char *name, struct err *err) {
    const struct options *o = w->o;
    uint32_t left;
    if (!o->spool)
        return history_add_snapshot(&w->run, s, name, key, 0, err);
    struct err why = {.code = ERR_NONE};
    if (!spool_keep(o->spool, key, 0, s, err))
        return false;
    if (w->run.h.body && !spool_deliver(&w->run, o->spool, &left, &why))
        say("note: %u wait in %s: %s", left, o->spool, why.msg);
    return true;
}

static bool take_one(struct watching *w, const struct process *p, struct err *err) {
    const struct options *o = w->o;
    const struct input_options input = {.symbols = o->symbols,
                                        .sysroot = o->sysroot,
                                        .no_paths = o->no_paths,
                                        .max_memory =
                                            o->max_memory ? o->max_memory : pages_available() / 2,
                                        .places = true,
                                        .stop_max_ns = o->stop_max_ns};
    struct apart apart = {.pid = p->pid};
    struct snapshot s;
    struct strbuf host, release;
    char name[64];
    snapshot_init(&s);
    strbuf_init(&host);
    strbuf_init(&release);
    snprintf(name, sizeof(name), "process %" PRIu64, p->pid);
    if (!o->instance)
        host_of(p->pid, &host);
    if (o->release_env)
        variable_of(p->pid, o->release_env, &release);
    bool ok = apart_read(&apart, &input, &s, err);
    const char *program = ok ? snapshot_origin(&s)->process : NULL;
    const struct history_key key = {program && *program ? program
                                    : p->program        ? p->program
                                                        : "unknown",
                                    release.len  ? strbuf_cstr(&release)
                                    : o->release ? o->release
                                                 : "",
                                    o->environment ? o->environment : "",
                                    o->instance ? o->instance : strbuf_cstr(&host)};
    ok = ok && keep_or_add(w, &s, &key, name, err);
    snapshot_deinit(&s);
    strbuf_deinit(&host);
    strbuf_deinit(&release);
    return ok || err_prefix(err, "%s", name);
}

/* -- How often --------------------------------------------------------------------------------- */

static uint64_t start_of(const struct process *p) {
    uint64_t now = (uint64_t)time(NULL);
    return p->age_ns == ABSENT ? 0 : now - p->age_ns / 1000000000;
}

/* The one that it is, if it was shunned; a process that began later has its number, too. */
static struct shunned *shunned_as(struct watching *w, const struct process *p) {
    uint64_t start = start_of(p);
    for (uint32_t i = 0; i < w->shunned_count; i++) {
        struct shunned *s = &w->shunned[i];
        uint64_t apart = s->start_s > start ? s->start_s - start : start - s->start_s;
        if (s->pid == p->pid && apart <= 2)
            return s;
    }
    return NULL;
}

static bool shun(struct watching *w, const struct process *p, struct err *err) {
    struct shunned *s = shunned_as(w, p);
    if (!s) {
        if (!VEC_ROOM(w->shunned, w->shunned_count, w->shunned_capacity, err))
            return false;
        s = &w->shunned[w->shunned_count++];
        *s = (struct shunned){.pid = p->pid, .start_s = start_of(p)};
    }
    s->rounds = 1 + s->rounds + (s->rounds > 1 ? s->rounds - 1 : 0); /* 1, 2, 4, ... */
    s->rounds = s->rounds < SKIPS_MOST ? s->rounds : SKIPS_MOST;
    s->left = s->rounds;
    say("note: it is left alone for %u round%s", s->rounds, plural(s->rounds));
    return true;
}

static bool is_due(struct watching *w, const struct process *p) {
    if (pattern_given(&w->match) && !(p->program && pattern_matches(&w->match, p->program)))
        return false;
    struct shunned *s = shunned_as(w, p);
    if (!s || !s->left)
        return true;
    s->left--;
    return false;
}

/* -- Rounds ------------------------------------------------------------------------------------ */

/* A server may have come back, or gone. */
static void reach_history(struct watching *w) {
    struct err err = {.code = ERR_NONE};
    if (w->run.h.body || history_is_server(w->o->db))
        return;
    if (!history_open_for(&w->run, HISTORY_CREATE, &err))
        say("note: %s", err.msg);
}

static bool watch_round(struct watching *w, struct err *err) {
    struct processes all;
    if (!processes_find(&all, err)) {
        processes_deinit(&all);
        return false;
    }
    bool ok = true;
    uint32_t taken = 0;
    for (uint32_t i = 0; ok && i < all.count; i++) {
        struct err why = {.code = ERR_NONE, .offset = ERR_NO_OFFSET};
        if (!is_due(w, &all.items[i]))
            continue;
        if (take_one(w, &all.items[i], &why)) {
            taken++;
            continue;
        }
        say("note: %s", why.msg);
        ok = why.code != ERR_LIMIT || shun(w, &all.items[i], err);
    }
    if (w->run.out.len) {
        ok = ok && put_out(NULL, &w->run.out, FIT_TEXT, err);
        strbuf_clear(&w->run.out);
    }
    processes_deinit(&all);
    return ok && pattern_settled(&w->match, err);
}

static uint64_t with_jitter(uint64_t ns) {
    uint64_t now = (uint64_t)time(NULL), part = ns / JITTER_PART;
    uint64_t drawn = part ? key_of_bytes(&now, sizeof(now)) % (2 * part) : 0;
    return ns - part + drawn;
}

bool watch_all(struct options *o, session_pause *pause, struct err *err) {
    struct watching w = {.o = o, .run = {.o = o}};
    if (!o->db)
        return err_set(err, ERR_USAGE, "watch --all wants a history that snapshots go to: --to");
    if (!o->stop_max_ns)
        o->stop_max_ns = STOP_MAX_NS;
    o->pid = 0; /* others are looked into */
    strbuf_init(&w.run.out);
    bool ok = !o->match || pattern_init(&w.match, o->match, err, "--match");
    /* A server is gone to before the lock; with a spool it need not be there. */
    if (ok && !history_open_for(&w.run, HISTORY_CREATE, err)) {
        ok = o->spool && err->code != ERR_NOMEM;
        history_close(&w.run.h);
        if (ok)
            say("note: kept in %s until it can be delivered: %s", o->spool, err->msg);
    }
    if (ok)
        confine(o, history_is_server(o->db) ? NULL : o->db, history_socket(&w.run.h));
    for (uint32_t round = 1; ok; round++) {
        reach_history(&w);
        ok = watch_round(&w, err);
        if (!ok || round == o->watch_count || !pause(with_jitter(o->watch_every_ns)))
            break;
    }
    history_close(&w.run.h);
    strbuf_deinit(&w.run.out);
    pattern_deinit(&w.match);
    free(w.shunned);
    return ok;
}
