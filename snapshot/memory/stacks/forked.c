#include "memory/stacks/forked.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void work_and_exit(forked_work *work, void *context, int fd) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM, SIGPIPE};
    for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
        signal(fatal[i], SIG_DFL);
    const struct rlimit none = {0, 0}, seconds = {FORKED_SECONDS_MAX, FORKED_SECONDS_MAX};
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_CPU, &seconds);
    unsetenv("DEBUGINFOD_URLS");
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC); /* libraries have nothing to say to users */
    if (null >= 0)
        dup2(null, STDERR_FILENO);
    work(context, fd);
    _exit(0);
}

static uint64_t forked_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Reads until the other side ends or takes too long. */
static void forked_collect(int fd, size_t output_max, struct strbuf *out) {
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
        if (n <= 0 || out->len + (size_t)n > output_max)
            return;
        strbuf_add(out, (struct str){block, (size_t)n});
    }
}

void forked_run(forked_work *work, void *context, size_t output_max, struct strbuf *out) {
    int ends[2];
    if (pipe(ends) != 0)
        return;
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        work_and_exit(work, context, ends[1]);
    }
    close(ends[1]);
    if (child > 0) {
        forked_collect(ends[0], output_max, out);
        kill(child, SIGKILL);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    close(ends[0]);
}

void forked_write(int fd, struct str text) {
    while (text.len) {
        ssize_t n = write(fd, text.ptr, text.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(1);
        text = str_drop(text, (size_t)n);
    }
}
