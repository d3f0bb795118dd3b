/*
 * Exception objects of the heap: how many of which type, with alike messages, thrown where.
 */
#ifndef DUMPDIFF_DOTNET_EXCEPTION_OBJECTS_H
#define DUMPDIFF_DOTNET_EXCEPTION_OBJECTS_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>
#include <stddef.h>

struct clr_heap;

/*
 * Fills PART_EXCEPTIONS: a row a type, class of messages and method that threw, most first. Those
 * that the runtime makes in advance and never threw are left out. What holds the objects was looked
 * for. Errors: ERR_NOMEM, ERR_LIMIT (row cap).
 */
bool exception_objects_report(struct clr_heap *h, struct err *err) MUST_CHECK;

/* One that the runtime makes when it starts, to throw it when nothing can be made any more? */
bool exception_made_in_advance(struct str type);

/*
 * The class of a message, of UTF-16 units: the same for texts that differ only in words with
 * digits and in what stands in quotes, by their beginning. Never 0.
 */
uint32_t exception_message_class(const uint8_t *units, size_t count);

#endif
