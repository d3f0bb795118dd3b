#include "input/dump/moving.h"

#include "base/order.h"

#include <stdlib.h>

static int cmp_stretch(const void *a, const void *b) {
    const struct space_stretch *x = a, *y = b;
    return order_u64(x->start, y->start);
}

/* Sorts, joins what overlaps or touches; gives the new count. */
static uint32_t join_stretches(struct space_stretch *items, uint32_t count) {
    uint32_t kept = 0;
    if (count)
        qsort(items, count, sizeof(*items), cmp_stretch);
    for (uint32_t i = 0; i < count; i++) {
        if (kept && items[i].start <= items[kept - 1].end) {
            if (items[i].end > items[kept - 1].end)
                items[kept - 1].end = items[i].end;
        } else {
            items[kept++] = items[i];
        }
    }
    return kept;
}

/* All that the heap has reserved: a dead slot may point to where a region was. */
static bool claimed_heaps(struct space *s, struct space_stretch **ret_heaps, uint32_t *ret_count,
                          struct err *err) {
    struct space_stretch *heaps = arena_array(&s->arena, s->claim_count, sizeof(*heaps));
    uint32_t n = 0;
    if (!heaps)
        return err_nomem(err);
    for (uint32_t i = 0; i < s->claim_count; i++)
        if (s->claims[i].use == USE_GC_HEAP)
            heaps[n++] = (struct space_stretch){s->claims[i].start, s->claims[i].end};
    *ret_heaps = heaps;
    *ret_count = join_stretches(heaps, n);
    return true;
}

/* -- Where the heap was not read --------------------------------------------------------------- */

#define LOWEST  0x10000u            /* nothing is mapped below: what is less is a number */
#define HIGHEST ((uint64_t)1 << 47) /* end of what a process may use */

/* Runtimes whose collectors move objects. */
static const char *const runtimes[] = {
    "coreclr.dll", "clr.dll",   "mscorwks.dll",      "libcoreclr.so",      "libcoreclr.dylib",
    "jvm.dll",     "libjvm.so", "mono-2.0-sgen.dll", "libmonosgen-2.0.so",
};

static bool moves_objects(const struct space *s) {
    for (uint32_t i = 0; i < s->module_count; i++) {
        struct str path = str_of(s->modules[i].path);
        size_t start = path.len;
        while (start > 0 && path.ptr[start - 1] != '\\' && path.ptr[start - 1] != '/')
            start--;
        for (size_t k = 0; k < sizeof(runtimes) / sizeof(*runtimes); k++)
            if (str_eq_nocase(str_drop(path, start), str_of(runtimes[k])))
                return true;
    }
    return false;
}

/* Images, files, code and stacks: pointers into these say where a thread is. */
static uint32_t add_fixed(const struct space *s, struct space_stretch *fixed) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->module_count; i++)
        fixed[n++] = (struct space_stretch){s->modules[i].base, s->modules[i].end};
    for (uint32_t i = 0; i < s->mapping_count; i++)
        if (s->mappings[i].file || (s->mappings[i].flags & MAP_EXEC))
            fixed[n++] = (struct space_stretch){s->mappings[i].start, s->mappings[i].end};
    for (uint32_t i = 0; i < s->thread_count; i++)
        if (s->threads[i].stack_top > s->threads[i].sp)
            fixed[n++] = (struct space_stretch){s->threads[i].sp, s->threads[i].stack_top};
    return n;
}

static bool possible_heaps(struct space *s, struct space_stretch **ret_heaps, uint32_t *ret_count,
                           struct err *err) {
    size_t most = (size_t)s->module_count + s->mapping_count + s->thread_count;
    if (most >= UINT32_MAX)
        return err_set(err, ERR_LIMIT, "more than %u stretches of memory", UINT32_MAX);
    struct space_stretch *fixed = arena_array(&s->arena, most, sizeof(*fixed));
    struct space_stretch *heaps = arena_array(&s->arena, most + 1, sizeof(*heaps));
    if (!fixed || !heaps)
        return err_nomem(err);
    uint32_t count = join_stretches(fixed, add_fixed(s, fixed)), n = 0;
    uint64_t at = LOWEST;
    for (uint32_t i = 0; i < count && fixed[i].start < HIGHEST; i++) {
        if (fixed[i].start > at)
            heaps[n++] = (struct space_stretch){at, fixed[i].start};
        at = fixed[i].end > at ? fixed[i].end : at;
    }
    if (at < HIGHEST)
        heaps[n++] = (struct space_stretch){at, HIGHEST};
    *ret_heaps = heaps;
    *ret_count = n;
    return true;
}

bool moving_find(struct space *s, struct evidence_moving *ret_moving, struct err *err) {
    struct space_stretch *heaps = NULL;
    uint32_t count = 0;
    if (!claimed_heaps(s, &heaps, &count, err) ||
        (!count && moves_objects(s) && !possible_heaps(s, &heaps, &count, err)))
        return false;
    s->shared_count = join_stretches(s->shared, s->shared_count);
    *ret_moving = (struct evidence_moving){heaps, count, s->shared, s->shared_count};
    return true;
}
