#include "memory/memory_use.h"

#include "base/order.h"
#include "base/search.h"

#include "model/known_names.h"

#include <stdlib.h>
#include <string.h>

const char *const space_use_names[USE_COUNT] = {
    [USE_GC_HEAP] = USAGE_GC_HEAP,
    [USE_GC_BOOKKEEPING] = USAGE_GC_BOOKKEEPING,
    [USE_LOADER_JIT] = USAGE_LOADER_JIT,
    [USE_STACK] = USAGE_STACK,
    [USE_TEB] = USAGE_TEB,
    [USE_IMAGE] = USAGE_IMAGE,
    [USE_MAPPED_FILE] = USAGE_MAPPED_FILE,
    [USE_NATIVE] = USAGE_NATIVE,
    [USE_UNACCOUNTED] = USAGE_UNACCOUNTED,
};

struct claim {
    uint64_t start, end;
    uint32_t number; /* the earlier one wins */
    enum space_use use;
};

#define PAGE ((uint64_t)4096)
/* [bytes] of a thread's control block (glibc: 2,304 on x64), which the stack's last page holds. */
#define CONTROL_BLOCK ((uint64_t)2304)

struct stack_place {
    uint64_t sp, thread_pointer; /* sorted by sp */
};

/* All sorted by address, with a place in each: pieces come in ascending order. */
struct sums {
    struct space *space;
    struct claim *claims;
    uint32_t claim_count, claim;
    struct stack_place *stacks;
    uint32_t sp_count;
    uint32_t module, range;
    struct memory_use *uses;
    uint64_t
        last_end; /* of the last piece, and its use: adjacent pieces of one use are one region */
    enum space_use last_use;
};

static int cmp_claim(const void *a, const void *b) {
    const struct claim *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return order_u64(x->number, y->number);
}

/* Bytes of [start, end) that are in the dump. */
static uint64_t held_bytes(struct sums *sums, uint64_t start, uint64_t end) {
    const struct space *s = sums->space;
    uint64_t held = 0;
    while (sums->range < s->range_count && s->ranges[sums->range].end <= start)
        sums->range++;
    for (uint32_t i = sums->range; i < s->range_count && s->ranges[i].start < end; i++) {
        uint64_t from = s->ranges[i].start > start ? s->ranges[i].start : start;
        uint64_t to = s->ranges[i].end < end ? s->ranges[i].end : end;
        held += to - from;
        sums->range = i;
    }
    return held;
}

static void add_piece(struct sums *sums, const struct space_mapping *m, uint64_t start,
                      uint64_t end, enum space_use use) {
    struct memory_use *u = &sums->uses[use];
    u->regions += start != sums->last_end || use != sums->last_use || m->file != NULL;
    u->bytes += end - start;
    if (sums->space->kind == SPACE_LIVE) {
        /* The kernel says it for whole mappings only: share it out evenly. */
        double part = (double)(end - start) / (double)(m->end - m->start);
        u->held += (uint64_t)(part * (double)m->resident_bytes);
    } else {
        u->held += held_bytes(sums, start, end);
    }
    sums->last_end = end;
    sums->last_use = use;
}

static bool holds_stack(const struct sums *sums, const struct space_mapping *m) {
    uint32_t lo;
    SEARCH_LEADING(lo, sums->sp_count, mid, sums->stacks[mid].sp < m->start);
    return lo < sums->sp_count && sums->stacks[lo].sp < m->end;
}

static bool in_module(struct sums *sums, const struct space_mapping *m) {
    const struct space *s = sums->space;
    while (sums->module < s->module_count && s->modules[sums->module].end <= m->start)
        sums->module++;
    return sums->module < s->module_count && s->modules[sums->module].base <= m->start;
}

/* The runtime maps code heaps twice through this (W^X). */
static bool memory_use_is_code_heap(const struct space_mapping *m) {
    return m->file && str_starts(str_of(m->file), STR("/memfd:doublemapper"));
}

static enum space_use memory_use_use_of(struct sums *sums, const struct space_mapping *m) {
    bool module = in_module(sums, m);
    if (memory_use_is_code_heap(m))
        return USE_LOADER_JIT;
    if (m->file && m->file[0] != '[')
        return module ? USE_IMAGE : USE_MAPPED_FILE;
    if (holds_stack(sums, m) || (m->file && strncmp(m->file, "[stack", 6) == 0))
        return USE_STACK;
    if (m->file && strcmp(m->file, "[teb]") == 0)
        return USE_TEB;
    if (module || (m->file && (strcmp(m->file, "[vdso]") == 0 || strcmp(m->file, "[image]") == 0)))
        return USE_IMAGE; /* .bss */
    if (m->flags & MAP_WRITE)
        return USE_NATIVE;
    return USE_UNACCOUNTED;
}

/* Addresses without memory; minidumps do not always say, so that nothing follows there. */
static bool memory_use_is_reserve(const struct space *s, const struct space_mapping *m) {
    return s->kind != SPACE_MINIDUMP && m->flags == 0 && !m->file;
}

/*
 * A thread's control block ends its stack. What the kernel shows as one mapping with it, because it
 * was mapped right behind, is none of it: where the stack ends, or the end of the mapping.
 */
static uint64_t stack_end(const struct sums *sums, const struct space_mapping *m) {
    uint64_t end = 0;
    uint32_t at;
    SEARCH_LEADING(at, sums->sp_count, mid, sums->stacks[mid].sp < m->start);
    for (; at < sums->sp_count && sums->stacks[at].sp < m->end; at++) {
        uint64_t block = sums->stacks[at].thread_pointer;
        if (block <= sums->stacks[at].sp || block >= m->end)
            return m->end;
        block = (block + CONTROL_BLOCK + PAGE - 1) & ~(PAGE - 1);
        end = block > end ? block : end;
    }
    return end && end < m->end ? end : m->end;
}

static void add_use_of_stretch(struct sums *sums, const struct space_mapping *m, uint64_t start,
                               uint64_t stretch_end, enum space_use own) {
    uint64_t at = start;
    while (sums->claim < sums->claim_count && sums->claims[sums->claim].end <= at)
        sums->claim++;
    for (uint32_t i = sums->claim; i < sums->claim_count && sums->claims[i].start < stretch_end;
         i++) {
        const struct claim *c = &sums->claims[i];
        sums->claim = i;
        if (c->end <= at)
            continue;
        if (c->start > at) {
            add_piece(sums, m, at, c->start, own);
            at = c->start;
        }
        uint64_t end = c->end < stretch_end ? c->end : stretch_end;
        add_piece(sums, m, at, end, c->use);
        at = end;
        if (at == stretch_end)
            break;
    }
    if (at < stretch_end)
        add_piece(sums, m, at, stretch_end, own);
}

static void memory_use_add_mapping(struct sums *sums, const struct space_mapping *m) {
    enum space_use own = memory_use_use_of(sums, m);
    uint64_t end = own == USE_STACK && !m->file ? stack_end(sums, m) : m->end;
    add_use_of_stretch(sums, m, m->start, end, own);
    if (end < m->end)
        add_use_of_stretch(sums, m, end, m->end,
                           m->flags & MAP_WRITE ? USE_NATIVE : USE_UNACCOUNTED);
}

/* -- Code heaps -------------------------------------------------------------------------------- */

#define CODE_GAP_MAX ((uint64_t)4 << 20)

/* Executable memory of no file: what was compiled at run time, and stubs. */
static bool is_made_code(struct sums *sums, const struct space_mapping *m) {
    bool module = in_module(sums, m);
    return m->flags & MAP_EXEC && m->start != sums->space->vdso &&
           (memory_use_is_code_heap(m) || (!m->file && !module));
}

/*
 * The runtime keeps loader heaps, stubs and compiled code in one reserved range, in which it also
 * maps assemblies. So writable memory between two pieces of made code, with nothing but such
 * memory and assemblies in between, is theirs; what lies outside is not, be it as near as it may:
 * rather too little than a native leak called code.
 */
static bool claim_code(struct sums *sums, struct err *err) {
    struct space *s = sums->space;
    uint32_t anchor = UINT32_MAX; /* the last made code that the current run goes back to */
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        const struct space_mapping *m = &s->mappings[i];
        if (i && m->start - s->mappings[i - 1].end > CODE_GAP_MAX)
            anchor = UINT32_MAX;
        if (is_made_code(sums, m)) {
            for (uint32_t k = anchor == UINT32_MAX ? i : anchor + 1; k <= i; k++)
                if ((!s->mappings[k].file || memory_use_is_code_heap(&s->mappings[k])) &&
                    !space_claim(s, s->mappings[k].start, s->mappings[k].end, USE_LOADER_JIT, err))
                    return false;
            anchor = i;
        } else if ((m->file && !memory_use_is_code_heap(m) &&
                    !str_ends(str_of(m->file), STR(".dll"))) ||
                   (!m->file && !(m->flags & MAP_WRITE)) || holds_stack(sums, m)) {
            anchor = UINT32_MAX;
        }
    }
    sums->module = 0;
    return true;
}

/* -- All of it --------------------------------------------------------------------------------- */

/* Sorted, without overlaps: what an earlier start covers is cut off the later one. */
static void settle_claims(struct sums *sums) {
    const struct space *s = sums->space;
    for (uint32_t i = 0; i < s->claim_count; i++)
        sums->claims[i] = (struct claim){s->claims[i].start, s->claims[i].end, i, s->claims[i].use};
    if (s->claim_count)
        qsort(sums->claims, s->claim_count, sizeof(*sums->claims), cmp_claim);
    uint64_t covered = 0;
    for (uint32_t i = 0; i < s->claim_count; i++) {
        struct claim c = sums->claims[i];
        if (c.start < covered)
            c.start = covered;
        if (c.start >= c.end)
            continue;
        covered = c.end;
        sums->claims[sums->claim_count++] = c;
    }
}

bool memory_use_sum(struct space *s, struct memory_use ret_uses[USE_COUNT], struct err *err) {
    struct memory_use uses[USE_COUNT] = {0};
    struct sums sums = {
        .space = s,
        .stacks = arena_array(&s->arena, s->thread_count, sizeof(*sums.stacks)),
        .uses = uses,
        .last_use = USE_COUNT,
    };
    if (!sums.stacks)
        return err_nomem(err);
    for (uint32_t i = 0; i < s->thread_count; i++)
        sums.stacks[sums.sp_count++] =
            (struct stack_place){s->threads[i].sp, s->threads[i].thread_pointer};
    if (sums.sp_count)
        qsort(sums.stacks, sums.sp_count, sizeof(*sums.stacks), order_u64_items);
    if (!claim_code(&sums, err))
        return false;
    sums.claims = arena_array(&s->arena, s->claim_count, sizeof(*sums.claims));
    if (!sums.claims)
        return err_nomem(err);
    settle_claims(&sums);
    for (uint32_t i = 0; i < s->mapping_count; i++)
        if (!memory_use_is_reserve(s, &s->mappings[i]))
            memory_use_add_mapping(&sums, &s->mappings[i]);
    memcpy(ret_uses, uses, sizeof(uses));
    return true;
}
