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
    if (k->begun)
        series_deinit(&k->series);
    free(k->rows);
}

/* Rows that come to the same name are added up; a value and nothing is the value. */
static void keep_more(struct kept *row, const uint64_t cells[HISTORY_COLUMNS]) {
    for (int c = 0; c < HISTORY_COLUMNS; c++)
        if (cells[c] != ABSENT)
            row->cells[c] = num_add(row->cells[c] == ABSENT ? 0 : row->cells[c], cells[c]);
}

/* lasting: the name is there as long as the keeper is. */
static bool keep_row(struct keeper *k, enum history_kind kind, const char *name, bool lasting,
                     const uint64_t cells[HISTORY_COLUMNS], struct err *err) {
    const char *kept = store_name(k->h, name);
    if (!kept)
        return err_nomem(err);
    lasting = lasting && kept == name;
    struct str key = types_key(kind), text = str_of(kept);
    uint64_t hash = strmap_hash(key, text);
    uint32_t at = strmap_get_hashed(&k->places, hash, key, text);
    if (at != STRMAP_NONE) {
        keep_more(&k->rows[at], cells);
        return true;
    }
    if (!VEC_ROOM(k->rows, k->count, k->capacity, err))
        return false;
    text.ptr = lasting ? kept : arena_copy(&k->names, kept, text.len);
    if (!text.ptr || !strmap_put_hashed(&k->places, hash, key, text, k->count))
        return err_nomem(err);
    struct kept *row = &k->rows[k->count++];
    *row = (struct kept){.kind = kind, .name = text.ptr, .hash = hash};
    memcpy(row->cells, cells, sizeof(row->cells));
    return true;
}

/* Under k->name. */
static bool keep_named(struct keeper *k, enum history_kind kind,
                       const uint64_t cells[HISTORY_COLUMNS], struct err *err) {
    return strbuf_ok(&k->name, err) && keep_row(k, kind, strbuf_cstr(&k->name), false, cells, err);
}

static bool keep_types(struct keeper *k, const struct series *s, struct err *err) {
    strmap_expect(&k->places, s->type_count);
    for (uint32_t i = 0; i < s->type_count; i++) {
        const struct series_type *type = &s->types[i];
        const uint64_t cells[HISTORY_COLUMNS] = {
            [HISTORY_OBJECTS] = type->totals[0].objects,
            [HISTORY_BYTES] = type->totals[0].bytes,
            [HISTORY_MATURE] = s->generations_known ? series_type_mature(type, 0) : ABSENT,
            [HISTORY_LIVE_OBJECTS] = type->live_objects[0],
            [HISTORY_LIVE_BYTES] = type->live_bytes[0]};
        bool made = name_may_be_made(type->name);
        if (made) {
            strbuf_clear(&k->name);
            name_normal(str_of(type->name), &k->name);
        }
        if (made ? !keep_named(k, HISTORY_TYPE, cells, err)
                 : !keep_row(k, HISTORY_TYPE, type->name, true, cells, err))
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
        if (!keep_named(k, HISTORY_VALUE, cells, err))
            return false;
    }
    if (!snapshot_has(s->snapshots[0], PART_THREADS))
        return true;
    const uint64_t threads[HISTORY_COLUMNS] = {s->snapshots[0]->tables[PART_THREADS].count, ABSENT,
                                               ABSENT, ABSENT, ABSENT};
    strbuf_clear(&k->name);
    strbuf_adds(&k->name, "threads.threads");
    return keep_named(k, HISTORY_VALUE, threads, err);
}

static bool keep_requests(struct keeper *k, uint64_t requests, struct err *err) {
    const uint64_t cells[HISTORY_COLUMNS] = {ABSENT, requests, ABSENT, ABSENT, ABSENT};
    strbuf_clear(&k->name);
    strbuf_adds(&k->name, "requests.requests.served");
    return requests == 0 || keep_named(k, HISTORY_VALUE, cells, err);
}

bool keeper_take(struct keeper *k, const struct snapshot *snapshot, uint64_t requests,
                 struct err *err) {
    const struct snapshot *one[] = {snapshot};
    k->begun = true;
    return series_init(&k->series, one, 1, NULL, err) && keep_types(k, &k->series, err) &&
           keep_values(k, &k->series, err) && keep_requests(k, requests, err);
}
