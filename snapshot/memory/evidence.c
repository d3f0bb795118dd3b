#include "memory/evidence.h"

#include "base/hash.h"
#include "base/search.h"
#include "memory/arch/arch.h"
#include "model/snapshot.h"
#include "model/rows_threads.h"

#include <string.h>

#define DEAD_STACK_BYTES 65536u
#define LIVE_STACK_MAX   ((uint64_t)64 << 20)
/* [bytes] of all stacks together: a hostile dump has a hundred thousand threads in one range. */
#define EVIDENCE_MAX ((uint64_t)1 << 30)
#define STEP_BYTES   64u /* what going on to the next range costs, as bytes */

static bool points_into_heap(const struct evidence_moving *m, uint64_t value) {
    uint32_t lo;
    SEARCH_LEADING(lo, m->heap_count, mid, m->heaps[mid].end <= value);
    return lo < m->heap_count && value >= m->heaps[lo].start;
}

static void blank_references(const struct evidence_moving *m, uint8_t *data, size_t size) {
    for (size_t at = 0; at + 8 <= size; at += 8)
        if (points_into_heap(m, load_u64(data + at)))
            memset(data + at, 0, 8);
}

/* data is what lies at `start`. */
static void blank_shared(const struct evidence_moving *m, uint64_t start, uint8_t *data,
                         size_t size) {
    uint32_t i;
    SEARCH_LEADING(i, m->shared_count, mid, m->shared[mid].end <= start);
    for (; i < m->shared_count && m->shared[i].start < start + size; i++) {
        uint64_t from = m->shared[i].start > start ? m->shared[i].start - start : 0;
        uint64_t end = m->shared[i].end - start;
        memset(data + from, 0, (size_t)((end < size ? end : size) - from));
    }
}

/* Hash of [start, end) when all of it is there; ABSENT otherwise. */
static uint64_t hash_range(struct space *s, uint64_t start, uint64_t end,
                           const struct evidence_moving *m) {
    uint64_t hash = end - start;
    uint8_t block[16384];
    while (start < end) {
        size_t n = end - start < sizeof(block) ? (size_t)(end - start) : sizeof(block);
        if (!space_read(s, start, block, n))
            return ABSENT;
        if (m->heap_count)
            blank_references(m, block, n);
        if (m->shared_count)
            blank_shared(m, start, block, n);
        hash = hash_combine(hash, hash_bytes(block, n));
        start += n;
    }
    return hash == ABSENT ? 0 : hash;
}

/* in_call: what a stop changes of a thread that waits in a system call cannot be compared. */
static void fill_registers(const struct space *s, const struct space_thread *t,
                           const struct evidence_moving *m, bool in_call, struct thread_row *row) {
    uint64_t values[SPACE_REGISTERS];
    uint32_t count = t->register_count;
    if (count == 0)
        return;
    if (count > s->arch->compared)
        count = s->arch->compared;
    for (uint32_t i = 0; i < count; i++)
        values[i] = points_into_heap(m, t->registers[i]) ? 0 : t->registers[i];
    if (in_call && s->arch->restarted < count)
        values[s->arch->restarted] = 0;
    uint64_t hash = hash_bytes(values, count * sizeof(*values));
    row->registers_hash = hash == ABSENT ? 0 : hash;
}

/* Was it in a system call? Windows is asked in another way, see minidump_input.c. */
static bool fill_mode(struct space *s, const struct space_thread *t, struct thread_row *row) {
    uint64_t call = UINT64_MAX;
    if (s->kind == SPACE_MINIDUMP || t->register_count == 0 || !s->arch->linux_mode)
        return false;
    enum arch_mode mode = s->arch->linux_mode(s, t, &call);
    if (mode != ARCH_MODE_UNKNOWN)
        row->user_mode = mode == ARCH_MODE_USER;
    if (call != UINT64_MAX)
        row->syscall = call;
    return mode == ARCH_MODE_CALL;
}

/*
 * Where the stack ends: where the dump says so, at the thread's own control block, which pthreads
 * put on top of it and which changes by itself, or with the memory that lies there without a gap.
 */
static uint64_t stack_top(struct space *s, const struct space_thread *t) {
    const struct space_range *r = space_range_at(s, t->sp);
    if (!r)
        return t->sp;
    uint64_t top = r->end;
    const struct space_range *next;
    if (t->stack_top > t->sp)
        return t->stack_top - t->sp < LIVE_STACK_MAX ? t->stack_top : t->sp + LIVE_STACK_MAX;
    while (top - t->sp < LIVE_STACK_MAX && (next = space_range_at(s, top)) && next->start == top &&
           next->flags == r->flags) {
        top = next->end;
        s->evidence_bytes += STEP_BYTES;
    }
    if (t->thread_pointer > t->sp && t->thread_pointer < top)
        top = t->thread_pointer;
    return top - t->sp < LIVE_STACK_MAX ? top : t->sp + LIVE_STACK_MAX;
}

void evidence_fill(struct space *s, const struct space_thread *t,
                   const struct evidence_moving *moving, struct thread_row *row) {
    const struct evidence_moving none = {.heap_count = 0};
    fill_registers(s, t, moving, fill_mode(s, t, row), row);
    if (s->evidence_bytes > EVIDENCE_MAX) {
        space_warn(s, 1, "threads whose stacks were too large to be compared");
        return;
    }
    uint64_t top = t->sp ? stack_top(s, t) : 0;
    if (top <= t->sp || t->sp < DEAD_STACK_BYTES)
        return;
    s->evidence_bytes += top - t->sp + DEAD_STACK_BYTES;
    uint64_t missing = s->missing_bytes;
    uint64_t low = t->sp - s->arch->red_zone;
    if (!space_range_at(s, low))
        low = t->sp;
    row->live_stack_hash = hash_range(s, low, top, moving);
    if (row->live_stack_hash != ABSENT)
        row->stack_bytes = top - low;
    row->dead_stack_hash = hash_range(s, t->sp - DEAD_STACK_BYTES, low, &none);
    space_give_back(s, t->sp - DEAD_STACK_BYTES, top - t->sp + DEAD_STACK_BYTES);
    s->missing_bytes = missing; /* a small dump leaves the dead stack out on purpose */
}
