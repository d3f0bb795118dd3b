/* Threads over the snapshots, and chains of waits: tables and lists, since they are read. */
#include "diff/report/charts/markup.h"

static const char *const state_classes[STATES] = {
    [STATE_ABSENT] = "no", [STATE_THERE] = "is", [STATE_WAITS] = "waits",
    [STATE_RUNS] = "runs", [STATE_HOT] = "hot",
};

/* A name, which leads to the row of a thread where the page has it. */
static void moment_name(const char *name, uint32_t thread, const struct chart_page *page,
                        struct strbuf *out) {
    bool linked = markup_link(out, page, 'h', thread);
    markup_text(out, name);
    strbuf_adds(out, linked ? "</a>" : "");
}

static void thread_moment(const struct chart_moment *m, struct strbuf *out) {
    strbuf_addf(out, "<td class=\"%s\">", state_classes[m->state]);
    markup_text(out, m->text);
    if (m->where && *m->where) {
        strbuf_adds(out, "<small>");
        markup_text(out, m->where);
        strbuf_adds(out, "</small>");
    }
    strbuf_adds(out, "</td>");
}

void html_threads(const struct chart *chart, const struct chart_page *page, struct strbuf *out) {
    const struct chart_threads *c = &chart->threads;
    strbuf_adds(out, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"");
    markup_text(out, chart->title);
    strbuf_adds(out, "\"><table class=\"moments\"><thead><tr><th scope=\"col\">thread</th>");
    for (uint32_t p = 0; p < c->points; p++) {
        strbuf_adds(out, "<th scope=\"col\">");
        markup_text(out, c->labels[p]);
        strbuf_adds(out, "</th>");
    }
    strbuf_adds(out, "<th scope=\"col\">over all</th></tr></thead>\n<tbody>");
    for (uint32_t i = 0; i < c->count; i++) {
        strbuf_adds(out, "<tr><th scope=\"row\">");
        moment_name(c->threads[i].label, c->threads[i].thread, page, out);
        strbuf_adds(out, "</th>");
        for (uint32_t p = 0; p < c->points; p++)
            thread_moment(&c->threads[i].moments[p], out);
        strbuf_adds(out, "<td>");
        markup_text(out, c->threads[i].verdict);
        strbuf_adds(out, "</td></tr>\n");
    }
    strbuf_adds(out, "</tbody></table></div>\n");
    if (c->others)
        strbuf_addf(out, "<p class=\"dim\">[%u other%s]</p>\n", c->others, plural(c->others));
}

static void chain_link(const struct chart_link *link, const struct chart_page *page,
                       struct strbuf *out) {
    strbuf_adds(out, "<li><b>");
    moment_name(link->who, link->thread, page, out);
    strbuf_adds(out, "</b>");
    if (link->what && *link->what) {
        strbuf_adds(out, "<small>");
        markup_text(out, link->what);
        strbuf_adds(out, "</small>");
    }
    if (link->why) {
        strbuf_adds(out, "<i>");
        markup_text(out, link->why);
        strbuf_adds(out, "</i>");
    }
    strbuf_adds(out, "</li>\n");
}

void html_chains(const struct chart *chart, const struct chart_page *page, struct strbuf *out) {
    const struct chart_chains *c = &chart->chains;
    for (uint32_t i = 0; i < c->count; i++) {
        const struct chart_chain *chain = &c->chains[i];
        strbuf_addf(out, "<ol class=\"chain%s\">\n", chain->circle ? " circle" : "");
        for (uint32_t k = 0; k < chain->count; k++)
            chain_link(&chain->links[k], page, out);
        strbuf_adds(out, "</ol>\n");
        if (chain->circle)
            strbuf_adds(out, "<p class=\"bad\">The last waits for the first: none of them ever "
                             "goes on.</p>\n");
        if (chain->others)
            strbuf_addf(out, "<p class=\"dim\">%u more thread%s for the second of them.</p>\n",
                        chain->others, chain->others == 1 ? " waits" : "s wait");
    }
    if (c->others)
        strbuf_addf(out, "<p class=\"dim\">[%u more chains]</p>\n", c->others);
}
