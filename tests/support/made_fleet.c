#include "tests/support/made_fleet.h"

#include "model/builder.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <stdio.h>
#include <time.h>

#define HOUR UINT64_C(3600000000000)

static const char *const releases[] = {"1.3", "1.4", "1.5"};

/* A number that depends on all of these and on nothing else. */
static uint64_t fleet_noise(uint64_t a, uint64_t b, uint64_t c) {
    uint64_t x = a * 0x9e3779b97f4a7c15u ^ b * 0xbf58476d1ce4e5b9u ^ c * 0x94d049bb133111ebu;
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* When the process that takes the n-th snapshot of an instance began, in snapshots. */
static unsigned began_at(const struct fleet_plan *plan, unsigned instance, unsigned n) {
    unsigned third = plan->snapshots / 3 ? plan->snapshots / 3 : 1, begin = n / third * third;
    if (plan->steady)
        return 0;
    for (unsigned k = begin + 1; k <= n; k++)
        if (fleet_noise(instance, k, 7) % 40 == 0)
            begin = k;
    return begin;
}

/* Objects of a type: some never change, some waver, some fill up after a start. */
static uint64_t fleet_objects(const struct fleet_plan *plan, unsigned instance, unsigned n,
                              unsigned type) {
    unsigned age = n - began_at(plan, instance, n);
    uint64_t usual = 50 + fleet_noise(type, 1, 1) % 20000;
    if (plan->changing)
        return type < plan->changing ? usual + fleet_noise(instance, n, type) % 1000 : usual;
    switch (type % 5) {
    case 0:
    case 1:
        return usual;
    case 2:
        return usual * (9 + fleet_noise(instance, n, type) % 3) / 10;
    case 3:
        return usual * (1000 + fleet_noise(instance, n, type) % 40) / 1000;
    default: /* a cache: half, three quarters, ... of what it may hold */
        return usual - (age < 4 ? usual >> (age + 1) : 0) + fleet_noise(instance, n, type) % 20;
    }
}

static uint64_t leaked(const struct fleet_plan *plan, unsigned instance, unsigned n) {
    unsigned third = plan->snapshots / 3 ? plan->snapshots / 3 : 1;
    unsigned age = n - began_at(plan, instance, n);
    uint64_t waver = fleet_noise(instance, n, 99) % 200;
    bool grows = plan->leaks && n / third == 1 && fleet_leaks_on(instance);
    return 4000 + waver + (grows ? age * (600 + fleet_noise(instance, 0, 5) % 200) : 0);
}

static bool fleet_make(struct snapshot *s, const struct fleet_plan *plan, unsigned instance,
                       unsigned n, struct err *err) {
    snapshot_init(s);
    struct builder *b = builder_new(s, err);
    struct origin_row *origin = b ? builder_single(b, PART_ORIGIN, err) : NULL;
    bool ok = origin != NULL;
    if (ok) {
        uint64_t start = UINT64_C(1790000000000000000) + instance * UINT64_C(7000000000);
        origin->captured_at_ns = start + n * HOUR;
        origin->process_start_ns = start + began_at(plan, instance, n) * HOUR - HOUR / 2;
        origin->pid = 1;
    }
    for (unsigned i = 0; ok && i < plan->types; i++) {
        char name[64];
        uint64_t objects = fleet_objects(plan, instance, n, i);
        snprintf(name, sizeof(name), "Shop.Area%02u.Records.Record%04u", i % 37, i);
        ok = builder_add_type(b, str_of(name), STR("Shop.dll"), GEN_2,
                              (struct cell){objects, objects * 72}, err);
    }
    uint64_t entries = leaked(plan, instance, n);
    ok = ok &&
         builder_add_type(b, STR(FLEET_LEAK_TYPE), STR("Shop.dll"), GEN_2,
                          (struct cell){entries, entries * 96}, err) &&
         builder_finish(b, err);
    builder_free(b);
    return ok;
}

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static bool fleet_add(struct history *h, const struct fleet_plan *plan, unsigned instance,
                      unsigned n, double *took, struct err *err) {
    struct snapshot s;
    char pod[32];
    unsigned third = plan->snapshots / 3 ? plan->snapshots / 3 : 1;
    uint64_t id;
    bool known;
    const struct history_holder holder = {FLEET_LEAK_TYPE, FLEET_LEAK_HOLDER,
                                          leaked(plan, instance, n),
                                          leaked(plan, instance, n) * 96};
    const struct history_notes notes = {.holders = &holder, .holder_count = 1};
    snprintf(pod, sizeof(pod), "shop/shop-%04u", instance);
    const struct history_key key = {"Shop",
                                    releases[plan->steady    ? 1
                                             : n / third < 3 ? n / third
                                                             : 2],
                                    "prod", pod};
    bool ok = fleet_make(&s, plan, instance, n, err);
    double begin = now_ms();
    ok = ok && history_add(h, &s, &key, &notes, &id, &known, err);
    if (took)
        *took = now_ms() - begin;
    snapshot_deinit(&s);
    return ok;
}

bool fleet_fill_some(struct history *h, const struct fleet_plan *plan, unsigned first,
                     unsigned last, struct err *err) {
    double *took = plan->took_ms;
    for (unsigned n = 0; n < plan->snapshots; n++)
        for (unsigned i = first; i < last; i++)
            if (!fleet_add(h, plan, i, n, took ? took++ : NULL, err))
                return false;
    return true;
}

bool fleet_fill(struct history *h, const struct fleet_plan *plan, struct err *err) {
    return fleet_fill_some(h, plan, 0, plan->instances, err);
}
