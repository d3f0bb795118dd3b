/* Java heaps: jmap -dump, jcmd GC.heap_dump, -XX:+HeapDumpOnOutOfMemoryError. */
#include "java/hprof_file.h"
#include "java/hprof_graph.h"
#include "java/hprof_size.h"
#include "java/hprof_threads.h"
#include "input/input.h"
#include "model/rows_origin.h"

#include <inttypes.h>

struct reading {
    struct hprof h;
    struct hprof_sizes sizes;
    struct builder *b;
    uint64_t instances, measured, guessed; /* [count] objects */
};

static uint64_t hprof_size_of(struct reading *r, const struct hprof_class *c) {
    if (c->array)
        return hprof_arrays_size(&r->sizes, &r->h.arrays[c->array - 1], r->sizes.layout->reference);
    enum hprof_certainty certainty;
    uint64_t size = hprof_instance_size(&r->sizes, c, &certainty), all;
    r->instances += c->objects;
    r->measured += certainty == HPROF_MEASURED ? c->objects : 0;
    r->guessed += certainty == HPROF_GUESSED ? c->objects : 0;
    return __builtin_mul_overflow(size, c->objects, &all) ? ABSENT - 1 : all;
}

static bool add_classes(struct reading *r, struct err *err) {
    struct strbuf text;
    bool ok = true;
    strbuf_init(&text);
    for (uint32_t i = 0; ok && i < r->h.class_count; i++) {
        const struct hprof_class *c = &r->h.classes[i];
        struct str name = hprof_name_of(&r->h, c);
        struct cell cell = {c->objects, c->objects ? hprof_size_of(r, c) : 0};
        if (str_eq(name, STR("java/lang/Class"))) {
            cell_add(&cell, (struct cell){r->h.class_dumps, hprof_mirrors_size(&r->sizes, c)});
        } else if (!c->objects) {
            continue;
        }
        strbuf_clear(&text);
        hprof_class_name(name, &text);
        if (name.len == 0)
            strbuf_addf(&text, "<class 0x%" PRIx64 ">", c->id);
        ok = strbuf_ok(&text, err) &&
             builder_add_type(r->b, strbuf_str(&text), STR(""), GEN_UNKNOWN, cell, err);
    }
    strbuf_deinit(&text);
    return ok;
}

static bool add_primitives(struct reading *r, struct err *err) {
    for (int type = 0; type < HPROF_TYPES; type++) {
        struct cell cell = {
            r->h.primitive_objects[type],
            hprof_arrays_size(&r->sizes, &r->h.primitives[type], hprof_type_bytes[type])};
        if (cell.objects && !builder_add_type(r->b, str_of(hprof_primitive_names[type]), STR(""),
                                              GEN_UNKNOWN, cell, err))
            return false;
    }
    return true;
}

static bool hprof_say_origin(struct reading *r, struct err *err) {
    struct origin_row *origin = builder_single(r->b, PART_ORIGIN, err);
    if (!origin)
        return false;
    if (r->h.time_ms && r->h.time_ms < (uint64_t)INT64_MAX / 1000000)
        builder_say(r->b, &origin->captured_at_ns, r->h.time_ms * 1000000, "time of the dump");
    builder_say(r->b, &origin->pointer_bytes, r->h.id_bytes, "pointer size");
    return builder_say_string(r->b, &origin->runtime,
                              r->h.is_android ? STR("Android") : STR("HotSpot"), "the runtime",
                              err);
}

/* Known once the objects were looked at; a guess is none. */
static bool hprof_say_layout(struct reading *r, struct err *err) {
    struct origin_row *origin = builder_single(r->b, PART_ORIGIN, err);
    return origin && (!r->sizes.is_seen ||
                      builder_say_string(r->b, &origin->object_layout,
                                         str_of(r->sizes.layout->name), "the layout", err));
}

static void hprof_warn(const struct reading *r) {
    const struct hprof *h = &r->h;
    struct builder *b = r->b;
    if (h->missing_bytes)
        builder_lacks(b, PART_BIT(PART_TYPES), ASPECT_ROWS, h->missing_bytes,
                      "bytes of the dump are missing: the file is cut");
    else if (h->has_segments && !h->has_end)
        builder_lacks(b, PART_BIT(PART_TYPES), ASPECT_ROWS, ABSENT,
                      "the dump has no end: the file is cut, or was never finished");
    if (h->skipped)
        builder_lacks(b, PART_BIT(PART_TYPES), ASPECT_ROWS, h->skipped_bytes,
                      "bytes of the heap were skipped behind records that make no sense");
    if (r->guessed)
        builder_warn(b, r->guessed, "objects of classes that were not dumped: sizes are guesses");
    if (!r->sizes.is_seen)
        builder_warn(b, ABSENT, "no array tells how objects are laid out: sizes are those of %s",
                     r->sizes.layout->name);
    builder_note(b,
                 "HPROF tells no sizes of objects: %s, aligned to %u bytes; of %" PRIu64
                 " instances %" PRIu64 " are as large as the distance to their neighbours, the "
                 "rest as their fields need",
                 r->sizes.layout->name, r->sizes.alignment, r->instances, r->measured);
}

/* Says that there are several dumps; which of them is wanted. */
static uint32_t choose_dump(struct bytes in, struct builder *b) {
    uint32_t dumps = hprof_dumps(in);
    for (uint32_t i = 0; dumps > 1 && i < dumps; i++)
        (void)builder_moment(b, 0);
    uint64_t chosen = builder_chosen(b);
    return dumps < 2 ? 0 : chosen < dumps ? (uint32_t)chosen : dumps - 1;
}

static bool hprof_report_graph(struct reading *r, struct hprof_kept *kept,
                               const struct input_options *options, struct err *err) {
    if (!hprof_kept_finish(kept, &r->h, err))
        return false;
    struct hprof_graph *g =
        hprof_graph_read(&r->h, kept, &r->sizes, r->b, options->max_memory, err);
    bool ok = g && hprof_report_threads(g, err) && hprof_report_finalizer(g, err) &&
              hprof_graph_report(g, options->answers, options->places, err);
    hprof_graph_free(g);
    return ok;
}

static bool hprof_read(struct source *source, struct builder *b, struct err *err) {
    struct reading r = {.b = b};
    struct hprof_kept kept;
    bool graph = !source->options->no_paths;
    hprof_kept_init(&kept);
    bool ok =
        hprof_open(&r.h, source->bytes, choose_dump(source->bytes, b), graph ? &kept : NULL, err);
    if (ok) {
        hprof_sizes_init(&r.sizes, &r.h);
        builder_present(b, PART_TYPES);
        ok = hprof_say_origin(&r, err) && add_classes(&r, err) && add_primitives(&r, err);
        ok = ok && hprof_say_layout(&r, err);
        ok = ok && (!graph || hprof_report_graph(&r, &kept, source->options, err));
        if (ok)
            hprof_warn(&r);
    }
    hprof_close(&r.h);
    hprof_kept_deinit(&kept);
    return ok;
}

const struct input input_hprof = {
    .name = "hprof",
    .whole = true,
    .summary = "Java heap dump: jmap -dump, jcmd GC.heap_dump (HPROF 1.0.1 to 1.0.3)",
    .may_give = PART_BIT(PART_TYPES) | PART_BIT(PART_LIVE) | PART_BIT(PART_PATHS) |
                PART_BIT(PART_PLACES) | PART_BIT(PART_THREADS) | PART_BIT(PART_FINALIZER) |
                PART_BIT(PART_FINALIZABLE),
    .probe = hprof_probe,
    .read = hprof_read,
};
