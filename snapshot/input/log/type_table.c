#include "input/log/type_table.h"

#include "base/num.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

static bool is_whole(const struct type_table *tt) {
    return tt->filter.len == 0;
}

static void keep_completeness(const struct type_table *tt) {
    tt->shared->types_cut = tt->is_cut;
    tt->shared->types_unlisted = tt->unlisted;
    tt->shared->types_missing_bytes = tt->missing_bytes;
}

bool type_table_begin(struct type_table *tt, struct builder *b, struct err *err) {
    tt->b = b;
    tt->shared = builder_shared(b);
    tt->unlisted = BOUNDS_NONE;
    tt->missing_bytes = ABSENT;
    tt->is_ignored = tt->shared->types_tables++ >= TYPE_TABLES_MAX;
    tt->is_aside = tt->shared->types_scope != TYPES_NONE && !tt->is_ignored;
    if (tt->is_ignored)
        builder_warn(b, 1, "tables of types beyond the first %u were not looked at",
                     TYPE_TABLES_MAX);
    if (!tt->is_aside)
        return true;
    snapshot_init(&tt->aside);
    return (tt->aside_builder = builder_new(&tt->aside, err)) != NULL;
}

void type_table_expect(struct type_table *tt, uint64_t rows) {
    if (!tt->is_ignored)
        builder_expect_types(tt->is_aside ? tt->aside_builder : tt->b, rows);
}

bool type_table_add(struct type_table *tt, struct str name, struct str module, struct cell cell,
                    struct err *err) {
    if (tt->is_ignored)
        return true;
    struct builder *to = tt->is_aside ? tt->aside_builder : tt->b;
    return builder_add_type(to, name, module, tt->generation, cell, err);
}

/* -- Joining ----------------------------------------------------------------------------------- */

static bool cells_equal(struct cell a, struct cell b) {
    return a.objects == b.objects && a.bytes == b.bytes;
}

/* Types of b's table that are not the same in the table set aside. */
static uint64_t count_differences(struct builder *a, struct builder *b, bool missing_counts) {
    uint32_t count;
    const struct type_row *rows = builder_rows(a, PART_TYPES, &count);
    uint64_t differ = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct type_row *other = builder_type(b, rows[i].name, rows[i].module);
        if (other)
            differ += !cells_equal(type_total(&rows[i]), type_total(other));
        else
            differ += missing_counts;
    }
    return differ;
}

static bool set_filter(struct builder *b, struct str filter, struct err *err) {
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!origin)
        return false;
    if (filter.len == 0) {
        origin->types_filter = NULL;
        return true;
    }
    origin->types_filter = builder_string(b, filter, err);
    return origin->types_filter != NULL;
}

/* Adds all rows set aside. */
static bool add_aside(struct type_table *tt, struct err *err) {
    uint32_t count;
    const struct type_row *rows = builder_rows(tt->aside_builder, PART_TYPES, &count);
    for (uint32_t i = 0; i < count; i++)
        for (int g = 0; g < GEN_COUNT; g++)
            if (rows[i].gen[g].objects &&
                !builder_add_type(tt->b, str_of(rows[i].name), str_of(rows[i].module),
                                  (enum generation)g, rows[i].gen[g], err))
                return false;
    return true;
}

/* A part of a type is known to be of one generation: taken out of what is not known. */
static void refine_generations(struct type_row *whole, const struct type_row *part) {
    for (int g = 0; g < GEN_UNKNOWN; g++) {
        struct cell cell = part->gen[g], *unknown = &whole->gen[GEN_UNKNOWN];
        if (cell.objects == 0 || whole->gen[g].objects != 0 || cell.objects > unknown->objects ||
            cell.bytes > unknown->bytes)
            continue;
        unknown->objects -= cell.objects;
        unknown->bytes -= cell.bytes;
        whole->gen[g] = cell;
    }
}

/* What a filtered table knows better than the whole one: generations, or what is live. */
static void refine(struct builder *whole, const struct type_row *rows, uint32_t count, bool is_live,
                   bool only_live) {
    uint32_t all_count;
    struct type_row *all = builder_rows(whole, PART_TYPES, &all_count);
    for (uint32_t i = 0; only_live && i < all_count; i++)
        if (all[i].live_objects == ABSENT)
            all[i].live_objects = all[i].live_bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct type_row *row = builder_type(whole, rows[i].name, rows[i].module);
        if (!row)
            continue;
        if (!is_live) {
            refine_generations(row, &rows[i]);
            continue;
        }
        struct cell live = type_total(&rows[i]);
        row->live_objects = live.objects;
        row->live_bytes = live.bytes;
    }
}

/* Totals of what is live, and of what is not where the whole heap is known. */
static bool say_live(struct builder *b, struct cell live, struct err *err) {
    struct live_row *row = builder_single(b, PART_LIVE, err);
    if (!row)
        return false;
    builder_say(b, &row->objects, live.objects, "the number of live objects");
    builder_say(b, &row->bytes, live.bytes, "the size of live objects");
    const struct builder_shared *shared = builder_shared(b);
    if (shared->types_scope != TYPES_WHOLE || shared->types_cut)
        return true;
    struct snapshot_totals all = snapshot_totals(builder_snapshot(b));
    uint64_t objects = all.objects - all.free_objects, bytes = all.bytes - all.free_bytes;
    if (objects >= live.objects && bytes >= live.bytes) {
        row->garbage_objects = objects - live.objects;
        row->garbage_bytes = bytes - live.bytes;
    }
    return true;
}

static struct cell type_table_sum_rows(const struct type_row *rows, uint32_t count) {
    struct cell sum = {0, 0};
    for (uint32_t i = 0; i < count; i++) {
        struct cell total = type_total(&rows[i]);
        if (type_is_free(&rows[i]))
            continue;
        sum.objects = num_add(sum.objects, total.objects);
        sum.bytes = num_add(sum.bytes, total.bytes);
    }
    return sum;
}

/* The whole heap comes after a filtered table: takes its place, and keeps what that knew better. */
static bool replace_filtered(struct type_table *tt, struct err *err) {
    struct builder *b = tt->b;
    const struct origin_row *origin = snapshot_origin(builder_snapshot(b));
    bool only_live = origin->types_filter && strcmp(origin->types_filter, "-live") == 0;
    bool is_live = origin->types_filter && strstr(origin->types_filter, "-live");
    uint32_t count;
    const struct type_row *rows = builder_rows(b, PART_TYPES, &count);
    struct type_row *old = malloc((size_t)count * sizeof(*old) + 1);
    if (!old)
        return err_nomem(err);
    if (count)
        memcpy(old, rows, (size_t)count * sizeof(*old));
    only_live = only_live && !tt->shared->types_cut;
    builder_drop(b, PART_TYPES);
    bool ok = add_aside(tt, err) && set_filter(b, tt->filter, err);
    tt->shared->types_scope = TYPES_WHOLE;
    tt->shared->types_from = tt->shared->reading;
    keep_completeness(tt);
    if (ok)
        refine(b, old, count, is_live, only_live);
    if (ok && only_live)
        ok = say_live(b, type_table_sum_rows(old, count), err);
    free(old);
    return ok;
}

/*
 * What the same command says of the same types, and differently, it says of another time. The later
 * one stays, for the one after it to be compared with; where in the text it began is kept.
 */
static bool is_another_time(const struct type_table *tt, uint64_t differ) {
    const struct builder_shared *shared = tt->shared;
    return differ && shared->reading && shared->reading == shared->types_from &&
           shared->types_moments < TYPES_MOMENTS_MAX;
}

/* Takes the place of the table that is there. */
static bool replace_whole(struct type_table *tt, struct err *err) {
    builder_drop(tt->b, PART_TYPES);
    tt->shared->types_scope = TYPES_WHOLE;
    keep_completeness(tt);
    return add_aside(tt, err);
}

/* Two tables of the whole heap: they agree, or the better one stays and the other is named. */
static bool join_whole(struct type_table *tt, struct err *err) {
    struct builder *b = tt->b, *other = tt->aside_builder;
    uint64_t differ = num_add(count_differences(other, b, !tt->shared->types_cut),
                              count_differences(b, other, !tt->is_cut && !tt->shared->types_cut));
    if (is_another_time(tt, differ)) {
        tt->shared->types_at[tt->shared->types_moments++] = tt->shared->reading_at;
        return replace_whole(tt, err);
    }
    if (tt->shared->types_cut && !tt->is_cut) {
        differ = count_differences(b, other, true);
        if (!replace_whole(tt, err))
            return false;
    }
    if (differ)
        builder_warn(
            b, differ,
            "the heap is printed twice and differs in so many types; one of the two tables "
            "was used");
    return true;
}

/* Another filtered table beside a filtered one: each cell the larger of both. */
static bool join_filtered(struct type_table *tt, struct err *err) {
    struct builder *b = tt->b;
    uint32_t count;
    const struct type_row *rows = builder_rows(tt->aside_builder, PART_TYPES, &count);
    for (uint32_t i = 0; i < count; i++) {
        struct type_row *row = builder_type(b, rows[i].name, rows[i].module);
        for (int g = 0; g < GEN_COUNT; g++) {
            struct cell cell = rows[i].gen[g];
            if (row && row->gen[g].objects < cell.objects)
                row->gen[g] = cell;
            else if (!row && cell.objects &&
                     !builder_add_type(b, str_of(rows[i].name), str_of(rows[i].module),
                                       (enum generation)g, cell, err))
                return false;
        }
    }
    const char *filter = snapshot_origin(builder_snapshot(b))->types_filter;
    if (filter && str_contains(str_of(filter), tt->filter))
        return true;
    struct strbuf joined;
    strbuf_init(&joined);
    strbuf_addf(&joined, "%s; ", filter ? filter : "");
    strbuf_add(&joined, str_take(tt->filter, 200));
    /* A log with hundreds of filtered tables: the first ones say enough. */
    bool ok =
        strbuf_ok(&joined, err) && (joined.len > 1000 || set_filter(b, strbuf_str(&joined), err));
    strbuf_deinit(&joined);
    return ok;
}

static bool join_aside(struct type_table *tt, struct err *err) {
    struct builder *b = tt->b;
    uint32_t count;
    const struct type_row *rows = builder_rows(tt->aside_builder, PART_TYPES, &count);
    if (count == 0)
        return true;
    if (is_whole(tt))
        return tt->shared->types_scope == TYPES_WHOLE ? join_whole(tt, err)
                                                      : replace_filtered(tt, err);
    if (tt->shared->types_scope == TYPES_FILTERED)
        return join_filtered(tt, err);
    if (tt->is_live &&
        (tt->is_cut ||
         tt->shared->types_cut)) /* of the types that it lost all would seem to be garbage */
        return true;
    refine(b, rows, count, tt->is_live, tt->only_live);
    return !tt->only_live || say_live(b, type_table_sum_rows(rows, count), err);
}

/* The first table of the snapshot. */
static bool keep_first(struct type_table *tt, struct err *err) {
    struct builder *b = tt->b;
    uint32_t count;
    struct type_row *rows = builder_rows(b, PART_TYPES, &count);
    if (count == 0)
        return true;
    tt->shared->types_scope = is_whole(tt) ? TYPES_WHOLE : TYPES_FILTERED;
    tt->shared->types_from = tt->shared->reading;
    keep_completeness(tt);
    for (uint32_t i = 0; tt->is_live && i < count; i++) {
        struct cell live = type_total(&rows[i]);
        rows[i].live_objects = live.objects;
        rows[i].live_bytes = live.bytes;
    }
    if (!set_filter(b, tt->filter, err))
        return false;
    return !(tt->only_live && !tt->is_cut) || say_live(b, type_table_sum_rows(rows, count), err);
}

bool type_table_end(struct type_table *tt, bool ok, struct err *err) {
    if (tt->is_ignored)
        return ok;
    if (!tt->is_aside)
        return ok && keep_first(tt, err);
    ok = ok && join_aside(tt, err);
    builder_free(tt->aside_builder);
    snapshot_deinit(&tt->aside);
    return ok;
}
