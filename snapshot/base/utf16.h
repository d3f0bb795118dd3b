/* UTF-16, as Windows and .NET write names, to UTF-8. The one place that knows of surrogates. */
#ifndef DUMPDIFF_BASE_UTF16_H
#define DUMPDIFF_BASE_UTF16_H

#include "base/bytes.h"
#include "base/str.h"

/*
 * Appends little-endian units up to the first NUL or the end; half a unit at the end is left out.
 * Lone surrogates become U+FFFD, so that the result is always valid UTF-8.
 */
void strbuf_add_utf16(struct strbuf *out, struct bytes units);

/*
 * Appends a text in either order of bytes, as strbuf_add_utf16, but with every NUL that is in it. A
 * byte order mark at its start is left out.
 */
void strbuf_add_utf16_text(struct strbuf *out, struct bytes units, bool big_endian);

/* Appends a code point as UTF-8, up to U+10FFFF; a surrogate as if it were one. */
void strbuf_add_code_point(struct strbuf *out, uint32_t code);

/*
 * The code point at the start of `count` (not 0) little-endian units. Returns how many units it is:
 * 2 for a pair, else 1. A lone surrogate is its own code point: see utf16_is_lone.
 */
size_t utf16_next(const uint8_t *units, size_t count, uint32_t *ret_code);
bool utf16_is_lone(uint32_t code);

#endif
