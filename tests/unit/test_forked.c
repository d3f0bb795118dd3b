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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_what_the_work_wrote),
        cmocka_unit_test(stops_work_that_does_not_end),
        cmocka_unit_test(work_that_dies_is_not_passed_over),
        cmocka_unit_test(sanitizers_are_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
