/*
 * heapstat, gcheapstat: bytes of each heap by generation, and how much of them is free.
 *
 *   Heap             Gen0         Gen1         Gen2          LOH
 *   Heap0        15988552      2958560    774468432    210563928
 *   Total        15988552      2958560    774468432    210563928
 *
 *   Free space:                                                 Percentage
 *   Heap0          179288           24    401097600    148441240SOH: 50% LOH: 70%
 *
 *   Unrooted objects:                                           Percentage     with -iu
 *   Committed space:                                                           newer tools
 *
 * The percentages may be glued to the last number. Newer tools print a header for FRZ, but a figure
 * only of heaps with a segment for it: its cell is empty, or has the percentages in it.
 */
#include "base/num.h"
#include "input/log/sos/heap_rows.h"
#include "input/log/stat_table.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"

#include <string.h>

#define COLUMNS_MAX 8

enum block { BLOCK_SIZE, BLOCK_FREE, BLOCK_UNROOTED, BLOCK_COMMITTED };

static const struct {
    struct str heading;
    enum block block;
} headings[] = {
    {STR_INIT("Free space:"), BLOCK_FREE},
    {STR_INIT("Unrooted objects:"), BLOCK_UNROOTED},
    {STR_INIT("Committed space:"), BLOCK_COMMITTED},
};

struct reader_state {
    struct transcript *t;
    enum generation columns[COLUMNS_MAX];
    size_t column_count;
    enum block block;
    uint64_t sums[COLUMNS_MAX]; /* of the rows of the block so far */
    uint64_t rows, heaps, not_understood, mismatches;
    bool total_seen;
};

/* -- Lines ------------------------------------------------------------------------------------- */

/* "Heap  Gen0  Gen1  Gen2  LOH  POH  FRZ" */
static bool parse_header(struct str text, struct reader_state *r) {
    static const struct {
        struct str name;
        enum generation generation;
    } names[] = {{STR_INIT("Gen0"), GEN_0},     {STR_INIT("Gen1"), GEN_1},
                 {STR_INIT("Gen2"), GEN_2},     {STR_INIT("LOH"), GEN_LOH},
                 {STR_INIT("POH"), GEN_POH},    {STR_INIT("FRZ"), GEN_FROZEN},
                 {STR_INIT("FOH"), GEN_FROZEN}, {STR_INIT("EPH"), GEN_UNKNOWN}};
    size_t count = 0;
    if (!str_eq(str_next_field(&text), STR("Heap")))
        return false;
    for (struct str field; (field = str_next_field(&text)).len && count < COLUMNS_MAX; count++) {
        size_t i = 0;
        while (i < sizeof(names) / sizeof(*names) && !str_eq_nocase(field, names[i].name))
            i++;
        if (i == sizeof(names) / sizeof(*names))
            break;
        if (r)
            r->columns[count] = names[i].generation;
    }
    if (r)
        r->column_count = count;
    return count >= 3;
}

/* Digits and separators at the start of a field that may have "SOH:" glued to it. */
static bool parse_glued(struct str field, uint64_t *ret_value) {
    size_t glue = str_find(field, STR("SOH"), 0);
    return num_grouped(glue == STR_NOT_FOUND ? field : str_take(field, glue), ret_value);
}

/* Values of a row, as many as there are columns; ABSENT where the last one's cell is empty. */
static bool parse_values(const struct reader_state *r, struct str rest,
                         uint64_t ret_values[COLUMNS_MAX]) {
    for (size_t i = 0; i < r->column_count; i++) {
        struct str field = str_next_field(&rest);
        bool may_lack = i + 1 == r->column_count && r->columns[i] == GEN_FROZEN;
        if (may_lack && (field.len == 0 || str_starts(field, STR("SOH"))))
            ret_values[i] = ABSENT;
        else if (!parse_glued(field, &ret_values[i]))
            return false;
    }
    return true;
}

/* "Heap11", "Heap 11" is not printed */
static bool is_row(struct str text, uint64_t *ret_index, struct str *ret_rest) {
    struct str rest = text, first = str_next_field(&rest);
    if (!str_starts(first, STR("Heap")) || !num_dec(str_drop(first, 4), ret_index))
        return false;
    *ret_rest = rest;
    return true;
}

/* -- Rows -------------------------------------------------------------------------------------- */

static void say_cell(struct builder *b, struct heap_row *row, enum generation g, uint64_t bytes) {
    if (row->gen[g].bytes == 0)
        row->gen[g].bytes = bytes;
    else if (row->gen[g].bytes != bytes)
        builder_warn(b, 1, "generations of a heap are said twice and differ in size");
}

static bool heapstat_take_row(struct reader_state *r, uint64_t index, const uint64_t *values,
                              struct err *err) {
    struct builder *b = r->t->b;
    struct heap_row *row = heaps_row(b, index, err);
    uint64_t sum = 0;
    bool is_whole = true; /* or else its sum is none of the heap */
    if (!row)
        return false;
    for (size_t i = 0; i < r->column_count; i++) {
        enum generation g = r->columns[i];
        if (values[i] == ABSENT) {
            is_whole = false;
            continue;
        }
        sum = num_add(sum, values[i]);
        r->sums[i] = num_add(r->sums[i], values[i]);
        if (r->block == BLOCK_SIZE)
            say_cell(b, row, g, values[i]);
        else if (r->block == BLOCK_FREE)
            builder_say(b, &row->free_gen[g], values[i], "the free space of a generation");
    }
    r->rows++;
    r->heaps += r->block == BLOCK_SIZE;
    if (!is_whole)
        return true;
    if (r->block == BLOCK_SIZE && row->allocated == ABSENT)
        row->allocated = sum;
    else if (r->block == BLOCK_COMMITTED)
        builder_say(b, &row->committed, sum, "the committed size of a GC heap");
    return true;
}

static bool heapstat_take_total(struct reader_state *r, const uint64_t *values, struct err *err) {
    bool any = r->rows > 0;
    r->total_seen = true;
    for (size_t i = 0; i < r->column_count; i++) {
        if (values[i] == ABSENT)
            continue;
        r->mismatches += any && values[i] != r->sums[i];
        if (r->block != BLOCK_UNROOTED)
            continue;
        char name[64];
        snprintf(name, sizeof(name), "heap.unrooted_bytes_%s", generation_names[r->columns[i]]);
        if (!builder_counter(r->t->b, name, values[i], "bytes", err))
            return false;
    }
    return true;
}

static void end_block(struct reader_state *r) {
    if (r->rows && !r->total_seen)
        transcript_lacks(r->t, 1,
                         "heapstat: a table ends without its Total, so heaps may be missing");
    memset(r->sums, 0, sizeof(r->sums));
    r->rows = 0;
    r->total_seen = false;
}

static bool heapstat_take_line(struct reader_state *r, bool *ret_ours, struct err *err) {
    struct str text = r->t->line.text, rest = text;
    uint64_t values[COLUMNS_MAX], index;
    *ret_ours = true;
    if (text.len == 0 || transcript_is_progress(text) || parse_header(text, NULL))
        return true;
    for (size_t i = 0; i < sizeof(headings) / sizeof(*headings); i++)
        if (str_starts(text, headings[i].heading)) {
            end_block(r);
            r->block = headings[i].block;
            return true;
        }
    if (transcript_is_elision(&r->t->line)) {
        transcript_lacks(r->t, 1, "heapstat: rows were left out by hand");
        return true;
    }
    if (is_row(text, &index, &rest)) {
        if (parse_values(r, rest, values))
            return heapstat_take_row(r, index, values, err);
        r->not_understood++;
        return true;
    }
    if (str_eq(str_next_field(&rest), STR("Total")) && parse_values(r, rest, values))
        return heapstat_take_total(r, values, err);
    *ret_ours = false;
    return true;
}

/* -- The section ------------------------------------------------------------------------------- */

static bool heapstat_starts(const struct transcript *t) {
    return str_first(t->line.text) == 'H' && parse_header(t->line.text, NULL);
}

static bool heapstat_read(struct transcript *t, struct err *err) {
    struct reader_state r = {.t = t};
    parse_header(t->line.text, &r);
    for (transcript_next(t); !t->at_end; transcript_next(t)) {
        struct str command;
        bool ours = !transcript_is_command(&t->line, &command);
        if (ours && !heapstat_take_line(&r, &ours, err))
            return false;
        if (!ours)
            break;
    }
    end_block(&r);
    if (r.not_understood)
        transcript_lacks(t, r.not_understood, "heapstat: rows were not understood");
    if (r.mismatches)
        builder_warn(t->b, r.mismatches, "heapstat: columns differ from their printed Total");
    if (r.heaps == 0)
        transcript_hollow(t, "no heap that can be understood");
    if (r.heaps < 2)
        return true;
    struct origin_row *origin = builder_single(t->b, PART_ORIGIN, err);
    return origin &&
           builder_say_string(t->b, &origin->gc_mode, STR("server"), "the mode of the GC", err);
}

const struct section section_heapstat = {
    .name = "heapstat",
    .summary = "bytes of each heap by generation: gcheapstat, heapstat (-iu)",
    .may_give = PART_BIT(PART_HEAPS) | PART_BIT(PART_COUNTERS),
    .starts = heapstat_starts,
    .read = heapstat_read,
};
