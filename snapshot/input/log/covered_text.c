#include "input/log/covered_text.h"

#include "base/chars.h"

/* Of fewer lines nothing is said, and of so many one may differ. */
#define COVERED_LINES_LEAST 4u
#define COVERED_ONE_OF      20u
/* The line whose fields others are compared with is one of the first ones. */
#define COVERED_TRIED 3u

static bool covers_most(size_t lines, size_t with) {
    return lines >= COVERED_LINES_LEAST && (lines - with) * COVERED_ONE_OF <= lines;
}

/* -- Fields in front --------------------------------------------------------------------------- */

struct fields_in_front {
    struct str shown[COVERED_FIELDS_MOST];
    size_t count;
};

static void take_fields(struct str line, struct fields_in_front *ret_fields) {
    ret_fields->count = 0;
    for (struct str field;
         ret_fields->count < COVERED_FIELDS_MOST && (field = str_next_field(&line)).len;)
        ret_fields->shown[ret_fields->count++] = field;
}

/* The next part of a shape: runs of digits, and of letters, are one each. '\0': it ends. */
static char next_of_shape(struct str *rest) {
    if (!rest->len)
        return '\0';
    char c = str_first(*rest);
    bool digit = char_is_digit(c), letter = char_is_letter(c);
    do
        *rest = str_drop(*rest, 1);
    while (rest->len && ((digit && char_is_digit(str_first(*rest))) ||
                         (letter && char_is_letter(str_first(*rest)))));
    return digit ? '0' : letter ? 'a' : c;
}

static bool has_shape_of(struct str field, struct str other) {
    char c;
    do {
        c = next_of_shape(&field);
        if (c != next_of_shape(&other))
            return false;
    } while (c);
    return true;
}

static size_t fields_alike(const struct fields_in_front *a, const struct fields_in_front *b) {
    size_t n = 0;
    while (n < a->count && n < b->count && has_shape_of(a->shown[n], b->shown[n]))
        n++;
    return n;
}

/* How many fields of one line nearly all lines have. */
static size_t fields_of_most(struct str text, const struct fields_in_front *model) {
    size_t lines = 0, with[COVERED_FIELDS_MOST + 1] = {0};
    for (struct str line; str_next_line(&text, &line);) {
        struct fields_in_front fields;
        take_fields(line, &fields);
        if (!fields.count)
            continue;
        lines++;
        for (size_t n = fields_alike(model, &fields); n; n--)
            with[n]++;
    }
    size_t most = model->count;
    while (most && !covers_most(lines, with[most]))
        most--;
    return most;
}

/* The first lines that are not blank, tried one after the other. */
static size_t find_model(struct str text, struct fields_in_front *ret_model) {
    size_t most = 0, tried = 0;
    struct str rest = text;
    for (struct str line; tried < COVERED_TRIED && str_next_line(&rest, &line);) {
        struct fields_in_front model;
        take_fields(line, &model);
        if (!model.count)
            continue;
        size_t n = fields_of_most(text, &model);
        if (n > most) {
            most = n;
            *ret_model = model;
        }
        tried++;
    }
    return most;
}

size_t covered_text_fields(struct str text) {
    struct fields_in_front model;
    return find_model(text, &model);
}

/* "04:05:06.123": digits, and twice more behind a colon. */
static bool is_clock(struct str field) {
    char shape[6] = {0};
    size_t n = 0;
    while (field.len && !char_is_digit(str_first(field)))
        field = str_drop(field, 1);
    while (n < 5 && (shape[n] = next_of_shape(&field)))
        n++;
    if (n == 5 && strcmp(shape, "0-0-0") == 0) /* a day, and perhaps the time behind it */
        return true;
    return n == 5 && strcmp(shape, "0:0:0") == 0;
}

bool covered_text_has_clock(struct str text) {
    struct fields_in_front model;
    size_t fields = find_model(text, &model);
    for (size_t i = 0; i < fields && i < 3; i++)
        if (is_clock(model.shown[i]))
            return true;
    return false;
}

void covered_text_drop_fields(struct strbuf *out, struct str text, size_t fields) {
    struct fields_in_front model = {.count = 0}, here;
    find_model(text, &model);
    for (struct str line; str_next_line(&text, &line);) {
        take_fields(line, &here);
        if (fields && fields_alike(&model, &here) >= fields) {
            struct str last = here.shown[fields - 1];
            line = str_drop(line, (size_t)(last.ptr + last.len - line.ptr));
            line = str_drop(line, line.len > 0);
        }
        strbuf_add(out, line);
        strbuf_addc(out, '\n');
    }
}

/* -- Marks around ------------------------------------------------------------------------------ */

struct edges {
    char first;
    struct str last;
};

static const struct str edge_ends[] = {STR_INIT("^M"), STR_INIT("\\"), STR_INIT("|"),
                                       STR_INIT("\""), STR_INIT("$"),  STR_INIT("\r")};

/* Marks that so many lines are without from the beginning are around no text. */
#define EDGES_BEGIN 256u

static bool is_edge(char c) {
    return c == '+' || c == '|' || c == '"' || c == '*' || c == ':' || c == ';' || c == '%';
}

/* The marks of nearly all lines; none: '\0', and an empty end. */
static struct edges find_edges(struct str text) {
    struct edges edges = {'\0', {NULL, 0}};
    enum { ENDS = sizeof(edge_ends) / sizeof(*edge_ends) };
    size_t lines = 0, with_first = 0, with_last[ENDS] = {0};
    bool any = false;
    for (struct str line; str_next_line(&text, &line);) {
        bool cr = str_last(line) == '\r';
        line = str_trim(line);
        if (!line.len && !cr)
            continue;
        lines++;
        with_last[ENDS - 1] += cr;
        if (!line.len)
            continue;
        if (!edges.first && is_edge(str_first(line)))
            edges.first = str_first(line);
        with_first += str_first(line) == edges.first;
        any |= cr || with_first;
        for (size_t i = 0; i + 1 < ENDS; i++) {
            bool ends = str_ends(line, edge_ends[i]);
            with_last[i] += ends;
            any |= ends;
        }
        if (lines == EDGES_BEGIN && !any)
            break;
    }
    if (!edges.first || !covers_most(lines, with_first))
        edges.first = '\0';
    for (size_t i = 0; i < ENDS && !edges.last.len; i++)
        if (covers_most(lines, with_last[i]))
            edges.last = edge_ends[i];
    return edges;
}

bool covered_text_is_enclosed(struct str text) {
    struct edges edges = find_edges(text);
    char last = str_first(edges.last);
    if (edges.first == '|')
        return true;
    if (last == '"' || last == '|')
        return last == edges.first;
    return last && last != '$';
}

bool covered_text_has_edges(struct str text) {
    struct edges edges = find_edges(text);
    return edges.first || edges.last.len;
}

static void add_inner(struct strbuf *out, struct str line, bool quoted) {
    for (size_t i = 0; i < line.len; i++) {
        strbuf_addc(out, line.ptr[i]);
        i += quoted && line.ptr[i] == '"' && i + 1 < line.len && line.ptr[i + 1] == '"';
    }
    strbuf_addc(out, '\n');
}

void covered_text_drop_edges(struct strbuf *out, struct str text) {
    struct edges edges = find_edges(text);
    for (struct str line; str_next_line(&text, &line);) {
        struct str inner = str_trim(line); /* CR goes with the blanks */
        bool has = inner.len > 0;
        if (edges.first && has) {
            has = str_first(inner) == edges.first;
            inner = str_drop(inner, has);
            if (has && edges.first == '|' && str_first(inner) == ' ')
                inner = str_drop(inner, 1);
        } else if (has) {
            inner = (struct str){line.ptr, (size_t)(inner.ptr + inner.len - line.ptr)};
        }
        if (edges.last.len && has && str_ends(inner, edges.last))
            inner = str_take(inner, inner.len - edges.last.len);
        add_inner(out, has ? inner : line, edges.first == '"');
    }
}
