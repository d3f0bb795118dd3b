/*
 * Records and sub-records of HPROF, and the numbers in them: for the files that read them.
 *
 * Source: heapDumper.cpp of OpenJDK, and the manual of HPROF in JDK 6; of Android hprof.cc of ART.
 */
#ifndef DUMPDIFF_JAVA_HPROF_IMPL_H
#define DUMPDIFF_JAVA_HPROF_IMPL_H

#include "base/hash.h"
#include "java/hprof_file.h"

enum record_tag {
    TAG_STRING = 0x01,
    TAG_LOAD_CLASS = 0x02,
    TAG_FRAME = 0x04,
    TAG_TRACE = 0x05,
    TAG_START_THREAD = 0x0a,
    TAG_HEAP_DUMP = 0x0c,
    TAG_HEAP_DUMP_SEGMENT = 0x1c,
    TAG_HEAP_DUMP_END = 0x2c
};

enum heap_tag {
    SUB_ROOT_UNKNOWN = 0xff,
    SUB_ROOT_JNI_GLOBAL = 0x01,
    SUB_ROOT_JNI_LOCAL,
    SUB_ROOT_FRAME,
    SUB_ROOT_NATIVE_STACK,
    SUB_ROOT_STICKY_CLASS,
    SUB_ROOT_THREAD_BLOCK,
    SUB_ROOT_MONITOR,
    SUB_ROOT_THREAD,
    SUB_CLASS = 0x20,
    SUB_INSTANCE,
    SUB_OBJECT_ARRAY,
    SUB_PRIMITIVE_ARRAY,
    /* Of Android (1.0.3) alone. */
    SUB_ROOT_INTERNED = 0x89,
    SUB_ROOT_FINALIZING,
    SUB_ROOT_DEBUGGER,
    SUB_ROOT_CLEANUP,
    SUB_ROOT_VM,
    SUB_ROOT_JNI_MONITOR,
    SUB_UNREACHABLE = 0x90,
    SUB_ARRAY_WITHOUT_DATA = 0xc3,
    SUB_HEAP_INFO = 0xfe
};

/* -- Numbers ----------------------------------------------------------------------------------- */

static inline uint16_t be16(const uint8_t *p) {
    return __builtin_bswap16(load_u16(p));
}

static inline uint32_t be32(const uint8_t *p) {
    return __builtin_bswap32(load_u32(p));
}

static inline uint64_t be64(const uint8_t *p) {
    return __builtin_bswap64(load_u64(p));
}

static inline uint64_t load_id(const uint8_t *p, unsigned id_bytes) {
    return id_bytes == 8 ? be64(p) : be32(p);
}

/* -- Classes ----------------------------------------------------------------------------------- */

/* From ids to numbers + 1, open addressing; 0 is an empty slot. */
struct hprof_index {
    struct hprof_slot {
        uint64_t id;
        uint32_t number;
    } * slots;
    size_t capacity, count;
    struct hash_secret secret;
    uint64_t last_id;
    uint32_t last_number;
};

/* Number of a class, added when it is new; UINT32_MAX: out of memory. */
uint32_t hprof_class_number(struct hprof *h, uint64_t id) MUST_CHECK;

/* Reads a record of the heap, which may be cut. Errors: ERR_NOMEM. */
bool hprof_read_heap(struct hprof *h, struct bytes body, bool is_cut, struct err *err) MUST_CHECK;

#endif
