/* What `dumpdiff explain` knows, by name. */
#ifndef DUMPDIFF_CMD_EXPLAINED_H
#define DUMPDIFF_CMD_EXPLAINED_H

#include <stddef.h>

/* The i-th name of all, and what it stands for in a few words; NULL: there are no more. */
const char *explained_name(size_t i, const char **ret_summary);

#endif
