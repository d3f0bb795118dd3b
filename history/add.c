/* Adding a snapshot: its place, what changed since the one before, what was found in it. */
#include "base/hash.h"
#include "base/order.h"
#include "base/vec.h"
#include "history/keep.h"
#include "model/rows_origin.h"
#include "model/snapfile.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <time.h>

#define ATTEMPTS       5u
#define NS_A_DAY       UINT64_C(86400000000000)
#define RUNS_LOOKED_AT 200u
/* Starts of a process are worked out of rounded times: see series_identity.c. */
#define SAME_START_NS UINT64_C(2000000000)

struct adding {
    struct history *h;
    const struct snapshot *snapshot;
    const struct history_notes *notes;
    struct history_key key; /* as its names are kept */
    uint64_t hash;
    struct keeper keeper;
    uint64_t program, release, environment, instance, run, id;
    uint32_t day; /* that its rows are filed under */
    bool known;
};

/* -- Where it belongs -------------------------------------------------------------------------- */

/* The number of a name below an owner, made when it is not there. */
static bool number_of_name(struct history *h, const char *const sqls[2],
                           const struct store_param *params, uint32_t count, uint64_t *ret_number,
                           struct err *err) {
    for (int attempt = 0; attempt < 2; attempt++) {
        if (!store_ask(h, sqls[0], params, count, ret_number, err))
            return false;
        if (*ret_number != ABSENT)
            return true;
        if (attempt == 0 && !store_run(h, sqls[1], params, count, NULL, err))
            return false;
    }
    return err_set(err, ERR_FORMAT, "a name that was added is not there");
}

static bool find_place(struct adding *a, struct err *err) {
    static const char *const sqls[][2] = {
        {"SELECT id FROM program WHERE name = $1",
         "INSERT INTO program(name) VALUES($1) ON CONFLICT DO NOTHING"},
        {"SELECT id FROM release WHERE program = $1 AND name = $2",
         "INSERT INTO release(program, name) VALUES($1, $2) ON CONFLICT DO NOTHING"},
        {"SELECT id FROM environment WHERE program = $1 AND name = $2",
         "INSERT INTO environment(program, name) VALUES($1, $2) ON CONFLICT DO NOTHING"},
        {"SELECT id FROM instance WHERE environment = $1 AND name = $2",
         "INSERT INTO instance(environment, name) VALUES($1, $2) ON CONFLICT DO NOTHING"}};
    struct store_param of[2] = {store_text(a->key.program)};
    if (!number_of_name(a->h, sqls[0], of, 1, &a->program, err))
        return false;
    of[0] = store_number(a->program);
    of[1] = store_text(a->key.release);
    if (!number_of_name(a->h, sqls[1], of, 2, &a->release, err))
        return false;
    of[1] = store_text(a->key.environment);
    if (!number_of_name(a->h, sqls[2], of, 2, &a->environment, err))
        return false;
    of[0] = store_number(a->environment);
    of[1] = store_text(a->key.instance);
    return number_of_name(a->h, sqls[3], of, 2, &a->instance, err);
}

/* One life of a process: by when it began, else by its number; none said: all that do not. */
static bool is_same_run(const struct origin_row *origin, uint64_t start, uint64_t pid) {
    if (origin->process_start_ns != ABSENT && start != ABSENT) {
        uint64_t a = origin->process_start_ns;
        return (a > start ? a - start : start - a) <= SAME_START_NS;
    }
    if (origin->process_start_ns != start)
        return false;
    return origin->pid == pid;
}

static bool find_run(struct adding *a, struct err *err) {
    const struct origin_row *origin = snapshot_origin(a->snapshot);
    const struct store_param of[] = {store_number(a->instance), store_number(a->release),
                                     store_number(RUNS_LOOKED_AT)};
    struct store_rows rows;
    a->run = ABSENT;
    bool ok = store_select(a->h,
                           "SELECT id, process_start_ns, pid FROM run WHERE instance = $1"
                           " AND release = $2 ORDER BY id DESC LIMIT $3",
                           of, 3, false, &rows, err);
    while (a->run == ABSENT && store_next(&rows, &ok, err))
        if (is_same_run(origin, store_number_of(&rows, 1), store_number_of(&rows, 2)))
            a->run = store_number_of(&rows, 0);
    store_done(&rows);
    if (!ok || a->run != ABSENT)
        return ok;
    const struct store_param made[] = {of[0], of[1], store_number(origin->process_start_ns),
                                       store_number(origin->pid)};
    return store_ask(a->h,
                     "INSERT INTO run(instance, release, process_start_ns, pid)"
                     " VALUES($1, $2, $3, $4) RETURNING id",
                     made, 4, &a->run, err);
}

/* Two may add the same one at once: the hash decides. */
static bool insert_snapshot(struct adding *a, struct err *err) {
    const struct origin_row *origin = snapshot_origin(a->snapshot);
    bool types = snapshot_has(a->snapshot, PART_TYPES);
    struct snapshot_totals totals = snapshot_totals(a->snapshot);
    const struct store_param of[] = {
        store_number(a->run),
        store_blob((struct str){(const char *)&a->hash, sizeof(a->hash)}),
        store_text(origin->label),
        store_number(origin->captured_at_ns),
        store_text(origin->runtime),
        store_number((uint64_t)snapshot_trust(a->snapshot)),
        store_number(a->snapshot->parts),
        store_number(types ? totals.objects : ABSENT),
        store_number(types ? totals.bytes : ABSENT)};
    if (!store_ask(a->h, "SELECT id FROM snapshot WHERE run = $1 AND hash = $2", of, 2, &a->id,
                   err))
        return false;
    a->known = a->id != ABSENT;
    if (a->known)
        return true;
    return store_ask(a->h,
                     "INSERT INTO snapshot(run, hash, label, captured_at_ns, runtime, trust,"
                     " parts, objects, bytes) VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9)"
                     " RETURNING id",
                     of, STORE_COUNT(of), &a->id, err);
}

/* -- What changed ------------------------------------------------------------------------------ */

static int cmp_kept_types(const void *x, const void *y) {
    const struct kept *a = x, *b = y;
    return order_u64(a->type, b->type);
}

struct changes {
    struct state before, now;
    struct store_value *rows;
    uint32_t count;
};

static void put_change(struct changes *c, const struct adding *a, uint64_t type,
                       const uint64_t cells[HISTORY_COLUMNS]) {
    struct store_value *row = &c->rows[c->count++];
    *row = (struct store_value){.type = type, .run = a->run, .snapshot = a->id, .day = a->day};
    memcpy(row->cells, cells, sizeof(row->cells));
}

/* A type that is gone has no objects, a value that is gone is not known. */
static void put_gone(struct changes *c, const struct adding *a, const struct state_row *was) {
    uint64_t cells[HISTORY_COLUMNS];
    memset(cells, 0xff, sizeof(cells));
    if (was->kind == HISTORY_TYPE)
        cells[HISTORY_OBJECTS] = cells[HISTORY_BYTES] = 0;
    if (memcmp(cells, was->cells, sizeof(cells)) != 0)
        put_change(c, a, was->type, cells);
}

/* Both sorted by type. */
static bool find_changes(struct changes *c, const struct adding *a, struct err *err) {
    const struct keeper *k = &a->keeper;
    bool types = snapshot_has(a->snapshot, PART_TYPES);
    size_t most = (size_t)k->count + c->before.count;
    c->rows = calloc(most + 1, sizeof(*c->rows));
    c->now.rows = calloc(most + 1, sizeof(*c->now.rows));
    if (!c->rows || !c->now.rows)
        return err_nomem(err);
    uint32_t b = 0;
    for (uint32_t i = 0; i <= k->count; i++) {
        uint64_t type = i < k->count ? k->rows[i].type : UINT64_MAX;
        for (; b < c->before.count && c->before.rows[b].type < type; b++)
            if (c->before.rows[b].kind == HISTORY_TYPE && !types) /* it does not speak of them */
                c->now.rows[c->now.count++] = c->before.rows[b];
            else
                put_gone(c, a, &c->before.rows[b]);
        if (i == k->count)
            break;
        const struct state_row *was =
            b < c->before.count && c->before.rows[b].type == type ? &c->before.rows[b++] : NULL;
        struct state_row *now = &c->now.rows[c->now.count++];
        now->type = type;
        now->kind = k->rows[i].kind;
        memcpy(now->cells, k->rows[i].cells, sizeof(now->cells));
        if (!was || memcmp(was->cells, now->cells, sizeof(now->cells)) != 0)
            put_change(c, a, type, now->cells);
    }
    return true;
}

/* What the run said last; nothing where its rows of this month have to stand for themselves. */
static bool read_state(struct adding *a, struct state *state, struct err *err) {
    const struct store_param of[] = {store_number(a->run)};
    struct store_rows rows;
    bool ok =
        store_select(a->h, "SELECT day, rows FROM state WHERE run = $1", of, 1, false, &rows, err);
    if (store_next(&rows, &ok, err) &&
        (!a->h->body->monthly || store_number_of(&rows, 0) == store_month(a->day)))
        ok = state_take(state, store_blob_of(&rows, 1), err);
    store_done(&rows);
    return ok;
}

static bool write_state(struct adding *a, const struct state *state, struct err *err) {
    struct strbuf text;
    strbuf_init(&text);
    state_put(&text, state);
    bool ok = strbuf_ok(&text, err);
    const struct store_param of[] = {store_number(a->run),
                                     store_number(a->h->body->monthly ? store_month(a->day) : 0),
                                     store_blob(strbuf_str(&text))};
    ok = ok && store_run(a->h,
                         "INSERT INTO state(run, day, rows) VALUES($1, $2, $3) ON CONFLICT(run)"
                         " DO UPDATE SET day = excluded.day, rows = excluded.rows",
                         of, 3, NULL, err);
    strbuf_deinit(&text);
    return ok;
}

static bool write_changes(struct adding *a, struct err *err) {
    struct changes c = {.count = 0};
    if (a->keeper.count)
        qsort(a->keeper.rows, a->keeper.count, sizeof(*a->keeper.rows), cmp_kept_types);
    bool ok = read_state(a, &c.before, err) && find_changes(&c, a, err) &&
              a->h->body->put(a->h, c.rows, c.count, err) && write_state(a, &c.now, err);
    state_deinit(&c.before);
    state_deinit(&c.now);
    free(c.rows);
    return ok;
}

/* -- What was found ---------------------------------------------------------------------------- */

static bool write_notes(struct adding *a, struct err *err) {
    bool ok = true;
    for (uint32_t i = 0; ok && a->notes && i < a->notes->finding_count; i++) {
        const struct history_finding *f = &a->notes->findings[i];
        const struct store_param of[] = {store_number(a->run),
                                         store_text(store_name(a->h, f->rule)),
                                         store_text(store_name(a->h, f->subject)),
                                         store_text(f->severity),
                                         store_text(store_name(a->h, f->summary)),
                                         store_number(a->id)};
        ok = store_run(a->h,
                       "INSERT INTO finding(run, rule, subject, severity, summary,"
                       " first_snapshot, last_snapshot) VALUES($1, $2, $3, $4, $5, $6, $6)"
                       " ON CONFLICT(run, rule, subject) DO UPDATE SET severity ="
                       " excluded.severity, summary = excluded.summary,"
                       " last_snapshot = excluded.last_snapshot",
                       of, STORE_COUNT(of), NULL, err);
    }
    for (uint32_t i = 0; ok && a->notes && i < a->notes->holder_count; i++) {
        const struct history_holder *c = &a->notes->holders[i];
        const struct store_param of[] = {store_number(a->run),
                                         store_text(store_name(a->h, c->type)),
                                         store_text(store_name(a->h, c->held_by)),
                                         store_number(c->objects),
                                         store_number(c->bytes),
                                         store_number(a->id)};
        ok = store_run(a->h,
                       "INSERT INTO growth_cause(run, type, held_by, objects, bytes,"
                       " first_snapshot, last_snapshot) VALUES($1, $2, $3, $4, $5, $6, $6)"
                       " ON CONFLICT(run, type) DO UPDATE SET held_by = excluded.held_by,"
                       " objects = excluded.objects, bytes = excluded.bytes,"
                       " last_snapshot = excluded.last_snapshot",
                       of, STORE_COUNT(of), NULL, err);
    }
    return ok;
}

/* -- All of it --------------------------------------------------------------------------------- */

static bool add_in_transaction(struct adding *a, struct err *err) {
    if (!a->h->body->lock(a->h, a->instance, err) || !find_run(a, err) || !insert_snapshot(a, err))
        return false;
    return a->known || (write_changes(a, err) && write_notes(a, err));
}

static bool add_once(struct adding *a, struct err *err) {
    return find_place(a, err) &&
           types_number(a->h, a->program, a->keeper.rows, a->keeper.count, err) &&
           a->h->body->prepare_day(a->h, a->day, err) && store_begin(a->h, true, err) &&
           store_end(a->h, add_in_transaction(a, err), err);
}

/* Where another writer was in the way, the next attempt goes on from what it left. */
static bool add_anyhow(struct adding *a, struct err *err) {
    for (uint32_t attempt = 1;; attempt++) {
        if (add_once(a, err))
            return true;
        types_forget(a->h->types);
        if (!a->h->again || attempt == ATTEMPTS)
            return false;
        const struct timespec pause = {.tv_nsec = 20000000L * attempt};
        nanosleep(&pause, NULL);
    }
}

static bool add_names(struct adding *a, const struct history_key *key, struct err *err) {
    a->key =
        (struct history_key){store_name(a->h, key->program), store_name(a->h, key->release),
                             store_name(a->h, key->environment), store_name(a->h, key->instance)};
    return (a->key.program && a->key.release && a->key.environment && a->key.instance) ||
           err_nomem(err);
}

bool history_add(struct history *h, const struct snapshot *snapshot, const struct history_key *key,
                 const struct history_notes *notes, uint64_t *ret_id, bool *ret_known,
                 struct err *err) {
    const struct origin_row *origin = snapshot_origin(snapshot);
    if (origin->types_filter)
        return err_set(err, ERR_INCONCLUSIVE, "its types are only those of `%s`",
                       origin->types_filter);
    struct adding a = {.h = h, .snapshot = snapshot, .notes = notes};
    struct strbuf file;
    strbuf_init(&file);
    keeper_init(&a.keeper, h);
    a.day = origin->captured_at_ns == ABSENT ? 0 : (uint32_t)(origin->captured_at_ns / NS_A_DAY);
    bool ok = snapfile_encode(snapshot, &file, err) && add_names(&a, key, err) &&
              keeper_take(&a.keeper, snapshot, notes ? notes->requests : 0, err);
    a.hash = ok ? hash_bytes(file.ptr, file.len) : 0;
    ok = ok && add_anyhow(&a, err);
    keeper_deinit(&a.keeper);
    strbuf_deinit(&file);
    *ret_id = a.id;
    *ret_known = a.known;
    return ok;
}
