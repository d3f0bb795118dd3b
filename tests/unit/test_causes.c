/* Causes: what accumulates, who waits for whom, and what else is serious. */
#include "diff/rules/wait_graph.h"
#include "made_causes.h"

#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/rows_threads.h"

#include <math.h>

#define MIB 1048576u

/* -- Growth ------------------------------------------------------------------------------------ */

#define DICTIONARY "System.Collections.Generic.Dictionary<System.String, Shop.Order>"
#define ENTRIES    DICTIONARY "+Entry[]"

/* A dictionary of orders in a field of the program, beside a megabyte that stays. */
static void add_orders(struct made *m, uint32_t i, uint64_t orders) {
    uint64_t values = orders * 1000, keys = orders * 60, table = orders * 24;
    uint64_t root = causes_add_path(m, i, ABSENT, "static Shop.Desk.s_desk", "Shop.Desk", 1, 24,
                                    2 * orders + 2, values + keys + table + 80);
    uint64_t map = causes_add_path(m, i, root, "<All>k__BackingField", DICTIONARY, 1, 80,
                                   2 * orders + 1, values + keys + table);
    uint64_t array =
        causes_add_path(m, i, map, "_entries", ENTRIES, 1, table, 2 * orders, values + keys);
    causes_add_path(m, i, array, "[].value", ORDER, orders, values, 0, 0);
    causes_add_path(m, i, array, "[].key", "System.String", orders, keys, 0, 0);
    causes_add_path(m, i, ABSENT, "static Shop.Tables.s_all", "System.Byte[]", 1, MIB, 0, 0);
    made_live_type(m, i, ORDER, orders, values);
    made_live_type(m, i, "System.String", orders, keys);
    made_live_type(m, i, ENTRIES, 1, table);
    made_live_type(m, i, DICTIONARY, 1, 80);
    made_live_type(m, i, "Shop.Desk", 1, 24);
    made_live_type(m, i, "System.Byte[]", 1, MIB);
}

static bool claims(const struct made *m, const struct cause *cause, const char *rule,
                   const char *subject) {
    for (uint32_t i = 0; i < cause->finding_count; i++) {
        const struct finding *f = &m->findings.items[cause->findings[i]];
        if (strcmp(f->rule->id, rule) == 0 && (!subject || strcmp(f->subject, subject) == 0))
            return true;
    }
    return false;
}

/* Values, keys and the array behind them are one story: of the dictionary. */
static void one_container_is_one_cause(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 3);
    for (uint32_t i = 0; i < 3; i++)
        add_orders(&m, i, 1000 + 500 * i);
    causes_judge(&m, &c);
    assert_int_equal(c.growth_count, 1);
    const struct cause *cause = &c.items[0];
    assert_int_equal(cause->kind, CAUSE_LEAK);
    assert_int_equal(cause->severity, SEVERITY_CRITICAL);
    causes_says(cause->subject, "Desk.All");
    causes_says(cause->summary, "went from 1,000 to 2,000 Order");
    causes_says(cause->summary, "more in every dump");
    causes_says(cause->next, "Desk.All");
    causes_says(cause->held_by, "static Shop.Desk.s_desk");
    assert_string_equal(cause->path[0].edge, "static Shop.Desk.s_desk");
    assert_string_equal(cause->path[cause->path_count - 1].type, ORDER);
    assert_int_equal(cause->bytes_delta, 1000 * (1000 + 60 + 24));
    assert_int_equal(cause->types[0].bytes_delta, 1000 * 1000);
    assert_true(claims(&m, cause, "growing-type", ORDER));
    assert_true(claims(&m, cause, "growing-type", "System.String"));
    assert_true(claims(&m, cause, "heap-growth", NULL));
    causes_deinit(&c);
    made_deinit(&m);
}

/* Each step says what it holds; what else grew below it stands beside the path. */
static void steps_of_a_path_say_what_they_hold(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++)
        add_orders(&m, i, 1000 + 500 * i);
    causes_judge(&m, &c);
    const struct cause *cause = &c.items[0];
    assert_int_equal(cause->path_count, 4);
    const struct cause_step *first = &cause->path[0], *array = &cause->path[2];
    assert_int_equal(first->held.objects[0], 2003);
    assert_int_equal(first->held.objects[1], 3003);
    assert_int_equal(first->held.bytes[1], 1500 * (1000 + 60 + 24) + 104);
    assert_int_equal(first->branch_count, 0);
    assert_int_equal(array->branch_count, 1);
    assert_int_equal(array->others, 0);
    assert_string_equal(array->branches[0].edge, "[].key");
    assert_string_equal(array->branches[0].type, "System.String");
    assert_int_equal(array->branches[0].held.bytes[0], 60 * 1000);
    assert_int_equal(array->branches[0].held.bytes[1], 60 * 1500);
    causes_deinit(&c);
    made_deinit(&m);
}

/* What the causes explain and what they do not is the growth of what lives. */
static void shares_add_up(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        add_orders(&m, i, 1000 + 500 * i);
        /* Held by nothing that is in the tree: not explained. */
        made_live_type(&m, i, "Shop.Stray", 100 * (i + 1), 100000 * (i + 1));
    }
    causes_judge(&m, &c);
    assert_true(c.live_known);
    assert_int_equal(c.explained, 500 * (1000 + 60 + 24));
    assert_int_equal(c.live_delta, c.explained + 100000);
    double share = 0;
    for (uint32_t i = 0; i < c.count; i++)
        share += isnan(c.items[i].share) ? 0 : c.items[i].share;
    assert_true(fabs(share - (double)c.explained / (double)c.live_delta) < 1e-9);
    causes_deinit(&c);
    made_deinit(&m);
}

static void what_stays_has_no_cause(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 3);
    for (uint32_t i = 0; i < 3; i++)
        add_orders(&m, i, 1000);
    causes_judge(&m, &c);
    assert_int_equal(c.count, 0);
    assert_int_equal(c.live_delta, 0);
    causes_deinit(&c);
    made_deinit(&m);
}

static void filling_is_no_leak(void **state) {
    (void)state;
    static const uint64_t orders[] = {1000, 2000, 2400, 2500};
    struct made m;
    struct causes c;
    made_init(&m, 4);
    for (uint32_t i = 0; i < 4; i++)
        add_orders(&m, i, orders[i]);
    causes_judge(&m, &c);
    assert_int_equal(c.items[0].kind, CAUSE_FILLING);
    assert_int_equal(c.items[0].severity, SEVERITY_NOTICE);
    causes_deinit(&c);
    made_deinit(&m);
}

/* A table of interned strings is arrays of strings: a few more arrays are no story. */
static void more_arrays_are_what_they_hold(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 3);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t strings = 4000 + 2000 * i, arrays = 7 + (i > 0) + (i > 1);
        uint64_t root = causes_add_path(&m, i, ABSENT, "handle Strong", "System.Object[]", arrays,
                                        arrays * 8000, strings, strings * 100);
        causes_add_path(&m, i, root, "[]", "System.String", strings, strings * 100, 0, 0);
        made_live_type(&m, i, "System.String", strings, strings * 100);
        made_live_type(&m, i, "System.Object[]", arrays, arrays * 8000);
    }
    causes_judge(&m, &c);
    assert_int_equal(c.items[0].kind, CAUSE_LEAK);
    causes_says(c.items[0].summary, "String");
    assert_string_equal(c.items[0].path[1].type, "System.String");
    causes_deinit(&c);
    made_deinit(&m);
}

#define SCOPE "Shop.Scope"
#define ENTRY "Shop.Entry"
#define MAP   "System.Collections.Generic.Dictionary<System.String, Shop.Entry>"

/* The cache hangs below `from`, by an edge where that is no root. */
static void add_cache(struct made *m, uint32_t i, uint64_t from, const char *label,
                      uint64_t entries) {
    uint64_t cache = causes_add_path(m, i, from, label, "Shop.Cache", 1, 24, entries + 1, 0);
    uint64_t map = causes_add_path(m, i, cache, "entries", MAP, 1, 80, entries, 0);
    causes_add_path(m, i, map, "[].value", ENTRY, entries, entries * 100, 0, 0);
}

/*
 * A scope of each request is kept by mistake, and from each leads a way to the cache of all, which
 * grows as well. The shortest path to the cache goes through the scopes, which do not hold it.
 */
static void add_scopes(struct made *m, uint32_t i, uint64_t requests) {
    for (int places = 0; places < 2; places++) {
        adding = places ? PART_PLACES : PART_PATHS;
        uint64_t list = causes_add_path(m, i, ABSENT, "static Shop.Report.kept",
                                        "System.Collections.Generic.List<Shop.Scope>", 1, 32,
                                        requests, requests * 500);
        uint64_t scope = causes_add_path(m, i, list, "[]", SCOPE, requests, requests * 500, 0, 0);
        add_cache(m, i, places ? ABSENT : scope, places ? ROOT_SEVERAL : "root", requests);
    }
    adding = PART_PATHS;
    made_live_type(m, i, SCOPE, requests, requests * 500);
    made_live_type(m, i, ENTRY, requests, requests * 100);
    made_live_type(m, i, "Shop.Cache", 1, 24);
}

static void a_short_cut_is_no_holder(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 3);
    for (uint32_t i = 0; i < 3; i++)
        add_scopes(&m, i, 1000 + 1000 * i);
    causes_judge(&m, &c);
    assert_int_equal(c.growth_count, 2);
    causes_says(c.items[0].subject, "static Shop.Report.kept");
    assert_int_equal(c.items[0].bytes_delta, 2000 * 500);
    causes_says(c.items[1].subject, "Cache.entries");
    assert_int_equal(c.items[1].bytes_delta, 2000 * 100);
    assert_string_equal(c.items[1].path[0].edge, ROOT_SEVERAL);
    assert_int_equal(c.explained, 2000 * 600);
    causes_deinit(&c);
    made_deinit(&m);
}

/*
 * A list that is entered from two ends is in part held by nobody alone: in another part from dump
 * to dump. All of it belongs to where the paths lead.
 */
static void a_list_entered_from_two_ends_is_one(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 3);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t nodes = 1000 + 1000 * i, alone = i == 1 ? nodes : nodes / 2;
        for (int places = 0; places < 2; places++) {
            adding = places ? PART_PLACES : PART_PATHS;
            uint64_t here = places ? alone : nodes, rest = nodes - here;
            uint64_t queue = causes_add_path(&m, i, ABSENT, "static Shop.Queue.s_queue",
                                             "Shop.Queue", 1, 24, here, here * 64);
            causes_add_path(&m, i, queue, "head", "Shop.Node", here, here * 64, 0, 0);
            if (rest)
                causes_add_path(&m, i, ABSENT, ROOT_SEVERAL, "Shop.Node", rest, rest * 64, 0, 0);
        }
        adding = PART_PATHS;
        made_live_type(&m, i, "Shop.Node", nodes, nodes * 64);
        made_live_type(&m, i, "Shop.Queue", 1, 24);
    }
    causes_judge(&m, &c);
    assert_int_equal(c.growth_count, 1);
    assert_int_equal(c.items[0].kind, CAUSE_LEAK);
    causes_says(c.items[0].summary, "went from 1,000 to 3,000 Node");
    assert_string_equal(c.items[0].path[0].edge, "static Shop.Queue.s_queue");
    causes_deinit(&c);
    made_deinit(&m);
}

/* -- Waits ------------------------------------------------------------------------------------- */

static void a_circle_is_one_deadlock(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        causes_add_worker(&m, i, 11, "north", ENTER "|Yard.Work.North()", 0x2000);
        causes_add_worker(&m, i, 12, "south", ENTER "|Yard.Work.South()", 0x1000);
        causes_add_worker(&m, i, 13, "onlooker", ENTER "|Yard.Work.Look()", 0x1000);
        /* Contended beside it, by one that works. */
        causes_add_worker(&m, i, 14, "busy", "Yard.Work.Run()", 0);
        causes_add_worker(&m, i, 15, "queued", ENTER "|Yard.Work.Queue()", 0x3000);
        causes_add_lock(&m, i, 0x1000, 11, 2);
        causes_add_lock(&m, i, 0x2000, 12, 1);
        causes_add_lock(&m, i, 0x3000, 14, 1);
    }
    causes_judge(&m, &c);
    assert_int_equal(c.items[0].kind, CAUSE_DEADLOCK);
    causes_says(c.items[0].summary, "Deadlock of 2 threads");
    causes_says(c.items[0].summary,
                "north waits for a lock on Yard.Gate, which thread 0xc south holds");
    assert_true(claims(&m, &c.items[0], "deadlock", NULL));
    for (uint32_t i = 1; i < c.count; i++)
        assert_int_not_equal(c.items[i].kind, CAUSE_DEADLOCK);
    causes_deinit(&c);
    made_deinit(&m);
}

/* a waits for b, b for c, c sleeps: no deadlock, and c is the one to be looked at. */
static void a_chain_is_told_from_its_end(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        causes_add_worker(&m, i, 21, "truck", ENTER "|Yard.Work.Truck()", 0x1000);
        causes_add_worker(&m, i, 22, "clerk", ENTER "|Yard.Work.Clerk()", 0x2000);
        causes_add_worker(&m, i, 23, "crane", SLEEP "|Yard.Work.Crane()", 0);
        causes_add_lock(&m, i, 0x1000, 22, 1);
        causes_add_lock(&m, i, 0x2000, 23, 1);
    }
    causes_judge(&m, &c);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.items[0].kind, CAUSE_BLOCKED);
    causes_says(c.items[0].subject, "crane");
    causes_says(c.items[0].summary, "2 threads wait for");
    causes_says(c.items[0].summary, "sleeps in Yard.Work.Crane");
    causes_says(c.items[0].summary, "truck waits for thread 0x16 clerk");
    assert_null(made_hit(&m, "deadlock", NULL));
    causes_deinit(&c);
    made_deinit(&m);
}

/* Dumps between those that are compared stop each thread, too. */
static void being_stopped_is_not_running(void **state) {
    (void)state;
    static const struct {
        uint64_t cpu_ns, switches;
        uint32_t causes;
    } ran[] = {{48000, 6, 1}, {48000, 260, 0}, {9000000, 6, 0}};
    for (size_t k = 0; k < sizeof(ran) / sizeof(*ran); k++) {
        struct made m;
        struct causes c;
        made_init(&m, 2);
        for (uint32_t i = 0; i < 2; i++) {
            causes_add_worker(&m, i, 51, "waiter", ENTER "|Yard.Work.Wait()", 0x1000);
            causes_add_worker(&m, i, 52, "owner", SLEEP "|Yard.Work.Own()", 0);
            causes_add_lock(&m, i, 0x1000, 52, 1);
            uint32_t count;
            struct thread_row *rows = builder_rows(m.builders[i], PART_THREADS, &count);
            for (uint32_t t = 0; t < count; t++) {
                rows[t].switches = 10 + ran[k].switches * i;
                rows[t].user_ns += ran[k].cpu_ns * i;
            }
        }
        causes_judge(&m, &c);
        assert_int_equal(c.count, ran[k].causes);
        if (c.count)
            causes_says(c.items[0].summary, "and has not run");
        causes_deinit(&c);
        made_deinit(&m);
    }
}

static void the_finalizer_waits_like_others(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct finalizer_row *queue = made_row(&m, i, PART_FINALIZER);
        queue->ready = 1000 * (i + 1);
        queue->thread_os_id = 31;
        causes_add_worker(&m, i, 31, ".NET Finalizer", ENTER "|Yard.Ticket.Finalize()", 0x1000);
        causes_add_worker(&m, i, 32, "keeper", SLEEP "|Yard.Work.Keep()", 0);
        causes_add_lock(&m, i, 0x1000, 32, 1);
    }
    causes_judge(&m, &c);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.items[0].kind, CAUSE_FINALIZER);
    causes_says(c.items[0].summary, "keeper holds");
    causes_says(c.items[0].summary, "2,000 objects wait for finalization");
    assert_true(claims(&m, &c.items[0], "finalizer-stuck", NULL));
    causes_deinit(&c);
    made_deinit(&m);
}

/* Without the address, the only lock that is contended is the one. */
static void the_only_lock_is_the_one(void **state) {
    (void)state;
    struct made m;
    struct wait_graph g;
    made_init(&m, 1);
    causes_add_worker(&m, 0, 41, "waiter", ENTER "|Yard.Work.Wait()", 0);
    causes_add_worker(&m, 0, 42, "owner", SLEEP "|Yard.Work.Own()", 0);
    causes_add_lock(&m, 0, 0x1000, 42, 1);
    made_rules(&m);
    assert_true(wait_graph_init(&g, &m.series, &m.err));
    uint32_t waiter = m.series.threads[0].os_id == 41 ? 0 : 1;
    assert_int_equal(g.edges[waiter].next, 1 - waiter);
    assert_int_equal(g.edges[waiter].end, 1 - waiter);
    assert_false(g.edges[waiter].circle);
    assert_int_equal(g.unknown, 0);
    wait_graph_deinit(&g);
    made_deinit(&m);
}

#define WAITERS 9u

/* Where waits lead, by the definition: a step at a time, WAITERS steps at most. */
static void check_waits(const struct wait_graph *g, uint32_t thread) {
    uint32_t at = thread, steps = 0;
    while (steps < WAITERS && g->edges[at].next != WAIT_NOBODY && !g->edges[at].circle) {
        at = g->edges[at].next;
        steps++;
    }
    bool comes_back = false;
    uint32_t first = at, around = at;
    for (uint32_t i = 0; i < WAITERS && g->edges[around].next != WAIT_NOBODY; i++) {
        around = g->edges[around].next;
        first = around < first ? around : first;
        comes_back = comes_back || around == at;
        if (comes_back)
            break;
    }
    assert_int_equal(g->edges[at].circle, comes_back);
    assert_int_equal(g->edges[thread].end, comes_back ? first : at);
    assert_int_equal(g->edges[thread].depth, steps);
}

/* Each thread holds one lock and waits for that of any other, or for none. */
static void waits_lead_where_they_should(void **state) {
    (void)state;
    uint32_t seed = 7, circles = 0, chains = 0;
    for (uint32_t round = 0; round < 200; round++) {
        struct made m;
        struct wait_graph g;
        made_init(&m, 1);
        for (uint32_t i = 0; i < WAITERS; i++) {
            seed = seed * 1103515245u + 12345u;
            uint32_t other = (seed >> 16) % (WAITERS + 2);
            bool waits = other < WAITERS && other != i;
            causes_add_worker(&m, 0, 100 + i, "w", waits ? ENTER "|Yard.Work.W()" : "Yard.Work.W()",
                              waits ? 0x1000 + other : 0);
            causes_add_lock(&m, 0, 0x1000 + i, 100 + i, 1);
        }
        made_rules(&m);
        assert_true(wait_graph_init(&g, &m.series, &m.err));
        for (uint32_t i = 0; i < WAITERS; i++) {
            check_waits(&g, i);
            circles += g.edges[i].circle;
            chains += g.edges[i].depth > 2;
        }
        wait_graph_deinit(&g);
        made_deinit(&m);
    }
    assert_true(circles > 100 && chains > 100);
}

/* -- The rest ---------------------------------------------------------------------------------- */

/* Serious, and explained by nothing: a cause by itself. What is not serious is none. */
static void what_nothing_explains_is_a_cause(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        made_type(&m, i, "Shop.Order", "shop.dll", GEN_2, 100 + 9900 * i, 10000 + 990000 * i);
        made_type(&m, i, "System.String", NULL, GEN_2, 100 + 9900 * i, 10000 + 990000 * i);
    }
    causes_judge(&m, &c);
    assert_int_equal(c.items[0].kind, CAUSE_GROWTH);
    assert_string_equal(c.items[0].subject, "Shop.Order");
    assert_int_equal(c.items[0].bytes_delta, 990000);
    assert_true(isnan(c.items[0].share));
    for (uint32_t i = 0; i < c.count; i++)
        assert_string_not_equal(c.items[i].subject, "System.String");
    causes_deinit(&c);
    made_deinit(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_container_is_one_cause),
        cmocka_unit_test(steps_of_a_path_say_what_they_hold),
        cmocka_unit_test(shares_add_up),
        cmocka_unit_test(what_stays_has_no_cause),
        cmocka_unit_test(filling_is_no_leak),
        cmocka_unit_test(more_arrays_are_what_they_hold),
        cmocka_unit_test(a_short_cut_is_no_holder),
        cmocka_unit_test(a_list_entered_from_two_ends_is_one),
        cmocka_unit_test(a_circle_is_one_deadlock),
        cmocka_unit_test(a_chain_is_told_from_its_end),
        cmocka_unit_test(being_stopped_is_not_running),
        cmocka_unit_test(the_finalizer_waits_like_others),
        cmocka_unit_test(the_only_lock_is_the_one),
        cmocka_unit_test(waits_lead_where_they_should),
        cmocka_unit_test(what_nothing_explains_is_a_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
