/*
 * Critical sections of a Windows process: `!locks` (-v), `!cs -l`, `!cs ADDRESS`.
 *
 *     CritSec shop!g_till+0 at 00007ff6`1b2c3d40     Critical section   = 0x0000d340
 * (shop!g_till+0x0) WaiterWoken        No                          LOCKED LockCount          2
 * LockCount          = 0x2 RecursionCount     1                           RecursionCount     = 0x1
 *     OwningThread       1a3c                        OwningThread       = 0x00001a3c
 *     *** Locked
 *
 * LockCount is how many threads wait. An owner that no thread of the process is has ended without
 * leaving it: an orphan.
 *
 * Source: "Displaying a Critical Section" in the debugger's documentation.
 */
#include "base/hash.h"
#include "input/log/scan.h"
#include "model/rows_threads.h"

#define SECTION_SEED UINT64_C(0x63726974)

struct sections_reading {
    struct transcript *t;
    struct lock_row row;
    struct str name;
    bool in_section;
    bool listed; /* by !locks, which ends with how many it looked at */
    uint64_t sections, scanned;
    struct scan_loss loss;
};

/* "shop!g_till+0" without the distance; of "+24e750", which has no name, nothing. */
static struct str section_name(struct str text) {
    size_t plus = str_find(text, STR("+"), 0);
    text = str_trim(str_take(text, plus));
    return text;
}

/* The first line of one; false: it is none. */
static bool sections_parse_head(struct str text, uint64_t *ret_address, struct str *ret_name) {
    struct str value;
    if (str_starts(text, STR("CritSec "))) {
        size_t at = str_find(text, STR(" at "), 0);
        if (at == STR_NOT_FOUND || !num_hex(str_trim(str_drop(text, at + 4)), ret_address))
            return false;
        *ret_name = at > 8 ? section_name(str_drop(str_take(text, at), 8)) : STR("");
        return *ret_address != 0;
    }
    if (!str_starts(text, STR("Critical section ")))
        return false;
    size_t equal = str_find(text, STR("= "), 0);
    if (equal == STR_NOT_FOUND)
        return false;
    value = str_drop(text, equal + 2);
    struct str address = str_next_field(&value);
    value = str_trim(value);
    *ret_name = str_starts(value, STR("(")) ? section_name(str_drop(value, 1)) : STR("");
    if (str_ends(*ret_name, STR(")")))
        *ret_name = str_take(*ret_name, ret_name->len - 1);
    return num_hex(address, ret_address) && *ret_address;
}

/* "LockCount          2", "LockCount = 0x2": label and value. */
static bool sections_parse_value(struct str text, struct str *ret_label, struct str *ret_value) {
    *ret_label = str_next_field(&text);
    text = str_trim(text);
    if (str_starts(text, STR("=")))
        text = str_trim(str_drop(text, 1));
    *ret_value = str_next_field(&text);
    return ret_label->len > 0;
}

static bool sections_store(struct sections_reading *r, struct err *err) {
    struct builder *b = r->t->b;
    const struct lock_row *row = &r->row;
    if (!r->in_section)
        return true;
    r->in_section = false;
    r->sections++;
    uint64_t key = key_with(SECTION_SEED, row->address);
    struct lock_row *known = builder_find(b, PART_LOCKS, key);
    if (known && known->address == row->address) {
        r->loss.differ += known->owner_os_id != row->owner_os_id || known->waiters != row->waiters;
        return true;
    }
    struct strbuf type;
    strbuf_init(&type);
    strbuf_adds(&type, "critical section");
    if (r->name.len) {
        strbuf_addc(&type, ' ');
        strbuf_add(&type, r->name);
    }
    const char *name = strbuf_ok(&type, err) ? builder_string(b, strbuf_str(&type), err) : NULL;
    strbuf_deinit(&type);
    struct lock_row *lock = name ? builder_row(b, PART_LOCKS, err) : NULL;
    if (!lock)
        return false;
    *lock = *row;
    lock->object_type = name;
    if (lock->held == ABSENT)
        lock->held = lock->owner_os_id != ABSENT;
    return builder_index(b, PART_LOCKS, key, err);
}

static void sections_take_value(struct sections_reading *r, struct str label, struct str value) {
    uint64_t number;
    bool hex = str_starts(value, STR("0x"));
    if (str_eq(label, STR("OwningThread"))) {
        if (num_hex(value, &number) && number && number < UINT32_MAX)
            r->row.owner_os_id = number;
    } else if (str_eq(label, STR("LockCount"))) {
        if ((hex ? num_hex(value, &number) : num_dec(value, &number)) && number < UINT32_MAX)
            r->row.waiters = number;
    } else if (str_eq(label, STR("RecursionCount"))) {
        if ((hex ? num_hex(value, &number) : num_dec(value, &number)) && number < UINT32_MAX)
            r->row.recursion = number;
    }
}

static bool sections_take_line(void *context, bool *ret_mine, struct err *err) {
    static const char *const labels[] = {
        "LockCount",       "RecursionCount", "OwningThread",  "EntryCount",
        "ContentionCount", "WaiterWoken",    "LockSemaphore", "SpinCount",
        "DebugInfo",       "OwningThreadId", "ContentionCnt",
    };
    struct sections_reading *r = context;
    struct str text = r->t->line.text, label, value, command;
    const struct lock_row none = {.index = ABSENT,
                                  .address = ABSENT,
                                  .owner_os_id = ABSENT,
                                  .owner_managed_id = ABSENT,
                                  .recursion = ABSENT,
                                  .held = ABSENT,
                                  .waiters = ABSENT};
    uint64_t address;
    struct str name;
    *ret_mine = true;
    if (r->t->line.number != r->t->section_line && transcript_is_command(&r->t->line, &command)) {
        *ret_mine = false;
        return true;
    }
    if (sections_parse_head(text, &address, &name)) {
        if (!sections_store(r, err))
            return false;
        r->row = none;
        r->row.address = address;
        r->name = name;
        r->in_section = true;
        r->listed |= str_starts(text, STR("CritSec "));
        return true;
    }
    if (str_eq(text, STR("*** Locked")) || str_eq(text, STR("LOCKED")) ||
        str_eq(text, STR("NOT LOCKED"))) {
        if (r->in_section)
            r->row.held = str_first(text) != 'N';
        return true;
    }
    if (sections_parse_value(text, &label, &value) && STR_IS_ONE_OF(label, labels)) {
        if (r->in_section)
            sections_take_value(r, label, value);
        return true;
    }
    if (str_starts(text, STR("Scanned ")) && str_contains(text, STR("critical section"))) {
        r->scanned++;
        return true;
    }
    *ret_mine = transcript_is_rule(text);
    return true;
}

static bool sections_read(struct transcript *t, struct err *err) {
    struct sections_reading r = {.t = t};
    if (!scan_table(t, &r.loss, sections_take_line, &r, err) || !sections_store(&r, err))
        return false;
    if (r.sections || r.scanned)
        builder_present(t->b, PART_LOCKS);
    if (r.listed && !r.scanned)
        transcript_lacks(t, ABSENT, "locks: the text ends before the number of sections scanned");
    scan_loss_report(t, &r.loss);
    return true;
}

static bool sections_starts(const struct transcript *t) {
    struct str text = t->line.text, name;
    uint64_t address;
    return (str_first(text) == 'C' && sections_parse_head(text, &address, &name)) ||
           (str_first(text) == 'S' && str_starts(text, STR("Scanned ")) &&
            str_contains(text, STR("critical section")));
}

const struct section section_critical_sections = {
    .name = "locks",
    .summary = "!locks, !cs: critical sections, their owners and waiters (WinDbg)",
    .may_give = PART_BIT(PART_LOCKS),
    .starts = sections_starts,
    .read = sections_read,
};
