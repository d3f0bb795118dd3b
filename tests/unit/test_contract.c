/* Contract descriptors: good ones, and everything that they must not be. */
#include "dotnet/contract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OLD 77u /* what a field was before */

static const uint64_t pointers[] = {0, 0x1000, 0x2000, 0x3000};

static const char good[] =
    "{\"version\":0,\"baseline\":\"empty\","
    "\"contracts\":{\"Thread\":1,\"ExecutionManager\":2},"
    "\"types\":{\"Thread\":{\"!\":900,\"Id\":16,\"LinkNext\":[112,\"pointer\"],\"Unknown\":3},"
    "\"MethodTable\":{\"MTFlags\":[0,\"uint32\"]},\"Nobody\":{\"Knows\":1}},"
    "\"globals\":{\"ThreadStore\":[[3],\"pointer\"],\"StringMethodTable\":[[1],\"pointer\"],"
    "\"InlinedCallFrameIdentifier\":[\"0x1f\",\"pointer\"],\"HijackFrameIdentifier\":\"0x8\","
    "\"PrestubMethodFrameIdentifier\":12,\"AppDomain\":[\"no number\",\"pointer\"]}}";

static void prepare(struct contract *c) {
    contract_clear(c);
    c->offset[F_THREAD_STATE] = OLD;
}

/* Exactly as large as the text, so that a byte too many is seen. */
static bool test_contract_parse(struct contract *c, const char *text, size_t size,
                                struct err *err) {
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    if (size)
        memcpy(copy, text, size);
    *err = (struct err){.msg = ""};
    bool ok = contract_parse(c, (struct bytes){copy, size}, pointers,
                             sizeof(pointers) / sizeof(pointers[0]), err);
    free(copy);
    return ok;
}

/* Since .NET 11 versions are names, which begin anew. */
static void versions_by_name_are_told_from_numbers(void **state) {
    (void)state;
    static const struct {
        const char *version;
        uint32_t expected;
    } cases[] = {{"1", 1},      {"2", 2},     {"\"c1\"", 2}, {"\"c2\"", 3},
                 {"\"x1\"", 0}, {"\"c\"", 0}, {"-1", 0},     {"\"c1000\"", 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[128];
        struct contract c;
        struct err err;
        prepare(&c);
        snprintf(text, sizeof(text),
                 "{\"contracts\":{\"ExecutionManager\":%s},\"types\":{},\"globals\":{}}",
                 cases[i].version);
        assert_true(test_contract_parse(&c, text, strlen(text), &err));
        assert_int_equal(c.execution_manager, cases[i].expected);
    }
}

static void says_where_fields_and_globals_are(void **state) {
    (void)state;
    struct contract c;
    struct err err;
    prepare(&c);
    assert_true(test_contract_parse(&c, good, strlen(good), &err));
    assert_int_equal(c.offset[F_THREAD_ID], 16);
    assert_int_equal(c.offset[F_THREAD_LINK], 112);
    assert_int_equal(c.offset[F_MT_FLAGS], 0);
    assert_int_equal(c.offset[F_THREAD_STATE], OLD);
    assert_int_equal(c.offset[F_MT_PARENT], NO_FIELD);
    assert_int_equal(c.global[G_THREAD_STORE], 0x3000);
    assert_int_equal(c.global[G_STRING_MT], 0x1000);
    assert_int_equal(c.global[G_FRAME_INLINED_CALL], 0x1f);
    assert_int_equal(c.global[G_FRAME_HIJACK], 8);
    assert_int_equal(c.global[G_FRAME_PRESTUB], 12);
    assert_int_equal(c.global[G_APP_DOMAIN], NO_GLOBAL);
    assert_int_equal(c.global[G_FREE_MT], NO_GLOBAL);
    assert_int_equal(c.execution_manager, 2);
}

static void refuses_every_prefix(void **state) {
    (void)state;
    for (size_t size = 0; size < strlen(good); size++) {
        struct contract c, before;
        struct err err;
        prepare(&c);
        before = c;
        assert_false(test_contract_parse(&c, good, size, &err));
        assert_true(err.msg[0] != 0);
        assert_memory_equal(&c, &before, sizeof(c));
    }
}

static void refuses_what_cannot_be(void **state) {
    (void)state;
    static const char *const bad[] = {
        "[]",
        "null",
        "{}",
        "{\"types\":{}}",
        "{\"globals\":{}}",
        "{\"types\":[],\"globals\":{}}",
        "{\"types\":{\"Thread\":{\"Id\":65536}},\"globals\":{}}",
        "{\"types\":{\"Thread\":{\"Id\":-1}},\"globals\":{}}",
        "{\"types\":{\"Thread\":{\"Id\":1e300}},\"globals\":{}}",
        "{\"types\":{\"Thread\":{\"Id\":\"16\"}},\"globals\":{}}",
        "{\"types\":{\"Thread\":{\"Id\":[{}]}},\"globals\":{}}",
        "{\"types\":{},\"globals\":{\"ThreadStore\":[[4],\"pointer\"]}}",
        "{\"types\":{},\"globals\":{\"ThreadStore\":[[-1],\"pointer\"]}}",
        "{\"types\":{},\"globals\":{\"ThreadStore\":[[1e30],\"pointer\"]}}",
        "{\"types\":{},\"globals\":{\"ThreadStore\":[[],\"pointer\"]}}",
        "{\"types\":{},\"globals\":{\"ThreadStore\":[[\"1\"],\"pointer\"]}}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct contract c, before;
        struct err err;
        prepare(&c);
        before = c;
        if (test_contract_parse(&c, bad[i], strlen(bad[i]), &err))
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(err.code, ERR_FORMAT);
        assert_memory_equal(&c, &before, sizeof(c));
    }
}

static void takes_odd_values_for_absent_ones(void **state) {
    (void)state;
    static const char odd[] =
        "{\"types\":{\"Thread\":{\"Id\":[]},\"MethodTable\":7},"
        "\"globals\":{\"ThreadStore\":[],\"AppDomain\":{},\"FinalizerThread\":-5,"
        "\"StringMethodTable\":1e300,\"ObjectMethodTable\":\"0x11112222333344445\"},"
        "\"contracts\":{\"ExecutionManager\":-1}}";
    struct contract c, before;
    struct err err;
    prepare(&c);
    before = c;
    assert_true(test_contract_parse(&c, odd, strlen(odd), &err));
    assert_memory_equal(&c, &before, sizeof(c));
}

static void refuses_a_megabyte_and_a_thousand_levels(void **state) {
    (void)state;
    const size_t size = (1u << 20) + 1;
    char *text = malloc(size);
    struct contract c;
    struct err err;
    assert_non_null(text);
    memset(text, ' ', size);
    prepare(&c);
    assert_false(test_contract_parse(&c, text, size, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    memset(text, '[', size);
    assert_false(test_contract_parse(&c, text, size - 1, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    free(text);
}

static void a_table_of_ours_has_offsets_that_can_be(void **state) {
    (void)state;
    for (uint32_t i = 0; i < builtin_table_count; i++) {
        const struct builtin_table *t = &builtin_tables[i];
        struct contract c;
        contract_clear(&c);
        contract_use_table(&c, t);
        uint32_t otherwise = 0; /* of the fields, how many have another offset here */
        for (uint32_t k = 0; k < t->field_count; k++) {
            assert_true(t->fields[k].field < F_COUNT);
            otherwise += c.offset[t->fields[k].field] != t->fields[k].offset;
        }
        assert_true(otherwise <= t->differing_count);
        for (uint32_t k = 0; k < t->differing_count; k++) {
            assert_true(t->differing[k].field < F_COUNT);
            uint16_t offset = t->differing[k].offset;
            assert_int_equal(c.offset[t->differing[k].field],
                             offset == BUILTIN_NONE ? NO_FIELD : offset);
        }
        for (uint32_t k = 0; k < t->global_count; k++)
            assert_true(t->globals[k].global < G_COUNT);
        assert_int_equal(c.global[G_FRAME_INLINED_CALL], t->frame_ids ? 1 : NO_GLOBAL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_where_fields_and_globals_are),
        cmocka_unit_test(versions_by_name_are_told_from_numbers),
        cmocka_unit_test(refuses_every_prefix),
        cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(takes_odd_values_for_absent_ones),
        cmocka_unit_test(refuses_a_megabyte_and_a_thousand_levels),
        cmocka_unit_test(a_table_of_ours_has_offsets_that_can_be),
    };
    return cmocka_run_group_tests_name("contract", tests, NULL, NULL);
}
