/*
 * Takes away, one after the other, the streams of a minidump, its end, and the files of its
 * modules. No rule that needs what is gone may be clear then. As test_absent_sources.c does with
 * the memory and the notes of cores.
 */
#include "tests/support/runtime_rules.h"

#include "input/input.h"
#include "tests/support/mk_minidump.h"
#include "tests/support/mk_windows.h"
#include "tests/support/read_bytes.h"
#include "tests/support/store.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Types of streams. */
enum {
    THREADS = 3,
    MODULES = 4,
    MEMORY = 5,
    SYSTEM = 7,
    MEMORY64 = 9,
    HANDLES = 12,
    MEMORY_INFO = 16,
    THREAD_INFO = 17,
    THREAD_NAMES = 24
};

/* What is taken, and which rules need it; `why`: of what one of them says. */
static const struct taking {
    const char *what;
    uint32_t streams[3];
    uint32_t percent; /* of the file that is left; 0: all */
    bool no_files;    /* a dump without what stands in files, and without these */
    const char *why;
    const char *rules[26];
} takings[] = {
    {.what = "the thread list",
     .streams = {THREADS},
     .why = "the dump lists no threads",
     .rules = {"finalizer-stuck", "threadpool-starvation", "threads-unchanged", "thread-runaway",
               "thread-leak", "threads-new", "threads-gone"}},
    {.what = "the list of memory",
     .streams = {MEMORY64, MEMORY},
     .rules = {RULES_OF_A_RUNTIME, "threads-unchanged"}},
    {.what = "the module list", .streams = {MODULES}, .rules = {RULES_OF_A_RUNTIME}},
    {.what = "the processor",
     .streams = {SYSTEM},
     .rules = {"growing-type", "heap-growth", "finalizer-stuck", "finalizer-queue-growth",
               "locks-held", "deadlock", "handles-growing", "fragmentation", "cache-counts",
               "gc-in-progress", "new-type", "gone-type", "threads-dead", "threads-unchanged",
               "exceptions-on-threads"}},
    {.what = "the times of threads",
     .streams = {THREAD_INFO},
     .why = "none are in the dump (give a file of them with --threads)",
     .rules = {"thread-runaway"}},
    {.what = "the names of threads", .streams = {THREAD_NAMES}, .rules = {NULL}},
    {.what = "the memory map",
     .streams = {MEMORY_INFO},
     .rules = {"native-growth", "loader-growth", "largest-free-shrinking"}},
    {.what = "the handles",
     .streams = {HANDLES},
     .why = "the dump was taken without handles",
     .rules = {"os-handles-growing"}},
    {.what = "the files of its modules",
     .no_files = true,
     .rules = {"finalizer-stuck", "threads-unchanged"}},
    {.what = "all but the beginning",
     .percent = 5,
     .rules = {"growing-type", "heap-growth", "finalizer-stuck", "finalizer-queue-growth",
               "locks-held", "deadlock", "handles-growing", "fragmentation", "cache-counts",
               "gc-in-progress", "new-type", "gone-type", "loh-growth"}},
    {.what = "half of the file",
     .percent = 50,
     .rules = {"growing-type", "heap-growth", "locks-held", "fragmentation", "cache-counts",
               "new-type", "gone-type"}},
    {.what = "its end", .percent = 97, .rules = {NULL}},
};
#define TAKINGS (sizeof(takings) / sizeof(*takings))

/* -- Reading and judging ----------------------------------------------------------------------- */

static uint32_t get_u32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

/* Entries of the directory become unused ones; the streams themselves stay where they are. */
static void take_streams(uint8_t *dump, const struct taking *taking) {
    uint32_t count = get_u32(dump + 8), directory = get_u32(dump + 12);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *entry = dump + directory + (size_t)12 * i;
        for (size_t k = 0; k < 3; k++)
            if (taking->streams[k] && get_u32(entry) == taking->streams[k])
                memset(entry, 0, 12);
    }
}

static void streams_read(struct bytes dump, const struct taking *taking, struct snapshot *s) {
    static const struct input_options options = {.sysroot = "/nowhere"};
    struct err err = {.msg = ""};
    size_t size = taking && taking->percent ? dump.size / 100 * taking->percent : dump.size;
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, dump.data, size);
    if (taking)
        take_streams(copy, taking);
    snapshot_init(s);
    if (!input_read_bytes((struct bytes){copy, size}, "store.dmp", NULL, &options, s, &err))
        fail_msg("without %s: %s", taking ? taking->what : "nothing", err.msg);
    free(copy);
}

struct judged {
    struct series series;
    struct findings f;
};

static void streams_judge(struct judged *j, const struct snapshot *base,
                          const struct snapshot *new) {
    const struct snapshot *all[2] = {base, new};
    struct series_options options;
    struct limits limits;
    struct err err = {.msg = ""};
    series_options_init(&options);
    limits_init(&limits);
    findings_init(&j->f);
    assert_true(series_init(&j->series, all, new ? 2 : 1, &options, &err));
    assert_true(rules_run(&j->series, &limits, &j->f, &err));
}

static void streams_judged_deinit(struct judged *j) {
    findings_deinit(&j->f);
    series_deinit(&j->series);
}

static const struct finding *streams_finding(const struct judged *j, const char *id) {
    for (uint32_t i = 0; i < j->f.count; i++)
        if (strcmp(j->f.items[i].rule->id, id) == 0)
            return &j->f.items[i];
    fail_msg("no finding of %s", id);
    return NULL;
}

/* Rules that judge the newest dump: what the first lacks is nothing to them. */
static bool streams_is_of_newest(const char *id) {
    static const char *const ids[] = {
        "threadpool-starvation", "threads-dead",           "exceptions-on-threads", "deadlock",
        "fragmentation",         "committed-vs-allocated", "large-object",          "cache-counts"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
        if (strcmp(ids[i], id) == 0)
            return true;
    return false;
}

static bool streams_said[TAKINGS]; /* its reason was quoted */

/* Counts what is wrong, aloud. whole NULL: only the rules of the taking. */
static unsigned streams_check(const struct judged *whole, const struct judged *taken, size_t number,
                              bool of_first) {
    const struct taking *taking = &takings[number];
    unsigned wrong = 0;
    for (uint32_t i = 0; whole && i < whole->f.count; i++) {
        const char *id = whole->f.items[i].rule->id;
        if (whole->f.items[i].status == STATUS_HIT &&
            streams_finding(taken, id)->status == STATUS_CLEAR && strcmp(id, "trust") != 0) {
            print_message("without %s: %s was a hit and is clear\n", taking->what, id);
            wrong++;
        }
    }
    for (uint32_t i = 0; i < taken->f.count; i++)
        streams_said[number] |= taken->f.items[i].status != STATUS_CLEAR && taking->why &&
                                strstr(taken->f.items[i].summary, taking->why);
    for (size_t i = 0; taking->rules[i]; i++)
        if (streams_finding(taken, taking->rules[i])->status == STATUS_CLEAR &&
            !(of_first && streams_is_of_newest(taking->rules[i]))) {
            print_message("without %s of %s: %s is clear\n", taking->what,
                          of_first ? "the first" : "the newest", taking->rules[i]);
            wrong++;
        }
    return wrong;
}

static void no_rule_is_clear_for_want_of_a_stream(void **state) {
    (void)state;
    static const char *const times[] = {"demo/dumps/before.core.threads",
                                        "demo/dumps/after.core.threads"};
    struct bytes dumps[2], alone[2];
    struct snapshot whole[2], taken[2];
    struct judged judged_whole, judged;
    unsigned wrong = 0;
    for (int i = 0; i < 2; i++) {
        dumps[i] = mk_windows_dump(store.dump[i], times[i], MK_WINDOWS_WHOLE);
        alone[i] = mk_windows_dump(store.dump[i], times[i], MK_WINDOWS_HEAP);
        streams_read(dumps[i], NULL, &whole[i]);
    }
    streams_judge(&judged_whole, &whole[0], &whole[1]);
    assert_int_equal(streams_finding(&judged_whole, "growing-type")->status, STATUS_HIT);
    for (size_t t = 0; t < TAKINGS; t++) {
        for (int i = 0; i < 2; i++)
            streams_read(takings[t].no_files ? alone[i] : dumps[i], &takings[t], &taken[i]);
        for (int which = 0; which < 3; which++) {
            streams_judge(&judged, which != 1 ? &taken[0] : &whole[0],
                          which != 0 ? &taken[1] : &whole[1]);
            wrong += streams_check(&judged_whole, &judged, t, which == 0);
            streams_judged_deinit(&judged);
        }
        for (int i = 0; i < 2; i++)
            snapshot_deinit(&taken[i]);
    }
    streams_judged_deinit(&judged_whole);
    for (int i = 0; i < 2; i++) {
        snapshot_deinit(&whole[i]);
        free((void *)(uintptr_t)dumps[i].data);
        free((void *)(uintptr_t)alone[i].data);
    }
    assert_int_equal(wrong, 0);
}

/* After the other: which reasons were quoted. */
static void each_stream_has_its_reason(void **state) {
    (void)state;
    unsigned wrong = 0;
    for (size_t t = 0; t < TAKINGS; t++)
        if (takings[t].why && !streams_said[t]) {
            print_message("without %s: no rule says \"%s\"\n", takings[t].what, takings[t].why);
            wrong++;
        }
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_rule_is_clear_for_want_of_a_stream),
        cmocka_unit_test(each_stream_has_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
