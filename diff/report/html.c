/*
 * The document as one HTML page. Nothing is loaded from elsewhere: script and style are the
 * project's own (report.js, report.css), the policy lets nothing run but these two, by their
 * hashes, and nothing of a dump gets into them. Without script all of it can be read.
 */
#include "diff/report/html_page.h"

#include "base/search.h"

#include <string.h>

/* Rows of a table that charts can lead to; those that causes lead to are found anywhere. */
#define MARKED_ROWS 1000u

static const char *const html_styles[] = {
    [DOC_PLAIN] = "",  [DOC_GOOD] = "good",     [DOC_BAD] = "bad",
    [DOC_DIM] = "dim", [DOC_STRONG] = "strong",
};

static void page_element(const struct html_page *p, const char *tag, enum doc_style style,
                         const char *text) {
    strbuf_addf(p->out, *html_styles[style] ? "<%s class=%s>" : "<%s>", tag, html_styles[style]);
    page_prose(p->out, text);
    strbuf_addf(p->out, "</%s>\n", tag);
}

void page_name(struct strbuf *out, const char *name) {
    const char *from = name;
    for (const char *c = name; *c; c++) {
        if (!strchr(".+/\\!,:(", *c) || !c[1] || c[1] == ' ')
            continue;
        struct strbuf part;
        strbuf_init(&part);
        strbuf_add(&part, (struct str){from, (size_t)(c + 1 - from)});
        markup_text(out, strbuf_cstr(&part));
        strbuf_adds(out, "<wbr>");
        strbuf_fail(out, &part.err);
        strbuf_deinit(&part);
        from = c + 1;
    }
    markup_text(out, from);
}

/* -- What leads where -------------------------------------------------------------------------- */

static const char mark_letters[] = {
    [MARK_NONE] = '?',    [MARK_TYPE] = 't',  [MARK_THREAD] = 'h',
    [MARK_FINDING] = 'f', [MARK_CAUSE] = 'c',
};

static bool page_has(const void *context, char kind, uint32_t number) {
    const struct html_page *p = context;
    for (int k = MARK_TYPE; k <= MARK_CAUSE; k++)
        if (mark_letters[k] == kind)
            return number < p->marks[k].count && p->marks[k].names[number];
    return false;
}

bool page_link(const struct html_page *p, struct doc_mark to) {
    const struct chart_page page = {.context = p, .has = page_has};
    return markup_link(p->out, &page, mark_letters[to.kind], to.number);
}

void page_id(const struct html_page *p, struct doc_mark mark) {
    if (mark.kind != MARK_NONE && page_has(p, mark_letters[mark.kind], mark.number))
        strbuf_addf(p->out, " id=%c%u", mark_letters[mark.kind], mark.number);
}

static bool mark_is_before(struct doc_mark a, struct doc_mark b) {
    return a.kind != b.kind ? a.kind < b.kind : a.number < b.number;
}

void page_causes_of(const struct html_page *p, struct doc_mark mark) {
    uint32_t first;
    SEARCH_LEADING(first, p->d->link_count, at, mark_is_before(p->d->links[at].to, mark));
    for (; mark.kind != MARK_NONE && first < p->d->link_count; first++) {
        const struct doc_link *link = &p->d->links[first];
        if (link->to.kind != mark.kind || link->to.number != mark.number)
            return;
        struct doc_mark cause = {MARK_CAUSE, link->cause};
        strbuf_addc(p->out, ' ');
        if (page_link(p, cause))
            strbuf_addf(p->out, "cause %u</a>", link->cause + 1);
    }
}

/* The largest number of each kind, so that there is room for all. */
static void marks_count(struct html_page *p, struct doc_mark mark) {
    if (mark.kind != MARK_NONE && mark.number != UINT32_MAX &&
        mark.number >= p->marks[mark.kind].count)
        p->marks[mark.kind].count = mark.number + 1;
}

static void marks_name(struct html_page *p, struct doc_mark mark, const char *name) {
    if (mark.kind != MARK_NONE && mark.number < p->marks[mark.kind].count)
        p->marks[mark.kind].names[mark.number] = name;
}

static const char *name_of_row(const struct doc_table *t, uint32_t row) {
    const char *name = t->rows[row].cells[page_name_column(t)].text;
    return name && *name ? name : "[nameless]";
}

/* Does a cause lead to it? */
static bool is_linked(const struct doc *d, struct doc_mark mark) {
    uint32_t first;
    SEARCH_LEADING(first, d->link_count, at, mark_is_before(d->links[at].to, mark));
    return first < d->link_count && !mark_is_before(mark, d->links[first].to);
}

static void page_find_marks(struct html_page *p) {
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < p->d->count; i++) {
            const struct doc_block *b = &p->d->blocks[i];
            const struct doc_table *t = b->table;
            if (pass == 0)
                marks_count(p, b->mark);
            else
                marks_name(p, b->mark, b->tag);
            for (uint32_t r = 0; t && t->column_count && r < t->row_count; r++) {
                if (r >= MARKED_ROWS && !is_linked(p->d, t->rows[r].mark))
                    continue;
                if (pass == 0)
                    marks_count(p, t->rows[r].mark);
                else
                    marks_name(p, t->rows[r].mark, name_of_row(t, r));
            }
        }
        for (int k = MARK_TYPE; k <= MARK_CAUSE && pass == 0; k++) {
            p->marks[k].names =
                arena_array(&p->arena, (size_t)p->marks[k].count + 1, sizeof(*p->marks[k].names));
            if (!p->marks[k].names) {
                err_keep_nomem(&p->err);
                return;
            }
        }
    }
}

/* -- Blocks ------------------------------------------------------------------------------------ */

static void page_heading(struct html_page *p, const struct doc_block *b) {
    strbuf_adds(p->out, p->heading ? "</section>\n" : "");
    strbuf_addf(p->out, "<section aria-labelledby=s%u>\n<h2 id=s%u>", p->headings, p->headings);
    page_prose(p->out, b->text);
    strbuf_adds(p->out, "</h2>\n");
    p->heading = b->text;
    p->headings++;
}

static void page_chart(struct html_page *p, const struct doc_block *b) {
    const struct chart_page page = {.number = p->charts++, .context = p, .has = page_has};
    struct chart chart = *b->chart;
    if (p->err.code == ERR_NONE && !chart_write(&chart, &page, &p->arena, p->out, &p->err))
        strbuf_fail(p->out, &p->err);
}

static void page_block(struct html_page *p, const struct doc_block *b) {
    switch (b->kind) {
    case DOC_TITLE:
        page_element(p, "h1", b->style, b->text);
        break;
    case DOC_VERDICT:
        strbuf_addf(p->out, "<p class=\"verdict %s\">", html_styles[b->style]);
        markup_text(p->out, b->text);
        strbuf_adds(p->out, "</p>\n");
        break;
    case DOC_HEADING:
        page_heading(p, b);
        break;
    case DOC_PARA:
    case DOC_FOOT:
        page_element(p, "p", b->style, b->text);
        break;
    case DOC_ITEM:
        strbuf_adds(p->out, "<div class=item>");
        page_element(p, "p", b->style, b->text);
        strbuf_adds(p->out, "</div>\n");
        break;
    case DOC_STACK:
        strbuf_adds(p->out, "<div class=frame>");
        page_name(p->out, b->text);
        strbuf_adds(p->out, "</div>\n");
        break;
    case DOC_FOLD:
        strbuf_adds(p->out, "<details><summary>");
        page_name(p->out, b->text);
        strbuf_adds(p->out, "</summary>\n");
        break;
    case DOC_UNFOLD:
        strbuf_adds(p->out, "</details>\n");
        break;
    case DOC_FINDING:
        page_finding(p, b);
        break;
    case DOC_CAUSE:
        page_cause(p, b);
        break;
    case DOC_TABLE:
        page_table(p, b->table);
        break;
    case DOC_CHART:
        page_chart(p, b);
        break;
    }
}

/* -- The page ---------------------------------------------------------------------------------- */

static void page_head(const struct html_page *p) {
    struct strbuf *out = p->out;
    strbuf_addf(out,
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                "script-src '%s'; style-src '%s'; base-uri 'none'; form-action 'none'\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
                page_script_hash, page_style_hash);
    markup_text(out, p->d->count ? p->d->blocks[0].text : "dumpdiff");
    strbuf_adds(out, "</title>\n<style>");
    strbuf_adds(out, page_style);
    strbuf_adds(out, "</style>\n</head>\n<body>\n<main>\n");
}

/* Is there nothing below that heading but a table without rows? */
static bool section_is_empty(const struct doc *d, uint32_t heading) {
    for (uint32_t i = heading + 1; i < d->count && d->blocks[i].kind != DOC_HEADING; i++)
        if (d->blocks[i].kind != DOC_TABLE ||
            (d->blocks[i].table->row_count && d->blocks[i].table->column_count))
            return false;
    return true;
}

/* "Threads" of "Threads: 9 in both, 2 running" */
static void page_contents(struct html_page *p) {
    uint32_t number = 0;
    strbuf_adds(p->out, "</section>\n<nav aria-label=\"Sections\"><ul>");
    for (uint32_t i = 0; i < p->d->count; i++) {
        const struct doc_block *b = &p->d->blocks[i];
        if (b->kind != DOC_HEADING || section_is_empty(p->d, i))
            continue;
        struct strbuf name;
        strbuf_init(&name);
        strbuf_add(&name, (struct str){b->text, strcspn(b->text, ":,")});
        strbuf_addf(p->out, "<li><a href=\"#s%u\">", number++);
        markup_text(p->out, strbuf_cstr(&name));
        strbuf_adds(p->out, "</a></li>");
        strbuf_fail(p->out, &name.err);
        strbuf_deinit(&name);
    }
    strbuf_adds(p->out, "</ul></nav>\n");
    p->heading = NULL;
}

static void html_render(struct html_page *p) {
    uint32_t headings = 0;
    page_find_marks(p);
    if (p->err.code != ERR_NONE)
        return;
    page_head(p);
    for (uint32_t i = 0; i < p->d->count; i++) {
        if (p->d->blocks[i].kind == DOC_HEADING && section_is_empty(p->d, i))
            continue;
        /* The answer first: causes, or findings. */
        if (p->d->blocks[i].kind == DOC_HEADING && ++headings == 2)
            page_contents(p);
        bool card = p->d->blocks[i].kind == DOC_CAUSE;
        if (card && p->d->blocks[i - 1].kind != DOC_CAUSE)
            strbuf_adds(p->out, "<div class=cards>\n");
        page_block(p, &p->d->blocks[i]);
        if (card && (i + 1 == p->d->count || p->d->blocks[i + 1].kind != DOC_CAUSE))
            strbuf_adds(p->out, "</div>\n");
    }
    strbuf_adds(p->out, p->heading ? "</section>\n" : "");
    strbuf_adds(p->out, "</main>\n<script>");
    strbuf_adds(p->out, page_script);
    strbuf_adds(p->out, "</script>\n</body>\n</html>\n");
}

bool html_finish(struct doc *d, struct strbuf *out, struct err *err) {
    struct html_page p = {.d = d, .out = out};
    arena_init(&p.arena);
    if (!doc_failed(d))
        html_render(&p);
    bool ok = err_none(&d->err, err) && err_none(&p.err, err) && strbuf_ok(out, err);
    arena_deinit(&p.arena);
    doc_deinit(d);
    return ok;
}

static bool html_show(const struct series *s, const struct findings *f,
                      const struct report_options *o, struct strbuf *out, struct err *err) {
    struct doc d;
    doc_init(&d);
    d.is_page = true;
    doc_build_show(&d, s, f, o);
    return html_finish(&d, out, err);
}

static bool html_diff(const struct series *s, const struct findings *f,
                      const struct report_options *o, struct strbuf *out, struct err *err) {
    struct doc d;
    doc_init(&d);
    d.is_page = true;
    doc_build_diff(&d, s, f, o);
    return html_finish(&d, out, err);
}

const struct report report_html = {
    "html", "for a browser: one page with charts, which loads nothing", html_show, html_diff, false,
    0};
