/* Threads, which readers know by the id of the system, the managed one, or a number. */
#include "model/builder_impl.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

/* Row of the thread with these ids, STRMAP_NONE when there is none. */
static uint32_t thread_find(const struct builder *b, uint64_t os_id, uint64_t managed_id) {
    const struct thread_row *threads = b->snapshot->tables[PART_THREADS].rows;
    bool has_os_id = os_id != ABSENT && os_id != 0;
    uint32_t row = has_os_id ? u64map_get(&b->threads_by_os_id, os_id) : STRMAP_NONE;
    if (row != STRMAP_NONE || managed_id == ABSENT)
        return row;
    row = u64map_get(&b->threads_by_managed_id, managed_id);
    /* Dead threads of different tables may share a managed id with a living one that reused it. */
    if (row != STRMAP_NONE && has_os_id && threads[row].os_id != ABSENT)
        return STRMAP_NONE;
    return row;
}

struct thread_row *builder_thread_known(struct builder *b, uint64_t os_id) {
    struct thread_row *rows = b->snapshot->tables[PART_THREADS].rows;
    uint32_t row = thread_find(b, os_id, ABSENT);
    return row == STRMAP_NONE ? NULL : &rows[row];
}

struct thread_row *builder_thread(struct builder *b, uint64_t os_id, uint64_t managed_id,
                                  struct err *err) {
    uint32_t row = thread_find(b, os_id, managed_id);
    struct thread_row *t;
    if (row == STRMAP_NONE) {
        row = b->snapshot->tables[PART_THREADS].count;
        t = builder_row(b, PART_THREADS, err);
        if (!t)
            return NULL;
    } else {
        t = (struct thread_row *)b->snapshot->tables[PART_THREADS].rows + row;
    }
    if (t->os_id == ABSENT)
        t->os_id = os_id;
    if (t->managed_id == ABSENT)
        t->managed_id = managed_id;
    if ((os_id != ABSENT && os_id != 0 && !u64map_put(&b->threads_by_os_id, os_id, row)) ||
        (managed_id != ABSENT && !u64map_put(&b->threads_by_managed_id, managed_id, row))) {
        err_nomem(err);
        return NULL;
    }
    return t;
}

struct thread_row *builder_thread_by_number(struct builder *b, uint64_t number) {
    struct thread_row *t = builder_find(b, PART_THREADS, number);
    return t && t->index == number ? t : NULL;
}

struct thread_row *builder_thread_numbered(struct builder *b, uint64_t number, struct err *err) {
    struct thread_row *t = builder_thread_by_number(b, number);
    if (t)
        return t;
    t = builder_row(b, PART_THREADS, err);
    return t && builder_thread_number(b, t, number, err) ? t : NULL;
}

static bool has_ids(const struct thread_row *t) {
    return (t->os_id != ABSENT && t->os_id != 0) || t->managed_id != ABSENT;
}

/* What was said of a number alone goes to the thread that turns out to have it. */
static void take_over(struct thread_row *t, struct thread_row *vacated) {
    const char **own[] = {&t->name, &t->role, &t->state, &t->waiting_on};
    const char *const theirs[] = {vacated->name, vacated->role, vacated->state,
                                  vacated->waiting_on};
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        if (!*own[i])
            *own[i] = theirs[i];
    if (!t->frames.count)
        t->frames = vacated->frames;
    if (!t->native_frames.count)
        t->native_frames = vacated->native_frames;
    if (t->waits_for == ABSENT)
        t->waits_for = vacated->waits_for;
    vacated->index = ABSENT;
    vacated->name = NULL;
    vacated->frames = vacated->native_frames = (struct strings){NULL, 0};
}

bool builder_thread_number(struct builder *b, struct thread_row *thread, uint64_t number,
                           struct err *err) {
    if (thread->index == number)
        return true;
    if (thread->index != ABSENT) {
        builder_warn(b, 1, "threads to which the debugger gives two numbers");
        return true;
    }
    const struct thread_row *first = b->snapshot->tables[PART_THREADS].rows;
    struct thread_row *known = builder_thread_by_number(b, number);
    if (known && known != thread && !has_ids(known)) {
        take_over(thread, known);
        b->vacated++;
    }
    thread->index = number;
    uint64_t key = builder_part_key(PART_THREADS, number);
    return u64map_put(&b->rows_by_key, key, (uint32_t)(thread - first)) || err_nomem(err);
}

void threads_drop_vacated(struct builder *b) {
    struct table *table = &b->snapshot->tables[PART_THREADS];
    struct thread_row *rows = table->rows;
    uint32_t kept = 0;
    for (uint32_t i = 0; b->vacated && i < table->count; i++)
        if (has_ids(&rows[i]) || rows[i].index != ABSENT || rows[i].name || rows[i].frames.count ||
            rows[i].native_frames.count)
            rows[kept++] = rows[i];
    if (b->vacated)
        table->count = kept;
}
