/* How readers fill a snapshot, and what the builder says when they disagree. */
#include "model/builder.h"
#include "model/part_fields.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/rows_threads.h"
#include "model/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct snapshot s;
    struct builder *b;
    struct err err;
};

static int builder_setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    snapshot_init(&f->s);
    *state = f;
    return f && (f->b = builder_new(&f->s, &f->err)) != NULL ? 0 : -1;
}

static int builder_teardown(void **state) {
    struct fixture *f = *state;
    builder_free(f->b);
    snapshot_deinit(&f->s);
    free(f);
    return 0;
}

static const struct reason_row *builder_reason(const struct fixture *f, uint32_t i) {
    SNAPSHOT_ROWS(&f->s, PART_REASONS, struct reason_row, rows, count);
    assert_true(i < count);
    return &rows[i];
}

static void rows_of_one_name_and_module_add_up(void **state) {
    struct fixture *f = *state;
    assert_true(builder_add_type(f->b, STR("A"), STR("m"), GEN_0, (struct cell){1, 10}, &f->err));
    assert_true(builder_add_type(f->b, STR("A"), STR("m"), GEN_0, (struct cell){2, 20}, &f->err));
    assert_true(builder_add_type(f->b, STR("A"), STR("n"), GEN_0, (struct cell){4, 40}, &f->err));
    assert_true(builder_finish(f->b, &f->err));
    SNAPSHOT_ROWS(&f->s, PART_TYPES, struct type_row, rows, count);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].gen[GEN_0].objects, 3);
    assert_int_equal(rows[0].gen[GEN_0].bytes, 30);
    assert_string_equal(rows[1].module, "n");
}

/* A few parts in all orders: names that begin alike, end in others, or are the same. */
static struct str made_name(uint32_t i, char *text, size_t size) {
    static const char *const parts[] = {"Shop.", "Shop.Orders.", "<", "\xc3\xa9",
                                        "A",     "Order`1",      ""};
    uint32_t mixed = i * 2654435761u;
    int length = 0;
    for (unsigned part = 0; part < 7; part++, mixed /= 7)
        length += snprintf(text + length, size - (size_t)length, "%s", parts[mixed % 7]);
    return length ? (struct str){text, (size_t)length} : STR("Empty");
}

static void types_are_in_the_order_of_names_and_modules(void **state) {
    enum { NAMES = 6000, SAME = 40 };
    struct fixture *f = *state;
    char name[128], module[32];
    uint64_t added = 0, found = 0;
    for (uint32_t i = 0; i < NAMES; i++, added += i)
        assert_true(builder_add_type(f->b, made_name(i, name, sizeof(name)), STR(""), GEN_0,
                                     (struct cell){i + 1, 8}, &f->err));
    for (uint32_t i = 0; i < SAME; i++, added += i) {
        snprintf(module, sizeof(module), "m%u", (i * 7) % SAME);
        assert_true(builder_add_type(f->b, STR("Shop.Order`1"), str_of(module), GEN_0,
                                     (struct cell){i + 1, 8}, &f->err));
    }
    assert_true(builder_finish(f->b, &f->err));
    SNAPSHOT_ROWS(&f->s, PART_TYPES, struct type_row, rows, count);
    assert_true(count > NAMES / 4);
    for (uint32_t i = 0; i < count; i++) {
        found += rows[i].gen[GEN_0].objects;
        int order = i ? strcmp(rows[i - 1].name, rows[i].name) : -1;
        if (!order)
            order = strcmp(rows[i - 1].module ? rows[i - 1].module : "", rows[i].module);
        assert_true(order < 0);
    }
    assert_int_equal(found, added);
}

/* Each row has to keep its figures when it is moved. */
static void figures_stay_with_the_names(void **state) {
    enum { NAMES = 3000 };
    struct fixture *f = *state;
    char name[32];
    for (uint32_t i = 0; i < NAMES; i++) {
        uint32_t number = i * 1009 % NAMES;
        snprintf(name, sizeof(name), "Shop.Order%u", number);
        assert_true(builder_add_type(f->b, str_of(name), STR(""), GEN_0,
                                     (struct cell){number + 1, 8}, &f->err));
    }
    assert_true(builder_finish(f->b, &f->err));
    SNAPSHOT_ROWS(&f->s, PART_TYPES, struct type_row, rows, count);
    assert_int_equal(count, NAMES);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(rows[i].gen[GEN_0].objects, strtoul(rows[i].name + 10, NULL, 10) + 1);
}

/* There are more parts than bits in 32. */
static void each_part_has_a_bit_of_its_own(void **state) {
    struct fixture *f = *state;
    const enum part far = (enum part)40;
    f->s.parts = PART_BIT(far);
    assert_true(snapshot_has(&f->s, far));
    assert_false(snapshot_has(&f->s, (enum part)(far - 32)));
    f->s.parts = PART_BIT(far - 32);
    assert_false(snapshot_has(&f->s, far));
}

static void a_sum_beyond_64_bits_is_warned_about(void **state) {
    struct fixture *f = *state;
    struct cell huge = {1, UINT64_MAX - 10};
    assert_true(builder_add_type(f->b, STR("A"), STR(""), GEN_0, huge, &f->err));
    assert_int_equal(snapshot_trust(&f->s), TRUST_EXACT);
    assert_true(builder_add_type(f->b, STR("A"), STR(""), GEN_0, huge, &f->err));
    assert_int_equal(snapshot_trust(&f->s), TRUST_PARTIAL);
    assert_non_null(strstr(builder_reason(f, 0)->text, "overflow"));
}

static void what_is_said_twice_must_agree(void **state) {
    struct fixture *f = *state;
    uint64_t field = ABSENT;
    const char *text = NULL;
    builder_say(f->b, &field, 5, "number of heaps");
    builder_say(f->b, &field, ABSENT, "number of heaps");
    builder_say(f->b, &field, 5, "number of heaps");
    assert_true(builder_say_string(f->b, &text, STR("server"), "GC mode", &f->err));
    assert_true(builder_say_string(f->b, &text, STR(""), "GC mode", &f->err));
    assert_int_equal(snapshot_trust(&f->s), TRUST_EXACT);
    builder_say(f->b, &field, 6, "number of heaps");
    assert_true(builder_say_string(f->b, &text, STR("workstation"), "GC mode", &f->err));
    assert_int_equal(field, 5);
    assert_string_equal(text, "server");
    assert_int_equal(snapshot_trust(&f->s), TRUST_PARTIAL);
    assert_non_null(strstr(builder_reason(f, 0)->text, "number of heaps"));
    assert_non_null(strstr(builder_reason(f, 1)->text, "GC mode"));
}

static void one_thread_has_one_row_whoever_speaks_of_it(void **state) {
    struct fixture *f = *state;
    struct thread_row *t = builder_thread(f->b, ABSENT, 5, &f->err);
    t->name = "worker";
    assert_string_equal(builder_thread(f->b, 0x70b, 5, &f->err)->name, "worker");
    assert_string_equal(builder_thread(f->b, 0x70b, ABSENT, &f->err)->name, "worker");
    /* A dead thread (OS id 0) and another living one with a reused managed id are other threads. */
    assert_null(builder_thread(f->b, 0, 6, &f->err)->name);
    assert_null(builder_thread(f->b, 0x70c, 5, &f->err)->name);
    SNAPSHOT_ROWS(&f->s, PART_THREADS, struct thread_row, rows, count);
    (void)rows;
    assert_int_equal(count, 3);
}

static void a_million_threads_are_not_quadratic(void **state) {
    struct fixture *f = *state;
    for (uint64_t i = 0; i < 200000; i++)
        assert_non_null(builder_thread(f->b, i + 1, ABSENT, &f->err));
    assert_int_equal(f->s.tables[PART_THREADS].count, 200000);
}

static void names_are_cleaned_and_cut(void **state) {
    struct fixture *f = *state;
    assert_string_equal(builder_string(f->b,
                                       STR("a\x01"
                                           "b\tc\xff"),
                                       &f->err),
                        "a\xef\xbf\xbd"
                        "b c\xef\xbf\xbd");
    char *monster = malloc(NAME_MAX_BYTES + 10);
    memset(monster, 'x', NAME_MAX_BYTES + 10);
    const char *cut = builder_string(f->b, (struct str){monster, NAME_MAX_BYTES + 10}, &f->err);
    assert_in_range(strlen(cut), NAME_MAX_BYTES - 64, NAME_MAX_BYTES);
    assert_int_equal(snapshot_trust(&f->s), TRUST_EXACT); /* nothing is lost that is counted */
    monster[NAME_MAX_BYTES + 5] = 'y';
    const char *other = builder_string(f->b, (struct str){monster, NAME_MAX_BYTES + 10}, &f->err);
    assert_string_not_equal(other, cut);
    assert_ptr_equal(builder_string(f->b, STR("same"), &f->err),
                     builder_string(f->b, STR("same"), &f->err));
    free(monster);
}

static void equal_reasons_are_merged_and_too_many_are_counted(void **state) {
    struct fixture *f = *state;
    builder_warn(f->b, 2, "rows were left out");
    builder_warn(f->b, 3, "rows were left out");
    builder_note(f->b, "a note");
    assert_int_equal(builder_reason(f, 0)->count, 5);
    assert_int_equal(builder_reason(f, 1)->lowers_trust, 0);
    for (unsigned i = 0; i < 2 * REASONS_MAX; i++)
        builder_warn(f->b, ABSENT, "reason %u", i);
    assert_true(builder_finish(f->b, &f->err));
    SNAPSHOT_ROWS(&f->s, PART_REASONS, struct reason_row, rows, count);
    assert_int_equal(count, REASONS_MAX + 1);
    assert_int_equal(rows[count - 1].count, 2 * REASONS_MAX + 2 - REASONS_MAX);
}

/* They quote what an input says; cut, they end with a whole character. */
static void reasons_are_cleaned(void **state) {
    struct fixture *f = *state;
    char filler[511];
    memset(filler, 'x', sizeof(filler) - 1);
    filler[sizeof(filler) - 1] = '\0';
    for (int i = 0; i < 2; i++)
        builder_note(f->b, "written at %s", "\x1b]0;own\x07\xc2\x9b");
    builder_note(f->b, "%s\xe2\x82\xac", filler);
    assert_string_equal(builder_reason(f, 0)->text,
                        "written at \xef\xbf\xbd]0;own\xef\xbf\xbd\xef\xbf\xbd");
    assert_string_equal(builder_reason(f, 1)->text, filler);
}

static void a_fresh_row_says_nothing(void **state) {
    struct fixture *f = *state;
    for (int part = 1; part < PART_END; part++) {
        const struct part_desc *desc = &part_descs[part];
        const unsigned char *row = builder_row(f->b, (enum part)part, &f->err);
        assert_non_null(row);
        for (uint32_t i = 0; i < desc->field_count; i++) {
            const void *at = row + desc->fields[i].offset;
            bool text = desc->fields[i].kind == FIELD_STR;
            bool list = desc->fields[i].kind == FIELD_STRS || desc->fields[i].kind == FIELD_CELLS;
            if (text)
                assert_null(*(const char *const *)at);
            else if (!list)
                assert_true(*(const uint64_t *)at == ABSENT);
        }
    }
}

static void field_numbers_of_a_part_are_unique(void **state) {
    (void)state;
    for (int part = 1; part < PART_END; part++) {
        const struct part_desc *desc = &part_descs[part];
        assert_non_null(desc->name);
        for (uint32_t i = 0; i < desc->field_count; i++)
            for (uint32_t j = 0; j < i; j++)
                assert_int_not_equal(desc->fields[i].id, desc->fields[j].id);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_of_one_name_and_module_add_up, builder_setup,
                                        builder_teardown),
        cmocka_unit_test_setup_teardown(types_are_in_the_order_of_names_and_modules, builder_setup,
                                        builder_teardown),
        cmocka_unit_test_setup_teardown(figures_stay_with_the_names, builder_setup,
                                        builder_teardown),
        cmocka_unit_test_setup_teardown(each_part_has_a_bit_of_its_own, builder_setup,
                                        builder_teardown),
        cmocka_unit_test_setup_teardown(a_sum_beyond_64_bits_is_warned_about, builder_setup,
                                        builder_teardown),
        cmocka_unit_test_setup_teardown(what_is_said_twice_must_agree, builder_setup,
                                        builder_teardown),
        cmocka_unit_test_setup_teardown(one_thread_has_one_row_whoever_speaks_of_it, builder_setup,
                                        builder_teardown),
        cmocka_unit_test_setup_teardown(a_million_threads_are_not_quadratic, builder_setup,
                                        builder_teardown),
        cmocka_unit_test_setup_teardown(names_are_cleaned_and_cut, builder_setup, builder_teardown),
        cmocka_unit_test_setup_teardown(equal_reasons_are_merged_and_too_many_are_counted,
                                        builder_setup, builder_teardown),
        cmocka_unit_test_setup_teardown(reasons_are_cleaned, builder_setup, builder_teardown),
        cmocka_unit_test_setup_teardown(a_fresh_row_says_nothing, builder_setup, builder_teardown),
        cmocka_unit_test(field_numbers_of_a_part_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
