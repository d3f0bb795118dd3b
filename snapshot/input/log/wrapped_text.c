#include "input/log/wrapped_text.h"

#include "base/chars.h"
#include "input/log/transcript.h"

#include <string.h>

#define WIDTH_LEAST 60u
/* Of a short text all lines may have been wrapped at long words. */
#define LONGEST_LEAST 40u
#define WIDTH_MOST    80u
#define FIELDS_SEEN   40u
/* So many lines are as long as the longest where a terminal cut them. */
#define FULL_LEAST  3u
#define FULL_NEARLY 7u
/* Blanks between two columns, of which wrapping leaves none. */
#define GAP_MOST 14u
/* Those of a column that is nearly empty, when other lines tell that a text was wrapped. */
#define BREAK_GAP_MOST 40u

/* -- The width --------------------------------------------------------------------------------- */

static struct str line_without_end(struct str line) {
    while (line.len && strchr(" \t\r", str_last(line)))
        line.len--;
    return line;
}

/* Had wrapping at this width left the line as it is? Within its first word it does not wrap. */
static bool fits_width(struct str line, size_t width) {
    size_t at = 0;
    while (at < line.len && line.ptr[at] == ' ')
        at++;
    while (at < line.len && line.ptr[at] != ' ')
        at++;
    return line.len <= width || at > width || at == line.len;
}

/* The length of the longest line that is no longer than `width`; 0: others would have been. */
static size_t longest_at(struct str text, size_t width) {
    size_t longest = 0;
    for (struct str line; str_next_line(&text, &line);) {
        line = line_without_end(line);
        if (!fits_width(line, width))
            return 0;
        if (line.len > longest && line.len <= width)
            longest = line.len;
    }
    return longest;
}

/* The least width at which all lines may have been wrapped; 0: at none. */
static size_t wrapped_width(struct str text, size_t *ret_longest) {
    static const size_t widths[] = {72, 76, 78, WIDTH_MOST};
    for (size_t i = 0; i < sizeof(widths) / sizeof(*widths); i++)
        if ((*ret_longest = longest_at(text, widths[i])) >= LONGEST_LEAST)
            return widths[i];
    return 0;
}

/* Of some lines; where most do, somebody padded them. */
static bool some_end_in_blanks(struct str text) {
    size_t lines = 0, padded = 0;
    bool any = false;
    for (struct str line; str_next_line(&text, &line);) {
        size_t shown = line_without_end(line).len;
        lines += shown > 0;
        any = any || (shown && shown < line.len);
        padded += shown > 0 && shown < line.len && str_last(line) != '\r';
    }
    return any && padded * 2 < lines;
}

bool wrapped_text_layout(struct str text, struct wrapped_layout *ret_layout) {
    struct wrapped_layout layout = {0};
    layout.width = wrapped_width(text, &layout.longest);
    if (!layout.width)
        return false;
    layout.blanks = some_end_in_blanks(text);
    *ret_layout = layout;
    return true;
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

/* "[System.Runtime]" above counters, and "[rollup]", "[Shop.dll]" behind a row. */
static bool is_in_brackets(struct str line) {
    return str_starts(line, STR("[")) && str_ends(line, STR("]")) && !str_contains(line, STR(" "));
}

/* What stands in the heading of a thread of HotSpot, and nowhere else in front. */
static bool is_of_java_thread(struct str line) {
    static const struct str marks[] = {
        STR_INIT("tid=0x"),      STR_INIT("nid="),       STR_INIT("cpu="),
        STR_INIT("elapsed="),    STR_INIT("os_prio="),   STR_INIT("prio="),
        STR_INIT("[0x"),         STR_INIT("waiting on"), STR_INIT("waiting for monitor"),
        STR_INIT("in Object.w"), STR_INIT("on cond"),    STR_INIT("condition "),
        STR_INIT("for monitor"), STR_INIT("monitor en"), STR_INIT("entry "),
        STR_INIT("runnable"),    STR_INIT("sleeping"),
    };
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
        if (str_starts(line, marks[i]))
            return true;
    return false;
}

/* "55a5053b9000-55a5053e8000 r--p 00000000 fe:00 4711", without a path. */
static bool is_range(struct str line) {
    struct str fields[6] = {{NULL, 0}};
    for (size_t i = 0; i < 6; i++)
        fields[i] = str_next_field(&line);
    size_t dash = str_find(fields[0], STR("-"), 0);
    return fields[4].len && !fields[5].len && dash != STR_NOT_FOUND &&
           str_is_hex(str_take(fields[0], dash)) && str_is_hex(str_drop(fields[0], dash + 1)) &&
           fields[1].len == 4 && strchr("ps", fields[1].ptr[3]);
}

/* Lines whose tool tells where they end: the next one is the rest, whatever it looks like. */
static bool is_known_rest(struct str start, struct str next) {
    char c = start.len > 3 && next.len ? str_first(start) : '\0';
    struct str trimmed = str_trim(start);
    if (c == '"') /* "main" #1 prio=5 os_prio=0 tid=0x... nid=8124 runnable  [0x...] */
        return str_contains(start, STR("prio=")) && !str_contains(start, STR("  [0x")) &&
               is_of_java_thread(next);
    if (is_range(start)) /* of addresses, and what is mapped there */
        return str_first(next) == '/' || str_first(next) == '[';
    if (c == 'g' && str_starts(start, STR("gc ")) && char_is_digit(start.ptr[3]))
        return str_contains(start, STR(" @")) && !str_ends(start, STR(" P")) &&
               !str_starts(next, STR("gc "));
    if (str_first(trimmed) == 'H')
        return str_starts(trimmed, STR("Heap shot ")) && str_ends(start, STR(","));
    return char_is_digit(str_first(trimmed)) && is_in_brackets(next);
}

/* "0:000> k", "(lldb) bt", "$ pmap", "==4711== ", "#3 ", "at 0x4f", "->", "[0x4f] main",
 * "[System.Runtime]" */
static bool begins_anew(struct str line) {
    static const struct str marks[] = {STR_INIT("(lldb)"), STR_INIT("(gdb)"), STR_INIT("> "),
                                       STR_INIT("$ "),     STR_INIT("at 0x"), STR_INIT("by 0x"),
                                       STR_INIT("->"),     STR_INIT("[0x"),   STR_INIT("Total ")};
    if (!line.len)
        return false;
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
        if (str_first(line) == str_first(marks[i]) && str_starts(line, marks[i]))
            return true;
    if (is_in_brackets(line))
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
    if (line.len && line.len < 70 && str_last(line) == ':')
        return true;
    if (!char_is_letter(str_first(line)))
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
    while (field.len && strchr("+(-", str_first(field)))
        field = str_drop(field, 1);
    return char_is_digit(str_first(field)) ? 'n' : 'w';
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
    if (begins_anew(line)) /* and the next does not */
        return false;
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

static bool is_address(struct str field) {
    char class = field_class(field);
    return class > 'A' + 7 && class < 'n' && char_is_hex(str_last(field));
}

/* "000007fedd1809a8 1 24 Shop.Order" below a heading, which has none itself. */
static bool is_first_row(struct str start, struct str next) {
    if (!is_address(str_next_field(&next)) || !str_next_field(&next).len)
        return false;
    for (struct str field; (field = str_next_field(&start)).len;)
        if (is_address(field))
            return false;
    return true;
}

#define STARTS_KEPT 8u

struct wrapping {
    size_t longest, width;
    struct str starts[STARTS_KEPT]; /* the last ones that were not joined, round and round */
    size_t lines;
    /* Where the line that goes on began, and its last part with the blanks at its end. */
    struct str start, last;
    enum wrapped_way way;
    bool blanks;
    size_t joined, known; /* of these it is known, whatever is read of them */
    bool sure;
};

/* "CLR thread 0xd holds" below "CLR thread 0xb holds", some lines above. */
static bool begins_as_before(const struct wrapping *w, struct str next) {
    struct str first = str_next_field(&next), second = str_next_field(&next);
    for (size_t i = 0; second.len && i < w->lines && i < STARTS_KEPT; i++) {
        struct str rest = w->starts[i];
        if (str_eq(str_next_field(&rest), first) && str_eq(str_next_field(&rest), second))
            return true;
    }
    return false;
}

/* With the blanks at its end, which tell more of what was wrapped; not those that fill a screen. */
static size_t length_with_blanks(const struct wrapping *w) {
    return w->blanks && w->last.len <= w->width ? w->last.len : line_without_end(w->last).len;
}

/* How many brackets of that kind are open at its end; SIZE_MAX: one is closed first. */
static size_t open_at_end(struct str line, char opens, char closes) {
    size_t open = 0;
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == closes && !open)
            return SIZE_MAX;
        open += line.ptr[i] == opens;
        open -= line.ptr[i] == closes;
    }
    return open;
}

/* "( 127.999" and "TB)": what is opened on one line and closed on the next. */
static bool closes_bracket(struct str last, struct str next) {
    static const char pairs[][2] = {{'(', ')'}, {'[', ']'}};
    for (size_t i = 0; i < 2; i++) {
        size_t open = open_at_end(last, pairs[i][0], pairs[i][1]);
        if (open && open != SIZE_MAX && open_at_end(next, pairs[i][0], pairs[i][1]) == SIZE_MAX)
            return true;
    }
    return false;
}

/* "100.00%", "25.00%    0.00%" */
static bool is_percentages(struct str line) {
    struct str field;
    bool any = false;
    while ((field = str_next_field(&line)).len) {
        if (!char_is_digit(str_first(field)) || !str_ends(field, STR("%")))
            return false;
        any = true;
    }
    return any;
}

/* "[/src/harbour/Crane.cs @ 36]", "../sysdeps/nptl/libc_start_call_main.h:58" */
static bool is_place(struct str line) {
    if (str_starts(line, STR("[")) && str_ends(line, STR("]")))
        return str_contains(line, STR(" @ "));
    size_t colon = str_find(line, STR(":"), 0);
    return (str_starts(line, STR("/")) || str_starts(line, STR("../"))) && colon != STR_NOT_FOUND &&
           digits_at(line, colon + 1) > 0;
}

/* "start_thread () from", and the library below. */
static bool ends_in_preposition(struct str line) {
    return str_ends(line, STR(" from")) || str_ends(line, STR(" at")) || str_ends(line, STR(" in"));
}

/* What no tool begins a line with, where the line before had no room for it. */
static bool is_sure_rest(struct str whole, struct str next) {
    char c = str_first(whole);
    if (closes_bracket(whole, next) || is_percentages(next))
        return true;
    if (is_ruled(next))
        return str_starts(whole, STR("--- ")) && !is_ruled(whole);
    if (c == '"') /* a thread of Java and what it waits for */
        return str_ends(whole, STR(" on")) || str_ends(whole, STR(" by")) ||
               str_starts(next, STR("Id="));
    return (c == '#' || char_is_digit(c)) && (is_place(next) || ends_in_preposition(whole));
}

/* Columns, as of a table. */
static bool has_gap(struct str line) {
    return str_contains(str_trim(line), STR("   "));
}

/* Does the next line carry on with the one before? */
static bool carries_on(struct wrapping *w, struct str next) {
    struct str last = line_without_end(w->last), rest = next, word = str_next_field(&rest);
    if (!last.len || !next.len || strchr(" \t", str_first(next)))
        return false;
    if (is_known_rest(w->start, next)) {
        w->known += !is_in_brackets(next);
        return true;
    }
    size_t both = length_with_blanks(w) + 1 + word.len;
    bool any = w->way == WRAPPED_ANY;
    bool loose = w->way == WRAPPED_LOOSE && has_gap(last);
    bool has_room = both + (loose ? GAP_MOST : 0) <= w->width;
    /* All of the line that goes on: its parts stand one behind the other. */
    struct str whole = {w->start.ptr, (size_t)(last.ptr + last.len - w->start.ptr)};
    if (both > w->width && is_sure_rest(str_trim(whole), next)) {
        w->known++;
        return true;
    }
    if (has_room && both <= w->longest) /* most lines; the rest takes longer to tell */
        return false;
    if (begins_anew(next) || (!any && (are_alike(w->start, next) || is_first_row(w->start, next) ||
                                       begins_as_before(w, next))))
        return false;
    bool on = !has_room && !is_ruled(last) && !is_ruled(next) && !stands_alone(next) &&
              (any || !is_label_line(next));
    /* It has to stand below, as it had no room; and what had none may be the rest of a line. */
    if (on ? both <= w->width : both > w->longest)
        w->sure = false;
    return on;
}

static void wrapped_see_line(struct wrapping *w, struct strbuf *joins, struct str raw) {
    struct str line = line_without_end(raw);
    bool on = carries_on(w, line);
    strbuf_addc(joins, on ? WRAPPED_ON : WRAPPED_NEW);
    w->start = on ? w->start : line;
    if (!on && line.len)
        w->starts[w->lines++ % STARTS_KEPT] = line;
    w->last = raw;
    w->joined += on;
}

bool wrapped_may_join(const struct wrapped_layout *layout, enum wrapped_way way) {
    switch (way) {
    case WRAPPED_LOOSE: /* gaps are guessed where lines are long enough */
        return layout->longest >= WIDTH_LEAST;
    case WRAPPED_STRICT: /* less than loose, which was not tried */
        return layout->longest < WIDTH_LEAST;
    case WRAPPED_WIDE: /* less than strict, but that more blanks count as length */
        return layout->blanks && layout->width < WIDTH_MOST;
    case WRAPPED_ANY:
    case WRAPPED_WAYS:
        break;
    }
    return true;
}

bool wrapped_text_joins(struct strbuf *joins, struct str text, const struct wrapped_layout *layout,
                        enum wrapped_way way, bool *ret_sure, size_t *ret_known) {
    struct wrapping w = {.longest = layout->longest,
                         .width = way == WRAPPED_WIDE ? WIDTH_MOST : layout->width,
                         .blanks = layout->blanks,
                         .way = way,
                         .sure = true};
    if (w.longest < WIDTH_LEAST)
        w.longest = WIDTH_LEAST;
    for (struct str line; str_next_line(&text, &line);)
        wrapped_see_line(&w, joins, line);
    *ret_sure = w.sure;
    *ret_known = w.known;
    return w.joined && !strbuf_failed(joins);
}

/* The blanks that stood where a line was wrapped: those that are left, or as many as it took. */
static size_t blanks_between(const struct wrapped_layout *layout, struct str last,
                             struct str next) {
    struct str rest = next;
    size_t shown = line_without_end(last).len, length = shown + str_next_field(&rest).len;
    if (layout->blanks && last.len <= layout->width)
        return last.len - shown + 1;
    if (length < layout->width && has_gap(last))
        return layout->width - length + 1;
    return is_in_brackets(next) ? 2 : 1; /* a column of its own */
}

void wrapped_text_join(struct strbuf *out, struct str text, const struct wrapped_layout *layout,
                       struct str joins) {
    struct str last = {NULL, 0};
    size_t at = 0;
    for (struct str raw; str_next_line(&text, &raw); last = raw, at++) {
        struct str line = line_without_end(raw);
        bool on = at < joins.len && joins.ptr[at] == WRAPPED_ON;
        if (at && !on)
            strbuf_addc(out, '\n');
        for (size_t i = on ? blanks_between(layout, last, line) : 0; i; i--)
            strbuf_addc(out, ' ');
        strbuf_add(out, line);
    }
    strbuf_addc(out, '\n');
}

/* -- Lines that are full ------------------------------------------------------------------- */

/* A rule is as long as a tool likes, and nothing goes on behind it. */
static bool is_full_line(struct str line, size_t width) {
    return line.len == width && !is_ruled(line);
}

struct full_lines {
    size_t width, full, marked;
    size_t nearly;  /* lines that are a few characters shorter: of what breaks at words most are */
    size_t in_word; /* lines that end within a word */
};

static struct full_lines find_full_lines(struct str text) {
    struct full_lines found = {.width = 0};
    struct str rest = text, last = {NULL, 0};
    for (struct str line; str_next_line(&rest, &line);)
        found.width = line.len > found.width && !is_ruled(line) ? line.len : found.width;
    for (struct str line; found.width && str_next_line(&text, &line); last = line) {
        found.full += is_full_line(line, found.width);
        found.marked += is_full_line(line, found.width) && line.ptr[found.width - 1] == '\\';
        found.nearly += line.len < found.width && line.len + FULL_NEARLY >= found.width;
        found.in_word += last.len == found.width && char_is_word(str_first(line)) &&
                         char_is_word(str_last(last));
    }
    return found;
}

bool wrapped_text_join_full(struct strbuf *out, struct str text, bool *ret_marked) {
    struct full_lines found = find_full_lines(text);
    *ret_marked = found.full && found.marked == found.full;
    bool folded = found.width >= WIDTH_LEAST && found.full >= FULL_LEAST && found.in_word &&
                  found.nearly * 3 <= found.full;
    if (!folded && !(*ret_marked && found.width >= LONGEST_LEAST))
        return false;
    for (struct str line; str_next_line(&text, &line);) {
        bool on = is_full_line(line, found.width);
        strbuf_add(out, str_take(line, line.len - (on && *ret_marked)));
        if (!on)
            strbuf_addc(out, '\n');
    }
    return true;
}

bool marked_text_probe(struct str text) {
    if (str_find(text, STR("\\\n"), 0) == STR_NOT_FOUND &&
        str_find(text, STR("\\\r\n"), 0) == STR_NOT_FOUND)
        return false;
    struct full_lines found = find_full_lines(text);
    return found.full && found.marked == found.full && found.width >= LONGEST_LEAST;
}

void marked_text_add(struct strbuf *out, struct str text) {
    bool marked;
    if (!wrapped_text_join_full(out, text, &marked))
        strbuf_add(out, text);
}

/* -- Kinds of breaks --------------------------------------------------------------------------- */

/* As field_class; of words also how they begin, of numbers whether they are percentages. */
static uint32_t break_class(struct str field) {
    char class = field_class(field);
    if (class == 'n' && str_ends(field, STR("%")))
        return '%';
    if (class != 'w' || !field.len)
        return (unsigned char)class;
    char c = str_first(field);
    if (char_is_letter(c))
        return c >= 'a' && c <= 'z' ? 'a' : 'W';
    return (unsigned char)c;
}

uint32_t wrapped_break_kind(const struct wrapped_layout *layout, struct str last, struct str next) {
    struct str line = line_without_end(next), rest = line, before = line_without_end(last);
    if (!before.len || !line.len || strchr(" \t", str_first(line)) || begins_anew(line) ||
        is_ruled(line) != is_ruled(before) || (!is_ruled(line) && stands_alone(line)) ||
        is_first_row(before, line) ||
        (!char_is_letter(str_first(line)) && !is_ruled(line) && are_alike(before, line)))
        return 0;
    struct str word = str_next_field(&rest), first = before;
    size_t length = layout->blanks && last.len <= layout->width ? last.len : before.len;
    bool has_room = length + 1 + word.len <= layout->width;
    if (has_room && (layout->blanks || before.len < LONGEST_LEAST || !has_gap(before) ||
                     length + 1 + word.len + BREAK_GAP_MOST <= layout->width))
        return 0;
    uint32_t fields = 1;
    while (fields < 4 && str_next_field(&rest).len)
        fields++;
    size_t at = before.len;
    while (at && before.ptr[at - 1] != ' ')
        at--;
    return 1u | (uint32_t)has_room << 1 | fields << 2 | break_class(word) << 8 |
           break_class(str_next_field(&first)) << 16 | break_class(str_drop(before, at)) << 24;
}
