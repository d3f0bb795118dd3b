#include "heap/answers_graph.h"

#include "model/builder.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>

/* -- Paths ------------------------------------------------------------------------------------- */

/* Nodes with objects of the types asked for. */
static bool keep_paths(const struct path_tree *tree, const struct path_names *names, uint32_t types,
                       const struct type_pattern *p, bool *keep) {
    uint8_t *takes = calloc((size_t)types + 1, 1); /* 0: not asked yet, 1: no, 2: yes */
    for (uint32_t i = 0; takes && i < tree->count; i++) {
        uint32_t type = tree->nodes[i].type;
        if (!tree->nodes[i].objects || type >= types)
            continue;
        if (!takes[type])
            takes[type] = type_pattern_takes(p, names->type(names->context, type)) ? 2 : 1;
        keep[i] = takes[type] == 2;
    }
    free(takes);
    return takes != NULL;
}

bool answer_paths_of_tree(struct answers *a, const struct path_tree *tree,
                          const struct path_names *names, uint32_t types, const struct snapshot *s,
                          struct err *err) {
    SNAPSHOT_ROWS(s, PART_TYPES, struct type_row, rows, count);
    struct type_pattern p;
    if (!type_pattern_init(&p, a->question.path_of, rows, count, err))
        return err_prefix(err, "--path");
    bool *keep = calloc((size_t)tree->count + 1, sizeof(*keep));
    bool ok = (keep && keep_paths(tree, names, types, &p, keep)) || err_nomem(err);
    struct builder *b = ok ? builder_new(&a->paths.tree, err) : NULL;
    ok = b != NULL;
    if (ok)
        ok = path_tree_emit_kept(tree, names, keep, b, NULL, err) &&
             answer_subject_sum(&a->paths.subject, a->question.path_of, s, err) &&
             answer_paths_choose(a, &p, err);
    builder_free(b);
    free(keep);
    type_pattern_deinit(&p);
    a->answered[QUESTION_PATH] = ok;
    return ok;
}

/* -- Holders ----------------------------------------------------------------------------------- */

static int answers_graph_cmp_text(const char *a, const char *b) {
    if (!a || !b)
        return (a == NULL) - (b == NULL);
    return strcmp(a, b);
}

static int answers_graph_cmp_names(const void *x, const void *y) {
    const struct holder_row *a = x, *b = y;
    int order = answers_graph_cmp_text(a->holder, b->holder);
    return order ? order : answers_graph_cmp_text(a->field, b->field);
}

/* Types first, then roots; most references first, garbage breaks ties. */
static int cmp_references(const void *x, const void *y) {
    const struct holder_row *a = x, *b = y;
    if (!a->holder != !b->holder)
        return a->holder ? -1 : 1;
    if (a->references != b->references)
        return a->references > b->references ? -1 : 1;
    if (a->garbage_references != b->garbage_references)
        return a->garbage_references > b->garbage_references ? -1 : 1;
    return answers_graph_cmp_names(x, y);
}

/* Types of one name (of several load contexts) are one. */
static uint32_t answers_graph_merge(struct holder_row *rows, uint32_t count) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!kept || answers_graph_cmp_names(&rows[kept - 1], &rows[i]) != 0) {
            rows[kept++] = rows[i];
            continue;
        }
        struct holder_row *into = &rows[kept - 1];
        into->references += rows[i].references;
        into->holders += rows[i].holders;
        into->garbage_references += rows[i].garbage_references;
        into->garbage_holders += rows[i].garbage_holders;
    }
    return kept;
}

uint32_t answer_holders_arrange(struct holder_row *rows, uint32_t count) {
    if (count > 1)
        qsort(rows, count, sizeof(*rows), answers_graph_cmp_names);
    count = answers_graph_merge(rows, count);
    if (count > 1)
        qsort(rows, count, sizeof(*rows), cmp_references);
    return count;
}
