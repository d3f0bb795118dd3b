/* What it usually means when objects of a type of .NET grow, or objects that one holds. */
#include "diff/names/dotnet_internal.h"

const struct hint dotnet_hints[] = {
    {.id = "event",
     .summary = "handlers of an event that nobody removes",
     .types = {"System.EventHandler", "System.ComponentModel.PropertyChangedEventHandler",
               "System.Collections.Specialized.NotifyCollectionChangedEventHandler"},
     .edges = {"_invocationList", "_helperObject"}, /* up to 10, and since 11 */
     .next = "Remove the handlers (-=) from %s when their objects end: the publisher keeps them, "
             "and all they refer to, for as long as it lives.",
     .names = HINT_NAMES_PUBLISHER,
     .counted = "handlers",
     .unnamed = "their event",
     .explain =
         "A publisher keeps each handler, and the handler its object: what subscribes to an event\n"
         "that lives longer (a static one, one of a singleton) lives as long. The path names the\n"
         "publisher: the field in front of _invocationList (.NET 11: _helperObject).\n"
         "\n"
         "What to do: remove handlers (-=) where their owner is disposed; or hold the subscriber "
         "by\n"
         "a weak event. A lambda can only be removed if it was kept in a variable.\n"},
    {.id = "timer",
     .summary = "timers that nobody disposes",
     .types = {"System.Threading.Timer", "System.Threading.PeriodicTimer", "System.Timers.Timer",
               "System.Threading.TimerQueueTimer", "System.Threading.TimerHolder"},
     .next = "Dispose timers with their owner, or share one%s: the queue of timers keeps each, its "
             "callback and all that refers to.",
     .names = HINT_NAMES_TIMERS,
     .unnamed = "",
     .counted = "timers",
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
         "Dispose what Register returned, and each linked CancellationTokenSource%s: a token that "
         "lives long keeps every registration until then.",
     .names = HINT_NAMES_REGISTRATIONS,
     .unnamed = "",
     .counted = "registrations",
     .explain =
         "A CancellationTokenSource keeps a node for every callback registered on its token. On a\n"
         "token of the application or of a connection they pile up: one for each call that takes\n"
         "the token and forgets its registration, and one for each linked source that is not\n"
         "disposed. The node keeps the callback, which keeps the objects of the call.\n"
         "\n"
         "What to do: `using` for linked sources and for what Register returns.\n"},
    {.id = "async-method",
     .summary = "async methods that never finish",
     .types = {"*StateMachineBox<", "*>d__", "Continuation_"},
     .edges = {"StateMachine"},
     .next = "Find what %s awaits, and why that never completes: give it a timeout or a "
             "cancellation token.",
     .names = HINT_NAMES_METHOD,
     .unnamed = "the method",
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
    {.id = "async-loop",
     .summary = "loops of F# that keep a frame of each turn",
     .types = {"Microsoft.FSharp.Control.AsyncPrimitives+TryWith",
               "Microsoft.FSharp.Control.AsyncPrimitives+TryFinally"},
     .next = "Let the loop of this async not call itself inside of try (return! there comes back "
             "to the handler, so that each turn keeps one): loop outside of it, or by while.",
     .explain =
         "In F# an async that calls itself by return! goes on without a frame of its own only "
         "where\n"
         "nothing is left to do behind the call. Inside of try .. with, try .. finally or use the\n"
         "handler is left: each turn of the loop keeps one, and a mailbox that handles a message "
         "a\n"
         "turn keeps one for each message that ever came.\n"
         "\n"
         "What to do: put the try around the work of one turn, and the recursive call behind "
         "it.\n"},
    {.id = "completion",
     .summary = "task completion sources that nobody completes",
     .types = {"System.Threading.Tasks.TaskCompletionSource"},
     .next = "Complete each of these TaskCompletionSource on every path, by a timeout at last, and "
             "let go of it then%s.",
     .names = HINT_NAMES_AWAITER,
     .unnamed = "",
     .explain =
         "A TaskCompletionSource is a promise that some code keeps: an answer that arrives, a\n"
         "message that is confirmed. Where the answer never comes, the source stays in the\n"
         "dictionary of what is expected, and with it each async method that waits for it, its\n"
         "locals and whoever waits for that.\n"
         "\n"
         "What to do: complete it on every path, also when something is thrown or the connection\n"
         "ends; give the wait a timeout (WaitAsync), and remove the entry when that is over.\n"},
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
     .symptom = "loader-growth",
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
    {.id = "di-scope",
     .summary = "scopes of dependency injection that nobody disposes",
     .types = {"Microsoft.Extensions.DependencyInjection.ServiceLookup.ServiceProviderEngineScope",
               "Microsoft.Extensions.DependencyInjection.AsyncServiceScope"},
     .next = "Dispose each scope when its work is done (`using`), and keep none: a scope keeps "
             "every service that was made in it. The root provider is one that never ends.",
     .counted = "scopes",
     .explain =
         "A scope (IServiceScope) keeps what is scoped or disposable and was made in it: a\n"
         "DbContext with all it has read, connections, whatever these refer to. A scope that is\n"
         "kept, or made from the root provider and never disposed, keeps all of that. Services\n"
         "that are transient and disposable are kept by the scope that made them; made by the\n"
         "root provider, until the program ends.\n"
         "\n"
         "What to do: `using var scope = factory.CreateScope()`; take no scope, and no service of\n"
         "one, into a static field or a singleton.\n"},
    {.id = "memory-cache",
     .summary = "caches without a limit",
     .types = {"Microsoft.Extensions.Caching.Memory.CacheEntry", "System.Runtime.Caching.",
               "System.Web.Caching."},
     .next =
         "Give the cache a limit (SizeLimit, and a size of each entry) or entries an expiry, and "
         "see that their keys repeat: one that never comes again is never asked for.",
     .counted = "entries",
     .explain =
         "A memory cache keeps an entry until it expires, or until the cache is above its limit.\n"
         "With neither it keeps all; with keys that hold an id of the request, a time or the\n"
         "parameters of a query it grows with every request. Expired entries go when the cache\n"
         "is used again.\n"
         "\n"
         "What to do: set SizeLimit and the size of entries, an absolute or sliding expiration;\n"
         "look at the keys.\n"},
    {.id = "session",
     .summary = "sessions that are kept in the process",
     .types = {"Microsoft.AspNetCore.Session.", "System.Web.SessionState."},
     .next = "Give sessions a shorter timeout and less to keep, or keep them outside the process.",
     .counted = "sessions",
     .explain =
         "A session lives for its timeout after its last request, whoever has gone. Visitors that\n"
         "send no cookie back, as robots do, begin one with each request.\n"
         "\n"
         "What to do: shorten the timeout; begin a session only where something is stored.\n"},
    {.id = "pool-backlog",
     .summary = "work that is queued faster than the thread pool does it",
     .types = {"System.Threading.ThreadPoolWorkQueue",
               "System.Threading.QueueUserWorkItemCallback"},
     .next =
         "Queue less than the pool can do, or bound it (a channel with a capacity, a semaphore): "
         "see also threadpool-starvation.",
     .counted = "work items",
     .explain =
         "The queue of the thread pool has no bound. It grows when work comes faster than workers\n"
         "do it, or when the workers block on something that needs a worker.\n"
         "\n"
         "What to do: await instead of blocking; bound what producers may queue.\n"},
    {.id = "http-client",
     .summary = "HTTP clients and handlers that are made for each request",
     .types = {"System.Net.Http.", "Microsoft.Extensions.Http."},
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
     .summary = "values kept for each thread",
     .types = {"System.Threading.ThreadLocal<", "*LinkedSlot"},
     .roots = {"thread static"},
     .next = "Dispose ThreadLocal objects, and clear thread statics: a thread of the pool keeps "
             "them for as long as it lives.",
     .explain =
         "A thread static or ThreadLocal value lives as long as its thread, and threads of the\n"
         "pool live long: buffers kept for each thread are there once a thread. A ThreadLocal "
         "that\n"
         "is itself made again and again leaves a slot in every thread unless it is disposed.\n"
         "\n"
         "What to do: dispose ThreadLocal; bound what is kept for each thread.\n"},
    {.id = "async-local",
     .summary = "values that go with a flow of calls, and what keeps that",
     .types = {"System.Threading.AsyncLocal", "System.Threading.ExecutionContext"},
     .next = "Set AsyncLocal values back where their call ends, and start what lives long under "
             "ExecutionContext.SuppressFlow: a context that is kept keeps all values of the call "
             "that it was captured in.",
     .explain =
         "AsyncLocal values go with the ExecutionContext, which timers, registrations and tasks\n"
         "capture: whatever of these lives long keeps the values of the call that made it. A "
         "value\n"
         "that is made of the one before, as the parents of a trace, keeps all of them.\n"
         "\n"
         "What to do: set the value back (null) where its call ends; start long-lived work under\n"
         "ExecutionContext.SuppressFlow; bound a chain of values.\n"},
    {.id = "static-array",
     .summary = "what static fields hold that have no name, and interned strings",
     .roots = {"handle Pinned", "handle Strong"},
     .held = "System.Object[]",
     .next = "Look for a static field that leads to them, and what should empty it: in such an "
             "array the runtime keeps static fields and interned strings (string.Intern).",
     .explain =
         "The runtime keeps static fields that refer to objects in arrays, each held by a handle "
         "of\n"
         "its own; the reports of other dumps name the field. This dump, or what is known of its\n"
         "runtime, does not say which. Literals and interned strings lie in such arrays, too, for\n"
         "as long as the program runs: string.Intern of what comes from outside is a leak. A "
         "handle\n"
         "that the program made of an array of its own looks the same.\n"
         "\n"
         "What to do: the path below the array names the collection; look for the static field of\n"
         "that type. Use a dictionary of your own instead of string.Intern.\n"},
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
    {.id = "gc-handle",
     .summary = "objects held by handles that nobody frees",
     .roots = {"handle "},
     .next = "Find who allocates these handles (GCHandle.Alloc, native callbacks) and never frees "
             "them; strings in arrays that a handle holds are interned (string.Intern), for as "
             "long as the program runs.",
     .explain =
         "A handle of the collector keeps its object until GCHandle.Free. Handles that grow are\n"
         "not freed: a wrapper without Dispose, a callback that native code keeps. The runtime "
         "has\n"
         "handles of its own, as of the arrays of literals and interned strings: string.Intern of\n"
         "what comes from outside is a leak, for nothing takes a string out again.\n"
         "\n"
         "What to do: free handles in a finally block or a SafeHandle; use a dictionary of your "
         "own\n"
         "instead of string.Intern.\n"},
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
