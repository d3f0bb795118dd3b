#include "spec.h"

#include "base/num.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 4096u

void spec_die(const char *what, struct str where) {
    fprintf(stderr, "test spec: %s: %.*s\n", what, (int)where.len, where.ptr);
    abort();
}

static void parse_line(struct spec_line *line, struct str text) {
    line->word = str_next_field(&text);
    for (text = str_trim(text); text.len; text = str_trim(text)) {
        size_t equals = str_find(text, STR("="), 0);
        if (equals == STR_NOT_FOUND || line->key_count == SPEC_KEYS_MAX)
            spec_die("no key=value", text);
        struct str name = str_take(text, equals);
        text = str_drop(text, equals + 1);
        bool quoted = text.len && text.ptr[0] == '"';
        size_t end = str_find(text, quoted ? STR("\"") : STR(" "), quoted);
        if (end == STR_NOT_FOUND)
            end = text.len;
        line->keys[line->key_count].name = name;
        line->keys[line->key_count++].value = str_drop(str_take(text, end), quoted);
        text = str_drop(text, end + quoted);
    }
}

void spec_parse(struct spec *spec, const char *text) {
    *spec = (struct spec){.lines = calloc(LINES_MAX, sizeof(*spec->lines))};
    struct str rest = str_of(text), line;
    while (str_next_line(&rest, &line)) {
        line = str_trim(line);
        if (!line.len || line.ptr[0] == '#')
            continue;
        if (!spec->lines || spec->line_count == LINES_MAX)
            spec_die("too many lines", line);
        parse_line(&spec->lines[spec->line_count++], line);
    }
}

void spec_free(struct spec *spec) {
    free(spec->lines);
    *spec = (struct spec){0};
}

const struct spec_line *spec_next(const struct spec *spec, const char *word, size_t *from) {
    while (*from < spec->line_count) {
        const struct spec_line *line = &spec->lines[(*from)++];
        if (str_eq(line->word, str_of(word)))
            return line;
    }
    return NULL;
}

const struct spec_line *spec_find(const struct spec *spec, const char *word) {
    size_t from = 0;
    return spec_next(spec, word, &from);
}

struct str spec_text(const struct spec_line *line, const char *name) {
    for (size_t i = 0; line && i < line->key_count; i++)
        if (str_eq(line->keys[i].name, str_of(name)))
            return line->keys[i].value;
    return (struct str){NULL, 0};
}

uint64_t spec_num(const struct spec_line *line, const char *name, uint64_t otherwise) {
    struct str value = spec_text(line, name);
    uint64_t number;
    if (!value.ptr)
        return otherwise;
    if (!(str_starts(value, STR("0x")) ? num_hex(value, &number) : num_dec(value, &number)))
        spec_die("no number", value);
    return number;
}

static unsigned nibble(char c) {
    const char *digits = "0123456789abcdef", *at = strchr(digits, c);
    if (!c || !at)
        spec_die("no hex digit", (struct str){&c, 1});
    return (unsigned)(at - digits);
}

void spec_hex(struct str hex, struct strbuf *out) {
    for (size_t i = 0; i + 1 < hex.len; i++)
        if (hex.ptr[i] != ' ') {
            strbuf_addc(out, (char)(nibble(hex.ptr[i]) << 4 | nibble(hex.ptr[i + 1])));
            i++;
        }
}
