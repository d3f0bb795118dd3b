/* Charts of values over the snapshots: causes, generations, managed memory and native. */
#include "diff/names/path_text.h"
#include "diff/report/charts/chart.h"
#include "diff/report/doc_parts.h"
#include "model/snapshot.h"

#include <string.h>

#define CAUSE_LINES_MOST 6u
#define TYPE_LINES_MOST  7u
#define LINES_MOST       9u

/* A chart of lines in the making; its texts and values live as long as the document. */
struct line_set {
    const struct doc_context *c;
    struct chart_line lines[LINES_MOST];
    uint32_t count;
    bool total; /* the first is all there is */
};

static uint64_t *page_values(const struct doc_context *c) {
    uint64_t *values = arena_array(&c->d->arena, c->s->count, sizeof(*values));
    if (!values)
        doc_fail_nomem(c->d);
    return values;
}

static bool values_known(const uint64_t *values, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (values[i] != ABSENT && values[i])
            return true;
    return false;
}

static void line_add(struct line_set *set, const char *name, const uint64_t *values, uint32_t cause,
                     const char *verdict) {
    if (values && set->count < LINES_MOST && values_known(values, set->c->s->count))
        set->lines[set->count++] =
            (struct chart_line){doc_copy(set->c->d, name), values, cause, verdict, CHART_NONE};
}

/* What one of the functions below says of each snapshot. */
static void line_add_of(struct line_set *set, const char *name,
                        uint64_t (*value)(const struct series *, uint32_t)) {
    uint64_t *values = page_values(set->c);
    for (uint32_t i = 0; values && i < set->c->s->count; i++)
        values[i] = value(set->c->s, i);
    line_add(set, name, values, CHART_NONE, NULL);
}

static uint64_t page_live_bytes(const struct series *s, uint32_t i) {
    return s->live_bytes[i];
}

static void lines_chart(const struct line_set *set, bool stacked, const char *title,
                        const char *summary) {
    const struct doc_context *c = set->c;
    struct chart *chart = arena_alloc(&c->d->arena, sizeof(*chart));
    const char **labels = arena_array(&c->d->arena, c->s->count, sizeof(*labels));
    struct chart_line *lines = arena_array(&c->d->arena, LINES_MOST, sizeof(*lines));
    if (!chart || !labels || !lines) {
        doc_fail_nomem(c->d);
        return;
    }
    for (uint32_t i = 0; i < c->s->count; i++)
        labels[i] = doc_copy(c->d, c->o->names[i]);
    memcpy(lines, set->lines, set->count * sizeof(*lines));
    *chart = (struct chart){.kind = CHART_LINES, .title = title, .summary = summary};
    chart->lines = (struct chart_lines){.unit = CHART_BYTES,
                                        .points = c->s->count,
                                        .labels = labels,
                                        .times_ns = c->s->times_ns,
                                        .lines = lines,
                                        .count = set->count,
                                        .stacked = stacked,
                                        .total = set->total};
    doc_chart(c->d, chart);
}

/* -- Causes ------------------------------------------------------------------------------------ */

static const struct series_type *type_of_cause(const struct series *s, const struct cause *cause) {
    for (uint32_t i = 0; cause->evidence && i < cause->evidence->evidence_count; i++) {
        const struct evidence *e = &cause->evidence->evidence[i];
        if (strcmp(e->name, "type") != 0 || e->kind != FIELD_STR || !e->text)
            continue;
        for (uint32_t k = 0; k < s->type_count; k++)
            if (strcmp(s->types[k].name, e->text) == 0)
                return &s->types[k];
    }
    return NULL;
}

/* What a cause holds in each snapshot; NULL: that is not known, or it is of no growth. */
static const uint64_t *bytes_of_cause(const struct doc_context *c, const struct cause *cause) {
    if (cause->bytes)
        return cause->bytes;
    const struct series_type *type =
        cause->verdict == VERDICT_NONE ? NULL : type_of_cause(c->s, cause);
    uint64_t *values = type ? page_values(c) : NULL;
    for (uint32_t i = 0; values && i < c->s->count; i++)
        values[i] = type_cell(type, i, c->s->live_known).bytes;
    return values;
}

/* All there is but what the lines have; NULL where they have more than that. */
static uint64_t *everything_else(const struct line_set *set) {
    const struct series *s = set->c->s;
    uint64_t *rest = page_values(set->c);
    for (uint32_t i = 0; rest && i < s->count; i++) {
        rest[i] = s->live_known ? s->live_bytes[i] : series_heap_bytes(s, i);
        for (uint32_t k = 0; k < set->count && rest[i] != ABSENT; k++) {
            uint64_t value = set->lines[k].values[i];
            if (value == ABSENT)
                continue;
            if (value > rest[i])
                return NULL;
            rest[i] -= value;
        }
        if (rest[i] == ABSENT)
            return NULL;
    }
    return rest;
}

/* All that lives, or the heap, as the first line. */
static void line_add_total(struct line_set *set) {
    bool live = set->c->s->live_known;
    line_add_of(set, live ? "all that lives" : "the heap",
                live ? page_live_bytes : series_heap_bytes);
    set->total = set->count == 1;
}

/* Returns whether there was anything to be shown. */
static bool growth_by_cause(const struct doc_context *c) {
    struct line_set causes = {.c = c}, all = {.c = c};
    for (uint32_t i = 0; c->o->causes && i < c->o->causes->count; i++) {
        const struct cause *cause = &c->o->causes->items[i];
        if (causes.count < CAUSE_LINES_MOST)
            line_add(&causes, cause->subject ? cause->subject : "", bytes_of_cause(c, cause), i,
                     verdict_names[cause->verdict]);
    }
    /* Of two dumps slopes: what lives, and in it what grows. Of more, bands that add up to it. */
    bool two = c->s->count == 2;
    uint64_t *rest = two ? NULL : everything_else(&causes);
    if (rest)
        line_add(&all, "everything else", rest, CHART_NONE, NULL);
    if (two)
        line_add_total(&all);
    bool stacked = rest && all.count;
    for (uint32_t i = 0; i < causes.count; i++)
        all.lines[all.count++] = causes.lines[i];
    if (!all.count || (two && !causes.count && c->s->type_count))
        return false; /* the types have the total */
    lines_chart(&all, stacked,
                c->s->live_known ? "What lives, and what grows in it"
                                 : "The heap, and what grows in it",
                stacked ? "One above the other they are all there is. Each cause leads to what is "
                          "said of it."
                        : "Each cause leads to what is said of it.");
    return true;
}

/* -- Types ------------------------------------------------------------------------------------- */

struct grown_type {
    uint32_t type;
    uint64_t by; /* [bytes] */
};

/* Keeps the types that grew most, the largest growth first. */
static uint32_t types_that_grew(const struct series *s, struct grown_type *most) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->type_count; i++) {
        uint64_t base = type_cell(&s->types[i], 0, s->live_known).bytes;
        uint64_t now = type_cell(&s->types[i], 1, s->live_known).bytes;
        if (base == ABSENT || now == ABSENT || now <= base ||
            (count == TYPE_LINES_MOST && now - base <= most[count - 1].by))
            continue;
        uint32_t at = count < TYPE_LINES_MOST ? count++ : count - 1;
        for (; at && most[at - 1].by < now - base; at--)
            most[at] = most[at - 1];
        most[at] = (struct grown_type){i, now - base};
    }
    return count;
}

/* Of two dumps, where a table of differences does not show who was large before. */
static void growth_by_type(const struct doc_context *c, bool total) {
    struct line_set set = {.c = c};
    struct grown_type most[TYPE_LINES_MOST];
    uint32_t count = types_that_grew(c->s, most);
    if (c->s->count != 2 || !count)
        return;
    if (total)
        line_add_total(&set);
    for (uint32_t i = 0; i < count; i++) {
        const struct series_type *type = &c->s->types[most[i].type];
        struct strbuf name;
        uint64_t *values = page_values(c);
        strbuf_init(&name);
        path_short_type(type->name, &name);
        for (uint32_t p = 0; values && p < 2; p++)
            values[p] = type_cell(type, p, c->s->live_known).bytes;
        line_add(&set, strbuf_cstr(&name), values, CHART_NONE, NULL);
        set.lines[set.count - 1].type = most[i].type;
        doc_fail(c->d, &name.err);
        strbuf_deinit(&name);
    }
    lines_chart(&set, false, "The types that grow most",
                "By their own size, without what they hold. Each leads to its row.");
}

/* -- Generations, native memory ---------------------------------------------------------------- */

static void growth_by_generation(const struct doc_context *c) {
    struct line_set set = {.c = c};
    if (c->s->count == 2)
        line_add_of(&set, "the heap", series_heap_bytes);
    set.total = set.count == 1;
    for (int g = GEN_COUNT; g-- > 0;) {
        const struct series_value *v = g == GEN_UNKNOWN ? NULL : doc_generation(c, g);
        if (v)
            line_add(&set, generation_names[g], v->values, CHART_NONE, NULL);
    }
    if (set.count > 1u + set.total)
        lines_chart(&set, !set.total, "The heap by generation",
                    "What grows in gen2 or on the large object heap stays; what grows in gen0 may "
                    "be gone with the next collection.");
}

static uint64_t page_private_bytes(const struct series *s, uint32_t i) {
    return series_value_at(series_value(s, VALUE_PRIVATE_BYTES), i);
}

static uint64_t page_resident_bytes(const struct series *s, uint32_t i) {
    uint64_t rss = series_value_at(series_value(s, VALUE_RSS_BYTES), i);
    return rss != ABSENT ? rss : series_value_at(series_value(s, VALUE_WORKING_SET), i);
}

static uint64_t page_outstanding_bytes(const struct series *s, uint32_t i) {
    return s->allocated ? s->allocated[i].bytes : ABSENT;
}

static void native_beside_managed(const struct doc_context *c) {
    struct line_set set = {.c = c};
    line_add_of(&set, "managed heap", series_heap_bytes);
    line_add_of(&set, "committed by the collector", series_gc_committed);
    line_add_of(&set, "native memory", series_native_bytes);
    line_add_of(&set, "allocated and not freed", page_outstanding_bytes);
    line_add_of(&set, "loaded code", series_loader_bytes);
    line_add_of(&set, "private memory of the process", page_private_bytes);
    line_add_of(&set, "resident memory of the process", page_resident_bytes);
    if (set.count > 1)
        lines_chart(&set, false, "Managed memory beside native",
                    "What grows here without the managed heap is a matter of native memory.");
}

void page_growth(const struct doc_context *c) {
    if (c->s->count < 2)
        return;
    uint32_t before = c->d->count;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Growth over the dumps");
    bool causes = growth_by_cause(c);
    growth_by_type(c, !causes);
    growth_by_generation(c);
    native_beside_managed(c);
    if (c->d->count == before + 1)
        c->d->count = before; /* a heading with nothing below it */
}
