#include "cmd/put_out.h"
#include "cmd/session.h"

#include "cmd/apart.h"
#include "cmd/confine.h"
#include "cmd/plan.h"

#include <stdio.h>

extern const struct command command_learn;

static bool learn_begin(const struct options *o, struct err *err) {
    if (o->argument_count < 2)
        return err_set(err, ERR_USAGE,
                       "learn wants a dump, and what SOS printed of it (see "
                       "`dumpdiff learn --help`)");
    if (o->output_count != 1)
        return err_set(err, ERR_USAGE, "learn wants one -o FILE");
    if (!plan_check(o, NULL, err))
        return false;
    confine(o, NULL, -1);
    return true;
}

static bool learn_keep(const struct options *o, struct strbuf *json, struct strbuf *told,
                       const struct strbuf *name, struct err *err) {
    const char *path = o->outputs[0].path;
    if (!put_out(path, json, FIT_TEXT, err))
        return false;
    strbuf_addf(told,
                "kept in %s: dumps of this build are read by it where the folder of "
                "--symbols has it as %s\n",
                path, strbuf_cstr(name));
    return true;
}

static int cmd_learn_run(int argc, char **argv) {
    struct err err = {.code = ERR_NONE, .offset = ERR_NO_OFFSET};
    struct options o;
    struct strbuf json, told, name;
    if (!options_parse(&o, &command_learn, argc, argv, &err))
        return fail(&err);
    if (o.help)
        return print_help(&command_learn);
    strbuf_init(&json);
    strbuf_init(&told);
    strbuf_init(&name);
    bool ok = learn_begin(&o, &err) && apart_learn(&o, &json, &told, &name, &err) &&
              learn_keep(&o, &json, &told, &name, &err);
    int status = print_text(&told);
    if (!ok)
        status = fail(&err);
    strbuf_deinit(&json);
    strbuf_deinit(&told);
    strbuf_deinit(&name);
    return status;
}

const struct command command_learn = {
    "learn",
    "[options] DUMP TRANSCRIPT... -o FILE",
    "read a runtime that nobody has a table for",
    "Finds where a build of .NET keeps what, from one dump and from what SOS printed of that very\n"
    "dump (`threads` or `clrthreads`, `dumpheap -stat`), and writes it into FILE. With FILE in "
    "the\n"
    "folder of --symbols, under the name that is printed, each later dump of that build is read\n"
    "with no debugger at hand. What fits over all threads and types is kept, and only if the list\n"
    "of threads closes and the heap has the objects that SOS counted. What was not found is "
    "named.\n"
    "\n"
    "Exit status: 0 learnt; 2 wrong command line; 4 a file cannot be read, or nothing fits; 5 no\n"
    "memory or disk.",
    COMMAND_LEARN,
    cmd_learn_run,
};
