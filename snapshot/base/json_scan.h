/*
 * JSON read once from one end to the other, in place: whoever reads knows what he looks for, and
 * passes over the rest. Nothing is kept, and nothing is deeper than a loop.
 *
 * The first thing that is no JSON, and the end of the text, set `bad`, which sticks: a list or an
 * object that is read ends there, strings are empty and numbers absent. To be asked at the end.
 */
#ifndef DUMPDIFF_BASE_JSON_SCAN_H
#define DUMPDIFF_BASE_JSON_SCAN_H

#include "base/str.h"

#include <stdint.h>

/* Objects and lists within one another; deeper ones are bad. */
#define JSON_SCAN_DEPTH_MOST 64u

struct json_scan {
    struct str rest; /* not read yet; borrowed */
    bool bad;
};

/* The next character that is no blank, '\0' at the end; it is not passed over. */
char json_scan_peek(struct json_scan *j);

/* Passes over it if it comes next. */
bool json_scan_take(struct json_scan *j, char c);
/* The same; that it does not is bad. */
bool json_scan_want(struct json_scan *j, char c);

/* Another member of an object, or item of a list, behind its bracket? first: set before the first
 * of them. */
bool json_scan_more(struct json_scan *j, char end, bool *first);
/* The next key of an object, as it stands; false at its end. */
bool json_scan_key(struct json_scan *j, bool *first, struct str *ret_key);

/* A string as it stands, without its quotes, its escapes in it. */
struct str json_scan_raw_string(struct json_scan *j);
/* A string in `out`, which it clears first, its escapes resolved: blanks for those of controls. */
struct str json_scan_string(struct json_scan *j, struct strbuf *out);
/* Appends what stands between the quotes of a string, its escapes resolved. */
void json_scan_resolve(struct str raw, struct strbuf *out);

/* UINT64_MAX: it is none that is whole and not below zero. */
uint64_t json_scan_number(struct json_scan *j);

/* Passes over any value. */
void json_scan_skip(struct json_scan *j);

#endif
