/*
 * LeakSanitizer, alone or as AddressSanitizer's last report: what nothing refers to at the end of a
 * process; each report is a moment.
 *
 *     ==4711==ERROR: LeakSanitizer: detected memory leaks
 *
 *     Direct leak of 120 byte(s) in 3 object(s) allocated from:
 *         #0 0x7f2a8e2b4c3f in malloc (/lib/x86_64-linux-gnu/libasan.so.8+0xb4c3f)
 *         #1 0x55d2c0a011e9 in basket_new /src/shop/basket.c:31
 *         #2 0x7f2a8de29d8f  (/lib/x86_64-linux-gnu/libc.so.6+0x29d8f) (BuildId: 4f7b0c)
 *
 *     Indirect leak of 4096 byte(s) in 1 object(s) allocated from:
 *     ...
 *     SUMMARY: AddressSanitizer: 4216 byte(s) leaked in 4 allocation(s).
 *
 * With max_leaks=N "The N top leak(s):" stands above them, and "Omitting M more leak(s)." below.
 * Source: compiler-rt/lib/lsan/lsan_common.cpp and sanitizer_stacktrace_printer.cpp of LLVM.
 */
#include "input/leaks.h"
#include "input/log/scan.h"
#include "input/log/stat_table.h"

#include "base/chars.h"
#include "base/num.h"
#include "model/rows_origin.h"

#include <inttypes.h>

#define LSAN_READ 2u

struct lsan_reading {
    struct builder *b;
    struct leak_report report;
    uint64_t pid;
    bool open, in_record; /* a report is being read; its last record may have frames */
    uint64_t reports;
};

/* -- Lines ------------------------------------------------------------------------------------- */

/* "Direct leak of 120 byte(s) in 3 object(s) allocated from:"; what CI prints in front is dropped.
 */
static bool lsan_parse_record(struct str text, struct leak_record *ret_record) {
    static const struct {
        struct str text;
        enum loss loss;
    } heads[] = {{STR_INIT("Indirect leak of "), LOSS_INDIRECT},
                 {STR_INIT("Direct leak of "), LOSS_DEFINITE}};
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        size_t at = str_find(str_take(text, 80), heads[i].text, 0);
        if (at == STR_NOT_FOUND)
            continue;
        struct str f[4], rest = str_drop(text, at + heads[i].text.len);
        *ret_record = (struct leak_record){.loss = heads[i].loss, .indirect = ABSENT};
        return scan_fields(rest, f, 4, NULL) == 4 && num_grouped(f[0], &ret_record->bytes) &&
               str_starts(f[1], STR("byte")) && str_eq(f[2], STR("in")) &&
               num_grouped(f[3], &ret_record->count);
    }
    return false;
}

/* "==4711==ERROR: LeakSanitizer: detected memory leaks" */
static bool lsan_parse_head(struct str text, uint64_t *ret_pid) {
    size_t at = str_find(text, STR("LeakSanitizer: detected memory leaks"), 0);
    if (at == STR_NOT_FOUND || at > 80)
        return false;
    *ret_pid = 0;
    for (size_t i = 0; i < at; i++) {
        size_t end = i;
        while (end < at && char_is_digit(text.ptr[end]))
            end++;
        if (end > i && text.ptr[end] == '=' &&
            num_dec(str_take(str_drop(text, i), end - i), ret_pid))
            break;
        i = end;
    }
    return true;
}

/* "SUMMARY: AddressSanitizer: 4216 byte(s) leaked in 4 allocation(s)." */
static bool lsan_parse_summary(struct str text, struct cell *ret_all) {
    size_t at = str_find(str_take(text, 80), STR("SUMMARY: "), 0);
    if (at == STR_NOT_FOUND || !str_contains(text, STR("Sanitizer: ")))
        return false;
    struct str f[7], rest = str_drop(text, at + 9);
    if (scan_fields(rest, f, 6, NULL) < 6 || !num_grouped(f[1], &ret_all->bytes) ||
        !str_eq(f[3], STR("leaked")) || !num_grouped(f[5], &ret_all->objects))
        return false;
    return true;
}

/* "Omitting 12 more leak(s)." */
static bool parse_omitted(struct str text, uint64_t *ret_count) {
    struct str f[3];
    return str_starts(text, STR("Omitting ")) && scan_fields(text, f, 3, NULL) == 3 &&
           num_grouped(f[1], ret_count) && str_eq(f[2], STR("more"));
}

/* A module in brackets at the end: "(/lib/libasan.so.8+0xb4c3f)"; *rest is what is in front. */
static bool lsan_take_module(struct str *rest, struct str *ret_module, uint64_t *ret_offset) {
    struct str text = *rest;
    if (!str_ends(text, STR(")")))
        return false;
    size_t open = text.len;
    while (open > 0 && text.ptr[open - 1] != '(')
        open--;
    struct str inside = open ? str_take(str_drop(text, open), text.len - open - 1) : STR("");
    size_t plus = STR_NOT_FOUND;
    for (size_t from = 0, next; (next = str_find(inside, STR("+0x"), from)) != STR_NOT_FOUND;
         from = next + 1)
        plus = next;
    bool unknown = str_eq(inside, STR("<unknown module>"));
    if (!unknown && (plus == STR_NOT_FOUND || !num_hex(str_drop(inside, plus + 1), ret_offset)))
        return false;
    *ret_module = unknown ? STR("") : str_take(inside, plus);
    *rest = str_trim(str_take(text, open - 1));
    return true;
}

/* "basket_new /src/shop/basket.c:31:5": without the place, which goes to *ret_place. */
static struct str lsan_take_place(struct str text, struct str *ret_place) {
    for (size_t at = text.len; at-- > 1;) {
        if (text.ptr[at] != ' ')
            continue;
        struct str last = str_drop(text, at + 1);
        size_t colon = str_find(last, STR(":"), 0);
        bool place =
            str_starts(last, STR("/")) || str_starts(last, STR("..")) ||
            str_eq(last, STR("<null>")) ||
            (colon != STR_NOT_FOUND && colon + 1 < last.len && char_is_digit(last.ptr[colon + 1]));
        if (!place)
            return text;
        if (!str_eq(last, STR("<null>")))
            *ret_place = last;
        return str_trim(str_take(text, at));
    }
    return text;
}

/* "basket.c:31:5": without the column, which makes no other line. */
static struct str lsan_line(struct str place) {
    size_t at = place.len, digits = 0;
    while (at > 0 && char_is_digit(place.ptr[at - 1]))
        at--;
    if (at == place.len || at < 2 || place.ptr[at - 1] != ':')
        return place;
    struct str line = str_take(place, at - 1);
    for (size_t i = line.len; i > 0 && char_is_digit(line.ptr[i - 1]); i--)
        digits++;
    bool both = digits && digits < line.len && line.ptr[line.len - digits - 1] == ':';
    return both ? line : place;
}

/* "#1 0x55d2c0a011e9 in basket_new /src/shop/basket.c:31" */
static bool lsan_frame(struct builder *b, struct str text, const char **ret_frame,
                       struct err *err) {
    struct str rest = text, word = str_next_field(&rest), module = {"", 0}, place = {"", 0};
    uint64_t number, address = ABSENT, offset;
    if (!str_starts(word, STR("#")) || !num_dec(str_drop(word, 1), &number))
        return false;
    struct str next = rest;
    word = str_next_field(&next);
    if (str_starts(word, STR("0x")) && num_hex(word, &address))
        rest = next;
    next = rest;
    if (str_eq(str_next_field(&next), STR("in")))
        rest = next;
    rest = str_trim(rest);
    size_t build = str_find(rest, STR(" (BuildId:"), 0);
    rest = str_trim(str_take(rest, build));
    if (lsan_take_module(&rest, &module, &offset))
        address = module.len ? offset : address;
    else
        rest = lsan_take_place(rest, &place);
    if (str_eq(rest, STR("<null>")))
        rest.len = 0;
    *ret_frame = builder_frame(b, rest, module, address, err);
    if (rest.len)
        *ret_frame = builder_frame_in(b, *ret_frame, lsan_line(place), err);
    return true;
}

/* -- Reports ----------------------------------------------------------------------------------- */

static bool lsan_end_report(struct lsan_reading *r, struct err *err) {
    bool ok = true;
    if (r->open && (r->report.count || r->report.all.bytes != ABSENT)) {
        r->reports++;
        if (builder_moment(r->b, PART_BIT(PART_STACKS) | PART_BIT(PART_ALLOCATIONS) |
                                     PART_BIT(PART_COUNTERS))) {
            struct origin_row *origin = builder_single(r->b, PART_ORIGIN, err);
            ok = origin &&
                 builder_say_string(r->b, &origin->tool, STR("LeakSanitizer"), "the tool", err);
            if (ok)
                origin->pid = r->pid ? r->pid : ABSENT;
            ok = ok && leaks_store(&r->report, r->b, "LeakSanitizer", NULL, err);
        }
    }
    leaks_deinit(&r->report);
    r->open = r->in_record = false;
    r->pid = 0;
    return ok;
}

static bool lsan_take(struct lsan_reading *r, struct str text, struct err *err) {
    struct leak_record record;
    struct cell all;
    uint64_t pid, omitted;
    const char *frame;
    if (lsan_parse_head(text, &pid)) {
        if (!lsan_end_report(r, err))
            return false;
        r->open = true;
        r->pid = pid;
        return true;
    }
    if (lsan_parse_record(text, &record)) {
        r->open = r->in_record = true;
        return leaks_add(&r->report, record.loss, record.bytes, record.count, ABSENT, err);
    }
    if (r->open && lsan_parse_summary(text, &all)) {
        r->report.all = all;
        r->report.complete = true;
        return lsan_end_report(r, err);
    }
    if (r->open && parse_omitted(text, &omitted)) {
        r->report.not_listed = omitted;
        return true;
    }
    size_t at = r->in_record ? str_find(str_take(text, 80), STR("#"), 0) : STR_NOT_FOUND;
    if (at != STR_NOT_FOUND && lsan_frame(r->b, str_drop(text, at), &frame, err))
        return leaks_add_frame(&r->report, frame, err);
    const struct leak_record *last =
        r->report.count ? &r->report.records[r->report.count - 1] : NULL;
    if (last && last->frames && text.len == 0)
        r->in_record = false;
    return true;
}

/* -- Section ----------------------------------------------------------------------------------- */

static bool lsan_is_own(struct str text) {
    struct leak_record record;
    struct cell all;
    struct str rest = text, word = str_next_field(&rest);
    uint64_t number;
    return text.len == 0 || lsan_parse_record(text, &record) || lsan_parse_summary(text, &all) ||
           (str_starts(word, STR("#")) && num_dec(str_drop(word, 1), &number));
}

static bool lsan_read(struct transcript *t, struct err *err) {
    struct lsan_reading r = {.b = t->b};
    struct transcript scout = transcript_scout(t);
    bool ok = true;
    leaks_init(&r.report);
    t->leaks_read |= LSAN_READ;
    for (; ok && !scout.at_end; transcript_next(&scout))
        ok = lsan_take(&r, scout.line.text, err);
    ok = ok && lsan_end_report(&r, err);
    leaks_deinit(&r.report);
    if (ok && !r.reports)
        transcript_hollow(t, "LeakSanitizer: a report without leaks");
    do
        transcript_next(t);
    while (!t->at_end && lsan_is_own(t->line.text));
    return ok;
}

static bool lsan_starts(const struct transcript *t) {
    struct leak_record record;
    uint64_t pid;
    if (t->leaks_read & LSAN_READ)
        return false;
    return lsan_parse_head(t->line.text, &pid) || lsan_parse_record(t->line.text, &record);
}

const struct section section_lsan = {
    .name = "lsan",
    .summary = "LeakSanitizer, AddressSanitizer: what nothing refers to at the end (each report a "
               "moment)",
    .may_give = PART_BIT(PART_STACKS) | PART_BIT(PART_ALLOCATIONS) | PART_BIT(PART_COUNTERS),
    .starts = lsan_starts,
    .read = lsan_read,
};
