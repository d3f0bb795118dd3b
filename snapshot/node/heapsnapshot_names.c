#include "node/heapsnapshot_names.h"

#include "base/chars.h"
#include "base/json_scan.h"
#include "base/num.h"
#include "base/vec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DETACHED "Detached "
/* [bytes] of the name of a property; a longer one is a key. */
#define LABEL_BYTES_MOST 64u
/* Of a node that is detached, see heap-snapshot-generator.h: v8::EmbedderGraph::Node. */
#define IS_DETACHED 2u

bool heapsnapshot_names_open(struct heapsnapshot_names *n, const struct heapsnapshot *s,
                             struct err *err) {
    static const char *const fixed[] = {[LABEL_ELEMENT] = "[]", [LABEL_WEAK_MAP] = "(weak map)"};
    *n = (struct heapsnapshot_names){.s = s};
    arena_init(&n->arena);
    strmap_init(&n->type_of_name);
    strmap_init(&n->label_of_text);
    strbuf_init(&n->text);
    n->type_of_string = calloc((size_t)s->string_count + 1, sizeof(*n->type_of_string));
    n->label_of_string = calloc((size_t)s->string_count + 1, sizeof(*n->label_of_string));
    bool ok = n->type_of_string && n->label_of_string;
    for (uint32_t i = 0; ok && i <= LABEL_WEAK_MAP; i++) {
        ok = VEC_ROOM(n->labels, n->label_count, n->label_room, NULL) &&
             strmap_put(&n->label_of_text, str_of(fixed[i]), STR(""), i);
        if (ok)
            n->labels[n->label_count++] = fixed[i];
    }
    return ok || err_nomem(err);
}

void heapsnapshot_names_close(struct heapsnapshot_names *n) {
    free(n->types);
    free(n->type_of_string);
    free(n->labels);
    free(n->label_of_string);
    strmap_deinit(&n->type_of_name);
    strmap_deinit(&n->label_of_text);
    strbuf_deinit(&n->text);
    arena_deinit(&n->arena);
}

/* -- Types ------------------------------------------------------------------------------------- */

static uint32_t type_failed(struct heapsnapshot_names *n) {
    n->nomem = true;
    return 0;
}

/* The type that n->text names. */
static uint32_t heapsnapshot_type_named(struct heapsnapshot_names *n) {
    struct str name = strbuf_str(&n->text);
    if (strbuf_failed(&n->text))
        return type_failed(n);
    uint32_t number = strmap_get(&n->type_of_name, name, STR(""));
    if (number != STRMAP_NONE)
        return number;
    char *copy = arena_copy_clean(&n->arena, name);
    char *key = arena_copy(&n->arena, name.ptr, name.len);
    if (!copy || !key || !VEC_ROOM(n->types, n->type_count, n->type_room, NULL) ||
        !strmap_put(&n->type_of_name, (struct str){key, name.len}, STR(""), n->type_count))
        return type_failed(n);
    n->types[n->type_count] = (struct heapsnapshot_type){.name = copy};
    return n->type_count++;
}

/* "(string)": those of the kind, whatever they are called. */
static uint32_t type_of_kind(struct heapsnapshot_names *n, uint64_t kind) {
    uint32_t known = kind < n->s->kind_count ? (uint32_t)kind : HEAPSNAPSHOT_KINDS_MOST;
    if (n->type_of_kind[known])
        return n->type_of_kind[known] - 1;
    struct str name = known < n->s->kind_count ? n->s->kind_names[known] : STR("unknown");
    uint8_t what = known < n->s->kind_count ? n->s->kinds[known] : NODE_OTHER;
    name = what == NODE_HIDDEN ? STR("system") : what == NODE_CODE ? STR("compiled code") : name;
    strbuf_clear(&n->text);
    strbuf_addc(&n->text, '(');
    json_scan_resolve(name, &n->text);
    strbuf_addc(&n->text, ')');
    uint32_t type = heapsnapshot_type_named(n);
    n->type_of_kind[known] = type + 1;
    return type;
}

/*
 * The constructor as it says which kind of object it is, and no more: of "Window / https://..." the
 * page is left out, and of "<div id=...>" the attributes.
 */
static struct str constructor_of(struct str name) {
    size_t slash = str_find(name, STR(" / "), 0);
    if (slash != STR_NOT_FOUND) {
        struct str owner = str_take(name, slash);
        bool inner = str_eq(owner, STR("system")) || str_eq(owner, STR("Node"));
        size_t end = inner ? str_find(name, STR(" / "), slash + 3) : slash;
        name = str_take(name, end);
    }
    if (str_first(name) == '<') {
        size_t blank = str_find(name, STR(" "), 0);
        return str_take(name, blank);
    }
    return name;
}

static uint32_t type_of_constructor(struct heapsnapshot_names *n, uint64_t string, uint64_t kind,
                                    bool detached) {
    struct str raw = heapsnapshot_string(n->s, string);
    if (str_starts(raw, STR(DETACHED))) {
        detached = true;
        raw = str_drop(raw, STR(DETACHED).len);
    }
    struct str name = constructor_of(raw);
    if (name.len == 0)
        return type_of_kind(n, kind);
    strbuf_clear(&n->text);
    strbuf_adds(&n->text, detached ? DETACHED : "");
    json_scan_resolve(name, &n->text);
    if (str_first(name) == '<' && str_last(name) != '>')
        strbuf_addc(&n->text, '>');
    return heapsnapshot_type_named(n);
}

static uint32_t type_of_object(struct heapsnapshot_names *n, const uint64_t *node) {
    const struct heapsnapshot *s = n->s;
    uint64_t string = node[s->name];
    bool detached =
        s->detachedness != HEAPSNAPSHOT_NO_FIELD && node[s->detachedness] == IS_DETACHED;
    if (detached || string >= s->string_count)
        return type_of_constructor(n, string, node[s->type], detached);
    if (!n->type_of_string[string])
        n->type_of_string[string] = type_of_constructor(n, string, node[s->type], false) + 1;
    return n->type_of_string[string] - 1;
}

/* What tells closures apart. */
struct closure_key {
    uint64_t function, script, line;
};

static uint32_t type_of_closure(struct heapsnapshot_names *n, const uint64_t *node, uint64_t number,
                                const struct heapsnapshot_place *place) {
    bool placed = place != NULL;
    if (!placed && n->s->locations.len)
        return type_of_kind(n, node[n->s->type]);
    struct closure_key key = {node[n->s->name], placed ? place->script : HEAPSNAPSHOT_END,
                              placed ? place->line : HEAPSNAPSHOT_END};
    struct str bytes = {(const char *)&key, sizeof(key)};
    uint32_t type = strmap_get(&n->type_of_name, bytes, STR("closure"));
    if (type != STRMAP_NONE)
        return type;
    const char *copy = arena_copy(&n->arena, bytes.ptr, bytes.len);
    if (!copy || !VEC_ROOM(n->types, n->type_count, n->type_room, NULL) ||
        !strmap_put(&n->type_of_name, (struct str){copy, bytes.len}, STR("closure"), n->type_count))
        return type_failed(n);
    n->types[n->type_count] = (struct heapsnapshot_type){.function = key.function,
                                                         .script = key.script,
                                                         .line = key.line,
                                                         .sample = (uint32_t)number};
    return n->type_count++;
}

uint32_t heapsnapshot_type(struct heapsnapshot_names *n, const uint64_t *node, uint64_t number,
                           const struct heapsnapshot_place *place) {
    switch (heapsnapshot_kind(n->s, node)) {
    case NODE_OBJECT:
    case NODE_NATIVE:
    case NODE_SYNTHETIC:
        return type_of_object(n, node);
    case NODE_CLOSURE:
        return type_of_closure(n, node, number, place);
    default:
        return type_of_kind(n, node[n->s->type]);
    }
}

bool heapsnapshot_is_global(const struct heapsnapshot *s, const uint64_t *node) {
    struct str name = heapsnapshot_string(s, node[s->name]);
    return str_starts(name, STR("global")) || str_starts(name, STR("Window"));
}

/* -- Closures ---------------------------------------------------------------------------------- */

/* What the first edge leads to whose name begins so; false: there is none. */
static bool follow_edge(struct heapsnapshot_index *x, uint64_t node, struct str name,
                        uint64_t *ret_node) {
    const struct heapsnapshot *s = x->s;
    uint64_t fields[HEAPSNAPSHOT_FIELDS_MOST], edge[HEAPSNAPSHOT_FIELDS_MOST];
    const char *at;
    if (!heapsnapshot_find(x, node, fields, &at))
        return false;
    for (uint64_t i = 0; i < fields[s->edge_count]; i++) {
        if (x->budget < s->edge_fields || !heapsnapshot_numbers(&at, s->edge_fields, edge))
            return false;
        x->budget -= s->edge_fields;
        if (heapsnapshot_edge_kind(s, edge) != EDGE_NAMED ||
            !str_starts(heapsnapshot_string(s, edge[s->edge_name]), name))
            continue;
        *ret_node = heapsnapshot_node_of(s, edge[s->edge_to]);
        return *ret_node != UINT64_MAX;
    }
    return false;
}

/* "/srv/shop/market.js" -> "market.js", "node:internal/timers" as it is. */
static struct str script_text(struct str name) {
    if (str_starts(name, STR("node:")))
        return name;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] == '?' || name.ptr[i] == '#')
            name = str_take(name, i);
    return str_file_name(name);
}

/* closure -> shared -> script, whose name it is. */
static struct str script_of(struct heapsnapshot_index *x, uint64_t closure) {
    const struct heapsnapshot *s = x->s;
    uint64_t node[HEAPSNAPSHOT_FIELDS_MOST], shared, script;
    if (!follow_edge(x, closure, STR("shared"), &shared) ||
        !follow_edge(x, shared, STR("script"), &script) ||
        !heapsnapshot_find(x, script, node, NULL) || heapsnapshot_kind(s, node) != NODE_CODE)
        return STR("");
    struct str name = heapsnapshot_string(s, node[s->name]);
    static const struct str ahead = STR_INIT("system / Script");
    if (str_starts(name, ahead)) /* newer ones say so in front */
        name =
            str_drop(name, str_starts(name, STR("system / Script / ")) ? ahead.len + 3 : name.len);
    return script_text(name);
}

static void name_closure(struct heapsnapshot_names *n, struct heapsnapshot_type *type,
                         struct str script) {
    struct str function = heapsnapshot_string(n->s, type->function);
    strbuf_clear(&n->text);
    strbuf_adds(&n->text, "(closure)");
    strbuf_adds(&n->text, function.len ? " " : "");
    json_scan_resolve(function, &n->text);
    if (script.len) {
        strbuf_addc(&n->text, ' ');
        json_scan_resolve(script, &n->text);
        strbuf_addf(&n->text, ":%" PRIu64, type->line + 1);
    }
    type->name = strbuf_failed(&n->text) ? NULL : arena_copy_clean(&n->arena, strbuf_str(&n->text));
    n->nomem |= !type->name;
}

bool heapsnapshot_name_closures(struct heapsnapshot_names *n, struct heapsnapshot_index *x,
                                struct err *err) {
    struct u64map scripts; /* number of the type whose sample named it */
    struct str *names = calloc((size_t)n->type_count + 1, sizeof(*names));
    u64map_init(&scripts);
    n->nomem |= !names;
    for (uint32_t i = 0; !n->nomem && i < n->type_count; i++) {
        struct heapsnapshot_type *type = &n->types[i];
        if (type->name)
            continue;
        uint32_t known = type->script == HEAPSNAPSHOT_END ? i : u64map_get(&scripts, type->script);
        if (known == STRMAP_NONE) {
            known = i;
            names[i] = script_of(x, type->sample);
            n->nomem |= !u64map_put(&scripts, type->script, i);
        }
        name_closure(n, type, names[known]);
    }
    u64map_deinit(&scripts);
    free(names);
    return !n->nomem || err_nomem(err);
}

/* -- Edges ------------------------------------------------------------------------------------- */

static const struct str weak_map_words = STR_INIT(" / part of key (");

static bool is_digits(struct str text) {
    size_t i = 0;
    while (i < text.len && char_is_digit(text.ptr[i]))
        i++;
    return i == text.len;
}

/* Names that programs and V8 itself give to fields; anything else is a key of somebody's data. */
static bool is_field_name(struct str text) {
    if (text.len == 0 || text.len > LABEL_BYTES_MOST || is_digits(text))
        return false;
    bool symbol = str_starts(text, STR("<symbol")); /* "<symbol kResolve>" */
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!char_is_word(c) && c != '$' && c != '#' && !(c == ' ' && i) &&
            !(symbol && strchr("<>().:-", c)))
            return false;
    }
    return symbol || !char_is_digit(str_first(text));
}

static uint32_t label_of(struct heapsnapshot_names *n, struct str raw) {
    if (str_contains(raw, weak_map_words))
        return LABEL_WEAK_MAP;
    if (!is_field_name(raw) || n->label_count >= LABELS_MOST)
        return LABEL_ELEMENT;
    uint32_t label = strmap_get(&n->label_of_text, raw, STR(""));
    if (label != STRMAP_NONE)
        return label;
    char *copy = arena_copy(&n->arena, raw.ptr, raw.len);
    if (!copy || !VEC_ROOM(n->labels, n->label_count, n->label_room, NULL) ||
        !strmap_put(&n->label_of_text, (struct str){copy, raw.len}, STR(""), n->label_count)) {
        n->nomem = true;
        return LABEL_ELEMENT;
    }
    n->labels[n->label_count] = copy;
    return n->label_count++;
}

uint32_t heapsnapshot_label_new(struct heapsnapshot_names *n, uint64_t string) {
    uint32_t label = label_of(n, heapsnapshot_string(n->s, string));
    n->label_of_string[string] = label + 1;
    return label;
}

/* "7 / part of key (Object @1) -> value (Array @3) pair in WeakMap (table @5)" */
bool heapsnapshot_is_of_table(const struct heapsnapshot_names *n, uint64_t string, uint64_t id) {
    struct str text = heapsnapshot_string(n->s, string);
    static const struct str before = STR_INIT("(table @");
    size_t at = str_find(text, before, 0);
    uint64_t table;
    if (at == STR_NOT_FOUND)
        return false;
    struct str rest = str_drop(text, at + before.len);
    return num_dec(str_take(rest, str_find(rest, STR(")"), 0)), &table) && table == id;
}
