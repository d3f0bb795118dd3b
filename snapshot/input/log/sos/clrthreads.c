/*
 * `!threads` / `clrthreads`: the managed threads.
 *
 *     ThreadCount:      14
 *     DeadThread:       3
 *                                                                              Lock
 *      DBG   ID OSID ThreadOBJ    State GC Mode     GC Alloc Context  Domain   Count Apt Exception
 *        4    2  704 05dc9200     2b220 Preemptive  00000000:00000000 04e8e548 0     MTA
 * (Finalizer)
 *     XXXX    4    0 7fe0...    1031820 Preemptive  ...                        0     Ukn
 *
 * Columns come and go (the debugger's number is missing under some debuggers, markdown eats blanks,
 * .NET 1.1 has the OS id under ID), so a row is read from its one unmistakable field outwards: the
 * allocation context, two addresses joined by a colon.
 *
 * `!threads -special` lists OS ids with what the runtime uses them for.
 */
#include "input/log/scan.h"

#include "base/chars.h"
#include "base/num.h"
#include "model/known_names.h"
#include "model/rows_threads.h"

/* ThreadState bits that SOS prints under State. */
#define STATE_UNSTARTED       0x00000400u
#define STATE_DEAD            0x00000800u
#define STATE_POOL_WORKER     0x01000000u
#define STATE_COMPLETION_PORT 0x08000000u

struct word_meaning {
    const char *word, *means;
};

/* Texts in brackets, and kinds of `-special`. */
static const struct word_meaning roles[] = {
    {"Finalizer", ROLE_FINALIZER},
    {"GC", ROLE_GC},
    {"Threadpool Worker", ROLE_POOL_WORKER},
    {"ThreadpoolWorker", ROLE_POOL_WORKER},
    {"Threadpool Completion Port", "io-completion"},
    {"IOCompletion", "io-completion"},
    {"Threadpool Timer", "timer"},
    {"Timer", "timer"},
    {"Threadpool Gate", "gate"},
    {"Gate", "gate"},
    {"Threadpool Wait", "wait"},
    {"Wait", "wait"},
    {"DbgHelper", "debugger"},
    {"ShutdownHelper", "shutdown"},
    {"ADUnloadHelper", "domain-unload"},
};

static const char *clrthreads_role_of(struct str word) {
    for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++)
        if (str_eq_nocase(word, str_of(roles[i].word)))
            return roles[i].means;
    return NULL;
}

/* -- Totals ------------------------------------------------------------------------------------ */

static const struct word_meaning totals[] = {
    {"ThreadCount", COUNTER_THREADS_TOTAL},
    {"UnstartedThread", COUNTER_THREADS_UNSTARTED},
    {"BackgroundThread", COUNTER_THREADS_BACKGROUND},
    {"PendingThread", "threads.pending"},
    {"DeadThread", COUNTER_THREADS_DEAD},
};

enum { TOTAL_THREADS = 0, TOTAL_DEAD = 4, TOTAL_COUNT = 5 };

/* Number of the total in the line, TOTAL_COUNT when it is none. */
static size_t clrthreads_total_of(struct str text, uint64_t *ret_value) {
    struct str value;
    for (size_t i = 0; i < TOTAL_COUNT; i++)
        if (scan_labelled(text, totals[i].word, &value) && num_grouped(value, ret_value))
            return i;
    return TOTAL_COUNT;
}

/* -- Headings ---------------------------------------------------------------------------------- */

static bool clrthreads_is_heading(struct str text) {
    return text.len < 256 && str_contains(text, STR("ThreadOBJ")) &&
           str_contains(text, STR("State"));
}

/* What stands above the heading: "Lock", "PreEmptive   GC Alloc   Lock", "Hosted Runtime:   no". */
static bool is_heading_part(struct str text) {
    struct str value;
    return str_eq(text, STR("Lock")) || scan_labelled(text, "Hosted Runtime", &value) ||
           (str_starts(text, STR("PreEmptive")) && str_ends(text, STR("Lock")));
}

/* -- Rows -------------------------------------------------------------------------------------- */

#define FIELDS_MAX 16

struct row {
    uint64_t number; /* of the debugger */
    uint64_t managed_id, os_id, state;
    uint64_t lock_count;
    bool gone; /* XXXX: the debugger has no such thread any more */
    const char *gc_mode;
    struct str rest; /* behind the apartment */
};

static bool is_allocation_context(struct str field) {
    size_t colon = str_find(field, STR(":"), 0);
    return colon != STR_NOT_FOUND && scan_is_address(str_take(field, colon)) &&
           scan_is_address(str_drop(field, colon + 1));
}

static bool is_mode(struct str field, const char **ret_mode) {
    static const struct word_meaning modes[] = {
        {"Preemptive", "preemptive"},
        {"Cooperative", "cooperative"},
        {"Enabled", "preemptive"},
        {"Disabled", "cooperative"},
    };
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        if (str_eq_nocase(field, str_of(modes[i].word))) {
            *ret_mode = modes[i].means;
            return true;
        }
    }
    return false;
}

static bool is_gone(struct str field) {
    return str_eq_nocase(field, STR("XXXX")) || str_eq_nocase(field, STR("XXX"));
}

/*
 * The fields before the object's address: [number] id osid, or of .NET 1.1 (ids_are_os) number
 * osid. Visual Studio puts the OS id there in decimal instead of a number.
 */
static bool clrthreads_parse_ids(const struct str *ids, size_t count, bool ids_are_os,
                                 struct row *row) {
    size_t wanted = ids_are_os ? 1 : 2;
    if (count < wanted || count > wanted + 1)
        return false;
    if (!num_hex(ids[count - 1], &row->os_id) || row->os_id > UINT32_MAX)
        return false;
    if (!ids_are_os && !num_dec(ids[count - 2], &row->managed_id))
        return false;
    if (count == wanted)
        return true;
    row->gone = is_gone(ids[0]);
    if (!row->gone && !num_dec(ids[0], &row->number))
        return false;
    /* Thread 1 of a container is the debugger's number 1; other ids of a system are larger. */
    if (row->number != ABSENT && row->number == row->os_id && row->os_id >= 64)
        row->number = ABSENT;
    return true;
}

/* Domain, lock count, apartment; what is left is role or exception. */
static void parse_behind(struct str rest, struct row *row) {
    struct str behind = rest, field = str_next_field(&behind);
    if (scan_is_address(field))
        rest = behind;
    behind = rest;
    field = str_next_field(&behind);
    /* "-00001": the runtime keeps no count. */
    if (num_dec(field, &row->lock_count) || str_starts(field, STR("-")))
        rest = behind;
    behind = rest;
    field = str_next_field(&behind);
    if (str_eq_nocase(field, STR("MTA")) || str_eq_nocase(field, STR("STA")) ||
        str_eq_nocase(field, STR("Ukn")) || str_eq_nocase(field, STR("NTA")))
        rest = behind;
    row->rest = str_trim(rest);
}

static bool clrthreads_parse_row(struct str text, bool ids_are_os, struct row *ret_row) {
    struct str fields[FIELDS_MAX], rest;
    struct row row = {.number = ABSENT, .managed_id = ABSENT, .lock_count = ABSENT};
    size_t count = 0;
    rest = str_take(text, 4096);
    do {
        if (count == FIELDS_MAX)
            return false;
        fields[count] = str_next_field(&rest);
        if (fields[count].len == 0)
            return false;
    } while (!is_allocation_context(fields[count++]));
    /* ..., object, state, mode, context */
    if (count < 5 || !is_mode(fields[count - 2], &row.gc_mode) ||
        !num_hex(fields[count - 3], &row.state) || !scan_is_address(fields[count - 4]) ||
        !clrthreads_parse_ids(fields, count - 4, ids_are_os, &row))
        return false;
    parse_behind(rest, &row);
    *ret_row = row;
    return true;
}

/* Had the row been cut or wrapped, it would still begin with ids and an address. */
static bool clrthreads_looks_like_row(struct str text) {
    struct str fields[4];
    size_t n = scan_fields(str_take(text, 256), fields, 4, NULL);
    uint64_t value;
    if (n < 2 || !(num_dec(fields[0], &value) || is_gone(fields[0])))
        return false;
    return scan_is_address(fields[n - 1]) || (n == 4 && scan_is_address(fields[2]));
}

/* "(Finalizer) System.Exception 0000000002253438 (nested exceptions)": role and exception. */
static bool store_rest(struct builder *b, struct thread_row *t, struct str rest, struct err *err) {
    while (rest.len) {
        size_t close = str_find(rest, STR(")"), 0);
        if (str_first(rest) == '(' && close != STR_NOT_FOUND) {
            const char *role = clrthreads_role_of(str_drop(str_take(rest, close), 1));
            if (role && !t->role && !(t->role = builder_string(b, str_of(role), err)))
                return false;
            rest = str_trim(str_drop(rest, close + 1));
            continue;
        }
        struct str type = str_next_field(&rest), behind = rest;
        bool is_type = !scan_is_address(type) &&
                       (str_contains(type, STR(".")) || scan_is_address(str_next_field(&behind)));
        if (!t->exception && is_type && !(t->exception = builder_string(b, type, err)))
            return false;
        rest = str_trim(rest);
    }
    return true;
}

static const char *state_of(const struct row *row) {
    if (row->state & STATE_UNSTARTED)
        return LIFE_UNSTARTED;
    return row->gone || (row->state & STATE_DEAD) ? LIFE_DEAD : LIFE_ALIVE;
}

static bool clrthreads_store(struct builder *b, const struct row *row, struct scan_loss *loss,
                             struct err *err) {
    uint64_t os_id = row->os_id ? row->os_id : ABSENT;
    if (os_id == ABSENT && row->managed_id == ABSENT) {
        loss->unparsed++;
        return true;
    }
    struct thread_row *t = builder_thread(b, os_id, row->managed_id, err);
    if (!t || (row->number != ABSENT && !builder_thread_number(b, t, row->number, err)))
        return false;
    scan_say(&t->lock_count, row->lock_count, loss);
    t->gc_mode = builder_string(b, str_of(row->gc_mode), err);
    t->state = builder_string(b, str_of(state_of(row)), err);
    if (!t->gc_mode || !t->state || !store_rest(b, t, row->rest, err))
        return false;
    const char *role = row->state & STATE_POOL_WORKER       ? ROLE_POOL_WORKER
                       : row->state & STATE_COMPLETION_PORT ? "io-completion"
                                                            : NULL;
    if (role && !t->role)
        t->role = builder_string(b, str_of(role), err);
    return !role || t->role;
}

/* -- Section ----------------------------------------------------------------------------------- */

struct reading {
    uint64_t totals[TOTAL_COUNT];
    uint64_t rows, dead;
    struct scan_loss loss;
};

static void clrthreads_check_totals(struct transcript *t, struct reading *r) {
    uint64_t total = r->totals[TOTAL_THREADS], dead = r->totals[TOTAL_DEAD];
    if (total != ABSENT && r->rows < total)
        transcript_lacks(t, total - r->rows, "%s: ThreadCount says %llu threads, %llu rows follow",
                         t->current, (unsigned long long)total, (unsigned long long)r->rows);
    if (total != ABSENT && r->rows > total)
        builder_warn(t->b, r->rows - total, "%s: more rows than ThreadCount says", t->current);
    if (dead != ABSENT && r->rows == total && r->dead != dead)
        builder_note(t->b, "%s: DeadThread says %llu, %llu rows are of dead threads", t->current,
                     (unsigned long long)dead, (unsigned long long)r->dead);
}

static bool clrthreads_read_line(struct transcript *t, struct reading *r, bool ids_are_os,
                                 struct err *err, bool *ret_ok) {
    struct row row;
    struct str command;
    *ret_ok = true;
    if (clrthreads_parse_row(t->line.text, ids_are_os, &row)) {
        *ret_ok = clrthreads_store(t->b, &row, &r->loss, err);
        r->rows++;
        r->dead += state_of(&row)[0] == 'd';
        return true;
    }
    if (transcript_is_command(&t->line, &command) || !clrthreads_looks_like_row(t->line.text))
        return false;
    r->loss.unparsed++;
    return true;
}

static bool clrthreads_read(struct transcript *t, struct err *err) {
    struct reading r = {.totals = {ABSENT, ABSENT, ABSENT, ABSENT, ABSENT}};
    bool ids_are_os = false, heading = false, ok;
    while (transcript_skip_blank(t)) {
        struct str text = t->line.text;
        uint64_t value;
        size_t total = clrthreads_total_of(text, &value);
        if (total < TOTAL_COUNT && r.rows == 0) {
            if (r.totals[total] != ABSENT)
                break; /* the next output */
            r.totals[total] = value;
            if (!builder_counter(t->b, totals[total].means, value, "count", err))
                return false;
        } else if (clrthreads_is_heading(text) && !heading) {
            heading = true;
            ids_are_os = !str_contains(text, STR("OSID"));
        } else if (scan_elision(t, &r.loss)) {
            continue;
        } else if (is_heading_part(text) && !heading) {
            /* nothing in it */
        } else if (!clrthreads_read_line(t, &r, ids_are_os, err, &ok)) {
            break;
        } else if (!ok) {
            return false;
        }
        transcript_next(t);
    }
    clrthreads_check_totals(t, &r);
    if (r.rows && !heading)
        transcript_lacks(t, ABSENT, "%s: rows without their heading: others may be missing",
                         t->current);
    scan_loss_report(t, &r.loss);
    if (r.totals[TOTAL_THREADS] != ABSENT && r.rows >= r.totals[TOTAL_THREADS])
        transcript_ended(t);
    if (r.rows == 0 && r.totals[TOTAL_THREADS] == ABSENT)
        transcript_hollow(t, "%s: a heading without rows of threads", t->current);
    return true;
}

/* Rows alone were pasted: a row is told by its allocation context and mode. */
static bool clrthreads_is_bare_row(struct str text) {
    struct row row;
    return text.len > 60 && str_contains(str_take(text, 96), STR(":0")) &&
           clrthreads_parse_row(text, false, &row);
}

static bool clrthreads_starts(const struct transcript *t) {
    struct str text = t->line.text;
    uint64_t value;
    if (str_starts_nocase(text, STR("ThreadCount")))
        return clrthreads_total_of(text, &value) == TOTAL_THREADS;
    char c = str_first(text);
    if (char_is_digit(c) || c == 'X')
        return clrthreads_is_bare_row(text);
    return (c == 'I' || c == 'D') && clrthreads_is_heading(text);
}

const struct section section_clrthreads = {
    .name = "clrthreads",
    .summary = "!threads, clrthreads: managed threads (SOS of every .NET)",
    .may_give = PART_BIT(PART_THREADS) | PART_BIT(PART_COUNTERS) | PART_BIT(PART_FINALIZER),
    .open_parts = PART_BIT(PART_THREADS),
    .starts = clrthreads_starts,
    .read = clrthreads_read,
};

/* -- !threads -special ------------------------------------------------------------------------- */

static bool special_starts(const struct transcript *t) {
    struct str text = t->line.text;
    return str_starts_nocase(text, STR("OSID")) && str_ends(text, STR("Special thread type"));
}

static bool special_row(struct str text, uint64_t *ret_number, uint64_t *ret_os_id,
                        const char **ret_role) {
    struct str fields[2], kind;
    if (scan_fields(str_take(text, 256), fields, 2, &kind) != 2 || kind.len == 0 ||
        !num_dec(fields[0], ret_number) || !num_hex(fields[1], ret_os_id) || *ret_os_id == 0 ||
        *ret_os_id > UINT32_MAX)
        return false;
    /* "GC SuspendEE": the first word is what the thread is for. */
    *ret_role = clrthreads_role_of(str_next_field(&kind));
    return true;
}

static bool special_read(struct transcript *t, struct err *err) {
    struct scan_loss loss = {0};
    transcript_picked(t);
    transcript_next(t);
    while (transcript_skip_blank(t)) {
        uint64_t number, os_id;
        const char *role;
        if (scan_elision(t, &loss))
            continue;
        if (!special_row(t->line.text, &number, &os_id, &role))
            break;
        struct thread_row *thread = builder_thread(t->b, os_id, ABSENT, err);
        if (!thread || !builder_thread_number(t->b, thread, number, err))
            return false;
        if (role && !thread->role && !(thread->role = builder_string(t->b, str_of(role), err)))
            return false;
        transcript_next(t);
    }
    scan_loss_report(t, &loss);
    return true;
}

const struct section section_special_threads = {
    .name = "threads-special",
    .summary = "!threads -special: threads of the runtime itself",
    .may_give = PART_BIT(PART_THREADS),
    .open_parts = PART_BIT(PART_THREADS),
    .starts = special_starts,
    .read = special_read,
};
