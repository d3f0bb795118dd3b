/* Causes of threads that wait for what nobody opens, and of what one thread runs for others. */
#include "made_causes.h"

#include "model/known_names.h"
#include "model/rows_threads.h"

#define SEMAPHORE "System.Threading.SemaphoreSlim.Wait()"
#define HANDLE    "System.Threading.WaitHandle.WaitOneNoCheck(Int32)"
#define EVENT     "System.Threading.CountdownEvent.Wait()"
#define BARRIER   "System.Threading.Barrier.SignalAndWait()"
#define FULL \
    "System.Threading.SemaphoreSlim.WaitCore(Int64)|" \
    "System.Collections.Concurrent.BlockingCollection`1[[Yard.Item]]" \
    ".TryAddWithNoTimeValidation(Yard.Item)"
#define EMPTY \
    "System.Threading.SemaphoreSlim.WaitCore(Int64)|" \
    "System.Collections.Concurrent.BlockingCollection`1[[Yard.Item]].Take()"

/* Dumps, each with a thread that ran: else they would be the same dump twice. */
static void shut_init(struct made *m, uint32_t dumps) {
    made_init(m, dumps);
    for (uint32_t i = 0; i < dumps; i++)
        causes_add_worker(m, i, 5, "runner", "Yard.Work.Count()|Yard.Work.Start()", 0)->user_ns *=
            i + 1;
}

static struct wait_row *add_closed(struct made *m, uint32_t i, const char *kind, const char *name) {
    struct wait_row *row = made_row(m, i, PART_WAITS);
    row->address = 0x500;
    row->kind = made_text(m, i, kind);
    row->type = made_text(m, i, "System.Threading.Thing");
    row->name = made_text(m, i, name);
    row->next = ABSENT;
    return row;
}

static void add_waiters(struct made *m, uint32_t i, uint32_t first, uint32_t count,
                        const char *frames) {
    static const char *const names[] = {"w0", "w1", "w2", "w3", "w4", "w5"};
    for (uint32_t k = 0; k < count; k++)
        causes_add_worker(m, i, 0x20 + first + k, names[(first + k) % 6], frames, 0x500);
}

/* A semaphore that `waiting` threads of each dump wait for, the last `late` of the newest alone. */
static void judge_semaphore(struct made *m, struct causes *c, uint64_t most, uint32_t waiting,
                            uint32_t late) {
    shut_init(m, 3);
    for (uint32_t i = 0; i < 3; i++) {
        struct wait_row *gate = add_closed(m, i, WAIT_ON_SEMAPHORE, "static Yard.Desk.s_gate");
        gate->count = 0;
        gate->most = most;
        add_waiters(m, i, 0, i == 2 ? waiting : waiting - late, SEMAPHORE "|Yard.Desk.Query()");
    }
    causes_judge(m, c);
}

static void a_semaphore_that_more_wait_for_than_may_enter_is_a_warning(void **state) {
    (void)state;
    static const struct {
        const char *why;
        uint64_t most;
        uint32_t waiting, late;
        enum severity severity;
    } cases[] = {
        {"a pool of two", 2, 4, 0, SEVERITY_WARNING},
        {"a bounded buffer", 10, 4, 0, SEVERITY_NOTICE},
        {"no bound: work may be announced so", ABSENT, 4, 0, SEVERITY_NOTICE},
        {"more and more", ABSENT, 4, 2, SEVERITY_WARNING},
        {"more than wait for work", ABSENT, 16, 0, SEVERITY_WARNING},
    };
    for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
        struct made m;
        struct causes c;
        judge_semaphore(&m, &c, cases[k].most, cases[k].waiting, cases[k].late);
        assert_int_equal(c.count, 1);
        assert_int_equal(c.items[0].kind, CAUSE_BLOCKED);
        if (c.items[0].severity != cases[k].severity)
            fail_msg("%s: %s", cases[k].why, c.items[0].summary);
        assert_string_equal(c.items[0].subject, "static Yard.Desk.s_gate");
        causes_says(c.items[0].summary,
                    "w0, wait in Yard.Desk.Query for the semaphore static Yard.Desk.s_gate, which "
                    "nobody can enter");
        causes_says(c.items[0].summary, cases[k].most == ABSENT ? "its count is 0" : "all its ");
        causes_says(c.items[0].next,
                    cases[k].severity == SEVERITY_NOTICE ? "Nothing, where Release" : "finally");
        causes_deinit(&c);
        made_deinit(&m);
    }
}

static void what_waits_in_two_methods_is_used_as_a_lock(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    shut_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        add_closed(&m, i, WAIT_ON_SEMAPHORE, "Yard.Desk._gate")->count = 0;
        add_waiters(&m, i, 0, 1, SEMAPHORE "|Yard.Desk.Query()");
        add_waiters(&m, i, 1, 1, SEMAPHORE "|Yard.Desk.Change()");
    }
    causes_judge(&m, &c);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.items[0].severity, SEVERITY_WARNING);
    causes_says(c.items[0].summary, "Yard.Desk.Query and elsewhere");
    causes_deinit(&c);
    made_deinit(&m);
}

/* One that is open, one thread alone, threads that ran: nobody is told of. */
static void what_is_open_or_moves_is_no_cause(void **state) {
    (void)state;
    for (uint32_t k = 0; k < 3; k++) {
        struct made m;
        struct causes c;
        shut_init(&m, 2);
        for (uint32_t i = 0; i < 2; i++) {
            struct wait_row *gate = add_closed(&m, i, WAIT_ON_SEMAPHORE, "Yard.Desk._gate");
            gate->count = k == 0;
            gate->most = 1;
            for (uint32_t t = 0; t < (k == 1 ? 1 : 3); t++)
                causes_add_worker(&m, i, 0x30 + t, "w", SEMAPHORE "|Yard.Desk.Query()", 0x500)
                    ->user_ns += k == 2 ? i * 50000000 : 0;
        }
        causes_judge(&m, &c);
        assert_int_equal(c.count, 0);
        causes_deinit(&c);
        made_deinit(&m);
    }
}

/* Between the first two dumps they came to wait: the last two show that they stay. */
static void who_waits_since_the_second_dump_is_told(void **state) {
    (void)state;
    for (uint32_t runs = 0; runs < 2; runs++) {
        struct made m;
        struct causes c;
        shut_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            add_closed(&m, i, WAIT_ON_MUTEX, "static Yard.Desk.s_press");
            for (uint32_t t = 0; t < 2; t++) {
                struct thread_row *row = causes_add_worker(&m, i, 0x30 + t, "editor",
                                                           i ? HANDLE "|Yard.Desk.Print()"
                                                             : "Yard.Desk.Edit()|Yard.Desk.Print()",
                                                           i ? 0x500 : 0);
                row->user_ns += i ? 40000000 : 0;
                row->switches = i == 2 && runs ? 90 : i ? 50 : 10;
            }
        }
        causes_judge(&m, &c);
        assert_int_equal(c.count, !runs);
        causes_deinit(&c);
        made_deinit(&m);
    }
}

static void mutexes_barriers_and_full_queues_are_told(void **state) {
    (void)state;
    static const struct {
        const char *kind, *frames, *says, *next;
    } cases[] = {
        {WAIT_ON_MUTEX, HANDLE "|Yard.Desk.Print()",
         "wait in Yard.Desk.Print for the mutex static Yard.Desk.s_thing, which nobody let go of "
         "between the dumps",
         "ReleaseMutex"},
        {WAIT_ON_BARRIER, BARRIER "|Yard.Crew.Meet()",
         "wait in Yard.Crew.Meet at the barrier static Yard.Desk.s_thing for 1 thread that does "
         "not come",
         "RemoveParticipant"},
        {WAIT_ON_QUEUE, FULL "|Yard.Line.Put()",
         "wait in Yard.Line.Put for room in static Yard.Desk.s_thing, which is full",
         "should take from it"},
    };
    for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
        struct made m;
        struct causes c;
        shut_init(&m, 2);
        for (uint32_t i = 0; i < 2; i++) {
            add_closed(&m, i, cases[k].kind, "static Yard.Desk.s_thing")->count = 1;
            add_waiters(&m, i, 0, 2, cases[k].frames);
        }
        causes_judge(&m, &c);
        assert_int_equal(c.count, 1);
        assert_int_equal(c.items[0].kind, CAUSE_BLOCKED);
        assert_int_equal(c.items[0].severity, SEVERITY_WARNING);
        causes_says(c.items[0].summary, cases[k].says);
        causes_says(c.items[0].next, cases[k].next);
        causes_deinit(&c);
        made_deinit(&m);
    }
}

/* Who takes from an empty collection waits for work. */
static void consumers_of_an_empty_collection_are_idle(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    shut_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++)
        add_waiters(&m, i, 0, 4, EMPTY "|Yard.Line.Work()");
    causes_judge(&m, &c);
    assert_int_equal(c.count, 0);
    assert_null(made_hit(&m, "threads-unchanged", NULL));
    causes_deinit(&c);
    made_deinit(&m);
}

/* It wakes who waits now and then; that its phase is another one says that it opened. */
static void a_barrier_that_opened_is_no_cause(void **state) {
    (void)state;
    for (uint64_t opens = 0; opens < 2; opens++) {
        struct made m;
        struct causes c;
        shut_init(&m, 2);
        for (uint32_t i = 0; i < 2; i++) {
            struct wait_row *crew = add_closed(&m, i, WAIT_ON_BARRIER, "Yard.Crew._meeting");
            crew->count = 1;
            crew->phase = 7 + opens * i;
            for (uint32_t t = 0; t < 2; t++) {
                struct thread_row *row =
                    causes_add_worker(&m, i, 0x30 + t, "mason", BARRIER "|Yard.Crew.Meet()", 0x500);
                row->user_ns += i * 200000;
                row->switches = 10 + i * 40;
            }
        }
        causes_judge(&m, &c);
        assert_int_equal(c.count, opens ? 0 : 1);
        causes_deinit(&c);
        made_deinit(&m);
    }
}

/* A signal that came says that work goes on; so does a core that somebody uses. */
static void a_countdown_that_stays_is_a_warning(void **state) {
    (void)state;
    for (uint32_t k = 0; k < 3; k++) {
        struct made m;
        struct causes c;
        shut_init(&m, 2);
        for (uint32_t i = 0; i < 2; i++) {
            add_closed(&m, i, WAIT_ON_COUNTDOWN, "Yard.Day._end")->count = 5 - (k == 1) * i;
            add_waiters(&m, i, 0, 2, EVENT "|Yard.Day.Close()");
            struct thread_row *busy =
                causes_add_worker(&m, i, 6, "busy", "Yard.Work.Count()|Yard.Work.Start()", 0);
            busy->user_ns += k == 2 ? i * 1900000000ull : 0;
            busy->elapsed_ns = 1000000000ull * (1 + 2 * i);
        }
        causes_judge(&m, &c);
        if (k == 1) {
            assert_int_equal(c.count, 0);
        } else {
            assert_string_equal(c.items[c.count - 1].subject, "Yard.Day._end");
            causes_says(c.items[c.count - 1].summary,
                        "wait in Yard.Day.Close for the countdown Yard.Day._end: 5 signals are "
                        "missing, and none came");
            assert_int_equal(c.items[c.count - 1].severity,
                             k == 2 ? SEVERITY_NOTICE : SEVERITY_WARNING);
        }
        causes_deinit(&c);
        made_deinit(&m);
    }
}

/* Threads wait for work and for the end by events: ever more of them are another matter. */
static void an_event_is_a_notice_until_more_wait(void **state) {
    (void)state;
    for (uint32_t more = 0; more < 2; more++) {
        struct made m;
        struct causes c;
        shut_init(&m, 2);
        for (uint32_t i = 0; i < 2; i++) {
            add_closed(&m, i, WAIT_ON_EVENT, "static Yard.Day.s_open");
            add_waiters(&m, i, 0, 2 + 2 * more * i, HANDLE "|Yard.Day.Begin()");
        }
        causes_judge(&m, &c);
        assert_int_equal(c.count, 1);
        assert_int_equal(c.items[0].severity, more ? SEVERITY_WARNING : SEVERITY_NOTICE);
        causes_says(c.items[0].summary, "for the event static Yard.Day.s_open, which nobody set");
        causes_says(c.items[0].next, more ? "ever more threads" : "Nothing, where it tells");
        causes_deinit(&c);
        made_deinit(&m);
    }
}

static void mutexes_that_wait_for_one_another_are_one_cause(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    shut_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        add_closed(&m, i, WAIT_ON_MUTEX, "static Yard.Gates.s_north");
        add_closed(&m, i, WAIT_ON_MUTEX, "static Yard.Gates.s_south")->address = 0x600;
        causes_add_worker(&m, i, 0x30, "north", HANDLE "|Yard.Gates.One()", 0x600);
        causes_add_worker(&m, i, 0x31, "south", HANDLE "|Yard.Gates.Two()", 0x500);
    }
    causes_judge(&m, &c);
    assert_int_equal(c.count, 1);
    causes_says(c.items[0].summary, "2 mutexes are waited for that nobody let go of");
    causes_says(c.items[0].summary, "north waits in Yard.Gates.One for static Yard.Gates.s_south");
    causes_says(c.items[0].next, "in one order");
    causes_deinit(&c);
    made_deinit(&m);
}

/* One dump: who computes, sleeps or waits for work may open it yet; work may be announced so. */
static void one_dump_tells_what_nobody_is_left_to_open(void **state) {
    (void)state;
    static const struct {
        const char *why, *kind, *frames;
        uint64_t most;
        const char *other; /* frames of one more thread */
        bool told;
    } cases[] = {
        {"a barrier", WAIT_ON_BARRIER, BARRIER "|Yard.Crew.Meet()", ABSENT, NULL, true},
        {"who joins them", WAIT_ON_BARRIER, BARRIER "|Yard.Crew.Meet()", ABSENT,
         "System.Threading.Thread.Join()|Yard.Program.Main()", true},
        {"who computes", WAIT_ON_BARRIER, BARRIER "|Yard.Crew.Meet()", ABSENT, "Yard.Work.Count()",
         false},
        {"who sleeps", WAIT_ON_BARRIER, BARRIER "|Yard.Crew.Meet()", ABSENT,
         SLEEP "|Yard.Work.Nap()", false},
        {"who waits for work", WAIT_ON_BARRIER, BARRIER "|Yard.Crew.Meet()", ABSENT,
         EMPTY "|Yard.Line.Work()", false},
        {"a full queue", WAIT_ON_QUEUE, FULL "|Yard.Line.Put()", ABSENT, NULL, true},
        {"mutexes", WAIT_ON_MUTEX, HANDLE "|Yard.Desk.Print()", ABSENT, NULL, true},
        {"an event", WAIT_ON_EVENT, HANDLE "|Yard.Day.Begin()", ABSENT, NULL, false},
        {"a pool of one", WAIT_ON_SEMAPHORE, SEMAPHORE "|Yard.Desk.Query()", 1, NULL, true},
        {"a queue of work", WAIT_ON_SEMAPHORE, SEMAPHORE "|Yard.Desk.Query()", ABSENT, NULL, false},
    };
    for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
        struct made m;
        struct causes c;
        made_init(&m, 1);
        struct wait_row *thing = add_closed(&m, 0, cases[k].kind, "static Yard.Desk.s_thing");
        thing->most = cases[k].most;
        thing->count = strcmp(cases[k].kind, WAIT_ON_SEMAPHORE) != 0;
        add_waiters(&m, 0, 0, 3, cases[k].frames);
        if (cases[k].other)
            causes_add_worker(&m, 0, 6, "other", cases[k].other, 0);
        causes_judge(&m, &c);
        if (c.count != cases[k].told)
            fail_msg("%s: %u causes", cases[k].why, c.count);
        if (c.count) {
            assert_true(c.items[0].stands_alone);
            assert_int_equal(c.items[0].severity, SEVERITY_NOTICE);
            causes_says(c.items[0].summary, "; every thread of the program waits for another");
        }
        causes_deinit(&c);
        made_deinit(&m);
    }
}

#define PULSE "System.Threading.Monitor.ObjWait(Int32, System.Object)|System.Threading.Monitor.Wait"

/* Who waits for a pulse is idle, unless there is something in what is waited for all the time. */
static void a_pulse_that_does_not_come_is_a_warning(void **state) {
    (void)state;
    static const uint64_t items[][3] = {{5, 5, 5}, {2, 5, 9}, {0, 5, 5}, {5, 5, 0}, {0, 0, 0}};
    for (size_t k = 0; k < sizeof(items) / sizeof(*items); k++) {
        bool told = items[k][1] && items[k][2];
        struct made m;
        struct causes c;
        shut_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            if (items[k][i]) /* of an empty one there is no row */
                add_closed(&m, i, WAIT_ON_PULSE, "static Yard.Line.s_jobs")->count = items[k][i];
            for (uint32_t t = 0; t < 2; t++)
                causes_add_worker(&m, i, 0x30 + t, "clerk",
                                  PULSE "(System.Object)|Yard.Line.Work()",
                                  items[k][i] ? 0x500 : 0);
        }
        causes_judge(&m, &c);
        assert_int_equal(c.count, told);
        if (told) {
            assert_int_equal(c.items[0].severity, SEVERITY_WARNING);
            causes_says(c.items[0].summary, "for a pulse of static Yard.Line.s_jobs, though ");
            causes_says(c.items[0].summary, " in it: nobody pulsed between the dumps.");
            causes_says(c.items[0].next, "PulseAll");
        }
        assert_null(made_hit(&m, "threads-unchanged", NULL));
        causes_deinit(&c);
        made_deinit(&m);
    }
}

/* The initializer of a type: in a circle, and with those that wait until it is done. */
static void an_initializer_is_told_with_its_type(void **state) {
    (void)state;
    for (uint32_t circle = 0; circle < 2; circle++) {
        struct made m;
        struct causes c;
        shut_init(&m, 2);
        for (uint32_t i = 0; i < 2; i++) {
            struct wait_row *type = add_closed(&m, i, WAIT_ON_INITIALIZER, "");
            type->name = NULL;
            type->type = made_text(&m, i, "Yard.Rates");
            type->state = made_text(&m, i, WAIT_STATE_RUNNING);
            type->owner_os_id = 11;
            causes_add_worker(&m, i, 11, "starter",
                              circle ? ENTER "|Yard.Rates..cctor()" : SLEEP "|Yard.Rates..cctor()",
                              circle ? 0x100 : 0);
            causes_add_worker(&m, i, 12, "asker",
                              "System.Runtime.CompilerServices.InitHelpers.InitClassSlow()|"
                              "Yard.Rates.Of()",
                              0x500);
            if (circle)
                causes_add_lock(&m, i, 0x100, 12, 1);
        }
        causes_judge(&m, &c);
        assert_int_equal(c.count, 1);
        assert_int_equal(c.items[0].kind, circle ? CAUSE_DEADLOCK : CAUSE_BLOCKED);
        causes_says(c.items[0].summary,
                    circle ? "asker waits for the type initializer of Yard.Rates, which thread 0xb "
                             "starter runs"
                           : "starter runs the type initializer of Yard.Rates that 1 thread waits "
                             "for; it sleeps in Yard.Rates..cctor");
        causes_says(c.items[0].next, circle ? "Let the initializer of Yard.Rates"
                                            : "why thread 0xb starter does not come back");
        causes_deinit(&c);
        made_deinit(&m);
    }
}

static void a_callback_may_stand_in_a_circle(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    shut_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct wait_row *callbacks = add_closed(&m, i, WAIT_ON_CALLBACK, "");
        callbacks->name = NULL;
        callbacks->state = made_text(&m, i, WAIT_STATE_RUNNING);
        callbacks->owner_os_id = 12;
        causes_add_worker(&m, i, 11, "keeper", SLEEP "|Yard.Work.Close()", 0x500);
        causes_add_worker(&m, i, 12, "canceller", ENTER "|Yard.Work.Stop()", 0x100);
        causes_add_lock(&m, i, 0x100, 11, 1);
    }
    causes_judge(&m, &c);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.items[0].kind, CAUSE_DEADLOCK);
    causes_says(c.items[0].summary, "keeper waits for a callback of a cancellation token, which "
                                    "thread 0xc canceller runs");
    causes_says(c.items[0].next, "Unregister does not");
    causes_deinit(&c);
    made_deinit(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_semaphore_that_more_wait_for_than_may_enter_is_a_warning),
        cmocka_unit_test(what_waits_in_two_methods_is_used_as_a_lock),
        cmocka_unit_test(what_is_open_or_moves_is_no_cause),
        cmocka_unit_test(who_waits_since_the_second_dump_is_told),
        cmocka_unit_test(mutexes_barriers_and_full_queues_are_told),
        cmocka_unit_test(consumers_of_an_empty_collection_are_idle),
        cmocka_unit_test(a_barrier_that_opened_is_no_cause),
        cmocka_unit_test(a_countdown_that_stays_is_a_warning),
        cmocka_unit_test(an_event_is_a_notice_until_more_wait),
        cmocka_unit_test(mutexes_that_wait_for_one_another_are_one_cause),
        cmocka_unit_test(a_pulse_that_does_not_come_is_a_warning),
        cmocka_unit_test(one_dump_tells_what_nobody_is_left_to_open),
        cmocka_unit_test(an_initializer_is_told_with_its_type),
        cmocka_unit_test(a_callback_may_stand_in_a_circle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
