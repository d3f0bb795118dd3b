#include "diff/gate/gate_report.h"

#include "diff/report/fmt.h"

#include <math.h>
#include <string.h>

/* -- Sentences --------------------------------------------------------------------------------- */

static void say_number(const struct gate_result *r, double value, bool sign, struct strbuf *out) {
    char buf[FMT_MAX];
    bool small = fabs(value) < 100 && fabs(value - rint(value)) > 1e-9;
    if (isnan(value))
        strbuf_adds(out, "not known");
    else if (small)
        strbuf_addf(out, sign ? "%+.2f%s" : "%.2f%s", value, r->budget->objects ? "" : " B");
    else if (r->budget->objects)
        strbuf_adds(out, sign ? fmt_count_delta(llround(value), buf)
                              : fmt_count((uint64_t)llround(value), buf));
    else
        strbuf_adds(out, sign ? fmt_bytes_delta(llround(value), buf)
                              : fmt_bytes((uint64_t)llround(value), buf));
}

/* "max 64.0 MiB: is 71.2 MiB", "growth 5.0 %: +3.1 MiB (8.2 %)"; as the unit of the budget is. */
static void gate_say_check(const struct gate_result *r, const struct gate_check *check,
                           struct strbuf *out) {
    const struct quantity *q = &r->budget->limits[check->limit];
    static const char *const titles[LIMIT_KINDS] = {"max", "growth", "growth per iteration"};
    strbuf_addf(out, "%s ", titles[check->limit]);
    if (q->percent)
        strbuf_addf(out, "%.15g %% (", q->value);
    say_number(r, check->allowed, false, out);
    strbuf_adds(out, q->percent ? "): " : ": ");
    if (isnan(check->actual)) {
        strbuf_adds(out, "not known");
        return;
    }
    strbuf_adds(out, "is ");
    say_number(r, check->actual, check->limit != LIMIT_MAX, out);
    if (q->percent && r->values[0] && r->values[0] != ABSENT)
        strbuf_addf(out, " (%+.1f %%)", check->actual * 100 / (double)r->values[0]);
}

void gate_say_result(const struct gate_result *r, struct strbuf *out) {
    bool first = true;
    if (r->status == GATE_INCONCLUSIVE) {
        strbuf_adds(out, r->why ? r->why : "not known");
        return;
    }
    if (r->budget->on == ON_VERDICT) {
        uint32_t count = r->row_count + r->row_others;
        if (count)
            strbuf_addf(out, "%u type%s with a verdict that is not allowed", count,
                        count == 1 ? "" : "s");
        else
            strbuf_adds(out, "no type with such a verdict");
        return;
    }
    for (uint32_t i = 0; i < r->check_count; i++) {
        if (r->status == GATE_BREACH && r->checks[i].status != GATE_BREACH)
            continue;
        if (!first)
            strbuf_adds(out, "; ");
        gate_say_check(r, &r->checks[i], out);
        first = false;
    }
}

void gate_say_row(const struct gate_result *r, const struct gate_row *row, struct strbuf *out) {
    bool moved = row->base != ABSENT && row->base != row->last;
    strbuf_adds(out, row->name);
    if (row->base == ABSENT && row->last == ABSENT)
        return; /* a sentence, not a figure */
    strbuf_adds(out, "  ");
    if (moved) {
        say_number(r, (double)row->base, false, out);
        strbuf_adds(out, " -> ");
    }
    say_number(r, row->last == ABSENT ? NAN : (double)row->last, false, out);
    if (moved && row->last != ABSENT) {
        strbuf_adds(out, " (");
        say_number(r, row->growth, true, out);
        strbuf_adds(out, ")");
    }
    if (row->verdict != VERDICT_NONE)
        strbuf_addf(out, " %s", verdict_names[row->verdict]);
}

/* -- Text -------------------------------------------------------------------------------------- */

#define RED    "\033[31m"
#define YELLOW "\033[33m"
#define PLAIN  "\033[0m"

static void text_result(const struct gate_result *r, bool color, struct strbuf *out) {
    static const char *const marks[] = {
        [GATE_PASS] = "pass", [GATE_BREACH] = "BREACH", [GATE_INCONCLUSIVE] = "unknown"};
    const char *on = !color || r->status == GATE_PASS ? ""
                     : r->status == GATE_BREACH       ? RED
                                                      : YELLOW;
    strbuf_addf(out, "%s%-8s%s %s%s: ", on, marks[r->status], *on ? PLAIN : "", r->budget->name,
                r->live ? " (live)" : "");
    gate_say_result(r, out);
    strbuf_addc(out, '\n');
    for (uint32_t i = 0; r->status != GATE_PASS && i < r->row_count; i++) {
        strbuf_adds(out, "           ");
        gate_say_row(r, &r->rows[i], out);
        strbuf_addc(out, '\n');
    }
    if (r->status != GATE_PASS && r->row_others)
        strbuf_addf(out, "           [%u other%s]\n", r->row_others, plural(r->row_others));
}

static bool gate_write_text(const struct gate *g, const struct gate_output *o, struct strbuf *out,
                            struct err *err) {
    static const enum gate_status order[] = {GATE_BREACH, GATE_INCONCLUSIVE, GATE_PASS};
    strbuf_addf(out, "%s", o->names[0]);
    if (g->s->count > 1)
        strbuf_addf(out, " -> %s", o->names[g->s->count - 1]);
    if (g->s->count > 2)
        strbuf_addf(out, ", %u dumps", g->s->count);
    strbuf_addf(out, ": %u budget%s, %u breached, %u inconclusive\n", g->count, plural(g->count),
                g->breaches, g->inconclusive);
    for (size_t k = 0; k < sizeof(order) / sizeof(*order); k++)
        for (uint32_t i = 0; i < g->count; i++)
            if (g->results[i].status == order[k])
                text_result(&g->results[i], o->color, out);
    for (uint32_t i = 0; i < g->warning_count; i++)
        strbuf_addf(out, "warning: %s\n", g->warnings[i]);
    return strbuf_ok(out, err);
}

/* -- THE table of outputs ---------------------------------------------------------------------- */

const struct gate_report gate_reports[] = {
    {"text", "budgets with what was measured, and the rows behind each breach", gate_write_text},
    {"json", "everything, for programs: schema/gate.schema.json", gate_write_json},
    {"junit", "JUnit XML: one test case a budget", gate_write_junit},
    {"sarif", "SARIF 2.1.0: breaches at their line of the budget file", gate_write_sarif},
    {"github", "annotations of GitHub Actions, for the log", gate_write_github},
    {"github-summary", "Markdown for $GITHUB_STEP_SUMMARY", gate_write_summary},
    {"benchmark", "JSON of github-action-benchmark (customSmallerIsBetter)", gate_write_benchmark},
    {"openmetrics", "OpenMetrics text: figures and limits", gate_write_openmetrics},
    {"teamcity", "service messages of TeamCity", gate_write_teamcity},
    {NULL, NULL, NULL},
};

const struct gate_report *gate_report_find(const char *name) {
    for (size_t i = 0; gate_reports[i].name; i++)
        if (strcmp(gate_reports[i].name, name) == 0)
            return &gate_reports[i];
    return NULL;
}
