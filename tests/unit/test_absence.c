/*
 * Absent is never zero: what is missing is kept with its reason, rules quote it, and none is clear
 * for want of its input. test_absent_sources.c takes away what raw dumps are read from; here the
 * model, the rules, and transcripts.
 */
#include "diff/rules/rule.h"
#include "input/input.h"
#include "model/snapfile.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"
#include "tests/support/fixture.h"
#include "tests/support/mk_snap.h"
#include "tests/support/read_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* -- The model --------------------------------------------------------------------------------- */

struct building {
    struct snapshot s;
    struct builder *b;
    struct err err;
};

static void building_init(struct building *x) {
    snapshot_init(&x->s);
    x->b = builder_new(&x->s, &x->err);
    assert_non_null(x->b);
}

static void building_finish(struct building *x) {
    assert_true(input_finish(x->b, &x->err));
    builder_free(x->b);
}

static uint32_t count_absences(const struct snapshot *s) {
    uint32_t count;
    (void)snapshot_rows(s, PART_ABSENCES, &count);
    return count;
}

static void why_is_kept_once_and_counts_add_up(void **state) {
    (void)state;
    struct building x;
    building_init(&x);
    uint64_t parts = PART_BIT(PART_LOCKS) | PART_BIT(PART_HANDLES);
    builder_present(x.b, PART_COUNTERS);
    builder_absent(x.b, parts, ASPECT_ROWS, 2, "the file is %s", "cut");
    builder_lacks(x.b, PART_BIT(PART_LOCKS), ASPECT_ROWS, 3, "the file is cut");
    builder_absent(x.b, PART_BIT(PART_LOCKS), ASPECT_ROWS, 1, "another reason");
    building_finish(&x);
    assert_int_equal(count_absences(&x.s), 3);
    const struct absence_row *row = snapshot_absence(&x.s, PART_LOCKS, ASPECT_ROWS);
    assert_non_null(row);
    assert_string_equal(row->why, "the file is cut");
    assert_int_equal(row->count, 5);
    assert_int_equal(snapshot_absence(&x.s, PART_HANDLES, ASPECT_ROWS)->count, 2);
    assert_null(snapshot_absence(&x.s, PART_HANDLES, ASPECT_ALL));
    assert_int_equal(snapshot_trust(&x.s), TRUST_PARTIAL); /* by builder_lacks alone */
    snapshot_deinit(&x.s);
}

static void reasons_survive_the_snap_file(void **state) {
    (void)state;
    struct building x;
    struct snapshot back;
    struct strbuf file;
    building_init(&x);
    builder_absent(x.b, PART_BIT(PART_THREADS), ASPECT_FRAMES, ABSENT, "no code");
    building_finish(&x);
    strbuf_init(&file);
    snapshot_init(&back);
    assert_true(snapfile_encode(&x.s, &file, &x.err));
    struct bytes bytes = {(const uint8_t *)strbuf_cstr(&file), file.len};
    assert_true(snapfile_decode(bytes, &back, &x.err));
    const struct absence_row *row = snapshot_absence(&back, PART_THREADS, ASPECT_FRAMES);
    assert_non_null(row);
    assert_string_equal(row->part, "threads");
    assert_string_equal(row->aspect, "frames");
    assert_string_equal(row->why, "no code");
    assert_true(row->count == ABSENT);
    strbuf_deinit(&file);
    snapshot_deinit(&back);
    snapshot_deinit(&x.s);
}

static void what_another_source_fills_is_not_missing(void **state) {
    (void)state;
    static const struct str frame = {"Inn.Key.Turn()", 14};
    struct building x;
    building_init(&x);
    builder_absent(x.b, PART_BIT(PART_LOCKS) | PART_BIT(PART_HANDLES), ASPECT_ALL, ABSENT, "no");
    builder_absent(x.b, PART_BIT(PART_THREADS), ASPECT_FRAMES, ABSENT, "no");
    builder_absent(x.b, PART_BIT(PART_THREADS), ASPECT_FRAMES, 2, "two of them");
    builder_absent(x.b, PART_BIT(PART_THREADS), ASPECT_CPU_TIMES, ABSENT, "no");
    builder_absent(x.b, PART_BIT(PART_FINALIZER), ASPECT_READY, ABSENT, "no");
    builder_present(x.b, PART_LOCKS);
    struct thread_row *t = builder_thread(x.b, 1, 1, &x.err);
    assert_non_null(t);
    assert_true(builder_strings(x.b, &frame, 1, &t->frames, &x.err));
    struct finalizer_row *f = builder_single(x.b, PART_FINALIZER, &x.err);
    assert_non_null(f);
    f->ready = 0;
    building_finish(&x);
    assert_null(snapshot_absence(&x.s, PART_LOCKS, ASPECT_ALL));
    assert_non_null(snapshot_absence(&x.s, PART_HANDLES, ASPECT_ALL));
    assert_string_equal(snapshot_absence(&x.s, PART_THREADS, ASPECT_FRAMES)->why, "two of them");
    assert_non_null(snapshot_absence(&x.s, PART_THREADS, ASPECT_CPU_TIMES));
    assert_null(snapshot_absence(&x.s, PART_FINALIZER, ASPECT_READY));
    snapshot_deinit(&x.s);
}

static void a_part_that_is_dropped_takes_its_reasons_along(void **state) {
    (void)state;
    struct building x;
    building_init(&x);
    builder_absent(x.b, PART_BIT(PART_TYPES), ASPECT_ROWS, ABSENT, "the first table is cut");
    builder_drop(x.b, PART_TYPES);
    building_finish(&x);
    assert_false(snapshot_has(&x.s, PART_ABSENCES));
    snapshot_deinit(&x.s);
}

/* -- Rules ------------------------------------------------------------------------------------- */

static enum finding_status absence_status_of(const struct findings *f, const char *id,
                                             const char **ret_text) {
    for (uint32_t i = 0; i < f->count; i++)
        if (strcmp(f->items[i].rule->id, id) == 0) {
            *ret_text = f->items[i].summary;
            return f->items[i].status;
        }
    fail_msg("no finding of %s", id);
    return STATUS_CLEAR;
}

/* Runs all rules over two snapshots, or one (new NULL), and demands `text` of the skipped rule. */
static void assert_skipped(const char *base, const char *new, const char *id, const char *text) {
    struct snapshot s[2];
    const struct snapshot *all[2] = {&s[0], &s[1]};
    struct series_options options;
    struct limits limits;
    struct series series;
    struct findings f;
    struct err err;
    const char *said;
    snapshot_init(&s[0]);
    snapshot_init(&s[1]);
    mk_snap(&s[0], base);
    if (new)
        mk_snap(&s[1], new);
    series_options_init(&options);
    limits_init(&limits);
    findings_init(&f);
    assert_true(series_init(&series, all, new ? 2 : 1, &options, &err));
    assert_true(rules_run(&series, &limits, &f, &err));
    assert_int_equal(absence_status_of(&f, id, &said), STATUS_SKIPPED);
    if (!strstr(said, text))
        fail_msg("%s: \"%s\" does not say \"%s\"", id, said, text);
    findings_deinit(&f);
    series_deinit(&series);
    snapshot_deinit(&s[0]);
    snapshot_deinit(&s[1]);
}

static void rules_quote_why_a_part_is_not_there(void **state) {
    (void)state;
    assert_skipped("absences part=locks aspect=all why=\"the heap is gone\"\n", NULL, "locks-held",
                   "needs locks, which the dump does not hold: the heap is gone");
    assert_skipped("threads os_id=1\nabsences part=threads aspect=managed why=\"no list\"\n", NULL,
                   "threads-dead", "which managed threads are dead: no list");
}

static void no_rule_is_clear_on_a_part_of_its_input(void **state) {
    (void)state;
    static const struct {
        const char *rows, *part, *id;
    } cases[] = {
        {"types name=Inn.Key gen2=1/40\n", "types", "cache-counts"},
        {"types name=Inn.Key gen2=1/40\n", "types", "fragmentation"},
        {"types name=Inn.Key gen2=1/40\n", "types", "large-object"},
        {"locks index=1 held=0\n", "locks", "locks-held"},
        {"locks index=1 held=0\nthreads os_id=1\n", "locks", "deadlock"},
        {"gc committed_bytes=9 allocated_bytes=9\n", "gc", "committed-vs-allocated"},
    };
    char spec[256];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        snprintf(spec, sizeof(spec), "%sabsences part=%s aspect=rows why=\"cut here\"\n",
                 cases[i].rows, cases[i].part);
        assert_skipped(spec, NULL, cases[i].id, "which the dump does not hold: cut here");
    }
}

/* Less than what counts as growth cannot hide any. */
static void a_few_bytes_of_the_heap_hide_nothing(void **state) {
    (void)state;
    struct snapshot s;
    const struct snapshot *all[1] = {&s};
    for (int large = 0; large < 2; large++) {
        struct series_options options;
        struct limits limits;
        struct series series;
        struct findings f;
        struct err err;
        const char *said;
        snapshot_init(&s);
        mk_snap(&s, large ? "types name=Inn.Key gen2=1000/100000\n"
                            "absences part=types aspect=rows count=500 why=skipped\n"
                          : "types name=Inn.Key gen2=1000/100000\n"
                            "absences part=types aspect=rows count=499 why=skipped\n");
        series_options_init(&options);
        limits_init(&limits);
        findings_init(&f);
        assert_true(series_init(&series, all, 1, &options, &err));
        assert_true(rules_run(&series, &limits, &f, &err));
        assert_int_equal(absence_status_of(&f, "cache-counts", &said),
                         large ? STATUS_SKIPPED : STATUS_CLEAR);
        findings_deinit(&f);
        series_deinit(&series);
        snapshot_deinit(&s);
    }
}

static void owners_without_managed_frames_may_wait_for_a_lock(void **state) {
    (void)state;
    assert_skipped("threads os_id=1 managed_id=1 native_frames=libc.so.6!poll\n"
                   "threads os_id=2 managed_id=2 native_frames=libc.so.6!poll\n"
                   "locks index=1 owner_os_id=1 held=1 waiters=1\n"
                   "locks index=2 owner_os_id=2 held=1 waiters=1\n"
                   "absences part=threads aspect=frames why=\"no code pages\"\n",
                   NULL, "deadlock",
                   "2 of 2 lock owners have no stack, so what they wait for is "
                   "not known: no code pages");
}

static void workers_without_stack_may_starve(void **state) {
    (void)state;
    assert_skipped("threads os_id=1 frames=Inn.Cook.Stir()\n"
                   "threads os_id=2 role=threadpool-worker\n"
                   "threads os_id=3 role=threadpool-worker\n"
                   "threads os_id=4 role=threadpool-worker\n"
                   "threads os_id=5 role=threadpool-worker\n",
                   NULL, "threadpool-starvation", "4 of 4 pool workers have no stack");
}

static void a_finalizer_whose_stack_is_cut_is_not_idle(void **state) {
    (void)state;
    assert_skipped("finalizer ready=5 thread_os_id=1\n"
                   "threads os_id=1 role=finalizer frames=Inn.Key.Count()\n"
                   "absences part=finalizer aspect=stack count=0 why=\"it ends early\"\n",
                   NULL, "finalizer-stuck", "the finalizer thread: it ends early");
    assert_skipped("finalizer thread_os_id=1\nthreads os_id=1\n"
                   "absences part=finalizer aspect=ready why=\"no queue\"\n",
                   NULL, "finalizer-stuck", "ready for finalization: no queue");
}

/* What the stack of the finalizer thread does not show is a fact of a whole stack only. */
static void an_absent_wait_of_the_finalizer_stays_absent(void **state) {
    (void)state;
#define FINALIZER_THREAD "threads os_id=1 role=finalizer frames="
    static const struct {
        const char *rows;
        uint64_t blocked;
        const char *why;
    } cases[] = {
        {FINALIZER_THREAD "Inn.Key.Count()\n", 0, NULL},
        {FINALIZER_THREAD "System.Threading.Monitor.Enter(O)|Inn.Key.Finalize()\n", 1, NULL},
        {FINALIZER_THREAD "Inn.Key.Count()\n"
                          "absences part=threads aspect=frames count=1 why=elided\n",
         ABSENT, "elided"},
        {FINALIZER_THREAD "Inn.Key.Count()\n"
                          "absences part=finalizer aspect=stack count=0 why=\"ends early\"\n",
         ABSENT, "ends early"},
        {FINALIZER_THREAD "Inn.Key.Count()|inn!<unknown>\n", ABSENT, "have no name"},
        {FINALIZER_THREAD "System.Threading.Monitor.Enter(O)|Inn.Key.Finalize()\n"
                          "absences part=threads aspect=frames count=1 why=elided\n",
         1, NULL},
    };
#undef FINALIZER_THREAD
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot s;
        snapshot_init(&s);
        mk_snap(&s, cases[i].rows);
        const struct finalizer_row *row = snapshot_row(&s, PART_FINALIZER);
        const struct absence_row *absence = snapshot_absence(&s, PART_FINALIZER, ASPECT_STACK);
        assert_non_null(row);
        if (row->blocked != cases[i].blocked || !absence != !cases[i].why ||
            (absence && !strstr(absence->why, cases[i].why)))
            fail_msg("case %zu: %d, %s", i, (int)row->blocked, absence ? absence->why : "-");
        snapshot_deinit(&s);
    }
}

/* Growth is not told from a figure that the older dump may have held as well. */
static void what_a_part_lacks_rows_of_is_not_zero(void **state) {
    (void)state;
    assert_skipped(
        "handles kind=Weak count=5\nabsences part=handles aspect=rows why=\"cut here\"\n",
        "handles kind=Weak count=5\nhandles kind=Pinned count=5000\n", "handles-growing",
        "cut here");
}

/* Nor from a stack, a module or a generation that may have been among the rows that were lost. */
static void what_was_not_seen_in_a_cut_table_does_not_grow(void **state) {
    (void)state;
    static const struct {
        const char *base, *more, *rule;
    } cases[] = {
        {"stacks count=5 bytes=5000 frames=inn!Cook\n",
         "stacks count=500 bytes=50000000 frames=inn!Serve\n", "stack-growing"},
        {"stacks count=5 bytes=5000 frames=inn!Cook\n",
         "stacks count=500 bytes=50000000 frames=bar!Serve\n", "module-growing"},
        {"allocations by=module name=inn count=5 bytes=5000\n",
         "allocations by=module name=bar count=500 bytes=50000000\n", "module-growing"},
        {"regions kind=gen2 allocated=5000\n", "regions kind=loh allocated=50000000\n",
         "loh-growth"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char cut[200], whole[200];
        snprintf(cut, sizeof(cut), "%sabsences part=%.*s aspect=rows why=\"cut here\"\n",
                 cases[i].base, (int)strcspn(cases[i].base, " "), cases[i].base);
        snprintf(whole, sizeof(whole), "%s%s", cases[i].base, cases[i].more);
        assert_skipped(cut, whole, cases[i].rule, "cut here");
    }
}

static void threads_of_which_too_little_is_known_are_not_clear(void **state) {
    (void)state;
    static const char stacks[] =
        "threads os_id=1 managed_id=1 name=cook user_ns=5 kernel_ns=5 frames=Inn.Cook.Stir()\n";
    char base[400], new[400];
    /* One ran; of the other, which waits in application code, no times are known. */
    snprintf(base, sizeof(base),
             "%sthreads os_id=2 managed_id=2 name=maid "
             "frames=System.Threading.Thread.Sleep(Int32)|Inn.Maid.Wait()\n",
             stacks);
    snprintf(new, sizeof(new), "%s", base);
    *strstr(new, "user_ns=5") = 'u';
    memcpy(strstr(new, "user_ns=5"), "user_ns=9", 9);
    assert_skipped(base, new, "threads-unchanged", "of 1 thread nothing tells whether they ran");
    assert_skipped(base, new, "thread-runaway", "CPU times of 1 thread were not recorded");
    /* The other has times, and no stack. */
    snprintf(base, sizeof(base), "%sthreads os_id=2 managed_id=2 user_ns=7 kernel_ns=7\n", stacks);
    snprintf(new, sizeof(new), "%s", base);
    memcpy(strstr(new, "user_ns=5"), "user_ns=9", 9);
    assert_skipped(base, new, "threads-unchanged", "1 thread did not run, but of their stacks");
}

static void modules_alone_do_not_speak_for_the_loader(void **state) {
    (void)state;
    assert_skipped("modules name=inn.dll\ncounters name=x value=1\n",
                   "modules name=inn.dll\ncounters name=x value=2\n", "loader-growth",
                   "not every dump tells the size of the loader's heaps");
}

/* -- Transcripts ------------------------------------------------------------------------------- */

/* The texts of a folder of the demonstration as one log. */
static char *read_log(const char *folder) {
    static const char *const names[] = {"heap.txt", "memory.txt", "threads.txt"};
    struct strbuf log;
    strbuf_init(&log);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char path[64];
        struct file file;
        struct err err;
        snprintf(path, sizeof(path), "demo/%s/%s", folder, names[i]);
        assert_true(file_open(&file, path, &err));
        strbuf_add(&log, (struct str){(const char *)file.bytes.data, file.bytes.size});
        file_close(&file);
    }
    char *text = strdup(strbuf_cstr(&log));
    assert_non_null(text);
    strbuf_deinit(&log);
    return text;
}

struct judged {
    struct snapshot s[2];
    struct series series;
    struct findings f;
    bool read; /* both texts are logs of something */
};

static void judge_texts(struct judged *j, struct str base, struct str new) {
    static const struct input_options options;
    const struct snapshot *all[2] = {&j->s[0], &j->s[1]};
    struct str texts[2] = {base, new};
    struct series_options so;
    struct limits limits;
    struct err err;
    j->read = true;
    for (int i = 0; i < 2; i++) {
        struct bytes bytes = {(const uint8_t *)texts[i].ptr, texts[i].len};
        snapshot_init(&j->s[i]);
        j->read = j->read && input_read_bytes(bytes, i ? "after.txt" : "before.txt", NULL, &options,
                                              &j->s[i], &err);
    }
    if (!j->read)
        return;
    series_options_init(&so);
    limits_init(&limits);
    findings_init(&j->f);
    assert_true(series_init(&j->series, all, 2, &so, &err));
    assert_true(rules_run(&j->series, &limits, &j->f, &err));
}

static void judged_deinit(struct judged *j) {
    if (j->read) {
        findings_deinit(&j->f);
        series_deinit(&j->series);
    }
    snapshot_deinit(&j->s[0]);
    snapshot_deinit(&j->s[1]);
}

/* What is a finding of the whole logs must not be clear for want of a piece of them. */
static void assert_none_became_clear(const struct judged *whole, const struct judged *cut,
                                     const char *what) {
    for (uint32_t i = 0; cut->read && i < whole->f.count; i++) {
        const char *id = whole->f.items[i].rule->id, *said;
        if (whole->f.items[i].status == STATUS_HIT &&
            absence_status_of(&cut->f, id, &said) == STATUS_CLEAR)
            fail_msg("%s is clear without %s", id, what);
    }
}

/* Start of the next command at a prompt from `at` on; the end of the text. */
static size_t next_command(struct str text, size_t at) {
    size_t next = str_find(text, STR("\n0:000> "), at);
    return next == STR_NOT_FOUND ? text.len : next + 1;
}

static void no_rule_is_clear_without_a_section_of_a_log(void **state) {
    (void)state;
    char *logs[2] = {read_log("before"), read_log("after")};
    struct str texts[2] = {str_of(logs[0]), str_of(logs[1])};
    struct judged whole, cut;
    judge_texts(&whole, texts[0], texts[1]);
    assert_true(whole.read);
    uint32_t sections = 0;
    for (int which = 0; which < 2; which++)
        for (size_t at = 0, end; at < texts[which].len; at = end, sections++) {
            end = next_command(texts[which], at + 1);
            struct strbuf rest;
            strbuf_init(&rest);
            strbuf_add(&rest, str_take(texts[which], at));
            strbuf_add(&rest, str_drop(texts[which], end));
            char what[80];
            snprintf(what, sizeof(what), "%.40s of log %d", logs[which] + at, which);
            *strchrnul(what, '\n') = '\0';
            judge_texts(&cut, which == 0 ? strbuf_str(&rest) : texts[0],
                        which == 1 ? strbuf_str(&rest) : texts[1]);
            assert_none_became_clear(&whole, &cut, what);
            judged_deinit(&cut);
            strbuf_deinit(&rest);
        }
    assert_true(sections >= 16);
    judged_deinit(&whole);
    free(logs[0]);
    free(logs[1]);
}

static void no_rule_is_clear_when_a_log_ends_early(void **state) {
    (void)state;
    char *logs[2] = {read_log("before"), read_log("after")};
    struct str texts[2] = {str_of(logs[0]), str_of(logs[1])};
    struct judged whole, cut;
    judge_texts(&whole, texts[0], texts[1]);
    assert_true(whole.read);
    for (int which = 0; which < 2; which++)
        for (size_t end = 1; end < texts[which].len; end++) {
            if (texts[which].ptr[end - 1] != '\n')
                continue;
            char what[80];
            snprintf(what, sizeof(what), "what is behind byte %zu of log %d", end, which);
            struct str head = str_take(texts[which], end);
            judge_texts(&cut, which == 0 ? head : texts[0], which == 1 ? head : texts[1]);
            assert_none_became_clear(&whole, &cut, what);
            judged_deinit(&cut);
        }
    judged_deinit(&whole);
    free(logs[0]);
    free(logs[1]);
}

/* Each text of the pairs (or single logs) in which a rule hits, cut behind every line. */
static unsigned cut_pair(const char *rule, const char *base, const char *new) {
    struct judged whole, cut;
    struct str texts[2] = {str_of(base), str_of(new)};
    unsigned wrong = 0;
    judge_texts(&whole, texts[0], texts[1]);
    assert_true(whole.read);
    for (int which = 0; which < 2; which++)
        for (size_t end = 1; end < texts[which].len; end++) {
            const char *said;
            if (texts[which].ptr[end - 1] != '\n')
                continue;
            struct str head = str_take(texts[which], end);
            judge_texts(&cut, which == 0 ? head : texts[0], which == 1 ? head : texts[1]);
            if (cut.read && absence_status_of(&cut.f, rule, &said) == STATUS_CLEAR) {
                print_message("%s: clear without what is behind byte %zu of log %d\n", rule, end,
                              which + 1);
                wrong++;
            }
            judged_deinit(&cut);
        }
    judged_deinit(&whole);
    return wrong;
}

static char *read_text(const char *path) {
    struct file file;
    struct err err;
    if (!file_open(&file, path, &err))
        return NULL;
    char *text = strndup((const char *)file.bytes.data, file.bytes.size);
    file_close(&file);
    assert_non_null(text);
    return text;
}

static void no_rule_is_clear_on_the_beginning_of_its_fixture(void **state) {
    (void)state;
    unsigned wrong = 0, pairs = 0;
    for (size_t i = 0; rules[i]; i++) {
        char path[2][96];
        for (int n = 0; n < 2; n++)
            snprintf(path[n], sizeof(path[n]), "tests/fixture/rules/%s-%d.txt", rules[i]->id,
                     n + 1);
        char *base = read_text(path[0]), *new = read_text(path[1]);
        if (base && new) {
            wrong += cut_pair(rules[i]->id, base, new);
            pairs++;
        }
        free(base);
        free(new);
    }
    assert_true(pairs >= 20);
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(why_is_kept_once_and_counts_add_up),
        cmocka_unit_test(reasons_survive_the_snap_file),
        cmocka_unit_test(what_another_source_fills_is_not_missing),
        cmocka_unit_test(a_part_that_is_dropped_takes_its_reasons_along),
        cmocka_unit_test(rules_quote_why_a_part_is_not_there),
        cmocka_unit_test(no_rule_is_clear_on_a_part_of_its_input),
        cmocka_unit_test(a_few_bytes_of_the_heap_hide_nothing),
        cmocka_unit_test(owners_without_managed_frames_may_wait_for_a_lock),
        cmocka_unit_test(workers_without_stack_may_starve),
        cmocka_unit_test(a_finalizer_whose_stack_is_cut_is_not_idle),
        cmocka_unit_test(an_absent_wait_of_the_finalizer_stays_absent),
        cmocka_unit_test(what_a_part_lacks_rows_of_is_not_zero),
        cmocka_unit_test(what_was_not_seen_in_a_cut_table_does_not_grow),
        cmocka_unit_test(threads_of_which_too_little_is_known_are_not_clear),
        cmocka_unit_test(modules_alone_do_not_speak_for_the_loader),
        cmocka_unit_test(no_rule_is_clear_without_a_section_of_a_log),
        cmocka_unit_test(no_rule_is_clear_when_a_log_ends_early),
        cmocka_unit_test(no_rule_is_clear_on_the_beginning_of_its_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
