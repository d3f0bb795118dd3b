/*
 * Numbers as debuggers print them. All functions take the whole field: anything left over fails.
 */
#ifndef DUMPDIFF_BASE_NUM_H
#define DUMPDIFF_BASE_NUM_H

#include "base/str.h"

/* Decimal digits only. false: empty, not a digit, or beyond 64 bits. */
bool num_dec(struct str s, uint64_t *ret_value) MUST_CHECK;

/*
 * Decimal with the thousands separators of any culture: ',' '.' ' ' NBSP (U+00A0) narrow NBSP
 * (U+202F) '\'' U+2019 '_'. Groups are 1..3 digits first, then 3 each, all with the same separator
 * (Indian 2-digit groups are accepted too). "1.5" is no number here. false: anything else;
 * *ret_value is then untouched.
 */
bool num_grouped(struct str s, uint64_t *ret_value) MUST_CHECK;

/*
 * Hex digits, optional 0x, optional WinDbg backtick ("7ffd`d8ac0000"), at most 64 bits. false:
 * anything else; *ret_value is then untouched.
 */
bool num_hex(struct str s, uint64_t *ret_value) MUST_CHECK;

/* Decimal fraction such as "4.423" times `unit`, rounded. false: anything else. */
bool num_scaled(struct str s, uint64_t unit, uint64_t *ret_value) MUST_CHECK;

/* "B", "kB", "KB", "K", "KiB", "MB", ... up to TB and PB, as debuggers mean them: powers of 1024.
 * 0: unknown. */
uint64_t num_unit(struct str s);

static inline uint64_t num_min(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static inline uint64_t num_max(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

/* Sum that sticks at UINT64_MAX - 1 (UINT64_MAX means absent in a snapshot). */
static inline uint64_t num_add(uint64_t a, uint64_t b) {
    uint64_t sum;
    if (__builtin_add_overflow(a, b, &sum) || sum == UINT64_MAX)
        return UINT64_MAX - 1;
    return sum;
}

/* The size of a difference, whatever its sign. */
static inline uint64_t num_magnitude(int64_t delta) {
    return delta < 0 ? (uint64_t)0 - (uint64_t)delta : (uint64_t)delta;
}

#endif
