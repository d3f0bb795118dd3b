/* Paths of growth, for people. */
#include "diff/series/growth.h"

#include "diff/names/path_text.h"

#include <stdlib.h>

/* last: whether the node's own type is the end of the text. */
static void node_text(const struct growth *g, uint32_t node, bool full, bool last, uint32_t keep,
                      struct strbuf *out) {
    uint32_t depth = 0;
    for (uint32_t n = node; n != GROWTH_ROOT; n = g->nodes[n].parent)
        depth++;
    struct path_step *steps = calloc((size_t)depth + 1, sizeof(*steps));
    if (!steps) {
        err_keep_nomem(&out->err);
        return;
    }
    uint32_t i = depth, kept = PATH_KEEP_ENDS;
    for (uint32_t n = node; n != GROWTH_ROOT; n = g->nodes[n].parent) {
        steps[--i] = (struct path_step){g->nodes[n].edge, g->nodes[n].type};
        kept = n == keep ? i : kept;
    }
    path_text_keeping(growth_root(g, node), steps, depth, full, last, kept, out);
    free(steps);
}

void growth_path_text_keeping(const struct growth *g, uint32_t node, uint32_t keep, bool full,
                              struct strbuf *out) {
    node_text(g, node, full, true, keep, out);
}

void growth_holder_text(const struct growth *g, uint32_t node, bool full, struct strbuf *out) {
    node_text(g, node, full, false, GROWTH_ROOT, out);
}
