#include "diff/gate/places.h"

#include "base/vec.h"

#include <string.h>

#define DEPTH_ENTRY 3 /* {"budgets": [{ */

struct walk {
    struct places *p;
    struct str text;
    size_t at;
    uint32_t line, depth, number;
    struct str list, key;
    size_t value; /* [bytes] where it begins; SIZE_MAX: outside of one */
    uint32_t value_line;
    bool expects_value;
    struct err err; /* the first error sticks */
};

static void places_add(struct walk *w, struct str key, uint32_t line, size_t at, size_t length) {
    struct places *p = w->p;
    if (!VEC_ROOM_IN(p->arena, p->items, p->count, p->capacity, &w->err))
        return;
    p->items[p->count++] = (struct place){w->list, key, w->number, line, at, length};
}

/* A text in quotes, without these; ends behind the second one. */
static struct str places_take_text(struct walk *w) {
    size_t start = ++w->at;
    while (w->at < w->text.len && w->text.ptr[w->at] != '"') {
        w->line += w->text.ptr[w->at] == '\n';
        w->at += w->text.ptr[w->at] == '\\' && w->at + 1 < w->text.len ? 2 : 1;
    }
    size_t end = w->at < w->text.len ? w->at : w->text.len;
    w->at = end + 1;
    return (struct str){w->text.ptr + start, end - start};
}

static void end_value(struct walk *w) {
    size_t end = w->at;
    if (w->depth != DEPTH_ENTRY || w->value == SIZE_MAX)
        return;
    while (end > w->value && strchr(" \t\r\n", w->text.ptr[end - 1]))
        end--;
    places_add(w, w->key, w->value_line, w->value, end - w->value);
    w->value = SIZE_MAX;
}

static void open_bracket(struct walk *w) {
    w->depth++;
    if (w->depth == 2) {
        w->list = w->key;
        w->number = 0;
    }
    if (w->depth == DEPTH_ENTRY)
        places_add(w, STR(""), w->line, w->at, 1);
    w->expects_value = false;
    w->at++;
}

static void close_bracket(struct walk *w) {
    end_value(w);
    w->depth -= w->depth > 0;
    w->at++;
}

/* One step; everything that is not a text, a bracket, a colon or a comma is part of a value. */
static void places_step(struct walk *w) {
    char c = w->text.ptr[w->at];
    if (c == '"') {
        bool key = !w->expects_value && (w->depth == 1 || w->depth == DEPTH_ENTRY);
        struct str text = places_take_text(w);
        if (key)
            w->key = text;
    } else if (c == '{' || c == '[') {
        open_bracket(w);
    } else if (c == '}' || c == ']') {
        close_bracket(w);
    } else if (c == ':') {
        w->at++;
        while (w->at < w->text.len && strchr(" \t\r\n", w->text.ptr[w->at]))
            w->line += w->text.ptr[w->at++] == '\n';
        if (w->depth == DEPTH_ENTRY) {
            w->value = w->at;
            w->value_line = w->line;
        }
        w->expects_value = true;
    } else if (c == ',') {
        end_value(w);
        w->number += w->depth == 2;
        w->expects_value = false;
        w->at++;
    } else {
        w->line += c == '\n';
        w->at++;
    }
}

bool places_find(struct places *p, struct str text, struct arena *arena, struct err *err) {
    *p = (struct places){.arena = arena};
    struct walk w = {.p = p, .text = text, .line = 1, .value = SIZE_MAX};
    while (w.at < text.len && w.err.code == ERR_NONE)
        places_step(&w);
    return err_none(&w.err, err);
}

static const struct place *places_file_find(struct places *p, struct str list, size_t number,
                                            struct str key) {
    for (uint32_t k = 0; k < p->count; k++) {
        uint32_t i = (p->hint + k) % p->count;
        const struct place *place = &p->items[i];
        if (place->number != number || !str_eq(place->key, key) || !str_eq(place->list, list))
            continue;
        p->hint = i;
        return place;
    }
    return NULL;
}

const struct place *places_member(struct places *p, const char *list, size_t number,
                                  const char *key) {
    return places_file_find(p, str_of(list), number, str_of(key));
}

uint32_t places_line(struct places *p, const char *list, size_t number) {
    const struct place *place = places_file_find(p, str_of(list), number, STR(""));
    return place ? place->line : 1;
}
