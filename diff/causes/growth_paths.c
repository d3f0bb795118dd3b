/* The path of a cause: who holds what, step by step, and what else hangs there. */
#include "diff/causes/telling.h"

#include <stdlib.h>

#define BRANCHES_MOST 4u

struct telling_steps {
    const struct telling *t;
    const struct growth *g;
    uint32_t last; /* number of the newest snapshot */
    uint32_t count;
    struct cause_step *steps;
    struct cause_branch *branches; /* [BRANCHES_MOST] a step */
    uint32_t *step_of;             /* [count of nodes] GROWTH_ROOT: not on the path */
};

static struct cause_held held_of(const struct telling_steps *s, const struct growth_node *node) {
    return (struct cause_held){{node->objects[0], node->objects[s->last]},
                               {node->bytes[0], node->bytes[s->last]}};
}

static const char *edge_of(const struct telling_steps *s, const struct growth_node *node) {
    const char *edge = node->parent == GROWTH_ROOT ? node->root : node->edge;
    return findings_text(s->t->f, "%s", edge ? edge : "");
}

/* "[].value of Shop.Orders" */
static const char *holder_of(const struct telling_steps *s, const struct growth_node *node,
                             uint32_t i) {
    if (node->holders[i] == GROWTH_ROOT)
        return NULL;
    const char *edge = node->holder_edges[i], *type = s->g->nodes[node->holders[i]].type;
    return edge ? findings_text(s->t->f, "%s of %s", edge, type)
                : findings_text(s->t->f, "%s", type);
}

static void fill_steps(const struct telling_steps *s, uint32_t leaf) {
    uint32_t i = s->count;
    for (uint32_t n = leaf; n != GROWTH_ROOT; n = s->g->nodes[n].parent) {
        const struct growth_node *node = &s->g->nodes[n];
        s->step_of[n] = --i;
        s->steps[i] = (struct cause_step){
            .edge = edge_of(s, node),
            .type = findings_text(s->t->f, "%s", node->type),
            .held = held_of(s, node),
            .branches = s->branches + (size_t)i * BRANCHES_MOST,
            .holders = {holder_of(s, node, 0), holder_of(s, node, 1)},
        };
    }
}

static uint64_t grew_by(const struct cause_held *held) {
    return held->bytes[1] > held->bytes[0] ? held->bytes[1] - held->bytes[0] : 0;
}

/* The largest growth first; what there is no room for is counted. */
static void add_branch(const struct telling_steps *s, uint32_t step,
                       const struct growth_node *node) {
    struct cause_branch *branches = s->branches + (size_t)step * BRANCHES_MOST;
    struct cause_step *of = &s->steps[step];
    struct cause_branch new = {node->edge, node->type, held_of(s, node)};
    uint32_t at = of->branch_count;
    if (at < BRANCHES_MOST) {
        of->branch_count++;
    } else {
        of->others++;
        if (grew_by(&new.held) <= grew_by(&branches[--at].held))
            return;
    }
    for (; at && grew_by(&branches[at - 1].held) < grew_by(&new.held); at--)
        branches[at] = branches[at - 1];
    branches[at] = new;
}

static void fill_branches(const struct telling_steps *s) {
    for (uint32_t n = 0; n < s->g->node_count; n++) {
        const struct growth_node *node = &s->g->nodes[n];
        struct cause_held held = held_of(s, node);
        if (node->parent != GROWTH_ROOT && s->step_of[n] == GROWTH_ROOT &&
            s->step_of[node->parent] != GROWTH_ROOT && !node->hung && !growth_is_rest(node) &&
            grew_by(&held))
            add_branch(s, s->step_of[node->parent], node);
    }
    /* The accumulations do not last as long as the causes. */
    for (uint32_t i = 0; i < s->count; i++)
        for (uint32_t k = 0; k < s->steps[i].branch_count; k++) {
            struct cause_branch *branch = &s->branches[(size_t)i * BRANCHES_MOST + k];
            branch->edge = findings_text(s->t->f, "%s", branch->edge ? branch->edge : "");
            branch->type = findings_text(s->t->f, "%s", branch->type);
        }
}

static void path_line(const struct telling *t, const struct accumulation *item,
                      struct cause *cause) {
    uint32_t end = item->main == GROWTH_ROOT ? item->leaf : item->main;
    struct strbuf line;
    strbuf_init(&line);
    growth_path_text_keeping(&t->a->growth, end, item->container, t->d->s->options.full_paths,
                             &line);
    cause->held_by = findings_take(t->f, &line);
}

void telling_path(const struct telling *t, const struct accumulation *item, struct cause *cause) {
    struct telling_steps s = {.t = t, .g = &t->a->growth, .last = t->d->s->count - 1};
    for (uint32_t n = item->leaf; n != GROWTH_ROOT; n = s.g->nodes[n].parent)
        s.count++;
    if (!s.count)
        return;
    s.steps = arena_array(&t->f->arena, s.count, sizeof(*s.steps));
    s.branches = arena_array(&t->f->arena, (size_t)s.count * BRANCHES_MOST, sizeof(*s.branches));
    s.step_of = malloc((size_t)s.g->node_count * sizeof(*s.step_of));
    if (s.steps && s.branches && s.step_of) {
        for (uint32_t n = 0; n < s.g->node_count; n++)
            s.step_of[n] = GROWTH_ROOT;
        fill_steps(&s, item->leaf);
        fill_branches(&s);
        cause->path = s.steps;
        cause->path_count = s.count;
        path_line(t, item, cause);
    } else {
        err_keep_nomem(&t->f->err);
    }
    free(s.step_of);
}
