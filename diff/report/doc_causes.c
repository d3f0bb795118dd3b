/* The first screen: what is wrong and why. */
#include "diff/report/doc_parts.h"

#include <math.h>

#define CAUSES_MOST      5u
#define CAUSES_MOST_PAGE 30u

static void doc_live_line(const struct doc_context *c, const struct causes *causes) {
    char delta[FMT_MAX], base[FMT_MAX], now[FMT_MAX];
    if (!causes->live_known)
        return;
    fmt_bytes(causes->live_base_bytes, base);
    fmt_bytes(causes->live_new_bytes, now);
    if (!causes->growth_count) {
        doc_text(c->d, DOC_PARA, DOC_PLAIN, "Live objects went from %s to %s: %s.", base, now,
                 causes->live_delta > 0 ? "no holder accumulates enough of that to be a cause"
                                        : "they did not grow");
        return;
    }
    if (causes->live_delta <= 0) {
        doc_text(c->d, DOC_PARA, DOC_PLAIN, "Live objects went from %s to %s.", base, now);
        return;
    }
    double share = (double)causes->explained / (double)causes->live_delta * 100;
    doc_text(c->d, DOC_PARA, DOC_STRONG, "%s live (%s to %s): %.0f %% explained by %u cause%s.",
             fmt_bytes_delta(causes->live_delta, delta), base, now, share > 100 ? 100 : share,
             causes->growth_count, causes->growth_count == 1 ? "" : "s");
}

void doc_causes(const struct doc_context *c) {
    const struct causes *causes = c->o->causes;
    if (!causes)
        return;
    uint32_t most = c->o->all ? UINT32_MAX : c->d->is_page ? CAUSES_MOST_PAGE : CAUSES_MOST;
    uint32_t shown = causes->count < most ? causes->count : most;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Causes");
    doc_live_line(c, causes);
    for (uint32_t i = 0; i < shown; i++) {
        doc_cause(c->d, &causes->items[i]);
        doc_block_mark(c->d, MARK_CAUSE, i);
    }
    if (shown < causes->count)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%u more cause%s: --all]", causes->count - shown,
                 plural(causes->count - shown));
    if (!causes->count && findings_have_hits(c->f))
        doc_text(c->d, DOC_PARA, DOC_GOOD, "Nothing that was found is serious (--all lists it).");
}
