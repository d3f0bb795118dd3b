/* Where the memory of one dump is, and what fills its managed heap: what one asks first of all. */
#include "diff/rules/rules.h"

#include "base/num.h"
#include "diff/names/names.h"
#include "model/known_names.h"
#include "model/snapshot.h"
#include "model/rows_origin.h"

#include <string.h>

/* -- Where it is ------------------------------------------------------------------------------- */

enum place {
    PLACE_MANAGED,
    PLACE_NATIVE,
    PLACE_IMAGE,
    PLACE_STACK,
    PLACE_MAPPED,
    PLACE_OTHER,
    PLACES
};

static const struct {
    const char *name;
    struct str usages[4]; /* beginnings, whatever their case */
} places[PLACES] = {
    [PLACE_MANAGED] = {"the managed heap", {STR_INIT(USAGE_GC_HEAP)}},
    [PLACE_NATIVE] = {"native heaps",
                      {STR_INIT("Heap"), STR_INIT("PageHeap"), STR_INIT(USAGE_NATIVE)}},
    [PLACE_IMAGE] = {"images", {STR_INIT("Image"), STR_INIT("Code/StaticData")}},
    [PLACE_STACK] = {"stacks", {STR_INIT("Stack")}},
    [PLACE_MAPPED] = {"mapped files", {STR_INIT("Mapped")}},
    [PLACE_OTHER] = {"regions of no usage that is told (VirtualAlloc, as of a managed heap)",
                     {STR_INIT("")}},
};

struct whereabouts {
    uint64_t bytes[PLACES]; /* ABSENT: not known */
    uint64_t free_bytes, largest_free;
    uint64_t sum; /* of the places */
    uint32_t known;
};

static bool usage_is(enum place place, struct str usage) {
    for (size_t i = 0; i < sizeof(places[place].usages) / sizeof(*places[place].usages); i++)
        if (places[place].usages[i].len && str_starts_nocase(usage, places[place].usages[i]))
            return true;
    return false;
}

static void where_add(uint64_t *sum, uint64_t bytes) {
    if (bytes != ABSENT)
        *sum = *sum == ABSENT ? bytes : num_add(*sum, bytes);
}

/* What a map of memory says, by usage. */
static void where_map(const struct series *s, struct whereabouts *w) {
    struct series_values usages = series_values(s, GROUP_MEMORY_USAGE);
    for (uint32_t v = 0; v < usages.count; v++) {
        struct str usage = str_of(usages.items[v].name);
        for (int p = 0; p < PLACES; p++)
            if (usage_is((enum place)p, usage))
                where_add(&w->bytes[p], usages.items[v].values[0]);
        if (str_eq_nocase(usage, STR(LARGEST_FREE)))
            w->free_bytes = usages.items[v].values[0];
    }
    w->largest_free = series_value_at(series_value(s, VALUE_LARGEST_FREE), 0);
}

static void where_look(const struct series *s, struct whereabouts *w) {
    for (int p = 0; p < PLACES; p++)
        w->bytes[p] = ABSENT;
    w->free_bytes = ABSENT;
    w->sum = w->known = 0;
    where_map(s, w);
    uint64_t managed = series_gc_committed(s, 0);
    if (managed == ABSENT)
        managed = series_value_at(series_value(s, VALUE_GC_ALLOCATED), 0);
    if (managed == ABSENT && w->bytes[PLACE_MANAGED] == ABSENT)
        managed = series_heap_is_least(s, 0) ? ABSENT : series_heap_bytes(s, 0);
    if (managed != ABSENT)
        w->bytes[PLACE_MANAGED] = managed;
    if (w->bytes[PLACE_NATIVE] == ABSENT && (s->parts_all & PART_BIT(PART_NATIVE_HEAPS)))
        w->bytes[PLACE_NATIVE] = series_values_sum(s, GROUP_NATIVE_HEAPS, 0);
    for (int p = 0; p < PLACES; p++)
        if (w->bytes[p] != ABSENT) {
            w->known++;
            w->sum = num_add(w->sum, w->bytes[p]);
        }
    /* Usages have reserved memory in them, too: what is left is no less than this. Where the
     * managed heap is known, that is what they mostly leave open. */
    uint64_t committed = series_value_at(series_value(s, VALUE_STATE_COMMITTED), 0);
    if (w->known && w->bytes[PLACE_MANAGED] == ABSENT && committed != ABSENT &&
        committed > w->sum) {
        w->bytes[PLACE_OTHER] = committed - w->sum;
        w->sum = committed;
    }
}

/*
 * The places that hold something, the largest first. Returns how many. Stacks come last, since most
 * of what is told of them is room that was never touched.
 */
static uint32_t where_order(const struct whereabouts *w, enum place order[PLACES]) {
    uint32_t count = 0;
    for (int p = 0; p < PLACES; p++) {
        if (w->bytes[p] == ABSENT || p == PLACE_STACK)
            continue;
        uint32_t at = count++;
        for (; at > 0 && w->bytes[order[at - 1]] < w->bytes[p]; at--)
            order[at] = order[at - 1];
        order[at] = (enum place)p;
    }
    if (w->bytes[PLACE_STACK] != ABSENT)
        order[count++] = PLACE_STACK;
    return count;
}

static const char *where_next(enum place most) {
    switch (most) {
    case PLACE_MANAGED:
        return "The types say what fills it; two dumps say what grows.";
    case PLACE_NATIVE:
        return "Types do not explain it: record allocation stacks (UMDH, DebugDiag, heaptrack, "
               "jemalloc).";
    case PLACE_STACK:
        return "See how many threads there are, and why.";
    case PLACE_OTHER:
        return "Have the debugger tell the managed heap (`eeheap -gc`) and the native ones "
               "(`!heap -s`) from the rest.";
    case PLACE_IMAGE:
    case PLACE_MAPPED:
    case PLACES:
        break;
    }
    return NULL;
}

static void where_tell(struct findings *f, const struct whereabouts *w) {
    enum place order[PLACES] = {PLACE_MANAGED};
    uint32_t count = where_order(w, order);
    struct strbuf rest;
    strbuf_init(&rest);
    for (uint32_t i = 1; i < count; i++)
        strbuf_addf(&rest, "%s%s %s%s", i > 1 ? ", " : "", places[order[i]].name,
                    say_bytes(f, w->bytes[order[i]]),
                    order[i] == PLACE_STACK ? " (as reserved)" : "");
    const char *others = findings_take(f, &rest);
    uint64_t stacks = w->bytes[PLACE_STACK] == ABSENT ? 0 : w->bytes[PLACE_STACK];
    bool most = w->bytes[order[0]] > (w->sum - stacks) / 2;
    const char *free_text =
        w->free_bytes == ABSENT
            ? ""
            : findings_text(f, "; %s of address space are free%s", say_bytes(f, w->free_bytes),
                            w->largest_free == ABSENT
                                ? ""
                                : findings_text(f, ", %s in one piece at most",
                                                say_bytes(f, w->largest_free)));
    struct finding *hit =
        findings_hit(f, &rule_memory_where, SEVERITY_INFO, w->sum, places[order[0]].name);
    finding_summary(f, hit, "%s of the memory is in %s: %s; beside it %s%s.",
                    most ? "Most" : "The largest part", places[order[0]].name,
                    say_bytes(f, w->bytes[order[0]]), others, free_text);
    const char *next = where_next(order[0]);
    if (next && most)
        finding_next(f, hit, "%s", next);
    finding_known(hit, "managed_bytes", FIELD_BYTES, w->bytes[PLACE_MANAGED]);
    finding_known(hit, "native_bytes", FIELD_BYTES, w->bytes[PLACE_NATIVE]);
    finding_known(hit, "image_bytes", FIELD_BYTES, w->bytes[PLACE_IMAGE]);
    finding_known(hit, "stack_bytes", FIELD_BYTES, w->bytes[PLACE_STACK]);
    finding_known(hit, "mapped_bytes", FIELD_BYTES, w->bytes[PLACE_MAPPED]);
    finding_known(hit, "other_bytes", FIELD_BYTES, w->bytes[PLACE_OTHER]);
    finding_known(hit, "address_free_bytes", FIELD_BYTES, w->free_bytes);
}

static bool run_where(const struct series *s, const struct limits *limits, struct findings *f,
                      struct err *err) {
    struct whereabouts w;
    (void)err;
    if (s->count > 1) {
        findings_skip(f, &rule_memory_where, "is about one dump: `dumpdiff show` of it");
        return true;
    }
    where_look(s, &w);
    if (w.known < 2) {
        findings_skip(f, &rule_memory_where,
                      "needs the sizes of two of: managed heap, native heaps, images, stacks, "
                      "mapped files");
        return true;
    }
    if (w.sum >= limits->memory_where_min_bytes)
        where_tell(f, &w);
    return true;
}

const struct rule rule_memory_where = {
    .id = "memory-where",
    .summary = "where the memory of one dump is: managed, native, images, stacks, files",
    .whole = {{PART_MEMORY_MAP, ASPECT_ROWS}, {PART_NATIVE_HEAPS, ASPECT_ROWS}},
    .min_snapshots = 1,
    .explain =
        "Looks at one dump, and says in a sentence how much of its memory is the managed heap,\n"
        "native heaps, images, stacks and mapped files, as far as two of these are known, and how\n"
        "much address space is free. Sizes are those of the memory map where there is one, else\n"
        "what the collector and the native heaps say themselves.\n"
        "\n"
        "Threshold: memory-where.min-bytes (of all that is known).\n"
        "\n"
        "What to do: where most of it is managed, look at the types; where it is native, types do\n"
        "not explain it, and allocation stacks do.\n",
    .run = run_where,
};

/* -- What fills the heap ----------------------------------------------------------------------- */

static const struct series_type *largest_type(const struct series *s) {
    const struct series_type *most = NULL;
    for (uint32_t i = 0; i < s->type_count; i++) {
        const struct series_type *type = &s->types[i];
        if (!type->is_free && type->rows[0] &&
            (!most || type->totals[0].bytes > most->totals[0].bytes))
            most = type;
    }
    return most;
}

static void filled_tell(const struct series *s, struct findings *f, const struct series_type *type,
                        uint64_t heap) {
    struct cell all = type->totals[0];
    struct finding *hit = findings_hit(f, &rule_heap_filled, SEVERITY_INFO, all.bytes, type->name);
    finding_summary(f, hit, "%s is %s of the heap: %s in %s object%s, %s each.", type->name,
                    say_share(f, all.bytes, heap), say_bytes(f, all.bytes),
                    say_count(f, all.objects), plural(all.objects),
                    say_bytes(f, all.bytes / all.objects));
    finding_next(f, hit, "%s.",
                 say_advice(f, s,
                            name_is_framework(type->name) ? ADVICE_HOLDERS_OF_SOME : ADVICE_HOLDERS,
                            type->name));
    finding_text(f, hit, "type", type->name);
    finding_number(hit, "objects", FIELD_U64, all.objects);
    finding_number(hit, "bytes", FIELD_BYTES, all.bytes);
    finding_number(hit, "of_all", FIELD_BYTES, heap);
}

static bool run_filled(const struct series *s, const struct limits *limits, struct findings *f,
                       struct err *err) {
    (void)err;
    if (s->count > 1) {
        findings_skip(f, &rule_heap_filled, "is about one dump: `dumpdiff show` of it");
        return true;
    }
    if (series_heap_is_least(s, 0) || snapshot_origin(series_new(s))->types_filter) {
        findings_skip(f, &rule_heap_filled, "the dump does not say how large its heap is%s",
                      rule_why(s, f, PART_TYPES, ASPECT_ROWS));
        return true;
    }
    uint64_t heap = series_heap_bytes(s, 0);
    const struct series_type *type = largest_type(s);
    if (heap == ABSENT || heap < limits->heap_filled_min_bytes || !type ||
        !type->totals[0].objects ||
        type->totals[0].bytes < rule_percent(heap, limits->heap_filled_percent))
        return true;
    filled_tell(s, f, type, heap);
    return true;
}

const struct rule rule_heap_filled = {
    .id = "heap-filled",
    .summary = "a type that has most of the heap of one dump, and how large its objects are",
    .needs = PART_BIT(PART_TYPES),
    .whole = {{PART_TYPES, ASPECT_ROWS}},
    .min_snapshots = 1,
    .explain =
        "Looks at one dump for a type that has most of the managed heap, and says how large its\n"
        "objects are on average: many small ones are another matter than a few large ones. Free\n"
        "space is no type (see fragmentation).\n"
        "\n"
        "Thresholds: heap-filled.percent (of the heap), heap-filled.min-bytes (of heap).\n"
        "\n"
        "What to do: find what holds them. Strings and arrays are held by something of your own;\n"
        "large ones are documents, buffers or view states that are kept.\n",
    .run = run_filled,
};
