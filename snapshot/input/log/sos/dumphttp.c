/*
 * dumphttp: requests that HttpClient made; those without a status have no answer.
 *
 *            Address      MethodTable Method StatusCode Uri
 *       7f81178939b0     7f8cf9eda468 GET           200 http://127.0.0.1:5101/orders/17
 *       7f8117894928     7f8cf9eda468 GET               http://127.0.0.1:5101/orders/18
 *   Total 2 requests
 *
 * Of HTTP/2 and later a request has its answer, with the status 200, before that has come.
 *
 * dumprequests: requests that Kestrel answers.
 *
 *   Address      Method Scheme Url
 *   7f81178b4f78 GET    http   /orders/19?token=secret
 *   Found 1 active requests
 *
 * Paths are masked as those of raw dumps are: they are texts of the heap.
 */
#include "base/hash.h"
#include "base/num.h"
#include "dotnet/http_requests.h"
#include "input/log/scan.h"
#include "model/known_names.h"
#include "model/rows_process.h"
#include "model/snapshot.h"

#include <string.h>

#define STATUS_MOST 999u
#define STATUS_OK   200u

struct requests_said {
    struct transcript *t;
    struct scan_loss loss;
    uint64_t requests, printed; /* printed: ABSENT, the closing line is missing */
    uint64_t ok_said;           /* [count] whose status is 200 */
    bool out;
    bool keep;
};

struct request_said {
    struct str method, uri;
    bool answered, is_ok; /* is_ok: with 200 */
};

static bool is_http_method(struct str field) {
    static const char *const methods[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                          "OPTIONS", "CONNECT", "TRACE", "PATCH"};
    return STR_IS_ONE_OF(field, methods);
}

static bool parse_request(struct str text, bool out, struct request_said *ret) {
    uint64_t number;
    if (!scan_address(str_next_field(&text), &number) ||
        (out && !scan_address(str_next_field(&text), &number)))
        return false;
    ret->method = str_next_field(&text);
    if (!is_http_method(ret->method))
        return false;
    struct str rest = text, field = str_next_field(&rest);
    ret->answered = out && num_dec(field, &number) && number <= STATUS_MOST;
    ret->is_ok = ret->answered && number == STATUS_OK;
    if (ret->answered || !out) /* the status, or the scheme */
        text = rest;
    ret->uri = str_trim(text);
    return ret->uri.len > 0;
}

/* Shared by both: a row, or one more of it. */
static bool add_row(struct requests_said *r, const struct request_said *request, struct str host,
                    struct str path, struct err *err) {
    struct builder *b = r->t->b;
    uint64_t key =
        hash_combine(hash_combine(hash_bytes(host.ptr, host.len), hash_bytes(path.ptr, path.len)),
                     hash_bytes(request->method.ptr, request->method.len) + r->out);
    struct request_row *row = builder_find(b, PART_REQUESTS, key);
    const char *direction = r->out ? REQUEST_OUT : REQUEST_IN;
    if (row && strcmp(row->direction, direction) == 0 && str_eq(str_of(row->path), path) &&
        str_eq(str_of(row->host), host) && str_eq(str_of(row->method), request->method)) {
        row->count++;
        return true;
    }
    row = builder_row(b, PART_REQUESTS, err);
    if (!row)
        return false;
    row->count = 1;
    row->direction = direction;
    row->method = builder_string(b, request->method, err);
    row->path = builder_string(b, path, err);
    if (host.len)
        row->host = builder_string(b, host, err);
    return row->method && row->path && (!host.len || row->host) &&
           builder_index(b, PART_REQUESTS, key, err);
}

static bool add_said(struct requests_said *r, const struct request_said *request, struct err *err) {
    struct str host = STR(""), path = request->uri;
    struct strbuf masked;
    r->requests++;
    r->ok_said += request->is_ok;
    if (!r->keep || request->answered)
        return true;
    if (r->out && (!http_uri_split(request->uri, &host, &path) || !path.len))
        path = STR("/");
    strbuf_init(&masked);
    http_path_mask(path, &masked);
    bool ok = strbuf_ok(&masked, err) && add_row(r, request, host, strbuf_str(&masked), err);
    strbuf_deinit(&masked);
    return ok;
}

/* "Total 9 requests", "Found 4 active requests" */
static bool requests_end(struct str text, uint64_t *ret_count) {
    static const char *const words[] = {"Total", "Found"};
    uint64_t count;
    if (!STR_IS_ONE_OF(str_next_field(&text), words) ||
        !num_grouped(str_next_field(&text), &count) || !str_ends(text, STR("requests")))
        return false;
    *ret_count = count;
    return true;
}

static bool requests_take(void *context, bool *ret_mine, struct err *err) {
    struct requests_said *r = context;
    struct request_said request;
    *ret_mine = r->printed == ABSENT;
    if (!*ret_mine || requests_end(r->t->line.text, &r->printed))
        return true;
    if (parse_request(r->t->line.text, r->out, &request))
        return add_said(r, &request, err);
    *ret_mine = false;
    return true;
}

/* The heading, and of which command it is. */
static bool is_heading_of(struct str text, bool *ret_out) {
    static const char *const out[] = {"Address", "MethodTable", "Method", "StatusCode", "Uri"};
    static const char *const in[] = {"Address", "Method", "Scheme", "Url"};
    struct str rest = text;
    uint32_t of_out = 0, of_in = 0, count = 0;
    for (struct str field; count < 6 && (field = str_next_field(&rest)).len; count++) {
        of_out += count < 5 && str_eq(field, str_of(out[count]));
        of_in += count < 4 && str_eq(field, str_of(in[count]));
    }
    *ret_out = count == 5 && of_out == 5;
    return *ret_out || (count == 4 && of_in == 4);
}

static bool dumphttp_starts(const struct transcript *t) {
    bool out;
    return str_first(t->line.text) == 'A' && is_heading_of(t->line.text, &out);
}

/* The other command may have been read: then the part is there, and these are more. */
static bool is_said_already(struct transcript *t, bool out) {
    uint32_t count;
    const struct request_row *rows = builder_rows(t->b, PART_REQUESTS, &count);
    for (uint32_t i = 0; i < count; i++)
        if ((strcmp(rows[i].direction, REQUEST_OUT) == 0) == out)
            return true;
    return false;
}

static bool dumphttp_read(struct transcript *t, struct err *err) {
    struct requests_said r = {.t = t, .printed = ABSENT};
    (void)!is_heading_of(t->line.text, &r.out);
    r.keep = !is_said_already(t, r.out);
    builder_present(t->b, PART_REQUESTS);
    transcript_next(t);
    if (!scan_table(t, &r.loss, requests_take, &r, err))
        return false;
    scan_loss_report(t, &r.loss);
    const char *name = r.out ? "dumphttp" : "dumprequests";
    /* One tells of those that go out, the other of those that come in. */
    if (!is_said_already(t, !r.out))
        transcript_picked(t);
    else if (r.printed != ABSENT)
        transcript_ended(t);
    if (r.ok_said && r.keep) {
        static const char why[] =
            "dumphttp: requests by HTTP/2 that wait are printed as answered with 200";
        builder_note(t->b, "%s: up to %llu may be here", why, (unsigned long long)r.ok_said);
        builder_absent(t->b, PART_BIT(PART_REQUESTS), ASPECT_ROWS, r.ok_said, "%s", why);
    }
    if (r.printed == ABSENT)
        transcript_lacks(t, ABSENT, "%s: the list ends without its number of requests", name);
    else if (r.printed != r.requests)
        builder_warn(t->b, r.printed > r.requests ? r.printed - r.requests : r.requests - r.printed,
                     "%s: the list differs from its printed number of requests", name);
    transcript_command_done(t);
    return true;
}

const struct section section_dumphttp = {
    .name = "dumphttp",
    .summary = "HTTP requests without an answer: dumphttp, dumprequests (SOS)",
    .may_give = PART_BIT(PART_REQUESTS),
    .open_parts = PART_BIT(PART_REQUESTS),
    .starts = dumphttp_starts,
    .read = dumphttp_read,
};
