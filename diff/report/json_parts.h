/* What snapshots and diffs have in common in JSON. */
#ifndef DUMPDIFF_REPORT_JSON_PARTS_H
#define DUMPDIFF_REPORT_JSON_PARTS_H

#include "diff/report/json_value.h"
#include "diff/report/report.h"

/* Objects of both reports, as all values: NULL when out of memory. */
cJSON *json_origin(struct json *j, const struct snapshot *s);
cJSON *json_trust(struct json *j, const struct snapshot *s, const char *unfenced);
cJSON *json_totals(struct json *j, const struct snapshot *s);
/*
 * The steps from the root to row `at` of a path tree, at most `most` (up to PATH_STEPS_MAX) of
 * those next to it; more is a cycle in a broken file, or tells nobody anything. *ret_root is
 * borrowed. NULL: out of memory.
 */
#define PATH_STEPS_MAX 1000u
cJSON *json_path_steps(struct json *j, const struct path_row *rows, uint32_t count, uint32_t at,
                       uint32_t most, const char **ret_root);
void json_findings(struct json *j, const struct findings *f);
/* causes; null where causes is NULL. */
void json_causes(struct json *j, const struct causes *causes);
/* Of a diff how much they explain; null where causes is NULL, or nobody knows. */
void json_explained(struct json *j, const struct causes *causes);

/* Where growth begins in the trees of holders. Errors: ERR_NOMEM, ERR_FORMAT. */
bool json_growth_points(struct json *j, const struct series *s, struct err *err) MUST_CHECK;
/* What the memory of the process goes to; its parts add up to `committed`. */
void json_reconciliation(struct json *j, const struct series *s);

/* Outstanding allocations: stacks, functions, modules, sizes. Errors: ERR_NOMEM, ERR_USAGE. */
bool json_allocations(struct json *j, const struct series *s, const struct report_options *o,
                      struct err *err) MUST_CHECK;

/*
 * The two reports. Errors: ERR_NOMEM, ERR_USAGE (a pattern), ERR_FORMAT (a broken tree of holders).
 */
bool json_show(const struct series *s, const struct findings *f, const struct report_options *o,
               struct strbuf *out, struct err *err);
bool json_diff(const struct series *s, const struct findings *f, const struct report_options *o,
               struct strbuf *out, struct err *err);

#endif
