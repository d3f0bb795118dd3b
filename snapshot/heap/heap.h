/*
 * The heap of any runtime: what whoever reads it has to say of it, and what is made of that.
 *
 * A source fills a graph (objects and what they refer to), names the roots, and answers what types,
 * edges and roots are called. All else is done here, alike for all: what is live, who holds what,
 * what would be freed with what, which contents are there twice.
 */
#ifndef DUMPDIFF_HEAP_HEAP_H
#define DUMPDIFF_HEAP_HEAP_H

#include "base/bytes.h"
#include "heap/follow.h"
#include "model/parts.h"

struct answers;
struct builder;

/* Roots in the order in which a path is to be preferred. */
enum heap_group {
    GROUP_NAMED, /* static fields and the like */
    GROUP_HANDLES,
    GROUP_FINALIZER, /* objects ready for their finalizer */
    GROUP_STACKS,    /* may be stale: what only they hold is told apart */
    GROUP_CONDEMNED, /* what only they hold was found dead by who took the dump: not live */
    GROUP_UNHELD     /* what nothing else holds, see heap_source.unheld_root */
};

struct heap_root {
    uint64_t slot;  /* GRAPH_NOWHERE: not in the heap */
    uint32_t label; /* the source's number, for the name */
    enum heap_group group;
};

struct heap_roots {
    struct heap_root *items;
    uint32_t count, capacity;
};

/* Of an object of a type with GRAPH_TYPE_CONTENTS. */
struct heap_contents {
    struct bytes equal; /* what has to be equal: lengths and bounds, too */
    struct bytes data;  /* the elements */
    uint64_t length;    /* [count] of elements */
};

/* Where contents are copied to that cannot be lent. */
struct heap_buffer {
    uint8_t *data;
    size_t room;
};

struct heap_source {
    void *context;
    struct path_names names;
    /* Where the type is from; empty: not known. */
    struct str (*module)(void *context, uint32_t type);
    /* See follow_options; NULL is fine. */
    struct cell (*weigh)(void *context, uint32_t tag, uint64_t size_bytes);
    bool (*inside)(void *context, uint64_t slot);
    /*
     * Contents of an object, lent for as long as the buffer is left alone. False: not there.
     * NULL: no type has any.
     */
    bool (*contents)(void *context, const struct graph_object *object, struct heap_buffer *buffer,
                     struct heap_contents *ret);
    bool (*is_text)(void *context, uint32_t type); /* elements are units of UTF-16 */
    bool all_live;                                 /* what no root leads to is live, too */
    uint32_t unheld_root; /* label of the roots of those; holders are not told of it */
    bool sampled;         /* objects stand for others: single references are not to be had */
    /*
     * Groups (bits 1 << enum heap_group) that do not count as holders of what earlier groups reach:
     * handles that native code has for the moment, objects that have a finalizer.
     */
    uint32_t passing;
    uint64_t skipped_bytes; /* of heap that could not be read: see answer_holders */
};

struct heap {
    struct graph graph; /* filled by the source */
    const struct heap_source *source;
    struct heap_roots roots; /* by group */
    bool places;             /* they will be asked for: to be said before it is followed */
    struct follow follow;
    struct cell certain; /* live without what only stacks hold */
    struct cell unheld;  /* live by heap_source.unheld_root alone */
    struct cell *live;   /* of each type of the graph */
};

/* A heap of zeroes can be freed. */
void heap_deinit(struct heap *h);

/* Errors: ERR_NOMEM. Roots of a group come after those of the groups before it. */
bool heap_add_root(struct heap *h, uint64_t slot, uint32_t label, enum heap_group group,
                   struct err *err) MUST_CHECK;

/*
 * Finds out what is live. The graph is filled and the roots are there. answers says what will be
 * asked; NULL: nothing. Errors: ERR_NOMEM.
 */
bool heap_follow(struct heap *h, const struct answers *answers, struct err *err) MUST_CHECK;

/*
 * Fills PART_LIVE, PART_PATHS and the live columns of PART_TYPES, which is there already.
 *
 * all        objects of the heap that can be collected, live or not
 * permanent  those that cannot; bytes ABSENT: the source does not tell
 *
 * Errors: ERR_NOMEM, ERR_LIMIT.
 */
bool heap_report(struct heap *h, struct cell all, struct cell permanent, struct builder *b,
                 struct err *err) MUST_CHECK;

/*
 * Fills PART_PLACES. Uses up what the graph knows of references: to be called last. Errors:
 * ERR_NOMEM, ERR_LIMIT.
 */
bool heap_report_places(struct heap *h, struct builder *b, struct err *err) MUST_CHECK;

/*
 * Answers what is asked; b has the live columns of PART_TYPES. Errors: ERR_NOMEM, ERR_LIMIT,
 * ERR_USAGE (a pattern that is none).
 */
bool heap_answer(struct heap *h, struct builder *b, struct answers *a, struct err *err) MUST_CHECK;

/* Says why nothing of what is asked is answered where the graph was refused; a may be NULL. */
void heap_refuse_answers(const struct heap *h, struct answers *a);

/* [bytes] that may be taken beside the graph, and the nodes of its objects. */
uint64_t heap_memory_left(const struct heap *h);

/* -- One file each ----------------------------------------------------------------------------- */

/* Each answers the question of its name. Errors: those of heap_answer. */
bool heap_answer_holders(struct heap *h, struct builder *b, struct answers *a,
                         struct err *err) MUST_CHECK;
bool heap_answer_retained(struct heap *h, struct answers *a, struct err *err) MUST_CHECK;
bool heap_answer_duplicates(struct heap *h, struct answers *a, struct err *err) MUST_CHECK;

/* A string of the answers; NULL: out of memory. */
const char *heap_keep(struct answers *a, const char *text);

#endif
