/* What may follow on a command line: one answer for all shells. */
#ifndef DUMPDIFF_CMD_COMPLETE_H
#define DUMPDIFF_CMD_COMPLETE_H

#include "cmd/options.h"

/*
 * Appends a line for each word that may stand in the place of the last one: the word, a tab, and
 * what it means. ":files" and ":folders" stand for those that the shell knows.
 *
 * words  what stands behind `dumpdiff`, the last of it begun or empty; count is 1 or more
 *
 * A .snap file among them is read for the names of its types, behind the sandbox.
 */
void complete_words(const char *const *words, uint32_t count, struct strbuf *out);

#endif
