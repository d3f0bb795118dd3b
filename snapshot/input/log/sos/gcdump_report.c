/*
 * dotnet-gcdump report.
 *
 *         4,786,378  GC Heap bytes
 *            63,201  GC Heap objects
 *            27,858  Total references        (of a process, and of late versions, only)
 *
 *      Object Bytes     Count  Type
 *           131,096         1  System.Byte[] (Bytes > 100K)  [System.Private.CoreLib.dll]
 *
 * "Object Bytes" is the size of one object, the first that was met: exact for types of one size,
 * and no more than a guess for arrays and strings. The objects include roots and their groups,
 * which have no rows. A collection came first.
 */
#include "base/num.h"
#include "dotnet/gcdump_names.h"
#include "input/log/stat_table.h"
#include "input/log/type_table.h"
#include "model/rows_origin.h"

/* Whole tables end with the smallest objects. */
#define SMALL_BYTES 64u

struct report {
    struct transcript *t;
    struct type_table table;
    struct cell sum, total;
    bool has_objects, has_bytes;
    uint64_t rows, last_size, not_understood, elided;
};

static bool gcdump_report_is_header(struct str text) {
    return str_starts(text, STR("Object Bytes")) && str_contains(text, STR("Count")) &&
           str_ends(text, STR("Type"));
}

/* "4,786,378  GC Heap bytes" */
static bool gcdump_report_parse_total(struct str text, const char *what, uint64_t *ret_value) {
    struct str name = str_of(what);
    return str_ends(text, name) &&
           num_grouped(str_trim(str_take(text, text.len - name.len)), ret_value);
}

static bool gcdump_report_starts(const struct transcript *t) {
    uint64_t value;
    return gcdump_report_parse_total(t->line.text, "GC Heap bytes", &value) ||
           gcdump_report_is_header(t->line.text);
}

/* A number with blanks on both sides: separators of thousands may be blanks, but never two. */
static bool gcdump_report_next_number(struct str *rest, uint64_t *ret_value) {
    size_t end = str_find(*rest, STR("  "), 0);
    if (end == STR_NOT_FOUND || !num_grouped(str_take(*rest, end), ret_value))
        return false;
    *rest = str_trim(str_drop(*rest, end));
    return true;
}

static bool gcdump_report_parse_row(struct str text, struct str *ret_name, struct str *ret_module,
                                    struct cell *ret_one) {
    struct cell one;
    if (!gcdump_report_next_number(&text, &one.bytes) ||
        !gcdump_report_next_number(&text, &one.objects) || text.len == 0)
        return false;
    *ret_module = (struct str){NULL, 0};
    size_t open = STR_NOT_FOUND;
    for (size_t at = str_find(text, STR("  ["), 0); at != STR_NOT_FOUND;
         at = str_find(text, STR("  ["), at + 1))
        open = at;
    if (open != STR_NOT_FOUND && open > 0 && str_ends(text, STR("]")) && text.len > open + 4) {
        *ret_module = gcdump_file_name(str_drop(str_take(text, text.len - 1), open + 3));
        text = str_trim(str_take(text, open));
    }
    *ret_name = gcdump_type_name(text);
    *ret_one = one;
    return ret_name->len > 0;
}

static void read_totals(struct report *r) {
    struct transcript *t = r->t;
    uint64_t references;
    while (!t->at_end && !gcdump_report_is_header(t->line.text)) {
        struct str text = t->line.text;
        if (gcdump_report_parse_total(text, "GC Heap bytes", &r->total.bytes))
            r->has_bytes = true;
        else if (gcdump_report_parse_total(text, "GC Heap objects", &r->total.objects))
            r->has_objects = true;
        else if (text.len && !gcdump_report_parse_total(text, "Total references", &references))
            return; /* the table was left out */
        transcript_next(t);
    }
    if (!t->at_end)
        transcript_next(t);
}

/* Does a row follow, behind blank lines or one that is not understood? */
static bool gcdump_report_goes_on(const struct transcript *t) {
    struct transcript scout = transcript_scout(t);
    struct str name, module;
    struct cell one;
    transcript_next(&scout);
    return transcript_skip_blank(&scout) &&
           (gcdump_report_parse_row(scout.line.text, &name, &module, &one) ||
            transcript_is_elision(&scout.line));
}

static bool gcdump_report_read_rows(struct report *r, struct err *err) {
    struct transcript *t = r->t;
    for (; !t->at_end; transcript_next(t)) {
        struct str name, module;
        struct cell one;
        if (gcdump_report_parse_row(t->line.text, &name, &module, &one)) {
            struct cell cell = {one.objects, 0};
            if (__builtin_mul_overflow(one.objects, one.bytes, &cell.bytes))
                cell.bytes = UINT64_MAX - 1;
            if (!type_table_add(&r->table, name, module, cell, err))
                return false;
            cell_add(&r->sum, cell);
            r->rows++;
            r->last_size = one.bytes;
        } else if (t->line.text.len && transcript_is_elision(&t->line)) {
            r->elided++;
        } else if (gcdump_report_starts(t) || transcript_is_command(&t->line, &name) ||
                   !gcdump_report_goes_on(t)) {
            return true;
        } else {
            r->not_understood += t->line.text.len != 0;
        }
    }
    return true;
}

/* True: all rows are there. */
static bool gcdump_report_check(const struct report *r) {
    struct builder *b = r->t->b;
    bool cut = r->elided || r->not_understood || r->last_size > SMALL_BYTES;
    if (r->not_understood)
        builder_warn(b, r->not_understood, "gcdump-report: rows that are not understood");
    if (r->elided)
        builder_warn(b, r->elided, "gcdump-report: places where rows were left out by hand");
    uint64_t missing =
        r->has_objects && r->total.objects > r->sum.objects ? r->total.objects - r->sum.objects : 0;
    cut |= missing > r->sum.objects / 10;
    if (!r->has_objects || !r->has_bytes)
        builder_warn(b, ABSENT, "gcdump-report: the sums at its beginning are missing");
    if (cut && missing)
        builder_warn(b, missing, "gcdump-report: objects of the stated number are in no row");
    else if (cut)
        builder_warn(b, ABSENT, "gcdump-report: the table ends early");
    else if (missing)
        builder_note(b,
                     "gcdump-report: %llu of the objects stated are roots and groups of them, "
                     "which have no rows",
                     (unsigned long long)missing);
    if (r->has_objects && r->total.objects < r->sum.objects)
        builder_warn(b, r->sum.objects - r->total.objects,
                     "gcdump-report: more objects in rows than the report states");
    if (r->has_bytes && r->total.bytes != r->sum.bytes)
        builder_warn(b,
                     r->total.bytes > r->sum.bytes ? r->total.bytes - r->sum.bytes
                                                   : r->sum.bytes - r->total.bytes,
                     "gcdump-report: bytes by which the rows differ from the sum that is stated: "
                     "a row tells the size of one object, which for arrays and strings is a guess");
    return !cut;
}

static bool gcdump_report_read(struct transcript *t, struct err *err) {
    struct report r = {.t = t, .table = {.generation = GEN_UNKNOWN}};
    read_totals(&r);
    if (!type_table_begin(&r.table, t->b, err))
        return type_table_end(&r.table, false, err);
    bool ok = gcdump_report_read_rows(&r, err);
    r.table.is_cut = !ok || !gcdump_report_check(&r);
    if (!type_table_end(&r.table, ok, err))
        return false;
    if (r.rows == 0) {
        transcript_hollow(t, "a report of dotnet-gcdump without any row that can be understood");
        return true;
    }
    transcript_command_done(t);
    struct origin_row *origin = builder_single(t->b, PART_ORIGIN, err);
    if (!origin)
        return false;
    builder_say(t->b, &origin->collected_first, 1, "collected first");
    return builder_say_string(t->b, &origin->tool, STR("dotnet-gcdump"), "the tool", err);
}

const struct section section_gcdump_report = {
    .name = "gcdump-report",
    .summary = "objects by type after a collection: dotnet-gcdump report",
    .may_give = PART_BIT(PART_TYPES),
    .starts = gcdump_report_starts,
    .read = gcdump_report_read,
};
