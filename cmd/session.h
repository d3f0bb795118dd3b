/*
 * One run of a command that reads dumps: from arguments to snapshots, series, findings and written
 * reports.
 */
#ifndef DUMPDIFF_CMD_SESSION_H
#define DUMPDIFF_CMD_SESSION_H

#include "cmd/options.h"
#include "model/answers.h"
#include "model/snapshot.h"

/* Moments of one file that are compared: each is read anew, and more say no more of a trend. */
#define MOMENTS_MAX 100u

struct session {
    const struct options *options;
    struct limits limits;
    struct snapshot *snapshots; /* one an argument, or one a moment of the only argument */
    const struct snapshot **pointers;
    const char **names; /* as reports call them */
    struct strbuf *name_texts;
    uint32_t *numbers; /* of the arguments that the snapshots are from */
    uint32_t count;
    uint32_t passed_over; /* files of --series that are no dumps */
    struct series series;
    struct findings findings;
    struct causes causes;
    bool has_series, has_causes;
    struct answers answers; /* where o->question asks something */
    bool has_answers;
    const char *unfenced; /* for reports, see confine() */
    uint64_t pid;         /* read from this process; ABSENT: from arguments */
};

/* Prints "dumpdiff: ..." and a line end on standard error, cleaned and cut to 2 KB. */
void say(const char *format, ...) PRINTF_LIKE(1, 2);

/* The exit status of an error, after saying it in one line on standard error. */
int fail(const struct err *err);

/* Has a rule found something that is more than worth knowing? */
bool session_has_hits(const struct session *s);

/* Prints `dumpdiff NAME --help`; the exit status. */
int print_help(const struct command *command);
/* What a command has to say. Errors: as the command says; nothing is printed then. */
typedef bool command_words(struct options *o, struct strbuf *out, struct err *err);
/* The whole of a command that only says something: its options, its help, its words. Returns the
 * exit status. */
int command_says(const struct command *command, int argc, char **argv, command_words *words);

/*
 * Limits from --config and --limit; then reads all arguments. "log.txt@3" is the third moment of
 * log.txt.
 * Errors: those of input_read, ERR_USAGE.
 */
bool session_read(struct session *s, const struct options *o, struct err *err) MUST_CHECK;
/*
 * As session_read; a single argument that tells of several moments is a series of these, of
 * MOMENTS_MAX evenly spaced ones at most (which is said on standard error). Errors: those of
 * session_read.
 */
bool session_read_series(struct session *s, const struct options *o, struct err *err) MUST_CHECK;
/* Waits between two snapshots; false: do not go on. */
typedef bool session_pause(uint64_t ns);
/*
 * Takes snapshots of the process o->pid one after the other. Ends early, without an error, when the
 * pause says so or the process is gone after two or more. Errors: those of input_read_process,
 * ERR_INCONCLUSIVE (nothing to compare).
 */
bool session_watch(struct session *s, const struct options *o, session_pause *pause,
                   struct err *err) MUST_CHECK;
/*
 * Lines the snapshots up, and where causes are wanted runs the rules and finds them, whether the
 * snapshots can be compared or not. Errors: ERR_NOMEM, ERR_FORMAT (a broken tree of holders).
 */
bool session_explain(struct session *s, bool causes, struct err *err) MUST_CHECK;
/* Width and alphabet of the terminal, where standard output is one. */
void session_terminal(const struct options *o, struct report_options *r);
/* Is standard output to be coloured? */
bool session_color(const struct options *o);
/*
 * Lines the snapshots up and runs the rules. Errors: ERR_INCONCLUSIVE (they cannot be compared),
 * ERR_NOMEM.
 */
bool session_judge(struct session *s, struct err *err) MUST_CHECK;
/*
 * Writes all reports asked for: files first, standard output last. Errors: ERR_USAGE (options that
 * do not go together, a pattern), ERR_SYSTEM (cannot write), ERR_NOMEM.
 */
bool session_report(struct session *s, bool is_diff, struct err *err) MUST_CHECK;
void session_deinit(struct session *s);

/*
 * Thresholds from a JSON object: {"heap_growth_percent": 20, ...}; unknown keys are refused.
 * Errors: ERR_USAGE (cannot be read, is none, or holds what no limit is), ERR_NOMEM.
 */
bool config_read(const char *path, struct limits *limits, struct err *err) MUST_CHECK;
bool config_parse(struct str json, struct limits *limits, struct err *err) MUST_CHECK;

#endif
