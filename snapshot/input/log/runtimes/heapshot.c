/*
 * Heap shots of Mono's profiler, as mprof-report prints them: objects by class, each shot a moment.
 *
 *     Heap shot 0 at 79.010 secs: size: 1490848, object count: 11085, class count: 370, roots: 0
 *          Bytes      Count  Average Class name
 *         265024          2   132512 Shop.Till.Receipt[]
 *
 * Its columns are other ones than those of dumpheap. Source: mono/profiler/mprof-report.c.
 */
#include "input/log/scan.h"
#include "model/builder.h"
#include "model/rows_origin.h"

#include "base/chars.h"
#include "base/num.h"

struct heapshot {
    struct transcript *t;
    struct cell said, sum; /* of the shot; of its rows */
    uint64_t rows;
    bool headed, wanted, begun;
    struct scan_loss loss;
};

/* The number behind a label. */
static bool heapshot_number(struct str text, struct str label, uint64_t *ret_value) {
    size_t at = str_find(text, label, 0), end = 0;
    if (at == STR_NOT_FOUND)
        return false;
    struct str rest = str_drop(text, at + label.len);
    while (end < rest.len && char_is_digit(rest.ptr[end]))
        end++;
    return num_dec(str_take(rest, end), ret_value);
}

static bool heapshot_head(struct str text, struct cell *ret_said) {
    return str_starts(text, STR("Heap shot ")) &&
           heapshot_number(text, STR(" size: "), &ret_said->bytes) &&
           heapshot_number(text, STR("object count: "), &ret_said->objects);
}

static bool heapshot_columns(struct str text) {
    struct str f[5];
    return scan_fields(text, f, 5, NULL) == 5 && str_eq(f[0], STR("Bytes")) &&
           str_eq(f[1], STR("Count")) && str_eq(f[2], STR("Average")) &&
           str_eq(f[3], STR("Class")) && str_eq(f[4], STR("name"));
}

static bool heapshot_row(struct str text, struct cell *ret_cell, struct str *ret_name) {
    struct str f[3];
    uint64_t average;
    if (scan_fields(text, f, 3, ret_name) != 3)
        return false;
    *ret_name = str_trim(*ret_name);
    size_t delta = str_find(*ret_name, STR(" (bytes: "), 0); /* against a reference shot */
    *ret_name = str_trim(str_take(*ret_name, delta));
    return num_grouped(f[0], &ret_cell->bytes) && num_grouped(f[1], &ret_cell->objects) &&
           num_grouped(f[2], &average) && ret_name->len > 0;
}

static void heapshot_begin(struct heapshot *r) {
    if (!r->begun)
        r->wanted = builder_moment(r->t->b, PART_BIT(PART_TYPES));
    r->begun = true;
    if (r->wanted)
        builder_present(r->t->b, PART_TYPES);
}

static bool heapshot_take(void *context, bool *ret_mine, struct err *err) {
    struct heapshot *r = context;
    struct str text = r->t->line.text, name;
    struct cell cell;
    *ret_mine = true;
    if (heapshot_head(text, &cell)) {
        *ret_mine = !r->begun;
        if (*ret_mine)
            r->said = cell;
        heapshot_begin(r);
        return true;
    }
    if (heapshot_columns(text)) {
        *ret_mine = !r->headed;
        r->headed = true;
        return true;
    }
    *ret_mine = r->headed && heapshot_row(text, &cell, &name);
    if (!*ret_mine)
        return true;
    heapshot_begin(r);
    r->rows++;
    cell_add(&r->sum, cell);
    return !r->wanted || builder_add_type(r->t->b, name, STR(""), GEN_UNKNOWN, cell, err);
}

static bool heapshot_read(struct transcript *t, struct err *err) {
    struct heapshot r = {.t = t, .said = {ABSENT, ABSENT}};
    if (!scan_table(t, &r.loss, heapshot_take, &r, err))
        return false;
    if (!r.rows) {
        transcript_hollow(t, "heap shot: a heading without classes");
        return true;
    }
    if (r.wanted) {
        struct origin_row *origin = builder_single(t->b, PART_ORIGIN, err);
        if (!origin || !builder_say_string(t->b, &origin->runtime, STR("Mono"), "the runtime", err))
            return false;
        if (r.said.objects == ABSENT)
            transcript_lacks(t, ABSENT, "heap shot: its sums are missing, and perhaps classes");
        else if (r.said.objects > r.sum.objects)
            transcript_lacks(t, r.said.bytes - num_min(r.said.bytes, r.sum.bytes),
                             "heap shot: bytes of classes that are not listed");
    }
    scan_loss_report(t, &r.loss);
    return true;
}

static bool heapshot_starts(const struct transcript *t) {
    struct cell said;
    return heapshot_head(t->line.text, &said) || heapshot_columns(t->line.text);
}

const struct section section_heapshot = {
    .name = "heapshot",
    .summary = "Mono's heap shots (mprof-report): objects by class (each shot a moment)",
    .may_give = PART_BIT(PART_TYPES),
    .starts = heapshot_starts,
    .read = heapshot_read,
};
