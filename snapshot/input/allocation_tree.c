#include "input/allocation_tree.h"

#include "base/num.h"
#include "input/valgrind_frame.h"
#include "model/known_names.h"
#include "model/rows_stacks.h"

bool allocation_sums_add(struct builder *b, const struct allocation_sums *sums, struct err *err) {
    const struct {
        const char *name;
        uint64_t value;
        const char *unit;
    } counters[] = {
        {COUNTER_HEAP_OUTSTANDING, sums->heap, "bytes"},
        {"heap.overhead_bytes", sums->overhead, "bytes"},
        {"memory.stacks_bytes", sums->stacks, "bytes"},
        {COUNTER_RECORDED_NS, sums->recorded_ns, "ns"},
    };
    for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++)
        if (counters[i].value != ABSENT &&
            !builder_counter(b, counters[i].name, counters[i].value, counters[i].unit, err))
            return false;
    struct allocation_row total = ALLOCATION_ROW;
    total.by = "total";
    total.bytes = sums->heap;
    return builder_add_allocation(b, &total, err);
}

/* What a node has that no caller of it has. */
static bool allocation_tree_add_row(struct allocation_tree *tree, uint32_t frames, uint64_t bytes,
                                    struct err *err) {
    struct stack_row row = STACK_ROW;
    if (frames == 0 &&
        !(tree->frames[frames++] = builder_frame(tree->b, STR(""), STR(""), ABSENT, err)))
        return false;
    row.frames = (struct strings){tree->frames, frames};
    row.bytes = bytes;
    return builder_add_stack(tree->b, &row, err);
}

/* Ends all levels from `depth` on: a leaf is a stack; elsewhere the callers have all of it. */
static bool allocation_tree_close(struct allocation_tree *tree, uint32_t depth, struct err *err) {
    while (tree->depth > depth) {
        const struct allocation_level *level = &tree->levels[--tree->depth];
        bool missing = level->callers != ABSENT && level->callers;
        bool differs = level->in_callers > level->bytes || missing;
        uint64_t own = level->bytes > level->in_callers ? level->bytes - level->in_callers : 0;
        if (level->in_callers && own)
            differs = true;
        tree->differ += differs;
        if (own && !allocation_tree_add_row(tree, tree->depth, own, err))
            return false;
    }
    return true;
}

/* "0x1091C8: session_open (shop.c:7)", "0x4929B8A: ??? (in /usr/lib/libc.so.6)", "in 24 places..."
 */
static const char *allocation_tree_frame(struct allocation_tree *tree, struct str text,
                                         struct err *err) {
    if (str_starts(text, STR("in ")))
        return builder_string(tree->b, STR(FRAME_BELOW_THRESHOLD), err);
    size_t colon = str_find(text, STR(": "), 0);
    bool bad;
    const char *frame = valgrind_frame(
        tree->b, colon == STR_NOT_FOUND ? text : str_drop(text, colon + 2), &bad, err);
    tree->bad_frames += bad;
    return frame;
}

/* "in 24 places, all below massif's threshold (1.00%)": none of them has more than that. */
static void allocation_tree_below(struct allocation_tree *tree, uint64_t bytes, struct str text) {
    size_t open = str_find(text, STR("("), 0), sign = str_find(text, STR("%"), 0);
    uint64_t hundredths;
    if (open != STR_NOT_FOUND && sign != STR_NOT_FOUND && open < sign &&
        num_scaled(str_drop(str_take(text, sign), open + 1), 100, &hundredths) &&
        hundredths <= 10000)
        bytes =
            num_min(bytes, (uint64_t)((double)tree->levels[0].bytes * (double)hundredths / 1e4));
    tree->below = num_max(tree->below, num_max(bytes, 1));
}

bool allocation_tree_add(struct allocation_tree *tree, uint32_t depth, uint64_t bytes,
                         uint64_t callers, struct str text, struct err *err) {
    if (depth > tree->depth || depth > STACK_FRAMES_MAX) {
        tree->differ++; /* its callee is not there, or too far away */
        return true;
    }
    if (!allocation_tree_close(tree, depth, err))
        return false;
    if (depth && !(tree->frames[depth - 1] = allocation_tree_frame(tree, text, err)))
        return false;
    if (depth && str_starts(text, STR("in ")))
        allocation_tree_below(tree, bytes, text);
    if (depth) {
        struct allocation_level *callee = &tree->levels[depth - 1];
        callee->in_callers = num_add(callee->in_callers, bytes);
        if (callee->callers == 0)
            tree->differ++;
        else if (callee->callers != ABSENT)
            callee->callers--;
    }
    tree->levels[depth] = (struct allocation_level){.bytes = bytes, .callers = callers};
    tree->depth = depth + 1;
    return true;
}

bool allocation_tree_end(struct allocation_tree *tree, struct err *err) {
    if (tree->below)
        builder_unlisted(tree->b, PART_STACKS, 0, (struct bounds){ABSENT, tree->below},
                         "massif: places below its threshold are told together");
    tree->below = 0;
    return allocation_tree_close(tree, 0, err);
}
