#include "diff/report/fmt.h"

#include "base/chars.h"
#include "base/civil.h"
#include "diff/names/names.h"

#include <math.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NS_PER_S UINT64_C(1000000000)

static const char *none(char buf[FMT_MAX]) {
    snprintf(buf, FMT_MAX, "-");
    return buf;
}

const char *fmt_count(uint64_t count, char buf[FMT_MAX]) {
    return count == ABSENT ? none(buf) : human_count(count, buf);
}

const char *fmt_bytes(uint64_t bytes, char buf[FMT_MAX]) {
    return bytes == ABSENT ? none(buf) : human_bytes(bytes, buf);
}

const char *fmt_bytes_pair(uint64_t from, uint64_t to, char buf[FMT_MAX]) {
    char a[FMT_MAX], b[FMT_MAX];
    fmt_bytes(from, a);
    fmt_bytes(to, b);
    const char *unit_a = strchr(a, ' '), *unit_b = strchr(b, ' ');
    int length = unit_a && unit_b && strcmp(unit_a, unit_b) == 0 ? (int)(unit_a - a) : FMT_MAX;
    snprintf(buf, FMT_MAX, "%.*s -> %.20s", length < 20 ? length : 20, a, b);
    return buf;
}

static const char *with_sign(int64_t delta, const char *(*human)(uint64_t, char *),
                             char buf[FMT_MAX]) {
    if (delta == 0) {
        snprintf(buf, FMT_MAX, "0");
        return buf;
    }
    char number[FMT_MAX];
    human(num_magnitude(delta), number);
    snprintf(buf, FMT_MAX, "%c%.*s", delta < 0 ? '-' : '+', FMT_MAX - 2, number);
    return buf;
}

const char *fmt_count_delta(int64_t delta, char buf[FMT_MAX]) {
    return with_sign(delta, human_count, buf);
}

const char *fmt_bytes_delta(int64_t delta, char buf[FMT_MAX]) {
    return with_sign(delta, human_bytes, buf);
}

const char *fmt_ns(uint64_t ns, char buf[FMT_MAX]) {
    uint64_t s = ns / NS_PER_S, ms = ns / 1000000;
    if (ns == ABSENT)
        return none(buf);
    if (ns == 0)
        snprintf(buf, FMT_MAX, "0 s");
    else if (ns < 1000)
        snprintf(buf, FMT_MAX, "%" PRIu64 " ns", ns);
    else if (ns < 1000000)
        snprintf(buf, FMT_MAX, "%" PRIu64 " us", ns / 1000);
    else if (s == 0)
        snprintf(buf, FMT_MAX, "%" PRIu64 " ms", ms);
    else if (s < 60)
        snprintf(buf, FMT_MAX, "%" PRIu64 ".%03" PRIu64 " s", s, ms % 1000);
    else if (s < 3600)
        snprintf(buf, FMT_MAX, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(buf, FMT_MAX, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
    else
        snprintf(buf, FMT_MAX, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s / 3600 % 24);
    return buf;
}

const char *fmt_ns_delta(uint64_t ns, char buf[FMT_MAX]) {
    if (ns == ABSENT)
        return none(buf);
    if (ns == 0) {
        snprintf(buf, FMT_MAX, "0");
        return buf;
    }
    char duration[FMT_MAX];
    fmt_ns(ns, duration);
    snprintf(buf, FMT_MAX, "+%.*s", FMT_MAX - 2, duration);
    return buf;
}

const char *fmt_ns_change(uint64_t base, uint64_t value, char buf[FMT_MAX]) {
    if (base == ABSENT || value == ABSENT)
        return none(buf);
    if (value < base) {
        fmt_ns_delta(base - value, buf);
        buf[0] = '-';
        return buf;
    }
    return fmt_ns_delta(value - base, buf);
}

const char *fmt_time(uint64_t ns, char buf[FMT_MAX]) {
    if (ns == ABSENT)
        return none(buf);
    uint64_t s = ns / NS_PER_S, fraction = ns % NS_PER_S;
    struct civil date = civil_of_day(s / 86400);
    int n = snprintf(buf, FMT_MAX, "%04u-%02u-%02uT%02u:%02u:%02u", date.year, date.month, date.day,
                     (unsigned)(s / 3600 % 24), (unsigned)(s / 60 % 60), (unsigned)(s % 60));
    if (fraction % 1000000)
        n += snprintf(buf + n, FMT_MAX - (size_t)n, ".%09u", (unsigned)fraction);
    else if (fraction)
        n += snprintf(buf + n, FMT_MAX - (size_t)n, ".%03u", (unsigned)(fraction / 1000000));
    snprintf(buf + n, FMT_MAX - (size_t)n, "Z");
    return buf;
}

const char *fmt_second(uint64_t ns, char buf[FMT_MAX]) {
    return fmt_time(ns == ABSENT ? ns : ns - ns % NS_PER_S, buf);
}

const char *fmt_hex(uint64_t value, char buf[FMT_MAX]) {
    if (value == ABSENT)
        return none(buf);
    snprintf(buf, FMT_MAX, "0x%" PRIx64, value);
    return buf;
}

const char *fmt_percent(uint64_t part, uint64_t whole, char buf[FMT_MAX]) {
    if (part == ABSENT || whole == ABSENT || whole == 0)
        return none(buf);
    snprintf(buf, FMT_MAX, "%.1f %%", 100.0 * (double)part / (double)whole);
    return buf;
}

int64_t fmt_delta(uint64_t base, uint64_t value) {
    if (base == ABSENT || value == ABSENT)
        return 0;
    if (value >= base)
        return value - base > INT64_MAX ? INT64_MAX : (int64_t)(value - base);
    return base - value > INT64_MAX ? -INT64_MAX : -(int64_t)(base - value);
}

static bool starts_character(char c) {
    return ((unsigned char)c & 0xc0) != 0x80;
}

size_t fmt_width(const char *s) {
    size_t width = 0;
    for (; *s; s++)
        width += starts_character(*s);
    return width;
}

size_t fmt_width_of(struct str s) {
    size_t width = 0;
    for (size_t i = 0; i < s.len; i++)
        width += starts_character(s.ptr[i]);
    return width;
}

/* Bytes that the first `width` characters of s take. */
static size_t fmt_bytes_of(const char *s, size_t width) {
    size_t i = 0;
    for (; s[i]; i++)
        if (starts_character(s[i]) && width-- == 0)
            break;
    return i;
}

void fmt_cut(struct strbuf *out, const char *s, size_t width) {
    size_t all = fmt_width(s);
    if (all <= width) {
        strbuf_adds(out, s);
        return;
    }
    /* The end of a type name says more than its beginning. */
    size_t kept = width > 1 ? width - 1 : 0, head = kept * 2 / 5, tail = kept - head;
    strbuf_add(out, (struct str){s, fmt_bytes_of(s, head)});
    strbuf_adds(out, "…");
    strbuf_adds(out, s + fmt_bytes_of(s, all - tail));
}

void fmt_cut_end(struct strbuf *out, const char *s, size_t width) {
    if (fmt_width(s) <= width) {
        strbuf_adds(out, s);
        return;
    }
    strbuf_add(out, (struct str){s, fmt_bytes_of(s, width > 1 ? width - 1 : 0)});
    strbuf_adds(out, "…");
}

/*
 * The type without the namespaces of its arguments, or (whole) of itself too. A name ends at a
 * character that no identifier has; what stands before its last dot is the namespace.
 */
static void without_namespaces(struct strbuf *out, const char *type, bool whole) {
    bool first = true;
    while (*type) {
        size_t length = strcspn(type, "<>[], +&*()");
        size_t name = 0;
        for (size_t i = 0; i + 1 < length; i++)
            if (type[i] == '.' && type[i + 1] != '.')
                name = i + 1;
        if (first && !whole)
            name = 0;
        if (first && name)
            strbuf_adds(out, "…");
        strbuf_add(out, (struct str){type + name, length - name});
        type += length;
        if (*type)
            strbuf_addc(out, *type++);
        first = false;
    }
}

void fmt_cut_type(struct strbuf *out, const char *type, size_t width) {
    struct strbuf shorter;
    strbuf_init(&shorter);
    strbuf_adds(&shorter, type);
    /* What begins with a bracket is a group, or a function and its file: no namespaces. */
    for (int pass = 0; type[0] != '(' && pass < 2 && fmt_width(strbuf_cstr(&shorter)) > width;
         pass++) {
        strbuf_clear(&shorter);
        without_namespaces(&shorter, type, pass == 1);
    }
    fmt_cut(out, strbuf_cstr(&shorter), width);
    strbuf_fail(out, &shorter.err);
    strbuf_deinit(&shorter);
}

void fmt_cut_frame(struct strbuf *out, const char *frame, size_t width) {
    const char *arguments = strchr(frame, '(');
    if (!arguments || arguments == frame || fmt_width(frame) <= width) {
        fmt_cut(out, frame, width);
        return;
    }
    struct strbuf shorter;
    strbuf_init(&shorter);
    strbuf_add(&shorter, (struct str){frame, (size_t)(arguments - frame)});
    strbuf_adds(&shorter, "(…)");
    fmt_cut(out, strbuf_cstr(&shorter), width);
    strbuf_fail(out, &shorter.err);
    strbuf_deinit(&shorter);
}

struct str fmt_method(const char *frame) {
    struct str s = str_of(frame);
    const char *bang = strchr(frame, '!'); /* "module!function": whole */
    size_t end = name_arguments(s);
    if (bang || end == 0)
        return s;
    s = str_trim(str_take(s, end));
    /* The second dot from the end, but none inside of <...> or [...]; ".ctor" has one of its own.
     */
    unsigned dots = 0, depth = 0;
    for (size_t i = s.len; i-- > 0;) {
        char c = s.ptr[i];
        depth += c == '>' || c == ']';
        if ((c == '<' || c == '[') && depth)
            depth--;
        if (c == '.' && !depth && !(i > 0 && s.ptr[i - 1] == '.') && ++dots == 2)
            return str_drop(s, i + 1);
    }
    return s;
}

void fmt_sparkline(struct strbuf *out, const uint64_t *values, uint32_t count) {
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    uint32_t shown = count < SPARKLINE_MOST ? count : SPARKLINE_MOST;
    uint64_t least = ABSENT, most = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (values[i] == ABSENT)
            continue;
        least = values[i] < least ? values[i] : least;
        most = values[i] > most ? values[i] : most;
    }
    for (uint32_t mark = 0; mark < shown; mark++) {
        uint64_t value = values[shown < 2 ? 0 : (uint64_t)mark * (count - 1) / (shown - 1)];
        double share =
            value == ABSENT || most == least ? 0 : (double)(value - least) / (double)(most - least);
        strbuf_adds(out, value == ABSENT ? " " : bars[(unsigned)(share * 7 + 0.5)]);
    }
}

/* Does a host of code make a link of what begins here, whatever is escaped? */
static bool is_link(const char *at) {
    return *at == '@' || (*at == '#' && char_is_digit(at[1])) || strncmp(at, "://", 3) == 0 ||
           strncasecmp(at, "www.", 4) == 0;
}

static void fmt_markdown_text(struct strbuf *out, struct str s) {
    for (const char *text = s.ptr; text < s.ptr + s.len; text++) {
        if (*text == '<')
            strbuf_adds(out, "&lt;");
        else if (*text == '>')
            strbuf_adds(out, "&gt;");
        else if (*text == '&')
            strbuf_adds(out, "&amp;");
        else {
            if (strchr("\\`*_[]|#~", *text))
                strbuf_addc(out, '\\');
            strbuf_addc(out, *text);
            if (is_link(text))
                strbuf_adds(out, "<!-- -->");
        }
    }
}

void fmt_markdown(struct strbuf *out, const char *text) {
    fmt_markdown_text(out, str_of(text));
}

void fmt_markdown_code(struct strbuf *out, struct str text) {
    size_t fence = 1, run = 0;
    for (size_t i = 0; i < text.len; i++) {
        run = text.ptr[i] == '`' ? run + 1 : 0;
        fence = run >= fence ? run + 1 : fence;
    }
    for (size_t i = 0; i < fence; i++)
        strbuf_addc(out, '`');
    strbuf_addf(out, fence > 1 ? " %.*s " : "%.*s", (int)text.len, text.ptr);
    for (size_t i = 0; i < fence; i++)
        strbuf_addc(out, '`');
}

/* The length of a command that begins behind its backquote, by the one that ends it outside of the
 * shell's quotes. STR_NOT_FOUND: none does. */
static size_t command_length(struct str text) {
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        quoted ^= text.ptr[i] == '\'';
        if (text.ptr[i] == '`' && !quoted)
            return i;
    }
    return STR_NOT_FOUND;
}

void fmt_markdown_said(struct strbuf *out, struct str text) {
    size_t at;
    while ((at = str_find(text, STR("`dumpdiff "), 0)) != STR_NOT_FOUND) {
        fmt_markdown_text(out, str_take(text, at));
        text = str_drop(text, at);
        size_t length = command_length(str_drop(text, 1));
        if (length == STR_NOT_FOUND)
            break;
        fmt_markdown_code(out, str_take(str_drop(text, 1), length));
        text = str_drop(text, length + 2);
    }
    fmt_markdown_text(out, text);
}

/* The likeness of a character in UTF-8; *bytes: of which it is made. */
static char fmt_likeness(struct str s, size_t *bytes) {
    static const struct {
        const char *character;
        char like;
    } likes[] = {{"\xe2\x80\xa6", '~'}, {"\xe2\x86\x92", '>'}, {"\xe2\x86\xb3", '`'},
                 {"\xe2\x80\x94", '-'}, {"\xe2\x80\x93", '-'}, {"\xc3\x97", 'x'},
                 {"\xe2\x96\x81", '_'}, {"\xe2\x96\x82", '.'}, {"\xe2\x96\x83", '-'},
                 {"\xe2\x96\x84", ':'}, {"\xe2\x96\x85", '='}, {"\xe2\x96\x86", '+'},
                 {"\xe2\x96\x87", '*'}, {"\xe2\x96\x88", '#'}};
    for (*bytes = 1; *bytes < s.len && ((unsigned char)s.ptr[*bytes] & 0xc0) == 0x80;)
        ++*bytes;
    for (size_t i = 0; i < sizeof(likes) / sizeof(*likes); i++)
        if (str_eq(str_take(s, *bytes), str_of(likes[i].character)))
            return likes[i].like;
    return '?';
}

void fmt_ascii(struct strbuf *text) {
    size_t kept = 0;
    for (size_t at = 0; at < text->len;) {
        size_t bytes = 1;
        struct str rest = {text->ptr + at, text->len - at};
        char c = (unsigned char)*rest.ptr < 0x80 ? *rest.ptr : fmt_likeness(rest, &bytes);
        text->ptr[kept++] = c;
        at += bytes;
    }
    if (text->ptr)
        text->ptr[text->len = kept] = '\0';
}

const char *fmt_p(double p, char buf[FMT_MAX]) {
    if (isnan(p))
        snprintf(buf, FMT_MAX, "-");
    else if (p < 0.001)
        snprintf(buf, FMT_MAX, "< 0.001");
    else
        snprintf(buf, FMT_MAX, "%.3f", p);
    return buf;
}
