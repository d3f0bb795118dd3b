#include "dotnet/statics.h"

#include "base/order.h"
#include "base/vec.h"

#include <stdlib.h>

/* MTFlags2: a DynamicStaticsInfo lies before the type's auxiliary data. */
#define MT_DYNAMIC_STATICS 2u
/* [words] of DynamicStaticsInfo */
#define STATICS_INFO_WORDS 3u
#define TLS_INDEXES_UNUSED 2u /* NumberOfTlsOffsetsNotUsedInNoncollectibleArray */
#define BUCKET_CHAIN_FIRST 3u /* buckets[0] is their number; chains start here */

/* TLSIndexes {u32; u32} and four words before a type's auxiliary data. */
static uint32_t thread_info_bytes(const struct clr *clr) {
    return 8 + 4 * clr->word;
}

struct collecting {
    struct modules *modules;
    struct clr *clr;
    struct static_roots *roots;
    struct field_desc *fields; /* FIELDS_MAX of them */
    bool nomem;
};

static void statics_add_root(struct collecting *c, struct static_root root) {
    struct static_roots *roots = c->roots;
    if (!root.object)
        return;
    if (!VEC_ROOM(roots->items, roots->count, roots->capacity, NULL)) {
        c->nomem = true;
        return;
    }
    roots->items[roots->count++] = root;
}

/* -- Thread statics ---------------------------------------------------------------------------- */

/*
 * Where a thread keeps the references of a type's thread statics. Index: kind in the high byte,
 * place in the low 24 bits. 0: not there (the thread has not used them). Source: threadstatics.h of
 * the runtime.
 */
static uint64_t thread_storage(struct clr *clr, uint64_t thread, uint32_t index) {
    uint64_t data, array, handle, object;
    uint32_t kind = index >> 24, place = index & 0xffffff;
    uint32_t count, length;
    if (!clr_field_word(clr, thread, F_THREAD_STATICS, &data) || !data)
        return 0;
    if (kind == 0) {
        if (place < TLS_INDEXES_UNUSED || !clr_word(clr, data + 8, &array) || !array ||
            !clr_u32(clr, array + clr->word, &length) || place - TLS_INDEXES_UNUSED >= length ||
            !clr_word_at(clr, array + clr_vector_data(clr), place - TLS_INDEXES_UNUSED, &object))
            return 0;
        return object;
    }
    if (kind == 1) {
        if (!clr_u32(clr, data + 4, &count) || place >= count ||
            !clr_word(clr, data + 8 + clr->word, &array) ||
            !clr_word_at(clr, array, place, &handle) || !handle || !clr_word(clr, handle, &object))
            return 0;
        return object;
    }
    return 0; /* directly in the structure: no references */
}

static void add_thread_statics(struct collecting *c, uint64_t mt, uint64_t auxiliary,
                               uint32_t fields) {
    uint32_t index;
    if (!clr_u32(c->clr, auxiliary - thread_info_bytes(c->clr) + 4, &index) || index == 0 ||
        index == UINT32_MAX)
        return;
    for (uint32_t t = 0; t < c->clr->thread_count && clr_spend(c->clr, 1 + fields); t++) {
        uint64_t storage = thread_storage(c->clr, c->clr->threads[t], index);
        for (uint32_t i = 0; storage && i < fields; i++) {
            const struct field_desc *f = &c->fields[i];
            uint64_t object;
            bool reference =
                f->element_type == ELEMENT_CLASS || f->element_type == ELEMENT_VALUE_TYPE;
            if (f->is_thread_static && reference && clr_word(c->clr, storage + f->offset, &object))
                statics_add_root(c, (struct static_root){object, mt, f->row, true});
        }
    }
}

/* The arrays at the start of each thread's storage are roots that no handle stands for. */
static void add_storage(struct collecting *c) {
    struct static_roots *roots = c->roots;
    for (uint32_t t = 0; t < c->clr->thread_count; t++) {
        uint64_t data, array;
        if (!clr_field_word(c->clr, c->clr->threads[t], F_THREAD_STATICS, &data) || !data ||
            !clr_word(c->clr, data + 8, &array) || !array)
            continue;
        if (!VEC_ROOM(roots->storage, roots->storage_count, roots->storage_capacity, NULL)) {
            c->nomem = true;
            return;
        }
        roots->storage[roots->storage_count++] = array;
    }
}

/* -- Types ------------------------------------------------------------------------------------- */

static void statics_add_type(struct collecting *c, uint64_t mt) {
    uint64_t auxiliary, storage;
    uint32_t flags2, count;
    if (!mt)
        return;
    c->roots->types++;
    if (!clr_field_u32(c->clr, mt, F_MT_FLAGS2, &flags2) || !(flags2 & MT_DYNAMIC_STATICS))
        return;
    if (!clr_field_word(c->clr, mt, F_MT_AUXILIARY, &auxiliary) ||
        auxiliary < thread_info_bytes(c->clr) ||
        !fields_of(c->clr, mt, c->fields, FIELDS_MAX, &count)) {
        c->roots->unread++;
        return;
    }
    bool thread_statics = false;
    uint64_t info = auxiliary - STATICS_INFO_WORDS * c->clr->word;
    bool have = clr_word(c->clr, info, &storage) && (storage & ~(uint64_t)1);
    for (uint32_t i = 0; i < count; i++) {
        const struct field_desc *f = &c->fields[i];
        uint64_t object;
        thread_statics |= f->is_thread_static;
        bool reference = f->element_type == ELEMENT_CLASS || f->element_type == ELEMENT_VALUE_TYPE;
        if (have && f->is_static && !f->is_thread_static && !f->is_rva && reference &&
            clr_word(c->clr, (storage & ~(uint64_t)1) + f->offset, &object))
            statics_add_root(c, (struct static_root){object, mt, f->row, false});
    }
    if (thread_statics)
        add_thread_statics(c, mt, auxiliary, count);
}

/* Types that are not generic: the module's map from TypeDef rows. */
static void add_type_defs(struct collecting *c, uint64_t module) {
    uint64_t map = clr_field(c->clr, module, F_MODULE_TYPE_DEFS);
    for (uint32_t blocks = 0; map && blocks < 1000 && !c->nomem; blocks++) {
        uint64_t table, mask, entry;
        uint32_t count;
        if (!clr_spend(c->clr, 1) || !clr_field_word(c->clr, map, F_MAP_TABLE, &table) ||
            !clr_field_u32(c->clr, map, F_MAP_COUNT, &count) ||
            !clr_field_word(c->clr, map, F_MAP_FLAGS_MASK, &mask))
            return;
        for (uint32_t i = 0; i < count && !c->nomem && clr_spend(c->clr, 1); i++) {
            if (!clr_word_at(c->clr, table, i, &entry))
                break; /* the rest of the map is not in the dump either */
            statics_add_type(c, entry & ~mask);
        }
        if (!clr_field_word(c->clr, map, F_MAP_NEXT, &map))
            return;
    }
}

/* Generic instantiations: a hash table of the module that loaded them. */
static void add_instantiations(struct collecting *c, uint64_t module) {
    uint64_t table, buckets, length, entry, handle;
    uint32_t total, met = 0;
    if (!clr_field_word(c->clr, module, F_MODULE_TYPE_PARAMS, &table) || !table ||
        !clr_word_at(c->clr, table, 2, &buckets) ||
        !clr_u32(c->clr, table + 3ull * c->clr->word, &total) || !buckets ||
        !clr_word(c->clr, buckets, &length) || length > STATICS_TYPES_MAX)
        return;
    for (uint64_t i = 0; i < length && met < total && !c->nomem && clr_spend(c->clr, 1); i++) {
        if (!clr_word_at(c->clr, buckets, BUCKET_CHAIN_FIRST + i, &entry))
            return;
        /* Bit 0 marks the end of a chain. */
        while (entry && !(entry & 1) && met < total && !c->nomem && clr_spend(c->clr, 1)) {
            met++;
            if (!clr_word(c->clr, entry, &handle))
                break;
            handle &= ~(uint64_t)1;
            if (!(handle & 2)) /* a TypeDesc has no statics */
                statics_add_type(c, handle);
            if (!clr_word_at(c->clr, entry, 1, &entry))
                break;
        }
    }
}

static int statics_cmp_roots(const void *x, const void *y) {
    const struct static_root *a = x, *b = y;
    if (a->mt != b->mt)
        return a->mt < b->mt ? -1 : 1;
    if (a->field_row != b->field_row)
        return a->field_row < b->field_row ? -1 : 1;
    return order_u64(a->object, b->object);
}

bool statics_read(struct modules *modules, struct static_roots *ret_roots, struct err *err) {
    *ret_roots = (struct static_roots){0};
    struct collecting c = {.modules = modules, .clr = modules->clr, .roots = ret_roots};
    if (!clr_knows(c.clr, F_MT_AUXILIARY) || !clr_knows(c.clr, F_CLASS_FIELDS) ||
        !clr_knows(c.clr, F_MODULE_TYPE_DEFS)) {
        ret_roots->unknown_layout = true;
        return true;
    }
    c.fields = malloc(FIELDS_MAX * sizeof(*c.fields));
    if (!c.fields)
        return err_nomem(err);
    modules_load_all(modules);
    for (uint32_t i = 0; i < modules->count && !c.nomem; i++) {
        add_type_defs(&c, modules->items[i]->address);
        add_instantiations(&c, modules->items[i]->address);
    }
    if (clr_knows(c.clr, F_THREAD_STATICS))
        add_storage(&c);
    free(c.fields);
    if (c.nomem) {
        statics_free(ret_roots);
        return err_nomem(err);
    }
    if (ret_roots->count)
        qsort(ret_roots->items, ret_roots->count, sizeof(*ret_roots->items), statics_cmp_roots);
    return true;
}

void statics_free(struct static_roots *roots) {
    free(roots->items);
    free(roots->storage);
    *roots = (struct static_roots){0};
}
