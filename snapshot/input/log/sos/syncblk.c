/*
 * `!syncblk`: objects that are locked, who holds them, how many wait.
 *
 *     Index         SyncBlock MonitorHeld Recursion Owning Thread Info          SyncBlock Owner
 *        12 00000225F3320488           33         1 00000225F4E69230 4634  11   00000225d2ced908
 * System.Object
 *     -----------------------------
 *     Total           13
 *     Free            2
 *
 * MonitorHeld counts 1 for the owner and 2 for each thread that waits. `-all` prints blocks without
 * owner ("none"), too. Thin locks have no block: a lock without contention is not in the list.
 */
#include "base/hash.h"
#include "input/log/scan.h"

#include "base/num.h"
#include "model/rows_threads.h"

static bool syncblk_is_heading(struct str text) {
    return str_starts(text, STR("Index")) && str_contains(str_take(text, 128), STR("MonitorHeld"));
}

static bool is_nobody(struct str field) {
    return str_eq_nocase(field, STR("none")) || str_eq_nocase(field, STR("orphaned"));
}

/* The owner: the runtime's thread object, then OS id and debugger number, or "none". */
static bool parse_owner(struct str *rest, struct lock_row *row) {
    struct str thread = str_next_field(rest), os_id, number = *rest;
    if (!scan_is_address(thread))
        return false;
    os_id = str_next_field(&number);
    *rest = number;
    if (is_nobody(os_id))
        return true;
    /* "Failed to request Thread at ...": the object of a thread that is no more. */
    if (str_eq(os_id, STR("Failed"))) {
        *rest = STR("");
        return true;
    }
    if (!num_hex(os_id, &row->owner_os_id) || row->owner_os_id > UINT32_MAX)
        return false;
    if (row->owner_os_id == 0)
        row->owner_os_id = ABSENT;
    /* The debugger's number, "XXX" when it does not know the thread, or nothing. */
    struct str field = str_next_field(&number);
    uint64_t ignored;
    if (str_eq_nocase(field, STR("XXX")) || (field.len < 8 && num_dec(field, &ignored)))
        *rest = number;
    return true;
}

/* *ret_type is empty for a block that is free, and where an error hides its object. */
static bool syncblk_parse_row(struct str text, struct lock_row *row, struct str *ret_type) {
    struct str f[4], rest;
    uint64_t held;
    if (scan_fields(text, f, 4, &rest) != 4 || !num_dec(f[0], &row->index) ||
        !scan_is_address(f[1]) || !num_dec(f[2], &held) || !num_dec(f[3], &row->recursion) ||
        held > UINT32_MAX || !parse_owner(&rest, row))
        return false;
    row->held = held % 2;
    row->waiters = held / 2;
    struct str object = str_next_field(&rest);
    *ret_type = str_trim(rest);
    if (str_eq_nocase(*ret_type, STR("Free")) && str_eq(object, STR("0")))
        *ret_type = STR("");
    if (str_eq_nocase(object, STR("Free")) || ret_type->len == 0)
        return object.len == 0 || object.len == 4 || str_eq(object, STR("0"));
    return scan_address(object, &row->address) && ret_type->len > 0;
}

static bool syncblk_looks_like_row(struct str text) {
    struct str f[2];
    uint64_t index;
    size_t n = scan_fields(str_take(text, 128), f, 2, NULL);
    return n >= 1 && num_dec(f[0], &index) && (n == 1 || scan_is_address(f[1]));
}

static bool syncblk_store(struct builder *b, const struct lock_row *row, struct str type,
                          struct scan_loss *loss, struct err *err) {
    uint64_t key = key_with(row->index, row->address);
    struct lock_row *known = builder_find(b, PART_LOCKS, key);
    if (known && known->index == row->index && known->address == row->address) {
        loss->differ += known->held != row->held || known->waiters != row->waiters ||
                        known->owner_os_id != row->owner_os_id;
        return true;
    }
    const char *name = type.len ? builder_string(b, type, err) : NULL;
    struct lock_row *lock = name || !type.len ? builder_row(b, PART_LOCKS, err) : NULL;
    if (!lock)
        return false;
    *lock = *row;
    lock->object_type = name;
    return builder_index(b, PART_LOCKS, key, err);
}

static const struct {
    const char *label, *counter;
} totals[] = {
    {"Total", "syncblk.total"}, {"CCW", "syncblk.ccw"},
    {"RCW", "syncblk.rcw"},     {"ComClassFactory", "syncblk.com_class_factory"},
    {"Free", "syncblk.free"},
};

/* Name of the counter for "Total           13"; NULL when it is no such line. */
static const char *syncblk_total_of(struct str text, uint64_t *ret_value) {
    struct str f[2], rest;
    if (scan_fields(str_take(text, 128), f, 2, &rest) != 2 || rest.len ||
        !num_grouped(f[1], ret_value))
        return NULL;
    for (size_t i = 0; i < sizeof(totals) / sizeof(*totals); i++)
        if (str_eq(f[0], str_of(totals[i].label)))
            return totals[i].counter;
    return NULL;
}

/* Takes the line; *ret_mine is false when it belongs to something else. */
static bool syncblk_take_line(struct transcript *t, struct scan_loss *loss, bool *ret_mine,
                              bool *ret_totals, struct err *err) {
    struct lock_row row = {
        .address = ABSENT, .owner_os_id = ABSENT, .owner_managed_id = ABSENT, .readers = ABSENT};
    struct str text = t->line.text, type, command;
    uint64_t value;
    *ret_mine = true;
    if (!*ret_totals && syncblk_parse_row(text, &row, &type))
        return (type.len == 0 && !row.held) || syncblk_store(t->b, &row, type, loss, err);
    const char *counter = syncblk_total_of(text, &value);
    if (counter) {
        *ret_totals = true;
        return builder_counter(t->b, counter, value, "count", err);
    }
    if (transcript_is_rule(text) || str_starts(text, STR("Waiting threads:")))
        return true;
    *ret_mine =
        !*ret_totals && syncblk_looks_like_row(text) && !transcript_is_command(&t->line, &command);
    loss->unparsed += *ret_mine;
    return true;
}

static bool syncblk_read(struct transcript *t, struct err *err) {
    struct scan_loss loss = {0};
    bool totals_read = false, mine;
    builder_present(t->b, PART_LOCKS);
    transcript_next(t);
    while (transcript_skip_blank(t)) {
        if (scan_elision(t, &loss))
            continue;
        if (!syncblk_take_line(t, &loss, &mine, &totals_read, err))
            return false;
        if (!mine)
            break;
        transcript_next(t);
    }
    if (!totals_read)
        transcript_lacks(t, ABSENT, "syncblk: the totals at the end are cut off, and perhaps rows");
    scan_loss_report(t, &loss);
    return true;
}

static bool syncblk_starts(const struct transcript *t) {
    return str_first(t->line.text) == 'I' && syncblk_is_heading(t->line.text);
}

const struct section section_syncblk = {
    .name = "syncblk",
    .summary = "!syncblk: locks, their owners and waiters",
    .may_give = PART_BIT(PART_LOCKS) | PART_BIT(PART_COUNTERS),
    .starts = syncblk_starts,
    .read = syncblk_read,
};
