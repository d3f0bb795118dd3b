/*
 * Text whose lines a mailer or word processor wrapped: at a blank, so that none is longer than 72,
 * 76, 78 or 80 characters. Which lines belong together can only be guessed, by their length and by
 * how they begin, so that who asks has to see whether it reads better.
 */
#ifndef DUMPDIFF_INPUT_LOG_WRAPPED_TEXT_H
#define DUMPDIFF_INPUT_LOG_WRAPPED_TEXT_H

#include "base/str.h"

/* Which lines are joined; which of these is right, the readings have to tell. */
enum wrapped_way {
    WRAPPED_LOOSE,  /* also where a gap between columns may have been lost at the end of the line */
    WRAPPED_STRICT, /* only what had no room on the line before */
    WRAPPED_WIDE,   /* as strict, of lines that could have been 80 long */
    WRAPPED_ANY,    /* as strict, and also what looks like a label or one more row */
    WRAPPED_WAYS
};

/* How a text is laid out, which all ways start from. */
struct wrapped_layout {
    size_t longest, width; /* [bytes] of its longest line; at which it may have been wrapped */
    bool blanks;           /* at the ends of some lines: wrapping left them there */
};

/* false: it has lines that wrapping would not have left as they are. */
bool wrapped_text_layout(struct str text, struct wrapped_layout *ret_layout);

/* May this way join lines where the one before it joined none, or was not tried? */
bool wrapped_may_join(const struct wrapped_layout *layout, enum wrapped_way way);

/*
 * Makes *out, which is empty, the text of that layout with its lines joined, and says whether any
 * were; false: no line was, and out stays empty. Lack of memory sticks in out.
 *
 * ret_sure  no line was joined that had room on the one before, and none was left alone that had
 *           none and does not begin as a line does: not that the guess is right
 */
bool wrapped_text_add(struct strbuf *out, struct str text, const struct wrapped_layout *layout,
                      enum wrapped_way way, bool *ret_sure);

#endif
