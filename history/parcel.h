/*
 * A snapshot on its way to a history: what it is to be filed under, and the .snap file. A spool
 * folder keeps one file each.
 *
 * The file: PARCEL_MAGIC, then program, release, environment and instance, each its length as
 * LEB128 and its bytes; the requests that were served as LEB128 (0: not said); the rest is the
 * .snap file.
 */
#ifndef DUMPDIFF_HISTORY_PARCEL_H
#define DUMPDIFF_HISTORY_PARCEL_H

#include "base/bytes.h"
#include "base/str.h"
#include "history/history.h"

#define PARCEL_MAGIC "dumpdiff.parcel/1\n"

struct parcel {
    struct arena arena; /* owns the names */
    struct history_key key;
    uint64_t requests; /* 0: not said */
    struct bytes snap; /* borrowed from what was read */
};

/* Appends it, with the snapshot behind. Errors: ERR_NOMEM. */
bool parcel_put(struct strbuf *out, const struct history_key *key, uint64_t requests,
                const struct snapshot *snapshot, struct err *err) MUST_CHECK;
/* To be deinited either way. Errors: ERR_FORMAT (it is none, or damaged), ERR_NOMEM. */
bool parcel_take(struct parcel *p, struct bytes file, struct err *err) MUST_CHECK;
void parcel_deinit(struct parcel *p);

#endif
