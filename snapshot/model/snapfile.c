#include "model/snapfile.h"
#include "model/snap_columns.h"
#include "model/part_fields.h"
#include "model/rows_heap.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include "base/hash.h"

#include <string.h>

static const char magic[8] = "DDSNAP\r\n";

#define HEADER_BYTES 24u
#define ENTRY_BYTES  32u
#define SECTIONS_MAX 1024u
#define STRING_TABLE 0u
#define COLUMNS_MAX  1024u
/* A section starts on a multiple of 8, so that a hex dump of it can be read. */
#define SECTION_ALIGN 8u

bool snapfile_probe(struct bytes head) {
    return head.size >= sizeof(magic) && memcmp(head.data, magic, sizeof(magic)) == 0;
}

/* -- Writing ----------------------------------------------------------------------------------- */

static void put_int(struct strbuf *out, uint64_t value, unsigned size) {
    char buf[8];
    for (unsigned i = 0; i < size; i++)
        buf[i] = (char)(value >> (8 * i));
    strbuf_add(out, (struct str){buf, size});
}

struct writer {
    struct strmap numbers; /* string to its number */
    struct strbuf strings; /* section of strings, without its count */
    uint32_t string_count;
    struct err err; /* the first error, sticks */
};

static void snapfile_put_string(struct writer *w, struct strbuf *out, const char *s) {
    if (!s) {
        strbuf_add_varint(out, 0);
        return;
    }
    uint32_t number = strmap_get(&w->numbers, str_of(s), STR(""));
    if (number == STRMAP_NONE) {
        number = w->string_count++;
        if (!strmap_put(&w->numbers, str_of(s), STR(""), number))
            err_keep_nomem(&w->err);
        strbuf_add(&w->strings, (struct str){s, strlen(s) + 1});
    }
    strbuf_add_varint(out, (uint64_t)number + 1);
}

static void put_cells(struct strbuf *out, const struct cell *cells) {
    uint8_t mask = 0;
    for (int g = 0; g < GEN_COUNT; g++)
        if (cells[g].objects || cells[g].bytes)
            mask |= (uint8_t)(1u << g);
    strbuf_addc(out, (char)mask);
    for (int g = 0; g < GEN_COUNT; g++) {
        if (!(mask & 1u << g))
            continue;
        strbuf_add_varint(out, cells[g].objects);
        strbuf_add_varint(out, cells[g].bytes);
    }
}

static void put_value(struct writer *w, struct strbuf *out, const struct field *field,
                      const unsigned char *row) {
    const void *at = row + field->offset;
    const uint64_t *number = at;
    const struct strings *list = at;
    switch ((enum field_kind)field->kind) {
    case FIELD_STR:
        snapfile_put_string(w, out, *(const char *const *)at);
        break;
    case FIELD_STRS:
        strbuf_add_varint(out, list->count);
        for (uint32_t i = 0; i < list->count; i++)
            snapfile_put_string(w, out, list->items[i]);
        break;
    case FIELD_CELLS:
        put_cells(out, at);
        break;
    case FIELD_GENS:
        for (int g = 0; g < GEN_COUNT; g++)
            strbuf_add_varint(out, number[g] + 1);
        break;
    case FIELD_U64:
    case FIELD_BYTES:
    case FIELD_NS:
    case FIELD_TIME:
    case FIELD_HEX:
    case FIELD_BOOL:
        strbuf_add_varint(out, *number + 1);
        break;
    }
}

static bool column_empty(const struct field *field, const struct table *table, uint32_t row_size) {
    for (uint32_t i = 0; i < table->count; i++) {
        const void *at = (const unsigned char *)table->rows + (size_t)i * row_size + field->offset;
        if (field->kind == FIELD_STR    ? *(const char *const *)at != NULL
            : field->kind == FIELD_STRS ? ((const struct strings *)at)->count != 0
                                        : field->kind == FIELD_CELLS || field->kind == FIELD_GENS ||
                                              *(const uint64_t *)at != ABSENT)
            return false;
    }
    return true;
}

static void put_table(struct writer *w, struct strbuf *out, enum part part,
                      const struct table *table) {
    const struct part_desc *desc = &part_descs[part];
    uint32_t columns = 0;
    const uint32_t fields = desc->field_count;
    bool empty[64];
    for (uint32_t f = 0; f < fields; f++) {
        empty[f] = column_empty(&desc->fields[f], table, desc->row_size);
        columns += !empty[f];
    }
    /* Rows that say nothing are rows all the same, and a reader believes in none without a byte. */
    if (table->count && !columns && fields) {
        empty[0] = false;
        columns = 1;
    }
    strbuf_add_varint(out, table->count);
    strbuf_add_varint(out, columns);
    struct strbuf column;
    strbuf_init(&column);
    for (uint32_t f = 0; f < fields; f++) {
        if (empty[f])
            continue;
        strbuf_clear(&column);
        for (uint32_t i = 0; i < table->count; i++)
            put_value(w, &column, &desc->fields[f],
                      (const unsigned char *)table->rows + (size_t)i * desc->row_size);
        strbuf_add_varint(out, desc->fields[f].id);
        strbuf_add_varint(out, desc->fields[f].kind);
        strbuf_add_varint(out, column.len);
        strbuf_add(out, strbuf_str(&column));
    }
    err_keep(&w->err, &column.err);
    strbuf_deinit(&column);
}

struct section {
    uint32_t id;
    size_t start, size; /* [bytes] in the body */
};

static void section_end(struct section *section, struct strbuf *body) {
    section->size = body->len - section->start;
    while (body->len % SECTION_ALIGN && !strbuf_failed(body))
        strbuf_addc(body, 0);
}

bool snapfile_encode(const struct snapshot *s, struct strbuf *out, struct err *err) {
    struct writer w = {0};
    struct strbuf body;
    struct section sections[PART_END + 1];
    uint32_t count = 0;
    strmap_init(&w.numbers);
    strbuf_init(&w.strings);
    strbuf_init(&body);
    for (uint32_t part = 1; part < PART_END; part++) {
        if (!snapshot_has(s, (enum part)part) || !part_descs[part].name)
            continue;
        sections[count] = (struct section){.id = part, .start = body.len};
        put_table(&w, &body, (enum part)part, &s->tables[part]);
        section_end(&sections[count++], &body);
    }
    sections[count] = (struct section){.id = STRING_TABLE, .start = body.len};
    strbuf_add_varint(&body, w.string_count);
    strbuf_add(&body, strbuf_str(&w.strings));
    section_end(&sections[count++], &body);

    struct strbuf directory;
    strbuf_init(&directory);
    for (uint32_t i = 0; i < count && body.ptr; i++) {
        put_int(&directory, sections[i].id, 4);
        put_int(&directory, 0, 4);
        put_int(&directory, HEADER_BYTES + (uint64_t)count * ENTRY_BYTES + sections[i].start, 8);
        put_int(&directory, sections[i].size, 8);
        put_int(&directory, hash_bytes(body.ptr + sections[i].start, sections[i].size), 8);
    }
    strbuf_add(out, (struct str){magic, sizeof(magic)});
    put_int(out, SNAPFILE_VERSION, 4);
    put_int(out, count, 4);
    put_int(out, hash_bytes(strbuf_cstr(&directory), directory.len), 8);
    strbuf_add(out, strbuf_str(&directory));
    strbuf_add(out, strbuf_str(&body));

    bool ok = err_none(&w.err, err) && strbuf_ok(&w.strings, err) && strbuf_ok(&body, err) &&
              strbuf_ok(&directory, err) && strbuf_ok(out, err);
    strbuf_deinit(&directory);
    strbuf_deinit(&body);
    strbuf_deinit(&w.strings);
    strmap_deinit(&w.numbers);
    return ok;
}

/* -- Reading ----------------------------------------------------------------------------------- */

static bool decode_strings(struct snap_decoder *d, struct reader *r, struct err *err) {
    uint64_t count = reader_varint(r);
    if (!reader_has_items(r, count, 1))
        return err_at(err, ERR_TRUNCATED, r->base,
                      "string table says %llu strings, has room for %zu", (unsigned long long)count,
                      reader_left(r));
    size_t size = reader_left(r);
    const char *copy = arena_copy(&d->s->arena, (const char *)r->in.data + r->pos, size);
    d->strings = arena_array(&d->s->arena, (size_t)count, sizeof(*d->strings));
    if (!copy || !d->strings)
        return err_nomem(err);
    size_t at = 0;
    bool plain = str_are_plain((struct str){copy, size});
    for (uint64_t i = 0; i < count; i++) {
        const char *end = at < size ? memchr(copy + at, '\0', size - at) : NULL;
        if (!end)
            return err_at(err, ERR_TRUNCATED, r->base + r->pos + at,
                          "string %llu of %llu has no end", (unsigned long long)i,
                          (unsigned long long)count);
        /* As the builder leaves them: what is printed as it is must not speak to a terminal. */
        if (!plain && !str_is_clean((struct str){copy + at, (size_t)(end - copy) - at}))
            return err_at(err, ERR_FORMAT, r->base + r->pos + at,
                          "string %llu has control characters or is no UTF-8",
                          (unsigned long long)i);
        d->strings[i] = copy + at;
        at = (size_t)(end - copy) + 1;
    }
    d->string_count = count;
    return true;
}

static const struct field *snapfile_field_of(const struct part_desc *desc, uint64_t id,
                                             uint64_t kind) {
    for (uint32_t i = 0; i < desc->field_count; i++)
        if (desc->fields[i].id == id && desc->fields[i].kind == kind)
            return &desc->fields[i];
    return NULL;
}

static void numbers_absent(unsigned char *at, uint64_t count, size_t row_size) {
    for (unsigned char *end = at + count * row_size; at < end; at += row_size)
        *(uint64_t *)(void *)at = ABSENT;
}

/* Columns that are not in the file read as absent; filled: a bit for each field that is. */
static void rows_absent(const struct part_desc *desc, unsigned char *rows, uint64_t count,
                        uint64_t filled) {
    for (uint32_t f = 0; f < desc->field_count; f++) {
        const struct field *field = &desc->fields[f];
        if (filled >> f & 1 || field->kind == FIELD_STR || field->kind == FIELD_STRS ||
            field->kind == FIELD_CELLS)
            continue;
        uint32_t words = field->kind == FIELD_GENS ? GEN_COUNT : 1;
        for (uint32_t w = 0; w < words; w++)
            numbers_absent(rows + field->offset + w * sizeof(uint64_t), count, desc->row_size);
    }
}

/* Sets the bit of the column's field in *filled. */
static bool decode_column(const struct snap_decoder *d, struct reader *r,
                          const struct part_desc *desc, unsigned char *rows, uint64_t count,
                          uint64_t *filled, struct err *err) {
    uint64_t id = reader_varint(r), kind = reader_varint(r), size = reader_varint(r);
    uint64_t base = r->base + r->pos;
    struct bytes data = reader_bytes(r, size);
    if (r->failed)
        return true; /* the caller reports it */
    const struct field *field = snapfile_field_of(desc, id, kind);
    if (!field)
        return true;
    *filled |= (uint64_t)1 << (field - desc->fields);
    struct reader column;
    reader_init(&column, data, base);
    if (!snap_column_read(d, &column, field, rows, desc->row_size, count, err))
        return false;
    if (column.failed || reader_left(&column))
        return err_at(err, ERR_FORMAT, base + column.pos, "column %s.%s does not hold %llu values",
                      desc->name, field->name, (unsigned long long)count);
    return true;
}

/* A tree: parents come before their children. */
static bool check_paths(const struct table *table, struct err *err) {
    const struct path_row *rows = table->rows;
    for (uint32_t i = 0; i < table->count; i++)
        if (rows[i].parent != ABSENT && rows[i].parent >= i)
            return err_set(err, ERR_FORMAT, "part paths: row %u comes before its parent", i);
    return true;
}

static bool check_places(const struct table *table, struct err *err) {
    const struct path_row *rows = table->rows;
    for (uint32_t i = 0; i < table->count; i++)
        if ((rows[i].holder != ABSENT && rows[i].holder >= table->count) ||
            (rows[i].other_holder != ABSENT && rows[i].other_holder >= table->count))
            return err_set(err, ERR_FORMAT, "part places: row %u has a holder that is not there",
                           i);
    return check_paths(table, err);
}

static bool check_absences(const struct table *table, struct err *err) {
    const struct absence_row *rows = table->rows;
    for (uint32_t i = 0; i < table->count; i++)
        if (!rows[i].part || !rows[i].aspect || !rows[i].why)
            return err_set(err, ERR_FORMAT, "part absences: row %u does not say what or why", i);
    return true;
}

/* The strings that rows must have for the rest of the program to rely on. */
static bool check_rows(enum part part, const struct table *table, struct err *err) {
    const struct part_desc *desc = &part_descs[part];
    if (desc->single && table->count != 1)
        return err_set(err, ERR_FORMAT, "part %s has %u rows instead of one", desc->name,
                       table->count);
    bool needs_key = part == PART_TYPES || part == PART_REASONS || part == PART_COUNTERS;
    for (uint32_t i = 0; needs_key && i < table->count; i++) {
        const unsigned char *row = (const unsigned char *)table->rows + (size_t)i * desc->row_size;
        const char *key = *(const char *const *)(const void *)(row + desc->fields[0].offset);
        if (!key)
            return err_set(err, ERR_FORMAT, "part %s: row %u has no %s", desc->name, i,
                           desc->fields[0].name);
    }
    return part == PART_PATHS      ? check_paths(table, err)
           : part == PART_PLACES   ? check_places(table, err)
           : part == PART_ABSENCES ? check_absences(table, err)
                                   : true;
}

static bool decode_table(const struct snap_decoder *d, struct reader *r, enum part part,
                         struct err *err) {
    const struct part_desc *desc = &part_descs[part];
    uint64_t count = reader_varint(r), columns = reader_varint(r);
    uint64_t row_bytes = desc->row_size;
    /* Each row of a table with columns takes at least a byte in one of them. */
    if (!reader_ok(r, "table", err))
        return false;
    if (columns > COLUMNS_MAX || (columns ? !reader_has_items(r, count, columns) : count != 0) ||
        count > UINT32_MAX)
        return err_at(err, ERR_FORMAT, r->base + r->pos,
                      "%llu rows in %llu columns cannot be in %zu bytes", (unsigned long long)count,
                      (unsigned long long)columns, reader_left(r));
    unsigned char *rows = arena_array(&d->s->arena, (size_t)count, (size_t)row_bytes);
    if (!rows)
        return err_nomem(err);
    uint64_t filled = 0;
    for (uint64_t c = 0; c < columns; c++)
        if (!decode_column(d, r, desc, rows, count, &filled, err))
            return false;
    if (!reader_ok(r, "column", err))
        return false;
    rows_absent(desc, rows, count, filled);
    struct table *table = &d->s->tables[part];
    *table = (struct table){rows, (uint32_t)count, (uint32_t)count, false};
    d->s->parts |= PART_BIT(part);
    return check_rows(part, table, err);
}

struct entry {
    uint32_t id;
    uint64_t offset, size, hash;
};

static bool section_bytes(struct bytes in, const struct entry *entry, struct bytes *ret_bytes,
                          struct err *err) {
    if (entry->offset > in.size || entry->size > in.size - entry->offset)
        return err_at(err, ERR_TRUNCATED, entry->offset,
                      "section %u runs past the end of the file (needs %llu bytes, has %zu)",
                      entry->id, (unsigned long long)entry->size,
                      entry->offset > in.size ? (size_t)0 : (size_t)(in.size - entry->offset));
    struct bytes part = bytes_slice(in, entry->offset, entry->size);
    if (hash_bytes(part.data, part.size) != entry->hash)
        return err_at(err, ERR_FORMAT, entry->offset, "section %u: checksum does not fit",
                      entry->id);
    *ret_bytes = part;
    return true;
}

static bool snapfile_read_directory(struct bytes in, struct reader *r, uint32_t *ret_count,
                                    struct err *err) {
    if (!snapfile_probe(in))
        return err_set(err, ERR_FORMAT, "not a .snap file");
    reader_init(r, in, 0);
    reader_seek(r, sizeof(magic));
    uint32_t version = reader_u32(r), count = reader_u32(r);
    uint64_t hash = reader_u64(r);
    if (!reader_ok(r, "header", err))
        return false;
    if (version > SNAPFILE_VERSION || version == 0)
        return err_at(err, ERR_UNSUPPORTED, 8,
                      "version %u, this program reads up to %u: a newer dumpdiff wrote it", version,
                      SNAPFILE_VERSION);
    if (count > SECTIONS_MAX || !reader_has_items(r, count, ENTRY_BYTES))
        return err_at(err, ERR_TRUNCATED, 12, "directory of %u sections does not fit in the file",
                      count);
    if (hash_bytes(in.data + r->pos, (size_t)count * ENTRY_BYTES) != hash)
        return err_at(err, ERR_FORMAT, 16, "directory: checksum does not fit");
    *ret_count = count;
    return true;
}

static struct entry snapfile_read_entry(struct reader *r) {
    struct entry entry = {.id = reader_u32(r)};
    reader_skip(r, 4);
    entry.offset = reader_u64(r);
    entry.size = reader_u64(r);
    entry.hash = reader_u64(r);
    return entry;
}

/* Two passes over the directory: strings first, since all tables refer to them. */
static bool decode_sections(struct snap_decoder *d, struct bytes in, struct reader directory,
                            uint32_t count, bool strings, struct err *err) {
    for (uint32_t i = 0; i < count; i++) {
        struct entry entry = snapfile_read_entry(&directory);
        if ((entry.id == STRING_TABLE) != strings)
            continue;
        bool known = strings || (entry.id < PART_END && part_descs[entry.id].name);
        struct bytes part;
        if (!known)
            continue;
        if (!section_bytes(in, &entry, &part, err))
            return false;
        struct reader r;
        reader_init(&r, part, entry.offset);
        if (strings) {
            if (d->strings)
                return err_at(err, ERR_FORMAT, entry.offset, "second string table");
            if (!decode_strings(d, &r, err))
                return false;
        } else if (snapshot_has(d->s, (enum part)entry.id)) {
            return err_at(err, ERR_FORMAT, entry.offset, "second section %s",
                          part_descs[entry.id].name);
        } else if (!decode_table(d, &r, (enum part)entry.id, err)) {
            return err_prefix(err, "section %s", part_descs[entry.id].name);
        }
    }
    return true;
}

bool snapfile_decode_parts(struct bytes in, struct snapshot *s, struct err *err) {
    struct snap_decoder d = {.s = s};
    struct reader r;
    uint32_t count = 0;
    if (!snapfile_read_directory(in, &r, &count, err))
        return false;
    return decode_sections(&d, in, r, count, true, err) &&
           decode_sections(&d, in, r, count, false, err);
}

bool snapfile_decode(struct bytes in, struct snapshot *s, struct err *err) {
    if (!snapfile_decode_parts(in, s, err))
        return false;
    if (!snapshot_has(s, PART_ORIGIN))
        return err_set(err, ERR_FORMAT, "section origin is missing");
    return true;
}
