#include "input/log/wrapped_text.h"

#include "base/chars.h"
#include "input/log/transcript.h"

#include <string.h>

#define WIDTH_LEAST 60u
#define WIDTH_MOST  80u
#define FIELDS_SEEN 40u
/* Blanks between two columns, of which wrapping leaves none. */
#define GAP_MOST 14u

/* -- The width --------------------------------------------------------------------------------- */

static struct str line_without_end(struct str line) {
    while (line.len && strchr(" \t\r", line.ptr[line.len - 1]))
        line.len--;
    return line;
}

/* Could the line have been wrapped? Not within its first word, however long that is. */
static bool could_be_wrapped(struct str line) {
    size_t at = 0;
    while (at < line.len && line.ptr[at] == ' ')
        at++;
    while (at < line.len && line.ptr[at] != ' ')
        at++;
    return at < line.len && at <= WIDTH_MOST;
}

/* The width at which all lines of the text may have been wrapped; 0: at none. */
static size_t wrapped_width(struct str text) {
    static const size_t widths[] = {72, 76, 78, WIDTH_MOST};
    size_t longest = 0;
    for (struct str line; str_next_line(&text, &line);) {
        line = line_without_end(line);
        if (line.len <= longest || !could_be_wrapped(line))
            continue;
        longest = line.len;
        if (longest > WIDTH_MOST)
            return 0;
    }
    for (size_t i = 0; longest >= WIDTH_LEAST && i < sizeof(widths) / sizeof(*widths); i++)
        if (longest <= widths[i])
            return widths[i];
    return 0;
}

/* -- How lines begin --------------------------------------------------------------------------- */

static bool is_ruled(struct str line) {
    size_t marks = 0;
    for (size_t i = 0; i < line.len; i++) {
        if (char_is_word(line.ptr[i]) && line.ptr[i] != '_')
            return false;
        marks += line.ptr[i] != ' ';
    }
    return marks >= 4;
}

static size_t digits_at(struct str s, size_t at) {
    size_t n = 0;
    while (at + n < s.len && char_is_digit(s.ptr[at + n]))
        n++;
    return n;
}

/* "0:000> k", "(lldb) bt", "$ pmap", "==4711== ", "#3 ", "at 0x4f", "->" */
static bool begins_anew(struct str line) {
    static const struct str marks[] = {STR_INIT("(lldb)"), STR_INIT("(gdb)"), STR_INIT("> "),
                                       STR_INIT("$ "),     STR_INIT("at 0x"), STR_INIT("by 0x"),
                                       STR_INIT("->")};
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
        if (str_starts(line, marks[i]))
            return true;
    size_t digits = digits_at(line, 0);
    if (digits && str_starts(str_drop(line, digits), STR(":")))
        return str_starts(str_drop(line, digits + 1 + digits_at(line, digits + 1)), STR(">"));
    if (str_starts(line, STR("==")) || str_starts(line, STR("--")))
        return digits_at(line, 2) > 0;
    digits = str_starts(line, STR("#")) ? digits_at(line, 1) : 0;
    return digits && str_starts(str_drop(line, 1 + digits), STR(" "));
}

/* "Mem Usage: 12", "Thread 3:" */
static bool is_label_line(struct str line) {
    if (line.len && line.len < 70 && line.ptr[line.len - 1] == ':')
        return true;
    if (!line.len || !char_is_letter(line.ptr[0]))
        return false;
    for (size_t i = 1; i + 1 < line.len && i <= 42; i++) {
        if (line.ptr[i] == ':')
            return line.ptr[i + 1] == ' ';
        if (!char_is_word(line.ptr[i]) && !strchr(" ./#()-", line.ptr[i]))
            return false;
    }
    return false;
}

/* What a field is: an address with so many digits, 'n' a number, 'w' a word. */
static char field_class(struct str field) {
    struct str digits = str_starts(field, STR("0x")) ? str_drop(field, 2) : field;
    size_t hex = 0, decimal = 0;
    while (hex < digits.len && (char_is_hex(digits.ptr[hex]) || digits.ptr[hex] == '`')) {
        decimal += char_is_digit(digits.ptr[hex]);
        hex++;
    }
    bool ends = hex == digits.len ||
                (hex + 1 == digits.len && (digits.ptr[hex] == ':' || digits.ptr[hex] == ')'));
    if (hex >= 6 && hex <= 17 && decimal && ends)
        return (char)('A' + hex);
    while (field.len && strchr("+(-", field.ptr[0]))
        field = str_drop(field, 1);
    return field.len && char_is_digit(field.ptr[0]) ? 'n' : 'w';
}

static size_t line_shape(struct str line, char shape[FIELDS_SEEN]) {
    size_t count = 0;
    for (struct str field; count < FIELDS_SEEN && (field = str_next_field(&line)).len;)
        shape[count++] = field_class(field);
    return count;
}

/* Both rows of one table: the same kinds of fields first, and about as many; or the same number. */
static bool are_alike(struct str line, struct str next) {
    char a[FIELDS_SEEN], b[FIELDS_SEEN];
    size_t count = line_shape(line, a), other = line_shape(next, b);
    size_t first = count < other ? count : other, apart = count + other - 2 * first;
    struct str one = str_next_field(&line), two = str_next_field(&next);
    bool as_long = one.len <= two.len + 3 && two.len <= one.len + 3;
    if (first && a[0] == b[0] && a[0] != 'w' && as_long)
        return true;
    return other >= 3 && apart <= 2 && memcmp(a, b, first < 3 ? first : 3) == 0;
}

/* -- All of it --------------------------------------------------------------------------------- */

/* Marks alone, or that rows were left out: nobody's rest. */
static bool stands_alone(struct str line) {
    const struct line whole = {.raw = line, .text = str_trim(line)};
    bool any = false;
    for (size_t i = 0; i < line.len && !any; i++)
        any = char_is_word(line.ptr[i]);
    return !any || transcript_is_elision(&whole);
}

/* Does the next line carry on with the one that began with `start` and stands there as `last`? */
static bool carries_on(struct str start, struct str last, struct str next, size_t width) {
    struct str rest = next, word = str_next_field(&rest);
    if (!last.len || !next.len || strchr(" \t", next.ptr[0]) || is_ruled(last) || is_ruled(next) ||
        last.len + 1 + word.len + GAP_MOST <= width)
        return false;
    return !begins_anew(next) && !stands_alone(next) && !is_label_line(next) &&
           !are_alike(start, next);
}

bool wrapped_text_add(struct strbuf *out, struct str text) {
    size_t width = wrapped_width(text), joined = 0, before = out->len;
    struct str line, start = {"", 0}, last = {"", 0};
    if (!width)
        return false;
    while (str_next_line(&text, &line)) {
        line = line_without_end(line);
        bool on = carries_on(start, last, line, width);
        if (out->len > before)
            strbuf_addc(out, on ? ' ' : '\n');
        strbuf_add(out, line);
        start = on ? start : line;
        last = line;
        joined += on;
    }
    strbuf_addc(out, '\n');
    if (!joined && !strbuf_failed(out)) {
        strbuf_clear(out);
        return false;
    }
    return true;
}
