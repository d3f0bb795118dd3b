#include "diff/rules/frames.h"

#include <string.h>

/* What readers call a method whose name the dump does not hold. */
#define UNKNOWN "<unknown>"

struct str frame_method(const char *frame) {
    struct str s = str_trim(str_of(frame));
    /* SOS prints runtime frames as "[HelperMethodFrame: 00ab] Name(...)" or without a name. */
    if (str_starts(s, STR("["))) {
        size_t end = str_find(s, STR("]"), 0);
        s = end == STR_NOT_FOUND ? STR("") : str_trim(str_drop(s, end + 1));
    }
    size_t end = str_find(s, STR("("), 0);
    s = end == STR_NOT_FOUND ? s : str_trim(str_take(s, end));
    size_t module = str_find(s, STR("!"), 0);
    if (module == STR_NOT_FOUND || str_eq(str_drop(s, module + 1), STR(UNKNOWN)))
        return s; /* of a method without a name, its module is all there is */
    return str_drop(s, module + 1);
}

/* series_is_framework() wants a C string: the method is a tail of one, so its start will do. */
bool frame_is_framework(const char *frame) {
    static const char *const runtime[] = {
        "DomainNeutralILStubClass",
        "DomainBoundILStubClass",
        "ILStubClass",
        "DynamicClass.",
        "MethodDescPtr",
    };
    struct str s = frame_method(frame);
    if (!s.len)
        return true;
    for (size_t i = 0; i < sizeof(runtime) / sizeof(*runtime); i++)
        if (str_starts(s, str_of(runtime[i])))
            return true;
    return series_is_framework(s.ptr);
}

struct str frame_short(const char *frame) {
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

static bool has_any(struct str s, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (str_contains(s, str_of(words[i])))
            return true;
    return false;
}

#define HAS_ANY(s, words) has_any((s), (words), sizeof(words) / sizeof(*(words)))

/* Waiting for work: these come back only when there is some. */
static bool is_idle_call(struct str method) {
    static const char *const words[] = {
        "BlockingCollection",
        "GetConsumingEnumerable",
        "Threading.Channels.",
        "HostingAbstractionsHostExtensions.",
        "WebHostExtensions.",
        "WebApplication.Run",
        "WaitForShutdown",
        "Forms.Application.Run",
        "Windows.Application.Run",
        "Dispatcher.PushFrame",
        "Dispatcher.Run",
        "ServiceBase.Run",
        "Console.Read",
        "TextReader.Read",
        "ConsoleStream.Read",
        ".Accept",
        "HttpListener.GetContext",
        "WaitForConnection",
        "FileSystemWatcher",
        "WaitForChanged",
        "PeriodicTimer",
        "epoll_wait",
        "WaitForSocketEvents",
        "GetQueuedCompletionStatus",
    };
    return HAS_ANY(method, words);
}

static bool is_lock_call(struct str method) {
    static const char *const words[] = {
        "Monitor.Enter",
        "Monitor.ReliableEnter",
        "Monitor.TryEnter",
        "Monitor.InternalEnter",
        "Threading.Lock.Enter",
        "Threading.Lock.TryEnter",
        "ReaderWriterLock",
        "SpinLock.",
        "Mutex.",
    };
    return HAS_ANY(method, words);
}

static bool is_task_call(struct str method) {
    static const char *const words[] = {
        "Tasks.Task.Wait",       "Tasks.Task.InternalWait", "Tasks.Task.SpinThenBlockingWait",
        ".get_Result",           ".GetResultCore",          "TaskAwaiter.HandleNonSuccess",
        "TaskAwaiter.GetResult", "TaskAwaiter`1.GetResult",
    };
    return HAS_ANY(method, words);
}

static bool is_sleep_call(struct str method) {
    return str_contains(method, STR("Thread.Sleep"));
}

static bool is_event_call(struct str method) {
    static const char *const words[] = {
        "WaitHandle.",     "ManualResetEvent",   "AutoResetEvent",      "Semaphore",
        "CountdownEvent",  "Barrier.Signal",     "Thread.Join",         "Monitor.Wait",
        "Monitor.ObjWait", "SpinWait.SpinUntil", "Process.WaitForExit",
    };
    return HAS_ANY(method, words);
}

static bool is_io_call(struct str method) {
    static const char *const words[] = {
        "Sockets.",  "NetworkStream.", "PipeStream.",      "FileStream.",   "SqlClient.",
        "TdsParser", "SslStream.",     "Interop+Sys.Read", "RandomAccess.",
    };
    return HAS_ANY(method, words);
}

/* The innermost wait that application code of this thread went into. */
static enum wait_kind wait_of(const struct strings *frames, uint32_t app) {
    bool lock = false, task = false, sleep = false, event = false, io = false;
    for (uint32_t i = 0; i < app; i++) {
        struct str method = frame_method(frames->items[i]);
        if (is_idle_call(method))
            return WAIT_IDLE;
        lock = lock || is_lock_call(method);
        task = task || is_task_call(method);
        sleep = sleep || is_sleep_call(method);
        event = event || is_event_call(method);
        io = io || is_io_call(method);
    }
    /* A queue of one's own: Monitor.Wait right under application code waits for a Pulse. */
    if (app > 0 && !task && !lock) {
        struct str method = frame_method(frames->items[app - 1]);
        if (str_contains(method, STR("Monitor.Wait")) ||
            str_contains(method, STR("Monitor.ObjWait")))
            return WAIT_IDLE;
    }
    return lock    ? WAIT_LOCK
           : task  ? WAIT_TASK
           : io    ? WAIT_IO
           : sleep ? WAIT_SLEEP
           : event ? WAIT_EVENT
                   : WAIT_NOT;
}

static enum wait_kind native_wait(const struct thread_row *row) {
    static const char *const words[] = {"AwareLock::Enter", "MonEnter", "MonReliableEnter"};
    for (uint32_t i = 0; i < row->native_frames.count; i++)
        if (HAS_ANY(str_of(row->native_frames.items[i]), words))
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
    for (uint32_t i = end; i-- > 0 && view.callee == NO_FRAME;)
        if (frame_method(frames->items[i]).len)
            view.callee = i;
    if (view.app == NO_FRAME) {
        view.wait = frames->count ? WAIT_IDLE : WAIT_NOT;
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
    return is_lock_call(method) || is_task_call(method) || is_sleep_call(method) ||
           is_event_call(method);
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

uint32_t stack_finalizer(const struct thread_row *row) {
    for (uint32_t i = row->frames.count; i-- > 0;) {
        struct str method = frame_method(row->frames.items[i]);
        if (str_ends(method, STR(".Finalize")))
            return i;
    }
    return NO_FRAME;
}

static bool role_is(const struct thread_row *row, const char *role) {
    return row->role && strcmp(row->role, role) == 0;
}

static bool name_has(const struct thread_row *row, const char *part) {
    return row->name && strstr(row->name, part);
}

bool thread_is_finalizer(const struct thread_row *row) {
    return role_is(row, "finalizer") || name_has(row, ".NET Finalizer");
}

bool thread_is_gc(const struct thread_row *row) {
    return role_is(row, "gc") || name_has(row, ".NET Server GC") || name_has(row, ".NET BGC");
}

bool thread_is_pool(const struct thread_row *row) {
    static const char *const words[] = {
        "ThreadPoolWorkQueue.Dispatch",
        "PortableThreadPool",
        "PerformWaitCallback",
    };
    if (role_is(row, "threadpool-worker") || name_has(row, ".NET ThreadPool Worker") ||
        name_has(row, ".NET TP Worker"))
        return true;
    for (uint32_t i = 0; i < row->frames.count; i++)
        if (HAS_ANY(frame_method(row->frames.items[i]), words))
            return true;
    return false;
}

bool thread_is_dead(const struct thread_row *row) {
    return row->state && strcmp(row->state, "dead") == 0;
}
