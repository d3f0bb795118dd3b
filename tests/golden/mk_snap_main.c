/*
 * Makes a .snap file from text, for golden cases about what is rare in real dumps.
 *
 *   # comment
 *   origin    process=shop arch=x64 captured_at=1000s
 *   types     name="A B" module=a.dll gen2=10/2400 gen0=1/24 live_objects=9
 *   threads   os_id=0x10 name=w user_ns=5s frames=Innermost.Call()|Program.Main()
 *   12* threads os_id=100+ state=dead
 *   heaps     index=0 gen0=0/4096 free_by_generation.gen2=100
 *   finalizer ready=5 finalizable.gen2=3
 *   locks                          (present, without a row)
 *
 * One row a line: the part and its fields as in snapshot.c. Numbers take K, M, G (powers of 1024),
 * s and ms (in ns), 0x; "+" adds the number of the repetition. Rows of one part in their order.
 *
 * usage: mk_snap IN OUT
 */
#include "base/file.h"
#include "base/num.h"
#include "input/input.h"
#include "model/snapfile.h"
#include "model/part_fields.h"
#include "model/snapshot.h"

#include <stdio.h>
#include <string.h>

#define FRAMES_MAX 64u

static bool mk_snap_main_unit_of(struct str unit, uint64_t *ret_unit) {
    static const struct {
        struct str name;
        uint64_t value;
    } units[] = {{{"", 0}, 1},        {{"s", 1}, 1000000000}, {{"ms", 2}, 1000000},
                 {{"K", 1}, 1 << 10}, {{"M", 1}, 1 << 20},    {{"G", 1}, 1 << 30}};
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
        if (str_eq(units[i].name, unit)) {
            *ret_unit = units[i].value;
            return true;
        }
    return false;
}

static bool mk_snap_main_number(struct str text, uint64_t repetition, uint64_t *ret_value,
                                struct err *err) {
    bool adds = str_ends(text, STR("+"));
    struct str s = adds ? str_take(text, text.len - 1) : text;
    uint64_t unit = 1, value;
    size_t digits = 0;
    if (str_starts(s, STR("0x"))) {
        digits = s.len;
    } else {
        while (digits < s.len && s.ptr[digits] >= '0' && s.ptr[digits] <= '9')
            digits++;
    }
    bool hex = digits > 1 && s.ptr[1] == 'x';
    if (!mk_snap_main_unit_of(str_drop(s, digits), &unit) ||
        !(hex ? num_hex(s, &value) : num_dec(str_take(s, digits), &value)))
        return err_set(err, ERR_FORMAT, "no number: %.*s", (int)text.len, text.ptr);
    *ret_value = value * unit + (adds ? repetition : 0);
    return true;
}

static int mk_snap_main_generation_of(struct str name) {
    for (int g = 0; g < GEN_COUNT; g++)
        if (str_eq(str_of(generation_names[g]), name))
            return g;
    return -1;
}

static bool mk_snap_main_set_list(struct builder *b, struct strings *list, struct str value,
                                  struct err *err) {
    struct str items[FRAMES_MAX];
    uint32_t count = 0;
    while (value.len && count < FRAMES_MAX) {
        size_t bar = str_find(value, STR("|"), 0);
        items[count++] = str_take(value, bar);
        value = str_drop(value, bar == STR_NOT_FOUND ? value.len : bar + 1);
    }
    return builder_strings(b, items, count, list, err);
}

struct spec {
    struct builder *b;
    const struct part_desc *desc;
    unsigned char *row;
    uint64_t repetition;
};

static bool mk_snap_main_set_cell(const struct spec *spec, struct str key, struct str value,
                                  struct err *err) {
    int g = mk_snap_main_generation_of(key);
    size_t slash = str_find(value, STR("/"), 0);
    for (uint32_t i = 0; g >= 0 && i < spec->desc->field_count; i++) {
        const struct field *field = &spec->desc->fields[i];
        if (field->kind != FIELD_CELLS || slash == STR_NOT_FOUND)
            continue;
        struct cell *cell = (struct cell *)(void *)(spec->row + field->offset) + g;
        return mk_snap_main_number(str_take(value, slash), spec->repetition, &cell->objects, err) &&
               mk_snap_main_number(str_drop(value, slash + 1), spec->repetition, &cell->bytes, err);
    }
    return err_set(err, ERR_FORMAT, "%s has no field %.*s", spec->desc->name, (int)key.len,
                   key.ptr);
}

static bool set_field(const struct spec *spec, struct str key, struct str value, struct err *err) {
    size_t dot = str_find(key, STR("."), 0);
    for (uint32_t i = 0; i < spec->desc->field_count; i++) {
        const struct field *field = &spec->desc->fields[i];
        if (!str_eq(str_of(field->name), str_take(key, dot)))
            continue;
        void *at = spec->row + field->offset;
        if (field->kind == FIELD_STR)
            return (*(const char **)at = builder_string(spec->b, value, err)) != NULL;
        if (field->kind == FIELD_STRS)
            return mk_snap_main_set_list(spec->b, at, value, err);
        int g = dot == STR_NOT_FOUND ? -1 : mk_snap_main_generation_of(str_drop(key, dot + 1));
        if (field->kind == FIELD_GENS && g >= 0)
            return mk_snap_main_number(value, spec->repetition, (uint64_t *)at + g, err);
        if (field->kind != FIELD_GENS && field->kind != FIELD_CELLS)
            return mk_snap_main_number(value, spec->repetition, at, err);
    }
    return mk_snap_main_set_cell(spec, key, value, err);
}

/* Splits "key=value" or "key=\"value\"" off *rest. */
static bool next_pair(struct str *rest, struct str *ret_key, struct str *ret_value) {
    *rest = str_trim(*rest);
    size_t equals = str_find(*rest, STR("="), 0);
    if (equals == STR_NOT_FOUND)
        return false;
    *ret_key = str_take(*rest, equals);
    *rest = str_drop(*rest, equals + 1);
    bool quoted = str_starts(*rest, STR("\""));
    *rest = str_drop(*rest, quoted);
    size_t end = str_find(*rest, quoted ? STR("\"") : STR(" "), 0);
    *ret_value = str_take(*rest, end);
    *rest = str_drop(*rest, end == STR_NOT_FOUND ? rest->len : end + 1);
    return true;
}

static bool mk_snap_main_put_row(struct builder *b, enum part part, struct str fields,
                                 uint64_t repetition, struct err *err) {
    const struct part_desc *desc = &part_descs[part];
    struct spec spec = {b, desc, NULL, repetition};
    spec.row = desc->single ? builder_single(b, part, err) : builder_row(b, part, err);
    if (!spec.row)
        return false;
    struct str key, value;
    while (next_pair(&fields, &key, &value))
        if (!set_field(&spec, key, value, err))
            return false;
    if (str_trim(fields).len)
        return err_set(err, ERR_FORMAT, "no field: %.*s", (int)fields.len, fields.ptr);
    return true;
}

static bool put_line(struct builder *b, struct str line, struct err *err) {
    struct str rest = line, name = str_next_field(&rest);
    uint64_t times = 1;
    if (str_ends(name, STR("*"))) {
        if (!mk_snap_main_number(str_take(name, name.len - 1), 0, &times, err))
            return false;
        name = str_next_field(&rest);
    }
    for (int part = 1; part < PART_END; part++) {
        if (!part_descs[part].name || !str_eq(str_of(part_descs[part].name), name))
            continue;
        builder_present(b, (enum part)part);
        for (uint64_t i = 0; i < times && str_trim(rest).len; i++)
            if (!mk_snap_main_put_row(b, (enum part)part, rest, i, err))
                return false;
        return true;
    }
    return err_set(err, ERR_FORMAT, "there is no part %.*s", (int)name.len, name.ptr);
}

static bool mk_snap_main_build(struct str text, struct snapshot *s, struct err *err) {
    struct builder *b = builder_new(s, err);
    bool ok = b != NULL;
    struct str line;
    for (unsigned number_of_line = 1; ok && str_next_line(&text, &line); number_of_line++) {
        line = str_trim(line);
        if (line.len && line.ptr[0] != '#' && !put_line(b, line, err))
            ok = err_prefix(err, "line %u", number_of_line);
    }
    ok = ok && input_finish(b, err);
    builder_free(b);
    return ok;
}

int main(int argc, char **argv) {
    struct err err = {.msg = "usage: mk_snap IN OUT"};
    struct file in;
    struct snapshot s;
    struct strbuf out;
    if (argc != 3 || !file_open(&in, argv[1], &err)) {
        fprintf(stderr, "mk_snap: %s\n", err.msg);
        return 2;
    }
    snapshot_init(&s);
    strbuf_init(&out);
    bool ok =
        mk_snap_main_build((struct str){(const char *)in.bytes.data, in.bytes.size}, &s, &err) &&
        snapfile_encode(&s, &out, &err) && file_write(argv[2], fit_bytes(strbuf_str(&out)), &err);
    if (!ok)
        fprintf(stderr, "mk_snap: %s: %s\n", argv[1], err.msg);
    strbuf_deinit(&out);
    snapshot_deinit(&s);
    file_close(&in);
    return ok ? 0 : 1;
}
