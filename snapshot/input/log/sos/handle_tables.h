/* GC handles as gchandles prints them: listed one by one, by type, and counted by kind. */
#ifndef DUMPDIFF_INPUT_LOG_SOS_HANDLE_TABLES_H
#define DUMPDIFF_INPUT_LOG_SOS_HANDLE_TABLES_H

#include "base/hash.h"
#include "input/log/transcript.h"

/*
 * Handles of one output, summed by kind and type before they go into the snapshot: what another
 * output of the same dump said already is compared, not added.
 */
struct handle_tallies {
    struct builder *b;
    struct strmap index;
    struct handle_row *items;
    uint32_t count, capacity;
};

void handle_tallies_init(struct handle_tallies *a, struct builder *b);
void handle_tallies_deinit(struct handle_tallies *a);

/*
 * kind or type empty: not said. bytes may be ABSENT. Both are borrowed during the call only.
 * Errors: ERR_NOMEM.
 */
bool handle_tallies_add(struct handle_tallies *a, struct str kind, struct str type, uint64_t count,
                        uint64_t bytes, struct err *err) MUST_CHECK;

/*
 * Stores them; counts that differ from what was said before are warned about. Errors: ERR_NOMEM,
 * ERR_LIMIT (row cap).
 */
bool handle_tallies_store(const struct handle_tallies *a, struct err *err) MUST_CHECK;

/*
 * "Pinned Handles: 10", below "GC Handle Statistics:" and "Handles:". *ret_kind is "Pinned",
 * without blanks inside ("AsyncPinned"), borrowed from buf.
 */
#define HANDLE_KIND_MAX 32
bool handles_is_count(struct str text, char buf[HANDLE_KIND_MAX], struct str *ret_kind,
                      uint64_t *ret_count);

/* Reads lines of that kind, as long as they come. Errors: ERR_NOMEM, ERR_LIMIT (row cap). */
bool handles_read_counts(struct transcript *t, struct err *err) MUST_CHECK;

/*
 * Reads the table of types that stands at the current line, and the counts by kind behind it.
 * Errors: ERR_NOMEM, ERR_LIMIT (row cap).
 */
bool handles_read_statistics(struct transcript *t, struct err *err) MUST_CHECK;

#endif
