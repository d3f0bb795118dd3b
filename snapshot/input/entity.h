/* Characters that HTML and XML write as entities. */
#ifndef DUMPDIFF_INPUT_ENTITY_H
#define DUMPDIFF_INPUT_ENTITY_H

#include "base/str.h"

/*
 * "&lt;", "&#39;" at the beginning of a text: the character, and the length of the entity [bytes];
 * 0: it is none that stands for a printable character of ASCII, or for a blank.
 */
size_t entity_char(struct str text, char *ret_char);

#endif
