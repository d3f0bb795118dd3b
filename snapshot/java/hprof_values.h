/*
 * What single objects of a Java heap hold: fields by their names, and texts where a name is wanted.
 */
#ifndef DUMPDIFF_JAVA_HPROF_VALUES_H
#define DUMPDIFF_JAVA_HPROF_VALUES_H

#include "java/hprof_shapes.h"

/* A field of an object; its bytes as the file has them. */
struct hprof_value {
    const uint8_t *at;
    unsigned type; /* HPROF_OBJECT and so on */
};

/* false: there is no such object, or no such field. */
bool hprof_field(const struct hprof_shapes *s, uint64_t object, const char *name,
                 struct hprof_value *ret);
/* The object that a field refers to; 0: none, or as above. */
uint64_t hprof_field_object(const struct hprof_shapes *s, uint64_t object, const char *name);
/* The same of a field that the class `of` declares, where those below it have one of that name. */
uint64_t hprof_field_object_of(const struct hprof_shapes *s, uint64_t object, const char *of,
                               const char *name);
/* A static field of the class of that name ("java/lang/ref/Finalizer"); 0 as above. */
uint64_t hprof_static_object(const struct hprof_shapes *s, const char *class_name,
                             const char *name);

/* The class of an instance; NULL: it is none, or is not there. */
const struct hprof_class *hprof_class_of(const struct hprof_shapes *s, uint64_t object);

/* Appends the text of a String, up to `most` characters; nothing: it is none. */
void hprof_text(const struct hprof_shapes *s, uint64_t string, size_t most, struct strbuf *out);
/* The same of a sub-record of an array of characters. */
void hprof_characters(const uint8_t *array, unsigned ids, size_t most, struct strbuf *out);

#endif
