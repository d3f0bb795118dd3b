#include "input/log/linux/linux_map.h"

#include "base/hash.h"
#include "base/vec.h"

#include "input/log/memory_text.h"
#include "memory/memory_use.h"
#include "model/known_names.h"
#include "model/rows_process.h"

#include <stdlib.h>

void linux_map_deinit(struct linux_map *map) {
    free(map->items);
    *map = (struct linux_map){0};
}

bool linux_map_add(struct linux_map *map, const struct linux_region *region, struct err *err) {
    if (!VEC_ROOM(map->items, map->count, map->capacity, err))
        return false;
    map->items[map->count++] = *region;
    return true;
}

bool linux_flags_parse(struct str text, uint32_t *ret_flags) {
    uint32_t flags = 0;
    if ((text.len != 4 && text.len != 5) || (str_first(text) != 'r' && str_first(text) != '-') ||
        (text.ptr[1] != 'w' && text.ptr[1] != '-') || (text.ptr[2] != 'x' && text.ptr[2] != '-') ||
        (text.ptr[3] != 'p' && text.ptr[3] != 's' && text.ptr[3] != '-') ||
        (text.len == 4 && text.ptr[3] == '-'))
        return false;
    flags |= str_first(text) == 'r' ? LINUX_READ : 0;
    flags |= text.ptr[1] == 'w' ? LINUX_WRITE : 0;
    flags |= text.ptr[2] == 'x' ? LINUX_EXEC : 0;
    flags |= text.ptr[3] == 's' ? LINUX_SHARED : 0;
    *ret_flags = flags;
    return true;
}

static void linux_map_file_add(uint64_t *sum, uint64_t more) {
    if (more != ABSENT)
        *sum = *sum == ABSENT ? more : num_add(*sum, more);
}

void linux_use_add(struct linux_use *sum, const struct linux_use *use) {
    linux_map_file_add(&sum->size, use->size);
    linux_map_file_add(&sum->rss, use->rss);
    linux_map_file_add(&sum->pss, use->pss);
    linux_map_file_add(&sum->private_bytes, use->private_bytes);
    linux_map_file_add(&sum->anonymous, use->anonymous);
    linux_map_file_add(&sum->swap, use->swap);
}

bool linux_use_store(struct builder *b, const struct linux_use *use, struct err *err) {
    const struct {
        const char *name;
        uint64_t value;
    } counters[] = {
        {"process.virtual_bytes", use->size},      {COUNTER_RSS_BYTES, use->rss},
        {"process.pss_bytes", use->pss},           {COUNTER_PRIVATE_BYTES, use->private_bytes},
        {COUNTER_ANONYMOUS_BYTES, use->anonymous}, {"process.swap_bytes", use->swap},
    };
    for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++)
        if (counters[i].value != ABSENT &&
            !builder_counter(b, counters[i].name, counters[i].value, "bytes", err))
            return false;
    return true;
}

/* -- What a mapping is used for ---------------------------------------------------------------- */

static bool is_kernel(struct str name) {
    return str_starts(name, STR("[vdso")) || str_starts(name, STR("[vvar")) ||
           str_starts(name, STR("[vsyscall")) || str_starts(name, STR("[uprobes"));
}

static bool is_file(struct str name) {
    return name.len && str_first(name) != '[';
}

/* The runtime maps code heaps twice through this (W^X). */
static bool linux_map_is_code_heap(struct str name) {
    return str_starts(name, STR("/memfd:doublemapper")) ||
           str_starts(name, STR("memfd:doublemapper"));
}

/* Address space that is only reserved is not memory: our own dumps leave it out, too. */
static bool linux_map_is_reserve(const struct linux_region *r) {
    return !r->name.len && !(r->flags & ~(uint32_t)LINUX_SHARED);
}

/* images: names of files of which something is executable. before: the mapping in front. */
static enum space_use linux_map_use_of(const struct strmap *images, const struct linux_region *r,
                                       const struct linux_region *before,
                                       enum space_use use_before) {
    if (linux_map_is_code_heap(r->name))
        return USE_LOADER_JIT;
    if (is_file(r->name))
        return strmap_get(images, r->name, STR("")) != STRMAP_NONE ? USE_IMAGE : USE_MAPPED_FILE;
    if (str_starts(r->name, STR("[stack")))
        return USE_STACK;
    if (is_kernel(r->name))
        return USE_IMAGE;
    if (r->flags & LINUX_EXEC)
        return USE_LOADER_JIT;
    /* .bss: right behind the data of an image */
    if (!r->name.len && before && use_before == USE_IMAGE && is_file(before->name) &&
        before->use.size != ABSENT && before->start + before->use.size == r->start &&
        before->flags == r->flags)
        return USE_IMAGE;
    return r->flags & LINUX_WRITE ? USE_NATIVE : USE_UNACCOUNTED;
}

/* -- Sums -------------------------------------------------------------------------------------- */

struct sum {
    uint64_t regions, largest;
    struct linux_use use;
};

static void sum_add(struct sum *sum, const struct linux_use *use) {
    if (sum->regions++ == 0)
        sum->use = LINUX_USE;
    linux_use_add(&sum->use, use);
    if (use->size != ABSENT && use->size > sum->largest)
        sum->largest = use->size;
}

static bool linux_map_say(struct builder *b, enum memory_by by, const char *key,
                          const struct sum *sum, struct scan_loss *loss, struct err *err) {
    struct memory_row row = {
        .regions = sum->regions,
        .bytes = sum->use.size,
        .private_bytes = sum->use.private_bytes,
    };
    return sum->regions == 0 || memory_say(b, by, str_of(key), row, loss, err);
}

static const char *const types[] = {"anonymous", "file", "shared", "kernel"};
#define TYPES (sizeof(types) / sizeof(*types))

static size_t linux_map_type_of(const struct linux_region *r) {
    if (r->flags & LINUX_SHARED)
        return 2;
    return is_file(r->name) ? 1 : is_kernel(r->name) ? 3 : 0;
}

struct sums {
    struct sum uses[USE_COUNT], types[TYPES], protections[16];
    struct linux_use all;
};

static bool linux_map_sum_up(const struct linux_map *map, struct sums *sums, struct err *err) {
    struct strmap images;
    strmap_init(&images);
    bool ok = true;
    for (uint32_t i = 0; ok && i < map->count; i++) {
        const struct linux_region *r = &map->items[i];
        if ((r->flags & LINUX_EXEC) && is_file(r->name) &&
            strmap_get(&images, r->name, STR("")) == STRMAP_NONE)
            ok = strmap_put(&images, r->name, STR(""), 1) || err_nomem(err);
    }
    enum space_use before = USE_COUNT;
    for (uint32_t i = 0; ok && i < map->count; i++) {
        const struct linux_region *r = &map->items[i];
        before = linux_map_use_of(&images, r, i ? r - 1 : NULL, before);
        if (!linux_map_is_reserve(r))
            sum_add(&sums->uses[before], &r->use);
        sum_add(&sums->types[linux_map_type_of(r)], &r->use);
        sum_add(&sums->protections[r->flags], &r->use);
        linux_use_add(&sums->all, &r->use);
    }
    strmap_deinit(&images);
    return ok;
}

bool linux_map_store(struct transcript *t, const struct linux_map *map,
                     const struct linux_use *total, bool whole, const char *from, struct err *err) {
    struct sums sums = {.all = LINUX_USE};
    struct scan_loss loss = {0};
    struct builder *b = t->b;
    uint64_t replaced;
    if (!linux_map_sum_up(map, &sums, err))
        return false;
    if (memory_claim(t, from, NULL, &replaced)) {
        builder_present(b, PART_MEMORY_MAP);
        for (size_t i = 0; i < USE_COUNT; i++)
            if (!linux_map_say(b, MEMORY_BY_USAGE, space_use_names[i], &sums.uses[i], &loss, err))
                return false;
        for (size_t i = 0; i < TYPES; i++)
            if (!linux_map_say(b, MEMORY_BY_TYPE, types[i], &sums.types[i], &loss, err))
                return false;
        for (uint32_t i = 0; i < 16; i++) {
            const char key[] = {i & LINUX_READ ? 'r' : '-', i & LINUX_WRITE ? 'w' : '-',
                                i & LINUX_EXEC ? 'x' : '-', i & LINUX_SHARED ? 's' : 'p', '\0'};
            if (!linux_map_say(b, MEMORY_BY_PROTECT, key, &sums.protections[i], &loss, err))
                return false;
        }
        for (size_t i = 0; i < USE_COUNT; i++) {
            struct sum largest = {.regions = ABSENT, .use = LINUX_USE};
            largest.use.size = sums.uses[i].largest;
            if (sums.uses[i].regions &&
                !linux_map_say(b, MEMORY_LARGEST, space_use_names[i], &largest, &loss, err))
                return false;
        }
    }
    scan_loss_report(t, &loss);
    struct linux_use use = sums.all;
    if (!whole)
        builder_absent(b, PART_BIT(PART_COUNTERS), ASPECT_SUMS, 0,
                       "%s: the sums of a list that was cut", from);
    if (total && total->size != ABSENT)
        use.size = total->size;
    if (total && total->rss != ABSENT)
        use.rss = total->rss;
    return linux_use_store(b, &use, err);
}
