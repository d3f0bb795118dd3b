#include "dotnet/sync_blocks.h"

#include "base/hash.h"
#include "dotnet/lock_object.h"
#include "model/rows_threads.h"

/* AwareLock::LockState: bit 0 held; waiters from bit 6 on (src/coreclr/vm/syncblk.h). */
#define LOCK_HELD    1u
#define LOCK_WAITERS 6u

/* SyncBlock::m_thinLock, since 11: as in the header of an object. */
#define THIN_OWNER        0x0000ffffu
#define THIN_RECURSION(w) ((w) >> 16 & 63u)

struct locks {
    struct modules *m;
    struct managed_threads *threads;
    struct lock_class lock_class;
    uint64_t table; /* of SyncTableEntry; 0: not known */
    uint64_t total, unknown;
    uint64_t missing; /* [count] sync blocks that are not in the dump */
};

static struct lock_row *sync_blocks_add_row(struct locks *l, const struct walk_lock *lock,
                                            struct err *err) {
    struct lock_row *row = builder_row(l->m->clr->b, PART_LOCKS, err);
    if (!row)
        return NULL;
    struct strbuf name;
    strbuf_init(&name);
    type_name(l->m, lock->mt, &name);
    row->object_type = builder_string(l->m->clr->b, strbuf_str(&name), err);
    strbuf_deinit(&name);
    row->address = lock->object;
    return row->object_type ? row : NULL;
}

static void set_owner(struct lock_row *row, struct managed_thread *owner) {
    row->owner_managed_id = owner->managed_id;
    row->owner_os_id = owner->os_id;
    owner->locks_held++;
}

static bool add_thin(struct locks *l, const struct walk_lock *lock, struct err *err) {
    struct managed_thread *owner = threads_by_managed_id(l->threads, lock->owner_managed_id);
    if (!owner) {
        l->unknown++;
        return true;
    }
    struct lock_row *row = sync_blocks_add_row(l, lock, err);
    if (!row)
        return false;
    set_owner(row, owner);
    row->held = 1;
    row->waiters = 0;
    row->recursion = lock->recursion + 1;
    return true;
}

/* What a sync block says of its monitor. */
struct monitor {
    bool held;
    uint32_t waiters, recursion;
    struct managed_thread *owner; /* NULL: none, or none that is known */
};

/* 10.0 stores the owner's managed id, 8.0 and 9.0 its Thread. */
static struct managed_thread *sync_blocks_owner_of(struct locks *l, uint64_t block) {
    struct clr *clr = l->m->clr;
    uint64_t address;
    uint32_t id;
    if (clr_field_u32(clr, block, F_SYNC_HOLDER_ID, &id))
        return threads_by_managed_id(l->threads, id);
    if (!clr_field_word(clr, block, F_SYNC_HOLDER, &address))
        return NULL;
    uint32_t at = u64map_get(&l->threads->by_address, address);
    return at == STRMAP_NONE ? NULL : &l->threads->items[at];
}

/* Up to 10.0: the lock is part of the block. */
static bool read_aware_lock(struct locks *l, uint64_t block, struct monitor *m) {
    struct clr *clr = l->m->clr;
    uint32_t state;
    if (!clr_field_u32(clr, block, F_SYNC_LOCK_STATE, &state) ||
        !clr_field_u32(clr, block, F_SYNC_RECURSION, &m->recursion))
        return false;
    m->held = state & LOCK_HELD;
    m->waiters = state >> LOCK_WAITERS;
    m->owner = m->held ? sync_blocks_owner_of(l, block) : NULL;
    return true;
}

/* Since 11: a handle to a System.Threading.Lock, or as long as nobody waited the owner itself. */
static bool read_managed_lock(struct locks *l, uint64_t block, struct monitor *m) {
    struct clr *clr = l->m->clr;
    struct lock_object lock;
    uint64_t handle, object;
    uint32_t thin = 0;
    if (!clr_field_word(clr, block, F_SYNC_LOCK, &handle))
        return false;
    if (!handle) {
        if (!clr_field_u32(clr, block, F_SYNC_THIN_LOCK, &thin))
            return false;
        m->held = thin & THIN_OWNER;
        m->recursion = m->held ? THIN_RECURSION(thin) + 1 : 0;
        m->owner = m->held ? threads_by_managed_id(l->threads, thin & THIN_OWNER) : NULL;
        return true;
    }
    if (!clr_word(clr, handle, &object) || !lock_object_read(l->m, &l->lock_class, object, &lock))
        return false;
    m->held = lock.held;
    m->waiters = lock.waiters;
    m->recursion = lock.held ? lock.recursion + 1 : 0;
    m->owner = lock.held ? threads_by_managed_id(l->threads, lock.owner_id) : NULL;
    return true;
}

static bool monitors_are_known(const struct clr *clr) {
    return clr_knows(clr, F_SYNC_ENTRY_OBJECT) &&
           (clr_knows(clr, F_SYNC_LOCK_STATE) || clr_knows(clr, F_SYNC_LOCK));
}

static bool read_monitor(struct locks *l, uint64_t block, struct monitor *ret_monitor) {
    struct monitor m = {.held = false};
    if (!(lock_object_is_monitor(l->m->clr) ? read_managed_lock(l, block, &m)
                                            : read_aware_lock(l, block, &m)))
        return false;
    *ret_monitor = m;
    return true;
}

static bool add_block(struct locks *l, const struct walk_lock *lock, struct err *err) {
    struct clr *clr = l->m->clr;
    uint64_t entry = l->table + 2ull * clr->word * lock->sync_index, object, block;
    struct monitor monitor;
    bool known = monitors_are_known(clr);
    if (!l->table)
        return true;
    /* The entry names its object: an index in a dead object's header points to another's. */
    if (!clr_field_word(clr, entry, F_SYNC_ENTRY_OBJECT, &object)) {
        l->missing += known;
        return true;
    }
    if (object != lock->object || !clr_field_word(clr, entry, F_SYNC_ENTRY_BLOCK, &block) || !block)
        return true;
    l->total++;
    if (!read_monitor(l, block, &monitor)) {
        l->missing += known;
        return true;
    }
    if (monitor.held && !monitor.owner)
        l->unknown++;
    /* More waiters than threads: this is no lock state. */
    if (monitor.waiters > l->threads->count || (!monitor.held && !monitor.waiters))
        return true;
    struct lock_row *row = sync_blocks_add_row(l, lock, err);
    if (!row)
        return false;
    row->index = lock->sync_index;
    row->held = monitor.held;
    row->waiters = monitor.waiters;
    row->recursion = monitor.recursion;
    if (monitor.owner)
        set_owner(row, monitor.owner);
    return true;
}

bool locks_report(struct modules *m, const struct walk_result *walk,
                  struct managed_threads *threads, struct err *err) {
    struct clr *clr = m->clr;
    struct locks l = {.m = m, .threads = threads};
    if (!clr_global(clr, G_SYNC_TABLE, &l.table))
        l.table = 0;
    builder_present(clr->b, PART_LOCKS);
    for (uint32_t i = 0; i < walk->lock_count; i++) {
        const struct walk_lock *lock = &walk->locks[i];
        if (lock->sync_index ? !add_block(&l, lock, err) : !add_thin(&l, lock, err))
            return false;
    }
    if (!l.table || !monitors_are_known(clr))
        builder_lacks(clr->b, PART_BIT(PART_LOCKS), ASPECT_ROWS, ABSENT,
                      "sync blocks of this runtime cannot be read: contended locks are missing");
    if (l.missing)
        builder_lacks(clr->b, PART_BIT(PART_LOCKS), ASPECT_ROWS, l.missing,
                      "sync blocks are not in the dump: locks may be missing");
    if (walk->locks_dropped)
        builder_lacks(clr->b, PART_BIT(PART_LOCKS), ASPECT_ROWS, walk->locks_dropped,
                      "locked objects beyond the first million");
    if (l.unknown)
        builder_note(clr->b, "locks held by threads that are gone: %llu",
                     (unsigned long long)l.unknown);
    return builder_counter(clr->b, "syncblk.total", l.total, "count", err);
}
