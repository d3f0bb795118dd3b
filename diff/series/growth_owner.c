#include "diff/series/growth_owner.h"

#include "base/num.h"
#include "diff/names/runtimes.h"
#include "model/known_names.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

bool growth_is_stack(const char *root) {
    return strncmp(root, "stack", 5) == 0 || strcmp(root, STACK_ROOT) == 0;
}

/* Of each node of the paths: is there what grew on the way to it, or is that a stack's? */
bool *growth_detours(const struct growth *paths) {
    bool *detours = calloc((size_t)paths->node_count + 1, sizeof(*detours));
    bool *grew = calloc((size_t)paths->node_count + 1, sizeof(*grew));
    for (uint32_t i = 0; detours && grew && i < paths->point_count; i++)
        if (paths->points[i].kind == GROWTH_MORE)
            grew[paths->points[i].node] = true;
    for (uint32_t n = 0; detours && grew && n < paths->node_count; n++) {
        uint32_t parent = paths->nodes[n].parent;
        detours[n] = parent == GROWTH_ROOT ? growth_is_stack(paths->nodes[n].root)
                                           : detours[parent] || grew[parent];
    }
    if (!grew) {
        free(detours);
        detours = NULL;
    }
    free(grew);
    return detours;
}

/*
 * May what is of one type hold what is of the other? Of types that are nested in their owner, and
 * that others know as well, only those do that are of the same family.
 */
bool growth_may_own(const char *holder, const char *type) {
    size_t outer = strcspn(type, "+");
    return !RUNTIMES_SAY(words_begin, entered_aside, str_of(type)) ||
           strncmp(holder, type, outer) == 0;
}

/* As path_to(), where only one that holds most of them will do; GROWTH_ROOT: there is none. */
static uint32_t owner_path_to(const struct growth *paths, const bool *detours, const char *type) {
    const struct growth_node *nodes = paths->nodes;
    uint32_t best = GROWTH_ROOT, last = paths->snapshot_count - 1;
    uint64_t sum = 0;
    for (uint32_t n = 0; n < paths->node_count; n++) {
        uint32_t parent = nodes[n].parent;
        if (strcmp(nodes[n].type, type) != 0)
            continue;
        sum = num_add(sum, nodes[n].bytes[last]);
        if (!detours[n] && parent != GROWTH_ROOT && growth_may_own(nodes[parent].type, type) &&
            (best == GROWTH_ROOT || nodes[n].bytes[last] > nodes[best].bytes[last]))
            best = n;
    }
    return best != GROWTH_ROOT && nodes[best].bytes[last] > sum / 2 ? best : GROWTH_ROOT;
}

/* The node of the paths at which most of a type is; GROWTH_ROOT: there is none. */
static uint32_t path_to(const struct growth *paths, const bool *detours, const char *type) {
    const struct growth_node *nodes = paths->nodes;
    uint32_t best = GROWTH_ROOT, last = paths->snapshot_count - 1;
    for (uint32_t n = 0; n < paths->node_count; n++)
        if (!detours[n] && strcmp(nodes[n].type, type) == 0 &&
            (best == GROWTH_ROOT || nodes[n].own_bytes[last] > nodes[best].own_bytes[last]))
            best = n;
    return best;
}

/* What has no parent among the rows, and hangs as that one does. */
static uint64_t hang_alike(const struct snapshot *snapshot, const struct path_row *like) {
    SNAPSHOT_ROWS(snapshot, PART_PLACES, struct path_row, rows, count);
    bool stack = growth_is_stack(like->root ? like->root : "");
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *root = rows[i].root ? rows[i].root : "";
        if (rows[i].parent == ABSENT && rows[i].type && rows[i].own_objects != ABSENT &&
            strcmp(rows[i].type, like->type) == 0 &&
            (stack ? growth_is_stack(root) : strcmp(root, like->root ? like->root : "") == 0))
            sum = num_add(sum, rows[i].own_objects);
    }
    return sum;
}

uint32_t growth_owner_path(const struct growth *paths, const bool *detours,
                           const struct snapshot *snapshot, uint32_t at,
                           const struct path_row *row) {
    const char *type = row->type ? row->type : "";
    if (RUNTIMES_SAY(words_begin, entered_aside, str_of(type)))
        return owner_path_to(paths, detours, type);
    uint32_t path = path_to(paths, detours, type);
    /* One that is elsewhere, and of the same type, is no way to many. */
    uint64_t own = path == GROWTH_ROOT ? 0 : paths->nodes[path].own_objects[at];
    return row->type && own < (hang_alike(snapshot, row) + 1) / 2 ? GROWTH_ROOT : path;
}
