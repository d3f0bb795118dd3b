/* Outstanding allocations in JSON: of one dump plain numbers, of a series one a dump. */
#include "diff/report/alloc_view.h"
#include "diff/report/fmt.h"
#include "diff/report/json_parts.h"

/* A figure of all snapshots; cells NULL: no snapshot tells. */
static cJSON *json_allocations_figure(const struct series *s, const struct cell *cells,
                                      bool bytes) {
    if (s->count == 1)
        return json_number(!cells ? ABSENT : bytes ? cells[0].bytes : cells[0].objects);
    struct json j = {.out = NULL};
    cJSON *list = cells ? cJSON_CreateArray() : cJSON_CreateNull();
    for (uint32_t i = 0; cells && i < s->count; i++)
        json_append(&j, list, json_number(bytes ? cells[i].bytes : cells[i].objects));
    bool ok = j.err.code == ERR_NONE;
    if (!ok)
        cJSON_Delete(list);
    return ok ? list : NULL;
}

/* What two snapshots tell can be subtracted. */
static cJSON *json_allocations_delta(const struct series *s, const struct cell *cells, bool bytes) {
    uint32_t last = s->count - 1;
    uint64_t first = bytes ? cells[0].bytes : cells[0].objects;
    uint64_t now = bytes ? cells[last].bytes : cells[last].objects;
    return first == ABSENT || now == ABSENT ? cJSON_CreateNull()
                                            : json_delta(fmt_delta(first, now));
}

static void figures(struct json *j, cJSON *object, const struct series *s,
                    const struct cell *cells) {
    json_add(j, object, "count", json_allocations_figure(s, cells, false));
    json_add(j, object, "bytes", json_allocations_figure(s, cells, true));
    if (s->count == 1)
        return;
    json_add(j, object, "count_delta", json_allocations_delta(s, cells, false));
    json_add(j, object, "bytes_delta", json_allocations_delta(s, cells, true));
}

static void json_allocations_head(struct json *j, cJSON *object, enum alloc_kind kind,
                                  const struct alloc_line *line) {
    if (kind == ALLOC_SIZES) {
        json_add(j, object, "size_each", json_number(line->size_each));
    } else if (kind != ALLOC_STACKS) {
        json_add(j, object, "name", json_text(line->name));
    } else {
        json_add(j, object, "frames", json_strings(&line->stack->frames));
        json_add(j, object, "module", json_text(line->stack->module));
    }
}

/* By the lines of the source; null where no snapshot says any. */
static cJSON *json_allocations_lines(struct json *j, const struct series *s,
                                     const struct series_stack *stack) {
    if (!stack->line_count)
        return cJSON_CreateNull();
    cJSON *list = cJSON_CreateArray();
    for (uint32_t i = 0; i < stack->line_count; i++) {
        const struct series_lines *lines = &stack->lines[i];
        cJSON *object = cJSON_CreateObject(), *places = cJSON_CreateArray();
        for (uint32_t k = 0; k < stack->frames.count; k++)
            json_append(j, places,
                        json_text(k < lines->places.count && *lines->places.items[k]
                                      ? lines->places.items[k]
                                      : NULL));
        json_add(j, object, "places", places);
        figures(j, object, s, lines->totals);
        json_append(j, list, object);
    }
    return list;
}

static cJSON *json_allocations_row(struct json *j, const struct series *s, enum alloc_kind kind,
                                   const struct alloc_line *line, const struct report_options *o) {
    cJSON *object = cJSON_CreateObject();
    json_allocations_head(j, object, kind, line);
    figures(j, object, s, line->self);
    if (line->cum) {
        json_add(j, object, "cum_count", json_allocations_figure(s, line->cum, false));
        json_add(j, object, "cum_bytes", json_allocations_figure(s, line->cum, true));
        if (s->count > 1) {
            json_add(j, object, "cum_count_delta", json_allocations_delta(s, line->cum, false));
            json_add(j, object, "cum_bytes_delta", json_allocations_delta(s, line->cum, true));
        }
    }
    json_add(j, object, "total_count", json_allocations_figure(s, line->ever, false));
    json_add(j, object, "total_bytes", json_allocations_figure(s, line->ever, true));
    if (line->stack) {
        json_add(j, object, "size_each", json_number(line->size_each));
        json_add(j, object, "peak_bytes", json_number(line->stack->peak_bytes));
        json_add(j, object, "oldest_ns", json_number(line->stack->oldest_ns));
        json_add(j, object, "temporary_count", json_number(line->stack->temporary_count));
        json_add(j, object, "lines", json_allocations_lines(j, s, line->stack));
    }
    if (s->count > 1)
        json_add(j, object, "verdict", json_text(verdict_names[line->verdict]));
    if (s->count > 1 && o->per > 0)
        json_add(j, object, "bytes_per_n", cJSON_CreateNumber((double)line->bytes_delta / o->per));
    return object;
}

static const char *const other_names[ALLOC_KINDS] = {
    [ALLOC_STACKS] = "other_stacks",
    [ALLOC_FUNCTIONS] = "other_functions",
    [ALLOC_MODULES] = "other_allocation_modules",
    [ALLOC_SIZES] = "other_allocation_sizes",
};

static bool json_allocations_list(struct json *j, const struct series *s, enum alloc_kind kind,
                                  const struct report_options *o, struct err *err) {
    struct alloc_view v;
    if (!alloc_known(s, kind)) {
        json_put(j, alloc_kind_names[kind], cJSON_CreateNull());
        return true;
    }
    if (!alloc_view_init(&v, s, kind, o, view_top(o, TOP_ALL), err))
        return false;
    json_array_begin(j, alloc_kind_names[kind]);
    for (uint32_t i = 0; i < v.count; i++) {
        struct alloc_line line = alloc_line(s, kind, v.rows[i]);
        json_array_put(j, json_allocations_row(j, s, kind, &line, o));
    }
    json_array_end(j);
    if (v.other_rows || v.not_listed) {
        cJSON *others = cJSON_CreateObject();
        json_add(j, others, "rows", json_number(v.other_rows));
        json_add(j, others, "unchanged", json_number(v.unchanged));
        json_add(j, others, "not_listed", cJSON_CreateBool(v.not_listed));
        figures(j, others, s, v.others);
        json_put(j, other_names[kind], others);
    }
    alloc_view_deinit(&v);
    return true;
}

bool json_allocations(struct json *j, const struct series *s, const struct report_options *o,
                      struct err *err) {
    cJSON *total = s->allocated ? cJSON_CreateObject() : cJSON_CreateNull();
    if (s->allocated) {
        figures(j, total, s, s->allocated);
        json_add(j, total, "estimated", cJSON_CreateBool(s->allocated_is_sampled));
    }
    json_put(j, "outstanding", total);
    for (int kind = 0; kind < ALLOC_KINDS; kind++)
        if (!json_allocations_list(j, s, (enum alloc_kind)kind, o, err))
            return false;
    return true;
}
