/*
 * The words that reports use, and what each of them means: kinds of causes, verdicts, states of
 * threads and on what evidence, how far a dump can be trusted, what became of a rule.
 */
#ifndef DUMPDIFF_REPORT_TERMS_H
#define DUMPDIFF_REPORT_TERMS_H

struct term {
    const char *kind; /* "cause", "verdict", "state of a thread", "evidence", "trust", "status" */
    const char *name; /* as reports and JSON have it; two kinds may share one */
    const char *summary; /* a few words */
    const char
        *explain; /* what it says and does not, an example, what to do; ends with a newline */
};

/* In the order of the kinds above; ends with a name that is NULL. */
extern const struct term terms[];

#endif
