/*
 * ELF libraries of x64 for tests, out of the text of spec.h: two pages, of which the second is
 * where the code would be.
 *
 *   library   build=hex (its id)
 *   function  name begin size (in the second page, in order of begin); cfa: bytes from the stack
 *             pointer to behind the return address (8), or hex: its call frame instructions in
 * place of that
 *
 * It has symbols (.dynsym, DT_HASH), .eh_frame with its search table, and a build-id; no sections.
 */
#ifndef DUMPDIFF_TESTS_MK_LIBRARY_H
#define DUMPDIFF_TESTS_MK_LIBRARY_H

#include "tests/support/spec.h"

#include "base/bytes.h"

#define MK_LIBRARY_BYTES 8192u

/* Adds MK_LIBRARY_BYTES: a `library` line, and the `function` lines that follow it. */
void mk_library_add(const struct spec_line *library, const struct spec_line *end,
                    struct strbuf *out);

/* A file of one library. To be freed. */
struct bytes mk_library(const char *spec);

#endif
