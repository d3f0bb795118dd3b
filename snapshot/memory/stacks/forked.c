#include "memory/stacks/forked.h"

#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AWAIT_TRIES   2000 /* of a millisecond */
#define STATUS_UNREAD 3    /* of a process whose answer nobody wants any more */

#ifdef FORKED_STRICT
#define STRICT true
#else
#define STRICT false
#endif

/* Handlers are the parent's: in a test one would go on with the tests, here. */
static void forked_die_of_signals(void) {
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM, SIGPIPE};
    for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
        signal(fatal[i], SIG_DFL);
}

/* Libraries have nothing to say to users. */
static void forked_be_quiet(void) {
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC); /* which nothing can be written to */
    if (null >= 0)
        dup2(null, STDERR_FILENO);
}

static _Noreturn void work_and_exit(forked_work *work, void *context, int fd) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    forked_die_of_signals();
    if (!STRICT)
        forked_be_quiet();
    const struct rlimit none = {0, 0}, seconds = {FORKED_SECONDS_MAX, FORKED_SECONDS_MAX};
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_CPU, &seconds);
    unsetenv("DEBUGINFOD_URLS");
    if (!sandbox_enter_worker())
        _exit(STATUS_UNREAD);
    work(context, fd);
    _exit(0);
}

static uint64_t forked_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Reads until the other side ends; false: it took too long, or wrote too much. */
static bool forked_collect(int fd, size_t output_max, struct strbuf *out) {
    uint64_t end = forked_now_ms() + FORKED_SECONDS_MAX * 1000;
    char block[65536];
    for (;;) {
        uint64_t now = forked_now_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = now < end ? poll(&p, 1, (int)(end - now)) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        ssize_t n = ready > 0 ? read(fd, block, sizeof(block)) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (ready <= 0 || n < 0 || out->len + (size_t)n > output_max)
            return false;
        if (n == 0)
            return true;
        strbuf_add(out, (struct str){block, (size_t)n});
    }
}

/* Waits until it has ended; one that has closed its side but goes on is killed soon. */
static int forked_await(pid_t child, bool whole) {
    int status = 0;
    for (unsigned tries = 0;; tries++) {
        if (!whole || tries == AWAIT_TRIES)
            kill(child, SIGKILL);
        pid_t got = waitpid(child, &status, whole && tries < AWAIT_TRIES ? WNOHANG : 0);
        if (got == child)
            return status;
        if (got < 0 && errno != EINTR)
            return 0;
        if (got == 0)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

/* What a process that ended by itself, or was killed by us, came to. */
static enum forked_end forked_end_of(int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return FORKED_DONE;
    if ((WIFEXITED(status) && WEXITSTATUS(status) == STATUS_UNREAD) ||
        (WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGXCPU)))
        return FORKED_STOPPED;
    if (STRICT) {
        fprintf(stderr, "a forked process ended with %s %d\n",
                WIFSIGNALED(status) ? "signal" : "status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        abort();
    }
    return FORKED_DIED;
}

enum forked_end forked_run(forked_work *work, void *context, size_t output_max,
                           struct strbuf *out) {
    int ends[2], status = 0;
    if (pipe(ends) != 0)
        return FORKED_NONE;
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        work_and_exit(work, context, ends[1]);
    }
    close(ends[1]);
    if (child > 0)
        status = forked_await(child, forked_collect(ends[0], output_max, out));
    close(ends[0]);
    return child > 0 ? forked_end_of(status) : FORKED_NONE;
}

void forked_write(int fd, struct str text) {
    while (text.len) {
        ssize_t n = write(fd, text.ptr, text.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(STATUS_UNREAD);
        text = str_drop(text, (size_t)n);
    }
}
