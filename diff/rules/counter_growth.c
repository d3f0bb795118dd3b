/* Counters that grow: memory of the process and of its managed heap, and all others. */
#include "diff/rules/rules.h"

#include "base/num.h"
#include "model/snapshot.h"

#include <string.h>

/* Of the growth of the process, less than this by the heap is the growth of something else. */
#define HEAP_PERCENT 50
/* A heap that falls by so much of its height again and again makes garbage: that is its work. */
#define CHURN_PERCENT 50
/* Other counters that are told one by one. */
#define OTHERS_MOST 10u

/* Memory of a process as systems and tools count it, what is its own alone first: ends of names. */
static const struct str process_names[] = {
    STR_INIT("private-bytes"),   STR_INIT("private_bytes"), STR_INIT("working-set-private"),
    STR_INIT("anonymous_bytes"), STR_INIT("rss_bytes"),     STR_INIT("working-set"),
    STR_INIT("working_set"),
};

struct memory {
    uint64_t *values;           /* [count of snapshots] bytes; NULL: no snapshot tells */
    const char *name, *counter; /* in a sentence; of the process: the counter's */
    enum verdict verdict;
    uint64_t low, high; /* what it fell back to first and last, or first and last of all */
    uint32_t troughs;
};

static int64_t grown(const struct memory *m) {
    return m->values ? series_delta(m->high, m->low) : 0;
}

/* -- What tells -------------------------------------------------------------------------------- */

static bool known_throughout(const uint64_t *values, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (values[i] == ABSENT)
            return false;
    return true;
}

/* By where it stands behind collections, where it goes up and down. */
static bool memory_judge(const struct series *s, const struct limits *limits, struct memory *m,
                         struct findings *f) {
    uint64_t *low = arena_array(&f->arena, s->count, sizeof(*low));
    if (!low)
        return false;
    m->troughs = trend_troughs(m->values, s->count, low);
    m->low = m->values[0];
    m->high = m->values[s->count - 1];
    if (m->troughs) {
        m->high = low[m->troughs - 1];
        m->low = m->troughs > 1 ? low[0] : num_min(m->low, m->high);
    }
    m->verdict = series_growth_of_troughs(
        m->values, s->count,
        (struct series_floor){
            rule_max(rule_percent(m->values[0], limits->growing_type_self_percent), 1), 0});
    return true;
}

static bool process_memory(const struct series *s, const struct limits *limits, struct memory *m,
                           struct findings *f) {
    struct series_values all = series_values(s, GROUP_COUNTERS);
    for (size_t n = 0; n < sizeof(process_names) / sizeof(*process_names); n++)
        for (uint32_t v = 0; v < all.count; v++) {
            const struct series_value *value = &all.items[v];
            if (!str_ends(str_of(value->name), process_names[n]) ||
                !known_throughout(value->values, s->count))
                continue;
            m->values = value->values;
            m->counter = value->name;
            m->name = findings_text(f, "The process, by %s,", value->name);
            return memory_judge(s, limits, m, f);
        }
    return true;
}

static bool counts_the_heap(const struct series_value *value) {
    return RUNTIMES_SAY(words_within, heap_counters, str_of(value->name));
}

/* Counters of it, summed up where it has one a generation; else as the dumps know it. */
static bool heap_memory(const struct series *s, const struct limits *limits, struct memory *m,
                        struct findings *f) {
    struct series_values all = series_values(s, GROUP_COUNTERS);
    uint64_t *sum = arena_array(&f->arena, s->count, sizeof(*sum));
    if (!sum)
        return false;
    for (uint32_t i = 0; i < s->count; i++) {
        sum[i] = ABSENT;
        bool cut = i + 1 < s->count && snapshot_lacks_rows(s->snapshots[i], PART_COUNTERS);
        for (uint32_t v = 0; v < all.count; v++) {
            if (!counts_the_heap(&all.items[v]))
                continue;
            if (all.items[v].values[i] != ABSENT)
                sum[i] = num_add(sum[i] == ABSENT ? 0 : sum[i], all.items[v].values[i]);
            else if (cut) /* it may have had that generation, too */
                return true;
        }
        if (sum[i] == ABSENT)
            sum[i] = s->live_known ? s->live_bytes[i] : series_heap_bytes(s, i);
    }
    if (!known_throughout(sum, s->count))
        return true;
    m->values = sum;
    m->name = "The managed heap";
    return memory_judge(s, limits, m, f);
}

/* -- What is said ------------------------------------------------------------------------------ */

static const char *behind_text(const struct memory *m) {
    return m->troughs > 1 ? ", behind collections," : "";
}

static enum severity counter_severity(const struct limits *limits, const struct memory *m) {
    uint64_t least = m->counter ? limits->native_growth_min_bytes : limits->heap_growth_min_bytes;
    least = rule_max(least, rule_percent(m->low, limits->heap_growth_percent));
    bool much = grown(m) > 0 && (uint64_t)grown(m) >= least;
    return m->verdict == VERDICT_LEAK && much ? SEVERITY_WARNING : SEVERITY_NOTICE;
}

static void tell_memory(struct findings *f, const struct limits *limits, const struct memory *m,
                        const char *subject, const char *memory, const char *rest,
                        const char *next) {
    struct finding *hit = findings_hit(f, &rule_counter_growth, counter_severity(limits, m),
                                       (uint64_t)grown(m), subject);
    finding_summary(f, hit, "%s%s grew from %s to %s (%s)%s%s.", m->name, behind_text(m),
                    say_bytes(f, m->low), say_bytes(f, m->high), say_delta(f, grown(m)), rest,
                    m->verdict == VERDICT_INCONCLUSIVE ? ", but not steadily" : "");
    finding_next(f, hit, "%s", next);
    finding_text(f, hit, "memory", memory);
    finding_number(hit, "bytes_base", FIELD_BYTES, m->low);
    finding_number(hit, "bytes_new", FIELD_BYTES, m->high);
    finding_delta(hit, "bytes_delta", FIELD_BYTES, grown(m));
    finding_text(f, hit, "verdict", verdict_names[m->verdict]);
}

static bool may_grow(const struct memory *m) {
    return m->values && grown(m) > 0 &&
           (verdict_grows(m->verdict) || m->verdict == VERDICT_INCONCLUSIVE);
}

static void tell_process(struct findings *f, const struct limits *limits,
                         const struct memory *process, const struct memory *heap) {
    int64_t by_heap = grown(heap) > 0 ? grown(heap) : 0;
    if (!heap->values)
        tell_memory(f, limits, process, process->counter, "process",
                    "; nothing tells how much of it is managed",
                    "Dumps, or counters of the managed heap beside it, tell whether it is managed "
                    "or native memory.");
    else if ((double)by_heap * 100 < (double)grown(process) * HEAP_PERCENT)
        tell_memory(f, limits, process, process->counter, "native",
                    findings_text(f, ", while the managed heap%s went from %s to %s",
                                  behind_text(heap), say_bytes(f, heap->low),
                                  say_bytes(f, heap->high)),
                    "It is native memory that grows: record allocation stacks (UMDH, DebugDiag, "
                    "heaptrack, jemalloc) and diff these.");
}

/* A heap that is emptied each time: nothing to be found, and that is worth a word. */
static void tell_churn(struct findings *f, const struct series *s, const struct memory *heap) {
    uint64_t peak = 0;
    for (uint32_t i = 0; heap->values && i < s->count; i++)
        peak = num_max(peak, heap->values[i]);
    if (!heap->values || heap->troughs < 2 || heap->verdict != VERDICT_STABLE ||
        peak - heap->high < rule_percent(peak, CHURN_PERCENT))
        return;
    struct finding *hit =
        findings_hit(f, &rule_counter_growth, SEVERITY_INFO, peak, "managed heap");
    finding_summary(f, hit,
                    "%s goes up and down: up to %s, and back to %s at each of %u collections. "
                    "That is garbage, and no leak.",
                    heap->name, say_bytes(f, peak), say_bytes(f, heap->high), heap->troughs);
    finding_text(f, hit, "memory", "churn");
    finding_number(hit, "bytes_base", FIELD_BYTES, heap->low);
    finding_number(hit, "bytes_new", FIELD_BYTES, heap->high);
    finding_number(hit, "bytes_peak", FIELD_BYTES, peak);
}

/* What it counts nobody knows here: that it rises is said, and no more. */
static void tell_others(struct findings *f, const struct series *s, const struct memory *told) {
    struct series_values all = series_values(s, GROUP_COUNTERS);
    uint32_t said = 0;
    for (uint32_t v = 0; v < all.count && said < OTHERS_MOST; v++) {
        const struct series_value *value = &all.items[v];
        if (value->verdict != VERDICT_LEAK || counts_the_heap(value) ||
            (told->values && value->values == told->values))
            continue;
        uint64_t first = value->values[0], last = value->values[s->count - 1];
        struct finding *hit = findings_hit(f, &rule_counter_growth, SEVERITY_INFO, 0, value->name);
        finding_summary(f, hit, "%s rises, from %s to %s.", value->name, say_count(f, first),
                        say_count(f, last));
        finding_number(hit, "counter_base", FIELD_U64, first);
        finding_number(hit, "counter_new", FIELD_U64, last);
        finding_text(f, hit, "verdict", verdict_names[value->verdict]);
        said++;
    }
}

static bool run_counters(const struct series *s, const struct limits *limits, struct findings *f,
                         struct err *err) {
    struct memory process = {0}, heap = {0};
    if (rule_skip_cut(s, f, &rule_counter_growth, PART_COUNTERS, ASPECT_SUMS,
                      "list all that it sums up"))
        return true;
    if (!process_memory(s, limits, &process, f) || !heap_memory(s, limits, &heap, f))
        return err_nomem(err);
    /* Where a map tells native memory from the rest, native-growth says more; so do types of what
     * lives. */
    bool map = series_private_native(s, 0) != ABSENT;
    bool of_counters = !snapshot_has(series_base(s), PART_TYPES);
    const char *with = may_grow(&process)
                           ? findings_text(f, ", and with it the process (%s, %s)", process.counter,
                                           say_delta(f, grown(&process)))
                           : "";
    if (may_grow(&heap) && of_counters)
        tell_memory(f, limits, &heap, "managed heap", "managed", with,
                    "It is managed memory that grows: two dumps of the process say by what, and "
                    "who holds it.");
    if (may_grow(&process) && !map)
        tell_process(f, limits, &process, &heap);
    if (of_counters)
        tell_churn(f, s, &heap);
    tell_others(f, s, &process);
    return true;
}

const struct rule rule_counter_growth = {
    .id = "counter-growth",
    .summary = "counters that grow, and whether it is managed or native memory",
    .needs = PART_BIT(PART_COUNTERS),
    .whole = {{PART_COUNTERS, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at counters of the process (private bytes, else its working set) and at those of\n"
        "the managed heap. What goes up and down is judged by what it falls back to, behind\n"
        "collections, and not by where it happens to be at the end. Growth of the process of\n"
        "which the heap explains less than half is native. A heap that falls back to the same\n"
        "height each time makes garbage, and does not leak. Of all other counters it is said\n"
        "that they rise, and two samples are no more than a notice.\n"
        "\n"
        "Thresholds: growing-type.self-percent; a warning from heap-growth.percent on, and of the\n"
        "process from native-growth.min-bytes on.\n"
        "\n"
        "What to do: managed memory is found in dumps (`dumpdiff diff`), native memory with\n"
        "allocation stacks (UMDH, DebugDiag, heaptrack, jemalloc).\n",
    .run = run_counters,
};
