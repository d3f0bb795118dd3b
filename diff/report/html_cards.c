/* Causes and findings of a page: cards with what they lead to. */
#include "diff/report/fmt.h"
#include "diff/report/html_page.h"

#include <math.h>
#include <string.h>

#define LINKS_MOST 12u

void page_prose(struct strbuf *out, const char *text) {
    bool code = false;
    for (const char *p = text; *p;) {
        size_t plain = strcspn(p, "`");
        bool pair = p[plain] && (code || strchr(p + plain + 1, '`'));
        struct strbuf part;
        strbuf_init(&part);
        strbuf_add(&part, (struct str){p, plain + (p[plain] && !pair)});
        markup_text(out, strbuf_cstr(&part));
        strbuf_fail(out, &part.err);
        strbuf_deinit(&part);
        p += plain + (p[plain] != '\0');
        if (!pair)
            continue;
        strbuf_adds(out, code ? "</code>" : "<code>");
        code = !code;
    }
}

/* -- Figures ----------------------------------------------------------------------------------- */

static void card_figures(const struct html_page *p, const struct cause *cause) {
    char buf[FMT_MAX];
    struct strbuf *out = p->out;
    if (!cause->bytes_delta && !cause->objects_delta && isnan(cause->share))
        return;
    strbuf_adds(out, "<ul class=figures>");
    if (cause->bytes_delta)
        strbuf_addf(out, "<li><b>%s</b> %s", fmt_bytes_delta(cause->bytes_delta, buf),
                    cause->path_count ? "with all that is held" : "of it");
    if (cause->objects_delta)
        strbuf_addf(out, "<li><b>%s</b> objects", fmt_count_delta(cause->objects_delta, buf));
    if (!isnan(cause->share) && cause->share > 0)
        strbuf_addf(out,
                    "<li class=share><b>%.0f %%</b> of all growth <span class=\"bar w%u\"></span>",
                    cause->share * 100, (unsigned)(cause->share * 20 + 0.5));
    if (cause->verdict != VERDICT_NONE && *verdict_names[cause->verdict])
        strbuf_addf(out, "<li>verdict: <b>%s</b>", verdict_names[cause->verdict]);
    strbuf_adds(out, "</ul>\n");
}

/* -- Path -------------------------------------------------------------------------------------- */

#define STEPS_OPEN 24u

/* "763.3 KiB (+381.1 KiB), 4,001 objects (+2,000)" */
static void step_figures(const struct cause_held *held, struct strbuf *out) {
    char now[FMT_MAX], delta[FMT_MAX];
    strbuf_addf(out, " <small>%s (%s), ", fmt_bytes(held->bytes[1], now),
                fmt_bytes_delta(fmt_delta(held->bytes[0], held->bytes[1]), delta));
    strbuf_addf(out, "%s object%s (%s)</small>", fmt_count(held->objects[1], now),
                plural(held->objects[1]),
                fmt_count_delta(fmt_delta(held->objects[0], held->objects[1]), delta));
}

static void step_name(const char *edge, const char *type, const struct cause_held *held,
                      struct strbuf *out) {
    strbuf_adds(out, "<b>");
    page_name(out, edge);
    strbuf_adds(out, "</b> ");
    page_name(out, type);
    step_figures(held, out);
}

/* Beside the way to what grew. */
static void step_branches(const struct cause_step *step, struct strbuf *out) {
    for (uint32_t i = 0; i < 2; i++) {
        if (!step->holders[i])
            continue;
        strbuf_adds(out, "<p class=\"step dim\">also held by ");
        page_name(out, step->holders[i]);
        strbuf_adds(out, "</p>\n");
    }
    for (uint32_t i = 0; i < step->branch_count; i++) {
        const struct cause_branch *branch = &step->branches[i];
        strbuf_adds(out, "<p class=\"step beside\">");
        step_name(branch->edge, branch->type, &branch->held, out);
        strbuf_adds(out, "</p>\n");
    }
    if (step->others)
        strbuf_addf(out, "<p class=\"step dim\">[%u more that grew]</p>\n", step->others);
}

/* Each step unfolds what it holds: the next one first, then what else grew there. */
static void card_steps(const struct cause *cause, struct strbuf *out) {
    uint32_t shown = cause->path_count < STEPS_OPEN ? cause->path_count : STEPS_OPEN;
    strbuf_adds(out, "<div class=path>\n");
    for (uint32_t i = 0; i < shown; i++) {
        const struct cause_step *step = &cause->path[i];
        strbuf_addf(out, "<details open class=step><summary%s>",
                    i + 1 == cause->path_count ? " class=grown" : "");
        step_name(step->edge, step->type, &step->held, out);
        strbuf_adds(out, "</summary>\n");
    }
    if (shown < cause->path_count)
        strbuf_addf(out, "<p class=step>[%u more steps]</p>\n", cause->path_count - shown);
    for (uint32_t i = shown; i-- > 0;) {
        step_branches(&cause->path[i], out);
        strbuf_adds(out, "</details>\n");
    }
    strbuf_adds(out, "</div>\n");
}

static void card_types(const struct cause *cause, struct strbuf *out) {
    char bytes[FMT_MAX], objects[FMT_MAX];
    if (!cause->type_count)
        return;
    strbuf_adds(out, "<p>What grew there:</p><ul class=grew>");
    for (uint32_t i = 0; i < cause->type_count; i++) {
        strbuf_addf(out, "<li><b>%s</b> %s ", fmt_bytes_delta(cause->types[i].bytes_delta, bytes),
                    fmt_count_delta(cause->types[i].objects_delta, objects));
        page_name(out, cause->types[i].type);
    }
    strbuf_adds(out, "</ul>\n");
}

static void card_path(const struct html_page *p, const struct doc_block *b) {
    const struct cause *cause = b->cause;
    if (!cause->path_count && !cause->type_count)
        return;
    strbuf_adds(p->out, "<details><summary>");
    if (b->held_by) {
        strbuf_adds(p->out, "Held by ");
        page_name(p->out, b->held_by);
    } else {
        strbuf_adds(p->out, "What grew");
    }
    strbuf_adds(p->out, "</summary>\n");
    if (cause->path_count)
        card_steps(cause, p->out);
    card_types(cause, p->out);
    strbuf_adds(p->out, "</details>\n");
}

/* -- What it leads to -------------------------------------------------------------------------- */

static void card_links(const struct html_page *p, uint32_t cause) {
    static const char *const said[] = {
        [MARK_TYPE] = "types", [MARK_THREAD] = "threads", [MARK_FINDING] = "findings"};
    enum doc_mark_kind open = MARK_NONE;
    uint32_t shown = 0, more = 0;
    for (uint32_t i = 0; i < p->d->link_count; i++) {
        const struct doc_link *link = &p->d->links[i];
        const struct page_marks *marks = &p->marks[link->to.kind];
        if (link->cause != cause || link->to.number >= marks->count ||
            !marks->names[link->to.number])
            continue;
        if (shown++ >= LINKS_MOST) {
            more++;
            continue;
        }
        if (open != link->to.kind)
            strbuf_addf(p->out, "%s%s: ", open == MARK_NONE ? "<p class=to>Its " : "; its ",
                        said[link->to.kind]);
        else
            strbuf_adds(p->out, ", ");
        open = link->to.kind;
        page_link(p, link->to);
        page_name(p->out, marks->names[link->to.number]);
        strbuf_adds(p->out, "</a>");
    }
    if (more)
        strbuf_addf(p->out, ", [%u more]", more);
    strbuf_adds(p->out, open != MARK_NONE ? "</p>\n" : "");
}

static void page_next(const struct html_page *p, const struct doc_block *b) {
    if (!b->next)
        return;
    strbuf_adds(p->out, "<p class=next><b>Next:</b> <span>");
    page_prose(p->out, b->next);
    strbuf_adds(p->out, "</span></p>\n");
}

void page_cause(struct html_page *p, const struct doc_block *b) {
    const char *severity = severity_names[b->severity];
    strbuf_addf(p->out, "<article class=\"card %s\"", severity);
    page_id(p, b->mark);
    strbuf_addf(p->out, ">\n<h3>%u <span class=tag>%s</span> %s</h3>\n<p class=what>", ++p->causes,
                severity, b->tag);
    page_prose(p->out, b->text);
    strbuf_adds(p->out, "</p>\n");
    if (b->cause) {
        card_figures(p, b->cause);
        card_path(p, b);
    }
    page_next(p, b);
    card_links(p, b->mark.number);
    strbuf_adds(p->out, "</article>\n");
}

void page_finding(struct html_page *p, const struct doc_block *b) {
    const char *severity = severity_names[b->severity];
    strbuf_addf(p->out, "<article class=\"finding %s\"", severity);
    page_id(p, b->mark);
    strbuf_addf(p->out, ">\n<p><span class=tag>%s</span> ", severity);
    page_prose(p->out, b->text);
    strbuf_addf(p->out, " <code>%s</code>", b->tag);
    page_causes_of(p, b->mark);
    strbuf_adds(p->out, "</p>\n");
    page_next(p, b);
    strbuf_adds(p->out, "</article>\n");
}
