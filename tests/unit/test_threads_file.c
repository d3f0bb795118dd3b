/* /proc/PID/task/N/stat, schedstat and status as they are kept beside a dump. */
#include "base/hash.h"
#include "memory/threads_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first 22 fields, as many as are needed. */
#define STAT_OF(threads, id, comm, state, user, kernel, start) \
    id " (" comm ") " state " 7 70 1 0 -1 4194368 9 0 0 0 " user " " kernel " 0 0 20 0 " threads \
       " 0 " start " 4096 11 0\n"
#define STAT(id, comm, state, user, kernel, start) \
    STAT_OF("3", id, comm, state, user, kernel, start)
#define ONLY STAT_OF("1", "71", "w", "S", "2", "1", "9")

static struct threads_file threads_file_file_of(const char *text) {
    struct threads_file f;
    struct err err;
    assert_true(threads_file_probe((struct bytes){(const uint8_t *)text, strlen(text)}));
    assert_true(threads_file_read(&f, str_of(text), &err));
    return f;
}

static const struct thread_times *threads_file_thread(const struct threads_file *f,
                                                      uint64_t os_id) {
    uint32_t i = u64map_get(&f->by_os_id, os_id);
    assert_true(i < f->count);
    return &f->threads[i];
}

static void threads_file_reads_stat_lines(void **state) {
    (void)state;
    struct threads_file f = threads_file_file_of(STAT(
        "71", "orders (eu) S 1", "R", "250", "13", "88820") STAT("70", "a b", "S", "0", "0", "5"));
    assert_int_equal(f.count, 2);
    assert_int_equal(f.bad_lines, 0);
    const struct thread_times *t = threads_file_thread(&f, 71);
    assert_string_equal(t->name, "orders (eu) S 1");
    assert_int_equal(t->state, 'R');
    assert_int_equal(t->user_ns, 2500000000);
    assert_int_equal(t->kernel_ns, 130000000);
    assert_int_equal(t->start_time, 888200000000);
    assert_int_equal(threads_file_thread(&f, 70)->user_ns, 0);
    threads_file_close(&f);
}

static const char *const forms[] = {
    /* one after the other, as by a shell loop */
    ONLY "31234567 900 12\n"
         "Name:\tw\nState:\tS (sleeping)\nTgid:\t70\nPid:\t71\nCpus_allowed:\tf\n"
         "voluntary_ctxt_switches:\t40\nnonvoluntary_ctxt_switches:\t2\n",
    /* with headings */
    "==> /proc/70/task/71/stat <==\n" ONLY "\n==> /proc/70/task/71/schedstat <==\n31234567 900 12\n"
    "\n==> /proc/70/task/71/status <==\nName:\tw\nPid:\t71\n"
    "voluntary_ctxt_switches:\t40\nnonvoluntary_ctxt_switches:\t2\n",
    /* with the file before each line */
    "/proc/70/task/71/schedstat:31234567 900 12\n"
    "/proc/70/task/71/stat:" ONLY "/proc/70/task/71/status:voluntary_ctxt_switches:\t40\n"
    "/proc/70/task/71/status:nonvoluntary_ctxt_switches:\t2\n",
};

static void threads_file_joins_stat_schedstat_and_status(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        struct threads_file f = threads_file_file_of(forms[i]);
        assert_int_equal(f.count, 1);
        assert_int_equal(f.bad_lines, 0);
        const struct thread_times *t = threads_file_thread(&f, 71);
        uint64_t user, kernel;
        assert_true(thread_times_cpu(t, &user, &kernel));
        assert_int_equal(user + kernel, 31234567);
        assert_int_equal(kernel, 10000000);
        assert_int_equal(t->voluntary, 40);
        assert_int_equal(t->involuntary, 2);
        assert_int_equal(t->delay_ns, strstr(forms[i], " 900 12") ? 900 : UINT64_MAX);
        threads_file_close(&f);
    }
}

static void threads_file_reads_any_prefix(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
        for (size_t size = 0; size <= strlen(forms[i]); size++) {
            char *copy = malloc(size ? size : 1);
            memcpy(copy, forms[i], size);
            struct threads_file f;
            struct err err;
            if (threads_file_read(&f, (struct str){copy, size}, &err))
                assert_true(f.count > 0);
            threads_file_close(&f);
            free(copy);
        }
}

static void threads_file_refuses_what_says_nothing_of_threads(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "holds no line"},
        {"hello\n", "holds no line"},
        {"71 (w) S 1 2 3\n", "holds no line"},
        {"1 2 3\n", "holds no line"},
        {"Name:\tw\nPid:\t71\n", "holds no line"},
        {STAT("70", "app", "S", "2", "1", "9"), "process of 3 threads"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct threads_file f;
        struct err err;
        assert_false(threads_file_read(&f, str_of(cases[i].text), &err));
        assert_non_null(strstr(err.msg, cases[i].says));
        threads_file_close(&f);
    }
}

static void threads_file_is_not_any_text_with_numbers(void **state) {
    (void)state;
    static const char *const texts[] = {"7 (of 9) objects\n", "==> notes.txt <==\n", "(1) R\n",
                                        "/proc is a folder: look there\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        assert_false(
            threads_file_probe((struct bytes){(const uint8_t *)texts[i], strlen(texts[i])}));
}

static void threads_file_keeps_what_the_dump_recorded(void **state) {
    (void)state;
    struct threads_file f = threads_file_file_of(STAT("71", "one", "S", "2", "1", "1000") STAT(
        "72", "two", "S", "0", "0", "1500") "100.00 390.25\n");
    struct space s;
    struct err err;
    space_init(&s);
    struct space_thread threads[3];
    for (size_t i = 0; i < 3; i++) {
        space_thread_init(&threads[i]);
        threads[i].os_id = 71 + i;
    }
    threads[0].user_ns = 5;
    threads[0].kernel_ns = 6;
    s.threads = threads;
    s.thread_count = 3;
    uint32_t matched;
    assert_true(threads_file_apply(&f, &s, &matched, &err));
    assert_int_equal(matched, 2);
    assert_int_equal(threads[0].user_ns, 5);
    assert_string_equal(threads[0].name, "one");
    assert_int_equal(threads[1].user_ns, 0);
    assert_int_equal(threads[1].elapsed_ns, 85000000000);
    assert_int_equal(threads[1].switches, UINT64_MAX);
    assert_int_equal(threads[2].user_ns, UINT64_MAX);
    assert_null(threads[2].name);
    space_deinit(&s);
    threads_file_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_file_reads_stat_lines),
        cmocka_unit_test(threads_file_joins_stat_schedstat_and_status),
        cmocka_unit_test(threads_file_reads_any_prefix),
        cmocka_unit_test(threads_file_refuses_what_says_nothing_of_threads),
        cmocka_unit_test(threads_file_is_not_any_text_with_numbers),
        cmocka_unit_test(threads_file_keeps_what_the_dump_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
