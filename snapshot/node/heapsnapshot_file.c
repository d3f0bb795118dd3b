#include "node/heapsnapshot_file.h"

#include "base/json_scan.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

/* Without the mark that editors put in front. */
static struct json_scan heapsnapshot_text(struct bytes in) {
    struct str text = {(const char *)in.data, in.size};
    bool marked = str_starts(text, STR("\xef\xbb\xbf"));
    return (struct json_scan){.rest = str_drop(text, marked ? 3 : 0)};
}

bool heapsnapshot_probe(struct bytes head) {
    struct json_scan j = heapsnapshot_text(head);
    return json_scan_take(&j, '{') && str_eq(json_scan_raw_string(&j), STR("snapshot")) &&
           json_scan_want(&j, ':') && json_scan_want(&j, '{') &&
           str_contains(j.rest, STR("\"node_fields\""));
}

/* -- What the file says of itself -------------------------------------------------------------- */

struct field_place {
    struct str name;
    uint8_t *place;
};

/* Finds fields by their names in the list that comes. */
static void read_fields(struct json_scan *j, const struct field_place *wanted, size_t wanted_count,
                        uint8_t *ret_count) {
    unsigned count = 0;
    bool first = true;
    json_scan_want(j, '[');
    for (; json_scan_more(j, ']', &first); count++) {
        struct str name = json_scan_raw_string(j);
        for (size_t i = 0; i < wanted_count; i++)
            if (str_eq(name, wanted[i].name) && count < HEAPSNAPSHOT_FIELDS_MOST)
                *wanted[i].place = (uint8_t)count;
    }
    *ret_count = count <= HEAPSNAPSHOT_FIELDS_MOST ? (uint8_t)count : 0;
}

#define READ_FIELDS(j, places, count) \
    read_fields((j), (places), sizeof(places) / sizeof(*(places)), (count))

static void read_node_fields(struct heapsnapshot *s, struct json_scan *j) {
    const struct field_place places[] = {
        {STR_INIT("type"), &s->type},
        {STR_INIT("name"), &s->name},
        {STR_INIT("id"), &s->id},
        {STR_INIT("self_size"), &s->self_size},
        {STR_INIT("edge_count"), &s->edge_count},
        {STR_INIT("detachedness"), &s->detachedness},
        {STR_INIT("trace_node_id"), &s->trace_node},
    };
    READ_FIELDS(j, places, &s->node_fields);
}

static void read_edge_fields(struct heapsnapshot *s, struct json_scan *j) {
    const struct field_place places[] = {
        {STR_INIT("type"), &s->edge_type},
        {STR_INIT("name_or_index"), &s->edge_name},
        {STR_INIT("to_node"), &s->edge_to},
    };
    READ_FIELDS(j, places, &s->edge_fields);
}

static void read_location_fields(struct heapsnapshot *s, struct json_scan *j) {
    const struct field_place places[] = {
        {STR_INIT("object_index"), &s->location_node},
        {STR_INIT("script_id"), &s->location_script},
        {STR_INIT("line"), &s->location_line},
    };
    READ_FIELDS(j, places, &s->location_fields);
}

static void read_info_fields(struct heapsnapshot *s, struct json_scan *j) {
    const struct field_place places[] = {
        {STR_INIT("name"), &s->info_name},
        {STR_INIT("script_name"), &s->info_script},
        {STR_INIT("line"), &s->info_line},
    };
    READ_FIELDS(j, places, &s->info_fields);
}

static void read_trace_fields(struct heapsnapshot *s, struct json_scan *j) {
    const struct field_place places[] = {
        {STR_INIT("id"), &s->trace_id},
        {STR_INIT("function_info_index"), &s->trace_info},
        {STR_INIT("count"), &s->trace_count},
        {STR_INIT("size"), &s->trace_size},
        {STR_INIT("children"), &s->trace_children},
    };
    READ_FIELDS(j, places, &s->trace_fields);
}

static uint8_t kind_of_node(struct str name) {
    static const struct {
        struct str name;
        uint8_t kind;
    } kinds[] = {
        {STR_INIT("hidden"), NODE_HIDDEN},       {STR_INIT("code"), NODE_CODE},
        {STR_INIT("object"), NODE_OBJECT},       {STR_INIT("native"), NODE_NATIVE},
        {STR_INIT("closure"), NODE_CLOSURE},     {STR_INIT("string"), NODE_STRING},
        {STR_INIT("synthetic"), NODE_SYNTHETIC},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (str_eq(name, kinds[i].name))
            return kinds[i].kind;
    return NODE_OTHER;
}

static uint8_t kind_of_edge(struct str name) {
    if (str_eq(name, STR("element")) || str_eq(name, STR("hidden")))
        return EDGE_INDEXED;
    if (str_eq(name, STR("weak")))
        return EDGE_WEAK;
    return str_eq(name, STR("shortcut")) ? EDGE_SHORTCUT : EDGE_NAMED;
}

/* [["hidden",...],"string",...]: of each field its type; the list is that of the field "type". */
static void read_kinds(struct json_scan *j, uint8_t (*kind_of)(struct str), uint8_t *kinds,
                       struct str *names, uint32_t *ret_count) {
    bool first_field = true;
    json_scan_want(j, '[');
    while (json_scan_more(j, ']', &first_field)) {
        bool first = true;
        if (json_scan_peek(j) != '[' || *ret_count) {
            json_scan_skip(j);
            continue;
        }
        json_scan_want(j, '[');
        while (json_scan_more(j, ']', &first)) {
            struct str name = json_scan_raw_string(j);
            if (*ret_count >= HEAPSNAPSHOT_KINDS_MOST)
                continue;
            if (names)
                names[*ret_count] = name;
            kinds[(*ret_count)++] = kind_of(name);
        }
    }
}

static void read_meta(struct heapsnapshot *s, struct json_scan *j) {
    struct str key;
    bool first = true;
    json_scan_want(j, '{');
    while (json_scan_key(j, &first, &key)) {
        if (str_eq(key, STR("node_fields")))
            read_node_fields(s, j);
        else if (str_eq(key, STR("edge_fields")))
            read_edge_fields(s, j);
        else if (str_eq(key, STR("location_fields")))
            read_location_fields(s, j);
        else if (str_eq(key, STR("trace_function_info_fields")))
            read_info_fields(s, j);
        else if (str_eq(key, STR("trace_node_fields")))
            read_trace_fields(s, j);
        else if (str_eq(key, STR("node_types")))
            read_kinds(j, kind_of_node, s->kinds, s->kind_names, &s->kind_count);
        else if (str_eq(key, STR("edge_types")))
            read_kinds(j, kind_of_edge, s->edge_kinds, NULL, &s->edge_kind_count);
        else
            json_scan_skip(j);
    }
}

static void read_about(struct heapsnapshot *s, struct json_scan *j) {
    struct str key;
    bool first = true;
    json_scan_want(j, '{');
    while (json_scan_key(j, &first, &key)) {
        if (str_eq(key, STR("meta")))
            read_meta(s, j);
        else if (str_eq(key, STR("node_count")))
            s->stated_nodes = json_scan_number(j);
        else if (str_eq(key, STR("edge_count")))
            s->stated_edges = json_scan_number(j);
        else if (str_eq(key, STR("extra_native_bytes")))
            s->extra_native_bytes = json_scan_number(j);
        else
            json_scan_skip(j);
    }
}

/* -- Sections ---------------------------------------------------------------------------------- */

/* A list of nothing but numbers, millions of them: its end is the next bracket. */
static struct str skip_numbers(struct json_scan *j) {
    if (!json_scan_want(j, '['))
        return STR("");
    const char *end = j->rest.len ? memchr(j->rest.ptr, ']', j->rest.len) : NULL;
    j->bad = !end;
    struct str inside = str_take(j->rest, end ? (size_t)(end - j->rest.ptr) : 0);
    j->rest = str_drop(j->rest, inside.len + 1);
    return inside;
}

/* Lists of numbers within one another, however deep: a stack of calls is. */
static struct str skip_nested(struct json_scan *j) {
    size_t depth = 1, i = 0;
    if (!json_scan_want(j, '['))
        return STR("");
    for (; i < j->rest.len; i++) {
        depth += j->rest.ptr[i] == '[';
        if (j->rest.ptr[i] == ']' && --depth == 0)
            break;
    }
    j->bad = depth != 0;
    struct str inside = str_take(j->rest, i);
    j->rest = str_drop(j->rest, i + 1);
    return inside;
}

/* Where a string ends that begins there; NULL: it does not. */
static const char *string_end(const char *begin, const char *end) {
    for (const char *from = begin;;) {
        const char *quote = from < end ? memchr(from, '"', (size_t)(end - from)) : NULL;
        const char *p = quote;
        if (!quote)
            return NULL;
        while (p > begin && p[-1] == '\\')
            p--;
        if ((quote - p) % 2 == 0)
            return quote;
        from = quote + 1;
    }
}

static bool heapsnapshot_is_between(char c) {
    return c == ',' || c == '\n' || c == ' ' || c == '\r' || c == '\t';
}

static bool read_strings(struct heapsnapshot *s, struct json_scan *j, struct err *err) {
    if (!json_scan_want(j, '['))
        return true;
    s->strings = j->rest;
    const char *begin = j->rest.ptr, *end = begin + j->rest.len, *at = begin;
    for (;;) {
        while (at < end && heapsnapshot_is_between(*at))
            at++;
        if (at == end || *at != '"')
            break;
        const char *quote = string_end(++at, end);
        if (!quote)
            break;
        if (!VEC_ROOM(s->string_at, s->string_count, s->string_room, err))
            return false;
        s->string_at[s->string_count++] = (uint64_t)(at - begin);
        at = quote + 1;
    }
    s->strings_cut = at == end || *at != ']';
    j->bad = s->strings_cut;
    j->rest = str_drop(j->rest, (size_t)(at - begin) + !s->strings_cut);
    return true;
}

struct str heapsnapshot_string(const struct heapsnapshot *s, uint64_t number) {
    if (number >= s->string_count)
        return STR("");
    const char *begin = s->strings.ptr + s->string_at[number];
    const char *end = string_end(begin, s->strings.ptr + s->strings.len);
    return (struct str){begin, end ? (size_t)(end - begin) : 0};
}

static bool heapsnapshot_sections(struct heapsnapshot *s, struct json_scan *j, struct err *err) {
    struct str key;
    bool first = true, ok = true;
    json_scan_want(j, '{');
    while (ok && json_scan_key(j, &first, &key)) {
        if (str_eq(key, STR("snapshot")))
            read_about(s, j);
        else if (str_eq(key, STR("nodes")))
            s->nodes = skip_numbers(j);
        else if (str_eq(key, STR("edges")))
            s->edges = skip_numbers(j);
        else if (str_eq(key, STR("locations")))
            s->locations = skip_numbers(j);
        else if (str_eq(key, STR("samples")))
            (void)skip_numbers(j);
        else if (str_eq(key, STR("trace_function_infos")))
            s->infos = skip_numbers(j);
        else if (str_eq(key, STR("trace_tree")))
            s->trace = skip_nested(j);
        else if (str_eq(key, STR("strings")) && !s->string_count)
            ok = read_strings(s, j, err);
        else
            json_scan_skip(j);
    }
    return ok;
}

/* -- All of it --------------------------------------------------------------------------------- */

static bool has_fields(const struct heapsnapshot *s, struct err *err) {
    static const char *const why = "nodes or edges lack fields that every heap snapshot has";
    const uint8_t none = HEAPSNAPSHOT_NO_FIELD;
    bool ok = s->node_fields && s->type < none && s->name < none && s->self_size < none &&
              s->edge_count < none && s->edge_fields && s->edge_type < none &&
              s->edge_name < none && s->edge_to < none && s->kind_count && s->edge_kind_count;
    return ok || err_set(err, ERR_UNSUPPORTED, "%s", why);
}

/* A digit and a comma each at least, the last without. */
static bool has_nodes(struct heapsnapshot *s, struct err *err) {
    uint64_t most = (s->nodes.len + 1) / (2 * (uint64_t)s->node_fields);
    if (s->stated_nodes < most)
        most = s->stated_nodes;
    if (most == 0)
        return err_set(err, ERR_FORMAT, "has no nodes");
    if (most > INT32_MAX)
        return err_set(err, ERR_LIMIT, "has more than 2^31 nodes");
    s->node_count = (uint32_t)most;
    return true;
}

bool heapsnapshot_open(struct heapsnapshot *s, struct bytes in, struct err *err) {
    const uint8_t none = HEAPSNAPSHOT_NO_FIELD;
    const struct str nothing = STR(""); /* has an end that numbers are looked for in, too */
    *s = (struct heapsnapshot){.nodes = nothing,
                               .edges = nothing,
                               .locations = nothing,
                               .infos = nothing,
                               .trace = nothing,
                               .type = none,
                               .name = none,
                               .id = none,
                               .self_size = none,
                               .edge_count = none,
                               .detachedness = none,
                               .trace_node = none,
                               .edge_type = none,
                               .edge_name = none,
                               .edge_to = none,
                               .location_node = none,
                               .location_script = none,
                               .location_line = none,
                               .info_name = none,
                               .info_script = none,
                               .info_line = none,
                               .trace_id = none,
                               .trace_info = none,
                               .trace_count = none,
                               .trace_size = none,
                               .trace_children = none,
                               .stated_nodes = HEAPSNAPSHOT_END,
                               .stated_edges = HEAPSNAPSHOT_END,
                               .extra_native_bytes = HEAPSNAPSHOT_END};
    struct json_scan j = heapsnapshot_text(in);
    if (!heapsnapshot_sections(s, &j, err))
        return false;
    s->cut = j.bad;
    if (!s->string_count)
        return err_set(err, j.bad ? ERR_TRUNCATED : ERR_FORMAT,
                       j.bad ? "ends before its strings: nothing in it has a name"
                             : "holds no strings: nothing in it has a name");
    return has_fields(s, err) && has_nodes(s, err);
}

void heapsnapshot_close(struct heapsnapshot *s) {
    free(s->string_at);
}

bool heapsnapshot_find(struct heapsnapshot_index *x, uint64_t node, uint64_t *ret_node,
                       const char **ret_edges) {
    const struct heapsnapshot *s = x->s;
    if (node >= x->count)
        return false;
    uint64_t before[HEAPSNAPSHOT_FIELDS_MOST], edges = 0;
    uint32_t at = (uint32_t)(node / HEAPSNAPSHOT_STRIDE), left = node % HEAPSNAPSHOT_STRIDE;
    const char *nodes = x->nodes[at];
    for (; left; left--, edges += before[s->edge_count])
        if (!heapsnapshot_numbers(&nodes, s->node_fields, before))
            return false;
    if (!heapsnapshot_numbers(&nodes, s->node_fields, ret_node))
        return false;
    if (!ret_edges)
        return true;
    *ret_edges = x->edges[at];
    if (edges > x->budget / s->edge_fields)
        return false;
    edges *= s->edge_fields;
    x->budget -= edges;
    for (; edges; edges--)
        if (heapsnapshot_number(ret_edges) == HEAPSNAPSHOT_END)
            return false;
    return true;
}
