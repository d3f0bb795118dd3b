#include "input/log/html_text.h"

#include "base/chars.h"
#include "base/num.h"
#include "input/log/transcript.h"

static bool html_text_is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_mht(struct str text) {
    struct str head = str_take(text, 4096);
    return (str_starts_nocase(head, STR("From:")) ||
            str_starts_nocase(head, STR("MIME-Version:")) ||
            str_starts_nocase(head, STR("Content-"))) &&
           str_contains(head, STR("text/html"));
}

bool html_text_probe(struct str text) {
    text = str_take(text, 8192);
    while (text.len && html_text_is_blank(str_first(text)))
        text = str_drop(text, 1);
    return str_starts_nocase(text, STR("<!doctype html")) ||
           str_starts_nocase(text, STR("<html")) || is_mht(text);
}

/* -- Quoted-printable -------------------------------------------------------------------------- */

/* "=3D" is '=', and "=" at the end of a line joins it with the next. */
static void add_unquoted(struct strbuf *out, struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        uint64_t code;
        struct str after = str_drop(text, i + 1);
        if (text.ptr[i] != '=') {
            strbuf_addc(out, text.ptr[i]);
        } else if (str_starts(after, STR("\r\n"))) {
            i += 2;
        } else if (str_starts(after, STR("\n"))) {
            i += 1;
        } else if (after.len >= 2 && num_hex(str_take(after, 2), &code) && code) {
            strbuf_addc(out, (char)code);
            i += 2;
        } else {
            strbuf_addc(out, '=');
        }
    }
}

/* -- Tags -------------------------------------------------------------------------------------- */

struct page {
    struct strbuf *out;
    struct str rest;
    bool pre, line_open; /* something stands in the current line */
    size_t pre_lines;    /* [count] lines that ended in it */
    bool blank;          /* a blank is due in front of what comes next */
};

static void new_line(struct page *p) {
    if (p->line_open)
        strbuf_addc(p->out, '\n');
    p->line_open = p->blank = false;
}

static void html_text_put(struct page *p, char c) {
    if (p->blank && p->line_open)
        strbuf_addc(p->out, ' ');
    p->blank = false;
    p->line_open = true;
    strbuf_addc(p->out, c);
}

/* Goes behind "</name", or to the end. */
static void skip_element(struct page *p, struct str name) {
    size_t at = 0;
    while ((at = str_find(p->rest, STR("</"), at)) != STR_NOT_FOUND) {
        if (str_starts_nocase(str_drop(p->rest, at + 2), name))
            break;
        at += 2;
    }
    p->rest = str_drop(p->rest, at);
}

/* A tag, comment or declaration; p->rest begins with its '<'. */
static void take_tag(struct page *p) {
    static const char *const lines[] = {"tr", "p",  "div",   "br",    "h1", "h2", "h3",
                                        "h4", "h5", "h6",    "table", "li", "ul", "ol",
                                        "hr", "dt", "title", "body",  "dd"};
    static const char *const cells[] = {"td", "th"};
    static const char *const hidden[] = {"script", "style"};
    if (str_starts(p->rest, STR("<!--"))) {
        size_t end = str_find(p->rest, STR("-->"), 4);
        p->rest = end == STR_NOT_FOUND ? str_take(p->rest, 0) : str_drop(p->rest, end + 3);
        return;
    }
    size_t close = str_find(p->rest, STR(">"), 0);
    struct str tag = str_drop(str_take(p->rest, close), 1);
    bool ends = str_starts(tag, STR("/"));
    tag = str_drop(tag, ends);
    size_t n = 0;
    while (n < tag.len && (char_is_letter(tag.ptr[n]) || char_is_digit(tag.ptr[n])))
        n++;
    struct str name = str_take(tag, n);
    p->rest = close == STR_NOT_FOUND ? str_take(p->rest, 0) : str_drop(p->rest, close + 1);
    if (str_eq_nocase(name, STR("pre"))) {
        new_line(p);
        if (p->pre && ends && p->pre_lines > 1) {
            strbuf_addc(p->out, TRANSCRIPT_BLOCK_END);
            strbuf_addc(p->out, '\n');
        }
        p->pre = !ends;
        p->pre_lines = 0;
    } else if (STR_IS_ONE_OF_NOCASE(name, lines)) {
        new_line(p);
    } else if (STR_IS_ONE_OF_NOCASE(name, cells)) {
        p->blank = true;
    } else if (!ends && STR_IS_ONE_OF_NOCASE(name, hidden)) {
        skip_element(p, name);
    }
}

/* -- Text -------------------------------------------------------------------------------------- */

/* "&lt;", "&#39;": the character and its length in the page; 0: it is none. */
static size_t entity(struct str text, char *ret_char) {
    static const struct {
        struct str name;
        char c;
    } names[] = {
        {STR_INIT("&nbsp;"), ' '}, {STR_INIT("&lt;"), '<'},   {STR_INIT("&gt;"), '>'},
        {STR_INIT("&amp;"), '&'},  {STR_INIT("&quot;"), '"'}, {STR_INIT("&apos;"), '\''},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (str_starts(text, names[i].name)) {
            *ret_char = names[i].c;
            return names[i].name.len;
        }
    }
    size_t end = str_find(str_take(text, 8), STR(";"), 0);
    uint64_t code;
    if (end == STR_NOT_FOUND || end < 3 || text.ptr[1] != '#' ||
        !num_dec(str_drop(str_take(text, end), 2), &code) ||
        !((code >= 32 && code < 127) || code == 160))
        return 0;
    *ret_char = code == 160 ? ' ' : (char)code;
    return end + 1;
}

static void html_text_take_text(struct page *p) {
    char c = str_first(p->rest);
    size_t length = c == '&' ? entity(p->rest, &c) : 1;
    if (length == 0)
        length = 1;
    p->rest = str_drop(p->rest, length);
    if (p->pre && c == '\n') {
        strbuf_addc(p->out, '\n');
        p->line_open = p->blank = false;
        p->pre_lines++;
    } else if (p->pre && c != '\r') {
        html_text_put(p, c);
    } else if (html_text_is_blank(c)) {
        p->blank = true;
    } else {
        html_text_put(p, c);
    }
}

static void add_page(struct strbuf *out, struct str text) {
    struct page p = {.out = out, .rest = text};
    while (p.rest.len) {
        char next = p.rest.len > 1 ? p.rest.ptr[1] : '\0';
        if (str_first(p.rest) == '<' &&
            (char_is_letter(next) || next == '/' || next == '!' || next == '?'))
            take_tag(&p);
        else
            html_text_take_text(&p);
    }
    new_line(&p);
}

void html_text_add(struct strbuf *out, struct str page) {
    struct strbuf unquoted;
    strbuf_init(&unquoted);
    if (is_mht(page)) {
        /* Other parts, images mostly, come behind. */
        size_t start = str_find(page, STR("<html"), 0);
        start = start == STR_NOT_FOUND ? str_find(page, STR("<HTML"), 0) : start;
        bool quoted = str_contains(str_take(page, 65536), STR("quoted-printable"));
        page = str_drop(page, start);
        if (quoted) {
            add_unquoted(&unquoted, page);
            page = strbuf_str(&unquoted);
        }
    }
    add_page(out, page);
    strbuf_fail(out, &unquoted.err);
    strbuf_deinit(&unquoted);
}
