/*
 * Handles of the operating system that a process has open, by type.
 *
 *     0:000> !handle                      WinDbg: each handle, then sums
 *     Handle 4
 *       Type          Section
 *     6 Handles
 *     Type            Count
 *     Event           3
 *
 *     Handle type summary:                Sysinternals' handle -s
 *       ALPC Port       : 11
 *     Total handles: 350
 *
 *     till.exe pid: 4711 SHOP\till        Sysinternals' handle -p (-a)
 *        40: File  (RW-)   C:\till
 *        44: Event         \BaseNamedObjects\receipt
 *
 *     0008: Object: 81e43030  GrantedAccess: 00100003 Entry: e1007010        of the kernel
 *     Object: 81e43030  Type: (823eb5e0) Event
 *
 * Without -a Sysinternals' handle lists files only. Of several processes (handle without -p) none
 * is taken for the one that was looked at.
 */
#include "input/log/scan.h"
#include "input/log/stat_table.h"

#include "base/chars.h"
#include "base/hash.h"
#include "base/num.h"
#include "model/rows_origin.h"
#include "model/rows_process.h"
#include "model/snapshot.h"

#include <string.h>

struct handle_list {
    struct transcript *t;
    uint64_t listed; /* [count] of handles that were listed one by one */
    uint64_t typed;  /* of these: with a type */
    uint64_t said;   /* by "6 Handles" or "Total handles: 6"; ABSENT: not said */
    uint64_t summed; /* [count] by the sums by type */
    uint64_t others; /* [count] that are of no file, of Sysinternals' list */
    uint64_t processes;
    bool in_sums, in_summary; /* of WinDbg; of Sysinternals */
    bool is_named;            /* Sysinternals' list of one process */
    bool is_kernel;           /* of the kernel's debugger */
    bool wanted;
    struct scan_loss loss;
};

/* -- Lines ------------------------------------------------------------------------------------- */

static bool handle_is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* "Handle 4", "Handle 00000004" */
static bool handle_is_head(struct str text) {
    struct str f[2], rest;
    uint64_t value;
    return scan_fields(text, f, 2, &rest) == 2 && rest.len == 0 && str_eq(f[0], STR("Handle")) &&
           num_hex(f[1], &value);
}

/* "  Type          Section": the type; it may have blanks. */
static bool handle_type_line(struct str text, struct str *ret_type) {
    if (!str_starts(text, STR("Type")) || text.len < 6 || !handle_is_blank(text.ptr[4]))
        return false;
    *ret_type = str_trim(str_drop(text, 4));
    return ret_type->len > 0 && !str_eq(*ret_type, STR("Count"));
}

/* "Object: 81e43030  Type: (823eb5e0) Event" of the kernel's debugger. */
static bool handle_kernel_type(struct str text, struct str *ret_type) {
    struct str f[4];
    uint64_t value;
    return scan_fields(text, f, 4, ret_type) == 4 && str_eq(f[0], STR("Object:")) &&
           num_hex(f[1], &value) && str_eq(f[2], STR("Type:")) && str_first(f[3]) == '(' &&
           ret_type->len > 0;
}

/* "Event           3", "ALPC Port : 11" */
static bool handle_parse_sum(struct str text, struct str *ret_type, uint64_t *ret_count) {
    struct str rest = text, last = scan_last_field(&rest);
    rest = str_trim(rest);
    if (str_ends(rest, STR(":")))
        rest = str_trim(str_take(rest, rest.len - 1));
    *ret_type = rest;
    return rest.len && rest.len < 64 && char_is_letter(str_first(rest)) &&
           num_grouped(last, ret_count);
}

/* "6 Handles", "Total handles: 350" */
static bool handle_is_total(struct str text, uint64_t *ret_count) {
    struct str f[2], rest, value;
    if (scan_labelled(text, "Total handles", &value))
        return num_grouped(value, ret_count);
    return scan_fields(text, f, 2, &rest) == 2 && rest.len == 0 &&
           str_eq_nocase(f[1], STR("Handles")) && num_grouped(f[0], ret_count);
}

/* "till.exe pid: 4711 SHOP\till" */
static bool handle_is_process(struct str text, struct str *ret_name, uint64_t *ret_pid) {
    size_t at = str_find(str_take(text, 300), STR(" pid: "), 0);
    if (at == STR_NOT_FOUND || at == 0)
        return false;
    struct str rest = str_drop(text, at + 6);
    *ret_name = str_trim(str_take(text, at));
    return num_dec(str_next_field(&rest), ret_pid) && rest.len > 0;
}

/* "   40: File  (RW-)   C:\till", "  4C: ALPC Port     \RPC Control\..." */
static bool handle_named(struct str text, struct str *ret_type) {
    struct str rest = text, number = str_next_field(&rest);
    uint64_t value;
    if (!str_ends(number, STR(":")) || !num_hex(str_take(number, number.len - 1), &value))
        return false;
    rest = str_trim(rest);
    size_t end = 0; /* a type ends at two blanks, or at the access */
    while (end < rest.len && rest.ptr[end] != '(' &&
           !(handle_is_blank(rest.ptr[end]) &&
             (end + 1 == rest.len || handle_is_blank(rest.ptr[end + 1]) ||
              rest.ptr[end + 1] == '(' || rest.ptr[end + 1] == '\\')))
        end++;
    *ret_type = str_trim(str_take(rest, end));
    return ret_type->len > 0 && ret_type->len < 48 && char_is_letter(str_first(*ret_type));
}

/* What WinDbg says of one handle below its type. */
static bool handle_is_detail(struct str text) {
    static const char *const labels[] = {
        "Attributes", "GrantedAccess", "HandleCount", "PointerCount", "Name",     "Object",
        "No",         "Event",         "Process",     "Thread",       "Priority", "Base",
        "None",       "ObjectHeader:", "Directory",   "Start",        "Mutex",    "Semaphore",
        "Parent"};
    return STR_IS_ONE_OF(str_next_field(&text), labels);
}

/* -- Counting ---------------------------------------------------------------------------------- */

static bool handle_add(struct handle_list *r, struct str type, uint64_t count, struct err *err) {
    struct builder *b = r->t->b;
    uint64_t key = key_of_bytes(type.ptr, type.len);
    if (!r->wanted)
        return true;
    struct os_handle_row *row = builder_find(b, PART_OS_HANDLES, key);
    if (row && str_eq(str_of(row->type), type)) {
        row->count = num_add(row->count, count);
        return true;
    }
    row = builder_row(b, PART_OS_HANDLES, err);
    if (!row || !(row->type = builder_string(b, type, err)))
        return false;
    row->count = count;
    return builder_index(b, PART_OS_HANDLES, key, err);
}

/* Handles one by one; their sums by type say the same again. */
static bool handle_take_listed(struct handle_list *r, struct str type, struct err *err) {
    r->typed++;
    return handle_add(r, type, 1, err);
}

static bool handle_take_sum(struct handle_list *r, struct str type, uint64_t count,
                            struct err *err) {
    r->summed = num_add(r->summed, count);
    return r->typed ? true : handle_add(r, type, count, err);
}

static bool handle_take_process(struct handle_list *r, struct str name, uint64_t pid,
                                struct err *err) {
    struct origin_row *origin = builder_single(r->t->b, PART_ORIGIN, err);
    r->is_named = true;
    if (!origin)
        return false;
    if (r->processes++)
        return true;
    builder_say(r->t->b, &origin->pid, pid, "the process id");
    return builder_say_string(r->t->b, &origin->process, name, "the process", err);
}

static bool handle_take(void *context, bool *ret_mine, struct err *err) {
    struct handle_list *r = context;
    struct str text = r->t->line.text, type, rest = text, command;
    uint64_t value;
    *ret_mine = true;
    if (transcript_is_command(&r->t->line, &command)) {
        *ret_mine = false;
        return true;
    }
    if (handle_is_process(text, &type, &value))
        return handle_take_process(r, type, value, err);
    if (r->is_named && handle_named(text, &type)) {
        r->listed++;
        r->others += !str_eq(type, STR("File"));
        return handle_take_listed(r, type, err);
    }
    if (handle_is_head(text)) {
        r->listed++;
        r->in_sums = false;
    } else if (str_starts(text, STR("Handle type summary"))) {
        r->in_summary = true;
    } else if (handle_is_total(text, &value)) {
        r->said = value;
        r->in_summary = false;
    } else if (str_eq(str_next_field(&rest), STR("Type")) && str_eq(str_trim(rest), STR("Count"))) {
        r->in_sums = true;
    } else if (!r->in_sums && handle_type_line(text, &type)) {
        return handle_take_listed(r, type, err);
    } else if (handle_kernel_type(text, &type)) {
        r->listed++;
        r->is_kernel = true;
        return handle_take_listed(r, type, err);
    } else if ((r->in_sums || r->in_summary) && handle_parse_sum(text, &type, &value)) {
        return handle_take_sum(r, type, value, err);
    } else {
        *ret_mine = !r->in_sums && !r->in_summary &&
                    (handle_is_detail(text) || str_contains(text, STR(": Object: ")) ||
                     transcript_is_rule(text) ||
                     (r->listed && r->t->line.raw.len > text.len &&
                      handle_is_blank(str_first(r->t->line.raw))));
    }
    return true;
}

static void handle_check(const struct handle_list *r) {
    uint64_t known = r->typed ? r->typed : r->summed;
    bool totals = !r->is_named && !r->is_kernel; /* these end with a sum */
    if (r->said == ABSENT && totals)
        transcript_lacks(r->t, ABSENT, "handle: the text ends before the number of handles");
    else if (r->said != ABSENT && known < r->said)
        transcript_lacks(r->t, r->said - known, "handle: handles that are counted, but not listed");
    else if (r->typed && r->summed && r->typed < r->summed)
        transcript_lacks(r->t, r->summed - r->typed,
                         "handle: handles that are counted, but not listed");
    if (r->typed < r->listed)
        transcript_lacks(r->t, r->listed - r->typed, "handle: handles without a type");
    if (r->is_named && r->others == 0)
        transcript_lacks(r->t, ABSENT, "handle: only files are listed (handle -a lists all)");
}

static bool handle_read(struct transcript *t, struct err *err) {
    struct handle_list r = {.t = t, .said = ABSENT};
    r.wanted = !snapshot_has(builder_snapshot(t->b), PART_OS_HANDLES);
    if (!scan_table(t, &r.loss, handle_take, &r, err))
        return false;
    if (r.processes > 1) {
        builder_drop(t->b, PART_OS_HANDLES);
        transcript_hollow(t, "handle: handles of %llu processes (handle -p PID -a lists one)",
                          (unsigned long long)r.processes);
        return true;
    }
    if (!r.typed && !r.summed && r.said != 0) {
        transcript_hollow(t, "handle: no type of any handle in it");
        return true;
    }
    builder_present(t->b, PART_OS_HANDLES);
    if (!r.wanted)
        builder_warn(t->b, ABSENT, "handle: handles are listed twice; the first list was used");
    else
        handle_check(&r);
    scan_loss_report(t, &r.loss);
    return true;
}

static bool handle_starts(const struct transcript *t) {
    struct str text = t->line.text, type;
    struct line next;
    uint64_t value;
    switch (str_first(text)) {
    case 'H':
        return str_starts(text, STR("Handle type summary")) ||
               (handle_is_head(text) && transcript_peek(t, 1, &next) &&
                handle_type_line(next.text, &type));
    case 'O':
        return handle_kernel_type(text, &type);
    case 'T':
        return transcript_last_command_is(t, "handle") && str_starts(text, STR("Type ")) &&
               str_ends(text, STR(" Count"));
    default:
        return str_contains(str_take(text, 160), STR(" pid: ")) &&
               handle_is_process(text, &type, &value) && transcript_peek(t, 1, &next) &&
               handle_named(next.text, &type);
    }
}

const struct section section_os_handles = {
    .name = "os-handles",
    .summary = "!handle of WinDbg, handle of Sysinternals: open handles of a process by type",
    .may_give = PART_BIT(PART_OS_HANDLES) | PART_BIT(PART_ORIGIN),
    .open_parts = PART_BIT(PART_OS_HANDLES),
    .starts = handle_starts,
    .read = handle_read,
};
