/*
 * Allocation stacks as a profile of pprof (profile.proto, gzip): of one dump with inuse_objects and
 * inuse_space, of a diff with delta, base and new of both.
 *
 * Source of the field numbers: github.com/google/pprof, proto/profile.proto.
 */
#include "base/hash.h"
#include "base/num.h"
#include "base/vec.h"
#include "diff/report/alloc_view.h"
#include "model/rows_origin.h"
#include "model/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum profile_field {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_MAPPING = 3,
    PROFILE_LOCATION = 4,
    PROFILE_FUNCTION = 5,
    PROFILE_STRING = 6,
    PROFILE_TIME_NANOS = 9,
    PROFILE_DURATION_NANOS = 10,
    PROFILE_PERIOD_TYPE = 11,
    PROFILE_PERIOD = 12,
    PROFILE_DEFAULT_SAMPLE_TYPE = 14
};

/* A module, and what each of its locations has: then nobody need look for it. */
struct profile_mapping {
    struct str module;
    bool unnamed, without_file, without_line; /* one of them is */
};

struct profile {
    struct profile_mapping *mappings; /* by id - 1 */
    uint32_t mappings_made, mapping_capacity;
    struct strbuf out, strings, part, numbers; /* part and numbers: of the message being written */
    struct strmap string_ids, mapping_ids, location_ids, function_ids;
    uint64_t string_count, mapping_count, location_count, function_count;
    bool failed;
};

static void pprof_put_number(struct strbuf *out, unsigned field, uint64_t value) {
    strbuf_add_varint(out, (uint64_t)field << 3);
    strbuf_add_varint(out, value);
}

static void pprof_put_bytes(struct strbuf *out, unsigned field, struct str bytes) {
    strbuf_add_varint(out, (uint64_t)field << 3 | 2);
    strbuf_add_varint(out, bytes.len);
    strbuf_add(out, bytes);
}

/* Number of a key, given when it is new: *ret_new. The key has to outlive the profile. */
static uint64_t pprof_number_of(struct profile *p, struct strmap *map, uint64_t *count,
                                struct str key, struct str more, bool *ret_new) {
    uint32_t number = strmap_get(map, key, more);
    *ret_new = number == STRMAP_NONE;
    if (!*ret_new)
        return number;
    p->failed = p->failed || *count >= STRMAP_NONE || !strmap_put(map, key, more, (uint32_t)*count);
    return (*count)++;
}

static uint64_t pprof_string_of(struct profile *p, struct str s) {
    bool is_new;
    uint64_t number = pprof_number_of(p, &p->string_ids, &p->string_count, s, STR(""), &is_new);
    if (is_new)
        pprof_put_bytes(&p->strings, PROFILE_STRING, s);
    return number;
}

/*
 * Where modules were loaded is not kept, and differs from dump to dump: each is given a place of
 * its own, above all that a program can use, so that offsets in it become addresses and back.
 */
#define MAPPING_BYTES ((uint64_t)1 << 40)
/* Fields of a mapping: who has the file need not look for these in it. */
#define MAPPING_HAS_FUNCTIONS    7u
#define MAPPING_HAS_FILENAMES    8u
#define MAPPING_HAS_LINE_NUMBERS 9u

static uint64_t mapping_start(uint64_t id) {
    return ((uint64_t)1 << 63) + (id - 1) % (1u << 22) * MAPPING_BYTES;
}

/* Mappings, locations and functions have ids from 1. 0: out of memory. */
static uint64_t mapping_of(struct profile *p, struct str module) {
    bool is_new;
    uint64_t id =
        1 + pprof_number_of(p, &p->mapping_ids, &p->mapping_count, module, STR(""), &is_new);
    if (is_new && !VEC_ROOM(p->mappings, p->mappings_made, p->mapping_capacity, NULL))
        p->failed = true;
    if (is_new && !p->failed)
        p->mappings[p->mappings_made++] = (struct profile_mapping){.module = module};
    return p->failed ? 0 : id;
}

static void put_mappings(struct profile *p) {
    for (uint32_t i = 0; i < p->mappings_made; i++) {
        uint64_t id = i + 1u, name = pprof_string_of(p, p->mappings[i].module);
        strbuf_clear(&p->part);
        pprof_put_number(&p->part, 1, id);
        pprof_put_number(&p->part, 2, mapping_start(id));
        pprof_put_number(&p->part, 3, mapping_start(id) + MAPPING_BYTES);
        pprof_put_number(&p->part, 5, name);
        if (!p->mappings[i].unnamed)
            pprof_put_number(&p->part, MAPPING_HAS_FUNCTIONS, 1);
        if (!p->mappings[i].without_file)
            pprof_put_number(&p->part, MAPPING_HAS_FILENAMES, 1);
        if (!p->mappings[i].without_line)
            pprof_put_number(&p->part, MAPPING_HAS_LINE_NUMBERS, 1);
        pprof_put_bytes(&p->out, PROFILE_MAPPING, strbuf_str(&p->part));
    }
}

/* A frame as it is written: "module!function", "function", "module+0x1f40" or "0x7f31a2b4c5d6". */
struct frame_parts {
    struct str module, function; /* function empty: only the address is known */
    uint64_t address;            /* from where the module was loaded */
};

static struct frame_parts split_frame(struct str text) {
    struct frame_parts parts = {STR(""), text, 0};
    size_t bang = str_find(text, STR("!"), 0), plus = text.len;
    if (bang != STR_NOT_FOUND && bang > 0 && bang + 1 < text.len &&
        str_find(str_take(text, bang), STR(" "), 0) == STR_NOT_FOUND) {
        parts.module = str_take(text, bang);
        parts.function = str_drop(text, bang + 1);
        return parts;
    }
    while (plus > 0 && text.ptr[plus - 1] != '+')
        plus--;
    struct str number = str_drop(text, plus);
    if (str_starts(number, STR("0x")) && num_hex(str_drop(number, 2), &parts.address)) {
        parts.module = plus ? str_take(text, plus - 1) : STR("");
        parts.function = STR("");
    }
    return parts;
}

/* A function is one in each file: `pprof -list` opens that. */
static uint64_t function_of(struct profile *p, struct str frame, struct str name, struct str file) {
    bool is_new;
    uint64_t id =
        1 + pprof_number_of(p, &p->function_ids, &p->function_count, frame, file, &is_new);
    if (!is_new)
        return id;
    uint64_t name_number = pprof_string_of(p, name),
             file_number = file.len ? pprof_string_of(p, file) : 0;
    strbuf_clear(&p->part);
    pprof_put_number(&p->part, 1, id);
    pprof_put_number(&p->part, 2, name_number);
    pprof_put_number(&p->part, 3, name_number);
    if (file.len)
        pprof_put_number(&p->part, 4, file_number);
    pprof_put_bytes(&p->out, PROFILE_FUNCTION, strbuf_str(&p->part));
    return id;
}

static uint64_t location_of(struct profile *p, const char *frame, struct str source) {
    bool is_new;
    struct str text = str_of(frame);
    uint64_t id =
        1 + pprof_number_of(p, &p->location_ids, &p->location_count, text, source, &is_new);
    if (!is_new)
        return id;
    struct frame_parts parts = split_frame(text);
    struct alloc_place place = alloc_place_of(source);
    uint64_t mapping = parts.module.len ? mapping_of(p, parts.module) : 0, function = 0;
    if (mapping) {
        struct profile_mapping *m = &p->mappings[mapping - 1];
        m->unnamed |= !parts.function.len;
        m->without_file |= !place.file.len;
        m->without_line |= !place.line;
    }
    if (parts.function.len)
        function = function_of(p, text, parts.function, place.file);
    strbuf_clear(&p->part);
    pprof_put_number(&p->part, 1, id);
    if (mapping)
        pprof_put_number(&p->part, 2, mapping);
    /* Frames show return addresses, locations are of the call in front of it. */
    if (parts.address)
        pprof_put_number(&p->part, 3, (mapping ? mapping_start(mapping) : 0) + parts.address - 1);
    strbuf_clear(&p->numbers);
    pprof_put_number(&p->numbers, 1, function);
    if (place.line)
        pprof_put_number(&p->numbers, 2, place.line);
    if (function)
        pprof_put_bytes(&p->part, 4, strbuf_str(&p->numbers));
    pprof_put_bytes(&p->out, PROFILE_LOCATION, strbuf_str(&p->part));
    return id;
}

static void put_type(struct profile *p, unsigned field, const char *name, const char *unit) {
    uint64_t name_number = pprof_string_of(p, str_of(name)),
             unit_number = pprof_string_of(p, str_of(unit));
    strbuf_clear(&p->part);
    pprof_put_number(&p->part, 1, name_number);
    pprof_put_number(&p->part, 2, unit_number);
    pprof_put_bytes(&p->out, field, strbuf_str(&p->part));
}

static uint64_t pprof_known(uint64_t number) {
    return number == ABSENT ? 0 : number;
}

/* Does it tell what was ever allocated? */
static bool tells_ever(const struct series *s) {
    for (uint32_t i = 0; i < s->stack_count; i++)
        if (s->stacks[i].ever)
            return s->count == 1;
    return false;
}

/* Values in the order of the types: counts before bytes; a delta may be negative. */
static void pprof_put_values(const struct series *s, const struct alloc_sample *of, bool ever,
                             struct strbuf *out) {
    const struct cell *base = &of->totals[0], *now = &of->totals[s->count - 1];
    uint64_t counts[] = {pprof_known(base->objects), pprof_known(now->objects)};
    uint64_t bytes[] = {pprof_known(base->bytes), pprof_known(now->bytes)};
    if (s->count > 1) {
        strbuf_add_varint(out, counts[1] - counts[0]);
        strbuf_add_varint(out, bytes[1] - bytes[0]);
        strbuf_add_varint(out, counts[0]);
        strbuf_add_varint(out, bytes[0]);
    }
    if (ever) {
        strbuf_add_varint(out, of->ever ? pprof_known(of->ever[0].objects) : 0);
        strbuf_add_varint(out, of->ever ? pprof_known(of->ever[0].bytes) : 0);
    }
    strbuf_add_varint(out, counts[1]);
    strbuf_add_varint(out, bytes[1]);
}

static void pprof_put_sample(struct profile *p, const struct series *s,
                             const struct series_stack *stack, const struct alloc_sample *of,
                             bool ever, uint64_t *ids) {
    struct strbuf sample;
    strbuf_init(&sample);
    for (uint32_t i = 0; i < stack->frames.count; i++)
        ids[i] = location_of(p, stack->frames.items[i], alloc_sample_place(of, i));
    strbuf_clear(&p->numbers);
    for (uint32_t i = 0; i < stack->frames.count; i++)
        strbuf_add_varint(&p->numbers, ids[i]);
    pprof_put_bytes(&sample, 1, strbuf_str(&p->numbers));
    strbuf_clear(&p->numbers);
    pprof_put_values(s, of, ever, &p->numbers);
    pprof_put_bytes(&sample, 2, strbuf_str(&p->numbers));
    if (stack->size_each != ABSENT) {
        uint64_t key = pprof_string_of(p, STR("bytes"));
        strbuf_clear(&p->part);
        pprof_put_number(&p->part, 1, key);
        pprof_put_number(&p->part, 3, stack->size_each);
        pprof_put_bytes(&sample, 3, strbuf_str(&p->part));
    }
    pprof_put_bytes(&p->out, PROFILE_SAMPLE, strbuf_str(&sample));
    p->failed = p->failed || strbuf_failed(&sample);
    strbuf_deinit(&sample);
}

/* Pairs of a count and a size. */
static void pprof_put_types(struct profile *p, const char *const *types, size_t count) {
    for (size_t i = 0; i < count; i++)
        put_type(p, PROFILE_SAMPLE_TYPE, types[i], i % 2 ? "bytes" : "count");
}

static void put_head(struct profile *p, const struct series *s, bool ever) {
    static const char *const diff_types[] = {"delta_objects", "delta_space", "base_objects",
                                             "base_space",    "new_objects", "new_space"};
    static const char *const show_types[] = {"alloc_objects", "alloc_space", "inuse_objects",
                                             "inuse_space"};
    const struct origin_row *origin = snapshot_origin(series_new(s));
    pprof_string_of(p, STR("")); /* the first has to be empty */
    if (s->count > 1)
        pprof_put_types(p, diff_types, 6);
    else
        pprof_put_types(p, ever ? show_types : show_types + 2, ever ? 4 : 2);
    pprof_put_number(&p->out, PROFILE_DEFAULT_SAMPLE_TYPE,
                     pprof_string_of(p, str_of(s->count > 1 ? "delta_space" : "inuse_space")));
    if (origin->captured_at_ns != ABSENT)
        pprof_put_number(&p->out, PROFILE_TIME_NANOS, origin->captured_at_ns);
    if (s->count > 1 && s->interval_ns != ABSENT)
        pprof_put_number(&p->out, PROFILE_DURATION_NANOS, s->interval_ns);
    if (origin->sample_bytes != ABSENT) {
        put_type(p, PROFILE_PERIOD_TYPE, "space", "bytes");
        pprof_put_number(&p->out, PROFILE_PERIOD, origin->sample_bytes);
    }
}

static bool pprof_pack(struct str data, struct strbuf *out, struct err *err) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data.ptr};
    unsigned char buffer[65536];
    size_t left = data.len;
    /* 16: with the head of gzip, which then holds no time. */
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return err_nomem(err);
    int code = Z_OK;
    while (code == Z_OK) {
        uInt take = left > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uInt)left;
        if (z.avail_in == 0) {
            z.avail_in = take;
            left -= take;
        }
        z.next_out = buffer;
        z.avail_out = sizeof(buffer);
        code = deflate(&z, left ? Z_NO_FLUSH : Z_FINISH);
        strbuf_add(out, (struct str){(const char *)buffer, sizeof(buffer) - z.avail_out});
    }
    deflateEnd(&z);
    return code == Z_STREAM_END ||
           err_set(err, ERR_SYSTEM, "the profile cannot be compressed: zlib says %d", code);
}

static void profile_init(struct profile *p) {
    *p = (struct profile){.failed = false};
    strbuf_init(&p->out);
    strbuf_init(&p->strings);
    strbuf_init(&p->part);
    strbuf_init(&p->numbers);
    strmap_init(&p->string_ids);
    strmap_init(&p->mapping_ids);
    strmap_init(&p->location_ids);
    strmap_init(&p->function_ids);
}

static void profile_deinit(struct profile *p) {
    strbuf_deinit(&p->out);
    strbuf_deinit(&p->strings);
    strbuf_deinit(&p->part);
    strbuf_deinit(&p->numbers);
    strmap_deinit(&p->string_ids);
    strmap_deinit(&p->mapping_ids);
    strmap_deinit(&p->location_ids);
    strmap_deinit(&p->function_ids);
    free(p->mappings);
}

static uint32_t deepest(const struct series *s, const struct alloc_view *v) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        uint32_t frames = s->stacks[v->rows[i]].frames.count;
        most = frames > most ? frames : most;
    }
    return most;
}

static bool pprof(const struct series *s, const struct findings *f, const struct report_options *o,
                  struct strbuf *out, struct err *err) {
    struct alloc_view v;
    struct report_options all = *o;
    struct profile p;
    (void)f;
    all.all = true; /* a graph is made of what did not change, too */
    if (!alloc_view_init(&v, s, ALLOC_STACKS, &all, view_top(o, TOP_ALL), err))
        return false;
    uint64_t *ids = calloc((size_t)deepest(s, &v) + 1, sizeof(*ids));
    profile_init(&p);
    bool ever = tells_ever(s);
    put_head(&p, s, ever);
    for (uint32_t i = 0; ids && i < v.count; i++) {
        const struct series_stack *stack = &s->stacks[v.rows[i]];
        for (uint32_t k = 0; k < alloc_samples(stack); k++) {
            struct alloc_sample of = alloc_sample(stack, k);
            pprof_put_sample(&p, s, stack, &of, ever, ids);
        }
    }
    put_mappings(&p);
    strbuf_add(&p.out, strbuf_str(&p.strings));
    bool ok = (ids && !p.failed) || err_nomem(err);
    ok = ok && strbuf_ok(&p.out, err) && strbuf_ok(&p.strings, err) && strbuf_ok(&p.part, err) &&
         strbuf_ok(&p.numbers, err) && pprof_pack(strbuf_str(&p.out), out, err) &&
         strbuf_ok(out, err);
    profile_deinit(&p);
    alloc_view_deinit(&v);
    free(ids);
    return ok;
}

extern const struct report report_pprof;
const struct report report_pprof = {.name = "pprof",
                                    .summary = "allocation stacks as profile.proto for pprof; of a "
                                               "diff with delta, base and new",
                                    .needs = PART_BIT(PART_STACKS),
                                    .show = pprof,
                                    .diff = pprof,
                                    .binary = true};
