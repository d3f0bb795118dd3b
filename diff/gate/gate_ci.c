/* What runs builds reads of the gate: JUnit, GitHub Actions, OpenMetrics, TeamCity. */
#include "diff/gate/gate_report.h"
#include "diff/report/fmt.h"

#include <math.h>
#include <string.h>

/* A result in full: its sentence, and the rows behind it where it did not pass. */
static void say_all(const struct gate_result *r, struct strbuf *out) {
    gate_say_result(r, out);
    for (uint32_t i = 0; r->status != GATE_PASS && i < r->row_count; i++) {
        strbuf_addc(out, '\n');
        gate_say_row(r, &r->rows[i], out);
    }
    if (r->status != GATE_PASS && r->row_others)
        strbuf_addf(out, "\n[%u other%s]", r->row_others, plural(r->row_others));
}

/* -- Escaping ---------------------------------------------------------------------------------- */

/* What takes the place of a character; NULL: it stays. */
typedef const char *replacement(unsigned char c);

static void gate_ci_add_escaped(struct strbuf *out, const char *text, replacement *replace) {
    while (*text) {
        const char *with = replace((unsigned char)*text);
        size_t plain = 0;
        while (text[plain] && !replace((unsigned char)text[plain]))
            plain++;
        /* Names are cleaned when they are read; whatever gets here otherwise is, now. */
        strbuf_add_clean(out, (struct str){text, plain});
        if (with)
            strbuf_adds(out, with);
        text += plain + (with != NULL);
    }
}

static const char *xml(unsigned char c) {
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\n':
        return "&#10;";
    default:
        return c < ' ' && c != '\t' ? "?" : NULL;
    }
}

/* Of the message of a workflow command. */
static const char *workflow(unsigned char c) {
    return c == '%' ? "%25" : c == '\r' ? "%0D" : c == '\n' ? "%0A" : c < ' ' ? "?" : NULL;
}

/* Of its properties: file=...,title=... */
static const char *property(unsigned char c) {
    return c == ':' ? "%3A" : c == ',' ? "%2C" : workflow(c);
}

static const char *teamcity(unsigned char c) {
    switch (c) {
    case '\'':
        return "|'";
    case '|':
        return "||";
    case '[':
        return "|[";
    case ']':
        return "|]";
    case '\n':
        return "|n";
    case '\r':
        return "|r";
    default:
        return c < ' ' ? "?" : NULL;
    }
}

static const char *gate_ci_label(unsigned char c) {
    return c == '\\' ? "\\\\" : c == '"' ? "\\\"" : c == '\n' ? "\\n" : NULL;
}

static const char *blank(unsigned char c) {
    return c < ' ' ? " " : NULL;
}

static void gate_ci_add_markdown(struct strbuf *out, const char *text) {
    struct strbuf line;
    strbuf_init(&line);
    gate_ci_add_escaped(&line, text, blank);
    fmt_markdown(out, strbuf_cstr(&line));
    strbuf_fail(out, &line.err);
    strbuf_deinit(&line);
}

/* -- JUnit ------------------------------------------------------------------------------------- */

static void junit_case(const struct gate_result *r, struct strbuf *text, struct strbuf *out) {
    strbuf_adds(out, "    <testcase classname=\"dumpdiff.gate\" name=\"");
    gate_ci_add_escaped(out, r->budget->name, xml);
    strbuf_adds(out, "\" time=\"0\"");
    if (r->status == GATE_PASS) {
        strbuf_adds(out, "/>\n");
        return;
    }
    const char *tag = r->status == GATE_BREACH ? "failure" : "error";
    strbuf_clear(text);
    gate_say_result(r, text);
    strbuf_addf(out, ">\n      <%s type=\"%s\" message=\"", tag, gate_status_names[r->status]);
    gate_ci_add_escaped(out, strbuf_cstr(text), xml);
    strbuf_adds(out, "\">");
    strbuf_clear(text);
    say_all(r, text);
    gate_ci_add_escaped(out, strbuf_cstr(text), xml);
    strbuf_addf(out, "</%s>\n    </testcase>\n", tag);
}

/* What does not pass and is no breach is an error: it must not go unseen as a skipped test does. */
bool gate_write_junit(const struct gate *g, const struct gate_output *o, struct strbuf *out,
                      struct err *err) {
    struct strbuf text;
    strbuf_init(&text);
    strbuf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    /* The attributes that all dialects want; without a clock the time is that of nobody. */
    strbuf_addf(out,
                "  <testsuite name=\"dumpdiff gate\" package=\"dumpdiff\" id=\"0\" tests=\"%u\" "
                "failures=\"%u\" errors=\"%u\" time=\"0\" "
                "timestamp=\"1970-01-01T00:00:00\" hostname=\"localhost\">\n"
                "    <properties>\n      <property name=\"budget\" value=\"",
                g->count, g->breaches, g->inconclusive);
    gate_ci_add_escaped(out, o->budget_path, xml);
    strbuf_adds(out, "\"/>\n    </properties>\n");
    for (uint32_t i = 0; i < g->count; i++)
        junit_case(&g->results[i], &text, out);
    strbuf_adds(out, "    <system-out>");
    for (uint32_t i = 0; i < g->warning_count; i++) {
        strbuf_adds(out, "warning: ");
        gate_ci_add_escaped(out, g->warnings[i], xml);
        strbuf_addc(out, '\n');
    }
    strbuf_adds(out, "</system-out>\n    <system-err></system-err>\n  </testsuite>\n"
                     "</testsuites>\n");
    bool ok = strbuf_ok(&text, err) && strbuf_ok(out, err);
    strbuf_deinit(&text);
    return ok;
}

/* -- GitHub Actions ---------------------------------------------------------------------------- */

static void annotation(struct strbuf *out, const char *level, const struct gate_output *o,
                       uint32_t line, const char *title, const char *text) {
    strbuf_addf(out, "::%s file=", level);
    gate_ci_add_escaped(out, o->budget_path, property);
    if (line)
        strbuf_addf(out, ",line=%u", line);
    strbuf_adds(out, ",title=");
    gate_ci_add_escaped(out, title, property);
    strbuf_adds(out, "::");
    gate_ci_add_escaped(out, text, workflow);
    strbuf_addc(out, '\n');
}

/* One for all that passed: ten notices a run hide the one that matters. */
static void passed_annotation(struct strbuf *out, const struct gate *g, const struct gate_output *o,
                              struct strbuf *text) {
    uint32_t passed = g->count - g->breaches - g->inconclusive;
    strbuf_clear(text);
    strbuf_addf(text, "%u of %u budget%s passed", passed, g->count, plural(g->count));
    for (uint32_t i = 0; i < g->count; i++) {
        const struct gate_result *r = &g->results[i];
        if (r->status != GATE_PASS)
            continue;
        strbuf_addf(text, "\n%s: ", r->budget->name);
        gate_say_result(r, text);
    }
    if (passed)
        annotation(out, "notice", o, 0, "dumpdiff gate", strbuf_cstr(text));
}

bool gate_write_github(const struct gate *g, const struct gate_output *o, struct strbuf *out,
                       struct err *err) {
    struct strbuf text;
    strbuf_init(&text);
    for (uint32_t i = 0; i < g->count; i++) {
        const struct gate_result *r = &g->results[i];
        if (r->status == GATE_PASS)
            continue;
        strbuf_clear(&text);
        say_all(r, &text);
        annotation(out, r->status == GATE_BREACH ? "error" : "warning", o, r->budget->line,
                   r->budget->name, strbuf_cstr(&text));
    }
    passed_annotation(out, g, o, &text);
    for (uint32_t i = 0; i < g->warning_count; i++)
        annotation(out, "warning", o, 0, "dumpdiff gate", g->warnings[i]);
    bool ok = strbuf_ok(&text, err) && strbuf_ok(out, err);
    strbuf_deinit(&text);
    return ok;
}

/* GitHub refuses a summary of 1 MiB and more, and drops all of it. */
#define SUMMARY_MOST ((size_t)1000 << 10)

static void summary_row(const struct gate_result *r, struct strbuf *text, struct strbuf *out) {
    static const char *const marks[] = {[GATE_PASS] = "✅ pass",
                                        [GATE_BREACH] = "❌ breach",
                                        [GATE_INCONCLUSIVE] = "⚠️ inconclusive"};
    strbuf_clear(text);
    gate_say_result(r, text);
    strbuf_addf(out, "| %s | ", marks[r->status]);
    gate_ci_add_markdown(out, r->budget->name);
    strbuf_adds(out, " | ");
    gate_ci_add_markdown(out, strbuf_cstr(text));
    strbuf_adds(out, " |\n");
}

static void summary_rows(const struct gate_result *r, struct strbuf *text, struct strbuf *out) {
    strbuf_adds(out, "\n**");
    gate_ci_add_markdown(out, r->budget->name);
    strbuf_adds(out, "**\n\n");
    for (uint32_t k = 0; k < r->row_count; k++) {
        strbuf_clear(text);
        gate_say_row(r, &r->rows[k], text);
        strbuf_adds(out, "- ");
        gate_ci_add_markdown(out, strbuf_cstr(text));
        strbuf_addc(out, '\n');
    }
    if (r->row_others)
        strbuf_addf(out, "- %u other%s\n", r->row_others, plural(r->row_others));
}

/* Appends `piece` unless it would not fit; counts what was cut. */
static void gate_ci_fit(struct strbuf *out, const struct strbuf *piece, uint32_t *cut) {
    if (*cut || out->len + piece->len > SUMMARY_MOST)
        ++*cut;
    else
        strbuf_add(out, strbuf_str(piece));
}

bool gate_write_summary(const struct gate *g, const struct gate_output *o, struct strbuf *out,
                        struct err *err) {
    static const enum gate_status order[] = {GATE_BREACH, GATE_INCONCLUSIVE, GATE_PASS};
    struct strbuf text, piece;
    uint32_t cut = 0;
    (void)o;
    strbuf_init(&text);
    strbuf_init(&piece);
    strbuf_addf(out,
                "## Memory gate\n\n%u budget%s, %u breached, %u inconclusive.\n\n"
                "| | budget | |\n|---|---|---|\n",
                g->count, plural(g->count), g->breaches, g->inconclusive);
    for (size_t k = 0; k < sizeof(order) / sizeof(*order); k++)
        for (uint32_t i = 0; i < g->count; i++) {
            if (g->results[i].status != order[k])
                continue;
            strbuf_clear(&piece);
            summary_row(&g->results[i], &text, &piece);
            gate_ci_fit(out, &piece, &cut);
        }
    for (uint32_t i = 0; i < g->count; i++) {
        if (g->results[i].status == GATE_PASS || !g->results[i].row_count)
            continue;
        strbuf_clear(&piece);
        summary_rows(&g->results[i], &text, &piece);
        gate_ci_fit(out, &piece, &cut);
    }
    for (uint32_t i = 0; i < g->warning_count; i++) {
        strbuf_clear(&piece);
        strbuf_adds(&piece, "\n> warning: ");
        gate_ci_add_markdown(&piece, g->warnings[i]);
        strbuf_addc(&piece, '\n');
        gate_ci_fit(out, &piece, &cut);
    }
    if (cut)
        strbuf_addf(out, "\n%u more entr%s cut off: a summary may have 1 MiB.\n", cut,
                    cut == 1 ? "y was" : "ies were");
    bool ok = strbuf_ok(&text, err) && strbuf_ok(&piece, err) && strbuf_ok(out, err);
    strbuf_deinit(&text);
    strbuf_deinit(&piece);
    return ok;
}

/* -- OpenMetrics ------------------------------------------------------------------------------- */

static void gate_ci_add_label(struct strbuf *out, const char *name, const char *value) {
    if (!value)
        return;
    strbuf_addf(out, "%s=\"", name);
    gate_ci_add_escaped(out, value, gate_ci_label);
    strbuf_adds(out, "\",");
}

static void sample(struct strbuf *out, const char *metric, const struct gate_output *o,
                   const struct gate_result *r, const char *limit, double value) {
    strbuf_addf(out, "%s{", metric);
    gate_ci_add_label(out, "program", o->program);
    gate_ci_add_label(out, "release", o->release);
    gate_ci_add_label(out, "instance", o->instance);
    strbuf_adds(out, "budget=\"");
    gate_ci_add_escaped(out, r->budget->name, gate_ci_label);
    strbuf_addf(out, "\",on=\"%s\",unit=\"%s\"", budget_kinds[r->budget->on].name,
                r->budget->objects ? "count" : "bytes");
    if (limit)
        strbuf_addf(out, ",limit=\"%s\"", limit);
    strbuf_addf(out, "} %.15g\n", value);
}

static void gate_ci_family(struct strbuf *out, const char *metric, const char *help) {
    strbuf_addf(out, "# TYPE %s gauge\n# HELP %s %s\n", metric, metric, help);
}

bool gate_write_openmetrics(const struct gate *g, const struct gate_output *o, struct strbuf *out,
                            struct err *err) {
    uint32_t last = g->s->count - 1;
    gate_ci_family(out, "dumpdiff_value", "What a budget measures, in the newest snapshot.");
    for (uint32_t i = 0; i < g->count; i++)
        if (g->results[i].values[last] != ABSENT)
            sample(out, "dumpdiff_value", o, &g->results[i], NULL,
                   (double)g->results[i].values[last]);
    gate_ci_family(out, "dumpdiff_limit_actual", "What is held against a limit.");
    for (uint32_t i = 0; i < g->count; i++)
        for (uint32_t k = 0; k < g->results[i].check_count; k++)
            if (!isnan(g->results[i].checks[k].actual))
                sample(out, "dumpdiff_limit_actual", o, &g->results[i],
                       budget_limit_names[g->results[i].checks[k].limit],
                       g->results[i].checks[k].actual);
    gate_ci_family(out, "dumpdiff_limit_allowed", "The limit itself.");
    for (uint32_t i = 0; i < g->count; i++)
        for (uint32_t k = 0; k < g->results[i].check_count; k++)
            sample(out, "dumpdiff_limit_allowed", o, &g->results[i],
                   budget_limit_names[g->results[i].checks[k].limit],
                   g->results[i].checks[k].allowed);
    gate_ci_family(out, "dumpdiff_budget_status", "0 passed, 1 breached, 3 inconclusive.");
    for (uint32_t i = 0; i < g->count; i++)
        sample(out, "dumpdiff_budget_status", o, &g->results[i], NULL,
               g->results[i].status == GATE_BREACH         ? 1
               : g->results[i].status == GATE_INCONCLUSIVE ? 3
                                                           : 0);
    strbuf_adds(out, "# EOF\n");
    return strbuf_ok(out, err);
}

/* -- TeamCity ---------------------------------------------------------------------------------- */

static void teamcity_message(struct strbuf *out, const char *kind, const char *name) {
    strbuf_addf(out, "##teamcity[%s name='", kind);
    gate_ci_add_escaped(out, name, teamcity);
    strbuf_adds(out, "'");
}

bool gate_write_teamcity(const struct gate *g, const struct gate_output *o, struct strbuf *out,
                         struct err *err) {
    struct strbuf text;
    (void)o;
    strbuf_init(&text);
    strbuf_adds(out, "##teamcity[testSuiteStarted name='dumpdiff gate']\n");
    for (uint32_t i = 0; i < g->count; i++) {
        const struct gate_result *r = &g->results[i];
        uint64_t value = r->values[g->s->count - 1];
        teamcity_message(out, "testStarted", r->budget->name);
        strbuf_adds(out, "]\n");
        if (r->status != GATE_PASS) {
            strbuf_clear(&text);
            gate_say_result(r, &text);
            teamcity_message(out, "testFailed", r->budget->name);
            strbuf_addf(out, " message='%s: ", gate_status_names[r->status]);
            gate_ci_add_escaped(out, strbuf_cstr(&text), teamcity);
            strbuf_clear(&text);
            say_all(r, &text);
            strbuf_adds(out, "' details='");
            gate_ci_add_escaped(out, strbuf_cstr(&text), teamcity);
            strbuf_adds(out, "']\n");
        }
        teamcity_message(out, "testFinished", r->budget->name);
        strbuf_adds(out, "]\n");
        if (value == ABSENT)
            continue;
        strbuf_adds(out, "##teamcity[buildStatisticValue key='");
        gate_ci_add_escaped(out, r->budget->name, teamcity);
        strbuf_addf(out, "' value='%llu']\n", (unsigned long long)value);
    }
    strbuf_adds(out, "##teamcity[testSuiteFinished name='dumpdiff gate']\n");
    bool ok = strbuf_ok(&text, err) && strbuf_ok(out, err);
    strbuf_deinit(&text);
    return ok;
}
