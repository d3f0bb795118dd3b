/* `dumpdiff history add` and `init`: snapshots go in. */
#include "base/os/os.h"
#include "cmd/history_cmd.h"
#include "cmd/history_notes.h"
#include "cmd/history_push.h"
#include "input/argument.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

static const char *or_nothing(const char *text) {
    return text ? text : "";
}

/* What is there and not empty. */
static const char *environment_of(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/*
 * What --instance says; else what whoever deployed us says (the downward API of Kubernetes: see
 * examples/fleet); of a process of this machine its host. A file need not be of the host that files
 * it, so that HOSTNAME says nothing of it.
 */
static bool file_instance(const struct options *o, struct strbuf *out, struct err *err) {
    const char *said = o->instance ? o->instance : environment_of("DUMPDIFF_INSTANCE");
    const char *pod = environment_of("POD_NAME"), *space = environment_of("POD_NAMESPACE");
    const char *container = environment_of("CONTAINER_NAME");
    if (said)
        strbuf_adds(out, said);
    else if (pod)
        strbuf_addf(out, "%s%s%s%s%s", or_nothing(space), space ? "/" : "", pod,
                    container ? "/" : "", or_nothing(container));
    else if (o->pid != ABSENT)
        strbuf_adds(out, or_nothing(environment_of("HOSTNAME")));
    return strbuf_ok(out, err);
}

bool history_add_snapshot(struct run *r, const struct snapshot *snapshot, const char *name,
                          const struct history_key *key, uint64_t requests, struct err *err) {
    struct notes notes;
    uint64_t id;
    bool known;
    if (snapshot_trust(snapshot) == TRUST_UNUSABLE && !r->o->force)
        return err_set(err, ERR_INCONCLUSIVE,
                       "%s cannot be trusted (`dumpdiff show` says why); --force adds it", name);
    bool ok = notes_find(&notes, snapshot, err);
    notes.kept.requests = requests;
    ok = ok && history_add(&r->h, snapshot, key, &notes.kept, &id, &known, err);
    notes_deinit(&notes);
    if (!ok)
        return err_prefix(err, "%s", name);
    strbuf_addf(&r->out, "%s %s as number %llu: %s", name, known ? "is there already" : "added",
                (unsigned long long)id, key->program);
    const char *const more[] = {key->release, key->environment, key->instance};
    for (int i = 0; i < 3; i++)
        strbuf_addf(&r->out, "%s%s", *more[i] ? " " : "", more[i]);
    strbuf_addc(&r->out, '\n');
    return true;
}

static bool add_one(struct run *r, const struct snapshot *snapshot, const char *name,
                    const char *instance, struct err *err) {
    const struct origin_row *origin = snapshot_origin(snapshot);
    struct history_key key = {r->o->program ? r->o->program : origin->process,
                              or_nothing(r->o->release), or_nothing(r->o->environment), instance};
    if (!key.program || !*key.program)
        return err_set(err, ERR_USAGE, "%s does not say which program it is of: --program", name);
    if (r->o->spool)
        return spool_keep(r->o->spool, &key, r->o->requests, snapshot, err);
    return history_add_snapshot(r, snapshot, name, &key, r->o->requests, err);
}

/* -- Which ------------------------------------------------------------------------------------- */

/*
 * A folder of .snap files is so many snapshots; any other is one dump, of what lies in it. Paths
 * are of `files`. *ret_found: are there some?
 */
static bool expand_folder(struct options *o, struct argument_files *files, const char *folder,
                          bool *ret_found, struct err *err) {
    size_t first = files->count;
    if (!argument_folder(files, folder, err)) {
        if (err->code == ERR_NOMEM)
            return false;
        *err = (struct err){.code = ERR_NONE, .offset = ERR_NO_OFFSET}; /* who reads it says why */
    }
    for (size_t i = first; i < files->count; i++) {
        if (!str_ends(str_of(files->paths[i]), STR(".snap")))
            continue;
        if (o->argument_count == ARGUMENTS_MAX)
            return err_set(err, ERR_USAGE, "%.200s: more than %u snapshots: add them in parts",
                           folder, ARGUMENTS_MAX);
        o->arguments[o->argument_count++] = files->paths[i];
        *ret_found = true;
    }
    return true;
}

static bool expand(const struct options *from, struct options *o, struct argument_files *files,
                   struct err *err) {
    *o = *from;
    o->argument_count = 0;
    for (uint32_t i = 0; i < from->argument_count; i++) {
        bool found = false;
        if (os_is_folder(from->arguments[i]) &&
            !expand_folder(o, files, from->arguments[i], &found, err))
            return false;
        if (!found && o->argument_count < ARGUMENTS_MAX)
            o->arguments[o->argument_count++] = from->arguments[i];
    }
    return true;
}

/* -- The actions ------------------------------------------------------------------------------- */

/*
 * What cannot be delivered stays in the spool, and is no failure: nothing is lost. A server that
 * could not be reached before the lock is not tried again, and was told.
 */
static void push_what_waits(struct run *r) {
    uint32_t left = 0;
    struct err why = {.code = ERR_NONE};
    if (!r->h.body && history_is_server(r->o->db))
        return;
    if ((!r->h.body && !history_open_for(r, HISTORY_CREATE, &why)) ||
        !spool_deliver(r, r->o->spool, &left, &why))
        say("note: kept in %s until it can be delivered: %s", r->o->spool, why.msg);
}

bool history_add_all(struct run *r, struct err *err) {
    struct session s = {.count = 0};
    struct strbuf instance;
    struct argument_files files = {.paths = NULL};
    struct options o;
    if (r->o->argument_count == 0 && r->o->pid == ABSENT)
        return err_set(err, ERR_USAGE, "history add wants a dump or snapshot, or more");
    strbuf_init(&instance);
    /* Dumps first: one that cannot be read must not leave a new file without snapshots. */
    bool ok = expand(r->o, &o, &files, err) && file_instance(r->o, &instance, err) &&
              session_read(&s, &o, err) &&
              (r->o->spool || r->h.body || history_open_for(r, HISTORY_CREATE, err));
    for (uint32_t i = 0; ok && i < s.count; i++)
        ok = add_one(r, &s.snapshots[i], s.names[i], strbuf_cstr(&instance), err);
    if (ok && r->o->spool)
        push_what_waits(r);
    session_deinit(&s);
    argument_files_free(&files);
    strbuf_deinit(&instance);
    return ok;
}

bool history_init(struct run *r, struct err *err) {
    if (r->o->argument_count)
        return err_set(err, ERR_USAGE, "history init wants no arguments");
    if ((!r->h.body && !history_open_for(r, HISTORY_CREATE, err)) ||
        (r->o->roles && !history_make_roles(&r->h, err)))
        return false;
    strbuf_addf(&r->out, "%s is ready%s\n", r->h.path,
                r->o->roles ? "; dumpdiff_writer may add, dumpdiff_reader may read" : "");
    return true;
}
