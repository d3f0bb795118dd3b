#include "input/leaks.h"

#include "base/num.h"
#include "base/vec.h"
#include "model/rows_stacks.h"
#include "model/rows_threads.h"

#include <stdlib.h>

const char *const loss_names[LOSS_KINDS] = {
    [LOSS_DEFINITE] = STACK_LOST,        [LOSS_INDIRECT] = STACK_LOST_WITH,
    [LOSS_POSSIBLE] = STACK_MAY_BE_LOST, [LOSS_REACHABLE] = STACK_REACHABLE,
    [LOSS_SUPPRESSED] = "suppressed",
};

bool loss_parse(struct str text, enum loss *ret_loss) {
    for (int k = 0; k < LOSS_KINDS; k++)
        if (str_starts_nocase(text, str_of(loss_names[k]))) {
            *ret_loss = (enum loss)k;
            return true;
        }
    return false;
}

static const struct cell not_said = {ABSENT, ABSENT};

void leaks_init(struct leak_report *r) {
    *r = (struct leak_report){.in_use = not_said, .ever = not_said, .all = not_said};
    for (int k = 0; k < LOSS_KINDS; k++)
        r->said[k] = not_said;
}

void leaks_deinit(struct leak_report *r) {
    free(r->records);
    free(r->frames);
    leaks_init(r);
}

bool leaks_add(struct leak_report *r, enum loss loss, uint64_t bytes, uint64_t count,
               uint64_t indirect, struct err *err) {
    if (!VEC_ROOM(r->records, r->count, r->capacity, err))
        return false;
    r->records[r->count++] = (struct leak_record){loss, bytes, count, indirect, r->frame_count, 0};
    return true;
}

bool leaks_add_frame(struct leak_report *r, const char *frame, struct err *err) {
    struct leak_record *last = r->count ? &r->records[r->count - 1] : NULL;
    if (!frame)
        return false;
    if (!last || last->frames > STACK_FRAMES_MAX)
        return true;
    if (!VEC_ROOM(r->frames, r->frame_count, r->frame_capacity, err))
        return false;
    r->frames[r->frame_count++] = frame;
    last->frames++;
    return true;
}

/* -- What it adds up to ------------------------------------------------------------------------ */

static void leaks_sum(const struct leak_report *r, struct cell ret_sums[LOSS_KINDS]) {
    for (int k = 0; k < LOSS_KINDS; k++)
        ret_sums[k] = (struct cell){0, 0};
    for (size_t i = 0; i < r->count; i++) {
        struct cell *sum = &ret_sums[r->records[i].loss];
        cell_add(sum, (struct cell){r->records[i].count, r->records[i].bytes});
    }
}

/* Bytes that are lost with others, by those records. */
static uint64_t lost_with(const struct leak_report *r) {
    uint64_t sum = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->records[i].indirect != ABSENT)
            sum = num_add(sum, r->records[i].indirect);
    return sum;
}

static bool leaks_counter(struct builder *b, const char *kind, struct cell cell, struct err *err) {
    struct strbuf name;
    bool ok = true;
    strbuf_init(&name);
    strbuf_addf(&name, "leak.%s_bytes", kind);
    if (cell.bytes != ABSENT)
        ok = strbuf_ok(&name, err) &&
             builder_counter(b, strbuf_cstr(&name), cell.bytes, "bytes", err);
    strbuf_clear(&name);
    strbuf_addf(&name, "leak.%s_blocks", kind);
    if (ok && cell.objects != ABSENT)
        ok = strbuf_ok(&name, err) &&
             builder_counter(b, strbuf_cstr(&name), cell.objects, "count", err);
    strbuf_deinit(&name);
    return ok;
}

static bool leaks_counters(const struct leak_report *r, const struct cell sums[LOSS_KINDS],
                           struct builder *b, struct err *err) {
    static const char *const kinds[LOSS_KINDS] = {"definite", "indirect", "possible", "reachable",
                                                  "suppressed"};
    for (int k = 0; k < LOSS_KINDS; k++) {
        struct cell cell = r->said[k];
        if (cell.bytes == ABSENT && sums[k].objects && r->complete)
            cell = sums[k];
        if (!leaks_counter(b, kinds[k], cell, err))
            return false;
    }
    return r->in_use.bytes == ABSENT ||
           builder_counter(b, COUNTER_HEAP_OUTSTANDING, r->in_use.bytes, "bytes", err);
}

static bool leaks_total(const struct leak_report *r, struct builder *b, struct err *err) {
    struct allocation_row row = ALLOCATION_ROW;
    row.by = "total";
    struct cell all = r->in_use.bytes != ABSENT ? r->in_use : r->all;
    row.count = all.objects;
    row.bytes = all.bytes;
    row.total_count = r->ever.objects;
    row.total_bytes = r->ever.bytes;
    return all.bytes == ABSENT || builder_add_allocation(b, &row, err);
}

/* -- What is missing --------------------------------------------------------------------------- */

static void leaks_say_short(struct builder *b, const char *tool, const char *what, uint64_t listed,
                            uint64_t said) {
    char some[HUMAN_MAX], all[HUMAN_MAX];
    builder_lacks(b, PART_BIT(PART_STACKS), ASPECT_ROWS, ABSENT,
                  "%s: the records make %s bytes of %s %s: some are missing", tool,
                  human_count(listed, some), human_count(said, all), what);
}

/* What is reachable is listed only by those who ask for it, and so is what is lost with others. */
static void leaks_say_missing(const struct leak_report *r, const struct cell sums[LOSS_KINDS],
                              uint64_t with, struct builder *b, const char *tool) {
    char buf[HUMAN_MAX], blocks[HUMAN_MAX];
    for (int k = LOSS_DEFINITE; k <= LOSS_POSSIBLE; k++) {
        uint64_t listed = k == LOSS_INDIRECT && !sums[k].objects ? with : sums[k].bytes;
        if (r->said[k].bytes != ABSENT && listed < r->said[k].bytes && r->count)
            leaks_say_short(b, tool, loss_names[k], listed, r->said[k].bytes);
    }
    uint64_t all = 0;
    for (int k = 0; k < LOSS_KINDS; k++)
        all = num_add(all, sums[k].bytes);
    if (r->all.bytes != ABSENT && all < r->all.bytes && r->said[LOSS_DEFINITE].bytes == ABSENT)
        leaks_say_short(b, tool, "lost", all, r->all.bytes);
    if (r->said[LOSS_REACHABLE].bytes != ABSENT && r->said[LOSS_REACHABLE].bytes &&
        !sums[LOSS_REACHABLE].objects)
        builder_note(b,
                     "%s: %s bytes in %s blocks that are still reachable are not listed by stack",
                     tool, human_count(r->said[LOSS_REACHABLE].bytes, buf),
                     human_count(r->said[LOSS_REACHABLE].objects, blocks));
    if (!r->complete)
        builder_lacks(b, PART_BIT(PART_STACKS), ASPECT_ROWS, ABSENT,
                      "%s: the report ends before its summary", tool);
    if (r->not_listed)
        builder_lacks(b, PART_BIT(PART_STACKS), ASPECT_ROWS, r->not_listed,
                      "%s: leaks that it did not list", tool);
}

/* Something is outstanding, and nothing says by whom. */
static bool has_no_stacks(const struct leak_report *r) {
    uint64_t lost = 0;
    for (int k = 0; k < LOSS_SUPPRESSED; k++)
        lost = r->said[k].bytes == ABSENT ? lost : num_add(lost, r->said[k].bytes);
    if (lost == 0 && r->in_use.bytes != ABSENT)
        lost = r->no_leak ? 0 : r->in_use.bytes;
    if (lost == 0 && r->all.bytes != ABSENT)
        lost = r->all.bytes;
    return r->count == 0 && (lost > 0 || !r->complete);
}

/* -- All of it --------------------------------------------------------------------------------- */

/* Where threads begin: nothing calls these. */
static bool leaks_is_outermost(const char *frame) {
    static const char *const starts[] = {
        "_start", "(below main)", "__libc_start_main",   "clone",
        "clone3", "start_thread", "BaseThreadInitThunk", "RtlUserThreadStart"};
    return STR_IS_ONE_OF(str_behind_last(str_of(frame), '!'), starts);
}

/*
 * A text that ends before the checker's sums may end in the middle of its last stack: one that is
 * not seen to begin where threads do has callers that are not known.
 */
static bool leaks_may_be_cut(const struct leak_report *r, size_t i) {
    const struct leak_record *record = &r->records[i];
    bool ends_early = !r->complete || r->ends_with_frames;
    return ends_early && i + 1 == r->count &&
           (!record->frames || !leaks_is_outermost(r->frames[record->first + record->frames - 1]));
}

static bool leaks_add_cut(struct stack_row *row, struct builder *b, struct err *err) {
    uint32_t count = row->frames.count;
    const char **frames = malloc((count + 1) * sizeof(*frames));
    if (!frames)
        return err_nomem(err);
    for (uint32_t k = 0; k < count; k++)
        frames[k] = row->frames.items[k];
    frames[count] = builder_string(b, STR(FRAME_CUT), err);
    row->frames = (struct strings){frames, count + 1};
    bool ok = frames[count] && builder_add_stack(b, row, err);
    free(frames);
    return ok;
}

static bool leaks_add_stacks(const struct leak_report *r, bool listed, struct builder *b,
                             struct err *err) {
    for (size_t i = 0; i < r->count; i++) {
        const struct leak_record *record = &r->records[i];
        struct stack_row row = STACK_ROW;
        row.frames = (struct strings){record->frames ? r->frames + record->first : NULL,
                                      (uint32_t)record->frames};
        row.loss = loss_names[record->loss];
        row.count = record->count;
        row.bytes = record->bytes;
        row.indirect_bytes = record->indirect;
        /* Nobody else has them. */
        if (record->indirect != ABSENT && !listed)
            row.bytes = num_add(row.bytes, record->indirect);
        bool cut = leaks_may_be_cut(r, i);
        if (cut && r->complete)
            builder_absent(b, PART_BIT(PART_STACKS), ASPECT_END, 0,
                           "the text ends with a stack whose callers may be cut off");
        if (cut ? !leaks_add_cut(&row, b, err) : !builder_add_stack(b, &row, err))
            return false;
    }
    return true;
}

bool leaks_store(const struct leak_report *r, struct builder *b, const char *tool, const char *hint,
                 struct err *err) {
    struct cell sums[LOSS_KINDS];
    leaks_sum(r, sums);
    bool listed = sums[LOSS_INDIRECT].objects > 0;
    if (has_no_stacks(r)) {
        builder_absent(b, PART_BIT(PART_STACKS), ASPECT_ALL, ABSENT,
                       "%s: no stacks of what is lost%s%s", tool, hint ? ": " : "",
                       hint ? hint : "");
        builder_note(b, "%s: no stacks of what is lost%s%s", tool, hint ? ": " : "",
                     hint ? hint : "");
    } else {
        builder_present(b, PART_STACKS);
        leaks_say_missing(r, sums, lost_with(r), b, tool);
        if (!leaks_add_stacks(r, listed, b, err))
            return false;
    }
    return leaks_counters(r, sums, b, err) && leaks_total(r, b, err);
}
