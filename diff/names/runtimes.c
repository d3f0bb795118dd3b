#include "diff/names/runtimes.h"

extern const struct runtime_words words_of_dotnet, words_of_java, words_of_go, words_of_python,
    words_of_node;

const struct runtime_words *const runtime_table[] = {
    &words_of_dotnet, &words_of_java, &words_of_go, &words_of_python, &words_of_node, NULL,
};

const char made_signs[] = "_$A(/";

/* Of origin_row.runtime; NULL or unknown: the first. */
static const struct runtime_words *runtime_of(const char *runtime) {
    for (size_t i = 0; runtime && runtime_table[i]; i++)
        if (words_begin(&runtime_table[i]->runtimes, str_of(runtime)))
            return runtime_table[i];
    return runtime_table[0];
}

const char *runtime_advice(const char *runtime, enum advice advice) {
    const char *own = runtime_of(runtime)->advice[advice];
    return own ? own : runtime_table[0]->advice[advice];
}

/* -- Words ------------------------------------------------------------------------------------- */

/* The first or last character decides nearly always: most names cost one look a word. */
bool words_begin(const struct words *words, struct str text) {
    for (size_t i = 0; text.len && i < words->count; i++)
        if (str_first(words->items[i]) == str_first(text) && str_starts(text, words->items[i]))
            return true;
    return false;
}

bool words_begin_nocase(const struct words *words, struct str text) {
    for (size_t i = 0; i < words->count; i++)
        if (str_starts_nocase(text, words->items[i]))
            return true;
    return false;
}

bool words_end(const struct words *words, struct str text) {
    for (size_t i = 0; text.len && i < words->count; i++) {
        const struct str *word = &words->items[i];
        if (str_last(*word) == str_last(text) && str_ends(text, *word))
            return true;
    }
    return false;
}

bool words_within(const struct words *words, struct str text) {
    for (size_t i = 0; i < words->count; i++)
        if (str_contains(text, words->items[i]))
            return true;
    return false;
}

bool words_are(const struct words *words, struct str text) {
    for (size_t i = 0; text.len && i < words->count; i++)
        if (str_first(words->items[i]) == str_first(text) && str_eq(text, words->items[i]))
            return true;
    return false;
}

bool runtimes_say(bool (*test)(const struct words *, struct str), size_t list, struct str text) {
    for (size_t i = 0; runtime_table[i]; i++) {
        const void *words = (const char *)runtime_table[i] + list;
        if (((const struct words *)words)->count && test(words, text))
            return true;
    }
    return false;
}
