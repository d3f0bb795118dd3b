#include "dotnet/metadata.h"

#include "base/search.h"
#include "model/snapshot.h"

#include <string.h>

#define ROWS_LIMIT    (1u << 24) /* a token has 24 bits for the row */
#define STREAMS_MAX   32u
#define COLUMNS_MAX   9u
#define VERSION_MAX   512u
#define STREAM_HEADER 40u /* offset, size and the longest name */

/* What a column holds: a table number (an index into it), a coded index, or one of these. */
enum {
    CODED = 0x40, /* + enum coded */
    U2 = 0x80,
    U4,
    STRING,
    GUID,
    BLOB,
    NONE = 0xff
};

enum coded {
    TYPE_DEF_OR_REF,
    HAS_CONSTANT,
    HAS_CUSTOM_ATTRIBUTE,
    HAS_FIELD_MARSHAL,
    HAS_DECL_SECURITY,
    MEMBER_REF_PARENT,
    HAS_SEMANTICS,
    METHOD_DEF_OR_REF,
    MEMBER_FORWARDED,
    IMPLEMENTATION,
    CUSTOM_ATTRIBUTE_TYPE,
    RESOLUTION_SCOPE,
    TYPE_OR_METHOD_DEF,
    CODED_COUNT
};

static const struct {
    uint8_t bits, count;
    uint8_t tables[22];
} coded_indexes[CODED_COUNT] = {
    [TYPE_DEF_OR_REF] = {2, 3, {0x02, 0x01, 0x1b}},
    [HAS_CONSTANT] = {2, 3, {0x04, 0x08, 0x17}},
    [HAS_CUSTOM_ATTRIBUTE] = {5, 22, {0x06, 0x04, 0x01, 0x02, 0x08, 0x09, 0x0a, 0x00,
                                      0x0e, 0x17, 0x14, 0x11, 0x1a, 0x1b, 0x20, 0x23,
                                      0x26, 0x27, 0x28, 0x2a, 0x2c, 0x2b}},
    [HAS_FIELD_MARSHAL] = {1, 2, {0x04, 0x08}},
    [HAS_DECL_SECURITY] = {2, 3, {0x02, 0x06, 0x20}},
    [MEMBER_REF_PARENT] = {3, 5, {0x02, 0x01, 0x1a, 0x06, 0x1b}},
    [HAS_SEMANTICS] = {1, 2, {0x14, 0x17}},
    [METHOD_DEF_OR_REF] = {1, 2, {0x06, 0x0a}},
    [MEMBER_FORWARDED] = {1, 2, {0x04, 0x06}},
    [IMPLEMENTATION] = {2, 3, {0x26, 0x23, 0x27}},
    [CUSTOM_ATTRIBUTE_TYPE] = {3, 2, {0x06, 0x0a}},
    [RESOLUTION_SCOPE] = {2, 4, {0x00, 0x1a, 0x23, 0x01}},
    [TYPE_OR_METHOD_DEF] = {1, 2, {0x02, 0x06}},
};

#define C(coded) (CODED + (coded))

/* II.22, in the order of the table numbers. */
static const uint8_t schema[MD_TABLES][COLUMNS_MAX + 1] = {
    [0x00] = {U2, STRING, GUID, GUID, GUID, NONE},
    [0x01] = {C(RESOLUTION_SCOPE), STRING, STRING, NONE},
    [0x02] = {U4, STRING, STRING, C(TYPE_DEF_OR_REF), 0x04, 0x06, NONE},
    [0x03] = {0x04, NONE},
    [0x04] = {U2, STRING, BLOB, NONE},
    [0x05] = {0x06, NONE},
    [0x06] = {U4, U2, U2, STRING, BLOB, 0x08, NONE},
    [0x07] = {0x08, NONE},
    [0x08] = {U2, U2, STRING, NONE},
    [0x09] = {0x02, C(TYPE_DEF_OR_REF), NONE},
    [0x0a] = {C(MEMBER_REF_PARENT), STRING, BLOB, NONE},
    [0x0b] = {U2, C(HAS_CONSTANT), BLOB, NONE},
    [0x0c] = {C(HAS_CUSTOM_ATTRIBUTE), C(CUSTOM_ATTRIBUTE_TYPE), BLOB, NONE},
    [0x0d] = {C(HAS_FIELD_MARSHAL), BLOB, NONE},
    [0x0e] = {U2, C(HAS_DECL_SECURITY), BLOB, NONE},
    [0x0f] = {U2, U4, 0x02, NONE},
    [0x10] = {U4, 0x04, NONE},
    [0x11] = {BLOB, NONE},
    [0x12] = {0x02, 0x14, NONE},
    [0x13] = {0x14, NONE},
    [0x14] = {U2, STRING, C(TYPE_DEF_OR_REF), NONE},
    [0x15] = {0x02, 0x17, NONE},
    [0x16] = {0x17, NONE},
    [0x17] = {U2, STRING, BLOB, NONE},
    [0x18] = {U2, 0x06, C(HAS_SEMANTICS), NONE},
    [0x19] = {0x02, C(METHOD_DEF_OR_REF), C(METHOD_DEF_OR_REF), NONE},
    [0x1a] = {STRING, NONE},
    [0x1b] = {BLOB, NONE},
    [0x1c] = {U2, C(MEMBER_FORWARDED), STRING, 0x1a, NONE},
    [0x1d] = {U4, 0x04, NONE},
    [0x1e] = {U4, U4, NONE},
    [0x1f] = {U4, NONE},
    [0x20] = {U4, U2, U2, U2, U2, U4, BLOB, STRING, STRING, NONE},
    [0x21] = {U4, NONE},
    [0x22] = {U4, U4, U4, NONE},
    [0x23] = {U2, U2, U2, U2, U4, BLOB, STRING, STRING, BLOB, NONE},
    [0x24] = {U4, 0x23, NONE},
    [0x25] = {U4, U4, U4, 0x23, NONE},
    [0x26] = {U4, STRING, BLOB, NONE},
    [0x27] = {U4, U4, STRING, STRING, C(IMPLEMENTATION), NONE},
    [0x28] = {U4, U4, STRING, C(IMPLEMENTATION), NONE},
    [0x29] = {0x02, 0x02, NONE},
    [0x2a] = {U2, U2, C(TYPE_OR_METHOD_DEF), STRING, NONE},
    [0x2b] = {C(METHOD_DEF_OR_REF), BLOB, NONE},
    [0x2c] = {0x2a, C(TYPE_DEF_OR_REF), NONE},
};

/* -- Opening ----------------------------------------------------------------------------------- */

static bool metadata_source_read(const struct metadata *md, uint64_t offset, void *buffer,
                                 size_t size) {
    const struct metadata_source *s = &md->source;
    if (offset > s->size || size > s->size - offset)
        return false;
    return s->read(s->context, s->base + offset, buffer, size);
}

static uint32_t column_size(const struct metadata *md, uint8_t column) {
    switch (column) {
    case U2:
        return 2;
    case U4:
        return 4;
    case STRING:
        return md->wide || md->heap_sizes & 1 ? 4 : 2;
    case GUID:
        return md->wide || md->heap_sizes & 2 ? 4 : 2;
    case BLOB:
        return md->wide || md->heap_sizes & 4 ? 4 : 2;
    default:
        break;
    }
    if (md->wide)
        return 4;
    if (column < CODED)
        return md->rows[column] < 0x10000 ? 2 : 4;
    uint32_t limit = 0x10000u >> coded_indexes[column - CODED].bits;
    for (uint32_t i = 0; i < coded_indexes[column - CODED].count; i++)
        if (md->rows[coded_indexes[column - CODED].tables[i]] >= limit)
            return 4;
    return 2;
}

static bool read_tables(struct metadata *md, uint64_t offset, uint64_t size, struct err *err) {
    uint8_t head[24];
    if (size < sizeof(head) || !metadata_source_read(md, offset, head, sizeof(head)))
        return err_set(err, ERR_TRUNCATED, "metadata: the table stream is not there");
    md->heap_sizes = head[6];
    uint64_t valid = load_u64(head + 8), at = sizeof(head);
    if (valid >> MD_TABLES)
        return err_set(err, ERR_FORMAT, "metadata: tables of a later version are present");
    for (uint32_t t = 0; t < MD_TABLES; t++) {
        uint8_t raw[4];
        if (!(valid >> t & 1))
            continue;
        if (at + 4 > size || !metadata_source_read(md, offset + at, raw, sizeof(raw)))
            return err_set(err, ERR_TRUNCATED, "metadata: row counts are not there");
        md->rows[t] = load_u32(raw);
        if (md->rows[t] >= ROWS_LIMIT)
            return err_set(err, ERR_FORMAT, "metadata: table 0x%02x has %u rows", t, md->rows[t]);
        at += 4;
    }
    if (md->heap_sizes & 0x40)
        at += 4;
    for (uint32_t t = 0; t < MD_TABLES; t++) {
        if (!md->rows[t])
            continue;
        for (const uint8_t *c = schema[t]; *c != NONE; c++)
            md->row_size[t] += column_size(md, *c);
        md->table_offset[t] = offset + at;
        at += (uint64_t)md->rows[t] * md->row_size[t];
        if (at > size)
            return err_set(err, ERR_FORMAT,
                           "metadata: table 0x%02x with %u rows runs past its stream", t,
                           md->rows[t]);
    }
    return true;
}

/* One stream header at *at, which moves behind it. */
static bool read_stream(struct metadata *md, uint64_t *at, struct metadata_heap *tables,
                        struct err *err) {
    uint8_t raw[STREAM_HEADER] = {0};
    uint64_t left = md->source.size > *at ? md->source.size - *at : 0;
    size_t size = left < sizeof(raw) ? (size_t)left : sizeof(raw);
    if (size < 12 || !metadata_source_read(md, *at, raw, size))
        return err_set(err, ERR_TRUNCATED, "metadata: a stream header is not there");
    const char *name = (const char *)raw + 8;
    size_t length = strnlen(name, size - 8);
    if (length == size - 8)
        return err_set(err, ERR_FORMAT, "metadata: a stream's name does not end");
    struct metadata_heap heap = {load_u32(raw), load_u32(raw + 4)};
    if (heap.offset > md->source.size)
        return err_set(err, ERR_FORMAT, "metadata: stream %s begins past the end", name);
    if (heap.size > md->source.size - heap.offset)
        heap.size = md->source.size - heap.offset;
    if (strcmp(name, "#~") == 0 || strcmp(name, "#-") == 0)
        *tables = heap;
    else if (strcmp(name, "#Strings") == 0)
        md->strings = heap;
    else if (strcmp(name, "#Blob") == 0)
        md->blobs = heap;
    else if (strcmp(name, "#GUID") == 0)
        md->guids = heap;
    else if (strcmp(name, "#JTD") == 0)
        md->wide = true;
    *at += 8 + ((length + 4) & ~3ull);
    return true;
}

bool metadata_open(struct metadata *md, struct metadata_source source, struct err *err) {
    *md = (struct metadata){.source = source};
    uint8_t raw[16];
    if (!metadata_source_read(md, 0, raw, sizeof(raw)))
        return err_set(err, ERR_TRUNCATED, "metadata: the header is not there");
    uint32_t version = load_u32(raw + 12);
    if (memcmp(raw, "BSJB", 4) != 0 || version > VERSION_MAX)
        return err_set(err, ERR_FORMAT, "metadata: no header");
    uint64_t at = 16 + version;
    uint8_t counts[4];
    if (!metadata_source_read(md, at, counts, sizeof(counts)))
        return err_set(err, ERR_TRUNCATED, "metadata: the stream headers are not there");
    uint16_t streams = load_u16(counts + 2);
    if (streams > STREAMS_MAX)
        return err_set(err, ERR_FORMAT, "metadata: %u streams", streams);
    at += 4;
    struct metadata_heap tables = {0};
    for (uint32_t i = 0; i < streams; i++)
        if (!read_stream(md, &at, &tables, err))
            return false;
    return read_tables(md, tables.offset, tables.size, err);
}

/* -- Reading ----------------------------------------------------------------------------------- */

bool metadata_cell(const struct metadata *md, enum metadata_table table, uint32_t row,
                   uint32_t column, uint32_t *ret_value) {
    if (row == 0 || row > md->rows[table])
        return false;
    uint64_t at = md->table_offset[table] + (uint64_t)(row - 1) * md->row_size[table];
    const uint8_t *c = schema[table];
    for (uint32_t i = 0; i < column; i++)
        at += column_size(md, c[i]);
    uint8_t raw[4] = {0};
    if (!metadata_source_read(md, at, raw, column_size(md, c[column])))
        return false;
    *ret_value = load_u32(raw);
    return true;
}

/* Appends the string at an index of #Strings; false: empty, too long or not there. */
static bool metadata_add_string(const struct metadata *md, uint32_t index, struct strbuf *out) {
    char text[METADATA_NAME_MAX];
    size_t size = 0;
    while (size < sizeof(text)) {
        uint64_t at = (uint64_t)index + size;
        uint64_t left = at < md->strings.size ? md->strings.size - at : 0;
        size_t piece = left < 32 ? (size_t)left : 32;
        /* Near the edge of what the dump holds, byte by byte. */
        while (piece && !metadata_source_read(md, md->strings.offset + at, text + size, piece))
            piece = piece == 1 ? 0 : piece / 2;
        if (piece == 0)
            return false;
        const char *nul = memchr(text + size, 0, piece);
        if (nul) {
            size = (size_t)(nul - text);
            strbuf_add(out, (struct str){text, size});
            return size > 0;
        }
        size += piece;
    }
    return false;
}

bool metadata_name(const struct metadata *md, enum metadata_table table, uint32_t row,
                   uint32_t column, struct strbuf *out) {
    uint32_t index;
    return metadata_cell(md, table, row, column, &index) && metadata_add_string(md, index, out);
}

bool metadata_blob(const struct metadata *md, uint32_t index, uint8_t *buffer, size_t max,
                   size_t *ret_size) {
    uint64_t left = index < md->blobs.size ? md->blobs.size - index : 0;
    uint8_t head[4] = {0};
    size_t head_size = left < 4 ? (size_t)left : 4;
    if (!head_size || !metadata_source_read(md, md->blobs.offset + index, head, head_size))
        return false;
    struct reader r;
    reader_init(&r, (struct bytes){head, head_size}, 0);
    uint64_t size = metadata_compressed(&r);
    if (r.failed || size > left - r.pos)
        return false;
    *ret_size = size < max ? (size_t)size : max;
    return *ret_size == 0 ||
           metadata_source_read(md, md->blobs.offset + index + r.pos, buffer, *ret_size);
}

bool metadata_mvid(const struct metadata *md, uint8_t ret_mvid[16]) {
    uint32_t index;
    if (!metadata_cell(md, MD_MODULE, 1, MD_MODULE_MVID, &index) || index == 0 ||
        16 * (uint64_t)index > md->guids.size)
        return false;
    return metadata_source_read(md, md->guids.offset + 16 * ((uint64_t)index - 1), ret_mvid, 16);
}

struct nested_search {
    const struct metadata *md;
    uint32_t type_def;
    uint32_t found; /* row, from 1; 0: not yet */
    bool failed;
};

/* Is a row of NestedClass before the type's? Once that is found nothing more is read. */
static bool nested_is_before(struct nested_search *x, uint32_t row) {
    uint32_t inner = 0;
    if (x->failed || x->found)
        return false;
    x->failed = !metadata_cell(x->md, MD_NESTED_CLASS, row, MD_NESTED_INNER, &inner);
    x->found = !x->failed && inner == x->type_def ? row : 0;
    return !x->failed && inner < x->type_def;
}

uint32_t metadata_enclosing(const struct metadata *md, uint32_t type_def) {
    struct nested_search x = {md, type_def, 0, false};
    uint32_t before, outer;
    SEARCH_LEADING(before, md->rows[MD_NESTED_CLASS], i, nested_is_before(&x, i + 1));
    (void)before;
    return x.found && metadata_cell(md, MD_NESTED_CLASS, x.found, MD_NESTED_OUTER, &outer) ? outer
                                                                                           : 0;
}

uint32_t metadata_compressed(struct reader *r) {
    uint32_t first = reader_u8(r);
    if (!(first & 0x80))
        return first;
    if ((first & 0xc0) == 0x80)
        return (first & 0x3f) << 8 | reader_u8(r);
    uint32_t b1 = reader_u8(r), b2 = reader_u8(r), b3 = reader_u8(r);
    if ((first & 0xe0) != 0xc0)
        r->failed = true;
    return r->failed ? 0 : (first & 0x1f) << 24 | b1 << 16 | b2 << 8 | b3;
}
