#include "diff/causes/stack_holders.h"

#include "base/num.h"
#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <string.h>

/* So much of the growth is on one stack, or it is that of several. */
#define MOST_PERCENT 80

/* What a root of the name holds of the type: stacks have a row for each. */
static uint64_t stack_holds(const struct snapshot *snapshot, enum part part, const char *root,
                            const char *type) {
    SNAPSHOT_ROWS(snapshot, part, struct path_row, rows, count);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].root && rows[i].type && strcmp(rows[i].root, root) == 0 &&
            strcmp(rows[i].type, type) == 0)
            bytes = num_add(bytes, rows[i].bytes);
    return bytes;
}

/* By the id in "stack of thread 0x7cba stuck-lock". */
static const struct series_thread *thread_of_root(const struct series *s, const char *root) {
    struct str id = str_drop(str_of(root), STR(ROOT_STACK "0x").len);
    const char *name = memchr(id.ptr, ' ', id.len);
    uint64_t os_id;
    if (!num_hex((struct str){id.ptr, name ? (size_t)(name - id.ptr) : id.len}, &os_id))
        return NULL;
    for (uint32_t t = 0; t < s->thread_count; t++) {
        const struct thread_row *row = s->threads[t].rows[s->count - 1];
        if (row && row->os_id == os_id)
            return &s->threads[t];
    }
    return NULL;
}

struct stack_holder stack_holder_of(const struct series *s, const char *type, int64_t bytes_delta) {
    enum part part = s->parts_all & PART_BIT(PART_PLACES) ? PART_PLACES : PART_PATHS;
    SNAPSHOT_ROWS(series_new(s), part, struct path_row, rows, count);
    struct stack_holder most = {NULL, NULL};
    int64_t grew = 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *root = rows[i].root;
        if (!root || !rows[i].type || strcmp(rows[i].type, type) != 0 ||
            !str_starts(str_of(root), STR(ROOT_STACK)))
            continue;
        int64_t delta = series_delta(rows[i].bytes, stack_holds(s->snapshots[0], part, root, type));
        if (delta > grew) {
            grew = delta;
            most.root = root;
        }
    }
    if (!most.root || (double)grew * 100 < (double)bytes_delta * MOST_PERCENT)
        return (struct stack_holder){NULL, NULL};
    most.thread = thread_of_root(s, most.root);
    return most;
}
