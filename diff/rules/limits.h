/*
 * THE list of thresholds: kind, member of struct limits, key in --limit and --config, default,
 * meaning. A threshold is its line here: the struct, the table and the help are made of it.
 */
#ifndef DUMPDIFF_RULES_LIMITS_H
#define DUMPDIFF_RULES_LIMITS_H

#include <stdint.h>

#define LIMITS(LIMIT) \
    LIMIT(PERCENT, growing_type_heap_percent, "growing-type.heap-percent", 0.5, \
          "a type grows from this share of the base heap on") \
    LIMIT(PERCENT, growing_type_self_percent, "growing-type.self-percent", 5, \
          "and from this share of its own base size on") \
    LIMIT(BYTES, growing_type_min_bytes, "growing-type.min-bytes", 0, "and from so many bytes on") \
    LIMIT(COUNT, growing_type_min_objects, "growing-type.min-objects", 0, \
          "and from so many objects on") \
    LIMIT(PERCENT, growth_live_percent, "growth.live-percent", 0.1, \
          "what one holder adds is a cause from this share of what lives in the base on") \
    LIMIT(BYTES, growth_min_bytes, "growth.min-bytes", 4096, "and from so many bytes on") \
    LIMIT(PERCENT, heap_growth_percent, "heap-growth.percent", 10, \
          "the heap, a generation, LOH or POH grows from this share of its base on") \
    LIMIT(BYTES, heap_growth_min_bytes, "heap-growth.min-bytes", 0, "and from so many bytes on") \
    LIMIT(PERCENT, free_share_percent, "fragmentation.free-percent", 40, \
          "share of Free in a generation that is too much") \
    LIMIT(RATIO, committed_ratio, "committed-vs-allocated.ratio", 3, \
          "committed bytes of the GC heap for each allocated byte that are too many") \
    LIMIT(COUNT, queue_growth_min, "finalizer-queue-growth.min-objects", 1, \
          "objects ready for finalization that have to be added") \
    LIMIT(COUNT, thread_growth_min, "thread-leak.min-threads", 5, "threads that have to be added") \
    LIMIT(RATIO, runaway_share, "thread-runaway.share", 0.9, \
          "CPU seconds in each second of wall time that make a runaway") \
    LIMIT(NS, runaway_min_ns, "thread-runaway.min-ns", 1e9, "and the least CPU time, in ns") \
    LIMIT(COUNT, handle_growth_min, "handles-growing.min-handles", 50, \
          "handles of one kind that have to be added") \
    LIMIT(PERCENT, handle_growth_percent, "handles-growing.percent", 10, \
          "and the share of those that were there") \
    LIMIT(BYTES, loader_growth_min_bytes, "loader-growth.min-bytes", 1048576, \
          "bytes of loader heap that have to be added") \
    LIMIT(BYTES, native_growth_min_bytes, "native-growth.min-bytes", 16777216, \
          "bytes of native memory that have to be added beyond what the managed heap explains") \
    LIMIT(PERCENT, largest_free_shrink_percent, "largest-free-shrinking.percent", 20, \
          "share by which the largest free block of address space has to shrink") \
    LIMIT(COUNT, exception_growth_min, "exceptions-growing.min-objects", 20, \
          "exception objects of one type that have to be added") \
    LIMIT(PERCENT, new_type_percent, "new-type.heap-percent", 0.5, \
          "share of the newest heap (gone-type: of the base heap) that a type has to have") \
    LIMIT(PERCENT, free_heap_percent, "fragmentation.heap-percent", 5, \
          "and the share of the whole heap that this Free has to be") \
    LIMIT(BYTES, committed_min_bytes, "committed-vs-allocated.min-bytes", 67108864, \
          "and committed bytes beyond the allocated ones that matter") \
    LIMIT(PERCENT, thread_growth_percent, "thread-leak.percent", 10, \
          "and the share of the threads that were there") \
    LIMIT(COUNT, dead_threads_min, "threads-dead.min-threads", 10, \
          "dead threads of which the runtime still keeps account") \
    LIMIT(COUNT, starvation_min_workers, "threadpool-starvation.min-workers", 4, \
          "pool workers that wait for other work of the pool") \
    LIMIT(COUNT, loader_growth_min_modules, "loader-growth.min-modules", 10, \
          "or modules that have to be added") \
    LIMIT(BYTES, largest_free_min_bytes, "largest-free-shrinking.min-bytes", 33554432, \
          "largest free block below which a 32-bit process is about to fail") \
    LIMIT(PERCENT, large_object_percent, "large-object.heap-percent", 5, \
          "share of the heap that the large objects of one type have to be") \
    LIMIT(PERCENT, stack_growth_percent, "stack-growing.percent", 1, \
          "share of all outstanding bytes of the base that one allocation stack has to add") \
    LIMIT(BYTES, stack_growth_min_bytes, "stack-growing.min-bytes", 0, "and bytes it has to add") \
    LIMIT(COUNT, stack_growth_min_count, "stack-growing.min-count", 1, \
          "and allocations it has to add") \
    LIMIT(PERCENT, module_growth_percent, "module-growing.percent", 5, \
          "share of all outstanding bytes of the base that one module has to add") \
    LIMIT(PERCENT, allocation_size_percent, "allocation-size-dominates.percent", 50, \
          "share of the growth, or of one dump, that allocations of one size have to be") \
    LIMIT(COUNT, os_handle_growth_min, "os-handles-growing.min-handles", 50, \
          "operating system handles of one type that have to be added") \
    LIMIT(PERCENT, os_handle_growth_percent, "os-handles-growing.percent", 10, \
          "and the share of those that were there") \
    LIMIT(BYTES, memory_growing_min_bytes, "memory-growing.min-bytes", 1048576, \
          "bytes that a container, a process or a part of it has to add") \
    LIMIT(BYTES, memory_where_min_bytes, "memory-where.min-bytes", 1048576, \
          "bytes of all that is known from which on it is said where they are") \
    LIMIT(PERCENT, heap_filled_percent, "heap-filled.percent", 50, \
          "share of the heap that a type has to have") \
    LIMIT(BYTES, heap_filled_min_bytes, "heap-filled.min-bytes", 1048576, \
          "and bytes that the heap has to have")

#define LIMIT_TYPE_PERCENT double
#define LIMIT_TYPE_RATIO \
    double /* e.g. CPU seconds a wall second, committed bytes an allocated one */
#define LIMIT_TYPE_BYTES uint64_t
#define LIMIT_TYPE_COUNT uint64_t
#define LIMIT_TYPE_NS    uint64_t

#define LIMIT_MEMBER(kind, field, key, fallback, meaning) LIMIT_TYPE_##kind field;
struct limits {
    LIMITS(LIMIT_MEMBER)
};
#undef LIMIT_MEMBER

#endif
