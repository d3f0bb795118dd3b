/*
 * The window "Call Stack" of Visual Studio, copied: columns are set apart by tabs.
 *
 *     >   Till.dll!Shop.Till.Open(string name) Line 156  C#
 *         [Managed to Native Transition]
 *         ntdll.dll!00007ff9df400d24()    Unknown
 *
 * Each run of such lines is the stack of one thread. Its name is the line above, if that ends in a
 * colon ("Main thread:"); else nothing says whose it is.
 */
#include "base/hash.h"
#include "base/vec.h"
#include "input/log/thread_dump.h"
#include "model/rows_threads.h"

#include <stdlib.h>

struct vs_reading {
    struct thread_dump d; /* managed frames */
    struct str *native;
    uint32_t native_count, native_capacity;
    struct str name;
};

/* The language at the end, behind a tab; empty: there is none. */
static struct str vs_language(struct str text) {
    static const char *const languages[] = {
        "C#", "C++", "C", "F#", "Basic", "Unknown", "Annotated Frame"};
    struct str last = str_trim(str_behind_last(text, '\t'));
    if (last.len == text.len)
        return STR("");
    /* The name of a function may stand where a language should. */
    return STR_IS_ONE_OF(last, languages) || str_contains(text, STR("()\t")) ? last : STR("");
}

/* "Till.dll!Shop.Till.Open(string name) Line 156	C#" */
static bool vs_parse_frame(struct str text, struct str *ret_frame, bool *ret_managed) {
    size_t bang = str_find(str_take(text, 260), STR("!"), 0);
    struct str language = vs_language(text);
    if (bang == STR_NOT_FOUND || !language.len || str_contains(str_take(text, bang), STR(" ")))
        return false;
    size_t tab = str_find(text, STR("\t"), 0), line = str_find(text, STR(") Line "), 0);
    text = str_take(text, tab);
    if (line != STR_NOT_FOUND && line < text.len)
        text = str_take(text, line + 1);
    *ret_managed = str_eq(language, STR("C#")) || str_eq(language, STR("F#")) ||
                   str_eq(language, STR("Basic"));
    *ret_frame = *ret_managed ? str_drop(text, bang + 1) : text;
    return ret_frame->len > 0;
}

static bool vs_take_line(void *context, bool *ret_mine, struct err *err) {
    struct vs_reading *r = context;
    struct str text = r->d.t->line.text, frame;
    bool managed;
    *ret_mine = str_starts(text, STR("[Managed to Native Transition]")) ||
                str_starts(text, STR("[Native to Managed Transition]")) ||
                str_starts(text, STR("[External Code]"));
    if (*ret_mine || !vs_parse_frame(text, &frame, &managed))
        return true;
    *ret_mine = true;
    if (managed)
        return thread_dump_push(&r->d, frame, err);
    if (r->native_count == DUMP_FRAMES_MAX)
        return true;
    if (!VEC_ROOM(r->native, r->native_count, r->native_capacity, err))
        return false;
    r->native[r->native_count++] = frame;
    return true;
}

static bool vs_store(struct vs_reading *r, struct err *err) {
    struct builder *b = r->d.t->b;
    struct thread_row *row =
        r->name.len ? thread_dump_named(b, r->name, err) : builder_row(b, PART_THREADS, err);
    return row && thread_dump_store(&r->d, &row->frames, err) &&
           (row->native_frames.count || !r->native_count ||
            builder_strings(b, r->native, r->native_count, &row->native_frames, err));
}

static bool vs_read(struct transcript *t, struct err *err) {
    struct vs_reading r = {.name = STR("")};
    thread_dump_init(&r.d, t);
    if (str_ends(t->line.text, STR(":"))) {
        r.name = str_take(t->line.text, t->line.text.len - 1);
        transcript_next(t);
    }
    bool ok = scan_table(t, &r.d.loss, vs_take_line, &r, err) && vs_store(&r, err);
    if (ok && !r.name.len)
        transcript_lacks(t, 1, "stacks of Visual Studio that do not say of which thread");
    if (ok && r.d.threads <= 1)
        transcript_picked(t);
    if (ok)
        thread_dump_report(&r.d);
    thread_dump_deinit(&r.d);
    free(r.native);
    return ok;
}

static bool vs_starts(const struct transcript *t) {
    struct str frame;
    struct line next;
    bool managed;
    if (str_ends(t->line.text, STR(":")) && t->line.text.len < 128)
        return transcript_peek(t, 1, &next) && vs_parse_frame(next.text, &frame, &managed);
    return str_contains(t->line.text, STR("\t")) && vs_parse_frame(t->line.text, &frame, &managed);
}

const struct section section_vs_stacks = {
    .name = "vs-stacks",
    .summary = "the window Call Stack of Visual Studio, copied",
    .may_give = PART_BIT(PART_THREADS),
    .lossy_parts = PART_BIT(PART_THREADS),
    .lossy = ASPECT_FRAMES,
    .open_parts = PART_BIT(PART_THREADS),
    .starts = vs_starts,
    .read = vs_read,
};
