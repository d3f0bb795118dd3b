/*
 * Functions by what they allocate, as jeprof --text, google-pprof --text and go tool pprof -top (or
 * "top" at their prompts) print them.
 *
 *   Total: 815965512 B                          Showing nodes accounting for 512.50kB, 100% of ...
 *   815965512 100.0% 100.0% 815965512 100.0% f       flat  flat%   sum%        cum   cum%
 *          0   0.0% 100.0% 268451840  32.9% g      512.50kB  100%   100%   512.50kB  100%  main.f
 *
 * Columns: what the function allocates itself, and with all that it calls. Units are B, kB, MB, GB
 * (of 1,024), "objects", or none, which counts objects; seconds are of a CPU profile.
 *
 * With --addresses each place in a function has a row: they are added up, and "cum" is then what it
 * is at least: the largest of a place, or all that the function allocates itself.
 */
#include "base/chars.h"
#include "base/hash.h"
#include "base/num.h"
#include "input/log/scan.h"
#include "input/log/stat_table.h"
#include "model/stacks.h"
#include "model/rows_stacks.h"

#include <inttypes.h>

/* Between the command, or the type of the samples, and the table. */
#define HEAD_LINES 16u
/* Rows that are asked what they count. */
#define ROWS_ASKED 64

struct figure {
    uint64_t value;
    uint64_t step; /* what its last digit stands for */
    bool is_bytes, is_negative, is_time;
};

struct text_row {
    struct figure flat, cum;
    struct str name;
};

struct reading {
    struct transcript *t;
    uint64_t default_unit; /* of numbers without one; 0: objects */
    uint32_t first_row;    /* of this table */
    uint64_t rows, sum, step, negative, times, merged;
    struct figure total;
    bool has_total, is_bytes;
    bool ever;        /* what was ever allocated, freed since or not */
    bool goroutines;  /* rows are of these */
    struct str other; /* what else they are of, "contentions"; empty: of memory */
    struct scan_loss loss;
};

/* "512.50kB", "-3", "0", "1.2MB"; unit: of a number without one, 0: it counts objects. */
static bool parse_figure(struct str text, uint64_t unit, struct figure *ret) {
    struct figure f = {.step = 1};
    f.is_negative = str_starts(text, STR("-"));
    text = str_drop(text, f.is_negative);
    size_t digits = 0, fraction = 0;
    while (digits < text.len &&
           (char_is_digit(text.ptr[digits]) || (text.ptr[digits] == '.' && !fraction))) {
        fraction = text.ptr[digits] == '.' ? digits : fraction;
        digits++;
    }
    struct str name = str_drop(text, digits);
    f.is_time = str_eq(name, STR("s")) || str_eq(name, STR("ms")) || str_eq(name, STR("us")) ||
                str_eq(name, STR("ns")) || str_eq(name, STR("mins")) || str_eq(name, STR("hrs"));
    if (name.len && !f.is_time)
        unit = num_unit(name);
    if (name.len && !f.is_time && !unit)
        return false;
    f.is_bytes = unit != 0;
    if (!num_scaled(str_take(text, digits), unit ? unit : 1, &f.value))
        return false;
    f.step = unit ? unit : 1;
    for (size_t i = fraction + 1; fraction && i < digits && f.step > 1; i++)
        f.step /= 10;
    *ret = f;
    return true;
}

static bool is_percent(struct str s) {
    return s.len > 1 && str_last(s) == '%' && (char_is_digit(str_first(s)) || str_first(s) == '-');
}

static bool pprof_text_parse_row(struct str text, uint64_t unit, struct text_row *ret) {
    struct text_row row;
    struct str fields[5];
    if (scan_fields(text, fields, 5, &row.name) != 5 || !is_percent(fields[1]) ||
        !is_percent(fields[2]) || !is_percent(fields[4]) ||
        !parse_figure(fields[0], unit, &row.flat) || !parse_figure(fields[3], unit, &row.cum))
        return false;
    row.name = str_trim(row.name);
    *ret = row;
    return row.name.len > 0;
}

/* "Total: 815965512 B", "Total: 1.3 MB", "Total: 77382 objects", "Total: 12 samples" */
static bool pprof_text_parse_total(struct str text, struct figure *ret, uint64_t *ret_unit) {
    if (!str_starts(text, STR("Total: ")))
        return false;
    text = str_drop(text, strlen("Total: "));
    struct str number = str_next_field(&text), unit = str_next_field(&text);
    bool objects = str_eq(unit, STR("objects"));
    *ret_unit = objects ? 0 : num_unit(unit);
    return (objects || *ret_unit) && !text.len && parse_figure(number, *ret_unit, ret);
}

static bool pprof_text_is_header(struct str text) {
    struct str fields[5], rest;
    return scan_fields(text, fields, 5, &rest) == 5 && str_eq(fields[0], STR("flat")) &&
           str_eq(fields[1], STR("flat%")) && str_eq(fields[2], STR("sum%")) &&
           str_eq(fields[3], STR("cum")) && str_eq(fields[4], STR("cum%")) && !str_trim(rest).len;
}

static const struct str showing = STR_INIT("Showing nodes accounting for ");

/* "Type: alloc_space" above a table. */
static bool pprof_text_type(const struct transcript *t, struct str *ret_type) {
    struct str type = str_trim(str_drop(t->line.text, 6));
    struct line line;
    if (!str_starts(t->line.text, STR("Type: ")) || !type.len || type.len > 32)
        return false;
    *ret_type = type;
    for (unsigned i = 1; i <= HEAD_LINES && transcript_peek(t, i, &line); i++)
        if (str_starts(line.text, showing) || pprof_text_is_header(line.text))
            return true;
    return false;
}

static bool is_memory_type(struct str type) {
    static const char *const names[] = {"inuse_space",   "inuse_objects", "alloc_space",
                                        "alloc_objects", "space",         "objects"};
    return STR_IS_ONE_OF(type, names);
}

/* Where no type says so: a goroutine that is parked stands in gopark, which allocates nothing. */
static bool rows_are_goroutines(const struct transcript *t) {
    struct transcript scout = transcript_scout(t);
    struct text_row row;
    for (int i = 0; i < ROWS_ASKED && !scout.at_end; i++, transcript_next(&scout)) {
        if (!pprof_text_parse_row(scout.line.text, 0, &row))
            return false;
        if (str_eq(row.name, STR("runtime.gopark")) && row.flat.value && !row.flat.is_bytes &&
            !row.flat.is_time)
            return true;
    }
    return false;
}

static bool pprof_text_starts(const struct transcript *t) {
    struct figure total;
    struct str type;
    struct text_row row;
    struct line next;
    uint64_t unit;
    char first = str_first(t->line.text);
    if (first == 'f')
        return pprof_text_is_header(t->line.text);
    if (first == 'S')
        return str_starts(t->line.text, showing);
    if (first == 'T' && pprof_text_type(t, &type))
        return true;
    return first == 'T' && pprof_text_parse_total(t->line.text, &total, &unit) &&
           transcript_peek(t, 1, &next) && pprof_text_parse_row(next.text, unit, &row);
}

/* -- Names ------------------------------------------------------------------------------------- */

static struct str without_end(struct str s, const char *end) {
    return str_ends(s, str_of(end)) ? str_trim(str_take(s, s.len - strlen(end))) : s;
}

/* "00003fff938f1d28 run /src/run.c:367 (discriminator 2)": address and place cut off. */
static struct str plain_name(struct str name, uint64_t *ret_address) {
    struct str rest = name, first = str_next_field(&rest);
    *ret_address = ABSENT;
    if ((first.len == 16 || str_starts(first, STR("0x"))) && num_hex(first, ret_address))
        name = str_trim(rest);
    name = without_end(without_end(name, "(inline)"), "(partial-inline)");
    size_t place = str_find(name, STR(" /"), 0);
    if (place != STR_NOT_FOUND && str_find(name, STR(":"), place) != STR_NOT_FOUND)
        name = str_trim(str_take(name, place));
    return name;
}

/* -- Rows -------------------------------------------------------------------------------------- */

static struct allocation_row *pprof_text_find_row(struct builder *b, const char *name,
                                                  struct err *err) {
    uint64_t key = key_with(key_of_bytes("function", 8), (uintptr_t)name);
    struct allocation_row *row;
    while ((row = builder_find(b, PART_ALLOCATIONS, key)) && row->name != name)
        key = key_with(key, 1);
    if (row)
        return row;
    const char *by = builder_string(b, STR("function"), err);
    row = by ? builder_row(b, PART_ALLOCATIONS, err) : NULL;
    if (!row || !builder_index(b, PART_ALLOCATIONS, key, err))
        return NULL;
    row->by = by;
    row->name = name;
    return row;
}

/* A figure of this table: added to what it said before, compared with what others said. */
static void pprof_text_say(struct reading *r, uint64_t *field, uint64_t value, bool again,
                           bool adds) {
    if (!again)
        scan_say(field, value, &r->loss);
    else if (adds)
        *field = num_add(*field, value);
    else if (*field < value)
        *field = value;
}

static bool pprof_text_add_row(struct reading *r, const struct text_row *row, struct err *err) {
    struct builder *b = r->t->b;
    uint64_t address;
    struct str name = plain_name(row->name, &address);
    const char *frame = builder_frame(b, name, (struct str){NULL, 0}, address, err);
    struct allocation_row *to = frame ? pprof_text_find_row(b, frame, err) : NULL;
    uint32_t count;
    if (!to)
        return false;
    const struct allocation_row *all = builder_rows(b, PART_ALLOCATIONS, &count);
    bool bytes = row->flat.is_bytes || row->cum.is_bytes || r->is_bytes;
    if (r->ever) {
        uint64_t *ever = bytes ? &to->total_bytes : &to->total_count;
        *ever = num_add(*ever == ABSENT ? 0 : *ever, row->flat.value);
        r->sum = num_add(r->sum, row->flat.value);
        r->is_bytes = r->is_bytes || bytes;
        return true;
    }
    uint64_t *flat = bytes ? &to->bytes : &to->count;
    uint64_t *cum = bytes ? &to->cum_bytes : &to->cum_count;
    bool again = (uint32_t)(to - all) >= r->first_row && *flat != ABSENT;
    r->merged += again;
    pprof_text_say(r, flat, row->flat.value, again, true);
    pprof_text_say(r, cum, row->cum.value, again, false);
    if (again && *cum < *flat)
        *cum = *flat;
    r->sum = num_add(r->sum, row->flat.value);
    r->is_bytes = r->is_bytes || bytes;
    return true;
}

static bool pprof_text_take_line(void *context, bool *ret_mine, struct err *err) {
    struct reading *r = context;
    struct text_row row;
    *ret_mine = pprof_text_parse_row(r->t->line.text, r->default_unit, &row);
    if (!*ret_mine)
        return true;
    r->rows++;
    if (r->goroutines || r->other.len)
        return true;
    if (row.flat.is_time || row.cum.is_time) {
        r->times++;
        return true;
    }
    if (row.flat.is_negative || row.cum.is_negative) {
        r->negative++;
        return true;
    }
    uint64_t step = row.flat.value ? row.flat.step : row.cum.step;
    r->step = step > r->step ? step : r->step;
    return pprof_text_add_row(r, &row, err);
}

/* -- The table --------------------------------------------------------------------------------- */

static void pprof_text_check(struct reading *r) {
    struct builder *b = r->t->b;
    /* Each row is off by half of what its last digit stands for. */
    uint64_t slack = num_add(r->total.step, r->rows < UINT32_MAX ? r->rows * (r->step / 2 + 1) : 0);
    if (r->negative)
        builder_warn(b, r->negative,
                     "pprof text: rows below zero, as of a difference of two profiles");
    if (r->merged)
        builder_note(b,
                     "pprof text: %" PRIu64 " rows of places in functions were added up; cum is "
                     "at least what is said",
                     r->merged);
    if (r->ever)
        transcript_lacks(r->t, ABSENT,
                         "pprof text: alloc_space is what was ever allocated: nothing is said of "
                         "what is outstanding (-inuse_space)");
    if (r->step > 1)
        builder_note(b, "pprof text: figures are rounded, to %" PRIu64 " bytes at worst", r->step);
    if (r->has_total && !r->negative && r->total.value > num_add(r->sum, slack))
        transcript_lacks(
            r->t, r->total.value - r->sum,
            "pprof text: part of the printed Total is in no row: small ones may not be "
            "listed");
    scan_loss_report(r->t, &r->loss);
}

static bool pprof_text_add_total(struct reading *r, struct err *err) {
    struct builder *b = r->t->b;
    if (!r->has_total || r->total.is_negative)
        return true;
    const char *by = builder_string(b, STR("total"), err);
    struct allocation_row *row = by ? builder_row(b, PART_ALLOCATIONS, err) : NULL;
    if (!row)
        return false;
    row->by = by;
    if (r->ever)
        *(r->total.is_bytes ? &row->total_bytes : &row->total_count) = r->total.value;
    else
        *(r->total.is_bytes ? &row->bytes : &row->count) = r->total.value;
    return true;
}

/* "Showing nodes accounting for 512.50kB, 100% of 1.50MB total", and up to the header. */
static void read_showing(struct reading *r) {
    struct transcript *t = r->t;
    struct str text = t->line.text;
    size_t of = str_find(text, STR(" of "), 0);
    if (of != STR_NOT_FOUND) {
        text = str_drop(text, of + 4);
        r->has_total = parse_figure(str_next_field(&text), 0, &r->total) && !r->total.is_time;
    }
    transcript_next(t);
    while (!t->at_end &&
           (str_starts(t->line.text, STR("Dropped ")) || str_starts(t->line.text, STR("Showing "))))
        transcript_next(t);
    if (!t->at_end && pprof_text_is_header(t->line.text))
        transcript_next(t);
}

static void pprof_text_read_head(struct reading *r) {
    struct str type = {"", 0};
    bool typed = pprof_text_type(r->t, &type);
    r->ever = typed && str_starts(type, STR("alloc_"));
    r->goroutines = typed && str_eq(type, STR("goroutine"));
    if (typed && !is_memory_type(type))
        r->other = type;
    while (typed && !r->t->at_end && !str_starts(r->t->line.text, showing) &&
           !pprof_text_is_header(r->t->line.text))
        transcript_next(r->t);
    /* Also where nothing but the command tells: -alloc_space, -sample_index=alloc_space */
    r->ever |= !typed && r->t->line.number - r->t->command_line < HEAD_LINES &&
               str_contains(r->t->command_raw, STR("alloc_"));
    char first = str_first(r->t->line.text);
    if (first == 'S') {
        read_showing(r);
        return;
    }
    if (first == 'T') {
        r->has_total = pprof_text_parse_total(r->t->line.text, &r->total, &r->default_unit);
        r->is_bytes = r->default_unit != 0;
    }
    transcript_next(r->t);
}

/* How many there are; what they wait for no such table says. */
static bool pprof_text_goroutines(const struct reading *r, struct err *err) {
    builder_note(r->t->b, "pprof text: goroutines, by function: what they wait for is in "
                          "/debug/pprof/goroutine?debug=2");
    return !r->has_total || builder_counter(r->t->b, "go.goroutines", r->total.value, "count", err);
}

static bool pprof_text_read(struct transcript *t, struct err *err) {
    struct reading r = {.t = t};
    builder_rows(t->b, PART_ALLOCATIONS, &r.first_row);
    pprof_text_read_head(&r);
    r.goroutines |= !r.other.len && rows_are_goroutines(t);
    if (!scan_table(t, &r.loss, pprof_text_take_line, &r, err))
        return false;
    if (r.rows == 0 || r.rows == r.times) {
        transcript_hollow(t, r.times ? "pprof text: a profile of time, not of memory"
                                     : "pprof text: no row that can be understood");
        return true;
    }
    if (r.goroutines)
        return pprof_text_goroutines(&r, err);
    if (r.other.len) {
        transcript_hollow(t, "pprof text: a profile of %.*s, not of memory", (int)r.other.len,
                          r.other.ptr);
        return true;
    }
    pprof_text_check(&r);
    return pprof_text_add_total(&r, err);
}

const struct section section_pprof_text = {
    .name = "pprof-text",
    .summary = "functions by what they allocate: jeprof --text, pprof -text, go tool pprof -top",
    .may_give = PART_BIT(PART_ALLOCATIONS) | PART_BIT(PART_COUNTERS),
    .open_parts = PART_BIT(PART_ALLOCATIONS),
    .starts = pprof_text_starts,
    .read = pprof_text_read,
};
