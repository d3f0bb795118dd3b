/*
 * glibc's malloc_info(): an XML of the arenas; each output is a moment.
 *
 *     <malloc version="1">
 *     <heap nr="0">
 *     <sizes>
 *       <size from="33" to="48" total="96" count="2"/>
 *     </sizes>
 *     <total type="fast" count="2" size="96"/>
 *     <total type="rest" count="1" size="92096"/>
 *     <system type="current" size="675840"/>
 *     <system type="max" size="675840"/>
 *     <aspace type="total" size="675840"/>
 *     <aspace type="mprotect" size="675840"/>
 *     </heap>
 *     <total type="fast" .../> ... <total type="mmap" count="1" size="4096"/> ... </malloc>
 *
 * fast and rest are free; lines may be joined, or stand in a comment.
 * Source: malloc/malloc.c of glibc.
 */
#include "input/log/size_text.h"
#include "model/known_names.h"
#include "model/rows_process.h"

#include "base/num.h"

struct malloc_sums {
    uint64_t number, fast, rest, mmap, system,
        aspace; /* [bytes] but the number; ABSENT: not said */
};

#define MALLOC_SUMS \
    (struct malloc_sums) { \
        ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT \
    }

struct malloc_info {
    struct transcript *t;
    struct malloc_sums heap, all;
    bool wanted, in_heap, ended;
    uint64_t heaps, free, system; /* of those read */
    struct scan_loss loss;
};

/* The next "<name attributes>" of a line; false: there is none. */
static bool malloc_info_tag(struct str *rest, struct str *ret_tag) {
    size_t open = str_find(*rest, STR("<"), 0);
    size_t close = open == STR_NOT_FOUND ? open : str_find(*rest, STR(">"), open);
    if (close == STR_NOT_FOUND)
        return false;
    *ret_tag = str_drop(str_take(*rest, close), open + 1);
    *rest = str_drop(*rest, close + 1);
    return true;
}

/* The value of name="value". */
static struct str malloc_info_attribute(struct str tag, struct str name) {
    for (size_t at = 0; (at = str_find(tag, name, at)) != STR_NOT_FOUND; at++) {
        struct str rest = str_drop(tag, at + name.len);
        if ((at && tag.ptr[at - 1] != ' ') || !str_starts(rest, STR("=\"")))
            continue;
        rest = str_drop(rest, 2);
        return str_take(rest, str_find(rest, STR("\""), 0));
    }
    return STR("");
}

static bool malloc_info_end_heap(struct malloc_info *r, struct err *err) {
    const struct malloc_sums *heap = &r->heap;
    r->in_heap = false;
    if (heap->system == ABSENT) {
        r->loss.unparsed++;
        return true;
    }
    uint64_t unused =
        num_add(heap->fast == ABSENT ? 0 : heap->fast, heap->rest == ABSENT ? 0 : heap->rest);
    r->heaps++;
    r->free = num_add(r->free, unused);
    r->system = num_add(r->system, heap->system);
    if (!r->wanted)
        return true;
    struct native_heap_row *row = builder_row(r->t->b, PART_NATIVE_HEAPS, err);
    struct strbuf name;
    strbuf_init(&name);
    strbuf_addf(&name, "arena %u", (unsigned)num_min(heap->number, UINT32_MAX));
    if (row && strbuf_ok(&name, err))
        row->name = builder_string(r->t->b, strbuf_str(&name), err);
    strbuf_deinit(&name);
    if (!row || !row->name)
        return false;
    row->committed = heap->system;
    row->reserved = heap->aspace;
    row->free_bytes = unused;
    return true;
}

static bool malloc_info_take_tag(struct malloc_info *r, struct str tag, struct err *err) {
    struct str rest = tag, name = str_next_field(&rest);
    struct str type = malloc_info_attribute(tag, STR("type"));
    struct malloc_sums *sums = r->in_heap ? &r->heap : &r->all;
    uint64_t size;
    if (str_eq(name, STR("heap"))) {
        r->in_heap = true;
        r->heap = MALLOC_SUMS;
        if (!num_dec(malloc_info_attribute(tag, STR("nr")), &r->heap.number))
            r->heap.number = ABSENT;
    } else if (str_eq(name, STR("/heap"))) {
        return malloc_info_end_heap(r, err);
    } else if (str_eq(name, STR("/malloc"))) {
        r->ended = true;
    } else if (num_dec(malloc_info_attribute(tag, STR("size")), &size)) {
        if (str_eq(name, STR("total")) && str_eq(type, STR("fast")))
            sums->fast = size;
        else if (str_eq(name, STR("total")) && str_eq(type, STR("rest")))
            sums->rest = size;
        else if (str_eq(name, STR("total")) && str_eq(type, STR("mmap")))
            sums->mmap = size;
        else if (str_eq(name, STR("system")) && str_eq(type, STR("current")))
            sums->system = size;
        else if (str_eq(name, STR("aspace")) && str_eq(type, STR("total")))
            sums->aspace = size;
    }
    return true;
}

static bool malloc_info_is_own(struct str tag) {
    static const char *const names[] = {"malloc", "/malloc", "heap",    "/heap",
                                        "sizes",  "/sizes",  "size",    "total",
                                        "system", "aspace",  "unsorted"};
    struct str name = str_next_field(&tag);
    if (str_ends(name, STR("/")))
        name = str_take(name, name.len - 1);
    return STR_IS_ONE_OF(name, names);
}

static bool malloc_info_take(void *context, bool *ret_mine, struct err *err) {
    struct malloc_info *r = context;
    struct str rest = r->t->line.text, tag;
    bool any = false;
    *ret_mine = false;
    while (!r->ended && malloc_info_tag(&rest, &tag)) {
        if (!any && !malloc_info_is_own(tag))
            return true;
        any = *ret_mine = true;
        if (!malloc_info_take_tag(r, tag, err))
            return false;
    }
    return true;
}

static bool malloc_info_store(struct malloc_info *r, struct err *err) {
    struct builder *b = r->t->b;
    const struct malloc_sums *all = &r->all;
    bool whole = all->system != ABSENT && all->fast != ABSENT && all->rest != ABSENT;
    if (!r->wanted)
        return true;
    if (!whole)
        transcript_lacks(r->t, ABSENT, "malloc_info: the sums are missing, and perhaps arenas");
    else if (r->system != all->system)
        transcript_lacks(r->t, ABSENT, "malloc_info: the arenas do not add up to the sums");
    if (!whole)
        return true;
    uint64_t unused = num_add(all->fast, all->rest), mapped = all->mmap == ABSENT ? 0 : all->mmap;
    uint64_t used = all->system - num_min(all->system, unused);
    return builder_counter(b, "malloc.system_bytes", all->system, "bytes", err) &&
           builder_counter(b, "malloc.free_bytes", unused, "bytes", err) &&
           builder_counter(b, "malloc.mmap_bytes", mapped, "bytes", err) &&
           builder_counter(b, COUNTER_HEAP_OUTSTANDING, num_add(used, mapped), "bytes", err);
}

static bool malloc_info_read(struct transcript *t, struct err *err) {
    struct malloc_info r = {.t = t, .heap = MALLOC_SUMS, .all = MALLOC_SUMS};
    r.wanted = transcript_moment(t);
    bool ok = scan_table(t, &r.loss, malloc_info_take, &r, err);
    if (ok && r.in_heap && r.heap.system != ABSENT)
        ok = malloc_info_end_heap(&r, err);
    if (ok && !r.heaps && r.all.system == ABSENT)
        transcript_hollow(t, "malloc_info: no arenas in it");
    else
        ok = ok && malloc_info_store(&r, err);
    if (ok)
        scan_loss_report(t, &r.loss);
    return ok;
}

static bool malloc_info_starts(const struct transcript *t) {
    struct str text = str_take(t->line.text, 200), tag;
    return str_contains(text, STR("<")) && malloc_info_tag(&text, &tag) &&
           (str_starts(tag, STR("malloc version=")) || str_starts(tag, STR("heap nr=")));
}

const struct section section_malloc_info = {
    .name = "malloc-info",
    .summary = "malloc_info of glibc (XML): what its arenas have, and what of it is free",
    .may_give = PART_BIT(PART_NATIVE_HEAPS) | PART_BIT(PART_COUNTERS),
    .starts = malloc_info_starts,
    .read = malloc_info_read,
};
