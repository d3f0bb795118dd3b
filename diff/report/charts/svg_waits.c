/* Who waits for whom as a picture: boxes from left to right, and arrows. */
#include "diff/report/charts/layout.h"
#include "diff/report/charts/markup.h"

#define ROW_HEIGHT 50
#define BOX_HEIGHT 38
#define BOX_PART   0.87 /* of a column; the rest is the arrow's */

struct waits_drawing {
    const struct chart_chains *c;
    const struct waits_layout *l;
    const struct chart_page *page;
    struct strbuf *out;
};

static double box_left(const struct waits_drawing *d, uint32_t n) {
    /* The last column needs no room for an arrow. */
    return d->l->boxes[n].column / (d->l->columns - 1 + BOX_PART);
}

static double box_width(const struct waits_drawing *d) {
    return BOX_PART / (d->l->columns - 1 + BOX_PART);
}

static double box_top(const struct waits_drawing *d, uint32_t n) {
    return d->l->boxes[n].row * ROW_HEIGHT + 2;
}

static void wait_line(const struct waits_drawing *d, const char *class, double x1, double y1,
                      double x2, double y2) {
    strbuf_addf(d->out, "<line class=\"%s\" x1=\"", class);
    markup_percent(d->out, x1);
    strbuf_adds(d->out, "\" y1=\"");
    markup_number(d->out, y1);
    strbuf_adds(d->out, "\" x2=\"");
    markup_percent(d->out, x2);
    strbuf_adds(d->out, "\" y2=\"");
    markup_number(d->out, y2);
    strbuf_adds(d->out, "\"/>");
}

static void wait_head(const struct waits_drawing *d, const char *class, double x, double y,
                      const char *path) {
    strbuf_addf(d->out, "<svg class=\"head %s\" x=\"", class);
    markup_percent(d->out, x);
    strbuf_adds(d->out, "\" y=\"");
    markup_number(d->out, y);
    strbuf_addf(d->out, "\"><path d=\"%s\"/></svg>\n", path);
}

static void wait_arrow(const struct waits_drawing *d, uint32_t n, uint32_t next) {
    const char *class = d->c->waits[n].circle && d->c->waits[next].circle ? "way round" : "way";
    double x = box_left(d, next), y = box_top(d, next) + BOX_HEIGHT / 2.0;
    wait_line(d, class, box_left(d, n) + box_width(d), box_top(d, n) + BOX_HEIGHT / 2.0, x, y);
    wait_head(d, class, x, y, "M-8 -4L0 0L-8 4Z");
}

/* From the last of a circle back to its first, below both. */
static void wait_back(const struct waits_drawing *d, uint32_t last, uint32_t first) {
    double from = box_left(d, last) + box_width(d) / 2, to = box_left(d, first) + box_width(d) / 2;
    double y = d->l->boxes[last].row, top = box_top(d, first) + BOX_HEIGHT;
    for (uint32_t n = first; n != last; n = d->c->waits[n].next)
        y = d->l->boxes[n].row > y ? d->l->boxes[n].row : y;
    y = (y + 1) * ROW_HEIGHT + 8;
    wait_line(d, "way round", from, box_top(d, last) + BOX_HEIGHT, from, y);
    wait_line(d, "way round", from, y, to, y);
    wait_line(d, "way round", to, y, to, top);
    wait_head(d, "way round", to, top, "M-4 8L0 0L4 8Z");
    strbuf_adds(d->out, "<text class=\"round mid\" x=\"");
    markup_percent(d->out, (from + to) / 2);
    strbuf_adds(d->out, "\" y=\"");
    markup_number(d->out, y - 5);
    bool room = d->l->boxes[last].column > d->l->boxes[first].column + 1;
    strbuf_addf(d->out, "\">deadlock%s</text>\n", room ? ": none of them ever goes on" : "");
}

static void wait_text(const struct waits_drawing *d, const char *class, int x, int y,
                      const char *text) {
    strbuf_addf(d->out, "<text class=\"%s\" x=\"%d\" y=\"%d\">", class, x, y);
    markup_text_cut(d->out, text, 90);
    strbuf_adds(d->out, "</text>");
}

static void wait_box(const struct waits_drawing *d, uint32_t n) {
    static const char *const kinds[] = {
        [CHART_THREAD] = "thread", [CHART_LOCK] = "lock", [CHART_THING] = "thing"};
    const struct chart_wait *wait = &d->c->waits[n];
    bool linked = markup_link(d->out, d->page, 'h', wait->thread), what = wait->what && *wait->what;
    strbuf_addf(d->out, "<svg class=\"%s%s\" x=\"", kinds[wait->kind],
                wait->circle               ? " round"
                : wait->next == CHART_NONE ? " last"
                                           : "");
    markup_percent(d->out, box_left(d, n));
    strbuf_adds(d->out, "\" y=\"");
    markup_number(d->out, box_top(d, n));
    strbuf_adds(d->out, "\" width=\"");
    markup_percent(d->out, box_width(d));
    strbuf_addf(d->out, "\" height=\"%d\"><title>", BOX_HEIGHT);
    markup_text(d->out, wait->who);
    strbuf_adds(d->out, what ? ": " : "");
    markup_text(d->out, what ? wait->what : "");
    strbuf_addf(d->out, "</title><rect width=\"100%%\" height=\"%d\" rx=\"%d\"/>", BOX_HEIGHT,
                wait->kind == CHART_THREAD ? 4 : BOX_HEIGHT / 2);
    int x = wait->kind == CHART_THREAD ? 8 : 13;
    wait_text(d, "who", x, what ? 16 : 24, wait->who);
    if (what)
        wait_text(d, "tick", x, 31, wait->what);
    strbuf_adds(d->out, linked ? "</svg></a>\n" : "</svg>\n");
}

static void waits_out(const struct waits_drawing *d, const char *title) {
    strbuf_adds(d->out, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"");
    markup_text(d->out, title);
    strbuf_addf(d->out, "\"><svg class=\"chains n%u\" role=\"group\" width=\"100%%\" height=\"",
                d->l->columns);
    markup_number(d->out, d->l->rows * ROW_HEIGHT);
    strbuf_adds(d->out, "\" aria-label=\"");
    markup_text(d->out, title);
    strbuf_adds(d->out, ": the list below says it in words\">\n");
    for (uint32_t n = 0; n < d->c->wait_count; n++) {
        uint32_t next = d->c->waits[n].next;
        if (d->l->boxes[n].column == WAIT_HIDDEN || next >= d->c->wait_count)
            continue;
        if (d->l->boxes[n].back)
            wait_back(d, n, next);
        else
            wait_arrow(d, n, next);
    }
    for (uint32_t n = 0; n < d->c->wait_count; n++)
        if (d->l->boxes[n].column != WAIT_HIDDEN)
            wait_box(d, n);
    strbuf_adds(d->out, "</svg></div>\n");
}

bool svg_waits(const struct chart *chart, const struct chart_page *page, struct arena *arena,
               struct strbuf *out, struct err *err) {
    const struct chart_chains *c = &chart->chains;
    struct waits_layout l;
    if (!waits_layout(c, arena, &l, err))
        return false;
    const struct waits_drawing d = {c, &l, page, out};
    if (c->wait_count)
        waits_out(&d, chart->title);
    if (l.hidden)
        strbuf_addf(out, "<p class=\"dim\">[%u more wait further away]</p>\n", l.hidden);
    strbuf_adds(out, "<details><summary>The same in words</summary>\n");
    html_chains(chart, page, out);
    strbuf_adds(out, "</details>\n");
    return true;
}
