#include "heap/graph.h"

#include "base/pages.h"
#include "base/vec.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

/* Arrays begin small, double up to the next size, and grow by an eighth then, within these bounds
 * [bytes]: all of what is added is there at once, which takes longer than a small graph does. */
#define GROW_FIRST ((size_t)64 << 10)
#define GROW_LEAST ((size_t)1 << 20)
#define GROW_MOST  ((size_t)32 << 20)
/* Classes of ranks that have 16 bits, one of them for what was met. */
#define NARROW_CLASSES ((uint32_t)1 << 15)
#define LISTS_MAX      (INT32_MAX - (uint32_t)GRAPH_PAGE_SLOTS)
#define RANKS_MAX      (UINT32_MAX - 2 * (uint32_t)GRAPH_PAGE_SLOTS)

struct graph_lock {
    pthread_mutex_t mutex;
};

/* -- Memory ------------------------------------------------------------------------------------ */

/* To be called with the lock. */
static bool graph_stop(struct graph *g, bool nomem) {
    g->nomem |= nomem;
    g->over_limit |= !nomem;
    atomic_store(&g->stopped, true);
    return false;
}

/* Says that so many bytes more are taken. */
static bool graph_take(struct graph *g, uint64_t bytes) {
    g->memory_bytes += bytes;
    return g->memory_bytes <= g->memory_limit || graph_stop(g, false);
}

/* Makes room for `need` items where there is room for *room, which becomes a multiple of `unit`. */
static bool graph_room(struct graph *g, void **items, uint64_t *room, uint64_t need, uint64_t unit,
                       size_t item_bytes) {
    if (need <= *room)
        return true;
    size_t have = (size_t)*room * item_bytes, more = have / 8;
    size_t least = have < GROW_FIRST ? GROW_FIRST : have < GROW_LEAST ? have : GROW_LEAST;
    more = more < least ? least : more > GROW_MOST ? GROW_MOST : more;
    if (more < (need - *room) * item_bytes)
        more = (size_t)(need - *room) * item_bytes;
    uint64_t wanted = (*room + more / item_bytes + unit - 1) / unit * unit;
    if (!graph_take(g, (wanted - *room) * item_bytes))
        return false;
    void *grown = pages_extend(*items, have, (size_t)wanted * item_bytes);
    if (!grown)
        return graph_stop(g, true);
    *items = grown;
    *room = wanted;
    return true;
}

/* The array that has so many items for those of another becomes as large as that one did. */
static bool graph_room_beside(struct graph *g, void **items, uint64_t had, uint64_t room,
                              size_t item_bytes) {
    if (had == room)
        return true;
    void *grown = graph_take(g, (room - had) * item_bytes)
                      ? pages_extend(*items, (size_t)had * item_bytes, (size_t)room * item_bytes)
                      : NULL;
    if (!grown)
        return graph_stop(g, !g->over_limit);
    *items = grown;
    return true;
}

bool graph_fail(struct graph *g, bool nomem) {
    pthread_mutex_lock(&g->lock->mutex);
    graph_stop(g, nomem);
    pthread_mutex_unlock(&g->lock->mutex);
    return false;
}

/* -- Beginning and end ------------------------------------------------------------------------- */

static size_t words_bytes(const struct graph *g) {
    return (size_t)(g->slot_count / 64 + 1) * sizeof(*g->words);
}

bool graph_refuse(struct graph *g, struct err *err) {
    g->over_limit = true;
    return err_set(err, ERR_LIMIT, "that would take more than the %" PRIu64 " bytes that it may",
                   g->memory_limit);
}

bool graph_init(struct graph *g, uint64_t slot_count, uint64_t memory_limit, struct err *err) {
    *g = (struct graph){.memory_limit = memory_limit, .slot_shift = 3};
    u64map_init(&g->type_of_id);
    u64map_init(&g->class_of_hash);
    g->lock = calloc(1, sizeof(*g->lock));
    if (!g->lock)
        return err_nomem(err);
    pthread_mutex_init(&g->lock->mutex, NULL);
    if (slot_count >> GRAPH_SLOT_BITS)
        return err_set(err, ERR_LIMIT, "heap of more than 512 GiB, or in too many regions");
    g->slot_count = (slot_count + GRAPH_PAGE_SLOTS - 1) & ~(GRAPH_PAGE_SLOTS - 1);
    g->page_count = (uint32_t)(g->slot_count >> GRAPH_PAGE_SHIFT);
    if (words_bytes(g) > memory_limit)
        return graph_refuse(g, err);
    g->memory_bytes = words_bytes(g); /* nearly all of them will be used, and are there at once */
    g->words = pages_alloc(words_bytes(g));
    g->pages = calloc((size_t)g->page_count + 1, sizeof(*g->pages));
    if (!g->words || !g->pages)
        return err_nomem(err);
    struct graph_class hole = {.type = GRAPH_NONE},
                       gap = {.type = GRAPH_NONE, .flags = CLASS_UNKNOWN};
    return (graph_add_class(g, hole) == CLASS_HOLE && graph_add_class(g, gap) == CLASS_GAP) ||
           err_nomem(err);
}

void graph_drop_lists(struct graph *g) {
    size_t bases = (g->list_bytes_room >> LIST_BLOCK_SHIFT) * sizeof(*g->bases);
    size_t positions = g->positions ? g->list_room * sizeof(*g->positions) : 0;
    pages_free(g->positions, positions);
    pages_free(g->lists, g->list_bytes_room);
    pages_free(g->bases, bases);
    g->memory_bytes -= positions + g->list_bytes_room + bases;
    g->positions = NULL;
    g->lists = NULL;
    g->bases = NULL;
    g->list_room = 0;
    g->list_bytes_room = 0;
}

static void graph_drop(struct graph *g) {
    if (g->words)
        pages_free(g->words, words_bytes(g));
    pages_free(g->groups, g->group_room * sizeof(*g->groups));
    g->words = NULL;
    g->groups = NULL;
    g->group_room = 0;
    graph_drop_lists(g);
}

void graph_deinit(struct graph *g) {
    graph_drop(g);
    free(g->pages);
    free(g->carries);
    free(g->types);
    free(g->runs);
    free(g->classes);
    free(g->same_hash);
    u64map_deinit(&g->type_of_id);
    u64map_deinit(&g->class_of_hash);
    if (g->lock)
        pthread_mutex_destroy(&g->lock->mutex);
    free(g->lock);
    *g = (struct graph){0};
}

bool graph_finish(struct graph *g, struct err *err) {
    if (g->stopped) {
        graph_drop(g);
        return g->nomem ? err_nomem(err) : graph_refuse(g, err);
    }
    /* An object can reach over pages in which none begins. */
    for (uint32_t i = 1; i < g->page_count; i++)
        if (!g->pages[i].end) {
            g->pages[i].last = g->pages[i - 1].last;
            g->pages[i].end = g->pages[i - 1].end;
        }
    return true;
}

/* -- Types and classes ------------------------------------------------------------------------- */

static uint32_t graph_new_type(struct graph *g, uint64_t id, uint32_t flags,
                               const struct graph_run *runs, uint32_t run_count) {
    /* Types, runs and classes are few: they are not counted against the limit. */
    if (!VEC_ROOM(g->types, g->type_count, g->type_room, NULL) ||
        !VEC_ROOM_FOR(g->runs, g->run_count, run_count + 1, g->run_room, NULL) ||
        !u64map_put(&g->type_of_id, id, g->type_count)) {
        graph_stop(g, true);
        return GRAPH_NONE;
    }
    if (run_count)
        memcpy(g->runs + g->run_count, runs, run_count * sizeof(*runs));
    g->types[g->type_count] = (struct graph_type){id, g->run_count, run_count, flags};
    g->run_count += run_count;
    return g->type_count++;
}

uint32_t graph_add_type(struct graph *g, uint64_t id, uint32_t flags, const struct graph_run *runs,
                        uint32_t run_count) {
    pthread_mutex_lock(&g->lock->mutex);
    uint32_t type = u64map_get(&g->type_of_id, id);
    if (type == STRMAP_NONE)
        type = graph_new_type(g, id, flags, runs, run_count);
    pthread_mutex_unlock(&g->lock->mutex);
    return type;
}

static bool class_is(const struct graph_class *a, const struct graph_class *b) {
    return a->size == b->size && a->type == b->type && a->tag == b->tag && a->flags == b->flags;
}

static uint32_t graph_new_class(struct graph *g, struct graph_class like) {
    uint64_t hash = key_with(key_with(like.size, like.type), (uint64_t)like.flags << 32 | like.tag);
    uint32_t first = u64map_get(&g->class_of_hash, hash);
    for (uint32_t i = first; i != STRMAP_NONE; i = g->same_hash[i])
        if (class_is(&g->classes[i], &like))
            return i;
    if (g->class_count == INT32_MAX ||
        !VEC_ROOM(g->same_hash, g->class_count, g->same_hash_room, NULL) ||
        !VEC_ROOM(g->classes, g->class_count, g->class_room, NULL) ||
        !u64map_put(&g->class_of_hash, hash, g->class_count)) {
        graph_stop(g, true);
        return GRAPH_NONE;
    }
    g->classes[g->class_count] = like;
    g->same_hash[g->class_count] = first;
    return g->class_count++;
}

uint32_t graph_add_class(struct graph *g, struct graph_class like) {
    pthread_mutex_lock(&g->lock->mutex);
    uint32_t class = graph_new_class(g, like);
    pthread_mutex_unlock(&g->lock->mutex);
    return class;
}

/* -- Pages ------------------------------------------------------------------------------------- */

/* More classes than 15 bits can tell: all groups that are there become two. */
static bool graph_widen(struct graph *g) {
    uint32_t count = g->rank_count / GRAPH_NARROW, room = g->group_room * 2;
    if (!graph_take(g, g->group_room * sizeof(*g->groups)))
        return false;
    struct graph_group *wide = pages_alloc(room * sizeof(*wide));
    if (!wide)
        return graph_stop(g, true);
    for (uint32_t i = 0; i < count; i++) {
        const struct graph_group *from = &g->groups[i];
        struct graph_group *to = &wide[2 * i];
        to[0].listed = from->listed & (((uint32_t)1 << GRAPH_WIDE) - 1);
        to[0].first = from->first;
        to[1].listed = from->listed >> GRAPH_WIDE;
        to[1].first = graph_list_in(from, GRAPH_WIDE);
        for (uint32_t k = 0; k < GRAPH_NARROW; k++)
            to[k / GRAPH_WIDE].wide[k % GRAPH_WIDE] = from->narrow[k];
    }
    pages_free(g->groups, g->group_room * sizeof(*g->groups));
    g->groups = wide;
    g->group_room = room;
    g->wide = true;
    return true;
}

static bool graph_make_room(struct graph *g, const struct graph_filled *filled) {
    if (g->rank_count > RANKS_MAX || g->list_count > LISTS_MAX)
        return graph_stop(g, false);
    if (!g->wide && g->class_count > NARROW_CLASSES && !graph_widen(g))
        return false;
    const uint64_t block = (uint64_t)1 << LIST_BLOCK_SHIFT;
    uint64_t groups = g->group_room, lists = g->list_room, had, room;
    uint64_t need = ((uint64_t)g->rank_count + filled->count) / graph_in_group(g) + 1;
    if (!graph_room(g, (void **)&g->groups, &groups, need, 64, sizeof(*g->groups)))
        return false;
    g->group_room = (uint32_t)groups;
    if (!graph_room(g, (void **)&g->positions, &lists, (uint64_t)g->list_count + filled->list_count,
                    64, sizeof(*g->positions)))
        return false;
    g->list_room = (uint32_t)lists;
    had = room = g->list_bytes_room;
    if (!graph_room(g, (void **)&g->lists, &room,
                    g->list_bytes + filled->list_bytes + LIST_SLACK + block, block, 1) ||
        !graph_room_beside(g, (void **)&g->bases, had / block, room / block, sizeof(*g->bases)))
        return false;
    g->list_bytes_room = room;
    return true;
}

static bool graph_add_carries(struct graph *g, const struct graph_filled *filled) {
    uint64_t last = g->list_bytes + filled->list_bytes;
    if (last >> 32 == g->carry_count)
        return true;
    for (uint32_t i = 0; i < filled->list_count; i++) {
        if ((g->list_bytes + filled->positions[i]) >> 32 == g->carry_count)
            continue;
        if (!VEC_ROOM(g->carries, g->carry_count, g->carry_room, NULL))
            return graph_stop(g, true);
        g->carries[g->carry_count++] = g->list_count + i;
        i--; /* they have less than 4 GiB of lists, but who knows */
    }
    return true;
}

static inline void graph_sieve_add(uint64_t *sieve, uint32_t class) {
    sieve[class / 64 % (GRAPH_SIEVE / 64)] |= (uint64_t)1 << (class % 64);
}

static void graph_sieve_page(struct graph_page *page, const struct graph_filled *filled) {
    uint64_t sieve[GRAPH_SIEVE / 64];
    memcpy(sieve, page->classes, sizeof(sieve));
    for (uint32_t i = 0; i < filled->count; i++)
        graph_sieve_add(sieve, filled->classes[i] & ~GRAPH_LISTED);
    memcpy(page->classes, sieve, sizeof(sieve));
}

static void graph_copy_groups(struct graph *g, const struct graph_filled *filled) {
    uint32_t in_group = graph_in_group(g), list = g->list_count;
    struct graph_group *group = g->groups + g->rank_count / in_group;
    const uint32_t *classes = filled->classes;
    for (uint32_t left = filled->count; left; group++) {
        uint32_t count = left < in_group ? left : in_group, listed = 0;
        for (uint32_t i = 0; i < count; i++) {
            listed |= classes[i] >> 31 << i;
            if (g->wide)
                group->wide[i] = classes[i] & ~GRAPH_LISTED;
            else
                group->narrow[i] = (uint16_t)classes[i];
        }
        group->listed = listed;
        group->first = list;
        list += (uint32_t)__builtin_popcount(listed);
        classes += count;
        left -= count;
    }
}

static void graph_copy_filled(struct graph *g, const struct graph_filled *filled) {
    uint32_t in_group = graph_in_group(g);
    graph_copy_groups(g, filled);
    for (uint32_t i = 0; i < filled->list_count; i++)
        g->positions[g->list_count + i] = (uint32_t)(g->list_bytes + filled->positions[i]);
    if (filled->list_bytes)
        memcpy(g->lists + g->list_bytes, filled->lists, filled->list_bytes);
    uint64_t blocks = (filled->list_bytes + (1u << LIST_BLOCK_SHIFT) - 1) >> LIST_BLOCK_SHIFT;
    if (blocks)
        memcpy(g->bases + (g->list_bytes >> LIST_BLOCK_SHIFT), filled->bases,
               blocks * sizeof(*g->bases));
    g->rank_count += (filled->count + in_group - 1) / in_group * in_group;
    g->list_count += filled->list_count;
    g->list_bytes += blocks << LIST_BLOCK_SHIFT;
    g->references += filled->references;
}

void graph_add_filled(struct graph *g, const struct graph_filled *filled) {
    pthread_mutex_lock(&g->lock->mutex);
    bool ok = !g->stopped && graph_make_room(g, filled) && graph_add_carries(g, filled);
    uint32_t rank = g->rank_count;
    if (ok)
        graph_copy_filled(g, filled);
    pthread_mutex_unlock(&g->lock->mutex);
    if (!ok)
        return;
    struct graph_page *page = &g->pages[filled->page];
    page->last = filled->last;
    page->end = filled->end;
    graph_sieve_page(page, filled);
    for (uint64_t i = filled->word; i < filled->end_word; i++) {
        g->words[i].rank = rank;
        rank += (uint32_t)__builtin_popcountll(g->words[i].starts);
    }
}

/* -- Looking ----------------------------------------------------------------------------------- */

static void graph_describe(const struct graph *g, uint64_t slot, struct graph_object *ret) {
    ret->slot = slot;
    ret->rank = graph_rank(&g->words[slot / 64], slot);
    ret->class = &g->classes[graph_class_of(g, ret->rank)];
}

bool graph_next(const struct graph *g, uint64_t from, uint32_t flags, struct graph_object *ret) {
    uint64_t words = g->slot_count / 64;
    for (uint64_t word = from / 64; word < words; word++) {
        uint64_t starts = g->words[word].starts;
        if (word == from / 64)
            starts &= UINT64_MAX << (from % 64);
        for (; starts; starts &= starts - 1) {
            graph_describe(g, word * 64 + (uint64_t)__builtin_ctzll(starts), ret);
            if ((ret->class->flags & flags) == flags)
                return true;
        }
    }
    return false;
}

/* Is one of those that are looked for among these ranks? */
static bool graph_any(const struct graph *g, const struct graph_walk *walk, uint32_t count) {
    uint32_t in_group = graph_in_group(g), place = walk->rank % in_group;
    const struct graph_group *group = &g->groups[walk->rank / in_group];
    for (; count; count--) {
        uint32_t class = g->wide ? group->wide[place] : group->narrow[place];
        bool met = class >> (g->wide ? 31 : 15);
        class &= g->wide ? INT32_MAX : INT16_MAX;
        if (!(walk->unmet && met) && (!walk->classes || walk->classes[class]))
            return true;
        if (++place == in_group) {
            place = 0;
            group++;
        }
    }
    return false;
}

static void graph_make_sieve(const struct graph *g, struct graph_walk *walk) {
    for (uint32_t i = 0; i < g->class_count; i++)
        if (walk->classes[i])
            graph_sieve_add(walk->sieve, i);
}

/* The first word at or behind walk->word whose page may have what is looked for. */
static uint64_t graph_sift(const struct graph *g, const struct graph_walk *walk) {
    const uint64_t page_words = GRAPH_PAGE_SLOTS / 64;
    uint64_t page = walk->word / page_words;
    for (; page < g->page_count; page++)
        for (uint32_t i = 0; i < GRAPH_SIEVE / 64; i++)
            if (g->pages[page].classes[i] & walk->sieve[i])
                return page * page_words;
    return page * page_words;
}

bool graph_next_word(const struct graph *g, struct graph_walk *walk) {
    uint64_t words = g->slot_count / 64;
    bool all = !walk->unmet && !walk->classes;
    if (walk->classes && !walk->word)
        graph_make_sieve(g, walk);
    while (walk->word < words) {
        if (walk->classes && walk->word % (GRAPH_PAGE_SLOTS / 64) == 0) {
            walk->word = graph_sift(g, walk);
            if (walk->word >= words)
                break;
        }
        const struct graph_word *word = &g->words[walk->word++];
        walk->starts = word->starts;
        walk->rank = word->rank;
        if (word->starts &&
            (all || graph_any(g, walk, (uint32_t)__builtin_popcountll(word->starts))))
            return true;
    }
    walk->starts = 0;
    return false;
}

bool graph_object_at(const struct graph *g, uint64_t slot, uint32_t flags,
                     struct graph_object *ret) {
    if (!graph_is_start(g, slot))
        return false;
    graph_describe(g, slot, ret);
    return (ret->class->flags & flags) == flags;
}

bool graph_around(const struct graph *g, uint64_t slot, struct graph_object *ret) {
    if (slot >= g->slot_count)
        return false;
    uint64_t page = slot >> GRAPH_PAGE_SHIFT, word = slot / 64, first = page << GRAPH_PAGE_SHIFT;
    uint64_t starts = g->words[word].starts & (UINT64_MAX >> (63 - slot % 64));
    while (!starts && word > first / 64)
        starts = g->words[--word].starts;
    if (starts) {
        graph_describe(g, word * 64 + 63 - (uint64_t)__builtin_clzll(starts), ret);
    } else {
        /* It begins in a page before this one, if there. */
        const struct graph_page *before = page ? &g->pages[page - 1] : NULL;
        if (!before || !before->end)
            return false;
        graph_describe(g, before->last, ret);
    }
    return slot - ret->slot < graph_slots(g, ret->slot);
}
