#include "mk_hprof.h"

#include "spec.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_STRING  0x7000u /* ids of names of classes */
#define PSEUDO_STRING 0x6fffu
#define NAME_STRING   0x8000u /* ids of names of fields and methods, and of files */
#define NAMES_MOST    64u

struct mk {
    struct spec spec;
    const struct spec_line *dump;
    struct strbuf out, heap;
    unsigned ids;
    struct str names[NAMES_MOST];
    size_t name_count;
};

/* The next word of a text; false: there is none. */
static bool mk_hprof_word(struct str *text, struct str *ret) {
    *ret = str_next_field(text);
    return ret->len != 0;
}

static uint64_t mk_hprof_number(struct str word) {
    char digits[32] = "";
    memcpy(digits, word.ptr, word.len < sizeof(digits) ? word.len : sizeof(digits) - 1);
    return strtoull(digits, NULL, 0);
}

/* The id of the string that holds that name. */
static uint64_t mk_hprof_name(struct mk *mk, struct str name) {
    size_t i = 0;
    while (i < mk->name_count && !str_eq(mk->names[i], name))
        i++;
    if (i == NAMES_MOST)
        spec_die("too many names", name);
    if (i == mk->name_count)
        mk->names[mk->name_count++] = name;
    return NAME_STRING + i;
}

/* Big-endian. */
static void mk_hprof_put(struct strbuf *out, uint64_t value, unsigned size) {
    while (size-- > 0)
        strbuf_addc(out, (char)(value >> 8 * size));
}

static void mk_hprof_put_record(struct mk *mk, unsigned tag, struct str body) {
    mk_hprof_put(&mk->out, tag, 1);
    mk_hprof_put(&mk->out, 0, 4);
    mk_hprof_put(&mk->out, body.len, 4);
    strbuf_add(&mk->out, body);
}

static void mk_hprof_put_string(struct mk *mk, uint64_t id, struct str text) {
    struct strbuf body;
    strbuf_init(&body);
    mk_hprof_put(&body, id, mk->ids);
    strbuf_add(&body, text);
    mk_hprof_put_record(mk, 1, strbuf_str(&body));
    strbuf_deinit(&body);
}

/* Ids of words, 0 where there are none left. */
static uint64_t mk_hprof_next_id(struct str *words) {
    struct str word;
    return mk_hprof_word(words, &word) ? mk_hprof_number(word) : 0;
}

/* Frames and traces; of their names the strings first. */
static void mk_hprof_put_stacks(struct mk *mk) {
    struct strbuf body;
    strbuf_init(&body);
    size_t from = 0;
    for (const struct spec_line *line; (line = spec_next(&mk->spec, "frame", &from));) {
        strbuf_clear(&body);
        mk_hprof_put(&body, spec_num(line, "id", 0), mk->ids);
        mk_hprof_put(&body, mk_hprof_name(mk, spec_text(line, "method")), mk->ids);
        mk_hprof_put(&body, 0, mk->ids);
        mk_hprof_put(&body, mk_hprof_name(mk, spec_text(line, "file")), mk->ids);
        mk_hprof_put(&body, spec_num(line, "class", 0), 4);
        mk_hprof_put(&body, spec_num(line, "line", 0), 4);
        mk_hprof_put_record(mk, 4, strbuf_str(&body));
    }
    from = 0;
    for (const struct spec_line *line; (line = spec_next(&mk->spec, "trace", &from));) {
        struct str frames = spec_text(line, "frames"), rest = frames, word;
        uint64_t count = 0;
        while (mk_hprof_word(&rest, &word))
            count++;
        strbuf_clear(&body);
        mk_hprof_put(&body, spec_num(line, "serial", 0), 4);
        mk_hprof_put(&body, spec_num(line, "thread", 0), 4);
        mk_hprof_put(&body, count, 4);
        while (mk_hprof_word(&frames, &word))
            mk_hprof_put(&body, mk_hprof_number(word), mk->ids);
        mk_hprof_put_record(mk, 5, strbuf_str(&body));
    }
    strbuf_deinit(&body);
}

/* All names of fields are known once their classes were put once. */
static void put_field_names(struct mk *mk) {
    for (size_t i = 0; i < mk->name_count; i++)
        mk_hprof_put_string(mk, NAME_STRING + i, mk->names[i]);
}

static void put_names(struct mk *mk) {
    uint64_t number = 0;
    size_t from = 0;
    mk_hprof_put_string(mk, PSEUDO_STRING, STR("<resolved_references>"));
    for (const struct spec_line *line; (line = spec_next(&mk->spec, "string", &from));)
        mk_hprof_put_string(mk, spec_num(line, "id", 0), spec_text(line, "text"));
    from = 0;
    for (const struct spec_line *line; (line = spec_next(&mk->spec, "class", &from)); number++)
        mk_hprof_put_string(mk, FIRST_STRING + number, spec_text(line, "name"));
    number = from = 0;
    for (const struct spec_line *line; (line = spec_next(&mk->spec, "class", &from)); number++) {
        struct strbuf body;
        if (!spec_num(line, "load", 1))
            continue;
        strbuf_init(&body);
        mk_hprof_put(&body, number + 1, 4);
        mk_hprof_put(&body, spec_num(line, "id", 0), mk->ids);
        mk_hprof_put(&body, 0, 4);
        mk_hprof_put(&body, FIRST_STRING + number, mk->ids);
        mk_hprof_put_record(mk, 2, strbuf_str(&body));
        strbuf_deinit(&body);
    }
    from = 0;
    for (const struct spec_line *line; (line = spec_next(&mk->spec, "record", &from));) {
        struct strbuf body;
        strbuf_init(&body);
        spec_hex(spec_text(line, "hex"), &body);
        mk_hprof_put_record(mk, (unsigned)spec_num(line, "tag", 0), strbuf_str(&body));
        strbuf_deinit(&body);
    }
}

/* -- Heap -------------------------------------------------------------------------------------- */

static unsigned mk_hprof_type_of(char letter, unsigned ids, unsigned *ret_bytes) {
    static const struct {
        char letter;
        unsigned type, bytes;
    } types[] = {{'Z', 4, 1}, {'C', 5, 2}, {'F', 6, 4},  {'D', 7, 8},
                 {'B', 8, 1}, {'S', 9, 2}, {'I', 10, 4}, {'J', 11, 8}};
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (types[i].letter == letter) {
            *ret_bytes = types[i].bytes;
            return types[i].type;
        }
    if (letter != 'L')
        spec_die("no type", (struct str){&letter, 1});
    *ret_bytes = ids;
    return 2;
}

static void mk_hprof_zeros(struct strbuf *out, uint64_t count) {
    while (count-- > 0)
        strbuf_addc(out, 0);
}

static void put_class(struct mk *mk, const struct spec_line *line) {
    struct strbuf *out = &mk->heap;
    struct str statics = spec_text(line, "statics"), fields = spec_text(line, "fields");
    bool pseudo = spec_num(line, "pseudo", 0);
    unsigned bytes;
    if (!spec_num(line, "dump", 1))
        return;
    mk_hprof_put(out, 0x20, 1);
    mk_hprof_put(out, spec_num(line, "id", 0), mk->ids);
    mk_hprof_put(out, 0, 4);
    mk_hprof_put(out, spec_num(line, "super", 0), mk->ids);
    mk_hprof_put(out, spec_num(line, "loader", 0), mk->ids);
    mk_hprof_zeros(out, 4 * (uint64_t)mk->ids);
    mk_hprof_put(out, spec_num(line, "size", 0), 4);
    mk_hprof_put(out, 0, 2); /* constants */
    mk_hprof_put(out, statics.len + pseudo, 2);
    if (pseudo) {
        mk_hprof_put(out, PSEUDO_STRING, mk->ids);
        mk_hprof_put(out, 2, 1);
        mk_hprof_zeros(out, mk->ids);
    }
    struct str names = spec_text(line, "static_names"), values = spec_text(line, "values"), word;
    for (size_t i = 0; i < statics.len; i++) {
        bool named = mk_hprof_word(&names, &word);
        mk_hprof_put(out, named ? mk_hprof_name(mk, word) : 0x6000 + i, mk->ids);
        mk_hprof_put(out, mk_hprof_type_of(statics.ptr[i], mk->ids, &bytes), 1);
        mk_hprof_put(out, statics.ptr[i] == 'L' ? mk_hprof_next_id(&values) : 0, bytes);
    }
    mk_hprof_put(out, fields.len, 2);
    names = spec_text(line, "names");
    for (size_t i = 0; i < fields.len; i++) {
        bool named = mk_hprof_word(&names, &word);
        mk_hprof_put(out, named ? mk_hprof_name(mk, word) : 0x6100 + i, mk->ids);
        mk_hprof_put(out, mk_hprof_type_of(fields.ptr[i], mk->ids, &bytes), 1);
    }
}

static void put_object(struct mk *mk, const struct spec_line *line, uint64_t id) {
    uint64_t data = spec_num(line, "data", 0);
    mk_hprof_put(&mk->heap, 0x21, 1);
    mk_hprof_put(&mk->heap, id, mk->ids);
    mk_hprof_put(&mk->heap, 0, 4);
    mk_hprof_put(&mk->heap, spec_num(line, "class", 0), mk->ids);
    mk_hprof_put(&mk->heap, data, 4);
    struct str refs = spec_text(line, "refs"), word;
    for (; mk_hprof_word(&refs, &word); data -= mk->ids)
        mk_hprof_put(&mk->heap, mk_hprof_number(word), mk->ids);
    mk_hprof_zeros(&mk->heap, data);
}

static void put_array(struct mk *mk, const struct spec_line *line, uint64_t id) {
    uint64_t length = spec_num(line, "length", 0);
    mk_hprof_put(&mk->heap, 0x22, 1);
    mk_hprof_put(&mk->heap, id, mk->ids);
    mk_hprof_put(&mk->heap, 0, 4);
    mk_hprof_put(&mk->heap, length, 4);
    mk_hprof_put(&mk->heap, spec_num(line, "class", 0), mk->ids);
    struct str refs = spec_text(line, "refs"), word;
    uint64_t step = spec_num(line, "refs_step", 0);
    for (; mk_hprof_word(&refs, &word); length--)
        mk_hprof_put(&mk->heap, mk_hprof_number(word), mk->ids);
    for (uint64_t i = 0; step && length; i++, length--)
        mk_hprof_put(&mk->heap, spec_num(line, "refs_from", 0) + i * step, mk->ids);
    mk_hprof_zeros(&mk->heap, length * mk->ids);
}

static void mk_hprof_put_values(struct mk *mk, const struct spec_line *line, uint64_t id) {
    struct str type = spec_text(line, "type");
    uint64_t length = spec_num(line, "length", 0);
    unsigned bytes;
    if (type.len != 1)
        spec_die("no type", type);
    mk_hprof_put(&mk->heap, 0x23, 1);
    mk_hprof_put(&mk->heap, id, mk->ids);
    mk_hprof_put(&mk->heap, 0, 4);
    mk_hprof_put(&mk->heap, length, 4);
    mk_hprof_put(&mk->heap, mk_hprof_type_of(type.ptr[0], mk->ids, &bytes), 1);
    struct str text = spec_text(line, "text");
    if (bytes == 1 && text.len && text.len <= length) {
        strbuf_add(&mk->heap, text);
        length -= text.len;
    }
    mk_hprof_zeros(&mk->heap, length * bytes);
}

/* Its id, a thread and a frame, as far as they go into the bytes of the root. */
static void put_root(struct mk *mk, const struct spec_line *line) {
    uint64_t bytes = spec_num(line, "bytes", mk->ids);
    mk_hprof_put(&mk->heap, spec_num(line, "tag", 0xff), 1);
    if (bytes < mk->ids) {
        mk_hprof_zeros(&mk->heap, bytes);
        return;
    }
    mk_hprof_put(&mk->heap, spec_num(line, "id", 0), mk->ids);
    bytes -= mk->ids;
    if (bytes == 8) {
        mk_hprof_put(&mk->heap, spec_num(line, "thread", 0), 4);
        mk_hprof_put(&mk->heap, spec_num(line, "frame", 0), 4);
        bytes = 0;
    }
    mk_hprof_zeros(&mk->heap, bytes);
}

static void end_segment(struct mk *mk, uint64_t length) {
    bool one = spec_num(mk->dump, "one", 0);
    mk_hprof_put(&mk->out, one ? 0x0c : 0x1c, 1);
    mk_hprof_put(&mk->out, 0, 4);
    mk_hprof_put(&mk->out, length == UINT64_MAX ? mk->heap.len : length, 4);
    strbuf_add(&mk->out, strbuf_str(&mk->heap));
    strbuf_clear(&mk->heap);
}

static void put_heap(struct mk *mk) {
    uint64_t length = UINT64_MAX;
    size_t from = 0;
    for (const struct spec_line *line; (line = spec_next(&mk->spec, "class", &from));)
        put_class(mk, line);
    for (size_t i = 0; i < mk->spec.line_count; i++) {
        const struct spec_line *line = &mk->spec.lines[i];
        uint64_t times = spec_num(line, "times", 1), step = spec_num(line, "step", 16);
        for (uint64_t n = 0; n < times; n++) {
            uint64_t id = spec_num(line, "id", 0) + n * step;
            if (str_eq(line->word, STR("object")))
                put_object(mk, line, id);
            else if (str_eq(line->word, STR("array")))
                put_array(mk, line, id);
            else if (str_eq(line->word, STR("values")))
                mk_hprof_put_values(mk, line, id);
        }
        if (str_eq(line->word, STR("root"))) {
            put_root(mk, line);
        } else if (str_eq(line->word, STR("raw"))) {
            spec_hex(spec_text(line, "hex"), &mk->heap);
        } else if (str_eq(line->word, STR("segment"))) {
            end_segment(mk, length);
            length = spec_num(line, "length", UINT64_MAX);
        }
    }
    end_segment(mk, length);
}

struct bytes mk_hprof(const char *text) {
    struct mk mk = {.ids = 8};
    spec_parse(&mk.spec, text);
    mk.dump = spec_find(&mk.spec, "dump");
    mk.ids = (unsigned)spec_num(mk.dump, "ids", 8);
    strbuf_init(&mk.out);
    strbuf_init(&mk.heap);
    struct str version = spec_text(mk.dump, "version");
    strbuf_adds(&mk.out, "JAVA PROFILE ");
    strbuf_add(&mk.out, version.ptr ? version : STR("1.0.2"));
    strbuf_addc(&mk.out, '\0');
    mk_hprof_put(&mk.out, mk.ids, 4);
    mk_hprof_put(&mk.out, spec_num(mk.dump, "time", 0), 8);
    size_t from = 0;
    for (const struct spec_line *line; (line = spec_next(&mk.spec, "class", &from));)
        put_class(&mk, line); /* for the names */
    strbuf_clear(&mk.heap);
    put_names(&mk);
    mk_hprof_put_stacks(&mk);
    put_field_names(&mk);
    put_heap(&mk);
    if (spec_num(mk.dump, "end", 1) && !spec_num(mk.dump, "one", 0))
        mk_hprof_put_record(&mk, 0x2c, STR(""));
    if (strbuf_failed(&mk.out) || strbuf_failed(&mk.heap))
        spec_die("out of memory", STR(""));
    strbuf_deinit(&mk.heap);
    spec_free(&mk.spec);
    return (struct bytes){(const uint8_t *)mk.out.ptr, mk.out.len};
}
