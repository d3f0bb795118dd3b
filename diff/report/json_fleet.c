/* The report across instances as JSON: see schema/fleet.schema.json. */
#include "diff/report/fleet.h"
#include "diff/report/json_value.h"

#include <math.h>

static cJSON *json_real(double value) {
    return isnan(value) ? cJSON_CreateNull() : cJSON_CreateNumber(value);
}

static cJSON *json_fleet_instance(struct json *j, const struct fleet_instance *i) {
    cJSON *o = cJSON_CreateObject();
    json_add(j, o, "name", json_text(i->name));
    json_add(j, o, "slope", json_real(i->slope));
    json_add(j, o, "first_bytes", json_number(i->first));
    json_add(j, o, "last_bytes", json_number(i->last));
    return o;
}

static cJSON *json_fleet_release(struct json *j, const struct fleet_release *r) {
    cJSON *o = cJSON_CreateObject();
    json_add(j, o, "release", json_text(r->name));
    json_add(j, o, "growing", json_number(r->growing));
    json_add(j, o, "judged", json_number(r->judged));
    json_add(j, o, "median_slope", json_real(r->median));
    return o;
}

static cJSON *json_fleet_leak(struct json *j, const struct fleet_leak *l) {
    cJSON *o = cJSON_CreateObject(), *instances = cJSON_CreateArray();
    cJSON *releases = cJSON_CreateArray();
    json_add(j, o, "type", json_text(l->type));
    json_add(j, o, "release", json_text(l->release));
    json_add(j, o, "environment", json_text(l->environment));
    json_add(j, o, "held_by", json_text(l->held_by));
    json_add(j, o, "growing_runs", json_number(l->growing));
    json_add(j, o, "judged_runs", json_number(l->judged));
    json_add(j, o, "judged_instances", json_number(l->instances));
    json_add(j, o, "median_slope", json_real(l->median));
    json_add(j, o, "worst_slope", json_real(l->worst));
    json_add(j, o, "p_value", json_real(l->p_value));
    for (uint32_t i = 0; i < l->item_count; i++)
        json_append(j, instances, json_fleet_instance(j, &l->items[i]));
    json_add(j, o, "instances", instances);
    for (uint32_t i = 0; i < l->release_count; i++)
        json_append(j, releases, json_fleet_release(j, &l->releases[i]));
    json_add(j, o, "other_releases", releases);
    return o;
}

bool fleet_json(const struct fleet *f, struct strbuf *out, struct err *err) {
    struct json j;
    json_begin(&j, out);
    json_put(&j, "schema", json_text("dumpdiff.fleet/1"));
    json_put(&j, "program", json_text(f->program));
    json_put(&j, "slope_unit", json_text(f->unit));
    json_put(&j, "instances", json_number(f->instances));
    json_put(&j, "runs", json_number(f->runs));
    json_put(&j, "short_runs", json_number(f->short_runs));
    json_put(&j, "snapshots", json_number(f->snapshots));
    json_put(&j, "since", json_time(f->since_ns));
    json_put(&j, "until", json_time(f->until_ns));
    json_array_begin(&j, "leaks");
    for (uint32_t i = 0; i < f->leak_count; i++)
        json_array_put(&j, json_fleet_leak(&j, &f->leaks[i]));
    json_array_end(&j);
    json_end(&j);
    return json_ok(&j, err);
}
