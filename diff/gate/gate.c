#include "diff/gate/gate.h"

#include "diff/series/trend.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const gate_status_names[3] = {"pass", "breach", "inconclusive"};

static const char *gate_text(struct gate *g, const char *fmt, ...) PRINTF_LIKE(2, 3);
static const char *gate_text(struct gate *g, const char *fmt, ...) {
    struct strbuf text;
    char buf[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(buf, sizeof(buf), fmt, ap);
    va_end(ap);
    strbuf_init(&text);
    strbuf_add(&text, str_take(str_of(buf), str_utf8_valid(str_of(buf))));
    const char *copy =
        strbuf_failed(&text) ? NULL : arena_copy(&g->arena, strbuf_cstr(&text), text.len);
    strbuf_deinit(&text);
    return copy;
}

static bool gate_warn(struct gate *g, const char *text, struct err *err) {
    const char **grown = arena_array(&g->arena, g->warning_count + 1, sizeof(*grown));
    if (!text || !grown)
        return err_nomem(err);
    if (g->warning_count)
        memcpy(grown, g->warnings, g->warning_count * sizeof(*grown));
    grown[g->warning_count++] = text;
    g->warnings = grown;
    return true;
}

/* -- Numbers against limits -------------------------------------------------------------------- */

/*
 * From five snapshots on by the median slope, which one bad sample does not move: two runs of the
 * same thing must not differ because a collection came a moment later.
 */
static double gate_growth_of(const struct series *s, const uint64_t *values) {
    uint32_t end = s->count - 1;
    if (values[0] == ABSENT || values[end] == ABSENT)
        return NAN;
    if (s->count >= TREND_SAMPLES_LEAST) {
        struct trend trend;
        trend_find(values, NULL, s->count, &trend);
        return trend.slope * (double)end;
    }
    return (double)values[end] - (double)values[0];
}

static void check_limit(struct gate *g, struct gate_result *r, enum budget_limit limit,
                        const struct gate_options *options) {
    const struct quantity *q = &r->budget->limits[limit];
    uint32_t end = g->s->count - 1;
    double iterations = options->iterations > 0 ? options->iterations : g->budgets->iterations;
    struct gate_check *check = &r->checks[r->check_count++];
    *check = (struct gate_check){limit, GATE_PASS, q->value, NAN};
    if (limit == LIMIT_MAX)
        check->actual = r->values[end] == ABSENT ? NAN : (double)r->values[end];
    else if (!g->no_baseline)
        check->actual = gate_growth_of(g->s, r->values);
    if (q->percent && r->values[0] != ABSENT)
        check->allowed = (double)r->values[0] * q->value / 100;
    if (limit == LIMIT_EACH)
        check->actual = iterations > 0 ? check->actual / iterations : NAN;
    if (!isnan(check->actual)) {
        /* Shares are rounded: a hair more is none. */
        double most = check->allowed + fabs(check->allowed) * 1e-9;
        check->status = check->actual > most ? GATE_BREACH : GATE_PASS;
        return;
    }
    bool excused = limit != LIMIT_MAX && g->no_baseline && options->allow_missing;
    check->status = excused ? GATE_PASS : GATE_INCONCLUSIVE;
    r->why = excused                                  ? r->why
             : limit != LIMIT_MAX && g->no_baseline   ? "there is no baseline to have grown from"
             : limit == LIMIT_EACH && iterations <= 0 ? "the number of iterations is not known: "
                                                        "--per N, or \"iterations\" in the file"
                                                      : "the snapshots do not tell";
}

static bool needs_are_met(const struct gate *g, const struct budget *b) {
    uint64_t needs = budget_kinds[b->on].needs;
    return (g->s->parts_all & needs) == needs;
}

static uint64_t skipped_heap(const struct snapshot *s) {
    const struct gc_row *gc = snapshot_row(s, PART_GC);
    return gc && gc->skipped_bytes != ABSENT ? gc->skipped_bytes : 0;
}

static bool is_of_the_heap(enum budget_on on) {
    return on <= ON_REGEX || on == ON_VERDICT || on == ON_PATHS;
}

/* The table that is counted was cut, has holes, or may go on. */
static bool lacks_rows(const struct snapshot *s, const struct budget *b) {
    uint64_t parts = budget_kinds[b->on].needs | (is_of_the_heap(b->on) ? PART_BIT(PART_TYPES) : 0);
    for (int part = 1; part < PART_END; part++)
        if ((parts & PART_BIT(part)) && snapshot_lacks_rows(s, (enum part)part))
            return true;
    return false;
}

/* What passes only because part of it was not read has not passed. */
static void doubt_partial(struct gate *g, struct gate_result *r) {
    if (r->status != GATE_PASS)
        return;
    for (uint32_t i = 0; i < g->s->count; i++) {
        if (g->budgets->exact_only && snapshot_trust(g->s->snapshots[i]) != TRUST_EXACT)
            r->why = "a snapshot is not exact, and the budget file wants \"trust\": \"exact\"";
        else if (snapshot_trust(g->s->snapshots[i]) == TRUST_UNUSABLE)
            r->why = "a snapshot cannot be trusted";
        else if (is_of_the_heap(r->budget->on) && skipped_heap(g->s->snapshots[i]))
            r->why = "part of the heap of a snapshot could not be read";
        else if (lacks_rows(g->s->snapshots[i], r->budget))
            r->why = "a snapshot lacks rows of what this is about";
        else
            continue;
        r->status = GATE_INCONCLUSIVE;
    }
}

/* Verdicts that two snapshots never have, so that not having one says nothing. */
static bool needs_three(const struct budget *b) {
    return b->forbidden & (1u << VERDICT_LEAK | 1u << VERDICT_SATURATING | 1u << VERDICT_STEP |
                           1u << VERDICT_INCONCLUSIVE);
}

static bool judge_verdicts(struct gate *g, struct gate_result *r, struct gate_excuses *excuses,
                           const struct gate_options *options, struct err *err) {
    uint32_t forbidden, undecided;
    if (g->no_baseline) {
        r->status = options->allow_missing ? GATE_PASS : GATE_INCONCLUSIVE;
        r->why = options->allow_missing ? NULL : "there is no baseline to have grown from";
        return true;
    }
    if (!gate_verdicts(g, r, excuses, &forbidden, &undecided, err))
        return false;
    if (forbidden) {
        r->status = GATE_BREACH;
    } else if (undecided || (g->s->count == 2 && needs_three(r->budget) && !r->matches_nothing)) {
        r->status = GATE_INCONCLUSIVE;
        r->why = undecided ? "types grew, but two snapshots cannot tell a leak from a cache that "
                             "fills: take a third"
                           : "two snapshots give no such verdict: take a third";
    }
    return true;
}

/* Is it about what became of something, not about what there is? */
static bool looks_back(const struct budget *b) {
    bool growth = b->on == ON_VERDICT;
    for (int k = 0; k < LIMIT_KINDS; k++)
        growth = growth || (k != LIMIT_MAX && b->limits[k].given);
    return growth;
}

static bool gate_judge(struct gate *g, struct gate_result *r, struct gate_excuses *excuses,
                       const struct gate_options *options, struct err *err) {
    const struct budget *b = r->budget;
    if (g->s->not_comparable && !options->force) {
        r->status = GATE_INCONCLUSIVE;
        r->why = g->s->not_comparable;
        return true;
    }
    if (g->s->out_of_order && looks_back(b) && !options->force) {
        r->status = GATE_INCONCLUSIVE;
        r->why = "the snapshots are not in order of time: oldest first, please";
        return true;
    }
    if (!needs_are_met(g, b)) {
        r->status = GATE_INCONCLUSIVE;
        r->why = "a snapshot does not have what this is about";
        return true;
    }
    if (b->on == ON_VERDICT) {
        if (!judge_verdicts(g, r, excuses, options, err))
            return false;
    } else {
        if (b->on == ON_CAUSE || b->on == ON_FINDING)
            gate_count_causes(g, r, options);
        else if (!gate_measure(g, r, excuses, err))
            return false;
        const char *why = r->why;
        for (int k = 0; k < LIMIT_KINDS; k++)
            if (b->limits[k].given)
                check_limit(g, r, (enum budget_limit)k, options);
        for (uint32_t k = 0; k < r->check_count; k++)
            if (r->checks[k].status == GATE_BREACH)
                r->status = GATE_BREACH;
            else if (r->checks[k].status == GATE_INCONCLUSIVE && r->status == GATE_PASS)
                r->status = GATE_INCONCLUSIVE;
        r->why = why ? why : r->why;
    }
    if (options->strict && r->matches_nothing && r->status == GATE_PASS) {
        r->status = GATE_INCONCLUSIVE;
        r->why = "it matches nothing (--strict)";
    }
    doubt_partial(g, r);
    return true;
}

/* -- All --------------------------------------------------------------------------------------- */

static bool gate_start(struct gate *g, struct gate_excuses *e, const struct gate_options *options,
                       struct err *err) {
    const struct budgets *b = g->budgets;
    g->results = arena_array(&g->arena, b->count, sizeof(*g->results));
    e->active = arena_array(&g->arena, b->benign_count, sizeof(*e->active));
    e->used = arena_array(&g->arena, b->benign_count, sizeof(*e->used));
    e->types = arena_array(&g->arena, g->s->type_count, sizeof(*e->types));
    if (!g->results || !e->active || !e->used || !e->types)
        return err_nomem(err);
    for (uint32_t i = 0; i < b->benign_count; i++)
        e->active[i] = strcmp(options->today, b->benign[i].expires) <= 0;
    for (uint32_t i = 0; i < b->count; i++) {
        struct gate_result *r = &g->results[g->count++];
        r->budget = &b->items[i];
        r->values = arena_array(&g->arena, g->s->count, sizeof(*r->values));
        if (!r->values)
            return err_nomem(err);
        for (uint32_t k = 0; k < g->s->count; k++)
            r->values[k] = ABSENT;
    }
    return true;
}

static bool say_warnings(struct gate *g, const struct gate_excuses *e, struct err *err) {
    const struct budgets *b = g->budgets;
    for (uint32_t i = 0; i < g->count; i++) {
        const struct gate_result *r = &g->results[i];
        if (r->matches_nothing && !gate_warn(g,
                                             gate_text(g, "line %u: budget \"%s\" matches nothing",
                                                       r->budget->line, r->budget->name),
                                             err))
            return false;
    }
    for (uint32_t i = 0; i < b->benign_count; i++) {
        const char *text = NULL;
        if (!e->active[i])
            text = gate_text(g, "line %u: \"%s\" was benign until %s (%s): no longer excused",
                             b->benign[i].line, b->benign[i].which, b->benign[i].expires,
                             b->benign[i].reason);
        else if (!e->used[i])
            text = gate_text(g, "line %u: \"%s\" is benign (%s), but excuses nothing",
                             b->benign[i].line, b->benign[i].which, b->benign[i].reason);
        else
            continue;
        if (!gate_warn(g, text, err))
            return false;
    }
    for (uint32_t i = 0; i < g->s->count; i++)
        if (snapshot_trust(g->s->snapshots[i]) == TRUST_PARTIAL &&
            !gate_warn(g,
                       gate_text(g, "%s is partial: its figures are lower bounds",
                                 series_snapshot_name(g->s, i)),
                       err))
            return false;
    for (uint32_t i = 0; i < g->s->warning_count; i++)
        if (!gate_warn(g, gate_text(g, "%s", g->s->warnings[i]), err))
            return false;
    return !g->no_baseline ||
           gate_warn(g, gate_text(g, "there is no baseline: growth was not judged"), err);
}

bool gate_run(struct gate *g, const struct series *s, const struct budgets *budgets,
              const struct gate_options *options, struct err *err) {
    struct gate_excuses excuses = {.budgets = budgets};
    *g = (struct gate){.s = s, .budgets = budgets, .no_baseline = s->count < 2};
    arena_init(&g->arena);
    if (!gate_start(g, &excuses, options, err))
        return false;
    for (uint32_t i = 0; i < g->count; i++) {
        struct gate_result *r = &g->results[i];
        if (!gate_judge(g, r, &excuses, options, err))
            return false;
        g->breaches += r->status == GATE_BREACH;
        g->inconclusive += r->status == GATE_INCONCLUSIVE;
    }
    return budgets_settled(budgets, err) && say_warnings(g, &excuses, err);
}

void gate_deinit(struct gate *g) {
    arena_deinit(&g->arena);
    *g = (struct gate){.count = 0};
}

int gate_exit_status(const struct gate *g) {
    return g->breaches ? 1 : g->inconclusive ? err_exit_status(ERR_INCONCLUSIVE) : 0;
}

/* -- The ratchet ------------------------------------------------------------------------------- */

/* A tenth of the unit that the file uses, upwards, so that the new number still holds. */
static void write_quantity(struct strbuf *out, struct str old, bool percent, double value) {
    static const struct {
        const char *unit;
        double scale;
    } units[] = {{"GiB", 1073741824.0}, {"GB", 1073741824.0}, {"G", 1073741824.0},
                 {"MiB", 1048576.0},    {"MB", 1048576.0},    {"M", 1048576.0},
                 {"KiB", 1024.0},       {"KB", 1024.0},       {"kB", 1024.0},
                 {"K", 1024.0}};
    struct str text = str_trim(old);
    if (text.len > 1 && str_first(text) == '"')
        text = str_trim((struct str){text.ptr + 1, text.len - 2});
    if (percent) {
        strbuf_addf(out, "\"%.1f%%\"", fabs(ceil(value * 10 - 1e-9)) / 10);
        return;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (!str_ends(text, str_of(units[i].unit)))
            continue;
        strbuf_addf(out, "\"%.1f%s\"", fabs(ceil(value / units[i].scale * 10 - 1e-9)) / 10,
                    units[i].unit);
        return;
    }
    strbuf_addf(out, "%.15g",
                fabs(value - rint(value)) < 1e-9 ? rint(value) : ceil(value * 1000) / 1000);
}

/* What the limit may be lowered to; NAN: it stays. */
static double gate_lower(const struct gate_result *r, const struct gate_check *check) {
    const struct quantity *q = &r->budget->limits[check->limit];
    double actual = check->actual < 0 ? 0 : check->actual;
    if (r->status != GATE_PASS || r->matches_nothing || isnan(actual) || !q->length ||
        !(actual < check->allowed))
        return NAN;
    if (!q->percent)
        return actual;
    return r->values[0] && r->values[0] != ABSENT ? actual * 100 / (double)r->values[0] : NAN;
}

bool gate_update(const struct gate *g, struct str text, struct strbuf *out, uint32_t *ret_changed,
                 struct err *err) {
    struct strbuf number;
    size_t at = 0;
    *ret_changed = 0;
    strbuf_init(&number);
    /* Limits of a budget stand in any order: the next one in the text each time. */
    for (uint32_t i = 0; i < g->count; i++) {
        const struct gate_result *r = &g->results[i];
        for (uint32_t done = 0; done < r->check_count; done++) {
            const struct gate_check *next = NULL;
            for (uint32_t k = 0; k < r->check_count; k++) {
                const struct quantity *q = &r->budget->limits[r->checks[k].limit];
                if (q->at >= at && q->length &&
                    (!next || q->at < r->budget->limits[next->limit].at))
                    next = &r->checks[k];
            }
            double value = next ? gate_lower(r, next) : NAN;
            if (!next)
                break;
            const struct quantity *q = &r->budget->limits[next->limit];
            struct str old = str_take(str_drop(text, q->at), q->length);
            strbuf_clear(&number);
            if (!isnan(value))
                write_quantity(&number, old, q->percent, value);
            bool changes = number.len && !str_eq(strbuf_str(&number), old);
            strbuf_add(out, str_take(str_drop(text, at), q->at - at));
            strbuf_add(out, changes ? strbuf_str(&number) : old);
            *ret_changed += changes;
            at = q->at + q->length;
        }
    }
    strbuf_add(out, str_drop(text, at));
    bool ok = strbuf_ok(&number, err) && strbuf_ok(out, err);
    strbuf_deinit(&number);
    return ok;
}
