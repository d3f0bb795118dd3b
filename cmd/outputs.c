/* Which report goes into which file: pairs of --format and -o, and what the name of a file tells.
 */
#include "cmd/options_internal.h"

#include "diff/gate/gate_report.h"

#include <string.h>

static bool add_output(struct options *o, struct output output, struct err *err) {
    if (o->output_count == OUTPUTS_MAX)
        return err_set(err, ERR_USAGE, "more than %u outputs", OUTPUTS_MAX);
    o->outputs[o->output_count++] = output;
    return true;
}

/* What the ending of a file stands for. */
struct ending {
    const char *ending;
    const char *report, *gate; /* format of reports, of the gate; NULL: none of theirs */
};

/* Those in which nothing is written are named all the same: no text is put into a file.pdf. */
static const struct ending endings[] = {
    {".speedscope.json", "speedscope", NULL},
    {".perfetto.json", "perfetto", NULL},
    {".json", "json", "json"},
    {".md", "markdown", "github-summary"},
    {".markdown", "markdown", "github-summary"},
    {".csv", "csv", NULL},
    {".html", "html", NULL},
    {".htm", "html", NULL},
    {".folded", "folded", NULL},
    {".pb.gz", "pprof", NULL},
    {".xml", NULL, "junit"},
    {".sarif", NULL, "sarif"},
    {".prom", NULL, "openmetrics"},
    {".snap", NULL, NULL},
    {".pdf", NULL, NULL},
    {".svg", NULL, NULL},
    {".png", NULL, NULL},
    {".xls", NULL, NULL},
    {".xlsx", NULL, NULL},
    {".yaml", NULL, NULL},
    {".yml", NULL, NULL},
    {".docx", NULL, NULL},
};

static const struct ending *ending_of(const char *path) {
    for (size_t i = 0; path && i < sizeof(endings) / sizeof(*endings); i++)
        if (str_ends(str_of(path), str_of(endings[i].ending)))
            return &endings[i];
    return NULL;
}

static bool is_metrics(const char *format) {
    return format && strcmp(format, "openmetrics") == 0;
}

/* What it stands for to a command; NULL: to nothing, or to another's. */
static const char *format_of_ending(uint32_t command, const struct ending *ending) {
    if (!ending)
        return NULL;
    if (command == COMMAND_HISTORY && !ending->report && is_metrics(ending->gate))
        return ending->gate;
    return command == COMMAND_GATE ? ending->gate : ending->report;
}

static const char *format_by_ending(uint32_t command, const char *path) {
    return format_of_ending(command, ending_of(path));
}

/* "md" is as good a name as "markdown" where the file would say the same. */
static const char *format_called(uint32_t command, const char *name) {
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
        const char *format = format_of_ending(command, &endings[i]);
        if (format && strcmp(endings[i].ending + 1, name) == 0)
            return format;
    }
    return name;
}

const char *output_format(const struct options *o, const struct output *output) {
    const char *told = output->format ? output->format : format_by_ending(o->command, output->path);
    return told ? told : "text";
}

const char *options_path(const struct options *o) {
    return o->output_count ? o->outputs[0].path : NULL;
}

/* `-o FILE --format F`: is the format for that file, or for another report? */
static bool takes_format(const struct options *o, const struct output *output, const char *format) {
    const char *told = format_by_ending(o->command, output->path);
    return !output->format && (!told || strcmp(told, format) == 0);
}

bool options_set_format(struct options *o, const char *value, struct err *err) {
    value = format_called(o->command, value);
    if (o->command == COMMAND_GATE && !gate_report_find(value))
        return err_set(err, ERR_USAGE,
                       "--format: the gate has no format '%s' (see `dumpdiff list gate-reports`)",
                       value);
    if (o->command != COMMAND_GATE && !report_find(value) &&
        !(o->command == COMMAND_HISTORY && is_metrics(value)))
        return err_set(err, ERR_USAGE,
                       "--format: no format is called '%s' (see `dumpdiff list "
                       "reports`)",
                       value);
    struct output *last = o->output_count ? &o->outputs[o->output_count - 1] : NULL;
    if (last && takes_format(o, last, value)) {
        last->format = value;
        return true;
    }
    return add_output(o, (struct output){.format = value}, err);
}

bool options_set_output(struct options *o, const char *value, struct err *err) {
    struct output *last = o->output_count ? &o->outputs[o->output_count - 1] : NULL;
    if (!*value)
        return err_set(err, ERR_USAGE, "-o: the name of the file is empty");
    if (last && !last->path) {
        last->path = value;
        return true;
    }
    return add_output(o, (struct output){.path = value}, err);
}

bool options_sheet_format(const struct options *o, const struct command *command, bool lines,
                          enum sheet_format *ret_format, struct err *err) {
    const char *name = o->output_count ? output_format(o, &o->outputs[0]) : "text";
    if (o->output_count > 1)
        return err_set(err, ERR_USAGE, "%s writes one output", command->name);
    if (lines && !(o->output_count && (o->outputs[0].format || strcmp(name, "text") != 0)))
        name = "csv";
    if (strcmp(name, "text") == 0)
        *ret_format = SHEET_AS_TEXT;
    else if (strcmp(name, "csv") == 0)
        *ret_format = SHEET_AS_CSV;
    else if (strcmp(name, "json") == 0)
        *ret_format = lines ? SHEET_AS_LINES : SHEET_AS_JSON;
    else
        return err_set(err, ERR_USAGE, "%s writes text, csv or json, not %s", command->name, name);
    return true;
}

/* -- When all is parsed ------------------------------------------------------------------------ */

/* Who would write such a file. */
static bool say_who_does(const struct options *o, const char *name, const struct ending *ending,
                         const char *path, struct err *err) {
    if (strcmp(ending->ending, ".snap") == 0)
        return err_set(err, ERR_USAGE, "-o %s: `dumpdiff snapshot` writes .snap files", path);
    if (ending->report || ending->gate)
        return err_set(err, ERR_USAGE,
                       "-o %s: `dumpdiff %s` writes no %s; `dumpdiff %s` does (--format %s)", path,
                       name, ending->ending, o->command == COMMAND_GATE ? "diff" : "gate",
                       o->command == COMMAND_GATE ? ending->report : ending->gate);
    return err_set(err, ERR_USAGE,
                   "-o %s: nothing is written as %s (--format says in which format; see "
                   "`dumpdiff list %s`)",
                   path, ending->ending, o->command == COMMAND_GATE ? "gate-reports" : "reports");
}

/* The one file of a command that writes in a format of its own. */
static bool check_own_file(const struct options *o, const char *name, struct err *err) {
    const char *path = o->output_count ? o->outputs[0].path : NULL;
    const struct ending *ending = ending_of(path);
    bool json = ending && strcmp(ending->ending, ".json") == 0;
    bool fits = o->command == COMMAND_LEARN ? json : ending && strcmp(ending->ending, ".snap") == 0;
    if (!ending || fits)
        return true;
    if (o->command == COMMAND_LEARN || !ending->report)
        return err_set(err, ERR_USAGE, "-o %s: `dumpdiff %s` writes %s", path, name,
                       o->command == COMMAND_LEARN ? "JSON" : "a .snap file");
    return err_set(err, ERR_USAGE,
                   "-o %s: `dumpdiff %s` writes a .snap file; `dumpdiff show -o` writes %s", path,
                   name, ending->report);
}

static bool has_format(const struct options *o, const char *format) {
    for (uint32_t i = 0; i < o->output_count; i++)
        if (strcmp(output_format(o, &o->outputs[i]), format) == 0)
            return true;
    return false;
}

bool options_check_outputs(const struct options *o, const struct command *command,
                           struct err *err) {
    if (o->command & (COMMAND_SNAPSHOT | COMMAND_LEARN))
        return check_own_file(o, command->name, err);
    for (uint32_t i = 0; i < o->output_count; i++) {
        const struct output *output = &o->outputs[i];
        const struct ending *ending = output->format ? NULL : ending_of(output->path);
        if (ending && !format_by_ending(o->command, output->path))
            return say_who_does(o, command->name, ending, output->path, err);
    }
    if (o->report.table && !has_format(o, "csv"))
        return err_set(err, ERR_USAGE,
                       "--table %s: only CSV has single tables: --format csv, or -o FILE.csv",
                       o->report.table);
    if (o->report.raw_csv && !(o->command & (COMMAND_HISTORY | COMMAND_PS)) &&
        !has_format(o, "csv"))
        return err_set(err, ERR_USAGE, "--raw-csv: goes with CSV: --format csv, or -o FILE.csv");
    return true;
}
