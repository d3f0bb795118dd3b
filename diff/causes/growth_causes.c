/* Accumulation points as causes: what grows, who holds it, how much of all growth that is. */
#include "diff/causes/accumulation.h"

#include "diff/names/names.h"
#include "diff/names/path_text.h"
#include "base/hash.h"
#include "diff/rules/hints.h"
#include "model/known_names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A type is a symptom of the cause that has so much of its growth. */
#define CLAIM_PERCENT 50
/* [bytes] that the framework's own growth has to be, from one dump to another, to be a warning. */
#define FRAMEWORK_LEAST ((uint64_t)256 << 10)
/* [count] of its objects that are more at every dump, of which the same is true. */
#define FRAMEWORK_OBJECTS 100
/* A type that grew by so much of its growth in one place grew there. */
#define ALONE_PERCENT 90
/* Of all growth so much has to be a cause's; what is less is in what is not explained. */
#define GROWTH_LEAST_PERCENT 0.5
/* The field of a delegate that holds its object. */
#define DELEGATE_TARGET "_target"
#define NS_A_MS         ((uint64_t)1000000)
/* Of a type beside the main one so much is said. */
#define TYPES_MOST 8u

struct telling {
    struct diagnosis *d;
    struct accumulations *a;
    struct findings *f;  /* texts */
    struct strmap types; /* of the series, by name: to their number */
};

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

/* The first of that name; NULL: none. */
static const struct series_type *type_called(const struct telling *t, const char *name) {
    uint32_t number = strmap_get(&t->types, str_of(name), STR(""));
    return number == STRMAP_NONE ? NULL : &t->d->s->types[number];
}

/* "Shop.Orders" of "static Shop.Orders.All", with what follows: names are told by their beginning.
 */
static const char *root_type(const char *root) {
    const char *space = strrchr(root, ' ');
    return space ? space + 1 : root;
}

/* -- Little by its nature -------------------------------------------------------------------------
 */

/* Nothing of the program is on the way: the framework's own, which may just warm up. */
static bool is_framework_only(const struct telling *t, const struct accumulation *item) {
    const struct growth *g = &t->a->growth;
    if (name_root_is_field(item->root) && !name_is_framework(root_type(item->root)))
        return false;
    for (uint32_t i = 0; i < item->type_count; i++)
        if (!name_is_framework(item->types[i].type))
            return false;
    for (uint32_t n = item->container; n != GROWTH_ROOT; n = g->nodes[n].parent)
        if (!name_is_framework(g->nodes[n].type))
            return false;
    return true;
}

/*
 * Little of the framework's own, which warms up: a few objects more, or what it keeps for each
 * thread, of which busy programs have a few more from dump to dump.
 */
static bool is_warming_up(const struct telling *t, const struct accumulation *item) {
    bool per_thread = str_starts(str_of(item->root), STR(ROOT_THREAD_STATIC));
    return (uint64_t)item->bytes_delta < FRAMEWORK_LEAST * (per_thread ? 4 : 1) &&
           (item->verdict == VERDICT_GROWING || per_thread ||
            item->objects_delta < FRAMEWORK_OBJECTS) &&
           is_framework_only(t, item);
}

/*
 * Timers that were started once and end by themselves, later than the last dump is behind the
 * first: that there are more of them is the load, whatever else. NULL: those that grew are others.
 */
static const struct callback_row *timers_that_end(const struct telling *t,
                                                  const struct accumulation *item) {
    const struct series *s = t->d->s;
    const struct growth *g = &t->a->growth;
    if (item->main == GROWTH_ROOT || s->interval_ns == ABSENT ||
        strcmp(g->nodes[item->main].type, "System.Threading.TimerQueueTimer") != 0)
        return NULL;
    const struct callback_row *most = callback_most(series_new(s), CALLBACK_TIMER, NULL);
    bool ends = most && most->period_ms == ABSENT && most->due_ms != ABSENT &&
                most->due_ms > s->interval_ns / NS_A_MS;
    return ends && most->objects * 2 > (uint64_t)item->objects_delta ? most : NULL;
}

/* -- Words ------------------------------------------------------------------------------------- */

static const char *short_type(struct findings *f, const char *type) {
    struct strbuf text;
    strbuf_init(&text);
    path_type_text(type, &text);
    return findings_take(f, &text);
}

static const char *pretty_root(struct findings *f, const char *root) {
    struct strbuf text;
    strbuf_init(&text);
    path_text(root, NULL, 0, true, true, &text);
    return findings_take(f, &text);
}

static const char *pretty_edge(struct findings *f, const char *edge) {
    struct strbuf text;
    strbuf_init(&text);
    pretty_field(edge, &text);
    return findings_take(f, &text);
}

/* "MemoryCache" of "MemoryCache+CoherentState": what is nested in the framework says little. */
static const char *outer_type(struct findings *f, const char *type) {
    const char *name = short_type(f, type);
    size_t end = strcspn(name, "+<");
    return name_is_framework(type) && name[end] == '+' ? findings_text(f, "%.*s", (int)end, name)
                                                       : name;
}

/* By what a node leads to what grew; NULL: it does not. */
static const char *edge_below(const struct telling *t, const struct accumulation *item,
                              uint32_t node) {
    const struct growth_node *nodes = t->a->growth.nodes;
    for (uint32_t n = item->main; n != GROWTH_ROOT; n = nodes[n].parent)
        if (nodes[n].parent == node)
            return nodes[n].edge;
    return NULL;
}

/*
 * "static Shop.Orders.All", "PriceFeed.Changed": the field that holds the container, by which a
 * programmer knows it.
 */
static const char *place_of(const struct telling *t, const struct accumulation *item) {
    const struct growth_node *nodes = t->a->growth.nodes;
    const char *root = item->root;
    uint32_t at = item->container;
    bool several = strcmp(root, ROOT_SEVERAL) == 0;
    if (at == GROWTH_ROOT)
        return pretty_root(t->f, root);
    /* Up through what the framework has between the program's object and its container. */
    uint32_t program = at;
    while (nodes[program].parent != GROWTH_ROOT &&
           name_is_framework(nodes[nodes[program].parent].type))
        program = nodes[program].parent;
    if (nodes[program].parent != GROWTH_ROOT ||
        (program != at && root[0] == 's' && !name_is_framework(root_type(root))))
        at = program;
    if (nodes[at].parent == GROWTH_ROOT)
        return several ? short_type(t->f, nodes[at].type) : pretty_root(t->f, root);
    const char *holder = outer_type(t->f, nodes[nodes[at].parent].type);
    const char *edge = nodes[at].edge;
    if (edge && strcmp(edge, DELEGATE_TARGET) == 0) { /* that tells nobody what it is */
        holder = outer_type(t->f, nodes[at].type);
        edge = edge_below(t, item, at);
    }
    if (!edge || !*edge || edge[0] == '[' || edge[0] == '(')
        return holder;
    return findings_text(t->f, "%s.%s", holder, pretty_edge(t->f, edge));
}

static const char *shape_of(enum verdict verdict, bool counted) {
    switch (verdict) {
    case VERDICT_LEAK:
        return counted ? ", more in every dump" : ", larger in every dump";
    case VERDICT_SATURATING:
        return ", each step smaller than the one before, as of a cache that fills";
    case VERDICT_STEP:
        return ", in one jump, and stayed there";
    case VERDICT_INCONCLUSIVE:
        return ", but not steadily";
    case VERDICT_NONE:
    case VERDICT_STABLE:
    case VERDICT_GROWING:
    case VERDICT_SHRINKING:
        break;
    }
    return "";
}

static const char *share_text(const struct telling *t, const struct cause *cause) {
    if (isnan(cause->share) || cause->share <= 0)
        return "";
    return findings_text(t->f, ", %.0f %% of all growth", cause->share * 100);
}

/* Of a type that grew here alone, all that live are the figure people know. */
static void all_of_type(const struct telling *t, const char *name, uint64_t *base, uint64_t *now) {
    const struct series_type *type = type_called(t, name);
    uint32_t last = t->d->s->count - 1;
    int64_t all = type ? series_delta(type->live_objects[last], type->live_objects[0]) : 0;
    if (all <= 0 || series_delta(*now, *base) * 100 < all * ALONE_PERCENT)
        return;
    *base = type->live_objects[0];
    *now = type->live_objects[last];
}

/* What growth of that kind usually means; NULL: nothing special. */
static const struct hint *hint_of(const struct telling *t, const struct accumulation *item) {
    const struct growth *g = &t->a->growth;
    uint32_t node = item->main == GROWTH_ROOT ? item->container : item->main;
    return node == GROWTH_ROOT ? NULL : hint_between(g, g->nodes[node].type, node, item->container);
}

/* "went from 50 to 982 Basket handlers" */
static const char *change_of(const struct telling *t, const struct accumulation *item) {
    const struct growth_node *nodes = t->a->growth.nodes;
    uint32_t last = t->a->growth.snapshot_count - 1;
    if (item->main == GROWTH_ROOT)
        return item->type_count > 1
                   ? findings_text(t->f, "holds %s more objects of %u types",
                                   say_count(t->f, (uint64_t)item->objects_delta), item->type_count)
                   : findings_text(t->f, "holds %s more objects",
                                   say_count(t->f, (uint64_t)item->objects_delta));
    const struct growth_node *main = &nodes[item->main];
    const char *type = short_type(t->f, main->type);
    if (!item->counted)
        return findings_text(t->f, "holds a larger %s", type);
    uint64_t base = main->own_objects[0], now = main->own_objects[last];
    all_of_type(t, main->type, &base, &now);
    const struct hint *hint = hint_of(t, item);
    return findings_text(t->f, "went from %s%s to %s %s%s%s", item->at_least ? "at most " : "",
                         say_count(t->f, base), say_count(t->f, now), type,
                         hint && hint->counted ? " " : "",
                         hint && hint->counted ? hint->counted : "");
}

static const char *container_text(const struct telling *t, const struct accumulation *item,
                                  const char *place) {
    const struct growth_node *nodes = t->a->growth.nodes;
    if (item->container == GROWTH_ROOT)
        return "";
    const char *type = short_type(t->f, nodes[item->container].type);
    /* Of "Lifetime.registration" it is the beginning. */
    return str_starts(str_of(place), str_of(type)) ? "" : findings_text(t->f, " (%s)", type);
}

static const char *next_of(const struct telling *t, const struct accumulation *item,
                           const char *place) {
    const struct growth *g = &t->a->growth;
    if (item->verdict == VERDICT_SATURATING || item->verdict == VERDICT_STEP)
        return "Nothing yet: a later dump should find it where it is now.";
    if (item->verdict == VERDICT_INCONCLUSIVE)
        return "Take more dumps, after equal times or equal work.";
    if (item->stacks_only)
        return "Take another dump: what only a stack holds goes when its method returns.";
    if (is_warming_up(t, item))
        return "Nothing: the framework keeps so much for the threads and connections of a program "
               "that works.";
    const struct callback_row *timers = timers_that_end(t, item);
    if (timers)
        return findings_text(t->f,
                             "Nothing yet: %s of these timers end by themselves, %s after they are "
                             "started; dumps farther apart than that tell more.",
                             say_count(t->f, timers->objects),
                             say_seconds(t->f, timers->due_ms * NS_A_MS));
    uint32_t node = item->main == GROWTH_ROOT ? item->container : item->main;
    const char *type = node == GROWTH_ROOT ? "" : g->nodes[node].type;
    const struct hint *hint = hint_of(t, item);
    if (hint)
        return hint_next(hint, g, type, node, series_new(t->d->s), t->f);
    const char *ask = *type ? say_command(t->f, t->d->s, "--path", type) : NULL;
    return ask ? findings_text(t->f,
                               "Look where %s is filled, and what should empty it; %s shows "
                               "all that holds them.",
                               place, ask)
               : findings_text(t->f, "Look where %s is filled, and what should empty it.", place);
}

/* -- Path -------------------------------------------------------------------------------------- */

/* The steps to a node, its own last. Returns their number, which `steps` has room for. */
static uint32_t steps_to(const struct telling *t, const struct growth *g, uint32_t node,
                         struct cause_step *steps) {
    uint32_t depth = 0;
    for (uint32_t n = node; n != GROWTH_ROOT; n = g->nodes[n].parent)
        depth++;
    uint32_t i = depth;
    for (uint32_t n = node; n != GROWTH_ROOT; n = g->nodes[n].parent) {
        const char *edge = g->nodes[n].parent == GROWTH_ROOT ? g->nodes[n].root : g->nodes[n].edge;
        i--;
        if (steps)
            steps[i] = (struct cause_step){findings_text(t->f, "%s", edge ? edge : ""),
                                           findings_text(t->f, "%s", g->nodes[n].type)};
    }
    return depth;
}

static void fill_path(const struct telling *t, const struct accumulation *item,
                      struct cause *cause) {
    const struct growth *g = &t->a->growth;
    uint32_t depth = steps_to(t, g, item->leaf, NULL);
    struct cause_step *steps = arena_array(&t->f->arena, (size_t)depth + 1, sizeof(*steps));
    if (!steps)
        err_keep_nomem(&t->f->err);
    if (!steps || !depth)
        return;
    cause->path_count = steps_to(t, g, item->leaf, steps);
    cause->path = steps;
    uint32_t end = item->main == GROWTH_ROOT ? item->leaf : item->main;
    struct strbuf line;
    strbuf_init(&line);
    growth_path_text_keeping(g, end, item->container, t->d->s->options.full_paths, &line);
    cause->held_by = findings_take(t->f, &line);
}

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
        return CAUSE_LEAK;
    case VERDICT_SATURATING:
        return CAUSE_FILLING;
    case VERDICT_STEP:
        return CAUSE_STEP;
    case VERDICT_NONE:
    case VERDICT_STABLE:
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

static enum severity growth_severity(const struct telling *t, const struct accumulation *item) {
    bool grows = item->verdict == VERDICT_LEAK || item->verdict == VERDICT_GROWING;
    if (!grows || item->stacks_only || is_warming_up(t, item) || timers_that_end(t, item))
        return SEVERITY_NOTICE;
    bool large = (uint64_t)item->bytes_delta >= rule_percent(t->d->c->live_base_bytes, 10);
    return item->verdict == VERDICT_LEAK && large ? SEVERITY_CRITICAL : SEVERITY_WARNING;
}

static int64_t type_growth(const struct telling *t, const char *name) {
    const struct series_type *type = type_called(t, name);
    return type ? series_delta(type->live_bytes[t->d->s->count - 1], type->live_bytes[0]) : 0;
}

static bool explains(const struct telling *t, const struct accumulation *item, const char *type) {
    for (uint32_t i = 0; i < item->type_count; i++)
        if (strcmp(item->types[i].type, type) == 0)
            return item->types[i].bytes_delta * 100 >= type_growth(t, type) * CLAIM_PERCENT;
    return false;
}

/* Findings about a type that grew here for the most part. */
static void claim_types(const struct telling *t, const struct accumulation *item, uint32_t cause) {
    for (uint32_t i = 0; i < t->d->f->count; i++) {
        const struct finding *finding = &t->d->f->items[i];
        const struct evidence *type = cause_evidence(finding, "type");
        const struct evidence *held = cause_evidence(finding, "held_by");
        if (!cause_is_open(t->d, i, NULL))
            continue;
        if (type && type->text && explains(t, item, type->text))
            cause_claim(t->d, i, cause);
        else if (!type && held && item->main == GROWTH_ROOT &&
                 finding->rule == rules[RULE_growing_type])
            cause_claim(t->d, i, cause);
    }
}

/* -- All of it --------------------------------------------------------------------------------- */

static void measure(const struct telling *t, const struct accumulation *item, struct cause *cause) {
    const struct causes *c = t->d->c;
    cause->verdict = item->verdict;
    cause->objects_delta = item->objects_delta;
    cause->bytes_delta = item->bytes_delta;
    cause->retained_bytes = item->bytes[t->a->growth.snapshot_count - 1];
    cause->share = c->live_delta > 0 ? (double)item->bytes_delta / (double)c->live_delta : 0;
    cause->share = cause->share > 1 ? 1 : cause->share;
    fill_path(t, item, cause);
    fill_cause_types(t, item, cause);
}

/* What waits for its finalizer is a matter of the finalizer thread, where that is a cause. */
static bool tell_with_finalizer(const struct telling *t, const struct accumulation *item) {
    struct causes *c = t->d->c;
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->items[i].kind != CAUSE_FINALIZER)
            continue;
        measure(t, item, &c->items[i]);
        claim_types(t, item, i);
        return true;
    }
    return false;
}

/* What waits for a semaphore hangs on it: the same story, where that is a cause. */
static bool tell_with_semaphore(const struct telling *t, const struct accumulation *item) {
    struct causes *c = t->d->c;
    bool waits = false;
    for (uint32_t n = item->main; n != GROWTH_ROOT; n = t->a->growth.nodes[n].parent)
        waits = waits || strcmp(t->a->growth.nodes[n].type, CAUSE_SEMAPHORE) == 0;
    for (uint32_t i = 0; waits && i < c->count; i++) {
        if (strcmp(c->items[i].subject, CAUSE_SEMAPHORE) != 0 || c->items[i].path_count)
            continue;
        measure(t, item, &c->items[i]);
        c->items[i].subject = place_of(t, item);
        claim_types(t, item, i);
        return true;
    }
    return false;
}

static void tell_growth(const struct telling *t, const struct accumulation *item) {
    if (tell_with_semaphore(t, item))
        return;
    bool finalizer = strcmp(item->root, ROOT_FINALIZER) == 0 && item->container == GROWTH_ROOT;
    if (finalizer && tell_with_finalizer(t, item))
        return;
    struct cause *cause = cause_add(t->d, finalizer ? CAUSE_FINALIZER : growth_kind_of(item),
                                    growth_severity(t, item));
    if (!cause)
        return;
    const char *place = place_of(t, item);
    cause->subject = place;
    measure(t, item, cause);
    cause->weight = (uint64_t)item->bytes_delta;
    cause->summary = findings_text(
        t->f, "%s%s %s%s, %s%s%s.", place, container_text(t, item, place), change_of(t, item),
        shape_of(item->verdict, item->counted), say_delta(t->f, item->bytes_delta),
        item->counted ? " with all they hold" : "", share_text(t, cause));
    cause->next = next_of(t, item, place);
    claim_types(t, item, cause_last(t->d));
    if (finalizer)
        cause_claim_rule(t->d, rules[RULE_finalizer_queue_growth], NULL, cause_last(t->d));
}

static void tell_all(struct telling *t) {
    struct diagnosis *d = t->d;
    uint64_t least = least_growth(t);
    bool enlarged = false;
    for (uint32_t i = 0; i < t->a->count; i++) {
        const struct accumulation *item = &t->a->items[i];
        if ((uint64_t)item->bytes_delta < least || item->verdict == VERDICT_STABLE)
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
