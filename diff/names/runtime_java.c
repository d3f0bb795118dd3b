/* Java on HotSpot. What is not said here is as the first of the table has it. */
#include "diff/names/runtimes.h"

#include "base/chars.h"

#include <string.h>

static const struct str runtimes[] = {STR_INIT("HotSpot")};

static const struct str framework[] = {
    STR_INIT("java."),
    STR_INIT("javax."),
    STR_INIT("jdk."),
    STR_INIT("sun."),
    STR_INIT("com.sun."),
    /* Arrays as the virtual machine writes them. */
    STR_INIT("[B"),
    STR_INIT("[C"),
    STR_INIT("[I"),
    STR_INIT("[J"),
    STR_INIT("[S"),
    STR_INIT("[Z"),
    STR_INIT("[F"),
    STR_INIT("[D"),
    STR_INIT("[["),
    STR_INIT("[Ljava."),
    STR_INIT("[Ljdk."),
    STR_INIT("[Lsun."),
    STR_INIT("<constMethodKlass>"),
    STR_INIT("<methodKlass>"),
};

static const struct str framework_whole[] = {STR_INIT("threads")};

/* "[Ljava.util.HashMap$Node;", "[B": as the virtual machine writes them. */
static const struct str arrays[] = {STR_INIT("[")};

/* Nodes and segments of containers: what is told is the container. */
static const struct str insides[] = {
    STR_INIT("java.util.HashMap$"),
    STR_INIT("java.util.LinkedHashMap$"),
    STR_INIT("java.util.TreeMap$"),
    STR_INIT("java.util.WeakHashMap$"),
    STR_INIT("java.util.Hashtable$"),
    STR_INIT("java.util.LinkedList$"),
    STR_INIT("java.util.IdentityHashMap$"),
    STR_INIT("java.util.concurrent.ConcurrentHashMap$"),
    STR_INIT("java.util.concurrent.ConcurrentSkipListMap$"),
    STR_INIT("java.util.concurrent.ConcurrentLinkedQueue$"),
    STR_INIT("java.util.concurrent.ConcurrentLinkedDeque$"),
    STR_INIT("java.util.concurrent.LinkedBlockingQueue$"),
    STR_INIT("java.util.concurrent.LinkedBlockingDeque$"),
    STR_INIT("java.lang.ThreadLocal$ThreadLocalMap"),
    STR_INIT("com.google.common.cache.LocalCache$"),
    STR_INIT("com.github.benmanes.caffeine.cache.Node"),
};

/* -- Stacks ------------------------------------------------------------------------------------ */

/* These come back only when there is work. */
static const struct str idle[] = {
    STR_INIT("EPoll.wait"),
    STR_INIT("EPollArrayWrapper.epollWait"),
    STR_INIT("KQueue.poll"),
    STR_INIT("KQueueArrayWrapper.kevent"),
    STR_INIT("WEPoll.wait"),
    STR_INIT("WindowsSelectorImpl$SubSelector.poll"),
    STR_INIT("Iocp.getQueuedCompletionStatus"),
    STR_INIT("ServerSocket.accept"),
    STR_INIT("NioSocketImpl.accept"),
    STR_INIT("PlainSocketImpl.socketAccept"),
    STR_INIT("ServerSocketChannelImpl.accept"),
    STR_INIT("sun.nio.ch.Net.accept"),
    STR_INIT("BlockingQueue.take"),
    STR_INIT("BlockingQueue.poll"),
    STR_INIT("BlockingDeque.take"),
    STR_INIT("BlockingDeque.poll"),
    STR_INIT("SynchronousQueue.take"),
    STR_INIT("SynchronousQueue.poll"),
    STR_INIT("LinkedTransferQueue.take"),
    STR_INIT("LinkedTransferQueue.poll"),
    STR_INIT("DelayQueue.take"),
    STR_INIT("DelayedWorkQueue.take"),
    STR_INIT("ReferenceQueue.remove"),
    STR_INIT("ForkJoinPool.awaitWork"),
    STR_INIT("WatchService.take"),
    STR_INIT("AbstractWatchService.take"),
    STR_INIT("EventQueue.getNextEvent"),
};

static const struct str locks[] = {
    STR_INIT("ReentrantLock.lock"),
    STR_INIT("ReentrantLock$Sync.lock"),
    STR_INIT("ReentrantLock.tryLock"),
    STR_INIT("ReentrantReadWriteLock$ReadLock.lock"),
    STR_INIT("ReentrantReadWriteLock$WriteLock.lock"),
    STR_INIT("StampedLock.readLock"),
    STR_INIT("StampedLock.writeLock"),
};

static const struct str tasks[] = {
    STR_INIT("FutureTask.get"),        STR_INIT("FutureTask.awaitDone"),
    STR_INIT("CompletableFuture.get"), STR_INIT("CompletableFuture.join"),
    STR_INIT("ForkJoinTask.get"),      STR_INIT("ForkJoinTask.join"),
    STR_INIT("ForkJoinTask.invoke"),   STR_INIT("AbstractExecutorService.invokeAll"),
};

static const struct str events[] = {
    STR_INIT("CountDownLatch.await"),  STR_INIT("Semaphore.acquire"),
    STR_INIT("CyclicBarrier.await"),   STR_INIT("Phaser.await"),
    STR_INIT("Exchanger.exchange"),    STR_INIT("Object.wait"),
    STR_INIT("java.lang.Thread.join"), STR_INIT("ProcessImpl.waitFor"),
    STR_INIT("ConditionObject.await"),
};

static const struct str sleeps[] = {STR_INIT("java.lang.Thread.sleep"), STR_INIT("TimeUnit.sleep")};

static const struct str io[] = {
    STR_INIT("SocketInputStream."),      STR_INIT("NioSocketImpl."),
    STR_INIT("SocketChannelImpl."),      STR_INIT("SocketDispatcher."),
    STR_INIT("java.io.FileInputStream"), STR_INIT("java.io.FileOutputStream"),
    STR_INIT("FileChannelImpl."),        STR_INIT("sun.security.ssl."),
    STR_INIT("sun.nio.ch.Net."),         STR_INIT("java.net.Inet4AddressImpl"),
};

/* As the reader of thread dumps says it: HotSpot's "waiting for monitor entry", and locks of the
 * library. */
static const struct str lock_waits[] = {STR_INIT("monitor entry"), STR_INIT("lock")};

static const struct str pulses[] = {STR_INIT("java.lang.Object.wait"),
                                    STR_INIT("ConditionObject.await")};

static const struct str finalizers[] = {STR_INIT(".finalize")};

static const struct str pool_frames[] = {STR_INIT("ThreadPoolExecutor.runWorker"),
                                         STR_INIT("ForkJoinPool.runWorker")};

static const struct str gc_threads[] = {STR_INIT("GC task thread#"), STR_INIT("GC Thread#")};
static const struct str compiler_threads[] = {STR_INIT("CompilerThread")};

/* -- Names that are made ----------------------------------------------------------------------- */

/* What stands behind one of these is a number, or a hash, of this run. */
static const struct str made[] = {
    STR_INIT("$$Lambda"),
    STR_INIT("$$EnhancerByCGLIB$$"),
    STR_INIT("$$SpringCGLIB$$"),
    STR_INIT("$$EnhancerBySpringCGLIB$$"),
    STR_INIT("$$FastClassBy"),
    STR_INIT("$ByteBuddy$"),
    STR_INIT("$HibernateProxy$"),
    STR_INIT("$MockitoMock$"),
    STR_INIT("_$$_jvst"),
    STR_INIT("$Proxy"),
    STR_INIT("GeneratedMethodAccessor"),
    STR_INIT("GeneratedConstructorAccessor"),
    STR_INIT("GeneratedSerializationConstructorAccessor"),
    STR_INIT("LambdaForm$"),
};

/* One of these is in all of them. */
static const struct str made_parts[] = {STR_INIT("$"), STR_INIT("Accessor")};

/* The class that was made, without what tells it from the next one: a word goes on with letters. */
static bool java_normal_name(struct str name, struct strbuf *out) {
    size_t first = STR_NOT_FOUND, end = 0;
    for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
        size_t at = str_find(name, made[i], 0);
        if (at != STR_NOT_FOUND && (first == STR_NOT_FOUND || at < first)) {
            first = at;
            end = at + made[i].len;
        }
    }
    if (first == STR_NOT_FOUND)
        return false;
    bool is_proxy = str_eq(str_drop(str_take(name, end), end - 6), STR("$Proxy"));
    if (is_proxy && end < name.len && !char_is_digit(name.ptr[end]))
        return false; /* somebody's own class that is called so */
    size_t behind = end;
    while (behind < name.len && (char_is_word(name.ptr[behind]) || name.ptr[behind] == '$' ||
                                 name.ptr[behind] == '/' || name.ptr[behind] == '+'))
        behind++;
    strbuf_add(out, str_take(name, end));
    strbuf_add(out, str_drop(name, behind)); /* of arrays and methods what follows */
    return true;
}

/* "[Ljava.util.HashMap$Node;" -> "java.util.HashMap$Node[]" */
static bool java_pretty_type(const char *type, bool state_machine, struct strbuf *out) {
    static const char *const primitives[] = {"Bbyte", "Cchar", "Ddouble", "Ffloat",
                                             "Iint",  "Jlong", "Sshort",  "Zboolean"};
    size_t depth = strspn(type, "[");
    struct str element = str_of(type + depth);
    (void)state_machine;
    if (!depth || !element.len)
        return false;
    const char *primitive = NULL;
    for (size_t i = 0; element.len == 1 && i < sizeof(primitives) / sizeof(*primitives); i++)
        if (primitives[i][0] == str_first(element))
            primitive = primitives[i] + 1;
    if (!primitive && (str_first(element) != 'L' || !str_ends(element, STR(";"))))
        return false;
    if (primitive)
        strbuf_adds(out, primitive);
    else
        strbuf_add(out, str_take(str_drop(element, 1), element.len - 2));
    while (depth--)
        strbuf_adds(out, "[]");
    return true;
}

/* -- Hints ------------------------------------------------------------------------------------- */

static const struct hint hints[] = {
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
    {.id = "jvm-cache",
     .summary = "a cache of the program's libraries that has no bound",
     .types = {"com.google.common.cache.LocalCache", "com.github.benmanes.caffeine.cache.",
               "net.sf.ehcache.", "org.hibernate.internal.SessionImpl",
               "org.hibernate.engine.internal.StatefulPersistenceContext"},
     .next = "Give the cache a bound (maximumSize, expireAfterWrite), and a Hibernate session an "
             "end: clear() or close() it.",
     .explain =
         "Caches of Guava, Caffeine and Ehcache keep what is put there until their bound is\n"
         "reached, and without one forever. A session of Hibernate is a cache as well: it keeps\n"
         "every entity that was loaded through it until it is cleared or closed.\n"
         "\n"
         "What to do: set maximumSize or a time after which entries go; in long loops flush() and\n"
         "clear() the session every so many entities.\n"},
    {.id = NULL},
};

#define WITH_A_HEAP_DUMP \
    "Find what holds them: \"Path to GC Roots\" of a heap dump (`jcmd PID GC.heap_dump FILE`) in " \
    "Eclipse MAT or VisualVM"

const struct runtime_words words_of_java = {
    .id = "java",
    .runtimes = WORDS(runtimes),
    .framework = WORDS(framework),
    .framework_whole = WORDS(framework_whole),
    .arrays = WORDS(arrays),
    .insides = WORDS(insides),
    .made = WORDS(made_parts),
    .normal_name = java_normal_name,
    .pretty_type = java_pretty_type,
    .hints = hints,
    .loader_edge = "(class loader)",
    .finalizer_chain = "java.lang.ref.Finalizer",
    .waits = {[WAIT_IDLE] = WORDS(idle),
              [WAIT_LOCK] = WORDS(locks),
              [WAIT_TASK] = WORDS(tasks),
              [WAIT_EVENT] = WORDS(events),
              [WAIT_SLEEP] = WORDS(sleeps),
              [WAIT_IO] = WORDS(io)},
    .lock_waits = WORDS(lock_waits),
    .waits_for_pulse = WORDS(pulses),
    .finalizers = WORDS(finalizers),
    .pool_frames = WORDS(pool_frames),
    .threads = {[JOB_GC] = WORDS(gc_threads), [JOB_COMPILER] = WORDS(compiler_threads)},
    .advice = {[ADVICE_HOLDERS] = WITH_A_HEAP_DUMP, [ADVICE_HOLDERS_OF_SOME] = WITH_A_HEAP_DUMP},
};
