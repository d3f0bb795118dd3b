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
/* Of what changed of a run's state: so much is read beside all of it. */
#define PIECES_MOST  32u
#define PIECES_BYTES UINT64_C(4096)

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

/* All four at once, as far as they are there. */
static bool look_for_place(struct adding *a, struct err *err) {
    const struct store_param of[] = {store_text(a->key.program), store_text(a->key.release),
                                     store_text(a->key.environment), store_text(a->key.instance)};
    struct store_rows rows;
    bool ok = store_select(a->h,
                           "SELECT p.id, l.id, e.id, i.id FROM program p"
                           " LEFT JOIN release l ON l.program = p.id AND l.name = $2"
                           " LEFT JOIN environment e ON e.program = p.id AND e.name = $3"
                           " LEFT JOIN instance i ON i.environment = e.id AND i.name = $4"
                           " WHERE p.name = $1",
                           of, 4, false, &rows, err);
    a->release = a->instance = ABSENT;
    if (store_next(&rows, &ok, err)) {
        a->program = store_number_of(&rows, 0);
        a->release = store_number_of(&rows, 1);
        a->environment = store_number_of(&rows, 2);
        a->instance = store_number_of(&rows, 3);
    }
    store_done(&rows);
    return ok;
}

static bool make_place(struct adding *a, struct err *err) {
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

static bool find_place(struct adding *a, struct err *err) {
    return look_for_place(a, err) &&
           ((a->release != ABSENT && a->instance != ABSENT) || make_place(a, err));
}

/*
 * One life of a process: by when it began, else by its number; none said: all that do not. Two of
 * one program that a supervisor starts at once have the same start, but not the same number.
 */
static bool is_same_run(const struct origin_row *origin, uint64_t start, uint64_t pid) {
    if (origin->process_start_ns != ABSENT && start != ABSENT) {
        uint64_t a = origin->process_start_ns;
        return (a > start ? a - start : start - a) <= SAME_START_NS &&
               (origin->pid == pid || origin->pid == ABSENT || pid == ABSENT);
    }
    if (origin->process_start_ns != start)
        return false;
    return origin->pid == pid;
}

/* Its run, and whether the very same snapshot is there. */
static bool find_run(struct adding *a, struct err *err) {
    const struct origin_row *origin = snapshot_origin(a->snapshot);
    const struct store_param of[] = {
        store_number(a->instance), store_number(a->release), store_number(RUNS_LOOKED_AT),
        store_blob((struct str){(const char *)&a->hash, sizeof(a->hash)})};
    struct store_rows rows;
    a->run = a->id = ABSENT;
    bool ok = store_select(a->h,
                           "SELECT r.id, r.process_start_ns, r.pid, s.id FROM run r"
                           " LEFT JOIN snapshot s ON s.run = r.id AND s.hash = $4"
                           " WHERE r.instance = $1 AND r.release = $2"
                           " ORDER BY r.id DESC LIMIT $3",
                           of, 4, false, &rows, err);
    while (a->run == ABSENT && store_next(&rows, &ok, err))
        if (is_same_run(origin, store_number_of(&rows, 1), store_number_of(&rows, 2))) {
            a->run = store_number_of(&rows, 0);
            a->id = store_number_of(&rows, 3);
        }
    store_done(&rows);
    a->known = a->id != ABSENT;
    if (!ok || a->run != ABSENT)
        return ok;
    const struct store_param made[] = {of[0], of[1], store_number(origin->process_start_ns),
                                       store_number(origin->pid)};
    return store_ask(a->h,
                     "INSERT INTO run(instance, release, process_start_ns, pid)"
                     " VALUES($1, $2, $3, $4) RETURNING id",
                     made, 4, &a->run, err);
}

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

/* Types get their numbers in the order of names, in which they come: most are sorted. */
static void sort_kept(struct keeper *k) {
    uint32_t i = 1;
    while (i < k->count && k->rows[i - 1].type < k->rows[i].type)
        i++;
    if (i < k->count)
        qsort(k->rows, k->count, sizeof(*k->rows), cmp_kept_types);
}

struct changes {
    struct state before;
    struct state changed;     /* what is not as before, and what is gone */
    struct store_value *rows; /* what of that `value` is told */
    uint32_t count, capacity;
    bool whole;      /* nothing to go on from: all of it has to be kept */
    uint32_t pieces; /* changes that lie behind the blob of all */
    uint64_t whole_bytes, pieces_bytes;
};

static bool put_change(struct changes *c, const struct adding *a, uint64_t type,
                       const uint64_t cells[HISTORY_COLUMNS], struct err *err) {
    if (!VEC_ROOM(c->rows, c->count, c->capacity, err))
        return false;
    struct store_value *row = &c->rows[c->count++];
    *row = (struct store_value){.type = type, .run = a->run, .snapshot = a->id, .day = a->day};
    memcpy(row->cells, cells, sizeof(row->cells));
    return true;
}

static bool state_changes(struct changes *c, const struct state_row *row, struct err *err) {
    if (!VEC_ROOM(c->changed.rows, c->changed.count, c->changed.capacity, err))
        return false;
    c->changed.rows[c->changed.count++] = *row;
    return true;
}

/* A type that is gone has no objects, a value that is gone is not known. */
static bool put_gone(struct changes *c, const struct adding *a, const struct state_row *was,
                     struct err *err) {
    struct state_row gone = *was;
    gone.gone = true;
    memset(gone.cells, 0xff, sizeof(gone.cells));
    if (was->kind == HISTORY_TYPE)
        gone.cells[HISTORY_OBJECTS] = gone.cells[HISTORY_BYTES] = 0;
    return (memcmp(gone.cells, was->cells, sizeof(gone.cells)) == 0 ||
            put_change(c, a, was->type, gone.cells, err)) &&
           state_changes(c, &gone, err);
}

/* was: NULL: it is new. */
static bool put_kept(struct changes *c, const struct adding *a, const struct kept *kept,
                     const struct state_row *was, struct err *err) {
    if (was && memcmp(was->cells, kept->cells, sizeof(was->cells)) == 0)
        return true;
    struct state_row now = {.type = kept->type, .kind = kept->kind};
    memcpy(now.cells, kept->cells, sizeof(now.cells));
    return put_change(c, a, kept->type, now.cells, err) && state_changes(c, &now, err);
}

/* Both sorted by type. */
static bool find_changes(struct changes *c, const struct adding *a, struct err *err) {
    const struct keeper *k = &a->keeper;
    bool types = snapshot_has(a->snapshot, PART_TYPES), ok = true;
    uint32_t b = 0;
    for (uint32_t i = 0; ok && i <= k->count; i++) {
        uint64_t type = i < k->count ? k->rows[i].type : UINT64_MAX;
        for (; ok && b < c->before.count && c->before.rows[b].type < type; b++)
            if (c->before.rows[b].kind != HISTORY_TYPE || types) /* else it does not speak of it */
                ok = put_gone(c, a, &c->before.rows[b], err);
        if (!ok || i == k->count)
            break;
        bool was = b < c->before.count && c->before.rows[b].type == type;
        ok = put_kept(c, a, &k->rows[i], was ? &c->before.rows[b] : NULL, err);
        b += was;
    }
    return ok;
}

/* What the run said last; nothing where its rows of this month have to stand for themselves. */
static bool read_state(struct adding *a, struct changes *c, struct err *err) {
    const struct store_param of[] = {store_number(a->run)};
    struct store_rows rows;
    c->whole = true;
    bool ok = store_select(a->h,
                           "SELECT day, rows, 0 AS snapshot FROM state WHERE run = $1 UNION ALL"
                           " SELECT 0, rows, snapshot FROM state_change WHERE run = $1"
                           " ORDER BY snapshot",
                           of, 1, false, &rows, err);
    while (store_next(&rows, &ok, err)) {
        struct str blob = store_blob_of(&rows, 1);
        if (store_number_of(&rows, 2) != 0) {
            c->pieces++;
            c->pieces_bytes += blob.len;
            ok = c->whole || state_take_change(&c->before, blob, err);
        } else if (!a->h->body->monthly || store_number_of(&rows, 0) == store_month(a->day)) {
            c->whole = false;
            c->whole_bytes = blob.len;
            ok = state_take(&c->before, blob, err);
        }
        if (!ok)
            break;
    }
    store_done(&rows);
    return ok;
}

/* text: what changed. */
static bool write_whole(struct adding *a, struct changes *c, struct strbuf *text, struct err *err) {
    if (!state_take_change(&c->before, strbuf_str(text), err))
        return false;
    strbuf_clear(text);
    state_put(text, &c->before);
    if (!strbuf_ok(text, err))
        return false;
    const struct store_param of[] = {store_number(a->run),
                                     store_number(a->h->body->monthly ? store_month(a->day) : 0),
                                     store_blob(strbuf_str(text))};
    return store_run(a->h,
                     "INSERT INTO state(run, day, rows) VALUES($1, $2, $3) ON CONFLICT(run)"
                     " DO UPDATE SET day = excluded.day, rows = excluded.rows",
                     of, 3, NULL, err) &&
           (c->pieces == 0 ||
            store_run(a->h, "DELETE FROM state_change WHERE run = $1", of, 1, NULL, err));
}

/*
 * As a rule what changed, which is a fraction of all: written anew each time, all of it would be
 * most of what an add writes. Once the pieces are as much as that, it is written.
 */
static bool write_state(struct adding *a, struct changes *c, struct err *err) {
    struct strbuf text;
    strbuf_init(&text);
    state_put_change(&text, &c->changed);
    bool whole = c->whole || c->pieces + 1 > PIECES_MOST ||
                 c->pieces_bytes + text.len > num_max(c->whole_bytes, PIECES_BYTES);
    const struct store_param of[] = {store_number(a->run), store_number(a->id),
                                     store_blob(strbuf_str(&text))};
    bool ok = strbuf_ok(&text, err);
    if (ok && whole) {
        ok = write_whole(a, c, &text, err);
    } else if (ok && c->changed.count) {
        ok = store_run(a->h, "INSERT INTO state_change(run, snapshot, rows) VALUES($1, $2, $3)", of,
                       3, NULL, err);
    }
    strbuf_deinit(&text);
    return ok;
}

static bool write_changes(struct adding *a, struct err *err) {
    struct changes c = {.count = 0};
    sort_kept(&a->keeper);
    bool ok = read_state(a, &c, err) && find_changes(&c, a, err) &&
              a->h->body->put(a->h, c.rows, c.count, err) && write_state(a, &c, err);
    state_deinit(&c.before);
    state_deinit(&c.changed);
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
    if (!find_run(a, err))
        return false;
    return a->known || (insert_snapshot(a, err) && write_changes(a, err) && write_notes(a, err));
}

static bool add_once(struct adding *a, struct err *err) {
    return find_place(a, err) &&
           types_number(a->h, a->program, a->keeper.rows, a->keeper.count, err) &&
           a->h->body->prepare_day(a->h, a->day, err) &&
           store_begin_adding(a->h, a->instance, err) &&
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
