/* What snapshots and diffs have in common in JSON. */
#ifndef DUMPDIFF_REPORT_JSON_PARTS_H
#define DUMPDIFF_REPORT_JSON_PARTS_H

#include "diff/report/json_value.h"
#include "diff/report/report.h"

cJSON *json_origin(struct json *j, const struct snapshot *s);
cJSON *json_trust(struct json *j, const struct snapshot *s);
cJSON *json_totals(struct json *j, const struct snapshot *s);
void json_findings(struct json *j, const struct findings *f);

bool json_show(const struct series *s, const struct findings *f, const struct report_options *o,
               struct strbuf *out, struct err *err);
bool json_diff(const struct series *s, const struct findings *f, const struct report_options *o,
               struct strbuf *out, struct err *err);

#endif
