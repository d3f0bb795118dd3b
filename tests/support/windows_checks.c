#include "tests/support/windows_checks.h"

#include "tests/support/rows.h"
#include "model/rows_heap.h"
#include "model/rows_process.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

void windows_threads_ran(const struct snapshot *before, const struct snapshot *after,
                         const struct expected_thread *expected, size_t count) {
    const struct snapshot *both[2] = {before, after};
    struct series series;
    struct series_options options;
    struct err err = {.msg = ""};
    series_options_init(&options);
    assert_true(series_init(&series, both, 2, &options, &err));
    for (size_t e = 0; e < count; e++) {
        const struct series_thread *found = NULL;
        for (uint32_t i = 0; i < series.thread_count; i++)
            if (series.threads[i].name && strcmp(series.threads[i].name, expected[e].name) == 0)
                found = &series.threads[i];
        assert_non_null(found);
        assert_string_equal(thread_state_names[found->state],
                            thread_state_names[expected[e].state]);
        assert_int_equal(found->cpu_delta_ns / 1000000, expected[e].cpu_ms);
    }
    series_deinit(&series);
}

static uint64_t windows_memory(const struct snapshot *s, enum memory_by by, const char *key) {
    const struct memory_row *row = rows_memory(s, by, key);
    return row ? row->bytes : 0;
}

void windows_memory_adds_up(const struct snapshot *s) {
    uint64_t sums[MEMORY_BY_BASE + 1] = {0};
    SNAPSHOT_ROWS(s, PART_MEMORY_MAP, struct memory_row, rows, count);
    for (uint32_t r = 0; r < count; r++)
        sums[rows[r].by] += rows[r].bytes;
    uint64_t commit = windows_memory(s, MEMORY_BY_STATE, "MEM_COMMIT");
    assert_true(commit > 0);
    assert_int_equal(sums[MEMORY_BY_USAGE], commit);
    assert_int_equal(sums[MEMORY_BY_PROTECT], commit);
    assert_int_equal(sums[MEMORY_BY_TYPE],
                     commit + windows_memory(s, MEMORY_BY_STATE, "MEM_RESERVE"));
    assert_true(sums[MEMORY_BY_BASE] > 0 && sums[MEMORY_BY_BASE] < commit);
    uint64_t heap = windows_memory(s, MEMORY_BY_USAGE, "gc-heap");
    const struct gc_row *gc = snapshot_row(s, PART_GC);
    assert_non_null(gc);
    assert_true(heap >= gc->committed_bytes && heap - gc->committed_bytes < 65536);
}

void windows_heap_is_missing(const struct snapshot *s, const char *runtime, uint32_t modules) {
    assert_int_equal(snapshot_trust(s), TRUST_PARTIAL);
    assert_false(snapshot_has(s, PART_TYPES));
    assert_int_equal(rows_reasons(s, runtime), 1);
    assert_int_equal(rows_reasons(s, "its read-only pages are not in the dump"), 1);
    assert_int_equal(rows_count(s, PART_MODULES), modules);
    assert_true(windows_memory(s, MEMORY_BY_STATE, "MEM_COMMIT") > 0);
    assert_true(windows_memory(s, MEMORY_BY_USAGE, "stack") > 0);
    assert_true(windows_memory(s, MEMORY_LARGEST, "Free") > (uint64_t)1 << 40);
}

void windows_thread_used(const struct snapshot *s, const char *name, uint64_t user_ns,
                         uint64_t kernel_ns) {
    SNAPSHOT_ROWS(s, PART_THREADS, struct thread_row, rows, count);
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!rows[i].name || strcmp(rows[i].name, name) != 0)
            continue;
        assert_int_equal(rows[i].user_ns, user_ns);
        assert_int_equal(rows[i].kernel_ns, kernel_ns);
        found++;
    }
    assert_int_equal(found, 1);
}
