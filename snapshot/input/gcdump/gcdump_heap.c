#include "input/gcdump/gcdump_heap.h"

#include "dotnet/gcdump_names.h"
#include "model/builder.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* A sample of so many objects tells nothing. */
#define MULTIPLIER_MAX 1e9

/* -- Types ------------------------------------------------------------------------------------- */

/* Types that only their module can name: "App!0x2000012". */
static bool name_deferred(struct gcdump_heap *h, const struct gcdump_type *type,
                          struct str *ret_name, struct str *ret_module) {
    struct strbuf text;
    *ret_module = gcdump_file_name(type->module);
    strbuf_init(&text);
    strbuf_add(&text, *ret_module);
    strbuf_addf(&text, "!0x%" PRIx32, type->id);
    const char *copy = strbuf_failed(&text) ? NULL : arena_copy(&h->arena, text.ptr, text.len);
    *ret_name = (struct str){copy, text.len};
    strbuf_deinit(&text);
    return copy != NULL;
}

static bool gcdump_heap_add_row(struct gcdump_heap *h, uint32_t type) {
    const struct gcdump_type *t = &h->f->types[type];
    struct str name = gcdump_type_name(t->name), module = gcdump_file_name(t->module);
    if (t->deferred && !name_deferred(h, t, &name, &module))
        return false;
    if (name.len == 0)
        name = STR("<no name>");
    uint32_t row = strmap_get(&h->row_of_name, name, module);
    if (row == STRMAP_NONE) {
        row = h->row_count++;
        h->rows[row] = (struct gcdump_row){
            .name = name, .module = module, .text = arena_copy(&h->arena, name.ptr, name.len)};
        if (!h->rows[row].text || !strmap_put(&h->row_of_name, name, module, row))
            return false;
    }
    h->row_of_type[type] = row;
    h->is_group[type] = str_first(name) == '[' && str_ends(name, STR("]"));
    return true;
}

static bool make_scales(struct gcdump_heap *h) {
    const struct gcdump_file *f = h->f;
    h->sampled = f->type_multiplier_count || f->count_multiplier != 1 || f->size_multiplier != 1;
    if (!h->sampled)
        return true;
    uint32_t strange = 0;
    h->scales = calloc((size_t)f->type_count + 1, sizeof(*h->scales));
    if (!h->scales)
        return false;
    for (uint32_t i = 0; i < f->type_count; i++) {
        double multiplier = (double)gcdump_type_multiplier(f, i);
        bool good = multiplier > 0 && multiplier <= MULTIPLIER_MAX; /* false for NaN */
        h->scales[i].multiplier = good ? multiplier : 1;
        strange += !good;
    }
    if (strange)
        builder_warn(h->b, strange,
                     "types have no multiplier that makes sense: counted as they "
                     "are");
    return true;
}

bool gcdump_heap_open(struct gcdump_heap *h, const struct gcdump_file *f, struct builder *b,
                      struct err *err) {
    *h = (struct gcdump_heap){.f = f, .b = b};
    arena_init(&h->arena);
    strmap_init(&h->row_of_name);
    size_t room = (size_t)f->type_count + 1;
    h->row_of_type = arena_array(&h->arena, room, sizeof(*h->row_of_type));
    h->is_group = arena_array(&h->arena, room, sizeof(*h->is_group));
    h->rows = arena_array(&h->arena, room, sizeof(*h->rows));
    bool ok = h->row_of_type && h->is_group && h->rows;
    for (uint32_t i = 0; ok && i < f->type_count; i++)
        ok = gcdump_heap_add_row(h, i);
    return (ok && make_scales(h)) || err_nomem(err);
}

void gcdump_heap_close(struct gcdump_heap *h) {
    strmap_deinit(&h->row_of_name);
    arena_deinit(&h->arena);
    free(h->scales);
    free(h->cells);
}

/* -- Counting ---------------------------------------------------------------------------------- */

static uint64_t scaled(uint64_t value, double multiplier) {
    double product = (double)value * multiplier;
    return product < 1e18 ? (uint64_t)llround(product) : (uint64_t)1000000000000000000;
}

struct cell gcdump_heap_weigh(struct gcdump_heap *h, uint32_t type, uint32_t size) {
    if (!h->scales)
        return (struct cell){1, size};
    struct gcdump_scale *scale = &h->scales[type];
    cell_add(&scale->seen, (struct cell){1, size});
    struct cell told = {scaled(scale->seen.objects, scale->multiplier),
                        scaled(scale->seen.bytes, scale->multiplier)};
    struct cell more = {told.objects - scale->told.objects, told.bytes - scale->told.bytes};
    scale->told = told;
    return more;
}

bool gcdump_heap_count_begin(struct gcdump_heap *h, struct err *err) {
    free(h->cells);
    h->broken_nodes = 0;
    h->cells = calloc((size_t)h->f->type_count + 1, sizeof(*h->cells));
    return h->cells || err_nomem(err);
}

bool gcdump_heap_count_end(struct gcdump_heap *h, struct err *err) {
    builder_present(h->b, PART_TYPES);
    for (uint32_t i = 0; i < h->f->type_count; i++) {
        struct cell cell = h->cells[i];
        h->sum_bytes += cell.bytes;
        if (h->scales)
            cell = (struct cell){scaled(cell.objects, h->scales[i].multiplier),
                                 scaled(cell.bytes, h->scales[i].multiplier)};
        cell_add(&h->rows[h->row_of_type[i]].all, cell);
    }
    builder_expect_types(h->b, h->row_count);
    for (uint32_t i = 0; i < h->row_count; i++) {
        const struct gcdump_row *row = &h->rows[i];
        if (row->all.objects &&
            !builder_add_type(h->b, row->name, row->module, GEN_UNKNOWN, row->all, err))
            return false;
    }
    return true;
}

bool gcdump_heap_count(struct gcdump_heap *h, struct err *err) {
    struct gcdump_node node;
    if (!gcdump_heap_count_begin(h, err))
        return false;
    for (uint32_t i = 0; i < h->f->node_count; i++)
        (void)gcdump_heap_next(h, i, &node);
    return gcdump_heap_count_end(h, err);
}
