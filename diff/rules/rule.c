#include "diff/rules/rules.h"

#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <stdio.h>
#include <string.h>

#define RULE_ENTRY(name) &rule_##name,
const struct rule *const rules[] = {RULES(RULE_ENTRY) NULL};
#undef RULE_ENTRY

const struct rule *rule_find(const char *id) {
    for (const struct rule *const *rule = rules; *rule; rule++)
        if (strcmp((*rule)->id, id) == 0)
            return *rule;
    return NULL;
}

/* -- What is absent, and why ------------------------------------------------------------------- */

/* Rows may be missing behind a list that nothing ends, too. */
static const struct absence_row *rule_lacks(const struct snapshot *s, enum part part,
                                            enum aspect aspect) {
    return aspect == ASPECT_ROWS ? snapshot_lacks_rows(s, part) : snapshot_absence(s, part, aspect);
}

const char *rule_why(const struct series *s, struct findings *f, enum part part,
                     enum aspect aspect) {
    const struct absence_row *why = NULL;
    for (uint32_t i = 0; i < s->count && !why; i++) {
        why = rule_lacks(s->snapshots[i], part, aspect);
        if (!why)
            why = snapshot_absence(s->snapshots[i], part, ASPECT_ALL);
    }
    return why ? findings_text(f, ": %s", why->why) : "";
}

enum rule_listed rule_listed(const struct series *s, enum part part) {
    enum rule_listed listed = LISTED_ALL;
    for (uint32_t i = 0; i + 1 < s->count; i++) {
        if (!snapshot_lacks_rows(s->snapshots[i], part))
            continue;
        if (snapshot_unlisted(s->snapshots[i], part).bytes == ABSENT)
            return LISTED_CUT;
        listed = LISTED_MAYBE;
    }
    return listed;
}

const char *rule_hedge(const struct series *s, struct findings *f, enum part part) {
    for (uint32_t i = 0; i + 1 < s->count; i++) {
        const struct absence_row *why = snapshot_lacks_rows(s->snapshots[i], part);
        if (why)
            return findings_text(f, ". %s may list less than there was: %s",
                                 series_snapshot_name(s, i), why->why);
    }
    return "";
}

bool rule_skip_cut(const struct series *s, struct findings *f, const struct rule *rule,
                   enum part part, enum aspect aspect, const char *what) {
    for (uint32_t i = 0; i + 1 < s->count; i++) {
        if (!snapshot_absence(s->snapshots[i], part, aspect))
            continue;
        findings_skip(f, rule, "%s does not %s%s", series_snapshot_name(s, i), what,
                      rule_why(s, f, part, aspect));
        return true;
    }
    return false;
}

/* "stacks of threads", "all locks". */
static const char *input_text(struct findings *f, const struct rule_input *input) {
    static const struct {
        enum part part;
        enum aspect aspect;
        const char *text;
    } texts[] = {
        {PART_THREADS, ASPECT_FRAMES, "stacks of threads"},
        {PART_THREADS, ASPECT_EXCEPTIONS, "exceptions of threads"},
        {PART_THREADS, ASPECT_MANAGED, "all managed threads"},
        {PART_FINALIZER, ASPECT_READY, "the finalization queue"},
        {PART_MEMORY_MAP, ASPECT_ROWS, "the whole memory map"},
        {PART_OS_HANDLES, ASPECT_ROWS, "all handles of the operating system"},
        {PART_NATIVE_HEAPS, ASPECT_ROWS, "all native heaps"},
        {PART_LIVE, ASPECT_ROWS, "all that is live"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (texts[i].part == input->part && texts[i].aspect == input->aspect)
            return texts[i].text;
    return findings_text(f, "all %s", part_descs[input->part].name);
}

/*
 * What a snapshot lacks of an input, where that can hide a finding; NULL: nothing. Bytes of the
 * heap below the share from which a type counts as growing hide none.
 */
static const struct absence_row *lacking(const struct series *s, uint32_t i,
                                         const struct limits *limits,
                                         const struct rule_input *input) {
    const struct absence_row *row = snapshot_absence(s->snapshots[i], input->part, input->aspect);
    uint64_t most = snapshot_unlisted(s->snapshots[i], input->part).bytes;
    if (row && input->part == PART_STACKS && s->allocated && s->allocated[i].bytes != ABSENT &&
        most <= rule_percent(s->allocated[i].bytes, limits->stack_growth_percent))
        return NULL;
    if (!row || input->part != PART_TYPES || row->count == ABSENT)
        return row;
    uint64_t heap = series_heap_bytes(s, i);
    return row->count < rule_percent(heap, limits->growing_type_heap_percent) ? NULL : row;
}

/* Found nothing in what there is: that is clear only where nothing is missing. */
static void conclude(const struct series *s, const struct limits *limits, const struct rule *rule,
                     struct findings *f) {
    for (const struct rule_input *input = rule->whole; input->part; input++)
        for (uint32_t i = 0; i < s->count; i++) {
            const struct absence_row *row = lacking(s, i, limits, input);
            if (!row)
                continue;
            findings_skip(f, rule, "needs %s, which %s does not hold: %s", input_text(f, input),
                          series_snapshot_name(s, i), row->why);
            return;
        }
    findings_add(f, rule, STATUS_CLEAR);
}

/* The parts that are missing, and the snapshot that misses the first of them. */
static void skip_for_parts(const struct series *s, const struct rule *rule, struct findings *f) {
    char names[256];
    size_t used = 0;
    uint32_t where = 0;
    const struct absence_row *why = NULL;
    names[0] = '\0';
    uint64_t missing = rule->needs & ~s->parts_all;
    for (int part = PART_ORIGIN; part < PART_END && used < sizeof(names) - 1; part++) {
        if (!(missing & PART_BIT(part)))
            continue;
        if (!used)
            while (where + 1 < s->count && snapshot_has(s->snapshots[where], (enum part)part))
                where++;
        if (!why)
            why = snapshot_absence(s->snapshots[where], (enum part)part, ASPECT_ALL);
        int n = snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
                         part_descs[part].name);
        used += n > 0 ? (size_t)n : 0;
    }
    findings_skip(f, rule, "needs %s, which %s does not hold%s%s", names,
                  series_snapshot_name(s, where), why ? ": " : "", why ? why->why : "");
}

static bool run_one(const struct series *s, const struct limits *limits, const struct rule *rule,
                    struct findings *f, struct err *err) {
    if (s->count < rule->min_snapshots) {
        findings_skip(f, rule, "needs %s", rule->min_snapshots == 2 ? "two dumps" : "more dumps");
        return true;
    }
    bool lacks = rule->needs & ~s->parts_all;
    uint32_t before = f->count;
    bool ok = !lacks              ? rule->run(s, limits, f, err)
              : rule->run_without ? rule->run_without(s, limits, f, err)
                                  : true;
    if (!ok)
        return err_prefix(err, "rule %s", rule->id);
    if (f->count == before && lacks)
        skip_for_parts(s, rule, f);
    else if (f->count == before)
        conclude(s, limits, rule, f);
    return true;
}

bool rules_run(const struct series *s, const struct limits *limits, struct findings *f,
               struct err *err) {
    for (const struct rule *const *rule = rules; *rule; rule++)
        if (!run_one(s, limits, *rule, f, err))
            return false;
    if (!err_none(&f->err, err))
        return false;
    findings_sort(f);
    return true;
}
