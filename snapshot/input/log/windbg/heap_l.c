/*
 * `!heap -l`: busy blocks of native heaps to which nothing points, so leaked ones, probably.
 *
 *     Searching the memory for potential unreachable busy blocks.
 *     Heap 00170000
 *     Scanning VM ...
 *     ## Entry     User      Heap      Segment       Size  PrevSize  Flags
 *     001b2958  001b2960  00170000  00000000        40        18  busy extra
 *     21 leaks detected.                 later: "21 potential unreachable blocks were detected."
 *
 * Later debuggers have a column "Unused" in front of the flags. Sizes are hex, with what the heap
 * adds to each block.
 */
#include "input/log/scan.h"
#include "model/stacks.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include "base/num.h"

struct reading {
    struct transcript *t;
    uint64_t rows, bytes;
    uint64_t said; /* [count] blocks by the last line; ABSENT: it is missing */
    bool left_out; /* sizes of an earlier list are there already */
    struct scan_loss loss;
};

static bool heap_l_is_heading(struct str text) {
    struct str f[6];
    if (str_starts(text, STR("##")))
        text = str_trim(str_drop(text, 2));
    return scan_fields(str_take(text, 160), f, 6, NULL) == 6 && str_eq(f[0], STR("Entry")) &&
           str_eq(f[1], STR("User")) && str_eq(f[2], STR("Heap")) && str_eq(f[3], STR("Segment")) &&
           str_eq(f[4], STR("Size")) && str_eq(f[5], STR("PrevSize"));
}

static bool is_preamble(struct str text) {
    struct str f[2], rest;
    return str_starts(text, STR("Searching the memory for potential unreachable")) ||
           str_starts(text, STR("Scanning VM")) || transcript_is_rule(text) ||
           /* "1:Heap 00170000": the prompt of the first process is printed in between */
           (scan_fields(text, f, 2, &rest) == 2 && rest.len == 0 && str_ends(f[0], STR("Heap")) &&
            scan_is_address(f[1]));
}

/* "001b2958  001b2960  00170000  00000000        40        18  busy extra" */
static bool heap_l_parse_row(struct str text, uint64_t *ret_size) {
    struct str f[6], flags;
    uint64_t previous;
    if (text.len > 256 || scan_fields(text, f, 6, &flags) != 6 || flags.len == 0)
        return false;
    for (size_t i = 0; i < 4; i++)
        if (!scan_is_address(f[i]))
            return false;
    return num_hex(f[4], ret_size) && num_hex(f[5], &previous) && *ret_size < (uint64_t)1 << 48;
}

static bool heap_l_looks_like_row(struct str text) {
    struct str f[2];
    size_t n = scan_fields(str_take(text, 64), f, 2, NULL);
    return n >= 1 && scan_is_address(f[0]) && (n == 1 || scan_is_address(f[1]));
}

/* "21 leaks detected.", "21 potential unreachable blocks were detected." */
static bool parse_end(struct str text, uint64_t *ret_count) {
    struct str number = str_next_field(&text);
    text = str_trim(text);
    return num_grouped(number, ret_count) &&
           (str_starts(text, STR("leaks detected")) || str_starts(text, STR("leak detected")) ||
            str_starts(text, STR("potential unreachable block")));
}

static bool heap_l_store(struct reading *r, uint64_t size, struct err *err) {
    r->rows++;
    r->bytes = num_add(r->bytes, size);
    if (r->left_out)
        return true;
    struct allocation_row sum = ALLOCATION_ROW;
    sum.by = "size";
    sum.size_each = sum.bytes = size;
    sum.count = 1;
    return builder_add_allocation(r->t->b, &sum, err);
}

static bool heap_l_take_line(void *context, bool *ret_mine, struct err *err) {
    struct reading *r = context;
    struct str text = r->t->line.text, command;
    uint64_t size;
    *ret_mine = r->said == ABSENT;
    if (!*ret_mine)
        return true;
    if (heap_l_parse_row(text, &size))
        return heap_l_store(r, size, err);
    if (parse_end(text, &r->said) || heap_l_is_heading(text) || is_preamble(text))
        return true;
    *ret_mine = heap_l_looks_like_row(text) && !transcript_is_command(&r->t->line, &command);
    r->loss.unparsed += *ret_mine;
    return true;
}

static bool heap_l_finish(struct reading *r, struct err *err) {
    struct builder *b = r->t->b;
    scan_loss_report(r->t, &r->loss);
    if (r->said == ABSENT)
        transcript_lacks(r->t, ABSENT, "heap -l: the end of the list is cut off");
    else if (r->said != r->rows)
        transcript_lacks(r->t, r->said > r->rows ? r->said - r->rows : r->rows - r->said,
                         "heap -l: blocks more or less than it counts itself");
    if (r->left_out)
        builder_note(b, "sizes of unreachable blocks are not told apart: another list has sizes");
    else
        builder_note(b, "sizes are those of blocks that nothing points to (heap -l): leaked, "
                        "probably");
    if (!r->left_out)
        builder_present(b, PART_ALLOCATIONS);
    return builder_counter(b, "heap.unreachable_blocks", r->rows, "count", err) &&
           builder_counter(b, "heap.unreachable_bytes", r->bytes, "bytes", err);
}

static bool heap_l_read(struct transcript *t, struct err *err) {
    struct reading r = {
        .t = t,
        .said = ABSENT,
        .left_out = snapshot_has(builder_snapshot(t->b), PART_ALLOCATIONS),
    };
    if (!scan_table(t, &r.loss, heap_l_take_line, &r, err))
        return false;
    if (r.rows == 0 && r.said != 0) {
        transcript_hollow(t, "heap -l: a heading without blocks");
        return true;
    }
    return heap_l_finish(&r, err);
}

/* `!heap -x` has the same columns, for the one block that was asked for. */
static bool heap_l_starts(const struct transcript *t) {
    struct str text = t->line.text;
    if (str_first(text) == 'S')
        return is_preamble(text);
    return (str_first(text) == '#' || str_first(text) == 'E') && heap_l_is_heading(text) &&
           transcript_last_command_is(t, "heap") && transcript_last_command_has(t, "-l");
}

const struct section section_heap_l = {
    .name = "heap-l",
    .summary = "!heap -l: blocks of native heaps that nothing points to (WinDbg)",
    .may_give = PART_BIT(PART_ALLOCATIONS) | PART_BIT(PART_COUNTERS),
    .starts = heap_l_starts,
    .read = heap_l_read,
};
