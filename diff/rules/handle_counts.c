/* GC handles and operating system handles. */
#include "diff/rules/rules.h"

#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <string.h>

#define LOOSE_HANDLES_LEAST 1000u

/* The type that most handles of a kind refer to; NULL when handles are not told by type. */
static const char *most_type(const struct snapshot *snapshot, const char *kind,
                             uint64_t *ret_count) {
    const char *type = NULL;
    *ret_count = 0;
    SNAPSHOT_ROWS(snapshot, PART_HANDLES, struct handle_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].type && rows[i].count != ABSENT && rows[i].count > *ret_count &&
            strcmp(rows[i].kind ? rows[i].kind : "", kind) == 0) {
            *ret_count = rows[i].count;
            type = rows[i].type;
        }
    return type;
}

/* Handles of the collector that keep nothing alive, or no more than their key does. */
static bool is_loose(const char *kind) {
    return strncmp(kind, "Weak", 4) == 0 || strncmp(kind, "Dependent", 9) == 0;
}

static void handle_counts_report(const struct series *s, struct findings *f,
                                 const struct rule *rule, const struct series_value *value,
                                 const char *what) {
    uint32_t end = s->count - 1;
    uint64_t first = value->counts[0], last = value->counts[end], most;
    /* Those that keep nothing alive are as many as what they refer to, until a collection. */
    bool keeps = rule != &rule_handles_growing || !is_loose(value->name) ||
                 last - first >= LOOSE_HANDLES_LEAST;
    struct finding *hit = findings_hit(f, rule, keeps ? SEVERITY_WARNING : SEVERITY_NOTICE,
                                       last - first, value->name);
    const char *type =
        rule == &rule_handles_growing ? most_type(series_new(s), value->name, &most) : NULL;
    bool gone = type && strcmp(type, HANDLE_OF_GONE) == 0;
    const char *mostly =
        !type  ? ""
        : gone ? findings_text(f, "; of %s of them the objects are gone", say_count(f, most))
               : findings_text(f, "; %s of them refer to %s", say_count(f, most), type);
    finding_summary(f, hit, "There are %s %s %s, %s before%s.", say_count(f, last), value->name,
                    what, say_count(f, first), mostly);
    finding_next(f, hit, "%s",
                 gone ? "Free each weak handle when its object is gone (GCHandle.Free), or keep a "
                        "WeakReference, whose finalizer frees it."
                 : rule == &rule_handles_growing
                     ? say_advice(f, s, ADVICE_HANDLES, NULL)
                     : "Find what opens them and does not close them: dispose what wraps "
                       "them.");
    finding_text(f, hit, "kind", value->name);
    finding_number(hit, "count_base", FIELD_U64, first);
    finding_number(hit, "count_new", FIELD_U64, last);
    finding_known(hit, "bytes_base", FIELD_BYTES, value->values[0]);
    finding_known(hit, "bytes_new", FIELD_BYTES, value->values[end]);
    finding_text(f, hit, "verdict", verdict_names[value->verdict]);
    if (type)
        finding_text(f, hit, "type", type);
}

static void run_part(const struct series *s, struct findings *f, const struct rule *rule,
                     enum series_group group, const char *what) {
    if (rule_skip_cut(s, f, rule, series_group_desc(group)->part, ASPECT_ROWS, "list all handles"))
        return;
    struct series_values values = series_values(s, group);
    enum part part = series_group_desc(group)->part;
    bool cut = snapshot_lacks_rows(series_new(s), part), told = false;
    for (uint32_t i = 0; i < values.count; i++) {
        /* Where the counts by kind are cut off, handles without a kind are all of them. */
        if (!verdict_grows(values.items[i].verdict) || (cut && !*values.items[i].name))
            continue;
        handle_counts_report(s, f, rule, &values.items[i], what);
        told = true;
    }
    for (uint32_t i = 0; i < s->count && !told; i++)
        if (snapshot_lacks_rows(s->snapshots[i], part)) {
            findings_skip(f, rule, "%s may not list all handles%s", series_snapshot_name(s, i),
                          rule_why(s, f, part, ASPECT_ROWS));
            return;
        }
}

static bool run_gc_handles(const struct series *s, const struct limits *limits, struct findings *f,
                           struct err *err) {
    (void)limits; /* the series judges: see limits_apply() */
    (void)err;
    run_part(s, f, &rule_handles_growing, GROUP_HANDLES_KIND, "GC handles");
    return true;
}

static bool run_os_handles(const struct series *s, const struct limits *limits, struct findings *f,
                           struct err *err) {
    (void)limits;
    (void)err;
    run_part(s, f, &rule_os_handles_growing, GROUP_OS_HANDLES_TYPE,
             "handles of the operating system");
    return true;
}

const struct rule rule_handles_growing = {
    .id = "handles-growing",
    .summary = "GC handles grow, by kind",
    .needs = PART_BIT(PART_HANDLES),
    .whole = {{PART_HANDLES, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at the number of GC handles of each kind (Strong, Pinned, WeakShort, Dependent,\n"
        "...), and at the type that most of them refer to where that is known. Strong and pinned\n"
        "handles keep objects alive; pinned ones keep the heap from being compacted.\n"
        "\n"
        "Thresholds: handles-growing.min-handles, handles-growing.percent (of those that were\n"
        "there); with three or more dumps spread over the steps, each of which has to grow.\n"
        "\n"
        "What to do: look for GCHandle.Alloc without Free, for timers that are never disposed and\n"
        "for delegates given to native code.\n",
    .run = run_gc_handles,
};

const struct rule rule_os_handles_growing = {
    .id = "os-handles-growing",
    .summary = "handles of the operating system grow, by type",
    .needs = PART_BIT(PART_OS_HANDLES),
    .whole = {{PART_OS_HANDLES, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at the handles that the process has open in the operating system, by type: File,\n"
        "Event, Thread, Key, ...\n"
        "\n"
        "Thresholds: os-handles-growing.min-handles, os-handles-growing.percent (of those that\n"
        "were there); with three or more dumps spread over the steps, each of which has to grow.\n"
        "\n"
        "What to do: dispose streams, sockets, wait handles and Process objects. Handles of\n"
        "threads that have ended mean that somebody keeps Thread objects.\n",
    .run = run_os_handles,
};
