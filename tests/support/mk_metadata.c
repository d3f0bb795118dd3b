#include "tests/support/mk_metadata.h"

#include <stdlib.h>

void meta_init(struct meta *m) {
    *m = (struct meta){.type_count = 0};
    strbuf_init(&m->strings);
    strbuf_init(&m->blobs);
    strbuf_addc(&m->strings, '\0');
    strbuf_addc(&m->blobs, '\0');
}

void meta_deinit(struct meta *m) {
    strbuf_deinit(&m->strings);
    strbuf_deinit(&m->blobs);
}

static uint32_t mk_metadata_add_string(struct meta *m, const char *text) {
    if (!*text)
        return 0;
    uint32_t at = (uint32_t)m->strings.len;
    strbuf_adds(&m->strings, text);
    strbuf_addc(&m->strings, '\0');
    return at;
}

static uint32_t add_blob(struct meta *m, struct bytes blob) {
    uint32_t at = (uint32_t)m->blobs.len;
    if (blob.size >= 0x80)
        strbuf_addc(&m->blobs, (char)(0x80 | blob.size >> 8));
    strbuf_addc(&m->blobs, (char)blob.size);
    strbuf_add(&m->blobs, (struct str){(const char *)blob.data, blob.size});
    return at;
}

uint32_t meta_type(struct meta *m, const char *ns, const char *name, uint32_t outer) {
    m->types[m->type_count++] =
        (struct meta_type){mk_metadata_add_string(m, name), mk_metadata_add_string(m, ns),
                           m->field_count + 1, m->method_count + 1, outer};
    return m->type_count;
}

uint32_t meta_method(struct meta *m, const char *name, struct bytes signature) {
    m->methods[m->method_count++] =
        (struct meta_row){mk_metadata_add_string(m, name), add_blob(m, signature), 0};
    return m->method_count;
}

uint32_t meta_field(struct meta *m, const char *name, struct bytes signature) {
    m->fields[m->field_count++] =
        (struct meta_row){mk_metadata_add_string(m, name), add_blob(m, signature), 0};
    return m->field_count;
}

uint32_t meta_parameter(struct meta *m, const char *name, uint32_t number, uint32_t owner_type) {
    m->parameters[m->parameter_count++] =
        (struct meta_row){mk_metadata_add_string(m, name), number, owner_type << 1};
    return m->parameter_count;
}

static void mk_metadata_number(struct strbuf *out, uint64_t value, uint32_t size) {
    for (uint32_t i = 0; i < size; i++)
        strbuf_addc(out, (char)(value >> 8 * i));
}

static void write_tables(const struct meta *m, struct strbuf *out) {
    const uint32_t index = m->wide ? 4 : 2;
    uint32_t nested = 0;
    for (uint32_t i = 0; i < m->type_count; i++)
        nested += m->types[i].outer != 0;
    const struct {
        uint32_t table, rows;
    } tables[] = {{0x00, 1},
                  {0x02, m->type_count},
                  {0x04, m->field_count},
                  {0x06, m->method_count},
                  {0x20, m->assembly != 0},
                  {0x29, nested},
                  {0x2a, m->parameter_count}};
    uint64_t valid = 0;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        valid |= (uint64_t)(tables[i].rows != 0) << tables[i].table;
    mk_metadata_number(out, 0, 4);
    mk_metadata_number(out, 2, 2); /* version; sizes of heaps and a reserved byte follow */
    mk_metadata_number(out, 0x0100, 2);
    mk_metadata_number(out, valid, 8);
    mk_metadata_number(out, 0, 8);
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        if (tables[i].rows)
            mk_metadata_number(out, tables[i].rows, 4);
    mk_metadata_number(out, 0, 2 + index); /* Module: generation, name */
    mk_metadata_number(out, 1, index);
    mk_metadata_number(out, 0, 2 * index);
    for (uint32_t i = 0; i < m->type_count; i++) {
        const struct meta_type *t = &m->types[i];
        const uint32_t columns[] = {t->name, t->ns, 0, t->first_field, t->first_method};
        mk_metadata_number(out, 0, 4);
        for (uint32_t k = 0; k < 5; k++)
            mk_metadata_number(out, columns[k], index);
    }
    for (uint32_t i = 0; i < m->field_count; i++) {
        mk_metadata_number(out, 0, 2);
        mk_metadata_number(out, m->fields[i].a, index);
        mk_metadata_number(out, m->fields[i].b, index);
    }
    for (uint32_t i = 0; i < m->method_count; i++) {
        mk_metadata_number(out, 0, 8);
        mk_metadata_number(out, m->methods[i].a, index);
        mk_metadata_number(out, m->methods[i].b, index);
        mk_metadata_number(out, 1, index);
    }
    if (m->assembly) {
        mk_metadata_number(out, 0, 16 + index);
        mk_metadata_number(out, m->assembly, index);
        mk_metadata_number(out, 0, index);
    }
    for (uint32_t i = 0; i < m->type_count; i++)
        if (m->types[i].outer) {
            mk_metadata_number(out, i + 1, index);
            mk_metadata_number(out, m->types[i].outer, index);
        }
    for (uint32_t i = 0; i < m->parameter_count; i++) {
        mk_metadata_number(out, m->parameters[i].b, 2);
        mk_metadata_number(out, 0, 2);
        mk_metadata_number(out, m->parameters[i].c, index);
        mk_metadata_number(out, m->parameters[i].a, index);
    }
}

static void align(struct strbuf *out) {
    while (out->len % 4)
        strbuf_addc(out, '\0');
}

void meta_write(const struct meta *m, struct strbuf *out) {
    struct strbuf tables, guids;
    strbuf_init(&tables);
    strbuf_init(&guids);
    write_tables(m, &tables);
    align(&tables);
    for (uint32_t i = 0; i < 16; i++)
        strbuf_addc(&guids, (char)(0xa0 + i));
    const struct {
        const char *name;
        const struct strbuf *from;
    } streams[] = {{m->wide ? "#-" : "#~", &tables},
                   {"#Strings", &m->strings},
                   {"#GUID", &guids},
                   {"#Blob", &m->blobs},
                   {"#JTD", NULL}};
    uint32_t count = m->wide ? 5 : 4, head = 16 + 12 + 4, start = (uint32_t)out->len;
    for (uint32_t i = 0; i < count; i++)
        head += 8 + (((uint32_t)str_of(streams[i].name).len + 4) & ~3u);
    strbuf_adds(out, "BSJB");
    mk_metadata_number(out, 0x00010001, 4);
    mk_metadata_number(out, 0, 4);
    mk_metadata_number(out, 12, 4);
    strbuf_add(out, (struct str){"v4.0.30319\0\0", 12});
    mk_metadata_number(out, 0, 2);
    mk_metadata_number(out, count, 2);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = streams[i].from ? ((uint32_t)streams[i].from->len + 3) & ~3u : 0;
        mk_metadata_number(out, head, 4);
        mk_metadata_number(out, size, 4);
        strbuf_adds(out, streams[i].name);
        strbuf_addc(out, '\0');
        align(out);
        head += size;
    }
    for (uint32_t i = 0; i < count; i++)
        if (streams[i].from) {
            strbuf_add(out, strbuf_str(streams[i].from));
            while ((out->len - start) % 4)
                strbuf_addc(out, '\0');
        }
    strbuf_deinit(&tables);
    strbuf_deinit(&guids);
}
