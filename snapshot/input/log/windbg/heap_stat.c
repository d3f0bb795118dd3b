/*
 * `!heap -stat -h ADDRESS`: the sizes of which a native heap has most blocks or bytes. All hex.
 *
 *      heap @ 0000015d85bb0000
 *     group-by: TOTSIZE max-display: 20
 *         size     #blocks     total     ( %) (percent of total busy bytes)
 *         28 14b40 - 33c200  (38.60)
 *
 * With -h 0 all heaps come one after the other. Sizes beyond the number to display are left out.
 */
#include "input/log/scan.h"
#include "model/stacks.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include "base/num.h"

struct reading {
    struct transcript *t;
    uint64_t heaps, rows, wrong;
    uint64_t display; /* [count] rows a heap is limited to; ABSENT: not said */
    uint64_t in_heap; /* [count] rows of this heap so far */
    uint64_t limited; /* [count] heaps that have as many */
    uint64_t percent; /* of this heap, in hundredths */
    uint64_t partial; /* [count] heaps whose rows are not all, by their own percentages, ... */
    uint64_t least;   /* ... and the least that those of one make */
    bool left_out;    /* sizes of an earlier list are there already */
    struct scan_loss loss;
};

static bool heap_stat_is_heading(struct str text) {
    struct str f[3];
    return scan_fields(str_take(text, 128), f, 3, NULL) == 3 && str_eq(f[0], STR("size")) &&
           str_eq(f[1], STR("#blocks")) && str_eq(f[2], STR("total"));
}

static bool parse_heap(struct str text) {
    struct str f[3], rest;
    return scan_fields(text, f, 3, &rest) == 3 && rest.len == 0 && str_eq(f[0], STR("heap")) &&
           str_eq(f[1], STR("@")) && scan_is_address(f[2]);
}

/* "group-by: TOTSIZE max-display: 20" */
static bool parse_grouping(struct str text, uint64_t *ret_display) {
    struct str f[4];
    return scan_fields(text, f, 4, NULL) == 4 && str_eq(f[0], STR("group-by:")) &&
           str_eq(f[2], STR("max-display:")) && num_dec(f[3], ret_display);
}

struct row {
    uint64_t size, blocks, total;
    uint64_t percent; /* hundredths of one */
};

/* "28 14b40 - 33c200  (38.60)"; people write their remarks behind. */
static bool heap_stat_parse_row(struct str text, struct row *ret_row) {
    struct str f[5], rest;
    uint64_t product;
    if (scan_fields(str_take(text, 256), f, 5, &rest) != 5 || !str_eq(f[2], STR("-")) ||
        !str_starts(f[4], STR("(")) || !str_ends(f[4], STR(")")))
        return false;
    return num_hex(f[0], &ret_row->size) && num_hex(f[1], &ret_row->blocks) &&
           num_hex(f[3], &ret_row->total) &&
           num_scaled(str_take(str_drop(f[4], 1), f[4].len - 2), 100, &ret_row->percent) &&
           !__builtin_mul_overflow(ret_row->size, ret_row->blocks, &product) &&
           product == ret_row->total && product != ABSENT && ret_row->size != ABSENT;
}

static bool heap_stat_looks_like_row(struct str text) {
    struct str f[3];
    uint64_t value;
    size_t n = scan_fields(str_take(text, 128), f, 3, NULL);
    return n >= 2 && num_hex(f[0], &value) && num_hex(f[1], &value) &&
           (n == 2 || str_eq(f[2], STR("-")));
}

/* A hundred rows rounded down still make 99 %. */
#define PERCENT_WHOLE 9900u

static void heap_stat_end_heap(struct reading *r) {
    if (r->in_heap && r->percent < PERCENT_WHOLE) {
        r->partial++;
        r->least = num_min(r->least, r->percent);
    }
    r->in_heap = r->percent = 0;
}

static void begin_heap(struct reading *r) {
    heap_stat_end_heap(r);
    r->heaps++;
    r->display = ABSENT;
}

static bool heap_stat_store(struct reading *r, const struct row *row, struct err *err) {
    r->rows++;
    r->limited += ++r->in_heap == r->display;
    r->percent = num_add(r->percent, row->percent);
    if (r->left_out)
        return true;
    struct allocation_row sum = ALLOCATION_ROW;
    sum.by = "size";
    sum.size_each = row->size;
    sum.count = row->blocks;
    sum.bytes = row->total;
    return builder_add_allocation(r->t->b, &sum, err);
}

static bool heap_stat_take_line(void *context, bool *ret_mine, struct err *err) {
    struct reading *r = context;
    struct str text = r->t->line.text, command;
    struct row row;
    *ret_mine = true;
    if (heap_stat_parse_row(text, &row))
        return heap_stat_store(r, &row, err);
    if (parse_heap(text)) {
        begin_heap(r);
        return true;
    }
    if (heap_stat_is_heading(text) || parse_grouping(text, &r->display))
        return true;
    *ret_mine = heap_stat_looks_like_row(text) && !transcript_is_command(&r->t->line, &command);
    r->loss.unparsed += *ret_mine;
    return true;
}

static bool heap_stat_file_read(struct transcript *t, struct err *err) {
    struct builder *b = t->b;
    struct reading r = {
        .t = t,
        .display = ABSENT,
        .least = ABSENT,
        .left_out = snapshot_has(builder_snapshot(b), PART_ALLOCATIONS) && !t->heap_stat_read,
    };
    if (!scan_table(t, &r.loss, heap_stat_take_line, &r, err))
        return false;
    if (r.rows == 0) {
        transcript_hollow(t, "heap -stat: a heading without sizes");
        return true;
    }
    t->heap_stat_read = true;
    if (r.left_out)
        builder_warn(b, r.rows, "heap -stat: sizes that another list has summed up, left out");
    heap_stat_end_heap(&r);
    if (r.partial)
        transcript_lacks(t, r.partial,
                         "heap -stat: heaps whose sizes are not all listed (by their own "
                         "percentages they make %u.%u %%)",
                         (unsigned)(r.least / 100), (unsigned)(r.least % 100 / 10));
    else if (r.limited)
        transcript_lacks(t, r.limited,
                         "heap -stat: heaps of which the first sizes alone are listed");
    scan_loss_report(t, &r.loss);
    return true;
}

static bool heap_stat_starts(const struct transcript *t) {
    struct str text = t->line.text;
    struct line next;
    uint64_t ignored;
    if (str_first(text) == 's')
        return heap_stat_is_heading(text);
    if (str_first(text) == 'g')
        return parse_grouping(text, &ignored);
    return str_first(text) == 'h' && parse_heap(text) && transcript_peek(t, 1, &next) &&
           (parse_grouping(next.text, &ignored) || heap_stat_is_heading(next.text) ||
            !next.text.len);
}

const struct section section_heap_stat = {
    .name = "heap-stat",
    .summary = "!heap -stat -h: blocks of native heaps by their size (WinDbg)",
    .may_give = PART_BIT(PART_ALLOCATIONS),
    .open_parts = PART_BIT(PART_ALLOCATIONS),
    .starts = heap_stat_starts,
    .read = heap_stat_file_read,
};
