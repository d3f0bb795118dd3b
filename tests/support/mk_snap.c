#include "mk_snap.h"

#include "spec.h"

#include "base/num.h"
#include "input/input.h"
#include "model/part_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *what, struct str where) {
    fprintf(stderr, "mk_snap: %s: %.*s\n", what, (int)where.len, where.ptr);
    abort();
}

static const char *mk_snap_text_of(struct builder *b, struct str text) {
    struct err err;
    const char *copy = builder_string(b, text, &err);
    if (!copy)
        die("no string", text);
    return copy;
}

static uint64_t mk_snap_number_of(struct str text) {
    uint64_t number;
    if (!(str_starts(text, STR("0x")) ? num_hex(text, &number) : num_dec(text, &number)))
        die("no number", text);
    return number;
}

static struct strings mk_snap_list_of(struct builder *b, struct str text) {
    struct str items[64];
    struct strings list;
    struct err err;
    uint32_t count = 0;
    while (text.len && count < 64) {
        size_t bar = str_find(text, STR("|"), 0), len = bar == STR_NOT_FOUND ? text.len : bar;
        items[count++] = str_take(text, len);
        text = str_drop(text, bar == STR_NOT_FOUND ? len : len + 1);
    }
    if (!builder_strings(b, items, count, &list, &err))
        die("no list", text);
    return list;
}

static struct cell cell_of(struct str text) {
    size_t slash = str_find(text, STR("/"), 0);
    if (slash == STR_NOT_FOUND)
        die("no OBJECTS/BYTES", text);
    return (struct cell){mk_snap_number_of(str_take(text, slash)),
                         mk_snap_number_of(str_drop(text, slash + 1))};
}

static const struct field *mk_snap_field_of(const struct part_desc *desc, struct str name) {
    for (uint32_t i = 0; i < desc->field_count; i++)
        if (str_eq(str_of(desc->fields[i].name), name))
            return &desc->fields[i];
    return NULL;
}

/* A key that is the name of a generation goes into the row's field by generation. */
static bool set_generation(const struct part_desc *desc, unsigned char *row, struct str name,
                           struct str value) {
    int gen = 0;
    while (gen < GEN_COUNT && !str_eq(name, str_of(generation_names[gen])))
        gen++;
    for (uint32_t i = 0; gen < GEN_COUNT && i < desc->field_count; i++) {
        void *at = row + desc->fields[i].offset;
        if (desc->fields[i].kind == FIELD_CELLS) {
            ((struct cell *)at)[gen] = cell_of(value);
            return true;
        }
        if (desc->fields[i].kind == FIELD_GENS) {
            ((uint64_t *)at)[gen] = mk_snap_number_of(value);
            return true;
        }
    }
    return false;
}

static void set_key(struct builder *b, const struct part_desc *desc, unsigned char *row,
                    struct str name, struct str value) {
    const struct field *field = mk_snap_field_of(desc, name);
    if (!field) {
        if (!set_generation(desc, row, name, value))
            die("no such field", name);
        return;
    }
    void *at = row + field->offset;
    if (field->kind == FIELD_STR)
        *(const char **)at = mk_snap_text_of(b, value);
    else if (field->kind == FIELD_STRS)
        *(struct strings *)at = mk_snap_list_of(b, value);
    else
        *(uint64_t *)at = mk_snap_number_of(value);
}

static bool add_reason(struct builder *b, const struct spec_line *line) {
    struct str text = spec_text(line, "text");
    if (str_eq(line->word, STR("note")))
        builder_note(b, "%.*s", (int)text.len, text.ptr);
    else if (str_eq(line->word, STR("warn")))
        builder_warn(b, spec_num(line, "count", ABSENT), "%.*s", (int)text.len, text.ptr);
    else if (str_eq(line->word, STR("unusable")))
        builder_unusable(b, "%.*s", (int)text.len, text.ptr);
    else
        return false;
    return true;
}

static void add_line(struct builder *b, const struct spec_line *line) {
    struct err err;
    if (add_reason(b, line))
        return;
    int part = PART_END - 1;
    while (part > 0 &&
           !(part_descs[part].name && str_eq(line->word, str_of(part_descs[part].name))))
        part--;
    if (!part)
        die("no such part", line->word);
    builder_present(b, (enum part)part);
    if (!line->key_count)
        return;
    const struct part_desc *desc = &part_descs[part];
    unsigned char *row = desc->single ? builder_single(b, (enum part)part, &err)
                                      : builder_row(b, (enum part)part, &err);
    if (!row)
        die("no row", line->word);
    for (size_t i = 0; i < line->key_count; i++)
        set_key(b, desc, row, line->keys[i].name, line->keys[i].value);
}

void mk_snap(struct snapshot *snapshot, const char *text) {
    struct spec spec;
    struct err err;
    struct builder *b = builder_new(snapshot, &err);
    if (!b)
        die(err.msg, STR(""));
    spec_parse(&spec, text);
    for (size_t i = 0; i < spec.line_count; i++)
        add_line(b, &spec.lines[i]);
    if (!input_finish(b, &err))
        die(err.msg, STR(""));
    builder_free(b);
    spec_free(&spec);
}
