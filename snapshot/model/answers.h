/*
 * Questions that are asked of one dump, and what the reader answered. Answers belong to a report,
 * never to a snapshot: no .snap file holds them.
 */
#ifndef DUMPDIFF_MODEL_ANSWERS_H
#define DUMPDIFF_MODEL_ANSWERS_H

#include "model/snapshot.h"
#include "model/type_pattern.h"

enum question_kind {
    QUESTION_PATH,       /* on which paths are objects of a type held? */
    QUESTION_HOLDERS,    /* which types and fields refer to objects of a type? */
    QUESTION_RETAINED,   /* what would be freed with an object? */
    QUESTION_DUPLICATES, /* which strings and arrays are there several times? */
    QUESTION_VALUES,     /* which values have the fields of objects of a type? */
    QUESTION_COUNT
};

/* "path", "holders", ...: the option that asks. */
extern const char *const question_names[QUESTION_COUNT];
/* "type_paths", "type_holders", ...: JSON keys, and tables of CSV. */
extern const char *const answer_names[QUESTION_COUNT];

struct question {
    bool asked[QUESTION_COUNT];
    const char *path_of, *holders_of; /* see type_pattern.h; borrowed */
    const char *values_of;            /* "TYPE" or "TYPE.FIELD", see type_and_field; borrowed */
    bool contents;                    /* keep the beginning of texts, to be printed */
};

/* Objects of the types that a question is about. */
struct answer_subject {
    uint32_t types; /* [count] */
    struct cell live, garbage;
};

/* Paths: rows of PART_PATHS of a tree of their own. */
struct answer_paths {
    struct answer_subject subject;
    struct snapshot tree;
    uint32_t *rows; /* those that end in a type asked for, most bytes first */
    uint32_t count;
    struct cell below_floor; /* live objects of the subject that are on no path that was kept */
};

struct holder_row {
    const char *holder; /* type; NULL: a root */
    const char *field;  /* "_items", "[]", "[].value", "(dependent)"; of a root its name */
    uint64_t references, holders;                 /* [count] from live objects, and of those */
    uint64_t garbage_references, garbage_holders; /* [count] */
};

struct answer_holders {
    struct answer_subject subject;
    struct holder_row *rows; /* most references first; roots last */
    uint32_t count;
    struct holder_row total; /* without roots; holders: distinct objects over all rows */
    uint64_t skipped_bytes;  /* of heap that could not be walked: garbage may refer from there */
};

/* A type, or a node of the tree of paths. */
struct retained_row {
    const char *type;     /* of types; NULL on nodes */
    struct cell own;      /* live objects */
    struct cell retained; /* what would be freed with them, they included */
};

struct answer_retained {
    struct retained_row *types; /* most retained first */
    uint32_t type_count;
    struct snapshot tree; /* PART_PATHS; the nodes are its rows */
    struct retained_row *nodes;
    uint32_t *order; /* numbers of nodes, most retained first */
    uint32_t node_count;
    bool refused; /* more objects and references than can be numbered */
};

/* Equal strings or arrays. */
struct duplicate_row {
    const char *type;
    uint64_t hash;     /* XXH3-64 of type and contents */
    uint64_t length;   /* [count] characters or elements */
    uint64_t copies;   /* [count] */
    uint64_t bytes;    /* [bytes] of all copies */
    uint64_t wasted;   /* [bytes] of all copies but one */
    const char *value; /* beginning of the contents, escaped; NULL: not asked for */
};

struct answer_duplicates {
    struct duplicate_row *rows; /* most wasted first; DUPLICATE_ROWS_MAX at most */
    uint32_t count;
    struct duplicate_row *types; /* the sums by type; most wasted first */
    uint32_t type_count;
    uint64_t objects, bytes; /* live strings and arrays looked at */
    uint64_t groups;         /* [count] of contents that are there twice or more */
    uint64_t copies, wasted; /* of all groups */
    uint64_t not_compared;   /* [count] objects whose hash too many different contents share */
};

#define DUPLICATE_ROWS_MAX 10000u

/* Objects of which a field has one value. */
struct value_row {
    const char *value;   /* "7", "Paid", "null", a type; of texts "text 1", or how it begins */
    uint64_t objects;    /* [count] */
    uint64_t characters; /* [count] of a text; ABSENT: it is none */
};

/* A field of a type, of all its live objects. */
struct answer_field {
    const char *type, *field; /* "Shop.Order", "Place.Shelf" */
    const char *kind;         /* FIELD_IS_... (known_names.h) */
    struct value_row *rows;   /* most objects first; VALUE_ROWS_MAX at most */
    uint32_t count;
    uint64_t objects;       /* [count] looked at */
    uint64_t other_objects; /* [count] of these, in none of the rows */
    uint64_t other_values;  /* [count] that those have; ABSENT: too many to be counted */
};

struct answer_values {
    struct answer_subject subject;
    struct answer_field *fields; /* by type, in the order of the fields */
    uint32_t count;
};

#define VALUE_ROWS_MAX 100u

struct answers {
    struct question question;
    struct arena arena;
    bool answered[QUESTION_COUNT];
    bool over_memory[QUESTION_COUNT]; /* not answered: would take more memory than it may */
    struct answer_paths paths;
    struct answer_holders holders;
    struct answer_retained retained;
    struct answer_duplicates duplicates;
    struct answer_values values;
};

void answers_init(struct answers *a, const struct question *question);
void answers_deinit(struct answers *a);

/* Is anything asked? */
bool question_any(const struct question *q);

/*
 * Answers what the reader did not and a snapshot can: paths, as far as they were kept.
 *
 * Errors: ERR_USAGE (no type matches), ERR_INCONCLUSIVE (the snapshot does not hold what the
 * question needs: says what), ERR_NOMEM.
 */
bool answers_from_snapshot(struct answers *a, const struct snapshot *s, struct err *err) MUST_CHECK;

/*
 * Chooses the rows of a->paths.tree that end in a type asked for; a->paths.subject is there
 * already. Errors: ERR_NOMEM.
 */
bool answer_paths_choose(struct answers *a, const struct type_pattern *p,
                         struct err *err) MUST_CHECK;

/* Sums up the types of a snapshot that a question is about. Errors: those of type_pattern_init. */
bool answer_subject_sum(struct answer_subject *subject, const char *pattern,
                        const struct snapshot *s, struct err *err) MUST_CHECK;

#endif
