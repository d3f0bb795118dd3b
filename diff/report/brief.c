/*
 * The causes alone, as Markdown of 4 KiB at most: for tickets, chats and assistants, with what to
 * ask next written out as commands.
 */
#include "diff/report/doc_parts.h"
#include "model/snapshot.h"

#include <string.h>

#define BRIEF_MOST 4096u
/* [bytes] for what stands at the end: how many are left out, trust, commands. */
#define BRIEF_END  900u
#define BRIEF_TEXT 600u /* [bytes] of one sentence */
#define BRIEF_NAME 80u  /* [bytes] of the name of a dump: escaped it is several times as long */

/* The beginning of a sentence, in Markdown. */
static void brief_text(struct strbuf *out, const char *text, size_t most) {
    struct str shown = str_take(str_of(text), most);
    shown.len = str_utf8_valid(shown);
    fmt_markdown_said(out, shown);
    strbuf_adds(out, strlen(text) > most ? "\xe2\x80\xa6" : "");
}

/* A word of a command as a shell takes it. */
static void brief_word(struct strbuf *out, const char *word) {
    if (*word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                              "._-/@+=:,") == strlen(word)) {
        strbuf_adds(out, word);
        return;
    }
    strbuf_addc(out, '\'');
    for (const char *p = word; *p; p++)
        strbuf_adds(out, *p == '\'' ? "'\\''" : (char[]){*p, '\0'});
    strbuf_addc(out, '\'');
}

static void brief_item(uint32_t number, enum severity severity, const char *kind, const char *text,
                       const char *held_by, const char *next, const char *rule,
                       struct strbuf *out) {
    strbuf_addf(out, "%u. **%s** (%s): ", number, severity_names[severity], kind);
    brief_text(out, text, BRIEF_TEXT);
    strbuf_addc(out, '\n');
    if (held_by) {
        strbuf_adds(out, "   - held by ");
        brief_text(out, held_by, BRIEF_TEXT);
        strbuf_addc(out, '\n');
    }
    if (next) {
        strbuf_adds(out, "   - next: ");
        brief_text(out, next, BRIEF_TEXT);
        strbuf_addc(out, '\n');
    }
    if (rule)
        strbuf_addf(out, "   - `dumpdiff explain %s`\n", rule);
}

static void brief_cause(const struct doc_context *c, uint32_t i, struct strbuf *out) {
    const struct cause *cause = &c->o->causes->items[i];
    const char *rule = cause->finding_count && cause->findings[0] < c->f->count
                           ? c->f->items[cause->findings[0]].rule->id
                           : NULL;
    brief_item(i + 1, cause->severity, cause_kind_names[cause->kind], cause->summary,
               cause->held_by, cause->next, rule, out);
}

/* Takes an item into the text where there is room for it. */
static bool brief_take(struct strbuf *out, struct strbuf *item, size_t begin) {
    bool room = out->len - begin + item->len <= BRIEF_MOST - BRIEF_END;
    if (room)
        strbuf_add(out, strbuf_str(item));
    strbuf_fail(out, &item->err);
    strbuf_deinit(item);
    return room;
}

static uint32_t brief_causes(const struct doc_context *c, size_t begin, struct strbuf *out) {
    for (uint32_t i = 0; i < c->o->causes->count; i++) {
        struct strbuf item;
        strbuf_init(&item);
        brief_cause(c, i, &item);
        if (!brief_take(out, &item, begin))
            return c->o->causes->count - i;
    }
    return 0;
}

/* Of one dump there are findings, and no causes. */
static uint32_t brief_findings(const struct doc_context *c, size_t begin, struct strbuf *out) {
    uint32_t shown = 0, left = 0;
    for (uint32_t i = 0; i < c->f->count; i++) {
        const struct finding *finding = &c->f->items[i];
        if (finding->status != STATUS_HIT || finding->severity == SEVERITY_INFO)
            continue;
        if (left) {
            left++;
            continue;
        }
        struct strbuf item;
        strbuf_init(&item);
        brief_item(shown + 1, finding->severity, finding->rule->id,
                   finding->summary ? finding->summary : "", NULL, finding->next, finding->rule->id,
                   &item);
        if (brief_take(out, &item, begin))
            shown++;
        else
            left++;
    }
    return left;
}

static void brief_trust(const struct doc_context *c, struct strbuf *out) {
    uint32_t less = 0;
    for (uint32_t i = 0; i < c->s->count; i++)
        less += snapshot_trust(c->s->snapshots[i]) != TRUST_EXACT;
    if (less)
        strbuf_addf(out, "\nTrust: %u of %u dump%s not exact; the whole report says why.\n", less,
                    c->s->count, less == 1 ? " is" : "s are");
    else
        strbuf_adds(out, "\nTrust: exact.\n");
}

/* The whole report, written out: of many dumps the first and the last. */
static void brief_whole(const struct doc_context *c, struct strbuf *out) {
    struct strbuf command;
    bool diff = c->s->count > 1;
    strbuf_init(&command);
    strbuf_addf(&command, "dumpdiff %s --all ", diff ? "diff" : "show");
    brief_word(&command, c->o->names[0]);
    if (diff) {
        strbuf_addc(&command, ' ');
        brief_word(&command, c->o->names[c->s->count - 1]);
    }
    if (command.len < 300) {
        strbuf_adds(out, "All of it: ");
        fmt_markdown_code(out, strbuf_str(&command));
        strbuf_addc(out, '\n');
    }
    strbuf_fail(out, &command.err);
    strbuf_deinit(&command);
}

static bool brief(const struct series *s, const struct findings *f, const struct report_options *o,
                  struct strbuf *out, struct err *err) {
    struct doc d;
    const struct doc_context c = {&d, s, f, o};
    bool causes = s->count > 1 && o->causes;
    size_t begin = out->len;
    struct strbuf verdict;
    struct name_filter filter;
    if (!name_filter_init(&filter, o, err)) /* there are no tables, but a wrong one is told */
        return false;
    name_filter_deinit(&filter);
    doc_init(&d);
    strbuf_init(&verdict);
    strbuf_adds(out, "**");
    brief_text(out, o->names[0], BRIEF_NAME);
    if (s->count > 1) {
        strbuf_adds(out, " \xe2\x86\x92 ");
        brief_text(out, o->names[s->count - 1], BRIEF_NAME);
    }
    strbuf_adds(out, "**: ");
    doc_verdict_text(&c, &verdict);
    brief_text(out, strbuf_cstr(&verdict), BRIEF_TEXT);
    strbuf_adds(out, "\n\n");
    uint32_t left = causes ? brief_causes(&c, begin, out) : brief_findings(&c, begin, out);
    if (left)
        strbuf_addf(out, "\n[%u more]\n", left);
    brief_trust(&c, out);
    brief_whole(&c, out);
    strbuf_fail(out, &verdict.err);
    strbuf_deinit(&verdict);
    bool ok = err_none(&d.err, err) && strbuf_ok(out, err);
    doc_deinit(&d);
    return ok;
}

extern const struct report report_brief;
const struct report report_brief = {
    .name = "brief",
    .summary = "for chats, tickets and assistants: the causes alone, in 4 KiB of Markdown",
    .show = brief,
    .diff = brief};
