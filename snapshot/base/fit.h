/*
 * What may leave the program. Doors out (files, standard output, standard error) take nothing but a
 * `struct fit`, and only the functions below make one: text that nobody cleaned does not compile.
 * Names, messages and labels are cleaned when they come in as well; here nothing that acts on a
 * terminal, a log or a page leaves even if that was forgotten.
 */
#ifndef DUMPDIFF_BASE_FIT_H
#define DUMPDIFF_BASE_FIT_H

#include "base/str.h"

/* Borrowed from what it was made of. tools/names.sh keeps others from filling it. */
struct fit {
    struct str left_by_fit;
};

enum fit_how {
    FIT_TEXT = 0,
    FIT_COLOR = 1,    /* text of which some is coloured: "ESC [ 1 ; 31 m" is let through */
    FIT_COMMANDS = 2, /* text whose lines may be commands to a runner of CI: they are ours */
};

/*
 * Makes text fit, in place: U+FFFD for whatever str_is_clean() forbids but line ends and tabs. With
 * `in_log` also an apostrophe before lines that a runner of CI would take for its commands
 * ("::error::", "##teamcity["). Out of memory: the text has failed, and what is returned is no part
 * of it to be relied on.
 */
struct fit fit_text(struct strbuf *text, enum fit_how how, bool in_log);

/* One line of it in `out`, with its end; if there is no memory for it, a line that says so. */
struct fit fit_line(struct strbuf *out, struct str line);

/* No text, for no terminal: a snapshot, a profile, a file of the user's own words. */
struct fit fit_bytes(struct str bytes);

#endif
