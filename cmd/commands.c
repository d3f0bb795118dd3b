#include "cmd/cmd.h"

#include <stddef.h>
#include <string.h>

extern const struct command command_diff, command_show, command_snapshot, command_watch,
    command_gate, command_history, command_learn, command_list, command_explain, command_ps,
    command_completion, command_man;

/* THE table of subcommands. */
const struct command *const commands[] = {
    &command_diff,  &command_show,       &command_snapshot,
    &command_watch, &command_gate,       &command_history,
    &command_learn, &command_list,       &command_explain,
    &command_ps,    &command_completion, &command_man,
    NULL,
};

const struct command *command_find(const char *name) {
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}
