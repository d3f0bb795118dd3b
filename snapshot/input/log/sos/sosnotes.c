/*
 * What SOS says about the dump as a whole, around the output of any command: that the heap could
 * not be walked since a GC was under way, or that its version does not fit the runtime.
 */
#include "input/log/transcript.h"

#include "model/rows_heap.h"

static const struct {
    struct str start;
    const char *text;
    bool in_gc;
} notes[] = {
    {STR_INIT("The garbage collector data structures are not in a valid state"),
     "the dump was taken in the middle of a GC, the heap may not be walked to its end", true},
    {STR_INIT("The version of SOS does not match the version of CLR"),
     "the version of SOS did not match that of the CLR", false},
    {STR_INIT("Failed to load data access DLL"), "the debugger could not load the DAC", false},
    {STR_INIT("Error requesting heap data"), "the debugger could not read the heap", false},
    {STR_INIT("curr_object:"), "the heap is broken: the walk stopped at an invalid object", false},
};

static size_t sosnotes_find(struct str text) {
    size_t i = 0, count = sizeof(notes) / sizeof(*notes);
    char first = str_first(text);
    if (first != 'T' && first != 'F' && first != 'E' && first != 'c')
        return count;
    while (i < count && !str_starts(text, notes[i].start))
        i++;
    return i;
}

static bool sosnotes_starts(const struct transcript *t) {
    return sosnotes_find(t->line.text) < sizeof(notes) / sizeof(*notes);
}

static bool sosnotes_read(struct transcript *t, struct err *err) {
    size_t i = sosnotes_find(t->line.text);
    builder_warn(t->b, ABSENT, "%s", notes[i].text);
    t->is_hollow = true; /* says something about other output, but is none itself */
    transcript_next(t);
    if (!notes[i].in_gc)
        return true;
    struct gc_row *gc = builder_single(t->b, PART_GC, err);
    if (!gc)
        return false;
    gc->in_progress = 1;
    return true;
}

const struct section section_sosnotes = {
    .name = "sos-notes",
    .summary = "what SOS says about the dump: taken in the middle of a GC, versions that differ",
    .may_give = PART_BIT(PART_GC),
    .starts = sosnotes_starts,
    .read = sosnotes_read,
};
