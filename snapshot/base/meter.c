#include "base/meter.h"

#include <stddef.h>
#include <sys/mman.h>

static struct meter *shared;

struct meter *meter_open(void) {
    if (!shared) {
        void *page =
            mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        shared = page == MAP_FAILED ? NULL : page;
    }
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
