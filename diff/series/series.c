#include "diff/series/series_internal.h"

#include "base/num.h"
#include "diff/names/names.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const thread_state_names[THREAD_STATES] = {
    [THREAD_RUNNING] = "running",
    [THREAD_RUNAWAY] = "runaway",
    [THREAD_UNCHANGED] = "unchanged",
    [THREAD_NOT_RECORDED] = "not_recorded",
    [THREAD_NEW] = "new",
    [THREAD_GONE] = "gone",
    [THREAD_NOT_LISTED] = "not_listed",
};

const char *thread_state_text(enum thread_state state) {
    return state == THREAD_NOT_RECORDED ? "not recorded"
           : state == THREAD_NOT_LISTED ? "not listed"
                                        : thread_state_names[state];
}

const char *const thread_evidence_names[] = {
    [EVIDENCE_NONE] = "none",
    [EVIDENCE_CPU] = "cpu",
    [EVIDENCE_SWITCHES] = "switches",
    [EVIDENCE_MEMORY] = "memory",
};

void series_options_init(struct series_options *options) {
    *options = (struct series_options){
        .floor_bytes = ABSENT,
        .floor_objects = ABSENT,
        .floor_heap_percent = 0.5,
        .floor_self_percent = 5,
        .needs = {[NEED_HANDLES] = {10, 50},
                  [NEED_OS_HANDLES] = {10, 50},
                  [NEED_MODULES] = {0, 10},
                  [NEED_COUNTERS] = {5, 0},
                  [NEED_STACKS] = {1, 1}},
        .runaway_share = 0.9,
        .runaway_min_ns = 1000000000,
    };
}

struct series_floors series_floors_of(const struct series_options *options) {
    return (struct series_floors){
        .bytes = options->floor_bytes,
        .objects = options->floor_objects,
        .heap_percent = options->floor_heap_percent,
        .self_percent = options->floor_self_percent,
    };
}

const struct snapshot *series_base(const struct series *s) {
    return s->snapshots[0];
}

const struct snapshot *series_new(const struct series *s) {
    return s->snapshots[s->count - 1];
}

const char *series_snapshot_name(const struct series *s, uint32_t snapshot) {
    return s->names[snapshot];
}

bool series_may_rename(const struct series *s, const char *name) {
    return !s->options.exact_names && name_may_be_made(name);
}

const char *series_join_name(struct series *s, const char *name, struct strbuf *scratch) {
    if (!series_may_rename(s, name))
        return name;
    strbuf_clear(scratch);
    name_normal(str_of(name), scratch);
    if (strbuf_failed(scratch))
        return NULL;
    if (str_eq(strbuf_str(scratch), str_of(name)))
        return name;
    return arena_copy(&s->arena, scratch->ptr, scratch->len);
}

static const char *format_text(struct series *s, const char *fmt, va_list ap) {
    char text[1024];
    vsnprintf(text, sizeof(text), fmt, ap);
    return arena_copy(&s->arena, text, str_utf8_valid(str_of(text)));
}

bool series_warn(struct series *s, struct err *err, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    const char *text = format_text(s, fmt, ap);
    va_end(ap);
    const char **grown = arena_array(&s->arena, s->warning_count + 1, sizeof(*grown));
    if (!text || !grown)
        return err_nomem(err);
    if (s->warning_count)
        memcpy(grown, s->warnings, s->warning_count * sizeof(*grown));
    grown[s->warning_count++] = text;
    s->warnings = grown;
    return true;
}

bool series_refuse(struct series *s, struct err *err, const char *fmt, ...) {
    if (s->not_comparable)
        return true;
    va_list ap;
    va_start(ap, fmt);
    s->not_comparable = format_text(s, fmt, ap);
    va_end(ap);
    return s->not_comparable || err_nomem(err);
}

static bool name_snapshots(struct series *s) {
    s->names = arena_array(&s->arena, s->count, sizeof(*s->names));
    if (!s->names)
        return false;
    for (uint32_t i = 0; i < s->count; i++) {
        char text[32];
        int n = snprintf(text, sizeof(text), "snapshot %u", i + 1);
        s->names[i] = s->count == 1             ? "the dump"
                      : s->count == 2 && i == 0 ? "BASE"
                      : s->count == 2           ? "NEW"
                                                : arena_copy(&s->arena, text, (size_t)n);
        if (!s->names[i])
            return false;
    }
    return true;
}

static bool series_start(struct series *s, const struct snapshot *const *snapshots,
                         struct err *err) {
    const struct snapshot **copy = arena_array(&s->arena, s->count, sizeof(*copy));
    s->heap_bytes = arena_array(&s->arena, s->count, sizeof(*s->heap_bytes));
    s->live_bytes = arena_array(&s->arena, s->count, sizeof(*s->live_bytes));
    s->sums = arena_array(&s->arena, s->count, sizeof(*s->sums));
    s->types_unlisted = arena_array(&s->arena, s->count, sizeof(*s->types_unlisted));
    if (!copy || !s->heap_bytes || !s->live_bytes || !s->sums || !s->types_unlisted ||
        !name_snapshots(s))
        return err_nomem(err);
    s->parts_all = UINT64_MAX;
    for (uint32_t i = 0; i < s->count; i++) {
        copy[i] = snapshots[i];
        s->parts_all &= snapshots[i]->parts;
        s->parts_any |= snapshots[i]->parts;
    }
    s->snapshots = copy;
    return true;
}

/*
 * [bytes] in rows that the table of types lacks, as its printed total tells; ABSENT: some, not
 * known how many. What could not be walked of a raw dump's heap is told apart, as PART_GC has it.
 */
static uint64_t missing_bytes(const struct snapshot *snapshot) {
    const struct absence_row *row = snapshot_absence(snapshot, PART_TYPES, ASPECT_ROWS);
    if (!row || (row->objects == ABSENT && row->count && row->count != ABSENT))
        return 0;
    return row->count ? row->count : ABSENT;
}

/*
 * Types say it best, unless filtered; a dump without them, or whose table was cut, may still have
 * printed its totals.
 */
static uint64_t heap_bytes(const struct snapshot *snapshot, const struct series_sums *sums) {
    bool types = snapshot_has(snapshot, PART_TYPES);
    uint64_t missing = missing_bytes(snapshot);
    if (types && !snapshot_origin(snapshot)->types_filter && missing != ABSENT)
        return num_add(sums->total.bytes, missing);
    const struct gc_row *gc = snapshot_row(snapshot, PART_GC);
    if (gc && gc->allocated_bytes != ABSENT)
        return gc->allocated_bytes;
    uint64_t sum = ABSENT;
    SNAPSHOT_ROWS(snapshot, PART_HEAPS, struct heap_row, heaps, count);
    for (uint32_t i = 0; i < count; i++)
        if (heaps[i].allocated != ABSENT)
            sum = num_add(sum == ABSENT ? 0 : sum, heaps[i].allocated);
    if (sum == ABSENT && types)
        return missing == ABSENT ? sums->total.bytes : num_add(sums->total.bytes, missing);
    return sum;
}

bool series_heap_is_least(const struct series *s, uint32_t snapshot) {
    const struct snapshot *dump = s->snapshots[snapshot];
    return snapshot_has(dump, PART_TYPES) && missing_bytes(dump) == ABSENT &&
           s->heap_bytes[snapshot] == s->sums[snapshot].total.bytes;
}

uint64_t series_heap_most(const struct series *s, uint32_t snapshot) {
    const struct absence_row *row =
        snapshot_absence(s->snapshots[snapshot], PART_TYPES, ASPECT_ROWS);
    uint64_t more;
    if (!series_heap_is_least(s, snapshot))
        return s->heap_bytes[snapshot];
    /* At worst each object that is not listed is of a type of its own. */
    if (!row || row->objects == ABSENT || row->row_bytes == ABSENT ||
        __builtin_mul_overflow(row->objects, row->row_bytes, &more))
        return ABSENT;
    return num_add(s->heap_bytes[snapshot], more);
}

uint64_t series_heap_bytes(const struct series *s, uint32_t snapshot) {
    return s->heap_bytes[snapshot];
}

bool series_init(struct series *s, const struct snapshot *const *snapshots, uint32_t count,
                 const struct series_options *options, struct err *err) {
    *s = (struct series){.count = count, .interval_ns = ABSENT};
    arena_init(&s->arena);
    if (options)
        s->options = *options;
    else
        series_options_init(&s->options);
    if (count == 0)
        return err_set(err, ERR_USAGE, "no snapshot given");
    if (!series_start(s, snapshots, err))
        return false;
    if (!series_join_types(s, err))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        s->heap_bytes[i] = heap_bytes(snapshots[i], &s->sums[i]);
        s->types_unlisted[i] = snapshot_unlisted(snapshots[i], PART_TYPES);
    }
    return series_judge_types(s, err) && series_judge_held(s, err) && series_join_values(s, err) &&
           series_join_stacks(s, err) && series_join_threads(s, err) && series_identify(s, err);
}

void series_deinit(struct series *s) {
    arena_deinit(&s->arena);
    *s = (struct series){0};
}
