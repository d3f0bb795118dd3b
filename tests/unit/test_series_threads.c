/* Which thread is which, and whether it ran. */
#include "diff/rules/frames.h"
#include "diff/series/series.h"
#include "tests/support/mk_snap.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OTHER(ns) "threads os_id=99 user_ns=" ns "\n"
/* Three that only wait. */
#define WAITING(switches) \
    "threads os_id=96 user_ns=1 switches=" switches "\n" \
    "threads os_id=97 user_ns=1 switches=" switches "\n" \
    "threads os_id=98 user_ns=1 switches=" switches "\n"

struct thread_case {
    const char *what, *base, *new_one;
    const char *states; /* of thread 7, in order: "gone/none new/none" */
};

static const struct thread_case cases[] = {
    {"cpu time rose", "threads os_id=7 user_ns=5 kernel_ns=1\n",
     "threads os_id=7 user_ns=6 kernel_ns=1\n", "running/cpu"},
    {"cpu time did not", "threads os_id=7 user_ns=5\n" OTHER("1"),
     "threads os_id=7 user_ns=5\n" OTHER("2"), "unchanged/cpu"},
    {"times that are all zero were not recorded", "threads os_id=7 user_ns=0 kernel_ns=0\n",
     "threads os_id=7 user_ns=0 kernel_ns=0\n", "not_recorded/none"},
    {"no times at all", "threads os_id=7\n", "threads os_id=7\n", "not_recorded/none"},
    {"switches show what ticks miss", "threads os_id=7 user_ns=5 switches=10\n" OTHER("1"),
     "threads os_id=7 user_ns=5 switches=260\n" OTHER("2"), "running/switches"},
    {"two switches are those of being stopped",
     "threads os_id=7 user_ns=5 switches=10\n" OTHER("1"),
     "threads os_id=7 user_ns=5 switches=12\n" OTHER("2"), "unchanged/switches"},
    {"microseconds and two switches are those of being stopped alive",
     "threads os_id=7 user_ns=11000 switches=10 frames=\"A.B()\"\n" OTHER("1"),
     "threads os_id=7 user_ns=115000 switches=12 frames=\"A.B()\"\n" OTHER("2"),
     "unchanged/switches"},
    {"a dump between that is not here stopped all alike",
     "threads os_id=7 user_ns=11000 switches=10 frames=\"A.B()\"\n" WAITING("10") OTHER("1"),
     "threads os_id=7 user_ns=115000 switches=14 frames=\"A.B()\"\n" WAITING("14") OTHER("2"),
     "unchanged/switches"},
    {"as many switches where others had fewer: it ran",
     "threads os_id=7 user_ns=11000 switches=10 frames=\"A.B()\"\n" WAITING("10") OTHER("1"),
     "threads os_id=7 user_ns=115000 switches=14 frames=\"A.B()\"\n" WAITING("12") OTHER("2"),
     "running/cpu"},
    {"milliseconds are not", "threads os_id=7 user_ns=11000 switches=10\n" OTHER("1"),
     "threads os_id=7 user_ns=2011000 switches=12\n" OTHER("2"), "running/cpu"},
    {"another stack: it ran", "threads os_id=7 user_ns=5 frames=\"A.B()\"\n" OTHER("1"),
     "threads os_id=7 user_ns=5 frames=\"A.C()\"\n" OTHER("2"), "running/memory"},
    {"registers and stack are the same", "threads os_id=7 registers_hash=1 live_stack_hash=2\n",
     "threads os_id=7 registers_hash=1 live_stack_hash=2\n", "unchanged/memory"},
    {"dead stack bytes changed", "threads os_id=7 registers_hash=1 dead_stack_hash=2\n",
     "threads os_id=7 registers_hash=1 dead_stack_hash=3\n", "running/memory"},
    {"a spinner may have equal registers: user mode means running",
     "threads os_id=7 registers_hash=1 live_stack_hash=2 user_mode=1\n",
     "threads os_id=7 registers_hash=1 live_stack_hash=2 user_mode=1\n", "running/memory"},
    {"another start time", "threads os_id=7 start_time_ns=1 user_ns=5\n",
     "threads os_id=7 start_time_ns=2 user_ns=6\n", "gone/none new/none"},
    {"the same start time, though renamed", "threads os_id=7 start_time_ns=1 name=a user_ns=5\n",
     "threads os_id=7 start_time_ns=1 name=b user_ns=6\n", "running/cpu"},
    {"another name", "threads os_id=7 name=a user_ns=5\n", "threads os_id=7 name=b user_ns=6\n",
     "gone/none new/none"},
    {"younger than before",
     "threads os_id=7 user_ns=5 elapsed_ns=9000000000\n"
     "threads os_id=8 user_ns=5 elapsed_ns=9000000000\n"
     "threads os_id=9 user_ns=5 elapsed_ns=9000000000\n",
     "threads os_id=7 user_ns=6 elapsed_ns=1000000000\n"
     "threads os_id=8 user_ns=5 elapsed_ns=19000000000\n"
     "threads os_id=9 user_ns=5 elapsed_ns=19000000000\n",
     "gone/none new/none"},
    {"aged less than the others: its id was reused",
     "threads os_id=7 user_ns=5 elapsed_ns=1000000000\n"
     "threads os_id=8 user_ns=5 elapsed_ns=9000000000\n"
     "threads os_id=9 user_ns=5 elapsed_ns=9000000000\n",
     "threads os_id=7 user_ns=6 elapsed_ns=3000000000\n"
     "threads os_id=8 user_ns=5 elapsed_ns=109000000000\n"
     "threads os_id=9 user_ns=5 elapsed_ns=109000000000\n",
     "gone/none new/none"},
    {"cpu time fell", "threads os_id=7 user_ns=500\n" OTHER("1"),
     "threads os_id=7 user_ns=5\n" OTHER("2"), "gone/none new/none"},
    {"a core for the whole interval",
     "origin captured_at=0\nthreads os_id=7 user_ns=0\n" OTHER("1"),
     "origin captured_at=5000000000\nthreads os_id=7 user_ns=4900000000\n" OTHER("2"),
     "runaway/cpu"},
    {"half a core", "origin captured_at=0\nthreads os_id=7 user_ns=0\n" OTHER("1"),
     "origin captured_at=5000000000\nthreads os_id=7 user_ns=2500000000\n" OTHER("2"),
     "running/cpu"},
    {"no interval, but clearly the largest", "threads os_id=7 user_ns=0\n" OTHER("1"),
     "threads os_id=7 user_ns=2500000000\n" OTHER("900000000"), "runaway/cpu"},
    {"no interval, and asleep in the dump", "threads os_id=7 user_ns=0\n" OTHER("1"),
     "threads os_id=7 user_ns=2500000000 user_mode=0\n" OTHER("900000000"), "running/cpu"},
    {"a tenth of a core, and kept from the rest",
     "origin captured_at=0\nthreads os_id=7 user_ns=0 run_delay_ns=0 user_mode=1\n" OTHER("1"),
     "origin captured_at=5000000000\n"
     "threads os_id=7 user_ns=500000000 run_delay_ns=4400000000 user_mode=1\n" OTHER("2"),
     "runaway/cpu"},
    {"a tenth of a core, executing by chance",
     "origin captured_at=0\nthreads os_id=7 user_ns=0 run_delay_ns=0 user_mode=1\n" OTHER("1"),
     "origin captured_at=50000000000\n"
     "threads os_id=7 user_ns=4000000000 run_delay_ns=100000000 user_mode=1\n" OTHER("2"),
     "running/cpu"},
    {"8 % of a core, executing by chance: another used as much",
     "origin captured_at=0\nthreads os_id=7 user_ns=0 user_mode=1\n" OTHER("1"),
     "origin captured_at=50000000000\n"
     "threads os_id=7 user_ns=4000000000 user_mode=1\n" OTHER("3000000000"),
     "running/cpu"},
    {"8 % of a core, but executing in both dumps and clearly the largest",
     "origin captured_at=0\nthreads os_id=7 user_ns=0 user_mode=1\n" OTHER("1"),
     "origin captured_at=50000000000\nthreads os_id=7 user_ns=4000000000 user_mode=1\n" OTHER("2"),
     "runaway/cpu"},
    {"the same, beside one that wrote the dumps",
     "origin captured_at=0\nthreads os_id=7 user_ns=0 kernel_ns=0 user_mode=1\n"
     "threads os_id=9 user_ns=1 kernel_ns=0\n",
     "origin captured_at=50000000000\n"
     "threads os_id=7 user_ns=4000000000 kernel_ns=0 user_mode=1\n"
     "threads os_id=9 user_ns=200000000 kernel_ns=6000000000\n",
     "runaway/cpu"},
    {"no interval, and one of two", "threads os_id=7 user_ns=0\n" OTHER("1"),
     "threads os_id=7 user_ns=2500000000\n" OTHER("2400000000"), "running/cpu"},
};

static void states_of(const struct series *s, struct strbuf *out) {
    /* Gone before new: the order of equal ids is that of their first snapshot. */
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct series_thread *thread = &s->threads[i];
        if (thread->os_id == 7)
            strbuf_addf(out, "%s%s/%s", out->len ? " " : "", thread_state_names[thread->state],
                        thread_evidence_names[thread->evidence]);
    }
}

static void series_threads_run_case(const struct thread_case *c) {
    struct snapshot a, b;
    const struct snapshot *list[2] = {&a, &b};
    struct series s;
    struct strbuf states;
    struct err err;
    snapshot_init(&a);
    snapshot_init(&b);
    mk_snap(&a, c->base);
    mk_snap(&b, c->new_one);
    assert_true(series_init(&s, list, 2, NULL, &err));
    strbuf_init(&states);
    states_of(&s, &states);
    if (strcmp(strbuf_cstr(&states), c->states) != 0)
        fail_msg("%s: %s", c->what, strbuf_cstr(&states));
    strbuf_deinit(&states);
    series_deinit(&s);
    snapshot_deinit(&b);
    snapshot_deinit(&a);
}

static void threads_match_and_have_the_state_that_the_table_says(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        series_threads_run_case(&cases[i]);
}

/*
 * Most of the time the program was stopped for the dumps. Three dumps found it at one place; or
 * two, and nobody else ran as much.
 */
static void found_at_one_place_is_evidence(void **state) {
    (void)state;
    static const struct {
        const char *frames;
        uint32_t from; /* the first of the dumps */
        const char *other, *state;
        unsigned switches; /* of who only waits, from dump to dump: two a stop */
    } last[] = {{"Shop.Loop()|Shop.Main()", 0, "900000", "runaway", 2},
                {"Shop.Other()|Shop.Main()", 0, "900000", "running", 2},
                {"Shop.Loop()|Shop.Main()", 1, "0", "runaway", 2},
                {"Shop.Loop()|Shop.Main()", 1, "900000", "running", 2},
                {"Shop.Loop()|Shop.Main()", 1, "900000", "runaway", 4}};
    for (size_t k = 0; k < sizeof(last) / sizeof(*last); k++) {
        struct snapshot snapshots[3];
        const struct snapshot *list[3];
        struct series s;
        struct err err;
        for (unsigned i = 0; i < 3; i++) {
            char text[800], waiting[24];
            (void)snprintf(waiting, sizeof(waiting), "%u", i * last[k].switches);
            (void)snprintf(text, sizeof(text),
                           "origin captured_at=%u0000000000\nthreads os_id=7 user_ns=%u00000000 "
                           "run_delay_ns=%u000000000 user_mode=1 frames=\"%s\"\n" OTHER("%u%s")
                               WAITING("%s"),
                           i, 1 + i, 3 * i, i < 2 ? last[0].frames : last[k].frames, 10 + i * 90,
                           last[k].other, waiting, waiting, waiting);
            snapshot_init(&snapshots[i]);
            mk_snap(&snapshots[i], text);
            list[i] = &snapshots[i];
        }
        assert_true(series_init(&s, list + last[k].from, 3 - last[k].from, NULL, &err));
        for (uint32_t i = 0; i < s.thread_count; i++)
            if (s.threads[i].os_id == 7)
                assert_string_equal(thread_state_names[s.threads[i].state], last[k].state);
        series_deinit(&s);
        for (unsigned i = 0; i < 3; i++)
            snapshot_deinit(&snapshots[i]);
    }
}

static void the_interval_is_that_of_the_dumps_or_of_their_threads(void **state) {
    (void)state;
    struct snapshot a, b;
    const struct snapshot *list[2] = {&a, &b};
    struct series s;
    struct err err;
    snapshot_init(&a);
    snapshot_init(&b);
    mk_snap(&a, "threads os_id=1 elapsed_ns=100\nthreads os_id=2 elapsed_ns=50\n");
    mk_snap(&b, "threads os_id=1 elapsed_ns=700\nthreads os_id=2 elapsed_ns=650\n");
    assert_true(series_init(&s, list, 2, NULL, &err));
    assert_int_equal(s.interval_ns, 600);
    series_deinit(&s);
    snapshot_deinit(&b);
    snapshot_deinit(&a);
}

static const struct view_case {
    const char *frames;
    enum wait_kind wait;
    const char *place;
} views[] = {
    {"System.Threading.Thread.Sleep(Int32)|P+<>c.<Main>b__4_1()|System.Threading.Thread.Start()",
     WAIT_SLEEP, "P+<>c.<Main>b__4_1 -> Thread.Sleep"},
    {"[HelperMethodFrame_1OBJ: 00ab] System.Threading.Monitor.ReliableEnter(System.Object)|A.F()",
     WAIT_LOCK, "A.F -> Monitor.ReliableEnter"},
    {"System.Threading.Monitor.Wait(System.Object)|App.Queue.Take()", WAIT_IDLE,
     "App.Queue.Take -> Monitor.Wait"},
    {"System.Threading.Monitor.Wait(System.Object)|System.Threading.SemaphoreSlim.Wait()|"
     "System.Collections.Concurrent.BlockingCollection`1[[X, y]].TryTake(X)|App.Worker.Run()",
     WAIT_IDLE, "App.Worker.Run -> BlockingCollection`1.TryTake"},
    {"System.Threading.ManualResetEventSlim.Wait()|System.Threading.Tasks.Task.InternalWait()|"
     "System.Runtime.CompilerServices.TaskAwaiter.GetResult()|App.C.Get()",
     WAIT_TASK, "App.C.Get -> TaskAwaiter.GetResult"},
    {"System.Threading.Tasks.Task.Wait()|Microsoft.Extensions.Hosting."
     "HostingAbstractionsHostExtensions.Run(IHost)|App.Program.Main()",
     WAIT_IDLE, "App.Program.Main -> HostingAbstractionsHostExtensions.Run"},
    {"App.Spin.Loop()|System.Threading.Thread.Start()", WAIT_NOT, "App.Spin.Loop"},
    {"System.Threading.Thread.Start()", WAIT_IDLE, "Thread.Start"},
    /* Where all threads begin says nothing of one. */
    {"Interop+Sys.Read()|System.IO.FileSystemWatcher+RunningInstance.ProcessEvents()|"
     "System.Threading.Thread.StartCallback()",
     WAIT_IDLE, "FileSystemWatcher+RunningInstance.ProcessEvents"},
    {"System.Threading.Thread.StartCallback()", WAIT_IDLE, "Thread.StartCallback"},
    {"app.dll!App.X.F()|coreclr.dll!Y", WAIT_NOT, "App.X.F"},
    {"", WAIT_NOT, ""},
};

static void stacks_say_what_a_thread_waits_for(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++) {
        struct snapshot snapshot;
        struct strbuf text, place;
        strbuf_init(&text);
        strbuf_init(&place);
        strbuf_addf(&text, "threads os_id=1 frames=\"%s\"\n", views[i].frames);
        snapshot_init(&snapshot);
        mk_snap(&snapshot, strbuf_cstr(&text));
        const struct thread_row *row = snapshot_row(&snapshot, PART_THREADS);
        stack_place(row, &place);
        assert_string_equal(strbuf_cstr(&place), views[i].place);
        assert_int_equal(stack_view(row).wait, views[i].wait);
        snapshot_deinit(&snapshot);
        strbuf_deinit(&place);
        strbuf_deinit(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_match_and_have_the_state_that_the_table_says),
        cmocka_unit_test(found_at_one_place_is_evidence),
        cmocka_unit_test(the_interval_is_that_of_the_dumps_or_of_their_threads),
        cmocka_unit_test(stacks_say_what_a_thread_waits_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
