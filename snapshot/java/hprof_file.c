#include "java/hprof_file.h"

#include "base/hash.h"
#include "base/vec.h"

#include "java/hprof_impl.h"
#include "java/hprof_kept.h"
#include "java/hprof_size.h"

#include <stdlib.h>

/* Arrays that are asked how far the next object is. */
#define VOTERS_MAX 200000u
/* Objects further apart than this are no neighbours. */
#define STEP_MAX ((uint64_t)1 << 30)
const uint8_t hprof_type_bytes[HPROF_TYPES] = {0, 0, 0, 0, 1, 2, 4, 8, 1, 2, 4, 8};

/* -- Classes ----------------------------------------------------------------------------------- */

static inline struct hprof_slot *hprof_file_find_slot(const struct hprof_index *x, uint64_t id) {
    size_t mask = x->capacity - 1, i = hash_keyed(x->secret, id) & mask;
    while (x->slots[i].number && x->slots[i].id != id)
        i = (i + 1) & mask;
    return &x->slots[i];
}

static bool grow_index(struct hprof_index *x) {
    struct hprof_index bigger = *x;
    bigger.secret = hash_secret();
    bigger.capacity = hash_more_slots(x->capacity, 512);
    bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < x->capacity; i++)
        if (x->slots[i].number)
            *hprof_file_find_slot(&bigger, x->slots[i].id) = x->slots[i];
    free(x->slots);
    *x = bigger;
    return true;
}

static uint32_t add_class(struct hprof *h, uint64_t id) {
    struct hprof_index *x = h->index;
    if (!VEC_ROOM(h->classes, h->class_count, h->class_capacity, NULL) ||
        (x->count * 2 >= x->capacity && !grow_index(x)))
        return UINT32_MAX;
    *hprof_file_find_slot(x, id) = (struct hprof_slot){id, h->class_count + 1};
    x->count++;
    h->classes[h->class_count] = (struct hprof_class){.id = id, .least_step = UINT64_MAX};
    return h->class_count++;
}

/* Number of a class, added when it is new; UINT32_MAX: out of memory. */
static inline uint32_t hprof_file_class_of(struct hprof *h, uint64_t id) {
    struct hprof_index *x = h->index;
    if (x->last_id == id && x->last_number)
        return x->last_number - 1;
    uint32_t number = x->capacity ? hprof_file_find_slot(x, id)->number : 0;
    if (number == 0) {
        number = add_class(h, id) + 1;
        if (number == 0)
            return UINT32_MAX;
    }
    x->last_id = id;
    x->last_number = number;
    return number - 1;
}

uint32_t hprof_class_number(struct hprof *h, uint64_t id) {
    return hprof_file_class_of(h, id);
}

const struct hprof_class *hprof_find(const struct hprof *h, uint64_t id) {
    uint32_t number =
        h->index && h->index->capacity ? hprof_file_find_slot(h->index, id)->number : 0;
    return number ? &h->classes[number - 1] : NULL;
}

static struct hprof_array *array_of(struct hprof *h, struct hprof_class *c) {
    if (c->array)
        return &h->arrays[c->array - 1];
    if (!VEC_ROOM(h->arrays, h->array_count, h->array_capacity, NULL))
        return NULL;
    h->arrays[h->array_count] = (struct hprof_array){.elements = 0};
    c->array = ++h->array_count;
    return &h->arrays[c->array - 1];
}

/* -- Heap -------------------------------------------------------------------------------------- */

/* What was read last: its distance to the next object is its size, or more. */
struct neighbour {
    uint64_t id;
    uint32_t class_number;  /* UINT32_MAX: an array, or nothing */
    uint32_t element_bytes; /* of an array; 0: none; UINT32_MAX: references */
    uint32_t length;
};

struct walk {
    struct hprof *h;
    const uint8_t *at, *end;
    struct neighbour last;
    uint64_t all_ids, objects; /* of this record, see struct hprof */
    struct err err;            /* the first error, sticks */
};

static void hprof_file_vote(struct hprof *h, const struct neighbour *array, uint64_t step) {
    if (step > 65536)
        return;
    bool any = false;
    for (unsigned i = 0; i < hprof_layout_count; i++) {
        const struct hprof_layout *l = &hprof_layouts[i];
        unsigned bytes = array->element_bytes == UINT32_MAX ? l->reference : array->element_bytes;
        bool fits =
            l->id_bytes == h->id_bytes && hprof_array_size(l, 8, array->length, bytes) == step;
        h->votes[i] += fits;
        any |= fits;
    }
    h->voters += any;
}

/* What the object before tells now that the next one is known: of an array how large it is. */
static __attribute__((noinline)) void hprof_file_vote_on(struct walk *w, uint64_t step) {
    hprof_file_vote(w->h, &w->last, step);
}

/*
 * Members of `last` are read and written one by one: read together, the processor would wait for
 * what was just written to arrive in memory.
 */
static inline __attribute__((always_inline)) void hprof_file_meet(struct walk *w, uint64_t id,
                                                                  uint32_t class_number,
                                                                  uint32_t element_bytes,
                                                                  uint32_t length) {
    uint64_t step = id - w->last.id;
    if (w->last.id && step < STEP_MAX) {
        if (w->last.element_bytes) {
            if (w->h->voters < VOTERS_MAX)
                hprof_file_vote_on(w, step);
        } else if (w->last.class_number != UINT32_MAX) {
            struct hprof_class *c = &w->h->classes[w->last.class_number];
            if (step < c->least_step)
                c->least_step = step;
        }
    }
    w->all_ids |= id;
    w->objects++;
    w->last.id = id;
    w->last.class_number = class_number;
    w->last.element_bytes = element_bytes;
    w->last.length = length;
    if (w->h->kept && !hprof_keep_object(w->h->kept, id, w->at))
        err_keep_nomem(&w->err);
}

static inline bool has(const struct walk *w, uint64_t bytes) {
    return (uint64_t)(w->end - w->at) >= bytes;
}

/* Size of a value in the file; 0: no type. */
static unsigned value_bytes(unsigned type, unsigned id_bytes) {
    if (type == HPROF_OBJECT)
        return id_bytes;
    return type < HPROF_TYPES ? hprof_type_bytes[type] : 0;
}

static void count_field(struct hprof_fields *f, unsigned type) {
    unsigned bytes = type == HPROF_OBJECT ? 0 : hprof_type_bytes[type];
    f->references += bytes == 0;
    f->of_1 += bytes == 1;
    f->of_2 += bytes == 2;
    f->of_4 += bytes == 4;
    f->of_8 += bytes == 8;
}

static bool is_pseudo_field(const struct hprof *h, uint64_t name) {
    for (unsigned i = 0; i < h->pseudo_count; i++)
        if (h->pseudo_fields[i] == name)
            return true;
    return false;
}

/* Constants, or static fields: `head` bytes, a type, a value each. */
static bool read_values(struct walk *w, const uint8_t **at, unsigned head,
                        struct hprof_fields *statics) {
    if (w->end - *at < 2)
        return false;
    unsigned count = be16(*at);
    *at += 2;
    for (unsigned i = 0; i < count; i++) {
        if ((size_t)(w->end - *at) < head + 1)
            return false;
        unsigned type = (*at)[head], bytes = value_bytes(type, w->h->id_bytes);
        if (bytes == 0 || (size_t)(w->end - *at) < head + 1 + bytes)
            return false;
        if (statics && !is_pseudo_field(w->h, load_id(*at, head)))
            count_field(statics, type);
        *at += head + 1 + bytes;
    }
    return true;
}

static bool hprof_file_read_fields(struct walk *w, const uint8_t **at,
                                   struct hprof_fields *fields) {
    unsigned each = w->h->id_bytes + 1;
    if (w->end - *at < 2)
        return false;
    unsigned count = be16(*at);
    *at += 2;
    if ((size_t)(w->end - *at) < (size_t)count * each)
        return false;
    for (unsigned i = 0; i < count; i++, *at += each) {
        unsigned type = (*at)[each - 1];
        if (value_bytes(type, w->h->id_bytes) == 0)
            return false;
        count_field(fields, type);
    }
    return true;
}

static bool read_class(struct walk *w) {
    struct hprof *h = w->h;
    unsigned ids = h->id_bytes;
    const uint8_t *at = w->at + 1;
    if (!has(w, 1 + 7 * (uint64_t)ids + 8))
        return false;
    struct hprof_fields fields = {0}, statics = {0};
    uint64_t id = load_id(at, ids), super = load_id(at + ids + 4, ids);
    uint64_t loader = load_id(at + 2 * ids + 4, ids);
    uint32_t instance_bytes = be32(at + 7 * ids + 4);
    at += 7 * ids + 8;
    if (!read_values(w, &at, 2, NULL) || !read_values(w, &at, ids, &statics) ||
        !hprof_file_read_fields(w, &at, &fields))
        return false;
    uint32_t number = hprof_file_class_of(h, id);
    if (number == UINT32_MAX) {
        err_keep_nomem(&w->err);
        return false;
    }
    struct hprof_class *c = &h->classes[number];
    h->class_dumps += !c->is_dumped;
    if (h->kept && !c->is_dumped && !hprof_keep_class(h->kept, id, w->at))
        err_keep_nomem(&w->err);
    c->is_dumped = true;
    c->dump = (struct bytes){w->at, (size_t)(at - w->at)};
    c->loader = loader;
    c->instance_bytes = instance_bytes;
    c->super = super;
    c->fields = fields;
    c->statics = statics;
    w->at = at;
    return true;
}

static inline __attribute__((always_inline)) bool read_instance(struct walk *w, unsigned ids) {
    const uint8_t *p = w->at + 1;
    if (!has(w, 9 + 2 * ids))
        return false;
    uint32_t size = be32(p + 2 * ids + 4);
    if (!has(w, 9 + 2 * ids + (uint64_t)size))
        return false;
    uint32_t number = hprof_file_class_of(w->h, load_id(p + ids + 4, ids));
    if (number == UINT32_MAX) {
        err_keep_nomem(&w->err);
        return false;
    }
    struct hprof_class *c = &w->h->classes[number];
    c->objects++;
    c->data_bytes = size;
    hprof_file_meet(w, load_id(p, ids), number, 0, 0);
    w->at += 9 + 2 * ids + size;
    return true;
}

static inline void count_array(struct hprof_array *a, uint32_t length) {
    a->elements += length;
    a->of_length[length % 16]++;
}

static inline __attribute__((always_inline)) bool read_object_array(struct walk *w, unsigned ids) {
    const uint8_t *p = w->at + 1;
    if (!has(w, 9 + 2 * ids))
        return false;
    uint32_t length = be32(p + ids + 4);
    uint64_t size = 9 + 2 * (uint64_t)ids + (uint64_t)length * ids;
    if (!has(w, size))
        return false;
    uint32_t number = hprof_file_class_of(w->h, load_id(p + ids + 8, ids));
    struct hprof_array *a = number == UINT32_MAX ? NULL : array_of(w->h, &w->h->classes[number]);
    if (!a) {
        err_keep_nomem(&w->err);
        return false;
    }
    w->h->classes[number].objects++;
    count_array(a, length);
    hprof_file_meet(w, load_id(p, ids), UINT32_MAX, UINT32_MAX, length);
    w->at += size;
    return true;
}

static inline __attribute__((always_inline)) bool read_primitive_array(struct walk *w,
                                                                       unsigned ids) {
    const uint8_t *p = w->at + 1;
    if (!has(w, 10 + ids))
        return false;
    bool data = *w->at == SUB_PRIMITIVE_ARRAY;
    uint32_t length = be32(p + ids + 4);
    unsigned type = p[ids + 8], bytes = type < HPROF_TYPES ? hprof_type_bytes[type] : 0;
    uint64_t size = 10 + ids + (data ? (uint64_t)length * bytes : 0);
    if (bytes == 0 || !has(w, size))
        return false;
    w->h->primitive_objects[type]++;
    count_array(&w->h->primitives[type], length);
    hprof_file_meet(w, load_id(p, ids), UINT32_MAX, bytes, length);
    w->at += size;
    return true;
}

/* [bytes] of a root with its tag; 0: no root. */
static inline uint64_t root_bytes(uint8_t tag, unsigned ids) {
    switch (tag) {
    case SUB_ROOT_UNKNOWN:
    case SUB_ROOT_STICKY_CLASS:
    case SUB_ROOT_MONITOR:
        return 1 + ids;
    case SUB_ROOT_JNI_GLOBAL:
        return 1 + 2 * ids;
    case SUB_ROOT_NATIVE_STACK:
    case SUB_ROOT_THREAD_BLOCK:
        return 1 + ids + 4;
    case SUB_ROOT_JNI_LOCAL:
    case SUB_ROOT_FRAME:
    case SUB_ROOT_THREAD:
        return 1 + ids + 8;
    case SUB_ROOT_INTERNED:
    case SUB_ROOT_FINALIZING:
    case SUB_ROOT_DEBUGGER:
    case SUB_ROOT_CLEANUP:
    case SUB_ROOT_VM:
    case SUB_UNREACHABLE:
        return 1 + ids;
    case SUB_ROOT_JNI_MONITOR:
        return 1 + ids + 8;
    case SUB_HEAP_INFO: /* of no object: a heap, and its name */
        return 1 + 4 + ids;
    default:
        return 0;
    }
}

static bool hprof_read_root(struct walk *w, unsigned ids) {
    uint64_t bytes = root_bytes(*w->at, ids);
    if (!bytes || !has(w, bytes))
        return false;
    bool told = *w->at != SUB_HEAP_INFO && *w->at != SUB_UNREACHABLE;
    if (told && w->h->kept && !hprof_keep_root(w->h->kept, w->at, ids))
        err_keep_nomem(&w->err);
    w->at += bytes;
    return true;
}

/* Up to the end, or to what is cut or makes no sense. */
static inline __attribute__((always_inline)) void hprof_file_walk_heap(struct walk *w,
                                                                       unsigned ids) {
    bool ok = true;
    while (ok && w->at < w->end) {
        __builtin_prefetch(w->at + 1024);
        switch (*w->at) {
        case SUB_INSTANCE:
            ok = read_instance(w, ids);
            break;
        case SUB_OBJECT_ARRAY:
            ok = read_object_array(w, ids);
            break;
        case SUB_PRIMITIVE_ARRAY:
            ok = read_primitive_array(w, ids);
            break;
        case SUB_CLASS:
            ok = read_class(w);
            break;
        case SUB_ARRAY_WITHOUT_DATA:
            ok = read_primitive_array(w, ids);
            break;
        default:
            ok = hprof_read_root(w, ids);
        }
    }
}

bool hprof_read_heap(struct hprof *h, struct bytes body, bool is_cut, struct err *err) {
    struct walk w = {.h = h, .at = body.data, .end = body.data + body.size};
    w.last.class_number = UINT32_MAX;
    h->heap_records++;
    if (h->id_bytes == 8)
        hprof_file_walk_heap(&w, 8);
    else
        hprof_file_walk_heap(&w, 4);
    h->all_ids |= w.all_ids;
    h->objects += w.objects;
    if (!err_none(&w.err, err))
        return false;
    if (w.at < w.end && !is_cut) {
        h->skipped++;
        h->skipped_bytes += (uint64_t)(w.end - w.at);
    }
    return true;
}
