/*
 * Hashing (XXH3-64) and indexes from strings and numbers to numbers. A hash finds, it never
 * identifies. Two kinds, which do not mix: hash_* is the same on every machine, for what is kept in
 * a file or compared with another run; key_* is another one in each process, for tables in memory.
 */
#ifndef DUMPDIFF_BASE_HASH_H
#define DUMPDIFF_BASE_HASH_H

#include "base/str.h"

/* Anybody can write bytes that have the hash of other bytes: tools/walls.txt says who may ask. */
uint64_t hash_bytes(const void *data, size_t size);
uint64_t hash_combine(uint64_t seed, uint64_t value);

/* By the secret of this process, like hash_secret: the key of bytes, and of a key with a value. */
uint64_t key_of_bytes(const void *data, size_t size);
uint64_t key_with(uint64_t key, uint64_t value);

/*
 * What tables of slots are keyed by: a secret of this process, so that nobody can write an input
 * whose keys all meet in a few slots. Where a key stands must not show in any output.
 */
struct hash_secret {
    uint64_t added, factor; /* factor: odd; 0: not drawn yet */
};
struct hash_secret hash_secret(void);

/* Of a number, for a table with its own copy of the secret. */
static inline uint32_t hash_keyed(struct hash_secret s, uint64_t key) {
    __extension__ unsigned __int128 product = (unsigned __int128)(key ^ s.added) * s.factor;
    return (uint32_t)((uint64_t)product ^ (uint64_t)(product >> 64)) ^ (uint32_t)(product >> 32);
}

/* How many slots a full table of slots gets: twice as many, and `first` to begin with (powers of
 * 2). */
static inline size_t hash_more_slots(size_t slots, size_t first) {
    return slots ? 2 * slots : first;
}

/*
 * Index from a pair of strings to a number. Keys are borrowed and have to outlive the index.
 */
struct strmap {
    struct strmap_slot *slots;
    struct strmap_entry *entries;
    size_t count, capacity, entry_capacity;
};

#define STRMAP_NONE UINT32_MAX

void strmap_init(struct strmap *m);
void strmap_deinit(struct strmap *m);

/* So many keys are likely to come: room at once, where there is enough memory for it. */
void strmap_expect(struct strmap *m, size_t count);

/* Number stored under (a, b), or STRMAP_NONE. */
uint32_t strmap_get(const struct strmap *m, struct str a, struct str b);

/* Stores value (not STRMAP_NONE) under a key that is not in the map yet. false: out of memory. */
bool strmap_put(struct strmap *m, struct str a, struct str b, uint32_t value) MUST_CHECK;

/*
 * The same with the hash of the key at hand, for keys that are looked up several times; the hash is
 * another one in each process. false: out of memory.
 */
uint64_t strmap_hash(struct str a, struct str b);
uint32_t strmap_get_hashed(const struct strmap *m, uint64_t hash, struct str a, struct str b);
bool strmap_put_hashed(struct strmap *m, uint64_t hash, struct str a, struct str b,
                       uint32_t value) MUST_CHECK;

/*
 * Index from a number to a number. Any key; values as in strmap, STRMAP_NONE means not there.
 */
struct u64map {
    struct u64map_slot *slots;
    size_t count, capacity;
    struct hash_secret secret;
};

void u64map_init(struct u64map *m);
void u64map_deinit(struct u64map *m);
uint32_t u64map_get(const struct u64map *m, uint64_t key);

/* Stores or replaces. false: out of memory. */
bool u64map_put(struct u64map *m, uint64_t key, uint32_t value) MUST_CHECK;

#endif
