/*
 * Where things stand in the text of a JSON file: the lists of the outermost object, their entries
 * and the members of these. cJSON keeps no places, and messages, SARIF and --update need them.
 */
#ifndef DUMPDIFF_GATE_PLACES_H
#define DUMPDIFF_GATE_PLACES_H

#include "base/arena.h"
#include "base/str.h"

struct place {
    struct str list, key; /* key empty: the entry itself */
    uint32_t number;      /* of the entry in its list */
    uint32_t line;        /* 1.. */
    size_t at, length;    /* [bytes] of the value */
};

struct places {
    struct place *items; /* in the order of the text */
    uint32_t count, capacity;
    uint32_t hint; /* where the last look-up ended: they come in the order of the text */
    struct arena *arena;
};

/* The text is JSON that has been parsed before; what is not is left out. Errors: ERR_NOMEM. */
bool places_find(struct places *p, struct str text, struct arena *arena,
                 struct err *err) MUST_CHECK;

/* NULL: not there. */
const struct place *places_member(struct places *p, const char *list, size_t number,
                                  const char *key);
/* Line of an entry; 1 when it was not found. */
uint32_t places_line(struct places *p, const char *list, size_t number);

#endif
