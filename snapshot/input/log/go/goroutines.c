/*
 * Goroutines: what Go prints when it panics or gets SIGQUIT, and /debug/pprof/goroutine?debug=1,
 * =2.
 *
 *     goroutine 18 [semacquire, 5 minutes, locked to thread]:
 *     sync.(*Mutex).lockSlow(0xc0000b2008)
 *             /usr/lib/go/src/sync/mutex.go:171 +0x165
 *     main.(*Shop).sell(...)
 *             /src/shop.go:6
 *     created by main.main in goroutine 1
 *             /src/shop.go:14 +0x14b
 *
 *     goroutine profile: total 1043                    debug=1: equal stacks are one entry
 *     1021 @ 0x43b296 0x44c15e 0x467365
 *     #       0x467364        main.(*Shop).sell+0x24          /src/shop.go:6
 *
 * A goroutine is a thread with a managed id and none of the system. Go says what one waits for and,
 * from a minute on, for how long, but never who holds a mutex.
 *
 * Source: runtime/traceback.go (goroutineheader), runtime/pprof/pprof.go (printCountProfile).
 */
#include "input/log/thread_dump.h"

#include "base/chars.h"
#include "base/hash.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"

/* Of debug=1, that become threads one by one. */
#define GOROUTINES_MAX 20000u

struct go_reading {
    struct thread_dump d;
    uint64_t id;   /* ABSENT: of an entry of debug=1 */
    uint64_t many; /* goroutines that have this stack */
    bool in_goroutine;
    struct str state;
    uint64_t waited_ns;
    uint64_t mutex; /* that it waits for; ABSENT: none, or not known which */
    struct str mutex_type;
    bool created; /* "created by" was read: what follows is where */
    uint64_t said, listed, capped, elided;
};

struct go_header {
    uint64_t id, waited_ns;
    struct str state;
};

/* -- Lines ------------------------------------------------------------------------------------- */

/* "goroutine 18 gp=0xc000 m=0 [chan receive, 5 minutes]:" */
static bool go_parse_header(struct str text, struct go_header *ret_header) {
    struct go_header header = {.waited_ns = ABSENT};
    if (!str_starts(text, STR("goroutine ")))
        return false;
    struct str rest = str_drop(text, 10), id = str_next_field(&rest);
    size_t open = str_find(rest, STR("["), 0), close = str_find(rest, STR("]:"), 0);
    if (!num_dec(id, &header.id) || open == STR_NOT_FOUND || close == STR_NOT_FOUND ||
        close < open || header.id >= ABSENT / 2)
        return false;
    rest = str_drop(str_take(rest, close), open + 1);
    size_t comma = str_find(rest, STR(","), 0);
    header.state = str_trim(str_take(rest, comma));
    while (comma != STR_NOT_FOUND) {
        uint64_t minutes;
        rest = str_trim(str_drop(rest, comma + 1));
        comma = str_find(rest, STR(","), 0);
        struct str part = str_trim(str_take(rest, comma)), word = str_next_field(&part);
        if (str_starts(str_trim(part), STR("minute")) && num_dec(word, &minutes) &&
            minutes < UINT64_C(100000000))
            header.waited_ns = minutes * 60 * UINT64_C(1000000000);
    }
    *ret_header = header;
    return header.state.len > 0;
}

/* "goroutine profile: total 1043" */
static bool go_parse_profile(struct str text, uint64_t *ret_total) {
    return str_starts(text, STR("goroutine profile: total ")) &&
           num_dec(str_drop(text, 25), ret_total);
}

/* "1021 @ 0x43b296 0x44c15e" */
static bool go_parse_entry(struct str text, uint64_t *ret_count) {
    struct str f[3];
    return scan_fields(text, f, 3, NULL) == 3 && str_eq(f[1], STR("@")) &&
           str_starts(f[2], STR("0x")) && num_dec(f[0], ret_count) && *ret_count &&
           *ret_count < UINT32_MAX;
}

/* "#       0x467364        main.f+0x24          /src/shop.go:6"; quoting may have taken the "#". */
static bool go_parse_entry_frame(struct str text, struct str *ret_frame) {
    struct str f[2];
    if (str_starts(text, STR("#")))
        text = str_trim(str_drop(text, 1));
    if (scan_fields(text, f, 2, NULL) != 2 || !str_starts(f[0], STR("0x")) ||
        !str_is_hex(str_drop(f[0], 2)))
        return false;
    size_t plus = f[1].len;
    while (plus > 1 && f[1].ptr[plus - 1] != '+')
        plus--;
    *ret_frame =
        plus > 1 && str_starts(str_drop(f[1], plus), STR("0x")) ? str_take(f[1], plus - 1) : f[1];
    return true;
}

/* "sync.(*Mutex).lockSlow(0xc0000b2008, {0x1, 0x2})": name and arguments. */
static bool go_parse_call(struct str text, struct str *ret_name, struct str *ret_arguments) {
    size_t depth = 0;
    if (!str_ends(text, STR(")")) || str_first(text) == '/' || str_first(text) == '(')
        return false;
    for (size_t i = text.len; i-- > 1;) {
        depth += text.ptr[i] == ')';
        depth -= text.ptr[i] == '(' && depth > 0;
        if (text.ptr[i] != '(' || depth)
            continue;
        *ret_name = str_take(text, i);
        *ret_arguments = str_drop(str_take(text, text.len - 1), i + 1);
        return str_contains(*ret_name, STR(".")) && !str_contains(*ret_name, STR(" "));
    }
    return false;
}

/* "/src/shop.go:6 +0x24", "C:/src/shop.go:6" */
static bool go_is_place(struct str text) {
    struct str path = text, first = str_next_field(&path);
    return str_contains(first, STR(".go:")) || str_contains(first, STR(".s:")) ||
           str_contains(first, STR("_cgo_")) || str_contains(str_take(text, 256), STR(".go:"));
}

/* -- Goroutines -------------------------------------------------------------------------------- */

static void go_look_for_mutex(struct go_reading *r, struct str name, struct str arguments) {
    bool rw = str_starts(name, STR("sync.(*RWMutex)."));
    uint64_t address;
    if ((!rw && !str_starts(name, STR("sync.(*Mutex)."))) || r->mutex != ABSENT)
        return;
    size_t comma = str_find(arguments, STR(","), 0);
    /* "0xc000?": whether it is still that is not known. */
    if (!scan_address(str_take(arguments, comma), &address) || !address)
        return;
    r->mutex = address;
    r->mutex_type = rw ? STR("sync.RWMutex") : STR("sync.Mutex");
}

static bool go_waits(struct str state) {
    static const char *const runs[] = {"running", "runnable",  "idle",
                                       "dead",    "copystack", "preempted"};
    return state.len && !STR_IS_ONE_OF(state, runs);
}

static bool go_fill(struct go_reading *r, struct thread_row *row, struct err *err) {
    struct builder *b = r->d.t->b;
    if (!thread_dump_store(&r->d, &row->frames, err))
        return false;
    if (r->state.len && !row->state && !(row->state = builder_string(b, r->state, err)))
        return false;
    if (go_waits(r->state) && !row->waiting_on &&
        !(row->waiting_on = builder_string(b, r->state, err)))
        return false;
    scan_say(&row->waited_ns, r->waited_ns, &r->d.loss);
    if (r->mutex == ABSENT)
        return true;
    row->waits_for = r->mutex;
    return thread_dump_lock(b, r->mutex, r->mutex_type, err) != NULL;
}

/* Goroutines of one entry have one stack: the first copy of its frames serves them all. */
static bool go_store_entry(struct go_reading *r, struct err *err) {
    struct builder *b = r->d.t->b;
    struct strings frames;
    r->listed += r->many;
    if (!builder_strings(b, r->d.frames, r->d.count, &frames, err))
        return false;
    uint32_t count;
    builder_rows(b, PART_THREADS, &count);
    for (uint64_t i = 0; i < r->many; i++, count++) {
        if (count >= GOROUTINES_MAX) {
            r->capped += r->many - i;
            break;
        }
        struct thread_row *row = builder_row(b, PART_THREADS, err);
        if (!row)
            return false;
        row->frames = frames;
    }
    return true;
}

static bool go_flush(struct go_reading *r, struct err *err) {
    bool ok = true;
    if (r->in_goroutine && r->d.wanted) {
        if (r->id == ABSENT) {
            ok = go_store_entry(r, err);
        } else if (r->id) { /* 0 is what schedules the others */
            struct thread_row *row = builder_thread(r->d.t->b, ABSENT, r->id, err);
            ok = row && go_fill(r, row, err);
        }
    }
    r->in_goroutine = r->created = false;
    r->d.count = 0;
    r->state = STR("");
    r->waited_ns = r->mutex = ABSENT;
    return ok;
}

static bool go_begin(struct go_reading *r, const struct go_header *header, struct err *err) {
    if (!go_flush(r, err))
        return false;
    r->in_goroutine = true;
    r->id = header->id;
    r->state = header->state;
    r->waited_ns = header->waited_ns;
    r->listed++;
    return header->id == 0 || thread_dump_thread(&r->d, key_with(8, header->id), err);
}

static bool go_begin_entry(struct go_reading *r, uint64_t count, struct err *err) {
    if (!go_flush(r, err))
        return false;
    r->in_goroutine = true;
    r->id = ABSENT;
    r->many = count;
    r->d.threads++;
    return true;
}

/* -- Section ----------------------------------------------------------------------------------- */

static bool go_is_fatal(struct str text) {
    return str_starts(text, STR("fatal error: all goroutines are asleep"));
}

static bool go_take_frame(struct go_reading *r, struct str text, bool *ret_mine, struct err *err) {
    struct str name, arguments;
    *ret_mine = true;
    if (r->id == ABSENT && go_parse_entry_frame(text, &name))
        return thread_dump_push(&r->d, name, err);
    if (str_starts(text, STR("created by ")) || str_starts(text, STR("[originating from "))) {
        r->created = true;
        return true;
    }
    if (str_contains(str_take(text, 64), STR("frames elided"))) {
        r->elided++;
        return true;
    }
    if (r->id == ABSENT && str_starts(text, STR("labels: "))) /* "# " is taken for a quotation */
        return true;
    if (go_is_place(text) || str_starts(text, STR("goroutine running on other thread")))
        return true;
    if (!r->created && go_parse_call(text, &name, &arguments)) {
        go_look_for_mutex(r, name, arguments);
        return thread_dump_push(&r->d, name, err);
    }
    *ret_mine = false;
    return true;
}

static bool go_take_line(void *context, bool *ret_mine, struct err *err) {
    struct go_reading *r = context;
    struct str text = r->d.t->line.text;
    struct go_header header;
    uint64_t number;
    *ret_mine = true;
    if (go_parse_header(text, &header))
        return go_begin(r, &header, err);
    if (go_parse_profile(text, &number)) {
        if (!go_flush(r, err))
            return false;
        r->said = r->said == ABSENT ? number : num_add(r->said, number);
        thread_dump_begin(&r->d);
        return true;
    }
    if (go_parse_entry(text, &number) && (r->said != ABSENT || r->in_goroutine))
        return go_begin_entry(r, number, err);
    if (go_is_fatal(text)) {
        if (r->d.wanted)
            builder_note(r->d.t->b, "Go ended the program: all goroutines are asleep - deadlock");
        return true;
    }
    *ret_mine = false;
    return !r->in_goroutine || go_take_frame(r, text, ret_mine, err);
}

static bool go_read(struct transcript *t, struct err *err) {
    struct go_reading r = {.id = ABSENT, .waited_ns = ABSENT, .mutex = ABSENT, .said = ABSENT};
    struct origin_row *origin = builder_single(t->b, PART_ORIGIN, err);
    if (!origin)
        return false;
    thread_dump_init(&r.d, t);
    bool ok = scan_table(t, &r.d.loss, go_take_line, &r, err) && go_flush(&r, err) &&
              builder_say_string(t->b, &origin->runtime, STR("Go"), "the runtime", err);
    if (ok && r.d.wanted) {
        thread_dump_count_waiters(t->b);
        if (r.said != ABSENT && r.listed < r.said)
            transcript_lacks(t, r.said - r.listed, "goroutines that are counted, but not listed");
        if (r.said != ABSENT && r.listed >= r.said)
            transcript_ended(t);
        if (r.capped)
            transcript_lacks(t, r.capped, "goroutines beyond %u, left out", GOROUTINES_MAX);
        if (r.elided)
            builder_warn(t->b, r.elided, "stacks of goroutines of which Go left frames out");
        thread_dump_report(&r.d);
    }
    if (ok && !r.d.threads)
        transcript_hollow(t, "the heading of a list of goroutines without any");
    thread_dump_deinit(&r.d);
    return ok;
}

static bool go_starts(const struct transcript *t) {
    struct str text = t->line.text;
    struct go_header header;
    uint64_t total;
    if (str_first(text) == 'f')
        return go_is_fatal(text);
    return str_first(text) == 'g' &&
           (go_parse_header(text, &header) || go_parse_profile(text, &total));
}

const struct section section_goroutines = {
    .name = "goroutines",
    .summary = "goroutines of Go: panic, SIGQUIT, /debug/pprof/goroutine?debug=1 and 2",
    .may_give = PART_BIT(PART_THREADS) | PART_BIT(PART_LOCKS),
    .lossy_parts = PART_BIT(PART_THREADS),
    .lossy = ASPECT_ROWS,
    .open_parts = PART_BIT(PART_THREADS) | PART_BIT(PART_LOCKS),
    .starts = go_starts,
    .read = go_read,
};
