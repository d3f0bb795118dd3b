/* The GC heap by generation, by heap and by region. */
#include "diff/report/doc_parts.h"

#include "base/num.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <inttypes.h>

struct generation_values {
    const struct series_value *all, *unused;
};

/* From the types where they tell generations, else from what is said of whole heaps. */
static struct generation_values doc_heap_generation_of(const struct doc_context *c, int g,
                                                       bool by_types) {
    enum series_group all = by_types ? GROUP_TYPES_GENERATION : GROUP_HEAPS_GENERATION;
    enum series_group unused = by_types ? GROUP_TYPES_FREE : GROUP_HEAPS_FREE;
    return (struct generation_values){
        series_value_of_generation(c->s, all, g),
        series_value_of_generation(c->s, unused, g),
    };
}

static bool types_tell(const struct doc_context *c) {
    return c->s->generations_known || !part_any(c, PART_HEAPS);
}

const struct series_value *doc_generation(const struct doc_context *c, int generation) {
    return doc_heap_generation_of(c, generation, types_tell(c)).all;
}

static bool any_value(const struct doc_context *c, const struct series_value *v) {
    for (uint32_t i = 0; v && i < c->s->count; i++)
        if ((v->values[i] != ABSENT && v->values[i]) || (v->counts[i] != ABSENT && v->counts[i]))
            return true;
    return false;
}

static void doc_heap_add_known(uint64_t *sum, uint64_t more) {
    if (more != ABSENT)
        *sum = num_add(*sum == ABSENT ? 0 : *sum, more);
}

/* Does anything tell one generation from another? */
static bool any_generation(const struct doc_context *c) {
    for (int g = 0; g < GEN_UNKNOWN; g++)
        if (any_value(c, doc_heap_generation_of(c, g, types_tell(c)).all))
            return true;
    return false;
}

static void generation_line(const struct doc_context *c, struct doc_table *t, int g,
                            const struct generation_values *v) {
    char buf[FMT_MAX];
    doc_row(c->d, t, DOC_PLAIN);
    doc_cell(c->d, t, DOC_PLAIN, generation_names[g]);
    doc_count(c->d, t, series_count_at(v->all, 0));
    doc_bytes(c->d, t, series_value_at(v->all, 0));
    doc_bytes(c->d, t, series_value_at(v->unused, 0));
    doc_cell(c->d, t, DOC_PLAIN,
             fmt_percent(series_value_at(v->unused, 0), series_value_at(v->all, 0), buf));
}

static void show_generations(const struct doc_context *c, bool told) {
    const struct doc_column columns[] = {
        {told ? "generation" : "", false, CUT_NEVER},
        {"objects", true, CUT_NEVER},
        {"bytes", true, CUT_NEVER},
        {"of which free", true, CUT_NEVER},
        {"free", true, CUT_NEVER},
    };
    uint64_t objects = ABSENT, bytes = ABSENT, unused = ABSENT;
    char buf[FMT_MAX];
    struct doc_table *t = doc_table(c->d, columns, 5);
    for (int g = 0; g < GEN_COUNT; g++) {
        struct generation_values v = doc_heap_generation_of(c, g, types_tell(c));
        if (!any_value(c, v.all))
            continue;
        if (told)
            generation_line(c, t, g, &v);
        doc_heap_add_known(&objects, series_count_at(v.all, 0));
        doc_heap_add_known(&bytes, series_value_at(v.all, 0));
        doc_heap_add_known(&unused, series_value_at(v.unused, 0));
    }
    doc_row(c->d, t, DOC_STRONG);
    doc_row_is(t, ROW_TOTAL);
    doc_cell(c->d, t, DOC_PLAIN, "total");
    doc_count(c->d, t, objects);
    doc_bytes(c->d, t, bytes);
    doc_bytes(c->d, t, unused);
    doc_cell(c->d, t, DOC_PLAIN, fmt_percent(unused, bytes, buf));
    doc_prune(t);
}

static void show_gc_facts(const struct doc_context *c) {
    const struct gc_row *gc = snapshot_row(c->s->snapshots[0], PART_GC);
    const struct live_row *live = snapshot_row(c->s->snapshots[0], PART_LIVE);
    char a[FMT_MAX], b[FMT_MAX];
    if (gc && gc->allocated_bytes != ABSENT)
        doc_text(c->d, DOC_ITEM, DOC_PLAIN, "the GC says: %s allocated",
                 fmt_bytes(gc->allocated_bytes, a));
    if (gc && gc->committed_bytes != ABSENT)
        doc_text(c->d, DOC_ITEM, DOC_PLAIN, "the GC says: %s committed",
                 fmt_bytes(gc->committed_bytes, a));
    if (gc && gc->in_progress == 1)
        doc_text(c->d, DOC_ITEM, DOC_BAD, "taken in the middle of a garbage collection");
    if (gc && gc->skipped_bytes != ABSENT && gc->skipped_bytes)
        doc_text(c->d, DOC_ITEM, DOC_BAD, "%s of the heap could not be walked",
                 fmt_bytes(gc->skipped_bytes, a));
    if (live) {
        char objects[FMT_MAX];
        doc_text(c->d, DOC_ITEM, DOC_PLAIN, "live: %s objects, %s; garbage: %s",
                 fmt_count(live->objects, objects), fmt_bytes(live->bytes, a),
                 fmt_bytes(live->garbage_bytes, b));
    }
}

static void show_heaps(const struct doc_context *c) {
    static const struct doc_column fixed[] = {{"heap", true, CUT_NEVER}};
    SNAPSHOT_ROWS(c->s->snapshots[0], PART_HEAPS, struct heap_row, rows, count);
    struct doc_column columns[GEN_COUNT + 3];
    uint32_t n = 0;
    if (count < 2)
        return;
    columns[n++] = fixed[0];
    for (int g = 0; g < GEN_COUNT; g++)
        columns[n++] = (struct doc_column){generation_names[g], true, CUT_NEVER};
    columns[n++] = (struct doc_column){"allocated", true, CUT_NEVER};
    columns[n++] = (struct doc_column){"committed", true, CUT_NEVER};
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "GC heaps");
    struct doc_table *t = doc_table(c->d, columns, n);
    for (uint32_t i = 0; i < count; i++) {
        doc_row(c->d, t, DOC_PLAIN);
        doc_count(c->d, t, rows[i].index);
        for (int g = 0; g < GEN_COUNT; g++)
            doc_bytes(c->d, t, rows[i].gen[g].bytes ? rows[i].gen[g].bytes : ABSENT);
        doc_bytes(c->d, t, rows[i].allocated);
        doc_bytes(c->d, t, rows[i].committed);
    }
    doc_prune(t);
}

static void show_regions(const struct doc_context *c) {
    static const struct doc_column columns[] = {
        {"kind", false, CUT_NEVER},
        {"regions", true, CUT_NEVER},
        {"allocated", true, CUT_NEVER},
        {"committed", true, CUT_NEVER},
    };
    struct doc_table *t = NULL;
    struct series_values values = series_values(c->s, GROUP_REGIONS_KIND);
    for (uint32_t i = 0; i < values.count; i++) {
        const struct series_value *v = &values.items[i];
        if (!t) {
            doc_text(c->d, DOC_HEADING, DOC_PLAIN, "GC regions");
            t = doc_table(c->d, columns, 4);
        }
        doc_row(c->d, t, DOC_PLAIN);
        doc_cell(c->d, t, DOC_PLAIN, v->name);
        doc_count(c->d, t, v->counts[0]);
        doc_bytes(c->d, t, v->values[0]);
        doc_bytes(c->d, t,
                  series_value_at(series_value_beside(c->s, v, GROUP_REGIONS_COMMITTED), 0));
    }
    doc_prune(t);
}

void doc_show_heap(const struct doc_context *c) {
    if (!part_any(c, PART_TYPES) && !part_any(c, PART_HEAPS) && !part_any(c, PART_GC) &&
        !part_any(c, PART_REGIONS))
        return;
    bool told = any_generation(c);
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, told ? "Heap by generation" : "Heap");
    if (part_any(c, PART_TYPES) || part_any(c, PART_HEAPS))
        show_generations(c, told);
    show_gc_facts(c);
    show_heaps(c);
    show_regions(c);
}

/* -- Diff -------------------------------------------------------------------------------------- */

struct generation_sums {
    uint64_t *bytes, *objects, *unused; /* [count of snapshots] */
};

static void generation_row(const struct doc_context *c, struct doc_table *t,
                           const struct doc_shown *shown, const char *name, const uint64_t *bytes,
                           const uint64_t *objects, const uint64_t *unused, bool total) {
    uint32_t last = c->s->count - 1;
    char buf[FMT_MAX];
    doc_row(c->d, t, total ? DOC_STRONG : DOC_PLAIN);
    doc_row_is(t, total ? ROW_TOTAL : ROW_PLAIN);
    doc_cell(c->d, t, DOC_PLAIN, name);
    for (uint32_t i = 0; i < shown->count; i++)
        doc_bytes(c->d, t, bytes[shown->at[i]]);
    if (bytes[0] == ABSENT || bytes[last] == ABSENT)
        doc_cell(c->d, t, DOC_PLAIN, "-");
    else
        doc_bytes_delta(c->d, t, fmt_delta(bytes[0], bytes[last]));
    if (!objects || objects[0] == ABSENT || objects[last] == ABSENT)
        doc_cell(c->d, t, DOC_PLAIN, "-");
    else
        doc_count_delta(c->d, t, fmt_delta(objects[0], objects[last]));
    doc_cell(c->d, t, DOC_PLAIN, unused ? fmt_percent(unused[0], bytes[0], buf) : "-");
    doc_cell(c->d, t, DOC_PLAIN, unused ? fmt_percent(unused[last], bytes[last], buf) : "-");
    if (shown->trend)
        doc_trend(c, t, bytes);
}

static void diff_generations(const struct doc_context *c, uint64_t *sums) {
    bool told = any_generation(c);
    struct doc_column columns[SHOWN_MOST + 8] = {{told ? "generation" : "", false, CUT_NEVER}};
    struct doc_shown shown;
    uint32_t count = c->s->count;
    uint64_t *bytes = sums, *objects = sums + count, *unused = sums + 2 * (size_t)count;
    doc_shown(c, &shown);
    uint32_t n = doc_shown_columns(&shown, columns, 1);
    columns[n++] = (struct doc_column){"bytes +/-", true, CUT_NEVER};
    columns[n++] = (struct doc_column){"objects +/-", true, CUT_NEVER};
    columns[n++] = (struct doc_column){"free before", true, CUT_NEVER};
    columns[n++] = (struct doc_column){"after", true, CUT_NEVER};
    if (shown.trend)
        columns[n++] = (struct doc_column){"trend", false, CUT_NEVER};
    struct doc_table *t = doc_table(c->d, columns, n);
    for (int g = 0; g < GEN_COUNT; g++) {
        struct generation_values v = doc_heap_generation_of(c, g, types_tell(c));
        if (!any_value(c, v.all))
            continue;
        if (told)
            generation_row(c, t, &shown, generation_names[g], v.all->values, v.all->counts,
                           v.unused ? v.unused->values : NULL, false);
        for (uint32_t i = 0; i < count; i++) {
            doc_heap_add_known(&bytes[i], series_value_at(v.all, i));
            doc_heap_add_known(&objects[i], series_count_at(v.all, i));
            doc_heap_add_known(&unused[i], series_value_at(v.unused, i));
        }
    }
    generation_row(c, t, &shown, "total", bytes, objects, unused, true);
    doc_prune(t);
}

void doc_diff_heap(const struct doc_context *c) {
    if (!part_any(c, PART_TYPES) && !part_any(c, PART_HEAPS))
        return;
    uint64_t *sums = arena_array(&c->d->arena, (size_t)c->s->count * 3, sizeof(*sums));
    if (!sums) {
        doc_fail_nomem(c->d);
        return;
    }
    for (size_t i = 0; i < (size_t)c->s->count * 3; i++)
        sums[i] = ABSENT;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, any_generation(c) ? "Heap by generation" : "Heap");
    diff_generations(c, sums);
}
