/* Letting go of old snapshots, and types that got another name. */
#include "base/order.h"
#include "base/vec.h"
#include "history/database.h"

#include <stdlib.h>

#define NS_OF_DAY UINT64_C(86400000000000)

/*
 * The first snapshot of a run that is kept says all of itself from now on; what is before it goes.
 * first: ABSENT: all of the run goes
 */
static bool prune_run(struct history *h, uint64_t run, uint64_t first, struct err *err) {
    static const char *const whole[] = {
        "DELETE FROM state WHERE run = $1",    "DELETE FROM state_change WHERE run = $1",
        "DELETE FROM finding WHERE run = $1",  "DELETE FROM growth_cause WHERE run = $1",
        "DELETE FROM snapshot WHERE run = $1", "DELETE FROM run WHERE id = $1"};
    const struct store_param of[] = {store_number(run), store_number(first)};
    bool ok = h->body->let_go(h, run, first, err);
    for (size_t i = 0; ok && first == ABSENT && i < sizeof(whole) / sizeof(*whole); i++)
        ok = store_run(h, whole[i], of, 1, NULL, err);
    return ok && (first == ABSENT || store_run(h, "DELETE FROM snapshot WHERE run = $1 AND id < $2",
                                               of, 2, NULL, err));
}

/* By instance and release, then number. */
static int cmp_instances(const void *x, const void *y) {
    const struct history_entry *a = *(const struct history_entry *const *)x;
    const struct history_entry *b = *(const struct history_entry *const *)y;
    int order = order_u64(a->instance_id, b->instance_id);
    order = order ? order : order_text(a->key.release, b->key.release);
    return order ? order : order_u64(a->id, b->id);
}

static int cmp_runs(const void *x, const void *y) {
    const struct history_entry *a = *(const struct history_entry *const *)x;
    const struct history_entry *b = *(const struct history_entry *const *)y;
    return a->run != b->run ? order_u64(a->run, b->run) : order_u64(a->id, b->id);
}

static bool same_instance(const struct history_entry *a, const struct history_entry *b) {
    return a->instance_id == b->instance_id && order_text(a->key.release, b->key.release) == 0;
}

/* A line of entries, those that go first: `gone` of `count`; their runs one after the other. */
static bool prune_line(struct history *h, struct history_entry **entries, uint32_t count,
                       uint32_t gone, struct err *err) {
    struct history_entry **by_run = calloc(count, sizeof(*by_run));
    if (!by_run)
        return err_nomem(err);
    uint64_t last_gone = entries[gone - 1]->id;
    memcpy(by_run, entries, count * sizeof(*by_run));
    qsort(by_run, count, sizeof(*by_run), cmp_runs);
    bool ok = true;
    for (uint32_t i = 0, end; ok && i < count; i = end) {
        uint64_t first = ABSENT;
        for (end = i; end < count && by_run[end]->run == by_run[i]->run; end++)
            if (first == ABSENT && by_run[end]->id > last_gone)
                first = by_run[end]->id;
        if (by_run[i]->id <= last_gone)
            ok = prune_run(h, by_run[i]->run, first, err);
    }
    free(by_run);
    return ok;
}

static bool prune_all(struct history *h, const struct history_filter *filter, uint64_t keep,
                      uint64_t *removed, struct err *err) {
    struct history_entry *entries;
    uint32_t count;
    if (!history_entries(h, filter, &entries, &count, err))
        return false;
    struct history_entry **sorted = arena_array(&h->arena, (size_t)count + 1, sizeof(*sorted));
    if (!sorted)
        return err_nomem(err);
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = &entries[i];
    if (count)
        qsort(sorted, count, sizeof(*sorted), cmp_instances);
    for (uint32_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && same_instance(sorted[end], sorted[i]);)
            end++;
        if (end - i <= keep)
            continue;
        if (!h->body->lock(h, sorted[i]->instance_id, err) ||
            !prune_line(h, &sorted[i], end - i, end - i - (uint32_t)keep, err))
            return false;
        *removed += end - i - keep;
    }
    return true;
}

bool history_prune(struct history *h, const struct history_filter *filter, uint64_t keep,
                   uint64_t *ret_removed, struct err *err) {
    *ret_removed = 0;
    if (keep == 0)
        return err_set(err, ERR_USAGE, "at least one snapshot has to be kept");
    return store_begin(h, true, err) &&
           store_end(h, prune_all(h, filter, keep, ret_removed, err), err);
}

/* -- By age ------------------------------------------------------------------------------------ */

static bool age_runs(struct history *h, uint64_t before_ns, uint64_t *removed, struct err *err) {
    struct store_rows rows;
    const struct store_param of[] = {store_number(before_ns)};
    struct aged {
        uint64_t run, first; /* that stays; ABSENT: none */
    } *list = NULL;
    uint32_t count = 0, capacity = 0;
    bool ok = store_select(
        h,
        "SELECT run, min(CASE WHEN captured_at_ns < $1 THEN NULL ELSE id END) FROM snapshot"
        " GROUP BY run HAVING min(captured_at_ns) < $1 ORDER BY run",
        of, 1, false, &rows, err);
    while (store_next(&rows, &ok, err)) {
        ok = VEC_ROOM(list, count, capacity, err);
        if (!ok)
            break;
        list[count++] = (struct aged){store_number_of(&rows, 0), store_number_of(&rows, 1)};
    }
    store_done(&rows);
    for (uint32_t i = 0; ok && i < count; i++) {
        const struct store_param run[] = {store_number(list[i].run), store_number(list[i].first)};
        uint64_t gone;
        ok = store_ask(h,
                       list[i].first == ABSENT
                           ? "SELECT count(*) FROM snapshot WHERE run = $1"
                           : "SELECT count(*) FROM snapshot WHERE run = $1 AND id < $2",
                       run, list[i].first == ABSENT ? 1 : 2, &gone, err) &&
             (gone == 0 || prune_run(h, list[i].run, list[i].first, err));
        *removed += ok ? gone : 0;
    }
    free(list);
    return ok;
}

/*
 * Where whole months can go at once: a run says all of itself in each month, so that nothing has to
 * be written anew.
 */
static bool age_months(struct history *h, uint64_t before_ns, uint64_t *removed, struct err *err) {
    static const char *const left[] = {
        "DELETE FROM state WHERE run NOT IN (SELECT run FROM snapshot)",
        "DELETE FROM state_change WHERE run NOT IN (SELECT run FROM snapshot)",
        "DELETE FROM finding WHERE run NOT IN (SELECT run FROM snapshot)",
        "DELETE FROM growth_cause WHERE run NOT IN (SELECT run FROM snapshot)",
        "DELETE FROM run WHERE id NOT IN (SELECT run FROM snapshot)"};
    const struct store_param of[] = {store_number(before_ns)};
    bool ok = h->body->drop_before(h, (uint32_t)(before_ns / NS_OF_DAY), err) &&
              store_run(h, "DELETE FROM snapshot WHERE captured_at_ns < $1", of, 1, removed, err);
    for (size_t i = 0; ok && i < sizeof(left) / sizeof(*left); i++)
        ok = store_run(h, left[i], NULL, 0, NULL, err);
    return ok;
}

bool history_prune_before(struct history *h, uint64_t before_ns, uint64_t *ret_removed,
                          struct err *err) {
    uint32_t day = (uint32_t)(before_ns / NS_OF_DAY);
    *ret_removed = 0;
    while (h->body->monthly && day && store_month(day) == store_month(day - 1))
        day--;
    if (h->body->monthly)
        before_ns = day * NS_OF_DAY;
    return store_begin(h, true, err) &&
           store_end(h,
                     h->body->monthly ? age_months(h, before_ns, ret_removed, err)
                                      : age_runs(h, before_ns, ret_removed, err),
                     err);
}

bool history_rename(struct history *h, const char *program, const char *old, const char *new_name,
                    struct err *err) {
    const struct store_param of[] = {store_text(store_name(h, program)),
                                     store_text(store_name(h, old)),
                                     store_text(store_name(h, new_name))};
    uint64_t changed;
    if (!store_run(h,
                   "INSERT INTO rename(program, old, new) SELECT id, $2, $3 FROM program"
                   " WHERE name = $1 ON CONFLICT(program, old) DO UPDATE SET new = excluded.new",
                   of, 3, &changed, err))
        return false;
    if (changed == 0)
        return err_set(err, ERR_USAGE, "no program is called '%s' in this history", program);
    return true;
}
