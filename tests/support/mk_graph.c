#include "tests/support/mk_graph.h"

#include "heap/graph_part.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *mk_graph_name_type(void *context, uint32_t type) {
    static const char names[MK_GRAPH_TYPES][2] = {"A", "B", "C", "D", "E", "F", "G", "H"};
    (void)context;
    return names[type];
}

static const char *mk_graph_name_edge(void *context, uint32_t type, uint32_t edge) {
    static char name[16];
    (void)context;
    (void)type;
    snprintf(name, sizeof(name), "e%u", edge);
    return name;
}

static const char *mk_graph_name_root(void *context, uint32_t label) {
    static char name[16];
    (void)context;
    snprintf(name, sizeof(name), "root %u", label);
    return name;
}

static struct str mk_graph_module(void *context, uint32_t type) {
    (void)context;
    (void)type;
    return STR("");
}

static void mk_graph_add(struct graph *g, struct graph_part *part, uint32_t object, uint32_t type,
                         const uint32_t *to, uint32_t count) {
    struct graph_class like = {.size = mk_graph_bytes(object),
                               .type = type,
                               .flags = CLASS_OBJECT | (count ? CLASS_LISTED : 0)};
    uint32_t class = graph_add_class(g, like);
    assert_int_not_equal(class, GRAPH_NONE);
    assert_true(graph_part_object(part, object, 1, class));
    if (!count)
        return;
    assert_true(graph_part_room(part, graph_list_room(count)));
    struct graph_pen pen = graph_part_list(part, type);
    for (uint32_t i = 0; i < count; i++)
        graph_pen_reference(&pen, to[i]);
    graph_part_close(part, &pen);
}

struct mk_graph *mk_graph_new(uint32_t count, const uint32_t *first, const uint32_t *to,
                              const uint8_t *types) {
    static const struct graph_run fields = {0, UINT32_MAX, 1};
    struct mk_graph *m = calloc(1, sizeof(*m));
    assert_non_null(m);
    m->source = (struct heap_source){
        .context = m,
        .names = {m, mk_graph_name_type, mk_graph_name_edge, mk_graph_name_root},
        .module = mk_graph_module};
    m->heap.source = &m->source;
    struct graph *g = &m->heap.graph;
    struct graph_part part;
    assert_true(graph_init(g, count, UINT64_MAX, &m->err));
    for (uint32_t i = 0; i < MK_GRAPH_TYPES; i++)
        assert_int_equal(graph_add_type(g, i, 0, &fields, 1), i);
    assert_true(graph_part_begin(&part, g, &m->err));
    for (uint32_t i = 0; i < count; i++)
        mk_graph_add(g, &part, i, types ? types[i] : 0, to + first[i], first[i + 1] - first[i]);
    graph_part_end(&part);
    assert_true(graph_finish(g, &m->err));
    return m;
}

void mk_graph_free(struct mk_graph *m) {
    heap_deinit(&m->heap);
    free(m);
}

void mk_graph_root(struct mk_graph *m, uint32_t object, uint32_t label) {
    assert_true(heap_add_root(&m->heap, object, label, GROUP_NAMED, &m->err));
}

void mk_graph_follow(struct mk_graph *m, const struct answers *answers) {
    assert_true(heap_follow(&m->heap, answers, &m->err));
}
