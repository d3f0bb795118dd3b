#include "cmd/abreast.h"

#include "base/os/os.h"
#include "model/snapshot.h"

#include <string.h>

void abreast_init(struct abreast *b, struct abreast_one *all, uint32_t count, uint64_t memory,
                  uint32_t most) {
    *b = (struct abreast){.all = all, .count = count, .memory = memory, .most = most};
    if (!b->most)
        b->most = os_cpus();
    if (b->most > FORKED_TASKS_MAX)
        b->most = FORKED_TASKS_MAX;
    if (!forked_ends())
        b->most = 1; /* nothing goes on while we wait */
    for (uint32_t i = 0; i < count; i++)
        strbuf_init(&all[i].out);
}

void abreast_deinit(struct abreast *b) {
    forked_stop(b->tasks, FORKED_TASKS_MAX);
    for (uint32_t i = 0; i < b->count; i++)
        strbuf_deinit(&b->all[i].out);
}

/* -- What goes on ------------------------------------------------------------------------------ */

static void find_needs(struct abreast_one *one) {
    if (!one->known)
        one->needs = apart_needs(&one->apart);
    one->known = true;
}

static void begin_one(struct abreast *b, uint32_t n) {
    struct abreast_one *one = &b->all[n];
    one->meter = meter_open();
    one->state = ABREAST_BEGUN;
    if (one->needs == 0)
        return;
    one->task = (uint32_t)__builtin_ctz(~b->used);
    b->used |= 1u << one->task;
    b->needs += one->needs;
    one->reading = (struct apart_reading){&one->apart, &one->options};
    struct forked_task *task = &b->tasks[one->task];
    task->job = apart_job(&one->reading);
    task->out = &one->out;
    forked_begin(b->tasks, FORKED_TASKS_MAX, one->task);
}

/* Its process has ended, or was ended. */
static void end_one(struct abreast *b, struct abreast_one *one) {
    if (one->state != ABREAST_BEGUN || one->needs == 0)
        return;
    b->used &= ~(1u << one->task);
    b->needs -= one->needs;
}

static void abreast_say_beside(struct abreast *b) {
    for (uint32_t i = 0; i < b->count; i++)
        b->all[i].beside |= b->all[i].state == ABREAST_BEGUN;
}

void abreast_begin(struct abreast *b, uint32_t n) {
    find_needs(&b->all[n]);
    if (b->all[n].state == ABREAST_WAITS)
        begin_one(b, n);
    for (uint32_t i = n + 1; i < b->count; i++) {
        if ((uint32_t)__builtin_popcount(b->used) >= b->most)
            return;
        find_needs(&b->all[i]);
        if (b->all[i].state != ABREAST_WAITS || b->all[i].needs == 0)
            continue;
        if (b->needs > b->memory || b->all[i].needs > b->memory - b->needs)
            return; /* what comes behind it waits, too: all go in their order */
        begin_one(b, i);
        abreast_say_beside(b);
    }
}

/* -- What comes of it -------------------------------------------------------------------------- */

/* What others that were read meanwhile may have brought about. */
static bool ran_short(enum forked_end ended, const struct err *err) {
    return ended == FORKED_KILLED || ended == FORKED_NONE || err->code == ERR_NOMEM ||
           err->code == ERR_SYSTEM;
}

/* All that goes on is begun anew later, one at a time. */
static void go_alone(struct abreast *b) {
    b->most = 1;
    forked_stop(b->tasks, FORKED_TASKS_MAX);
    for (uint32_t i = 0; i < b->count; i++)
        if (b->all[i].state == ABREAST_BEGUN) {
            end_one(b, &b->all[i]);
            b->all[i].state = ABREAST_WAITS;
            b->all[i].beside = false;
            strbuf_clear(&b->all[i].out);
        }
}

static bool take_once(struct abreast *b, uint32_t n, struct snapshot *snapshot,
                      enum forked_end *ret_ended, struct err *err) {
    struct abreast_one *one = &b->all[n];
    if (one->needs == 0)
        return apart_read_here(&one->apart, &one->options, snapshot, err);
    *ret_ended = forked_wait(b->tasks, FORKED_TASKS_MAX, one->task);
    return apart_taken(&one->reading, *ret_ended, &one->out, snapshot, err);
}

bool abreast_take(struct abreast *b, uint32_t n, struct snapshot *snapshot, struct err *err) {
    struct abreast_one *one = &b->all[n];
    enum forked_end ended = FORKED_DONE;
    bool ok = take_once(b, n, snapshot, &ended, err);
    if (!ok && one->beside && ran_short(ended, err)) {
        go_alone(b);
        snapshot_deinit(snapshot);
        snapshot_init(snapshot);
        *err = (struct err){.code = ERR_NONE, .offset = ERR_NO_OFFSET};
        begin_one(b, n);
        ok = take_once(b, n, snapshot, &ended, err);
    }
    end_one(b, one);
    one->state = ABREAST_OVER;
    strbuf_deinit(&one->out);
    strbuf_init(&one->out);
    return ok;
}
