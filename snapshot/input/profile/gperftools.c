/*
 * Heap profiles in the text that gperftools made, and that tcmalloc and Go write too:
 *
 *   heap profile:   3:  4608 [  9:  13824] @ heap_v2/524288
 *     2:  4096 [  4:  8192] @ 0x55d0c8a01139 0x55d0c8a01188
 *     1:   512 [  5:  5632] @ 0x55d0c8a01171 0x55d0c8a01188
 *   MAPPED_LIBRARIES:
 *   55d0c8a00000-55d0c8a05000 r-xp 00001000 08:01 1234   /usr/bin/press
 *
 * Live objects and bytes, then [ever allocated]. What stands behind the "@" says what they are:
 *   heapprofile         of the heap profiler: exact
 *   heap_v2/N heapz_v2  of tcmalloc's sampler, one of every N bytes: to be unsampled
 *   heap/N              of Go, where N is twice the rate
 *   growth growthz      where the allocator took memory from the system, since the start: exact
 * Where live and ever are equal everywhere, or ever is 0, "ever" was not recorded.
 *
 * Go writes what the addresses mean below each row, and counters behind the rows:
 *   #	0x4f59	main.leak+0x79	/src/main.go:12
 *   # runtime.MemStats
 *   # HeapAlloc = 4608
 *
 * Source: parseHeap in pprof's legacy_profile.go, ReadHeapProfile in pprof of gperftools,
 * writeHeapInternal in Go's runtime/pprof.
 */
#include "base/num.h"
#include "input/profile/heap_profile.h"
#include "model/rows_stacks.h"

#include <inttypes.h>

struct figures {
    uint64_t count, bytes, total_count, total_bytes;
};

struct reading {
    struct heap_profile profile;
    struct builder *b;
    const struct kind *kind;
    uint64_t rate;
    bool has_ever;
    struct figures said, sum; /* in the head, and of the rows, as sampled */
    uint64_t rows, not_understood, impossible;
    /* The row that waits for what Go says about it. */
    struct stack_row row;
    struct str addresses;
    bool has_row, has_names;      /* of this row */
    bool any_names, has_memstats; /* of the file */
};

static const struct kind {
    struct str name;
    uint64_t divisor; /* of the number behind the "/"; 0: exact */
    bool is_growth;
} kinds[] = {
    {STR_INIT("heap_v2"), 1, false},     {STR_INIT("heapz_v2"), 1, false},
    {STR_INIT("heapprofile"), 0, false}, {STR_INIT("heap"), 2, false},
    {STR_INIT("growth"), 0, true},       {STR_INIT("growthz"), 0, true},
};

#define HEAD "heap profile:"

static bool gperftools_probe(struct bytes head) {
    return str_starts((struct str){(const char *)head.data, head.size}, STR(HEAD));
}

/* -- Rows -------------------------------------------------------------------------------------- */

/* "2:  4096 [  4:  8192] @", and what follows. */
static bool gperftools_parse_figures(struct str text, struct figures *ret, struct str *ret_rest) {
    struct figures f;
    uint64_t *const numbers[] = {&f.count, &f.bytes, &f.total_count, &f.total_bytes};
    static const char ends[] = {':', '[', ':', ']'};
    for (size_t i = 0; i < 4; i++) {
        const char *end = text.len ? memchr(text.ptr, ends[i], text.len) : NULL;
        size_t n = end ? (size_t)(end - text.ptr) : 0;
        if (!num_dec(str_trim(str_take(text, n)), numbers[i]))
            return false;
        text = str_drop(text, n + 1);
    }
    text = str_trim(text);
    if (!str_starts(text, STR("@")))
        return false;
    *ret = f;
    *ret_rest = str_trim(str_drop(text, 1));
    return true;
}

/* The row that was read, with its addresses unless what they mean was said. */
static bool end_row(struct reading *r, struct err *err) {
    if (!r->has_row)
        return true;
    r->has_row = false;
    return (r->has_names ||
            heap_profile_push_all(&r->profile, r->addresses, &r->not_understood, err)) &&
           heap_profile_add(&r->profile, &r->row, err);
}

static bool read_row(struct reading *r, struct str line, struct err *err) {
    struct figures f;
    struct str addresses;
    if (!end_row(r, err))
        return false;
    if (!gperftools_parse_figures(line, &f, &addresses)) {
        r->not_understood++;
        return true;
    }
    r->impossible += (f.count == 0 && f.bytes) || (r->has_ever && f.count > f.total_count);
    r->sum.count = num_add(r->sum.count, f.count);
    r->sum.bytes = num_add(r->sum.bytes, f.bytes);
    heap_profile_unsample(r->rate, &f.count, &f.bytes);
    heap_profile_unsample(r->rate, &f.total_count, &f.total_bytes);
    r->row = STACK_ROW;
    r->row.count = f.count;
    r->row.bytes = f.bytes;
    if (r->has_ever) {
        r->row.total_count = f.total_count;
        r->row.total_bytes = f.total_bytes;
    }
    r->addresses = addresses;
    r->has_row = true;
    r->has_names = false;
    r->rows++;
    return true;
}

/* -- What Go says ------------------------------------------------------------------------------ */

static const struct counter {
    struct str says;
    const char *name, *unit;
} counters[] = {
    {STR_INIT("Alloc"), "go.alloc", "bytes"},
    {STR_INIT("TotalAlloc"), "go.total_alloc", "bytes"},
    {STR_INIT("Sys"), "go.sys", "bytes"},
    {STR_INIT("Mallocs"), "go.mallocs", "count"},
    {STR_INIT("Frees"), "go.frees", "count"},
    {STR_INIT("HeapAlloc"), "go.heap_alloc", "bytes"},
    {STR_INIT("HeapSys"), "go.heap_sys", "bytes"},
    {STR_INIT("HeapIdle"), "go.heap_idle", "bytes"},
    {STR_INIT("HeapInuse"), "go.heap_inuse", "bytes"},
    {STR_INIT("HeapReleased"), "go.heap_released", "bytes"},
    {STR_INIT("HeapObjects"), "go.heap_objects", "count"},
    {STR_INIT("Stack"), "go.stack_inuse", "bytes"},
    {STR_INIT("MSpan"), "go.mspan_inuse", "bytes"},
    {STR_INIT("MCache"), "go.mcache_inuse", "bytes"},
    {STR_INIT("BuckHashSys"), "go.buckhash_sys", "bytes"},
    {STR_INIT("GCSys"), "go.gc_sys", "bytes"},
    {STR_INIT("OtherSys"), "go.other_sys", "bytes"},
    {STR_INIT("NextGC"), "go.next_gc", "bytes"},
    {STR_INIT("NumGC"), "go.gcs", "count"},
    {STR_INIT("NumForcedGC"), "go.forced_gcs", "count"},
    {STR_INIT("MaxRSS"), "process.max_rss", "bytes"},
};

/* "HeapAlloc = 4608", "Stack = 65536 / 98304" */
static bool read_counter(struct reading *r, struct str text, struct err *err) {
    struct str name = str_next_field(&text), equals = str_next_field(&text);
    uint64_t value;
    for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++)
        if (str_eq(equals, STR("=")) && str_eq(name, counters[i].says) &&
            num_dec(str_next_field(&text), &value))
            return builder_counter(r->b, counters[i].name, value, counters[i].unit, err);
    return true;
}

/* "0x4f59	main.leak+0x79		/src/main.go:12" */
static bool gperftools_read_frame(struct reading *r, struct str text, struct err *err) {
    uint64_t address;
    if (!num_hex(str_next_field(&text), &address))
        return true;
    text = str_trim(text);
    const char *tab = text.len ? memchr(text.ptr, '\t', text.len) : NULL;
    struct str function = str_trim(tab ? str_take(text, (size_t)(tab - text.ptr)) : text);
    struct profile_frame frame;
    r->has_names = r->any_names = true;
    if (!function.len)
        return heap_profile_push(&r->profile, address, err);
    if (!heap_profile_named(&r->profile, function, (struct str){NULL, 0}, &frame, err))
        return false;
    heap_profile_push_frame(&r->profile, &frame);
    return true;
}

static bool gperftools_read_comment(struct reading *r, struct str text, struct err *err) {
    if (str_starts(str_trim(text), STR("0x")))
        return !r->has_row || gperftools_read_frame(r, text, err);
    r->has_memstats = r->has_memstats || str_eq(str_trim(text), STR("runtime.MemStats"));
    return end_row(r, err) && read_counter(r, text, err);
}

/* -- All of it --------------------------------------------------------------------------------- */

/* "heap profile: 3: 4608 [9: 13824] @ heap_v2/524288" */
static bool gperftools_read_head(struct reading *r, struct str line, struct err *err) {
    struct str rest;
    if (!gperftools_parse_figures(str_drop(str_trim(line), strlen(HEAD)), &r->said, &rest))
        return err_set(err, ERR_FORMAT, "line 1: no figures as \"1: 2 [3: 4] @ heap_v2/524288\"");
    size_t slash = str_find(rest, STR("/"), 0);
    struct str name = str_trim(str_take(rest, slash)), number = {NULL, 0};
    if (slash != STR_NOT_FOUND)
        number = str_trim(str_drop(rest, slash + 1));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (str_eq(name, kinds[i].name))
            r->kind = &kinds[i];
    if (!r->kind)
        return err_set(err, ERR_UNSUPPORTED, "line 1: profiles of the kind \"%.*s\" are not known",
                       (int)(name.len < 64 ? name.len : 64), name.ptr);
    const struct figures *f = &r->said;
    r->has_ever = !r->kind->is_growth && ((f->total_count && f->total_count != f->count) ||
                                          (f->total_bytes && f->total_bytes != f->bytes));
    if (!r->kind->divisor)
        return true;
    if (num_dec(number, &r->rate))
        r->rate /= r->kind->divisor;
    else
        r->rate = ABSENT;
    return true;
}

static bool gperftools_read_lines(struct reading *r, struct str text, struct err *err) {
    for (struct str line; str_next_line(&text, &line);) {
        line = str_trim(line);
        if (!line.len)
            continue;
        if (!(str_first(line) == '#' ? gperftools_read_comment(r, str_drop(line, 1), err)
                                     : read_row(r, line, err)))
            return false;
    }
    return end_row(r, err);
}

static void gperftools_check(const struct reading *r) {
    struct builder *b = r->b;
    if (r->not_understood)
        builder_lacks(b, PART_BIT(PART_STACKS), ASPECT_ROWS, r->not_understood,
                      "gperftools: lines or addresses were not understood");
    if (r->impossible)
        builder_warn(b, r->impossible,
                     "gperftools: stacks with bytes but no objects, or more live than ever");
    if (r->sum.bytes != r->said.bytes || r->sum.count != r->said.count)
        builder_lacks(
            b, PART_BIT(PART_STACKS), ASPECT_ROWS,
            num_magnitude((int64_t)(r->said.bytes - r->sum.bytes)),
            "gperftools: the stacks differ from the sum in the head, in bytes as written");
    if (r->any_names && !r->has_memstats)
        builder_warn(b, ABSENT, "gperftools: Go's counters (runtime.MemStats) are not at its end");
    if (r->kind->is_growth)
        builder_note(b, "a growth profile: where the allocator took memory from the system since "
                        "the start, not what is allocated now");
}

static bool gperftools_say_origin(struct reading *r, struct err *err) {
    const char *tool = r->kind->divisor == 2 ? "Go" : "gperftools";
    return heap_profile_say_origin(&r->profile, tool, r->rate, r->sum.count, err);
}

/* The memory map starts at one of these; *ret_maps is what follows, and *text ends before it. */
static void split_maps(struct str *text, struct str *ret_maps) {
    static const struct str marks[] = {STR_INIT("\nMAPPED_LIBRARIES:"),
                                       STR_INIT("\n--- Memory map:")};
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
        size_t at = str_find(*text, marks[i], 0);
        if (at != STR_NOT_FOUND) {
            struct str rest = str_drop(*text, at + marks[i].len), ignored;
            if (str_next_line(&rest, &ignored)) /* "--- Memory map: ---" */
                *ret_maps = rest;
            *text = str_take(*text, at);
        }
    }
}

static bool read_gperftools(struct source *source, struct builder *b, struct err *err) {
    struct reading r = {.b = b};
    struct str text = {(const char *)source->bytes.data, source->bytes.size}, maps = {NULL, 0},
               line = {NULL, 0};
    split_maps(&text, &maps);
    if (!str_next_line(&text, &line) || !gperftools_read_head(&r, line, err))
        return line.ptr ? false : err_set(err, ERR_FORMAT, "has no line");
    heap_profile_begin(&r.profile, source, true, b);
    bool ok = heap_profile_read_maps(&r.profile, maps, err) &&
              gperftools_read_lines(&r, text, err) && gperftools_say_origin(&r, err);
    if (ok)
        gperftools_check(&r);
    heap_profile_end(&r.profile);
    if (ok && !r.rows && r.said.count)
        return err_set(err, ERR_FORMAT, "no stack that can be understood");
    return ok;
}

const struct input input_gperftools = {
    .name = "gperftools",
    .whole = true,
    .summary = "heap or growth profile in text: gperftools, tcmalloc, Go (debug=1)",
    .may_give = PART_BIT(PART_STACKS) | PART_BIT(PART_COUNTERS),
    .probe = gperftools_probe,
    .read = read_gperftools,
};
