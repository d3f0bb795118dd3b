/*
 * heaptrack data files: what each stack has outstanding at the end of the recording, what it ever
 * allocated, and what it had when the process had most. See heaptrack_file.h for the format.
 */
#include "input/profile/heaptrack_file.h"

#include "base/order.h"
#include "input/input.h"
#include "model/stacks.h"
#include "model/known_names.h"
#include "model/rows_origin.h"
#include "model/rows_stacks.h"

#include <stdlib.h>
#include <string.h>

#define NS_PER_MS 1000000u

struct heaptrack_reader {
    struct heaptrack_file f;
    struct builder *b;
    const char **texts;   /* of each frame; NULL: not made yet */
    uint64_t *oldest_ms;  /* of each stack: when its oldest outstanding allocation was made */
    uint64_t frames_left; /* that may still be kept of deep stacks */
    uint64_t cut;         /* stacks of which frames were left out */
    bool churns;          /* an age is only the most that it can be */
};

/* -- Stacks ------------------------------------------------------------------------------------ */

static struct str heaptrack_text_of(const struct heaptrack_file *f, uint32_t number) {
    const struct heaptrack_string *strings = f->strings.rows;
    return number ? strings[number - 1].text : (struct str){"", 0};
}

/* Without its address where there is no name: that is another one in every run. */
static const char *frame_text(struct heaptrack_reader *r, uint32_t module, uint32_t number,
                              struct err *err) {
    const struct heaptrack_frame *frames = r->f.frames.rows;
    const struct heaptrack_frame *frame = &frames[number];
    if (!r->texts[number])
        r->texts[number] =
            builder_frame_at(r->b,
                             builder_frame(r->b, heaptrack_text_of(&r->f, frame->function),
                                           heaptrack_text_of(&r->f, module), ABSENT, err),
                             heaptrack_text_of(&r->f, frame->file), frame->line, err);
    return r->texts[number];
}

/* Frames of a stack up to main, at most `most`; 0: error. */
static uint32_t heaptrack_frames_of(struct heaptrack_reader *r, uint32_t trace, const char **frames,
                                    uint32_t most, struct err *err) {
    const struct heaptrack_trace *traces = r->f.traces.rows;
    const struct heaptrack_ip *ips = r->f.ips.rows;
    uint32_t count = 0;
    for (; trace && traces[trace - 1].ip; trace = traces[trace - 1].parent) {
        const struct heaptrack_ip *ip = &ips[traces[trace - 1].ip - 1];
        for (uint32_t i = 0; i < ip->frames; i++) {
            if (count == most) {
                r->cut++;
                return count;
            }
            if (!(frames[count++] = frame_text(r, ip->module, ip->first_frame + i, err)))
                return 0;
        }
        if (ip->stops)
            break;
    }
    if (count == 0 && (frames[0] = builder_frame(r->b, STR(""), STR(""), ABSENT, err)))
        count = 1;
    return count;
}

static bool heaptrack_add_stack(struct heaptrack_reader *r, uint32_t index, struct err *err) {
    const struct heaptrack_stack *s = (const struct heaptrack_stack *)r->f.stacks.rows + index;
    const char *frames[STACK_FRAMES_MAX];
    uint32_t most = r->frames_left < STACK_FRAMES_MAX ? 8 : STACK_FRAMES_MAX;
    struct stack_row row = STACK_ROW;
    row.frames.items = frames;
    row.frames.count = heaptrack_frames_of(r, s->trace, frames, most, err);
    if (row.frames.count == 0)
        return false;
    r->frames_left -= most < STACK_FRAMES_MAX ? 0 : row.frames.count;
    row.count = s->live_count;
    row.bytes = s->live_bytes;
    row.total_count = s->total_count;
    row.total_bytes = s->total_bytes;
    row.peak_bytes = s->peak_bytes;
    row.temporary_count = s->temporary;
    if (s->live_count)
        row.oldest_ns = (r->f.end_ms + 1 - r->oldest_ms[index]) * NS_PER_MS;
    return builder_add_stack(r->b, &row, err);
}

static bool heaptrack_add_stacks(struct heaptrack_reader *r, struct err *err) {
    const struct heaptrack_kind *kinds = r->f.kinds.rows;
    const struct heaptrack_stack *stacks = r->f.stacks.rows;
    for (uint32_t i = 0; i < r->f.stacks.count; i++)
        r->oldest_ms[i] = UINT64_MAX;
    for (uint32_t i = 0; i < r->f.kinds.count; i++) {
        uint32_t stack = kinds[i].stack - 1;
        if (!kinds[i].live_count || stacks[stack].suppressed)
            continue;
        if (kinds[i].since_ms < r->oldest_ms[stack])
            r->oldest_ms[stack] = kinds[i].since_ms;
        r->churns |= kinds[i].churns;
    }
    builder_present(r->b, PART_STACKS);
    for (uint32_t i = 0; i < r->f.stacks.count; i++)
        if (stacks[i].total_count && !heaptrack_add_stack(r, i, err))
            return false;
    return true;
}

/* -- Sums -------------------------------------------------------------------------------------- */

static int cmp_kinds(const void *a, const void *b) {
    const struct heaptrack_kind *x = *(const struct heaptrack_kind *const *)a;
    const struct heaptrack_kind *y = *(const struct heaptrack_kind *const *)b;
    return order_u64(x->size, y->size);
}

static bool add_size(struct builder *b, uint64_t size, uint64_t count, struct err *err) {
    struct allocation_row *row = builder_row(b, PART_ALLOCATIONS, err);
    if (!row || !(row->by = builder_string(b, STR("size"), err)))
        return false;
    row->size_each = size;
    row->count = count;
    row->bytes = size * count; /* no more than what is outstanding in all */
    return true;
}

/* What is outstanding, by the size of one allocation. */
static bool add_sizes(struct heaptrack_reader *r, const struct heaptrack_kind **live,
                      struct err *err) {
    const struct heaptrack_kind *kinds = r->f.kinds.rows;
    const struct heaptrack_stack *stacks = r->f.stacks.rows;
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->f.kinds.count; i++)
        if (kinds[i].live_count && !stacks[kinds[i].stack - 1].suppressed)
            live[count++] = &kinds[i];
    qsort(live, count, sizeof(struct heaptrack_kind *), cmp_kinds);
    for (uint32_t i = 0; i < count;) {
        uint64_t sum = 0, size = live[i]->size;
        for (; i < count && live[i]->size == size; i++)
            sum += live[i]->live_count;
        if (!add_size(r->b, size, sum, err))
            return false;
    }
    return true;
}

static bool heaptrack_add_total(struct heaptrack_reader *r, struct err *err) {
    struct allocation_row *row = builder_row(r->b, PART_ALLOCATIONS, err);
    if (!row || !(row->by = builder_string(r->b, STR("total"), err)))
        return false;
    row->count = r->f.live_count;
    row->bytes = r->f.live_bytes;
    row->total_count = r->f.total_count;
    row->total_bytes = r->f.total_bytes;
    return true;
}

static bool heaptrack_add_counters(struct heaptrack_reader *r, struct err *err) {
    const struct heaptrack_file *f = &r->f;
    uint64_t rss = 0;
    bool has_rss = f->peak_pages && f->page_bytes &&
                   !__builtin_mul_overflow(f->peak_pages, f->page_bytes, &rss) && rss != ABSENT;
    if (!builder_counter(r->b, COUNTER_HEAP_OUTSTANDING, f->live_bytes, "bytes", err) ||
        !builder_counter(r->b, COUNTER_HEAP_PEAK, f->peak_bytes, "bytes", err) ||
        !builder_counter(r->b, COUNTER_HEAP_ALLOCATIONS, f->total_count, "count", err) ||
        !builder_counter(r->b, COUNTER_HEAP_TEMPORARY, f->temporary, "count", err) ||
        !builder_counter(r->b, COUNTER_RECORDED_NS, (f->end_ms + 1) * NS_PER_MS, "ns", err))
        return false;
    return !has_rss || builder_counter(r->b, COUNTER_PEAK_RSS_BYTES, rss, "bytes", err);
}

/* -- Origin, and what is not right ------------------------------------------------------------- */

static bool heaptrack_say_origin(struct heaptrack_reader *r, struct err *err) {
    struct origin_row *origin = builder_single(r->b, PART_ORIGIN, err);
    char tool[48];
    if (!origin)
        return false;
    snprintf(tool, sizeof(tool), "heaptrack %x.%x.%x", r->f.written_by >> 16 & 0xff,
             r->f.written_by >> 8 & 0xff, r->f.written_by & 0xff);
    builder_say(r->b, &origin->sampled, 0, "whether figures are samples");
    return builder_say_string(r->b, &origin->tool, str_of(tool), "the tool", err) &&
           builder_say_program(r->b, r->f.command, err);
}

static void heaptrack_say_losses(const struct heaptrack_reader *r) {
    const struct {
        uint64_t count;
        const char *text;
    } losses[] = {
        {r->f.bad_lines, "lines of the recording were not understood"},
        {r->f.bad_traces, "stacks or names refer to what does not exist"},
        {r->f.bad_times, "times of the recording go back and were passed over"},
        {r->f.unknown_frees, "frees of what was not allocated were passed over"},
        {r->f.bad_suppressions, "suppressions in the recording were not applied"},
        {r->cut, "deep stacks were cut"},
    };
    for (size_t i = 0; i < sizeof(losses) / sizeof(*losses); i++)
        if (losses[i].count)
            builder_lacks(r->b, PART_BIT(PART_STACKS), ASPECT_ROWS, losses[i].count,
                          "heaptrack: %s", losses[i].text);
    if (!r->f.whole)
        builder_lacks(r->b, PART_BIT(PART_STACKS), ASPECT_ROWS, ABSENT,
                      "heaptrack: the recording lacks its last lines: it is cut, or goes on");
    if (r->f.attached)
        builder_note(r->b, "heaptrack was attached: what was allocated before is not in it");
    if (r->f.suppressed_count)
        builder_note(r->b,
                     "heaptrack: %llu bytes in %llu allocation%s left out, as its suppressions "
                     "say (heaptrack_print --disable-builtin-suppressions "
                     "--disable-embedded-suppressions shows them)",
                     (unsigned long long)r->f.suppressed_bytes,
                     (unsigned long long)r->f.suppressed_count,
                     r->f.suppressed_count == 1 ? " is" : "s are");
    if (r->churns)
        builder_note(r->b, "heaptrack does not say which of equal allocations was freed: the age "
                           "of the oldest is the most that it can be");
}

/* -- Input ------------------------------------------------------------------------------------- */

static bool heaptrack_fill(struct heaptrack_reader *r, struct err *err) {
    const struct heaptrack_kind **live =
        calloc((size_t)r->f.kinds.count + 1, sizeof(struct heaptrack_kind *));
    r->texts = calloc((size_t)r->f.frames.count + 1, sizeof(char *));
    r->oldest_ms = calloc((size_t)r->f.stacks.count + 1, sizeof(uint64_t));
    bool ok = (live && r->texts && r->oldest_ms) || err_nomem(err);
    /* Cut before the first allocation: that none is outstanding is then not what it says. */
    bool said = r->f.whole || r->f.total_count || r->f.suppressed_count;
    ok = ok && heaptrack_say_origin(r, err) && heaptrack_add_stacks(r, err) &&
         (!said || (heaptrack_add_total(r, err) && add_sizes(r, live, err) &&
                    heaptrack_add_counters(r, err)));
    if (ok)
        heaptrack_say_losses(r);
    free(live);
    free(r->texts);
    free(r->oldest_ms);
    return ok;
}

static bool read_heaptrack(struct source *source, struct builder *b, struct err *err) {
    struct str text = {(const char *)source->bytes.data, source->bytes.size};
    /* Frames of stacks are not to take more memory than some times the file. */
    struct heaptrack_reader r = {.b = b, .frames_left = (1u << 20) + source->bytes.size / 4};
    bool ok = heaptrack_file_read(&r.f, text, err) && heaptrack_fill(&r, err);
    heaptrack_file_deinit(&r.f);
    return ok;
}

const struct input input_heaptrack = {
    .name = "heaptrack",
    .whole = true,
    .summary = "heaptrack data file (heaptrack.APP.PID.gz or .zst), interpreted",
    .may_give = PART_BIT(PART_STACKS) | PART_BIT(PART_ALLOCATIONS) | PART_BIT(PART_COUNTERS),
    .probe = heaptrack_probe,
    .read = read_heaptrack,
};
