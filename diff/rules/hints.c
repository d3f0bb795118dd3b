#include "diff/rules/hints.h"

#include "base/num.h"
#include "diff/series/path_text.h"
#include "diff/series/pretty_names.h"

#include <inttypes.h>
#include <string.h>

const struct hint hints[] = {
    {.id = "event",
     .summary = "handlers of an event that nobody removes",
     .types = {"System.EventHandler", "System.ComponentModel.PropertyChangedEventHandler",
               "System.Collections.Specialized.NotifyCollectionChangedEventHandler"},
     .edges = {"_invocationList"},
     .next = "Remove the handlers from %s (-=) when their objects end: the publisher keeps them, "
             "and all they refer to, for as long as it lives.",
     .explain =
         "A publisher keeps each handler, and the handler its object: what subscribes to an event\n"
         "that lives longer (a static one, one of a singleton) lives as long. The path names the\n"
         "publisher: the field in front of _invocationList.\n"
         "\n"
         "What to do: remove handlers (-=) where their owner is disposed; or hold the subscriber "
         "by\n"
         "a weak event. A lambda can only be removed if it was kept in a variable.\n"},
    {.id = "timer",
     .summary = "timers that nobody disposes",
     .types = {"System.Threading.Timer", "System.Threading.PeriodicTimer", "System.Timers.Timer",
               "System.Threading.TimerQueueTimer", "System.Threading.TimerHolder"},
     .next = "Dispose timers with their owner, or share one: the queue of timers keeps each, its "
             "callback and all that refers to.",
     .explain =
         "The runtime's queue of timers keeps a timer that is started, its callback and the "
         "object\n"
         "of the callback. A timer made for each request or each object is therefore a leak of\n"
         "that object. Task.Delay and CancelAfter make timers, too: of a long delay they stay for\n"
         "as long as it lasts, even when nobody waits any more.\n"
         "\n"
         "What to do: dispose timers with their owner; give Task.Delay a cancellation token, and\n"
         "cancel it.\n"},
    {.id = "cancellation",
     .summary = "registrations on cancellation tokens that live long",
     .types = {"System.Threading.CancellationToken", "*CancellationTokenSource+"},
     .next =
         "Dispose what Register returned, and each linked CancellationTokenSource: a token that "
         "lives long keeps every registration until then.",
     .explain =
         "A CancellationTokenSource keeps a node for every callback registered on its token. On a\n"
         "token of the application or of a connection they pile up: one for each call that takes\n"
         "the token and forgets its registration, and one for each linked source that is not\n"
         "disposed. The node keeps the callback, which keeps the objects of the call.\n"
         "\n"
         "What to do: `using` for linked sources and for what Register returns.\n"},
    {.id = "async-method",
     .summary = "async methods that never finish",
     .types = {"*StateMachineBox<", "*>d__"},
     .edges = {"StateMachine"},
     .next = "Find what %s awaits, and why that never completes: give it a timeout or a "
             "cancellation token.",
     .explain =
         "An async method that waits lies on the heap: its state machine in a box, with all its\n"
         "locals and `this`. Where such boxes grow, what they await does not complete: a task "
         "that\n"
         "nobody finishes, a channel nobody writes to, a semaphore nobody releases. The name of\n"
         "the method is in the name of the type; the field <>1__state tells the place: 0 is the\n"
         "first await of the method, 1 the second; -1 runs or has not begun, -2 is over.\n"
         "\n"
         "What to do: look at that await. Let it end by a timeout or a cancellation token; use\n"
         "TaskCreationOptions.RunContinuationsAsynchronously, and complete each\n"
         "TaskCompletionSource on every path, also when something is thrown.\n"},
    {.id = "task",
     .summary = "tasks that do not complete, and what waits for them",
     .types = {"System.Threading.Tasks.Task", "System.Threading.Tasks.ContinueWith",
               "System.Threading.Tasks.ContinuationTask",
               "System.Threading.Tasks.StandardTaskContinuation",
               "System.Threading.Tasks.ValueTask", "System.Threading.Tasks.AwaitTaskContinuation"},
     .edges = {"m_continuationObject"},
     .next = "Find who should complete these tasks; Task.WhenAny in a loop adds a continuation to "
             "the slower ones each time.",
     .explain =
         "Tasks stay for as long as somebody refers to them: a list of tasks that is never\n"
         "emptied, a TaskCompletionSource that is never completed, or a long task on which ever\n"
         "more continuations are queued (Task.WhenAny in a loop adds one to each of its tasks).\n"
         "\n"
         "What to do: see what holds them (`show --path`), and whether they are finished.\n"},
    {.id = "weak-table",
     .summary = "values of a ConditionalWeakTable, which live as long as their keys",
     .types = {"System.Runtime.CompilerServices.ConditionalWeakTable",
               "System.Runtime.DependentHandle"},
     .edges = {"(dependent)"},
     .next = "Look at what keeps the keys: a value in a ConditionalWeakTable lives as long as its "
             "key, and keeps it when it refers back to a root of the key.",
     .explain =
         "A ConditionalWeakTable holds a value for as long as its key lives: values that grow "
         "mean\n"
         "keys that grow. The path goes through the key, by an edge called (dependent). A value\n"
         "that refers to its own key is no leak; one that a static refers to, and that refers to\n"
         "the key, is.\n"
         "\n"
         "What to do: look at what keeps the keys.\n"},
    {.id = "load-context",
     .summary = "assemblies and types that are made at run time, or loaded again and again",
     .types = {"System.Runtime.Loader.AssemblyLoadContext", "System.Reflection.LoaderAllocator",
               "System.Reflection.Emit.", "System.Linq.Expressions.",
               "System.Reflection.RuntimeAssembly", "System.RuntimeType", "*DynamicMethod",
               "System.Text.RegularExpressions.CompiledRegex"},
     .edges = {"(loader allocator)"},
     .next =
         "Keep what is generated (serializers, compiled expressions, proxies) instead of making "
         "it again; unload a load context only when nothing refers to its types.",
     .explain =
         "Types made at run time are seldom freed. XmlSerializer with a root attribute or extra\n"
         "types, Expression.Compile, compiled regular expressions, proxies and plug-ins make a "
         "new\n"
         "assembly or method each time they are asked. A collectible AssemblyLoadContext goes "
         "only\n"
         "when no object of its types, no static event, thread or handle refers into it: one\n"
         "object keeps all of it, by an edge called (loader allocator).\n"
         "\n"
         "What to do: keep what was generated in a static field or a dictionary; for contexts "
         "find\n"
         "the object that still refers to them (`show --holders LoaderAllocator`).\n"},
    {.id = "http-client",
     .summary = "HTTP clients and handlers that are made for each request",
     .types = {"System.Net.Http.", "Microsoft.Extensions.Http.", "System.Net.Sockets.Socket",
               "System.Net.Security.SslStream"},
     .next =
         "Share one HttpClient (or take it from IHttpClientFactory) and dispose responses: each "
         "handler keeps a pool of connections with timers of its own.",
     .explain =
         "An HttpClient made for each request has a handler, a pool of connections and timers of\n"
         "its own; they stay until idle connections time out, and forever when responses are not\n"
         "disposed or read to their end.\n"
         "\n"
         "What to do: one HttpClient for the program, or IHttpClientFactory; dispose\n"
         "HttpResponseMessage, above all with HttpCompletionOption.ResponseHeadersRead.\n"},
    {.id = "ef-context",
     .summary = "Entity Framework contexts that live too long, or models built anew",
     .types = {"Microsoft.EntityFrameworkCore.", "System.Data.Entity."},
     .next = "Let a DbContext live for one unit of work, and read with AsNoTracking: its change "
             "tracker keeps every entity it ever read.",
     .explain =
         "A DbContext keeps every entity it has read or been given, and a copy of its values, in\n"
         "its change tracker. A context in a singleton, or one held by a captured variable, grows\n"
         "with all that it ever reads. Contexts with options that differ each time build a model\n"
         "and a service provider each, which stay in a static cache; so do queries whose\n"
         "expressions hold constants instead of parameters.\n"
         "\n"
         "What to do: one context for a unit of work; AsNoTracking for reading; the same options\n"
         "object for all contexts.\n"},
    {.id = "thread-local",
     .summary = "values kept for each thread or each flow of calls",
     .types = {"System.Threading.ThreadLocal<", "System.Threading.AsyncLocal",
               "System.Threading.ExecutionContext", "*LinkedSlot"},
     .roots = {"thread static"},
     .next =
         "Dispose ThreadLocal objects, and clear thread statics and AsyncLocal values: a thread "
         "of the pool keeps them for as long as it lives.",
     .explain =
         "A thread static or ThreadLocal value lives as long as its thread, and threads of the\n"
         "pool live long: buffers kept for each thread are there once a thread. A ThreadLocal "
         "that\n"
         "is itself made again and again leaves a slot in every thread unless it is disposed.\n"
         "AsyncLocal values go with the ExecutionContext, which timers, registrations and tasks\n"
         "capture: whatever of these lives long keeps the values of the call that made it.\n"
         "\n"
         "What to do: dispose ThreadLocal; bound what is kept for each thread; start long-lived\n"
         "work under ExecutionContext.SuppressFlow.\n"},
    {.id = "pinned",
     .summary = "objects held by pinned handles",
     .types = {"System.Runtime.InteropServices.GCHandle"},
     .roots = {"handle Pinned", "handle AsyncPinned"},
     .next = "Free each GCHandle (GCHandle.Free) when native code is done with it; pinned objects "
             "also keep the heap from being compacted.",
     .explain =
         "A pinned handle keeps its object alive and in place until GCHandle.Free. Handles that\n"
         "grow are not freed: a wrapper without Dispose, an exception between Alloc and Free, a\n"
         "native library that never calls back. Many pinned objects among short-lived ones also\n"
         "fragment the heap.\n"
         "\n"
         "What to do: free handles in a finally block or a SafeHandle; pin for long only what "
         "lies\n"
         "on the pinned object heap (GC.AllocateArray with pinned: true).\n"},
    {.id = "finalizer-queue",
     .summary = "objects that only wait for their finalizer",
     .roots = {"finalizer queue"},
     .next =
         "See whether the finalizer thread is stuck (finalizer-stuck) or just slow, and dispose "
         "these objects: Dispose with GC.SuppressFinalize spares them the queue.",
     .explain =
         "Nothing refers to these objects any more but the queue of those whose finalizer is to "
         "be\n"
         "run, by one thread, one after the other. They grow when a finalizer waits for ever "
         "(rule\n"
         "finalizer-stuck), when finalizers are slower than what is made, or when nothing calls\n"
         "Dispose.\n"
         "\n"
         "What to do: call Dispose (`using`), which should call GC.SuppressFinalize; let no\n"
         "finalizer wait for a lock, an event or another thread.\n"},
    {.id = NULL},
};

/* -- Matching ---------------------------------------------------------------------------------- */

static bool hints_matches(const char *const *names, const char *text) {
    for (int i = 0; text && i < HINT_NAMES_MAX && names[i]; i++) {
        bool anywhere = names[i][0] == '*';
        if (anywhere ? strstr(text, names[i] + 1) != NULL
                     : strncmp(text, names[i], strlen(names[i])) == 0)
            return true;
    }
    return false;
}

/* More telling hints come first where a type has several. */
static const struct hint *of_type(const char *type) {
    for (size_t i = 0; hints[i].id; i++)
        if (hints_matches(hints[i].types, type))
            return &hints[i];
    return NULL;
}

static const struct hint *of_edge(const char *edge) {
    for (size_t i = 0; hints[i].id; i++)
        if (hints_matches(hints[i].edges, edge))
            return &hints[i];
    return NULL;
}

static const struct hint *of_root(const char *root) {
    for (size_t i = 0; hints[i].id; i++)
        if (hints_matches(hints[i].roots, root))
            return &hints[i];
    return NULL;
}

const struct hint *hint_find(const char *name) {
    for (size_t i = 0; hints[i].id; i++)
        if (strcmp(hints[i].id, name) == 0)
            return &hints[i];
    return strchr(name, '.') ? of_type(name) : NULL;
}

const struct hint *hint_for(const struct growth *g, const char *type, uint32_t node) {
    const struct hint *found = of_type(type);
    for (uint32_t n = node; !found && n != GROWTH_ROOT; n = g->nodes[n].parent) {
        const struct growth_node *at = &g->nodes[n];
        found = at->parent == GROWTH_ROOT ? of_root(at->root) : of_edge(at->edge);
        if (!found && n != node)
            found = of_type(at->type);
    }
    return found;
}

/* -- Naming ------------------------------------------------------------------------------------ */

/* "Store.Rates.Changed": the field that holds the first delegate with several handlers. */
static bool add_publisher(const struct growth *g, uint32_t node, struct strbuf *out) {
    uint32_t handlers = GROWTH_ROOT;
    for (uint32_t n = node; n != GROWTH_ROOT; n = g->nodes[n].parent)
        if (g->nodes[n].edge && strcmp(g->nodes[n].edge, "_invocationList") == 0)
            handlers = g->nodes[n].parent;
    if (handlers == GROWTH_ROOT)
        return false;
    const struct growth_node *delegate = &g->nodes[handlers];
    if (delegate->parent == GROWTH_ROOT) {
        bool is_static = strncmp(delegate->root, "static ", 7) == 0;
        strbuf_adds(out, "the event ");
        strbuf_adds(out, delegate->root + (is_static ? 7 : 0));
        return is_static;
    }
    strbuf_adds(out, "the event ");
    path_type_text(g->nodes[delegate->parent].type, out);
    strbuf_addf(out, ".%s", delegate->edge);
    return true;
}

/* Where most state machines of a type wait: " (9,800 of 10,000 at its await 2)". */
static void add_await(const struct snapshot *newest, struct str machine, struct findings *f,
                      struct strbuf *out) {
    SNAPSHOT_ROWS(newest, PART_ASYNC, struct async_row, rows, count);
    const struct async_row *most = NULL;
    uint64_t all = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!rows[i].type || !str_eq(str_of(rows[i].type), machine))
            continue;
        all = num_add(all, rows[i].objects);
        if (rows[i].await != ABSENT && rows[i].await && (!most || rows[i].objects > most->objects))
            most = &rows[i];
    }
    if (most)
        strbuf_addf(out, " (%s of %s at its await %" PRIu64 ")", say_count(f, most->objects),
                    say_count(f, all), most->await);
}

/* "async Worker.RunAsync": the nearest state machine, the type's own first. */
static struct str add_method(const struct growth *g, const char *type, uint32_t node,
                             struct strbuf *out) {
    struct str machine = path_state_machine(type);
    for (uint32_t n = node; !machine.len && n != GROWTH_ROOT; n = g->nodes[n].parent)
        machine = path_state_machine(g->nodes[n].type);
    struct strbuf name, brief;
    strbuf_init(&name);
    strbuf_init(&brief);
    strbuf_add(&name, machine);
    path_short_type(strbuf_cstr(&name), &brief);
    pretty_type(strbuf_cstr(&brief), true, out);
    strbuf_fail(out, &name.err);
    strbuf_fail(out, &brief.err);
    strbuf_deinit(&name);
    strbuf_deinit(&brief);
    return machine;
}

const char *hint_next(const struct hint *hint, const struct growth *g, const char *type,
                      uint32_t node, const struct snapshot *newest, struct findings *f) {
    const char *place = strstr(hint->next, "%s");
    struct str machine = {NULL, 0};
    struct strbuf name;
    strbuf_init(&name);
    bool named = false;
    if (strcmp(hint->id, "event") == 0)
        named = add_publisher(g, node, &name);
    else if (strcmp(hint->id, "async-method") == 0)
        machine = add_method(g, type, node, &name);
    named |= machine.len != 0;
    if (machine.len && newest)
        add_await(newest, machine, f, &name);
    if (!named) {
        strbuf_clear(&name);
        strbuf_adds(&name, strcmp(hint->id, "event") == 0 ? "their event" : "the method");
    }
    const char *text = place ? findings_text(f, "%.*s%s%s (explain %s)", (int)(place - hint->next),
                                             hint->next, strbuf_cstr(&name), place + 2, hint->id)
                             : findings_text(f, "%s (explain %s)", hint->next, hint->id);
    f->failed |= strbuf_failed(&name);
    strbuf_deinit(&name);
    return text;
}
