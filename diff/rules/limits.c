/* THE table of thresholds: key, meaning, default. */
#include "diff/rules/rule.h"

#include "base/chars.h"
#include "base/num.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT(field, key, kind, fallback, meaning) \
    { (key), (meaning), (kind), (uint32_t)offsetof(struct limits, field), (fallback) }

const struct limit_desc limit_descs[] = {
    LIMIT(growing_type_heap_percent, "growing-type.heap-percent", LIMIT_PERCENT, 0.5,
          "a type grows from this share of the base heap on"),
    LIMIT(growing_type_self_percent, "growing-type.self-percent", LIMIT_PERCENT, 5,
          "and from this share of its own base size on"),
    LIMIT(growing_type_min_bytes, "growing-type.min-bytes", LIMIT_BYTES, 0,
          "and from so many bytes on"),
    LIMIT(growing_type_min_objects, "growing-type.min-objects", LIMIT_COUNT, 0,
          "and from so many objects on"),
    LIMIT(heap_growth_percent, "heap-growth.percent", LIMIT_PERCENT, 10,
          "the heap, a generation, LOH or POH grows from this share of its base on"),
    LIMIT(heap_growth_min_bytes, "heap-growth.min-bytes", LIMIT_BYTES, 0,
          "and from so many bytes on"),
    LIMIT(free_share_percent, "fragmentation.free-percent", LIMIT_PERCENT, 40,
          "share of Free in a generation that is too much"),
    LIMIT(committed_ratio, "committed-vs-allocated.ratio", LIMIT_RATIO, 3,
          "committed bytes of the GC heap for each allocated byte that are too many"),
    LIMIT(queue_growth_min, "finalizer-queue-growth.min-objects", LIMIT_COUNT, 1,
          "objects ready for finalization that have to be added"),
    LIMIT(thread_growth_min, "thread-leak.min-threads", LIMIT_COUNT, 5,
          "threads that have to be added"),
    LIMIT(runaway_share, "thread-runaway.share", LIMIT_RATIO, 0.9,
          "CPU seconds in each second of wall time that make a runaway"),
    LIMIT(runaway_min_ns, "thread-runaway.min-ns", LIMIT_NS, 1e9, "and the least CPU time, in ns"),
    LIMIT(handle_growth_min, "handles-growing.min-handles", LIMIT_COUNT, 50,
          "handles of one kind that have to be added"),
    LIMIT(handle_growth_percent, "handles-growing.percent", LIMIT_PERCENT, 10,
          "and the share of those that were there"),
    LIMIT(loader_growth_min_bytes, "loader-growth.min-bytes", LIMIT_BYTES, 1048576,
          "bytes of loader heap that have to be added"),
    LIMIT(native_growth_min_bytes, "native-growth.min-bytes", LIMIT_BYTES, 16777216,
          "bytes of native memory that have to be added beyond what the managed heap explains"),
    LIMIT(largest_free_shrink_percent, "largest-free-shrinking.percent", LIMIT_PERCENT, 20,
          "share by which the largest free block of address space has to shrink"),
    LIMIT(exception_growth_min, "exceptions-growing.min-objects", LIMIT_COUNT, 20,
          "exception objects of one type that have to be added"),
    LIMIT(new_type_percent, "new-type.heap-percent", LIMIT_PERCENT, 0.5,
          "share of the newest heap (gone-type: of the base heap) that a type has to have"),
    LIMIT(free_heap_percent, "fragmentation.heap-percent", LIMIT_PERCENT, 5,
          "and the share of the whole heap that this Free has to be"),
    LIMIT(committed_min_bytes, "committed-vs-allocated.min-bytes", LIMIT_BYTES, 67108864,
          "and committed bytes beyond the allocated ones that matter"),
    LIMIT(thread_growth_percent, "thread-leak.percent", LIMIT_PERCENT, 10,
          "and the share of the threads that were there"),
    LIMIT(dead_threads_min, "threads-dead.min-threads", LIMIT_COUNT, 10,
          "dead threads of which the runtime still keeps account"),
    LIMIT(starvation_min_workers, "threadpool-starvation.min-workers", LIMIT_COUNT, 4,
          "pool workers that wait for other work of the pool"),
    LIMIT(loader_growth_min_modules, "loader-growth.min-modules", LIMIT_COUNT, 10,
          "or modules that have to be added"),
    LIMIT(largest_free_min_bytes, "largest-free-shrinking.min-bytes", LIMIT_BYTES, 33554432,
          "largest free block below which a 32-bit process is about to fail"),
    LIMIT(large_object_percent, "large-object.heap-percent", LIMIT_PERCENT, 5,
          "share of the heap that the large objects of one type have to be"),
    LIMIT(stack_growth_percent, "stack-growing.percent", LIMIT_PERCENT, 1,
          "share of all outstanding bytes of the base that one allocation stack has to add"),
    LIMIT(stack_growth_min_bytes, "stack-growing.min-bytes", LIMIT_BYTES, 0,
          "and bytes it has to add"),
    LIMIT(stack_growth_min_count, "stack-growing.min-count", LIMIT_COUNT, 1,
          "and allocations it has to add"),
    LIMIT(module_growth_percent, "module-growing.percent", LIMIT_PERCENT, 5,
          "share of all outstanding bytes of the base that one module has to add"),
    LIMIT(allocation_size_percent, "allocation-size-dominates.percent", LIMIT_PERCENT, 50,
          "share of the growth, or of one dump, that allocations of one size have to be"),
    LIMIT(os_handle_growth_min, "os-handles-growing.min-handles", LIMIT_COUNT, 50,
          "operating system handles of one type that have to be added"),
    LIMIT(os_handle_growth_percent, "os-handles-growing.percent", LIMIT_PERCENT, 10,
          "and the share of those that were there"),
    {0},
};

static bool is_double(const struct limit_desc *desc) {
    return desc->kind == LIMIT_PERCENT || desc->kind == LIMIT_RATIO;
}

static void limits_store(struct limits *limits, const struct limit_desc *desc, double value) {
    unsigned char *field = (unsigned char *)limits + desc->offset;
    if (is_double(desc)) {
        memcpy(field, &value, sizeof(value));
    } else {
        uint64_t number = (uint64_t)value;
        memcpy(field, &number, sizeof(number));
    }
}

void limits_init(struct limits *limits) {
    *limits = (struct limits){0};
    for (const struct limit_desc *desc = limit_descs; desc->key; desc++)
        limits_store(limits, desc, desc->fallback);
}

static const struct limit_desc *limit_find(const char *key) {
    for (const struct limit_desc *desc = limit_descs; desc->key; desc++)
        if (strcmp(desc->key, key) == 0)
            return desc;
    return NULL;
}

bool limits_set(struct limits *limits, const char *key, const char *value, struct err *err) {
    const struct limit_desc *desc = limit_find(key);
    if (!desc)
        return err_set(err, ERR_USAGE, "no limit is called '%s'", key);
    char *end;
    double number = strtod(value, &end);
    bool starts = char_is_digit(*value) || *value == '.';
    if (!starts || *end || !isfinite(number))
        return err_set(err, ERR_USAGE, "limit %s: '%s' is not a number of 0 or more", key, value);
    if (!is_double(desc) && (number >= 9007199254740992.0 || number != (double)(uint64_t)number))
        return err_set(err, ERR_USAGE, "limit %s: '%s' is not a whole number up to 2^53", key,
                       value);
    limits_store(limits, desc, number);
    return true;
}

void limits_apply(const struct limits *limits, struct series_options *options) {
    options->floor_heap_percent = limits->growing_type_heap_percent;
    options->floor_self_percent = limits->growing_type_self_percent;
    options->floor_bytes = limits->growing_type_min_bytes ? limits->growing_type_min_bytes : ABSENT;
    options->floor_objects =
        limits->growing_type_min_objects ? limits->growing_type_min_objects : ABSENT;
    options->runaway_share = limits->runaway_share;
    options->runaway_min_ns = limits->runaway_min_ns;
}
