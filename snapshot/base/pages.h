/*
 * Zeroed memory for large tables, page by page from the kernel and there at once.
 *
 * Memory from malloc costs a page fault for each 4 KiB touched first, which takes longer than
 * filling the page does (several times so in a virtual machine); asked for beforehand all pages of
 * a block come in one go. New pages cost even then far more than those that were used before (where
 * the machine is a virtual one without tables of its own: a hundred times as much), so that large
 * blocks that are given back are kept for the next ones.
 */
#ifndef DUMPDIFF_BASE_PAGES_H
#define DUMPDIFF_BASE_PAGES_H

#include <stddef.h>
#include <stdint.h>

/* From this size on a block is worth it; smaller ones come from malloc. */
#define PAGES_BYTES ((size_t)128 * 1024)

/* Zeroed and aligned for any object; size may be 0. NULL: out of memory. */
void *pages_alloc(size_t size);

/*
 * The block made larger: what was in it is kept, what is added is zeroed, its place may change.
 * NULL: out of memory, the block is as it was. block NULL: as pages_alloc.
 */
void *pages_grow(void *block, size_t size, size_t new_size);

/*
 * As pages_grow, for what grows by little compared to its size: all that is added will be used.
 * NULL as there.
 */
void *pages_extend(void *block, size_t size, size_t new_size);

/*
 * [bytes] that the machine, and the group of processes that this one is in, can spare.
 * UINT64_MAX: not known.
 */
uint64_t pages_available(void);

/* size: as last given to pages_alloc, pages_grow or pages_extend. NULL is fine. */
void pages_free(void *block, size_t size);

#endif
