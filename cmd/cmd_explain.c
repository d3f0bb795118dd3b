#include "cmd/explained.h"
#include "cmd/session.h"

#include "diff/report/terms.h"
#include "diff/rules/hints.h"
#include "model/part_fields.h"

#include <string.h>

extern const struct command command_explain;

static void explain_rule(const struct rule *rule, struct strbuf *out) {
    strbuf_addf(out, "%s: %s\n\n%s\n", rule->id, rule->summary, rule->explain);
    if (rule->explain[0] && out->len && out->ptr[out->len - 2] == '\n')
        out->ptr[--out->len] = '\0'; /* a text that already ended with a newline */
    strbuf_adds(out, "\nneeds: ");
    const char *between = "";
    for (int part = 1; part < PART_END; part++) {
        if (!(rule->needs & PART_BIT(part)) || !part_descs[part].name)
            continue;
        strbuf_addf(out, "%s%s", between, part_descs[part].name);
        between = ", ";
    }
    strbuf_addf(out, "%s of %u snapshot%s or more\n", *between ? "" : "nothing special",
                rule->min_snapshots, rule->min_snapshots == 1 ? "" : "s");
}

static void explain_hint(const struct hint *hint, struct strbuf *out) {
    strbuf_addf(out, "%s: %s\n\n%s\ntypes: ", hint->id, hint->summary, hint->explain);
    const char *between = "";
    for (int i = 0; i < HINT_NAMES_MAX && hint->types[i]; i++) {
        const char *name = hint->types[i];
        strbuf_addf(out, "%s%s%s", between, name + (name[0] == '*'), name[0] == '*' ? "" : "...");
        between = ", ";
    }
    for (int i = 0; i < HINT_NAMES_MAX && hint->roots[i]; i++) {
        strbuf_addf(out, "%swhat a %s holds", between, hint->roots[i]);
        between = ", ";
    }
    for (int i = 0; i < HINT_NAMES_MAX && hint->edges[i]; i++) {
        strbuf_addf(out, "%swhat is held by %s", between, hint->edges[i]);
        between = ", ";
    }
    strbuf_addc(out, '\n');
}

static void explain_term(const struct term *term, struct strbuf *out) {
    strbuf_addf(out, "%s%s (%s): %s\n\n%s", out->len ? "\n" : "", term->name, term->kind,
                term->summary, term->explain);
}

static const struct term *term_at(size_t i) {
    for (const struct term *term = terms; term->name; term++)
        if (i-- == 0)
            return term;
    return NULL;
}

const char *explained_name(size_t i, const char **ret_summary) {
    size_t of_rules = 0, of_hints = 0;
    while (rules[of_rules])
        of_rules++;
    while (hint_at(of_hints))
        of_hints++;
    const struct hint *hint = i >= of_rules ? hint_at(i - of_rules) : NULL;
    const struct term *term = i >= of_rules + of_hints ? term_at(i - of_rules - of_hints) : NULL;
    *ret_summary = i < of_rules ? rules[i]->summary
                   : hint       ? hint->summary
                   : term       ? term->summary
                                : NULL;
    return i < of_rules ? rules[i]->id : hint ? hint->id : term ? term->name : NULL;
}

#define EXPLAINED_MAX 256

static bool explain_nothing(const char *name, struct err *err) {
    const char *names[EXPLAINED_MAX], *summary;
    uint32_t count = 0;
    while (count < EXPLAINED_MAX && (names[count] = explained_name(count, &summary)))
        count++;
    const char *near = nearest_name(name, names, count);
    return err_set(err, ERR_USAGE, "no rule, hint or word is called '%s'%s%s%s", name,
                   near ? ": did you mean " : "",
                   near ? near : " (see `dumpdiff list rules`, `list hints` and `list words`)",
                   near ? "?" : "");
}

/* A name may be that of a rule, of a cause and of a verdict: all that it means is told. */
static bool explain(struct options *o, struct strbuf *out, struct err *err) {
    if (o->argument_count != 1)
        return err_set(err, ERR_USAGE,
                       "explain wants one rule, hint or word (see `dumpdiff list rules`, `list "
                       "hints` and `list words`)");
    const char *name = o->arguments[0];
    const struct rule *rule = rule_find(name);
    const struct hint *hint = rule ? NULL : hint_find(name);
    if (rule)
        explain_rule(rule, out);
    if (hint)
        explain_hint(hint, out);
    for (const struct term *term = terms; term->name; term++)
        if (strcmp(term->name, name) == 0)
            explain_term(term, out);
    return out->len || explain_nothing(name, err);
}

static int cmd_explain_run(int argc, char **argv) {
    return command_says(&command_explain, argc, argv, explain);
}

const struct command command_explain = {
    "explain",
    "RULE|HINT|TYPE|WORD",
    "what a rule or a word of a report means, and how to act on it",
    "RULE is the name in brackets behind a finding; `dumpdiff list rules` names all. HINT, or the\n"
    "name of a framework type, tells what it usually means when its objects grow; `dumpdiff list\n"
    "hints` names all. WORD is a kind of cause, a verdict, a state of a thread, or how far a dump\n"
    "can be trusted; `dumpdiff list words` names all.\n"
    "\n"
    "Exit status: 0 printed; 2 wrong command line.",
    COMMAND_EXPLAIN,
    cmd_explain_run,
};
