/*
 * Stacks of Python: `py-spy dump` (also with --locals and --native), and what faulthandler prints.
 *
 *     Process 812: python shop.py
 *     Python v3.11.2 (/usr/bin/python3.11)
 *
 *     Thread 812 (idle): "MainThread"
 *         wait (threading.py:320)
 *         get (queue.py:171)
 *             Locals:
 *                 self: <Queue at 0x7f>
 *         main (shop.py:12)
 *
 *     Current thread 0x00007f12 (most recent call first):
 *       File "/usr/lib/python3.11/threading.py", line 320 in wait
 *
 * A frame becomes "threading.wait (threading.py:320)": the name of a function alone does not tell
 * whose it is.
 *
 * Source: py-spy's dump.rs, Python/traceback.c (dump_traceback).
 */
#include "input/log/thread_dump.h"

#include "base/chars.h"
#include "base/hash.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"

struct py_reading {
    struct thread_dump d;
    bool in_thread, in_values;
    uint64_t os_id; /* ABSENT: py-spy or faulthandler said an address instead */
    uint64_t key;
    struct str name, state;
};

struct py_thread {
    uint64_t id;
    bool address; /* id is that of pthreads, no id of the system */
    struct str name, state;
};

/* -- Lines ------------------------------------------------------------------------------------- */

/* `Thread 812 (idle): "MainThread"`, `Thread 0x7f12 (active+gil)` */
static bool py_parse_thread(struct str text, struct py_thread *ret_thread) {
    static const char *const states[] = {"idle", "active", "active+gil", "idle+gil"};
    struct py_thread thread = {.id = ABSENT};
    if (!str_starts(text, STR("Thread ")))
        return false;
    struct str rest = str_drop(text, 7), id = str_next_field(&rest);
    thread.address = str_starts(id, STR("0x"));
    if ((thread.address ? !num_hex(id, &thread.id) : !num_dec(id, &thread.id)) || !thread.id)
        return false;
    rest = str_trim(rest);
    size_t close = str_find(rest, STR(")"), 0);
    if (!str_starts(rest, STR("(")) || close == STR_NOT_FOUND)
        return false;
    thread.state = str_drop(str_take(rest, close), 1);
    if (!STR_IS_ONE_OF(thread.state, states))
        return false;
    rest = str_trim(str_drop(rest, close + 1));
    size_t open = str_find(rest, STR("\""), 0);
    if (open != STR_NOT_FOUND && str_ends(rest, STR("\"")) && rest.len > open + 1)
        thread.name = str_drop(str_take(rest, rest.len - 1), open + 1);
    *ret_thread = thread;
    return true;
}

/* "Thread 0x00007f12 [worker] (most recent call first):", "Current thread 0x.. (most recent ..." */
static bool py_parse_fault(struct str text, struct py_thread *ret_thread) {
    struct py_thread thread = {.address = true};
    bool current = str_starts(text, STR("Current thread "));
    if ((!current && !str_starts(text, STR("Thread "))) ||
        !str_ends(text, STR("(most recent call first):")))
        return false;
    struct str rest = str_drop(text, current ? 15 : 7), id = str_next_field(&rest);
    rest = str_trim(rest);
    size_t close = str_find(rest, STR("]"), 0);
    if (str_starts(rest, STR("[")) && close != STR_NOT_FOUND)
        thread.name = str_drop(str_take(rest, close), 1);
    if (!num_hex(id, &thread.id))
        return false;
    *ret_thread = thread;
    return true;
}

/* "wait (threading.py:320)": function, file and line. */
static bool py_parse_frame(struct str text, struct str *ret_function, struct str *ret_place) {
    size_t open = str_find(text, STR(" ("), 0);
    for (size_t next = open; next != STR_NOT_FOUND; next = str_find(text, STR(" ("), next + 1))
        open = next;
    if (open == STR_NOT_FOUND || open == 0 || !str_ends(text, STR(")")))
        return false;
    *ret_function = str_take(text, open);
    *ret_place = str_drop(str_take(text, text.len - 1), open + 2);
    return ret_place->len > 0 && !str_contains(*ret_function, STR(": "));
}

/* `File "/usr/lib/python3.11/threading.py", line 320 in wait` */
static bool py_parse_file(struct str text, struct str *ret_function, struct str *ret_path,
                          struct str *ret_line) {
    if (!str_starts(text, STR("File \"")))
        return false;
    text = str_drop(text, 6);
    size_t close = str_find(text, STR("\", line "), 0), in = str_find(text, STR(" in "), 0);
    if (close == STR_NOT_FOUND || in == STR_NOT_FOUND || in < close + 8)
        return false;
    *ret_path = str_take(text, close);
    *ret_line = str_drop(str_take(text, in), close + 8);
    *ret_function = str_trim(str_drop(text, in + 4));
    return ret_function->len > 0;
}

/* -- Names ------------------------------------------------------------------------------------- */

/* What the path is below one of the folders where Python looks for modules. */
static struct str below_library(struct str path) {
    static const struct str folders[] = {STR_INIT("/site-packages/"), STR_INIT("/dist-packages/")};
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        size_t at = str_find(path, folders[i], 0);
        if (at != STR_NOT_FOUND)
            return str_drop(path, at + folders[i].len);
    }
    for (size_t at = str_find(path, STR("/python"), 0); at != STR_NOT_FOUND;
         at = str_find(path, STR("/python"), at + 1)) {
        struct str rest = str_drop(path, at + 7);
        size_t n = 0;
        while (n < rest.len && (char_is_digit(rest.ptr[n]) || rest.ptr[n] == '.'))
            n++;
        if (n && n < rest.len && rest.ptr[n] == '/')
            return str_drop(rest, n + 1);
    }
    return path.len && (str_first(path) == '/' || str_contains(path, STR(":\\")))
               ? str_file_name(path)
               : path;
}

/* "concurrent/futures/thread.py" is concurrent.futures.thread */
static void add_module(struct str path, struct strbuf *out) {
    if (str_ends(path, STR("/__init__.py")))
        path = str_take(path, path.len - 12);
    else if (str_ends(path, STR(".py")))
        path = str_take(path, path.len - 3);
    for (size_t i = 0; i < path.len; i++)
        strbuf_addc(out, path.ptr[i] == '/' || path.ptr[i] == '\\' ? '.' : path.ptr[i]);
}

static struct str py_frame(struct builder *b, struct str function, struct str path, struct str line,
                           struct err *err) {
    struct strbuf out;
    strbuf_init(&out);
    path = below_library(path);
    if (str_ends(path, STR(".py"))) {
        add_module(path, &out);
        strbuf_addc(&out, '.');
        strbuf_add(&out, function);
    } else { /* of a native library: "pthread_cond_wait (libc.so.6)" */
        strbuf_add(&out, path);
        strbuf_addc(&out, '!');
        strbuf_add(&out, function);
    }
    if (line.len) {
        strbuf_adds(&out, " (");
        strbuf_add(&out, path);
        strbuf_addc(&out, ':');
        strbuf_add(&out, line);
        strbuf_addc(&out, ')');
    }
    const char *copy = strbuf_ok(&out, err) ? builder_string(b, strbuf_str(&out), err) : NULL;
    strbuf_deinit(&out);
    return copy ? str_of(copy) : (struct str){NULL, 0};
}

/* What the innermost frames wait in. */
static const char *py_wait(const struct strings *frames) {
    static const struct {
        struct str frame;
        const char *means;
    } waits[] = {
        {STR_INIT("queue.get"), "queue.get"},
        {STR_INIT("queue.put"), "queue.put"},
        {STR_INIT("threading.join"), "thread.join"},
        {STR_INIT("threading._wait_for_tstate_lock"), "thread.join"},
        {STR_INIT("threading.wait"), "condition.wait"},
        {STR_INIT("threading.acquire"), "lock.acquire"},
        {STR_INIT("threading.__enter__"), "lock.acquire"},
        {STR_INIT("selectors.select"), "select"},
        {STR_INIT("socket.accept"), "accept"},
        {STR_INIT("socket.readinto"), "recv"},
        {STR_INIT("ssl.read"), "recv"},
        {STR_INIT("subprocess.wait"), "process"},
        {STR_INIT("subprocess._wait"), "process"},
        {STR_INIT("subprocess._try_wait"), "process"},
        {STR_INIT("multiprocessing.connection"), "pipe"},
        {STR_INIT("concurrent.futures._base.result"), "future.result"},
        {STR_INIT("concurrent.futures.thread._worker"), "work"},
    };
    const char *means = NULL;
    for (uint32_t i = 0; i < frames->count && i < 6; i++) {
        bool known = str_contains(str_of(frames->items[i]), STR("!"));
        for (size_t k = 0; k < sizeof(waits) / sizeof(*waits); k++)
            if (str_starts(str_of(frames->items[i]), waits[k].frame)) {
                means = waits[k].means;
                known = true;
            }
        if (!known)
            break;
    }
    return means;
}

/* -- Threads ----------------------------------------------------------------------------------- */

static bool py_store(struct py_reading *r, struct err *err) {
    struct builder *b = r->d.t->b;
    struct thread_row *row;
    if (r->os_id != ABSENT)
        row = builder_thread(b, r->os_id, ABSENT, err);
    else
        row = builder_thread(b, ABSENT, r->key, err);
    if (!row)
        return false;
    if (r->name.len && !row->name && !(row->name = builder_string(b, r->name, err)))
        return false;
    if (r->state.len && !row->state && !(row->state = builder_string(b, r->state, err)))
        return false;
    if (!thread_dump_store(&r->d, &row->frames, err))
        return false;
    bool idle = !r->state.len || str_starts(r->state, STR("idle"));
    const char *wait = idle && !row->waiting_on ? py_wait(&row->frames) : NULL;
    return !wait || (row->waiting_on = builder_string(b, str_of(wait), err));
}

static bool py_flush(struct py_reading *r, struct err *err) {
    bool ok = !r->in_thread || !r->d.wanted || py_store(r, err);
    r->in_thread = r->in_values = false;
    r->d.count = 0;
    return ok;
}

static bool py_begin(struct py_reading *r, const struct py_thread *thread, struct err *err) {
    if (!py_flush(r, err))
        return false;
    bool os = !thread->address && thread->id < UINT32_MAX;
    r->in_thread = true;
    r->os_id = os ? thread->id : ABSENT;
    r->key = thread->id;
    r->name = thread->name;
    r->state = thread->state;
    return thread_dump_thread(&r->d, key_with(9, thread->id), err);
}

/* -- Section ----------------------------------------------------------------------------------- */

/* "Process 812: python shop.py" */
static bool py_parse_process(struct str text, uint64_t *ret_pid) {
    if (!str_starts(text, STR("Process ")))
        return false;
    size_t colon = str_find(text, STR(": "), 0);
    return colon != STR_NOT_FOUND && num_dec(str_drop(str_take(text, colon), 8), ret_pid) &&
           *ret_pid && *ret_pid < UINT32_MAX;
}

static bool py_is_version(struct str text) {
    return str_starts(text, STR("Python v")) && text.len > 8 && char_is_digit(text.ptr[8]);
}

static bool py_take_frame(struct py_reading *r, struct str text, bool *ret_mine, struct err *err) {
    struct str function, path, line = STR("");
    *ret_mine = true;
    if (str_eq(text, STR("Locals:")) || str_eq(text, STR("Arguments:"))) {
        r->in_values = true;
        return true;
    }
    if (!py_parse_file(text, &function, &path, &line)) {
        if (!py_parse_frame(text, &function, &path)) {
            *ret_mine = r->in_values && str_contains(text, STR(": "));
            return true;
        }
        size_t colon = path.len;
        while (colon && path.ptr[colon - 1] != ':')
            colon--;
        uint64_t number;
        if (colon > 1 && num_dec(str_drop(path, colon), &number)) {
            line = str_drop(path, colon);
            path = str_take(path, colon - 1);
        } else if (r->in_values && str_contains(text, STR(": "))) {
            return true;
        }
    }
    r->in_values = false;
    struct str frame = py_frame(r->d.t->b, function, path, line, err);
    return frame.ptr && thread_dump_push(&r->d, frame, err);
}

static bool py_take_line(void *context, bool *ret_mine, struct err *err) {
    struct py_reading *r = context;
    struct builder *b = r->d.t->b;
    struct str text = r->d.t->line.text, command;
    struct py_thread thread;
    uint64_t pid;
    *ret_mine = true;
    if (py_parse_thread(text, &thread) || py_parse_fault(text, &thread))
        return py_begin(r, &thread, err);
    if (py_parse_process(text, &pid)) {
        struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
        if (!origin)
            return false;
        builder_say(b, &origin->pid, pid, "the process id");
        return py_flush(r, err);
    }
    if (py_is_version(text))
        return py_flush(r, err);
    if (r->in_thread && !transcript_is_command(&r->d.t->line, &command))
        return py_take_frame(r, text, ret_mine, err);
    *ret_mine = false;
    return true;
}

static bool py_read(struct transcript *t, struct err *err) {
    struct py_reading r = {.os_id = ABSENT};
    struct origin_row *origin = builder_single(t->b, PART_ORIGIN, err);
    if (!origin)
        return false;
    thread_dump_init(&r.d, t);
    bool ok = scan_table(t, &r.d.loss, py_take_line, &r, err) && py_flush(&r, err) &&
              builder_say_string(t->b, &origin->runtime, STR("Python"), "the runtime", err);
    if (ok && r.d.wanted)
        thread_dump_report(&r.d);
    if (ok && !r.d.threads)
        transcript_hollow(t, "the heading of a process of Python without threads");
    thread_dump_deinit(&r.d);
    return ok;
}

static bool py_starts(const struct transcript *t) {
    struct str text = t->line.text;
    struct py_thread thread;
    struct line next;
    uint64_t pid;
    if (str_first(text) == 'P')
        return py_parse_process(text, &pid) && transcript_peek(t, 1, &next) &&
               py_is_version(next.text);
    return (str_first(text) == 'T' || str_first(text) == 'C') &&
           (py_parse_thread(text, &thread) || py_parse_fault(text, &thread));
}

const struct section section_py_stacks = {
    .name = "py-stacks",
    .summary = "py-spy dump, faulthandler: stacks of Python",
    .may_give = PART_BIT(PART_THREADS),
    .lossy_parts = PART_BIT(PART_THREADS),
    .lossy = ASPECT_FRAMES,
    .open_parts = PART_BIT(PART_THREADS),
    .starts = py_starts,
    .read = py_read,
};
