/* Allocation stacks whose outstanding memory grows. */
#include "diff/rules/rules.h"

#include "base/num.h"
#include "base/order.h"
#include "diff/names/alloc_frames.h"
#include "model/known_names.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Stacks that are told one by one; the others are counted. */
#define STACKS_MOST  40u
#define PLACE_FRAMES 3u

/* "ink!fill <- press!Print": the innermost frames that are no allocator's. */
static const char *say_stack(struct findings *f, const struct series_stack *stack) {
    struct strbuf out;
    strbuf_init(&out);
    series_stack_place(stack, PLACE_FRAMES, &out);
    bool module =
        stack->frames.count && alloc_frame_of(stack->frames.items[stack->self]).module.len;
    if (stack->module && !module)
        strbuf_addf(&out, " in %s", stack->module);
    return findings_take(f, &out);
}

/* "what fill.c:40 allocates": points at the line, where it is known. */
static void point_at_source(const struct series *s, struct findings *f, struct finding *hit,
                            const struct series_stack *stack) {
    struct strbuf out;
    strbuf_init(&out);
    series_stack_source(s, stack, stack->self, &out);
    const char *source = findings_take(f, &out);
    finding_next(f, hit, "Look at who should free what %s allocates.",
                 *source ? source : "this stack");
    if (*source)
        finding_text(f, hit, "source", source);
}

const char *say_share(struct findings *f, uint64_t part, uint64_t whole) {
    uint64_t tenths = whole ? (uint64_t)((double)part * 1000 / (double)whole + 0.5) : 0;
    return findings_text(f, "%u.%u %%", (unsigned)(tenths / 10), (unsigned)(tenths % 10));
}

/* "; 84 B for each of 100", "": --per was not given. */
const char *say_per(struct findings *f, const struct series *s, int64_t bytes) {
    if (!(s->options.per > 0) || bytes <= 0)
        return "";
    double each = (double)bytes / s->options.per;
    const char *size = each >= 1 ? say_bytes(f, (uint64_t)each) : findings_text(f, "%.2f B", each);
    return findings_text(f, "; %s for each of %s", size, say_count(f, (uint64_t)s->options.per));
}

const char *say_estimated(const struct series *s) {
    return s->allocated_is_sampled ? " (estimated from samples)" : "";
}

/*
 * The oldest allocation came after the first dump: nothing of what was there then is left, and what
 * is there now may be freed as well.
 */
static bool is_young(const struct series *s, const struct series_stack *stack) {
    return stack->oldest_ns != ABSENT && s->interval_ns != ABSENT &&
           stack->oldest_ns < s->interval_ns;
}

/* So many samples tell a growth from chance. */
#define SAMPLES_LEAST 10

/*
 * Samples that the growth was estimated from: of an allocation of so many bytes a sampler sees one
 * with a probability of 1 - e^(-size / rate). Negative: nothing was sampled, or at what rate nobody
 * says.
 */
static double samples_behind(const struct series *s, int64_t bytes_delta, int64_t count_delta) {
    uint64_t rate = snapshot_origin(series_new(s))->sample_bytes;
    double bytes = (double)bytes_delta, count = (double)count_delta;
    if (!s->allocated_is_sampled || rate == ABSENT || rate == 0)
        return -1;
    return count > 0 ? count * (1 - exp(-bytes / count / (double)rate)) : bytes / (double)rate;
}

const char *say_samples(struct findings *f, const struct series *s, int64_t bytes, int64_t count,
                        bool *ret_few) {
    double samples = samples_behind(s, bytes, count);
    *ret_few = samples >= 0 && samples < SAMPLES_LEAST;
    if (!*ret_few)
        return say_estimated(s);
    return findings_text(f, " (estimated from some %.0f sample%s: too few to tell)",
                         samples < 1 ? 1 : samples, samples < 1.5 ? "" : "s");
}

static void stack_growing_report(const struct series *s, struct findings *f,
                                 const struct series_stack *stack, enum verdict verdict,
                                 uint64_t growth) {
    uint32_t end = s->count - 1;
    const char *where = say_stack(f, stack);
    bool young = is_young(s, stack);
    uint64_t more = stack->bytes_delta > 0 ? (uint64_t)stack->bytes_delta : 0;
    bool few;
    const char *estimated = say_samples(f, s, stack->bytes_delta, stack->count_delta, &few);
    enum severity severity = few                                        ? SEVERITY_INFO
                             : verdict == VERDICT_INCONCLUSIVE || young ? SEVERITY_NOTICE
                                                                        : SEVERITY_WARNING;
    struct finding *hit = findings_hit(f, &rule_stack_growing, severity, more, where);
    const char *age = "";
    if (young)
        age =
            findings_text(f, ". The oldest is %s old, younger than the first dump: not a leak yet",
                          say_seconds(f, stack->oldest_ns));
    const char *count =
        stack->totals[end].objects == ABSENT
            ? ""
            : findings_text(f, " in %s allocation%s", say_count(f, stack->totals[end].objects),
                            plural(stack->totals[end].objects));
    finding_summary(f, hit,
                    "%s more is outstanding from %s: %s%s, %s before; %s of all growth%s%s%s.",
                    say_bytes(f, more), where, say_bytes(f, stack->totals[end].bytes), count,
                    say_bytes(f, stack->totals[0].bytes), say_share(f, more, growth),
                    say_per(f, s, stack->bytes_delta), estimated, age);
    if (few)
        finding_next(f, hit, "Sample more often, or look again when more was allocated.");
    else if (young)
        finding_next(f, hit, "Take one more dump: a leak keeps what is allocated now.");
    else
        point_at_source(s, f, hit, stack);
    finding_text(f, hit, "frames", where);
    if (stack->module)
        finding_text(f, hit, "module", stack->module);
    finding_delta(hit, "bytes_delta", FIELD_BYTES, stack->bytes_delta);
    finding_delta(hit, "count_delta", FIELD_U64, stack->count_delta);
    finding_number(hit, "growth_of_all", FIELD_BYTES, growth);
    if (s->options.per > 0)
        finding_delta(hit, "bytes_per_n", FIELD_BYTES,
                      (int64_t)((double)stack->bytes_delta / s->options.per));
    finding_known(hit, "oldest_ns", FIELD_NS, stack->oldest_ns);
    finding_text(f, hit, "verdict", verdict_names[verdict]);
}

static void report_others(const struct series *s, struct findings *f, uint32_t count,
                          uint64_t bytes) {
    struct finding *hit = findings_hit(f, &rule_stack_growing, SEVERITY_NOTICE, bytes,
                                       findings_text(f, "%u more stack%s", count, plural(count)));
    finding_summary(f, hit, "%s more allocation stacks grow, by %s together%s.",
                    say_count(f, count), say_bytes(f, bytes), say_estimated(s));
    finding_number(hit, "stacks", FIELD_U64, count);
    finding_number(hit, "bytes_delta", FIELD_BYTES, bytes);
}

uint64_t rule_allocation_floor(const struct series *s, const struct limits *limits) {
    return rule_max(rule_percent(s->allocated[0].bytes, limits->stack_growth_percent),
                    rule_max(limits->stack_growth_min_bytes, 1));
}

static bool stack_ends_with(const struct series_stack *stack, const char *frame) {
    const struct strings *frames = &stack->frames;
    return frames->count && strcmp(frames->items[frames->count - 1], frame) == 0;
}

/*
 * By how much at least a stack grew that the first dump does not list, and may have had all the
 * same: up to a bound. 0: it need not have grown.
 */
static uint64_t stack_least_growth(const struct series *s, const struct series_stack *stack) {
    const struct snapshot *base = series_base(s);
    uint64_t now = stack->totals[s->count - 1].bytes,
             most = snapshot_unlisted(base, PART_STACKS).bytes;
    if (stack->totals[0].bytes != ABSENT || now == ABSENT || stack->seen[0] ||
        !snapshot_lacks_rows(base, PART_STACKS) || most == ABSENT)
        return 0;
    return now > most ? now - most : 0;
}

static bool stack_is_told_in_part(const struct series_stack *stack) {
    return stack_ends_with(stack, FRAME_CUT) || stack_ends_with(stack, FRAME_BELOW_THRESHOLD);
}

/* The first dump does not list it: there is a bound, or a list that nothing ends. */
static void report_unlisted(const struct series *s, struct findings *f,
                            const struct series_stack *stack, uint64_t least) {
    const struct cell now = stack->totals[s->count - 1];
    uint64_t most = snapshot_unlisted(series_base(s), PART_STACKS).bytes;
    const char *where = say_stack(f, stack);
    struct finding *hit = findings_hit(f, &rule_stack_growing,
                                       most ? SEVERITY_WARNING : SEVERITY_NOTICE, least, where);
    const char *count = now.objects == ABSENT
                            ? ""
                            : findings_text(f, " in %s allocation%s", say_count(f, now.objects),
                                            plural(now.objects));
    if (most)
        finding_summary(f, hit,
                        "At least %s more is outstanding from %s: %s%s, at most %s before%s.",
                        say_bytes(f, least), where, say_bytes(f, now.bytes), count,
                        say_bytes(f, most), say_estimated(s));
    else
        finding_summary(f, hit, "%s%s is outstanding from %s, which %s does not list%s%s.",
                        say_bytes(f, now.bytes), count, where, series_snapshot_name(s, 0),
                        say_estimated(s), rule_hedge(s, f, PART_STACKS));
    point_at_source(s, f, hit, stack);
    finding_text(f, hit, "frames", where);
    if (stack->module)
        finding_text(f, hit, "module", stack->module);
    finding_number(hit, "bytes_new", FIELD_BYTES, now.bytes);
    finding_known(hit, "bytes_base_at_most", FIELD_BYTES, most ? most : ABSENT);
}

static int stack_growing_cmp(const void *x, const void *y, void *context) {
    const struct series_stack *a = *(const struct series_stack *const *)x;
    const struct series_stack *b = *(const struct series_stack *const *)y;
    uint32_t end = *(const uint32_t *)context;
    int order = order_u64(b->totals[end].bytes, a->totals[end].bytes);
    return order ? order : order_u64((uintptr_t)a, (uintptr_t)b);
}

/* Those that the first dump does not list, the largest first. */
static bool run_unlisted(const struct series *s, const struct limits *limits, struct findings *f,
                         struct err *err) {
    uint64_t floor = rule_allocation_floor(s, limits);
    uint32_t end = s->count - 1;
    const struct series_stack **found = arena_array(&f->arena, s->stack_count + 1, sizeof(*found));
    uint32_t count = 0;
    if (!found)
        return err_nomem(err);
    for (uint32_t i = 0; i < s->stack_count; i++) {
        const struct series_stack *stack = &s->stacks[i];
        uint64_t objects = stack->totals[end].objects;
        if (stack_least_growth(s, stack) >= rule_max(floor, 1) && !stack_is_told_in_part(stack) &&
            (objects == ABSENT || objects >= limits->stack_growth_min_count))
            found[count++] = stack;
    }
    if (count)
        qsort_r(found, count, sizeof(*found), stack_growing_cmp, &end);
    for (uint32_t i = 0; i < count && i < STACKS_MOST; i++)
        report_unlisted(s, f, found[i], stack_least_growth(s, found[i]));
    return true;
}

/* As one wants to be told: it grows, or may. */
static enum verdict stack_growing_judge(const struct series *s, const struct series_stack *stack,
                                        const struct limits *limits) {
    uint32_t end = s->count - 1;
    enum verdict verdict = stack->verdict;
    if (stack->totals[0].bytes == ABSENT || stack->totals[end].bytes == ABSENT)
        return VERDICT_STABLE; /* it may have been there, or still be */
    if (stack_ends_with(stack, FRAME_CUT) && !(stack->totals[0].bytes && stack->totals[end].bytes))
        return VERDICT_STABLE; /* with the callers that are missing it may be one that is there */
    if (stack_ends_with(stack, FRAME_BELOW_THRESHOLD)) /* told in part */
        return VERDICT_STABLE; /* another time other places may be too small to be told */
    bool counted = stack->totals[0].objects != ABSENT && stack->totals[end].objects != ABSENT;
    bool grows = verdict_grows(verdict) || verdict == VERDICT_INCONCLUSIVE;
    grows = grows && (!counted || stack->count_delta >= (int64_t)limits->stack_growth_min_count);
    return grows ? verdict : VERDICT_STABLE;
}

static bool run_stacks(const struct series *s, const struct limits *limits, struct findings *f,
                       struct err *err) {
    if (rule_skip_cut(s, f, &rule_stack_growing, PART_STACKS, ASPECT_SUMS,
                      "tell all of what a stack allocated"))
        return true;
    uint64_t growth = 0, others = 0;
    uint32_t told = 0, left = 0;
    for (uint32_t i = 0; i < s->stack_count; i++)
        if (s->stacks[i].bytes_delta > 0)
            growth = num_add(growth, (uint64_t)s->stacks[i].bytes_delta);
    for (uint32_t i = 0; i < s->stack_count; i++) { /* most growth first */
        const struct series_stack *stack = &s->stacks[i];
        enum verdict verdict = stack_growing_judge(s, stack, limits);
        if (verdict == VERDICT_STABLE)
            continue;
        if (told++ < STACKS_MOST) {
            stack_growing_report(s, f, stack, verdict, growth);
            continue;
        }
        left++;
        others = num_add(others, stack->bytes_delta > 0 ? (uint64_t)stack->bytes_delta : 0);
    }
    if (left)
        report_others(s, f, left, others);
    return run_unlisted(s, limits, f, err);
}

const struct rule rule_stack_growing = {
    .id = "stack-growing",
    .summary = "allocation stacks with more and more outstanding memory",
    .needs = PART_BIT(PART_STACKS),
    .whole = {{PART_STACKS, ASPECT_ROWS}},
    .min_snapshots = 2,
    .explain =
        "Looks at what each allocation stack has allocated and not freed. Stacks are the same\n"
        "when their frames are, without addresses, arguments of C++ aside where they changed, and\n"
        "with recursion folded; the next version of a module is the same module.\n"
        "\n"
        "Two dumps tell that a stack grows. Three and more tell a leak from a cache that fills\n"
        "and from one jump; --per N says how much a request or iteration adds. A stack whose\n"
        "oldest allocation is younger than the first dump has freed all that it had then: that is\n"
        "said, and is a notice only. Figures of sampling profilers are estimates, which is said,\n"
        "too; where they rest on fewer than ten samples, they tell no more than that.\n"
        "\n"
        "Thresholds: stack-growing.percent (of all outstanding bytes of the first dump),\n"
        "stack-growing.min-bytes, stack-growing.min-count; with three or more dumps spread over\n"
        "the steps.\n"
        "\n"
        "What to do: read the stack from the allocator outwards to the first function that is\n"
        "yours, and look for who should free what it allocates.\n",
    .run = run_stacks,
};
