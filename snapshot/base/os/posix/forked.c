#include "base/forked.h"

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

#define AWAIT_NS      UINT64_C(2000000000) /* for one that has said all to end */
#define AWAIT_STEP_NS 1000000u             /* at most, between two looks */
#define STATUS_UNREAD 3                    /* nobody wants the answer, or there was no lock */

#ifdef FORKED_STRICT
#define STRICT true
#else
#define STRICT false
#endif

/* -- In the process ---------------------------------------------------------------------------- */

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

/*
 * Memory that is written to, not all that is mapped: a dump that is read may be larger than all
 * memory there is. Sanitizers map terabytes.
 */
static void forked_limit(const struct forked_job *job) {
    const struct rlimit none = {0, 0}, seconds = {job->seconds_max, job->seconds_max};
    struct rlimit memory;
    setrlimit(RLIMIT_CORE, &none);
    if (job->seconds_max)
        setrlimit(RLIMIT_CPU, &seconds);
    if (STRICT || !job->memory_max || getrlimit(RLIMIT_DATA, &memory) != 0)
        return;
    if (memory.rlim_cur == RLIM_INFINITY || memory.rlim_cur > job->memory_max)
        memory.rlim_cur = memory.rlim_max = job->memory_max;
    setrlimit(RLIMIT_DATA, &memory);
}

static _Noreturn void work_and_exit(const struct forked_job *job, int fd) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    forked_die_of_signals();
    if (!STRICT)
        forked_be_quiet();
    forked_limit(job);
    unsetenv("DEBUGINFOD_URLS");
    if (!sandbox_enter_child(job->child))
        _exit(STATUS_UNREAD);
    job->work(job->context, fd);
    _exit(0);
}

bool forked_ends(void) {
    return true;
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

/* -- Outside ----------------------------------------------------------------------------------- */

static uint64_t forked_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* How long poll() may wait: -1 for ever, 0: the time is over. */
static int time_left(uint64_t end) {
    uint64_t now = forked_now_ms();
    return !end ? -1 : now < end ? (int)(end - now) : 0;
}

/* Reads until the other side ends; false: it took too long, or wrote too much. */
static bool forked_collect(const struct forked_job *job, int fd, struct strbuf *out) {
    uint64_t end = job->seconds_max ? forked_now_ms() + (uint64_t)job->seconds_max * 1000 : 0;
    size_t before = out->len;
    char block[65536];
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int wait = time_left(end);
        int ready = wait ? poll(&p, 1, wait) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        ssize_t n = ready > 0 ? read(fd, block, sizeof(block)) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (ready <= 0 || n < 0 || (size_t)n > job->output_max - (out->len - before))
            return false;
        if (n == 0)
            return true;
        strbuf_add(out, (struct str){block, (size_t)n});
        if (strbuf_failed(out))
            return false;
    }
}

/* Waits until it has ended; one that has closed its side but goes on is killed soon. */
static int forked_await(pid_t child, bool *whole) {
    uint64_t waited = 0;
    long step = AWAIT_STEP_NS / 32; /* most end at once */
    int status = 0;
    for (;;) {
        if (waited >= AWAIT_NS)
            *whole = false;
        if (!*whole)
            kill(child, SIGKILL);
        pid_t got = waitpid(child, &status, *whole ? WNOHANG : 0);
        if (got == child)
            return status;
        if (got < 0 && errno != EINTR)
            return 0;
        if (got != 0)
            continue;
        nanosleep(&(struct timespec){.tv_nsec = step}, NULL);
        waited += (uint64_t)step;
        if (step < AWAIT_STEP_NS)
            step *= 2;
    }
}

/* What a process came to that ended by itself, or that we killed. */
static enum forked_end forked_end_of(int status, bool whole) {
    int signal_of = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return whole ? FORKED_DONE : FORKED_STOPPED;
    if ((WIFEXITED(status) && WEXITSTATUS(status) == STATUS_UNREAD) || signal_of == SIGXCPU ||
        signal_of == SIGALRM)
        return FORKED_STOPPED;
    if (signal_of == SIGKILL)
        return whole ? FORKED_KILLED : FORKED_STOPPED;
    if (signal_of == SIGBUS)
        return FORKED_SHRUNK;
    if (STRICT) {
        fprintf(stderr, "a forked process ended with %s %d\n", signal_of ? "signal" : "status",
                signal_of ? signal_of : WEXITSTATUS(status));
        abort();
    }
    return FORKED_DIED;
}

enum forked_end forked_run(const struct forked_job *job, struct strbuf *out) {
    int ends[2], status = 0;
    bool whole = false;
    if (pipe(ends) != 0)
        return FORKED_NONE;
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        work_and_exit(job, ends[1]);
    }
    close(ends[1]);
    if (child > 0) {
        whole = forked_collect(job, ends[0], out);
        status = forked_await(child, &whole);
    }
    close(ends[0]);
    return child > 0 ? forked_end_of(status, whole) : FORKED_NONE;
}
