/*
 * threadpoolqueue: work items that wait for a worker of the thread pool.
 *
 *   global work item queue________________________________
 *   0x00007F81179203B8 Work | Shop.Bill
 *   0x00007F8117920898 Task | (System.Action)Shop.Post
 *   0x00007F8117920A98 System.Runtime.CompilerServices.…+AsyncStateMachineBox<Shop+<Sweep>d__22>
 *
 *   local per thread work items_____________________________________
 *   0x00007F8117925FC8 Task | (System.Action)Shop.Post
 *
 *      40 Task  (System.Action)Shop.Post
 *    ----
 *      40
 *
 * What is below the items is some of them once more.
 */
#include "base/hash.h"
#include "base/num.h"
#include "input/log/scan.h"
#include "model/known_names.h"
#include "model/row_order.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <string.h>

struct queued {
    struct transcript *t;
    struct scan_loss loss;
    const char *queue;
    uint64_t items;
    bool local; /* its heading was there */
    bool keep;
};

/* "Task | (System.Action)Shop.Post" taken apart; method empty: not known. */
static bool parse_work(struct str text, struct str *ret_type, struct str *ret_method) {
    static const char box[] = "AsyncStateMachineBox<";
    uint64_t address;
    if (!str_starts(text, STR("0x")) || !scan_address(str_next_field(&text), &address))
        return false;
    text = str_trim(text);
    size_t bar = str_find(text, STR(" | "), 0), at = str_find(text, STR(box), 0);
    *ret_type = bar == STR_NOT_FOUND ? text : str_take(text, bar);
    *ret_method = bar == STR_NOT_FOUND ? STR("") : str_trim(str_drop(text, bar + 3));
    if (bar != STR_NOT_FOUND && str_first(*ret_method) == '(') {
        size_t close = str_find(*ret_method, STR(")"), 0);
        *ret_method = close == STR_NOT_FOUND ? *ret_method : str_drop(*ret_method, close + 1);
    }
    if (bar == STR_NOT_FOUND && at != STR_NOT_FOUND && str_ends(text, STR(">"))) {
        struct str machine = str_drop(text, at + strlen(box));
        *ret_type = *ret_method = str_take(machine, machine.len - 1);
    }
    return ret_type->len > 0;
}

static bool is_heading(struct str text, const char **ret_queue) {
    if (str_starts(text, STR("global work item queue")))
        *ret_queue = WORK_GLOBAL;
    else if (str_starts(text, STR("local per thread work items")))
        *ret_queue = WORK_LOCAL;
    else
        return false;
    return true;
}

static bool queued_add(struct queued *q, struct str type, struct str method, struct err *err) {
    struct builder *b = q->t->b;
    uint64_t key = hash_combine(
        hash_combine(hash_bytes(q->queue, strlen(q->queue)), hash_bytes(type.ptr, type.len)),
        hash_bytes(method.ptr, method.len));
    struct work_row *row = builder_find(b, PART_WORK, key);
    q->items++;
    if (!q->keep)
        return true;
    if (row && strcmp(row->queue, q->queue) == 0 && str_eq(str_of(row->type), type) &&
        str_eq(str_of(row->method), method)) {
        row->objects++;
        return true;
    }
    row = builder_row(b, PART_WORK, err);
    if (!row)
        return false;
    row->objects = 1;
    row->queue = builder_string(b, str_of(q->queue), err);
    row->type = builder_string(b, type, err);
    if (method.len)
        row->method = builder_string(b, method, err);
    return row->queue && row->type && (!method.len || row->method) &&
           builder_index(b, PART_WORK, key, err);
}

static bool queued_take(void *context, bool *ret_mine, struct err *err) {
    struct queued *q = context;
    struct str text = q->t->line.text, rest = text, type, method;
    uint64_t count;
    *ret_mine = true;
    if (parse_work(text, &type, &method))
        return queued_add(q, type, method, err);
    if (is_heading(text, &q->queue)) {
        q->local = q->local || strcmp(q->queue, WORK_LOCAL) == 0;
        return true;
    }
    /* "40 Task  (System.Action)Shop.Post", "----", "40": said before. */
    bool again = num_grouped(str_next_field(&rest), &count) &&
                 (!rest.len || str_starts(str_trim(rest), STR("Task ")) ||
                  str_starts(str_trim(rest), STR("Work ")));
    *ret_mine = transcript_is_rule(text) || again;
    if (*ret_mine && q->local)
        transcript_ended(q->t);
    return true;
}

static bool threadpoolqueue_starts(const struct transcript *t) {
    return str_starts(t->line.text, STR("global work item queue_"));
}

static bool threadpoolqueue_read(struct transcript *t, struct err *err) {
    struct queued q = {
        .t = t, .queue = WORK_GLOBAL, .keep = !snapshot_has(builder_snapshot(t->b), PART_WORK)};
    if (q.keep)
        builder_present(t->b, PART_WORK);
    if (!scan_table(t, &q.loss, queued_take, &q, err))
        return false;
    scan_loss_report(t, &q.loss);
    if (q.keep)
        row_order_work(t->b);
    transcript_command_done(t);
    if (q.local)
        return builder_counter(t->b, COUNTER_QUEUE_LENGTH, q.items, "count", err);
    transcript_lacks(t, ABSENT, "threadpoolqueue: it ends before the items of single threads");
    return true;
}

const struct section section_threadpoolqueue = {
    .name = "threadpoolqueue",
    .summary = "work that waits for a worker of the thread pool: threadpoolqueue, tpq (SOS)",
    .may_give = PART_BIT(PART_WORK) | PART_BIT(PART_COUNTERS),
    .open_parts = PART_BIT(PART_WORK),
    .starts = threadpoolqueue_starts,
    .read = threadpoolqueue_read,
};
