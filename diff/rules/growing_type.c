/* Types whose objects grow: the first suspects of a leak. */
#include "diff/names/path_text.h"
#include "diff/rules/hints.h"
#include "diff/names/names.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <stdio.h>
#include <string.h>

static bool is_array(const struct series_type *type) {
    return name_is_array(type->name);
}

/*
 * A list that doubles its array keeps its count and jumps in bytes: no leak by itself. One more
 * list among hundreds changes nothing in that.
 */
static bool is_backing_array(const struct series *s, const struct series_type *type) {
    bool live = type->basis == BASIS_LIVE;
    uint64_t base = live ? type->live_objects[0] : type->totals[0].objects;
    uint64_t now = live ? type->live_objects[s->count - 1] : type->totals[s->count - 1].objects;
    return is_array(type) && base > 0 && now >= base && now - base <= base / 100;
}

/* Who holds a type that grows, where the dumps tell. */
struct holder {
    const struct growth_point *point; /* growth of the type begins here */
    const struct growth_point *above; /* or it hangs on what grew here */
    const char *text, *full_text;     /* path to the holder; NULL without a point */
    uint32_t others;                  /* further points of the type */
    const char *hint, *hint_id;       /* what that usually means; NULL: nothing special */
    const char *suspect;              /* without paths: the application type that grows most */
};

static const char *holder_text(const struct growth *g, const struct growth_point *point, bool full,
                               struct findings *f) {
    struct strbuf text;
    strbuf_init(&text);
    growth_holder_text(g, point->node, full, &text);
    return findings_take(f, &text);
}

static struct holder find_holder(const struct series *s, const struct growth *g,
                                 const struct series_type *type, struct findings *f) {
    struct holder holder = {.point = growth_point_of(g, type->name, &(uint32_t){0})};
    if (!holder.point) {
        holder.above = growth_point_above(g, type->name);
        return holder;
    }
    growth_point_of(g, type->name, &holder.others);
    holder.text = holder_text(g, holder.point, s->options.full_paths, f);
    holder.full_text = holder_text(g, holder.point, true, f);
    return holder;
}

static void find_hint(const struct series *s, const struct growth *g,
                      const struct series_type *type, struct holder *holder, struct findings *f) {
    const struct growth_point *point = holder->point ? holder->point : holder->above;
    uint32_t node = point ? point->node : GROWTH_ROOT;
    /* What hangs on something that grows means what that means. */
    const char *name = holder->above ? g->nodes[node].type : type->name;
    const struct hint *hint = hint_for(g, name, node);
    if (!hint)
        return;
    holder->hint = hint_next(hint, g, name, node, series_new(s), f);
    holder->hint_id = hint->id;
}

static struct series_floors floors_of(const struct limits *limits) {
    return (struct series_floors){
        .bytes = limits->growing_type_min_bytes ? limits->growing_type_min_bytes : ABSENT,
        .objects = limits->growing_type_min_objects ? limits->growing_type_min_objects : ABSENT,
        .heap_percent = limits->growing_type_heap_percent,
        .self_percent = limits->growing_type_self_percent,
    };
}

static bool is_hit(enum verdict verdict) {
    return verdict == VERDICT_GROWING || verdict == VERDICT_LEAK || verdict == VERDICT_SATURATING ||
           verdict == VERDICT_STEP || verdict == VERDICT_INCONCLUSIVE;
}

static enum severity severity_of(const struct series *s, const struct series_type *type,
                                 enum verdict verdict) {
    if (verdict != VERDICT_GROWING && verdict != VERDICT_LEAK)
        return name_is_framework(type->name) || verdict != VERDICT_INCONCLUSIVE ? SEVERITY_INFO
                                                                                : SEVERITY_NOTICE;
    if (name_is_framework(type->name) || is_backing_array(s, type))
        return SEVERITY_NOTICE;
    uint64_t heap = series_heap_bytes(s, 0);
    bool large = type->bytes_delta > 0 && (uint64_t)type->bytes_delta >= rule_percent(heap, 10);
    return verdict == VERDICT_LEAK && large ? SEVERITY_CRITICAL : SEVERITY_WARNING;
}

static const char *shape_text(enum verdict verdict) {
    switch (verdict) {
    case VERDICT_LEAK:
        return "it grew at every step";
    case VERDICT_SATURATING:
        return "each step was smaller than the one before, as of a cache that fills";
    case VERDICT_STEP:
        return "it jumped once and stayed there";
    case VERDICT_INCONCLUSIVE:
        return "it grew, but not steadily: take more dumps";
    case VERDICT_NONE:
    case VERDICT_STABLE:
    case VERDICT_SMALL:
    case VERDICT_GROWING:
    case VERDICT_SHRINKING:
        break;
    }
    return NULL;
}

/* What the growth is judged on, where the reader has to know it. */
static const char *basis_text(const struct series *s, const struct series_type *type) {
    uint32_t end = s->count - 1;
    if (type->basis != BASIS_MATURE)
        return "";
    int64_t mature =
        series_type_mature(type, end) == ABSENT
            ? 0
            : (int64_t)series_type_mature(type, end) - (int64_t)series_type_mature(type, 0);
    if (mature <= 0 && type->bytes_delta > 0)
        return " All of the growth is in gen0 and gen1, so some of it may be garbage.";
    return "";
}

static void add_evidence(const struct series *s, const struct series_type *type,
                         enum verdict verdict, struct findings *f, struct finding *hit) {
    uint32_t end = s->count - 1;
    finding_text(f, hit, "type", type->name);
    if (type->module)
        finding_text(f, hit, "module", type->module);
    finding_text(f, hit, "verdict", verdict_names[verdict]);
    finding_text(f, hit, "judged_on",
                 type->basis == BASIS_LIVE     ? "live objects"
                 : type->basis == BASIS_MATURE ? "all objects and those of gen2, loh, poh, frozen"
                                               : "all objects, garbage included");
    struct cell most = series_type_most(s, type, 0);
    bool unlisted = series_type_is_unlisted(s, type, 0);
    finding_known(hit, "objects_base", FIELD_U64, type->totals[0].objects);
    finding_known(hit, "objects_base_at_most", FIELD_U64, unlisted ? most.objects : ABSENT);
    finding_number(hit, "objects_new", FIELD_U64, type->totals[end].objects);
    finding_delta(hit, "objects_delta", FIELD_U64, type->objects_delta);
    finding_known(hit, "bytes_base", FIELD_BYTES, type->totals[0].bytes);
    finding_known(hit, "bytes_base_at_most", FIELD_BYTES, unlisted ? most.bytes : ABSENT);
    finding_number(hit, "bytes_new", FIELD_BYTES, type->totals[end].bytes);
    finding_delta(hit, "bytes_delta", FIELD_BYTES, type->bytes_delta);
    finding_known(hit, "live_objects_base", FIELD_U64, type->live_objects[0]);
    finding_known(hit, "live_objects_new", FIELD_U64, type->live_objects[end]);
    finding_known(hit, "live_bytes_base", FIELD_BYTES, type->live_bytes[0]);
    finding_known(hit, "live_bytes_new", FIELD_BYTES, type->live_bytes[end]);
    if (s->generations_known) {
        finding_known(hit, "mature_bytes_base", FIELD_BYTES, series_type_mature(type, 0));
        finding_known(hit, "mature_bytes_new", FIELD_BYTES, series_type_mature(type, end));
    }
}

/*
 * The first dump that lists it, or at least bounds it; the last has to list it for anything to be
 * said of where it is now.
 */
static uint32_t first_told(const struct series *s, const struct series_type *type) {
    uint32_t i = 0;
    while (i + 1 < s->count && series_type_most(s, type, i).bytes == ABSENT)
        i++;
    return i;
}

/* "went from 5,000 to 10,000 objects", of live ones where they are known. */
static const char *objects_text(const struct series *s, const struct series_type *type,
                                struct findings *f) {
    uint32_t end = s->count - 1;
    bool live = type->basis == BASIS_LIVE;
    uint64_t base = live ? type->live_objects[0] : type->totals[0].objects;
    uint64_t now = live ? type->live_objects[end] : type->totals[end].objects;
    uint32_t first = first_told(s, type);
    if (first)
        base = live ? type->live_objects[first] : type->totals[first].objects;
    if (series_type_is_unlisted(s, type, first)) {
        uint64_t most = num_min(series_type_most(s, type, first).objects, now);
        return findings_text(f, "went from %s%s to %s %sobjects", most < now ? "at most " : "some",
                             most < now ? say_count(f, most) : "", say_count(f, now),
                             live ? "live " : "");
    }
    if (base == now)
        return findings_text(f, "stayed at %s %s%s but grew", say_count(f, base),
                             live ? "live " : "", base == 1 ? "object" : "objects");
    return findings_text(f, "went from %s to %s %sobjects", say_count(f, base), say_count(f, now),
                         live ? "live " : "");
}

/* Async methods by their name: that of the box they wait in is mostly noise. */
static const char *above_text(const char *type, struct findings *f) {
    if (!name_machine(type).len)
        return type;
    struct strbuf text;
    strbuf_init(&text);
    path_type_text(type, &text);
    return findings_take(f, &text);
}

static const char *holder_clause(const struct growth *g, const struct holder *holder,
                                 struct findings *f) {
    if (holder->point && holder->point->stacks_only)
        return findings_text(f, ", reachable only from thread stacks (may be stale): %s",
                             holder->text);
    if (holder->point)
        return findings_text(
            f, ", %s with all they hold; held by %s%s", say_delta(f, holder->point->bytes_delta),
            holder->text,
            holder->others ? findings_text(f, " and %s more", say_count(f, holder->others)) : "");
    if (holder->above)
        return findings_text(f, ", held by the growing %s",
                             above_text(g->nodes[holder->above->node].type, f));
    return "";
}

/* Nothing here knows what holds the objects: who does. */
static void next_with_a_debugger(const struct series *s, const struct series_type *type,
                                 struct findings *f, struct finding *hit) {
    bool framework = name_is_framework(type->name);
    finding_next(f, hit, "%s%s.",
                 say_advice(f, s, framework ? ADVICE_HOLDERS_OF_SOME : ADVICE_HOLDERS, type->name),
                 framework ? "; no application type grows with it" : "");
}

/* As the newest dump has the name: that of the series is without what compilers number. */
static const char *path_command(const struct series *s, const struct series_type *type,
                                struct findings *f) {
    const struct type_row *row = type->rows[s->count - 1];
    return say_command(f, s, "--path", row && row->name ? row->name : type->name);
}

static void add_summary(const struct series *s, const struct growth *g,
                        const struct series_type *type, enum verdict verdict,
                        const struct holder *holder, struct findings *f, struct finding *hit) {
    uint32_t end = s->count - 1;
    const char *shape = shape_text(verdict);
    bool live = type->basis == BASIS_LIVE,
         answers = snapshot_has(series_new(s), PART_PATHS) &&
                   !snapshot_absence(series_new(s), PART_PATHS, ASPECT_ROWS);
    const char *ask = answers && !holder->point && !holder->above ? path_command(s, type, f) : NULL;
    uint32_t first = first_told(s, type);
    bool unlisted = series_type_is_unlisted(s, type, first);
    uint64_t base = unlisted ? series_type_most(s, type, first).bytes
                    : live   ? type->live_bytes[first]
                             : type->totals[first].bytes;
    uint64_t now = live ? type->live_bytes[end] : type->totals[end].bytes;
    finding_summary(f, hit, "%s %s, %s%s to %s (%s%s)%s%s%s.%s", type->name,
                    objects_text(s, type, f), unlisted ? "at most " : "", say_bytes(f, base),
                    say_bytes(f, now), unlisted ? "at least " : "",
                    say_delta(f, (int64_t)(now - base)), holder_clause(g, holder, f),
                    shape ? ": " : "", shape ? shape : "", basis_text(s, type));
    if (verdict == VERDICT_SATURATING || verdict == VERDICT_STEP)
        finding_next(f, hit, "Nothing yet: a later dump should find it where it is now.");
    else if (verdict == VERDICT_INCONCLUSIVE)
        finding_next(f, hit, "Take more dumps, after equal times or equal work.");
    else if (is_backing_array(s, type))
        finding_next(f, hit,
                     "An array behind a list or dictionary was enlarged: look at the type "
                     "of its elements.");
    else if (holder->point && holder->point->stacks_only)
        finding_next(f, hit,
                     "Take another dump: what only a stack holds goes when its method returns.");
    else if (holder->hint)
        finding_next(f, hit, "%s", holder->hint);
    else if (holder->point)
        finding_next(f, hit, "Look where the holder is filled, and what should empty it.");
    else if (ask)
        finding_next(f, hit, "Ask the dump what holds them: %s.", ask);
    else if (name_is_framework(type->name) && holder->suspect)
        finding_next(f, hit,
                     "Look at the application types that grow with it, first %s: they "
                     "hold it.",
                     holder->suspect);
    else
        next_with_a_debugger(s, type, f, hit);
}

/* The more a type holds, the higher it stands; what hangs on a growing type stands below that. */
static uint64_t weight_of(const struct series *s, const struct series_type *type,
                          const struct holder *holder) {
    if (holder->point && holder->point->bytes_delta > 0)
        return (uint64_t)holder->point->bytes_delta;
    int64_t own = series_type_change(s, type, type->basis == BASIS_LIVE).bytes;
    return own > 0 ? (uint64_t)own : 0;
}

/* The series has judged by the same floors, unless who calls this has others in mind. */
static bool floors_are_same(const struct series_floors *a, const struct series_floors *b) {
    return a->bytes == b->bytes && a->objects == b->objects && a->heap_percent == b->heap_percent &&
           a->self_percent == b->self_percent;
}

struct growing {
    const struct series *s;
    struct series_floors floors;
    bool judged; /* by these floors */
};

static struct growing growing_of(const struct series *s, const struct limits *limits) {
    struct growing g = {.s = s, .floors = floors_of(limits)};
    const struct series_floors own = series_floors_of(&s->options);
    g.judged = floors_are_same(&g.floors, &own);
    return g;
}

static inline enum verdict growing_verdict(const struct growing *g,
                                           const struct series_type *type) {
    return g->judged ? type->verdict : series_type_verdict(g->s, type, &g->floors);
}

/* The application type that grows most: types are sorted by how much they changed. */
static const char *first_suspect(const struct growing *growing) {
    const struct series *s = growing->s;
    for (uint32_t i = 0; i < s->type_count; i++) {
        const struct series_type *type = &s->types[i];
        if (type->bytes_delta > 0 && is_hit(growing_verdict(growing, type)) &&
            !name_is_framework(type->name) && !is_backing_array(s, type))
            return type->name;
    }
    return NULL;
}

static void report_growing(const struct series *s, const struct growth *g,
                           const struct series_type *type, enum verdict verdict,
                           const char *suspect, struct findings *f) {
    struct holder holder = find_holder(s, g, type, f);
    holder.suspect = suspect;
    find_hint(s, g, type, &holder, f);
    struct finding *hit = findings_hit(f, &rule_growing_type, severity_of(s, type, verdict),
                                       weight_of(s, type, &holder), type->name);
    add_summary(s, g, type, verdict, &holder, f, hit);
    add_evidence(s, type, verdict, f, hit);
    if (holder.point)
        finding_text(f, hit, "held_by", holder.full_text);
    if (holder.hint)
        finding_text(f, hit, "hint", holder.hint_id);
    if (holder.above)
        finding_text(f, hit, "held_by_growing", g->nodes[holder.above->node].type);
}

/*
 * Objects of many types that grow in one place: each type perhaps too little to be seen, all of
 * them together a leak.
 */
static void report_spread(const struct series *s, const struct growth *g,
                          const struct growth_point *point, struct findings *f) {
    const char *text = NULL, *whole = NULL;
    struct strbuf path;
    for (int full = 0; full < 2; full++) {
        strbuf_init(&path);
        growth_path_text(g, point->node, full || s->options.full_paths, &path);
        *(full ? &whole : &text) = findings_take(f, &path);
    }
    bool sure = point->verdict == VERDICT_GROWING || point->verdict == VERDICT_LEAK;
    struct finding *hit =
        findings_hit(f, &rule_growing_type, sure ? SEVERITY_WARNING : SEVERITY_NOTICE,
                     (uint64_t)point->bytes_delta, text);
    const char *shape = shape_text(point->verdict);
    finding_summary(f, hit,
                    "Objects of %u types grew together where %s holds them: %s more, %s with all "
                    "they hold%s%s.",
                    point->types, text, say_count(f, (uint64_t)point->objects_delta),
                    say_delta(f, point->bytes_delta), shape ? ": " : "", shape ? shape : "");
    finding_next(f, hit, "Look where that is filled, and what should empty it.");
    finding_text(f, hit, "verdict", verdict_names[point->verdict]);
    finding_text(f, hit, "held_by", whole);
    finding_number(hit, "types", FIELD_U64, point->types);
    finding_delta(hit, "objects_delta", FIELD_U64, point->objects_delta);
    finding_delta(hit, "bytes_delta", FIELD_BYTES, point->bytes_delta);
}

static void report_spreads(const struct series *s, const struct growth *g,
                           const struct series_floors *floors, struct findings *f) {
    uint64_t least = rule_max(floors->bytes == ABSENT ? 0 : floors->bytes,
                              rule_percent(series_heap_bytes(s, 0), floors->heap_percent));
    for (uint32_t i = 0; i < g->point_count; i++) {
        const struct growth_point *point = &g->points[i];
        if (point->kind == GROWTH_SPREAD && !point->stacks_only && is_hit(point->verdict) &&
            point->bytes_delta > 0 && (uint64_t)point->bytes_delta >= least)
            report_spread(s, g, point, f);
    }
}

static bool growing_type_run_growing(const struct series *s, const struct limits *limits,
                                     struct findings *f, struct err *err) {
    const struct growing growing = growing_of(s, limits);
    const char *suspect = first_suspect(&growing);
    struct growth g;
    bool ok = growth_init(&g, s, err);
    for (uint32_t i = 0; ok && i < s->type_count; i++) {
        const struct series_type *type = &s->types[i];
        enum verdict verdict = growing_verdict(&growing, type);
        /* What was not there at all is for new-type, unless it went on growing. */
        if (is_hit(verdict) &&
            (type->rows[0] || verdict == VERDICT_LEAK || series_type_is_unlisted(s, type, 0)) &&
            !series_type_is_unlisted(s, type, s->count - 1))
            report_growing(s, &g, type, verdict, suspect, f);
    }
    if (ok)
        report_spreads(s, &g, &growing.floors, f);
    growth_deinit(&g);
    return ok;
}

const struct rule rule_growing_type = {
    .id = "growing-type",
    .summary = "types whose objects grow from dump to dump",
    .needs = PART_BIT(PART_TYPES),
    .whole = {{PART_TYPES, ASPECT_ROWS}, {PART_LIVE, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at the bytes of each type in all dumps. Where every dump knows what is live, only\n"
        "live objects count. Where the dumps tell generations, three or more dumps are judged\n"
        "with gen2, LOH, POH and frozen objects beside all, since gen0 and gen1 hold garbage.\n"
        "Two dumps say growing or not; three or more give leak, saturating, step, stable or\n"
        "inconclusive. Types of the framework (System.*, Microsoft.*, strings and arrays of\n"
        "primitives) rank below application types: what holds them is what can be acted on.\n"
        "Free is never a leaking type. Where dumps tell who holds what, objects of several types\n"
        "that grow in one place are reported together, however little each of them is.\n"
        "\n"
        "Thresholds: growing-type.heap-percent (share of the base heap), "
        "growing-type.self-percent\n"
        "(share of the type's own base bytes), growing-type.min-bytes, growing-type.min-objects;\n"
        "a step has to reach all of them. What one holder adds is a cause from growth.min-bytes\n"
        "and growth.live-percent (of what lives in the base) on.\n"
        "\n"
        "What to do: find what holds the objects (`dumpdiff show --path TYPE DUMP` where the dump\n"
        "is a raw one, else gcroot), and ask who should have let go. Two dumps are too few for a\n"
        "verdict: take a third. What growing framework objects usually mean is told by the next\n"
        "step, and by `dumpdiff explain HINT` (see `dumpdiff list hints`).\n",
    .run = growing_type_run_growing,
};
