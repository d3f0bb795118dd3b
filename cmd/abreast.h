/*
 * Several dumps, read side by side: while one is waited for, the processes that read those behind
 * it go on, as many as there are processors, and as memory lets them. What comes of it is what
 * reading them one after the other gives, in that order, with the errors that they have alone.
 */
#ifndef DUMPDIFF_CMD_ABREAST_H
#define DUMPDIFF_CMD_ABREAST_H

#include "base/meter.h"
#include "cmd/apart.h"

/* One of them, as its owner says it; the rest is ours. All strings borrowed. */
struct abreast_one {
    struct apart apart;
    struct input_options options;
    struct meter *meter; /* in which it is counted, once it is begun; NULL: none */
    struct strbuf out;
    struct apart_reading reading;
    uint64_t needs; /* [bytes] 0: it is read here */
    uint32_t task;  /* of its process, while it is begun */
    enum { ABREAST_WAITS, ABREAST_BEGUN, ABREAST_OVER } state;
    bool known, beside; /* needs is known; another one was read meanwhile */
};

struct abreast {
    struct abreast_one *all;
    uint32_t count;
    uint64_t memory; /* [bytes] that those that are read may need together */
    uint32_t most;   /* processes at once */
    uint32_t used;   /* tasks of those that were begun, a bit each */
    uint64_t needs;  /* [bytes] of those */
    struct forked_task tasks[FORKED_TASKS_MAX];
};

/*
 * all     zeroed but for what its owner says; the caller's, to be kept until abreast_deinit()
 * memory  [bytes] that reading may take in all
 * most    processes at once; 0: as many as there are processors
 */
void abreast_init(struct abreast *b, struct abreast_one *all, uint32_t count, uint64_t memory,
                  uint32_t most);
/* Ends what goes on, and is wanted by nobody. */
void abreast_deinit(struct abreast *b);

/*
 * Begins to read the n-th, and as many behind it as there is room for: none but those behind it is
 * to be asked for after that.
 */
void abreast_begin(struct abreast *b, uint32_t n);
/*
 * Waits for the n-th, which was begun. Where memory or room for unpacking ran out beside others it
 * is read once more, alone. Errors: as apart_read().
 */
bool abreast_take(struct abreast *b, uint32_t n, struct snapshot *snapshot,
                  struct err *err) MUST_CHECK;

#endif
