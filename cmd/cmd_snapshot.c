#include "cmd/put_out.h"
#include "cmd/session.h"

#include "model/snapfile.h"
#include "model/snapshot.h"

extern const struct command command_snapshot;

static bool cmd_snapshot_check(const struct options *o, struct err *err) {
    if (o->argument_count + (o->pid != ABSENT) != 1)
        return err_set(err, ERR_USAGE, "snapshot wants one dump (see `dumpdiff snapshot --help`)");
    if (o->output_count != 1)
        return err_set(err, ERR_USAGE, "snapshot wants one -o FILE");
    return true;
}

static bool cmd_snapshot_keep(const struct session *s, const char *path, struct err *err) {
    struct strbuf file;
    strbuf_init(&file);
    bool ok = snapfile_encode(&s->snapshots[0], &file, err) && put_bytes(path, &file, err);
    strbuf_deinit(&file);
    return ok;
}

static int cmd_snapshot_run(int argc, char **argv) {
    struct err err = {.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    struct options o;
    struct session s = {.count = 0};
    if (!options_parse(&o, &command_snapshot, argc, argv, &err))
        return fail(&err);
    if (o.help)
        return print_help(&command_snapshot);
    int status = 0;
    if (!cmd_snapshot_check(&o, &err) || !session_read(&s, &o, &err) ||
        !cmd_snapshot_keep(&s, o.outputs[0].path, &err))
        status = fail(&err);
    else if (snapshot_trust(&s.snapshots[0]) == TRUST_UNUSABLE) {
        err_set(&err, ERR_INCONCLUSIVE, "%s: kept, but cannot be trusted: `dumpdiff show` says why",
                s.names[0]);
        status = fail(&err);
    }
    session_deinit(&s);
    return status;
}

const struct command command_snapshot = {
    "snapshot",
    "[options] DUMP|--pid PID -o FILE.snap",
    "keep what matters of a dump in a small file",
    "Writes what `show` and `diff` need of a dump into FILE: counts, names and stacks, no heap\n"
    "contents, environment or command line. The same dump gives the same bytes each time.\n"
    "\n"
    "Exit status: 0 kept; 2 wrong command line; 3 kept, but the dump cannot be trusted; 4 it "
    "cannot\n"
    "be read; 5 no memory or disk.",
    COMMAND_SNAPSHOT,
    cmd_snapshot_run,
};
