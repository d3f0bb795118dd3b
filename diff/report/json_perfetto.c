/*
 * The dumps on a line of time, for ui.perfetto.dev and chrome://tracing: what memory came to as
 * counters, where each thread was as slices from one dump to the next, findings as instants.
 *
 * Source of the format: "Trace Event Format" of the Chromium project (JSON object format; phases
 * M, C, X and i), which Perfetto reads (perfetto.dev/docs/getting-started/other-formats).
 */
#include "base/num.h"
#include "diff/report/doc_parts.h"
#include "diff/report/json_value.h"
#include "diff/report/view.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#define TYPES_SHOWN 10u
#define STEP_NS     UINT64_C(1000000000) /* between dumps that do not say when they were taken */

struct perfetto {
    struct json j;
    const struct series *s;
    uint64_t pid;
};

/* -- Time -------------------------------------------------------------------------------------- */

static bool times_known(const struct series *s) {
    return s->times_ns || (s->count == 2 && s->interval_ns != ABSENT);
}

/* [ns] since the first dump; behind the last one as far as that is behind the one before it. */
static uint64_t moment_of(const struct series *s, uint32_t i) {
    if (i == s->count && i > 1)
        return num_add(moment_of(s, i - 1), moment_of(s, i - 1) - moment_of(s, i - 2));
    if (i < s->count && s->times_ns)
        return s->times_ns[i] - s->times_ns[0];
    return i && i < s->count && times_known(s) ? s->interval_ns : i * STEP_NS;
}

static cJSON *microseconds(uint64_t ns) {
    return json_number(ns / 1000);
}

/* -- Events ------------------------------------------------------------------------------------ */

static cJSON *event_of(struct perfetto *p, const char *phase, const char *name) {
    cJSON *event = cJSON_CreateObject();
    json_add(&p->j, event, "ph", json_text(phase));
    json_add(&p->j, event, "name", json_text(name));
    json_add(&p->j, event, "pid", json_number(p->pid));
    return event;
}

static void event_put(struct perfetto *p, cJSON *event, cJSON *args) {
    json_add(&p->j, event, "args", args);
    json_array_put(&p->j, event);
}

/* What a track is called. tid: ABSENT for the process. */
static void name_track(struct perfetto *p, const char *what, uint64_t tid, const char *name) {
    cJSON *event = event_of(p, "M", what), *args = cJSON_CreateObject();
    if (tid != ABSENT)
        json_add(&p->j, event, "tid", json_number(tid));
    json_add(&p->j, args, "name", json_text(name));
    event_put(p, event, args);
}

/* A counter has no point where its value is not known. */
static void trace_counter(struct perfetto *p, const char *name, const char *unit, uint32_t i,
                          uint64_t value) {
    if (value == ABSENT)
        return;
    cJSON *event = event_of(p, "C", name), *args = cJSON_CreateObject();
    json_add(&p->j, event, "ts", microseconds(moment_of(p->s, i)));
    json_add(&p->j, args, unit, json_number(value));
    event_put(p, event, args);
}

/* -- What memory comes to ---------------------------------------------------------------------- */

static void trace_values(struct perfetto *p) {
    const struct series *s = p->s;
    for (uint32_t v = 0; v < s->value_count; v++) {
        const struct series_value *value = &s->values[v];
        bool generations = value->group == GROUP_HEAPS_GENERATION,
             counters = value->group == GROUP_COUNTERS, usages = value->group == GROUP_MEMORY_USAGE;
        for (uint32_t i = 0; (generations || counters || usages) && i < s->count; i++)
            trace_counter(p, value->name, counters ? "value" : "bytes", i, value->values[i]);
    }
}

static bool trace_types(struct perfetto *p, const struct report_options *o, struct err *err) {
    const struct series *s = p->s;
    struct type_view v;
    if (!type_view_init(&v, s, o, view_top(o, TYPES_SHOWN), s->live_known, err))
        return false;
    for (uint32_t k = 0; k < v.count; k++)
        for (uint32_t i = 0; i < s->count; i++)
            trace_counter(p, s->types[v.rows[k]].name, "bytes", i,
                          type_cell(&s->types[v.rows[k]], i, s->live_known).bytes);
    type_view_deinit(&v);
    return true;
}

static void trace_heap(struct perfetto *p) {
    for (uint32_t i = 0; i < p->s->count; i++) {
        trace_counter(p, "heap", "bytes", i, series_heap_bytes(p->s, i));
        if (p->s->live_known)
            trace_counter(p, "all that lives", "bytes", i, p->s->live_bytes[i]);
    }
}

/* -- Where threads are ------------------------------------------------------------------------- */

static cJSON *slice_args(struct perfetto *p, const struct thread_row *row) {
    cJSON *args = cJSON_CreateObject();
    json_add(&p->j, args, "state", json_text(row->state));
    json_add(&p->j, args, "waits for", json_text(row->waiting_on));
    if (row->cpu_recorded != 0)
        json_add(&p->j, args, "CPU [ns]", json_number(thread_cpu_ns(row)));
    json_add(&p->j, args, "stack", json_strings(thread_stack(row)));
    return args;
}

/* From a dump to the next: what is between them nobody has seen. */
static void trace_slice(struct perfetto *p, const struct series_thread *t, uint32_t i) {
    struct strbuf where;
    strbuf_init(&where);
    thread_where(t->rows[i], &where);
    cJSON *event = event_of(p, "X", where.len ? strbuf_cstr(&where) : "(no stack)");
    json_add(&p->j, event, "cat", json_text(t->rows[i]->waiting_on ? "waits" : "thread"));
    json_add(&p->j, event, "tid", json_number(t->os_id));
    json_add(&p->j, event, "ts", microseconds(moment_of(p->s, i)));
    json_add(&p->j, event, "dur", microseconds(moment_of(p->s, i + 1) - moment_of(p->s, i)));
    event_put(p, event, slice_args(p, t->rows[i]));
    json_fail(&p->j, &where.err);
    strbuf_deinit(&where);
}

static void trace_thread(struct perfetto *p, const struct series_thread *t) {
    struct strbuf label;
    strbuf_init(&label);
    series_thread_label(p->s, t, &label);
    name_track(p, "thread_name", t->os_id, strbuf_cstr(&label));
    for (uint32_t i = 0; i < p->s->count; i++)
        if (t->rows[i])
            trace_slice(p, t, i);
    json_fail(&p->j, &label.err);
    strbuf_deinit(&label);
}

/* -- All --------------------------------------------------------------------------------------- */

/* What was found is known when the last dump was taken. */
static void trace_findings(struct perfetto *p, const struct findings *f) {
    for (uint32_t i = 0; i < f->count; i++) {
        const struct finding *finding = &f->items[i];
        if (finding->status != STATUS_HIT)
            continue;
        cJSON *event = event_of(p, "i", finding->rule->id), *args = cJSON_CreateObject();
        json_add(&p->j, event, "s", json_text("p"));
        json_add(&p->j, event, "ts", microseconds(moment_of(p->s, p->s->count - 1)));
        json_add(&p->j, args, "summary", json_text(finding->summary));
        json_add(&p->j, args, "next", json_text(finding->next));
        event_put(p, event, args);
    }
}

static void trace_moments(struct perfetto *p, const struct report_options *o) {
    for (uint32_t i = 0; i < p->s->count; i++) {
        cJSON *event = event_of(p, "i", o->names[i]);
        json_add(&p->j, event, "s", json_text("p"));
        json_add(&p->j, event, "ts", microseconds(moment_of(p->s, i)));
        event_put(p, event, cJSON_CreateObject());
    }
}

static bool perfetto(const struct series *s, const struct findings *f,
                     const struct report_options *o, struct strbuf *out, struct err *err) {
    const struct origin_row *origin = snapshot_origin(s->snapshots[s->count - 1]);
    struct perfetto p = {.s = s, .pid = origin->pid == ABSENT ? 0 : origin->pid};
    cJSON *other = cJSON_CreateObject();
    json_begin(&p.j, out);
    json_put(&p.j, "displayTimeUnit", json_text("ms"));
    json_add(&p.j, other, "exporter", json_text("dumpdiff"));
    json_add(&p.j, other, "time",
             json_text(times_known(s) || s->count == 1
                           ? "since the first dump"
                           : "not known: the dumps are shown one second apart"));
    json_put(&p.j, "otherData", other);
    json_array_begin(&p.j, "traceEvents");
    name_track(&p, "process_name", ABSENT, origin->process ? origin->process : "process");
    trace_moments(&p, o);
    trace_heap(&p);
    bool ok = trace_types(&p, o, err);
    trace_values(&p);
    for (uint32_t i = 0; i < s->thread_count; i++)
        trace_thread(&p, &s->threads[i]);
    trace_findings(&p, f);
    json_array_end(&p.j);
    json_end(&p.j);
    return ok && json_ok(&p.j, err);
}

extern const struct report report_perfetto;
const struct report report_perfetto = {
    .name = "perfetto",
    .summary = "memory and threads on a line of time, for ui.perfetto.dev and chrome://tracing",
    .show = perfetto,
    .diff = perfetto};
