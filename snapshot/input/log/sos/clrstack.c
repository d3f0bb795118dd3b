/*
 * `!clrstack` of one or all threads (`~*e !clrstack`, `clrstack -all`): managed frames.
 *
 *     OS Thread Id: 0x5634 (28)                          -all on Linux prints no "(28)"
 *             Child SP               IP Call Site        x86, .NET 2: ESP       EIP
 *     000000c5 00007ff8 [HelperMethodFrame_1OBJ: 000000c5] System.Threading.Monitor.Wait(...)
 *     000000c6 00007ff8 Ns.Type.Method(Args) [d:\src\file.cs @ 203]
 *         PARAMETERS:
 *             this (0x000000c5) = 0x0000017c
 *
 * With -f native frames stand between them ("libcoreclr.so!CallDescrWorkerInternal + 124"), managed
 * ones have their module in front, and those in brackets no instruction pointer.
 *
 * Frames of the runtime itself stand in brackets: what is behind them is the method they were put
 * up for, and is kept once; bare ones ("[GCFrame: ...]") are not frames of the program.
 * Symbol warnings ("*** WARNING: ...") can be spliced into a frame, whose call site then stands on
 * the next line; long call sites can be wrapped.
 */
#include "input/log/scan.h"

#include "base/chars.h"
#include "base/num.h"
#include "base/vec.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>

/* Deeper stacks are cut, and warned about. */
#define FRAMES_MAX 100000u
/* Lines that one call site may be wrapped onto. */
#define WRAPPED_MAX 4u

struct reading {
    struct transcript *t;
    uint64_t os_id;  /* thread of the stack that is read; ABSENT: not said */
    uint64_t number; /* the debugger's; ABSENT: not said */
    struct str *frames;
    uint32_t count, capacity;
    struct str *native; /* of clrstack -f */
    uint32_t native_count, native_capacity;
    bool bare;          /* no heading: a continuation that was posted without its thread */
    bool call_site_due; /* addresses were read, the call site is on a later line */
    bool in_variables;  /* inside PARAMETERS: or LOCALS: */
    bool too_deep;
    unsigned wrapped; /* lines added to the last frame */
    uint64_t stacks, nameless, failed, cut;
    uint64_t addressless; /* [count] frames that lost their addresses */
    struct scan_loss loss;
};

/* -- Lines ------------------------------------------------------------------------------------- */

/* "OS Thread Id: 0x5634 (28)" */
static bool clrstack_parse_thread(struct str text, uint64_t *ret_os_id, uint64_t *ret_number) {
    struct str value;
    if (!scan_labelled(text, "OS Thread Id", &value))
        return false;
    struct str id = str_next_field(&value), number = str_trim(value);
    *ret_number = ABSENT;
    if (!num_hex(id, ret_os_id) || *ret_os_id == 0 || *ret_os_id > UINT32_MAX)
        return false;
    if (str_starts(number, STR("(")) && str_ends(number, STR(")")) &&
        !num_dec(str_drop(str_take(number, number.len - 1), 1), ret_number))
        *ret_number = ABSENT;
    return true;
}

static bool clrstack_is_heading(struct str text) {
    struct str f[5], rest;
    size_t n = scan_fields(str_take(text, 80), f, 5, &rest);
    if (n == 5 && str_eq(f[0], STR("Child")) && str_eq(f[1], STR("SP")) && str_eq(f[2], STR("IP")))
        return str_eq(f[3], STR("Call")) && str_eq(f[4], STR("Site"));
    return n >= 2 && str_eq(f[0], STR("ESP")) && str_eq(f[1], STR("EIP"));
}

/* Two addresses, then the call site; helper frames of -f have but one. */
static bool clrstack_parse_frame(struct str text, struct str *ret_site) {
    struct str f[2];
    char c = text.len ? str_first(text) : 'x';
    if (!char_is_hex(c))
        return false;
    if (scan_fields(text, f, 1, ret_site) == 1 && scan_is_address(f[0]) &&
        str_starts(*ret_site, STR("[")))
        return true;
    return scan_fields(text, f, 2, ret_site) == 2 && scan_is_address(f[0]) && scan_is_address(f[1]);
}

/* "Ns.Type.Method(Args)", perhaps with its source: a frame that lost its addresses. */
static bool clrstack_is_bare_site(struct str text) {
    struct str site = scan_without_source(text);
    size_t open = str_find(site, STR("("), 0);
    return open != STR_NOT_FOUND && open > 2 && str_ends(site, STR(")")) &&
           str_contains(str_take(site, open), STR(".")) &&
           !str_contains(str_take(site, open), STR(" ")) && !str_contains(site, STR(". "));
}

/* "libcoreclr.so!MethodTable::RunClassInitEx(Object**) + 388": no type of .NET in front of it. */
static bool is_native_site(struct str site) {
    size_t bang = str_find(site, STR("!"), 0), open = str_find(site, STR("("), 0);
    if (bang == STR_NOT_FOUND || (open != STR_NOT_FOUND && open < bang))
        return false;
    struct str name = str_drop(str_take(site, open), bang + 1);
    return str_contains(name, STR("::")) || !str_contains(name, STR("."));
}

static bool is_symbol_warning(struct str text) {
    return str_starts(text, STR("*** WARNING")) || str_starts(text, STR("*** ERROR")) ||
           str_starts(text, STR("WARNING: "));
}

/* What SOS says of threads without managed code: no frames, and nothing is missing. */
static bool is_unmanaged(struct str text) {
    static const struct str lines[] = {
        {"Unable to walk the managed stack", 32},
        {"managed thread. You can run", 27},
        {"the process", 11},
        {"Failed to start stack walk", 26},
        {"Not a managed thread", 20},
        {"Thread is not managed", 21},
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        if (str_starts(text, lines[i]))
            return true;
    return false;
}

/* -- One stack --------------------------------------------------------------------------------- */

static bool clrstack_push(struct reading *r, struct str frame, struct err *err) {
    if (r->count == FRAMES_MAX) {
        r->too_deep = true;
        return true;
    }
    if (!VEC_ROOM(r->frames, r->count, r->capacity, err))
        return false;
    r->frames[r->count++] = frame;
    r->wrapped = 0;
    return true;
}

/* "[Kind: address] Method(Args)" gives the method, "[Kind: address]" nothing. */
static struct str behind_bracket(struct str site) {
    size_t close = str_find(site, STR("]"), 0);
    return close == STR_NOT_FOUND ? STR("") : str_trim(str_drop(site, close + 1));
}

static bool add_site(struct reading *r, struct str site, struct err *err) {
    size_t warning = str_find(site, STR("*** "), 0);
    r->call_site_due = warning != STR_NOT_FOUND;
    if (r->call_site_due)
        site = str_trim(str_take(site, warning));
    bool helper = str_starts(site, STR("["));
    if (helper)
        site = behind_bracket(site);
    site = scan_without_source(site);
    if (site.len == 0)
        return true;
    r->call_site_due = false;
    if (!helper && is_native_site(site)) {
        if (r->native_count < FRAMES_MAX) {
            if (!VEC_ROOM(r->native, r->native_count, r->native_capacity, err))
                return false;
            r->native[r->native_count++] = site;
        }
        return true;
    }
    size_t bang = str_find(site, STR("!"), 0);
    if (!helper && bang != STR_NOT_FOUND && bang < str_find(site, STR("("), 0))
        site = str_drop(site, bang + 1); /* the module of clrstack -f */
    /* Runtime frames come in pairs for one call. */
    if (helper && r->count && str_eq(r->frames[r->count - 1], site))
        return true;
    return clrstack_push(r, site, err);
}

/* Brackets that are still open at the end of a frame: it goes on in the next line. */
static bool is_unfinished(struct str frame) {
    size_t open = 0;
    for (size_t i = 0; i < frame.len; i++) {
        open += frame.ptr[i] == '(';
        open -= frame.ptr[i] == ')' && open > 0;
    }
    return open > 0;
}

/* Is the line the rest of the last frame's arguments? */
static bool clrstack_goes_on(const struct reading *r, struct str text) {
    return r->count && r->wrapped < WRAPPED_MAX && text.len < 4096 &&
           (str_ends(text, STR(")")) || str_ends(text, STR("]")) || str_ends(text, STR(","))) &&
           is_unfinished(r->frames[r->count - 1]);
}

static bool add_wrapped(struct reading *r, struct str more, struct err *err) {
    struct str *last = &r->frames[r->count - 1];
    struct strbuf joined;
    strbuf_init(&joined);
    strbuf_add(&joined, *last);
    strbuf_addc(&joined, ' ');
    strbuf_add(&joined, more);
    const char *copy = NULL;
    if (strbuf_ok(&joined, err))
        copy = builder_string(r->t->b, scan_without_source(strbuf_str(&joined)), err);
    strbuf_deinit(&joined);
    if (!copy)
        return false;
    *last = str_of(copy);
    r->wrapped++;
    return true;
}

static bool clrstack_store(struct reading *r, struct err *err) {
    struct builder *b = r->t->b;
    struct thread_row *thread = r->os_id == ABSENT ? builder_row(b, PART_THREADS, err)
                                                   : builder_thread(b, r->os_id, ABSENT, err);
    if (thread && r->native_count && !thread->native_frames.count &&
        !builder_strings(b, r->native, r->native_count, &thread->native_frames, err))
        return false;
    if (!thread || (r->number != ABSENT && !builder_thread_number(b, thread, r->number, err)))
        return false;
    if (r->count == 0)
        return true;
    struct strings frames;
    if (!builder_strings(b, r->frames, r->count, &frames, err))
        return false;
    if (thread->frames.count == 0)
        thread->frames = frames;
    else if (!strings_equal(&thread->frames, &frames))
        r->loss.differ++;
    return true;
}

/* The stack is complete: files it under its thread. */
static bool clrstack_flush(struct reading *r, struct err *err) {
    bool ok = true;
    if (r->os_id != ABSENT || (r->bare && r->count))
        ok = clrstack_store(r, err);
    else
        r->nameless += r->count > 0;
    r->bare = false;
    r->native_count = 0;
    r->stacks += r->os_id != ABSENT || r->count > 0;
    r->cut += r->call_site_due;
    for (uint32_t i = 0; i < r->count; i++)
        r->cut += is_unfinished(r->frames[i]);
    r->count = 0;
    r->os_id = r->number = ABSENT;
    r->call_site_due = r->in_variables = false;
    return ok;
}

/* -- Section ----------------------------------------------------------------------------------- */

/* Takes the line into the stack; *ret_mine is false when it belongs to something else. */
static bool clrstack_take_line(void *context, bool *ret_mine, struct err *err) {
    struct reading *r = context;
    struct str text = r->t->line.text, site, command;
    uint64_t os_id, number;
    *ret_mine = true;
    if (clrstack_parse_thread(text, &os_id, &number)) {
        if (!clrstack_flush(r, err))
            return false;
        r->os_id = os_id;
        r->number = number;
        return true;
    }
    if (clrstack_is_heading(text)) /* without a thread id in front when that was cut off */
        return r->count == 0 || clrstack_flush(r, err);
    if (clrstack_parse_frame(text, &site)) {
        r->in_variables = false;
        r->cut += r->call_site_due;
        return add_site(r, site, err);
    }
    if (is_symbol_warning(text) || is_unmanaged(text))
        return true;
    if (str_starts(text, STR("GetFrameContext failed"))) {
        r->failed++;
        return true;
    }
    if (str_eq(text, STR("PARAMETERS:")) || str_eq(text, STR("LOCALS:"))) {
        r->in_variables = true;
        return true;
    }
    if (r->in_variables && (str_contains(text, STR("=")) || str_starts(text, STR("<no data>"))))
        return true;
    *ret_mine = false;
    if (transcript_is_command(&r->t->line, &command) || str_first(text) == '{')
        return true;
    if ((r->count || r->os_id != ABSENT) && clrstack_is_bare_site(text) && !r->call_site_due) {
        *ret_mine = true;
        r->addressless++;
        return add_site(r, text, err);
    }
    if (r->call_site_due) {
        *ret_mine = true;
        return add_site(r, text, err);
    }
    if (clrstack_goes_on(r, text)) {
        *ret_mine = true;
        return add_wrapped(r, text, err);
    }
    return true;
}

static void clrstack_report(struct reading *r) {
    struct builder *b = r->t->b;
    if (r->nameless)
        transcript_lacks(r->t, r->nameless,
                         "clrstack: stacks whose thread id was cut off, left out");
    if (r->failed)
        transcript_lacks(r->t, r->failed, "clrstack: stacks that the debugger could not walk");
    if (r->addressless)
        builder_note(b, "clrstack: %" PRIu64 " frames had lost their addresses", r->addressless);
    if (r->cut)
        transcript_lacks(r->t, r->cut, "clrstack: frames without a whole call site");
    if (r->too_deep)
        builder_warn(b, ABSENT, "clrstack: stacks deeper than %u frames were cut", FRAMES_MAX);
    scan_loss_report(r->t, &r->loss);
}

static bool clrstack_read(struct transcript *t, struct err *err) {
    struct reading r = {.t = t, .os_id = ABSENT, .number = ABSENT};
    struct str site;
    r.bare = clrstack_parse_frame(t->line.text, &site);
    bool bare = r.bare;
    bool ok = scan_table(t, &r.loss, clrstack_take_line, &r, err) && clrstack_flush(&r, err);
    if (ok) {
        clrstack_report(&r);
        if (r.stacks <= 1)
            transcript_picked(t);
        if (bare)
            transcript_lacks(t, 1, "clrstack: stacks whose thread was not posted");
        if (r.stacks == 0)
            transcript_hollow(t, "clrstack: a heading without frames");
    }
    free(r.frames);
    free(r.native);
    return ok;
}

static bool clrstack_starts(const struct transcript *t) {
    struct str text = t->line.text;
    uint64_t os_id, number;
    char c = str_first(text);
    if (c == 'O' || c == 'o')
        return clrstack_parse_thread(text, &os_id, &number);
    if ((c == 'C' || c == 'E') && clrstack_is_heading(text))
        return true;
    /* The rest of `clrstack -f`: no other command prints a module and a distance behind two
     * addresses with blanks around the plus. */
    struct str site, rest = text;
    struct str first = char_is_hex(c) ? str_next_field(&rest) : STR("");
    return first.len == 16 && clrstack_parse_frame(text, &site) &&
           str_contains(str_take(site, 1024), STR("!")) &&
           str_contains(str_take(site, 1024), STR(" + "));
}

const struct section section_clrstack = {
    .name = "clrstack",
    .summary = "!clrstack, ~*e !clrstack, clrstack -all: managed stacks",
    .may_give = PART_BIT(PART_THREADS) | PART_BIT(PART_FINALIZER),
    .lossy_parts = PART_BIT(PART_THREADS),
    .lossy = ASPECT_FRAMES,
    .open_parts = PART_BIT(PART_THREADS),
    .starts = clrstack_starts,
    .read = clrstack_read,
};
