/* The report on one dump. */
#include "diff/report/doc_parts.h"
#include "diff/names/names.h"
#include "diff/names/runtimes.h"

#include "base/num.h"
#include "base/search.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* -- Head -------------------------------------------------------------------------------------- */

static void fact(struct strbuf *out, const char *fmt, const char *value) {
    if (!value || !*value)
        return;
    strbuf_adds(out, out->len ? ", " : "");
    strbuf_addf(out, fmt, value); /* NOLINT: all callers pass literals */
}

void doc_show_head(const struct doc_context *c) {
    const struct snapshot *s = c->s->snapshots[0];
    const struct origin_row *origin = snapshot_origin(s);
    const struct gc_row *gc = snapshot_row(s, PART_GC);
    struct strbuf facts;
    char number[FMT_MAX];
    strbuf_init(&facts);
    fact(&facts, "%s", origin->process);
    if (origin->pid != ABSENT)
        strbuf_addf(&facts, "%spid %" PRIu64, facts.len ? ", " : "", origin->pid);
    fact(&facts, "%s", origin->runtime);
    fact(&facts, "%s", origin->arch);
    fact(&facts, "%s GC", origin->gc_mode);
    if (origin->heap_count != ABSENT && origin->heap_count > 1)
        strbuf_addf(&facts, ", %" PRIu64 " heaps", origin->heap_count);
    if (gc && gc->regions != ABSENT)
        fact(&facts, "%s", gc->regions ? "regions" : "segments");
    if (origin->captured_at_ns != ABSENT)
        fact(&facts, "taken %s", fmt_second(origin->captured_at_ns, number));
    doc_text(c->d, DOC_TITLE, DOC_PLAIN, "%s", c->o->names[0]);
    if (facts.len)
        doc_text(c->d, DOC_PARA, DOC_PLAIN, "%s", strbuf_cstr(&facts));
    enum trust_grade trust = snapshot_trust(s);
    uint32_t reasons = 0;
    SNAPSHOT_ROWS(s, PART_REASONS, struct reason_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        reasons += rows[i].lowers_trust == 1;
    if (trust == TRUST_EXACT)
        doc_text(c->d, DOC_PARA, DOC_PLAIN, "Read from %s; trust: exact",
                 origin->format ? origin->format : "?");
    else
        doc_text(c->d, DOC_PARA, DOC_BAD, "Read from %s; trust: %s, for %u reason%s (see the end)",
                 origin->format ? origin->format : "?", trust_names[trust], reasons,
                 reasons == 1 ? "" : "s");
    doc_fail(c->d, &facts.err);
    strbuf_deinit(&facts);
}

/* -- Types ------------------------------------------------------------------------------------- */

static void type_rows(const struct doc_context *c, const struct type_view *v) {
    static const struct doc_column columns[] = {
        {"objects", true, CUT_NEVER},    {"bytes", true, CUT_NEVER},
        {"share", true, CUT_NEVER},      {"live objects", true, CUT_NEVER},
        {"live bytes", true, CUT_NEVER}, {"gen2+", true, CUT_NEVER},
        {"type", false, CUT_TYPE},
    };
    char buf[FMT_MAX];
    struct doc_table *t = doc_table(c->d, columns, 7);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct series_type *type = &c->s->types[v->rows[i]];
        const struct cell *gens = series_type_gens(type, 0);
        uint64_t old =
            num_add(gens[GEN_2].bytes, num_add(gens[GEN_LOH].bytes, gens[GEN_POH].bytes));
        doc_row(c->d, t, DOC_PLAIN);
        doc_row_mark(t, MARK_TYPE, v->rows[i]);
        doc_count(c->d, t, type->totals[0].objects);
        doc_bytes(c->d, t, type->totals[0].bytes);
        doc_cell(c->d, t, DOC_PLAIN,
                 fmt_percent(type->totals[0].bytes, v->all.total[0].bytes, buf));
        doc_count(c->d, t, type->live_objects[0]);
        doc_bytes(c->d, t, type->live_bytes[0]);
        doc_bytes(c->d, t, c->s->generations_known ? old : ABSENT);
        doc_cell(c->d, t, name_is_framework(type->name) ? DOC_PLAIN : DOC_STRONG, type->name);
    }
    if (v->other_types) {
        doc_row(c->d, t, DOC_DIM);
        doc_row_is(t, ROW_OTHERS);
        doc_table_others(t, v->other_types);
        doc_count(c->d, t, v->all.others[0].objects);
        doc_bytes(c->d, t, v->all.others[0].bytes);
        doc_cell(c->d, t, DOC_PLAIN,
                 fmt_percent(v->all.others[0].bytes, v->all.total[0].bytes, buf));
        for (int i = 0; i < 3; i++)
            doc_cell(c->d, t, DOC_PLAIN, NULL);
        doc_cellf(c->d, t, DOC_PLAIN, "[%s others]", fmt_count(v->other_types, buf));
    }
    doc_row(c->d, t, DOC_STRONG);
    doc_row_is(t, ROW_TOTAL);
    doc_count(c->d, t, v->all.total[0].objects);
    doc_bytes(c->d, t, v->all.total[0].bytes);
    for (int i = 0; i < 4; i++)
        doc_cell(c->d, t, DOC_PLAIN, NULL);
    doc_cell(c->d, t, DOC_PLAIN, "total");
    doc_prune(t);
}

/* Large objects: the ones that fragment, and that a single request makes. */
static void large_objects(const struct doc_context *c) {
    static const struct doc_column columns[] = {
        {"objects", true, CUT_NEVER}, {"bytes", true, CUT_NEVER}, {"type", false, CUT_TYPE}};
    uint32_t top = doc_top(c, ROWS_SECONDARY), count = 0;
    struct report_options by_loh = *c->o;
    struct type_view v;
    struct err err;
    if (!c->s->sums[0].gens[GEN_LOH].bytes)
        return;
    by_loh.sort = SORT_LOH;
    if (!type_view_init(&v, c->s, &by_loh, top, false, &err)) {
        doc_fail(c->d, &err);
        return;
    }
    struct doc_table *t = NULL;
    for (uint32_t i = 0; i < v.count; i++) {
        const struct series_type *type = &c->s->types[v.rows[i]];
        const struct cell *loh = &series_type_gens(type, 0)[GEN_LOH];
        if (!loh->bytes)
            continue;
        if (count++ == 0) {
            doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Large object heap by type");
            t = doc_table(c->d, columns, 3);
        }
        doc_row(c->d, t, DOC_PLAIN);
        doc_count(c->d, t, loh->objects);
        doc_bytes(c->d, t, loh->bytes);
        doc_cell(c->d, t, DOC_PLAIN, type->name);
    }
    type_view_deinit(&v);
}

/* Types of one dump are in the order of their names. */
static uint32_t first_of_name(const struct series *s, const char *name) {
    uint32_t low;
    SEARCH_LEADING(low, s->type_count, middle, strcmp(s->types[middle].name, name) < 0);
    return low;
}

static void known_type_rows(const struct doc_context *c, const struct known_type *known,
                            struct doc_table **table) {
    static const struct doc_column columns[] = {{"objects", true, CUT_NEVER},
                                                {"bytes", true, CUT_NEVER},
                                                {"what", false, CUT_NEVER},
                                                {"type", false, CUT_TYPE}};
    uint32_t at = first_of_name(c->s, known->type.ptr);
    for (; at < c->s->type_count && strcmp(c->s->types[at].name, known->type.ptr) == 0; at++) {
        if (!*table) {
            doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Web: cache, sessions, requests");
            *table = doc_table(c->d, columns, 4);
        }
        doc_row(c->d, *table, DOC_PLAIN);
        doc_count(c->d, *table, c->s->types[at].totals[0].objects);
        doc_bytes(c->d, *table, c->s->types[at].totals[0].bytes);
        doc_cell(c->d, *table, DOC_PLAIN, known->shown);
        doc_cell(c->d, *table, DOC_PLAIN, known->type.ptr);
    }
}

/* What web applications keep between requests: the first question of an operator. */
static void web_state(const struct doc_context *c) {
    struct doc_table *t = NULL;
    for (size_t i = 0; runtime_table[i]; i++) {
        const struct known_type *known = runtime_table[i]->known_types;
        for (; known && known->type.len; known++)
            if (known->shown)
                known_type_rows(c, known, &t);
    }
}

void doc_show_types(const struct doc_context *c) {
    struct type_view v;
    struct err err;
    if (!part_any(c, PART_TYPES))
        return;
    if (!type_view_init(&v, c->s, c->o, doc_top(c, ROWS_DEFAULT), false, &err)) {
        doc_fail(c->d, &err);
        return;
    }
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Types");
    if (v.filtered)
        doc_text(c->d, DOC_PARA, DOC_DIM, "%u type%s left out by options %s in [others].",
                 v.filtered, plural(v.filtered), v.filtered == 1 ? "is" : "are");
    type_rows(c, &v);
    type_view_deinit(&v);
    large_objects(c);
    web_state(c);
}

/* -- Finalizer --------------------------------------------------------------------------------- */

static int cmp_finalizable(const void *x, const void *y) {
    const struct finalizable_row *a = *(const struct finalizable_row *const *)x;
    const struct finalizable_row *b = *(const struct finalizable_row *const *)y;
    uint64_t ready_a = a->ready == ABSENT ? 0 : a->ready,
             ready_b = b->ready == ABSENT ? 0 : b->ready;
    if (ready_a != ready_b)
        return ready_a > ready_b ? -1 : 1;
    if (a->objects != b->objects)
        return a->objects > b->objects ? -1 : 1;
    return strcmp(a->type ? a->type : "", b->type ? b->type : "");
}

static void finalizable_types(const struct doc_context *c) {
    static const struct doc_column columns[] = {{"finalizable", true, CUT_NEVER},
                                                {"ready", true, CUT_NEVER},
                                                {"bytes", true, CUT_NEVER},
                                                {"type", false, CUT_TYPE}};
    SNAPSHOT_ROWS(c->s->snapshots[0], PART_FINALIZABLE, struct finalizable_row, rows, count);
    if (!count)
        return;
    const struct finalizable_row **order = calloc(count, sizeof(*order));
    if (!order) {
        doc_fail_nomem(c->d);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        order[i] = &rows[i];
    qsort(order, count, sizeof(*order), cmp_finalizable);
    uint32_t top = doc_top(c, ROWS_SECONDARY), shown = count < top ? count : top;
    struct doc_table *t = doc_table(c->d, columns, 4);
    uint64_t others = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i >= shown) {
            others = num_add(others, order[i]->objects == ABSENT ? 0 : order[i]->objects);
            continue;
        }
        doc_row(c->d, t, DOC_PLAIN);
        doc_count(c->d, t, order[i]->objects);
        doc_count(c->d, t, order[i]->ready);
        doc_bytes(c->d, t, order[i]->bytes);
        doc_cell(c->d, t, DOC_PLAIN, order[i]->type);
    }
    if (shown < count) {
        doc_row(c->d, t, DOC_DIM);
        doc_count(c->d, t, others);
        doc_cell(c->d, t, DOC_PLAIN, NULL);
        doc_cell(c->d, t, DOC_PLAIN, NULL);
        doc_cellf(c->d, t, DOC_PLAIN, "[%u other%s]", count - shown, plural(count - shown));
    }
    doc_prune(t);
    free(order);
}

void doc_show_finalizer(const struct doc_context *c) {
    const struct finalizer_row *f = snapshot_row(c->s->snapshots[0], PART_FINALIZER);
    char number[FMT_MAX];
    if (!f && !part_any(c, PART_FINALIZABLE))
        return;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Finalizer");
    if (f) {
        struct strbuf line;
        strbuf_init(&line);
        for (int g = 0; g < GEN_COUNT; g++)
            if (f->finalizable[g] != ABSENT)
                strbuf_addf(&line, "%s%s %s", line.len ? ", " : "", generation_names[g],
                            fmt_count(f->finalizable[g], number));
        if (f->ready != ABSENT)
            doc_text(c->d, DOC_ITEM, f->ready ? DOC_STRONG : DOC_PLAIN,
                     "ready for finalization: %s", fmt_count(f->ready, number));
        if (line.len)
            doc_text(c->d, DOC_ITEM, DOC_PLAIN, "finalizable: %s", strbuf_cstr(&line));
        doc_fail(c->d, &line.err);
        strbuf_deinit(&line);
        if (f->thread_os_id != ABSENT)
            doc_text(c->d, DOC_ITEM, f->blocked == 1 ? DOC_BAD : DOC_PLAIN,
                     "thread 0x%" PRIx64 "%s%s%s", f->thread_os_id, f->running ? " runs " : "",
                     f->running ? f->running : "", f->blocked == 1 ? " and is blocked in it" : "");
    }
    finalizable_types(c);
}

void doc_build_show(struct doc *d, const struct series *s, const struct findings *f,
                    const struct report_options *o) {
    const struct doc_context c = {d, s, f, o};
    if (d->is_page && !o->answers) {
        doc_page_show(&c);
        return;
    }
    doc_show_head(&c);
    if (o->answers) {
        doc_show_answers(&c);
        doc_reasons(&c);
        return;
    }
    doc_findings(&c);
    if (!part_any(&c, PART_TYPES))
        doc_allocations(&c);
    doc_show_heap(&c);
    doc_show_types(&c);
    doc_show_holders(&c);
    doc_show_async(&c);
    doc_show_callbacks(&c);
    doc_show_requests(&c);
    doc_show_work(&c);
    doc_show_exceptions(&c);
    doc_show_finalizer(&c);
    doc_show_threads(&c);
    doc_show_locks(&c);
    doc_show_memory(&c);
    if (part_any(&c, PART_TYPES))
        doc_allocations(&c);
    doc_reasons(&c);
    doc_missing(&c);
}
