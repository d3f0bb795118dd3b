/*
 * What Node and Go say of their memory, where a program prints it; each print is a moment.
 *
 *     {                                         process.memoryUsage() of Node, or JSON of it
 *       rss: 49356800,
 *       heapTotal: 18268160,
 *       heapUsed: 6504720,
 *       external: 498790,
 *       arrayBuffers: 93860
 *     }
 *
 *     rss 49.36 MB                              its keys, one a line, in MB
 *
 *     Alloc = 3 MiB  TotalAlloc = 25 MiB  Sys = 18 MiB  NumGC = 9        runtime.MemStats of Go
 *     {Alloc:3145728 TotalAlloc:26214400 Sys:18874368 Lookups:0 ... HeapInuse:4194304 ...}
 *     gc 9 @1.204s 2%: 0.018+1.2+0.003 ms clock, 0.14+0.3/1.1/2.0+0.02 ms cpu, 4->5->3 MB, 6 MB
 *     goal, 8 P                                 one line, with GODEBUG=gctrace=1
 *
 * Source: doc/api/process.md of Node; runtime/mstats.go and runtime/mgc.go of Go.
 */
#include "input/log/size_text.h"
#include "model/known_names.h"

#include "base/chars.h"
#include "base/num.h"

/* Lines that one print may have. */
#define USAGE_LINES 48u

struct usage_key {
    struct str key;
    const char *name, *unit;
};

struct usage_kind {
    const struct usage_key *keys;
    size_t count;
    uint32_t needs; /* bits of the keys without which it is another text */
};

static const struct usage_key node_keys[] = {
    {STR_INIT("rss"), COUNTER_RSS_BYTES, "bytes"},
    {STR_INIT("heapTotal"), "node.heap_total_bytes", "bytes"},
    {STR_INIT("heapUsed"), "node.heap_used_bytes", "bytes"},
    {STR_INIT("external"), "node.external_bytes", "bytes"},
    {STR_INIT("arrayBuffers"), "node.array_buffers_bytes", "bytes"},
};

static const struct usage_key go_keys[] = {
    {STR_INIT("Alloc"), "go.alloc_bytes", "bytes"},
    {STR_INIT("Sys"), "go.sys_bytes", "bytes"},
    {STR_INIT("TotalAlloc"), "go.total_alloc_bytes", "bytes"},
    {STR_INIT("HeapAlloc"), "go.heap_alloc_bytes", "bytes"},
    {STR_INIT("HeapSys"), "go.heap_sys_bytes", "bytes"},
    {STR_INIT("HeapIdle"), "go.heap_idle_bytes", "bytes"},
    {STR_INIT("HeapInuse"), "go.heap_inuse_bytes", "bytes"},
    {STR_INIT("HeapReleased"), "go.heap_released_bytes", "bytes"},
    {STR_INIT("HeapObjects"), "go.heap_objects", "count"},
    {STR_INIT("StackInuse"), "go.stack_inuse_bytes", "bytes"},
    {STR_INIT("Mallocs"), "go.mallocs", "count"},
    {STR_INIT("Frees"), "go.frees", "count"},
    {STR_INIT("NumGC"), "go.gc_count", "count"},
};

#define USAGE_KEYS(keys) (keys), sizeof(keys) / sizeof(*(keys))
static const struct usage_kind usage_kinds[] = {
    {USAGE_KEYS(node_keys), 1u << 0 | 1u << 1 | 1u << 2},
    {USAGE_KEYS(go_keys), 1u << 0 | 1u << 1},
    {USAGE_KEYS(go_keys), 1u << 3 | 1u << 1},
    {USAGE_KEYS(go_keys), 1u << 3 | 1u << 4},
};
#define USAGE_KINDS (sizeof(usage_kinds) / sizeof(*usage_kinds))
#define USAGE_MOST  16u

struct usage {
    uint64_t values[USAGE_MOST];
    uint32_t found; /* bits of the keys */
};

/* "heapUsed: 6504720", "\"rss\":49356800", "Alloc = 3 MiB", "rss: '45.2 MB'": behind the key. */
static bool usage_value(struct str rest, uint64_t *ret_value) {
    size_t i = 0, end;
    while (i < rest.len && strchr("\"'` \t", rest.ptr[i]))
        i++;
    /* "rss 45.2 MB", as Node's documentation has people print it */
    bool bare = i && i < rest.len && char_is_digit(rest.ptr[i]) && str_ends(rest, STR(" MB"));
    if (i == rest.len || (!strchr(":=", rest.ptr[i]) && !bare))
        return false;
    for (i += !bare; i < rest.len && strchr("\"'`= \t", rest.ptr[i]); i++)
        continue;
    rest = str_drop(rest, i);
    for (end = 0; end < rest.len && (char_is_digit(rest.ptr[end]) || strchr("._", rest.ptr[end]));)
        end++;
    struct str number = str_take(rest, end), tail = str_drop(rest, end), unit;
    bool blank = str_first(tail) == ' ';
    tail = str_drop(tail, blank);
    for (end = 0; end < tail.len && char_is_letter(tail.ptr[end]);)
        end++;
    unit = str_take(tail, end);
    bool known = num_unit(unit) || str_eq(unit, STR("B"));
    unit = known && !(end < tail.len && strchr(":=", tail.ptr[end])) ? unit : STR("");
    if (!unit.len)
        return size_text(number, false, ret_value);
    struct str whole = {number.ptr, (size_t)(unit.ptr - number.ptr) + unit.len};
    return number.len && size_text(whole, false, ret_value);
}

/* All that a line says; false: a key comes that the print has already. */
static bool usage_take_line(const struct usage_kind *kind, struct str text, struct usage *u) {
    for (size_t i = 0; i < text.len;) {
        if (!char_is_letter(text.ptr[i])) {
            i++;
            continue;
        }
        size_t end = i;
        while (end < text.len && char_is_word(text.ptr[end]))
            end++;
        struct str word = str_take(str_drop(text, i), end - i), rest = str_drop(text, end);
        if (str_eq(word, STR("BySize"))) /* has Mallocs and Frees of each size */
            return true;
        for (size_t k = 0; k < kind->count; k++) {
            uint64_t value;
            if (!str_eq(word, kind->keys[k].key) || !usage_value(rest, &value))
                continue;
            if (u->found & 1u << k)
                return false;
            u->found |= 1u << k;
            u->values[k] = value;
        }
        i = end;
    }
    return true;
}

/* The print that begins at the line: which kind, and how many lines of it there are; 0: none. */
static unsigned usage_find(const struct transcript *t, const struct usage_kind **ret_kind,
                           struct usage *ret_usage) {
    for (size_t k = 0; k < USAGE_KINDS; k++) {
        struct usage u = {.found = 0};
        struct line line;
        unsigned last = 0, empty = 0;
        for (unsigned i = 0; i < USAGE_LINES && transcript_peek(t, i, &line); i++) {
            uint32_t before = u.found;
            if (!usage_take_line(&usage_kinds[k], line.text, &u))
                break;
            empty = u.found == before ? empty + 1 : 0;
            last = u.found == before ? last : i + 1;
            if (empty > (u.found ? 3 : 1))
                break;
        }
        if ((u.found & usage_kinds[k].needs) == usage_kinds[k].needs) {
            *ret_kind = &usage_kinds[k];
            *ret_usage = u;
            return last;
        }
    }
    return 0;
}

/* "gc 9 @1.204s 2%: ..., 4->5->3 MB, 6 MB goal, 8 P" */
static bool usage_gctrace(struct str text, uint64_t *ret_live, uint64_t *ret_goal) {
    struct str f[3];
    uint64_t number;
    size_t at;
    if (!str_starts(text, STR("gc ")) || scan_fields(text, f, 3, NULL) != 3 ||
        !num_dec(f[1], &number) || !str_starts(f[2], STR("@")) ||
        (at = str_find(text, STR("->"), 0)) == STR_NOT_FOUND ||
        (at = str_find(text, STR("->"), at + 2)) == STR_NOT_FOUND)
        return false;
    struct str rest = str_drop(text, at + 2);
    *ret_goal = ABSENT;
    if (!size_text(str_take(rest, str_find(rest, STR(","), 0)), false, ret_live))
        return false;
    rest = str_drop(rest, str_find(rest, STR(","), 0) + 1);
    if (!size_text(str_take(rest, str_find(rest, STR(" goal"), 0)), false, ret_goal))
        *ret_goal = ABSENT;
    return true;
}

static bool usage_store(struct transcript *t, const struct usage_kind *kind, const struct usage *u,
                        struct err *err) {
    if (!transcript_moment(t))
        return true;
    for (size_t k = 0; k < kind->count; k++)
        if ((u->found & 1u << k) &&
            !builder_counter(t->b, kind->keys[k].name, u->values[k], kind->keys[k].unit, err))
            return false;
    return true;
}

static bool usage_read(struct transcript *t, struct err *err) {
    const struct usage_kind *kind = NULL;
    struct usage u = {.found = 0};
    uint64_t live, goal;
    if (usage_gctrace(t->line.text, &live, &goal)) {
        transcript_next(t);
        return !transcript_moment(t) ||
               (builder_counter(t->b, "go.heap_live_bytes", live, "bytes", err) &&
                (goal == ABSENT ||
                 builder_counter(t->b, "go.heap_goal_bytes", goal, "bytes", err)));
    }
    unsigned lines = usage_find(t, &kind, &u);
    for (unsigned i = 0; i < lines; i++)
        transcript_next(t);
    return !lines || usage_store(t, kind, &u, err);
}

static bool usage_starts(const struct transcript *t) {
    static const struct str first[] = {STR_INIT("rss"), STR_INIT("Alloc")};
    struct str text = str_take(t->line.text, 4096);
    const struct usage_kind *kind;
    struct usage u;
    uint64_t live, goal;
    if (usage_gctrace(text, &live, &goal))
        return true;
    struct line next;
    if (str_eq(text, STR("{")) && transcript_peek(t, 1, &next))
        text = str_take(next.text, 64);
    bool any = false;
    for (size_t i = 0; !any && i < 2; i++)
        any = str_contains(text, first[i]);
    return any && usage_find(t, &kind, &u) > 0;
}

const struct section section_memory_usage = {
    .name = "memory-usage",
    .summary = "process.memoryUsage() of Node, runtime.MemStats and gctrace of Go (each a moment)",
    .may_give = PART_BIT(PART_COUNTERS),
    .starts = usage_starts,
    .read = usage_read,
};
