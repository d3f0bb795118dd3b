/*
 * What is in the rows of each part, from which the .snap file, the JSON and the CSV output are
 * made: a new column is one line in snapshot.c.
 */
#ifndef DUMPDIFF_MODEL_PART_FIELDS_H
#define DUMPDIFF_MODEL_PART_FIELDS_H

#include "model/parts.h"

enum field_kind {
    FIELD_STR = 1, /* const char *; NULL: absent */
    FIELD_U64,     /* a count or plain number; ABSENT: absent */
    FIELD_BYTES,   /* [bytes] */
    FIELD_NS,      /* [ns] a duration */
    FIELD_TIME,    /* [ns since 1970]: ISO 8601 in JSON */
    FIELD_HEX,     /* an address or hash: hex string in JSON */
    FIELD_BOOL,    /* 0, 1 or ABSENT */
    FIELD_STRS,    /* struct strings */
    FIELD_CELLS,   /* struct cell[GEN_COUNT] */
    FIELD_GENS,    /* uint64_t[GEN_COUNT] */
};

struct field {
    const char *name; /* JSON key */
    uint16_t id;      /* number in .snap files; 1..; append only, never reused within a part */
    uint16_t kind;    /* enum field_kind */
    uint32_t offset;  /* [bytes] in the row */
};

struct part_desc {
    const char *name; /* JSON key and name in messages */
    const struct field *fields;
    uint32_t field_count;
    uint32_t row_size; /* [bytes] */
    bool single;       /* exactly one row */
};

/* Indexed by enum part; entries without a name do not exist. */
extern const struct part_desc part_descs[PART_END];

#endif
