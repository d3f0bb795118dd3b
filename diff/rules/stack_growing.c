/* Allocation stacks whose outstanding memory grows. */
#include "diff/rules/rules.h"

#include "base/num.h"

/* Frames of allocators: who called them is what matters. */
static bool is_allocator(const char *frame) {
    static const char *const words[] = {
        "malloc",
        "calloc",
        "realloc",
        "operator new",
        "RtlAllocateHeap",
        "RtlpAllocate",
        "HeapAlloc",
        "LocalAlloc",
        "GlobalAlloc",
        "VirtualAlloc",
        "RtlDebugAll",
        "je_",
        "mi_",
        "tc_new",
        "SysAllocString",
        "CoTaskMemAlloc",
        "posix_memalign",
        "aligned_alloc",
        "??2@",
    };
    struct str s = str_of(frame);
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (str_contains(s, str_of(words[i])))
            return true;
    return false;
}

/* "a <- b <- c": three frames from the first that is no allocator. */
static const char *place(struct findings *f, const struct strings *frames) {
    struct strbuf out;
    strbuf_init(&out);
    uint32_t from = 0;
    while (from < frames->count && is_allocator(frames->items[from]))
        from++;
    if (from == frames->count)
        from = 0;
    for (uint32_t i = from; i < frames->count && i < from + 3; i++)
        strbuf_addf(&out, "%s%s", i > from ? " <- " : "", frames->items[i]);
    if (!frames->count)
        strbuf_adds(&out, "(no frames)");
    const char *text = findings_text(f, "%s", strbuf_cstr(&out));
    f->failed = f->failed || out.failed;
    strbuf_deinit(&out);
    return text;
}

static void report(const struct series *s, struct findings *f, const struct series_stack *stack,
                   enum verdict verdict) {
    uint32_t end = s->count - 1;
    const char *where = place(f, &stack->frames);
    struct finding *hit =
        findings_hit(f, &rule_stack_growing,
                     verdict == VERDICT_INCONCLUSIVE ? SEVERITY_NOTICE : SEVERITY_WARNING,
                     stack->bytes_delta > 0 ? (uint64_t)stack->bytes_delta : 0, where);
    finding_summary(f, hit, "%s more is outstanding from %s%s%s: %s in %s allocations, %s before.",
                    say_bytes(f, (uint64_t)stack->bytes_delta), where, stack->module ? " in " : "",
                    stack->module ? stack->module : "", say_bytes(f, stack->totals[end].bytes),
                    say_count(f, stack->totals[end].objects), say_bytes(f, stack->totals[0].bytes));
    finding_next(f, hit, "Look at who should free what this stack allocates.");
    finding_text(f, hit, "frames", where);
    if (stack->module)
        finding_text(f, hit, "module", stack->module);
    finding_delta(hit, "bytes_delta", FIELD_BYTES, stack->bytes_delta);
    finding_delta(hit, "count_delta", FIELD_U64, stack->count_delta);
    finding_text(f, hit, "verdict", verdict_names[verdict]);
}

static bool run_stacks(const struct series *s, const struct limits *limits, struct findings *f,
                       struct err *err) {
    uint64_t *values = arena_array(&f->arena, s->count, sizeof(*values));
    if (!values)
        return err_nomem(err);
    uint64_t base = 0;
    for (uint32_t i = 0; i < s->stack_count; i++)
        base = num_add(base, s->stacks[i].totals[0].bytes);
    uint64_t floor = rule_max(rule_percent(base, limits->stack_growth_percent),
                              rule_max(limits->stack_growth_min_bytes, 1));
    if (s->count > 2)
        floor = rule_max(floor / (s->count - 1), 1);
    for (uint32_t i = 0; i < s->stack_count; i++) {
        const struct series_stack *stack = &s->stacks[i];
        for (uint32_t n = 0; n < s->count; n++)
            values[n] = stack->totals[n].bytes;
        enum verdict verdict = series_verdict(values, s->count, floor);
        bool grows = verdict == VERDICT_GROWING || verdict == VERDICT_LEAK ||
                     verdict == VERDICT_INCONCLUSIVE;
        if (grows && stack->count_delta >= (int64_t)limits->stack_growth_min_count)
            report(s, f, stack, verdict);
    }
    return true;
}

const struct rule rule_stack_growing = {
    .id = "stack-growing",
    .summary = "allocation stacks with more and more outstanding memory",
    .needs = PART_BIT(PART_STACKS),
    .min_snapshots = 2,
    .explain =
        "Looks at what each allocation stack has allocated and not freed. Stacks are the same\n"
        "when their frames, without addresses, and their module are.\n"
        "\n"
        "Thresholds: stack-growing.percent (of all outstanding bytes of the first dump),\n"
        "stack-growing.min-bytes, stack-growing.min-count; with three or more dumps spread over\n"
        "the steps.\n"
        "\n"
        "What to do: read the stack from the allocator outwards to the first function that is\n"
        "yours, and look for who should free what it allocates.\n",
    .run = run_stacks,
};
