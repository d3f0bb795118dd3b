/*
 * Objects are counted by the address that their delegates call, and each is named once.
 *
 * Source: Timer.cs, CancellationTokenSource.cs, SemaphoreSlim.cs of System.Private.CoreLib.
 */
#include "dotnet/callbacks.h"

#include "base/order.h"
#include "base/vec.h"
#include "dotnet/async.h"
#include "dotnet/delegates.h"
#include "model/known_names.h"
#include "model/rows_heap.h"

#include <stdlib.h>
#include <string.h>

/* Rows that are kept, and the least objects of one. */
#define CALLBACK_ROWS_MAX  60u
#define CALLBACK_ROW_LEAST 10u
/* Waiters of a semaphore that are asked what they are; all are counted. */
#define WAITERS_ASKED 1000u
#define WAITERS_MAX   10000000u
/* Continuations inside each other until the one of the program. */
#define CONTINUATIONS_MAX 8u
/* Timers that never fire again say -1. */
#define NEVER_MS UINT32_MAX

enum callback_kind {
    KIND_NONE,
    KIND_HANDLER,
    KIND_TIMER,
    KIND_REGISTRATION,
    KIND_SEMAPHORE,
    KINDS
};

static const char *const callback_kinds[KINDS] = {"", CALLBACK_HANDLER, CALLBACK_TIMER,
                                                  CALLBACK_REGISTRATION, CALLBACK_SEMAPHORE};

/* Offsets in objects of one type; 0: not known. */
struct callback_type {
    enum callback_kind kind;
    uint64_t mt;
    uint32_t callback, state, due, period; /* of timers and registrations */
    uint32_t free_count, waiters;          /* of semaphores */
};

/* What is called alike. */
struct calling {
    enum callback_kind kind;
    uint64_t type_mt; /* of the delegate */
    uint64_t code;    /* address; or the MethodTable of an async method's box */
    uint64_t due_ms, period_ms;
    uint64_t objects;
};

struct callbacks {
    struct modules *m;
    struct callback_type *types; /* by number of the graph's type */
    struct strmap index;         /* to number of the row */
    struct calling *rows;
    uint32_t row_count, row_capacity;
    struct delegates delegates;
};

/* -- Types ------------------------------------------------------------------------------------- */

static enum callback_kind callback_kind(struct callbacks *c, uint64_t mt) {
    static const struct {
        enum callback_kind kind;
        const char *type;
    } known[] = {
        {KIND_TIMER, "System.Threading.TimerQueueTimer"},
        {KIND_REGISTRATION, "System.Threading.CancellationTokenSource+CallbackNode"},
        {KIND_SEMAPHORE, "System.Threading.SemaphoreSlim"},
    };
    enum callback_kind kind = KIND_NONE;
    if (delegates_is(&c->delegates, mt))
        return KIND_HANDLER;
    if (!type_may_be_of_base(c->m->clr, mt))
        return KIND_NONE;
    struct strbuf name;
    strbuf_init(&name);
    type_name(c->m, mt, &name);
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (strcmp(strbuf_cstr(&name), known[i].type) == 0)
            kind = known[i].kind;
    strbuf_deinit(&name);
    return kind;
}

static struct callback_type callback_type(struct callbacks *c, uint64_t mt) {
    struct callback_type type = {.kind = callback_kind(c, mt), .mt = mt};
    struct modules *m = c->m;
    switch (type.kind) {
    case KIND_TIMER:
        type.callback = type_field_offset(m, mt, "_timerCallback");
        type.due = type_field_offset(m, mt, "_dueTime");
        type.period = type_field_offset(m, mt, "_period");
        break;
    case KIND_REGISTRATION:
        type.callback = type_field_offset(m, mt, "Callback");
        type.state = type_field_offset(m, mt, "CallbackState");
        break;
    case KIND_SEMAPHORE:
        type.free_count = type_field_offset(m, mt, "m_currentCount");
        type.waiters = type_field_offset(m, mt, "m_asyncHead");
        break;
    case KIND_HANDLER:
    case KIND_NONE:
    case KINDS:
        break;
    }
    return type;
}

/* -- Counting ---------------------------------------------------------------------------------- */

static bool count_calling(struct callbacks *c, const struct calling *calling, uint64_t objects) {
    struct {
        uint64_t kind, type, code, due, period;
    } key = {calling->kind, calling->type_mt, calling->code, calling->due_ms, calling->period_ms};
    struct str text = {(const char *)&key, sizeof(key)};
    uint32_t number = strmap_get(&c->index, text, STR(""));
    if (number == STRMAP_NONE) {
        const char *kept = arena_copy(&c->m->clr->arena, text.ptr, text.len);
        if (!kept || !VEC_ROOM(c->rows, c->row_count, c->row_capacity, NULL) ||
            !strmap_put(&c->index, (struct str){kept, text.len}, STR(""), c->row_count))
            return false;
        number = c->row_count++;
        c->rows[number] = *calling;
        c->rows[number].objects = 0;
    }
    c->rows[number].objects += objects;
    return true;
}

static uint64_t word32(struct clr *clr, uint64_t object, uint32_t offset) {
    uint32_t value;
    return offset && clr_u32(clr, object + offset, &value) && value != NEVER_MS ? value : ABSENT;
}

/* The box of the program's method that goes on when the task at `node` is done; 0: not known. */
static uint64_t waiting_box(struct callbacks *c, uint64_t node) {
    struct clr *clr = c->m->clr;
    uint64_t found = 0;
    for (uint32_t i = 0; i < CONTINUATIONS_MAX && node; i++) {
        uint64_t mt, next;
        uint32_t at =
            clr_object_mt(clr, node, &mt) ? type_field_offset(c->m, mt, "m_continuationObject") : 0;
        if (!at || !clr_word(clr, node + at, &next) || !clr_object_mt(clr, next, &mt))
            break;
        node = next;
        if (!async_is_box(c->m, mt))
            continue;
        found = mt;
        struct strbuf name;
        strbuf_init(&name);
        type_name(c->m, found, &name);
        bool framework = strstr(strbuf_cstr(&name), "System.Threading.SemaphoreSlim+<") != NULL;
        strbuf_deinit(&name);
        if (!framework)
            break;
    }
    return found;
}

/* A semaphore that nobody can enter, and who waits for that. */
static bool count_semaphore(struct callbacks *c, const struct callback_type *type,
                            uint64_t semaphore) {
    struct clr *clr = c->m->clr;
    uint32_t free_count;
    uint64_t node, mt;
    if (!type->free_count || !type->waiters ||
        !clr_u32(clr, semaphore + type->free_count, &free_count) || free_count ||
        !clr_word(clr, semaphore + type->waiters, &node) || !clr_object_mt(clr, node, &mt))
        return true;
    uint32_t next = type_field_offset(c->m, mt, "Next");
    uint64_t count = 0;
    struct calling most = {.kind = KIND_SEMAPHORE, .due_ms = ABSENT, .period_ms = ABSENT};
    for (; node && next && count < WAITERS_MAX && clr_spend(clr, 1); count++) {
        /* Alike by their nature: the first of which it is known stands for all. */
        if (!most.code && count < WAITERS_ASKED)
            most.code = waiting_box(c, node);
        if (!clr_word(clr, node + next, &node))
            break;
    }
    most.type_mt = type->mt;
    return count_calling(c, &most, count);
}

/* What a registration calls: where that takes no state, a method of the framework calls it. */
static uint64_t wrapped(struct callbacks *c, const struct callback_type *type, uint64_t object,
                        uint64_t delegate) {
    uint64_t state, mt;
    if (!type->state || !clr_word(c->m->clr, object + type->state, &state) ||
        !clr_object_mt(c->m->clr, state, &mt) || !delegates_is(&c->delegates, mt))
        return delegate;
    return state;
}

static bool count_callback(void *context, uint32_t number, uint64_t object, uint64_t size_bytes) {
    struct callbacks *c = context;
    const struct callback_type *type = &c->types[number];
    struct clr *clr = c->m->clr;
    struct calling calling = {.kind = type->kind, .due_ms = ABSENT, .period_ms = ABSENT};
    uint64_t delegate = object;
    (void)size_bytes;
    if (type->kind == KIND_SEMAPHORE)
        return count_semaphore(c, type, object);
    if (type->kind != KIND_HANDLER) {
        if (!type->callback || !clr_word(clr, object + type->callback, &delegate) || !delegate)
            return true; /* a registration that is over */
        delegate = wrapped(c, type, object, delegate);
        calling.due_ms = type->kind == KIND_TIMER ? word32(clr, object, type->due) : ABSENT;
        calling.period_ms = type->kind == KIND_TIMER ? word32(clr, object, type->period) : ABSENT;
        if (type->kind == KIND_TIMER && calling.due_ms == ABSENT)
            return true; /* not started */
    }
    calling.code = delegates_code(&c->delegates, delegate);
    if (!calling.code || !clr_object_mt(clr, delegate, &calling.type_mt))
        return true;
    return count_calling(c, &calling, 1);
}

/* -- Names ------------------------------------------------------------------------------------- */

/* The same of what is called alike. */
static void callbacks_add_method(struct callbacks *c, const struct calling *row,
                                 struct strbuf *out) {
    if (row->kind == KIND_SEMAPHORE) {
        if (row->code)
            type_name(c->m, row->code, out);
        return;
    }
    delegates_add_method(c->m, row->code, out);
}

void callbacks_add_delegate(struct modules *m, uint64_t delegate, struct strbuf *out) {
    struct delegates d = {.m = m};
    uint64_t mt, code;
    if (!clr_object_mt(m->clr, delegate, &mt) || !delegates_is(&d, mt))
        return;
    code = delegates_code(&d, delegate);
    if (code)
        delegates_add_method(m, code, out);
}

static int callbacks_cmp(const void *x, const void *y) {
    const struct calling *a = x, *b = y;
    /* Semaphores that are closed are few, and each is a story. */
    bool a_first = a->kind == KIND_SEMAPHORE, b_first = b->kind == KIND_SEMAPHORE;
    if (a_first != b_first)
        return a_first ? -1 : 1;
    if (a->objects != b->objects)
        return a->objects > b->objects ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->code != b->code)
        return order_u64(a->code, b->code);
    return order_u64(a->due_ms ^ a->period_ms << 32, b->due_ms ^ b->period_ms << 32);
}

static bool callbacks_report_row(struct callbacks *c, const struct calling *row,
                                 struct strbuf *text, struct err *err) {
    struct builder *b = c->m->clr->b;
    strbuf_clear(text);
    callbacks_add_method(c, row, text);
    if (!text->len && !strbuf_failed(text) && row->kind != KIND_SEMAPHORE)
        return true;
    struct callback_row *out = builder_row(b, PART_CALLBACKS, err);
    if (!out)
        return false;
    out->kind = builder_string(b, str_of(callback_kinds[row->kind]), err);
    out->method = builder_string(b, strbuf_str(text), err);
    strbuf_clear(text);
    type_name(c->m, row->type_mt, text);
    out->type = builder_string(b, strbuf_str(text), err);
    out->objects = row->objects;
    out->due_ms = row->due_ms;
    out->period_ms = row->period_ms;
    return out->kind && out->method && out->type && strbuf_ok(text, err);
}

static bool callbacks_report_rows(struct callbacks *c, struct err *err) {
    struct strbuf text;
    bool ok = true;
    strbuf_init(&text);
    builder_present(c->m->clr->b, PART_CALLBACKS);
    if (c->row_count > 1)
        qsort(c->rows, c->row_count, sizeof(*c->rows), callbacks_cmp);
    for (uint32_t i = 0; ok && i < c->row_count && i < CALLBACK_ROWS_MAX; i++)
        if (c->rows[i].objects >= CALLBACK_ROW_LEAST || c->rows[i].kind == KIND_SEMAPHORE ||
            c->rows[i].kind == KIND_TIMER)
            ok = callbacks_report_row(c, &c->rows[i], &text, err);
    strbuf_deinit(&text);
    return ok;
}

bool callbacks_report(struct clr_heap *h, struct err *err) {
    const struct graph *g = &h->heap.graph;
    struct callbacks c = {.m = h->modules, .delegates = {.m = h->modules}};
    strmap_init(&c.index);
    c.types = calloc((size_t)g->type_count + 1, sizeof(*c.types));
    bool *of_type = calloc((size_t)g->type_count + 1, sizeof(*of_type));
    bool ok = (c.types && of_type) || err_nomem(err);
    for (uint32_t i = 0; ok && i < g->type_count; i++) {
        if (h->heap.live[i].objects)
            c.types[i] = callback_type(&c, g->types[i].id);
        of_type[i] = c.types[i].kind != KIND_NONE;
    }
    ok = ok && clr_heap_visit_live(h, of_type, count_callback, &c, err) &&
         callbacks_report_rows(&c, err);
    strmap_deinit(&c.index);
    free(c.types);
    free(c.rows);
    free(of_type);
    return ok;
}
