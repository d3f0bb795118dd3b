#include "diff/report/csv.h"

#include "base/chars.h"
#include "diff/report/alloc_view.h"
#include "diff/report/answer_text.h"
#include "diff/report/fmt.h"
#include "diff/report/view.h"
#include "model/part_fields.h"
#include "model/snapshot.h"
#include "model/rows_threads.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* -- Fields ------------------------------------------------------------------------------------ */

/* A comma before each field but the first of a line. */
static void next_field(struct strbuf *out) {
    if (out->len && str_last(strbuf_str(out)) != '\n')
        strbuf_addc(out, ',');
}

static void end_line(struct strbuf *out) {
    strbuf_adds(out, "\r\n");
}

void csv_text(struct strbuf *out, const char *text) {
    if (!text)
        return;
    if (!strpbrk(text, ",\"\r\n")) {
        strbuf_adds(out, text);
        return;
    }
    strbuf_addc(out, '"');
    for (; *text; text++) {
        if (*text == '"')
            strbuf_addc(out, '"');
        strbuf_addc(out, *text);
    }
    strbuf_addc(out, '"');
}

/* "-12", "+0.5", "-1e+06": what a spreadsheet takes for a number is one. */
static bool csv_is_number(struct str cell) {
    size_t i = 1, digits = 0;
    for (; i < cell.len && (char_is_digit(cell.ptr[i]) || cell.ptr[i] == '.'); i++)
        digits += cell.ptr[i] != '.';
    if (digits && i + 1 < cell.len && cell.ptr[i] == 'e')
        for (i += 2; i < cell.len && char_is_digit(cell.ptr[i]); i++)
            continue;
    return digits && i == cell.len && strchr("+-", str_first(cell));
}

/* [bytes] of the cell that s begins with, quotes included. */
static size_t cell_length(struct str s) {
    bool quoted = false;
    size_t i = 0;
    for (; i < s.len && (quoted || !strchr(",\r\n", s.ptr[i])); i++)
        quoted ^= s.ptr[i] == '"';
    return i;
}

/* An apostrophe before cells that begin with = + - @ or a tab, but for numbers. */
static void csv_make_inert(struct strbuf *table) {
    struct strbuf out;
    struct str rest = strbuf_str(table);
    strbuf_init(&out);
    while (rest.len) {
        struct str cell = str_take(rest, cell_length(rest));
        size_t quote = str_first(cell) == '"';
        bool acts = cell.len > quote && strchr("=+-@\t", cell.ptr[quote]);
        strbuf_add(&out, str_take(cell, quote));
        if (acts && !csv_is_number(cell))
            strbuf_addc(&out, '\'');
        strbuf_add(&out, str_drop(cell, quote));
        /* And what stands between cells. */
        strbuf_add(&out, str_take(str_drop(rest, cell.len), cell.len < rest.len));
        rest = str_drop(rest, cell.len + (cell.len < rest.len));
    }
    strbuf_fail(&out, &table->err);
    strbuf_deinit(table);
    *table = out;
}

bool csv_finish(const struct report_options *o, struct strbuf *table, struct err *err) {
    if (!o->raw_csv)
        csv_make_inert(table);
    return strbuf_ok(table, err);
}

/* The first field of a line is never empty, so that next_field can tell where it is. */
static void text(struct strbuf *out, const char *value) {
    next_field(out);
    csv_text(out, value);
}

static void csv_number(struct strbuf *out, uint64_t value) {
    next_field(out);
    if (value != ABSENT)
        strbuf_addf(out, "%" PRIu64, value);
}

static void csv_delta(struct strbuf *out, int64_t value) {
    next_field(out);
    strbuf_addf(out, "%" PRId64, value);
}

static void csv_hex(struct strbuf *out, uint64_t value) {
    char buf[FMT_MAX];
    next_field(out);
    if (value != ABSENT)
        strbuf_adds(out, fmt_hex(value, buf));
}

/* -- Rows as they are -------------------------------------------------------------------------- */

static void header_field(struct strbuf *out, const struct field *field) {
    if (field->kind != FIELD_CELLS && field->kind != FIELD_GENS) {
        text(out, field->name);
        return;
    }
    for (int g = 0; g < GEN_COUNT; g++) {
        next_field(out);
        if (field->kind == FIELD_GENS)
            strbuf_addf(out, "%s_%s", field->name, generation_names[g]);
        else
            strbuf_addf(out, "%s_objects,%s_bytes", generation_names[g], generation_names[g]);
    }
}

static void csv_list(struct strbuf *out, const struct strings *strings) {
    struct strbuf joined;
    strbuf_init(&joined);
    for (uint32_t i = 0; i < strings->count; i++)
        strbuf_addf(&joined, "%s%s", i ? " < " : "", strings->items[i]);
    text(out, strbuf_cstr(&joined));
    strbuf_fail(out, &joined.err);
    strbuf_deinit(&joined);
}

static void row_field(struct strbuf *out, const struct field *field, const void *row) {
    const void *at = (const unsigned char *)row + field->offset;
    const uint64_t *value = at;
    const struct cell *cells = at;
    char buf[FMT_MAX];
    switch ((enum field_kind)field->kind) {
    case FIELD_STR:
        text(out, *(const char *const *)at);
        break;
    case FIELD_HEX:
        csv_hex(out, *value);
        break;
    case FIELD_TIME:
        text(out, *value == ABSENT ? "" : fmt_time(*value, buf));
        break;
    case FIELD_STRS:
        csv_list(out, at);
        break;
    case FIELD_GENS:
        for (int g = 0; g < GEN_COUNT; g++)
            csv_number(out, value[g]);
        break;
    case FIELD_CELLS:
        for (int g = 0; g < GEN_COUNT; g++) {
            csv_number(out, cells[g].objects);
            csv_number(out, cells[g].bytes);
        }
        break;
    case FIELD_U64:
    case FIELD_BYTES:
    case FIELD_NS:
    case FIELD_BOOL:
        csv_number(out, *value);
        break;
    }
}

/* All fields of a part; the row number first, so that rows without names can be told apart. */
static void show_part(const struct csv_table *table, const struct series *s,
                      const struct findings *f, const struct report_options *o,
                      struct strbuf *out) {
    const struct part_desc *desc = &part_descs[table->part];
    uint32_t count;
    const unsigned char *rows = snapshot_rows(s->snapshots[0], table->part, &count);
    (void)f;
    uint32_t top = view_top(o, TOP_ALL);
    strbuf_adds(out, "row");
    for (uint32_t i = 0; i < desc->field_count; i++)
        header_field(out, &desc->fields[i]);
    end_line(out);
    for (uint32_t r = 0; r < count && r < top; r++) {
        strbuf_addf(out, "%u", r + 1);
        for (uint32_t i = 0; i < desc->field_count; i++)
            row_field(out, &desc->fields[i], rows + (size_t)r * desc->row_size);
        end_line(out);
    }
}

/* -- Types ------------------------------------------------------------------------------------- */

static void show_types(const struct csv_table *table, const struct series *s,
                       const struct findings *f, const struct report_options *o,
                       struct strbuf *out) {
    struct type_view v;
    struct err err;
    (void)table, (void)f;
    if (!type_view_init(&v, s, o, view_top(o, TOP_ALL), false, &err)) {
        strbuf_fail(out, &err);
        return;
    }
    strbuf_adds(out, "name,module,objects,bytes,live_objects,live_bytes");
    for (int g = 0; g < GEN_COUNT; g++)
        strbuf_addf(out, ",%s_objects,%s_bytes", generation_names[g], generation_names[g]);
    end_line(out);
    for (uint32_t i = 0; i < v.count; i++) {
        const struct series_type *t = &s->types[v.rows[i]];
        text(out, t->name);
        text(out, t->module);
        csv_number(out, t->totals[0].objects);
        csv_number(out, t->totals[0].bytes);
        csv_number(out, t->live_objects[0]);
        csv_number(out, t->live_bytes[0]);
        for (int g = 0; g < GEN_COUNT; g++) {
            const struct cell *cell = &series_type_gens(t, 0)[g];
            bool known = s->generations_known || cell->objects || cell->bytes;
            csv_number(out, known ? cell->objects : ABSENT);
            csv_number(out, known ? cell->bytes : ABSENT);
        }
        end_line(out);
    }
    type_view_deinit(&v);
}

static void diff_types(const struct csv_table *table, const struct series *s,
                       const struct findings *f, const struct report_options *o,
                       struct strbuf *out) {
    struct type_view v;
    struct err err;
    (void)table, (void)f;
    if (!type_view_init(&v, s, o, view_top(o, TOP_ALL), false, &err)) {
        strbuf_fail(out, &err);
        return;
    }
    strbuf_adds(out, "name,module,verdict,objects_delta,bytes_delta");
    for (uint32_t k = 1; k <= s->count; k++)
        strbuf_addf(out, ",objects_%u,bytes_%u,live_objects_%u,live_bytes_%u", k, k, k, k);
    end_line(out);
    for (uint32_t i = 0; i < v.count; i++) {
        const struct series_type *t = &s->types[v.rows[i]];
        text(out, t->name);
        text(out, t->module);
        text(out, verdict_names[t->verdict]);
        csv_delta(out, t->objects_delta);
        csv_delta(out, t->bytes_delta);
        for (uint32_t k = 0; k < s->count; k++) {
            csv_number(out, t->totals[k].objects);
            csv_number(out, t->totals[k].bytes);
            csv_number(out, t->live_objects[k]);
            csv_number(out, t->live_bytes[k]);
        }
        end_line(out);
    }
    type_view_deinit(&v);
}

/* -- Threads, findings, stacks ----------------------------------------------------------------- */

static void diff_threads(const struct csv_table *table, const struct series *s,
                         const struct findings *f, const struct report_options *o,
                         struct strbuf *out) {
    (void)table, (void)f;
    uint32_t top = view_top(o, TOP_ALL);
    strbuf_adds(out, "state,os_id,name,evidence,cpu_delta_ns,user_delta_ns,kernel_delta_ns,"
                     "switches_delta,same_stack,elapsed_ns\r\n");
    for (uint32_t i = 0; i < s->thread_count && i < top; i++) {
        const struct series_thread *t = &s->threads[i];
        text(out, thread_state_names[t->state]);
        csv_number(out, t->os_id);
        text(out, t->name);
        text(out, thread_evidence_names[t->evidence]);
        csv_number(out, t->cpu_delta_ns);
        csv_number(out, t->user_delta_ns);
        csv_number(out, t->kernel_delta_ns);
        csv_number(out, t->switches_delta);
        csv_number(out, t->same_stack);
        csv_number(out, series_thread_row(s, t)->elapsed_ns);
        end_line(out);
    }
}

static void findings(const struct csv_table *table, const struct series *s,
                     const struct findings *f, const struct report_options *o, struct strbuf *out) {
    (void)table, (void)s, (void)o;
    strbuf_adds(out, "rule,status,severity,subject,summary,next\r\n");
    for (uint32_t i = 0; i < f->count; i++) {
        const struct finding *finding = &f->items[i];
        text(out, finding->rule->id);
        text(out, finding_status_names[finding->status]);
        text(out, finding->status == STATUS_HIT ? severity_names[finding->severity] : "");
        text(out, finding->subject);
        text(out, finding->summary);
        text(out, finding->next);
        end_line(out);
    }
}

/* -- Outstanding allocations ------------------------------------------------------------------- */

static enum alloc_kind alloc_kind_of(const struct csv_table *table) {
    int kind = 0;
    while (kind + 1 < ALLOC_KINDS && strcmp(alloc_kind_names[kind], table->name) != 0)
        kind++;
    return (enum alloc_kind)kind;
}

static void csv_file_cell(struct strbuf *out, const struct cell *cells, uint32_t k) {
    csv_number(out, cells ? cells[k].objects : ABSENT);
    csv_number(out, cells ? cells[k].bytes : ABSENT);
}

static void figure_names(const struct series *s, const char *name, uint32_t k, struct strbuf *out) {
    char end[16] = "";
    if (s->count > 1)
        snprintf(end, sizeof(end), "_%u", k + 1);
    strbuf_addf(out, ",%scount%s,%sbytes%s", name, end, name, end);
}

/* What was ever allocated stands behind what is told in every case. */
static void stack_header(const struct series *s, struct strbuf *out) {
    strbuf_adds(out, s->count > 1 ? "verdict,module,count_delta,bytes_delta" : "row,frames,module");
    for (uint32_t k = 0; k < s->count; k++)
        figure_names(s, "", k, out);
    strbuf_adds(out, s->count > 1 ? ",frames" : "");
    for (uint32_t k = 0; k < s->count; k++)
        figure_names(s, "total_", k, out);
    strbuf_adds(out, ",size_each,peak_bytes,oldest_ns,temporary_count");
    end_line(out);
}

static void stack_row(const struct series *s, uint32_t shown, const struct alloc_line *line,
                      struct strbuf *out) {
    const struct series_stack *stack = line->stack;
    if (s->count > 1) {
        text(out, verdict_names[line->verdict]);
    } else {
        csv_number(out, shown);
        csv_list(out, &stack->frames);
    }
    text(out, stack->module);
    if (s->count > 1) {
        csv_delta(out, line->count_delta);
        csv_delta(out, line->bytes_delta);
    }
    for (uint32_t k = 0; k < s->count; k++)
        csv_file_cell(out, line->self, k);
    if (s->count > 1)
        csv_list(out, &stack->frames);
    for (uint32_t k = 0; k < s->count; k++)
        csv_file_cell(out, line->ever, k);
    csv_number(out, stack->size_each);
    csv_number(out, stack->peak_bytes);
    csv_number(out, stack->oldest_ns);
    csv_number(out, stack->temporary_count);
    end_line(out);
}

static void alloc_header(const struct series *s, enum alloc_kind kind, struct strbuf *out) {
    bool cum = kind != ALLOC_SIZES;
    strbuf_adds(out, cum ? "name" : "size_each");
    if (s->count > 1)
        strbuf_addf(out, ",verdict,count_delta,bytes_delta%s",
                    cum ? ",cum_count_delta,cum_bytes_delta" : "");
    for (uint32_t k = 0; k < s->count; k++) {
        figure_names(s, "", k, out);
        if (cum)
            figure_names(s, "cum_", k, out);
        figure_names(s, "total_", k, out);
    }
    end_line(out);
}

static void alloc_row(const struct series *s, enum alloc_kind kind, const struct alloc_line *line,
                      struct strbuf *out) {
    bool cum = kind != ALLOC_SIZES;
    if (cum)
        text(out, line->name);
    else if (line->size_each == ABSENT)
        strbuf_adds(out, "not told");
    else
        csv_number(out, line->size_each);
    if (s->count > 1) {
        text(out, verdict_names[line->verdict]);
        csv_delta(out, line->count_delta);
        csv_delta(out, line->bytes_delta);
    }
    if (s->count > 1 && cum) {
        csv_delta(out, line->cum_count_delta);
        csv_delta(out, line->cum_bytes_delta);
    }
    for (uint32_t k = 0; k < s->count; k++) {
        csv_file_cell(out, line->self, k);
        if (cum)
            csv_file_cell(out, line->cum, k);
        csv_file_cell(out, line->ever, k);
    }
    end_line(out);
}

/* Of one dump as of several. */
static void csv_allocations(const struct csv_table *table, const struct series *s,
                            const struct findings *f, const struct report_options *o,
                            struct strbuf *out) {
    enum alloc_kind kind = alloc_kind_of(table);
    struct alloc_view v;
    struct err err;
    (void)f;
    if (kind == ALLOC_STACKS)
        stack_header(s, out);
    else
        alloc_header(s, kind, out);
    if (!alloc_known(s, kind))
        return;
    if (!alloc_view_init(&v, s, kind, o, view_top(o, TOP_ALL), &err)) {
        strbuf_fail(out, &err);
        return;
    }
    for (uint32_t i = 0; i < v.count; i++) {
        struct alloc_line line = alloc_line(s, kind, v.rows[i]);
        if (line.stack)
            stack_row(s, i + 1, &line, out);
        else
            alloc_row(s, kind, &line, out);
    }
    alloc_view_deinit(&v);
}

/* Name and number pairs of a part, all groups. */
static void diff_values(const struct csv_table *table, const struct series *s,
                        const struct findings *f, const struct report_options *o,
                        struct strbuf *out) {
    (void)f, (void)o;
    strbuf_adds(out, "group,name,verdict");
    for (uint32_t k = 1; k <= s->count; k++)
        strbuf_addf(out, ",value_%u,count_%u", k, k);
    end_line(out);
    for (uint32_t i = 0; i < s->value_count; i++) {
        const struct series_value *v = &s->values[i];
        const struct series_group_desc *group = series_group_desc(v->group);
        if (group->part != table->part)
            continue;
        text(out, group->name);
        text(out, v->name);
        text(out, verdict_names[v->verdict]);
        for (uint32_t k = 0; k < s->count; k++) {
            csv_number(out, v->values[k]);
            csv_number(out, v->counts[k]);
        }
        end_line(out);
    }
}

/* -- Answers ----------------------------------------------------------------------------------- */

/* QUESTION_COUNT: the table is no answer. */
static enum question_kind csv_kind_of(const struct csv_table *table) {
    int kind = 0;
    while (kind < QUESTION_COUNT && strcmp(answer_names[kind], table->name) != 0)
        kind++;
    return (enum question_kind)kind;
}

static void show_answer(const struct csv_table *table, const struct series *s,
                        const struct findings *f, const struct report_options *o,
                        struct strbuf *out) {
    (void)s, (void)f;
    csv_answer(o->answers, csv_kind_of(table), out);
}

/* -- Tables ------------------------------------------------------------------------------------ */

const struct csv_table csv_tables[] = {
    {"types", "objects and bytes by type", PART_TYPES, show_types, diff_types},
    {"findings", "what the rules found, and which could not be applied", 0, findings, findings},
    {"threads", "threads with their times and states", PART_THREADS, show_part, diff_threads},
    {"heaps", "GC heaps by generation", PART_HEAPS, show_part, diff_values},
    {"regions", "regions or segments of the GC heap (diff: by kind)", PART_REGIONS, show_part,
     diff_values},
    {"gc", "totals as the GC says them", PART_GC, show_part, diff_values},
    {"finalizer", "finalization queue and thread", PART_FINALIZER, show_part, diff_values},
    {"finalizable", "finalization queue by type (show)", PART_FINALIZABLE, show_part, NULL},
    {"locks", "monitors with owners and waiters (show)", PART_LOCKS, show_part, NULL},
    {"handles", "GC handles by kind and type (diff: by kind)", PART_HANDLES, show_part,
     diff_values},
    {"memory_map", "memory of the process by usage, state, type and protection", PART_MEMORY_MAP,
     show_part, diff_values},
    {"modules", "loaded files (diff: their number)", PART_MODULES, show_part, diff_values},
    {"stacks", "allocation stacks", PART_STACKS, csv_allocations, csv_allocations},
    {"functions", "outstanding allocations by function", 0, csv_allocations, csv_allocations},
    {"allocation_modules", "outstanding allocations by module", 0, csv_allocations,
     csv_allocations},
    {"allocation_sizes", "outstanding allocations by size", 0, csv_allocations, csv_allocations},
    {"counters", "single numbers", PART_COUNTERS, show_part, diff_values},
    {"loader", "loader heaps", PART_LOADER, show_part, diff_values},
    {"free_blocks", "large free blocks of the GC heap (show)", PART_FREE_BLOCKS, show_part, NULL},
    {"native_heaps", "native heaps", PART_NATIVE_HEAPS, show_part, diff_values},
    {"os_handles", "operating system handles by type", PART_OS_HANDLES, show_part, diff_values},
    {"live", "live objects and garbage", PART_LIVE, show_part, diff_values},
    {"paths", "tree of what holds objects (show)", PART_PATHS, show_part, NULL},
    {"async", "async methods that wait, by method and await ", PART_ASYNC, show_part, diff_values},
    {"callbacks", "methods that events, timers, tokens and semaphores will call", PART_CALLBACKS,
     show_part, diff_values},
    {"exceptions", "exception objects by type, class of messages and where they were thrown",
     PART_EXCEPTIONS, show_part, diff_values},
    {"requests", "HTTP requests that are answered or were made, and have no answer yet",
     PART_REQUESTS, show_part, diff_values},
    {"queued_work", "what waits for a worker of the thread pool", PART_WORK, show_part,
     diff_values},
    {"waits", "what threads wait for beside locks, and what that waits for (show)", PART_WAITS,
     show_part, NULL},
    {"allocations", "allocations by function, module or size as the source sums them (show)",
     PART_ALLOCATIONS, show_part, NULL},
    {"type_paths", "answer to --path (show)", 0, show_answer, NULL},
    {"type_holders", "answer to --holders (show)", 0, show_answer, NULL},
    {"retained", "answer to --retained (show)", 0, show_answer, NULL},
    {"duplicates", "answer to --duplicates (show)", 0, show_answer, NULL},
    {"values", "answer to --values (show)", 0, show_answer, NULL},
    {NULL, NULL, 0, NULL, NULL},
};

const struct csv_table *csv_table_find(const char *name) {
    for (size_t i = 0; csv_tables[i].name; i++)
        if (strcmp(csv_tables[i].name, name) == 0)
            return &csv_tables[i];
    return NULL;
}

/* The table asked for; else the first answer, else types. */
static const struct csv_table *csv_wanted(const struct report_options *o, struct err *err) {
    const char *name = "types";
    for (int kind = QUESTION_COUNT; o->answers && kind-- > 0;)
        name = o->answers->answered[kind] ? answer_names[kind] : name;
    if (o->table)
        name = o->table;
    const struct csv_table *table = csv_table_find(name);
    if (!table)
        err_set(err, ERR_USAGE, "--table: no table is called '%s' (see `dumpdiff list tables`)",
                name);
    return table;
}

static bool csv_show(const struct series *s, const struct findings *f,
                     const struct report_options *o, struct strbuf *out, struct err *err) {
    const struct csv_table *table = csv_wanted(o, err);
    if (!table)
        return false;
    enum question_kind kind = csv_kind_of(table);
    if (kind < QUESTION_COUNT && !(o->answers && o->answers->answered[kind]))
        return err_set(err, ERR_USAGE, "--table: %s is the answer to --%s, which was not asked",
                       table->name, question_names[kind]);
    table->show(table, s, f, o, out);
    return csv_finish(o, out, err);
}

static bool csv_diff(const struct series *s, const struct findings *f,
                     const struct report_options *o, struct strbuf *out, struct err *err) {
    const struct csv_table *table = csv_wanted(o, err);
    if (!table)
        return false;
    if (!table->diff)
        return err_set(err, ERR_USAGE, "--table: %s is a table of single dumps (`dumpdiff show`)",
                       table->name);
    table->diff(table, s, f, o, out);
    return csv_finish(o, out, err);
}

const struct report report_csv = {
    "csv", "for spreadsheets: one table, chosen by --table", csv_show, csv_diff, false, 0};
