/*
 * Options of all subcommands: one table, whose help text is part of the entry.
 */
#ifndef DUMPDIFF_CMD_OPTIONS_H
#define DUMPDIFF_CMD_OPTIONS_H

#include "cmd/cmd.h"
#include "cmd/progress.h"
#include "diff/report/report.h"
#include "diff/report/sheet.h"
#include "input/input.h"
#include "model/answers.h"

#define ARGUMENTS_MAX 1000u
#define OUTPUTS_MAX   16u
#define LIMITS_MAX    64u

/* One report to be written: `--format F -o FILE`. */
struct output {
    const char *format; /* NULL: by the ending of path, else text */
    const char *path;   /* NULL: standard output */
};

/*
 * The format of a sheet (see sheet.h), of the only output. lines: JSON is one object a line, and
 * where nothing was asked for it is CSV. Errors: ERR_USAGE (none that sheets have, two outputs).
 */
struct options;
bool options_sheet_format(const struct options *o, const struct command *command, bool lines,
                          enum sheet_format *ret_format, struct err *err) MUST_CHECK;

/* Where a command of one output writes it; NULL: standard output. */
const char *options_path(const struct options *o);

/*
 * The format asked for, else the one that the ending of the file tells, else text. Never NULL;
 * static or of argv.
 */
const char *output_format(const struct options *o, const struct output *output);

enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* What was given on a command line. All strings are borrowed from argv. */
struct options {
    const char *arguments[ARGUMENTS_MAX]; /* what is not an option */
    uint32_t argument_count;
    struct output outputs[OUTPUTS_MAX];
    uint32_t output_count;
    struct report_options report;
    const char *labels[ARGUMENTS_MAX],
        *threads_files[ARGUMENTS_MAX]; /* the n-th for the n-th dump */
    uint32_t label_count, threads_file_count;
    const char *symbols, *sysroot;
    uint64_t pid;        /* ABSENT: not given */
    uint64_t max_memory; /* [bytes]; 0: not given */
    uint64_t watch_every_ns;
    const char *db, *environment;  /* of history; NULL: not given */
    const char *program, *release; /* of history, and labels of the gate */
    const char *instance;          /* of history, and label of the gate */
    uint64_t keep;                 /* of history prune; 0: not given */
    uint64_t since_ns, older_ns;   /* of history: a time, an age; 0: not given */
    const char *per_value;         /* of history: what slopes are for; NULL: hours */
    const char *spool;             /* folder of what waits for the history; NULL: none */
    const char *match;             /* of watch --all */
    const char *release_env;       /* of watch --all: a variable of the process */
    uint64_t stop_max_ns;          /* of processes: 0: as long as it takes */
    uint64_t requests;             /* of history add; 0: not given */
    bool roles;                    /* of history init */
    uint32_t watch_count;
    const char *config;
    const char *limits[LIMITS_MAX]; /* "KEY=VALUE" */
    uint32_t limit_count;
    struct question question; /* of show */
    enum color_mode color;
    enum progress_mode progress;
    uint32_t command; /* bit of the subcommand */
    const char *budget, *today;
    const char *list, *series; /* see inputs.h */
    bool update, strict, allow_missing_baseline;
    bool no_pager; /* which main() has seen to before */
    bool force, exit_code, exact_names, no_paths, no_sandbox, open, help;
};

/* What an option takes: for who completes it (complete.c). */
enum value_kind {
    VALUE_NONE,
    VALUE_TEXT, /* nothing that could be guessed */
    VALUE_NUMBER,
    VALUE_FILE,
    VALUE_DIR,
    VALUE_REPORT,
    VALUE_GATE_REPORT,
    VALUE_SHEET,
    VALUE_TABLE,
    VALUE_LIMIT,
    VALUE_SORT,
    VALUE_COLOR,
    VALUE_PROGRESS,
    VALUE_PID,
    VALUE_TYPE,
};

struct option_desc {
    const char *name;  /* without "--" */
    char letter;       /* 0: none */
    const char *value; /* what it takes, for the help; NULL: nothing */
    enum value_kind kind;
    const char *help;
    uint32_t commands; /* COMMAND_* that take it */
    bool (*set)(struct options *, const char *value, struct err *);
};

/* Beside COMMAND_HISTORY: of its actions only `add` can use it, which its help says. */
#define OPTION_OF_ADD (1u << 31)

/* Appends what an option does, as the help of that command says it. */
void option_help(const struct option_desc *d, const struct command *command, struct strbuf *out);

/* THE table of options; ends with a NULL name. */
extern const struct option_desc option_descs[];

/*
 * Reads argv[1..] of a subcommand. "--" ends the options, "-" is an argument.
 * Errors: ERR_USAGE, with the option named.
 */
bool options_parse(struct options *o, const struct command *command, int argc, char **argv,
                   struct err *err) MUST_CHECK;

/* Appends the help of a subcommand: usage, its paragraphs, its options. */
void options_help(const struct command *command, struct strbuf *out);

/* The name of the list that is most like `name`, for "did you mean"; NULL: none is near. */
const char *nearest_name(const char *name, const char *const *names, uint32_t count);

#endif
