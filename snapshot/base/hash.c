#include "base/hash.h"

#include <stdlib.h>
#include <xxhash.h>

struct strmap_slot {
    uint64_t hash;
    struct str a, b;
    uint32_t value; /* STRMAP_NONE: empty */
};

uint64_t hash_bytes(const void *data, size_t size) {
    return XXH3_64bits(data, size);
}

uint64_t hash_combine(uint64_t seed, uint64_t value) {
    uint64_t pair[2] = {seed, value};
    return XXH3_64bits(pair, sizeof(pair));
}

static uint64_t key_hash(struct str a, struct str b) {
    uint64_t h = XXH3_64bits(a.ptr, a.len);
    return b.len ? XXH3_64bits_withSeed(b.ptr, b.len, h) : h;
}

void strmap_init(struct strmap *m) {
    *m = (struct strmap){0};
}

void strmap_deinit(struct strmap *m) {
    free(m->slots);
    *m = (struct strmap){0};
}

/* The slot of the key, or the empty one where it belongs. Linear probing, never full. */
static struct strmap_slot *find(const struct strmap *m, uint64_t hash, struct str a, struct str b) {
    size_t mask = m->capacity - 1;
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        struct strmap_slot *slot = &m->slots[i];
        if (slot->value == STRMAP_NONE)
            return slot;
        if (slot->hash == hash && str_eq(slot->a, a) && str_eq(slot->b, b))
            return slot;
    }
}

uint32_t strmap_get(const struct strmap *m, struct str a, struct str b) {
    if (!m->count)
        return STRMAP_NONE;
    return find(m, key_hash(a, b), a, b)->value;
}

static bool grow(struct strmap *m) {
    size_t capacity = m->capacity ? m->capacity * 2 : 64;
    struct strmap_slot *slots = calloc(capacity, sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < capacity; i++)
        slots[i].value = STRMAP_NONE;
    struct strmap bigger = {.slots = slots, .count = m->count, .capacity = capacity};
    for (size_t i = 0; i < m->capacity; i++) {
        const struct strmap_slot *old = &m->slots[i];
        if (old->value != STRMAP_NONE)
            *find(&bigger, old->hash, old->a, old->b) = *old;
    }
    free(m->slots);
    *m = bigger;
    return true;
}

bool strmap_put(struct strmap *m, struct str a, struct str b, uint32_t value) {
    if (m->count * 2 >= m->capacity && !grow(m))
        return false;
    uint64_t hash = key_hash(a, b);
    struct strmap_slot *slot = find(m, hash, a, b);
    if (slot->value == STRMAP_NONE)
        m->count++;
    *slot = (struct strmap_slot){hash, a, b, value};
    return true;
}

struct u64map_slot {
    uint64_t key;
    uint32_t value; /* STRMAP_NONE: empty */
};

void u64map_init(struct u64map *m) {
    *m = (struct u64map){0};
}

void u64map_deinit(struct u64map *m) {
    free(m->slots);
    *m = (struct u64map){0};
}

static struct u64map_slot *u64_find(const struct u64map *m, uint64_t key) {
    size_t mask = m->capacity - 1;
    /* Fibonacci hashing of the high half: addresses differ in their middle bits. */
    for (size_t i = (size_t)((key * 0x9e3779b97f4a7c15u) >> 20) & mask;; i = (i + 1) & mask) {
        struct u64map_slot *slot = &m->slots[i];
        if (slot->value == STRMAP_NONE || slot->key == key)
            return slot;
    }
}

uint32_t u64map_get(const struct u64map *m, uint64_t key) {
    return m->count ? u64_find(m, key)->value : STRMAP_NONE;
}

static bool u64_grow(struct u64map *m) {
    size_t capacity = m->capacity ? m->capacity * 2 : 64;
    struct u64map_slot *slots = malloc(capacity * sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < capacity; i++)
        slots[i] = (struct u64map_slot){0, STRMAP_NONE};
    struct u64map bigger = {.slots = slots, .count = m->count, .capacity = capacity};
    for (size_t i = 0; i < m->capacity; i++)
        if (m->slots[i].value != STRMAP_NONE)
            *u64_find(&bigger, m->slots[i].key) = m->slots[i];
    free(m->slots);
    *m = bigger;
    return true;
}

bool u64map_put(struct u64map *m, uint64_t key, uint32_t value) {
    if (m->count * 2 >= m->capacity && !u64_grow(m))
        return false;
    struct u64map_slot *slot = u64_find(m, key);
    if (slot->value == STRMAP_NONE)
        m->count++;
    *slot = (struct u64map_slot){key, value};
    return true;
}
