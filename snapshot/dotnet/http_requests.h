/* HTTP requests that are being answered, and those that were made and have no answer yet. */
#ifndef DUMPDIFF_DOTNET_HTTP_REQUESTS_H
#define DUMPDIFF_DOTNET_HTTP_REQUESTS_H

#include "base/str.h"

struct clr_heap;

/*
 * Fills PART_REQUESTS, a row a direction, state, method, host and path, most first. It is absent
 * where neither Kestrel nor HttpClient is loaded, or where what they keep is not known in this
 * build. What holds the objects was looked for. Errors: ERR_NOMEM, ERR_LIMIT (row cap).
 */
bool http_requests_report(struct clr_heap *h, struct err *err) MUST_CHECK;

/*
 * Appends a path without what tells whom it is about: "/orders/17/lines?token=x" as
 * "/orders/{}/lines". A segment that has a digit, is longer than 24 bytes or has other characters
 * than those of words becomes {}; query and fragment are left out.
 */
void http_path_mask(struct str path, struct strbuf *out);

/* Splits "http://user@host:80/path?query"; both are parts of uri. false: it is no absolute one. */
bool http_uri_split(struct str uri, struct str *ret_host, struct str *ret_path) MUST_CHECK;

#endif
