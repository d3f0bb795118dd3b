/*
 * Reports of leak checkers (memcheck, LeakSanitizer, gperftools' heap checker), whatever they are
 * written in: records, each with the stack that allocated what is lost, and the checker's own sums
 * by which it is known whether all of them are there.
 *
 * A checker tells apart what nothing refers to (definitely lost), what only such memory refers to
 * (indirectly), what only pointers into its middle refer to (possibly), and what is not freed but
 * still referred to (reachable).
 */
#ifndef DUMPDIFF_INPUT_LEAKS_H
#define DUMPDIFF_INPUT_LEAKS_H

#include "model/known_names.h"
#include "model/stacks.h"

enum loss {
    LOSS_DEFINITE,
    LOSS_INDIRECT,
    LOSS_POSSIBLE,
    LOSS_REACHABLE,
    LOSS_SUPPRESSED, /* listed nowhere, only summed up */
    LOSS_KINDS
};

/* "definitely lost", ..., "suppressed": as known_names.h has them. */
extern const char *const loss_names[LOSS_KINDS];

/* "definitely lost" and the like at the beginning of a text. false: it begins otherwise. */
bool loss_parse(struct str text, enum loss *ret_loss);

struct leak_record {
    enum loss loss;
    uint64_t bytes, count; /* without what is lost with it */
    uint64_t indirect;     /* [bytes] lost with it; ABSENT: not said */
    size_t first, frames;  /* in leak_report.frames */
};

/* All zero but the sums is a report that says nothing yet: leaks_init. */
struct leak_report {
    struct leak_record *records;
    size_t count, capacity;
    const char **frames;
    size_t frame_count, frame_capacity;
    struct cell said[LOSS_KINDS]; /* by its own summary; ABSENT: not said */
    struct cell in_use, ever;     /* outstanding when it looked; ever allocated; ABSENT: not said */
    struct cell all;              /* all records together, where kinds are not told apart; ABSENT */
    bool no_leak;                 /* it says that there is none */
    bool complete;                /* it came to its end */
    bool ends_with_frames;        /* the text ends within the last record, for all one can see */
    uint64_t not_listed;          /* [count] records that it says it left out */
};

void leaks_init(struct leak_report *r);
void leaks_deinit(struct leak_report *r);

/* Adds a record without frames. Errors: ERR_NOMEM. */
bool leaks_add(struct leak_report *r, enum loss loss, uint64_t bytes, uint64_t count,
               uint64_t indirect, struct err *err) MUST_CHECK;

/* Adds the next frame outwards to the last record; of builder_frame(), NULL fails. Errors:
 * ERR_NOMEM. */
bool leaks_add_frame(struct leak_report *r, const char *frame, struct err *err) MUST_CHECK;

/*
 * Fills PART_STACKS, PART_ALLOCATIONS (what was outstanding) and counters, and says what is
 * missing.
 *
 * tool  static name, in front of what is said: "memcheck"
 * hint  how to get stacks where there are none; static, or NULL
 *
 * Errors: ERR_NOMEM, ERR_LIMIT (row cap).
 */
bool leaks_store(const struct leak_report *r, struct builder *b, const char *tool, const char *hint,
                 struct err *err) MUST_CHECK;

#endif
