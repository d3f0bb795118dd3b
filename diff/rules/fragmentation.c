/* Space that the heap has and does not use. */
#include "diff/rules/rules.h"

#include "base/num.h"
#include "model/snapshot.h"
#include "model/rows_origin.h"

#include <string.h>

/* [bytes] that have to be free in addition for a warning: holes of a small heap cost nothing. */
#define FREE_SERIOUS ((uint64_t)1 << 20)

/* Free and all bytes of one generation (GEN_COUNT: of the heap) in one snapshot. */
struct share {
    uint64_t free_bytes, bytes;
};

static struct share share_of(const struct series *s, uint32_t i, int gen) {
    struct share share = {ABSENT, ABSENT};
    const struct snapshot *snapshot = s->snapshots[i];
    if (gen == GEN_COUNT) {
        if (snapshot_has(snapshot, PART_TYPES))
            share = (struct share){s->sums[i].free_total.bytes, s->sums[i].total.bytes};
        return share;
    }
    bool types = s->generations_known;
    enum series_group unused = types ? GROUP_TYPES_FREE : GROUP_HEAPS_FREE;
    enum series_group all = types ? GROUP_TYPES_GENERATION : GROUP_HEAPS_GENERATION;
    if (!snapshot_has(snapshot, types ? PART_TYPES : PART_HEAPS))
        return share;
    share.free_bytes = series_value_at(series_value_of_generation(s, unused, gen), i);
    share.bytes = series_value_at(series_value_of_generation(s, all, gen), i);
    return share;
}

static double fragmentation_percent(struct share share) {
    if (share.bytes == ABSENT || share.bytes == 0 || share.free_bytes == ABSENT)
        return 0;
    return 100.0 * (double)share.free_bytes / (double)share.bytes;
}

/*
 * Is a share of what the snapshot lists that of the heap? Not where rows are missing, which may be
 * most of it: their bytes are added where they are known.
 */
static bool share_is_whole(const struct series *s, uint32_t i, int gen, struct share *share) {
    enum part part = gen == GEN_COUNT || s->generations_known ? PART_TYPES : PART_HEAPS;
    const struct absence_row *row = snapshot_absence(s->snapshots[i], part, ASPECT_ROWS);
    if (!row)
        return true;
    if (part != PART_TYPES || row->count == ABSENT || row->count == 0 || share->bytes == ABSENT)
        return false;
    share->bytes = num_add(share->bytes, row->count);
    return true;
}

/* Seriously, and at every step: one large array that went leaves one hole, which the next will
 * fill. */
static bool fragmentation_grew(const struct series *s, int gen) {
    struct share first = share_of(s, 0, gen), last = share_of(s, s->count - 1, gen);
    if (first.free_bytes == ABSENT || last.free_bytes < first.free_bytes + FREE_SERIOUS)
        return false;
    for (uint32_t i = 1; i < s->count; i++)
        if (fragmentation_percent(share_of(s, i, gen)) <=
            fragmentation_percent(share_of(s, i - 1, gen)) + 1)
            return false;
    return s->count > 1;
}

static void fragmentation_judge(const struct series *s, const struct limits *limits,
                                struct findings *f, int gen) {
    uint32_t end = s->count - 1;
    struct share first = share_of(s, 0, gen), last = share_of(s, end, gen);
    if (!share_is_whole(s, end, gen, &last))
        return;
    if (!share_is_whole(s, 0, gen, &first))
        first = (struct share){ABSENT, ABSENT};
    const char *what = gen == GEN_COUNT ? "heap" : generation_names[gen];
    if (fragmentation_percent(last) < limits->free_share_percent || last.free_bytes == 0 ||
        last.free_bytes < rule_percent(series_heap_bytes(s, end), limits->free_heap_percent))
        return;
    bool grew = fragmentation_grew(s, gen);
    struct finding *hit =
        findings_hit(f, &rule_fragmentation, grew ? SEVERITY_WARNING : SEVERITY_NOTICE, 0, what);
    const char *of = gen == GEN_COUNT ? "the heap"
                     : gen == GEN_LOH ? "the large object heap"
                     : gen == GEN_POH ? "the pinned object heap"
                                      : generation_names[gen];
    if (s->count > 1 && first.bytes != ABSENT && first.free_bytes != ABSENT)
        finding_summary(f, hit,
                        "%.1f %% of %s is free space between objects (%s); it was %.1f %% "
                        "(%s).",
                        fragmentation_percent(last), of, say_bytes(f, last.free_bytes),
                        fragmentation_percent(first), say_bytes(f, first.free_bytes));
    else
        finding_summary(f, hit, "%.1f %% of %s is free space between objects (%s).",
                        fragmentation_percent(last), of, say_bytes(f, last.free_bytes));
    finding_next(f, hit, "%s",
                 say_advice(f, s, gen == GEN_LOH ? ADVICE_FREE_LARGE : ADVICE_FREE, NULL));
    finding_number(hit, "free_bytes", FIELD_BYTES, last.free_bytes);
    finding_number(hit, "bytes", FIELD_BYTES, last.bytes);
    if (s->count > 1) {
        finding_known(hit, "free_bytes_base", FIELD_BYTES, first.free_bytes);
        finding_known(hit, "bytes_base", FIELD_BYTES, first.bytes);
    }
}

/* Does the last snapshot say of a generation how much of it is free? */
static bool by_generation(const struct series *s) {
    if (s->generations_known)
        return true;
    for (int g = GEN_0; g < GEN_UNKNOWN; g++) {
        const struct share share = share_of(s, s->count - 1, g);
        if (share.free_bytes != ABSENT && share.bytes != ABSENT && share.bytes > 0)
            return true;
    }
    return false;
}

static bool run_fragmentation(const struct series *s, const struct limits *limits,
                              struct findings *f, struct err *err) {
    (void)err;
    if (by_generation(s)) {
        /* gen0 and gen1 are emptied all the time: free space there is no fragmentation. */
        fragmentation_judge(s, limits, f, GEN_2);
        fragmentation_judge(s, limits, f, GEN_LOH);
        fragmentation_judge(s, limits, f, GEN_POH);
    } else if (s->parts_all & PART_BIT(PART_TYPES)) {
        fragmentation_judge(s, limits, f, GEN_COUNT);
    } else {
        findings_skip(f, &rule_fragmentation, "no dump says how much of the heap is free%s",
                      rule_why(s, f, PART_TYPES, ASPECT_ROWS));
    }
    return true;
}

const struct rule rule_fragmentation = {
    .id = "fragmentation",
    .summary = "free space between objects, by generation",
    .whole = {{PART_TYPES, ASPECT_ROWS}, {PART_HEAPS, ASPECT_ROWS}},
    .min_snapshots = 1,
    .explain =
        "Looks at Free, the space between objects that the collector could not give back, as a\n"
        "share of gen2, LOH and POH (of the whole heap where generations are not known). Free is\n"
        "never a leaking type. Shares are compared as shares: less of it is never called more\n"
        "because the heap grew. Says something about a single dump, too.\n"
        "\n"
        "Thresholds: fragmentation.free-percent (of the generation), fragmentation.heap-percent\n"
        "(of the whole heap). It is a warning where the share grew at every step, and free space "
        "by\n"
        "1 MiB.\n"
        "\n"
        "What to do: in gen2, look for pinned handles and long-lived buffers handed to native\n"
        "code; in LOH, reuse large arrays instead of making them in many sizes.\n",
    .run = run_fragmentation,
};

/* -- Committed --------------------------------------------------------------------------------- */

static uint64_t allocated_of(const struct series *s, uint32_t i) {
    uint64_t bytes = series_value_at(series_value(s, VALUE_GC_ALLOCATED), i);
    if (bytes == ABSENT)
        bytes = series_value_at(series_value(s, VALUE_HEAPS_ALLOCATED), i);
    return bytes != ABSENT ? bytes : series_heap_bytes(s, i);
}

static bool run_committed(const struct series *s, const struct limits *limits, struct findings *f,
                          struct err *err) {
    (void)err;
    uint32_t end = s->count - 1;
    uint64_t committed = series_gc_committed(s, end), allocated = allocated_of(s, end);
    if (committed == ABSENT || allocated == ABSENT) {
        findings_skip(f, &rule_committed_vs_allocated,
                      "%s does not say how much memory its heap "
                      "has committed%s",
                      series_snapshot_name(s, end), rule_why(s, f, PART_GC, ASPECT_ROWS));
        return true;
    }
    if (committed <= allocated || committed - allocated < limits->committed_min_bytes ||
        (double)committed < limits->committed_ratio * (double)allocated)
        return true;
    struct finding *hit = findings_hit(f, &rule_committed_vs_allocated, SEVERITY_NOTICE,
                                       committed - allocated, "heap");
    finding_summary(f, hit,
                    "The garbage collector has committed %s and uses %s: the process is larger "
                    "than its objects.",
                    say_bytes(f, committed), say_bytes(f, allocated));
    finding_next(f, hit, "%s", say_advice(f, s, ADVICE_COMMITTED, NULL));
    finding_number(hit, "committed_bytes", FIELD_BYTES, committed);
    finding_number(hit, "allocated_bytes", FIELD_BYTES, allocated);
    if (s->count > 1) {
        finding_known(hit, "committed_bytes_base", FIELD_BYTES, series_gc_committed(s, 0));
        finding_known(hit, "allocated_bytes_base", FIELD_BYTES, allocated_of(s, 0));
    }
    return true;
}

const struct rule rule_committed_vs_allocated = {
    .id = "committed-vs-allocated",
    .summary = "the GC keeps much more memory than its objects need",
    .whole = {{PART_GC, ASPECT_ROWS}, {PART_HEAPS, ASPECT_ROWS}},
    .min_snapshots = 1,
    .explain =
        "Looks at the memory that the garbage collector has committed and at what it has\n"
        "allocated in it. A server may keep gigabytes for some megabytes of objects: the size of\n"
        "the process then says nothing of a leak. Says something about a single dump, too.\n"
        "\n"
        "Thresholds: committed-vs-allocated.ratio, committed-vs-allocated.min-bytes.\n"
        "\n"
        "What to do: judge leaks by allocated bytes. Where the memory itself is short, set\n"
        "GCConserveMemory or GCHeapHardLimit, or use fewer heaps (GCHeapCount).\n",
    .run = run_committed,
};
