/*
 * The door out: all that the program hands over on standard output or in a file goes through
 * put_out(). What a name, a message or a label holds was cleaned when it came in; here nothing that
 * acts on a terminal, a log or a page leaves even if that was forgotten.
 */
#ifndef DUMPDIFF_CMD_PUT_OUT_H
#define DUMPDIFF_CMD_PUT_OUT_H

#include "base/str.h"

enum put_how {
    PUT_TEXT = 0,
    PUT_COLOR = 1,    /* text of which some is coloured: "ESC [ 1 ; 31 m" is let through */
    PUT_COMMANDS = 2, /* text whose lines may be commands to a runner of CI: they are ours */
    PUT_BYTES = 4,    /* no text: as it is */
};

/*
 * Makes text fit to leave: U+FFFD for whatever str_is_clean() forbids but line ends and tabs. With
 * `in_log` also an apostrophe before lines that a runner of CI would take for its commands
 * ("::error::", "##teamcity["). Out of memory: the text has failed.
 */
void make_fit(struct strbuf *text, enum put_how how, bool in_log);

/* Is that standard output? NULL and "-" are. */
bool is_stdout(const char *path);

/*
 * Writes text into a file, beside it first, or on standard output, where a reader that went away is
 * no error. The text is made fit on the way. Errors: of the text, of file_write(), ERR_SYSTEM.
 */
bool put_out(const char *path, struct strbuf *text, enum put_how how, struct err *err) MUST_CHECK;

/* The same on standard output, for words of our own; the exit status. */
int print_text(struct strbuf *text);

#endif
