/* The heap as a map: groups, and in them types, as large as they are. */
#include "diff/report/charts/layout.h"
#include "diff/report/charts/markup.h"

#define MAP_HEIGHT 380
#define MAP_ASPECT 2.6
#define MAP_HEAD   18 /* for the name of a group */

static void map_text(struct strbuf *out, const char *text) {
    strbuf_adds(out, "<text x=\"4\" y=\"13\">");
    markup_text_cut(out, text, 60);
    strbuf_adds(out, "</text>");
}

static void map_said(const struct chart_map *map, const struct map_box *box, struct strbuf *out) {
    strbuf_adds(out, "<title>");
    if (box->item != CHART_NONE) {
        const struct chart_item *item = &map->items[box->item];
        markup_text(out, item->full ? item->full : item->name);
    } else if (box->others) {
        strbuf_addf(out, "[%u other%s] ", box->others, plural(box->others));
        markup_text(out, box->group);
    } else {
        markup_text(out, *box->group ? box->group : "no namespace");
    }
    strbuf_adds(out, ": ");
    if (map->compared)
        chart_change(out, CHART_BYTES, box->base, box->now);
    else
        chart_figure(out, CHART_BYTES, box->now);
    strbuf_adds(out, "</title>");
}

static void map_box_out(const struct chart_map *map, const struct map_box *box,
                        const struct chart_page *page, struct strbuf *out) {
    bool frame = box->item == CHART_NONE && !box->others;
    const struct chart_item *item = box->item == CHART_NONE ? NULL : &map->items[box->item];
    bool linked = item && markup_link(out, page, 't', item->type);
    strbuf_addf(out, "<svg class=\"%s%s\"", frame ? "ns" : tone_class(box->tone),
                box->fine ? " fine" : "");
    if (box->frame != CHART_NONE)
        strbuf_addf(out, " data-g=\"%u\"", box->frame);
    strbuf_adds(out, " x=\"");
    markup_percent(out, box->x);
    strbuf_adds(out, "\" y=\"");
    markup_number(out, box->y * MAP_HEIGHT);
    strbuf_adds(out, "\" width=\"");
    markup_percent(out, box->width);
    strbuf_adds(out, "\" height=\"");
    markup_number(out, box->height > 0 ? box->height * MAP_HEIGHT : 0);
    strbuf_adds(out, "\">");
    map_said(map, box, out);
    strbuf_adds(out, "<rect width=\"100%\" height=\"100%\"/>");
    if (!box->fine && box->height * MAP_HEIGHT >= MAP_HEAD && box->width > 0.02) {
        if (item)
            map_text(out, item->name);
        else if (frame)
            map_text(out, *box->group ? box->group : "(no namespace)");
        else
            map_text(out, "[others]");
    }
    strbuf_adds(out, linked ? "</svg></a>\n" : "</svg>\n");
}

bool svg_map(struct chart *chart, const struct chart_page *page, struct arena *arena,
             struct strbuf *out, struct err *err) {
    struct map_layout l;
    if (!map_layout(&chart->map, MAP_ASPECT, (double)MAP_HEAD / MAP_HEIGHT, arena, &l, err))
        return false;
    tone_legend(chart->map.compared, out);
    strbuf_addf(out,
                "<svg class=\"map\" role=\"group\" width=\"100%%\" height=\"%d\" aria-label=\"",
                MAP_HEIGHT);
    markup_text(out, chart->title);
    strbuf_adds(out, "\">\n");
    for (uint32_t i = 0; i < l.count; i++)
        map_box_out(&chart->map, &l.boxes[i], page, out);
    strbuf_adds(out, "</svg>\n");
    return true;
}
