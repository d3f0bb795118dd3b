/*
 * Sampling heap profiles of V8 (.heapprofile): HeapProfiler.startSampling of the inspector, `node
 * --heap-prof`, the memory tab of Chrome. One JSON object, a tree of calls:
 *
 *   {"head":{"callFrame":{"functionName":"fill","scriptId":"80","url":"/srv/shop.js",
 *                         "lineNumber":11,"columnNumber":4},      from 0; -1: not known
 *            "selfSize":32800,        [bytes] of what it has allocated and is alive, estimated
 *            "id":3,"children":[...]},
 *    "samples":[{"size":16400,"nodeId":3,"ordinal":1}]}
 *
 * Source: sampling-heap-profiler.cc of V8, v8-heap-profiler-agent-impl.cc of its inspector.
 */
#include "base/json_scan.h"
#include "input/input.h"
#include "model/rows_origin.h"
#include "model/rows_stacks.h"
#include "model/stacks.h"

#include <stdlib.h>

/* A call, and what was read of it so far. */
struct heapprofile_call {
    const char *frame; /* NULL: the root of all */
    uint64_t bytes;    /* ABSENT: not said */
    bool first_member, first_child, in_children;
};

struct heapprofile {
    struct json_scan json;
    struct builder *b;
    struct strbuf function, url;
    struct heapprofile_call calls[STACK_FRAMES_MAX + 1];
    uint32_t depth;
    uint64_t sum, stacks;
};

static struct json_scan heapprofile_text(struct bytes in) {
    struct str text = {(const char *)in.data, in.size};
    bool marked = str_starts(text, STR("\xef\xbb\xbf"));
    return (struct json_scan){.rest = str_drop(text, marked ? 3 : 0)};
}

static bool heapprofile_probe(struct bytes head) {
    struct json_scan j = heapprofile_text(head);
    return json_scan_take(&j, '{') && str_eq(json_scan_raw_string(&j), STR("head")) &&
           json_scan_want(&j, ':') && json_scan_want(&j, '{') &&
           str_eq(json_scan_raw_string(&j), STR("callFrame"));
}

/* "fill (/srv/shop.js:12)"; functions without a name are told by their file. */
static bool read_call_frame(struct heapprofile *p, struct heapprofile_call *call, struct err *err) {
    struct json_scan *j = &p->json;
    uint64_t line = ABSENT;
    struct str key;
    bool first = true;
    strbuf_clear(&p->function);
    strbuf_clear(&p->url);
    json_scan_want(j, '{');
    while (json_scan_key(j, &first, &key)) {
        if (str_eq(key, STR("functionName")))
            json_scan_string(j, &p->function);
        else if (str_eq(key, STR("url")))
            json_scan_string(j, &p->url);
        else if (str_eq(key, STR("lineNumber")))
            line = json_scan_number(j);
        else
            json_scan_skip(j);
    }
    struct str function = strbuf_str(&p->function);
    if (str_eq(function, STR("(root)")) && p->depth == 1)
        return true;
    if (!function.len)
        function = STR("(anonymous)");
    struct str file = str_starts(strbuf_str(&p->url), STR("node:"))
                          ? strbuf_str(&p->url)
                          : str_file_name(strbuf_str(&p->url));
    const char *frame = builder_frame(p->b, function, file, ABSENT, err);
    call->frame = frame ? builder_frame_at(p->b, frame, strbuf_str(&p->url),
                                           line == UINT64_MAX ? 0 : line + 1, err)
                        : NULL;
    return call->frame != NULL;
}

static bool store_call(struct heapprofile *p, struct err *err) {
    const struct heapprofile_call *call = &p->calls[p->depth - 1];
    const char *frames[STACK_FRAMES_MAX + 1];
    struct stack_row row = STACK_ROW;
    uint32_t count = 0;
    if (call->bytes == ABSENT || call->bytes == 0)
        return true;
    for (uint32_t i = p->depth; i-- > 0;)
        if (p->calls[i].frame)
            frames[count++] = p->calls[i].frame;
    row.frames = (struct strings){frames, count};
    row.bytes = call->bytes;
    p->sum += call->bytes;
    p->stacks++;
    return builder_add_stack(p->b, &row, err);
}

static bool open_call(struct heapprofile *p, struct err *err) {
    if (p->depth == STACK_FRAMES_MAX)
        return err_set(err, ERR_LIMIT, "calls are nested more than %u deep", STACK_FRAMES_MAX);
    json_scan_want(&p->json, '{');
    p->calls[p->depth++] = (struct heapprofile_call){.bytes = ABSENT, .first_member = true};
    return true;
}

/* The next member of the innermost call, or its next child. */
static bool read_member(struct heapprofile *p, struct err *err) {
    struct heapprofile_call *call = &p->calls[p->depth - 1];
    struct json_scan *j = &p->json;
    struct str key;
    if (call->in_children) {
        call->in_children = json_scan_more(j, ']', &call->first_child);
        return !call->in_children || open_call(p, err);
    }
    if (!json_scan_key(j, &call->first_member, &key)) {
        bool ok = j->bad || store_call(p, err);
        p->depth--;
        return ok;
    }
    if (str_eq(key, STR("callFrame")))
        return read_call_frame(p, call, err);
    if (str_eq(key, STR("selfSize"))) {
        call->bytes = json_scan_number(j);
    } else if (str_eq(key, STR("children"))) {
        call->in_children = call->first_child = true;
        json_scan_want(j, '[');
    } else {
        json_scan_skip(j);
    }
    return true;
}

static bool read_calls(struct heapprofile *p, struct err *err) {
    bool ok = open_call(p, err);
    while (ok && p->depth && !p->json.bad)
        ok = read_member(p, err);
    /* What the calls that are open have allocated themselves is known as well. */
    for (; ok && p->depth; p->depth--)
        ok = store_call(p, err);
    return ok;
}

static bool heapprofile_read_all(struct heapprofile *p, struct err *err) {
    struct origin_row *origin = builder_single(p->b, PART_ORIGIN, err);
    struct str key;
    bool first = true, ok = origin != NULL;
    if (!ok)
        return false;
    origin->sampled = 1;
    builder_present(p->b, PART_STACKS);
    json_scan_want(&p->json, '{');
    while (ok && json_scan_key(&p->json, &first, &key)) {
        if (str_eq(key, STR("head")))
            ok = read_calls(p, err);
        else
            json_scan_skip(&p->json);
    }
    if (ok && p->json.bad && !p->stacks)
        return err_set(err, ERR_TRUNCATED, "is cut off before anything was allocated");
    if (ok && p->json.bad)
        builder_lacks(p->b, PART_BIT(PART_STACKS), ASPECT_ROWS, ABSENT,
                      "the file is cut or broken: calls that come behind are missing");
    return ok && builder_say_string(p->b, &origin->runtime, STR("V8"), "the runtime", err);
}

static bool heapprofile_read(struct source *source, struct builder *b, struct err *err) {
    struct heapprofile *p = calloc(1, sizeof(*p));
    if (!p)
        return err_nomem(err);
    p->json = heapprofile_text(source->bytes);
    p->b = b;
    strbuf_init(&p->function);
    strbuf_init(&p->url);
    bool ok = heapprofile_read_all(p, err);
    strbuf_deinit(&p->function);
    strbuf_deinit(&p->url);
    free(p);
    return ok;
}

const struct input input_heapprofile = {
    .name = "heapprofile",
    .whole = true,
    .summary = "sampling heap profile of V8 (.heapprofile): node --heap-prof, Chrome DevTools",
    .may_give = PART_BIT(PART_STACKS),
    .probe = heapprofile_probe,
    .read = heapprofile_read,
};
