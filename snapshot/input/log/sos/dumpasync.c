/*
 * dumpasync: its table of types has the form of dumpheap's, but it counts state machines (or tasks)
 * and not the heap. Kept are the two sums.
 */
#include "input/log/stat_table.h"

static bool dumpasync_starts(const struct transcript *t) {
    return transcript_last_command_is(t, "dumpasync") && stat_table_starts(t);
}

static bool dumpasync_read(struct transcript *t, struct err *err) {
    struct stat_table table;
    if (!stat_table_read(t, NULL, NULL, &table, err))
        return false;
    stat_table_check(t, &table, "dumpasync");
    transcript_command_done(t);
    return builder_counter(t->b, "async.objects", table.objects, "count", err) &&
           builder_counter(t->b, "async.bytes", table.bytes, "bytes", err);
}

const struct section section_dumpasync = {
    .name = "dumpasync",
    .summary = "number and size of asynchronous operations: dumpasync",
    .may_give = PART_BIT(PART_COUNTERS),
    .starts = dumpasync_starts,
    .read = dumpasync_read,
};
