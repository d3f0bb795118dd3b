/*
 * Stacks of gdb, pstack and gstack: `thread apply all bt` (also full), `info threads`, `bt`, and
 * the mutexes that somebody printed with `p`.
 *
 *     Thread 2 (Thread 0x7f12c6c0 (LWP 4711) "till"):
 *     #0  0x00007f12c4 in __lll_lock_wait (futex=0x55d1c0 <drawer>, private=0) at
 * ./nptl/lowlevellock.c:49 #1  0x000055d0aa in take (m=0x55d1c0 <drawer>) from /opt/till/libtill.so
 *             locals = of bt full
 *       Id   Target Id                               Frame
 *     * 1    Thread 0x7f12e740 (LWP 4710) "till" 0x00007f12c4 in poll () from /lib64/libc.so.6
 *     $1 = {__data = {__lock = 2, __count = 0, __owner = 4710, ...
 *
 * A thread that has a stack already begins the next moment. What stands above the first thread
 * belongs to nobody whose id is known.
 *
 * Source: print_frame_info, print_thread_info of gdb.
 */
#include "input/log/linux/native_frame.h"

#include "base/chars.h"
#include "base/hash.h"
#include "model/rows_threads.h"

struct gdb_reading {
    struct thread_dump d;
    uint64_t os_id, number; /* of the thread that is read; ABSENT: not said */
    struct str name;
    uint64_t last; /* number of the last thread with a stack; ABSENT: not said */
    bool in_stack, in_list;
    struct native_wait wait;
    uint64_t cut;     /* stacks whose callers gdb did not find */
    uint64_t mutexes; /* printed */
    uint64_t unnamed; /* of these: nothing says which */
};

/* -- Lines ------------------------------------------------------------------------------------- */

struct gdb_thread {
    uint64_t os_id, number;
    struct str name;
};

/* Digits behind `label`, anywhere in the text; ABSENT: there are none. */
static uint64_t number_behind(struct str text, struct str label) {
    size_t at = str_find(text, label, 0);
    uint64_t value;
    if (at == STR_NOT_FOUND)
        return ABSENT;
    text = str_drop(text, at + label.len);
    bool hex = str_starts(text, STR("0x"));
    size_t n = hex ? 2 : 0;
    while (n < text.len && (hex ? char_is_hex(text.ptr[n]) : char_is_digit(text.ptr[n])))
        n++;
    text = str_take(text, n);
    return (hex ? num_hex(text, &value) : num_dec(text, &value)) && value && value < UINT32_MAX
               ? value
               : ABSENT;
}

/* "Thread 0x7f (LWP 12) "name"", "LWP 12", "process 12", "Thread 4700.0x125c" of Windows */
static uint64_t system_id(struct str target) {
    uint64_t id = number_behind(target, STR("LWP "));
    if (id == ABSENT)
        id = number_behind(target, STR("process "));
    if (id == ABSENT && str_starts(target, STR("Thread ")) && char_is_digit(target.ptr[7]) &&
        !str_starts(target, STR("Thread 0x")))
        id = number_behind(target, STR("."));
    return id;
}

static struct str quoted(struct str text) {
    size_t open = str_find(text, STR(" \""), 0);
    if (open == STR_NOT_FOUND)
        return STR("");
    size_t close = str_find(text, STR("\""), open + 2);
    return close == STR_NOT_FOUND ? STR("") : str_drop(str_take(text, close), open + 2);
}

/* "Thread 2 (Thread 0x7f12c6c0 (LWP 4711) "till"):" */
static bool gdb_parse_thread(struct str text, struct gdb_thread *ret_thread) {
    size_t n = 7;
    if (!str_starts(text, STR("Thread ")) || !str_ends(text, STR(":")))
        return false;
    while (n < text.len && char_is_digit(text.ptr[n]))
        n++;
    if (!num_dec(str_drop(str_take(text, n), 7), &ret_thread->number) ||
        ret_thread->number >= UINT32_MAX || !str_starts(str_drop(text, n), STR(" (")))
        return false;
    struct str target = str_drop(text, n + 2);
    ret_thread->os_id = system_id(target);
    ret_thread->name = quoted(target);
    return ret_thread->os_id != ABSENT || str_starts(target, STR("Thread "));
}

/* "* 1    Thread 0x7f12e740 (LWP 4710) "till" 0x00007f12c4 in poll () from /lib64/libc.so.6" */
static bool gdb_parse_listed(struct str text, struct gdb_thread *ret_thread,
                             struct str *ret_frame) {
    if (str_starts(text, STR("* ")))
        text = str_trim(str_drop(text, 2));
    struct str rest = text, number = str_next_field(&rest);
    if (!num_dec(number, &ret_thread->number) || ret_thread->number >= UINT32_MAX)
        return false;
    rest = str_trim(rest);
    if (!str_starts(rest, STR("Thread ")) && !str_starts(rest, STR("LWP ")) &&
        !str_starts(rest, STR("process ")))
        return false;
    ret_thread->os_id = system_id(rest);
    if (ret_thread->os_id == ABSENT)
        return false;
    /* Behind the name; without one behind the id. */
    size_t name = str_find(rest, STR(" \""), 0), close = str_find(rest, STR(")"), 0);
    size_t end = name == STR_NOT_FOUND ? STR_NOT_FOUND : str_find(rest, STR("\" "), name + 2);
    ret_thread->name = end == STR_NOT_FOUND ? STR("") : quoted(rest);
    if (end != STR_NOT_FOUND)
        rest = str_drop(rest, end + 1);
    else if (str_starts(rest, STR("Thread ")) && close != STR_NOT_FOUND)
        rest = str_drop(rest, close + 1);
    else
        for (int i = 0; i < 2; i++)
            str_next_field(&rest);
    *ret_frame = str_trim(rest);
    return true;
}

/* Where the arguments begin: the bracket that the last one closes. */
static size_t arguments_at(struct str text) {
    size_t depth = 0;
    for (size_t i = text.len; i-- > 0;) {
        depth += text.ptr[i] == ')';
        depth -= text.ptr[i] == '(' && depth > 0;
        if (text.ptr[i] == '(' && depth == 0)
            return i;
    }
    return text.len;
}

/* "take (m=0x55d1c0) at till.c:12", "poll () from /lib64/libc.so.6" */
static struct native_frame gdb_frame(struct str text) {
    struct native_frame frame = {.function = text};
    native_skip_address(&text);
    size_t from = str_find(text, STR(") from "), 0), at = str_find(text, STR(") at "), 0);
    if (from != STR_NOT_FOUND) {
        frame.module = str_drop(text, from + 7);
        text = str_take(text, from + 1);
    } else if (at != STR_NOT_FOUND) {
        frame.source = str_drop(text, at + 5);
        text = str_take(text, at + 1);
    }
    if (str_starts(text, STR("<"))) { /* "<signal handler called>" */
        frame.function = text;
        return frame;
    }
    size_t open = str_ends(text, STR(")")) ? arguments_at(text) : str_find(text, STR(" ("), 0);
    open = open == STR_NOT_FOUND ? text.len : open;
    frame.function = str_trim(str_take(text, open));
    frame.arguments = str_drop(text, open);
    return frame;
}

/*
 * A frame that a terminal wrapped: behind the name, or behind a folder. The next line is then taken
 * as well. Errors: ERR_NOMEM; ptr is NULL then.
 */
static struct str gdb_whole_frame(struct transcript *t, struct str frame, struct err *err) {
    struct line next;
    bool folder = str_ends(frame, STR("/"));
    if ((!folder && str_contains(frame, STR("("))) || !transcript_peek(t, 1, &next) ||
        (folder ? str_contains(next.text, STR(" ")) || !next.text.len
                : !str_starts(next.text, STR("("))))
        return frame;
    struct strbuf joined;
    strbuf_init(&joined);
    strbuf_add(&joined, frame);
    if (!folder)
        strbuf_addc(&joined, ' ');
    strbuf_add(&joined, next.text);
    const char *copy =
        strbuf_ok(&joined, err) ? builder_string(t->b, strbuf_str(&joined), err) : NULL;
    strbuf_deinit(&joined);
    transcript_next(t);
    return copy ? str_of(copy) : (struct str){NULL, 0};
}

/* -- Threads ----------------------------------------------------------------------------------- */

static struct thread_row *gdb_row(struct gdb_reading *r, struct err *err) {
    struct builder *b = r->d.t->b;
    struct thread_row *row;
    if (r->os_id != ABSENT) {
        row = builder_thread(b, r->os_id, ABSENT, err);
        if (row && r->number != ABSENT && !builder_thread_number(b, row, r->number, err))
            return NULL;
    } else if (r->number != ABSENT) {
        row = builder_thread_numbered(b, r->number, err);
    } else {
        row = builder_row(b, PART_THREADS, err);
    }
    if (row && r->name.len && !row->name && !(row->name = builder_string(b, r->name, err)))
        return NULL;
    return row;
}

static bool gdb_flush(struct gdb_reading *r, struct err *err) {
    bool ok = true;
    if (r->in_stack && r->d.wanted && (r->d.count || r->os_id != ABSENT)) {
        struct thread_row *row = gdb_row(r, err);
        ok = row && native_stack_store(&r->d, row, &r->wait, err);
    }
    r->d.count = 0;
    r->in_stack = false;
    r->os_id = r->number = ABSENT;
    r->name = STR("");
    r->wait = (struct native_wait){.address = ABSENT};
    return ok;
}

static bool gdb_add_frame(struct gdb_reading *r, struct str text, struct err *err) {
    text = gdb_whole_frame(r->d.t, text, err);
    if (!text.ptr)
        return false;
    struct native_frame frame = gdb_frame(text);
    native_wait_add(&r->wait, &frame);
    struct str name = native_frame_name(r->d.t->b, &frame, err);
    return name.ptr && thread_dump_push(&r->d, name, err);
}

static bool gdb_begin(struct gdb_reading *r, const struct gdb_thread *thread, struct err *err) {
    if (!gdb_flush(r, err))
        return false;
    r->os_id = thread->os_id;
    r->number = r->last = thread->number;
    r->name = thread->name;
    r->in_stack = true;
    r->in_list = false;
    uint64_t id = thread->os_id == ABSENT ? key_with(5, thread->number) : thread->os_id;
    return thread_dump_thread(&r->d, key_with(4, id), err);
}

/* A row of `info threads`: its frame is all of the stack that is known of it, or less than is. */
static bool gdb_store_listed(struct gdb_reading *r, const struct gdb_thread *thread,
                             struct str text, struct err *err) {
    struct builder *b = r->d.t->b;
    text = gdb_whole_frame(r->d.t, text, err);
    if (!text.ptr)
        return false;
    struct native_frame frame = gdb_frame(text);
    struct native_wait wait = {.address = ABSENT};
    r->d.threads++;
    if (!gdb_flush(r, err) || !r->d.wanted)
        return !r->d.wanted;
    r->os_id = thread->os_id;
    r->number = thread->number;
    r->name = thread->name;
    struct thread_row *row = gdb_row(r, err);
    native_wait_add(&wait, &frame);
    if (!row || !native_place_store(b, row, &frame, &wait, err))
        return false;
    r->os_id = r->number = ABSENT;
    r->name = STR("");
    return true;
}

/* -- Mutexes ----------------------------------------------------------------------------------- */

/* The name or address that a command printed: "p drawer", "print *(pthread_mutex_t *)0x55d1c0". */
static void printed_object(const struct transcript *t, uint64_t *ret_address,
                           struct str *ret_symbol) {
    struct str rest = t->command, word = str_next_field(&rest);
    *ret_address = ABSENT;
    *ret_symbol = STR("");
    if (!str_eq(word, STR("p")) && !str_eq(word, STR("print")) && !str_starts(word, STR("p/")))
        return;
    rest = str_trim(rest);
    size_t hex = str_find(rest, STR("0x"), 0);
    if (hex != STR_NOT_FOUND) {
        if (!scan_address(str_drop(rest, hex), ret_address))
            *ret_address = ABSENT;
        return;
    }
    for (size_t i = 0; i < rest.len; i++)
        if (!char_is_word(rest.ptr[i]) && rest.ptr[i] != ':')
            return;
    *ret_symbol = rest;
}

/* "$1 = {__data = {__lock = 2, ... __owner = 4710" */
static bool gdb_is_mutex(struct str text) {
    return str_first(text) == '$' && str_contains(str_take(text, 64), STR("= {__data = {"));
}

static bool gdb_store_mutex(struct gdb_reading *r, struct str text, struct err *err) {
    struct builder *b = r->d.t->b;
    uint64_t address, owner = number_behind(text, STR("__owner = "));
    struct str symbol;
    printed_object(r->d.t, &address, &symbol);
    r->mutexes++;
    if (!r->d.wanted)
        return true;
    if (address == ABSENT && !symbol.len) {
        r->unnamed++;
        return true;
    }
    struct lock_row *lock = native_mutex(b, address, symbol, err);
    if (!lock)
        return false;
    lock->held = owner != ABSENT;
    if (owner != ABSENT)
        lock->owner_os_id = owner;
    return true;
}

/* -- Section ----------------------------------------------------------------------------------- */

static bool gdb_is_list_heading(struct str text) {
    struct str f[3];
    return scan_fields(str_take(text, 128), f, 3, NULL) == 3 && str_eq(f[0], STR("Id")) &&
           str_eq(f[1], STR("Target")) && str_eq(f[2], STR("Id"));
}

/* What gdb says between: of `bt full`, of threads that come and go, of stacks that end early. */
static bool gdb_take_remark(struct gdb_reading *r, struct str text) {
    static const struct str marks[] = {
        STR_INIT("No locals."),
        STR_INIT("No symbol table info available."),
        STR_INIT("[Switching to thread"),
        STR_INIT("[New LWP"),
        STR_INIT("[New Thread"),
        STR_INIT("[Thread "),
        STR_INIT("warning: "),
        STR_INIT("Using host libthread_db"),
    };
    if (str_starts(text, STR("Backtrace stopped:")) ||
        str_starts(text, STR("(More stack frames"))) {
        r->cut += r->in_stack;
        return true;
    }
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
        if (str_starts(text, marks[i]))
            return true;
    /* "name = value" of bt full, and what a long value goes on with. */
    return r->in_stack && r->d.count && str_contains(str_take(text, 256), STR(" = "));
}

static bool gdb_take_line(void *context, bool *ret_mine, struct err *err) {
    struct gdb_reading *r = context;
    struct transcript *t = r->d.t;
    struct str text = t->line.text, frame = text, command;
    struct gdb_thread thread;
    uint64_t number;
    *ret_mine = true;
    if (t->line.number != t->section_line && transcript_is_command(&t->line, &command)) {
        *ret_mine = false;
        return true;
    }
    if (gdb_parse_thread(text, &thread))
        return gdb_begin(r, &thread, err);
    if (gdb_is_list_heading(text)) {
        r->in_list = true;
        return gdb_flush(r, err);
    }
    if (gdb_parse_listed(text, &thread, &frame))
        return gdb_store_listed(r, &thread, frame, err);
    if (gdb_is_mutex(text))
        return gdb_flush(r, err) && gdb_store_mutex(r, text, err);
    if (native_take_number(&frame, &number)) {
        /* #0 again is another stack, of a thread that is not said. */
        if (number == 0 && r->d.count && !gdb_flush(r, err))
            return false;
        if (!r->in_stack)
            r->d.threads++;
        r->in_stack = true;
        return gdb_add_frame(r, frame, err);
    }
    *ret_mine = gdb_take_remark(r, text);
    /* The rest of a line that a terminal wrapped: "() from /lib64/libc.so.6", "at till.c:12". */
    if (!*ret_mine && (r->d.count || r->in_list))
        *ret_mine = str_starts(text, STR("(")) || str_starts(text, STR("at ")) ||
                    str_starts(text, STR("from "));
    return true;
}

static bool gdb_read(struct transcript *t, struct err *err) {
    struct gdb_reading r = {
        .os_id = ABSENT, .number = ABSENT, .last = ABSENT, .wait = {.address = ABSENT}};
    thread_dump_init(&r.d, t);
    bool ok = scan_table(t, &r.d.loss, gdb_take_line, &r, err) && gdb_flush(&r, err);
    if (ok && r.d.wanted) {
        thread_dump_count_waiters(t->b);
        if (r.cut)
            transcript_lacks(t, r.cut, "gdb: stacks that end before their first caller");
        if (r.unnamed)
            builder_warn(t->b, r.unnamed, "gdb: mutexes printed without saying which");
        if (r.last == 1 && r.d.threads > 1) /* `thread apply all` counts down */
            transcript_ended(t);
        if (r.d.threads <= 1)
            transcript_picked(t);
        thread_dump_report(&r.d);
    }
    if (ok && !r.d.threads && !r.mutexes)
        transcript_hollow(t, "the heading of a list of threads without threads");
    thread_dump_deinit(&r.d);
    return ok;
}

/* A first frame: "#0  0x00007f12 in f () from lib" or "#0  f (x=1) at a.c:3". */
static bool gdb_is_first_frame(struct str text) {
    uint64_t number;
    if (!str_starts(text, STR("#")) || !native_take_number(&text, &number))
        return false;
    bool address = str_starts(text, STR("0x"));
    native_skip_address(&text);
    size_t open = str_find(text, STR(" ("), 0);
    return open != STR_NOT_FOUND && (address || number == 0) &&
           (str_contains(text, STR(") at ")) || str_contains(text, STR(") from ")) ||
            str_ends(text, STR(")")));
}

static bool gdb_starts(const struct transcript *t) {
    struct str text = t->line.text, frame;
    struct gdb_thread thread;
    char c = str_first(text);
    if (c == 'T')
        return gdb_parse_thread(text, &thread);
    if (c == 'I')
        return gdb_is_list_heading(text);
    if (c == '#')
        return gdb_is_first_frame(text);
    if (c == '$')
        return gdb_is_mutex(text);
    return (c == '*' || char_is_digit(c)) && gdb_parse_listed(text, &thread, &frame);
}

const struct section section_gdb = {
    .name = "gdb",
    .summary = "thread apply all bt, info threads, pstack, gstack: native stacks, mutexes (gdb)",
    .may_give = PART_BIT(PART_THREADS) | PART_BIT(PART_LOCKS),
    .lossy_parts = PART_BIT(PART_THREADS),
    .lossy = ASPECT_NATIVE_FRAMES,
    .open_parts = PART_BIT(PART_THREADS) | PART_BIT(PART_LOCKS),
    .starts = gdb_starts,
    .read = gdb_read,
};
