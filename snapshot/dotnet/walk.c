#include "dotnet/walk.h"

#include "base/num.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Objects are 8-byte aligned and at least 24 bytes apart; the empty string says 22. */
#define OBJECT_MIN      24u
#define HEADER_BYTES    16u            /* MethodTable and component count */
#define WINDOW_BYTES    (256u << 10)   /* read at a time: stays in the cache */
#define THREADS_FROM    (256ull << 20) /* more heap than this is walked by several threads */
#define THREADS_MAX     4u
#define PLAUSIBLE_CHAIN 4u

#define MT_HAS_COMPONENTS 0x80000000u
/* Object header, the 32 bits before the MethodTable (src/coreclr/vm/syncblk.h). */
#define HEADER_THREAD_ID         0x0000ffffu
#define HEADER_HAS_INDEX         0x08000000u /* a sync block index, or with the next bit a hash code */
#define HEADER_HASH_CODE         0x04000000u
#define HEADER_INDEX             0x03ffffffu
#define HEADER_RECURSION(header) ((header) >> 16 & 63u)

/* One MethodTable as the hot loop needs it; open addressing, mt 0 is free. */
struct slot {
    uint64_t mt;
    uint32_t base, component;
    uint64_t objects, bytes; /* since the last flush */
};

/* Bytes of the heap in this process: data belongs to address start. */
struct window {
    uint64_t start, end;
    const uint8_t *data;
};

struct shared {
    struct clr *clr;
    const struct gc_state *gc;
    struct walk_result *result;
    pthread_mutex_t lock;
    atomic_uint next_span;
    atomic_bool failed; /* out of memory */
};

struct worker {
    struct shared *shared;
    struct slot *slots;
    uint32_t slot_count, slot_mask; /* used, and size - 1 */
    uint32_t *counted;              /* slots with objects since the last flush */
    uint32_t counted_count;
    uint32_t heap;
    uint8_t generation;
    uint64_t skipped, gaps;
    struct window window;
    uint8_t *buffer; /* WINDOW_BYTES, for the window */
    uint8_t straddle[8 + HEADER_BYTES];
};

/* -- MethodTables ------------------------------------------------------------------------------ */

bool walk_is_method_table(struct clr *clr, uint64_t mt) {
    const uint32_t *offset = clr->contract.offset;
    uint64_t class_or_canon, back;
    if (mt && mt == clr->free_mt)
        return true; /* free space has no class */
    if (mt == 0 || mt % 8 || !clr_u64(clr, mt + offset[F_MT_CLASS], &class_or_canon))
        return false;
    uint64_t canon = mt;
    if (class_or_canon & 1) {
        canon = class_or_canon & ~1ull;
        if (!clr_u64(clr, canon + offset[F_MT_CLASS], &class_or_canon) || class_or_canon & 1)
            return false;
    }
    return clr_u64(clr, class_or_canon + offset[F_CLASS_MT], &back) && back == canon;
}

static uint32_t slot_of(const struct worker *w, uint64_t mt) {
    return (uint32_t)((mt >> 3) * 0x9e3779b97f4a7c15ull >> 32) & w->slot_mask;
}

static bool slots_grow(struct worker *w) {
    uint32_t size = w->slots ? (w->slot_mask + 1) * 2 : 1024;
    struct slot *grown = calloc(size, sizeof(*grown)), *old = w->slots;
    uint32_t *counted = malloc(size * sizeof(*counted));
    uint32_t old_size = w->slots ? w->slot_mask + 1 : 0;
    if (!grown || !counted) {
        free(grown);
        free(counted);
        return false;
    }
    free(w->counted);
    w->counted = counted;
    w->counted_count = 0;
    w->slots = grown;
    w->slot_mask = size - 1;
    for (uint32_t i = 0; i < old_size; i++) {
        if (!old[i].mt)
            continue;
        uint32_t at = slot_of(w, old[i].mt);
        while (grown[at].mt)
            at = (at + 1) & w->slot_mask;
        grown[at] = old[i];
        if (old[i].objects)
            w->counted[w->counted_count++] = at;
    }
    free(old);
    return true;
}

/* The slot of a MethodTable, added when it is one; NULL: it is none. */
static struct slot *walk_find_slot(struct worker *w, uint64_t mt) {
    uint32_t at = slot_of(w, mt);
    while (w->slots[at].mt) {
        if (w->slots[at].mt == mt)
            return &w->slots[at];
        at = (at + 1) & w->slot_mask;
    }
    struct clr *clr = w->shared->clr;
    struct slot slot = {.mt = mt};
    uint32_t flags = 0;
    pthread_mutex_lock(&w->shared->lock);
    bool ok = walk_is_method_table(clr, mt) && clr_field_u32(clr, mt, F_MT_FLAGS, &flags) &&
              clr_field_u32(clr, mt, F_MT_BASE_SIZE, &slot.base);
    pthread_mutex_unlock(&w->shared->lock);
    if (!ok || slot.base < 16 || slot.base > INT32_MAX)
        return NULL;
    slot.component = flags & MT_HAS_COMPONENTS ? flags & 0xffff : 0;
    if (w->slot_count * 2 > w->slot_mask) {
        if (!slots_grow(w)) {
            w->shared->failed = true;
            return NULL;
        }
        at = slot_of(w, mt);
        while (w->slots[at].mt)
            at = (at + 1) & w->slot_mask;
    }
    w->slots[at] = slot;
    w->slot_count++;
    return &w->slots[at];
}

/* -- Results ----------------------------------------------------------------------------------- */

static struct walk_type *result_type(struct walk_result *r, uint64_t mt) {
    uint32_t at = u64map_get(&r->type_by_mt, mt);
    if (at != STRMAP_NONE)
        return &r->types[at];
    if (r->type_count == r->type_capacity) {
        uint32_t capacity = r->type_capacity ? r->type_capacity * 2 : 256;
        struct walk_type *grown = realloc(r->types, capacity * sizeof(*grown));
        if (!grown)
            return NULL;
        r->types = grown;
        r->type_capacity = capacity;
    }
    if (!u64map_put(&r->type_by_mt, mt, r->type_count))
        return NULL;
    struct walk_type *type = &r->types[r->type_count++];
    *type = (struct walk_type){.mt = mt};
    return type;
}

/* Moves what was counted for w->heap and w->generation into the result. */
static void walk_flush(struct worker *w) {
    struct shared *s = w->shared;
    struct walk_heap_total *heap = &s->result->heaps[w->heap];
    pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < w->counted_count; i++) {
        struct slot *slot = &w->slots[w->counted[i]];
        struct walk_type *type = result_type(s->result, slot->mt);
        if (!type) {
            s->failed = true;
            break;
        }
        type->gen[w->generation].objects += slot->objects;
        type->gen[w->generation].bytes += slot->bytes;
        heap->gen[w->generation].objects += slot->objects;
        heap->gen[w->generation].bytes += slot->bytes;
        if (slot->mt == s->clr->free_mt)
            heap->free_gen[w->generation] += slot->bytes;
        slot->objects = slot->bytes = 0;
    }
    w->counted_count = 0;
    pthread_mutex_unlock(&s->lock);
}

static void note_lock(struct worker *w, uint64_t object, uint64_t mt, uint32_t header) {
    struct walk_result *r = w->shared->result;
    if (mt == w->shared->clr->free_mt || header & HEADER_HASH_CODE)
        return;
    struct walk_lock lock = {.object = object, .mt = mt};
    if (header & HEADER_HAS_INDEX) {
        lock.sync_index = header & HEADER_INDEX;
    } else {
        lock.owner_managed_id = header & HEADER_THREAD_ID;
        lock.recursion = HEADER_RECURSION(header);
    }
    pthread_mutex_lock(&w->shared->lock);
    if (r->lock_count == r->lock_capacity && r->lock_count < WALK_LOCKS_MAX) {
        uint32_t capacity = r->lock_capacity ? r->lock_capacity * 2 : 64;
        struct walk_lock *grown = realloc(r->locks, capacity * sizeof(*grown));
        if (grown) {
            r->locks = grown;
            r->lock_capacity = capacity;
        }
    }
    if (r->lock_count < r->lock_capacity)
        r->locks[r->lock_count++] = lock;
    else
        r->locks_dropped++;
    pthread_mutex_unlock(&w->shared->lock);
}

/* -- Windows ----------------------------------------------------------------------------------- */

/*
 * Makes w->window hold the object header at a, and the word before it where that is there. false:
 * the memory at a is not in the dump.
 */
static bool open_window(struct worker *w, uint64_t a, uint64_t end) {
    struct space *space = w->shared->clr->space;
    const struct space_range *range = space_range_at(space, a);
    if (!range)
        return false;
    uint64_t from = a - 8 >= range->start ? a - 8 : a;
    uint64_t to = range->end < end ? range->end : end;
    if (to - a < HEADER_BYTES) {
        /* The header of an object may lie across two ranges. */
        from = a - 8;
        if (!space_read(space, from, w->straddle, sizeof(w->straddle)))
            return false;
        w->window = (struct window){from, a + HEADER_BYTES, w->straddle};
        return true;
    }
    uint64_t size = to - from < WINDOW_BYTES ? to - from : WINDOW_BYTES;
    struct bytes bytes = space_window(space, from, w->buffer, (size_t)size);
    w->window = (struct window){from, from + bytes.size, bytes.data};
    return bytes.size == size;
}

static bool in_window(const struct window *window, uint64_t a) {
    return a >= window->start && a < window->end && window->end - a >= HEADER_BYTES;
}

/* -- The loop ---------------------------------------------------------------------------------- */

/*
 * Counts objects from a on as long as they begin before `stop` and their header is in the window.
 * Gives the address of the first one that was not counted; *ret_broken: it made no sense.
 */
static uint64_t count_objects(struct worker *w, uint64_t a, uint64_t stop, uint64_t end,
                              bool *ret_broken) {
    const struct window window = w->window;
    uint64_t last = window.end - HEADER_BYTES;
    if (stop > last + 1)
        stop = last + 1;
    *ret_broken = false;
    while (a < stop) {
        const uint8_t *p = window.data + (a - window.start);
        uint64_t mt = load_u64(p) & ~7ull; /* bits of the GC: marked, pinned */
        struct slot *slot = &w->slots[slot_of(w, mt)];
        if (slot->mt != mt || mt == 0) {
            slot = mt ? walk_find_slot(w, mt) : NULL;
            if (!slot) {
                *ret_broken = true;
                break;
            }
        }
        uint64_t size = slot->base + (uint64_t)slot->component * load_u32(p + 8);
        if (size < OBJECT_MIN)
            size = OBJECT_MIN;
        uint64_t step = (size + 7) & ~7ull;
        if (step > end - a) {
            *ret_broken = true;
            break;
        }
        if (slot->objects++ == 0)
            w->counted[w->counted_count++] = (uint32_t)(slot - w->slots);
        slot->bytes += size;
        if (a > window.start + 3) {
            uint32_t header = load_u32(p - 4);
            if (header & (HEADER_THREAD_ID | HEADER_HAS_INDEX))
                note_lock(w, a, mt, header);
        }
        a += step;
    }
    return a;
}

/* Is there a chain of objects at a, up to `end` or `context`? Nothing is counted. */
static bool plausible_chain(struct worker *w, uint64_t a, uint64_t context, uint64_t end) {
    for (uint32_t i = 0; i < PLAUSIBLE_CHAIN; i++) {
        if (a == end || a == context)
            return true;
        /* What lies further on is read by itself: the window stays where it is. */
        uint8_t header[HEADER_BYTES];
        const uint8_t *p = header;
        if (a > end)
            return false;
        if (in_window(&w->window, a))
            p = w->window.data + (a - w->window.start);
        else if (!space_read(w->shared->clr->space, a, header, sizeof(header)))
            return false;
        uint64_t mt = load_u64(p) & ~7ull;
        struct slot *slot = mt ? walk_find_slot(w, mt) : NULL;
        if (!slot)
            return false;
        uint64_t size = slot->base + (uint64_t)slot->component * load_u32(p + 8);
        size = size < OBJECT_MIN ? OBJECT_MIN : (size + 7) & ~7ull;
        if (size > end - a)
            return false;
        a += size;
    }
    return true;
}

/* Start of the next range that is there, at or behind a. */
static uint64_t next_memory(const struct space *space, uint64_t a, uint64_t end) {
    uint32_t lo = 0, hi = space->range_count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (space->ranges[mid].end > a)
            hi = mid;
        else
            lo = mid + 1;
    }
    if (lo == space->range_count || space->ranges[lo].start >= end)
        return end;
    return space->ranges[lo].start > a ? space->ranges[lo].start : a;
}

/* The next place where objects make sense; counts what lies between. */
static uint64_t resync(struct worker *w, uint64_t a, uint64_t context, uint64_t end) {
    uint64_t at = a;
    w->gaps++;
    while (at < end) {
        at += 8;
        if (at >= end || at == context)
            break;
        if (!in_window(&w->window, at) && !open_window(w, at, end)) {
            uint64_t next = next_memory(w->shared->clr->space, at, end);
            at = next > at ? ((next + 7) & ~7ull) - 8 : at;
            continue;
        }
        if (plausible_chain(w, at, context, end))
            break;
    }
    if (at > end)
        at = end;
    w->skipped += at - a;
    return at;
}

static void walk_span(struct worker *w, const struct gc_span *span) {
    const struct gc_state *gc = w->shared->gc;
    uint32_t next = 0, hi = gc->context_count;
    while (next < hi) {
        uint32_t mid = next + (hi - next) / 2;
        if (gc->contexts[mid].pointer >= span->start)
            hi = mid;
        else
            next = mid + 1;
    }
    w->window = (struct window){0};
    uint64_t a = span->start;
    while (a < span->end && !w->shared->failed) {
        while (next < gc->context_count && gc->contexts[next].pointer < a)
            next++;
        uint64_t context = next < gc->context_count ? gc->contexts[next].pointer : UINT64_MAX;
        if (a == context) {
            /* Behind the limit the allocator keeps room for one smallest object. */
            uint64_t limit = gc->contexts[next].limit;
            a = limit < span->end ? limit + OBJECT_MIN : span->end;
            continue;
        }
        bool broken = !in_window(&w->window, a) && !open_window(w, a, span->end);
        if (!broken) {
            uint64_t stop = context < span->end ? context : span->end;
            a = count_objects(w, a, stop, span->end, &broken);
        }
        if (broken)
            a = resync(w, a, context, span->end);
    }
}

static void *run_worker(void *argument) {
    struct worker *w = argument;
    struct shared *s = w->shared;
    for (;;) {
        uint32_t i = atomic_fetch_add(&s->next_span, 1);
        if (i >= s->gc->span_count || s->failed)
            break;
        const struct gc_span *span = &s->gc->spans[i];
        if (span->heap != w->heap || span->generation != w->generation) {
            walk_flush(w);
            w->heap = span->heap;
            w->generation = span->generation;
        }
        walk_span(w, span);
    }
    walk_flush(w);
    return NULL;
}

/* -- Workers ----------------------------------------------------------------------------------- */

static bool worker_init(struct worker *w, struct shared *s) {
    *w = (struct worker){.shared = s, .buffer = malloc(WINDOW_BYTES)};
    return w->buffer && slots_grow(w);
}

static void worker_deinit(struct worker *w) {
    if (w->shared) {
        w->shared->result->skipped_bytes += w->skipped;
        w->shared->result->gaps += w->gaps;
    }
    free(w->slots);
    free(w->counted);
    free(w->buffer);
}

static uint32_t wanted_threads(const struct gc_state *gc) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < gc->span_count; i++)
        bytes += gc->spans[i].end - gc->spans[i].start;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (bytes < THREADS_FROM || cpus < 2)
        return 1;
    return cpus < (long)THREADS_MAX ? (uint32_t)cpus : THREADS_MAX;
}

/* The first worker runs on this thread; a thread that cannot be started is done without. */
static void run_workers(struct worker *workers, uint32_t count) {
    pthread_t threads[THREADS_MAX];
    uint32_t started = 0;
    for (uint32_t i = 1; i < count; i++)
        if (pthread_create(&threads[started], NULL, run_worker, &workers[i]) == 0)
            started++;
    run_worker(&workers[0]);
    for (uint32_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}

static int cmp_lock(const void *a, const void *b) {
    const struct walk_lock *x = a, *y = b;
    return x->object < y->object ? -1 : x->object > y->object;
}

bool walk_heap(struct clr *clr, const struct gc_state *gc, struct walk_result *result,
               struct err *err) {
    *result = (struct walk_result){0};
    u64map_init(&result->type_by_mt);
    result->heaps = calloc(gc->heap_count ? gc->heap_count : 1, sizeof(*result->heaps));
    struct shared shared = {
        .clr = clr, .gc = gc, .result = result, .failed = result->heaps == NULL};
    pthread_mutex_init(&shared.lock, NULL);
    struct worker workers[THREADS_MAX] = {0};
    uint32_t count = wanted_threads(gc);
    for (uint32_t i = 0; i < count && !shared.failed; i++)
        shared.failed = !worker_init(&workers[i], &shared);
    if (!shared.failed && gc->span_count)
        run_workers(workers, count);
    for (uint32_t i = 0; i < count; i++)
        worker_deinit(&workers[i]);
    pthread_mutex_destroy(&shared.lock);
    if (shared.failed)
        return err_nomem(err);
    if (result->lock_count)
        qsort(result->locks, result->lock_count, sizeof(*result->locks), cmp_lock);
    if (result->skipped_bytes)
        builder_warn(clr->b, result->skipped_bytes,
                     "bytes of the GC heap could not be walked and were skipped");
    return true;
}

void walk_free(struct walk_result *result) {
    free(result->types);
    free(result->locks);
    free(result->heaps);
    u64map_deinit(&result->type_by_mt);
    *result = (struct walk_result){0};
}
