/*
 * A file that becomes shorter while it is read. Inputs are mapped, and who touches a page that is
 * no longer there gets SIGBUS: said in one line, with the status of an input that cannot be read.
 */
#ifndef DUMPDIFF_CMD_SHRUNK_H
#define DUMPDIFF_CMD_SHRUNK_H

/*
 * From now on such a signal ends the program with a message. Nothing is left behind: outputs are
 * written when inputs have been read, and have no name before they are whole.
 */
void shrunk_watch(void);

/* What is being read, for that message; NULL: nothing in particular. Copied, and cut if long. */
void shrunk_reading(const char *what);

#endif
