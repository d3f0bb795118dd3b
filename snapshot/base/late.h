/*
 * Libraries that are loaded when they are needed: what reads an ordinary transcript must not wait
 * for the twenty that unpack and unwind. In a static build (LINKED_STATICALLY) they are part of the
 * program, and the same tables of functions are filled from there.
 */
#ifndef DUMPDIFF_BASE_LATE_H
#define DUMPDIFF_BASE_LATE_H

#include "base/err.h"

#include <stddef.h>

typedef void late_address(void); /* of a function of whatever type */

struct late_function {
    const char *name;
    size_t offset;         /* of the pointer to it, in the structure that is filled */
    late_address *address; /* NULL: the loader knows it */
};

#ifdef LINKED_STATICALLY
#define LATE_ADDRESS(function) ((late_address *)(function))
#else
#define LATE_ADDRESS(function) NULL
#endif

/*
 * Tells who packs the program what it loads, as a note of the ELF file; what else would see that it
 * needs the library? Source: the UAPI group's "ELF metadata for dlopen()".
 */
#ifdef LINKED_STATICALLY
#define LATE_NOTE(soname, priority, feature) _Static_assert(sizeof(soname), "")
#else
#define LATE_NOTE(soname, priority, feature) \
    LATE_NOTE_OF("[{\"soname\":[\"" soname "\"],\"priority\":\"" priority \
                 "\",\"feature\":\"" feature "\"}]")
#define LATE_NOTE_OF(json) \
    static const struct { \
        uint32_t owner_bytes, text_bytes, type; \
        char owner[4], text[sizeof(json)]; \
    } late_note __attribute__((used, section(".note.dlopen"), aligned(4))) = { \
        4, sizeof(json), 0x407c0c0a, "FDO", json}
#endif

#define LATE_FUNCTION(type, function) \
    { #function, offsetof(type, function), LATE_ADDRESS(function) }

/*
 * Loads `soname` and writes the addresses of its functions into `api`. Returns the library, for
 * late_unload(). `purpose` begins the error: "unpacking".
 * Errors: ERR_SYSTEM (it is not installed, or lacks a function); NULL then, and nothing is loaded.
 */
void *late_load(const char *soname, const char *purpose, const struct late_function *functions,
                size_t count, void *api, struct err *err) MUST_CHECK;
void late_unload(void *library); /* NULL: nothing to do */

#endif
