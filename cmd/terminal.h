/* What the terminal is and can do, and the pager that stands between a report and it. */
#ifndef DUMPDIFF_CMD_TERMINAL_H
#define DUMPDIFF_CMD_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

/* Does standard output end on a terminal, be it through the pager? */
bool terminal_on_stdout(void);

/* [columns] of that terminal; 0: there is none, or it does not say. */
uint32_t terminal_width(void);

/*
 * Is what goes to standard output to be coloured, where nobody said so? NO_COLOR (not empty) never,
 * CLICOLOR_FORCE (neither empty nor 0) always, else on terminals but TERM=dumb and CLICOLOR=0.
 *
 * Sources: no-color.org; bixense.com/clicolors.
 */
bool terminal_color(void);

/* Does the locale of the environment (LC_ALL, LC_CTYPE, LANG: the first that is set) say UTF-8? */
bool terminal_utf8(void);

/*
 * Puts a pager before the terminal, as git does: DUMPDIFF_PAGER, else PAGER, else `less` with LESS
 * set to FRX and LV to -c where they are not set; an empty one and `cat` are none. Nothing happens
 * where standard output is no terminal, or a dumb one. To be called before the sandbox is entered:
 * the pager waits outside of it, and starts when the first byte comes, so that errors, progress and
 * commands that print nothing never meet it.
 */
void pager_begin(void);

/* A report is about to be written: Ctrl-C is the pager's from now on. Nothing where there is none.
 */
void pager_writes(void);

/* Ends what the pager reads, and waits until whoever reads it has seen enough. */
void pager_end(void);

#endif
