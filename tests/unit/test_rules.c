/* Each rule hits, is clear, and is skipped. */
#include "diff/rules/rule.h"
#include "tests/support/mk_snap.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAP "types name=\"System.String\" gen2=10000/10000000\n"

/* What threads show: innermost first, as read off a stack. */
#define ENTER "System.Threading.Monitor.Enter(System.Object)|"
#define SLEEP "System.Threading.Thread.Sleep(Int32)|"
#define EVENT \
    "System.Threading.Monitor.Wait(System.Object, Int32)|" \
    "System.Threading.ManualResetEventSlim.Wait(Int32)|"
#define RESULT \
    "System.Threading.Monitor.Wait(System.Object)|System.Threading.ManualResetEventSlim.Wait()|" \
    "System.Threading.Tasks.Task.InternalWait()|System.Threading.Tasks.Task`1.get_Result()|"
#define POOL "|System.Threading.ThreadPoolWorkQueue.Dispatch()"

#define BUSY(ns) "threads os_id=1 index=0 user_ns=" ns " kernel_ns=0\n"

struct rule_case {
    const char *rule;
    enum finding_status status;
    const char *base, *new_one; /* new_one NULL: a single dump */
    const char *words;          /* in the summary of the hit, or the reason of the skip */
};

static const struct rule_case cases[] = {
    {"trust", STATUS_HIT, HEAP, HEAP "warn text=\"rows cut\" count=7\n", "rows cut (7)"},
    {"trust", STATUS_HIT, "origin process=shop\n", "origin process=bank\n", "different programs"},
    {"trust", STATUS_CLEAR, HEAP, HEAP, ""},
    {"gc-in-progress", STATUS_HIT, "gc in_progress=1\n", NULL, "was running"},
    {"gc-in-progress", STATUS_CLEAR, "gc in_progress=0\n", NULL, ""},
    {"gc-in-progress", STATUS_SKIPPED, "gc allocated_bytes=5\n", NULL, "no dump says"},
    {"gc-in-progress", STATUS_SKIPPED, HEAP, NULL, "needs gc"},

    {"growing-type", STATUS_HIT, HEAP "types name=\"App.A\" gen2=1000/100000\n",
     HEAP "types name=\"App.A\" gen2=2000/200000\n",
     "App.A went from 1,000 to 2,000 objects, 97.7 KiB to 195.3 KiB (+97.7 KiB)"},
    {"growing-type", STATUS_CLEAR, HEAP "types name=\"App.A\" gen2=1000/100000\n",
     HEAP "types name=\"App.A\" gen2=1010/101000\n", ""},
    {"growing-type", STATUS_CLEAR, HEAP "types name=\"Free\" gen2=1/100000\n",
     HEAP "types name=\"Free\" gen2=1/900000\n", ""},
    {"growing-type", STATUS_SKIPPED, HEAP, "locks\n", "needs types, which NEW does not hold"},
    {"growing-type", STATUS_SKIPPED, HEAP, NULL, "needs two dumps"},

    {"new-type", STATUS_HIT, HEAP, HEAP "types name=\"App.B\" gen2=50/900000\n",
     "App.B is new: 50 objects, 878.9 KiB"},
    {"new-type", STATUS_CLEAR, HEAP, HEAP "types name=\"App.B\" gen2=5/900\n", ""},
    {"new-type", STATUS_SKIPPED, "locks\n", HEAP, "needs types"},
    {"gone-type", STATUS_HIT, HEAP "types name=\"App.B\" gen2=50/900000\n", HEAP, "App.B is gone"},
    {"gone-type", STATUS_CLEAR, HEAP "types name=\"App.B\" gen2=5/900\n", HEAP, ""},
    {"gone-type", STATUS_SKIPPED, HEAP, NULL, "two dumps"},

    {"heap-growth", STATUS_HIT, HEAP, HEAP "types name=\"App.B\" gen2=50/2000000\n",
     "The managed heap grew from 9.5 MiB to 11.4 MiB (+1.9 MiB), most of it in gen2"},
    {"heap-growth", STATUS_CLEAR, HEAP, HEAP "types name=\"App.B\" gen2=50/200000\n", ""},
    {"heap-growth", STATUS_CLEAR, HEAP, HEAP "types name=\"Free\" gen2=50/9000000\n", ""},
    {"heap-growth", STATUS_SKIPPED, HEAP, "locks\n", "does not say how large"},
    {"loh-growth", STATUS_HIT, HEAP "types name=\"A[]\" loh=1/1000000\n",
     HEAP "types name=\"A[]\" loh=3/3000000\n", "large object heap grew from 976.6 KiB to 2.9 MiB"},
    {"loh-growth", STATUS_CLEAR, HEAP "types name=\"A[]\" loh=1/1000000\n",
     HEAP "types name=\"A[]\" loh=1/1000001\n", ""},
    {"loh-growth", STATUS_SKIPPED, "types name=\"A[]\" unknown=1/1000000\n",
     "types name=\"A[]\" unknown=3/3000000\n", "not every dump tells generations"},
    {"poh-growth", STATUS_HIT, "heaps index=0 gen2=0/1000 poh=0/100 allocated=1100\n",
     "heaps index=0 gen2=0/1000 poh=0/500 allocated=1500\n", "pinned object heap grew"},
    {"poh-growth", STATUS_CLEAR, "heaps index=0 gen2=0/1000 poh=0/100 allocated=1100\n",
     "heaps index=0 gen2=0/3000 poh=0/100 allocated=3100\n", ""},
    {"poh-growth", STATUS_SKIPPED, "heaps index=0 allocated=1100\n",
     "heaps index=0 allocated=1100\n", "not every dump tells generations"},
    {"large-object", STATUS_HIT, HEAP "types name=\"System.Byte[]\" loh=2/2000000\n", NULL,
     "2 objects of type System.Byte[] take 1.9 MiB of the large object heap"},
    {"large-object", STATUS_CLEAR, HEAP "types name=\"System.Byte[]\" loh=2/200000\n", NULL, ""},
    {"large-object", STATUS_SKIPPED, "types name=\"A\" unknown=2/200000\n", NULL, "do not say"},
    {"fragmentation", STATUS_HIT, HEAP "types name=\"Free\" gen2=90/9000000\n", NULL,
     "47.4 % of gen2 is free space between objects (8.6 MiB)"},
    {"fragmentation", STATUS_HIT,
     "types name=\"A\" unknown=9/900\ntypes name=\"Free\" unknown=9/900\n", NULL,
     "50.0 % of the heap is free space"},
    {"fragmentation", STATUS_CLEAR, HEAP "types name=\"Free\" gen0=90/9000000\n", NULL, ""},
    {"fragmentation", STATUS_SKIPPED, "locks\n", NULL, "no dump says"},
    {"committed-vs-allocated", STATUS_HIT,
     "gc allocated_bytes=76546048 committed_bytes=10755244032\n", NULL,
     "has committed 10.0 GiB and uses 73.0 MiB"},
    {"committed-vs-allocated", STATUS_CLEAR, "gc allocated_bytes=1000 committed_bytes=9000\n", NULL,
     ""},
    {"committed-vs-allocated", STATUS_SKIPPED, HEAP, NULL, "does not say how much"},

    {"finalizer-stuck", STATUS_HIT,
     "finalizer ready=3999 thread_os_id=0x13c2\n"
     "threads os_id=0x13c2 role=finalizer user_ns=5 kernel_ns=0 frames=\"" EVENT
     "Shop.Caching.Handle.Finalize()|System.GC.RunFinalizers()\"\n" BUSY("1000"),
     "finalizer ready=7999 thread_os_id=0x13c2\n"
     "threads os_id=0x13c2 role=finalizer user_ns=5 kernel_ns=0 frames=\"" EVENT
     "Shop.Caching.Handle.Finalize()|System.GC.RunFinalizers()\"\n" BUSY("2000"),
     "3,999 objects wait for finalization, 7,999 now; the finalizer thread 0x13c2 has not moved: "
     "it waits in Shop.Caching.Handle.Finalize -> ManualResetEventSlim.Wait."},
    {"finalizer-stuck", STATUS_HIT,
     "finalizer ready=9 thread_os_id=2\nthreads os_id=2 role=finalizer frames=\"" EVENT
     "A.H.Finalize()\"\n",
     NULL, "the finalizer thread 0x2 waits in A.H.Finalize"},
    {"finalizer-stuck", STATUS_HIT, /* a wait without its caller: the code above was not found */
     "finalizer ready=5\nthreads os_id=2 role=finalizer user_ns=5 frames=\"" EVENT
     "\"\n" BUSY("1000"),
     "finalizer ready=11\nthreads os_id=2 role=finalizer user_ns=5 frames=\"" EVENT
     "\"\n" BUSY("2000"),
     "the finalizer thread 0x2 has not moved: it waits in ManualResetEventSlim.Wait."},
    {"finalizer-stuck", STATUS_CLEAR, /* it moves: other frames */
     "finalizer ready=9\nthreads os_id=2 role=finalizer frames=\"A.H.Finalize()\"\n",
     "finalizer ready=9\nthreads os_id=2 role=finalizer frames=\"A.K.Finalize()\"\n", ""},
    {"finalizer-stuck", STATUS_CLEAR, /* many finalizable ones are no finding */
     "finalizer ready=0 gen2=90000\n", "finalizer ready=0 gen2=190000\n", ""},
    {"finalizer-stuck", STATUS_SKIPPED, "finalizer ready=9\n", "finalizer ready=19\n",
     "no dump shows the stack"},
    {"finalizer-stuck", STATUS_SKIPPED, "finalizer gen2=9\n", NULL, "ready for finalization"},
    {"finalizer-queue-growth", STATUS_HIT, "finalizer ready=9 gen2=5\n",
     "finalizer ready=1009 gen2=5\n", "1,009 objects are ready for finalization, 9 before"},
    {"finalizer-queue-growth", STATUS_CLEAR, "finalizer ready=9 gen2=5\n",
     "finalizer ready=9 gen2=500000\n", ""},
    {"finalizer-queue-growth", STATUS_SKIPPED, "finalizer gen2=5\n", "finalizer ready=9 gen2=5\n",
     "not every dump says"},

    {"deadlock", STATUS_HIT,
     "locks object_type=A owner_os_id=1 held=1 waiters=1\n"
     "locks object_type=B owner_os_id=2 held=1 waiters=1\n"
     "threads os_id=1 index=0 frames=\"" ENTER "App.X.F()\"\n"
     "threads os_id=2 index=1 frames=\"" ENTER "App.X.G()\"\n",
     NULL, "Deadlock: thread 0:1 and thread 1:2 each hold a lock (A, B)"},
    {"deadlock", STATUS_CLEAR, /* the owner of B is not blocked */
     "locks object_type=A owner_os_id=1 held=1 waiters=1\n"
     "locks object_type=B owner_os_id=2 held=1 waiters=1\n"
     "threads os_id=1 index=0 frames=\"" ENTER "App.X.F()\"\n"
     "threads os_id=2 index=1 frames=\"" SLEEP "App.X.G()\"\n",
     NULL, ""},
    {"deadlock", STATUS_SKIPPED,
     "locks object_type=A owner_os_id=1 held=1 waiters=1\n"
     "locks object_type=B owner_os_id=2 held=1 waiters=1\nthreads os_id=1\nthreads os_id=2\n",
     NULL, "have no stack"},
    {"locks-held", STATUS_HIT,
     "locks object_type=A owner_os_id=2 held=1 waiters=1\n" BUSY(
         "1000") "threads os_id=2 index=1 user_ns=7 frames=\"" SLEEP "App.X.G()\"\n",
     "locks object_type=A owner_os_id=2 held=1 waiters=3\n" BUSY(
         "2000") "threads os_id=2 index=1 user_ns=7 frames=\"" SLEEP "App.X.G()\"\n",
     "Thread 1:2 held a lock on A in every dump, and 3 threads wait for it; the owner has not run; "
     "it sleeps in App.X.G -> Thread.Sleep."},
    {"locks-held", STATUS_CLEAR,
     "locks object_type=A owner_os_id=1 held=1 waiters=9\n" BUSY("1000"),
     "locks object_type=A owner_os_id=1 held=1 waiters=9\n" BUSY("2000"), ""},
    {"locks-held", STATUS_CLEAR, /* a semaphore shows a thousand waiters and no owner */
     "locks object_type=A held=0 waiters=1000\n", NULL, ""},
    {"locks-held", STATUS_SKIPPED, HEAP, NULL, "needs locks"},
    {"locks-held", STATUS_HIT,
     "threads os_id=1 index=0 frames=\"" ENTER "App.X.F()\"\n"
     "threads os_id=2 index=1 frames=\"" ENTER "App.X.F()\"\n"
     "threads os_id=3 index=2 frames=\"" ENTER "App.X.G()\"\n"
     "threads os_id=4 index=3 frames=\"" ENTER "App.X.F()\"\n",
     NULL, "3 threads, as thread 0:1, wait for a lock in App.X.F; no list of locks says who"},
    {"locks-held", STATUS_SKIPPED, /* two may meet by chance */
     "threads os_id=1 index=0 frames=\"" ENTER "App.X.F()\"\n"
     "threads os_id=2 index=1 frames=\"" ENTER "App.X.F()\"\n"
     "threads os_id=3 index=2 frames=\"" ENTER "App.X.G()\"\n",
     NULL, "needs locks"},

    {"thread-runaway", STATUS_HIT,
     "origin captured_at=1000000000\nthreads os_id=7 index=3 name=spinner user_ns=1000000000\n",
     "origin captured_at=11000000000\n"
     "threads os_id=7 index=3 name=spinner user_ns=10900000000 frames=\"App.Spin.Loop()\"\n",
     "Thread 3:7 spinner used 9.900 s of CPU in 10.000 s (99 % of a core); it is in App.Spin.Loop"},
    {"thread-runaway", STATUS_CLEAR,
     "origin captured_at=1000000000\nthreads os_id=7 user_ns=1000000000\n",
     "origin captured_at=11000000000\nthreads os_id=7 user_ns=4000000000\n", ""},
    {"thread-runaway", STATUS_SKIPPED, "threads os_id=7 user_ns=0 kernel_ns=0\n",
     "threads os_id=7 user_ns=0 kernel_ns=0\n", "no CPU times were recorded"},
    {"threads-unchanged", STATUS_HIT,
     BUSY("1000") "threads os_id=2 index=1 user_ns=7 frames=\"" ENTER "App.X.G()\"\n",
     BUSY("2000") "threads os_id=2 index=1 user_ns=7 frames=\"" ENTER "App.X.G()\"\n",
     "Thread 1:2 has not run between the dumps: it waits for a lock in App.X.G -> Monitor.Enter."},
    {"threads-unchanged", STATUS_HIT, /* registers and stack only */
     "threads os_id=2 registers_hash=0x1 live_stack_hash=0x2 frames=\"" RESULT "App.X.G()\"\n",
     "threads os_id=2 registers_hash=0x1 live_stack_hash=0x2 frames=\"" RESULT
     "App.X.G()\"\n" BUSY("5"),
     "shows no sign of having run"},
    {"threads-unchanged", STATUS_CLEAR, /* pool workers, timers, accept loops wait by nature */
     BUSY("1000") "threads os_id=2 user_ns=7 frames=\"System.Threading.WaitHandle.WaitOne()|System."
                  "Threading.PortableThreadPool+WorkerThread.WorkerThreadStart()\"\n"
                  "threads os_id=3 user_ns=7 "
                  "frames=\"System.Net.Sockets.Socket.Accept()|App.L()\"\n",
     BUSY("2000") "threads os_id=2 user_ns=7 frames=\"System.Threading.WaitHandle.WaitOne()|System."
                  "Threading.PortableThreadPool+WorkerThread.WorkerThreadStart()\"\n"
                  "threads os_id=3 user_ns=7 "
                  "frames=\"System.Net.Sockets.Socket.Accept()|App.L()\"\n",
     ""},
    {"threads-unchanged", STATUS_SKIPPED, "threads os_id=2 frames=\"App.X.G()\"\n",
     "threads os_id=2 frames=\"App.X.G()\"\n" BUSY("7"), "no dump recorded CPU times"},
    {"threads-unchanged", STATUS_SKIPPED, BUSY("1000") "threads os_id=2 user_ns=7\n",
     BUSY("2000") "threads os_id=2 user_ns=7\n", "1 thread did not run, but there are no stacks"},
    {"threads-unchanged", STATUS_SKIPPED, /* nothing of the stack but a frame without a name */
     BUSY("1000") "threads os_id=2 user_ns=7 frames=\"System.Private.CoreLib.dll!<unknown>\"\n",
     BUSY("2000") "threads os_id=2 user_ns=7 frames=\"System.Private.CoreLib.dll!<unknown>\"\n",
     "of their stacks too little is known"},
    {"finalizer-stuck", STATUS_HIT,
     "finalizer ready=5 thread_os_id=2 blocked=0\n" BUSY(
         "1000") "threads os_id=2 role=finalizer user_ns=7 "
                 "frames=\"System.Private.CoreLib.dll!<unknown>\"\n",
     "finalizer ready=11 thread_os_id=2 blocked=0\n" BUSY(
         "2000") "threads os_id=2 role=finalizer user_ns=7 "
                 "frames=\"System.Private.CoreLib.dll!<unknown>\"\n",
     "5 objects wait for finalization, 11 now; the finalizer thread 0x2 has not run."},
    {"threadpool-starvation", STATUS_HIT,
     "counters name=\"threadpool.queue_length\" value=812 unit=count\n"
     "threads os_id=1 frames=\"" RESULT "App.C.Get()" POOL "\"\n"
     "threads os_id=2 frames=\"" RESULT "App.C.Get()" POOL "\"\n"
     "threads os_id=3 frames=\"" RESULT "App.C.Get()" POOL "\"\n"
     "threads os_id=4 frames=\"" RESULT "App.C.Get()" POOL "\"\n",
     NULL, "4 of 4 thread pool workers wait for a task, as in App.C.Get -> Task`1.get_Result; 812"},
    {"threadpool-starvation", STATUS_CLEAR,
     "threads os_id=1 frames=\"" RESULT "App.C.Get()" POOL "\"\n", NULL, ""},
    {"threadpool-starvation", STATUS_SKIPPED, BUSY("7"), NULL, "no managed stacks"},
    {"thread-leak", STATUS_HIT, "threads os_id=1\nthreads os_id=2\n",
     "threads os_id=1\nthreads os_id=2\nthreads os_id=3\nthreads os_id=4\nthreads os_id=5\n"
     "threads os_id=6\nthreads os_id=7\n",
     "The process has 7 threads, 2 before"},
    {"thread-leak", STATUS_CLEAR, "threads os_id=1\n", "threads os_id=1\nthreads os_id=2\n", ""},
    {"thread-leak", STATUS_SKIPPED, "threads os_id=1\n", NULL, "two dumps"},
    {"threads-new", STATUS_HIT, "threads os_id=1\n", "threads os_id=1\nthreads os_id=2 index=5\n",
     "1 thread is new: 5:2."},
    {"threads-new", STATUS_CLEAR, "threads os_id=1\n", "threads os_id=1\n", ""},
    {"threads-new", STATUS_SKIPPED, "threads os_id=1\n", "locks\n", "needs threads"},
    {"threads-gone", STATUS_HIT, "threads os_id=1\nthreads os_id=2\n", "threads os_id=2\n",
     "1 thread is gone: 0x1."},
    {"threads-gone", STATUS_CLEAR, "threads os_id=1\n", "threads os_id=1\n", ""},
    {"threads-gone", STATUS_SKIPPED, "locks\n", "threads os_id=1\n", "needs threads, which BASE"},
    {"counter-growth", STATUS_HIT,
     "counters name=process.working_set value=100000000\ngc allocated_bytes=9000000\n",
     "counters name=process.working_set value=900000000\ngc allocated_bytes=9000000\n",
     "grew from 95.4 MiB to 858.3 MiB (+762.9 MiB), while the managed heap went from 8.6 MiB to "
     "8.6 MiB"},
    {"counter-growth", STATUS_CLEAR, "counters name=process.working_set value=100000000\n",
     "counters name=process.working_set value=100000001\n", ""},
    {"counter-growth", STATUS_SKIPPED, HEAP, HEAP, "needs counters"},

    {"memory-growing", STATUS_HIT,
     "counters name=container.till.memory_bytes value=104857600 unit=bytes\n"
     "counters name=container.till.memory_limit_bytes value=1073741824 unit=bytes\n",
     "counters name=container.till.memory_bytes value=943718400 unit=bytes\n"
     "counters name=container.till.memory_limit_bytes value=1073741824 unit=bytes\n",
     "Container till grew from 100.0 MiB to 900.0 MiB (+800.0 MiB); its limit is 1.0 GiB"},
    {"memory-growing", STATUS_CLEAR,
     "counters name=container.till.memory_bytes value=104857600 unit=bytes\n",
     "counters name=container.till.memory_bytes value=110100480 unit=bytes\n", ""},
    {"memory-growing", STATUS_SKIPPED, "counters name=threads.total value=3 unit=count\n",
     "counters name=threads.total value=3 unit=count\n", "no counter of every dump tells of"},
    {"memory-lost", STATUS_HIT,
     "stacks frames=malloc|bill_new|main count=3 bytes=3072 loss=\"definitely lost\"\n", NULL,
     "3.0 KiB in 3 blocks are lost, allocated by bill_new <- main"},
    {"memory-lost", STATUS_CLEAR,
     "stacks frames=malloc|bill_new|main count=3 bytes=3072 loss=\"still reachable\"\n"
     "counters name=leak.definite_bytes value=0 unit=bytes\n",
     NULL, ""},
    {"memory-lost", STATUS_HIT,
     "stacks frames=malloc|bill_new|main count=3 bytes=3072 loss=\"definitely lost\"\n",
     "stacks frames=malloc|bill_new|main count=5 bytes=5120 loss=\"definitely lost\"\n",
     "2.0 KiB more in 2 blocks are lost, allocated by bill_new <- main: 5.0 KiB now, 3.0 KiB"},
    {"memory-lost", STATUS_CLEAR,
     "stacks frames=malloc|bill_new|main count=3 bytes=3072 loss=\"definitely lost\"\n",
     "stacks frames=malloc|bill_new|main count=3 bytes=3072 loss=\"definitely lost\"\n", ""},
    {"memory-lost", STATUS_SKIPPED, "stacks frames=malloc|bill_new|main count=3 bytes=3072\n", NULL,
     "needs the report of a leak checker"},
    {"memory-where", STATUS_HIT,
     "gc allocated_bytes=314572800\nmemory_map by=0 key=Heap regions=9 bytes=1258291200\n", NULL,
     "Most of the memory is in native heaps: 1.2 GiB"},
    {"memory-where", STATUS_CLEAR,
     "gc allocated_bytes=307200\nnative_heaps address=0x150000 committed=204800\n", NULL, ""},
    {"memory-where", STATUS_SKIPPED, "gc allocated_bytes=314572800\n", NULL,
     "needs the sizes of two"},
    {"heap-filled", STATUS_HIT,
     "types name=A.B gen2=6000/98566144\ntypes name=A.C gen2=20/4194304\n", NULL,
     "A.B is 95.9 % of the heap: 94.0 MiB in 6,000 objects, 16.0 KiB each"},
    {"heap-filled", STATUS_CLEAR,
     "types name=A.B gen2=60/41943040\ntypes name=A.C gen2=60/41943040\n"
     "types name=A.D gen2=60/41943040\n",
     NULL, ""},
    {"heap-filled", STATUS_SKIPPED, "gc allocated_bytes=314572800\n", NULL, "needs types"},

    {"threads-dead", STATUS_HIT, "counters name=\"threads.dead\" value=40 unit=count\n", NULL,
     "40 managed threads are dead"},
    {"threads-dead", STATUS_CLEAR, "counters name=\"threads.dead\" value=4 unit=count\n", NULL, ""},
    {"threads-dead", STATUS_SKIPPED, "threads os_id=1\n", NULL, "does not say"},

    {"exceptions-on-threads", STATUS_HIT,
     "threads os_id=1 exception=\"System.IO.IOException 00ab12 (nested exceptions)\"\n", NULL,
     "1 thread has System.IO.IOException as the exception last thrown"},
    {"exceptions-on-threads", STATUS_CLEAR,
     "threads os_id=1 managed_id=1 gc_mode=preemptive\n"
     "threads os_id=2 exception=\"System.OutOfMemoryException\"\n",
     NULL, ""},
    {"exceptions-on-threads", STATUS_SKIPPED, BUSY("7"), NULL, "does not say"},
    {"exceptions-growing", STATUS_HIT, HEAP "types name=\"App.DbException\" gen0=3/300\n",
     HEAP "types name=\"App.DbException\" gen0=500/50000\n",
     "500 App.DbException objects are on the heap, 3 before"},
    {"exceptions-growing", STATUS_CLEAR, HEAP,
     HEAP "types name=\"System.StackOverflowException\" gen0=500/50000\n", ""},
    {"exceptions-growing", STATUS_SKIPPED, HEAP, "locks\n", "needs types"},

    {"handles-growing", STATUS_HIT, "handles kind=Pinned count=10\n",
     "handles kind=Pinned type=\"System.Byte[]\" count=900\nhandles kind=Pinned type=A count=2\n",
     "There are 902 Pinned GC handles, 10 before; 900 of them refer to System.Byte[]"},
    {"handles-growing", STATUS_CLEAR, "handles kind=Pinned count=1000\n",
     "handles kind=Pinned count=1060\n", ""},
    {"handles-growing", STATUS_SKIPPED, "handles kind=Pinned count=1000\n", HEAP, "needs handles"},
    {"os-handles-growing", STATUS_HIT, "os_handles type=Event count=10\n",
     "os_handles type=Event count=90\n", "There are 90 Event handles of the operating system"},
    {"os-handles-growing", STATUS_CLEAR, "os_handles type=Event count=10\n",
     "os_handles type=Event count=12\n", ""},
    {"os-handles-growing", STATUS_SKIPPED, HEAP, HEAP, "needs os_handles"},
    {"loader-growth", STATUS_HIT, "loader owner=D kind=LowFrequencyHeap bytes=1000000\n",
     "loader owner=D kind=LowFrequencyHeap bytes=9000000\n",
     "class loader grew from 976.6 KiB to 8.6 MiB (+7.6 MiB)"},
    {"loader-growth", STATUS_CLEAR, "loader owner=D kind=LowFrequencyHeap bytes=1000000\n",
     "loader owner=D kind=LowFrequencyHeap bytes=1000100\n", ""},
    {"loader-growth", STATUS_SKIPPED, HEAP, HEAP, "needs loader or modules"},
    {"native-growth", STATUS_HIT,
     HEAP "memory_map by=1 key=MEM_COMMIT regions=9 bytes=100000000\n"
          "memory_map by=2 key=MEM_IMAGE regions=9 bytes=20000000\n",
     HEAP "memory_map by=1 key=MEM_COMMIT regions=9 bytes=200000000\n"
          "memory_map by=2 key=MEM_IMAGE regions=9 bytes=20000000\n",
     "grew from 66.8 MiB to 162.1 MiB (+95.4 MiB), while the managed heap went from 9.5 MiB to "
     "9.5 MiB"},
    {"native-growth", STATUS_HIT, /* the map says where */
     HEAP "memory_map by=1 key=MEM_COMMIT regions=9 bytes=100000000\n"
          "memory_map by=5 key=\"0x1000 PAGE_READWRITE heap 0x100\" regions=1 bytes=1048576\n"
          "memory_map by=5 key=\"0x9000 PAGE_READWRITE gc-heap\" regions=1 bytes=1048576\n",
     HEAP "memory_map by=1 key=MEM_COMMIT regions=9 bytes=200000000\n"
          "memory_map by=5 key=\"0x1000 PAGE_READWRITE heap 0x100\" regions=1 bytes=3145728\n"
          "memory_map by=5 key=\"0x5000 PAGE_READWRITE\" regions=1 bytes=5242880\n"
          "memory_map by=5 key=\"0x9000 PAGE_READWRITE gc-heap\" regions=1 bytes=9437184\n",
     "; most in 0x5000 PAGE_READWRITE (+5.0 MiB), 0x1000 PAGE_READWRITE heap 0x100 (+2.0 MiB)."},
    {"native-growth", STATUS_CLEAR, /* the managed heap explains it */
     "gc committed_bytes=10000000\nmemory_map by=1 key=MEM_COMMIT regions=9 bytes=100000000\n",
     "gc committed_bytes=90000000\nmemory_map by=1 key=MEM_COMMIT regions=9 bytes=180000000\n", ""},
    {"native-growth", STATUS_SKIPPED, HEAP, HEAP, "needs a memory map"},
    {"largest-free-shrinking", STATUS_HIT,
     "origin pointer_bytes=4\nmemory_map by=4 key=Free bytes=400000000\n",
     "origin pointer_bytes=4\nmemory_map by=4 key=Free bytes=90000000\n",
     "largest free block of address space is 85.8 MiB, 381.5 MiB before"},
    {"largest-free-shrinking", STATUS_CLEAR,
     "origin pointer_bytes=8\nmemory_map by=4 key=Free bytes=400000000\n",
     "origin pointer_bytes=8\nmemory_map by=4 key=Free bytes=90000000\n", ""},
    {"largest-free-shrinking", STATUS_SKIPPED, "memory_map by=0 key=Heap bytes=7\n", NULL,
     "do not say"},
    {"stack-growing", STATUS_HIT,
     "stacks frames=\"ntdll!RtlAllocateHeap|lib!f|app!g\" count=5 bytes=500\n",
     "stacks frames=\"ntdll!RtlAllocateHeap|lib!f|app!g\" count=50 bytes=5000\n",
     "4.4 KiB more is outstanding from lib!f <- app!g: 4.9 KiB in 50 allocations, 500 B before"},
    {"stack-growing", STATUS_CLEAR, "stacks frames=\"lib!f|app!g\" count=5 bytes=500\n",
     "stacks frames=\"lib!f|app!g\" count=5 bytes=500\nstacks frames=\"a!b\" count=0 bytes=0\n",
     ""},
    {"stack-growing", STATUS_CLEAR, "stacks frames=\"main|[below massif's threshold]\" bytes=500\n",
     "stacks frames=\"main|[below massif's threshold]\" bytes=50000\n", ""},
    {"stack-growing", STATUS_SKIPPED, HEAP, HEAP, "needs stacks"},
    {"module-growing", STATUS_HIT, "stacks frames=\"malloc|lib!f|app!g\" count=5 bytes=500\n",
     "stacks frames=\"malloc|lib!f|app!g\" count=50 bytes=5000\n",
     "lib has 4.4 KiB more outstanding: 4.9 KiB, 500 B before; 100.0 % of all growth"},
    {"module-growing", STATUS_CLEAR, "stacks frames=\"lib!f|app!g\" count=5 bytes=500\n",
     "stacks frames=\"lib!f|app!g\" count=5 bytes=501\n", ""},
    {"module-growing", STATUS_SKIPPED, HEAP, HEAP, "needs allocations and their modules"},
    {"allocation-size-dominates", STATUS_HIT,
     "stacks frames=\"lib!f\" count=5 bytes=2110 size_each=422\n",
     "stacks frames=\"lib!f\" count=50 bytes=21100 size_each=422\n"
     "stacks frames=\"lib!g\" count=2 bytes=64 size_each=32\n",
     "Allocations of 422 bytes each are 99.7 % of all growth: 20.6 KiB, 2.1 KiB before"},
    {"allocation-size-dominates", STATUS_CLEAR,
     "stacks frames=\"lib!f\" count=2 bytes=64 size_each=32\n"
     "stacks frames=\"lib!g\" count=3 bytes=192 size_each=64\n"
     "stacks frames=\"lib!h\" count=3 bytes=192 size_each=65\n",
     NULL, ""},
    {"allocation-size-dominates", STATUS_SKIPPED, "stacks frames=\"lib!f\" count=5 bytes=2110\n",
     NULL, "needs the sizes"},
    {"native-explained", STATUS_HIT,
     "counters name=process.private_bytes value=100000000\n"
     "stacks frames=\"lib!f\" count=5 bytes=1048576\n",
     "counters name=process.private_bytes value=200000000\n"
     "stacks frames=\"lib!f\" count=5 bytes=11534336\n",
     "Of 95.4 MiB by which native memory grew, allocations account for 10.0 MiB (10.5 %)"},
    {"native-explained", STATUS_CLEAR,
     "counters name=process.private_bytes value=100000000\n"
     "stacks frames=\"lib!f\" count=5 bytes=1048576\n",
     "counters name=process.private_bytes value=100000001\n"
     "stacks frames=\"lib!f\" count=5 bytes=11534336\n",
     ""},
    {"native-explained", STATUS_SKIPPED, HEAP, HEAP, "needs allocations, and a memory map"},
    {"cache-counts", STATUS_HIT,
     "types name=\"System.Web.SessionState.InProcSessionState\" gen2=1234/98720\n", NULL,
     "There are 1,234 sessions kept in the process"},
    {"cache-counts", STATUS_CLEAR, HEAP, NULL, ""},
    {"cache-counts", STATUS_SKIPPED, "locks\n", NULL, "needs types"},
};

static const struct finding *rules_find(const struct findings *f, const char *rule,
                                        enum finding_status status, const char *words) {
    const struct finding *best = NULL;
    for (uint32_t i = 0; i < f->count; i++) {
        const struct finding *finding = &f->items[i];
        if (strcmp(finding->rule->id, rule) != 0 || finding->status != status)
            continue;
        best = best ? best : finding;
        if (words && strstr(finding->summary, words))
            return finding;
    }
    return best;
}

static void rules_run_case(const struct rule_case *c) {
    struct snapshot snapshots[2];
    const struct snapshot *list[2] = {&snapshots[0], &snapshots[1]};
    uint32_t count = c->new_one ? 2 : 1;
    struct series series;
    struct findings findings;
    struct limits limits;
    struct err err;
    for (uint32_t i = 0; i < count; i++) {
        snapshot_init(&snapshots[i]);
        mk_snap(&snapshots[i], i ? c->new_one : c->base);
    }
    limits_init(&limits);
    findings_init(&findings);
    assert_true(series_init(&series, list, count, NULL, &err));
    assert_true(rules_run(&series, &limits, &findings, &err));
    const struct finding *finding = rules_find(&findings, c->rule, c->status, c->words);
    if (!finding)
        fail_msg("case %zu: %s is not %s", (size_t)(c - cases), c->rule,
                 finding_status_names[c->status]);
    if (c->words && !strstr(finding->summary, c->words))
        fail_msg("case %zu: %s says '%s'", (size_t)(c - cases), c->rule, finding->summary);
    if (c->status == STATUS_CLEAR && rules_find(&findings, c->rule, STATUS_HIT, NULL))
        fail_msg("%s is clear and hit", c->rule);
    findings_deinit(&findings);
    series_deinit(&series);
    for (uint32_t i = 0; i < count; i++)
        snapshot_deinit(&snapshots[i]);
}

static void rules_hit_are_clear_and_are_skipped_as_the_table_says(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        rules_run_case(&cases[i]);
}

/* trust needs nothing that could be missing: its origin is always there. */
static void every_rule_has_a_case_of_each_kind(void **state) {
    (void)state;
    for (const struct rule *const *rule = rules; *rule; rule++)
        for (int status = STATUS_HIT; status <= STATUS_SKIPPED; status++) {
            bool found = status == STATUS_SKIPPED && strcmp((*rule)->id, "trust") == 0;
            for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
                found = found || (strcmp(cases[i].rule, (*rule)->id) == 0 &&
                                  cases[i].status == (enum finding_status)status);
            if (!found)
                fail_msg("%s has no case that is %s", (*rule)->id, finding_status_names[status]);
        }
}

static void every_rule_is_explained_and_names_limits_that_exist(void **state) {
    (void)state;
    for (const struct rule *const *rule = rules; *rule; rule++) {
        assert_ptr_equal(rule_find((*rule)->id), *rule);
        assert_non_null(strstr((*rule)->explain, "hreshold"));
        assert_non_null(strstr((*rule)->explain, "What to do"));
        assert_true((*rule)->min_snapshots >= 1);
    }
    for (const struct limit_desc *limit = limit_descs; limit->key; limit++) {
        bool named = false;
        for (const struct rule *const *rule = rules; *rule; rule++)
            named = named || strstr((*rule)->explain, limit->key);
        if (!named)
            fail_msg("no rule names its limit %s", limit->key);
    }
}

static void limits_are_set_by_key_and_refused_otherwise(void **state) {
    (void)state;
    struct limits limits;
    struct err err;
    limits_init(&limits);
    assert_true(limits.growing_type_heap_percent == 0.5);
    assert_true(limits_set(&limits, "growing-type.heap-percent", "2.5", &err));
    assert_true(limits.growing_type_heap_percent == 2.5);
    assert_true(limits_set(&limits, "thread-leak.min-threads", "7", &err));
    assert_int_equal(limits.thread_growth_min, 7);
    static const char *const bad[][2] = {
        {"growing-type.heap", "1"},       {"thread-leak.min-threads", "-1"},
        {"thread-leak.min-threads", "x"}, {"thread-leak.min-threads", "1.5"},
        {"thread-leak.min-threads", ""},  {"thread-leak.min-threads", "1e300"},
        {"thread-runaway.share", "nan"},  {"thread-runaway.share", "1 "},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_false(limits_set(&limits, bad[i][0], bad[i][1], &err));
        assert_int_equal(err.code, ERR_USAGE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_hit_are_clear_and_are_skipped_as_the_table_says),
        cmocka_unit_test(every_rule_has_a_case_of_each_kind),
        cmocka_unit_test(every_rule_is_explained_and_names_limits_that_exist),
        cmocka_unit_test(limits_are_set_by_key_and_refused_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
