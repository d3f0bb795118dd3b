/*
 * gperftools' heap checker: what was reachable from nowhere at the end of a check.
 *
 *     Leak check _main_ detected leaks of 26023 bytes in 244 objects
 *     The 20 largest leaks:
 *     Leak of 11329 bytes in 94 objects allocated from:
 *             @ 0x4026fd basket_new
 *             @ 4026fd basket_new /src/shop/basket.cc:31
 *
 * Frames have no names where nobody asked pprof for them.
 * Source: src/heap-checker.cc and heap-profile-table.cc of gperftools.
 */
#include "input/leaks.h"
#include "input/log/scan.h"

#include "base/num.h"
#include "model/rows_origin.h"

struct heapcheck_reading {
    struct transcript *t;
    struct leak_report report;
    uint64_t limit; /* so many are listed at most; ABSENT: not said */
    bool headed;
    struct scan_loss loss;
};

/* "11329 bytes in 94 objects" */
static bool heapcheck_cell(struct str text, struct cell *ret_cell) {
    struct str f[5];
    return scan_fields(text, f, 5, NULL) >= 5 && num_grouped(f[0], &ret_cell->bytes) &&
           str_starts(f[1], STR("byte")) && str_eq(f[2], STR("in")) &&
           num_grouped(f[3], &ret_cell->objects) && str_starts(f[4], STR("object"));
}

static bool heapcheck_head(struct str text, struct cell *ret_all) {
    size_t at = str_find(text, STR(" detected leaks of "), 0);
    return str_starts(text, STR("Leak check ")) && at != STR_NOT_FOUND &&
           heapcheck_cell(str_drop(text, at + 19), ret_all);
}

static bool heapcheck_record(struct str text, struct cell *ret_cell) {
    return str_starts(text, STR("Leak of ")) && heapcheck_cell(str_drop(text, 8), ret_cell);
}

/* "@ 0x4026fd basket_new /src/shop/basket.cc:31" */
static bool heapcheck_frame(struct builder *b, struct str text, const char **ret_frame,
                            struct err *err) {
    struct str rest = text, f[2], function;
    uint64_t address;
    if (!str_eq(str_next_field(&rest), STR("@")) || scan_fields(rest, f, 1, &function) != 1 ||
        !num_hex(f[0], &address))
        return false;
    size_t place = str_find(function, STR(" /"), 0);
    *ret_frame = builder_frame_in(
        b, builder_frame(b, str_trim(str_take(function, place)), STR(""), address, err),
        str_trim(str_drop(function, place)), err);
    return true;
}

static bool heapcheck_limit(struct str text, uint64_t *ret_limit) {
    struct str f[4];
    return str_starts(text, STR("The ")) && scan_fields(text, f, 4, NULL) >= 4 &&
           num_grouped(f[1], ret_limit) && str_eq(f[2], STR("largest")) &&
           str_starts(f[3], STR("leak"));
}

static bool heapcheck_take(void *context, bool *ret_mine, struct err *err) {
    struct heapcheck_reading *r = context;
    struct str text = r->t->line.text;
    struct cell cell;
    const char *frame;
    *ret_mine = true;
    if (heapcheck_head(text, &cell)) {
        *ret_mine = !r->headed && !r->report.count;
        if (*ret_mine)
            r->report.all = r->report.said[LOSS_DEFINITE] = cell;
        r->headed = true;
        return true;
    }
    if (heapcheck_record(text, &cell))
        return leaks_add(&r->report, LOSS_DEFINITE, cell.bytes, cell.objects, ABSENT, err);
    if (r->report.count && heapcheck_frame(r->t->b, text, &frame, err))
        return leaks_add_frame(&r->report, frame, err);
    *ret_mine = heapcheck_limit(text, &r->limit) || str_starts(text, STR("Using local file "));
    return true;
}

static bool heapcheck_store(struct heapcheck_reading *r, struct err *err) {
    struct builder *b = r->t->b;
    if (!builder_moment(b, PART_BIT(PART_STACKS) | PART_BIT(PART_ALLOCATIONS) |
                               PART_BIT(PART_COUNTERS)))
        return true;
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    uint64_t listed = 0;
    for (size_t i = 0; i < r->report.count; i++)
        listed = num_add(listed, r->report.records[i].bytes);
    r->report.ends_with_frames = r->t->at_end;
    r->report.complete = r->report.all.bytes != ABSENT && listed >= r->report.all.bytes;
    return origin &&
           builder_say_string(b, &origin->tool, STR("gperftools heap checker"), "the tool", err) &&
           leaks_store(&r->report, b, "heap checker", NULL, err);
}

static bool heapcheck_read(struct transcript *t, struct err *err) {
    struct heapcheck_reading r = {.t = t, .limit = ABSENT};
    leaks_init(&r.report);
    bool ok = scan_table(t, &r.loss, heapcheck_take, &r, err);
    if (ok && !r.report.count && r.report.all.bytes == ABSENT)
        transcript_hollow(t, "heap checker: no leak in it");
    else
        ok = ok && heapcheck_store(&r, err);
    if (ok)
        scan_loss_report(t, &r.loss);
    leaks_deinit(&r.report);
    return ok;
}

static bool heapcheck_starts(const struct transcript *t) {
    struct cell cell;
    return str_first(t->line.text) == 'L' &&
           (heapcheck_head(t->line.text, &cell) || heapcheck_record(t->line.text, &cell));
}

const struct section section_heapcheck = {
    .name = "heapcheck",
    .summary = "gperftools' heap checker: what nothing refers to at the end of a check",
    .may_give = PART_BIT(PART_STACKS) | PART_BIT(PART_ALLOCATIONS) | PART_BIT(PART_COUNTERS),
    .starts = heapcheck_starts,
    .read = heapcheck_read,
};
