#include "tests/support/log_checks.h"

#include "input/input.h"
#include "tests/support/rows.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/rows_process.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void log_read(const char *path, struct snapshot *ret_snapshot) {
    static const struct input_options options = {0};
    struct err err = {.msg = ""};
    snapshot_init(ret_snapshot);
    if (!input_read(path, &options, ret_snapshot, &err))
        fail_msg("%s: %s", path, err.msg);
    SNAPSHOT_ROWS(ret_snapshot, PART_REASONS, struct reason_row, reasons, count);
    for (uint32_t i = 0; i < count && getenv("CORPUS_VERBOSE"); i++)
        fprintf(stderr, "%s: %s: %s (%lld)\n", path, reasons[i].lowers_trust ? "warning" : "note",
                reasons[i].text, (long long)reasons[i].count);
}

unsigned log_reasons(const struct snapshot *s, const char *part) {
    SNAPSHOT_ROWS(s, PART_REASONS, struct reason_row, reasons, count);
    unsigned found = 0;
    for (uint32_t i = 0; i < count; i++)
        found += reasons[i].lowers_trust && strstr(reasons[i].text, part);
    return found;
}

uint64_t log_reason_count(const struct snapshot *s, const char *part) {
    SNAPSHOT_ROWS(s, PART_REASONS, struct reason_row, reasons, count);
    for (uint32_t i = 0; i < count; i++)
        if (reasons[i].lowers_trust && strstr(reasons[i].text, part))
            return reasons[i].count;
    return 0;
}

/* -- The heap ---------------------------------------------------------------------------------- */

static const struct type_row *log_top_type(const struct snapshot *s) {
    SNAPSHOT_ROWS(s, PART_TYPES, struct type_row, rows, count);
    const struct type_row *top = rows;
    for (uint32_t i = 1; i < count; i++)
        if (type_total(&rows[i]).bytes > type_total(top).bytes)
            top = &rows[i];
    return top;
}

void log_types_check(const char *path, const struct log_types *c) {
    struct snapshot s;
    log_read(path, &s);
    struct snapshot_totals totals = snapshot_totals(&s);
    assert_int_equal(rows_count(&s, PART_TYPES), c->types);
    assert_int_equal(totals.objects, c->objects);
    assert_int_equal(totals.bytes, c->bytes);
    assert_string_equal(log_top_type(&s)->name, c->top);
    assert_int_equal(type_total(log_top_type(&s)).bytes, c->top_bytes);
    if (c->missing == ABSENT)
        assert_int_equal(log_reasons(&s, "ends without its Total"), 1);
    else
        assert_int_equal(log_reason_count(&s, "objects of the printed Total"), c->missing);
    const char *filter = snapshot_origin(&s)->types_filter;
    if (c->filter)
        assert_non_null(filter ? strstr(filter, c->filter) : NULL);
    else
        assert_null(filter);
    bool is_exact = c->missing == 0 && !c->filter;
    assert_int_equal(snapshot_trust(&s), is_exact ? TRUST_EXACT : TRUST_PARTIAL);
    assert_int_equal(rows_count(&s, PART_FREE_BLOCKS), c->free_blocks);
    snapshot_deinit(&s);
}

void log_heaps_check(const char *path, const struct log_heaps *c) {
    struct snapshot s;
    log_read(path, &s);
    const struct gc_row *gc = snapshot_row(&s, PART_GC);
    SNAPSHOT_ROWS(&s, PART_HEAPS, struct heap_row, heaps, heap_count);
    assert_non_null(gc);
    assert_true(gc->allocated_bytes == c->bytes);
    assert_true(gc->committed_bytes == c->committed);
    assert_int_equal(gc->heap_count, c->heaps);
    assert_int_equal(heap_count, c->heaps);
    for (uint32_t h = 0; h < heap_count; h++)
        assert_int_equal(heaps[h].allocated, c->heap_bytes[h]);
    assert_int_equal(rows_count(&s, PART_REGIONS), c->regions);
    assert_string_equal(snapshot_origin(&s)->gc_mode, c->mode);
    assert_int_equal(snapshot_trust(&s), c->trust);
    snapshot_deinit(&s);
}

void log_queue_check(const char *path, const struct log_queue *c) {
    struct snapshot s;
    log_read(path, &s);
    const struct finalizer_row *queue = snapshot_row(&s, PART_FINALIZER);
    assert_non_null(queue);
    for (int g = 0; g < 3; g++)
        assert_int_equal(queue->finalizable[g], c->generations[g]);
    assert_int_equal(queue->ready, c->ready);
    SNAPSHOT_ROWS(&s, PART_FINALIZABLE, struct finalizable_row, types, count);
    assert_int_equal(count, c->types);
    uint64_t objects = 0, bytes = 0;
    for (uint32_t t = 0; t < count; t++) {
        objects += types[t].objects;
        bytes += types[t].bytes;
    }
    assert_int_equal(objects, c->objects);
    assert_int_equal(bytes, c->bytes);
    assert_false(snapshot_has(&s, PART_TYPES));
    if (c->reason)
        assert_true(log_reasons(&s, c->reason) >= 1);
    else
        assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}

/* -- Threads and locks ------------------------------------------------------------------------- */

void log_threads_check(const char *path, const struct log_threads *c) {
    struct snapshot s;
    log_read(path, &s);
    assert_int_equal(rows_counter(&s, "threads.total"), c->total);
    assert_int_equal(rows_counter(&s, "threads.unstarted"), c->unstarted);
    assert_int_equal(rows_counter(&s, "threads.background"), c->background);
    assert_int_equal(rows_counter(&s, "threads.dead"), c->dead);
    SNAPSHOT_ROWS(&s, PART_THREADS, struct thread_row, threads, count);
    assert_int_equal(count, c->rows);
    uint32_t dead = 0, workers = 0;
    for (uint32_t k = 0; k < count; k++) {
        dead += threads[k].state && strcmp(threads[k].state, "dead") == 0;
        workers += threads[k].role && strcmp(threads[k].role, "threadpool-worker") == 0;
    }
    assert_int_equal(dead, c->dead_rows);
    assert_int_equal(workers, c->workers);
    assert_string_equal(rows_thread(&s, c->finalizer)->role, "finalizer");
    const struct finalizer_row *f = snapshot_row(&s, PART_FINALIZER);
    assert_int_equal(f->thread_os_id, c->finalizer);
    assert_int_equal(snapshot_trust(&s), c->exact ? TRUST_EXACT : TRUST_PARTIAL);
    snapshot_deinit(&s);
}

void log_stack_check(const char *path, const struct log_stack *c) {
    struct snapshot s;
    log_read(path, &s);
    assert_int_equal(rows_count(&s, PART_THREADS), c->threads);
    const struct thread_row *t = rows_thread(&s, c->os_id);
    assert_non_null(t);
    assert_int_equal(t->frames.count, c->frames);
    assert_string_equal(t->frames.items[0], c->innermost);
    assert_string_equal(t->frames.items[t->frames.count - 1], c->outermost);
    snapshot_deinit(&s);
}

void log_locks_check(const char *path, const struct log_locks *c) {
    struct snapshot s;
    log_read(path, &s);
    assert_true(snapshot_has(&s, PART_LOCKS));
    SNAPSHOT_ROWS(&s, PART_LOCKS, struct lock_row, locks, count);
    assert_int_equal(count, c->locks);
    assert_int_equal(rows_counter(&s, "syncblk.total"), c->total);
    assert_int_equal(rows_counter(&s, "syncblk.free"), c->free);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    if (count) {
        assert_int_equal(locks[0].owner_os_id, c->owner);
        assert_int_equal(locks[0].waiters, c->waiters);
        assert_int_equal(locks[0].recursion, c->recursion);
        assert_int_equal(locks[0].held, 1);
        assert_string_equal(locks[0].object_type, "System.Object");
    }
    snapshot_deinit(&s);
}

static void log_sum_times(const struct snapshot *s, uint64_t user_ns, uint64_t kernel_ns) {
    SNAPSHOT_ROWS(s, PART_THREADS, struct thread_row, threads, count);
    uint64_t user = 0, kernel = 0;
    for (uint32_t i = 0; i < count; i++) {
        user += threads[i].user_ns;
        kernel += threads[i].kernel_ns;
        assert_int_equal(threads[i].cpu_recorded, 1);
        assert_true(threads[i].elapsed_ns == ABSENT);
    }
    assert_int_equal(user, user_ns);
    assert_int_equal(kernel, kernel_ns);
}

void log_times_check(const char *const paths[2], const struct log_times *c) {
    struct snapshot s[2];
    for (int i = 0; i < 2; i++) {
        log_read(paths[i], &s[i]);
        assert_int_equal(rows_count(&s[i], PART_THREADS), c->rows[i]);
        log_sum_times(&s[i], c->user_ns[i], c->kernel_ns[i]);
    }
    SNAPSHOT_ROWS(&s[0], PART_THREADS, struct thread_row, threads, count);
    uint32_t common = 0;
    const struct thread_row *most = NULL;
    uint64_t most_ns = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct thread_row *later = rows_thread(&s[1], threads[i].os_id);
        common += later != NULL;
        if (later && later->user_ns - threads[i].user_ns > most_ns) {
            most_ns = later->user_ns - threads[i].user_ns;
            most = later;
        }
    }
    assert_int_equal(common, c->common);
    assert_non_null(most);
    assert_int_equal(most->index, c->most_index);
    assert_int_equal(most->os_id, c->most_os_id);
    assert_int_equal(most_ns, c->most_ns);
    snapshot_deinit(&s[0]);
    snapshot_deinit(&s[1]);
}

/* -- Memory ------------------------------------------------------------------------------------ */

void log_native_heaps_check(const char *path, const struct log_native_heaps *c) {
    struct snapshot s;
    log_read(path, &s);
    SNAPSHOT_ROWS(&s, PART_NATIVE_HEAPS, struct native_heap_row, heaps, count);
    assert_int_equal(count, c->heaps);
    assert_int_equal(heaps[0].address, c->address);
    assert_int_equal(heaps[0].reserved, c->reserved);
    assert_int_equal(heaps[0].committed, c->committed);
    assert_int_equal(snapshot_trust(&s), TRUST_EXACT);
    snapshot_deinit(&s);
}
