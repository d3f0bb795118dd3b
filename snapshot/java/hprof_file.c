#include "java/hprof_file.h"

#include "base/hash.h"
#include "base/vec.h"

#include "java/hprof_size.h"

#include <stdlib.h>

/* Arrays that are asked how far the next object is. */
#define VOTERS_MAX 200000u
/* Objects further apart than this are no neighbours. */
#define STEP_MAX ((uint64_t)1 << 30)
/* Elements of an array, as its length is a signed int. */
#define HEADER_MAX 64u

const uint8_t hprof_type_bytes[HPROF_TYPES] = {0, 0, 0, 0, 1, 2, 4, 8, 1, 2, 4, 8};

enum record_tag {
    TAG_STRING = 0x01,
    TAG_LOAD_CLASS = 0x02,
    TAG_HEAP_DUMP = 0x0c,
    TAG_HEAP_DUMP_SEGMENT = 0x1c,
    TAG_HEAP_DUMP_END = 0x2c
};

enum heap_tag {
    SUB_ROOT_UNKNOWN = 0xff,
    SUB_ROOT_JNI_GLOBAL = 0x01,
    SUB_ROOT_JNI_LOCAL,
    SUB_ROOT_FRAME,
    SUB_ROOT_NATIVE_STACK,
    SUB_ROOT_STICKY_CLASS,
    SUB_ROOT_THREAD_BLOCK,
    SUB_ROOT_MONITOR,
    SUB_ROOT_THREAD,
    SUB_CLASS = 0x20,
    SUB_INSTANCE,
    SUB_OBJECT_ARRAY,
    SUB_PRIMITIVE_ARRAY
};

/* -- Numbers ----------------------------------------------------------------------------------- */

static inline uint16_t be16(const uint8_t *p) {
    return __builtin_bswap16(load_u16(p));
}

static inline uint32_t be32(const uint8_t *p) {
    return __builtin_bswap32(load_u32(p));
}

static inline uint64_t be64(const uint8_t *p) {
    return __builtin_bswap64(load_u64(p));
}

static inline uint64_t load_id(const uint8_t *p, unsigned id_bytes) {
    return id_bytes == 8 ? be64(p) : be32(p);
}

/* -- Classes ----------------------------------------------------------------------------------- */

/* From ids to numbers + 1, open addressing; 0 is an empty slot. */
struct hprof_index {
    struct slot {
        uint64_t id;
        uint32_t number;
    } * slots;
    size_t capacity, count;
    struct hash_secret secret;
    uint64_t last_id;
    uint32_t last_number;
};

static inline struct slot *hprof_file_find_slot(const struct hprof_index *x, uint64_t id) {
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
    *hprof_file_find_slot(x, id) = (struct slot){id, h->class_count + 1};
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
    struct err err; /* the first error, sticks */
};

static void hprof_file_vote(struct hprof *h, const struct neighbour *array, uint64_t step) {
    if (h->voters >= VOTERS_MAX || step > 65536)
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

static inline void hprof_file_meet(struct walk *w, const struct neighbour *next) {
    uint64_t step = next->id - w->last.id;
    if (w->last.id && step < STEP_MAX) {
        if (w->last.element_bytes) {
            hprof_file_vote(w->h, &w->last, step);
        } else if (w->last.class_number != UINT32_MAX) {
            struct hprof_class *c = &w->h->classes[w->last.class_number];
            if (step < c->least_step)
                c->least_step = step;
        }
    }
    w->h->all_ids |= next->id;
    w->h->objects++;
    w->last = *next;
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

/* Names of what HotSpot writes among the static fields, though it lies elsewhere. */
static bool is_pseudo_name(struct str name) {
    return str_eq(name, STR("<resolved_references>")) || str_eq(name, STR("<init_lock>"));
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
    c->is_dumped = true;
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
    struct neighbour next = {load_id(p, ids), hprof_file_class_of(w->h, load_id(p + ids + 4, ids)),
                             0, 0};
    if (next.class_number == UINT32_MAX) {
        err_keep_nomem(&w->err);
        return false;
    }
    struct hprof_class *c = &w->h->classes[next.class_number];
    c->objects++;
    c->data_bytes = size;
    hprof_file_meet(w, &next);
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
    hprof_file_meet(w, &(struct neighbour){load_id(p, ids), UINT32_MAX, UINT32_MAX, length});
    w->at += size;
    return true;
}

static inline __attribute__((always_inline)) bool read_primitive_array(struct walk *w,
                                                                       unsigned ids) {
    const uint8_t *p = w->at + 1;
    if (!has(w, 10 + ids))
        return false;
    uint32_t length = be32(p + ids + 4);
    unsigned type = p[ids + 8], bytes = type < HPROF_TYPES ? hprof_type_bytes[type] : 0;
    uint64_t size = 10 + ids + (uint64_t)length * bytes;
    if (bytes == 0 || !has(w, size))
        return false;
    w->h->primitive_objects[type]++;
    count_array(&w->h->primitives[type], length);
    hprof_file_meet(w, &(struct neighbour){load_id(p, ids), UINT32_MAX, bytes, length});
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
    default:
        return 0;
    }
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
        default: {
            uint64_t bytes = root_bytes(*w->at, ids);
            ok = bytes && has(w, bytes);
            w->at += ok ? bytes : 0;
        }
        }
    }
}

static bool hprof_file_read_heap(struct hprof *h, struct bytes body, bool is_cut, struct err *err) {
    struct walk w = {.h = h, .at = body.data, .end = body.data + body.size};
    w.last.class_number = UINT32_MAX;
    h->heap_records++;
    if (h->id_bytes == 8)
        hprof_file_walk_heap(&w, 8);
    else
        hprof_file_walk_heap(&w, 4);
    if (!err_none(&w.err, err))
        return false;
    if (w.at < w.end && !is_cut) {
        h->skipped++;
        h->skipped_bytes += (uint64_t)(w.end - w.at);
    }
    return true;
}

/* -- Records ----------------------------------------------------------------------------------- */

/* Ids of strings are those of classes' names until the strings are looked for. */
static bool read_load_class(struct hprof *h, struct bytes body, struct u64map *wanted,
                            struct err *err) {
    unsigned ids = h->id_bytes;
    if (body.size < 8 + 2 * ids)
        return true;
    uint32_t number = hprof_file_class_of(h, load_id(body.data + 4, ids));
    uint64_t name = load_id(body.data + 8 + ids, ids);
    if (number == UINT32_MAX)
        return err_nomem(err);
    uint32_t string = u64map_get(wanted, name);
    if (string == STRMAP_NONE) {
        string = h->name_count++;
        if (!u64map_put(wanted, name, string))
            return err_nomem(err);
    }
    h->classes[number].name = string + 1;
    return true;
}

struct record {
    uint8_t tag;
    uint32_t time_us;  /* since the time in the header; wraps */
    struct bytes body; /* cut to what is there */
    uint64_t missing;  /* [bytes] */
};

/* False: the end of the file, with or without bytes that are no record. */
static bool next_record(struct reader *r, struct record *ret) {
    size_t left = reader_left(r);
    if (left < 9)
        return false;
    ret->tag = reader_u8(r);
    ret->time_us = __builtin_bswap32(reader_u32(r));
    uint64_t length = __builtin_bswap32(reader_u32(r));
    bool heap = ret->tag == TAG_HEAP_DUMP || ret->tag == TAG_HEAP_DUMP_SEGMENT;
    left -= 9;
    if (heap && length == 0) /* was never filled in: the machine ended while it wrote */
        length = left;
    ret->missing = length > left ? length - left : 0;
    ret->body = reader_bytes(r, length - ret->missing);
    return true;
}

static void note_string(struct hprof *h, struct bytes body) {
    unsigned ids = h->id_bytes;
    if (body.size <= ids || body.data[ids] != '<' || h->pseudo_count == 4)
        return;
    if (is_pseudo_name((struct str){(const char *)body.data + ids, body.size - ids}))
        h->pseudo_fields[h->pseudo_count++] = load_id(body.data, ids);
}

/* One dump is one record, or all segments up to their end. true: heap, of the dump that is wanted.
 */
static bool hprof_file_is_wanted(struct hprof *h, const struct record *record) {
    bool segment = record->tag == TAG_HEAP_DUMP_SEGMENT, begins = !h->in_dump;
    if (record->tag == TAG_HEAP_DUMP_END) {
        h->has_end |= h->in_dump && h->dumps - 1 == h->wanted;
        h->in_dump = false;
    }
    if (!segment && record->tag != TAG_HEAP_DUMP)
        return false;
    h->dumps += begins;
    h->in_dump = segment;
    bool wanted = h->dumps - 1 == h->wanted;
    h->time_ms += wanted && begins ? record->time_us / 1000 : 0;
    h->has_segments |= wanted && segment;
    return wanted;
}

static bool read_records(struct hprof *h, struct reader *r, struct u64map *wanted,
                         struct err *err) {
    struct record record;
    while (next_record(r, &record)) {
        h->missing_bytes += record.missing;
        switch (record.tag) {
        case TAG_STRING:
            note_string(h, record.body);
            break;
        case TAG_LOAD_CLASS:
            if (!read_load_class(h, record.body, wanted, err))
                return false;
            break;
        default:
            if (hprof_file_is_wanted(h, &record) &&
                !hprof_file_read_heap(h, record.body, record.missing != 0, err))
                return false;
            break;
        }
    }
    h->missing_bytes += reader_left(r) ? 9 - reader_left(r) : 0;
    h->missing_bytes *= h->dumps <= h->wanted + 1; /* what is cut is of the last dump */
    return true;
}

/* The strings that are names of classes, once it is known which they are. */
static bool hprof_file_read_names(struct hprof *h, struct reader *r, const struct u64map *wanted,
                                  struct err *err) {
    struct record record;
    h->names = calloc((size_t)h->name_count + 1, sizeof(*h->names));
    if (!h->names)
        return err_nomem(err);
    while (next_record(r, &record)) {
        if (record.tag != TAG_STRING || record.body.size < h->id_bytes)
            continue;
        uint32_t name = u64map_get(wanted, load_id(record.body.data, h->id_bytes));
        if (name != STRMAP_NONE)
            h->names[name] = (struct str){(const char *)record.body.data + h->id_bytes,
                                          record.body.size - h->id_bytes};
    }
    return true;
}

/* "JAVA PROFILE 1.0.2" and the NUL behind it; 0: none. */
static size_t header_bytes(struct bytes head) {
    static const char magic[] = "JAVA PROFILE 1.0.";
    const uint8_t *nul = memchr(head.data, 0, head.size < HEADER_MAX ? head.size : HEADER_MAX);
    if (!nul || head.size < sizeof(magic) || memcmp(head.data, magic, sizeof(magic) - 1) != 0)
        return 0;
    return (size_t)(nul - head.data) + 1;
}

bool hprof_probe(struct bytes head) {
    return head.size && header_bytes(head) != 0;
}

static bool hprof_file_read_header(struct hprof *h, struct reader *r, struct err *err) {
    size_t header = header_bytes(r->in);
    if (!header)
        return err_set(err, ERR_FORMAT, "no dump of HPROF");
    uint8_t version = r->in.data[header - 2];
    reader_skip(r, header);
    uint32_t id_bytes = __builtin_bswap32(reader_u32(r));
    uint64_t high = __builtin_bswap32(reader_u32(r)), low = __builtin_bswap32(reader_u32(r));
    if (!reader_ok(r, "the header of HPROF", err))
        return false;
    if (header != 19 || (version != '1' && version != '2'))
        return err_set(err, ERR_UNSUPPORTED, "version 1.0.%.8s of HPROF (1.0.3 is Android's)",
                       r->in.data + 17);
    if (id_bytes != 4 && id_bytes != 8)
        return err_set(err, ERR_FORMAT, "ids of %u bytes", (unsigned)id_bytes);
    h->id_bytes = id_bytes;
    h->time_ms = high << 32 | low;
    return true;
}

uint32_t hprof_dumps(struct bytes in) {
    struct hprof h = {.wanted = UINT32_MAX};
    struct record record;
    struct reader r;
    reader_init(&r, in, 0);
    if (!hprof_file_read_header(&h, &r, NULL))
        return 0;
    while (next_record(&r, &record))
        (void)hprof_file_is_wanted(&h, &record);
    return h.dumps;
}

bool hprof_open(struct hprof *h, struct bytes in, uint32_t wanted, struct err *err) {
    *h = (struct hprof){.id_bytes = 8, .wanted = wanted};
    struct reader r;
    struct u64map strings;
    u64map_init(&strings);
    reader_init(&r, in, 0);
    bool ok = hprof_file_read_header(h, &r, err);
    size_t records = r.pos;
    h->index = ok ? calloc(1, sizeof(*h->index)) : NULL;
    ok = ok && (h->index || err_nomem(err)) && read_records(h, &r, &strings, err);
    ok = ok &&
         (h->heap_records || err_set(err, h->missing_bytes ? ERR_TRUNCATED : ERR_FORMAT,
                                     h->missing_bytes ? "ends before the heap" : "holds no heap"));
    ok = ok && reader_seek(&r, records) && hprof_file_read_names(h, &r, &strings, err);
    u64map_deinit(&strings);
    return ok;
}

void hprof_close(struct hprof *h) {
    free(h->classes);
    free(h->arrays);
    free(h->names);
    if (h->index)
        free(h->index->slots);
    free(h->index);
}
