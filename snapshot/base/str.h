/*
 * Borrowed strings (`struct str`) and a growing output string (`struct strbuf`).
 */
#ifndef DUMPDIFF_BASE_STR_H
#define DUMPDIFF_BASE_STR_H

#include "base/err.h"

#include <stddef.h>
#include <string.h>

/* Characters that somebody else owns; not NUL-terminated. Bytes of UTF-8, perhaps broken. */
struct str {
    const char *ptr;
    size_t len; /* [bytes] */
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
/* The same inside the initialiser of a table. */
#define STR_INIT(literal) \
    { (literal), sizeof(literal) - 1 }

/* What a noun that follows the number ends with: "s" unless it is 1. Never NULL. */
static inline const char *plural(uint64_t count) {
    return count == 1 ? "" : "s";
}

/* The short ones are inline: readers of transcripts ask them several times a line. */

static inline struct str str_of(const char *cstring) { /* of NULL: empty */
    return (struct str){cstring ? cstring : "", cstring ? strlen(cstring) : 0};
}

static inline bool str_eq(struct str a, struct str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_starts(struct str s, struct str prefix) {
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/* Is it one of the texts, as written or whatever its case? */
bool str_is_one_of(struct str s, const char *const *texts, size_t count);
bool str_is_one_of_nocase(struct str s, const char *const *texts, size_t count);
#define STR_IS_ONE_OF(s, texts) str_is_one_of((s), (texts), sizeof(texts) / sizeof(*(texts)))
#define STR_IS_ONE_OF_NOCASE(s, texts) \
    str_is_one_of_nocase((s), (texts), sizeof(texts) / sizeof(*(texts)))

/* Nothing but hex digits, and at least one? */
bool str_is_hex(struct str s);

#define STR_NOT_FOUND SIZE_MAX
/* Offset of the first occurrence at or after `from`, or STR_NOT_FOUND. */
size_t str_find(struct str s, struct str needle, size_t from);
bool str_contains(struct str s, struct str needle);

/* The first and the last byte, which an empty text has none of: '\0'. */
static inline char str_first(struct str s) {
    return s.len ? s.ptr[0] : '\0';
}

static inline char str_last(struct str s) {
    return s.len ? s.ptr[s.len - 1] : '\0';
}

static inline struct str str_drop(struct str s, size_t n) { /* without the first n bytes */
    if (n > s.len)
        n = s.len;
    /* Adding to a null pointer is undefined, even 0: an empty string may have one. */
    return (struct str){n ? s.ptr + n : s.ptr, s.len - n};
}

static inline struct str str_take(struct str s, size_t n) { /* the first n bytes */
    return (struct str){s.ptr, n < s.len ? n : s.len};
}

/* Behind the last c, or all of it; of a path of either system: its last part. Both may be empty. */
struct str str_behind_last(struct str s, char c);
struct str str_file_name(struct str path);

struct str str_trim(struct str s); /* without blanks, tabs, CR and NBSP at both ends */

/* Splits the next field off *rest at blanks and tabs; empty when there is none left. */
struct str str_next_field(struct str *rest);

/* Splits the next line off *rest (without "\n" or "\r\n"); false at the end of the text. */
bool str_next_line(struct str *rest, struct str *ret_line);

/* Total order by bytes, shorter first where one is the prefix of the other. */
int str_cmp(struct str a, struct str b);

/* Length of the valid UTF-8 prefix of s; s.len when all of it is valid. */
size_t str_utf8_valid(struct str s);

/*
 * Valid UTF-8 without characters that act on a terminal, a log or a page: controls (C0, DEL, C1),
 * line separators, direction of text, U+FEFF, U+FFFE, U+FFFF. Names that may be printed are.
 */
bool str_is_clean(struct str s);
/* The same of many that each end with a NUL, quickly: false where one is not ASCII, too. */
bool str_are_plain(struct str list);

/*
 * A string that grows. The first error sticks, whether of an append (ERR_NOMEM) or of what made the
 * text (strbuf_fail); appends then do nothing. Who has the text asks strbuf_ok once, at the end.
 */
struct strbuf {
    char *ptr; /* NUL-terminated; NULL while empty */
    size_t len, capacity;
    struct err err; /* the first error; ERR_NONE while all is well */
};

void strbuf_init(struct strbuf *b);
void strbuf_deinit(struct strbuf *b);
void strbuf_add(struct strbuf *b, struct str s);
void strbuf_adds(struct strbuf *b, const char *cstring);
/* As str_is_clean() wants it: U+FFFD for what it forbids, a blank for a tab. */
void strbuf_add_clean(struct strbuf *b, struct str s);
void strbuf_addc(struct strbuf *b, char c);
void strbuf_add_varint(struct strbuf *b, uint64_t value); /* LEB128, see reader_varint */
void strbuf_addf(struct strbuf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strbuf_clear(struct strbuf *b); /* length 0, memory kept */
struct str strbuf_str(const struct strbuf *b);
const char *strbuf_cstr(const struct strbuf *b); /* "" while empty, never NULL */

static inline bool strbuf_failed(const struct strbuf *b) {
    return b->err.code != ERR_NONE;
}

/* true: the text is whole. Errors: the first one that stuck. */
bool strbuf_ok(const struct strbuf *b, struct err *err) MUST_CHECK;

/* The text cannot be made: `why` sticks, unless an error does already or `why` is none. */
void strbuf_fail(struct strbuf *b, const struct err *why);

/* Size for people: "532 B", "1.4 KiB", "61.0 MiB". Returns buf, never NULL. */
#define HUMAN_MAX 32
const char *human_bytes(uint64_t bytes, char buf[HUMAN_MAX]);
/*
 * Count with thousands separated by commas, always: reports do not depend on the locale. Returns
 * buf, never NULL.
 */
const char *human_count(uint64_t count, char buf[HUMAN_MAX]);

#endif
