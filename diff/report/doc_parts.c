#include "diff/report/doc_parts.h"

#include "model/part_fields.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint32_t doc_top(const struct doc_context *c, uint32_t fallback) {
    return view_top(c->o, c->d->is_page ? fallback * PAGE_MORE : fallback);
}

bool part_any(const struct doc_context *c, enum part part) {
    for (uint32_t i = 0; i < c->s->count; i++)
        if (snapshot_has(c->s->snapshots[i], part))
            return true;
    return false;
}

bool doc_is_brief(const struct doc_context *c) {
    return !c->d->is_page && c->o->causes && !c->o->all && (c->s->parts_all & PART_BIT(PART_TYPES));
}

/* -- Findings ---------------------------------------------------------------------------------- */

static void count_statuses(const struct findings *f, uint32_t counts[3]) {
    for (uint32_t i = 0; i < f->count; i++)
        counts[f->items[i].status]++;
}

static const char *summary_of(const struct finding *finding) {
    return finding->summary ? finding->summary : "";
}

static void list_quiet(const struct doc_context *c) {
    doc_text(c->d, c->d->is_page ? DOC_FOLD : DOC_HEADING, DOC_PLAIN, "Rules without a finding");
    for (uint32_t i = 0; i < c->f->count; i++) {
        const struct finding *finding = &c->f->items[i];
        if (finding->status == STATUS_CLEAR)
            doc_text(c->d, DOC_ITEM, DOC_PLAIN, "%s: clear (%s)", finding->rule->id,
                     finding->rule->summary);
        else if (finding->status == STATUS_SKIPPED)
            doc_text(c->d, DOC_ITEM, DOC_DIM, "%s: skipped, %s", finding->rule->id,
                     summary_of(finding));
    }
    if (c->d->is_page)
        doc_text(c->d, DOC_UNFOLD, DOC_PLAIN, NULL);
}

/*
 * Of one dump, what explains several findings stands in their place. Tells of each finding what
 * does; NULL: it stands by itself. Belongs to the document.
 */
static const struct cause **find_explained(const struct doc_context *c) {
    size_t room = (size_t)c->f->count + 1;
    const struct cause **by = arena_array(&c->d->arena, room, sizeof(*by));
    if (!by) {
        doc_fail_nomem(c->d);
        return NULL;
    }
    memset(by, 0, room * sizeof(*by));
    bool merged = c->s->count == 1 && c->o->causes && !c->o->all && !c->d->is_page;
    for (uint32_t i = 0; merged && i < c->o->causes->count; i++) {
        const struct cause *cause = &c->o->causes->items[i];
        bool told = cause->finding_count > 1 || cause->stands_alone;
        for (uint32_t k = 0; told && k < cause->finding_count; k++)
            by[cause->findings[k]] = cause;
    }
    return by;
}

/*
 * Of one dump, what no rule finds: a deadlock over tasks and initializers, and what nobody is left
 * to open. What else waits there may go on in a moment.
 */
static void list_unfound(const struct doc_context *c) {
    for (uint32_t i = 0; c->s->count == 1 && c->o->causes && i < c->o->causes->count; i++) {
        const struct cause *cause = &c->o->causes->items[i];
        if ((cause->kind == CAUSE_DEADLOCK || cause->stands_alone) && !cause->finding_count)
            doc_cause(c->d, cause);
    }
}

void doc_findings(const struct doc_context *c) {
    uint32_t counts[3] = {0, 0, 0};
    count_statuses(c->f, counts);
    bool listed = c->o->all || !c->o->causes || c->s->count == 1 || c->d->is_page;
    if (listed)
        doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Findings");
    list_unfound(c);
    const struct cause **explained = listed ? find_explained(c) : NULL;
    for (uint32_t i = 0; explained && i < c->f->count; i++) {
        const struct cause *cause = explained[i];
        if (cause && cause->findings[0] == i)
            doc_cause(c->d, cause);
        if (c->f->items[i].status != STATUS_HIT || cause)
            continue;
        doc_finding(c->d, &c->f->items[i]);
        doc_block_mark(c->d, MARK_FINDING, i);
    }
    if (counts[STATUS_HIT] == 0 && counts[STATUS_CLEAR] == 0)
        doc_text(c->d, DOC_PARA, DOC_BAD,
                 "No rule could be applied: this says nothing, good or bad.");
    else if (counts[STATUS_HIT] == 0 && !(c->o->causes && c->o->causes->count))
        doc_text(c->d, DOC_PARA, DOC_GOOD,
                 "None of the rules that could be applied found anything.");
    doc_text(c->d, DOC_PARA, DOC_DIM,
             "%u finding%s, %u rule%s clear, %u skipped for want of data%s", counts[STATUS_HIT],
             counts[STATUS_HIT] == 1 ? "" : "s", counts[STATUS_CLEAR],
             counts[STATUS_CLEAR] == 1 ? "" : "s", counts[STATUS_SKIPPED],
             c->o->all || c->d->is_page ? "." : " (--all names them).");
    if (c->o->all || c->d->is_page)
        list_quiet(c);
}

/* -- Trust ------------------------------------------------------------------------------------- */

static bool same_reasons(const struct snapshot *a, const struct snapshot *b) {
    SNAPSHOT_ROWS(a, PART_REASONS, struct reason_row, x, count);
    SNAPSHOT_ROWS(b, PART_REASONS, struct reason_row, y, other);
    if (count != other)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (x[i].count != y[i].count || x[i].lowers_trust != y[i].lowers_trust ||
            strcmp(x[i].text, y[i].text) != 0)
            return false;
    return true;
}

/* Of the snapshots [first, end), which have the same ones. */
static void reasons_of(const struct doc_context *c, uint32_t first, uint32_t end, bool heading) {
    SNAPSHOT_ROWS(c->s->snapshots[first], PART_REASONS, struct reason_row, rows, count);
    if (count && heading && end - first == 1)
        doc_text(c->d, DOC_PARA, DOC_PLAIN, "%s:", c->o->names[first]);
    else if (count && heading)
        doc_text(c->d, DOC_PARA, DOC_PLAIN, "%s %s %s:", c->o->names[first],
                 end - first == 2 ? "and" : "to", c->o->names[end - 1]);
    for (uint32_t i = 0; i < count; i++) {
        char number[FMT_MAX];
        if (rows[i].count == ABSENT)
            doc_text(c->d, DOC_ITEM, DOC_PLAIN, "%s%s",
                     rows[i].lowers_trust == 1 ? "" : "note: ", rows[i].text);
        else
            doc_text(c->d, DOC_ITEM, DOC_PLAIN, "%s%s (%s)",
                     rows[i].lowers_trust == 1 ? "" : "note: ", rows[i].text,
                     fmt_count(rows[i].count, number));
    }
}

/* Moments of one log often say the same: then it is said once. */
void doc_reasons(const struct doc_context *c) {
    uint32_t any = c->o->unfenced != NULL;
    for (uint32_t i = 0; i < c->s->count; i++)
        any += c->s->snapshots[i]->tables[PART_REASONS].count;
    if (!any)
        return;
    if (!c->d->is_page)
        doc_text(c->d, DOC_HEADING, DOC_PLAIN, "How far this can be trusted");
    for (uint32_t i = 0, next; i < c->s->count; i = next) {
        for (next = i + 1;
             next < c->s->count && same_reasons(c->s->snapshots[i], c->s->snapshots[next]);)
            next++;
        reasons_of(c, i, next, c->s->count > 1);
    }
    if (c->o->unfenced)
        doc_text(c->d, DOC_ITEM, DOC_PLAIN, "note: %s", c->o->unfenced);
}

void doc_missing(const struct doc_context *c) {
    struct strbuf names;
    strbuf_init(&names);
    for (int part = 1; part < PART_END; part++) {
        if (!part_descs[part].name || part_any(c, (enum part)part))
            continue;
        if (((part == PART_ASYNC || part == PART_CALLBACKS) && !part_any(c, PART_LIVE)) ||
            part == PART_ALLOCATIONS || part == PART_WAITS || part == PART_ABSENCES ||
            part == PART_PLACES || part == PART_EXCEPTIONS || part == PART_WORK ||
            part == PART_REQUESTS)
            continue; /* goes with what is live, stands for stacks, or for whoever compares */
        strbuf_adds(&names, names.len ? ", " : "");
        for (const char *p = part_descs[part].name; *p; p++)
            strbuf_addc(&names, *p == '_' ? ' ' : *p);
    }
    if (names.len) {
        doc_text(c->d, DOC_FOOT, DOC_DIM, "Not in %s: %s.",
                 c->s->count > 1 ? "these dumps" : "this dump", strbuf_cstr(&names));
    }
    doc_fail(c->d, &names.err);
    strbuf_deinit(&names);
}

/* -- Rows as they are -------------------------------------------------------------------------- */

const char *thread_label(const struct thread_row *t, char buf[FMT_MAX]) {
    if (t->index != ABSENT && t->os_id != ABSENT)
        snprintf(buf, FMT_MAX, "%" PRIu64 ":%" PRIx64, t->index, t->os_id);
    else if (t->os_id != ABSENT)
        snprintf(buf, FMT_MAX, "0x%" PRIx64, t->os_id);
    else if (t->managed_id != ABSENT)
        snprintf(buf, FMT_MAX, "managed %" PRIu64, t->managed_id);
    else if (t->index != ABSENT)
        snprintf(buf, FMT_MAX, "%" PRIu64, t->index);
    else
        snprintf(buf, FMT_MAX, t->name ? "" : "?");
    return buf;
}

/* Numbers that name something are not grouped: "index 1234" and not "1,234". */
static bool doc_parts_is_name(const struct field *field) {
    return strstr(field->name, "index") || strstr(field->name, "_id");
}

static void generic_cell(struct doc *d, struct doc_table *t, const struct field *field,
                         const unsigned char *row) {
    const void *at = row + field->offset;
    const uint64_t *number = at;
    const struct strings *list = at;
    char buf[FMT_MAX];
    switch ((enum field_kind)field->kind) {
    case FIELD_STR:
        doc_cell(d, t, DOC_PLAIN, *(const char *const *)at);
        break;
    case FIELD_U64:
        if (doc_parts_is_name(field) && *number != ABSENT)
            doc_cellf(d, t, DOC_PLAIN, "%" PRIu64, *number);
        else
            doc_count(d, t, *number);
        break;
    case FIELD_BYTES:
        doc_bytes(d, t, *number);
        break;
    case FIELD_NS:
        doc_ns(d, t, *number);
        break;
    case FIELD_TIME:
        doc_cell(d, t, DOC_PLAIN, fmt_time(*number, buf));
        break;
    case FIELD_HEX:
        doc_cell(d, t, DOC_PLAIN, fmt_hex(*number, buf));
        break;
    case FIELD_BOOL:
        doc_cell(d, t, DOC_PLAIN, *number == ABSENT ? "-" : *number ? "yes" : "no");
        break;
    case FIELD_STRS:
        doc_cell(d, t, DOC_PLAIN, list->count ? list->items[0] : NULL);
        break;
    case FIELD_CELLS:
    case FIELD_GENS:
        doc_cell(d, t, DOC_PLAIN, NULL);
        break;
    }
}

void doc_others(const struct doc_context *c, struct doc_table *t, uint32_t others) {
    if (!others)
        return;
    char number[FMT_MAX];
    doc_row(c->d, t, DOC_DIM);
    doc_cellf(c->d, t, DOC_PLAIN, "[%s other%s]", fmt_count(others, number),
              others == 1 ? "" : "s");
    doc_row_is(t, ROW_OTHERS);
    doc_table_others(t, others);
}

#define FIELDS_MOST 32u

void doc_generic(const struct doc_context *c, enum part part, const char *heading, uint32_t top) {
    uint32_t count;
    const struct part_desc *desc = &part_descs[part];
    const unsigned char *rows = snapshot_rows(c->s->snapshots[0], part, &count);
    struct doc_column columns[FIELDS_MOST];
    if (!count || desc->field_count > FIELDS_MOST)
        return;
    for (uint32_t i = 0; i < desc->field_count; i++) {
        bool text = desc->fields[i].kind == FIELD_STR || desc->fields[i].kind == FIELD_STRS;
        char title[64];
        size_t n = 0;
        for (const char *p = desc->fields[i].name; *p && n + 1 < sizeof(title); p++)
            title[n++] = *p == '_' ? ' ' : *p;
        title[n] = '\0';
        columns[i] =
            (struct doc_column){doc_copy(c->d, title), !text, text ? CUT_MIDDLE : CUT_NEVER};
    }
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "%s", heading);
    struct doc_table *t = doc_table(c->d, columns, desc->field_count);
    uint32_t shown = count < top ? count : top;
    for (uint32_t r = 0; r < shown; r++) {
        doc_row(c->d, t, DOC_PLAIN);
        for (uint32_t i = 0; i < desc->field_count; i++)
            generic_cell(c->d, t, &desc->fields[i], rows + (size_t)r * desc->row_size);
    }
    doc_prune(t);
    if (shown < count)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%u other%s]", count - shown, plural(count - shown));
}

/* -- Columns of snapshots ---------------------------------------------------------------------- */

void doc_shown(const struct doc_context *c, struct doc_shown *ret_shown) {
    uint32_t count = c->s->count;
    *ret_shown = (struct doc_shown){.count = count <= SHOWN_MOST ? count : 2, .trend = count > 2};
    for (uint32_t i = 0; i < ret_shown->count; i++) {
        char title[FMT_MAX];
        ret_shown->at[i] = count <= SHOWN_MOST || i == 0 ? i : count - 1;
        snprintf(title, sizeof(title), "#%u", ret_shown->at[i] + 1);
        ret_shown->titles[i] = count == 2 ? (i ? "new" : "base") : doc_copy(c->d, title);
    }
}

uint32_t doc_shown_columns(const struct doc_shown *shown, struct doc_column *columns, uint32_t n) {
    for (uint32_t i = 0; i < shown->count; i++)
        columns[n++] = (struct doc_column){shown->titles[i], true, CUT_NEVER};
    return n;
}

void doc_trend(const struct doc_context *c, struct doc_table *t, const uint64_t *values) {
    struct strbuf line;
    strbuf_init(&line);
    if (c->s->count <= 40)
        fmt_sparkline(&line, values, c->s->count);
    doc_cell(c->d, t, DOC_PLAIN, strbuf_cstr(&line));
    if (c->s->count <= 40)
        doc_series(c->d, t, values, c->s->count);
    doc_fail(c->d, &line.err);
    strbuf_deinit(&line);
}
