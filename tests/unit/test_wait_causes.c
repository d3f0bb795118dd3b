/* Causes whose waits lead over tasks, async methods, semaphores and locks that threads share. */
#include "made_causes.h"

#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/rows_threads.h"

#define WAIT  "System.Threading.Tasks.Task.Wait()"
#define EVENT "System.Threading.ManualResetEventSlim.Wait()"
#define SHARE "System.Threading.ReaderWriterLockSlim.EnterReadLock()"

/* Another that ran: without one, the dumps would be the same dump twice. */
static void add_runner(struct made *m, uint32_t i) {
    causes_add_worker(m, i, 5, "runner", "Yard.Work.Count()|Yard.Work.Start()", 0)->user_ns *=
        i + 1;
}

static struct wait_row *add_waited(struct made *m, uint32_t i, uint64_t address, const char *kind,
                                   const char *type, uint64_t next) {
    struct wait_row *row = made_row(m, i, PART_WAITS);
    row->address = address;
    row->kind = made_text(m, i, kind);
    row->type = made_text(m, i, type);
    row->next = next ? next : ABSENT;
    return row;
}

/* Holds a lock and waits for a task whose thread wants it. */
static void a_circle_may_lead_over_a_task(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        causes_add_worker(&m, i, 11, "closer", WAIT "|Yard.Work.Close()", 0x500);
        causes_add_worker(&m, i, 12, "worker", ENTER "|Yard.Work.Count()", 0x100);
        causes_add_lock(&m, i, 0x100, 11, 1);
        struct wait_row *task =
            add_waited(&m, i, 0x500, WAIT_ON_TASK, "System.Threading.Tasks.Task", 0);
        task->name = made_text(&m, i, "Yard.Work.Count");
        task->state = made_text(&m, i, WAIT_STATE_RUNNING);
        task->owner_os_id = 12;
    }
    causes_judge(&m, &c);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.items[0].kind, CAUSE_DEADLOCK);
    causes_says(c.items[0].summary, "Deadlock of 2 threads");
    causes_says(c.items[0].summary,
                "closer waits for the task Yard.Work.Count, which thread 0xc worker runs");
    causes_says(c.items[0].summary,
                "worker waits for a lock on Yard.Gate, which thread 0xb closer holds");
    causes_says(c.items[0].next, "Await the task");
    assert_non_null(made_hit(&m, "deadlock", NULL));
    causes_deinit(&c);
    made_deinit(&m);
}

/* Nobody but the thread that waits could go on with what it waits for. */
static void a_thread_may_wait_for_itself(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        causes_add_worker(&m, i, 21, "screen", WAIT "|Yard.Screen.Draw()", 0x500);
        struct wait_row *show =
            add_waited(&m, i, 0x500, WAIT_ON_ASYNC, "Yard.Screen+<ShowAsync>d__3", 0);
        show->await = 1;
        show->state = made_text(&m, i, WAIT_STATE_POSTED);
        show->owner_os_id = 21;
    }
    causes_judge(&m, &c);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.items[0].kind, CAUSE_DEADLOCK);
    causes_says(c.items[0].summary, "it waits for itself");
    causes_says(c.items[0].summary,
                "async Screen.ShowAsync (await 1), which only thread 0x15 screen could go on with");
    causes_deinit(&c);
    made_deinit(&m);
}

static void add_ledger(struct made *m, uint32_t i) {
    add_waited(m, i, 0x501, WAIT_ON_ASYNC, "Yard.Ledger+<PostAsync>d__1", 0x502)->await = 2;
    add_waited(m, i, 0x502, WAIT_ON_ASYNC, "Yard.Ledger+<AuditAsync>d__2", 0x503)->await = 1;
    add_waited(m, i, 0x503, WAIT_ON_TASK, "System.Threading.SemaphoreSlim+TaskNode", 0x504);
    add_waited(m, i, 0x504, WAIT_ON_SEMAPHORE, "System.Threading.SemaphoreSlim", 0x501)->name =
        made_text(m, i, "Yard.Ledger._gate");
}

static void async_methods_alone_may_be_a_circle(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        causes_add_worker(&m, i, 31, "poster", WAIT "|Yard.Work.Post()", 0x501);
        add_ledger(&m, i);
    }
    causes_judge(&m, &c);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.items[0].kind, CAUSE_DEADLOCK);
    causes_says(c.items[0].summary, "Deadlock of async methods: async Ledger.PostAsync (await 2) "
                                    "waits for async Ledger.AuditAsync (await 1), which waits for "
                                    "the semaphore Yard.Ledger._gate, which seems to be entered by "
                                    "async Ledger.PostAsync (await 2)");
    causes_says(c.items[0].summary, "poster waits behind");
    causes_says(c.items[0].next, "Leave the semaphore before awaiting");
    causes_deinit(&c);
    made_deinit(&m);
}

/* Nobody blocks on a task: there is nothing to await instead. */
static void methods_that_await_one_another_are_told_to_stop_that(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        add_runner(&m, i);
        add_waited(&m, i, 0x501, WAIT_ON_ASYNC, "Yard.Ledger+<PingAsync>d__1", 0x502);
        add_waited(&m, i, 0x502, WAIT_ON_ASYNC, "Yard.Ledger+<PongAsync>d__2", 0x501);
        causes_add_worker(&m, i, 31, "asker", WAIT "|Yard.Work.Ask()", 0x501);
    }
    causes_judge(&m, &c);
    assert_int_equal(c.items[0].kind, CAUSE_DEADLOCK);
    causes_says(c.items[0].next, "Let none of these methods await what awaits it");
    causes_deinit(&c);
    made_deinit(&m);
}

/* The end is no thread: told is the last one that holds a lock, and what it waits for. */
static void who_holds_a_lock_is_told_with_what_it_waits_for(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        causes_add_worker(&m, i, 41, "holder", EVENT "|Yard.Work.Hold()", 0x500);
        causes_add_worker(&m, i, 42, "first", ENTER "|Yard.Work.One()", 0x100);
        causes_add_worker(&m, i, 43, "second", ENTER "|Yard.Work.Two()", 0x100);
        causes_add_lock(&m, i, 0x100, 41, 2)->name = made_text(&m, i, "static Yard.Work.s_gate");
        add_waited(&m, i, 0x500, WAIT_ON_EVENT, "System.Threading.ManualResetEventSlim", 0)->name =
            made_text(&m, i, "Yard.Shelf.Filled");
    }
    causes_judge(&m, &c);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.items[0].kind, CAUSE_BLOCKED);
    causes_says(c.items[0].subject, "holder");
    causes_says(c.items[0].summary, "holds a lock on Yard.Gate (static Yard.Work.s_gate) that 2 "
                                    "threads wait for; it waits for the event Yard.Shelf.Filled");
    causes_says(c.items[0].next, "who should set the event Yard.Shelf.Filled");
    causes_deinit(&c);
    made_deinit(&m);
}

/* Who holds the last lock of a chain is not known: it is one cause all the same. */
static void a_chain_may_end_at_a_lock_of_nobody_known(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        add_runner(&m, i);
        causes_add_worker(&m, i, 41, "crane", ENTER "|Yard.Crane.Lift()", 0x300);
        causes_add_worker(&m, i, 42, "truck", ENTER "|Yard.Truck.Load()", 0x200);
        causes_add_worker(&m, i, 43, "clerk", ENTER "|Yard.Desk.Note()", 0x100);
        causes_add_lock(&m, i, 0x100, 42, 1);
        causes_add_lock(&m, i, 0x200, 41, 1);
        causes_add_lock(&m, i, 0x300, 0, 1)->name = made_text(&m, i, "static Yard.Crane.s_hook");
    }
    causes_judge(&m, &c);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.items[0].kind, CAUSE_BLOCKED);
    causes_says(c.items[0].subject, "crane");
    causes_says(c.items[0].summary,
                "crane holds a lock on Yard.Gate that 2 threads wait for; it waits for a lock on "
                "Yard.Gate (static Yard.Crane.s_hook) that nobody known holds and has not run (");
    causes_says(c.items[0].summary, "clerk waits for thread 0x2a truck, which waits for thread "
                                    "0x29 crane");
    causes_says(c.items[0].next, "Find who holds a lock on Yard.Gate (static Yard.Crane.s_hook)");
    causes_deinit(&c);
    made_deinit(&m);
}

static void the_finalizer_may_wait_for_a_task(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct finalizer_row *queue = made_row(&m, i, PART_FINALIZER);
        queue->ready = 10 * (i + 1);
        queue->thread_os_id = 51;
        causes_add_worker(&m, i, 51, ".NET Finalizer", WAIT "|Yard.Ticket.Finalize()", 0x500);
        add_waited(&m, i, 0x500, WAIT_ON_TASK, "System.Threading.Tasks.Task", 0)->name =
            made_text(&m, i, "static Yard.Ticket.s_done");
    }
    causes_judge(&m, &c);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.items[0].kind, CAUSE_FINALIZER);
    causes_says(c.items[0].summary,
                "waits for the task of static Yard.Ticket.s_done, which nobody has completed");
    causes_says(c.items[0].summary, "20 objects wait for finalization");
    causes_deinit(&c);
    made_deinit(&m);
}

static void a_lock_that_others_read_is_one_cause(void **state) {
    (void)state;
    for (uint64_t upgrader = 0; upgrader < 2; upgrader++) {
        struct made m;
        struct causes c;
        made_init(&m, 2);
        for (uint32_t i = 0; i < 2; i++) {
            causes_add_worker(&m, i, 61, "writer", SHARE "|Yard.Work.Write()", 0x100);
            if (!upgrader)
                causes_add_worker(&m, i, 62, "late", SHARE "|Yard.Work.Late()", 0x100);
            causes_add_lock(&m, i, 0x100, upgrader ? 61 : 0, upgrader ? 1 : 2)->readers = 1;
        }
        causes_judge(&m, &c);
        assert_int_equal(c.count, 1);
        assert_int_equal(c.items[0].kind, CAUSE_BLOCKED);
        causes_says(c.items[0].summary,
                    upgrader
                        ? "writer may upgrade a lock on Yard.Gate and waits for 1 thread"
                        : "2 threads, as thread 0x3d writer, wait for a lock on Yard.Gate that "
                          "1 thread reads and does not leave");
        causes_deinit(&c);
        made_deinit(&m);
    }
}

/* What comes by its nature is no hang, and an answer from outside is not one yet. */
static void idle_waits_are_no_causes(void **state) {
    (void)state;
    static const struct {
        const char *kind, *type, *wait_state;
        const char *finding; /* severity; NULL: none */
    } waits[] = {
        {WAIT_ON_OTHER, "System.Threading.Channels.AsyncOperation", NULL, NULL},
        {WAIT_ON_OTHER, "System.Threading.PeriodicTimer+State", WAIT_STATE_SLEEPING, NULL},
        {WAIT_ON_ASYNC, "System.Net.Sockets.TcpListener+<AcceptTcpClientAsync>d__1", WAIT_STATE_IO,
         NULL},
        {WAIT_ON_OTHER, "System.Net.Sockets.Socket+AwaitableSocketAsyncEventArgs", WAIT_STATE_IO,
         "notice"},
        {WAIT_ON_TASK, "System.Threading.Tasks.Task+DelayPromise", WAIT_STATE_SLEEPING, "notice"},
        {WAIT_ON_TASK, "System.Threading.Tasks.Task", NULL, "warning"},
    };
    for (size_t k = 0; k < sizeof(waits) / sizeof(*waits); k++) {
        struct made m;
        made_init(&m, 2);
        for (uint32_t i = 0; i < 2; i++) {
            add_runner(&m, i);
            causes_add_worker(&m, i, 71, "loop", WAIT "|Yard.Work.Loop()|Yard.Work.Start()", 0x500);
            struct wait_row *thing = add_waited(&m, i, 0x500, waits[k].kind, waits[k].type, 0);
            if (waits[k].wait_state)
                thing->state = made_text(&m, i, waits[k].wait_state);
        }
        made_rules(&m);
        const struct finding *hit = made_hit(&m, "threads-unchanged", NULL);
        if (!waits[k].finding)
            assert_null(hit);
        else
            assert_string_equal(hit ? severity_names[hit->severity] : "none", waits[k].finding);
        made_deinit(&m);
    }
}

/* A program that waits in Main for its own end. */
static void main_that_waits_for_the_program_is_idle(void **state) {
    (void)state;
    static const char *const frames[] = {WAIT "|Yard.Program.Main(System.String[])",
                                         EVENT "|Yard.Program.Main()",
                                         WAIT "|Yard.Program.<Main>(System.String[])"};
    for (size_t k = 0; k < sizeof(frames) / sizeof(*frames); k++) {
        struct made m;
        made_init(&m, 2);
        for (uint32_t i = 0; i < 2; i++) {
            add_runner(&m, i);
            causes_add_worker(&m, i, 81, "yard", frames[k], 0);
        }
        made_rules(&m);
        assert_null(made_hit(&m, "threads-unchanged", NULL));
        made_deinit(&m);
    }
}

/* Without any CPU times: in its own code whenever a dump was made, at the same place. */
static void a_loop_is_told_without_cpu_times(void **state) {
    (void)state;
    struct made m;
    made_init(&m, 3);
    for (uint32_t i = 0; i < 3; i++) {
        struct thread_row *row = made_thread(&m, i, 91, "hot");
        made_frames(&m, i, &row->frames, "Yard.Work.Spin()|Yard.Work.Start()");
        row->user_mode = 1;
        row->registers_hash = 7 + i;
    }
    made_rules(&m);
    const struct finding *hit = made_hit(&m, "thread-runaway", NULL);
    assert_non_null(hit);
    assert_int_equal(hit->severity, SEVERITY_WARNING);
    causes_says(hit->summary, "was executing Yard.Work.Spin in every dump");
    made_deinit(&m);
}

/* Nothing says who waits: what the owner does is told with its lock all the same, and once. */
static void an_owner_is_told_once_though_nobody_knows_who_waits(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        causes_add_worker(&m, i, 31, "keeper", SLEEP "|Yard.Work.Keep()", 0);
        add_runner(&m, i);
        causes_add_lock(&m, i, 0x100, 31, 1);
        made_thread(&m, i, 32, "waiter")->cpu_recorded = 0;
    }
    causes_judge(&m, &c);
    assert_non_null(made_hit(&m, "locks-held", NULL));
    assert_non_null(made_hit(&m, "threads-unchanged", NULL));
    assert_int_equal(c.count, 1);
    assert_int_equal(c.items[0].kind, CAUSE_BLOCKED);
    causes_says(c.items[0].summary, "keeper");
    causes_deinit(&c);
    made_deinit(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_owner_is_told_once_though_nobody_knows_who_waits),
        cmocka_unit_test(a_circle_may_lead_over_a_task),
        cmocka_unit_test(a_thread_may_wait_for_itself),
        cmocka_unit_test(async_methods_alone_may_be_a_circle),
        cmocka_unit_test(methods_that_await_one_another_are_told_to_stop_that),
        cmocka_unit_test(who_holds_a_lock_is_told_with_what_it_waits_for),
        cmocka_unit_test(a_chain_may_end_at_a_lock_of_nobody_known),
        cmocka_unit_test(the_finalizer_may_wait_for_a_task),
        cmocka_unit_test(a_lock_that_others_read_is_one_cause),
        cmocka_unit_test(idle_waits_are_no_causes),
        cmocka_unit_test(main_that_waits_for_the_program_is_idle),
        cmocka_unit_test(a_loop_is_told_without_cpu_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
