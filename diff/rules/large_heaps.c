/* The large and the pinned object heap, and what lies in the former. */
#include "diff/rules/rules.h"

/* What tells them, in the order in which it is asked. */
static const char *why_no_generations(const struct series *s, struct findings *f) {
    static const enum part parts[] = {PART_TYPES, PART_HEAPS, PART_REGIONS};
    const char *why = "";
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && !*why; i++)
        why = rule_why(s, f, parts[i], ASPECT_ROWS);
    return why;
}

/*
 * The most by which live objects of one heap can have grown. Live bytes are known by type, not by
 * generation: at the end all that live of a type, as far as there are so many in this heap, and at
 * the start none but those that had no room elsewhere.
 */
static uint64_t live_growth_most(const struct series *s, int gen) {
    uint32_t end = s->count - 1;
    uint64_t sum = 0;
    for (uint32_t t = 0; t < s->type_count; t++) {
        const struct series_type *type = &s->types[t];
        uint64_t here = series_type_gens(type, end)[gen].bytes, live = type->live_bytes[end];
        int64_t grew = series_delta(live, type->live_bytes[0]);
        if (type->is_free || here == ABSENT || !here || live == ABSENT || grew <= 0)
            continue;
        uint64_t most = live < here ? live : here;
        sum += (uint64_t)grew < most ? (uint64_t)grew : most;
    }
    return sum;
}

static bool run_one_heap(const struct series *s, const struct limits *limits, struct findings *f,
                         const struct rule *rule, int gen, const char *what, const char *next,
                         struct err *err) {
    uint64_t *values = arena_array(&f->arena, s->count, sizeof(*values));
    if (!values)
        return err_nomem(err);
    if (!rule_generation(s, gen, values)) {
        findings_skip(f, rule, "not every dump tells generations%s", why_no_generations(s, f));
        return true;
    }
    /* A heap of its own is judged by its own size, and by what it is to the whole. */
    uint64_t whole = s->live_known ? s->live_bytes[0] : series_heap_bytes(s, 0);
    uint64_t floor = rule_max(limits->heap_growth_min_bytes, rule_percent(whole, 1));
    enum verdict verdict;
    if (!rule_grows(values, s->count, limits->heap_growth_percent, floor, &verdict))
        return true;
    uint64_t first = values[0], last = values[s->count - 1];
    bool garbage = s->live_known && s->generations_known &&
                   live_growth_most(s, gen) <
                       rule_max(rule_percent(first, limits->heap_growth_percent), floor);
    bool sure = !garbage && verdict != VERDICT_INCONCLUSIVE;
    struct finding *hit = findings_hit(f, rule, sure ? SEVERITY_WARNING : SEVERITY_NOTICE, 0,
                                       generation_names[gen]); /* a symptom: below its causes */
    finding_summary(f, hit, "The %s grew from %s to %s (%s)%s%s.", what, say_bytes(f, first),
                    say_bytes(f, last), say_delta(f, series_delta(last, first)),
                    garbage ? ", by garbage: what lives of the types in it did not grow" : "",
                    !garbage && !sure ? ", but not steadily" : "");
    finding_next(f, hit, "%s", garbage ? GARBAGE_NEXT : next);
    finding_number(hit, "bytes_base", FIELD_BYTES, first);
    finding_number(hit, "bytes_new", FIELD_BYTES, last);
    finding_delta(hit, "bytes_delta", FIELD_BYTES, series_delta(last, first));
    if (!garbage)
        finding_text(f, hit, "verdict", verdict_names[verdict]);
    return true;
}

static bool run_loh(const struct series *s, const struct limits *limits, struct findings *f,
                    struct err *err) {
    return run_one_heap(s, limits, f, &rule_loh_growth, GEN_LOH, "large object heap",
                        say_advice(f, s, ADVICE_LARGE_OBJECTS, NULL), err);
}

static bool run_poh(const struct series *s, const struct limits *limits, struct findings *f,
                    struct err *err) {
    return run_one_heap(s, limits, f, &rule_poh_growth, GEN_POH, "pinned object heap",
                        say_advice(f, s, ADVICE_PINNED_OBJECTS, NULL), err);
}

const struct rule rule_loh_growth = {
    .id = "loh-growth",
    .summary = "the large object heap grows",
    .whole = {{PART_TYPES, ASPECT_ROWS}, {PART_HEAPS, ASPECT_ROWS}, {PART_REGIONS, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at the bytes of the large object heap (objects from 85,000 bytes on). Where every\n"
        "dump knows what lives, and none of it can be what this heap grew by, that is a notice.\n"
        "\n"
        "Thresholds: heap-growth.percent (of its own base), heap-growth.min-bytes, and 1 % of the\n"
        "whole base heap (of what lives in it, where known).\n"
        "\n"
        "What to do: find the large arrays (large-object names their types). Rent them from a\n"
        "pool, stream instead of buffering, or set a capacity where lists double.\n",
    .run = run_loh,
};

const struct rule rule_poh_growth = {
    .id = "poh-growth",
    .summary = "the pinned object heap grows",
    .whole = {{PART_TYPES, ASPECT_ROWS}, {PART_HEAPS, ASPECT_ROWS}, {PART_REGIONS, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at the bytes of the pinned object heap (.NET 5 and later: GC.AllocateArray with\n"
        "pinned: true, and buffers of the runtime). Where every dump knows what lives, and none "
        "of\n"
        "it can be what this heap grew by, that is a notice.\n"
        "\n"
        "Thresholds: heap-growth.percent (of its own base), heap-growth.min-bytes, and 1 % of the\n"
        "whole base heap (of what lives in it, where known).\n"
        "\n"
        "What to do: look for pinned buffers that are allocated anew instead of being reused.\n",
    .run = run_poh,
};

/* -- What lies in it --------------------------------------------------------------------------- */

static bool run_large(const struct series *s, const struct limits *limits, struct findings *f,
                      struct err *err) {
    (void)err;
    if (!s->generations_known) {
        findings_skip(f, &rule_large_object,
                      "the types do not say which objects are in the large "
                      "object heap");
        return true;
    }
    uint32_t end = s->count - 1;
    uint64_t floor =
        rule_max(rule_percent(series_heap_bytes(s, end), limits->large_object_percent), 1);
    for (uint32_t i = 0; i < s->type_count; i++) {
        const struct series_type *type = &s->types[i];
        if (type->totals[end].bytes < floor) /* nearly all */
            continue;
        struct cell first = series_type_gens(type, 0)[GEN_LOH];
        struct cell last = series_type_gens(type, end)[GEN_LOH];
        if (type->is_free || last.bytes < floor || last.bytes == ABSENT)
            continue;
        struct finding *hit =
            findings_hit(f, &rule_large_object, SEVERITY_INFO, last.bytes, type->name);
        const char *before = s->count == 1 || first.bytes == ABSENT
                                 ? ""
                                 : findings_text(f, " (%s before)", say_bytes(f, first.bytes));
        finding_summary(f, hit, "%s %s of type %s take%s %s%s of the large object heap.",
                        say_count(f, last.objects), last.objects == 1 ? "object" : "objects",
                        type->name, last.objects == 1 ? "s" : "", say_bytes(f, last.bytes), before);
        finding_text(f, hit, "type", type->name);
        finding_number(hit, "objects", FIELD_U64, last.objects);
        finding_number(hit, "bytes", FIELD_BYTES, last.bytes);
        if (s->count > 1)
            finding_delta(hit, "bytes_delta", FIELD_BYTES, series_delta(last.bytes, first.bytes));
    }
    return true;
}

const struct rule rule_large_object = {
    .id = "large-object",
    .summary = "what fills the large object heap",
    .needs = PART_BIT(PART_TYPES),
    .whole = {{PART_TYPES, ASPECT_ROWS}},
    .min_snapshots = 1,
    .explain =
        "Looks at the types in the large object heap and names those that matter to the heap as\n"
        "a whole. Says something about a single dump, too.\n"
        "\n"
        "Threshold: large-object.heap-percent (share of the heap).\n"
        "\n"
        "What to do: an array behind a list or dictionary is as large as its owner was at its\n"
        "fullest; other large arrays are best rented from a pool or not made at all.\n",
    .run = run_large,
};
