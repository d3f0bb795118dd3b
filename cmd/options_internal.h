/* What the files of the option table share. */
#ifndef DUMPDIFF_CMD_OPTIONS_INTERNAL_H
#define DUMPDIFF_CMD_OPTIONS_INTERNAL_H

#include "cmd/options.h"

/* Appends to one of the lists of options. Errors: ERR_USAGE (option names it: it is full). */
bool options_add_name(const char **list, uint32_t *count, const char *value, const char *option,
                      struct err *err) MUST_CHECK;

/* The setters of --format and -o. Errors: ERR_USAGE. */
bool options_set_format(struct options *o, const char *value, struct err *err) MUST_CHECK;
bool options_set_output(struct options *o, const char *value, struct err *err) MUST_CHECK;

/*
 * When all is parsed: does each file have a format, and do options that are about one format meet
 * it? Before a dump is read, which may take minutes. Errors: ERR_USAGE, with the option named.
 */
bool options_check_outputs(const struct options *o, const struct command *command,
                           struct err *err) MUST_CHECK;

#endif
