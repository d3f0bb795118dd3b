#include "diff/rules/frames.h"

#include "diff/names/names.h"
#include "model/known_names.h"
#include "model/rows_threads.h"

#include <string.h>

/* What readers call a method whose name the dump does not hold. */
#define UNKNOWN "<unknown>"

struct str frame_method(const char *frame) {
    struct str s = str_trim(str_of(frame));
    /* Debuggers print frames of the runtime as "[HelperMethodFrame: 00ab] Name(...)" or without a
     * name. */
    if (str_starts(s, STR("["))) {
        size_t end = str_find(s, STR("]"), 0);
        s = end == STR_NOT_FOUND ? STR("") : str_trim(str_drop(s, end + 1));
    }
    s = str_trim(str_take(s, name_arguments(s)));
    size_t module = str_find(s, STR("!"), 0);
    if (module == STR_NOT_FOUND || str_eq(str_drop(s, module + 1), STR(UNKNOWN)))
        return s; /* of a method without a name, its module is all there is */
    return str_drop(s, module + 1);
}

static bool frames_is_stub(struct str method) {
    return RUNTIMES_SAY(words_begin, stubs, method);
}

/* name_is_framework() wants a C string: the method is a tail of one, so its start will do. */
static bool frame_is_framework(const char *frame) {
    struct str s = frame_method(frame);
    return !s.len || frames_is_stub(s) || name_is_framework(s.ptr);
}

/* The same without the namespace where it is of the framework: "ManualResetEventSlim.Wait". */
static struct str frame_short(const char *frame) {
    struct str s = frame_method(frame);
    if (!frame_is_framework(frame))
        return s;
    /* Two dots from the end: "Type.Method"; generic arguments hold dots of their own. */
    size_t depth = 0, dots = 0;
    for (size_t i = s.len; i-- > 0;) {
        char c = s.ptr[i];
        if (c == '>' || c == ']')
            depth++;
        else if ((c == '<' || c == '[') && depth > 0)
            depth--;
        else if (c == '.' && depth == 0 && ++dots == 2)
            return str_drop(s, i + 1);
    }
    return s;
}

static bool is_wait(struct str method, enum wait_kind kind) {
    return runtimes_say(
        words_within, offsetof(struct runtime_words, waits) + kind * sizeof(struct words), method);
}

/* The innermost wait that application code of this thread went into. */
static enum wait_kind wait_of(const struct strings *frames, uint32_t app) {
    /* Where several are on the way, what tells most. */
    static const enum wait_kind telling[] = {WAIT_LOCK, WAIT_TASK, WAIT_IO, WAIT_SLEEP, WAIT_EVENT};
    bool seen[WAIT_KINDS] = {false};
    for (uint32_t i = 0; i < app; i++) {
        struct str method = frame_method(frames->items[i]);
        if (RUNTIMES_SAY(words_within, waits_for_room, method))
            return WAIT_EVENT;
        if (is_wait(method, WAIT_IDLE))
            return WAIT_IDLE;
        for (size_t k = 0; k < sizeof(telling) / sizeof(*telling); k++)
            seen[telling[k]] = seen[telling[k]] || is_wait(method, telling[k]);
    }
    if ((seen[WAIT_TASK] || seen[WAIT_EVENT]) && !seen[WAIT_LOCK] && app < frames->count &&
        RUNTIMES_SAY(words_end, waits_for_all, frame_method(frames->items[app])))
        return WAIT_IDLE;
    for (uint32_t i = 0; seen[WAIT_TASK] && i < app; i++)
        if (RUNTIMES_SAY(words_within, waits_for_any, frame_method(frames->items[i])))
            return WAIT_EVENT;
    /* A queue of one's own: waits right under application code until another thread says so. */
    if (app > 0 && !seen[WAIT_TASK] && !seen[WAIT_LOCK] &&
        RUNTIMES_SAY(words_within, waits_for_pulse, frame_method(frames->items[app - 1])))
        return WAIT_IDLE;
    for (size_t k = 0; k < sizeof(telling) / sizeof(*telling); k++)
        if (seen[telling[k]])
            return telling[k];
    return WAIT_NOT;
}

static enum wait_kind native_wait(const struct thread_row *row) {
    for (uint32_t i = 0; i < row->native_frames.count; i++)
        if (RUNTIMES_SAY(words_within, native_locks, str_of(row->native_frames.items[i])))
            return WAIT_LOCK;
    return WAIT_NOT;
}

struct stack_view stack_view(const struct thread_row *row) {
    const struct strings *frames = &row->frames;
    struct stack_view view = {.app = NO_FRAME, .callee = NO_FRAME, .wait = WAIT_NOT};
    for (uint32_t i = 0; i < frames->count && view.app == NO_FRAME; i++)
        if (!frame_is_framework(frames->items[i]))
            view.app = i;
    uint32_t end = view.app == NO_FRAME ? frames->count : view.app;
    while (view.app == NO_FRAME && end > 1 &&
           RUNTIMES_SAY(words_are, thread_starts, frame_method(frames->items[end - 1])))
        end--;
    for (uint32_t i = end; i-- > 0 && view.callee == NO_FRAME;)
        if (frame_method(frames->items[i]).len)
            view.callee = i;
    if (view.app == NO_FRAME) {
        view.wait = frames->count ? WAIT_IDLE : native_wait(row);
        return view;
    }
    view.wait = wait_of(frames, view.app);
    if (view.wait == WAIT_NOT)
        view.wait = native_wait(row);
    return view;
}

static bool is_unknown(const char *frame) {
    return str_ends(frame_method(frame), STR(UNKNOWN));
}

void frame_add_short(const char *frame, struct strbuf *out) {
    struct str s = frame_short(frame);
    size_t depth = 0;
    bool shorten = frame_is_framework(frame);
    for (size_t i = 0; i < s.len; i++) {
        depth += s.ptr[i] == '[';
        if (!shorten || !depth)
            strbuf_addc(out, s.ptr[i]);
        depth -= s.ptr[i] == ']' && depth > 0;
    }
}

const char *wait_verb(enum wait_kind wait) {
    switch (wait) {
    case WAIT_LOCK:
        return "waits for a lock in";
    case WAIT_TASK:
        return "waits for a task in";
    case WAIT_SLEEP:
        return "sleeps in";
    case WAIT_IO:
        return "waits for I/O in";
    case WAIT_EVENT:
    case WAIT_IDLE:
        return "waits in";
    case WAIT_NOT:
        break;
    }
    return "is in";
}

void stack_place(const struct thread_row *row, struct strbuf *out) {
    struct stack_view view = stack_view(row);
    /* A module alone, without a method, is no place. */
    if (view.callee != NO_FRAME && is_unknown(row->frames.items[view.callee]))
        view.callee = NO_FRAME;
    if (view.app != NO_FRAME)
        strbuf_add(out, frame_method(row->frames.items[view.app]));
    if (view.callee != NO_FRAME) {
        if (view.app != NO_FRAME)
            strbuf_adds(out, " -> ");
        frame_add_short(row->frames.items[view.callee], out);
    }
}

/* Nobody starts with a wait: whoever called it was not found. */
static bool ends_in_a_wait(const struct strings *frames) {
    struct str method = frame_method(frames->count ? frames->items[frames->count - 1] : "");
    return is_wait(method, WAIT_LOCK) || is_wait(method, WAIT_TASK) ||
           is_wait(method, WAIT_SLEEP) || is_wait(method, WAIT_EVENT);
}

bool stack_is_cut(const struct thread_row *row) {
    for (uint32_t i = 0; i < row->frames.count; i++)
        if (is_unknown(row->frames.items[i]))
            return true;
    if (ends_in_a_wait(&row->frames))
        return true;
    const struct strings *native = &row->native_frames;
    return !row->frames.count && native->count &&
           strcmp(native->items[native->count - 1], FRAME_CUT) == 0;
}

bool stack_is_main(const struct thread_row *row) {
    for (uint32_t i = row->frames.count; i-- > 0;)
        if (!frame_is_framework(row->frames.items[i]))
            return RUNTIMES_SAY(words_end, waits_for_all, frame_method(row->frames.items[i]));
    return false;
}

uint32_t stack_finalizer(const struct thread_row *row) {
    for (uint32_t i = row->frames.count; i-- > 0;)
        if (RUNTIMES_SAY(words_end, finalizers, frame_method(row->frames.items[i])))
            return i;
    return NO_FRAME;
}

/* By what the reader says, else by its name. */
static bool has_job(const struct thread_row *row, enum thread_job job, const char *role) {
    if (row->role && strcmp(row->role, role) == 0)
        return true;
    return row->name &&
           runtimes_say(words_within,
                        offsetof(struct runtime_words, threads) + job * sizeof(struct words),
                        str_of(row->name));
}

bool thread_is_finalizer(const struct thread_row *row) {
    return has_job(row, JOB_FINALIZER, ROLE_FINALIZER);
}

bool thread_is_gc(const struct thread_row *row) {
    return has_job(row, JOB_GC, ROLE_GC);
}

bool thread_is_pool(const struct thread_row *row) {
    if (has_job(row, JOB_POOL, ROLE_POOL_WORKER))
        return true;
    for (uint32_t i = 0; i < row->frames.count; i++)
        if (RUNTIMES_SAY(words_within, pool_frames, frame_method(row->frames.items[i])))
            return true;
    return false;
}

bool thread_is_compiler(const struct thread_row *row) {
    return has_job(row, JOB_COMPILER, "");
}

bool thread_is_dead(const struct thread_row *row) {
    return row->state && strcmp(row->state, LIFE_DEAD) == 0;
}
