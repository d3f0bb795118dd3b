#include "dotnet/gc.h"

#include "base/hash.h"
#include "base/num.h"
#include "base/order.h"
#include "base/search.h"
#include "base/vec.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT_READONLY 1u

/* Fields of gc_heap in the order of dac_gcheap_fields.h. */
enum {
    HEAP_ALLOC_ALLOCATED = 0,
    HEAP_EPHEMERAL_SEGMENT = 1,
    HEAP_FINALIZE_QUEUE = 2,
    HEAP_GENERATION_TABLE = 18,
    HEAP_FIELDS = 19
};

/* Before .NET 5 nothing says where: measured in 3.1.3 of x64, behind what is at the beginning of
 * all. */
#define GENERATION_TABLE_OF_1 344u

#define HEAPS_MAX 1024u

/* [bytes] of an allocation context, at most: pointer, limit, and what was allocated by it. */
#define CONTEXT_BYTES 64u

/* Whether the context is sane is for the walk to see: it meets it at an object's address or not. */
static bool add_context(struct clr *clr, struct gc_state *gc, uint64_t at, bool also_empty) {
    struct gc_alloc_context c;
    /* The collector empties it, where the C library keeps a thread's own data on its stack, too. */
    if (!space_share(clr->space, at < 8 ? 0 : at - 8, at + CONTEXT_BYTES - 8))
        return false;
    if (!clr_word(clr, at + clr->contract.offset[F_ALLOC_POINTER], &c.pointer) ||
        !clr_word(clr, at + clr->contract.offset[F_ALLOC_LIMIT], &c.limit) || c.pointer == 0 ||
        c.limit < c.pointer || (c.limit == c.pointer && !also_empty))
        return true;
    if (!VEC_ROOM(gc->contexts, gc->context_count, gc->context_capacity, NULL))
        return false;
    gc->contexts[gc->context_count++] = c;
    return true;
}

static bool add_thread_contexts(struct clr *clr, struct gc_state *gc) {
    const struct contract *c = &clr->contract;
    uint64_t inner = c->offset[F_EE_ALLOC_CONTEXT] == NO_FIELD ? 0 : c->offset[F_EE_ALLOC_CONTEXT];
    for (uint32_t i = 0; i < clr->thread_count; i++) {
        uint64_t locals;
        if (clr_knows(clr, F_THREAD_ALLOC_CONTEXT)) {
            if (!add_context(clr, gc, clr_field(clr, clr->threads[i], F_THREAD_ALLOC_CONTEXT),
                             true))
                return false;
        } else if (clr_field_word(clr, clr->threads[i], F_THREAD_LOCALS, &locals) && locals) {
            if (!add_context(clr, gc, locals + c->offset[F_LOCALS_ALLOC_CONTEXT] + inner, true))
                return false;
        }
    }
    return true;
}

/* -- Layout ------------------------------------------------------------------------------------ */

/* Of generations and segments. */
static void generation_layout(struct clr *clr, struct gc_state *gc) {
    const uint32_t *offset = clr->contract.offset;
    struct gc_layout *l = &gc->layout;
    if (clr->gc_described) {
        l->generation.context = offset[F_GENERATION_CONTEXT];
        l->generation.start_segment = offset[F_GENERATION_SEGMENT];
        l->generation.allocation_start = offset[F_GENERATION_START];
        l->segment.allocated = offset[F_SEGMENT_ALLOCATED];
        l->segment.committed = offset[F_SEGMENT_COMMITTED];
        l->segment.reserved = offset[F_SEGMENT_RESERVED];
        l->segment.mem = offset[F_SEGMENT_MEM];
        l->segment.flags = offset[F_SEGMENT_FLAGS];
        l->segment.next = offset[F_SEGMENT_NEXT];
        gc->uses_regions = clr->contract.gc_kind & GC_KIND_REGIONS;
        return;
    }
    /* The same in all of 3.1 to 10.0; the last one tells segments (64) from regions, which are new
     * in 7.0. */
    uint32_t offsets[3] = {0, 48 + clr->word, UINT32_MAX};
    if (clr->gc.major < 2)
        offsets[2] = offsets[1] + clr->word;
    else if (!clr_read(clr, clr->gc.slot[GC_GENERATION_FIELDS], offsets, sizeof(offsets)))
        builder_note(clr->b, "the layout of GC generations is not in the dump: taken for regions");
    l->generation.context = offsets[0];
    l->generation.start_segment = offsets[1];
    l->generation.allocation_start = offsets[2];
    gc->uses_regions = offsets[2] == UINT32_MAX;
    /* heap_segment's fixed prefix (src/coreclr/gc/gcinterface.dac.h). */
    l->segment.allocated = 0;
    l->segment.committed = clr->word;
    l->segment.reserved = 2 * clr->word;
    l->segment.mem = 4 * clr->word;
    l->segment.flags = 5 * clr->word;
    l->segment.next = 6 * clr->word;
}

/* Of the server GC's gc_heap. */
static bool gc_heap_layout(struct clr *clr, struct gc_layout *l) {
    uint32_t fields[HEAP_FIELDS];
    const uint32_t *offset = clr->contract.offset;
    if (clr->gc_described) {
        l->heap.alloc_allocated = offset[F_GC_HEAP_ALLOC_ALLOCATED];
        l->heap.ephemeral_segment = offset[F_GC_HEAP_EPHEMERAL];
        l->heap.finalize_queue = offset[F_GC_HEAP_FINALIZE_QUEUE];
        l->heap.generation_table = offset[F_GC_HEAP_GENERATIONS];
        return true;
    }
    if (clr->gc.major < 2) {
        l->heap.alloc_allocated = 0;
        l->heap.ephemeral_segment = clr->word;
        l->heap.finalize_queue = 2 * clr->word;
        l->heap.generation_table = GENERATION_TABLE_OF_1;
        return clr->word == 8 && clr->gc.before_5; /* of 5.0 and 6.0 nobody has seen one */
    }
    if (!clr_read(clr, clr->gc.slot[GC_HEAP_FIELDS], fields, sizeof(fields)))
        return false;
    l->heap.alloc_allocated = fields[HEAP_ALLOC_ALLOCATED];
    l->heap.ephemeral_segment = fields[HEAP_EPHEMERAL_SEGMENT];
    l->heap.finalize_queue = fields[HEAP_FINALIZE_QUEUE];
    l->heap.generation_table = fields[HEAP_GENERATION_TABLE];
    return true;
}

/* Objects may be where nobody looked. */
static void gc_lacks(struct clr *clr, uint64_t count, const char *what) {
    builder_warn(clr->b, count, "%s", what);
    builder_absent(clr->b, GC_PARTS, ASPECT_ROWS, ABSENT, "%s", what);
}

/* -- Heaps ------------------------------------------------------------------------------------- */

/* Value of a variable that a slot points to. */
static bool slot_value(struct clr *clr, enum gc_slot slot, uint64_t *ret_value) {
    return clr->gc.slot[slot] && clr_word(clr, clr->gc.slot[slot], ret_value);
}

/* A field that is there: its value, or false. One that is not: 0. */
static bool heap_field(struct clr *clr, uint64_t heap, uint32_t offset, uint64_t *ret_value) {
    *ret_value = 0;
    return offset == UINT32_MAX || clr_word(clr, heap + offset, ret_value);
}

static bool server_heap(struct clr *clr, uint64_t address, const struct gc_layout *layout,
                        struct gc_heap *heap) {
    *heap = (struct gc_heap){0};
    if (layout->heap.generation_table == UINT32_MAX)
        return false;
    heap->generation_table = address + layout->heap.generation_table;
    return heap_field(clr, address, layout->heap.ephemeral_segment, &heap->ephemeral_segment) &&
           heap_field(clr, address, layout->heap.alloc_allocated, &heap->alloc_allocated) &&
           heap_field(clr, address, layout->heap.finalize_queue, &heap->finalize_queue);
}

static bool read_server_heaps(struct clr *clr, struct gc_state *gc, uint32_t count,
                              struct err *err) {
    uint64_t heaps;
    if (count > HEAPS_MAX || !slot_value(clr, GC_HEAPS, &heaps) ||
        !gc_heap_layout(clr, &gc->layout)) {
        gc_lacks(clr, count, "heaps of the server GC could not be read");
        return true;
    }
    gc->heaps = calloc(count, sizeof(*gc->heaps));
    if (!gc->heaps)
        return err_nomem(err);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t address;
        if (!clr_word_at(clr, heaps, i, &address) ||
            !server_heap(clr, address, &gc->layout, &gc->heaps[i]))
            gc_lacks(clr, 1, "heaps of the server GC could not be read");
    }
    gc->heap_count = count;
    return true;
}

static bool gc_read_heaps(struct clr *clr, struct gc_state *gc, struct err *err) {
    uint32_t count = 0;
    if (clr->heap_type != 1 && clr->gc.slot[GC_HEAP_COUNT] &&
        !clr_u32(clr, clr->gc.slot[GC_HEAP_COUNT], &count))
        count = 0;
    if (count > 0)
        return read_server_heaps(clr, gc, count, err);
    gc->heaps = calloc(1, sizeof(*gc->heaps));
    if (!gc->heaps)
        return err_nomem(err);
    gc->heap_count = 1;
    struct gc_heap *heap = gc->heaps;
    heap->generation_table = clr->gc.slot[GC_GENERATION_TABLE];
    if (!slot_value(clr, GC_EPHEMERAL_SEGMENT, &heap->ephemeral_segment) ||
        !slot_value(clr, GC_ALLOC_ALLOCATED, &heap->alloc_allocated) ||
        !slot_value(clr, GC_FINALIZE_QUEUE, &heap->finalize_queue))
        gc_lacks(clr, ABSENT, "variables of the GC heap are not in the dump");
    return true;
}

/* -- Regions and segments ---------------------------------------------------------------------- */

static bool add_span(struct gc_state *gc, const struct gc_region *r, uint64_t start, uint64_t end,
                     enum generation generation) {
    if (start >= end)
        return true;
    if (!VEC_ROOM(gc->spans, gc->span_count, gc->span_capacity, NULL))
        return false;
    gc->spans[gc->span_count++] = (struct gc_span){start, end, r->heap, (uint8_t)generation};
    return true;
}

/* Adds the region, and where its objects are. */
static bool gc_add_region(struct clr *clr, struct gc_state *gc, struct gc_region r) {
    if (r.start > r.allocated || r.allocated > r.reserved || r.committed > r.reserved) {
        gc_lacks(clr, 1, "regions of the GC heap with impossible bounds were skipped");
        return true;
    }
    if (!VEC_ROOM(gc->regions, gc->region_count, gc->region_capacity, NULL))
        return false;
    struct gc_region *kept = &gc->regions[gc->region_count++];
    *kept = r;
    const struct gc_heap *heap = &gc->heaps[r.heap];
    if (gc->uses_regions || r.segment != heap->ephemeral_segment)
        return add_span(gc, &r, r.start, r.allocated, r.generation);
    /* The ephemeral segment holds gen2, gen1 and gen0, in this order. */
    uint64_t begin[2];
    kept->generation = GEN_UNKNOWN;
    for (int g = 0; g < 2; g++) {
        uint64_t generation = heap->generation_table +
                              (uint64_t)g * clr->gc.slot[GC_GENERATION_SIZE] +
                              gc->layout.generation.allocation_start;
        bool there = clr_word(clr, generation, &begin[g]);
        if (!there)
            gc_lacks(clr, 1, "GC generations are not in the dump");
        if (!there || begin[g] < r.start || begin[g] > r.allocated)
            begin[g] = g == 0 ? r.allocated : begin[0];
    }
    if (begin[1] > begin[0])
        begin[1] = begin[0];
    return add_span(gc, &r, r.start, begin[1], GEN_2) &&
           add_span(gc, &r, begin[1], begin[0], GEN_1) &&
           add_span(gc, &r, begin[0], r.allocated, GEN_0);
}

static bool gc_read_segment(struct clr *clr, const struct gc_layout *l, uint64_t segment,
                            struct gc_region *r, uint64_t *ret_flags, uint64_t *ret_next) {
    return clr_word(clr, segment + l->segment.mem, &r->start) &&
           clr_word(clr, segment + l->segment.allocated, &r->allocated) &&
           clr_word(clr, segment + l->segment.committed, &r->committed) &&
           clr_word(clr, segment + l->segment.reserved, &r->reserved) &&
           clr_word(clr, segment + l->segment.flags, ret_flags) &&
           clr_word(clr, segment + l->segment.next, ret_next);
}

/* Follows start_segment's list of one generation. */
static bool gc_read_list(struct clr *clr, struct gc_state *gc, uint32_t heap, uint32_t generation,
                         uint64_t segment, struct u64map *seen) {
    static const uint8_t generations[] = {GEN_0, GEN_1, GEN_2, GEN_LOH, GEN_POH};
    const struct gc_heap *h = &gc->heaps[heap];
    while (segment) {
        struct gc_region r = {
            .segment = segment, .heap = heap, .generation = generations[generation]};
        uint64_t flags, next;
        if (gc->region_count >= CLR_LIST_MAX || u64map_get(seen, segment) != STRMAP_NONE) {
            gc_lacks(clr, 1, "lists of GC regions that run in a circle were cut");
            return true;
        }
        if (!u64map_put(seen, segment, 1))
            return false;
        if (!gc_read_segment(clr, &gc->layout, segment, &r, &flags, &next)) {
            gc_lacks(clr, 1, "lists of GC regions end in memory that is not in the dump");
            return true;
        }
        if (segment == h->ephemeral_segment)
            r.allocated = h->alloc_allocated;
        if (flags & SEGMENT_READONLY)
            r.generation = GEN_FROZEN;
        if (!gc_add_region(clr, gc, r))
            return false;
        segment = next;
    }
    return true;
}

static bool read_generations(struct clr *clr, struct gc_state *gc, struct u64map *seen) {
    for (uint32_t h = 0; h < gc->heap_count; h++) {
        uint64_t table = gc->heaps[h].generation_table;
        for (uint32_t g = 0; table && g < clr->gc.slot[GC_GENERATION_COUNT]; g++) {
            uint64_t generation = table + g * clr->gc.slot[GC_GENERATION_SIZE], segment;
            if (g == 0 && !add_context(clr, gc, generation + gc->layout.generation.context, false))
                return false;
            /* With segments, gen0 and gen1 live on the last segment of gen2's list. */
            if (!gc->uses_regions && g < 2)
                continue;
            if (!clr_word(clr, generation + gc->layout.generation.start_segment, &segment)) {
                gc_lacks(clr, 1, "GC generations are not in the dump");
                continue;
            }
            if (!gc_read_list(clr, gc, h, g, segment, seen))
                return false;
        }
    }
    return true;
}

static int cmp_span(const void *a, const void *b) {
    const struct gc_span *x = a, *y = b;
    return order_u64(x->start, y->start);
}

static int cmp_context(const void *a, const void *b) {
    const struct gc_alloc_context *x = a, *y = b;
    return order_u64(x->pointer, y->pointer);
}

/* By address; spans that overlap an earlier one come from a broken dump and go. */
static void sort_spans(struct clr *clr, struct gc_state *gc) {
    if (gc->context_count)
        qsort(gc->contexts, gc->context_count, sizeof(*gc->contexts), cmp_context);
    if (!gc->span_count)
        return;
    qsort(gc->spans, gc->span_count, sizeof(*gc->spans), cmp_span);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < gc->span_count; i++) {
        if (kept && gc->spans[i].start < gc->spans[kept - 1].end) {
            gc_lacks(clr, 1, "GC regions that overlap others were skipped");
            continue;
        }
        gc->spans[kept++] = gc->spans[i];
    }
    gc->span_count = kept;
}

bool gc_read(struct clr *clr, struct gc_state *gc, struct err *err) {
    *gc = (struct gc_state){0};
    uint32_t invalid = 0;
    gc->in_progress_known =
        clr->gc.slot[GC_INVALID_COUNT] && clr_u32(clr, clr->gc.slot[GC_INVALID_COUNT], &invalid);
    gc->in_progress = invalid != 0;
    generation_layout(clr, gc);
    if (!gc_read_heaps(clr, gc, err))
        return false;
    struct u64map seen;
    u64map_init(&seen);
    bool ok = read_generations(clr, gc, &seen) && add_thread_contexts(clr, gc);
    u64map_deinit(&seen);
    if (!ok)
        return err_nomem(err);
    sort_spans(clr, gc);
    return true;
}

void gc_free(struct gc_state *gc) {
    free(gc->heaps);
    free(gc->regions);
    free(gc->spans);
    free(gc->contexts);
    *gc = (struct gc_state){0};
}

const struct gc_span *gc_span_at(const struct gc_state *gc, uint64_t address) {
    uint32_t lo;
    SEARCH_LEADING(lo, gc->span_count, mid, gc->spans[mid].end <= address);
    return lo < gc->span_count && gc->spans[lo].start <= address ? &gc->spans[lo] : NULL;
}

uint64_t gc_missing_bytes(struct clr *clr, const struct gc_state *gc, uint64_t *ret_all) {
    const struct space *space = clr->space;
    uint64_t wanted = 0, there = 0;
    uint32_t r = 0;
    /* Both are sorted, and neither overlaps itself. */
    for (uint32_t i = 0; i < gc->span_count; i++) {
        const struct gc_span *span = &gc->spans[i];
        wanted += span->end - span->start;
        while (r < space->range_count && space->ranges[r].end <= span->start)
            r++;
        for (uint32_t k = r; k < space->range_count && space->ranges[k].start < span->end; k++) {
            const struct space_range *range = &space->ranges[k];
            uint64_t from = range->start > span->start ? range->start : span->start;
            uint64_t to = range->end < span->end ? range->end : span->end;
            there += to - from;
        }
    }
    *ret_all = wanted;
    return wanted - there;
}

bool gc_heap_is_there(struct clr *clr, const struct gc_state *gc) {
    uint64_t all, missing = gc_missing_bytes(clr, gc, &all);
    return all - missing >= all / 2;
}

/* -- Report ------------------------------------------------------------------------------------ */

static bool report_region(struct clr *clr, const struct gc_region *r, struct err *err) {
    struct region_row *row = builder_row(clr->b, PART_REGIONS, err);
    if (!row)
        return false;
    const char *kind = r->generation == GEN_UNKNOWN ? "ephemeral" : generation_names[r->generation];
    row->kind = builder_string(clr->b, str_of(kind), err);
    row->heap = r->heap;
    if (r->generation != GEN_UNKNOWN)
        row->generation = r->generation;
    /* Committed and reserved memory begins with the page before the first object; a segment
     * begins with its own heap_segment. */
    uint64_t first =
        r->segment < r->start && r->start - r->segment <= 0x10000 ? r->segment : r->start;
    uint64_t page = first & ~0xfffull;
    row->address = r->segment;
    row->start = r->start;
    row->allocated = r->allocated - r->start;
    row->committed = r->committed > page ? r->committed - page : 0;
    row->reserved = r->reserved - page;
    return row->kind != NULL;
}

bool gc_report(struct clr *clr, const struct gc_state *gc, struct err *err) {
    builder_present(clr->b, PART_REGIONS);
    uint64_t allocated = 0, committed = 0;
    for (uint32_t i = 0; i < gc->region_count; i++) {
        if (!report_region(clr, &gc->regions[i], err))
            return false;
        uint32_t count;
        const struct region_row *rows = builder_rows(clr->b, PART_REGIONS, &count);
        allocated = num_add(allocated, rows[count - 1].allocated);
        committed = num_add(committed, rows[count - 1].committed);
    }
    struct gc_row *row = builder_single(clr->b, PART_GC, err);
    struct origin_row *origin = builder_single(clr->b, PART_ORIGIN, err);
    if (!row || !origin)
        return false;
    row->allocated_bytes = allocated;
    row->committed_bytes = committed;
    row->in_progress = gc->in_progress_known ? gc->in_progress : ABSENT;
    row->regions = gc->uses_regions;
    row->heap_count = gc->heap_count;
    if (gc->in_progress)
        builder_warn(clr->b, ABSENT,
                     "dumped in the middle of a garbage collection: the heap is approximate");
    const char *mode = clr->heap_type == 2 || gc->heap_count > 1 ? "server" : "workstation";
    origin->heap_count = gc->heap_count;
    return builder_say_string(clr->b, &origin->gc_mode, str_of(mode), "GC mode", err);
}
