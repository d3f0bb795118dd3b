#include "cmd/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The pager that stands before the terminal. A command cannot hand it to what prints: that asks for
 * the terminal at many places, and knows standard output alone.
 */
static struct {
    pid_t pid;      /* 0: there is none */
    uint32_t width; /* of the terminal behind it */
} pager;

/* -- The terminal ------------------------------------------------------------------------------ */

bool terminal_on_stdout(void) {
    return pager.pid || isatty(STDOUT_FILENO);
}

uint32_t terminal_width(void) {
    struct winsize size;
    if (pager.pid)
        return pager.width;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* "": not set. */
static const char *of_environment(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

static bool is_dumb(void) {
    const char *term = of_environment("TERM");
    return !*term || strcmp(term, "dumb") == 0;
}

bool terminal_color(void) {
    const char *plain = getenv("CLICOLOR"), *forced = getenv("CLICOLOR_FORCE");
    if (*of_environment("NO_COLOR"))
        return false;
    if (forced && *forced && strcmp(forced, "0") != 0)
        return true;
    return terminal_on_stdout() && !is_dumb() && !(plain && strcmp(plain, "0") == 0);
}

bool terminal_utf8(void) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    const char *locale = "";
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !*locale; i++)
        locale = of_environment(names[i]);
    return strcasestr(locale, "utf-8") || strcasestr(locale, "utf8");
}

/* -- The pager --------------------------------------------------------------------------------- */

static const char *pager_command(void) {
    const char *own = getenv("DUMPDIFF_PAGER"), *any = getenv("PAGER");
    const char *command = own ? own : any ? any : "less";
    return *command && strcmp(command, "cat") != 0 ? command : NULL;
}

/*
 * The child: until there is something to show it touches neither the terminal nor the report. A
 * pager that cannot be run must not take the report with it: the shell says why, and cat shows it.
 */
static void pager_run(int from, const char *command) {
    struct pollfd waiting = {.fd = from, .events = POLLIN};
    signal(SIGINT, SIG_IGN); /* it is our parent that one wants to end, or `watch` to compare */
    signal(SIGQUIT, SIG_IGN);
    while (poll(&waiting, 1, -1) < 0 && errno == EINTR)
        continue;
    if (!(waiting.revents & POLLIN))
        _exit(0);
    char *script;
    if (asprintf(&script,
                 "LESS=${LESS-FRX} LV=${LV--c}; export LESS LV\n%s\n"
                 "case $? in 126 | 127) exec cat ;; esac\n",
                 command) < 0)
        _exit(127);
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    execl("/bin/sh", "sh", "-c", script, (char *)NULL);
    execlp("cat", "cat", (char *)NULL);
    _exit(127);
}

void pager_begin(void) {
    const char *command = pager_command();
    int ends[2];
    if (!command || is_dumb() || !isatty(STDOUT_FILENO) || pipe(ends) != 0)
        return;
    uint32_t width = terminal_width();
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        dup2(ends[0], STDIN_FILENO);
        close(ends[0]);
        pager_run(STDIN_FILENO, command);
    }
    close(ends[0]);
    if (pid > 0 && dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO) {
        pager.width = width;
        pager.pid = pid;
    }
    close(ends[1]);
}

void pager_writes(void) {
    if (!pager.pid)
        return;
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
}

void pager_end(void) {
    if (!pager.pid)
        return;
    close(STDOUT_FILENO);
    while (waitpid(pager.pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    pager.pid = 0;
}
