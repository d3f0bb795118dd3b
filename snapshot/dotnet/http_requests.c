/*
 * Kestrel has an object for each connection (HTTP/1) or stream (2, 3), which says how far its
 * request has got. HttpClient runs an async method for each request until the answer begins, and
 * its connections and streams know the request that they carry.
 *
 * Paths and hosts are texts of the heap: of what is answered the pattern of the route is told,
 * which the program has, of all else a path without what is particular. Contents, when they are
 * asked for, are the whole.
 *
 * Source: HttpProtocol.cs, Http1Connection.cs (Kestrel); HostingApplication.cs; RouteEndpoint.cs,
 * RoutePattern.cs; HttpConnectionPool.cs, HttpConnection.cs, Http2Stream.cs, HttpRequestMessage.cs
 * (System.Net.Http).
 */
#include "dotnet/http_requests.h"

#include "base/chars.h"
#include "base/order.h"
#include "base/vec.h"
#include "dotnet/async.h"
#include "dotnet/clr_heap.h"
#include "dotnet/heap_clocks.h"
#include "model/known_names.h"
#include "model/rows_process.h"

#include <stdlib.h>
#include <string.h>

/* Requests that are told of; all are of little use. */
#define REQUESTS_MAX 100000u
/* [bytes] of a segment of a path that is shown. */
#define SEGMENT_MAX 24u

/* HttpProtocol._requestProcessingStatus */
#define STATUS_RUNNING   3u
#define STATUS_RESPONSE  4u
#define STATUS_COMPLETED 6u

#define HOST_CONTEXT \
    "<Microsoft.AspNetCore.Hosting.Server.Abstractions.IHostContextContainer<TContext>." \
    "HostContext>k__BackingField"

enum request_thing {
    REQUEST_NONE,
    REQUEST_ANSWERED, /* Kestrel's */
    REQUEST_SENDING,  /* the async method of a request */
    REQUEST_CARRIED,  /* a connection or stream that carries one */
};

/* What a type of the graph is. */
struct request_type {
    enum request_thing thing;
    enum clock_thing clock;
    struct async_box box; /* REQUEST_SENDING */
    bool stream;          /* REQUEST_ANSWERED: of HTTP/2 or 3 */
};

/* A request that was found. */
struct request {
    uint64_t object; /* Kestrel's, or the HttpRequestMessage */
    uint64_t source; /* of its CancellationToken; 0: none */
    uint32_t status; /* Kestrel's */
    bool out, carried;
};

struct requests {
    struct clr_heap *h;
    struct modules *m;
    struct clr *clr;
    struct request_type *types; /* by number of the graph's type */
    struct heap_clocks clocks;
    struct request *items;
    uint32_t count, capacity;
    struct u64map by_object;
    bool loaded, unknown;
    struct strbuf path, host, key;
    struct err err;
};

/* -- Fields ------------------------------------------------------------------------------------ */

static uint64_t request_ref(struct requests *r, uint64_t object, const char *field) {
    uint64_t mt, value;
    uint32_t at = clr_object_mt(r->clr, object, &mt) ? type_field_offset(r->m, mt, field) : 0;
    return at && clr_word(r->clr, object + at, &value) ? value : 0;
}

static bool request_u32(struct requests *r, uint64_t object, const char *field,
                        uint32_t *ret_value) {
    uint64_t mt;
    uint32_t at = clr_object_mt(r->clr, object, &mt) ? type_field_offset(r->m, mt, field) : 0;
    return at && clr_u32(r->clr, object + at, ret_value);
}

static bool request_u64(struct requests *r, uint64_t object, const char *field,
                        uint64_t *ret_value) {
    uint64_t mt;
    uint32_t low, high;
    uint32_t at = clr_object_mt(r->clr, object, &mt) ? type_field_offset(r->m, mt, field) : 0;
    if (!at || !clr_u32(r->clr, object + at, &low) || !clr_u32(r->clr, object + at + 4, &high))
        return false;
    *ret_value = (uint64_t)high << 32 | low;
    return true;
}

/* A text, or an empty one. */
static struct str request_text(struct requests *r, uint64_t object, const char *field) {
    return str_of(clr_string_object(r->clr, request_ref(r, object, field)));
}

/* -- Types ------------------------------------------------------------------------------------- */

#define KESTREL "Microsoft.AspNetCore.Server.Kestrel.Core.Internal.Http"

/* Kestrel's connections of HTTP/1 and streams of later ones, whatever the application's context. */
static bool is_answered(struct str name) {
    static const char *const types[] = {KESTREL ".Http1Connection", KESTREL "2.Http2Stream",
                                        KESTREL "3.Http3Stream"};
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        struct str type = str_of(types[i]);
        if (str_starts(name, type) && (name.len == type.len || name.ptr[type.len] == '<'))
            return true;
    }
    return false;
}

static bool is_carrier(struct str name) {
    static const char *const types[] = {"System.Net.Http.HttpConnection",
                                        "System.Net.Http.Http2Connection+Http2Stream",
                                        "System.Net.Http.Http3RequestStream"};
    return STR_IS_ONE_OF(name, types);
}

static struct request_type request_type_of(struct requests *r, uint64_t mt) {
    struct request_type type = {.thing = REQUEST_NONE, .clock = CLOCK_NONE};
    struct strbuf text;
    strbuf_init(&text);
    type_name(r->m, mt, &text);
    struct str name = strbuf_str(&text);
    type.clock = heap_clock_thing(name);
    if (is_answered(name))
        type.thing = REQUEST_ANSWERED;
    else if (is_carrier(name))
        type.thing = REQUEST_CARRIED;
    else if (str_contains(name, STR("<System.Net.Http.HttpConnectionPool+<SendWith")) &&
             async_is_box(r->m, mt))
        type.thing = REQUEST_SENDING;
    type.stream = type.thing == REQUEST_ANSWERED && !str_starts(name, STR(KESTREL ".Http1"));
    if (type.thing == REQUEST_SENDING)
        type.box = async_box_of(r->m, mt);
    r->loaded = r->loaded || type.thing || str_eq(name, STR("System.Net.Http.HttpClient")) ||
                str_starts(name, STR("Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerImpl"));
    strbuf_deinit(&text);
    return type;
}

/* -- Finding ----------------------------------------------------------------------------------- */

static bool add_request(struct requests *r, const struct request *request) {
    uint32_t number = u64map_get(&r->by_object, request->object);
    if (number != STRMAP_NONE) {
        struct request *known = &r->items[number];
        known->carried = known->carried || request->carried;
        known->source = known->source ? known->source : request->source;
        return true;
    }
    if (r->count >= REQUESTS_MAX)
        return true;
    if (!VEC_ROOM(r->items, r->count, r->capacity, NULL) ||
        !u64map_put(&r->by_object, request->object, r->count))
        return false;
    r->items[r->count++] = *request;
    return true;
}

static bool find_sending(struct requests *r, const struct request_type *type, uint64_t box) {
    uint64_t machine = async_box_machine(r->clr, &type->box, box);
    uint64_t await = async_box_await(r->clr, &type->box, box);
    uint32_t request_at = type_field_offset(r->m, type->box.machine_mt, "request");
    uint32_t token_at = type_field_offset(r->m, type->box.machine_mt, "cancellationToken");
    struct request request = {.out = true};
    if (!await) /* is over, or runs right now */
        return true;
    if (await == ABSENT || !machine || !request_at ||
        !clr_word(r->clr, machine + request_at - r->clr->word, &request.object) ||
        !request.object) {
        r->unknown = true;
        return true;
    }
    /* A token is its source and nothing else. */
    if (!token_at || !clr_word(r->clr, machine + token_at - r->clr->word, &request.source))
        request.source = 0;
    return add_request(r, &request);
}

/*
 * A connection of HTTP/1 waits for requests, and says when one has come. A stream is made for its
 * request and says so only when the answer begins: it has one as soon as it knows its method, until
 * it is done, when it may be kept for another.
 */
static bool is_being_answered(struct requests *r, const struct request_type *type,
                              const struct request *request) {
    if (request->status >= STATUS_COMPLETED)
        return false;
    return request->status >= STATUS_RUNNING ||
           (type->stream && request_text(r, request->object, "_methodText").len);
}

static bool requests_visit(void *context, uint32_t number, uint64_t address, uint64_t size_bytes) {
    struct requests *r = context;
    const struct request_type *type = &r->types[number];
    struct request request = {.object = address};
    (void)size_bytes;
    if (!clr_spend(r->clr, 8))
        return true;
    switch (type->thing) {
    case REQUEST_ANSWERED:
        if (!request_u32(r, address, "_requestProcessingStatus", &request.status)) {
            r->unknown = true;
            return true;
        }
        return !is_being_answered(r, type, &request) || add_request(r, &request);
    case REQUEST_SENDING:
        return find_sending(r, type, address);
    case REQUEST_CARRIED:
        request.object = request_ref(r, address, "_currentRequest");
        if (!request.object)
            request.object = request_ref(r, address, "_request");
        request.out = request.carried = true;
        return !request.object || add_request(r, &request);
    case REQUEST_NONE:
        break;
    }
    heap_clocks_look(&r->clocks, type->clock, r->h->heap.graph.types[number].id, address);
    return true;
}

/* -- Texts ------------------------------------------------------------------------------------- */

static bool is_particular(struct str segment) {
    bool particular = segment.len > SEGMENT_MAX;
    for (size_t i = 0; i < segment.len && !particular; i++) {
        char c = segment.ptr[i];
        particular = char_is_digit(c) || !(char_is_word(c) || c == '-' || c == '.' || c == '~');
    }
    return particular;
}

void http_path_mask(struct str path, struct strbuf *out) {
    size_t end = 0;
    while (end < path.len && path.ptr[end] != '?' && path.ptr[end] != '#')
        end++;
    path = str_take(path, end);
    for (size_t i = 0; i < path.len;) {
        size_t slash = str_find(path, STR("/"), i);
        size_t to = slash == STR_NOT_FOUND ? path.len : slash;
        struct str segment = str_take(str_drop(path, i), to - i);
        if (is_particular(segment))
            strbuf_adds(out, "{}");
        else
            strbuf_add(out, segment);
        if (slash != STR_NOT_FOUND)
            strbuf_addc(out, '/');
        i = to + 1;
    }
}

bool http_uri_split(struct str uri, struct str *ret_host, struct str *ret_path) {
    size_t scheme = str_find(uri, STR("://"), 0), end;
    if (scheme == STR_NOT_FOUND)
        return false;
    struct str rest = str_drop(uri, scheme + 3);
    for (end = 0; end < rest.len && !strchr("/?#", rest.ptr[end]);)
        end++;
    *ret_path = str_drop(rest, end);
    *ret_host = str_take(rest, end);
    size_t user = str_find(*ret_host, STR("@"), 0);
    if (user != STR_NOT_FOUND) /* and a password */
        *ret_host = str_behind_last(*ret_host, '@');
    return ret_host->len != 0;
}

static void write_answered(struct requests *r, const struct request *request) {
    bool contents = r->clr->options->contents;
    uint64_t endpoint = request_ref(r, request->object, "_endpoint");
    uint64_t pattern = request_ref(r, endpoint, "<RoutePattern>k__BackingField");
    struct str route = request_text(r, pattern, "<RawText>k__BackingField");
    struct str path = request_text(r, request->object, "<Path>k__BackingField");
    uint32_t port;
    if (request_u32(r, request->object, "<LocalPort>k__BackingField", &port) && port)
        strbuf_addf(&r->host, ":%u", port);
    if (contents) {
        strbuf_add(&r->path, path);
        strbuf_add(&r->path, request_text(r, request->object, "<QueryString>k__BackingField"));
    } else if (route.len) {
        strbuf_adds(&r->path, str_first(route) == '/' ? "" : "/");
        strbuf_add(&r->path, route);
    } else {
        http_path_mask(path, &r->path);
    }
}

static void write_asked(struct requests *r, const struct request *request) {
    uint64_t uri = request_ref(r, request->object, "_requestUri");
    struct str text = request_text(r, uri, "_string"), host, path;
    if (!http_uri_split(text, &host, &path)) {
        host = STR("");
        path = text;
    }
    strbuf_add(&r->host, host);
    if (!path.len)
        path = STR("/");
    if (r->clr->options->contents)
        strbuf_add(&r->path, path);
    else
        http_path_mask(path, &r->path);
}

static struct str request_method(struct requests *r, const struct request *request) {
    if (!request->out)
        return request_text(r, request->object, "_methodText");
    return request_text(r, request_ref(r, request->object, "_method"), "_method");
}

static const char *request_state(const struct request *request) {
    if (!request->out)
        return request->status < STATUS_RESPONSE ? REQUEST_RUNNING : REQUEST_RESPONDING;
    return request->carried ? REQUEST_SENT : REQUEST_QUEUED;
}

/* -- Ages -------------------------------------------------------------------------------------- */

static uint64_t request_age(struct requests *r, const struct request *request) {
    uint64_t value, age = ABSENT;
    if (request->out) {
        /* The time-out of HttpClient began with the request. */
        uint64_t timer = request_ref(r, request->source, "_timer");
        return timer && request_u64(r, timer, "_startTicks", &value)
                   ? heap_clocks_since_ticks(&r->clocks, value)
                   : ABSENT;
    }
    uint64_t context = request_ref(r, request->object, HOST_CONTEXT);
    if (request_u64(r, context, "<StartTimestamp>k__BackingField", &value) && value)
        age = heap_clocks_since_stamp(&r->clocks, value);
    if (age != ABSENT)
        return age;
    uint64_t activity =
        request_ref(r, request_ref(r, context, "HttpActivityFeature"), "<Activity>k__BackingField");
    return request_u64(r, activity, "<StartTimeUtc>k__BackingField", &value)
               ? heap_clocks_since_date(&r->clocks, value)
               : ABSENT;
}

/* -- Rows -------------------------------------------------------------------------------------- */

static int cmp_requests(const void *x, const void *y) {
    const struct request_row *a = x, *b = y;
    int order = order_u64(b->count, a->count);
    const char *const texts[][2] = {{a->direction, b->direction},
                                    {a->path, b->path},
                                    {a->method, b->method},
                                    {a->host, b->host},
                                    {a->state, b->state}};
    for (size_t i = 0; !order && i < sizeof(texts) / sizeof(*texts); i++)
        order = order_text(texts[i][0], texts[i][1]);
    return order;
}

static bool say_text(struct builder *b, struct str text, const char **field, struct err *err) {
    return !text.len || (*field = builder_string(b, text, err)) != NULL;
}

static bool new_request_row(struct requests *r, const struct request *request, struct str method,
                            struct err *err) {
    struct builder *b = r->clr->b;
    struct request_row *row = builder_row(b, PART_REQUESTS, err);
    if (!row)
        return false;
    row->count = 0;
    return say_text(b, str_of(request->out ? REQUEST_OUT : REQUEST_IN), &row->direction, err) &&
           say_text(b, str_of(request_state(request)), &row->state, err) &&
           say_text(b, method, &row->method, err) &&
           say_text(b, strbuf_str(&r->host), &row->host, err) &&
           say_text(b, strbuf_str(&r->path), &row->path, err);
}

static bool count_request(struct requests *r, struct strmap *rows, const struct request *request,
                          struct err *err) {
    strbuf_clear(&r->path);
    strbuf_clear(&r->host);
    strbuf_clear(&r->key);
    if (request->out)
        write_asked(r, request);
    else
        write_answered(r, request);
    struct str method = request_method(r, request);
    strbuf_addf(&r->key, "%s %s ", request->out ? REQUEST_OUT : REQUEST_IN, request_state(request));
    strbuf_add(&r->key, method);
    strbuf_addc(&r->key, ' ');
    strbuf_add(&r->key, strbuf_str(&r->host));
    if (!strbuf_ok(&r->key, err) || !strbuf_ok(&r->path, err))
        return false;
    uint32_t number = strmap_get(rows, strbuf_str(&r->key), strbuf_str(&r->path)), count;
    if (number == STRMAP_NONE) {
        const char *key = arena_copy(&r->clr->arena, strbuf_cstr(&r->key), r->key.len);
        const char *path = arena_copy(&r->clr->arena, strbuf_cstr(&r->path), r->path.len);
        builder_rows(r->clr->b, PART_REQUESTS, &number);
        if (!key || !path ||
            !strmap_put(rows, (struct str){key, r->key.len}, (struct str){path, r->path.len},
                        number))
            return err_nomem(err);
        if (!new_request_row(r, request, method, err))
            return false;
    }
    struct request_row *row = (struct request_row *)builder_rows(r->clr->b, PART_REQUESTS, &count);
    uint64_t age = request_age(r, request);
    row += number;
    row->count++;
    if (age != ABSENT && (row->oldest_ns == ABSENT || age > row->oldest_ns))
        row->oldest_ns = age;
    return true;
}

static bool requests_rows(struct requests *r, struct err *err) {
    struct builder *b = r->clr->b;
    if (r->unknown)
        builder_absent(b, PART_BIT(PART_REQUESTS), ASPECT_ALL, ABSENT,
                       "where HTTP requests are kept is not known in this build, or not in the "
                       "dump");
    if (r->unknown || !r->loaded)
        return true;
    builder_present(b, PART_REQUESTS);
    struct strmap rows;
    strmap_init(&rows);
    bool ok = true;
    for (uint32_t i = 0; ok && i < r->count; i++)
        ok = count_request(r, &rows, &r->items[i], err);
    strmap_deinit(&rows);
    uint32_t count;
    struct request_row *all = builder_rows(b, PART_REQUESTS, &count);
    if (ok && count > 1)
        qsort(all, count, sizeof(*all), cmp_requests);
    return ok;
}

bool http_requests_report(struct clr_heap *h, struct err *err) {
    const struct graph *g = &h->heap.graph;
    struct requests r = {.h = h, .m = h->modules, .clr = h->clr, .clocks = {.m = h->modules}};
    u64map_init(&r.by_object);
    strbuf_init(&r.path);
    strbuf_init(&r.host);
    strbuf_init(&r.key);
    r.types = calloc((size_t)g->type_count + 1, sizeof(*r.types));
    bool *of_type = calloc((size_t)g->type_count + 1, sizeof(*of_type));
    bool ok = (r.types && of_type) || err_nomem(err);
    for (uint32_t i = 0; ok && i < g->type_count; i++) {
        if (h->heap.live[i].objects)
            r.types[i] = request_type_of(&r, g->types[i].id);
        of_type[i] = r.types[i].thing || r.types[i].clock;
    }
    ok = ok && clr_heap_visit_live(h, of_type, requests_visit, &r, err) && requests_rows(&r, err);
    u64map_deinit(&r.by_object);
    strbuf_deinit(&r.path);
    strbuf_deinit(&r.host);
    strbuf_deinit(&r.key);
    free(r.items);
    free(r.types);
    free(of_type);
    return ok;
}
