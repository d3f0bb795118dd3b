/*
 * Comparisons of two logs that UMDH makes (`umdh [-d] OLD NEW`), and listings of one (`umdh LOG`).
 *
 *     +  6f8178 ( 7e5f88 - ede10)    70a allocs   BackTrace7E5CE0     bytes: new - old, count: new
 *     +     636 (   70a -    d4)  BackTrace7E5CE0 allocations         count: new - old
 *
 *             ntdll!RtlAllocateHeap+00000274
 *             ink!Press+0000003D (c:\press\ink.cpp, 221)
 *
 *     Total increase == bb0f00 requested +  92580 overhead = c43480
 *
 * Numbers are hex, or decimal with -d; which of them is not said, but only one of them adds up.
 * Such a file tells of two moments. A stack that did not change is not in it, so its figures are
 * not known; that of one that comes up in a later comparison only was the same before.
 */
#include "base/hash.h"
#include "input/log/stat_table.h"
#include "input/log/windbg/umdh_text.h"

#include "base/num.h"
#include "base/order.h"
#include "base/vec.h"
#include "model/rows_stacks.h"

#include <stdlib.h>

/* "+ DELTA ( NEW - OLD)" as it stands. */
struct change {
    bool minus;
    struct str delta, after, before;
};

struct entry {
    struct change bytes, count;
    bool has_count; /* the second line is there */
    struct str new_count;
    uint64_t trace;
    uint32_t first, frames; /* in the reading's frames */
    uint32_t comparison;    /* number of the comparison it stands in, from 0 */
};

struct total {
    uint32_t comparison;
    bool minus;
    struct str requested, overhead; /* overhead.len 0: not said */
};

struct reading {
    struct transcript *t;
    struct entry *entries;
    size_t count, capacity;
    struct total *totals;
    size_t total_count, total_capacity;
    struct umdh_frames frames;
    struct u64map seen;  /* number of a stack to its last entry */
    uint32_t comparison; /* the last one so far */
    uint32_t start;      /* its first entry */
    uint32_t behind;     /* first entry behind the last line that is none: perhaps another begins */
    bool in_stack;
    bool decimal;
    uint64_t broken; /* lines that look like entries */
};

/* -- Lines ------------------------------------------------------------------------------------- */

static bool umdh_diff_is_number(struct str s) {
    uint64_t value;
    return num_hex(s, &value) && !str_starts(s, STR("0x"));
}

/* "+  6f8178 ( 7e5f88 - ede10)", and what comes behind it. */
static bool parse_change(struct str text, struct change *ret_change, struct str *ret_rest) {
    if (text.len < 8 || (str_first(text) != '+' && str_first(text) != '-'))
        return false;
    ret_change->minus = str_first(text) == '-';
    size_t open = str_find(str_take(text, 64), STR("("), 0);
    size_t close = str_find(str_take(text, 128), STR(")"), 0);
    if (open == STR_NOT_FOUND || close == STR_NOT_FOUND || close < open)
        return false;
    ret_change->delta = str_trim(str_drop(str_take(text, open), 1));
    struct str inside = str_drop(str_take(text, close), open + 1);
    size_t minus = str_find(inside, STR("-"), 0);
    if (minus == STR_NOT_FOUND)
        return false;
    ret_change->after = str_trim(str_take(inside, minus));
    ret_change->before = str_trim(str_drop(inside, minus + 1));
    *ret_rest = str_trim(str_drop(text, close + 1));
    return umdh_diff_is_number(ret_change->delta) && umdh_diff_is_number(ret_change->after) &&
           umdh_diff_is_number(ret_change->before);
}

/* The line of bytes: "... 70a allocs BackTrace7E5CE0" */
static bool parse_bytes(struct str text, struct entry *ret_entry) {
    struct str rest, f[3];
    return parse_change(text, &ret_entry->bytes, &rest) && scan_fields(rest, f, 3, NULL) == 3 &&
           str_starts(f[1], STR("alloc")) && umdh_diff_is_number(f[0]) &&
           ((ret_entry->new_count = f[0]), umdh_trace_id(f[2], &ret_entry->trace));
}

/* The line of counts: "... BackTrace7E5CE0 allocations" */
static bool parse_count(struct str text, struct change *ret_change, uint64_t *ret_trace) {
    struct str rest, f[2];
    return parse_change(text, ret_change, &rest) && scan_fields(rest, f, 2, NULL) == 2 &&
           umdh_trace_id(f[0], ret_trace) && str_starts(f[1], STR("alloc"));
}

static bool umdh_diff_looks_like_entry(struct str text) {
    struct change change;
    struct str rest;
    if (text.len > 256 || text.len < 4 || (str_first(text) != '+' && str_first(text) != '-'))
        return false;
    if (parse_change(text, &change, &rest))
        return true;
    rest = str_drop(text, 1);
    struct str delta = str_next_field(&rest);
    return umdh_diff_is_number(delta) &&
           (str_contains(rest, STR("BackTrace")) || str_starts(str_trim(rest), STR("(")));
}

/* "Total increase == bb0f00 requested +  92580 overhead = c43480" */
static bool umdh_diff_parse_total(struct str text, struct total *ret_total) {
    bool less = str_starts(text, STR("Total decrease =="));
    if (!less && !str_starts(text, STR("Total increase ==")))
        return false;
    struct str f[4];
    size_t n = scan_fields(str_drop(text, 17), f, 4, NULL);
    *ret_total = (struct total){.minus = less, .requested = n ? f[0] : text};
    if (n == 4 && str_eq(f[1], STR("requested")) && str_eq(f[2], STR("+")))
        ret_total->overhead = f[3];
    return true;
}

/* -- All of them ------------------------------------------------------------------------------- */

/*
 * Another comparison begins when a stack comes once more: behind the prose in front of it, if it
 * did not come behind that already.
 */
static void begin_comparison(struct reading *r, uint32_t last) {
    uint32_t count = (uint32_t)r->count;
    r->comparison++;
    r->start = r->behind > r->start && last < r->behind ? r->behind : count;
    for (uint32_t i = r->start; i < count; i++)
        r->entries[i].comparison = r->comparison;
}

static bool umdh_diff_add_entry(struct reading *r, struct entry *entry, struct err *err) {
    uint32_t last = u64map_get(&r->seen, entry->trace);
    if (r->count >= UINT32_MAX / 2)
        return err_set(err, ERR_LIMIT, "more entries than fit");
    if (last != STRMAP_NONE && last >= r->start)
        begin_comparison(r, last);
    entry->comparison = r->comparison;
    entry->first = r->frames.count;
    entry->frames = 0;
    if (!u64map_put(&r->seen, entry->trace, (uint32_t)r->count))
        return err_nomem(err);
    if (!VEC_ROOM(r->entries, r->count, r->capacity, err))
        return false;
    r->entries[r->count++] = *entry;
    r->in_stack = true;
    return true;
}

static bool umdh_diff_add_total(struct reading *r, struct total *total, struct err *err) {
    total->comparison = r->comparison;
    r->in_stack = false;
    if (r->count > r->start) {
        r->comparison++;
        r->start = (uint32_t)r->count;
    }
    if (!VEC_ROOM(r->totals, r->total_count, r->total_capacity, err))
        return false;
    r->totals[r->total_count++] = *total;
    return true;
}

static bool umdh_diff_take_line(struct reading *r, const struct line *line, bool *ret_mine,
                                struct err *err) {
    struct entry entry = {.has_count = false};
    struct total total;
    struct change change;
    struct str text = line->text;
    uint64_t trace;
    *ret_mine = true;
    if (parse_bytes(text, &entry))
        return umdh_diff_add_entry(r, &entry, err);
    struct entry *last = r->count ? &r->entries[r->count - 1] : NULL;
    if (last && !last->has_count && parse_count(text, &change, &trace) && trace == last->trace) {
        last->count = change;
        last->has_count = true;
        return true;
    }
    if (umdh_diff_parse_total(text, &total))
        return umdh_diff_add_total(r, &total, err);
    if (last && r->in_stack && umdh_is_symbol(text)) {
        last->frames++;
        return umdh_frames_add(&r->frames, umdh_frame(r->t->b, text, err), err);
    }
    if (umdh_diff_looks_like_entry(text)) {
        r->broken++;
        r->in_stack = false;
        return true;
    }
    *ret_mine = umdh_is_symbol_remark(line);
    return true;
}

/* Reads the entries of the whole rest of the text: prose may stand between them. */
static bool umdh_diff_read_all(struct reading *r, struct err *err) {
    struct transcript scout = transcript_scout(r->t);
    bool mine;
    for (; transcript_skip_blank(&scout); transcript_next(&scout)) {
        if (!umdh_diff_take_line(r, &scout.line, &mine, err))
            return false;
        r->in_stack &= mine;
        if (!mine)
            r->behind = (uint32_t)r->count;
    }
    return true;
}

/* Goes behind the lines that are entries, or belong to one. */
static void pass_over(struct transcript *t) {
    struct entry entry;
    struct total total;
    struct str text;
    do {
        transcript_next(t);
        if (!transcript_skip_blank(t))
            break;
        text = t->line.text;
    } while (parse_bytes(text, &entry) || umdh_diff_parse_total(text, &total) ||
             umdh_is_symbol(text) || umdh_diff_looks_like_entry(text));
}

/* -- Hex or decimal ---------------------------------------------------------------------------- */

static bool umdh_diff_number(struct str s, bool decimal, uint64_t *ret_value) {
    return decimal ? num_dec(s, ret_value) : num_hex(s, ret_value);
}

/* Does new - old give the difference in that notation? */
static bool adds_up(const struct change *c, bool decimal) {
    uint64_t delta, after, before;
    if (!umdh_diff_number(c->delta, decimal, &delta) ||
        !umdh_diff_number(c->after, decimal, &after) ||
        !umdh_diff_number(c->before, decimal, &before))
        return false;
    return c->minus ? before >= after && before - after == delta
                    : after >= before && after - before == delta;
}

static bool entry_adds_up(const struct entry *e, bool decimal) {
    uint64_t value, after;
    return adds_up(&e->bytes, decimal) && umdh_diff_number(e->new_count, decimal, &value) &&
           (!e->has_count || (adds_up(&e->count, decimal) &&
                              umdh_diff_number(e->count.after, decimal, &after) && after == value));
}

/* The same number in both notations? */
static bool umdh_diff_is_digit(struct str s) {
    return s.len == 1 && str_first(s) <= '9';
}

static bool umdh_diff_says_nothing(const struct entry *e) {
    return umdh_diff_is_digit(e->bytes.delta) && umdh_diff_is_digit(e->bytes.after) &&
           umdh_diff_is_digit(e->bytes.before) && umdh_diff_is_digit(e->new_count);
}

/* What an entry adds to the sum of its comparison, downwards as a negative number. */
static uint64_t delta_of(const struct entry *e, bool decimal) {
    uint64_t delta;
    if (!umdh_diff_number(e->bytes.delta, decimal, &delta))
        return 0;
    return e->bytes.minus ? 0 - delta : delta;
}

static bool total_agrees(const struct total *total, uint64_t sum, bool decimal) {
    uint64_t requested;
    return umdh_diff_number(total->requested, decimal, &requested) &&
           sum == (total->minus ? 0 - requested : requested);
}

/* Does the first total agree with its entries, in that notation? */
static bool first_total_agrees(const struct reading *r, bool decimal) {
    uint64_t sum = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->entries[i].comparison == r->totals[0].comparison)
            sum += delta_of(&r->entries[i], decimal);
    return total_agrees(&r->totals[0], sum, decimal);
}

static void find_notation(struct reading *r) {
    uint64_t hex = 0, decimal = 0, both = 0;
    for (size_t i = 0; i < r->count; i++) {
        bool is_hex = entry_adds_up(&r->entries[i], false);
        bool is_decimal = entry_adds_up(&r->entries[i], true);
        hex += is_hex && !is_decimal;
        decimal += is_decimal && !is_hex;
        both += is_hex && is_decimal && !umdh_diff_says_nothing(&r->entries[i]);
    }
    bool told = hex || decimal;
    if (!told && both && r->total_count) {
        hex = first_total_agrees(r, false);
        decimal = first_total_agrees(r, true);
        told = hex != decimal;
    }
    r->decimal = decimal > hex;
    struct builder *b = r->t->b;
    if (told)
        builder_note(b, "UMDH's figures are %s: only so they add up",
                     r->decimal ? "decimal" : "hexadecimal");
    else if (both)
        builder_warn(b, ABSENT,
                     "UMDH's figures add up both as hexadecimal and as decimal numbers: taken for "
                     "hexadecimal");
}

/* -- Moments ----------------------------------------------------------------------------------- */

/* What a stack held in each of two moments. */
struct held {
    uint64_t bytes[2], count[2];
};

static struct held held_by(const struct reading *r, const struct entry *e) {
    struct held h = {{0, 0}, {0, ABSENT}};
    if (!umdh_diff_number(e->bytes.before, r->decimal, &h.bytes[0]) ||
        !umdh_diff_number(e->bytes.after, r->decimal, &h.bytes[1]) ||
        !umdh_diff_number(e->new_count, r->decimal, &h.count[1]))
        return (struct held){{0, 0}, {0, 0}};
    h.count[0] = h.bytes[0] ? ABSENT : 0;
    if (e->has_count && !umdh_diff_number(e->count.before, r->decimal, &h.count[0]))
        h.count[0] = ABSENT;
    return h;
}

static int umdh_diff_cmp_entry(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    if (x->trace != y->trace)
        return x->trace < y->trace ? -1 : 1;
    return order_u64(x->comparison, y->comparison);
}

/*
 * How many of the comparisons follow each other: the old figures of a stack are what the one before
 * left. Those behind the first that does not are left out. Entries are sorted by stack.
 */
static uint32_t count_chained(const struct reading *r) {
    uint32_t comparisons = r->comparison + 1, chained = comparisons;
    uint8_t *links = calloc(comparisons, 1);
    if (!links)
        return 1;
    for (size_t i = 1; i < r->count; i++) {
        const struct entry *before = &r->entries[i - 1], *e = &r->entries[i];
        if (e->trace != before->trace)
            continue;
        struct held left = held_by(r, before), found = held_by(r, e);
        bool same = left.bytes[1] == found.bytes[0] &&
                    (found.count[0] == ABSENT || found.count[0] == left.count[1]);
        links[e->comparison] |= same ? 1 : 2;
    }
    for (uint32_t k = comparisons; k-- > 1;)
        if (links[k] != 1)
            chained = k;
    free(links);
    return chained;
}

/* What the stack of entries[first..end) held at a moment. */
static bool umdh_diff_add_stack(struct reading *r, size_t first, size_t end, uint32_t moment,
                                struct err *err) {
    struct held h = held_by(r, &r->entries[first]);
    uint64_t bytes = h.bytes[0], count = h.count[0];
    const struct entry *named = &r->entries[first];
    for (size_t i = first; i < end; i++) {
        if (named->frames == 0)
            named = &r->entries[i];
        if (r->entries[i].comparison >= moment)
            continue;
        h = held_by(r, &r->entries[i]);
        bytes = h.bytes[1];
        count = h.count[1];
    }
    if (bytes == 0 && count == 0)
        return true;
    const char *no_stack = umdh_no_stack(r->t->b, named->trace, err);
    if (!no_stack)
        return false;
    struct stack_row row = STACK_ROW;
    row.bytes = bytes;
    row.count = count;
    row.frames = named->frames ? (struct strings){r->frames.items + named->first, named->frames}
                               : (struct strings){&no_stack, 1};
    return builder_add_stack(r->t->b, &row, err);
}

static bool add_moment(struct reading *r, uint32_t moment, uint32_t chained, struct err *err) {
    builder_present(r->t->b, PART_STACKS);
    for (size_t i = 0, next; i < r->count; i = next) {
        for (next = i; next < r->count && r->entries[next].trace == r->entries[i].trace &&
                       r->entries[next].comparison < chained;)
            next++;
        if (next > i && !umdh_diff_add_stack(r, i, next, moment, err))
            return false;
        for (; next < r->count && r->entries[next].trace == r->entries[i].trace;)
            next++;
    }
    return true;
}

/* -- Section ----------------------------------------------------------------------------------- */

/* Entries that do not add up are no entries. */
static void drop_wrong(struct reading *r) {
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++)
        if (entry_adds_up(&r->entries[i], r->decimal))
            r->entries[kept++] = r->entries[i];
    if (kept < r->count)
        transcript_lacks(r->t, r->count - kept,
                         "UMDH: entries whose figures do not add up, left out");
    r->count = kept;
}

static bool umdh_diff_check_totals(struct reading *r, uint32_t chained, struct err *err) {
    struct builder *b = r->t->b;
    uint64_t wrong = 0, overhead = 0, more;
    uint64_t *sums = calloc(r->comparison + 1, sizeof(*sums));
    if (!sums)
        return err_nomem(err);
    for (size_t i = 0; i < r->count; i++)
        sums[r->entries[i].comparison] += delta_of(&r->entries[i], r->decimal);
    for (size_t i = 0; i < r->total_count; i++) {
        const struct total *total = &r->totals[i];
        if (total->comparison >= chained)
            continue;
        wrong += !total_agrees(total, sums[total->comparison], r->decimal);
        if (total->overhead.len && umdh_diff_number(total->overhead, r->decimal, &more))
            overhead = num_add(overhead, more);
    }
    free(sums);
    if (overhead)
        builder_note(b,
                     "UMDH counts %llu bytes of overhead besides, which are in no stack's figure",
                     (unsigned long long)overhead);
    if (wrong)
        builder_warn(b, wrong, "UMDH: totals that are not the sum of their entries");
    if (r->total_count == 0)
        transcript_lacks(r->t, ABSENT, "UMDH: the total is missing, and perhaps entries");
    return true;
}

static bool umdh_diff_store(struct reading *r, struct err *err) {
    struct builder *b = r->t->b;
    if (r->start == r->count && r->comparison)
        r->comparison--; /* none begins behind the last total */
    find_notation(r);
    drop_wrong(r);
    if (r->broken)
        transcript_lacks(r->t, r->broken, "UMDH: entries that are not understood");
    if (r->count == 0) {
        transcript_hollow(r->t, "UMDH: entries whose figures do not add up");
        return true;
    }
    qsort(r->entries, r->count, sizeof(*r->entries), umdh_diff_cmp_entry);
    uint32_t chained = count_chained(r);
    if (!umdh_diff_check_totals(r, chained, err))
        return false;
    if (chained <= r->comparison)
        builder_warn(b, r->comparison + 1 - chained,
                     "UMDH: comparisons that do not follow the first, left out");
    if (builder_moments(b))
        builder_warn(b, ABSENT, "UMDH's comparison stands beside another series of moments");
    builder_note(b, "stacks that did not change are not in a comparison of UMDH");
    for (uint32_t moment = 0; moment <= chained; moment++)
        if (builder_moment(b, PART_BIT(PART_STACKS)) && !add_moment(r, moment, chained, err))
            return false;
    return true;
}

static bool umdh_diff_file_read(struct transcript *t, struct err *err) {
    struct reading r = {.t = t};
    bool ok = true;
    if (!t->umdh_diff_read) {
        u64map_init(&r.seen);
        ok = umdh_diff_read_all(&r, err) && umdh_diff_store(&r, err);
        t->umdh_diff_read = true;
        u64map_deinit(&r.seen);
        umdh_frames_deinit(&r.frames);
        free(r.totals);
        free(r.entries);
    }
    pass_over(t);
    return ok;
}

static bool umdh_diff_starts(const struct transcript *t) {
    struct str text = t->line.text;
    struct entry entry;
    return (str_first(text) == '+' || str_first(text) == '-') && parse_bytes(text, &entry);
}

const struct section section_umdh_diff = {
    .name = "umdh-diff",
    .summary = "umdh OLD NEW: what UMDH found two of its logs to differ by (two moments)",
    .may_give = PART_BIT(PART_STACKS),
    .starts = umdh_diff_starts,
    .read = umdh_diff_file_read,
};
