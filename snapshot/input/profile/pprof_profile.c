/*
 * Profiles in pprof's profile.proto, plain or in gzip: Go's /debug/pprof/heap, `pprof -proto`,
 * tcmalloc, heap profilers of Rust, Node and the JVM.
 *
 * Each sample has a stack and one number for each sample type. Those are taken that say what is in
 * use: inuse_objects and inuse_space of Go, objects and space of older ones. What was ever
 * allocated (alloc_objects, alloc_space) goes beside them. Figures are estimates that the profiler
 * has made already: nothing is unsampled here; the period says of how many bytes one was sampled.
 *
 * A location is several frames where functions were inlined, the innermost first. Its address is in
 * the call, not behind it.
 *
 * drop_frames and keep_frames are not applied: instead, what is known to be an allocator is left
 * out as in all profiles (see heap_profile.h).
 */
#include "base/num.h"
#include "base/proto.h"
#include "base/vec.h"
#include "input/profile/heap_profile.h"
#include "input/profile/pprof.h"
#include "model/rows_origin.h"
#include "model/rows_stacks.h"
#include "model/snapshot.h"

#include <inttypes.h>

#define NONE        UINT32_MAX
#define INLINED_MAX 64u /* frames of one location */

/* What a sample's numbers mean: which of them, and how many bytes its unit has. */
struct measure {
    uint32_t at; /* NONE: not there */
    uint64_t unit;
};

struct reading {
    struct heap_profile profile;
    struct pprof_tables tables;
    struct builder *b;
    struct measure count, bytes, total_count, total_bytes;
    bool only_ever; /* nothing says what is in use */
    struct profile_frame *frames;
    uint32_t frame_count, frame_capacity;
    uint64_t no_location, no_values, negative, inlined_cut, broken;
};

/* -- What is measured -------------------------------------------------------------------------- */

static bool pprof_profile_is_one_of(struct str s, const char *a, const char *b) {
    return str_eq(s, str_of(a)) || (b && str_eq(s, str_of(b)));
}

static struct measure find_measure(const struct pprof_tables *t, const char *name,
                                   const char *other) {
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {{"", 1},        {"count", 1},           {"bytes", 1},
                 {"objects", 1}, {"kilobytes", 1 << 10}, {"megabytes", 1 << 20}};
    struct measure m = {NONE, 0};
    for (uint32_t i = 0; i < t->value_count && m.at == NONE; i++) {
        struct str unit = pprof_string(t, t->values[i].unit);
        if (!pprof_profile_is_one_of(pprof_string(t, t->values[i].type), name, other))
            continue;
        for (size_t k = 0; k < sizeof(units) / sizeof(*units); k++)
            if (str_eq(unit, str_of(units[k].name)))
                m = (struct measure){i, units[k].bytes};
    }
    return m;
}

/* "cpu in nanoseconds, samples in count" */
static void list_values(const struct pprof_tables *t, struct strbuf *out) {
    for (uint32_t i = 0; i < t->value_count; i++) {
        struct str type = str_take(pprof_string(t, t->values[i].type), 32);
        struct str unit = str_take(pprof_string(t, t->values[i].unit), 32);
        strbuf_adds(out, i ? ", " : "");
        strbuf_add(out, str_take(type, str_utf8_valid(type)));
        strbuf_adds(out, " in ");
        strbuf_add(out, str_take(unit, str_utf8_valid(unit)));
    }
    for (size_t i = 0; i < out->len; i++)
        if ((unsigned char)out->ptr[i] < ' ')
            out->ptr[i] = '?';
}

static bool find_measures(struct reading *r, struct err *err) {
    const struct pprof_tables *t = &r->tables;
    r->count = find_measure(t, "inuse_objects", "objects");
    r->bytes = find_measure(t, "inuse_space", "space");
    r->total_count = find_measure(t, "alloc_objects", "allocations");
    r->total_bytes = find_measure(t, "alloc_space", "size");
    if (r->bytes.at == NONE && r->total_bytes.at != NONE) {
        r->only_ever = true;
        r->count = r->total_count;
        r->bytes = r->total_bytes;
        builder_warn(r->b, ABSENT,
                     "pprof: figures are of all that was ever allocated: the profile does not say "
                     "what is still in use");
    }
    if (r->bytes.at != NONE)
        return true;
    struct strbuf values;
    strbuf_init(&values);
    list_values(t, &values);
    err_set(err, ERR_UNSUPPORTED, "is no profile of memory: its samples are %s",
            values.len ? strbuf_cstr(&values) : "of nothing");
    strbuf_deinit(&values);
    return false;
}

/* -- Frames ------------------------------------------------------------------------------------ */

static struct profile_frame *frame_new(struct reading *r, struct err *err) {
    if (!VEC_ROOM_IN(&r->tables.arena, r->frames, r->frame_count, r->frame_capacity, err))
        return NULL;
    return &r->frames[r->frame_count];
}

/* A function by its id, in the module of the location. */
static bool name_line(struct reading *r, struct pprof_location *l, struct bytes line,
                      struct err *err) {
    struct reader reader;
    struct proto_field f;
    uint64_t id = 0, number = 0;
    reader_init(&reader, line, 0);
    while (proto_next(&reader, &f)) {
        if (f.number == 1 && f.wire == PROTO_VARINT)
            id = f.value;
        if (f.number == 2 && f.wire == PROTO_VARINT && f.value <= INT64_MAX)
            number = f.value;
    }
    r->broken += reader.failed;
    struct str file, function = pprof_function(&r->tables, id, &file);
    const struct pprof_mapping *m = pprof_mapping(&r->tables, l->mapping);
    if (!function.len)
        return true;
    if (l->count == INLINED_MAX) {
        r->inlined_cut++;
        return true;
    }
    struct str module = m ? pprof_string(&r->tables, m->file) : (struct str){NULL, 0};
    struct profile_frame *frame = frame_new(r, err);
    if (!frame || !heap_profile_named(&r->profile, function, module, frame, err) ||
        !(frame->text = builder_frame_at(r->b, frame->text, file, number, err)))
        return false;
    r->frame_count++;
    l->count++;
    return true;
}

static bool name_location(struct reading *r, struct pprof_location *l, struct err *err) {
    struct reader reader;
    struct proto_field f;
    l->named = true;
    l->first = r->frame_count;
    reader_init(&reader, l->message, 0);
    while (proto_next(&reader, &f))
        if (f.number == 4 && f.wire == PROTO_BYTES && !name_line(r, l, f.bytes, err))
            return false;
    if (l->count)
        return true;
    struct profile_frame *frame = frame_new(r, err);
    const struct profile_frame *found =
        frame ? heap_profile_frame(&r->profile, l->address + 1, err) : NULL;
    if (!found)
        return false;
    *frame = *found;
    r->frame_count++;
    l->count = 1;
    return true;
}

static bool push_location(struct reading *r, uint64_t id, struct err *err) {
    struct pprof_location *l = pprof_location(&r->tables, id);
    if (!l) {
        r->no_location++;
        return true;
    }
    if (!l->named && !name_location(r, l, err))
        return false;
    for (uint32_t i = 0; i < l->count && r->profile.depth <= STACK_FRAMES_MAX; i++)
        heap_profile_push_frame(&r->profile, &r->frames[l->first + i]);
    return true;
}

/* -- Samples ----------------------------------------------------------------------------------- */

static uint64_t pprof_profile_value_of(struct reading *r, const uint64_t *values, uint32_t count,
                                       struct measure m) {
    uint64_t value;
    if (m.at == NONE)
        return ABSENT;
    if (m.at >= count || values[m.at] > INT64_MAX) {
        r->negative += m.at < count;
        r->no_values += m.at >= count;
        return ABSENT;
    }
    return __builtin_mul_overflow(values[m.at], m.unit, &value) ? ABSENT - 1 : value;
}

/* The label "bytes" is the size of one allocation. Of other labels nothing is kept. */
static uint64_t size_in_label(const struct reading *r, struct bytes label) {
    struct reader reader;
    struct proto_field f;
    uint64_t key = 0, number = 0;
    reader_init(&reader, label, 0);
    while (proto_next(&reader, &f)) {
        key = f.number == 1 ? f.value : key;
        number = f.number == 3 ? f.value : number;
    }
    return str_eq(pprof_string(&r->tables, key), STR("bytes")) && number && number <= INT64_MAX
               ? number
               : ABSENT;
}

static bool add_sample(struct reading *r, const uint64_t *values, uint32_t count, uint64_t size,
                       struct err *err) {
    struct stack_row row = STACK_ROW;
    row.bytes = pprof_profile_value_of(r, values, count, r->bytes);
    row.count = pprof_profile_value_of(r, values, count, r->count);
    row.total_count = pprof_profile_value_of(r, values, count, r->total_count);
    row.total_bytes = pprof_profile_value_of(r, values, count, r->total_bytes);
    row.size_each = size;
    if (row.bytes == ABSENT) {
        heap_profile_drop(&r->profile);
        return true;
    }
    return heap_profile_add(&r->profile, &row, err);
}

static bool read_sample(struct reading *r, struct bytes message, struct err *err) {
    uint64_t values[PPROF_VALUES_MAX], number, size = ABSENT;
    uint32_t count = 0;
    struct reader reader;
    struct proto_field f;
    reader_init(&reader, message, 0);
    while (proto_next(&reader, &f)) {
        struct proto_numbers numbers;
        if (f.number == 3 && f.wire == PROTO_BYTES && size == ABSENT)
            size = size_in_label(r, f.bytes);
        if (f.number != 1 && f.number != 2)
            continue;
        for (proto_numbers_begin(&numbers, &f); proto_numbers_next(&numbers, &number);) {
            if (f.number == 1 && !push_location(r, number, err))
                return false;
            if (f.number == 2 && count < PPROF_VALUES_MAX)
                values[count++] = number;
        }
        r->broken += numbers.packed.failed;
    }
    r->broken += reader.failed;
    return add_sample(r, values, count, size, err);
}

/* -- All of it --------------------------------------------------------------------------------- */

static bool add_maps(struct reading *r, struct err *err) {
    const struct pprof_mapping *m = r->tables.mappings.items;
    for (uint32_t i = 0; i < r->tables.mappings.count; i++) {
        struct profile_mapping mapping = {m[i].start, m[i].limit, m[i].offset,
                                          pprof_string(&r->tables, m[i].file),
                                          pprof_string(&r->tables, m[i].build_id)};
        if (mapping.end > mapping.start && !heap_profile_add_map(&r->profile, &mapping, err))
            return false;
    }
    heap_profile_sort_maps(&r->profile);
    return true;
}

static bool read_samples(struct reading *r, struct bytes file, struct err *err) {
    struct reader reader;
    struct proto_field f;
    reader_init(&reader, file, 0);
    while (proto_next(&reader, &f))
        if (f.number == 2 && f.wire == PROTO_BYTES && !read_sample(r, f.bytes, err))
            return false;
    return true;
}

static bool pprof_profile_say_origin(struct reading *r, struct err *err) {
    const struct pprof_tables *t = &r->tables;
    bool of_space =
        pprof_profile_is_one_of(pprof_string(t, t->period_type.type), "space", "bytes") ||
        pprof_profile_is_one_of(pprof_string(t, t->period_type.unit), "bytes", NULL);
    uint64_t rate = of_space && t->period <= INT64_MAX ? t->period : 0;
    struct origin_row *origin = builder_single(r->b, PART_ORIGIN, err);
    if (!origin)
        return false;
    if (t->time_ns && t->time_ns <= INT64_MAX)
        builder_say(r->b, &origin->captured_at_ns, t->time_ns, "the time of the dump");
    return heap_profile_say_origin(&r->profile, "pprof", rate, ABSENT, err);
}

static void pprof_profile_check(const struct reading *r) {
    struct builder *b = r->b;
    const struct pprof_tables *t = &r->tables;
    if (t->is_cut || r->broken)
        builder_lacks(b, PART_BIT(PART_STACKS), ASPECT_ROWS, ABSENT,
                      "pprof: the profile is cut or damaged: read what comes before");
    if (r->no_location)
        builder_warn(b, r->no_location, "pprof: frames whose location is not in the profile");
    if (r->no_values)
        builder_lacks(b, PART_BIT(PART_STACKS), ASPECT_ROWS, r->no_values,
                      "pprof: values are missing in samples");
    if (r->negative)
        builder_warn(b, r->negative,
                     "pprof: negative values, as of a difference of two profiles, were left out");
    if (r->inlined_cut)
        builder_warn(b, r->inlined_cut, "pprof: more than %u frames in one location were cut",
                     INLINED_MAX);
    if (t->repeated_ids)
        builder_warn(b, t->repeated_ids, "pprof: an id is there twice: the first one counts");
    if (pprof_string(t, t->drop_frames).len || pprof_string(t, t->keep_frames).len)
        builder_note(b, "pprof: drop_frames and keep_frames of the profile are not applied");
}

static bool read_pprof(struct source *source, struct builder *b, struct err *err) {
    struct reading r = {.b = b};
    heap_profile_begin(&r.profile, source, false, b);
    bool ok = pprof_tables_read(&r.tables, source->bytes, err) && find_measures(&r, err) &&
              add_maps(&r, err) && read_samples(&r, source->bytes, err) &&
              pprof_profile_say_origin(&r, err);
    if (ok)
        pprof_profile_check(&r);
    heap_profile_end(&r.profile);
    pprof_tables_deinit(&r.tables);
    return ok;
}

const struct input input_pprof = {
    .name = "pprof",
    .whole = true,
    .summary = "heap profile of pprof (profile.proto, also gzip): Go, tcmalloc, and others",
    .may_give = PART_BIT(PART_STACKS),
    .probe = pprof_probe,
    .read = read_pprof,
};
