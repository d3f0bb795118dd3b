#include "dotnet/async.h"

#include "base/hash.h"
#include "base/order.h"
#include "base/vec.h"
#include "dotnet/code.h"
#include "dotnet/fields.h"
#include "dotnet/method.h"
#include "model/rows_heap.h"

#include <stdlib.h>
#include <string.h>

#define PARENTS_MAX 100u

/* What is known of one type of boxes; of continuations, of one method. */
struct box_type {
    uint64_t method_desc; /* of a continuation; 0: a box, or not known */
    struct async_box box;
    uint32_t flags_offset; /* of the box's own task; 0: not known */
};

/* Boxes of one type that wait at one place. */
struct waiting {
    uint64_t box_mt, machine_mt, method_desc;
    uint64_t await; /* 1: the first; 0: runs, or has not begun; ABSENT: not known */
    uint64_t objects, bytes;
};

struct async_counts {
    struct modules *modules;
    struct clr *clr;
    struct u64map type_of_mt, row_of_place;
    struct box_type *types;
    uint32_t type_count, type_capacity;
    struct waiting *rows;
    uint32_t row_count, row_capacity;
};

bool async_is_box(struct modules *m, uint64_t mt) {
    struct strbuf name;
    if (clr_is_continuation(m->clr, mt))
        return true;
    strbuf_init(&name);
    type_name(m, mt, &name);
    bool is = strstr(strbuf_cstr(&name), "StateMachineBox<") &&
              str_starts(strbuf_str(&name), STR("System.Runtime.CompilerServices."));
    strbuf_deinit(&name);
    return is;
}

/* -- Boxes ------------------------------------------------------------------------------------- */

/* The field that is called StateMachine, of the box or of what it is derived from. */
static bool find_machine(struct modules *m, uint64_t mt, struct async_box *type) {
    struct field_desc fields[32];
    struct strbuf name;
    bool found = false;
    strbuf_init(&name);
    for (uint32_t depth = 0; mt && !found && depth < PARENTS_MAX; depth++) {
        uint32_t count = 0;
        struct module *module = module_of_type(m, mt);
        if (!module || !module->has_metadata || !fields_of(m->clr, mt, fields, 32, &count))
            break;
        for (uint32_t i = 0; i < count && !found; i++) {
            strbuf_clear(&name);
            found = !fields[i].is_static &&
                    metadata_name(&module->md, MD_FIELD, fields[i].row, MD_FIELD_NAME, &name) &&
                    strcmp(strbuf_cstr(&name), "StateMachine") == 0;
            if (!found)
                continue;
            type->machine_offset = fields[i].offset + m->clr->word;
            type->is_reference = fields[i].element_type != ELEMENT_VALUE_TYPE;
        }
        if (!clr_field_word(m->clr, mt, F_MT_PARENT, &mt))
            break;
    }
    strbuf_deinit(&name);
    return found;
}

struct async_box async_box_of(struct modules *m, uint64_t mt) {
    struct async_box type = {0}, unknown = {0};
    struct type_parts parts = type_parts(m->clr, mt);
    if (parts.kind != TYPE_CLASS || !parts.argument_count ||
        !clr_word_at(m->clr, parts.arguments, parts.argument_count - 1, &type.machine_mt) ||
        !clr_is_aligned(m->clr, type.machine_mt) || !find_machine(m, mt, &type))
        return unknown;
    uint32_t state = type_field_offset(m, type.machine_mt, "<>1__state");
    if (!state)
        return unknown;
    type.state_offset = state - m->clr->word; /* a value type has no MethodTable word */
    return type;
}

/* Number of the type; STRMAP_NONE: out of memory. */
static uint32_t box_type(struct async_counts *c, uint64_t mt) {
    uint32_t number = u64map_get(&c->type_of_mt, mt);
    if (number != STRMAP_NONE)
        return number;
    if (!VEC_ROOM(c->types, c->type_count, c->type_capacity, NULL))
        return STRMAP_NONE;
    if (!u64map_put(&c->type_of_mt, mt, c->type_count))
        return STRMAP_NONE;
    c->types[c->type_count] =
        (struct box_type){.box = async_box_of(c->modules, mt),
                          .flags_offset = type_field_offset(c->modules, mt, "m_stateFlags")};
    return c->type_count++;
}

/* -- Continuations ----------------------------------------------------------------------------- */

/*
 * A continuation leads to what goes on with it, and that to an address in the method's code. One
 * method has several of these: one for each await, and for each time that it was compiled.
 */
static uint64_t resumed_method(struct clr *clr, uint64_t resume) {
    struct code_function f;
    uint64_t ip;
    return clr_field_word(clr, resume, F_RESUME_IP, &ip) && code_find(clr, ip, &f) ? f.method_desc
                                                                                   : 0;
}

/* Neither is the address of a MethodTable. */
#define KEY_OF_RESUME 1u
#define KEY_OF_METHOD 2u

/* Number of the type; STRMAP_NONE: out of memory. */
static uint32_t continuation_type(struct async_counts *c, uint64_t mt, uint64_t address) {
    uint64_t resume = 0;
    if (!clr_field_word(c->clr, address, F_CONTINUATION_RESUME, &resume) || !resume)
        resume = mt;
    uint32_t number = u64map_get(&c->type_of_mt, resume | KEY_OF_RESUME);
    if (number != STRMAP_NONE)
        return number;
    uint64_t method = resume == mt ? 0 : resumed_method(c->clr, resume);
    uint64_t key = (method ? method : mt) | KEY_OF_METHOD;
    number = u64map_get(&c->type_of_mt, key);
    if (number == STRMAP_NONE) {
        number = c->type_count;
        if (!VEC_ROOM(c->types, c->type_count, c->type_capacity, NULL) ||
            !u64map_put(&c->type_of_mt, key, number))
            return STRMAP_NONE;
        c->types[c->type_count++] = (struct box_type){.method_desc = method};
    }
    return u64map_put(&c->type_of_mt, resume | KEY_OF_RESUME, number) ? number : STRMAP_NONE;
}

static uint64_t await_of_continuation(struct clr *clr, uint64_t address) {
    uint32_t state;
    if (!clr_field_u32(clr, address, F_CONTINUATION_STATE, &state) || state >= INT32_MAX)
        return ABSENT;
    return (uint64_t)state + 1;
}

/* -- Boxes, again ------------------------------------------------------------------------------ */

uint64_t async_box_machine(struct clr *clr, const struct async_box *type, uint64_t box) {
    uint64_t machine = box + type->machine_offset;
    if (!type->machine_mt)
        return 0;
    if (!type->is_reference)
        return machine;
    return clr_word(clr, machine, &machine) && machine ? machine + clr->word : 0;
}

uint64_t async_box_await(struct clr *clr, const struct async_box *type, uint64_t box) {
    uint64_t machine = async_box_machine(clr, type, box);
    uint32_t state;
    if (!machine || !clr_u32(clr, machine + type->state_offset, &state))
        return ABSENT;
    return state < INT32_MAX ? (uint64_t)state + 1 : 0;
}

/* -- Counting ---------------------------------------------------------------------------------- */

struct async_counts *async_counts_new(struct modules *m) {
    struct async_counts *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->modules = m;
    c->clr = m->clr;
    u64map_init(&c->type_of_mt);
    u64map_init(&c->row_of_place);
    return c;
}

void async_counts_free(struct async_counts *c) {
    if (!c)
        return;
    u64map_deinit(&c->type_of_mt);
    u64map_deinit(&c->row_of_place);
    free(c->types);
    free(c->rows);
    free(c);
}

static struct waiting *async_row_of(struct async_counts *c, uint32_t type, uint64_t mt,
                                    uint64_t await) {
    uint64_t key = (uint64_t)type << 32 | (uint32_t)await;
    uint32_t number = u64map_get(&c->row_of_place, key);
    if (number != STRMAP_NONE)
        return &c->rows[number];
    if (!VEC_ROOM(c->rows, c->row_count, c->row_capacity, NULL))
        return NULL;
    if (!u64map_put(&c->row_of_place, key, c->row_count))
        return NULL;
    c->rows[c->row_count] = (struct waiting){.box_mt = mt,
                                             .machine_mt = c->types[type].box.machine_mt,
                                             .method_desc = c->types[type].method_desc,
                                             .await = await};
    return &c->rows[c->row_count++];
}

/* Its machine is cleared then, which looks as if it waited at its first await. */
static bool async_is_over(const struct async_counts *c, uint32_t type, uint64_t box) {
    uint32_t offset = c->types[type].flags_offset, flags;
    return offset && clr_u32(c->clr, box + offset, &flags) && flags & TASK_COMPLETED;
}

bool async_count(struct async_counts *c, uint64_t mt, uint64_t address, uint64_t size_bytes) {
    bool continues = clr_is_continuation(c->clr, mt);
    uint32_t type = continues ? continuation_type(c, mt, address) : box_type(c, mt);
    if (type == STRMAP_NONE)
        return false;
    if (!continues && async_is_over(c, type, address))
        return true;
    uint64_t await = continues ? await_of_continuation(c->clr, address)
                               : async_box_await(c->clr, &c->types[type].box, address);
    struct waiting *row = async_row_of(c, type, mt, await);
    if (!row)
        return false;
    row->objects++;
    row->bytes += size_bytes;
    return true;
}

/* -- Rows -------------------------------------------------------------------------------------- */

static int async_cmp_rows(const void *x, const void *y) {
    const struct async_row *a = x, *b = y;
    if (a->objects != b->objects)
        return a->objects > b->objects ? -1 : 1;
    int order = strcmp(a->type, b->type);
    return order ? order : order_u64(a->await, b->await);
}

void async_sort(struct builder *b) {
    uint32_t count;
    struct async_row *rows = builder_rows(b, PART_ASYNC, &count);
    if (count > 1)
        qsort(rows, count, sizeof(*rows), async_cmp_rows);
}

/* "async Shop.Worker.RunAsync": a method that has no state machine is told by its own name. */
static void write_waiting(const struct async_counts *c, const struct waiting *w,
                          struct strbuf *out) {
    if (!w->method_desc) {
        type_name(c->modules, w->machine_mt ? w->machine_mt : w->box_mt, out);
        return;
    }
    strbuf_adds(out, "async ");
    size_t from = out->len;
    method_name(c->modules, w->method_desc, out);
    size_t open = strbuf_failed(out) ? 0 : str_find(strbuf_str(out), STR("("), from);
    if (open != STR_NOT_FOUND && open > from)
        out->len = open;
}

bool async_report(const struct async_counts *c, struct err *err) {
    struct builder *b = c->clr->b;
    struct strbuf name;
    bool ok = true;
    strbuf_init(&name);
    builder_present(b, PART_ASYNC);
    for (uint32_t i = 0; ok && i < c->row_count; i++) {
        const struct waiting *w = &c->rows[i];
        struct async_row *row = builder_row(b, PART_ASYNC, err);
        strbuf_clear(&name);
        write_waiting(c, w, &name);
        ok = row && (row->type = builder_string(b, strbuf_str(&name), err)) != NULL;
        if (!ok)
            break;
        row->await = w->await;
        row->objects = w->objects;
        row->bytes = w->bytes;
    }
    ok = ok && strbuf_ok(&name, err);
    strbuf_deinit(&name);
    if (ok)
        async_sort(b);
    return ok;
}
