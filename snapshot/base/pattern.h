/*
 * Extended regular expressions that a user gives. The one place that compiles and runs them, so
 * that what they are, what they may cost and what is said of a wrong one is the same everywhere.
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
 * expression" becomes "--focus: not a regular expression: Unmatched ( or \\(".
 *
 * text  borrowed during the call only
 *
 * Errors: ERR_USAGE (not a regular expression; the words are the C library's), ERR_NOMEM. On error
 * there is no pattern.
 */
bool pattern_init(struct pattern *p, const char *text, struct err *err, const char *what,
                  ...) MUST_CHECK PRINTF_LIKE(4, 5);
void pattern_deinit(struct pattern *p);

static inline bool pattern_given(const struct pattern *p) {
    return p->code != NULL;
}

/* Is it found anywhere in text? Only to be asked of a pattern that is given. */
bool pattern_matches(const struct pattern *p, const char *text);

#endif
