#include "diff/rules/hints.h"

#include "base/num.h"
#include "diff/names/path_text.h"
#include "diff/names/names.h"
#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* -- Matching ---------------------------------------------------------------------------------- */

static bool hints_matches(const char *const *names, const char *text) {
    for (int i = 0; text && i < HINT_NAMES_MAX && names[i]; i++) {
        bool anywhere = names[i][0] == '*';
        if (anywhere ? strstr(text, names[i] + 1) != NULL
                     : strncmp(text, names[i], strlen(names[i])) == 0)
            return true;
    }
    return false;
}

const struct hint *hint_at(size_t number) {
    for (size_t r = 0; runtime_table[r]; r++)
        for (const struct hint *hint = runtime_table[r]->hints; hint && hint->id; hint++)
            if (number-- == 0)
                return hint;
    return NULL;
}

/* More telling hints come first where a type has several. */
static const struct hint *of_type(const char *type) {
    const struct hint *hint;
    for (size_t i = 0; (hint = hint_at(i)); i++)
        if (hints_matches(hint->types, type))
            return hint;
    return NULL;
}

static bool leads_there(const struct hint *hint, const char *type) {
    return !hint->leads_to || strncmp(type, hint->leads_to, strlen(hint->leads_to)) == 0;
}

const struct hint *hint_of_edge(const char *edge, const char *type) {
    const struct hint *hint;
    for (size_t i = 0; (hint = hint_at(i)); i++)
        if (hints_matches(hint->edges, edge) && leads_there(hint, type))
            return hint;
    return NULL;
}

static const struct hint *of_root(const char *root, const char *held) {
    const struct hint *hint;
    for (size_t i = 0; (hint = hint_at(i)); i++)
        if (hints_matches(hint->roots, root) && leads_there(hint, held) &&
            (!hint->held || strcmp(hint->held, held) == 0))
            return hint;
    return NULL;
}

/* What its field says of a container, in the words of the program. */
static const struct hint *of_field(const struct growth_node *at) {
    const struct hint *found =
        at->parent == GROWTH_ROOT ? of_root(at->root, at->type) : hint_of_edge(at->edge, at->type);
    return found && found->leads_to ? found : NULL;
}

const struct hint *hint_by_company(const char *type, const char *company) {
    const struct hint *hint;
    for (size_t i = 0; (hint = hint_at(i)); i++)
        if (hint->company_of && strcmp(hint->company_of, type) == 0 &&
            hints_matches(hint->types, company))
            return hint;
    return NULL;
}

const struct hint *hint_find(const char *name) {
    const struct hint *hint;
    for (size_t i = 0; (hint = hint_at(i)); i++)
        if (strcmp(hint->id, name) == 0)
            return hint;
    return strchr(name, '.') ? of_type(name) : NULL;
}

/* A machine that lies in no box awaits nothing: somebody iterates, and keeps where he is. */
static bool is_iterator(const struct growth *g, const char *type, uint32_t node) {
    return node != GROWTH_ROOT && strcmp(type, g->nodes[node].type) == 0 &&
           name_machine(type).len && !name_boxed_machine(type).len &&
           g->nodes[node].parent != GROWTH_ROOT && !name_edge_is_machine(g->nodes[node].edge);
}

const struct hint *hint_between(const struct growth *g, const char *type, uint32_t node,
                                uint32_t top) {
    const struct hint *found = is_iterator(g, type, node) ? NULL : of_type(type);
    for (uint32_t n = node; !found && n != GROWTH_ROOT; n = g->nodes[n].parent) {
        const struct growth_node *at = &g->nodes[n];
        if (n != node)
            found = of_type(at->type);
        if (n == top) {
            found = found ? found : of_field(at);
            break;
        }
        if (!found)
            found = at->parent == GROWTH_ROOT ? of_root(at->root, at->type)
                                              : hint_of_edge(at->edge, at->type);
    }
    return found;
}

const struct hint *hint_for(const struct growth *g, const char *type, uint32_t node) {
    return hint_between(g, type, node, GROWTH_ROOT);
}

/* -- Naming ------------------------------------------------------------------------------------ */

/* The first delegate with several handlers on the way to a node; NULL: there is none. */
static const struct growth_node *event_above(const struct hint *hint, const struct growth *g,
                                             uint32_t node) {
    uint32_t handlers = GROWTH_ROOT;
    for (uint32_t n = node; n != GROWTH_ROOT; n = g->nodes[n].parent)
        if (hints_matches(hint->edges, g->nodes[n].edge))
            handlers = g->nodes[n].parent;
    return handlers == GROWTH_ROOT ? NULL : &g->nodes[handlers];
}

/* "the event Store.Rates.Changed": the field that holds the delegate. */
static bool add_publisher(const struct growth *g, const struct growth_node *delegate,
                          struct strbuf *out) {
    if (delegate->parent == GROWTH_ROOT) {
        struct str root = str_of(delegate->root);
        bool is_static = str_starts(root, STR(ROOT_STATIC));
        strbuf_adds(out, "the event ");
        strbuf_add(out, is_static ? str_drop(root, STR(ROOT_STATIC).len) : root);
        return is_static;
    }
    strbuf_adds(out, "the event ");
    path_type_text(g->nodes[delegate->parent].type, out);
    strbuf_addf(out, ".%s", delegate->edge);
    return true;
}

/* Whether an edge is how the source calls elements, and no name. */
static bool is_named_edge(const char *edge) {
    return edge && *edge && edge[0] != '[' && edge[0] != '(';
}

/*
 * "the event price of EventEmitter (bus)": listeners are kept by name, below the edge of the hint.
 * The nearest one above the node that has a name counts.
 */
static bool add_emitter(const struct hint *hint, const struct growth *g, uint32_t node,
                        struct strbuf *out) {
    uint32_t below = GROWTH_ROOT, table = node;
    for (; table != GROWTH_ROOT && !hints_matches(hint->edges, g->nodes[table].edge);
         table = g->nodes[table].parent)
        below = table;
    if (table == GROWTH_ROOT || g->nodes[table].parent == GROWTH_ROOT)
        return false;
    const struct growth_node *emitter = &g->nodes[g->nodes[table].parent];
    bool named = below != GROWTH_ROOT && is_named_edge(g->nodes[below].edge) &&
                 strcmp(g->nodes[below].edge, "table") != 0; /* of a Map, which has no names */
    strbuf_addf(out, "the event%s%s of ", named ? " " : "", named ? g->nodes[below].edge : "s");
    path_type_text(emitter->type, out);
    if (is_named_edge(emitter->edge))
        strbuf_addf(out, " (%s)", emitter->edge);
    return true;
}

/* "Market.listeners", or "static Shop.Market.listeners": the nearest field above the node. */
static bool add_field(const struct hint *hint, const struct growth *g, uint32_t node,
                      struct strbuf *out) {
    uint32_t n = node;
    for (; n != GROWTH_ROOT; n = g->nodes[n].parent) {
        const struct growth_node *at = &g->nodes[n];
        bool top = at->parent == GROWTH_ROOT;
        if (leads_there(hint, at->type) &&
            hints_matches(top ? hint->roots : hint->edges, top ? at->root : at->edge))
            break;
    }
    if (n == GROWTH_ROOT)
        return false;
    if (g->nodes[n].parent == GROWTH_ROOT) {
        pretty_field(g->nodes[n].root, out);
        return true;
    }
    path_type_text(g->nodes[g->nodes[n].parent].type, out);
    strbuf_addf(out, ".%s", g->nodes[n].edge);
    return true;
}

const struct callback_row *callback_most(const struct snapshot *newest, const char *kind,
                                         const char *type) {
    SNAPSHOT_ROWS(newest, PART_CALLBACKS, struct callback_row, rows, count);
    const struct callback_row *most = NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct callback_row *row = &rows[i];
        if (!row->kind || !row->method || !*row->method || strcmp(row->kind, kind) != 0 ||
            (type && (!row->type || strcmp(row->type, type) != 0)))
            continue;
        if (!most || row->objects > most->objects)
            most = row;
    }
    return most;
}

/* "every 5 s", "once, 30 s after the start" */
static void add_times(const struct callback_row *row, struct findings *f, struct strbuf *out) {
    if (row->period_ms != ABSENT && row->period_ms)
        strbuf_addf(out, " every %s", say_seconds(f, row->period_ms * 1000000));
    else if (row->due_ms != ABSENT)
        strbuf_addf(out, " once, %s after each is started", say_seconds(f, row->due_ms * 1000000));
}

/* " (1,200 call Shop.Basket.OnPrice)"; false: not known, and nothing added. */
static bool add_callback(const struct snapshot *newest, const char *kind, const char *type,
                         struct findings *f, struct strbuf *out) {
    const struct callback_row *row = newest ? callback_most(newest, kind, type) : NULL;
    if (!row)
        return false;
    struct strbuf method;
    strbuf_init(&method);
    pretty_method(row->method, &method);
    strbuf_addf(out, " (%s call%s %s", say_count(f, row->objects), row->objects == 1 ? "s" : "",
                strbuf_cstr(&method));
    add_times(row, f, out);
    strbuf_addc(out, ')');
    strbuf_fail(out, &method.err);
    strbuf_deinit(&method);
    return true;
}

/* Where most state machines of a type wait: " (9,800 of 10,000 at its await 2)". */
static void add_await(const struct snapshot *newest, struct str machine, struct findings *f,
                      struct strbuf *out) {
    SNAPSHOT_ROWS(newest, PART_ASYNC, struct async_row, rows, count);
    const struct async_row *most = NULL;
    uint64_t all = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!rows[i].type || !str_eq(str_of(rows[i].type), machine))
            continue;
        all = num_add(all, rows[i].objects);
        if (rows[i].await != ABSENT && rows[i].await && (!most || rows[i].objects > most->objects))
            most = &rows[i];
    }
    if (most)
        strbuf_addf(out, " (%s of %s at its await %" PRIu64 ")", say_count(f, most->objects),
                    say_count(f, all), most->await);
}

uint64_t hint_calls_waiting(const struct snapshot *newest, struct str machine) {
    if (!newest || !snapshot_has(newest, PART_ASYNC))
        return ABSENT;
    SNAPSHOT_ROWS(newest, PART_ASYNC, struct async_row, rows, count);
    uint64_t all = 0;
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].type && str_eq(str_of(rows[i].type), machine))
            all = num_add(all, rows[i].objects);
    return all;
}

/* The state machine of a type; else the nearest of those that hold the node. */
static struct str machine_above(const struct growth *g, const char *type, uint32_t node) {
    struct str machine = name_machine(type);
    for (uint32_t n = node; !machine.len && n != GROWTH_ROOT; n = g->nodes[n].parent)
        machine = name_machine(g->nodes[n].type);
    return machine;
}

/* The state machine of a type; else the first of what the node holds. Nodes stand behind their
 * parents. */
static struct str machine_below(const struct growth *g, const char *type, uint32_t node,
                                struct findings *f) {
    struct str machine = name_machine(type);
    if (machine.len || node == GROWTH_ROOT)
        return machine;
    bool *below = calloc(g->node_count - node, sizeof(*below));
    if (!below)
        err_keep_nomem(&f->err);
    for (uint32_t n = node; below && !machine.len && n < g->node_count; n++) {
        uint32_t parent = g->nodes[n].parent;
        below[n - node] =
            n == node || (parent != GROWTH_ROOT && parent >= node && below[parent - node]);
        if (below[n - node])
            machine = name_machine(g->nodes[n].type);
    }
    free(below);
    return machine;
}

/* "async Worker.RunAsync"; returns the machine. */
static struct str add_method(struct str machine, struct strbuf *out) {
    if (!machine.len)
        return machine;
    struct strbuf name, brief;
    strbuf_init(&name);
    strbuf_init(&brief);
    strbuf_add(&name, machine);
    path_short_type(strbuf_cstr(&name), &brief);
    pretty_type(strbuf_cstr(&brief), true, out);
    strbuf_fail(out, &name.err);
    strbuf_fail(out, &brief.err);
    strbuf_deinit(&name);
    strbuf_deinit(&brief);
    return machine;
}

bool hint_is_over(const struct hint *hint, const struct growth *g, const char *type, uint32_t node,
                  const struct snapshot *newest) {
    struct str machine = {NULL, 0};
    if (hint->names == HINT_NAMES_METHOD)
        machine = machine_above(g, type, node);
    return machine.len && hint_calls_waiting(newest, machine) == 0;
}

const char *hint_next(const struct hint *hint, const struct growth *g, const char *type,
                      uint32_t node, const struct snapshot *newest, struct findings *f) {
    if (hint_is_over(hint, g, type, node, newest))
        return findings_text(f, "Let go of these tasks when they are done: no call waits any more, "
                                "and each keeps its result.");
    const char *place = strstr(hint->next, "%s");
    const struct growth_node *event;
    struct str machine = {NULL, 0};
    struct strbuf name;
    strbuf_init(&name);
    bool named = false;
    switch (hint->names) {
    case HINT_NAMES_PUBLISHER:
        event = event_above(hint, g, node);
        named = event && add_publisher(g, event, &name);
        if (named)
            add_callback(newest, CALLBACK_HANDLER, event->type, f, &name);
        break;
    case HINT_NAMES_EMITTER:
        named = add_emitter(hint, g, node, &name);
        break;
    case HINT_NAMES_FIELD:
        named = add_field(hint, g, node, &name);
        break;
    case HINT_NAMES_METHOD:
        machine = add_method(machine_above(g, type, node), &name);
        break;
    case HINT_NAMES_AWAITER:
        strbuf_adds(&name, ": what waits is ");
        machine = add_method(machine_below(g, type, node, f), &name);
        break;
    case HINT_NAMES_TIMERS:
        named = add_callback(newest, CALLBACK_TIMER, NULL, f, &name);
        break;
    case HINT_NAMES_REGISTRATIONS:
        named = add_callback(newest, CALLBACK_REGISTRATION, NULL, f, &name);
        break;
    case HINT_NAMES_NOTHING:
        break;
    }
    named |= machine.len != 0;
    if (machine.len && newest)
        add_await(newest, machine, f, &name);
    if (!named) {
        strbuf_clear(&name);
        strbuf_adds(&name, hint->unnamed ? hint->unnamed : "");
    }
    const char *text = place ? findings_text(f, "%.*s%s%s (explain %s)", (int)(place - hint->next),
                                             hint->next, strbuf_cstr(&name), place + 2, hint->id)
                             : findings_text(f, "%s (explain %s)", hint->next, hint->id);
    findings_fail(f, &name.err);
    strbuf_deinit(&name);
    return text;
}
