/*
 * vmstat: the address space by state and by type, in three sizes and a summary.
 *
 *   TYPE             MINIMUM          MAXIMUM      AVERAGE  BLK COUNT         TOTAL
 *   Commit:
 *   Small                 4K              64K          16K      2,674       44,773K
 *   Summary               4K       6,687,940K       5,930K      3,191   18,925,045K
 *
 * Only the summaries are kept. Sizes are in units of 1,024 bytes, so up to 1,023 bytes too small.
 */
#include "base/num.h"
#include "input/log/memory_text.h"
#include "model/known_names.h"
#include "model/rows_process.h"

static const struct group {
    struct str heading;
    enum memory_by by;
    const char *key;
} groups[] = {
    {STR_INIT("Free:"), MEMORY_BY_STATE, STATE_FREE},
    {STR_INIT("Reserve:"), MEMORY_BY_STATE, STATE_RESERVED},
    {STR_INIT("Commit:"), MEMORY_BY_STATE, STATE_COMMITTED},
    {STR_INIT("Private:"), MEMORY_BY_TYPE, MEMORY_PRIVATE},
    {STR_INIT("Mapped:"), MEMORY_BY_TYPE, MEMORY_MAPPED},
    {STR_INIT("Image:"), MEMORY_BY_TYPE, MEMORY_IMAGE},
};

static const struct group *find_group(struct str text) {
    for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
        if (str_eq(text, groups[i].heading))
            return &groups[i];
    return NULL;
}

/* "6,687,940K" */
static bool vmstat_parse_size(struct str field, uint64_t *ret_bytes) {
    uint64_t value;
    if (!str_ends(field, STR("K")) || !num_grouped(str_take(field, field.len - 1), &value))
        return false;
    return !__builtin_mul_overflow(value, (uint64_t)1024, ret_bytes);
}

struct size_row {
    uint64_t largest, regions, bytes;
    bool is_summary;
};

static bool vmstat_parse_row(struct str text, struct size_row *ret_row) {
    struct size_row row;
    struct str name = str_next_field(&text);
    uint64_t ignored;
    row.is_summary = str_eq(name, STR("Summary"));
    if (!row.is_summary && !str_eq(name, STR("Small")) && !str_eq(name, STR("Medium")) &&
        !str_eq(name, STR("Large")))
        return false;
    if (!vmstat_parse_size(str_next_field(&text), &ignored) ||
        !vmstat_parse_size(str_next_field(&text), &row.largest) ||
        !vmstat_parse_size(str_next_field(&text), &ignored) ||
        !num_grouped(str_next_field(&text), &row.regions) ||
        !vmstat_parse_size(str_next_field(&text), &row.bytes))
        return false;
    *ret_row = row;
    return true;
}

static bool vmstat_say(struct builder *b, const struct group *group, const struct size_row *row,
                       struct scan_loss *loss, struct err *err) {
    struct memory_row values = {
        .regions = row->regions, .bytes = row->bytes, .private_bytes = ABSENT};
    if (!memory_say(b, group->by, str_of(group->key), values, loss, err))
        return false;
    if (group != &groups[0])
        return true;
    values.regions = ABSENT;
    values.bytes = row->largest;
    return memory_say(b, MEMORY_LARGEST, STR(LARGEST_FREE), values, loss, err);
}

static bool vmstat_starts(const struct transcript *t) {
    struct str rest = t->line.text;
    return str_first(rest) == 'T' && str_eq(str_next_field(&rest), STR("TYPE")) &&
           str_eq(str_next_field(&rest), STR("MINIMUM")) &&
           str_eq(str_next_field(&rest), STR("MAXIMUM"));
}

static bool vmstat_read(struct transcript *t, struct err *err) {
    struct builder *b = t->b;
    const struct group *group = NULL;
    struct scan_loss loss = {0};
    uint64_t rows = 0, missing = 0, replaced;
    bool keep = memory_claim(t, "vmstat", NULL, &replaced);
    for (transcript_next(t); !t->at_end; transcript_next(t)) {
        struct str text = t->line.text, command;
        struct size_row row;
        const struct group *next = find_group(text);
        if (transcript_is_command(&t->line, &command))
            break;
        if (next) {
            missing += group != NULL; /* the one before ended without its summary */
            group = next;
        } else if (vmstat_parse_row(text, &row)) {
            rows++;
            if (!row.is_summary || !group)
                continue;
            if (keep && !vmstat_say(b, group, &row, &loss, err))
                return false;
            group = NULL;
        } else if (transcript_is_elision(&t->line)) {
            loss.elided++;
        } else if (text.len && !transcript_is_rule(text) && str_first(text) != '~') {
            break;
        }
    }
    missing += group != NULL;
    if (missing)
        transcript_lacks(t, missing, "vmstat: groups without their summary");
    scan_loss_report(t, &loss);
    if (rows == 0)
        transcript_hollow(t, "no row that can be understood");
    return true;
}

const struct section section_vmstat = {
    .name = "vmstat",
    .summary = "the address space by state and type, as vmstat sums it up",
    .may_give = PART_BIT(PART_MEMORY_MAP),
    .open_parts = PART_BIT(PART_MEMORY_MAP),
    .starts = vmstat_starts,
    .read = vmstat_read,
};
