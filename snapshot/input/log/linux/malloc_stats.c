/*
 * What allocators say of themselves in text; each output is a moment.
 *
 * glibc's malloc_stats(), 32-bit counters in most versions:
 *
 *     Arena 0:
 *     system bytes     =     135168
 *     in use bytes     =      74352
 *     Total (incl. mmap):
 *     system bytes     =     135168
 *     in use bytes     =      74352
 *     max mmap regions =          0
 *     max mmap bytes   =          0
 *
 * jemalloc's malloc_stats_print(): "Allocated: 47104, active: 73728, metadata: 2949120, resident:
 * 2994176, mapped: 6352896, retained: 2035712"; gperftools' MallocExtension::GetStats(): "MALLOC:
 * 1234 (    0.0 MiB) Bytes in use by application".
 *
 * Source: malloc/malloc.c of glibc, src/stats.c of jemalloc, src/tcmalloc.cc of gperftools.
 */
#include "input/log/size_text.h"
#include "model/known_names.h"
#include "model/rows_process.h"

#include "base/num.h"

#define MALLOC_ARENAS 4096u

struct malloc_arena {
    uint64_t number, system, in_use;
};

struct malloc_reading {
    struct transcript *t;
    struct malloc_arena total; /* number: 0 until it has begun */
    struct malloc_arena arena; /* that is being read; number ABSENT: none */
    uint64_t mmap_regions, mmap_bytes;
    uint64_t arenas, system, in_use; /* sums of those listed */
    bool wanted, begun, in_total, ended;
    bool gap; /* arenas are not listed */
    struct scan_loss loss;
};

/* "system bytes     =     135168" */
static bool malloc_figure(struct str text, const char *label, uint64_t *ret_value) {
    if (!str_starts(text, str_of(label)))
        return false;
    struct str rest = str_trim(str_drop(text, strlen(label)));
    return str_starts(rest, STR("=")) && num_grouped(str_trim(str_drop(rest, 1)), ret_value);
}

static bool malloc_is_arena(struct str text, uint64_t *ret_number) {
    return str_starts(text, STR("Arena ")) && str_ends(text, STR(":")) &&
           num_dec(str_take(str_drop(text, 6), text.len - 7), ret_number);
}

static bool malloc_begin(struct malloc_reading *r) {
    if (!r->begun)
        r->wanted = transcript_moment(r->t);
    r->begun = true;
    return r->wanted;
}

/* An arena is one of the native heaps of the process. */
static bool malloc_end_arena(struct malloc_reading *r, struct err *err) {
    const struct malloc_arena arena = r->arena;
    r->arena = (struct malloc_arena){ABSENT, ABSENT, ABSENT};
    if (arena.number == ABSENT || arena.system == ABSENT || arena.in_use == ABSENT)
        return true;
    r->gap |= arena.number != r->arenas;
    r->arenas++;
    r->system = num_add(r->system, arena.system);
    r->in_use = num_add(r->in_use, arena.in_use);
    if (!malloc_begin(r) || r->arenas > MALLOC_ARENAS)
        return true;
    struct native_heap_row *row = builder_row(r->t->b, PART_NATIVE_HEAPS, err);
    struct strbuf name;
    strbuf_init(&name);
    strbuf_addf(&name, "arena %u", (unsigned)num_min(arena.number, UINT32_MAX));
    if (row && strbuf_ok(&name, err))
        row->name = builder_string(r->t->b, strbuf_str(&name), err);
    strbuf_deinit(&name);
    if (!row || !row->name)
        return false;
    row->committed = arena.system;
    row->free_bytes = arena.system - num_min(arena.system, arena.in_use);
    return true;
}

/* "Allocated: 47104, active: 73728, ..." */
static bool malloc_jemalloc(struct malloc_reading *r, struct str text, bool store,
                            struct err *err) {
    static const struct {
        struct str label;
        const char *name;
    } figures[] = {
        {STR_INIT("Allocated: "), COUNTER_HEAP_OUTSTANDING},
        {STR_INIT("active: "), "malloc.active_bytes"},
        {STR_INIT("metadata: "), "malloc.metadata_bytes"},
        {STR_INIT("resident: "), "malloc.resident_bytes"},
        {STR_INIT("mapped: "), "malloc.mapped_bytes"},
        {STR_INIT("retained: "), "malloc.retained_bytes"},
    };
    if (!str_starts(text, figures[0].label) || !str_contains(text, STR(", active: ")))
        return false;
    for (size_t i = 0; store && i < sizeof(figures) / sizeof(*figures); i++) {
        size_t at = str_find(text, figures[i].label, 0);
        struct str rest = at == STR_NOT_FOUND ? STR("") : str_drop(text, at + figures[i].label.len);
        uint64_t value;
        rest = str_next_field(&rest);
        if (str_ends(rest, STR(",")))
            rest = str_take(rest, rest.len - 1);
        if (num_dec(rest, &value) &&
            !builder_counter(r->t->b, figures[i].name, value, "bytes", err))
            break;
    }
    return true;
}

/* "MALLOC:   1234 (    0.0 MiB) Bytes in use by application" */
static bool malloc_tcmalloc(struct malloc_reading *r, struct str text, bool store,
                            struct err *err) {
    static const struct {
        struct str label;
        const char *name;
    } figures[] = {
        {STR_INIT("Bytes in use by application"), COUNTER_HEAP_OUTSTANDING},
        {STR_INIT("Bytes in page heap freelist"), "malloc.page_heap_free_bytes"},
        {STR_INIT("Bytes in malloc metadata"), "malloc.metadata_bytes"},
        {STR_INIT("Actual memory used (physical + swap)"), "malloc.resident_bytes"},
        {STR_INIT("Bytes released to OS (aka unmapped)"), "malloc.released_bytes"},
        {STR_INIT("Virtual address space used"), "malloc.mapped_bytes"},
    };
    if (!str_starts(text, STR("MALLOC: ")))
        return false;
    struct str rest = str_drop(text, 8), first = str_next_field(&rest);
    if (str_eq(first, STR("=")) || str_eq(first, STR("+")))
        first = str_next_field(&rest);
    uint64_t value;
    for (size_t i = 0; store && i < sizeof(figures) / sizeof(*figures); i++)
        if (str_ends(rest, figures[i].label) && num_dec(first, &value) &&
            !builder_counter(r->t->b, figures[i].name, value, "bytes", err))
            break;
    return true;
}

static bool malloc_is_other(struct malloc_reading *r, struct str text, struct err *err) {
    bool jemalloc = malloc_jemalloc(r, text, false, err);
    if (!jemalloc && !malloc_tcmalloc(r, text, false, err))
        return false;
    if (malloc_begin(r)) {
        if (jemalloc)
            malloc_jemalloc(r, text, true, err);
        else
            malloc_tcmalloc(r, text, true, err);
    }
    r->ended |= jemalloc;
    return true;
}

static bool malloc_take(void *context, bool *ret_mine, struct err *err) {
    struct malloc_reading *r = context;
    struct str text = r->t->line.text;
    uint64_t number;
    *ret_mine = !r->ended;
    if (r->ended)
        return true;
    if (malloc_is_arena(text, &number)) {
        *ret_mine = !r->in_total;
        if (!malloc_end_arena(r, err))
            return false;
        r->arena.number = *ret_mine ? number : ABSENT;
        return true;
    }
    if (str_starts(text, STR("Total (incl. mmap)"))) {
        *ret_mine = !r->in_total;
        r->in_total = true;
        return malloc_end_arena(r, err);
    }
    struct malloc_arena *to = r->in_total ? &r->total : &r->arena;
    if (malloc_figure(text, "system bytes", &to->system) ||
        malloc_figure(text, "in use bytes", &to->in_use) ||
        malloc_figure(text, "max mmap regions", &r->mmap_regions))
        return true;
    if (malloc_figure(text, "max mmap bytes", &r->mmap_bytes)) {
        r->ended = true;
        return true;
    }
    err->code = ERR_NONE;
    *ret_mine = malloc_is_other(r, text, err);
    return err->code == ERR_NONE;
}

static bool malloc_store_glibc(struct malloc_reading *r, struct err *err) {
    struct builder *b = r->t->b;
    bool total = r->total.system != ABSENT && r->total.in_use != ABSENT;
    if (!malloc_begin(r))
        return true;
    if (!total)
        transcript_lacks(r->t, ABSENT, "malloc_stats: the total is missing, and perhaps arenas");
    else if (r->arenas && r->system > r->total.system)
        builder_warn(b, ABSENT, "malloc_stats counts in 32 bits: the total began anew at 4 GiB");
    if (r->gap || (total && !r->arenas))
        transcript_lacks(r->t, ABSENT, "malloc_stats: arenas are not listed");
    if (r->mmap_bytes != ABSENT && total && r->mmap_bytes > r->total.system)
        builder_warn(b, ABSENT,
                     "malloc_stats: more was mapped than the total says: it counts in 32 bits, and "
                     "may have begun anew at 4 GiB");
    if (total && !(builder_counter(b, "malloc.system_bytes", r->total.system, "bytes", err) &&
                   builder_counter(b, COUNTER_HEAP_OUTSTANDING, r->total.in_use, "bytes", err)))
        return false;
    return r->mmap_bytes == ABSENT ||
           builder_counter(b, "malloc.max_mmap_bytes", r->mmap_bytes, "bytes", err);
}

static bool malloc_stats_read(struct transcript *t, struct err *err) {
    struct malloc_reading r = {.t = t,
                               .total = {0, ABSENT, ABSENT},
                               .arena = {ABSENT, ABSENT, ABSENT},
                               .mmap_regions = ABSENT,
                               .mmap_bytes = ABSENT};
    bool ok = scan_table(t, &r.loss, malloc_take, &r, err) && malloc_end_arena(&r, err);
    bool glibc = r.arenas || r.total.system != ABSENT;
    if (ok && glibc)
        ok = malloc_store_glibc(&r, err);
    else if (ok && !r.begun)
        transcript_hollow(t, "malloc_stats: no figures in it");
    if (ok)
        scan_loss_report(t, &r.loss);
    return ok;
}

static bool malloc_stats_starts(const struct transcript *t) {
    struct str text = t->line.text;
    struct malloc_reading none = {.t = NULL};
    struct line next;
    uint64_t value;
    if (str_first(text) == 'A' && malloc_is_arena(text, &value))
        return transcript_peek(t, 1, &next) && malloc_figure(next.text, "system bytes", &value);
    if (str_first(text) == 'T')
        return str_starts(text, STR("Total (incl. mmap)"));
    if (str_first(text) == 's')
        return malloc_figure(text, "system bytes", &value);
    return (str_first(text) == 'A' || str_first(text) == 'M') &&
           (malloc_jemalloc(&none, text, false, NULL) || malloc_tcmalloc(&none, text, false, NULL));
}

const struct section section_malloc_stats = {
    .name = "malloc-stats",
    .summary = "malloc_stats of glibc, statistics of jemalloc and tcmalloc: what the allocator has",
    .may_give = PART_BIT(PART_NATIVE_HEAPS) | PART_BIT(PART_COUNTERS),
    .starts = malloc_stats_starts,
    .read = malloc_stats_read,
};
