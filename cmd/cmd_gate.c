#include "cmd/put_out.h"
#include "cmd/session.h"

#include "base/civil.h"
#include "base/file.h"
#include "base/os/os.h"
#include "cmd/inputs.h"
#include "diff/gate/gate_report.h"
#include "model/rows_origin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

extern const struct command command_gate;

/* What one run of the gate holds. */
struct gate_session {
    struct options options;
    struct inputs inputs;
    struct session session;
    struct strbuf text; /* of the budget file */
    struct strbuf path; /* of it, as reports show it */
    struct budgets budgets;
    struct gate gate;
    bool has_gate;
    char today[CIVIL_MAX];
};

/* -- Arguments --------------------------------------------------------------------------------- */

static bool is_missing(const char *argument) {
    return strcmp(argument, "-") != 0 && !strchr(argument, '+') && !os_is_there(argument);
}

/* The first run has nothing to compare with yet. */
static bool check_baseline(struct options *o, struct err *err) {
    if (!o->budget)
        return err_set(err, ERR_USAGE, "gate wants --budget FILE (see `dumpdiff gate --help`)");
    if (o->argument_count == 0)
        return err_set(err, ERR_USAGE, "gate wants dumps, oldest first: BASE NEW");
    if (o->argument_count < 2 || !is_missing(o->arguments[0]))
        return true;
    if (!o->allow_missing_baseline)
        return err_set(err, ERR_INCONCLUSIVE,
                       "%s: there is no baseline (--allow-missing-baseline: the first run)",
                       o->arguments[0]);
    o->argument_count--;
    memmove(o->arguments, o->arguments + 1, o->argument_count * sizeof(*o->arguments));
    if (o->label_count > o->argument_count) {
        o->label_count--;
        memmove(o->labels, o->labels + 1, o->label_count * sizeof(*o->labels));
    }
    return true;
}

static bool find_today(struct gate_session *g, struct err *err) {
    const char *told = g->options.today;
    if (told) {
        bool ok = strlen(told) == 10 && told[4] == '-' && told[7] == '-' &&
                  strspn(told, "0123456789-") == 10;
        snprintf(g->today, sizeof(g->today), "%.10s", told);
        return ok || err_set(err, ERR_USAGE, "--today: not a day as in 2027-01-31: '%s'", told);
    }
    time_t now = time(NULL);
    if (now < 0)
        return err_set(err, ERR_SYSTEM, "what day is it? (--today YYYY-MM-DD)");
    civil_print((uint64_t)now / 86400, g->today);
    return true;
}

static bool read_budgets(struct gate_session *g, struct err *err) {
    struct file file;
    const char *path = g->options.budget;
    if (!file_open(&file, path, err)) {
        if (err->code == ERR_IO)
            err->code = ERR_USAGE;
        return err_prefix(err, "%s", path);
    }
    /* cJSON wants a NUL, which a mapped file does not have. */
    if (file.bytes.size <= BUDGET_MAX_BYTES)
        strbuf_add(&g->text, (struct str){(const char *)file.bytes.data, file.bytes.size});
    bool small = file.bytes.size <= BUDGET_MAX_BYTES;
    file_close(&file);
    if (!small)
        return err_set(err, ERR_USAGE, "%s: larger than %zu bytes", path, BUDGET_MAX_BYTES);
    if (!strbuf_ok(&g->text, err))
        return false;
    return budgets_parse(&g->budgets, (struct str){strbuf_cstr(&g->text), g->text.len}, err) ||
           err_prefix(err, "%s", path);
}

/* -- Outputs ----------------------------------------------------------------------------------- */

static bool write_output(struct gate_session *g, const struct output *output, struct err *err) {
    const char *format = output_format(&g->options, output);
    bool color = is_stdout(output->path) && session_color(&g->options);
    bool text_format = strcmp(format, "text") == 0; /* others are commands of CI, or no log */
    const struct snapshot *newest = &g->session.snapshots[g->session.count - 1];
    const struct gate_output options = {
        .budget_path = strbuf_cstr(&g->path),
        .names = g->session.names,
        .color = color,
        .version = DUMPDIFF_VERSION,
        .program = g->options.program ? g->options.program : snapshot_origin(newest)->process,
        .release = g->options.release,
        .instance = g->options.instance,
    };
    struct strbuf text;
    strbuf_init(&text);
    bool ok = gate_report_find(format)->write(&g->gate, &options, &text, err) &&
              put_out(output->path, &text,
                      (color ? FIT_COLOR : FIT_TEXT) | (text_format ? 0 : FIT_COMMANDS), err);
    strbuf_deinit(&text);
    return ok;
}

static bool write_outputs(struct gate_session *g, struct err *err) {
    static const struct output text = {NULL, NULL};
    const struct options *o = &g->options;
    if (o->output_count == 0)
        return write_output(g, &text, err);
    for (uint32_t i = 0; i < o->output_count; i++)
        if (!write_output(g, &o->outputs[i], err))
            return false;
    return true;
}

static bool cmd_gate_update(struct gate_session *g, struct err *err) {
    struct strbuf text;
    uint32_t changed;
    const char *path = g->options.budget;
    strbuf_init(&text);
    bool ok = gate_update(&g->gate, strbuf_str(&g->text), &text, &changed, err);
    if (ok && changed)
        ok = put_bytes(path, &text, err); /* the user's own words are in it */
    if (ok)
        say("%s: %u limit%s lowered", path, changed, changed == 1 ? "" : "s");
    strbuf_deinit(&text);
    return ok;
}

/* -- All --------------------------------------------------------------------------------------- */

static bool cmd_gate_judge(struct gate_session *g, struct err *err) {
    const struct options *o = &g->options;
    const struct gate_options options = {
        .iterations = o->report.per,
        .today = g->today,
        .strict = o->strict,
        .allow_missing = o->allow_missing_baseline,
        .force = o->force,
        .findings = &g->session.findings,
        .causes = g->session.has_causes ? &g->session.causes : NULL,
    };
    g->has_gate = true;
    return gate_run(&g->gate, &g->session.series, &g->budgets, &options, err);
}

static bool cmd_gate_run_all(struct gate_session *g, struct err *err) {
    return inputs_find(&g->inputs, &g->options, err) && check_baseline(&g->options, err) &&
           find_today(g, err) && read_budgets(g, err) &&
           session_read_series(&g->session, &g->options, err) &&
           session_explain(&g->session, budgets_ask_for_causes(&g->budgets), err) &&
           cmd_gate_judge(g, err) && write_outputs(g, err) &&
           (!g->options.update || cmd_gate_update(g, err));
}

static int cmd_gate_run(int argc, char **argv) {
    struct err err = {.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    struct gate_session g = {.has_gate = false};
    if (!options_parse(&g.options, &command_gate, argc, argv, &err))
        return fail(&err);
    if (g.options.help)
        return print_help(&command_gate);
    strbuf_init(&g.text);
    strbuf_init(&g.path);
    if (g.options.budget)
        strbuf_add_clean(&g.path, str_of(g.options.budget));
    int status = cmd_gate_run_all(&g, &err) ? gate_exit_status(&g.gate) : fail(&err);
    if (g.has_gate)
        gate_deinit(&g.gate);
    budgets_deinit(&g.budgets);
    session_deinit(&g.session);
    inputs_deinit(&g.inputs);
    strbuf_deinit(&g.text);
    strbuf_deinit(&g.path);
    return status;
}

const struct command command_gate = {
    "gate",
    "[options] --budget FILE [BASE] NEW [LATER...]",
    "holds budgets against dumps: an exit status for CI",
    "Measures what the budget file names, in the newest dump (max) and from the first to the last\n"
    "(growth), and prints all of it; only breaches fail. Formats for CI: junit, sarif, github,\n"
    "github-summary, benchmark, openmetrics, teamcity (`dumpdiff list gate-reports`); give each "
    "an\n"
    "-o. What a budget can be about: `dumpdiff list budgets`.\n"
    "\n"
    "Exit status: 0 all within their budgets; 1 a budget is breached; 2 wrong command line or\n"
    "budget file; 3 no breach, but a dump cannot be trusted or compared, or does not tell;\n"
    "4 a dump cannot be read; 5 no memory or disk.",
    COMMAND_GATE,
    cmd_gate_run,
};
