/*
 * Text that a debugger printed: many commands, prose and prompts in one log.
 *
 * The driver walks the lines. For each it asks the sections, in the order of the table, whether the
 * output of their command starts here; the one that says yes reads as many lines as belong to it
 * and leaves the first one that does not. Output is found by its own shape, with or without the
 * command line in front.
 */
#ifndef DUMPDIFF_INPUT_LOG_TRANSCRIPT_H
#define DUMPDIFF_INPUT_LOG_TRANSCRIPT_H

#include "base/hash.h"
#include "input/input.h"

/* Longer lines are cut (and warned about): no command prints one that we need. */
#define LINE_MAX_BYTES ((size_t)1 << 20)

/*
 * Alone on a line: a block of text ends, of a page or of one of several sources, and what is below
 * has nothing to do with it.
 */
#define TRANSCRIPT_BLOCK_END '\f'

struct line {
    struct str raw;  /* as it stands, without the line end */
    struct str text; /* without quoting ("> ", "# ", "`") and without blanks at both ends */
    uint64_t number; /* 1.. */
    bool cut;        /* longer than LINE_MAX_BYTES */
};

struct transcript {
    struct builder *b;
    struct str rest;  /* text that starts with the current line */
    struct str after; /* text behind the current line */
    struct line line; /* the current line; valid while !at_end */
    bool at_end;
    struct str
        command; /* last command echoed, e.g. "dumpheap -stat"; without prompt, '!' and module */
    struct str command_raw; /* its whole line: "0:045> ~12e !clrstack" */
    uint64_t command_line;  /* number of its line; 0: none so far */
    const char *start;      /* of the text */
    const char *output_at;  /* where what is read next begins: its command, else its first line */
    const char *title_at;   /* of what was opened since the last output; NULL: nothing was */
    struct str unread;      /* the command of which nothing was read so far */
    uint64_t unread_lines;  /* [count] of its output */
    struct strbuf not_read; /* those that nothing was read of: "gcroot (8 lines), ..." */
    uint32_t not_read_count;
    const char *current;           /* name of the section that reads, for warnings */
    uint64_t section_line;         /* where it started */
    uint32_t sections_read;        /* how many sections understood something */
    uint64_t lines_skipped;        /* [count] not blank, and of no section */
    bool umdh_diff_read;           /* all entries of UMDH's comparisons, also those behind prose */
    bool finalizer_types_asked;    /* whether they come at all, below their counts */
    bool gcroot_read;              /* PART_PATHS are those that gcroot printed */
    uint32_t leaks_read;           /* reports of leak checkers, each tool its bit: all of them */
    bool heap_stat_read;           /* sizes of PART_ALLOCATIONS are those of heap -stat */
    const struct section *section; /* the one that reads */
    const struct section *moment_by; /* the one whose every output is a moment; NULL: none yet */
    bool moment_wanted;              /* of that which is being read */
    struct u64map dumped; /* threads whose stacks the moment has already, see thread_dump.h */
    /* PART_BITs of the moment that is read: whose lists may go on, by whom they are told, and of
     * which all is known, whatever others pick of it. */
    uint64_t open, whole;
    const char *open_by;
    bool only_picked;         /* what open_by tells */
    bool is_ended, is_picked; /* by the section that reads: transcript_ended, transcript_picked */
    bool is_hollow;           /* the section that reads understood nothing, see transcript_hollow */
    uint32_t hollow_sections;
    struct err hollow; /* what the first of them said */
};

struct section {
    const char *name, *summary;
    uint64_t may_give; /* PART_BIT of the parts it can fill */
    /* Pure: does output of this command start at t->line? May look ahead with transcript_peek. */
    bool (*starts)(const struct transcript *t);
    /* What is not whole where lines of it are lost; no parts: rows of all it can fill but counters.
     */
    uint64_t lossy_parts;
    enum aspect lossy;
    /*
     * PART_BITs of lists that nothing but what follows them ends, or an end mark that may have been
     * cut off (transcript_ended): where the text ends with them there may be more.
     */
    uint64_t open_parts;
    /* Reads it. Must consume at least one line. false only for errors that end the whole reading.
     */
    bool (*read)(struct transcript *t, struct err *err);
};

/* The table of sections, most telling shapes first; ends with NULL. */
extern const struct section *const sections[];

/* Goes to the next line; sets at_end behind the last. */
void transcript_next(struct transcript *t);

/* The line `ahead` lines further (0: the current one); false past the end. Costs a scan of them, so
 * look no further than a few lines. */
bool transcript_peek(const struct transcript *t, unsigned ahead, struct line *ret_line);

/* How many lines follow up to one without a character, `most` at most: what a table may hold. */
uint64_t transcript_lines_ahead(const struct transcript *t, uint64_t most);

/* Next lines while blank are skipped; false at the end of the text, or of its block. */
bool transcript_skip_blank(struct transcript *t);

/*
 * Is the line a command typed at a prompt ("0:000> !dumpheap -stat", "(lldb) clrstack", ">
 * threads",
 * "!runaway 7")? Gives the command in *ret_command without prompt, '!' and "sos." and the like.
 */
bool transcript_is_command(const struct line *line, struct str *ret_command);

/*
 * Forgets the last command: what it printed was read, so that it says nothing about the next table.
 */
void transcript_command_done(struct transcript *t);

/* First word of the last command, compared without case: transcript_last_command_is(t, "dumpheap").
 */
bool transcript_last_command_is(const struct transcript *t, const char *name);

/* Has the last command this option (e.g. "-stat")? */
bool transcript_last_command_has(const struct transcript *t, const char *option);

/*
 * The name of an option ("-stat": "stat"), also behind the longer dashes that word processors make
 * of "-"; empty when the word is none.
 */
struct str transcript_option(struct str word);

/* "-----", "=====", also when blogs made em dashes of them; at least four. */
bool transcript_is_rule(struct str text);

/*
 * Warns that the section that reads has lost something of its output, and keeps that as the reason
 * why what it gives is not whole. count: as of builder_warn.
 */
void transcript_lacks(const struct transcript *t, uint64_t count, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* The section that reads has seen the end of its lists: their end mark, or all that they count. */
void transcript_ended(struct transcript *t);
/* It tells of some of the rows only, as one stack of many, whatever follows it. */
void transcript_picked(struct transcript *t);

/*
 * The section saw output of its command but understood none of its rows. Warns; when nothing else
 * in the whole log is understood, reading fails with ERR_FORMAT and the first such message.
 */
void transcript_hollow(struct transcript *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * Begins the next moment of a log in which commands are repeated (smaps, pmap, top), in front of
 * what the section that reads has found: the first such section of a log decides where moments
 * begin, others belong to the one that it began. false: it is not wanted, nothing is to be stored.
 */
bool transcript_moment(struct transcript *t);

/* "...", "// Abbreviated", "[omitted]", "<... cut ...>", and the like: somebody left rows out here.
 */
bool transcript_is_elision(const struct line *line);

extern const struct input input_transcript;

#endif
