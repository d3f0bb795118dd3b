#include "diff/names/names.h"

#include "diff/names/runtimes.h"
#include "model/known_names.h"

#include <string.h>

bool name_is_framework(const char *name) {
    struct str s = str_of(name);
    for (size_t i = 0; s.len && runtime_table[i]; i++)
        if (words_begin(&runtime_table[i]->framework, s) ||
            words_are(&runtime_table[i]->framework_whole, s) ||
            (str_first(s) == '(' && words_within(&runtime_table[i]->framework_within, s)))
            return true;
    return s.len == 0;
}

bool name_is_array(const char *type) {
    struct str s = str_of(type);
    return str_ends(s, STR("[]")) || RUNTIMES_SAY(words_begin, arrays, s);
}

bool name_is_inside(const char *type) {
    struct str s = str_of(type);
    if (name_is_array(type) || RUNTIMES_SAY(words_begin, insides, s))
        return true;
    unsigned depth = 0;
    for (const char *p = type; *p; p++) {
        depth += *p == '<' || *p == '[';
        depth -= (*p == '>' || *p == ']') && depth;
        if (*p == '+' && !depth)
            return name_is_framework(type);
    }
    return false;
}

size_t name_arguments(struct str name) {
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] == '(' && !(i && name.ptr[i - 1] == '.'))
            return i;
    return name.len;
}

bool name_is_known_bare(const char *type) {
    return RUNTIMES_SAY(words_begin, known_bare, str_of(type));
}

void name_normal(struct str name, struct strbuf *out) {
    for (size_t i = 0; runtime_table[i]; i++)
        if (runtime_table[i]->normal_name && runtime_table[i]->normal_name(name, out))
            return;
    strbuf_add(out, name);
}

bool name_may_be_made(const char *name) {
    for (const char *at = name; (at = strpbrk(at, made_signs)); at++)
        if (RUNTIMES_SAY(words_begin, made, str_of(at)))
            return true;
    return false;
}

static struct str machine_of(const char *type, bool boxed_only) {
    struct str machine = {NULL, 0};
    for (size_t i = 0; runtime_table[i] && !machine.len; i++)
        if (runtime_table[i]->state_machine)
            machine = runtime_table[i]->state_machine(type, boxed_only);
    return machine;
}

struct str name_machine(const char *type) {
    return machine_of(type, false);
}

struct str name_boxed_machine(const char *type) {
    return machine_of(type, true);
}

bool name_edge_is_machine(const char *edge) {
    for (size_t i = 0; edge && runtime_table[i]; i++) {
        const char *field = runtime_table[i]->machine_edge;
        if (field && strncmp(edge, field, strlen(field)) == 0)
            return true;
    }
    return false;
}

bool name_edge_is_loader(const char *edge) {
    for (size_t i = 0; edge && runtime_table[i]; i++)
        if (runtime_table[i]->loader_edge && strcmp(edge, runtime_table[i]->loader_edge) == 0)
            return true;
    return false;
}

bool name_is_finalizer_chain(const char *type) {
    for (size_t i = 0; runtime_table[i]; i++)
        if (runtime_table[i]->finalizer_chain &&
            strcmp(type, runtime_table[i]->finalizer_chain) == 0)
            return true;
    return false;
}

void pretty_type(const char *type, bool state_machine, struct strbuf *out) {
    for (size_t i = 0; runtime_table[i]; i++)
        if (runtime_table[i]->pretty_type &&
            runtime_table[i]->pretty_type(type, state_machine, out))
            return;
    strbuf_adds(out, type);
}

bool name_root_is_field(const char *root) {
    return str_starts(str_of(root), STR(ROOT_STATIC)) ||
           str_starts(str_of(root), STR(ROOT_THREAD_STATIC));
}

void pretty_method(const char *method, struct strbuf *out) {
    for (size_t i = 0; runtime_table[i]; i++)
        if (runtime_table[i]->pretty_method && runtime_table[i]->pretty_method(method, out))
            return;
    strbuf_adds(out, method);
}

void pretty_field(const char *field, struct strbuf *out) {
    for (size_t i = 0; runtime_table[i]; i++)
        if (runtime_table[i]->pretty_field && runtime_table[i]->pretty_field(field, out))
            return;
    strbuf_adds(out, field);
}
