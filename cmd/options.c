#include "cmd/options_internal.h"

#include "base/civil.h"
#include "base/num.h"
#include "base/pattern.h"
#include "diff/report/csv.h"
#include "model/answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COMPARING (COMMAND_DIFF | COMMAND_WATCH)
#define GATING    COMMAND_GATE
#define REPORTING (COMPARING | COMMAND_SHOW)
#define NAMING    (COMMAND_DIFF | COMMAND_SHOW | COMMAND_SNAPSHOT | COMMAND_GATE)
#define READING   (NAMING | COMMAND_WATCH)
#define FILING    COMMAND_HISTORY
#define ADDING    (COMMAND_HISTORY | OPTION_OF_ADD)
#define SAYING    (COMMAND_LIST | COMMAND_EXPLAIN | COMMAND_COMPLETION | COMMAND_MAN)
#define EVERY     (READING | FILING | COMMAND_LEARN | COMMAND_PS | SAYING)

/* Options that only say so, and those whose value is taken as it is. */
#define SETS_FLAG(name, field) \
    static bool name(struct options *o, const char *value, struct err *err) { \
        (void)value, (void)err; \
        o->field = true; \
        return true; \
    }
#define SETS_TEXT(name, field) \
    static bool name(struct options *o, const char *value, struct err *err) { \
        (void)err; \
        o->field = value; \
        return true; \
    }

SETS_FLAG(set_all, report.all)
SETS_FLAG(set_force, force)
SETS_FLAG(set_exit_code, exit_code)
SETS_FLAG(set_open, open)
SETS_FLAG(set_exact_names, exact_names)
SETS_FLAG(set_no_paths, no_paths)
SETS_FLAG(set_no_sandbox, no_sandbox)
SETS_FLAG(set_retained, question.asked[QUESTION_RETAINED])
SETS_FLAG(set_duplicates, question.asked[QUESTION_DUPLICATES])
SETS_FLAG(set_contents, question.contents)
SETS_FLAG(set_full_paths, report.full_paths)
SETS_FLAG(set_raw_csv, report.raw_csv)
SETS_FLAG(set_help, help)
SETS_FLAG(set_roles, roles)
SETS_FLAG(set_no_pager, no_pager)
SETS_FLAG(set_update, update)
SETS_FLAG(set_strict, strict)
SETS_FLAG(set_allow_missing, allow_missing_baseline)
SETS_TEXT(set_db, db)
SETS_TEXT(set_program, program)
SETS_TEXT(set_release, release)
SETS_TEXT(set_environment, environment)
SETS_TEXT(set_instance, instance)
SETS_TEXT(set_per_value, per_value)
SETS_TEXT(set_spool, spool)
SETS_TEXT(set_release_env, release_env)
SETS_TEXT(set_budget, budget)
SETS_TEXT(set_today, today)
SETS_TEXT(set_config, config)
SETS_TEXT(set_symbols, symbols)
SETS_TEXT(set_sysroot, sysroot)

/* Wrong ones are told before a dump is read, and whatever the reports make of them. */
static bool is_pattern(const char *option, const char *value, struct err *err) {
    struct pattern pattern;
    if (!pattern_init(&pattern, value, err, "%s: not a regular expression", option))
        return false;
    pattern_deinit(&pattern);
    return true;
}

static bool set_focus(struct options *o, const char *value, struct err *err) {
    o->report.focus = value;
    return is_pattern("--focus", value, err);
}

static bool set_match(struct options *o, const char *value, struct err *err) {
    o->match = value;
    return is_pattern("--match", value, err);
}

static bool set_ignore(struct options *o, const char *value, struct err *err) {
    o->report.ignore = value;
    return is_pattern("--ignore", value, err);
}

static bool number(const char *option, const char *value, uint64_t *ret_value, struct err *err) {
    if (num_dec(str_of(value), ret_value) && *ret_value != ABSENT)
        return true;
    return err_set(err, ERR_USAGE, "%s: not a whole number: '%s'", option, value);
}

static bool set_top(struct options *o, const char *value, struct err *err) {
    uint64_t n;
    if (!number("--top", value, &n, err))
        return false;
    if (n == 0)
        return err_set(err, ERR_USAGE, "--top: at least one row has to be shown");
    o->report.top = n < TOP_ALL ? (uint32_t)n : TOP_ALL;
    return true;
}

static bool set_sort(struct options *o, const char *value, struct err *err) {
    static const struct {
        const char *name;
        enum report_sort sort;
    } sorts[] = {{"bytes-delta", SORT_BYTES_DELTA},
                 {"objects-delta", SORT_OBJECTS_DELTA},
                 {"bytes", SORT_BYTES},
                 {"objects", SORT_OBJECTS},
                 {"name", SORT_NAME}};
    for (size_t i = 0; i < sizeof(sorts) / sizeof(*sorts); i++) {
        if (strcmp(sorts[i].name, value) != 0)
            continue;
        o->report.sort = sorts[i].sort;
        return true;
    }
    return err_set(err, ERR_USAGE,
                   "--sort: bytes-delta, objects-delta, bytes, objects or name, "
                   "not '%s'",
                   value);
}

/* "4096", "64K", "1MiB": a number with a unit of powers of 1024. */
static bool size_of(const char *name, const char *value, uint64_t *ret, struct err *err) {
    size_t digits = strspn(value, "0123456789");
    uint64_t n = 0, unit = 1;
    if (value[digits])
        unit = num_unit(str_of(value + digits));
    if (!num_dec((struct str){value, digits}, &n) || unit == 0 || n > (ABSENT - 1) / unit)
        return err_set(err, ERR_USAGE, "%s: not a size: '%s' (4096, 64K, 1MiB)", name, value);
    *ret = n * unit;
    return true;
}

static bool set_min_bytes(struct options *o, const char *value, struct err *err) {
    return size_of("--min-bytes", value, &o->report.min_bytes, err);
}

static bool set_max_memory(struct options *o, const char *value, struct err *err) {
    if (!size_of("--max-memory", value, &o->max_memory, err))
        return false;
    if (!o->max_memory)
        o->max_memory = 1; /* none at all; 0 is for what was not given */
    return true;
}

static bool set_min_count(struct options *o, const char *value, struct err *err) {
    return number("--min-count", value, &o->report.min_count, err);
}

static bool set_per(struct options *o, const char *value, struct err *err) {
    uint64_t n;
    if (!number("--per", value, &n, err))
        return false;
    if (n == 0)
        return err_set(err, ERR_USAGE, "--per: cannot divide by 0");
    o->report.per = (double)n;
    return true;
}

static bool options_set_label(struct options *o, const char *value, struct err *err) {
    return options_add_name(o->labels, &o->label_count, value, "--label", err);
}

static bool set_threads(struct options *o, const char *value, struct err *err) {
    return options_add_name(o->threads_files, &o->threads_file_count, value, "--threads", err);
}

static bool set_pid(struct options *o, const char *value, struct err *err) {
    if (!number("--pid", value, &o->pid, err))
        return false;
    return o->pid > 0 || err_set(err, ERR_USAGE, "--pid: no process has the number 0");
}

/* "90", "90s", "5m", "1h", "500ms". */
static bool duration(const char *option, const char *value, uint64_t *ret_ns, struct err *err) {
    static const struct {
        const char *unit;
        uint64_t ns;
    } units[] = {{"", 1000000000},
                 {"s", 1000000000},
                 {"ms", 1000000},
                 {"m", UINT64_C(60000000000)},
                 {"min", UINT64_C(60000000000)},
                 {"h", UINT64_C(3600000000000)}};
    size_t digits = strspn(value, "0123456789");
    uint64_t n;
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (strcmp(value + digits, units[i].unit) != 0)
            continue;
        if (!num_dec((struct str){value, digits}, &n) || n > INT64_MAX / units[i].ns)
            break;
        *ret_ns = n * units[i].ns;
        return true;
    }
    return err_set(err, ERR_USAGE, "%s: not a time: '%s' (90, 90s, 5m, 1h)", option, value);
}

static bool set_every(struct options *o, const char *value, struct err *err) {
    return duration("--every", value, &o->watch_every_ns, err);
}

static bool set_max_stop(struct options *o, const char *value, struct err *err) {
    return duration("--max-stop", value, &o->stop_max_ns, err) &&
           (o->stop_max_ns > 0 || err_set(err, ERR_USAGE, "--max-stop: no time at all"));
}

/*
 * The number that `digits` characters at *text are, between two bounds, and `behind` behind it;
 * '\0': the end. *text: what follows.
 */
static bool part_of_time(const char **text, size_t digits, uint64_t least, uint64_t most,
                         char behind, uint64_t *ret_part) {
    if (strspn(*text, "0123456789") != digits || (*text)[digits] != behind ||
        !num_dec((struct str){*text, digits}, ret_part) || *ret_part < least || *ret_part > most)
        return false;
    *text += digits + (behind != '\0');
    return true;
}

/* "2026-11-30", "2026-11-30T18:00:00Z" [ns since 1970]; 0: it is none. */
static uint64_t time_said(const char *value) {
    uint64_t year, month, day, hour = 0, minute = 0, second = 0;
    bool clock = strchr(value, 'T');
    if (!part_of_time(&value, 4, 1970, 2500, '-', &year) ||
        !part_of_time(&value, 2, 1, 12, '-', &month) ||
        !part_of_time(&value, 2, 1, 31, clock ? 'T' : '\0', &day))
        return 0;
    if (clock && (!part_of_time(&value, 2, 0, 23, ':', &hour) ||
                  !part_of_time(&value, 2, 0, 59, ':', &minute) ||
                  !part_of_time(&value, 2, 0, 60, 'Z', &second) || *value))
        return 0;
    uint64_t days = civil_day(year, month, day);
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000000000;
}

/* "90d", "24h": so long before now. */
static uint64_t time_ago(const char *value) {
    size_t digits = strspn(value, "0123456789");
    uint64_t n, hours = strcmp(value + digits, "d") == 0 ? 24 : 1;
    uint64_t now = (uint64_t)time(NULL);
    if (hours == 1 && strcmp(value + digits, "h") != 0)
        return 0;
    if (!num_dec((struct str){value, digits}, &n) || n > now / 3600 / hours)
        return 0;
    return (now - n * hours * 3600) * 1000000000;
}

static bool when(const char *option, const char *value, uint64_t *ret_ns, struct err *err) {
    *ret_ns = time_said(value);
    if (!*ret_ns)
        *ret_ns = time_ago(value);
    return *ret_ns ||
           err_set(err, ERR_USAGE, "%s: not a time: '%s' (2026-11-30, 90d, 24h)", option, value);
}

static bool set_since(struct options *o, const char *value, struct err *err) {
    return when("--since", value, &o->since_ns, err);
}

static bool set_older(struct options *o, const char *value, struct err *err) {
    return when("--older", value, &o->older_ns, err);
}

static bool set_watch_count(struct options *o, const char *value, struct err *err) {
    uint64_t n;
    if (!number("--count", value, &n, err))
        return false;
    if (n < 1 || n > ARGUMENTS_MAX)
        return err_set(err, ERR_USAGE, "--count: from 1 to %u snapshots, not %s", ARGUMENTS_MAX,
                       value);
    o->watch_count = (uint32_t)n;
    return true;
}

static bool set_requests(struct options *o, const char *value, struct err *err) {
    if (!number("--requests", value, &o->requests, err))
        return false;
    return o->requests > 0 || err_set(err, ERR_USAGE, "--requests: cannot divide by 0");
}

static bool set_keep(struct options *o, const char *value, struct err *err) {
    if (!number("--keep", value, &o->keep, err))
        return false;
    return o->keep > 0 || err_set(err, ERR_USAGE, "--keep: at least one has to be kept");
}

static bool options_ask(struct options *o, enum question_kind kind, const char **pattern,
                        const char *value, struct err *err) {
    if (o->question.asked[kind])
        return err_set(err, ERR_USAGE,
                       "--%s: given twice: a regular expression takes several types",
                       question_names[kind]);
    if (!*value)
        return err_set(err, ERR_USAGE, "--%s: the name of the type is empty", question_names[kind]);
    o->question.asked[kind] = true;
    *pattern = value;
    return true;
}

static bool set_path(struct options *o, const char *value, struct err *err) {
    return options_ask(o, QUESTION_PATH, &o->question.path_of, value, err);
}

static bool set_holders(struct options *o, const char *value, struct err *err) {
    return options_ask(o, QUESTION_HOLDERS, &o->question.holders_of, value, err);
}

static bool set_values(struct options *o, const char *value, struct err *err) {
    return options_ask(o, QUESTION_VALUES, &o->question.values_of, value, err);
}

static bool set_series(struct options *o, const char *value, struct err *err) {
    (void)err;
    o->series = value;
    return true;
}

static bool options_set_list(struct options *o, const char *value, struct err *err) {
    (void)err;
    o->list = value;
    return true;
}

static bool set_limit(struct options *o, const char *value, struct err *err) {
    if (!strchr(value, '=') || value[0] == '=')
        return err_set(err, ERR_USAGE, "--limit: KEY=VALUE is wanted, not '%s'", value);
    if (o->limit_count == LIMITS_MAX)
        return err_set(err, ERR_USAGE, "--limit: given more than %u times", LIMITS_MAX);
    o->limits[o->limit_count++] = value;
    return true;
}

static bool set_table(struct options *o, const char *value, struct err *err) {
    o->report.table = value;
    return csv_table_find(value) ||
           err_set(err, ERR_USAGE, "--table: no table is called '%s' (see `dumpdiff list tables`)",
                   value);
}

static bool set_width(struct options *o, const char *value, struct err *err) {
    uint64_t n;
    if (!number("--width", value, &n, err))
        return false;
    if (n < 60 || n > 10000)
        return err_set(err, ERR_USAGE, "--width: from 60 to 10000, not %s", value);
    o->report.width = (uint32_t)n;
    return true;
}

/* The number of the value among three names; 3: it is none of them. */
static unsigned one_of(const char *value, const char *first, const char *second,
                       const char *third) {
    const char *const names[] = {first, second, third};
    unsigned i = 0;
    while (i < 3 && strcmp(names[i], value) != 0)
        i++;
    return i;
}

static bool set_color(struct options *o, const char *value, struct err *err) {
    unsigned mode = one_of(value, "auto", "always", "never");
    o->color = (enum color_mode)(mode % 3);
    return mode < 3 || err_set(err, ERR_USAGE, "--color: auto, always or never, not '%s'", value);
}

static bool set_progress(struct options *o, const char *value, struct err *err) {
    unsigned mode = one_of(value, "auto", "json", "never");
    o->progress = (enum progress_mode)(mode % 3);
    return mode < 3 || err_set(err, ERR_USAGE, "--progress: auto, json or never, not '%s'", value);
}

/*
 * What only one action of `history` or one kind of report can use says so in its help; what means
 * another thing to another command, or takes other values there, stands once more.
 */
const struct option_desc option_descs[] = {
    {"format", 0, "F", VALUE_REPORT,
     "text (default), json, markdown, csv, html, brief, brief-json, folded, pprof, speedscope or "
     "perfetto; "
     "with -o, one "
     "pair each",
     REPORTING, options_set_format},
    {"open", 0, NULL, VALUE_NONE,
     "write the HTML report to the cache folder and open it in a browser",
     COMMAND_DIFF | COMMAND_SHOW, set_open},
    {"format", 0, "F", VALUE_SHEET, "text (default), json or csv", COMMAND_PS, options_set_format},
    {"format", 0, "F", VALUE_SHEET,
     "text (default), json or csv; report: html, too; report and export: openmetrics", FILING,
     options_set_format},
    {"format", 0, "F", VALUE_GATE_REPORT,
     "text (default), json, junit, sarif, github, ...; with -o, one pair each", GATING,
     options_set_format},
    {"list", 0, "FILE", VALUE_FILE, "more dumps, one a line, relative to the folder of the file",
     COMMAND_DIFF | GATING, options_set_list},
    {"series", 0, "DIR", VALUE_DIR,
     "more dumps: each file of the folder is one; ordered by when they were taken",
     COMMAND_DIFF | GATING, set_series},
    {"budget", 0, "FILE", VALUE_FILE, "what may be used, and how much it may grow: JSON", GATING,
     set_budget},
    {"update", 0, NULL, VALUE_NONE, "lower the limits of budgets that passed to what was measured",
     GATING, set_update},
    {"strict", 0, NULL, VALUE_NONE, "a budget that matches nothing is inconclusive", GATING,
     set_strict},
    {"allow-missing-baseline", 0, NULL, VALUE_NONE,
     "BASE need not be there: growth is not judged then", GATING, set_allow_missing},
    {"today", 0, "DAY", VALUE_TEXT,
     "the day on which what is benign expires (default: today): 2027-01-31", GATING, set_today},
    {"output", 'o', "FILE", VALUE_FILE,
     "write there, in the format that its name tells; appears complete or not at all",
     REPORTING | GATING | FILING | COMMAND_PS, options_set_output},
    {"output", 'o', "FILE", VALUE_FILE, "write there; appears complete or not at all",
     COMMAND_SNAPSHOT | COMMAND_LEARN, options_set_output},
    {"top", 0, "N", VALUE_NUMBER, "rows of a table; the rest is summed up as [N others]",
     REPORTING | FILING, set_top},
    {"all", 0, NULL, VALUE_NONE,
     "all rows, unchanged ones too, and the rules that were clear or skipped", COMPARING, set_all},
    {"all", 0, NULL, VALUE_NONE, "all rows, and the rules that were clear or skipped", COMMAND_SHOW,
     set_all},
    {"all", 0, NULL, VALUE_NONE, "all rows, not only the first", FILING, set_all},
    {"sort", 0, "BY", VALUE_SORT,
     "types by bytes-delta (default), objects-delta, bytes, objects or name", COMPARING, set_sort},
    {"sort", 0, "BY", VALUE_SORT, "types by bytes (default), objects or name", COMMAND_SHOW,
     set_sort},
    {"focus", 0, "REGEX", VALUE_TEXT, "only rows whose name matches; the others are summed up",
     REPORTING, set_focus},
    {"ignore", 0, "REGEX", VALUE_TEXT, "no rows whose name matches; they are summed up", REPORTING,
     set_ignore},
    {"min-bytes", 0, "SIZE", VALUE_NUMBER,
     "no types that changed by less than that: 4096, 64K, 1MiB", COMPARING, set_min_bytes},
    {"min-bytes", 0, "SIZE", VALUE_NUMBER, "no types that take less than that: 4096, 64K, 1MiB",
     COMMAND_SHOW, set_min_bytes},
    {"min-count", 0, "N", VALUE_NUMBER, "no types that changed by fewer objects", COMPARING,
     set_min_count},
    {"min-count", 0, "N", VALUE_NUMBER, "no types that have fewer objects", COMMAND_SHOW,
     set_min_count},
    {"raw-csv", 0, NULL, VALUE_NONE, "csv: cells that begin with = + - @ as they are, for programs",
     REPORTING | FILING | COMMAND_PS, set_raw_csv},
    {"table", 0, "NAME", VALUE_TABLE,
     "csv: which table (default types; see `dumpdiff list tables`)", REPORTING, set_table},
    {"path", 0, "TYPE", VALUE_TYPE, "only: on which paths live objects of a type are held",
     COMMAND_SHOW, set_path},
    {"holders", 0, "TYPE", VALUE_TYPE, "only: which types and fields refer to objects of a type",
     COMMAND_SHOW, set_holders},
    {"retained", 0, NULL, VALUE_NONE, "only: what would be freed with objects, by type and by path",
     COMMAND_SHOW, set_retained},
    {"duplicates", 0, NULL, VALUE_NONE, "only: equal strings and arrays, and what they waste",
     COMMAND_SHOW, set_duplicates},
    {"values", 0, "TYPE[.FIELD]", VALUE_TYPE,
     "only: which values the fields of objects of a type have", COMMAND_SHOW, set_values},
    {"contents", 0, NULL, VALUE_NONE,
     "print how messages, or texts of an answer, begin, and whole paths", COMMAND_SHOW,
     set_contents},
    {"full-paths", 0, NULL, VALUE_NONE, "every step of what holds objects, with whole type names",
     REPORTING, set_full_paths},
    {"per", 0, "N", VALUE_NUMBER,
     "also divide growth by N requests or iterations between the dumps", COMPARING | GATING,
     set_per},
    {"per", 0, "WHAT", VALUE_TEXT,
     "slopes for hours (default), a thousand requests, or of a value of the history", FILING,
     set_per_value},
    {"requests", 0, "N", VALUE_NUMBER, "that the process had served when the snapshot was taken",
     ADDING, set_requests},
    {"exact-names", 0, NULL, VALUE_NONE, "do not match compiler-generated names across builds",
     COMPARING | GATING, set_exact_names},
    {"force", 0, NULL, VALUE_NONE, "report even if the snapshots cannot be trusted or compared",
     COMPARING | GATING, set_force},
    {"force", 0, NULL, VALUE_NONE, "exit with 0 even if the dump cannot be trusted", COMMAND_SHOW,
     set_force},
    {"force", 0, NULL, VALUE_NONE, "snapshots that cannot be trusted, too", ADDING, set_force},
    {"exit-code", 0, NULL, VALUE_NONE, "exit with 1 when there are findings", REPORTING,
     set_exit_code},
    {"limit", 0, "KEY=VALUE", VALUE_LIMIT, "set a threshold (see `dumpdiff list limits`)",
     REPORTING, set_limit},
    {"config", 0, "FILE", VALUE_FILE, "read thresholds from a JSON object; --limit goes first",
     REPORTING, set_config},
    {"label", 0, "TEXT", VALUE_TEXT, "call the snapshot that; the n-th label is for the n-th dump",
     NAMING | ADDING, options_set_label},
    {"threads", 0, "FILE", VALUE_FILE,
     "thread times taken with the dump; the n-th is for the n-th dump", NAMING | ADDING,
     set_threads},
    {"pid", 0, "PID", VALUE_PID,
     "a running process instead of a dump; it stands still while it is read",
     COMMAND_SHOW | COMMAND_SNAPSHOT | ADDING, set_pid},
    {"every", 0, "TIME", VALUE_TEXT, "time between two snapshots: 90, 90s (default 60s), 5m, 1h",
     COMMAND_WATCH, set_every},
    {"match", 0, "REGEX", VALUE_TEXT, "--all without a PID: only processes whose program matches",
     COMMAND_WATCH, set_match},
    {"max-stop", 0, "TIME", VALUE_TEXT,
     "let the process go on after so long, and do without its snapshot (--all: 10s)",
     COMMAND_SHOW | COMMAND_SNAPSHOT | COMMAND_WATCH | ADDING, set_max_stop},
    {"to", 0, "FILE|URI", VALUE_FILE, "--all without a PID: the history that snapshots go to",
     COMMAND_WATCH, set_db},
    {"spool", 0, "DIR", VALUE_DIR, "--all without a PID: keeps what cannot be delivered",
     COMMAND_WATCH, set_spool},
    {"spool", 0, "DIR", VALUE_DIR, "add and push: folder that keeps what cannot be delivered",
     FILING, set_spool},
    {"release", 0, "NAME", VALUE_TEXT, "--all without a PID: release of what is filed",
     COMMAND_WATCH, set_release},
    {"release-env", 0, "VARIABLE", VALUE_TEXT,
     "--all without a PID: the release is what this variable of the process says", COMMAND_WATCH,
     set_release_env},
    {"environment", 0, "NAME", VALUE_TEXT, "--all without a PID: environment of what is filed",
     COMMAND_WATCH, set_environment},
    {"instance", 0, "NAME", VALUE_TEXT,
     "--all without a PID: instance of what is filed (default: the name of each process's host)",
     COMMAND_WATCH, set_instance},
    {"count", 0, "N", VALUE_NUMBER, "snapshots to take (default 3; --all: without end)",
     COMMAND_WATCH, set_watch_count},
    {"symbols", 0, "DIR", VALUE_DIR, "where files that a dump refers to may be found",
     READING | ADDING, set_symbols},
    {"sysroot", 0, "DIR", VALUE_DIR, "root of the file system that a dump's paths refer to",
     READING | ADDING, set_sysroot},
    {"no-paths", 0, NULL, VALUE_NONE, "do not look for what holds objects (faster)",
     READING | ADDING, set_no_paths},
    {"no-sandbox", 0, NULL, VALUE_NONE, "read inputs with all rights of whoever runs this",
     READING | FILING | COMMAND_PS, set_no_sandbox},
    {"max-memory", 0, "SIZE", VALUE_NUMBER,
     "for what holds objects: 500M, 2GiB (default: half of what is free)", READING | ADDING,
     set_max_memory},
    {"width", 0, "N", VALUE_NUMBER, "text: columns (default: the terminal's, else 100)",
     REPORTING | FILING | COMMAND_PS, set_width},
    {"color", 0, "WHEN", VALUE_COLOR,
     "auto (default: on a terminal without NO_COLOR), always or never", REPORTING | GATING,
     set_color},
    {"db", 0, "FILE|URI", VALUE_FILE,
     "file of the history, or postgresql://... (default $DUMPDIFF_DB, else dumpdiff-history.db)",
     FILING, set_db},
    {"program", 0, "NAME", VALUE_TEXT, "snapshots of that program (add: default as the dump says)",
     FILING, set_program},
    {"release", 0, "NAME", VALUE_TEXT, "snapshots of that release", FILING, set_release},
    {"environment", 0, "NAME", VALUE_TEXT, "snapshots of that environment", FILING,
     set_environment},
    {"instance", 0, "NAME", VALUE_TEXT,
     "snapshots of that pod or host (add: default as DUMPDIFF_INSTANCE or the pod's variables say)",
     FILING, set_instance},
    {"since", 0, "WHEN", VALUE_TEXT,
     "only what was taken since: 2026-11-30, 2026-11-30T18:00:00Z, or 90d, 24h ago", FILING,
     set_since},
    {"program", 0, "NAME", VALUE_TEXT, "openmetrics: what runs (default: as the dump says)", GATING,
     set_program},
    {"release", 0, "NAME", VALUE_TEXT, "openmetrics: release of it", GATING, set_release},
    {"instance", 0, "NAME", VALUE_TEXT, "openmetrics: which of those that run (a pod, a host)",
     GATING, set_instance},
    {"roles", 0, NULL, VALUE_NONE,
     "init: make the roles dumpdiff_writer and dumpdiff_reader, too (PostgreSQL)", FILING,
     set_roles},
    {"keep", 0, "N", VALUE_NUMBER, "prune: how many of each instance in each release stay", FILING,
     set_keep},
    {"older", 0, "WHEN", VALUE_TEXT,
     "prune: all that was taken before: 2026-11-30, or 90d ago; a server lets go of whole months",
     FILING, set_older},
    {"progress", 0, "WHEN", VALUE_PROGRESS,
     "auto (default: on a terminal), json (a line a second on standard error) or never", READING,
     set_progress},
    {"no-pager", 0, NULL, VALUE_NONE, "on a terminal: do not put the output through a pager", EVERY,
     set_no_pager},
    {"help", 'h', NULL, VALUE_NONE, "print this help", EVERY, set_help},
    {NULL, 0, NULL, VALUE_NONE, NULL, 0, NULL},
};
