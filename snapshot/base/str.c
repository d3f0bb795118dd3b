#include "base/str.h"

#include "base/chars.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char str_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_eq_nocase(struct str a, struct str b) {
    return a.len == b.len && str_starts_nocase(a, b);
}

bool str_starts_nocase(struct str s, struct str prefix) {
    if (s.len < prefix.len)
        return false;
    for (size_t i = 0; i < prefix.len; i++)
        if (str_lower(s.ptr[i]) != str_lower(prefix.ptr[i]))
            return false;
    return true;
}

bool str_ends(struct str s, struct str suffix) {
    return s.len >= suffix.len && str_eq(str_drop(s, s.len - suffix.len), suffix);
}

bool str_is_one_of(struct str s, const char *const *texts, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (str_eq(s, str_of(texts[i])))
            return true;
    return false;
}

bool str_is_one_of_nocase(struct str s, const char *const *texts, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (str_eq_nocase(s, str_of(texts[i])))
            return true;
    return false;
}

bool str_is_hex(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!char_is_hex(s.ptr[i]))
            return false;
    return s.len > 0;
}

/* Short needles are looked for by their first character, as long as that is not everywhere. */
#define NEEDLE_SHORT 16u
#define NEEDLE_DENSE 16u /* [bytes] between first characters, below which memmem is quicker */

static const char *str_find_short(const char *from, const char *end, struct str needle) {
    const char *at = from, *last = end - needle.len;
    for (size_t misses = 0; at <= last; misses++) {
        if (misses * NEEDLE_DENSE > (size_t)(at - from) + 8 * NEEDLE_DENSE)
            return memmem(at, (size_t)(end - at), needle.ptr, needle.len);
        at = memchr(at, str_first(needle), (size_t)(last - at) + 1);
        if (!at || (at[1] == needle.ptr[1] && memcmp(at, needle.ptr, needle.len) == 0))
            return at;
        at++;
    }
    return NULL;
}

size_t str_find(struct str s, struct str needle, size_t from) {
    if (from > s.len || needle.len > s.len - from)
        return STR_NOT_FOUND;
    if (needle.len == 0)
        return from;
    const char *start = s.ptr + from, *end = s.ptr + s.len, *hit;
    if (needle.len == 1)
        hit = memchr(start, str_first(needle), (size_t)(end - start));
    else if (needle.len <= NEEDLE_SHORT)
        hit = str_find_short(start, end, needle);
    else
        hit = memmem(start, (size_t)(end - start), needle.ptr, needle.len);
    return hit ? (size_t)(hit - s.ptr) : STR_NOT_FOUND;
}

struct str str_behind_last(struct str s, char c) {
    const char *last = s.len ? memrchr(s.ptr, c, s.len) : NULL;
    return last ? str_drop(s, (size_t)(last - s.ptr) + 1) : s;
}

struct str str_file_name(struct str path) {
    return str_behind_last(str_behind_last(path, '/'), '\\');
}

bool str_contains(struct str s, struct str needle) {
    return str_find(s, needle, 0) != STR_NOT_FOUND;
}

static bool str_is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

struct str str_trim(struct str s) {
    for (;;) {
        if (s.len && str_is_blank(str_first(s)))
            s = str_drop(s, 1);
        else if (str_starts(s, STR("\xc2\xa0")))
            s = str_drop(s, 2);
        else if (s.len && str_is_blank(str_last(s)))
            s.len--;
        else if (str_ends(s, STR("\xc2\xa0")))
            s.len -= 2;
        else
            return s;
    }
}

struct str str_next_field(struct str *rest) {
    static const bool blank[256] = {[' '] = true, ['\t'] = true, ['\r'] = true};
    const unsigned char *text = (const unsigned char *)rest->ptr;
    size_t i = 0, len = rest->len;
    while (i < len && blank[text[i]])
        i++;
    size_t start = i;
    while (i < len && !blank[text[i]])
        i++;
    struct str field = str_take(str_drop(*rest, start), i - start);
    *rest = str_drop(*rest, i);
    return field;
}

bool str_next_line(struct str *rest, struct str *ret_line) {
    if (rest->len == 0)
        return false;
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
    struct str line = {rest->ptr, len};
    *rest = str_drop(*rest, end ? len + 1 : len);
    if (str_last(line) == '\r')
        line.len--;
    *ret_line = line;
    return true;
}

int str_cmp(struct str a, struct str b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    if (order)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

#define PLAIN_BLOCK 16u

typedef unsigned char plain_block __attribute__((vector_size(PLAIN_BLOCK)));
typedef signed char plain_signs __attribute__((vector_size(PLAIN_BLOCK)));

static plain_block plain_load(const char *at) {
    plain_block block;
    memcpy(&block, at, sizeof(block));
    return block;
}

/* All bits of each character that is printable ASCII, or `also`: one more than 0x1f ... 0x7e. */
static plain_block plain_of(plain_block block, plain_block also) {
    return (plain_block)((plain_signs)(block + 1) > ' ') | (plain_block)(block == also);
}

static bool plain_all(plain_block plain) {
    uint64_t halves[2];
    memcpy(halves, &plain, sizeof(halves));
    return (halves[0] & halves[1]) == UINT64_MAX;
}

/* Only printable ASCII, and `also`? Then it is valid UTF-8 without control characters but that. */
static bool is_plain(struct str s, char also) {
    const plain_block like = (plain_block){0} + (unsigned char)also;
    plain_block plain = ~(plain_block){0};
    size_t i = 0;
    for (; i + 4 * PLAIN_BLOCK <= s.len; i += 4 * PLAIN_BLOCK)
        plain &= plain_of(plain_load(s.ptr + i), like) &
                 plain_of(plain_load(s.ptr + i + PLAIN_BLOCK), like) &
                 plain_of(plain_load(s.ptr + i + 2 * PLAIN_BLOCK), like) &
                 plain_of(plain_load(s.ptr + i + 3 * PLAIN_BLOCK), like);
    for (; i + PLAIN_BLOCK <= s.len; i += PLAIN_BLOCK)
        plain &= plain_of(plain_load(s.ptr + i), like);
    if (i < s.len && i) {
        i = s.len; /* the rest, and some once more */
        plain &= plain_of(plain_load(s.ptr + i - PLAIN_BLOCK), like);
    }
    bool odd = false;
    for (; i < s.len; i++)
        odd |= ((unsigned char)(s.ptr[i] - ' ') > '~' - ' ') & (s.ptr[i] != also);
    return !odd && plain_all(plain);
}

static bool str_is_plain(struct str s) {
    return is_plain(s, ' ');
}

bool str_are_plain(struct str list) {
    return is_plain(list, '\0');
}

/* Bytes of the UTF-8 sequence at s, 0 when it is broken (overlong, surrogate, beyond U+10FFFF). */
static size_t utf8_sequence(struct str s) {
    unsigned char c = (unsigned char)str_first(s);
    if (c < 0x80)
        return 1;
    size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || s.len < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)s.ptr[i] & 0xc0) != 0x80)
            return 0;
    unsigned char d = (unsigned char)s.ptr[1];
    bool bad = (c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) || (c == 0xf0 && d < 0x90) ||
               (c == 0xf4 && d > 0x8f);
    return bad ? 0 : n;
}

size_t str_utf8_valid(struct str s) {
    size_t i = str_is_plain(s) ? s.len : 0;
    while (i < s.len) {
        size_t n = utf8_sequence(str_drop(s, i));
        if (!n)
            break;
        i += n;
    }
    return i;
}

/*
 * Characters beyond ASCII that no name needs and that act on whoever shows them: C1 controls, line
 * and paragraph separators, what changes the direction of text (UAX 9), U+FEFF, and U+FFFE and
 * U+FFFF, which XML forbids.
 */
static bool is_active(struct str c) {
    const unsigned char *p = (const unsigned char *)c.ptr;
    if (c.len == 2)
        return (p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xd8 && p[1] == 0x9c);
    if (c.len != 3)
        return false;
    if (p[0] == 0xe2 && p[1] == 0x80)
        return p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae);
    if (p[0] == 0xe2 && p[1] == 0x81)
        return p[2] >= 0xa6 && p[2] <= 0xa9;
    return p[0] == 0xef && ((p[1] == 0xbb && p[2] == 0xbf) || (p[1] == 0xbf && p[2] >= 0xbe));
}

/* [bytes] of the first character of s; *ret_clean: may it be printed? */
static size_t first_character(struct str s, bool *ret_clean) {
    unsigned char c = (unsigned char)str_first(s);
    size_t n = c < 0x80 ? 1 : utf8_sequence(s);
    *ret_clean = c < 0x80 ? c >= 0x20 && c != 0x7f : n && !is_active(str_take(s, n));
    return n ? n : 1;
}

/* [bytes] that may be printed, from the beginning. */
static size_t clean_length(struct str s) {
    bool clean = true;
    size_t i = 0;
    while (i < s.len) {
        size_t n = first_character(str_drop(s, i), &clean);
        if (!clean)
            break;
        i += n;
    }
    return i;
}

bool str_is_clean(struct str s) {
    return str_is_plain(s) || clean_length(s) == s.len;
}

void strbuf_add_clean(struct strbuf *b, struct str s) {
    while (s.len) {
        bool clean;
        size_t n = str_is_plain(s) ? s.len : clean_length(s);
        strbuf_add(b, str_take(s, n));
        s = str_drop(s, n);
        if (!s.len)
            break;
        n = first_character(s, &clean);
        strbuf_adds(b, str_first(s) == '\t' ? " " : "\xef\xbf\xbd");
        s = str_drop(s, n);
    }
}

/* Field by field: the message of an error is larger than all the rest, and read only behind a code.
 */
void strbuf_init(struct strbuf *b) {
    b->ptr = NULL;
    b->len = b->capacity = 0;
    b->err.code = ERR_NONE;
}

void strbuf_deinit(struct strbuf *b) {
    free(b->ptr);
    strbuf_init(b);
}

/* Room for `more` bytes and a NUL. */
static bool strbuf_reserve(struct strbuf *b, size_t more) {
    if (strbuf_failed(b))
        return false;
    if (more > SIZE_MAX / 2 - b->len - 1)
        return err_nomem(&b->err);
    size_t need = b->len + more + 1;
    if (need <= b->capacity)
        return true;
    size_t capacity = b->capacity ? b->capacity : 64;
    while (capacity < need)
        capacity *= 2;
    char *grown = realloc(b->ptr, capacity);
    if (!grown)
        return err_nomem(&b->err);
    b->ptr = grown;
    b->capacity = capacity;
    return true;
}

void strbuf_add(struct strbuf *b, struct str s) {
    if (!strbuf_reserve(b, s.len))
        return;
    if (s.len)
        memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
    b->ptr[b->len] = '\0';
}

void strbuf_adds(struct strbuf *b, const char *cstring) {
    strbuf_add(b, str_of(cstring));
}

void strbuf_addc(struct strbuf *b, char c) {
    strbuf_add(b, (struct str){&c, 1});
}

void strbuf_add_varint(struct strbuf *b, uint64_t value) {
    char buf[10];
    size_t n = 0;
    while (value >= 0x80) {
        buf[n++] = (char)(value | 0x80);
        value >>= 7;
    }
    buf[n++] = (char)value;
    strbuf_add(b, (struct str){buf, n});
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        err_keep_nomem(&b->err);
    } else if (strbuf_reserve(b, (size_t)n)) {
        vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void strbuf_clear(struct strbuf *b) {
    b->len = 0;
    if (b->ptr)
        b->ptr[0] = '\0';
}

bool strbuf_ok(const struct strbuf *b, struct err *err) {
    return err_none(&b->err, err);
}

void strbuf_fail(struct strbuf *b, const struct err *why) {
    err_keep(&b->err, why);
}

struct str strbuf_str(const struct strbuf *b) {
    return (struct str){b->ptr ? b->ptr : "", b->len};
}

const char *strbuf_cstr(const struct strbuf *b) {
    return b->ptr ? b->ptr : "";
}

const char *human_bytes(uint64_t bytes, char buf[HUMAN_MAX]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        snprintf(buf, HUMAN_MAX, "%u B", (unsigned)bytes);
        return buf;
    }
    unsigned unit = 0;
    double value = (double)bytes;
    /* 1023.95 and not 1024: what would print as "1024.0 KiB" is "1.0 MiB". */
    while (value >= 1023.95 && unit + 1 < sizeof(units) / sizeof(*units)) {
        value /= 1024;
        unit++;
    }
    snprintf(buf, HUMAN_MAX, "%.1f %s", value, units[unit]);
    return buf;
}

const char *human_count(uint64_t count, char buf[HUMAN_MAX]) {
    char digits[24]; /* 2^64 has 20 digits and 6 commas: fits HUMAN_MAX */
    int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
    size_t out = 0;
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            buf[out++] = ',';
        buf[out++] = digits[i];
    }
    buf[out] = '\0';
    return buf;
}
