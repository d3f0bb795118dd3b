/*
 * What heaptrack_print prints of a recording: the largest few stacks by calls, peak, leaks (with
 * -l) and temporary allocations, and totals.
 *
 *   MEMORY LEAKS
 *   288B leaked over 4 calls from
 *   Receipt::add(Line&&)
 *     at /srv/kiosk/src/receipt.hpp:17
 *     in /srv/kiosk/bin/kiosk
 *   Menu::show(Order const&)                    inlined into: no module of its own
 *     at /srv/kiosk/src/menu.cpp:51
 *   288B leaked over 4 calls from:              (not with --merge-backtraces 0)
 *       main
 *         in /srv/kiosk/bin/kiosk
 *     and 139B from 425 other places
 *
 *   total runtime: 2.00s.
 *
 * Its units are powers of 1000, rounded to two decimals. The data file says all of it exactly.
 */
#include "base/chars.h"
#include "base/hash.h"
#include "base/num.h"
#include "base/vec.h"
#include "input/log/transcript.h"
#include "model/known_names.h"
#include "model/stacks.h"
#include "model/rows_origin.h"
#include "model/rows_stacks.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

#define OTHER_PLACES "[other places]"

enum list { LIST_NONE, LIST_CALLS, LIST_PEAKS, LIST_LEAKS, LIST_TEMPORARY };

/* What one line says of the stack below it. */
struct label {
    enum list list;
    bool outer;             /* of the callers of the frames printed before, "... from:" */
    uint64_t count, amount; /* calls; bytes, or temporary allocations */
    uint64_t error;         /* [bytes] by which amount may be wrong */
};

/* A stack, and which list said each number of it: the same one may be in all of them. */
struct printed {
    struct stack_row row;
    enum list calls_from, peak_from, leaks_from, temporary_from;
};

struct print_reader {
    struct transcript *t;
    struct printed *stacks;
    uint32_t count, capacity;
    struct u64map by_hash;
    struct label head, label; /* of the frames that all share; of those that are read */
    const char *frames[STACK_FRAMES_MAX];
    uint32_t head_frames, frame_count;
    bool in_entry, split; /* split: callers were printed apart */
    struct str function;  /* whose module is not known yet */
    bool placed;          /* it has a source */
    struct str module, place;
    bool has_leaks, is_diff;
    uint64_t leaks, leaks_error; /* sum of the heads, and how wrong it may be */
    uint64_t leaked_error;       /* of the total */
    uint64_t unparsed, totals;
    struct {
        const char *name, *unit;
        uint64_t value;
    } counters[7]; /* kept back: those of a difference are none */
};

/* -- Numbers ----------------------------------------------------------------------------------- */

/* "288B", "4.10K", in old versions "4.10KB"; of differences "-4.10K", without its sign. */
static bool parse_amount(struct str s, uint64_t *ret_value, uint64_t *ret_error) {
    static const char letters[] = "KMGT";
    uint64_t unit = 1;
    if (str_starts(s, STR("-")))
        s = str_drop(s, 1);
    if (str_ends(s, STR("B")))
        s = str_take(s, s.len - 1);
    for (size_t i = 0; s.len && letters[i]; i++) {
        if (str_last(s) != letters[i])
            continue;
        for (size_t j = 0; j <= i; j++)
            unit *= 1000;
        s = str_take(s, s.len - 1);
        break;
    }
    *ret_error = unit / 200;
    return num_scaled(s, unit, ret_value) && *ret_value != ABSENT;
}

/* Splits " word" and what is before it off the front; false: it is not there. */
static bool take_until(struct str *rest, struct str word, struct str *ret_before) {
    size_t at = str_find(*rest, word, 0);
    if (at == STR_NOT_FOUND)
        return false;
    *ret_before = str_take(*rest, at);
    *rest = str_drop(*rest, at + word.len);
    return true;
}

static bool parse_label(struct str text, struct label *ret_label) {
    static const struct {
        struct str between, between_outer, behind;
        enum list list;
        bool count_first;
    } forms[] = {
        {STR_INIT(" calls to allocation functions with "), STR_INIT(" calls with "),
         STR_INIT(" peak consumption"), LIST_CALLS, true},
        {STR_INIT(" peak memory consumed over "), STR_INIT(" consumed over "), STR_INIT(" calls"),
         LIST_PEAKS, false},
        {STR_INIT(" leaked over "), STR_INIT(" leaked over "), STR_INIT(" calls"), LIST_LEAKS,
         false},
        {STR_INIT(" temporary allocations of "), STR_INIT(" temporary allocations of "),
         STR_INIT(" allocations in total ("), LIST_TEMPORARY, false},
    };
    struct label label = {.outer = str_ends(text, STR(" from:"))};
    if (!label.outer && !str_ends(text, STR(" from")))
        return false;
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        struct str rest = text, first, second;
        uint64_t none;
        struct str between = label.outer ? forms[i].between_outer : forms[i].between;
        if (!take_until(&rest, between, &first) || !take_until(&rest, forms[i].behind, &second))
            continue;
        label.list = forms[i].list;
        if (!parse_amount(forms[i].count_first ? second : first, &label.amount, &label.error) ||
            !parse_amount(forms[i].count_first ? first : second, &label.count, &none))
            return false;
        *ret_label = label;
        return true;
    }
    return false;
}

/* -- Stacks ------------------------------------------------------------------------------------ */

static struct printed *find_stack(struct print_reader *r, struct err *err) {
    size_t size = r->frame_count * sizeof(*r->frames);
    uint64_t key = key_of_bytes(r->frames, size);
    uint32_t at;
    for (; (at = u64map_get(&r->by_hash, key)) != STRMAP_NONE; key = key_with(key, 1)) {
        const struct strings *have = &r->stacks[at].row.frames;
        if (have->count == r->frame_count && memcmp(have->items, r->frames, size) == 0)
            return &r->stacks[at];
    }
    if (!VEC_ROOM(r->stacks, r->count, r->capacity, err))
        return NULL;
    const char **frames =
        arena_array(&builder_snapshot(r->t->b)->arena, r->frame_count, sizeof(*frames));
    if (!frames || !u64map_put(&r->by_hash, key, r->count)) {
        err_nomem(err);
        return NULL;
    }
    memcpy(frames, r->frames, size);
    struct printed *stack = &r->stacks[r->count++];
    *stack = (struct printed){.row = STACK_ROW};
    stack->row.frames = (struct strings){frames, r->frame_count};
    return stack;
}

/* Stacks that differ by addresses alone are one of ours: added up, but only within a list. */
static void heaptrack_print_say(uint64_t *field, enum list *from, enum list list, uint64_t value) {
    if (value == ABSENT || (*from != LIST_NONE && *from != list))
        return;
    *field = *from == LIST_NONE ? value : num_add(*field, value);
    *from = list;
}

static bool heaptrack_print_add_entry(struct print_reader *r, const struct label *label,
                                      struct err *err) {
    if (r->frame_count == 0) {
        r->unparsed++;
        return true;
    }
    struct printed *p = find_stack(r, err);
    if (!p)
        return false;
    heaptrack_print_say(&p->row.total_count, &p->calls_from, label->list, label->count);
    if (label->list == LIST_LEAKS)
        heaptrack_print_say(&p->row.bytes, &p->leaks_from, label->list, label->amount);
    else if (label->list == LIST_TEMPORARY)
        heaptrack_print_say(&p->row.temporary_count, &p->temporary_from, label->list,
                            label->amount);
    else
        heaptrack_print_say(&p->row.peak_bytes, &p->peak_from, label->list, label->amount);
    return true;
}

static bool end_function(struct print_reader *r, struct err *err) {
    struct str function = r->function, place = r->place;
    bool known = r->placed;
    r->function = r->place = (struct str){NULL, 0};
    r->placed = false;
    if (function.len == 0)
        return true;
    if (!known || r->frame_count == STACK_FRAMES_MAX) {
        r->unparsed++; /* neither source nor module: no frame, or one that is cut */
        return true;
    }
    if (str_starts(function, STR("0x")))
        function.len = 0;
    const char *frame = builder_frame(r->t->b, function, r->module, ABSENT, err);
    if (function.len)
        frame = builder_frame_in(r->t->b, frame, place, err);
    if (frame)
        r->frames[r->frame_count++] = frame;
    return frame != NULL;
}

/* Ends the frames below a label. */
static bool end_frames(struct print_reader *r, struct err *err) {
    if (!end_function(r, err))
        return false;
    /* The text ends within a stack, for all one can see: whole ones are followed by totals. */
    if (!str_trim(r->t->rest).len && r->frame_count < STACK_FRAMES_MAX &&
        !(r->frames[r->frame_count++] = builder_string(r->t->b, STR(FRAME_CUT), err)))
        return false;
    if (!r->label.outer) {
        r->head_frames = r->frame_count;
        return true;
    }
    bool ok = heaptrack_print_add_entry(r, &r->label, err);
    r->frame_count = r->head_frames;
    return ok;
}

static bool end_entry(struct print_reader *r, struct err *err) {
    if (!r->in_entry)
        return true;
    r->in_entry = false;
    return end_frames(r, err) && (r->split || heaptrack_print_add_entry(r, &r->head, err));
}

static bool begin_entry(struct print_reader *r, const struct label *label, struct err *err) {
    if (label->outer && r->in_entry && label->list == r->head.list) {
        if (!end_frames(r, err))
            return false;
        r->split = true;
        r->label = *label;
        return true;
    }
    if (!end_entry(r, err))
        return false;
    r->in_entry = true;
    r->split = false;
    r->head = r->label = *label;
    r->label.outer = false;
    r->frame_count = r->head_frames = 0;
    r->module = (struct str){"", 0};
    if (label->list == LIST_LEAKS) {
        r->has_leaks = true;
        r->leaks = num_add(r->leaks, label->amount);
        r->leaks_error = num_add(r->leaks_error, label->error);
    }
    return true;
}

/* "and 139B from 425 other places": callers that are not printed. */
static bool heaptrack_print_add_others(struct print_reader *r, struct str text, bool *ret_mine,
                                       struct err *err) {
    struct label label = {.list = r->head.list, .outer = true, .count = ABSENT, .amount = ABSENT};
    struct str rest = str_drop(text, 4), amount;
    uint64_t value;
    *ret_mine = take_until(&rest, STR(" from "), &amount) && str_ends(rest, STR(" other places")) &&
                parse_amount(amount, &value, &label.error);
    if (!*ret_mine)
        return true;
    if (!end_frames(r, err) || r->frame_count == STACK_FRAMES_MAX)
        return r->frame_count == STACK_FRAMES_MAX;
    *(r->head.list == LIST_CALLS ? &label.count : &label.amount) = value;
    r->split = true;
    r->label = label;
    r->frames[r->frame_count] = builder_string(r->t->b, STR(OTHER_PLACES), err);
    if (!r->frames[r->frame_count++] || !heaptrack_print_add_entry(r, &label, err))
        return false;
    r->frame_count = r->head_frames;
    r->label.outer = false; /* nothing more is to be added for it */
    return true;
}

static bool heaptrack_print_read_frame(struct print_reader *r, struct str text, struct err *err) {
    bool mine = false;
    if (str_starts(text, STR("and ")) && (!heaptrack_print_add_others(r, text, &mine, err) || mine))
        return mine;
    if (r->function.len && str_starts(text, STR("at "))) {
        r->place = str_drop(text, 3);
        r->placed = true;
    } else if (r->function.len && str_starts(text, STR("in "))) {
        r->module = str_drop(text, 3);
        if (str_eq(r->module, STR("??")))
            r->module = (struct str){"", 0};
        r->placed = true;
    } else {
        if (!end_function(r, err))
            return false;
        r->function = text;
    }
    return true;
}

/* -- Totals ------------------------------------------------------------------------------------ */

/* What is behind `label`, up to `end`; a rate in brackets is left out. */
static bool total_text(struct str text, struct str label, struct str *ret_value) {
    if (!str_starts(text, label))
        return false;
    struct str rest = str_drop(text, label.len);
    *ret_value = str_next_field(&rest);
    return ret_value->len > 0;
}

enum { LEAKED = 4 }; /* place in the table below */

/* One of a kind: a total that is said twice stays as it was. */
static void heaptrack_print_keep(struct print_reader *r, size_t place, const char *name,
                                 uint64_t value, const char *unit) {
    if (r->counters[place].name)
        return;
    r->counters[place].name = name;
    r->counters[place].unit = unit;
    r->counters[place].value = value;
}

/* true: the line is one of a total. */
static bool heaptrack_print_add_total(struct print_reader *r, struct str text) {
    static const struct {
        struct str label;
        const char *counter, *unit;
    } totals[] = {
        {STR_INIT("calls to allocation functions: "), COUNTER_HEAP_ALLOCATIONS, "count"},
        {STR_INIT("temporary memory allocations: "), COUNTER_HEAP_TEMPORARY, "count"},
        {STR_INIT("peak heap memory consumption: "), COUNTER_HEAP_PEAK, "bytes"},
        {STR_INIT("peak RSS (including heaptrack overhead): "), COUNTER_PEAK_RSS_BYTES, "bytes"},
        {STR_INIT("total memory leaked: "), COUNTER_HEAP_OUTSTANDING, "bytes"},
        {STR_INIT("suppressed leaks: "), "heap.suppressed_bytes", "bytes"},
    };
    struct str value;
    uint64_t number, wrong;
    if (total_text(text, STR("total runtime: "), &value)) {
        r->totals++;
        if (str_ends(value, STR("s.")) &&
            num_scaled(str_take(value, value.len - 2), 1000000000, &number))
            heaptrack_print_keep(r, 6, COUNTER_RECORDED_NS, number, "ns");
        else
            r->unparsed++;
        return true;
    }
    for (size_t i = 0; i < sizeof(totals) / sizeof(*totals); i++) {
        if (!total_text(text, totals[i].label, &value))
            continue;
        r->totals++;
        if (!parse_amount(value, &number, &wrong)) {
            r->unparsed++;
            return true;
        }
        if (i == LEAKED)
            r->leaked_error = wrong;
        r->is_diff |= str_first(value) == '-';
        heaptrack_print_keep(r, i, totals[i].counter, number, totals[i].unit);
        return true;
    }
    return str_starts(text, STR("bytes allocated in total (")); /* of old versions */
}

/* -- Section ----------------------------------------------------------------------------------- */

static bool heaptrack_print_is_heading(struct str text) {
    return str_eq(text, STR("MOST CALLS TO ALLOCATION FUNCTIONS")) ||
           str_eq(text, STR("PEAK MEMORY CONSUMERS")) || str_eq(text, STR("MEMORY LEAKS")) ||
           str_eq(text, STR("MOST TEMPORARY ALLOCATIONS"));
}

static bool is_progress(struct str text) {
    return ((str_starts(text, STR("reading file \"")) ||
             str_starts(text, STR("reading diff file \""))) &&
            str_contains(text, STR("please wait"))) ||
           str_starts(text, STR("finished reading file, now analyzing data"));
}

static bool heaptrack_print_starts(const struct transcript *t) {
    struct label label;
    return heaptrack_print_is_heading(t->line.text) || is_progress(t->line.text) ||
           str_starts(t->line.text, STR("total runtime: ")) ||
           (parse_label(t->line.text, &label) && !label.outer);
}

static bool heaptrack_print_read_line(struct print_reader *r, bool *ret_mine, struct err *err) {
    struct str text = r->t->line.text;
    struct label label;
    *ret_mine = true;
    if (text.len == 0)
        return end_entry(r, err);
    bool is_label = parse_label(text, &label), negative = str_first(text) == '-';
    r->is_diff |= is_label && (negative || str_contains(text, STR(" over -")));
    if (is_label)
        return begin_entry(r, &label, err);
    if (heaptrack_print_is_heading(text) || is_progress(text)) {
        r->is_diff |= str_starts(text, STR("reading diff file"));
        return end_entry(r, err);
    }
    bool stop = text.len == 1 && !char_is_word(str_first(text)); /* the full stop of a mail */
    if (r->in_entry && !stop)
        return heaptrack_print_read_frame(r, text, err);
    if (str_starts(text, STR("Debuggee command was: ")))
        return builder_say_program(r->t->b, str_drop(text, 22), err);
    *ret_mine = heaptrack_print_add_total(r, text);
    return true;
}

static void heaptrack_print_say_losses(const struct print_reader *r) {
    struct builder *b = r->t->b;
    uint64_t leaked = r->counters[LEAKED].name ? r->counters[LEAKED].value : 0;
    if (r->unparsed)
        transcript_lacks(r->t, r->unparsed, "heaptrack_print: lines were not understood");
    if (r->count && !r->has_leaks)
        transcript_lacks(
            r->t, ABSENT,
            "heaptrack_print: leaks were not printed (-l), so no stack says what it has "
            "left");
    else if (r->count && !r->counters[LEAKED].name)
        transcript_lacks(r->t, ABSENT, "heaptrack_print: the text ends before its totals");
    else if (leaked > num_add(r->leaks, num_add(r->leaked_error, r->leaks_error)))
        transcript_lacks(
            r->t, leaked - r->leaks,
            "heaptrack_print: leaked bytes are in no stack, since only the largest are "
            "printed (--peak-limit)");
    builder_note(b, "heaptrack_print rounds sizes, and prints the largest stacks alone: the data "
                    "file says all of it exactly");
}

static bool heaptrack_print_finish(struct print_reader *r, struct err *err) {
    struct builder *b = r->t->b;
    if (r->is_diff || (r->count == 0 && r->totals == 0)) {
        transcript_hollow(r->t, r->is_diff ? "is a difference of two recordings: give the two data "
                                             "files, or what is printed of each"
                                           : "lists without any stack");
        return true;
    }
    for (uint32_t i = 0; i < r->count; i++)
        if (!builder_add_stack(b, &r->stacks[i].row, err))
            return false;
    for (size_t i = 0; i < sizeof(r->counters) / sizeof(*r->counters); i++)
        if (r->counters[i].name && !builder_counter(b, r->counters[i].name, r->counters[i].value,
                                                    r->counters[i].unit, err))
            return false;
    heaptrack_print_say_losses(r);
    return true;
}

static bool heaptrack_print_read(struct transcript *t, struct err *err) {
    if (snapshot_has(builder_snapshot(t->b), PART_STACKS)) {
        builder_warn(t->b, ABSENT, "a second output of heaptrack_print was passed over");
        transcript_next(t);
        return true;
    }
    struct print_reader *r = calloc(1, sizeof(*r));
    if (!r)
        return err_nomem(err);
    r->t = t;
    u64map_init(&r->by_hash);
    bool ok = true, mine = true;
    while (ok && !t->at_end) {
        ok = heaptrack_print_read_line(r, &mine, err);
        if (!mine)
            break;
        transcript_next(t);
    }
    ok = ok && end_entry(r, err) && heaptrack_print_finish(r, err);
    u64map_deinit(&r->by_hash);
    free(r->stacks);
    free(r);
    return ok;
}

const struct section section_heaptrack_print = {
    .name = "heaptrack-print",
    .summary = "heaptrack_print: largest stacks by calls, peak, leaks (-l), and totals",
    .may_give = PART_BIT(PART_STACKS) | PART_BIT(PART_COUNTERS),
    .starts = heaptrack_print_starts,
    .read = heaptrack_print_read,
};
