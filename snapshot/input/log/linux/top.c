/*
 * `top -H -b -p PID`: threads and the CPU time they have used. Each iteration is a moment.
 *
 *     top - 10:30:01 up  6:59,  0 user,  load average: 8.93, 10.98, 10.40
 *     Threads: 144 total,  10 running, 134 sleeping,   0 stopped,   0 zombie
 *     ...
 *       PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND
 *      5103 root      39  19  254632 465532  12072 R  31.4   1.9   1:00.17 kiosk
 *
 * The time is that in user and kernel mode together, in hundredths of a second. "Tasks:" stands in
 * place of "Threads:" where it was called without -H: its lines are processes.
 */
#include "input/log/scan.h"

#include "base/num.h"
#include "model/rows_threads.h"

#define COLUMNS_MAX 32

enum column { COLUMN_OTHER, COLUMN_PID, COLUMN_STATE, COLUMN_TIME, COLUMN_COMMAND };

struct heading {
    enum column columns[COLUMNS_MAX];
    size_t count; /* without that of the command, which is the last */
};

struct reading {
    struct transcript *t;
    struct heading heading;
    bool headed, tasks, threads, wanted;
    uint64_t rows, said; /* said: threads by the summary, ABSENT: it is missing */
    uint64_t coarse;     /* [count] times without hundredths */
    struct scan_loss loss;
};

static bool top_parse_heading(struct str text, struct heading *ret_heading) {
    struct heading h = {.count = 0};
    bool has_pid = false, has_time = false;
    for (struct str name; (name = str_next_field(&text)).len;) {
        if (str_eq(name, STR("COMMAND"))) {
            *ret_heading = h;
            return has_pid && has_time && str_trim(text).len == 0;
        }
        if (h.count == COLUMNS_MAX)
            return false;
        enum column column = COLUMN_OTHER;
        if (str_eq(name, STR("PID")))
            column = COLUMN_PID;
        else if (str_eq(name, STR("S")))
            column = COLUMN_STATE;
        else if (str_eq(name, STR("TIME+")) || str_eq(name, STR("TIME")))
            column = COLUMN_TIME;
        has_pid |= column == COLUMN_PID;
        has_time |= column == COLUMN_TIME;
        h.columns[h.count++] = column;
    }
    return false;
}

/* "1:00.17" minutes, seconds; "1234:56" without hundredths; "12,34" hours and minutes. [ns] */
static bool parse_time(struct str text, uint64_t *ret_ns, bool *ret_coarse) {
    const uint64_t second = 1000000000;
    size_t colon = str_find(text, STR(":"), 0), comma = str_find(text, STR(","), 0);
    uint64_t first, last, unit = second;
    *ret_coarse = true;
    if (colon != STR_NOT_FOUND) {
        struct str seconds = str_drop(text, colon + 1);
        *ret_coarse = !str_contains(seconds, STR("."));
        if (!num_dec(str_take(text, colon), &first) || !num_scaled(seconds, second, &last) ||
            last >= 60 * second || first >= (uint64_t)1 << 26)
            return false;
        *ret_ns = first * 60 * second + last;
        return true;
    }
    if (comma == STR_NOT_FOUND || !num_dec(str_take(text, comma), &first) ||
        !num_dec(str_drop(text, comma + 1), &last) || last >= 60 || first >= (uint64_t)1 << 21)
        return false;
    *ret_ns = (first * 60 + last) * 60 * unit;
    return true;
}

struct row {
    uint64_t pid, ns;
    struct str state, command;
    bool coarse;
};

static bool top_parse_row(const struct heading *h, struct str text, struct row *ret_row) {
    struct str f[COLUMNS_MAX];
    *ret_row = (struct row){.pid = 0};
    if (h->count == 0 || scan_fields(text, f, h->count, &ret_row->command) != h->count ||
        ret_row->command.len == 0)
        return false;
    for (size_t i = 0; i < h->count; i++) {
        if (h->columns[i] == COLUMN_PID &&
            (!num_dec(f[i], &ret_row->pid) || !ret_row->pid || ret_row->pid > UINT32_MAX))
            return false;
        if (h->columns[i] == COLUMN_TIME && !parse_time(f[i], &ret_row->ns, &ret_row->coarse))
            return false;
        if (h->columns[i] == COLUMN_STATE)
            ret_row->state = f[i];
    }
    return true;
}

/* "top - 10:30:01 up  6:59,  0 user, ..." */
static bool is_top(struct str text) {
    return str_starts(text, STR("top - ")) && str_contains(str_take(text, 64), STR(" up "));
}

/* "Threads: 144 total, ...", "Tasks: ..." */
static bool parse_summary(struct str text, struct str label, uint64_t *ret_count) {
    struct str f[3];
    return str_starts(text, label) && scan_fields(str_take(text, 64), f, 3, NULL) == 3 &&
           num_dec(f[1], ret_count) && str_starts(f[2], STR("total"));
}

static bool top_is_remark(struct str text) {
    return str_starts(text, STR("%Cpu")) || str_starts(text, STR("Cpu(s)")) ||
           str_starts(text, STR("MiB ")) || str_starts(text, STR("KiB ")) ||
           str_starts(text, STR("GiB ")) || str_starts(text, STR("Mem:")) ||
           str_starts(text, STR("Swap:"));
}

static const char *state_name(struct str state) {
    static const struct {
        char letter;
        const char *name;
    } names[] = {
        {'R', "running"}, {'S', "sleeping"}, {'D', "uninterruptible"},
        {'T', "stopped"}, {'t', "traced"},   {'Z', "dead"},
        {'I', "idle"},
    };
    for (size_t i = 0; state.len == 1 && i < sizeof(names) / sizeof(*names); i++)
        if (names[i].letter == str_first(state))
            return names[i].name;
    return NULL;
}

static bool top_store(struct reading *r, const struct row *row, struct err *err) {
    struct builder *b = r->t->b;
    r->rows++;
    r->coarse += row->coarse;
    if (!r->wanted || r->tasks)
        return true;
    struct thread_row *thread = builder_thread(b, row->pid, ABSENT, err);
    if (!thread)
        return false;
    scan_say(&thread->user_ns, row->ns, &r->loss);
    struct str name = row->command;
    if (str_ends(name, STR("+"))) /* cut off to fit */
        name = str_take(name, name.len - 1);
    const char *state = state_name(row->state);
    if (!thread->name && !(thread->name = builder_string(b, name, err)))
        return false;
    if (state && !thread->state && !(thread->state = builder_string(b, str_of(state), err)))
        return false;
    return true;
}

static bool top_take_line(void *context, bool *ret_mine, struct err *err) {
    struct reading *r = context;
    struct str text = r->t->line.text, command;
    struct row row;
    *ret_mine = true;
    if (r->headed) {
        if (top_parse_row(&r->heading, text, &row))
            return top_store(r, &row, err);
        struct str rest = text, first = str_next_field(&rest);
        uint64_t pid;
        *ret_mine = first.len && num_dec(first, &pid) && !is_top(text) &&
                    !transcript_is_command(&r->t->line, &command);
        r->loss.unparsed += *ret_mine;
        return true;
    }
    if (is_top(text)) {
        *ret_mine = r->t->line.number == r->t->section_line;
        return true;
    }
    if (parse_summary(text, STR("Threads:"), &r->said))
        r->threads = true;
    else if (parse_summary(text, STR("Tasks:"), &r->said))
        r->tasks = true;
    else if (top_parse_heading(text, &r->heading))
        r->headed = true;
    else
        *ret_mine = top_is_remark(text);
    if (r->headed) {
        r->wanted = r->tasks || transcript_moment(r->t);
        if (!r->tasks && r->wanted)
            builder_present(r->t->b, PART_THREADS);
    }
    return true;
}

static bool top_read(struct transcript *t, struct err *err) {
    struct reading r = {.t = t, .said = ABSENT};
    struct builder *b = t->b;
    if (!scan_table(t, &r.loss, top_take_line, &r, err))
        return false;
    if (r.tasks) {
        transcript_hollow(t, "top: lists processes, not threads (top -H does)");
        return true;
    }
    if (r.rows == 0) {
        transcript_hollow(t, "top: a heading without threads");
        return true;
    }
    if (!r.wanted)
        return true;
    if (!r.threads)
        builder_warn(b, ABSENT, "top: its heading is cut off: lines are taken for threads");
    else if (r.rows < r.said)
        transcript_lacks(t, r.said - r.rows, "top: threads that are counted, but not listed");
    if (r.coarse)
        builder_note(b, "top: the time of %llu threads is rounded down to seconds or minutes",
                     (unsigned long long)r.coarse);
    builder_note(b, "user time is that in user and kernel mode together (top)");
    scan_loss_report(t, &r.loss);
    return true;
}

static bool top_starts(const struct transcript *t) {
    struct str text = t->line.text;
    struct heading heading;
    return (str_first(text) == 't' && is_top(text)) ||
           (str_first(text) == 'P' && str_starts(text, STR("PID ")) &&
            top_parse_heading(text, &heading));
}

const struct section section_top = {
    .name = "top",
    .summary = "top -H -b -p: CPU time of the threads of a Linux process",
    .may_give = PART_BIT(PART_THREADS),
    .starts = top_starts,
    .read = top_read,
};
