/*
 * Protocol buffers, read field by field out of bounded bytes. No schema: the caller knows what the
 * numbers mean. Source: protobuf.dev/programming-guides/encoding.
 */
#ifndef DUMPDIFF_BASE_PROTO_H
#define DUMPDIFF_BASE_PROTO_H

#include "base/bytes.h"

enum proto_wire { PROTO_VARINT = 0, PROTO_FIXED64 = 1, PROTO_BYTES = 2, PROTO_FIXED32 = 5 };

struct proto_field {
    uint64_t number;
    enum proto_wire wire;
    uint64_t value;     /* of a varint or fixed field */
    struct bytes bytes; /* of a field of bytes: a string, a message, packed numbers; borrowed */
};

/*
 * The next field of a message. false: at its end, or what follows is no field (then the reader has
 * failed, which sticks).
 */
bool proto_next(struct reader *r, struct proto_field *ret_field);

/*
 * Numbers of a repeated field, which may stand one by one or packed: calls proto_numbers_begin with
 * each field of that number, then proto_numbers_next until it is false. A broken list fails its
 * reader.
 */
struct proto_numbers {
    struct reader packed;
    uint64_t single;
    bool has_single;
};
void proto_numbers_begin(struct proto_numbers *n, const struct proto_field *field);
bool proto_numbers_next(struct proto_numbers *n, uint64_t *ret_number);

#endif
