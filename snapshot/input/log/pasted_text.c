#include "input/log/pasted_text.h"

#include "base/chars.h"
#include "base/num.h"

#include <string.h>

/* -- Is there any? ----------------------------------------------------------------------------- */

#define ASCII_BLOCK 64u

static bool has_non_ascii(struct str text) {
    size_t i = 0;
    unsigned char all = 0;
    for (; i + ASCII_BLOCK <= text.len; i += ASCII_BLOCK) {
        uint64_t x[ASCII_BLOCK / 8];
        memcpy(x, text.ptr + i, sizeof(x));
        if (((x[0] | x[1]) | (x[2] | x[3]) | (x[4] | x[5]) | (x[6] | x[7])) & 0x8080808080808080u)
            return true;
    }
    for (; i < text.len; i++)
        all |= (unsigned char)text.ptr[i];
    return all >= 0x80;
}

/* A CR in a piece of the text that ends a line by itself. */
static bool has_lone_cr(struct str text, struct str piece) {
    const char *end = piece.ptr + piece.len, *text_end = text.ptr + text.len;
    for (const char *at = piece.ptr; at < end && (at = memchr(at, '\r', (size_t)(end - at))); at++)
        if (at + 1 < text_end && at[1] != '\n')
            return true;
    return false;
}

/* What else tells, by the rarest character of each in what debuggers print. */
static const struct pasted_marks {
    char rare;
    uint8_t before;      /* [bytes] in front of it in the marks */
    struct str marks[6]; /* up to an empty one */
} pasted_marks[] = {
    {'*', 0, {STR_INIT("**")}},
    {'<',
     0,
     {STR_INIT("</"), STR_INIT("<br"), STR_INIT("<BR"), STR_INIT("<pre"), STR_INIT("<code"),
      STR_INIT("<span")}},
    {'|', 0, {STR_INIT("|-"), STR_INIT("| -"), STR_INIT("|:-")}},
    {'\\', 0, {STR_INIT("\\_"), STR_INIT("\\[")}},
    {'-', 8, {STR_INIT("SUMMARY ---")}},
};

/* Does one of the marks stand where its rare character does? */
static bool is_mark_at(struct str text, size_t at, const struct pasted_marks *m) {
    if (at < m->before)
        return false;
    struct str rest = str_drop(text, at - m->before);
    for (size_t i = 0; i < sizeof(m->marks) / sizeof(*m->marks) && m->marks[i].len; i++)
        if (rest.len > 1 && rest.ptr[1] == m->marks[i].ptr[1] && str_starts(rest, m->marks[i]))
            return true;
    return false;
}

/* Most '<' stand in names of generic types, before another name: no mark begins so, but "<BR". */
static bool is_type_argument(const char *at, const char *text_end) {
    return *at == '<' && text_end - at > 1 && at[1] >= 'A' && at[1] <= 'Z' && at[1] != 'B';
}

/* Does one begin in that piece of the text? */
static bool has_mark(struct str text, struct str piece) {
    const char *end = piece.ptr + piece.len, *text_end = text.ptr + text.len;
    for (size_t i = 0; i < sizeof(pasted_marks) / sizeof(*pasted_marks); i++) {
        const struct pasted_marks *m = &pasted_marks[i];
        for (const char *at = piece.ptr; at < end && (at = memchr(at, m->rare, (size_t)(end - at)));
             at++)
            if (!is_type_argument(at, text_end) && is_mark_at(text, (size_t)(at - text.ptr), m))
                return true;
    }
    return false;
}

/* -- Blank lines ------------------------------------------------------------------------------- */

/* Lines in a row with blank ones between them, until that is no accident. */
#define SPACED_LEAST 5u

static bool is_blank_line(struct str line) {
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r')
            return false;
    return true;
}

/*
 * How long the block is with which the text begins, if it was set with a blank line behind each
 * line, as mailers and pages do: an odd number of blank lines behind every line of text. 0: it was
 * not. [bytes] without the blank lines behind its last.
 */
static size_t spaced_block(struct str text) {
    size_t lines = 0, blanks = 0, end = 0;
    struct str rest = text, line;
    while (str_next_line(&rest, &line)) {
        if (is_blank_line(line)) {
            blanks++;
            if (!lines)
                break;
            continue;
        }
        if (lines && blanks % 2 == 0)
            break;
        end = (size_t)(line.ptr + line.len - text.ptr);
        lines++;
        blanks = 0;
    }
    return lines >= SPACED_LEAST ? end : 0;
}

/* Does such a block begin with the line that ends at `at`, before a blank one? */
static bool is_spaced_from(struct str text, size_t at) {
    struct str behind = str_drop(text, at + 1);
    size_t begin = at;
    if (!str_starts(behind, STR("\n")) && !str_starts(behind, STR("\r\n")))
        return false;
    while (begin > 0 && text.ptr[begin - 1] != '\n')
        begin--;
    return begin < at && spaced_block(str_drop(text, begin));
}

/* -- Quotes ------------------------------------------------------------------------------------ */

/* Lines in a row that begin with the same mark, until they are a quotation. */
#define QUOTED_LEAST 4u

/* ">" of a mail, "# " of who comments a text out: its length; 0: the line is not quoted. */
static size_t quote_mark(struct str line, char mark) {
    if (!line.len || str_first(line) != mark)
        return 0;
    return mark == '>' ? 1 : line.len == 1 ? 1 : line.ptr[1] == ' ' ? 2 : 0;
}

/*
 * How long the quotation is with which the text begins; 0: it is none. A line alone that begins so
 * is the prompt of a debugger. *ret_blank: a blank behind each mark belongs to it.
 */
static size_t quoted_block(struct str text, char *ret_mark, bool *ret_blank) {
    struct str rest = text, line;
    char mark =
        text.len && (str_first(text) == '>' || str_first(text) == '#') ? str_first(text) : '\0';
    size_t lines = 0, length;
    bool blank = true;
    while (mark && str_next_line(&rest, &line) && (length = quote_mark(line, mark))) {
        lines++;
        blank = blank && (is_blank_line(str_drop(line, length)) || line.ptr[length] == ' ');
        *ret_mark = mark;
        *ret_blank = blank && mark == '>';
        if (!rest.len)
            return lines >= QUOTED_LEAST ? text.len : 0;
    }
    return lines >= QUOTED_LEAST ? (size_t)(line.ptr - text.ptr) : 0;
}

static bool quote_begins(struct str rest) {
    return str_starts(rest, STR(">")) || str_starts(rest, STR("# "));
}

/* The end of the line behind a run of lines that all begin as the one behind `at` does. */
static size_t behind_quotes(struct str text, size_t at) {
    struct str begin = str_take(str_drop(text, at), text.ptr[at + 1] == '>' ? 2 : 3);
    while (at < text.len && str_starts(str_drop(text, at), begin))
        at = str_find(text, STR("\n"), at + 1);
    return at;
}

/* Is anything quoted, or, if that is asked, spaced? One pass over the ends of lines. */
static bool has_block(struct str text, bool or_spaced) {
    char mark;
    bool blank;
    size_t looked_at = 0; /* quotes up to here are none */
    if (quoted_block(text, &mark, &blank))
        return true;
    const char *end = text.ptr + text.len;
    for (const char *p = text.ptr; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++) {
        size_t at = (size_t)(p - text.ptr);
        char next = p + 1 < end ? p[1] : '\0';
        if (next == '\n' || next == '\r') {
            if (or_spaced && is_spaced_from(text, at))
                return true;
        } else if ((next == '>' || next == '#') && at >= looked_at &&
                   quote_begins(str_drop(text, at + 1))) {
            if (quoted_block(str_drop(text, at + 1), &mark, &blank))
                return true;
            looked_at = behind_quotes(text, at);
        }
    }
    return false;
}

static void pasted_add_unquoted(struct strbuf *out, struct str text) {
    while (text.len) {
        char mark;
        bool blank;
        size_t size = quoted_block(text, &mark, &blank);
        struct str block = str_take(text, size), line;
        while (block.len && str_next_line(&block, &line)) {
            line = str_drop(line, quote_mark(line, mark));
            strbuf_add(out, blank && str_first(line) == ' ' ? str_drop(line, 1) : line);
            strbuf_addc(out, '\n');
        }
        text = str_drop(text, size);
        const char *end = size ? NULL : memchr(text.ptr, '\n', text.len);
        size_t rest = size ? 0 : end ? (size_t)(end - text.ptr) + 1 : text.len;
        strbuf_add(out, str_take(text, rest));
        text = str_drop(text, rest);
    }
}

/* So much is looked at for one thing after the other before it has left the processor's cache. */
#define PIECE_BYTES ((size_t)16 * 1024)

bool pasted_text_probe(struct str text) {
    for (size_t at = 0; at < text.len; at += PIECE_BYTES) {
        struct str piece = str_take(str_drop(text, at), PIECE_BYTES);
        if (has_non_ascii(piece) || memchr(piece.ptr, '&', piece.len) ||
            memchr(piece.ptr, 0x1b, piece.len) || has_lone_cr(text, piece) || has_mark(text, piece))
            return true;
    }
    return text.len && has_block(text, true);
}

/* -- Characters -------------------------------------------------------------------------------- */

/* The code point at the start of s and its length in bytes; of broken UTF-8 one byte as it is. */
static uint32_t code_at(struct str s, size_t *ret_length) {
    unsigned char c = (unsigned char)str_first(s);
    size_t length = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 0;
    *ret_length = 1;
    if (length < 2 || s.len < length || str_utf8_valid(str_take(s, length)) != length)
        return c;
    uint32_t code = c & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++)
        code = code << 6 | ((unsigned char)s.ptr[i] & 0x3f);
    *ret_length = length;
    return code;
}

static bool is_blank_code(uint32_t code) {
    return code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x202f ||
           code == 0x205f || code == 0x3000;
}

static bool is_no_width(uint32_t code) {
    return code == 0xad || code == 0x34f || code == 0x61c || code == 0x180e ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

static bool is_dash(uint32_t code) {
    return (code >= 0x2010 && code <= 0x2015) || code == 0x2212 || code == 0xfe58 ||
           code == 0xfe63 || code == 0xff0d;
}

/* '\'' or '"', '\0': it is no quote. */
static char quote_of(uint32_t code) {
    if ((code >= 0x2018 && code <= 0x201b) || code == 0x2032)
        return '\'';
    return (code >= 0x201c && code <= 0x201f) || code == 0x2033 ? '"' : '\0';
}

static bool is_line_end(uint32_t code) {
    return code == 0x85 || code == 0x2028 || code == 0x2029;
}

/* -- A line ------------------------------------------------------------------------------------ */

struct pasted {
    struct strbuf *out;
    struct str line;   /* being read */
    size_t at;         /* in it */
    size_t start;      /* of the line that is being written */
    size_t before;     /* of the one written before */
    bool separators;   /* blanks of Unicode in this line separate thousands */
    size_t path_at;    /* in it: where a path of Windows begins, whose backslashes mark nothing */
    bool in_table;     /* between the bars of a Markdown table */
    bool bold;         /* behind an opening "**" */
    size_t bold_start; /* in the line: of what is bold */
};

static char char_before(const struct pasted *p) {
    return p->at ? p->line.ptr[p->at - 1] : '\0';
}

static char char_behind(const struct pasted *p, size_t length) {
    return p->at + length < p->line.len ? p->line.ptr[p->at + length] : '\0';
}

static void pasted_end_line(struct pasted *p) {
    strbuf_addc(p->out, '\n');
    p->before = p->start;
    p->start = p->out->len;
}

/* Three digits and no fourth: a group of a number. */
static bool pasted_is_group(struct str s) {
    return s.len >= 3 && char_is_digit(str_first(s)) && char_is_digit(s.ptr[1]) &&
           char_is_digit(s.ptr[2]) && (s.len == 3 || !char_is_digit(s.ptr[3]));
}

/*
 * Does every blank of Unicode in the line stand between a digit and a group of three? Then it is
 * how its culture writes numbers. Where pages made all blanks of a line so, others are elsewhere.
 */
static bool only_separators(struct str line) {
    bool any = false;
    for (size_t i = 0, length; i < line.len; i += length) {
        if (!is_blank_code(code_at(str_drop(line, i), &length)) || length == 1)
            continue;
        if (!i || !char_is_digit(line.ptr[i - 1]) || !pasted_is_group(str_drop(line, i + length)))
            return false;
        any = true;
    }
    return any;
}

static bool pasted_take_code(struct pasted *p) {
    size_t length;
    uint32_t code = code_at(str_drop(p->line, p->at), &length);
    char before = char_before(p), behind = char_behind(p, length), quote = quote_of(code);
    if (length == 1 && code != 0x1b)
        return false;
    if (is_blank_code(code))
        strbuf_adds(p->out, p->separators ? "\xc2\xa0" : " ");
    else if (is_line_end(code))
        pasted_end_line(p);
    else if (is_dash(code) && !(char_is_letter(before) && char_is_letter(behind)))
        strbuf_addc(p->out, '-');
    else if (code == 0x2018 && char_is_word(before) && char_is_digit(behind))
        strbuf_addc(p->out, '`'); /* List`1 */
    else if (quote &&
             !(char_is_digit(before) && pasted_is_group(str_drop(p->line, p->at + length))))
        strbuf_addc(p->out, quote);
    else if (code == 0x1b && behind == '[') {
        while (p->at + length < p->line.len && !char_is_letter(p->line.ptr[p->at + length]))
            length++;
        length++; /* the letter that ends it */
    } else if (!is_no_width(code))
        strbuf_add(p->out, str_take(str_drop(p->line, p->at), length));
    p->at += length;
    return true;
}

/* "&lt;" and the like. */
static bool pasted_take_entity(struct pasted *p) {
    static const struct {
        struct str name;
        const char *text;
    } names[] = {
        {STR_INIT("&nbsp;"), " "},  {STR_INIT("&lt;"), "<"},    {STR_INIT("&gt;"), ">"},
        {STR_INIT("&amp;"), "&"},   {STR_INIT("&quot;"), "\""}, {STR_INIT("&apos;"), "'"},
        {STR_INIT("&#39;"), "'"},   {STR_INIT("&#x27;"), "'"},  {STR_INIT("&#160;"), " "},
        {STR_INIT("&#xa0;"), " "},  {STR_INIT("&#34;"), "\""},  {STR_INIT("&#60;"), "<"},
        {STR_INIT("&#62;"), ">"},   {STR_INIT("&#38;"), "&"},   {STR_INIT("&#96;"), "`"},
        {STR_INIT("&#x60;"), "`"},  {STR_INIT("&ndash;"), "-"}, {STR_INIT("&mdash;"), "-"},
        {STR_INIT("&#8211;"), "-"}, {STR_INIT("&#8212;"), "-"}, {STR_INIT("&hellip;"), "..."},
        {STR_INIT("&shy;"), ""},    {STR_INIT("&ensp;"), " "},  {STR_INIT("&emsp;"), " "},
    };
    struct str rest = str_drop(p->line, p->at);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (!str_starts(rest, names[i].name))
            continue;
        strbuf_adds(p->out, names[i].text);
        p->at += names[i].name.len;
        return true;
    }
    return false;
}

/*
 * A tag that marks up text. What ends one is no part of a name; what opens one may be ("Pair<b>"),
 * unless it stands where no name can go on.
 */
static bool pasted_take_tag(struct pasted *p) {
    static const char *const lines[] = {"br", "p", "div", "tr", "pre", "li", "table", "ul", "ol"};
    static const char *const cells[] = {"td", "th"};
    static const char *const inside[] = {"b",     "i",          "u",    "em",  "strong", "code",
                                         "span",  "font",       "tt",   "kbd", "small",  "tbody",
                                         "thead", "blockquote", "mark", "s",   "a"};
    struct str rest = str_drop(p->line, p->at + 1);
    size_t close = str_find(str_take(rest, 512), STR(">"), 0);
    bool ends = str_starts(rest, STR("/")) || str_starts_nocase(rest, STR("br>")) ||
                str_starts_nocase(rest, STR("br/>")) || str_starts_nocase(rest, STR("br />"));
    char before = char_before(p);
    if (close == STR_NOT_FOUND ||
        (!ends && (char_is_word(before) || before == '`' || before == ',')))
        return false;
    ends = str_starts(rest, STR("/"));
    struct str tag = str_drop(str_take(rest, close), ends), name = str_next_field(&tag);
    if (str_ends(name, STR("/")))
        name = str_take(name, name.len - 1);
    bool has_attributes = str_contains(tag, STR("=")) || str_eq(str_trim(tag), STR("/"));
    if (str_trim(tag).len && !has_attributes)
        return false;
    if (STR_IS_ONE_OF_NOCASE(name, lines)) {
        bool last = p->at + close + 2 >= p->line.len; /* the line ends there by itself */
        if (p->out->len > p->start && !last)
            pasted_end_line(p);
    } else if (STR_IS_ONE_OF_NOCASE(name, cells)) {
        strbuf_addc(p->out, ' ');
    } else if (!STR_IS_ONE_OF_NOCASE(name, inside)) {
        return false;
    }
    p->at += close + 2;
    return true;
}

/* Two rows on one line: both begin with a number of as many digits. */
static bool rows_are_joined(struct str first, struct str second) {
    struct str a = str_next_field(&first), b = str_next_field(&second);
    return a.len >= 6 && a.len == b.len && str_is_hex(a) && str_is_hex(b);
}

/* "**": opens in front of a word and closes behind one; "Char**" is a type. */
static bool pasted_take_bold(struct pasted *p) {
    struct str rest = str_drop(p->line, p->at + 2);
    if (!str_starts(str_drop(p->line, p->at), STR("**")) || str_starts(rest, STR("*")))
        return false;
    if (!p->bold) {
        char before = char_before(p);
        if ((before && before != ' ' && before != '\t' && before != '>') || !rest.len ||
            str_first(rest) == ' ' || !str_contains(rest, STR("**")))
            return false;
        p->bold_start = p->at + 2;
    } else if (rows_are_joined(str_take(str_drop(p->line, p->bold_start), p->at - p->bold_start),
                               rest)) {
        pasted_end_line(p);
    }
    p->bold = !p->bold;
    p->at += 2;
    return true;
}

/* Markdown's backslash in front of what it would take for a mark; brackets end a path. */
static bool pasted_take_escape(struct pasted *p) {
    const char *marks = p->at < p->path_at ? "_[]<>*`|#" : "[]<>`|";
    char behind = char_behind(p, 1);
    if (!behind || !strchr(marks, behind))
        return false;
    strbuf_addc(p->out, behind);
    p->at += 2;
    return true;
}

static void pasted_take_char(struct pasted *p) {
    char c = p->line.ptr[p->at];
    bool taken = ((unsigned char)c >= 0x80 || c == 0x1b) && pasted_take_code(p);
    taken = taken || (c == '&' && pasted_take_entity(p)) || (c == '<' && pasted_take_tag(p)) ||
            (c == '*' && pasted_take_bold(p)) || (c == '\\' && pasted_take_escape(p));
    if (taken)
        return;
    strbuf_addc(p->out, c == '|' && p->in_table ? ' ' : c);
    p->at++;
}

/* -- Tables of Markdown ------------------------------------------------------------------------ */

/* "|----|:---:|", "--- | ---" */
static bool is_table_rule(struct str line) {
    size_t bars = 0, dashes = 0;
    line = str_trim(line);
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (c != '|' && c != '-' && c != ':' && c != ' ')
            return false;
        bars += c == '|';
        dashes += c == '-';
    }
    return bars && dashes >= 3;
}

static void blank_bars(struct strbuf *out, size_t from, size_t to) {
    for (size_t i = from; i < to && !strbuf_failed(out); i++)
        if (out->ptr[i] == '|')
            out->ptr[i] = ' ';
}

/* -- All of it --------------------------------------------------------------------------------- */

/* Where a heading "------ Type SUMMARY ------" begins behind something else; 0: nowhere. */
static size_t heading_inside(struct str line) {
    size_t word = str_find(line, STR("SUMMARY ---"), 0);
    size_t rule = str_find(line, STR(" -----"), 0);
    if (word == STR_NOT_FOUND || rule == STR_NOT_FOUND || rule > word)
        return 0;
    return str_trim(str_take(line, rule)).len ? rule : 0;
}

static void pasted_add_line(struct pasted *p, struct str line) {
    static const char odd[] = "&<*\\|\x1b";
    p->line = line;
    p->at = 0;
    p->bold = false;
    if (is_table_rule(line)) {
        blank_bars(p->out, p->before, p->start);
        p->before = p->start; /* one heading has one rule: a second blanks nothing more */
        p->in_table = true;
        return; /* the rule itself says nothing */
    }
    p->in_table = p->in_table && str_contains(line, STR("|"));
    p->separators = only_separators(line);
    p->path_at = str_find(line, STR(":\\"), 0);
    size_t plain = 0;
    while (plain < line.len && (unsigned char)line.ptr[plain] < 0x80 &&
           !memchr(odd, line.ptr[plain], sizeof(odd) - 1))
        plain++;
    strbuf_add(p->out, str_take(line, plain));
    for (p->at = plain; p->at < line.len;)
        pasted_take_char(p);
    pasted_end_line(p);
}

/* Up to LF, CRLF or a CR alone. */
static struct str pasted_next_line(struct str *rest) {
    size_t end = 0;
    while (end < rest->len && rest->ptr[end] != '\n' && rest->ptr[end] != '\r')
        end++;
    struct str line = str_take(*rest, end);
    size_t mark = str_starts(str_drop(*rest, end), STR("\r\n")) ? 2 : 1;
    *rest = str_drop(*rest, end + mark);
    return line;
}

static void add_printed(struct strbuf *out, struct str text) {
    struct pasted p = {.out = out, .start = out->len, .before = out->len};
    const char *spaced_to = text.ptr; /* a spaced block ends here */
    size_t blanks = 0;                /* [count] in a row */
    while (text.len) {
        if (text.ptr >= spaced_to)
            spaced_to = text.ptr + spaced_block(text);
        struct str line = pasted_next_line(&text);
        blanks = is_blank_line(line) ? blanks + 1 : 0;
        if (blanks % 2 && line.ptr < spaced_to)
            continue;
        size_t heading = heading_inside(line);
        if (heading)
            pasted_add_line(&p, str_take(line, heading));
        pasted_add_line(&p, str_drop(line, heading));
    }
}

/* Answers quote answers: a few marks may stand behind one another. */
#define QUOTES_MOST 3

void pasted_text_add(struct strbuf *out, struct str text) {
    struct strbuf plain[2];
    strbuf_init(&plain[0]);
    strbuf_init(&plain[1]);
    for (int i = 0; i < QUOTES_MOST && has_block(text, false); i++) {
        struct strbuf *to = &plain[i % 2];
        strbuf_clear(to);
        pasted_add_unquoted(to, text);
        text = strbuf_str(to);
    }
    add_printed(out, text);
    for (size_t i = 0; i < 2; i++) {
        if (strbuf_failed(&plain[i]))
            strbuf_fail(out, &plain[i].err);
        strbuf_deinit(&plain[i]);
    }
}
