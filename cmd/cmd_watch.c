#include "cmd/session.h"
#include "cmd/watch_all.h"

#include "base/num.h"
#include "base/os/os.h"

#include <signal.h>

#define LOOK_NS UINT64_C(100000000) /* between two looks for Ctrl-C */

extern const struct command command_watch;

/* Ctrl-C ends the waiting, not the program: what was seen so far is still compared. */
static volatile sig_atomic_t interrupted;

static void interrupt(void) {
    interrupted = 1;
}

static bool pause_between(uint64_t ns) {
    if (os_is_terminal(OS_STDERR))
        say("next snapshot in %llu s (Ctrl-C: compare now)", (unsigned long long)(ns / 1000000000));
    for (uint64_t step; ns && !interrupted; ns -= step) {
        step = ns < LOOK_NS ? ns : LOOK_NS;
        os_sleep_ns(step);
    }
    return !interrupted;
}

static bool parse_pid(struct options *o, struct err *err) {
    if (o->argument_count != 1 || !num_dec(str_of(o->arguments[0]), &o->pid) || o->pid == 0 ||
        o->pid == ABSENT)
        return err_set(err, ERR_USAGE,
                       "watch wants the number of one process (see `dumpdiff watch --help`)");
    o->argument_count = 0;
    return true;
}

static int cmd_watch_run(int argc, char **argv) {
    struct err err = {.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    struct options o;
    struct session s = {.count = 0};
    if (!options_parse(&o, &command_watch, argc, argv, &err))
        return fail(&err);
    if (o.help)
        return print_help(&command_watch);
    bool all = o.report.all && o.argument_count == 0;
    os_on_interrupt(interrupt, all);
    int status = 0;
    if (all)
        return watch_all(&o, pause_between, &err) ? 0 : fail(&err);
    if (o.watch_count == 1) {
        err_set(&err, ERR_USAGE, "--count: two snapshots at least are compared");
        return fail(&err);
    }
    o.watch_count = o.watch_count ? o.watch_count : 3;
    if (!parse_pid(&o, &err) || !session_watch(&s, &o, pause_between, &err) ||
        !session_judge(&s, &err) || !session_report(&s, true, &err))
        status = fail(&err);
    else if (o.exit_code && session_has_hits(&s))
        status = 1;
    session_deinit(&s);
    return status;
}

const struct command command_watch = {
    "watch",
    "[options] PID|--all [--every TIME] [--count N]",
    "take snapshots of a running process, then compare them",
    "The process stands still while a snapshot is read, and goes on in between. Ctrl-C compares\n"
    "what was seen so far; so does the end of the process, after two snapshots or more.\n"
    "\n"
    "watch --all --to HISTORY, without a PID: every .NET process that we may look at, one after "
    "the\n"
    "other, each round into a history (a file, or postgresql://...), until it is ended. None "
    "stands\n"
    "still for longer than --max-stop; one that would is left alone for a round, then two, four, "
    "...\n"
    "A restart begins a new line, the instance is the host (the pod) of each process, and the "
    "time\n"
    "between rounds varies by a tenth. --spool DIR keeps what cannot be delivered.\n"
    "\n"
    "Exit status: that of diff; of --all 0 when it was ended.",
    COMMAND_WATCH,
    cmd_watch_run,
};
