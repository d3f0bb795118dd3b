/* Accumulation points as causes: what grows, who holds it, how much of all growth that is. */
#include "diff/causes/telling.h"

#include "base/num.h"

#include "diff/names/names.h"
#include "diff/rules/hints.h"
#include "model/known_names.h"
#include "model/rows_heap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A type is a symptom of the cause that has so much of its growth. */
#define CLAIM_PERCENT 50
/* [bytes] that the framework's own growth has to be, from one dump to another, to be a warning. */
#define FRAMEWORK_LEAST ((uint64_t)256 << 10)
/* [count] of its objects that are more at every dump, of which the same is true. */
#define FRAMEWORK_OBJECTS 100
/* Of all growth so much has to be a cause's; what is less is in what is not explained. */
#define GROWTH_LEAST_PERCENT 0.5
#define NS_A_MS              ((uint64_t)1000000)
/* [ms] A time-out is no longer than that: what ends later is kept, whatever it waits for. */
#define SOON_MS ((uint64_t)3600000)
/* [bytes] of an array that an element takes at most: a key, a value and two numbers. */
#define ROOM_BYTES 32u
/* Of a type beside the main one so much is said. */
#define TYPES_MOST 8u

static bool index_types(struct telling *t, struct err *err) {
    const struct series *s = t->d->s;
    for (uint32_t i = 0; i < s->type_count; i++) {
        struct str name = str_of(s->types[i].name);
        if (strmap_get(&t->types, name, STR("")) == STRMAP_NONE &&
            !strmap_put(&t->types, name, STR(""), i))
            return err_nomem(err);
    }
    return true;
}

const struct series_type *telling_type(const struct telling *t, const char *name) {
    uint32_t number = strmap_get(&t->types, str_of(name), STR(""));
    return number == STRMAP_NONE ? NULL : &t->d->s->types[number];
}

const char *telling_root_type(const char *root) {
    const char *space = strrchr(root, ' ');
    return space ? space + 1 : root;
}

/* -- Little by its nature -------------------------------------------------------------------------
 */

bool telling_is_framework(const struct telling *t, const struct accumulation *item) {
    const struct growth *g = &t->a->growth;
    if (name_root_is_field(item->root) && !name_is_framework(telling_root_type(item->root)))
        return false;
    for (uint32_t i = 0; i < item->type_count; i++)
        if (!name_is_framework(item->types[i].type))
            return false;
    for (uint32_t n = item->container; n != GROWTH_ROOT; n = g->nodes[n].parent)
        if (!name_is_framework(g->nodes[n].type))
            return false;
    return true;
}

bool telling_warms_up(const struct telling *t, const struct accumulation *item) {
    bool per_thread = str_starts(str_of(item->root), STR(ROOT_THREAD_STATIC));
    return (uint64_t)item->bytes_delta < FRAMEWORK_LEAST * (per_thread ? 4 : 1) &&
           (item->verdict == VERDICT_GROWING || per_thread ||
            item->objects_delta < FRAMEWORK_OBJECTS) &&
           telling_is_framework(t, item);
}

const struct callback_row *telling_timers_that_end(const struct telling *t,
                                                   const struct accumulation *item) {
    const struct series *s = t->d->s;
    const struct growth *g = &t->a->growth;
    if (item->main == GROWTH_ROOT || s->interval_ns == ABSENT ||
        strcmp(g->nodes[item->main].type, "System.Threading.TimerQueueTimer") != 0)
        return NULL;
    const struct callback_row *most = callback_most(series_new(s), CALLBACK_TIMER, NULL);
    bool ends = most && most->period_ms == ABSENT && most->due_ms != ABSENT &&
                most->due_ms > s->interval_ns / NS_A_MS && most->due_ms <= SOON_MS;
    return ends && most->objects * 2 > (uint64_t)item->objects_delta ? most : NULL;
}

/* -- Figures, types ---------------------------------------------------------------------------- */

static void fill_cause_types(const struct telling *t, const struct accumulation *item,
                             struct cause *cause) {
    uint32_t count = 0;
    struct cause_type *types = arena_array(&t->f->arena, TYPES_MOST, sizeof(*types));
    for (uint32_t i = 0; types && i < item->type_count && count < TYPES_MOST; i++) {
        if (item->types[i].bytes_delta <= 0)
            break;
        types[count] = item->types[i];
        types[count++].type = findings_text(t->f, "%s", item->types[i].type);
    }
    if (!types)
        err_keep_nomem(&t->f->err);
    cause->types = types;
    cause->type_count = count;
}

/* -- Judgement --------------------------------------------------------------------------------- */

static enum cause_kind growth_kind_of(const struct accumulation *item) {
    switch (item->verdict) {
    case VERDICT_LEAK:
        return item->fixed ? CAUSE_FILLING : CAUSE_LEAK;
    case VERDICT_SATURATING:
        return CAUSE_FILLING;
    case VERDICT_STEP:
        return CAUSE_STEP;
    case VERDICT_NONE:
    case VERDICT_STABLE:
    case VERDICT_SMALL:
    case VERDICT_GROWING:
    case VERDICT_SHRINKING:
    case VERDICT_INCONCLUSIVE:
        break;
    }
    return CAUSE_GROWTH;
}

/* The least growth of a cause: small against what lives is noise of a process that works. */
static uint64_t least_growth(const struct telling *t) {
    int64_t growth = t->d->c->live_delta;
    uint64_t share = rule_percent(t->d->c->live_base_bytes, t->d->limits->growth_live_percent);
    uint64_t of_all = growth > 0 ? rule_percent((uint64_t)growth, GROWTH_LEAST_PERCENT) : 0;
    return rule_max(rule_max(share, of_all), t->d->limits->growth_min_bytes);
}

/* A little of many kinds, none of them of the program: caches of the framework are filled so. */
static bool is_scattered(const struct accumulation *item) {
    return item->main == GROWTH_ROOT && item->spread_verdict != VERDICT_NONE &&
           !item->spread_mains && (uint64_t)item->bytes_delta < FRAMEWORK_LEAST;
}

/*
 * Do elements of an array refer to objects? "Segment<Shop.Order>+Slot[]" does where there are
 * orders on the heap; of numbers and structures there are none.
 */
static bool refers_to_objects(const struct telling *t, const char *array) {
    struct strbuf name;
    bool refers = false;
    strbuf_init(&name);
    for (const char *p = array; *p && !refers; p++) {
        bool part = !strchr("<>,[] ", *p);
        if (part)
            strbuf_addc(&name, *p);
        if (part && p[1] && !strchr("<>,[] ", p[1]))
            continue;
        refers = name.len && !name_is_framework(strbuf_cstr(&name)) &&
                 telling_type(t, strbuf_cstr(&name));
        strbuf_clear(&name);
    }
    findings_fail(t->f, &name.err);
    strbuf_deinit(&name);
    return refers;
}

/* An array that became larger, and not because of what is in it: room that was kept. */
static bool is_room(const struct telling *t, const struct accumulation *item) {
    const struct growth *g = &t->a->growth;
    uint32_t last = g->snapshot_count - 1;
    uint64_t elements = 0;
    int64_t more = 0;
    if (item->counted || item->enlarged == GROWTH_ROOT ||
        !name_is_array(g->nodes[item->enlarged].type))
        return false;
    for (uint32_t n = 0; n < g->node_count; n++) {
        const struct growth_node *node = &g->nodes[n];
        if (node->parent != item->enlarged || growth_is_rest(node) || !node->seen[0])
            continue;
        elements = num_add(elements, node->own_objects[last]);
        more += series_delta(node->own_objects[last], node->own_objects[0]);
    }
    if (!elements && refers_to_objects(t, g->nodes[item->enlarged].type))
        return true;
    return elements * ROOM_BYTES > g->nodes[item->enlarged].own_bytes[last] / 4 && more <= 0;
}

static enum severity growth_severity(const struct telling *t, const struct accumulation *item) {
    bool grows = item->verdict == VERDICT_LEAK || item->verdict == VERDICT_GROWING;
    /* What only a stack holds may be of a method that returns: two dumps do not tell. */
    bool returns = item->stacks_only && item->verdict != VERDICT_LEAK;
    if (!grows || returns || item->fixed || is_scattered(item) || is_room(t, item) ||
        telling_warms_up(t, item) || telling_timers_that_end(t, item))
        return SEVERITY_NOTICE;
    bool large = (uint64_t)item->bytes_delta >= rule_percent(t->d->c->live_base_bytes, 10);
    return item->verdict == VERDICT_LEAK && large && !item->stacks_only ? SEVERITY_CRITICAL
                                                                        : SEVERITY_WARNING;
}

static int64_t type_growth(const struct telling *t, const char *name) {
    const struct series_type *type = telling_type(t, name);
    return type ? series_delta(type->live_bytes[t->d->s->count - 1], type->live_bytes[0]) : 0;
}

static bool explains(const struct telling *t, const struct accumulation *item, const char *type) {
    /* The array that everything is in is part of it, new ones and larger ones. */
    if (item->container != GROWTH_ROOT && name_is_array(type) &&
        strcmp(t->a->growth.nodes[item->container].type, type) == 0)
        return true;
    for (uint32_t i = 0; i < item->type_count; i++)
        if (strcmp(item->types[i].type, type) == 0)
            return item->types[i].bytes_delta * 100 >= type_growth(t, type) * CLAIM_PERCENT;
    return false;
}

void telling_claim(const struct telling *t, const struct accumulation *item, uint32_t cause) {
    for (uint32_t i = 0; i < t->d->f->count; i++) {
        const struct finding *finding = &t->d->f->items[i];
        const struct evidence *type = cause_evidence(finding, "type");
        const struct evidence *held = cause_evidence(finding, "held_by");
        if (!cause_is_open(t->d, i, NULL))
            continue;
        if (type && type->text && explains(t, item, type->text))
            cause_claim(t->d, i, cause);
        else if (!type && held && held->text && !item->counted &&
                 str_starts(str_of(held->text), str_of(item->root)) &&
                 finding->rule == rules[RULE_growing_type])
            cause_claim(t->d, i, cause);
    }
}

/* -- All of it --------------------------------------------------------------------------------- */

void telling_measure(const struct telling *t, const struct accumulation *item,
                     struct cause *cause) {
    const struct causes *c = t->d->c;
    cause->verdict = item->verdict;
    cause->objects_delta = item->objects_delta;
    cause->bytes_delta = item->bytes_delta;
    cause->retained_bytes = item->bytes[t->a->growth.snapshot_count - 1];
    uint32_t snapshots = t->a->growth.snapshot_count;
    uint64_t *bytes = arena_array(&t->f->arena, snapshots, sizeof(*bytes));
    if (bytes)
        memcpy(bytes, item->bytes, snapshots * sizeof(*bytes));
    else
        err_keep_nomem(&t->f->err);
    cause->bytes = bytes;
    cause->share = c->live_delta > 0 ? (double)item->bytes_delta / (double)c->live_delta : 0;
    cause->share = cause->share > 1 ? 1 : cause->share;
    telling_path(t, item, cause);
    fill_cause_types(t, item, cause);
}

static void tell_growth(const struct telling *t, const struct accumulation *item) {
    if (telling_is_symptom(t, item))
        return;
    bool finalizer = telling_is_of_finalizer(item);
    struct cause *cause = cause_add(t->d, finalizer ? CAUSE_FINALIZER : growth_kind_of(item),
                                    growth_severity(t, item));
    if (!cause)
        return;
    const char *place = telling_place(t, item);
    cause->subject = place;
    telling_measure(t, item, cause);
    cause->weight = (uint64_t)item->bytes_delta;
    cause->summary = findings_text(t->f, "%s%s %s%s, %s%s%s%s.", place,
                                   telling_container(t, item, place), telling_change(t, item),
                                   telling_shape(item), say_delta(t->f, item->bytes_delta),
                                   item->counted ? " with all they hold" : "",
                                   telling_share(t, cause), telling_waiters(t, item));
    cause->next = telling_next(t, item, place);
    telling_claim(t, item, cause_last(t->d));
    telling_weak_handles(t, item, cause_last(t->d));
    telling_threads_kept(t, item, cause_last(t->d));
    if (finalizer)
        cause_claim_rule(t->d, rules[RULE_finalizer_queue_growth], NULL, cause_last(t->d));
    else
        telling_what_is_loaded(t, item, cause_last(t->d));
}

/* As many objects, a little larger: texts of numbers that become longer. Types are judged alike. */
static bool is_own_noise(const struct telling *t, const struct accumulation *item) {
    double percent = t->d->limits->growing_type_self_percent;
    return !item->counted && item->main != GROWTH_ROOT &&
           (uint64_t)item->bytes_delta < rule_percent(item->bytes[0], percent);
}

static void tell_all(struct telling *t) {
    struct diagnosis *d = t->d;
    uint64_t least = least_growth(t);
    bool enlarged = false;
    telling_fold_threads(t);
    for (uint32_t i = 0; i < t->a->count; i++) {
        const struct accumulation *item = &t->a->items[i];
        if (item->folded || is_own_noise(t, item) || (uint64_t)item->bytes_delta < least ||
            item->verdict == VERDICT_STABLE)
            continue;
        tell_growth(t, item);
        enlarged = enlarged || item->enlarged != GROWTH_ROOT;
    }
    for (uint32_t i = 0; i < d->c->count; i++)
        if (!isnan(d->c->items[i].share)) {
            cause_claim_sums(d, i, enlarged);
            return;
        }
}

bool causes_of_growth(struct diagnosis *d, struct err *err) {
    struct accumulations a;
    if (d->s->count < 2 || !d->c->live_known)
        return true;
    if (!accumulations_init(&a, d->s, err))
        return false;
    struct telling t = {.d = d, .a = &a, .f = &d->c->texts};
    strmap_init(&t.types);
    bool ok = index_types(&t, err);
    if (ok)
        tell_all(&t);
    strmap_deinit(&t.types);
    accumulations_deinit(&a);
    return ok;
}
