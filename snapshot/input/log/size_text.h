/*
 * Sizes as tools of several makers print them, and sections that give nothing but counters.
 */
#ifndef DUMPDIFF_INPUT_LOG_SIZE_TEXT_H
#define DUMPDIFF_INPUT_LOG_SIZE_TEXT_H

#include "input/log/scan.h"

/*
 * "5.629MiB", "345Mi", "147kB", "12 MB", "4,855 KiB", "123", "1337B". [bytes], rounded.
 *
 * decimal  units without an "i" are powers of 1000
 *
 * false: it is none.
 */
bool size_text(struct str text, bool decimal, uint64_t *ret_bytes) MUST_CHECK;

/* The same with "+" or "-" in front: "+24.8 MiB". false: it is none. */
bool size_text_signed(struct str text, bool decimal, int64_t *ret_bytes) MUST_CHECK;

/* What a figure was before it changed so; 0 where it would be less. */
static inline uint64_t size_text_before(uint64_t now, int64_t delta) {
    return delta < 0 ? num_add(now, num_magnitude(delta)) : now - num_min(now, (uint64_t)delta);
}

/*
 * A counter by a name of two or three pieces, joined by '.', of which the middle one is a name that
 * the text gives ("container", "till-1", "memory_bytes"); empty: it has none. Errors: ERR_NOMEM,
 * ERR_LIMIT (row cap).
 */
bool size_text_counter(struct builder *b, const char *family, struct str name, const char *what,
                       uint64_t value, const char *unit, struct err *err) MUST_CHECK;

/*
 * A list of one process (ps -p 4711, /fi "PID eq 4711") says of which the log is. Errors:
 * ERR_NOMEM, ERR_LIMIT (row cap).
 */
bool size_text_process(struct builder *b, struct str name, uint64_t pid,
                       struct err *err) MUST_CHECK;

#endif
