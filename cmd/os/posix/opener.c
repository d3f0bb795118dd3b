#include "cmd/opener.h"

#include "cmd/session.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What opens a page in the browser of the user's choice, on desktops of Linux. */
#define OPENER_PROGRAM "xdg-open"

static bool opener_folder(char folder[PATH_MAX], struct err *err) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    bool own = cache && *cache == '/';
    if (!own && (!home || *home != '/'))
        return err_set(err, ERR_USAGE,
                       "--open: neither XDG_CACHE_HOME nor HOME says where: give "
                       "it an -o FILE");
    int length = snprintf(folder, PATH_MAX, "%s%s", own ? cache : home, own ? "" : "/.cache");
    if (length >= PATH_MAX - 32)
        return err_set(err, ERR_USAGE, "--open: the name of the cache folder is too long");
    for (int pass = 0; pass < 2; pass++) {
        /* A report is about somebody's memory: for their eyes. */
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
            return err_set(err, ERR_SYSTEM, "%s: cannot make the folder: %s", folder,
                           strerror(errno));
        if (pass == 0)
            snprintf(folder + length, PATH_MAX - (size_t)length, "/dumpdiff");
    }
    return true;
}

/* In the other process: nothing of the run but the path. Never comes back. */
static _Noreturn void opener_wait(int heard, const char *path) {
    char go = 0;
    ssize_t n;
    while ((n = read(heard, &go, 1)) < 0 && errno == EINTR)
        ;
    if (n == 1) {
        int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int fd = STDIN_FILENO; nothing >= 0 && fd <= STDOUT_FILENO; fd++)
            dup2(nothing, fd);
        setsid();
        signal(SIGPIPE, SIG_DFL);
        execlp(OPENER_PROGRAM, OPENER_PROGRAM, path, (char *)NULL);
        say("--open: cannot start %s: %s; the report is %s", OPENER_PROGRAM, strerror(errno), path);
    }
    _exit(n == 1 ? 1 : 0);
}

static bool opener_start(struct opener *opener, struct err *err) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_set(err, ERR_SYSTEM, "--open: no pipe: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        opener_wait(ends[0], opener->path);
    }
    close(ends[0]);
    opener->told = child < 0 ? -1 : ends[1];
    if (child > 0)
        return true;
    close(ends[1]);
    return err_set(err, ERR_SYSTEM, "--open: no process: %s", strerror(errno));
}

bool opener_begin(struct opener *opener, struct options *o, struct err *err) {
    char folder[PATH_MAX], path[PATH_MAX + 16];
    *opener = OPENER_NONE;
    if (!o->open)
        return true;
    if (o->output_count == OUTPUTS_MAX)
        return err_set(err, ERR_USAGE, "more than %u outputs", OUTPUTS_MAX);
    if (!opener_folder(folder, err))
        return false;
    snprintf(path, sizeof(path), "%s/%s.html", folder,
             o->command == COMMAND_DIFF ? "diff" : "show");
    opener->path = strdup(path);
    if (!opener->path)
        return err_nomem(err);
    o->outputs[o->output_count++] = (struct output){.format = "html", .path = opener->path};
    return opener_start(opener, err);
}

void opener_open(struct opener *opener) {
    ssize_t n;
    if (opener->told < 0)
        return;
    while ((n = write(opener->told, "o", 1)) < 0 && errno == EINTR)
        ;
    if (n == 1)
        say("the report is %s", opener->path);
}

void opener_end(struct opener *opener) {
    if (opener->told >= 0)
        close(opener->told);
    free(opener->path);
    *opener = OPENER_NONE;
}
