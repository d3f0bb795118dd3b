#include "input/log/kept_text.h"

#include "base/chars.h"
#include "base/num.h"

/* Of so many lines one may have nothing in front: what somebody wrote above, marks of a boot. */
#define KEPT_ONE_OF 20u
/* So long is the name of a pod with its container, or of a host, at most. */
#define KEPT_NAME_MOST 300u

/* What stands in front of a line, each a bit. */
enum kept {
    KEPT_TIME = 1,      /* 2031-02-03T04:05:06.123456789Z */
    KEPT_POD = 2,       /* [pod/till-0/till] */
    KEPT_CONTAINER = 4, /* till-1  | */
    KEPT_STREAM = 8,    /* stdout F */
    KEPT_UNIT = 16,     /* Feb 03 04:05:06 quay till[812]: */
};

/* -- Times ------------------------------------------------------------------------------------- */

/* Does s begin as the pattern says? '0' stands for a digit, 'A' for a letter. */
static bool kept_looks_like(struct str s, struct str pattern) {
    if (s.len < pattern.len)
        return false;
    for (size_t i = 0; i < pattern.len; i++) {
        char c = s.ptr[i], want = pattern.ptr[i];
        bool ok = want == '0'   ? char_is_digit(c)
                  : want == 'A' ? char_is_letter(c)
                                : c == want || (want == ' ' && c == '\t');
        if (!ok)
            return false;
    }
    return true;
}

/* Length of ".123456" or ",123"; 0: there is none. */
static size_t kept_fraction(struct str s) {
    size_t n = 1;
    if (s.len < 2 || (s.ptr[0] != '.' && s.ptr[0] != ',') || !char_is_digit(s.ptr[1]))
        return 0;
    while (n < s.len && char_is_digit(s.ptr[n]))
        n++;
    return n;
}

/* Length of "Z", "+01:00", "-0500"; 0: there is none. */
static size_t kept_zone(struct str s) {
    if (str_starts(s, STR("Z")))
        return 1;
    if (kept_looks_like(s, STR("+00:00")) || kept_looks_like(s, STR("-00:00")))
        return 6;
    return kept_looks_like(s, STR("+0000")) || kept_looks_like(s, STR("-0000")) ? 5 : 0;
}

/* Length of a time of ISO 8601 with its zone; 0: s begins otherwise. */
static size_t kept_iso_time(struct str s) {
    if (!kept_looks_like(s, STR("0000-00-00T00:00:00")))
        return 0;
    size_t n = 19 + kept_fraction(str_drop(s, 19)), zone = kept_zone(str_drop(s, n));
    return zone ? n + zone : 0;
}

/* "Feb 03 04:05:06", "Feb  3 04:05:06.123456" */
static size_t kept_syslog_time(struct str s) {
    if (!kept_looks_like(s, STR("AAA 00 00:00:00")) && !kept_looks_like(s, STR("AAA  0 00:00:00")))
        return 0;
    return 15 + kept_fraction(str_drop(s, 15));
}

/* "Mon 2031-02-03 04:05:06 UTC" of short-full, "1927944306.123456" of short-unix, "[ 12.345678]" */
static size_t kept_journal_time(struct str s) {
    if (kept_looks_like(s, STR("AAA 0000-00-00 00:00:00"))) {
        size_t n = 23 + kept_fraction(str_drop(s, 23));
        if (n >= s.len || s.ptr[n] != ' ')
            return 0;
        do
            n++;
        while (n < s.len && (char_is_letter(s.ptr[n]) || char_is_digit(s.ptr[n]) ||
                             s.ptr[n] == '+' || s.ptr[n] == '-'));
        return n;
    }
    size_t n = str_starts(s, STR("[")), begin;
    while (n && n < s.len && s.ptr[n] == ' ')
        n++;
    for (begin = n; n < s.len && char_is_digit(s.ptr[n]);)
        n++;
    size_t fraction = kept_fraction(str_drop(s, n));
    if (n == begin || fraction < 4)
        return 0;
    n += fraction;
    if (begin)
        return n < s.len && s.ptr[n] == ']' ? n + 1 : 0;
    return n;
}

/* -- What stands in front ---------------------------------------------------------------------- */

/* Takes `size` bytes and one blank behind them off; at the end of a line there may be none. */
static bool kept_take(struct str *line, size_t size) {
    if (!size || size > line->len || (size < line->len && line->ptr[size] != ' '))
        return false;
    *line = str_drop(*line, size < line->len ? size + 1 : size);
    return true;
}

static bool kept_is_name(char c) {
    return char_is_word(c) || c == '-' || c == '.' || c == '/' || c == '@' || c == ':';
}

/* "[pod/till-7d9f/till]" */
static size_t kept_pod(struct str s) {
    size_t n = 1;
    if (!str_starts(s, STR("[pod/")) && !str_starts(s, STR("[job/")))
        return 0;
    while (n < s.len && n < KEPT_NAME_MOST && kept_is_name(s.ptr[n]))
        n++;
    return n < s.len && s.ptr[n] == ']' ? n + 1 : 0;
}

/* "till-1  |": the name, and blanks so that all bars stand below each other. */
static size_t kept_container(struct str s) {
    size_t n = 0;
    while (n < s.len && n < KEPT_NAME_MOST &&
           (char_is_word(s.ptr[n]) || s.ptr[n] == '-' || s.ptr[n] == '.'))
        n++;
    size_t name = n;
    while (n < s.len && s.ptr[n] == ' ')
        n++;
    return name && n > name && n < s.len && s.ptr[n] == '|' ? n + 1 : 0;
}

/* "quay till[812]:" or "quay kernel:" */
static size_t kept_unit(struct str s) {
    size_t n = 0;
    while (n < s.len && n < KEPT_NAME_MOST && kept_is_name(s.ptr[n]))
        n++;
    size_t host = n;
    if (!host || s.ptr[host - 1] == ':' || n >= s.len || s.ptr[n] != ' ')
        return 0;
    for (n++; n < s.len && n < host + KEPT_NAME_MOST && s.ptr[n] != ':' && s.ptr[n] != '[' &&
              s.ptr[n] > ' ';)
        n++;
    if (n == host + 1 || n >= s.len)
        return 0;
    if (s.ptr[n] == '[') {
        do
            n++;
        while (n < s.len && char_is_digit(s.ptr[n]));
        if (n >= s.len || s.ptr[n] != ']')
            return 0;
        n++;
    }
    return n < s.len && s.ptr[n] == ':' ? n + 1 : 0;
}

/* "stdout F": a line that is whole. Pieces of longer lines ("P") are lines of their own. */
static size_t kept_stream(struct str s) {
    return str_starts(s, STR("stdout F")) || str_starts(s, STR("stderr F")) ||
                   str_starts(s, STR("stdout P")) || str_starts(s, STR("stderr P"))
               ? 8
               : 0;
}

/*
 * Which of them stand in front of the line; 0: none. *ret_line is what is behind them.
 *
 * units  a time is followed by host and unit, which a line of a tool itself may resemble
 */
static unsigned kept_of(struct str line, bool units, struct str *ret_line) {
    unsigned kept = 0;
    if (kept_take(&line, kept_pod(line)))
        kept |= KEPT_POD;
    else if (kept_take(&line, kept_container(line)))
        kept |= KEPT_CONTAINER;
    struct str behind = line;
    size_t iso = kept_iso_time(line), other = iso ? 0 : kept_syslog_time(line);
    if (!iso && !other)
        other = kept_journal_time(line);
    if ((iso || other) && kept_take(&behind, iso ? iso : other)) {
        struct str unit = behind;
        if (units && kept_take(&unit, kept_unit(behind))) {
            kept |= KEPT_UNIT;
            behind = unit;
        } else if (!units && iso) {
            kept |= KEPT_TIME;
            kept |= kept_take(&behind, kept_stream(behind)) ? KEPT_STREAM : 0;
        }
        if (kept & (KEPT_UNIT | KEPT_TIME))
            line = behind;
    }
    *ret_line = line;
    return kept;
}

/* -- The text ---------------------------------------------------------------------------------- */

static bool kept_is_blank(struct str line) {
    return str_trim(line).len == 0;
}

/* What is in front of nearly every line; 0: of too few, or not the same. */
static unsigned kept_throughout(struct str text, bool units) {
    struct str line, behind;
    size_t lines = 0, without = 0;
    unsigned first = 0;
    while (str_next_line(&text, &line)) {
        if (kept_is_blank(line))
            continue;
        unsigned kept = kept_of(line, units, &behind);
        lines++;
        if (!first)
            first = kept;
        /* A log that begins otherwise is not looked through. */
        without += !kept || kept != first;
        if (without > 1 + lines / KEPT_ONE_OF)
            return 0;
    }
    bool same = lines > 1 && without * KEPT_ONE_OF <= lines && (!units || (first & KEPT_UNIT));
    return same ? first : 0;
}

bool kept_text_probe(struct str text) {
    return kept_throughout(text, true) || kept_throughout(text, false);
}

void kept_text_add(struct strbuf *out, struct str text) {
    unsigned kept = kept_throughout(text, true);
    bool units = kept;
    kept = kept ? kept : kept_throughout(text, false);
    for (struct str line, behind; str_next_line(&text, &line);) {
        if (!kept || kept_of(line, units, &behind) != kept)
            behind = line;
        /* With the end that the line has. */
        strbuf_add(out, (struct str){behind.ptr, (size_t)(text.ptr - behind.ptr)});
    }
}
