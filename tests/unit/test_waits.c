/*
 * Who waits for whom, in dumps of a program whose threads do (tests/e2e/waits): a chain over
 * monitors, a circle over System.Threading.Lock, and the finalizer. On .NET 11 monitors are objects
 * of that class, too.
 */
#include "diff/rules/wait_graph.h"
#include "input/input.h"
#include "model/known_names.h"
#include "model/snapshot.h"
#include "model/rows_threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const dumps[] = {"tests/dumps/waits.core.zst",
                                    "tests/dumps/waits-net11.core.zst"};
#define DUMPS (sizeof(dumps) / sizeof(*dumps))

static const struct input_options waits_options = {.symbols = NULL};

struct waiting {
    struct snapshot snapshot;
    const struct snapshot *pointer;
    struct series series;
    struct wait_graph graph;
};

static void waiting_init(struct waiting *w, const char *dump) {
    struct series_options options;
    struct err err;
    snapshot_init(&w->snapshot);
    if (!input_read(dump, &waits_options, &w->snapshot, &err))
        fail_msg("%s: %s", dump, err.msg);
    assert_int_equal(snapshot_trust(&w->snapshot), TRUST_EXACT);
    w->pointer = &w->snapshot;
    series_options_init(&options);
    assert_true(series_init(&w->series, &w->pointer, 1, &options, &err));
    assert_true(wait_graph_init(&w->graph, &w->series, &err));
}

static void waiting_deinit(struct waiting *w) {
    wait_graph_deinit(&w->graph);
    series_deinit(&w->series);
    snapshot_deinit(&w->snapshot);
}

/* The dump does not name the runtime's own threads: those are known by their role. */
static bool is_called(const struct series_thread *t, const char *name) {
    const char *role = t->rows[0]->role;
    return (t->name && strcmp(t->name, name) == 0) || (role && strcmp(role, name) == 0);
}

static uint32_t thread_called(const struct waiting *w, const char *name) {
    for (uint32_t i = 0; i < w->series.thread_count; i++)
        if (is_called(&w->series.threads[i], name))
            return i;
    fail_msg("no thread %s", name);
    return 0;
}

static void waits_for(const struct waiting *w, const char *name, const char *owner,
                      const char *type) {
    const struct wait_edge *edge = &w->graph.edges[thread_called(w, name)];
    assert_true(edge->blocked);
    assert_int_equal(edge->next, thread_called(w, owner));
    assert_string_equal(edge->lock->object_type, type);
    assert_int_equal(edge->lock->waiters, 1);
}

static void check_locks(const char *dump) {
    struct waiting w;
    waiting_init(&w, dump);
    waits_for(&w, "truck", "dock-clerk", "Waits+DockGate");
    waits_for(&w, "dock-clerk", "crane-driver", "Waits+CraneGate");
    waits_for(&w, ROLE_FINALIZER, "ticket-keeper", "Waits+TicketBook");
    waits_for(&w, "north-gate", "south-gate", "System.Threading.Lock");
    waits_for(&w, "south-gate", "north-gate", "System.Threading.Lock");
    assert_int_equal(w.graph.unknown, 0);
    assert_false(w.graph.edges[thread_called(&w, "crane-driver")].blocked);
    waiting_deinit(&w);
}

static void each_thread_waits_for_its_lock(void **state) {
    (void)state;
    for (size_t i = 0; i < DUMPS; i++)
        check_locks(dumps[i]);
}

static void check_ends(const char *dump) {
    struct waiting w;
    waiting_init(&w, dump);
    const struct wait_edge *truck = &w.graph.edges[thread_called(&w, "truck")];
    const struct wait_edge *gate = &w.graph.edges[thread_called(&w, "north-gate")];
    assert_int_equal(truck->end, thread_called(&w, "crane-driver"));
    assert_int_equal(truck->depth, 2);
    assert_false(truck->circle);
    assert_true(gate->circle);
    assert_int_equal(gate->end, w.graph.edges[thread_called(&w, "south-gate")].end);
    waiting_deinit(&w);
}

static void ends_and_circles_are_found(void **state) {
    (void)state;
    for (size_t i = 0; i < DUMPS; i++)
        check_ends(dumps[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_thread_waits_for_its_lock),
        cmocka_unit_test(ends_and_circles_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
