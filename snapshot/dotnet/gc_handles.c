/*
 * The handle table (src/coreclr/gc/handletablepriv.h). HandleTableMap {HandleTableBucket **buckets;
 * HandleTableMap *next; u32 max_index}. Bucket {HandleTable **tables}: one table a heap;
 * how many is not stored, a table is one while its segments point back to it. Segment: 64 KiB; a
 * header of 4 KiB, then blocks of 64 handles.
 *
 * A slot without an object is free, or a weak handle whose object is gone: a mask of the free ones
 * tells. Those that were freed last are in a cache of the table's for their kind, and free in no
 * mask (handletablecache.cpp): two banks of 63 and one more at most.
 */
#include "dotnet/gc_handles.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "dotnet/tally.h"
#include "model/known_names.h"
#include "model/rows_heap.h"

#include <string.h>

#define MAPS_MAX           4096u
#define BUCKETS_MAX        4096u
#define TABLES_MAX         1024u
#define SEGMENTS_MAX       65536u
#define SEGMENT_SIZE       0x10000u
#define HEADER_SIZE        0x1000u
#define BLOCK_HANDLES      64u
#define BLOCKS_MAX         240u
#define LOCKED_TABLE_BYTES 512u
#define CACHED_MOST        127u
/*
 * [bytes] of the header for each block, and where in them they are, one array behind the other: u8
 * kind of its handles; u8 of dependent handles the block of their secondaries; and all there is
 * before what depends on the number of kinds.
 */
#define BLOCK_FREE  5u /* two u32: a bit a handle */
#define BLOCK_TYPES 13u
#define BLOCK_DATA  14u
#define BLOCK_TAILS 16u

static const char *const kind_names[] = {
    "WeakShort", "WeakLong",    "Strong",   "Pinned",        "Variable",     "RefCounted",
    "Dependent", "AsyncPinned", "SizedRef", "WeakNativeCom", "WeakInterior", "CrossReference"};
_Static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == HANDLE_KINDS, "a name for each kind");

struct table_walk {
    struct clr *clr;
    bool (*visit)(void *context, const struct gc_handle *handle);
    void *context;
    struct u64map seen; /* segments and maps */
    uint64_t gone[2];   /* of the table that is read, see handle_counts */
    struct handle_counts counts;
};

const char *handle_kind_name(uint32_t kind) {
    return kind < HANDLE_KINDS ? kind_names[kind] : "Unknown";
}

bool handle_kind_is_root(uint32_t kind) {
    return kind == HANDLE_STRONG || kind == HANDLE_PINNED || kind == HANDLE_REF_COUNTED ||
           kind == HANDLE_ASYNC_PINNED || kind == HANDLE_SIZED_REF;
}

/* Of one segment. */
static uint32_t blocks_of(const struct clr *clr) {
    return (SEGMENT_SIZE - HEADER_SIZE) / (BLOCK_HANDLES * clr->word);
}

/* Where a segment has {next segment; its table}. */
static uint64_t links_of(const struct clr *clr, uint64_t segment, uint32_t kinds) {
    return segment + BLOCK_TAILS * (uint64_t)blocks_of(clr) + 6ull * kinds;
}

/* Does the word lead to a segment of the table, where there are so many kinds? */
static bool leads_to_segment(struct clr *clr, uint64_t at, uint64_t table, uint32_t kinds,
                             uint64_t *ret_segment) {
    uint64_t segment, back;
    if (!clr_word(clr, at, &segment) || !segment || segment % SEGMENT_SIZE ||
        !clr_word_at(clr, links_of(clr, segment, kinds), 1, &back) || back != table)
        return false;
    *ret_segment = segment;
    return true;
}

/*
 * Number of kinds (12 up to 9.0, 13 in 10.0) that makes the segment point back; 0: none. The list
 * of segments begins behind the flags of the kinds; before .NET 5 a lock lies in between.
 */
static uint32_t kinds_of(struct clr *clr, uint64_t table, uint64_t *ret_segment) {
    for (uint32_t kinds = 12; kinds <= 16; kinds++)
        if (leads_to_segment(clr, table + ((4 * kinds + clr->word - 1) & ~(clr->word - 1)), table,
                             kinds, ret_segment))
            return kinds;
    for (uint32_t at = 12 * 4; at < LOCKED_TABLE_BYTES; at += clr->word)
        if (leads_to_segment(clr, table + at, table, 12, ret_segment))
            return 12;
    return 0;
}

/* free: a bit for each slot of the block. */
static void count_gone(struct table_walk *w, uint8_t kind, const uint64_t *values, uint64_t free) {
    for (uint32_t i = 0; i < BLOCK_HANDLES && kind <= HANDLE_WEAK_LONG; i++)
        w->gone[kind] += !values[i] && !(free >> i & 1);
}

static bool read_block(struct table_walk *w, uint64_t segment, uint8_t kind, uint32_t block,
                       uint8_t data_block, uint64_t free) {
    uint64_t values[BLOCK_HANDLES], secondaries[BLOCK_HANDLES] = {0};
    uint64_t bytes = BLOCK_HANDLES * (uint64_t)w->clr->word;
    uint64_t address = segment + HEADER_SIZE + bytes * block;
    if (!clr_words(w->clr, address, values, BLOCK_HANDLES)) {
        w->counts.missing++;
        return true;
    }
    if (kind == HANDLE_DEPENDENT && (data_block >= blocks_of(w->clr) ||
                                     !clr_words(w->clr, segment + HEADER_SIZE + bytes * data_block,
                                                secondaries, BLOCK_HANDLES)))
        w->counts.missing++;
    count_gone(w, kind, values, free);
    for (uint32_t i = 0; i < BLOCK_HANDLES; i++) {
        struct gc_handle handle = {address + w->clr->word * (uint64_t)i, values[i], secondaries[i],
                                   kind};
        if (values[i] && !w->visit(w->context, &handle))
            return false;
    }
    return true;
}

static bool gc_handles_read_segment(struct table_walk *w, uint64_t segment, uint32_t kinds) {
    uint8_t types[BLOCKS_MAX], data[BLOCKS_MAX], free[BLOCKS_MAX * sizeof(uint64_t)];
    uint32_t blocks = blocks_of(w->clr);
    if (!clr_read(w->clr, segment + BLOCK_FREE * (uint64_t)blocks, free,
                  blocks * sizeof(uint64_t)) ||
        !clr_read(w->clr, segment + BLOCK_TYPES * (uint64_t)blocks, types, blocks) ||
        !clr_read(w->clr, segment + BLOCK_DATA * (uint64_t)blocks, data, blocks)) {
        w->counts.missing++;
        return true;
    }
    for (uint32_t block = 0; block < blocks; block++) {
        if (types[block] >= kinds - 1 || types[block] >= HANDLE_KINDS)
            continue;
        uint64_t mask = load_u64(free + block * sizeof(uint64_t));
        if (!read_block(w, segment, types[block], block, data[block], mask))
            return false;
    }
    return true;
}

static bool gc_handles_read_table(struct table_walk *w, uint64_t table, uint32_t kinds,
                                  uint64_t segment) {
    struct clr *clr = w->clr;
    while (segment && w->counts.segments < SEGMENTS_MAX) {
        uint64_t next, back;
        if (u64map_get(&w->seen, segment) != STRMAP_NONE)
            return true;
        if (!u64map_put(&w->seen, segment, 1))
            return false;
        w->counts.segments++;
        if (!clr_word(clr, links_of(clr, segment, kinds), &next) ||
            !clr_word_at(clr, links_of(clr, segment, kinds), 1, &back) || back != table) {
            w->counts.missing++;
            return true;
        }
        if (!gc_handles_read_segment(w, segment, kinds))
            return false;
        segment = next;
    }
    return true;
}

static bool read_bucket(struct table_walk *w, uint64_t bucket) {
    struct clr *clr = w->clr;
    uint64_t tables, table, segment;
    if (!clr_word(clr, bucket, &tables)) {
        w->counts.missing++;
        return true;
    }
    if (!tables)
        return true;
    for (uint32_t i = 0; i < TABLES_MAX; i++) {
        bool there = clr_spend(clr, 8) && clr_word_at(clr, tables, i, &table);
        uint32_t kinds = there && table ? kinds_of(clr, table, &segment) : 0;
        /* What follows the last table may be anything; the first one is there. */
        w->counts.missing += i == 0 && !kinds && (!there || table);
        if (!kinds)
            return true;
        w->gone[0] = w->gone[1] = 0;
        if (!gc_handles_read_table(w, table, kinds, segment))
            return false;
        for (int k = 0; k < 2; k++)
            w->counts.gone[k] += w->gone[k] > CACHED_MOST ? w->gone[k] - CACHED_MOST : 0;
    }
    return true;
}

static bool read_maps(struct table_walk *w) {
    struct clr *clr = w->clr;
    uint64_t map = clr->gc.slot[GC_HANDLE_TABLE_MAP];
    for (uint32_t i = 0; map && i < MAPS_MAX; i++) {
        uint64_t buckets, bucket;
        uint32_t count;
        if (u64map_get(&w->seen, map) != STRMAP_NONE)
            break;
        if (!u64map_put(&w->seen, map, 1))
            return false;
        if (!clr_word(clr, map, &buckets) || !clr_u32(clr, map + 2ull * clr->word, &count) ||
            count > BUCKETS_MAX) {
            w->counts.missing++;
            break;
        }
        for (uint32_t k = 0; k < count && clr_spend(clr, 1); k++) {
            if (!clr_word_at(clr, buckets, k, &bucket))
                w->counts.missing++;
            else if (bucket && !read_bucket(w, bucket))
                return false;
        }
        if (!clr_word_at(clr, map, 1, &map))
            break;
    }
    return true;
}

bool handles_each(struct clr *clr, bool (*visit)(void *context, const struct gc_handle *handle),
                  void *context, struct handle_counts *ret_counts, struct err *err) {
    struct table_walk w = {.clr = clr, .visit = visit, .context = context};
    u64map_init(&w.seen);
    bool ok = read_maps(&w) || err_nomem(err);
    u64map_deinit(&w.seen);
    *ret_counts = w.counts;
    return ok;
}

/* -- Part handles ------------------------------------------------------------------------------ */

struct tallying {
    struct clr *clr;
    struct tally tally;
    uint64_t missing;
};

static bool tally_handle(void *context, const struct gc_handle *handle) {
    struct tallying *t = context;
    uint64_t mt = 0;
    if (!clr_object_mt(t->clr, handle->object, &mt))
        t->missing++;
    struct cell cell = {1, clr_object_size(t->clr, handle->object)};
    return tally_add(&t->tally, handle->kind, mt, cell, 0);
}

static bool report_handles(struct builder *b, const char *kind, const char *type, struct cell cell,
                           struct err *err) {
    struct handle_row *row = builder_row(b, PART_HANDLES, err);
    if (!row || !(row->kind = builder_string(b, str_of(kind), err)) ||
        (type && !(row->type = builder_string(b, str_of(type), err))))
        return false;
    row->count = cell.objects;
    row->bytes = cell.bytes;
    return true;
}

static bool gc_handles_report(const struct tallying *h, const struct handle_counts *counts,
                              struct err *err) {
    struct builder *b = h->clr->b;
    if (counts->missing + h->missing)
        builder_lacks(b, PART_BIT(PART_HANDLES), ASPECT_ROWS, counts->missing + h->missing,
                      "parts of the handle table are not in the dump");
    if (counts->segments == 0) {
        builder_absent(b, PART_BIT(PART_HANDLES), ASPECT_ALL, ABSENT,
                       "the handle table is not in the dump");
        return true;
    }
    builder_present(b, PART_HANDLES);
    for (uint32_t i = 0; i < h->tally.count; i++) {
        const struct tally_row *t = &h->tally.rows[i];
        if (!report_handles(b, kind_names[t->key], t->name, (struct cell){t->objects, t->bytes},
                            err))
            return false;
    }
    for (int k = 0; k < 2; k++)
        if (counts->gone[k] && !report_handles(b, kind_names[k], HANDLE_OF_GONE,
                                               (struct cell){counts->gone[k], 0}, err))
            return false;
    return true;
}

bool handles_report(struct modules *m, struct err *err) {
    struct tallying h = {.clr = m->clr};
    struct handle_counts counts;
    tally_init(&h.tally);
    bool ok = handles_each(m->clr, tally_handle, &h, &counts, err);
    ok = ok && tally_finish(&h.tally, m, err) && gc_handles_report(&h, &counts, err);
    tally_deinit(&h.tally);
    return ok;
}
