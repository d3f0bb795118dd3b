#include "cmd/session.h"

#include "diff/gate/gate_report.h"
#include "diff/report/csv.h"
#include "diff/report/terms.h"
#include "diff/rules/hints.h"
#include "input/log/transcript.h"

#include <string.h>

static void list_formats(struct strbuf *out) {
    for (size_t i = 0; inputs[i]; i++)
        strbuf_addf(out, "%-20s %s\n", inputs[i]->name, inputs[i]->summary);
}

static void list_sections(struct strbuf *out) {
    for (size_t i = 0; sections[i]; i++)
        strbuf_addf(out, "%-20s %s\n", sections[i]->name, sections[i]->summary);
}

static void list_rules(struct strbuf *out) {
    for (size_t i = 0; rules[i]; i++)
        strbuf_addf(out, "%-22s %s\n", rules[i]->id, rules[i]->summary);
}

static void list_hints(struct strbuf *out) {
    const struct hint *hint;
    for (size_t i = 0; (hint = hint_at(i)); i++)
        strbuf_addf(out, "%-22s %s\n", hint->id, hint->summary);
}

static void list_words(struct strbuf *out) {
    for (const struct term *term = terms; term->name; term++)
        strbuf_addf(out, "%-14s %-18s %s\n", term->name, term->kind, term->summary);
}

static void list_reports(struct strbuf *out) {
    for (size_t i = 0; reports[i]; i++)
        strbuf_addf(out, "%-20s %s\n", reports[i]->name, reports[i]->summary);
}

static void list_gate_reports(struct strbuf *out) {
    for (size_t i = 0; gate_reports[i].name; i++)
        strbuf_addf(out, "%-20s %s\n", gate_reports[i].name, gate_reports[i].summary);
}

static void list_budgets(struct strbuf *out) {
    static const char *const which[] = {
        [WHICH_NOT] = "", [WHICH_MAY] = "(which)", [WHICH_MUST] = "which"};
    for (size_t i = 0; i < ON_COUNT; i++) {
        const struct budget_kind *kind = &budget_kinds[i];
        strbuf_addf(out, "%-12s %-8s %-14s %s\n", kind->name, which[kind->which],
                    kind->bytes && kind->objects ? "bytes, objects"
                    : kind->bytes                ? "bytes"
                    : kind->objects              ? "objects"
                                                 : "not",
                    kind->meaning);
    }
}

static void list_tables(struct strbuf *out) {
    for (size_t i = 0; csv_tables[i].name; i++)
        strbuf_addf(out, "%-20s %s\n", csv_tables[i].name, csv_tables[i].summary);
}

static void list_limits(struct strbuf *out) {
    static const char *const units[] = {
        [LIMIT_PERCENT] = "%", [LIMIT_BYTES] = "bytes", [LIMIT_COUNT] = "",
        [LIMIT_NS] = "ns",     [LIMIT_RATIO] = "",
    };
    for (size_t i = 0; limit_descs[i].key; i++) {
        const struct limit_desc *d = &limit_descs[i];
        strbuf_addf(out, "%-34s %10.10g %-5s  %s\n", d->key, d->fallback, units[d->kind],
                    d->meaning);
    }
}

static const struct {
    const char *name;
    void (*list)(struct strbuf *out);
} lists[] = {
    {"formats", list_formats}, {"sections", list_sections}, {"rules", list_rules},
    {"reports", list_reports}, {"limits", list_limits},     {"tables", list_tables},
    {"hints", list_hints},     {"budgets", list_budgets},   {"gate-reports", list_gate_reports},
    {"words", list_words},
};

extern const struct command command_list;

static bool cmd_list_list(struct options *o, struct strbuf *out, struct err *err) {
    const char *names[sizeof(lists) / sizeof(*lists)];
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        names[i] = lists[i].name;
        if (o->argument_count != 1 || strcmp(lists[i].name, o->arguments[0]) != 0)
            continue;
        lists[i].list(out);
        return true;
    }
    if (o->argument_count != 1)
        return err_set(err, ERR_USAGE, "list wants one of: %s", command_list.arguments);
    const char *near = nearest_name(o->arguments[0], names, sizeof(lists) / sizeof(*lists));
    return err_set(err, ERR_USAGE, "list: no list is called '%s'%s%s%s", o->arguments[0],
                   near ? ": did you mean " : " (", near ? near : command_list.arguments,
                   near ? "?" : ")");
}

static int cmd_list_run(int argc, char **argv) {
    return command_says(&command_list, argc, argv, cmd_list_list);
}

const struct command command_list = {
    "list",
    "formats|sections|rules|hints|words|reports|limits|tables|budgets|gate-reports",
    "what this build knows",
    "formats    files that can be read\n"
    "sections   debugger commands whose output is recognised in a log\n"
    "rules      what a diff or a dump is looked at for\n"
    "hints      what it usually means when objects of a framework type grow\n"
    "words      what reports say of causes, growth, threads and dumps\n"
    "reports    output formats\n"
    "limits     thresholds of the rules with their defaults, for --limit and --config\n"
    "tables     tables that --format csv --table can write\n"
    "budgets    what a budget of the gate can be about\n"
    "gate-reports  output formats of the gate\n"
    "\n"
    "Exit status: 0 printed; 2 wrong command line.",
    COMMAND_LIST,
    cmd_list_run,
};
