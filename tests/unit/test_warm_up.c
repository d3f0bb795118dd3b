/* What services do that are healthy: they warm up, and wait. None of it is a warning. */
#include "diff/causes/causes.h"
#include "diff/rules/rules.h"

#include "made.h"

#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/rows_threads.h"
#include "model/rows_process.h"

static void warm_judge(struct made *m, struct causes *c) {
    made_rules(m);
    assert_true(causes_find(c, &m->series, &m->limits, &m->findings, &m->err));
}

static void warm_end(struct made *m, struct causes *c) {
    causes_deinit(c);
    made_deinit(m);
}

static uint32_t warnings(const struct causes *c) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->count; i++)
        count += c->items[i].severity <= SEVERITY_WARNING;
    return count;
}

/* A node without anything below it. Returns its number. */
static uint64_t add_held(struct made *m, uint32_t i, enum part part, uint64_t parent,
                         const char *label, const char *type, uint64_t objects, uint64_t bytes) {
    return made_path(m, i, part, parent, label, type, (struct cell){objects, bytes},
                     (struct cell){0, 0});
}

#define PROVIDER "Shop.Provider"
#define SCOPES   "Shop.ProviderScope"
#define CACHE    "Shop.Caching.Cache"
#define CACHED   "Shop.Page"

/*
 * The way to a cache that nobody keeps alone leads over a scope, of which there are two more in the
 * end: their growth is theirs, and the cache's its own.
 */
static void what_hangs_below_a_growing_place_has_its_own_cause(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 3);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t scopes = i == 2 ? 4 : 2, pages = 300 + 400 * i;
        for (int places = 0; places < 2; places++) {
            enum part part = places ? PART_PLACES : PART_PATHS;
            uint64_t root =
                add_held(&m, i, part, ABSENT, "static Shop.Host.s_services", PROVIDER, 1, 24);
            uint64_t scope = add_held(&m, i, part, root, "scopes", SCOPES, scopes, scopes * 5000);
            uint64_t cache = add_held(&m, i, part, places ? ABSENT : scope,
                                      places ? ROOT_SEVERAL : "singleton", CACHE, 1, 24);
            add_held(&m, i, part, cache, "[].value", CACHED, pages, pages * 1000);
        }
        made_live_type(&m, i, CACHED, pages, pages * 1000);
        made_live_type(&m, i, SCOPES, scopes, scopes * 5000);
        made_live_type(&m, i, PROVIDER, 1, 24);
        made_live_type(&m, i, CACHE, 1, 24);
    }
    warm_judge(&m, &c);
    assert_true(c.count >= 1);
    assert_int_equal(c.items[0].kind, CAUSE_LEAK);
    assert_int_equal(c.items[0].bytes_delta, 800 * 1000);
    assert_non_null(strstr(c.items[0].summary, "300 to 1,100 Page"));
    warm_end(&m, &c);
}

/* What the framework keeps for each thread, of which there are more under load. */
static void buffers_of_more_threads_are_no_warning(void **state) {
    (void)state;
    static const struct {
        const char *root, *type;
        uint64_t objects, bytes_each;
        uint32_t warnings;
    } held[] = {
        {"thread static System.Buffers.SharedArrayPool<System.Byte>.t_tlsBuckets",
         "System.Buffers.SharedArrayPoolThreadLocalArray[]", 4, 16000, 0},
        {"static System.Net.Sockets.SocketAsyncEngine.s_registeredContexts",
         "System.Net.Sockets.SocketAsyncContext", 4, 4000, 0},
        /* ... but many of them are, and so is what the program keeps. */
        {"static System.Net.Sockets.SocketAsyncEngine.s_registeredContexts",
         "System.Net.Sockets.SocketAsyncContext", 1000, 400, 1},
        {"thread static Shop.Buffers.t_all", "System.Byte[]", 4, 16000, 1},
    };
    for (size_t k = 0; k < sizeof(held) / sizeof(*held); k++) {
        struct made m;
        struct causes c;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            uint64_t objects = held[k].objects * (i + 1), bytes = objects * held[k].bytes_each;
            add_held(&m, i, PART_PATHS, ABSENT, held[k].root, held[k].type, objects, bytes);
            add_held(&m, i, PART_PATHS, ABSENT, "static Shop.Tables.s_all", "Shop.Table", 1,
                     1000000);
            made_live_type(&m, i, held[k].type, objects, bytes);
            made_live_type(&m, i, "Shop.Table", 1, 1000000);
        }
        warm_judge(&m, &c);
        assert_int_equal(warnings(&c), held[k].warnings);
        warm_end(&m, &c);
    }
}

/* Entries of a cache are told once, where it is known what holds them. */
static void a_count_of_entries_is_a_symptom(void **state) {
    (void)state;
    static const char entry[] = "Microsoft.Extensions.Caching.Memory.CacheEntry";
    struct made m;
    struct causes c;
    made_init(&m, 3);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t entries = 1000 * (i + 1);
        add_held(&m, i, PART_PATHS, ABSENT, "static Shop.Site.s_cache", entry, entries,
                 entries * 100);
        made_live_type(&m, i, entry, entries, entries * 100);
    }
    warm_judge(&m, &c);
    assert_int_equal(warnings(&c), 1);
    assert_non_null(made_hit(&m, "cache-counts", NULL));
    warm_end(&m, &c);
}

/* -- Threads ----------------------------------------------------------------------------------- */

#define WAITS \
    "System.Threading.Monitor.Wait(System.Object, Int32)|" \
    "System.Threading.ManualResetEventSlim.Wait(Int32, System.Threading.CancellationToken)|" \
    "System.Threading.Tasks.Task.InternalWait(Int32, System.Threading.CancellationToken)|"
#define MAIN \
    WAITS "System.Runtime.CompilerServices.TaskAwaiter.HandleNonSuccessAndDebuggerNotification(" \
          "System.Threading.Tasks.Task)|Shop.Program."
#define ANY    WAITS "System.Threading.Tasks.Task.WaitAny(System.Threading.Tasks.Task[])|"
#define WORKER "|System.Threading.ThreadPoolWorkQueue.Dispatch()"
#define SPARE \
    "System.Threading.WaitHandle.WaitOne()|" \
    "System.Threading.PortableThreadPool+WorkerThread.WorkerThreadStart()"

static void add_waiting(struct made *m, uint32_t i, uint64_t os_id, const char *frames) {
    struct thread_row *row = made_thread(m, i, os_id, NULL);
    made_frames(m, i, &row->frames, frames);
    row->user_ns = os_id == 1 ? 1000000 * (i + 1) : 5000000;
    row->kernel_ns = 0;
    row->cpu_recorded = 1;
}

static void waiting_for_the_end_or_for_any_is_no_warning(void **state) {
    (void)state;
    static const struct {
        const char *frames;
        uint32_t warnings;
    } stacks[] = {
        {MAIN "<Main>(System.String[])", 0}, /* made by the compiler of an async Main */
        {MAIN "Main(System.String[])", 0},   /* the same, written by hand */
        {ANY "Shop.Listener.Next()" WORKER,
         0} /* whichever comes first: its next client, or stop */,
        {WAITS "Shop.Listener.Next()" WORKER, 1},
    };
    for (size_t k = 0; k < sizeof(stacks) / sizeof(*stacks); k++) {
        struct made m;
        struct causes c;
        made_init(&m, 2);
        for (uint32_t i = 0; i < 2; i++) {
            add_waiting(&m, i, 1, "Shop.Worker.Run()");
            add_waiting(&m, i, 2, stacks[k].frames);
        }
        warm_judge(&m, &c);
        assert_int_equal(warnings(&c), stacks[k].warnings);
        warm_end(&m, &c);
    }
}

static void spare_workers_are_no_leak(void **state) {
    (void)state;
    for (int spare = 0; spare < 2; spare++) {
        struct made m;
        struct causes c;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            add_waiting(&m, i, 1, "Shop.Worker.Run()");
            for (uint64_t id = 2; id < 10 + 10 * i; id++)
                add_waiting(&m, i, id, spare ? SPARE : "Shop.Worker.Loop()");
        }
        warm_judge(&m, &c);
        assert_int_equal(made_hit(&m, "thread-leak", NULL) != NULL, !spare);
        warm_end(&m, &c);
    }
}

/* -- The runtime ------------------------------------------------------------------------------- */

static void the_compiler_of_the_runtime_is_no_runaway(void **state) {
    (void)state;
    static const char *const names[] = {".NET Tiered Com", "spinner"};
    for (size_t k = 0; k < 2; k++) {
        struct made m;
        made_init(&m, 2);
        for (uint32_t i = 0; i < 2; i++) {
            made_origin(&m, i)->captured_at_ns = (1 + 10 * i) * (uint64_t)1000000000;
            struct thread_row *row = made_thread(&m, i, 7, names[k]);
            row->user_ns = (1 + 9 * i) * (uint64_t)1000000000;
            row->kernel_ns = 0;
        }
        made_is_judged(&m, "thread-runaway", k ? SEVERITY_WARNING : SEVERITY_NOTICE);
    }
}

static void compiled_code_that_slows_is_no_warning(void **state) {
    (void)state;
    static const struct {
        uint64_t mib[3];
        enum severity severity;
    } sizes[] = {
        {{60, 64, 67}, SEVERITY_NOTICE},
        {{60, 63, 66}, SEVERITY_WARNING},
        {{60, 66, 70}, SEVERITY_WARNING}, /* slower, and more than any warm-up */
    };
    for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
        struct made m;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            struct loader_row *row = made_row(&m, i, PART_LOADER);
            row->owner = made_text(&m, i, "domain");
            row->kind = made_text(&m, i, "HighFrequencyHeap");
            row->bytes = sizes[k].mib[i] << 20;
        }
        made_is_judged(&m, "loader-growth", sizes[k].severity);
    }
}

static void one_hole_among_large_objects_is_no_warning(void **state) {
    (void)state;
    static const uint64_t holes[][3] = {{1000, 1000, 9000000}, {1000, 4000000, 9000000}};
    for (size_t k = 0; k < 2; k++) {
        struct made m;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            made_type(&m, i, "System.Byte[]", "", GEN_LOH, 9, 9000000);
            made_type(&m, i, TYPE_FREE, "", GEN_LOH, 1, holes[k][i]);
        }
        made_is_judged(&m, "fragmentation", k ? SEVERITY_WARNING : SEVERITY_NOTICE);
    }
}

/* Time-outs that are longer than the dumps are apart: their number is that of what was begun. */
static void timers_that_end_by_themselves_are_no_warning(void **state) {
    (void)state;
    static const struct {
        uint64_t due_ms, period_ms;
        uint32_t warnings;
    } timers[] = {{30000, ABSENT, 0}, {5000, ABSENT, 1}, {30000, 1000, 1}};
    static const char type[] = "System.Threading.TimerQueueTimer";
    for (size_t k = 0; k < sizeof(timers) / sizeof(*timers); k++) {
        struct made m;
        struct causes c;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            uint64_t count = 150 + 150 * i;
            made_origin(&m, i)->captured_at_ns = (1 + 5 * i) * (uint64_t)1000000000;
            add_held(&m, i, PART_PATHS, ABSENT, "static System.Threading.TimerQueue.Instances",
                     type, count, count * 400);
            made_live_type(&m, i, type, count, count * 400);
            struct callback_row *row = made_row(&m, i, PART_CALLBACKS);
            row->kind = made_text(&m, i, "timer");
            row->method = made_text(&m, i, "System.Threading.CancellationTokenSource.Fire");
            row->objects = count;
            row->due_ms = timers[k].due_ms;
            row->period_ms = timers[k].period_ms;
        }
        warm_judge(&m, &c);
        assert_int_equal(warnings(&c), timers[k].warnings);
        assert_int_equal(c.items[0].next && strstr(c.items[0].next, "end by themselves"),
                         !timers[k].warnings);
        warm_end(&m, &c);
    }
}

/* -- Semaphores, and handles that keep nothing ------------------------------------------------- */

#define TASK_NODE "System.Threading.SemaphoreSlim+TaskNode"

static void waiters_of_a_closed_semaphore_are_one_cause(void **state) {
    (void)state;
    static const struct {
        uint64_t waiters[3];
        bool told;
        enum severity severity;
    } dumps[] = {
        {{500, 1000, 1500}, true, SEVERITY_CRITICAL},
        {{1500, 1500, 1500}, true, SEVERITY_WARNING},
        {{1500, 200, 900}, false, SEVERITY_INFO}, /* somebody releases */
        {{10, 20, 30}, false, SEVERITY_INFO},     /* few: a throttle that works */
    };
    for (size_t k = 0; k < sizeof(dumps) / sizeof(*dumps); k++) {
        struct made m;
        struct causes c;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            uint64_t count = dumps[k].waiters[i];
            uint64_t root = add_held(&m, i, PART_PATHS, ABSENT, "static Shop.Desk.s_gate",
                                     "System.Threading.SemaphoreSlim", 1, 80);
            add_held(&m, i, PART_PATHS, root, "m_asyncHead", TASK_NODE, count, count * 400);
            made_live_type(&m, i, TASK_NODE, count, count * 400);
            struct callback_row *row = made_row(&m, i, PART_CALLBACKS);
            row->kind = made_text(&m, i, "semaphore");
            row->type = made_text(&m, i, "System.Threading.SemaphoreSlim");
            row->method = made_text(&m, i, "Shop.Desk+<ServeAsync>d__3");
            row->objects = count;
        }
        warm_judge(&m, &c);
        bool told = c.count && c.items[0].kind == CAUSE_BLOCKED;
        assert_int_equal(told, dumps[k].told);
        if (told) {
            assert_int_equal(c.items[0].severity, dumps[k].severity);
            assert_non_null(strstr(c.items[0].summary, "1,500 calls of async Desk.ServeAsync"));
            assert_int_equal(warnings(&c), 1); /* what grew is a part of it */
        }
        warm_end(&m, &c);
    }
}

#define HANDLER "System.Net.Http.SocketsHttpHandler"

/* A client for each call is garbage when the call is over: nothing accumulates but sockets. */
static void clients_made_for_each_call_are_a_cause(void **state) {
    (void)state;
    static const struct {
        uint64_t handlers[3];
        bool told;
        enum generation gen;
    } dumps[] = {
        {{100, 160, 140}, true, GEN_0},
        {{900, 20, 80}, true, GEN_0},    /* collected between */
        {{140, 140, 140}, false, GEN_0}, /* made once, or long ago */
        {{160, 140, 120}, false, GEN_2},
        {{440, 427, 416}, true, GEN_0}, /* whatever is in generation 0 or 1 after they shrank */
        {{440, 427, 416}, true, GEN_1}, /* is new */
        {{2, 4, 8}, false, GEN_0},      /* a factory has some, and renews them */
    };
    for (size_t k = 0; k < sizeof(dumps) / sizeof(*dumps); k++) {
        struct made m;
        struct causes c;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            uint64_t sockets = 20 + 30 * i;
            made_live_type(&m, i, HANDLER, 1, 100);
            made_type(&m, i, HANDLER, "shop.dll", dumps[k].gen, dumps[k].handlers[i] - 1, 100);
            uint64_t root =
                add_held(&m, i, PART_PATHS, ABSENT, "static System.Net.Sockets.Engine.s_contexts",
                         "System.Net.Sockets.SocketAsyncContext[]", 1, 4000);
            add_held(&m, i, PART_PATHS, root, "[]", "System.Net.Sockets.SocketAsyncContext",
                     sockets, sockets * 2000);
            made_live_type(&m, i, "System.Net.Sockets.SocketAsyncContext", sockets, sockets * 2000);
        }
        warm_judge(&m, &c);
        bool told = c.count && strstr(c.items[0].subject, "HttpClient");
        assert_int_equal(told, dumps[k].told);
        assert_int_equal(warnings(&c), told);
        if (told) {
            assert_non_null(strstr(c.items[0].next, "Share one HttpClient"));
            assert_non_null(c.items[0].held_by); /* what is alive of them */
        }
        warm_end(&m, &c);
    }
}

/* Of a large program more is compiled while it warms up, as evenly as it may be. */
static void code_of_a_large_program_is_no_leak(void **state) {
    (void)state;
    static const struct {
        uint64_t base, step;
        enum severity severity;
    } loaders[] = {{(uint64_t)67 << 20, 1600 << 10, SEVERITY_NOTICE},
                   {(uint64_t)12 << 20, 1600 << 10, SEVERITY_WARNING},
                   {(uint64_t)67 << 20, (uint64_t)5 << 20, SEVERITY_WARNING}};
    for (size_t k = 0; k < sizeof(loaders) / sizeof(*loaders); k++) {
        struct made m;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            struct loader_row *row = made_row(&m, i, PART_LOADER);
            row->kind = made_text(&m, i, "HighFrequencyHeap");
            row->bytes = loaders[k].base + loaders[k].step * i;
        }
        made_is_judged(&m, "loader-growth", loaders[k].severity);
    }
}

/* A raw dump has emitted assemblies by name and id; those that were loaded from bytes are mapped.
 */
static void emitted_assemblies_are_dynamic_modules(void **state) {
    (void)state;
    for (int mapped = 0; mapped < 2; mapped++) {
        struct made m;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++)
            for (uint32_t n = 0; n < 3 + 40 * i; n++) {
                struct module_row *row = made_row(&m, i, PART_MODULES);
                row->name = made_text(&m, i, "RefEmit_InMemoryManifestModule");
                row->id = made_text(&m, i, "00");
                if (mapped)
                    row->base = 0x10000 + 4096 * n;
            }
        made_rules(&m);
        const struct finding *hit = made_hit(&m, "loader-growth", NULL);
        assert_non_null(hit);
        assert_non_null(
            strstr(hit->summary, mapped ? "has 83 modules, 3" : "has 83 dynamic modules, 3"));
        made_deinit(&m);
    }
}

/* A cache of the framework's that a field of the program holds: a few objects of each kind. */
static void a_little_of_everything_is_no_warning(void **state) {
    (void)state;
    struct made m;
    struct causes c;
    made_init(&m, 3);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t root = add_held(&m, i, PART_PATHS, ABSENT, "static Shop.Json.options",
                                 "System.Text.Json.Cache", 1, 40);
        for (uint32_t n = 0; n < 12; n++) {
            char type[64];
            (void)snprintf(type, sizeof(type), "System.Text.Json.Info%u", n);
            add_held(&m, i, PART_PATHS, root, "[]", type, 40 + 10 * i, (40 + 10 * i) * 150);
            made_live_type(&m, i, type, 40 + 10 * i, (40 + 10 * i) * 150);
        }
    }
    warm_judge(&m, &c);
    assert_int_equal(c.growth_count, 1);
    assert_int_equal(warnings(&c), 0);
    warm_end(&m, &c);
}

/* A list was full once, and is as long as before: its array is larger. */
static void room_that_was_kept_is_no_warning(void **state) {
    (void)state;
    for (uint64_t more = 0; more < 2; more++) {
        struct made m;
        struct causes c;
        made_init(&m, 2);
        for (uint32_t i = 0; i < 2; i++) {
            uint64_t pages = 3000 + more * i * 1500, room = i ? 65000 : 32000;
            uint64_t list = add_held(&m, i, PART_PATHS, ABSENT, "static Shop.Site.s_pages",
                                     "System.Collections.Generic.List<Shop.Page>", 1, 32);
            uint64_t array = add_held(&m, i, PART_PATHS, list, "_items", "Shop.Page[]", 1, room);
            add_held(&m, i, PART_PATHS, array, "[]", CACHED, pages, pages * 200);
            made_live_type(&m, i, CACHED, pages, pages * 200);
            made_live_type(&m, i, "Shop.Page[]", 1, room);
        }
        warm_judge(&m, &c);
        assert_int_equal(warnings(&c), more);
        warm_end(&m, &c);
    }
}

static void holes_of_a_small_heap_are_no_warning(void **state) {
    (void)state;
    for (uint64_t times = 1; times <= 100; times *= 100) {
        struct made m;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            made_type(&m, i, CACHED, "shop.dll", GEN_2, 1000, 60000 * times);
            made_type(&m, i, "Free", "", GEN_2, 100, (60000 + 30000 * i) * times);
        }
        made_is_judged(&m, "fragmentation", times == 1 ? SEVERITY_NOTICE : SEVERITY_WARNING);
    }
}

/* Assemblies made again and again have their metadata in the native heap: one story. */
static void what_is_loaded_takes_native_memory(void **state) {
    (void)state;
    for (uint64_t native = 4; native <= 16; native += 12) {
        struct made m;
        struct causes c;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            struct loader_row *row = made_row(&m, i, PART_LOADER);
            row->kind = made_text(&m, i, "HighFrequencyHeap");
            row->bytes = (2 + 5 * (uint64_t)i) << 20;
            struct memory_row *heap = made_row(&m, i, PART_MEMORY_MAP);
            heap->by = MEMORY_BY_USAGE;
            heap->key = made_text(&m, i, "native");
            heap->bytes = (20 + 5 * native * i) << 20;
            heap->regions = 1;
            made_live_type(&m, i, CACHED, 10, 1000);
        }
        warm_judge(&m, &c);
        assert_non_null(made_hit(&m, "native-growth", NULL));
        assert_int_equal(warnings(&c), native == 4 ? 1 : 2);
        warm_end(&m, &c);
    }
}

static void handles_that_keep_nothing_are_no_warning_while_few(void **state) {
    (void)state;
    static const struct {
        const char *kind;
        uint64_t step;
        enum severity severity;
    } handles[] = {{"WeakShort", 80, SEVERITY_NOTICE},
                   {"Dependent", 80, SEVERITY_NOTICE},
                   {"WeakShort", 800, SEVERITY_WARNING},
                   {"Strong", 80, SEVERITY_WARNING}};
    for (size_t k = 0; k < sizeof(handles) / sizeof(*handles); k++) {
        struct made m;
        made_init(&m, 3);
        for (uint32_t i = 0; i < 3; i++) {
            struct handle_row *row = made_row(&m, i, PART_HANDLES);
            row->kind = made_text(&m, i, handles[k].kind);
            row->count = 90 + handles[k].step * i;
        }
        made_is_judged(&m, "handles-growing", handles[k].severity);
    }
}

/* -- Next steps -------------------------------------------------------------------------------- */

/* Written out where the newest dump can be asked; a transcript is not. */
static void next_steps_are_commands_where_the_dump_answers(void **state) {
    (void)state;
    static const struct {
        const char *format, *file, *command;
    } asked[] = {
        {"elf-core", "new.core", "`dumpdiff show --path 'Shop.Page' new.core`"},
        {"minidump", NULL, "`dumpdiff show --path 'Shop.Page' DUMP`"},
        {"elf-core", "a`b.core", "`dumpdiff show --path 'Shop.Page' DUMP`"},
        {"transcript", "new.log", NULL},
    };
    for (size_t k = 0; k < sizeof(asked) / sizeof(*asked); k++) {
        struct made m;
        struct causes c;
        made_init(&m, 3);
        m.options.new_file = asked[k].file;
        for (uint32_t i = 0; i < 3; i++) {
            uint64_t pages = 300 + 400 * i;
            made_origin(&m, i)->format = made_text(&m, i, asked[k].format);
            add_held(&m, i, PART_PATHS, ABSENT, "static Shop.Site.s_pages", CACHED, pages,
                     pages * 1000);
            made_live_type(&m, i, CACHED, pages, pages * 1000);
        }
        warm_judge(&m, &c);
        assert_true(c.count >= 1);
        assert_int_equal(strstr(c.items[0].next, "dumpdiff show") != NULL,
                         asked[k].command != NULL);
        if (asked[k].command && !strstr(c.items[0].next, asked[k].command))
            fail_msg("'%s' is not in '%s'", asked[k].command, c.items[0].next);
        assert_null(say_command(&m.findings, &m.series, "--path", "It's"));
        warm_end(&m, &c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_hangs_below_a_growing_place_has_its_own_cause),
        cmocka_unit_test(buffers_of_more_threads_are_no_warning),
        cmocka_unit_test(a_count_of_entries_is_a_symptom),
        cmocka_unit_test(waiting_for_the_end_or_for_any_is_no_warning),
        cmocka_unit_test(spare_workers_are_no_leak),
        cmocka_unit_test(the_compiler_of_the_runtime_is_no_runaway),
        cmocka_unit_test(compiled_code_that_slows_is_no_warning),
        cmocka_unit_test(timers_that_end_by_themselves_are_no_warning),
        cmocka_unit_test(waiters_of_a_closed_semaphore_are_one_cause),
        cmocka_unit_test(clients_made_for_each_call_are_a_cause),
        cmocka_unit_test(code_of_a_large_program_is_no_leak),
        cmocka_unit_test(emitted_assemblies_are_dynamic_modules),
        cmocka_unit_test(a_little_of_everything_is_no_warning),
        cmocka_unit_test(room_that_was_kept_is_no_warning),
        cmocka_unit_test(holes_of_a_small_heap_are_no_warning),
        cmocka_unit_test(what_is_loaded_takes_native_memory),
        cmocka_unit_test(handles_that_keep_nothing_are_no_warning_while_few),
        cmocka_unit_test(next_steps_are_commands_where_the_dump_answers),
        cmocka_unit_test(one_hole_among_large_objects_is_no_warning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
