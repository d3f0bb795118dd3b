#include "base/chars.h"
#include "base/num.h"

#include <stdlib.h>

static bool push_digit(uint64_t *value, unsigned base, unsigned digit) {
    return !__builtin_mul_overflow(*value, (uint64_t)base, value) &&
           !__builtin_add_overflow(*value, (uint64_t)digit, value);
}

bool num_dec(struct str s, uint64_t *ret_value) {
    uint64_t value = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!char_is_digit(s.ptr[i]) || !push_digit(&value, 10, (unsigned)(s.ptr[i] - '0')))
            return false;
    *ret_value = value;
    return true;
}

/* Length of the thousands separator at the start of s, 0 when there is none. */
static size_t separator_length(struct str s) {
    static const struct str separators[] = {
        {",", 1},
        {".", 1},
        {" ", 1},
        {"'", 1},
        {"_", 1},
        {"\xc2\xa0", 2},
        {"\xe2\x80\xaf", 3},
        {"\xe2\x80\x99", 3},
    };
    for (size_t i = 0; i < sizeof(separators) / sizeof(*separators); i++)
        if (str_starts(s, separators[i]))
            return separators[i].len;
    return 0;
}

/* Digits without separators that cannot overflow: what nearly every number is. */
static bool plain_digits(struct str s, uint64_t *ret_value) {
    uint64_t value = 0;
    if (s.len == 0 || s.len > 19)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!char_is_digit(s.ptr[i]))
            return false;
        value = value * 10 + (uint64_t)(s.ptr[i] - '0');
    }
    *ret_value = value;
    return true;
}

bool num_grouped(struct str s, uint64_t *ret_value) {
    if (plain_digits(s, ret_value))
        return true;
    uint64_t value = 0;
    struct str separator = {NULL, 0};
    size_t group = 0, groups = 0;
    while (s.len) {
        if (char_is_digit(str_first(s))) {
            if (!push_digit(&value, 10, (unsigned)(str_first(s) - '0')))
                return false;
            group++;
            s = str_drop(s, 1);
            continue;
        }
        size_t n = separator_length(s);
        if (!n || group == 0 || group > 3 || (groups && group == 1))
            return false;
        struct str this = str_take(s, n);
        if (groups && !str_eq(this, separator))
            return false;
        separator = this;
        groups++;
        group = 0;
        s = str_drop(s, n);
    }
    if (group == 0 || (groups && group != 3))
        return false;
    *ret_value = value;
    return true;
}

/* Value of a hexadecimal digit + 1; 0: none. */
static const uint8_t hex_digits[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

bool num_hex(struct str s, uint64_t *ret_value) {
    uint64_t value = 0;
    if (s.len > 1 && str_first(s) == '0' && (s.ptr[1] == 'x' || s.ptr[1] == 'X'))
        s = str_drop(s, 2);
    if (s.len == 0)
        return false;
    size_t plain = 0; /* digits that cannot overflow: all of nearly every address */
    for (unsigned digit; plain < s.len && plain < 16; plain++) {
        if (!(digit = hex_digits[(unsigned char)s.ptr[plain]]))
            break;
        value = value << 4 | (digit - 1);
    }
    size_t digits = plain;
    for (size_t i = plain; i < s.len; i++) {
        unsigned digit = hex_digits[(unsigned char)s.ptr[i]];
        if (digit == 0 && s.ptr[i] == '`' && digits && i + 1 < s.len)
            continue;
        if (digit == 0 || value >> 60)
            return false;
        value = value << 4 | (digit - 1);
        digits++;
    }
    *ret_value = value;
    return true;
}

bool num_scaled(struct str s, uint64_t unit, uint64_t *ret_value) {
    uint64_t whole = 0, fraction = 0, scale = 1;
    size_t i = 0;
    while (i < s.len && char_is_digit(s.ptr[i]))
        if (!push_digit(&whole, 10, (unsigned)(s.ptr[i++] - '0')))
            return false;
    if (i == 0)
        return false;
    if (i < s.len && (s.ptr[i] == '.' || s.ptr[i] == ',')) {
        size_t start = ++i;
        for (; i < s.len && char_is_digit(s.ptr[i]); i++) {
            if (i - start >= 9) /* more digits than a double shows: dropped */
                continue;
            fraction = fraction * 10 + (unsigned)(s.ptr[i] - '0');
            scale *= 10;
        }
        if (i == start)
            return false;
    }
    if (i != s.len || __builtin_mul_overflow(whole, unit, &whole))
        return false;
    double part = (double)fraction / (double)scale * (double)unit + 0.5;
    *ret_value = num_add(whole, (uint64_t)part);
    return true;
}

uint64_t num_unit(struct str s) {
    static const char letters[] = "KMGTP";
    if (s.len == 0 || s.len > 6)
        return 0;
    if (str_eq_nocase(s, STR("B")) || str_eq_nocase(s, STR("bytes")) ||
        str_eq_nocase(s, STR("byte")))
        return 1;
    for (unsigned i = 0; letters[i]; i++) {
        if ((str_first(s) & ~0x20) != letters[i])
            continue;
        struct str rest = str_drop(s, 1);
        if (rest.len == 0 || str_eq_nocase(rest, STR("B")) || str_eq_nocase(rest, STR("iB")) ||
            str_eq_nocase(rest, STR("Bytes")))
            return (uint64_t)1 << (10 * (i + 1));
    }
    return 0;
}
