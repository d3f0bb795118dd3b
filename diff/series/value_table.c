/*
 * THE table of the values that are lined up: which rows they are read from, and what they are
 * called outside. A new one of a part: a line here and its id in series.h.
 */
#include "diff/series/series_internal.h"

#include "diff/names/names.h"
#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/rows_process.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stddef.h>

/* -- What no field alone says ------------------------------------------------------------------ */

/* The sums over all types are there already. */
static void say_free(struct value_join *j, enum series_group group,
                     const struct snapshot *snapshot) {
    const struct cell *cells = j->s->sums[j->snapshot].free_gens;
    for (int g = 0; snapshot_has(snapshot, PART_TYPES) && g < GEN_COUNT; g++)
        value_say(j, group, generation_names[g], cells[g].bytes, cells[g].objects);
}

static void say_generations(struct value_join *j, enum series_group group,
                            const struct snapshot *snapshot) {
    const struct cell *cells = j->s->sums[j->snapshot].gens;
    for (int g = 0; snapshot_has(snapshot, PART_TYPES) && g < GEN_COUNT; g++)
        value_say(j, group, generation_names[g], cells[g].bytes, cells[g].objects);
}

static void say_total(struct value_join *j, enum series_group group,
                      const struct snapshot *snapshot) {
    struct cell total = j->s->sums[j->snapshot].total;
    if (snapshot_has(snapshot, PART_TYPES))
        value_say(j, group, value_known[VALUE_HEAP].name, total.bytes, total.objects);
}

/* Some tools print a kind's total and the same handles by type: the total, then, is enough. */
static void say_handles(struct value_join *j, enum series_group group,
                        const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_HANDLES, struct handle_row, rows, count);
    bool totals = false;
    for (uint32_t i = 0; i < count; i++)
        totals = totals || !rows[i].type;
    for (uint32_t i = 0; i < count; i++)
        if (!totals || !rows[i].type)
            value_say(j, group, rows[i].kind, rows[i].bytes, rows[i].count);
}

/*
 * Emitted assemblies have no file: debuggers print "Dynamic ...", "Unknown Module" or nothing, and
 * a dump has them with an id (MVID), but nowhere in memory.
 */
static bool is_dynamic(const struct module_row *row) {
    bool nowhere = row->id && !row->path && row->base == ABSENT && row->size == ABSENT;
    return nowhere || !row->name || !*row->name || str_contains(str_of(row->name), STR("ynamic")) ||
           str_starts(str_of(row->name), STR("Unknown"));
}

static void say_modules(struct value_join *j, enum series_group group,
                        const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_MODULES, struct module_row, rows, count);
    uint64_t dynamic = 0;
    for (uint32_t i = 0; i < count; i++)
        dynamic += is_dynamic(&rows[i]);
    if (!snapshot_has(snapshot, PART_MODULES))
        return;
    value_say(j, group, value_known[VALUE_MODULES_LOADED].name, ABSENT, count);
    value_say(j, group, value_known[VALUE_MODULES_DYNAMIC].name, ABSENT, dynamic);
}

/* A value by a name that was made for it. */
static void say_named(struct value_join *j, enum series_group group, const struct strbuf *name,
                      uint64_t bytes, uint64_t count) {
    const char *kept =
        strbuf_failed(name) ? NULL : arena_copy(&j->s->arena, strbuf_cstr(name), name->len);
    if (kept)
        value_say(j, group, kept, bytes, count);
    else
        err_keep_nomem(&j->err);
}

/* "async Shop.Worker.RunAsync, await 2": without what the compiler numbers. */
static void say_async(struct value_join *j, enum series_group group,
                      const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_ASYNC, struct async_row, rows, count);
    struct strbuf name;
    strbuf_init(&name);
    for (uint32_t i = 0; i < count && !j->err.code; i++) {
        strbuf_clear(&name);
        pretty_type(rows[i].type ? rows[i].type : "", true, &name);
        if (rows[i].await != ABSENT && rows[i].await)
            strbuf_addf(&name, ", await %" PRIu64, rows[i].await);
        else
            strbuf_adds(&name, rows[i].await == 0 ? ", at no await" : ", await not known");
        say_named(j, group, &name, rows[i].bytes, rows[i].objects);
    }
    strbuf_deinit(&name);
}

/* "handler Shop.Basket.OnPrice": periods of timers are in the rows. */
static void say_callbacks(struct value_join *j, enum series_group group,
                          const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_CALLBACKS, struct callback_row, rows, count);
    struct strbuf name;
    strbuf_init(&name);
    for (uint32_t i = 0; i < count && !j->err.code; i++) {
        strbuf_clear(&name);
        strbuf_addf(&name, "%s ", rows[i].kind ? rows[i].kind : "");
        pretty_type(rows[i].method ? rows[i].method : "", true, &name);
        say_named(j, group, &name, ABSENT, rows[i].objects);
    }
    strbuf_deinit(&name);
}

/* "Shop.CartException in Shop.Till.Pay (message 3f2a91c0)". */
static void add_exception(const struct exception_row *row, bool by_type, struct strbuf *out) {
    pretty_type(row->type ? row->type : "", true, out);
    if (by_type)
        return;
    strbuf_adds(out, row->thrown_in ? " in " : ", no stack");
    pretty_type(row->thrown_in ? row->thrown_in : "", true, out);
    if (row->message_class)
        strbuf_addf(out, " (message %s)", row->message_class);
}

static void say_exceptions(struct value_join *j, enum series_group group,
                           const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_EXCEPTIONS, struct exception_row, rows, count);
    struct strbuf name;
    strbuf_init(&name);
    for (uint32_t i = 0; i < count && !j->err.code; i++) {
        strbuf_clear(&name);
        add_exception(&rows[i], group == GROUP_EXCEPTION_TYPE, &name);
        say_named(j, group, &name, ABSENT, rows[i].objects);
    }
    strbuf_deinit(&name);
}

/* By what is called, in whichever queue it is. */
static void say_work(struct value_join *j, enum series_group group,
                     const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_WORK, struct work_row, rows, count);
    struct strbuf name;
    strbuf_init(&name);
    for (uint32_t i = 0; i < count && !j->err.code; i++) {
        const char *called = rows[i].method ? rows[i].method : rows[i].type;
        strbuf_clear(&name);
        pretty_type(called ? called : "", true, &name);
        say_named(j, group, &name, ABSENT, rows[i].objects);
    }
    strbuf_deinit(&name);
}

/* "out GET api.shop/orders/{}". */
static void say_requests(struct value_join *j, enum series_group group,
                         const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_REQUESTS, struct request_row, rows, count);
    struct strbuf name;
    strbuf_init(&name);
    for (uint32_t i = 0; i < count && !j->err.code; i++) {
        const struct request_row *row = &rows[i];
        strbuf_clear(&name);
        strbuf_addf(&name, "%s %s %s%s", row->direction ? row->direction : "?",
                    row->method ? row->method : "?", row->host ? row->host : "",
                    row->path ? row->path : "");
        say_named(j, group, &name, ABSENT, row->count);
    }
    strbuf_deinit(&name);
}

/* -- The table --------------------------------------------------------------------------------- */

#define AT(row, field) (uint16_t)(offsetof(struct row, field) + 1)
/* A key and that of its growth. */
#define KEY(key) key, key "_delta"

#define MEMORY_BY(which, csv, json_name) \
    { \
        .desc = {PART_MEMORY_MAP, csv, {json_name, KEY("bytes"), KEY("regions")}}, \
        .reading = {.name = AT(memory_row, key), \
                    .value = AT(memory_row, bytes), \
                    .count = AT(memory_row, regions), \
                    .by = AT(memory_row, by), \
                    .is = (which)}, \
    }

const struct value_group value_groups[GROUP_COUNT] =
    {
        [GROUP_TYPES_FREE] =
            {
                .desc = {PART_TYPES, "free", {"generation", KEY("bytes"), NULL, NULL}},
                .own = say_free,
            },
        [GROUP_TYPES_GENERATION] =
            {
                .desc = {PART_TYPES, "generation", {"generation", KEY("bytes"), KEY("objects")}},
                .own = say_generations,
            },
        [GROUP_TYPES_TOTAL] =
            {
                .desc = {PART_TYPES, "total", {NULL}},
                .own = say_total,
            },
        [GROUP_HEAPS_FREE] =
            {
                .desc = {PART_HEAPS, "free", {"generation", KEY("bytes"), NULL, NULL}},
                .reading = {.gens = AT(heap_row, free_gen)},
            },
        [GROUP_HEAPS_GENERATION] =
            {
                .desc = {PART_HEAPS, "generation", {"generation", KEY("bytes"), KEY("objects")}},
                .reading = {.cells = AT(heap_row, gen)},
            },
        [GROUP_HEAPS_HEAP] = {.desc = {PART_HEAPS, "heap", {NULL}}},
        [GROUP_REGIONS_COMMITTED] =
            {
                .desc = {PART_REGIONS, "committed", {NULL, KEY("committed"), NULL, NULL}},
                .zeros = true,
                .reading = {.name = AT(region_row, kind), .value = AT(region_row, committed)},
            },
        [GROUP_REGIONS_KIND] =
            {
                .desc = {PART_REGIONS, "kind", {"kind", KEY("allocated"), KEY("regions")}},
                .zeros = true,
                .reading = {.name = AT(region_row, kind),
                            .value = AT(region_row, allocated),
                            .one_each = true},
            },
        [GROUP_GC] = {.desc = {PART_GC, "gc", {"name", KEY("bytes"), NULL, NULL}}},
        [GROUP_FINALIZER] =
            {
                .desc = {PART_FINALIZER, "finalizer", {NULL}},
                .reading = {.gens = AT(finalizer_row, finalizable)},
            },
        [GROUP_HANDLES_KIND] =
            {
                .desc = {PART_HANDLES, "kind", {"kind", KEY("bytes"), KEY("count")}},
                .need = NEED_HANDLES,
                .by_count = true,
                .zeros = true,
                .own = say_handles,
            },
        [GROUP_MEMORY_BASE] = MEMORY_BY(MEMORY_BY_BASE, "base", "allocation"),
        [GROUP_MEMORY_LARGEST] = MEMORY_BY(MEMORY_LARGEST, "largest", "usage"),
        [GROUP_MEMORY_PROTECT] = MEMORY_BY(MEMORY_BY_PROTECT, "protect", "protect"),
        [GROUP_MEMORY_STATE] = MEMORY_BY(MEMORY_BY_STATE, "state", "state"),
        [GROUP_MEMORY_TYPE] = MEMORY_BY(MEMORY_BY_TYPE, "type", "type"),
        [GROUP_MEMORY_USAGE] = MEMORY_BY(MEMORY_BY_USAGE, "usage", "usage"),
        [GROUP_MODULES] =
            {
                .desc = {PART_MODULES, "module", {"name", NULL, NULL, KEY("count")}},
                .need = NEED_MODULES,
                .own = say_modules,
            },
        [GROUP_COUNTERS] =
            {
                .desc = {PART_COUNTERS, "counter", {NULL}},
                .need = NEED_COUNTERS,
                .reading = {.name = AT(counter_row, name), .value = AT(counter_row, value)},
            },
        [GROUP_LOADER_KIND] =
            {
                .desc = {PART_LOADER, "kind", {"kind", KEY("bytes"), KEY("count")}},
                .zeros = true,
                .reading = {.name = AT(loader_row, kind),
                            .value = AT(loader_row, bytes),
                            .one_each = true},
            },
        [GROUP_NATIVE_HEAPS] =
            {
                .desc = {PART_NATIVE_HEAPS, "heap", {"name", KEY("bytes"), NULL, NULL}},
                .zeros = true,
                .reading = {.name = AT(native_heap_row, name),
                            .value = AT(native_heap_row, committed),
                            .one_each = true},
            },
        [GROUP_LIVE] = {.desc = {PART_LIVE, "live", {NULL}}},
        [GROUP_OS_HANDLES_TYPE] =
            {
                .desc = {PART_OS_HANDLES, "type", {"name", NULL, NULL, KEY("count")}},
                .need = NEED_OS_HANDLES,
                .zeros = true,
                .reading = {.name = AT(os_handle_row, type), .count = AT(os_handle_row, count)},
            },
        [GROUP_ASYNC_METHOD] =
            {
                .desc = {PART_ASYNC, "method", {"kind", KEY("bytes"), KEY("count")}},
                .zeros = true,
                .own = say_async,
            },
        [GROUP_CALLBACKS] =
            {
                .desc = {PART_CALLBACKS, "method", {"kind", NULL, NULL, KEY("count")}},
                .zeros = true,
                .own = say_callbacks,
            },
        [GROUP_REQUESTS] =
            {
                .desc = {PART_REQUESTS, "request", {"request", NULL, NULL, KEY("count")}},
                .zeros = true,
                .own = say_requests,
            },
        [GROUP_WORK] =
            {
                .desc = {PART_WORK, "method", {"method", NULL, NULL, KEY("count")}},
                .zeros = true,
                .own = say_work,
            },
        [GROUP_EXCEPTION_TYPE] =
            {
                .desc = {PART_EXCEPTIONS, "type", {"type", NULL, NULL, KEY("count")}},
                .zeros = true,
                .own = say_exceptions,
            },
        [GROUP_EXCEPTION_THROWN] =
            {
                .desc = {PART_EXCEPTIONS, "thrown", {"thrown", NULL, NULL, KEY("count")}},
                .zeros = true,
                .own = say_exceptions,
            },
};

const struct value_known value_known[VALUE_IDS] = {
    [VALUE_HEAP] = {GROUP_TYPES_TOTAL, "heap"},
    [VALUE_HEAPS_ALLOCATED] = {GROUP_HEAPS_HEAP, "allocated", .value = AT(heap_row, allocated)},
    [VALUE_HEAPS_COMMITTED] = {GROUP_HEAPS_HEAP, "committed", .value = AT(heap_row, committed)},
    [VALUE_GC_ALLOCATED] = {GROUP_GC, "allocated", .value = AT(gc_row, allocated_bytes)},
    [VALUE_GC_COMMITTED] = {GROUP_GC, "committed", .value = AT(gc_row, committed_bytes)},
    [VALUE_GC_SKIPPED] = {GROUP_GC, "skipped", .value = AT(gc_row, skipped_bytes)},
    [VALUE_READY] = {GROUP_FINALIZER, "ready", .value = AT(finalizer_row, ready)},
    [VALUE_FINALIZABLE] = {GROUP_FINALIZER, "finalizable", .sum = AT(finalizer_row, finalizable)},
    [VALUE_LARGEST_FREE] = {GROUP_MEMORY_LARGEST, LARGEST_FREE},
    [VALUE_STATE_COMMITTED] = {GROUP_MEMORY_STATE, STATE_COMMITTED},
    [VALUE_STATE_FREE] = {GROUP_MEMORY_STATE, STATE_FREE},
    [VALUE_MEMORY_IMAGE] = {GROUP_MEMORY_TYPE, MEMORY_IMAGE},
    [VALUE_MEMORY_MAPPED] = {GROUP_MEMORY_TYPE, MEMORY_MAPPED},
    [VALUE_USAGE_GC_HEAP] = {GROUP_MEMORY_USAGE, USAGE_GC_HEAP},
    [VALUE_USAGE_GC_BOOKKEEPING] = {GROUP_MEMORY_USAGE, USAGE_GC_BOOKKEEPING},
    [VALUE_USAGE_LOADER_JIT] = {GROUP_MEMORY_USAGE, USAGE_LOADER_JIT},
    [VALUE_USAGE_STACK] = {GROUP_MEMORY_USAGE, USAGE_STACK},
    [VALUE_USAGE_IMAGE] = {GROUP_MEMORY_USAGE, USAGE_IMAGE},
    [VALUE_USAGE_MAPPED_FILE] = {GROUP_MEMORY_USAGE, USAGE_MAPPED_FILE},
    [VALUE_USAGE_NATIVE] = {GROUP_MEMORY_USAGE, USAGE_NATIVE},
    [VALUE_USAGE_UNACCOUNTED] = {GROUP_MEMORY_USAGE, USAGE_UNACCOUNTED},
    [VALUE_MODULES_LOADED] = {GROUP_MODULES, "loaded"},
    [VALUE_MODULES_DYNAMIC] = {GROUP_MODULES, "dynamic"},
    [VALUE_QUEUE_LENGTH] = {GROUP_COUNTERS, COUNTER_QUEUE_LENGTH},
    [VALUE_THREADS_DEAD] = {GROUP_COUNTERS, COUNTER_THREADS_DEAD},
    [VALUE_LEAK_DEFINITE] = {GROUP_COUNTERS, COUNTER_LEAK_DEFINITE},
    [VALUE_PRIVATE_BYTES] = {GROUP_COUNTERS, COUNTER_PRIVATE_BYTES},
    [VALUE_ANONYMOUS_BYTES] = {GROUP_COUNTERS, COUNTER_ANONYMOUS_BYTES},
    [VALUE_RSS_BYTES] = {GROUP_COUNTERS, COUNTER_RSS_BYTES},
    [VALUE_WORKING_SET] = {GROUP_COUNTERS, COUNTER_WORKING_SET},
    [VALUE_LIVE] = {GROUP_LIVE, "live", AT(live_row, bytes), AT(live_row, objects), 0},
    [VALUE_GARBAGE] = {GROUP_LIVE, "garbage", AT(live_row, garbage_bytes),
                       AT(live_row, garbage_objects), 0},
    [VALUE_LIVE_FROZEN] = {GROUP_LIVE, "frozen", .value = AT(live_row, frozen_bytes)},
    [VALUE_LIVE_STACK_ONLY] = {GROUP_LIVE, "stack_only", .value = AT(live_row, stack_only_bytes)},
};
