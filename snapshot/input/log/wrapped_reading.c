#include "input/log/wrapped_reading.h"

#include "input/log/covered_text.h"
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
    uint64_t unread; /* lines */
    uint64_t parts;  /* PART_BITs of what has rows */
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
    struct strbuf joins; /* empty: as it is */
    struct strbuf text;
    struct snapshot s;
    struct reading_worth worth;
    bool sure;
    size_t known; /* [count] lines that are rests for certain */
    bool bold;    /* joins what may be a row: so a doubt may have gone with the row */
};

static void wrapped_reading_init(struct wrapped_reading *r, bool bold) {
    *r = (struct wrapped_reading){.worth = {.doubts = UINT32_MAX}, .sure = true, .bold = bold};
    strbuf_init(&r->joins);
    strbuf_init(&r->text);
    snapshot_init(&r->s);
}

static void wrapped_reading_deinit(struct wrapped_reading *r) {
    snapshot_deinit(&r->s);
    strbuf_deinit(&r->text);
    strbuf_deinit(&r->joins);
}

static void wrapped_reading_read(struct wrapped_reading *r, struct str text, wrapped_reader *read) {
    struct err err;
    struct builder *b = builder_new(&r->s, &err);
    if (b && read(text, b, &r->worth.unread, &err) && builder_finish(b, &err)) {
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

/* Text with lines that can be nothing but rests was wrapped, if as much is understood then. */
static bool was_wrapped(const struct reading_worth *as_is, const struct wrapped_reading *reading) {
    const struct reading_worth *again = &reading->worth;
    return reading->known && again->unread <= as_is->unread && as_is->content &&
           again->content >= as_is->content / 4 * 3;
}

/* Of a text that is not joined: as long as nothing else is to be said against it. */
static bool reads_as_well(const struct wrapped_reading *best, const struct wrapped_reading *other) {
    const struct reading_worth *a = &best->worth, *b = &other->worth;
    if (!best->text.len && a->doubts != UINT32_MAX && !a->doubts && !a->unread)
        return false; /* every line of it is understood */
    bool as_much = best->text.len ? b->content >= a->content
                                  : !a->doubts && (b->content == a->content ||
                                                   (other->sure && b->unread <= a->unread &&
                                                    b->content >= a->content / 4 * 3));
    return as_much && b->doubts <= a->doubts && !reads_the_same(best, other);
}

/* -- What covers each line ------------------------------------------------------------------- */

/* As few lines of it are understood that something may stand in front of them. */
static bool is_hardly_read(const struct reading_worth *worth, struct str text) {
    uint64_t lines = 0;
    if (worth->doubts == UINT32_MAX)
        return true;
    for (struct str line; str_next_line(&text, &line);)
        lines += str_trim(line).len > 0;
    return worth->unread * 2 > lines;
}

static struct reading_worth weigh(struct str text, wrapped_reader *read) {
    struct wrapped_reading reading;
    wrapped_reading_init(&reading, false);
    wrapped_reading_read(&reading, text, read);
    struct reading_worth worth = reading.worth;
    wrapped_reading_deinit(&reading);
    return worth;
}

struct str uncovered_read(struct str text, wrapped_reader *read, struct strbuf *bare) {
    if (text.len > WRAPPED_MOST)
        return text;
    size_t fields = covered_text_fields(text);
    bool edges = covered_text_has_edges(text);
    if (!fields && !edges)
        return text;
    struct reading_worth best = weigh(text, read);
    bool clock = covered_text_has_clock(text);
    if (!clock && !is_hardly_read(&best, text))
        return text;
    for (size_t way = fields + edges; way; way--) {
        struct strbuf other;
        strbuf_init(&other);
        if (way > fields)
            covered_text_drop_edges(&other, text);
        else
            covered_text_drop_fields(&other, text, way);
        struct reading_worth worth = weigh(strbuf_str(&other), read);
        bool more =
            worth.content > best.content || (clock && !bare->len && worth.content == best.content);
        bool better = worth.doubts != UINT32_MAX &&
                      (best.doubts == UINT32_MAX || (more && worth.unread <= best.unread));
        if (better || strbuf_failed(&other)) {
            struct strbuf worse = *bare;
            *bare = other;
            other = worse;
            best = worth;
        }
        strbuf_deinit(&other);
    }
    return bare->len ? strbuf_str(bare) : text;
}

/* -- Kind by kind ------------------------------------------------------------------------------ */

/* Longer ones are read in the ways above alone. */
#define SEARCHED_MOST ((size_t)1 << 17)
#define KINDS_MOST    24u
#define ROUNDS_MOST   3

/*
 * One reading of a text whose lines are joined, and what else was tried: all breaks of one kind are
 * joined, or none is, and the readers of the sections tell by what they understand then.
 */
struct wrapped_search {
    struct str text;
    const struct wrapped_layout *layout;
    wrapped_reader *read;
    struct wrapped_reading best;
    uint32_t kinds[KINDS_MOST];
    size_t kind_count;
    bool unsure; /* another reading, of this round, says as much and something else */
};

static bool find_kinds(struct wrapped_search *w) {
    struct str rest = w->text, last = {NULL, 0};
    for (struct str line; str_next_line(&rest, &line) && w->kind_count < KINDS_MOST; last = line) {
        uint32_t kind = wrapped_break_kind(w->layout, last, line);
        size_t i = 0;
        while (i < w->kind_count && w->kinds[i] != kind)
            i++;
        if (kind && i == w->kind_count)
            w->kinds[w->kind_count++] = kind;
    }
    return w->kind_count > 0;
}

/* All that had no room on the line before, and also what had but for blanks. */
#define ANY_KIND     0u
#define ANY_KIND_GAP 2u

/* The joins of the best, but for breaks of that kind; false: these are so already. */
static bool joins_but(const struct wrapped_search *w, uint32_t kind, char becomes,
                      struct strbuf *joins) {
    struct str rest = w->text, last = {NULL, 0};
    bool any = false;
    size_t at = 0;
    for (struct str line; str_next_line(&rest, &line); last = line, at++) {
        char was = at < w->best.joins.len ? w->best.joins.ptr[at] : WRAPPED_NEW;
        uint32_t this = wrapped_break_kind(w->layout, last, line);
        bool is = this && (this == kind || kind == ANY_KIND_GAP ||
                           (kind == ANY_KIND && !wrapped_break_has_room(this)));
        any = any || (is && was != becomes);
        strbuf_addc(joins, is ? becomes : was);
    }
    return any && !strbuf_failed(joins);
}

/*
 * Rows are not lost by it, and more is understood: rows, or at least lines, where it is known that
 * the text was wrapped and there was no room. What was joined is taken apart where that is doubted.
 */
static bool reads_on(const struct wrapped_search *w, const struct reading_worth *other,
                     uint32_t kind, char becomes) {
    const struct reading_worth *best = &w->best.worth;
    if (best->doubts == UINT32_MAX)
        return other->doubts != UINT32_MAX;
    if (other->doubts > best->doubts || other->content < best->content)
        return false;
    if (becomes == WRAPPED_NEW)
        return other->doubts < best->doubts && other->unread <= best->unread;
    bool lines_count = w->best.joins.len && !wrapped_break_has_room(kind);
    return other->content > best->content || (lines_count && other->unread < best->unread);
}

static bool try_kind(struct wrapped_search *w, uint32_t kind, char becomes) {
    struct wrapped_reading other;
    wrapped_reading_init(&other, false);
    other.sure = w->best.sure;
    bool better = false;
    if (joins_but(w, kind, becomes, &other.joins)) {
        wrapped_text_join(&other.text, w->text, w->layout, strbuf_str(&other.joins));
        wrapped_reading_read(&other, strbuf_str(&other.text), w->read);
        better = reads_on(w, &other.worth, kind, becomes);
        w->unsure = w->unsure || (!better && reads_as_well(&w->best, &other));
    }
    if (better) {
        struct wrapped_reading worse = w->best;
        w->best = other;
        other = worse;
    }
    wrapped_reading_deinit(&other);
    return better;
}

static void search_kinds(struct wrapped_search *w) {
    bool changed = true;
    try_kind(w, ANY_KIND, WRAPPED_ON);
    if (w->best.worth.doubts == UINT32_MAX)
        try_kind(w, ANY_KIND_GAP, WRAPPED_ON);
    for (int round = 0; round < ROUNDS_MOST && changed; round++) {
        changed = w->unsure = false;
        for (size_t i = 0; i < w->kind_count; i++)
            if (try_kind(w, w->kinds[i], WRAPPED_ON) || try_kind(w, w->kinds[i], WRAPPED_NEW))
                changed = true;
    }
}

/* -- Lines that are full ------------------------------------------------------------------- */

/*
 * Is more understood where lines that are full go on below? Which they are is not sure.
 *
 * best  of its lines joined at blanks; NULL: they are better left alone
 */
static struct wrapped read_full(struct str text, wrapped_reader *read,
                                const struct reading_worth *best, struct strbuf *joined) {
    bool marked;
    if (!wrapped_text_join_full(joined, text, &marked))
        return (struct wrapped){false, 0};
    struct reading_worth other = best ? *best : weigh(text, read);
    struct reading_worth full = weigh(strbuf_str(joined), read);
    bool fewer = full.content >= other.content && full.doubts < other.doubts;
    if (full.doubts != UINT32_MAX && (fewer || (!best && full.content > other.content)))
        return (struct wrapped){true, full.parts};
    strbuf_clear(joined);
    return (struct wrapped){false, 0};
}

/* -- All of it --------------------------------------------------------------------------------- */

/*
 * Lines that were wrapped are joined again where the text then says more, or about as much with
 * fewer doubts: which lines belong together is a guess, and a text that reads well as it stands was
 * not wrapped. Where two guesses read as well and differ, neither is sure.
 */
struct wrapped wrapped_read(struct str text, wrapped_reader *read, struct strbuf *joined) {
    struct wrapped_reading readings[1 + WRAPPED_WAYS];
    struct wrapped_layout layout;
    size_t count = 1, best = 0;
    if (text.len > WRAPPED_MOST)
        return (struct wrapped){false, 0};
    if (!wrapped_text_layout(text, &layout))
        return read_full(text, read, NULL, joined);
    wrapped_reading_init(&readings[0], false);
    bool joined_before = false;
    for (int way = 0; way < WRAPPED_WAYS; way++) {
        struct wrapped_reading *r = &readings[count], *before = r - 1;
        if (!joined_before && !wrapped_may_join(&layout, (enum wrapped_way)way))
            continue;
        wrapped_reading_init(r, way == WRAPPED_ANY);
        joined_before = wrapped_text_joins(&r->joins, text, &layout, (enum wrapped_way)way,
                                           &r->sure, &r->known);
        /* What the way before has joined as well says nothing new. */
        if (joined_before && !str_eq(strbuf_str(&r->joins), strbuf_str(&before->joins))) {
            wrapped_text_join(&r->text, text, &layout, strbuf_str(&r->joins));
            count++;
        } else {
            wrapped_reading_deinit(r);
        }
    }
    for (size_t i = 0; i < count && count > 1; i++) {
        wrapped_reading_read(&readings[i], i ? strbuf_str(&readings[i].text) : text, read);
        if (i && ((readings[i].known >= readings[best].known &&
                   reads_better(&readings[best].worth, &readings[i])) ||
                  (!best && was_wrapped(&readings[0].worth, &readings[i]))))
            best = i;
    }
    struct wrapped ret = {best > 0, 0};
    struct wrapped_search search = {
        .text = text, .layout = &layout, .read = read, .best = readings[best]};
    if (text.len <= SEARCHED_MOST && find_kinds(&search)) {
        if (count == 1)
            wrapped_reading_read(&search.best, text, read);
        search_kinds(&search);
        readings[best] = search.best;
        ret.joined = search.best.joins.len > 0;
        if (ret.joined && search.unsure)
            ret.doubts = readings[best].worth.parts;
        /* Each break that may be one was tried: what the way was not sure of is answered. */
        if (ret.joined && search.kind_count < KINDS_MOST && !readings[best].bold)
            readings[best].sure = true;
    }
    for (size_t i = 0; i < count && !ret.doubts; i++)
        if (!readings[best].sure || (i != best && reads_as_well(&readings[best], &readings[i])))
            ret.doubts = readings[best].worth.parts;
    struct wrapped full = {false, 0};
    if (!ret.joined || readings[best].worth.doubts)
        full = read_full(text, read, ret.joined ? &readings[best].worth : NULL, joined);
    if (full.joined)
        ret = full;
    else if (ret.joined)
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
