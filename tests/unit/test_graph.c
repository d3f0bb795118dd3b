/* The graph itself: what is put in comes out, whatever the order, the size and the thread. */
#include "heap/graph_part.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SLOTS (5 * GRAPH_PAGE_SLOTS)

static uint32_t graph_random(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void codes_of_all_lengths_are_read_as_they_were_written(void **state) {
    (void)state;
    uint8_t bytes[2 * LIST_CODE_MAX + LIST_SLACK];
    for (unsigned bit = 0; bit < 61; bit++) {
        for (int less = 0; less < 2; less++) {
            uint64_t code = ((uint64_t)1 << bit) - (uint64_t)less;
            uint8_t *end = list_put(list_put(bytes, code), 1);
            const uint8_t *at = bytes;
            assert_true(end - bytes <= 2 * LIST_CODE_MAX);
            assert_true(list_get(&at) == code);
            assert_int_equal(list_get(&at), 1);
            assert_ptr_equal(at, end);
        }
    }
    static const uint64_t slots[] = {0, 1, 14, 63, 1000000, ((uint64_t)1 << GRAPH_SLOT_BITS) - 1};
    for (size_t i = 0; i < sizeof(slots) / sizeof(*slots); i++)
        for (size_t k = 0; k < sizeof(slots) / sizeof(*slots); k++) {
            uint64_t code = list_distance(slots[i], slots[k]);
            assert_true(code >= LIST_SLOT && list_behind(slots[i], code) == slots[k]);
        }
}

/* What is at a slot, as numbers drawn by the slot say. */
struct made {
    uint32_t type, references, padding, slots;
};

static struct made made_at(uint64_t slot) {
    uint32_t seed = (uint32_t)slot * 2654435761u;
    graph_random(&seed);
    /* Every other page is so full that it is added in several goes. */
    bool full = slot >> GRAPH_PAGE_SHIFT & 1;
    struct made m = {.type = graph_random(&seed) % 3,
                     .slots = full ? 1 + graph_random(&seed) % 4 : 3 + graph_random(&seed) % 60};
    m.references = m.type ? graph_random(&seed) % 5 : 0;
    m.padding = graph_random(&seed) % 8;
    if (!full && graph_random(&seed) % 2000 == 0)
        m.slots = (uint32_t)GRAPH_PAGE_SLOTS + 77; /* over a whole page */
    return m;
}

static uint64_t target_of(uint64_t slot, uint32_t i) {
    uint32_t seed = (uint32_t)slot * 7919u + i;
    graph_random(&seed);
    uint32_t kind = graph_random(&seed) % 8;
    return kind == 0 ? GRAPH_NOWHERE : kind < 3 ? slot + kind : graph_random(&seed) % SLOTS;
}

static bool is_null(uint64_t slot, uint32_t i) {
    return (slot + i) % 3 == 0;
}

/* Fills the slots of [from, to); a hole before every hundredth object. */
static void fill(struct graph *g, uint64_t from, uint64_t to) {
    struct graph_part part;
    struct err err;
    assert_true(graph_part_begin(&part, g, &err));
    uint64_t slot = from;
    for (uint32_t n = 0; slot < to; n++) {
        struct made m = made_at(slot);
        if (n % 100 == 99) {
            slot += 5;
            continue;
        }
        uint32_t class =
            graph_add_class(g, (struct graph_class){.type = m.type,
                                                    .size = m.padding,
                                                    .flags = CLASS_OBJECT | CLASS_TO_NEXT |
                                                             (m.references ? CLASS_LISTED : 0)});
        assert_int_not_equal(class, GRAPH_NONE);
        assert_true(graph_part_object(&part, slot, m.slots, class));
        if (m.references) {
            assert_true(graph_part_room(&part, graph_list_room(m.references + 1)));
            struct graph_pen pen = graph_part_list(&part, m.type);
            for (uint32_t i = 0; i < m.references; i++) {
                if (is_null(slot, i))
                    graph_pen_null(&pen);
                else
                    graph_pen_reference(&pen, target_of(slot, i));
            }
            graph_pen_labelled(&pen, 77, slot);
            graph_part_close(&part, &pen);
        }
        slot += m.slots;
    }
    graph_part_end(&part);
}

struct filling {
    struct graph *graph;
    uint64_t from, to;
};

static void *run_filling(void *argument) {
    struct filling *f = argument;
    fill(f->graph, f->from, f->to);
    return NULL;
}

static void check_object(const struct graph *g, const struct graph_object *object) {
    struct made m = made_at(object->slot);
    assert_int_equal(object->class->type, m.type);
    assert_int_equal(graph_size(g, object->slot, object->class), 8 * m.slots - m.padding);
    assert_int_equal((object->class->flags & CLASS_LISTED) != 0, m.references != 0);
    if (!m.references)
        return;
    struct graph_cursor cursor;
    uint64_t slot;
    uint32_t edge;
    graph_open_list(g, graph_list_of(g, object->rank), &cursor);
    assert_int_equal(cursor.type, m.type);
    for (uint32_t i = 0; i < m.references; i++) {
        if (is_null(object->slot, i))
            continue;
        assert_true(graph_reference(&cursor, &slot, &edge));
        assert_true(slot == target_of(object->slot, i));
        /* Type 1: fields 10, 18 and 100 and on; type 2: 5, 6, 5, 6, ... */
        uint32_t field = i < 2 ? 10 + 8 * i : 100 + (i - 2);
        assert_int_equal(edge, m.type == 1 ? field : 5 + i % 2);
    }
    assert_true(graph_reference(&cursor, &slot, &edge));
    assert_true(slot == object->slot);
    assert_int_equal(edge, 77);
    assert_false(graph_reference(&cursor, &slot, &edge));
}

/* Those of some classes are found as if all were looked at. */
static void check_classes(const struct graph *g, uint32_t step) {
    bool *classes = calloc((size_t)g->class_count + 1, sizeof(*classes));
    assert_non_null(classes);
    for (uint32_t i = step / 2; i < g->class_count; i += step)
        classes[i] = true;
    struct graph_walk all = {0}, some = {.classes = classes};
    struct graph_object wanted, found = {0};
    bool more = graph_each(g, &some, &found);
    while (graph_each(g, &all, &wanted)) {
        if (!classes[wanted.class - g->classes])
            continue;
        while (more && found.slot < wanted.slot)
            more = graph_each(g, &some, &found);
        assert_true(more && found.slot == wanted.slot && found.class == wanted.class);
    }
    free(classes);
}

/* The slots are filled in two halves, of which the second comes first or at the same time. */
static void check_graph(uint32_t classes_before, bool threads) {
    static const struct graph_run fields[] = {{10, 2, 8}, {100, 1000, 1}}, pairs[] = {{5, 2, 1}};
    struct graph g;
    struct err err;
    assert_true(graph_init(&g, SLOTS, UINT64_MAX, &err));
    assert_int_equal(graph_add_type(&g, 1000, 0, NULL, 0), 0);
    assert_int_equal(graph_add_type(&g, 1001, 0, fields, 2), 1);
    assert_int_equal(graph_add_type(&g, 1002, 0, pairs, 1), 2);
    assert_int_equal(graph_add_type(&g, 1001, 0, fields, 2), 1);
    for (uint32_t i = 0; i < classes_before; i++)
        assert_int_not_equal(graph_add_class(&g, (struct graph_class){.tag = i}), GRAPH_NONE);
    struct filling first = {&g, 0, 2 * GRAPH_PAGE_SLOTS - 100000 % 64},
                   second = {&g, 3 * GRAPH_PAGE_SLOTS + 64, SLOTS - 2 * GRAPH_PAGE_SLOTS / 3};
    pthread_t thread;
    assert_int_equal(threads ? pthread_create(&thread, NULL, run_filling, &second) : 0, 0);
    if (!threads)
        run_filling(&second);
    run_filling(&first);
    if (threads)
        pthread_join(thread, NULL);
    assert_true(graph_finish(&g, &err));
    struct graph_object object, around;
    uint32_t count = 0;
    struct graph_walk each = {0};
    while (graph_each(&g, &each, &object)) {
        if (!(object.class->flags & CLASS_OBJECT))
            continue;
        check_object(&g, &object);
        assert_true(graph_around(&g, object.slot + made_at(object.slot).slots - 1, &around));
        assert_true(around.slot == object.slot);
        count++;
    }
    assert_true(count > 40000);
    assert_int_equal(g.wide, classes_before > 40000);
    for (uint32_t step = 1; step < 50; step += 6)
        check_classes(&g, step);
    check_classes(&g, UINT32_MAX);
    assert_false(graph_around(&g, SLOTS - 1, &around));
    graph_deinit(&g);
}

static void what_is_put_in_comes_out(void **state) {
    (void)state;
    check_graph(0, false);
}

static void the_order_of_threads_does_not_matter(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++)
        check_graph(0, true);
}

static void more_classes_than_fifteen_bits_can_tell_take_more_room(void **state) {
    (void)state;
    check_graph(40001, false);
}

static void a_graph_that_may_not_grow_holds_nothing(void **state) {
    (void)state;
    struct graph g;
    struct err err;
    assert_true(graph_init(&g, SLOTS, 100000, &err));
    assert_int_equal(graph_add_type(&g, 1, 0, NULL, 0), 0);
    fill(&g, 0, 10);
    assert_false(graph_finish(&g, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    graph_deinit(&g);
    assert_false(graph_init(&g, (uint64_t)1 << GRAPH_SLOT_BITS, UINT64_MAX, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    graph_deinit(&g);
}

/* The places of objects take their memory for all pages, though only a tenth of these is filled. */
static void what_is_there_at_once_counts_at_once(void **state) {
    (void)state;
    struct err err;
    struct graph g;
    const uint64_t slots = 200 * GRAPH_PAGE_SLOTS, words = slots / 64 * sizeof(struct graph_word);
    assert_true(graph_init(&g, slots, words + words / 2, &err));
    assert_true(g.memory_bytes >= words);
    struct graph_part part;
    const struct graph_class like = {.size = 8, .type = GRAPH_NONE, .flags = CLASS_OBJECT};
    uint32_t class = graph_add_class(&g, like);
    assert_true(graph_part_begin(&part, &g, &err));
    for (uint64_t slot = 0; slot < 20 * GRAPH_PAGE_SLOTS; slot++)
        (void)graph_part_object(&part, slot, 1, class);
    graph_part_end(&part);
    assert_false(graph_finish(&g, &err)); /* 3 MB for classes beside the 2.4 of places */
    assert_int_equal(err.code, ERR_LIMIT);
    graph_deinit(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_of_all_lengths_are_read_as_they_were_written),
        cmocka_unit_test(what_is_put_in_comes_out),
        cmocka_unit_test(the_order_of_threads_does_not_matter),
        cmocka_unit_test(more_classes_than_fifteen_bits_can_tell_take_more_room),
        cmocka_unit_test(a_graph_that_may_not_grow_holds_nothing),
        cmocka_unit_test(what_is_there_at_once_counts_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
