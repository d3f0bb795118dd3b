#include "base/fit.h"

#include "base/chars.h"

/*
 * Does the line begin as a command to a runner of CI, which reads our output as a log? "::error",
 * "::error file=...::", "##teamcity[", "##vso[", "##[".
 */
static bool is_command(struct str line) {
    line = str_trim(line);
    if (str_starts(line, STR("##"))) {
        size_t at = 2;
        while (at < line.len && char_is_letter(line.ptr[at]))
            at++;
        return at < line.len && line.ptr[at] == '[';
    }
    return str_starts(line, STR("::")) && str_find(line, STR("::"), 2) != STR_NOT_FOUND;
}

/* [bytes] of a colour of ours that the text begins with ("ESC [ 0 ; 1 m"); 0: none. */
static size_t color_length(struct str s) {
    size_t at = 2;
    if (!str_starts(s, STR("\033[")))
        return 0;
    while (at < s.len && (char_is_digit(s.ptr[at]) || s.ptr[at] == ';'))
        at++;
    return at < s.len && s.ptr[at] == 'm' ? at + 1 : 0;
}

/* Up to the next tab, or colour where there may be any, which stay what they are. */
static size_t until_kept(struct str line, enum fit_how how, size_t *ret_kept) {
    size_t tab = str_find(line, STR("\t"), 0), at = 0;
    *ret_kept = tab == STR_NOT_FOUND ? 0 : 1;
    for (; how & FIT_COLOR; at++) {
        at = str_find(line, STR("\033"), at);
        if (at == STR_NOT_FOUND || (tab != STR_NOT_FOUND && tab < at))
            break;
        size_t color = color_length(str_drop(line, at));
        if (color) {
            *ret_kept = color;
            return at;
        }
    }
    return tab == STR_NOT_FOUND ? line.len : tab;
}

/* Without our own colours and tabs, is all of it clean? */
static bool line_is_fit(struct str line, enum fit_how how) {
    while (line.len) {
        size_t kept, n = until_kept(line, how, &kept);
        if (!str_is_clean(str_take(line, n)))
            return false;
        line = str_drop(line, n + kept);
    }
    return true;
}

static void add_fit(struct strbuf *out, struct str line, enum fit_how how) {
    while (line.len) {
        size_t kept, n = until_kept(line, how, &kept);
        strbuf_add_clean(out, str_take(line, n));
        strbuf_add(out, str_take(str_drop(line, n), kept));
        line = str_drop(line, n + kept);
    }
}

/* Puts into `text` what of it is fit. */
static void make_fit(struct strbuf *text, enum fit_how how, bool in_log) {
    struct str rest = strbuf_str(text), kept = rest, line; /* kept: not yet in out */
    struct strbuf out;
    bool any = false;
    strbuf_init(&out);
    for (struct str from = rest; str_next_line(&rest, &line); from = rest) {
        bool command = in_log && !(how & FIT_COMMANDS) && is_command(line);
        bool fit = str_is_clean(line) || line_is_fit(line, how);
        if (command || !fit) {
            any = true;
            strbuf_add(&out, str_take(kept, kept.len - from.len));
            if (command)
                strbuf_addc(&out, '\'');
            kept = from;
        }
        if (!fit) {
            add_fit(&out, line, how);
            kept = str_drop(from, line.len);
        }
    }
    if (!any)
        return;
    strbuf_add(&out, kept);
    strbuf_fail(&out, &text->err);
    strbuf_deinit(text);
    *text = out;
}

struct fit fit_text(struct strbuf *text, enum fit_how how, bool in_log) {
    make_fit(text, how, in_log);
    return (struct fit){strbuf_str(text)};
}

struct fit fit_line(struct strbuf *out, struct str line) {
    strbuf_clear(out);
    strbuf_add_clean(out, line);
    strbuf_addc(out, '\n');
    return (struct fit){strbuf_failed(out) ? STR("dumpdiff: out of memory\n") : strbuf_str(out)};
}

struct fit fit_bytes(struct str bytes) {
    return (struct fit){bytes};
}
