/*
 * Class histograms of HotSpot: jmap -histo, jcmd GC.class_histogram, and those in GC logs.
 *
 *    num     #instances         #bytes  class name (module)
 *   ----------------------------------------------
 *      1:         12369        1688872  [C (java.base@17.0.1)
 *   Total         12369        1688872
 *
 * JDK 5 printed neither header nor rank. ":live" collects first, the plain form counts garbage too;
 * the output does not say which it was.
 */
#include "base/chars.h"
#include "base/num.h"
#include "input/log/listing.h"
#include "input/log/stat_table.h"
#include "input/log/type_table.h"
#include "model/rows_origin.h"

#include <string.h>

/*
 * Rows without header and rank are only believed when so many follow each other, largest first, and
 * not all of one size: dumpheap -strings has the smallest first.
 */
#define SURE_ROWS 3u

struct histogram_row {
    struct str name, module;
    uint64_t objects, bytes;
    uint64_t rank; /* from 1; 0: it has none */
};

static bool jmap_is_header(struct str text) {
    if (text.len < 12 || (str_first(text) != 'n' && str_first(text) != '#'))
        return false;
    struct str first = str_next_field(&text);
    if (str_eq(first, STR("num")))
        first = str_next_field(&text);
    return str_eq(first, STR("#instances")) && str_eq(str_next_field(&text), STR("#bytes"));
}

/* "[C (java.base@17.0.1)": the version of the module is left out, it is no part of its name. */
static void split_module(struct str text, struct histogram_row *row) {
    size_t open = str_find(text, STR(" ("), 0);
    row->name = text;
    row->module = (struct str){NULL, 0};
    if (open == STR_NOT_FOUND || !str_ends(text, STR(")")))
        return;
    row->name = str_trim(str_take(text, open));
    row->module = str_drop(str_take(text, text.len - 1), open + 2);
    size_t at = str_find(row->module, STR("@"), 0);
    if (at != STR_NOT_FOUND)
        row->module = str_take(row->module, at);
}

static bool jmap_parse_row(struct str text, struct histogram_row *ret_row) {
    struct histogram_row row = {.rank = 0};
    struct str rest = text, first = str_next_field(&rest);
    if (str_ends(first, STR(":")) && num_dec(str_take(first, first.len - 1), &row.rank) && row.rank)
        first = str_next_field(&rest);
    if (!num_dec(first, &row.objects) || !num_dec(str_next_field(&rest), &row.bytes))
        return false;
    split_module(str_trim(rest), &row);
    *ret_row = row;
    return row.name.len > 0 || row.rank;
}

static bool jmap_parse_total(struct str text, struct cell *ret_total) {
    struct str rest = text;
    return str_eq(str_next_field(&rest), STR("Total")) &&
           num_dec(str_next_field(&rest), &ret_total->objects) &&
           num_dec(str_next_field(&rest), &ret_total->bytes) && str_trim(rest).len == 0;
}

/* A class name, as the JVM writes it: no blanks but in "<no name>", and no digit in front. */
static bool is_class_name(struct str name) {
    char c = str_first(name);
    if (str_eq(name, STR("<no name>")))
        return true;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] == ' ' || name.ptr[i] == '!' || name.ptr[i] == '%')
            return false;
    return c == '[' || c == '<' || c == '_' || c == '$' || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

static bool is_bare_histogram(const struct transcript *t) {
    struct transcript scout = transcript_scout(t);
    uint64_t first = ABSENT, last = ABSENT;
    for (unsigned i = 0; i < SURE_ROWS; i++) {
        struct histogram_row row;
        if (!transcript_skip_blank(&scout) || !jmap_parse_row(scout.line.text, &row) || row.rank ||
            !is_class_name(row.name) || row.bytes > last || row.objects == 0 ||
            row.bytes / 8 < row.objects)
            return false;
        first = i ? first : row.bytes;
        last = row.bytes;
        transcript_next(&scout);
    }
    return last < first;
}

static bool jmap_starts(const struct transcript *t) {
    char first = str_first(t->line.text);
    if (char_is_digit(first))
        return is_bare_histogram(t);
    return jmap_is_header(t->line.text);
}

struct reader_state {
    struct transcript *t;
    struct type_table table;
    struct cell sum, total;
    uint64_t rows, not_understood, elided, nameless;
    uint64_t rank; /* of the row before */
    struct listing listing;
    bool has_total;
};

/* Does a row (with a rank, if those before had one) or the Total follow within a few lines? */
static bool jmap_goes_on(const struct transcript *t, bool ranked) {
    struct transcript scout = transcript_scout(t);
    struct histogram_row row;
    struct cell total;
    for (unsigned i = 0; i < 8; i++) {
        transcript_next(&scout);
        if (scout.at_end || jmap_is_header(scout.line.text))
            return false;
        if (jmap_parse_total(scout.line.text, &total) ||
            (jmap_parse_row(scout.line.text, &row) && (row.rank || !ranked)))
            return true;
    }
    return false;
}

static bool jmap_read_rows(struct reader_state *r, struct err *err) {
    struct transcript *t = r->t;
    bool ranked = false;
    for (; !t->at_end; transcript_next(t)) {
        struct str text = t->line.text;
        struct histogram_row row;
        if (text.len && jmap_parse_row(text, &row) && (row.rank || !ranked)) {
            struct cell cell = {row.objects, row.bytes};
            ranked = row.rank;
            if (ranked && row.rank != r->rank + 1)
                listing_gap(&r->listing);
            r->rank = row.rank;
            if (!row.name.len) {
                r->nameless++;
                listing_nameless(&r->listing, row.bytes);
                continue;
            }
            if (!type_table_add(&r->table, row.name, row.module, cell, err))
                return false;
            r->rows++;
            listing_row(&r->listing, row.bytes);
            r->sum.objects = num_add(r->sum.objects, row.objects);
            r->sum.bytes = num_add(r->sum.bytes, row.bytes);
        } else if (jmap_parse_total(text, &r->total)) {
            r->has_total = true;
            transcript_next(t);
            return true;
        } else if (text.len && transcript_is_elision(&t->line)) {
            r->elided++;
            listing_gap(&r->listing);
        } else if (!transcript_is_rule(text) || r->rows) {
            if (!jmap_goes_on(t, ranked))
                return true;
            r->not_understood += text.len > 0;
            if (text.len)
                listing_lost(&r->listing);
        }
    }
    return true;
}

/* true: all rows are there */
static bool jmap_check(const struct reader_state *r) {
    struct builder *b = r->t->b;
    if (r->not_understood)
        builder_warn(b, r->not_understood, "jmap: lines of the histogram were not understood");
    if (r->nameless)
        builder_warn(b, r->nameless, "jmap: rows without the name of a class were not understood");
    if (r->elided)
        builder_warn(b, r->elided, "jmap: rows were left out by hand, in so many places");
    if (!r->has_total)
        builder_warn(b, ABSENT,
                     "jmap: the histogram ends without its Total, so rows may be missing");
    else if (r->sum.objects < r->total.objects)
        builder_warn(b, r->total.objects - r->sum.objects,
                     "jmap: objects of the printed Total are in no row that was read");
    else if (r->sum.objects > r->total.objects || r->sum.bytes != r->total.bytes)
        builder_warn(b, ABSENT, "jmap: the rows differ from the printed Total");
    else
        return true;
    return false;
}

/* Of a list that ends early all that is missing is smaller than its last row. */
static void jmap_bound(struct reader_state *r) {
    bool is_known = r->has_total && r->total.objects >= r->sum.objects;
    if (!r->has_total)
        listing_gap(&r->listing);
    r->table.unlisted = (struct bounds){is_known ? r->total.objects - r->sum.objects : ABSENT,
                                        listing_most(&r->listing)};
    if (is_known && !r->listing.in_gap && !r->listing.most)
        r->table.unlisted.row_bytes = ABSENT; /* nothing tells where it was */
    if (is_known && r->total.bytes >= r->sum.bytes)
        r->table.missing_bytes = r->total.bytes - r->sum.bytes;
}

static bool jmap_read(struct transcript *t, struct err *err) {
    struct reader_state r = {
        .t = t, .table = {.generation = GEN_UNKNOWN}, .listing = {.falls = true}};
    struct histogram_row first;
    if (jmap_is_header(t->line.text))
        transcript_next(t);
    else if (!jmap_parse_row(t->line.text, &first) || first.rank != 1)
        listing_gap(&r.listing); /* the largest may stand above */
    if (!type_table_begin(&r.table, t->b, err))
        return type_table_end(&r.table, false, err);
    bool ok = jmap_read_rows(&r, err);
    r.table.is_cut = !ok || !jmap_check(&r);
    if (r.table.is_cut)
        jmap_bound(&r);
    if (!type_table_end(&r.table, ok, err))
        return false;
    if (r.rows == 0 && !(r.has_total && r.total.objects == 0)) {
        transcript_hollow(t, "a histogram without any row that can be understood");
        return true;
    }
    struct origin_row *origin = builder_single(t->b, PART_ORIGIN, err);
    return origin && builder_say_string(t->b, &origin->runtime, STR("HotSpot"), "the runtime", err);
}

const struct section section_jmap = {
    .name = "jmap",
    .summary = "class histogram of HotSpot: jmap -histo, jcmd GC.class_histogram, GC logs",
    .may_give = PART_BIT(PART_TYPES),
    .starts = jmap_starts,
    .read = jmap_read,
};
