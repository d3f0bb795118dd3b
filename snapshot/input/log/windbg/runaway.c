/*
 * `!runaway [1|2|4|7]`: CPU and elapsed time a thread.
 *
 *      User Mode Time                       (also "Kernel Mode Time", "Elapsed Time")
 *       Thread       Time
 *      313:1b7c      0 days 0:00:05.093     debugger number : OS id in hex
 *      4e0           0:12:16.0312           Windows XP's time: no number, no days
 *
 * All threads of a process are in each list, sorted by time.
 */
#include "input/log/scan.h"

#include "base/chars.h"
#include "base/num.h"
#include "model/rows_threads.h"

enum time_kind { TIME_NONE, TIME_USER, TIME_KERNEL, TIME_ELAPSED, TIME_COUNT };

static enum time_kind runaway_heading(struct str text) {
    static const struct str headings[] = {
        [TIME_USER] = {"User Mode Time", 14},
        [TIME_KERNEL] = {"Kernel Mode Time", 16},
        [TIME_ELAPSED] = {"Elapsed Time", 12},
    };
    for (int kind = TIME_USER; kind <= TIME_ELAPSED; kind++)
        if (str_eq_nocase(text, headings[kind]))
            return (enum time_kind)kind;
    return TIME_NONE;
}

static bool is_column_heading(struct str text) {
    struct str fields[2], rest;
    return scan_fields(text, fields, 2, &rest) == 2 && rest.len == 0 &&
           str_eq_nocase(fields[0], STR("Thread")) && str_eq_nocase(fields[1], STR("Time"));
}

struct row {
    uint64_t number, os_id, ns;
};

/* The first field: "313:1b7c", or "4e0". */
static bool runaway_parse_ids(struct str field, struct row *row) {
    size_t colon = str_find(field, STR(":"), 0);
    row->number = ABSENT;
    if (colon == STR_NOT_FOUND)
        return field.len <= 8 && num_hex(field, &row->os_id) && row->os_id != 0;
    return num_dec(str_take(field, colon), &row->number) && row->number < UINT32_MAX &&
           num_hex(str_drop(field, colon + 1), &row->os_id) && row->os_id != 0 &&
           row->os_id <= UINT32_MAX;
}

static bool runaway_parse_row(struct str text, struct row *ret_row) {
    struct str ids = str_next_field(&text);
    return runaway_parse_ids(ids, ret_row) && scan_duration(text, &ret_row->ns);
}

/* A row that was cut, or whose time is no time. */
static bool runaway_looks_like_row(struct str text) {
    struct row row;
    if (!str_contains(str_take(text, 64), STR(":")))
        return false;
    struct str ids = str_next_field(&text);
    text = str_trim(text);
    return ids.len && runaway_parse_ids(ids, &row) &&
           (text.len == 0 || char_is_digit(str_first(text)) || str_first(text) == '-');
}

static bool runaway_starts(const struct transcript *t) {
    struct str text = t->line.text;
    if (text.len > 64)
        return false;
    char c = str_first(text);
    if (c == 'U' || c == 'K' || c == 'E' || c == 'u' || c == 'k' || c == 'e')
        if (runaway_heading(text) != TIME_NONE)
            return true;
    /* The rows alone, as people paste the tail of a list: only with number and days. */
    struct row row;
    return char_is_digit(c) && str_contains(text, STR(" day")) && runaway_parse_row(text, &row) &&
           row.number != ABSENT;
}

static bool runaway_store(struct builder *b, const struct row *row, enum time_kind kind,
                          struct scan_loss *loss, struct err *err) {
    struct thread_row *thread = builder_thread(b, row->os_id, ABSENT, err);
    if (!thread)
        return false;
    if (row->number != ABSENT && !builder_thread_number(b, thread, row->number, err))
        return false;
    uint64_t *field = kind == TIME_USER     ? &thread->user_ns
                      : kind == TIME_KERNEL ? &thread->kernel_ns
                                            : &thread->elapsed_ns;
    scan_say(field, row->ns, loss);
    return true;
}

/* Every list names every thread: a shorter one was cut. */
static void check_lengths(struct builder *b, const uint64_t rows[TIME_COUNT]) {
    uint64_t longest = 0;
    for (int kind = TIME_USER; kind < TIME_COUNT; kind++)
        if (rows[kind] > longest)
            longest = rows[kind];
    for (int kind = TIME_USER; kind < TIME_COUNT; kind++)
        if (rows[kind] && rows[kind] < longest)
            builder_lacks(b, PART_BIT(PART_THREADS), ASPECT_CPU_TIMES, longest - rows[kind],
                          "runaway: threads that are in one list of times and not in another");
}

/* Has the list that was read last as many rows as another? Then that one had its end. */
static bool is_said_twice(const uint64_t rows[TIME_COUNT], enum time_kind last) {
    for (int kind = TIME_USER; kind < TIME_COUNT; kind++)
        if (kind != (int)last && rows[kind] && rows[kind] == rows[last])
            return true;
    return false;
}

/* The lists that the command asked for: a bit each of user, kernel and elapsed time. */
static uint64_t asked_for(const struct transcript *t) {
    struct str rest = t->command;
    uint64_t bits = 0;
    if (transcript_last_command_is(t, "runaway")) {
        (void)str_next_field(&rest);
        if (!num_hex(str_next_field(&rest), &bits))
            bits = 0;
    }
    return bits;
}

/* Who is in a list that is not there, nobody knows. */
static void check_lists(struct builder *b, const uint64_t rows[TIME_COUNT], uint64_t asked) {
    for (int kind = TIME_USER; kind < TIME_COUNT; kind++)
        if (!rows[kind] && asked >> (kind - TIME_USER) & 1)
            builder_lacks(b, PART_BIT(PART_THREADS), ASPECT_ROWS, ABSENT,
                          "runaway: lists of times that were asked for are missing");
}

static bool runaway_read(struct transcript *t, struct err *err) {
    struct scan_loss loss = {0};
    enum time_kind kind = TIME_NONE;
    uint64_t rows[TIME_COUNT] = {0}, asked = asked_for(t);
    struct str command;
    while (transcript_skip_blank(t)) {
        struct str text = t->line.text;
        struct row row;
        enum time_kind next = runaway_heading(text);
        if (next != TIME_NONE) {
            kind = next;
        } else if (runaway_parse_row(text, &row)) {
            if (kind == TIME_NONE) {
                kind = TIME_USER; /* what `!runaway` prints when nothing else is asked for */
                builder_warn(t->b, ABSENT,
                             "runaway: the heading is cut off, times are taken for user time");
            }
            if (!runaway_store(t->b, &row, kind, &loss, err))
                return false;
            rows[kind]++;
        } else if (scan_elision(t, &loss)) {
            continue;
        } else if (runaway_looks_like_row(text) && !transcript_is_command(&t->line, &command)) {
            loss.unparsed++;
        } else if (!is_column_heading(text)) {
            break;
        }
        transcript_next(t);
    }
    scan_loss_report(t, &loss);
    check_lengths(t->b, rows);
    check_lists(t->b, rows, asked);
    if (is_said_twice(rows, kind))
        transcript_ended(t);
    if (rows[TIME_USER] + rows[TIME_KERNEL] + rows[TIME_ELAPSED] == 0)
        transcript_hollow(t, "runaway: a heading without times of threads");
    return true;
}

const struct section section_runaway = {
    .name = "runaway",
    .summary = "!runaway 1, 2, 4, 7: CPU and elapsed time of threads (WinDbg)",
    .may_give = PART_BIT(PART_THREADS),
    .lossy_parts = PART_BIT(PART_THREADS),
    .lossy = ASPECT_CPU_TIMES,
    .open_parts = PART_BIT(PART_THREADS),
    .starts = runaway_starts,
    .read = runaway_read,
};
