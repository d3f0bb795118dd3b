/* Threads, their stacks and their locks. */
#include "diff/report/doc_parts.h"
#include "diff/names/names.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_SHOWN 16u

uint64_t thread_cpu_ns(const struct thread_row *t) {
    uint64_t user = t->user_ns == ABSENT ? 0 : t->user_ns;
    uint64_t kernel = t->kernel_ns == ABSENT ? 0 : t->kernel_ns;
    return user + kernel < user ? ABSENT - 1 : user + kernel;
}

void thread_where(const struct thread_row *row, struct strbuf *out) {
    const struct strings *frames = &row->frames;
    if (row->waiting_on)
        strbuf_adds(out, row->waiting_on);
    else if (frames->count)
        strbuf_add(out, fmt_method(frames->items[0]));
    else if (row->native_frames.count)
        strbuf_adds(out, row->native_frames.items[0]);
    uint32_t app = 0;
    while (app < frames->count && name_is_framework(frames->items[app]))
        app++;
    if (app < frames->count && (app > 0 || row->waiting_on)) {
        strbuf_adds(out, " in ");
        strbuf_add(out, fmt_method(frames->items[app]));
    }
}

static void where_cell(const struct doc_context *c, struct doc_table *t,
                       const struct thread_row *row) {
    struct strbuf text;
    strbuf_init(&text);
    thread_where(row, &text);
    doc_cell(c->d, t, DOC_PLAIN, strbuf_cstr(&text));
    doc_fail(c->d, &text.err);
    strbuf_deinit(&text);
}

static const char *who(const struct thread_row *t) {
    return t->name ? t->name : t->role;
}

/* -- Stacks ------------------------------------------------------------------------------------ */

struct stack_group {
    uint32_t first, count; /* rows order[first..first+count) */
};

const struct strings *thread_stack(const struct thread_row *t) {
    return t->frames.count ? &t->frames : &t->native_frames;
}

static int cmp_strings(const struct strings *a, const struct strings *b) {
    for (uint32_t i = 0; i < a->count && i < b->count; i++) {
        int order = strcmp(a->items[i], b->items[i]);
        if (order)
            return order;
    }
    return (a->count > b->count) - (a->count < b->count);
}

static int cmp_by_stack(const void *x, const void *y, void *context) {
    const struct thread_row *rows = context;
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    int order = cmp_strings(thread_stack(&rows[a]), thread_stack(&rows[b]));
    return order ? order : (a > b) - (a < b);
}

static int doc_threads_cmp_groups(const void *x, const void *y, void *context) {
    const struct stack_group *a = x, *b = y;
    const uint32_t *order = context;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return (order[a->first] > order[b->first]) - (order[a->first] < order[b->first]);
}

static void frames(const struct doc_context *c, const struct strings *stack) {
    uint32_t most = c->o->all ? UINT32_MAX : FRAMES_SHOWN;
    for (uint32_t i = 0; i < stack->count && i < most; i++)
        doc_text(c->d, DOC_STACK, DOC_PLAIN, "%s", stack->items[i]);
    if (stack->count > most)
        doc_text(c->d, DOC_STACK, DOC_DIM, "[%u more frame%s]", stack->count - most,
                 plural(stack->count - most));
}

static void group_title(const struct doc_context *c, const struct thread_row *rows,
                        const uint32_t *members, uint32_t count) {
    struct strbuf line;
    char label[FMT_MAX];
    strbuf_init(&line);
    bool nameless = strcmp(thread_label(&rows[members[0]], label), "?") == 0;
    if (count > 1)
        strbuf_addf(&line, nameless ? "%u threads" : "%u threads: ", count);
    uint32_t most = c->o->all ? UINT32_MAX : 8;
    if (nameless && count > 1)
        count = 0;
    for (uint32_t i = 0; i < count && i < most; i++) {
        const struct thread_row *t = &rows[members[i]];
        strbuf_addf(&line, "%s%s", i ? ", " : "", thread_label(t, label));
        if (who(t))
            strbuf_addf(&line, "%s%s", *label ? " " : "", who(t));
        if (t->waiting_on && count == 1)
            strbuf_addf(&line, ", waits in %s", t->waiting_on);
    }
    if (count > most)
        strbuf_addf(&line, ", [%u other%s]", count - most, plural(count - most));
    if (count != 1 && rows[members[0]].waiting_on)
        strbuf_addf(&line, "; they wait in %s", rows[members[0]].waiting_on);
    doc_text(c->d, c->d->is_page ? DOC_FOLD : DOC_ITEM, DOC_STRONG, "%s", strbuf_cstr(&line));
    doc_fail(c->d, &line.err);
    strbuf_deinit(&line);
}

static void groups_out(const struct doc_context *c, struct thread_row *rows, uint32_t *order,
                       struct stack_group *groups, uint32_t count) {
    uint32_t group_count = 0;
    qsort_r(order, count, sizeof(*order), cmp_by_stack, rows);
    for (uint32_t i = 0; i < count; i++) {
        if (i && cmp_strings(thread_stack(&rows[order[i - 1]]), thread_stack(&rows[order[i]])) == 0)
            groups[group_count - 1].count++;
        else
            groups[group_count++] = (struct stack_group){i, 1};
    }
    qsort_r(groups, group_count, sizeof(*groups), doc_threads_cmp_groups, order);
    uint32_t top = view_top(c->o, c->d->is_page ? 3 * ROWS_DEFAULT : ROWS_DEFAULT);
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Stacks: %u different of %u thread%s", group_count,
             count, count == 1 ? "" : "s");
    for (uint32_t i = 0; i < group_count && i < top; i++) {
        const uint32_t *members = order + groups[i].first;
        group_title(c, rows, members, groups[i].count);
        frames(c, thread_stack(&rows[members[0]]));
        if (c->d->is_page)
            doc_text(c->d, DOC_UNFOLD, DOC_PLAIN, NULL);
    }
    if (group_count > top)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%u other stack%s]", group_count - top,
                 plural(group_count - top));
}

static void show_stacks(const struct doc_context *c, const struct thread_row *rows,
                        uint32_t count) {
    uint32_t *order = calloc((size_t)count + 1, sizeof(*order));
    struct stack_group *groups = calloc((size_t)count + 1, sizeof(*groups));
    uint32_t with_stack = 0;
    for (uint32_t i = 0; order && i < count; i++)
        if (thread_stack(&rows[i])->count)
            order[with_stack++] = i;
    if (!order || !groups)
        doc_fail_nomem(c->d);
    else if (with_stack)
        groups_out(c, (struct thread_row *)(uintptr_t)rows, order, groups, with_stack);
    free(order);
    free(groups);
}

/* -- Show -------------------------------------------------------------------------------------- */

static int cmp_by_cpu(const void *x, const void *y, void *context) {
    const struct thread_row *rows = context;
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    uint64_t cpu_a = thread_cpu_ns(&rows[a]), cpu_b = thread_cpu_ns(&rows[b]);
    if (cpu_a != cpu_b)
        return cpu_a > cpu_b ? -1 : 1;
    /* Without times: what an operator looks for first. */
    if (!rows[a].exception != !rows[b].exception)
        return rows[a].exception ? -1 : 1;
    if (!rows[a].waiting_on != !rows[b].waiting_on)
        return rows[a].waiting_on ? -1 : 1;
    return (a > b) - (a < b);
}

/* Where no debugger numbered the threads, they are known by what `ps -L` and `top -H` print. */
static void decimal_id(const struct doc_context *c, struct doc_table *t,
                       const struct thread_row *row) {
    if (row->index == ABSENT && row->os_id != ABSENT)
        doc_cellf(c->d, t, DOC_PLAIN, "%" PRIu64, row->os_id);
    else
        doc_cell(c->d, t, DOC_PLAIN, NULL);
}

static void thread_line(const struct doc_context *c, struct doc_table *t,
                        const struct thread_row *row, bool roles) {
    char label[FMT_MAX];
    doc_row(c->d, t, DOC_PLAIN);
    doc_cell(c->d, t, DOC_PLAIN, thread_label(row, label));
    decimal_id(c, t, row);
    doc_cell(c->d, t, DOC_PLAIN, row->name);
    doc_cell(c->d, t, DOC_PLAIN, roles ? row->role : NULL);
    doc_cell(c->d, t, DOC_PLAIN, row->state);
    doc_ns(c->d, t, row->cpu_recorded == 0 ? ABSENT : row->user_ns);
    doc_ns(c->d, t, row->cpu_recorded == 0 ? ABSENT : row->kernel_ns);
    doc_ns(c->d, t, row->elapsed_ns);
    doc_count(c->d, t, row->lock_count && row->lock_count != ABSENT ? row->lock_count : ABSENT);
    doc_cell(c->d, t, DOC_BAD, row->exception);
    where_cell(c, t, row);
}

/* The number in the series of a row of its only snapshot. */
static uint32_t thread_number(const struct doc_context *c, const struct thread_row *row) {
    for (uint32_t i = 0; c->d->is_page && i < c->s->thread_count; i++)
        if (c->s->threads[i].rows[0] == row)
            return i;
    return UINT32_MAX;
}

static void show_thread_table(const struct doc_context *c, struct thread_row *rows,
                              uint32_t count) {
    static const struct doc_column columns[] = {
        {"thread", false, CUT_NEVER},     {"tid", true, CUT_NEVER},     {"name", false, CUT_MIDDLE},
        {"role", false, CUT_NEVER},       {"state", false, CUT_NEVER},  {"user", true, CUT_NEVER},
        {"kernel", true, CUT_NEVER},      {"age", true, CUT_NEVER},     {"locks", true, CUT_NEVER},
        {"exception", false, CUT_MIDDLE}, {"where", false, CUT_MIDDLE},
    };
    uint32_t *order = calloc((size_t)count + 1, sizeof(*order));
    if (!order) {
        doc_fail_nomem(c->d);
        return;
    }
    bool roles = false; /* that no name tells */
    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
        roles = roles || (rows[i].role && !rows[i].name);
    }
    qsort_r(order, count, sizeof(*order), cmp_by_cpu, rows);
    uint32_t top = doc_top(c, ROWS_DEFAULT), shown = count < top ? count : top;
    struct doc_table *t = doc_table(c->d, columns, 11);
    for (uint32_t i = 0; i < shown; i++) {
        thread_line(c, t, &rows[order[i]], roles);
        doc_row_mark(t, MARK_THREAD, thread_number(c, &rows[order[i]]));
    }
    doc_prune(t);
    doc_others(c, t, count - shown);
    free(order);
}

void doc_show_threads(const struct doc_context *c) {
    uint32_t count;
    struct thread_row *rows =
        (struct thread_row *)(uintptr_t)snapshot_rows(c->s->snapshots[0], PART_THREADS, &count);
    if (!count)
        return;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Threads: %u", count);
    show_thread_table(c, rows, count);
    show_stacks(c, rows, count);
}

/* -- Locks ------------------------------------------------------------------------------------- */

static const struct thread_row *doc_threads_thread_of(const struct snapshot *s,
                                                      const struct lock_row *lock) {
    SNAPSHOT_ROWS(s, PART_THREADS, struct thread_row, rows, count);
    for (uint32_t i = 0; i < count; i++) {
        if (lock->owner_os_id != ABSENT && lock->owner_os_id && rows[i].os_id == lock->owner_os_id)
            return &rows[i];
        if (lock->owner_name && rows[i].os_id == ABSENT && rows[i].name &&
            strcmp(rows[i].name, lock->owner_name) == 0)
            return &rows[i];
        if ((lock->owner_os_id == ABSENT || !lock->owner_os_id) &&
            lock->owner_managed_id != ABSENT && lock->owner_managed_id &&
            rows[i].managed_id == lock->owner_managed_id)
            return &rows[i];
    }
    return NULL;
}

static void owner_cell(const struct doc_context *c, struct doc_table *t, const struct snapshot *s,
                       const struct lock_row *lock) {
    const struct thread_row *owner = doc_threads_thread_of(s, lock);
    char label[FMT_MAX];
    if (owner)
        doc_cellf(c->d, t, DOC_PLAIN, "%s%s%s", thread_label(owner, label),
                  who(owner) && *label ? " " : "", who(owner) ? who(owner) : "");
    else if (lock->owner_os_id != ABSENT && lock->owner_os_id)
        doc_cellf(c->d, t, DOC_PLAIN, "0x%" PRIx64, lock->owner_os_id);
    else if (lock->owner_managed_id != ABSENT && lock->owner_managed_id)
        doc_cellf(c->d, t, DOC_PLAIN, "managed %" PRIu64, lock->owner_managed_id);
    else
        doc_cell(c->d, t, DOC_PLAIN, lock->owner_name ? lock->owner_name : "-");
}

#define LOCKS_WITH_OWNER_LOOKUP 1000u

static void lock_table(const struct doc_context *c, const struct snapshot *s) {
    static const struct doc_column columns[] = {
        {"held by", false, CUT_NEVER}, {"waiters", true, CUT_NEVER}, {"recursion", true, CUT_NEVER},
        {"object", true, CUT_NEVER},   {"type", false, CUT_TYPE},
    };
    char buf[FMT_MAX];
    SNAPSHOT_ROWS(s, PART_LOCKS, struct lock_row, rows, count);
    uint32_t top = doc_top(c, ROWS_DEFAULT), shown = 0, quiet = 0;
    top = top < LOCKS_WITH_OWNER_LOOKUP ? top : LOCKS_WITH_OWNER_LOOKUP;
    struct doc_table *t = doc_table(c->d, columns, 5);
    for (uint32_t i = 0; i < count; i++) {
        bool busy = rows[i].held == 1 || (rows[i].waiters != ABSENT && rows[i].waiters);
        if (!busy || shown == top) {
            quiet++;
            continue;
        }
        shown++;
        doc_row(c->d, t, DOC_PLAIN);
        owner_cell(c, t, s, &rows[i]);
        doc_count(c->d, t, rows[i].waiters);
        doc_count(c->d, t, rows[i].recursion);
        doc_cell(c->d, t, DOC_PLAIN, fmt_hex(rows[i].address, buf));
        doc_cell(c->d, t, DOC_PLAIN, rows[i].object_type);
    }
    if (!shown)
        doc_text(c->d, DOC_PARA, DOC_PLAIN, "No lock is held.");
    doc_prune(t);
    if (quiet && shown)
        doc_text(c->d, DOC_ITEM, DOC_DIM, "[%u other%s]", quiet, plural(quiet));
}

void doc_show_locks(const struct doc_context *c) {
    if (!part_any(c, PART_LOCKS))
        return;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Locks");
    lock_table(c, c->s->snapshots[0]);
}

void doc_diff_locks(const struct doc_context *c) {
    const struct snapshot *s = series_new(c->s);
    if (!snapshot_has(s, PART_LOCKS))
        return;
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Locks in %s", c->o->names[c->s->count - 1]);
    lock_table(c, s);
}

/* -- Diff -------------------------------------------------------------------------------------- */

/* The newest row of a thread. */
static const struct thread_row *doc_threads_newest(const struct series *s,
                                                   const struct series_thread *t) {
    for (uint32_t i = s->count; i-- > 0;)
        if (t->rows[i])
            return t->rows[i];
    return NULL;
}

/* What is read first: the runaways, then whatever came, went or ran most. */
static unsigned rank(const struct series_thread *t) {
    static const unsigned ranks[] = {
        [THREAD_RUNAWAY] = 0,    [THREAD_RUNNING] = 1,   [THREAD_NEW] = 2,
        [THREAD_GONE] = 3,       [THREAD_UNCHANGED] = 4, [THREAD_NOT_RECORDED] = 5,
        [THREAD_NOT_LISTED] = 6,
    };
    return ranks[t->state];
}

/* Somebody's code is on its stack: an unchanged thread that may be stuck, and not just idle. */
static bool in_application(const struct thread_row *t) {
    for (uint32_t i = 0; t && i < t->frames.count; i++)
        if (!name_is_framework(t->frames.items[i]))
            return true;
    return false;
}

/* The runtime's own threads, and those that nobody's code is on, are for who asks for all. */
static bool thread_matters(const struct series *s, const struct series_thread *t) {
    const struct thread_row *row = doc_threads_newest(s, t);
    if (t->state == THREAD_RUNAWAY || !row)
        return true;
    return row->frames.count ? in_application(row) : !row->role && t->state != THREAD_UNCHANGED;
}

static int doc_threads_cmp_threads(const void *x, const void *y, void *context) {
    const struct series *s = context;
    uint32_t i = *(const uint32_t *)x, k = *(const uint32_t *)y;
    const struct series_thread *a = &s->threads[i], *b = &s->threads[k];
    if (rank(a) != rank(b))
        return rank(a) < rank(b) ? -1 : 1;
    uint64_t cpu_a = a->cpu_delta_ns == ABSENT ? 0 : a->cpu_delta_ns;
    uint64_t cpu_b = b->cpu_delta_ns == ABSENT ? 0 : b->cpu_delta_ns;
    if (cpu_a != cpu_b)
        return cpu_a > cpu_b ? -1 : 1;
    bool app_a = in_application(doc_threads_newest(s, a)),
         app_b = in_application(doc_threads_newest(s, b));
    if (app_a != app_b)
        return app_a ? -1 : 1;
    return (i > k) - (i < k);
}

static void diff_thread_line(const struct doc_context *c, struct doc_table *t,
                             const struct series_thread *thread) {
    static const enum doc_style styles[THREAD_STATES] = {[THREAD_RUNAWAY] = DOC_BAD,
                                                         [THREAD_NOT_RECORDED] = DOC_DIM,
                                                         [THREAD_GONE] = DOC_DIM,
                                                         [THREAD_NOT_LISTED] = DOC_DIM};
    const struct thread_row *row = doc_threads_newest(c->s, thread);
    char buf[FMT_MAX];
    if (!row)
        return;
    doc_row(c->d, t, DOC_PLAIN);
    doc_cell(c->d, t, DOC_PLAIN, thread_label(row, buf));
    decimal_id(c, t, row);
    doc_cell(c->d, t, DOC_PLAIN, who(row));
    doc_cell(c->d, t, styles[thread->state], thread_state_text(thread->state));
    doc_cell(c->d, t, DOC_PLAIN, fmt_ns_delta(thread->user_delta_ns, buf));
    doc_number(t, UNIT_NS, thread->user_delta_ns);
    doc_cell(c->d, t, DOC_PLAIN, fmt_ns_delta(thread->kernel_delta_ns, buf));
    doc_number(t, UNIT_NS, thread->kernel_delta_ns);
    if (thread->switches_delta == ABSENT)
        doc_cell(c->d, t, DOC_PLAIN, "-");
    else
        doc_cellf(c->d, t, DOC_PLAIN, "+%s", fmt_count(thread->switches_delta, buf));
    doc_cell(c->d, t, DOC_PLAIN,
             thread->same_stack == ABSENT ? "-"
             : thread->same_stack         ? "same"
                                          : "changed");
    where_cell(c, t, row);
}

static void thread_counts(const struct doc_context *c) {
    uint32_t counts[THREAD_STATES] = {0}, both = 0;
    for (uint32_t i = 0; i < c->s->thread_count; i++) {
        enum thread_state state = c->s->threads[i].state;
        counts[state]++;
        both += state != THREAD_NEW && state != THREAD_GONE && state != THREAD_NOT_LISTED;
    }
    struct strbuf line;
    strbuf_init(&line);
    strbuf_addf(&line, "%u in %s", both, c->s->count == 2 ? "both" : "all");
    for (int state = 0; state < THREAD_STATES; state++)
        if (counts[state])
            strbuf_addf(&line, ", %u %s", counts[state],
                        state == THREAD_NOT_RECORDED ? "without recorded times"
                                                     : thread_state_text((enum thread_state)state));
    doc_text(c->d, DOC_HEADING, DOC_PLAIN, "Threads: %s", strbuf_cstr(&line));
    doc_fail(c->d, &line.err);
    strbuf_deinit(&line);
}

void doc_diff_threads(const struct doc_context *c) {
    static const struct doc_column columns[] = {
        {"thread", false, CUT_NEVER},  {"tid", true, CUT_NEVER},    {"name", false, CUT_MIDDLE},
        {"state", false, CUT_NEVER},   {"user", true, CUT_NEVER},   {"kernel", true, CUT_NEVER},
        {"switches", true, CUT_NEVER}, {"stack", false, CUT_NEVER}, {"where", false, CUT_MIDDLE},
    };
    uint32_t count = c->s->thread_count;
    if (!count)
        return;
    uint32_t *order = calloc(count, sizeof(*order));
    if (!order) {
        doc_fail_nomem(c->d);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    qsort_r(order, count, sizeof(*order), doc_threads_cmp_threads,
            (struct series *)(uintptr_t)c->s);
    thread_counts(c);
    uint32_t top = doc_top(c, ROWS_DEFAULT), shown = 0;
    struct doc_table *t = doc_table(c->d, columns, 9);
    for (uint32_t i = 0; i < count && shown < top; i++) {
        const struct series_thread *thread = &c->s->threads[order[i]];
        if (doc_is_brief(c) && !thread_matters(c->s, thread))
            continue;
        diff_thread_line(c, t, thread);
        doc_row_mark(t, MARK_THREAD, order[i]);
        shown++;
    }
    doc_prune(t);
    doc_others(c, t, count - shown);
    free(order);
}
