/*
 * Names that the compilers of C# and Visual Basic make: without their ordinals, so that releases
 * can be compared, and as the source says them.
 *
 * Source: GeneratedNames.cs of Roslyn; ">" closes the name of what it was made for, a character
 * says the kind, "__" and a number follow.
 */
#include "diff/names/dotnet_internal.h"

#include "base/chars.h"

#include <string.h>

/* -- Without ordinals -------------------------------------------------------------------------- */

/* Length of an ordinal "12", "12_0", "12_0#1" at s; 0 when there is none or a word goes on. */
static size_t ordinal(struct str s) {
    size_t i = 0;
    while (i < s.len && char_is_digit(s.ptr[i])) {
        while (i < s.len && char_is_digit(s.ptr[i]))
            i++;
        if (i + 1 < s.len && (s.ptr[i] == '_' || s.ptr[i] == '#' || s.ptr[i] == '-') &&
            char_is_digit(s.ptr[i + 1]))
            i++;
    }
    return i && (i == s.len || !char_is_word(s.ptr[i])) ? i : 0;
}

/*
 * Roslyn's GeneratedNames: ">" closes the name of the method it was made for, one character says
 * the kind, "__" follows. "y" is left alone: the number of an inline array is its length.
 */
static bool is_generated(struct str s) {
    return s.len > 4 && str_first(s) == '>' && char_is_word(s.ptr[1]) && s.ptr[1] != 'y' &&
           s.ptr[2] == '_' && s.ptr[3] == '_';
}

/* Appends the name of what is_generated() without its ordinal; returns the bytes used up. */
static size_t add_generated(struct str s, struct strbuf *out) {
    size_t word = 4;
    while (word < s.len && (s.ptr[1] == 'g' ? s.ptr[word] != '|' && s.ptr[word] != '('
                                            : char_is_letter(s.ptr[word])))
        word++;
    bool local = s.ptr[1] == 'g';
    size_t digits = word + (local && word < s.len && s.ptr[word] == '|');
    size_t n = ordinal(str_drop(s, digits));
    if (!n || (local && digits == word)) {
        strbuf_add(out, str_take(s, 4));
        return 4;
    }
    /* Without a word of its own the two underscores only led to the ordinal. */
    strbuf_add(out, str_take(s, word == 4 ? 2 : word));
    return digits + n;
}

bool dotnet_normal_name(struct str name, struct strbuf *out) {
    static const struct str closure = {"_Closure$__", 11}; /* Visual Basic */
    size_t from = 0, i = 0;
    while (i < name.len) {
        struct str rest = str_drop(name, i);
        bool basic = str_first(rest) == '_' && str_starts(rest, closure);
        if (!basic && !is_generated(rest)) {
            i++;
            continue;
        }
        strbuf_add(out, (struct str){name.ptr + from, i - from});
        if (basic) {
            strbuf_add(out, closure);
            i += closure.len + ordinal(str_drop(rest, closure.len));
        } else {
            i += add_generated(rest, out);
        }
        from = i;
    }
    if (from)
        strbuf_add(out, str_drop(name, from));
    return from > 0;
}

/* -- As the source says them ------------------------------------------------------------------- */

/* Names made for names made for names: "<<<Main>$>g__Local|0_0>b__1>d". Deeper ones stay. */
#define NESTED_MAX   4u
#define BRACKETS_MAX 64u

static bool dotnet_is_name(char c) {
    return char_is_word(c) || c == '$' || (unsigned char)c >= 0x80;
}

/* A generated name taken apart: "<of>KIND__rest". */
struct generated {
    struct str of; /* between the brackets; may be empty, or generated itself */
    char kind;     /* 0: nothing behind the bracket */
    struct str rest;
    size_t length; /* of all of it */
};

/* Length of "<...>" with the brackets inside paired; 0: it does not end. */
static size_t bracketed(struct str s) {
    size_t depth = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '<')
            depth++;
        else if (s.ptr[i] == '>' && --depth == 0)
            return i + 1;
    }
    return 0;
}

/* Takes apart what begins with '<'; false: these brackets are no generated name's. */
static bool take_apart(struct str s, struct generated *ret) {
    size_t end = bracketed(s);
    if (!end || end == s.len || !dotnet_is_name(s.ptr[end]))
        return false;
    ret->of = (struct str){s.ptr + 1, end - 2};
    ret->kind = s.ptr[end];
    size_t at = end + 1;
    if (at + 1 < s.len && s.ptr[at] == '_' && s.ptr[at + 1] == '_')
        at += 2;
    else if (at < s.len && dotnet_is_name(s.ptr[at]) && ret->kind != 'F')
        return false; /* a word of its own follows, not one character (but a hash, for F) */
    size_t from = at;
    while (at < s.len && (dotnet_is_name(s.ptr[at]) || s.ptr[at] == '|' || s.ptr[at] == '#'))
        at++;
    ret->rest = (struct str){s.ptr + from, at - from};
    ret->length = at;
    return true;
}

/* "Local|3_0" -> "Local", "locals1" -> "locals1". */
static struct str before_bar(struct str s) {
    size_t bar = str_find(s, STR("|"), 0);
    return bar == STR_NOT_FOUND ? s : str_take(s, bar);
}

/* Name of the method that something was made for: "<Main>$" is Main, "<Buy>b__0" is a lambda in
 * Buy. */
static void dotnet_method_name(struct str name, unsigned depth, struct strbuf *out) {
    struct generated g;
    if (name.len == 0 || str_first(name) != '<' || depth >= NESTED_MAX || !take_apart(name, &g)) {
        strbuf_add(out, name);
        return;
    }
    dotnet_method_name(g.of, depth + 1, out);
    if (g.kind == 'b')
        strbuf_adds(out, " lambda");
    if (g.kind == 'g') {
        strbuf_addc(out, '.');
        strbuf_add(out, before_bar(g.rest));
    }
}

/* -- Types ------------------------------------------------------------------------------------- */

/* Where in `out` the name being written begins, and whether it is a type argument of a task box. */
struct writing {
    struct strbuf *out;
    size_t start;
    bool machine;
};

static void drop_plus(struct writing *w) {
    if (w->out->len > w->start && str_last(strbuf_str(w->out)) == '+')
        w->out->ptr[--w->out->len] = '\0';
}

static void put_in_front(struct writing *w, const char *words) {
    struct strbuf rest;
    strbuf_init(&rest);
    strbuf_add(&rest, (struct str){w->out->ptr + w->start, w->out->len - w->start});
    w->out->len = w->start;
    strbuf_adds(w->out, words);
    strbuf_add(w->out, strbuf_str(&rest));
    strbuf_fail(w->out, &rest.err);
    strbuf_deinit(&rest);
}

static void state_machine(struct writing *w, const struct generated *g) {
    drop_plus(w);
    if (w->out->len > w->start)
        strbuf_addc(w->out, '.');
    dotnet_method_name(g->of, 1, w->out);
    if (!strbuf_failed(w->out))
        put_in_front(w, w->machine ? "async " : "async or iterator ");
}

/* A word behind the type it belongs to: "Shop closure". */
static void of_outer(struct writing *w, const char *word) {
    drop_plus(w);
    if (w->out->len > w->start)
        strbuf_addc(w->out, ' ');
    strbuf_adds(w->out, word);
}

static void generated_type(struct writing *w, const struct generated *g, bool more) {
    bool made_for_none = g->of.len == 0;
    if (g->kind == 'd') {
        state_machine(w, g);
    } else if (g->kind == 'c' && made_for_none && str_starts(g->rest, STR("DisplayClass"))) {
        of_outer(w, "closure");
    } else if (g->kind == 'c' && made_for_none) {
        if (more)
            drop_plus(w); /* "Shop+<>c+<<Buy>b__0>d": the lambda is named below */
        else
            of_outer(w, "lambdas");
    } else if (g->kind == 'f' && str_starts(g->rest, STR("AnonymousType"))) {
        strbuf_adds(w->out, "anonymous type");
    } else if (g->kind == 'F' && g->rest.len) { /* a type of one file: "<File>F0..__Name" */
        size_t name = 0;
        for (size_t at = 0; (at = str_find(g->rest, STR("__"), at)) != STR_NOT_FOUND; at += 2)
            name = at + 2;
        strbuf_add(w->out, str_drop(g->rest, name));
    } else if (g->kind == 'o' && made_for_none) {
        of_outer(w, "call sites");
    } else if (g->kind == 'O' && made_for_none) {
        of_outer(w, "method groups");
    } else if (g->kind == 'e') {
        strbuf_add(w->out, g->of);
        strbuf_adds(w->out, " buffer");
    } else if (g->kind == 'z' || g->kind == 'y') { /* collection expressions, inline arrays */
        strbuf_add(w->out, g->rest);
    } else {
        strbuf_addc(w->out, '<');
        strbuf_add(w->out, g->of);
        strbuf_addf(w->out, ">%c%s", g->kind, g->rest.len ? "__" : "");
        strbuf_add(w->out, g->rest);
    }
}

static bool is_task_box(struct str before) {
    return str_ends(before, STR("AsyncStateMachineBox"));
}

/* The brackets that the name being written is in, and where the names around it begin. */
struct brackets {
    size_t starts[BRACKETS_MAX]; /* of the name in front of the bracket of each depth */
    unsigned depth, box_depth;   /* of brackets; in which arguments are state machines */
};

static void bracket_opens(struct brackets *in, const struct writing *w, bool is_box) {
    if (in->depth < BRACKETS_MAX)
        in->starts[in->depth] = w->start;
    in->depth++;
    if (!in->box_depth && is_box)
        in->box_depth = in->depth;
}

/* What follows goes on with the name that has the arguments: "Link<Order>+<Run>d__6". */
static void bracket_closes(struct brackets *in, struct writing *w, bool is_machine) {
    in->box_depth = in->box_depth == in->depth ? 0 : in->box_depth;
    in->depth--;
    if (in->depth < BRACKETS_MAX)
        w->start = in->starts[in->depth];
    w->machine = in->depth ? in->box_depth == in->depth : is_machine;
}

bool dotnet_pretty_type(const char *type, bool is_machine, struct strbuf *out) {
    if (!strchr(type, '<'))
        return false;
    struct writing w = {out, out->len, is_machine};
    struct str s = str_of(type);
    struct brackets in = {.depth = 0};
    for (size_t i = 0; i < s.len;) {
        char c = s.ptr[i];
        bool begins = i == 0 || !(dotnet_is_name(s.ptr[i - 1]) || s.ptr[i - 1] == '`');
        struct generated g;
        if (c == '<' && begins && take_apart(str_drop(s, i), &g)) {
            i += g.length;
            generated_type(&w, &g, i < s.len && s.ptr[i] == '+');
            continue;
        }
        if (c == '<')
            bracket_opens(&in, &w, is_task_box(str_take(s, i)));
        else if (c == '>' && in.depth)
            bracket_closes(&in, &w, is_machine);
        strbuf_addc(out, c);
        i++;
        if (c == '<' || c == ',' || c == ' ') {
            w.start = out->len;
            w.machine = in.box_depth != 0 && in.box_depth == in.depth;
        }
    }
    return true;
}

/* -- Fields ------------------------------------------------------------------------------------ */

/* Kinds of fields that the compiler adds, by the character behind "<>". */
static const char *made_field(char kind, struct str rest) {
    switch (kind) {
    case '1':
        return "state";
    case '2':
        return "current";
    case '3':
        return NULL; /* a parameter, kept for a second enumeration: its own name follows */
    case '4':
        return str_eq(rest, STR("this")) ? "this" : NULL;
    case '7':
    case 's':
        return "temporary";
    case '8':
        return "closure";
    case '9':
        return "cached lambda";
    case 't':
        return "builder";
    case 'u':
        return "awaiter";
    default:
        return NULL;
    }
}

static void generated_field(const struct generated *g, struct str whole, struct strbuf *out) {
    const char *made = g->of.len ? NULL : made_field(g->kind, g->rest);
    if (made)
        strbuf_adds(out, made);
    else if (!g->of.len && g->kind == '3')
        strbuf_add(out, g->rest);
    else if (g->of.len && (g->kind == 'k' || g->kind == '5' || g->kind == 'P'))
        strbuf_add(out, g->of); /* property, local variable, parameter of a primary constructor */
    else
        strbuf_add(out, whole);
}

bool dotnet_pretty_field(const char *field, struct strbuf *out) {
    if (!strchr(field, '<'))
        return false;
    struct str s = str_of(field);
    for (size_t i = 0; i < s.len;) {
        struct generated g;
        /* "CS$<>8__locals1": what a closure sees of the one around it. */
        size_t skip = str_starts(str_drop(s, i), STR("CS$<")) ? 3 : 0;
        bool begins = i == 0 || !dotnet_is_name(s.ptr[i - 1]);
        if (s.ptr[i + skip] != '<' || !begins || !take_apart(str_drop(s, i + skip), &g)) {
            strbuf_addc(out, s.ptr[i++]);
            continue;
        }
        generated_field(&g, (struct str){s.ptr + i, g.length + skip}, out);
        i += g.length + skip;
    }
    return true;
}

/*
 * "Shop+<>c.<Run>b__0_1": the closure says nothing, the method in the brackets is the one that the
 * lambda, or the local function behind '|', was written in. C# names them so.
 */
bool dotnet_pretty_method(const char *method, struct strbuf *out) {
    const char *made = strstr(method, ".<"), *type_end = strstr(method, "+<>c");
    if (!made || (type_end && type_end > made))
        return false;
    while (strstr(made + 1, ".<") && !type_end)
        made = strstr(made + 1, ".<");
    const char *name = made + 1 + strspn(made + 1, "<"), *end = strpbrk(name, ">$");
    const char *close = end ? end + strspn(end, ">$") : NULL;
    if (!end || end == name || (strncmp(close, "b__", 3) != 0 && strncmp(close, "g__", 3) != 0))
        return false;
    strbuf_add(out, (struct str){method, (size_t)((type_end ? type_end : made) - method)});
    strbuf_addc(out, '.');
    strbuf_add(out, (struct str){name, (size_t)(end - name)});
    if (close[0] == 'b') {
        strbuf_adds(out, " lambda");
        return true;
    }
    strbuf_addc(out, '.');
    strbuf_add(out, (struct str){close + 3, strcspn(close + 3, "|")});
    return true;
}

/* -- State machines ---------------------------------------------------------------------------- */

/* The last type argument of the box in which an async method waits: its state machine. */
static struct str machine_of_box(const char *type) {
    struct str s = str_of(type);
    size_t at = str_find(s, STR("StateMachineBox<"), 0);
    if (at == STR_NOT_FOUND || !str_ends(s, STR(">")))
        return (struct str){NULL, 0};
    size_t from = at + strlen("StateMachineBox<");
    for (size_t depth = 0, i = from; i + 1 < s.len; i++) {
        depth += s.ptr[i] == '<';
        depth -= s.ptr[i] == '>' && depth;
        if (s.ptr[i] == ',' && !depth)
            from = i + 1;
    }
    return str_trim((struct str){s.ptr + from, s.len - 1 - from});
}

struct str dotnet_state_machine(const char *type, bool boxed_only) {
    struct str boxed = machine_of_box(type);
    if (boxed.len || boxed_only || !strstr(type, ">d__"))
        return boxed;
    return str_of(type);
}
