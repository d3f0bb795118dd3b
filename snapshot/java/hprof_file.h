/*
 * HPROF binary dumps of a Java heap, summed up by class in one pass.
 *
 *   "JAVA PROFILE 1.0.2" NUL, u4 size of an id, u8 ms since 1970; then records, all big-endian:
 *   u1 tag, u4 microseconds, u4 length, body. Strings and loaded classes come first, then the heap,
 *   in one record or in segments of it, each a row of sub-records without lengths of their own.
 *
 * Ids of objects are addresses, and HotSpot writes objects in their order: the least distance from
 * an object of a class to the next one in the file is a measure of its size. Source:
 * heapDumper.cpp of OpenJDK, and the manual of HPROF in JDK 6.
 */
#ifndef DUMPDIFF_JAVA_HPROF_FILE_H
#define DUMPDIFF_JAVA_HPROF_FILE_H

#include "base/bytes.h"
#include "base/hash.h"

/* Types of fields and elements, as they are written. */
enum hprof_type {
    HPROF_OBJECT = 2,
    HPROF_BOOLEAN = 4,
    HPROF_CHAR,
    HPROF_FLOAT,
    HPROF_DOUBLE,
    HPROF_BYTE,
    HPROF_SHORT,
    HPROF_INT,
    HPROF_LONG,
    HPROF_TYPES
};

/* [bytes] of each but HPROF_OBJECT in the file and in the heap; 0: no type. */
extern const uint8_t hprof_type_bytes[HPROF_TYPES];

/* Fields by size. */
struct hprof_fields {
    uint32_t of_8, of_4, of_2, of_1, references;
};

/* Padding depends on the length of an array: how many there are of each, modulo 16. */
struct hprof_array {
    uint64_t elements;
    uint64_t of_length[16];
};

struct hprof_kept;

struct hprof_class {
    uint64_t id, super;
    uint64_t loader;   /* object; 0: that of the machine itself */
    struct bytes dump; /* its sub-record; empty unless is_dumped */
    uint32_t serial;
    uint32_t instance_bytes; /* as the dump says: of Android [bytes] of an object */
    uint32_t name;           /* number of the string + 1; 0: not known */
    bool is_dumped;
    struct hprof_fields fields, statics; /* its own */
    uint64_t objects;
    /* [bytes] from one object to the next in the file; UINT64_MAX: not known */
    uint64_t least_step;
    uint32_t data_bytes; /* of the fields of an object, as in the file */
    uint32_t array;      /* number + 1; 0: no array */
};

#define HPROF_LAYOUTS 10u

struct hprof {
    unsigned id_bytes;
    uint64_t time_ms;
    struct hprof_class *classes; /* in the order they were met */
    uint32_t class_count, class_capacity;
    struct hprof_array *arrays;
    uint32_t array_count, array_capacity;
    struct hprof_array primitives[HPROF_TYPES];
    uint64_t primitive_objects[HPROF_TYPES];
    struct str *names; /* of the classes, as the machine writes them */
    uint32_t name_count, name_capacity;
    uint64_t class_dumps;      /* [count] */
    uint64_t pseudo_fields[4]; /* ids of names of static fields that are none, see hprof_file.c */
    unsigned pseudo_count;
    /* How many arrays are as far from the next object as each layout says, see hprof_size.h. */
    uint64_t votes[HPROF_LAYOUTS], voters;
    uint64_t objects;       /* [count] met */
    uint64_t all_ids;       /* or of all: how they are aligned */
    uint64_t heap_records;  /* of the heap */
    uint64_t missing_bytes; /* of records that the file does not have */
    uint64_t skipped_bytes; /* of the heap, behind what made no sense */
    uint64_t skipped;       /* times that happened */
    bool has_segments, has_end, is_android;
    struct hprof_kept *kept; /* borrowed; NULL: nothing but sums is wanted */
    uint32_t wanted;         /* of the file's dumps, from 0 */
    uint32_t dumps;          /* [count] begun so far */
    bool in_dump;            /* segments have come, their end has not */
    struct hprof_index *index;
};

bool hprof_probe(struct bytes head);

/* How many dumps are in the file: the agent of HPROF appends one whenever it is asked to. */
uint32_t hprof_dumps(struct bytes in);

/*
 * Reads dump `wanted` of the file, from 0. time_ms is that dump's. kept: initialised, or NULL.
 *
 * The bytes are borrowed, and the names point into them. To be closed either way.
 * Errors: ERR_FORMAT, ERR_TRUNCATED, ERR_UNSUPPORTED, ERR_NOMEM, ERR_LIMIT.
 */
bool hprof_open(struct hprof *h, struct bytes in, uint32_t wanted, struct hprof_kept *kept,
                struct err *err) MUST_CHECK;
void hprof_close(struct hprof *h);

/* The class of that id, NULL: not met. */
const struct hprof_class *hprof_find(const struct hprof *h, uint64_t id);

#endif
