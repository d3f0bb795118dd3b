#include "memory/unpack/pieces.h"

#include "base/vec.h"

#include <stdlib.h>
#include <zlib.h>

/* Blocks of xz, whose sizes stand in a row, for each piece of the least size. */
#define BLOCKS_FOR_ONE 32u

static bool pieces_add(struct pieces *p, struct piece piece) {
    if (!VEC_ROOM(p->items, p->count, p->capacity, NULL))
        return false;
    p->items[p->count++] = piece;
    return true;
}

/* -- zstd -------------------------------------------------------------------------------------- */

#define ZSTD_MAGIC      0xfd2fb528u
#define SKIPPABLE_MAGIC 0x184d2a50u /* and the 15 behind it */

/* Between the magic and the first block. */
static bool skip_frame_header(struct reader *r, bool *ret_checksum) {
    static const uint8_t id_sizes[] = {0, 1, 2, 4}, content_sizes[] = {0, 2, 4, 8};
    uint8_t descriptor = reader_u8(r), content = descriptor >> 6;
    bool single = descriptor & 0x20;
    uint64_t content_size = content == 0 && single ? 1 : content_sizes[content];
    *ret_checksum = descriptor & 4;
    return !(descriptor & 8) &&
           reader_skip(r, (single ? 0u : 1u) + id_sizes[descriptor & 3] + content_size);
}

static bool skip_blocks(struct reader *r) {
    static const uint32_t run_bytes = 1;
    for (;;) {
        struct bytes head = reader_bytes(r, 3);
        if (r->failed)
            return false;
        uint32_t word = head.data[0] | (uint32_t)head.data[1] << 8 | (uint32_t)head.data[2] << 16;
        uint32_t type = word >> 1 & 3;
        if (type == 3 || !reader_skip(r, type == 1 ? run_bytes : word >> 3))
            return false;
        if (word & 1)
            return true;
    }
}

/* One frame; *ret_data: it is none of those that are skipped. */
static bool skip_frame(struct reader *r, bool *ret_data) {
    bool checksum;
    uint32_t magic = reader_u32(r);
    *ret_data = magic == ZSTD_MAGIC;
    if ((magic & ~15u) == SKIPPABLE_MAGIC)
        return reader_skip(r, reader_u32(r)) && !r->failed;
    return *ret_data && skip_frame_header(r, &checksum) && skip_blocks(r) &&
           reader_skip(r, checksum ? 4 : 0);
}

/* Frames that come one after the other are one piece until they are large enough. */
static bool find_frames(struct pieces *p) {
    struct reader r;
    struct piece piece = {.size = 0};
    reader_init(&r, p->in, 0);
    while (reader_left(&r)) {
        uint64_t at = r.pos;
        bool data;
        if (!skip_frame(&r, &data))
            return false;
        if (!data)
            continue;
        if (piece.size == 0)
            piece.at = at;
        piece.size = r.pos - piece.at;
        if (piece.size < p->least)
            continue;
        if (!pieces_add(p, piece))
            return false;
        piece.size = 0;
    }
    return piece.size == 0 || pieces_add(p, piece);
}

/* -- xz ---------------------------------------------------------------------------------------- */

#define XZ_HEADER_BYTES 12u
#define XZ_FOOTER_BYTES 12u
#define XZ_UNPADDED_MIN 5u

static const uint8_t xz_magic[] = {0xfd, '7', 'z', 'X', 'Z', 0};

static uint32_t crc_of(struct bytes b) {
    return (uint32_t)crc32_z(0, b.data, b.size);
}

static uint64_t xz_padded(uint64_t size) {
    return (size + 3) & ~(uint64_t)3;
}

/* The sizes of all blocks, which lie between header and index. */
static bool xz_records(struct pieces *p, struct bytes index) {
    struct reader r;
    reader_init(&r, (struct bytes){index.data, index.size - 4}, 0);
    bool ok = reader_u8(&r) == 0;
    uint64_t count = reader_varint(&r), at = XZ_HEADER_BYTES;
    uint64_t end = p->in.size - XZ_FOOTER_BYTES - index.size;
    if (!ok || r.failed || !reader_has_items(&r, count, 2) ||
        count / BLOCKS_FOR_ONE > p->in.size / p->least)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        struct piece piece = {.at = at, .unpadded = reader_varint(&r)};
        piece.unpacked = reader_varint(&r);
        if (r.failed || piece.unpadded < XZ_UNPADDED_MIN || piece.unpadded > end - at)
            return false;
        piece.size = xz_padded(piece.unpadded);
        if (piece.size > end - at || !pieces_add(p, piece))
            return false;
        at += piece.size;
    }
    return at == end && xz_padded(r.pos) == index.size - 4 &&
           load_u32(index.data + index.size - 4) ==
               crc_of((struct bytes){index.data, index.size - 4});
}

/* One stream, to the last byte. */
static bool find_blocks(struct pieces *p) {
    if (p->in.size < XZ_HEADER_BYTES + XZ_FOOTER_BYTES + 8)
        return false;
    const uint8_t *footer = p->in.data + p->in.size - XZ_FOOTER_BYTES;
    uint64_t index_size = ((uint64_t)load_u32(footer + 4) + 1) * 4;
    p->xz = true;
    return memcmp(footer + 10, "YZ", 2) == 0 && memcmp(footer + 8, p->in.data + 6, 2) == 0 &&
           load_u32(footer) == crc_of((struct bytes){footer + 4, 6}) && index_size >= 8 &&
           index_size <= p->in.size - XZ_HEADER_BYTES - XZ_FOOTER_BYTES &&
           xz_records(p, (struct bytes){footer - index_size, (size_t)index_size});
}

static void add_u32(struct strbuf *b, uint32_t value) {
    strbuf_add(b, (struct str){(const char *)&value, sizeof(value)});
}

/* A stream of one block: the header of all, the block, an index and a footer of our own. */
static struct bytes xz_file(const struct pieces *p, const struct piece *piece,
                            struct strbuf *room) {
    strbuf_clear(room);
    strbuf_add(room, (struct str){(const char *)p->in.data, XZ_HEADER_BYTES});
    strbuf_add(room, (struct str){(const char *)p->in.data + piece->at, (size_t)piece->size});
    size_t index = room->len;
    strbuf_addc(room, '\0');
    strbuf_add_varint(room, 1);
    strbuf_add_varint(room, piece->unpadded);
    strbuf_add_varint(room, piece->unpacked);
    while ((room->len - index) % 4 && !strbuf_failed(room))
        strbuf_addc(room, '\0');
    add_u32(room, crc_of((struct bytes){(const uint8_t *)strbuf_cstr(room) + index,
                                        strbuf_failed(room) ? 0 : room->len - index}));
    uint8_t footer[6];
    uint32_t backward = (uint32_t)((room->len - index) / 4 - 1);
    memcpy(footer, &backward, 4);
    memcpy(footer + 4, p->in.data + 6, 2);
    add_u32(room, crc_of((struct bytes){footer, sizeof(footer)}));
    strbuf_add(room, (struct str){(const char *)footer, sizeof(footer)});
    strbuf_adds(room, "YZ");
    return (struct bytes){(const uint8_t *)strbuf_cstr(room), room->len};
}

/* -- Both -------------------------------------------------------------------------------------- */

bool pieces_find(struct pieces *p, struct bytes in, uint64_t least) {
    *p = (struct pieces){.in = in, .least = least};
    bool xz = in.size > sizeof(xz_magic) && memcmp(in.data, xz_magic, sizeof(xz_magic)) == 0;
    return in.size > least && (xz ? find_blocks(p) : find_frames(p)) && p->count > 1;
}

void pieces_free(struct pieces *p) {
    free(p->items);
    *p = (struct pieces){.count = 0};
}

struct bytes pieces_file(const struct pieces *p, uint32_t i, struct strbuf *room) {
    const struct piece *piece = &p->items[i];
    return p->xz ? xz_file(p, piece, room) : bytes_slice(p->in, piece->at, piece->size);
}
