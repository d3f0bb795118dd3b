/* Two snapshots: slopes from what was to what is, with their figures at both ends. */
#include "diff/report/charts/layout.h"
#include "diff/report/charts/markup.h"

#include <math.h>

#define SLOPE_TOP    12
#define SLOPE_HEIGHT 210
#define SLOPE_FOOT   24 /* for the names of the snapshots */
#define LABEL_HEIGHT 15
/* Characters beside a figure; the list below has the whole name. */
#define NAME_MOST_BEFORE 26
#define NAME_MOST_AFTER  48
#define BEFORE_PART      0.34
#define AFTER_PART       0.56
#define LEADER_PART      0.01 /* from a point to its label */

static double slope_y(double part) {
    return SLOPE_TOP + (1 - part) * SLOPE_HEIGHT;
}

static void slope_line(struct strbuf *out, const char *class, uint32_t tone, const double x[2],
                       const double y[2]) {
    strbuf_addf(out, "<line class=\"%s k%u\" x1=\"", class, tone);
    markup_percent(out, x[0]);
    strbuf_adds(out, "\" y1=\"");
    markup_number(out, slope_y(y[0]));
    strbuf_adds(out, "\" x2=\"");
    markup_percent(out, x[1]);
    strbuf_adds(out, "\" y2=\"");
    markup_number(out, slope_y(y[1]));
    strbuf_adds(out, "\"/>\n");
}

static void slope_name(const struct chart_line *line, int side, struct strbuf *out) {
    strbuf_adds(out, "<tspan class=\"name\">");
    markup_text_cut(out, line->name, side ? NAME_MOST_AFTER : NAME_MOST_BEFORE);
    strbuf_adds(out, "</tspan>");
}

/* "everything 3.8 MiB" on the left; "7.7 MiB +3.8 MiB everything" on the right. */
static void slope_label(const struct chart_lines *c, const struct chart_line *line, int side,
                        double y, struct strbuf *out) {
    strbuf_addf(out, "<text%s x=\"", side ? "" : " class=\"end\"");
    markup_percent(out, side ? AFTER_PART + 2 * LEADER_PART : BEFORE_PART - 2 * LEADER_PART);
    strbuf_adds(out, "\" y=\"");
    markup_number(out, slope_y(y) + 4);
    strbuf_adds(out, "\">");
    if (!side) {
        slope_name(line, side, out);
        strbuf_addc(out, ' ');
    }
    chart_figure(out, c->unit, line->values[side]);
    if (side) {
        if (line->values[0] != ABSENT) {
            strbuf_adds(out, " <tspan class=\"by\">");
            chart_delta(out, c->unit, line->values[0], line->values[1]);
            strbuf_adds(out, "</tspan>");
        }
        strbuf_addc(out, ' ');
        slope_name(line, side, out);
    }
    strbuf_adds(out, "</text>\n");
}

static void slope_end(const struct chart_lines *c, const struct slopes_layout *l, uint32_t i,
                      int side, struct strbuf *out) {
    const struct slope_end *end = &l->ends[side][i];
    double x = side ? AFTER_PART : BEFORE_PART, beside = side ? LEADER_PART : -LEADER_PART;
    if (isnan(end->at))
        return;
    slope_line(out, "leader", line_tone(c, i), (double[]){x, x + beside},
               (double[]){end->at, end->label});
    strbuf_addf(out, "<circle class=\"k%u\" r=\"3.5\" cx=\"", line_tone(c, i));
    markup_percent(out, x);
    strbuf_adds(out, "\" cy=\"");
    markup_number(out, slope_y(end->at));
    strbuf_adds(out, "\"><title>");
    line_said(c, i, (uint32_t)side, out);
    strbuf_adds(out, "</title></circle>\n");
    slope_label(c, &c->lines[i], side, end->label, out);
}

static void slope_foot(const struct chart_lines *c, int side, struct strbuf *out) {
    double x = side ? AFTER_PART : BEFORE_PART;
    slope_line(out, "grid", 0, (double[]){x, x}, (double[]){0, 1});
    strbuf_addf(out, "<text class=\"tick mid\" y=\"%d\" x=\"", SLOPE_TOP + SLOPE_HEIGHT + 18);
    markup_percent(out, x);
    strbuf_adds(out, "\">");
    markup_text_cut(out, c->labels[side], 24);
    if (side && c->times_ns) {
        strbuf_addc(out, ' ');
        chart_elapsed(out, c->times_ns[1] - c->times_ns[0]);
    }
    strbuf_adds(out, "</text>\n");
}

bool svg_slopes(const struct chart *chart, const struct chart_page *page, struct arena *arena,
                struct strbuf *out, struct err *err) {
    const struct chart_lines *c = &chart->lines;
    struct slopes_layout l;
    if (!slopes_layout(c, (double)LABEL_HEIGHT / SLOPE_HEIGHT, arena, &l, err))
        return false;
    strbuf_addf(out,
                "<svg class=\"plot slope\" role=\"img\" width=\"100%%\" height=\"%d\" "
                "aria-label=\"",
                SLOPE_TOP + SLOPE_HEIGHT + SLOPE_FOOT);
    markup_text(out, chart->title);
    strbuf_adds(out, ": the figures are in the list below\">\n");
    slope_line(out, "grid", 0, (double[]){BEFORE_PART, AFTER_PART}, (double[]){0, 0});
    for (int side = 0; side < 2; side++)
        slope_foot(c, side, out);
    for (uint32_t i = 0; i < c->count; i++)
        if (!isnan(l.ends[0][i].at) && !isnan(l.ends[1][i].at))
            slope_line(out, c->total && !i ? "edge all" : "edge", line_tone(c, i),
                       (double[]){BEFORE_PART, AFTER_PART},
                       (double[]){l.ends[0][i].at, l.ends[1][i].at});
    for (uint32_t i = 0; i < c->count; i++)
        for (int side = 0; side < 2; side++)
            slope_end(c, &l, i, side, out);
    strbuf_adds(out, "</svg>\n");
    lines_legend(c, page, out);
    return true;
}
