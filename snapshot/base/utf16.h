/* UTF-16LE, as Windows and .NET write names, to UTF-8. */
#ifndef DUMPDIFF_BASE_UTF16_H
#define DUMPDIFF_BASE_UTF16_H

#include "base/bytes.h"
#include "base/str.h"

/*
 * Appends units up to the first NUL or the end; half a unit at the end is left out. Lone surrogates
 * become U+FFFD, so that the result is always valid UTF-8.
 */
void strbuf_add_utf16(struct strbuf *out, struct bytes units);

#endif
