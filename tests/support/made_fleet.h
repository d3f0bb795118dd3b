/*
 * A fleet made by numbers: instances that go through three releases of a program, with types that
 * stay, waver and fill caches, restarts here and there, and in one release a type that leaks on a
 * third of them. The same on every machine.
 */
#ifndef DUMPDIFF_SUPPORT_MADE_FLEET_H
#define DUMPDIFF_SUPPORT_MADE_FLEET_H

#include "history/history.h"

struct fleet_plan {
    unsigned instances, snapshots; /* snapshots: of each, a third of them of each release */
    unsigned types;
    unsigned changing; /* so many types change from snapshot to snapshot; 0: all kinds in turn */
    bool leaks;        /* false: the same without the leak */
    bool steady;       /* one release, no restarts */
    double *took_ms;   /* [snapshots * instances] how long each add took, as they come; NULL */
};

#define FLEET_LEAK_TYPE   "Shop.Caching.CacheEntry"
#define FLEET_LEAK_HOLDER "static Shop.Caching.PriceCache.entries -> [].value"

/* Does the leak grow on that instance, in release 1.4? */
static inline bool fleet_leaks_on(unsigned instance) {
    return instance % 3 == 1;
}

/* Adds all of it to an open history. Errors: those of history_add(). */
bool fleet_fill(struct history *h, const struct fleet_plan *plan, struct err *err) MUST_CHECK;
/* The same of instances [first, last) alone: of a part of the writers. Errors: as above. */
bool fleet_fill_some(struct history *h, const struct fleet_plan *plan, unsigned first,
                     unsigned last, struct err *err) MUST_CHECK;

#endif
