#include "model/type_pattern.h"

#include "model/known_names.h"
#include "model/snapshot.h"
#include "model/rows_heap.h"

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
