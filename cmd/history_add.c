/* `dumpdiff history add` and `init`: snapshots go in. */
#include "cmd/history_cmd.h"
#include "cmd/history_notes.h"
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

static bool add_snapshot(struct run *r, const struct snapshot *snapshot, const char *name,
                         const struct history_key *key, struct err *err) {
    struct notes notes;
    uint64_t id;
    bool known;
    if (snapshot_trust(snapshot) == TRUST_UNUSABLE && !r->o->force)
        return err_set(err, ERR_INCONCLUSIVE,
                       "%s cannot be trusted (`dumpdiff show` says why); --force adds it", name);
    bool ok = notes_find(&notes, snapshot, err);
    notes.kept.requests = r->o->requests;
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
    return add_snapshot(r, snapshot, name, &key, err);
}

bool history_add_all(struct run *r, struct err *err) {
    struct session s = {.count = 0};
    struct strbuf instance;
    if (r->o->argument_count == 0 && r->o->pid == ABSENT)
        return err_set(err, ERR_USAGE, "history add wants a dump or snapshot, or more");
    strbuf_init(&instance);
    /* Dumps first: one that cannot be read must not leave a new file without snapshots. */
    bool ok = file_instance(r->o, &instance, err) && session_read(&s, r->o, err) &&
              (r->h.body || history_open_for(r, HISTORY_CREATE, err));
    for (uint32_t i = 0; ok && i < s.count; i++)
        ok = add_one(r, &s.snapshots[i], s.names[i], strbuf_cstr(&instance), err);
    session_deinit(&s);
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
