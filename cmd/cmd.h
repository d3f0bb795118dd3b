/* Subcommands: one file each, one line in the table of commands.c. */
#ifndef DUMPDIFF_CMD_CMD_H
#define DUMPDIFF_CMD_CMD_H

#include <stdint.h>

/* Bits of option_desc.commands: which subcommands take an option. */
enum command_bit {
    COMMAND_DIFF = 1,
    COMMAND_SHOW = 2,
    COMMAND_SNAPSHOT = 4,
    COMMAND_LIST = 8,
    COMMAND_EXPLAIN = 16,
    COMMAND_WATCH = 32,
    COMMAND_GATE = 64,
    COMMAND_HISTORY = 128,
    COMMAND_LEARN = 256,
    COMMAND_PS = 512,
    COMMAND_COMPLETION = 1024,
    COMMAND_MAN = 2048,
};

struct command {
    const char *name, *arguments, *summary;
    const char *help;                  /* paragraphs of `dumpdiff NAME --help`, above the options */
    uint32_t bit;                      /* enum command_bit */
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand; returns the exit status */
};

/* THE table of subcommands; ends with NULL. */
extern const struct command *const commands[];
/* NULL: none is called that. */
const struct command *command_find(const char *name);

#endif
