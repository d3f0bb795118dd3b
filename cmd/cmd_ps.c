/* `dumpdiff ps`: which processes there are to look at. */
#include "cmd/confine.h"
#include "cmd/processes.h"
#include "cmd/put_out.h"
#include "cmd/session.h"

#include <string.h>

extern const struct command command_ps;

static const struct sheet_column ps_columns[] = {{"pid", "pid", SHEET_NUMBER},
                                                 {"runtime", "runtime", SHEET_TEXT},
                                                 {"age_ns", "age", SHEET_DURATION},
                                                 {"resident_bytes", "resident", SHEET_BYTES},
                                                 {"anonymous_bytes", "anonymous", SHEET_BYTES},
                                                 {"user", "user", SHEET_TEXT},
                                                 {"program", "program", SHEET_TEXT}};
#define PS_COLUMNS (sizeof(ps_columns) / sizeof(*ps_columns))

static void fill_sheet(struct sheet *s, const struct processes *all) {
    for (uint32_t i = 0; i < all->count; i++) {
        const struct process *p = &all->items[i];
        struct sheet_cell *cells = sheet_row(s);
        if (!cells)
            return;
        cells[0].number = p->pid;
        cells[1].text = p->runtime;
        cells[2].number = p->age_ns;
        cells[3].number = p->resident_bytes;
        cells[4].number = p->anonymous_bytes;
        cells[5].text = p->user;
        cells[6].text = p->program;
    }
}

static bool ps_all(struct options *o, struct strbuf *out, struct err *err) {
    enum sheet_format format;
    struct processes all;
    struct sheet s;
    if (o->argument_count)
        return err_set(err, ERR_USAGE, "ps wants no arguments (see `dumpdiff ps --help`)");
    if (!options_sheet_format(o, &command_ps, false, &format, err))
        return false;
    if (is_stdout(options_path(o)))
        session_terminal(o, &o->report);
    confine_ps(o);
    bool ok = processes_find(&all, err);
    sheet_init(&s, ps_columns, PS_COLUMNS);
    if (ok)
        fill_sheet(&s, &all);
    if (ok && format == SHEET_AS_TEXT && !all.count)
        strbuf_adds(out, "no .NET process that we may look at runs here\n");
    else
        ok = ok && sheet_write(&s, format, NULL, &o->report, out, err);
    sheet_deinit(&s);
    processes_deinit(&all);
    return ok;
}

/* A file has it, or standard output. */
static bool ps_say(struct options *o, struct strbuf *out, struct err *err) {
    bool ok = ps_all(o, out, err) && put_out(options_path(o), out, FIT_TEXT, err);
    strbuf_clear(out);
    return ok;
}

static int cmd_ps_run(int argc, char **argv) {
    return command_says(&command_ps, argc, argv, ps_say);
}

const struct command command_ps = {
    "ps",
    "[options]",
    "the .NET processes of this machine",
    "Those with a libcoreclr.so in their maps, as far as we may look at them (without root: our\n"
    "own), and those with a diagnostic socket in TMPDIR or /tmp. Only /proc is read: no process "
    "is\n"
    "asked, stopped or touched.\n"
    "\n"
    "program    entry assembly of `dotnet X.dll`, else the executable\n"
    "runtime    version of the shared runtime; - where a program brings its own, or we may not "
    "see\n"
    "resident   all that is in memory now: heaps, code, files (VmRSS)\n"
    "anonymous  of that what is no file: the managed heap, native heaps and stacks. How much of "
    "it\n"
    "           is the managed heap, `dumpdiff show --pid PID` says\n"
    "\n"
    "Exit status: 0 listed, none too; 2 wrong command line; 4 there is no /proc; 5 no memory or\n"
    "disk.",
    COMMAND_PS,
    cmd_ps_run,
};
