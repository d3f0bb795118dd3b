/* A series in JSON: "dumpdiff.diff/1", schema/diff.schema.json. */
#include "diff/report/fmt.h"
#include "diff/report/json_parts.h"
#include "diff/report/view.h"
#include "diff/series/trend.h"
#include "model/part_fields.h"
#include "model/rows_heap.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <math.h>
#include <string.h>

static cJSON *snapshot_head(struct json *j, const struct series *s, const struct report_options *o,
                            uint32_t i) {
    cJSON *object = cJSON_CreateObject();
    json_add(j, object, "name", json_text(o->names[i]));
    json_add(j, object, "origin", json_origin(j, s->snapshots[i]));
    json_add(j, object, "trust", json_trust(j, s->snapshots[i], o->unfenced));
    json_add(j, object, "totals", json_totals(j, s->snapshots[i]));
    return object;
}

static void json_diff_head(struct json *j, const struct series *s, const struct report_options *o) {
    json_put(j, "base", snapshot_head(j, s, o, 0));
    json_put(j, "new", snapshot_head(j, s, o, s->count - 1));
    json_array_begin(j, "snapshots");
    for (uint32_t i = 0; i < s->count; i++)
        json_array_put(j, snapshot_head(j, s, o, i));
    json_array_end(j);
    json_put(j, "interval_ns", json_number(s->interval_ns));
    json_put(j, "not_comparable", json_text(s->not_comparable));
    cJSON *warnings = cJSON_CreateArray();
    for (uint32_t i = 0; i < s->warning_count; i++)
        json_append(j, warnings, json_text(s->warnings[i]));
    json_put(j, "warnings", warnings);
}

/* -- Types ------------------------------------------------------------------------------------- */

static cJSON *cell_numbers(struct json *j, const struct cell *cells, uint32_t count, bool bytes) {
    cJSON *array = cJSON_CreateArray();
    for (uint32_t i = 0; i < count; i++)
        json_append(j, array, json_number(bytes ? cells[i].bytes : cells[i].objects));
    return array;
}

static void json_diff_add_sums(struct json *j, cJSON *object, const struct cell *cells,
                               uint32_t count, int64_t objects_delta, int64_t bytes_delta) {
    json_add(j, object, "objects", cell_numbers(j, cells, count, false));
    json_add(j, object, "bytes", cell_numbers(j, cells, count, true));
    json_add(j, object, "objects_delta", json_delta(objects_delta));
    json_add(j, object, "bytes_delta", json_delta(bytes_delta));
}

/* What a dump that does not list it has of it at most; where all list it there is no such key. */
static void add_most(struct json *j, cJSON *object, const struct series *s,
                     const struct series_type *type) {
    bool any = false;
    for (uint32_t i = 0; i < s->count; i++)
        any = any || series_type_is_unlisted(s, type, i);
    if (!any)
        return;
    cJSON *objects = cJSON_CreateArray(), *bytes = cJSON_CreateArray();
    for (uint32_t i = 0; i < s->count; i++) {
        struct cell most = series_type_most(s, type, i);
        json_append(j, objects, json_number(most.objects));
        json_append(j, bytes, json_number(most.bytes));
    }
    json_add(j, object, "objects_at_most", objects);
    json_add(j, object, "bytes_at_most", bytes);
}

static void add_live(struct json *j, cJSON *object, const struct series *s,
                     const struct series_type *type) {
    if (!s->live_known)
        return;
    json_add(j, object, "live_objects", json_numbers(type->live_objects, s->count));
    json_add(j, object, "live_bytes", json_numbers(type->live_bytes, s->count));
    struct series_change change = series_type_change(s, type, true);
    json_add(j, object, "live_objects_delta", json_delta(change.objects));
    json_add(j, object, "live_bytes_delta", json_delta(change.bytes));
}

static cJSON *json_diff_real(double value) {
    return isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull();
}

/* Slope and test of a type's bytes, and its growth for each of the --per N. */
static void add_trend(struct json *j, cJSON *object, const struct series *s,
                      const struct report_options *o, const struct series_type *type) {
    struct trend trend;
    cJSON *out = cJSON_CreateObject();
    int64_t growth = s->live_known ? fmt_delta(type->live_bytes[0], type->live_bytes[s->count - 1])
                                   : type->bytes_delta;
    if (!trend_of_type(s, type, &trend))
        err_keep_nomem(&j->err);
    json_add(j, out, "samples", json_number(trend.samples));
    json_add(j, out, "bytes_per_step", json_diff_real(trend.slope));
    json_add(j, out, "bytes_per_hour", json_diff_real(trend.slope_an_hour));
    json_add(j, out, "bytes_per_n", json_diff_real(o->per > 0 ? (double)growth / o->per : NAN));
    json_add(j, out, "p_value", json_diff_real(trend.p_value));
    json_add(j, out, "too_few", cJSON_CreateBool(trend.too_few));
    json_add(j, object, "trend", out);
}

static bool json_diff_types(struct json *j, const struct series *s, const struct report_options *o,
                            struct err *err) {
    static const char *const bases[] = {
        [BASIS_ALL] = "all", [BASIS_MATURE] = "mature", [BASIS_LIVE] = "live"};
    struct type_view v;
    if (!(s->parts_any & PART_BIT(PART_TYPES))) {
        json_put(j, "types", cJSON_CreateNull());
        return true;
    }
    if (!type_view_init(&v, s, o, view_top(o, TOP_ALL), false, err))
        return false;
    json_array_begin(j, "types");
    for (uint32_t i = 0; i < v.count; i++) {
        const struct series_type *type = &s->types[v.rows[i]];
        cJSON *object = cJSON_CreateObject();
        json_add(j, object, "name", json_text(type->name));
        json_add(j, object, "module", json_text(type->module));
        json_diff_add_sums(j, object, type->totals, s->count, type->objects_delta,
                           type->bytes_delta);
        add_most(j, object, s, type);
        add_live(j, object, s, type);
        json_add(j, object, "verdict", json_text(verdict_names[type->verdict]));
        json_add(j, object, "judged_on", json_text(bases[type->basis]));
        if (s->count > 2 || o->per > 0)
            add_trend(j, object, s, o, type);
        json_array_put(j, object);
    }
    json_array_end(j);
    cJSON *others = cJSON_CreateObject(), *total = cJSON_CreateObject();
    json_add(j, others, "types", json_number(v.other_types));
    json_add(j, others, "unchanged", json_number(v.unchanged));
    json_diff_add_sums(j, others, v.all.others, s->count, v.all.others_objects_delta,
                       v.all.others_bytes_delta);
    json_put(j, "other_types", others);
    json_diff_add_sums(j, total, v.all.total, s->count, v.all.total_objects_delta,
                       v.all.total_bytes_delta);
    json_put(j, "totals", total);
    type_view_deinit(&v);
    return true;
}

/* -- Threads ----------------------------------------------------------------------------------- */

static const struct thread_row *json_diff_newest(const struct series *s,
                                                 const struct series_thread *t) {
    for (uint32_t i = s->count; i-- > 0;)
        if (t->rows[i])
            return t->rows[i];
    return NULL;
}

static void threads(struct json *j, const struct series *s) {
    static const struct strings none = {NULL, 0};
    if (!(s->parts_any & PART_BIT(PART_THREADS))) {
        json_put(j, "threads", cJSON_CreateNull());
        return;
    }
    json_array_begin(j, "threads");
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct series_thread *t = &s->threads[i];
        const struct thread_row *row = json_diff_newest(s, t);
        cJSON *object = cJSON_CreateObject();
        json_add(j, object, "os_id", json_number(t->os_id));
        json_add(j, object, "index", json_number(row ? row->index : ABSENT));
        json_add(j, object, "managed_id", json_number(row ? row->managed_id : ABSENT));
        json_add(j, object, "name", json_text(t->name));
        json_add(j, object, "role", json_text(row ? row->role : NULL));
        json_add(j, object, "state", json_text(thread_state_names[t->state]));
        json_add(j, object, "evidence", json_text(thread_evidence_names[t->evidence]));
        json_add(j, object, "cpu_delta_ns", json_number(t->cpu_delta_ns));
        json_add(j, object, "user_delta_ns", json_number(t->user_delta_ns));
        json_add(j, object, "kernel_delta_ns", json_number(t->kernel_delta_ns));
        json_add(j, object, "elapsed_ns", json_number(row ? row->elapsed_ns : ABSENT));
        json_add(j, object, "switches_delta", json_number(t->switches_delta));
        json_add(j, object, "same_stack", json_bool(t->same_stack));
        json_add(j, object, "waiting_on", json_text(row ? row->waiting_on : NULL));
        json_add(j, object, "frames", json_strings(row ? &row->frames : &none));
        json_array_put(j, object);
    }
    json_array_end(j);
}

/* -- Values ------------------------------------------------------------------------------------ */

static cJSON *value_delta(const uint64_t *values, uint32_t count) {
    if (values[0] == ABSENT || values[count - 1] == ABSENT)
        return cJSON_CreateNull();
    return json_delta(fmt_delta(values[0], values[count - 1]));
}

static cJSON *value_object(struct json *j, const struct series *s, const struct series_value *v) {
    const struct series_value_keys *keys = &series_group_desc(v->group)->json;
    cJSON *object = cJSON_CreateObject();
    json_add(j, object, keys->name, json_text(v->name));
    if (keys->counts) {
        json_add(j, object, keys->counts, json_numbers(v->counts, s->count));
        json_add(j, object, keys->counts_delta, value_delta(v->counts, s->count));
    }
    if (keys->values) {
        json_add(j, object, keys->values, json_numbers(v->values, s->count));
        json_add(j, object, keys->values_delta, value_delta(v->values, s->count));
    }
    json_add(j, object, "verdict", json_text(verdict_names[v->verdict]));
    return object;
}

static cJSON *group(struct json *j, const struct series *s, enum series_group which) {
    if (!(s->parts_any & PART_BIT(series_group_desc(which)->part)))
        return cJSON_CreateNull();
    struct series_values values = series_values(s, which);
    cJSON *array = cJSON_CreateArray();
    for (uint32_t i = 0; i < values.count; i++)
        json_append(j, array, value_object(j, s, &values.items[i]));
    return array;
}

static void generations(struct json *j, const struct series *s) {
    bool types = s->generations_known || !(s->parts_any & PART_BIT(PART_HEAPS));
    json_put(j, "generations",
             group(j, s, types ? GROUP_TYPES_GENERATION : GROUP_HEAPS_GENERATION));
    json_put(j, "free", group(j, s, types ? GROUP_TYPES_FREE : GROUP_HEAPS_FREE));
}

static cJSON *finalizer_column(struct json *j, const struct series *s, const char *name) {
    const struct part_desc *desc = &part_descs[PART_FINALIZER];
    cJSON *array = cJSON_CreateArray();
    for (uint32_t i = 0; i < s->count; i++) {
        const struct finalizer_row *f = snapshot_row(s->snapshots[i], PART_FINALIZER);
        cJSON *value = f ? NULL : cJSON_CreateNull();
        for (uint32_t k = 0; f && !value && k < desc->field_count; k++)
            if (strcmp(desc->fields[k].name, name) == 0)
                value = desc->fields[k].kind == FIELD_GENS ? json_generations(f->finalizable)
                                                           : json_field(&desc->fields[k], f);
        json_append(j, array, value);
    }
    return array;
}

static void json_diff_finalizer(struct json *j, const struct series *s) {
    static const char *const columns[] = {"finalizable", "ready", "thread_os_id", "blocked",
                                          "running"};
    if (!(s->parts_any & PART_BIT(PART_FINALIZER))) {
        json_put(j, "finalizer", cJSON_CreateNull());
        return;
    }
    cJSON *object = cJSON_CreateObject();
    for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
        json_add(j, object, columns[i], finalizer_column(j, s, columns[i]));
    const struct series_value *ready = series_value(s, VALUE_READY);
    json_add(j, object, "ready_delta",
             ready ? value_delta(ready->values, s->count) : cJSON_CreateNull());
    json_put(j, "finalizer", object);
}

static void json_diff_regions(struct json *j, const struct series *s) {
    if (!(s->parts_any & PART_BIT(PART_REGIONS))) {
        json_put(j, "regions", cJSON_CreateNull());
        return;
    }
    struct series_values values = series_values(s, GROUP_REGIONS_KIND);
    json_array_begin(j, "regions");
    for (uint32_t i = 0; i < values.count; i++) {
        const struct series_value *v = &values.items[i];
        cJSON *object = value_object(j, s, v);
        const struct series_value *committed = series_value_beside(s, v, GROUP_REGIONS_COMMITTED);
        json_add(j, object, series_group_desc(GROUP_REGIONS_COMMITTED)->json.values,
                 committed ? json_numbers(committed->values, s->count) : cJSON_CreateNull());
        json_array_put(j, object);
    }
    json_array_end(j);
}

static void json_diff_memory_map(struct json *j, const struct series *s) {
    static const struct {
        const char *key;
        enum series_group group;
    } lists[] = {{"by_usage", GROUP_MEMORY_USAGE},     {"by_state", GROUP_MEMORY_STATE},
                 {"by_type", GROUP_MEMORY_TYPE},       {"by_protect", GROUP_MEMORY_PROTECT},
                 {"by_allocation", GROUP_MEMORY_BASE}, {"largest", GROUP_MEMORY_LARGEST}};
    if (!(s->parts_any & PART_BIT(PART_MEMORY_MAP))) {
        json_put(j, "memory_map", cJSON_CreateNull());
        return;
    }
    cJSON *object = cJSON_CreateObject();
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        json_add(j, object, lists[i].key, group(j, s, lists[i].group));
    const struct series_value *largest = series_value(s, VALUE_LARGEST_FREE);
    json_add(j, object, "largest_free",
             largest ? json_numbers(largest->values, s->count) : cJSON_CreateNull());
    json_put(j, "memory_map", object);
}

static void json_diff_counters(struct json *j, const struct series *s) {
    if (!(s->parts_any & PART_BIT(PART_COUNTERS))) {
        json_put(j, "counters", cJSON_CreateNull());
        json_put(j, "counter_verdicts", cJSON_CreateNull());
        return;
    }
    cJSON *object = cJSON_CreateObject(), *verdicts = cJSON_CreateObject();
    struct series_values values = series_values(s, GROUP_COUNTERS);
    for (uint32_t i = 0; i < values.count; i++) {
        const struct series_value *v = &values.items[i];
        json_add(j, object, v->name, json_numbers(v->values, s->count));
        json_add(j, verdicts, v->name, json_text(verdict_names[v->verdict]));
    }
    json_put(j, "counters", object);
    json_put(j, "counter_verdicts", verdicts);
}

bool json_diff(const struct series *s, const struct findings *f, const struct report_options *o,
               struct strbuf *out, struct err *err) {
    struct json j;
    json_begin(&j, out);
    json_put(&j, "schema", json_text("dumpdiff.diff/1"));
    json_diff_head(&j, s, o);
    json_causes(&j, o->causes);
    json_explained(&j, o->causes);
    json_findings(&j, f);
    bool ok = json_diff_types(&j, s, o, err);
    threads(&j, s);
    generations(&j, s);
    json_put(&j, "gc", group(&j, s, GROUP_GC));
    json_diff_finalizer(&j, s);
    json_diff_regions(&j, s);
    json_diff_memory_map(&j, s);
    json_put(&j, "handles", group(&j, s, GROUP_HANDLES_KIND));
    json_put(&j, "loader", group(&j, s, GROUP_LOADER_KIND));
    json_put(&j, "native_heaps", group(&j, s, GROUP_NATIVE_HEAPS));
    json_put(&j, "modules", group(&j, s, GROUP_MODULES));
    json_put(&j, "os_handles", group(&j, s, GROUP_OS_HANDLES_TYPE));
    json_put(&j, "async", group(&j, s, GROUP_ASYNC_METHOD));
    json_put(&j, "callbacks", group(&j, s, GROUP_CALLBACKS));
    json_put(&j, "requests", group(&j, s, GROUP_REQUESTS));
    json_put(&j, "queued_work", group(&j, s, GROUP_WORK));
    json_put(&j, "exceptions", group(&j, s, GROUP_EXCEPTION_TYPE));
    json_put(&j, "exceptions_thrown", group(&j, s, GROUP_EXCEPTION_THROWN));
    json_diff_counters(&j, s);
    ok = ok && json_allocations(&j, s, o, err);
    ok = ok && json_growth_points(&j, s, err);
    json_reconciliation(&j, s);
    json_end(&j);
    return ok && json_ok(&j, err);
}
