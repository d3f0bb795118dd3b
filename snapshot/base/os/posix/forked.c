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

/* Takes down what there is; false: that was all, or too much (not whole then). */
static bool task_hears(struct forked_task *t) {
    char block[65536];
    ssize_t n = read(t->fd, block, sizeof(block));
    if (n < 0 && errno == EINTR)
        return true;
    t->whole = n == 0;
    if (n <= 0 || (size_t)n > t->job.output_max - (t->out->len - t->before))
        return false;
    strbuf_add(t->out, (struct str){block, (size_t)n});
    return !strbuf_failed(t->out);
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

/* Its answer is whole, or will never be. */
static void task_ends(struct forked_task *t) {
    bool whole = t->whole;
    int status = forked_await(t->process, &whole);
    close(t->fd);
    t->fd = -1;
    t->runs = false;
    t->end = forked_end_of(status, whole);
}

/* Of what the others say nothing is to reach it, and it is to say nothing in their place. */
static void close_others(const struct forked_task *tasks, size_t count, size_t which) {
    for (size_t i = 0; i < count; i++)
        if (i != which && tasks[i].runs)
            close(tasks[i].fd);
}

void forked_begin(struct forked_task *tasks, size_t count, size_t which) {
    struct forked_task *t = &tasks[which];
    int ends[2];
    *t = (struct forked_task){.job = t->job, .out = t->out, .fd = -1, .end = FORKED_NONE};
    if (count > FORKED_TASKS_MAX || pipe(ends) != 0)
        return;
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        close_others(tasks, count, which);
        work_and_exit(&t->job, ends[1]);
    }
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return;
    }
    t->process = child;
    t->fd = ends[0];
    t->runs = true;
    t->before = t->out->len;
    t->ends_ms = t->job.seconds_max ? forked_now_ms() + (uint64_t)t->job.seconds_max * 1000 : 0;
}

/* Those whose time is over end; [ms] for which the others may be waited for, -1: for ever. */
static int tasks_time_left(struct forked_task *tasks, size_t count) {
    int least = -1;
    for (size_t i = 0; i < count; i++) {
        int left = tasks[i].runs ? time_left(tasks[i].ends_ms) : -1;
        if (left == 0)
            task_ends(&tasks[i]);
        else if (left > 0 && (least < 0 || left < least))
            least = left;
    }
    return least;
}

enum forked_end forked_wait(struct forked_task *tasks, size_t count, size_t which) {
    while (tasks[which].runs) {
        struct pollfd polled[FORKED_TASKS_MAX];
        int wait = tasks_time_left(tasks, count);
        for (size_t i = 0; i < count; i++) /* poll() passes over what is negative */
            polled[i] = (struct pollfd){.fd = tasks[i].runs ? tasks[i].fd : -1, .events = POLLIN};
        int ready = tasks[which].runs ? poll(polled, count, wait) : 0;
        if (ready < 0 && errno != EINTR)
            task_ends(&tasks[which]);
        for (size_t i = 0; ready > 0 && i < count; i++)
            if (tasks[i].runs && polled[i].revents && !task_hears(&tasks[i]))
                task_ends(&tasks[i]);
    }
    return tasks[which].end;
}

void forked_stop(struct forked_task *tasks, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!tasks[i].runs)
            continue;
        kill(tasks[i].process, SIGKILL);
        tasks[i].end = FORKED_STOPPED;
        tasks[i].runs = false;
        close(tasks[i].fd);
        while (waitpid(tasks[i].process, NULL, 0) < 0 && errno == EINTR)
            ;
    }
}

enum forked_end forked_run(const struct forked_job *job, struct strbuf *out) {
    struct forked_task task = {.job = *job, .out = out};
    forked_begin(&task, 1, 0);
    return forked_wait(&task, 1, 0);
}
