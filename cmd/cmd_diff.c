#include "cmd/session.h"

static bool has_hits(const struct findings *f) {
    for (uint32_t i = 0; i < f->count; i++)
        if (f->items[i].status == STATUS_HIT)
            return true;
    return false;
}

extern const struct command command_diff, command_show;

static int run_report(const struct command *command, bool is_diff, int argc, char **argv) {
    struct err err = {.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    struct options o;
    struct session s = {.count = 0};
    if (!options_parse(&o, command, argc, argv, &err))
        return fail(&err);
    if (o.help) {
        struct strbuf help;
        strbuf_init(&help);
        options_help(command, &help);
        int status = print_text(&help);
        strbuf_deinit(&help);
        return status;
    }
    int status = 0;
    if (is_diff ? o.argument_count < 2 : o.argument_count != 1)
        err_set(&err, ERR_USAGE,
                is_diff ? "diff wants two dumps or more, oldest first (see `dumpdiff diff --help`)"
                        : "show wants one dump (see `dumpdiff show --help`; `dumpdiff diff` "
                          "compares several)");
    else if (session_read(&s, &o, &err) && session_judge(&s, &err) &&
             session_report(&s, is_diff, &err))
        status = o.exit_code && has_hits(&s.findings) ? 1 : 0;
    if (err.code != ERR_NONE)
        status = fail(&err);
    else if (!is_diff && !o.force && snapshot_trust(&s.snapshots[0]) == TRUST_UNUSABLE)
        status = err_exit_status(ERR_INCONCLUSIVE);
    session_deinit(&s);
    return status;
}

static int diff(int argc, char **argv) {
    return run_report(&command_diff, true, argc, argv);
}

static int show(int argc, char **argv) {
    return run_report(&command_show, false, argc, argv);
}

const struct command command_diff = {
    "diff",
    "[options] BASE NEW [LATER...]",
    "what changed between dumps, and is it a leak or a hang",
    "Compares dumps, debugger logs and .snap files of one program, in any mix, oldest first. An\n"
    "argument is a file, a folder (all its files are about one dump), a.txt+b.txt (so are these),\n"
    "or - for standard input.\n"
    "\n"
    "Exit status: 0 compared; 1 there are findings and --exit-code was given; 2 wrong command "
    "line;\n"
    "3 the dumps cannot be trusted or compared; 4 a dump cannot be read; 5 no memory or disk.",
    COMMAND_DIFF,
    diff,
};

const struct command command_show = {
    "show",
    "[options] DUMP|SNAP",
    "one dump: warnings first, then its tables",
    "Reports on one dump, debugger log or .snap file. An argument is a file, a folder (all its "
    "files\n"
    "are about one dump), a.txt+b.txt (so are these), or - for standard input.\n"
    "\n"
    "Exit status: 0 shown; 1 there are findings and --exit-code was given; 2 wrong command line;\n"
    "3 shown, but the dump cannot be trusted; 4 it cannot be read; 5 no memory or disk.",
    COMMAND_SHOW,
    show,
};
