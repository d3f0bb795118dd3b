/* Java on HotSpot. What is not said here is as the first of the table has it. */
#include "diff/names/runtimes.h"

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

#define WITH_A_HEAP_DUMP \
    "Find what holds them: \"Path to GC Roots\" of a heap dump (`jcmd PID GC.heap_dump FILE`) in " \
    "Eclipse MAT or VisualVM"

const struct runtime_words words_of_java = {
    .id = "java",
    .runtimes = WORDS(runtimes),
    .framework = WORDS(framework),
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
