/*
 * Output of valgrind --tool=massif (and of heaptrack_print --print-massif): a log of the heap, of
 * which some snapshots say who allocated.
 *
 *   desc: --detailed-freq=2
 *   cmd: ./shop --fast
 *   time_unit: i
 *   #-----------
 *   snapshot=5
 *   #-----------
 *   time=169277
 *   mem_heap_B=11852
 *   mem_heap_extra_B=532
 *   mem_stacks_B=0
 *   heap_tree=detailed               or "peak", or "empty": no tree follows
 *   n2: 11852 (heap allocation functions) malloc/new/new[], --alloc-fns, etc.
 *    n1: 5616 0x109190: pool_alloc (pool.c:6)           who called it is one blank deeper
 *     n0: 5616 0x1091C8: session_open (shop.c:7)
 *    n0: 6236 in 24 places, all below massif's threshold (1.00%)
 *
 * Moments are the snapshots with a tree; where none has one, all of them.
 */
#include "base/num.h"
#include "input/input.h"
#include "input/allocation_tree.h"
#include "model/rows_origin.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct massif {
    struct builder *b;
    struct str rest;
    bool has_trees, measures_stacks;
    struct str time_unit;
    uint64_t snapshots, trees, seen_trees;
    uint64_t peak_bytes, peak_moment; /* ABSENT: no snapshot is marked as the peak */
    uint64_t last_bytes;              /* of the last snapshot; ABSENT */
    bool last_has_tree;
    uint64_t bad_lines;
    struct allocation_tree tree;
};

/* -- The tree ---------------------------------------------------------------------------------- */

/* "n2: 11852 ..." behind its blanks. */
static bool parse_node(struct str line, uint64_t *ret_bytes, uint64_t *ret_callers,
                       struct str *ret_text) {
    struct str rest = str_drop(line, 1);
    struct str callers = str_next_field(&rest);
    if (line.len < 2 || str_first(line) != 'n' || !str_ends(callers, STR(":")) ||
        !num_dec(str_take(callers, callers.len - 1), ret_callers) ||
        !num_dec(str_next_field(&rest), ret_bytes) || *ret_bytes == ABSENT)
        return false;
    *ret_text = str_trim(rest);
    return true;
}

static bool read_node(struct massif *m, struct str line, bool *ret_mine, struct err *err) {
    uint32_t depth = 0;
    uint64_t bytes, callers;
    struct str text;
    while (depth < line.len && line.ptr[depth] == ' ')
        depth++;
    *ret_mine = parse_node(str_drop(line, depth), &bytes, &callers, &text);
    return !*ret_mine || allocation_tree_add(&m->tree, depth, bytes, callers, text, err);
}

/* The lines of one tree; without a builder to fill they are passed over. */
static bool read_tree(struct massif *m, bool wanted, uint64_t heap_bytes, struct err *err) {
    struct str rest = m->rest, line;
    bool mine = true, first = true;
    while (str_next_line(&rest, &line) && line.len && str_first(line) != '#') {
        if (wanted && !read_node(m, line, &mine, err))
            return false;
        m->bad_lines += !mine;
        if (wanted && first && m->tree.depth && m->tree.levels[0].bytes != heap_bytes)
            m->tree.differ++;
        first = false;
        m->rest = rest;
    }
    if (!wanted)
        return true;
    builder_present(m->b, PART_STACKS);
    m->tree.differ += m->tree.depth == 0;
    return allocation_tree_end(&m->tree, err);
}

/* -- Snapshots --------------------------------------------------------------------------------- */

struct massif_snapshot {
    uint64_t time, heap, extra, stacks;
    struct str tree; /* "empty", "detailed", "peak" */
};

/* The lines up to the tree. */
static void massif_read_fields(struct massif *m, struct massif_snapshot *s) {
    struct str rest = m->rest, line;
    *s = (struct massif_snapshot){ABSENT, ABSENT, ABSENT, ABSENT, {"", 0}};
    const struct {
        struct str label;
        uint64_t *value;
    } fields[] = {
        {STR_INIT("mem_heap_B="), &s->heap},
        {STR_INIT("mem_heap_extra_B="), &s->extra},
        {STR_INIT("mem_stacks_B="), &s->stacks},
    };
    while (s->tree.len == 0 && str_next_line(&rest, &line) && !str_starts(line, STR("snapshot="))) {
        m->rest = rest;
        uint64_t unit = str_eq(m->time_unit, STR("ms"))  ? 1000000
                        : str_eq(m->time_unit, STR("s")) ? 1000000000
                                                         : 1;
        bool good = line.len == 0 || str_first(line) == '#';
        if (str_starts(line, STR("time=")))
            good = num_scaled(str_drop(line, 5), unit, &s->time);
        else if (str_starts(line, STR("heap_tree=")))
            good = (s->tree = str_trim(str_drop(line, 10))).len > 0;
        for (size_t i = 0; i < sizeof(fields) / sizeof(*fields) && !good; i++)
            if (str_starts(line, fields[i].label))
                good = num_dec(str_trim(str_drop(line, fields[i].label.len)), fields[i].value);
        m->bad_lines += !good;
    }
}

static bool massif_add_sums(struct massif *m, const struct massif_snapshot *s, struct err *err) {
    bool by_clock = str_eq(m->time_unit, STR("ms")) || str_eq(m->time_unit, STR("s"));
    const struct allocation_sums sums = {.heap = s->heap,
                                         .overhead = s->extra,
                                         .stacks = m->measures_stacks ? s->stacks : ABSENT,
                                         .recorded_ns = by_clock ? s->time : ABSENT};
    return allocation_sums_add(m->b, &sums, err);
}

static bool read_snapshot(struct massif *m, struct err *err) {
    struct massif_snapshot s;
    massif_read_fields(m, &s);
    bool peak = str_eq(s.tree, STR("peak")), tree = peak || str_eq(s.tree, STR("detailed"));
    if (s.heap == ABSENT || (!tree && !str_eq(s.tree, STR("empty"))))
        m->bad_lines++; /* cut */
    m->seen_trees += tree;
    m->snapshots++;
    m->last_bytes = s.heap;
    m->last_has_tree = tree;
    if (peak) {
        m->peak_bytes = s.heap;
        m->peak_moment = m->seen_trees;
    }
    if (!tree && m->has_trees)
        return true;
    uint64_t parts = PART_BIT(PART_STACKS) | PART_BIT(PART_COUNTERS) | PART_BIT(PART_ALLOCATIONS);
    bool wanted = builder_moment(m->b, parts);
    /* Of all the moments that may be the last only the last is built. */
    if (builder_chosen(m->b) == ABSENT && m->has_trees && m->seen_trees < m->trees)
        wanted = false;
    if (wanted && !massif_add_sums(m, &s, err))
        return false;
    return !tree || read_tree(m, wanted, s.heap, err);
}

/* -- The file ---------------------------------------------------------------------------------- */

static uint64_t count_trees(struct str text) {
    static const struct str marks[] = {STR_INIT("\nheap_tree=detailed"),
                                       STR_INIT("\nheap_tree=peak")};
    uint64_t count = 0;
    for (size_t i = 0; i < 2; i++)
        for (size_t at = 0; (at = str_find(text, marks[i], at)) != STR_NOT_FOUND; at++)
            count++;
    return count;
}

static bool massif_read_header(struct massif *m, struct str line, struct err *err) {
    struct origin_row *origin = builder_single(m->b, PART_ORIGIN, err);
    if (!origin)
        return false;
    if (str_starts(line, STR("desc: "))) {
        bool ours = str_contains(line, STR("heaptrack"));
        m->measures_stacks = str_contains(line, STR("--stacks=yes"));
        if (str_contains(line, STR("--pages-as-heap=yes")))
            builder_note(m->b, "massif counted pages (--pages-as-heap), not allocations");
        builder_say(m->b, &origin->sampled, 0, "whether figures are samples");
        return builder_say_string(m->b, &origin->tool, ours ? STR("heaptrack") : STR("massif"),
                                  "the tool", err);
    }
    if (str_starts(line, STR("cmd: ")))
        return builder_say_program(m->b, str_trim(str_drop(line, 5)), err);
    if (str_starts(line, STR("time_unit: ")))
        m->time_unit = str_trim(str_drop(line, 11));
    else
        m->bad_lines += line.len > 0 && str_first(line) != '#';
    return true;
}

static void say_rest(const struct massif *m) {
    uint64_t plain = m->snapshots - m->seen_trees;
    uint64_t bad_lines = m->bad_lines + m->tree.bad_frames;
    if (bad_lines)
        builder_lacks(m->b, PART_BIT(PART_STACKS), ASPECT_ROWS, bad_lines,
                      "massif: lines were not understood");
    if (m->tree.differ)
        builder_lacks(m->b, PART_BIT(PART_STACKS), ASPECT_ROWS, m->tree.differ,
                      "massif: sums of the tree differ from their parts");
    /* What is true of the file is said once of a series, at its end. */
    if (builder_chosen(m->b) != ABSENT && builder_chosen(m->b) + 1 != m->trees)
        return;
    if (!m->has_trees) {
        builder_note(m->b, "massif: no snapshot says who allocated (valgrind --detailed-freq=1)");
        builder_absent(m->b, PART_BIT(PART_STACKS), ASPECT_ALL, ABSENT,
                       "massif: no snapshot says who allocated");
    }
    if (m->has_trees && plain && m->last_has_tree)
        builder_note(m->b, "massif: %" PRIu64 " snapshots of totals alone are left out", plain);
    else if (m->has_trees && plain)
        builder_note(m->b,
                     "massif: %" PRIu64 " snapshots of totals alone are left out; the last has "
                     "%" PRIu64 " bytes",
                     plain, m->last_bytes);
    if (m->peak_moment != ABSENT && m->peak_moment != m->trees)
        builder_note(m->b, "massif: the peak, %" PRIu64 " bytes, is moment %" PRIu64, m->peak_bytes,
                     m->peak_moment);
}

static bool massif_read_lines(struct massif *m, struct err *err) {
    struct str line;
    bool in_header = true;
    while (str_next_line(&m->rest, &line)) {
        if (str_starts(line, STR("snapshot="))) {
            in_header = false;
            if (!read_snapshot(m, err))
                return false;
        } else if (in_header) {
            if (!massif_read_header(m, line, err))
                return false;
        } else {
            m->bad_lines += line.len > 0 && str_first(line) != '#';
        }
    }
    return true;
}

static bool read_massif(struct source *source, struct builder *b, struct err *err) {
    struct massif *m = calloc(1, sizeof(*m));
    if (!m)
        return err_nomem(err);
    m->b = m->tree.b = b;
    m->rest = (struct str){(const char *)source->bytes.data, source->bytes.size};
    m->peak_bytes = m->peak_moment = m->last_bytes = ABSENT;
    m->trees = count_trees(m->rest);
    m->has_trees = m->trees > 0;
    if (m->rest.len && str_last(m->rest) != '\n')
        m->bad_lines++; /* cut in the middle of a line */
    bool ok = massif_read_lines(m, err);
    if (ok && m->snapshots == 0)
        ok = err_set(err, ERR_FORMAT, "massif took no snapshot (valgrind was ended, or it is cut)");
    if (ok)
        say_rest(m);
    free(m);
    return ok;
}

static bool probe_massif(struct bytes head) {
    struct str rest = {(const char *)head.data, head.size}, line;
    return str_next_line(&rest, &line) && str_starts(line, STR("desc: ")) &&
           str_next_line(&rest, &line) && str_starts(line, STR("cmd: ")) &&
           str_next_line(&rest, &line) && str_starts(line, STR("time_unit: "));
}

const struct input input_massif = {
    .name = "massif",
    .whole = true,
    .summary = "massif.out.PID of valgrind --tool=massif; each detailed snapshot is a moment",
    .may_give = PART_BIT(PART_STACKS) | PART_BIT(PART_ALLOCATIONS) | PART_BIT(PART_COUNTERS),
    .probe = probe_massif,
    .read = read_massif,
};
