/*
 * The kernel's report of a process that it killed for want of memory, of the machine's or of a
 * control group's; each is a moment.
 *
 *     till invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
 *     memory: usage 4194304kB, limit 4194304kB, failcnt 9112
 *     [  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name
 *     [   4711]  1000  4711  2107726  1041992      8593408        0             0 till
 *     Memory cgroup out of memory: Killed process 4711 (till) total-vm:8430904kB,
 *     anon-rss:4152300kB, file-rss:15836kB, shmem-rss:0kB, UID:1000       (one line)
 *
 * The table counts pages, taken for 4 KiB; what follows "Killed process" may stand a line each.
 * Source: mm/oom_kill.c and mm/memcontrol.c of Linux.
 */
#include "input/log/size_text.h"
#include "model/known_names.h"
#include "model/rows_origin.h"
#include "model/rows_process.h"

#include "base/chars.h"
#include "base/num.h"

#define OOM_PAGE  4096u
#define OOM_TASKS 4096u
/* Lines of the state of memory that the kernel prints in one piece, at most. */
#define OOM_STRANGE 120u

struct oom_reading {
    struct transcript *t;
    bool wanted, begun, killed, in_table;
    uint64_t virtual_bytes, anon, file, shmem; /* [bytes]; ABSENT: not said */
    size_t rss_cell;
    uint64_t tasks, strange; /* [count] of the table; lines in a row that are not of use */
    struct scan_loss loss;
};

/* "total-vm:8430904kB", "anon-rss:   4152300 kB": behind the label. */
static void oom_figure(struct str text, struct str label, uint64_t *ret_bytes) {
    size_t at = str_find(text, label, 0);
    struct str rest = at == STR_NOT_FOUND ? STR("") : str_drop(text, at + label.len), number;
    if (at == STR_NOT_FOUND || !str_starts(rest, STR(":")))
        return;
    rest = str_trim(str_drop(rest, 1));
    size_t end = 0;
    while (end < rest.len && char_is_digit(rest.ptr[end]))
        end++;
    number = str_take(rest, end);
    rest = str_trim(str_drop(rest, end));
    uint64_t kib;
    if (str_starts(rest, STR("kB")) && num_dec(number, &kib) && kib < (uint64_t)1 << 50)
        *ret_bytes = kib * 1024;
}

/* "Killed process 4711 (till)", "Killed process (till)" */
static bool oom_killed(struct str text, uint64_t *ret_pid, struct str *ret_name) {
    size_t at = str_find(str_take(text, 512), STR("Killed process "), 0);
    if (at == STR_NOT_FOUND)
        return false;
    struct str rest = str_drop(text, at + 15), first = rest;
    first = str_next_field(&first);
    *ret_pid = ABSENT;
    if (num_dec(str_ends(first, STR(",")) ? str_take(first, first.len - 1) : first, ret_pid))
        rest = str_drop(rest, first.len);
    rest = str_trim(rest);
    size_t close = str_find(rest, STR(")"), 0);
    if (!str_starts(rest, STR("(")) || close == STR_NOT_FOUND)
        return false;
    *ret_name = str_drop(str_take(rest, close), 1);
    return ret_name->len > 0;
}

/* Behind "[ 1234.567890] " and the name of the machine. */
static struct str oom_text(struct str text, struct str what) {
    size_t at = str_find(str_take(text, 200), what, 0);
    return at == STR_NOT_FOUND ? STR("") : str_drop(text, at);
}

static bool oom_is_heading(struct oom_reading *r, struct str text) {
    static const struct str heads[] = {STR_INIT("[ pid ]"), STR_INIT("[  pid  ]")};
    for (size_t i = 0; i < 2; i++) {
        struct str rest = oom_text(text, heads[i]), word;
        if (!rest.len)
            continue;
        rest = str_drop(rest, heads[i].len);
        for (size_t cell = 0; cell < 16 && (word = str_next_field(&rest)).len; cell++)
            if (str_eq(word, STR("rss"))) {
                r->rss_cell = cell;
                r->in_table = true;
                return true;
            }
    }
    return false;
}

static bool oom_begin(struct oom_reading *r) {
    if (!r->begun)
        r->wanted = transcript_moment(r->t);
    r->begun = true;
    return r->wanted;
}

/* "[   4711]  1000  4711  2107726  1041992  8593408  0  0 till": by name, in sum. */
static bool oom_task(struct oom_reading *r, struct str text, bool *ret_mine, struct err *err) {
    size_t close = STR_NOT_FOUND;
    for (size_t from = 0, next;
         (next = str_find(str_take(text, 200), STR("]"), from)) != STR_NOT_FOUND; from = next + 1)
        close = next;
    struct str rest = close == STR_NOT_FOUND ? STR("") : str_drop(text, close + 1), cells[16];
    size_t count = scan_fields(rest, cells, 16, NULL);
    uint64_t pages;
    *ret_mine = r->in_table && count > r->rss_cell + 1 && count < 16 &&
                num_dec(cells[r->rss_cell], &pages) && pages < (uint64_t)1 << 40 &&
                !char_is_digit(str_first(cells[count - 1]));
    if (!*ret_mine || !oom_begin(r) || r->tasks++ >= OOM_TASKS)
        return true;
    uint32_t counters;
    struct strbuf name;
    strbuf_init(&name);
    strbuf_adds(&name, "task.");
    strbuf_add(&name, cells[count - 1]);
    strbuf_adds(&name, ".rss_bytes");
    const char *copy =
        strbuf_ok(&name, err) ? builder_string(r->t->b, strbuf_str(&name), err) : NULL;
    strbuf_deinit(&name);
    struct counter_row *rows = builder_rows(r->t->b, PART_COUNTERS, &counters);
    for (uint32_t i = 0; copy && i < counters; i++)
        if (rows[i].name == copy) { /* several of one name */
            rows[i].value = num_add(rows[i].value, pages * OOM_PAGE);
            return true;
        }
    return copy && builder_counter(r->t->b, copy, pages * OOM_PAGE, "bytes", err);
}

static bool oom_group(struct oom_reading *r, struct str text, bool *ret_mine, struct err *err) {
    struct str rest = oom_text(text, STR("memory: usage ")), f[6];
    uint64_t used, limit;
    *ret_mine =
        rest.len && scan_fields(rest, f, 6, NULL) >= 5 && str_ends(f[2], STR(",")) &&
        size_text(str_take(f[2], f[2].len - 1), false, &used) &&
        size_text(str_ends(f[4], STR(",")) ? str_take(f[4], f[4].len - 1) : f[4], false, &limit);
    if (!*ret_mine || !oom_begin(r))
        return true;
    return builder_counter(r->t->b, "cgroup.memory_bytes", used, "bytes", err) &&
           builder_counter(r->t->b, "cgroup.memory_limit_bytes", limit, "bytes", err);
}

static void oom_figures(struct oom_reading *r, struct str text) {
    oom_figure(text, STR("total-vm"), &r->virtual_bytes);
    oom_figure(text, STR("anon-rss"), &r->anon);
    oom_figure(text, STR("file-rss"), &r->file);
    oom_figure(text, STR("shmem-rss"), &r->shmem);
}

static bool oom_say_killed(struct oom_reading *r, struct str text, uint64_t pid, struct str name,
                           struct err *err) {
    r->killed = true;
    if (!oom_begin(r))
        return true;
    struct origin_row *origin = builder_single(r->t->b, PART_ORIGIN, err);
    if (!origin || !(origin->process = builder_string(r->t->b, name, err)))
        return false;
    origin->pid = pid;
    bool group = str_contains(str_take(text, 512), STR("emory group out of memory")) ||
                 str_contains(str_take(text, 512), STR("emory cgroup out of memory"));
    builder_note(r->t->b, "the kernel killed it for want of memory: %s",
                 group ? "its control group has reached its limit" : "the machine had none left");
    return true;
}

static bool oom_take(void *context, bool *ret_mine, struct err *err) {
    struct oom_reading *r = context;
    struct str text = r->t->line.text, name;
    uint64_t pid;
    if (oom_killed(text, &pid, &name)) {
        *ret_mine = !r->killed;
        if (!*ret_mine)
            return true;
        oom_figures(r, text);
        r->in_table = false;
        return oom_say_killed(r, text, pid, name, err);
    }
    *ret_mine = true;
    if (r->killed) { /* the rest of it */
        struct oom_reading old = *r;
        oom_figures(r, text);
        *ret_mine = old.virtual_bytes != r->virtual_bytes || old.anon != r->anon ||
                    old.file != r->file || old.shmem != r->shmem ||
                    str_starts(text, STR("pgtables"));
        return true;
    }
    if (oom_is_heading(r, text))
        return true;
    bool group, task = false;
    if (!oom_group(r, text, &group, err) || (!group && !oom_task(r, text, &task, err)))
        return false;
    /* Between them the kernel prints what is of no use here, all of it until it kills. */
    bool known = group || task || str_contains(text, STR("invoked oom-killer"));
    r->strange = known ? 0 : r->strange + 1;
    *ret_mine = known || r->strange < OOM_STRANGE;
    return true;
}

static bool oom_store(struct oom_reading *r, struct err *err) {
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {{"process.virtual_bytes", r->virtual_bytes},
                   {COUNTER_ANONYMOUS_BYTES, r->anon},
                   {"process.file_bytes", r->file},
                   {"process.shmem_bytes", r->shmem}};
    uint64_t rss = 0;
    if (!r->killed || !r->wanted)
        return true;
    for (size_t i = 0; i < sizeof(figures) / sizeof(*figures); i++)
        if (figures[i].value != ABSENT &&
            !builder_counter(r->t->b, figures[i].name, figures[i].value, "bytes", err))
            return false;
    if (r->anon == ABSENT || r->file == ABSENT)
        return true;
    rss = num_add(num_add(r->anon, r->file), r->shmem == ABSENT ? 0 : r->shmem);
    return builder_counter(r->t->b, COUNTER_RSS_BYTES, rss, "bytes", err);
}

static bool oom_read(struct transcript *t, struct err *err) {
    struct oom_reading r = {
        .t = t, .virtual_bytes = ABSENT, .anon = ABSENT, .file = ABSENT, .shmem = ABSENT};
    bool ok = scan_table(t, &r.loss, oom_take, &r, err) && oom_store(&r, err);
    if (ok && !r.begun)
        transcript_hollow(t, "kernel: nothing of how much memory there was");
    else if (ok && !r.killed)
        builder_warn(t->b, ABSENT, "kernel: the report ends before it says what was killed");
    if (ok)
        scan_loss_report(t, &r.loss);
    return ok;
}

static bool oom_starts(const struct transcript *t) {
    struct str text = str_take(t->line.text, 300), name;
    struct oom_reading none = {.t = NULL};
    uint64_t pid;
    return str_contains(text, STR("invoked oom-killer")) || oom_killed(text, &pid, &name) ||
           (str_contains(text, STR("pid")) && oom_is_heading(&none, text));
}

const struct section section_kernel_oom = {
    .name = "kernel-oom",
    .summary = "Linux, out of memory: what was killed, and what every process had",
    .may_give = PART_BIT(PART_COUNTERS) | PART_BIT(PART_ORIGIN),
    .starts = oom_starts,
    .read = oom_read,
};
