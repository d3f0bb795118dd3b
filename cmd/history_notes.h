/* What a history keeps of a snapshot beside its figures: what rules find in it, and who holds what.
 */
#ifndef DUMPDIFF_CMD_HISTORY_NOTES_H
#define DUMPDIFF_CMD_HISTORY_NOTES_H

#include "history/history.h"
#include "model/snapshot.h"

struct notes {
    struct history_notes kept; /* texts are of the arena */
    struct arena arena;
};

/*
 * Hits that are a warning or more, and for the types that take most the place that holds most of
 * each. To be deinited either way. Errors: ERR_NOMEM, ERR_FORMAT (a broken tree of holders).
 */
bool notes_find(struct notes *n, const struct snapshot *snapshot, struct err *err) MUST_CHECK;
void notes_deinit(struct notes *n);

#endif
