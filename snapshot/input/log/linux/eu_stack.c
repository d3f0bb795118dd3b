/*
 * Stacks of elfutils: eu-stack (-m, -s, -v).
 *
 *     PID 4710 - process
 *     TID 4711:
 *     #0  0x00007f360fc8712b __lll_lock_wait - /usr/lib/libc.so.6
 *         ./nptl/lowlevellock.c:49:12
 *     #1  0x0000561c639b81cb take
 *     eu-stack: dwfl_thread_getframes tid 4711 at 0x561c in [exe]: No DWARF information found
 *
 * Source: stack.c of elfutils.
 */
#include "input/log/linux/native_frame.h"

#include "base/hash.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"

struct eu_reading {
    struct thread_dump d;
    uint64_t os_id;
    struct native_wait wait;
    uint64_t cut;
};

/* "TID 4711:", "PID 4710 - process" */
static bool eu_parse_id(struct str text, struct str label, uint64_t *ret_id, struct str *ret_rest) {
    if (!str_starts(text, label))
        return false;
    struct str rest = str_drop(text, label.len), id = str_next_field(&rest);
    *ret_rest = str_trim(rest);
    if (str_ends(id, STR(":")))
        id = str_take(id, id.len - 1);
    return num_dec(id, ret_id) && *ret_id && *ret_id < UINT32_MAX;
}

/* "0x00007f12 take - /opt/till" */
static bool eu_frame(struct str text, struct native_frame *ret_frame) {
    struct native_frame frame = {.function = {NULL, 0}};
    struct str address = str_next_field(&text);
    text = str_trim(text);
    if (!str_starts(address, STR("0x")))
        return false;
    if (str_eq(text, STR("- 1")) || str_starts(text, STR("- 1 "))) /* -a: behind a call */
        text = str_trim(str_drop(text, 3));
    size_t dash = str_find(text, STR(" - /"), 0);
    if (dash == STR_NOT_FOUND && (str_starts(text, STR("- ")) || str_contains(text, STR(" - ["))))
        dash = str_find(text, STR("- "), 0) ? str_find(text, STR(" - ["), 0) : 0;
    frame.function = str_take(text, dash);
    if (dash != STR_NOT_FOUND)
        frame.module = str_trim(str_drop(text, dash + 2));
    frame.function = str_trim(frame.function);
    *ret_frame = frame;
    return true;
}

static bool eu_flush(struct eu_reading *r, struct err *err) {
    bool ok = true;
    if (r->os_id != ABSENT && r->d.wanted) {
        struct thread_row *row = builder_thread(r->d.t->b, r->os_id, ABSENT, err);
        ok = row && native_stack_store(&r->d, row, &r->wait, err);
    }
    r->os_id = ABSENT;
    r->d.count = 0;
    r->wait = (struct native_wait){.address = ABSENT};
    return ok;
}

static bool eu_take_line(void *context, bool *ret_mine, struct err *err) {
    struct eu_reading *r = context;
    struct builder *b = r->d.t->b;
    struct str text = r->d.t->line.text, rest = text;
    struct native_frame frame;
    uint64_t id;
    *ret_mine = true;
    if (eu_parse_id(text, STR("PID "), &id, &rest)) {
        struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
        if (!origin)
            return false;
        builder_say(b, &origin->pid, id, "the process id");
        return eu_flush(r, err);
    }
    if (eu_parse_id(text, STR("TID "), &id, &rest)) {
        if (!eu_flush(r, err))
            return false;
        r->os_id = id;
        return thread_dump_thread(&r->d, key_with(7, id), err);
    }
    rest = text;
    if (native_take_number(&rest, &id) && eu_frame(rest, &frame)) {
        native_wait_add(&r->wait, &frame);
        struct str name = native_frame_name(b, &frame, err);
        return name.ptr && thread_dump_push(&r->d, name, err);
    }
    if (str_starts(text, STR("eu-stack: ")) || str_starts(text, STR("stack: "))) {
        r->cut++;
        return true;
    }
    /* "./nptl/lowlevellock.c:49:12" below the frame that it is of */
    *ret_mine = r->d.count && str_contains(text, STR(":")) && !str_contains(text, STR(" "));
    return true;
}

static bool eu_read(struct transcript *t, struct err *err) {
    struct eu_reading r = {.os_id = ABSENT, .wait = {.address = ABSENT}};
    thread_dump_init(&r.d, t);
    bool ok = scan_table(t, &r.d.loss, eu_take_line, &r, err) && eu_flush(&r, err);
    if (ok && r.d.wanted) {
        if (r.cut)
            transcript_lacks(t, r.cut, "eu-stack: stacks that end before their first caller");
        if (r.d.threads <= 1)
            transcript_picked(t);
        thread_dump_report(&r.d);
    }
    if (ok && !r.d.threads)
        transcript_hollow(t, "the heading of a process without threads");
    thread_dump_deinit(&r.d);
    return ok;
}

static bool eu_starts(const struct transcript *t) {
    struct str text = t->line.text, rest;
    uint64_t id;
    if (str_first(text) == 'P')
        return eu_parse_id(text, STR("PID "), &id, &rest) &&
               (str_eq(rest, STR("- process")) || str_eq(rest, STR("- core")));
    return str_first(text) == 'T' && str_ends(text, STR(":")) &&
           eu_parse_id(text, STR("TID "), &id, &rest) && !rest.len;
}

const struct section section_eu_stack = {
    .name = "eu-stack",
    .summary = "eu-stack (-m, -s): native stacks (elfutils)",
    .may_give = PART_BIT(PART_THREADS) | PART_BIT(PART_LOCKS),
    .lossy_parts = PART_BIT(PART_THREADS),
    .lossy = ASPECT_NATIVE_FRAMES,
    .open_parts = PART_BIT(PART_THREADS),
    .starts = eu_starts,
    .read = eu_read,
};
