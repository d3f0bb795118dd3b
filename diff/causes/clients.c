/*
 * HTTP clients that are made for each call. Nothing accumulates: each is garbage when its call is
 * over. But its connections stay open until the finalizer comes, or until they were idle for long
 * enough, and sockets run out while the heap is small.
 */
#include "diff/causes/causes_internal.h"

#include "diff/rules/hints.h"
#include "base/num.h"
#include "model/rows_heap.h"

#include <string.h>

/* [count] of handlers, each with a pool of connections, that no program needs on purpose. */
#define HANDLERS_LEAST 50u
/* [count] of those that were made between the dumps: what only lies there is over. */
#define HANDLERS_MADE_LEAST 20u

/* One of them for each client that brings its own; those of a factory are shared. */
#define HANDLER_TYPES 3
#define SOCKET_TYPE   HANDLER_TYPES
#define CLIENT_TYPES  (HANDLER_TYPES + 1)
#define CLIENT_ROOM   "System.Net."
static const char *const client_types[CLIENT_TYPES] = {
    CLIENT_ROOM "Http.SocketsHttpHandler", CLIENT_ROOM "Http.WinHttpHandler",
    CLIENT_ROOM "Http.HttpClientHandler", CLIENT_ROOM "Sockets.SafeSocketHandle"};

/* Those that are there, in the order of the table; NULL: it is not. One pass: types are many. */
static void clients_find(const struct series *s,
                         const struct series_type *ret_types[CLIENT_TYPES]) {
    memset(ret_types, 0, CLIENT_TYPES * sizeof(*ret_types));
    for (uint32_t i = 0; i < s->type_count; i++) {
        const struct series_type *type = &s->types[i];
        if (strncmp(type->name, CLIENT_ROOM, sizeof(CLIENT_ROOM) - 1) != 0)
            continue;
        for (size_t k = 0; k < CLIENT_TYPES; k++)
            if (!ret_types[k] && strcmp(type->name, client_types[k]) == 0)
                ret_types[k] = type;
    }
}

static uint64_t clients_count(const struct series_type *type, uint32_t snapshot) {
    return type ? type->totals[snapshot].objects : ABSENT;
}

static uint64_t in_generation(const struct series_type *type, uint32_t snapshot,
                              enum generation gen) {
    const struct type_row *row = type->rows[snapshot];
    return row ? row->gen[gen].objects : ABSENT;
}

/*
 * [count] so many came since the dump before at least, though there are no more of them: generation
 * 1 only shrinks when it is collected, so that all in it were in generation 0 then; and generation
 * 0 when it is, so that all in it are new.
 */
static uint64_t handlers_young(const struct series_type *type, uint32_t snapshot) {
    uint64_t gen0 = in_generation(type, snapshot, GEN_0);
    uint64_t gen1 = in_generation(type, snapshot, GEN_1);
    uint64_t gen0_before = in_generation(type, snapshot - 1, GEN_0);
    uint64_t gen1_before = in_generation(type, snapshot - 1, GEN_1);
    if (gen0 == ABSENT || gen1 == ABSENT || gen0_before == ABSENT || gen1_before == ABSENT)
        return 0;
    uint64_t young = num_add(gen0, gen1);
    uint64_t since = gen1 < gen1_before && young > gen0_before ? young - gen0_before : 0;
    return rule_max(since, gen0 < gen0_before ? gen0 : 0);
}

/* [count] so many came between two dumps at least; ABSENT: a dump does not tell. */
static uint64_t handlers_made(const struct series *s, const struct series_type *type) {
    uint64_t made = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        uint64_t now = clients_count(type, i), before = i ? clients_count(type, i - 1) : now;
        if (now == ABSENT || before == ABSENT)
            return ABSENT;
        uint64_t more = now > before ? now - before : 0;
        made = num_add(made, rule_max(more, i ? handlers_young(type, i) : 0));
    }
    return made;
}

static void tell_clients(struct diagnosis *d, const struct series_type *handlers,
                         const struct series_type *socket) {
    struct findings *f = &d->c->texts;
    const struct hint *hint = hint_find("http-client");
    uint32_t last = d->s->count - 1;
    uint64_t now = clients_count(handlers, last);
    uint64_t sockets = clients_count(socket, last);
    uint64_t live = handlers->live_objects[last];
    struct cause *cause = cause_add(d, CAUSE_HANDLES, SEVERITY_WARNING);
    if (!cause)
        return;
    const char *garbage =
        live == ABSENT || live * 2 > now
            ? ""
            : findings_text(f, "; %s of them are garbage, which lets go of its connections late",
                            say_count(f, now - live));
    const char *open = sockets == ABSENT || !sockets
                           ? ""
                           : findings_text(f, ", beside %s sockets", say_count(f, sockets));
    cause->subject = CAUSE_CLIENTS;
    cause->summary = findings_text(
        f,
        "HttpClients are made for each call: %s handlers, each with a pool of connections of its "
        "own, %s before%s%s.",
        say_count(f, now), say_count(f, clients_count(handlers, 0)), open, garbage);
    cause->next = hint ? hint->next : NULL;
    cause->weight = now;
    for (uint32_t i = 0; hint && i < d->f->count; i++) {
        const struct evidence *type = cause_evidence(&d->f->items[i], "type");
        if (cause_is_open(d, i, NULL) && type && type->text && hint_find(type->text) == hint)
            cause_claim(d, i, cause_last(d));
    }
}

bool causes_of_clients(struct diagnosis *d, struct err *err) {
    (void)err;
    const struct series_type *types[CLIENT_TYPES];
    if (d->s->count < 2)
        return true;
    clients_find(d->s, types);
    for (size_t i = 0; i < HANDLER_TYPES; i++) {
        const struct series_type *type = types[i];
        uint64_t made = type ? handlers_made(d->s, type) : ABSENT;
        if (made == ABSENT || made < HANDLERS_MADE_LEAST ||
            clients_count(type, d->s->count - 1) < HANDLERS_LEAST)
            continue;
        tell_clients(d, type, types[SOCKET_TYPE]);
        return true;
    }
    return true;
}
