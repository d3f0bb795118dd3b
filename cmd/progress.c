#include "cmd/progress.h"

#include "base/str.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/*
 * The only state of the program outside of its structures: a signal handler cannot be handed any.
 * The message is complete before the timer is set, and not touched while it runs.
 */
static char message[160];
static volatile sig_atomic_t said;

static void progress_say(int number) {
    (void)number;
    said = write(STDERR_FILENO, message, strlen(message)) > 0;
}

static void set_timer(time_t seconds) {
    const struct itimerval timer = {.it_value = {.tv_sec = seconds}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

void progress_begin(const char *what) {
    const struct sigaction action = {.sa_handler = progress_say, .sa_flags = SA_RESTART};
    if (!isatty(STDERR_FILENO))
        return;
    progress_end();
    struct strbuf name;
    strbuf_init(&name);
    strbuf_add_clean(&name, str_of(what));
    snprintf(message, sizeof(message), "dumpdiff: reading %.120s ...", strbuf_cstr(&name));
    strbuf_deinit(&name);
    sigaction(SIGALRM, &action, NULL);
    set_timer(1);
}

void progress_end(void) {
    static const char wipe[] = "\r\033[K";
    set_timer(0);
    if (said && write(STDERR_FILENO, wipe, sizeof(wipe) - 1) < 0)
        message[0] = '\0'; /* the terminal went away: nothing to wipe */
    said = 0;
}
