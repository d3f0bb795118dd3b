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

/* What becomes of a line, a byte each. */
#define WRAPPED_NEW '\n'
#define WRAPPED_ON  '+' /* it goes on with the one before */

/*
 * Says of each line of a text of that layout whether it goes on with the one before, in *joins,
 * which is empty; false: none does. Lack of memory sticks in joins.
 *
 * ret_sure  no line was joined that had room on the one before, and none was left alone that had
 *           none and does not begin as a line does: not that the guess is right
 * ret_known [count] lines that cannot be anything but rests: the text was wrapped
 */
bool wrapped_text_joins(struct strbuf *joins, struct str text, const struct wrapped_layout *layout,
                        enum wrapped_way way, bool *ret_sure, size_t *ret_known);

/* Makes *out, which is empty, the text with its lines joined. Lack of memory sticks in out. */
void wrapped_text_join(struct strbuf *out, struct str text, const struct wrapped_layout *layout,
                       struct str joins);

/*
 * Makes *out, which is empty, the text with those lines joined that are as long as the longest: a
 * terminal, or `fold`, goes on below wherever the line is full, and may mark that by a backslash.
 * false: the text is not like that, and out stays empty. Lack of memory sticks in out.
 *
 * ret_marked  a backslash says so of each of them
 */
bool wrapped_text_join_full(struct strbuf *out, struct str text, bool *ret_marked);

/* The same where a backslash says so of each of them, which needs no second reading. */
bool marked_text_probe(struct str text);
void marked_text_add(struct strbuf *out, struct str text);

/*
 * Of two lines, one below the other, what kind of break is between them: of one kind are those
 * whose lines begin and end alike, so that what is known of one may be so of all. 0: the text was
 * not wrapped there. wrapped_break_has_room: the rest would have fitted, but for blanks in front.
 */
uint32_t wrapped_break_kind(const struct wrapped_layout *layout, struct str last, struct str next);
static inline bool wrapped_break_has_room(uint32_t kind) {
    return kind >> 1 & 1;
}

#endif
