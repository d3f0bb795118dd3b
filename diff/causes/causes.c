#include "diff/causes/causes_internal.h"

#include "base/order.h"
#include "base/vec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const cause_kind_names[CAUSE_KINDS] = {
    [CAUSE_DEADLOCK] = "deadlock",
    [CAUSE_FINALIZER] = "finalizer",
    [CAUSE_BLOCKED] = "blocked",
    [CAUSE_STARVATION] = "starvation",
    [CAUSE_RUNAWAY] = "runaway",
    [CAUSE_LEAK] = "leak",
    [CAUSE_GROWTH] = "growth",
    [CAUSE_FILLING] = "filling",
    [CAUSE_STEP] = "step",
    [CAUSE_NATIVE] = "native",
    [CAUSE_HANDLES] = "handles",
    [CAUSE_THREADS] = "threads",
    [CAUSE_LOADER] = "loader",
    [CAUSE_EXCEPTIONS] = "exceptions",
    [CAUSE_FRAGMENTATION] = "fragmentation",
    [CAUSE_MEMORY] = "memory",
};

struct cause *cause_add(struct diagnosis *d, enum cause_kind kind, enum severity severity) {
    struct causes *c = d->c;
    if (!VEC_ROOM(c->items, c->count, c->capacity, &c->texts.err))
        return NULL;
    c->items[c->count] = (struct cause){.kind = kind,
                                        .severity = severity,
                                        .subject = "",
                                        .summary = "",
                                        .retained_bytes = ABSENT,
                                        .share = NAN,
                                        .verdict = VERDICT_NONE};
    return &c->items[c->count++];
}

uint32_t cause_last(const struct diagnosis *d) {
    return d->c->count - 1;
}

bool cause_is_open(const struct diagnosis *d, uint32_t finding, const struct rule *rule) {
    const struct finding *f = &d->f->items[finding];
    return f->status == STATUS_HIT && (!rule || f->rule == rule) &&
           d->claimed_by[finding] == CAUSE_NONE;
}

uint32_t cause_serious_hit(const struct diagnosis *d, const struct rule *rule) {
    for (uint32_t i = 0; i < d->f->count; i++)
        if (cause_is_open(d, i, rule) && d->f->items[i].severity <= SEVERITY_WARNING)
            return i;
    return CAUSE_NONE;
}

void cause_claim(struct diagnosis *d, uint32_t finding, uint32_t cause) {
    if (d->claimed_by[finding] == CAUSE_NONE)
        d->claimed_by[finding] = cause;
}

void cause_claim_rule(struct diagnosis *d, const struct rule *rule, const char *subject,
                      uint32_t cause) {
    for (uint32_t i = 0; i < d->f->count; i++)
        if (cause_is_open(d, i, rule) && (!subject || strcmp(d->f->items[i].subject, subject) == 0))
            cause_claim(d, i, cause);
}

void cause_claim_sums(struct diagnosis *d, uint32_t cause, bool enlarged) {
    static const enum rule_number sums[] = {RULE_heap_growth, RULE_loh_growth, RULE_poh_growth,
                                            RULE_committed_vs_allocated};
    if (enlarged) /* the smaller ones that an array was before are what is free now */
        cause_claim_rule(d, rules[RULE_fragmentation], NULL, cause);
    for (size_t i = 0; i < sizeof(sums) / sizeof(*sums); i++)
        cause_claim_rule(d, rules[sums[i]], NULL, cause);
}

const struct evidence *cause_evidence(const struct finding *finding, const char *name) {
    for (uint32_t i = 0; i < finding->evidence_count; i++)
        if (strcmp(finding->evidence[i].name, name) == 0)
            return &finding->evidence[i];
    return NULL;
}

struct cause *cause_as_found(struct diagnosis *d, uint32_t finding, enum cause_kind kind) {
    const struct finding *found = &d->f->items[finding];
    struct cause *cause = cause_add(d, kind, found->severity);
    if (!cause)
        return NULL;
    cause->subject = found->subject;
    cause->summary = found->summary ? found->summary : "";
    cause->next = found->next;
    cause->weight = found->weight;
    cause->evidence = found;
    cause_claim(d, finding, cause_last(d));
    return cause;
}

/* -- Sums -------------------------------------------------------------------------------------- */

static void take_live(const struct series *s, struct causes *c) {
    c->live_known = s->live_known && s->count > 1;
    if (c->live_known) {
        c->live_base_bytes = s->live_bytes[0];
        c->live_new_bytes = s->live_bytes[s->count - 1];
    }
    c->live_delta = series_delta(c->live_new_bytes, c->live_base_bytes);
}

static void causes_sum_up(struct causes *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        if (isnan(c->items[i].share))
            continue;
        c->explained += c->items[i].bytes_delta;
        c->growth_count++;
    }
}

/* -- Order ------------------------------------------------------------------------------------- */

struct cause_order {
    const struct causes *c;
    uint32_t number;
};

static int cmp_causes(const void *x, const void *y) {
    const struct cause_order *l = x, *r = y;
    const struct cause *a = &l->c->items[l->number], *b = &r->c->items[r->number];
    if (a->severity != b->severity)
        return a->severity < b->severity ? -1 : 1;
    /* Who hangs does not care for bytes yet. */
    bool a_grows = a->kind >= CAUSE_LEAK, b_grows = b->kind >= CAUSE_LEAK;
    if (a_grows != b_grows)
        return a_grows ? 1 : -1;
    if (a->weight != b->weight)
        return a->weight > b->weight ? -1 : 1;
    return order_u64(l->number, r->number);
}

/* Gives each cause the findings it claimed, in their order; before the causes are sorted. */
static bool hand_out_findings(struct diagnosis *d) {
    struct causes *c = d->c;
    uint32_t claimed = 0;
    for (uint32_t i = 0; i < d->f->count; i++)
        if (d->claimed_by[i] != CAUSE_NONE)
            c->items[d->claimed_by[i]].finding_count++;
    uint32_t *findings = arena_array(&c->texts.arena, (size_t)d->f->count + 1, sizeof(*findings));
    if (!findings)
        return false;
    for (uint32_t i = 0; i < c->count; i++) {
        c->items[i].findings = findings + claimed;
        claimed += c->items[i].finding_count;
        c->items[i].finding_count = 0;
    }
    for (uint32_t i = 0; i < d->f->count; i++) {
        struct cause *cause = d->claimed_by[i] == CAUSE_NONE ? NULL : &c->items[d->claimed_by[i]];
        if (!cause)
            continue;
        findings[(cause->findings - findings) + cause->finding_count++] = i;
        if (!cause->evidence)
            cause->evidence = &d->f->items[i];
    }
    return true;
}

static bool put_in_order(struct diagnosis *d) {
    struct causes *c = d->c;
    size_t room = (size_t)c->count + 1;
    struct cause_order *order = calloc(room, sizeof(*order));
    struct cause *sorted = calloc(room, sizeof(*sorted));
    bool ok = order && sorted && hand_out_findings(d);
    for (uint32_t i = 0; ok && i < c->count; i++)
        order[i] = (struct cause_order){c, i};
    if (ok) {
        qsort(order, c->count, sizeof(*order), cmp_causes);
        for (uint32_t i = 0; i < c->count; i++)
            sorted[i] = c->items[order[i].number];
        if (c->count)
            memcpy(c->items, sorted, c->count * sizeof(*sorted));
    }
    free(order);
    free(sorted);
    return ok;
}

/* -- All of it --------------------------------------------------------------------------------- */

typedef bool (*cause_source)(struct diagnosis *, struct err *);

#define CAUSE_ENTRY(name) causes_of_##name,
static const cause_source cause_sources[] = {CAUSES(CAUSE_ENTRY)};

bool causes_find(struct causes *c, const struct series *s, const struct limits *limits,
                 const struct findings *f, struct err *err) {
    *c = (struct causes){.count = 0};
    findings_init(&c->texts);
    struct diagnosis d = {.s = s, .limits = limits, .f = f, .c = c};
    d.claimed_by = malloc(((size_t)f->count + 1) * sizeof(*d.claimed_by));
    if (!d.claimed_by)
        return err_nomem(err);
    memset(d.claimed_by, 0xff, ((size_t)f->count + 1) * sizeof(*d.claimed_by));
    take_live(s, c);
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof(cause_sources) / sizeof(*cause_sources); i++)
        ok = cause_sources[i](&d, err);
    ok = ok && err_none(&c->texts.err, err) && (put_in_order(&d) || err_nomem(err));
    if (ok)
        causes_sum_up(c);
    free(d.claimed_by);
    return ok;
}

void causes_deinit(struct causes *c) {
    findings_deinit(&c->texts);
    free(c->items);
    *c = (struct causes){.count = 0};
}
