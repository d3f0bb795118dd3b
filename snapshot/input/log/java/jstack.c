/*
 * Thread dumps of Java: jstack, jstack -F, jcmd Thread.print, kill -3, Thread.dump_to_file, and
 * what ThreadInfo prints of itself.
 *
 *     2024-05-06 07:08:09
 *     Full thread dump OpenJDK 64-Bit Server VM (17.0.9+9 mixed mode):
 *
 *     "pool-1" #14 [4242] daemon prio=5 cpu=1.5ms elapsed=9.0s tid=0x7f nid=0x1092 waiting for ...
 *        java.lang.Thread.State: BLOCKED (on object monitor)
 *             at shop.Till.open(Till.java:40)
 *             - waiting to lock <0x00000000f0a1b2c0> (a java.lang.Object)
 *             - locked <0x00000000f0a1b2d0> (a shop.Till)
 *        Locked ownable synchronizers:
 *             - <0x00000000f0a1b2e0> (a java.util.concurrent.locks.ReentrantLock$NonfairSync)
 *
 *     Found one Java-level deadlock:
 *     "pool-1":
 *       waiting to lock monitor 0x7f (object 0xf0, a java.lang.Object),
 *       which is held by "pool-2"
 *
 * A thread inside Object.wait has "locked" the object it waits on further down its stack, but gave
 * it back meanwhile. Each "Full thread dump" is a moment.
 *
 * Source: JavaThread::print_on, ObjectMonitor and vframe.cpp of HotSpot; ThreadDumper.java.
 */
#include "base/hash.h"
#include "base/vec.h"
#include "input/log/java/jstack_text.h"
#include "input/log/thread_dump.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"

#include <stdlib.h>

/* Lines of a log that came between those of the dump, and are passed over. */
#define STRAY_MAX 4u

struct deadlock_edge {
    struct str waiter, owner, type;
    uint64_t address;
};

struct jstack_reading {
    struct thread_dump d;
    struct jstack_thread thread;
    bool in_thread;
    bool ended;           /* what follows the list of threads was seen */
    bool only_told_again; /* so far: no list of threads was there */
    bool told_again;      /* of the threads in a deadlock, which the dump has above */
    struct str state;
    struct jstack_lock *locks;
    uint32_t lock_count, lock_capacity;
    struct u64map waited; /* while its locks are stored */
    bool in_synchronizers;
    struct deadlock_edge edge;
    bool in_deadlock;
    bool in_list; /* inside "elements={ ... }" of the SMR information */
    bool any_deadlock;
};

/* -- One thread -------------------------------------------------------------------------------- */

/* Which monitors its own frames wait for: it gave these back, though it has them among the held. */
static bool note_waits(struct jstack_reading *r, struct err *err) {
    u64map_init(&r->waited);
    for (uint32_t i = 0; i < r->lock_count; i++) {
        enum jstack_lock_kind kind = r->locks[i].kind;
        if ((kind == JSTACK_WAITS || kind == JSTACK_NOTIFIED || kind == JSTACK_BLOCKED) &&
            !u64map_put(&r->waited, r->locks[i].address, 1))
            return err_nomem(err);
    }
    return true;
}

/* A lock that it waits for: whose, where that is said. */
static bool store_wait(struct jstack_reading *r, struct thread_row *row, const char *means,
                       uint64_t address, struct str type, struct err *err) {
    struct builder *b = r->d.t->b;
    if (!row->waiting_on && !(row->waiting_on = builder_string(b, str_of(means), err)))
        return false;
    if (address == ABSENT)
        return true;
    if (row->waits_for == ABSENT)
        row->waits_for = address;
    return thread_dump_lock(b, address, type, err) != NULL;
}

static bool store_owner_id(struct jstack_reading *r, uint64_t address, uint64_t owner_id,
                           struct err *err) {
    struct lock_row *lock = address == ABSENT || owner_id == ABSENT
                                ? NULL
                                : thread_dump_lock(r->d.t->b, address, STR(""), err);
    if (!lock)
        return address == ABSENT || owner_id == ABSENT;
    if (lock->owner_os_id == ABSENT && lock->owner_managed_id == ABSENT)
        lock->owner_managed_id = owner_id;
    return true;
}

static bool store_lock(struct jstack_reading *r, struct thread_row *row,
                       const struct jstack_lock *lock, struct err *err) {
    switch (lock->kind) {
    case JSTACK_HELD:
        if (u64map_get(&r->waited, lock->address) != STRMAP_NONE)
            return true;
        row->lock_count = row->lock_count == ABSENT ? 1 : row->lock_count + 1;
        if (lock->address == ABSENT)
            return true;
        struct lock_row *held = thread_dump_lock(r->d.t->b, lock->address, lock->type, err);
        if (held)
            thread_dump_owned(held, row);
        return held != NULL;
    case JSTACK_BLOCKED:
    case JSTACK_NOTIFIED:
        return store_wait(r, row, "monitor entry", lock->address, lock->type, err);
    case JSTACK_PARKED:
        if (lock->owner_id == ABSENT && !jstack_is_lock_type(lock->type)) {
            /* Perhaps a lock all the same: it is one when somebody has it among his own. */
            if (row->waits_for == ABSENT)
                row->waits_for = lock->address;
            return true;
        }
        return store_wait(r, row, "lock", lock->address, lock->type, err) &&
               store_owner_id(r, lock->address, lock->owner_id, err);
    case JSTACK_WAITS:
    case JSTACK_NOTHING:
        break;
    }
    return true;
}

/* Of old JVMs, whose "waiting on" may also be of who was notified and wants the monitor back. */
static bool wants_monitor_back(const struct jstack_reading *r, const struct jstack_lock *lock) {
    return lock->kind == JSTACK_WAITS && str_starts(r->state, STR("BLOCKED"));
}

static bool store_locks(struct jstack_reading *r, struct thread_row *row, struct err *err) {
    struct str type;
    uint64_t hash;
    if (jstack_parse_identity(r->thread.lock, &type, &hash) &&
        (str_eq(r->thread.state, STR("BLOCKED")) || jstack_is_lock_type(type))) {
        const char *means = str_eq(r->thread.state, STR("BLOCKED")) ? "monitor entry" : "lock";
        if (!store_wait(r, row, means, hash, type, err) ||
            !store_owner_id(r, hash, r->thread.owner_id, err))
            return false;
    }
    bool ok = note_waits(r, err);
    for (uint32_t i = 0; ok && i < r->lock_count; i++) {
        struct jstack_lock lock = r->locks[i];
        if (wants_monitor_back(r, &lock))
            lock.kind = JSTACK_NOTIFIED;
        ok = store_lock(r, row, &lock, err);
    }
    u64map_deinit(&r->waited);
    return ok;
}

static struct thread_row *jstack_row(struct jstack_reading *r, struct err *err) {
    struct builder *b = r->d.t->b;
    const struct jstack_thread *thread = &r->thread;
    if (thread->os_id == ABSENT && thread->java_id == ABSENT)
        return thread_dump_named(b, thread->name, err);
    uint32_t before, after;
    builder_rows(b, PART_THREADS, &before);
    struct thread_row *row = builder_thread(b, thread->os_id, thread->java_id, err);
    builder_rows(b, PART_THREADS, &after);
    if (!row)
        return NULL;
    if (!row->name && thread->name.len && !(row->name = builder_string(b, thread->name, err)))
        return NULL;
    return after == before || thread_dump_index(b, row, err) ? row : NULL;
}

static bool jstack_store(struct jstack_reading *r, struct err *err) {
    struct builder *b = r->d.t->b;
    struct thread_row *row = jstack_row(r, err);
    if (!row)
        return false;
    if (r->told_again && row->frames.count) { /* as above, but without ids */
        r->d.count = 0;
        return true;
    }
    struct str state = r->state.len ? r->state : r->thread.state;
    const char *role = jstack_role(r->thread.name);
    if (state.len && !row->state && !(row->state = builder_string(b, state, err)))
        return false;
    if (role && !row->role && !(row->role = builder_string(b, str_of(role), err)))
        return false;
    scan_say(&row->user_ns, r->thread.cpu_ns, &r->d.loss);
    scan_say(&row->elapsed_ns, r->thread.elapsed_ns, &r->d.loss);
    if (!thread_dump_store(&r->d, &row->frames, err) || !store_locks(r, row, err))
        return false;
    struct str wait = row->waiting_on ? STR("") : jstack_wait(&row->frames);
    return !wait.len || (row->waiting_on = builder_string(b, wait, err));
}

static bool jstack_flush(struct jstack_reading *r, struct err *err) {
    bool ok = true;
    if (r->in_thread && r->d.wanted)
        ok = jstack_store(r, err);
    r->in_thread = r->in_synchronizers = false;
    r->lock_count = r->d.count = 0;
    r->state = STR("");
    return ok;
}

static uint64_t jstack_key(const struct jstack_thread *thread) {
    if (thread->os_id != ABSENT)
        return key_with(1, thread->os_id);
    if (thread->java_id != ABSENT)
        return key_with(2, thread->java_id);
    return key_with(3, key_of_bytes(thread->name.ptr, thread->name.len));
}

static bool jstack_begin_thread(struct jstack_reading *r, const struct jstack_thread *thread,
                                struct err *err) {
    if (!jstack_flush(r, err))
        return false;
    r->thread = *thread;
    r->in_thread = true;
    r->told_again = thread->bare;
    r->in_deadlock = false;
    if (thread->bare) {
        r->d.threads++;
        return true;
    }
    r->ended = r->only_told_again = false;
    return thread_dump_thread(&r->d, jstack_key(thread), err);
}

/* -- Deadlocks --------------------------------------------------------------------------------- */

/* "waiting to lock monitor 0x.. (object 0x.., a T),", "waiting for ownable synchronizer 0x.., (a"
 */
static bool take_waited(struct jstack_reading *r, struct str text) {
    bool monitor = str_starts(text, STR("waiting to lock ")), again;
    again = str_starts(text, STR("waiting to re-lock "));
    if (!monitor && !again && !str_starts(text, STR("waiting for ownable synchronizer ")))
        return false;
    size_t object = str_find(text, STR("(object "), 0);
    if (object == STR_NOT_FOUND)
        object = str_find(text, STR("(Object@"), 0); /* jstack -F */
    struct str rest = str_drop(text, object != STR_NOT_FOUND ? object + 8
                                     : monitor || again      ? 16
                                                             : 33);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != ',' && rest.ptr[end] != ' ')
        end++;
    if (!scan_address(str_take(rest, end), &r->edge.address))
        r->edge.address = ABSENT;
    size_t a = str_find(rest, STR("a "), 0);
    rest = a == STR_NOT_FOUND ? STR("") : str_drop(rest, a + 2);
    while (rest.len && (str_last(rest) == ',' || str_last(rest) == ')'))
        rest = str_take(rest, rest.len - 1);
    r->edge.type = rest;
    return true;
}

static bool store_edge(struct jstack_reading *r, struct err *err) {
    struct builder *b = r->d.t->b;
    if (!r->d.wanted || !r->edge.waiter.len)
        return true;
    bool monitor = !jstack_is_lock_type(r->edge.type);
    struct thread_row *waiter = thread_dump_named(b, r->edge.waiter, err);
    if (!waiter || !store_wait(r, waiter, monitor ? "monitor entry" : "lock", r->edge.address,
                               r->edge.type, err))
        return false;
    struct thread_row *owner = r->edge.owner.len ? thread_dump_named(b, r->edge.owner, err) : NULL;
    if (r->edge.owner.len && !owner)
        return false;
    struct lock_row *lock = !owner || r->edge.address == ABSENT
                                ? NULL
                                : thread_dump_lock(b, r->edge.address, r->edge.type, err);
    if (lock)
        thread_dump_owned(lock, owner);
    return true;
}

/* A line of "Found one Java-level deadlock"; *ret_mine: it is one. */
static bool take_deadlock(struct jstack_reading *r, struct str text, bool *ret_mine,
                          struct err *err) {
    struct jstack_thread thread;
    *ret_mine = true;
    if (jstack_parse_thread(text, &thread) && thread.bare) {
        r->edge = (struct deadlock_edge){.waiter = thread.name, .address = ABSENT};
        return true;
    }
    if (take_waited(r, text))
        return true;
    size_t held = str_find(text, STR("which is held by "), 0);
    *ret_mine = held != STR_NOT_FOUND && held < 16;
    if (!*ret_mine)
        return true;
    struct str owner = str_drop(text, held + 17);
    size_t last = owner.len;
    while (last && owner.ptr[last - 1] != '"')
        last--;
    r->edge.owner =
        str_starts(owner, STR("\"")) && last > 1 ? str_drop(str_take(owner, last - 1), 1) : STR("");
    r->any_deadlock = true;
    return store_edge(r, err);
}

/* -- Lines ------------------------------------------------------------------------------------- */

static bool jstack_is_heading(struct str text) {
    size_t at = str_find(str_take(text, 128), STR("Full thread dump"), 0);
    return at != STR_NOT_FOUND && (at == 0 || text.ptr[at - 1] == ' ');
}

static bool is_deadlock_heading(struct str text) {
    return str_starts(text, STR("Found ")) && str_contains(str_take(text, 64), STR("deadlock"));
}

static bool is_details_heading(struct str text) {
    return str_starts(text, STR("Java stack information for the thread"));
}

/* What a dump has besides threads, and says nothing that is kept. */
static bool jstack_is_remark(struct str text) {
    static const struct str marks[] = {
        STR_INIT("Threads class SMR info"),
        STR_INIT("_java_thread_list="),
        STR_INIT("_to_delete_list="),
        STR_INIT("JNI global ref"),
        STR_INIT("Carrying virtual thread"),
        STR_INIT("Deadlock Detection"),
        STR_INIT("No deadlocks found"),
        STR_INIT("Locked synchronizers"),
        STR_INIT("JavaThread state: "),
        STR_INIT("Number of locked synchronizers"),
        STR_INIT("Compiling: "),
        STR_INIT("No compile task"),
        STR_INIT("// "),
    };
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
        if (str_starts(text, marks[i]))
            return true;
    return transcript_is_rule(text);
}

static bool jstack_begin_dump(struct jstack_reading *r, struct err *err) {
    struct origin_row *origin = builder_single(r->d.t->b, PART_ORIGIN, err);
    if (!origin || !jstack_flush(r, err))
        return false;
    thread_dump_begin(&r->d);
    r->in_deadlock = r->ended = false;
    return builder_say_string(r->d.t->b, &origin->runtime, STR("HotSpot"), "the runtime", err);
}

static bool jstack_add_lock(struct jstack_reading *r, const struct jstack_lock *lock,
                            struct err *err) {
    if (!VEC_ROOM(r->locks, r->lock_count, r->lock_capacity, err))
        return false;
    r->locks[r->lock_count++] = *lock;
    return true;
}

/* A line inside a thread; *ret_mine: it is one. */
static bool take_of_thread(struct jstack_reading *r, struct str text, bool *ret_mine,
                           struct err *err) {
    struct jstack_lock lock;
    struct str state;
    *ret_mine = true;
    if (jstack_is_frame(text, r->thread.listed)) {
        struct str frame = jstack_frame(r->d.t->b, text, err);
        return frame.ptr && thread_dump_push(&r->d, frame, err);
    }
    if (scan_labelled(text, "java.lang.Thread.State", &state)) {
        r->state = state;
        return true;
    }
    if (jstack_parse_lock(text, &lock))
        return jstack_add_lock(r, &lock, err);
    if (str_starts(text, STR("Locked ownable synchronizers")) ||
        str_starts(text, STR("Number of locked synchronizers"))) {
        r->in_synchronizers = true;
        return true;
    }
    if (r->in_synchronizers && str_starts(text, STR("- "))) {
        struct strbuf line;
        strbuf_init(&line);
        strbuf_adds(&line, "- locked ");
        strbuf_add(&line, str_drop(text, 2));
        const char *copy =
            strbuf_ok(&line, err) ? builder_string(r->d.t->b, strbuf_str(&line), err) : NULL;
        strbuf_deinit(&line);
        bool is_lock = copy && jstack_parse_lock(str_of(copy), &lock) && lock.address != ABSENT;
        return copy && (!is_lock || jstack_add_lock(r, &lock, err));
    }
    *ret_mine = false;
    return true;
}

/* Is the dump going on a little further down, behind lines of something else? */
static bool jstack_goes_on(const struct jstack_reading *r) {
    struct line line;
    struct jstack_lock lock;
    struct str command;
    if (!r->in_thread || transcript_is_command(&r->d.t->line, &command))
        return false;
    for (unsigned i = 1; i <= STRAY_MAX && transcript_peek(r->d.t, i, &line); i++)
        if (jstack_is_frame(line.text, false) || jstack_parse_lock(line.text, &lock))
            return true;
    return false;
}

static bool jstack_take_line(void *context, bool *ret_mine, struct err *err) {
    struct jstack_reading *r = context;
    struct str text = r->d.t->line.text;
    struct jstack_thread thread;
    *ret_mine = true;
    if (r->in_list || str_starts(text, STR("_java_thread_list="))) {
        r->in_list = !str_contains(text, STR("}"));
        return true;
    }
    if (str_eq(text, STR("`"))) /* what is left of a fence */
        return true;
    if (jstack_is_heading(text))
        return jstack_begin_dump(r, err);
    if (is_deadlock_heading(text) || is_details_heading(text)) {
        r->in_deadlock = r->ended = is_deadlock_heading(text);
        return jstack_flush(r, err);
    }
    if (r->in_deadlock) {
        if (!take_deadlock(r, text, ret_mine, err))
            return false;
        if (*ret_mine)
            return true;
    }
    if (jstack_parse_thread(text, &thread))
        return jstack_begin_thread(r, &thread, err);
    *ret_mine = false;
    if (r->in_thread && !take_of_thread(r, text, ret_mine, err))
        return false;
    if (*ret_mine)
        return true;
    *ret_mine = jstack_is_remark(text);
    r->ended = r->ended || str_starts(text, STR("JNI global ref"));
    if (!*ret_mine && jstack_goes_on(r)) {
        *ret_mine = true;
        r->d.loss.unparsed++;
    }
    return true;
}

/* -- Section ----------------------------------------------------------------------------------- */

static bool jstack_read(struct transcript *t, struct err *err) {
    struct jstack_reading r = {.only_told_again = true};
    thread_dump_init(&r.d, t);
    bool ok = scan_table(t, &r.d.loss, jstack_take_line, &r, err) && jstack_flush(&r, err);
    if (ok && r.d.wanted) {
        thread_dump_count_waiters(t->b);
        if (r.d.threads || r.any_deadlock)
            builder_present(t->b, PART_LOCKS);
        if (r.ended && !r.only_told_again)
            transcript_ended(t);
        if (r.any_deadlock && r.only_told_again)
            transcript_picked(t);
        thread_dump_report(&r.d);
    }
    if (ok && !r.d.threads && !r.any_deadlock)
        transcript_hollow(t, "the heading of a thread dump without threads");
    thread_dump_deinit(&r.d);
    free(r.locks);
    return ok;
}

static bool jstack_starts(const struct transcript *t) {
    struct str text = t->line.text;
    struct jstack_thread thread;
    char c = str_first(text);
    if (c == '"' || c == '#')
        return jstack_parse_thread(text, &thread) && !thread.bare;
    if (c == 'T')
        return jstack_parse_thread(text, &thread);
    return jstack_is_heading(text) || (c == 'F' && is_deadlock_heading(text)) ||
           (c == 'J' && is_details_heading(text));
}

const struct section section_jstack = {
    .name = "jstack",
    .summary = "thread dumps of Java: jstack, jcmd Thread.print, kill -3, Thread.dump_to_file",
    .may_give = PART_BIT(PART_THREADS) | PART_BIT(PART_LOCKS) | PART_BIT(PART_FINALIZER),
    .lossy_parts = PART_BIT(PART_THREADS),
    .lossy = ASPECT_FRAMES,
    .open_parts = PART_BIT(PART_THREADS) | PART_BIT(PART_LOCKS),
    .starts = jstack_starts,
    .read = jstack_read,
};
