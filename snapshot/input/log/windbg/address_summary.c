/*
 * `!address -summary` of WinDbg, and the summary behind a full `!address`.
 *
 * Since 6.12 (sizes are exact in hex, the figure in brackets is rounded; Free lacks %ofBusy):
 *
 *     --- Usage Summary ---------------- RgnCount ----------- Total Size -------- %ofBusy %ofTotal
 *     <unknown>                               912      206`7c9dc000 (   2.025 TB)  99.99%    1.58%
 *     --- Largest Region by Usage ----------- Base Address -------- Region Size ----------
 *     Free                                    21e`6c05c000     7bd5`f48f4000 ( 123.836 TB)
 *
 * Before:
 *
 *     -------------------- Usage SUMMARY --------------------------
 *         TotSize (      KB)   Pct(Tots) Pct(Busy)   Usage
 *        381000 (    3588) : 00.17%   10.35%    : RegionUsageHeap
 *            Tot: 7fff0000 (2097088 KB) Busy: 021db000 (34668 KB)
 *     Largest free region: Base 01432000 - Size 707ee000 (1843128 KB)
 */
#include "input/log/memory_text.h"

#include "base/num.h"
#include "model/known_names.h"
#include "model/rows_process.h"

#define LISTS   (MEMORY_LARGEST + 1)
#define NO_LIST LISTS

struct reading {
    struct transcript *t;
    unsigned list; /* enum memory_by of the rows that follow, or NO_LIST */
    bool claimed;  /* rows are stored */
    uint64_t sums[LISTS];
    bool seen[LISTS];
    uint64_t listed[LISTS]; /* [count] rows */
    bool largest_free;      /* the last line of old ones */
    uint64_t total;         /* [bytes] printed behind "Tot:"; ABSENT: not */
    uint64_t rows;
    struct scan_loss loss;
};

/* -- Headings ---------------------------------------------------------------------------------- */

static unsigned address_summary_heading(struct str text) {
    static const struct {
        const char *word;
        enum memory_by by;
    } words[] = {
        {"Usage S", MEMORY_BY_USAGE},       {"Type S", MEMORY_BY_TYPE},
        {"State S", MEMORY_BY_STATE},       {"Protect S", MEMORY_BY_PROTECT},
        {"Largest Region", MEMORY_LARGEST},
    };
    char c = text.len ? str_first(text) : 'x';
    if ((c != '-' && c != '\xe2') || text.len > 512)
        return NO_LIST;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        size_t at = str_find(text, str_of(words[i].word), 0);
        struct str rest = str_drop(text, at == STR_NOT_FOUND ? text.len : at);
        if (words[i].by == MEMORY_LARGEST
                ? rest.len > 0
                : str_contains(rest, STR("Summary")) || str_contains(rest, STR("SUMMARY")))
            return words[i].by;
    }
    return NO_LIST;
}

/* -- Rows -------------------------------------------------------------------------------------- */

struct row {
    struct str key;
    uint64_t regions, bytes;
};

/* Is "( 125.974 TB)" the rounded value of bytes? Else a column was lost. */
static bool agrees(uint64_t bytes, struct str bracket) {
    struct str number = str_next_field(&bracket), unit = str_next_field(&bracket);
    uint64_t factor = num_unit(unit), rounded;
    if (!factor || !num_scaled(number, factor, &rounded))
        return false;
    uint64_t apart = bytes > rounded ? bytes - rounded : rounded - bytes;
    return apart <= rounded / 500 + factor / 1000;
}

/* "key count hex ( 1.2 GB) 1.2% 3.4%"; the largest regions have a base address for the count. */
static bool address_summary_parse_new(struct str text, unsigned list, struct row *ret_row) {
    size_t open = str_find(text, STR("("), 0);
    size_t close = open == STR_NOT_FOUND ? open : str_find(text, STR(")"), open);
    if (close == STR_NOT_FOUND || text.len > 512)
        return false;
    struct row row = {.regions = ABSENT};
    row.key = str_take(text, open);
    struct str size = scan_last_field(&row.key), count = scan_last_field(&row.key);
    uint64_t base;
    bool counted =
        list == MEMORY_LARGEST ? num_hex(count, &base) : num_grouped(count, &row.regions);
    if (!counted || !num_hex(size, &row.bytes) || row.key.len == 0 ||
        row.key.len > MEMORY_KEY_MAX ||
        !agrees(row.bytes, str_drop(str_take(text, close), open + 1)))
        return false;
    *ret_row = row;
    return true;
}

/* "381000 (    3588) : 00.17%   10.35%    : RegionUsageHeap" */
static bool parse_old(struct str text, struct row *ret_row) {
    struct row row = {.regions = ABSENT};
    struct str rest = text, size = str_next_field(&rest);
    uint64_t kilobytes;
    rest = str_trim(rest);
    size_t close = str_find(rest, STR(")"), 0);
    if (text.len > 512 || !num_hex(size, &row.bytes) || !str_starts(rest, STR("(")) ||
        close == STR_NOT_FOUND)
        return false;
    struct str bracket = str_trim(str_drop(str_take(rest, close), 1));
    row.key = scan_last_field(&rest);
    if (!num_dec(bracket, &kilobytes) || kilobytes != row.bytes / 1024 ||
        !str_contains(rest, STR("%")) || row.key.len == 0 || row.key.len > MEMORY_KEY_MAX)
        return false;
    row.key = memory_usage(row.key);
    *ret_row = row;
    return true;
}

/* "Tot: 7fff0000 (2097088 KB) Busy: 021db000 (34668 KB)" */
static bool address_summary_parse_total(struct str text, uint64_t *ret_total) {
    struct str value, size;
    if (!scan_labelled(text, "Tot", &value))
        return false;
    size = str_next_field(&value);
    return num_hex(size, ret_total);
}

/* "Largest free region: Base 01432000 - Size 707ee000 (1843128 KB)" */
static bool parse_largest_free(struct str text, struct row *ret_row) {
    struct str value, f[5];
    uint64_t base;
    if (!scan_labelled(text, "Largest free region", &value) ||
        scan_fields(value, f, 5, NULL) != 5 || !str_eq_nocase(f[0], STR("Base")) ||
        !num_hex(f[1], &base) || !str_eq_nocase(f[3], STR("Size")) ||
        !num_hex(f[4], &ret_row->bytes))
        return false;
    ret_row->key = STR(LARGEST_FREE);
    ret_row->regions = ABSENT;
    return true;
}

/* -- Section ----------------------------------------------------------------------------------- */

static bool address_summary_store(struct reading *r, unsigned list, const struct row *row,
                                  struct err *err) {
    r->rows++;
    r->seen[list] = true;
    r->sums[list] = num_add(r->sums[list], row->bytes);
    r->listed[list]++;
    struct memory_row values = {
        .regions = row->regions, .bytes = row->bytes, .private_bytes = ABSENT};
    return !r->claimed ||
           memory_say(r->t->b, (enum memory_by)list, row->key, values, &r->loss, err);
}

static bool address_summary_take_line(struct reading *r, bool *ret_mine, struct err *err) {
    struct str text = r->t->line.text, command;
    struct row row;
    unsigned list = address_summary_heading(text);
    *ret_mine = true;
    if (list != NO_LIST) {
        r->list = list;
        return true;
    }
    if (str_starts(text, STR("TotSize")) || address_summary_parse_total(text, &r->total))
        return true;
    r->largest_free = parse_largest_free(text, &row);
    if (r->largest_free)
        return address_summary_store(r, MEMORY_LARGEST, &row, err);
    if (r->list != NO_LIST &&
        (parse_old(text, &row) || address_summary_parse_new(text, r->list, &row)))
        return address_summary_store(r, r->list, &row, err);
    *ret_mine = !transcript_is_command(&r->t->line, &command) &&
                (str_starts(text, STR("MEM_")) || str_starts(text, STR("PAGE_")) ||
                 str_starts(text, STR("RegionUsage")) || str_contains(text, STR("%")));
    r->loss.unparsed += *ret_mine;
    return true;
}

/* Usage, state and type cut the same address space up: their sums agree. */
static void address_summary_check_sums(struct reading *r, uint64_t listed) {
    uint64_t usage = r->sums[MEMORY_BY_USAGE];
    if (!r->seen[MEMORY_BY_USAGE])
        transcript_lacks(r->t, ABSENT, "address-summary: the list by usage is cut off");
    else if (r->total != ABSENT && r->total != usage)
        transcript_lacks(r->t, ABSENT,
                         "address-summary: usages add up to %llu bytes, printed are %llu",
                         (unsigned long long)usage, (unsigned long long)r->total);
    else if (r->seen[MEMORY_BY_STATE] && r->sums[MEMORY_BY_STATE] != usage)
        transcript_lacks(r->t, ABSENT,
                         "address-summary: usages add up to %llu bytes, states to %llu",
                         (unsigned long long)usage, (unsigned long long)r->sums[MEMORY_BY_STATE]);
    else if (!r->seen[MEMORY_BY_STATE])
        transcript_lacks(r->t, ABSENT, "address-summary: the list by state is cut off");
    if (listed != ABSENT && listed != usage)
        transcript_lacks(r->t, ABSENT,
                         "address: the regions listed add up to %llu bytes, the summary to %llu",
                         (unsigned long long)listed, (unsigned long long)usage);
}

/* The last list has a row for each usage. */
static bool address_summary_is_ended(const struct reading *r) {
    uint64_t usages = r->listed[MEMORY_BY_USAGE];
    return r->largest_free ||
           (r->list == MEMORY_LARGEST && usages && r->listed[MEMORY_LARGEST] >= usages &&
            r->sums[MEMORY_BY_USAGE] == r->sums[MEMORY_BY_STATE]);
}

static bool address_summary_read(struct transcript *t, struct err *err) {
    struct reading r = {.t = t, .list = NO_LIST, .total = ABSENT};
    uint64_t listed;
    bool mine;
    r.claimed = memory_claim(t, "address-summary", "address", &listed);
    while (transcript_skip_blank(t)) {
        if (scan_elision(t, &r.loss))
            continue;
        if (!address_summary_take_line(&r, &mine, err))
            return false;
        if (!mine)
            break;
        transcript_next(t);
    }
    if (address_summary_is_ended(&r))
        transcript_ended(t);
    if (r.rows == 0)
        transcript_hollow(t, "address-summary: headings without rows");
    else if (r.claimed)
        address_summary_check_sums(&r, listed);
    scan_loss_report(t, &r.loss);
    return true;
}

static bool address_summary_starts(const struct transcript *t) {
    return address_summary_heading(t->line.text) != NO_LIST;
}

const struct section section_address_summary = {
    .name = "address-summary",
    .summary = "!address -summary: memory by usage, state, type, protection (WinDbg, both eras)",
    .may_give = PART_BIT(PART_MEMORY_MAP),
    .open_parts = PART_BIT(PART_MEMORY_MAP),
    .starts = address_summary_starts,
    .read = address_summary_read,
};
