/*
 * What the printers of memory maps (`!address`, `maddress`, `vadump`) share.
 */
#ifndef DUMPDIFF_INPUT_LOG_MEMORY_TEXT_H
#define DUMPDIFF_INPUT_LOG_MEMORY_TEXT_H

#include "base/hash.h"
#include "input/log/scan.h"
#include "model/rows_process.h"

/*
 * May this printer fill PART_MEMORY_MAP? Two tools cut memory up differently, so the first keeps
 * the part, and a note says that the second was left out. A summary replaces a listing of the same
 * tool (which people shorten).
 *
 * from           static name of the printer
 * replaces       static name of the printer that it replaces, NULL: none
 * ret_replaced   [bytes] that the replaced rows by usage added up to, ABSENT when none were
 * replaced
 */
bool memory_claim(struct transcript *t, const char *from, const char *replaces,
                  uint64_t *ret_replaced);

/*
 * One row; ABSENT where there is no such column. Said twice: compared, and counted in loss. Errors:
 * ERR_NOMEM, ERR_LIMIT (row cap).
 */
bool memory_say(struct builder *b, enum memory_by by, struct str key, struct memory_row values,
                struct scan_loss *loss, struct err *err) MUST_CHECK;

/* The usage without "RegionUsage". */
struct str memory_usage(struct str key);

/* "PAGE_READWRITE|PAGE_GUARD" is printed as "PAGE_READWRITE | PAGE_GUARD", too. */
#define MEMORY_KEY_MAX 256

/* Sums over regions by key. */
struct memory_sums {
    struct memory_sum *items;
    uint32_t count, capacity;
    struct strmap index;
    uint64_t dropped; /* regions whose key did not fit any more */
};

struct memory_sum {
    enum memory_by by;
    struct str key; /* borrowed */
    uint64_t regions, bytes, largest;
};

void memory_sums_init(struct memory_sums *sums);
void memory_sums_deinit(struct memory_sums *sums);

/* Adds a region; key is borrowed and has to outlive the sums. Errors: ERR_NOMEM. */
bool memory_sums_add(struct memory_sums *sums, enum memory_by by, struct str key, uint64_t bytes,
                     struct err *err) MUST_CHECK;

/* Stores all sums, and the largest region of each usage. Errors: ERR_NOMEM, ERR_LIMIT (row cap). */
bool memory_sums_store(const struct memory_sums *sums, struct builder *b, struct scan_loss *loss,
                       struct err *err) MUST_CHECK;

#endif
