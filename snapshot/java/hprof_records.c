/* The records of HPROF: strings and classes first, then the heap. */
#include "base/hash.h"
#include "base/vec.h"
#include "java/hprof_impl.h"
#include "java/hprof_kept.h"

#include <stdlib.h>

/* [bytes] of "JAVA PROFILE 1.0.2" and the like at most. */
#define HEADER_MAX 64u

/* Ids of strings are those of classes' names until the strings are looked for. */
static bool read_load_class(struct hprof *h, struct bytes body, struct u64map *wanted,
                            struct err *err) {
    unsigned ids = h->id_bytes;
    if (body.size < 8 + 2 * ids)
        return true;
    uint32_t number = hprof_class_number(h, load_id(body.data + 4, ids));
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
    h->classes[number].serial = be32(body.data);
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

/* Names of what HotSpot writes among the static fields, though it lies elsewhere. */
static bool is_pseudo_name(struct str name) {
    return str_eq(name, STR("<resolved_references>")) || str_eq(name, STR("<init_lock>"));
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
        case TAG_FRAME:
        case TAG_TRACE:
        case TAG_START_THREAD:
            if (h->kept && !hprof_keep_record(h->kept, record.tag, record.body, h->id_bytes, err))
                return false;
            break;
        default:
            if (hprof_file_is_wanted(h, &record) &&
                !hprof_read_heap(h, record.body, record.missing != 0, err))
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
        uint64_t id = load_id(record.body.data, h->id_bytes);
        struct str text = {(const char *)record.body.data + h->id_bytes,
                           record.body.size - h->id_bytes};
        uint32_t name = u64map_get(wanted, id);
        if (name != STRMAP_NONE)
            h->names[name] = text;
        if (h->kept && !hprof_keep_string(h->kept, id, text, err))
            return false;
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
    if (header != 19 || version < '1' || version > '3')
        return err_set(err, ERR_UNSUPPORTED, "version 1.0.%.8s of HPROF", r->in.data + 17);
    h->is_android = version == '3';
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

bool hprof_open(struct hprof *h, struct bytes in, uint32_t wanted, struct hprof_kept *kept,
                struct err *err) {
    *h = (struct hprof){.id_bytes = 8, .wanted = wanted, .kept = kept};
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
