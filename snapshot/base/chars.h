/*
 * Classes of characters: those of ASCII, whatever the locale. All others are in none of them.
 */
#ifndef DUMPDIFF_BASE_CHARS_H
#define DUMPDIFF_BASE_CHARS_H

#include <stdbool.h>

static inline bool char_is_digit(char c) {
    return c >= '0' && c <= '9';
}

static inline bool char_is_hex(char c) {
    return char_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static inline bool char_is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* What names are made of in nearly every language. */
static inline bool char_is_word(char c) {
    return char_is_letter(c) || char_is_digit(c) || c == '_';
}

#endif
