/*
 * Where a compressed file can be cut so that each part unpacks without the others: between frames
 * of zstd (as `pzstd` writes them, or who appends), and between blocks of xz (`xz -T`, `--block-
 * size`). Nothing is unpacked here, and what is not wholly as its format has it is not cut.
 *
 * Sources: RFC 8878 (zstd), "The .xz File Format" 1.2.0.
 */
#ifndef DUMPDIFF_MEMORY_UNPACK_PIECES_H
#define DUMPDIFF_MEMORY_UNPACK_PIECES_H

#include "base/bytes.h"
#include "base/str.h"

struct piece {
    uint64_t at, size; /* [bytes] in the file: whole frames, or a block with its padding */
    uint64_t unpadded, unpacked; /* [bytes] of a block, as the index of xz says */
};

/* [bytes] packed: less of a piece is not worth a decompressor. */
#define PIECES_LEAST ((uint64_t)256 << 10)

struct pieces {
    struct bytes in;
    uint64_t least;
    struct piece *items;
    uint32_t count, capacity;
    bool xz;
};

/*
 * false: it cannot be cut into two parts or more, or is of more and smaller ones than it is worth.
 * To be freed with pieces_free() either way.
 *
 * least  [bytes] of a piece of frames; of blocks a 32nd of that in the mean
 */
bool pieces_find(struct pieces *p, struct bytes in, uint64_t least);
void pieces_free(struct pieces *p);

/*
 * The i-th as a file of its own: lent from the input, or (xz) made in *room, which is cleared
 * before. Errors: strbuf_failed(room).
 */
struct bytes pieces_file(const struct pieces *p, uint32_t i, struct strbuf *room);

#endif
