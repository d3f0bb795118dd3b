/*
 * dumpasync: async methods that wait. Older tools print the table of types that dumpheap has, which
 * counts state machines (or tasks) and not the heap: its two sums are kept. Since 6.0 it is
 *
 *   STACK 1                                                         plain
 *   << Awaiting: 7f2d144bc888 7f6d2a6e94e0 System.Runtime.CompilerServices.TaskAwaiter >>
 *   7f2d1464c5e0 7f6d267df2c8 ( ) System.Threading.Tasks.Task<System.String>
 *     7f2d1464c690 7f6d2bb24df8 (0) Till+<WaitForCallback>d__2
 *
 *   STACKS 1                                                        --coalesce
 *   [100] 7f6d267df2c8 System.Threading.Tasks.Task<System.String>
 *     [100] 7f6d2bb24df8 (0) Till+<WaitForCallback>d__2
 *
 *   MT               Count    Type                                  --stats
 *   00007f6d2bb24df8 100      Till+<WaitForCallback>d__2
 *
 * The number in parentheses is the state of a state machine: 0 waits at its first await. What has
 * none there is a task, or another continuation. One that several wait for is in several stacks,
 * and counted once, where addresses tell; --fields lists the fields of each below it.
 */
#include "base/hash.h"
#include "base/num.h"
#include "dotnet/async.h"
#include "input/log/scan.h"
#include "input/log/stat_table.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

struct stacks {
    struct transcript *t;
    struct u64map seen; /* addresses of machines */
    struct scan_loss loss;
    bool keep;
};

/* -- Rows -------------------------------------------------------------------------------------- */

static bool async_add(struct stacks *r, struct str type, uint64_t await, uint64_t objects,
                      struct err *err) {
    struct builder *b = r->t->b;
    if (!r->keep)
        return true;
    uint64_t key = key_with(key_of_bytes(type.ptr, type.len), await);
    struct async_row *row = builder_find(b, PART_ASYNC, key);
    if (row && row->await == await && str_eq(str_of(row->type), type)) {
        row->objects = num_add(row->objects, objects);
        return true;
    }
    row = builder_row(b, PART_ASYNC, err);
    if (!row)
        return false;
    row->type = builder_string(b, type, err);
    row->await = await;
    row->objects = objects;
    row->bytes = ABSENT;
    return row->type && builder_index(b, PART_ASYNC, key, err);
}

/* "(0)": of a state machine, "(-1)" runs; false for "( )" and "()". */
static bool async_state(struct str *rest, uint64_t *ret_await) {
    size_t close = str_find(str_take(*rest, 16), STR(")"), 0);
    uint64_t state;
    if (str_first(*rest) != '(' || close == STR_NOT_FOUND)
        return false;
    struct str inside = str_trim(str_drop(str_take(*rest, close), 1));
    *rest = str_trim(str_drop(*rest, close + 1));
    bool runs = str_starts(inside, STR("-"));
    if (!num_dec(str_drop(inside, runs), &state))
        return false;
    *ret_await = runs ? 0 : num_add(state, 1);
    return true;
}

/* "[100] MT (0) Type" or "ADDRESS MT (0) Type"; *ret_address 0: of so many objects together. */
struct frame {
    uint64_t address, objects, await;
    struct str type;
    bool is_machine;
};

static bool parse_frame(struct str text, struct frame *ret_frame) {
    struct frame f = {.objects = 1, .await = ABSENT};
    struct str rest = text, first = str_next_field(&rest), mt;
    if (str_starts(first, STR("[")) && str_ends(first, STR("]"))) {
        if (!num_grouped(str_drop(str_take(first, first.len - 1), 1), &f.objects))
            return false;
    } else if (!scan_address(first, &f.address)) {
        return false;
    }
    mt = str_next_field(&rest);
    if (!scan_is_address(mt))
        return false;
    rest = str_trim(rest);
    bool has_state = str_first(rest) == '(';
    f.is_machine = async_state(&rest, &f.await);
    f.type = rest;
    *ret_frame = f;
    return rest.len && (has_state || f.address == 0);
}

static bool async_take_frame(struct stacks *r, const struct frame *f, struct err *err) {
    if (!f->is_machine || (f->address && u64map_get(&r->seen, f->address) != STRMAP_NONE))
        return true;
    if (f->address && !u64map_put(&r->seen, f->address, 1))
        return err_nomem(err);
    return async_add(r, f->type, f->await, f->objects, err);
}

/* -- Lines ------------------------------------------------------------------------------------- */

/* "STACK 12", "STACKS 3" */
static bool is_stack_heading(struct str text) {
    uint64_t number;
    struct str rest = text, word = str_next_field(&rest);
    return (str_eq(word, STR("STACK")) || str_eq(word, STR("STACKS"))) &&
           num_dec(str_next_field(&rest), &number) && rest.len == 0;
}

/* "MT  Count  Type" */
static bool is_stats_header(struct str text) {
    return str_eq(str_next_field(&text), STR("MT")) &&
           str_eq(str_next_field(&text), STR("Count")) &&
           str_eq(str_next_field(&text), STR("Type")) && text.len == 0;
}

static bool async_take_line(void *context, bool *ret_mine, struct err *err) {
    struct stacks *r = context;
    struct str text = r->t->line.text, rest = text;
    struct frame frame;
    *ret_mine = true;
    if (parse_frame(text, &frame))
        return async_take_frame(r, &frame, err);
    struct str first = str_next_field(&rest);
    /* Fields of the frame above: their header, or "ADDRESS MT Type Value Name". */
    bool is_field = (str_eq(first, STR("Address")) || scan_is_address(first)) && rest.len;
    *ret_mine = is_field || is_stack_heading(text) || str_starts(text, STR("<< Awaiting:")) ||
                transcript_is_progress(text) || transcript_is_rule(text);
    return true;
}

static bool async_take_stat(void *context, bool *ret_mine, struct err *err) {
    struct stacks *r = context;
    struct str rest = r->t->line.text;
    uint64_t objects;
    *ret_mine = scan_is_address(str_next_field(&rest)) &&
                num_grouped(str_next_field(&rest), &objects) && rest.len;
    return !*ret_mine || async_add(r, str_trim(rest), ABSENT, objects, err);
}

/* -- The section ------------------------------------------------------------------------------- */

static bool has_frame_below(const struct transcript *t) {
    struct transcript scout = transcript_scout(t);
    struct frame frame;
    transcript_next(&scout);
    return transcript_skip_blank(&scout) && (str_starts(scout.line.text, STR("<< Awaiting:")) ||
                                             parse_frame(scout.line.text, &frame));
}

static bool dumpasync_starts(const struct transcript *t) {
    switch (str_first(t->line.text)) {
    case 'M':
        return is_stats_header(t->line.text);
    case 'S':
        if (is_stack_heading(t->line.text))
            return has_frame_below(t);
        break;
    default:
        break;
    }
    return transcript_last_command_is(t, "dumpasync") && stat_table_starts(t);
}

static bool read_stacks(struct transcript *t, bool is_stats, struct err *err) {
    struct stacks r = {.t = t, .keep = !snapshot_has(builder_snapshot(t->b), PART_ASYNC)};
    u64map_init(&r.seen);
    if (r.keep)
        builder_present(t->b, PART_ASYNC);
    transcript_next(t);
    bool ok = scan_table(t, &r.loss, is_stats ? async_take_stat : async_take_line, &r, err);
    scan_loss_report(t, &r.loss);
    u64map_deinit(&r.seen);
    if (ok && r.keep)
        async_sort(t->b);
    transcript_command_done(t);
    return ok;
}

static bool dumpasync_read(struct transcript *t, struct err *err) {
    struct stat_table table;
    if (is_stack_heading(t->line.text) || is_stats_header(t->line.text))
        return read_stacks(t, is_stats_header(t->line.text), err);
    if (!stat_table_read(t, NULL, NULL, &table, err))
        return false;
    stat_table_check(t, &table, "dumpasync");
    transcript_command_done(t);
    return builder_counter(t->b, "async.objects", table.objects, "count", err) &&
           builder_counter(t->b, "async.bytes", table.bytes, "bytes", err);
}

const struct section section_dumpasync = {
    .name = "dumpasync",
    .summary = "async methods that wait: dumpasync (also --coalesce, --stats, -tasks)",
    .may_give = PART_BIT(PART_ASYNC) | PART_BIT(PART_COUNTERS),
    .open_parts = PART_BIT(PART_ASYNC),
    .starts = dumpasync_starts,
    .read = dumpasync_read,
};
