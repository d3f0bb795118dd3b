#include "dotnet/reach_impl.h"

#include <stdlib.h>
#include <string.h>

#define MT_HAS_COMPONENTS 0x80000000u
#define MT_HAS_POINTERS   0x01000000u

static bool index_pages(struct reach *r) {
    struct reach_state *s = r->state;
    uint64_t low = UINT64_MAX, high = 0, pages = 0;
    for (uint32_t i = 0; i < r->in.range_count; i++) {
        const struct reach_range *range = &r->in.ranges[i];
        pages += (range->end - range->start) >> PAGE_SHIFT;
        if (range->frozen) /* may be far away: found by search */
            continue;
        if (range->start >> PAGE_SHIFT < low)
            low = range->start >> PAGE_SHIFT;
        if (((range->end - 1) >> PAGE_SHIFT) + 1 > high)
            high = ((range->end - 1) >> PAGE_SHIFT) + 1;
    }
    if (low >= high || high - low > SPAN_PAGES + SPAN_SHARE * pages)
        return true;
    s->range_of_page = malloc((size_t)(high - low) * sizeof(uint32_t));
    if (!s->range_of_page)
        return false;
    memset(s->range_of_page, 0xff, (size_t)(high - low) * sizeof(uint32_t));
    s->low_page = low;
    s->high_page = high;
    for (uint32_t i = r->in.range_count; i-- > 0;) {
        const struct reach_range *range = &r->in.ranges[i];
        uint64_t first = range->start >> PAGE_SHIFT, last = (range->end - 1) >> PAGE_SHIFT;
        for (uint64_t page = first < low ? low : first; page <= last && page < high; page++)
            s->range_of_page[page - low] = i;
    }
    return true;
}

static bool number_ranges(struct reach *r, struct err *err) {
    struct reach_state *s = r->state;
    const uint64_t page_numbers = (uint64_t)1 << (PAGE_SHIFT - 3);
    uint64_t next = 0;
    s->first_number = calloc((size_t)r->in.range_count + 1, sizeof(uint64_t));
    if (!s->first_number)
        return err_nomem(err);
    for (uint32_t i = 0; i < r->in.range_count; i++) {
        const struct reach_range *range = &r->in.ranges[i];
        s->first_number[i] = next;
        uint64_t numbers = (range->end - range->start) / 8;
        next = (next + numbers + page_numbers - 1) & ~(page_numbers - 1);
        if (next >> NUMBER_BITS)
            return err_set(err, ERR_LIMIT, "heap of more than 512 GiB, or in too many regions");
    }
    s->number_end = next;
    s->marks = calloc((size_t)(next / 64) + 1, sizeof(uint64_t));
    s->range_of_number_page = calloc((size_t)(next >> (PAGE_SHIFT - 3)) + 1, sizeof(uint32_t));
    if (!s->marks || !s->range_of_number_page)
        return err_nomem(err);
    for (uint32_t i = 0; i < r->in.range_count; i++) {
        uint64_t end = i + 1 < r->in.range_count ? s->first_number[i + 1] : next;
        for (uint64_t n = s->first_number[i]; n < end; n += page_numbers)
            s->range_of_number_page[n >> (PAGE_SHIFT - 3)] = i;
    }
    return true;
}

/* -- Types ------------------------------------------------------------------------------------- */

static bool reach_grow(void **items, uint32_t *capacity, uint32_t need, size_t item_size) {
    if (need <= *capacity)
        return true;
    uint32_t bigger = *capacity ? *capacity : 256;
    while (bigger < need)
        bigger *= 2;
    void *grown = realloc(*items, bigger * item_size);
    if (!grown)
        return false;
    *items = grown;
    *capacity = bigger;
    return true;
}

static void reach_read_type(struct reach *r, struct reach_type *type) {
    struct reach_state *s = r->state;
    uint32_t flags, base_size;
    type->bad = true;
    if (!space_u32(r->in.space, type->mt, &flags) ||
        !space_u32(r->in.space, type->mt + 4, &base_size))
        return;
    type->base_size = base_size;
    type->component_size = flags & MT_HAS_COMPONENTS ? (uint16_t)flags : 0;
    type->free = type->mt == r->in.free_mt;
    if (!type->free && !r->in.valid_mt(r->in.context, type->mt))
        return;
    if (flags & MT_HAS_POINTERS && !type->free) {
        /* Room for the most pieces there can be is taken only for the moment. */
        if (!reach_grow((void **)&s->pieces, &s->piece_capacity, s->piece_count + GC_PIECES_MAX,
                        sizeof(*s->pieces))) {
            s->nomem = true;
            return;
        }
        type->first_piece = s->piece_count;
        if (!gcdesc_read(r->in.space, type->mt, s->pieces + s->piece_count, GC_PIECES_MAX,
                         &type->desc))
            return;
        s->piece_count += type->desc.count;
    }
    uint32_t collectible = r->in.collectible_flag ? r->in.collectible_flag : MT_COLLECTIBLE;
    if (flags & collectible && r->in.loader_object)
        type->loader_object = r->in.loader_object(r->in.context, type->mt);
    type->bad = false;
    type->watched = r->in.watch && r->in.watch(r->in.watch_context, type->mt);
}

static uint32_t reach_add_type(struct reach *r, uint64_t mt) {
    struct reach_state *s = r->state;
    if (!reach_grow((void **)&r->types, &s->type_capacity, r->type_count + 1, sizeof(*r->types)) ||
        !u64map_put(&s->type_of_mt, mt, r->type_count)) {
        s->nomem = true;
        return 0;
    }
    r->types[r->type_count] = (struct reach_type){.mt = mt};
    reach_read_type(r, &r->types[r->type_count]);
    return r->type_count++;
}

uint32_t reach_type_of(const struct reach *r, uint64_t mt) {
    return u64map_get(&r->state->type_of_mt, mt);
}

static inline uint32_t reach_file_type_of(struct reach *r, uint64_t mt) {
    struct reach_state *s = r->state;
    size_t slot = (size_t)(mt >> 4) & 255;
    if (s->last_mt[slot] == mt)
        return s->last_type[slot];
    uint32_t type = u64map_get(&s->type_of_mt, mt);
    if (type == STRMAP_NONE)
        type = reach_add_type(r, mt);
    if (!s->nomem) {
        s->last_mt[slot] = mt;
        s->last_type[slot] = type;
    }
    return type;
}

/* [bytes] size of the object at `at`, of which `left` bytes are there; 0: not an object. */
static inline uint64_t object_size(const struct reach_type *type, const uint8_t *at,
                                   uint64_t left) {
    uint64_t size = type->base_size;
    if (type->component_size)
        size += (uint64_t)type->component_size * load_u32(at + 8);
    if (type->bad || size > left)
        return 0;
    return size < MIN_OBJECT_BYTES ? MIN_OBJECT_BYTES : size;
}

uint32_t reach_look(struct reach *r, const uint8_t *at, uint64_t left, uint64_t *ret_size) {
    uint32_t type = reach_file_type_of(r, load_u64(at) & ~(uint64_t)7);
    *ret_size = r->state->nomem ? 0 : object_size(&r->types[type], at, left);
    return type;
}

/* -- Queue ------------------------------------------------------------------------------------- */

static struct chunk *chunk_new(struct reach_state *s) {
    struct chunk *c = s->spare;
    if (c)
        s->spare = c->next;
    else
        c = malloc(sizeof(*c));
    if (!c) {
        s->nomem = true;
        return NULL;
    }
    c->next = NULL;
    c->count = 0;
    return c;
}

static inline void enqueue(struct reach_state *s, uint64_t item) {
    if (!s->tail || s->tail->count == CHUNK_ITEMS) {
        struct chunk *c = chunk_new(s);
        if (!c)
            return;
        if (s->tail)
            s->tail->next = c;
        else
            s->head = c;
        s->tail = c;
    }
    s->tail->items[s->tail->count++] = item;
}

static inline bool dequeue(struct reach_state *s, uint64_t *ret_item) {
    while (s->head && s->head_at == s->head->count) {
        struct chunk *done = s->head;
        if (!done->next && done->count < CHUNK_ITEMS) {
            done->count = s->head_at = 0; /* the only chunk: start it anew */
            return false;
        }
        s->head = done->next;
        if (!s->head)
            s->tail = NULL;
        done->next = s->spare;
        s->spare = done;
        s->head_at = 0;
    }
    if (!s->head)
        return false;
    *ret_item = s->head->items[s->head_at++];
    return true;
}

/* -- Following --------------------------------------------------------------------------------- */

static inline bool may_have_dependents(const struct reach_state *s, uint64_t number) {
    uint64_t bit = number % FILTER_BITS;
    return s->filter && s->filter[bit / 64] >> (bit % 64) & 1;
}

/* Counts the object that a reference leads to, if it is met for the first time. */
static void reach_arrive(struct reach *r, const struct pending *p) {
    struct reach_state *s = r->state;
    if (marked(s, p->number))
        return;
    const struct reach_range *range = &r->in.ranges[p->range];
    uint64_t left = range->end - range->start - (uint64_t)(p->at - range->data);
    uint32_t number =
        left >= MIN_OBJECT_BYTES ? reach_file_type_of(r, load_u64(p->at) & ~(uint64_t)7) : 0;
    if (s->nomem)
        return;
    struct reach_type *type = left >= MIN_OBJECT_BYTES ? &r->types[number] : NULL;
    uint64_t size = type ? object_size(type, p->at, left) : 0;
    if (size == 0 || type->free) {
        r->counts.broken++;
        return;
    }
    s->marks[p->number / 64] |= (uint64_t)1 << (p->number % 64);
    type->live_objects++;
    type->live_bytes += size;
    r->counts.objects++;
    r->counts.bytes += size;
    if (range->frozen) {
        r->counts.frozen_objects++;
        r->counts.frozen_bytes += size;
    }
    uint32_t node = path_tree_node(&r->tree, p->parent, p->edge, number);
    path_tree_count(&r->tree, node, size);
    if (type->watched)
        r->in.on_watched(r->in.watch_context, type->mt,
                         range->start + (uint64_t)(p->at - range->data), size);
    if (r->in.on_object)
        r->in.on_object(r->in.reference_context, p->number, node);
    if (type->desc.count || type->loader_object || may_have_dependents(s, p->number))
        enqueue(s, p->number << PATH_NODE_BITS | (node & (((uint32_t)1 << PATH_NODE_BITS) - 1)));
}

/* A reference goes through the ring, so that its cache misses are waited for together. */
static inline void reach_meet(struct reach *r, uint64_t address, uint32_t parent, uint32_t edge) {
    struct reach_state *s = r->state;
    uint32_t range = find_range(r, address);
    if (s->at.source) {
        s->at.target = address;
        s->at.edge = edge;
        r->in.on_reference(r->in.reference_context, &s->at);
        if (s->telling)
            return;
    }
    if (range == NO_RANGE || address & 7) {
        r->counts.outside++;
        return;
    }
    struct pending *slot = &s->ring[s->ring_at++ % RING];
    if (slot->at)
        reach_arrive(r, slot);
    *slot =
        (struct pending){number_of(r, range, address), parent, edge,
                         r->in.ranges[range].data + (address - r->in.ranges[range].start), range};
    __builtin_prefetch(&s->marks[slot->number / 64], 1);
    __builtin_prefetch(slot->at);
}

static void drain(struct reach *r) {
    struct reach_state *s = r->state;
    for (unsigned i = 0; i < RING; i++) {
        struct pending *slot = &s->ring[(s->ring_at + i) % RING];
        if (slot->at)
            reach_arrive(r, slot);
        slot->at = NULL;
    }
}

/* References of an object or array of references. Types may move while they are met: only indexes
 * are kept. */
static void follow_runs(struct reach *r, uint32_t number, const uint8_t *at, uint64_t size,
                        uint32_t node) {
    struct gc_desc desc = r->types[number].desc;
    uint32_t first = r->types[number].first_piece, met = 0;
    bool array = r->types[number].component_size != 0;
    for (uint32_t i = 0; i < desc.count; i++) {
        struct gc_piece piece = r->state->pieces[first + i];
        int64_t length = (int64_t)size + piece.size;
        uint64_t end = length > 0 ? piece.offset + (uint64_t)length : 0;
        if (end > size)
            end = size;
        for (uint64_t pos = piece.offset; pos + 8 <= end; pos += 8) {
            uint64_t address = load_u64(at + pos);
            if (!address)
                continue;
            met++;
            reach_meet(r, address, node, array ? EDGE_ELEMENT : (uint32_t)pos);
        }
    }
    r->types[number].references += met;
    r->counts.edges += met;
}

/* References in the elements of an array of value types. */
static void follow_items(struct reach *r, uint32_t number, const uint8_t *at, uint64_t size,
                         uint32_t node) {
    struct gc_desc desc = r->types[number].desc;
    uint32_t first = r->types[number].first_piece, met = 0,
             component = r->types[number].component_size;
    uint64_t elements = load_u32(at + 8), data = r->types[number].base_size - 8u;
    uint64_t pos = desc.start;
    for (uint64_t e = 0; e < elements && pos + 8 <= size; e++) {
        for (uint32_t i = 0; i < desc.count; i++) {
            struct gc_piece item = r->state->pieces[first + i];
            for (uint32_t k = 0; k < item.offset && pos + 8 <= size; k++, pos += 8) {
                uint64_t address = load_u64(at + pos);
                if (!address)
                    continue;
                met++;
                uint64_t in_element = component ? (pos - data) % component : 0;
                reach_meet(r, address, node, EDGE_IN_ELEMENT | (uint32_t)in_element);
            }
            pos += (uint32_t)item.size;
        }
    }
    r->types[number].references += met;
    r->counts.edges += met;
}

static void follow_dependents(struct reach *r, uint64_t number, uint64_t address, uint32_t node) {
    struct reach_state *s = r->state;
    if (!may_have_dependents(s, number))
        return;
    uint32_t low = 0, high = r->in.dependent_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->dependents[middle].primary < address)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < r->in.dependent_count && s->dependents[low].primary == address; low++)
        if (s->dependents[low].secondary)
            reach_meet(r, s->dependents[low].secondary, node,
                       s->dependents[low].edge ? s->dependents[low].edge : EDGE_DEPENDENT);
}

void reach_follow(struct reach *r, uint64_t item) {
    struct reach_state *s = r->state;
    uint64_t number = item >> PATH_NODE_BITS;
    uint32_t node = (uint32_t)item & (((uint32_t)1 << PATH_NODE_BITS) - 1);
    uint32_t range = s->range_of_number_page[number >> (PAGE_SHIFT - 3)];
    uint64_t offset = (number - s->first_number[range]) * 8;
    const uint8_t *at = r->in.ranges[range].data + offset;
    uint64_t left = r->in.ranges[range].end - r->in.ranges[range].start - offset;
    uint32_t type = reach_file_type_of(r, load_u64(at) & ~(uint64_t)7);
    uint64_t size = object_size(&r->types[type], at, left);
    if (r->in.on_reference) {
        s->at.source = r->in.ranges[range].start + offset;
        s->at.source_type = type;
    }
    /* An object smaller than the least size is as large as it says: the rest is padding. */
    if (r->types[type].desc.repeats)
        follow_items(r, type, at, size, node);
    else if (r->types[type].desc.count)
        follow_runs(r, type, at, size, node);
    if (r->types[type].loader_object)
        reach_meet(r, r->types[type].loader_object, node, EDGE_COLLECTIBLE);
    if (s->filter)
        follow_dependents(r, number, r->in.ranges[range].start + offset, node);
    s->at.source = 0;
}

/* Has an object that will be followed soon come into the cache. */
static inline void look_ahead(const struct reach *r) {
    const struct reach_state *s = r->state;
    if (!s->head || s->head_at + AHEAD >= s->head->count)
        return;
    uint64_t number = s->head->items[s->head_at + AHEAD] >> PATH_NODE_BITS;
    uint32_t range = s->range_of_number_page[number >> (PAGE_SHIFT - 3)];
    const uint8_t *at = r->in.ranges[range].data + (number - s->first_number[range]) * 8;
    __builtin_prefetch(at);
    __builtin_prefetch(at + 64);
}

bool reach_run(struct reach *r, struct err *err) {
    struct reach_state *s = r->state;
    uint64_t item;
    for (;;) {
        while (!s->nomem && dequeue(s, &item)) {
            look_ahead(r);
            reach_follow(r, item);
        }
        drain(r);
        if (s->nomem)
            return err_nomem(err);
        if (!s->head || (s->head_at == s->head->count && !s->head->next))
            return true;
    }
}

bool reach_root(struct reach *r, uint64_t address, uint32_t root, struct err *err) {
    if (address && r->in.on_root)
        r->in.on_root(r->in.reference_context, address, root);
    if (address)
        reach_meet(r, address, PATH_NONE, root);
    return !r->state->nomem || err_nomem(err);
}

bool reach_is_live(const struct reach *r, uint64_t address) {
    uint32_t range = find_range(r, address);
    return range != NO_RANGE && !(address & 7) && marked(r->state, number_of(r, range, address));
}

/* -- Beginning and end ------------------------------------------------------------------------- */

static int cmp_dependents(const void *x, const void *y) {
    const struct reach_dependent *a = x, *b = y;
    if (a->primary != b->primary)
        return a->primary < b->primary ? -1 : 1;
    if (a->secondary != b->secondary)
        return a->secondary < b->secondary ? -1 : 1;
    return a->edge < b->edge ? -1 : a->edge > b->edge;
}

static bool index_dependents(struct reach *r) {
    struct reach_state *s = r->state;
    uint32_t count = r->in.dependent_count;
    if (!count)
        return true;
    s->dependents = malloc(count * sizeof(*s->dependents));
    s->filter = calloc(FILTER_BITS / 64, sizeof(uint64_t));
    if (!s->dependents || !s->filter)
        return false;
    memcpy(s->dependents, r->in.dependents, count * sizeof(*s->dependents));
    qsort(s->dependents, count, sizeof(*s->dependents), cmp_dependents);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t range = find_range(r, s->dependents[i].primary);
        if (range == NO_RANGE)
            continue;
        uint64_t bit = number_of(r, range, s->dependents[i].primary) % FILTER_BITS;
        s->filter[bit / 64] |= (uint64_t)1 << (bit % 64);
    }
    return true;
}

bool reach_init(struct reach *r, const struct reach_input *in, struct err *err) {
    *r = (struct reach){.in = *in};
    path_tree_init(&r->tree);
    r->state = calloc(1, sizeof(*r->state));
    if (!r->state)
        return err_nomem(err);
    u64map_init(&r->state->type_of_mt);
    if (!number_ranges(r, err))
        return false;
    return (index_pages(r) && index_dependents(r)) || err_nomem(err);
}

static void free_chunks(struct chunk *c) {
    while (c) {
        struct chunk *next = c->next;
        free(c);
        c = next;
    }
}

void reach_deinit(struct reach *r) {
    struct reach_state *s = r->state;
    if (s) {
        free(s->marks);
        free(s->first_number);
        free(s->range_of_number_page);
        free(s->range_of_page);
        u64map_deinit(&s->type_of_mt);
        free(s->pieces);
        free_chunks(s->head);
        free_chunks(s->spare);
        free(s->dependents);
        free(s->filter);
        free(s);
    }
    free(r->types);
    path_tree_deinit(&r->tree);
    *r = (struct reach){0};
}
