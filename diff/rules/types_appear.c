/* Types that came, and types that went. */
#include "diff/rules/rules.h"
#include "diff/names/names.h"

/* What lives of it where every dump knows, else all of it. */
static struct cell size_at(const struct series *s, const struct series_type *type, uint32_t i) {
    return s->live_known ? (struct cell){type->live_objects[i], type->live_bytes[i]}
                         : type->totals[i];
}

/* It came at some step; did it go on growing behind that one? */
enum since { SINCE_NOT_KNOWN, SINCE_FLAT, SINCE_UNSTEADY };

static enum since since_it_came(const struct series *s, const struct series_type *type,
                                uint64_t floor) {
    if (type->verdict == VERDICT_STEP || type->verdict == VERDICT_SATURATING)
        return SINCE_FLAT;
    uint64_t before = 0;
    for (uint32_t i = 1; i + 1 < s->count; i++) {
        uint64_t bytes = size_at(s, type, i).bytes;
        /* A table that was cut before it came to the type tells nothing. */
        before = bytes == ABSENT ? before : rule_max(before, bytes);
    }
    /* What came at the last step may go on. */
    if (before < floor)
        return SINCE_NOT_KNOWN;
    int64_t more = series_delta(size_at(s, type, s->count - 1).bytes, before);
    return more < (int64_t)floor ? SINCE_FLAT : SINCE_UNSTEADY;
}

static void report_new(const struct series *s, struct findings *f, const struct series_type *type,
                       struct cell size, enum since since, bool large) {
    static const char *const said[] = {
        [SINCE_NOT_KNOWN] = "",
        [SINCE_FLAT] = "; since it came it has not grown",
        [SINCE_UNSTEADY] = "; since it came it has grown, but not steadily",
    };
    enum severity severity = since == SINCE_UNSTEADY || !large ? SEVERITY_NOTICE : SEVERITY_WARNING;
    struct finding *hit = findings_hit(
        f, &rule_new_type,
        name_is_framework(type->name) || since == SINCE_FLAT ? SEVERITY_INFO : severity, size.bytes,
        type->name);
    finding_summary(f, hit, "%s is new: %s object%s, %s, none in %s%s.", type->name,
                    say_count(f, size.objects), plural(size.objects), say_bytes(f, size.bytes),
                    series_snapshot_name(s, 0), said[since]);
    if (since == SINCE_FLAT)
        finding_next(f, hit, "Nothing: what is made once, and stays as it is, is no leak.");
    else
        finding_next(f, hit,
                     "Was this part of the program at work only later? If not, a %s dump tells "
                     "whether it grows.",
                     s->count == 2 ? "third" : "further");
    finding_text(f, hit, "type", type->name);
    finding_number(hit, "objects_new", FIELD_U64, size.objects);
    finding_number(hit, "bytes_new", FIELD_BYTES, size.bytes);
    finding_text(f, hit, "verdict", verdict_names[type->verdict]);
}

static bool types_appear_run_new(const struct series *s, const struct limits *limits,
                                 struct findings *f, struct err *err) {
    (void)err;
    uint32_t end = s->count - 1;
    uint64_t heap = s->live_known ? s->live_bytes[end] : series_heap_bytes(s, end);
    uint64_t floor = rule_max(rule_percent(heap, limits->new_type_percent), 1);
    for (uint32_t i = 0; i < s->type_count; i++) {
        const struct series_type *type = &s->types[i];
        struct cell size = size_at(s, type, end);
        /* One that went on growing since it came is a growing type. */
        if (type->is_free || type->rows[0] || !type->rows[end] || size.bytes == ABSENT ||
            size.bytes < floor || type->verdict == VERDICT_LEAK ||
            series_type_is_unlisted(s, type, 0))
            continue;
        report_new(s, f, type, size, since_it_came(s, type, floor),
                   size.bytes >= rule_percent(heap, 5));
    }
    return true;
}

const struct rule rule_new_type = {
    .id = "new-type",
    .summary = "types without objects in the first dump that matter in the last",
    .needs = PART_BIT(PART_TYPES),
    .whole = {{PART_TYPES, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at types of which the first dump has no object and the last has some. A type that\n"
        "came and grew at every later step is reported by growing-type instead; one that came and\n"
        "has stayed as it is since is told as no more than that. Where every dump knows what "
        "lives,\n"
        "only that counts.\n"
        "\n"
        "Threshold: new-type.heap-percent (share of the last heap, or of what lives in it, that "
        "the\n"
        "type takes).\n"
        "\n"
        "What to do: a new type is normal when the program began to do something else between\n"
        "the dumps. Take the first dump after the program has warmed up.\n",
    .run = types_appear_run_new,
};

static bool types_appear_run_gone(const struct series *s, const struct limits *limits,
                                  struct findings *f, struct err *err) {
    (void)err;
    uint32_t end = s->count - 1;
    uint64_t floor = rule_max(rule_percent(series_heap_bytes(s, 0), limits->new_type_percent), 1);
    for (uint32_t i = 0; i < s->type_count; i++) {
        const struct series_type *type = &s->types[i];
        uint64_t bytes = type->totals[0].bytes;
        if (type->is_free || !type->rows[0] || type->rows[end] || bytes < floor ||
            series_type_is_unlisted(s, type, end))
            continue;
        struct finding *hit = findings_hit(f, &rule_gone_type, SEVERITY_INFO, bytes, type->name);
        finding_summary(f, hit, "%s is gone: %s had %s object%s, %s.", type->name,
                        series_snapshot_name(s, 0), say_count(f, type->totals[0].objects),
                        plural(type->totals[0].objects), say_bytes(f, bytes));
        finding_text(f, hit, "type", type->name);
        finding_number(hit, "objects_base", FIELD_U64, type->totals[0].objects);
        finding_number(hit, "bytes_base", FIELD_BYTES, bytes);
    }
    return true;
}

const struct rule rule_gone_type = {
    .id = "gone-type",
    .summary = "types that mattered in the first dump and have no object in the last",
    .needs = PART_BIT(PART_TYPES),
    .whole = {{PART_TYPES, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at types of which the first dump has objects and the last has none: what was done\n"
        "at start and is finished, or garbage that was collected since.\n"
        "\n"
        "Threshold: new-type.heap-percent (share of the first heap that the type took).\n"
        "\n"
        "What to do: nothing; it explains a heap that shrank, or a type that was renamed between\n"
        "two releases (then another is new).\n",
    .run = types_appear_run_gone,
};
