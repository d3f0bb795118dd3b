/*
 * .heapsnapshot: the heap of V8 as JSON (v8.writeHeapSnapshot, --heapsnapshot-signal, Chrome).
 *
 *   {"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count",...],
 *                        "node_types":[["hidden","array","string",...],"string","number",...],
 *                        "edge_fields":["type","name_or_index","to_node"],
 *                        "edge_types":[["context","element",...],"string_or_number","node"],
 *                        "location_fields":["object_index","script_id","line","column"],...},
 *                "node_count":81681,"edge_count":323089,...},
 *    "nodes":[9,1,1,0,5,0,0, ...],      so many numbers a node as it has fields
 *    "edges":[1,1,7, ...],              of node after node, as many as its edge_count says;
 *                                       to_node is the place of its first number in "nodes"
 *    "locations":[...], ..., "strings":["<dummy>","", ...]}     names are numbers of strings
 *
 * All of it stays where it is: nodes and edges are read side by side from one end to the other, and
 * every sixteenth place is remembered for whoever asks for a single one. Strings are found by their
 * place, and never copied as such: the name of a string is what it holds.
 *
 * Source: heap-snapshot-generator.cc of V8, HeapSnapshotJSONSerializer.
 */
#ifndef DUMPDIFF_NODE_HEAPSNAPSHOT_FILE_H
#define DUMPDIFF_NODE_HEAPSNAPSHOT_FILE_H

#include "base/bytes.h"
#include "base/str.h"

enum heapsnapshot_kind {             /* of nodes */
                         NODE_OTHER, /* that we have no word for: see heapsnapshot.kind_names */
                         NODE_HIDDEN,
                         NODE_CODE,
                         NODE_OBJECT,
                         NODE_NATIVE,
                         NODE_CLOSURE,
                         NODE_STRING,
                         NODE_SYNTHETIC
};

enum heapsnapshot_edge_kind {
    EDGE_NAMED, /* name_or_index is a string */
    EDGE_INDEXED,
    EDGE_SHORTCUT,
    EDGE_WEAK
};

/* Fields of a node or edge, kinds of either: more are not believed. */
#define HEAPSNAPSHOT_FIELDS_MOST 16u
#define HEAPSNAPSHOT_KINDS_MOST  64u
/* A field that the file does not have. */
#define HEAPSNAPSHOT_NO_FIELD HEAPSNAPSHOT_FIELDS_MOST
/* No number. */
#define HEAPSNAPSHOT_END UINT64_MAX

struct heapsnapshot {
    /* Places of the fields. */
    uint8_t node_fields, type, name, id, self_size, edge_count, detachedness, trace_node;
    uint8_t edge_fields, edge_type, edge_name, edge_to;
    uint8_t location_fields, location_node, location_script, location_line;
    uint8_t info_fields, info_name, info_script, info_line; /* trace_function_infos */
    uint8_t trace_fields, trace_id, trace_info, trace_count, trace_size, trace_children;
    uint8_t kinds[HEAPSNAPSHOT_KINDS_MOST], edge_kinds[HEAPSNAPSHOT_KINDS_MOST];
    struct str kind_names[HEAPSNAPSHOT_KINDS_MOST];
    uint32_t kind_count, edge_kind_count;
    uint64_t stated_nodes, stated_edges; /* [count] HEAPSNAPSHOT_END: not said */
    uint64_t extra_native_bytes;         /* HEAPSNAPSHOT_END: not said */
    /* What stands between their brackets; each is followed by one. Empty: not there. */
    struct str nodes, edges, locations, infos, trace;
    uint32_t node_count; /* that there is room for */
    struct str strings;  /* behind the bracket */
    uint64_t *string_at; /* of each, behind its quote; [bytes] in `strings` */
    uint32_t string_count, string_room;
    bool strings_cut; /* the file ends among them */
    bool cut;         /* what comes is no JSON, or the file ends */
};

bool heapsnapshot_probe(struct bytes head);

/*
 * Finds the sections. The bytes are borrowed. To be closed either way. Errors: ERR_FORMAT,
 * ERR_TRUNCATED, ERR_UNSUPPORTED, ERR_LIMIT, ERR_NOMEM.
 */
bool heapsnapshot_open(struct heapsnapshot *s, struct bytes in, struct err *err) MUST_CHECK;
void heapsnapshot_close(struct heapsnapshot *s);

/* A string as it stands in the file, its escapes in it; empty: there is none of that number. */
struct str heapsnapshot_string(const struct heapsnapshot *s, uint64_t number);

/*
 * The next number of a section, HEAPSNAPSHOT_END: there is none, or it is too large. What comes
 * then stays where it is. A bracket stands behind every section, so that no end is looked for.
 */
static inline uint64_t heapsnapshot_number(const char **at) {
    const char *p = *at;
    unsigned digit;
    while ((digit = (unsigned)(*p - '0')) > 9) {
        if (*p != ',' && *p != '\n' && *p != ' ' && *p != '\r' && *p != '\t')
            return HEAPSNAPSHOT_END;
        p++;
    }
    uint64_t value = digit;
    const char *first = p++;
    while ((digit = (unsigned)(*p - '0')) <= 9) {
        value = value * 10 + digit;
        p++;
    }
    if (p - first > 18 || *p == '.' || *p == 'e' || *p == 'E')
        return HEAPSNAPSHOT_END;
    *at = p;
    return value;
}

/* Numbers of one node, edge or location. false: they are not all there. */
static inline bool heapsnapshot_numbers(const char **at, unsigned count, uint64_t *ret) {
    for (unsigned i = 0; i < count; i++)
        if ((ret[i] = heapsnapshot_number(at)) == HEAPSNAPSHOT_END)
            return false;
    return true;
}

/*
 * The same, for who reads a hundred million: written as V8 writes them, with a comma between two
 * and nothing else but the end of a line in front. Anything else is left to heapsnapshot_numbers.
 */
static inline __attribute__((always_inline)) bool
heapsnapshot_record(const char **at, unsigned count, uint64_t *ret) {
    const char *p = *at;
    p += *p == '\n';
    p += *p == ',';
    for (unsigned i = 0; i < count; i++, p++) {
        const char *first = p;
        uint64_t value = 0;
        unsigned digit;
        for (; (digit = (unsigned)(*p - '0')) <= 9; p++)
            value = value * 10 + digit;
        ret[i] = value;
        if ((size_t)(p - first) - 1 > 17 || (i + 1 < count && *p != ',') || *p == '.' || *p == 'e')
            return heapsnapshot_numbers(at, count, ret);
    }
    *at = p - 1;
    return true;
}

/* Which node the place of its first number is; UINT64_MAX: of none. */
static inline uint64_t heapsnapshot_node_of(const struct heapsnapshot *s, uint64_t place) {
    /* The two counts that V8 has written for ten years: a multiplication instead of a division. */
    uint64_t node = s->node_fields == 7   ? place / 7
                    : s->node_fields == 6 ? place / 6
                                          : place / s->node_fields;
    return node * s->node_fields == place && node < s->node_count ? node : UINT64_MAX;
}

static inline unsigned heapsnapshot_kind(const struct heapsnapshot *s, const uint64_t *node) {
    uint64_t type = node[s->type];
    return type < s->kind_count ? s->kinds[type] : NODE_OTHER;
}

static inline unsigned heapsnapshot_edge_kind(const struct heapsnapshot *s, const uint64_t *edge) {
    uint64_t type = edge[s->edge_type];
    return type < s->edge_kind_count ? s->edge_kinds[type] : EDGE_WEAK;
}

/* -- Single ones ------------------------------------------------------------------------------- */

#define HEAPSNAPSHOT_STRIDE 16u

/* Where every sixteenth node and its edges begin. All zero is one of no nodes. */
struct heapsnapshot_index {
    const struct heapsnapshot *s; /* borrowed */
    const char **nodes, **edges;
    uint32_t count;  /* [count] of nodes that it knows of */
    uint64_t budget; /* [count] of numbers that may be passed over to find edges */
};

/* The numbers of a node, and where its edges begin, NULL: they are not asked for. false: there is
 * no such node, or the budget is spent. */
bool heapsnapshot_find(struct heapsnapshot_index *x, uint64_t node, uint64_t *ret_node,
                       const char **ret_edges);

#endif
