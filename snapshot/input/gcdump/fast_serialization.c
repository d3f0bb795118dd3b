#include "input/gcdump/fast_serialization.h"

static const char magic[] = "!FastSerialization.1";
#define MAGIC_BYTES (sizeof(magic) - 1)

/* Objects in objects that fs_end_object skips. */
#define NESTING_MAX 1000u

bool fs_probe(struct bytes head) {
    return head.size >= 4 + MAGIC_BYTES && load_u32(head.data) == MAGIC_BYTES &&
           memcmp(head.data + 4, magic, MAGIC_BYTES) == 0;
}

static uint64_t load_label(const struct fs_stream *s, uint64_t at) {
    const uint8_t *p = s->r.in.data + at;
    return s->label_bytes == 4 ? load_u32(p) : load_u64(p);
}

/* From the last label to the trailer, and from there to the table; false: labels are not so wide.
 */
static bool find_trailer(struct fs_stream *s, unsigned label_bytes) {
    uint64_t size = s->r.in.size;
    s->label_bytes = label_bytes;
    if (size < 2 * (uint64_t)label_bytes + 4 ||
        load_label(s, size - label_bytes) != size - 2 * label_bytes)
        return false;
    uint64_t table = load_label(s, size - 2 * label_bytes);
    /* The objects end before it. */
    if (table < 4 + MAGIC_BYTES || table > size - 2 * label_bytes - 4 ||
        s->r.in.data[table - 1] != FS_END_OBJECT)
        return false;
    uint64_t count = load_u32(s->r.in.data + table);
    if (count > (size - 2 * label_bytes - 4 - table) / label_bytes)
        return false;
    s->labels_at = table + 4;
    s->forward_count = (uint32_t)count;
    return true;
}

bool fs_open(struct fs_stream *s, struct bytes in) {
    *s = (struct fs_stream){.label_bytes = 4};
    if (!fs_probe(in))
        return false;
    reader_init(&s->r, in, 0);
    s->has_trailer = find_trailer(s, 4) || find_trailer(s, 8);
    if (!s->has_trailer)
        s->label_bytes = 4; /* cut: what dumps are written with */
    return reader_skip(&s->r, 4 + MAGIC_BYTES);
}

/* Bytes of `units` UTF-16 units as they were written; SIZE_MAX: more than there are. */
static size_t encoded_size(const uint8_t *p, size_t left, size_t units) {
    size_t at = 0;
    while (units >= 8 && left - at >= 8 && !(load_u64(p + at) & 0x8080808080808080u)) {
        at += 8;
        units -= 8;
    }
    for (; units; units--) {
        if (at >= left)
            return SIZE_MAX;
        at += p[at] < 0x80 ? 1 : p[at] < 0xe0 ? 2 : 3;
    }
    return at > left ? SIZE_MAX : at;
}

struct str fs_string(struct fs_stream *s) {
    uint32_t units = reader_u32(&s->r);
    size_t left = reader_left(&s->r);
    if (s->r.failed || units >> 31)
        return (struct str){NULL, 0};
    if (units > left) {
        s->r.failed = true;
        return (struct str){NULL, 0};
    }
    const uint8_t *p = s->r.in.data + s->r.pos;
    size_t size = encoded_size(p, left, units);
    if (!reader_skip(&s->r, size == SIZE_MAX ? UINT64_MAX : size))
        return (struct str){NULL, 0};
    return (struct str){(const char *)p, size};
}

static uint64_t fs_label(struct fs_stream *s) {
    return s->label_bytes == 4 ? reader_u32(&s->r) : reader_u64(&s->r);
}

/* -- Objects ----------------------------------------------------------------------------------- */

static void fast_serialization_fail(struct fs_stream *s) {
    s->r.failed = true;
}

/* The definition of a type: an object whose type is null. */
static void read_type_fields(struct fs_stream *s, struct fs_type *ret_type) {
    if (reader_u8(&s->r) != FS_NULL_REFERENCE) {
        fast_serialization_fail(s);
        return;
    }
    ret_type->version = reader_u32(&s->r);
    ret_type->min_reader = reader_u32(&s->r);
    ret_type->name = fs_string(s);
    if (ret_type->name.len == 0 || ret_type->name.len > FS_TYPE_NAME_MAX ||
        reader_u8(&s->r) != FS_END_OBJECT)
        fast_serialization_fail(s);
}

/* A type where one is expected: its definition, or a reference to where that stands. */
static void fast_serialization_read_type(struct fs_stream *s, struct fs_type *ret_type) {
    uint8_t tag = reader_u8(&s->r);
    if (tag == FS_BEGIN_OBJECT || tag == FS_BEGIN_PRIVATE_OBJECT) {
        read_type_fields(s, ret_type);
    } else if (tag == FS_OBJECT_REFERENCE) {
        struct fs_stream there = *s;
        uint64_t label = fs_label(s);
        tag = 0;
        if (!s->r.failed && reader_seek(&there.r, label))
            tag = reader_u8(&there.r);
        if (tag == FS_BEGIN_OBJECT || tag == FS_BEGIN_PRIVATE_OBJECT)
            read_type_fields(&there, ret_type);
        else
            fast_serialization_fail(s);
        s->r.failed |= there.r.failed;
    } else {
        fast_serialization_fail(s);
    }
}

enum fs_what fs_begin_object(struct fs_stream *s, struct fs_type *ret_type, uint64_t *ret_label) {
    uint64_t label = s->r.pos;
    uint8_t tag = reader_u8(&s->r);
    *ret_type = (struct fs_type){.version = 0};
    *ret_label = UINT64_MAX;
    if (tag == FS_FORWARD_DEFINITION) {
        reader_u32(&s->r);
        tag = reader_u8(&s->r);
        if (tag != FS_BEGIN_OBJECT)
            fast_serialization_fail(s);
    }
    if (s->r.failed)
        return FS_IS_BROKEN;
    switch (tag) {
    case FS_NULL_REFERENCE:
        return FS_IS_NULL;
    case FS_OBJECT_REFERENCE:
        *ret_label = fs_label(s);
        return s->r.failed ? FS_IS_BROKEN : FS_IS_REFERENCE;
    case FS_FORWARD_REFERENCE:
        reader_u32(&s->r);
        fast_serialization_read_type(s, ret_type);
        return s->r.failed ? FS_IS_BROKEN : FS_IS_REFERENCE;
    case FS_BEGIN_OBJECT:
    case FS_BEGIN_PRIVATE_OBJECT:
        *ret_label = label;
        fast_serialization_read_type(s, ret_type);
        return s->r.failed ? FS_IS_BROKEN : FS_IS_OBJECT;
    default:
        fast_serialization_fail(s);
        return FS_IS_BROKEN;
    }
}

/* What stands behind a tag; false: no tag that could be skipped. */
static bool skip_value(struct fs_stream *s, uint8_t tag) {
    switch (tag) {
    case FS_BYTE:
        return reader_skip(&s->r, 1);
    case FS_INT16:
        return reader_skip(&s->r, 2);
    case FS_INT32:
    case FS_FORWARD_DEFINITION:
    case FS_FORWARD_REFERENCE:
        return reader_skip(&s->r, 4);
    case FS_INT64:
        return reader_skip(&s->r, 8);
    case FS_STRING:
        fs_string(s);
        return !s->r.failed;
    case FS_OBJECT_REFERENCE:
        return reader_skip(&s->r, s->label_bytes);
    case FS_BLOB:
        return reader_skip(&s->r, reader_u32(&s->r));
    case FS_SKIP_REGION:
        return fs_goto_forward(s, reader_u32(&s->r));
    case FS_NULL_REFERENCE:
        return true;
    default:
        return false;
    }
}

void fs_end_object(struct fs_stream *s) {
    unsigned nesting = 0;
    while (!s->r.failed) {
        uint8_t tag = reader_u8(&s->r);
        if (tag == FS_END_OBJECT) {
            if (nesting-- == 0)
                return;
        } else if (tag == FS_BEGIN_OBJECT || tag == FS_BEGIN_PRIVATE_OBJECT) {
            if (++nesting > NESTING_MAX)
                fast_serialization_fail(s);
        } else if (!skip_value(s, tag)) {
            fast_serialization_fail(s);
        }
    }
}

bool fs_tagged(struct fs_stream *s, enum fs_tag tag) {
    if (reader_left(&s->r) == 0 || s->r.in.data[s->r.pos] != tag)
        return false;
    return reader_skip(&s->r, 1);
}

/* Forwards only: what comes back could go round for ever. */
bool fs_goto_forward(struct fs_stream *s, uint32_t number) {
    if (s->r.failed || number >= s->forward_count)
        return false;
    uint64_t to = load_label(s, s->labels_at + (uint64_t)number * s->label_bytes);
    return to >= s->r.pos && reader_seek(&s->r, to);
}
