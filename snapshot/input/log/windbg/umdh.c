/*
 * Logs of UMDH (`umdh -p:PID`): every allocation of the heaps with the stack that made it.
 *
 *     // UMDH: version 6.1.7015.0: Logtime 2010-07-23 12:26 - Machine=INK - PID=6424
 *     //     Base Size Module
 *     //         77610000   180000 C:\Windows\SysWOW64\ntdll.dll
 *     *- - - - - - - - - - Start of data for heap @ 3D0000 - - - - - - - - - -
 *     REQUESTED bytes + OVERHEAD at ADDRESS by BackTraceID
 *     64 bytes + 1C at 2E9FA20 by BackTrace18D0A0D0
 *             7761CDD2                  the stack, where it is met first
 *
 * All numbers are hex. BackTrace0 stands for allocations without a stack. Below "Alias" stands
 * another stack that has the same number. UMDH of Windows 2000 sums up: "00003100 bytes in 0x10
 * allocations (@ 0x00000310) by: BackTrace00A17", symbols below.
 *
 * Bytes are those requested, as in UMDH's own comparisons; the overhead is a counter.
 */
#include "base/hash.h"
#include "input/log/windbg/umdh_text.h"

#include "base/num.h"
#include "base/order.h"
#include "base/search.h"
#include "base/vec.h"
#include "model/rows_origin.h"
#include "model/rows_process.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <stdlib.h>

struct entry {
    uint64_t trace; /* number of the stack */
    uint64_t bytes; /* requested by each */
    uint64_t count, sum, overhead;
};

/* A stack: frames[first..first+count) of the reading. */
struct trace {
    uint64_t id;
    uint32_t first, count;
};

struct reading {
    struct transcript *t;
    struct entry *entries;
    size_t count, capacity;
    struct u64map by_id; /* number of a stack to its place in traces */
    struct trace *traces;
    uint32_t trace_count, trace_capacity;
    struct umdh_frames frames;
    uint32_t open; /* place in traces of the stack that the lines below belong to */
    bool in_stack;
    bool in_alias; /* of the stack above: another one of the same number */
    uint64_t aliased;
    bool in_heap; /* behind "Start of data", in front of "End of data" */
    bool headed;  /* a heap began so */
    bool sums;    /* the old kind, which has no such headings */
    bool in_modules;
    uint32_t module_first; /* rows of PART_MODULES of this log begin here */
    struct module_row *modules;
    uint32_t module_count;
    uint64_t overhead;
    struct scan_loss loss;
};

/* -- Lines ------------------------------------------------------------------------------------- */

/* "64 bytes + 1C at 2E9FA20 by BackTrace18D0A0D0" */
static bool parse_entry(struct str text, struct entry *ret_entry) {
    struct str f[8];
    uint64_t address;
    if (text.len > 128 || scan_fields(text, f, 8, NULL) != 8 || !str_eq(f[1], STR("bytes")) ||
        !str_eq(f[2], STR("+")) || !str_eq(f[4], STR("at")) || !str_eq(f[6], STR("by")))
        return false;
    ret_entry->count = 1;
    if (!num_hex(f[0], &ret_entry->bytes) || !num_hex(f[3], &ret_entry->overhead) ||
        !num_hex(f[5], &address) || !umdh_trace_id(f[7], &ret_entry->trace) ||
        ret_entry->bytes == ABSENT)
        return false;
    ret_entry->sum = ret_entry->bytes;
    return true;
}

/* "00003100 bytes in 0x10 allocations (@ 0x00000310) by: BackTrace00A17" */
static bool parse_sum(struct str text, struct entry *ret_entry) {
    struct str f[9];
    if (text.len > 128 || scan_fields(text, f, 9, NULL) != 9 || !str_eq(f[1], STR("bytes")) ||
        !str_eq(f[2], STR("in")) || !str_starts(f[4], STR("allocation")) ||
        !str_eq(f[5], STR("(@")) || !str_ends(f[6], STR(")")) || !str_eq(f[7], STR("by:")))
        return false;
    ret_entry->overhead = 0;
    uint64_t product;
    return num_hex(f[0], &ret_entry->sum) && num_hex(f[3], &ret_entry->count) &&
           num_hex(str_take(f[6], f[6].len - 1), &ret_entry->bytes) &&
           umdh_trace_id(f[8], &ret_entry->trace) &&
           !__builtin_mul_overflow(ret_entry->bytes, ret_entry->count, &product) &&
           product == ret_entry->sum && product != ABSENT;
}

static bool umdh_looks_like_entry(struct str text) {
    struct str rest = str_take(text, 64);
    struct str number = str_next_field(&rest);
    uint64_t value;
    return num_hex(number, &value) &&
           (str_starts(str_trim(rest), STR("bytes")) || str_contains(rest, STR("BackTrace")));
}

/* "*- - - - Start of data for heap @ 3D0000 - - - -" */
static bool umdh_is_heading(struct str text) {
    return str_starts(text, STR("*- - - "));
}

static bool umdh_is_remark(const struct line *line) {
    struct str text = line->text;
    return str_starts(text, STR("REQUESTED bytes + OVERHEAD")) ||
           str_starts(text, STR("STACK if not already")) || umdh_is_symbol_remark(line);
}

/* -- What is kept ------------------------------------------------------------------------------ */

static bool umdh_add_entry(struct reading *r, const struct entry *entry, struct err *err) {
    uint32_t at = u64map_get(&r->by_id, entry->trace);
    r->in_stack = true;
    r->in_alias = false;
    if (at == STRMAP_NONE) {
        at = r->trace_count;
        if (!VEC_ROOM(r->traces, r->trace_count, r->trace_capacity, err))
            return false;
        if (!u64map_put(&r->by_id, entry->trace, at))
            return err_nomem(err);
        r->traces[r->trace_count++] = (struct trace){entry->trace, r->frames.count, 0};
    } else if (r->traces[at].count == 0) {
        r->traces[at].first = r->frames.count;
    } else {
        r->in_stack = false; /* it was printed before */
    }
    r->open = at;
    if (!VEC_ROOM(r->entries, r->count, r->capacity, err))
        return false;
    r->entries[r->count] = *entry;
    r->entries[r->count++].trace = at;
    r->overhead = num_add(r->overhead, entry->overhead);
    return true;
}

static int cmp_base(const void *a, const void *b) {
    const struct module_row *x = a, *y = b;
    return order_u64(x->base, y->base);
}

/* The module that holds an address; NULL: none. */
static const struct module_row *umdh_module_of(const struct reading *r, uint64_t address) {
    uint32_t lo;
    SEARCH_LEADING(lo, r->module_count, mid, r->modules[mid].base <= address);
    if (lo == 0 || address - r->modules[lo - 1].base >= r->modules[lo - 1].size)
        return NULL;
    return &r->modules[lo - 1];
}

/* A copy of the rows of modules, by address. */
static bool sort_modules(struct reading *r, struct err *err) {
    uint32_t count;
    const struct module_row *rows = builder_rows(r->t->b, PART_MODULES, &count);
    r->in_modules = false;
    free(r->modules);
    r->modules = NULL;
    r->module_count = count - r->module_first;
    if (r->module_count == 0)
        return true;
    if (!(r->modules = malloc(r->module_count * sizeof(*rows))))
        return err_nomem(err);
    memcpy(r->modules, rows + r->module_first, r->module_count * sizeof(*rows));
    qsort(r->modules, r->module_count, sizeof(*rows), cmp_base);
    return true;
}

static bool umdh_add_frame(struct reading *r, struct str text, struct err *err) {
    uint64_t address;
    const char *frame;
    if (num_hex(text, &address)) {
        const struct module_row *m = umdh_module_of(r, address);
        frame = builder_frame(r->t->b, STR(""), str_of(m ? m->name : NULL),
                              m ? address - m->base : address, err);
    } else {
        frame = umdh_frame(r->t->b, text, err);
    }
    if (!umdh_frames_add(&r->frames, frame, err))
        return false;
    r->traces[r->open].count++;
    return true;
}

/* -- Comments ---------------------------------------------------------------------------------- */

/* "UMDH: version 6.1.7015.0: Logtime 2010-07-23 12:26 - Machine=INK - PID=6424" */
static bool take_version(struct builder *b, struct str text, struct err *err) {
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!origin)
        return false;
    uint64_t pid;
    size_t at = str_find(text, STR("PID="), 0), end = str_find(text, STR(": Logtime "), 0);
    if (at != STR_NOT_FOUND && num_dec(str_trim(str_drop(text, at + 4)), &pid))
        builder_say(b, &origin->pid, pid, "the process id");
    if (end == STR_NOT_FOUND)
        return true;
    struct str time = str_drop(text, end + 10);
    time = str_trim(str_take(time, str_find(time, STR(" - "), 0)));
    builder_note(
        b, "UMDH's log was written at %.*s by its machine's clock, whose zone it does not say",
        (int)(time.len < 40 ? time.len : 40), time.ptr);
    struct strbuf tool;
    strbuf_init(&tool);
    strbuf_adds(&tool, "UMDH ");
    strbuf_add(&tool, str_trim(str_drop(str_take(text, end), 14)));
    bool ok = strbuf_ok(&tool, err) &&
              builder_say_string(b, &origin->tool, strbuf_str(&tool), "what wrote the log", err);
    strbuf_deinit(&tool);
    return ok;
}

/* "B30000    39000 D:\Press\ink.exe" below "Base Size Module" */
static bool take_module(struct reading *r, struct str text, struct err *err) {
    struct str f[2], path;
    uint64_t base, size;
    if (scan_fields(text, f, 2, &path) != 2 || !path.len || !num_hex(f[0], &base) ||
        !num_hex(f[1], &size))
        return sort_modules(r, err);
    struct builder *b = r->t->b;
    struct module_row *row = builder_row(b, PART_MODULES, err);
    if (!row)
        return false;
    row->base = base;
    row->size = size;
    if (!(row->path = builder_string(b, path, err)))
        return false;
    row->name = builder_string(b, str_file_name(str_of(row->path)), err);
    if (row->name && r->in_modules && r->module_count == 0 && str_ends(path, STR(".exe"))) {
        struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
        if (!origin || !builder_say_string(b, &origin->process, str_of(row->name),
                                           "the name of the program", err))
            return false;
    }
    r->module_count++; /* until they are sorted */
    return row->name != NULL;
}

static bool take_comment(struct reading *r, struct str text, struct err *err) {
    text = str_trim(str_drop(text, 2));
    struct origin_row *origin;
    if (r->in_modules && text.len)
        return take_module(r, text, err);
    if (str_starts(text, STR("UMDH: version ")))
        return take_version(r->t->b, text, err);
    if (str_starts(text, STR("Base Size Module"))) {
        r->in_modules = true;
        r->module_count = 0;
        builder_rows(r->t->b, PART_MODULES, &r->module_first);
        return true;
    }
    if (r->in_modules)
        return sort_modules(r, err);
    if (str_starts(text, STR("OS version "))) {
        struct strbuf os;
        strbuf_init(&os);
        strbuf_adds(&os, "Windows ");
        strbuf_add(&os, str_trim(str_drop(text, 11)));
        bool ok = strbuf_ok(&os, err) && (origin = builder_single(r->t->b, PART_ORIGIN, err)) &&
                  builder_say_string(r->t->b, &origin->os, strbuf_str(&os), "the system", err);
        strbuf_deinit(&os);
        return ok;
    }
    return true;
}

/* -- Section ----------------------------------------------------------------------------------- */

static bool umdh_take_line(struct reading *r, bool *ret_mine, struct err *err) {
    const struct line *line = &r->t->line;
    struct str text = line->text, command;
    struct entry entry;
    *ret_mine = true;
    if (str_starts(text, STR("//")))
        return take_comment(r, text, err);
    if (r->in_modules && !sort_modules(r, err))
        return false;
    bool sum = parse_sum(text, &entry);
    r->sums |= sum;
    if (sum || parse_entry(text, &entry))
        return umdh_add_entry(r, &entry, err);
    uint64_t address;
    if (r->in_stack && (num_hex(text, &address) || umdh_is_symbol(text)))
        return umdh_add_frame(r, text, err);
    if (str_eq(text, STR("Alias")) || (r->in_alias && num_hex(text, &address))) {
        r->aliased += !r->in_alias;
        r->in_alias = true;
        r->in_stack = false;
        return true;
    }
    if (umdh_is_heading(text)) {
        r->in_alias = false;
        if (str_contains(text, STR(" Start of data ")) || str_contains(text, STR(" End of data ")))
            r->in_heap = str_contains(text, STR(" Start of data "));
        r->headed |= r->in_heap;
        r->in_stack = false;
        return true;
    }
    if (umdh_is_remark(line))
        return true;
    *ret_mine = umdh_looks_like_entry(text) && !transcript_is_command(line, &command);
    r->loss.unparsed += *ret_mine;
    return true;
}

static bool umdh_read_lines(struct reading *r, struct err *err) {
    bool mine;
    bool versioned = false;
    while (transcript_skip_blank(r->t)) {
        struct str text = r->t->line.text;
        bool comment = str_starts(text, STR("//"));
        if ((!comment || r->in_heap) && scan_elision(r->t, &r->loss))
            continue;
        /* The next log of those that were joined: another section. */
        if (comment && str_contains(text, STR("UMDH: version "))) {
            if (versioned || r->count)
                break;
            versioned = true;
        }
        if (!umdh_take_line(r, &mine, err))
            return false;
        if (!mine)
            break;
        transcript_next(r->t);
    }
    return true;
}

static int umdh_cmp_entry(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    if (x->trace != y->trace)
        return x->trace < y->trace ? -1 : 1;
    return order_u64(x->bytes, y->bytes);
}

/* One row a stack and size. */
static bool umdh_store(struct reading *r, struct err *err) {
    struct builder *b = r->t->b;
    uint64_t allocations = 0, bytes = 0, nameless = 0;
    if (r->count)
        qsort(r->entries, r->count, sizeof(*r->entries), umdh_cmp_entry);
    builder_present(b, PART_STACKS);
    for (size_t i = 0, next; i < r->count; i = next) {
        const struct entry *first = &r->entries[i];
        const struct trace *trace = &r->traces[first->trace];
        struct stack_row row = STACK_ROW;
        row.count = row.bytes = 0;
        for (next = i; next < r->count && umdh_cmp_entry(first, &r->entries[next]) == 0; next++) {
            row.count = num_add(row.count, r->entries[next].count);
            row.bytes = num_add(row.bytes, r->entries[next].sum);
        }
        row.size_each = first->bytes;
        const char *no_stack = umdh_no_stack(b, trace->id, err);
        if (!no_stack)
            return false;
        row.frames = trace->count ? (struct strings){r->frames.items + trace->first, trace->count}
                                  : (struct strings){&no_stack, 1};
        if (!builder_add_stack(b, &row, err))
            return false;
        allocations = num_add(allocations, row.count);
        bytes = num_add(bytes, row.bytes);
        nameless += trace->count == 0 && trace->id ? row.count : 0;
    }
    if (nameless)
        transcript_lacks(r->t, nameless, "UMDH: allocations whose stack is not in the log");
    return builder_counter(b, "umdh.allocations", allocations, "count", err) &&
           builder_counter(b, "umdh.requested_bytes", bytes, "bytes", err) &&
           (r->sums || builder_counter(b, "umdh.overhead_bytes", r->overhead, "bytes", err));
}

/* Each stack may have more allocations behind the cut. */
static void umdh_say_cut(const struct transcript *t) {
    static const char what[] = "UMDH: the log is cut off within a heap";
    transcript_lacks(t, ABSENT, "%s", what);
    builder_absent(t->b, PART_BIT(PART_STACKS), ASPECT_SUMS, 0, "%s", what);
}

static bool umdh_read(struct transcript *t, struct err *err) {
    struct reading r = {.t = t};
    struct builder *b = t->b;
    u64map_init(&r.by_id);
    bool known = snapshot_has(builder_snapshot(b), PART_STACKS);
    bool ok = umdh_read_lines(&r, err);
    if (ok && r.count == 0)
        transcript_hollow(t, "UMDH: a log without allocations");
    else if (ok && known)
        builder_warn(b, r.count, "UMDH: allocations of a second log, left out");
    else if (ok)
        ok = umdh_store(&r, err);
    if (ok && r.in_heap)
        umdh_say_cut(t);
    else if (ok && r.count && !r.headed && !r.sums)
        transcript_lacks(t, ABSENT, "UMDH: the beginning of the log is missing");
    if (ok)
        scan_loss_report(t, &r.loss);
    if (ok && r.aliased)
        builder_warn(b, r.aliased, "UMDH: several stacks of one number: the first is taken");
    u64map_deinit(&r.by_id);
    umdh_frames_deinit(&r.frames);
    free(r.modules);
    free(r.traces);
    free(r.entries);
    return ok;
}

static bool umdh_starts(const struct transcript *t) {
    struct str text = t->line.text;
    struct entry entry;
    switch (str_first(text)) {
    case '/':
        return str_starts(text, STR("//")) &&
               str_starts(str_trim(str_drop(text, 2)), STR("UMDH: version "));
    case '*':
        return umdh_is_heading(text) && str_contains(text, STR(" Start of data for heap @ "));
    default:
        return parse_entry(text, &entry) || parse_sum(text, &entry);
    }
}

const struct section section_umdh = {
    .name = "umdh",
    .summary = "umdh -p: every allocation of a Windows process by its stack",
    .may_give = PART_BIT(PART_STACKS) | PART_BIT(PART_COUNTERS) | PART_BIT(PART_MODULES),
    .open_parts = PART_BIT(PART_STACKS),
    .starts = umdh_starts,
    .read = umdh_read,
};
