/* Which types of Java and Node are a library's, and what usually is the matter with some. */
#include "diff/names/names.h"
#include "diff/rules/hints.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void types_of_libraries_are_known(void **state) {
    (void)state;
    static const char *const framework[] = {
        "java.util.HashMap$Node",
        "java.util.concurrent.ConcurrentHashMap",
        "[Ljava.lang.Object;",
        "com.google.common.cache.LocalCache$StrongEntry",
        "org.hibernate.internal.SessionImpl",
        "com.github.benmanes.caffeine.cache.BoundedLocalCache",
        "jdk.proxy2.$Proxy12",
        "Timeout",
        "EventEmitter",
        "Map",
        "system / Context",
        "(closure) tick node:internal/timers:512",
        "Socket",
        "AbortSignal",
    };
    static const char *const inside[] = {
        "java.util.HashMap$Node",
        "[Ljava.util.HashMap$Node;",
        "java.lang.ThreadLocal$ThreadLocalMap$Entry",
        "java.util.concurrent.ConcurrentHashMap$TreeNode",
        "java.util.concurrent.ScheduledThreadPoolExecutor$DelayedWorkQueue",
        "com.google.common.cache.LocalCache$Segment",
        "com.github.benmanes.caffeine.cache.PSMS",
        "(array)",
    };
    static const char *const own[] = {"shop.Market", "shop.Market$$Lambda", "Session",
                                      "(closure) onPrice market.js:41"};
    for (size_t i = 0; i < COUNT(framework); i++)
        if (!name_is_framework(framework[i]))
            fail_msg("%s", framework[i]);
    for (size_t i = 0; i < COUNT(inside); i++)
        if (!name_is_inside(inside[i]))
            fail_msg("%s", inside[i]);
    for (size_t i = 0; i < COUNT(own); i++)
        if (name_is_framework(own[i]) || name_is_inside(own[i]))
            fail_msg("%s", own[i]);
}

struct node_step {
    const char *root, *edge, *type;
};

#define STEPS_MOST 7u
static const struct {
    struct node_step steps[STEPS_MOST];
    const char *id, *part;
} paths[] = {
    {{{"variable market", NULL, "EventEmitter"},
      {NULL, "_events", "Object"},
      {NULL, "price", "(array)"},
      {NULL, "[]", "(closure) onPrice market.js:41"}},
     "listener",
     "from the event price of EventEmitter when"},
    {{{"variable stop", NULL, "AbortSignal"},
      {NULL, "<symbol kEvents>", "Map"},
      {NULL, "table", "(array)"},
      {NULL, "[]", "Listener"}},
     "listener",
     "from the events of AbortSignal when"},
    {{{"variable timerListMap", NULL, "TimersList"}, {NULL, "_idleNext", "Timeout"}},
     "timeout",
     "clearInterval"},
    {{{"variable waiting", NULL, "Map"},
      {NULL, "[]", "Promise"},
      {NULL, "reactions_or_result", "Job"}},
     "promise",
     "settle these promises"},
    {{{"DOM", NULL, "Detached HTMLDivElement"}}, "detached", "still refers"},
};

static void paths_of_node_have_hints(void **state) {
    (void)state;
    struct findings f;
    findings_init(&f);
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct growth_node nodes[STEPS_MOST];
        uint32_t count = 0;
        for (; count < STEPS_MOST && paths[i].steps[count].type; count++)
            nodes[count] = (struct growth_node){.parent = count ? count - 1 : GROWTH_ROOT,
                                                .root = paths[i].steps[count].root,
                                                .edge = paths[i].steps[count].edge,
                                                .type = paths[i].steps[count].type};
        struct growth g = {.nodes = nodes, .node_count = count};
        const struct hint *hint = hint_for(&g, nodes[count - 1].type, count - 1);
        if (strcmp(hint ? hint->id : "none", paths[i].id ? paths[i].id : "none") != 0)
            fail_msg("number %zu has the hint %s", i, hint ? hint->id : "none");
        const char *next =
            hint ? hint_next(hint, &g, nodes[count - 1].type, count - 1, NULL, &f) : "";
        if (hint && !strstr(next, paths[i].part))
            fail_msg("'%s' is not in '%s'", paths[i].part, next);
    }
    findings_deinit(&f);
}

/* A function without a name is known by the promise that it resolves. */
static void company_tells_what_says_nothing_by_itself(void **state) {
    (void)state;
    const struct hint *hint = hint_by_company("(closure)", "Promise");
    assert_non_null(hint);
    assert_string_equal(hint->id, "promise");
    assert_null(hint_by_company("(closure)", "Array"));
    assert_null(hint_by_company("(closure) onPrice market.js:41", "Promise"));
    assert_null(hint_by_company("Session", "Promise"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_of_libraries_are_known),
        cmocka_unit_test(paths_of_node_have_hints),
        cmocka_unit_test(company_tells_what_says_nothing_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
