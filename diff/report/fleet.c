#include "diff/report/fleet.h"

#include "diff/report/charts/chart.h"
#include "diff/report/doc.h"
#include "diff/report/fmt.h"

#include <math.h>

#define FLEET_INSTANCES 10u
#define FLEET_LINES     8u

static const char *fleet_slope(double slope, char buf[FMT_MAX]) {
    return isnan(slope) ? "-" : fmt_bytes_delta((int64_t)fmax(fmin(slope, 9e18), -9e18), buf);
}

static void doc_fleet_head(struct doc *d, const struct fleet *f) {
    char a[FMT_MAX], b[FMT_MAX];
    doc_text(d, DOC_TITLE, DOC_PLAIN, "%s: %u instance%s, %u run%s, %s snapshots", f->program,
             f->instances, plural(f->instances), f->runs, plural(f->runs),
             fmt_count(f->snapshots, a));
    if (f->since_ns != ABSENT)
        doc_text(d, DOC_PARA, DOC_DIM, "from %s to %s", fmt_second(f->since_ns, a),
                 fmt_second(f->until_ns, b));
    if (f->short_runs)
        doc_text(d, DOC_PARA, DOC_DIM,
                 "%u run%s with fewer than five snapshots: too few to tell growth from chance",
                 f->short_runs, plural(f->short_runs));
    doc_text(d, d->is_page ? DOC_VERDICT : DOC_PARA, f->leak_count ? DOC_BAD : DOC_GOOD,
             f->leak_count ? "%u type%s beyond chance." : "No type grows beyond chance.",
             f->leak_count, f->leak_count == 1 ? " grows" : "s grow");
}

static void doc_leak_releases(struct doc *d, const struct fleet_leak *l, const char *unit) {
    struct strbuf text;
    char buf[FMT_MAX];
    strbuf_init(&text);
    for (uint32_t i = 0; i < l->release_count; i++) {
        const struct fleet_release *r = &l->releases[i];
        strbuf_addf(&text, "%s%s: %u of %u run%s, median %s %s", i ? "; " : "", r->name, r->growing,
                    r->judged, plural(r->judged), fleet_slope(r->median, buf), unit);
    }
    if (text.len)
        doc_text(d, DOC_ITEM, DOC_DIM, "other releases: %s", strbuf_cstr(&text));
    strbuf_deinit(&text);
}

static void doc_leak_instances(struct doc *d, const struct fleet_leak *l, const char *unit,
                               const struct report_options *o) {
    static const struct doc_column columns[] = {{"instance", false, CUT_MIDDLE},
                                                {"slope", true, CUT_NEVER},
                                                {"first", true, CUT_NEVER},
                                                {"last", true, CUT_NEVER}};
    char buf[FMT_MAX];
    uint32_t shown = o->all || o->top == TOP_ALL ? l->item_count
                     : o->top == TOP_DEFAULT     ? FLEET_INSTANCES
                                                 : o->top;
    (void)unit;
    shown = shown < l->item_count ? shown : l->item_count;
    struct doc_table *t = doc_table(d, columns, 4);
    for (uint32_t i = 0; i < shown; i++) {
        doc_row(d, t, DOC_PLAIN);
        doc_cell(d, t, DOC_PLAIN, *l->items[i].name ? l->items[i].name : "-");
        doc_cell(d, t, DOC_PLAIN, fleet_slope(l->items[i].slope, buf));
        doc_bytes(d, t, l->items[i].first);
        doc_bytes(d, t, l->items[i].last);
        if (d->is_page)
            doc_series(d, t, l->items[i].bytes, l->points);
    }
    if (shown < l->item_count)
        doc_text(d, DOC_ITEM, DOC_DIM, "[%u other%s: --all]", l->item_count - shown,
                 plural(l->item_count - shown));
}

/* The steepest ones, from the start of each process on. */
static void doc_leak_chart(struct doc *d, const struct fleet_leak *l) {
    uint32_t count = l->item_count < FLEET_LINES ? l->item_count : FLEET_LINES;
    struct chart *chart = arena_alloc(&d->arena, sizeof(*chart));
    struct chart_line *lines = arena_array(&d->arena, (size_t)count + 1, sizeof(*lines));
    const char **labels = arena_array(&d->arena, (size_t)l->points + 1, sizeof(*labels));
    if (!chart || !lines || !labels) {
        doc_fail_nomem(d);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        lines[i] = (struct chart_line){doc_copy(d, *l->items[i].name ? l->items[i].name : "-"),
                                       l->items[i].bytes, CHART_NONE, NULL, CHART_NONE};
    for (uint32_t i = 0; i < l->points; i++) {
        char label[16];
        snprintf(label, sizeof(label), "%u", i + 1);
        labels[i] = doc_copy(d, label);
    }
    *chart = (struct chart){.kind = CHART_LINES,
                            .title = "Bytes by snapshot since the process began",
                            .summary = "each line is an instance; the steepest are shown",
                            .lines = {CHART_BYTES, l->points, labels, NULL, lines, count, false}};
    doc_chart(d, chart);
}

static void doc_leak(struct doc *d, const struct fleet *f, const struct fleet_leak *l,
                     const struct report_options *o) {
    char median[FMT_MAX], worst[FMT_MAX], p[FMT_MAX];
    doc_text(d, DOC_HEADING, DOC_PLAIN, "%s", l->type);
    doc_text(d, DOC_PARA, DOC_PLAIN,
             "grows in release %s%s%s on %u of %u instance%s: median %s, worst %s %s (p %s)",
             *l->release ? l->release : "-", *l->environment ? " in " : "", l->environment,
             l->item_count, l->instances, plural(l->instances), fleet_slope(l->median, median),
             fleet_slope(l->worst, worst), f->unit, fmt_p(l->p_value, p));
    if (l->held_by)
        doc_text(d, DOC_PARA, DOC_PLAIN, "held by %s", l->held_by);
    doc_leak_releases(d, l, f->unit);
    if (d->is_page && l->points > 1 && l->item_count)
        doc_leak_chart(d, l);
    doc_leak_instances(d, l, f->unit, o);
}

static void doc_build_fleet(struct doc *d, const struct fleet *f, const struct report_options *o) {
    doc_fleet_head(d, f);
    for (uint32_t i = 0; i < f->leak_count; i++)
        doc_leak(d, f, &f->leaks[i], o);
}

bool fleet_text(const struct fleet *f, const struct report_options *o, struct strbuf *out,
                struct err *err) {
    struct doc d;
    doc_init(&d);
    doc_build_fleet(&d, f, o);
    return text_render(&d, o, out, err);
}

bool fleet_html(const struct fleet *f, const struct report_options *o, struct strbuf *out,
                struct err *err) {
    struct doc d;
    doc_init(&d);
    d.is_page = true;
    doc_build_fleet(&d, f, o);
    return html_finish(&d, out, err);
}
