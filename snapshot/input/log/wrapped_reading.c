#include "input/log/wrapped_reading.h"

#include "base/hash.h"
#include "input/log/wrapped_text.h"
#include "model/rows_origin.h"
#include "model/rows_stacks.h"
#include "model/rows_threads.h"
#include "model/snapfile.h"
#include "model/snapshot.h"

/* Longer ones nobody pastes into a mail. */
#define WRAPPED_MOST ((size_t)1 << 20)

/* Of these no row is missing because a line was wrapped. */
#define WRAPPED_WHOLE (PART_BIT(PART_ORIGIN) | PART_BIT(PART_REASONS) | PART_BIT(PART_ABSENCES))

/* What a reading gave: reasons not to trust it, and rows with their frames. */
struct reading_worth {
    uint32_t doubts; /* UINT32_MAX: it is refused */
    uint64_t content;
    uint64_t hash;  /* of all that it says */
    uint32_t parts; /* PART_BITs of what has rows */
};

static uint64_t snapshot_content(const struct snapshot *s) {
    uint64_t content = 0;
    for (int part = 0; part < PART_END; part++)
        if (part != PART_REASONS && part != PART_ABSENCES)
            content += s->tables[part].count;
    SNAPSHOT_ROWS(s, PART_THREADS, struct thread_row, threads, thread_count);
    for (uint32_t i = 0; i < thread_count; i++)
        content += threads[i].frames.count + threads[i].native_frames.count;
    SNAPSHOT_ROWS(s, PART_STACKS, struct stack_row, stacks, stack_count);
    for (uint32_t i = 0; i < stack_count; i++)
        content += stacks[i].frames.count;
    return content;
}

static struct reading_worth reading_worth(struct str text, wrapped_reader *read) {
    struct reading_worth worth = {.doubts = UINT32_MAX};
    struct snapshot s;
    struct strbuf file;
    struct err err;
    snapshot_init(&s);
    strbuf_init(&file);
    struct builder *b = builder_new(&s, &err);
    if (b && read(text, b, &err) && builder_finish(b, &err) && snapfile_encode(&s, &file, &err)) {
        SNAPSHOT_ROWS(&s, PART_REASONS, struct reason_row, rows, count);
        worth.doubts = 0;
        for (uint32_t i = 0; i < count; i++)
            worth.doubts += rows[i].lowers_trust != 0;
        worth.content = snapshot_content(&s);
        worth.hash = hash_bytes(file.ptr, file.len);
        worth.parts = s.parts & ~WRAPPED_WHOLE;
    }
    strbuf_deinit(&file);
    builder_free(b);
    snapshot_deinit(&s);
    return worth;
}

struct wrapped_reading {
    struct strbuf text; /* empty: as it is */
    struct reading_worth worth;
    bool sure;
    bool bold; /* joins what may be a row: so a doubt may have gone with the row */
};

/* Says it more, or about as much with fewer doubts? */
static bool reads_better(const struct reading_worth *as_is, const struct wrapped_reading *reading) {
    const struct reading_worth *again = &reading->worth;
    if (again->doubts == UINT32_MAX)
        return false;
    return again->content > as_is->content ||
           (!reading->bold && again->doubts < as_is->doubts &&
            again->content >= as_is->content / 4 * 3 + as_is->content % 4);
}

/* Of a text that is not joined: as long as nothing else is to be said against it. */
static bool reads_as_well(const struct wrapped_reading *best, const struct wrapped_reading *other) {
    const struct reading_worth *a = &best->worth, *b = &other->worth;
    if (a->hash == b->hash || b->doubts > a->doubts)
        return false;
    if (!best->text.len)
        return !a->doubts && (b->content == a->content || other->sure);
    return b->content >= a->content;
}

/*
 * Lines that were wrapped are joined again where the text then says more, or about as much with
 * fewer doubts: which lines belong together is a guess, and a text that reads well as it stands was
 * not wrapped. Where two guesses read as well and differ, neither is sure.
 */
struct wrapped wrapped_read(struct str text, wrapped_reader *read, struct strbuf *joined) {
    struct wrapped_reading readings[1 + WRAPPED_WAYS] = {{.sure = true}};
    size_t count = 0, best = 0;
    for (int way = 0; way < WRAPPED_WAYS && text.len <= WRAPPED_MOST; way++) {
        struct wrapped_reading *r = &readings[1 + count];
        strbuf_init(&r->text);
        r->bold = way == WRAPPED_ANY;
        if (wrapped_text_add(&r->text, text, (enum wrapped_way)way, &r->sure))
            count++;
        else
            strbuf_deinit(&r->text);
    }
    if (count)
        readings[0].worth = reading_worth(text, read);
    for (size_t i = 1; i <= count; i++) {
        readings[i].worth = reading_worth(strbuf_str(&readings[i].text), read);
        if (reads_better(&readings[best].worth, &readings[i]))
            best = i;
    }
    struct wrapped ret = {best > 0, 0};
    for (size_t i = 0; i <= count; i++)
        if (!readings[best].sure || (i != best && reads_as_well(&readings[best], &readings[i])))
            ret.doubts = readings[best].worth.parts;
    if (ret.joined)
        strbuf_add(joined, strbuf_str(&readings[best].text));
    for (size_t i = 0; i <= count; i++)
        strbuf_deinit(&readings[i].text);
    return ret;
}

void wrapped_say(const struct wrapped *w, struct builder *b) {
    if (w->joined)
        builder_note(b, "lines that had been wrapped were joined again");
    if (w->doubts)
        builder_lacks(b, w->doubts, ASPECT_ROWS, ABSENT,
                      "lines were wrapped: which belong together is not sure");
}
