/*
 * Work lies in queues of segments, which are arrays of slots: an item and a number that tells
 * whether it is still to be taken. Each worker has a queue of its own beside, an array of items.
 *
 * Source: ThreadPoolWorkQueue.cs, ConcurrentQueue.cs, ConcurrentQueueSegment.cs,
 * PortableThreadPool.cs and PortableThreadPool.ThreadCounts.cs of System.Private.CoreLib.
 */
#include "dotnet/pool_work.h"

#include "base/vec.h"
#include "dotnet/async.h"
#include "dotnet/clr_heap.h"
#include "dotnet/delegates.h"
#include "dotnet/fields.h"
#include "model/known_names.h"
#include "model/row_order.h"
#include "model/rows_heap.h"

#include <stdlib.h>
#include <string.h>

/* Rows that are kept; items of the least frequent kinds beyond are in the queue's length alone. */
#define WORK_ROWS_MAX 1000u
/* Segments of one queue, slots of one segment, and queues of one array that are looked at. */
#define SEGMENTS_MAX 1000000u
#define SLOTS_MAX    (1u << 24)
#define QUEUES_MAX   4096u

enum work_thing { WORK_NONE, WORK_QUEUES, WORK_STEALING, WORK_POOL };

/* What an item of one type is. */
struct work_type {
    uint64_t mt;
    uint64_t machine; /* of an async method; 0: none */
    uint32_t action;  /* offset of the delegate that it calls; 0: none */
};

/* Slots of one type of arrays. */
struct slots {
    uint64_t array_mt;
    uint32_t size, item, number; /* size 0: not known */
};

struct alike_work {
    const char *queue;
    uint64_t mt, code; /* code: address, or the MethodTable of a state machine */
    bool is_machine;
    uint64_t objects;
};

struct pool_work {
    struct clr_heap *h;
    struct modules *m;
    struct clr *clr;
    enum work_thing *things; /* by number of the graph's type */
    struct delegates delegates;
    struct u64map type_of_mt;
    struct work_type *types;
    uint32_t type_count, type_capacity;
    struct strmap index;
    struct alike_work *rows;
    uint32_t row_count, row_capacity;
    struct slots slots;
    uint64_t length;        /* items in all queues */
    uint64_t queues, pools; /* that were met */
    uint64_t pool;          /* address of the last pool; 0: none */
    uint64_t pool_mt;
    bool unknown; /* something of a queue is not known in this build, or not in the dump */
};

/* -- Items ------------------------------------------------------------------------------------- */

static struct work_type work_type_of(struct pool_work *w, uint64_t mt) {
    struct work_type type = {.mt = mt};
    if (async_is_box(w->m, mt)) {
        struct async_box box = async_box_of(w->m, mt);
        type.machine = box.machine_mt ? box.machine_mt : mt;
        return type;
    }
    type.action = type_field_offset(w->m, mt, "_callback");
    if (!type.action)
        type.action = type_field_offset(w->m, mt, "m_action");
    return type;
}

/* NULL: out of memory. */
static const struct work_type *work_type(struct pool_work *w, uint64_t mt) {
    uint32_t number = u64map_get(&w->type_of_mt, mt);
    if (number != STRMAP_NONE)
        return &w->types[number];
    if (!VEC_ROOM(w->types, w->type_count, w->type_capacity, NULL) ||
        !u64map_put(&w->type_of_mt, mt, w->type_count))
        return NULL;
    w->types[w->type_count] = work_type_of(w, mt);
    return &w->types[w->type_count++];
}

/* What an item calls: code, or an async method that it goes on with. */
static bool find_called(struct pool_work *w, uint64_t item, struct alike_work *alike) {
    const struct work_type *type = work_type(w, alike->mt);
    struct clr *clr = w->clr;
    uint64_t delegate, mt, target;
    if (!type)
        return false;
    alike->is_machine = type->machine != 0;
    alike->code = type->machine;
    if (type->machine || !type->action || !clr_word(clr, item + type->action, &delegate) ||
        !clr_object_mt(clr, delegate, &mt) || !delegates_is(&w->delegates, mt))
        return true;
    alike->code = delegates_code(&w->delegates, delegate);
    /* The delegate of a box only goes on with its method. */
    if (!w->delegates.target || !clr_word(clr, delegate + w->delegates.target, &target) ||
        !clr_object_mt(clr, target, &mt))
        return true;
    if (!(type = work_type(w, mt)))
        return false;
    if (type->machine) {
        alike->code = type->machine;
        alike->is_machine = true;
    }
    return true;
}

static bool add_item(struct pool_work *w, const char *queue, uint64_t item) {
    struct alike_work alike = {.queue = queue};
    if (!clr_object_mt(w->clr, item, &alike.mt)) {
        w->unknown = true;
        return true;
    }
    if (!find_called(w, item, &alike))
        return false;
    w->length++;
    uint64_t key[3] = {alike.mt, alike.code, alike.is_machine};
    struct str text = {(const char *)key, sizeof(key)};
    uint32_t number = strmap_get(&w->index, text, str_of(queue));
    if (number == STRMAP_NONE && w->row_count >= WORK_ROWS_MAX)
        return true;
    if (number == STRMAP_NONE) {
        const char *kept = arena_copy(&w->clr->arena, text.ptr, text.len);
        number = w->row_count;
        if (!kept || !VEC_ROOM(w->rows, w->row_count, w->row_capacity, NULL) ||
            !strmap_put(&w->index, (struct str){kept, text.len}, str_of(queue), number))
            return false;
        w->rows[w->row_count++] = alike;
    }
    w->rows[number].objects++;
    return true;
}

/* -- Queues ------------------------------------------------------------------------------------ */

static uint64_t object_at(struct pool_work *w, uint64_t object, const char *field) {
    uint64_t mt, value;
    uint32_t at = clr_object_mt(w->clr, object, &mt) ? type_field_offset(w->m, mt, field) : 0;
    return at && clr_word(w->clr, object + at, &value) ? value : 0;
}

/* How the slots of an array lie; false: not known. */
static bool find_slots(struct pool_work *w, uint64_t array_mt) {
    if (w->slots.array_mt == array_mt)
        return w->slots.size != 0;
    struct type_parts parts = type_parts(w->clr, array_mt);
    const struct clr_shape *shape = clr_heap_shape(w->h, array_mt);
    uint32_t item = type_field_offset(w->m, parts.element, "Item");
    uint32_t number = type_field_offset(w->m, parts.element, "SequenceNumber");
    w->slots = (struct slots){.array_mt = array_mt};
    if (parts.kind != TYPE_ARRAY || !shape || !shape->component || !item || !number)
        return false;
    w->slots.size = shape->component;
    w->slots.item = item - w->clr->word; /* a value type has no MethodTable word */
    w->slots.number = number - w->clr->word;
    return true;
}

/*
 * Of slot i of `count` (a power of 2): its number is one more than the place at which it was filled
 * until it is taken.
 */
static bool add_slots(struct pool_work *w, const char *queue, uint64_t slots, uint64_t mt) {
    struct clr *clr = w->clr;
    uint32_t count, number;
    uint64_t item;
    if (!find_slots(w, mt) || !clr_u32(clr, slots + clr->word, &count) || count > SLOTS_MAX ||
        !count || count & (count - 1)) {
        w->unknown = true;
        return true;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = slots + clr_vector_data(clr) + (uint64_t)i * w->slots.size;
        if (!clr_spend(clr, 1) || !clr_word(clr, at + w->slots.item, &item) ||
            !clr_u32(clr, at + w->slots.number, &number)) {
            w->unknown = true;
            return true;
        }
        if (item && ((number - 1 - i) & (count - 1)) == 0 && !add_item(w, queue, item))
            return false;
    }
    return true;
}

/* A ConcurrentQueue; 0: there is none. */
static bool add_queue(struct pool_work *w, const char *name, uint64_t queue) {
    uint64_t segment = queue ? object_at(w, queue, "_head") : 0, mt;
    if (queue && !segment)
        w->unknown = true;
    for (uint32_t i = 0; segment && i < SEGMENTS_MAX && clr_spend(w->clr, 8); i++) {
        uint64_t slots = object_at(w, segment, "_slots");
        if (!clr_object_mt(w->clr, slots, &mt)) {
            w->unknown = true;
            break;
        }
        if (!add_slots(w, name, slots, mt))
            return false;
        segment = object_at(w, segment, "_nextSegment");
    }
    return true;
}

/* Calls add for each reference of a vector; false: out of memory. */
static bool each_of_vector(struct pool_work *w, const char *queue, uint64_t vector, uint32_t most,
                           bool (*add)(struct pool_work *, const char *, uint64_t)) {
    uint64_t item;
    uint32_t count;
    if (!clr_u32(w->clr, vector + w->clr->word, &count) || count > most) {
        w->unknown = true;
        return true;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!clr_spend(w->clr, 1) ||
            !clr_word_at(w->clr, vector + clr_vector_data(w->clr), i, &item)) {
            w->unknown = true;
            break;
        }
        if (item && !add(w, queue, item))
            return false;
    }
    return true;
}

static bool add_queues(struct pool_work *w, uint64_t object) {
    static const struct {
        const char *field, *name;
    } queues[] = {{"workItems", WORK_GLOBAL},
                  {"highPriorityWorkItems", WORK_FIRST},
                  {"timeSensitiveWorkQueue", WORK_FIRST},
                  {"lowPriorityWorkItems", WORK_GLOBAL}};
    if (!object_at(w, object, "workItems"))
        w->unknown = true;
    for (size_t i = 0; i < sizeof(queues) / sizeof(*queues); i++)
        if (!add_queue(w, queues[i].name, object_at(w, object, queues[i].field)))
            return false;
    uint64_t more = object_at(w, object, "_assignableWorkItemQueues");
    return !more || each_of_vector(w, WORK_GLOBAL, more, QUEUES_MAX, add_queue);
}

static bool pool_work_visit(void *context, uint32_t type, uint64_t address, uint64_t size_bytes) {
    struct pool_work *w = context;
    (void)size_bytes;
    if (w->things[type] == WORK_POOL) {
        w->pools++;
        w->pool = address;
        w->pool_mt = w->h->heap.graph.types[type].id;
        return true;
    }
    if (w->things[type] == WORK_QUEUES) {
        w->queues++;
        return add_queues(w, address);
    }
    uint64_t items = object_at(w, address, "m_array");
    if (!items) {
        w->unknown = true;
        return true;
    }
    return each_of_vector(w, WORK_LOCAL, items, SLOTS_MAX, add_item);
}

/* -- The pool ---------------------------------------------------------------------------------- */

/* Where the counts of workers lie in the pool, which has them apart from what else changes. */
static uint32_t counts_offset(struct pool_work *w) {
    uint32_t word = w->clr->word, apart = type_field_offset(w->m, w->pool_mt, "_separated");
    uint64_t mt = apart ? field_value_type(w->m, w->pool_mt, apart, false) : 0;
    uint32_t counts = mt ? type_field_offset(w->m, mt, "counts") : 0;
    uint64_t counts_mt = counts ? field_value_type(w->m, mt, counts - word, true) : 0;
    uint32_t data = counts_mt ? type_field_offset(w->m, counts_mt, "_data") : 0;
    return data ? apart + counts - word + data - word : 0;
}

static bool say_limit(struct pool_work *w, const char *field, const char *counter,
                      struct err *err) {
    uint32_t at = type_field_offset(w->m, w->pool_mt, field);
    uint16_t value;
    return !at || !clr_u16(w->clr, w->pool + at, &value) ||
           builder_counter(w->clr->b, counter, value, "count", err);
}

/* {u16 with work, u16 there, u16 wanted}. */
static bool say_workers(struct pool_work *w, struct err *err) {
    uint32_t at = w->pools == 1 ? counts_offset(w) : 0, low;
    struct builder *b = w->clr->b;
    if (w->pools != 1)
        return true;
    if (!at || !clr_u32(w->clr, w->pool + at, &low)) {
        builder_note(b, "where the thread pool counts its workers is not known in this build, or "
                        "not in the dump");
        return true;
    }
    uint32_t running = low & 0xffff, total = low >> 16;
    return builder_counter(b, COUNTER_WORKERS_TOTAL, total, "count", err) &&
           builder_counter(b, COUNTER_WORKERS_RUNNING, running, "count", err) &&
           builder_counter(b, COUNTER_WORKERS_IDLE, total > running ? total - running : 0, "count",
                           err) &&
           say_limit(w, "_minThreads", COUNTER_WORKERS_MIN, err) &&
           say_limit(w, "_maxThreads", COUNTER_WORKERS_MAX, err);
}

/* -- Rows -------------------------------------------------------------------------------------- */

static bool pool_work_row(struct pool_work *w, const struct alike_work *alike, struct strbuf *text,
                          struct err *err) {
    struct builder *b = w->clr->b;
    struct work_row *row = builder_row(b, PART_WORK, err);
    if (!row)
        return false;
    row->objects = alike->objects;
    strbuf_clear(text);
    type_name(w->m, alike->is_machine ? alike->code : alike->mt, text);
    row->queue = builder_string(b, str_of(alike->queue), err);
    row->type = builder_string(b, strbuf_str(text), err);
    if (!row->queue || !row->type)
        return false;
    strbuf_clear(text);
    if (alike->is_machine)
        type_name(w->m, alike->code, text);
    else if (alike->code)
        delegates_add_method(w->m, alike->code, text);
    if (text->len && !(row->method = builder_string(b, strbuf_str(text), err)))
        return false;
    return strbuf_ok(text, err);
}

static bool pool_work_rows(struct pool_work *w, struct err *err) {
    struct builder *b = w->clr->b;
    struct strbuf text;
    bool ok = true;
    if (w->unknown)
        builder_absent(b, PART_BIT(PART_WORK), ASPECT_ALL, ABSENT,
                       "where the thread pool keeps its work is not known in this build, or not in "
                       "the dump");
    if (w->unknown || !w->queues)
        return true;
    strbuf_init(&text);
    builder_present(b, PART_WORK);
    for (uint32_t i = 0; ok && i < w->row_count; i++)
        ok = pool_work_row(w, &w->rows[i], &text, err);
    strbuf_deinit(&text);
    row_order_work(b);
    return ok && builder_counter(b, COUNTER_QUEUE_LENGTH, w->length, "count", err);
}

static enum work_thing work_thing_of(struct pool_work *w, uint64_t mt) {
    static const struct {
        enum work_thing thing;
        const char *type;
    } known[] = {
        {WORK_QUEUES, "System.Threading.ThreadPoolWorkQueue"},
        {WORK_STEALING, "System.Threading.ThreadPoolWorkQueue+WorkStealingQueue"},
        {WORK_POOL, "System.Threading.PortableThreadPool"},
    };
    enum work_thing thing = WORK_NONE;
    uint64_t module, base;
    struct clr *clr = w->clr;
    if (!clr_field_word(clr, clr->object_mt, F_MT_MODULE, &base) ||
        !clr_field_word(clr, mt, F_MT_MODULE, &module) || module != base)
        return WORK_NONE;
    struct strbuf name;
    strbuf_init(&name);
    type_name(w->m, mt, &name);
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (strcmp(strbuf_cstr(&name), known[i].type) == 0)
            thing = known[i].thing;
    strbuf_deinit(&name);
    return thing;
}

bool pool_work_report(struct clr_heap *h, struct err *err) {
    const struct graph *g = &h->heap.graph;
    struct pool_work w = {.h = h, .m = h->modules, .clr = h->clr, .delegates = {.m = h->modules}};
    u64map_init(&w.type_of_mt);
    strmap_init(&w.index);
    w.things = calloc((size_t)g->type_count + 1, sizeof(*w.things));
    bool *of_type = calloc((size_t)g->type_count + 1, sizeof(*of_type));
    bool ok = (w.things && of_type) || err_nomem(err);
    for (uint32_t i = 0; ok && i < g->type_count; i++) {
        if (h->heap.live[i].objects)
            w.things[i] = work_thing_of(&w, g->types[i].id);
        of_type[i] = w.things[i] != WORK_NONE;
    }
    ok = ok && clr_heap_visit_live(h, of_type, pool_work_visit, &w, err) &&
         pool_work_rows(&w, err) && say_workers(&w, err);
    u64map_deinit(&w.type_of_mt);
    strmap_deinit(&w.index);
    free(w.types);
    free(w.rows);
    free(w.things);
    free(of_type);
    return ok;
}
