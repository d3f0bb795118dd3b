/*
 * Stacks of lldb: `bt all`, `thread backtrace`, `thread list`.
 *
 *     * thread #1: tid = 4710, 0x00007f12c4 libc.so.6`__poll + 73, name = 'till', stop reason = ...
 *     * thread #2, name = 'till', queue = 'com.apple.main-thread', stop reason = signal SIGSTOP
 *       * frame #0: 0x00007f12c4 libpthread.so.0`__lll_lock_wait + 28
 *         frame #1: 0x000055d0aa till`take(m=0x000055d1c0) + 12 at till.c:12:5
 *
 * Source: Thread::DumpUsingSettingsFormat and the default thread-format, frame-format of lldb.
 */
#include "input/log/linux/native_frame.h"

#include "base/chars.h"
#include "base/hash.h"
#include "model/rows_threads.h"

struct lldb_reading {
    struct thread_dump d;
    uint64_t number; /* lldb's of the thread whose frames come; ABSENT: none */
    struct str name;
    bool one; /* the innermost frame alone, as lldb shows when it stops or selects a thread */
    struct native_wait wait;
};

struct lldb_thread {
    uint64_t number, os_id;
    struct str name, where; /* where: of `thread list`, empty else */
};

/* -- Lines ------------------------------------------------------------------------------------- */

/* "name = 'till'" in the text; empty: there is none. */
static struct str lldb_value(struct str text, struct str label) {
    size_t at = str_find(text, label, 0);
    if (at == STR_NOT_FOUND)
        return STR("");
    text = str_drop(text, at + label.len);
    size_t close = str_find(text, STR("'"), 0);
    return close == STR_NOT_FOUND ? STR("") : str_take(text, close);
}

/* Where a list of ", name = ..." begins, which follows the place. */
static size_t attributes_at(struct str text) {
    static const struct str labels[] = {STR_INIT(", name = '"), STR_INIT(", queue = '"),
                                        STR_INIT(", stop reason = "), STR_INIT(", activity = ")};
    size_t end = text.len;
    for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++) {
        size_t at = str_find(text, labels[i], 0);
        end = at < end ? at : end;
    }
    return end;
}

static bool lldb_parse_thread(struct str text, struct lldb_thread *ret_thread) {
    if (str_starts(text, STR("* ")))
        text = str_trim(str_drop(text, 2));
    if (!str_starts(text, STR("thread #")))
        return false;
    text = str_drop(text, 8);
    size_t n = 0;
    while (n < text.len && char_is_digit(text.ptr[n]))
        n++;
    struct lldb_thread thread = {.os_id = ABSENT};
    if (!num_dec(str_take(text, n), &thread.number) || thread.number >= UINT32_MAX)
        return false;
    text = str_drop(text, n);
    if (text.len && str_first(text) != ',' && str_first(text) != ':')
        return false;
    thread.name = lldb_value(text, STR("name = '"));
    if (!thread.name.len)
        thread.name = lldb_value(text, STR("queue = '"));
    if (str_starts(text, STR(": tid = "))) {
        struct str rest = str_drop(text, 8);
        size_t comma = str_find(rest, STR(","), 0);
        struct str id = str_take(rest, comma);
        bool hex = str_starts(id, STR("0x"));
        if ((hex ? !num_hex(id, &thread.os_id) : !num_dec(id, &thread.os_id)) || !thread.os_id ||
            thread.os_id >= UINT32_MAX)
            return false;
        rest = comma == STR_NOT_FOUND ? STR("") : str_trim(str_drop(rest, comma + 1));
        thread.where = str_take(rest, attributes_at(rest));
    }
    *ret_thread = thread;
    return true;
}

/* Without " + 28" at its end. */
static struct str without_distance(struct str text) {
    size_t plus = str_find(text, STR(" + "), 0);
    for (size_t next = plus; next != STR_NOT_FOUND; next = str_find(text, STR(" + "), next + 3))
        plus = next;
    uint64_t distance;
    return plus != STR_NOT_FOUND && num_dec(str_drop(text, plus + 3), &distance)
               ? str_take(text, plus)
               : text;
}

/* Where arguments begin that end the text: "std::f<void ()>(int)" has other brackets before. */
static size_t lldb_arguments(struct str text) {
    size_t depth = 0;
    for (size_t i = text.len; str_ends(text, STR(")")) && i-- > 0;) {
        depth += text.ptr[i] == ')';
        depth -= text.ptr[i] == '(' && depth > 0;
        if (text.ptr[i] == '(' && depth == 0)
            return i;
    }
    return text.len;
}

/* "0x00007f12c4 libc.so.6`__poll(fds=0x1) + 73 at poll.c:29:10" */
static bool lldb_frame(struct str text, struct native_frame *ret_frame) {
    struct native_frame frame = {.function = {NULL, 0}};
    struct str first = str_next_field(&text);
    text = str_trim(text);
    size_t tick = str_find(text, STR("`"), 0);
    if (!str_starts(first, STR("0x")) || tick == STR_NOT_FOUND)
        return false;
    frame.module = str_take(text, tick);
    text = str_drop(text, tick + 1);
    size_t at = str_find(text, STR(" at "), 0);
    if (at != STR_NOT_FOUND) {
        frame.source = str_drop(text, at + 4);
        text = str_take(text, at);
    }
    size_t inlined = str_find(text, STR(" [inlined] "), 0);
    if (inlined != STR_NOT_FOUND)
        text = str_drop(text, inlined + 11);
    text = without_distance(text);
    size_t open = lldb_arguments(text);
    frame.function = str_take(text, open);
    frame.arguments = str_drop(text, open);
    *ret_frame = frame;
    return true;
}

/* -- Threads ----------------------------------------------------------------------------------- */

static struct thread_row *lldb_row(struct lldb_reading *r, uint64_t number, struct str name,
                                   struct err *err) {
    struct builder *b = r->d.t->b;
    struct thread_row *row = builder_thread_numbered(b, number, err);
    if (row && name.len && !row->name && !(row->name = builder_string(b, name, err)))
        return NULL;
    return row;
}

static bool lldb_flush(struct lldb_reading *r, struct err *err) {
    bool ok = true;
    if (r->number != ABSENT && r->d.wanted) {
        if (r->one && r->d.count == 1 && !thread_dump_push(&r->d, STR(FRAME_CUT), err))
            return false;
        struct thread_row *row = lldb_row(r, r->number, r->name, err);
        ok = row && native_stack_store(&r->d, row, &r->wait, err);
    }
    r->number = ABSENT;
    r->d.count = 0;
    r->wait = (struct native_wait){.address = ABSENT};
    return ok;
}

static bool lldb_store_listed(struct lldb_reading *r, const struct lldb_thread *thread,
                              struct err *err) {
    struct builder *b = r->d.t->b;
    struct native_frame frame;
    struct native_wait wait = {.address = ABSENT};
    r->d.threads++;
    if (!r->d.wanted)
        return true;
    struct thread_row *row = builder_thread(b, thread->os_id, ABSENT, err);
    if (!row || !builder_thread_number(b, row, thread->number, err))
        return false;
    if (thread->name.len && !row->name && !(row->name = builder_string(b, thread->name, err)))
        return false;
    if (!lldb_frame(thread->where, &frame))
        return true;
    native_wait_add(&wait, &frame);
    return native_place_store(b, row, &frame, &wait, err);
}

/* lldb says where a thread stops whenever it selects one: one frame of one that is known is no
 * stack that begins again. */
static bool lldb_begin(struct lldb_reading *r, const struct lldb_thread *thread, struct err *err) {
    struct line next, behind;
    struct str text;
    uint64_t number = ABSENT;
    bool one = transcript_peek(r->d.t, 1, &next) && transcript_peek(r->d.t, 2, &behind);
    text = one ? behind.text : STR("");
    one = one && !native_take_number(&text, &number);
    if (!lldb_flush(r, err))
        return false;
    r->number = thread->number;
    r->name = thread->name;
    r->one = one;
    uint64_t key = key_with(6, thread->number);
    if (one && u64map_get(&r->d.t->dumped, key) != STRMAP_NONE) {
        r->number = ABSENT;
        return true;
    }
    if (one) {
        r->d.threads++;
        return true;
    }
    return thread_dump_thread(&r->d, key, err);
}

/* -- Section ----------------------------------------------------------------------------------- */

static bool lldb_take_line(void *context, bool *ret_mine, struct err *err) {
    struct lldb_reading *r = context;
    struct transcript *t = r->d.t;
    struct str text = t->line.text, rest = text, command;
    struct lldb_thread thread;
    struct native_frame frame;
    uint64_t number;
    *ret_mine = true;
    if (t->line.number != t->section_line && transcript_is_command(&t->line, &command)) {
        *ret_mine = false;
        return true;
    }
    if (lldb_parse_thread(text, &thread)) {
        if (thread.os_id != ABSENT)
            return lldb_flush(r, err) && lldb_store_listed(r, &thread, err);
        return lldb_begin(r, &thread, err);
    }
    if (native_take_number(&rest, &number) && lldb_frame(rest, &frame)) {
        if (r->number == ABSENT)
            return true;
        native_wait_add(&r->wait, &frame);
        struct str name = native_frame_name(t->b, &frame, err);
        return name.ptr && thread_dump_push(&r->d, name, err);
    }
    *ret_mine = str_starts(text, STR("Process ")) && str_contains(text, STR(" stopped"));
    return true;
}

static bool lldb_read(struct transcript *t, struct err *err) {
    struct lldb_reading r = {.number = ABSENT, .wait = {.address = ABSENT}};
    thread_dump_init(&r.d, t);
    bool ok = scan_table(t, &r.d.loss, lldb_take_line, &r, err) && lldb_flush(&r, err);
    if (ok && r.d.wanted) {
        thread_dump_count_waiters(t->b);
        if (r.d.threads <= 1)
            transcript_picked(t);
        thread_dump_report(&r.d);
    }
    thread_dump_deinit(&r.d);
    return ok;
}

static bool lldb_starts(const struct transcript *t) {
    struct str text = t->line.text;
    struct lldb_thread thread;
    return (str_first(text) == '*' || str_first(text) == 't') && lldb_parse_thread(text, &thread);
}

const struct section section_lldb = {
    .name = "lldb",
    .summary = "bt all, thread backtrace, thread list: native stacks (lldb)",
    .may_give = PART_BIT(PART_THREADS) | PART_BIT(PART_LOCKS),
    .lossy_parts = PART_BIT(PART_THREADS),
    .lossy = ASPECT_NATIVE_FRAMES,
    .open_parts = PART_BIT(PART_THREADS),
    .starts = lldb_starts,
    .read = lldb_read,
};
