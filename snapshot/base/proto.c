#include "base/proto.h"

bool proto_next(struct reader *r, struct proto_field *ret_field) {
    if (r->failed || !reader_left(r))
        return false;
    uint64_t tag = reader_varint(r);
    struct proto_field f = {.number = tag >> 3, .wire = (enum proto_wire)(tag & 7)};
    switch (f.wire) {
    case PROTO_VARINT:
        f.value = reader_varint(r);
        break;
    case PROTO_FIXED64:
        f.value = reader_u64(r);
        break;
    case PROTO_FIXED32:
        f.value = reader_u32(r);
        break;
    case PROTO_BYTES:
        f.bytes = reader_bytes(r, reader_varint(r));
        break;
    default:
        r->failed = true; /* groups are of another age */
    }
    if (!f.number)
        r->failed = true;
    if (r->failed)
        return false;
    *ret_field = f;
    return true;
}

void proto_numbers_begin(struct proto_numbers *n, const struct proto_field *field) {
    *n = (struct proto_numbers){.single = field->value, .has_single = field->wire != PROTO_BYTES};
    reader_init(&n->packed, field->bytes, 0);
}

bool proto_numbers_next(struct proto_numbers *n, uint64_t *ret_number) {
    if (n->has_single) {
        n->has_single = false;
        *ret_number = n->single;
        return true;
    }
    if (n->packed.failed || !reader_left(&n->packed))
        return false;
    uint64_t number = reader_varint(&n->packed);
    if (n->packed.failed)
        return false;
    *ret_number = number;
    return true;
}
