#include "input/log/wrapped_reading.h"

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
    uint64_t doubts; /* UINT32_MAX: it is refused */
    uint64_t content;
    uint64_t parts; /* PART_BITs of what has rows */
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

struct wrapped_reading {
    struct strbuf text; /* empty: as it is */
    struct snapshot s;
    struct reading_worth worth;
    bool sure;
    bool bold; /* joins what may be a row: so a doubt may have gone with the row */
};

static void wrapped_reading_init(struct wrapped_reading *r, bool bold) {
    *r = (struct wrapped_reading){.worth = {.doubts = UINT32_MAX}, .sure = true, .bold = bold};
    strbuf_init(&r->text);
    snapshot_init(&r->s);
}

static void wrapped_reading_deinit(struct wrapped_reading *r) {
    snapshot_deinit(&r->s);
    strbuf_deinit(&r->text);
}

static void wrapped_reading_read(struct wrapped_reading *r, struct str text, wrapped_reader *read) {
    struct err err;
    struct builder *b = builder_new(&r->s, &err);
    if (b && read(text, b, &err) && builder_finish(b, &err)) {
        SNAPSHOT_ROWS(&r->s, PART_REASONS, struct reason_row, rows, count);
        r->worth.doubts = 0;
        for (uint32_t i = 0; i < count; i++)
            r->worth.doubts += rows[i].lowers_trust != 0;
        r->worth.content = snapshot_content(&r->s);
        r->worth.parts = r->s.parts & ~WRAPPED_WHOLE;
    }
    builder_free(b);
}

/* Do they say the same, to the last word? Lack of memory makes it a no. */
static bool reads_the_same(const struct wrapped_reading *a, const struct wrapped_reading *b) {
    struct strbuf one, two;
    strbuf_init(&one);
    strbuf_init(&two);
    bool same = snapfile_encode(&a->s, &one, NULL) && snapfile_encode(&b->s, &two, NULL) &&
                str_eq(strbuf_str(&one), strbuf_str(&two));
    strbuf_deinit(&two);
    strbuf_deinit(&one);
    return same;
}

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
    bool as_much = best->text.len ? b->content >= a->content
                                  : !a->doubts && (b->content == a->content || other->sure);
    return as_much && b->doubts <= a->doubts && !reads_the_same(best, other);
}

/*
 * Lines that were wrapped are joined again where the text then says more, or about as much with
 * fewer doubts: which lines belong together is a guess, and a text that reads well as it stands was
 * not wrapped. Where two guesses read as well and differ, neither is sure.
 */
struct wrapped wrapped_read(struct str text, wrapped_reader *read, struct strbuf *joined) {
    struct wrapped_reading readings[1 + WRAPPED_WAYS];
    struct wrapped_layout layout;
    size_t count = 1, best = 0;
    if (text.len > WRAPPED_MOST || !wrapped_text_layout(text, &layout))
        return (struct wrapped){false, 0};
    wrapped_reading_init(&readings[0], false);
    bool joined_before = false;
    for (int way = 0; way < WRAPPED_WAYS; way++) {
        struct wrapped_reading *r = &readings[count], *before = r - 1;
        if (!joined_before && !wrapped_may_join(&layout, (enum wrapped_way)way))
            continue;
        wrapped_reading_init(r, way == WRAPPED_ANY);
        joined_before = wrapped_text_add(&r->text, text, &layout, (enum wrapped_way)way, &r->sure);
        /* What the way before has joined as well says nothing new. */
        if (joined_before && !str_eq(strbuf_str(&r->text), strbuf_str(&before->text)))
            count++;
        else
            wrapped_reading_deinit(r);
    }
    for (size_t i = 0; i < count && count > 1; i++) {
        wrapped_reading_read(&readings[i], i ? strbuf_str(&readings[i].text) : text, read);
        if (i && reads_better(&readings[best].worth, &readings[i]))
            best = i;
    }
    struct wrapped ret = {best > 0, 0};
    for (size_t i = 0; i < count && !ret.doubts; i++)
        if (!readings[best].sure || (i != best && reads_as_well(&readings[best], &readings[i])))
            ret.doubts = readings[best].worth.parts;
    if (ret.joined)
        strbuf_add(joined, strbuf_str(&readings[best].text));
    for (size_t i = 0; i < count; i++)
        wrapped_reading_deinit(&readings[i]);
    return ret;
}

void wrapped_say(const struct wrapped *w, struct builder *b) {
    if (w->joined)
        builder_note(b, "lines that had been wrapped were joined again");
    if (w->doubts)
        builder_lacks(b, w->doubts, ASPECT_ROWS, ABSENT,
                      "lines were wrapped: which belong together is not sure");
}
