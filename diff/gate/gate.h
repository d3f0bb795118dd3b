/*
 * Budgets held against a series.
 */
#ifndef DUMPDIFF_GATE_GATE_H
#define DUMPDIFF_GATE_GATE_H

#include "diff/causes/causes.h"
#include "diff/gate/budget.h"

enum gate_status { GATE_PASS, GATE_BREACH, GATE_INCONCLUSIVE };
/* "pass", "breach", "inconclusive" */
extern const char *const gate_status_names[3];

/* One number held against its limit. */
struct gate_check {
    enum budget_limit limit;
    enum gate_status status;
    double allowed; /* in the unit of the budget; a share is turned into it */
    double actual;  /* NAN: not known */
};

/* A row of the diff behind a result: a type, a stack, a kind of handle. */
struct gate_row {
    const char *name;
    uint64_t base, last; /* ABSENT: not known */
    double growth;
    enum verdict verdict; /* VERDICT_NONE: no type */
};

#define GATE_ROWS_MOST 10u

struct gate_result {
    const struct budget *budget;
    enum gate_status status;
    uint64_t *values; /* [count of snapshots] ABSENT: not known */
    struct gate_check checks[LIMIT_KINDS];
    uint32_t check_count;
    struct gate_row rows[GATE_ROWS_MOST]; /* those that grew most, first */
    uint32_t row_count, row_others;
    const char *why; /* of what is inconclusive; NULL otherwise */
    bool matches_nothing;
    bool live; /* measured on live objects */
};

struct gate {
    struct arena arena;
    const struct series *s;
    const struct budgets *budgets;
    struct gate_result *results; /* one a budget, in the order of the file */
    uint32_t count, breaches, inconclusive;
    const char *
        *warnings; /* benign entries that expired or match nothing, partial snapshots, ... */
    uint32_t warning_count;
    bool no_baseline;
};

struct gate_options {
    double iterations;  /* between first and last snapshot; 0: as the budget file says */
    const char *today;  /* "2026-11-22", for what expires */
    bool strict;        /* a budget that matches nothing is inconclusive */
    bool allow_missing; /* without a baseline, growth is not judged, and that is fine */
    bool force;         /* judge snapshots that cannot be compared */
    /* Of the same series; NULL: budgets on them are inconclusive. */
    const struct findings *findings;
    const struct causes *causes;
};

/*
 * Judges all budgets. A series of one has no baseline: only "max" is judged then.
 * Errors: ERR_NOMEM, ERR_FORMAT (paths that go round in circles).
 */
bool gate_run(struct gate *g, const struct series *s, const struct budgets *budgets,
              const struct gate_options *options, struct err *err) MUST_CHECK;
void gate_deinit(struct gate *g);

/* 0, 1 (a breach) or 3 (no breach, but something is inconclusive). */
int gate_exit_status(const struct gate *g);

/*
 * The ratchet: the text of the budget file with each number of a budget that passed set to what was
 * measured, where that is lower; everything else stays as it was. *ret_changed counts them. Errors:
 * ERR_USAGE (the text is not that budget), ERR_NOMEM.
 */
bool gate_update(const struct gate *g, struct str text, struct strbuf *out, uint32_t *ret_changed,
                 struct err *err) MUST_CHECK;

/* -- Causes and findings (gate_causes.c) ------------------------------------------------------- */

/*
 * Counts what the budget is about: the newest value and the rows. Where the dumps do not tell, why,
 * and no value.
 */
void gate_count_causes(struct gate *g, struct gate_result *result,
                       const struct gate_options *options);

/* -- What can be measured (gate_values.c) ------------------------------------------------------ */

/* Which types the benign list excuses today. */
struct gate_excuses {
    const struct budgets *budgets;
    bool *active, *used; /* [benign_count] */
    uint8_t *types;      /* [type_count] 0: not asked yet, 1: no, 2: yes */
};

/* Fills values, rows and live of a result. Errors: ERR_NOMEM, ERR_FORMAT. */
bool gate_measure(struct gate *g, struct gate_result *result, struct gate_excuses *excuses,
                  struct err *err) MUST_CHECK;
/*
 * Types whose verdict the budget forbids: rows, and how many; ret_undecided: two snapshots cannot
 * tell of that many. Errors: ERR_NOMEM.
 */
bool gate_verdicts(struct gate *g, struct gate_result *result, struct gate_excuses *excuses,
                   uint32_t *ret_forbidden, uint32_t *ret_undecided, struct err *err) MUST_CHECK;

#endif
