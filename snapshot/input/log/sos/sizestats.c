/*
 * sizestats: how many objects of each size a generation has, and how many free blocks (SOS).
 *
 *   Size Statistics for generation0 objects
 *
 *             Size          Count Cumulative Size Cumulative Count
 *               24          1,524               0                0
 *               32          2,453          36,576            1,524
 *
 *   Size Statistics for large objects
 *
 *   (none)
 *
 *   Size Statistics for generation0 free objects
 *
 * Sizes are rounded up to whole words, so their sums are a little more than what the objects take.
 * Cumulative figures are those of the rows above: a row that was left out shows. The last table is
 * that of free blocks among pinned objects.
 */
#include "base/num.h"
#include "input/log/scan.h"
#include "model/known_names.h"
#include "model/parts.h"

#include <string.h>

#define HEADING "Size Statistics for "

struct size_stats {
    struct transcript *t;
    struct scan_loss loss;
    enum generation generation;
    bool is_free, is_last;
    bool any;      /* the table has a row, or says that it has none */
    uint64_t gaps; /* [count] rows whose cumulative figures are not those of the rows above */
    struct cell sum;
};

static bool sizestats_heading(struct str text, enum generation *ret_generation, bool *ret_free) {
    static const struct {
        struct str name;
        enum generation generation;
    } names[] = {{STR_INIT("generation0"), GEN_0}, {STR_INIT("generation1"), GEN_1},
                 {STR_INIT("generation2"), GEN_2}, {STR_INIT("large"), GEN_LOH},
                 {STR_INIT("pinned"), GEN_POH},    {STR_INIT("frozen"), GEN_FROZEN}};
    if (!str_starts(text, STR(HEADING)))
        return false;
    struct str rest = str_drop(text, strlen(HEADING)), name = str_next_field(&rest);
    rest = str_trim(rest);
    *ret_free = str_eq(rest, STR("free objects"));
    if (!*ret_free && !str_eq(rest, STR("objects")))
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (str_eq_nocase(name, names[i].name)) {
            *ret_generation = names[i].generation;
            return true;
        }
    return false;
}

static bool sizestats_starts(const struct transcript *t) {
    enum generation generation;
    bool is_free;
    return str_first(t->line.text) == 'S' && sizestats_heading(t->line.text, &generation, &is_free);
}

/* "32          2,453          36,576            1,524" */
static bool sizestats_row(struct size_stats *s, struct str text) {
    struct str f[4];
    uint64_t n[4], bytes;
    if (scan_fields(text, f, 4, NULL) != 4)
        return false;
    for (size_t i = 0; i < 4; i++)
        if (!num_grouped(f[i], &n[i]))
            return false;
    s->gaps += n[2] != s->sum.bytes || n[3] != s->sum.objects;
    if (__builtin_mul_overflow(n[0], n[1], &bytes))
        bytes = UINT64_MAX - 1;
    /* What is above is what the row says, so that one gap is not one in each row below it. */
    s->sum = (struct cell){num_add(n[3], n[1]), num_add(n[2], bytes)};
    return true;
}

static bool sizestats_take(void *context, bool *ret_mine, struct err *err) {
    struct size_stats *s = context;
    struct str text = s->t->line.text, rest = text;
    (void)err;
    *ret_mine = true;
    if (str_eq(text, STR("(none)")) || str_eq(str_next_field(&rest), STR("Size")))
        *ret_mine = !sizestats_starts(s->t);
    else if (!sizestats_row(s, text))
        *ret_mine = false;
    s->any |= *ret_mine;
    return true;
}

static bool sizestats_counters(const struct size_stats *s, struct err *err) {
    const struct {
        const char *what, *unit;
        uint64_t value;
    } counters[] = {
        {s->is_free ? "free_blocks" : "objects", "count", s->sum.objects},
        {s->is_free ? "free_words" : "object_words", "bytes", s->sum.bytes},
    };
    for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
        char name[64];
        snprintf(name, sizeof(name), "heap.%s_%s", counters[i].what,
                 generation_names[s->generation]);
        if (!builder_counter(s->t->b, name, counters[i].value, counters[i].unit, err))
            return false;
    }
    return true;
}

/* One table; the next begins the section anew. */
static bool sizestats_read(struct transcript *t, struct err *err) {
    struct size_stats s = {.t = t};
    if (!sizestats_heading(t->line.text, &s.generation, &s.is_free))
        return true;
    transcript_next(t);
    bool ok = scan_table(t, &s.loss, sizestats_take, &s, err);
    scan_loss_report(t, &s.loss);
    if (s.gaps)
        builder_warn(t->b, s.gaps, "sizestats: rows are missing above others");
    /* Behind each table come others; the last has nothing behind it, and nearly always no row. */
    bool is_last = s.is_free && s.generation == GEN_POH;
    if (t->at_end && !is_last)
        builder_warn(t->b, ABSENT, "sizestats: the text ends within its tables");
    if (!s.any) {
        transcript_hollow(t, "sizestats: a heading without its table");
        return ok;
    }
    /* Of a table that is cut the sums are not known. */
    return ok &&
           (s.gaps || s.loss.elided || (t->at_end && !is_last) || sizestats_counters(&s, err));
}

const struct section section_sizestats = {
    .name = "sizestats",
    .summary = "objects and free blocks of each generation, by their sizes: sizestats (SOS)",
    .may_give = PART_BIT(PART_COUNTERS),
    .starts = sizestats_starts,
    .read = sizestats_read,
};
