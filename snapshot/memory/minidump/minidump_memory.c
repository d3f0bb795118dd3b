/*
 * Memory of a minidump: MemoryList and Memory64List make the ranges, MemoryInfoList the mappings.
 *
 * Memory64List has no offset for each range: they stand one after the other from BaseRva, the only
 * 64-bit file offset of the format, so offsets are a running sum. Ranges of a hostile or cut file
 * are clipped to the file, and overlapping ones to what the ones before do not hold.
 */
#include "memory/minidump/minidump_impl.h"

#include "base/order.h"
#include "base/search.h"

#include <stddef.h>
#include <stdlib.h>

#define MEMORY_BYTES      16u
#define MEMORY_INFO_BYTES 48u

static const struct mdmp_field region_fields[] = {
    MDMP_FIELD(0, 8, minidump_region, base),
    MDMP_FIELD(8, 8, minidump_region, allocation_base),
    MDMP_FIELD(16, 4, minidump_region, allocation_protect),
    MDMP_FIELD(24, 8, minidump_region, size),
    MDMP_FIELD(32, 4, minidump_region, state),
    MDMP_FIELD(36, 4, minidump_region, protect),
    MDMP_FIELD(40, 4, minidump_region, type),
};

struct minidump_region minidump_region(const struct minidump_info *info, uint32_t index) {
    struct minidump_region region = {0};
    struct bytes in =
        bytes_slice(info->regions, (uint64_t)index * info->region_stride, MEMORY_INFO_BYTES);
    MDMP_DECODE(region_fields, in, &region);
    return region;
}

/* -- Mappings ---------------------------------------------------------------------------------- */

/* PAGE_* to MAP_*; guard pages cannot be read. */
static uint32_t map_flags(const struct minidump_region *region) {
    if (region->state != REGION_COMMIT || (region->protect & 0x100))
        return 0;
    switch (region->protect & 0xff) {
    case 0x02:
        return MAP_READ;
    case 0x04:
    case 0x08:
        return MAP_READ | MAP_WRITE;
    case 0x10:
        return MAP_EXEC;
    case 0x20:
        return MAP_READ | MAP_EXEC;
    case 0x40:
    case 0x80:
        return MAP_READ | MAP_WRITE | MAP_EXEC;
    default:
        return 0;
    }
}

/* Addresses in order, to be asked whether one of them lies in a region. */
struct addresses {
    uint64_t *items;
    uint32_t count;
};

static bool addresses_in(const struct addresses *set, uint64_t start, uint64_t size) {
    uint32_t low;
    SEARCH_LEADING(low, set->count, middle, set->items[middle] < start);
    return low < set->count && set->items[low] - start < size;
}

/* What tells the regions of threads. */
struct thread_places {
    struct addresses stack_pointers, tebs, stacks; /* stacks: allocation bases */
};

static bool find_threads(struct mdmp *m, struct thread_places *p, struct err *err) {
    struct arena *arena = &m->s->arena;
    uint32_t threads = m->s->thread_count;
    p->stack_pointers.items = arena_array(arena, threads, sizeof(uint64_t));
    p->tebs.items = arena_array(arena, threads, sizeof(uint64_t));
    p->stacks.items = arena_array(arena, threads, sizeof(uint64_t));
    if (threads && (!p->stack_pointers.items || !p->tebs.items || !p->stacks.items))
        return err_nomem(err);
    for (uint32_t i = 0; i < threads; i++) {
        uint64_t sp = m->s->threads[i].sp ? m->s->threads[i].sp : m->info->threads[i].stack_start;
        if (sp)
            p->stack_pointers.items[p->stack_pointers.count++] = sp;
        if (m->info->threads[i].teb)
            p->tebs.items[p->tebs.count++] = m->info->threads[i].teb;
    }
    if (p->stack_pointers.count)
        qsort(p->stack_pointers.items, p->stack_pointers.count, sizeof(uint64_t), order_u64_items);
    if (p->tebs.count)
        qsort(p->tebs.items, p->tebs.count, sizeof(uint64_t), order_u64_items);
    /* A stack is one allocation: committed part, guard page, and the reserve below. */
    for (uint32_t i = 0; i < m->info->region_count && p->stacks.count < threads; i++) {
        struct minidump_region region = minidump_region(m->info, i);
        if (region.type == REGION_PRIVATE && region.state == REGION_COMMIT &&
            addresses_in(&p->stack_pointers, region.base, region.size))
            p->stacks.items[p->stacks.count++] = region.allocation_base;
    }
    if (p->stacks.count)
        qsort(p->stacks.items, p->stacks.count, sizeof(uint64_t), order_u64_items);
    return true;
}

/* What stands for the file of a committed region; NULL: private memory of no known use. */
static const char *minidump_memory_file_of(const struct mdmp *m, const struct thread_places *p,
                                           const struct minidump_region *region, uint32_t module) {
    bool inside = module < m->s->module_count && m->s->modules[module].base <= region->base;
    if (region->type != REGION_PRIVATE && inside)
        return m->s->modules[module].path;
    if (region->type == REGION_IMAGE)
        return "[image]";
    if (region->type == REGION_MAPPED)
        return MAPPING_UNNAMED;
    if (addresses_in(&p->stacks, region->allocation_base, 1))
        return "[stack]";
    return addresses_in(&p->tebs, region->base, region->size) ? "[teb]" : NULL;
}

/* What is only reserved takes address space, but no memory: it is not mapped. */
static void fill_mappings(struct mdmp *m, const struct thread_places *p) {
    struct space *s = m->s;
    uint32_t module = 0;
    uint64_t bad = 0;
    for (uint32_t i = 0; i < m->info->region_count; i++) {
        struct minidump_region region = minidump_region(m->info, i);
        if (region.size > UINT64_MAX - region.base || region.size == 0) {
            bad++;
            continue;
        }
        if (region.state != REGION_COMMIT)
            continue;
        while (module < s->module_count && s->modules[module].end <= region.base)
            module++;
        const char *file = minidump_memory_file_of(m, p, &region, module);
        bool of_module = module < s->module_count && file == s->modules[module].path;
        s->mappings[s->mapping_count++] = (struct space_mapping){
            .start = region.base,
            .end = region.base + region.size,
            .file_offset = of_module ? region.base - s->modules[module].base : 0,
            .file = file,
            .flags = map_flags(&region),
        };
    }
    if (bad)
        space_lacks(m->s, PART_BIT(PART_MEMORY_MAP), bad,
                    "memory info list: entries without sense were skipped");
}

/* A dump of all memory may leave the stacks' extent to the list of regions. */
static void find_stack_tops(struct space *s) {
    for (uint32_t i = 0; i < s->thread_count; i++) {
        struct space_thread *thread = &s->threads[i];
        const struct space_mapping *mapping = space_mapping_at(s, thread->sp);
        if (mapping && thread->stack_top <= thread->sp)
            thread->stack_top = mapping->end;
    }
}

static bool minidump_memory_read_regions(struct mdmp *m, struct err *err) {
    struct mdmp_list list =
        mdmp_list_sized(m, MDMP_MEMORY_INFO_LIST, MEMORY_INFO_BYTES, 8, 8, UINT32_MAX / 2);
    m->info->regions = list.entries;
    m->info->region_count = list.count;
    m->info->region_stride = list.stride;
    m->info->has_regions = list.count > 0;
    if (!list.count)
        return true;
    m->s->mappings = arena_array(&m->s->arena, list.count, sizeof(*m->s->mappings));
    struct thread_places places = {0};
    if (!m->s->mappings)
        return err_nomem(err);
    if (!find_threads(m, &places, err))
        return false;
    fill_mappings(m, &places);
    m->s->mapping_count = space_sort_mappings(m->s->mappings, m->s->mapping_count);
    find_stack_tops(m->s);
    return true;
}

/* -- Ranges ------------------------------------------------------------------------------------ */

/* Adds [start, start+size) that stands at `rva` in the file, as far as the file goes. */
static void add_range(struct mdmp *m, uint64_t start, uint64_t size, uint64_t rva) {
    struct bytes data = bytes_slice(m->file, rva, size);
    if (data.size < size) {
        uint64_t cut = size - data.size, left = MDMP_ABSENT - 1 - m->info->cut_bytes;
        m->info->cut_bytes += cut < left ? cut : left;
    }
    if (data.size > UINT64_MAX - start) {
        space_warn(m->s, 1, "memory ranges reach past the end of the address space");
        data.size = (size_t)(UINT64_MAX - start);
    }
    if (data.size == 0)
        return;
    m->s->ranges[m->s->range_count++] =
        (struct space_range){start, start + data.size, data.data, MAP_READ};
}

static void minidump_memory_add_list(struct mdmp *m, const struct mdmp_list *list) {
    for (uint32_t i = 0; i < list->count; i++) {
        const uint8_t *p = mdmp_entry(list, i).data;
        add_range(m, load_u64(p), load_u32(p + 8), load_u32(p + 12));
    }
}

static void add_list64(struct mdmp *m, const struct mdmp_list *list, uint64_t rva) {
    for (uint32_t i = 0; i < list->count; i++) {
        const uint8_t *p = mdmp_entry(list, i).data;
        uint64_t size = load_u64(p + 8);
        add_range(m, load_u64(p), size, rva);
        rva = size > UINT64_MAX - rva ? UINT64_MAX : rva + size;
    }
}

/* Memory64List: u64 count, u64 BaseRva, entries. */
static struct mdmp_list list64(struct mdmp *m, uint64_t *ret_rva) {
    struct mdmp_list list = {.stride = MEMORY_BYTES};
    struct bytes in = m->streams[MDMP_MEMORY64_LIST];
    *ret_rva = 0;
    if (in.size < 16) {
        if (in.data)
            space_warn(m->s, MDMP_ABSENT, "64-bit memory list: is cut off");
        return list;
    }
    uint64_t count = load_u64(in.data), there = (in.size - 16) / MEMORY_BYTES;
    *ret_rva = load_u64(in.data + 8);
    if (count > there) {
        space_warn(m->s, count - there, "64-bit memory list: entries past its end were skipped");
        count = there;
    }
    list.count = (uint32_t)count;
    list.entries = bytes_slice(in, 16, count * MEMORY_BYTES);
    return list;
}

/* By start; of two that start together the longer first. */
static int cmp_ranges(const void *a, const void *b) {
    const struct space_range *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return order_u64(y->end, x->end);
}

static bool is_sorted(const struct space *s) {
    for (uint32_t i = 1; i < s->range_count; i++)
        if (s->ranges[i].start < s->ranges[i - 1].end)
            return false;
    return true;
}

/* Gives each range the protection of its first page; both lists are sorted. */
static void flag_ranges(struct space *s) {
    uint32_t mapping = 0;
    for (uint32_t i = 0; i < s->range_count; i++) {
        while (mapping < s->mapping_count && s->mappings[mapping].end <= s->ranges[i].start)
            mapping++;
        if (mapping < s->mapping_count && s->mappings[mapping].start <= s->ranges[i].start)
            s->ranges[i].flags = s->mappings[mapping].flags;
    }
}

/* Clips what overlaps, joins what is adjacent both in memory and in the file. */
static void tidy_ranges(struct mdmp *m) {
    struct space *s = m->s;
    uint32_t kept = 0;
    uint64_t overlap = 0;
    for (uint32_t i = 0; i < s->range_count; i++) {
        struct space_range range = s->ranges[i];
        uint64_t end = kept ? s->ranges[kept - 1].end : 0;
        if (kept && range.start < end) {
            uint64_t both = (range.end < end ? range.end : end) - range.start;
            overlap += both;
            range.start += both;
            range.data += both;
        }
        if (range.start >= range.end)
            continue;
        struct space_range *last = kept ? &s->ranges[kept - 1] : NULL;
        if (last && last->end == range.start &&
            last->data + (last->end - last->start) == range.data && last->flags == range.flags)
            last->end = range.end;
        else
            s->ranges[kept++] = range;
    }
    s->range_count = kept;
    if (overlap)
        mdmp_note(m, overlap, "bytes of memory are in the dump more than once");
}

static bool read_ranges(struct mdmp *m, struct err *err) {
    uint64_t rva;
    struct mdmp_list big = list64(m, &rva);
    struct mdmp_list small = mdmp_list_counted(m, MDMP_MEMORY_LIST, MEMORY_BYTES, UINT32_MAX / 2);
    size_t count = (size_t)big.count + small.count;
    if (count > UINT32_MAX)
        return err_set(err, ERR_LIMIT, "more than %u memory ranges", UINT32_MAX);
    m->info->has_memory = count > 0;
    m->s->ranges = arena_array(&m->s->arena, count, sizeof(*m->s->ranges));
    if (count && !m->s->ranges)
        return err_nomem(err);
    add_list64(m, &big, rva);
    minidump_memory_add_list(m, &small);
    if (!is_sorted(m->s))
        qsort(m->s->ranges, m->s->range_count, sizeof(*m->s->ranges), cmp_ranges);
    flag_ranges(m->s);
    tidy_ranges(m);
    return true;
}

bool mdmp_read_memory(struct mdmp *m, struct err *err) {
    return minidump_memory_read_regions(m, err) && read_ranges(m, err);
}
