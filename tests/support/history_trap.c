#include "tests/support/history_trap.h"

static struct store_body trapped; /* as the body, but that it does something at a call of it */
static const struct store_body *beneath;
static int calls_left;
static void (*when_due)(void);

static void trap_count_down(void) {
    if (--calls_left == 0)
        when_due();
}

static bool trapped_run(struct history *h, const char *sql, const struct store_param *params,
                        uint32_t count, uint64_t *ret_changed, struct err *err) {
    trap_count_down();
    return beneath->run(h, sql, params, count, ret_changed, err);
}

static bool trapped_select(struct history *h, const char *sql, const struct store_param *params,
                           uint32_t count, bool many, struct store_rows *rows, struct err *err) {
    trap_count_down();
    return beneath->select(h, sql, params, count, many, rows, err);
}

static bool trapped_put(struct history *h, const struct store_value *rows, uint32_t count,
                        struct err *err) {
    trap_count_down();
    return beneath->put(h, rows, count, err);
}

static bool trapped_begin_adding(struct history *h, uint64_t instance, struct err *err) {
    trap_count_down();
    return beneath->begin_adding(h, instance, err);
}

static bool trapped_prepare_day(struct history *h, uint32_t day, struct err *err) {
    trap_count_down();
    return beneath->prepare_day(h, day, err);
}

static bool trapped_end(struct history *h, bool ok, struct err *err) {
    trap_count_down();
    return beneath->end(h, ok, err);
}

void trap_set(struct history *h, int call, void (*when)(void)) {
    beneath = h->body;
    trapped = *h->body;
    trapped.run = trapped_run;
    trapped.select = trapped_select;
    trapped.put = trapped_put;
    trapped.begin_adding = trapped_begin_adding;
    trapped.prepare_day = trapped_prepare_day;
    trapped.end = trapped_end;
    h->body = &trapped;
    calls_left = call;
    when_due = when;
}
