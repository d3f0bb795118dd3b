/*
 * Statistics of Python's tracemalloc, printed: memory by the line that allocated it.
 *
 *     [ Top 10 ]
 *     /opt/till/lines.py:27: size=4855 KiB, count=39328, average=126 B
 *     /opt/till/till.py:31: size=940 KiB (+812 KiB), count=8850 (+7001), average=109 B
 *
 * and as its documentation shows how to print them:
 *
 *     #1: till/lines.py:27: 419.8 KiB
 *     6242 other: 8455.4 KiB
 *     Total allocated size: 8875.2 KiB
 *
 *     250 memory blocks: 940.1 KiB
 *       File "till/till.py", line 80
 *         main()
 *       File "till/lines.py", line 31
 *
 * The second form of the first is that of Snapshot.compare_to: it tells of two moments. Sizes are
 * rounded as printed. Source: Lib/tracemalloc.py of CPython.
 */
#include "input/log/size_text.h"
#include "model/stacks.h"
#include "model/rows_origin.h"
#include "model/rows_stacks.h"

#include "base/chars.h"
#include "base/num.h"
#include "base/vec.h"

#include <stdlib.h>

/* tracemalloc.start() is given at most so many, or fewer are looked at. */
#define FRAMES_MOST 128u

struct tracemalloc_row {
    struct str place;      /* empty: frames below it, the outermost first */
    size_t frame, frames;  /* of the reading */
    uint64_t bytes, count; /* now; count ABSENT: not said */
    int64_t bytes_delta, count_delta;
};

struct tracemalloc_reading {
    struct transcript *t;
    struct tracemalloc_row *rows;
    size_t count, capacity;
    struct str *frames; /* "till/lines.py:31" is put together from it: path and line */
    size_t frame_count, frame_capacity;
    bool compared, ended;
    uint64_t other, total; /* [bytes]; ABSENT: not said */
    struct scan_loss loss;
};

/* "25.5 MiB (+24.8 MiB)" */
static bool tracemalloc_figure(struct str text, bool sizes, uint64_t *ret_now, int64_t *ret_delta,
                               bool *ret_compared) {
    size_t open = str_find(text, STR("("), 0);
    struct str now = str_trim(str_take(text, open));
    *ret_delta = 0;
    *ret_compared = open != STR_NOT_FOUND;
    if (sizes ? !size_text(now, false, ret_now) : !num_grouped(now, ret_now))
        return false;
    if (!*ret_compared)
        return true;
    struct str delta = str_drop(text, open + 1);
    return size_text_signed(str_take(delta, str_find(delta, STR(")"), 0)), false, ret_delta);
}

/* The value behind "label=" up to the next ", ". */
static bool tracemalloc_value(struct str text, struct str label, struct str *ret_value) {
    size_t at = str_find(text, label, 0);
    if (at == STR_NOT_FOUND)
        return false;
    struct str rest = str_drop(text, at + label.len);
    *ret_value = str_take(rest, str_find(rest, STR(", "), 0));
    return true;
}

/* "lines.py:27: size=4855 KiB, count=39328, average=126 B" */
static bool tracemalloc_row(struct str text, struct tracemalloc_row *ret_row, bool *ret_compared) {
    struct str size, count;
    size_t at = str_find(text, STR(": size="), 0);
    bool also;
    if (at == STR_NOT_FOUND || at == 0)
        return false;
    struct str rest = str_drop(text, at + 2);
    ret_row->place = str_trim(str_take(text, at));
    return tracemalloc_value(rest, STR("size="), &size) &&
           tracemalloc_value(rest, STR("count="), &count) &&
           tracemalloc_figure(size, true, &ret_row->bytes, &ret_row->bytes_delta, ret_compared) &&
           tracemalloc_figure(count, false, &ret_row->count, &ret_row->count_delta, &also);
}

/* "#1: till/lines.py:27: 419.8 KiB" */
static bool tracemalloc_numbered(struct str text, struct tracemalloc_row *ret_row) {
    struct str rest = text, number = str_next_field(&rest);
    uint64_t rank;
    if (!str_starts(number, STR("#")) || !str_ends(number, STR(":")) ||
        !num_dec(str_take(str_drop(number, 1), number.len - 2), &rank))
        return false;
    size_t at = STR_NOT_FOUND;
    rest = str_trim(rest);
    for (size_t from = 0, next; (next = str_find(rest, STR(": "), from)) != STR_NOT_FOUND;
         from = next + 1)
        at = next;
    *ret_row = (struct tracemalloc_row){.count = ABSENT};
    if (at == STR_NOT_FOUND || !size_text(str_drop(rest, at + 2), false, &ret_row->bytes))
        return false;
    ret_row->place = str_take(rest, at);
    return true;
}

/* "250 memory blocks: 940.1 KiB" */
static bool tracemalloc_blocks(struct str text, struct tracemalloc_row *ret_row) {
    struct str rest = text, number = str_next_field(&rest);
    *ret_row = (struct tracemalloc_row){.place = {"", 0}};
    rest = str_trim(rest);
    return num_grouped(number, &ret_row->count) && str_starts(rest, STR("memory blocks: ")) &&
           size_text(str_drop(rest, 15), false, &ret_row->bytes);
}

/* File "till/lines.py", line 31: both, as they stand. */
static bool tracemalloc_frame(struct str text, struct str *ret_frame) {
    size_t end = str_find(text, STR("\", line "), 0);
    uint64_t line;
    if (!str_starts(text, STR("File \"")) || end == STR_NOT_FOUND ||
        !num_dec(str_drop(text, end + 8), &line))
        return false;
    *ret_frame = str_drop(text, 6);
    return true;
}

/* "6242 other: 8455.4 KiB", "Total allocated size: 8875.2 KiB" */
static bool tracemalloc_sum(struct tracemalloc_reading *r, struct str text) {
    size_t at = str_find(text, STR(" other: "), 0);
    if (str_starts(text, STR("Total allocated size: ")))
        return r->ended = size_text(str_drop(text, 22), false, &r->total);
    return at != STR_NOT_FOUND && at < 12 && size_text(str_drop(text, at + 8), false, &r->other);
}

/* "[ Top 10 ]", "[ Top 10 differences ]", "Top 10 lines" */
static bool tracemalloc_heading(struct str text) {
    struct str rest = text;
    bool brackets = str_starts(rest, STR("[ Top ")) && str_ends(rest, STR("]"));
    uint64_t limit;
    struct str f[3];
    rest = brackets ? str_drop(rest, 2) : rest;
    return scan_fields(rest, f, 3, NULL) == 3 && str_eq(f[0], STR("Top")) &&
           num_dec(f[1], &limit) && (brackets || str_eq(f[2], STR("lines")));
}

static bool tracemalloc_take(void *context, bool *ret_mine, struct err *err) {
    struct tracemalloc_reading *r = context;
    struct str text = r->t->line.text, command;
    struct tracemalloc_row row;
    bool compared = false;
    *ret_mine = !r->ended;
    if (r->ended)
        return true;
    struct str frame;
    if (r->count && !r->rows[r->count - 1].place.len && tracemalloc_frame(text, &frame)) {
        if (!VEC_ROOM(r->frames, r->frame_count, r->frame_capacity, err))
            return false;
        r->frames[r->frame_count++] = frame;
        r->rows[r->count - 1].frames++;
        return true;
    }
    if (tracemalloc_row(text, &row, &compared) || tracemalloc_numbered(text, &row) ||
        tracemalloc_blocks(text, &row)) {
        row.frame = r->frame_count;
        row.frames = 0;
        r->compared |= compared;
        if (!VEC_ROOM(r->rows, r->count, r->capacity, err))
            return false;
        r->rows[r->count++] = row;
        return true;
    }
    if (tracemalloc_heading(text)) {
        *ret_mine = r->count == 0;
        return true;
    }
    /* The line of source below a row of the second form begins further right. */
    *ret_mine =
        tracemalloc_sum(r, text) ||
        (r->count && (r->rows[r->count - 1].count == ABSENT || r->rows[r->count - 1].frames) &&
         str_first(r->t->line.raw) == ' ' && !transcript_is_command(&r->t->line, &command));
    return true;
}

/* Where packages are says nothing of the program. */
static struct str tracemalloc_place(struct str place) {
    static const struct str folders[] = {STR_INIT("/site-packages/"), STR_INIT("/dist-packages/")};
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        size_t at = str_find(place, folders[i], 0);
        if (at != STR_NOT_FOUND)
            return str_drop(place, at + folders[i].len);
    }
    return place;
}

/* The frames of a row, the innermost first; those above the most are left out. */
static bool tracemalloc_frames(const struct tracemalloc_reading *r,
                               const struct tracemalloc_row *from, const char *frames[FRAMES_MOST],
                               struct strings *ret_frames, struct err *err) {
    struct builder *b = r->t->b;
    *ret_frames = (struct strings){frames, 0};
    if (from->place.len) {
        frames[ret_frames->count++] =
            builder_frame(b, tracemalloc_place(from->place), STR(""), ABSENT, err);
        return frames[0] != NULL;
    }
    for (size_t i = from->frames; i && ret_frames->count < FRAMES_MOST; i--) {
        struct str frame = r->frames[from->frame + i - 1];
        size_t end = str_find(frame, STR("\", line "), 0);
        struct strbuf place;
        strbuf_init(&place);
        strbuf_add(&place, tracemalloc_place(str_take(frame, end)));
        strbuf_addc(&place, ':');
        strbuf_add(&place, str_drop(frame, end + 8));
        const char *name = strbuf_ok(&place, err)
                               ? builder_frame(b, strbuf_str(&place), STR(""), ABSENT, err)
                               : NULL;
        strbuf_deinit(&place);
        if (!name)
            return false;
        frames[ret_frames->count++] = name;
    }
    return true;
}

static bool tracemalloc_store(struct tracemalloc_reading *r, bool before, struct err *err) {
    struct builder *b = r->t->b;
    if (!builder_moment(b, PART_BIT(PART_STACKS) | PART_BIT(PART_ALLOCATIONS)))
        return true;
    struct origin_row *origin = builder_single(b, PART_ORIGIN, err);
    if (!origin || !builder_say_string(b, &origin->tool, STR("tracemalloc"), "the tool", err))
        return false;
    builder_present(b, PART_STACKS);
    for (size_t i = 0; i < r->count; i++) {
        const struct tracemalloc_row *from = &r->rows[i];
        struct stack_row row = STACK_ROW;
        const char *frames[FRAMES_MOST];
        if (!tracemalloc_frames(r, from, frames, &row.frames, err))
            return false;
        row.bytes = before ? size_text_before(from->bytes, from->bytes_delta) : from->bytes;
        row.count = from->count;
        if (before && from->count != ABSENT)
            row.count = size_text_before(from->count, from->count_delta);
        if (!builder_add_stack(b, &row, err))
            return false;
    }
    if (r->total == ABSENT)
        return true;
    struct allocation_row total = ALLOCATION_ROW;
    total.by = "total";
    total.bytes = r->total;
    return builder_add_allocation(b, &total, err);
}

static bool tracemalloc_read(struct transcript *t, struct err *err) {
    struct tracemalloc_reading r = {.t = t, .other = ABSENT, .total = ABSENT};
    bool ok = scan_table(t, &r.loss, tracemalloc_take, &r, err);
    if (ok && !r.count) {
        transcript_hollow(t, "tracemalloc: a heading without lines");
        free(r.frames);
        free(r.rows);
        return true;
    }
    ok = ok && (!r.compared || tracemalloc_store(&r, true, err)) &&
         tracemalloc_store(&r, false, err);
    if (ok) {
        builder_note(t->b, "tracemalloc: sizes are rounded as they are printed");
        transcript_lacks(t, ABSENT,
                         r.compared ? "tracemalloc: only the lines that changed most are listed"
                                    : "tracemalloc: only the lines with most are listed");
        scan_loss_report(t, &r.loss);
    }
    free(r.frames);
    free(r.rows);
    return ok;
}

static bool tracemalloc_starts(const struct transcript *t) {
    struct tracemalloc_row row;
    struct str text = t->line.text;
    struct line next;
    bool compared;
    if (str_first(text) == '#' || tracemalloc_heading(text))
        return tracemalloc_numbered(text, &row) ||
               (tracemalloc_heading(text) && transcript_peek(t, 1, &next) &&
                (tracemalloc_row(next.text, &row, &compared) ||
                 tracemalloc_numbered(next.text, &row)));
    if (char_is_digit(str_first(text)) && tracemalloc_blocks(text, &row)) {
        struct str frame;
        return transcript_peek(t, 1, &next) && tracemalloc_frame(next.text, &frame);
    }
    return str_contains(str_take(text, 4096), STR(": size=")) &&
           tracemalloc_row(text, &row, &compared);
}

const struct section section_tracemalloc = {
    .name = "tracemalloc",
    .summary =
        "Python's tracemalloc: memory by the line that allocated it (compare_to: two moments)",
    .may_give = PART_BIT(PART_STACKS) | PART_BIT(PART_ALLOCATIONS),
    .starts = tracemalloc_starts,
    .read = tracemalloc_read,
};
