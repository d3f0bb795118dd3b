/* What it usually means when objects of a framework type grow. */
#include "diff/rules/hints.h"

#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BOX \
    "System.Runtime.CompilerServices.AsyncTaskMethodBuilder<System.Int32>+" \
    "AsyncStateMachineBox<System.Int32, Shop.Worker+<RunAsync>d__3>"

static void every_type_has_the_hint_that_tells_most(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"System.Threading.TimerQueueTimer", "timer"},
        {"System.Threading.CancellationTokenSource+CallbackNode", "cancellation"},
        {"System.Threading.CancellationTokenSource+Linked1CancellationTokenSource", "cancellation"},
        {"System.EventHandler<Shop.Args>", "event"},
        {BOX, "async-method"},
        {"Shop.Worker+<RunAsync>d__3", "async-method"},
        {"System.Threading.Tasks.Task<System.Int32>", "task"},
        {"System.Threading.Tasks.TaskCompletionSource<System.String>", "completion"},
        {"Microsoft.Extensions.DependencyInjection.ServiceLookup.ServiceProviderEngineScope",
         "di-scope"},
        {"Microsoft.Extensions.Caching.Memory.CacheEntry", "memory-cache"},
        {"System.Net.Sockets.SocketAsyncContext", NULL}, /* a server has some, too */
        {"System.Runtime.CompilerServices.ConditionalWeakTable<K, V>+Container", "weak-table"},
        {"System.Reflection.Emit.RuntimeTypeBuilder", "load-context"},
        {"System.Net.Http.HttpConnectionPool", "http-client"},
        {"Microsoft.EntityFrameworkCore.ChangeTracking.Internal.StateManager", "ef-context"},
        {"System.Threading.ThreadLocal<Shop.Buffer>+LinkedSlot", "thread-local"},
        {"System.Threading.ExecutionContext", "async-local"},
        {"Microsoft.FSharp.Control.AsyncPrimitives+TryWith@638-1<Unit>", "async-loop"},
        {"java.lang.ThreadLocal$ThreadLocalMap$Entry", "java-thread-local"},
        {"java.net.URLClassLoader", "class-loader"},
        {"org.hibernate.internal.SessionImpl", "hibernate-session"},
        {"org.hibernate.engine.spi.EntityKey", "hibernate-session"},
        {"com.google.common.cache.LocalCache$StrongEntry", "jvm-cache"},
        {"com.github.benmanes.caffeine.cache.PSMS", "jvm-cache"},
        {"org.hibernate.engine.query.spi.QueryPlanCache", "jvm-cache"},
        {"java.util.TaskQueue", "java-timer"},
        {"java.util.concurrent.ScheduledThreadPoolExecutor$ScheduledFutureTask", "java-timer"},
        {"java.util.concurrent.CompletableFuture$UniApply", "java-future"},
        {"java.nio.DirectByteBuffer", "direct-buffer"},
        {"java.io.DeleteOnExitHook", "exit-hook"},
        {"java.util.HashMap$Node", NULL},
        {"java.util.concurrent.ConcurrentHashMap$Node", NULL},
        {"EventEmitter", "listener"},
        {"Timeout", "timeout"},
        {"Promise", "promise"},
        {"Shop.Cart", NULL},
        {"System.String", NULL},
        {"", NULL},
    };
    struct growth none = {.node_count = 0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct hint *hint = hint_for(&none, cases[i][0], GROWTH_ROOT);
        if (!cases[i][1])
            assert_null(hint);
        else
            assert_string_equal(hint ? hint->id : "none", cases[i][1]);
    }
}

struct step {
    const char *root, *edge, *type;
};

/* A growth whose nodes are one path; gives the number of its last node. */
static uint32_t path(struct growth *g, struct growth_node *nodes, const struct step *steps) {
    uint32_t count = 0;
    for (; steps[count].type; count++)
        nodes[count] = (struct growth_node){.parent = count ? count - 1 : GROWTH_ROOT,
                                            .root = steps[count].root,
                                            .edge = steps[count].edge,
                                            .type = steps[count].type};
    *g = (struct growth){.nodes = nodes, .node_count = count};
    return count - 1;
}

/* A path, the hint for its end (NULL: none), and what is in its next step. */
struct named_step {
    struct step steps[6];
    const char *id, *part;
};

static void next_steps_are(const struct named_step *cases, size_t count) {
    struct growth_node nodes[8];
    struct findings f;
    findings_init(&f);
    for (size_t i = 0; i < count; i++) {
        struct growth g;
        uint32_t last = path(&g, nodes, cases[i].steps);
        const struct hint *hint = hint_for(&g, nodes[last].type, last);
        assert_string_equal(hint ? hint->id : "none", cases[i].id ? cases[i].id : "none");
        if (hint)
            assert_non_null(
                strstr(hint_next(hint, &g, nodes[last].type, last, NULL, &f), cases[i].part));
    }
    findings_deinit(&f);
}

static void the_next_step_names_who_is_meant(void **state) {
    (void)state;
    static const struct named_step cases[] = {
        {{{"static Shop.Rates.Changed", NULL, "System.EventHandler"},
          {NULL, "_invocationList", "System.Object[]"},
          {NULL, "[]", "System.EventHandler"},
          {NULL, "_target", "Shop.Cart"}},
         "event",
         "Remove the handlers (-=) from the event Shop.Rates.Changed when"},
        {{{"static P.bus", NULL, "Shop.Events.Bus"},
          {NULL, "Saved", "System.Action"},
          {NULL, "_invocationList", "System.Object[]"},
          {NULL, "[]", "System.Action"}},
         "event",
         "from the event Bus.Saved when"},
        {{{"static P.bus", NULL, "Shop.Events.Bus"},
          {NULL, "Saved", "System.Action"},
          {NULL, "_helperObject", "System.Delegate+Wrapper[]"},
          {NULL, "[]", "System.Action"}},
         "event",
         "from the event Bus.Saved when"},
        {{{"handle Strong", NULL, BOX}, {NULL, "StateMachine.<>4__this", "Shop.Worker"}},
         "async-method",
         "Find what async Worker.RunAsync awaits"},
        {{{"static P.cursors", NULL, "Shop.Cursor[]"}, {NULL, "[]", "Shop.Worker+<Walk>d__5"}},
         NULL, /* an iterator awaits nothing */
         NULL},
        {{{"handle Strong", NULL, BOX}, {NULL, "StateMachine", "Shop.Worker+<RunAsync>d__3"}},
         "async-method",
         "Find what async Worker.RunAsync awaits"},
        {{{"handle Strong", NULL, "System.Action"}, {NULL, "Next", "Continuation_24_0_2"}},
         "async-method",
         "Find what the method awaits"},
        {{{"finalizer queue", NULL, "Shop.Handle"}}, "finalizer-queue", "finalizer-stuck"},
        {{{"handle Pinned", NULL, "System.Byte[]"}}, "pinned", "GCHandle.Free"},
        {{{"handle Strong", NULL, "Shop.Callback"}}, "gc-handle", "GCHandle.Alloc"},
        {{{"handle Strong", NULL, "System.Object[]"}, {NULL, "[]", "Shop.Cart"}},
         "static-array",
         "static field"},
        {{{"thread static Shop.Pool.buffers", NULL, "Shop.Buffer"}}, "thread-local", "ThreadLocal"},
        {{{"static P.keys", NULL, "Shop.Key"}, {NULL, "(dependent)", "Shop.Value"}},
         "weak-table",
         "what keeps the keys"},
        {{{"static P.all", NULL, "Shop.Key[]"}, {NULL, "[]", "Shop.Key"}}, NULL, NULL},
    };
    next_steps_are(cases, sizeof(cases) / sizeof(*cases));
}

/* Of Java a word in the name of a field tells, where it leads to what is Java's. */
static void fields_of_java_say_what_is_in_them(void **state) {
    (void)state;
    static const struct named_step cases[] = {
        {{{"static shop.Main.market", NULL, "shop.Market"},
          {NULL, "priceListeners", "java.util.ArrayList"},
          {NULL, "elementData", "[Ljava.lang.Object;"},
          {NULL, "[]", "shop.Watcher"}},
         "java-listener",
         "Remove the listeners from Market.priceListeners when"},
        {{{"static shop.Bus.listeners", NULL, "java.util.concurrent.CopyOnWriteArrayList"},
          {NULL, "array", "[Ljava.lang.Object;"},
          {NULL, "[]", "shop.Watcher"}},
         "java-listener",
         "Remove the listeners from static shop.Bus.listeners when"},
        {{{"static Shop.Bus.listeners", NULL, "System.Collections.Generic.List<Shop.Watcher>"},
          {NULL, "_items", "Shop.Watcher[]"},
          {NULL, "[]", "Shop.Watcher"}},
         NULL, /* of .NET: there a listener is a delegate */
         NULL},
        {{{"static shop.Main.listener", NULL, "java.lang.Thread"}, {NULL, "target", "shop.Job"}},
         NULL,
         NULL},
        {{{"static shop.Till.worker", NULL, "java.util.concurrent.ThreadPoolExecutor"},
          {NULL, "workQueue", "java.util.concurrent.LinkedBlockingQueue"},
          {NULL, "head", "java.util.concurrent.LinkedBlockingQueue$Node"},
          {NULL, "item", "shop.Order"}},
         "executor-queue",
         "why the pool does not keep up"},
        {{{"static shop.Till.clock", NULL, "java.util.concurrent.ScheduledThreadPoolExecutor"},
          {NULL, "workQueue", "java.util.concurrent.ScheduledThreadPoolExecutor$DelayedWorkQueue"},
          {NULL, "queue", "[Ljava.util.concurrent.RunnableScheduledFuture;"},
          {NULL, "[]", "java.util.concurrent.ScheduledThreadPoolExecutor$ScheduledFutureTask"},
          {NULL, "callable", "shop.Till$$Lambda"}},
         "java-timer",
         "Cancel the task"},
        {{{"static java.io.DeleteOnExitHook.files", NULL, "java.util.LinkedHashSet"},
          {NULL, "map", "java.util.HashMap"}},
         "exit-hook",
         "deleteOnExit()"},
        {{{"threads", NULL, "java.lang.Thread"},
          {NULL, "threadLocals", "java.lang.ThreadLocal$ThreadLocalMap"},
          {NULL, "table", "[Ljava.lang.ThreadLocal$ThreadLocalMap$Entry;"}},
         "java-thread-local",
         "Call remove()"},
    };
    next_steps_are(cases, sizeof(cases) / sizeof(*cases));
}

/* How far one looks up: the field of a container says what it is, that of its holder does not. */
static void the_field_of_a_container_says_what_is_in_it(void **state) {
    (void)state;
    static const struct step steps[] = {{"static shop.Main.listeners", NULL, "java.util.HashMap"},
                                        {NULL, "value", "shop.Market"},
                                        {NULL, "observers", "java.util.ArrayList"},
                                        {NULL, "elementData", "[Ljava.lang.Object;"},
                                        {NULL, "[]", "shop.Watcher"},
                                        {NULL, NULL, NULL}};
    struct growth_node nodes[8];
    struct growth g;
    uint32_t last = path(&g, nodes, steps);
    const struct hint *hint = hint_between(&g, nodes[last].type, last, 2);
    assert_non_null(hint);
    assert_string_equal(hint->id, "java-listener");
    assert_null(hint_between(&g, nodes[last].type, last, 3));
    nodes[2].edge = "events";
    assert_null(hint_between(&g, nodes[last].type, last, 2));
}

/* What is called is named where the newest snapshot tells. */
static void the_next_step_names_what_is_called(void **state) {
    (void)state;
    static const struct {
        struct callback_row row;
        struct step steps[5];
        const char *part;
    } cases[] = {
        {{"handler", "System.EventHandler", "Shop.Cart.OnRate", 1200, ABSENT, ABSENT},
         {{"static Shop.Rates.Changed", NULL, "System.EventHandler"},
          {NULL, "_invocationList", "System.Object[]"},
          {NULL, "[]", "System.EventHandler"}},
         "from the event Shop.Rates.Changed (1,200 call Shop.Cart.OnRate) when"},
        {{"handler", "System.EventHandler", "Shop.Cart.OnRate", 1200, ABSENT, ABSENT}, /* of 11 */
         {{"static Shop.Rates.Changed", NULL, "System.EventHandler"},
          {NULL, "_helperObject", "System.Delegate+Wrapper[]"},
          {NULL, "[]", "System.EventHandler"}},
         "from the event Shop.Rates.Changed (1,200 call Shop.Cart.OnRate) when"},
        {{"handler", "System.Action", "Shop.Cart.OnRate", 1200, ABSENT, ABSENT}, /* of 11 */
         {{"static Shop.Rates.Changed", NULL, "System.EventHandler"},
          {NULL, "_helperObject", "System.Delegate+Wrapper[]"},
          {NULL, "[]", "System.EventHandler"}},
         "from the event Shop.Rates.Changed when"},
        {{"handler", "System.Action", "Shop.Cart.OnRate", 1200, ABSENT, ABSENT}, /* another's */
         {{"static Shop.Rates.Changed", NULL, "System.EventHandler"},
          {NULL, "_invocationList", "System.Object[]"},
          {NULL, "[]", "System.EventHandler"}},
         "from the event Shop.Rates.Changed when"},
        {{"timer", NULL, "Shop.Poll+<>c.<Start>b__0_1", 300, 1000, 5000},
         {{"static T.q", NULL, "System.Threading.TimerQueueTimer"}},
         "or share one (300 call Shop.Poll.Start lambda every 5.000 s): the"},
        {{"timer", NULL, "Shop.Poll.Once", 1, 30000, ABSENT},
         {{"static T.q", NULL, "System.Threading.TimerQueueTimer"}},
         "(1 calls Shop.Poll.Once once, 30.000 s after each is started)"},
        {{"registration", NULL, "Shop.Job.Stop", 40, ABSENT, ABSENT},
         {{"static T.q", NULL, "System.Threading.CancellationTokenSource+CallbackNode"}},
         "(40 call Shop.Job.Stop): a token"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct growth g;
        struct growth_node nodes[8];
        struct findings f;
        struct callback_row row = cases[i].row;
        struct snapshot newest = {.parts = PART_BIT(PART_CALLBACKS)};
        newest.tables[PART_CALLBACKS] = (struct table){&row, 1, 1, false};
        findings_init(&f);
        uint32_t last = path(&g, nodes, cases[i].steps);
        const struct hint *hint = hint_for(&g, nodes[last].type, last);
        assert_non_null(hint);
        const char *next = hint_next(hint, &g, nodes[last].type, last, &newest, &f);
        if (!strstr(next, cases[i].part))
            fail_msg("'%s' is not in '%s'", cases[i].part, next);
        findings_deinit(&f);
    }
}

static void every_hint_can_be_found_and_says_what_to_do(void **state) {
    (void)state;
    const struct hint *hint;
    for (size_t i = 0; (hint = hint_at(i)); i++) {
        assert_ptr_equal(hint_find(hint->id), hint);
        assert_non_null(strstr(hint->explain, "What to do: "));
        assert_true(hint->types[0] || hint->roots[0]);
        assert_null(rule_find(hint->id));
        /* The next step has a place for what it names, and words for when that is not known. */
        assert_true((hint->names != HINT_NAMES_NOTHING) == (strstr(hint->next, "%s") != NULL));
        assert_true((hint->names != HINT_NAMES_NOTHING) == (hint->unnamed != NULL));
    }
    assert_null(hint_find("nothing"));
    assert_string_equal(hint_find("System.Net.Http.HttpClient")->id, "http-client");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_the_hint_that_tells_most),
        cmocka_unit_test(the_next_step_names_who_is_meant),
        cmocka_unit_test(fields_of_java_say_what_is_in_them),
        cmocka_unit_test(the_field_of_a_container_says_what_is_in_it),
        cmocka_unit_test(the_next_step_names_what_is_called),
        cmocka_unit_test(every_hint_can_be_found_and_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
