/*
 * HPROF dumps for tests, out of a text that can be read and diffed.
 *
 * One line a thing: a word, then key=value; numbers as C writes them, text in double quotes (no
 * escapes). '#' starts a comment.
 *
 *   dump     version ("1.0.2") ids (8; 4) time (ms since 1970) end=0 (no end of the heap)
 *            one=1 (one HEAP_DUMP, no segments)
 *   class    id name super (id) statics, fields (letters of types, L for references: "JIL")
 *            names, static_names (of these, in their order), values (ids of the static references)
 *            loader (id) size (of an instance, Android) pseudo=1 (one more static,
 * <resolved_references>); load=0, dump=0 (left out there) string   id text (any other) object   id
 * class data (bytes; 0) times (1) step (bytes between ids; 16) refs (ids that its data begin with)
 *   array    id class length times step refs, and refs_from with refs_step for those behind
 *   values   id type (letter) length times step text (of bytes)
 *   root     tag bytes (behind the tag) id thread frame (the latter two of 8 bytes behind the id)
 *   frame    id method file class (its serial number: the first is 1) line
 *   trace    serial thread frames (ids)
 *   raw      hex (in the heap)
 *   segment  length (said in place of its own): what follows goes into a new one
 *   record   tag hex (a record of its own, before the heap)
 *
 * Strings, then classes loaded, come first; then the heap in the order of the text, with the
 * classes in front.
 */
#ifndef DUMPDIFF_TESTS_MK_HPROF_H
#define DUMPDIFF_TESTS_MK_HPROF_H

#include "base/bytes.h"

/* Bytes to be freed; dies with a message where the text is wrong. */
struct bytes mk_hprof(const char *spec);

#endif
