/* Types that came, and types that went. */
#include "diff/rules/rules.h"
#include "diff/names/names.h"

static bool types_appear_run_new(const struct series *s, const struct limits *limits,
                                 struct findings *f, struct err *err) {
    (void)err;
    uint32_t end = s->count - 1;
    uint64_t heap = series_heap_bytes(s, end);
    uint64_t floor = rule_max(rule_percent(heap, limits->new_type_percent), 1);
    for (uint32_t i = 0; i < s->type_count; i++) {
        const struct series_type *type = &s->types[i];
        uint64_t bytes = type->totals[end].bytes;
        /* One that went on growing since it came is a growing type. */
        if (type->is_free || type->rows[0] || !type->rows[end] || bytes < floor ||
            type->verdict == VERDICT_LEAK)
            continue;
        bool large = bytes >= rule_percent(heap, 5);
        struct finding *hit = findings_hit(f, &rule_new_type,
                                           name_is_framework(type->name) ? SEVERITY_INFO
                                           : large                       ? SEVERITY_WARNING
                                                                         : SEVERITY_NOTICE,
                                           bytes, type->name);
        finding_summary(f, hit, "%s is new: %s object%s, %s, none in %s.", type->name,
                        say_count(f, type->totals[end].objects), plural(type->totals[end].objects),
                        say_bytes(f, bytes), series_snapshot_name(s, 0));
        finding_next(f, hit,
                     "Was this part of the program at work only later? If not, a third "
                     "dump tells whether it grows.");
        finding_text(f, hit, "type", type->name);
        finding_number(hit, "objects_new", FIELD_U64, type->totals[end].objects);
        finding_number(hit, "bytes_new", FIELD_BYTES, bytes);
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
        "came and grew at every later step is reported by growing-type instead.\n"
        "\n"
        "Threshold: new-type.heap-percent (share of the last heap that the type takes).\n"
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
        if (type->is_free || !type->rows[0] || type->rows[end] || bytes < floor)
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
