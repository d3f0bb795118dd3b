#include "dotnet/lock_object.h"

#include "dotnet/type_names.h"

/*
 * Lock._state (Lock.cs): bit 0 held. In 11.0 waiters are counted from bit 7 on; bits 2 to 4 count
 * threads that spin.
 */
#define STATE_HELD    1u
#define STATE_WAITERS 7u

bool lock_object_is_monitor(const struct clr *clr) {
    return clr_knows(clr, F_SYNC_LOCK);
}

static void find_lock_fields(struct modules *m, struct lock_class *c) {
    c->owner_at = type_field_offset(m, c->mt, "_owningThreadId");
    c->state_at = type_field_offset(m, c->mt, "_state");
    c->recursion_at = type_field_offset(m, c->mt, "_recursionCount");
}

bool lock_object_is(struct modules *m, struct lock_class *c, uint64_t object) {
    uint64_t mt;
    if (!clr_object_mt(m->clr, object, &mt) || mt == c->other_mt)
        return false;
    if (mt == c->mt)
        return true;
    /* Not all that is taken for an object is one. */
    if (!clr_is_method_table(m->clr, mt))
        return false;
    bool is = type_is_called(m, mt, LOCK_CLASS);
    *(is ? &c->mt : &c->other_mt) = mt;
    if (is)
        find_lock_fields(m, c);
    return is;
}

bool lock_object_read(struct modules *m, struct lock_class *c, uint64_t object,
                      struct lock_object *ret_lock) {
    struct lock_object lock = {.recursion = 0};
    uint32_t state;
    if (!lock_object_is(m, c, object) || !c->owner_at || !c->state_at ||
        !clr_u32(m->clr, object + c->owner_at, &lock.owner_id) ||
        !clr_u32(m->clr, object + c->state_at, &state))
        return false;
    if (c->recursion_at && !clr_u32(m->clr, object + c->recursion_at, &lock.recursion))
        return false;
    lock.held = state & STATE_HELD;
    lock.waiters = state >> STATE_WAITERS;
    *ret_lock = lock;
    return true;
}
