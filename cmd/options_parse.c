/* From argv to options, and from the table of options to the help of a subcommand. */
#include "cmd/options_internal.h"

#include <stdio.h>
#include <string.h>

bool options_add_name(const char **list, uint32_t *count, const char *value, const char *option,
                      struct err *err) {
    if (*count == ARGUMENTS_MAX)
        return err_set(err, ERR_USAGE, "%s: given more than %u times", option, ARGUMENTS_MAX);
    list[(*count)++] = value;
    return true;
}

/* An entry for this command, else for another one. */
static const struct option_desc *find_name(const struct command *command, struct str name) {
    const struct option_desc *other = NULL;
    for (size_t i = 0; option_descs[i].name; i++) {
        if (!str_eq(str_of(option_descs[i].name), name))
            continue;
        if (option_descs[i].commands & command->bit)
            return &option_descs[i];
        other = &option_descs[i];
    }
    return other;
}

static const struct option_desc *find_letter(const struct command *command, char letter) {
    const struct option_desc *other = NULL;
    for (size_t i = 0; option_descs[i].name; i++) {
        if (option_descs[i].letter != letter)
            continue;
        if (option_descs[i].commands & command->bit)
            return &option_descs[i];
        other = &option_descs[i];
    }
    return other;
}

static bool unknown(const struct command *command, const char *argument, struct err *err) {
    const char *names[96];
    uint32_t count = 0;
    for (size_t i = 0; option_descs[i].name && count < 96; i++)
        if (option_descs[i].commands & command->bit)
            names[count++] = option_descs[i].name;
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(argument, "="), argument);
    size_t dashes = strspn(name, "-");
    const char *near = dashes == 2 ? nearest_name(name + 2, names, count) : NULL;
    if (near)
        return err_set(err, ERR_USAGE, "unknown option %s: did you mean --%s?", name, near);
    return err_set(err, ERR_USAGE, "unknown option %s (see `dumpdiff %s --help`)", name,
                   command->name);
}

/* One option at argv[*at]; moves *at past its value. */
static bool parse_option(struct options *o, const struct command *command, int argc, char **argv,
                         int *at, struct err *err) {
    const char *argument = argv[*at], *value = NULL;
    const struct option_desc *d;
    if (argument[1] == '-') {
        size_t length = strcspn(argument + 2, "=");
        d = find_name(command, (struct str){argument + 2, length});
        value = argument[2 + length] ? argument + 2 + length + 1 : NULL;
    } else {
        d = find_letter(command, argument[1]);
        value = argument[2] ? argument + 2 : NULL;
    }
    if (!d || (value && !d->value && argument[1] != '-'))
        return unknown(command, argument, err);
    if (!(d->commands & command->bit))
        return err_set(err, ERR_USAGE, "`dumpdiff %s` has no option --%s", command->name, d->name);
    if (value && !d->value)
        return err_set(err, ERR_USAGE, "--%s takes no value", d->name);
    if (!value && d->value) {
        if (*at + 1 >= argc)
            return err_set(err, ERR_USAGE, "--%s wants a value: %s", d->name, d->value);
        value = argv[++*at];
    }
    return d->set(o, value, err);
}

bool options_parse(struct options *o, const struct command *command, int argc, char **argv,
                   struct err *err) {
    *o = (struct options){.command = command->bit,
                          .pid = ABSENT,
                          .watch_every_ns = UINT64_C(60000000000),
                          .watch_count = 0};
    bool ended = false;
    for (int i = 1; i < argc; i++) {
        bool is_option = !ended && argv[i][0] == '-' && argv[i][1];
        if (is_option && strcmp(argv[i], "--") == 0) {
            ended = true;
        } else if (is_option) {
            if (!parse_option(o, command, argc, argv, &i, err))
                return false;
        } else if (!options_add_name(o->arguments, &o->argument_count, argv[i], "arguments", err)) {
            return false;
        }
    }
    return o->help || options_check_outputs(o, command, err);
}

void option_help(const struct option_desc *d, const struct command *command, struct strbuf *out) {
    bool only_add = command->bit == COMMAND_HISTORY && d->commands & OPTION_OF_ADD;
    strbuf_addf(out, "%s%s", only_add ? "add: " : "", d->help);
}

void options_help(const struct command *command, struct strbuf *out) {
    strbuf_addf(out, "usage: dumpdiff %s %s\n\n%s\n\noptions:\n", command->name, command->arguments,
                command->help);
    for (size_t i = 0; option_descs[i].name; i++) {
        const struct option_desc *d = &option_descs[i];
        if (!(d->commands & command->bit))
            continue;
        char left[64];
        int n = snprintf(left, sizeof(left), "  %c%c%s--%s%s%s", d->letter ? '-' : ' ',
                         d->letter ? d->letter : ' ', d->letter ? ", " : "  ", d->name,
                         d->value ? " " : "", d->value ? d->value : "");
        strbuf_addf(out, "%-*s  ", n < 26 ? 26 : n, left);
        option_help(d, command, out);
        strbuf_addc(out, '\n');
    }
}
