/* Caches and sessions that a web application keeps in its process, by the types of their entries.
 */
#include "diff/rules/rules.h"

#include <string.h>

/* "sessions kept in the process"; NULL: no such type. */
static const char *cache_counts_known(struct str type) {
    for (size_t i = 0; runtime_table[i]; i++) {
        const struct known_type *known = runtime_table[i]->known_types;
        for (; known && known->type.len; known++)
            if (str_eq(known->type, type) && known->counted)
                return known->counted;
    }
    return NULL;
}

/* Lengths of the names that are counted, as bits: most names are of another. */
#define LENGTHS_MAX 64u

static uint64_t counted_lengths(void) {
    uint64_t lengths = 0;
    for (size_t i = 0; runtime_table[i]; i++) {
        const struct known_type *known = runtime_table[i]->known_types;
        for (; known && known->type.len; known++)
            if (known->counted)
                lengths |= (uint64_t)1 << num_min(known->type.len, LENGTHS_MAX - 1);
    }
    return lengths;
}

static bool grew(const struct series *s, const struct series_type *type) {
    (void)s;
    return type->verdict == VERDICT_GROWING || type->verdict == VERDICT_LEAK;
}

static bool run_caches(const struct series *s, const struct limits *limits, struct findings *f,
                       struct err *err) {
    (void)limits;
    (void)err;
    uint32_t end = s->count - 1;
    uint64_t lengths = counted_lengths();
    for (uint32_t i = 0; i < s->type_count; i++) {
        const struct series_type *type = &s->types[i];
        if (!(lengths >> strnlen(type->name, LENGTHS_MAX - 1) & 1))
            continue;
        const char *entries = cache_counts_known(str_of(type->name));
        if (!entries || !type->rows[end])
            continue;
        uint64_t objects = type->totals[end].objects;
        struct finding *hit =
            findings_hit(f, &rule_cache_counts, grew(s, type) ? SEVERITY_WARNING : SEVERITY_INFO,
                         objects, type->name);
        struct cell most = series_type_most(s, type, 0);
        const char *before =
            s->count > 1 && most.objects != ABSENT
                ? findings_text(f, ", %s%s before",
                                series_type_is_unlisted(s, type, 0) ? "at most " : "",
                                say_count(f, most.objects))
                : "";
        finding_summary(f, hit, "There are %s %s%s (%s).", say_count(f, objects), entries, before,
                        type->name);
        if (grew(s, type))
            finding_next(f, hit, "Give entries a size and an expiry, and sessions a timeout.");
        finding_text(f, hit, "type", type->name);
        finding_number(hit, "objects", FIELD_U64, objects);
        if (s->count > 1)
            finding_delta(hit, "objects_delta", FIELD_U64, type->objects_delta);
    }
    return true;
}

const struct rule rule_cache_counts = {
    .id = "cache-counts",
    .summary = "entries of caches and sessions kept in the process",
    .needs = PART_BIT(PART_TYPES),
    .whole = {{PART_TYPES, ASPECT_ROWS}},
    .min_snapshots = 1,
    .explain =
        "Looks for the types by which ASP.NET, ASP.NET Core and the memory caches of .NET keep\n"
        "cache entries, sessions and connections, and counts them. Says something about a single\n"
        "dump, too.\n"
        "\n"
        "No thresholds of its own: growth is judged as for growing-type.\n"
        "\n"
        "What to do: when the counts grow, give entries a size and an expiry, and sessions a\n"
        "timeout; what they hold shows among the growing types.\n",
    .run = run_caches,
};
