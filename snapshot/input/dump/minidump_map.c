/*
 * Sums over MemoryInfoList.
 *
 * Native heaps cannot be read without ntdll's symbols: blocks are XOR-encoded, layouts change with
 * the build. What grows shows without them: the committed private bytes of each allocation.
 */
#include "input/dump/minidump_map.h"

#include "base/num.h"
#include "base/search.h"
#include "memory/arch/arch.h"
#include "memory/memory_use.h"
#include "model/known_names.h"
#include "model/rows_process.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct sum {
    uint64_t key, regions, bytes;
};

#define SUMS_MAX 256u

/* Sums by a number: state, type or protection. */
struct sums {
    struct sum items[SUMS_MAX];
    uint32_t count;
    uint64_t dropped;
};

static void sums_add(struct sums *sums, uint64_t key, uint64_t bytes) {
    uint32_t i = 0;
    while (i < sums->count && sums->items[i].key != key)
        i++;
    if (i == SUMS_MAX) {
        sums->dropped++;
        return;
    }
    if (i == sums->count)
        sums->items[sums->count++] = (struct sum){.key = key};
    sums->items[i].regions++;
    sums->items[i].bytes = num_add(sums->items[i].bytes, bytes);
}

/* Private memory of one VirtualAlloc. */
struct allocation {
    uint64_t base, protect, regions, committed, reserved;
    uint64_t heap; /* process heap that it is a segment of; 0: none known */
};

struct map {
    struct space *s;
    const struct minidump_info *info;
    struct builder *b;
    struct sums states, types, protects;
    uint64_t largest_free;
    struct allocation *allocations; /* by base */
    uint32_t allocation_count;
    uint64_t heaps[256];
    uint32_t heap_count;
};

/* -- Names ------------------------------------------------------------------------------------- */

struct name {
    uint64_t value;
    const char *name;
};

static const struct name state_names[] = {{REGION_COMMIT, STATE_COMMITTED},
                                          {REGION_RESERVE, STATE_RESERVED},
                                          {REGION_FREE, STATE_FREE},
                                          {0}};
static const struct name type_names[] = {{REGION_PRIVATE, MEMORY_PRIVATE},
                                         {REGION_MAPPED, MEMORY_MAPPED},
                                         {REGION_IMAGE, MEMORY_IMAGE},
                                         {0}};
static const struct name protect_names[] = {
    {0x01, "PAGE_NOACCESS"},          {0x02, "PAGE_READONLY"},          {0x04, "PAGE_READWRITE"},
    {0x08, "PAGE_WRITECOPY"},         {0x10, "PAGE_EXECUTE"},           {0x20, "PAGE_EXECUTE_READ"},
    {0x40, "PAGE_EXECUTE_READWRITE"}, {0x80, "PAGE_EXECUTE_WRITECOPY"}, {0}};
/* Bits that come on top. */
static const struct name protect_bits[] = {
    {0x100, "PAGE_GUARD"}, {0x200, "PAGE_NOCACHE"}, {0x400, "PAGE_WRITECOMBINE"}, {0}};

static const char *minidump_map_name_of(const struct name *names, uint64_t value) {
    for (; names->name; names++)
        if (names->value == value)
            return names->name;
    return NULL;
}

/* As WinDbg writes it: "PAGE_READWRITE | PAGE_GUARD". */
static void write_protect(struct strbuf *out, uint64_t protect) {
    const char *name = minidump_map_name_of(protect_names, protect & 0xff);
    if (name)
        strbuf_adds(out, name);
    else
        strbuf_addf(out, "0x%" PRIx64, protect & 0xff);
    for (const struct name *bit = protect_bits; bit->name; bit++)
        if (protect & bit->value)
            strbuf_addf(out, " | %s", bit->name);
    if (protect & ~(uint64_t)0x7ff)
        strbuf_addf(out, " | 0x%" PRIx64, protect & ~(uint64_t)0x7ff);
}

static void write_name(struct strbuf *out, const struct name *names, uint64_t value) {
    const char *name = minidump_map_name_of(names, value);
    if (name)
        strbuf_adds(out, name);
    else
        strbuf_addf(out, "0x%" PRIx64, value);
}

/* -- Rows -------------------------------------------------------------------------------------- */

static bool minidump_map_add_row(struct map *m, enum memory_by by, const struct strbuf *key,
                                 uint64_t regions, uint64_t bytes, struct err *err) {
    if (!strbuf_ok(key, err))
        return false;
    struct memory_row *row = builder_row(m->b, PART_MEMORY_MAP, err);
    if (!row)
        return false;
    row->by = by;
    row->regions = regions;
    row->bytes = bytes;
    row->key = builder_string(m->b, strbuf_str(key), err);
    return row->key != NULL;
}

static int cmp_sums(const void *a, const void *b) {
    const struct sum *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x->key < y->key ? -1 : x->key > y->key;
}

static bool minidump_map_add_sums(struct map *m, enum memory_by by, struct sums *sums,
                                  const struct name *names, struct strbuf *key, struct err *err) {
    if (sums->count)
        qsort(sums->items, sums->count, sizeof(*sums->items), cmp_sums);
    for (uint32_t i = 0; i < sums->count; i++) {
        strbuf_clear(key);
        if (by == MEMORY_BY_PROTECT)
            write_protect(key, sums->items[i].key);
        else
            write_name(key, names, sums->items[i].key);
        if (!minidump_map_add_row(m, by, key, sums->items[i].regions, sums->items[i].bytes, err))
            return false;
    }
    if (sums->dropped)
        builder_warn(m->b, sums->dropped, "memory regions with too many kinds of protection");
    return true;
}

/* -- Allocations ------------------------------------------------------------------------------- */

static int cmp_allocations(const void *a, const void *b) {
    const struct allocation *x = a, *y = b;
    return x->base < y->base ? -1 : x->base > y->base;
}

static int cmp_committed(const void *a, const void *b) {
    const struct allocation *x = a, *y = b;
    if (x->committed != y->committed)
        return x->committed > y->committed ? -1 : 1;
    return x->base < y->base ? -1 : x->base > y->base;
}

/* A region of private memory. Regions of one allocation follow each other, but need not. */
static void add_private(struct map *m, const struct minidump_region *region) {
    uint32_t count = m->allocation_count;
    if (!count || m->allocations[count - 1].base != region->allocation_base)
        m->allocations[m->allocation_count++] = (struct allocation){
            .base = region->allocation_base, .protect = region->allocation_protect};
    struct allocation *a = &m->allocations[m->allocation_count - 1];
    a->regions++;
    if (region->state == REGION_COMMIT)
        a->committed = num_add(a->committed, region->size);
    a->reserved = num_add(a->reserved, region->size);
}

/* Sorts, and adds up what the list had in several places. */
static void merge_allocations(struct map *m) {
    uint32_t kept = 0;
    if (m->allocation_count)
        qsort(m->allocations, m->allocation_count, sizeof(*m->allocations), cmp_allocations);
    for (uint32_t i = 0; i < m->allocation_count; i++) {
        struct allocation *last = kept ? &m->allocations[kept - 1] : NULL;
        if (last && last->base == m->allocations[i].base) {
            last->regions += m->allocations[i].regions;
            last->committed = num_add(last->committed, m->allocations[i].committed);
            last->reserved = num_add(last->reserved, m->allocations[i].reserved);
        } else {
            m->allocations[kept++] = m->allocations[i];
        }
    }
    m->allocation_count = kept;
}

static void sum_regions(struct map *m) {
    for (uint32_t i = 0; i < m->info->region_count; i++) {
        struct minidump_region r = minidump_region(m->info, i);
        if (r.size == 0 || r.size > UINT64_MAX - r.base)
            continue; /* the opener has warned */
        sums_add(&m->states, r.state, r.size);
        if (r.state == REGION_FREE) {
            m->largest_free = r.size > m->largest_free ? r.size : m->largest_free;
            continue;
        }
        sums_add(&m->types, r.type, r.size);
        if (r.state == REGION_COMMIT)
            sums_add(&m->protects, r.protect, r.size);
        if (r.type == REGION_PRIVATE)
            add_private(m, &r);
    }
    merge_allocations(m);
}

/* -- Process heaps ----------------------------------------------------------------------------- */

#define NT_HEAP 0xffeeffeeu

/* Offsets since Windows 7; signature and heap are in _HEAP_SEGMENT, with which a heap begins. */
struct heap_layout {
    uint32_t word, teb_peb, peb_count, peb_heaps, signature, heap;
};

/* 64-bit, 32-bit. */
static const struct heap_layout heap_layouts[] = {{8, 0x60, 0xe8, 0xf0, 0x10, 0x28},
                                                  {4, 0x30, 0x88, 0x90, 0x08, 0x18}};

static const struct heap_layout *minidump_map_heap_layout(const struct map *m) {
    if (!m->s->arch->name || m->info->foreign)
        return NULL;
    return &heap_layouts[m->s->arch->pointer_bytes == 4];
}

static bool minidump_map_read_word(struct map *m, uint32_t word, uint64_t address,
                                   uint64_t *ret_value) {
    uint32_t narrow;
    if (word == 8)
        return space_u64(m->s, address, ret_value);
    if (!space_u32(m->s, address, &narrow))
        return false;
    *ret_value = narrow;
    return true;
}

/* The heap of the segment that begins there; false: no segment of an NT heap. */
static bool minidump_map_read_segment(struct map *m, const struct heap_layout *l, uint64_t at,
                                      uint64_t *ret_heap) {
    uint32_t signature;
    return space_u32(m->s, at + l->signature, &signature) && signature == NT_HEAP &&
           minidump_map_read_word(m, l->word, at + l->heap, ret_heap);
}

/*
 * The PEB's list of heaps, those which are NT heaps by their signature and their pointer to
 * themselves; where nothing fits there is no list.
 */
static void minidump_map_read_heaps(struct map *m) {
    const struct heap_layout *l = minidump_map_heap_layout(m);
    uint64_t missing = m->s->missing_bytes, peb = 0, list;
    uint32_t count;
    if (!l || !m->s->thread_count ||
        !minidump_map_read_word(m, l->word, m->info->threads[0].teb + l->teb_peb, &peb) || !peb ||
        !space_u32(m->s, peb + l->peb_count, &count) ||
        !minidump_map_read_word(m, l->word, peb + l->peb_heaps, &list))
        count = 0;
    for (uint32_t i = 0; i < count && i < sizeof(m->heaps) / sizeof(*m->heaps); i++) {
        uint64_t heap, itself;
        if (minidump_map_read_word(m, l->word, list + (uint64_t)l->word * i, &heap) &&
            minidump_map_read_segment(m, l, heap, &itself) && itself == heap)
            m->heaps[m->heap_count++] = heap;
    }
    m->s->missing_bytes = missing;
}

/* An allocation that begins with a segment of a heap of the list. */
static void find_heap(struct map *m, struct allocation *a) {
    uint64_t heap, missing = m->s->missing_bytes;
    if (minidump_map_read_segment(m, minidump_map_heap_layout(m), a->base, &heap))
        for (uint32_t i = 0; i < m->heap_count; i++)
            if (m->heaps[i] == heap)
                a->heap = heap;
    m->s->missing_bytes = missing;
}

static bool add_heaps(struct map *m, struct err *err) {
    minidump_map_read_heaps(m);
    if (!m->heap_count)
        return true;
    for (uint32_t i = 0; i < m->allocation_count; i++)
        find_heap(m, &m->allocations[i]);
    for (uint32_t h = 0; h < m->heap_count; h++) {
        struct native_heap_row *row = builder_row(m->b, PART_NATIVE_HEAPS, err);
        if (!row)
            return false;
        row->address = m->heaps[h];
        row->committed = row->reserved = 0;
        for (uint32_t i = 0; i < m->allocation_count; i++) {
            if (m->allocations[i].heap != m->heaps[h])
                continue;
            row->committed = num_add(row->committed, m->allocations[i].committed);
            row->reserved = num_add(row->reserved, m->allocations[i].reserved);
        }
    }
    builder_note(m->b, "native heaps are summed over their segments; blocks too large for a "
                       "segment are allocations of their own");
    return true;
}

/* -- Rows by allocation ------------------------------------------------------------------------ */

/* The first part of the allocation that is committed; NULL: none. */
static const struct space_mapping *first_mapping(const struct space *s,
                                                 const struct allocation *a) {
    uint32_t low;
    SEARCH_LEADING(low, s->mapping_count, middle, s->mappings[middle].start < a->base);
    bool inside = low < s->mapping_count && s->mappings[low].start - a->base < a->reserved;
    return inside ? &s->mappings[low] : NULL;
}

/* USAGE_GC_HEAP, USAGE_LOADER_JIT, USAGE_STACK, ...: what a claim within the allocation says; NULL:
 * nothing. */
static const char *minidump_map_use_of(const struct map *m, const struct allocation *a) {
    const struct space_mapping *first = first_mapping(m->s, a);
    for (uint32_t i = 0; i < m->s->claim_count; i++)
        if (m->s->claims[i].start < a->base + a->reserved && m->s->claims[i].end > a->base)
            return space_use_names[m->s->claims[i].use];
    if (!first || !first->file)
        return NULL;
    return strcmp(first->file, "[stack]") == 0 ? space_use_names[USE_STACK]
           : strcmp(first->file, "[teb]") == 0 ? space_use_names[USE_TEB]
                                               : NULL;
}

static bool add_allocation(struct map *m, const struct allocation *a, struct strbuf *key,
                           struct err *err) {
    const char *use = minidump_map_use_of(m, a);
    strbuf_clear(key);
    strbuf_addf(key, "0x%016" PRIx64 " ", a->base);
    write_protect(key, a->protect);
    if (a->heap)
        strbuf_addf(key, " heap 0x%" PRIx64, a->heap);
    else if (use)
        strbuf_addf(key, " %s", use);
    return minidump_map_add_row(m, MEMORY_BY_BASE, key, a->regions, a->committed, err);
}

static bool add_allocations(struct map *m, struct strbuf *key, struct err *err) {
    uint64_t regions = 0, bytes = 0;
    uint32_t rows = 0;
    if (m->allocation_count)
        qsort(m->allocations, m->allocation_count, sizeof(*m->allocations), cmp_committed);
    for (uint32_t i = 0; i < m->allocation_count; i++) {
        const struct allocation *a = &m->allocations[i];
        if (a->committed >= MINIDUMP_BASE_LEAST_BYTES && rows < MINIDUMP_BASES_MAX) {
            rows++;
            if (!add_allocation(m, a, key, err))
                return false;
        } else {
            regions += a->regions;
            bytes = num_add(bytes, a->committed);
        }
    }
    strbuf_clear(key);
    strbuf_adds(key, "[smaller allocations]");
    return regions == 0 || minidump_map_add_row(m, MEMORY_BY_BASE, key, regions, bytes, err);
}

static bool add_all(struct map *m, struct strbuf *key, struct err *err) {
    sum_regions(m);
    if (!minidump_map_add_sums(m, MEMORY_BY_STATE, &m->states, state_names, key, err) ||
        !minidump_map_add_sums(m, MEMORY_BY_TYPE, &m->types, type_names, key, err) ||
        !minidump_map_add_sums(m, MEMORY_BY_PROTECT, &m->protects, protect_names, key, err))
        return false;
    strbuf_clear(key);
    strbuf_adds(key, LARGEST_FREE);
    if (m->largest_free &&
        !minidump_map_add_row(m, MEMORY_LARGEST, key, ABSENT, m->largest_free, err))
        return false;
    return add_heaps(m, err) && add_allocations(m, key, err);
}

bool minidump_add_map(struct space *s, const struct minidump_info *info, struct builder *b,
                      struct err *err) {
    if (!info->has_regions)
        return true;
    struct map *m = arena_alloc(&s->arena, sizeof(*m));
    if (!m)
        return err_nomem(err);
    *m = (struct map){.s = s, .info = info, .b = b};
    m->allocations = arena_array(&s->arena, info->region_count, sizeof(*m->allocations));
    if (!m->allocations)
        return err_nomem(err);
    struct strbuf key;
    strbuf_init(&key);
    bool ok = add_all(m, &key, err);
    strbuf_deinit(&key);
    return ok;
}
