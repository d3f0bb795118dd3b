/* What is kept of a snapshot: its types and lined-up values, under the names that all builds share.
 */
#ifndef DUMPDIFF_HISTORY_KEEP_H
#define DUMPDIFF_HISTORY_KEEP_H

#include "diff/series/series.h"
#include "history/database.h"

struct keeper {
    struct history *h;
    struct kept *rows; /* each name once */
    uint32_t count, capacity;
    struct strmap places; /* (kind, name) to row */
    struct arena names;
    struct series series; /* of the one snapshot; has the names of its types */
    bool begun;           /* series_init() was called */
    struct strbuf name;   /* of the row being made */
};

void keeper_init(struct keeper *k, struct history *h);
void keeper_deinit(struct keeper *k);
/*
 * Once a keeper. snapshot: stays until the keeper is deinited, whose rows borrow names of it;
 * requests: [count] that were served so far; 0: not said. Errors: ERR_NOMEM, those of
 * series_init().
 */
bool keeper_take(struct keeper *k, const struct snapshot *snapshot, uint64_t requests,
                 struct err *err) MUST_CHECK;

#endif
