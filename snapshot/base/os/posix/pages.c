#include "base/pages.h"

#include "base/file.h"
#include "base/num.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Beyond this nobody knows that all of it will be touched: left to page faults. */
#define POPULATE_BYTES ((size_t)64 << 20)
/*
 * Up to this size large pages are asked for. The kernel takes them from what was free for long:
 * where the machine is a virtual one that gives such memory back to its host, a MiB of them costs
 * ten times as much as one of small pages (2.7 ms for 0.3; elsewhere 0.1).
 */
#define LARGE_BYTES ((size_t)8 << 20)

#define SMALLEST ((size_t)4096)
/*
 * Blocks from here on begin where a table of the kernel's begins, and take whole ones of addresses:
 * moving them moves tables. Moved page by page, each page would be a fault once more.
 */
#define UNIT ((size_t)2 << 20)

/* With the sanitizers all comes from malloc, so that they see its bounds. */
static bool is_mapped(size_t size) {
#ifdef ARENA_DEBUG
    (void)size;
    return false;
#else
    return size >= PAGES_BYTES;
#endif
}

/* [bytes] of addresses of a block. */
static size_t pages_span(size_t size) {
    size_t unit = size < UNIT ? SMALLEST : UNIT;
    return (size + unit - 1) & ~(unit - 1);
}

static void *pages_map(size_t size, int flags) {
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Addresses of a block, of a multiple of UNIT, without memory. */
static char *pages_reserve(size_t span) {
    char *p = pages_map(span, 0);
    size_t behind = p ? (UNIT - (uintptr_t)p % UNIT) % UNIT : 0;
    if (!behind)
        return p;
    munmap(p, span);
    p = span <= SIZE_MAX - UNIT ? pages_map(span + UNIT, 0) : NULL;
    if (!p)
        return NULL;
    behind = (UNIT - (uintptr_t)p % UNIT) % UNIT;
    if (behind)
        munmap(p, behind);
    if (behind < UNIT)
        munmap(p + behind + span, UNIT - behind);
    return p + behind;
}

/* All of it will be used. A kernel that does not know that leaves the pages to faults. */
static void pages_populate(char *from, size_t size) {
#ifdef MADV_POPULATE_WRITE
    size_t before = (uintptr_t)from % SMALLEST;
    (void)madvise(from - before, size + before, MADV_POPULATE_WRITE);
#else
    (void)from;
    (void)size;
#endif
}

/* -- What was given back ----------------------------------------------------------------------- */

/*
 * Memory that was touched before costs a hundredth of what new memory does, so that blocks are
 * kept for the next ones, as malloc does with small ones.
 */
#define KEPT_MOST 64u

struct pages_block {
    char *at;
    size_t span; /* [bytes], a multiple of UNIT */
};

static struct {
    atomic_flag busy; /* a few instructions at a time */
    struct pages_block blocks[KEPT_MOST];
    unsigned count;
} kept = {.busy = ATOMIC_FLAG_INIT};

static void pages_lock(void) {
    while (atomic_flag_test_and_set_explicit(&kept.busy, memory_order_acquire))
        ;
}

static void pages_unlock(void) {
    atomic_flag_clear_explicit(&kept.busy, memory_order_release);
}

static void pages_keep(char *at, size_t span) {
    pages_lock();
    bool room = kept.count < KEPT_MOST;
    if (room)
        kept.blocks[kept.count++] = (struct pages_block){at, span};
    pages_unlock();
    if (!room)
        munmap(at, span);
}

/* The smallest block of that span, else the largest; none: at is NULL. Of a larger one the rest is
 * kept. */
static struct pages_block pages_kept(size_t span) {
    struct pages_block best = {NULL, 0};
    unsigned best_at = 0;
    pages_lock();
    for (unsigned i = 0; i < kept.count; i++) {
        const struct pages_block *b = &kept.blocks[i];
        bool better =
            best.span < span ? b->span > best.span : b->span >= span && b->span < best.span;
        if (!better)
            continue;
        best = *b;
        best_at = i;
    }
    if (best.span > span) {
        kept.blocks[best_at] = (struct pages_block){best.at + span, best.span - span};
        best.span = span;
    } else if (best.at) {
        kept.blocks[best_at] = kept.blocks[--kept.count];
    }
    pages_unlock();
    return best;
}

static uint64_t pages_kept_bytes(void) {
    uint64_t sum = 0;
    pages_lock();
    for (unsigned i = 0; i < kept.count; i++)
        sum += kept.blocks[i].span;
    pages_unlock();
    return sum;
}

/* All of it goes back to the kernel. */
static void pages_trim(void) {
    for (struct pages_block b = pages_kept(SIZE_MAX); b.at; b = pages_kept(SIZE_MAX))
        munmap(b.at, b.span);
}

/* -- Blocks ------------------------------------------------------------------------------------ */

/*
 * All of a new block will be used: of the tables that it fills whole, the kernel may make one large
 * page each, where it does that for who asks. A fault in 2 MiB instead of 512.
 */
static void pages_make_large(char *block, size_t size) {
#ifdef MADV_HUGEPAGE
    size_t whole = size & ~(UNIT - 1);
    if (!whole || size > LARGE_BYTES)
        return;
    /* Two areas of the kernel can be one again only where memory was in one before they were two.
     */
    if (whole < size)
        *(volatile char *)(block + whole) = 0;
    (void)madvise(block, whole, MADV_HUGEPAGE);
#else
    (void)block;
    (void)size;
#endif
}

/* What was asked for of a part makes of a block two areas for the kernel, which moves only one. */
static void pages_unite(char *block, size_t span) {
#ifdef MADV_NOHUGEPAGE
    (void)madvise(block, span, MADV_NOHUGEPAGE);
#else
    (void)block;
    (void)span;
#endif
}

/* To other addresses, `part` bytes of all at once. */
static void pages_move_parts(char *at, size_t span, char *to, size_t part) {
    for (; span; at += part, to += part, span -= part) {
        if (mremap(at, part, part, MREMAP_MAYMOVE | MREMAP_FIXED, to) != MAP_FAILED)
            continue;
        /* The kernel has no room for more areas. It may have unmapped where to. */
        (void)mmap(to, part, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                   0);
        memcpy(to, at, part);
        munmap(at, part);
    }
}

/* What was at `at` is at the beginning of larger addresses. NULL: it is as it was. */
static char *pages_move(char *at, size_t span, size_t new_span) {
    pages_unite(at, span);
    if (mremap(at, span, new_span, 0) != MAP_FAILED)
        return at;
    /* A block that was gathered is several areas to the kernel, which moves one; a unit always is
     * one. Moved as a whole, what was there would be gone from where to, and not come. */
    size_t part = errno == EFAULT ? UNIT : span;
    char *to = pages_reserve(new_span);
    if (to)
        pages_move_parts(at, span, to, part);
    return to;
}

static char *pages_new(size_t span) {
    char *p = pages_reserve(span);
    if (p)
        return p;
    pages_trim();
    return pages_reserve(span);
}

/* Zeroes what was kept, of which the first `size` bytes are used; the rest is given back. */
static void pages_clean(char *at, size_t size, size_t span) {
    size_t used = (size + SMALLEST - 1) & ~(SMALLEST - 1);
    memset(at, 0, used < span ? used : span);
    if (used < span)
        (void)madvise(at + used, span - used, MADV_DONTNEED);
}

/*
 * Addresses of a block, with the memory of `first` and of what else was kept, one behind the other;
 * *ret_kept: [bytes] of that. NULL: there are none, and `first` was given back.
 */
static char *pages_gather(struct pages_block first, size_t span, size_t *ret_kept) {
    char *to = pages_new(span);
    struct pages_block b = first;
    *ret_kept = 0;
    if (!to)
        munmap(first.at, first.span);
    while (to && b.at) {
        pages_unite(b.at, b.span);
        /* A block that was gathered itself is several to kernels before 6.17, which move one. */
        if (mremap(b.at, b.span, b.span, MREMAP_MAYMOVE | MREMAP_FIXED, to + *ret_kept) !=
            MAP_FAILED)
            *ret_kept += b.span;
        else
            munmap(b.at, b.span);
        b = *ret_kept < span ? pages_kept(span - *ret_kept) : (struct pages_block){NULL, 0};
    }
    return to;
}

static void *pages_alloc_large(size_t size) {
    size_t span = pages_span(size);
    if (span < size)
        return NULL;
    struct pages_block old = pages_kept(span);
    size_t had = old.span;
    char *p = old.at && had < span ? pages_gather(old, span, &had) : old.at;
    if (!old.at)
        p = pages_new(span);
    if (p && had)
        pages_clean(p, size, had);
    else if (p)
        pages_make_large(p, size);
    if (p && size <= POPULATE_BYTES && had < size)
        pages_populate(p + had, size - had);
    return p;
}

void *pages_alloc(size_t size) {
    if (!is_mapped(size))
        return calloc(1, size ? size : 1);
    return size < UNIT ? pages_map(size, MAP_POPULATE) : pages_alloc_large(size);
}

/* Into another block. */
static void *pages_copy(void *block, size_t size, size_t new_size) {
    void *p = pages_alloc(new_size);
    if (!p)
        return NULL;
    memcpy(p, block, size);
    pages_free(block, size);
    return p;
}

static void *pages_resize(void *block, size_t size, size_t new_size, size_t populate_most) {
    if (!block)
        return pages_alloc(new_size);
    if (!is_mapped(size) || size < UNIT)
        return pages_copy(block, size, new_size);
    size_t span = pages_span(size), new_span = pages_span(new_size);
    char *p = new_span < new_size ? NULL : block;
    if (p && new_span > span)
        p = pages_move(p, span, new_span);
    if (!p)
        return pages_copy(block, size, new_size);
    if (new_size <= populate_most)
        pages_populate(p + size, new_size - size);
    return p;
}

void *pages_grow(void *block, size_t size, size_t new_size) {
    return pages_resize(block, size, new_size, POPULATE_BYTES);
}

void *pages_extend(void *block, size_t size, size_t new_size) {
    return pages_resize(block, size, new_size, SIZE_MAX);
}

void pages_free(void *block, size_t size) {
    if (!block || !is_mapped(size))
        free(block);
    else if (size < UNIT)
        munmap(block, size);
    else
        pages_keep(block, pages_span(size));
}

/* The number behind a name at the beginning of a line. False: there is none. */
static bool pages_read(const char *path, struct str name, uint64_t *ret) {
    struct file file;
    struct err err;
    struct str line;
    bool found = false;
    if (!file_open(&file, path, &err))
        return false;
    struct str rest = {(const char *)file.bytes.data, file.bytes.size};
    while (!found && str_next_line(&rest, &line))
        if (str_starts(line, name)) {
            line = str_trim(str_drop(line, name.len));
            found = num_dec(str_next_field(&line), ret); /* "max" is none */
        }
    file_close(&file);
    return found;
}

uint64_t pages_available(void) {
    uint64_t kib, most, now, available = UINT64_MAX;
    if (pages_read("/proc/meminfo", STR("MemAvailable:"), &kib))
        available = kib * 1024;
    if (pages_read("/sys/fs/cgroup/memory.max", STR(""), &most) &&
        pages_read("/sys/fs/cgroup/memory.current", STR(""), &now)) {
        uint64_t left = most > now ? most - now : 0;
        available = left < available ? left : available;
    }
    return num_add(available, pages_kept_bytes());
}
