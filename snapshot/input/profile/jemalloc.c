/*
 * Heap profiles of jemalloc, as `prof.dump` writes them:
 *
 *   heap_v2/524288
 *     t*: 28106: 56637512 [0: 0]
 *     t0: 28106: 56637512 [0: 0]
 *   @ 0x5605f2a1b3c4 0x5605f2a1b000
 *     t*: 13: 6688 [0: 0]
 *     t3: 12: 6496 [0: 0]
 *     t99: 1: 192 [0: 0]
 *
 *   MAPPED_LIBRARIES:
 *   5605f2a00000-5605f2a40000 r-xp 00001000 08:01 1234   /usr/bin/press
 *
 * Numbers are objects and bytes that were sampled, live and [ever allocated], the latter zero
 * unless prof_accum is on. t* is the sum over all threads, and the one that is kept.
 * Source: prof_data.c of jemalloc, ReadThreadedHeapProfile of jeprof.
 */
#include "base/chars.h"
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
    uint64_t rate;
    struct figures said, sum; /* of the sampled ones: in the head, and of the stacks */
    struct figures threads;   /* of the threads of this stack */
    struct figures stack;     /* of the current one */
    bool has_said, has_stack, has_figures, has_threads;
    uint64_t stacks, not_understood, no_figures, threads_differ;
};

static const struct str maps_mark = STR_INIT("\nMAPPED_LIBRARIES:");

static bool jemalloc_probe(struct bytes head) {
    struct str text = {(const char *)head.data, head.size}, line;
    uint64_t rate;
    return str_starts(text, STR("heap_v2/")) && str_next_line(&text, &line) &&
           num_dec(str_trim(str_drop(line, strlen("heap_v2/"))), &rate);
}

/* Decimal digits in front of *p; false: none, or beyond 64 bits. */
static bool jemalloc_take_number(const char **p, const char *end, uint64_t *ret) {
    const char *at = *p;
    uint64_t value = 0;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    const char *first = at;
    for (; at < end && char_is_digit(*at); at++)
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            return false;
    *p = at;
    *ret = value;
    return at > first;
}

static bool jemalloc_take_char(const char **p, const char *end, char c) {
    while (*p < end && (**p == ' ' || **p == '\t'))
        ++*p;
    if (*p == end || **p != c)
        return false;
    ++*p;
    return true;
}

/* "t*: 13: 6688 [0: 0]" behind its colon */
static bool jemalloc_parse_figures(struct str text, struct figures *ret) {
    const char *p = text.ptr, *end = text.ptr + text.len;
    struct figures f;
    if (!jemalloc_take_number(&p, end, &f.count) || !jemalloc_take_char(&p, end, ':') ||
        !jemalloc_take_number(&p, end, &f.bytes) || !jemalloc_take_char(&p, end, '[') ||
        !jemalloc_take_number(&p, end, &f.total_count) || !jemalloc_take_char(&p, end, ':') ||
        !jemalloc_take_number(&p, end, &f.total_bytes) || !jemalloc_take_char(&p, end, ']') ||
        p != end)
        return false;
    *ret = f;
    return true;
}

static void add_figures(struct figures *sum, const struct figures *f) {
    sum->count = num_add(sum->count, f->count);
    sum->bytes = num_add(sum->bytes, f->bytes);
    sum->total_count = num_add(sum->total_count, f->total_count);
    sum->total_bytes = num_add(sum->total_bytes, f->total_bytes);
}

static bool jemalloc_same_figures(const struct figures *a, const struct figures *b) {
    return a->count == b->count && a->bytes == b->bytes && a->total_count == b->total_count &&
           a->total_bytes == b->total_bytes;
}

/* Ends the stack whose lines were read, and adds it. */
static bool jemalloc_end_stack(struct reading *r, struct err *err) {
    if (!r->has_stack)
        return true;
    r->has_stack = false;
    if (!r->has_figures) {
        r->no_figures++;
        heap_profile_drop(&r->profile);
        return true;
    }
    struct figures f = r->stack;
    bool ever = r->has_said ? r->said.total_count > 0 : f.total_count > 0;
    r->threads_differ += r->has_threads && !jemalloc_same_figures(&f, &r->threads);
    r->stacks++;
    add_figures(&r->sum, &f);
    heap_profile_unsample(r->rate, &f.count, &f.bytes);
    heap_profile_unsample(r->rate, &f.total_count, &f.total_bytes);
    struct stack_row row = STACK_ROW;
    row.count = f.count;
    row.bytes = f.bytes;
    row.total_count = ever ? f.total_count : ABSENT;
    row.total_bytes = ever ? f.total_bytes : ABSENT;
    return heap_profile_add(&r->profile, &row, err);
}

/* "@ 0x5605f2a1b3c4 0x5605f2a1b000" */
static bool begin_stack(struct reading *r, struct str text, struct err *err) {
    if (!jemalloc_end_stack(r, err))
        return false;
    r->has_stack = true;
    r->has_figures = r->has_threads = false;
    r->threads = (struct figures){0};
    return heap_profile_push_all(&r->profile, text, &r->not_understood, err);
}

static void read_figures(struct reading *r, struct str text) {
    struct figures f;
    uint64_t thread;
    size_t colon = str_find(text, STR(":"), 0);
    struct str who = colon == STR_NOT_FOUND ? text : str_take(text, colon);
    bool all = str_eq(who, STR("t*"));
    if ((!all && !num_dec(str_drop(who, 1), &thread)) || colon == STR_NOT_FOUND ||
        !jemalloc_parse_figures(str_drop(text, colon + 1), &f)) {
        r->not_understood++;
    } else if (r->has_stack && all) {
        r->stack = f;
        r->has_figures = true;
    } else if (r->has_stack) {
        add_figures(&r->threads, &f);
        r->has_threads = true;
    } else if (all) {
        r->said = f;
        r->has_said = true;
    }
}

static bool jemalloc_read_stacks(struct reading *r, struct str text, struct err *err) {
    for (struct str line; str_next_line(&text, &line);) {
        line = str_trim(line);
        if (!line.len)
            continue;
        if (str_first(line) == '@') {
            if (!begin_stack(r, str_drop(line, 1), err))
                return false;
        } else if (str_first(line) == 't') {
            read_figures(r, line);
        } else {
            r->not_understood++;
        }
    }
    return jemalloc_end_stack(r, err);
}

static void jemalloc_check(const struct reading *r) {
    struct builder *b = r->b;
    if (r->not_understood)
        builder_lacks(b, PART_BIT(PART_STACKS), ASPECT_ROWS, r->not_understood,
                      "jemalloc: lines or addresses were not understood");
    if (r->no_figures)
        builder_lacks(b, PART_BIT(PART_STACKS), ASPECT_ROWS, r->no_figures,
                      "jemalloc: stacks without their figures");
    if (r->threads_differ)
        builder_warn(b, r->threads_differ,
                     "jemalloc: stacks whose threads do not add up to their sum");
    if (!r->has_said)
        builder_lacks(b, PART_BIT(PART_STACKS), ASPECT_ROWS, ABSENT,
                      "jemalloc: the head lacks the sum of all stacks (t*)");
    else if (r->sum.bytes != r->said.bytes || r->sum.count != r->said.count)
        builder_lacks(b, PART_BIT(PART_STACKS), ASPECT_ROWS,
                      num_magnitude((int64_t)(r->said.bytes - r->sum.bytes)),
                      "jemalloc: the stacks differ from the sum in the head, in sampled bytes");
}

static bool read_jemalloc(struct source *source, struct builder *b, struct err *err) {
    struct reading r = {.b = b};
    struct str text = {(const char *)source->bytes.data, source->bytes.size}, line, maps = {0};
    if (!str_next_line(&text, &line) ||
        !num_dec(str_trim(str_drop(line, strlen("heap_v2/"))), &r.rate))
        return err_set(err, ERR_FORMAT, "no \"heap_v2/RATE\" in its first line");
    heap_profile_begin(&r.profile, source, true, b);
    size_t mark = str_find(text, maps_mark, 0);
    if (mark != STR_NOT_FOUND) {
        maps = str_drop(text, mark + maps_mark.len);
        text = str_take(text, mark);
    }
    bool ok = heap_profile_read_maps(&r.profile, maps, err) &&
              jemalloc_read_stacks(&r, text, err) &&
              heap_profile_say_origin(&r.profile, "jemalloc", r.rate, r.sum.count, err);
    if (ok)
        jemalloc_check(&r);
    heap_profile_end(&r.profile);
    if (ok && !r.stacks && !(r.has_said && r.said.count == 0))
        return err_set(err, ERR_FORMAT, "no stack that can be understood");
    return ok;
}

const struct input input_jemalloc = {
    .name = "jemalloc",
    .whole = true,
    .summary = "heap profile of jemalloc (prof.dump, heap_v2)",
    .may_give = PART_BIT(PART_STACKS),
    .probe = jemalloc_probe,
    .read = read_jemalloc,
};
