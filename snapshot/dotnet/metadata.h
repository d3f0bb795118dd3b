/*
 * Names out of ECMA-335 metadata (II.24), read where it lies: a dump may hold only some of its
 * pages, so every look-up can fail by itself. Rows are numbered from 1, as in tokens.
 */
#ifndef DUMPDIFF_DOTNET_METADATA_H
#define DUMPDIFF_DOTNET_METADATA_H

#include "base/bytes.h"
#include "base/str.h"

enum metadata_table {
    MD_MODULE = 0x00,
    MD_TYPE_REF = 0x01,
    MD_TYPE_DEF = 0x02,
    MD_FIELD = 0x04,
    MD_METHOD = 0x06,
    MD_MEMBER_REF = 0x0a,
    MD_CONSTANT = 0x0b,
    MD_CUSTOM_ATTRIBUTE = 0x0c,
    MD_TYPE_SPEC = 0x1b,
    MD_ASSEMBLY = 0x20,
    MD_NESTED_CLASS = 0x29,
    MD_GENERIC_PARAM = 0x2a,
    MD_TABLES = 0x2d
};

/* Columns that are asked for. */
enum {
    MD_MODULE_NAME = 1,
    MD_MODULE_MVID = 2,
    MD_TYPE_REF_NAME = 1,
    MD_TYPE_REF_NAMESPACE = 2,
    MD_TYPE_DEF_NAME = 1,
    MD_TYPE_DEF_NAMESPACE = 2,
    MD_TYPE_DEF_FIELDS = 4,
    MD_TYPE_DEF_METHODS = 5,
    MD_FIELD_NAME = 1,
    MD_FIELD_SIGNATURE = 2,
    MD_METHOD_NAME = 3,
    MD_METHOD_SIGNATURE = 4,
    MD_MEMBER_REF_PARENT = 0,
    MD_CONSTANT_PARENT = 1,
    MD_CONSTANT_VALUE = 2,
    MD_ATTRIBUTE_PARENT = 0,
    MD_ATTRIBUTE_TYPE = 1,
    MD_ATTRIBUTE_VALUE = 2,
    MD_ASSEMBLY_NAME = 7,
    MD_NESTED_INNER = 0,
    MD_NESTED_OUTER = 1,
    MD_GENERIC_PARAM_NUMBER = 0,
    MD_GENERIC_PARAM_OWNER = 2,
    MD_GENERIC_PARAM_NAME = 3
};

/* Where the bytes come from. read: exactly size bytes at offset, or false. */
struct metadata_source {
    bool (*read)(void *context, uint64_t offset, void *buffer, size_t size);
    void *context;
    uint64_t base; /* added to each offset */
    uint64_t size; /* [bytes] */
};

struct metadata_heap {
    uint64_t offset, size;
};

struct metadata {
    struct metadata_source source;
    struct metadata_heap strings, blobs, guids;
    uint32_t rows[MD_TABLES];
    uint32_t row_size[MD_TABLES];     /* [bytes] */
    uint64_t table_offset[MD_TABLES]; /* [bytes] in the source */
    uint8_t heap_sizes;
    bool wide; /* #JTD: every index has 4 bytes */
};

/* Longest name in metadata; longer ones do not resolve. */
#define METADATA_NAME_MAX 1024u

/*
 * Reads the header, not the tables. Errors: ERR_FORMAT (no metadata, or tables that do not fit in
 * the source), ERR_TRUNCATED (the header is not there).
 */
bool metadata_open(struct metadata *md, struct metadata_source source, struct err *err) MUST_CHECK;

/* One cell. false: no such row or not there. */
bool metadata_cell(const struct metadata *md, enum metadata_table table, uint32_t row,
                   uint32_t column, uint32_t *ret_value) MUST_CHECK;

/* Appends a name; false (nothing appended): empty, too long, or not there. */
bool metadata_name(const struct metadata *md, enum metadata_table table, uint32_t row,
                   uint32_t column, struct strbuf *out) MUST_CHECK;

/*
 * A blob's bytes, at most max, into buffer. *ret_size is its length, cut to max. false: not there.
 */
bool metadata_blob(const struct metadata *md, uint32_t index, uint8_t *buffer, size_t max,
                   size_t *ret_size) MUST_CHECK;

/* Module version id as in the #GUID heap. false: not there. */
bool metadata_mvid(const struct metadata *md, uint8_t ret_mvid[16]) MUST_CHECK;

/* TypeDef row of the type that encloses a nested one; 0: it is not nested, or not there. */
uint32_t metadata_enclosing(const struct metadata *md, uint32_t type_def);

/* Compressed unsigned integer (II.23.2) in a signature; fails the reader when it is none. */
uint32_t metadata_compressed(struct reader *r);

#endif
