/* The heap as a whole, and its generations. */
#include "diff/rules/rules.h"

#include "base/num.h"
#include "model/snapshot.h"
#include "model/rows_origin.h"
#include "model/rows_heap.h"

#include <string.h>

/*
 * Heaps and regions that are not listed may hold some of a generation: what is listed is nothing
 * then, or in all but the last snapshot too little to compare with.
 */
static bool rule_sum_holds(const struct series *s, uint32_t i, enum part part, uint64_t bytes) {
    return part == PART_TYPES || (bytes && i + 1 == s->count);
}

/* Bytes of one generation over the series from one source; false: not every dump tells. */
static bool from_values(const struct series *s, enum series_group group, int gen,
                        uint64_t *values) {
    const struct series_value *value = series_value_of_generation(s, group, gen);
    enum part part = series_group_desc(group)->part;
    if (!(s->parts_all & PART_BIT(part)))
        return false;
    for (uint32_t i = 0; i < s->count; i++) {
        /* Of a generation that no snapshot names there is nothing, unless rows are missing. */
        values[i] = value ? value->values[i] : 0;
        bool lacks = snapshot_absence(s->snapshots[i], part, ASPECT_ROWS);
        if (values[i] == ABSENT || (lacks && (!value || !rule_sum_holds(s, i, part, values[i]))))
            return false;
    }
    return true;
}

/* Readers of heaps without generations leave all of them 0. */
static bool heaps_tell(const struct series *s) {
    for (uint32_t i = 0; i < s->count; i++) {
        bool any = false;
        for (int g = 0; g < GEN_COUNT; g++) {
            const struct series_value *value =
                series_value_of_generation(s, GROUP_HEAPS_GENERATION, g);
            any = any || (value && value->values[i] != ABSENT && value->values[i] > 0);
        }
        if (!any)
            return false;
    }
    return true;
}

/* Segments hold gen0 to gen2 together: only LOH and POH can be told from these. */
static bool regions_tell(const struct series *s, int gen) {
    if (gen >= GEN_LOH)
        return true;
    return series_value_of_generation(s, GROUP_REGIONS_KIND, GEN_2) != NULL;
}

bool rule_generation(const struct series *s, int gen, uint64_t *values) {
    if (s->generations_known && from_values(s, GROUP_TYPES_GENERATION, gen, values))
        return true;
    if ((s->parts_all & PART_BIT(PART_HEAPS)) && heaps_tell(s) &&
        from_values(s, GROUP_HEAPS_GENERATION, gen, values))
        return true;
    return (s->parts_all & PART_BIT(PART_REGIONS)) && regions_tell(s, gen) &&
           from_values(s, GROUP_REGIONS_KIND, gen, values);
}

bool rule_grows(const uint64_t *values, uint32_t count, double percent, uint64_t min_bytes,
                enum verdict *ret_verdict) {
    *ret_verdict = series_growth(
        values, count,
        (struct series_floor){rule_max(rule_percent(values[0], percent), 1), min_bytes});
    return *ret_verdict == VERDICT_GROWING || *ret_verdict == VERDICT_LEAK ||
           *ret_verdict == VERDICT_INCONCLUSIVE;
}

/* Is the last value more than the first by the floor? */
static bool rule_added(const uint64_t *values, uint32_t count, uint64_t floor) {
    int64_t delta = series_delta(values[count - 1], values[0]);
    return delta > 0 && (uint64_t)delta >= floor;
}

/* Bytes in use: the heap without Free where that is known. */
static uint64_t used_bytes(const struct series *s, uint32_t snapshot) {
    if (!snapshot_has(s->snapshots[snapshot], PART_TYPES) ||
        snapshot_origin(s->snapshots[snapshot])->types_filter)
        return series_heap_bytes(s, snapshot);
    uint64_t used = series_heap_bytes(s, snapshot);
    if (used < s->sums[snapshot].total.bytes) /* another's figure: free space is not part of it */
        return used;
    for (int g = 0; g < GEN_COUNT; g++) {
        const struct series_value *free_bytes = series_value_of_generation(s, GROUP_TYPES_FREE, g);
        if (free_bytes && free_bytes->values[snapshot] != ABSENT)
            used -= free_bytes->values[snapshot] < used ? free_bytes->values[snapshot] : used;
    }
    return used;
}

static void add_generations(const struct series *s, struct finding *hit, uint64_t *values) {
    for (int g = 0; g < GEN_UNKNOWN; g++)
        if (rule_generation(s, g, values) && (values[0] || values[s->count - 1]))
            finding_delta(hit, generation_names[g], FIELD_BYTES,
                          (int64_t)(values[s->count - 1] - values[0]));
}

/* [bytes] by which the framework's own caches make any small heap grow. */
#define HEAP_LITTLE ((uint64_t)256 << 10)

/* Did what lives grow with the heap? */
enum live_growth { LIVE_NOT_KNOWN, LIVE_DID_NOT, LIVE_TOO, LIVE_ALONE };

/* The generation that grew most, for the sentence; NULL when none is known to have grown. */
static const char *most_grown(const struct series *s, struct findings *f, uint64_t *values) {
    int64_t most = 0;
    int which = -1;
    for (int g = 0; g < GEN_UNKNOWN; g++) {
        if (!rule_generation(s, g, values))
            continue;
        int64_t delta = (int64_t)(values[s->count - 1] - values[0]);
        if (delta > most) {
            most = delta;
            which = g;
        }
    }
    if (which < 0)
        return "";
    return findings_text(f, ", most of it in %s (%s)", generation_names[which], say_delta(f, most));
}

/* The type that makes most of the growth, where no generation is known to. */
static const char *most_grown_type(const struct series *s, struct findings *f, int64_t heap) {
    const struct series_type *most = NULL;
    for (uint32_t i = 0; i < s->type_count; i++) {
        const struct series_type *type = &s->types[i];
        bool known = !type->is_free && !series_type_is_unlisted(s, type, 0) &&
                     !series_type_is_unlisted(s, type, s->count - 1);
        if (known && (!most || type->bytes_delta > most->bytes_delta))
            most = type;
    }
    if (!most || most->bytes_delta <= 0 || most->bytes_delta < heap / 2)
        return "";
    return findings_text(f, ", of its types %s most (%s)", most->name,
                         say_delta(f, most->bytes_delta));
}

/* What is said of it, where the dumps know what lives. */
static const char *heap_sentence(const struct series *s, struct findings *f, const uint64_t *values,
                                 uint64_t *scratch, enum live_growth live) {
    uint32_t end = s->count - 1;
    const char *first = findings_text(f, "%s%s", series_heap_is_least(s, 0) ? "at most " : "",
                                      say_bytes(f, values[0]));
    const char *last = findings_text(f, "%s%s", series_heap_is_least(s, end) ? "at least " : "",
                                     say_bytes(f, values[end]));
    if (live == LIVE_ALONE)
        return findings_text(f,
                             "What lives in the managed heap grew from %s to %s (%s), while the "
                             "heap with its garbage went from %s to %s",
                             say_bytes(f, s->live_bytes[0]), say_bytes(f, s->live_bytes[end]),
                             say_delta(f, series_delta(s->live_bytes[end], s->live_bytes[0])),
                             first, last);
    int64_t delta = series_delta(values[end], values[0]);
    const char *most = most_grown(s, f, scratch);
    const char *text =
        findings_text(f, "The managed heap grew from %s to %s (%s)%s", first, last,
                      say_delta(f, delta), *most ? most : most_grown_type(s, f, delta));
    if (live == LIVE_NOT_KNOWN)
        return text;
    return findings_text(f, "%s%s: what lives in it went from %s to %s", text,
                         live == LIVE_DID_NOT ? ", by garbage" : "", say_bytes(f, s->live_bytes[0]),
                         say_bytes(f, s->live_bytes[end]));
}

static void report_heap(const struct series *s, struct findings *f, uint64_t *values,
                        uint64_t *scratch, enum live_growth live, enum verdict verdict) {
    uint32_t end = s->count - 1;
    const uint64_t *judged = live == LIVE_NOT_KNOWN ? values : s->live_bytes;
    bool little = num_magnitude(series_delta(judged[end], judged[0])) < HEAP_LITTLE;
    bool sure = live != LIVE_DID_NOT && !little && verdict_grows(verdict);
    struct finding *hit =
        findings_hit(f, &rule_heap_growth, sure ? SEVERITY_WARNING : SEVERITY_NOTICE, 0,
                     "heap"); /* a symptom: ranks below the types that cause it */
    finding_summary(f, hit, "%s%s.", heap_sentence(s, f, values, scratch, live),
                    verdict == VERDICT_INCONCLUSIVE ? ", but not steadily" : "");
    finding_next(f, hit, "%s",
                 live == LIVE_DID_NOT ? GARBAGE_NEXT : "The growing types say what it grew by.");
    finding_number(hit, "bytes_base", FIELD_BYTES, values[0]);
    finding_number(hit, "bytes_new", FIELD_BYTES, values[end]);
    finding_delta(hit, "bytes_delta", FIELD_BYTES, series_delta(values[end], values[0]));
    finding_known(hit, "live_bytes_base", FIELD_BYTES, s->live_bytes[0]);
    finding_known(hit, "live_bytes_new", FIELD_BYTES, s->live_bytes[end]);
    if (live != LIVE_DID_NOT) /* no verdict on garbage */
        finding_text(f, hit, "verdict", verdict_names[verdict]);
    add_generations(s, hit, scratch);
}

/* Is its size the sum of heaps of which some are not listed? */
static bool only_some_heaps(const struct snapshot *s) {
    const struct gc_row *gc = snapshot_row(s, PART_GC);
    return !snapshot_has(s, PART_TYPES) && (!gc || gc->allocated_bytes == ABSENT) &&
           snapshot_absence(s, PART_HEAPS, ASPECT_ROWS);
}

static bool run_heap(const struct series *s, const struct limits *limits, struct findings *f,
                     struct err *err) {
    uint64_t *values = arena_array(&f->arena, s->count, sizeof(*values));
    uint64_t *scratch = arena_array(&f->arena, s->count, sizeof(*scratch));
    if (!values || !scratch)
        return err_nomem(err);
    for (uint32_t i = 0; i < s->count; i++) {
        values[i] = used_bytes(s, i);
        if (values[i] == ABSENT) {
            findings_skip(f, &rule_heap_growth, "%s does not say how large its heap is%s",
                          series_snapshot_name(s, i), rule_why(s, f, PART_TYPES, ASPECT_ROWS));
            return true;
        }
    }
    if (series_heap_is_least(s, 0))
        values[0] = series_heap_most(s, 0);
    bool by_heaps = only_some_heaps(s->snapshots[0]);
    if (by_heaps || values[0] == ABSENT) {
        findings_skip(f, &rule_heap_growth, "%s does not list all of its heap%s",
                      series_snapshot_name(s, 0),
                      rule_why(s, f, by_heaps ? PART_HEAPS : PART_TYPES, ASPECT_ROWS));
        return true;
    }
    double percent = limits->heap_growth_percent;
    uint64_t least = limits->heap_growth_min_bytes;
    enum verdict verdict, of_live = VERDICT_NONE;
    bool grew = rule_grows(values, s->count, percent, least, &verdict);
    bool live = s->live_known && rule_grows(s->live_bytes, s->count, percent, least, &of_live);
    bool sure = live && of_live != VERDICT_INCONCLUSIVE;
    if (!grew && !sure)
        return true;
    uint64_t floor = rule_max(rule_percent(s->live_bytes[0], percent), least);
    enum live_growth growth = !s->live_known ? LIVE_NOT_KNOWN
                              : live         ? (grew ? LIVE_TOO : LIVE_ALONE)
                              : rule_added(s->live_bytes, s->count, floor) ? LIVE_TOO
                                                                           : LIVE_DID_NOT;
    report_heap(s, f, values, scratch, growth, s->live_known ? of_live : verdict);
    return true;
}

const struct rule rule_heap_growth = {
    .id = "heap-growth",
    .summary = "the managed heap grows, by generation",
    .whole = {{PART_TYPES, ASPECT_ROWS}, {PART_HEAPS, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at the bytes in use (without Free) of the whole heap, and says which generation\n"
        "took most of the growth. Where every dump knows what lives, that is what is judged: a\n"
        "heap that grew by garbage alone is a notice that says so. Else growth in gen2, LOH or "
        "POH\n"
        "outlived collections, and growth in gen0 and gen1 alone may be garbage.\n"
        "\n"
        "Thresholds: heap-growth.percent (of the base), heap-growth.min-bytes; with three or more\n"
        "dumps spread over the steps. Less than 256 KiB is a notice.\n"
        "\n"
        "What to do: read the growing types, which say what the heap grew by.\n",
    .run = run_heap,
};
