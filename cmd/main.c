#include "base/os/os.h"
#include "base/sandbox.h"
#include "cmd/put_out.h"
#include "cmd/session.h"
#include "cmd/shrunk.h"
#include "cmd/terminal.h"

#include <string.h>

static int print_usage(void) {
    struct strbuf out;
    strbuf_init(&out);
    strbuf_adds(&out, "dumpdiff: what changed between memory dumps, and is it a leak or a hang?\n"
                      "\nusage: dumpdiff COMMAND [options] ...\n\n");
    for (size_t i = 0; commands[i]; i++)
        strbuf_addf(&out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    strbuf_adds(&out, "\n`dumpdiff COMMAND --help` explains a command; the two most used:\n"
                      "  dumpdiff diff before.dmp after.dmp\n"
                      "  dumpdiff show hang.dmp\n");
    int status = print_text(&out);
    strbuf_deinit(&out);
    return status;
}

/* DUMPDIFF_VERSION is what the file VERSION says: see the Makefile. */
static int print_version(void) {
    struct strbuf out;
    strbuf_init(&out);
    strbuf_adds(&out, "dumpdiff " DUMPDIFF_VERSION "\nsandbox: ");
    sandbox_describe(&out);
    strbuf_adds(&out, "\n");
    int status = print_text(&out);
    strbuf_deinit(&out);
    return status;
}

static int unknown_command(const char *name) {
    const char *names[64];
    uint32_t count = 0;
    for (size_t i = 0; commands[i] && count < 64; i++)
        names[count++] = commands[i]->name;
    const char *near = nearest_name(name, names, count);
    struct err err;
    if (near)
        err_set(&err, ERR_USAGE, "no command is called '%s': did you mean %s?", name, near);
    else
        err_set(&err, ERR_USAGE, "no command is called '%s' (see `dumpdiff --help`)", name);
    return fail(&err);
}

/* The pager stands before options are read: they may be wrong, and it is not started then. */
static bool has_no_pager(int argc, char **argv) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--no-pager") == 0)
            return true;
    return false;
}

int main(int argc, char **argv) {
    if (!os_begin(&argc, &argv))
        return err_exit_status(ERR_SYSTEM);
    shrunk_watch();
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) {
        struct err err;
        err_set(&err, ERR_USAGE, "a command is wanted (see `dumpdiff --help`)");
        return fail(&err);
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0)
        return print_version();
    bool help = strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    if (help && argc == 2)
        return print_usage();
    const struct command *command = command_find(help ? argv[2] : name);
    if (!command)
        return unknown_command(help ? argv[2] : name);
    char *as_option[] = {help ? argv[2] : NULL, (char[]){"--help"}, NULL};
    if (!has_no_pager(argc, argv))
        pager_begin();
    int status = help ? command->run(2, as_option) : command->run(argc - 1, argv + 1);
    pager_end();
    return status;
}
