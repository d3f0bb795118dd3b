/* Of a diff in JSON: growth by path, and where the memory of the process goes. */
#include "base/num.h"
#include "diff/series/growth.h"
#include "diff/report/json_parts.h"
#include "model/snapshot.h"

#include <string.h>

/* A longer path is one through a linked list: its ends say enough. */
#define PATH_MOST 256u

static cJSON *json_growth_path_of(struct json *j, const struct growth *g, uint32_t node,
                                  const char **ret_root) {
    uint32_t steps[PATH_MOST], depth = 0;
    for (uint32_t n = node; n != GROWTH_ROOT && depth < PATH_MOST; n = g->nodes[n].parent)
        steps[depth++] = n;
    *ret_root = depth ? g->nodes[steps[depth - 1]].root : NULL;
    cJSON *list = cJSON_CreateArray();
    while (depth--) {
        const struct growth_node *step = &g->nodes[steps[depth]];
        cJSON *object = cJSON_CreateObject();
        json_add(j, object, "edge", json_text(step->edge));
        json_add(j, object, "type", json_text(step->type));
        json_append(j, list, object);
    }
    return list;
}

/* Types that grew in one place, with what each adds to the sum. */
static cJSON *members_of(struct json *j, const struct growth *g, const struct growth_point *sum) {
    if (sum->types == 0)
        return cJSON_CreateNull();
    cJSON *list = cJSON_CreateArray();
    for (uint32_t i = 0; i < g->point_count; i++) {
        const struct growth_point *point = &g->points[i];
        if (!point->in_spread || g->nodes[point->node].parent != sum->node)
            continue;
        cJSON *object = cJSON_CreateObject();
        json_add(j, object, "edge", json_text(g->nodes[point->node].edge));
        json_add(j, object, "type", json_text(g->nodes[point->node].type));
        json_add(j, object, "objects_delta", json_delta(point->objects_delta));
        json_add(j, object, "bytes_delta", json_delta(point->bytes_delta));
        json_append(j, list, object);
    }
    return list;
}

bool json_growth_points(struct json *j, const struct series *s, struct err *err) {
    struct growth g;
    if (!(s->parts_all & PART_BIT(PART_PATHS))) {
        json_put(j, "growth_points", cJSON_CreateNull());
        return true;
    }
    if (!growth_init(&g, s, err))
        return false;
    json_array_begin(j, "growth_points");
    for (uint32_t i = 0; i < g.point_count; i++) {
        const struct growth_point *point = &g.points[i];
        const char *root = NULL;
        if (point->in_spread)
            continue;
        cJSON *object = cJSON_CreateObject();
        json_add(j, object, "path", json_growth_path_of(j, &g, point->node, &root));
        json_add(j, object, "root", json_text(root));
        json_add(j, object, "kind", json_text(growth_kind_names[point->kind]));
        json_add(j, object, "objects_delta", json_delta(point->objects_delta));
        json_add(j, object, "bytes_delta", json_delta(point->bytes_delta));
        json_add(j, object, "verdict", json_text(verdict_names[point->verdict]));
        json_add(j, object, "at_least", json_bool(point->at_least));
        json_add(j, object, "stacks_only", json_bool(point->stacks_only));
        json_add(j, object, "members", members_of(j, &g, point));
        json_array_put(j, object);
    }
    json_array_end(j);
    growth_deinit(&g);
    return true;
}

/* -- Reconciliation ---------------------------------------------------------------------------- */

static uint64_t usage(const struct series *s, enum series_value_id id, uint32_t i) {
    uint64_t bytes = series_value_at(series_value(s, id), i);
    return bytes != ABSENT ? bytes : 0;
}

/* Names of what memory is used for, as the readers of raw dumps have them. */
static const struct {
    const char *key;
    enum series_value_id usages[2];
    uint32_t count;
} native_parts[] = {
    {"native", {VALUE_USAGE_NATIVE}, 1},
    {"loader_jit", {VALUE_USAGE_LOADER_JIT}, 1},
    {"image", {VALUE_USAGE_IMAGE, VALUE_USAGE_MAPPED_FILE}, 2},
    {"stack", {VALUE_USAGE_STACK}, 1},
    {"unaccounted", {VALUE_USAGE_UNACCOUNTED}, 1},
};

/* Bytes of native_parts[k]. */
static uint64_t native_part(const struct series *s, size_t k, uint32_t i) {
    uint64_t sum = 0;
    for (uint32_t u = 0; u < native_parts[k].count; u++)
        sum = num_add(sum, usage(s, native_parts[k].usages[u], i));
    return sum;
}

/* Does every snapshot know what is GC heap and what is not? */
static bool can_reconcile(const struct series *s) {
    const struct series_value *heap = series_value(s, VALUE_USAGE_GC_HEAP);
    for (uint32_t i = 0; heap && i < s->count; i++)
        if (heap->values[i] == ABSENT || !snapshot_has(s->snapshots[i], PART_TYPES))
            return false;
    return heap != NULL;
}

void json_reconciliation(struct json *j, const struct series *s) {
    if (!can_reconcile(s)) {
        json_put(j, "reconciliation", cJSON_CreateNull());
        return;
    }
    cJSON *object = cJSON_CreateObject(), *committed = cJSON_CreateArray(),
          *managed = cJSON_CreateArray(), *overhead = cJSON_CreateArray();
    for (uint32_t i = 0; i < s->count; i++) {
        uint64_t gc =
            num_add(usage(s, VALUE_USAGE_GC_HEAP, i), usage(s, VALUE_USAGE_GC_BOOKKEEPING, i));
        uint64_t objects = s->sums[i].total.bytes, all = gc;
        objects = objects < gc ? objects : gc;
        for (size_t k = 0; k < sizeof(native_parts) / sizeof(*native_parts); k++)
            all = num_add(all, native_part(s, k, i));
        json_append(j, committed, json_number(all));
        json_append(j, managed, json_number(objects));
        json_append(j, overhead, json_number(gc - objects));
    }
    json_add(j, object, "committed", committed);
    json_add(j, object, "managed", managed);
    json_add(j, object, "gc_overhead", overhead);
    for (size_t k = 0; k < sizeof(native_parts) / sizeof(*native_parts); k++) {
        cJSON *column = cJSON_CreateArray();
        for (uint32_t i = 0; i < s->count; i++)
            json_append(j, column, json_number(native_part(s, k, i)));
        json_add(j, object, native_parts[k].key, column);
    }
    json_put(j, "reconciliation", object);
}
