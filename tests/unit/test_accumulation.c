/* Who holds what grows: in segments, in tables, in several places, on stacks. */
#include "made_causes.h"

#include <stdio.h>

#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/rows_process.h"
#include "model/rows_threads.h"

/* A few more segments are no story: the orders in them are, and those came evenly. */
static void segments_are_what_they_hold(void **state) {
    (void)state;
    static const uint64_t segments[] = {7, 8, 8, 9};
    struct made m;
    struct causes c;
    made_init(&m, 4);
    adding = PART_PLACES;
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t orders = 1000 + 1000 * i, bytes = orders * 100, slots = segments[i] * 500;
        uint64_t queue =
            causes_add_path(&m, i, ABSENT, "static Shop.Desk.s_new", "System.Queue<Shop.Order>", 1,
                            48, orders + 2 * segments[i], bytes + slots + segments[i] * 64);
        uint64_t segment =
            causes_add_path(&m, i, queue, "_head", "System.Segment<Shop.Order>", segments[i],
                            segments[i] * 64, orders + segments[i], bytes + slots);
        uint64_t array = causes_add_path(&m, i, segment, "_slots", "System.Segment+Slot[]",
                                         segments[i], slots, orders, bytes);
        causes_add_path(&m, i, array, "[].Item", ORDER, orders, bytes, 0, 0);
        made_live_type(&m, i, ORDER, orders, bytes);
        made_path(&m, i, PART_PATHS, ABSENT, "static Shop.Desk.s_new", "System.Queue<Shop.Order>",
                  (struct cell){1, 48}, (struct cell){0, 0});
    }
    adding = PART_PATHS;
    causes_judge(&m, &c);
    assert_int_equal(c.growth_count, 1);
    assert_int_equal(c.items[0].kind, CAUSE_LEAK);
    causes_says(c.items[0].summary, "went from 1,000 to 4,000 Order");
    causes_deinit(&c);
    made_deinit(&m);
}

/* A table of values, which doubles when it is full: at some steps only. */
static void a_table_that_doubles_grows(void **state) {
    (void)state;
    static const uint64_t sizes[][4] = {{100, 200, 200, 400}, {100, 200, 400, 400}};
    for (int k = 0; k < 2; k++) {
        struct made m;
        struct causes c;
        made_init(&m, 4);
        for (uint32_t i = 0; i < 4; i++) {
            uint64_t bytes = sizes[k][i] << 10;
            uint64_t map = causes_add_path(&m, i, ABSENT, "static Shop.Desk.s_rates",
                                           "System.Collections.Generic.Dictionary<Int32, Int32>", 1,
                                           80, 1, bytes);
            causes_add_path(&m, i, map, "_entries",
                            "System.Collections.Generic.Dictionary<Int32, Int32>+Entry[]", 1, bytes,
                            0, 0);
            made_live_type(&m, i, "System.Collections.Generic.Dictionary<Int32, Int32>+Entry[]", 1,
                           bytes);
        }
        causes_judge(&m, &c);
        assert_int_equal(c.items[0].severity, k ? SEVERITY_NOTICE : SEVERITY_WARNING);
        assert_int_equal(c.items[0].kind, CAUSE_GROWTH);
        causes_says(c.items[0].next, k ? "more dumps" : "static Shop.Desk.s_rates is filled");
        causes_deinit(&c);
        made_deinit(&m);
    }
}

static void held_by_both(struct made *m, uint32_t i, uint64_t place, uint64_t first,
                         uint64_t second) {
    uint32_t count;
    struct path_row *rows = builder_rows(m->builders[i], PART_PLACES, &count);
    assert_true(place < count);
    rows[place].holder = first;
    rows[place].holder_edge = made_text(m, i, "[]");
    rows[place].other_holder = second;
}

/* Orders in two lists: one story, of both, to which the larger arrays belong. */
static void what_two_hold_is_one_cause_of_both(void **state) {
    (void)state;
    static const char list[] = "System.Collections.Generic.List<Shop.Order>";
    struct made m;
    struct causes c;
    made_init(&m, 3);
    adding = PART_PLACES;
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t orders = 1000 + 1000 * i, bytes = orders * 100, arrays[2];
        for (int k = 0; k < 2; k++) {
            uint64_t top = causes_add_path(&m, i, ABSENT,
                                           k ? "static Shop.Desk.s_old" : "static Shop.Desk.s_new",
                                           list, 1, 32, 1, orders * 8);
            arrays[k] = causes_add_path(&m, i, top, "_items", "Shop.Order[]", 1, orders * 8, 0, 0);
        }
        uint64_t shared = causes_add_path(&m, i, ABSENT, ROOT_SEVERAL, ORDER, orders, bytes, 0, 0);
        held_by_both(&m, i, shared, arrays[0], arrays[1]);
        made_live_type(&m, i, ORDER, orders, bytes);
        made_live_type(&m, i, "Shop.Order[]", 2, orders * 16);
        made_path(&m, i, PART_PATHS, ABSENT, "static Shop.Desk.s_new", list, (struct cell){1, 32},
                  (struct cell){0, 0});
    }
    adding = PART_PATHS;
    causes_judge(&m, &c);
    assert_int_equal(c.growth_count, 1);
    assert_int_equal(c.items[0].kind, CAUSE_LEAK);
    causes_says(c.items[0].subject, "static Shop.Desk.s_new and static Shop.Desk.s_old");
    causes_says(c.items[0].held_by, "static Shop.Desk.s_new");
    assert_int_equal(c.items[0].bytes_delta, 2000 * 116);
    assert_int_equal(c.explained, c.live_delta);
    causes_deinit(&c);
    made_deinit(&m);
}

/*
 * A bag has a queue for each thread, which both the bag and the thread's slot refer to. The program
 * knows the field that holds the bag.
 */
static void a_bag_is_held_by_its_field(void **state) {
    (void)state;
    static const char queue[] = "System.Collections.Concurrent.ConcurrentBag<Shop.Order>+"
                                "WorkStealingQueue";
    static const char slot[] = "thread static System.Threading.ThreadLocal<Shop.Order>.ts_slots";
    struct made m;
    struct causes c;
    made_init(&m, 3);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t orders = 1000 + 1000 * i, bytes = orders * 100, holders[2] = {0, 0}, held = 0;
        for (int places = 0; places < 2; places++) {
            adding = places ? PART_PLACES : PART_PATHS;
            holders[0] = causes_add_path(&m, i, ABSENT, slot,
                                         "System.Threading.ThreadLocal<Shop.Order>+LinkedSlot[]", 4,
                                         128, places ? 0 : orders + 4, places ? 0 : bytes);
            holders[1] = causes_add_path(&m, i, ABSENT, "static Shop.Desk.s_bag",
                                         "System.Collections.Concurrent.ConcurrentBag<Shop.Order>",
                                         1, 40, 0, 0);
            held = causes_add_path(&m, i, places ? ABSENT : holders[0],
                                   places ? ROOT_SEVERAL : "[]", queue, 4, 256, orders, bytes);
            causes_add_path(&m, i, held, "_array", ORDER, orders, bytes, 0, 0);
        }
        held_by_both(&m, i, held, holders[0], holders[1]);
        made_live_type(&m, i, ORDER, orders, bytes);
    }
    adding = PART_PATHS;
    causes_judge(&m, &c);
    assert_int_equal(c.growth_count, 1);
    assert_string_equal(c.items[0].subject, "static Shop.Desk.s_bag");
    assert_string_equal(c.items[0].path[0].edge, "static Shop.Desk.s_bag");
    causes_deinit(&c);
    made_deinit(&m);
}

/* Objects of a bag in each of its dumps: below the field, by several, and by threads alone. */
struct bag_dump {
    uint64_t field, several, thread;
};

#define BAG_QUEUE \
    "System.Collections.Concurrent.ConcurrentBag<Shop.Order>+" \
    "WorkStealingQueue"
#define BAG_SLOT "thread static System.Threading.ThreadLocal<Shop.Order>.ts_slots"

static uint64_t add_bag_queue(struct made *m, uint32_t i, uint64_t parent, const char *label,
                              uint64_t orders) {
    if (!orders)
        return ABSENT;
    uint64_t queue = causes_add_path(m, i, parent, label, BAG_QUEUE, 4, 0, orders, orders * 100);
    causes_add_path(m, i, queue, "_array", ORDER, orders, orders * 100, 0, 0);
    return queue;
}

static void add_bag(struct made *m, uint32_t i, struct bag_dump of) {
    for (int places = 0; places < 2; places++) {
        uint64_t orders = of.field + of.several + of.thread, holders[2];
        uint64_t by_slot = places ? of.thread : orders, by_bag = places ? of.field : 0;
        adding = places ? PART_PLACES : PART_PATHS;
        holders[0] = causes_add_path(m, i, ABSENT, BAG_SLOT,
                                     "System.Threading.ThreadLocal<Shop.Order>+LinkedSlot[]", 4,
                                     128, by_slot ? by_slot + 4 : 0, by_slot * 100);
        holders[1] = causes_add_path(m, i, ABSENT, "static Shop.Desk.s_bag",
                                     "System.Collections.Concurrent.ConcurrentBag<Shop.Order>", 1,
                                     40, by_bag ? by_bag + 4 : 0, by_bag * 100);
        add_bag_queue(m, i, holders[0], "[]", by_slot);
        add_bag_queue(m, i, holders[1], "_workStealingQueues", by_bag);
        uint64_t held = places ? add_bag_queue(m, i, ABSENT, ROOT_SEVERAL, of.several) : ABSENT;
        if (held != ABSENT)
            held_by_both(m, i, held, holders[0], holders[1]);
    }
    made_live_type(m, i, ORDER, of.field + of.several + of.thread,
                   (of.field + of.several + of.thread) * 100);
}

/*
 * Which of its queues the field alone leads to, which a thread as well, and which a thread alone,
 * changes from dump to dump with the threads that come and go. The bag grew evenly.
 */
static void queues_of_a_bag_are_one_place(void **state) {
    (void)state;
    static const struct bag_dump dumps[][3] = {
        {{1000, 0, 0}, {700, 1300, 0}, {1500, 1500, 0}},
        {{0, 1000, 0}, {900, 1100, 0}, {2600, 400, 0}},
        {{0, 1000, 0}, {0, 700, 1300}, {0, 2600, 400}},
        {{500, 500, 0}, {0, 900, 1100}, {900, 1300, 800}},
    };
    for (size_t k = 0; k < sizeof(dumps) / sizeof(*dumps); k++) {
        struct made m;
        struct causes c;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++)
            add_bag(&m, i, dumps[k][i]);
        adding = PART_PATHS;
        causes_judge(&m, &c);
        assert_int_equal(c.growth_count, 1);
        assert_string_equal(c.items[0].subject, "static Shop.Desk.s_bag");
        assert_int_equal(c.items[0].kind, CAUSE_LEAK);
        assert_int_equal(c.items[0].objects_delta, 2000);
        assert_int_equal(c.items[0].bytes_delta, 2000 * 100);
        causes_says(c.items[0].summary, "went from 1,000 to 3,000");
        assert_int_equal(c.explained, c.live_delta);
        causes_deinit(&c);
        made_deinit(&m);
    }
}

/* Tokens and registrations know the source and all that is registered there; they do not own it. */
static void who_knows_a_source_does_not_hold_its_registrations(void **state) {
    (void)state;
#define SOURCE "System.Threading.CancellationTokenSource"
    struct made m;
    struct causes c;
    made_init(&m, 3);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t orders = 1000 + 1000 * i, bytes = orders * 100;
        for (int places = 0; places < 2; places++) {
            adding = places ? PART_PLACES : PART_PATHS;
            uint64_t life = causes_add_path(&m, i, ABSENT, "static Shop.Host.s_life", "Shop.Life",
                                            1, 24, places ? 0 : orders * 2, places ? 0 : bytes * 2);
            uint64_t node = causes_add_path(&m, i, places ? ABSENT : life,
                                            places ? ROOT_SEVERAL : "_registration",
                                            SOURCE "+CallbackNode", orders, bytes, orders, bytes);
            causes_add_path(&m, i, node, "CallbackState", ORDER, orders, bytes, 0, 0);
            if (places)
                held_by_both(&m, i, node, life, ABSENT);
        }
        made_live_type(&m, i, ORDER, orders, bytes);
        made_live_type(&m, i, SOURCE "+CallbackNode", orders, bytes);
    }
    adding = PART_PATHS;
    causes_judge(&m, &c);
    assert_int_equal(c.growth_count, 1);
    assert_null(strstr(c.items[0].subject, "Life"));
    assert_string_equal(c.items[0].path[0].edge, ROOT_SEVERAL);
    causes_deinit(&c);
    made_deinit(&m);
#undef SOURCE
}

/* What never completes is kept by who should complete it; the method that waits is what one knows.
 */
static void who_awaits_what_is_kept_is_told(void **state) {
    (void)state;
    static const char box[] = "System.Runtime.CompilerServices.AsyncTaskMethodBuilder<System.Int32>"
                              "+AsyncStateMachineBox<Shop.Desk+<ServeAsync>d__7>";
    struct made m;
    struct causes c;
    made_init(&m, 3);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t calls = 1000 + 1000 * i;
        uint64_t map = causes_add_path(&m, i, ABSENT, "static Shop.Desk.s_pending",
                                       "System.Collections.Generic.List<System.Threading.Tasks."
                                       "TaskCompletionSource>",
                                       1, 80, calls * 2, calls * 150);
        uint64_t source =
            causes_add_path(&m, i, map, "[]", "System.Threading.Tasks.TaskCompletionSource", calls,
                            calls * 24, calls, calls * 126);
        causes_add_path(&m, i, source, "_task", box, calls, calls * 126, 0, 0);
        made_live_type(&m, i, "System.Threading.Tasks.TaskCompletionSource", calls, calls * 24);
        made_live_type(&m, i, box, calls, calls * 126);
    }
    causes_judge(&m, &c);
    assert_int_equal(c.growth_count, 1);
    causes_says(c.items[0].summary, "2,000 more calls of async Desk.ServeAsync wait there");
    causes_deinit(&c);
    made_deinit(&m);
}

/* -- Stacks ------------------------------------------------------------------------------------ */

#define INGEST "Shop.Ingest.Loop(System.Object)"

/* A list in a local of one thread, and a little on the stack of another. */
static void add_stacks(struct made *m, uint32_t i, uint64_t orders, const char *loop) {
    static const char list[] = "System.Collections.Generic.List<Shop.Order>";
    uint64_t local = causes_add_path(m, i, ABSENT, loop, list, 1, 32, orders, orders * 100);
    causes_add_path(m, i, local, "[]", ORDER, orders, orders * 100, 0, 0);
    uint64_t other = causes_add_path(m, i, ABSENT, ROOT_STACK "0x8", list, 1, 32, 10 * i, 1000 * i);
    causes_add_path(m, i, other, "[]", ORDER, 10 * i, 1000 * i, 0, 0);
    made_live_type(m, i, ORDER, orders + 10 * i, orders * 100 + 1000 * i);
    struct thread_row *row = made_row(m, i, PART_THREADS);
    row->os_id = 0x7f;
    row->name = made_text(m, i, "ingest");
    made_frames(m, i, &row->frames, "Shop.Stream.Read()|" INGEST);
}

/* Two dumps do not tell whether its method will return; in three it grew each time. */
static void what_a_stack_holds_is_of_its_thread(void **state) {
    (void)state;
    for (uint32_t count = 2; count <= 3; count++) {
        struct made m;
        struct causes c;
        made_init(&m, count);
        for (uint32_t i = 0; i < count; i++)
            add_stacks(&m, i, 1000 + 1000 * i, ROOT_STACK "0x7f ingest");
        causes_judge(&m, &c);
        assert_int_equal(c.growth_count, 1);
        assert_int_equal(c.items[0].severity, count == 2 ? SEVERITY_NOTICE : SEVERITY_WARNING);
        assert_string_equal(c.items[0].path[0].edge, ROOT_STACK "0x7f ingest");
        causes_says(c.items[0].subject, ROOT_STACK "0x7f ingest");
        causes_says(c.items[0].next, count == 2 ? "Take another dump" : "thread 0x7f ingest");
        causes_deinit(&c);
        made_deinit(&m);
    }
}

/* An id that is none is that of no thread. */
/* Each thread has a buffer, and a program has one of the type elsewhere: that does not hold theirs.
 */
static void what_stacks_hold_hangs_nowhere_else(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 3);
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t threads = 4 + 12 * i;
        for (int places = 0; places < 2; places++) {
            adding = places ? PART_PLACES : PART_PATHS;
            uint64_t knot =
                causes_add_path(&m, i, ABSENT, "static Shop.Desk.knot", "Shop.Knot", 1, 24, 1, 100);
            causes_add_path(&m, i, knot, "Rope", "System.Byte[]", 1, 100, 0, 0);
            for (uint32_t t = 0; t < threads; t++) {
                char root[40];
                (void)snprintf(root, sizeof(root), "stack of thread 0x%x", 100 + t);
                causes_add_path(&m, i, ABSENT, root, "System.Byte[]", 1, 20000, 0, 0);
            }
        }
        made_live_type(&m, i, "System.Byte[]", threads + 1, threads * 20000 + 100);
    }
    adding = PART_PATHS;
    causes_judge(&m, &c);
    assert_int_equal(c.growth_count, 1);
    assert_string_equal(c.items[0].path[0].edge, "thread stacks");
    causes_deinit(&c);
    made_deinit(&m);
}

#define PUMP "Shop.Pump"

/*
 * Pumps with a thread, a buffer on its stack, and what the runtime keeps for it; `list`: they are
 * kept in one.
 */
static void add_pumps(struct made *m, uint32_t i, bool list) {
    uint32_t pumps = 4 + 12 * i;
    for (int places = 0; places < 2; places++) {
        adding = places ? PART_PLACES : PART_PATHS;
        if (list) {
            uint64_t top = causes_add_path(m, i, ABSENT, "static Shop.Yard.s_pumps",
                                           "System.Collections.Generic.List<Shop.Pump>", 1, 32,
                                           pumps * 2, pumps * 300);
            uint64_t pump =
                causes_add_path(m, i, top, "[]", PUMP, pumps, pumps * 100, pumps, pumps * 200);
            causes_add_path(m, i, pump, "notes", "Shop.Notes", pumps, pumps * 200, 0, 0);
        }
        causes_add_path(m, i, ABSENT, "handle Strong", "System.Threading.Thread", pumps, pumps * 72,
                        0, 0);
        for (uint32_t t = 0; t < pumps; t++) {
            char root[40];
            (void)snprintf(root, sizeof(root), "stack of thread 0x%x", 100 + t);
            causes_add_path(m, i, ABSENT, root, "System.Byte[]", 1, 20000, 0, 0);
        }
    }
    adding = PART_PATHS;
    for (uint32_t t = 0; t < pumps; t++)
        causes_add_worker(m, i, 100 + t, "pump",
                          "System.Threading.Monitor.Wait(System.Object)|"
                          "Shop.Pump+<>c.<Start>b__3_0()",
                          0);
    made_live_type(m, i, "System.Byte[]", pumps, pumps * 20000);
    if (list) {
        made_live_type(m, i, PUMP, pumps, pumps * 100);
        made_live_type(m, i, "Shop.Notes", pumps, pumps * 200);
    }
    made_live_type(m, i, "System.Threading.Thread", pumps, pumps * 72);
}

/* What keeps what starts the threads is the one cause; without it the threads are. */
static void threads_and_what_comes_with_them_are_one_cause(void **state) {
    (void)state;
    for (int list = 0; list < 2; list++) {
        struct made m;
        struct causes c;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++)
            add_pumps(&m, i, list);
        causes_judge(&m, &c);
        assert_int_equal(c.growth_count, 1);
        assert_int_equal(c.items[0].kind, list ? CAUSE_LEAK : CAUSE_THREADS);
        assert_int_equal(c.items[0].bytes_delta, 24 * (20072 + list * 300));
        causes_says(c.items[0].summary, "28 threads, 4 before");
        if (list) {
            assert_string_equal(c.items[0].subject, "static Shop.Yard.s_pumps");
            causes_says(c.items[0].summary, "each has a thread of its own");
            causes_says(c.items[0].next, "dispose of each Shop.Pump");
        }
        for (uint32_t i = 1; i < c.count; i++)
            assert_true(c.items[i].severity > SEVERITY_WARNING);
        causes_deinit(&c);
        made_deinit(&m);
    }
}

#define ENTRIES "System.Collections.Concurrent.ConcurrentDictionary<String, CacheEntry>"

/* A cache is no matter of who holds the provider that knows it, nor of the scopes that do. */
static void what_a_provider_knows_is_told_by_itself(void **state) {
    (void)state;
    static const char *const between[] = {
        "Microsoft.Extensions.DependencyInjection.ServiceProvider", "System.Scopes"};
    for (size_t k = 0; k < 2; k++) {
        struct made m;
        struct causes c;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            uint64_t pages = 1000 + 1000 * i, scopes = k ? 5 + 5 * i : 1;
            for (int places = 0; places < 2; places++) {
                adding = places ? PART_PLACES : PART_PATHS;
                uint64_t top = causes_add_path(&m, i, ABSENT, "static Shop.Host.s_all",
                                               "Shop.Restock", 1, 24, 0, 0);
                uint64_t scope =
                    causes_add_path(&m, i, top, "scopes", between[k], scopes, scopes * 40, 0, 0);
                uint64_t cache = causes_add_path(&m, i, places ? ABSENT : scope,
                                                 places ? ROOT_SEVERAL : "_cache",
                                                 "System.Caching.MemoryCache", 1, 80, 0, 0);
                uint64_t map = causes_add_path(&m, i, cache, "_entries", ENTRIES, 1, 80, 0, 0);
                causes_add_path(&m, i, map, "[]", "Shop.Page", pages, pages * 100, 0, 0);
            }
            adding = PART_PATHS;
            made_live_type(&m, i, "Shop.Page", pages, pages * 100);
        }
        causes_judge(&m, &c);
        assert_string_equal(c.items[0].subject, "MemoryCache._entries");
        causes_deinit(&c);
        made_deinit(&m);
    }
}

#define MAKE_BOX \
    "System.Runtime.CompilerServices.AsyncTaskMethodBuilder<Shop.Page>+" \
    "AsyncStateMachineBox<Shop.Desk+<MakeAsync>d__4>"

/* Tasks that are done and kept hold results: nothing waits there. */
static void tasks_that_are_done_wait_for_nothing(void **state) {
    (void)state;
    for (uint64_t waiting = 0; waiting < 2; waiting++) {
        struct made m;
        struct causes c;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            uint64_t calls = 1000 + 1000 * i;
            uint64_t top = causes_add_path(&m, i, ABSENT, "static Shop.Desk.s_made",
                                           "System.Collections.Generic.List<Task>", 1, 32,
                                           2 * calls, calls * 300);
            uint64_t box =
                causes_add_path(&m, i, top, "[]", MAKE_BOX, calls, calls * 100, calls, calls * 200);
            causes_add_path(&m, i, box, "m_result", "Shop.Page", calls, calls * 200, 0, 0);
            made_live_type(&m, i, "Shop.Page", calls, calls * 200);
            struct async_row *row = made_row(&m, i, PART_ASYNC);
            row->type =
                made_text(&m, i, waiting ? "Shop.Desk+<MakeAsync>d__4" : "Shop.Desk+<Run>d__1");
            row->await = 1;
            row->objects = waiting ? calls : 1;
        }
        causes_judge(&m, &c);
        causes_says(c.items[0].next, waiting ? "Find what async Desk.MakeAsync"
                                             : "Look where static Shop.Desk.s_made is filled");
        causes_deinit(&c);
        made_deinit(&m);
    }
}

static void stacks_of_no_thread_are_stacks(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 3);
    for (uint32_t i = 0; i < 3; i++)
        add_stacks(&m, i, 1000 + 1000 * i, ROOT_STACK "0x");
    causes_judge(&m, &c);
    assert_int_equal(c.items[0].severity, SEVERITY_WARNING);
    causes_says(c.items[0].next, "these threads");
    causes_deinit(&c);
    made_deinit(&m);
}

#define ASSEMBLY "System.Reflection.RuntimeAssembly"

/* What the runtime's own table keeps nobody can let go of; a list of the program's can be. */
static void who_keeps_what_is_loaded_decides_what_to_do(void **state) {
    (void)state;
    for (int list = 0; list < 2; list++) {
        struct made m;
        struct causes c;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            uint64_t assemblies = 3 + 400 * i;
            for (uint32_t n = 0; n < assemblies; n++) {
                struct module_row *row = made_row(&m, i, PART_MODULES);
                row->name = made_text(&m, i, "RefEmit_InMemoryManifestModule");
                row->id = made_text(&m, i, "00");
            }
            uint64_t top =
                causes_add_path(&m, i, ABSENT, list ? "static Shop.Plugs.s_all" : "handle Strong",
                                "System.Object[]", 1, 8000, assemblies, assemblies * 1000);
            causes_add_path(&m, i, top, "[]", ASSEMBLY, assemblies, assemblies * 1000, 0, 0);
            made_live_type(&m, i, ASSEMBLY, assemblies, assemblies * 1000);
        }
        causes_judge(&m, &c);
        assert_int_equal(c.items[0].kind, CAUSE_LOADER);
        causes_says(c.items[0].summary, "803 dynamic modules, 3 before");
        causes_says(c.items[0].next,
                    list ? "Let go of what static Shop.Plugs.s_all holds" : "Find what makes them");
        for (uint32_t i = 1; i < c.count; i++)
            assert_true(c.items[i].severity > SEVERITY_WARNING);
        causes_deinit(&c);
        made_deinit(&m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_are_what_they_hold),
        cmocka_unit_test(a_table_that_doubles_grows),
        cmocka_unit_test(what_two_hold_is_one_cause_of_both),
        cmocka_unit_test(a_bag_is_held_by_its_field),
        cmocka_unit_test(queues_of_a_bag_are_one_place),
        cmocka_unit_test(who_awaits_what_is_kept_is_told),
        cmocka_unit_test(who_knows_a_source_does_not_hold_its_registrations),
        cmocka_unit_test(what_a_stack_holds_is_of_its_thread),
        cmocka_unit_test(what_stacks_hold_hangs_nowhere_else),
        cmocka_unit_test(stacks_of_no_thread_are_stacks),
        cmocka_unit_test(threads_and_what_comes_with_them_are_one_cause),
        cmocka_unit_test(what_a_provider_knows_is_told_by_itself),
        cmocka_unit_test(who_keeps_what_is_loaded_decides_what_to_do),
        cmocka_unit_test(tasks_that_are_done_wait_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
