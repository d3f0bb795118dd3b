/*
 * DHAT: what valgrind --tool=dhat writes (dhat.out.PID), and the crate dhat of Rust
 * (dhat-heap.json). One JSON object; the frames that program points name by number come last:
 *
 *   {"dhatFileVersion":2,"mode":"heap","verb":"Allocated","bklt":true,"bkacc":true
 *   ,"tu":"instrs","Mtu":"Minstr","tuth":500
 *   ,"cmd":"./till --fast","pid":4711,"te":158029,"tg":151824
 *   ,"pps":[{"tb":34350,"tbk":30,"tl":205430   ever allocated: bytes, blocks, sum of lifetimes
 *     ,"mb":34350,"mbk":30                     most of this point
 *     ,"gb":34350,"gbk":30                     when the program had most
 *     ,"eb":29250,"ebk":25                     at its end
 *     ,"fs":[1,2,3]}]                          frames, innermost first
 *   ,"ftbl":["[root]","0x48417B4: malloc (in /usr/lib/...)","0x109160: line_new (lines.c:3)"]}
 *
 * Without lifetimes ("bklt":false: copies, ad-hoc events) there are only the first two figures.
 *
 * Source: dhat/dh_main.c and the comment on its file format in valgrind; dhat-rs, src/lib.rs.
 */
#include "base/json_scan.h"
#include "base/num.h"
#include "base/vec.h"
#include "input/input.h"
#include "input/valgrind_frame.h"
#include "model/known_names.h"
#include "model/rows_origin.h"
#include "model/rows_stacks.h"

#include <stdlib.h>
#include <string.h>

struct dhat {
    struct builder *b;
    struct json_scan json;
    const char **frames;
    size_t frame_count, frame_capacity;
    struct str points;  /* behind the bracket of "pps"; empty: none */
    struct strbuf text; /* scratch */
    bool has_lifetimes, is_bytes, by_clock;
    uint64_t end;                     /* in time units */
    struct cell left, most, ever;     /* sums of all points */
    uint64_t points_read, bad_frames; /* [count] */
};

/* -- The table of frames ----------------------------------------------------------------------- */

/* "0x109160: line_new (lines.c:3)"; "[root]" is none. */
static bool dhat_read_frames(struct dhat *d, struct err *err) {
    bool first = true, bad;
    json_scan_want(&d->json, '[');
    while (json_scan_more(&d->json, ']', &first)) {
        struct str text = json_scan_string(&d->json, &d->text);
        size_t colon = str_find(str_take(text, 24), STR(": "), 0);
        if (d->json.bad || !VEC_ROOM(d->frames, d->frame_count, d->frame_capacity, err))
            return d->json.bad;
        const char *frame = valgrind_frame(
            d->b, colon == STR_NOT_FOUND ? text : str_drop(text, colon + 2), &bad, err);
        if (!frame)
            return false;
        d->frames[d->frame_count++] = frame;
    }
    return true;
}

/* -- Program points ---------------------------------------------------------------------------- */

struct dhat_point {
    struct cell ever, most, end; /* most: when the program had most */
    const char *frames[STACK_FRAMES_MAX + 1];
    uint32_t count;
};

static void dhat_read_numbers(struct dhat *d, struct dhat_point *p) {
    bool first = true;
    json_scan_want(&d->json, '[');
    while (json_scan_more(&d->json, ']', &first)) {
        uint64_t number = json_scan_number(&d->json);
        if (number >= d->frame_count)
            d->bad_frames++;
        else if (p->count <= STACK_FRAMES_MAX && number) /* 0 is the root of all */
            p->frames[p->count++] = d->frames[number];
    }
}

static void dhat_read_point(struct dhat *d, struct dhat_point *p) {
    const struct {
        struct str key;
        uint64_t *to;
    } figures[] = {
        {STR_INIT("tb"), &p->ever.bytes}, {STR_INIT("tbk"), &p->ever.objects},
        {STR_INIT("gb"), &p->most.bytes}, {STR_INIT("gbk"), &p->most.objects},
        {STR_INIT("eb"), &p->end.bytes},  {STR_INIT("ebk"), &p->end.objects},
    };
    const struct cell none = {ABSENT, ABSENT};
    struct str key;
    bool first = true;
    p->ever = p->most = p->end = none;
    p->count = 0;
    json_scan_want(&d->json, '{');
    while (json_scan_key(&d->json, &first, &key)) {
        size_t i = 0, all = sizeof(figures) / sizeof(*figures);
        while (i < all && !str_eq(key, figures[i].key))
            i++;
        if (i < all)
            *figures[i].to = json_scan_number(&d->json);
        else if (str_eq(key, STR("fs")))
            dhat_read_numbers(d, p);
        else
            json_scan_skip(&d->json);
    }
}

static void dhat_sum(struct cell *sum, struct cell cell) {
    if (cell.bytes != ABSENT && cell.objects != ABSENT)
        cell_add(sum, cell);
}

static bool dhat_store(struct dhat *d, const struct dhat_point *p, struct err *err) {
    struct stack_row row = STACK_ROW;
    row.frames = (struct strings){(const char **)p->frames, p->count};
    row.count = p->end.objects;
    row.bytes = p->end.bytes;
    row.total_count = p->ever.objects;
    row.total_bytes = p->ever.bytes;
    row.peak_bytes = p->most.bytes;
    dhat_sum(&d->ever, p->ever);
    dhat_sum(&d->most, p->most);
    dhat_sum(&d->left, p->end);
    d->points_read++;
    return builder_add_stack(d->b, &row, err);
}

static bool dhat_read_points(struct dhat *d, struct err *err) {
    struct dhat_point *point = malloc(sizeof(*point));
    bool first = true, ok = true;
    if (!point)
        return err_nomem(err);
    d->json.rest = d->points;
    d->json.bad = false;
    builder_present(d->b, PART_STACKS);
    while (ok && json_scan_more(&d->json, ']', &first)) {
        dhat_read_point(d, point);
        ok = d->json.bad || dhat_store(d, point, err);
    }
    free(point);
    return ok;
}

/* -- The file ---------------------------------------------------------------------------------- */

static bool dhat_read_member(struct dhat *d, struct str key, struct err *err) {
    struct origin_row *origin = builder_single(d->b, PART_ORIGIN, err);
    if (!origin)
        return false;
    if (str_eq(key, STR("mode"))) {
        d->is_bytes = !str_contains(json_scan_raw_string(&d->json), STR("ad-hoc"));
    } else if (str_eq(key, STR("bklt"))) {
        d->has_lifetimes = json_scan_peek(&d->json) == 't';
        json_scan_skip(&d->json);
    } else if (str_eq(key, STR("tu"))) {
        d->by_clock =
            str_eq(json_scan_string(&d->json, &d->text), STR("\xc2\xb5s")); /* else instructions */
    } else if (str_eq(key, STR("te"))) {
        d->end = json_scan_number(&d->json);
    } else if (str_eq(key, STR("pid"))) {
        builder_say(d->b, &origin->pid, json_scan_number(&d->json), "the process id");
    } else if (str_eq(key, STR("cmd"))) {
        return builder_say_program(d->b, json_scan_string(&d->json, &d->text), err);
    } else if (str_eq(key, STR("ftbl"))) {
        return dhat_read_frames(d, err);
    } else {
        if (str_eq(key, STR("pps")) && json_scan_peek(&d->json) == '[')
            d->points = str_drop(d->json.rest, 1);
        json_scan_skip(&d->json);
    }
    return true;
}

static bool dhat_counters(const struct dhat *d, struct err *err) {
    struct allocation_row sum = ALLOCATION_ROW;
    struct builder *b = d->b;
    sum.by = "total";
    sum.total_count = d->ever.objects;
    sum.total_bytes = d->ever.bytes;
    if (d->has_lifetimes) {
        sum.count = d->left.objects;
        sum.bytes = d->left.bytes;
        if (!builder_counter(b, COUNTER_HEAP_OUTSTANDING, d->left.bytes, "bytes", err) ||
            !builder_counter(b, COUNTER_HEAP_PEAK, d->most.bytes, "bytes", err))
            return false;
    }
    uint64_t ns = d->by_clock && d->end < UINT64_MAX / 1000 ? d->end * 1000 : ABSENT;
    if (ns != ABSENT && !builder_counter(b, COUNTER_RECORDED_NS, ns, "ns", err))
        return false;
    return builder_counter(b, COUNTER_HEAP_ALLOCATIONS, d->ever.objects, "count", err) &&
           builder_add_allocation(b, &sum, err);
}

static bool dhat_read_all(struct dhat *d, struct err *err) {
    struct origin_row *origin = builder_single(d->b, PART_ORIGIN, err);
    struct str key;
    bool first = true;
    if (!origin || !builder_say_string(d->b, &origin->tool, STR("DHAT"), "the tool", err))
        return false;
    builder_say(d->b, &origin->sampled, 0, "whether figures are samples");
    json_scan_want(&d->json, '{');
    while (json_scan_key(&d->json, &first, &key))
        if (!dhat_read_member(d, key, err))
            return false;
    if (!d->points.len || !d->frame_count)
        return err_set(err, d->json.bad ? ERR_TRUNCATED : ERR_FORMAT,
                       "DHAT's file %s (its table of frames comes last)",
                       d->json.bad ? "is cut off" : "has no program points or no frames");
    if (!d->is_bytes)
        return err_set(err, ERR_UNSUPPORTED, "DHAT counted events of its own, not memory");
    bool cut = d->json.bad;
    if (!dhat_read_points(d, err))
        return false;
    if (cut || d->json.bad)
        builder_lacks(d->b, PART_BIT(PART_STACKS), ASPECT_ROWS, ABSENT,
                      "DHAT: the file is cut off");
    if (d->bad_frames)
        builder_lacks(d->b, PART_BIT(PART_STACKS), ASPECT_ROWS, d->bad_frames,
                      "DHAT: frames that are not in its table");
    if (!d->has_lifetimes)
        builder_note(d->b, "DHAT counted what was copied or allocated, and not what was freed");
    return dhat_counters(d, err);
}

static bool dhat_read(struct source *source, struct builder *b, struct err *err) {
    struct dhat d = {.b = b, .is_bytes = true};
    d.json.rest = (struct str){(const char *)source->bytes.data, source->bytes.size};
    strbuf_init(&d.text);
    bool ok = dhat_read_all(&d, err) && strbuf_ok(&d.text, err);
    strbuf_deinit(&d.text);
    free(d.frames);
    return ok;
}

static bool dhat_probe(struct bytes head) {
    struct dhat d = {.json.rest = {(const char *)head.data, head.size}};
    return json_scan_take(&d.json, '{') &&
           str_eq(json_scan_raw_string(&d.json), STR("dhatFileVersion"));
}

const struct input input_dhat = {
    .name = "dhat",
    .whole = true,
    .summary = "dhat.out.PID of valgrind --tool=dhat, dhat-heap.json of Rust's dhat",
    .may_give = PART_BIT(PART_STACKS) | PART_BIT(PART_ALLOCATIONS) | PART_BIT(PART_COUNTERS),
    .probe = dhat_probe,
    .read = dhat_read,
};
