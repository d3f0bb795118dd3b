/*
 * dumpheap -strings: equal strings, counted, behind the list of all of them.
 *
 *   Statistics:
 *                1             24 b
 *               12            432 a value that many have
 *
 * What stands where other tables have the type is what the strings hold: it is neither a type nor
 * kept. Of the table its two sums are.
 */
#include "input/log/sos/string_table.h"

#include "base/num.h"
#include "input/log/scan.h"
#include "input/log/stat_table.h"

struct string_sums {
    struct transcript *t;
    struct scan_loss loss;
    uint64_t strings, bytes, values;
};

/* A value may read like a mark that rows were left out: a row is asked first. */
static void strings_take(struct string_sums *r) {
    uint64_t count, bytes;
    for (; transcript_skip_blank(r->t); transcript_next(r->t)) {
        if (string_table_row(r->t->line.text, &count, &bytes)) {
            r->strings = num_add(r->strings, count);
            r->bytes = num_add(r->bytes, bytes);
            r->values++;
        } else if (transcript_is_elision(&r->t->line)) {
            r->loss.elided++;
        } else {
            return;
        }
    }
}

static bool dumpheap_strings_read(struct transcript *t, struct err *err) {
    struct string_sums r = {.t = t};
    if (str_eq(t->line.text, STR("Statistics:")))
        transcript_next(t);
    strings_take(&r);
    scan_loss_report(t, &r.loss);
    transcript_command_done(t);
    return builder_counter(t->b, "strings.objects", r.strings, "count", err) &&
           builder_counter(t->b, "strings.bytes", r.bytes, "bytes", err) &&
           builder_counter(t->b, "strings.different_values", r.values, "count", err);
}

const struct section section_dumpheap_strings = {
    .name = "dumpheap-strings",
    .summary = "strings, their number and size, not what they hold: dumpheap -strings",
    .may_give = PART_BIT(PART_COUNTERS),
    .starts = strings_table_starts,
    .read = dumpheap_strings_read,
};
