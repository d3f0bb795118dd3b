#include "input/log/memory_text.h"

#include "base/num.h"
#include "base/vec.h"
#include "model/rows_process.h"

#include <stdlib.h>

/* Usages, states, types and protections that one process can have: far fewer. */
#define KEYS_MAX 4096u

static uint64_t usage_total(struct builder *b) {
    uint32_t count;
    const struct memory_row *rows = builder_rows(b, PART_MEMORY_MAP, &count);
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].by == MEMORY_BY_USAGE && rows[i].bytes != ABSENT)
            total = num_add(total, rows[i].bytes);
    return total;
}

bool memory_claim(struct transcript *t, const char *from, const char *replaces,
                  uint64_t *ret_replaced) {
    struct builder *b = t->b;
    struct str had = str_of(builder_shared(b)->memory_map_from);
    *ret_replaced = ABSENT;
    if (had.len && !str_eq(had, str_of(from))) {
        if (!replaces || !str_eq(had, str_of(replaces))) {
            builder_note(b, "%s: left out, the memory map is that of %s", from,
                         builder_shared(b)->memory_map_from);
            return false;
        }
        *ret_replaced = usage_total(b);
        builder_drop(b, PART_MEMORY_MAP);
    }
    builder_shared(b)->memory_map_from = from;
    return true;
}

bool memory_say(struct builder *b, enum memory_by by, struct str key, struct memory_row values,
                struct scan_loss *loss, struct err *err) {
    const char *name = builder_string(b, key, err);
    if (!name)
        return false;
    uint64_t hash = key_with(by, key_of_bytes(key.ptr, key.len));
    struct memory_row *row = builder_find(b, PART_MEMORY_MAP, hash);
    if (row && row->by == by && str_eq(str_of(row->key), str_of(name))) {
        scan_say(&row->regions, values.regions, loss);
        scan_say(&row->bytes, values.bytes, loss);
        scan_say(&row->private_bytes, values.private_bytes, loss);
        return true;
    }
    row = builder_row(b, PART_MEMORY_MAP, err);
    if (!row)
        return false;
    *row = values;
    row->by = by;
    row->key = name;
    return builder_index(b, PART_MEMORY_MAP, hash, err);
}

struct str memory_usage(struct str key) {
    struct str prefix = STR("RegionUsage");
    return str_starts(key, prefix) && key.len > prefix.len ? str_drop(key, prefix.len) : key;
}

void memory_sums_init(struct memory_sums *sums) {
    *sums = (struct memory_sums){0};
    strmap_init(&sums->index);
}

void memory_sums_deinit(struct memory_sums *sums) {
    strmap_deinit(&sums->index);
    free(sums->items);
    *sums = (struct memory_sums){0};
}

/* The map's second key tells usages from states: both may be called the same. */
static struct str by_key(enum memory_by by) {
    static const struct str keys[] = {{"u", 1}, {"s", 1}, {"t", 1}, {"p", 1}, {"l", 1}};
    return keys[by];
}

static struct memory_sum *memory_text_sum_of(struct memory_sums *sums, enum memory_by by,
                                             struct str key, struct err *err) {
    uint32_t number = strmap_get(&sums->index, key, by_key(by));
    if (number != STRMAP_NONE)
        return &sums->items[number];
    if (!VEC_ROOM(sums->items, sums->count, sums->capacity, err))
        return NULL;
    if (!strmap_put(&sums->index, key, by_key(by), sums->count)) {
        err_nomem(err);
        return NULL;
    }
    sums->items[sums->count] = (struct memory_sum){.by = by, .key = key};
    return &sums->items[sums->count++];
}

bool memory_sums_add(struct memory_sums *sums, enum memory_by by, struct str key, uint64_t bytes,
                     struct err *err) {
    if (sums->count >= KEYS_MAX && strmap_get(&sums->index, key, by_key(by)) == STRMAP_NONE) {
        sums->dropped++;
        return true;
    }
    struct memory_sum *sum = memory_text_sum_of(sums, by, key, err);
    if (!sum)
        return false;
    sum->regions++;
    sum->bytes = num_add(sum->bytes, bytes);
    if (bytes > sum->largest)
        sum->largest = bytes;
    return true;
}

bool memory_sums_store(const struct memory_sums *sums, struct builder *b, struct scan_loss *loss,
                       struct err *err) {
    for (uint32_t i = 0; i < sums->count; i++) {
        const struct memory_sum *sum = &sums->items[i];
        struct memory_row values = {
            .regions = sum->regions, .bytes = sum->bytes, .private_bytes = ABSENT};
        if (!memory_say(b, sum->by, sum->key, values, loss, err))
            return false;
        values =
            (struct memory_row){.regions = ABSENT, .bytes = sum->largest, .private_bytes = ABSENT};
        if (sum->by == MEMORY_BY_USAGE &&
            !memory_say(b, MEMORY_LARGEST, sum->key, values, loss, err))
            return false;
    }
    if (sums->dropped)
        builder_warn(b, sums->dropped, "memory regions with too many different keys, left out");
    return true;
}
