/*
 * `dotnet-stack report`: managed stacks of a running process.
 *
 *     Thread (0x48839B):
 *       [Native Frames]
 *       System.Private.CoreLib!System.Threading.WaitHandle.WaitOneNoCheck(int32)
 *       Shop!Shop.Till.Open(class System.String)
 *
 * Source: ReportCommand.cs of dotnet-stack.
 */
#include "base/hash.h"
#include "input/log/thread_dump.h"
#include "model/rows_threads.h"

struct report_reading {
    struct thread_dump d;
    uint64_t os_id;
};

/* "Thread (0x48839B):" */
static bool report_parse_thread(struct str text, uint64_t *ret_os_id) {
    if (!str_starts(text, STR("Thread (0x")) || !str_ends(text, STR("):")))
        return false;
    return num_hex(str_drop(str_take(text, text.len - 2), 8), ret_os_id) && *ret_os_id &&
           *ret_os_id < UINT32_MAX;
}

static bool report_flush(struct report_reading *r, struct err *err) {
    bool ok = true;
    if (r->os_id != ABSENT && r->d.wanted) {
        struct thread_row *row = builder_thread(r->d.t->b, r->os_id, ABSENT, err);
        ok = row && thread_dump_store(&r->d, &row->frames, err);
    }
    r->os_id = ABSENT;
    r->d.count = 0;
    return ok;
}

/* "Module!Ns.Type.Method(class Arg)", without the generics' "!!0" in front. */
static bool report_is_frame(struct str text) {
    size_t bang = str_find(str_take(text, 1024), STR("!"), 0);
    return bang != STR_NOT_FOUND && bang > 0 && !str_contains(str_take(text, bang), STR(" ")) &&
           (str_ends(text, STR(")")) || str_contains(str_drop(text, bang), STR("(")));
}

static bool report_take_line(void *context, bool *ret_mine, struct err *err) {
    struct report_reading *r = context;
    struct str text = r->d.t->line.text;
    uint64_t os_id;
    *ret_mine = true;
    if (report_parse_thread(text, &os_id)) {
        if (!report_flush(r, err))
            return false;
        r->os_id = os_id;
        return thread_dump_thread(&r->d, key_with(10, os_id), err);
    }
    if (r->os_id != ABSENT && str_starts(text, STR("[Native Frames]")))
        return true;
    if (r->os_id != ABSENT && report_is_frame(text))
        return thread_dump_push(&r->d, str_drop(text, str_find(text, STR("!"), 0) + 1), err);
    *ret_mine = false;
    return true;
}

static bool report_read(struct transcript *t, struct err *err) {
    struct report_reading r = {.os_id = ABSENT};
    thread_dump_init(&r.d, t);
    bool ok = scan_table(t, &r.d.loss, report_take_line, &r, err) && report_flush(&r, err);
    if (ok && r.d.wanted)
        thread_dump_report(&r.d);
    thread_dump_deinit(&r.d);
    return ok;
}

static bool report_starts(const struct transcript *t) {
    uint64_t os_id;
    return str_first(t->line.text) == 'T' && report_parse_thread(t->line.text, &os_id);
}

const struct section section_dotnet_stack = {
    .name = "dotnet-stack",
    .summary = "dotnet-stack report: managed stacks of a running process",
    .may_give = PART_BIT(PART_THREADS) | PART_BIT(PART_FINALIZER),
    .lossy_parts = PART_BIT(PART_THREADS),
    .lossy = ASPECT_FRAMES,
    .open_parts = PART_BIT(PART_THREADS),
    .starts = report_starts,
    .read = report_read,
};
