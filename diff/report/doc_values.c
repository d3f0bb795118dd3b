/* Name and number pairs lined up: memory, handles, counters, the finalizer. */
#include "base/hash.h"
#include "diff/report/doc_parts.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/rows_process.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_MOST 5u

/* A table of pairs of one part. */
struct value_section {
    const char *heading, *count_title;
    bool plain; /* values are counts, not bytes */
    uint32_t group_count;
    enum series_group groups[GROUPS_MOST]; /* in this order; more than one get a column */
};

static enum part part_of(const struct value_section *section) {
    return series_group_desc(section->groups[0])->part;
}

struct values {
    const struct doc_context *c;
    const struct value_section *section;
    struct doc_shown shown;
    const struct series_value **rows; /* of the group being written, those that changed */
    uint32_t count, unchanged, cut, written;
    struct strmap units; /* of counters by name: enum number_kind */
};

enum number_kind { NUMBER_BYTES, NUMBER_COUNT, NUMBER_NS };

static bool value_changed(const struct series *s, const struct series_value *v) {
    for (uint32_t i = 1; i < s->count; i++)
        if (v->values[i] != v->values[0] || v->counts[i] != v->counts[0])
            return true;
    return false;
}

static uint64_t doc_values_growth(const uint64_t *values, uint32_t last) {
    if (values[0] == ABSENT && values[last] != ABSENT)
        return values[last]; /* it came */
    int64_t delta = fmt_delta(values[0], values[last]);
    return delta < 0 ? (uint64_t)0 - (uint64_t)delta : (uint64_t)delta;
}

static enum number_kind doc_values_kind_of(const struct values *v,
                                           const struct series_value *value);

/* What moved most, first; times are of another order than bytes and counts, so they come last. */
static int doc_values_cmp_values(const void *x, const void *y, void *context) {
    const struct series_value *a = *(const struct series_value *const *)x;
    const struct series_value *b = *(const struct series_value *const *)y;
    const struct values *v = context;
    uint32_t last = v->c->s->count - 1;
    bool time_a = doc_values_kind_of(v, a) == NUMBER_NS,
         time_b = doc_values_kind_of(v, b) == NUMBER_NS;
    if (time_a != time_b)
        return time_a - time_b;
    uint64_t in_a = doc_values_growth(a->values, last), in_b = doc_values_growth(b->values, last);
    if (in_a == in_b) {
        in_a = doc_values_growth(a->counts, last);
        in_b = doc_values_growth(b->counts, last);
    }
    if (in_a != in_b)
        return in_a > in_b ? -1 : 1;
    return strcmp(a->name, b->name);
}

static enum number_kind kind_of_unit(const char *unit) {
    return unit && strcmp(unit, "bytes") == 0 ? NUMBER_BYTES
           : unit && strcmp(unit, "ns") == 0  ? NUMBER_NS
                                              : NUMBER_COUNT;
}

static void find_units(struct values *v) {
    const struct series *s = v->c->s;
    for (uint32_t k = 0; k < s->count; k++) {
        SNAPSHOT_ROWS(s->snapshots[k], PART_COUNTERS, struct counter_row, rows, count);
        for (uint32_t i = 0; i < count; i++) {
            struct str name = str_of(rows[i].name);
            enum number_kind kind = kind_of_unit(rows[i].unit);
            if (kind != NUMBER_COUNT && strmap_get(&v->units, name, STR("")) == STRMAP_NONE &&
                !strmap_put(&v->units, name, STR(""), kind))
                doc_fail_nomem(v->c->d);
        }
    }
}

static enum number_kind doc_values_kind_of(const struct values *v,
                                           const struct series_value *value) {
    if (value->group != GROUP_COUNTERS)
        return v->section->plain ? NUMBER_COUNT : NUMBER_BYTES;
    uint32_t unit = strmap_get(&v->units, str_of(value->name), STR(""));
    return unit == STRMAP_NONE ? NUMBER_COUNT : (enum number_kind)unit;
}

static void number_cell(const struct doc_context *c, struct doc_table *t, uint64_t value,
                        enum number_kind kind) {
    if (kind == NUMBER_COUNT)
        doc_count(c->d, t, value);
    else if (kind == NUMBER_NS)
        doc_ns(c->d, t, value);
    else
        doc_bytes(c->d, t, value);
}

static void delta_cell(const struct doc_context *c, struct doc_table *t, const uint64_t *values,
                       enum number_kind kind) {
    char buf[FMT_MAX];
    uint32_t last = c->s->count - 1;
    if (values[0] == ABSENT || values[last] == ABSENT)
        doc_cell(c->d, t, DOC_PLAIN, "-");
    else if (kind == NUMBER_COUNT)
        doc_count_delta(c->d, t, fmt_delta(values[0], values[last]));
    else if (kind == NUMBER_NS)
        doc_cell(c->d, t, DOC_PLAIN, fmt_ns_change(values[0], values[last], buf));
    else
        doc_bytes_delta(c->d, t, fmt_delta(values[0], values[last]));
}

/* `group` NULL: the table has no column for it; "": said in a row above. */
static void value_row(const struct doc_context *c, struct doc_table *t,
                      const struct doc_shown *shown, const struct series_value *v,
                      const char *group, enum number_kind kind) {
    doc_row(c->d, t, DOC_PLAIN);
    if (group)
        doc_cell(c->d, t, DOC_PLAIN, group);
    doc_cell(c->d, t, DOC_PLAIN, *v->name ? v->name : "?");
    for (uint32_t i = 0; i < shown->count; i++)
        number_cell(c, t, v->values[shown->at[i]], kind);
    delta_cell(c, t, v->values, kind);
    for (uint32_t i = 0; i < shown->count; i++)
        doc_count(c->d, t, v->counts[shown->at[i]]);
    delta_cell(c, t, v->counts, NUMBER_COUNT);
    if (shown->trend) {
        doc_trend(c, t, v->values[0] == ABSENT ? v->counts : v->values);
        doc_cell(c->d, t, DOC_PLAIN, verdict_names[v->verdict]);
    }
}

#define VALUE_COLUMNS_MOST (2 * SHOWN_MOST + 8)

static struct doc_table *value_table(const struct doc_context *c, const struct doc_shown *shown,
                                     const char *count_title, bool groups) {
    struct doc_column columns[VALUE_COLUMNS_MOST];
    uint32_t n = 0;
    if (groups)
        columns[n++] = (struct doc_column){"by", false, CUT_NEVER};
    columns[n++] = (struct doc_column){"", false, CUT_MIDDLE};
    n = doc_shown_columns(shown, columns, n);
    columns[n++] = (struct doc_column){"+/-", true, CUT_NEVER};
    for (uint32_t i = 0; i < shown->count; i++)
        columns[n++] = (struct doc_column){i ? shown->titles[i] : count_title, true, CUT_NEVER};
    columns[n++] = (struct doc_column){"+/-", true, CUT_NEVER};
    if (shown->trend)
        columns[n++] = (struct doc_column){"trend", false, CUT_NEVER};
    if (shown->trend)
        columns[n++] = (struct doc_column){"verdict", false, CUT_NEVER};
    return doc_table(c->d, columns, n);
}

static void doc_values_collect(struct values *v, enum series_group group) {
    const struct series *s = v->c->s;
    struct series_values values = series_values(s, group);
    v->count = 0;
    for (uint32_t i = 0; i < values.count; i++) {
        const struct series_value *value = &values.items[i];
        if (v->c->o->all || value_changed(s, value))
            v->rows[v->count++] = value;
        else
            v->unchanged++;
    }
    qsort_r(v->rows, v->count, sizeof(*v->rows), doc_values_cmp_values, v);
}

static void doc_values_write_groups(struct values *v) {
    const struct value_section *section = v->section;
    uint32_t top = doc_top(v->c, ROWS_DEFAULT);
    struct doc_table *t =
        value_table(v->c, &v->shown, section->count_title, section->group_count > 1);
    for (uint32_t g = 0; g < section->group_count; g++) {
        const char *group =
            section->group_count > 1 ? series_group_desc(section->groups[g])->name : NULL;
        doc_values_collect(v, section->groups[g]);
        for (uint32_t i = 0; i < v->count && v->written < top; i++, v->written++)
            value_row(v->c, t, &v->shown, v->rows[i], group && i ? "" : group,
                      doc_values_kind_of(v, v->rows[i]));
        v->cut += v->count;
    }
    v->cut -= v->written;
    doc_prune(t);
}

/* A part that only some of the dumps have: nothing to be lined up. */
static bool is_partial(const struct doc_context *c, const struct value_section *section) {
    struct strbuf names;
    if (c->s->parts_all & PART_BIT(part_of(section)))
        return false;
    strbuf_init(&names);
    for (uint32_t i = 0; i < c->s->count; i++)
        if (snapshot_has(c->s->snapshots[i], part_of(section)))
            strbuf_addf(&names, "%s%s", names.len ? ", " : "", c->o->names[i]);
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "%s", section->heading);
    doc_text(c->d, DOC_ITEM, DOC_DIM, "only in %s", strbuf_cstr(&names));
    doc_fail(c->d, &names.err);
    strbuf_deinit(&names);
    return true;
}

/* Addresses tell something of one process only. */
static bool is_one_process(const struct series *s) {
    const struct origin_row *first = snapshot_origin(s->snapshots[0]);
    for (uint32_t i = 1; i < s->count; i++) {
        const struct origin_row *origin = snapshot_origin(s->snapshots[i]);
        if (origin->pid != first->pid || origin->process_start_ns != first->process_start_ns)
            return false;
    }
    return true;
}

static void value_section(const struct doc_context *c, const struct value_section *section) {
    struct values v = {.c = c, .section = section};
    if (section->groups[0] == GROUP_MEMORY_BASE &&
        !(is_one_process(c->s) && series_values(c->s, GROUP_MEMORY_BASE).count))
        return;
    if (!part_any(c, part_of(section)) || is_partial(c, section))
        return;
    strmap_init(&v.units);
    v.rows = calloc((size_t)c->s->value_count + 1, sizeof(*v.rows));
    if (!v.rows) {
        doc_fail_nomem(c->d);
        return;
    }
    if (part_of(section) == PART_COUNTERS)
        find_units(&v);
    doc_shown(c, &v.shown);
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "%s", section->heading);
    doc_values_write_groups(&v);
    if (v.cut)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%u more that changed]", v.cut);
    if (v.unchanged)
        doc_text(c->d, DOC_ITEM, DOC_DIM,
                 v.written ? "[%u more without a change]" : "[%u without a change]", v.unchanged);
    free(v.rows);
    strmap_deinit(&v.units);
}

void doc_diff_values(const struct doc_context *c) {
    static const struct value_section sections[] = {
        {"GC totals", "", false, 1, {GROUP_GC}},
        {"Live and garbage", "objects", false, 1, {GROUP_LIVE}},
        {"Async methods that wait", "objects", false, 1, {GROUP_ASYNC_METHOD}},
        {"Methods that are to be called", "objects", false, 1, {GROUP_CALLBACKS}},
        {"HTTP requests without an answer yet", "requests", false, 1, {GROUP_REQUESTS}},
        {"Work queued in the thread pool", "items", false, 1, {GROUP_WORK}},
        {"Exception objects by type", "objects", false, 1, {GROUP_EXCEPTION_TYPE}},
        {"Exceptions by where they were thrown", "objects", false, 1, {GROUP_EXCEPTION_THROWN}},
        {"GC regions", "regions", false, 1, {GROUP_REGIONS_KIND}},
        {"GC handles", "handles", false, 1, {GROUP_HANDLES_KIND}},
        {"Memory map",
         "regions",
         false,
         5,
         {GROUP_MEMORY_USAGE, GROUP_MEMORY_STATE, GROUP_MEMORY_TYPE, GROUP_MEMORY_PROTECT,
          GROUP_MEMORY_LARGEST}},
        {"Private memory by allocation", "regions", false, 1, {GROUP_MEMORY_BASE}},
        {"Native heaps", "heaps", false, 1, {GROUP_NATIVE_HEAPS}},
        {"Loader heaps", "heaps", false, 1, {GROUP_LOADER_KIND}},
        {"Modules", "modules", true, 1, {GROUP_MODULES}},
        {"Operating system handles", "handles", true, 1, {GROUP_OS_HANDLES_TYPE}},
        {"Counters", "", true, 1, {GROUP_COUNTERS}},
    };
    for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++)
        value_section(c, &sections[i]);
}

/* -- Finalizer --------------------------------------------------------------------------------- */

static void finalizer_values(const struct doc_context *c) {
    static const enum series_value_id ids[] = {VALUE_READY, VALUE_FINALIZABLE};
    struct doc_shown shown;
    doc_shown(c, &shown);
    struct doc_table *t = value_table(c, &shown, "", false);
    for (int i = 0; i < 2 + GEN_COUNT; i++) {
        const struct series_value *v =
            i < 2 ? series_value(c->s, ids[i])
                  : series_value_of_generation(c->s, GROUP_FINALIZER, i - 2);
        if (v)
            value_row(c, t, &shown, v, NULL, NUMBER_COUNT);
    }
    doc_prune(t);
}

static bool doc_values_same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void doc_values_finalizer_thread(const struct doc_context *c, const struct finalizer_row *f,
                                        const char *when) {
    if (f && f->thread_os_id != ABSENT)
        doc_text(c->d, DOC_ITEM, f->blocked == 1 ? DOC_BAD : DOC_PLAIN,
                 "%s: thread 0x%" PRIx64 "%s%s%s", when, f->thread_os_id,
                 f->running ? " runs " : "", f->running ? f->running : "",
                 f->blocked == 1 ? " and is blocked in it" : "");
}

void doc_diff_finalizer(const struct doc_context *c) {
    const struct finalizer_row *base = snapshot_row(series_base(c->s), PART_FINALIZER);
    const struct finalizer_row *last = snapshot_row(series_new(c->s), PART_FINALIZER);
    if (!part_any(c, PART_FINALIZER))
        return;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Finalizer");
    finalizer_values(c);
    if (base && last && base->thread_os_id == last->thread_os_id &&
        base->blocked == last->blocked && doc_values_same_text(base->running, last->running)) {
        doc_values_finalizer_thread(c, last, "in both");
        return;
    }
    doc_values_finalizer_thread(c, base, c->s->count > 2 ? "in the first" : "before");
    doc_values_finalizer_thread(c, last, c->s->count > 2 ? "in the last" : "now");
}
