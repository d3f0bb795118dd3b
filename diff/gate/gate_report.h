/*
 * Outputs of the gate, for people and for what runs builds. All from one run; no clock, no path but
 * the one of the budget file.
 */
#ifndef DUMPDIFF_GATE_GATE_REPORT_H
#define DUMPDIFF_GATE_GATE_REPORT_H

#include "diff/gate/gate.h"

struct gate_output {
    const char *budget_path;  /* as given: where breaches are pointed at */
    const char *const *names; /* of the snapshots */
    bool color;
    const char *version;                      /* of dumpdiff */
    const char *program, *release, *instance; /* labels of figures; NULL: none */
};

struct gate_report {
    const char *name, *summary;
    bool (*write)(const struct gate *, const struct gate_output *, struct strbuf *out,
                  struct err *);
};

/* THE table of outputs; ends with a NULL name. */
extern const struct gate_report gate_reports[];
const struct gate_report *gate_report_find(const char *name);

/* -- What the outputs share -------------------------------------------------------------------- */

/* One sentence about a result: its breached limits, or why it is inconclusive. */
void gate_say_result(const struct gate_result *r, struct strbuf *out);
/* "Shop.Order  300 -> 600 (+300)". */
void gate_say_row(const struct gate_result *r, const struct gate_row *row, struct strbuf *out);

/* Each appends its output. Errors: ERR_NOMEM. */
bool gate_write_json(const struct gate *, const struct gate_output *, struct strbuf *,
                     struct err *) MUST_CHECK;
bool gate_write_junit(const struct gate *, const struct gate_output *, struct strbuf *,
                      struct err *) MUST_CHECK;
bool gate_write_sarif(const struct gate *, const struct gate_output *, struct strbuf *,
                      struct err *) MUST_CHECK;
bool gate_write_github(const struct gate *, const struct gate_output *, struct strbuf *,
                       struct err *) MUST_CHECK;
bool gate_write_summary(const struct gate *, const struct gate_output *, struct strbuf *,
                        struct err *) MUST_CHECK;
bool gate_write_benchmark(const struct gate *, const struct gate_output *, struct strbuf *,
                          struct err *) MUST_CHECK;
bool gate_write_openmetrics(const struct gate *, const struct gate_output *, struct strbuf *,
                            struct err *) MUST_CHECK;
bool gate_write_teamcity(const struct gate *, const struct gate_output *, struct strbuf *,
                         struct err *) MUST_CHECK;

#endif
