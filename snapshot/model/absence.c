#include "model/absence.h"

#include "model/builder.h"
#include "model/part_fields.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool absence_of(const struct absence_row *row, enum part part) {
    return strcmp(row->part, part_descs[part].name) == 0;
}

static bool absence_is(const struct absence_row *row, enum aspect aspect) {
    return strcmp(row->aspect, aspect_names[aspect]) == 0;
}

/* Has a thread what the aspect stands for? */
static bool thread_has(const struct thread_row *t, enum aspect aspect) {
    switch (aspect) {
    case ASPECT_FRAMES:
        return t->frames.count > 0;
    case ASPECT_NATIVE_FRAMES:
        return t->native_frames.count > 0;
    case ASPECT_CPU_TIMES:
        return t->user_ns != ABSENT || t->kernel_ns != ABSENT;
    case ASPECT_EVIDENCE:
        return t->registers_hash != ABSENT || t->live_stack_hash != ABSENT;
    case ASPECT_EXCEPTIONS:
        return t->exception != NULL;
    case ASPECT_MANAGED:
        return t->managed_id != ABSENT;
    case ASPECT_ALL:
    case ASPECT_ROWS:
    case ASPECT_READY:
    case ASPECT_STACK:
    case ASPECT_SUMS:
    case ASPECT_END:
    case ASPECT_COUNT:
        break;
    }
    return false;
}

static bool threads_have(const struct snapshot *s, const struct absence_row *row) {
    enum aspect aspect = ASPECT_ALL;
    while (aspect < ASPECT_COUNT && !absence_is(row, aspect))
        aspect++;
    SNAPSHOT_ROWS(s, PART_THREADS, struct thread_row, threads, count);
    for (uint32_t i = 0; i < count; i++)
        if (thread_has(&threads[i], aspect))
            return true;
    return false;
}

/* Is there, after all, what the row says is missing altogether? */
static bool is_over(const struct snapshot *s, const struct absence_row *row) {
    if (row->count != ABSENT || absence_is(row, ASPECT_ROWS))
        return false;
    for (int part = 1; absence_is(row, ASPECT_ALL) && part < PART_END; part++)
        if (part_descs[part].name && absence_of(row, (enum part)part))
            return snapshot_has(s, (enum part)part);
    const struct finalizer_row *f = snapshot_row(s, PART_FINALIZER);
    if (absence_of(row, PART_FINALIZER))
        return f && (absence_is(row, ASPECT_READY)   ? f->ready != ABSENT
                     : absence_is(row, ASPECT_STACK) ? f->blocked != ABSENT
                                                     : false);
    return absence_of(row, PART_THREADS) && threads_have(s, row);
}

void absences_forget(struct snapshot *s, enum part part) {
    struct table *table = &s->tables[PART_ABSENCES];
    struct absence_row *rows = table->rows;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < table->count; i++)
        if (!absence_of(&rows[i], part))
            rows[kept++] = rows[i];
    table->count = kept;
    if (!kept)
        s->parts &= ~PART_BIT(PART_ABSENCES);
}

void absences_settle(struct snapshot *s) {
    struct table *table = &s->tables[PART_ABSENCES];
    struct absence_row *rows = table->rows;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < table->count; i++)
        if (!is_over(s, &rows[i]))
            rows[kept++] = rows[i];
    table->count = kept;
    if (!kept)
        s->parts &= ~PART_BIT(PART_ABSENCES);
}

const struct absence_row *snapshot_absence(const struct snapshot *s, enum part part,
                                           enum aspect aspect) {
    SNAPSHOT_ROWS(s, PART_ABSENCES, struct absence_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (absence_of(&rows[i], part) && absence_is(&rows[i], aspect))
            return &rows[i];
    return NULL;
}

/* No runtime's objects are smaller. */
#define OBJECT_LEAST_BYTES 8u

struct cell snapshot_unlisted(const struct snapshot *s, enum part part) {
    struct cell most = {0, 0};
    SNAPSHOT_ROWS(s, PART_ABSENCES, struct absence_row, rows, count);
    for (uint32_t i = 0; i < count; i++) {
        if (!absence_of(&rows[i], part) || !absence_is(&rows[i], ASPECT_ROWS))
            continue;
        uint64_t all = part == PART_TYPES && rows[i].count ? rows[i].count : ABSENT;
        uint64_t fit = all == ABSENT ? ABSENT : all / OBJECT_LEAST_BYTES;
        most.objects = num_max(most.objects, num_min(rows[i].objects, fit));
        most.bytes = num_max(most.bytes, num_min(rows[i].row_bytes, all));
    }
    return most;
}

const struct absence_row *snapshot_lacks_rows(const struct snapshot *s, enum part part) {
    const struct absence_row *row = snapshot_absence(s, part, ASPECT_ROWS);
    return row ? row : snapshot_absence(s, part, ASPECT_END);
}

bool snapshot_holds_all(const struct snapshot *s, enum part part) {
    return snapshot_has(s, part) && !snapshot_lacks_rows(s, part);
}

static uint64_t absence_sum(uint64_t a, uint64_t b) {
    return a == ABSENT || b == ABSENT ? ABSENT : num_add(a, b);
}

static void absence_widen(struct absence_row *row, struct bounds most) {
    row->objects = absence_sum(row->objects, most.objects);
    row->row_bytes = num_max(row->row_bytes, most.row_bytes);
}

static void absence_add(struct builder *b, enum part part, enum aspect aspect, uint64_t count,
                        struct bounds most, const char *why) {
    uint32_t n;
    struct absence_row *rows = builder_rows(b, PART_ABSENCES, &n);
    for (uint32_t i = 0; i < n; i++) {
        if (!absence_of(&rows[i], part) || !absence_is(&rows[i], aspect) ||
            strcmp(rows[i].why, why) != 0)
            continue;
        rows[i].count = absence_sum(rows[i].count, count);
        absence_widen(&rows[i], most);
        return;
    }
    const char *copy = n < ABSENCES_MAX ? builder_string(b, str_of(why), NULL) : NULL;
    struct absence_row *row = copy ? builder_row(b, PART_ABSENCES, NULL) : NULL;
    if (row)
        *row = (struct absence_row){
            .part = part_descs[part].name,
            .aspect = aspect_names[aspect],
            .count = count,
            .why = copy,
            .objects = most.objects,
            .row_bytes = most.row_bytes,
        };
}

static void absence_add_all(struct builder *b, uint64_t parts, enum aspect aspect, uint64_t count,
                            const char *why) {
    for (int part = 1; part < PART_END; part++)
        if (parts & PART_BIT(part))
            absence_add(b, (enum part)part, aspect, count, BOUNDS_NONE, why);
}

void builder_unlisted(struct builder *b, enum part part, uint64_t count, struct bounds most,
                      const char *fmt, ...) {
    char why[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    absence_add(b, part, ASPECT_ROWS, count, most, why);
}

void builder_absent(struct builder *b, uint64_t parts, enum aspect aspect, uint64_t count,
                    const char *fmt, ...) {
    char why[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    absence_add_all(b, parts, aspect, count, why);
}

void builder_lacks(struct builder *b, uint64_t parts, enum aspect aspect, uint64_t count,
                   const char *fmt, ...) {
    char why[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    builder_warn(b, count, "%s", why);
    absence_add_all(b, parts, aspect, count, why);
}
