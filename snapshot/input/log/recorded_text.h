/*
 * Text as it is kept or sent inside of something else, which says so itself:
 *
 *     {"log":"line\n","stream":"stdout","time":"..."}      a file of docker's json-file driver
 *     {"MESSAGE":"line","_PID":"812",...}                  journalctl -o json
 *     {"message":"line",...}, {"msg":...}, {"textPayload":...}   collectors of logs
 *     a line that is too long goes on =                    quoted-printable, of a mailer's file
 *
 * Each is put back to what was printed.
 *
 * Source: the JSON file logging driver of Docker; Journal Export Formats of systemd; RFC 8259;
 * RFC 2045, 6.7.
 */
#ifndef DUMPDIFF_INPUT_LOG_RECORDED_TEXT_H
#define DUMPDIFF_INPUT_LOG_RECORDED_TEXT_H

#include "base/str.h"

/* Is nearly every line a record with a line in it, or all of it quoted-printable? */
bool recorded_text_probe(struct str text);

/*
 * Appends what was printed; records without a line are left out, and lines that are no records
 * stay. No longer than the text and one line end. Lack of memory sticks in out.
 */
void recorded_text_add(struct strbuf *out, struct str text);

#endif
