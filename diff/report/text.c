/* The document for a terminal: the answer first, in at most FINDING_LINES or CAUSE_LINES lines. */
#include "diff/report/doc.h"
#include "diff/report/fmt.h"

#include <stdint.h>
#include <string.h>

#define INDENT        2u
#define GAP           2u
#define NAME_LEAST    24u /* a flexible column is not cut below, unless figures would go */
#define NAME_MIDDLE   20u /* where less tells little less */
#define NAME_SHORT    14u /* and not below, */
#define NAME_AT_ALL   6u  /* unless a line would be too long with names alone */
#define COLUMN_HIDDEN SIZE_MAX
#define FINDING_LINES 24u
#define CAUSE_LINES   28u /* beside their heading, and the line of what lives */
#define CAUSES_MOST   64u
#define LABEL_WIDTH   10u

struct text {
    struct strbuf *out;
    size_t width;
    bool color;
    bool full; /* paths are not cut */
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

/* Bytes of a word that fit, at best up to behind what a name is made of; never 0. */
static size_t wrap_piece(struct str word, size_t columns) {
    size_t fit = 0, best = 0;
    for (size_t i = 0, seen = 0; i < word.len; i++) {
        seen += ((unsigned char)word.ptr[i] & 0xc0) != 0x80;
        if (seen > columns)
            break;
        fit = i + 1;
        best = strchr(".+<,/_", word.ptr[i]) ? fit : best;
    }
    return best ? best : fit ? fit : word.len;
}

struct wrapping {
    struct strbuf *out;
    size_t indent, width, used, lines;
};

static void wrap_line(struct wrapping *w) {
    strbuf_addc(w->out, '\n');
    spaces(w->out, w->indent);
    w->used = w->indent;
    w->lines++;
}

/* A word, in pieces where no line has room for it. */
static void wrap_word(struct wrapping *w, struct str word) {
    bool longer = w->indent + fmt_width_of(word) > w->width && w->width > w->indent + NAME_SHORT;
    while (longer && w->used + fmt_width_of(word) > w->width) {
        size_t room = w->width > w->used ? w->width - w->used : 0;
        if (room < NAME_SHORT) {
            wrap_line(w);
            continue;
        }
        size_t piece = wrap_piece(word, room);
        strbuf_add(w->out, (struct str){word.ptr, piece});
        word = str_drop(word, piece);
        wrap_line(w);
    }
    strbuf_add(w->out, word);
    w->used += fmt_width_of(word);
}

/*
 * Words of `s`, without a line end behind the last, in lines of at most `width` characters; the
 * caller has written the first `indent` characters, further lines are indented by as many. Returns
 * the number of lines.
 */
static size_t wrap(struct strbuf *out, const char *s, size_t indent, size_t width) {
    struct wrapping w = {out, indent, width, indent, 1};
    bool first = true;
    while (*s) {
        s += strspn(s, " ");
        size_t length = strcspn(s, " ");
        struct str word = {s, length};
        if (!first && w.used + 1 + fmt_width_of(word) > width) {
            wrap_line(&w);
            first = true;
        }
        if (!first) {
            strbuf_addc(out, ' ');
            w.used++;
        }
        wrap_word(&w, word);
        first = false;
        s += length;
    }
    return w.lines;
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

/* How much of a cause there is room for. */
enum telling_level { TELL_ALL, TELL_SHORT_PATH, TELL_SHORT_NEXT, TELL_LEVELS };

static const char path_arrow[] = " \xe2\x86\x92 ";

static bool path_fits(const struct text *t, const char *path) {
    return LABEL_WIDTH + 8 + fmt_width(path) <= t->width;
}

#define STEPS_MOST 64u

/* On one line, steps in its middle left out: where it begins, who holds, and what is held. */
static void render_short_path(const struct text *t, const char *path) {
    static const char left_out[] = " \xe2\x86\x92 \xe2\x80\xa6";
    struct str steps[STEPS_MOST];
    size_t count = 0, room = t->width - LABEL_WIDTH - 8 - 4, used = 0, front = 0, back = 0;
    for (const char *at = path; at && count < STEPS_MOST;) {
        const char *end = strstr(at, path_arrow);
        steps[count++] = end ? (struct str){at, (size_t)(end - at)} : str_of(at);
        at = end ? end + strlen(path_arrow) : NULL;
    }
    for (bool at_back = false; front + back < count; at_back = !at_back) {
        struct str step = at_back ? steps[count - 1 - back] : steps[front];
        if (front && back && used + fmt_width_of(step) + 3 > room)
            break;
        used += fmt_width_of(step) + 3;
        *(at_back ? &back : &front) += 1;
    }
    struct strbuf line;
    strbuf_init(&line);
    for (size_t i = 0; i < count; i++) {
        if (i == front && front + back < count)
            strbuf_adds(&line, left_out);
        if (i >= front && i < count - back)
            continue;
        strbuf_adds(&line, i ? path_arrow : "");
        strbuf_add(&line, steps[i]);
    }
    spaces(t->out, LABEL_WIDTH);
    strbuf_adds(t->out, "held by ");
    fmt_cut(t->out, strbuf_cstr(&line), t->width - LABEL_WIDTH - 8);
    strbuf_addc(t->out, '\n');
    strbuf_fail(t->out, &line.err);
    strbuf_deinit(&line);
}

/* On one line where it fits, else a step a line, each one deeper. */
static void render_path(const struct text *t, const char *path, bool on_one_line) {
    bool one = path_fits(t, path);
    if (!one && on_one_line && t->width > 2 * NAME_LEAST) {
        render_short_path(t, path);
        return;
    }
    size_t depth = 0;
    for (const char *at = path; at; depth++) {
        const char *end = one ? NULL : strstr(at, path_arrow);
        size_t indent = LABEL_WIDTH + (depth ? 2 * depth : 0);
        if (indent > t->width / 2)
            indent = t->width / 2;
        spaces(t->out, indent);
        strbuf_adds(t->out, depth ? "\xe2\x86\xb3 " : "held by ");
        indent += depth ? 2 : 8;
        struct strbuf step;
        strbuf_init(&step);
        strbuf_add(&step, end ? (struct str){at, (size_t)(end - at)} : str_of(at));
        size_t room = t->width > indent + NAME_SHORT ? t->width - indent : NAME_SHORT;
        fmt_cut(t->out, strbuf_cstr(&step), t->full ? step.len : room);
        strbuf_addc(t->out, '\n');
        strbuf_fail(t->out, &step.err);
        strbuf_deinit(&step);
        at = end ? end + strlen(path_arrow) : NULL;
    }
}

/* Of a next step the first of what is to be done. */
static void render_next(const struct text *t, const char *next, bool shorter, size_t *lines) {
    struct strbuf part;
    strbuf_init(&part);
    const char *end = shorter ? strpbrk(next, ";:") : NULL;
    const char *stop = shorter ? strstr(next, ". ") : NULL;
    end = !end || (stop && stop < end) ? stop : end;
    if (end && end - next > 20 && !memchr(next, '`', (size_t)(end - next)))
        strbuf_addf(&part, "%.*s.", (int)(end - next), next);
    else
        strbuf_adds(&part, next);
    spaces(t->out, LABEL_WIDTH);
    strbuf_adds(t->out, "next: ");
    *lines += wrap(t->out, strbuf_cstr(&part), LABEL_WIDTH + 6, t->width);
    strbuf_addc(t->out, '\n');
    strbuf_fail(t->out, &part.err);
    strbuf_deinit(&part);
}

/* A finding or a cause. Returns the number of lines, but for those of a path. */
static size_t render_told(const struct text *t, const struct doc_block *b,
                          enum telling_level level) {
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
        render_path(t, b->held_by, level >= TELL_SHORT_PATH);
    if (b->next)
        render_next(t, b->next, level >= TELL_SHORT_NEXT, &lines);
    return lines;
}

static size_t lines_of(const struct text *t, const struct doc_block *b, enum telling_level level) {
    struct strbuf one;
    strbuf_init(&one);
    struct text measured = {&one, t->width, t->color, t->full};
    (void)render_told(&measured, b, level);
    size_t lines = 0;
    for (const char *at = strbuf_cstr(&one); (at = strchr(at, '\n')); at++)
        lines++;
    strbuf_fail(t->out, &one.err);
    strbuf_deinit(&one);
    return lines;
}

/* All causes on one screen: what is less serious gets less room. */
static void render_causes(const struct text *t, const struct doc_block *blocks, uint32_t count,
                          bool all) {
    enum telling_level levels[CAUSES_MOST] = {TELL_ALL};
    uint32_t measured = all || count > CAUSES_MOST ? 0 : count;
    size_t lines = 0;
    for (uint32_t i = 0; i < measured; i++)
        lines += lines_of(t, &blocks[i], TELL_ALL);
    for (enum telling_level level = TELL_SHORT_PATH; level < TELL_LEVELS; level++)
        for (uint32_t i = measured; i-- > 0 && lines > CAUSE_LINES;) {
            lines -= lines_of(t, &blocks[i], levels[i]);
            levels[i] = level;
            lines += lines_of(t, &blocks[i], levels[i]);
        }
    for (uint32_t i = 0; i < count; i++)
        render_told(t, &blocks[i], i < measured ? levels[i] : TELL_ALL);
}

/* The first screen: as many of the findings as fit. Returns how many there were room for. */
static uint32_t render_first_findings(const struct text *t, const struct doc_block *blocks,
                                      uint32_t count, bool all) {
    size_t lines = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct strbuf one;
        strbuf_init(&one);
        struct text measured = {&one, t->width, t->color, t->full};
        lines += render_told(&measured, &blocks[i], TELL_ALL);
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

/*
 * From the last column on: what stands in the front is read first. The name that a row begins with
 * is not cut to the middle before columns that can be spared are gone. Returns the new width of
 * all.
 */
static size_t cut_columns(const struct text *t, const struct doc_table *table, size_t *widths,
                          size_t all, size_t least) {
    for (uint32_t c = table->column_count; c-- && all > t->width;) {
        if (table->columns[c].cut == CUT_NEVER || widths[c] <= least ||
            (c == 0 && least == NAME_MIDDLE))
            continue;
        size_t over = all - t->width;
        size_t cut = widths[c] - least < over ? widths[c] - least : over;
        widths[c] -= cut;
        all -= cut;
    }
    return all;
}

static uint32_t column_among(const struct doc_table *table, const size_t *widths,
                             const char *const *titles, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (uint32_t c = 0; c < table->column_count; c++)
            if (widths[c] != COLUMN_HIDDEN && strcmp(table->columns[c].title, titles[i]) == 0)
                return c;
    return table->column_count;
}

/* Of many dumps one in the middle. */
static uint32_t column_in_the_middle(const struct doc_table *table, const size_t *widths) {
    for (uint32_t c = 1; c + 1 < table->column_count; c++)
        if (widths[c] != COLUMN_HIDDEN && table->columns[c].title[0] == '#' &&
            table->columns[c - 1].title[0] == '#' && table->columns[c + 1].title[0] == '#')
            return c;
    return table->column_count;
}

/* The column that one misses least; column_count: none. */
static uint32_t spare_column(const struct doc_table *table, const size_t *widths) {
    static const char *const first[] = {"an hour", "share", "freed at once", "ever", "kernel"};
    static const char *const then[] = {"trend",   "age", "role",        "allocated",
                                       "private", "tid", "with callees"};
    uint32_t c = column_among(table, widths, first, sizeof(first) / sizeof(*first));
    if (c == table->column_count)
        c = column_in_the_middle(table, widths); /* the trend shows those */
    return c < table->column_count
               ? c
               : column_among(table, widths, then, sizeof(then) / sizeof(*then));
}

/* How long a column stays: what there is now is missed less than what became of it. */
static int column_rank(const char *title) {
    return strcmp(title, "verdict") == 0 ? 2 : strcmp(title, "+/-") == 0;
}

/* Of those that are missed least the one furthest to the right; column_count: none can go. */
static uint32_t last_column(const struct doc_table *table, const size_t *widths) {
    for (int rank = 0; rank <= 2; rank++)
        for (uint32_t c = table->column_count; c-- > 0;)
            if (widths[c] != COLUMN_HIDDEN && table->columns[c].cut == CUT_NEVER &&
                column_rank(table->columns[c].title) == rank && (c || table->columns[c].right))
                return c;
    return table->column_count;
}

static size_t hide_columns(const struct text *t, const struct doc_table *table, size_t *widths,
                           size_t all, uint32_t (*next)(const struct doc_table *, const size_t *)) {
    for (uint32_t c; all > t->width && (c = next(table, widths)) < table->column_count;) {
        all -= widths[c] + GAP;
        widths[c] = COLUMN_HIDDEN;
    }
    return all;
}

/* Paths that were asked for in full length are longer than any line. */
static bool is_full(const struct text *t, const struct doc_table *table) {
    const struct doc_column *last = &table->columns[table->column_count - 1];
    return t->full && last->cut == CUT_NEVER && !last->right;
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
    all = cut_columns(t, table, widths, all, NAME_LEAST);
    if (is_full(t, table))
        return;
    all = cut_columns(t, table, widths, all, NAME_MIDDLE);
    all = hide_columns(t, table, widths, all, spare_column);
    all = cut_columns(t, table, widths, all, NAME_SHORT);
    all = hide_columns(t, table, widths, all, last_column);
    (void)cut_columns(t, table, widths, all, NAME_AT_ALL);
}

/* What there is no room for. */
static void render_hidden(const struct text *t, const struct doc_table *table,
                          const size_t *widths) {
    struct strbuf names;
    strbuf_init(&names);
    for (uint32_t c = 0; c < table->column_count; c++)
        if (widths[c] == COLUMN_HIDDEN)
            strbuf_addf(&names, "%s%s", names.len ? ", " : "", table->columns[c].title);
    if (names.len) {
        struct strbuf line;
        strbuf_init(&line);
        strbuf_addf(&line, "[no room for: %s]", strbuf_cstr(&names));
        spaces(t->out, INDENT);
        style_on(t, DOC_DIM);
        wrap(t->out, strbuf_cstr(&line), INDENT, t->width);
        style_off(t, DOC_DIM);
        strbuf_addc(t->out, '\n');
        strbuf_fail(t->out, &line.err);
        strbuf_deinit(&line);
    }
    strbuf_fail(t->out, &names.err);
    strbuf_deinit(&names);
}

static void render_row(const struct text *t, const struct doc_table *table, const size_t *widths,
                       const struct doc_cell *cells, enum doc_style row_style) {
    struct strbuf *out = t->out;
    size_t pending = INDENT; /* blanks owed: never written at the end of a line */
    for (uint32_t c = 0; c < table->column_count; c++) {
        if (widths[c] == COLUMN_HIDDEN)
            continue;
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
    render_hidden(t, table, widths);
}

/* Lines with the blanks that part them, but for one that is too long. */
static void render_heading(const struct text *t, const char *text) {
    struct str rest = str_of(text), line;
    struct strbuf one;
    strbuf_init(&one);
    style_on(t, DOC_STRONG);
    for (bool first = true; str_next_line(&rest, &line); first = false) {
        strbuf_adds(t->out, first ? "" : "\n");
        strbuf_clear(&one);
        strbuf_add(&one, line);
        if (fmt_width_of(line) > t->width)
            wrap(t->out, strbuf_cstr(&one), 0, t->width);
        else
            strbuf_add(t->out, line);
    }
    style_off(t, DOC_STRONG);
    strbuf_addc(t->out, '\n');
    strbuf_fail(t->out, &one.err);
    strbuf_deinit(&one);
}

static void render_block(const struct text *t, const struct doc_block *b) {
    size_t indent = b->kind == DOC_ITEM ? INDENT : b->kind == DOC_STACK ? 2 * INDENT : 0;
    switch (b->kind) {
    case DOC_TITLE:
    case DOC_HEADING:
        if (t->out->len)
            strbuf_addc(t->out, '\n');
        render_heading(t, b->text);
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
        render_told(t, b, TELL_ALL);
        break;
    case DOC_TABLE:
        render_table(t, b->table);
        break;
    case DOC_VERDICT: /* of pages */
    case DOC_FOLD:
    case DOC_UNFOLD:
    case DOC_CHART:
        break;
    }
}

static void text_file_render(const struct doc *d, const struct report_options *o,
                             struct strbuf *out) {
    struct text t = {out, o->width ? o->width : REPORT_WIDTH, o->color, o->full_paths};
    uint32_t first = 0, findings = 0, shown = 0;
    for (uint32_t i = 0; i < d->count; i++) {
        if (d->blocks[i].kind == DOC_CAUSE) {
            uint32_t begin = i;
            while (i + 1 < d->count && d->blocks[i + 1].kind == DOC_CAUSE)
                i++;
            render_causes(&t, &d->blocks[begin], i - begin + 1, o->all || o->full_paths);
            continue;
        }
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
        render_told(&t, &d->blocks[first + i], TELL_ALL);
}

bool text_render(struct doc *d, const struct report_options *o, struct strbuf *out,
                 struct err *err) {
    if (!doc_failed(d))
        text_file_render(d, o, out);
    if (o->ascii)
        fmt_ascii(out);
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
