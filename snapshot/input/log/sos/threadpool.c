/*
 * `!threadpool`: the thread pool's figures.
 *
 *     CPU utilization: 46%
 *     Worker Thread: Total: 23 Running: 1 Idle: 7 MaxLimit: 32767 MinLimit: 8
 *     Work Request in Queue: 0
 *     Number of Timers: 3
 *     Completion Port Thread:Total: 2 Free: 2 MaxFree: 16 CurrentLimit: 2 MaxLimit: 1000 MinLimit:
 * 8
 *
 * and, since .NET 6, one figure a line:
 *
 *     Using the Portable thread pool.
 *     CPU utilization:  1%
 *     Workers Total:    268
 */
#include "input/log/scan.h"

#include "base/num.h"
#include "model/known_names.h"

struct figure {
    const char *label, *counter, *unit;
};

/* Lines with one figure. */
static const struct figure figures[] = {
    {"CPU utilization", "threadpool.cpu_percent", "percent"},
    {"Work Request in Queue", COUNTER_QUEUE_LENGTH, "count"},
    {"Number of Timers", "threadpool.timers", "count"},
    {"Workers Total", COUNTER_WORKERS_TOTAL, "count"},
    {"Workers Running", COUNTER_WORKERS_RUNNING, "count"},
    {"Workers Idle", COUNTER_WORKERS_IDLE, "count"},
    {"Worker Min Limit", COUNTER_WORKERS_MIN, "count"},
    {"Worker Max Limit", COUNTER_WORKERS_MAX, "count"},
    {"Completion Total", "threadpool.completion_total", "count"},
    {"Completion Free", "threadpool.completion_free", "count"},
    {"Completion MaxFree", "threadpool.completion_max_free", "count"},
    {"Completion Current Limit", "threadpool.completion_limit", "count"},
    {"Completion Min Limit", "threadpool.completion_min", "count"},
    {"Completion Max Limit", "threadpool.completion_max", "count"},
};

/* Lines with several, behind their prefix. */
static const struct figure workers[] = {
    {"Total", COUNTER_WORKERS_TOTAL, "count"},  {"Running", COUNTER_WORKERS_RUNNING, "count"},
    {"Idle", COUNTER_WORKERS_IDLE, "count"},    {"MaxLimit", COUNTER_WORKERS_MAX, "count"},
    {"MinLimit", COUNTER_WORKERS_MIN, "count"},
};
static const struct figure completion[] = {
    {"Total", "threadpool.completion_total", "count"},
    {"Free", "threadpool.completion_free", "count"},
    {"MaxFree", "threadpool.completion_max_free", "count"},
    {"CurrentLimit", "threadpool.completion_limit", "count"},
    {"MaxLimit", "threadpool.completion_max", "count"},
    {"MinLimit", "threadpool.completion_min", "count"},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* "46%", "46", "32,767" */
static bool threadpool_parse_value(struct str value, uint64_t *ret_value) {
    value = str_trim(value);
    if (str_ends(value, STR("%")))
        value = str_trim(str_take(value, value.len - 1));
    return num_grouped(value, ret_value);
}

/* The figure that the line gives alone; NULL: none. *ret_good: its value is a number. */
static const struct figure *single(struct str text, uint64_t *ret_value, bool *ret_good) {
    for (size_t i = 0; i < COUNT(figures); i++) {
        struct str value;
        if (scan_labelled(text, figures[i].label, &value)) {
            *ret_good = threadpool_parse_value(value, ret_value);
            return &figures[i];
        }
    }
    /* .NET 2.0: no colon. */
    if (str_starts_nocase(text, STR("CPU utilization ")) && str_ends(text, STR("%"))) {
        *ret_good = threadpool_parse_value(str_drop(text, 16), ret_value);
        return &figures[0];
    }
    return NULL;
}

/* The table for a line of several figures, NULL when it is none. *ret_rest: behind the prefix. */
static const struct figure *several(struct str text, size_t *ret_count, struct str *ret_rest) {
    if (scan_labelled(text, "Worker Thread", ret_rest)) {
        *ret_count = COUNT(workers);
        return workers;
    }
    if (scan_labelled(text, "Completion Port Thread", ret_rest)) {
        *ret_count = COUNT(completion);
        return completion;
    }
    return NULL;
}

/* "Total: 23 Running: 1 ...": counts what it does not understand. */
static bool store_several(struct builder *b, const struct figure *table, size_t count,
                          struct str rest, struct scan_loss *loss, struct err *err) {
    rest = str_take(rest, 1024);
    for (struct str label; (label = str_next_field(&rest)).len;) {
        struct str value = str_next_field(&rest);
        uint64_t number;
        const struct figure *found = NULL;
        for (size_t i = 0; i < count && str_ends(label, STR(":")); i++)
            if (str_eq_nocase(str_take(label, label.len - 1), str_of(table[i].label)))
                found = &table[i];
        if (!found || !threadpool_parse_value(value, &number))
            loss->unparsed++;
        else if (!builder_counter(b, found->counter, number, found->unit, err))
            return false;
    }
    return true;
}

static bool threadpool_is_remark(struct str text) {
    return str_starts_nocase(text, STR("Using the ")) ||
           str_starts_nocase(text, STR("Hill Climbing Log"));
}

static bool threadpool_take_line(struct transcript *t, struct scan_loss *loss, bool *ret_mine,
                                 struct err *err) {
    struct str text = t->line.text, rest;
    uint64_t value;
    size_t count;
    bool good;
    *ret_mine = true;
    const struct figure *table = several(text, &count, &rest);
    if (table)
        return store_several(t->b, table, count, rest, loss, err);
    const struct figure *figure = single(text, &value, &good);
    if (figure && good)
        return builder_counter(t->b, figure->counter, value, figure->unit, err);
    loss->unparsed += figure != NULL;
    *ret_mine = figure || transcript_is_rule(text) || threadpool_is_remark(text);
    return true;
}

static bool threadpool_read(struct transcript *t, struct err *err) {
    struct scan_loss loss = {0};
    bool mine;
    while (transcript_skip_blank(t)) {
        if (scan_elision(t, &loss))
            continue;
        if (!threadpool_take_line(t, &loss, &mine, err))
            return false;
        if (!mine)
            break;
        transcript_next(t);
    }
    scan_loss_report(t, &loss);
    return true;
}

static bool threadpool_starts(const struct transcript *t) {
    struct str text = t->line.text, rest;
    uint64_t value;
    size_t count;
    bool good;
    switch (str_first(text)) {
    case 'C':
    case 'W':
    case 'N':
        if (several(text, &count, &rest))
            return str_starts_nocase(rest, STR("Total:"));
        return single(text, &value, &good) && good;
    case 'U':
        return str_starts(text, STR("Using the Portable thread pool")) ||
               str_starts(text, STR("Using the Windows thread pool"));
    default:
        return false;
    }
}

const struct section section_threadpool = {
    .name = "threadpool",
    .summary = "!threadpool: workers, queue length, timers, completion ports",
    .may_give = PART_BIT(PART_COUNTERS),
    .starts = threadpool_starts,
    .read = threadpool_read,
};
