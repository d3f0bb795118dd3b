/*
 * Text as people paste it: through browsers, mailers, chats and word processors. What these put in
 * place of what a tool printed is put back once, before lines are made of the text:
 *
 * - every blank of Unicode is one, but as a separator inside a number;
 * - soft hyphens, characters of no width, marks of direction and of byte order, and colours go;
 * - typographic dashes, minus signs and quotes are plain ones; a dash between two letters is a
 *   name's and stays;
 * - CR, NEL, U+2028 and U+2029 end a line, as do <br>, </p>, </tr> and the like;
 * - entities of HTML are what they stand for, and tags that mark up text go;
 * - of lines that all have a blank one behind them the blank ones go;
 * - bold goes, and so do the bars of a Markdown table, which is known by the rule below its head.
 *
 * Two rows of a table that bold joined on one line are two lines again.
 */
#ifndef DUMPDIFF_INPUT_LOG_PASTED_TEXT_H
#define DUMPDIFF_INPUT_LOG_PASTED_TEXT_H

#include "base/str.h"

/* Is anything of that in it? Most logs are as they were printed, and need no copy. */
bool pasted_text_probe(struct str text);

/* Appends the text as it was printed; at most twice as long. Lack of memory sticks in out. */
void pasted_text_add(struct strbuf *out, struct str text);

#endif
