/*
 * Answers on their way out of the process that read the dump (cmd/apart.h). Not kept in any file:
 * whoever writes and whoever reads them are one program, but the writer has seen the dump, and may
 * no longer be what it was.
 */
#ifndef DUMPDIFF_MODEL_ANSWERS_WIRE_H
#define DUMPDIFF_MODEL_ANSWERS_WIRE_H

#include "base/bytes.h"
#include "model/answers.h"

/* Appends what was answered. Errors: ERR_NOMEM. */
bool answers_encode(const struct answers *a, struct strbuf *out, struct err *err) MUST_CHECK;

/*
 * Fills in answers that were initialised with the same question. Refused is what no reader answers:
 * numbers of rows that are not there, text that is not clean.
 * Errors: ERR_FORMAT, ERR_TRUNCATED, ERR_LIMIT, ERR_NOMEM.
 */
bool answers_decode(struct answers *a, struct reader *r, struct err *err) MUST_CHECK;

#endif
