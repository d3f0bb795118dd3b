/* Work in another process: its answer, how it ends, and that our own mistakes there are heard. */
#include "base/forked.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void work_answers(void *context, int fd) {
    forked_write(fd, str_of(context));
}

static void work_dies(void *context, int fd) {
    forked_write(fd, str_of(context));
    raise(SIGSEGV);
}

static void work_gives_up(void *context, int fd) {
    (void)context;
    (void)fd;
    _exit(1);
}

static void work_talks_on(void *context, int fd) {
    for (;;)
        forked_write(fd, str_of(context));
}

/* Closes its side and goes on: it is not waited for. */
static void work_goes_on(void *context, int fd) {
    (void)context;
    close(fd);
    for (;;)
        pause();
}

static void work_overruns(void *context, int fd) {
    (void)fd;
    volatile char *bytes = malloc(8);
    bytes[*(volatile size_t *)context] = 1;
}

static enum forked_end run(forked_work *work, void *context, struct strbuf *out) {
    const struct forked_job job = {.work = work,
                                   .context = context,
                                   .child = SANDBOX_WORKER,
                                   .seconds_max = FORKED_SECONDS_MAX,
                                   .output_max = 1 << 16};
    strbuf_init(out);
    return forked_run(&job, out);
}

static void gives_what_the_work_wrote(void **state) {
    (void)state;
    struct strbuf out;
    assert_int_equal(run(work_answers, "forty-two", &out), FORKED_DONE);
    assert_string_equal(strbuf_cstr(&out), "forty-two");
    strbuf_deinit(&out);
}

static void stops_work_that_does_not_end(void **state) {
    (void)state;
    struct strbuf out;
    assert_int_equal(run(work_talks_on, "again and again ", &out), FORKED_STOPPED);
    assert_true(out.len <= 1 << 16);
    strbuf_deinit(&out);
    assert_int_equal(run(work_goes_on, NULL, &out), FORKED_STOPPED);
    strbuf_deinit(&out);
}

/* What a process comes to in which work died; with sanitizers it dies, too. */
static int status_of(forked_work *work, void *context) {
    pid_t child = fork();
    if (child == 0) {
        struct strbuf out;
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        _exit(run(work, context, &out) == FORKED_DIED ? 42 : 0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void work_that_dies_is_not_passed_over(void **state) {
    (void)state;
    static forked_work *const works[] = {work_dies, work_gives_up};
    for (size_t i = 0; i < sizeof(works) / sizeof(*works); i++) {
        int status = status_of(works[i], "half an ans");
#ifdef FORKED_STRICT
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
#else
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
#endif
    }
}

/* A byte written behind its memory does no harm otherwise, and would not be heard of. */
static void sanitizers_are_heard(void **state) {
    (void)state;
    size_t inside = 7, behind = 8;
    int status = status_of(work_overruns, &inside);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
#ifdef FORKED_STRICT
    status = status_of(work_overruns, &behind);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
#else
    (void)behind;
#endif
}

/* More than a pipe holds, from each of several: who is not waited for must not stand still. */
static void work_says_much(void *context, int fd) {
    for (int i = 0; i < 50000; i++)
        forked_write(fd, str_of(context));
}

static void tasks_go_on_beside_each_other(void **state) {
    static forked_work *const works[] = {work_goes_on, work_says_much, work_says_much,
                                         work_talks_on, work_answers};
    static const enum forked_end ends[] = {FORKED_STOPPED, FORKED_DONE, FORKED_DONE, FORKED_STOPPED,
                                           FORKED_DONE};
    static const size_t order[] = {4, 2, 0, 3, 1};
    struct forked_task tasks[FORKED_TASKS_MAX] = {{.fd = 0}};
    struct strbuf outs[5];
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        strbuf_init(&outs[i]);
        strbuf_adds(&outs[i], "before:");
        tasks[i].out = &outs[i];
        tasks[i].job = (struct forked_job){.work = works[i],
                                           .context = "again ",
                                           .child = SANDBOX_WORKER,
                                           .seconds_max = FORKED_SECONDS_MAX,
                                           .output_max = 300000};
        forked_begin(tasks, FORKED_TASKS_MAX, i);
    }
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(forked_wait(tasks, FORKED_TASKS_MAX, order[i]), ends[order[i]]);
    assert_string_equal(strbuf_cstr(&outs[4]), "before:again ");
    assert_int_equal(outs[1].len, 7 + 300000);
    assert_int_equal(outs[2].len, 7 + 300000);
    for (size_t i = 0; i < 5; i++)
        strbuf_deinit(&outs[i]);
}

static void tasks_that_are_stopped_are_gone(void **state) {
    struct forked_task tasks[2] = {{.fd = 0}};
    struct strbuf out;
    (void)state;
    strbuf_init(&out);
    for (size_t i = 0; i < 2; i++) {
        tasks[i].out = &out;
        tasks[i].job = (struct forked_job){.work = i ? work_goes_on : work_answers,
                                           .context = "a",
                                           .child = SANDBOX_WORKER,
                                           .output_max = 9};
        forked_begin(tasks, 2, i);
    }
    assert_int_equal(forked_wait(tasks, 2, 0), FORKED_DONE);
    forked_stop(tasks, 2);
    assert_int_equal(forked_wait(tasks, 2, 1), FORKED_STOPPED);
    assert_int_equal(forked_wait(tasks, 2, 0), FORKED_DONE);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    strbuf_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_what_the_work_wrote),
        cmocka_unit_test(stops_work_that_does_not_end),
        cmocka_unit_test(work_that_dies_is_not_passed_over),
        cmocka_unit_test(sanitizers_are_heard),
        cmocka_unit_test(tasks_go_on_beside_each_other),
        cmocka_unit_test(tasks_that_are_stopped_are_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
