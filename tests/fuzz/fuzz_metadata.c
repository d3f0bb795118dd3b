/*
 * Metadata, and the names that are made from it.
 *
 * Input: u16 where a hole begins that no page of the dump covers (in units of 16 bytes), u8 its
 * length in these units, u8 of no use; then the metadata.
 */
#include "tests/fuzz/fuzz.h"

#include "dotnet/method.h"
#include "dotnet/type_names.h"
#include "tests/support/mk_clr.h"

#include <string.h>

#define ROWS_TRIED 48u
#define ROWS_NAMED 16u
#define WORLD      (64u << 10) /* [bytes] for the types; the metadata comes on top */

struct fuzz_source {
    struct bytes bytes;
    uint64_t hole, hole_end;
};

static bool fuzz_metadata_source_read(void *context, uint64_t offset, void *buffer, size_t size) {
    const struct fuzz_source *s = context;
    FUZZ_CHECK(offset <= s->bytes.size && size <= s->bytes.size - offset);
    if (offset < s->hole_end && offset + size > s->hole)
        return false;
    memcpy(buffer, s->bytes.data + offset, size);
    return true;
}

static void fuzz_metadata_read_rows(const struct metadata *md, enum metadata_table table,
                                    uint32_t columns) {
    struct strbuf text;
    uint32_t value;
    uint8_t blob[300];
    size_t size;
    strbuf_init(&text);
    for (uint32_t row = 0; row < ROWS_TRIED; row++)
        for (uint32_t column = 0; column < columns; column++) {
            if (metadata_cell(md, table, row, column, &value) &&
                metadata_blob(md, value, blob, sizeof(blob), &size))
                FUZZ_CHECK(size <= sizeof(blob));
            if (metadata_name(md, table, row, column, &text))
                FUZZ_CHECK(text.len > 0);
        }
    strbuf_deinit(&text);
}

static void fuzz_metadata_read_all(struct fuzz_source *source) {
    static const struct {
        enum metadata_table table;
        uint32_t columns;
    } tables[] = {{MD_MODULE, 5},       {MD_TYPE_REF, 3},     {MD_TYPE_DEF, 6},
                  {MD_FIELD, 3},        {MD_METHOD, 6},       {MD_MEMBER_REF, 3},
                  {MD_ASSEMBLY, 9},     {MD_TYPE_SPEC, 1},    {MD_CUSTOM_ATTRIBUTE, 3},
                  {MD_NESTED_CLASS, 2}, {MD_GENERIC_PARAM, 4}};
    struct metadata md;
    struct err err = {.msg = ""};
    struct metadata_source from = {fuzz_metadata_source_read, source, 0, source->bytes.size};
    struct strbuf name;
    uint8_t mvid[16];
    if (!metadata_open(&md, from, &err)) {
        FUZZ_CHECK(err.msg[0]);
        return;
    }
    strbuf_init(&name);
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        fuzz_metadata_read_rows(&md, tables[i].table, tables[i].columns);
    for (uint32_t row = 0; row < ROWS_TRIED; row++) {
        (void)metadata_enclosing(&md, row);
        size_t before = name.len;
        if (!type_def_name(&md, row, &name))
            FUZZ_CHECK(name.len == before);
    }
    (void)!metadata_mvid(&md, mvid);
    strbuf_deinit(&name);
}

/* Types and methods whose names this metadata has. */
static void name_all(const struct fuzz_source *source) {
    struct mk_clr w;
    struct strbuf name;
    if (!mk_clr_init(&w, WORLD + source->bytes.size))
        return;
    strbuf_init(&name);
    uint64_t module = mk_clr_module(&w, source->bytes), last = 0;
    for (uint32_t row = 0; row < ROWS_NAMED; row++) {
        uint64_t mt = mk_clr_type(&w, module, row, row & 1 ? MK_MT_GENERIC : 0);
        /* One that holds itself is enough: it makes a name of 16 KB. */
        uint64_t arguments[2] = {last, row == 3 ? mt : last};
        if (row & 1)
            mk_clr_arguments(&w, mt, arguments, 2);
        uint64_t method = mk_clr_method(&w, mt, row, 0);
        strbuf_clear(&name);
        type_name(&w.modules, mt, &name);
        FUZZ_CHECK(name.len > 0 && name.len < 2 * NAME_MAX_BYTES + 40 * METADATA_NAME_MAX);
        strbuf_clear(&name);
        method_name(&w.modules, method, &name);
        FUZZ_CHECK(name.len > 0 && name.len < 2 * NAME_MAX_BYTES + 40 * METADATA_NAME_MAX);
        (void)type_field_offset(&w.modules, mt, "_name");
        last = mt;
    }
    strbuf_deinit(&name);
    mk_clr_deinit(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct reader r;
    reader_init(&r, (struct bytes){data, size}, 0);
    uint64_t hole = 16 * (uint64_t)fuzz_u16(&r), length = 16 * (uint64_t)reader_u8(&r);
    reader_u8(&r);
    struct fuzz_source source = {reader_bytes(&r, reader_left(&r)), hole, hole + length};
    if (r.failed)
        return 0;
    fuzz_metadata_read_all(&source);
    name_all(&source);
    return 0;
}
