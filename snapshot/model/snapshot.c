#include "model/snapshot.h"

#include "base/num.h"
#include "model/known_names.h"
#include "model/part_fields.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/rows_process.h"
#include "model/rows_stacks.h"

#include <stddef.h>
#include <string.h>

const char *const generation_names[GEN_COUNT] = {"gen0", "gen1",   "gen2",   "loh",
                                                 "poh",  "frozen", "unknown"};
const char *const aspect_names[ASPECT_COUNT] = {
    [ASPECT_ALL] = "all",
    [ASPECT_ROWS] = "rows",
    [ASPECT_SUMS] = "sums",
    [ASPECT_END] = "end",
    [ASPECT_FRAMES] = "frames",
    [ASPECT_NATIVE_FRAMES] = "native_frames",
    [ASPECT_CPU_TIMES] = "cpu_times",
    [ASPECT_EVIDENCE] = "evidence",
    [ASPECT_EXCEPTIONS] = "exceptions",
    [ASPECT_MANAGED] = "managed",
    [ASPECT_READY] = "ready",
    [ASPECT_STACK] = "stack",
};
const char *const trust_names[3] = {"exact", "partial", "unusable"};

#define F(row, member, id, kind) \
    { #member, (id), (kind), offsetof(struct row, member) }
#define F_AS(row, member, json, id, kind) \
    { (json), (id), (kind), offsetof(struct row, member) }

static const struct field origin_fields[] = {
    F(origin_row, format, 1, FIELD_STR),
    F(origin_row, process, 2, FIELD_STR),
    F(origin_row, pid, 3, FIELD_U64),
    F_AS(origin_row, captured_at_ns, "captured_at", 4, FIELD_TIME),
    F_AS(origin_row, process_start_ns, "process_started_at", 5, FIELD_TIME),
    F(origin_row, runtime, 6, FIELD_STR),
    F(origin_row, arch, 7, FIELD_STR),
    F(origin_row, gc_mode, 8, FIELD_STR),
    F(origin_row, heap_count, 9, FIELD_U64),
    F(origin_row, label, 10, FIELD_STR),
    F(origin_row, tool, 11, FIELD_STR),
    F(origin_row, pointer_bytes, 12, FIELD_U64),
    F(origin_row, trust, 13, FIELD_U64),
    F(origin_row, collected_first, 14, FIELD_BOOL),
    F(origin_row, sampled, 15, FIELD_BOOL),
    F(origin_row, types_filter, 16, FIELD_STR),
    F(origin_row, os, 17, FIELD_STR),
    F(origin_row, sample_bytes, 18, FIELD_BYTES),
    F(origin_row, moment, 19, FIELD_U64),
    F(origin_row, moments, 20, FIELD_U64),
    F(origin_row, object_layout, 21, FIELD_STR),
};

static const struct field reason_fields[] = {
    F(reason_row, text, 1, FIELD_STR),
    F(reason_row, count, 2, FIELD_U64),
    F(reason_row, lowers_trust, 3, FIELD_BOOL),
};

static const struct field type_fields[] = {
    F(type_row, name, 1, FIELD_STR),
    F(type_row, module, 2, FIELD_STR),
    F_AS(type_row, gen, "by_generation", 3, FIELD_CELLS),
    F(type_row, live_objects, 4, FIELD_U64),
    F(type_row, live_bytes, 5, FIELD_BYTES),
};

static const struct field heap_fields[] = {
    F(heap_row, index, 1, FIELD_U64),
    F_AS(heap_row, gen, "by_generation", 2, FIELD_CELLS),
    F_AS(heap_row, free_gen, "free_by_generation", 3, FIELD_GENS),
    F(heap_row, allocated, 4, FIELD_BYTES),
    F(heap_row, committed, 5, FIELD_BYTES),
};

static const struct field region_fields[] = {
    F(region_row, kind, 1, FIELD_STR),        F(region_row, heap, 2, FIELD_U64),
    F(region_row, generation, 3, FIELD_U64),  F(region_row, address, 4, FIELD_HEX),
    F(region_row, start, 5, FIELD_HEX),       F(region_row, allocated, 6, FIELD_BYTES),
    F(region_row, committed, 7, FIELD_BYTES), F(region_row, reserved, 8, FIELD_BYTES),
};

static const struct field gc_fields[] = {
    F(gc_row, allocated_bytes, 1, FIELD_BYTES), F(gc_row, committed_bytes, 2, FIELD_BYTES),
    F(gc_row, in_progress, 3, FIELD_BOOL),      F(gc_row, regions, 4, FIELD_BOOL),
    F(gc_row, heap_count, 5, FIELD_U64),        F(gc_row, skipped_bytes, 6, FIELD_BYTES),
};

static const struct field finalizer_fields[] = {
    F(finalizer_row, finalizable, 1, FIELD_GENS), F(finalizer_row, ready, 2, FIELD_U64),
    F(finalizer_row, thread_os_id, 3, FIELD_U64), F(finalizer_row, blocked, 4, FIELD_BOOL),
    F(finalizer_row, running, 5, FIELD_STR),
};

static const struct field finalizable_fields[] = {
    F(finalizable_row, type, 1, FIELD_STR),
    F(finalizable_row, objects, 2, FIELD_U64),
    F(finalizable_row, bytes, 3, FIELD_BYTES),
    F(finalizable_row, ready, 4, FIELD_U64),
};

static const struct field thread_fields[] = {
    F(thread_row, os_id, 1, FIELD_U64),
    F(thread_row, index, 2, FIELD_U64),
    F(thread_row, managed_id, 3, FIELD_U64),
    F(thread_row, name, 4, FIELD_STR),
    F(thread_row, role, 5, FIELD_STR),
    F(thread_row, state, 6, FIELD_STR),
    F(thread_row, gc_mode, 7, FIELD_STR),
    F(thread_row, user_ns, 8, FIELD_NS),
    F(thread_row, kernel_ns, 9, FIELD_NS),
    F(thread_row, elapsed_ns, 10, FIELD_NS),
    F(thread_row, cpu_recorded, 11, FIELD_BOOL),
    F(thread_row, start_time_ns, 12, FIELD_NS),
    F(thread_row, switches, 13, FIELD_U64),
    F(thread_row, lock_count, 14, FIELD_U64),
    F(thread_row, exception, 15, FIELD_STR),
    F(thread_row, waiting_on, 16, FIELD_STR),
    F(thread_row, frames, 17, FIELD_STRS),
    F(thread_row, native_frames, 18, FIELD_STRS),
    F(thread_row, stack_hash, 19, FIELD_HEX),
    F(thread_row, registers_hash, 20, FIELD_HEX),
    F(thread_row, live_stack_hash, 21, FIELD_HEX),
    F(thread_row, dead_stack_hash, 22, FIELD_HEX),
    F(thread_row, user_mode, 23, FIELD_BOOL),
    F(thread_row, syscall, 24, FIELD_U64),
    F(thread_row, stack_bytes, 25, FIELD_BYTES),
    F(thread_row, waits_for, 26, FIELD_HEX),
    F(thread_row, waited_ns, 27, FIELD_NS),
    F(thread_row, run_delay_ns, 28, FIELD_NS),
};

static const struct field lock_fields[] = {
    F(lock_row, index, 1, FIELD_U64),
    F(lock_row, address, 2, FIELD_HEX),
    F(lock_row, object_type, 3, FIELD_STR),
    F(lock_row, owner_os_id, 4, FIELD_U64),
    F(lock_row, owner_managed_id, 5, FIELD_U64),
    F(lock_row, recursion, 6, FIELD_U64),
    F(lock_row, held, 7, FIELD_BOOL),
    F(lock_row, waiters, 8, FIELD_U64),
    F(lock_row, owner_name, 9, FIELD_STR),
    F(lock_row, readers, 10, FIELD_U64),
    F(lock_row, name, 11, FIELD_STR),
};

static const struct field handle_fields[] = {
    F(handle_row, kind, 1, FIELD_STR),
    F(handle_row, type, 2, FIELD_STR),
    F(handle_row, count, 3, FIELD_U64),
    F(handle_row, bytes, 4, FIELD_BYTES),
};

static const struct field memory_fields[] = {
    F(memory_row, by, 1, FIELD_U64),
    F(memory_row, key, 2, FIELD_STR),
    F(memory_row, regions, 3, FIELD_U64),
    F(memory_row, bytes, 4, FIELD_BYTES),
    F(memory_row, private_bytes, 5, FIELD_BYTES),
};

static const struct field module_fields[] = {
    F(module_row, name, 1, FIELD_STR),    F(module_row, path, 2, FIELD_STR),
    F(module_row, version, 3, FIELD_STR), F(module_row, id, 4, FIELD_STR),
    F(module_row, base, 5, FIELD_HEX),    F(module_row, size, 6, FIELD_BYTES),
};

static const struct field stack_fields[] = {
    F(stack_row, frames, 1, FIELD_STRS),     F(stack_row, module, 2, FIELD_STR),
    F(stack_row, count, 3, FIELD_U64),       F(stack_row, bytes, 4, FIELD_BYTES),
    F(stack_row, total_count, 5, FIELD_U64), F(stack_row, total_bytes, 6, FIELD_BYTES),
    F(stack_row, size_each, 7, FIELD_BYTES), F(stack_row, peak_bytes, 8, FIELD_BYTES),
    F(stack_row, oldest_ns, 9, FIELD_NS),    F(stack_row, temporary_count, 10, FIELD_U64),
    F(stack_row, loss, 11, FIELD_STR),       F(stack_row, indirect_bytes, 12, FIELD_BYTES),
    F(stack_row, places, 13, FIELD_STRS),
};

static const struct field allocation_fields[] = {
    F(allocation_row, by, 1, FIELD_STR),          F(allocation_row, name, 2, FIELD_STR),
    F(allocation_row, count, 3, FIELD_U64),       F(allocation_row, bytes, 4, FIELD_BYTES),
    F(allocation_row, cum_count, 5, FIELD_U64),   F(allocation_row, cum_bytes, 6, FIELD_BYTES),
    F(allocation_row, total_count, 7, FIELD_U64), F(allocation_row, total_bytes, 8, FIELD_BYTES),
    F(allocation_row, size_each, 9, FIELD_BYTES),
};

static const struct field counter_fields[] = {
    F(counter_row, name, 1, FIELD_STR),
    F(counter_row, value, 2, FIELD_U64),
    F(counter_row, unit, 3, FIELD_STR),
};

static const struct field loader_fields[] = {
    F(loader_row, owner, 1, FIELD_STR),
    F(loader_row, kind, 2, FIELD_STR),
    F(loader_row, bytes, 3, FIELD_BYTES),
    F(loader_row, wasted, 4, FIELD_BYTES),
};

static const struct field free_block_fields[] = {
    F(free_block_row, address, 1, FIELD_HEX),
    F(free_block_row, bytes, 2, FIELD_BYTES),
    F(free_block_row, followed_by, 3, FIELD_STR),
};

static const struct field native_heap_fields[] = {
    F(native_heap_row, address, 1, FIELD_HEX),
    F(native_heap_row, name, 2, FIELD_STR),
    F(native_heap_row, reserved, 3, FIELD_BYTES),
    F(native_heap_row, committed, 4, FIELD_BYTES),
    F(native_heap_row, virtual_bytes, 5, FIELD_BYTES),
    F(native_heap_row, free_bytes, 6, FIELD_BYTES),
    F(native_heap_row, external_fragmentation, 7, FIELD_U64),
};

static const struct field live_fields[] = {
    F(live_row, objects, 1, FIELD_U64),         F(live_row, bytes, 2, FIELD_BYTES),
    F(live_row, garbage_objects, 3, FIELD_U64), F(live_row, garbage_bytes, 4, FIELD_BYTES),
    F(live_row, frozen_bytes, 5, FIELD_BYTES),  F(live_row, stack_only_bytes, 6, FIELD_BYTES),
};

static const struct field path_fields[] = {
    F(path_row, parent, 1, FIELD_U64),      F(path_row, root, 2, FIELD_STR),
    F(path_row, edge, 3, FIELD_STR),        F(path_row, type, 4, FIELD_STR),
    F(path_row, objects, 5, FIELD_U64),     F(path_row, bytes, 6, FIELD_BYTES),
    F(path_row, own_objects, 7, FIELD_U64), F(path_row, own_bytes, 8, FIELD_BYTES),
};

static const struct field place_fields[] = {
    F(path_row, parent, 1, FIELD_U64),        F(path_row, root, 2, FIELD_STR),
    F(path_row, edge, 3, FIELD_STR),          F(path_row, type, 4, FIELD_STR),
    F(path_row, objects, 5, FIELD_U64),       F(path_row, bytes, 6, FIELD_BYTES),
    F(path_row, own_objects, 7, FIELD_U64),   F(path_row, own_bytes, 8, FIELD_BYTES),
    F(path_row, holder, 9, FIELD_U64),        F(path_row, holder_edge, 10, FIELD_STR),
    F(path_row, other_holder, 11, FIELD_U64), F(path_row, other_edge, 12, FIELD_STR),
};

static const struct field os_handle_fields[] = {
    F(os_handle_row, type, 1, FIELD_STR),
    F(os_handle_row, count, 2, FIELD_U64),
};

static const struct field async_fields[] = {
    F(async_row, type, 1, FIELD_STR),
    F(async_row, await, 2, FIELD_U64),
    F(async_row, objects, 3, FIELD_U64),
    F(async_row, bytes, 4, FIELD_BYTES),
};

static const struct field callback_fields[] = {
    F(callback_row, kind, 1, FIELD_STR),   F(callback_row, type, 2, FIELD_STR),
    F(callback_row, method, 3, FIELD_STR), F(callback_row, objects, 4, FIELD_U64),
    F(callback_row, due_ms, 5, FIELD_U64), F(callback_row, period_ms, 6, FIELD_U64),
};

static const struct field wait_fields[] = {
    F(wait_row, address, 1, FIELD_HEX),
    F(wait_row, kind, 2, FIELD_STR),
    F(wait_row, type, 3, FIELD_STR),
    F(wait_row, name, 4, FIELD_STR),
    F(wait_row, await, 5, FIELD_U64),
    F(wait_row, state, 6, FIELD_STR),
    F(wait_row, next, 7, FIELD_HEX),
    F(wait_row, owner_os_id, 8, FIELD_U64),
    F(wait_row, owner_managed_id, 9, FIELD_U64),
    F(wait_row, count, 10, FIELD_U64),
    F(wait_row, waiters, 11, FIELD_U64),
    F(wait_row, most, 12, FIELD_U64),
    F(wait_row, phase, 13, FIELD_U64),
};

static const struct field exception_fields[] = {
    F(exception_row, type, 1, FIELD_STR),         F(exception_row, message_class, 2, FIELD_STR),
    F(exception_row, thrown_in, 3, FIELD_STR),    F(exception_row, objects, 4, FIELD_U64),
    F(exception_row, live_objects, 5, FIELD_U64), F(exception_row, message, 6, FIELD_STR),
    F(exception_row, innermost, 7, FIELD_STR),
};

static const struct field work_fields[] = {
    F(work_row, queue, 1, FIELD_STR),
    F(work_row, type, 2, FIELD_STR),
    F(work_row, method, 3, FIELD_STR),
    F(work_row, objects, 4, FIELD_U64),
};

static const struct field request_fields[] = {
    F(request_row, direction, 1, FIELD_STR), F(request_row, state, 2, FIELD_STR),
    F(request_row, method, 3, FIELD_STR),    F(request_row, host, 4, FIELD_STR),
    F(request_row, path, 5, FIELD_STR),      F(request_row, count, 6, FIELD_U64),
    F(request_row, oldest_ns, 7, FIELD_NS),
};

static const struct field absence_fields[] = {
    F(absence_row, part, 1, FIELD_STR),    F(absence_row, aspect, 2, FIELD_STR),
    F(absence_row, count, 3, FIELD_U64),   F(absence_row, why, 4, FIELD_STR),
    F(absence_row, objects, 5, FIELD_U64), F(absence_row, row_bytes, 6, FIELD_BYTES),
};

#define DESC_OF(json, stem, row, is_single) \
    { \
        (json), stem##_fields, sizeof(stem##_fields) / sizeof(*stem##_fields), sizeof(struct row), \
            (is_single) \
    }
#define DESC(json, stem, is_single) DESC_OF(json, stem, stem##_row, is_single)

const struct part_desc part_descs[PART_END] = {
    [PART_ORIGIN] = DESC("origin", origin, true),
    [PART_REASONS] = DESC("reasons", reason, false),
    [PART_TYPES] = DESC("types", type, false),
    [PART_HEAPS] = DESC("heaps", heap, false),
    [PART_REGIONS] = DESC("regions", region, false),
    [PART_GC] = DESC("gc", gc, true),
    [PART_FINALIZER] = DESC("finalizer", finalizer, true),
    [PART_FINALIZABLE] = DESC("finalizable", finalizable, false),
    [PART_THREADS] = DESC("threads", thread, false),
    [PART_LOCKS] = DESC("locks", lock, false),
    [PART_HANDLES] = DESC("handles", handle, false),
    [PART_MEMORY_MAP] = DESC("memory_map", memory, false),
    [PART_MODULES] = DESC("modules", module, false),
    [PART_STACKS] = DESC("stacks", stack, false),
    [PART_COUNTERS] = DESC("counters", counter, false),
    [PART_LOADER] = DESC("loader", loader, false),
    [PART_FREE_BLOCKS] = DESC("free_blocks", free_block, false),
    [PART_NATIVE_HEAPS] = DESC("native_heaps", native_heap, false),
    [PART_LIVE] = DESC("live", live, true),
    [PART_PATHS] = DESC("paths", path, false),
    [PART_OS_HANDLES] = DESC("os_handles", os_handle, false),
    [PART_ASYNC] = DESC("async", async, false),
    [PART_ALLOCATIONS] = DESC("allocations", allocation, false),
    [PART_ABSENCES] = DESC("absences", absence, false),
    [PART_PLACES] = DESC_OF("places", place, path_row, false),
    [PART_CALLBACKS] = DESC("callbacks", callback, false),
    [PART_WAITS] = DESC("waits", wait, false),
    [PART_EXCEPTIONS] = DESC("exceptions", exception, false),
    [PART_WORK] = DESC("queued_work", work, false),
    [PART_REQUESTS] = DESC("requests", request, false),
};

bool strings_equal(const struct strings *a, const struct strings *b) {
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

void snapshot_init(struct snapshot *s) {
    *s = (struct snapshot){0};
    arena_init(&s->arena);
}

void snapshot_deinit(struct snapshot *s) {
    arena_deinit(&s->arena);
    *s = (struct snapshot){0};
}

const void *snapshot_rows(const struct snapshot *s, enum part part, uint32_t *ret_count) {
    bool there = snapshot_has(s, part);
    *ret_count = there ? s->tables[part].count : 0;
    return there ? s->tables[part].rows : NULL;
}

const void *snapshot_row(const struct snapshot *s, enum part part) {
    uint32_t count;
    const void *rows = snapshot_rows(s, part, &count);
    return count ? rows : NULL;
}

const struct origin_row *snapshot_origin(const struct snapshot *s) {
    static const struct origin_row nothing = {
        .pid = ABSENT,
        .captured_at_ns = ABSENT,
        .process_start_ns = ABSENT,
        .heap_count = ABSENT,
        .pointer_bytes = ABSENT,
        .trust = TRUST_UNUSABLE,
        .collected_first = ABSENT,
        .sampled = ABSENT,
        .sample_bytes = ABSENT,
        .moment = ABSENT,
        .moments = ABSENT,
    };
    const struct origin_row *origin = snapshot_row(s, PART_ORIGIN);
    return origin ? origin : &nothing;
}

enum trust_grade snapshot_trust(const struct snapshot *s) {
    uint64_t trust = snapshot_origin(s)->trust;
    return trust > TRUST_UNUSABLE ? TRUST_UNUSABLE : (enum trust_grade)trust;
}

struct cell type_total(const struct type_row *row) {
    struct cell total = {0, 0};
    uint64_t all = 0;
    for (int g = 0; g < GEN_COUNT; g++) {
        total.objects += row->gen[g].objects;
        total.bytes += row->gen[g].bytes;
        all |= row->gen[g].objects | row->gen[g].bytes;
    }
    if (all < UINT64_MAX / 2 / GEN_COUNT) /* nearly always: nothing overflowed */
        return total;
    total = (struct cell){0, 0};
    for (int g = 0; g < GEN_COUNT; g++) {
        total.objects = num_add(total.objects, row->gen[g].objects);
        total.bytes = num_add(total.bytes, row->gen[g].bytes);
    }
    return total;
}

bool type_is_free(const struct type_row *row) {
    return strcmp(row->name, TYPE_FREE) == 0 && (!row->module || !*row->module);
}

struct snapshot_totals snapshot_totals(const struct snapshot *s) {
    struct snapshot_totals totals = {0};
    SNAPSHOT_ROWS(s, PART_TYPES, struct type_row, types, count);
    for (uint32_t i = 0; i < count; i++) {
        struct cell total = type_total(&types[i]);
        totals.objects = num_add(totals.objects, total.objects);
        totals.bytes = num_add(totals.bytes, total.bytes);
        if (type_is_free(&types[i])) {
            totals.free_objects = num_add(totals.free_objects, total.objects);
            totals.free_bytes = num_add(totals.free_bytes, total.bytes);
        }
    }
    return totals;
}
