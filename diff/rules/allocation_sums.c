/* Outstanding allocations by module and by size, and how much of native growth they explain. */
#include "diff/rules/rules.h"

#include "base/num.h"
#include "model/snapshot.h"

#include <string.h>

#define ROWS_MOST 20u

/* -- Modules ----------------------------------------------------------------------------------- */

static uint64_t allocation_sums_growth_of(const struct series_allocations *sums) {
    uint64_t growth = 0;
    for (uint32_t i = 0; i < sums->count; i++)
        if (sums->rows[i].bytes_delta > 0)
            growth = num_add(growth, (uint64_t)sums->rows[i].bytes_delta);
    return growth;
}

static void allocation_sums_report_module(const struct series *s, struct findings *f,
                                          const struct series_allocation *row, enum verdict verdict,
                                          uint64_t growth) {
    uint32_t end = s->count - 1;
    uint64_t more = (uint64_t)row->bytes_delta;
    bool few;
    const char *estimated = say_samples(f, s, row->bytes_delta, row->count_delta, &few);
    struct finding *hit = findings_hit(f, &rule_module_growing,
                                       few ? SEVERITY_INFO : SEVERITY_NOTICE, more, row->name);
    finding_summary(f, hit, "%s has %s more outstanding: %s, %s before; %s of all growth%s%s%s.",
                    row->name, say_bytes(f, more), say_bytes(f, row->self[end].bytes),
                    say_bytes(f, row->self[0].bytes), say_share(f, more, growth),
                    say_per(f, s, row->bytes_delta), estimated,
                    s->allocations[BY_MODULE].from_stacks ? rule_hedge(s, f, PART_STACKS) : "");
    finding_next(f, hit, "Look at the stacks of this module (--focus), and who calls it.");
    finding_delta(hit, "bytes_delta", FIELD_BYTES, row->bytes_delta);
    finding_delta(hit, "count_delta", FIELD_U64, row->count_delta);
    finding_number(hit, "growth_of_all", FIELD_BYTES, growth);
    finding_text(f, hit, "verdict", verdict_names[verdict]);
}

static uint64_t allocation_sums_floor_of(const struct series *s, double percent) {
    return rule_max(rule_percent(s->allocated[0].bytes, percent), 1);
}

static enum verdict allocation_sums_judge(const struct series *s,
                                          const struct series_allocation *row, uint64_t floor,
                                          uint64_t *values) {
    for (uint32_t i = 0; i < s->count; i++)
        values[i] = row->self[i].bytes;
    return series_growth(values, s->count, (struct series_floor){1, floor});
}

static bool run_modules(const struct series *s, const struct limits *limits, struct findings *f,
                        struct err *err) {
    const struct series_allocations *sums = &s->allocations[BY_MODULE];
    uint64_t *values = arena_array(&f->arena, s->count, sizeof(*values));
    uint32_t told = 0;
    if (!values)
        return err_nomem(err);
    if (!sums->total) {
        findings_skip(f, &rule_module_growing, "needs allocations and their modules");
        return true;
    }
    /* A module has more in what is not listed: by how much it grew, nobody knows. */
    if (sums->from_stacks && rule_listed(s, PART_STACKS) == LISTED_CUT &&
        rule_skip_cut(s, f, &rule_module_growing, PART_STACKS, ASPECT_ROWS, "list all allocations"))
        return true;
    uint64_t growth = allocation_sums_growth_of(sums),
             floor = allocation_sums_floor_of(s, limits->module_growth_percent);
    for (uint32_t i = 0; i < sums->count && told < ROWS_MOST; i++) {
        enum verdict verdict = allocation_sums_judge(s, &sums->rows[i], floor, values);
        if (!verdict_grows(verdict) || sums->rows[i].bytes_delta <= 0)
            continue;
        /* A text that was cut within a stack has lost who allocated. */
        if (sums->from_stacks && strcmp(sums->rows[i].name, "[unknown]") == 0 &&
            snapshot_lacks_rows(series_new(s), PART_STACKS))
            continue;
        allocation_sums_report_module(s, f, &sums->rows[i], verdict, growth);
        told++;
    }
    return true;
}

const struct rule rule_module_growing = {
    .id = "module-growing",
    .summary = "modules with more and more outstanding allocations",
    .whole = {{PART_STACKS, ASPECT_ROWS}, {PART_ALLOCATIONS, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at the outstanding bytes of each module: as the source puts them down to modules,\n"
        "else of the module of the innermost function that is no allocator's.\n"
        "\n"
        "Threshold: module-growing.percent (of all outstanding bytes of the first dump); with\n"
        "three or more dumps spread over the steps, each of which has to grow.\n"
        "\n"
        "What to do: a module that allocates need not be the one that should free. Look at its\n"
        "stacks, and at who calls it.\n",
    .run = run_modules,
};

/* -- Sizes ------------------------------------------------------------------------------------- */

static void report_size(const struct series *s, struct findings *f,
                        const struct series_allocation *row, uint64_t part, uint64_t whole) {
    uint32_t end = s->count - 1;
    bool diff = s->count > 1, few = false;
    const char *estimated =
        diff ? say_samples(f, s, row->bytes_delta, row->count_delta, &few) : say_estimated(s);
    const char *hedge =
        rule_hedge(s, f, s->allocations[BY_SIZE].from_stacks ? PART_STACKS : PART_ALLOCATIONS);
    enum severity severity = few               ? SEVERITY_INFO
                             : diff && !*hedge ? SEVERITY_WARNING
                                               : SEVERITY_NOTICE;
    struct finding *hit =
        findings_hit(f, &rule_allocation_size_dominates, severity, part,
                     findings_text(f, "allocations of %s bytes", say_count(f, row->size_each)));
    const char *count =
        row->self[end].objects == ABSENT
            ? ""
            : findings_text(f, " (%s of them)", say_count(f, row->self[end].objects));
    if (diff)
        finding_summary(f, hit,
                        "Allocations of %s bytes each are %s of all growth: %s, %s before%s%s%s.",
                        say_count(f, row->size_each), say_share(f, part, whole),
                        say_bytes(f, row->self[end].bytes), say_bytes(f, row->self[0].bytes), count,
                        estimated, hedge);
    else
        finding_summary(f, hit,
                        "Allocations of %s bytes each are %s of what is outstanding: %s%s%s.",
                        say_count(f, row->size_each), say_share(f, part, whole),
                        say_bytes(f, row->self[0].bytes), count, estimated);
    finding_next(f, hit,
                 "Look for the structure of that size, or the buffer that is asked for so.");
    finding_number(hit, "size_each", FIELD_BYTES, row->size_each);
    finding_number(hit, "bytes", FIELD_BYTES, row->self[end].bytes);
    finding_known(hit, "count", FIELD_U64, row->self[end].objects);
    finding_number(hit, "of_all", FIELD_BYTES, whole);
}

static bool run_sizes(const struct series *s, const struct limits *limits, struct findings *f,
                      struct err *err) {
    const struct series_allocations *sums = &s->allocations[BY_SIZE];
    (void)err;
    if (!sums->total) {
        findings_skip(f, &rule_allocation_size_dominates, "needs the sizes of allocations");
        return true;
    }
    bool diff = s->count > 1;
    enum part part = sums->from_stacks ? PART_STACKS : PART_ALLOCATIONS;
    if (diff && rule_listed(s, part) == LISTED_CUT &&
        rule_skip_cut(s, f, &rule_allocation_size_dominates, part, ASPECT_ROWS,
                      "list all allocations"))
        return true;
    uint64_t whole = diff ? allocation_sums_growth_of(sums) : s->allocated[0].bytes;
    uint64_t floor = diff ? rule_allocation_floor(s, limits) : 1;
    for (uint32_t i = 0; i < sums->count; i++) {
        const struct series_allocation *row = &sums->rows[i];
        uint64_t bytes = !diff                  ? row->self[0].bytes
                         : row->bytes_delta > 0 ? (uint64_t)row->bytes_delta
                                                : 0;
        /* One allocation is of one size: that says nothing. */
        bool several =
            row->self[s->count - 1].objects == ABSENT || row->self[s->count - 1].objects > 1;
        if (row->size_each == ABSENT || bytes == ABSENT || bytes < floor || !several ||
            sums->count < 2)
            continue;
        if ((double)bytes * 100 >= (double)whole * limits->allocation_size_percent)
            report_size(s, f, row, bytes, whole);
    }
    return true;
}

const struct rule rule_allocation_size_dominates = {
    .id = "allocation-size-dominates",
    .summary = "one size of allocation is most of the growth, or of what is outstanding",
    .whole = {{PART_STACKS, ASPECT_ROWS}, {PART_ALLOCATIONS, ASPECT_ROWS}},
    .min_snapshots = 1,
    .explain =
        "Looks at outstanding allocations by their size. When one size is most of them, or most\n"
        "of what was added, one structure leaks, and its size is a way to find it: without a\n"
        "stack, too. Says something about a single dump as well.\n"
        "\n"
        "Threshold: allocation-size-dominates.percent.\n"
        "\n"
        "What to do: look for the structure that has this size (the debugger prints the size of\n"
        "types), or for the constant that is asked for.\n",
    .run = run_sizes,
};

/* -- Native growth ----------------------------------------------------------------------------- */

/* Private memory by the map, else as the process or the system counts it. */
static uint64_t native_at(const struct series *s, uint32_t i) {
    static const enum series_value_id counters[] = {VALUE_PRIVATE_BYTES, VALUE_ANONYMOUS_BYTES,
                                                    VALUE_RSS_BYTES, VALUE_WORKING_SET};
    uint64_t bytes = series_native_bytes(s, i);
    if (bytes != ABSENT)
        return bytes;
    for (size_t c = 0; c < sizeof(counters) / sizeof(*counters); c++) {
        const struct series_value *value = series_value(s, counters[c]);
        if (value && value->values[0] != ABSENT && value->values[s->count - 1] != ABSENT)
            return value->values[i];
    }
    return ABSENT;
}

static bool run_explained(const struct series *s, const struct limits *limits, struct findings *f,
                          struct err *err) {
    uint32_t end = s->count - 1;
    uint64_t first = native_at(s, 0), last = native_at(s, end);
    (void)err;
    if (!s->allocated || s->allocated[0].bytes == ABSENT || s->allocated[end].bytes == ABSENT ||
        first == ABSENT || last == ABSENT) {
        findings_skip(f, &rule_native_explained,
                      "needs allocations, and a memory map or counters of the process");
        return true;
    }
    if (rule_listed(s, PART_STACKS) == LISTED_CUT &&
        rule_skip_cut(s, f, &rule_native_explained, PART_STACKS, ASPECT_ROWS,
                      "list all allocations"))
        return true;
    int64_t known = series_delta(s->allocated[end].bytes, s->allocated[0].bytes);
    uint64_t explained = known > 0 ? (uint64_t)known : 0;
    if (last <= first || last - first < limits->native_growth_min_bytes)
        return true;
    uint64_t grown = last - first;
    bool most = explained >= grown / 2;
    struct finding *hit = findings_hit(
        f, &rule_native_explained, most ? SEVERITY_INFO : SEVERITY_NOTICE, grown, "native memory");
    finding_summary(f, hit, "Of %s by which native memory grew, allocations account for %s (%s)%s.",
                    say_bytes(f, grown), say_bytes(f, explained), say_share(f, explained, grown),
                    say_estimated(s));
    if (!most)
        finding_next(f, hit,
                     "The rest is not in these stacks: other allocators, mappings, "
                     "fragmentation, or code that the profiler does not see.");
    finding_number(hit, "native_growth", FIELD_BYTES, grown);
    finding_number(hit, "explained", FIELD_BYTES, explained);
    return true;
}

const struct rule rule_native_explained = {
    .id = "native-explained",
    .summary = "how much of the growth of native memory the allocations account for",
    .whole = {{PART_STACKS, ASPECT_ROWS}, {PART_MEMORY_MAP, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at the growth of private memory outside the managed heap (by the memory map, else\n"
        "by counters of the process) and at that of outstanding allocations in the same dumps.\n"
        "\n"
        "Threshold: native-growth.min-bytes.\n"
        "\n"
        "What to do: where the allocations explain most of it, read the stacks that grow. Where\n"
        "they do not, look for memory that goes round the profiled allocator: mmap, a second C\n"
        "runtime, pools, or fragmentation.\n",
    .run = run_explained,
};
