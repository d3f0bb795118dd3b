#include "diff/names/path_text.h"

#include "base/chars.h"

#include "diff/names/names.h"

#include <string.h>

#define STEPS_SHOWN 6u
#define ARROW       " \xe2\x86\x92 "

static bool path_text_is_name(char c) {
    return char_is_word(c) || c == '`' || c == '$' || (unsigned char)c >= 0x80;
}

void path_short_type(const char *type, struct strbuf *out) {
    if (type[0] == '(') { /* a group of objects, or a function and its file: no namespaces */
        strbuf_adds(out, type);
        return;
    }
    /* A namespace is a run of names and dots: what stands behind its last dot is kept. */
    for (const char *p = type; *p;) {
        const char *end = p, *last = p;
        while (path_text_is_name(*end) || *end == '.') {
            if (*end == '.' && path_text_is_name(end[1]))
                last = end + 1;
            end++;
        }
        strbuf_add(out, (struct str){last, (size_t)(end - last)});
        if (*end)
            strbuf_addc(out, *end++);
        p = end;
    }
}

/* "Dictionary<String, CacheEntry>" is known without its arguments. */
static void without_arguments(const char *type, struct strbuf *out) {
    unsigned depth = 0;
    for (const char *p = type; *p; p++) {
        depth += *p == '<';
        if (!depth)
            strbuf_addc(out, *p);
        depth -= *p == '>' && depth;
    }
}

/* "[Ljava.util.HashMap$Node;" is an array of what has a namespace inside of it. */
static void add_array_first(const char *type, struct strbuf *out) {
    struct strbuf whole;
    strbuf_init(&whole);
    pretty_type(type, false, &whole);
    path_short_type(strbuf_cstr(&whole), out);
    strbuf_fail(out, &whole.err);
    strbuf_deinit(&whole);
}

static void path_text_add_type(const struct path_step *step, bool full, struct strbuf *out) {
    const char *type = step->type;
    bool machine = name_edge_is_machine(step->edge);
    if (type[0] == '[' && !full) {
        add_array_first(type, out);
        return;
    }
    if (full) {
        pretty_type(type, machine, out);
        return;
    }
    struct strbuf bare, brief;
    strbuf_init(&bare);
    strbuf_init(&brief);
    struct str boxed = name_boxed_machine(type);
    if (boxed.len)
        strbuf_add(&bare, boxed);
    else if (name_is_known_bare(type))
        without_arguments(type, &bare);
    else
        strbuf_adds(&bare, type);
    path_short_type(strbuf_cstr(&bare), &brief);
    pretty_type(strbuf_cstr(&brief), machine || boxed.len, out);
    strbuf_fail(out, &bare.err);
    strbuf_fail(out, &brief.err);
    strbuf_deinit(&bare);
    strbuf_deinit(&brief);
}

void path_type_text(const char *type, struct strbuf *out) {
    const struct path_step step = {NULL, type};
    path_text_add_type(&step, false, out);
}

/* One step: the type, and the edge out of it; "Entry[] -> [].value" is "[].value". */
static void add_step(const struct path_step *step, const char *edge_below, bool full,
                     struct strbuf *out) {
    bool element = edge_below && edge_below[0] == '[' && name_is_array(step->type);
    strbuf_adds(out, ARROW);
    if (!element || full)
        path_text_add_type(step, full, out);
    if (!edge_below || !*edge_below) /* some graphs have no names for their edges */
        return;
    if (edge_below[0] != '[' && edge_below[0] != '(' && edge_below[0] != '+')
        strbuf_addc(out, '.');
    else if (!element || full)
        strbuf_addc(out, ' ');
    pretty_field(edge_below, out);
}

/* "static Shop.Worker+<>c.<>9__0_0": a type and a field behind its last dot. */
static void path_text_add_root(const char *root, struct strbuf *out) {
    size_t dot = 0, depth = 0, length = strlen(root);
    for (size_t i = 0; i < length; i++) {
        depth += root[i] == '<';
        depth -= root[i] == '>' && depth;
        if (root[i] == '.' && !depth)
            dot = i;
    }
    struct strbuf type;
    strbuf_init(&type);
    strbuf_add(&type, (struct str){root, dot});
    pretty_type(strbuf_cstr(&type), false, out);
    pretty_field(root + dot, out);
    strbuf_fail(out, &type.err);
    strbuf_deinit(&type);
}

/* Is the step at one of both ends, or does it tell the name that is to be kept? */
static bool is_kept(uint32_t step, uint32_t shown, uint32_t keep) {
    return step < STEPS_SHOWN / 2 || step + STEPS_SHOWN / 2 >= shown || step == keep ||
           (keep != PATH_KEEP_ENDS && step + 1 == keep);
}

void path_text_keeping(const char *root, const struct path_step *steps, uint32_t count, bool full,
                       bool last, uint32_t keep, struct strbuf *out) {
    uint32_t shown = last || !count ? count : count - 1;
    path_text_add_root(root ? root : "", out);
    for (uint32_t i = 0; i < shown; i++) {
        uint32_t left = 0;
        while (!full && !is_kept(i + left, shown, keep))
            left++;
        /* One step takes no more room than the word that it is left out. */
        if (left > 1) {
            strbuf_addf(out, ARROW "[%u more]", left);
            i += left;
        }
        add_step(&steps[i], i + 1 < count ? steps[i + 1].edge : NULL, full, out);
    }
}

void path_text(const char *root, const struct path_step *steps, uint32_t count, bool full,
               bool last, struct strbuf *out) {
    path_text_keeping(root, steps, count, full, last, PATH_KEEP_ENDS, out);
}
