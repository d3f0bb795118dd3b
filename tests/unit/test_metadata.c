/* Metadata as it is read, whole, cut and hostile. */
#include "dotnet/metadata.h"
#include "dotnet/type_names.h"
#include "tests/support/mk_metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIG(...) \
    ((struct bytes){(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})})

static bool metadata_read_bytes(void *context, uint64_t offset, void *buffer, size_t size) {
    const struct bytes *b = context;
    assert_true(offset <= b->size && size <= b->size - offset);
    memcpy(buffer, b->data + offset, size);
    return true;
}

static bool open(struct metadata *md, struct bytes *bytes, struct err *err) {
    *err = (struct err){.msg = ""};
    return metadata_open(md, (struct metadata_source){metadata_read_bytes, bytes, 0, bytes->size},
                         err);
}

/* Mine.Stock with a nested Shelf`1<TItem> and its nested Slot; two methods, a field. */
static void make_stock(struct meta *m) {
    meta_init(m);
    meta_type(m, "", "<Module>", 0);
    uint32_t stock = meta_type(m, "Mine", "Stock", 0);
    meta_field(m, "_count", SIG(6, 8));
    meta_method(m, "Add", SIG(0x20, 1, 1, 8));
    uint32_t shelf = meta_type(m, "", "Shelf`1", stock);
    meta_method(m, "Take", SIG(0x20, 0, 1));
    meta_method(m, "Put", SIG(0x20, 2, 1, 0x13, 0, 0x0e));
    meta_type(m, "", "Slot", shelf);
    meta_parameter(m, "TItem", 0, shelf);
}

static struct bytes written(const struct meta *m, struct strbuf *text) {
    strbuf_init(text);
    meta_write(m, text);
    assert_false(strbuf_failed(text));
    return (struct bytes){(const uint8_t *)text->ptr, text->len};
}

static void check_name(const struct metadata *md, enum metadata_table table, uint32_t row,
                       uint32_t column, const char *expected) {
    struct strbuf name;
    strbuf_init(&name);
    assert_true(metadata_name(md, table, row, column, &name));
    assert_string_equal(strbuf_cstr(&name), expected);
    strbuf_deinit(&name);
}

static void check_stock(const struct metadata *md) {
    struct strbuf name;
    uint8_t mvid[16];
    uint32_t value;
    strbuf_init(&name);
    check_name(md, MD_TYPE_DEF, 2, MD_TYPE_DEF_NAME, "Stock");
    check_name(md, MD_FIELD, 1, MD_FIELD_NAME, "_count");
    check_name(md, MD_METHOD, 3, MD_METHOD_NAME, "Put");
    check_name(md, MD_GENERIC_PARAM, 1, MD_GENERIC_PARAM_NAME, "TItem");
    assert_int_equal(metadata_enclosing(md, 2), 0);
    assert_int_equal(metadata_enclosing(md, 3), 2);
    assert_int_equal(metadata_enclosing(md, 4), 3);
    assert_true(type_def_name(md, 4, &name));
    assert_string_equal(strbuf_cstr(&name), "Mine.Stock+Shelf`1+Slot");
    assert_true(metadata_mvid(md, mvid));
    assert_int_equal(mvid[0], 0xa0);
    assert_int_equal(mvid[15], 0xaf);
    assert_false(metadata_cell(md, MD_TYPE_DEF, 0, 0, &value));
    assert_false(metadata_cell(md, MD_TYPE_DEF, 5, 0, &value));
    assert_false(metadata_cell(md, MD_TYPE_REF, 1, 0, &value));
    assert_false(metadata_name(md, MD_TYPE_DEF, 1, MD_TYPE_DEF_NAMESPACE, &name));
    strbuf_deinit(&name);
}

static void finds_names_and_nesting(void **state) {
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        struct meta m;
        struct metadata md;
        struct strbuf text;
        struct err err;
        make_stock(&m);
        m.wide = wide;
        struct bytes bytes = written(&m, &text);
        assert_true(open(&md, &bytes, &err));
        assert_int_equal(md.wide, wide);
        check_stock(&md);
        strbuf_deinit(&text);
        meta_deinit(&m);
    }
}

/* Reads what there is; nothing is expected of it. */
static void metadata_read_some(const struct metadata *md) {
    struct strbuf name;
    uint8_t blob[16];
    uint32_t value;
    size_t size;
    strbuf_init(&name);
    for (uint32_t row = 0; row < 8; row++) {
        if (!type_def_name(md, row, &name))
            strbuf_clear(&name);
        if (metadata_cell(md, MD_METHOD, row, MD_METHOD_SIGNATURE, &value) &&
            metadata_blob(md, value, blob, sizeof(blob), &size))
            assert_true(size <= sizeof(blob));
    }
    strbuf_deinit(&name);
}

static void bears_every_prefix(void **state) {
    (void)state;
    struct meta m;
    struct strbuf text;
    make_stock(&m);
    struct bytes whole = written(&m, &text);
    size_t refused = 0;
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        assert_non_null(copy);
        if (size)
            memcpy(copy, whole.data, size);
        struct bytes bytes = {copy, size};
        struct metadata md;
        struct err err;
        if (open(&md, &bytes, &err))
            metadata_read_some(&md);
        else
            refused += err.msg[0] != 0;
        free(copy);
    }
    /* The heaps lie behind the tables, so that a cut in them leaves the tables whole. */
    assert_true(refused > 200 && refused < whole.size);
    strbuf_deinit(&text);
    meta_deinit(&m);
}

static void bears_every_byte_changed(void **state) {
    (void)state;
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
    struct meta m;
    struct strbuf text;
    make_stock(&m);
    struct bytes bytes = written(&m, &text);
    for (size_t at = 0; at < text.len; at++) {
        char before = text.ptr[at];
        for (size_t v = 0; v < sizeof(values); v++) {
            struct metadata md;
            struct err err;
            text.ptr[at] = (char)values[v];
            if (open(&md, &bytes, &err))
                metadata_read_some(&md);
            else
                assert_true(err.msg[0] != 0);
        }
        text.ptr[at] = before;
    }
    strbuf_deinit(&text);
    meta_deinit(&m);
}

/* Where the row counts lie: behind the header of the table stream. */
#define TABLES_AT(text) (load_u32((const uint8_t *)(text).ptr + 32))
#define COUNTS_AT(text) (TABLES_AT(text) + 24)

static void refuses_row_counts_that_do_not_fit(void **state) {
    (void)state;
    static const uint32_t counts[] = {1000, 0xffff, 0x10000, 0xffffff, 0x1000000, 0xffffffff};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct meta m;
        struct strbuf text;
        struct metadata md;
        struct err err;
        make_stock(&m);
        struct bytes bytes = written(&m, &text);
        memcpy(text.ptr + COUNTS_AT(text) + 4, &counts[i], 4);
        assert_false(open(&md, &bytes, &err));
        assert_int_equal(err.code, ERR_FORMAT);
        strbuf_deinit(&text);
        meta_deinit(&m);
    }
}

static void refuses_tables_of_a_later_version(void **state) {
    (void)state;
    struct meta m;
    struct strbuf text;
    struct metadata md;
    struct err err;
    make_stock(&m);
    struct bytes bytes = written(&m, &text);
    text.ptr[TABLES_AT(text) + 8 + 7] = (char)0x80;
    assert_false(open(&md, &bytes, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    strbuf_deinit(&text);
    meta_deinit(&m);
}

static void ends_where_types_are_nested_in_each_other(void **state) {
    (void)state;
    /* Pairs of a type and what encloses it: itself, each other, a row that is not there. */
    static const uint32_t nested[][2] = {{2, 2}, {3, 2}, {3, 4}, {60000, 60000}};
    for (size_t i = 0; i < sizeof(nested) / sizeof(nested[0]); i++) {
        struct meta m;
        struct strbuf text, name;
        struct metadata md;
        struct err err;
        strbuf_init(&name);
        make_stock(&m);
        m.types[1].outer = nested[i][0];
        m.types[2].outer = nested[i][1];
        struct bytes bytes = written(&m, &text);
        assert_true(open(&md, &bytes, &err));
        for (uint32_t row = 1; row < 5; row++)
            if (type_def_name(&md, row, &name))
                assert_true(name.len < 1000);
        strbuf_deinit(&name);
        strbuf_deinit(&text);
        meta_deinit(&m);
    }
}

static void refuses_names_that_do_not_end(void **state) {
    (void)state;
    struct meta m;
    struct strbuf text, name, longest;
    struct metadata md;
    struct err err;
    strbuf_init(&name);
    strbuf_init(&longest);
    for (uint32_t i = 0; i + 1 < METADATA_NAME_MAX; i++)
        strbuf_addc(&longest, 'x');
    make_stock(&m);
    uint32_t fits = meta_type(&m, "", strbuf_cstr(&longest), 0);
    strbuf_addc(&longest, 'x');
    uint32_t too_long = meta_type(&m, "", strbuf_cstr(&longest), 0);
    m.types[1].name = 0xfff0;                        /* past the heap */
    m.types[2].name = (uint32_t)m.strings.len + 100; /* just past it */
    struct bytes bytes = written(&m, &text);
    assert_true(open(&md, &bytes, &err));
    assert_true(metadata_name(&md, MD_TYPE_DEF, fits, MD_TYPE_DEF_NAME, &name));
    assert_int_equal(name.len, METADATA_NAME_MAX - 1);
    assert_false(metadata_name(&md, MD_TYPE_DEF, too_long, MD_TYPE_DEF_NAME, &name));
    assert_false(metadata_name(&md, MD_TYPE_DEF, 2, MD_TYPE_DEF_NAME, &name));
    assert_false(metadata_name(&md, MD_TYPE_DEF, 3, MD_TYPE_DEF_NAME, &name));
    assert_int_equal(name.len, METADATA_NAME_MAX - 1);
    strbuf_deinit(&name);
    strbuf_deinit(&longest);
    strbuf_deinit(&text);
    meta_deinit(&m);
}

static void reads_compressed_numbers(void **state) {
    (void)state;
    static const struct {
        uint8_t bytes[5];
        uint8_t size;
        bool ok;
        uint32_t value;
    } cases[] = {{{0x03}, 1, true, 3},
                 {{0x7f}, 1, true, 0x7f},
                 {{0x80, 0x80}, 2, true, 0x80},
                 {{0xbf, 0xff}, 2, true, 0x3fff},
                 {{0xc0, 0x00, 0x40, 0x00}, 4, true, 0x4000},
                 {{0xdf, 0xff, 0xff, 0xff}, 4, true, 0x1fffffff},
                 {{0xe0, 0, 0, 0}, 4, false, 0},
                 {{0xff, 0xff, 0xff, 0xff}, 4, false, 0},
                 {{0x80}, 1, false, 0},
                 {{0xc0, 0, 0}, 3, false, 0},
                 {{0}, 0, false, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reader r;
        reader_init(&r, (struct bytes){cases[i].bytes, cases[i].size}, 0);
        uint32_t value = metadata_compressed(&r);
        assert_int_equal(!r.failed, cases[i].ok);
        if (cases[i].ok)
            assert_int_equal(value, cases[i].value);
    }
}

static void cuts_blobs_to_the_room_and_refuses_those_past_the_heap(void **state) {
    (void)state;
    struct meta m;
    struct strbuf text;
    struct metadata md;
    struct err err;
    uint8_t blob[4];
    size_t size = 0;
    make_stock(&m);
    struct bytes bytes = written(&m, &text);
    assert_true(open(&md, &bytes, &err));
    assert_true(metadata_blob(&md, m.methods[2].b, blob, sizeof(blob), &size));
    assert_int_equal(size, 4);
    assert_int_equal(blob[0], 0x20);
    assert_true(metadata_blob(&md, m.fields[0].b, blob, sizeof(blob), &size));
    assert_int_equal(size, 2);
    assert_false(metadata_blob(&md, 0xfffffff0u, blob, sizeof(blob), &size));
    text.ptr[text.len - (size_t)md.blobs.size + m.methods[2].b] = 0x7f; /* a length past the heap */
    assert_false(metadata_blob(&md, m.methods[2].b, blob, sizeof(blob), &size));
    strbuf_deinit(&text);
    meta_deinit(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_names_and_nesting),
        cmocka_unit_test(bears_every_prefix),
        cmocka_unit_test(bears_every_byte_changed),
        cmocka_unit_test(refuses_row_counts_that_do_not_fit),
        cmocka_unit_test(refuses_tables_of_a_later_version),
        cmocka_unit_test(ends_where_types_are_nested_in_each_other),
        cmocka_unit_test(refuses_names_that_do_not_end),
        cmocka_unit_test(reads_compressed_numbers),
        cmocka_unit_test(cuts_blobs_to_the_room_and_refuses_those_past_the_heap),
    };
    return cmocka_run_group_tests_name("metadata", tests, NULL, NULL);
}
