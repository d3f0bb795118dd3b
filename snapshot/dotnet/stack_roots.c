#include "dotnet/stack_roots.h"

#include "base/hash.h"
#include "base/order.h"
#include "base/vec.h"
#include "dotnet/thread_ids.h"
#include "memory/arch/arch.h"

#include <stdlib.h>

#define FRAMES_MAX 100000u

struct scanning {
    struct u64map thread_by_os_id; /* to number in space->threads */
    struct clr *clr;
    const struct gc_state *gc;
    struct stack_roots *roots; /* candidates first, objects in the end */
    struct err err;            /* the first error sticks */
};

static void stack_roots_add(struct scanning *s, uint64_t address, uint32_t thread) {
    struct stack_roots *roots = s->roots;
    if (!gc_span_at(s->gc, address))
        return;
    if (s->err.code || !VEC_ROOM(roots->items, roots->count, roots->capacity, &s->err))
        return;
    roots->items[roots->count++] = (struct stack_root){address, thread};
}

static void index_threads(struct scanning *s) {
    const struct space *space = s->clr->space;
    u64map_init(&s->thread_by_os_id);
    for (uint32_t i = 0; i < space->thread_count; i++)
        if (!u64map_put(&s->thread_by_os_id, space->threads[i].os_id, i))
            err_keep_nomem(&s->err);
}

static const struct space_thread *stack_roots_os_thread(const struct scanning *s, uint64_t os_id) {
    uint32_t number = u64map_get(&s->thread_by_os_id, os_id);
    return number == STRMAP_NONE ? NULL : &s->clr->space->threads[number];
}

static void scan(struct scanning *s, uint64_t low, uint64_t high, uint32_t thread) {
    uint32_t word = s->clr->word;
    low = clr_align(s->clr, low);
    if (high > low && high - low > STACK_SCAN_MAX)
        high = low + STACK_SCAN_MAX;
    while (low < high && s->err.code == ERR_NONE) {
        struct bytes lent = space_lend(s->clr->space, low, high - low);
        uint64_t words = lent.size / word, value;
        if (!clr_spend(s->clr, words + 1))
            return;
        for (uint64_t i = 0; i < words; i++)
            stack_roots_add(s, load_word(lent.data + word * i, word), thread);
        if (words) {
            low += word * words;
            continue;
        }
        if (!clr_word(s->clr, low, &value))
            return;
        stack_roots_add(s, value, thread);
        low += word;
    }
}

/*
 * Does managed code lie above a Frame of this kind, as its caller? Frames at the very end of a
 * chain that are none of these were put there by the runtime before it called managed code. The
 * runtime's start of Main puts none there. Where kinds have no names (.NET 8 and 9), any may have a
 * caller.
 */
static bool has_managed_caller(const struct clr *clr, uint64_t id) {
    static const uint8_t kinds[] = {G_FRAME_INLINED_CALL,   G_FRAME_RESUMABLE,
                                    G_FRAME_REDIRECTED,     G_FRAME_FAULTING,
                                    G_FRAME_SOFTWARE,       G_FRAME_FUNC_EVAL,
                                    G_FRAME_HIJACK,         G_FRAME_PRESTUB,
                                    G_FRAME_CALL_COUNTING,  G_FRAME_STUB_DISPATCH,
                                    G_FRAME_PINVOKE_CALLI,  G_FRAME_EXTERNAL_METHOD,
                                    G_FRAME_DYNAMIC_HELPER, G_FRAME_PROTECT_VALUE_CLASS};
    const uint64_t *g = clr->contract.global;
    for (uint32_t i = 0; i < sizeof(kinds); i++)
        if (g[kinds[i]] != NO_GLOBAL && g[kinds[i]] == id)
            return true;
    return g[G_FRAME_INLINED_CALL] == NO_GLOBAL;
}

/*
 * In preemptive mode the registers and the newest frames are native: managed ones begin at the
 * innermost Frame of the runtime's chain. Without a Frame there are none.
 */
static bool managed_bounds(struct clr *clr, uint64_t thread, uint64_t sp, uint64_t top,
                           uint64_t *ret_low, uint64_t *ret_high) {
    uint64_t frame, id = 0, call_sp;
    if (!clr_field_word(clr, thread, F_THREAD_FRAME, &frame) || frame == 0 ||
        frame == clr_no_frame(clr))
        return false;
    /* Of a call to native code the part below the Frame is managed too; a field of another kind of
     * Frame at this place would hardly point in between. */
    *ret_low = frame;
    if (clr_field_word(clr, frame, F_INLINED_CALL_SP, &call_sp) && call_sp >= sp && call_sp < frame)
        *ret_low = call_sp;
    for (uint32_t i = 0; i < FRAMES_MAX && clr_spend(clr, 1); i++) {
        uint64_t next;
        if (!clr_field_word(clr, frame, F_FRAME_NEXT, &next) || next <= frame || next >= top)
            break;
        frame = next;
    }
    bool open = !clr_word(clr, frame, &id) || has_managed_caller(clr, id);
    *ret_high = open || frame + clr->word > top ? top : frame + clr->word;
    return true;
}

static void scan_thread(struct scanning *s, uint32_t number) {
    struct clr *clr = s->clr;
    uint64_t thread = clr->threads[number];
    uint32_t cooperative, os_id;
    if (!clr_thread_os_id(clr, thread, &os_id) || !os_id ||
        !clr_field_u32(clr, thread, F_THREAD_COOPERATIVE, &cooperative))
        return; /* dead or unstarted: no stack */
    const struct space_thread *os = stack_roots_os_thread(s, os_id);
    const struct space_range *range = os ? space_range_at(clr->space, os->sp) : NULL;
    if (!range) {
        s->roots->unscanned++;
        return;
    }
    uint64_t top = range->end, low, high;
    /* The thread's control block and whatever is mapped behind it are no stack. */
    if (os->thread_pointer > os->sp && os->thread_pointer < top)
        top = os->thread_pointer;
    if (os->stack_top > os->sp && os->stack_top < top)
        top = os->stack_top;
    if (cooperative) {
        for (uint32_t i = 0; i < os->register_count && i < SPACE_REGISTERS; i++)
            stack_roots_add(s, os->registers[i], number);
        uint64_t red_zone = clr->space->arch->red_zone;
        scan(s, os->sp > red_zone ? os->sp - red_zone : 0, top, number);
    } else if (managed_bounds(clr, thread, os->sp, top, &low, &high)) {
        scan(s, low, high, number);
    }
}

static int stack_roots_cmp_roots(const void *x, const void *y) {
    const struct stack_root *a = x, *b = y;
    if (a->object != b->object)
        return a->object < b->object ? -1 : 1;
    return order_u64(a->thread, b->thread);
}

static uint32_t unique(struct stack_root *items, uint32_t count) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!kept || stack_roots_cmp_roots(&items[kept - 1], &items[i]) != 0)
            items[kept++] = items[i];
    return kept;
}

/* -- From words to objects --------------------------------------------------------------------- */

/* Address of the object that holds `address`; 0: free space, or not to be told. */
static uint64_t resolve(const struct clr_heap *h, uint64_t address, uint64_t *unresolved) {
    struct graph_object object;
    uint64_t slot = address_slot(&h->slots, address & ~(uint64_t)(h->clr->word - 1));
    if (slot == GRAPH_NOWHERE || !graph_around(&h->heap.graph, slot, &object))
        return 0;
    *unresolved += (object.class->flags & CLASS_UNKNOWN) != 0;
    return object.class->flags & CLASS_OBJECT ? address_of_slot(&h->slots, object.slot) : 0;
}

bool stack_roots_read(struct clr_heap *h, struct stack_roots *ret_roots, struct err *err) {
    *ret_roots = (struct stack_roots){0};
    struct scanning s = {.clr = h->clr, .gc = h->gc, .roots = ret_roots};
    index_threads(&s);
    for (uint32_t i = 0; i < h->clr->thread_count && s.err.code == ERR_NONE; i++)
        scan_thread(&s, i);
    u64map_deinit(&s.thread_by_os_id);
    if (!err_none(&s.err, err)) {
        stack_roots_free(ret_roots);
        return false;
    }
    if (!ret_roots->count)
        return true;
    qsort(ret_roots->items, ret_roots->count, sizeof(*ret_roots->items), stack_roots_cmp_roots);
    ret_roots->count = unique(ret_roots->items, ret_roots->count);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < ret_roots->count; i++) {
        struct stack_root root = ret_roots->items[i];
        root.object = resolve(h, root.object, &ret_roots->unresolved);
        if (root.object)
            ret_roots->items[kept++] = root;
    }
    /* Objects come out in order, but threads within one object may not. */
    if (kept)
        qsort(ret_roots->items, kept, sizeof(*ret_roots->items), stack_roots_cmp_roots);
    ret_roots->count = unique(ret_roots->items, kept);
    return true;
}

void stack_roots_free(struct stack_roots *roots) {
    free(roots->items);
    *roots = (struct stack_roots){0};
}
