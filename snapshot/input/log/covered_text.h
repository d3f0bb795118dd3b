/*
 * Text whose every line has something in front or around it that no list of keepers names: a time
 * in its own form, a level and a logger, a number, a bar, quotes, what a terminal shows of a CR.
 * All that can be said of it is that nearly every line has it; a table has columns, too. So who
 * asks has to see whether the text reads better without it.
 */
#ifndef DUMPDIFF_INPUT_LOG_COVERED_TEXT_H
#define DUMPDIFF_INPUT_LOG_COVERED_TEXT_H

#include "base/str.h"

/* Fields in front are looked at up to so many. */
#define COVERED_FIELDS_MOST 8u

/* So many fields nearly every line begins with are of the same shape; 0: none, or too few lines. */
size_t covered_text_fields(struct str text);

/* Is one of the first of them a day or a clock? Then it is likely that a keeper put them there. */
bool covered_text_has_clock(struct str text);

/* Appends the text without them and the blank behind them; of lines that begin otherwise nothing is
 * taken. Lack of memory sticks in out. */
void covered_text_drop_fields(struct strbuf *out, struct str text, size_t fields);

/* Begins or ends nearly every line with the same mark? */
bool covered_text_has_edges(struct str text);

/* What no tool does: is it around the lines, or a CR, as it is or as it is shown, or a backslash
 * behind them? Then it may go unasked. */
bool covered_text_is_enclosed(struct str text);

/* Appends the text without these; doubled quotes are one. Lack of memory sticks in out. */
void covered_text_drop_edges(struct strbuf *out, struct str text);

#endif
