#include "cmd/cmd.h"

#include <stdio.h>
#include <string.h>

const struct command *const commands[] = {NULL};

int main(int argc, char **argv) {
    for (int i = 0; argc > 1 && commands[i]; i++)
        if (strcmp(commands[i]->name, argv[1]) == 0)
            return commands[i]->run(argc - 1, argv + 1);
    fputs("usage: dumpdiff COMMAND\n", stderr);
    return 2;
}
