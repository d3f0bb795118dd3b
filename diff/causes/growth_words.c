/* Growth in words: who holds it, how it went, what to do. */
#include "diff/causes/telling.h"

#include "diff/names/names.h"
#include "diff/series/growth_places.h"
#include "diff/names/path_text.h"
#include "diff/names/runtimes.h"
#include "diff/rules/frames.h"
#include "diff/rules/hints.h"
#include "diff/rules/wait_story.h"
#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/rows_threads.h"

#include <math.h>
#include <string.h>

/* A type that grew by so much of its growth in one place grew there. */
#define ALONE_PERCENT 90
/* The field of a delegate that holds its object. */
#define DELEGATE_TARGET "_target"
#define NS_A_MS         ((uint64_t)1000000)

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

/* What several fields of an object hold is known by where that is itself: "Desk.context". */
static const char *field_of(const struct telling *t, uint32_t node, const char *name) {
    const struct growth_node *at = &t->a->growth.nodes[node];
    if (at->parent == GROWTH_ROOT)
        return pretty_root(t->f, growth_root(&t->a->growth, node));
    if (!at->edge || !*at->edge || at->edge[0] == '[' || at->edge[0] == '(')
        return name;
    return findings_text(t->f, "%s.%s", outer_type(t->f, t->a->growth.nodes[at->parent].type),
                         pretty_edge(t->f, at->edge));
}

/*
 * Is it no matter of who holds that? What many lead to is none of theirs (a cache, of the scopes
 * that know it), and a provider of services knows all there are.
 */
static bool is_aside(const struct telling *t, uint32_t node) {
    return growth_objects(&t->a->growth, node) > 0 ||
           RUNTIMES_SAY(words_begin, providers, str_of(t->a->growth.nodes[node].type));
}

/* Is it a variable, which has a name that somebody gave it, whatever it lies in? */
static bool is_variable(const struct telling *t, uint32_t node) {
    const struct growth_node *at = &t->a->growth.nodes[node];
    return at->parent != GROWTH_ROOT && at->edge && at->edge[0] && at->edge[0] != '[' &&
           at->edge[0] != '(' &&
           RUNTIMES_SAY(words_are, scopes, str_of(t->a->growth.nodes[at->parent].type));
}

/* The field by which one knows the container; item: what it holds, NULL: that is another's. */
static const char *place_of_container(const struct telling *t, const struct accumulation *item,
                                      const char *root, uint32_t at) {
    const struct growth_node *nodes = t->a->growth.nodes;
    bool several = strcmp(root, ROOT_SEVERAL) == 0;
    if (at == GROWTH_ROOT)
        return pretty_root(t->f, root);
    /* Up through what the framework has between the program's object and its container. */
    uint32_t program = at;
    while (nodes[program].parent != GROWTH_ROOT && !is_variable(t, program) &&
           name_is_framework(nodes[nodes[program].parent].type)) {
        if (is_aside(t, nodes[program].parent)) {
            program = at;
            break;
        }
        program = nodes[program].parent;
    }
    if (nodes[program].parent != GROWTH_ROOT ||
        (program != at && root[0] == 's' && !name_is_framework(telling_root_type(root))))
        at = program;
    if (nodes[at].parent == GROWTH_ROOT)
        return several ? outer_type(t->f, nodes[at].type) : pretty_root(t->f, root);
    if (is_variable(t, at))
        return findings_text(t->f, "variable %s", pretty_edge(t->f, nodes[at].edge));
    const char *holder = outer_type(t->f, nodes[nodes[at].parent].type);
    const char *edge = nodes[at].edge;
    if (edge && strcmp(edge, DELEGATE_TARGET) == 0) { /* that tells nobody what it is */
        holder = outer_type(t->f, nodes[at].type);
        edge = item ? edge_below(t, item, at) : NULL;
    }
    if (!edge || !*edge || edge[0] == '[' || edge[0] == '(')
        return field_of(t, nodes[at].parent, holder);
    return findings_text(t->f, "%s.%s", holder, pretty_edge(t->f, edge));
}

const char *telling_place(const struct telling *t, const struct accumulation *item) {
    const char *place = place_of_container(t, item, item->root, item->container);
    if (item->other == GROWTH_ROOT)
        return place;
    const char *other =
        place_of_container(t, NULL, growth_root(&t->a->growth, item->other), item->other);
    return strcmp(place, other) == 0 ? place : findings_text(t->f, "%s and %s", place, other);
}

const char *telling_shape(const struct accumulation *item) {
    switch (item->verdict) {
    case VERDICT_LEAK:
        return item->fixed     ? ", in an array that has room for them and stays as large"
               : item->counted ? ", more in every dump"
                               : ", larger in every dump";
    case VERDICT_SATURATING:
        return ", each step smaller than the one before, as of a cache that fills";
    case VERDICT_STEP:
        return ", in one jump, and stayed there";
    case VERDICT_INCONCLUSIVE:
        return ", but not steadily";
    case VERDICT_NONE:
    case VERDICT_STABLE:
    case VERDICT_SMALL:
    case VERDICT_GROWING:
    case VERDICT_SHRINKING:
        break;
    }
    return "";
}

const char *telling_share(const struct telling *t, const struct cause *cause) {
    if (isnan(cause->share) || cause->share <= 0)
        return "";
    return findings_text(t->f, ", %.0f %% of all growth", cause->share * 100);
}

const char *telling_waiters(const struct telling *t, const struct accumulation *item) {
    struct str machine = {NULL, 0};
    int64_t calls = 0;
    for (uint32_t i = 0; i < item->type_count; i++) {
        struct str boxed = name_boxed_machine(item->types[i].type);
        if (boxed.len && item->types[i].objects_delta > calls) {
            machine = boxed;
            calls = item->types[i].objects_delta;
        }
    }
    bool told = item->main != GROWTH_ROOT &&
                name_boxed_machine(t->a->growth.nodes[item->main].type).len != 0;
    uint64_t waiting = hint_calls_waiting(series_new(t->d->s), machine);
    if (told || calls < 2 || calls * 2 < item->objects_delta ||
        (waiting != ABSENT && waiting < (uint64_t)calls))
        return "";
    const char *type = findings_text(t->f, "%.*s", (int)machine.len, machine.ptr);
    return findings_text(t->f, "; %s more calls of %s wait there", say_count(t->f, (uint64_t)calls),
                         say_async_method(t->f, type));
}

/*
 * Of a type of the program that grew here alone, all that live are the figure people know. Parts of
 * the framework's containers are anywhere else as well.
 */
static void all_of_type(const struct telling *t, const char *name, uint64_t *base, uint64_t *now) {
    const struct series_type *type = name_is_inside(name) ? NULL : telling_type(t, name);
    uint32_t last = t->d->s->count - 1;
    int64_t all = type ? series_delta(type->live_objects[last], type->live_objects[0]) : 0;
    if (all <= 0 || series_delta(*now, *base) * 100 < all * ALONE_PERCENT)
        return;
    *base = type->live_objects[0];
    *now = type->live_objects[last];
}

/* Delegates and expressions of the framework that hold code made at run time. */
static const struct hint *hint_of_made(const struct accumulation *item) {
    for (uint32_t i = 0; i < item->type_count; i++) {
        const struct hint *hint = hint_find(item->types[i].type);
        if (hint && hint->symptom && item->types[i].objects_delta * 2 >= item->objects_delta)
            return hint;
    }
    return NULL;
}

/* Objects that hold loaders of their own, as many of these as of them. */
static const struct hint *hint_of_loaders(const struct telling *t,
                                          const struct accumulation *item) {
    const struct growth *g = &t->a->growth;
    if (item->main == GROWTH_ROOT || item->verdict == VERDICT_SATURATING)
        return NULL;
    for (uint32_t n = item->main; n < g->node_count; n++)
        if (name_edge_is_loader(g->nodes[n].edge) && growth_is_under(g, n, item->main) &&
            2 * growth_objects(g, n) >= growth_objects(g, item->main))
            return hint_of_edge(g->nodes[n].edge, g->nodes[n].type);
    return NULL;
}

/* Objects that say nothing by themselves, by what comes with as many of them: functions that
 * resolve promises. */
static const struct hint *hint_of_company(const struct telling *t, const struct accumulation *item,
                                          const char *type) {
    const struct growth *g = &t->a->growth;
    const struct hint *hint = NULL;
    for (uint32_t i = 0; item->main != GROWTH_ROOT && !hint && i < item->type_count; i++)
        if (item->types[i].objects_delta >= growth_objects(g, item->main))
            hint = hint_by_company(type, item->types[i].type);
    return hint;
}

/* What growth of that kind usually means; NULL: nothing special. */
static const struct hint *hint_of(const struct telling *t, const struct accumulation *item) {
    const struct growth *g = &t->a->growth;
    uint32_t node = item->main == GROWTH_ROOT ? item->container : item->main;
    if (node == GROWTH_ROOT)
        return NULL;
    /* What the framework has around its container tells what that is: a scope its disposables. */
    uint32_t top = item->container;
    while (top != GROWTH_ROOT && g->nodes[top].parent != GROWTH_ROOT &&
           name_is_framework(g->nodes[g->nodes[top].parent].type))
        top = g->nodes[top].parent;
    /* A field says what it is; of other roots the kind does. */
    if (top != GROWTH_ROOT && g->nodes[top].parent == GROWTH_ROOT &&
        !name_root_is_field(item->root))
        top = GROWTH_ROOT;
    const struct hint *hint = hint_of_loaders(t, item);
    if (!hint)
        hint = hint_between(g, g->nodes[node].type, node, top);
    if (hint && hint_is_over(hint, g, g->nodes[node].type, node, series_new(t->d->s)))
        return NULL;
    if (!hint && name_is_framework(g->nodes[node].type))
        hint = hint_of_made(item);
    return hint ? hint : hint_of_company(t, item, g->nodes[node].type);
}

const char *telling_change(const struct telling *t, const struct accumulation *item) {
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

const char *telling_container(const struct telling *t, const struct accumulation *item,
                              const char *place) {
    const struct growth_node *nodes = t->a->growth.nodes;
    if (item->container == GROWTH_ROOT)
        return "";
    const char *type = short_type(t->f, nodes[item->container].type);
    /* Of "Lifetime.registration" it is the beginning. */
    return str_starts(str_of(place), str_of(type)) ? "" : findings_text(t->f, " (%s)", type);
}

/* Whose locals they are. */
static const char *next_of_stacks(const struct telling *t, const struct accumulation *item) {
    if (item->verdict != VERDICT_LEAK)
        return "Take another dump: what only a stack holds goes when its method returns.";
    if (!item->thread)
        return "See what the methods that run on these threads keep in their locals: it goes when "
               "they return.";
    const struct thread_row *row = item->thread->rows[t->d->s->count - 1];
    struct strbuf place;
    strbuf_init(&place);
    if (row)
        stack_place(row, &place);
    const char *text = findings_text(
        t->f, "See what the methods of %s%s%s%s keep in their locals: it goes when they return.",
        say_thread(t->f, t->d->s, item->thread), place.len ? " (now in " : "", strbuf_cstr(&place),
        place.len ? ")" : "");
    findings_fail(t->f, &place.err);
    strbuf_deinit(&place);
    return text;
}

const char *telling_next(const struct telling *t, const struct accumulation *item,
                         const char *place) {
    const struct growth *g = &t->a->growth;
    if (item->verdict == VERDICT_SATURATING || item->verdict == VERDICT_STEP)
        return "Nothing yet: a later dump should find it where it is now.";
    if (item->fixed)
        return "Nothing yet: an array holds no more than it has room for; dumps farther apart tell "
               "whether a larger one takes its place.";
    if (item->verdict == VERDICT_INCONCLUSIVE)
        return "Take more dumps, after equal times or equal work.";
    if (item->stacks_only)
        return next_of_stacks(t, item);
    if (telling_warms_up(t, item))
        return "Nothing: the framework keeps so much for the threads and connections of a program "
               "that works.";
    const struct callback_row *timers = telling_timers_that_end(t, item);
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
    bool both = item->other != GROWTH_ROOT;
    return findings_text(t->f, "Look where %s %s filled, and what should empty %s%s%s%s.", place,
                         both ? "are" : "is", both ? "them" : "it", ask ? "; " : "", ask ? ask : "",
                         ask ? " shows all that holds them" : "");
}
