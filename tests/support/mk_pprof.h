/*
 * profile.proto files for tests, out of a text that can be read and diffed.
 *
 * One line a thing: a word, then key=value (see spec.h). Ids are numbers of lines, from 1.
 *
 *   profile  type unit (of the period) period time drop (drop_frames)
 *   type     name unit (of a value of the samples)
 *   mapping  start limit offset file build_id
 *   function name
 *   location mapping address functions="1 2" (the innermost first)
 *   sample   locations="1 2" values="3 4 -5" size (label "bytes") packed=0 (numbers one by one)
 */
#ifndef DUMPDIFF_TESTS_MK_PPROF_H
#define DUMPDIFF_TESTS_MK_PPROF_H

#include "base/bytes.h"

/* Bytes to be freed; dies with a message where the text is wrong. */
struct bytes mk_pprof(const char *spec);

#endif
