#include "dotnet/managed_frames.h"
#include "input/input.h"
#include "memory/stacks/native_stacks.h"
#include "model/rows_heap.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define FRAMES_MAX 12

static struct strings managed_frames_of(const char **items) {
    struct strings s = {items, 0};
    while (s.count < FRAMES_MAX && items[s.count])
        s.count++;
    return s;
}

static void the_outermost_library_frame_names_the_wait(void **state) {
    (void)state;
    static const struct {
        const char *frames[FRAMES_MAX];
        const char *wait;
        uint32_t depth;
    } cases[] = {
        {{"System.Threading.Thread.SleepInternal(Int32)", "System.Threading.Thread.Sleep(Int32)",
          "Inn.Porter.Nap()"},
         "Thread.Sleep",
         2},
        {{"System.Threading.Monitor.ReliableEnter(System.Object, Boolean ByRef)",
          "Inn.Ledger.Post(Int32)", "Inn.Porter.Run()"},
         "Monitor.Enter",
         1},
        {{"System.Threading.Monitor.ObjWait(Boolean, Int32, System.Object)",
          "System.Threading.Monitor.Wait(System.Object, Int32, Boolean)",
          "System.Threading.ManualResetEventSlim.Wait(Int32, System.Threading.CancellationToken)",
          "Inn.Key.Finalize()"},
         "ManualResetEventSlim.Wait",
         3},
        {{"System.Threading.ManualResetEventSlim.Wait(Int32, System.Threading.CancellationToken)",
          "System.Threading.Tasks.Task.SpinThenBlockingWait(Int32)",
          "System.Threading.Tasks.Task.InternalWait(Int32)",
          "System.Threading.Tasks.Task`1[[System.__Canon, System.Private.CoreLib]].GetResultCore("
          "Boolean)",
          "Inn.Guest.Load()"},
         "Task.Result",
         4},
        {{"System.Private.CoreLib.dll!System.Threading.Thread.Join(Int32)", "Inn.Porter.Stop()"},
         "Thread.Join",
         1},
        {{"Interop+Kernel32.WaitForSingleObject(IntPtr, UInt32)",
          "System.Threading.WaitHandle.WaitOneCore(IntPtr, Int32)", "Inn.Bell.Listen()"},
         "WaitHandle.WaitOne",
         2},
        {{"Inn.Ledger.Sum()", "System.Threading.Thread.Sleep(Int32)"}, NULL, 0},
        {{"System.String.Concat(System.String, System.String)",
          "System.Threading.Tasks.Task.Wait()"},
         NULL,
         0},
        {{NULL}, NULL, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *items[FRAMES_MAX];
        memcpy(items, cases[i].frames, sizeof(items));
        struct strings frames = managed_frames_of(items);
        uint32_t depth = 77;
        const char *wait = managed_frames_wait(&frames, &depth);
        if (cases[i].wait)
            assert_string_equal(wait, cases[i].wait);
        else
            assert_null(wait);
        assert_int_equal(depth, cases[i].depth);
    }
}

static void native_waits_of_both_systems_are_known(void **state) {
    (void)state;
    static const struct {
        const char *frames[3];
        const char *wait;
    } cases[] = {
        {{"ntdll!NtDelayExecution", "KERNELBASE!SleepEx"}, "Sleep"},
        {{"ntdll!KiFastSystemCallRet", "ntdll!ZwWaitForSingleObject"}, "WaitForSingleObject"},
        {{"libc.so.6!__poll", "libcoreclr.so"}, "poll"},
        {{"libc.so.6", "libc.so.6!pthread_cond_wait", "libcoreclr.so"}, "condition variable"},
        {{"inn.so!poll", "libc.so.6"}, NULL},
        {{"libc.so.6!read_all", "inn.so"}, NULL},
        {{"inn.so!Boil", "libc.so.6", "libc.so.6!__poll"}, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *items[4] = {cases[i].frames[0], cases[i].frames[1], cases[i].frames[2]};
        struct strings frames = {items, items[2] ? 3 : 2};
        const char *wait = os_frames_wait(&frames);
        if (cases[i].wait)
            assert_string_equal(wait, cases[i].wait);
        else
            assert_null(wait);
    }
}

static void start_frames_and_names_give_the_role(void **state) {
    (void)state;
    static const struct {
        const char *name, *managed, *native, *role;
    } cases[] = {
        {NULL, "System.Threading.PortableThreadPool+WorkerThread.WorkerThreadStart()", NULL,
         "threadpool-worker"},
        {NULL, "System.Threading.ThreadPoolWorkQueue.Dispatch()", NULL, "threadpool-worker"},
        {NULL, "System.Threading.PortableThreadPool+GateThread.GateThreadStart()", NULL, "gate"},
        {NULL, "System.Threading.TimerQueue.TimerThread()", NULL, "timer"},
        {NULL, NULL, "clr!SVR::gc_heap::gc_thread_stub", "gc"},
        {NULL, NULL, "clr!FinalizerThread::FinalizerThreadStart", "finalizer"},
        {".NET TP Worker", NULL, NULL, "threadpool-worker"},
        {".NET Tiered Com", NULL, NULL, "tiered-compilation"},
        {"cook", "Inn.Kitchen.Run()", "clr!Thread::intermediateThreadProc", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *managed[] = {"Inn.Kitchen.Stir()", cases[i].managed};
        const char *native[] = {"ntdll!NtWaitForSingleObject", cases[i].native};
        struct thread_row t = {.name = cases[i].name};
        t.frames = (struct strings){managed, cases[i].managed ? 2 : 0};
        t.native_frames = (struct strings){native, cases[i].native ? 2 : 0};
        const char *role = managed_frames_role(&t);
        if (cases[i].role)
            assert_string_equal(role, cases[i].role);
        else
            assert_null(role);
    }
}

struct built {
    struct snapshot s;
    struct builder *b;
};

static void built_init(struct built *x) {
    struct err err;
    snapshot_init(&x->s);
    x->b = builder_new(&x->s, &err);
    assert_non_null(x->b);
}

static struct thread_row *built_thread(struct built *x, uint64_t os_id) {
    struct err err;
    struct thread_row *t = builder_thread(x->b, os_id, ABSENT, &err);
    assert_non_null(t);
    return t;
}

static void built_finish(struct built *x) {
    struct err err;
    assert_true(input_finish(x->b, &err));
    builder_free(x->b);
}

static void the_pool_of_the_system_makes_its_own_threads(void **state) {
    (void)state;
    static const struct {
        const char *frames[3];
        const char *role;
    } cases[] = {
        {{"ntdll!NtWaitForWorkViaWorkerFactory", "ntdll!TppWorkerThread", NULL}, "os-pool"},
        {{"clr!ThreadpoolMgr::WorkerThreadStart", "ntdll!TppWorkerThread", NULL}, "os-pool"},
        {{"ntdll!TppWorkerThread", "clr!ThreadpoolMgr::WorkerThreadStart", NULL},
         "threadpool-worker"},
        {{"inn!TppWorker", "inn!Boil", NULL}, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct built x;
        struct err err;
        built_init(&x);
        struct str items[] = {str_of(cases[i].frames[0]), str_of(cases[i].frames[1])};
        assert_true(builder_strings(x.b, items, 2, &built_thread(&x, 1)->native_frames, &err));
        built_finish(&x);
        SNAPSHOT_ROWS(&x.s, PART_THREADS, struct thread_row, threads, count);
        assert_int_equal(count, 1);
        if (cases[i].role)
            assert_string_equal(threads[0].role, cases[i].role);
        else
            assert_null(threads[0].role);
        snapshot_deinit(&x.s);
    }
}

static void a_finalizer_that_waits_is_named_and_blocked(void **state) {
    (void)state;
    static const struct {
        const char *frames[4];
        const char *running;
        uint64_t blocked;
    } cases[] = {
        {{"System.Threading.Monitor.Wait(System.Object)",
          "System.Threading.ManualResetEventSlim.Wait()", "Inn.Key.Finalize()",
          "System.GC.RunFinalizers()"},
         "Inn.Key.Finalize",
         1},
        {{"Inn.Key.Count(Int32)", "Inn.Key.Finalize()", "System.GC.RunFinalizers()", NULL},
         "Inn.Key.Finalize",
         0},
        {{"System.Threading.WaitHandle.WaitOne()", "Inn.Pool.Idle()", NULL, NULL}, NULL, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct built x;
        struct err err;
        built_init(&x);
        struct thread_row *t = built_thread(&x, 0x2a);
        t->role = "finalizer";
        struct str items[4];
        uint32_t count = 0;
        for (; count < 4 && cases[i].frames[count]; count++)
            items[count] = str_of(cases[i].frames[count]);
        assert_true(builder_strings(x.b, items, count, &t->frames, &err));
        built_finish(&x);
        const struct finalizer_row *f = snapshot_row(&x.s, PART_FINALIZER);
        assert_non_null(f);
        assert_int_equal(f->thread_os_id, 0x2a);
        assert_int_equal(f->blocked, cases[i].blocked);
        if (cases[i].running)
            assert_string_equal(f->running, cases[i].running);
        else
            assert_null(f->running);
        snapshot_deinit(&x.s);
    }
}

static void a_finalizer_thread_without_frames_leaves_blocked_unsaid(void **state) {
    (void)state;
    struct built x;
    built_init(&x);
    built_thread(&x, 7)->role = "finalizer";
    built_finish(&x);
    const struct finalizer_row *f = snapshot_row(&x.s, PART_FINALIZER);
    assert_int_equal(f->thread_os_id, 7);
    assert_true(f->blocked == ABSENT);
    snapshot_deinit(&x.s);
}

/* No list of threads says which one the finalizer is. */
static void the_finalizer_is_known_by_the_call_it_begins_with(void **state) {
    (void)state;
    static const struct {
        const char *outer[2]; /* of two threads, both in a wait */
        uint64_t ready, thread;
    } cases[] = {
        {{"Inn.Key.Finalize()", "Inn.Pool.Idle()"}, 3, 1},
        {{"Inn.Pool.Idle()", "Inn.Key.Finalize()"}, 3, 2},
        {{"Inn.Key.Finalize()", "Inn.Key.Finalize()"}, 3, ABSENT}, /* one of them calls it */
        {{"Inn.Key.Finalize()", "Inn.Pool.Idle()"}, 0, ABSENT},    /* none waits for it */
        {{"Inn.Key.Finalizer()", "Inn.Pool.Idle()"}, 3, ABSENT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct built x;
        struct err err;
        built_init(&x);
        struct finalizer_row *row = builder_single(x.b, PART_FINALIZER, &err);
        assert_non_null(row);
        row->ready = cases[i].ready;
        for (uint32_t k = 0; k < 2; k++) {
            struct thread_row *t = built_thread(&x, k + 1);
            const struct str items[] = {STR("System.Threading.WaitHandle.WaitOne()"),
                                        str_of(cases[i].outer[k]),
                                        STR("[ContextTransitionFrame: 0286fc1c]")};
            assert_true(builder_strings(x.b, items, 3, &t->frames, &err));
        }
        built_finish(&x);
        const struct finalizer_row *f = snapshot_row(&x.s, PART_FINALIZER);
        assert_true(f->thread_os_id == cases[i].thread);
        assert_true((f->blocked == 1) == (cases[i].thread != ABSENT));
        snapshot_deinit(&x.s);
    }
}

static void times_that_are_all_zero_were_not_recorded(void **state) {
    (void)state;
    for (uint64_t kernel = 0; kernel < 2; kernel++) {
        struct built x;
        built_init(&x);
        struct thread_row *t = built_thread(&x, 1);
        t->user_ns = 0;
        t->kernel_ns = kernel;
        built_thread(&x, 2)->user_ns = 0;
        built_thread(&x, 3)->elapsed_ns = 5;
        built_finish(&x);
        SNAPSHOT_ROWS(&x.s, PART_THREADS, struct thread_row, threads, count);
        assert_int_equal(count, 3);
        assert_int_equal(threads[0].cpu_recorded, kernel);
        assert_int_equal(threads[1].cpu_recorded, kernel);
        assert_true(threads[2].cpu_recorded == ABSENT);
        snapshot_deinit(&x.s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_outermost_library_frame_names_the_wait),
        cmocka_unit_test(native_waits_of_both_systems_are_known),
        cmocka_unit_test(start_frames_and_names_give_the_role),
        cmocka_unit_test(the_pool_of_the_system_makes_its_own_threads),
        cmocka_unit_test(a_finalizer_that_waits_is_named_and_blocked),
        cmocka_unit_test(the_finalizer_is_known_by_the_call_it_begins_with),
        cmocka_unit_test(a_finalizer_thread_without_frames_leaves_blocked_unsaid),
        cmocka_unit_test(times_that_are_all_zero_were_not_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
