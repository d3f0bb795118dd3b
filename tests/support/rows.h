/* Looking rows of a snapshot up, for tests. NULL or ABSENT when there is none. */
#ifndef DUMPDIFF_SUPPORT_ROWS_H
#define DUMPDIFF_SUPPORT_ROWS_H

#include "model/rows_origin.h"
#include "model/rows_process.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <string.h>

static inline const struct thread_row *rows_thread(const struct snapshot *s, uint64_t os_id) {
    SNAPSHOT_ROWS(s, PART_THREADS, struct thread_row, threads, count);
    for (uint32_t i = 0; i < count; i++)
        if (threads[i].os_id == os_id)
            return &threads[i];
    return NULL;
}

static inline const struct thread_row *rows_managed_thread(const struct snapshot *s, uint64_t id) {
    SNAPSHOT_ROWS(s, PART_THREADS, struct thread_row, threads, count);
    for (uint32_t i = 0; i < count; i++)
        if (threads[i].managed_id == id)
            return &threads[i];
    return NULL;
}

static inline uint64_t rows_counter(const struct snapshot *s, const char *name) {
    SNAPSHOT_ROWS(s, PART_COUNTERS, struct counter_row, counters, count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(counters[i].name, name) == 0)
            return counters[i].value;
    return ABSENT;
}

static inline uint32_t rows_count(const struct snapshot *s, enum part part) {
    uint32_t count;
    snapshot_rows(s, part, &count);
    return count;
}

static inline const struct memory_row *rows_memory(const struct snapshot *s, enum memory_by by,
                                                   const char *key) {
    SNAPSHOT_ROWS(s, PART_MEMORY_MAP, struct memory_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].by == by && strcmp(rows[i].key, key) == 0)
            return &rows[i];
    return NULL;
}

/* Reasons whose text has that part; lowering trust or not. */
static inline unsigned rows_reasons(const struct snapshot *s, const char *part) {
    SNAPSHOT_ROWS(s, PART_REASONS, struct reason_row, reasons, count);
    unsigned found = 0;
    for (uint32_t i = 0; i < count; i++)
        found += strstr(reasons[i].text, part) != NULL;
    return found;
}

#endif
