#include "cmd/shrunk.h"

#include "base/err.h"
#include "base/str.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A signal handler cannot be handed it: complete before a file is mapped. */
static char message[400];

static void shrunk_say(int number, siginfo_t *info, void *context) {
    (void)context;
    if (info->si_code == BUS_ADRERR) {
        ssize_t written = write(STDERR_FILENO, message, strlen(message));
        _exit(err_exit_status(written < 0 ? ERR_SYSTEM : ERR_IO));
    }
    signal(number, SIG_DFL); /* a mistake of ours: once more, and seen as one */
}

void shrunk_reading(const char *what) {
    struct strbuf name;
    strbuf_init(&name);
    strbuf_add_clean(&name, str_of(what ? what : "an input"));
    snprintf(message, sizeof(message),
             "dumpdiff: %.300s: became shorter while it was read, or its disk failed\n",
             strbuf_cstr(&name));
    strbuf_deinit(&name);
}

void shrunk_watch(void) {
    const struct sigaction action = {.sa_sigaction = shrunk_say, .sa_flags = SA_SIGINFO};
    shrunk_reading(NULL);
    sigaction(SIGBUS, &action, NULL);
}
