/* Answers to the questions of `show`: --path, --holders, --retained, --duplicates, --values. */
#include "diff/names/path_text.h"
#include "diff/names/names.h"
#include "diff/report/answer_text.h"
#include "diff/report/doc_parts.h"
#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* "12 live objects, 1.2 KiB; 3 more are garbage (48 B)" */
static void doc_answers_subject(const struct doc_context *c, const struct answer_subject *s) {
    char objects[FMT_MAX], bytes[FMT_MAX], garbage[FMT_MAX], garbage_bytes[FMT_MAX];
    char types[FMT_MAX];
    struct strbuf rest;
    strbuf_init(&rest);
    if (s->garbage.objects)
        strbuf_addf(&rest, "%s more %s garbage (%s)", fmt_count(s->garbage.objects, garbage),
                    s->garbage.objects == 1 ? "is" : "are",
                    fmt_bytes(s->garbage.bytes, garbage_bytes));
    else
        strbuf_adds(&rest, "none is garbage");
    doc_text(c->d, DOC_PARA, DOC_PLAIN, "%s type%s, %s live object%s, %s; %s",
             fmt_count(s->types, types), s->types == 1 ? "" : "s",
             fmt_count(s->live.objects, objects), s->live.objects == 1 ? "" : "s",
             fmt_bytes(s->live.bytes, bytes), strbuf_cstr(&rest));
    doc_fail(c->d, &rest.err);
    strbuf_deinit(&rest);
}

static void doc_answers_path_cell(const struct doc_context *c, struct doc_table *t,
                                  const struct snapshot *tree, uint32_t row) {
    struct strbuf text;
    strbuf_init(&text);
    answer_path_text(tree, row, c->o->full_paths || c->o->all, &text);
    doc_cell(c->d, t, DOC_PLAIN, strbuf_cstr(&text));
    doc_fail(c->d, &text.err);
    strbuf_deinit(&text);
}

static enum doc_cut doc_answers_path_cut(const struct doc_context *c) {
    return c->o->full_paths ? CUT_NEVER : CUT_MIDDLE;
}

/* -- Paths ------------------------------------------------------------------------------------- */

static void path_table(const struct doc_context *c, const struct answer_paths *p) {
    const struct doc_column columns[] = {{"objects", true, CUT_NEVER},
                                         {"bytes", true, CUT_NEVER},
                                         {"share", true, CUT_NEVER},
                                         {"held by", false, doc_answers_path_cut(c)}};
    SNAPSHOT_ROWS(&p->tree, PART_PATHS, struct path_row, rows, count);
    uint32_t top = doc_top(c, ROWS_DEFAULT), shown = p->count < top ? p->count : top;
    struct cell others = {0, 0};
    char buf[FMT_MAX];
    if (!count || !p->count)
        return;
    struct doc_table *t = doc_table(c->d, columns, 4);
    for (uint32_t i = 0; i < p->count; i++) {
        const struct path_row *row = &rows[p->rows[i]];
        if (i >= shown) {
            others.objects += row->own_objects;
            others.bytes += row->own_bytes;
            continue;
        }
        doc_row(c->d, t, DOC_PLAIN);
        doc_count(c->d, t, row->own_objects);
        doc_bytes(c->d, t, row->own_bytes);
        doc_cell(c->d, t, DOC_PLAIN, fmt_percent(row->own_bytes, p->subject.live.bytes, buf));
        doc_answers_path_cell(c, t, &p->tree, p->rows[i]);
    }
    if (shown == p->count)
        return;
    doc_row(c->d, t, DOC_DIM);
    doc_count(c->d, t, others.objects);
    doc_bytes(c->d, t, others.bytes);
    doc_cell(c->d, t, DOC_PLAIN, fmt_percent(others.bytes, p->subject.live.bytes, buf));
    doc_cellf(c->d, t, DOC_PLAIN, "[%s other%s]", fmt_count(p->count - shown, buf),
              p->count - shown == 1 ? "" : "s");
}

static void show_paths(const struct doc_context *c) {
    const struct answer_paths *p = &c->o->answers->paths;
    char objects[FMT_MAX], bytes[FMT_MAX];
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Paths that hold %s", c->o->answers->question.path_of);
    doc_answers_subject(c, &p->subject);
    if (p->below_floor.objects)
        doc_text(c->d, DOC_PARA, DOC_DIM,
                 "%s of the live objects (%s) are on paths below the floor of a snapshot, a "
                 "thousandth of the heap: the dump itself names all.",
                 fmt_count(p->below_floor.objects, objects),
                 fmt_bytes(p->below_floor.bytes, bytes));
    if (!p->count)
        doc_text(c->d, DOC_PARA, DOC_PLAIN, "Nothing holds any of them%s",
                 p->below_floor.objects ? ", as far as the snapshot tells." : ".");
    path_table(c, p);
}

/* -- Holders ----------------------------------------------------------------------------------- */

static void holder_cells(const struct doc_context *c, struct doc_table *t,
                         const struct holder_row *row) {
    doc_count(c->d, t, row->references);
    doc_count(c->d, t, row->holders);
    doc_count(c->d, t, row->garbage_references);
    doc_count(c->d, t, row->garbage_holders);
}

static void add_holder(struct holder_row *sum, const struct holder_row *row) {
    sum->references += row->references;
    sum->holders += row->holders;
    sum->garbage_references += row->garbage_references;
    sum->garbage_holders += row->garbage_holders;
}

static void doc_answers_holder_table(const struct doc_context *c, const struct answer_holders *h) {
    static const struct doc_column columns[] = {{"references", true, CUT_NEVER},
                                                {"from objects", true, CUT_NEVER},
                                                {"garbage", true, CUT_NEVER},
                                                {"from", true, CUT_NEVER},
                                                {"referred to by", false, CUT_MIDDLE}};
    uint32_t top = doc_top(c, ROWS_DEFAULT), others = 0;
    struct holder_row rest = {.holder = NULL};
    char buf[FMT_MAX];
    if (!h->count)
        return;
    struct doc_table *t = doc_table(c->d, columns, 5);
    for (uint32_t i = 0; i < h->count; i++) {
        struct strbuf text;
        if (i >= top && h->rows[i].holder) {
            add_holder(&rest, &h->rows[i]);
            others++;
            continue;
        }
        if (i >= 2 * (uint64_t)top)
            continue;
        strbuf_init(&text);
        answer_holder_text(&h->rows[i], &text);
        doc_row(c->d, t, h->rows[i].holder ? DOC_PLAIN : DOC_DIM);
        holder_cells(c, t, &h->rows[i]);
        doc_cell(c->d, t, DOC_PLAIN, strbuf_cstr(&text));
        doc_fail(c->d, &text.err);
        strbuf_deinit(&text);
    }
    if (others) {
        doc_row(c->d, t, DOC_DIM);
        holder_cells(c, t, &rest);
        doc_cellf(c->d, t, DOC_PLAIN, "[%s other field%s]", fmt_count(others, buf),
                  others == 1 ? "" : "s");
    }
    doc_row(c->d, t, DOC_STRONG);
    holder_cells(c, t, &h->total);
    doc_cell(c->d, t, DOC_PLAIN, "total without roots; objects counted once");
}

static void show_holders(const struct doc_context *c) {
    const struct answer_holders *h = &c->o->answers->holders;
    char bytes[FMT_MAX];
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "What refers to %s", c->o->answers->question.holders_of);
    doc_answers_subject(c, &h->subject);
    if (h->skipped_bytes)
        doc_text(c->d, DOC_PARA, DOC_BAD,
                 "%s of the heap made no sense: garbage in there may refer to them, too.",
                 fmt_bytes(h->skipped_bytes, bytes));
    if (!h->count)
        doc_text(c->d, DOC_PARA, DOC_PLAIN, "Nothing refers to any of them.");
    doc_answers_holder_table(c, h);
}

/* -- Retained sizes ---------------------------------------------------------------------------- */

static void retained_types(const struct doc_context *c, const struct answer_retained *r) {
    static const struct doc_column columns[] = {
        {"objects", true, CUT_NEVER},
        {"bytes", true, CUT_NEVER},
        {"retained objects", true, CUT_NEVER},
        {"retained bytes", true, CUT_NEVER},
        {"type", false, CUT_TYPE},
    };
    uint32_t top = doc_top(c, ROWS_DEFAULT);
    char buf[FMT_MAX];
    struct doc_table *t = doc_table(c->d, columns, 5);
    for (uint32_t i = 0; i < r->type_count && i < top; i++) {
        const struct retained_row *row = &r->types[i];
        doc_row(c->d, t, DOC_PLAIN);
        doc_count(c->d, t, row->own.objects);
        doc_bytes(c->d, t, row->own.bytes);
        doc_count(c->d, t, row->retained.objects);
        doc_bytes(c->d, t, row->retained.bytes);
        doc_cell(c->d, t, DOC_PLAIN, row->type);
    }
    if (r->type_count > top)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%s more types]", fmt_count(r->type_count - top, buf));
}

static void retained_nodes(const struct doc_context *c, const struct answer_retained *r) {
    const struct doc_column columns[] = {
        {"objects", true, CUT_NEVER},
        {"retained", true, CUT_NEVER},
        {"below on shortest paths", true, CUT_NEVER},
        {"held by", false, doc_answers_path_cut(c)},
    };
    uint32_t top = doc_top(c, ROWS_DEFAULT);
    char buf[FMT_MAX];
    SNAPSHOT_ROWS(&r->tree, PART_PATHS, struct path_row, rows, count);
    if (!count)
        return;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "What would be freed, by path");
    struct doc_table *t = doc_table(c->d, columns, 4);
    for (uint32_t i = 0; i < r->node_count && i < top; i++) {
        uint32_t row = r->order[i];
        doc_row(c->d, t, DOC_PLAIN);
        doc_count(c->d, t, r->nodes[row].own.objects);
        doc_bytes(c->d, t, r->nodes[row].retained.bytes);
        doc_bytes(c->d, t, rows[row].bytes);
        doc_answers_path_cell(c, t, &r->tree, row);
    }
    if (r->node_count > top)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%s more paths]", fmt_count(r->node_count - top, buf));
}

static void show_retained(const struct doc_context *c) {
    const struct answer_retained *r = &c->o->answers->retained;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "What would be freed, by type");
    doc_text(c->d, DOC_PARA, DOC_DIM,
             "Retained is what goes when an object goes: it and all that is reached through it "
             "alone. What two objects hold together neither of them retains.");
    retained_types(c, r);
    retained_nodes(c, r);
}

/* -- Duplicates -------------------------------------------------------------------------------- */

static void duplicate_types(const struct doc_context *c, const struct answer_duplicates *d) {
    static const struct doc_column columns[] = {
        {"contents", true, CUT_NEVER}, {"copies", true, CUT_NEVER}, {"bytes", true, CUT_NEVER},
        {"wasted", true, CUT_NEVER},   {"type", false, CUT_TYPE},
    };
    uint32_t top = doc_top(c, ROWS_SECONDARY);
    char buf[FMT_MAX];
    struct doc_table *t = doc_table(c->d, columns, 5);
    for (uint32_t i = 0; i < d->type_count && i < top; i++) {
        doc_row(c->d, t, DOC_PLAIN);
        doc_count(c->d, t, d->types[i].length);
        doc_count(c->d, t, d->types[i].copies);
        doc_bytes(c->d, t, d->types[i].bytes);
        doc_bytes(c->d, t, d->types[i].wasted);
        doc_cell(c->d, t, DOC_PLAIN, d->types[i].type);
    }
    if (d->type_count > top)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%s more types]", fmt_count(d->type_count - top, buf));
}

static void duplicate_groups(const struct doc_context *c, const struct answer_duplicates *d) {
    static const struct doc_column columns[] = {
        {"copies", true, CUT_NEVER},    {"length", true, CUT_NEVER}, {"bytes", true, CUT_NEVER},
        {"wasted", true, CUT_NEVER},    {"type", false, CUT_TYPE},   {"hash", true, CUT_NEVER},
        {"contents", false, CUT_NEVER},
    };
    uint32_t top = doc_top(c, ROWS_DEFAULT);
    uint32_t shown = d->count < top ? d->count : top;
    char buf[FMT_MAX];
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Most wasteful contents");
    struct doc_table *t = doc_table(c->d, columns, 7);
    for (uint32_t i = 0; i < shown; i++) {
        const struct duplicate_row *row = &d->rows[i];
        doc_row(c->d, t, DOC_PLAIN);
        doc_count(c->d, t, row->copies);
        doc_count(c->d, t, row->length);
        doc_bytes(c->d, t, row->bytes);
        doc_bytes(c->d, t, row->wasted);
        doc_cell(c->d, t, DOC_PLAIN, row->type);
        doc_cell(c->d, t, DOC_DIM, fmt_hex(row->hash, buf));
        doc_cell(c->d, t, DOC_PLAIN, row->value);
    }
    doc_prune(t);
    if (d->groups > shown)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%s more contents]", fmt_count(d->groups - shown, buf));
}

static void show_duplicates(const struct doc_context *c) {
    const struct answer_duplicates *d = &c->o->answers->duplicates;
    char objects[FMT_MAX], bytes[FMT_MAX], groups[FMT_MAX], copies[FMT_MAX], wasted[FMT_MAX];
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Equal strings and arrays");
    doc_text(c->d, DOC_PARA, DOC_PLAIN,
             "%s live strings and arrays without references, %s; %s contents are there more than "
             "once, in %s copies: %s would be saved by one of each.",
             fmt_count(d->objects, objects), fmt_bytes(d->bytes, bytes),
             fmt_count(d->groups, groups), fmt_count(d->copies, copies),
             fmt_bytes(d->wasted, wasted));
    if (d->not_compared)
        doc_text(c->d, DOC_PARA, DOC_BAD, "%s were not compared: too many contents of one hash.",
                 fmt_count(d->not_compared, objects));
    if (!d->groups)
        return;
    duplicate_types(c, d);
    duplicate_groups(c, d);
    if (!c->o->answers->question.contents)
        doc_text(c->d, DOC_PARA, DOC_DIM, "--contents prints how they begin.");
}

/* -- Values ------------------------------------------------------------------------------------ */

static void value_rows(const struct doc_context *c, struct doc_table *t,
                       const struct answer_field *field, bool several_types) {
    uint32_t top = doc_top(c, ROWS_SECONDARY);
    uint32_t shown = field->count < top ? field->count : top;
    uint64_t others = field->other_objects;
    struct strbuf text;
    strbuf_init(&text);
    for (uint32_t i = shown; i < field->count; i++)
        others += field->rows[i].objects;
    for (uint32_t i = 0; i < shown + (others != 0 || !field->count); i++) {
        doc_row(c->d, t, DOC_PLAIN);
        strbuf_clear(&text);
        if (several_types)
            doc_cell(c->d, t, DOC_PLAIN, i ? "" : field->type);
        doc_cell(c->d, t, DOC_PLAIN, i ? "" : field->field);
        doc_count(c->d, t,
                  i < shown      ? field->rows[i].objects
                  : field->count ? others
                                 : field->objects);
        if (i < shown)
            strbuf_adds(&text, field->rows[i].value);
        else if (!field->count)
            strbuf_adds(&text, "[a struct: not taken apart]");
        else if (field->other_values == ABSENT)
            strbuf_adds(&text, "[others]");
        else
            strbuf_addf(&text, "[%" PRIu64 " other%s]", field->other_values + field->count - shown,
                        plural(field->other_values + field->count - shown));
        if (i < shown && field->rows[i].characters != ABSENT)
            strbuf_addf(&text, " (%" PRIu64 " character%s)", field->rows[i].characters,
                        plural(field->rows[i].characters));
        doc_cell(c->d, t, i < shown ? DOC_PLAIN : DOC_DIM, strbuf_cstr(&text));
    }
    doc_fail(c->d, &text.err);
    strbuf_deinit(&text);
}

static void show_values(const struct doc_context *c) {
    static const struct doc_column columns[] = {{"type", false, CUT_TYPE},
                                                {"field", false, CUT_NEVER},
                                                {"objects", true, CUT_NEVER},
                                                {"value", false, CUT_MIDDLE}};
    const struct answer_values *v = &c->o->answers->values;
    bool several = false, texts = false;
    char objects[FMT_MAX];
    for (uint32_t i = 0; i < v->count; i++) {
        several = several || strcmp(v->fields[i].type, v->fields[0].type) != 0;
        texts = texts || strcmp(v->fields[i].kind, FIELD_IS_TEXT) == 0;
    }
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Values of %s",
             v->count && !several ? v->fields[0].type : c->o->answers->question.values_of);
    doc_text(c->d, DOC_PARA, DOC_PLAIN, "%s live object%s of %u type%s.",
             fmt_count(v->subject.live.objects, objects), plural(v->subject.live.objects),
             v->subject.types, plural(v->subject.types));
    if (!v->count)
        return;
    struct doc_table *t = doc_table(c->d, columns + !several, 3 + several);
    for (uint32_t i = 0; i < v->count; i++)
        value_rows(c, t, &v->fields[i], several);
    if (texts && !c->o->answers->question.contents)
        doc_text(c->d, DOC_PARA, DOC_DIM,
                 "Texts are only told apart: --contents prints how they begin.");
}

void doc_show_answers(const struct doc_context *c) {
    const struct answers *a = c->o->answers;
    if (a->answered[QUESTION_PATH])
        show_paths(c);
    if (a->answered[QUESTION_HOLDERS])
        show_holders(c);
    if (a->answered[QUESTION_RETAINED])
        show_retained(c);
    if (a->answered[QUESTION_DUPLICATES])
        show_duplicates(c);
    if (a->answered[QUESTION_VALUES])
        show_values(c);
}
