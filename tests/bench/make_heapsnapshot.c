/*
 * Makes a heap snapshot of V8 for the benchmarks, the same bytes on every machine:
 *
 *   heap.heapsnapshot  some 450 MB: 5.4 million nodes and 19 million edges as Node 20 writes them,
 *                      records of a list, each with a text, a list of its own and others that it
 *                      knows. Shorter than the longest string of V8, so that JSON.parse reads it.
 *
 * usage: make_heapsnapshot FOLDER
 */
#include "base/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RECORDS 1350000u
/* Of a record: itself, its text, its list, and the elements of that. */
#define PARTS   4u
#define CLASSES 400u
#define KNOWN   6u
/* Fields of a node. */
#define FIELDS 7u
/* Nodes before the records: the root, the global object, the list, its elements, the map. */
#define FIRST 5u

/* Numbers of kinds, as the lists in the head have them. */
enum { HIDDEN, ARRAY, STRING, OBJECT, SYNTHETIC = 9, SHAPE = 14 };
enum { CONTEXT, ELEMENT, PROPERTY, INTERNAL };
/* Numbers of strings. */
enum {
    EMPTY,
    GLOBAL,
    RECORDS_NAME,
    ARRAY_NAME,
    NO_NAME,
    MAP,
    ELEMENTS,
    NAME,
    ITEMS,
    NEXT,
    NUMBERS,
    WORDS = NUMBERS + KNOWN
};

static const char head[] =
    "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\","
    "\"edge_count\",\"trace_node_id\",\"detachedness\"],\"node_types\":[[\"hidden\",\"array\","
    "\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\",\"native\",\"synthetic\","
    "\"concatenated string\",\"sliced string\",\"symbol\",\"bigint\",\"object shape\"],\"string\","
    "\"number\",\"number\",\"number\",\"number\",\"number\"],\"edge_fields\":[\"type\","
    "\"name_or_index\",\"to_node\"],\"edge_types\":[[\"context\",\"element\",\"property\","
    "\"internal\",\"hidden\",\"shortcut\",\"weak\"],\"string_or_number\",\"node\"],"
    "\"trace_function_info_fields\":[\"function_id\",\"name\",\"script_name\",\"script_id\","
    "\"line\",\"column\"],\"trace_node_fields\":[\"id\",\"function_info_index\",\"count\","
    "\"size\",\"children\"],\"sample_fields\":[\"timestamp_us\",\"last_assigned_id\"],"
    "\"location_fields\":[\"object_index\",\"script_id\",\"line\",\"column\"]},";

struct nodes {
    struct strbuf text;
    uint32_t count, edges;
};

static void make_heapsnapshot_put_node(struct nodes *n, unsigned kind, uint32_t name,
                                       uint32_t bytes, uint32_t edges) {
    strbuf_addf(&n->text, "%s%u,%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",0,0\n",
                n->count ? "," : "", kind, name, 2 * n->count + 1, bytes, edges);
    n->count++;
    n->edges += edges;
}

static void put_all_nodes(struct nodes *n) {
    make_heapsnapshot_put_node(n, SYNTHETIC, EMPTY, 0, 1);
    make_heapsnapshot_put_node(n, OBJECT, GLOBAL, 32, 1);
    make_heapsnapshot_put_node(n, OBJECT, ARRAY_NAME, 16, 2 + RECORDS);
    make_heapsnapshot_put_node(n, ARRAY, NO_NAME, 16 + 8 * RECORDS, 0);
    make_heapsnapshot_put_node(n, SHAPE, MAP, 72, 0);
    for (uint32_t i = 0; i < RECORDS; i++) {
        make_heapsnapshot_put_node(n, OBJECT, WORDS + i % CLASSES, 48, 4);
        make_heapsnapshot_put_node(n, STRING, WORDS + CLASSES + i, 32, 1);
        make_heapsnapshot_put_node(n, OBJECT, ARRAY_NAME, 16, 2);
        make_heapsnapshot_put_node(n, ARRAY, NO_NAME, 16 + 8 * KNOWN, KNOWN);
    }
}

static void make_heapsnapshot_put_edge(struct strbuf *out, unsigned kind, uint32_t name,
                                       uint32_t to) {
    strbuf_addf(out, ",%u,%" PRIu32 ",%" PRIu32 "\n", kind, name, to * FIELDS);
}

static uint32_t node_of_record(uint64_t number) {
    return FIRST + PARTS * (uint32_t)(number % RECORDS);
}

static void put_all_edges(struct strbuf *out) {
    strbuf_addf(out, "%u,%u,%u\n", ELEMENT, 1, FIELDS);
    make_heapsnapshot_put_edge(out, PROPERTY, RECORDS_NAME, 2);
    make_heapsnapshot_put_edge(out, INTERNAL, MAP, 4);
    make_heapsnapshot_put_edge(out, INTERNAL, ELEMENTS, 3);
    for (uint32_t i = 0; i < RECORDS; i++)
        make_heapsnapshot_put_edge(out, ELEMENT, i, node_of_record(i));
    for (uint32_t i = 0; i < RECORDS; i++) {
        make_heapsnapshot_put_edge(out, INTERNAL, MAP, 4);
        make_heapsnapshot_put_edge(out, PROPERTY, NAME, node_of_record(i) + 1);
        make_heapsnapshot_put_edge(out, PROPERTY, ITEMS, node_of_record(i) + 2);
        make_heapsnapshot_put_edge(out, PROPERTY, NEXT, node_of_record(i + 1));
        make_heapsnapshot_put_edge(out, INTERNAL, MAP, 4);
        make_heapsnapshot_put_edge(out, INTERNAL, MAP, 4);
        make_heapsnapshot_put_edge(out, INTERNAL, ELEMENTS, node_of_record(i) + 3);
        for (uint32_t k = 0; k < KNOWN; k++)
            make_heapsnapshot_put_edge(out, INTERNAL, NUMBERS + k,
                                       node_of_record((uint64_t)i * 7919 + k * 104729));
    }
}

static void put_strings(struct strbuf *out) {
    static const char *const words[NUMBERS] = {"",    "global",   "records", "Array", "",
                                               "map", "elements", "name",    "items", "next"};
    for (unsigned i = 0; i < NUMBERS; i++)
        strbuf_addf(out, "%s\"%s\"", i ? ",\n" : "", words[i]);
    for (unsigned i = 0; i < KNOWN; i++)
        strbuf_addf(out, ",\n\"%u\"", i);
    for (unsigned i = 0; i < CLASSES; i++)
        strbuf_addf(out, ",\n\"Record%03u\"", i);
    for (uint32_t i = 0; i < RECORDS; i++)
        strbuf_addf(out, ",\n\"record %" PRIu32 " of the \\\"store\\\", as its customers call it\"",
                    i);
}

static bool make_heapsnapshot(const char *folder) {
    struct nodes nodes = {.count = 0};
    struct strbuf out;
    struct err err = {.msg = "out of memory"};
    char path[4096];
    strbuf_init(&nodes.text);
    strbuf_init(&out);
    put_all_nodes(&nodes);
    strbuf_adds(&out, head);
    strbuf_addf(&out,
                "\"node_count\":%" PRIu32 ",\"edge_count\":%" PRIu32
                ",\"trace_function_count\":0,\"extra_native_bytes\":0},\n\"nodes\":[",
                nodes.count, nodes.edges);
    strbuf_add(&out, strbuf_str(&nodes.text));
    strbuf_adds(&out, "],\n\"edges\":[");
    put_all_edges(&out);
    strbuf_adds(&out, "],\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n"
                      "\"locations\":[],\n\"strings\":[");
    put_strings(&out);
    strbuf_adds(&out, "]}");
    snprintf(path, sizeof(path), "%s/heap.heapsnapshot", folder);
    bool ok = !strbuf_failed(&nodes.text) && !strbuf_failed(&out) &&
              file_write(path, fit_bytes(strbuf_str(&out)), &err);
    if (!ok)
        fprintf(stderr, "make_heapsnapshot: %s: %s\n", path, err.msg);
    strbuf_deinit(&nodes.text);
    strbuf_deinit(&out);
    return ok;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fputs("usage: make_heapsnapshot FOLDER\n", stderr);
        return 2;
    }
    return make_heapsnapshot(argv[1]) ? 0 : 1;
}
