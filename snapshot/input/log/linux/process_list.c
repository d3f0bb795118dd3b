/*
 * Processes as ps and top (without -H) list them, with what is resident of each; each list is a
 * moment.
 *
 *     USER   PID %CPU %MEM    VSZ    RSS TTY  STAT START   TIME COMMAND          ps aux
 *     till  4711  4.2  5.6 3201344 924160 ?   Ssl  Feb02  12:44 /usr/bin/till --days 3
 *
 *      PID    RSS    VSZ NLWP     ELAPSED CMD                                     ps -o
 *
 *     Tasks: 212 total,   1 running, 211 sleeping                                 top -b
 *      PID USER  PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND
 *     4711 till  20   0 3201344 902.5m  61208 S   4.3   5.7  12:44.12 till
 *
 * Sizes are KiB; top writes larger ones with a unit. Columns are told by the heading; the command
 * is the last, and the only one with blanks. A list of one process is about that process; of many,
 * each has a counter. Which threads top lists is told by "Threads:", see top.c. Source: ps(1) and
 * top(1) of procps-ng; ps of FreeBSD and macOS has the same columns.
 */
#include "input/log/size_text.h"
#include "model/known_names.h"

#include "base/chars.h"
#include "base/hash.h"
#include "base/num.h"

#include <stdio.h>

#define PROCESSES_MOST 4096u
#define COLUMNS_MOST   24u
/* Of a command. */
#define WORDS_ASKED 16u

/* Which column each is, from 0; COLUMNS_MOST: there is none. */
struct process_heading {
    size_t pid, resident, size, threads, command;
};

struct listed_process {
    struct str name;
    uint64_t pid, resident, size, threads; /* ABSENT: no such column */
};

struct process_list {
    struct transcript *t;
    struct process_heading heading;
    struct listed_process first; /* of the list */
    bool headed, wanted;
    uint64_t rows, of_list; /* in all; of this list */
    struct scan_loss loss;
};

static bool process_parse_heading(struct str text, struct process_heading *ret_heading) {
    struct process_heading h = {COLUMNS_MOST, COLUMNS_MOST, COLUMNS_MOST, COLUMNS_MOST,
                                COLUMNS_MOST};
    size_t column = 0;
    for (struct str word; column < COLUMNS_MOST && (word = str_next_field(&text)).len; column++) {
        static const char *const resident[] = {"RSS", "RES", "RSZ"};
        static const char *const size[] = {"VSZ", "VIRT", "VSIZE"};
        static const char *const threads[] = {"NLWP", "THCNT", "nTH"};
        static const char *const command[] = {"COMMAND", "CMD", "ARGS"};
        if (str_eq(word, STR("PID")))
            h.pid = column;
        else if (STR_IS_ONE_OF(word, resident))
            h.resident = column;
        else if (STR_IS_ONE_OF(word, size))
            h.size = column;
        else if (STR_IS_ONE_OF(word, threads))
            h.threads = column;
        else if (STR_IS_ONE_OF(word, command))
            h.command = column;
        else if (char_is_digit(str_first(word)))
            return false;
    }
    *ret_heading = h;
    return h.pid < COLUMNS_MOST && h.resident < COLUMNS_MOST && h.command + 1 == column;
}

/* "924160" in KiB, "902.5m", "1.2g". [bytes] */
static bool process_size(struct str text, uint64_t *ret_bytes) {
    uint64_t scale = 1024;
    if (!text.len)
        return false;
    switch (str_last(text)) {
    case 'm':
    case 'M':
        scale = (uint64_t)1 << 20;
        break;
    case 'g':
    case 'G':
        scale = (uint64_t)1 << 30;
        break;
    case 't':
    case 'T':
        scale = (uint64_t)1 << 40;
        break;
    case 'k':
    case 'K':
        break;
    default:
        return num_scaled(text, scale, ret_bytes);
    }
    return num_scaled(str_take(text, text.len - 1), scale, ret_bytes);
}

/* "/usr/bin/till --days 3", "nginx: worker process", "[kworker/0:1]": what it is called. */
static struct str process_name(struct str command) {
    struct str word = str_next_field(&command);
    if (str_ends(word, STR(":")))
        word = str_take(word, word.len - 1);
    return str_starts(word, STR("[")) ? word : str_file_name(word);
}

/* The columns in front of the command, which *ret_command is then. */
static bool process_parse_columns(struct str text, const struct process_heading *h,
                                  struct listed_process *ret_process, struct str *ret_command) {
    struct listed_process p = {.size = ABSENT, .threads = ABSENT};
    bool ok = true;
    for (size_t column = 0; ok && column < h->command; column++) {
        struct str word = str_next_field(&text);
        ok = word.len > 0;
        if (column == h->pid)
            ok = ok && num_dec(word, &p.pid);
        else if (column == h->resident)
            ok = ok && process_size(word, &p.resident);
        else if (column == h->size)
            ok = ok && process_size(word, &p.size);
        else if (column == h->threads)
            ok = ok && num_dec(word, &p.threads);
    }
    *ret_process = p;
    *ret_command = str_trim(text);
    return ok;
}

static bool process_parse_row(struct str text, const struct process_heading *h,
                              struct listed_process *ret_process) {
    struct str command;
    if (!process_parse_columns(text, h, ret_process, &command))
        return false;
    ret_process->name = process_name(command);
    return ret_process->name.len > 0;
}

/* Is the row of another process inside the command? Then a line end was lost. */
static bool process_has_two_rows(struct str text, const struct process_heading *h) {
    struct listed_process p;
    struct str command, rest;
    if (!process_parse_columns(text, h, &p, &command))
        return false;
    for (size_t i = 0; i < WORDS_ASKED && str_next_field(&command).len; i++)
        if (process_parse_columns(command, h, &p, &rest))
            return true;
    return false;
}

static bool process_store(struct process_list *r, const struct listed_process *p, struct err *err) {
    char name[160];
    r->rows++;
    if (r->of_list++ == 0)
        r->first = *p;
    if (!r->wanted || r->of_list > PROCESSES_MOST)
        return true;
    snprintf(name, sizeof(name), "%.*s:%llu", (int)num_min(p->name.len, 100), p->name.ptr,
             (unsigned long long)p->pid);
    return size_text_counter(r->t->b, "task", str_of(name), "rss_bytes", p->resident, "bytes",
                             err) &&
           (p->threads == ABSENT ||
            size_text_counter(r->t->b, "task", str_of(name), "threads", p->threads, "count", err));
}

static bool process_list_end(struct process_list *r, struct err *err) {
    struct builder *b = r->t->b;
    if (!r->wanted || r->of_list != 1)
        return true;
    return size_text_process(b, r->first.name, r->first.pid, err) &&
           builder_counter(b, COUNTER_RSS_BYTES, r->first.resident, "bytes", err) &&
           (r->first.size == ABSENT ||
            builder_counter(b, COUNTER_VIRTUAL_SIZE, r->first.size, "bytes", err));
}

static bool process_take(void *context, bool *ret_mine, struct err *err) {
    struct process_list *r = context;
    struct str text = r->t->line.text, command;
    struct process_heading heading;
    struct listed_process p;
    *ret_mine = true;
    if (process_parse_heading(text, &heading)) {
        if (!process_list_end(r, err))
            return false;
        r->heading = heading;
        r->headed = true;
        r->of_list = 0;
        r->wanted = transcript_moment(r->t);
        return true;
    }
    if (r->headed && process_parse_row(text, &r->heading, &p)) {
        r->loss.unparsed += process_has_two_rows(text, &r->heading);
        return process_store(r, &p, err);
    }
    /* What top prints above a list, and a row that is not understood. */
    static const char *const above[] = {"top", "Tasks:", "%Cpu(s):", "Cpu(s):", "MiB",
                                        "KiB", "GiB",    "Mem:",     "Swap:"};
    struct str rest = text, first = str_next_field(&rest);
    if (STR_IS_ONE_OF(first, above))
        return true;
    /* A row that is not understood, or the rest of a long one: the list goes on below. */
    struct line next;
    struct str behind;
    *ret_mine = r->headed && !transcript_is_command(&r->t->line, &command) &&
                ((char_is_digit(str_first(first)) && r->heading.pid == 0) ||
                 process_parse_columns(text, &r->heading, &p, &behind) ||
                 (transcript_peek(r->t, 1, &next) &&
                  process_parse_columns(next.text, &r->heading, &p, &behind)));
    r->loss.unparsed += *ret_mine;
    return true;
}

static bool process_list_read(struct transcript *t, struct err *err) {
    struct process_list r = {.t = t};
    bool ok = scan_table(t, &r.loss, process_take, &r, err) && process_list_end(&r, err);
    if (ok && !r.rows)
        transcript_hollow(t, "process-list: a heading without processes");
    if (ok)
        scan_loss_report(t, &r.loss);
    return ok;
}

static bool process_list_starts(const struct transcript *t) {
    struct process_heading heading;
    struct line next;
    if (str_starts(t->line.text, STR("top - ")))
        return transcript_peek(t, 1, &next) && str_starts(next.text, STR("Tasks:"));
    /* What top lists is told above its heading. */
    if (str_contains(t->line.text, STR("TIME+")))
        return false;
    if (!process_parse_heading(t->line.text, &heading) || !transcript_peek(t, 1, &next))
        return false;
    struct listed_process p;
    return process_parse_row(next.text, &heading, &p);
}

const struct section section_process_list = {
    .name = "process-list",
    .summary = "ps, top -b: what is resident of each process (each list a moment)",
    .may_give = PART_BIT(PART_COUNTERS) | PART_BIT(PART_ORIGIN),
    .starts = process_list_starts,
    .read = process_list_read,
};
