#include "cmd/history_notes.h"

#include "base/hash.h"
#include "base/order.h"
#include "diff/names/names.h"
#include "diff/rules/rule.h"
#include "diff/series/growth.h"

#include <stdlib.h>

#define FINDINGS_KEPT 20u
#define HOLDERS_KEPT \
    30u /* types that grow slowly are not among the largest: the more, the better */

void notes_deinit(struct notes *n) {
    arena_deinit(&n->arena);
}

static bool note_findings(struct notes *n, const struct series *s, struct err *err) {
    struct limits limits;
    struct findings f;
    limits_init(&limits);
    findings_init(&f);
    bool ok = rules_run(s, &limits, &f, err);
    struct history_finding *kept = arena_array(&n->arena, FINDINGS_KEPT, sizeof(*kept));
    ok = ok && (kept || err_nomem(err));
    uint32_t count = 0;
    for (uint32_t i = 0; ok && i < f.count && count < FINDINGS_KEPT; i++) {
        const struct finding *hit = &f.items[i];
        if (hit->status != STATUS_HIT || hit->severity > SEVERITY_WARNING)
            continue;
        struct history_finding *k = &kept[count++];
        *k = (struct history_finding){arena_copy(&n->arena, hit->rule->id, strlen(hit->rule->id)),
                                      severity_names[hit->severity],
                                      arena_copy(&n->arena, hit->subject, strlen(hit->subject)),
                                      arena_copy(&n->arena, hit->summary, strlen(hit->summary))};
        ok = (k->rule && k->subject && k->summary) || err_nomem(err);
    }
    n->kept.findings = kept;
    n->kept.finding_count = ok ? count : 0;
    findings_deinit(&f);
    return ok;
}

/* The node of each type that has most of it. */
struct best {
    const char *type;
    uint32_t node;
    uint64_t bytes;
};

static int cmp_best(const void *x, const void *y) {
    const struct best *a = x, *b = y;
    return a->bytes != b->bytes ? order_u64(b->bytes, a->bytes) : order_text(a->type, b->type);
}

static uint32_t find_best(const struct growth *g, struct best *best, struct strmap *places) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < g->node_count; i++) {
        const struct growth_node *node = &g->nodes[i];
        if (growth_is_rest(node) || !node->type || !node->own_bytes[0])
            continue;
        struct str key = str_of(node->type);
        uint32_t at = strmap_get(places, key, STR(""));
        if (at == STRMAP_NONE) {
            if (!strmap_put(places, key, STR(""), count))
                return UINT32_MAX;
            best[at = count++] = (struct best){node->type, i, 0};
        }
        if (node->own_bytes[0] > best[at].bytes)
            best[at] = (struct best){node->type, i, node->own_bytes[0]};
    }
    return count;
}

static const char *note_text(struct notes *n, struct strbuf *text) {
    return strbuf_failed(text) ? NULL : arena_copy(&n->arena, strbuf_cstr(text), text->len);
}

static bool note_holder(struct notes *n, const struct growth *g, const struct best *best,
                        struct history_holder *k) {
    struct strbuf type, path;
    strbuf_init(&type);
    strbuf_init(&path);
    name_normal(str_of(best->type), &type);
    growth_holder_text(g, best->node, false, &path);
    *k = (struct history_holder){note_text(n, &type), note_text(n, &path),
                                 g->nodes[best->node].own_objects[0], best->bytes};
    strbuf_deinit(&type);
    strbuf_deinit(&path);
    return k->type && k->held_by;
}

static bool note_holders(struct notes *n, const struct series *s, struct err *err) {
    struct growth g;
    struct strmap places;
    if (!growth_init(&g, s, err))
        return false;
    strmap_init(&places);
    struct best *best = calloc((size_t)g.node_count + 1, sizeof(*best));
    struct history_holder *kept = arena_array(&n->arena, HOLDERS_KEPT, sizeof(*kept));
    uint32_t count = best && kept ? find_best(&g, best, &places) : UINT32_MAX;
    bool ok = count != UINT32_MAX || err_nomem(err);
    if (ok && count)
        qsort(best, count, sizeof(*best), cmp_best);
    for (uint32_t i = 0; ok && i < count && i < HOLDERS_KEPT; i++) {
        ok = note_holder(n, &g, &best[i], &kept[i]) || err_nomem(err);
        n->kept.holder_count += ok;
    }
    n->kept.holders = kept;
    free(best);
    strmap_deinit(&places);
    growth_deinit(&g);
    return ok;
}

bool notes_find(struct notes *n, const struct snapshot *snapshot, struct err *err) {
    struct series s;
    const struct snapshot *one[] = {snapshot};
    *n = (struct notes){.kept = {.finding_count = 0}};
    arena_init(&n->arena);
    bool ok =
        series_init(&s, one, 1, NULL, err) && note_findings(n, &s, err) && note_holders(n, &s, err);
    series_deinit(&s);
    return ok;
}
