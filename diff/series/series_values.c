/* Lines up everything that is a name and a number; series.h lists what there is. */
#include "diff/series/series_internal.h"

#include "base/hash.h"
#include "base/num.h"

#include "diff/series/pretty_names.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct value_join {
    struct series *s;
    struct strmap index; /* ("part:group", name) to number */
    uint32_t capacity;
    uint32_t snapshot; /* being read */
    bool failed;
};

struct value_key {
    char text[48];
};

static struct value_key series_values_key_of(enum part part, const char *group) {
    struct value_key key;
    snprintf(key.text, sizeof(key.text), "%d:%s", (int)part, group);
    return key;
}

static uint64_t *absent_numbers(struct series *s) {
    uint64_t *numbers = arena_array(&s->arena, s->count, sizeof(*numbers));
    for (uint32_t i = 0; numbers && i < s->count; i++)
        numbers[i] = ABSENT;
    return numbers;
}

static struct series_value *value_new(struct value_join *j, enum part part, const char *group,
                                      const char *name) {
    struct series *s = j->s;
    if (s->value_count == j->capacity) {
        uint32_t capacity = j->capacity ? j->capacity * 2 : 128;
        struct series_value *grown = arena_array(&s->arena, capacity, sizeof(*grown));
        if (!grown)
            return NULL;
        if (s->value_count)
            memcpy(grown, s->values, s->value_count * sizeof(*grown));
        s->values = grown;
        j->capacity = capacity;
    }
    struct value_key key = series_values_key_of(part, group);
    const char *kept = arena_copy(&s->arena, key.text, strlen(key.text));
    struct series_value *value = &s->values[s->value_count];
    *value = (struct series_value){
        .part = part,
        .group = group,
        .name = name,
        .values = absent_numbers(s),
        .counts = absent_numbers(s),
    };
    if (!kept || !value->values || !value->counts ||
        !strmap_put(&j->index, str_of(kept), str_of(name), s->value_count))
        return NULL;
    s->value_count++;
    return value;
}

static void number_add(uint64_t *sum, uint64_t more) {
    if (more != ABSENT)
        *sum = num_add(*sum == ABSENT ? 0 : *sum, more);
}

/* Adds to the value of that name in the snapshot being read; group has to outlive the series. */
static void series_values_say(struct value_join *j, enum part part, const char *group,
                              const char *name, uint64_t number, uint64_t count) {
    if (j->failed || (number == ABSENT && count == ABSENT))
        return;
    name = name ? name : "";
    struct value_key key = series_values_key_of(part, group);
    uint32_t at = strmap_get(&j->index, str_of(key.text), str_of(name));
    struct series_value *value =
        at == STRMAP_NONE ? value_new(j, part, group, name) : &j->s->values[at];
    if (!value) {
        j->failed = true;
        return;
    }
    number_add(&value->values[j->snapshot], number);
    number_add(&value->counts[j->snapshot], count);
}

static void say_types(struct value_join *j, const struct snapshot *snapshot) {
    if (!snapshot_has(snapshot, PART_TYPES))
        return;
    const struct series_sums *sums = &j->s->sums[j->snapshot];
    const struct cell *gens = sums->gens, *free_gens = sums->free_gens;
    for (int g = 0; g < GEN_COUNT; g++) {
        series_values_say(j, PART_TYPES, "generation", generation_names[g], gens[g].bytes,
                          gens[g].objects);
        series_values_say(j, PART_TYPES, "free", generation_names[g], free_gens[g].bytes,
                          free_gens[g].objects);
    }
    series_values_say(j, PART_TYPES, "total", "heap", sums->total.bytes, sums->total.objects);
}

static void say_heaps(struct value_join *j, const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_HEAPS, struct heap_row, rows, count);
    for (uint32_t i = 0; i < count; i++) {
        for (int g = 0; g < GEN_COUNT; g++) {
            series_values_say(j, PART_HEAPS, "generation", generation_names[g],
                              rows[i].gen[g].bytes, ABSENT);
            series_values_say(j, PART_HEAPS, "free", generation_names[g], rows[i].free_gen[g],
                              ABSENT);
        }
        series_values_say(j, PART_HEAPS, "heap", "allocated", rows[i].allocated, ABSENT);
        series_values_say(j, PART_HEAPS, "heap", "committed", rows[i].committed, ABSENT);
    }
}

static void say_regions(struct value_join *j, const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_REGIONS, struct region_row, rows, count);
    for (uint32_t i = 0; i < count; i++) {
        series_values_say(j, PART_REGIONS, "kind", rows[i].kind, rows[i].allocated, 1);
        series_values_say(j, PART_REGIONS, "committed", rows[i].kind, rows[i].committed, ABSENT);
    }
}

static void say_singles(struct value_join *j, const struct snapshot *snapshot) {
    const struct gc_row *gc = snapshot_row(snapshot, PART_GC);
    if (gc) {
        series_values_say(j, PART_GC, "gc", "allocated", gc->allocated_bytes, ABSENT);
        series_values_say(j, PART_GC, "gc", "committed", gc->committed_bytes, ABSENT);
        series_values_say(j, PART_GC, "gc", "skipped", gc->skipped_bytes, ABSENT);
    }
    const struct finalizer_row *finalizer = snapshot_row(snapshot, PART_FINALIZER);
    if (finalizer) {
        series_values_say(j, PART_FINALIZER, "finalizer", "ready", finalizer->ready, ABSENT);
        for (int g = 0; g < GEN_COUNT; g++) {
            series_values_say(j, PART_FINALIZER, "finalizer", "finalizable",
                              finalizer->finalizable[g], ABSENT);
            series_values_say(j, PART_FINALIZER, "finalizer", generation_names[g],
                              finalizer->finalizable[g], ABSENT);
        }
    }
    const struct live_row *live = snapshot_row(snapshot, PART_LIVE);
    if (live) {
        series_values_say(j, PART_LIVE, "live", "live", live->bytes, live->objects);
        series_values_say(j, PART_LIVE, "live", "garbage", live->garbage_bytes,
                          live->garbage_objects);
        series_values_say(j, PART_LIVE, "live", "frozen", live->frozen_bytes, ABSENT);
        series_values_say(j, PART_LIVE, "live", "stack_only", live->stack_only_bytes, ABSENT);
    }
}

static void say_memory(struct value_join *j, const struct snapshot *snapshot) {
    static const char *const groups[] = {
        [MEMORY_BY_USAGE] = "usage",     [MEMORY_BY_STATE] = "state",  [MEMORY_BY_TYPE] = "type",
        [MEMORY_BY_PROTECT] = "protect", [MEMORY_LARGEST] = "largest", [MEMORY_BY_BASE] = "base",
    };
    SNAPSHOT_ROWS(snapshot, PART_MEMORY_MAP, struct memory_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].by <= MEMORY_BY_BASE)
            series_values_say(j, PART_MEMORY_MAP, groups[rows[i].by], rows[i].key, rows[i].bytes,
                              rows[i].regions);
}

static void say_handles(struct value_join *j, const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_HANDLES, struct handle_row, rows, count);
    /* Some tools print a kind's total and the same handles by type: the total, then, is enough. */
    bool totals = false;
    for (uint32_t i = 0; i < count; i++)
        totals = totals || !rows[i].type;
    for (uint32_t i = 0; i < count; i++)
        if (!totals || !rows[i].type)
            series_values_say(j, PART_HANDLES, "kind", rows[i].kind, rows[i].bytes, rows[i].count);
    SNAPSHOT_ROWS(snapshot, PART_OS_HANDLES, struct os_handle_row, os_rows, os_count);
    for (uint32_t i = 0; i < os_count; i++)
        series_values_say(j, PART_OS_HANDLES, "type", os_rows[i].type, ABSENT, os_rows[i].count);
}

/* "async Shop.Worker.RunAsync, await 2": without what the compiler numbers. */
static void say_async(struct value_join *j, const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_ASYNC, struct async_row, rows, count);
    struct strbuf name;
    strbuf_init(&name);
    for (uint32_t i = 0; i < count && !j->failed; i++) {
        strbuf_clear(&name);
        pretty_type(rows[i].type ? rows[i].type : "", true, &name);
        if (rows[i].await != ABSENT && rows[i].await)
            strbuf_addf(&name, ", await %" PRIu64, rows[i].await);
        else
            strbuf_adds(&name, rows[i].await == 0 ? ", at no await" : ", await not known");
        const char *kept =
            name.failed ? NULL : arena_copy(&j->s->arena, strbuf_cstr(&name), name.len);
        if (kept)
            series_values_say(j, PART_ASYNC, "method", kept, rows[i].bytes, rows[i].objects);
        j->failed |= !kept;
    }
    strbuf_deinit(&name);
}

/* Emitted assemblies have no file: debuggers print "Dynamic ...", "Unknown Module" or nothing. */
static bool is_dynamic(const struct module_row *row) {
    return !row->name || !*row->name || str_contains(str_of(row->name), STR("ynamic")) ||
           str_starts(str_of(row->name), STR("Unknown"));
}

static void say_others(struct value_join *j, const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_COUNTERS, struct counter_row, counters, counter_count);
    for (uint32_t i = 0; i < counter_count; i++)
        series_values_say(j, PART_COUNTERS, "counter", counters[i].name, counters[i].value, ABSENT);
    SNAPSHOT_ROWS(snapshot, PART_LOADER, struct loader_row, loaders, loader_count);
    for (uint32_t i = 0; i < loader_count; i++)
        series_values_say(j, PART_LOADER, "kind", loaders[i].kind, loaders[i].bytes, 1);
    SNAPSHOT_ROWS(snapshot, PART_NATIVE_HEAPS, struct native_heap_row, heaps, heap_count);
    for (uint32_t i = 0; i < heap_count; i++)
        series_values_say(j, PART_NATIVE_HEAPS, "heap", heaps[i].name, heaps[i].committed, 1);
    SNAPSHOT_ROWS(snapshot, PART_MODULES, struct module_row, modules, module_count);
    if (snapshot_has(snapshot, PART_MODULES)) {
        series_values_say(j, PART_MODULES, "module", "loaded", ABSENT, module_count);
        series_values_say(j, PART_MODULES, "module", "dynamic", ABSENT, 0);
    }
    for (uint32_t i = 0; i < module_count; i++)
        if (is_dynamic(&modules[i]))
            series_values_say(j, PART_MODULES, "module", "dynamic", ABSENT, 1);
}

/* A part that is there, but has no row of this name: none of it, so 0 and not absent. */
static void fill_zeros(struct series *s) {
    for (uint32_t v = 0; v < s->value_count; v++) {
        struct series_value *value = &s->values[v];
        bool has_values = false, has_counts = false;
        for (uint32_t i = 0; i < s->count; i++) {
            has_values = has_values || value->values[i] != ABSENT;
            has_counts = has_counts || value->counts[i] != ABSENT;
        }
        bool table = value->part == PART_HANDLES || value->part == PART_OS_HANDLES ||
                     value->part == PART_REGIONS || value->part == PART_LOADER ||
                     value->part == PART_NATIVE_HEAPS || value->part == PART_ASYNC;
        for (uint32_t i = 0; table && i < s->count; i++) {
            if (!snapshot_has(s->snapshots[i], value->part))
                continue;
            if (value->counts[i] == ABSENT && value->values[i] == ABSENT) {
                value->values[i] = has_values ? 0 : ABSENT;
                value->counts[i] = has_counts ? 0 : ABSENT;
            }
        }
    }
}

/* Of what is said in every snapshot; a value that comes late tells no trend. */
static void series_values_judge(struct series *s) {
    for (uint32_t v = 0; v < s->value_count; v++) {
        struct series_value *value = &s->values[v];
        const uint64_t *numbers = value->values[0] != ABSENT ? value->values : value->counts;
        bool known = true;
        for (uint32_t i = 0; i < s->count; i++)
            known = known && numbers[i] != ABSENT;
        double floor = known ? (double)numbers[0] * s->options.floor_self_percent / 100 : 0;
        if (s->count >= 5)
            floor /= s->count - 1; /* as for types: a slow leak is one, too */
        value->verdict =
            !known ? VERDICT_NONE : series_verdict(numbers, s->count, (uint64_t)ceil(floor));
    }
}

static int series_values_cmp_values(const void *x, const void *y) {
    const struct series_value *a = x, *b = y;
    if (a->part != b->part)
        return a->part < b->part ? -1 : 1;
    int order = strcmp(a->group, b->group);
    return order ? order : strcmp(a->name, b->name);
}

bool series_join_values(struct series *s, struct err *err) {
    struct value_join j = {.s = s};
    strmap_init(&j.index);
    for (uint32_t i = 0; i < s->count; i++) {
        j.snapshot = i;
        say_types(&j, s->snapshots[i]);
        say_heaps(&j, s->snapshots[i]);
        say_regions(&j, s->snapshots[i]);
        say_singles(&j, s->snapshots[i]);
        say_memory(&j, s->snapshots[i]);
        say_handles(&j, s->snapshots[i]);
        say_others(&j, s->snapshots[i]);
        say_async(&j, s->snapshots[i]);
    }
    strmap_deinit(&j.index);
    if (j.failed)
        return err_nomem(err);
    fill_zeros(s);
    series_values_judge(s);
    if (s->value_count > 1)
        qsort(s->values, s->value_count, sizeof(*s->values), series_values_cmp_values);
    return true;
}

const struct series_value *series_value(const struct series *s, enum part part, const char *group,
                                        const char *name) {
    const struct series_value key = {.part = part, .group = group, .name = name};
    if (!s->value_count)
        return NULL;
    return bsearch(&key, s->values, s->value_count, sizeof(*s->values), series_values_cmp_values);
}
