/*
 * What refers to the things that are waited for: a task knows what goes on when it is done, but
 * what goes on does not know the task.
 */
#include "dotnet/waits_internal.h"

#include "base/vec.h"
#include "dotnet/async.h"
#include "model/known_names.h"
#include "model/rows_threads.h"

#include <stdlib.h>
#include <string.h>

/* Tasks that are looked at: more make chains end early. */
#define TASKS_MAX 2000000u
/* Async waiters of one semaphore that are counted, and asked what they are. */
#define WAITERS_MAX   1000000u
#define WAITERS_ASKED 100u
/* Nearly all references of a heap lead to none of the things: most are told apart by a bit. */
#define SIEVE_BITS 8192u
/* [count] Live objects of a type from which on it costs more to look at them than to ask its name.
 */
#define NAME_ASKED_FROM 100u

/* -- Tasks before continuations ---------------------------------------------------------------- */

static bool note_link(struct waits *w, struct u64map *map, uint64_t from, uint64_t to) {
    if (w->task_count >= TASKS_MAX)
        return true;
    if (!VEC_ROOM(w->tasks, w->task_count, w->task_capacity, NULL) ||
        !u64map_put(map, from, w->task_count))
        return false;
    w->tasks[w->task_count++] = to;
    return true;
}

static bool visit_task(void *context, uint32_t type, uint64_t object, uint64_t size_bytes) {
    struct waits *w = context;
    (void)size_bytes;
    const struct wait_class *c =
        wait_things_class_of(&w->things, w->heap->heap.graph.types[type].id);
    if (!c)
        return false;
    if (c->thing == THING_SEMAPHORE) {
        uint64_t node = wait_field_object(&w->things, object, "m_asyncHead");
        return !node || note_link(w, &w->semaphore_of, node, object);
    }
    if (wait_task_flags(&w->things, object) & TASK_COMPLETED)
        return true;
    uint64_t continuation;
    uint32_t at = 0;
    while ((continuation = wait_task_continuation(&w->things, object, &at)))
        if (continuation > 1 && !note_link(w, &w->task_of, continuation, object))
            return false;
    return true;
}

/* Visits live objects of the classes that are tasks or semaphores, or boxes of `box_mt` alone. */
static void visit_live(struct waits *w, uint64_t box_mt,
                       bool (*visit)(void *, uint32_t, uint64_t, uint64_t), void *context) {
    const struct graph *g = &w->heap->heap.graph;
    bool *of_type = calloc((size_t)g->type_count + 1, sizeof(*of_type));
    if (!of_type) {
        err_keep_nomem(&w->things.err);
        return;
    }
    for (uint32_t i = 0; i < g->type_count; i++) {
        if (!w->heap->heap.live[i].objects)
            continue;
        const struct wait_class *c =
            box_mt ? NULL : wait_things_class_of(&w->things, g->types[i].id);
        of_type[i] = box_mt ? g->types[i].id == box_mt
                            : c && (c->thing == THING_TASK || c->thing == THING_SEMAPHORE);
    }
    struct err err = {0};
    if (!clr_heap_visit_live(w->heap, of_type, visit, context, &err))
        err_keep(&w->things.err, &err);
    free(of_type);
}

static void read_tasks(struct waits *w) {
    if (w->tasks_read || !w->heap)
        return;
    w->tasks_read = true;
    visit_live(w, 0, visit_task, w);
}

static uint64_t link_of(const struct waits *w, const struct u64map *map, uint64_t from) {
    uint32_t number = u64map_get(map, from);
    return number == STRMAP_NONE ? 0 : w->tasks[number];
}

uint64_t waits_task_before(struct waits *w, uint64_t continuation) {
    read_tasks(w);
    return link_of(w, &w->task_of, continuation);
}

/* -- Semaphores -------------------------------------------------------------------------------- */

uint64_t waits_semaphore_of(struct waits *w, uint64_t node) {
    read_tasks(w);
    for (uint32_t i = 0; i < WAITERS_MAX && clr_spend(w->clr, 1); i++) {
        uint64_t before = wait_field_object(&w->things, node, "Prev");
        if (!before)
            return link_of(w, &w->semaphore_of, node);
        node = before;
    }
    return 0;
}

/* The method of the program that an async waiter goes on with. */
static uint64_t box_behind(struct waits *w, uint64_t node) {
    for (uint32_t depth = 0; node && depth < 4; depth++) {
        uint32_t at = 0;
        uint64_t box =
            wait_continuation_box(&w->things, wait_task_continuation(&w->things, node, &at));
        if (!box)
            return 0;
        uint64_t mt;
        struct strbuf name;
        strbuf_init(&name);
        bool own = clr_object_mt(w->clr, box, &mt);
        if (own)
            type_name(w->m, mt, &name);
        own = own && !strstr(strbuf_cstr(&name), "System.Threading.SemaphoreSlim+<");
        strbuf_deinit(&name);
        if (own)
            return box;
        node = box;
    }
    return 0;
}

struct holder_search {
    struct waits *w;
    struct async_box type;
    uint64_t await, owner; /* where they wait; `this` of the method */
    uint32_t this_at;      /* from the start of the machine's fields; UINT32_MAX: it has none */
    uint64_t found;
    uint32_t count;
};

static uint64_t this_of(const struct holder_search *s, uint64_t box) {
    uint64_t machine = async_box_machine(s->w->clr, &s->type, box), object;
    return s->this_at != UINT32_MAX && machine && clr_word(s->w->clr, machine + s->this_at, &object)
               ? object
               : 0;
}

static bool visit_holder(void *context, uint32_t type, uint64_t box, uint64_t size_bytes) {
    struct holder_search *s = context;
    (void)type;
    (void)size_bytes;
    uint64_t await = async_box_await(s->w->clr, &s->type, box);
    if (await == ABSENT || await <= s->await || this_of(s, box) != s->owner)
        return true;
    s->found = box;
    s->count++;
    return true;
}

/* The only other call of a waiter's method that has come further. */
static uint64_t further_than(struct waits *w, uint64_t waiter) {
    struct holder_search s = {.w = w, .this_at = UINT32_MAX};
    uint64_t mt;
    if (!clr_object_mt(w->clr, waiter, &mt))
        return 0;
    s.type = async_box_of(w->m, mt);
    s.await = async_box_await(w->clr, &s.type, waiter);
    if (s.await == ABSENT || !s.await)
        return 0;
    uint32_t at = type_field_offset(w->m, s.type.machine_mt, "<>4__this");
    s.this_at = at ? at - w->clr->word : UINT32_MAX;
    s.owner = this_of(&s, waiter);
    visit_live(w, mt, visit_holder, &s);
    return s.count == 1 ? s.found : 0;
}

uint64_t waits_semaphore_holder(struct waits *w, uint64_t semaphore, uint64_t *ret_waiters) {
    uint64_t node = wait_field_object(&w->things, semaphore, "m_asyncHead");
    uint64_t holder = 0, asked[4] = {0};
    uint32_t asked_count = 0;
    for (uint32_t i = 0; node && i < WAITERS_MAX && clr_spend(w->clr, 1); i++) {
        ++*ret_waiters;
        uint64_t box = i < WAITERS_ASKED && !holder && w->heap ? box_behind(w, node) : 0, mt = 0;
        if (box && clr_object_mt(w->clr, box, &mt)) {
            bool known = false;
            for (uint32_t k = 0; k < asked_count; k++)
                known = known || asked[k] == mt;
            if (!known && asked_count < sizeof(asked) / sizeof(*asked)) {
                asked[asked_count++] = mt;
                holder = further_than(w, box);
            }
        }
        node = wait_field_object(&w->things, node, "Next");
    }
    return holder;
}

/* -- Names ------------------------------------------------------------------------------------- */

/* Numbers of locks among those of things: there are no more than WAITS_MAX of these. */
#define LOCKS_FROM (2 * WAITS_MAX)

/* Slots of objects, each with the number of a row. */
struct named_slots {
    struct u64map rows;
    uint64_t sieve[SIEVE_BITS / 64]; /* a bit for each slot modulo SIEVE_BITS */
};

struct naming {
    struct waits *w;
    struct named_slots things, sources; /* sources: of what only wraps a thing */
    uint32_t *same; /* of each row of PART_WAITS one that is in the same container, or itself; NULL:
                       not asked yet */
    uint32_t left;  /* [count] things and locks that have no name */
    struct strbuf text;
};

static bool named_slots_put(struct named_slots *s, uint64_t slot, uint32_t row, struct err *err) {
    s->sieve[slot % SIEVE_BITS / 64] |= (uint64_t)1 << (slot % 64);
    return u64map_put(&s->rows, slot, row) || err_nomem(err);
}

/* STRMAP_NONE: of none. */
static inline uint32_t named_slots_get(const struct named_slots *s, uint64_t slot) {
    return s->sieve[slot % SIEVE_BITS / 64] >> (slot % 64) & 1 ? u64map_get(&s->rows, slot)
                                                               : STRMAP_NONE;
}

static struct wait_row *waits_row(struct waits *w, uint32_t number) {
    uint32_t count;
    return &((struct wait_row *)builder_rows(w->b, PART_WAITS, &count))[number];
}

/* What wraps a task of which it is the source, or the semaphores of a collection. */
static bool is_source(struct clr_heap *h, uint32_t type) {
    const struct heap_source *s = h->heap.source;
    struct str name = str_of(s->names.type(s->names.context, type));
    return str_starts(name, STR("System.Threading.Tasks.TaskCompletionSource")) ||
           str_starts(name, STR("System.Collections.Concurrent.BlockingCollection<"));
}

static bool is_of_framework(const char *type) {
    return strncmp(type, "System.", 7) == 0 || strncmp(type, "Microsoft.", 10) == 0;
}

/* Where the name of a thing or, from LOCKS_FROM on, of a lock is kept. */
static const char **name_place(struct waits *w, uint32_t number) {
    uint32_t count;
    struct lock_row *locks = builder_rows(w->b, PART_LOCKS, &count);
    return number < LOCKS_FROM ? &waits_row(w, number)->name : &locks[number - LOCKS_FROM].name;
}

static bool keep_name(struct naming *n, uint32_t number, struct err *err) {
    const char **place = name_place(n->w, number);
    *place = builder_string(n->w->b, strbuf_str(&n->text), err);
    n->left -= *place != NULL;
    return *place != NULL;
}

static bool name_holder(struct naming *n, const struct graph_object *holder, uint32_t edge,
                        uint32_t number, struct err *err) {
    const struct path_names *names = &n->w->heap->heap.source->names;
    const char *type = names->type(names->context, holder->class->type);
    if (*name_place(n->w, number) || is_of_framework(type))
        return true;
    strbuf_clear(&n->text);
    strbuf_adds(&n->text, type);
    const char *field = names->edge(names->context, holder->class->type, edge);
    strbuf_addf(&n->text, "%s%s", *field == '[' ? "" : ".", field);
    return keep_name(n, number, err);
}

/* Can objects of the type give a name, or wrap what has none? */
static bool is_naming(struct clr_heap *h, uint32_t type, bool wrapped) {
    const struct path_names *names = &h->heap.source->names;
    uint64_t live = h->heap.live[type].objects;
    if (live < NAME_ASKED_FROM)
        return live != 0;
    return !is_of_framework(names->type(names->context, type)) || (!wrapped && is_source(h, type));
}

/* Classes of those types; a flag each. NULL: out of memory. */
static bool *naming_classes(const struct naming *n, bool wrapped) {
    const struct graph *g = &n->w->heap->heap.graph;
    const uint32_t flags = CLASS_OBJECT | CLASS_LISTED;
    bool *of_type = calloc((size_t)g->type_count + 1, sizeof(*of_type));
    bool *classes = of_type ? calloc((size_t)g->class_count + 1, sizeof(*classes)) : NULL;
    for (uint32_t i = 0; classes && i < g->type_count; i++)
        of_type[i] = is_naming(n->w->heap, i, wrapped);
    for (uint32_t i = 0; classes && i < g->class_count; i++)
        classes[i] = (g->classes[i].flags & flags) == flags && of_type[g->classes[i].type];
    free(of_type);
    return classes;
}

/* An object refers to the thing of a row, or to what wraps it. */
static bool name_reference(struct naming *n, bool wrapped, const struct graph_object *object,
                           uint32_t edge, uint32_t number, struct err *err) {
    if (wrapped || !is_source(n->w->heap, object->class->type))
        return name_holder(n, object, edge, number, err);
    return named_slots_put(&n->sources, object->slot, number, err);
}

static bool name_references(struct naming *n, bool wrapped, const struct graph_object *object,
                            struct err *err) {
    const struct graph *g = &n->w->heap->heap.graph;
    const struct named_slots *slots = wrapped ? &n->sources : &n->things;
    struct graph_cursor cursor;
    uint64_t to;
    uint32_t edge;
    graph_open_list(g, graph_list_of(g, object->rank), &cursor);
    while (graph_reference(&cursor, &to, &edge)) {
        uint32_t number = named_slots_get(slots, to);
        if (number != STRMAP_NONE && !name_reference(n, wrapped, object, edge, number, err))
            return false;
    }
    return true;
}

/* wrapped: what refers to the sources that the first round found, else to the things themselves. */
static bool name_referred(struct naming *n, bool wrapped, struct err *err) {
    const struct graph *g = &n->w->heap->heap.graph;
    if (!n->left || (wrapped && !n->sources.rows.count))
        return true;
    bool *classes = naming_classes(n, wrapped);
    bool ok = classes != NULL || err_nomem(err);
    struct graph_walk each = {.classes = classes};
    struct graph_object object;
    while (ok && n->left && graph_each(g, &each, &object))
        if (classes[object.class - g->classes] && graph_is_met(g, object.rank))
            ok = name_references(n, wrapped, &object, err);
    free(classes);
    return ok;
}

/* -- Sources that are kept in a container -------------------------------------------------------
 */

/* From the source over the parts of a container to who has that: so many steps. */
#define CONTAINER_STEPS 6u

static bool is_container(const char *type) {
    return strncmp(type, "System.Collections.", 19) == 0 || str_ends(str_of(type), STR("[]"));
}

static uint32_t same_row(const struct naming *n, uint32_t row) {
    while (n->same && row < LOCKS_FROM && n->same[row] != row)
        row = n->same[row];
    return row;
}

/* What is in one container is named once, by the first. */
static bool put_in_container(struct naming *n, struct named_slots *containers, uint64_t slot,
                             uint32_t row, struct err *err) {
    uint32_t before = named_slots_get(containers, slot);
    row = same_row(n, row);
    if (before == STRMAP_NONE)
        return named_slots_put(containers, slot, row, err);
    before = same_row(n, before);
    n->left -= before != row;
    n->same[row] = before;
    return true;
}

/* Classes of the program, and of containers; a flag each. NULL: out of memory. */
static bool *container_classes(const struct naming *n) {
    struct clr_heap *h = n->w->heap;
    const struct graph *g = &h->heap.graph;
    const struct path_names *names = &h->heap.source->names;
    bool *classes = calloc((size_t)g->class_count + 1, sizeof(*classes));
    for (uint32_t i = 0; classes && i < g->class_count; i++) {
        const uint32_t flags = CLASS_OBJECT | CLASS_LISTED;
        if ((g->classes[i].flags & flags) != flags || !h->heap.live[g->classes[i].type].objects)
            continue;
        const char *type = names->type(names->context, g->classes[i].type);
        classes[i] = !is_of_framework(type) || is_container(type);
    }
    return classes;
}

static bool name_container(struct naming *n, const struct graph_object *object,
                           struct named_slots *next, struct err *err) {
    const struct graph *g = &n->w->heap->heap.graph;
    const struct path_names *names = &n->w->heap->heap.source->names;
    struct graph_cursor cursor;
    uint64_t to;
    uint32_t edge;
    graph_open_list(g, graph_list_of(g, object->rank), &cursor);
    while (graph_reference(&cursor, &to, &edge)) {
        uint32_t row = named_slots_get(&n->sources, to);
        if (row == STRMAP_NONE || row >= LOCKS_FROM || *name_place(n->w, same_row(n, row)))
            continue;
        if (is_container(names->type(names->context, object->class->type))
                ? !put_in_container(n, next, object->slot, row, err)
                : !name_holder(n, object, edge, same_row(n, row), err))
            return false;
    }
    return true;
}

/* One step up: who refers to what is in n->sources, which then are those. */
static bool name_containers(struct naming *n, const bool *classes, struct err *err) {
    const struct graph *g = &n->w->heap->heap.graph;
    struct named_slots next = {.sieve = {0}};
    struct graph_walk each = {.classes = classes};
    struct graph_object object;
    bool ok = true;
    u64map_init(&next.rows);
    while (ok && n->left && graph_each(g, &each, &object))
        if (classes[object.class - g->classes] && graph_is_met(g, object.rank))
            ok = name_container(n, &object, &next, err);
    u64map_deinit(&n->sources.rows);
    n->sources = next;
    return ok;
}

/* Static fields name best. */
static bool name_by_statics(struct naming *n, const struct named_slots *slots, struct err *err) {
    const struct clr_heap *h = n->w->heap;
    for (uint32_t i = 0; n->left && i < h->statics.count; i++) {
        uint64_t slot = address_slot(&h->slots, h->named[i].object);
        uint32_t number = slot == GRAPH_NOWHERE ? STRMAP_NONE : named_slots_get(slots, slot);
        number = number == STRMAP_NONE ? number : same_row(n, number);
        if (number == STRMAP_NONE || *name_place(n->w, number))
            continue;
        strbuf_clear(&n->text);
        strbuf_adds(&n->text, h->named[i].name);
        if (!keep_name(n, number, err))
            return false;
    }
    return true;
}

static bool index_row(struct naming *n, uint64_t address, uint32_t number, struct err *err) {
    uint64_t slot = address == ABSENT ? GRAPH_NOWHERE : address_slot(&n->w->heap->slots, address);
    return slot == GRAPH_NOWHERE || named_slots_put(&n->things, slot, number, err);
}

/* Things, and locks that somebody waits for; what has a name already is left out. */
static bool index_rows(struct naming *n, struct err *err) {
    uint32_t count;
    builder_rows(n->w->b, PART_WAITS, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct wait_row *row = waits_row(n->w, i);
        bool named = row->name || strcmp(row->kind, WAIT_ON_ASYNC) == 0;
        if (!named && !index_row(n, row->address, i, err))
            return false;
    }
    const struct lock_row *locks = builder_rows(n->w->b, PART_LOCKS, &count);
    for (uint32_t i = 0; i < count; i++) {
        bool wanted = locks[i].waiters != ABSENT && locks[i].waiters;
        if (wanted && !index_row(n, locks[i].address, LOCKS_FROM + i, err))
            return false;
    }
    n->left = (uint32_t)n->things.rows.count;
    return true;
}

/* Sources that no class of the program has itself: it has the container that they are in. */
static bool name_kept(struct naming *n, struct err *err) {
    uint32_t count;
    builder_rows(n->w->b, PART_WAITS, &count);
    if (!n->left || !n->sources.rows.count)
        return true;
    n->same = malloc(((size_t)count + 1) * sizeof(*n->same));
    bool *classes = container_classes(n);
    bool ok = (n->same && classes) || err_nomem(err);
    for (uint32_t i = 0; ok && i < count; i++)
        n->same[i] = i;
    for (uint32_t i = 0; ok && i < CONTAINER_STEPS && n->left && n->sources.rows.count; i++)
        ok = name_containers(n, classes, err) && name_by_statics(n, &n->sources, err);
    for (uint32_t i = 0; ok && i < count; i++)
        if (!waits_row(n->w, i)->name)
            waits_row(n->w, i)->name = waits_row(n->w, same_row(n, i))->name;
    free(classes);
    return ok;
}

bool waits_name(struct waits *w, struct err *err) {
    struct naming n = {.w = w};
    if (!w->heap)
        return true;
    u64map_init(&n.things.rows);
    u64map_init(&n.sources.rows);
    strbuf_init(&n.text);
    bool ok = index_rows(&n, err) && name_by_statics(&n, &n.things, err) &&
              name_referred(&n, false, err) && name_by_statics(&n, &n.sources, err) &&
              name_referred(&n, true, err) && name_kept(&n, err) && strbuf_ok(&n.text, err);
    free(n.same);
    u64map_deinit(&n.things.rows);
    u64map_deinit(&n.sources.rows);
    strbuf_deinit(&n.text);
    return ok;
}
