/*
 * Text whose lines a mailer or word processor wrapped: at a blank, so that none is longer than 72,
 * 76, 78 or 80 characters. Which lines belong together can only be guessed, by their length and by
 * how they begin, so that who asks has to see whether it reads better.
 */
#ifndef DUMPDIFF_INPUT_LOG_WRAPPED_TEXT_H
#define DUMPDIFF_INPUT_LOG_WRAPPED_TEXT_H

#include "base/str.h"

/*
 * Makes *out, which is empty, the text with its lines joined, and says whether any were; false: no
 * line was, or the text has longer ones, and out stays empty. Lack of memory sticks in out.
 */
bool wrapped_text_add(struct strbuf *out, struct str text);

#endif
