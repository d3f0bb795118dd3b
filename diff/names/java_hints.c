/* What it usually means when objects of Java's libraries grow, or what they hold. */
#include "diff/names/java_internal.h"

const struct hint java_hints[] = {
    {.id = "java-thread-local",
     .summary = "values of ThreadLocals in threads that live on",
     .types = {"java.lang.ThreadLocal$ThreadLocalMap"},
     .edges = {"threadLocals", "inheritableThreadLocals"},
     .next = "Call remove() on the ThreadLocal when the work is done: a thread of a pool keeps its "
             "values for as long as it lives.",
     .explain =
         "A thread keeps the value of each ThreadLocal that it has ever set, in its map\n"
         "threadLocals. Threads of a pool never end, so what is put there for one request stays\n"
         "for all that follow, or grows; and the class of the value keeps its class loader.\n"
         "\n"
         "What to do: set in try, remove() in finally; or hand the value on as an argument.\n"},
    {.id = "class-loader",
     .summary = "class loaders that something of theirs still holds",
     .types = {"java.net.URLClassLoader", "org.apache.catalina.loader.",
               "org.springframework.boot.loader."},
     .edges = {"(class loader)"},
     .next = "Take out what holds these objects when their application or plug-in ends "
             "(listeners, drivers, ThreadLocals, shutdown hooks): each keeps all classes of its "
             "class loader.",
     .names = HINT_NAMES_NOTHING,
     .explain =
         "An object keeps its class, the class its loader, and the loader all classes it has ever\n"
         "loaded with their static fields. Where an application is deployed again, a plug-in\n"
         "loaded again or a script compiled again, one object of the old one that somebody keeps\n"
         "(a listener, a JDBC driver, a value of a ThreadLocal, a thread with its context class\n"
         "loader, a shutdown hook) is therefore a leak of the whole old one.\n"
         "\n"
         "What to do: the path shows who holds the first object of the loader; undo there what\n"
         "was registered.\n"},
    {.id = "hibernate-session",
     .summary = "a session of Hibernate that is never cleared or closed",
     .types = {"org.hibernate.internal.SessionImpl", "org.hibernate.engine.internal.",
               "org.hibernate.engine.spi.EntityKey", "org.hibernate.engine.spi.EntityEntry",
               "org.hibernate.engine.spi.CollectionEntry"},
     .next = "Close the session (EntityManager) when the work is done, and in long loops flush() "
             "and clear() it every so many entities: it keeps each that it has ever loaded.",
     .names = HINT_NAMES_NOTHING,
     .explain =
         "A session keeps every entity that was loaded or saved through it, with a copy of its\n"
         "state, until it is cleared or closed: that is its first-level cache, and how it finds\n"
         "what has changed. One that lives as long as a thread, a conversation or a batch\n"
         "therefore grows with all that passes through it.\n"
         "\n"
         "What to do: a session for each unit of work; flush() and clear() in loops; a\n"
         "StatelessSession or a projection for reading much.\n"},
    {.id = "jvm-cache",
     .summary = "a cache of the program's libraries that has no bound",
     .types = {"com.google.common.cache.LocalCache", "com.github.benmanes.caffeine.cache.",
               "net.sf.ehcache.", "org.ehcache.", "org.springframework.cache.concurrent.",
               "org.hibernate.engine.query.spi.QueryPlanCache", "org.hibernate.query.internal."},
     .next = "Give the cache a bound: a size (maximumSize) or a time after which entries go "
             "(expireAfterWrite).",
     .names = HINT_NAMES_NOTHING,
     .explain =
         "Caches of Guava, Caffeine and Ehcache keep what is put there until their bound is\n"
         "reached, and without one forever; ConcurrentMapCache of Spring has none at all. The\n"
         "cache of query plans of Hibernate has one, but a plan for each length of an IN list\n"
         "fills it with large ones.\n"
         "\n"
         "What to do: set maximumSize, maximumWeight or expireAfterWrite; of Hibernate\n"
         "hibernate.query.in_clause_parameter_padding and hibernate.query.plan_cache_max_size.\n"},
    {.id = "java-timer",
     .summary = "tasks of timers that nobody cancels",
     .types = {"java.util.TimerTask", "java.util.TaskQueue", "java.util.TimerThread",
               "[Ljava.util.TimerTask;", "java.util.concurrent.ScheduledThreadPoolExecutor$",
               "io.netty.util.HashedWheelTimer", "io.netty.util.concurrent.ScheduledFutureTask"},
     .next = "Cancel the task when its owner ends (cancel() of the TimerTask or the "
             "ScheduledFuture, with setRemoveOnCancelPolicy(true)), or share one: the queue of the "
             "timer keeps each, and all that its lambda captures.",
     .names = HINT_NAMES_NOTHING,
     .counted = "timer tasks",
     .explain =
         "A Timer or ScheduledExecutorService keeps each task in its queue until it has run for\n"
         "the last time, and a task that repeats forever; with it the object or lambda that it\n"
         "runs, and what that captures. A ScheduledThreadPoolExecutor keeps even a cancelled one\n"
         "until its time has come, unless it is told otherwise.\n"
         "\n"
         "What to do: keep the ScheduledFuture and cancel it where the owner ends;\n"
         "setRemoveOnCancelPolicy(true); one task that goes through all owners.\n"},
    {.id = "executor-queue",
     .summary = "work that waits for a pool of threads",
     .edges = {"workQueue"},
     .types = {"java.util.concurrent.ForkJoinPool$WorkQueue"},
     .leads_to = "java.util.concurrent.",
     .next = "See why the pool does not keep up (what its threads do: a lock, a slow call, too few "
             "of them), and give its queue a bound and a RejectedExecutionHandler.",
     .names = HINT_NAMES_NOTHING,
     .counted = "tasks",
     .explain =
         "newFixedThreadPool and newSingleThreadExecutor have a queue without a bound: what is\n"
         "submitted faster than it is done waits there, with all that it captures, until memory\n"
         "is gone. The queue is where the trouble shows; its cause is what the threads wait for.\n"
         "\n"
         "What to do: look at the stacks of the pool's threads; bound the queue\n"
         "(ArrayBlockingQueue) and let who submits wait (CallerRunsPolicy).\n"},
    {.id = "java-future",
     .summary = "CompletableFutures that nobody completes",
     .types = {"java.util.concurrent.CompletableFuture"},
     .next = "See who was to complete these futures, and give them a time limit (orTimeout): each "
             "keeps what is to happen afterwards, and all that it captures.",
     .names = HINT_NAMES_NOTHING,
     .counted = "futures",
     .explain =
         "A CompletableFuture keeps the steps that follow it (thenApply, whenComplete) until it\n"
         "is completed. One that waits for an answer that never comes, in a map of pending\n"
         "requests say, stays with all of them; and steps that are added to a future that lives\n"
         "long (anyOf of it, again and again) pile up there.\n"
         "\n"
         "What to do: complete what is pending when its connection ends; orTimeout() or\n"
         "completeOnTimeout(); don't hang short work on a future of the whole program.\n"},
    {.id = "exit-hook",
     .summary = "what is kept for the end of the program",
     .types = {"java.io.DeleteOnExitHook", "java.lang.ApplicationShutdownHooks"},
     .roots = {"static java.io.DeleteOnExitHook.", "static java.lang.ApplicationShutdownHooks.",
               "static java.lang.Shutdown."},
     .next = "Don't call deleteOnExit() or addShutdownHook() for what comes and goes: both keep "
             "each until the program ends; delete the file yourself, removeShutdownHook().",
     .names = HINT_NAMES_NOTHING,
     .explain =
         "File.deleteOnExit() keeps the name of each file until the program ends, even of those\n"
         "that were deleted long ago; addShutdownHook() keeps a thread, its context class loader\n"
         "and what it captures. A service that does so for each request leaks slowly.\n"
         "\n"
         "What to do: Files.delete in finally; one hook for all, which goes through what there\n"
         "is; removeShutdownHook() where a part of the program ends.\n"},
    {.id = "direct-buffer",
     .summary = "buffers outside of the heap",
     .types = {"java.nio.Direct", "java.nio.Mapped", "jdk.internal.ref.Cleaner",
               "io.netty.buffer.Pool"},
     .next = "Reuse or release these buffers: each small object stands for memory outside of the "
             "heap, which goes only when it is collected (-XX:MaxDirectMemorySize bounds it).",
     .names = HINT_NAMES_NOTHING,
     .explain =
         "ByteBuffer.allocateDirect and map() take memory that no heap dump shows; it is given\n"
         "back when the small object is collected, which a heap with much room does seldom. The\n"
         "buffers of Netty are counted, and one that is not released stays in its arena.\n"
         "\n"
         "What to do: keep a few and reuse them; release() in finally, and Netty's\n"
         "-Dio.netty.leakDetection.level=paranoid; `jcmd PID VM.native_memory` of two moments.\n"},
    {.id = "java-listener",
     .summary = "listeners that nobody removes",
     .types = {"java.beans.PropertyChangeSupport", "java.beans.ChangeListenerMap",
               "javax.swing.event.EventListenerList", "java.util.Observable",
               "com.google.common.eventbus.SubscriberRegistry",
               "org.springframework.context.event."},
     .edges = {"*istener", "*bservers", "*ubscribers"},
     .roots = {"*istener", "*bservers", "*ubscribers"},
     .leads_to = "java.util.",
     .next = "Remove the listeners from %s when what they serve ends: who publishes keeps them, "
             "and all they refer to, for as long as it lives.",
     .names = HINT_NAMES_FIELD,
     .unnamed = "their publisher",
     .counted = "listeners",
     .explain =
         "Who publishes events keeps its listeners in a list or map, and a listener keeps its\n"
         "outer object, and a lambda what it captures. One that is added for each request, window\n"
         "or connection to a publisher that lives longer is a leak of all of that; a lambda that\n"
         "was not kept in a variable cannot even be removed.\n"
         "\n"
         "What to do: removeXListener() with the same object where its owner ends; a list of weak\n"
         "references where owners end without a word.\n"},
    {.id = NULL},
};
