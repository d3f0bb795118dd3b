/*
 * "dumpdiff: reading before.core ..." on standard error, for what takes longer than a second, and
 * only on a terminal.
 */
#ifndef DUMPDIFF_CMD_PROGRESS_H
#define DUMPDIFF_CMD_PROGRESS_H

/* From now on this is being read; what was said before is wiped away. */
void progress_begin(const char *what);
/* Wipes away what was said. Call before anything else is printed. */
void progress_end(void);

#endif
