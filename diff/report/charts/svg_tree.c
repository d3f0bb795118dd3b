/* Who holds what, or calls what: roots on top, each as wide as what it holds. */
#include "diff/report/charts/layout.h"
#include "diff/report/charts/markup.h"

#define ROW_HEIGHT  22
#define LABEL_LEAST 0.012 /* of the width: a letter or two */
#define LABEL_MOST  110   /* characters */
#define NAME_MOST   600   /* characters of the whole name */
#define LETTER      7.4   /* [pixels] of a label, about */
#define PAGE        1150  /* [pixels] that most windows have at least */

static void tree_box_said(const struct chart_tree *tree, const struct chart_node *node,
                          const struct tree_layout *l, struct strbuf *out) {
    markup_text_cut(out, node->full ? node->full : node->name, NAME_MOST);
    strbuf_adds(out, ": ");
    if (tree->compared)
        chart_change(out, tree->unit, node->base, node->now);
    else
        chart_figure(out, tree->unit, node->now);
    if (l->total) {
        strbuf_adds(out, " (");
        markup_number(out, (double)(node->now * 1000 / l->total) / 10);
        strbuf_adds(out, " % of all)");
    }
}

/*
 * The name, and where there is room " (494.5 KiB, +370.9 KiB)", for who has no pointer to ask with.
 * How wide the page will be nobody knows: in a narrow one the bracket that does not close says that
 * a figure is cut.
 */
static void tree_box_label(const struct chart_tree *tree, const struct chart_node *node,
                           double width, struct strbuf *out) {
    struct strbuf by;
    strbuf_init(&by);
    strbuf_adds(&by, " (");
    chart_figure(&by, tree->unit, node->now);
    if (tree->compared && node->base != node->now) {
        strbuf_adds(&by, ", ");
        chart_delta(&by, tree->unit, node->base, node->now);
    }
    strbuf_addc(&by, ')');
    strbuf_adds(out, "<text x=\"5\" y=\"15\">");
    size_t begin = out->len;
    markup_text_cut(out, node->name, LABEL_MOST);
    if ((double)(out->len - begin + by.len) * LETTER < width * PAGE) {
        strbuf_adds(out, "<tspan class=\"by\">");
        strbuf_add(out, strbuf_str(&by));
        strbuf_adds(out, "</tspan>");
    }
    strbuf_adds(out, "</text>");
    strbuf_fail(out, &by.err);
    strbuf_deinit(&by);
}

static void tree_box(const struct chart_tree *tree, const struct tree_layout *l, uint32_t i,
                     struct strbuf *out) {
    const struct tree_box *box = &l->boxes[i];
    const struct chart_node *node = &tree->nodes[box->node];
    strbuf_addf(out, "<svg class=\"%s\" x=\"", tone_class(box->tone));
    markup_percent(out, box->x);
    strbuf_addf(out, "\" y=\"%u\" height=\"%d\" width=\"", box->depth * ROW_HEIGHT, ROW_HEIGHT - 1);
    markup_percent(out, box->width);
    strbuf_adds(out, "\" data-p=\"");
    if (box->parent != CHART_NONE)
        strbuf_addf(out, "%u", box->parent);
    if (tree->compared) {
        strbuf_adds(out, "\" data-g=\"");
        markup_number(out, box->growth_x * 100);
        strbuf_addc(out, ' ');
        markup_number(out, box->growth_width * 100);
    }
    strbuf_adds(out, "\"><title>");
    tree_box_said(tree, node, l, out);
    strbuf_adds(out, "</title><rect width=\"100%\" height=\"100%\"/>");
    if (box->width > LABEL_LEAST || box->growth_width > LABEL_LEAST)
        tree_box_label(tree, node, box->width, out);
    strbuf_adds(out, "</svg>\n");
}

bool svg_tree(struct chart *chart, const struct chart_page *page, struct arena *arena,
              struct strbuf *out, struct err *err) {
    struct tree_layout l;
    struct chart_tree *tree = &chart->tree;
    (void)page;
    if (!tree_layout(tree, arena, &l, err))
        return false;
    tone_legend(tree->compared, out);
    strbuf_addf(out,
                "<svg class=\"tree%s\" role=\"img\" width=\"100%%\" height=\"%u\" aria-label=\"",
                tree->compared && l.grown ? " both" : "", l.rows * ROW_HEIGHT);
    markup_text(out, chart->title);
    strbuf_adds(out, "\">\n");
    for (uint32_t i = 0; i < l.count; i++)
        tree_box(tree, &l, i, out);
    strbuf_adds(out, "</svg>\n");
    if (l.hidden)
        strbuf_addf(out, "<p class=\"dim\">%u more %s too narrow or too deep to be shown.</p>\n",
                    l.hidden, l.hidden == 1 ? "is" : "are");
    return true;
}
