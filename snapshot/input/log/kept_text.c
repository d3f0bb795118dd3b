#include "input/log/kept_text.h"

#include "base/chars.h"
#include "base/num.h"
#include "input/log/transcript.h"

/* Of so many lines one may have nothing in front: what somebody wrote above, marks of a boot. */
#define KEPT_ONE_OF 20u
/* Of so many sources the lines are told apart. */
#define KEPT_SOURCES_MOST 32u
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
    if (s.len < 2 || (str_first(s) != '.' && str_first(s) != ',') || !char_is_digit(s.ptr[1]))
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

/* "stdout F": a line that is whole, or ends there; "stdout P": it goes on. */
static size_t kept_stream(struct str s) {
    return str_starts(s, STR("stdout F")) || str_starts(s, STR("stderr F")) ||
                   str_starts(s, STR("stdout P")) || str_starts(s, STR("stderr P"))
               ? 8
               : 0;
}

/* What a line has in front. */
struct kept_line {
    struct str text;   /* what is behind it */
    struct str source; /* the pod, the container, or the host with its unit; may be empty */
    bool goes_on;      /* with the next line of its source */
};

/*
 * Which of them stand in front of the line; 0: none.
 *
 * units  a time is followed by host and unit, which a line of a tool itself may resemble
 */
static unsigned kept_of(struct str line, bool units, struct kept_line *ret_line) {
    unsigned kept = 0;
    *ret_line = (struct kept_line){.source = {line.ptr, 0}};
    if (kept_take(&line, kept_pod(line)))
        kept |= KEPT_POD;
    else if (kept_take(&line, kept_container(line)))
        kept |= KEPT_CONTAINER;
    ret_line->source.len = (size_t)(line.ptr - ret_line->source.ptr);
    ret_line->source = str_trim(ret_line->source);
    struct str behind = line;
    size_t iso = kept_iso_time(line), other = iso ? 0 : kept_syslog_time(line);
    if (!iso && !other)
        other = kept_journal_time(line);
    if ((iso || other) && kept_take(&behind, iso ? iso : other)) {
        struct str unit = behind;
        if (units && kept_take(&unit, kept_unit(behind))) {
            kept |= KEPT_UNIT;
            ret_line->source = str_take(behind, (size_t)(unit.ptr - behind.ptr));
            behind = unit;
        } else if (!units && iso) {
            kept |= KEPT_TIME;
            struct str stream = behind;
            kept |= kept_take(&behind, kept_stream(behind)) ? KEPT_STREAM : 0;
            ret_line->goes_on = (kept & KEPT_STREAM) && stream.ptr[7] == 'P';
        }
        if (kept & (KEPT_UNIT | KEPT_TIME))
            line = behind;
    }
    ret_line->text = line;
    return kept;
}

/* -- The text ---------------------------------------------------------------------------------- */

static bool kept_is_blank(struct str line) {
    return str_trim(line).len == 0;
}

/* What is in front of nearly every line; 0: of too few, or not the same. */
static unsigned kept_throughout(struct str text, bool units) {
    struct str line;
    struct kept_line behind;
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

/* Appends the lines of one source; of all where it is NULL. */
static void kept_add_lines(struct strbuf *out, struct str text, unsigned kept, bool units,
                           const struct str *source) {
    bool mine = true, goes_on = false;
    for (struct str line; str_next_line(&text, &line);) {
        struct kept_line behind;
        bool has = kept && kept_of(line, units, &behind) == kept;
        if (has)
            mine = !source || str_eq(behind.source, *source);
        else
            behind = (struct kept_line){.text = line}; /* of who wrote the line before */
        if (!mine)
            continue;
        goes_on = behind.goes_on;
        strbuf_add(out, behind.text);
        if (!goes_on) /* with the end that the line has */
            strbuf_add(out,
                       (struct str){line.ptr + line.len, (size_t)(text.ptr - line.ptr) - line.len});
    }
    if (goes_on)
        strbuf_addc(out, '\n');
}

/* Whose lines they are, in the order of their first ones; more than the most: of too many. */
static size_t kept_sources(struct str text, unsigned kept, bool units,
                           struct str sources[KEPT_SOURCES_MOST]) {
    size_t count = 0, last = 0;
    for (struct str line; kept && str_next_line(&text, &line);) {
        struct kept_line behind;
        if (kept_of(line, units, &behind) != kept ||
            (count && str_eq(sources[last], behind.source)))
            continue;
        for (last = 0; last < count && !str_eq(sources[last], behind.source);)
            last++;
        if (last == KEPT_SOURCES_MOST)
            return KEPT_SOURCES_MOST + 1;
        if (last == count)
            sources[count++] = behind.source;
    }
    return count;
}

void kept_text_add(struct strbuf *out, struct str text) {
    struct str sources[KEPT_SOURCES_MOST];
    unsigned kept = kept_throughout(text, true);
    bool units = kept;
    kept = kept ? kept : kept_throughout(text, false);
    size_t count = kept_sources(text, kept, units, sources);
    if (count < 2 || count > KEPT_SOURCES_MOST)
        kept_add_lines(out, text, kept, units, NULL);
    for (size_t i = 0; i < count && count > 1 && count <= KEPT_SOURCES_MOST; i++) {
        kept_add_lines(out, text, kept, units, &sources[i]);
        strbuf_addc(out, TRANSCRIPT_BLOCK_END);
        strbuf_addc(out, '\n');
    }
}
