/*
 * Text as those keep it who collect the output of programs: each line with the time, the host, the
 * container or the unit in front.
 *
 *     2031-02-03T04:05:06.123456789Z line              kubectl logs --timestamps, docker logs -t
 *     [pod/till-0/till] line                           kubectl logs --prefix
 *     till-1  | line                                   docker compose logs
 *     2031-02-03T04:05:06.123456789Z stdout F line     files of a container runtime (CRI)
 *     Feb 03 04:05:06 quay till[812]: line             journalctl, syslog
 *     2031-02-03T04:05:06+0100 quay till[812]: line    journalctl -o short-iso, rsyslog
 *
 * That is taken off where nearly every line has it, as the marks of a quotation are. Where several
 * sources wrote in turns, the lines of each stand together then, and pieces of a line (CRI's "P")
 * are one.
 *
 * Source: kubectl-logs, docker-logs and docker-compose-logs(1), journalctl(1) of their projects;
 * RFC 3164, RFC 5424; the log format of the Container Runtime Interface.
 */
#ifndef DUMPDIFF_INPUT_LOG_KEPT_TEXT_H
#define DUMPDIFF_INPUT_LOG_KEPT_TEXT_H

#include "base/str.h"

/* Has nearly every line such a thing in front, and all of them the same? */
bool kept_text_probe(struct str text);

/*
 * Appends the text without it; lines that have none stay with the one before, and all keep their
 * ends. No longer than the text and one line end. Lack of memory sticks in out.
 */
void kept_text_add(struct strbuf *out, struct str text);

#endif
