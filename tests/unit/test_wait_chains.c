/*
 * What threads wait for beside locks, and what that waits for: in dumps of programs whose threads
 * do (tests/e2e/tasks, tests/e2e/hitches).
 */
#include "input/input.h"
#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DUMP    "tests/dumps/tasks.core.zst"
#define HITCHES "tests/dumps/hitches.core.zst"

static const struct input_options wait_options = {.symbols = NULL};

static void waits_dump_read(struct snapshot *s, const char *dump, bool no_paths) {
    struct input_options options = wait_options;
    struct err err;
    options.no_paths = no_paths;
    snapshot_init(s);
    if (!input_read(dump, &options, s, &err))
        fail_msg("%s: %s", dump, err.msg);
    assert_int_equal(snapshot_trust(s), TRUST_EXACT);
}

static void tasks_dump_read(struct snapshot *s, bool no_paths) {
    waits_dump_read(s, DUMP, no_paths);
}

static const struct thread_row *row_of_thread(const struct snapshot *s, const char *name) {
    SNAPSHOT_ROWS(s, PART_THREADS, struct thread_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].name && strcmp(rows[i].name, name) == 0)
            return &rows[i];
    fail_msg("no thread %s", name);
    return NULL;
}

static const struct wait_row *chain_at(const struct snapshot *s, uint64_t address) {
    SNAPSHOT_ROWS(s, PART_WAITS, struct wait_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].address == address)
            return &rows[i];
    return NULL;
}

static const struct wait_row *chain_of(const struct snapshot *s, const char *thread) {
    const struct wait_row *row = chain_at(s, row_of_thread(s, thread)->waits_for);
    if (!row)
        fail_msg("%s waits for nothing that is known", thread);
    return row;
}

static const struct lock_row *lock_at(const struct snapshot *s, uint64_t address) {
    SNAPSHOT_ROWS(s, PART_LOCKS, struct lock_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].address == address)
            return &rows[i];
    fail_msg("no such lock");
    return NULL;
}

static void text_is(const char *text, const char *wanted) {
    assert_string_equal(text ? text : "(none)", wanted ? wanted : "(none)");
}

static void each_thread_waits_for_its_object(void **state) {
    (void)state;
    static const struct {
        const char *thread, *kind, *name, *wait_state;
        uint64_t count;
    } cases[] = {
        {"closer", WAIT_ON_TASK, "Tasks.CountTill", WAIT_STATE_RUNNING, ABSENT},
        {"screen", WAIT_ON_ASYNC, NULL, WAIT_STATE_POSTED, ABSENT},
        {"parker", WAIT_ON_SEMAPHORE, "Tasks+Shelf.Places", NULL, 0},
        {"filler", WAIT_ON_EVENT, "Tasks+Shelf.Filled", NULL, ABSENT},
        {"packer", WAIT_ON_COUNTDOWN, "Tasks+Shelf.Boxes", NULL, 2},
        {"mason", WAIT_ON_BARRIER, "Tasks+Shelf.Crew", NULL, 2},
        {"napper", WAIT_ON_TASK, NULL, WAIT_STATE_SLEEPING, ABSENT},
    };
    struct snapshot s;
    tasks_dump_read(&s, false);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct wait_row *row = chain_of(&s, cases[i].thread);
        text_is(row->kind, cases[i].kind);
        text_is(row->name, cases[i].name);
        text_is(row->state, cases[i].wait_state);
        assert_int_equal(row->count, cases[i].count);
    }
    snapshot_deinit(&s);
}

static void chains_lead_over_async_methods_to_their_end(void **state) {
    (void)state;
    struct snapshot s;
    tasks_dump_read(&s, false);
    const struct wait_row *row = chain_of(&s, "buyer");
    text_is(row->type, "Tasks+<BuyAsync>d__11");
    assert_int_equal(row->await, 1);
    row = chain_at(&s, row->next);
    text_is(row->type, "Tasks+<AskAsync>d__10");
    row = chain_at(&s, row->next);
    text_is(row->kind, WAIT_ON_TASK);
    text_is(row->name, "Tasks+Approval.Given");
    assert_int_equal(row->next, ABSENT);
    snapshot_deinit(&s);
}

static void owners_are_the_threads_that_would_have_to_act(void **state) {
    (void)state;
    static const struct {
        const char *thread, *owner;
    } cases[] = {{"joiner", "keeper"}, {"screen", "screen"}};
    struct snapshot s;
    tasks_dump_read(&s, false);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_int_equal(chain_of(&s, cases[i].thread)->owner_os_id,
                         row_of_thread(&s, cases[i].owner)->os_id);
    /* The worker that runs the task wants the lock of the thread that waits for it. */
    uint64_t worker = chain_of(&s, "closer")->owner_os_id;
    SNAPSHOT_ROWS(&s, PART_THREADS, struct thread_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].os_id == worker)
            assert_int_equal(lock_at(&s, rows[i].waits_for)->owner_os_id,
                             row_of_thread(&s, "closer")->os_id);
    /* All that a promise of several tasks still waits for leads on. */
    const struct wait_row *all = chain_of(&s, "gatherer");
    text_is(chain_at(&s, all->next)->state, WAIT_STATE_RUNNING);
    snapshot_deinit(&s);
}

static void a_semaphore_leads_to_the_method_that_is_inside(void **state) {
    (void)state;
    struct snapshot s;
    tasks_dump_read(&s, false);
    SNAPSHOT_ROWS(&s, PART_WAITS, struct wait_row, rows, count);
    const struct wait_row *gate = NULL;
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].name && strcmp(rows[i].name, "Tasks+Ledger._gate") == 0)
            gate = &rows[i];
    assert_non_null(gate);
    assert_int_equal(gate->waiters, 2);
    const struct wait_row *row = chain_at(&s, gate->next);
    text_is(row->type, "Tasks+Ledger+<PostAsync>d__1");
    row = chain_at(&s, row->next);
    text_is(row->type, "Tasks+Ledger+<AuditAsync>d__2");
    row = chain_at(&s, chain_at(&s, row->next)->next);
    assert_ptr_equal(row, gate);
    snapshot_deinit(&s);
}

static void locks_of_readers_and_writers_have_owners(void **state) {
    (void)state;
    struct snapshot s;
    tasks_dump_read(&s, false);
    const struct lock_row *gate = lock_at(&s, row_of_thread(&s, "reader")->waits_for);
    text_is(gate->object_type, "System.Threading.ReaderWriterLockSlim");
    assert_int_equal(gate->owner_os_id, row_of_thread(&s, "keeper")->os_id);
    assert_int_equal(gate->waiters, 1);
    assert_int_equal(gate->readers, ABSENT);
    const struct lock_row *back = lock_at(&s, row_of_thread(&s, "upgrader")->waits_for);
    assert_int_equal(back->owner_os_id, row_of_thread(&s, "upgrader")->os_id);
    assert_int_equal(back->readers, 1);
    snapshot_deinit(&s);
}

/* What one thread runs, and others wait for until it is done. */
static void what_a_thread_runs_leads_to_that_thread(void **state) {
    (void)state;
    static const struct {
        const char *thread, *kind, *type, *owner, *wait_state;
    } cases[] = {
        {"reader", WAIT_ON_INITIALIZER, "Hitches+Table<System.String>", "maker",
         WAIT_STATE_RUNNING},
        {"disposer", WAIT_ON_CALLBACK, "System.Threading.CancellationTokenSource+Registrations",
         "canceller", WAIT_STATE_RUNNING},
    };
    struct snapshot s;
    waits_dump_read(&s, HITCHES, false);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct wait_row *row = chain_of(&s, cases[i].thread);
        text_is(row->kind, cases[i].kind);
        text_is(row->type, cases[i].type);
        text_is(row->state, cases[i].wait_state);
        assert_int_equal(row->owner_os_id, row_of_thread(&s, cases[i].owner)->os_id);
    }
    /* A worker needs the type of which the initializer waits for that worker. */
    const struct thread_row *pricer = row_of_thread(&s, "pricer");
    uint64_t worker = chain_at(&s, pricer->waits_for)->owner_os_id;
    SNAPSHOT_ROWS(&s, PART_THREADS, struct thread_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].os_id == worker) {
            text_is(rows[i].waiting_on, "type initializer");
            text_is(chain_at(&s, rows[i].waits_for)->type, "Hitches+Prices");
            assert_int_equal(chain_at(&s, rows[i].waits_for)->owner_os_id, pricer->os_id);
        }
    snapshot_deinit(&s);
}

/* Nobody begins a task of a scheduler whose only thread waits for it. */
static void a_task_of_another_scheduler_waits_for_who_runs_that(void **state) {
    (void)state;
    struct snapshot s;
    waits_dump_read(&s, HITCHES, false);
    SNAPSHOT_ROWS(&s, PART_WAITS, struct wait_row, waits, count);
    const struct wait_row *second = NULL;
    for (uint32_t i = 0; i < count; i++)
        if (waits[i].name && strstr(waits[i].name, "<Second>"))
            second = &waits[i];
    assert_non_null(second);
    text_is(second->state, WAIT_STATE_POSTED);
    SNAPSHOT_ROWS(&s, PART_THREADS, struct thread_row, threads, thread_count);
    for (uint32_t i = 0; i < thread_count; i++)
        if (threads[i].os_id == second->owner_os_id)
            assert_int_equal(chain_at(&s, threads[i].waits_for)->next, second->address);
    snapshot_deinit(&s);
}

static void what_nobody_opens_has_its_name_and_figures(void **state) {
    (void)state;
    static const struct {
        const char *thread, *kind, *name;
        uint64_t count, most, phase;
    } cases[] = {
        {"parker", WAIT_ON_SEMAPHORE, "static Hitches.Lanes", 0, 2, ABSENT},
        {"printer", WAIT_ON_MUTEX, "static Hitches.Press", ABSENT, ABSENT, ABSENT},
        {"mason", WAIT_ON_BARRIER, "static Hitches.Crew", 2, ABSENT, 0},
        {"supplier", WAIT_ON_QUEUE, "static Hitches.Tray", 0, ABSENT, ABSENT},
    };
    struct snapshot s;
    waits_dump_read(&s, HITCHES, false);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct wait_row *row = chain_of(&s, cases[i].thread);
        text_is(row->kind, cases[i].kind);
        text_is(row->name, cases[i].name);
        assert_int_equal(row->count, cases[i].count);
        assert_int_equal(row->most, cases[i].most);
        assert_int_equal(row->phase, cases[i].phase);
    }
    snapshot_deinit(&s);
}

/* The machine of a call that is over is cleared: it stands at its first await, and waits no more.
 */
static void a_call_that_is_over_does_not_wait(void **state) {
    (void)state;
    struct snapshot s;
    waits_dump_read(&s, HITCHES, false);
    assert_true(snapshot_has(&s, PART_ASYNC));
    SNAPSHOT_ROWS(&s, PART_ASYNC, struct async_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        assert_null(strstr(rows[i].type, "CountAsync"));
    SNAPSHOT_ROWS(&s, PART_TYPES, struct type_row, types, type_count);
    uint64_t kept = 0;
    for (uint32_t i = 0; i < type_count; i++)
        kept += strstr(types[i].name, "StateMachineBox<Hitches+<CountAsync>") != NULL;
    assert_int_equal(kept, 1);
    snapshot_deinit(&s);
}

static void without_paths_only_what_the_stacks_show_is_known(void **state) {
    (void)state;
    struct snapshot s;
    tasks_dump_read(&s, true);
    text_is(chain_of(&s, "parker")->kind, WAIT_ON_SEMAPHORE);
    text_is(chain_of(&s, "parker")->name, NULL);
    text_is(chain_of(&s, "closer")->state, WAIT_STATE_RUNNING);
    snapshot_deinit(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_thread_waits_for_its_object),
        cmocka_unit_test(chains_lead_over_async_methods_to_their_end),
        cmocka_unit_test(owners_are_the_threads_that_would_have_to_act),
        cmocka_unit_test(a_semaphore_leads_to_the_method_that_is_inside),
        cmocka_unit_test(locks_of_readers_and_writers_have_owners),
        cmocka_unit_test(what_a_thread_runs_leads_to_that_thread),
        cmocka_unit_test(a_task_of_another_scheduler_waits_for_who_runs_that),
        cmocka_unit_test(what_nobody_opens_has_its_name_and_figures),
        cmocka_unit_test(a_call_that_is_over_does_not_wait),
        cmocka_unit_test(without_paths_only_what_the_stacks_show_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
