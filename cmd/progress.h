/*
 * What is being read and how far it is, on standard error, each second from the first one on: on a
 * terminal as one line that changes, for programs (--progress json) as one line of JSON each time.
 */
#ifndef DUMPDIFF_CMD_PROGRESS_H
#define DUMPDIFF_CMD_PROGRESS_H

#include "base/meter.h"

#include <stddef.h>

enum progress_mode { PROGRESS_AUTO, PROGRESS_JSON, PROGRESS_NEVER };

/*
 * From now on this is being read, or waited for; what was said before is wiped away. meter: in
 * which it is counted; NULL: nobody counts.
 */
void progress_begin(const char *what, enum progress_mode mode, const struct meter *meter);
/* Wipes away what was said. Call before anything else is printed. */
void progress_end(void);

#define PROGRESS_MAX 512
/*
 * The line that says so: "dumpdiff: reading before.core: heap 512 MiB of 1.4 GiB, 37 %, 480 MiB/s",
 * or as JSON with a line end. name: clean, of JSON with what that escapes. before: [bytes] done a
 * second ago. Calls nothing that a handler of a signal may not; the length of the line.
 */
size_t progress_line(char line[PROGRESS_MAX], const char *name, enum meter_work work, uint64_t done,
                     uint64_t total, uint64_t before, enum progress_mode mode);

#endif
