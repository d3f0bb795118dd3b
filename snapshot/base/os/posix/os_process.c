#include "base/os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

/* A handler cannot be handed any. */
static struct { void (*tick)(void), (*interrupt)(void); } handlers;

/*
 * A closed standard descriptor would be given to the next file that is opened: a report would then
 * be written into it. Read-only, so that writing fails as it should.
 */
static bool fill_standard_descriptors(void) {
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", O_RDONLY) != fd)
            return false;
    return true;
}

bool os_begin(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    signal(SIGPIPE, SIG_IGN); /* EPIPE says the same, and a report for a file is still written */
    return fill_standard_descriptors();
}

bool os_is_terminal(int fd) {
    return isatty(fd);
}

static void on_alarm(int number) {
    (void)number;
    if (handlers.tick)
        handlers.tick();
}

void os_each_second(void (*tick)(void)) {
    const struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    const struct itimerval timer = {.it_value = {.tv_sec = !!tick},
                                    .it_interval = {.tv_sec = !!tick}};
    if (tick) {
        handlers.tick = tick;
        sigaction(SIGALRM, &action, NULL);
    }
    setitimer(ITIMER_REAL, &timer, NULL);
}

bool os_write_all(int fd, const char *text, size_t size) {
    while (size) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text += n;
        size -= (size_t)n;
    }
    return true;
}

static void on_interrupt(int number) {
    (void)number;
    handlers.interrupt();
}

void os_on_interrupt(void (*interrupt)(void), bool requests) {
    const struct sigaction action = {.sa_handler = on_interrupt};
    handlers.interrupt = interrupt;
    sigaction(SIGINT, &action, NULL);
    if (requests)
        sigaction(SIGTERM, &action, NULL);
}

uint64_t os_process_number(void) {
    return (uint64_t)getpid();
}
