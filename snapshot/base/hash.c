#include "base/hash.h"

#include "base/os/os.h"
#include "base/pages.h"

#include <stdatomic.h>
#include <xxhash.h>

/* Drawn once: tables are made by the thousand. */
static _Atomic uint64_t drawn[2];

static uint64_t hash_draw(_Atomic uint64_t *at) {
    uint64_t value = atomic_load_explicit(at, memory_order_relaxed), none = 0;
    if (value)
        return value;
    /* Without any (a kernel of another age) tables work as they did before there were secrets. */
    if (!os_random(&value, sizeof(value)))
        value = 0x9e3779b97f4a7c15u;
    value |= 1;
    return atomic_compare_exchange_strong(at, &none, value) ? value : none;
}

struct hash_secret hash_secret(void) {
    return (struct hash_secret){hash_draw(&drawn[0]), hash_draw(&drawn[1])};
}

/*
 * Slots are small and keys stand apart in the order they came: a probe touches one line of memory,
 * and a larger table is made without looking at the keys.
 */
struct strmap_slot {
    uint32_t tag;   /* high half of the hash */
    uint32_t entry; /* number of the key + 1; 0: empty */
};

struct strmap_entry {
    uint64_t hash;
    struct str a, b;
    uint32_t value;
};

/*
 * The same by the widest instructions that the processor has, in a library that is built for more
 * than one; not there in others. Choosing takes longer than hashing a name does.
 */
XXH64_hash_t XXH3_64bits_dispatch(const void *data, size_t size) __attribute__((weak));
#define DISPATCH_BYTES 4096u

uint64_t hash_bytes(const void *data, size_t size) {
    if (size >= DISPATCH_BYTES && XXH3_64bits_dispatch)
        return XXH3_64bits_dispatch(data, size);
    return XXH3_64bits(data, size);
}

uint64_t hash_combine(uint64_t seed, uint64_t value) {
    uint64_t pair[2] = {seed, value};
    return XXH3_64bits(pair, sizeof(pair));
}

uint64_t key_of_bytes(const void *data, size_t size) {
    return XXH3_64bits_withSeed(data, size, hash_draw(&drawn[0]));
}

uint64_t key_with(uint64_t key, uint64_t value) {
    uint64_t pair[2] = {key, value};
    return XXH3_64bits_withSeed(pair, sizeof(pair), hash_draw(&drawn[0]));
}

/* Of the hash of (a, ""), that of (a, b). */
static uint64_t strmap_hash_with(uint64_t hash, struct str b) {
    return b.len ? XXH3_64bits_withSeed(b.ptr, b.len, hash) : hash;
}

uint64_t strmap_hash(struct str a, struct str b) {
    return strmap_hash_with(key_of_bytes(a.ptr, a.len), b);
}

void strmap_init(struct strmap *m) {
    *m = (struct strmap){0};
}

void strmap_deinit(struct strmap *m) {
    pages_free(m->slots, m->capacity * sizeof(*m->slots));
    pages_free(m->entries, m->entry_capacity * sizeof(*m->entries));
    *m = (struct strmap){0};
}

/* The slot of the key, or the empty one where it belongs. Linear probing, never full. */
static struct strmap_slot *hash_file_find(const struct strmap *m, uint64_t hash, struct str a,
                                          struct str b) {
    size_t mask = m->capacity - 1;
    uint32_t tag = (uint32_t)(hash >> 32);
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        struct strmap_slot *slot = &m->slots[i];
        if (!slot->entry)
            return slot;
        if (slot->tag != tag)
            continue;
        const struct strmap_entry *entry = &m->entries[slot->entry - 1];
        if (entry->hash == hash && str_eq(entry->a, a) && str_eq(entry->b, b))
            return slot;
    }
}

uint32_t strmap_get_hashed(const struct strmap *m, uint64_t hash, struct str a, struct str b) {
    if (!m->count)
        return STRMAP_NONE;
    const struct strmap_slot *slot = hash_file_find(m, hash, a, b);
    return slot->entry ? m->entries[slot->entry - 1].value : STRMAP_NONE;
}

uint32_t strmap_get(const struct strmap *m, struct str a, struct str b) {
    return strmap_get_hashed(m, strmap_hash(a, b), a, b);
}

static bool hash_set_slots(struct strmap *m, size_t capacity) {
    if (capacity > UINT32_MAX) /* numbers of entries are 32 bits */
        return false;
    struct strmap_slot *slots = pages_alloc(capacity * sizeof(*slots));
    if (!slots)
        return false;
    for (uint32_t n = 0; n < m->count; n++) {
        uint64_t hash = m->entries[n].hash;
        size_t i = (size_t)hash & (capacity - 1);
        while (slots[i].entry)
            i = (i + 1) & (capacity - 1);
        slots[i] = (struct strmap_slot){(uint32_t)(hash >> 32), n + 1};
    }
    pages_free(m->slots, m->capacity * sizeof(*m->slots));
    m->slots = slots;
    m->capacity = capacity;
    return true;
}

static bool hash_set_entries(struct strmap *m, size_t capacity) {
    size_t size = sizeof(*m->entries);
    void *grown = pages_grow(m->entries, m->entry_capacity * size, capacity * size);
    if (!grown)
        return false;
    m->entries = grown;
    m->entry_capacity = capacity;
    return true;
}

void strmap_expect(struct strmap *m, size_t count) {
    size_t slots = m->capacity ? m->capacity : 64;
    while (slots / 2 < count && slots <= UINT32_MAX / 2)
        slots *= 2;
    if (slots > m->capacity)
        (void)hash_set_slots(m, slots);
    if (count > m->entry_capacity && count <= UINT32_MAX)
        (void)hash_set_entries(m, count);
}

bool strmap_put(struct strmap *m, struct str a, struct str b, uint32_t value) {
    return strmap_put_hashed(m, strmap_hash(a, b), a, b, value);
}

bool strmap_put_hashed(struct strmap *m, uint64_t hash, struct str a, struct str b,
                       uint32_t value) {
    if (m->count * 2 >= m->capacity && !hash_set_slots(m, m->capacity ? m->capacity * 2 : 64))
        return false;
    if (m->count == m->entry_capacity &&
        !hash_set_entries(m,
                          m->entry_capacity ? m->entry_capacity + m->entry_capacity / 2 + 1 : 32))
        return false;
    struct strmap_slot *slot = hash_file_find(m, hash, a, b);
    if (!slot->entry) {
        slot->tag = (uint32_t)(hash >> 32);
        slot->entry = (uint32_t)++m->count;
    }
    m->entries[slot->entry - 1] = (struct strmap_entry){hash, a, b, value};
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
    pages_free(m->slots, m->capacity * sizeof(*m->slots));
    *m = (struct u64map){0};
}

static struct u64map_slot *u64_find(const struct u64map *m, uint64_t key) {
    size_t mask = m->capacity - 1;
    for (size_t i = hash_keyed(m->secret, key) & mask;; i = (i + 1) & mask) {
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
    struct u64map_slot *slots = pages_alloc(capacity * sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < capacity; i++)
        slots[i] = (struct u64map_slot){0, STRMAP_NONE};
    struct u64map bigger = {
        .slots = slots, .count = m->count, .capacity = capacity, .secret = hash_secret()};
    for (size_t i = 0; i < m->capacity; i++)
        if (m->slots[i].value != STRMAP_NONE)
            *u64_find(&bigger, m->slots[i].key) = m->slots[i];
    pages_free(m->slots, m->capacity * sizeof(*m->slots));
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
