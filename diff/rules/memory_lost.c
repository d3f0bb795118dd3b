/* What a leak checker calls lost: allocations that nothing refers to any more. */
#include "diff/rules/rules.h"

#include "base/hash.h"
#include "base/num.h"
#include "base/order.h"
#include "diff/names/alloc_frames.h"
#include "model/known_names.h"
#include "model/rows_stacks.h"
#include "model/rows_threads.h"
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

static bool is_lost(const struct stack_row *row) {
    return row->loss && strcmp(row->loss, STACK_LOST) == 0 && lost_bytes(row);
}

static int lost_cmp(const void *a, const void *b) {
    const struct stack_row *x = a, *y = b;
    int order = order_u64(lost_bytes(y), lost_bytes(x));
    for (uint32_t i = 0; !order && i < x->frames.count && i < y->frames.count; i++)
        order = strcmp(x->frames.items[i], y->frames.items[i]);
    return order ? order : order_u64(x->frames.count, y->frames.count);
}

/* The innermost frame that is no allocator's. */
static uint32_t lost_self(const struct stack_row *row) {
    uint32_t first = 0;
    while (first + 1 < row->frames.count && alloc_frame_is_allocator(row->frames.items[first]))
        first++;
    return first;
}

/* "receipt_open <- till_print <- main": the innermost frames that are no allocator's. */
static const char *lost_place(struct findings *f, const struct stack_row *row) {
    struct strbuf out;
    uint32_t first = lost_self(row);
    strbuf_init(&out);
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

static void lost_point_at(struct findings *f, struct finding *hit, const char *place,
                          const struct stack_row *row) {
    uint32_t self = lost_self(row);
    const char *source = self < row->places.count ? row->places.items[self] : "";
    finding_next(f, hit,
                 "Look where the last pointer to what %s allocates goes out of scope, or is "
                 "written over.",
                 *source ? str_file_name(str_of(source)).ptr : "this place");
    finding_text(f, hit, "frames", place);
    if (*source)
        finding_text(f, hit, "source", source);
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
    lost_point_at(f, hit, place, row);
    finding_number(hit, "bytes", FIELD_BYTES, lost_bytes(row));
    finding_known(hit, "count", FIELD_U64, row->count);
    finding_number(hit, "of_all", FIELD_BYTES, all);
}

static void lost_tell_others(struct findings *f, const struct stack_row *rows, uint32_t count) {
    uint64_t bytes = 0;
    for (uint32_t i = LOST_MOST; i < count; i++)
        bytes = num_add(bytes, lost_bytes(&rows[i]));
    struct finding *hit =
        findings_hit(f, &rule_memory_lost, SEVERITY_NOTICE, bytes,
                     findings_text(f, "%u more stack%s", (unsigned)(count - LOST_MOST),
                                   plural(count - LOST_MOST)));
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

/* The frames, one line each; as they are called in reports, which leave arguments out. */
static void lost_key(const struct stack_row *row, bool in_short, struct strbuf *key) {
    strbuf_clear(key);
    for (uint32_t i = 0; i < row->frames.count; i++) {
        const char *frame = row->frames.items[i];
        strbuf_add(key, in_short ? alloc_frame_short(frame) : str_of(frame));
        strbuf_addc(key, '\n');
    }
}

/* Number of the stack, new ones at the end; STRMAP_NONE: out of memory. */
static uint32_t lost_number(struct strmap *index, struct findings *f, const struct strbuf *key,
                            uint32_t *count) {
    uint32_t number = strmap_get(index, strbuf_str(key), STR(""));
    if (number != STRMAP_NONE)
        return number;
    const char *copy = arena_copy(&f->arena, strbuf_cstr(key), key->len);
    if (!copy || strbuf_failed(key) ||
        !strmap_put(index, (struct str){copy, key->len}, STR(""), *count))
        return STRMAP_NONE;
    return (*count)++;
}

/* Rows of one stack in other lines of its source are one; its place is that of the first. */
static void lost_add(struct stack_row *sum, const struct stack_row *row) {
    if (!sum->loss) {
        *sum = *row;
        return;
    }
    sum->bytes = num_add(sum->bytes, row->bytes);
    if (row->count != ABSENT)
        sum->count = sum->count == ABSENT ? row->count : num_add(sum->count, row->count);
    if (row->indirect_bytes != ABSENT)
        sum->indirect_bytes = sum->indirect_bytes == ABSENT
                                  ? row->indirect_bytes
                                  : num_add(sum->indirect_bytes, row->indirect_bytes);
}

/* The stacks that lost something, each once. false: out of memory. */
static bool lost_gather(const struct stack_row *rows, uint32_t count, struct findings *f,
                        struct stack_row *lost, uint32_t *ret_found) {
    struct strmap index;
    struct strbuf key;
    bool ok = true;
    strmap_init(&index);
    strbuf_init(&key);
    for (uint32_t i = 0; ok && i < count; i++) {
        if (!is_lost(&rows[i]))
            continue;
        lost_key(&rows[i], false, &key);
        uint32_t number = lost_number(&index, f, &key, ret_found);
        ok = number != STRMAP_NONE;
        if (ok)
            lost_add(&lost[number], &rows[i]);
    }
    strbuf_deinit(&key);
    strmap_deinit(&index);
    return ok;
}

static bool lost_of_stacks(const struct series *s, struct findings *f, struct err *err) {
    SNAPSHOT_ROWS(series_new(s), PART_STACKS, struct stack_row, rows, count);
    struct stack_row *lost = arena_array(&f->arena, count + 1, sizeof(*lost));
    uint32_t found = 0;
    uint64_t all = 0;
    bool apart = false;
    if (!lost || !lost_gather(rows, count, f, lost, &found))
        return err_nomem(err);
    for (uint32_t i = 0; i < count; i++)
        apart |= rows[i].loss && strcmp(rows[i].loss, STACK_LOST_WITH) == 0;
    for (uint32_t i = 0; i < found; i++)
        all = num_add(all, lost_bytes(&lost[i]));
    if (found)
        qsort(lost, found, sizeof(*lost), lost_cmp);
    for (uint32_t i = 0; i < found && i < LOST_MOST; i++)
        lost_tell(f, &lost[i], all, apart);
    if (found > LOST_MOST)
        lost_tell_others(f, lost, found);
    return true;
}

/* -- Two reports ------------------------------------------------------------------------------- */

/* What one stack has lost in both. */
struct lost_twice {
    const struct stack_row *row; /* of the newest */
    struct cell before, now;
};

static bool is_checked(const struct snapshot *snapshot) {
    SNAPSHOT_ROWS(snapshot, PART_STACKS, struct stack_row, rows, count);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].loss)
            return true;
    return false;
}

static bool lost_line_up(const struct series *s, struct findings *f, struct strmap *index,
                         struct lost_twice *twice, uint32_t *ret_count) {
    const struct snapshot *both[2] = {s->snapshots[0], series_new(s)};
    struct strbuf key;
    strbuf_init(&key);
    bool ok = true;
    for (int b = 0; b < 2; b++) {
        SNAPSHOT_ROWS(both[b], PART_STACKS, struct stack_row, rows, count);
        for (uint32_t i = 0; ok && i < count; i++) {
            if (!is_lost(&rows[i]))
                continue;
            lost_key(&rows[i], true, &key);
            uint32_t number = lost_number(index, f, &key, ret_count);
            if (!(ok = number != STRMAP_NONE))
                break;
            struct lost_twice *t = &twice[number];
            cell_add(b ? &t->now : &t->before,
                     (struct cell){rows[i].count == ABSENT ? 0 : rows[i].count, rows[i].bytes});
            t->row = b ? &rows[i] : t->row;
        }
    }
    strbuf_deinit(&key);
    return ok;
}

static uint64_t lost_more(uint64_t now, uint64_t before) {
    return now > before ? now - before : 0;
}

static int lost_more_cmp(const void *a, const void *b) {
    const struct lost_twice *x = a, *y = b;
    int order = order_u64(lost_more(y->now.bytes, y->before.bytes),
                          lost_more(x->now.bytes, x->before.bytes));
    return order ? order : x->row < y->row ? -1 : x->row > y->row;
}

static void lost_tell_more(struct findings *f, const struct lost_twice *t) {
    uint64_t more = lost_more(t->now.bytes, t->before.bytes);
    uint64_t blocks = lost_more(t->now.objects, t->before.objects);
    const char *place = lost_place(f, t->row);
    struct finding *hit = findings_hit(f, &rule_memory_lost, SEVERITY_WARNING, more, place);
    finding_summary(f, hit, "%s more in %s block%s are lost, allocated by %s: %s now, %s before.",
                    say_bytes(f, more), say_count(f, blocks), plural(blocks), place,
                    say_bytes(f, t->now.bytes), say_bytes(f, t->before.bytes));
    lost_point_at(f, hit, place, t->row);
    finding_delta(hit, "bytes_delta", FIELD_BYTES, (int64_t)more);
    finding_delta(hit, "count_delta", FIELD_U64, (int64_t)blocks);
}

/* With the callers that are missing it may be one that was there. */
static bool lost_callers_missing(const struct stack_row *row) {
    return !row || !row->frames.count ||
           strcmp(row->frames.items[row->frames.count - 1], FRAME_CUT) == 0;
}

/* What the newest report has lost and the first had not. */
static bool lost_newly(const struct series *s, struct findings *f, struct err *err) {
    uint32_t first, last, count = 0, told = 0;
    snapshot_rows(s->snapshots[0], PART_STACKS, &first);
    snapshot_rows(series_new(s), PART_STACKS, &last);
    struct strmap index;
    struct lost_twice *twice = calloc((size_t)first + last + 1, sizeof(*twice));
    strmap_init(&index);
    bool ok = twice && lost_line_up(s, f, &index, twice, &count);
    /* What the first does not list, it may have lost all the same. */
    bool cut = snapshot_lacks_rows(s->snapshots[0], PART_STACKS);
    if (ok)
        qsort(twice, count, sizeof(*twice), lost_more_cmp);
    for (uint32_t i = 0; ok && i < count && told < LOST_MOST; i++) {
        if (!lost_more(twice[i].now.bytes, twice[i].before.bytes) ||
            ((cut || lost_callers_missing(twice[i].row)) && !twice[i].before.bytes))
            continue;
        lost_tell_more(f, &twice[i]);
        told++;
    }
    strmap_deinit(&index);
    free(twice);
    return ok || err_nomem(err);
}

static bool run_lost(const struct series *s, const struct limits *limits, struct findings *f,
                     struct err *err) {
    (void)limits;
    bool checked = is_checked(series_new(s));
    if (s->count > 1 && checked && is_checked(s->snapshots[0]))
        return lost_newly(s, f, err);
    if (s->count > 1) {
        findings_skip(f, &rule_memory_lost, "needs the reports of a leak checker, with stacks");
        return true;
    }
    uint32_t before = f->count;
    if (!lost_of_stacks(s, f, err))
        return false;
    /* What the checker sums up itself. */
    uint64_t said = series_value_at(series_value(s, VALUE_LEAK_DEFINITE), 0);
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
        "that lost most come first, with what was lost with it; of two reports, those that lost\n"
        "more than in the first. What may be lost, or is still\n"
        "reachable when the program ends, is shown and no finding.\n"
        "\n"
        "No thresholds.\n"
        "\n"
        "What to do: the stack says who allocated it, not who forgot it. Look where the last\n"
        "pointer to it goes out of scope or is written over: a return on an error, a list whose\n"
        "head is replaced.\n",
    .run = run_lost,
};
