/*
 * timerinfo: timers that are started, by what they call and when.
 *
 *   (L) 0x00007F2D144BC6D8 @  1000 ms every  1000 ms |  00007F2D144BC680 (Shop.State) -> Till.Tick
 *   (S) 0x00007F2D199F35F8 @ 15000 ms every ------ ms |  0000000000000000 () -> Shop.Till.Once
 *
 *      13 timers
 *   -----------------------------------------------
 *      1 | (L) @    1000 ms every     1000 ms | 00007F2D144BC680 (Shop.State) -> Shop.Till.Tick
 *
 * The list below the rule is the same timers once more.
 */
#include "base/hash.h"
#include "base/num.h"
#include "input/log/scan.h"
#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

struct timers {
    struct transcript *t;
    struct scan_loss loss;
    uint64_t timers, printed; /* [count] of rows; as the closing line says, ABSENT */
    bool keep;
};

/* "@  1000 ms every  ------ ms |  STATE (Type) -> Method" */
struct timer {
    uint64_t due_ms, period_ms;
    struct str method;
};

static bool timer_ms(struct str field, uint64_t *ret_ms) {
    *ret_ms = ABSENT;
    return str_starts(field, STR("--")) || num_grouped(field, ret_ms);
}

static bool parse_times(struct str rest, struct timer *ret_timer) {
    struct timer timer;
    if (!str_eq(str_next_field(&rest), STR("@")) ||
        !timer_ms(str_next_field(&rest), &timer.due_ms) ||
        !str_eq(str_next_field(&rest), STR("ms")) || !str_eq(str_next_field(&rest), STR("every")) ||
        !timer_ms(str_next_field(&rest), &timer.period_ms) ||
        !str_eq(str_next_field(&rest), STR("ms")))
        return false;
    size_t arrow = str_find(rest, STR(") -> "), 0);
    if (arrow == STR_NOT_FOUND)
        return false;
    timer.method = str_trim(str_drop(rest, arrow + 5));
    *ret_timer = timer;
    return timer.method.len > 0;
}

static bool parse_timer(struct str text, struct timer *ret_timer) {
    uint64_t address;
    struct str list = str_next_field(&text);
    return (str_eq(list, STR("(L)")) || str_eq(list, STR("(S)"))) &&
           scan_address(str_next_field(&text), &address) && parse_times(text, ret_timer);
}

/* "13 timers" */
static bool timers_end(struct str text, uint64_t *ret_count) {
    uint64_t count;
    if (!num_grouped(str_next_field(&text), &count) || !str_eq(str_trim(text), STR("timers")))
        return false;
    *ret_count = count;
    return true;
}

static bool timer_add(struct timers *r, const struct timer *timer, struct err *err) {
    struct builder *b = r->t->b;
    uint64_t key =
        key_with(key_with(key_of_bytes(timer->method.ptr, timer->method.len), timer->due_ms),
                 timer->period_ms);
    struct callback_row *row = builder_find(b, PART_CALLBACKS, key);
    r->timers++;
    if (!r->keep)
        return true;
    if (row && row->due_ms == timer->due_ms && row->period_ms == timer->period_ms &&
        str_eq(str_of(row->method), timer->method)) {
        row->objects++;
        return true;
    }
    row = builder_row(b, PART_CALLBACKS, err);
    if (!row)
        return false;
    row->kind = CALLBACK_TIMER;
    row->method = builder_string(b, timer->method, err);
    row->objects = 1;
    row->due_ms = timer->due_ms;
    row->period_ms = timer->period_ms;
    return row->method && builder_index(b, PART_CALLBACKS, key, err);
}

static bool timers_take(void *context, bool *ret_mine, struct err *err) {
    struct timers *r = context;
    struct timer timer;
    uint64_t count;
    struct str text = r->t->line.text, rest = text;
    *ret_mine = true;
    if (parse_timer(text, &timer))
        return timer_add(r, &timer, err);
    if (timers_end(text, &r->printed))
        return true;
    /* "1 | (L) @ ...": said before. */
    bool again = num_grouped(str_next_field(&rest), &count) && str_starts(rest, STR("|"));
    *ret_mine = transcript_is_rule(text) || again;
    return true;
}

/* Most first, as raw dumps have them. */
static int timers_cmp(const void *x, const void *y) {
    const struct callback_row *a = x, *b = y;
    if (a->objects != b->objects)
        return a->objects > b->objects ? -1 : 1;
    int order = strcmp(a->method, b->method);
    if (order)
        return order;
    if (a->due_ms != b->due_ms)
        return a->due_ms < b->due_ms ? -1 : 1;
    return (a->period_ms > b->period_ms) - (a->period_ms < b->period_ms);
}

static bool timerinfo_starts(const struct transcript *t) {
    struct timer timer;
    uint64_t count;
    return parse_timer(t->line.text, &timer) ||
           (transcript_last_command_is(t, "timerinfo") && timers_end(t->line.text, &count));
}

static bool timerinfo_read(struct transcript *t, struct err *err) {
    struct timers r = {
        .t = t, .printed = ABSENT, .keep = !snapshot_has(builder_snapshot(t->b), PART_CALLBACKS)};
    if (r.keep)
        builder_present(t->b, PART_CALLBACKS);
    if (!scan_table(t, &r.loss, timers_take, &r, err))
        return false;
    scan_loss_report(t, &r.loss);
    uint32_t count;
    struct callback_row *rows = builder_rows(t->b, PART_CALLBACKS, &count);
    if (r.keep && count)
        qsort(rows, count, sizeof(*rows), timers_cmp);
    if (r.printed == ABSENT)
        transcript_lacks(t, ABSENT, "timerinfo: the list ends without its number of timers");
    else if (r.printed != r.timers)
        builder_warn(t->b, r.printed > r.timers ? r.printed - r.timers : r.timers - r.printed,
                     "timerinfo: the list differs from its printed number of timers");
    transcript_command_done(t);
    return r.printed == ABSENT ||
           builder_counter(t->b, "threadpool.timers", r.printed, "count", err);
}

const struct section section_timerinfo = {
    .name = "timerinfo",
    .summary = "timers that are started: what they call, and when: timerinfo (SOS)",
    .may_give = PART_BIT(PART_CALLBACKS) | PART_BIT(PART_COUNTERS),
    .starts = timerinfo_starts,
    .read = timerinfo_read,
};
