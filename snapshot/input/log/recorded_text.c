#include "input/log/recorded_text.h"

#include "base/chars.h"
#include "base/num.h"
#include "base/utf16.h"

/* Of so many lines one may be no record. */
#define RECORDED_ONE_OF 20u
/* Lines of a mail are no longer. */
#define PRINTABLE_MOST 76u

/* -- Records of JSON --------------------------------------------------------------------------- */

/* The end of a string that begins at `at` with its quote, behind the last; 0: it has none. */
static size_t record_string_end(struct str s, size_t at) {
    for (size_t i = at + 1; i < s.len; i++) {
        if (s.ptr[i] == '\\')
            i++;
        else if (s.ptr[i] == '"')
            return i + 1;
    }
    return 0;
}

/* The end of the value at `at`: where the "," or "}" behind it stands; 0: it has none. */
static size_t record_value_end(struct str s, size_t at) {
    size_t depth = 0;
    while (at < s.len) {
        char c = s.ptr[at];
        if (c == '"') {
            at = record_string_end(s, at);
            if (!at)
                return 0;
            continue;
        }
        if (!depth && (c == ',' || c == '}'))
            return at;
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        at++;
    }
    return 0;
}

static size_t record_skip(struct str s, size_t at) {
    while (at < s.len && (s.ptr[at] == ' ' || s.ptr[at] == '\t'))
        at++;
    return at;
}

/* Keys that hold the line, the surest first. */
static const char *const record_keys[] = {"log",         "MESSAGE", "message", "msg",
                                          "textPayload", "Message", "line",    "RenderedMessage",
                                          "@m",          "body"};

struct record {
    struct str value; /* of the line: a string with its quotes, or bytes in brackets */
    bool has_ends;    /* the lines have their ends inside: without one it goes on */
};

static bool record_of_json(struct str record, struct record *ret_record) {
    size_t best = sizeof(record_keys) / sizeof(*record_keys), keys = best, at = 0;
    record = str_trim(record);
    if (record.len < 7 || str_first(record) != '{' || str_last(record) != '}')
        return false;
    do {
        size_t key = record_skip(record, at + 1), end = 0;
        if (key < record.len && record.ptr[key] == '"')
            end = record_string_end(record, key);
        size_t colon = end ? record_skip(record, end) : record.len;
        if (colon >= record.len || record.ptr[colon] != ':')
            return false;
        size_t value = record_skip(record, colon + 1);
        at = record_value_end(record, value);
        if (!at)
            return false;
        struct str name = {record.ptr + key + 1, end - key - 2};
        struct str text = str_trim((struct str){record.ptr + value, at - value});
        for (size_t i = 0; i < best && text.len; i++)
            if (str_eq(name, str_of(record_keys[i])) &&
                (str_first(text) == '"' || str_first(text) == '[')) {
                best = i;
                *ret_record = (struct record){text, i == 0};
            }
    } while (record.ptr[at] == ',');
    return best < keys && at + 1 == record.len;
}

/* time=2031-02-03T04:05:06Z level=info msg="line" */
static bool record_of_pairs(struct str record, struct record *ret_record) {
    static const struct str keys[] = {STR_INIT("msg=\""), STR_INIT("message=\"")};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        size_t at = str_find(record, keys[i], 0), end = 0;
        if (at == STR_NOT_FOUND || (at && record.ptr[at - 1] != ' ') ||
            (at && !str_contains(str_take(record, at), STR("="))))
            continue;
        at += keys[i].len - 1;
        end = record_string_end(record, at);
        if (end)
            *ret_record = (struct record){{record.ptr + at, end - at}, false};
        return end > 0;
    }
    return false;
}

static bool record_line(struct str record, struct record *ret_record) {
    return record_of_json(record, ret_record) || record_of_pairs(record, ret_record);
}

/* Four hex digits at `at`; UINT32_MAX: there are none. */
static uint32_t record_hex(struct str s, size_t at) {
    uint64_t value;
    if (at + 4 > s.len || !num_hex((struct str){s.ptr + at, 4}, &value))
        return UINT32_MAX;
    return (uint32_t)value;
}

/* "\u00e9", or two of them, at `at`, which is the "u"; gives how much is behind it. */
static size_t record_add_escape(struct strbuf *out, struct str s, size_t at) {
    uint8_t units[4];
    size_t count = 0, behind = 0;
    for (size_t i = at; count < 2 && i < s.len && s.ptr[i] == 'u'; i += 6) {
        uint32_t unit = record_hex(s, i + 1);
        if (unit == UINT32_MAX)
            break;
        units[2 * count] = (uint8_t)(unit & 0xff);
        units[2 * count++ + 1] = (uint8_t)(unit >> 8);
        behind = i + 4 - at;
        if (i + 5 >= s.len || s.ptr[i + 5] != '\\')
            break;
    }
    strbuf_add_utf16_text(out, (struct bytes){units, 2 * count}, false);
    return behind;
}

static void record_add_string(struct strbuf *out, struct str s) {
    for (size_t i = 1; i + 1 < s.len; i++) {
        char c = s.ptr[i];
        if (c != '\\' || i + 2 >= s.len) {
            strbuf_addc(out, c);
            continue;
        }
        c = s.ptr[++i];
        switch (c) {
        case 'n':
            strbuf_addc(out, '\n');
            break;
        case 't':
            strbuf_addc(out, '\t');
            break;
        case 'r':
            strbuf_addc(out, '\r');
            break;
        case 'b':
        case 'f':
            strbuf_addc(out, ' ');
            break;
        case 'u':
            i += record_add_escape(out, s, i);
            break;
        default:
            strbuf_addc(out, c);
        }
    }
}

/* "[72,101,108]": journald's way of saying what is no plain text. */
static void record_add_bytes(struct strbuf *out, struct str s) {
    uint32_t value = 0;
    bool any = false;
    for (size_t i = 1; i < s.len; i++) {
        if (char_is_digit(s.ptr[i])) {
            value = (value * 10 + (uint32_t)(s.ptr[i] - '0')) & 0xff;
            any = true;
        } else if (any) {
            strbuf_addc(out, (char)value);
            value = 0;
            any = false;
        }
    }
}

static bool is_all_records(struct str text) {
    struct str line;
    struct record record;
    size_t lines = 0, others = 0;
    bool long_one = false;
    while (str_next_line(&text, &line)) {
        if (!str_trim(line).len)
            continue;
        lines++;
        if (!record_line(line, &record))
            others++;
        else
            long_one = long_one || str_contains(record.value, STR("\\n"));
        if (others > lines / RECORDED_ONE_OF)
            return false;
    }
    return lines > 1 || long_one;
}

static void add_records(struct strbuf *out, struct str text) {
    bool goes_on = false;
    for (struct str line; str_next_line(&text, &line);) {
        struct record record;
        if (!str_trim(line).len)
            continue;
        if (!record_line(line, &record)) {
            strbuf_add(out, line);
            strbuf_addc(out, '\n');
            continue;
        }
        size_t before = out->len;
        if (str_first(record.value) == '"')
            record_add_string(out, record.value);
        else
            record_add_bytes(out, record.value);
        bool ended = out->len > before && str_last(strbuf_str(out)) == '\n';
        if (!ended && !record.has_ends)
            strbuf_addc(out, '\n');
        goes_on = !ended && record.has_ends;
    }
    if (goes_on)
        strbuf_addc(out, '\n');
}

/* -- Quoted-printable -------------------------------------------------------------------------- */

static bool is_upper_hex(char c) {
    return char_is_digit(c) || (c >= 'A' && c <= 'F');
}

/* Lines that are short, some of which go on, and no "=" but in front of two digits. */
static bool is_quoted_printable(struct str text) {
    struct str line;
    bool soft = false;
    if (!memchr(text.ptr, '=', text.len))
        return false;
    while (str_next_line(&text, &line)) {
        if (line.len > PRINTABLE_MOST)
            return false;
        for (size_t i = 0; i < line.len; i++) {
            if (line.ptr[i] != '=')
                continue;
            if (i + 1 == line.len)
                soft = true;
            else if (i + 2 >= line.len || !is_upper_hex(line.ptr[i + 1]) ||
                     !is_upper_hex(line.ptr[i + 2]))
                return false;
        }
    }
    return soft;
}

static void add_printable(struct strbuf *out, struct str text) {
    for (struct str line; str_next_line(&text, &line);) {
        bool goes_on = false;
        for (size_t i = 0; i < line.len; i++) {
            uint64_t byte;
            goes_on = line.ptr[i] == '=' && i + 1 == line.len;
            if (line.ptr[i] == '=' && !goes_on &&
                num_hex((struct str){line.ptr + i + 1, 2}, &byte)) {
                strbuf_addc(out, (char)byte);
                i += 2;
            } else if (!goes_on) {
                strbuf_addc(out, line.ptr[i]);
            }
        }
        if (!goes_on)
            strbuf_addc(out, '\n');
    }
}

/* -- All of it --------------------------------------------------------------------------------- */

bool recorded_text_probe(struct str text) {
    return text.len && (is_all_records(text) || is_quoted_printable(text));
}

void recorded_text_add(struct strbuf *out, struct str text) {
    if (is_quoted_printable(text))
        add_printable(out, text);
    else
        add_records(out, text);
}
