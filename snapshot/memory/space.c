#include "memory/space.h"

#include "base/os/os.h"
#include "base/search.h"
#include "base/vec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void space_init(struct space *s) {
    *s = (struct space){.pid = UINT64_MAX, .page_bytes = 4096};
    arena_init(&s->arena);
}

void space_deinit(struct space *s) {
    if (s->close)
        s->close(s);
    arena_deinit(&s->arena);
    *s = (struct space){0};
}

void space_thread_init(struct space_thread *t) {
    *t = (struct space_thread){
        .user_ns = UINT64_MAX,
        .kernel_ns = UINT64_MAX,
        .elapsed_ns = UINT64_MAX,
        .start_time = UINT64_MAX,
        .switches = UINT64_MAX,
        .run_delay_ns = UINT64_MAX,
    };
}

static void space_note(struct space *s, uint64_t parts, uint64_t count, const char *fmt,
                       va_list ap) {
    char text[sizeof(s->warnings->text)];
    vsnprintf(text, sizeof(text), fmt, ap);
    for (uint32_t i = 0; i < s->warning_count; i++) {
        struct space_warning *w = &s->warnings[i];
        if (strcmp(w->text, text) == 0) {
            if (count != UINT64_MAX && __builtin_add_overflow(w->count, count, &w->count))
                w->count = UINT64_MAX - 1;
            w->parts |= parts;
            return;
        }
    }
    if (s->warning_count == SPACE_WARNINGS_MAX) {
        s->warnings[SPACE_WARNINGS_MAX - 1].parts |= parts; /* that they lack rows stays known */
        return;
    }
    struct space_warning *w = &s->warnings[s->warning_count++];
    memcpy(w->text, text, sizeof(text));
    w->count = count;
    w->parts = parts;
}

void space_warn(struct space *s, uint64_t count, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    space_note(s, 0, count, fmt, ap);
    va_end(ap);
}

void space_lacks(struct space *s, uint64_t parts, uint64_t count, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    space_note(s, parts, count, fmt, ap);
    va_end(ap);
}

bool space_claim(struct space *s, uint64_t start, uint64_t end, enum space_use use,
                 struct err *err) {
    if (start >= end)
        return true;
    if (!VEC_ROOM_IN(&s->arena, s->claims, s->claim_count, s->claim_capacity, err))
        return false;
    s->claims[s->claim_count++] = (struct space_claim){start, end, use};
    return true;
}

bool space_share(struct space *s, uint64_t start, uint64_t end) {
    if (start >= end)
        return true;
    if (!VEC_ROOM_IN(&s->arena, s->shared, s->shared_count, s->shared_capacity, NULL))
        return false;
    s->shared[s->shared_count++] = (struct space_stretch){start, end};
    return true;
}

/* -- Tables ------------------------------------------------------------------------------------ */

/* By start; of two that start together the longer first, so that it is the one that stays. */
static int cmp_range(const void *a, const void *b) {
    const struct space_range *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->end != y->end)
        return x->end > y->end ? -1 : 1;
    return x->data == y->data ? 0 : x->data < y->data ? -1 : 1;
}

static int cmp_mapping(const void *a, const void *b) {
    const struct space_mapping *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->end != y->end)
        return x->end > y->end ? -1 : 1;
    return x->file_offset == y->file_offset ? 0 : x->file_offset < y->file_offset ? -1 : 1;
}

uint32_t space_sort_mappings(struct space_mapping *mappings, uint32_t count) {
    if (count == 0)
        return 0;
    qsort(mappings, count, sizeof(*mappings), cmp_mapping);
    uint32_t kept = 0;
    uint64_t covered = 0; /* all below is taken */
    for (uint32_t i = 0; i < count; i++) {
        struct space_mapping m = mappings[i];
        if (m.start < covered) {
            m.file_offset += covered - m.start;
            m.start = covered;
        }
        if (m.start >= m.end)
            continue;
        covered = m.end;
        mappings[kept++] = m;
    }
    return kept;
}

static uint32_t sort_ranges(struct space_range *ranges, uint32_t count) {
    if (count == 0)
        return 0;
    qsort(ranges, count, sizeof(*ranges), cmp_range);
    uint32_t kept = 0;
    uint64_t covered = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct space_range r = ranges[i];
        if (r.start < covered) {
            uint64_t cut = covered - r.start;
            if (cut >= r.end - r.start)
                continue;
            if (r.data)
                r.data += cut;
            r.start = covered;
        }
        if (r.start >= r.end)
            continue;
        covered = r.end;
        ranges[kept++] = r;
    }
    return kept;
}

bool space_finish(struct space *s, struct err *err) {
    (void)err;
    s->range_count = sort_ranges(s->ranges, s->range_count);
    s->mapping_count = space_sort_mappings(s->mappings, s->mapping_count);
    s->last_range = 0;
    return true;
}

/* -- Look-up ----------------------------------------------------------------------------------- */

/* Number of the first range that ends above address; range_count when there is none. */
static uint32_t range_index(const struct space *s, uint64_t address) {
    uint32_t lo;
    SEARCH_LEADING(lo, s->range_count, mid, s->ranges[mid].end <= address);
    return lo;
}

const struct space_range *space_range_at(struct space *s, uint64_t address) {
    uint32_t last = __atomic_load_n(&s->last_range, __ATOMIC_RELAXED);
    if (last < s->range_count) {
        const struct space_range *r = &s->ranges[last];
        if (address >= r->start && address < r->end)
            return r;
    }
    uint32_t i = range_index(s, address);
    if (i == s->range_count || s->ranges[i].start > address)
        return NULL;
    __atomic_store_n(&s->last_range, i, __ATOMIC_RELAXED);
    return &s->ranges[i];
}

const struct space_mapping *space_mapping_at(const struct space *s, uint64_t address) {
    uint32_t lo;
    SEARCH_LEADING(lo, s->mapping_count, mid, s->mappings[mid].end <= address);
    if (lo == s->mapping_count || s->mappings[lo].start > address)
        return NULL;
    return &s->mappings[lo];
}

const struct space_module *space_module_at(const struct space *s, uint64_t address) {
    for (uint32_t i = 0; i < s->module_count; i++)
        if (address >= s->modules[i].base && address < s->modules[i].end)
            return &s->modules[i];
    return NULL;
}

/* -- Reading ----------------------------------------------------------------------------------- */

static bool space_missing(struct space *s, size_t size) {
    __atomic_fetch_add(&s->missing_bytes, size, __ATOMIC_RELAXED);
    return false;
}

bool space_read(struct space *s, uint64_t address, void *buffer, size_t size) {
    uint8_t *out = buffer;
    while (size) {
        const struct space_range *r = space_range_at(s, address);
        if (!r)
            return space_missing(s, size);
        uint64_t left = r->end - address;
        size_t n = left < size ? (size_t)left : size;
        if (r->data)
            memcpy(out, r->data + (address - r->start), n);
        else if (!s->fetch || !s->fetch(s, address, out, n))
            return space_missing(s, size);
        out += n;
        size -= n;
        address += n; /* at the very top this wraps to 0, where no range starts before its end */
        if (address == 0 && size)
            return space_missing(s, size);
    }
    return true;
}

bool space_u8(struct space *s, uint64_t address, uint8_t *ret_value) {
    return space_read(s, address, ret_value, 1);
}

bool space_u32(struct space *s, uint64_t address, uint32_t *ret_value) {
    uint8_t b[4];
    if (!space_read(s, address, b, sizeof(b)))
        return false;
    *ret_value = load_u32(b);
    return true;
}

bool space_u64(struct space *s, uint64_t address, uint64_t *ret_value) {
    uint8_t b[8];
    if (!space_read(s, address, b, sizeof(b)))
        return false;
    *ret_value = load_u64(b);
    return true;
}

struct bytes space_lend(struct space *s, uint64_t address, uint64_t size) {
    const struct space_range *r = space_range_at(s, address);
    if (!r || !r->data)
        return (struct bytes){NULL, 0};
    uint64_t left = r->end - address;
    return (struct bytes){r->data + (address - r->start), (size_t)(size < left ? size : left)};
}

struct bytes space_window(struct space *s, uint64_t address, void *buffer, size_t size) {
    const struct space_range *r = space_range_at(s, address);
    if (!r)
        return (struct bytes){NULL, 0};
    if (r->end - address < size)
        size = (size_t)(r->end - address);
    if (r->data && s->file) {
        /* Overlays lie elsewhere: their offset is beyond the file. */
        uintptr_t data = (uintptr_t)(r->data + (address - r->start));
        if (file_copy(s->file, (uint64_t)(data - (uintptr_t)s->file->bytes.data), buffer, size))
            return (struct bytes){buffer, size};
    }
    return (struct bytes){buffer, space_read(s, address, buffer, size) ? size : 0};
}

const char *space_string(struct space *s, uint64_t address, size_t max) {
    struct strbuf text;
    strbuf_init(&text);
    const char *result = NULL;
    char part[256];
    bool ended = false;
    while (!ended && text.len < max) {
        /* Not past the end of a page or range: the string may end just before a hole. */
        size_t n = sizeof(part) - (size_t)(address % sizeof(part));
        const struct space_range *r = space_range_at(s, address);
        if (r && r->end - address < n)
            n = (size_t)(r->end - address);
        if (n > max - text.len)
            n = max - text.len;
        if (!space_read(s, address, part, n))
            break;
        const char *nul = memchr(part, 0, n);
        ended = nul != NULL;
        strbuf_add(&text, (struct str){part, nul ? (size_t)(nul - part) : n});
        address += n;
    }
    if (ended && !strbuf_failed(&text))
        result = arena_copy(&s->arena, text.len ? text.ptr : "", text.len);
    strbuf_deinit(&text);
    return result;
}

/* -- Giving back ------------------------------------------------------------------------------- */

#define LARGE_PAGE ((uintptr_t)2 << 20)

void space_give_back(struct space *s, uint64_t address, uint64_t size) {
    if (!s->file || !s->file->mapped)
        return;
    uintptr_t first = (uintptr_t)s->file->bytes.data, last = first + s->file->bytes.size;
    while (size) {
        const struct space_range *r = space_range_at(s, address);
        if (!r || !r->data)
            return;
        uint64_t left = r->end - address, n = left < size ? left : size;
        uintptr_t begin = (uintptr_t)(r->data + (address - r->start));
        uintptr_t end = (begin + (uintptr_t)n + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
        if (begin < first || begin >= last)
            return; /* not of the file: giving it back would lose it */
        begin &= ~(LARGE_PAGE - 1);
        begin = begin < first ? first : begin;
        if (end > last || end < begin)
            end = last;
        os_forget((const void *)begin, end - begin);
        address += n;
        size -= n;
    }
}

/* -- Copies ------------------------------------------------------------------------------------ */

static bool reserve_ranges(struct space *s, struct err *err) {
    if (s->range_count < s->range_capacity)
        return true;
    uint32_t capacity = s->range_count + s->range_count / 2 + 16;
    if (capacity < s->range_count)
        return err_set(err, ERR_LIMIT, "too many ranges of memory");
    struct space_range *grown = arena_array(&s->arena, capacity, sizeof(*grown));
    if (!grown)
        return err_nomem(err);
    if (s->range_count)
        memcpy(grown, s->ranges, s->range_count * sizeof(*grown));
    s->ranges = grown;
    s->range_capacity = capacity;
    return true;
}

#define KEEP_BYTES \
    ((size_t)4 << 20) /* read at a time; a part that cannot be read is left alone \
                       */

/* Cuts range i at address, which lies inside it; the new one stands behind. */
static bool split_range(struct space *s, uint32_t i, uint64_t address, struct err *err) {
    if (!reserve_ranges(s, err))
        return false;
    memmove(s->ranges + i + 1, s->ranges + i, (s->range_count - i) * sizeof(*s->ranges));
    s->range_count++;
    s->ranges[i].end = address;
    s->ranges[i + 1].start = address;
    return true;
}

/* Range i, which lies wholly in what is to be kept. */
static bool keep_range(struct space *s, uint32_t i, struct err *err) {
    uint64_t start = s->ranges[i].start, size = s->ranges[i].end - start;
    uint8_t *copy = arena_alloc(&s->arena, (size_t)size);
    if (!copy)
        return err_nomem(err);
    for (uint64_t at = 0, n; at < size; at += n) {
        n = size - at < KEEP_BYTES ? size - at : KEEP_BYTES;
        if (s->fetch(s, start + at, copy + at, (size_t)n))
            continue;
        if (at == 0)
            return true;
        if (!split_range(s, i, start + at, err))
            return false;
        break;
    }
    s->ranges[i].data = copy;
    return true;
}

bool space_keep(struct space *s, uint64_t start, uint64_t end, struct err *err) {
    if (!s->fetch)
        return true;
    for (uint32_t i = range_index(s, start); i < s->range_count && s->ranges[i].start < end; i++) {
        if (s->ranges[i].data)
            continue;
        if (s->ranges[i].start < start) {
            if (!split_range(s, i, start, err))
                return false;
            continue;
        }
        if (s->ranges[i].end > end && !split_range(s, i, end, err))
            return false;
        if (!keep_range(s, i, err))
            return false;
    }
    return true;
}
