/* The traversal, against the plainest one there is: the same objects, on the same nodes. */
#include "model/answers.h"
#include "tests/support/mk_graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OBJECTS    30000u
#define REFERENCES 6u

struct drawn {
    uint32_t first[OBJECTS + 1], to[REFERENCES * OBJECTS];
    uint8_t types[OBJECTS];
};

static uint32_t follow_random(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Breadth first, an object at a time. */
static void follow_plainly(const struct drawn *d, uint32_t root, struct path_tree *ret) {
    uint32_t *queue = malloc(OBJECTS * sizeof(*queue)), *nodes = malloc(OBJECTS * sizeof(*nodes));
    uint32_t count = 0;
    assert_true(queue && nodes);
    for (uint32_t v = 0; v < OBJECTS; v++)
        nodes[v] = PATH_NONE;
    path_tree_init(ret);
    queue[count++] = root;
    nodes[root] = path_tree_node(ret, PATH_NONE, 7, d->types[root]);
    path_tree_count(ret, nodes[root], mk_graph_bytes(root));
    for (uint32_t at = 0; at < count; at++) {
        uint32_t v = queue[at];
        for (uint32_t i = d->first[v]; i < d->first[v + 1]; i++) {
            uint32_t to = d->to[i];
            if (nodes[to] != PATH_NONE)
                continue;
            nodes[to] = path_tree_node(ret, nodes[v], i - d->first[v], d->types[to]);
            path_tree_count(ret, nodes[to], mk_graph_bytes(to));
            queue[count++] = to;
        }
    }
    free(queue);
    free(nodes);
}

static void check_follow(const struct drawn *d) {
    struct mk_graph *m = mk_graph_new(OBJECTS, d->first, d->to, d->types);
    struct path_tree plain;
    mk_graph_root(m, 0, 7);
    mk_graph_follow(m, NULL);
    follow_plainly(d, 0, &plain);
    const struct path_tree *t = &m->heap.follow.tree;
    assert_int_equal(t->count, plain.count);
    assert_memory_equal(t->nodes, plain.nodes, plain.count * sizeof(*plain.nodes));
    path_tree_deinit(&plain);
    mk_graph_free(m);
}

/*
 * Two thirds are a chain; each element refers to the next one by a reference of the same number,
 * until that number changes. What it refers to besides are the others, or in `astray` of a thousand
 * cases elements: of the chain ahead, too, which then goes on from two places.
 */
static struct drawn *draw_chain(uint32_t seed, uint32_t which, uint32_t astray) {
    struct drawn *d = malloc(sizeof(*d));
    const uint32_t chain = OBJECTS / 3 * 2;
    uint32_t at = 0;
    assert_non_null(d);
    for (uint32_t v = 0; v < OBJECTS; v++) {
        d->first[v] = at;
        d->types[v] = (uint8_t)(follow_random(&seed) % 3);
        uint32_t next = (which + v / 5000) % REFERENCES;
        for (uint32_t i = 0; v < chain && i < REFERENCES; i++) {
            bool element = follow_random(&seed) % 1000 < astray;
            uint32_t other = element ? follow_random(&seed) % chain
                                     : chain + follow_random(&seed) % (OBJECTS - chain);
            d->to[at++] = i == next && v + 1 < chain ? v + 1 : other;
        }
    }
    d->first[OBJECTS] = at;
    return d;
}

static void chains_are_followed_element_by_element(void **state) {
    (void)state;
    static const uint32_t astray[] = {0, 1, 30, 1000};
    for (uint32_t i = 0; i < sizeof(astray) / sizeof(*astray); i++)
        for (uint32_t which = 0; which < REFERENCES; which++) {
            struct drawn *d = draw_chain(which + 11 * i, which, astray[i]);
            check_follow(d);
            free(d);
        }
}

static void a_chain_that_ends_in_a_circle_ends(void **state) {
    (void)state;
    struct drawn *d = malloc(sizeof(*d));
    assert_non_null(d);
    for (uint32_t v = 0; v < OBJECTS; v++) {
        d->first[v] = v;
        d->to[v] = v + 1 < OBJECTS ? v + 1 : OBJECTS / 2;
        d->types[v] = v % 2;
    }
    d->first[OBJECTS] = OBJECTS;
    check_follow(d);
    free(d);
}

/* More nodes than 16 bits tell: each object is met by an edge of its own. */
static void nodes_are_told_of_each_object_however_many_there_are(void **state) {
    (void)state;
    enum { COUNT = 70000 };
    struct question q = {.asked = {[QUESTION_RETAINED] = true}};
    struct answers a;
    uint32_t *first = malloc((COUNT + 1) * sizeof(*first)), *to = malloc(COUNT * sizeof(*to));
    uint8_t *types = calloc(COUNT, 1);
    assert_true(first && to && types);
    types[0] = 1;
    for (uint32_t v = 0; v < COUNT; v++) {
        first[v] = v ? COUNT - 1 : 0;
        to[v] = v + 1;
    }
    first[COUNT] = COUNT - 1;
    answers_init(&a, &q);
    struct mk_graph *m = mk_graph_new(COUNT, first, to, types);
    mk_graph_root(m, 0, 7);
    mk_graph_follow(m, &a);
    const struct follow *f = &m->heap.follow;
    assert_int_equal(f->tree.count, COUNT);
    for (uint32_t v = 0; v < COUNT; v++) {
        const struct graph_word *word = &m->heap.graph.words[v / 64];
        const struct path_node *node = &f->tree.nodes[follow_node(f, graph_rank(word, v))];
        assert_int_equal(node->type, types[v]);
        assert_int_equal(node->edge, v ? v - 1 : 7);
    }
    mk_graph_free(m);
    answers_deinit(&a);
    free(first);
    free(to);
    free(types);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_are_followed_element_by_element),
        cmocka_unit_test(a_chain_that_ends_in_a_circle_ends),
        cmocka_unit_test(nodes_are_told_of_each_object_however_many_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
