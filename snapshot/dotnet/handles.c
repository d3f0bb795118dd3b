/*
 * The handle table (src/coreclr/gc/handletablepriv.h). HandleTableMap {HandleTableBucket **buckets
 * 0; HandleTableMap *next 8; u32 max_index 16}. Bucket {HandleTable **tables 0}: one table a heap;
 * how many is not stored, a table is one while its segments point back to it. Segment: 64 KiB; a
 * header of 4 KiB, then 120 blocks of 64 handles.
 */
#include "dotnet/handles.h"

#include "dotnet/tally.h"

#include <string.h>

#define MAPS_MAX      4096u
#define BUCKETS_MAX   4096u
#define TABLES_MAX    1024u
#define SEGMENTS_MAX  65536u
#define HEADER_SIZE   0x1000u
#define BLOCKS        120u
#define BLOCK_HANDLES 64u
#define BLOCK_TYPES   1560u /* u8 each block: its kind of handles */
#define TAILS         1920u /* what follows depends on the number of kinds */

static const char *const kind_names[] = {
    "WeakShort", "WeakLong",    "Strong",   "Pinned",        "Variable",     "RefCounted",
    "Dependent", "AsyncPinned", "SizedRef", "WeakNativeCom", "WeakInterior", "CrossReference"};
#define KINDS (sizeof(kind_names) / sizeof(kind_names[0]))

struct handles {
    struct modules *m;
    struct tally tally;
    struct u64map seen; /* segments and maps */
    uint32_t segments;
    uint64_t missing;
};

/* Number of kinds (12 in 8.0 and 9.0, 13 in 10.0) that makes the segment point back; 0: none. */
static uint32_t kinds_of(struct clr *clr, uint64_t table, uint64_t *ret_segment) {
    for (uint32_t kinds = 12; kinds <= 16; kinds++) {
        uint64_t segment, back;
        if (clr_u64(clr, table + ((4 * kinds + 7) & ~7u), &segment) && segment &&
            segment % 0x10000 == 0 && clr_u64(clr, segment + TAILS + 6ull * kinds + 8, &back) &&
            back == table) {
            *ret_segment = segment;
            return kinds;
        }
    }
    return 0;
}

static bool read_segment(struct handles *h, uint64_t segment, uint32_t kinds) {
    struct clr *clr = h->m->clr;
    uint8_t types[BLOCKS];
    if (!clr_read(clr, segment + BLOCK_TYPES, types, sizeof(types))) {
        h->missing++;
        return true;
    }
    for (uint32_t block = 0; block < BLOCKS; block++) {
        uint64_t values[BLOCK_HANDLES];
        if (types[block] >= kinds - 1 || types[block] >= KINDS)
            continue;
        if (!clr_read(clr, segment + HEADER_SIZE + sizeof(values) * block, values,
                      sizeof(values))) {
            h->missing++;
            continue;
        }
        for (uint32_t i = 0; i < BLOCK_HANDLES; i++) {
            uint64_t mt = 0;
            if (!values[i])
                continue;
            if (!clr_object_mt(clr, values[i], &mt))
                h->missing++;
            struct cell cell = {1, clr_object_size(clr, values[i])};
            if (!tally_add(&h->tally, types[block], mt, cell, 0))
                return false;
        }
    }
    return true;
}

static bool read_table(struct handles *h, uint64_t table, uint32_t kinds, uint64_t segment) {
    struct clr *clr = h->m->clr;
    while (segment && h->segments < SEGMENTS_MAX) {
        uint64_t next, back;
        if (u64map_get(&h->seen, segment) != STRMAP_NONE)
            return true;
        if (!u64map_put(&h->seen, segment, 1))
            return false;
        h->segments++;
        if (!clr_u64(clr, segment + TAILS + 6ull * kinds, &next) ||
            !clr_u64(clr, segment + TAILS + 6ull * kinds + 8, &back) || back != table) {
            h->missing++;
            return true;
        }
        if (!read_segment(h, segment, kinds))
            return false;
        segment = next;
    }
    return true;
}

static bool read_bucket(struct handles *h, uint64_t bucket) {
    struct clr *clr = h->m->clr;
    uint64_t tables, table, segment;
    if (!clr_u64(clr, bucket, &tables) || !tables)
        return true;
    for (uint32_t i = 0; i < TABLES_MAX; i++) {
        if (!clr_u64(clr, tables + 8ull * i, &table) || !table)
            return true;
        uint32_t kinds = kinds_of(clr, table, &segment);
        if (!kinds)
            return true;
        if (!read_table(h, table, kinds, segment))
            return false;
    }
    return true;
}

static bool read_maps(struct handles *h) {
    struct clr *clr = h->m->clr;
    uint64_t map = clr->gc.slot[GC_HANDLE_TABLE_MAP];
    for (uint32_t i = 0; map && i < MAPS_MAX; i++) {
        uint64_t buckets, bucket;
        uint32_t count;
        if (u64map_get(&h->seen, map) != STRMAP_NONE)
            break;
        if (!u64map_put(&h->seen, map, 1))
            return false;
        if (!clr_u64(clr, map, &buckets) || !clr_u32(clr, map + 16, &count) ||
            count > BUCKETS_MAX) {
            h->missing++;
            break;
        }
        for (uint32_t k = 0; k < count; k++)
            if (clr_u64(clr, buckets + 8ull * k, &bucket) && bucket && !read_bucket(h, bucket))
                return false;
        if (!clr_u64(clr, map + 8, &map))
            break;
    }
    return true;
}

static bool report(struct handles *h, struct err *err) {
    struct builder *b = h->m->clr->b;
    if (h->missing)
        builder_warn(b, h->missing, "parts of the handle table are not in the dump");
    if (h->segments == 0)
        return true;
    builder_present(b, PART_HANDLES);
    for (uint32_t i = 0; i < h->tally.count; i++) {
        const struct tally_row *t = &h->tally.rows[i];
        struct handle_row *row = builder_row(b, PART_HANDLES, err);
        if (!row)
            return false;
        row->kind = builder_string(b, str_of(kind_names[t->key]), err);
        if (!row->kind)
            return false;
        if (t->name && !(row->type = builder_string(b, str_of(t->name), err)))
            return false;
        row->count = t->objects;
        row->bytes = t->bytes;
    }
    return true;
}

bool handles_report(struct modules *m, struct err *err) {
    struct handles h = {.m = m};
    tally_init(&h.tally);
    u64map_init(&h.seen);
    bool ok = read_maps(&h) || err_nomem(err);
    ok = ok && tally_finish(&h.tally, m, err) && report(&h, err);
    u64map_deinit(&h.seen);
    tally_deinit(&h.tally);
    return ok;
}
