/*
 * Rules look at a series and report findings: hit, clear or skipped, never just hit or not.
 */
#ifndef DUMPDIFF_RULES_RULE_H
#define DUMPDIFF_RULES_RULE_H

#include "diff/rules/limits.h"
#include "diff/series/series.h"
#include "model/part_fields.h"

enum finding_status { STATUS_HIT, STATUS_CLEAR, STATUS_SKIPPED };
extern const char *const finding_status_names[3];

/* Most serious first. */
enum severity { SEVERITY_CRITICAL, SEVERITY_WARNING, SEVERITY_NOTICE, SEVERITY_INFO };
extern const char *const severity_names[4];

struct evidence {
    const char *name;     /* JSON key */
    enum field_kind kind; /* FIELD_STR, or a kind of number */
    const char *text;
    uint64_t number;
    int64_t delta; /* used when is_delta */
    bool is_delta;
};

#define EVIDENCE_MAX 24u

struct rule;

struct finding {
    const struct rule *rule;
    enum finding_status status;
    enum severity severity;
    const char *subject; /* what it is about: a type, "thread 184:1914 spinner", "gen2"; "" for the
                            process */
    const char *summary; /* a sentence in plain words, with its figures */
    const char *next;    /* what to do next; NULL: nothing */
    uint64_t weight; /* orders findings of one severity: larger first (bytes where there are any) */
    struct evidence evidence[EVIDENCE_MAX];
    uint32_t evidence_count;
};

struct findings {
    struct arena arena;
    struct finding *items;
    uint32_t count, capacity;
    struct err err; /* the first error sticks; ERR_NONE while all is well */
};

/* The findings cannot be told: `why` sticks, unless an error does already or `why` is none. */
void findings_fail(struct findings *f, const struct err *why);

void findings_init(struct findings *f);
void findings_deinit(struct findings *f);

/* Adds a hit. The pointer is valid until the next call that adds one. NULL: out of memory (sticks).
 */
struct finding *findings_hit(struct findings *f, const struct rule *rule, enum severity severity,
                             uint64_t weight, const char *subject);
/* The rule cannot say: adds a skipped finding with the reason. */
void findings_skip(struct findings *f, const struct rule *rule, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* All of these allow finding NULL. */
void finding_summary(struct findings *f, struct finding *finding, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void finding_next(struct findings *f, struct finding *finding, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void finding_number(struct finding *finding, const char *name, enum field_kind kind,
                    uint64_t value);
void finding_delta(struct finding *finding, const char *name, enum field_kind kind, int64_t value);
void finding_text(struct findings *f, struct finding *finding, const char *name, const char *text);

/* A number that may be absent: adds nothing then. */
void finding_known(struct finding *finding, const char *name, enum field_kind kind, uint64_t value);

/* Text kept as long as the findings; "" when out of memory (which sticks), never NULL. */
const char *findings_text(struct findings *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The same of what was written into `text`, which is deinited; its error sticks as well.
 * Never NULL. */
const char *findings_take(struct findings *f, struct strbuf *text);

/* Is one of them a hit? */
bool findings_have_hits(const struct findings *f);

/* A limit that can be set by --limit KEY=VALUE or in a --config file. */
struct limit_desc {
    const char *key, *meaning;
    enum { LIMIT_PERCENT, LIMIT_BYTES, LIMIT_COUNT, LIMIT_NS, LIMIT_RATIO } kind;
    uint32_t offset;
    double fallback; /* default */
};
extern const struct limit_desc limit_descs[]; /* ends with a NULL key */
void limits_init(struct limits *limits);
/* Errors: ERR_USAGE (unknown key, not a number, negative). */
bool limits_set(struct limits *limits, const char *key, const char *value,
                struct err *err) MUST_CHECK;

/* Sets the series options that have a limit, so that verdicts and rules agree. */
void limits_apply(const struct limits *limits, struct series_options *options);

/* Something of a part. */
struct rule_input {
    enum part part; /* 0: the list ends here */
    enum aspect aspect;
};

#define RULE_INPUTS 3u

struct rule {
    const char *id, *summary;
    uint64_t needs; /* parts that must be present in every snapshot */
    /* What it cannot be clear without: a snapshot that says why it lacks one makes it skipped. */
    struct rule_input whole[RULE_INPUTS + 1];
    uint32_t min_snapshots; /* 1: says something about a single dump, too */
    const char
        *explain; /* what it looks at, its thresholds, how to act on it: `dumpdiff explain ID` */
    bool (*run)(const struct series *, const struct limits *, struct findings *, struct err *);
    /* What it can say where `needs` is not met; skipped where that is nothing. NULL: nothing. */
    bool (*run_without)(const struct series *, const struct limits *, struct findings *,
                        struct err *);
};

/* THE table of rules; ends with NULL. */
extern const struct rule *const rules[];
const struct rule *rule_find(const char *id);

/*
 * Runs all rules. A rule whose parts are absent, or that wants more snapshots, is skipped with the
 * reason; one without a hit is clear, unless a snapshot lacks part of what it looks at. Sorts the
 * findings: hits by severity, weight and subject, then skipped, then clear.
 * Errors: ERR_NOMEM, ERR_FORMAT (a broken tree of holders).
 */
bool rules_run(const struct series *s, const struct limits *limits, struct findings *f,
               struct err *err) MUST_CHECK;

#endif
