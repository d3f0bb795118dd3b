/* What snapshots and diffs have in common in JSON; the schemas are in schema/. */
#include "diff/report/json_parts.h"

#include "diff/report/fmt.h"

cJSON *json_origin(struct json *j, const struct snapshot *s) {
    return json_row(j, PART_ORIGIN, snapshot_origin(s), "trust");
}

cJSON *json_trust(struct json *j, const struct snapshot *s) {
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

void json_findings(struct json *j, const struct findings *f) {
    json_array_begin(j, "findings");
    for (uint32_t i = 0; i < f->count; i++) {
        const struct finding *finding = &f->items[i];
        bool hit = finding->status == STATUS_HIT;
        cJSON *object = cJSON_CreateObject(), *evidence = cJSON_CreateObject();
        for (uint32_t k = 0; k < finding->evidence_count; k++)
            json_add(j, evidence, finding->evidence[k].name, evidence_value(&finding->evidence[k]));
        json_add(j, object, "rule", json_text(finding->rule->id));
        json_add(j, object, "status", json_text(finding_status_names[finding->status]));
        json_add(j, object, "severity", json_text(hit ? severity_names[finding->severity] : NULL));
        json_add(j, object, "subject", json_text(finding->subject ? finding->subject : ""));
        json_add(j, object, "summary", json_text(finding->summary ? finding->summary : ""));
        json_add(j, object, "next", json_text(finding->next));
        json_add(j, object, "evidence", evidence);
        json_array_put(j, object);
    }
    json_array_end(j);
}

const struct report report_json = {
    "json", "for programs: everything, as schema/*.json describe it", json_show, json_diff, false,
    0};
