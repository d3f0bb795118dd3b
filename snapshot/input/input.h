/*
 * From an argument of the command line to a snapshot.
 */
#ifndef DUMPDIFF_INPUT_INPUT_H
#define DUMPDIFF_INPUT_INPUT_H

#include "base/bytes.h"
#include "base/file.h"
#include "model/builder.h"

struct answers; /* answers.h */

/* What the user said about how to read. All strings borrowed, NULL when not given. */
struct input_options {
    const char *symbols;      /* folder with files that a dump refers to */
    const char *sysroot;      /* prefix for the paths that a dump refers to */
    const char *threads_file; /* /proc/PID/task/N/stat lines taken with the dump */
    const char *label;
    bool no_paths;
    uint64_t max_memory;     /* [bytes] for what holds the objects; 0: as much as it takes */
    bool places;             /* look for what holders hold alone (PART_PLACES) */
    bool contents;           /* keep texts of the heap that rows have room for */
    struct answers *answers; /* to be filled by readers of heaps; NULL: nothing is asked */
    uint64_t moment;         /* wanted of a file that tells of several, from 1; 0: the last */
    uint64_t stop_max_ns;    /* a process goes on after so long, unread; 0: as long as it takes */
    bool no_native_stacks;   /* do not unwind what no runtime knows of (Linux; takes a process) */
};

/* One file that is being read. */
struct source {
    const char *path;                    /* as given, for messages */
    struct bytes bytes;                  /* all of it, unpacked */
    const struct file *file;             /* that the bytes are of; NULL: none */
    const struct input_options *options; /* never NULL */
};

struct input {
    const char *name, *summary;
    bool whole;        /* a file is all of one dump: two of an argument are two dumps, not one */
    uint64_t may_give; /* PART_BIT of the parts it can fill */
    bool (*probe)(struct bytes head); /* pure: looks at the first 4 KiB, keeps nothing */
    bool (*read)(struct source *source, struct builder *b, struct err *err);
};

#define INPUT_PROBE_BYTES 4096u

/* THE table of inputs, in the order they are probed; ends with a NULL name. */
extern const struct input *const inputs[];

/* A folder may hold this many files of one dump. */
#define INPUT_FILES_MAX 1000u

/*
 * Reads an argument: a dump, a .snap file, a folder (all its files, by name, make one snapshot),
 * "a.txt+b.txt", or "-". The snapshot is initialised and empty, and the caller's to deinit either
 * way. Messages carry the name of the file.
 *
 * Errors: all of ERR_USAGE, ERR_IO, ERR_FORMAT, ERR_TRUNCATED, ERR_LIMIT, ERR_UNSUPPORTED,
 * ERR_NOMEM.
 */
bool input_read(const char *argument, const struct input_options *options,
                struct snapshot *snapshot, struct err *err) MUST_CHECK;

/* Is the file nothing that an input knows by its first bytes (text may yet be), as a script is? */
bool input_is_of_no_kind(const char *path);

/*
 * Reads a running process: all its threads stand still while that takes, and a note says how long.
 * options->label and the like as for a dump. Messages carry no name.
 *
 * Errors: those of live_open, and ERR_LIMIT.
 */
bool input_read_process(uint64_t pid, const struct input_options *options,
                        struct snapshot *snapshot, struct err *err) MUST_CHECK;

/*
 * Adds what one source tells; format NULL: found by probing. Messages carry no name. Errors: those
 * of input_read but ERR_IO and ERR_USAGE.
 */
bool input_read_source(struct source *source, const struct input *format, struct builder *b,
                       struct err *err) MUST_CHECK;

/*
 * Ends the building of whatever was read: first every runtime says what the stacks of its threads
 * tell, whether they were unwound or printed, then builder_finish. Errors: those of both.
 */
bool input_finish(struct builder *b, struct err *err) MUST_CHECK;

#endif
