/* Text and figures in the markup of a page. What a dump says goes through markup_text() alone. */
#ifndef DUMPDIFF_CHARTS_MARKUP_H
#define DUMPDIFF_CHARTS_MARKUP_H

#include "diff/report/charts/layout.h"

/* Appends text that shows as it is, between tags and in quoted attributes alike. */
void markup_text(struct strbuf *out, const char *text);
/* The same of its first `most` characters, with "…" where it is longer. */
void markup_text_cut(struct strbuf *out, const char *text, size_t most);
/* Appends part of a whole as "12.5%": three figures behind the point at most, nothing below 0. */
void markup_percent(struct strbuf *out, double part);
/* Appends a number without zeros at its end: "12.5", "0". What is not finite is 0. */
void markup_number(struct strbuf *out, double value);

/* Appends "1.4 KiB", "12,345", "-" of ABSENT. */
void chart_figure(struct strbuf *out, enum chart_unit unit, uint64_t value);
/* Appends "3.8 MiB, was 1.2 MiB: +2.6 MiB". */
void chart_change(struct strbuf *out, enum chart_unit unit, uint64_t base, uint64_t now);
/* Appends "+2.6 MiB", "-3", "0". */
void chart_delta(struct strbuf *out, enum chart_unit unit, uint64_t base, uint64_t now);

/* Where on the page charts can lead to. */
struct chart_page {
    uint32_t number; /* of the chart, for ids */
    const void *context;
    /* Is there a row of that thread ('h'), type ('t') or cause ('c') on the page? Its id is that
     * letter and number. */
    bool (*has)(const void *context, char kind, uint32_t number);
};

/* Appends <a href="#t12">, where the page has that; false: it has not, and nothing is appended. */
bool markup_link(struct strbuf *out, const struct chart_page *page, char kind, uint32_t number);

/*
 * Appends a chart as a <figure>. `arena` has what it takes to lay it out. Errors: ERR_NOMEM.
 */
bool chart_write(struct chart *c, const struct chart_page *page, struct arena *arena,
                 struct strbuf *out, struct err *err) MUST_CHECK;

/* Appends what the colours of a difference mean; nothing where nothing is compared. */
void tone_legend(bool compared, struct strbuf *out);
/* The class of a tone; never NULL. */
const char *tone_class(enum chart_tone tone);

/* Of both charts of values. The number of the colour of a line: its class is "k3". */
uint32_t line_tone(const struct chart_lines *c, uint32_t i);
/* Appends "Name, after: 3.8 MiB". */
void line_said(const struct chart_lines *c, uint32_t i, uint32_t point, struct strbuf *out);
/* Appends the list of all lines with their first and last figures, and what they lead to. */
void lines_legend(const struct chart_lines *c, const struct chart_page *page, struct strbuf *out);
/* Appends "+30 min", "+2 h 5 min". */
void chart_elapsed(struct strbuf *out, uint64_t ns);

/* What makes the figures of the kinds. Errors: as chart_write(). */
bool svg_lines(const struct chart *c, const struct chart_page *page, struct arena *arena,
               struct strbuf *out, struct err *err) MUST_CHECK;
bool svg_slopes(const struct chart *c, const struct chart_page *page, struct arena *arena,
                struct strbuf *out, struct err *err) MUST_CHECK;
bool svg_tree(struct chart *c, const struct chart_page *page, struct arena *arena,
              struct strbuf *out, struct err *err) MUST_CHECK;
bool svg_map(struct chart *c, const struct chart_page *page, struct arena *arena,
             struct strbuf *out, struct err *err) MUST_CHECK;
bool svg_waits(const struct chart *c, const struct chart_page *page, struct arena *arena,
               struct strbuf *out, struct err *err) MUST_CHECK;
void html_threads(const struct chart *c, const struct chart_page *page, struct strbuf *out);
void html_chains(const struct chart *c, const struct chart_page *page, struct strbuf *out);

#endif
