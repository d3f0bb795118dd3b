/*
 * What an argument of the command line stands for: the files that are read, and what is looked for
 * beside them. Who reads and who guards what is read ask here, so that they agree.
 */
#ifndef DUMPDIFF_INPUT_ARGUMENT_H
#define DUMPDIFF_INPUT_ARGUMENT_H

#include "base/str.h"

/* Paths, each of malloc; {0}: none. */
struct argument_files {
    char **paths;
    size_t count, capacity;
    bool is_folder; /* the argument is one */
};

/*
 * Adds the files of an argument: itself, those of "a.txt+b.txt" where there is no file of that
 * name, or those of a folder, as argument_folder does. "-" and what is not there are files as well.
 * Errors: ERR_IO (no folder to be read; nothing is named), ERR_NOMEM. To be freed either way.
 */
bool argument_files(struct argument_files *files, const char *argument, struct err *err) MUST_CHECK;
/*
 * Adds what a folder holds, by name, whatever it is, but not what begins with a dot. Errors: as
 * above.
 */
bool argument_folder(struct argument_files *files, const char *path, struct err *err) MUST_CHECK;
void argument_files_free(struct argument_files *files);

/*
 * Where the thread times of a dump may lie that were taken beside it, the best first: "a.threads"
 * of "a", and for each suffix of a compression that is taken off. *ret_path is set, to be freed
 * with free(), or NULL behind the last. Errors: ERR_NOMEM.
 *
 * number  from 0
 */
bool argument_beside(const char *path, uint32_t number, char **ret_path,
                     struct err *err) MUST_CHECK;
/* Is it a file of thread times by its name, and so no dump? */
bool argument_is_beside(struct str name);

#endif
