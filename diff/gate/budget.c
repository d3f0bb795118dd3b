#include "diff/gate/budget.h"

#include "base/chars.h"
#include "base/hash.h"
#include "base/num.h"
#include "diff/gate/places.h"

#include <cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const struct budget_kind budget_kinds[ON_COUNT] = {
    [ON_TOTAL] = {"total", WHICH_NOT, false, true, true, PART_BIT(PART_TYPES),
                  "the managed heap without free space"},
    [ON_GENERATION] = {"generation", WHICH_MUST, false, true, true, PART_BIT(PART_TYPES),
                       "gen0, gen1, gen2, loh, poh or frozen"},
    [ON_TYPE] = {"type", WHICH_MUST, false, true, true, PART_BIT(PART_TYPES), "a type by its name"},
    [ON_NAMESPACE] = {"namespace", WHICH_MUST, false, true, true, PART_BIT(PART_TYPES),
                      "types of a namespace and those below"},
    [ON_ASSEMBLY] = {"assembly", WHICH_MUST, false, true, true, PART_BIT(PART_TYPES),
                     "types of a module: shop.dll"},
    [ON_REGEX] = {"regex", WHICH_MUST, true, true, true, PART_BIT(PART_TYPES),
                  "types whose name matches"},
    [ON_THREADS] = {"threads", WHICH_NOT, false, false, true, PART_BIT(PART_THREADS),
                    "threads that have not ended"},
    [ON_READY] = {"ready", WHICH_NOT, false, false, true, PART_BIT(PART_FINALIZER),
                  "objects ready for finalization"},
    [ON_HANDLES] = {"handles", WHICH_MAY, false, false, true, PART_BIT(PART_HANDLES),
                    "GC handles, of one kind or all"},
    [ON_OS_HANDLES] = {"os_handles", WHICH_MAY, false, false, true, PART_BIT(PART_OS_HANDLES),
                       "handles of the operating system, of one type or all"},
    [ON_MODULES] = {"modules", WHICH_MAY, false, false, true, PART_BIT(PART_MODULES),
                    "modules: all that are loaded, or the dynamic ones"},
    [ON_NATIVE] = {"native", WHICH_NOT, false, true, false, 0,
                   "private memory outside the GC's and the loader's heaps"},
    [ON_LOADER] = {"loader", WHICH_NOT, false, true, false, 0,
                   "memory of the class loader and of compiled code"},
    [ON_STACKS] = {"stacks", WHICH_MAY, false, true, true, PART_BIT(PART_STACKS),
                   "outstanding allocations, of one module or all"},
    [ON_PATHS] = {"paths", WHICH_MUST, true, true, true, PART_BIT(PART_PATHS),
                  "what is held along paths that match"},
    [ON_VERDICT] = {"verdict", WHICH_MAY, true, false, false, PART_BIT(PART_TYPES),
                    "types that may not have one of these verdicts"},
    [ON_CAUSE] = {"cause", WHICH_MAY, true, false, true, 0,
                  "causes that are a warning or worse, of one kind or all"},
    [ON_FINDING] = {"finding", WHICH_MUST, true, false, true, 0,
                    "findings of rules whose id matches, a warning or worse"},
};

const char *const budget_limit_names[LIMIT_KINDS] = {"max", "growth", "growth_per_iteration"};

struct parse {
    struct budgets *b;
    struct places places;
    struct strmap names; /* to the number of its budget */
    uint32_t *named;     /* [budget] how many have its name */
    struct err *err;
};

/* -- Errors ------------------------------------------------------------------------------------ */

static bool wrong(struct parse *p, uint32_t line, const char *what, const char *detail) {
    return err_set(p->err, ERR_USAGE, "line %u: %s%s%.120s", line, what, detail ? ": " : "",
                   detail ? detail : "");
}

static bool known_key(struct parse *p, const char *what, const char *key, const char *const *keys,
                      size_t count, uint32_t line) {
    char all[170] = "";
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i], key) == 0)
            return true;
        size_t n = strlen(all);
        snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "", keys[i]);
    }
    return err_set(p->err, ERR_USAGE, "line %u: unknown %s '%.24s': it may be %s", line, what, key,
                   all);
}

#define KNOWN_KEY(p, key, keys, line) \
    known_key((p), "key", (key), (keys), sizeof(keys) / sizeof(*(keys)), (line))

static bool copy(struct parse *p, const cJSON *item, const char **ret_text, uint32_t line) {
    if (!cJSON_IsString(item) || !*item->valuestring)
        return wrong(p, line, "a text is wanted for", item->string);
    /* As names of dumps are, which it is shown beside and held against. */
    *ret_text = arena_copy_clean(&p->b->arena, str_of(item->valuestring));
    return *ret_text || err_nomem(p->err);
}

/* -- Numbers ----------------------------------------------------------------------------------- */

/* "64MiB", "5%", "12": units of powers of 1024, as everywhere. */
static bool parse_quantity(struct str text, struct quantity *q) {
    size_t digits = 0;
    uint64_t whole;
    while (digits < text.len && (char_is_digit(text.ptr[digits]) || text.ptr[digits] == '.'))
        digits++;
    struct str number = str_take(text, digits), unit = str_trim(str_drop(text, digits));
    if (str_eq(unit, STR("%"))) {
        q->percent = true;
        if (!num_scaled(number, 1000000, &whole))
            return false;
        q->value = (double)whole / 1e6;
        return true;
    }
    uint64_t scale = unit.len ? num_unit(unit) : 1;
    if (!scale || !num_scaled(number, scale, &whole))
        return false;
    q->value = (double)whole;
    return true;
}

static bool read_quantity(struct parse *p, const cJSON *item, struct quantity *q, uint32_t line) {
    *q = (struct quantity){.given = true};
    if (cJSON_IsNumber(item)) {
        q->value = item->valuedouble;
        return (q->value >= 0 && q->value < 1e18) ||
               wrong(p, line, "a number from 0 on is wanted for", item->string);
    }
    if (!cJSON_IsString(item) || !parse_quantity(str_of(item->valuestring), q))
        return wrong(p, line, "a number, a size (64MiB) or a share (5%) is wanted for",
                     item->string);
    return true;
}

/* -- Patterns ---------------------------------------------------------------------------------- */

#define PATTERN_MOST 512u

/*
 * Patterns that cost more than they say are refused: repeated repetitions, deep groups, and
 * references back, which no regular expression needs.
 */
static bool is_modest(const char *pattern) {
    size_t braces = 0, groups = 0;
    for (const char *c = pattern; *c; c++) {
        braces += *c == '{';
        groups += *c == '(';
        if (*c == '\\' && char_is_digit(c[1]))
            return false;
    }
    return strlen(pattern) <= PATTERN_MOST && braces <= 1 && groups <= 32;
}

static bool budget_compile(struct parse *p, const char *which, struct pattern *ret_pattern,
                           uint32_t line) {
    if (!is_modest(which))
        return wrong(p, line, "too much of a pattern (length, groups, {}, references back)", which);
    return pattern_init(ret_pattern, which, p->err, "line %u: '%.100s' is no regular expression",
                        line, which);
}

/* -- One budget -------------------------------------------------------------------------------- */

static bool read_on(struct parse *p, const cJSON *object, struct budget *budget) {
    const cJSON *on = cJSON_GetObjectItemCaseSensitive(object, "on");
    if (!cJSON_IsString(on))
        return wrong(p, budget->line, "\"on\" is wanted: what the budget is about", NULL);
    const char *names[ON_COUNT];
    for (int i = 0; i < ON_COUNT; i++) {
        names[i] = budget_kinds[i].name;
        if (strcmp(names[i], on->valuestring) == 0) {
            budget->on = (enum budget_on)i;
            return true;
        }
    }
    return known_key(p, "\"on\"", on->valuestring, names, ON_COUNT, budget->line);
}

static bool read_forbidden(struct parse *p, const cJSON *list, struct budget *budget) {
    if (!cJSON_IsArray(list) || !list->child)
        return wrong(p, budget->line, "\"not\" wants a list of verdicts", NULL);
    for (const cJSON *item = list->child; item; item = item->next) {
        uint32_t bit = 0;
        for (int v = VERDICT_STABLE; cJSON_IsString(item) && v <= VERDICT_INCONCLUSIVE; v++)
            if (strcmp(verdict_names[v], item->valuestring) == 0)
                bit = 1u << v;
        if (!bit)
            return wrong(p, budget->line, "no verdict is called",
                         cJSON_IsString(item) ? item->valuestring : "that");
        budget->forbidden |= bit;
    }
    return true;
}

static bool budget_read_member(struct parse *p, const cJSON *item, struct budget *budget,
                               size_t number) {
    static const char *const keys[] = {
        "name", "on", "which", "of", "max", "growth", "growth_per_iteration", "not"};
    const struct budget_kind *kind = &budget_kinds[budget->on];
    if (!KNOWN_KEY(p, item->string, keys, budget->line))
        return false;
    for (int k = 0; k < LIMIT_KINDS; k++) {
        if (strcmp(item->string, budget_limit_names[k]) != 0)
            continue;
        struct quantity *q = &budget->limits[k];
        if (!read_quantity(p, item, q, budget->line))
            return false;
        const struct place *place = places_member(&p->places, "budgets", number, item->string);
        q->at = place ? place->at : 0;
        q->length = place ? place->length : 0;
        return true;
    }
    if (strcmp(item->string, "name") == 0)
        return copy(p, item, &budget->name, budget->line);
    if (strcmp(item->string, "which") == 0)
        return copy(p, item, &budget->which, budget->line);
    if (strcmp(item->string, "not") == 0)
        return read_forbidden(p, item, budget);
    if (strcmp(item->string, "of") == 0) {
        bool objects = cJSON_IsString(item) && strcmp(item->valuestring, "objects") == 0;
        bool bytes = cJSON_IsString(item) && strcmp(item->valuestring, "bytes") == 0;
        if ((!objects && !bytes) || (objects && !kind->objects) || (bytes && !kind->bytes))
            return wrong(p, budget->line, "\"of\" is bytes or objects, where there are both", NULL);
        budget->objects = objects;
    }
    return true;
}

static bool is_generation(const char *name) {
    for (int g = 0; g < GEN_UNKNOWN; g++)
        if (strcmp(generation_names[g], name) == 0)
            return true;
    return false;
}

static bool has_twice(const cJSON *object, const char **ret_key) {
    for (const cJSON *a = object->child; a; a = a->next)
        for (const cJSON *b = a->next; b; b = b->next)
            if (strcmp(a->string, b->string) == 0) {
                *ret_key = a->string;
                return true;
            }
    return false;
}

static bool budget_check(struct parse *p, struct budget *budget) {
    const struct budget_kind *kind = &budget_kinds[budget->on];
    bool limits = false;
    for (int k = 0; k < LIMIT_KINDS; k++)
        limits = limits || budget->limits[k].given;
    if (kind->which == WHICH_MUST && !budget->which)
        return wrong(p, budget->line, "\"which\" is wanted for", kind->name);
    if (kind->which == WHICH_NOT && budget->which)
        return wrong(p, budget->line, "there is but one, so no \"which\", of", kind->name);
    if (budget->on == ON_GENERATION && !is_generation(budget->which))
        return wrong(p, budget->line, "no generation is called", budget->which);
    if (budget->on == ON_VERDICT && (limits || !budget->forbidden))
        return wrong(p, budget->line, "a budget on verdicts wants \"not\", and no numbers", NULL);
    if (budget->on != ON_VERDICT && (!limits || budget->forbidden))
        return wrong(p, budget->line,
                     "max, growth or growth_per_iteration is wanted, and no \"not\"", NULL);
    if ((budget->on == ON_CAUSE || budget->on == ON_FINDING) &&
        (budget->limits[LIMIT_GROWTH].given || budget->limits[LIMIT_EACH].given))
        return wrong(p, budget->line, "all there is to limit is their number: \"max\"", NULL);
    if (budget->on == ON_MODULES && budget->which && strcmp(budget->which, "loaded") != 0 &&
        strcmp(budget->which, "dynamic") != 0)
        return wrong(p, budget->line, "modules are loaded or dynamic, not", budget->which);
    if (budget->limits[LIMIT_MAX].percent || budget->limits[LIMIT_EACH].percent)
        return wrong(p, budget->line, "only growth can be a share", NULL);
    return !kind->is_regex || !budget->which ||
           budget_compile(p, budget->which, &budget->pattern, budget->line);
}

/* "namespace Shop", "verdict of ^Shop not leak". */
static bool make_name(struct parse *p, struct budget *budget) {
    struct strbuf text;
    if (budget->name)
        return true;
    strbuf_init(&text);
    strbuf_adds(&text, budget_kinds[budget->on].name);
    if (budget->which)
        strbuf_addf(&text, " %s", budget->which);
    for (int v = VERDICT_STABLE; v <= VERDICT_INCONCLUSIVE; v++)
        if (budget->forbidden & (1u << v))
            strbuf_addf(&text, " not %s", verdict_names[v]);
    if (budget->objects && budget_kinds[budget->on].bytes)
        strbuf_adds(&text, " objects");
    budget->name =
        strbuf_failed(&text) ? NULL : arena_copy(&p->b->arena, strbuf_cstr(&text), text.len);
    strbuf_deinit(&text);
    return budget->name || err_nomem(p->err);
}

/* Names are what CI tells budgets apart by: the second of a kind becomes "threads (2)". */
static bool make_unique(struct parse *p, struct budget *budget) {
    uint32_t self = p->b->count - 1;
    uint32_t first = strmap_get(&p->names, str_of(budget->name), STR(""));
    struct strbuf text;
    strbuf_init(&text);
    strbuf_adds(&text, budget->name);
    while (first != STRMAP_NONE && !strbuf_failed(&text) &&
           strmap_get(&p->names, strbuf_str(&text), STR("")) != STRMAP_NONE) {
        strbuf_clear(&text);
        strbuf_addf(&text, "%s (%u)", budget->name, ++p->named[first]);
    }
    if (first != STRMAP_NONE)
        budget->name =
            strbuf_failed(&text) ? NULL : arena_copy(&p->b->arena, strbuf_cstr(&text), text.len);
    strbuf_deinit(&text);
    p->named[self] = 1;
    return (budget->name && strmap_put(&p->names, str_of(budget->name), STR(""), self)) ||
           err_nomem(p->err);
}

static bool read_budget(struct parse *p, const cJSON *object, size_t number) {
    struct budget *budget = &p->b->items[p->b->count++];
    *budget = (struct budget){.line = places_line(&p->places, "budgets", number)};
    if (!cJSON_IsObject(object))
        return wrong(p, budget->line, "a budget is an object", NULL);
    if (!read_on(p, object, budget))
        return false;
    budget->objects = !budget_kinds[budget->on].bytes;
    for (const cJSON *item = object->child; item; item = item->next)
        if (!budget_read_member(p, item, budget, number))
            return false;
    const char *twice; /* of known keys, so soon found */
    if (has_twice(object, &twice))
        return wrong(p, budget->line, "a key is there twice", twice);
    return budget_check(p, budget) && make_name(p, budget) && make_unique(p, budget);
}

/* -- Benign ------------------------------------------------------------------------------------ */

static bool is_date(const char *text) {
    static const char form[] = "dddd-dd-dd";
    for (size_t i = 0; form[i]; i++)
        if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != '-')
            return false;
    return text[sizeof(form) - 1] == '\0';
}

static bool read_benign(struct parse *p, const cJSON *object, size_t number) {
    static const char *const keys[] = {"which", "reason", "expires"};
    struct benign *benign = &p->b->benign[p->b->benign_count++];
    *benign = (struct benign){.line = places_line(&p->places, "benign", number)};
    const char **fields[] = {&benign->which, &benign->reason, &benign->expires};
    if (!cJSON_IsObject(object))
        return wrong(p, benign->line, "an entry of \"benign\" is an object", NULL);
    for (const cJSON *item = object->child; item; item = item->next) {
        if (!KNOWN_KEY(p, item->string, keys, benign->line))
            return false;
        for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++)
            if (strcmp(keys[k], item->string) == 0 && !copy(p, item, fields[k], benign->line))
                return false;
    }
    for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++)
        if (!*fields[k])
            return wrong(p, benign->line, "what is benign wants a", keys[k]);
    if (!is_date(benign->expires))
        return wrong(p, benign->line, "not a day as in 2027-01-31", benign->expires);
    return budget_compile(p, benign->which, &benign->pattern, benign->line);
}

/* -- The file ---------------------------------------------------------------------------------- */

static bool read_floors(struct parse *p, const cJSON *object) {
    static const char *const keys[] = {"bytes", "objects"};
    if (!cJSON_IsObject(object))
        return wrong(p, 1, "\"floors\" is an object", NULL);
    for (const cJSON *item = object->child; item; item = item->next) {
        struct quantity q;
        if (!KNOWN_KEY(p, item->string, keys, 1) || !read_quantity(p, item, &q, 1))
            return false;
        if (q.percent)
            return wrong(p, 1, "a floor is no share", item->string);
        uint64_t value = (uint64_t)q.value;
        if (strcmp(item->string, "bytes") == 0)
            p->b->floors.bytes = value;
        else
            p->b->floors.objects = value;
    }
    return true;
}

static bool budget_read_list(struct parse *p, const cJSON *list,
                             bool (*read)(struct parse *, const cJSON *, size_t)) {
    size_t number = 0;
    if (!cJSON_IsArray(list))
        return wrong(p, 1, "a list is wanted for", list->string);
    for (const cJSON *item = list->child; item; item = item->next, number++)
        if (number == BUDGETS_MOST)
            return wrong(p, 1, "too many entries in", list->string);
        else if (!read(p, item, number))
            return false;
    return true;
}

static bool read_top(struct parse *p, const cJSON *item) {
    static const char *const keys[] = {"$schema", "schema",     "budgets", "benign",
                                       "floors",  "iterations", "trust"};
    const char *key = item->string;
    if (!KNOWN_KEY(p, key, keys, 1))
        return false;
    if (strcmp(key, "schema") == 0)
        return (cJSON_IsString(item) && strcmp(item->valuestring, "dumpdiff.budget/1") == 0) ||
               wrong(p, 1, "\"schema\" is \"dumpdiff.budget/1\"", NULL);
    if (strcmp(key, "budgets") == 0)
        return budget_read_list(p, item, read_budget);
    if (strcmp(key, "benign") == 0)
        return budget_read_list(p, item, read_benign);
    if (strcmp(key, "floors") == 0)
        return read_floors(p, item);
    if (strcmp(key, "iterations") == 0) {
        p->b->iterations = cJSON_IsNumber(item) ? item->valuedouble : 0;
        return (p->b->iterations >= 1 && p->b->iterations < 1e18) ||
               wrong(p, 1, "\"iterations\" is a number from 1 on", NULL);
    }
    if (strcmp(key, "trust") == 0) {
        p->b->exact_only = cJSON_IsString(item) && strcmp(item->valuestring, "exact") == 0;
        return p->b->exact_only ||
               (cJSON_IsString(item) && strcmp(item->valuestring, "partial") == 0) ||
               wrong(p, 1, "\"trust\" is exact or partial", NULL);
    }
    return true; /* "$schema" is for editors */
}

static bool budget_allocate(struct parse *p, const cJSON *root) {
    const cJSON *budgets = cJSON_GetObjectItemCaseSensitive(root, "budgets");
    const cJSON *benign = cJSON_GetObjectItemCaseSensitive(root, "benign");
    size_t most = 1;
    if (!cJSON_IsArray(budgets) || !budgets->child)
        return wrong(p, 1, "\"budgets\" is wanted: a list with at least one", NULL);
    /* A key that is there twice is refused as too many entries. */
    for (const cJSON *item = budgets->child; item && most <= BUDGETS_MOST; item = item->next)
        most++;
    p->b->items = arena_array(&p->b->arena, most, sizeof(*p->b->items));
    p->named = arena_array(&p->b->arena, most, sizeof(*p->named));
    most = 1;
    for (const cJSON *item = benign ? benign->child : NULL; item && most <= BUDGETS_MOST;
         item = item->next)
        most++;
    p->b->benign = arena_array(&p->b->arena, most, sizeof(*p->b->benign));
    return (p->b->items && p->named && p->b->benign) || err_nomem(p->err);
}

static uint32_t line_of(struct str text, size_t at) {
    uint32_t line = 1;
    for (size_t i = 0; i < at && i < text.len; i++)
        line += text.ptr[i] == '\n';
    return line;
}

/* Names of keys are compared in pairs, so there may not be many. */
#define KEYS_MOST 64

static bool read_root(struct parse *p, const cJSON *root) {
    const char *twice;
    if (!cJSON_IsObject(root))
        return wrong(p, 1, "an object with \"budgets\" is wanted", NULL);
    if (cJSON_GetArraySize(root) > KEYS_MOST)
        return wrong(p, 1, "too many keys", NULL);
    if (has_twice(root, &twice))
        return wrong(p, 1, "a key is there twice", twice);
    if (!budget_allocate(p, root))
        return false;
    for (const cJSON *item = root->child; item; item = item->next)
        if (!read_top(p, item))
            return false;
    return true;
}

bool budgets_parse(struct budgets *b, struct str text, struct err *err) {
    struct parse p = {.b = b, .err = err};
    const char *end = NULL;
    *b = (struct budgets){.floors = {.bytes = ABSENT, .objects = ABSENT}};
    arena_init(&b->arena);
    strmap_init(&p.names);
    if (text.len > BUDGET_MAX_BYTES)
        return err_set(err, ERR_USAGE, "larger than %zu bytes", BUDGET_MAX_BYTES);
    cJSON *root = cJSON_ParseWithLengthOpts(text.ptr, text.len, &end, 0);
    size_t parsed = end ? (size_t)(end - text.ptr) : 0;
    bool ok = true;
    if (!root)
        ok = err_set(err, ERR_USAGE, "line %u: not valid JSON", line_of(text, parsed));
    for (size_t i = parsed; ok && i < text.len; i++)
        if (!strchr(" \t\r\n", text.ptr[i]) || !text.ptr[i])
            ok = err_set(err, ERR_USAGE, "line %u: something follows the object", line_of(text, i));
    ok = ok && places_find(&p.places, text, &b->arena, err) && read_root(&p, root);
    cJSON_Delete(root);
    strmap_deinit(&p.names);
    return ok;
}

void budgets_deinit(struct budgets *b) {
    for (uint32_t i = 0; i < b->count; i++)
        pattern_deinit(&b->items[i].pattern);
    for (uint32_t i = 0; i < b->benign_count; i++)
        pattern_deinit(&b->benign[i].pattern);
    arena_deinit(&b->arena);
    *b = (struct budgets){.count = 0};
}

bool budgets_settled(const struct budgets *b, struct err *err) {
    bool ok = true;
    for (uint32_t i = 0; ok && i < b->count; i++)
        ok = pattern_settled(&b->items[i].pattern, err);
    for (uint32_t i = 0; ok && i < b->benign_count; i++)
        ok = pattern_settled(&b->benign[i].pattern, err);
    return ok;
}

bool budgets_ask_for_causes(const struct budgets *b) {
    for (uint32_t i = 0; i < b->count; i++)
        if (b->items[i].on == ON_CAUSE || b->items[i].on == ON_FINDING)
            return true;
    return false;
}
