/*
 * The door out: all that the program hands over on standard output or in a file goes through
 * put_out() or put_bytes(), as what base/fit.h makes of it.
 */
#ifndef DUMPDIFF_CMD_PUT_OUT_H
#define DUMPDIFF_CMD_PUT_OUT_H

#include "base/fit.h"

/* Is that standard output? NULL and "-" are. */
bool is_stdout(const char *path);

/*
 * Writes text into a file, beside it first, or on standard output, where a reader that went away is
 * no error. The text is made fit on the way. Errors: of the text, of file_write(), ERR_SYSTEM.
 */
bool put_out(const char *path, struct strbuf *text, enum fit_how how, struct err *err) MUST_CHECK;

/* The same of what is no text: as it is. Errors: of the bytes, ERR_SYSTEM, ERR_NOMEM. */
bool put_bytes(const char *path, struct strbuf *bytes, struct err *err) MUST_CHECK;

/* Text on standard output, for words of our own; the exit status. */
int print_text(struct strbuf *text);

#endif
