/* Names that compilers make, and names that nobody wrote for this program. */
#include "diff/series/series_internal.h"

#include <string.h>

static bool compiler_names_is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool compiler_names_is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool compiler_names_is_word(char c) {
    return compiler_names_is_digit(c) || compiler_names_is_letter(c) || c == '_';
}

/* Length of an ordinal "12", "12_0", "12_0#1" at s; 0 when there is none or a word goes on. */
static size_t ordinal(struct str s) {
    size_t i = 0;
    while (i < s.len && compiler_names_is_digit(s.ptr[i])) {
        while (i < s.len && compiler_names_is_digit(s.ptr[i]))
            i++;
        if (i + 1 < s.len && (s.ptr[i] == '_' || s.ptr[i] == '#' || s.ptr[i] == '-') &&
            compiler_names_is_digit(s.ptr[i + 1]))
            i++;
    }
    return i && (i == s.len || !compiler_names_is_word(s.ptr[i])) ? i : 0;
}

/*
 * Roslyn's GeneratedNames: ">" closes the name of the method it was made for, one character says
 * the kind, "__" follows. "y" is left alone: the number of an inline array is its length.
 */
static bool is_generated(struct str s) {
    return s.len > 4 && s.ptr[0] == '>' && compiler_names_is_word(s.ptr[1]) && s.ptr[1] != 'y' &&
           s.ptr[2] == '_' && s.ptr[3] == '_';
}

/* Appends the name of what is_generated() without its ordinal; returns the bytes used up. */
static size_t add_generated(struct str s, struct strbuf *out) {
    size_t word = 4;
    while (word < s.len && (s.ptr[1] == 'g' ? s.ptr[word] != '|' && s.ptr[word] != '('
                                            : compiler_names_is_letter(s.ptr[word])))
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

void series_normal_name(struct str name, struct strbuf *out) {
    static const struct str closure = {"_Closure$__", 11}; /* Visual Basic */
    size_t from = 0, i = 0;
    while (i < name.len) {
        struct str rest = str_drop(name, i);
        bool basic = rest.ptr[0] == '_' && str_starts(rest, closure);
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
    strbuf_add(out, str_drop(name, from));
}

bool series_name_is_generated(const struct series *s, const char *name) {
    if (s->options.exact_names)
        return false;
    for (const char *p = strchr(name, '_'); p; p = strchr(p + 1, '_'))
        if (p[1] == '_')
            return true;
    return false;
}

const char *series_join_name(struct series *s, const char *name, struct strbuf *scratch) {
    if (!series_name_is_generated(s, name))
        return name;
    strbuf_clear(scratch);
    series_normal_name(str_of(name), scratch);
    if (strbuf_failed(scratch))
        return NULL;
    if (str_eq(strbuf_str(scratch), str_of(name)))
        return name;
    return arena_copy(&s->arena, scratch->ptr, scratch->len);
}

#define WORD(text) \
    { (text), sizeof(text) - 1 }

/* The first character decides nearly always, so that most names cost one look a line. */
static bool compiler_names_is_in(struct str name, const struct str *words, size_t count,
                                 bool whole) {
    for (size_t i = 0; i < count; i++)
        if (words[i].ptr[0] == name.ptr[0] &&
            (whole ? str_eq(name, words[i]) : str_starts(name, words[i])))
            return true;
    return false;
}

bool series_is_framework(const char *type_name) {
    static const struct str prefixes[] = {
        WORD("System."),
        WORD("Microsoft."),
        WORD("Internal."),
        WORD("Interop+"),
        WORD("MS.Internal."),
        WORD("MS.Win32."),
        WORD("Windows."),
        WORD("java."),
        WORD("javax."),
        WORD("jdk."),
        WORD("sun."),
        WORD("com.sun."),
        WORD("[B"),
        WORD("[C"),
        WORD("[I"),
        WORD("[J"),
        WORD("[S"),
        WORD("[Z"),
        WORD("[F"),
        WORD("[D"),
        WORD("[["),
        WORD("[Ljava."),
        WORD("[Ljdk."),
        WORD("[Lsun."),
        WORD("<constMethodKlass>"),
        WORD("<methodKlass>"),
        WORD("<unknown"),
        WORD("<PrivateImplementationDetails>"),
        WORD("<CppImplementationDetails>"),
    };
    /* What tools print without a namespace, or cannot name. */
    static const struct str names[] = {
        WORD("Free"),    WORD("String"),    WORD("String[]"), WORD("Object"),  WORD("Object[]"),
        WORD("Byte[]"),  WORD("Char[]"),    WORD("Int32[]"),  WORD("Int64[]"), WORD("Double[]"),
        WORD("UNKNOWN"), WORD("UNKNOWN[]"), WORD("Interop"),
    };
    struct str name = str_of(type_name);
    return name.len == 0 ||
           compiler_names_is_in(name, prefixes, sizeof(prefixes) / sizeof(*prefixes), false) ||
           compiler_names_is_in(name, names, sizeof(names) / sizeof(*names), true);
}
