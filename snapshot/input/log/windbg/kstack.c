/*
 * Native stacks (`k`, `kb`, `kn`, `~*k`) and the list of threads (`~`) of WinDbg.
 *
 *     .  0  Id: 1a2b.1c3d Suspend: 1 Teb: 000000a1`b2c3d000 Unfrozen "name"
 *      # Child-SP          RetAddr               Call Site           x86: ChildEBP RetAddr
 *     00 000000e1`d5f7f5c8 00007ffb`4d9a2dba     ntdll!NtWaitForSingleObject+0x14
 *     01 (Inline Function) --------`--------     KERNELBASE!WaitForX+0x8
 *
 * `kb` and `kv` print arguments between the addresses and the call site, on 64 bits between colons.
 * A stack without a thread line above belongs to the thread of the prompt ("0:045> k") or of the
 * command ("~12k").
 */
#include "input/log/scan.h"

#include "base/chars.h"
#include "base/num.h"
#include "base/vec.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <stdlib.h>

#define FRAMES_MAX 10000u

struct reading {
    struct transcript *t;
    uint64_t os_id, number; /* whose stack it is; ABSENT: not said */
    struct str *frames;
    uint32_t count, capacity;
    uint64_t section; /* address of the critical section that it waits to enter; ABSENT */
    bool in_stack;    /* the heading of a stack was read */
    bool too_deep;
    uint64_t threads, stacks, nameless, last; /* the largest number of a thread */
    struct scan_loss loss;
};

/* -- Lines ------------------------------------------------------------------------------------- */

struct thread_line {
    uint64_t number, pid, os_id;
    struct str name;
};

/* Debuggers of Windows NT write "id:". */
static bool is_id_label(struct str field) {
    return str_eq_nocase(field, STR("Id:"));
}

/* "0  Id: 1a2b.1c3d Suspend: 1 Teb: ... Unfrozen "name"", perhaps with '.' or '#' in front. */
static bool kstack_parse_thread(struct str text, struct thread_line *ret_line) {
    while (text.len && (str_first(text) == '.' || str_first(text) == '#' || str_first(text) == '*'))
        text = str_trim(str_drop(text, 1));
    struct str f[3], rest;
    if (scan_fields(text, f, 3, &rest) != 3 || !is_id_label(f[1]) ||
        !str_starts(rest, STR("Suspend:")) || !num_dec(f[0], &ret_line->number) ||
        ret_line->number >= UINT32_MAX)
        return false;
    size_t dot = str_find(f[2], STR("."), 0);
    if (dot == STR_NOT_FOUND || !num_hex(str_take(f[2], dot), &ret_line->pid) ||
        !num_hex(str_drop(f[2], dot + 1), &ret_line->os_id) || ret_line->os_id == 0 ||
        ret_line->os_id > UINT32_MAX || ret_line->pid > UINT32_MAX)
        return false;
    size_t quote = str_find(rest, STR("\""), 0);
    ret_line->name = STR("");
    if (quote != STR_NOT_FOUND && str_ends(rest, STR("\"")) && quote + 1 < rest.len)
        ret_line->name = str_drop(str_take(rest, rest.len - 1), quote + 1);
    return true;
}

/* "Start: module!function (address)", "Priority: 0  Priority class: 32  Affinity: f" */
static bool is_thread_detail(struct str text) {
    return str_starts(text, STR("Start: ")) || str_starts(text, STR("Priority: "));
}

static bool kstack_is_heading(struct str text) {
    if (str_starts(text, STR("#")))
        text = str_trim(str_drop(text, 1));
    struct str f[2];
    return scan_fields(str_take(text, 128), f, 2, NULL) == 2 && str_eq(f[1], STR("RetAddr")) &&
           (str_eq(f[0], STR("Child-SP")) || str_eq(f[0], STR("ChildEBP")));
}

/* What comes behind the two addresses: arguments (five of eight digits, or between colons). */
static struct str skip_arguments(struct str rest) {
    size_t colon = str_find(rest, STR(" : "), 0);
    if (str_starts(rest, STR(":")) && colon != STR_NOT_FOUND)
        return str_trim(str_drop(rest, colon + 3));
    for (struct str behind = rest; behind.len;) {
        if (!scan_is_address(str_next_field(&behind)) || str_trim(behind).len == 0)
            return rest;
        rest = str_trim(behind);
    }
    return rest;
}

/* An address without symbol is code of the JIT compiler, mostly: it says nothing in two dumps. */
static struct str call_site(struct str site) {
    site = scan_without_offset(site);
    if (scan_is_address(site))
        return STR("<no symbol>");
    return site;
}

/*
 * The first argument of a function that enters a critical section, which 32-bit code has on its
 * stack, so that `kb` prints it. ABSENT: the frame is none, or has no arguments.
 */
static uint64_t entered_section(struct str stack, struct str rest, struct str site) {
    static const char *const functions[] = {
        "ntdll!RtlEnterCriticalSection", "ntdll!RtlpWaitForCriticalSection",
        "ntdll!RtlpWaitOnCriticalSection", "ntdll!RtlpEnterCriticalSectionContended"};
    uint64_t address;
    struct str first = str_next_field(&rest);
    bool enters = stack.len == 8 && STR_IS_ONE_OF_NOCASE(site, functions);
    return enters && first.len == 8 && num_hex(first, &address) && address ? address : ABSENT;
}

static bool kstack_parse_frame(struct str text, struct str *ret_site, uint64_t *ret_section) {
    struct str first = str_take(text, 3), rest = text, site;
    uint64_t number;
    struct str stack = STR(""), arguments = STR("");
    first = str_next_field(&first);
    /* `kn` numbers the frames, in two or three hex digits. */
    if (first.len >= 2 && first.len <= 3 && num_hex(first, &number) && text.len > first.len &&
        (text.ptr[first.len] == ' ' || text.ptr[first.len] == '\t'))
        rest = str_trim(str_drop(text, first.len));
    if (str_starts(rest, STR("(Inline"))) {
        struct str f[3];
        if (scan_fields(rest, f, 3, &site) != 3)
            return false;
        site = skip_arguments(site);
    } else {
        struct str f[2];
        if (scan_fields(rest, f, 2, &site) != 2 || !scan_is_address(f[0]) || !scan_is_address(f[1]))
            return false;
        stack = f[0];
        arguments = site;
        site = skip_arguments(site);
    }
    *ret_site = call_site(site);
    *ret_section = entered_section(stack, arguments, *ret_site);
    return ret_site->len > 0;
}

static bool kstack_is_remark(struct str text) {
    return str_starts(text, STR("WARNING: ")) || str_starts(text, STR("*** WARNING")) ||
           str_starts(text, STR("*** ERROR"));
}

/* -- Stacks ------------------------------------------------------------------------------------ */

static bool kstack_push(struct reading *r, struct str frame, struct err *err) {
    if (r->count == FRAMES_MAX) {
        r->too_deep = true;
        return true;
    }
    if (!VEC_ROOM(r->frames, r->count, r->capacity, err))
        return false;
    r->frames[r->count++] = frame;
    return true;
}

/* The thread of the stack; NULL when it cannot be told (*ret_ok stays true). */
static struct thread_row *whose(struct reading *r, bool *ret_ok, struct err *err) {
    struct builder *b = r->t->b;
    struct thread_row *thread;
    if (r->os_id == ABSENT)
        thread = r->number == ABSENT ? NULL : builder_thread_numbered(b, r->number, err);
    else
        thread = builder_thread(b, r->os_id, ABSENT, err);
    *ret_ok = thread || (r->os_id == ABSENT && r->number == ABSENT);
    return thread;
}

static bool kstack_flush(struct reading *r, struct err *err) {
    bool ok = true;
    uint32_t count = r->count;
    uint64_t section = r->section;
    r->section = ABSENT;
    r->count = 0;
    r->in_stack = false;
    if (count == 0)
        return true;
    r->stacks++;
    struct thread_row *thread = whose(r, &ok, err);
    if (!ok || !thread) {
        r->nameless++;
        return ok;
    }
    struct strings frames;
    if (!builder_strings(r->t->b, r->frames, count, &frames, err))
        return false;
    if (thread->native_frames.count == 0)
        thread->native_frames = frames;
    else if (!strings_equal(&thread->native_frames, &frames))
        r->loss.differ++;
    if (section == ABSENT || thread->waits_for != ABSENT)
        return true;
    thread->waits_for = section;
    thread->waiting_on = builder_string(r->t->b, STR("critical section"), err);
    return thread->waiting_on != NULL;
}

static bool start_thread(struct reading *r, const struct thread_line *line, struct err *err) {
    struct builder *b = r->t->b;
    if (!kstack_flush(r, err))
        return false;
    struct thread_row *thread = builder_thread(b, line->os_id, ABSENT, err);
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!thread || !origin || !builder_thread_number(b, thread, line->number, err))
        return false;
    if (line->name.len && !thread->name && !(thread->name = builder_string(b, line->name, err)))
        return false;
    builder_say(b, &origin->pid, line->pid, "the process id");
    r->os_id = line->os_id;
    r->number = line->number;
    r->last = num_max(r->threads ? r->last : 0, line->number);
    r->threads++;
    return true;
}

/* -- Section ----------------------------------------------------------------------------------- */

static bool kstack_take_line(void *context, bool *ret_mine, struct err *err) {
    struct reading *r = context;
    struct str text = r->t->line.text, site, command;
    struct thread_line line;
    uint64_t section;
    *ret_mine =
        r->t->line.number == r->t->section_line || !transcript_is_command(&r->t->line, &command);
    if (!*ret_mine)
        return true;
    if (kstack_parse_thread(text, &line))
        return start_thread(r, &line, err);
    if (kstack_is_heading(text)) {
        /* A second stack without a thread line above it is somebody else's. */
        if (r->in_stack && r->count) {
            if (!kstack_flush(r, err))
                return false;
            r->os_id = r->number = ABSENT;
        }
        r->in_stack = true;
        return true;
    }
    if (r->in_stack && kstack_parse_frame(text, &site, &section)) {
        if (r->section == ABSENT)
            r->section = section;
        return kstack_push(r, site, err);
    }
    *ret_mine = kstack_is_remark(text) || is_thread_detail(text);
    return true;
}

static bool kstack_read(struct transcript *t, struct err *err) {
    struct reading r = {
        .t = t, .os_id = ABSENT, .number = scan_command_thread(t->command_raw), .section = ABSENT};
    bool ok = scan_table(t, &r.loss, kstack_take_line, &r, err) && kstack_flush(&r, err);
    if (ok) {
        if (r.nameless)
            transcript_lacks(t, r.nameless,
                             "native stacks of threads that are not named, left out");
        if (r.too_deep)
            builder_warn(t->b, ABSENT, "native stacks deeper than %u frames were cut", FRAMES_MAX);
        scan_loss_report(t, &r.loss);
        /* A dump numbers its threads without a gap. */
        if (r.threads <= 1 || r.last + 1 != r.threads)
            transcript_picked(t);
        if (r.threads == 0 && r.stacks == 0)
            transcript_hollow(t, "k: the heading of a stack without frames");
    }
    free(r.frames);
    return ok;
}

static bool kstack_starts(const struct transcript *t) {
    struct str text = t->line.text;
    struct thread_line line;
    char c = str_first(text);
    if (c == 'C' || c == '#')
        if (kstack_is_heading(text))
            return true;
    if (!(c == '.' || c == '#' || char_is_digit(c)) ||
        !str_contains(str_take(text, 64), STR("d: ")))
        return false;
    return kstack_parse_thread(text, &line);
}

const struct section section_kstack = {
    .name = "k",
    .summary = "k, kb, kn, ~*k, ~: native stacks and thread names (WinDbg)",
    .may_give = PART_BIT(PART_THREADS),
    .lossy_parts = PART_BIT(PART_THREADS),
    .lossy = ASPECT_NATIVE_FRAMES,
    .open_parts = PART_BIT(PART_THREADS),
    .starts = kstack_starts,
    .read = kstack_read,
};
