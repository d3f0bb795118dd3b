#include "diff/report/charts/markup.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void markup_text(struct strbuf *out, const char *text) {
    for (const char *p = text; *p;) {
        size_t plain = strcspn(p, "<>&\"'");
        strbuf_add(out, (struct str){p, plain});
        p += plain;
        switch (*p) {
        case '<':
            strbuf_adds(out, "&lt;");
            break;
        case '>':
            strbuf_adds(out, "&gt;");
            break;
        case '&':
            strbuf_adds(out, "&amp;");
            break;
        case '"':
            strbuf_adds(out, "&quot;");
            break;
        case '\'':
            strbuf_adds(out, "&#39;");
            break;
        default:
            return;
        }
        p++;
    }
}

void markup_text_cut(struct strbuf *out, const char *text, size_t most) {
    size_t characters = 0, bytes = 0;
    for (; text[bytes] && characters <= most; bytes++)
        characters += ((unsigned char)text[bytes] & 0xc0) != 0x80;
    if (characters <= most) {
        markup_text(out, text);
        return;
    }
    struct strbuf cut;
    strbuf_init(&cut);
    strbuf_add(&cut, (struct str){text, bytes - 1});
    markup_text(out, strbuf_cstr(&cut));
    strbuf_adds(out, "\xe2\x80\xa6");
    strbuf_fail(out, &cut.err);
    strbuf_deinit(&cut);
}

void markup_number(struct strbuf *out, double value) {
    long long thousandths = isfinite(value) && fabs(value) < 1e12 ? llround(value * 1000) : 0;
    long long size = thousandths < 0 ? -thousandths : thousandths;
    strbuf_addf(out, "%s%lld", thousandths < 0 ? "-" : "", size / 1000);
    if (size % 1000 == 0)
        return;
    char digits[8];
    snprintf(digits, sizeof(digits), ".%03lld", size % 1000);
    size_t length = strlen(digits);
    while (digits[length - 1] == '0')
        length--;
    strbuf_add(out, (struct str){digits, length});
}

void markup_percent(struct strbuf *out, double part) {
    markup_number(out, part > 0 ? part * 100 : 0);
    strbuf_addc(out, '%');
}

void chart_figure(struct strbuf *out, enum chart_unit unit, uint64_t value) {
    char buf[HUMAN_MAX];
    if (value == ABSENT)
        strbuf_addc(out, '-');
    else
        strbuf_adds(out, unit == CHART_BYTES ? human_bytes(value, buf) : human_count(value, buf));
}

void chart_delta(struct strbuf *out, enum chart_unit unit, uint64_t base, uint64_t now) {
    if (base != now)
        strbuf_addc(out, now > base ? '+' : '-');
    if (base == now)
        strbuf_addc(out, '0');
    else
        chart_figure(out, unit, now > base ? now - base : base - now);
}

void chart_change(struct strbuf *out, enum chart_unit unit, uint64_t base, uint64_t now) {
    chart_figure(out, unit, now);
    if (base == now) {
        strbuf_adds(out, ", as before");
        return;
    }
    strbuf_adds(out, ", was ");
    chart_figure(out, unit, base);
    strbuf_adds(out, ": ");
    chart_delta(out, unit, base, now);
}

bool markup_link(struct strbuf *out, const struct chart_page *page, char kind, uint32_t number) {
    if (number == CHART_NONE || !page->has(page->context, kind, number))
        return false;
    strbuf_addf(out, "<a href=\"#%c%u\">", kind, number);
    return true;
}

static const char *const tone_classes[TONES] = {
    [TONE_PLAIN] = "t0", [TONE_SAME] = "t1", [TONE_UP_1] = "u1", [TONE_UP_2] = "u2",
    [TONE_UP_3] = "u3",  [TONE_NEW] = "nw",  [TONE_DOWN] = "dn", [TONE_GONE] = "gn",
};

const char *tone_class(enum chart_tone tone) {
    return tone_classes[tone];
}

void tone_legend(bool compared, struct strbuf *out) {
    if (!compared)
        return;
    strbuf_adds(out,
                "<ul class=\"tones\"><li class=\"nw\">new</li><li class=\"u3\">grew by more than "
                "a quarter of it</li><li class=\"u2\">by more than a twentieth</li><li "
                "class=\"u1\">by less</li><li class=\"t1\">the same</li><li "
                "class=\"dn\">shrank</li></ul>\n");
}

static bool chart_body(struct chart *c, const struct chart_page *page, struct arena *arena,
                       struct strbuf *out, struct err *err) {
    switch (c->kind) {
    case CHART_LINES:
        return c->lines.points == 2 ? svg_slopes(c, page, arena, out, err)
                                    : svg_lines(c, page, arena, out, err);
    case CHART_TREE:
        return svg_tree(c, page, arena, out, err);
    case CHART_MAP:
        return svg_map(c, page, arena, out, err);
    case CHART_THREADS:
        html_threads(c, page, out);
        return true;
    case CHART_CHAINS:
        return svg_waits(c, page, arena, out, err);
    }
    return true;
}

bool chart_write(struct chart *c, const struct chart_page *page, struct arena *arena,
                 struct strbuf *out, struct err *err) {
    strbuf_addf(out, "<figure id=\"g%u\">\n<figcaption><h3>", page->number);
    markup_text(out, c->title);
    strbuf_adds(out, "</h3><p>");
    markup_text(out, c->summary);
    strbuf_adds(out, "</p></figcaption>\n");
    bool ok = chart_body(c, page, arena, out, err);
    strbuf_adds(out, "</figure>\n");
    return ok;
}
