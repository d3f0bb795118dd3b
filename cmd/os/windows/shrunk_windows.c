#include "cmd/shrunk.h"

#include "base/err.h"
#include "base/os/os.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

/* What the system calls when all is over cannot be handed it. */
static char message[400], crashed[400];

/*
 * A page of a file that cannot be read (a share that went away), or a mistake of ours: dumps are
 * read in this process.
 */
static LONG CALLBACK shrunk_say(EXCEPTION_POINTERS *what) {
    bool page = what->ExceptionRecord->ExceptionCode == (DWORD)EXCEPTION_IN_PAGE_ERROR;
    const char *text = page ? message : crashed;
    bool written = os_write_all(2, text, strlen(text));
    _Exit(err_exit_status(!written ? ERR_SYSTEM : page ? ERR_IO : ERR_LIMIT));
}

void shrunk_reading(const char *what) {
    struct strbuf name;
    strbuf_init(&name);
    strbuf_add_clean(&name, str_of(what ? what : "an input"));
    snprintf(message, sizeof(message), "dumpdiff: %.300s: cannot be read to its end\n",
             strbuf_cstr(&name));
    snprintf(crashed, sizeof(crashed),
             "dumpdiff: %.200s: a crash: a mistake of dumpdiff, please report it (SECURITY.md)\n",
             strbuf_cstr(&name));
    strbuf_deinit(&name);
}

void shrunk_watch(void) {
    shrunk_reading(NULL);
    SetUnhandledExceptionFilter(shrunk_say);
}
