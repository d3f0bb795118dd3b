/*
 * From the first version, which kept blobs of changes spread over shards by type, to rows: each
 * series is gone through once, snapshot by snapshot.
 */
#include "history/sqlite/sqlite_internal.h"

#include <stdlib.h>

/* Cells of one series: as the blobs say them, and as the rows do so far. */
struct unpacking {
    struct history *h;
    struct shard_state shards[SHARDS];
    uint64_t *said; /* [(shard * slots + slot) * HISTORY_COLUMNS + column], value + 1 */
    uint32_t slots;
    uint64_t program, series;
    struct store_value *rows;
    uint32_t count;
    struct u64map types; /* metric to its number in `type` */
};

/* The number of a metric in `type`, made when this program has it for the first time. */
static bool unpack_type(struct unpacking *u, uint64_t metric, uint64_t *ret_type,
                        enum history_kind *ret_kind, struct err *err) {
    uint32_t known = u64map_get(&u->types, metric);
    if (known != STRMAP_NONE) {
        *ret_type = known / 2;
        *ret_kind = known % 2 ? HISTORY_VALUE : HISTORY_TYPE;
        return true;
    }
    const struct store_param of[] = {store_number(u->program), store_number(metric)};
    uint64_t type, kind;
    if (!store_run(u->h,
                   "INSERT INTO type(program, kind, name) SELECT $1, kind, name FROM old_metric"
                   " WHERE id = $2 ON CONFLICT DO NOTHING",
                   of, 2, NULL, err) ||
        !store_ask(u->h,
                   "SELECT t.id FROM type t JOIN old_metric m ON m.kind = t.kind"
                   " AND m.name = t.name WHERE t.program = $1 AND m.id = $2",
                   of, 2, &type, err) ||
        !store_ask(u->h, "SELECT kind FROM old_metric WHERE id = $1", &of[1], 1, &kind, err))
        return false;
    if (type >= UINT32_MAX / 2 || kind > 1)
        return err_set(err, ERR_FORMAT, "rows of a snapshot are damaged: there is no type %llu",
                       (unsigned long long)metric);
    *ret_type = type;
    *ret_kind = kind ? HISTORY_VALUE : HISTORY_TYPE;
    return u64map_put(&u->types, metric, (uint32_t)(type * 2 + kind)) || err_nomem(err);
}

/* A row where a slot says something else than the rows so far do. */
static bool unpack_slot(struct unpacking *u, uint64_t snapshot, uint64_t parts, uint32_t shard,
                        uint32_t slot, struct err *err) {
    const uint64_t *now = &u->shards[shard].cells[(size_t)slot * HISTORY_COLUMNS];
    uint64_t *said = &u->said[((size_t)shard * u->slots + slot) * HISTORY_COLUMNS];
    if (memcmp(now, said, HISTORY_COLUMNS * sizeof(*now)) == 0)
        return true;
    struct store_value row = {.run = u->series, .snapshot = snapshot};
    enum history_kind kind = HISTORY_TYPE;
    if (!unpack_type(u, (uint64_t)slot * SHARDS + shard, &row.type, &kind, err))
        return false;
    if (kind == HISTORY_TYPE && !(parts & PART_BIT(PART_TYPES)))
        return true; /* it does not speak of types */
    for (int c = 0; c < HISTORY_COLUMNS; c++)
        row.cells[c] = now[c] - 1; /* 0 becomes ABSENT */
    /* What is not in a heap that was read has no objects in it. */
    if (kind == HISTORY_TYPE && now[HISTORY_OBJECTS] == 0 && now[HISTORY_BYTES] == 0)
        row.cells[HISTORY_OBJECTS] = row.cells[HISTORY_BYTES] = 0;
    memcpy(said, now, HISTORY_COLUMNS * sizeof(*now));
    u->rows[u->count++] = row;
    return true;
}

static bool unpack_snapshot(struct unpacking *u, uint64_t snapshot, uint64_t parts,
                            struct err *err) {
    const struct store_param of[] = {store_number(snapshot)};
    struct store_rows rows;
    bool ok = store_select(u->h, "SELECT shard, rows FROM old_change WHERE snapshot = $1", of, 1,
                           false, &rows, err);
    while (store_next(&rows, &ok, err)) {
        uint64_t shard = store_number_of(&rows, 0);
        struct str blob = store_blob_of(&rows, 1);
        ok = shard < SHARDS || err_set(err, ERR_FORMAT, "rows of a snapshot are damaged");
        ok = ok && shard_apply(&u->shards[shard],
                               (struct bytes){(const uint8_t *)blob.ptr, blob.len}, err);
        if (!ok)
            break;
    }
    store_done(&rows);
    u->count = 0;
    for (uint32_t shard = 0; ok && shard < SHARDS; shard++)
        for (uint32_t slot = 0; ok && slot < u->slots; slot++)
            ok = unpack_slot(u, snapshot, parts, shard, slot, err);
    return ok && u->h->body->put(u->h, u->rows, u->count, err);
}

static int cmp_state_rows(const void *x, const void *y) {
    const struct state_row *a = x, *b = y;
    return (a->type > b->type) - (a->type < b->type);
}

/* What the series says last is what its next snapshot is compared with. */
static bool unpack_state(struct unpacking *u, struct err *err) {
    struct state state = {NULL, 0, 0};
    struct strbuf text;
    strbuf_init(&text);
    state.rows = calloc((size_t)SHARDS * u->slots, sizeof(*state.rows));
    bool ok = state.rows || err_nomem(err);
    for (uint32_t i = 0; ok && i < SHARDS * u->slots; i++) {
        const uint64_t *said = &u->said[(size_t)i * HISTORY_COLUMNS];
        uint64_t metric = (uint64_t)(i % u->slots) * SHARDS + i / u->slots;
        uint32_t known = u64map_get(&u->types, metric);
        bool any = false;
        for (int c = 0; c < HISTORY_COLUMNS; c++)
            any = any || said[c];
        if (!any || known == STRMAP_NONE)
            continue;
        struct state_row *row = &state.rows[state.count++];
        row->type = known / 2;
        row->kind = known % 2 ? HISTORY_VALUE : HISTORY_TYPE;
        for (int c = 0; c < HISTORY_COLUMNS; c++)
            row->cells[c] = said[c] - 1;
    }
    if (ok && state.count)
        qsort(state.rows, state.count, sizeof(*state.rows), cmp_state_rows);
    if (ok)
        state_put(&text, &state);
    ok = ok && strbuf_ok(&text, err);
    const struct store_param of[] = {store_number(u->series), store_blob(strbuf_str(&text))};
    ok = ok &&
         store_run(u->h, "INSERT INTO state(run, day, rows) VALUES($1, 0, $2)", of, 2, NULL, err);
    state_deinit(&state);
    strbuf_deinit(&text);
    return ok;
}

static bool unpack_series(struct unpacking *u, struct err *err) {
    const struct store_param of[] = {store_number(u->series)};
    struct store_rows rows;
    size_t cells = (size_t)SHARDS * u->slots;
    u->said = calloc(cells * HISTORY_COLUMNS, sizeof(*u->said));
    u->rows = calloc(cells, sizeof(*u->rows));
    bool ok = (u->said && u->rows) || err_nomem(err);
    for (uint32_t i = 0; i < SHARDS; i++)
        ok = (shard_init(&u->shards[i], u->slots) || err_nomem(err)) && ok;
    bool selected = ok && store_select(u->h,
                                       "SELECT id, parts FROM old_snapshot WHERE series = $1"
                                       " ORDER BY id",
                                       of, 1, false, &rows, err);
    ok = ok && selected;
    while (selected && store_next(&rows, &ok, err)) {
        ok = unpack_snapshot(u, store_number_of(&rows, 0), store_number_of(&rows, 1), err);
        if (!ok)
            break;
    }
    if (selected)
        store_done(&rows);
    ok = ok && unpack_state(u, err);
    for (uint32_t i = 0; i < SHARDS; i++)
        shard_deinit(&u->shards[i]);
    free(u->said);
    free(u->rows);
    u->said = NULL;
    u->rows = NULL;
    return ok;
}

bool sqlite_unpack(struct history *h, struct err *err) {
    struct unpacking u = {.h = h, .program = ABSENT};
    struct store_rows rows;
    uint64_t most;
    if (!store_ask(h, "SELECT ifnull(max(id), 0) FROM old_metric", NULL, 0, &most, err))
        return false;
    if (most > UINT32_MAX / 64)
        return err_set(err, ERR_FORMAT, "the numbers of types are damaged");
    u.slots = (uint32_t)(most / SHARDS) + 1;
    bool ok = store_select(h, "SELECT id, program FROM old_series ORDER BY program, id", NULL, 0,
                           false, &rows, err);
    u64map_init(&u.types);
    while (store_next(&rows, &ok, err)) {
        u.series = store_number_of(&rows, 0);
        if (store_number_of(&rows, 1) != u.program) {
            u64map_deinit(&u.types);
            u64map_init(&u.types);
            u.program = store_number_of(&rows, 1);
        }
        ok = unpack_series(&u, err);
        if (!ok)
            break;
    }
    store_done(&rows);
    u64map_deinit(&u.types);
    return ok;
}
