/* Bytes of a live process, and the read-ahead that makes walking its heap cheap. */
#include "memory/live/live_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define WINDOW_FIRST ((size_t)16 << 10) /* for a look here and there */
#define WINDOW_MAX   ((size_t)1 << 20)  /* for who reads on */

static ssize_t live_read_read_memory(struct live *l, uint64_t address, void *buffer, size_t size) {
    if (!l->no_readv) {
        struct iovec to = {buffer, size};
        struct iovec from = {(void *)(uintptr_t)address, size};
        ssize_t n = process_vm_readv(l->pid, &to, 1, &from, 1, 0);
        if (n >= 0 || (errno != ENOSYS && errno != EPERM))
            return n;
        l->no_readv = true;
    }
    return l->memory < 0 ? -1 : pread(l->memory, buffer, size, (off_t)address);
}

size_t live_read_now(struct live *l, uint64_t address, uint8_t *buffer, size_t size) {
    size_t got = 0;
    while (got < size) {
        ssize_t n = live_read_read_memory(l, address + got, buffer + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    return got;
}

/* The slot to read `address` into: the one that it goes on from, else the longest unused. */
static struct live_slot *choose_slot(struct live *l, uint64_t address) {
    struct live_slot *oldest = &l->slots[0];
    for (uint32_t i = 0; i < LIVE_SLOTS; i++) {
        struct live_slot *slot = &l->slots[i];
        if (slot->size && address >= slot->start + slot->size &&
            address - (slot->start + slot->size) < WINDOW_FIRST) {
            slot->window = slot->window < WINDOW_MAX ? slot->window * 2 : WINDOW_MAX;
            return slot;
        }
        if (slot->used < oldest->used)
            oldest = slot;
    }
    oldest->window = WINDOW_FIRST;
    return oldest;
}

static const struct live_slot *fill_slot(struct space *s, struct live *l, uint64_t address) {
    const struct space_range *r = space_range_at(s, address);
    if (!r)
        return NULL;
    struct live_slot *slot = choose_slot(l, address);
    if (!slot->data && !(slot->data = malloc(WINDOW_MAX)))
        return NULL;
    uint64_t start = address - address % 4096;
    if (start < r->start)
        start = r->start;
    uint64_t size = r->end - start < slot->window ? r->end - start : slot->window;
    slot->start = start;
    slot->size = live_read_now(l, start, slot->data, (size_t)size);
    slot->used = ++l->clock;
    return address - slot->start < slot->size ? slot : NULL;
}

static bool live_read_fetch_ahead(struct space *s, struct live *l, uint64_t address, uint8_t *out,
                                  size_t size) {
    while (size) {
        const struct live_slot *hit = NULL;
        for (uint32_t i = 0; i < LIVE_SLOTS && !hit; i++) {
            struct live_slot *slot = &l->slots[i];
            if (address >= slot->start && address - slot->start < slot->size) {
                slot->used = ++l->clock;
                hit = slot;
            }
        }
        if (!hit && !(hit = fill_slot(s, l, address)))
            return false;
        size_t at = (size_t)(address - hit->start);
        size_t n = hit->size - at < size ? hit->size - at : size;
        memcpy(out, hit->data + at, n);
        out += n;
        address += n;
        size -= n;
    }
    return true;
}

bool live_fetch(struct space *s, uint64_t address, void *buffer, size_t size) {
    struct live *l = s->backend;
    if (!l || (l->resumed && !l->copy))
        return false;
    if (size >= WINDOW_FIRST * 4) /* who asks for that much reads ahead himself */
        return live_read_now(l, address, buffer, size) == size;
    pthread_mutex_lock(&l->lock);
    bool ok = live_read_fetch_ahead(s, l, address, buffer, size);
    pthread_mutex_unlock(&l->lock);
    return ok;
}
