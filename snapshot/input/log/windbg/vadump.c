/*
 * `vadump -sop PID`: the working set by category.
 *
 *     Category                        Total        Private Shareable    Shared
 *                                Pages    KBytes    KBytes    KBytes    KBytes
 *           Page Table Pages        42       168       168         0         0
 *           Total Modules         3470     13880      1000      7828      5052
 *     Grand Total Working Set    17837     71348     54692      8276      8380
 *
 * Rows that start with "Total" sum up the ones above. Old systems have no column "Shared".
 */
#include "input/log/memory_text.h"

#include "base/num.h"
#include "model/rows_process.h"

#define COLUMNS_MAX 5

enum { COLUMN_PAGES, COLUMN_BYTES, COLUMN_PRIVATE };

struct row {
    struct str key;
    uint64_t columns[COLUMNS_MAX]; /* pages, then KBytes */
};

static bool vadump_is_heading(struct str text) {
    struct str f[4];
    size_t n = scan_fields(str_take(text, 128), f, 4, NULL);
    return n == 4 && str_eq(f[0], STR("Category")) && str_eq(f[1], STR("Total")) &&
           str_eq(f[2], STR("Private"));
}

static bool is_units(struct str text) {
    return str_starts(text, STR("Pages ")) && str_ends(text, STR("KBytes"));
}

static bool vadump_parse_row(struct str text, struct row *ret_row) {
    uint64_t numbers[COLUMNS_MAX];
    size_t count = 0;
    if (text.len > 256)
        return false;
    struct str rest = text;
    while (count < COLUMNS_MAX) {
        struct str before = rest, field = scan_last_field(&before);
        if (!num_dec(field, &numbers[count]))
            break;
        count++;
        rest = before;
    }
    if (count < 4 || rest.len == 0 || rest.len > MEMORY_KEY_MAX)
        return false;
    ret_row->key = rest;
    for (size_t i = 0; i < COLUMNS_MAX; i++)
        ret_row->columns[i] = i < count ? numbers[count - 1 - i] : ABSENT;
    return true;
}

static uint64_t from_kilobytes(uint64_t kilobytes) {
    uint64_t bytes;
    return __builtin_mul_overflow(kilobytes, (uint64_t)1024, &bytes) ? ABSENT - 1 : bytes;
}

struct reading {
    struct transcript *t;
    bool claimed, ended;
    uint64_t rows, sum; /* [bytes] */
    struct scan_loss loss;
};

static bool grand_total(struct reading *r, const struct row *row, struct err *err) {
    struct builder *b = r->t->b;
    uint64_t bytes = from_kilobytes(row->columns[COLUMN_BYTES]);
    r->ended = true;
    if (bytes != r->sum)
        builder_warn(b, ABSENT, "vadump: categories add up to %llu bytes, printed are %llu",
                     (unsigned long long)r->sum, (unsigned long long)bytes);
    return builder_counter(b, "memory.working_set", bytes, "bytes", err) &&
           builder_counter(b, "memory.working_set_private",
                           from_kilobytes(row->columns[COLUMN_PRIVATE]), "bytes", err);
}

static bool vadump_take_line(void *context, bool *ret_mine, struct err *err) {
    struct reading *r = context;
    struct str text = r->t->line.text;
    struct row row;
    *ret_mine = !r->ended;
    if (r->ended || vadump_is_heading(text) || is_units(text))
        return true;
    *ret_mine = vadump_parse_row(text, &row);
    if (!*ret_mine || str_starts(row.key, STR("Total ")))
        return true;
    if (str_starts(row.key, STR("Grand Total")))
        return grand_total(r, &row, err);
    struct memory_row values = {
        .regions = ABSENT,
        .bytes = from_kilobytes(row.columns[COLUMN_BYTES]),
        .private_bytes = from_kilobytes(row.columns[COLUMN_PRIVATE]),
    };
    r->rows++;
    r->sum = num_add(r->sum, values.bytes);
    return !r->claimed || memory_say(r->t->b, MEMORY_BY_USAGE, row.key, values, &r->loss, err);
}

static bool vadump_read(struct transcript *t, struct err *err) {
    struct reading r = {.t = t};
    uint64_t ignored;
    r.claimed = memory_claim(t, "vadump", NULL, &ignored);
    if (!scan_table(t, &r.loss, vadump_take_line, &r, err))
        return false;
    if (r.rows == 0)
        transcript_hollow(t, "vadump: a heading without categories");
    else if (!r.ended)
        transcript_lacks(t, ABSENT, "vadump: the grand total is cut off, and perhaps categories");
    scan_loss_report(t, &r.loss);
    return true;
}

static bool vadump_starts(const struct transcript *t) {
    return str_first(t->line.text) == 'C' && vadump_is_heading(t->line.text);
}

const struct section section_vadump = {
    .name = "vadump",
    .summary = "vadump -sop: the working set by category",
    .may_give = PART_BIT(PART_MEMORY_MAP) | PART_BIT(PART_COUNTERS),
    .starts = vadump_starts,
    .read = vadump_read,
};
