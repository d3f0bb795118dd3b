/* Counts objects by some key and their type, then merges MethodTables of one name. */
#ifndef DUMPDIFF_DOTNET_TALLY_H
#define DUMPDIFF_DOTNET_TALLY_H

#include "base/hash.h"
#include "dotnet/type_names.h"

struct tally_row {
    uint32_t key;
    uint64_t mt;      /* 0: no type */
    const char *name; /* after tally_finish; NULL: no type */
    uint64_t objects, bytes, ready;
};

struct tally {
    struct tally_row *rows;
    uint32_t count, capacity;
    struct u64map index;
};

#define TALLY_KEYS 32u

void tally_init(struct tally *t);
void tally_deinit(struct tally *t);

/* Adds to the row of (key, mt). false: out of memory. */
bool tally_add(struct tally *t, uint32_t key, uint64_t mt, struct cell cell,
               uint64_t ready) MUST_CHECK;

/* Names the rows, merges those of one key and name, and sorts them by both. Errors: ERR_NOMEM. */
bool tally_finish(struct tally *t, struct modules *modules, struct err *err) MUST_CHECK;

#endif
