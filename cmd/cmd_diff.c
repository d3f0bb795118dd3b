#include "base/os/os.h"
#include "cmd/inputs.h"
#include "cmd/opener.h"
#include "cmd/session.h"
#include "model/answers.h"
#include "model/snapshot.h"

extern const struct command command_diff, command_show;

/* The only argument where it is a folder; NULL: it is none, or there are more. */
static const char *only_folder(const struct options *o) {
    const char *only = o->argument_count == 1 && !o->series ? o->arguments[0] : NULL;
    return only && os_is_folder(only) ? only : NULL;
}

static bool wants_two(const struct options *o, struct err *err) {
    const char *folder = only_folder(o);
    if (folder)
        return err_set(err, ERR_USAGE,
                       "diff wants two dumps or more, and all files of a folder are about one: "
                       "`dumpdiff diff --series %s` compares them one by one",
                       folder);
    return err_set(err, ERR_USAGE,
                   "diff wants two dumps or more, oldest first (see `dumpdiff diff --help`)");
}

/* A single file is enough for a diff where it tells of several moments. */
static bool read_dumps(struct session *s, const struct options *o, bool is_diff, struct err *err) {
    if (!is_diff)
        return session_read(s, o, err);
    if (!session_read_series(s, o, err)) /* most likely because its files are dumps of their own */
        return err->code != ERR_NOMEM && only_folder(o) ? wants_two(o, err) : false;
    return s->count > 1 || wants_two(o, err);
}

static bool check_arguments(const struct options *o, bool is_diff, struct err *err) {
    if (is_diff && o->argument_count == 0)
        return wants_two(o, err);
    if (!is_diff && o->argument_count + (o->pid != ABSENT) != 1)
        return err_set(err, ERR_USAGE,
                       "show wants one dump (see `dumpdiff show --help`; `dumpdiff diff` compares "
                       "several)");
    bool asked = question_any(&o->question);
    if (asked && o->no_paths)
        return err_set(err, ERR_USAGE, "--no-paths: the question needs to know what is live");
    if (asked && o->question.contents && !o->question.asked[QUESTION_DUPLICATES] &&
        !o->question.asked[QUESTION_VALUES])
        return err_set(err, ERR_USAGE,
                       "--contents: of what? Of questions it goes with --duplicates and --values");
    return true;
}

static int run_report(const struct command *command, bool is_diff, int argc, char **argv) {
    struct err err = {.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    struct options o;
    struct session s = {.count = 0};
    struct inputs in;
    struct opener opener = OPENER_NONE;
    if (!options_parse(&o, command, argc, argv, &err))
        return fail(&err);
    if (o.help)
        return print_help(command);
    int status = 0;
    bool reported = inputs_find(&in, &o, &err) && check_arguments(&o, is_diff, &err) &&
                    opener_begin(&opener, &o, &err) && read_dumps(&s, &o, is_diff, &err) &&
                    session_judge(&s, &err) && session_report(&s, is_diff, &err);
    if (reported)
        opener_open(&opener);
    if (!reported)
        status = fail(&err);
    else if (!is_diff && !o.force && snapshot_trust(&s.snapshots[0]) == TRUST_UNUSABLE)
        status = err_exit_status(ERR_INCONCLUSIVE);
    else if (o.exit_code && session_has_hits(&s))
        status = 1;
    opener_end(&opener);
    session_deinit(&s);
    inputs_deinit(&in);
    return status;
}

static int diff(int argc, char **argv) {
    return run_report(&command_diff, true, argc, argv);
}

static int cmd_diff_show(int argc, char **argv) {
    return run_report(&command_show, false, argc, argv);
}

const struct command command_diff = {
    "diff",
    "[options] BASE NEW [LATER...]",
    "what changed between dumps, and is it a leak or a hang",
    "Compares dumps, debugger logs and .snap files of one program, in any mix, oldest first. An\n"
    "argument is a file, a folder (all its files are about one dump), a.txt+b.txt (so are these),\n"
    "or - for standard input. A log that tells of several moments (memleak, massif, counters) is "
    "a\n"
    "series by itself, and log.txt@3 is its third moment.\n"
    "\n"
    "Exit status: 0 compared; 1 there are findings and --exit-code was given; 2 wrong command "
    "line;\n"
    "3 the dumps cannot be trusted or compared; 4 a dump cannot be read; 5 no memory or disk.",
    COMMAND_DIFF,
    diff,
};

const struct command command_show = {
    "show",
    "[options] DUMP|SNAP|--pid PID",
    "one dump: warnings first, then its tables",
    "Reports on one dump, debugger log or .snap file. An argument is a file, a folder (all its\n"
    "files are about one dump), a.txt+b.txt (so are these), or - for standard input.\n"
    "\n"
    "--path, --holders, --retained, --duplicates and --values ask about the heap of a raw dump or "
    "a "
    "process,\n"
    "and print the answer only; --path also asks a .snap file, as far as its floor (a thousandth "
    "of\n"
    "the heap) lets it know. TYPE is the whole name of a type; else its name without namespace;\n"
    "else an extended regular expression. --retained takes some 23 bytes of memory for each live\n"
    "object, references included; beyond 2^31 of these it says so, and ends with status 3.\n"
    "\n"
    "Exit status: 0 shown; 1 there are findings and --exit-code was given; 2 wrong command line;\n"
    "3 shown, but the dump cannot be trusted; 4 it cannot be read; 5 no memory or disk.",
    COMMAND_SHOW,
    cmd_diff_show,
};
