/*
 * The full listing of `!address`: every region, summed up here by usage, state, type, protection.
 *
 * Since WinDbg 6.12:
 *
 *             BaseAddress      EndAddress+1        RegionSize     Type       State Protect Usage
 *     +        0`7ffe0000        0`7ffe1000        0`00001000 MEM_PRIVATE MEM_COMMIT  PAGE_READONLY
 * Other      [User Shared Data]
 *
 * Before, five lines a region:
 *
 *     00010000 : 00010000 - 00002000
 *                     Type     00020000 MEM_PRIVATE
 *                     Protect  00000004 PAGE_READWRITE
 *                     State    00001000 MEM_COMMIT
 *                     Usage    RegionUsageEnvironmentBlock
 */
#include "input/log/memory_text.h"

#include "base/chars.h"
#include "base/num.h"
#include "model/known_names.h"
#include "model/rows_process.h"

#include <string.h>

struct region {
    uint64_t start, bytes;
    struct str type, state, protect, usage;
};

struct reading {
    struct transcript *t;
    struct memory_sums sums;
    struct region region; /* of the old form: the one whose lines are read */
    bool in_region;
    uint64_t regions, gaps, next; /* next: where the next region should start; ABSENT: first */
    struct scan_loss loss;
};

/* -- Both forms -------------------------------------------------------------------------------- */

static bool address_add_region(struct reading *r, const struct region *region, struct err *err) {
    r->regions++;
    r->gaps += r->next != ABSENT && r->next != region->start;
    if (__builtin_add_overflow(region->start, region->bytes, &r->next))
        r->next = ABSENT;
    struct str usage = region->usage.len ? memory_usage(region->usage) : STR("<unknown>");
    struct str state = region->state;
    if (!memory_sums_add(&r->sums, MEMORY_BY_USAGE, usage, region->bytes, err))
        return false;
    if (state.len && !memory_sums_add(&r->sums, MEMORY_BY_STATE, state, region->bytes, err))
        return false;
    if (region->type.len &&
        !memory_sums_add(&r->sums, MEMORY_BY_TYPE, region->type, region->bytes, err))
        return false;
    /* As in the summary: protection is of committed pages. */
    return !str_eq(state, STR(STATE_COMMITTED)) || region->protect.len == 0 ||
           memory_sums_add(&r->sums, MEMORY_BY_PROTECT, region->protect, region->bytes, err);
}

/* -- The new form ------------------------------------------------------------------------------ */

static bool is_new_heading(struct str text) {
    return text.len < 256 &&
           (str_starts(text, STR("BaseAddress ")) || str_starts(text, STR("BaseAddr "))) &&
           str_contains(text, STR("+1")) && str_contains(text, STR("Usage"));
}

/* "PAGE_READWRITE|PAGE_GUARD", also with blanks around the bar: one piece of the line. */
static struct str take_protect(struct str *rest) {
    struct str s = str_trim(*rest);
    if (!str_starts(s, STR("PAGE_")))
        return STR("");
    struct str behind = s;
    size_t end = str_next_field(&behind).len;
    for (;;) {
        struct str more = str_trim(str_drop(s, end));
        if (!str_starts(more, STR("|")))
            break;
        more = str_trim(str_drop(more, 1));
        struct str word = str_next_field(&more);
        if (!str_starts(word, STR("PAGE_")))
            break;
        end = (size_t)(word.ptr + word.len - s.ptr);
    }
    *rest = str_drop(s, end);
    return str_take(s, end);
}

static bool address_parse_new(struct str text, struct region *ret_region) {
    struct region region = {0};
    struct str f[3], rest;
    uint64_t end;
    while (text.len && (str_first(text) == '+' || str_first(text) == '*'))
        text = str_trim(str_drop(text, 1));
    if (scan_fields(text, f, 3, &rest) != 3 || !num_hex(f[0], &region.start) ||
        !num_hex(f[1], &end) || !num_hex(f[2], &region.bytes) || end < region.start ||
        end - region.start != region.bytes)
        return false;
    for (struct str behind = rest, word; (word = str_next_field(&behind)).len; rest = behind) {
        if (!str_starts(word, STR("MEM_")))
            break;
        bool is_state = str_eq(word, STR(STATE_COMMITTED)) || str_eq(word, STR(STATE_RESERVED)) ||
                        str_eq(word, STR(STATE_FREE));
        *(is_state ? &region.state : &region.type) = word;
    }
    region.protect = take_protect(&rest);
    region.usage = str_next_field(&rest);
    if (str_starts(region.usage, STR("[")))
        region.usage = STR("");
    *ret_region = region;
    return true;
}

static bool looks_new(struct str text) {
    struct str f[2];
    uint64_t value;
    if (str_starts(text, STR("+")))
        text = str_trim(str_drop(text, 1));
    return scan_fields(str_take(text, 128), f, 2, NULL) >= 1 && f[0].len >= 8 &&
           num_hex(f[0], &value);
}

/* -- The old form ------------------------------------------------------------------------------ */

/* "00010000 : 00010000 - 00002000": the allocation, the region, its size. */
static bool parse_old_start(struct str text, struct region *ret_region) {
    struct str f[5], rest;
    uint64_t allocation;
    *ret_region = (struct region){0};
    return text.len < 128 && scan_fields(text, f, 5, &rest) == 5 && rest.len == 0 &&
           str_eq(f[1], STR(":")) && str_eq(f[3], STR("-")) && scan_address(f[0], &allocation) &&
           scan_address(f[2], &ret_region->start) && scan_address(f[4], &ret_region->bytes);
}

/* "State    00001000 MEM_COMMIT", "Usage    RegionUsageStack"; what else there is says no more. */
static bool take_detail(struct reading *r, struct str text) {
    struct str f[3];
    size_t n = scan_fields(str_take(text, 512), f, 3, NULL);
    if (!r->in_region || n < 2)
        return false;
    struct str value = n == 3 ? f[2] : STR("");
    if (str_eq(f[0], STR("Type")))
        r->region.type = value;
    else if (str_eq(f[0], STR("Protect")))
        r->region.protect = value;
    else if (str_eq(f[0], STR("State")))
        r->region.state = value;
    else if (str_eq(f[0], STR("Usage")))
        r->region.usage = f[1];
    else
        return str_starts(f[0], STR("Pid.Tid")) || str_starts(f[0], STR("Handle")) ||
               str_starts(f[0], STR("FullPath"));
    return true;
}

static bool address_end_region(struct reading *r, struct err *err) {
    if (!r->in_region)
        return true;
    r->in_region = false;
    if (r->region.usage.len == 0) { /* its last line: the block was cut */
        r->loss.unparsed++;
        return true;
    }
    return address_add_region(r, &r->region, err);
}

/* -- Section ----------------------------------------------------------------------------------- */

static bool address_take_line(struct reading *r, bool *ret_mine, struct err *err) {
    struct str text = r->t->line.text, command;
    struct region region;
    *ret_mine = true;
    if (parse_old_start(text, &region)) {
        if (!address_end_region(r, err))
            return false;
        r->region = region;
        r->in_region = true;
        return true;
    }
    if (take_detail(r, text))
        return true;
    if (address_parse_new(text, &region))
        return address_add_region(r, &region, err);
    if (is_new_heading(text))
        return true;
    /* A rule stands below the heading; one with words in it begins the summary. */
    if (transcript_is_rule(text) && !str_contains(text, STR(" ")))
        return true;
    *ret_mine = !transcript_is_command(&r->t->line, &command) && looks_new(text);
    r->loss.unparsed += *ret_mine;
    return true;
}

static bool address_read_regions(struct reading *r, struct err *err) {
    bool mine;
    while (transcript_skip_blank(r->t)) {
        if (transcript_is_elision(&r->t->line)) {
            if (!address_end_region(r, err))
                return false;
            r->next = ABSENT; /* counted once, as an elision */
        }
        if (scan_elision(r->t, &r->loss))
            continue;
        if (!address_take_line(r, &mine, err))
            return false;
        if (!mine)
            break;
        transcript_next(r->t);
    }
    return address_end_region(r, err);
}

/* "!address -f:PAGE_READWRITE" lists some regions only: their sums are not the process's. */
static bool is_filtered(const struct transcript *t) {
    return transcript_last_command_is(t, "address") &&
           (str_contains(t->command, STR("-f:")) || str_contains(t->command, STR("/f:")) ||
            str_contains(t->command, STR("-o:")));
}

static bool address_finish(struct reading *r, bool filtered, struct err *err) {
    struct builder *b = r->t->b;
    uint64_t ignored;
    if (r->regions == 0) {
        transcript_hollow(r->t, "address: a heading without regions");
        return true;
    }
    if (filtered) {
        builder_note(b, "address: a listing of chosen regions (-f) was left out");
        return true;
    }
    if (r->gaps)
        transcript_lacks(r->t, r->gaps, "address: places where regions are missing");
    if (builder_shared(b)->memory_map_from &&
        strcmp(builder_shared(b)->memory_map_from, "address-summary") == 0)
        return true;                             /* exact already */
    if (r->gaps || !transcript_skip_blank(r->t)) /* the largest free block may be there */
        builder_absent(b, PART_BIT(PART_MEMORY_MAP), ASPECT_SUMS, 0,
                       "address: the list is cut, or ends where the text does");
    return !memory_claim(r->t, "address", NULL, &ignored) ||
           memory_sums_store(&r->sums, b, &r->loss, err);
}

static bool address_read(struct transcript *t, struct err *err) {
    struct reading r = {.t = t, .next = ABSENT};
    bool filtered = is_filtered(t);
    memory_sums_init(&r.sums);
    bool ok = address_read_regions(&r, err) && address_finish(&r, filtered, err);
    if (ok)
        scan_loss_report(t, &r.loss);
    memory_sums_deinit(&r.sums);
    return ok;
}

static bool address_starts(const struct transcript *t) {
    struct str text = t->line.text;
    struct region region;
    char c = str_first(text);
    if (c == 'B')
        return is_new_heading(text);
    bool hex = char_is_digit(c) || (c >= 'a' && c <= 'f');
    struct line next;
    return hex && text.len < 64 && parse_old_start(text, &region) && transcript_peek(t, 1, &next) &&
           str_starts(next.text, STR("Type"));
}

const struct section section_address = {
    .name = "address",
    .summary = "!address: every region of memory (WinDbg, both eras)",
    .may_give = PART_BIT(PART_MEMORY_MAP),
    .open_parts = PART_BIT(PART_MEMORY_MAP),
    .starts = address_starts,
    .read = address_read,
};
