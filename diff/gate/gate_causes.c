/* Budgets on what is said of the dumps: causes and findings. */
#include "diff/gate/gate.h"

#include <math.h>
#include <string.h>

static bool budget_takes(const struct budget *b, const char *name) {
    return !b->which || pattern_matches(&b->pattern, name);
}

static void count_one(struct gate_result *r, const char *name) {
    uint32_t end = r->row_count;
    if (end == GATE_ROWS_MOST) {
        r->row_others++;
        return;
    }
    r->rows[r->row_count++] = (struct gate_row){
        .name = name, .base = ABSENT, .last = ABSENT, .growth = NAN, .verdict = VERDICT_NONE};
}

/* -- Findings ---------------------------------------------------------------------------------- */

static void count_findings(struct gate *g, struct gate_result *r, const struct findings *f) {
    uint64_t hits = 0;
    bool any = false;
    const char *skipped = NULL;
    for (uint32_t i = 0; i < f->count; i++) {
        const struct finding *finding = &f->items[i];
        if (!budget_takes(r->budget, finding->rule->id))
            continue;
        any = true;
        if (finding->status == STATUS_SKIPPED)
            skipped = finding->summary;
        if (finding->status != STATUS_HIT || finding->severity > SEVERITY_WARNING)
            continue;
        hits++;
        count_one(r, finding->summary ? finding->summary : finding->rule->id);
    }
    r->matches_nothing = !any;
    if (hits || !skipped)
        r->values[g->s->count - 1] = hits;
    else
        r->why = skipped;
}

/* -- Causes ------------------------------------------------------------------------------------ */

/* Kinds of cause that one rule at least has to have looked for, before there are none. */
static const struct {
    enum cause_kind first, last;
    const char *rule;
} looked_for[] = {
    {CAUSE_DEADLOCK, CAUSE_DEADLOCK, "deadlock"},
    {CAUSE_FINALIZER, CAUSE_FINALIZER, "finalizer-stuck"},
    {CAUSE_BLOCKED, CAUSE_BLOCKED, "locks-held"},
    {CAUSE_LEAK, CAUSE_STEP, "growing-type"},
    {CAUSE_NATIVE, CAUSE_NATIVE, "native-growth"},
    {CAUSE_HANDLES, CAUSE_HANDLES, "handles-growing"},
};

static const char *skipped_rule(const struct findings *f, const char *id) {
    for (uint32_t i = 0; i < f->count; i++)
        if (f->items[i].status == STATUS_SKIPPED && strcmp(f->items[i].rule->id, id) == 0)
            return f->items[i].summary;
    return NULL;
}

/*
 * Why the absence of causes says nothing; NULL: it does. Of a budget on all kinds, growth alone is
 * asked for: dumps of which the one or other is not known are the rule.
 */
static const char *not_looked_for(const struct budget *b, const struct findings *f) {
    for (size_t i = 0; i < sizeof(looked_for) / sizeof(*looked_for); i++) {
        bool wanted = b->which ? false : looked_for[i].first == CAUSE_LEAK;
        for (int k = looked_for[i].first; b->which && k <= (int)looked_for[i].last; k++)
            wanted = wanted || budget_takes(b, cause_kind_names[k]);
        const char *why = wanted ? skipped_rule(f, looked_for[i].rule) : NULL;
        if (why)
            return why;
    }
    return NULL;
}

/*
 * Of two snapshots no more is known than that it grew, be it a leak or a cache that fills. Who asks
 * for the kind alone wants to hear of any growth.
 */
static bool is_undecided(const struct gate *g, const struct budget *b, const struct cause *cause) {
    static const bool grows[CAUSE_KINDS] = {
        [CAUSE_LEAK] = true,    [CAUSE_GROWTH] = true, [CAUSE_FILLING] = true,
        [CAUSE_STEP] = true,    [CAUSE_NATIVE] = true, [CAUSE_HANDLES] = true,
        [CAUSE_THREADS] = true, [CAUSE_LOADER] = true, [CAUSE_EXCEPTIONS] = true,
    };
    return g->s->count == 2 && grows[cause->kind] && budget_takes(b, cause_kind_names[CAUSE_LEAK]);
}

static void count_causes(struct gate *g, struct gate_result *r, const struct gate_options *o) {
    uint64_t count = 0, undecided = 0;
    bool any = !r->budget->which;
    for (int k = 0; k < CAUSE_KINDS; k++)
        any = any || budget_takes(r->budget, cause_kind_names[k]);
    r->matches_nothing = !any;
    for (uint32_t i = 0; i < o->causes->count; i++) {
        const struct cause *cause = &o->causes->items[i];
        if (cause->severity > SEVERITY_WARNING)
            continue;
        if (is_undecided(g, r->budget, cause)) {
            undecided++;
        } else if (budget_takes(r->budget, cause_kind_names[cause->kind])) {
            count++;
            count_one(r, cause->summary);
        }
    }
    const char *why = count ? NULL : not_looked_for(r->budget, o->findings);
    if (!why && !count && undecided)
        why = "something grew, but two snapshots cannot tell a leak from a cache that fills: take "
              "a third";
    if (why)
        r->why = why;
    else
        r->values[g->s->count - 1] = count;
}

void gate_count_causes(struct gate *g, struct gate_result *r, const struct gate_options *options) {
    if (!options->findings || !options->causes)
        r->why = "nobody looked for causes";
    else if (r->budget->on == ON_FINDING)
        count_findings(g, r, options->findings);
    else
        count_causes(g, r, options);
}
