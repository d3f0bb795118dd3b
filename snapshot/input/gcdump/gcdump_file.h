/*
 * A .gcdump file: the heap of a process as nodes, edges, types and what the tool said about the
 * process. Nothing here knows snapshots.
 *
 * GCHeapDump { MemoryGraph { sum of sizes, root, types, labels of nodes, nodes, addresses }, ... }
 * in a stream of FastSerialization. A node is a row of packed numbers: 2 * type, + 1 where its size
 * follows (else all of its type are of one size), the number of its children, and each child as the
 * difference to the node's own number. Source: GCHeapDump.cs, graph.cs and MemoryGraph.cs of
 * PerfView, which dotnet-gcdump copies; versions 4 to 10 of GCHeapDump (there is no 8), 0 and 1 of
 * the graph.
 */
#ifndef DUMPDIFF_INPUT_GCDUMP_GCDUMP_FILE_H
#define DUMPDIFF_INPUT_GCDUMP_GCDUMP_FILE_H

#include "base/arena.h"
#include "input/gcdump/fast_serialization.h"

struct gcdump_type {
    struct str name, module; /* as written: with the range of sizes, with folders */
    uint32_t size;           /* [bytes] of objects that say nothing else; beyond 2^31: of none */
    uint32_t id;             /* deferred: token of a type whose name is in its module alone */
    bool deferred;
};

struct gcdump_segment {
    uint64_t start, end;
    uint64_t gen_end[5]; /* gen0, gen1, gen2, large, pinned */
};

struct gcdump_file {
    struct bytes in;
    struct arena arena; /* owns the tables */
    uint32_t version;   /* of GCHeapDump */
    uint64_t total_bytes;
    uint32_t root;
    struct gcdump_type *types;
    uint32_t type_count;
    uint32_t node_count;
    const uint8_t *labels;                   /* node_count of 4 bytes: offsets in nodes */
    struct bytes nodes;                      /* cut to what is there */
    uint64_t nodes_missing;                  /* [bytes] that the file does not have */
    uint64_t pointer_bytes;                  /* 0: not known */
    float count_multiplier, size_multiplier; /* 1: all objects are there */
    const uint8_t *type_multipliers;         /* float each; NULL: none */
    uint32_t type_multiplier_count;
    struct gcdump_segment *segments;
    uint32_t segment_count;
    struct str log, machine, process, tool; /* ptr NULL: not said */
    uint64_t ticks; /* [100 ns since year 1] by the clock on the wall of the machine; 0: not said */
    uint32_t pid;
    uint64_t commit_bytes, working_set_bytes; /* of the process; 0: not said */
    const char *cut; /* static text: what could not be read any more; NULL: nothing */
};

/*
 * The bytes are borrowed. What the graph itself is told in must be there; what stands behind may be
 * missing (see cut). To be closed either way. Errors: ERR_FORMAT, ERR_TRUNCATED, ERR_UNSUPPORTED,
 * ERR_LIMIT, ERR_NOMEM.
 */
bool gcdump_open(struct gcdump_file *f, struct bytes in, struct err *err) MUST_CHECK;
void gcdump_close(struct gcdump_file *f);

float gcdump_type_multiplier(const struct gcdump_file *f, uint32_t type);

/* -- Nodes ------------------------------------------------------------------------------------- */

/* A node while it is read. */
struct gcdump_node {
    uint32_t type, size;
    uint32_t number, child_count; /* children not read yet */
    const uint8_t *at, *end;
};

/* Packed big-endian, seven bits a byte, the first one with a sign. False: it is not there. */
static inline bool gcdump_int(const uint8_t **at, const uint8_t *end, int32_t *ret_value) {
    const uint8_t *p = *at;
    if (p >= end)
        return false;
    uint32_t value = ((*p & 0x7fu) ^ 0x40u) - 0x40u;
    for (unsigned more = 4; *p++ & 0x80; more--) {
        if (p >= end || more == 0)
            return false;
        value = value << 7 | (*p & 0x7f);
    }
    *at = p;
    *ret_value = (int32_t)value;
    return true;
}

/* False: broken, or not in the file. number is below node_count. */
static inline bool gcdump_node(const struct gcdump_file *f, uint32_t number,
                               struct gcdump_node *n) {
    uint32_t label = load_u32(f->labels + (size_t)number * 4);
    int32_t type_and_size, size = 0, children;
    if (label >= f->nodes.size)
        return false;
    n->at = f->nodes.data + label;
    n->end = f->nodes.data + f->nodes.size;
    n->number = number;
    if (!gcdump_int(&n->at, n->end, &type_and_size))
        return false;
    n->type = (uint32_t)type_and_size >> 1;
    if (type_and_size < 0 || n->type >= f->type_count)
        return false;
    if (type_and_size & 1) {
        if (!gcdump_int(&n->at, n->end, &size))
            return false;
    } else {
        size = (int32_t)f->types[n->type].size;
    }
    if (!gcdump_int(&n->at, n->end, &children) || children < 0 || size < 0 ||
        children > n->end - n->at)
        return false;
    n->size = (uint32_t)size;
    n->child_count = (uint32_t)children;
    return true;
}

/* The next child. False: no more, or (child_count is not 0 then) the rest is broken. */
static inline bool gcdump_child(const struct gcdump_file *f, struct gcdump_node *n,
                                uint32_t *ret_child) {
    int32_t difference;
    if (n->child_count == 0 || !gcdump_int(&n->at, n->end, &difference))
        return false;
    uint32_t child = n->number + (uint32_t)difference;
    if (child >= f->node_count)
        return false;
    n->child_count--;
    *ret_child = child;
    return true;
}

#endif
