/*
 * Was a text wrapped, or has each of its lines something in front? It is read as it is and in other
 * ways, and what these readings say is compared.
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

/*
 * The text without what stands in front of, or around, nearly all of its lines (covered_text.h), in
 * *bare, which is empty, if more is understood then; else as it is. Lack of memory sticks in bare.
 */
struct str uncovered_read(struct str text, wrapped_reader *read, struct strbuf *bare);

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
