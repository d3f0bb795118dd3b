/* Names of types, methods and fields, over a runtime made by hand. */
#include "dotnet/fields.h"
#include "dotnet/method.h"
#include "dotnet/type_names.h"
#include "tests/support/mk_clr.h"
#include "tests/support/mk_metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIG(...) \
    ((struct bytes){(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})})

/* Longest name that a sane reader makes: the limit, and what one level adds before it looks. */
#define NAME_END (NAME_MAX_BYTES + 40 * METADATA_NAME_MAX)

enum { ROW_STOCK = 2, ROW_SHELF, ROW_SLOT, ROW_PAIR, ROW_TEXT, ROW_TICK };

struct world {
    struct mk_clr w;
    struct meta m;
    uint64_t module;
    struct strbuf name;
};

static int clr_names_setup(void **state) {
    struct world *f = calloc(1, sizeof(*f));
    struct strbuf text;
    if (!f || !mk_clr_init(&f->w, 1u << 20))
        return -1;
    strbuf_init(&f->name);
    strbuf_init(&text);
    meta_init(&f->m);
    meta_type(&f->m, "", "<Module>", 0);
    meta_type(&f->m, "Mine", "Stock", 0);
    meta_field(&f->m, "_count", SIG(6, 8));
    meta_field(&f->m, "_name", SIG(6, 0x0e));
    meta_method(&f->m, "Add", SIG(0x20, 2, 1, 8, 0x0e));
    meta_type(&f->m, "", "Shelf`1", ROW_STOCK);
    meta_parameter(&f->m, "TItem", 0, ROW_SHELF);
    meta_method(&f->m, "Put", SIG(0x20, 2, 1, 0x13, 0, 0x1d, 0x15, 0x12, ROW_SHELF << 2, 1, 0x0e));
    meta_method(&f->m, "Bad", SIG(0x20, 0xdf, 0xff, 0xff, 0xff, 1, 8, 8));
    meta_type(&f->m, "", "Slot", ROW_SHELF);
    meta_type(&f->m, "Mine", "Pair`2", 0);
    meta_type(&f->m, "System", "Int32", 0);
    meta_type(&f->m, "", "`1", 0);
    meta_write(&f->m, &text);
    f->module = mk_clr_module(&f->w, (struct bytes){(const uint8_t *)text.ptr, text.len});
    strbuf_deinit(&text);
    *state = f;
    return 0;
}

static int clr_names_teardown(void **state) {
    struct world *f = *state;
    strbuf_deinit(&f->name);
    meta_deinit(&f->m);
    mk_clr_deinit(&f->w);
    free(f);
    return 0;
}

static const char *clr_names_name_of(struct world *f, uint64_t handle) {
    strbuf_clear(&f->name);
    type_name(&f->w.modules, handle, &f->name);
    return strbuf_cstr(&f->name);
}

static uint64_t type(struct world *f, uint32_t row, uint32_t flags) {
    return mk_clr_type(&f->w, f->module, row, flags);
}

/* A TypeDesc as a handle: pointer 0x0f, by reference 0x10, variable 0x13, function 0x1b. */
static uint64_t desc(struct world *f, uint32_t kind) {
    uint64_t at = mk_clr_room(&f->w, 64);
    mk_clr_u32(&f->w, mk_clr_field(&f->w, at, F_TYPE_DESC_FLAGS), kind);
    return at | 2;
}

static void names_classes_nested_and_generic(void **state) {
    struct world *f = *state;
    uint64_t stock = type(f, ROW_STOCK, 0), number = type(f, ROW_TEXT, 0);
    uint64_t slot = type(f, ROW_SLOT, MK_MT_GENERIC), pair = type(f, ROW_PAIR, MK_MT_GENERIC);
    uint64_t open = type(f, ROW_PAIR, MK_MT_DEFINITION);
    assert_string_equal(clr_names_name_of(f, stock), "Mine.Stock");
    mk_clr_arguments(&f->w, slot, &number, 1);
    assert_string_equal(clr_names_name_of(f, slot), "Mine.Stock+Shelf<System.Int32>+Slot");
    mk_clr_arguments(&f->w, pair, (uint64_t[]){slot, mk_clr_array(&f->w, stock, 0)}, 2);
    assert_string_equal(clr_names_name_of(f, pair),
                        "Mine.Pair<Mine.Stock+Shelf<System.Int32>+Slot, Mine.Stock[]>");
    uint64_t variable = desc(f, 0x13);
    mk_clr_u64(&f->w, mk_clr_field(&f->w, variable & ~3ull, F_TYPE_VAR_MODULE), f->module);
    mk_clr_u32(&f->w, mk_clr_field(&f->w, variable & ~3ull, F_TYPE_VAR_TOKEN), 0x2a000001);
    mk_clr_arguments(&f->w, open, (uint64_t[]){variable, variable}, 2);
    assert_string_equal(clr_names_name_of(f, open), "Mine.Pair<TItem, TItem>");
}

/* Compilers of F# leave "`1" away: what no name counts are the last one's. */
static void names_arguments_that_no_name_counts(void **state) {
    struct world *f = *state;
    uint64_t stock = type(f, ROW_STOCK, MK_MT_GENERIC), slot = type(f, ROW_SLOT, MK_MT_GENERIC);
    uint64_t number = type(f, ROW_TEXT, 0);
    mk_clr_arguments(&f->w, stock, (uint64_t[]){number, number}, 2);
    assert_string_equal(clr_names_name_of(f, stock), "Mine.Stock<System.Int32, System.Int32>");
    mk_clr_arguments(&f->w, slot, (uint64_t[]){number, stock}, 2);
    assert_string_equal(clr_names_name_of(f, slot), "Mine.Stock+Shelf<System.Int32>+Slot<"
                                                    "Mine.Stock<System.Int32, System.Int32>>");
}

static void names_arrays_pointers_and_functions(void **state) {
    struct world *f = *state;
    uint64_t stock = type(f, ROW_STOCK, 0), pointer = desc(f, 0x0f), function = desc(f, 0x1b);
    uint64_t vector = mk_clr_array(&f->w, stock, 0);
    assert_string_equal(clr_names_name_of(f, vector), "Mine.Stock[]");
    assert_string_equal(clr_names_name_of(f, mk_clr_array(&f->w, stock, 1)), "Mine.Stock[*]");
    assert_string_equal(clr_names_name_of(f, mk_clr_array(&f->w, stock, 3)), "Mine.Stock[,,]");
    assert_string_equal(clr_names_name_of(f, mk_clr_array(&f->w, mk_clr_array(&f->w, stock, 2), 0)),
                        "Mine.Stock[,][]");
    mk_clr_u64(&f->w, mk_clr_field(&f->w, pointer & ~3ull, F_PARAM_TYPE_ARG), vector);
    assert_string_equal(clr_names_name_of(f, pointer), "Mine.Stock[]*");
    mk_clr_u32(&f->w, mk_clr_field(&f->w, function & ~3ull, F_FNPTR_ARGS), 1);
    mk_clr_u64(&f->w, mk_clr_field(&f->w, function & ~3ull, F_FNPTR_TYPES), stock);
    mk_clr_u64(&f->w, mk_clr_field(&f->w, function & ~3ull, F_FNPTR_TYPES) + 8, pointer);
    assert_string_equal(clr_names_name_of(f, function), "delegate*<Mine.Stock, Mine.Stock[]*>");
}

static void names_what_is_no_type(void **state) {
    struct world *f = *state;
    assert_string_equal(clr_names_name_of(f, 0), "<unknown>");
    assert_string_equal(clr_names_name_of(f, 8), "<unknown>");
    assert_string_equal(clr_names_name_of(f, MK_CLR_BASE + 3), "<unknown>");
    assert_string_equal(clr_names_name_of(f, UINT64_MAX), "<unknown>");
    assert_string_equal(clr_names_name_of(f, MK_CLR_BASE + (1u << 20) - 4), "<unknown>");
    assert_string_equal(clr_names_name_of(f, desc(f, 0x99)), "<unknown>");
    assert_string_equal(clr_names_name_of(f, type(f, ROW_TICK, 0)), "`1"); /* and not: nothing */
    assert_string_equal(clr_names_name_of(f, mk_clr_type(&f->w, 0x1234, 7, 0)),
                        "(unknown)!0x02000007");
    assert_string_equal(clr_names_name_of(f, type(f, 0xfffff, 0)), "(unknown)!0x020fffff");
}

static void ends_where_types_hold_themselves(void **state) {
    struct world *f = *state;
    uint64_t array = mk_clr_array(&f->w, 0, 0), pointer = desc(f, 0x0f);
    mk_clr_u64(&f->w, mk_clr_field(&f->w, array, F_MT_PER_INST), array);
    mk_clr_u64(&f->w, mk_clr_field(&f->w, pointer & ~3ull, F_PARAM_TYPE_ARG), pointer);
    assert_true(str_starts(str_of(clr_names_name_of(f, array)), STR("<unknown>[][]")));
    assert_true(f->name.len < 100);
    assert_true(str_starts(str_of(clr_names_name_of(f, pointer)), STR("...**")));
    assert_true(f->name.len < 100);
    uint64_t shelf = type(f, ROW_SHELF, MK_MT_GENERIC);
    mk_clr_arguments(&f->w, shelf, &shelf, 1);
    assert_true(strstr(clr_names_name_of(f, shelf), "Shelf<...>>") != NULL);
    /* Each level doubles: 2^24 of them without a limit on the whole. */
    uint64_t pair = type(f, ROW_PAIR, MK_MT_GENERIC);
    mk_clr_arguments(&f->w, pair, (uint64_t[]){pair, pair}, 2);
    clr_names_name_of(f, pair);
    assert_in_range(f->name.len, NAME_MAX_BYTES, NAME_END);
}

static void bounds_ranks_and_arguments(void **state) {
    struct world *f = *state;
    uint64_t stock = type(f, ROW_STOCK, 0), pair = type(f, ROW_PAIR, MK_MT_GENERIC);
    assert_int_equal(strlen(clr_names_name_of(f, mk_clr_array(&f->w, stock, 0xffff))),
                     strlen("Mine.Stock[]") + 31);
    mk_clr_arguments(&f->w, pair, (uint64_t[]){stock, stock}, 2);
    uint64_t info;
    memcpy(&info, mk_clr_at(&f->w, mk_clr_field(&f->w, pair, F_MT_PER_INST)), 8);
    mk_clr_u16(&f->w, mk_clr_field(&f->w, info - 8, F_GENERICS_ARGS), 0xffff);
    assert_string_equal(clr_names_name_of(f, pair), "Mine.Pair");
    mk_clr_u16(&f->w, mk_clr_field(&f->w, info - 8, F_GENERICS_ARGS), 1);
    assert_string_equal(clr_names_name_of(f, pair), "Mine.Pair<Mine.Stock>");
    mk_clr_u16(&f->w, mk_clr_field(&f->w, info - 8, F_GENERICS_ARGS), 2);
    mk_clr_u16(&f->w, mk_clr_field(&f->w, info - 8, F_GENERICS_DICTS), 0xffff);
    assert_string_equal(clr_names_name_of(f, pair), "Mine.Pair<<unknown>, <unknown>>");
    mk_clr_u16(&f->w, mk_clr_field(&f->w, info - 8, F_GENERICS_DICTS), 0);
    assert_string_equal(clr_names_name_of(f, pair), "Mine.Pair");
    mk_clr_u64(&f->w, mk_clr_field(&f->w, pair, F_MT_PER_INST), 4);
    assert_string_equal(clr_names_name_of(f, pair), "Mine.Pair");
}

static const char *method(struct world *f, uint64_t desc) {
    strbuf_clear(&f->name);
    method_name(&f->w.modules, desc, &f->name);
    return strbuf_cstr(&f->name);
}

static void names_methods_with_their_parameters(void **state) {
    struct world *f = *state;
    uint64_t stock = type(f, ROW_STOCK, 0), shelf = type(f, ROW_SHELF, MK_MT_GENERIC);
    mk_clr_arguments(&f->w, shelf, &stock, 1);
    assert_string_equal(method(f, mk_clr_method(&f->w, stock, 1, 0)),
                        "Mine.Stock.Add(Int32, System.String)");
    assert_string_equal(method(f, mk_clr_method(&f->w, shelf, 2, 0)),
                        "Mine.Stock+Shelf`1[[Mine.Stock, <unknown>]].Put(Mine.Stock, "
                        "Shelf`1<System.String>[])");
    assert_string_equal(method(f, mk_clr_method(&f->w, stock, 0xfffff, 0)), "(unknown)!0x060fffff");
    assert_string_equal(method(f, 0), "<unknown>");
    assert_string_equal(method(f, MK_CLR_BASE + 1), "<unknown>");
    assert_string_equal(method(f, UINT64_MAX - 7), "<unknown>");
}

static void ends_signatures_that_promise_too_much(void **state) {
    struct world *f = *state;
    uint64_t shelf = type(f, ROW_SHELF, MK_MT_GENERIC);
    const char *name = method(f, mk_clr_method(&f->w, shelf, 3, 0));
    assert_true(str_starts(str_of(name), STR("Mine.Stock+Shelf`1.Bad(Int32, Int32")));
    assert_true(f->name.len < 200);
}

/* A method that was made at run time holds its own signature; each byte of it may be anything. */
static void bears_signatures_of_any_bytes(void **state) {
    struct world *f = *state;
    uint64_t stock = type(f, ROW_STOCK, 0), made = mk_clr_method(&f->w, stock, 1, 7);
    uint64_t signature = mk_clr_room(&f->w, 4096);
    mk_clr_u64(&f->w, mk_clr_field(&f->w, made, F_STORED_SIG), signature);
    for (uint32_t element = 0; element < 256; element++)
        for (uint32_t size = 0; size < 40; size++) {
            memset(mk_clr_at(&f->w, signature), (int)element, 4096);
            mk_clr_u32(&f->w, signature, 0x00010120u);
            mk_clr_u32(&f->w, mk_clr_field(&f->w, made, F_STORED_SIG_SIZE), size);
            method(f, made);
            assert_in_range(f->name.len, 1, 4000);
        }
    mk_clr_u32(&f->w, mk_clr_field(&f->w, made, F_STORED_SIG_SIZE), UINT32_MAX);
    assert_string_equal(method(f, made), "ILStubClass.<unknown>");
}

static void finds_fields_and_ends_in_circles_of_base_classes(void **state) {
    struct world *f = *state;
    struct mk_clr *w = &f->w;
    uint64_t stock = type(f, ROW_STOCK, 0), derived = type(f, ROW_PAIR, 0), class;
    uint64_t list = mk_clr_room(w, 64);
    memcpy(&class, mk_clr_at(w, mk_clr_field(w, stock, F_MT_CLASS)), 8);
    mk_clr_u64(w, mk_clr_field(w, class, F_CLASS_FIELDS), list);
    mk_clr_u16(w, mk_clr_field(w, class, F_CLASS_INSTANCE_FIELDS), 2);
    mk_clr_u32(w, list + 8, 1); /* row 1, at 0 */
    mk_clr_u32(w, list + 12, 0x08u << 27);
    mk_clr_u32(w, list + 24, 2); /* row 2, at 8 */
    mk_clr_u32(w, list + 28, 0x0eu << 27 | 8);
    mk_clr_u64(w, mk_clr_field(w, derived, F_MT_PARENT), stock);
    assert_int_equal(type_field_offset(&w->modules, stock, "_name"), 16);
    assert_int_equal(type_field_offset(&w->modules, derived, "_count"), 8);
    assert_int_equal(type_field_offset(&w->modules, derived, "_none"), 0);
    mk_clr_u64(w, mk_clr_field(w, stock, F_MT_PARENT), derived);
    assert_int_equal(type_field_offset(&w->modules, derived, "_none"), 0);
    strbuf_clear(&f->name);
    field_name_at(&w->modules, derived, 999, false, &f->name);
    assert_string_equal(strbuf_cstr(&f->name), "+991");
    strbuf_clear(&f->name);
    field_name_at(&w->modules, stock, 16, false, &f->name);
    assert_string_equal(strbuf_cstr(&f->name), "_name");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_classes_nested_and_generic, clr_names_setup,
                                        clr_names_teardown),
        cmocka_unit_test_setup_teardown(names_arguments_that_no_name_counts, clr_names_setup,
                                        clr_names_teardown),
        cmocka_unit_test_setup_teardown(names_arrays_pointers_and_functions, clr_names_setup,
                                        clr_names_teardown),
        cmocka_unit_test_setup_teardown(names_what_is_no_type, clr_names_setup, clr_names_teardown),
        cmocka_unit_test_setup_teardown(ends_where_types_hold_themselves, clr_names_setup,
                                        clr_names_teardown),
        cmocka_unit_test_setup_teardown(bounds_ranks_and_arguments, clr_names_setup,
                                        clr_names_teardown),
        cmocka_unit_test_setup_teardown(names_methods_with_their_parameters, clr_names_setup,
                                        clr_names_teardown),
        cmocka_unit_test_setup_teardown(ends_signatures_that_promise_too_much, clr_names_setup,
                                        clr_names_teardown),
        cmocka_unit_test_setup_teardown(bears_signatures_of_any_bytes, clr_names_setup,
                                        clr_names_teardown),
        cmocka_unit_test_setup_teardown(finds_fields_and_ends_in_circles_of_base_classes,
                                        clr_names_setup, clr_names_teardown),
    };
    return cmocka_run_group_tests_name("clr names", tests, NULL, NULL);
}
