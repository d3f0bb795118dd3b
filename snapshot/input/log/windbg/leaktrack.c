/*
 * Leak analysis of DebugDiag, from what LeakTrack.dll recorded in a Windows process: its report as
 * text, or the page itself (HTML, or .mht).
 *
 *     Outstanding allocation summary
 *     Number of allocations   76,767 allocations
 *     Total size of allocations   4.12 MBytes
 *     Tracking duration   00:32:11
 *     Top 2 modules by allocation count
 *     ink   76,001 allocation(s)
 *     ...
 *     Module details for ink
 *     Function   ink!Roller::Wet+1c
 *     Allocation Count   12,001 allocation(s)
 *     Allocation Size   3.02 MBytes
 *     Top 10 allocation sizes by allocation count
 *     422 Bytes   12,001 allocation(s)
 *     Call stack sample 1
 *     Address   0x01f3c2a8
 *     Allocation Time   00:12:44 since tracking started
 *
 * Sizes are rounded. A 32-bit counter of LeakTrack can overflow: what is negative, or more than the
 * total, is none. Samples of call stacks are single allocations, not sums.
 */
#include "base/hash.h"
#include "input/log/scan.h"
#include "model/stacks.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include "base/chars.h"
#include "base/num.h"
#include "base/vec.h"

#include <stdlib.h>

/* As many sizes of a function are listed, unless it was told otherwise. */
#define SIZES_LISTED 10u

enum list { LIST_NONE, LIST_MODULES, LIST_FUNCTIONS, LIST_SIZES, LIST_OTHER };

struct sum {
    struct str name, function; /* borrowed; function: whose size it is */
    uint64_t count, bytes;     /* ABSENT: not said */
    bool wrong;                /* a figure of it overflowed */
};

struct sums {
    struct sum *items;
    uint32_t count, capacity;
    struct strmap index;
};

struct reading {
    struct transcript *t;
    struct sums modules, functions, sizes;
    struct sum total;
    struct str module, function; /* whose details are read; empty: of none */
    enum list list;
    uint64_t expected, listed; /* [count] rows of the list */
    struct str pending;        /* name of a row whose value is to come */
    uint64_t duration_ns, handles;
    uint64_t samples, missing, overflowed;
    bool in_sample, in_handles, limited;
    struct scan_loss loss;
};

/* -- Values ------------------------------------------------------------------------------------ */

struct value {
    uint64_t count, bytes; /* one of them, ABSENT: overflowed */
    bool is_count;
};

/* Splits "4.12 MBytes" off the end of *rest. */
static bool leaktrack_take_size(struct str *rest, uint64_t *ret_bytes) {
    static const struct {
        struct str name;
        unsigned shift;
    } units[] = {
        {STR_INIT("Bytes"), 0},   {STR_INIT("Byte"), 0},    {STR_INIT("KBytes"), 10},
        {STR_INIT("MBytes"), 20}, {STR_INIT("GBytes"), 30}, {STR_INIT("TBytes"), 40},
    };
    struct str left = *rest, unit = scan_last_field(&left), number = scan_last_field(&left);
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (!str_eq_nocase(unit, units[i].name))
            continue;
        struct strbuf plain; /* "1,234.50" without separators */
        strbuf_init(&plain);
        bool minus = str_starts(number, STR("-")), digits = false;
        for (size_t k = minus; k < number.len && k < 40; k++) {
            if (number.ptr[k] != ',')
                strbuf_addc(&plain, number.ptr[k]);
            digits |= char_is_digit(number.ptr[k]);
        }
        uint64_t bytes = ABSENT;
        bool ok = digits && num_scaled(strbuf_str(&plain), (uint64_t)1 << units[i].shift, &bytes);
        strbuf_deinit(&plain);
        if (minus || (ok && bytes >= (uint64_t)1 << 47))
            bytes = ABSENT;
        if (!ok && !minus)
            return false;
        *ret_bytes = bytes;
        *rest = str_trim(left);
        return digits;
    }
    return false;
}

/* Splits "76,001 allocation(s)" or "4.12 MBytes" off the end of *rest. */
static bool leaktrack_take_value(struct str *rest, struct value *ret_value) {
    *ret_value = (struct value){ABSENT, ABSENT, false};
    struct str left = *rest, unit = scan_last_field(&left);
    if (str_eq(unit, STR("allocation(s)")) || str_eq(unit, STR("allocations")) ||
        str_eq(unit, STR("handle(s)")) || str_eq(unit, STR("handles"))) {
        struct str number = scan_last_field(&left);
        bool minus = str_starts(number, STR("-"));
        uint64_t count;
        if (!num_grouped(str_drop(number, minus), &count))
            return false;
        ret_value->is_count = true;
        ret_value->count = minus || count > INT32_MAX ? ABSENT : count;
        *rest = str_trim(left);
        return true;
    }
    return leaktrack_take_size(rest, &ret_value->bytes);
}

/* "00:32:11", "2 days 01:00:00", "1 day(s) 01:00:00" [ns] */
static bool parse_duration(struct str text, uint64_t *ret_ns) {
    struct str f[3], clock;
    uint64_t days = 0, hours, minutes, seconds;
    size_t n = scan_fields(text, f, 3, NULL);
    if (n == 3 && (!str_starts(f[1], STR("day")) || !num_dec(f[0], &days) || days > 36500))
        return false;
    if (n != 1 && n != 3)
        return false;
    clock = f[n - 1];
    size_t first = str_find(clock, STR(":"), 0);
    size_t second = first == STR_NOT_FOUND ? first : str_find(clock, STR(":"), first + 1);
    if (second == STR_NOT_FOUND || !num_dec(str_take(clock, first), &hours) || hours > 100000 ||
        !num_dec(str_drop(str_take(clock, second), first + 1), &minutes) || minutes > 59 ||
        !num_dec(str_drop(clock, second + 1), &seconds) || seconds > 59)
        return false;
    *ret_ns = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000000000;
    return true;
}

/* -- Sums -------------------------------------------------------------------------------------- */

/* The sum of that name, added when it is new; NULL: out of memory. Valid until the next is. */
static struct sum *leaktrack_sum_of(struct sums *sums, struct str name, struct str function,
                                    struct err *err) {
    uint32_t at = strmap_get(&sums->index, name, function);
    if (at != STRMAP_NONE)
        return &sums->items[at];
    if (!VEC_ROOM(sums->items, sums->count, sums->capacity, err))
        return NULL;
    if (!strmap_put(&sums->index, name, function, sums->count)) {
        err_nomem(err);
        return NULL;
    }
    sums->items[sums->count] = (struct sum){name, function, ABSENT, ABSENT, false};
    return &sums->items[sums->count++];
}

static void leaktrack_say(struct reading *r, struct sum *sum, const struct value *value) {
    uint64_t number = value->is_count ? value->count : value->bytes;
    if (number == ABSENT && !sum->wrong) {
        r->overflowed++;
        sum->wrong = true;
    }
    scan_say(value->is_count ? &sum->count : &sum->bytes, number, &r->loss);
}

static bool leaktrack_add_row(struct reading *r, struct str name, const struct value *value,
                              struct err *err) {
    struct sums *sums = r->list == LIST_MODULES     ? &r->modules
                        : r->list == LIST_FUNCTIONS ? &r->functions
                        : r->list == LIST_SIZES     ? &r->sizes
                                                    : NULL;
    r->listed++;
    if (!sums)
        return true;
    struct str function = r->list == LIST_SIZES ? r->function : STR("");
    struct sum *sum = leaktrack_sum_of(sums, name, function, err);
    if (sum)
        leaktrack_say(r, sum, value);
    return sum != NULL;
}

/* -- Lines ------------------------------------------------------------------------------------- */

/* "Top 2 modules by allocation count": which list it is, and how many rows it has. */
static bool parse_list(struct str text, enum list *ret_list, uint64_t *ret_rows) {
    struct str f[4], rest;
    if (scan_fields(str_take(text, 128), f, 4, &rest) != 4 || !str_eq(f[0], STR("Top")) ||
        !num_dec(f[1], ret_rows))
        return false;
    bool sums = str_ends(text, STR("by allocation count")) ||
                str_ends(text, STR("by allocation size")) || str_ends(text, STR("by total size"));
    *ret_list = LIST_OTHER; /* by handle count, by leak probability; heaps */
    if (!sums)
        return str_contains(text, STR(" by "));
    if (str_eq(f[2], STR("modules")))
        *ret_list = LIST_MODULES;
    else if (str_eq(f[2], STR("functions")))
        *ret_list = LIST_FUNCTIONS;
    else if (str_eq(f[2], STR("allocation")) && str_eq(f[3], STR("sizes")))
        *ret_list = LIST_SIZES;
    return true;
}

static void end_list(struct reading *r) {
    if (r->list != LIST_NONE && r->list != LIST_OTHER && r->listed < r->expected)
        r->missing += r->expected - r->listed;
    r->list = LIST_NONE;
    r->pending = STR("");
}

static void begin_list(struct reading *r, enum list list, uint64_t rows) {
    end_list(r);
    r->list = r->in_handles ? LIST_OTHER : list;
    r->expected = rows;
    r->listed = 0;
    r->limited |= list == LIST_SIZES && rows >= SIZES_LISTED;
}

/* "Label   value": what comes behind, when the line begins with that label and blanks. */
static bool labelled(struct str text, struct str label, struct str *ret_value) {
    if (!str_starts(text, label) || text.len <= label.len)
        return false;
    char next = text.ptr[label.len];
    if (next != ' ' && next != '\t' && next != ':' && next != '\xc2')
        return false;
    struct str value = str_trim(str_drop(text, label.len));
    *ret_value = str_starts(value, STR(":")) ? str_trim(str_drop(value, 1)) : value;
    return ret_value->len > 0;
}

/* What the figures below belong to: the function, else the module, else all. */
static bool take_figure(struct reading *r, struct str text, struct err *err) {
    struct value value;
    if (r->in_sample || r->in_handles)
        return true;
    struct sum *sum = &r->total;
    if (!leaktrack_take_value(&text, &value) || text.len) {
        r->loss.unparsed++;
        return true;
    }
    if (r->function.len)
        sum = leaktrack_sum_of(&r->functions, r->function, STR(""), err);
    else if (r->module.len)
        sum = leaktrack_sum_of(&r->modules, r->module, STR(""), err);
    if (sum)
        leaktrack_say(r, sum, &value);
    return sum != NULL;
}

static void begin_module(struct reading *r, struct str name) {
    end_list(r);
    r->module = name;
    r->function = STR("");
    r->in_sample = false;
}

static bool take_label(struct reading *r, struct str text, bool *ret_taken, struct err *err) {
    struct str value;
    *ret_taken = true;
    if (labelled(text, STR("Number of allocations"), &value) ||
        labelled(text, STR("Total size of allocations"), &value)) {
        end_list(r);
        r->module = r->function = STR("");
        return take_figure(r, value, err);
    }
    if (labelled(text, STR("Allocation Count"), &value) ||
        labelled(text, STR("Outstanding allocation count"), &value) ||
        labelled(text, STR("Allocation Size"), &value) ||
        labelled(text, STR("Outstanding allocation size"), &value))
        return take_figure(r, value, err);
    if (labelled(text, STR("Module details for"), &value)) {
        begin_module(r, value);
    } else if (labelled(text, STR("Module Name"), &value)) {
        if (!r->module.len)
            begin_module(r, value);
    } else if (labelled(text, STR("Call stack sample"), &value)) {
        end_list(r);
        r->in_sample = true;
        r->samples++;
    } else if (labelled(text, STR("Function"), &value) && str_contains(value, STR("!")) &&
               !str_contains(value, STR(" !"))) {
        end_list(r);
        r->in_sample = false;
        r->function = value;
    } else if (labelled(text, STR("Tracking duration"), &value)) {
        r->loss.unparsed += !parse_duration(value, &r->duration_ns);
    } else if (labelled(text, STR("Total outstanding handle count"), &value)) {
        struct value handles;
        if (leaktrack_take_value(&value, &handles) && handles.is_count)
            r->handles = handles.count;
    } else {
        *ret_taken = false;
    }
    return true;
}

/* A row of a list: "ink   76,001 allocation(s)", perhaps with the value in the next line. */
static bool leaktrack_take_row(struct reading *r, struct str text, struct err *err) {
    struct str name = text;
    struct value value;
    if (!leaktrack_take_value(&name, &value) || (!name.len && !r->pending.len)) {
        r->pending = text;
        return true;
    }
    /* "422 Bytes" alone is a name, if it is not the value of one */
    if (!name.len && r->list == LIST_SIZES && !value.is_count && !r->pending.len) {
        r->pending = text;
        return true;
    }
    bool ok = leaktrack_add_row(r, name.len ? name : r->pending, &value, err);
    r->pending = STR("");
    if (r->listed == r->expected)
        end_list(r);
    return ok;
}

static bool leaktrack_take_line(void *context, bool *ret_mine, struct err *err) {
    struct reading *r = context;
    struct str text = r->t->line.text, command;
    enum list list;
    uint64_t rows;
    bool taken;
    *ret_mine = true;
    if (transcript_is_command(&r->t->line, &command) && r->list == LIST_NONE && !r->in_sample) {
        *ret_mine = r->t->line.number == r->t->section_line;
        return true;
    }
    if (str_contains(str_take(text, 64), STR("module report(Handles)")) ||
        str_contains(str_take(text, 64), STR("module report (Handles)"))) {
        begin_module(r, STR(""));
        r->in_handles = true;
        return true;
    }
    if (parse_list(text, &list, &rows)) {
        begin_list(r, list, rows);
        return true;
    }
    if (!take_label(r, text, &taken, err))
        return false;
    return taken || r->list == LIST_NONE || r->in_sample || leaktrack_take_row(r, text, err);
}

/* -- What is kept ------------------------------------------------------------------------------ */

/* More than all of them together: it overflowed, too. */
static void drop_absurd(struct reading *r, struct sums *sums) {
    for (uint32_t i = 0; i < sums->count; i++) {
        struct sum *s = &sums->items[i];
        /* The total is rounded, to a hundredth of its unit at least. */
        uint64_t limit = r->total.bytes == ABSENT ? ABSENT : r->total.bytes / 50 * 51 + 1024;
        bool many = s->count != ABSENT && r->total.count != ABSENT && s->count > r->total.count;
        bool large = s->bytes != ABSENT && s->bytes > limit;
        if (many)
            s->count = ABSENT;
        if (large)
            s->bytes = ABSENT;
        r->overflowed += (many || large) && !s->wrong;
        s->wrong |= many || large;
    }
}

static bool store_sums(struct reading *r, const struct sums *sums, const char *by,
                       struct err *err) {
    struct builder *b = r->t->b;
    for (uint32_t i = 0; i < sums->count; i++) {
        const struct sum *s = &sums->items[i];
        struct allocation_row row = ALLOCATION_ROW;
        struct str name = s->name;
        row.by = by;
        row.count = s->count;
        row.bytes = s->bytes;
        if (sums == &r->sizes) {
            if (!leaktrack_take_size(&name, &row.size_each) || name.len) {
                r->loss.unparsed++;
                continue;
            }
        } else {
            size_t plus = STR_NOT_FOUND, next = 0;
            uint64_t offset;
            while ((next = str_find(name, STR("+"), next)) != STR_NOT_FOUND)
                plus = next++;
            if (sums == &r->functions && plus != STR_NOT_FOUND &&
                num_hex(str_drop(name, plus + 1), &offset))
                name = str_take(name, plus); /* several calls of one function add up */
            if (!(row.name = builder_string(b, name, err)))
                return false;
        }
        if ((row.count != ABSENT || row.bytes != ABSENT) && !builder_add_allocation(b, &row, err))
            return false;
    }
    return true;
}

static bool store_total(struct reading *r, struct err *err) {
    struct builder *b = r->t->b;
    struct allocation_row row = ALLOCATION_ROW;
    row.by = "total";
    row.count = r->total.count;
    row.bytes = r->total.bytes;
    if ((row.count != ABSENT || row.bytes != ABSENT) && !builder_add_allocation(b, &row, err))
        return false;
    if (r->duration_ns != ABSENT &&
        !builder_counter(b, "leaktrack.tracking_ns", r->duration_ns, "ns", err))
        return false;
    return r->handles == ABSENT ||
           builder_counter(b, "leaktrack.outstanding_handles", r->handles, "count", err);
}

static void leaktrack_file_report(struct reading *r) {
    struct builder *b = r->t->b;
    builder_note(b, "sizes are as DebugDiag rounds them");
    if (r->samples)
        builder_note(b, "%llu samples of call stacks are single allocations: left out",
                     (unsigned long long)r->samples);
    if (r->limited)
        transcript_lacks(r->t, ABSENT, "DebugDiag lists the first sizes of each function alone");
    if (r->overflowed)
        builder_warn(b, r->overflowed,
                     "LeakTrack: figures that are negative or larger than all: they overflowed");
    if (r->missing)
        transcript_lacks(r->t, r->missing, "LeakTrack: rows that are announced and missing");
    if (r->total.count == ABSENT && r->total.bytes == ABSENT)
        builder_warn(b, ABSENT, "LeakTrack: the summary is missing");
    if (r->modules.count && !r->functions.count)
        transcript_lacks(r->t, ABSENT, "LeakTrack: the details of modules are missing");
    if (r->in_handles) /* the next chapter */
        transcript_ended(r->t);
    scan_loss_report(r->t, &r->loss);
}

static bool leaktrack_finish(struct reading *r, struct err *err) {
    end_list(r);
    if (r->total.count == ABSENT && r->total.bytes == ABSENT && !r->modules.count &&
        !r->functions.count && !r->total.wrong) {
        transcript_hollow(r->t, "LeakTrack: a report without figures");
        return true;
    }
    drop_absurd(r, &r->modules);
    drop_absurd(r, &r->functions);
    drop_absurd(r, &r->sizes);
    builder_present(r->t->b, PART_ALLOCATIONS);
    if (!store_total(r, err) || !store_sums(r, &r->modules, "module", err) ||
        !store_sums(r, &r->functions, "function", err) || !store_sums(r, &r->sizes, "size", err))
        return false;
    leaktrack_file_report(r);
    return true;
}

static bool leaktrack_read(struct transcript *t, struct err *err) {
    struct reading r = {.t = t, .duration_ns = ABSENT, .handles = ABSENT};
    struct sums *const all[] = {&r.modules, &r.functions, &r.sizes};
    r.total.count = r.total.bytes = ABSENT;
    for (size_t i = 0; i < 3; i++)
        strmap_init(&all[i]->index);
    bool ok = scan_table(t, &r.loss, leaktrack_take_line, &r, err);
    if (ok && snapshot_has(builder_snapshot(t->b), PART_ALLOCATIONS))
        builder_warn(t->b, ABSENT, "LeakTrack: sums beside those of another list, left out");
    else
        ok = ok && leaktrack_finish(&r, err);
    for (size_t i = 0; i < 3; i++) {
        strmap_deinit(&all[i]->index);
        free(all[i]->items);
    }
    return ok;
}

static bool leaktrack_starts(const struct transcript *t) {
    struct str text = t->line.text, value;
    enum list list;
    uint64_t rows;
    switch (str_first(text)) {
    case 'O':
        return str_eq(text, STR("Outstanding allocation summary"));
    case 'L':
        return str_starts(text, STR("LeakTrack Version Loaded:"));
    case 'N':
        return labelled(text, STR("Number of allocations"), &value) &&
               str_ends(value, STR("allocations"));
    case 'M':
        return labelled(text, STR("Module details for"), &value);
    default:
        return str_first(text) == 'T' && parse_list(text, &list, &rows) &&
               (list == LIST_MODULES || list == LIST_FUNCTIONS);
    }
}

const struct section section_leaktrack = {
    .name = "leaktrack",
    .summary = "DebugDiag's leak analysis: native allocations by module, function and size",
    .may_give = PART_BIT(PART_ALLOCATIONS) | PART_BIT(PART_COUNTERS),
    .open_parts = PART_BIT(PART_ALLOCATIONS),
    .starts = leaktrack_starts,
    .read = leaktrack_read,
};
