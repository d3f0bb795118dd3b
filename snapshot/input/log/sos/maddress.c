/*
 * The summary of SOS's `maddress`: the process's memory by what the runtime uses it for.
 *
 *     +-------------------------------------------------------------------------+
 *     | Memory Type            |          Count |         Size |   Size (bytes) |
 *     +-------------------------------------------------------------------------+
 *     | GCHeap                 |             17 |       1.29gb |  1,385,172,992 |
 *     | [TOTAL]                |            210 |       1.58gb |  1,696,512,000 |
 *
 * The table of all regions in front of it is not read: the summary says the same, exactly.
 */
#include "input/log/memory_text.h"

#include "base/num.h"
#include "model/rows_process.h"

#define CELLS 4

/* "| a | b | c | d |": false unless there are as many cells. */
static bool split_cells(struct str text, struct str cells[CELLS]) {
    if (text.len > 512 || !str_starts(text, STR("|")))
        return false;
    text = str_drop(text, 1);
    for (size_t i = 0; i < CELLS; i++) {
        size_t bar = str_find(text, STR("|"), 0);
        if (bar == STR_NOT_FOUND)
            return false;
        cells[i] = str_trim(str_take(text, bar));
        text = str_drop(text, bar + 1);
    }
    return str_trim(text).len == 0;
}

static bool maddress_is_heading(struct str text) {
    struct str cells[CELLS];
    return split_cells(text, cells) && str_eq_nocase(cells[1], STR("Count")) &&
           str_eq_nocase(cells[2], STR("Size")) && str_eq_nocase(cells[3], STR("Size (bytes)"));
}

static bool maddress_parse_row(struct str text, struct str *ret_key,
                               struct memory_row *ret_values) {
    struct str cells[CELLS];
    *ret_values = (struct memory_row){.private_bytes = ABSENT};
    if (!split_cells(text, cells) || cells[0].len == 0 || cells[0].len > MEMORY_KEY_MAX)
        return false;
    *ret_key = cells[0];
    return num_grouped(cells[1], &ret_values->regions) && num_grouped(cells[3], &ret_values->bytes);
}

struct reading {
    struct transcript *t;
    bool claimed;
    uint64_t rows, sum, total; /* [bytes]; total: printed, ABSENT: not */
    struct scan_loss loss;
};

static bool maddress_take_line(void *context, bool *ret_mine, struct err *err) {
    struct reading *r = context;
    struct str text = r->t->line.text, key;
    struct memory_row values;
    *ret_mine = r->total == ABSENT && (str_starts(text, STR("|")) || str_starts(text, STR("+-")) ||
                                       maddress_is_heading(text));
    if (!str_starts(text, STR("|")) || !*ret_mine || maddress_is_heading(text))
        return true;
    if (!maddress_parse_row(text, &key, &values)) {
        r->loss.unparsed++;
        return true;
    }
    if (str_eq_nocase(key, STR("[TOTAL]"))) {
        r->total = values.bytes;
        return true;
    }
    r->rows++;
    r->sum = num_add(r->sum, values.bytes);
    return !r->claimed || memory_say(r->t->b, MEMORY_BY_USAGE, key, values, &r->loss, err);
}

static bool maddress_read(struct transcript *t, struct err *err) {
    struct reading r = {.t = t, .total = ABSENT};
    uint64_t ignored;
    r.claimed = memory_claim(t, "maddress", NULL, &ignored);
    if (!scan_table(t, &r.loss, maddress_take_line, &r, err))
        return false;
    if (r.rows == 0)
        transcript_hollow(t, "maddress: a heading without rows");
    else if (r.total == ABSENT)
        transcript_lacks(t, ABSENT, "maddress: the total is cut off, and perhaps rows");
    else if (r.total != r.sum)
        builder_warn(t->b, ABSENT, "maddress: rows add up to %llu bytes, printed are %llu",
                     (unsigned long long)r.sum, (unsigned long long)r.total);
    scan_loss_report(t, &r.loss);
    return true;
}

static bool maddress_starts(const struct transcript *t) {
    return str_first(t->line.text) == '|' && maddress_is_heading(t->line.text);
}

const struct section section_maddress = {
    .name = "maddress",
    .summary = "maddress: memory by what the runtime uses it for (SOS)",
    .may_give = PART_BIT(PART_MEMORY_MAP),
    .starts = maddress_starts,
    .read = maddress_read,
};
