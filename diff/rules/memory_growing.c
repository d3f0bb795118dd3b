/* Memory that grows by what tools count from outside: of containers, of processes, of their parts.
 */
#include "diff/rules/rules.h"

#include "base/num.h"
#include "diff/names/memory_counters.h"
#include "model/known_names.h"

#include <string.h>

/* Instances that are told one by one: the first of the counters, which are in order of names. */
#define INSTANCES_MOST 20u
/* A part explains the whole from this share of its growth on. */
#define PART_PERCENT 50

struct grown {
    const struct series_value *value; /* NULL: nothing */
    struct memory_counter is;
    int64_t delta;
};

/* What a counter says of memory; other: of none, or not in every dump. */
static struct grown grown_of(const struct series *s, const struct series_value *value) {
    struct grown g = {.value = value, .is = memory_counter_of(value->name)};
    for (uint32_t i = 0; i < s->count; i++)
        if (value->values[i] == ABSENT)
            g.is.kind = MEMORY_COUNTER_OTHER;
    g.delta = series_delta(value->values[s->count - 1], value->values[0]);
    return g;
}

static enum verdict memory_growing_verdict(const struct series *s, const struct limits *limits,
                                           const struct series_value *value) {
    return series_growth(
        value->values, s->count,
        (struct series_floor){
            rule_max(rule_percent(value->values[0], limits->heap_growth_percent), 1),
            limits->memory_growing_min_bytes});
}

/* "; its limit is 2.0 GiB" */
static const char *limit_text(const struct series *s, struct findings *f,
                              const struct series_value *value) {
    struct series_values all = series_values(s, GROUP_COUNTERS);
    struct str name = str_of(value->name), end = STR(".memory_bytes");
    if (!str_ends(name, end))
        return "";
    name = str_take(name, name.len - end.len);
    for (uint32_t v = 0; v < all.count; v++) {
        struct str other = str_of(all.items[v].name);
        uint64_t bytes = all.items[v].values[s->count - 1];
        if (str_starts(other, name) &&
            str_eq(str_drop(other, name.len), STR(".memory_limit_bytes")) && bytes != ABSENT)
            return findings_text(f, "; its limit is %s", say_bytes(f, bytes));
    }
    return "";
}

static struct finding *growing_hit(const struct series *s, const struct limits *limits,
                                   struct findings *f, const struct grown *grown,
                                   enum verdict verdict, const char *subject) {
    const struct series_value *value = grown->value;
    uint64_t more = grown->delta > 0 ? (uint64_t)grown->delta : 0;
    bool much = verdict_grows(verdict) && more >= limits->native_growth_min_bytes;
    struct finding *hit = findings_hit(f, &rule_memory_growing,
                                       much ? SEVERITY_WARNING : SEVERITY_NOTICE, more, subject);
    finding_text(f, hit, "counter", value->name);
    finding_number(hit, "bytes_base", FIELD_BYTES, value->values[0]);
    finding_number(hit, "bytes_new", FIELD_BYTES, value->values[s->count - 1]);
    finding_delta(hit, "bytes_delta", FIELD_BYTES, grown->delta);
    finding_text(f, hit, "verdict", verdict_names[verdict]);
    return hit;
}

/* "Container till-1", "V8's heap" */
static const char *grown_name(struct findings *f, const struct grown *grown) {
    struct str name = grown->is.name;
    return name.len ? findings_text(f, "%s %.*s", grown->is.what, (int)name.len, name.ptr)
                    : grown->is.what;
}

static void tell_instance(const struct series *s, const struct limits *limits, struct findings *f,
                          const struct grown *grown, enum verdict verdict) {
    const uint64_t *values = grown->value->values;
    const char *who = grown_name(f, grown);
    struct finding *hit = growing_hit(s, limits, f, grown, verdict, who);
    finding_summary(f, hit, "%s grew from %s to %s (%s)%s.", who, say_bytes(f, values[0]),
                    say_bytes(f, values[s->count - 1]), say_delta(f, grown->delta),
                    limit_text(s, f, grown->value));
    finding_next(f, hit, "%s", grown->is.next);
}

static void grown_take(struct grown *best, const struct grown *other, bool by_rank) {
    bool better =
        !best->value || (by_rank ? other->is.rank < best->is.rank : other->delta > best->delta);
    if (better)
        *best = *other;
}

/* The most telling of what grew, and the part that explains it best. */
static void look_at_process(const struct series *s, struct grown *whole, struct grown *part) {
    struct series_values all = series_values(s, GROUP_COUNTERS);
    for (uint32_t v = 0; v < all.count; v++) {
        struct grown g = grown_of(s, &all.items[v]);
        if (g.is.kind == MEMORY_COUNTER_WHOLE)
            grown_take(whole, &g, true);
        else if (g.is.kind == MEMORY_COUNTER_PART && g.delta > 0)
            grown_take(part, &g, false);
    }
    /* Of what is counted in another part as well the more telling is said. */
    for (uint32_t v = 0; part->value && v < all.count; v++) {
        struct grown g = grown_of(s, &all.items[v]);
        if (g.is.kind == MEMORY_COUNTER_PART && g.is.rank < part->is.rank &&
            g.delta > part->delta / 10 * 9)
            *part = g;
    }
}

static void tell_whole(const struct series *s, const struct limits *limits, struct findings *f,
                       const struct grown *whole, const struct grown *part, enum verdict verdict) {
    uint32_t end = s->count - 1;
    const uint64_t *values = whole->value->values;
    bool explains = part->value && (double)part->delta * 100 >= (double)whole->delta * PART_PERCENT;
    struct finding *hit = growing_hit(s, limits, f, whole, verdict, whole->is.what);
    const char *by = explains
                         ? findings_text(f, ", %s of it by %s", say_bytes(f, (uint64_t)part->delta),
                                         grown_name(f, part))
                         : "";
    finding_summary(f, hit, "The %s grew from %s to %s (%s)%s.", whole->is.what,
                    say_bytes(f, values[0]), say_bytes(f, values[end]), say_delta(f, whole->delta),
                    by);
    finding_next(f, hit, "%s", explains ? part->is.next : whole->is.next);
    if (explains)
        finding_text(f, hit, "part", part->value->name);
}

/* Without any figure of the whole. */
static void tell_part(const struct series *s, const struct limits *limits, struct findings *f,
                      const struct grown *part, enum verdict verdict) {
    uint32_t end = s->count - 1;
    const uint64_t *values = part->value->values;
    const char *name = grown_name(f, part);
    /* Of the heap alone two samples may be of before and behind a collection. */
    struct finding *hit = growing_hit(
        s, limits, f, part, verdict == VERDICT_LEAK ? verdict : VERDICT_INCONCLUSIVE, name);
    finding_summary(f, hit, "Memory of %s grew from %s to %s (%s).", name, say_bytes(f, values[0]),
                    say_bytes(f, values[end]), say_delta(f, part->delta));
    finding_next(f, hit, "%s", part->is.next);
}

static bool growing_matters(enum verdict verdict) {
    return verdict_grows(verdict) || verdict == VERDICT_INCONCLUSIVE;
}

/* Types, maps and stacks say more, and have rules of their own. */
static bool others_say_more(const struct series *s) {
    return (s->parts_all & (PART_BIT(PART_TYPES) | PART_BIT(PART_STACKS))) ||
           series_private_native(s, 0) != ABSENT;
}

static bool run_growing(const struct series *s, const struct limits *limits, struct findings *f,
                        struct err *err) {
    struct series_values all = series_values(s, GROUP_COUNTERS);
    struct grown whole = {.value = NULL}, part = {.value = NULL};
    if (rule_skip_cut(s, f, &rule_memory_growing, PART_COUNTERS, ASPECT_SUMS,
                      "list all that it sums up"))
        return true;
    uint32_t counters = 0, told = 0;
    (void)err;
    for (uint32_t v = 0; v < all.count; v++) {
        struct grown g = grown_of(s, &all.items[v]);
        counters += g.is.kind != MEMORY_COUNTER_OTHER;
        if (g.is.kind != MEMORY_COUNTER_INSTANCE)
            continue;
        enum verdict verdict = memory_growing_verdict(s, limits, g.value);
        if (growing_matters(verdict) && told++ < INSTANCES_MOST)
            tell_instance(s, limits, f, &g, verdict);
    }
    if (!counters) {
        findings_skip(f, &rule_memory_growing, "no counter of every dump tells of memory");
        return true;
    }
    if (others_say_more(s))
        return true;
    look_at_process(s, &whole, &part);
    const struct grown *judged = whole.value ? &whole : &part;
    enum verdict verdict =
        judged->value ? memory_growing_verdict(s, limits, judged->value) : VERDICT_STABLE;
    if (!growing_matters(verdict))
        return true;
    if (whole.value)
        tell_whole(s, limits, f, &whole, &part, verdict);
    else
        tell_part(s, limits, f, &part, verdict);
    return true;
}

const struct rule rule_memory_growing = {
    .id = "memory-growing",
    .summary = "containers and processes that grow, and by which part of their memory",
    .needs = PART_BIT(PART_COUNTERS),
    .whole = {{PART_COUNTERS, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at what tools count of memory from outside: containers, pods and processes of a\n"
        "list, each by itself; and of one process the most telling figure of the whole, with the\n"
        "part of it that explains at least half of its growth (a runtime's heap, buffers outside\n"
        "of it, classes, stacks). Limits, reserved memory and what was ever allocated are no\n"
        "memory that is there. Where types, allocation stacks or a memory map tell of the\n"
        "process, their rules say more.\n"
        "\n"
        "Thresholds: memory-growing.min-bytes, heap-growth.percent (of the first figure); with\n"
        "three or more spread over the steps. A warning from native-growth.min-bytes on.\n"
        "\n"
        "What to do: such a figure says that memory grows, and not by what. The next step named\n"
        "is the one that fits the part that grew.\n",
    .run = run_growing,
};
