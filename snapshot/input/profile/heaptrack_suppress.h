/*
 * Suppressions of LeakSanitizer, as heaptrack applies them: stacks with a frame, file or module
 * that one matches are not said to leak.
 */
#ifndef DUMPDIFF_INPUT_PROFILE_HEAPTRACK_SUPPRESS_H
#define DUMPDIFF_INPUT_PROFILE_HEAPTRACK_SUPPRESS_H

#include "input/profile/heaptrack_file.h"

/* Is `text` the pattern, or has it what the pattern describes: "*" anything, "^" and "$" ends. */
bool suppression_matches(struct str pattern, struct str text);

/*
 * Takes what the stacks have live that the suppressions of the file match, and those that are built
 * into heaptrack_print, out of the stacks and the sum, and into suppressed_count and _bytes.
 * Errors: ERR_LIMIT, where trying each pattern on each string is out of all proportion.
 */
bool heaptrack_suppress(struct heaptrack_file *f, struct err *err) MUST_CHECK;

#endif
