/* What a leak checker calls lost: allocations that nothing refers to any more. */
#include "diff/rules/rules.h"

#include "base/num.h"
#include "diff/names/alloc_frames.h"
#include "model/known_names.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

/* Stacks that are told one by one; the others are counted. */
#define LOST_MOST    8u
#define PLACE_FRAMES 3u

/* Bytes that are lost by a stack, with what is lost with them. */
static uint64_t lost_bytes(const struct stack_row *row) {
    return row->bytes == ABSENT ? 0 : row->bytes;
}

static int lost_cmp(const void *a, const void *b) {
    const struct stack_row *x = *(const struct stack_row *const *)a;
    const struct stack_row *y = *(const struct stack_row *const *)b;
    uint64_t left = lost_bytes(x), right = lost_bytes(y);
    return left < right ? 1 : left > right ? -1 : x < y ? -1 : x > y;
}

/* "receipt_open <- till_print <- main": the innermost frames that are no allocator's. */
static const char *lost_place(struct findings *f, const struct stack_row *row) {
    struct strbuf out;
    uint32_t first = 0;
    strbuf_init(&out);
    while (first + 1 < row->frames.count && alloc_frame_is_allocator(row->frames.items[first]))
        first++;
    for (uint32_t i = first; i < row->frames.count && i < first + PLACE_FRAMES; i++) {
        strbuf_adds(&out, i > first ? " <- " : "");
        strbuf_add(&out, alloc_frame_short(row->frames.items[i]));
    }
    if (!row->frames.count)
        strbuf_adds(&out, "a stack that is not told");
    return findings_take(f, &out);
}

/* What is lost with it: in its bytes, unless it has stacks of its own. */
static const char *lost_with_text(struct findings *f, const struct stack_row *row, bool apart) {
    if (row->indirect_bytes == ABSENT || row->indirect_bytes == 0)
        return "";
    return findings_text(f,
                         apart ? ", and %s more with it" : "; %s of it is what only it refers to",
                         say_bytes(f, row->indirect_bytes));
}

static void lost_tell(struct findings *f, const struct stack_row *row, uint64_t all, bool apart) {
    const char *place = lost_place(f, row);
    struct finding *hit =
        findings_hit(f, &rule_memory_lost, SEVERITY_WARNING, lost_bytes(row), place);
    finding_summary(
        f, hit,
        "%s in %s block%s are lost, allocated by %s%s; %s of all that nothing refers to "
        "any more.",
        say_bytes(f, lost_bytes(row)), say_count(f, row->count), plural(row->count), place,
        lost_with_text(f, row, apart), say_share(f, lost_bytes(row), all));
    finding_next(f, hit,
                 "Look where the last pointer to what this place allocates goes out of scope, or "
                 "is written over.");
    finding_text(f, hit, "frames", place);
    finding_number(hit, "bytes", FIELD_BYTES, lost_bytes(row));
    finding_known(hit, "count", FIELD_U64, row->count);
    finding_number(hit, "of_all", FIELD_BYTES, all);
}

static void lost_tell_others(struct findings *f, const struct stack_row **rows, uint32_t count) {
    uint64_t bytes = 0;
    for (uint32_t i = LOST_MOST; i < count; i++)
        bytes = num_add(bytes, lost_bytes(rows[i]));
    struct finding *hit =
        findings_hit(f, &rule_memory_lost, SEVERITY_NOTICE, bytes,
                     findings_text(f, "%u more stacks", (unsigned)(count - LOST_MOST)));
    finding_summary(f, hit, "%s more stacks have lost %s together.",
                    say_count(f, count - LOST_MOST), say_bytes(f, bytes));
    finding_number(hit, "stacks", FIELD_U64, count - LOST_MOST);
    finding_number(hit, "bytes", FIELD_BYTES, bytes);
}

/* A summary alone: how much, and not by whom. */
static void lost_by_summary(const struct series *s, struct findings *f, uint64_t bytes) {
    struct finding *hit =
        findings_hit(f, &rule_memory_lost, SEVERITY_WARNING, bytes, "definitely lost");
    finding_summary(f, hit,
                    "%s are lost: nothing refers to them, and no stack says who allocated "
                    "them%s.",
                    say_bytes(f, bytes), rule_why(s, f, PART_STACKS, ASPECT_ALL));
    finding_next(f, hit, "Have the checker list them: valgrind --leak-check=full.");
    finding_number(hit, "bytes", FIELD_BYTES, bytes);
}

/* What the checker sums up itself; ABSENT: it does not, or none looked. */
static uint64_t lost_said(const struct series *s) {
    struct series_values all = series_values(s, GROUP_COUNTERS);
    for (uint32_t v = 0; v < all.count; v++)
        if (strcmp(all.items[v].name, COUNTER_LEAK_DEFINITE) == 0)
            return all.items[v].values[0];
    return ABSENT;
}

static bool lost_of_stacks(const struct series *s, struct findings *f, bool *ret_checked,
                           struct err *err) {
    SNAPSHOT_ROWS(series_new(s), PART_STACKS, struct stack_row, rows, count);
    const struct stack_row **lost = arena_array(&f->arena, count + 1, sizeof(*lost));
    uint32_t found = 0;
    uint64_t all = 0;
    bool apart = false;
    if (!lost)
        return err_nomem(err);
    for (uint32_t i = 0; i < count; i++) {
        *ret_checked |= rows[i].loss != NULL;
        apart |= rows[i].loss && strcmp(rows[i].loss, STACK_LOST_WITH) == 0;
        if (!rows[i].loss || strcmp(rows[i].loss, STACK_LOST) != 0 || !lost_bytes(&rows[i]))
            continue;
        lost[found++] = &rows[i];
        all = num_add(all, lost_bytes(&rows[i]));
    }
    if (found)
        qsort(lost, found, sizeof(*lost), lost_cmp);
    for (uint32_t i = 0; i < found && i < LOST_MOST; i++)
        lost_tell(f, lost[i], all, apart);
    if (found > LOST_MOST)
        lost_tell_others(f, lost, found);
    return true;
}

static bool run_lost(const struct series *s, const struct limits *limits, struct findings *f,
                     struct err *err) {
    (void)limits;
    bool checked = false;
    if (s->count > 1) {
        findings_skip(f, &rule_memory_lost,
                      "is about one report: of several, stack-growing says which loses more");
        return true;
    }
    uint32_t before = f->count;
    if (!lost_of_stacks(s, f, &checked, err))
        return false;
    uint64_t said = lost_said(s);
    if (!checked && said == ABSENT)
        findings_skip(f, &rule_memory_lost, "needs the report of a leak checker");
    else if (f->count == before && said != ABSENT && said)
        lost_by_summary(s, f, said);
    return true;
}

const struct rule rule_memory_lost = {
    .id = "memory-lost",
    .summary = "allocations that nothing refers to, as a leak checker found them",
    .whole = {{PART_STACKS, ASPECT_ROWS}},
    .min_snapshots = 1,
    .explain =
        "Looks at the report of a leak checker (memcheck, LeakSanitizer, the heap checker of\n"
        "gperftools) for what is definitely lost: memory to which no pointer is left. The stacks\n"
        "that lost most come first, with what was lost with it. What may be lost, or is still\n"
        "reachable when the program ends, is shown and no finding.\n"
        "\n"
        "No thresholds.\n"
        "\n"
        "What to do: the stack says who allocated it, not who forgot it. Look where the last\n"
        "pointer to it goes out of scope or is written over: a return on an error, a list whose\n"
        "head is replaced.\n",
    .run = run_lost,
};
