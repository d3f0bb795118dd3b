#include "base/hash.h"
#include "base/meter.h"
#include "dotnet/walk_graph.h"

#include "base/order.h"
#include "base/os/os.h"
#include "base/search.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS_FROM    (256ull << 20) /* more heap than this is walked by several threads */
#define THREADS_MAX     4u
#define PLAUSIBLE_CHAIN 4u

struct walk_mutex {
    pthread_mutex_t mutex;
};

void walk_lock_shared(struct walk_shared *s) {
    pthread_mutex_lock(&s->lock->mutex);
}

void walk_unlock_shared(struct walk_shared *s) {
    pthread_mutex_unlock(&s->lock->mutex);
}

/* -- Windows ----------------------------------------------------------------------------------- */

/*
 * Makes w->window hold the object header at a, and the word before it where that is there. false:
 * the memory at a is not in the dump.
 */
static bool open_window(struct walk_worker *w, uint64_t a, uint64_t end) {
    struct space *space = w->shared->clr->space;
    const struct space_range *range = space_range_at(space, a);
    if (!range)
        return false;
    uint64_t from = a - w->word >= range->start ? a - w->word : a;
    uint64_t to = range->end < end ? range->end : end;
    if (to - a < w->header_bytes) {
        /* The header of an object may lie across two ranges. */
        from = a - w->word;
        if (!space_read(space, from, w->straddle, w->word + w->header_bytes))
            return false;
        w->window = (struct window){from, a + w->header_bytes, w->straddle};
        return true;
    }
    uint64_t size = to - from < WINDOW_BYTES ? to - from : WINDOW_BYTES;
    struct bytes bytes = space_window(space, from, w->buffer, (size_t)size);
    w->window = (struct window){from, from + bytes.size, bytes.data};
    return bytes.size == size;
}

static bool in_window(const struct walk_worker *w, uint64_t a) {
    const struct window *window = &w->window;
    return a >= window->start && a < window->end && window->end - a >= w->header_bytes;
}

/* -- The loop ---------------------------------------------------------------------------------- */

/* [bytes] of the object whose MethodTable word lies at p. */
static ALWAYS_INLINE uint64_t walk_size(const struct slot *slot, const uint8_t *p, uint32_t word) {
    uint64_t size = slot->base + (uint64_t)slot->component * load_u32(p + word);
    return size < 3 * word ? 3 * word : size;
}

/*
 * Adds the object to the graph. False: its references are not all in the window, but will be in one
 * that begins with it.
 */
static ALWAYS_INLINE bool walk_add(struct walk_worker *w, const struct slot *slot, uint64_t a,
                                   uint64_t size, uint64_t step, const uint8_t *p,
                                   const struct window *window, uint32_t word) {
    uint32_t number = (uint32_t)(slot - w->slots);
    if (walk_graph_object(w, number, a, size, step, p, window->end - a, word))
        return true;
    if (window->end - a < size && a > window->start + word && size <= WINDOW_BYTES - word)
        return false;
    walk_graph_any(w, slot, a, size, step);
    return true;
}

/*
 * Counts objects from a on as long as they begin before `stop` and their header is in the window.
 * Gives the address of the first one that was not counted; *ret_broken: it made no sense.
 */
static ALWAYS_INLINE uint64_t count_objects(struct walk_worker *w, uint64_t a, uint64_t stop,
                                            uint64_t end, bool graphing, uint32_t word,
                                            bool *ret_broken) {
    const struct window window = w->window;
    const uint64_t last = window.end - 2 * word, bits = word - 1;
    const uint64_t free_mt = w->shared->clr->free_mt;
    const uint64_t align = (word == 8 ? 8 : w->align) - 1;
    if (stop > last + 1)
        stop = last + 1;
    *ret_broken = false;
    while (a < stop) {
        const uint8_t *p = window.data + (a - window.start);
        uint64_t mt = load_word(p, word) & ~bits; /* bits of the GC: marked, pinned */
        struct slot *slot = &w->slots[slot_of(w, mt)];
        if (slot->mt != mt || mt == 0) {
            slot = mt ? walk_find_slot(w, mt) : NULL;
            if (!slot) {
                *ret_broken = true;
                break;
            }
        }
        uint64_t size = walk_size(slot, p, word), step = (size + align) & ~align;
        if (step > end - a) {
            *ret_broken = true;
            break;
        }
        if (graphing && !walk_add(w, slot, a, size, step, p, &window, word)) {
            w->window.end = a; /* to be opened anew */
            break;
        }
        if (slot->objects++ == 0)
            w->counted[w->counted_count++] = (uint32_t)(slot - w->slots);
        slot->bytes += size;
        if (a > window.start + 3) {
            uint32_t header = load_u32(p - 4);
            /* Gaps of segments keep something of the collector's there: every third object, at
             * times. */
            if (header & (HEADER_THREAD_ID | HEADER_HAS_INDEX) && mt != free_mt)
                walk_note_lock(w, a, mt, header);
        }
        a += step;
    }
    return a;
}

static uint64_t walk_window(struct walk_worker *w, uint64_t a, uint64_t stop, uint64_t end,
                            bool *ret_broken) {
    if (w->word == 8)
        return w->graphing ? count_objects(w, a, stop, end, true, 8, ret_broken)
                           : count_objects(w, a, stop, end, false, 8, ret_broken);
    return w->graphing ? count_objects(w, a, stop, end, true, 4, ret_broken)
                       : count_objects(w, a, stop, end, false, 4, ret_broken);
}

/* Is there a chain of objects at a, up to `end` or `context`? Nothing is counted. */
static bool plausible_chain(struct walk_worker *w, uint64_t a, uint64_t context, uint64_t end) {
    const uint32_t word = w->word;
    const uint64_t align = w->align - 1;
    for (uint32_t i = 0; i < PLAUSIBLE_CHAIN; i++) {
        if (a == end || a == context)
            return true;
        /* What lies further on is read by itself: the window stays where it is. */
        uint8_t header[HEADER_MAX];
        const uint8_t *p = header;
        if (a > end)
            return false;
        if (in_window(w, a))
            p = w->window.data + (a - w->window.start);
        else if (!space_read(w->shared->clr->space, a, header, w->header_bytes))
            return false;
        uint64_t mt = load_word(p, word) & ~(uint64_t)(word - 1);
        struct slot *slot = mt ? walk_find_slot(w, mt) : NULL;
        if (!slot)
            return false;
        uint64_t size = (walk_size(slot, p, word) + align) & ~align;
        if (size > end - a)
            return false;
        a += size;
    }
    return true;
}

/* The next place where objects make sense; counts what lies between. */
static uint64_t resync(struct walk_worker *w, uint64_t a, uint64_t context, uint64_t end) {
    uint64_t at = a;
    w->gaps++;
    while (at < end) {
        at += w->word;
        if (at >= end || at == context)
            break;
        if (!in_window(w, at) && !open_window(w, at, end)) {
            uint64_t next = walk_next_memory(w->shared->clr->space, at, end);
            at = next > at ? ((next + w->word - 1) & ~(uint64_t)(w->word - 1)) - w->word : at;
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

/* [bytes] Where pointers have 4, doubles of large arrays are aligned all the same. */
static uint32_t walk_alignment(const struct clr *clr, uint8_t generation) {
    return generation == GEN_LOH || generation == GEN_POH ? 8 : clr->word;
}

static void walk_span(struct walk_worker *w, const struct gc_span *span) {
    const struct gc_state *gc = w->shared->gc;
    uint32_t next;
    SEARCH_LEADING(next, gc->context_count, mid, gc->contexts[mid].pointer < span->start);
    w->window = (struct window){0};
    w->align = walk_alignment(w->shared->clr, span->generation);
    walk_graph_span(w, span);
    uint64_t a = span->start;
    while (a < span->end && !w->shared->failed) {
        while (next < gc->context_count && gc->contexts[next].pointer < a)
            next++;
        uint64_t context = next < gc->context_count ? gc->contexts[next].pointer : UINT64_MAX;
        if (a == context) {
            /* Behind the limit the allocator keeps room for one smallest object. */
            uint64_t limit = gc->contexts[next].limit;
            a = limit < span->end ? limit + 3 * w->word : span->end;
            continue;
        }
        bool broken = !in_window(w, a) && !open_window(w, a, span->end);
        if (!broken) {
            uint64_t stop = context < span->end ? context : span->end, from = a;
            a = walk_window(w, a, stop, span->end, &broken);
            meter_add(a - from);
        }
        if (broken) {
            uint64_t sense = resync(w, a, context, span->end);
            if (w->graphing)
                walk_graph_gap(w, a, sense);
            a = sense;
        }
    }
}

static void *run_worker(void *argument) {
    struct walk_worker *w = argument;
    struct walk_shared *s = w->shared;
    for (;;) {
        uint32_t unit = atomic_fetch_add(&s->next_unit, 1);
        if (unit >= s->unit_count || s->failed)
            break;
        for (uint32_t i = s->units[unit]; i < s->units[unit + 1]; i++) {
            const struct gc_span *span = &s->gc->spans[i];
            if (span->heap != w->heap || span->generation != w->generation) {
                walk_flush(w);
                w->heap = span->heap;
                w->generation = span->generation;
            }
            walk_span(w, span);
        }
    }
    walk_flush(w);
    return NULL;
}

/* -- Workers ----------------------------------------------------------------------------------- */

static bool worker_init(struct walk_worker *w, struct walk_shared *s, struct err *err) {
    uint32_t word = s->clr->word;
    *w = (struct walk_worker){
        .shared = s, .buffer = malloc(WINDOW_BYTES), .word = word, .header_bytes = 2 * word};
    if (!w->buffer || !slots_grow(w))
        return err_nomem(err);
    if (!s->heap)
        return true;
    w->piece = malloc(WINDOW_BYTES);
    return (w->piece || err_nomem(err)) && graph_part_begin(&w->part, &s->heap->heap.graph, err);
}

static void worker_deinit(struct walk_worker *w) {
    if (w->shared) {
        w->shared->result->skipped_bytes += w->skipped;
        w->shared->result->gaps += w->gaps;
    }
    graph_part_end(&w->part);
    free(w->slots);
    free(w->shapes);
    free(w->counted);
    free(w->buffer);
    free(w->piece);
}

static uint64_t walk_bytes(const struct gc_state *gc) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < gc->span_count; i++)
        bytes += gc->spans[i].end - gc->spans[i].start;
    return bytes;
}

static uint32_t wanted_threads(const struct clr *clr, const struct gc_state *gc) {
    uint32_t wanted = clr->options->threads;
    if (!wanted)
        wanted = walk_bytes(gc) < THREADS_FROM ? 1 : os_cpus();
    return wanted < THREADS_MAX ? wanted : THREADS_MAX;
}

/* Spans in one page of slots are for one thread. units: room for gc->span_count + 1. */
static uint32_t make_units(const struct gc_state *gc, uint32_t word, uint32_t *units) {
    uint32_t count = 0, shift = address_page_shift(word);
    for (uint32_t i = 0; i < gc->span_count; i++)
        if (!i || gc->spans[i].start >> shift > (gc->spans[i - 1].end - 1) >> shift)
            units[count++] = i;
    units[count] = gc->span_count;
    return count;
}

/* The first worker runs on this thread; a thread that cannot be started is done without. */
static void run_workers(struct walk_worker *workers, uint32_t count) {
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
    return order_u64(x->object, y->object);
}

bool walk_heap(struct clr *clr, const struct gc_state *gc, struct clr_heap *heap,
               struct walk_result *result, struct err *err) {
    *result = (struct walk_result){0};
    u64map_init(&result->type_by_mt);
    result->heaps = calloc(gc->heap_count ? gc->heap_count : 1, sizeof(*result->heaps));
    uint32_t *units = calloc((size_t)gc->span_count + 1, sizeof(*units));
    struct walk_mutex lock;
    struct walk_shared shared = {
        .clr = clr, .gc = gc, .heap = heap, .result = result, .lock = &lock, .units = units};
    pthread_mutex_init(&lock.mutex, NULL);
    struct walk_worker workers[THREADS_MAX] = {0};
    uint32_t count = wanted_threads(clr, gc);
    bool ok = (result->heaps && units) || err_nomem(err);
    for (uint32_t i = 0; i < count && ok; i++)
        ok = worker_init(&workers[i], &shared, err);
    meter_begin(METER_WALKING, walk_bytes(gc));
    if (ok && gc->span_count) {
        shared.unit_count = make_units(gc, clr->word, units);
        run_workers(workers, count);
    }
    for (uint32_t i = 0; i < count; i++)
        worker_deinit(&workers[i]);
    pthread_mutex_destroy(&lock.mutex);
    free(units);
    if (!ok)
        return false;
    if (shared.failed)
        return err_nomem(err);
    if (result->lock_count)
        qsort(result->locks, result->lock_count, sizeof(*result->locks), cmp_lock);
    if (result->skipped_bytes)
        builder_lacks(clr->b, PART_BIT(PART_TYPES) | PART_BIT(PART_LOCKS), ASPECT_ROWS,
                      result->skipped_bytes,
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
