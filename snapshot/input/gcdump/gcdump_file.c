#include "input/gcdump/gcdump_file.h"

#include "base/hash.h"

#include <inttypes.h>

#define OLDEST_VERSION 4u
#define TAGGED_VERSION 9u /* from here on what is new comes with tags */
/* A module's path, once for all its types. */
#define MODULE_PATH_MAX 32768u

struct opening {
    struct gcdump_file *f;
    struct fs_stream s;
    struct err *err;
};

static bool gcdump_file_refuse(struct opening *o, const char *what) {
    return err_at(o->err, o->s.r.failed ? ERR_TRUNCATED : ERR_FORMAT, o->s.r.pos,
                  o->s.r.failed ? "ends early or is broken: %s" : "%s", what);
}

static float load_float(const uint8_t *p) {
    float value;
    memcpy(&value, p, sizeof(value));
    return value;
}

static float read_float(struct fs_stream *s) {
    uint32_t bits = reader_u32(&s->r);
    return load_float((const uint8_t *)&bits);
}

/* -- Graph ------------------------------------------------------------------------------------- */

static bool gcdump_file_read_types(struct opening *o) {
    struct gcdump_file *f = o->f;
    struct fs_stream *s = &o->s;
    uint32_t count = reader_u32(&s->r);
    if (!reader_has_items(&s->r, count, 12))
        return gcdump_file_refuse(o, "more types than the file has room for");
    f->types = arena_array(&f->arena, (size_t)count + 1, sizeof(*f->types));
    if (!f->types)
        return err_nomem(o->err);
    for (uint32_t i = 0; i < count; i++) {
        f->types[i].name = fs_string(s);
        f->types[i].size = reader_u32(&s->r);
        f->types[i].module = fs_string(s);
    }
    f->type_count = count;
    return !s->r.failed || gcdump_file_refuse(o, "the table of types");
}

/*
 * Graphs that were said to be very large count nodes in 8 bytes instead of 4, and nothing says so:
 * but behind the nodes comes their number once more.
 */
static bool counts_agree(const struct fs_stream *s, bool has_expansion, unsigned count_bytes) {
    struct fs_stream there = *s;
    struct reader *r = &there.r;
    uint64_t count = count_bytes == 4 ? reader_u32(r) : reader_u64(r);
    if (count >> 32 || !reader_skip(r, count * 4) || !reader_skip(r, reader_u32(r)) ||
        (has_expansion && !fs_goto_forward(&there, reader_u32(r))))
        return false;
    uint64_t addresses = count_bytes == 4 ? reader_u32(r) : reader_u64(r);
    return !r->failed && addresses == count;
}

static bool read_nodes(struct opening *o, bool has_expansion, unsigned *ret_count_bytes) {
    struct gcdump_file *f = o->f;
    struct reader *r = &o->s.r;
    bool wide = !counts_agree(&o->s, has_expansion, 4) && counts_agree(&o->s, has_expansion, 8);
    unsigned count_bytes = wide ? 8 : 4;
    uint64_t count = count_bytes == 4 ? reader_u32(r) : reader_u64(r);
    if (count >= UINT32_MAX)
        return err_at(o->err, ERR_LIMIT, r->pos, "%" PRIu64 " nodes", count);
    struct bytes labels = reader_bytes(r, count * 4);
    uint64_t size = reader_u32(r);
    if (r->failed)
        return gcdump_file_refuse(o, "the table of nodes");
    f->node_count = (uint32_t)count;
    f->labels = labels.data;
    size_t left = reader_left(r);
    f->nodes_missing = size > left ? size - left : 0;
    f->nodes = reader_bytes(r, size - f->nodes_missing);
    *ret_count_bytes = count_bytes;
    return true;
}

static struct str gcdump_file_read_module(struct fs_stream *s) {
    struct str path = fs_string(s);
    reader_skip(&s->r, 8 + 4 + 8); /* base, size, time */
    fs_string(s);                  /* symbols: name, GUID, age */
    reader_skip(&s->r, 16 + 4);
    fs_end_object(s);
    return str_take(path, MODULE_PATH_MAX);
}

/* The module of a deferred type; modules said once are referred to by their labels. */
static bool read_module_reference(struct opening *o, struct u64map *seen, struct str *modules,
                                  uint32_t *module_count, struct str *ret_path) {
    struct fs_type type;
    uint64_t label;
    *ret_path = (struct str){NULL, 0};
    switch (fs_begin_object(&o->s, &type, &label)) {
    case FS_IS_OBJECT:
        modules[*module_count] = *ret_path = gcdump_file_read_module(&o->s);
        return u64map_put(seen, label, (*module_count)++) || err_nomem(o->err);
    case FS_IS_REFERENCE: {
        uint32_t number = u64map_get(seen, label);
        if (number != STRMAP_NONE)
            *ret_path = modules[number];
        return true;
    }
    default:
        return true;
    }
}

/* Types of .NET Native: a token and a module instead of a name. */
static bool read_deferred(struct opening *o) {
    struct gcdump_file *f = o->f;
    struct fs_stream *s = &o->s;
    uint32_t count = reader_u32(&s->r), module_count = 0;
    if (!reader_has_items(&s->r, count, 9))
        return gcdump_file_refuse(o, "more deferred types than the file has room for");
    struct str *modules = arena_array(&f->arena, (size_t)count + 1, sizeof(*modules));
    struct u64map seen;
    u64map_init(&seen);
    bool ok = modules || err_nomem(o->err);
    for (uint32_t i = 0; ok && i < count && !s->r.failed; i++) {
        uint32_t id = reader_u32(&s->r);
        struct str path, suffix;
        ok = read_module_reference(o, &seen, modules, &module_count, &path);
        suffix = fs_string(s);
        if (!ok || s->r.failed || i >= f->type_count || path.ptr == NULL)
            continue;
        f->types[i].deferred = true;
        f->types[i].id = id;
        f->types[i].module = path;
        f->types[i].name = suffix;
    }
    u64map_deinit(&seen);
    return ok;
}

/* What version 1 of the graph added, in a region that older readers leap over. */
static bool read_expansion(struct opening *o) {
    struct fs_stream *s = &o->s;
    uint32_t end = reader_u32(&s->r);
    if (!read_deferred(o))
        return false;
    if (!fs_goto_forward(s, end))
        fs_end_object(s);
    return true;
}

/* The addresses that the nodes had, and what follows them. */
static void skip_addresses(struct opening *o, unsigned count_bytes) {
    struct gcdump_file *f = o->f;
    struct fs_stream *s = &o->s;
    uint64_t count = count_bytes == 4 ? reader_u32(&s->r) : reader_u64(&s->r);
    if (count > UINT32_MAX)
        s->r.failed = true;
    (void)reader_bytes(&s->r, s->r.failed ? 0 : count * 8);
    if (fs_tagged(s, FS_BYTE))
        f->pointer_bytes = reader_u8(&s->r) ? 8 : 4;
    fs_end_object(s);
}

static bool read_graph(struct opening *o) {
    struct gcdump_file *f = o->f;
    struct fs_stream *s = &o->s;
    struct fs_type type;
    uint64_t label;
    unsigned count_bytes = 4;
    if (fs_begin_object(s, &type, &label) != FS_IS_OBJECT ||
        !str_eq(type.name, STR("Graphs.MemoryGraph")))
        return gcdump_file_refuse(o, "no graph of objects where it should stand");
    f->total_bytes = reader_u64(&s->r);
    f->root = reader_u32(&s->r);
    bool has_expansion = type.min_reader >= 1;
    if (!gcdump_file_read_types(o) || !read_nodes(o, has_expansion, &count_bytes))
        return false;
    if (f->nodes_missing)
        return true;
    if (has_expansion && !read_expansion(o))
        return false;
    skip_addresses(o, count_bytes);
    return true;
}

/* -- What stands around it --------------------------------------------------------------------- */

static void read_process(struct fs_stream *s, struct gcdump_file *f) {
    f->log = fs_string(s);
    f->ticks = reader_u64(&s->r);
    f->machine = fs_string(s);
    f->process = fs_string(s);
    f->pid = reader_u32(&s->r);
    f->commit_bytes = reader_u64(&s->r);
    f->working_set_bytes = reader_u64(&s->r);
}

static void gcdump_file_read_segment(struct fs_stream *s, struct gcdump_segment *segment,
                                     uint32_t version) {
    segment->start = reader_u64(&s->r);
    segment->end = reader_u64(&s->r);
    for (unsigned i = 0; i < 4 + (version >= 1); i++)
        segment->gen_end[i] = reader_u64(&s->r);
    if (version < 1)
        segment->gen_end[4] = segment->start;
    fs_end_object(s);
}

static bool gcdump_file_read_segments(struct opening *o) {
    struct gcdump_file *f = o->f;
    struct fs_stream *s = &o->s;
    uint32_t count = reader_u32(&s->r);
    if (!reader_has_items(&s->r, count, 48)) {
        s->r.failed = true;
        return true;
    }
    f->segments = arena_array(&f->arena, (size_t)count + 1, sizeof(*f->segments));
    if (!f->segments)
        return err_nomem(o->err);
    for (uint32_t i = 0; i < count && !s->r.failed; i++) {
        struct fs_type type;
        uint64_t label;
        struct gcdump_segment segment;
        if (fs_begin_object(s, &type, &label) != FS_IS_OBJECT)
            continue;
        gcdump_file_read_segment(s, &segment, type.version);
        if (!s->r.failed)
            f->segments[f->segment_count++] = segment;
    }
    return true;
}

/* JSHeapInfo has no fields, DotNetHeapInfo the segments of the heap. */
static bool read_heap_info(struct opening *o, bool has_segments) {
    struct fs_type type;
    uint64_t label;
    if (fs_begin_object(&o->s, &type, &label) != FS_IS_OBJECT)
        return true;
    if (has_segments) {
        reader_skip(&o->s.r, 8); /* size of all segments */
        if (!gcdump_file_read_segments(o))
            return false;
    }
    fs_end_object(&o->s);
    return true;
}

static void read_multipliers(struct fs_stream *s, struct gcdump_file *f) {
    uint32_t count = reader_u32(&s->r);
    struct bytes values = reader_bytes(&s->r, (uint64_t)count * 4);
    if (s->r.failed || count == 0)
        return;
    f->type_multipliers = values.data;
    f->type_multiplier_count = count;
}

/* Information on COM, which is skipped, and the tool. */
static void read_tagged(struct fs_stream *s, struct gcdump_file *f) {
    if (fs_tagged(s, FS_SKIP_REGION)) {
        uint32_t end = reader_u32(&s->r);
        if (!fs_tagged(s, FS_NULL_REFERENCE) && !fs_goto_forward(s, end))
            s->r.failed = true;
    }
    if (fs_tagged(s, FS_STRING))
        f->tool = fs_string(s);
}

static bool read_version_9(struct opening *o) {
    struct gcdump_file *f = o->f;
    struct fs_stream *s = &o->s;
    bool is_64 = reader_u8(&s->r) != 0;
    if (!s->r.failed && f->pointer_bytes == 0)
        f->pointer_bytes = is_64 ? 8 : 4;
    float count = read_float(s), size = read_float(s);
    if (!read_heap_info(o, false) || !read_heap_info(o, true))
        return false;
    read_process(s, f);
    if (!s->r.failed) {
        f->count_multiplier = count;
        f->size_multiplier = size;
    }
    read_multipliers(s, f);
    if (!s->r.failed)
        read_tagged(s, f);
    return true;
}

static bool read_older(struct opening *o) {
    struct gcdump_file *f = o->f;
    struct fs_stream *s = &o->s;
    reader_skip(&s->r, 8 + 8 + 8 + 1); /* sizes and numbers, and whether all objects are there */
    if (f->version >= 5)
        read_process(s, f);
    if (f->version >= 6 && !gcdump_file_read_segments(o))
        return false;
    if (f->version >= 7 && !s->r.failed)
        f->pointer_bytes = reader_u8(&s->r) ? 8 : 4;
    return true;
}

bool gcdump_open(struct gcdump_file *f, struct bytes in, struct err *err) {
    *f = (struct gcdump_file){.in = in, .count_multiplier = 1, .size_multiplier = 1};
    arena_init(&f->arena);
    struct opening o = {.f = f, .err = err};
    struct fs_type type;
    uint64_t label;
    if (!fs_open(&o.s, in))
        return err_set(err, ERR_FORMAT, "no stream of FastSerialization");
    if (fs_begin_object(&o.s, &type, &label) != FS_IS_OBJECT)
        return gcdump_file_refuse(&o, "its first object");
    if (!str_eq(type.name, STR("GCHeapDump")))
        return err_set(err, ERR_UNSUPPORTED,
                       "a stream of FastSerialization that holds no heap: %.*s", (int)type.name.len,
                       type.name.ptr);
    f->version = type.version;
    if (type.version < OLDEST_VERSION || type.version == 8)
        return err_set(err, ERR_UNSUPPORTED, "version %" PRIu32 " of GCHeapDump", type.version);
    if (!read_graph(&o))
        return false;
    if (f->nodes_missing || o.s.r.failed) {
        f->cut = "process, time, and whether objects are a sample";
        return true;
    }
    if (!(type.version >= TAGGED_VERSION ? read_version_9(&o) : read_older(&o)))
        return false;
    if (o.s.r.failed)
        f->cut = "what the tool says about the dump";
    else if (!o.s.has_trailer)
        f->cut = "its end";
    return true;
}

void gcdump_close(struct gcdump_file *f) {
    arena_deinit(&f->arena);
}

/* -- Looking up -------------------------------------------------------------------------------- */

float gcdump_type_multiplier(const struct gcdump_file *f, uint32_t type) {
    if (type < f->type_multiplier_count)
        return load_float(f->type_multipliers + (size_t)type * 4);
    return f->count_multiplier;
}
