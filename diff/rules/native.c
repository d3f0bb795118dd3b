/* Memory outside the managed heap: loader, native allocations, address space. */
#include "diff/rules/hints.h"
#include "diff/rules/rules.h"

#include "base/num.h"
#include "model/known_names.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <string.h>

static bool native_grows(const uint64_t *values, uint32_t count, uint64_t least) {
    return verdict_grows(series_growth(values, count, (struct series_floor){1, least}));
}

/* [bytes] of growth that no warm-up has. */
#define LOADER_SURE ((uint64_t)8 << 20)
/* Of the first step, the last is at least so much when nothing warms up. */
#define LOADER_STEADY_PERCENT 95
/* Of what there is, so much has to come: a large program compiles more while it warms up. */
#define LOADER_LARGE_PERCENT 10

/* -- Loader ------------------------------------------------------------------------------------ */

/* Objects of it are how code that was made or loaded is kept? */
static bool keeps_code(const char *type) {
    const struct hint *hint = hint_find(type);
    return hint && hint->symptom && strcmp(hint->symptom, rule_loader_growth.id) == 0;
}

/*
 * What is made or loaded at run time has an object that stands for it: where these do not become
 * more, methods that were there are compiled, once more for the often called. Also where no dump
 * has types: then nothing speaks against it.
 */
static bool more_is_loaded(const struct series *s, const struct limits *limits, uint64_t *sums) {
    if (!(s->parts_all & PART_BIT(PART_TYPES)))
        return true;
    for (uint32_t k = 0; k < s->count; k++)
        sums[k] = 0;
    for (uint32_t i = 0; i < s->type_count; i++) {
        const struct series_type *type = &s->types[i];
        for (uint32_t k = 0; keeps_code(type->name) && k < s->count; k++) {
            uint64_t live = type->live_objects[k];
            uint64_t objects = live != ABSENT ? live : type->totals[k].objects;
            sums[k] = num_add(sums[k], objects == ABSENT ? 0 : objects);
        }
    }
    return native_grows(sums, s->count, limits->loader_growth_min_modules);
}

/* more: of what is made or loaded at run time there is more, see more_is_loaded() */
static void report_loader(const struct series *s, struct findings *f, const uint64_t *bytes,
                          bool more) {
    uint32_t end = s->count - 1;
    /* Code is compiled as long as a process warms up: two dumps do not tell that from a leak, and
     * more do by steps that become smaller. */
    bool slows = end < 2 || (bytes[end] - bytes[end - 1]) * 100 <
                                (bytes[1] - bytes[0]) * LOADER_STEADY_PERCENT;
    bool large = bytes[end] - bytes[0] >= rule_percent(bytes[0], LOADER_LARGE_PERCENT);
    bool sure = (!slows && large && more) || bytes[end] - bytes[0] >= LOADER_SURE;
    struct finding *hit =
        findings_hit(f, &rule_loader_growth, sure ? SEVERITY_WARNING : SEVERITY_NOTICE,
                     bytes[end] - bytes[0], "loader heaps");
    finding_summary(f, hit, "The heaps of the class loader grew from %s to %s (%s).",
                    say_bytes(f, bytes[0]), say_bytes(f, bytes[end]),
                    say_delta(f, series_delta(bytes[end], bytes[0])));
    finding_next(f, hit, "%s", say_advice(f, s, ADVICE_LOADER, NULL));
    finding_number(hit, "bytes_base", FIELD_BYTES, bytes[0]);
    finding_number(hit, "bytes_new", FIELD_BYTES, bytes[end]);
}

static void native_report_modules(const struct series *s, struct findings *f,
                                  const uint64_t *counts, const char *what) {
    uint32_t end = s->count - 1;
    struct finding *hit =
        findings_hit(f, &rule_loader_growth, SEVERITY_WARNING, counts[end] - counts[0], what);
    finding_summary(f, hit, "The process has %s %s, %s before.", say_count(f, counts[end]), what,
                    say_count(f, counts[0]));
    finding_next(f, hit, "%s", say_advice(f, s, ADVICE_MODULES, NULL));
    finding_number(hit, "modules_base", FIELD_U64, counts[0]);
    finding_number(hit, "modules_new", FIELD_U64, counts[end]);
}

static bool run_loader(const struct series *s, const struct limits *limits, struct findings *f,
                       struct err *err) {
    bool loader = true, modules = s->parts_all & PART_BIT(PART_MODULES);
    if (!modules && !(s->parts_all & PART_BIT(PART_LOADER))) {
        findings_skip(f, &rule_loader_growth, "needs loader or modules in every dump%s",
                      rule_why(s, f, PART_LOADER, ASPECT_ALL));
        return true;
    }
    uint64_t *values = arena_array(&f->arena, s->count, 4 * sizeof(*values));
    if (!values)
        return err_nomem(err);
    uint64_t *loaded = values + s->count, *dynamic = loaded + s->count;
    uint64_t *kept = dynamic + s->count;
    for (uint32_t i = 0; i < s->count; i++) {
        values[i] = series_loader_bytes(s, i);
        loader = loader && values[i] != ABSENT;
        loaded[i] = series_count_at(series_value(s, VALUE_MODULES_LOADED), i);
        dynamic[i] = series_count_at(series_value(s, VALUE_MODULES_DYNAMIC), i);
    }
    if (loader && native_grows(values, s->count, limits->loader_growth_min_bytes))
        report_loader(s, f, values, more_is_loaded(s, limits, kept));
    if (modules && native_grows(dynamic, s->count, limits->loader_growth_min_modules))
        native_report_modules(s, f, dynamic, "dynamic modules");
    else if (modules && native_grows(loaded, s->count, limits->loader_growth_min_modules))
        native_report_modules(s, f, loaded, "modules");
    else if (!loader) /* types and code are made without a module, too */
        findings_skip(f, &rule_loader_growth,
                      "modules do not grow, but not every dump tells the size of the loader's "
                      "heaps%s",
                      rule_why(s, f, PART_LOADER, ASPECT_ALL));
    return true;
}

const struct rule rule_loader_growth = {
    .id = "loader-growth",
    .summary = "loader heaps or modules grow",
    .whole = {{PART_LOADER, ASPECT_ROWS}, {PART_MODULES, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at the memory of the class loader (types, method tables, stubs, compiled code) and\n"
        "at the number of modules, dynamic ones apart.\n"
        "\n"
        "Thresholds: loader-growth.min-bytes, loader-growth.min-modules; with three or more dumps\n"
        "spread over the steps, each of which has to grow. Code is compiled for as long as a\n"
        "program warms up: without more objects that stand for what is made or loaded (methods,\n"
        "types, assemblies) it is a notice, unless it is more than a warm-up brings.\n"
        "\n"
        "What to do: look for code made at run time. XmlSerializer with certain constructors,\n"
        "Regex compiled again and again, expression trees and scripts make an assembly each time;\n"
        "plug-ins loaded into contexts that are not unloaded do the same.\n",
    .run = run_loader,
};

/* -- Native ------------------------------------------------------------------------------------ */

/* Growth of the private memory of one allocation; 0: none, or the GC's own. */
static uint64_t allocation_growth(const struct series *s, const struct series_value *value) {
    uint64_t first = value->values[0], last = value->values[s->count - 1];
    struct str name = str_of(value->name);
    if (last == ABSENT || str_starts(name, STR("[")) || str_ends(name, STR(" " USAGE_GC_HEAP)) ||
        str_ends(name, STR(" " USAGE_GC_BOOKKEEPING)))
        return 0;
    return first == ABSENT ? last : last > first ? last - first : 0;
}

#define ALLOCATIONS_NAMED 3u

/* ", most in 0x1a0000 PAGE_READWRITE heap 0x100000 (+2.0 MiB), ..."; "": the map has no such. */
static const char *grown_allocations(const struct series *s, struct findings *f) {
    const struct series_value *best[ALLOCATIONS_NAMED];
    uint32_t count = 0;
    struct series_values all = series_values(s, GROUP_MEMORY_BASE);
    for (uint32_t v = 0; v < all.count; v++) {
        uint64_t grown = allocation_growth(s, &all.items[v]);
        uint32_t at = count;
        if (!grown)
            continue;
        while (at > 0 && allocation_growth(s, best[at - 1]) < grown)
            at--;
        if (at == ALLOCATIONS_NAMED)
            continue;
        count += count < ALLOCATIONS_NAMED;
        for (uint32_t k = count - 1; k > at; k--)
            best[k] = best[k - 1];
        best[at] = &all.items[v];
    }
    const char *text = "";
    for (uint32_t i = 0; i < count; i++)
        text = findings_text(f, "%s%s%s (%s)", text, i ? ", " : "; most in ", best[i]->name,
                             say_delta(f, (int64_t)allocation_growth(s, best[i])));
    return text;
}

static void report_native(const struct series *s, struct findings *f, const uint64_t *values,
                          const char *subject, const char *what) {
    uint32_t end = s->count - 1;
    struct finding *hit =
        findings_hit(f, &rule_native_growth, SEVERITY_WARNING, values[end] - values[0], subject);
    uint64_t heap = series_heap_bytes(s, 0), heap_new = series_heap_bytes(s, end);
    const char *managed = heap == ABSENT || heap_new == ABSENT
                              ? ""
                              : findings_text(f, ", while the managed heap went from %s to %s",
                                              say_bytes(f, heap), say_bytes(f, heap_new));
    finding_summary(f, hit, "%s grew from %s to %s (%s)%s%s.", what, say_bytes(f, values[0]),
                    say_bytes(f, values[end]), say_delta(f, series_delta(values[end], values[0])),
                    managed, grown_allocations(s, f));
    finding_next(f, hit,
                 "Record allocation stacks (UMDH, DebugDiag, heaptrack, jemalloc) and diff "
                 "these.");
    finding_number(hit, "bytes_base", FIELD_BYTES, values[0]);
    finding_number(hit, "bytes_new", FIELD_BYTES, values[end]);
    finding_known(hit, "managed_base", FIELD_BYTES, heap);
    finding_known(hit, "managed_new", FIELD_BYTES, heap_new);
}

static bool run_native(const struct series *s, const struct limits *limits, struct findings *f,
                       struct err *err) {
    uint64_t *values = arena_array(&f->arena, s->count, 2 * sizeof(*values));
    if (!values)
        return err_nomem(err);
    uint64_t *heaps = values + s->count;
    bool known = true;
    for (uint32_t i = 0; i < s->count; i++) {
        values[i] = series_private_native(s, i);
        heaps[i] = series_values_sum(s, GROUP_NATIVE_HEAPS, i);
        known = known && values[i] != ABSENT;
    }
    bool has_heaps = (s->parts_all & PART_BIT(PART_NATIVE_HEAPS)) &&
                     rule_listed(s, PART_NATIVE_HEAPS) == LISTED_ALL;
    if (!known && !has_heaps)
        findings_skip(f, &rule_native_growth,
                      "needs a memory map and the size of the managed heap, "
                      "or the native heaps, in every dump%s",
                      rule_why(s, f, PART_MEMORY_MAP, ASPECT_ROWS));
    else if (has_heaps && native_grows(heaps, s->count, limits->native_growth_min_bytes))
        report_native(s, f, heaps, "native heaps", "Committed memory of the native heaps");
    else if (known && native_grows(values, s->count, limits->native_growth_min_bytes))
        report_native(s, f, values, "native memory",
                      "Private memory outside the GC's and the loader's heaps");
    return true;
}

const struct rule rule_native_growth = {
    .id = "native-growth",
    .summary = "memory outside the managed heap grows",
    .whole = {{PART_MEMORY_MAP, ASPECT_ROWS}, {PART_NATIVE_HEAPS, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at the committed private memory of the process less what the garbage collector has\n"
        "committed and what the loader uses; images and mapped files do not count. Where the\n"
        "dumps list native heaps, at what these have committed. What remains and grows is native:\n"
        "allocated by native code, or by managed code without the GC.\n"
        "\n"
        "Threshold: native-growth.min-bytes; with three or more dumps spread over the steps, each\n"
        "of which has to grow.\n"
        "\n"
        "What to do: record allocation stacks between two moments and diff these. Bitmaps,\n"
        "compression streams, database drivers and Marshal.AllocHGlobal are the usual owners, and\n"
        "a stuck finalizer keeps all that finalizable objects own.\n",
    .run = run_native,
};

/* -- Address space ----------------------------------------------------------------------------- */

/* Of a 32-bit process; ABSENT: nothing tells. */
static uint64_t is_32_bit(const struct series *s) {
    const struct origin_row *origin = snapshot_origin(series_new(s));
    if (origin->pointer_bytes != ABSENT)
        return origin->pointer_bytes == 4;
    if (origin->arch)
        return strcmp(origin->arch, "x86") == 0 || strcmp(origin->arch, "arm") == 0;
    uint64_t all = series_value_at(series_value(s, VALUE_STATE_FREE), s->count - 1);
    return all == ABSENT ? ABSENT : all < ((uint64_t)4 << 30);
}

static bool run_largest_free(const struct series *s, const struct limits *limits,
                             struct findings *f, struct err *err) {
    (void)err;
    uint32_t end = s->count - 1;
    const struct series_value *value = series_value(s, VALUE_LARGEST_FREE);
    if (!value || value->values[0] == ABSENT || value->values[end] == ABSENT) {
        findings_skip(f, &rule_largest_free_shrinking,
                      "the memory maps do not say how large the largest free block is");
        return true;
    }
    if (is_32_bit(s) == 0)
        return true;                          /* 64 bits have room enough */
    for (uint32_t i = 0; i < s->count; i++) { /* what is free may lie where the list was cut */
        if (!snapshot_absence(s->snapshots[i], PART_MEMORY_MAP, ASPECT_SUMS))
            continue;
        findings_skip(f, &rule_largest_free_shrinking, "%s does not list all of its memory map%s",
                      series_snapshot_name(s, i), rule_why(s, f, PART_MEMORY_MAP, ASPECT_SUMS));
        return true;
    }
    uint64_t first = value->values[0], last = value->values[end];
    bool low = last < limits->largest_free_min_bytes;
    bool shrank = s->count > 1 && last < first &&
                  first - last >= rule_percent(first, limits->largest_free_shrink_percent);
    if (!low && !shrank)
        return true;
    struct finding *hit =
        findings_hit(f, &rule_largest_free_shrinking, low ? SEVERITY_CRITICAL : SEVERITY_WARNING,
                     first > last ? first - last : 0, "largest free block");
    if (s->count > 1)
        finding_summary(f, hit,
                        "The largest free block of address space is %s, %s before: larger "
                        "allocations fail.",
                        say_bytes(f, last), say_bytes(f, first));
    else
        finding_summary(f, hit,
                        "The largest free block of address space is %s: larger allocations fail.",
                        say_bytes(f, last));
    finding_next(f, hit,
                 "Run it as a 64-bit process, or find what splits the address space: "
                 "assemblies, native heaps, many small mappings.");
    finding_number(hit, "bytes_new", FIELD_BYTES, last);
    if (s->count > 1)
        finding_number(hit, "bytes_base", FIELD_BYTES, first);
    return true;
}

const struct rule rule_largest_free_shrinking = {
    .id = "largest-free-shrinking",
    .summary = "the largest free block of a 32-bit address space shrinks",
    .needs = PART_BIT(PART_MEMORY_MAP),
    .whole = {{PART_MEMORY_MAP, ASPECT_ROWS}},
    .min_snapshots = 1,
    .explain =
        "Looks at the largest free block in the address space of a 32-bit process. The GC needs\n"
        "whole segments (16 MB and more): when no free block is that large, the process runs out\n"
        "of memory although much is free in sum. Says something about a single dump, too.\n"
        "\n"
        "Thresholds: largest-free-shrinking.percent (of the first dump's block),\n"
        "largest-free-shrinking.min-bytes (critical below it).\n"
        "\n"
        "What to do: run as 64 bits, or find what splits the space: dynamic assemblies, debug\n"
        "builds of web pages, native heaps, thread stacks.\n",
    .run = run_largest_free,
};
