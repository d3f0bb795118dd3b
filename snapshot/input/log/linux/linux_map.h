/*
 * Memory of a Linux process as the kernel lists it, mapping by mapping: shared by the readers of
 * /proc/PID/smaps and of pmap.
 */
#ifndef DUMPDIFF_INPUT_LOG_LINUX_LINUX_MAP_H
#define DUMPDIFF_INPUT_LOG_LINUX_LINUX_MAP_H

#include "input/log/scan.h"

enum linux_flags { LINUX_READ = 1, LINUX_WRITE = 2, LINUX_EXEC = 4, LINUX_SHARED = 8 };

/* Sums of the kernel for one mapping or for all. [bytes], ABSENT: not said. */
struct linux_use {
    uint64_t size, rss, pss, private_bytes, anonymous, swap;
};

#define LINUX_USE \
    (struct linux_use) { \
        ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT \
    }

struct linux_region {
    uint64_t start;
    uint32_t flags;  /* enum linux_flags */
    struct str name; /* borrowed; empty: anonymous, "[stack]" and the like as the kernel has them */
    struct linux_use use;
};

struct linux_map {
    struct linux_region *items;
    uint32_t count, capacity;
};

void linux_map_deinit(struct linux_map *map);
/* Copies the region; its name stays borrowed. Errors: ERR_NOMEM. */
bool linux_map_add(struct linux_map *map, const struct linux_region *region,
                   struct err *err) MUST_CHECK;

/* "r-xp", also "r-x--" of pmap -x. */
bool linux_flags_parse(struct str text, uint32_t *ret_flags);

/*
 * Fills PART_MEMORY_MAP: by usage as our own dumps name them (without those that only the runtime
 * knows), by type and by protection, the largest of each usage; and counters of the sums.
 *
 * total  of all mappings, also of those that are not in the map, for the counters; NULL: nothing
 *        says it
 * whole  the map has all mappings; of one that was cut its sums, as counters, are less than all
 * from   static name of the section
 *
 * Errors: ERR_NOMEM, ERR_LIMIT (row cap).
 */
bool linux_map_store(struct transcript *t, const struct linux_map *map,
                     const struct linux_use *total, bool whole, const char *from,
                     struct err *err) MUST_CHECK;

/*
 * The counters: process.rss_bytes and so on, those that are said. Errors: ERR_NOMEM, ERR_LIMIT (row
 * cap).
 */
bool linux_use_store(struct builder *b, const struct linux_use *use, struct err *err) MUST_CHECK;

/* Adds the second to the first; ABSENT adds nothing. */
void linux_use_add(struct linux_use *sum, const struct linux_use *use);

#endif
