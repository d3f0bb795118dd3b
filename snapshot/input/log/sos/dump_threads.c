/*
 * `threads` of dotnet-dump: the operating system's threads, hex and decimal.
 *
 *     *0 0x1DBFF (121855)
 *      1 0x1DC01 (121857)
 */
#include "input/log/scan.h"

#include "base/chars.h"
#include "base/num.h"
#include "model/rows_threads.h"

static bool dump_threads_parse_row(struct str text, uint64_t *ret_number, uint64_t *ret_os_id) {
    struct str fields[3], rest;
    if (text.len > 128)
        return false;
    if (str_starts(text, STR("*")))
        text = str_drop(text, 1);
    if (scan_fields(text, fields, 3, &rest) != 3 || rest.len)
        return false;
    uint64_t decimal;
    struct str inner = fields[2];
    if (!str_starts(fields[1], STR("0x")) || !str_starts(inner, STR("(")) ||
        !str_ends(inner, STR(")")))
        return false;
    inner = str_drop(str_take(inner, inner.len - 1), 1);
    return num_dec(fields[0], ret_number) && *ret_number < UINT32_MAX &&
           num_hex(fields[1], ret_os_id) && num_dec(inner, &decimal) && decimal == *ret_os_id &&
           decimal != 0;
}

/* A row that was cut: "318 0x1DD49 (12". */
static bool dump_threads_looks_like_row(struct str text) {
    struct str fields[2];
    uint64_t number;
    if (str_starts(text, STR("*")))
        text = str_drop(text, 1);
    return scan_fields(str_take(text, 128), fields, 2, NULL) == 2 && num_dec(fields[0], &number) &&
           str_starts(fields[1], STR("0x"));
}

static bool dump_threads_starts(const struct transcript *t) {
    char c = str_first(t->line.text);
    uint64_t number, os_id;
    return (c == '*' || char_is_digit(c)) && dump_threads_parse_row(t->line.text, &number, &os_id);
}

static bool dump_threads_read(struct transcript *t, struct err *err) {
    struct scan_loss loss = {0};
    while (transcript_skip_blank(t)) {
        uint64_t number, os_id;
        if (scan_elision(t, &loss))
            continue;
        if (dump_threads_parse_row(t->line.text, &number, &os_id)) {
            struct thread_row *thread = builder_thread(t->b, os_id, ABSENT, err);
            if (!thread || !builder_thread_number(t->b, thread, number, err))
                return false;
        } else if (dump_threads_looks_like_row(t->line.text)) {
            loss.unparsed++;
        } else {
            break;
        }
        transcript_next(t);
    }
    scan_loss_report(t, &loss);
    return true;
}

const struct section section_dump_threads = {
    .name = "threads",
    .summary = "threads: the operating system's threads (dotnet-dump)",
    .may_give = PART_BIT(PART_THREADS),
    .open_parts = PART_BIT(PART_THREADS),
    .starts = dump_threads_starts,
    .read = dump_threads_read,
};
