/*
 * Makes heaps for the benchmarks, the same bytes on every machine:
 *
 *   heap.gcdump  1,000,000 objects of 2,000 types: records of a list, each with three objects
 *   heap.hprof   512 MiB and its table: 11 million objects of a Java heap, records that a static
 *                field holds, each with a text and an array of others that it knows
 *
 * usage: make_heaps FOLDER
 */
#include "base/file.h"
#include "base/vec.h"
#include "input/gcdump/fast_serialization.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS     250000u
#define TYPES       2000u
#define HPROF_BYTES ((size_t)512 << 20)

static void make_heaps_put(struct strbuf *out, uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; i++)
        strbuf_addc(out, (char)(value >> 8 * i));
}

static bool make_heaps_put_file(const char *folder, const char *name, const struct strbuf *data) {
    char path[4096];
    struct err err = {.msg = "out of memory"};
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    bool ok = !strbuf_failed(data) && file_write(path, fit_bytes(strbuf_str(data)), &err);
    if (!ok)
        fprintf(stderr, "make_heaps: %s: %s\n", path, err.msg);
    return ok;
}

/* -- .gcdump ----------------------------------------------------------------------------------- */

static void make_heaps_put_string(struct strbuf *out, const char *text) {
    make_heaps_put(out, strlen(text), 4);
    strbuf_adds(out, text);
}

static void make_heaps_begin_object(struct strbuf *out, const char *type, unsigned version) {
    make_heaps_put(out, FS_BEGIN_OBJECT, 1);
    make_heaps_put(out, FS_BEGIN_OBJECT, 1);
    make_heaps_put(out, FS_NULL_REFERENCE, 1);
    make_heaps_put(out, version, 4);
    make_heaps_put(out, version == 10 ? 8 : 0, 4);
    make_heaps_put_string(out, type);
    make_heaps_put(out, FS_END_OBJECT, 1);
}

static void make_heaps_put_packed(struct strbuf *out, int32_t value) {
    unsigned bytes = 1;
    while (bytes < 5 && (value < -(64 << 7 * (bytes - 1)) || value >= 64 << 7 * (bytes - 1)))
        bytes++;
    while (bytes-- > 0)
        strbuf_addc(out, (char)((value >> 7 * bytes & 0x7f) | (bytes ? 0x80 : 0)));
}

struct graph {
    struct strbuf nodes, labels, addresses;
    uint32_t count;
    uint64_t bytes;
};

/* size 0: a group of roots. Its children follow. */
static void make_heaps_put_node(struct graph *g, uint32_t type, uint32_t size, uint32_t children) {
    make_heaps_put(&g->labels, g->nodes.len, 4);
    make_heaps_put(&g->addresses, 0x100000000 + (uint64_t)g->count * 40, 8);
    make_heaps_put_packed(&g->nodes, (int32_t)(type << 1 | 1));
    make_heaps_put_packed(&g->nodes, (int32_t)size);
    make_heaps_put_packed(&g->nodes, (int32_t)children);
    g->bytes += size;
    g->count++;
}

static void fill_graph(struct graph *g) {
    make_heaps_put_node(g, 0, 0, 1);
    make_heaps_put_packed(&g->nodes, 1);
    make_heaps_put_node(g, 1, 0, 1);
    make_heaps_put_packed(&g->nodes, 1);
    make_heaps_put_node(g, 2, 24 + 8 * RECORDS, RECORDS);
    for (uint32_t i = 0; i < RECORDS; i++)
        make_heaps_put_packed(&g->nodes, (int32_t)(1 + 4 * i));
    for (uint32_t i = 0; i < RECORDS; i++) {
        make_heaps_put_node(g, 5 + i % (TYPES - 5), 48, 3);
        for (int k = 1; k <= 3; k++)
            make_heaps_put_packed(&g->nodes, k);
        make_heaps_put_node(g, 3, 22 + 2 * (i % 40), 0);
        make_heaps_put_node(g, 4, 24 + i % 1000, 0);
        make_heaps_put_node(g, 5 + i * 7 % (TYPES - 5), 32, 1);
        make_heaps_put_packed(&g->nodes,
                              -(int32_t)(1 + i % 3)); /* back to the record or its parts */
    }
}

static void make_heaps_put_types(struct strbuf *out) {
    static const char *const names[] = {"[.NET Roots]", "[static var Store.All.records]",
                                        "Store.Record[] (Bytes > 1M)", "System.String",
                                        "System.Byte[]"};
    make_heaps_put(out, TYPES, 4);
    for (unsigned i = 0; i < TYPES; i++) {
        char name[128];
        snprintf(name, sizeof(name), "Store.Area%u.Record<System.Int64,Store.Key%u>", i % 20, i);
        make_heaps_put_string(out, i < 5 ? names[i] : name);
        make_heaps_put(out, i < 2 ? 0 : 24, 4);
        make_heaps_put_string(out, i < 5 ? "/usr/lib/dotnet/System.Private.CoreLib.dll"
                                         : "/srv/store.dll");
    }
}

static bool put_gcdump(const char *folder) {
    struct graph g = {.count = 0};
    struct strbuf out;
    strbuf_init(&g.nodes);
    strbuf_init(&g.labels);
    strbuf_init(&g.addresses);
    strbuf_init(&out);
    fill_graph(&g);
    make_heaps_put_string(&out, "!FastSerialization.1");
    make_heaps_begin_object(&out, "GCHeapDump", 10);
    make_heaps_begin_object(&out, "Graphs.MemoryGraph", 1);
    make_heaps_put(&out, g.bytes, 8);
    make_heaps_put(&out, 0, 4);
    make_heaps_put_types(&out);
    make_heaps_put(&out, g.count, 4);
    strbuf_add(&out, strbuf_str(&g.labels));
    make_heaps_put(&out, g.nodes.len, 4);
    strbuf_add(&out, strbuf_str(&g.nodes));
    make_heaps_put(&out, g.count, 4);
    strbuf_add(&out, strbuf_str(&g.addresses));
    make_heaps_put(&out, FS_BYTE | 1 << 8, 2);
    make_heaps_put(&out, FS_END_OBJECT, 1);
    make_heaps_put(&out, 1, 1);
    make_heaps_put(&out, 0x3f8000003f800000u, 8); /* multipliers: 1 */
    make_heaps_put(&out, FS_NULL_REFERENCE | FS_NULL_REFERENCE << 8, 2);
    make_heaps_put(&out, UINT32_MAX, 4);
    make_heaps_put(&out, 0, 8);
    make_heaps_put(&out, UINT64_MAX, 8); /* no machine, no process */
    make_heaps_put(&out, 0, 4);
    make_heaps_put(&out, 0, 8);
    make_heaps_put(&out, 0, 8);
    make_heaps_put(&out, 0, 4);
    make_heaps_put(&out, FS_SKIP_REGION, 1);
    make_heaps_put(&out, 0, 4);
    make_heaps_put(&out, FS_NULL_REFERENCE, 1);
    size_t forward = out.len;
    make_heaps_put(&out, FS_END_OBJECT | FS_END_OBJECT << 8, 2);
    size_t table = out.len;
    make_heaps_put(&out, 1, 4);
    make_heaps_put(&out, forward, 4);
    make_heaps_put(&out, table, 4);
    make_heaps_put(&out, table + 8, 4);
    bool ok = !strbuf_failed(&g.nodes) && !strbuf_failed(&g.labels) &&
              !strbuf_failed(&g.addresses) && make_heaps_put_file(folder, "heap.gcdump", &out);
    strbuf_deinit(&g.nodes);
    strbuf_deinit(&g.labels);
    strbuf_deinit(&g.addresses);
    strbuf_deinit(&out);
    return ok;
}

/* -- HPROF ------------------------------------------------------------------------------------- */

static void put_be(struct strbuf *out, uint64_t value, unsigned size) {
    while (size-- > 0)
        strbuf_addc(out, (char)(value >> 8 * size));
}

static void put_zeros(struct strbuf *out, unsigned count) {
    static const char zeros[256];
    strbuf_add(out, (struct str){zeros, count});
}

#define CLASSES    3000u
#define CHUNK      1024u /* records of a chunk of the table */
#define CLASS_STEP 104u
#define CLASS_BASE UINT64_C(0x100000)
/* The class with the table, that of arrays, and the first of those of records. */
enum { STORE, OBJECTS, RECORD };
/* Ids of strings that name fields, and of those that name classes from there on. */
enum { NAME_TABLE = 0x6000, NAME_ID, NAME_ITEMS, NAME_TEXT, NAME_CLASSES };

static uint64_t class_id(unsigned number) {
    return CLASS_BASE + (uint64_t)number * CLASS_STEP;
}

static void put_record(struct strbuf *out, unsigned tag, size_t bytes) {
    put_be(out, tag, 1);
    put_be(out, 0, 4);
    put_be(out, bytes, 4);
}

static void make_heaps_put_name(struct strbuf *out, uint64_t id, const char *name) {
    put_record(out, 1, 8 + strlen(name));
    put_be(out, id, 8);
    strbuf_adds(out, name);
}

static void put_classes(struct strbuf *out) {
    make_heaps_put_name(out, NAME_TABLE, "table");
    make_heaps_put_name(out, NAME_ID, "id");
    make_heaps_put_name(out, NAME_ITEMS, "items");
    make_heaps_put_name(out, NAME_TEXT, "text");
    for (unsigned i = 0; i < CLASSES; i++) {
        char name[64];
        snprintf(name, sizeof(name), "store/area%u/Record%u", i % 20, i);
        make_heaps_put_name(out, NAME_CLASSES + i,
                            i == STORE     ? "store/Store"
                            : i == OBJECTS ? "[Ljava/lang/Object;"
                                           : name);
        put_record(out, 2, 24);
        put_be(out, i + 1, 4);
        put_be(out, class_id(i), 8);
        put_be(out, 0, 4);
        put_be(out, NAME_CLASSES + i, 8);
    }
}

static void put_class_dumps(struct strbuf *out, uint64_t table) {
    for (unsigned i = 0; i < CLASSES; i++) {
        put_be(out, 0x20, 1);
        put_be(out, class_id(i), 8);
        put_zeros(out, 4 + 6 * 8 + 4 + 2);
        put_be(out, i == STORE, 2);
        if (i == STORE) {
            put_be(out, NAME_TABLE, 8);
            put_be(out, 2, 1);
            put_be(out, table, 8);
        }
        put_be(out, i < RECORD ? 0 : 3, 2);
        for (unsigned k = 0; k < (i < RECORD ? 0 : 3); k++) {
            put_be(out, NAME_ID + k, 8);
            put_be(out, k ? 2 : 10, 1);
        }
    }
}

/* Its header; the ids that it holds are the caller's. [bytes] of the object. */
static uint64_t put_objects(struct strbuf *out, uint64_t address, unsigned count) {
    put_be(out, 0x22, 1);
    put_be(out, address, 8);
    put_be(out, 0, 4);
    put_be(out, count, 4);
    put_be(out, class_id(OBJECTS), 8);
    return 16 + (count * 4 + 7) / 8 * 8;
}

struct records {
    uint64_t *addresses;
    unsigned count, room;
    uint64_t next; /* address */
};

/* An object, the array of what it knows (its neighbour, and any others), and its text. */
static bool make_heaps_put_record(struct strbuf *out, struct records *r) {
    unsigned i = r->count, known = i % 4;
    if (!VEC_ROOM(r->addresses, r->count, r->room, NULL))
        return false;
    uint64_t items = r->next + 24, text = items + 16 + (known * 4 + 7) / 8 * 8;
    r->addresses[r->count++] = r->next;
    put_be(out, 0x21, 1);
    put_be(out, r->next, 8);
    put_be(out, 0, 4);
    put_be(out, class_id(RECORD + i * 7919u % (CLASSES - RECORD)), 8);
    put_be(out, 20, 4);
    put_be(out, i, 4);
    put_be(out, items, 8);
    put_be(out, text, 8);
    (void)put_objects(out, items, known);
    for (unsigned k = 0; k < known; k++)
        put_be(out, r->addresses[k ? (i * 104729u + k) % (i + 1) : i - 1], 8);
    put_be(out, 0x23, 1);
    put_be(out, text, 8);
    put_be(out, 0, 4);
    put_be(out, i % 50, 4);
    put_be(out, 8, 1);
    put_zeros(out, i % 50);
    r->next = text + (16 + i % 50 + 7) / 8 * 8;
    return true;
}

static size_t make_heaps_begin_segment(struct strbuf *out) {
    put_record(out, 0x1c, 0);
    return out->len;
}

static void make_heaps_end_segment(struct strbuf *out, size_t begin) {
    for (unsigned k = 0; k < 4 && !strbuf_failed(out); k++)
        out->ptr[begin - 4 + k] = (char)((out->len - begin) >> 8 * (3 - k));
}

/* The chunks of the table, and the table. Its address. */
static uint64_t make_heaps_put_table(struct strbuf *out, const struct records *r) {
    uint64_t at = r->next, first = at;
    unsigned chunks = (r->count + CHUNK - 1) / CHUNK;
    for (unsigned c = 0; c < chunks; c++) {
        unsigned count = r->count - c * CHUNK < CHUNK ? r->count - c * CHUNK : CHUNK;
        at += put_objects(out, at, count);
        for (unsigned k = 0; k < count; k++)
            put_be(out, r->addresses[c * CHUNK + k], 8);
    }
    (void)put_objects(out, at, chunks);
    for (unsigned c = 0; c < chunks; c++)
        put_be(out, first + c * (16 + CHUNK * 4), 8);
    return at;
}

static bool put_hprof(const char *folder) {
    struct strbuf out;
    struct records records = {.next = 0x700000000};
    strbuf_init(&out);
    strbuf_add(&out, (struct str){"JAVA PROFILE 1.0.2", 19});
    put_be(&out, 8, 4);
    put_be(&out, 1735637700000u, 8);
    put_classes(&out);
    bool ok = true;
    while (ok && out.len < HPROF_BYTES && !strbuf_failed(&out)) {
        size_t begin = make_heaps_begin_segment(&out);
        while (ok && out.len < begin + ((size_t)1 << 20) && !strbuf_failed(&out))
            ok = make_heaps_put_record(&out, &records);
        make_heaps_end_segment(&out, begin);
    }
    size_t begin = make_heaps_begin_segment(&out);
    uint64_t table = make_heaps_put_table(&out, &records);
    put_class_dumps(&out, table);
    put_be(&out, 0x05, 1); /* root: a class of the system */
    put_be(&out, class_id(STORE), 8);
    make_heaps_end_segment(&out, begin);
    put_record(&out, 0x2c, 0);
    ok = ok && make_heaps_put_file(folder, "heap.hprof", &out);
    free(records.addresses);
    strbuf_deinit(&out);
    return ok;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fputs("usage: make_heaps FOLDER\n", stderr);
        return 2;
    }
    return put_gcdump(argv[1]) && put_hprof(argv[1]) ? 0 : 1;
}
