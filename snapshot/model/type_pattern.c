#include "model/type_pattern.h"

#include "model/known_names.h"
#include "model/snapshot.h"
#include "model/rows_heap.h"

#include <stdlib.h>
#include <string.h>

/* "Shop.Cart" and "Outer+Cart" are Cart; "OldCart" is not. */
static bool is_short_name(const char *name, const char *text) {
    size_t length = strlen(name), wanted = strlen(text);
    if (wanted == 0 || length <= wanted || strcmp(name + length - wanted, text) != 0)
        return false;
    char before = name[length - wanted - 1];
    return before == '.' || before == '+';
}

bool type_pattern_takes(const struct type_pattern *p, const char *name) {
    switch (p->kind) {
    case PATTERN_NAME:
        return strcmp(name, p->text) == 0;
    case PATTERN_SHORT_NAME:
        return is_short_name(name, p->text);
    case PATTERN_REGEX:
        break;
    }
    return strcmp(name, TYPE_FREE) != 0 && pattern_matches(&p->regex, name);
}

static uint32_t count_matches(const struct type_pattern *p, const struct type_row *types,
                              uint32_t count) {
    uint32_t matches = 0;
    for (uint32_t i = 0; i < count; i++)
        matches += types[i].name && type_pattern_takes(p, types[i].name);
    return matches;
}

bool type_pattern_init(struct type_pattern *p, const char *text, const struct type_row *types,
                       uint32_t count, struct err *err) {
    *p = (struct type_pattern){.text = text, .kind = PATTERN_NAME};
    p->matches = count_matches(p, types, count);
    if (p->matches)
        return true;
    p->kind = PATTERN_SHORT_NAME;
    p->matches = count_matches(p, types, count);
    if (p->matches)
        return true;
    if (!pattern_init(&p->regex, text, err,
                      "no type is called '%s', and it is no regular expression", text))
        return false;
    p->kind = PATTERN_REGEX;
    p->matches = count_matches(p, types, count);
    if (pattern_settled(&p->regex, err))
        return true;
    type_pattern_deinit(p);
    return false;
}

void type_pattern_deinit(struct type_pattern *p) {
    pattern_deinit(&p->regex);
    *p = (struct type_pattern){.kind = PATTERN_NAME};
}

static bool takes_a_name(const struct type_pattern *p) {
    return p->matches && p->kind != PATTERN_REGEX;
}

bool type_and_field_init(struct type_and_field *t, const char *text, const struct type_row *types,
                         uint32_t count, struct err *err) {
    const char *dot = strrchr(text, '.');
    struct err of_type = {.code = ERR_NONE};
    *t = (struct type_and_field){.field = NULL};
    bool whole = type_pattern_init(&t->pattern, text, types, count, err);
    if (!whole && err->code != ERR_USAGE)
        return false;
    if ((whole && takes_a_name(&t->pattern)) || !dot || !dot[1])
        return whole;
    struct type_pattern before;
    char *type = strndup(text, (size_t)(dot - text));
    bool ok = type && type_pattern_init(&before, type, types, count, &of_type);
    if (!type || (!ok && of_type.code == ERR_NOMEM)) {
        free(type);
        type_and_field_deinit(t);
        return err_nomem(err);
    }
    if (ok && takes_a_name(&before)) {
        if (whole)
            type_pattern_deinit(&t->pattern);
        *t = (struct type_and_field){before, type, dot + 1};
        return true;
    }
    if (ok)
        type_pattern_deinit(&before);
    free(type);
    return whole;
}

void type_and_field_deinit(struct type_and_field *t) {
    type_pattern_deinit(&t->pattern);
    free(t->type);
    *t = (struct type_and_field){.field = NULL};
}
