/*
 * Paths of what holds objects, for people.
 */
#ifndef DUMPDIFF_NAMES_PATH_TEXT_H
#define DUMPDIFF_NAMES_PATH_TEXT_H

#include "base/str.h"

struct path_step {
    const char *edge; /* by which the step before holds this one; NULL on the first */
    const char *type;
};

/*
 * "static P.cache -> LeakyCache<...>.Map -> Dictionary._entries -> [].value -> CacheEntry", with
 * arrows. Names that compilers made are told as in the source.
 *
 * full  every step with its whole type; otherwise types are short and runs in the middle are left
 *       out
 * last  whether the type of the last step ends the text, or the edge that leads to it
 */
void path_text(const char *root, const struct path_step *steps, uint32_t count, bool full,
               bool last, struct strbuf *out);

/* The same, and of what is left out in the middle not the step `keep`, nor the one before it, whose
 * field holds it: by that people know what it is. */
#define PATH_KEEP_ENDS UINT32_MAX
void path_text_keeping(const char *root, const struct path_step *steps, uint32_t count, bool full,
                       bool last, uint32_t keep, struct strbuf *out);

/* Name of a type without namespaces: "Dictionary<String, CacheEntry>+Entry[]". Appends. */
void path_short_type(const char *type, struct strbuf *out);

/* A type as short paths show it: "Dictionary", "async Worker.RunAsync". Appends. */
void path_type_text(const char *type, struct strbuf *out);

#endif
