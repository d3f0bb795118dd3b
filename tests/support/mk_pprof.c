#include "tests/support/mk_pprof.h"

#include "tests/support/spec.h"

#include <stdio.h>
#include <stdlib.h>

#define STRINGS_MAX 256u

struct making {
    struct strbuf out;
    struct str strings[STRINGS_MAX];
    uint64_t string_count;
};

static void put_varint(struct strbuf *out, unsigned field, uint64_t value) {
    strbuf_add_varint(out, field << 3);
    strbuf_add_varint(out, value);
}

static void mk_pprof_put_bytes(struct strbuf *out, unsigned field, struct str bytes) {
    strbuf_add_varint(out, field << 3 | 2);
    strbuf_add_varint(out, bytes.len);
    strbuf_add(out, bytes);
}

static uint64_t mk_pprof_string_of(struct making *m, struct str s) {
    if (!s.ptr)
        return 0;
    for (uint64_t i = 0; i < m->string_count; i++)
        if (str_eq(m->strings[i], s))
            return i;
    if (m->string_count == STRINGS_MAX)
        spec_die("too many strings", s);
    m->strings[m->string_count] = s;
    return m->string_count++;
}

/* "3 4 -5": each as a field of its own, or packed. */
static void put_numbers(struct strbuf *out, unsigned field, struct str list, bool packed) {
    struct strbuf numbers;
    strbuf_init(&numbers);
    for (struct str number; (number = str_next_field(&list)).len;) {
        char text[32];
        snprintf(text, sizeof(text), "%.*s", (int)number.len, number.ptr);
        uint64_t value = (uint64_t)strtoll(text, NULL, 0);
        if (packed)
            strbuf_add_varint(&numbers, value);
        else
            put_varint(out, field, value);
    }
    if (packed && numbers.len)
        mk_pprof_put_bytes(out, field, strbuf_str(&numbers));
    strbuf_deinit(&numbers);
}

static void put_message(struct making *m, unsigned field, struct strbuf *message) {
    mk_pprof_put_bytes(&m->out, field, strbuf_str(message));
    strbuf_clear(message);
}

static void put_value_type(struct making *m, unsigned field, struct str type, struct str unit) {
    struct strbuf message;
    strbuf_init(&message);
    put_varint(&message, 1, mk_pprof_string_of(m, type));
    put_varint(&message, 2, mk_pprof_string_of(m, unit));
    put_message(m, field, &message);
    strbuf_deinit(&message);
}

static void mk_pprof_put_sample(struct making *m, const struct spec_line *line,
                                struct strbuf *message) {
    bool packed = spec_num(line, "packed", 1) != 0;
    uint64_t size = spec_num(line, "size", 0);
    put_numbers(message, 1, spec_text(line, "locations"), packed);
    put_numbers(message, 2, spec_text(line, "values"), packed);
    if (size) {
        struct strbuf label;
        strbuf_init(&label);
        put_varint(&label, 1, mk_pprof_string_of(m, STR("bytes")));
        put_varint(&label, 3, size);
        mk_pprof_put_bytes(message, 3, strbuf_str(&label));
        strbuf_deinit(&label);
    }
    put_message(m, 2, message);
}

static void put_location(struct making *m, const struct spec_line *line, uint64_t id,
                         struct strbuf *message) {
    put_varint(message, 1, id);
    put_varint(message, 2, spec_num(line, "mapping", 0));
    put_varint(message, 3, spec_num(line, "address", 0));
    struct str functions = spec_text(line, "functions");
    for (struct str number; (number = str_next_field(&functions)).len;) {
        struct strbuf entry;
        strbuf_init(&entry);
        put_numbers(&entry, 1, number, false);
        mk_pprof_put_bytes(message, 4, strbuf_str(&entry));
        strbuf_deinit(&entry);
    }
    put_message(m, 4, message);
}

static void put_mapping(struct making *m, const struct spec_line *line, uint64_t id,
                        struct strbuf *message) {
    put_varint(message, 1, id);
    put_varint(message, 2, spec_num(line, "start", 0));
    put_varint(message, 3, spec_num(line, "limit", 0));
    put_varint(message, 4, spec_num(line, "offset", 0));
    put_varint(message, 5, mk_pprof_string_of(m, spec_text(line, "file")));
    put_varint(message, 6, mk_pprof_string_of(m, spec_text(line, "build_id")));
    put_message(m, 3, message);
}

struct bytes mk_pprof(const char *text) {
    struct making m = {.strings = {STR_INIT("")}, .string_count = 1};
    struct strbuf message;
    struct spec spec;
    const struct spec_line *line;
    uint64_t id = 0;
    strbuf_init(&m.out);
    strbuf_init(&message);
    spec_parse(&spec, text);
    for (size_t from = 0; (line = spec_next(&spec, "type", &from));)
        put_value_type(&m, 1, spec_text(line, "name"), spec_text(line, "unit"));
    for (size_t from = 0; (line = spec_next(&spec, "sample", &from));)
        mk_pprof_put_sample(&m, line, &message);
    for (size_t from = 0; (line = spec_next(&spec, "mapping", &from));)
        put_mapping(&m, line, ++id, &message);
    id = 0;
    for (size_t from = 0; (line = spec_next(&spec, "location", &from));)
        put_location(&m, line, ++id, &message);
    id = 0;
    for (size_t from = 0; (line = spec_next(&spec, "function", &from));) {
        put_varint(&message, 1, ++id);
        put_varint(&message, 2, mk_pprof_string_of(&m, spec_text(line, "name")));
        put_message(&m, 5, &message);
    }
    line = spec_find(&spec, "profile");
    uint64_t drop = mk_pprof_string_of(&m, spec_text(line, "drop"));
    struct str type = spec_text(line, "type"), unit = spec_text(line, "unit");
    put_value_type(&m, 11, type, unit); /* before the strings, to which it adds */
    for (uint64_t i = 0; i < m.string_count; i++)
        mk_pprof_put_bytes(&m.out, 6, m.strings[i]);
    put_varint(&m.out, 7, drop);
    put_varint(&m.out, 9, spec_num(line, "time", 0));
    put_varint(&m.out, 12, spec_num(line, "period", 0));
    spec_free(&spec);
    strbuf_deinit(&message);
    return (struct bytes){(const uint8_t *)m.out.ptr, m.out.len};
}
