/*
 * `pstacks`, `parallelstacks`: stacks of all managed threads, merged where they are equal.
 *
 *     ________________________________________________
 *         ~~~~ 5c1,5c2
 *            2 System.Threading.Monitor.Enter(Object, Boolean ByRef)
 *            2 Shop.Till.Open()
 *         ~~~~ 5c9
 *            1 System.Threading.Thread.Sleep(Int32)
 *       3 System.Threading.Tasks.Task.InnerInvoke()
 *       3 System.Threading.ThreadPoolWorkQueue.Dispatch()
 *     ==> 3 threads with 1 roots
 *
 * Frames further to the left belong to all branches above them that stand further to the right. Of
 * many threads with one stack only some ids are printed, and "...".
 *
 * Source: ParallelStacks.Runtime of dotnet/diagnostics.
 */
#include "base/chars.h"
#include "base/vec.h"
#include "input/log/thread_dump.h"
#include "model/rows_threads.h"

#include <stdlib.h>

/* Frames kept of one log: more threads with deeper stacks than any process has. */
#define STORED_MAX 4000000u
#define NO_NODE    UINT32_MAX

/* Frames that the same threads have in a row, innermost first, and what called them. */
struct node {
    struct str ids; /* "5c1,5c2" of one that begins a branch; else empty */
    uint32_t first, count;
    uint32_t column; /* of its frames; UINT32_MAX: none so far */
    uint32_t caller; /* NO_NODE: none so far */
};

struct pstacks_reading {
    struct thread_dump d;
    struct node *nodes;
    uint32_t node_count, node_capacity;
    struct str *frames;
    uint32_t frame_count, frame_capacity;
    uint32_t *open; /* nodes without caller, from left to right */
    uint32_t open_count, open_capacity;
    uint64_t told, total, stored;
};

/* "~~~~ 5c1,5c2..." */
static bool pstacks_parse_ids(struct str text, struct str *ret_ids) {
    if (!str_starts(text, STR("~~~~")))
        return false;
    *ret_ids = str_trim(str_drop(text, 4));
    return char_is_hex(str_first(*ret_ids));
}

/* "2 System.Threading.Monitor.Enter(Object, Boolean ByRef)" */
static bool pstacks_parse_frame(struct str text, struct str *ret_frame) {
    uint64_t count;
    struct str number = str_next_field(&text);
    *ret_frame = str_trim(text);
    return num_dec(number, &count) && count && ret_frame->len > 2 &&
           (str_ends(*ret_frame, STR(")")) || str_contains(*ret_frame, STR(".")));
}

static bool pstacks_is_rule(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '_')
            return false;
    return text.len >= 8;
}

/* "==> 3 threads with 1 roots" */
static bool pstacks_parse_total(struct str text, uint64_t *ret_total) {
    if (!str_starts(text, STR("==> ")) || !str_contains(text, STR("thread")))
        return false;
    text = str_drop(text, 4);
    return num_dec(str_next_field(&text), ret_total);
}

/* Where the text stands in its line; quoting counts, too, as long as it is the same everywhere. */
static uint32_t pstacks_column(const struct line *line) {
    size_t at = str_find(line->raw, str_take(line->text, 32), 0);
    return at == STR_NOT_FOUND || at > 100000 ? 0 : (uint32_t)at;
}

/* -- Blocks ------------------------------------------------------------------------------------ */

static bool pstacks_store_thread(struct pstacks_reading *r, uint32_t node, uint64_t os_id,
                                 struct err *err) {
    struct thread_row *row = builder_thread(r->d.t->b, os_id, ABSENT, err);
    if (!row || row->frames.count) /* clrstack tells more of it: full names */
        return row != NULL;
    for (uint32_t at = node; at != NO_NODE && r->stored < STORED_MAX; at = r->nodes[at].caller)
        for (uint32_t i = 0; i < r->nodes[at].count && r->stored < STORED_MAX; i++, r->stored++)
            if (!thread_dump_push(&r->d, r->frames[r->nodes[at].first + i], err))
                return false;
    r->d.too_deep = r->d.too_deep || r->stored == STORED_MAX;
    return thread_dump_store(&r->d, &row->frames, err);
}

static bool pstacks_flush(struct pstacks_reading *r, struct err *err) {
    for (uint32_t i = 0; i < r->node_count; i++) {
        struct str ids = r->nodes[i].ids;
        while (ids.len) {
            size_t n = 0;
            while (n < ids.len && char_is_hex(ids.ptr[n]))
                n++;
            uint64_t id;
            if (num_hex(str_take(ids, n), &id) && id && id < UINT32_MAX) {
                r->told++;
                if (!pstacks_store_thread(r, i, id, err))
                    return false;
            }
            ids = str_drop(ids, n ? n : 1);
        }
    }
    r->node_count = r->frame_count = r->open_count = 0;
    return true;
}

static bool pstacks_open(struct pstacks_reading *r, struct str ids, uint32_t column,
                         struct err *err) {
    if (!VEC_ROOM(r->nodes, r->node_count, r->node_capacity, err) ||
        !VEC_ROOM(r->open, r->open_count, r->open_capacity, err))
        return false;
    r->open[r->open_count++] = r->node_count;
    r->nodes[r->node_count++] = (struct node){ids, r->frame_count, 0, column, NO_NODE};
    return true;
}

/* Adds the frame to what goes on in its column, or else calls all that stands to its right. */
static bool pstacks_add_frame(struct pstacks_reading *r, struct str frame, uint32_t column,
                              struct err *err) {
    struct node *last = &r->nodes[r->open[r->open_count - 1]];
    if (!VEC_ROOM(r->frames, r->frame_count, r->frame_capacity, err))
        return false;
    if (last->column == UINT32_MAX)
        last->column = column;
    if (last->column != column) {
        uint32_t caller = r->node_count;
        while (r->open_count && r->nodes[r->open[r->open_count - 1]].column > column)
            r->nodes[r->open[--r->open_count]].caller = caller;
        if (!pstacks_open(r, STR(""), column, err))
            return false;
        last = &r->nodes[r->node_count - 1];
    }
    r->frames[r->frame_count++] = frame;
    last->count++;
    return true;
}

/* -- Section ----------------------------------------------------------------------------------- */

static bool pstacks_take_line(void *context, bool *ret_mine, struct err *err) {
    struct pstacks_reading *r = context;
    struct transcript *t = r->d.t;
    struct str text = t->line.text, value;
    uint64_t total;
    *ret_mine = true;
    if (pstacks_is_rule(text))
        return pstacks_flush(r, err);
    if (pstacks_parse_ids(text, &value))
        return pstacks_open(r, value, UINT32_MAX, err);
    if (pstacks_parse_total(text, &total)) {
        r->total = total;
        return pstacks_flush(r, err);
    }
    if (r->open_count && pstacks_parse_frame(text, &value))
        return pstacks_add_frame(r, value, pstacks_column(&t->line), err);
    *ret_mine = str_eq(text, STR("`"));
    return true;
}

static bool pstacks_read(struct transcript *t, struct err *err) {
    struct pstacks_reading r = {.total = ABSENT};
    thread_dump_init(&r.d, t);
    bool ok = scan_table(t, &r.d.loss, pstacks_take_line, &r, err) && pstacks_flush(&r, err);
    if (ok) {
        if (r.total != ABSENT && r.total > r.told)
            transcript_lacks(t, r.total - r.told, "pstacks: threads whose ids are not printed");
        if (r.total == ABSENT) /* "==> 4 threads with 2 roots" */
            builder_lacks(t->b, PART_BIT(PART_THREADS), ASPECT_ROWS, ABSENT,
                          "pstacks: the text ends before its number of threads");
        if (r.total != ABSENT && r.total <= r.told)
            transcript_ended(t);
        thread_dump_report(&r.d);
        if (!r.told)
            transcript_hollow(t, "pstacks: no thread in it");
    }
    thread_dump_deinit(&r.d);
    free(r.nodes);
    free(r.frames);
    free(r.open);
    return ok;
}

static bool pstacks_starts(const struct transcript *t) {
    struct str text = t->line.text, ids;
    struct line next;
    if (str_first(text) == '~')
        return pstacks_parse_ids(text, &ids);
    if (str_first(text) != '_' || !pstacks_is_rule(text))
        return false;
    for (unsigned i = 1; i < 4 && transcript_peek(t, i, &next); i++)
        if (next.text.len)
            return pstacks_parse_ids(next.text, &ids);
    return false;
}

const struct section section_pstacks = {
    .name = "pstacks",
    .summary = "pstacks, parallelstacks: managed stacks, merged where they are equal",
    .may_give = PART_BIT(PART_THREADS) | PART_BIT(PART_FINALIZER),
    .lossy_parts = PART_BIT(PART_THREADS),
    .lossy = ASPECT_FRAMES,
    .open_parts = PART_BIT(PART_THREADS),
    .starts = pstacks_starts,
    .read = pstacks_read,
};
