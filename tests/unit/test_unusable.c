/*
 * A snapshot of which no part says anything is unusable, whatever its reader made of the file: no
 * rule is clear on it, it is compared with nothing, and no budget passes.
 */
#include "diff/gate/gate.h"
#include "diff/rules/rule.h"
#include "input/input.h"
#include "model/snapfile.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"
#include "tests/support/mk_elf_core.h"
#include "tests/support/mk_gcdump.h"
#include "tests/support/mk_hprof.h"
#include "tests/support/mk_minidump.h"
#include "tests/support/mk_pprof.h"
#include "tests/support/mk_snap.h"
#include "tests/support/read_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* -- The model --------------------------------------------------------------------------------- */

static enum trust_grade grade_of(const char *rows) {
    struct snapshot s;
    snapshot_init(&s);
    mk_snap(&s, rows);
    enum trust_grade grade = snapshot_trust(&s);
    snapshot_deinit(&s);
    return grade;
}

static void only_parts_that_say_something_make_a_snapshot_usable(void **state) {
    (void)state;
    static const struct {
        const char *rows;
        enum trust_grade grade;
    } cases[] = {
        {"", TRUST_UNUSABLE},
        {"origin process=shop pid=7 captured_at=5 arch=x64\n", TRUST_UNUSABLE},
        {"note text=\"read with care\"\n", TRUST_UNUSABLE},
        {"warn text=\"cut\"\n", TRUST_UNUSABLE},
        /* None of them is a fact, unless that is because they were not read. */
        {"locks\n", TRUST_EXACT},
        {"locks\nabsences part=locks aspect=rows why=cut\n", TRUST_UNUSABLE},
        {"types\nlocks\nabsences part=types aspect=rows why=cut\n", TRUST_PARTIAL},
        /* The single row of a part may say nothing. */
        {"finalizer\n", TRUST_UNUSABLE},
        {"finalizer ready=0\n", TRUST_EXACT},
        {"gc\n", TRUST_UNUSABLE},
        {"gc in_progress=0\n", TRUST_EXACT},
        /* A little is not nothing. */
        {"modules name=shop.dll\nwarn text=cut\n", TRUST_PARTIAL},
        {"threads os_id=1\nabsences part=threads aspect=frames why=cut\n", TRUST_EXACT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        if (grade_of(cases[i].rows) != cases[i].grade)
            fail_msg("of \"%s\": %s", cases[i].rows, trust_names[grade_of(cases[i].rows)]);
}

static void why_it_is_unusable_stands_first_and_once(void **state) {
    (void)state;
    struct snapshot s, back;
    struct strbuf file;
    struct err err = {.msg = ""};
    static const struct input_options options;
    snapshot_init(&s);
    mk_snap(&s, "warn text=\"the list is cut\"\n");
    strbuf_init(&file);
    assert_true(snapfile_encode(&s, &file, &err));
    snapshot_init(&back);
    struct bytes bytes = {(const uint8_t *)strbuf_cstr(&file), file.len};
    assert_true(input_read_bytes(bytes, "kept.snap", NULL, &options, &back, &err));
    assert_int_equal(snapshot_trust(&back), TRUST_UNUSABLE);
    SNAPSHOT_ROWS(&back, PART_REASONS, struct reason_row, rows, count);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].text, "nothing to judge by could be read in it");
    assert_int_equal(rows[0].lowers_trust, 1);
    assert_string_equal(rows[1].text, "the list is cut");
    strbuf_deinit(&file);
    snapshot_deinit(&back);
    snapshot_deinit(&s);
}

/* -- Every kind of input ----------------------------------------------------------------------- */

static struct bytes text_bytes(const char *text) {
    char *copy = strdup(text);
    assert_non_null(copy);
    return (struct bytes){(const uint8_t *)copy, strlen(copy)};
}

/* As much of a file as stands in front of what it is about. */
static const struct hollow {
    const char *input, *what;
    struct bytes (*make)(const char *spec);
    const char *spec;
    size_t size; /* 0: whole */
    bool refused;
} hollows[] = {
    {"elf-core", "no segments", mk_elf_core, "header phnum=0\nprocess pid=7 name=shop\n", 64, true},
    {"elf-core", "segments past the end", mk_elf_core,
     "process pid=7 name=shop\nsegment at=0x1000 size=4096 fill=1 flags=6\n", 64 + 2 * 56, true},
    {"elf-core", "notes of nothing", mk_elf_core, "note type=0x53494749 hex=\"0b 00 00 00\"\n", 0,
     false},
    {"minidump", "no streams", mk_minidump, "header streams=0\n", 0, false},
    {"minidump", "streams past the end", mk_minidump, "header streams=900 directory=32\n", 60,
     false},
    {"minidump", "an empty directory", mk_minidump, "header streams=3\n", 0, false},
    {"minidump", "lists without rows", mk_minidump,
     "system arch=9\nthread id=1\nlist of=thread count=0\nmodule name=a.exe\n"
     "list of=module count=0\nmemory at=0x1000 size=16\nlist of=memory count=0\n",
     0, false},
    {"gcdump", "no objects", mk_gcdump, "dump\n", 0, false},
    {"hprof", "the header alone", mk_hprof, "dump\n", 31, true},
    {"hprof", "no objects", mk_hprof, "dump\n", 0, false},
    {"pprof", "no samples", mk_pprof, "", 0, true},
    {"heaptrack", "cut before the first allocation", text_bytes, "v 10400 3\nX ./shop\nI 1000 1\n",
     0, false},
    {"massif", "no snapshot", text_bytes, "desc: x\ncmd: ./shop\ntime_unit: i\n", 0, true},
    {"counters", "no row", text_bytes, "Timestamp,Provider,Counter Name,Counter Type,Mean\n", 0,
     true},
    {"jemalloc", "no stack", text_bytes, "heap_v2/524288\n", 0, true},
    {"transcript", "a heading alone", text_bytes,
     "              MT    Count    TotalSize Class Name\n", 0, true},
    {"transcript", "prose", text_bytes, "Dear colleagues, it was slow again.\n", 0, true},
    {"transcript", "a command without its output", text_bytes, "0:000> !dumpheap -stat\n", 0, true},
};

static void what_says_nothing_is_refused_or_unusable(void **state) {
    (void)state;
    static const struct input_options options;
    for (size_t i = 0; i < sizeof(hollows) / sizeof(*hollows); i++) {
        const struct hollow *hollow = &hollows[i];
        struct bytes made = hollow->make(hollow->spec), bytes = made;
        struct snapshot s;
        struct err err = {.msg = ""};
        if (hollow->size) {
            assert_true(hollow->size <= bytes.size);
            bytes.size = hollow->size;
        }
        snapshot_init(&s);
        bool read = input_read_bytes(bytes, "hollow", NULL, &options, &s, &err);
        if (read == hollow->refused)
            fail_msg("%s of %s is %s (%s)", hollow->input, hollow->what, read ? "read" : "refused",
                     err.msg);
        if (read && snapshot_trust(&s) != TRUST_UNUSABLE)
            fail_msg("%s of %s: %s", hollow->input, hollow->what, trust_names[snapshot_trust(&s)]);
        if (read)
            assert_string_equal(snapshot_origin(&s)->format, hollow->input);
        snapshot_deinit(&s);
        free((void *)(uintptr_t)made.data);
    }
}

/* -- What follows ------------------------------------------------------------------------------ */

struct pair {
    struct snapshot s[2];
    struct series series;
};

static void pair_init(struct pair *p, uint32_t count) {
    static const char rows[] = "types name=Shop.Order gen2=10/1000\nthreads os_id=1\n";
    const struct snapshot *all[2] = {&p->s[0], &p->s[1]};
    struct series_options options;
    struct err err;
    for (uint32_t i = 0; i < 2; i++)
        snapshot_init(&p->s[i]);
    for (uint32_t i = 0; i < count; i++)
        mk_snap(&p->s[i], i + 1 < count ? rows : "origin process=shop\n");
    series_options_init(&options);
    assert_true(series_init(&p->series, all, count, &options, &err));
}

static void pair_deinit(struct pair *p) {
    series_deinit(&p->series);
    for (uint32_t i = 0; i < 2; i++)
        snapshot_deinit(&p->s[i]);
}

static void no_rule_is_clear_on_it(void **state) {
    (void)state;
    for (uint32_t count = 1; count <= 2; count++) {
        struct pair p;
        struct limits limits;
        struct findings f;
        struct err err;
        unsigned wrong = 0;
        pair_init(&p, count);
        limits_init(&limits);
        findings_init(&f);
        assert_true(rules_run(&p.series, &limits, &f, &err)); /* as --force lets them */
        for (uint32_t i = 0; i < f.count; i++) {
            bool trust = strcmp(f.items[i].rule->id, "trust") == 0;
            if (f.items[i].status == (trust ? STATUS_HIT : STATUS_SKIPPED))
                continue;
            print_message("%s: %s\n", f.items[i].rule->id, finding_status_names[f.items[i].status]);
            wrong++;
        }
        assert_int_equal(wrong, 0);
        findings_deinit(&f);
        pair_deinit(&p);
    }
}

static void it_is_compared_with_nothing(void **state) {
    (void)state;
    struct pair p;
    pair_init(&p, 2);
    assert_string_equal(p.series.not_comparable,
                        "NEW cannot be used: nothing to judge by could be read in it");
    pair_deinit(&p);
}

static void no_budget_passes_on_it(void **state) {
    (void)state;
    static const char json[] = "{\"budgets\": [{\"on\": \"total\", \"max\": \"1G\"},"
                               "{\"on\": \"threads\", \"max\": 1000},"
                               "{\"on\": \"native\", \"max\": \"1G\"}]}";
    for (int force = 0; force < 2; force++)
        for (uint32_t count = 1; count <= 2; count++) {
            const struct gate_options options = {.today = "2026-11-22", .force = force};
            struct budgets budgets;
            struct gate gate;
            struct pair p;
            struct err err = {.msg = ""};
            pair_init(&p, count);
            if (!budgets_parse(&budgets, STR(json), &err) ||
                !gate_run(&gate, &p.series, &budgets, &options, &err))
                fail_msg("%s", err.msg);
            assert_int_equal(gate.inconclusive, 3);
            assert_int_equal(gate_exit_status(&gate), 3);
            gate_deinit(&gate);
            budgets_deinit(&budgets);
            pair_deinit(&p);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_parts_that_say_something_make_a_snapshot_usable),
        cmocka_unit_test(why_it_is_unusable_stands_first_and_once),
        cmocka_unit_test(what_says_nothing_is_refused_or_unusable),
        cmocka_unit_test(no_rule_is_clear_on_it),
        cmocka_unit_test(it_is_compared_with_nothing),
        cmocka_unit_test(no_budget_passes_on_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
