/* What snapshots and diffs have in common in JSON; the schemas are in schema/. */
#include "diff/report/json_parts.h"

#include "diff/report/fmt.h"
#include "model/part_fields.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <math.h>

cJSON *json_origin(struct json *j, const struct snapshot *s) {
    return json_row(j, PART_ORIGIN, snapshot_origin(s), "trust");
}

cJSON *json_trust(struct json *j, const struct snapshot *s, const char *unfenced) {
    SNAPSHOT_ROWS(s, PART_REASONS, struct reason_row, rows, count);
    cJSON *trust = cJSON_CreateObject(), *reasons = cJSON_CreateArray(),
          *notes = cJSON_CreateArray();
    for (uint32_t i = 0; i < count; i++) {
        struct strbuf text;
        char number[FMT_MAX];
        strbuf_init(&text);
        strbuf_adds(&text, rows[i].text);
        if (rows[i].count != ABSENT)
            strbuf_addf(&text, " (%s)", fmt_count(rows[i].count, number));
        json_append(j, rows[i].lowers_trust == 1 ? reasons : notes, json_text(strbuf_cstr(&text)));
        json_fail(j, &text.err);
        strbuf_deinit(&text);
    }
    if (unfenced)
        json_append(j, notes, json_text(unfenced));
    json_add(j, trust, "grade", json_text(trust_names[snapshot_trust(s)]));
    json_add(j, trust, "reasons", reasons);
    json_add(j, trust, "notes", notes);
    return trust;
}

cJSON *json_path_steps(struct json *j, const struct path_row *rows, uint32_t count, uint32_t at,
                       uint32_t most, const char **ret_root) {
    uint32_t steps[PATH_STEPS_MAX], depth = 0;
    for (uint64_t i = at; i < count && depth < most && depth < PATH_STEPS_MAX; i = rows[i].parent)
        steps[depth++] = (uint32_t)i;
    *ret_root = depth ? rows[steps[depth - 1]].root : NULL;
    cJSON *list = cJSON_CreateArray();
    while (depth--) {
        cJSON *step = cJSON_CreateObject();
        json_add(j, step, "edge", json_text(rows[steps[depth]].edge));
        json_add(j, step, "type", json_text(rows[steps[depth]].type));
        json_append(j, list, step);
    }
    return list;
}

cJSON *json_totals(struct json *j, const struct snapshot *s) {
    if (!snapshot_has(s, PART_TYPES))
        return cJSON_CreateNull();
    struct snapshot_totals totals = snapshot_totals(s);
    cJSON *object = cJSON_CreateObject();
    json_add(j, object, "objects", json_number(totals.objects));
    json_add(j, object, "bytes", json_number(totals.bytes));
    json_add(j, object, "free_objects", json_number(totals.free_objects));
    json_add(j, object, "free_bytes", json_number(totals.free_bytes));
    return object;
}

static cJSON *evidence_value(const struct evidence *e) {
    if (e->kind == FIELD_STR)
        return json_text(e->text);
    if (e->is_delta)
        return json_delta(e->delta);
    if (e->kind == FIELD_HEX)
        return json_hex(e->number);
    if (e->kind == FIELD_BOOL)
        return json_bool(e->number);
    if (e->kind == FIELD_TIME)
        return json_time(e->number);
    return json_number(e->number);
}

static cJSON *evidence_object(struct json *j, const struct finding *finding) {
    cJSON *evidence = cJSON_CreateObject();
    for (uint32_t k = 0; finding && k < finding->evidence_count; k++)
        json_add(j, evidence, finding->evidence[k].name, evidence_value(&finding->evidence[k]));
    return evidence;
}

void json_findings(struct json *j, const struct findings *f) {
    json_array_begin(j, "findings");
    for (uint32_t i = 0; i < f->count; i++) {
        const struct finding *finding = &f->items[i];
        bool hit = finding->status == STATUS_HIT;
        cJSON *object = cJSON_CreateObject();
        json_add(j, object, "rule", json_text(finding->rule->id));
        json_add(j, object, "status", json_text(finding_status_names[finding->status]));
        json_add(j, object, "severity", json_text(hit ? severity_names[finding->severity] : NULL));
        json_add(j, object, "subject", json_text(finding->subject ? finding->subject : ""));
        json_add(j, object, "summary", json_text(finding->summary ? finding->summary : ""));
        json_add(j, object, "next", json_text(finding->next));
        json_add(j, object, "evidence", evidence_object(j, finding));
        json_array_put(j, object);
    }
    json_array_end(j);
}

/* -- Causes ------------------------------------------------------------------------------------ */

static cJSON *cause_path(struct json *j, const struct cause *cause) {
    cJSON *list = cJSON_CreateArray();
    for (uint32_t i = 0; i < cause->path_count; i++) {
        cJSON *step = cJSON_CreateObject();
        json_add(j, step, "edge", json_text(cause->path[i].edge));
        json_add(j, step, "type", json_text(cause->path[i].type));
        json_append(j, list, step);
    }
    return list;
}

static cJSON *cause_types(struct json *j, const struct cause *cause) {
    cJSON *list = cJSON_CreateArray();
    for (uint32_t i = 0; i < cause->type_count; i++) {
        cJSON *type = cJSON_CreateObject();
        json_add(j, type, "type", json_text(cause->types[i].type));
        json_add(j, type, "objects_delta", json_delta(cause->types[i].objects_delta));
        json_add(j, type, "bytes_delta", json_delta(cause->types[i].bytes_delta));
        json_append(j, list, type);
    }
    return list;
}

static cJSON *cause_findings(struct json *j, const struct cause *cause) {
    cJSON *list = cJSON_CreateArray();
    for (uint32_t i = 0; i < cause->finding_count; i++)
        json_append(j, list, json_number(cause->findings[i]));
    return list;
}

static cJSON *cause_object(struct json *j, const struct cause *cause) {
    cJSON *object = cJSON_CreateObject();
    bool judged = cause->verdict != VERDICT_NONE;
    json_add(j, object, "kind", json_text(cause_kind_names[cause->kind]));
    json_add(j, object, "severity", json_text(severity_names[cause->severity]));
    json_add(j, object, "subject", json_text(cause->subject));
    json_add(j, object, "summary", json_text(cause->summary));
    json_add(j, object, "next", json_text(cause->next));
    json_add(j, object, "held_by", json_text(cause->held_by));
    json_add(j, object, "path", cause_path(j, cause));
    json_add(j, object, "types", cause_types(j, cause));
    json_add(j, object, "objects_delta",
             judged ? json_delta(cause->objects_delta) : cJSON_CreateNull());
    json_add(j, object, "bytes_delta",
             judged ? json_delta(cause->bytes_delta) : cJSON_CreateNull());
    json_add(j, object, "retained", json_number(cause->retained_bytes));
    json_add(j, object, "share",
             isfinite(cause->share) ? cJSON_CreateNumber(cause->share) : cJSON_CreateNull());
    json_add(j, object, "verdict", json_text(judged ? verdict_names[cause->verdict] : NULL));
    json_add(j, object, "findings", cause_findings(j, cause));
    json_add(j, object, "evidence", evidence_object(j, cause->evidence));
    return object;
}

void json_causes(struct json *j, const struct causes *causes) {
    if (!causes) {
        json_put(j, "causes", cJSON_CreateNull());
        return;
    }
    json_array_begin(j, "causes");
    for (uint32_t i = 0; i < causes->count; i++)
        json_array_put(j, cause_object(j, &causes->items[i]));
    json_array_end(j);
}

void json_explained(struct json *j, const struct causes *causes) {
    bool known = causes && causes->live_known;
    cJSON *explained = known ? cJSON_CreateObject() : cJSON_CreateNull();
    if (known) {
        json_add(j, explained, "live_base", json_number(causes->live_base_bytes));
        json_add(j, explained, "live_new", json_number(causes->live_new_bytes));
        json_add(j, explained, "live_delta", json_delta(causes->live_delta));
        json_add(j, explained, "explained", json_delta(causes->explained));
        json_add(j, explained, "not_explained", json_delta(causes->live_delta - causes->explained));
        json_add(j, explained, "causes", json_number(causes->growth_count));
    }
    json_put(j, "explained", explained);
}

const struct report report_json = {
    "json", "for programs: everything, as schema/*.json describe it", json_show, json_diff, false,
    0};
