/* ECMA-335 metadata made from calls, for tests of what reads it. */
#ifndef DUMPDIFF_TESTS_MK_METADATA_H
#define DUMPDIFF_TESTS_MK_METADATA_H

#include "base/bytes.h"
#include "base/str.h"

#define META_ROWS_MAX 64u

struct meta_type {
    uint32_t name, ns, first_field, first_method, outer;
};

struct meta_row {
    uint32_t a, b, c; /* name, then what the table needs */
};

struct meta {
    struct strbuf strings, blobs;
    struct meta_type types[META_ROWS_MAX];
    struct meta_row methods[META_ROWS_MAX], fields[META_ROWS_MAX], parameters[META_ROWS_MAX];
    uint32_t type_count, method_count, field_count, parameter_count;
    uint32_t assembly; /* name; 0: no row */
    bool wide;         /* every index of 4 bytes, as a delta has them */
};

void meta_init(struct meta *m);
void meta_deinit(struct meta *m);

/* Rows, numbered from 1. Methods and fields belong to the type added last. outer: 0 is none. */
uint32_t meta_type(struct meta *m, const char *ns, const char *name, uint32_t outer);
uint32_t meta_method(struct meta *m, const char *name, struct bytes signature);
uint32_t meta_field(struct meta *m, const char *name, struct bytes signature);
uint32_t meta_parameter(struct meta *m, const char *name, uint32_t number, uint32_t owner_type);

/* The metadata as it lies in a file. */
void meta_write(const struct meta *m, struct strbuf *out);

#endif
