/* The document for a terminal: the answer first, in at most FINDING_LINES lines. */
#include "diff/report/doc.h"
#include "diff/report/fmt.h"

#include <string.h>

#define INDENT        2u
#define GAP           2u
#define NAME_LEAST    24u /* a flexible column is not cut below */
#define FINDING_LINES 24u
#define LABEL_WIDTH   10u

struct text {
    struct strbuf *out;
    size_t width;
    bool color;
};

static const char *const style_codes[] = {
    [DOC_PLAIN] = "",      [DOC_GOOD] = "\033[32m",  [DOC_BAD] = "\033[31m",
    [DOC_DIM] = "\033[2m", [DOC_STRONG] = "\033[1m",
};

static void style_on(const struct text *t, enum doc_style style) {
    if (t->color && style != DOC_PLAIN)
        strbuf_adds(t->out, style_codes[style]);
}

static void style_off(const struct text *t, enum doc_style style) {
    if (t->color && style != DOC_PLAIN)
        strbuf_adds(t->out, "\033[0m");
}

static void spaces(struct strbuf *out, size_t n) {
    for (; n; n--)
        strbuf_addc(out, ' ');
}

/*
 * Words of `s`, without a line end behind the last, in lines of at most `width` characters; the
 * caller has written the first `indent` characters, further lines are indented by as many. Returns
 * the number of lines.
 */
static size_t wrap(struct strbuf *out, const char *s, size_t indent, size_t width) {
    size_t lines = 1, used = indent;
    bool first = true;
    while (*s) {
        s += strspn(s, " ");
        size_t length = strcspn(s, " ");
        size_t columns = fmt_width_of((struct str){s, length});
        if (!first && used + 1 + columns > width) {
            strbuf_addc(out, '\n');
            spaces(out, indent);
            used = indent;
            first = true;
            lines++;
        }
        if (!first)
            strbuf_addc(out, ' ');
        strbuf_add(out, (struct str){s, length});
        used += columns + !first;
        first = false;
        s += length;
    }
    return lines;
}

static const struct {
    const char *label;
    enum doc_style style;
} severities[] = {
    [SEVERITY_CRITICAL] = {"CRITICAL", DOC_BAD},
    [SEVERITY_WARNING] = {"WARNING", DOC_BAD},
    [SEVERITY_NOTICE] = {"NOTICE", DOC_STRONG},
    [SEVERITY_INFO] = {"INFO", DOC_DIM},
};

/* On one line where it fits, else a step a line, each one deeper. */
static void render_path(const struct text *t, const char *path) {
    static const char arrow[] = " \xe2\x86\x92 ";
    bool fits = LABEL_WIDTH + 8 + fmt_width(path) <= t->width;
    size_t depth = 0;
    for (const char *at = path; at; depth++) {
        const char *end = fits ? NULL : strstr(at, arrow);
        size_t indent = LABEL_WIDTH + (depth ? 2 * depth : 0);
        if (indent > t->width / 2)
            indent = t->width / 2;
        spaces(t->out, indent);
        strbuf_adds(t->out, depth ? "\xe2\x86\xb3 " : "held by ");
        struct str step = end ? (struct str){at, (size_t)(end - at)} : str_of(at);
        strbuf_add(t->out, step);
        strbuf_addc(t->out, '\n');
        at = end ? end + strlen(arrow) : NULL;
    }
}

/* A finding or a cause. Returns the number of lines, but for those of a path. */
static size_t render_told(const struct text *t, const struct doc_block *b) {
    const char *label = severities[b->severity].label;
    style_on(t, severities[b->severity].style);
    strbuf_adds(t->out, label);
    style_off(t, severities[b->severity].style);
    spaces(t->out, LABEL_WIDTH - strlen(label));
    struct strbuf whole;
    strbuf_init(&whole);
    strbuf_addf(&whole, "%s [%s]", b->text, b->tag);
    size_t lines = wrap(t->out, strbuf_cstr(&whole), LABEL_WIDTH, t->width);
    strbuf_addc(t->out, '\n');
    strbuf_fail(t->out, &whole.err);
    strbuf_deinit(&whole);
    if (b->held_by)
        render_path(t, b->held_by);
    if (b->next) {
        spaces(t->out, LABEL_WIDTH);
        strbuf_adds(t->out, "next: ");
        lines += wrap(t->out, b->next, LABEL_WIDTH + 6, t->width);
        strbuf_addc(t->out, '\n');
    }
    return lines;
}

/* The first screen: as many of the findings as fit. Returns how many there were room for. */
static uint32_t render_first_findings(const struct text *t, const struct doc_block *blocks,
                                      uint32_t count, bool all) {
    size_t lines = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct strbuf one;
        strbuf_init(&one);
        struct text measured = {&one, t->width, t->color};
        lines += render_told(&measured, &blocks[i]);
        bool fits = all || i == 0 || lines <= FINDING_LINES;
        if (fits)
            strbuf_add(t->out, strbuf_str(&one));
        strbuf_fail(t->out, &one.err);
        strbuf_deinit(&one);
        if (!fits) {
            strbuf_addf(t->out, "          … and %u more, below the tables\n", count - i);
            return i;
        }
    }
    return count;
}

static void column_widths(const struct text *t, const struct doc_table *table, size_t *widths) {
    size_t all = INDENT;
    for (uint32_t c = 0; c < table->column_count; c++) {
        widths[c] = fmt_width(table->columns[c].title);
        for (uint32_t r = 0; r < table->row_count; r++) {
            const char *text = table->rows[r].cells[c].text;
            size_t width = text ? fmt_width(text) : 0;
            widths[c] = width > widths[c] ? width : widths[c];
        }
        all += widths[c] + (c ? GAP : 0);
    }
    /* From the last column on: what stands in the front is read first. */
    for (uint32_t c = table->column_count; c-- && all > t->width;) {
        if (table->columns[c].cut == CUT_NEVER || widths[c] <= NAME_LEAST)
            continue;
        size_t over = all - t->width;
        size_t cut = widths[c] - NAME_LEAST < over ? widths[c] - NAME_LEAST : over;
        widths[c] -= cut;
        all -= cut;
    }
}

static void render_row(const struct text *t, const struct doc_table *table, const size_t *widths,
                       const struct doc_cell *cells, enum doc_style row_style) {
    struct strbuf *out = t->out;
    size_t pending = INDENT; /* blanks owed: never written at the end of a line */
    for (uint32_t c = 0; c < table->column_count; c++) {
        const char *text = cells ? cells[c].text : table->columns[c].title;
        enum doc_style style = row_style != DOC_PLAIN || !cells ? row_style : cells[c].style;
        struct strbuf cut;
        strbuf_init(&cut);
        if (table->columns[c].cut == CUT_TYPE)
            fmt_cut_type(&cut, text ? text : "", widths[c]);
        else if (table->columns[c].cut == CUT_END)
            fmt_cut_end(&cut, text ? text : "", widths[c]);
        else
            fmt_cut(&cut, text ? text : "", widths[c]);
        size_t width = fmt_width(strbuf_cstr(&cut)), pad = widths[c] - width;
        if (table->columns[c].right)
            pending += pad;
        if (width) {
            spaces(out, pending);
            pending = 0;
            style_on(t, style);
            strbuf_add(out, strbuf_str(&cut));
            style_off(t, style);
        }
        pending += (table->columns[c].right ? 0 : pad) + GAP;
        strbuf_fail(out, &cut.err);
        strbuf_deinit(&cut);
    }
    strbuf_addc(out, '\n');
}

#define COLUMNS_MOST 64u

static void render_table(const struct text *t, const struct doc_table *table) {
    size_t widths[COLUMNS_MOST];
    if (table->column_count > COLUMNS_MOST || !table->row_count)
        return;
    column_widths(t, table, widths);
    render_row(t, table, widths, NULL, DOC_DIM);
    for (uint32_t r = 0; r < table->row_count; r++)
        render_row(t, table, widths, table->rows[r].cells, table->rows[r].style);
}

static void render_block(const struct text *t, const struct doc_block *b) {
    size_t indent = b->kind == DOC_ITEM ? INDENT : b->kind == DOC_STACK ? 2 * INDENT : 0;
    switch (b->kind) {
    case DOC_TITLE:
    case DOC_HEADING:
        if (t->out->len)
            strbuf_addc(t->out, '\n');
        style_on(t, DOC_STRONG);
        strbuf_adds(t->out, b->text);
        style_off(t, DOC_STRONG);
        strbuf_addc(t->out, '\n');
        break;
    case DOC_FOOT:
        strbuf_addc(t->out, '\n');
        style_on(t, b->style);
        wrap(t->out, b->text, 0, t->width);
        style_off(t, b->style);
        strbuf_addc(t->out, '\n');
        break;
    case DOC_PARA:
    case DOC_ITEM:
        spaces(t->out, indent);
        style_on(t, b->style);
        wrap(t->out, b->text, indent + (b->kind == DOC_ITEM ? INDENT : 0), t->width);
        style_off(t, b->style);
        strbuf_addc(t->out, '\n');
        break;
    case DOC_STACK:
        spaces(t->out, indent);
        fmt_cut_frame(t->out, b->text,
                      t->width > indent + NAME_LEAST ? t->width - indent : NAME_LEAST);
        strbuf_addc(t->out, '\n');
        break;
    case DOC_FINDING:
    case DOC_CAUSE:
        render_told(t, b);
        break;
    case DOC_TABLE:
        render_table(t, b->table);
        break;
    }
}

static void text_file_render(const struct doc *d, const struct report_options *o,
                             struct strbuf *out) {
    struct text t = {out, o->width ? o->width : REPORT_WIDTH, o->color};
    uint32_t first = 0, findings = 0, shown = 0;
    for (uint32_t i = 0; i < d->count; i++) {
        if (d->blocks[i].kind != DOC_FINDING) {
            render_block(&t, &d->blocks[i]);
            continue;
        }
        first = i;
        while (i + 1 < d->count && d->blocks[i + 1].kind == DOC_FINDING)
            i++;
        findings = i - first + 1;
        shown = render_first_findings(&t, &d->blocks[first], findings, o->all);
    }
    if (shown == findings)
        return;
    struct doc_block more = {.kind = DOC_HEADING, .text = "More findings"};
    render_block(&t, &more);
    for (uint32_t i = shown; i < findings; i++)
        render_told(&t, &d->blocks[first + i]);
}

bool text_render(struct doc *d, const struct report_options *o, struct strbuf *out,
                 struct err *err) {
    if (!doc_failed(d))
        text_file_render(d, o, out);
    bool ok = err_none(&d->err, err) && strbuf_ok(out, err);
    doc_deinit(d);
    return ok;
}

static bool text_show(const struct series *s, const struct findings *f,
                      const struct report_options *o, struct strbuf *out, struct err *err) {
    struct doc d;
    doc_init(&d);
    doc_build_show(&d, s, f, o);
    return text_render(&d, o, out, err);
}

static bool text_diff(const struct series *s, const struct findings *f,
                      const struct report_options *o, struct strbuf *out, struct err *err) {
    struct doc d;
    doc_init(&d);
    doc_build_diff(&d, s, f, o);
    return text_render(&d, o, out, err);
}

const struct report report_text = {
    "text", "for people: the answer first, then the tables", text_show, text_diff, false, 0};
