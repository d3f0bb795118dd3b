/*
 * Was a text wrapped? It is read as it is and with its lines joined in several ways, and what these
 * readings say is compared.
 */
#ifndef DUMPDIFF_INPUT_LOG_WRAPPED_READING_H
#define DUMPDIFF_INPUT_LOG_WRAPPED_READING_H

#include "base/err.h"
#include "base/str.h"
#include "model/builder.h"

/*
 * Reads a text into a builder, and says how many of its lines nothing was read of. Errors: its own.
 */
typedef bool wrapped_reader(struct str text, struct builder *b, uint64_t *ret_unread,
                            struct err *err);

struct wrapped {
    bool joined;     /* the text with its lines joined is the better one */
    uint64_t doubts; /* PART_BITs of what it says that may be wrong */
};

/* If lines are to be joined, makes *joined, which is empty, that text. Lack of memory sticks in it.
 */
struct wrapped wrapped_read(struct str text, wrapped_reader *read, struct strbuf *joined);

/* Tells the snapshot of that text that lines were joined, and what is not sure for it. */
void wrapped_say(const struct wrapped *w, struct builder *b);

#endif
