/*
 * What nodes and edges of a heap snapshot are called.
 *
 * Nodes are grouped as DevTools does: objects and native ones by their constructor, all others by
 * their kind, "(string)" and "(array)", so that no name is what a string holds. Closures are told
 * apart by their function and where it stands: "(closure) onPrice market.js:41"; all rows that
 * begin so are what DevTools counts as closures. Edges are the names of properties and variables;
 * keys of what is a table rather than an object are "[]".
 */
#ifndef DUMPDIFF_NODE_HEAPSNAPSHOT_NAMES_H
#define DUMPDIFF_NODE_HEAPSNAPSHOT_NAMES_H

#include "base/arena.h"
#include "base/hash.h"
#include "model/parts.h"
#include "node/heapsnapshot_file.h"

struct heapsnapshot_type {
    const char *name;                /* NULL: a closure whose script is not known yet */
    struct cell all;                 /* objects in the heap */
    uint64_t script, line, function; /* of a closure; function: number of a string */
    uint32_t sample;                 /* one of them: number of a node */
};

#define LABEL_ELEMENT  0u /* "[]" */
#define LABEL_WEAK_MAP 1u
/* Labels that are told apart; others are "[]". */
#define LABELS_MOST 1000000u

struct heapsnapshot_names {
    const struct heapsnapshot *s; /* borrowed */
    struct arena arena;
    struct heapsnapshot_type *types;
    uint32_t type_count, type_room;
    uint32_t *type_of_string; /* of constructors, + 1; 0: not asked for yet */
    uint32_t type_of_kind[HEAPSNAPSHOT_KINDS_MOST + 1]; /* + 1 */
    struct strmap type_of_name;
    const char **labels;
    uint32_t label_count, label_room;
    uint32_t *label_of_string; /* + 1 */
    struct strmap label_of_text;
    struct strbuf text;
    bool nomem; /* sticks; what is asked for is then the first of its kind */
};

/* To be closed either way. Errors: ERR_NOMEM. */
bool heapsnapshot_names_open(struct heapsnapshot_names *n, const struct heapsnapshot *s,
                             struct err *err) MUST_CHECK;
void heapsnapshot_names_close(struct heapsnapshot_names *n);

/* Where a function stands, from its first line 0; HEAPSNAPSHOT_END: not known. */
struct heapsnapshot_place {
    uint64_t node, script, line;
};

/* The type of a node; place is that of a closure. */
uint32_t heapsnapshot_type(struct heapsnapshot_names *n, const uint64_t *node, uint64_t number,
                           const struct heapsnapshot_place *place);

/*
 * Names the closures, by way of what one of each script refers to. Errors: ERR_NOMEM.
 */
bool heapsnapshot_name_closures(struct heapsnapshot_names *n, struct heapsnapshot_index *x,
                                struct err *err) MUST_CHECK;

/* The label of an edge that is named by a string. */
uint32_t heapsnapshot_label_new(struct heapsnapshot_names *n, uint64_t string);
static inline uint32_t heapsnapshot_label(struct heapsnapshot_names *n, uint64_t string) {
    uint32_t known = string < n->s->string_count ? n->label_of_string[string] : LABEL_ELEMENT + 1;
    return known ? known - 1 : heapsnapshot_label_new(n, string);
}

/*
 * Is this edge, one with LABEL_WEAK_MAP, the one out of the table `id`? Its key holds the value as
 * well: DevTools goes by the key, too.
 */
bool heapsnapshot_is_of_table(const struct heapsnapshot_names *n, uint64_t string, uint64_t id);

/* Is it the global object, whose properties are the names of variables however many? */
bool heapsnapshot_is_global(const struct heapsnapshot *s, const uint64_t *node);

#endif
