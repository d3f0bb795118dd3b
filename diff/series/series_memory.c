/* How much of a process's memory is native: neither the collector's nor the loader's. */
#include "diff/series/series.h"

#include "base/num.h"
#include "diff/names/runtimes.h"
#include "model/known_names.h"

uint64_t series_gc_committed(const struct series *s, uint32_t snapshot) {
    uint64_t bytes = series_value_at(series_value(s, VALUE_GC_COMMITTED), snapshot);
    return bytes != ABSENT ? bytes
                           : series_value_at(series_value(s, VALUE_HEAPS_COMMITTED), snapshot);
}

uint64_t series_loader_bytes(const struct series *s, uint32_t snapshot) {
    if (s->parts_all & PART_BIT(PART_LOADER))
        return series_values_sum(s, GROUP_LOADER_KIND, snapshot);
    return series_value_at(series_value(s, VALUE_USAGE_LOADER_JIT), snapshot);
}

static bool is_gc_usage(const char *usage) {
    return RUNTIMES_SAY(words_begin_nocase, gc_usages, str_of(usage));
}

static bool is_code_usage(const char *usage) {
    return RUNTIMES_SAY(words_begin_nocase, code_usages, str_of(usage));
}

/* Usages that are no native allocation: the GC's, code, files, stacks, and what is not used. */
static bool is_explained(const char *usage) {
    static const struct str items[] = {
        STR_INIT(LARGEST_FREE), STR_INIT("Image"), STR_INIT("Mapped"),          STR_INIT("Stack"),
        STR_INIT("TEB"),        STR_INIT("PEB"),   STR_INIT(USAGE_UNACCOUNTED),
    };
    static const struct words words = WORDS(items);
    return words_begin_nocase(&words, str_of(usage)) || is_gc_usage(usage) || is_code_usage(usage);
}

/* Private memory that is committed: of a map by state and type, else by usage. */
static uint64_t private_bytes(const struct series *s, uint32_t i) {
    uint64_t committed = series_value_at(series_value(s, VALUE_STATE_COMMITTED), i);
    if (committed != ABSENT) {
        static const enum series_value_id of_files[] = {VALUE_MEMORY_IMAGE, VALUE_MEMORY_MAPPED};
        for (size_t p = 0; p < 2; p++) {
            uint64_t bytes = series_value_at(series_value(s, of_files[p]), i);
            if (bytes != ABSENT)
                committed -= bytes < committed ? bytes : committed;
        }
        return committed;
    }
    uint64_t sum = ABSENT;
    struct series_values usages = series_values(s, GROUP_MEMORY_USAGE);
    for (uint32_t v = 0; v < usages.count; v++) {
        const struct series_value *value = &usages.items[v];
        if (value->values[i] == ABSENT || is_explained(value->name))
            continue;
        sum = num_add(sum == ABSENT ? 0 : sum, value->values[i]);
    }
    return sum;
}

/* Does the map tell the GC's heap from the rest? Then it is not subtracted a second time. */
static bool map_knows_gc(const struct series *s) {
    struct series_values usages = series_values(s, GROUP_MEMORY_USAGE);
    for (uint32_t v = 0; v < usages.count; v++)
        if (is_gc_usage(usages.items[v].name))
            return true;
    return false;
}

static uint64_t managed_bytes(const struct series *s, uint32_t i) {
    uint64_t bytes = series_gc_committed(s, i);
    return bytes != ABSENT ? bytes : series_heap_bytes(s, i);
}

static bool maps_by_state(const struct series *s) {
    for (uint32_t i = 0; i < s->count; i++)
        if (series_value_at(series_value(s, VALUE_STATE_COMMITTED), i) == ABSENT)
            return false;
    return true;
}

uint64_t series_private_native(const struct series *s, uint32_t snapshot) {
    uint64_t all = private_bytes(s, snapshot);
    if (all == ABSENT)
        return ABSENT;
    if (!maps_by_state(s) && map_knows_gc(s))
        return all;
    uint64_t known = managed_bytes(s, snapshot);
    if (known == ABSENT)
        return ABSENT;
    uint64_t loader = series_values_sum(s, GROUP_LOADER_KIND, snapshot);
    if (loader != ABSENT && (s->parts_all & PART_BIT(PART_LOADER)))
        known = num_add(known, loader);
    return all > known ? all - known : 0;
}

uint64_t series_native_bytes(const struct series *s, uint32_t snapshot) {
    uint64_t bytes = series_private_native(s, snapshot);
    return bytes != ABSENT ? bytes : series_values_sum(s, GROUP_NATIVE_HEAPS, snapshot);
}
