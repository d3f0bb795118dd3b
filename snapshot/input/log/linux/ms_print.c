/*
 * ms_print: what massif of valgrind measured, as text. Moments are as in massif's own file: the
 * snapshots with a tree; where the text has no tree, all of them.
 *
 *     Command:            ./till --fast
 *     Massif arguments:   (none)
 *     ms_print arguments: massif.out.4711
 *     ...                                                                  a graph
 *     Number of snapshots: 25
 *      Detailed snapshots: [9, 14 (peak), 24]
 *     --------------------------------------------------------------------------------
 *       n        time(i)         total(B)   useful-heap(B) extra-heap(B)    stacks(B)
 *     --------------------------------------------------------------------------------
 *      23        143,540           36,896           36,210           686            0
 *      24        143,628           37,248           36,542           706            0
 *     98.10% (36,542B) (heap allocation functions) malloc/new/new[], --alloc-fns, etc.
 *     ->91.95% (34,250B) 0x109160: pool_alloc (pool.c:6)
 *     | ->78.53% (29,250B) 0x109177: session_open (shop.c:7)
 *     |
 *     ->05.64% (2,100B) in 7 places, all below ms_print's threshold (01.00%)
 *
 * A tree is known by its first line, with or without the snapshot above it; how deep a node stands
 * by how far it is to the right of the first one.
 *
 * Source: massif/ms_print.in of valgrind.
 */
#include "input/log/scan.h"
#include "input/log/stat_table.h"
#include "input/allocation_tree.h"
#include "model/rows_origin.h"

#include "base/chars.h"
#include "base/num.h"

#include <inttypes.h>
#include <stdlib.h>

#define DETAILED_MOST 512u
#define GRAPH_LINES   40u

struct msprint_row {
    uint64_t number, time, heap, extra, stacks;
};

struct msprint {
    struct transcript *t;
    struct allocation_tree tree;
    struct msprint_row row; /* the last one; number ABSENT: none, or its tree came already */
    uint64_t detailed[DETAILED_MOST];
    size_t detailed_count;
    uint64_t said;  /* [count] of snapshots; ABSENT: not said */
    uint64_t peak;  /* its number; ABSENT: not said */
    uint64_t trees; /* [count] in the text */
    uint64_t rows, seen_trees, without_tree;
    uint64_t peak_moment, peak_bytes;
    size_t first_column; /* where the first node of the tree stands */
    uint64_t time_unit;  /* [ns]; 0: it is no time */
    bool headed, in_tree, wanted;
    struct scan_loss loss;
};

/* -- Lines ------------------------------------------------------------------------------------- */

static bool msprint_is_heading(struct str text) {
    struct str f[3];
    return scan_fields(text, f, 3, NULL) == 3 && str_eq(f[0], STR("n")) &&
           str_starts(f[1], STR("time(")) && str_eq(f[2], STR("total(B)"));
}

/* " 24   143,628   37,248   36,542   706   0" */
static bool msprint_parse_row(struct str text, struct msprint_row *ret_row) {
    struct str f[6], rest;
    uint64_t total;
    return scan_fields(text, f, 6, &rest) == 6 && rest.len == 0 &&
           num_dec(f[0], &ret_row->number) && num_grouped(f[1], &ret_row->time) &&
           num_grouped(f[2], &total) && num_grouped(f[3], &ret_row->heap) &&
           num_grouped(f[4], &ret_row->extra) && num_grouped(f[5], &ret_row->stacks);
}

/* "91.95% (34,250B) 0x109160: pool_alloc (pool.c:6)": what it has, and what stands behind it. */
static bool msprint_parse_node(struct str text, uint64_t *ret_bytes, struct str *ret_text) {
    struct str rest = text, percent = str_next_field(&rest), bytes = str_next_field(&rest);
    if (!str_ends(percent, STR("%")) || !str_starts(bytes, STR("(")) || !str_ends(bytes, STR("B)")))
        return false;
    *ret_text = str_trim(rest);
    return num_grouped(str_take(str_drop(bytes, 1), bytes.len - 3), ret_bytes) &&
           *ret_bytes != ABSENT && ret_text->len;
}

static bool msprint_is_root(struct str text, uint64_t *ret_bytes) {
    struct str what;
    return char_is_digit(str_first(text)) && msprint_parse_node(text, ret_bytes, &what) &&
           (str_starts(what, STR("(heap allocation functions)")) ||
            str_starts(what, STR("(page allocation syscalls)")));
}

/* "| ->12.50% ...": *ret_column is where the arrow stands. */
static bool msprint_is_node(struct str raw, size_t *ret_column, uint64_t *ret_bytes,
                            struct str *ret_text) {
    size_t at = str_find(str_take(raw, 2 * STACK_FRAMES_MAX + 64), STR("->"), 0);
    *ret_column = at;
    return at != STR_NOT_FOUND && msprint_parse_node(str_drop(raw, at + 2), ret_bytes, ret_text);
}

/* The bars between two nodes. */
static bool msprint_is_bars(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '|' && text.ptr[i] != ' ')
            return false;
    return text.len > 0;
}

/* "Detailed snapshots: [9, 14 (peak), 24]" */
static bool msprint_take_detailed(struct msprint *r, struct str text) {
    static const struct str label = STR_INIT("Detailed snapshots: [");
    if (!str_starts(text, label))
        return false;
    struct str rest = str_drop(text, label.len), word;
    while ((word = str_next_field(&rest)).len) {
        uint64_t number;
        while (word.len && (str_ends(word, STR(",")) || str_ends(word, STR("]"))))
            word = str_take(word, word.len - 1);
        if (str_eq(word, STR("(peak)")) && r->detailed_count)
            r->peak = r->detailed[r->detailed_count - 1];
        else if (num_dec(word, &number) && r->detailed_count < DETAILED_MOST)
            r->detailed[r->detailed_count++] = number;
    }
    return true;
}

static bool msprint_is_other(struct msprint *r, struct str text) {
    struct str value;
    if (scan_labelled(text, "Number of snapshots", &value))
        return num_dec(value, &r->said);
    return transcript_is_rule(text) || msprint_is_bars(text) || msprint_take_detailed(r, text) ||
           str_starts(text, STR("Massif arguments:")) ||
           str_starts(text, STR("ms_print arguments:"));
}

/* -- Moments ----------------------------------------------------------------------------------- */

/* ABSENT stays so; what has no room in a signed number is cut to that. */
static uint64_t msprint_scaled(uint64_t value, uint64_t scale) {
    return value == ABSENT                  ? ABSENT
           : value > UINT64_MAX / 2 / scale ? UINT64_MAX / 2
                                            : value * scale;
}

static bool msprint_add_sums(struct msprint *r, const struct msprint_row *row, struct err *err) {
    struct allocation_sums sums = {.heap = msprint_scaled(row->heap, 1),
                                   .overhead = msprint_scaled(row->extra, 1),
                                   /* 0 where massif was not asked for them, too. */
                                   .stacks = row->stacks ? msprint_scaled(row->stacks, 1) : ABSENT,
                                   .recorded_ns = ABSENT};
    if (row->time && r->time_unit)
        sums.recorded_ns = msprint_scaled(row->time, r->time_unit);
    return allocation_sums_add(r->t->b, &sums, err);
}

/* Another moment begins; of those of whom only the last is wanted the others are not built. */
static bool msprint_begin(struct msprint *r, const struct msprint_row *row, struct err *err) {
    struct builder *b = r->t->b;
    r->wanted = builder_moment(b, PART_BIT(PART_STACKS) | PART_BIT(PART_COUNTERS) |
                                      PART_BIT(PART_ALLOCATIONS));
    if (builder_chosen(b) == ABSENT && r->trees && r->seen_trees < r->trees)
        r->wanted = false;
    if (row->number != ABSENT && row->number == r->peak) {
        r->peak_moment = r->trees ? r->seen_trees : r->rows;
        r->peak_bytes = row->heap;
    }
    return !r->wanted || msprint_add_sums(r, row, err);
}

static bool msprint_end_tree(struct msprint *r, struct err *err) {
    r->in_tree = false;
    return allocation_tree_end(&r->tree, err);
}

static bool msprint_is_detailed(const struct msprint *r, uint64_t number) {
    for (size_t i = 0; i < r->detailed_count; i++)
        if (r->detailed[i] == number)
            return true;
    return false;
}

static bool msprint_take_row(struct msprint *r, const struct msprint_row *row, struct err *err) {
    if (!msprint_end_tree(r, err))
        return false;
    r->without_tree += r->row.number != ABSENT && msprint_is_detailed(r, r->row.number);
    r->row = *row;
    r->rows++;
    return r->trees || msprint_begin(r, row, err);
}

static bool msprint_take_root(struct msprint *r, uint64_t bytes, struct str text, struct err *err) {
    struct msprint_row row = {ABSENT, ABSENT, bytes, ABSENT, ABSENT};
    if (!msprint_end_tree(r, err))
        return false;
    if (r->row.number != ABSENT && r->row.heap == bytes)
        row = r->row;
    r->row.number = ABSENT;
    r->seen_trees++;
    r->in_tree = true;
    r->first_column = STR_NOT_FOUND;
    if (!msprint_begin(r, &row, err))
        return false;
    if (!r->wanted)
        return true;
    builder_present(r->t->b, PART_STACKS);
    return allocation_tree_add(&r->tree, 0, bytes, ABSENT, text, err);
}

static bool msprint_take_node(struct msprint *r, size_t column, uint64_t bytes, struct str text,
                              struct err *err) {
    if (r->first_column == STR_NOT_FOUND)
        r->first_column = column;
    if (!r->wanted)
        return true;
    if (column < r->first_column) {
        r->tree.differ++;
        return true;
    }
    uint32_t depth = 1 + (uint32_t)((column - r->first_column) / 2);
    return allocation_tree_add(&r->tree, depth, bytes, ABSENT, text, err);
}

static bool msprint_take(void *context, bool *ret_mine, struct err *err) {
    struct msprint *r = context;
    struct str text = r->t->line.text, node;
    struct msprint_row row;
    uint64_t bytes;
    size_t column;
    *ret_mine = true;
    if (msprint_is_heading(text)) {
        r->headed = true;
        r->time_unit = str_contains(text, STR("time(ms)")) ? 1000000 : 0;
        return msprint_end_tree(r, err);
    }
    if (msprint_is_root(text, &bytes))
        return msprint_take_root(r, bytes, text, err);
    if (r->in_tree && msprint_is_node(r->t->line.raw, &column, &bytes, &node))
        return msprint_take_node(r, column, bytes, node, err);
    if (r->headed && msprint_parse_row(text, &row))
        return msprint_take_row(r, &row, err);
    *ret_mine = msprint_is_other(r, text);
    return true;
}

/* -- Section ----------------------------------------------------------------------------------- */

/* How many trees there are, since only the last one is built where nothing else is wanted. */
static void msprint_count(struct msprint *r) {
    struct transcript scout = transcript_scout(r->t);
    struct msprint copy = {.t = &scout, .detailed_count = DETAILED_MOST};
    struct msprint_row row;
    struct str node;
    uint64_t bytes;
    size_t column;
    for (; !scout.at_end; transcript_next(&scout)) {
        struct str text = scout.line.text;
        bool root = msprint_is_root(text, &bytes);
        r->trees += root;
        if (!root && text.len && !msprint_is_heading(text) && !msprint_parse_row(text, &row) &&
            !msprint_is_node(scout.line.raw, &column, &bytes, &node) &&
            !transcript_is_elision(&scout.line) && !msprint_is_other(&copy, text))
            return;
    }
}

/* The program that ran, and the graph. */
static bool msprint_head(struct transcript *t, struct err *err) {
    struct str command;
    struct line line;
    if (!scan_labelled(t->line.text, "Command", &command))
        return true;
    if (!builder_say_program(t->b, command, err))
        return false;
    for (unsigned i = 1; i <= GRAPH_LINES && transcript_peek(t, i, &line); i++) {
        if (!str_starts(line.text, STR("Number of snapshots:")))
            continue;
        for (; i; i--)
            transcript_next(t);
        return true;
    }
    transcript_next(t);
    return true;
}

static void msprint_say(const struct msprint *r) {
    struct builder *b = r->t->b;
    uint64_t bad = r->tree.bad_frames;
    if (r->said != ABSENT && r->rows < r->said)
        builder_warn(b, r->said - r->rows, "ms_print: snapshots that are counted, but not listed");
    if (r->without_tree)
        transcript_lacks(r->t, r->without_tree, "ms_print: snapshots whose tree is there no more");
    if (bad)
        transcript_lacks(r->t, bad, "ms_print: frames that are not understood");
    if (r->tree.differ)
        transcript_lacks(r->t, r->tree.differ,
                         "ms_print: sums of the tree differ from their parts");
    if (!r->trees)
        builder_absent(b, PART_BIT(PART_STACKS), ASPECT_ALL, ABSENT,
                       "ms_print: no snapshot says who allocated");
    else if (r->row.number != ABSENT)
        builder_note(b,
                     "ms_print: the last snapshot, of %" PRIu64 " bytes, has no tree: what is "
                     "shown is the one before it that has",
                     r->row.heap);
    uint64_t last = r->trees ? r->seen_trees : r->rows;
    if (r->peak_moment && r->peak_moment != last)
        builder_note(b, "massif: the peak, %" PRIu64 " bytes, is moment %" PRIu64, r->peak_bytes,
                     r->peak_moment);
}

static bool msprint_read_all(struct msprint *r, struct err *err) {
    struct transcript *t = r->t;
    struct origin_row *origin = builder_single(t->b, PART_ORIGIN, err);
    if (!origin || !builder_say_string(t->b, &origin->tool, STR("massif"), "the tool", err) ||
        !msprint_head(t, err))
        return false;
    builder_say(t->b, &origin->sampled, 0, "whether figures are samples");
    msprint_count(r);
    if (!scan_table(t, &r->loss, msprint_take, r, err) || !msprint_end_tree(r, err))
        return false;
    r->without_tree += r->row.number != ABSENT && msprint_is_detailed(r, r->row.number);
    if (!r->rows && !r->seen_trees) {
        transcript_hollow(t, "ms_print: no snapshot in it");
        return true;
    }
    msprint_say(r);
    scan_loss_report(t, &r->loss);
    return true;
}

static bool msprint_read(struct transcript *t, struct err *err) {
    struct msprint *r = calloc(1, sizeof(*r));
    if (!r)
        return err_nomem(err);
    r->t = t;
    r->tree.b = t->b;
    r->said = r->peak = r->row.number = ABSENT;
    bool ok = msprint_read_all(r, err);
    free(r);
    return ok;
}

static bool msprint_starts(const struct transcript *t) {
    struct str text = t->line.text;
    struct line next;
    uint64_t bytes;
    switch (str_first(text)) {
    case 'C':
        return str_starts(text, STR("Command:")) && transcript_peek(t, 1, &next) &&
               str_starts(next.text, STR("Massif arguments:"));
    case 'N':
        return str_starts(text, STR("Number of snapshots: "));
    case 'n':
        return msprint_is_heading(text);
    default:
        return msprint_is_root(text, &bytes);
    }
}

const struct section section_ms_print = {
    .name = "ms-print",
    .summary = "ms_print: massif's measurements of the heap (each snapshot with a tree a moment)",
    .may_give = PART_BIT(PART_STACKS) | PART_BIT(PART_ALLOCATIONS) | PART_BIT(PART_COUNTERS),
    .lossy_parts = PART_BIT(PART_STACKS),
    .lossy = ASPECT_ROWS,
    .starts = msprint_starts,
    .read = msprint_read,
};
