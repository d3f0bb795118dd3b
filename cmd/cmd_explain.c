#include "cmd/explained.h"
#include "cmd/session.h"

#include "diff/rules/hints.h"
#include "model/part_fields.h"

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

const char *explained_name(size_t i, const char **ret_summary) {
    size_t of_rules = 0;
    while (rules[of_rules])
        of_rules++;
    if (i < of_rules) {
        *ret_summary = rules[i]->summary;
        return rules[i]->id;
    }
    const struct hint *hint = hint_at(i - of_rules);
    *ret_summary = hint ? hint->summary : NULL;
    return hint ? hint->id : NULL;
}

static bool explain(struct options *o, struct strbuf *out, struct err *err) {
    const char *names[256];
    uint32_t count = 0;
    if (o->argument_count != 1)
        return err_set(
            err, ERR_USAGE,
            "explain wants one rule or hint (see `dumpdiff list rules` and `list hints`)");
    const struct rule *rule = rule_find(o->arguments[0]);
    if (rule) {
        explain_rule(rule, out);
        return true;
    }
    const struct hint *hint = hint_find(o->arguments[0]);
    if (hint) {
        explain_hint(hint, out);
        return true;
    }
    for (size_t i = 0; rules[i] && count < 128; i++)
        names[count++] = rules[i]->id;
    for (size_t i = 0; hint_at(i) && count < 256; i++)
        names[count++] = hint_at(i)->id;
    const char *near = nearest_name(o->arguments[0], names, count);
    return err_set(err, ERR_USAGE, "no rule or hint is called '%s'%s%s%s", o->arguments[0],
                   near ? ": did you mean " : "",
                   near ? near : " (see `dumpdiff list rules` and `list hints`)", near ? "?" : "");
}

static int cmd_explain_run(int argc, char **argv) {
    return command_says(&command_explain, argc, argv, explain);
}

const struct command command_explain = {
    "explain",
    "RULE|HINT|TYPE",
    "what a rule looks at, its thresholds, how to act on it",
    "RULE is the name in brackets behind a finding; `dumpdiff list rules` names all. HINT, or the\n"
    "name of a framework type, tells what it usually means when its objects grow; `dumpdiff list\n"
    "hints` names all.\n"
    "\n"
    "Exit status: 0 printed; 2 wrong command line.",
    COMMAND_EXPLAIN,
    cmd_explain_run,
};
