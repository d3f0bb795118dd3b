/* Subcommands: one file each, one line in the table of main.c. */
#ifndef DUMPDIFF_CMD_CMD_H
#define DUMPDIFF_CMD_CMD_H

struct command {
    const char *name, *arguments, *summary;
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand; returns the exit status */
};

extern const struct command *const commands[]; /* ends with NULL */

#endif
