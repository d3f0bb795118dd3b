/*
 * Regular expressions that a user gives: those of PCRE2, with limits on what a pattern and a match
 * may take. The one place that compiles and runs them, so that what they are, what they may cost
 * and what is said of a wrong one is the same everywhere.
 *
 * Extended regular expressions of POSIX mean what they do there: in [...] a backslash stands for
 * itself, "{,3}" is "{0,3}", '.' is any character and '$' the very end, and GNU's \< \> \` \' are
 * known. What differs: an escaped letter may have a meaning ("\d" is a digit), '+' and '?' behind a
 * repetition make it possessive or lazy, "(?" begins what PCRE2 says, and one character of UTF-8 is
 * one to '.'.
 */
#ifndef DUMPDIFF_BASE_PATTERN_H
#define DUMPDIFF_BASE_PATTERN_H

#include "base/err.h"

#include <stddef.h>

/* One pattern; {.code = NULL}: none, which is allowed everywhere below. */
struct pattern {
    struct pattern_code *code;
};

/*
 * Compiles a pattern. `what`, a printf format, leads the message: "--focus: not a regular
 * expression" becomes "--focus: not a regular expression: missing closing parenthesis (column 6)".
 *
 * text  borrowed during the call only
 *
 * Errors: ERR_USAGE (not a regular expression, the words are PCRE2's; one that compiles to more
 * than 64 KiB or nests deeper than 64), ERR_NOMEM. On error there is no pattern.
 */
bool pattern_init(struct pattern *p, const char *text, struct err *err, const char *what,
                  ...) MUST_CHECK PRINTF_LIKE(4, 5);
void pattern_deinit(struct pattern *p);

static inline bool pattern_given(const struct pattern *p) {
    return p->code != NULL;
}

/*
 * Is it found anywhere in text? Only to be asked of a pattern that is given. A match that takes
 * more than a million steps is given up: then no answer of this pattern counts, see
 * pattern_settled.
 */
bool pattern_matches(const struct pattern *p, const char *text);

/* Was each question answered? Errors: ERR_USAGE (a match was given up). */
bool pattern_settled(const struct pattern *p, struct err *err) MUST_CHECK;

#endif
