/* How far the snapshots can be trusted, and whether they were taken at a good moment. */
#include "diff/rules/rules.h"

#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <inttypes.h>

/* Up to three reasons, with their counts. */
static void reasons_text(const struct snapshot *snapshot, struct strbuf *out) {
    uint32_t said = 0, left = 0;
    SNAPSHOT_ROWS(snapshot, PART_REASONS, struct reason_row, rows, count);
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].lowers_trust != 1)
            continue;
        if (said == 3) {
            left++;
            continue;
        }
        strbuf_addf(out, "%s%s", said++ ? "; " : "", rows[i].text);
        if (rows[i].count != ABSENT) {
            char number[HUMAN_MAX];
            strbuf_addf(out, " (%s)", human_count(rows[i].count, number));
        }
    }
    if (left)
        strbuf_addf(out, "; and %" PRIu32 " more", left);
    if (!said)
        strbuf_adds(out, "no reason was given");
}

static const char *trust_next(const struct snapshot *snapshot) {
    const struct origin_row *origin = snapshot_origin(snapshot);
    bool text = origin->format && strcmp(origin->format, "transcript") == 0;
    if (snapshot_trust(snapshot) == TRUST_UNUSABLE)
        return text ? "Add what else the tool prints: sizes by type, segments, threads with their "
                      "stacks."
                    : "Take the dump again.";
    return origin->sampled == 1 ? "Read its figures as estimates: what is small may be missing."
                                : "Read its figures as lower bounds.";
}

static bool run_trust(const struct series *s, const struct limits *limits, struct findings *f,
                      struct err *err) {
    (void)limits;
    struct strbuf text;
    strbuf_init(&text);
    if (s->not_comparable) {
        struct finding *hit = findings_hit(f, &rule_trust, SEVERITY_CRITICAL, UINT64_MAX, "");
        finding_summary(f, hit, "The dumps cannot be compared: %s.", s->not_comparable);
        finding_next(f, hit,
                     "Take both dumps of one program, in one way; --force compares them "
                     "nevertheless.");
    }
    for (uint32_t i = 0; i < s->count; i++) {
        enum trust_grade grade = snapshot_trust(s->snapshots[i]);
        if (grade == TRUST_EXACT)
            continue;
        const char *name = series_snapshot_name(s, i);
        bool unusable = grade == TRUST_UNUSABLE;
        strbuf_clear(&text);
        reasons_text(s->snapshots[i], &text);
        struct finding *hit =
            findings_hit(f, &rule_trust, unusable ? SEVERITY_CRITICAL : SEVERITY_NOTICE, 0, name);
        finding_summary(f, hit, unusable ? "%s cannot be trusted: %s." : "%s is partial: %s.", name,
                        strbuf_cstr(&text));
        finding_next(f, hit, "%s", trust_next(s->snapshots[i]));
        finding_text(f, hit, "grade", trust_names[grade]);
    }
    bool ok = strbuf_ok(&text, err);
    strbuf_deinit(&text);
    return ok;
}

const struct rule rule_trust = {
    .id = "trust",
    .summary = "snapshots that are partial, unusable, or cannot be compared",
    .needs = PART_BIT(PART_ORIGIN),
    .min_snapshots = 1,
    .explain =
        "Looks at the trust grade of each snapshot and at whether the snapshots can be compared.\n"
        "A snapshot is partial when something of its dump was skipped, cut, sampled or does not\n"
        "add up; each reason is named, with a count. It is unusable when its figures mean\n"
        "nothing, and then, as for dumps of different programs, no verdict is given (exit 3).\n"
        "\n"
        "No thresholds.\n"
        "\n"
        "What to do: take the dump again, completely and by the same tool as the other one.\n",
    .run = run_trust,
};

static bool run_gc(const struct series *s, const struct limits *limits, struct findings *f,
                   struct err *err) {
    (void)limits;
    (void)err;
    uint32_t known = 0, hits = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct gc_row *gc = snapshot_row(s->snapshots[i], PART_GC);
        known += gc && gc->in_progress != ABSENT;
        if (!gc || gc->in_progress != 1)
            continue;
        hits++;
        const char *name = series_snapshot_name(s, i);
        struct finding *hit = findings_hit(f, &rule_gc_in_progress, SEVERITY_WARNING, 0, name);
        finding_summary(f, hit,
                        "A garbage collection was running when %s was taken: objects may be "
                        "counted twice, or not at all.",
                        name);
        finding_next(f, hit, "Take the dump again.");
    }
    if (known < s->count && !hits)
        findings_skip(f, &rule_gc_in_progress, "%s says whether a garbage collection was running",
                      known ? "not every dump" : "no dump");
    return true;
}

const struct rule rule_gc_in_progress = {
    .id = "gc-in-progress",
    .summary = "dump taken in the middle of a garbage collection",
    .needs = PART_BIT(PART_GC),
    .min_snapshots = 1,
    .explain =
        "Looks at the flag by which the runtime says that a collection is running. In the middle\n"
        "of one, objects are being moved: the heap can often not be walked, and what can be\n"
        "walked is of no moment in time. Two or more dumps are then not compared (exit 3).\n"
        "\n"
        "No thresholds.\n"
        "\n"
        "What to do: take the dump again. When it happens every time, the process spends its time\n"
        "collecting, which is a finding of its own: look at the GC threads' CPU times.\n",
    .run = run_gc,
};
