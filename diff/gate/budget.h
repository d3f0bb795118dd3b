/*
 * A budget file: what a program may use and by how much it may grow. See schema/budget.schema.json.
 *
 *     {"schema": "dumpdiff.budget/1",
 *      "budgets": [{"on": "namespace", "which": "Shop", "max": "64MiB", "growth": "5%"},
 *                  {"on": "verdict", "which": "^Shop\\.", "not": ["leak"]}],
 *      "benign": [{"which": "^Shop\\.PriceTable$", "reason": "loaded once a day",
 *                  "expires": "2027-01-31"}]}
 */
#ifndef DUMPDIFF_GATE_BUDGET_H
#define DUMPDIFF_GATE_BUDGET_H

#include "base/pattern.h"
#include "diff/series/series.h"

/* What a budget is about; names, units and meaning are in budget_kinds. */
enum budget_on {
    ON_TOTAL,
    ON_GENERATION,
    ON_TYPE,
    ON_NAMESPACE,
    ON_ASSEMBLY,
    ON_REGEX,
    ON_THREADS,
    ON_READY,
    ON_HANDLES,
    ON_OS_HANDLES,
    ON_MODULES,
    ON_NATIVE,
    ON_LOADER,
    ON_STACKS,
    ON_PATHS,
    ON_VERDICT,
    ON_CAUSE,
    ON_FINDING,
    ON_COUNT
};

enum budget_which { WHICH_NOT, WHICH_MAY, WHICH_MUST };

struct budget_kind {
    const char *name;
    enum budget_which which;
    bool is_regex;       /* `which` is a regular expression */
    bool bytes, objects; /* what can be measured; bytes is the default where both can */
    uint64_t needs;      /* parts without which nothing can be said */
    const char *meaning;
};
extern const struct budget_kind budget_kinds[ON_COUNT];

/* One number of the file; `at` and `length` say where its text stands, for --update. */
struct quantity {
    bool given, percent;
    double value;
    size_t at, length; /* [bytes] */
};

enum budget_limit { LIMIT_MAX, LIMIT_GROWTH, LIMIT_EACH, LIMIT_KINDS };
/* "max", "growth", "growth_per_iteration" */
extern const char *const budget_limit_names[LIMIT_KINDS];

struct budget {
    const char *name; /* as given, else made of what it is about; never NULL */
    enum budget_on on;
    const char *which;      /* NULL: everything */
    struct pattern pattern; /* of `which`, where the kind says so */
    bool objects;           /* measured in objects, not bytes */
    struct quantity limits[LIMIT_KINDS];
    uint32_t forbidden; /* verdicts, one bit each */
    uint32_t line;      /* 1.. */
};

/* Types that may grow. */
struct benign {
    const char *which, *reason;
    const char *expires;    /* "2027-01-31": the last day on which it counts */
    struct pattern pattern; /* of `which` */
    uint32_t line;
};

struct budgets {
    struct arena arena;
    struct budget *items;
    uint32_t count;
    struct benign *benign;
    uint32_t benign_count;
    double iterations;           /* between first and last snapshot; 0: not given */
    bool exact_only;             /* "trust": "exact": a partial snapshot is inconclusive */
    struct series_floors floors; /* bytes and objects: ABSENT where the file does not say */
};

/* Did each pattern find an answer for each name? Errors: ERR_USAGE (a match was given up). */
bool budgets_settled(const struct budgets *b, struct err *err) MUST_CHECK;

/* Is one of them on causes or findings? */
bool budgets_ask_for_causes(const struct budgets *b);

#define BUDGETS_MOST     4096u
#define BUDGET_MAX_BYTES ((size_t)4 << 20)

/*
 * Reads the text of a budget file, which need not outlive it.
 * Errors: ERR_USAGE (not JSON, an unknown key, a number or pattern that is none), with the line;
 * ERR_NOMEM.
 */
bool budgets_parse(struct budgets *b, struct str text, struct err *err) MUST_CHECK;
void budgets_deinit(struct budgets *b);

#endif
