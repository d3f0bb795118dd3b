#include "history/keep.h"

#include "base/num.h"
#include "base/vec.h"
#include "diff/names/names.h"
#include "diff/series/series.h"
#include "model/part_fields.h"
#include "model/snapshot.h"

#include <stdlib.h>

void keeper_init(struct keeper *k, struct history *h) {
    *k = (struct keeper){.h = h};
    arena_init(&k->names);
    strmap_init(&k->places);
    strbuf_init(&k->name);
}

void keeper_deinit(struct keeper *k) {
    strbuf_deinit(&k->name);
    strmap_deinit(&k->places);
    arena_deinit(&k->names);
    free(k->rows);
}

/* Rows that come to the same name are added up; a value and nothing is the value. */
static void keep_more(struct kept *row, const uint64_t cells[HISTORY_COLUMNS]) {
    for (int c = 0; c < HISTORY_COLUMNS; c++)
        if (cells[c] != ABSENT)
            row->cells[c] = num_add(row->cells[c] == ABSENT ? 0 : row->cells[c], cells[c]);
}

/* Under k->name. */
static bool keep_row(struct keeper *k, enum history_kind kind,
                     const uint64_t cells[HISTORY_COLUMNS], struct err *err) {
    struct str key = kind == HISTORY_TYPE ? STR("t") : STR("v");
    if (!strbuf_ok(&k->name, err))
        return false;
    const char *name = store_name(k->h, strbuf_cstr(&k->name));
    if (!name)
        return err_nomem(err);
    uint32_t at = strmap_get(&k->places, key, str_of(name));
    if (at != STRMAP_NONE) {
        keep_more(&k->rows[at], cells);
        return true;
    }
    if (!VEC_ROOM(k->rows, k->count, k->capacity, err))
        return false;
    name = arena_copy(&k->names, name, strlen(name));
    if (!name || !strmap_put(&k->places, key, str_of(name), k->count))
        return err_nomem(err);
    struct kept *row = &k->rows[k->count++];
    *row = (struct kept){.kind = kind, .name = name};
    memcpy(row->cells, cells, sizeof(row->cells));
    return true;
}

static bool keep_types(struct keeper *k, const struct series *s, struct err *err) {
    for (uint32_t i = 0; i < s->type_count; i++) {
        const struct series_type *type = &s->types[i];
        const uint64_t cells[HISTORY_COLUMNS] = {
            [HISTORY_OBJECTS] = type->totals[0].objects,
            [HISTORY_BYTES] = type->totals[0].bytes,
            [HISTORY_MATURE] = s->generations_known ? series_type_mature(type, 0) : ABSENT,
            [HISTORY_LIVE_OBJECTS] = type->live_objects[0],
            [HISTORY_LIVE_BYTES] = type->live_bytes[0]};
        strbuf_clear(&k->name);
        name_normal(str_of(type->name), &k->name);
        if (!keep_row(k, HISTORY_TYPE, cells, err))
            return false;
    }
    return true;
}

static bool keep_values(struct keeper *k, const struct series *s, struct err *err) {
    for (uint32_t i = 0; i < s->value_count; i++) {
        const struct series_value *v = &s->values[i];
        /* Where a source does not tell generations, all of them are 0: that is not known. */
        const struct series_group_desc *group = series_group_desc(v->group);
        if (group->part == PART_TYPES && !s->generations_known && v->group != GROUP_TYPES_TOTAL)
            continue;
        const uint64_t cells[HISTORY_COLUMNS] = {v->counts[0], v->values[0], ABSENT, ABSENT,
                                                 ABSENT};
        strbuf_clear(&k->name);
        strbuf_addf(&k->name, "%s.%s.%s", part_descs[group->part].name, group->name, v->name);
        if (!keep_row(k, HISTORY_VALUE, cells, err))
            return false;
    }
    if (!snapshot_has(s->snapshots[0], PART_THREADS))
        return true;
    const uint64_t threads[HISTORY_COLUMNS] = {s->snapshots[0]->tables[PART_THREADS].count, ABSENT,
                                               ABSENT, ABSENT, ABSENT};
    strbuf_clear(&k->name);
    strbuf_adds(&k->name, "threads.threads");
    return keep_row(k, HISTORY_VALUE, threads, err);
}

static bool keep_requests(struct keeper *k, uint64_t requests, struct err *err) {
    const uint64_t cells[HISTORY_COLUMNS] = {ABSENT, requests, ABSENT, ABSENT, ABSENT};
    strbuf_clear(&k->name);
    strbuf_adds(&k->name, "requests.requests.served");
    return requests == 0 || keep_row(k, HISTORY_VALUE, cells, err);
}

bool keeper_take(struct keeper *k, const struct snapshot *snapshot, uint64_t requests,
                 struct err *err) {
    struct series s;
    const struct snapshot *one[] = {snapshot};
    bool ok = series_init(&s, one, 1, NULL, err) && keep_types(k, &s, err) &&
              keep_values(k, &s, err) && keep_requests(k, requests, err);
    series_deinit(&s);
    return ok;
}
