/*
 * From an address space to a snapshot: what ELF cores, minidumps and live processes share.
 */
#ifndef DUMPDIFF_INPUT_DUMP_DUMP_H
#define DUMPDIFF_INPUT_DUMP_DUMP_H

#include "input/input.h"
#include "memory/space.h"

/*
 * All steps below in their order, for dumps of which the space says everything. options may give
 * files for symbols and thread times; path is the dump's (NULL: it has none), beside which
 * PATH.threads is looked for. A live process goes on as soon as its memory is not needed any more,
 * with a note of how long it stood. Errors: ERR_IO, ERR_FORMAT (a file of thread times that was
 * asked for), ERR_USAGE (a question), ERR_NOMEM, ERR_LIMIT (row cap).
 */
bool dump_read_space(struct space *s, const char *path, const struct input_options *options,
                     struct builder *b, struct err *err) MUST_CHECK;

/* origin: process, pid, arch, pointer size, tool. Errors: ERR_NOMEM. */
bool dump_say_origin(const struct space *s, struct builder *b, struct err *err) MUST_CHECK;

/*
 * Thread times from options->threads_file, else from the dump's own sidecar where there is one
 * (with or without the suffix of its compression). A sidecar that cannot be read is warned about, a
 * file that was asked for is an error. Errors: ERR_IO, ERR_FORMAT, ERR_LIMIT (of that file),
 * ERR_NOMEM.
 */
bool dump_read_thread_times(struct space *s, const char *path, const struct input_options *options,
                            struct builder *b, struct err *err) MUST_CHECK;

/* PART_THREADS by OS id: times, no names yet. Errors: ERR_NOMEM, ERR_LIMIT (row cap). */
bool dump_add_threads(struct space *s, struct builder *b, struct err *err) MUST_CHECK;

/*
 * Evidence of having run, for each thread of the space; after the heap was read, whose regions say
 * which words on a stack are references. Errors: ERR_NOMEM.
 */
bool dump_add_evidence(struct space *s, struct builder *b, struct err *err) MUST_CHECK;

/*
 * Names of threads that have none: the managed one, said before, is longer and better. Errors:
 * ERR_NOMEM.
 */
bool dump_name_threads(const struct space *s, struct builder *b, struct err *err) MUST_CHECK;

/* PART_MEMORY_MAP by usage. Errors: ERR_NOMEM, ERR_LIMIT (row cap). */
bool dump_add_memory_use(struct space *s, struct builder *b, struct err *err) MUST_CHECK;

/* What the opener warned about. */
void dump_pass_warnings(const struct space *s, struct builder *b);

#endif
