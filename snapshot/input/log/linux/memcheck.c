/*
 * What memcheck of valgrind prints of leaks; each leak check is a moment, of each process.
 *
 *     ==4711== HEAP SUMMARY:
 *     ==4711==     in use at exit: 3,120 bytes in 14 blocks
 *     ==4711==   total heap usage: 240 allocs, 226 frees, 90,112 bytes allocated
 *     ==4711==
 *     ==4711== 3,072 (48 direct, 3,024 indirect) bytes in 1 blocks are definitely lost in loss
 *              record 4 of 4                                          (one line)
 *     ==4711==    at 0x4843839: malloc (vg_replace_malloc.c:446)
 *     ==4711==    by 0x1091C8: basket_new (basket.c:31)
 *     ==4711==
 *     ==4711== LEAK SUMMARY:
 *     ==4711==    definitely lost: 48 bytes in 1 blocks
 *     ==4711==         suppressed: 0 bytes in 0 blocks
 *
 * The prefix may have a time in front of the number, or be lost. Processes write into one another's
 * lines, each line is told by its number. Checks that gdb asked for say how each figure changed:
 * "16 (+16) bytes in 1 (+1) blocks". Before 3.5 "malloc/free: " stands in front of the sums.
 *
 * Source: memcheck/mc_leakcheck.c, mc_errors.c and coregrind/m_libcprint.c of valgrind.
 */
#include "input/leaks.h"
#include "input/log/scan.h"
#include "input/log/stat_table.h"
#include "input/valgrind_frame.h"

#include "base/chars.h"
#include "base/hash.h"
#include "base/num.h"
#include "base/order.h"
#include "base/vec.h"
#include "model/rows_origin.h"

#include <inttypes.h>
#include <stdlib.h>

#define MEMCHECK_READ 1u

/* One leak check of a process, or what else it printed so far. */
struct memcheck {
    uint64_t pid; /* 0: the prefix is lost */
    struct str program;
    struct leak_report report;
    bool any;       /* something of a leak check was read */
    bool in_record; /* frames belong to its last record */
    bool summed;    /* its LEAK SUMMARY has begun: what comes next is another check */
    uint64_t last;  /* line of what was said last */
};

struct memcheck_reading {
    struct builder *b;
    struct memcheck *items;
    size_t count, capacity;
    struct u64map current; /* pid to its last check */
    uint64_t line;
};

/* -- Lines ------------------------------------------------------------------------------------- */

static bool is_mark(char c) {
    return c == '=' || c == '-' || c == '*';
}

/* "==4711== ", "--4711-- ", "==00:00:00:01.234 4711== "; what CI prints in front of it is dropped.
 */
static struct str without_prefix(struct str text, uint64_t *ret_pid) {
    size_t at = str_find(str_take(text, 48), STR("=="), 0);
    if (at == STR_NOT_FOUND)
        at = str_find(str_take(text, 48), STR("--"), 0);
    *ret_pid = 0;
    if (at == STR_NOT_FOUND)
        return text;
    size_t i = at;
    while (i < text.len && is_mark(text.ptr[i]))
        i++;
    size_t end = i;
    while (end < text.len && (char_is_digit(text.ptr[end]) || strchr(":. ", text.ptr[end])))
        end++;
    struct str pid = str_behind_last(str_trim(str_drop(str_take(text, end), i)), ' ');
    if (end >= text.len || !is_mark(text.ptr[end]) || !num_dec(pid, ret_pid) || *ret_pid == 0) {
        *ret_pid = 0;
        return text;
    }
    while (end < text.len && is_mark(text.ptr[end]))
        end++;
    return str_trim(str_drop(text, end));
}

/* "8,032", "16 (+16)"; of the second what it is now. */
static bool memcheck_number(struct str *rest, uint64_t *ret_value) {
    struct str text = *rest, first = str_next_field(&text), next;
    while (first.len && strchr("(+", str_first(first)))
        first = str_drop(first, 1);
    if (!num_grouped(first, ret_value) || *ret_value == ABSENT)
        return false;
    *rest = text;
    next = str_next_field(&text);
    if (str_starts(next, STR("(+")) || str_starts(next, STR("(-")))
        *rest = text;
    return true;
}

static bool memcheck_word(struct str *rest, const char *word) {
    struct str text = *rest;
    if (!str_eq(str_next_field(&text), str_of(word)))
        return false;
    *rest = text;
    return true;
}

/* "48 bytes in 1 blocks", and what comes behind it. */
static bool memcheck_cell(struct str *rest, struct cell *ret_cell) {
    return memcheck_number(rest, &ret_cell->bytes) &&
           (memcheck_word(rest, "bytes") || memcheck_word(rest, "byte")) &&
           memcheck_word(rest, "in") && memcheck_number(rest, &ret_cell->objects);
}

/* "3,072 (48 direct, 3,024 indirect) bytes in 1 blocks are definitely lost in loss record 4 of 4"
 */
static bool parse_record(struct str text, struct leak_record *ret_record) {
    struct leak_record record = {.indirect = ABSENT};
    uint64_t with;
    struct str rest = text, inner;
    if (!text.len || !(char_is_digit(str_first(text)) || str_first(text) == '+') ||
        !memcheck_number(&rest, &record.bytes))
        return false;
    inner = rest;
    if (memcheck_number(&inner, &with) && memcheck_word(&inner, "direct,") &&
        memcheck_number(&inner, &record.indirect) && memcheck_word(&inner, "indirect)")) {
        record.bytes = with;
        rest = inner;
    }
    if (!(memcheck_word(&rest, "bytes") || memcheck_word(&rest, "byte")) ||
        !memcheck_word(&rest, "in") || !memcheck_number(&rest, &record.count) ||
        !(memcheck_word(&rest, "blocks") || memcheck_word(&rest, "block")) ||
        !(memcheck_word(&rest, "are") || memcheck_word(&rest, "is")))
        return false;
    *ret_record = record;
    return loss_parse(str_trim(rest), &ret_record->loss);
}

/* "at 0x4843839: malloc (...)", "by 0x1091C8: ..."; the address may have been taken out. */
static bool memcheck_frame(struct str text, struct str *ret_text) {
    struct str rest = text, word = str_next_field(&rest), at = rest, address;
    uint64_t value;
    if (!str_eq(word, STR("at")) && !str_eq(word, STR("by")))
        return false;
    address = str_next_field(&at);
    bool has = str_ends(address, STR(":")) && num_hex(str_take(address, address.len - 1), &value);
    *ret_text = str_trim(has ? at : rest);
    return ret_text->len > 0;
}

/* -- Checks ------------------------------------------------------------------------------------ */

/* The check that the process is in; begins another when its last one has ended. NULL: no memory. */
static struct memcheck *memcheck_of(struct memcheck_reading *r, uint64_t pid, bool begins,
                                    struct err *err) {
    struct str program = {"", 0};
    uint32_t at = u64map_get(&r->current, pid);
    if (at != STRMAP_NONE && (!begins || !r->items[at].summed))
        return &r->items[at];
    if (at != STRMAP_NONE)
        program = r->items[at].program;
    if (r->count >= STRMAP_NONE) {
        err_set(err, ERR_LIMIT, "more leak checks than fit");
        return NULL;
    }
    if (!VEC_ROOM(r->items, r->count, r->capacity, err))
        return NULL;
    if (!u64map_put(&r->current, pid, (uint32_t)r->count)) {
        err_nomem(err);
        return NULL;
    }
    struct memcheck *check = &r->items[r->count++];
    *check = (struct memcheck){.pid = pid, .program = program};
    leaks_init(&check->report);
    return check;
}

/* Sums: of HEAP SUMMARY and LEAK SUMMARY. */
static bool take_sum(struct memcheck *check, struct str text) {
    struct str value;
    struct cell cell;
    enum loss loss;
    if (str_starts(text, STR("malloc/free: ")))
        text = str_trim(str_drop(text, 13));
    if (scan_labelled(text, "in use at exit", &value)) {
        if (memcheck_cell(&value, &cell))
            check->report.in_use = cell;
        return true;
    }
    size_t colon = str_find(text, STR(":"), 0);
    if (colon != STR_NOT_FOUND && loss_parse(text, &loss)) {
        value = str_drop(text, colon + 1);
        if (str_trim(str_take(text, colon)).len != strlen(loss_names[loss]) ||
            !memcheck_cell(&value, &cell))
            return false;
        check->report.said[loss] = cell;
        check->summed = true;
        check->report.complete |= loss == LOSS_POSSIBLE; /* what is lost is all said then */
        return true;
    }
    if (scan_labelled(text, "total heap usage", &value) || str_contains(text, STR(" frees, "))) {
        struct str rest = scan_labelled(text, "total heap usage", &value) ? value : text;
        uint64_t frees;
        struct cell ever;
        if (memcheck_number(&rest, &ever.objects) && memcheck_word(&rest, "allocs,") &&
            memcheck_number(&rest, &frees) && memcheck_word(&rest, "frees,") &&
            memcheck_number(&rest, &ever.bytes))
            check->report.ever = ever;
        return check->report.ever.bytes != ABSENT;
    }
    return false;
}

/* Says of which program the process is, and that it was checked. */
static void take_rest(struct memcheck *check, struct str text) {
    struct str value;
    if (scan_labelled(text, "Command", &value) && check->program.len == 0)
        check->program = str_file_name(str_next_field(&value));
    if (str_starts(text, STR("For a detailed leak analysis")))
        check->report.complete = true;
    if (str_starts(text, STR("All heap blocks were freed"))) {
        check->report.no_leak = check->report.complete = check->any = true;
        check->summed = true;
    }
}

/* A line of records and sums; ret_mine: it is one. */
static bool memcheck_take(struct memcheck_reading *r, struct str line, bool *ret_mine,
                          struct err *err) {
    uint64_t pid;
    struct str text = without_prefix(line, &pid), frame;
    struct leak_record record;
    bool is_record = parse_record(text, &record), bad;
    bool heads = str_starts(text, STR("HEAP SUMMARY:"));
    struct memcheck *check = memcheck_of(r, pid, is_record || heads, err);
    *ret_mine = is_record || heads || pid;
    if (!check)
        return false;
    if (is_record) {
        check->any = check->in_record = true;
        check->last = r->line;
        return leaks_add(&check->report, record.loss, record.bytes, record.count, record.indirect,
                         err);
    }
    if (check->in_record && memcheck_frame(text, &frame)) {
        *ret_mine = true;
        bool ok = leaks_add_frame(&check->report, valgrind_frame(r->b, frame, &bad, err), err);
        return ok;
    }
    if (text.len == 0 ? check->report.count && check->report.records[check->report.count - 1].frames
                      : !str_starts(text, STR("(")) && !str_contains(text, STR("loss record")) &&
                            !str_starts(text, STR("record ")))
        check->in_record = false;
    if (str_starts(text, STR("LEAK SUMMARY:")))
        check->any = check->summed = *ret_mine = true;
    bool sum = take_sum(check, text);
    *ret_mine |= sum;
    check->any |= sum;
    if (sum)
        check->last = r->line;
    take_rest(check, text);
    return true;
}

static bool memcheck_read_all(struct memcheck_reading *r, const struct transcript *t,
                              struct err *err) {
    struct transcript scout = transcript_scout(t);
    bool mine;
    for (; !scout.at_end; transcript_next(&scout), r->line++)
        if (!memcheck_take(r, scout.line.text, &mine, err))
            return false;
    return true;
}

/* -- Section ----------------------------------------------------------------------------------- */

static bool memcheck_store(const struct memcheck *check, struct builder *b, struct err *err) {
    if (!builder_moment(b, PART_BIT(PART_STACKS) | PART_BIT(PART_ALLOCATIONS) |
                               PART_BIT(PART_COUNTERS)))
        return true;
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!origin || !builder_say_string(b, &origin->tool, STR("memcheck"), "the tool", err))
        return false;
    /* Of the moment: another may be of another process. */
    origin->pid = check->pid ? check->pid : ABSENT;
    origin->process = NULL;
    if (check->program.len && !(origin->process = builder_string(b, check->program, err)))
        return false;
    return leaks_store(&check->report, b, "memcheck", "valgrind --leak-check=full lists them", err);
}

/* In the order in which they ended. */
static int memcheck_cmp(const void *a, const void *b) {
    const struct memcheck *x = a, *y = b;
    return order_u64(x->last, y->last);
}

static bool memcheck_is_end(const struct memcheck *check) {
    return check->any && (check->report.count || check->summed ||
                          check->report.in_use.bytes != ABSENT || check->report.complete);
}

static void memcheck_pass_over(struct transcript *t) {
    uint64_t pid;
    struct str frame;
    do {
        transcript_next(t);
        if (t->at_end)
            return;
        without_prefix(t->line.text, &pid);
    } while (pid || memcheck_frame(t->line.text, &frame) || t->line.text.len == 0);
}

static bool memcheck_read(struct transcript *t, struct err *err) {
    struct memcheck_reading r = {.b = t->b};
    u64map_init(&r.current);
    bool ok = memcheck_read_all(&r, t, err);
    uint64_t checks = 0;
    t->leaks_read |= MEMCHECK_READ;
    if (r.count)
        qsort(r.items, r.count, sizeof(*r.items), memcheck_cmp);
    for (size_t i = 0; ok && i < r.count; i++) {
        if (!memcheck_is_end(&r.items[i]))
            continue;
        checks++;
        ok = memcheck_store(&r.items[i], t->b, err);
    }
    if (ok && !checks)
        transcript_hollow(t, "memcheck: no leak check in it");
    for (size_t i = 0; i < r.count; i++)
        leaks_deinit(&r.items[i].report);
    free(r.items);
    u64map_deinit(&r.current);
    memcheck_pass_over(t);
    return ok;
}

static bool memcheck_starts(const struct transcript *t) {
    struct str text = t->line.text;
    struct leak_record record;
    uint64_t pid;
    if (t->leaks_read & MEMCHECK_READ)
        return false;
    char c = str_first(text);
    if (!is_mark(c) && !char_is_digit(c) && c != 'H' && c != 'L' && c != '+')
        return false;
    text = without_prefix(text, &pid);
    return str_starts(text, STR("HEAP SUMMARY:")) || str_starts(text, STR("LEAK SUMMARY:")) ||
           (pid && (str_starts(text, STR("Memcheck, a memory error detector")) ||
                    str_starts(text, STR("Command: ")) ||
                    str_starts(text, STR("All heap blocks were freed")) ||
                    str_contains(text, STR("in use at exit: ")))) ||
           parse_record(text, &record);
}

const struct section section_memcheck = {
    .name = "memcheck",
    .summary = "valgrind's memcheck: what is lost, and who allocated it (each leak check a moment)",
    .may_give = PART_BIT(PART_STACKS) | PART_BIT(PART_ALLOCATIONS) | PART_BIT(PART_COUNTERS),
    .starts = memcheck_starts,
    .read = memcheck_read,
};
