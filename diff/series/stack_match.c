/*
 * Stacks of two builds or two runs whose text differs although they are the same.
 *
 * A module was renamed (a new version: libink.so.1.2 -> libink.so.1.3) when the one is seen in
 * earlier snapshots only, the other in later ones only, and they share their functions. Nothing is
 * matched where two could be meant: a stack less matched is seen as gone and new, which is true; a
 * stack matched wrongly is not.
 */
#include "base/hash.h"
#include "diff/names/alloc_frames.h"
#include "diff/series/stack_internal.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

/* Functions that two modules have to share to be one, unless their names differ in digits only. */
#define SHARED_FUNCTIONS 3u
/* Modules of one function that are looked at; more have one by coincidence. */
#define MODULES_A_FUNCTION 8u

/* -- Renamed modules --------------------------------------------------------------------------- */

/* How many functions speak for `from` having become `to`. */
struct vote {
    uint32_t from, to, count;
};

struct votes {
    struct vote *items;
    uint32_t count;
    struct u64map by_pair;
};

static bool stack_match_vote(struct votes *v, uint32_t from, uint32_t to) {
    uint64_t pair = (uint64_t)from << 32 | to;
    uint32_t number = u64map_get(&v->by_pair, pair);
    if (number == STRMAP_NONE) {
        number = v->count;
        v->items[v->count++] = (struct vote){from, to, 0};
        if (!u64map_put(&v->by_pair, pair, number))
            return false;
    }
    v->items[number].count++;
    return true;
}

static bool follows(const struct stack_module *a, const struct stack_module *b) {
    return a->last < b->first;
}

/* By function, then in the order of time. */
static int cmp_by_function(const void *x, const void *y, void *context) {
    const struct stack_table *t = context;
    const struct stack_frame *a = &t->frames[*(const uint32_t *)x];
    const struct stack_frame *b = &t->frames[*(const uint32_t *)y];
    if (a->function != b->function)
        return a->function < b->function ? -1 : 1;
    uint32_t p = t->modules[a->module].first, q = t->modules[b->module].first;
    if (p != q)
        return p < q ? -1 : 1;
    return str_cmp(a->key, b->key);
}

/* Each of the modules of one function has to end before the next begins. */
static bool vote_run(const struct stack_table *t, struct votes *v, const uint32_t *run,
                     uint32_t count) {
    if (count < 2 || count > MODULES_A_FUNCTION)
        return true;
    for (uint32_t i = 1; i < count; i++)
        if (!follows(&t->modules[t->frames[run[i - 1]].module],
                     &t->modules[t->frames[run[i]].module]))
            return true;
    for (uint32_t i = 1; i < count; i++)
        if (!stack_match_vote(v, t->frames[run[i - 1]].module, t->frames[run[i]].module))
            return false;
    return true;
}

static bool count_votes(struct stack_table *t, struct votes *v) {
    uint32_t count = 0;
    uint32_t *order = arena_array(&t->scratch, t->frame_count, sizeof(*order));
    v->items = arena_array(&t->scratch, t->frame_count, sizeof(*v->items));
    if (!order || !v->items)
        return false;
    for (uint32_t i = 0; i < t->frame_count; i++) {
        const struct stack_frame *frame = &t->frames[i];
        if (frame->symbol && frame->module != STACK_NONE)
            order[count++] = i;
    }
    qsort_r(order, count, sizeof(*order), cmp_by_function, t);
    for (uint32_t from = 0, to; from < count; from = to) {
        for (to = from + 1;
             to < count && t->frames[order[to]].function == t->frames[order[from]].function;)
            to++;
        if (!vote_run(t, v, order + from, to - from))
            return false;
    }
    return true;
}

/* The same but for digits, and what stands between them: "libink.so.1.2" and "libink.so.1.3". */
static bool same_stem(const char *a, const char *b) {
    for (;;) {
        a += strspn(a, "0123456789.-_");
        b += strspn(b, "0123456789.-_");
        if (!*a || !*b)
            return *a == *b;
        if (*a++ != *b++)
            return false;
    }
}

static bool is_convincing(const struct stack_table *t, const struct vote *vote) {
    const struct stack_module *a = &t->modules[vote->from], *b = &t->modules[vote->to];
    uint32_t fewer = a->functions < b->functions ? a->functions : b->functions;
    return vote->count * 2 >= fewer &&
           (vote->count >= SHARED_FUNCTIONS || same_stem(a->name, b->name));
}

/* The most votes that a module has, and how many have as many. */
struct best {
    uint32_t votes, times;
};

static void stack_match_look_at(struct best *best, uint32_t votes) {
    if (votes > best->votes)
        *best = (struct best){votes, 1};
    else
        best->times += votes == best->votes;
}

/* Each module becomes one other, and is made of one; none where two have as many votes. */
static bool choose_renames(struct stack_table *t, struct votes *v) {
    struct best *to = arena_array(&t->scratch, t->module_count, sizeof(*to));
    struct best *from = arena_array(&t->scratch, t->module_count, sizeof(*from));
    if (!to || !from)
        return false;
    for (uint32_t i = 0; i < v->count; i++) {
        stack_match_look_at(&to[v->items[i].from], v->items[i].count);
        stack_match_look_at(&from[v->items[i].to], v->items[i].count);
    }
    for (uint32_t i = 0; i < v->count; i++) {
        const struct vote *vote = &v->items[i];
        const struct best *a = &to[vote->from], *b = &from[vote->to];
        if (a->votes == vote->count && a->times == 1 && b->votes == vote->count && b->times == 1 &&
            is_convincing(t, vote))
            t->modules[vote->from].renamed_to = vote->to;
    }
    return true;
}

/* Ends: each step leads to a module that begins later. */
uint32_t stack_newest_module(const struct stack_table *t, uint32_t module) {
    while (module != STACK_NONE && t->modules[module].renamed_to != STACK_NONE)
        module = t->modules[module].renamed_to;
    return module;
}

/* The newest module has the function, or a frame of the old one stands for it. */
static bool set_canon(struct stack_table *t) {
    struct u64map by_place;
    bool ok = true;
    u64map_init(&by_place);
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; ok && i < t->frame_count; i++) {
            struct stack_frame *frame = &t->frames[i];
            uint32_t module = stack_newest_module(t, frame->module);
            if (!frame->symbol || module == STACK_NONE || (pass == 0) != (module == frame->module))
                continue;
            uint64_t place = (uint64_t)module << 32 | frame->function;
            uint32_t known = u64map_get(&by_place, place);
            if (known != STRMAP_NONE)
                frame->canon = known;
            else
                ok = u64map_put(&by_place, place, i);
        }
    u64map_deinit(&by_place);
    return ok;
}

bool stack_find_renames(struct stack_table *t) {
    struct votes v = {.count = 0};
    u64map_init(&v.by_pair);
    bool ok = count_votes(t, &v);
    if (ok && v.count)
        ok = choose_renames(t, &v) && set_canon(t);
    u64map_deinit(&v.by_pair);
    return ok;
}

/* -- Stacks by less than their text ------------------------------------------------------------ */

enum match {
    MATCH_RENAMED,    /* modules by their newest names */
    MATCH_NO_MODULE,  /* functions alone, where a snapshot does not tell modules */
    MATCH_NO_ARGUMENT /* functions whose arguments changed */
};

static uint32_t match_key(const struct stack_table *t, enum match match, uint32_t frame) {
    const struct stack_frame *f = &t->frames[t->frames[frame].canon];
    return match == MATCH_RENAMED     ? t->frames[frame].canon
           : match == MATCH_NO_MODULE ? f->function
                                      : f->bare;
}

static uint64_t match_hash(const struct stack_table *t, enum match match,
                           const struct stack_ids *ids) {
    uint64_t hash = ids->count;
    for (uint32_t i = 0; i < ids->count; i++)
        hash = key_with(hash, match_key(t, match, ids->ids[i]));
    return hash;
}

static bool modules_fit(const struct stack_table *t, enum match match, uint32_t a, uint32_t b) {
    a = stack_newest_module(t, a);
    b = stack_newest_module(t, b);
    return a == b || (match == MATCH_NO_MODULE && (a == STACK_NONE || b == STACK_NONE));
}

/* A function seen with its old arguments in the later snapshots too has not changed. */
static bool arguments_changed(const struct stack_frame *a, const struct stack_frame *b) {
    return a->function == b->function || a->last < b->first || b->last < a->first;
}

static bool stack_match_fit(const struct stack_table *t, enum match match,
                            const struct stack_ids *a, const struct stack_ids *b) {
    if (a->count != b->count || !a->count || !modules_fit(t, match, a->module, b->module))
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct stack_frame *x = &t->frames[t->frames[a->ids[i]].canon];
        const struct stack_frame *y = &t->frames[t->frames[b->ids[i]].canon];
        if (match_key(t, match, a->ids[i]) != match_key(t, match, b->ids[i]) ||
            !modules_fit(t, match, x->module, y->module) ||
            (match == MATCH_NO_ARGUMENT && !arguments_changed(x, y)))
            return false;
    }
    return true;
}

static bool seen_together(const struct series *s, uint32_t a, uint32_t b) {
    for (uint32_t i = 0; i < s->count; i++)
        if (s->stacks[a].seen[i] && s->stacks[b].seen[i])
            return true;
    return false;
}

/* Stacks of one hash, in a list. */
struct group {
    uint32_t first, count;
    bool ambiguous;
};

struct groups {
    struct u64map by_hash;
    struct group *items;
    uint32_t count;
    uint32_t *next; /* [stack_count] of the same group */
};

/* All stacks take part: what is in all snapshots may be meant as well as what is in one. */
static bool stack_match_make_groups(struct stack_table *t, enum match match, struct groups *g) {
    uint32_t count = t->s->stack_count;
    g->items = arena_array(&t->scratch, count, sizeof(*g->items));
    g->next = arena_array(&t->scratch, count, sizeof(*g->next));
    if (!g->items || !g->next)
        return false;
    for (uint32_t n = 0; n < count; n++) {
        uint64_t hash = match_hash(t, match, &t->ids[n]);
        uint32_t number = u64map_get(&g->by_hash, hash);
        g->next[n] = STACK_NONE;
        if (number == STRMAP_NONE) {
            if (!u64map_put(&g->by_hash, hash, g->count))
                return false;
            g->items[g->count++] = (struct group){.first = n, .count = 1};
            continue;
        }
        /* More than there are snapshots: some are seen together. */
        struct group *group = &g->items[number];
        if (++group->count > t->s->count)
            group->ambiguous = true;
        g->next[n] = group->first;
        group->first = n;
    }
    return true;
}

static void check_group(const struct stack_table *t, enum match match, struct groups *g,
                        struct group *group) {
    for (uint32_t a = group->first; a != STACK_NONE && !group->ambiguous; a = g->next[a])
        for (uint32_t b = g->next[a]; b != STACK_NONE && !group->ambiguous; b = g->next[b])
            group->ambiguous =
                seen_together(t->s, a, b) || !stack_match_fit(t, match, &t->ids[a], &t->ids[b]);
}

/* Moves all of b into a, which is seen in other snapshots. */
static void stack_match_merge(struct stack_table *t, uint32_t a, uint32_t b) {
    struct series_stack *into = &t->s->stacks[a], *from = &t->s->stacks[b];
    for (uint32_t i = 0; i < t->s->count; i++) {
        if (!from->seen[i])
            continue;
        into->totals[i] = from->totals[i];
        if (into->ever)
            into->ever[i] = from->ever[i];
        into->seen[i] = true;
        from->seen[i] = false;
    }
    stack_lines_move(t, a, b);
    t->ids[b].frames_of = STACK_NONE;
    t->s->stacks_renamed++;
}

static void merge_group(struct stack_table *t, const struct groups *g, const struct group *group) {
    uint32_t newest = group->first;
    for (uint32_t n = group->first; n != STACK_NONE; n = g->next[n])
        if (t->ids[n].frames_of > t->ids[newest].frames_of)
            newest = n;
    for (uint32_t n = group->first; n != STACK_NONE; n = g->next[n])
        if (n != newest)
            stack_match_merge(t, newest, n);
}

/* Drops the stacks that were merged into others. */
static void drop_merged(struct stack_table *t) {
    struct series *s = t->s;
    uint32_t kept = 0;
    for (uint32_t n = 0; n < s->stack_count; n++) {
        if (t->ids[n].frames_of == STACK_NONE)
            continue;
        t->ids[kept] = t->ids[n];
        s->stacks[kept++] = s->stacks[n];
    }
    s->stack_count = kept;
}

static bool match_by(struct stack_table *t, enum match match) {
    struct groups g = {.count = 0};
    u64map_init(&g.by_hash);
    bool ok = stack_match_make_groups(t, match, &g);
    for (uint32_t i = 0; ok && i < g.count; i++) {
        if (g.items[i].count < 2)
            continue;
        check_group(t, match, &g, &g.items[i]);
        if (!g.items[i].ambiguous)
            merge_group(t, &g, &g.items[i]);
    }
    u64map_deinit(&g.by_hash);
    if (ok)
        drop_merged(t);
    return ok;
}

/* Is a stack not in all snapshots that have stacks? */
static bool any_missing(const struct series *s) {
    for (uint32_t n = 0; n < s->stack_count; n++)
        for (uint32_t i = 0; i < s->count; i++)
            if (!s->stacks[n].seen[i] && snapshot_has(s->snapshots[i], PART_STACKS))
                return true;
    return false;
}

static bool any_renamed(const struct stack_table *t) {
    for (uint32_t i = 0; i < t->module_count; i++)
        if (t->modules[i].renamed_to != STACK_NONE)
            return true;
    return false;
}

bool stack_match_loosely(struct stack_table *t) {
    if (any_renamed(t) && any_missing(t->s) && !match_by(t, MATCH_RENAMED))
        return false;
    if (t->module_count && any_missing(t->s) && !match_by(t, MATCH_NO_MODULE))
        return false;
    return t->s->options.exact_names || !any_missing(t->s) || match_by(t, MATCH_NO_ARGUMENT);
}
