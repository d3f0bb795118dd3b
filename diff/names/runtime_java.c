/* Java on HotSpot. What is not said here is as the first of the table has it; hints are in
 * java_hints.c. */
#include "diff/names/java_internal.h"

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
    /* Libraries that nearly every program has, and whose objects are somebody else's. */
    STR_INIT("jakarta."),
    STR_INIT("kotlin."),
    STR_INIT("kotlinx."),
    STR_INIT("scala."),
    STR_INIT("com.google.common."),
    STR_INIT("com.github.benmanes.caffeine."),
    STR_INIT("net.sf.ehcache."),
    STR_INIT("org.ehcache."),
    STR_INIT("org.hibernate."),
    STR_INIT("org.springframework."),
    STR_INIT("org.apache.catalina."),
    STR_INIT("org.apache.tomcat."),
    STR_INIT("io.netty."),
    STR_INIT("reactor."),
    STR_INIT("net.bytebuddy."),
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
    STR_INIT("java.util.concurrent.ScheduledThreadPoolExecutor$DelayedWorkQueue"),
    STR_INIT("java.util.TaskQueue"),
    STR_INIT("com.google.common.cache.LocalCache$"),
    STR_INIT("com.google.common.collect.MapMakerInternalMap$"),
    /* Caffeine's nodes are called by what they keep: strong, weak or soft keys and values. */
    STR_INIT("com.github.benmanes.caffeine.cache.Node"),
    STR_INIT("com.github.benmanes.caffeine.cache.PS"),
    STR_INIT("com.github.benmanes.caffeine.cache.PW"),
    STR_INIT("com.github.benmanes.caffeine.cache.PD"),
    STR_INIT("com.github.benmanes.caffeine.cache.FS"),
    STR_INIT("com.github.benmanes.caffeine.cache.FW"),
    STR_INIT("com.github.benmanes.caffeine.cache.FD"),
};

/* What a program is made of: who holds one has not filled what it holds. */
static const struct str providers[] = {
    STR_INIT("org.springframework.beans.factory.support.DefaultListableBeanFactory"),
    STR_INIT("org.springframework.context."),
    STR_INIT("org.springframework.boot.web."),
};

static const struct known_type known_types[] = {
    {STR_INIT("org.apache.catalina.session.StandardSession"), "sessions kept in the process",
     "in-process sessions"},
    {STR_INIT("org.springframework.session.MapSession"), "sessions kept in the process",
     "in-process sessions"},
    {STR_INIT("org.hibernate.internal.SessionImpl"), "Hibernate sessions", "Hibernate sessions"},
    {STR_INIT("com.google.common.cache.LocalCache$StrongEntry"), "entries in Guava caches",
     "entries of Guava caches"},
    {STR_INIT("com.google.common.cache.LocalCache$StrongAccessEntry"), "entries in Guava caches",
     "entries of Guava caches"},
    {STR_INIT("com.google.common.cache.LocalCache$StrongWriteEntry"), "entries in Guava caches",
     "entries of Guava caches"},
    {STR_INIT("com.github.benmanes.caffeine.cache.PS"), "entries in Caffeine caches",
     "entries of Caffeine caches"},
    {STR_INIT("com.github.benmanes.caffeine.cache.PSA"), "entries in Caffeine caches",
     "entries of Caffeine caches"},
    {STR_INIT("com.github.benmanes.caffeine.cache.PSW"), "entries in Caffeine caches",
     "entries of Caffeine caches"},
    {STR_INIT("com.github.benmanes.caffeine.cache.PSMS"), "entries in Caffeine caches",
     "entries of Caffeine caches"},
    {{NULL, 0}, NULL, NULL},
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
static const struct made_name {
    struct str mark;
    const char *said; /* behind the name of the class that it was made for; NULL: as it is */
} made[] = {
    {STR_INIT("$$Lambda"), "lambda"},
    {STR_INIT("$$EnhancerByCGLIB$$"), "CGLIB proxy"},
    {STR_INIT("$$SpringCGLIB$$"), "CGLIB proxy"},
    {STR_INIT("$$EnhancerBySpringCGLIB$$"), "CGLIB proxy"},
    {STR_INIT("$$EnhancerByGuice$$"), "Guice proxy"},
    {STR_INIT("$$KeyFactoryByCGLIB$$"), NULL},
    {STR_INIT("$$FastClassBy"), NULL},
    {STR_INIT("$ByteBuddy$"), "ByteBuddy proxy"},
    {STR_INIT("$auxiliary$"), NULL}, /* what ByteBuddy makes for such a class */
    {STR_INIT("$HibernateProxy$"), "Hibernate proxy"},
    {STR_INIT("$MockitoMock$"), "mock"},
    {STR_INIT("_$$_jvst"), "Javassist proxy"},
    {STR_INIT("_$$_javassist_"), "Javassist proxy"},
    {STR_INIT("$Proxy"), NULL},
    {STR_INIT("GeneratedMethodAccessor"), NULL},
    {STR_INIT("GeneratedConstructorAccessor"), NULL},
    {STR_INIT("GeneratedSerializationConstructorAccessor"), NULL},
    {STR_INIT("LambdaForm$"), NULL},
};
/* Behind the name of a hidden class stands its address, of lambdas too; as histograms print it. */
#define HIDDEN_MARK       "/0x"
#define HIDDEN_DIGITS_MIN 8u
/* Packages in which proxies of several modules lie are counted. */
#define PROXY_PACKAGE "jdk.proxy"

/* One of these is in all of them. */
static const struct str signs_of_made[] = {STR_INIT("$"), STR_INIT("Accessor"),
                                           STR_INIT(HIDDEN_MARK)};

/* Part of a name: what of it stays, and where what goes ends. mark: STR_NOT_FOUND: nothing goes. */
struct made_part {
    size_t mark, stays, behind;
    const char *said;
};

static bool is_made_of(char c) {
    return char_is_word(c) || c == '$' || c == '/' || c == '+';
}

/* The address of a hidden class. */
static struct made_part hidden_part(struct str name) {
    struct made_part part = {.mark = str_find(name, STR(HIDDEN_MARK), 0)};
    if (part.mark == STR_NOT_FOUND || part.mark == 0)
        return (struct made_part){.mark = STR_NOT_FOUND};
    size_t digits = part.mark + STR(HIDDEN_MARK).len;
    part.stays = part.mark;
    for (part.behind = digits; part.behind < name.len && char_is_hex(name.ptr[part.behind]);
         part.behind++)
        ;
    bool is_word = part.behind < name.len && char_is_word(name.ptr[part.behind]);
    if (part.behind - digits < HIDDEN_DIGITS_MIN || is_word)
        part.mark = STR_NOT_FOUND;
    return part;
}

/* What a class was made by, and what tells it from the next one: a word goes on with letters. */
static struct made_part made_part(struct str name) {
    struct made_part first = {.mark = STR_NOT_FOUND};
    for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
        size_t at = str_find(name, made[i].mark, 0);
        if (at < first.mark)
            first = (struct made_part){at, at + made[i].mark.len, 0, made[i].said};
    }
    if (first.mark == STR_NOT_FOUND)
        return hidden_part(name);
    bool is_proxy = str_ends(str_take(name, first.stays), STR("$Proxy"));
    if (is_proxy && first.stays < name.len && !char_is_digit(name.ptr[first.stays]))
        first.mark = STR_NOT_FOUND; /* somebody's own class that is called so */
    for (first.behind = first.stays; first.behind < name.len && is_made_of(name.ptr[first.behind]);
         first.behind++)
        ;
    return first;
}

/* "jdk.proxy2.$Proxy": without the number of the module. */
static void add_package(struct str name, struct strbuf *out) {
    size_t at = str_find(name, STR(PROXY_PACKAGE), 0);
    size_t number = at == STR_NOT_FOUND ? name.len : at + STR(PROXY_PACKAGE).len, end = number;
    while (end < name.len && char_is_digit(name.ptr[end]))
        end++;
    strbuf_add(out, str_take(name, number));
    strbuf_add(out, str_drop(name, end));
}

/* The class that was made, without what tells it from the next one. */
static bool java_normal_name(struct str name, struct strbuf *out) {
    struct made_part part = made_part(name);
    if (part.mark == STR_NOT_FOUND)
        return false;
    add_package(str_take(name, part.stays), out);
    strbuf_add(out, str_drop(name, part.behind)); /* of arrays and methods what follows */
    return true;
}

/* "shop.Till$$Lambda$14/0x0000000800c03000" -> "shop.Till lambda" */
static void add_made(struct str name, struct strbuf *out) {
    struct made_part part = made_part(name);
    if (part.mark != STR_NOT_FOUND && part.said && part.mark) {
        strbuf_add(out, str_take(name, part.mark));
        strbuf_addf(out, " %s", part.said);
        strbuf_add(out, str_drop(name, part.behind));
    } else if (!java_normal_name(name, out)) {
        strbuf_add(out, name);
    }
}

/* "[Ljava.util.HashMap$Node;" -> "java.util.HashMap$Node[]"; classes that were made by whom. */
static bool java_pretty_type(const char *type, bool state_machine, struct strbuf *out) {
    static const char *const primitives[] = {"Bbyte", "Cchar", "Ddouble", "Ffloat",
                                             "Iint",  "Jlong", "Sshort",  "Zboolean"};
    size_t depth = strspn(type, "[");
    struct str element = str_of(type + depth);
    (void)state_machine;
    if (!depth) {
        static const struct words signs = WORDS(signs_of_made);
        bool is_made = words_within(&signs, element) && made_part(element).mark != STR_NOT_FOUND;
        if (is_made)
            add_made(element, out);
        return is_made;
    }
    const char *primitive = NULL;
    for (size_t i = 0; element.len == 1 && i < sizeof(primitives) / sizeof(*primitives); i++)
        if (primitives[i][0] == str_first(element))
            primitive = primitives[i] + 1;
    if (!primitive &&
        (element.len < 3 || str_first(element) != 'L' || !str_ends(element, STR(";"))))
        return false;
    if (primitive)
        strbuf_adds(out, primitive);
    else
        add_made(str_take(str_drop(element, 1), element.len - 2), out);
    while (depth--)
        strbuf_adds(out, "[]");
    return true;
}

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
    .made = WORDS(signs_of_made),
    .normal_name = java_normal_name,
    .pretty_type = java_pretty_type,
    .hints = java_hints,
    .known_types = known_types,
    .providers = WORDS(providers),
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
