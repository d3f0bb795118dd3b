/* Questions asked of a small heap made by hand, whose answers can be counted on fingers. */
#include "tests/support/mk_heap.h"

#include "model/answers.h"
#include "model/rows_heap.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HAS_POINTERS   0x01000000u
#define HAS_COMPONENTS 0x80000000u

enum { NODE = 1, LEAF, BYTES, TEXT, TYPES }; /* rows of TypeDefs, and so names */

struct world {
    struct mk_heap *h;
    uint64_t mt[TYPES];
    struct gc_alloc_context context;
    struct answers answers;
    struct err err;
};

static const char *questions_name_of(struct world *w, int type) {
    static char names[TYPES][64];
    struct strbuf name;
    strbuf_init(&name);
    type_name(&w->h->clr.modules, w->mt[type], &name);
    snprintf(names[type], sizeof(names[type]), "%s", strbuf_cstr(&name));
    strbuf_deinit(&name);
    return names[type];
}

static struct world *questions_world_new(void) {
    struct world *w = calloc(1, sizeof(*w));
    w->h = mk_heap_new(65536, 8192);
    w->mt[NODE] = mk_heap_type(w->h, NODE, HAS_POINTERS, 32);
    mk_clr_u64(&w->h->clr, w->mt[NODE] - 8, 1); /* two references from 8 on */
    mk_clr_u64(&w->h->clr, w->mt[NODE] - 16, 8);
    mk_clr_u64(&w->h->clr, w->mt[NODE] - 24, (uint64_t)(16 - 32));
    w->mt[LEAF] = mk_heap_type(w->h, LEAF, 0, 24);
    w->mt[BYTES] = mk_heap_type(w->h, BYTES, HAS_COMPONENTS | 1, 24);
    w->mt[TEXT] = mk_heap_type(w->h, TEXT, HAS_COMPONENTS | 2, 22);
    w->h->clr.clr.string_mt = w->mt[TEXT];
    for (int type = NODE; type < TYPES; type++)
        assert_true(builder_add_type(w->h->clr.b, str_of(questions_name_of(w, type)), STR(""),
                                     GEN_2, (struct cell){10, 320}, &w->err));
    return w;
}

static uint64_t questions_new_object(struct world *w, int type, uint32_t count) {
    return mk_heap_object(w->h, w->mt[type], count);
}

static uint64_t questions_new_node(struct world *w, uint64_t left, uint64_t right) {
    uint64_t node = questions_new_object(w, NODE, 0);
    mk_clr_u64(&w->h->clr, node + 8, left);
    mk_clr_u64(&w->h->clr, node + 16, right);
    return node;
}

static uint64_t new_bytes(struct world *w, const char *contents) {
    uint64_t object = questions_new_object(w, BYTES, (uint32_t)strlen(contents));
    memcpy(mk_clr_at(&w->h->clr, object + 16), contents, strlen(contents));
    return object;
}

static uint64_t new_text(struct world *w, const uint16_t *units, uint32_t count) {
    uint64_t object = questions_new_object(w, TEXT, count);
    for (uint32_t i = 0; i < count; i++)
        mk_clr_u16(&w->h->clr, object + 12 + 2 * i, units[i]);
    return object;
}

/* Asks, with these roots; what the answers hold is then in w->answers. */
static void questions_ask(struct world *w, struct question question, const uint64_t *roots,
                          uint32_t count) {
    struct heap *heap = &w->h->heap.heap;
    answers_init(&w->answers, &question);
    mk_heap_walk(w->h, NULL, 0);
    uint32_t label = clr_heap_label(&w->h->heap, STR("static P.root"));
    for (uint32_t i = 0; i < count; i++)
        mk_heap_root(w->h, roots[i], label, GROUP_NAMED);
    mk_heap_follow(w->h, &w->answers);
    assert_true(heap_answer(heap, w->h->clr.b, &w->answers, &w->err));
}

static void questions_world_free(struct world *w) {
    answers_deinit(&w->answers);
    mk_heap_free(w->h);
    free(w);
}

/* root -> a -> b -> leaf, a -> c -> leaf; and a dead node that refers to a twice. */
static uint64_t diamond(struct world *w) {
    uint64_t leaf = questions_new_object(w, LEAF, 0);
    uint64_t b = questions_new_node(w, leaf, 0), c = questions_new_node(w, leaf, 0),
             a = questions_new_node(w, b, c);
    questions_new_node(w, a, a);
    questions_new_object(w, LEAF, 0); /* nobody's */
    return a;
}

static void check_holder(const struct holder_row *row, const char *holder, const char *field,
                         uint64_t references, uint64_t holders, uint64_t garbage_references,
                         uint64_t garbage_holders) {
    if (holder)
        assert_string_equal(row->holder, holder);
    else
        assert_null(row->holder);
    assert_string_equal(row->field, field);
    assert_int_equal(row->references, references);
    assert_int_equal(row->holders, holders);
    assert_int_equal(row->garbage_references, garbage_references);
    assert_int_equal(row->garbage_holders, garbage_holders);
}

static void holders_are_counted_by_field_live_and_garbage_apart(void **state) {
    (void)state;
    struct world *w = questions_world_new();
    uint64_t root = diamond(w);
    struct question q = {.asked = {[QUESTION_HOLDERS] = true},
                         .holders_of = questions_name_of(w, NODE)};
    questions_ask(w, q, &root, 1);
    const struct answer_holders *h = &w->answers.holders;
    assert_int_equal(h->count, 3);
    check_holder(&h->rows[0], questions_name_of(w, NODE), "+0", 1, 1, 1, 1);
    check_holder(&h->rows[1], questions_name_of(w, NODE), "+8", 1, 1, 1, 1);
    check_holder(&h->rows[2], NULL, "static P.root", 1, 1, 0, 0);
    assert_int_equal(h->total.references, 2);
    assert_int_equal(h->total.holders, 1); /* a, by both of its fields */
    assert_int_equal(h->total.garbage_references, 2);
    assert_int_equal(h->total.garbage_holders, 1);
    assert_int_equal(h->skipped_bytes, 0);
    questions_world_free(w);
}

static void garbage_behind_what_makes_no_sense_is_found_again(void **state) {
    (void)state;
    struct world *w = questions_world_new();
    uint64_t root = diamond(w), broken = questions_new_object(w, LEAF, 0);
    mk_clr_u64(&w->h->clr, broken, 0xdeadbee8);
    uint64_t live = questions_new_object(w, LEAF, 0);
    uint64_t gap = w->h->start + w->h->used; /* memory that a thread has taken and not filled */
    questions_new_object(w, LEAF, 0);
    questions_new_object(w, LEAF, 0);
    mk_clr_u64(&w->h->clr, gap, 0);
    w->context = (struct gc_alloc_context){gap, gap + 24};
    w->h->gc.contexts = &w->context;
    w->h->gc.context_count = 1;
    questions_new_node(w, live, root);
    struct question q = {.asked = {[QUESTION_HOLDERS] = true},
                         .holders_of = questions_name_of(w, LEAF)};
    uint64_t roots[] = {root, live};
    questions_ask(w, q, roots, 2);
    const struct answer_holders *h = &w->answers.holders;
    assert_int_equal(h->skipped_bytes, 24);
    check_holder(&h->rows[0], questions_name_of(w, NODE), "+0", 2, 2, 1, 1);
    questions_world_free(w);
}

static void what_two_objects_hold_neither_of_them_retains(void **state) {
    (void)state;
    struct world *w = questions_world_new();
    uint64_t root = diamond(w);
    struct question q = {.asked = {[QUESTION_RETAINED] = true}};
    questions_ask(w, q, &root, 1);
    const struct answer_retained *r = &w->answers.retained;
    assert_int_equal(r->type_count, 2);
    assert_string_equal(r->types[0].type, questions_name_of(w, NODE));
    assert_int_equal(r->types[0].own.objects, 3);
    assert_int_equal(r->types[0].retained.objects, 4); /* a has all; b and c are counted in it */
    assert_int_equal(r->types[0].retained.bytes, 3 * 32 + 24);
    assert_int_equal(r->types[1].retained.objects, 1);
    assert_int_equal(r->types[1].retained.bytes, 24);
    assert_int_equal(r->node_count, 2);
    assert_int_equal(r->nodes[r->order[0]].retained.bytes, 3 * 32 + 24);
    assert_int_equal(r->nodes[r->order[1]].own.objects, 1);
    assert_false(r->refused);
    questions_world_free(w);
}

static void paths_of_a_type_lead_to_all_its_live_objects(void **state) {
    (void)state;
    struct world *w = questions_world_new();
    uint64_t roots[2] = {diamond(w), questions_new_object(w, LEAF, 0)};
    struct question q = {.asked = {[QUESTION_PATH] = true}, .path_of = questions_name_of(w, LEAF)};
    questions_ask(w, q, roots, 2);
    const struct answer_paths *p = &w->answers.paths;
    SNAPSHOT_ROWS(&p->tree, PART_PATHS, struct path_row, rows, count);
    assert_int_equal(count, 3); /* leaf of the root; node of the root, and its leaf */
    assert_int_equal(p->count, 2);
    uint64_t objects = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        assert_string_equal(rows[p->rows[i]].type, questions_name_of(w, LEAF));
        objects += rows[p->rows[i]].own_objects;
    }
    assert_int_equal(objects, 2);
    questions_world_free(w);
}

static void equal_contents_of_one_type_are_duplicates(void **state) {
    (void)state;
    static const uint16_t units[] = {'a', '\n', '"', 0x1b, 0xd83d, 0xde00, 0xd800};
    struct world *w = questions_world_new();
    uint64_t roots[16];
    uint32_t count = 0;
    roots[count++] = new_bytes(w, "same");
    roots[count++] = new_bytes(w, "same");
    roots[count++] = new_bytes(w, "same");
    roots[count++] = new_bytes(w, "sama");
    roots[count++] = new_bytes(w, "sam");
    roots[count++] = new_bytes(w, "");
    roots[count++] = new_bytes(w, "");
    roots[count++] = new_text(w, units, 7);
    roots[count++] = new_text(w, units, 7);
    roots[count++] = new_text(w, units, 6);
    new_bytes(w, "same"); /* garbage is no waste */
    struct question q = {.asked = {[QUESTION_DUPLICATES] = true}, .contents = true};
    questions_ask(w, q, roots, count);
    const struct answer_duplicates *d = &w->answers.duplicates;
    assert_int_equal(d->objects, 10);
    assert_int_equal(d->groups, 3);
    assert_int_equal(d->copies, 7);
    assert_int_equal(d->wasted, 2 * 28 + 24 + 36);
    assert_int_equal(d->count, 3);
    assert_int_equal(d->rows[0].copies, 3);
    assert_int_equal(d->rows[0].length, 4);
    assert_int_equal(d->rows[0].wasted, 56);
    assert_string_equal(d->rows[0].value, "73616d65");
    assert_string_equal(d->rows[1].value, "\"a\\n\\\"\\u001b\xf0\x9f\x98\x80\\ud800\"");
    assert_string_equal(d->rows[2].value, "");
    assert_int_equal(d->type_count, 2);
    assert_int_equal(d->types[0].length, 2); /* contents */
    questions_world_free(w);
}

static void contents_are_not_kept_unless_asked_for(void **state) {
    (void)state;
    struct world *w = questions_world_new();
    uint64_t roots[2] = {new_bytes(w, "secret"), new_bytes(w, "secret")};
    struct question q = {.asked = {[QUESTION_DUPLICATES] = true}};
    questions_ask(w, q, roots, 2);
    assert_int_equal(w->answers.duplicates.count, 1);
    assert_null(w->answers.duplicates.rows[0].value);
    questions_world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holders_are_counted_by_field_live_and_garbage_apart),
        cmocka_unit_test(garbage_behind_what_makes_no_sense_is_found_again),
        cmocka_unit_test(what_two_objects_hold_neither_of_them_retains),
        cmocka_unit_test(paths_of_a_type_lead_to_all_its_live_objects),
        cmocka_unit_test(equal_contents_of_one_type_are_duplicates),
        cmocka_unit_test(contents_are_not_kept_unless_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
