#include "dotnet/wait_things.h"

#include "base/vec.h"
#include "dotnet/async.h"
#include "dotnet/fields.h"
#include "dotnet/type_names.h"

#include <stdlib.h>
#include <string.h>

#define PARENTS_MAX 16u
/* Continuations of one task that are looked at. */
#define CONTINUATIONS_MAX 64u
/* Fields of a state machine, and how long an awaiter among them is at most. */
#define MACHINE_FIELDS 256u
#define AWAITER_BYTES  32u

#define THREADING "System.Threading."

void wait_things_init(struct wait_things *t, struct modules *m, const struct gc_state *gc) {
    *t = (struct wait_things){.m = m, .gc = gc};
    u64map_init(&t->class_of_mt);
}

void wait_things_deinit(struct wait_things *t) {
    u64map_deinit(&t->class_of_mt);
    free(t->classes);
}

/* -- Classes ----------------------------------------------------------------------------------- */

/* Of a type or what it is derived from: the nearest one counts. */
static enum wait_thing thing_called(struct str name) {
    static const struct {
        const char *type;
        enum wait_thing thing;
    } known[] = {
        {THREADING "Tasks.Task", THING_TASK},
        {THREADING "Tasks.Task+SetOnInvokeMres", THING_TASK_SIGNAL},
        {THREADING "Tasks.Task+SetOnCountdownMres", THING_TASK_SIGNAL},
        {THREADING "ManualResetEventSlim", THING_EVENT_SLIM},
        {THREADING "SemaphoreSlim", THING_SEMAPHORE},
        {THREADING "CancellationTokenSource+Registrations", THING_CALLBACKS},
        {THREADING "CountdownEvent", THING_COUNTDOWN},
        {THREADING "Barrier", THING_BARRIER},
        {THREADING "ReaderWriterLockSlim", THING_RWLOCK},
        {THREADING "Thread", THING_THREAD},
        {"System.Diagnostics.Process", THING_PROCESS},
        {THREADING "EventWaitHandle", THING_EVENT},
        {THREADING "Mutex", THING_MUTEX},
        {THREADING "WaitHandle", THING_HANDLE},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (str_eq(name, str_of(known[i].type)))
            return known[i].thing;
    return THING_NONE;
}

/*
 * Collections of work that may be the object of a monitor, too. Lists are not: who waits for one to
 * be as long as it should waits while something is in it.
 */
static bool is_items(struct str name) {
    static const char *const known[] = {"Queue<", "Stack<", "LinkedList<", "PriorityQueue<"};
    static const struct str generic = STR_INIT("System.Collections.Generic.");
    for (size_t i = 0; str_starts(name, generic) && i < sizeof(known) / sizeof(*known); i++)
        if (str_starts(str_drop(name, generic.len), str_of(known[i])) && str_ends(name, STR(">")))
            return true;
    return str_eq(name, STR("System.Collections.Queue"));
}

static void find_task_fields(struct wait_things *t, uint64_t mt) {
    if (t->task.state)
        return;
    t->task.state = type_field_offset(t->m, mt, "m_stateFlags");
    t->task.continuation = type_field_offset(t->m, mt, "m_continuationObject");
    t->task.action = type_field_offset(t->m, mt, "m_action");
}

static struct wait_class read_wait_class(struct wait_things *t, uint64_t mt) {
    struct wait_class c = {.mt = mt};
    struct strbuf name;
    uint64_t at = mt;
    strbuf_init(&name);
    for (uint32_t i = 0; at && i < PARENTS_MAX && c.thing == THING_NONE; i++) {
        strbuf_clear(&name);
        type_name(t->m, at, &name);
        c.thing = thing_called(strbuf_str(&name));
        c.is_list = c.is_list || (i == 0 && str_starts(strbuf_str(&name),
                                                       STR("System.Collections.Generic.List<")));
        if (i == 0 && c.thing == THING_NONE && is_items(strbuf_str(&name)))
            c.thing = THING_ITEMS;
        if (!clr_field_word(t->m->clr, at, F_MT_PARENT, &at))
            at = 0;
    }
    strbuf_deinit(&name);
    c.is_box = async_is_box(t->m, mt) && !clr_is_continuation(t->m->clr, mt);
    if (c.thing == THING_TASK)
        find_task_fields(t, mt);
    return c;
}

const struct wait_class *wait_things_class_of(struct wait_things *t, uint64_t mt) {
    uint32_t number = u64map_get(&t->class_of_mt, mt);
    if (number != STRMAP_NONE)
        return &t->classes[number];
    if (!VEC_ROOM(t->classes, t->class_count, t->class_capacity, &t->err))
        return NULL;
    if (!u64map_put(&t->class_of_mt, mt, t->class_count)) {
        err_keep_nomem(&t->err);
        return NULL;
    }
    t->classes[t->class_count] = read_wait_class(t, mt);
    return &t->classes[t->class_count++];
}

const struct wait_class *wait_things_class(struct wait_things *t, uint64_t object) {
    uint64_t mt;
    if (!object || !clr_is_aligned(t->m->clr, object) || !gc_span_at(t->gc, object) ||
        !clr_object_mt(t->m->clr, object, &mt) ||
        (u64map_get(&t->class_of_mt, mt) == STRMAP_NONE && !clr_is_method_table(t->m->clr, mt)))
        return NULL;
    return wait_things_class_of(t, mt);
}

/* -- Fields ------------------------------------------------------------------------------------ */

uint64_t wait_field_object(struct wait_things *t, uint64_t object, const char *field) {
    uint64_t mt, value;
    uint32_t at = clr_object_mt(t->m->clr, object, &mt) ? type_field_offset(t->m, mt, field) : 0;
    return at && clr_word(t->m->clr, object + at, &value) && gc_span_at(t->gc, value) ? value : 0;
}

uint64_t wait_field_number(struct wait_things *t, uint64_t object, const char *field) {
    uint64_t mt;
    uint32_t value;
    uint32_t at = clr_object_mt(t->m->clr, object, &mt) ? type_field_offset(t->m, mt, field) : 0;
    return at && clr_u32(t->m->clr, object + at, &value) ? value : ABSENT;
}

uint64_t wait_items(struct wait_things *t, uint64_t object) {
    uint64_t size = wait_field_number(t, object, "_size");
    return size == ABSENT ? wait_field_number(t, object, "count") : size;
}

/* Object header, the 32 bits before the MethodTable (src/coreclr/vm/syncblk.h). */
#define HEADER_INDEX_KIND 0x0c000000u
#define HEADER_SYNC_BLOCK 0x08000000u

/* Who waits for a pulse waits in a queue of the object's sync block. */
static bool has_sync_block(struct wait_things *t, uint64_t object) {
    uint32_t header;
    return clr_u32(t->m->clr, object - 4, &header) &&
           (header & HEADER_INDEX_KIND) == HEADER_SYNC_BLOCK;
}

uint32_t wait_task_flags(struct wait_things *t, uint64_t task) {
    uint32_t flags;
    return t->task.state && clr_u32(t->m->clr, task + t->task.state, &flags) ? flags : 0;
}

bool wait_thing_is_over(struct wait_things *t, const struct wait_class *c, uint64_t object) {
    uint64_t value;
    switch (c->thing) {
    case THING_TASK:
        return wait_task_flags(t, object) & TASK_COMPLETED;
    case THING_TASK_SIGNAL:
    case THING_EVENT_SLIM:
        value = wait_field_number(t, object, "_combinedState");
        return value != ABSENT && value >> 31;
    case THING_SEMAPHORE:
        value = wait_field_number(t, object, "m_currentCount");
        return value != ABSENT && value > 0;
    case THING_COUNTDOWN:
        return wait_field_number(t, object, "_currentCount") == 0;
    case THING_ITEMS: /* nothing in it: no pulse is missing */
        value = wait_items(t, object);
        return value == ABSENT || !value || !has_sync_block(t, object);
    case THING_NONE:
    case THING_CALLBACKS:
    case THING_BARRIER:
    case THING_RWLOCK:
    case THING_THREAD:
    case THING_PROCESS:
    case THING_EVENT:
    case THING_MUTEX:
    case THING_HANDLE:
    case THING_COUNT:
        break;
    }
    return false;
}

/* -- Tasks ------------------------------------------------------------------------------------- */

/* Element `at` of a List<object>; 0: beyond its end. */
static uint64_t list_element(struct wait_things *t, uint64_t list, uint32_t at) {
    uint64_t items = wait_field_object(t, list, "_items"), value;
    uint64_t size = wait_field_number(t, list, "_size");
    if (!items || size == ABSENT || at >= size || at >= CONTINUATIONS_MAX ||
        !clr_word_at(t->m->clr, items + clr_vector_data(t->m->clr), at, &value))
        return 0;
    return value ? value : 1; /* a gap, which is no object */
}

uint64_t wait_task_continuation(struct wait_things *t, uint64_t task, uint32_t *at) {
    uint64_t continuation;
    uint32_t number = (*at)++;
    if (!t->task.continuation || !clr_word(t->m->clr, task + t->task.continuation, &continuation) ||
        !continuation)
        return 0;
    const struct wait_class *c = wait_things_class(t, continuation);
    if (c && c->is_list)
        return list_element(t, continuation, number);
    return number ? 0 : continuation;
}

uint64_t wait_continuation_box(struct wait_things *t, uint64_t continuation) {
    /* The box itself; a continuation with an action; an action, whose target is the box. */
    static const char *const fields[] = {"m_action", "_target", "_continuation"};
    uint64_t at = continuation;
    for (uint32_t depth = 0; at && depth < 4; depth++) {
        const struct wait_class *c = wait_things_class(t, at);
        if (!c)
            return 0;
        if (c->is_box)
            return at;
        uint64_t next = 0;
        for (size_t i = 0; i < sizeof(fields) / sizeof(*fields) && !next; i++)
            next = wait_field_object(t, at, fields[i]);
        at = next;
    }
    return 0;
}

/* -- Async methods ----------------------------------------------------------------------------- */

static bool is_awaiter(struct module *module, const struct field_desc *field) {
    struct strbuf name;
    strbuf_init(&name);
    bool is = !field->is_static &&
              metadata_name(&module->md, MD_FIELD, field->row, MD_FIELD_NAME, &name) &&
              str_starts(strbuf_str(&name), STR("<>u__"));
    strbuf_deinit(&name);
    return is;
}

/* The first object that an awaiter refers to; awaiters of what is over are cleared. */
static uint64_t awaited_at(struct wait_things *t, uint64_t address, uint32_t size) {
    uint32_t word = t->m->clr->word;
    for (uint32_t i = 0; i + word <= size; i += word) {
        uint64_t value, mt;
        if (clr_word(t->m->clr, address + i, &value) && clr_is_aligned(t->m->clr, value) &&
            gc_span_at(t->gc, value) && clr_object_mt(t->m->clr, value, &mt) &&
            clr_is_method_table(t->m->clr, mt))
            return value;
    }
    return 0;
}

/* How far a field goes at most: to the next one. */
static uint32_t field_room(const struct field_desc *fields, uint32_t count, uint32_t offset) {
    uint32_t end = offset + AWAITER_BYTES;
    for (uint32_t i = 0; i < count; i++)
        if (!fields[i].is_static && fields[i].offset > offset && fields[i].offset < end)
            end = fields[i].offset;
    return end - offset;
}

uint64_t wait_box_awaits(struct wait_things *t, uint64_t box) {
    struct clr *clr = t->m->clr;
    struct field_desc fields[MACHINE_FIELDS];
    uint32_t count;
    uint64_t mt;
    if (!clr_object_mt(clr, box, &mt))
        return 0;
    struct async_box type = async_box_of(t->m, mt);
    uint64_t machine = async_box_machine(clr, &type, box);
    struct module *module = machine ? module_of_type(t->m, type.machine_mt) : NULL;
    if (!module || !module->has_metadata ||
        !fields_of(clr, type.machine_mt, fields, MACHINE_FIELDS, &count))
        return 0;
    uint64_t found = 0;
    for (uint32_t i = 0; i < count && !found; i++)
        if (is_awaiter(module, &fields[i]))
            found = awaited_at(t, machine + fields[i].offset,
                               field_room(fields, count, fields[i].offset));
    return found;
}
