/* Values over the snapshots: bands one above another, or lines. */
#include "diff/report/charts/layout.h"
#include "diff/report/charts/markup.h"

#include <inttypes.h>
#include <math.h>

#define PLOT_HEIGHT    220
#define PLOT_TOP       14 /* for the letters of the highest line of the grid */
#define PLOT_FOOT      22 /* for the names of the snapshots */
#define TONES_OF_LINES 8u
#define LABELS_MOST    6u

static double plot_y(double part) {
    return PLOT_TOP + (1 - part) * PLOT_HEIGHT;
}

static void plot_grid(const struct lines_layout *l, struct strbuf *out) {
    for (uint32_t i = 0; i < l->tick_count; i++) {
        double y = plot_y((double)i / (double)(l->tick_count - 1));
        strbuf_adds(out, "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"");
        markup_number(out, y);
        strbuf_adds(out, "\" y2=\"");
        markup_number(out, y);
        strbuf_adds(out, "\"/>\n");
    }
}

/* Above all bands, so that they can be read. */
static void plot_ticks(const struct chart_lines *c, const struct lines_layout *l,
                       struct strbuf *out) {
    for (uint32_t i = 1; i < l->tick_count; i++) {
        strbuf_adds(out, "<text class=\"tick\" x=\"0\" y=\"");
        markup_number(out, plot_y((double)i / (double)(l->tick_count - 1)) - 3);
        strbuf_adds(out, "\">");
        chart_figure(out, c->unit, l->ticks[i]);
        strbuf_adds(out, "</text>\n");
    }
}

/* "M0 980L1000 20", with a new M behind each gap; backwards for the other edge of a band. */
static void plot_path(struct strbuf *out, const double *x, const double *y, uint32_t points,
                      bool backwards, bool go_on) {
    bool down = go_on;
    for (uint32_t i = 0; i < points; i++) {
        uint32_t p = backwards ? points - 1 - i : i;
        if (isnan(y[p])) {
            down = false;
            continue;
        }
        strbuf_addc(out, down ? 'L' : 'M');
        markup_number(out, x[p] * 1000);
        strbuf_addc(out, ' ');
        markup_number(out, (1 - y[p]) * 1000);
        down = true;
    }
}

uint32_t line_tone(const struct chart_lines *c, uint32_t i) {
    bool apart = c->stacked || c->total; /* the first is what the others are parts of, or not */
    return apart && i == 0 ? 0 : 1 + (i - apart) % (TONES_OF_LINES - 1);
}

void line_said(const struct chart_lines *c, uint32_t i, uint32_t point, struct strbuf *out) {
    markup_text(out, c->lines[i].name);
    strbuf_adds(out, ", ");
    markup_text(out, c->labels[point]);
    strbuf_adds(out, ": ");
    chart_figure(out, c->unit, c->lines[i].values[point]);
}

static void plot_bands(const struct chart_lines *c, const struct lines_layout *l,
                       struct strbuf *out) {
    strbuf_addf(out,
                "<svg x=\"0\" y=\"%d\" width=\"100%%\" height=\"%d\" viewBox=\"0 0 1000 1000\" "
                "preserveAspectRatio=\"none\">",
                PLOT_TOP, PLOT_HEIGHT);
    for (uint32_t i = 0; i < c->count; i++) {
        const struct line_band *band = &l->bands[i];
        if (c->stacked) {
            strbuf_addf(out, "<path class=\"band k%u\" d=\"", line_tone(c, i));
            plot_path(out, l->x, band->high, c->points, false, false);
            plot_path(out, l->x, band->low, c->points, true, true);
            strbuf_adds(out, "Z\"/>");
        }
        strbuf_addf(out, "<path class=\"edge k%u\" d=\"", line_tone(c, i));
        plot_path(out, l->x, band->high, c->points, false, false);
        strbuf_adds(out, "\"/>\n");
    }
    strbuf_adds(out, "</svg>\n");
}

static void plot_points(const struct chart_lines *c, const struct lines_layout *l,
                        struct strbuf *out) {
    for (uint32_t i = 0; i < c->count; i++)
        for (uint32_t p = 0; p < c->points; p++) {
            if (c->lines[i].values[p] == ABSENT)
                continue;
            strbuf_addf(out, "<circle class=\"k%u\" r=\"3\" cx=\"", line_tone(c, i));
            markup_percent(out, l->x[p]);
            strbuf_adds(out, "\" cy=\"");
            markup_number(out, plot_y(l->bands[i].high[p]));
            strbuf_adds(out, "\"><title>");
            line_said(c, i, p, out);
            strbuf_adds(out, "</title></circle>\n");
        }
}

void chart_elapsed(struct strbuf *out, uint64_t ns) {
    uint64_t s = ns / 1000000000u, minutes = s / 60, hours = minutes / 60;
    if (hours >= 48)
        strbuf_addf(out, "+%" PRIu64 " d %" PRIu64 " h", hours / 24, hours % 24);
    else if (hours)
        strbuf_addf(out, "+%" PRIu64 " h %" PRIu64 " min", hours, minutes % 60);
    else if (minutes)
        strbuf_addf(out, "+%" PRIu64 " min", minutes);
    else
        strbuf_addf(out, "+%" PRIu64 " s", s);
}

/* Under the plot: what each point is; of many the first and the last. */
static void plot_labels(const struct chart_lines *c, const struct lines_layout *l,
                        struct strbuf *out) {
    uint32_t last = c->points - 1;
    for (uint32_t p = 0; p <= last; p++) {
        if (c->points > LABELS_MOST && p && p != last)
            continue;
        strbuf_addf(out, "<text class=\"tick%s\" y=\"%d\" x=\"",
                    p == 0      ? ""
                    : p == last ? " end"
                                : " mid",
                    PLOT_TOP + PLOT_HEIGHT + PLOT_FOOT - 6);
        markup_percent(out, l->x[p]);
        strbuf_adds(out, "\">");
        markup_text_cut(out, c->labels[p], 24);
        if (p && c->times_ns) {
            strbuf_addc(out, ' ');
            chart_elapsed(out, c->times_ns[p] - c->times_ns[0]);
        }
        strbuf_adds(out, "</text>\n");
    }
}

static void plot_legend_line(const struct chart_lines *c, uint32_t i, const struct chart_page *page,
                             struct strbuf *out) {
    const struct chart_line *line = &c->lines[i];
    uint64_t first = line->values[0], last = line->values[c->points - 1];
    strbuf_addf(out, "<li class=\"k%u\">", line_tone(c, i));
    bool linked =
        markup_link(out, page, 'c', line->cause) || markup_link(out, page, 't', line->type);
    markup_text(out, line->name);
    strbuf_adds(out, linked ? "</a> <span>" : " <span>");
    chart_figure(out, c->unit, first);
    strbuf_adds(out, " \xe2\x86\x92 ");
    chart_figure(out, c->unit, last);
    if (first != ABSENT && last != ABSENT) {
        strbuf_adds(out, " (");
        chart_delta(out, c->unit, first, last);
        strbuf_addc(out, ')');
    }
    strbuf_adds(out, "</span>");
    if (line->verdict && *line->verdict) {
        strbuf_adds(out, " <b>");
        markup_text(out, line->verdict);
        strbuf_adds(out, "</b>");
    }
    strbuf_adds(out, "</li>\n");
}

void lines_legend(const struct chart_lines *c, const struct chart_page *page, struct strbuf *out) {
    strbuf_adds(out, "<ul class=\"legend\">\n");
    for (uint32_t i = c->count; i-- > 0;)
        plot_legend_line(c, c->total ? c->count - 1 - i : i, page, out);
    strbuf_adds(out, "</ul>\n");
}

bool svg_lines(const struct chart *chart, const struct chart_page *page, struct arena *arena,
               struct strbuf *out, struct err *err) {
    const struct chart_lines *c = &chart->lines;
    struct lines_layout l;
    if (!lines_layout(c, arena, &l, err))
        return false;
    strbuf_addf(out, "<svg class=\"plot\" role=\"img\" width=\"100%%\" height=\"%d\" aria-label=\"",
                PLOT_TOP + PLOT_HEIGHT + PLOT_FOOT);
    markup_text(out, chart->title);
    strbuf_adds(out, ": the figures are in the list below\">\n");
    plot_grid(&l, out);
    plot_bands(c, &l, out);
    plot_ticks(c, &l, out);
    plot_points(c, &l, out);
    plot_labels(c, &l, out);
    strbuf_adds(out, "</svg>\n");
    lines_legend(c, page, out);
    return true;
}
