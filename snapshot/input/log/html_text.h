/*
 * The text of an HTML page, as one would copy it out of a browser: a report that was saved, or a
 * page with a log in it. Own and small, since nothing but lines and cells is wanted: a library for
 * HTML would be one more thing that hostile input reaches.
 */
#ifndef DUMPDIFF_INPUT_LOG_HTML_TEXT_H
#define DUMPDIFF_INPUT_LOG_HTML_TEXT_H

#include "base/str.h"

/* Does the file begin as HTML, or as a page saved with all that belongs to it (.mht)? */
bool html_text_probe(struct str text);

/*
 * Appends the text: a line a row of a table, paragraph or heading, cells apart by blanks, no
 * scripts and styles, lines of preformatted text as they are. At most three times as long as the
 * page. Lack of memory sticks in out.
 */
void html_text_add(struct strbuf *out, struct str page);

#endif
