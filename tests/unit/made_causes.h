/* What the tests of causes share: trees of holders, threads and locks, and what is said of them. */
#ifndef DUMPDIFF_TESTS_MADE_CAUSES_H
#define DUMPDIFF_TESTS_MADE_CAUSES_H

#include "diff/causes/causes.h"

#include "made.h"

#define ORDER "Shop.Order"

#define ENTER "System.Threading.Monitor.Enter(System.Object)"
#define SLEEP "System.Threading.Thread.Sleep(Int32)"

/* The tree that rows are added to. */
MADE enum part adding = PART_PATHS;

MADE uint64_t causes_add_path(struct made *m, uint32_t i, uint64_t parent, const char *label,
                              const char *type, uint64_t objects, uint64_t bytes,
                              uint64_t below_objects, uint64_t below_bytes) {
    return made_path(m, i, adding, parent, label, type, (struct cell){objects, bytes},
                     (struct cell){below_objects, below_bytes});
}

/* A thread that waits for what is at `waits_for` (0: for nothing), and has used the CPU before. */
MADE struct thread_row *causes_add_worker(struct made *m, uint32_t i, uint64_t os_id,
                                          const char *name, const char *frames,
                                          uint64_t waits_for) {
    struct thread_row *row = made_thread(m, i, os_id, name);
    made_frames(m, i, &row->frames, frames);
    row->waits_for = waits_for ? waits_for : ABSENT;
    row->user_ns = 1000000;
    row->kernel_ns = 0;
    row->cpu_recorded = 1;
    return row;
}

/* owner: 0: nobody is known to hold it */
MADE struct lock_row *causes_add_lock(struct made *m, uint32_t i, uint64_t address, uint64_t owner,
                                      uint64_t waiters) {
    struct lock_row *row = made_row(m, i, PART_LOCKS);
    row->address = address;
    row->object_type = made_text(m, i, "Yard.Gate");
    row->owner_os_id = owner ? owner : ABSENT;
    row->held = 1;
    row->waiters = waiters;
    return row;
}

MADE void causes_judge(struct made *m, struct causes *c) {
    made_rules(m);
    assert_true(causes_find(c, &m->series, &m->limits, &m->findings, &m->err));
}

MADE void causes_says(const char *text, const char *words) {
    if (!text || !strstr(text, words))
        fail_msg("'%s' is not in '%s'", words, text ? text : "(nothing)");
}

#endif
