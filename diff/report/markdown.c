/* The document as Markdown (GitHub's tables), for tickets and pull requests. */
#include "diff/report/doc.h"
#include "diff/report/fmt.h"

#include <string.h>

static void markdown_table(struct strbuf *out, const struct doc_table *t) {
    if (!t->row_count)
        return;
    strbuf_adds(out, "\n|");
    for (uint32_t c = 0; c < t->column_count; c++) {
        strbuf_addc(out, ' ');
        fmt_markdown(out, t->columns[c].title);
        strbuf_adds(out, " |");
    }
    strbuf_adds(out, "\n|");
    for (uint32_t c = 0; c < t->column_count; c++)
        strbuf_adds(out, t->columns[c].right ? "---:|" : "---|");
    strbuf_addc(out, '\n');
    for (uint32_t r = 0; r < t->row_count; r++) {
        const struct doc_row *row = &t->rows[r];
        strbuf_addc(out, '|');
        for (uint32_t c = 0; c < t->column_count; c++) {
            const char *text = row->cells[c].text;
            bool strong = text && *text && row->style == DOC_STRONG;
            strbuf_adds(out, strong ? " **" : " ");
            fmt_markdown(out, text ? text : "");
            strbuf_adds(out, strong ? "** |" : " |");
        }
        strbuf_addc(out, '\n');
    }
}

static void markdown_line(struct strbuf *out, const char *label, const char *text) {
    if (!text)
        return;
    strbuf_addf(out, "  - %s: ", label); /* a line of its own in every reader */
    fmt_markdown_said(out, str_of(text));
    strbuf_addc(out, '\n');
}

/* A finding or a cause. */
static void markdown_told(struct strbuf *out, const struct doc_block *b) {
    strbuf_addf(out, "- **%s** ", severity_names[b->severity]);
    fmt_markdown_said(out, str_of(b->text));
    strbuf_addf(out, " (`%s`)\n", b->tag);
    markdown_line(out, "Held by", b->held_by);
    markdown_line(out, "Next", b->next);
}

/* Frames are code by their indentation, which nothing in a line can end. */
static void markdown_block(struct strbuf *out, const struct doc_block *b, bool first, bool last) {
    switch (b->kind) {
    case DOC_TITLE:
        strbuf_adds(out, "# ");
        fmt_markdown(out, b->text);
        strbuf_addc(out, '\n');
        break;
    case DOC_HEADING:
        strbuf_adds(out, "\n## ");
        fmt_markdown(out, b->text);
        strbuf_addc(out, '\n');
        break;
    case DOC_PARA:
    case DOC_FOOT:
        strbuf_addc(out, '\n');
        fmt_markdown(out, b->text);
        strbuf_addc(out, '\n');
        break;
    case DOC_ITEM:
        if (first)
            strbuf_addc(out, '\n');
        strbuf_adds(out, "- ");
        fmt_markdown(out, b->text);
        strbuf_addc(out, '\n');
        break;
    case DOC_STACK:
        /* Indented by the list item it belongs to, and by four for code. */
        if (first)
            strbuf_addc(out, '\n');
        strbuf_addf(out, "      %s\n", b->text);
        if (last)
            strbuf_addc(out, '\n');
        break;
    case DOC_FINDING:
    case DOC_CAUSE:
        if (first)
            strbuf_addc(out, '\n');
        markdown_told(out, b);
        break;
    case DOC_TABLE:
        markdown_table(out, b->table);
        break;
    case DOC_VERDICT: /* of pages */
    case DOC_FOLD:
    case DOC_UNFOLD:
    case DOC_CHART:
        break;
    }
}

static void markdown_render(const struct doc *d, struct strbuf *out) {
    for (uint32_t i = 0; i < d->count; i++) {
        enum doc_kind kind = d->blocks[i].kind;
        enum doc_kind before = i ? d->blocks[i - 1].kind : DOC_TITLE;
        bool first = kind != before && !(kind == DOC_ITEM && before == DOC_STACK);
        bool last = i + 1 == d->count || d->blocks[i + 1].kind != kind;
        markdown_block(out, &d->blocks[i], first, last);
    }
}

static bool markdown_finish(struct doc *d, struct strbuf *out, struct err *err) {
    if (!doc_failed(d))
        markdown_render(d, out);
    bool ok = err_none(&d->err, err) && strbuf_ok(out, err);
    doc_deinit(d);
    return ok;
}

static bool markdown_show(const struct series *s, const struct findings *f,
                          const struct report_options *o, struct strbuf *out, struct err *err) {
    struct doc d;
    doc_init(&d);
    doc_build_show(&d, s, f, o);
    return markdown_finish(&d, out, err);
}

static bool markdown_diff(const struct series *s, const struct findings *f,
                          const struct report_options *o, struct strbuf *out, struct err *err) {
    struct doc d;
    doc_init(&d);
    doc_build_diff(&d, s, f, o);
    return markdown_finish(&d, out, err);
}

const struct report report_markdown = {
    "markdown", "for tickets and pull requests", markdown_show, markdown_diff, false, 0};
