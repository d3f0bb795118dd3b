/* The document as one HTML page: no script, nothing loaded from elsewhere. */
#include "diff/report/doc.h"

#include <string.h>

static void html_escaped(struct strbuf *out, const char *s) {
    for (; *s; s++) {
        switch (*s) {
        case '<':
            strbuf_adds(out, "&lt;");
            break;
        case '>':
            strbuf_adds(out, "&gt;");
            break;
        case '&':
            strbuf_adds(out, "&amp;");
            break;
        case '"':
            strbuf_adds(out, "&quot;");
            break;
        default:
            strbuf_addc(out, *s);
        }
    }
}

static const char *const style_classes[] = {
    [DOC_PLAIN] = "",  [DOC_GOOD] = "good",     [DOC_BAD] = "bad",
    [DOC_DIM] = "dim", [DOC_STRONG] = "strong",
};

static void open_tag(struct strbuf *out, const char *tag, enum doc_style style, bool right) {
    const char *class = style_classes[style];
    if (!*class && !right)
        strbuf_addf(out, "<%s>", tag);
    else
        strbuf_addf(out, "<%s class=\"%s%s%s\">", tag, class, *class && right ? " " : "",
                    right ? "n" : "");
}

static void element(struct strbuf *out, const char *tag, enum doc_style style, const char *text) {
    open_tag(out, tag, style, false);
    html_escaped(out, text);
    strbuf_addf(out, "</%s>\n", tag);
}

static void html_table(struct strbuf *out, const struct doc_table *t) {
    if (!t->row_count)
        return;
    strbuf_adds(out, "<table>\n<tr>");
    for (uint32_t c = 0; c < t->column_count; c++) {
        open_tag(out, "th", DOC_PLAIN, t->columns[c].right);
        html_escaped(out, t->columns[c].title);
        strbuf_adds(out, "</th>");
    }
    strbuf_adds(out, "</tr>\n");
    for (uint32_t r = 0; r < t->row_count; r++) {
        open_tag(out, "tr", t->rows[r].style, false);
        for (uint32_t c = 0; c < t->column_count; c++) {
            const struct doc_cell *cell = &t->rows[r].cells[c];
            open_tag(out, "td", cell->style, t->columns[c].right);
            html_escaped(out, cell->text ? cell->text : "");
            strbuf_adds(out, "</td>");
        }
        strbuf_adds(out, "</tr>\n");
    }
    strbuf_adds(out, "</table>\n");
}

static void html_line(struct strbuf *out, const char *label, const char *text) {
    if (!text)
        return;
    strbuf_addf(out, "<p class=\"dim\">%s: ", label);
    html_escaped(out, text);
    strbuf_adds(out, "</p>");
}

/* A finding or a cause. */
static void html_told(struct strbuf *out, const struct doc_block *b) {
    const char *severity = severity_names[b->severity];
    strbuf_addf(out, "<div class=\"finding %s\"><p><b>%s</b> ", severity, severity);
    html_escaped(out, b->text);
    strbuf_addf(out, " <code>%s</code></p>", b->tag);
    html_line(out, "Held by", b->held_by);
    html_line(out, "Next", b->next);
    strbuf_adds(out, "</div>\n");
}

static void html_block(struct strbuf *out, const struct doc_block *b) {
    switch (b->kind) {
    case DOC_TITLE:
        element(out, "h1", b->style, b->text);
        break;
    case DOC_HEADING:
        element(out, "h2", b->style, b->text);
        break;
    case DOC_PARA:
    case DOC_FOOT:
        element(out, "p", b->style, b->text);
        break;
    case DOC_ITEM:
        strbuf_adds(out, "<div class=\"item\">");
        element(out, "p", b->style, b->text);
        strbuf_adds(out, "</div>\n");
        break;
    case DOC_STACK:
        strbuf_adds(out, "<div class=\"frame\">");
        html_escaped(out, b->text);
        strbuf_adds(out, "</div>\n");
        break;
    case DOC_FINDING:
    case DOC_CAUSE:
        html_told(out, b);
        break;
    case DOC_TABLE:
        html_table(out, b->table);
        break;
    }
}

static const char head[] = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                           "<meta name=\"viewport\" content=\"width=device-width\">\n<title>";
static const char style[] =
    "</title>\n<style>\n"
    ":root{color-scheme:light dark}\n"
    "body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:76em;padding:0 1em}\n"
    "h1{font-size:1.4em}h2{font-size:1.1em;margin:2em 0 .5em}p{margin:.3em 0}\n"
    "table{border-collapse:collapse;font-size:13px}\n"
    "th,td{padding:.15em .8em .15em 0;text-align:left;vertical-align:top;"
    "border-bottom:1px solid #8883}\n"
    "th{font-weight:600;color:#888}td:last-child{word-break:break-all}\n"
    ".n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\n"
    ".bad{color:#c5221f}.good{color:#188038}.dim{color:#888}.strong{font-weight:600}\n"
    ".finding{border-left:4px solid #888;padding:.2em .8em;margin:.5em 0}\n"
    ".critical{border-color:#c5221f}.warning{border-color:#e37400}.notice{border-color:#1a73e8}\n"
    ".frame{font:12px/1.5 ui-monospace,monospace;margin-left:2em;word-break:break-all}\n"
    "code{font-size:.85em;color:#888}\n"
    "</style>\n</head>\n<body>\n";

static void html_render(const struct doc *d, struct strbuf *out) {
    strbuf_adds(out, head);
    html_escaped(out, d->count ? d->blocks[0].text : "dumpdiff");
    strbuf_adds(out, style);
    for (uint32_t i = 0; i < d->count; i++)
        html_block(out, &d->blocks[i]);
    strbuf_adds(out, "</body>\n</html>\n");
}

static bool html_finish(struct doc *d, struct strbuf *out, struct err *err) {
    if (!doc_failed(d))
        html_render(d, out);
    bool ok = err_none(&d->err, err) && strbuf_ok(out, err);
    doc_deinit(d);
    return ok;
}

static bool html_show(const struct series *s, const struct findings *f,
                      const struct report_options *o, struct strbuf *out, struct err *err) {
    struct doc d;
    doc_init(&d);
    doc_build_show(&d, s, f, o);
    return html_finish(&d, out, err);
}

static bool html_diff(const struct series *s, const struct findings *f,
                      const struct report_options *o, struct strbuf *out, struct err *err) {
    struct doc d;
    doc_init(&d);
    doc_build_diff(&d, s, f, o);
    return html_finish(&d, out, err);
}

const struct report report_html = {
    "html", "for a browser: one page, no script", html_show, html_diff, false, 0};
