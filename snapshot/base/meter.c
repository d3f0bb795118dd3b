#include "base/meter.h"

#include "base/os/os.h"

#include <stddef.h>

static struct meter *meters; /* METERS_MAX */
static struct meter *shared; /* the one of them that we count in */
static unsigned opened;

struct meter *meter_open(void) {
    if (!meters)
        meters = os_shared_zeros(sizeof(*meters) * METERS_MAX);
    shared = meters ? &meters[opened++ % METERS_MAX] : NULL;
    meter_begin(METER_READING, 0);
    return shared;
}

void meter_begin(enum meter_work work, uint64_t total) {
    if (!shared)
        return;
    atomic_store_explicit(&shared->done, 0, memory_order_relaxed);
    atomic_store_explicit(&shared->total, total, memory_order_relaxed);
    atomic_store_explicit(&shared->work, work, memory_order_relaxed);
}

void meter_add(uint64_t bytes) {
    if (shared)
        atomic_fetch_add_explicit(&shared->done, bytes, memory_order_relaxed);
}

void meter_set(uint64_t bytes) {
    if (shared)
        atomic_store_explicit(&shared->done, bytes, memory_order_relaxed);
}
