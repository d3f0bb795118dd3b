/* .NET, .NET Framework and Mono. Names that compilers make are in dotnet_names.c, hints in
 * dotnet_hints.c. */
#include "diff/names/dotnet_internal.h"

#include "model/known_names.h"

static const struct str runtimes[] = {STR_INIT("CoreCLR"), STR_INIT(".NET"), STR_INIT("CLR"),
                                      STR_INIT("Mono")};

/* -- Types and methods ------------------------------------------------------------------------- */

static const struct str framework[] = {
    STR_INIT("System."),
    STR_INIT("Microsoft."),
    STR_INIT("Internal."),
    STR_INIT("Interop+"),
    STR_INIT("MS.Internal."),
    STR_INIT("MS.Win32."),
    STR_INIT("Windows."),
    STR_INIT("<unknown"),
    STR_INIT("<StartupCode$FSharp-Core>"),
    STR_INIT("<PrivateImplementationDetails>"),
    STR_INIT("<CppImplementationDetails>"),
};

/* What tools print without a namespace, or cannot name. */
static const struct str framework_whole[] = {
    STR_INIT(TYPE_FREE),  STR_INIT("String"),   STR_INIT("String[]"), STR_INIT("Object"),
    STR_INIT("Object[]"), STR_INIT("Byte[]"),   STR_INIT("Char[]"),   STR_INIT("Int32[]"),
    STR_INIT("Int64[]"),  STR_INIT("Double[]"), STR_INIT("UNKNOWN"),  STR_INIT("UNKNOWN[]"),
    STR_INIT("Interop"),
};

static const struct str stubs[] = {
    STR_INIT("DomainNeutralILStubClass"),
    STR_INIT("DomainBoundILStubClass"),
    STR_INIT("ILStubClass"),
    STR_INIT("DynamicClass."),
    STR_INIT("MethodDescPtr"),
};

static const struct str thread_starts[] = {
    STR_INIT("System.Threading.Thread.StartCallback"),
    STR_INIT("System.Threading.Thread.StartHelper.Run"),
    STR_INIT("System.Threading.Thread+StartHelper.Run"),
    STR_INIT("System.Threading.ThreadHelper.ThreadStart"),
};

static const struct str known_bare[] = {STR_INIT("System."), STR_INIT("Microsoft.")};

static const struct str exceptions[] = {STR_INIT("Exception")};

/* Registrations and tokens know their source, and all that is registered there. */
static const struct str entered_aside[] = {
    STR_INIT("System.Threading.CancellationTokenSource+"),
};

static const struct str providers[] = {
    STR_INIT("Microsoft.Extensions.DependencyInjection.ServiceProvider"),
    STR_INIT("Microsoft.Extensions.DependencyInjection.ServiceLookup."),
};

/* So that they can be thrown when nothing else can be made. */
static const struct str exceptions_made[] = {
    STR_INIT("System.OutOfMemoryException"),
    STR_INIT("System.StackOverflowException"),
    STR_INIT("System.ExecutionEngineException"),
    STR_INIT("System.Threading.ThreadAbortException"),
};

/* What web applications keep between requests. */
static const struct known_type known_types[] = {
    {STR_INIT("System.Web.Caching.CacheEntry"), "entries in the ASP.NET cache",
     "entries of the ASP.NET cache"},
    {STR_INIT("System.Web.SessionState.InProcSessionState"), "sessions kept in the process",
     "in-process sessions"},
    {STR_INIT("System.Web.SessionState.SessionStateItemCollection"), "collections of session items",
     NULL},
    {STR_INIT("System.Web.HttpContext"), NULL, "requests (HttpContext)"},
    {STR_INIT("Microsoft.Extensions.Caching.Memory.CacheEntry"), "entries in memory caches",
     "entries of memory caches"},
    {STR_INIT("System.Runtime.Caching.MemoryCacheEntry"), "entries in System.Runtime.Caching",
     "entries of System.Runtime.Caching"},
    {STR_INIT("Microsoft.AspNetCore.Session.DistributedSession"), "open ASP.NET Core sessions",
     "sessions in use"},
    {STR_INIT("Microsoft.AspNetCore.Http.DefaultHttpContext"), NULL, "requests (HttpContext)"},
    {STR_INIT("Microsoft.AspNetCore.Components.Server.Circuits.CircuitHost"), "Blazor circuits",
     NULL},
    {STR_INIT("Microsoft.AspNetCore.SignalR.HubConnectionContext"), "SignalR connections", NULL},
    {{NULL, 0}, NULL, NULL},
};

/* -- Stacks ------------------------------------------------------------------------------------ */

/* These come back only when there is work. */
static const struct str idle[] = {
    STR_INIT("BlockingCollection"),
    STR_INIT("GetConsumingEnumerable"),
    STR_INIT("Threading.Channels."),
    STR_INIT("HostingAbstractionsHostExtensions"),
    STR_INIT("WebHostExtensions"),
    STR_INIT("WebApplication.Run"),
    STR_INIT("WaitForShutdown"),
    STR_INIT("Forms.Application.Run"),
    STR_INIT("Windows.Application.Run"),
    STR_INIT("Dispatcher.PushFrame"),
    STR_INIT("Dispatcher.Run"),
    STR_INIT("ServiceBase.Run"),
    STR_INIT("Console.Read"),
    STR_INIT("TextReader.Read"),
    STR_INIT("ConsoleStream.Read"),
    STR_INIT(".Accept"),
    STR_INIT("<Accept"),
    STR_INIT("AcceptAsync"),
    STR_INIT("HttpListener.GetContext"),
    STR_INIT("WaitForConnection"),
    STR_INIT("FileSystemWatcher"),
    STR_INIT("WaitForChanged"),
    STR_INIT("PeriodicTimer"),
    STR_INIT("epoll_wait"),
    STR_INIT("WaitForSocketEvents"),
    STR_INIT("GetQueuedCompletionStatus"),
};

static const struct str locks[] = {
    STR_INIT("Monitor.Enter"),
    STR_INIT("Monitor.ReliableEnter"),
    STR_INIT("Monitor.TryEnter"),
    STR_INIT("Monitor.InternalEnter"),
    STR_INIT("Threading.Lock.Enter"),
    STR_INIT("Threading.Lock.TryEnter"),
    STR_INIT("ReaderWriterLock"),
    STR_INIT("SpinLock."),
    STR_INIT("Mutex."),
};

static const struct str tasks[] = {
    STR_INIT("Tasks.Task.Wait"),
    STR_INIT("Tasks.Task.InternalWait"),
    STR_INIT("Tasks.Task.SpinThenBlockingWait"),
    STR_INIT(".get_Result"),
    STR_INIT(".GetResultCore"),
    STR_INIT("TaskAwaiter.HandleNonSuccess"),
    STR_INIT("TaskAwaiter.GetResult"),
    STR_INIT("TaskAwaiter`1.GetResult"),
};

static const struct str events[] = {
    STR_INIT("WaitHandle."),        STR_INIT("ManualResetEvent"),    STR_INIT("AutoResetEvent"),
    STR_INIT("Semaphore"),          STR_INIT("CountdownEvent"),      STR_INIT("Barrier.Signal"),
    STR_INIT("Thread.Join"),        STR_INIT("Monitor.Wait"),        STR_INIT("Monitor.ObjWait"),
    STR_INIT("SpinWait.SpinUntil"), STR_INIT("Process.WaitForExit"),
};

static const struct str sleeps[] = {STR_INIT("Thread.Sleep")};

static const struct str io[] = {
    STR_INIT("Sockets."),    STR_INIT("NetworkStream."),   STR_INIT("PipeStream."),
    STR_INIT("FileStream."), STR_INIT("SqlClient."),       STR_INIT("TdsParser"),
    STR_INIT("SslStream."),  STR_INIT("Interop+Sys.Read"), STR_INIT("RandomAccess."),
};

static const struct str lock_waits[] = {STR_INIT("Monitor.Enter"), STR_INIT("Lock.Enter")};

static const struct str any_tasks[] = {STR_INIT("Tasks.Task.WaitAny")};

/* Main itself, and what a compiler makes of an `async Main`. */
static const struct str mains[] = {STR_INIT(".<Main>"), STR_INIT(".Main"), STR_INIT(".<Main>$")};

static const struct str pulses[] = {STR_INIT("Monitor.Wait"), STR_INIT("Monitor.ObjWait")};

static const struct str rooms[] = {STR_INIT(".TryAddWithNoTimeValidation")};

static const struct str native_locks[] = {STR_INIT("AwareLock::Enter"), STR_INIT("MonEnter"),
                                          STR_INIT("MonReliableEnter")};

static const struct str finalizers[] = {STR_INIT(".Finalize")};

static const struct str pool_frames[] = {
    STR_INIT("ThreadPoolWorkQueue.Dispatch"),
    STR_INIT("PortableThreadPool"),
    STR_INIT("PerformWaitCallback"),
};

static const struct str finalizer_threads[] = {STR_INIT(".NET Finalizer")};
static const struct str gc_threads[] = {STR_INIT(".NET Server GC"), STR_INIT(".NET BGC")};
/* Compiles what is called often a second time, for as long as the program warms up. */
static const struct str compiler_threads[] = {STR_INIT(".NET Tiered Com")};
static const struct str pool_threads[] = {STR_INIT(".NET ThreadPool Worker"),
                                          STR_INIT(".NET TP Worker")};

/* -- Memory ------------------------------------------------------------------------------------ */

/* As `maddress` of SOS and the readers of raw dumps say it. */
static const struct str gc_usages[] = {STR_INIT("gc-"), STR_INIT("GCHeap"), STR_INIT("GC heap")};
static const struct str code_usages[] = {STR_INIT("Loader"), STR_INIT("JIT"), STR_INIT("HostCode")};

/* Of dotnet-counters, of the meters of .NET 9 and later (one a generation), and of Windows. */
static const struct str heap_counters[] = {
    STR_INIT("gc-heap-size"),
    STR_INIT("dotnet.gc.last_collection.heap.size"),
    STR_INIT("bytes-in-all-heaps"),
};

/* Nothing that a compiler made is without two underscores. */
static const struct str made[] = {STR_INIT("__")};

/* -- The table --------------------------------------------------------------------------------- */

const struct runtime_words words_of_dotnet = {
    .id = "dotnet",
    .runtimes = WORDS(runtimes),
    .framework = WORDS(framework),
    .framework_whole = WORDS(framework_whole),
    .stubs = WORDS(stubs),
    .known_bare = WORDS(known_bare),
    .exceptions = WORDS(exceptions),
    .exceptions_made = WORDS(exceptions_made),
    .entered_aside = WORDS(entered_aside),
    .providers = WORDS(providers),
    .known_types = known_types,
    .made = WORDS(made),
    .normal_name = dotnet_normal_name,
    .pretty_type = dotnet_pretty_type,
    .pretty_field = dotnet_pretty_field,
    .pretty_method = dotnet_pretty_method,
    .state_machine = dotnet_state_machine,
    .machine_edge = "StateMachine",
    .waits = {[WAIT_IDLE] = WORDS(idle),
              [WAIT_LOCK] = WORDS(locks),
              [WAIT_TASK] = WORDS(tasks),
              [WAIT_EVENT] = WORDS(events),
              [WAIT_SLEEP] = WORDS(sleeps),
              [WAIT_IO] = WORDS(io)},
    .lock_waits = WORDS(lock_waits),
    .waits_for_any = WORDS(any_tasks),
    .waits_for_all = WORDS(mains),
    .waits_for_pulse = WORDS(pulses),
    .waits_for_room = WORDS(rooms),
    .native_locks = WORDS(native_locks),
    .finalizers = WORDS(finalizers),
    .pool_frames = WORDS(pool_frames),
    .thread_starts = WORDS(thread_starts),
    .threads = {[JOB_FINALIZER] = WORDS(finalizer_threads),
                [JOB_GC] = WORDS(gc_threads),
                [JOB_POOL] = WORDS(pool_threads),
                [JOB_COMPILER] = WORDS(compiler_threads)},
    .gc_usages = WORDS(gc_usages),
    .code_usages = WORDS(code_usages),
    .heap_counters = WORDS(heap_counters),
    .hints = dotnet_hints,
    .advice =
        {
            [ADVICE_HOLDERS] = "Find what holds them: `gcroot` of one of the objects that "
                               "`dumpheap -type %s` lists",
            [ADVICE_HOLDERS_OF_SOME] = "Find what holds them: `gcroot` of some",
            [ADVICE_EXCEPTION] = "`pe` on one of these threads prints its message and stack; it "
                                 "may have been handled.",
            [ADVICE_EXCEPTIONS] = "Look at the messages of some of them (`pe`): something fails "
                                  "again and again, or exceptions are kept.",
            [ADVICE_STACK] = "Look at its stack: `~%ss; !clrstack` of that thread, or `clrstack` "
                             "after `setthread`.",
            [ADVICE_POOL_BLOCKS] = "Await the task instead of blocking on it with .Result or "
                                   ".Wait(): the pool adds only a thread or two a second.",
            [ADVICE_HANDLES] = "Find who allocates them and never frees them: GCHandle.Alloc "
                               "without Free, timers, native callbacks.",
            [ADVICE_LOADER] = "Look for types or assemblies made at run time: serializers, "
                              "expression trees, scripts, plug-ins loaded again and again.",
            [ADVICE_MODULES] = "Assemblies are unloaded only with their load context: make such "
                               "ones once and keep them, or unload the context.",
            [ADVICE_COMMITTED] = "This is no leak: GCConserveMemory, GCHeapHardLimit or "
                                 "workstation GC give memory back sooner.",
            [ADVICE_FREE_LARGE] = "Large arrays of changing sizes leave holes: rent them from a "
                                  "pool.",
            [ADVICE_FREE] = "Look for pinned handles: they keep the collector from compacting.",
            [ADVICE_LARGE_OBJECTS] = "Pool or stream the large arrays; it is collected with gen2 "
                                     "only and not compacted.",
            [ADVICE_PINNED_OBJECTS] = "Look for buffers allocated as pinned and kept.",
            [ADVICE_FINALIZER_SLOW] = "Dispose them instead of leaving them to the finalizer, "
                                      "which cannot keep up.",
        },
};
