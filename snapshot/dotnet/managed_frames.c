#include "dotnet/managed_frames.h"

#include "memory/stacks/native_stacks.h"
#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <string.h>

/* -- Names of frames --------------------------------------------------------------------------- */

#define SIGNATURE_MAX 512

/*
 * A managed frame taken apart: "Ns.Type`1[[X, y]].Method[[Z]](Args)" gives "Ns.Type`1" and
 * "Method". Only library names are looked up, so that longer ones may be cut.
 */
struct signature {
    char text[SIGNATURE_MAX];
    struct str type, method;
};

static void signature_parse(struct signature *out, const char *frame) {
    size_t length = 0;
    unsigned depth = 0;
    const char *bang = strchr(frame, '!'); /* "Module.dll!Ns.Type.Method(Args)" */
    const char *paren = strchr(frame, '(');
    const char *c = bang && (!paren || bang < paren) ? bang + 1 : frame;
    for (; *c && length < SIGNATURE_MAX; c++) {
        if (*c == '[' || *c == '<')
            depth++;
        else if (*c == ']' || *c == '>')
            depth -= depth > 0;
        else if (depth == 0 && *c == '(')
            break;
        else if (depth == 0)
            out->text[length++] = *c;
    }
    struct str all = {out->text, length};
    size_t dot = length;
    while (dot && all.ptr[dot - 1] != '.')
        dot--;
    out->method = str_drop(all, dot);
    out->type = str_take(all, dot ? dot - 1 : 0);
}

/* "System.Threading.Tasks.Task`1" is looked up as "System.Threading.Tasks.Task". */
static struct str without_arity(struct str type) {
    for (size_t i = 0; i < type.len; i++)
        if (type.ptr[i] == '`')
            return str_take(type, i);
    return type;
}

/* -- Waits ------------------------------------------------------------------------------------- */

/* One library method. A method ending in '*' stands for all that start so. */
struct known_frame {
    const char *type, *method;
    const char *means; /* NULL: belongs to a wait without naming it */
};

#define THREADING "System.Threading."

static const struct known_frame waits[] = {
    {THREADING "Monitor", "Wait*", "Monitor.Wait"},
    {THREADING "Monitor", "ObjWait", "Monitor.Wait"},
    {THREADING "Monitor", "Enter*", "Monitor.Enter"},
    {THREADING "Monitor", "ReliableEnter*", "Monitor.Enter"},
    {THREADING "Monitor", "TryEnter*", "Monitor.Enter"},
    {THREADING "Lock", "Enter*", "Lock.Enter"},
    {THREADING "Lock", "TryEnter*", "Lock.Enter"},
    {THREADING "Condition", "Wait", "Monitor.Wait"},
    {THREADING "ManualResetEventSlim", "Wait", "ManualResetEventSlim.Wait"},
    {THREADING "SemaphoreSlim", "Wait*", "SemaphoreSlim.Wait"},
    {THREADING "CountdownEvent", "Wait", "CountdownEvent.Wait"},
    {THREADING "Barrier", "*", "Barrier.SignalAndWait"},
    {THREADING "ReaderWriterLockSlim", "*", "ReaderWriterLockSlim.Enter"},
    {THREADING "ReaderWriterLock", "*", "ReaderWriterLock.Acquire"},
    {THREADING "Thread", "Sleep*", "Thread.Sleep"},
    {THREADING "Thread", "UninterruptibleSleep*", "Thread.Sleep"},
    {THREADING "Thread", "Join*", "Thread.Join"},
    {THREADING "WaitHandle", "WaitAny*", "WaitHandle.WaitAny"},
    {THREADING "WaitHandle", "WaitAll*", "WaitHandle.WaitAll"},
    {THREADING "WaitHandle", "SignalAndWait*", "WaitHandle.SignalAndWait"},
    {THREADING "WaitHandle", "WaitMultiple*", "WaitHandle.WaitAny"},
    {THREADING "WaitHandle", "*", "WaitHandle.WaitOne"},
    {THREADING "LowLevelLifoSemaphore", "*", "LowLevelLifoSemaphore.Wait"},
    {THREADING "LowLevelLifoSemaphoreBase", "*", "LowLevelLifoSemaphore.Wait"},
    {THREADING "LowLevelMonitor", "Wait*", "LowLevelMonitor.Wait"},
    {THREADING "LowLevelLock", "*", "LowLevelLock.Acquire"},
    {THREADING "CancellationTokenSource+Registrations", "WaitForCallbackToComplete",
     "CancellationTokenRegistration.Dispose"},
    {THREADING "Tasks.Task", "Wait", "Task.Wait"},
    {THREADING "Tasks.Task", "InternalWait*", "Task.Wait"},
    {THREADING "Tasks.Task", "SpinThenBlockingWait", "Task.Wait"},
    {THREADING "Tasks.Task", "WaitAll*", "Task.WaitAll"},
    {THREADING "Tasks.Task", "WaitAny*", "Task.WaitAny"},
    {THREADING "Tasks.Task", "GetResultCore", "Task.Result"},
    {THREADING "Tasks.Task", "get_Result", "Task.Result"},
    {"System.Runtime.CompilerServices.TaskAwaiter", "*", "Task.GetResult"},
    {"System.Runtime.CompilerServices.ValueTaskAwaiter", "*", "Task.GetResult"},
    {"System.Runtime.CompilerServices.ConfiguredTaskAwaitable+ConfiguredTaskAwaiter", "*",
     "Task.GetResult"},
    {"System.Runtime.CompilerServices.ConfiguredTaskAwaitable", "*", "Task.GetResult"},
    {"System.Collections.Concurrent.BlockingCollection", "Add*", "BlockingCollection.Add"},
    {"System.Collections.Concurrent.BlockingCollection", "TryAdd*", "BlockingCollection.Add"},
    {"System.Collections.Concurrent.BlockingCollection", "*", "BlockingCollection.Take"},
    {"System.Runtime.CompilerServices.InitHelpers", "InitClass*", "type initializer"},
    {"System.GC", "WaitForPendingFinalizers", "GC.WaitForPendingFinalizers"},
    {"System.GC", "_WaitForPendingFinalizers", "GC.WaitForPendingFinalizers"},
    {"System.Diagnostics.Process", "WaitForExit*", "Process.WaitForExit"},
    {"System.Diagnostics.ProcessWaitState", "WaitForExit", "Process.WaitForExit"},
    {"System.Net.Sockets.Socket", "Accept*", "Socket.Accept"},
    {"System.Net.Sockets.Socket", "Receive*", "Socket.Receive"},
    {"System.Net.Sockets.Socket", "Poll", "Socket.Poll"},
    {"System.Net.Sockets.Socket", "Select", "Socket.Poll"},
    {"System.Net.Sockets.SocketAsyncEngine", "EventLoop", "Socket.Poll"},
    {"System.Console", "Read*", "Console.Read"},
    {"System.IO.Pipes.NamedPipeServerStream", "WaitForConnection*", "NamedPipe.WaitForConnection"},
    /* What stands between a wait and the system call. */
    {THREADING "WaitSubsystem", "*", NULL},
    {THREADING "WaitSubsystem+WaitableObject", "*", NULL},
    {THREADING "WaitSubsystem+ThreadWaitInfo", "*", NULL},
    {THREADING "SynchronizationContext", "Wait*", NULL},
    {THREADING "SynchronizationContext", "InvokeWaitMethodHelper", NULL},
    {THREADING "SpinWait", "*", NULL},
    {"System.Runtime.CompilerServices.StaticsHelpers", "*", NULL},
    {THREADING "Tasks.Task", "WaitAllBlockingCore", NULL},
    {"System.Net.Sockets.SocketPal", "*", NULL},
    {"System.Net.Sockets.SocketAsyncContext", "*", NULL},
    {"System.ConsolePal", "*", NULL},
    {"System.IO.StdInReader", "*", NULL},
    {"System.IO.SyncTextReader", "*", NULL},
    {"System.IO.StreamReader", "*", NULL},
};

/* Frames without a name of their own: P/Invoke stubs and imports. */
static const char *const stub_types[] = {
    "Interop",
    "ILStubClass",
    "DomainNeutralILStubClass",
    "DomainBoundILStubClass",
    "Microsoft.Win32.Win32Native",
    "Microsoft.Win32.UnsafeNativeMethods",
};

static bool method_matches(struct str method, const char *pattern) {
    struct str p = str_of(pattern);
    if (str_last(p) == '*')
        return str_starts(method, str_take(p, p.len - 1));
    return str_eq(method, p);
}

static const struct known_frame *wait_find(const struct signature *frame) {
    struct str type = without_arity(frame->type);
    for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++)
        if (str_eq(type, str_of(waits[i].type)) && method_matches(frame->method, waits[i].method))
            return &waits[i];
    return NULL;
}

static bool is_stub(const struct signature *frame) {
    for (size_t i = 0; i < sizeof(stub_types) / sizeof(*stub_types); i++) {
        struct str stub = str_of(stub_types[i]);
        if (str_starts(frame->type, stub) &&
            (frame->type.len == stub.len || frame->type.ptr[stub.len] == '+' ||
             frame->type.ptr[stub.len] == '.'))
            return true;
    }
    return str_starts(frame->method, STR("IL_STUB"));
}

const char *managed_frames_wait(const struct strings *frames, uint32_t *ret_depth) {
    const char *means = NULL;
    uint32_t depth = 0;
    for (uint32_t i = 0; i < frames->count; i++) {
        struct signature frame;
        signature_parse(&frame, frames->items[i]);
        const struct known_frame *known = wait_find(&frame);
        if (known && known->means) {
            means = known->means;
            depth = i + 1;
        } else if (!known && !is_stub(&frame)) {
            break;
        }
    }
    if (ret_depth)
        *ret_depth = depth;
    return means;
}

/* -- Roles ------------------------------------------------------------------------------------- */

struct named_role {
    const char *prefix, *means;
};

/* Where a thread starts says what it is there for; `type` may name nested types by its prefix. */
static const struct known_frame roles[] = {
    {THREADING "PortableThreadPool+WorkerThread", "*", ROLE_POOL_WORKER},
    {THREADING "PortableThreadPool+GateThread", "*", "gate"},
    {THREADING "PortableThreadPool+WaitThread", "*", "wait"},
    {THREADING "PortableThreadPool+IOCompletionPoller", "*", "io-completion"},
    {THREADING "ThreadPoolWorkQueue", "Dispatch", ROLE_POOL_WORKER},
    {THREADING "WindowsThreadPool", "DispatchCallback", ROLE_POOL_WORKER},
    {THREADING "_ThreadPoolWaitCallback", "*", ROLE_POOL_WORKER},
    {THREADING "_ThreadPoolWaitOrTimerCallback", "*", ROLE_POOL_WORKER},
    {THREADING "_IOCompletionCallback", "*", "io-completion"},
    {THREADING "_TimerCallback", "*", ROLE_POOL_WORKER},
    {THREADING "TimerQueue", "TimerThread", "timer"},
    {"System.Net.Sockets.SocketAsyncEngine", "EventLoop", "sockets"},
    {"System.GC", "RunFinalizers", ROLE_FINALIZER},
    {"System.Diagnostics.Tracing.EventPipeEventDispatcher", "*", "event-pipe"},
};

/* Beginnings of native functions of the runtime. */
static const struct named_role native_roles[] = {
    {"FinalizerThread::", ROLE_FINALIZER},
    {"gc_heap::gc_thread_stub", ROLE_GC},
    {"gc_heap::gc_thread_function", ROLE_GC},
    {"gc_heap::bgc_thread_stub", ROLE_GC},
    {"gc_heap::bgc_thread_function", ROLE_GC},
    {"TieredCompilationManager::BackgroundWorker", "tiered-compilation"},
    {"TieredCompilation::BackgroundWorker", "tiered-compilation"},
    {"ThreadpoolMgr::WorkerThreadStart", ROLE_POOL_WORKER},
    {"ThreadpoolMgr::CompletionPortThreadStart", "io-completion"},
    {"ThreadpoolMgr::GateThreadStart", "gate"},
    {"ThreadpoolMgr::TimerThreadStart", "timer"},
    {"ThreadpoolMgr::TimerThreadFire", "timer"},
    {"ThreadpoolMgr::WaitThreadStart", "wait"},
    {"DebuggerRCThread::", "debugger"},
    {"EtwServer", "event-pipe"},
    {"ds_ipc_", "diagnostics"},
    {"ds_server_", "diagnostics"},
    {"SignalHandlerLoop", "signal-handler"},
};

/* Names that the runtime gives its own threads; Linux cuts names after 15 bytes. */
static const struct named_role name_roles[] = {
    {".NET Finalizer", ROLE_FINALIZER},
    {".NET BGC", ROLE_GC},
    {".NET Server GC", ROLE_GC},
    {".NET GC", ROLE_GC},
    {".NET Tiered Com", "tiered-compilation"},
    {".NET TP Worker", ROLE_POOL_WORKER},
    {".NET ThreadPool Worker", ROLE_POOL_WORKER},
    {".NET TP Gate", "gate"},
    {".NET ThreadPool Gate", "gate"},
    {".NET TP Wait", "wait"},
    {".NET ThreadPool Wait", "wait"},
    {".NET TP IO", "io-completion"},
    {".NET ThreadPool IO", "io-completion"},
    {".NET Timer", "timer"},
    {".NET SigHandler", "signal-handler"},
    {".NET Signal", "signal-handler"},
    {".NET EventPipe", "event-pipe"},
    {".NET DebugPipe", "debugger"},
    {".NET Debugger", "debugger"},
    {".NET SynchManag", "synchronization"},
    {".NET Sockets", "sockets"},
    {".NET File Watch", "file-watcher"},
};

const char *managed_frames_role_of_name(const char *name) {
    for (size_t k = 0; name && k < sizeof(name_roles) / sizeof(*name_roles); k++)
        if (str_starts(str_of(name), str_of(name_roles[k].prefix)))
            return name_roles[k].means;
    return NULL;
}

static const char *role_of_managed(const struct strings *frames) {
    for (uint32_t i = frames->count; i-- > 0;) {
        struct signature frame;
        signature_parse(&frame, frames->items[i]);
        for (size_t k = 0; k < sizeof(roles) / sizeof(*roles); k++)
            if (str_starts(frame.type, str_of(roles[k].type)) &&
                method_matches(frame.method, roles[k].method))
                return roles[k].means;
    }
    return NULL;
}

static const char *role_of_native(const struct strings *frames) {
    /* A thread that the system's pool made is the pool's, whatever it runs: os_frames says so. */
    for (uint32_t i = frames->count; i-- > 0 && !os_frame_role(frames->items[i]);) {
        const char *bang = strchr(frames->items[i], '!');
        const char *function = bang ? bang + 1 : frames->items[i];
        /* "SVR::gc_heap::..." and "WKS::gc_heap::..." are one thing. */
        if (strncmp(function, "SVR::", 5) == 0 || strncmp(function, "WKS::", 5) == 0)
            function += 5;
        for (size_t k = 0; k < sizeof(native_roles) / sizeof(*native_roles); k++)
            if (str_starts(str_of(function), str_of(native_roles[k].prefix)))
                return native_roles[k].means;
    }
    return NULL;
}

const char *managed_frames_role(const struct thread_row *thread) {
    const char *role = managed_frames_role_of_name(thread->name);
    if (!role)
        role = role_of_managed(&thread->frames);
    return role ? role : role_of_native(&thread->native_frames);
}

/* -- Finalizer --------------------------------------------------------------------------------- */

/* Number of the innermost frame that is a finalizer ("Ns.Type.Finalize()"), or ABSENT. */
static uint64_t managed_frames_finalizer(const struct strings *frames) {
    for (uint32_t i = 0; i < frames->count; i++) {
        struct str frame = str_of(frames->items[i]);
        if (str_ends(frame, STR(".Finalize()")) || str_ends(frame, STR(".Finalize")))
            return i;
    }
    return ABSENT;
}

/* Why what is not on its stack may be there all the same; NULL: all of the stack is known. */
static const char *why_not_whole(const struct snapshot *s, const struct strings *frames) {
    const struct absence_row *row = snapshot_absence(s, PART_FINALIZER, ASPECT_STACK);
    if (!row)
        row = snapshot_absence(s, PART_THREADS, ASPECT_FRAMES);
    for (uint32_t i = 0; !row && i < frames->count; i++)
        if (str_contains(str_of(frames->items[i]), STR("<unknown>")))
            return "frames of its stack have no name";
    return row ? row->why : NULL;
}

/* Whether it waits inside a finalizer: that it does not is said of a stack that is whole only. */
static void tell_blocked(struct builder *b, struct finalizer_row *f, const struct strings *frames,
                         uint64_t running) {
    uint32_t depth;
    bool waits_inside =
        running != ABSENT && managed_frames_wait(frames, &depth) && (uint64_t)depth <= running;
    const char *why = waits_inside ? NULL : why_not_whole(builder_snapshot(b), frames);
    if (why)
        builder_absent(b, PART_BIT(PART_FINALIZER), ASPECT_STACK, ABSENT, "%s", why);
    else
        f->blocked = waits_inside;
}

static bool tell_finalizer(struct builder *b, const struct thread_row *t, struct err *err) {
    struct finalizer_row *f = builder_single(b, PART_FINALIZER, err);
    if (!f)
        return false;
    if (f->thread_os_id == ABSENT)
        f->thread_os_id = t->os_id;
    if (t->frames.count == 0)
        return true;
    uint64_t running = managed_frames_finalizer(&t->frames);
    if (!f->running && running != ABSENT) {
        struct str name = str_of(t->frames.items[running]);
        if (str_ends(name, STR("()")))
            name = str_take(name, name.len - 2);
        f->running = builder_string(b, name, err);
        if (!f->running)
            return false;
    }
    if (f->blocked == ABSENT)
        tell_blocked(b, f, &t->frames, running);
    return true;
}

/* Is the outermost call a finalizer? Only the finalizer thread begins with one. */
static bool begins_with_finalizer(const struct thread_row *t) {
    uint32_t at = t->frames.count;
    while (at && t->frames.items[at - 1][0] == '[') /* transitions that some versions list */
        at--;
    if (!at || t->role)
        return false;
    const struct strings outer = {t->frames.items + at - 1, 1};
    return managed_frames_finalizer(&outer) == 0;
}

/*
 * Where no list of threads says which one the finalizer is, but objects wait for it: the one thread
 * that runs a finalizer.
 */
static bool tell_finalizer_by_stack(struct builder *b, struct err *err) {
    const struct finalizer_row *f = snapshot_row(builder_snapshot(b), PART_FINALIZER);
    uint32_t count;
    struct thread_row *threads = builder_rows(b, PART_THREADS, &count), *found = NULL;
    if (!f || f->ready == ABSENT || f->ready == 0 || f->thread_os_id != ABSENT)
        return true;
    for (uint32_t i = 0; i < count; i++) {
        if (!begins_with_finalizer(&threads[i]))
            continue;
        if (found)
            return true; /* of two, one calls it itself */
        found = &threads[i];
    }
    if (!found)
        return true;
    found->role = builder_string(b, STR(ROLE_FINALIZER), err);
    return found->role && tell_finalizer(b, found, err);
}

/* -- All threads ------------------------------------------------------------------------------- */

/* Gate, timer and wait threads carry the flag of pool threads: their frames know better. */
static const char *better_role(const struct thread_row *t) {
    if (!t->role)
        return managed_frames_role(t);
    if (strcmp(t->role, ROLE_POOL_WORKER) != 0)
        return NULL;
    const char *role = role_of_managed(&t->frames);
    return role && strcmp(role, t->role) != 0 ? role : NULL;
}

bool managed_frames_tell(struct builder *b, struct err *err) {
    uint32_t count;
    struct thread_row *threads = builder_rows(b, PART_THREADS, &count);
    for (uint32_t i = 0; i < count; i++) {
        struct thread_row *t = &threads[i];
        const char *role = better_role(t);
        const char *wait = t->waiting_on ? NULL : managed_frames_wait(&t->frames, NULL);
        if (role && !(t->role = builder_string(b, str_of(role), err)))
            return false;
        if (wait && !(t->waiting_on = builder_string(b, str_of(wait), err)))
            return false;
        if (t->role && strcmp(t->role, ROLE_FINALIZER) == 0 && !tell_finalizer(b, t, err))
            return false;
    }
    return tell_finalizer_by_stack(b, err);
}
