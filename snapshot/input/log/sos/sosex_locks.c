/*
 * Locks as SOSEX finds them: `!dlk` (deadlocks) and `!mlocks` (who holds which).
 *
 *     *DEADLOCK DETECTED*
 *     CLR thread 0x5 holds the lock on SyncBlock 00786e10 OBJ:00e01330[System.Object]
 *     ...and is waiting for a Reader lock on ReaderWriterLockSlim 0803fbb8
 *     CLR Thread 0x5 is waiting at Shop.Till.Open(System.String)(+0x6b IL,+0x1a6 Native)
 *
 *     ClrThread  DbgThread  OsThread    LockType    Lock              LockLevel
 *     ------------------------------------------------------------------------
 *     0x5        4          0x11c       thinlock    0000000080270878  (recursion:0)
 *     0xaa       -1         0xffffffff  RWLockSlim  0000000160125d70  Writer
 *
 * A thread -1 has ended, and never gave its lock back.
 */
#include "input/log/thread_dump.h"

#include "base/chars.h"
#include "model/rows_threads.h"

struct sosex_reading {
    struct thread_dump d;
    uint64_t managed_id; /* of the thread that "...and is waiting" is of; ABSENT: none */
    bool in_table;
    uint64_t locks, verdicts;
};

/* The lock that a sentence ends with: the object where there is one, else its own address. */
static bool sosex_parse_lock(struct str text, uint64_t *ret_address, struct str *ret_type) {
    struct str rest = text, kind = str_next_field(&rest), address = str_next_field(&rest);
    *ret_type = kind;
    rest = str_trim(rest);
    if (!scan_address(address, ret_address))
        return false;
    if (str_starts(rest, STR("OBJ:"))) {
        size_t open = str_find(rest, STR("["), 0);
        struct str object = str_drop(str_take(rest, open), 4);
        if (open != STR_NOT_FOUND && str_ends(rest, STR("]")))
            *ret_type = str_drop(str_take(rest, rest.len - 1), open + 1);
        uint64_t found;
        if (scan_address(str_trim(object), &found))
            *ret_address = found;
    }
    return *ret_address != 0;
}

/* "0x1f holds the Writer lock on ReaderWriterLockSlim 8003fbb8": what is behind " lock on ". */
static bool sosex_behind_lock(struct str text, struct str *ret_lock) {
    size_t at = str_find(text, STR(" lock on "), 0);
    if (at == STR_NOT_FOUND)
        return false;
    *ret_lock = str_drop(text, at + 9);
    return true;
}

static bool sosex_parse_thread(struct str text, uint64_t *ret_id, struct str *ret_rest) {
    if (!str_starts_nocase(text, STR("CLR thread 0x")))
        return false;
    struct str rest = str_drop(text, 11), id = str_next_field(&rest);
    *ret_rest = str_trim(rest);
    return num_hex(id, ret_id) && *ret_id && *ret_id < UINT32_MAX;
}

static bool sosex_take_holder(struct sosex_reading *r, uint64_t id, struct str lock_text,
                              struct err *err) {
    struct builder *b = r->d.t->b;
    uint64_t address;
    struct str type;
    struct thread_row *thread = builder_thread(b, ABSENT, id, err);
    r->managed_id = id;
    if (!thread || !sosex_parse_lock(lock_text, &address, &type))
        return thread != NULL;
    struct lock_row *lock = thread_dump_lock(b, address, type, err);
    if (lock)
        thread_dump_owned(lock, thread);
    r->locks += lock != NULL;
    return lock != NULL;
}

static bool sosex_take_waiter(struct sosex_reading *r, struct str lock_text, struct err *err) {
    struct builder *b = r->d.t->b;
    uint64_t address;
    struct str type;
    struct thread_row *thread =
        r->managed_id == ABSENT ? NULL : builder_thread(b, ABSENT, r->managed_id, err);
    if (!thread || !sosex_parse_lock(lock_text, &address, &type))
        return thread || r->managed_id == ABSENT;
    const char *means = str_starts(lock_text, STR("ReaderWriterLock"))
                            ? "ReaderWriterLockSlim.Enter"
                            : "Monitor.Enter";
    thread->waits_for = address;
    if (!thread->waiting_on && !(thread->waiting_on = builder_string(b, str_of(means), err)))
        return false;
    return thread_dump_lock(b, address, type, err) != NULL;
}

/* "is waiting at Shop.Till.Open(System.String)(+0x6b IL,+0x1a6 Native)" */
static bool sosex_take_place(struct sosex_reading *r, uint64_t id, struct str place,
                             struct err *err) {
    struct thread_row *thread = builder_thread(r->d.t->b, ABSENT, id, err);
    size_t offsets = str_find(place, STR("(+0x"), 0);
    struct str frame = str_take(place, offsets);
    if (!thread || thread->frames.count || !frame.len)
        return thread != NULL;
    return builder_strings(r->d.t->b, &frame, 1, &thread->frames, err);
}

static bool sosex_is_heading(struct str text) {
    struct str f[3];
    return scan_fields(str_take(text, 128), f, 3, NULL) == 3 && str_eq(f[0], STR("ClrThread")) &&
           str_eq(f[1], STR("DbgThread")) && str_eq(f[2], STR("OsThread"));
}

/* A row of !mlocks; *ret_mine: it is one. */
static bool sosex_take_row(struct sosex_reading *r, struct str text, bool *ret_mine,
                           struct err *err) {
    struct builder *b = r->d.t->b;
    struct str f[5];
    uint64_t managed_id, os_id, address, number;
    *ret_mine = scan_fields(text, f, 5, NULL) == 5 && str_starts(f[0], STR("0x")) &&
                num_hex(f[0], &managed_id) && managed_id && managed_id < UINT32_MAX &&
                num_hex(f[2], &os_id) && scan_address(f[4], &address);
    if (!*ret_mine)
        return true;
    bool ended = os_id == 0 || os_id >= UINT32_MAX;
    struct thread_row *thread = builder_thread(b, ended ? ABSENT : os_id, managed_id, err);
    if (!thread)
        return false;
    if (ended && !thread->state && !(thread->state = builder_string(b, STR("dead"), err)))
        return false;
    if (num_dec(f[1], &number) && !builder_thread_number(b, thread, number, err))
        return false;
    thread->lock_count = thread->lock_count == ABSENT ? 1 : thread->lock_count + 1;
    struct lock_row *lock = thread_dump_lock(b, address, f[3], err);
    if (lock)
        thread_dump_owned(lock, thread);
    r->locks++;
    return lock != NULL;
}

static bool sosex_is_progress(struct str text) {
    return str_starts(text, STR("Examining ")) || str_starts(text, STR("Scanning for ")) ||
           str_starts(text, STR("Could not find symbol ")) ||
           str_starts(text, STR("*DEADLOCK DETECTED*")) || transcript_is_rule(text);
}

static bool sosex_take_line(struct sosex_reading *r, bool *ret_mine, struct err *err) {
    struct str text = r->d.t->line.text, rest, lock, command;
    uint64_t id;
    *ret_mine = r->d.t->line.number == r->d.t->section_line ||
                !transcript_is_command(&r->d.t->line, &command);
    if (!*ret_mine)
        return true;
    if (sosex_parse_thread(text, &id, &rest)) {
        if (str_starts(rest, STR("holds ")) && sosex_behind_lock(rest, &lock))
            return sosex_take_holder(r, id, lock, err);
        if (str_starts(rest, STR("is waiting at ")))
            return sosex_take_place(r, id, str_drop(rest, 14), err);
    }
    if (str_starts(text, STR("...and is waiting for ")) && sosex_behind_lock(text, &lock))
        return sosex_take_waiter(r, lock, err);
    if (str_ends(text, STR("deadlock detected.")) || str_ends(text, STR("deadlocks detected."))) {
        r->verdicts++;
        return true;
    }
    if (sosex_is_heading(text)) {
        r->in_table = true;
        return true;
    }
    *ret_mine = false;
    if (r->in_table && !sosex_take_row(r, text, ret_mine, err))
        return false;
    *ret_mine = *ret_mine || sosex_is_progress(text);
    return true;
}

/* As scan_table, but "...and is waiting for" is a sentence that goes on, and nothing left out. */
static bool sosex_lines(struct sosex_reading *r, struct err *err) {
    struct transcript *t = r->d.t;
    bool mine;
    while (transcript_skip_blank(t)) {
        if (!str_starts(t->line.text, STR("...and is ")) && scan_elision(t, &r->d.loss))
            continue;
        if (!sosex_take_line(r, &mine, err))
            return false;
        if (!mine)
            break;
        transcript_next(t);
    }
    return true;
}

static bool sosex_read(struct transcript *t, struct err *err) {
    struct sosex_reading r = {.managed_id = ABSENT};
    thread_dump_init(&r.d, t);
    transcript_picked(t);
    bool ok = sosex_lines(&r, err);
    if (ok && (r.locks || r.verdicts)) {
        builder_present(t->b, PART_LOCKS);
        if (r.locks)
            thread_dump_count_waiters(t->b);
    } else if (ok) {
        transcript_hollow(t, "SOSEX looked for locks, but what it found is not there");
    }
    if (ok)
        thread_dump_report(&r.d);
    thread_dump_deinit(&r.d);
    return ok;
}

static bool sosex_starts(const struct transcript *t) {
    struct str text = t->line.text, rest;
    uint64_t id;
    if (str_first(text) == 'E')
        return str_starts(text, STR("Examining SyncBlocks"));
    if (str_first(text) == '*')
        return str_starts(text, STR("*DEADLOCK DETECTED*"));
    return str_first(text) == 'C' &&
           (sosex_is_heading(text) ||
            (sosex_parse_thread(text, &id, &rest) && str_starts(rest, STR("holds "))));
}

const struct section section_sosex_locks = {
    .name = "dlk",
    .summary = "!dlk, !mlocks: deadlocks, and who holds which lock (SOSEX)",
    .may_give = PART_BIT(PART_LOCKS) | PART_BIT(PART_THREADS),
    .open_parts = PART_BIT(PART_THREADS) | PART_BIT(PART_LOCKS),
    .starts = sosex_starts,
    .read = sosex_read,
};
