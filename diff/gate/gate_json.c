/* The gate in JSON: all of it, SARIF, and what github-action-benchmark reads. */
#include "diff/gate/gate_report.h"

#include "diff/report/json_value.h"
#include "diff/report/terms.h"
#include "diff/rules/rule.h"

#include <math.h>
#include <string.h>

static cJSON *gate_json_real(double value) {
    return isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull();
}

static bool gate_json_print(struct json *j, struct err *err) {
    json_end(j);
    return json_ok(j, err);
}

/* -- Everything -------------------------------------------------------------------------------- */

static cJSON *checks(struct json *j, const struct gate_result *r) {
    cJSON *list = cJSON_CreateArray();
    for (uint32_t i = 0; i < r->check_count; i++) {
        const struct gate_check *check = &r->checks[i];
        cJSON *object = cJSON_CreateObject();
        json_add(j, object, "limit", json_text(budget_limit_names[check->limit]));
        json_add(j, object, "status", json_text(gate_status_names[check->status]));
        json_add(j, object, "allowed", gate_json_real(check->allowed));
        json_add(j, object, "actual", gate_json_real(check->actual));
        json_append(j, list, object);
    }
    return list;
}

static cJSON *rows(struct json *j, const struct gate_result *r) {
    cJSON *list = cJSON_CreateArray();
    for (uint32_t i = 0; i < r->row_count; i++) {
        const struct gate_row *row = &r->rows[i];
        cJSON *object = cJSON_CreateObject();
        json_add(j, object, "name", json_text(row->name));
        json_add(j, object, "base", json_number(row->base));
        json_add(j, object, "new", json_number(row->last));
        json_add(j, object, "growth", gate_json_real(row->growth));
        json_add(j, object, "verdict",
                 json_text(row->verdict == VERDICT_NONE ? NULL : verdict_names[row->verdict]));
        json_append(j, list, object);
    }
    return list;
}

static cJSON *result(struct json *j, const struct gate *g, const struct gate_result *r) {
    cJSON *object = cJSON_CreateObject();
    struct strbuf text;
    strbuf_init(&text);
    gate_say_result(r, &text);
    json_fail(j, &text.err);
    json_add(j, object, "name", json_text(r->budget->name));
    json_add(j, object, "line", json_number(r->budget->line));
    json_add(j, object, "on", json_text(budget_kinds[r->budget->on].name));
    json_add(j, object, "which", json_text(r->budget->which));
    json_add(j, object, "unit", json_text(r->budget->objects ? "count" : "bytes"));
    json_add(j, object, "live", cJSON_CreateBool(r->live));
    json_add(j, object, "status", json_text(gate_status_names[r->status]));
    json_add(j, object, "says", json_text(strbuf_cstr(&text)));
    json_add(j, object, "values", json_numbers(r->values, g->s->count));
    json_add(j, object, "checks", checks(j, r));
    json_add(j, object, "rows", rows(j, r));
    json_add(j, object, "other_rows", json_number(r->row_others));
    strbuf_deinit(&text);
    return object;
}

bool gate_write_json(const struct gate *g, const struct gate_output *o, struct strbuf *out,
                     struct err *err) {
    struct json j;
    json_begin(&j, out);
    json_put(&j, "schema", json_text("dumpdiff.gate/1"));
    json_put(&j, "budget_file", json_text(o->budget_path));
    json_array_begin(&j, "snapshots");
    for (uint32_t i = 0; i < g->s->count; i++)
        json_array_put(&j, json_text(o->names[i]));
    json_array_end(&j);
    json_put(&j, "exit_status", json_number((uint64_t)gate_exit_status(g)));
    json_put(&j, "breaches", json_number(g->breaches));
    json_put(&j, "inconclusive", json_number(g->inconclusive));
    json_array_begin(&j, "budgets");
    for (uint32_t i = 0; i < g->count; i++)
        json_array_put(&j, result(&j, g, &g->results[i]));
    json_array_end(&j);
    json_array_begin(&j, "warnings");
    for (uint32_t i = 0; i < g->warning_count; i++)
        json_array_put(&j, json_text(g->warnings[i]));
    json_array_end(&j);
    return gate_json_print(&j, err);
}

/* -- SARIF ------------------------------------------------------------------------------------- */

/* Bytes that a URI may hold as they are; the rest is escaped. */
static cJSON *uri(struct json *j, const char *path) {
    static const char safe[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    struct strbuf text;
    strbuf_init(&text);
    if (path[0] == '/')
        strbuf_adds(&text, "file://");
    for (const char *c = path; *c; c++)
        if (strchr(safe, *c))
            strbuf_addc(&text, *c);
        else
            strbuf_addf(&text, "%%%02X", (unsigned char)*c);
    json_fail(j, &text.err);
    cJSON *value = json_text(strbuf_cstr(&text));
    strbuf_deinit(&text);
    return value;
}

static cJSON *message(struct json *j, const char *text) {
    cJSON *object = cJSON_CreateObject();
    json_add(j, object, "text", json_text(text));
    return object;
}

static cJSON *location(struct json *j, const struct gate_output *o, uint32_t line) {
    cJSON *list = cJSON_CreateArray(), *at = cJSON_CreateObject(), *file = cJSON_CreateObject();
    cJSON *physical = cJSON_CreateObject(), *region = cJSON_CreateObject();
    json_add(j, file, "uri", uri(j, o->budget_path));
    json_add(j, region, "startLine", json_number(line));
    json_add(j, physical, "artifactLocation", file);
    json_add(j, physical, "region", region);
    json_add(j, at, "physicalLocation", physical);
    json_append(j, list, at);
    return list;
}

static cJSON *sarif_result(struct json *j, const struct gate_output *o,
                           const struct gate_result *r) {
    static const char *const levels[] = {
        [GATE_PASS] = "none", [GATE_BREACH] = "error", [GATE_INCONCLUSIVE] = "warning"};
    static const char *const kinds[] = {
        [GATE_PASS] = "pass", [GATE_BREACH] = "fail", [GATE_INCONCLUSIVE] = "fail"};
    cJSON *object = cJSON_CreateObject(), *prints = cJSON_CreateObject();
    struct strbuf text;
    strbuf_init(&text);
    strbuf_addf(&text, "%s: ", r->budget->name);
    gate_say_result(r, &text);
    for (uint32_t i = 0; r->status != GATE_PASS && i < r->row_count; i++) {
        strbuf_adds(&text, "\n");
        gate_say_row(r, &r->rows[i], &text);
    }
    json_fail(j, &text.err);
    json_add(j, object, "ruleId", json_text(budget_kinds[r->budget->on].name));
    json_add(j, object, "ruleIndex", json_number(r->budget->on));
    json_add(j, object, "kind", json_text(kinds[r->status]));
    json_add(j, object, "level", json_text(levels[r->status]));
    json_add(j, object, "message", message(j, strbuf_cstr(&text)));
    json_add(j, object, "locations", location(j, o, r->budget->line));
    json_add(j, prints, "budget/v1", json_text(r->budget->name));
    json_add(j, object, "partialFingerprints", prints);
    strbuf_deinit(&text);
    return object;
}

/* What `explain` says of what a budget of that kind can be about. */
static void sarif_help(int kind, struct strbuf *out) {
    strbuf_addf(out, "A budget about %s. `dumpdiff explain NAME` says more.\n",
                budget_kinds[kind].meaning);
    for (const struct term *term = terms; term->name; term++)
        if ((kind == ON_CAUSE || kind == ON_VERDICT) &&
            strcmp(term->kind, budget_kinds[kind].name) == 0)
            strbuf_addf(out, "\n%s: %s\n%s", term->name, term->summary, term->explain);
    for (size_t i = 0; kind == ON_FINDING && rules[i]; i++)
        strbuf_addf(out, "\n%s: %s", rules[i]->id, rules[i]->summary);
}

static cJSON *sarif_driver(struct json *j, const struct gate_output *o) {
    cJSON *driver = cJSON_CreateObject(), *list = cJSON_CreateArray();
    json_add(j, driver, "name", json_text("dumpdiff"));
    json_add(j, driver, "version", json_text(o->version));
    struct strbuf help;
    strbuf_init(&help);
    for (int i = 0; i < ON_COUNT; i++) {
        cJSON *rule = cJSON_CreateObject();
        json_add(j, rule, "id", json_text(budget_kinds[i].name));
        json_add(j, rule, "shortDescription", message(j, budget_kinds[i].meaning));
        strbuf_clear(&help);
        sarif_help(i, &help);
        json_add(j, rule, "help", message(j, strbuf_cstr(&help)));
        json_append(j, list, rule);
    }
    json_add(j, driver, "rules", list);
    json_fail(j, &help.err);
    strbuf_deinit(&help);
    return driver;
}

bool gate_write_sarif(const struct gate *g, const struct gate_output *o, struct strbuf *out,
                      struct err *err) {
    struct json j;
    cJSON *run = cJSON_CreateObject(), *tool = cJSON_CreateObject(), *results = cJSON_CreateArray();
    json_begin(&j, out);
    json_put(&j, "$schema", json_text("https://json.schemastore.org/sarif-2.1.0.json"));
    json_put(&j, "version", json_text("2.1.0"));
    json_add(&j, tool, "driver", sarif_driver(&j, o));
    json_add(&j, run, "tool", tool);
    json_add(&j, run, "columnKind", json_text("utf16CodeUnits"));
    for (uint32_t i = 0; i < g->count; i++)
        json_append(&j, results, sarif_result(&j, o, &g->results[i]));
    json_add(&j, run, "results", results);
    json_array_begin(&j, "runs");
    json_array_put(&j, run);
    json_array_end(&j);
    return gate_json_print(&j, err);
}

/* -- github-action-benchmark ------------------------------------------------------------------- */

/* A list of {name, unit, value}: the newest figure of each budget that measures one. */
bool gate_write_benchmark(const struct gate *g, const struct gate_output *o, struct strbuf *out,
                          struct err *err) {
    cJSON *list = cJSON_CreateArray();
    struct json j = {.out = out};
    uint32_t last = g->s->count - 1;
    (void)o;
    for (uint32_t i = 0; i < g->count; i++) {
        const struct gate_result *r = &g->results[i];
        cJSON *object;
        struct strbuf text;
        if (r->budget->on == ON_VERDICT || r->values[last] == ABSENT)
            continue;
        object = cJSON_CreateObject();
        strbuf_init(&text);
        gate_say_result(r, &text);
        json_add(&j, object, "name", json_text(r->budget->name));
        json_add(&j, object, "unit", json_text(r->budget->objects ? "count" : "bytes"));
        json_add(&j, object, "value", cJSON_CreateNumber((double)r->values[last]));
        json_add(&j, object, "extra", json_text(strbuf_cstr(&text)));
        json_append(&j, list, object);
        json_fail(&j, &text.err);
        strbuf_deinit(&text);
    }
    char *printed = list ? cJSON_Print(list) : NULL;
    strbuf_adds(out, printed ? printed : "");
    strbuf_addc(out, '\n');
    bool ok = json_ok(&j, err) && (printed || err_nomem(err));
    cJSON_free(printed);
    cJSON_Delete(list);
    return ok;
}
