/*
 * Pieces of debugger output that several sections read: fields, addresses, durations, symbols, and
 * the book-keeping about rows that were left out.
 */
#ifndef DUMPDIFF_INPUT_LOG_SCAN_H
#define DUMPDIFF_INPUT_LOG_SCAN_H

#include "input/log/transcript.h"

/* Splits at blanks; at most `max` fields, the rest of the line goes to *ret_rest (may be NULL). */
size_t scan_fields(struct str s, struct str *ret_fields, size_t max, struct str *ret_rest);

/* Splits the last field off *rest; empty when there is none. */
struct str scan_last_field(struct str *rest);

/*
 * Hex of 8 to 17 digits as debuggers print addresses: "00002af0", "7ffd`d8ac0000", "0x...".
 * scan_address, false: it is none.
 */
bool scan_is_address(struct str field);
bool scan_address(struct str field, uint64_t *ret_value) MUST_CHECK;

/*
 * The whole field is "0 days 0:27:19.817", "0:27:19.817" or, of debuggers of Windows XP's time,
 * "0:27:19.0817": there four digits are milliseconds with a leading zero, not a fraction. [ns]
 * false: it is none.
 */
bool scan_duration(struct str s, uint64_t *ret_ns) MUST_CHECK;

/* "Label:  123" with that label (compared without case, blanks before the colon allowed). */
bool scan_labelled(struct str s, const char *label, struct str *ret_value);

/* "module!Function<T>+0x1c [d:\a.cpp @ 12]" without offset and source. */
struct str scan_without_offset(struct str symbol);

/* "Ns.Type.Method(Args) [/src/a.cs @ 12]" or "... + 12 at /src" without what comes behind. */
struct str scan_without_source(struct str frame);

/* Number of the thread of a prompt ("0:045> k") or of a command ("~12e !clrstack"), ABSENT: none.
 */
uint64_t scan_command_thread(struct str command_line);

/* What a section could not use. scan_loss_report turns it into warnings. */
struct scan_loss {
    uint64_t elided;   /* lines that say that rows were left out */
    uint64_t unparsed; /* lines that look like rows but are not understood */
    uint64_t differ;   /* values said before, and differently */
};

/* Counts and consumes the line when it is an elision. */
bool scan_elision(struct transcript *t, struct scan_loss *loss);

/*
 * Hands the lines of a table to `take`, one by one, until it says that one is not its own (which
 * stays the current line) or the text ends. Blank lines and elisions are passed over, these
 * counted. Errors: those of take.
 */
bool scan_table(struct transcript *t, struct scan_loss *loss,
                bool (*take)(void *context, bool *ret_mine, struct err *err), void *context,
                struct err *err) MUST_CHECK;

void scan_loss_report(const struct transcript *t, const struct scan_loss *loss);

/* As builder_say, but only counts what differs: for tables of many rows. */
void scan_say(uint64_t *field, uint64_t value, struct scan_loss *loss);

#endif
