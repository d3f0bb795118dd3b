/*
 * tasklist of Windows: processes and what is resident of each; each list is a moment.
 *
 *     Image Name                     PID Session Name        Session#    Mem Usage
 *     ========================= ======== ================ =========== ============
 *     System Idle Process              0 Services                   0          8 K
 *     till.exe                      4711 Console                    1    912,356 K
 *
 *     Image Name:   till.exe                                   /fo list
 *     PID:          4711
 *     Session Name: Console
 *     Session#:     1
 *     Mem Usage:    912,356 K
 *
 *     "till.exe","4711","Console","1","912,356 K"              /fo csv
 *
 * Headings are in the language of the machine, so that the table is known by its rule. A name may
 * have blanks, a session none; /v has columns behind the memory. Lists of services (/svc) or
 * modules (/m) have no memory.
 *
 * A list of one process is about that process; of many, each has a counter.
 */
#include "input/log/size_text.h"
#include "input/log/stat_table.h"
#include "model/known_names.h"

#include "base/chars.h"
#include "base/hash.h"
#include "base/num.h"

#define TASKS_MOST  4096u
#define FIELDS_MOST 40u

struct task {
    struct str name; /* borrowed */
    uint64_t pid, resident;
};

struct tasklist {
    struct transcript *t;
    struct u64map seen; /* pids of this list */
    struct task first;  /* of the list; pid ABSENT: none so far */
    struct task listed; /* of /fo list, so far */
    bool wanted, begun;
    uint64_t rows, of_list; /* in all; of this list */
    struct scan_loss loss;
};

/* -- Lines ------------------------------------------------------------------------------------- */

/* "===== ======== ==== === ====": five columns, nine of /v. */
static bool tasklist_is_rule(struct str text) {
    size_t columns = 0;
    for (struct str word; (word = str_next_field(&text)).len; columns++)
        for (size_t i = 0; i < word.len; i++)
            if (word.ptr[i] != '=')
                return false;
    return columns == 5 || columns == 9;
}

/* "912,356" and "K". [bytes] */
static bool tasklist_memory(struct str number, struct str unit, uint64_t *ret_bytes) {
    static const char *const units[] = {"K", "Ko", "KB", "Kb", "kB"};
    uint64_t value;
    if (!STR_IS_ONE_OF(unit, units) || !num_grouped(number, &value) || value > UINT64_MAX / 2048)
        return false;
    *ret_bytes = value * 1024;
    return true;
}

/* "912 356 K", alone in its cell. [bytes] */
static bool tasklist_memory_cell(struct str cell, uint64_t *ret_bytes) {
    struct str unit = scan_last_field(&cell);
    return tasklist_memory(cell, unit, ret_bytes);
}

/* "System Idle Process  0 Services  0  8 K": name, PID, session (may be empty), its number, memory.
 */
static bool tasklist_parse_row(struct str text, struct task *ret_task) {
    struct str f[FIELDS_MOST];
    size_t count = scan_fields(text, f, FIELDS_MOST, NULL);
    uint64_t session;
    for (size_t k = 4; k < count; k++) {
        size_t first = k - 1;
        if (!tasklist_memory(f[first], f[k], &ret_task->resident))
            continue;
        /* Groups of thousands that blanks tell apart: with them there is still a session. */
        for (size_t start = first; start >= 2 && start + 4 > first; start--) {
            if (!num_dec(f[start - 1], &session))
                break;
            size_t pid = start >= 3 && !num_dec(f[start - 2], &session) ? start - 3 : start - 2;
            struct str number = {f[start].ptr,
                                 (size_t)(f[first].ptr + f[first].len - f[start].ptr)};
            if (pid == 0 || pid >= start || !num_dec(f[pid], &ret_task->pid) ||
                !tasklist_memory(number, f[k], &ret_task->resident))
                continue;
            const struct str *last = &f[pid - 1];
            ret_task->name = str_take(text, (size_t)(last->ptr + last->len - text.ptr));
            return true;
        }
    }
    return false;
}

/* The next of "a","b": without its quotes. */
static struct str tasklist_cell(struct str *rest) {
    if (str_first(*rest) != '"')
        return (struct str){"", 0};
    size_t end = str_find(*rest, STR("\""), 1);
    struct str cell = end == STR_NOT_FOUND ? STR("") : str_take(str_drop(*rest, 1), end - 1);
    *rest = end == STR_NOT_FOUND ? STR("") : str_drop(*rest, end + 1);
    if (str_starts(*rest, STR(",")))
        *rest = str_drop(*rest, 1);
    return cell;
}

/* "till.exe","4711","Console","1","912,356 K" */
static bool tasklist_parse_csv(struct str text, struct task *ret_task) {
    struct str rest = text;
    ret_task->name = tasklist_cell(&rest);
    struct str pid = tasklist_cell(&rest);
    tasklist_cell(&rest);
    tasklist_cell(&rest);
    return ret_task->name.len && num_dec(pid, &ret_task->pid) &&
           tasklist_memory_cell(tasklist_cell(&rest), &ret_task->resident);
}

static bool tasklist_is_csv_heading(struct str text) {
    struct str rest = text;
    tasklist_cell(&rest);
    return str_eq(tasklist_cell(&rest), STR("PID")) && tasklist_cell(&rest).len &&
           tasklist_cell(&rest).len && tasklist_cell(&rest).len;
}

/* The five lines of /fo list, in any language: the values come in the order of the columns. */
static bool tasklist_parse_labelled(const struct transcript *t, struct task *ret_task) {
    struct str values[5];
    for (unsigned i = 0; i < 5; i++) {
        struct line line;
        size_t colon;
        if (!transcript_peek(t, i, &line) || (i == 1 && !str_starts(line.text, STR("PID:"))) ||
            (colon = str_find(str_take(line.text, 64), STR(":"), 0)) == STR_NOT_FOUND || !colon)
            return false;
        values[i] = str_trim(str_drop(line.text, colon + 1));
    }
    ret_task->name = values[0];
    return values[0].len && num_dec(values[1], &ret_task->pid) &&
           tasklist_memory_cell(values[4], &ret_task->resident);
}

/* -- Lists ------------------------------------------------------------------------------------- */

static void tasklist_begin(struct tasklist *r) {
    r->wanted = transcript_moment(r->t);
    r->begun = true;
    r->of_list = 0;
    u64map_deinit(&r->seen);
    u64map_init(&r->seen);
}

static bool tasklist_store(struct tasklist *r, const struct task *task, struct err *err) {
    char name[160];
    if (!r->begun || u64map_get(&r->seen, task->pid) != STRMAP_NONE)
        tasklist_begin(r);
    if (!u64map_put(&r->seen, task->pid, 0))
        return err_nomem(err);
    r->rows++;
    if (r->of_list++ == 0)
        r->first = *task;
    if (!r->wanted || r->of_list > TASKS_MOST)
        return true;
    snprintf(name, sizeof(name), "%.*s:%llu", (int)num_min(task->name.len, 100), task->name.ptr,
             (unsigned long long)task->pid);
    return size_text_counter(r->t->b, "task", str_of(name), "working_set_bytes", task->resident,
                             "bytes", err);
}

static bool tasklist_end(struct tasklist *r, struct err *err) {
    struct builder *b = r->t->b;
    if (!r->wanted || r->of_list != 1)
        return true;
    return size_text_process(b, r->first.name, r->first.pid, err) &&
           builder_counter(b, COUNTER_WORKING_SET, r->first.resident, "bytes", err);
}

static bool tasklist_take(void *context, bool *ret_mine, struct err *err) {
    struct tasklist *r = context;
    struct transcript *t = r->t;
    struct line next;
    struct task task;
    *ret_mine = true;
    if (tasklist_is_rule(t->line.text) || tasklist_is_csv_heading(t->line.text) ||
        (transcript_peek(t, 1, &next) && tasklist_is_rule(next.text))) {
        r->begun = r->begun && !r->of_list; /* another list */
        return true;
    }
    if (tasklist_parse_row(t->line.text, &task) || tasklist_parse_csv(t->line.text, &task))
        return tasklist_store(r, &task, err);
    *ret_mine = tasklist_parse_labelled(t, &task);
    if (!*ret_mine)
        return true;
    for (int i = 1; i < 5; i++) /* the last is passed over by the caller */
        transcript_next(t);
    return tasklist_store(r, &task, err);
}

static bool tasklist_read(struct transcript *t, struct err *err) {
    struct tasklist r = {.t = t};
    u64map_init(&r.seen);
    bool ok = scan_table(t, &r.loss, tasklist_take, &r, err) && tasklist_end(&r, err);
    if (ok && !r.rows)
        transcript_hollow(t, "tasklist: no process with its memory in it (as /svc and /m print)");
    if (ok)
        scan_loss_report(t, &r.loss);
    u64map_deinit(&r.seen);
    return ok;
}

static bool tasklist_starts(const struct transcript *t) {
    struct str text = t->line.text;
    struct task task;
    if (str_first(text) == '=')
        return tasklist_is_rule(text);
    if (str_first(text) == '"')
        return tasklist_is_csv_heading(text);
    bool asked = transcript_last_command_is(t, "tasklist");
    if (!asked && !str_starts(text, STR("Image Name:")))
        return false;
    return tasklist_parse_labelled(t, &task) ||
           (asked && (tasklist_parse_row(text, &task) || tasklist_parse_csv(text, &task)));
}

const struct section section_tasklist = {
    .name = "tasklist",
    .summary = "tasklist of Windows: what is resident of each process (each list a moment)",
    .may_give = PART_BIT(PART_COUNTERS) | PART_BIT(PART_ORIGIN),
    .starts = tasklist_starts,
    .read = tasklist_read,
};
