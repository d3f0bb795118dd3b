/*
 * What a heap takes while it is asked what its objects retain, in bytes of memory: 24 an object and
 * 6 a reference at most, graph, paths and dominators included, even where nothing is a leaf. What
 * is too much by one array shows here and nowhere else.
 */
#include "model/answers.h"
#include "model/builder.h"
#include "tests/support/mk_graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define OBJECTS         2000000u
#define REFERENCES_MOST 4u
#define OBJECT_BYTES    24u
#define REFERENCE_BYTES 6u
/* Whatever the heap: queues, batches, tables of names. */
#define CONSTANT_BYTES ((uint64_t)4 << 20)

#ifdef ARENA_DEBUG
#define SANITIZED true
#else
#define SANITIZED false
#endif

struct shape {
    uint32_t first[OBJECTS + 1], to[REFERENCES_MOST * OBJECTS];
};

/* A number of /proc/self/status [bytes]. */
static uint64_t status_bytes(const char *name) {
    char line[256];
    unsigned long long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof(line), f))
        if (strncmp(line, name, strlen(name)) == 0)
            sscanf(line + strlen(name), ": %llu", &kib);
    if (f)
        fclose(f);
    return kib * 1024;
}

/* What it took at the most [bytes], and how many objects were live. */
struct outcome {
    uint64_t most, live;
};

/* What is asked, and no more. Gives the live objects; 0: that would take more than `limit` bytes.
 */
static uint64_t retain(const struct shape *shape, uint64_t limit) {
    struct question q = {.asked = {[QUESTION_RETAINED] = true}};
    struct answers a;
    struct snapshot s;
    snapshot_init(&s);
    answers_init(&a, &q);
    struct mk_graph *m = mk_graph_new(OBJECTS, shape->first, shape->to, NULL);
    struct builder *b = builder_new(&s, &m->err);
    mk_graph_root(m, 0, 0);
    m->heap.graph.memory_limit = limit;
    mk_graph_follow(m, &a);
    bool ok = b && heap_answer(&m->heap, b, &a, &m->err);
    if (ok && a.over_memory[QUESTION_RETAINED] && !a.answered[QUESTION_RETAINED])
        return 0;
    return ok && a.retained.type_count == 1 ? a.retained.types[0].retained.objects : UINT64_MAX;
}

/* In a process of its own, whose memory is that of the others until it takes more. */
static struct outcome retain_most(const struct shape *shape, uint64_t limit) {
    struct outcome o = {0, 0};
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        uint64_t before = status_bytes("VmRSS");
        o.live = retain(shape, limit);
        o.most = status_bytes("VmHWM") - before;
        _exit(write(ends[1], &o, sizeof(o)) != sizeof(o));
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &o, sizeof(o)), sizeof(o));
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    return o;
}

/* inner: of 100 objects so many have references, and that many each, to what `other` says. */
static struct shape *shape_new(uint32_t inner, uint32_t references,
                               uint32_t (*other)(uint32_t object, uint32_t number)) {
    struct shape *shape = malloc(sizeof(*shape));
    assert_non_null(shape);
    uint32_t at = 0;
    for (uint32_t v = 0; v < OBJECTS; v++) {
        shape->first[v] = at;
        for (uint32_t i = 0; v % 100 < inner && i < references; i++)
            shape->to[at++] = other(v, i) % OBJECTS;
    }
    shape->first[OBJECTS] = at;
    return shape;
}

static void check_shape(struct shape *shape) {
    if (SANITIZED) { /* the sanitizers' own memory is several times that */
        free(shape);
        skip();
        return;
    }
    struct outcome o = retain_most(shape, UINT64_MAX);
    uint64_t of_references = (uint64_t)REFERENCE_BYTES * shape->first[OBJECTS];
    free(shape);
    assert_int_equal(o.live, OBJECTS);
    if (o.most > (uint64_t)OBJECT_BYTES * OBJECTS + of_references + CONSTANT_BYTES)
        fail_msg("%.2f bytes an object besides those of references, instead of %u",
                 ((double)o.most - (double)of_references) / OBJECTS, OBJECT_BYTES);
    /* Less than lists and nodes of paths alone would mean that nothing was measured. */
    assert_true(o.most > (uint64_t)8 * OBJECTS);
}

/* Objects that hold some leaves and the next one of their kind. */
static uint32_t near_ones(uint32_t object, uint32_t number) {
    return number ? object + 25 * number : object % 100 == 24 ? object + 76 : object + 1;
}

static void an_ordinary_heap_takes_what_is_promised(void **state) {
    (void)state;
    check_shape(shape_new(25, 4, near_ones));
}

static uint32_t mixed(uint32_t object, uint32_t number) {
    uint32_t x = (object * REFERENCES_MOST + number) * 2654435761u;
    x ^= x >> 15;
    return (x * 2246822519u) >> 3;
}

/* The next one of its kind; anything; a leaf. */
static uint32_t next_or_anywhere(uint32_t object, uint32_t number) {
    uint32_t of_block = object % 100;
    if (number == 1)
        return mixed(object, number);
    if (number == 2)
        return object - of_block + 60 + of_block % 40;
    return of_block == 59 ? object + 41 : object + 1;
}

static void a_tangle_takes_what_is_promised(void **state) {
    (void)state;
    check_shape(shape_new(60, 3, next_or_anywhere));
}

static uint32_t both_ways(uint32_t object, uint32_t number) {
    return number ? object + OBJECTS - 1 : object + 1;
}

static void a_list_of_all_objects_takes_what_is_promised(void **state) {
    (void)state;
    check_shape(shape_new(100, 2, both_ways));
}

static uint32_t one_way(uint32_t object, uint32_t number) {
    return object + number + 1;
}

static void a_chain_of_all_objects_takes_what_is_promised(void **state) {
    (void)state;
    check_shape(shape_new(100, 1, one_way));
}

/* The next one, and anything that has references, too. */
static uint32_t next_and_anywhere(uint32_t object, uint32_t number) {
    return number ? mixed(object, number) : object + 1;
}

static void a_tangle_without_leaves_takes_what_is_promised(void **state) {
    (void)state;
    check_shape(shape_new(100, 4, next_and_anywhere));
}

/* Bytes an object that are enough, or not: those of the graph alone are 25. */
static void what_may_be_taken_is_not_exceeded(void **state) {
    (void)state;
    static const struct {
        uint64_t object_bytes;
        bool enough;
    } cases[] = {{36, false}, {60, true}};
    if (SANITIZED) {
        skip();
        return;
    }
    struct shape *shape = shape_new(100, 4, next_and_anywhere);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint64_t limit = cases[i].object_bytes * OBJECTS;
        struct outcome o = retain_most(shape, limit);
        assert_int_equal(o.live, cases[i].enough ? OBJECTS : 0);
        if (o.most > limit + CONSTANT_BYTES)
            fail_msg("%llu bytes, instead of %llu", (unsigned long long)o.most,
                     (unsigned long long)limit);
    }
    free(shape);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordinary_heap_takes_what_is_promised),
        cmocka_unit_test(a_tangle_takes_what_is_promised),
        cmocka_unit_test(a_list_of_all_objects_takes_what_is_promised),
        cmocka_unit_test(a_chain_of_all_objects_takes_what_is_promised),
        cmocka_unit_test(a_tangle_without_leaves_takes_what_is_promised),
        cmocka_unit_test(what_may_be_taken_is_not_exceeded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
